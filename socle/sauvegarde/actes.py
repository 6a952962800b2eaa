"""What is done with archives: make one, put one back into an empty installation, compare one with what is here."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.db import DatabaseError, transaction
from django.utils import timezone

from socle.sauvegarde.archive import (
    Archive,
    ArchiveRefusee,
    FichierSauve,
    Manifeste,
    list_ecarts_schema,
    list_ecarts_tables,
    open_archive,
    write_archive,
)
from socle.sauvegarde.fichiers import FichierDifferent, compute_stocke, store, walk
from socle.sauvegarde.tables import close_restoration, list_occupees, list_tables, snapshot

PREFIXE, SUFFIXE = "trait-d-union-", ".tar"


def name_archive(dossier: Path) -> Path:
    """Where an archive made now goes in a folder: names sort by date."""
    return dossier / f"{PREFIXE}{timezone.now():%Y%m%d-%H%M%S}{SUFFIXE}"


def make_archive(cible: Path) -> Manifeste:
    """Save everything in a new file, whole or not at all, that only its owner reads. Raises OSError, ArchiveRefusee."""
    if cible.exists():
        raise FileExistsError(cible)
    descripteur, provisoire = tempfile.mkstemp(dir=cible.parent, prefix=".sauvegarde-")  # mode 0600
    try:
        with os.fdopen(descripteur, "wb") as fichier:
            manifeste = write_archive(fichier, cible.parent)
            fichier.flush()
            os.fsync(fichier.fileno())
        os.replace(provisoire, cible)
    except BaseException:
        Path(provisoire).unlink(missing_ok=True)
        raise
    return manifeste


def prune(dossier: Path, garder: int) -> list[Path]:
    """Delete the oldest archives of a folder but the last `garder`; files of other names are left."""
    vieilles = sorted(dossier.glob(f"{PREFIXE}[0-9]*{SUFFIXE}"))[:-garder]
    for chemin in vieilles:
        chemin.unlink()
    return vieilles


def restore_archive(chemin: Path, dire: Callable[[str], None] = lambda phrase: None) -> Manifeste:
    """Put everything back into an empty installation, or nothing at all. Raises ArchiveRefusee with every reason; OSError."""
    archive = open_archive(chemin)
    try:
        dire("L’archive est intacte.")
        if problemes := list_obstacles(archive.manifeste):
            raise ArchiveRefusee(problemes)
        ecrits: list[str] = []
        try:
            with transaction.atomic():
                _write_rows(archive)
                dire("Les lignes sont écrites et comparées.")
                _store_files(archive, ecrits)
        except BaseException:
            for nom in ecrits:
                default_storage.delete(nom)
            raise
        return archive.manifeste
    finally:
        archive.close()


def list_obstacles(manifeste: Manifeste) -> list[str]:
    """Everything that prevents restoring here."""
    obstacles = list_ecarts_schema(manifeste)
    if occupees := list_occupees():
        lieux = ", ".join(occupees[:3]) + ("…" if len(occupees) > 3 else "")
        obstacles.append(f"La base n’est pas vide ({lieux}) : une sauvegarde se restaure dans une base neuve, après « migrate ».")
    obstacles += [f"{f.nom} : un autre fichier de ce nom est déjà dans le stockage." for f in manifeste.fichiers if _is_other(f)]
    return obstacles


def _is_other(fichier: FichierSauve) -> bool:
    return compute_stocke(fichier.nom) not in (None, fichier.empreinte)


def _write_rows(archive: Archive) -> None:
    tables = {table.nom: table for table in list_tables()}
    try:
        for sauvee in archive.manifeste.tables:
            tables[sauvee.nom].write(archive.read_lines(sauvee))
        close_restoration(tables.values())
    except (DatabaseError, ValidationError, ValueError, TypeError, ArithmeticError, LookupError, RecursionError) as erreur:
        if isinstance(erreur, ArchiveRefusee):
            raise
        raise ArchiveRefusee([f"Cette base refuse des lignes de l’archive : {erreur}"]) from erreur
    if ecarts := list_ecarts_tables(archive.manifeste):
        raise ArchiveRefusee(["Les lignes relues ne sont pas celles de l’archive ; rien n’a été gardé.", *ecarts])


def _store_files(archive: Archive, ecrits: list[str]) -> None:
    for sauve in archive.manifeste.fichiers:
        try:
            with archive.open(sauve.membre) as source:
                if store(sauve.nom, source, sauve.empreinte):
                    ecrits.append(sauve.nom)
        except FichierDifferent as erreur:
            raise ArchiveRefusee([f"{sauve.nom} : le stockage ne le garde pas sous ce nom, ou l’archive a changé."]) from erreur


def compare_archive(chemin: Path) -> tuple[Manifeste, list[str]]:
    """How this installation differs from an archive, in sentences. Raises ArchiveRefusee, OSError."""
    archive = open_archive(chemin)
    archive.close()
    manifeste = archive.manifeste
    with snapshot():
        ecarts = list_ecarts_schema(manifeste) or list_ecarts_tables(manifeste)
    sauves = {f.nom: f.empreinte for f in manifeste.fichiers}
    for nom, empreinte in sauves.items():
        present = compute_stocke(nom)
        if present != empreinte:
            ecarts.append(f"{nom} : {'absent du stockage' if present is None else 'changé dans le stockage'}.")
    ecarts += [f"{nom} : absent de la sauvegarde." for nom in walk() if nom not in sauves]
    return manifeste, ecarts
