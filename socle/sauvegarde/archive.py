"""The archive: a plain tar of lines and files, closed by a manifest that holds the SHA-256 of each. Hostile until checked.

It is not compressed: what it holds is never larger than what it weighs, so nothing unfolds when it is read.
"""

import json
import platform
import re
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

import django
from django.core.files.storage import default_storage
from django.utils import timezone

from socle.sauvegarde.fichiers import copy, walk
from socle.sauvegarde.tables import EXCLUES, Resume, list_tables, read_migrations, snapshot, summarize

FORMAT, VERSION = "trait-d-union/sauvegarde", 1
MANIFESTE = "manifeste.json"
MAX_MANIFESTE = 500_000_000
MAX_LIGNE = 500_000_000
SHA256 = re.compile(r"[0-9a-f]{64}")


class ArchiveRefusee(ValueError):
    """An archive that is not restored; `problemes` are all the reasons, in French."""

    def __init__(self, problemes: list[str]) -> None:
        super().__init__("\n".join(problemes))
        self.problemes = problemes


@dataclass(frozen=True)
class TableSauvee:
    """What the manifest says of one table."""

    nom: str
    colonnes: list[str]
    lignes: int
    taille: int
    empreinte: str

    @property
    def membre(self) -> str:
        return f"tables/{self.nom}.jsonl"


@dataclass(frozen=True)
class FichierSauve:
    """What the manifest says of one stored file."""

    nom: str
    taille: int
    empreinte: str

    @property
    def membre(self) -> str:
        return f"fichiers/{self.nom}"


@dataclass
class Manifeste:
    """What was saved, when, from which versions, and the fingerprint of each part."""

    faite_le: str
    migrations: dict[str, list[str]]
    tables: list[TableSauvee] = field(default_factory=list)
    fichiers: list[FichierSauve] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    exclues: dict[str, str] = field(default_factory=dict)
    format: str = FORMAT
    version: int = VERSION

    @property
    def membres(self) -> dict[str, TableSauvee | FichierSauve]:
        """What the archive must hold, by the name it has there."""
        parties: list[TableSauvee | FichierSauve] = [*self.tables, *self.fichiers]
        return {partie.membre: partie for partie in parties}

    @property
    def lignes(self) -> int:
        return sum(table.lignes for table in self.tables)


# --- Writing ---------------------------------------------------------------------------------------------


def write_archive(cible: IO[bytes], dossier: Path) -> Manifeste:
    """Write everything into an open file. Rows are of one moment; files, which are only ever added, are read after them.

    `dossier` is where one table at a time waits, its size being written before it.
    """
    manifeste = Manifeste(timezone.now().isoformat(timespec="seconds"), {}, versions=_tell_versions(), exclues=EXCLUES)
    with tarfile.open(fileobj=cible, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        with snapshot():
            manifeste.migrations = read_migrations()
            for table in list_tables():
                with tempfile.TemporaryFile(dir=dossier) as tampon:
                    resume = summarize(_keep(table.read(), tampon))
                    sauvee = TableSauvee(table.nom, table.colonnes, resume.lignes, resume.taille, resume.empreinte)
                    _add(archive, sauvee.membre, tampon)
                manifeste.tables.append(sauvee)
        for nom in walk():
            with tempfile.TemporaryFile(dir=dossier) as tampon:
                try:
                    with default_storage.open(nom, "rb") as fichier:
                        taille, empreinte = copy(fichier, tampon)
                except FileNotFoundError:  # taken away since it was listed
                    continue
                sauve = FichierSauve(nom, taille, empreinte)
                _add(archive, sauve.membre, tampon)
            manifeste.fichiers.append(sauve)
        with tempfile.TemporaryFile(dir=dossier) as tampon:
            tampon.write(json.dumps(asdict(manifeste), ensure_ascii=False, indent=1).encode())
            _add(archive, MANIFESTE, tampon)
    return manifeste


def _tell_versions() -> dict[str, str]:
    return {"django": django.get_version(), "python": platform.python_version()}


def _keep(lignes: Iterable[bytes], tampon: IO[bytes]) -> Iterator[bytes]:
    for ligne in lignes:
        if len(ligne) > MAX_LIGNE:
            raise ArchiveRefusee([f"Une ligne de {len(ligne)} octets ne pourrait pas être restaurée."])
        tampon.write(ligne)
        yield ligne


def _add(archive: tarfile.TarFile, nom: str, tampon: IO[bytes]) -> None:
    membre = tarfile.TarInfo(nom)
    membre.size, membre.mode, membre.mtime = tampon.tell(), 0o600, int(timezone.now().timestamp())
    tampon.seek(0)
    archive.addfile(membre, tampon)


# --- Reading ---------------------------------------------------------------------------------------------


class Archive:
    """An archive that was checked whole: what it holds is what its manifest says, byte for byte."""

    def __init__(self, tar: tarfile.TarFile, membres: dict[str, tarfile.TarInfo], manifeste: Manifeste) -> None:
        self._tar, self._membres, self.manifeste = tar, membres, manifeste

    def open(self, nom: str) -> IO[bytes]:
        """Read one member."""
        lu = self._tar.extractfile(self._membres[nom])
        if lu is None:
            raise ArchiveRefusee([f"{nom} : ce n’est pas un fichier."])
        return lu

    def read_lines(self, table: TableSauvee) -> Iterator[bytes]:
        """The rows of a table. Raises ArchiveRefusee on one that is too long to be held in memory."""
        with self.open(table.membre) as lu:
            while ligne := lu.readline(MAX_LIGNE + 1):
                if len(ligne) > MAX_LIGNE:
                    raise ArchiveRefusee([f"{table.membre} : une ligne est anormalement longue."])
                yield ligne

    def close(self) -> None:
        self._tar.close()


def open_archive(chemin: Path) -> Archive:
    """Open and check everything, each byte included. Raises ArchiveRefusee with all that is wrong; OSError."""
    try:
        tar = tarfile.open(chemin, "r:")  # noqa: SIM115 (the archive keeps it open)
    except tarfile.TarError as erreur:
        raise ArchiveRefusee(["Ce fichier n’est pas une sauvegarde (archive tar non compressée)."]) from erreur
    try:
        membres, empreintes, problemes = _read_members(tar)
        if MANIFESTE not in empreintes:
            raise ArchiveRefusee([*problemes, "Le manifeste manque : l’archive est incomplète, ou n’est pas une sauvegarde."])
        manifeste = _read_manifeste(tar, membres[MANIFESTE])
        problemes += _compare_members(manifeste, empreintes)
        if problemes:
            raise ArchiveRefusee(problemes)
        return Archive(tar, membres, manifeste)
    except BaseException:
        tar.close()
        raise


def is_safe(nom: str) -> bool:
    """Tell whether a name stays where it is put: relative, going up nowhere, written one way only."""
    parties = nom.split("/")
    return all(p not in ("", ".", "..") for p in parties) and not any(c in nom for c in "\\\x00:") and nom.isprintable()


def _read_members(tar: tarfile.TarFile) -> tuple[dict[str, tarfile.TarInfo], dict[str, Resume], list[str]]:
    membres: dict[str, tarfile.TarInfo] = {}
    resumes: dict[str, Resume] = {}
    problemes: list[str] = []
    try:
        for membre in tar:
            if not membre.isreg() or membre.issparse():
                problemes.append(f"{membre.name!r} : ni lien, ni dossier, ni fichier spécial n’a sa place dans une sauvegarde.")
            elif not is_safe(membre.name):
                problemes.append(f"{membre.name!r} : ce nom sortirait de son dossier.")
            elif membre.name in membres:
                problemes.append(f"{membre.name} : deux fois dans l’archive.")
            else:
                membres[membre.name] = membre
                contenu = tar.extractfile(membre)
                taille, empreinte = copy(contenu) if contenu else (0, "")
                resumes[membre.name] = Resume(0, taille, empreinte)
    except (tarfile.TarError, EOFError, ValueError, OverflowError):
        problemes.append("L’archive est coupée ou abîmée : elle ne se lit pas jusqu’au bout.")
    return membres, resumes, problemes


def _read_manifeste(tar: tarfile.TarFile, membre: tarfile.TarInfo) -> Manifeste:
    illisible = ArchiveRefusee(["Le manifeste ne se lit pas."])
    contenu = tar.extractfile(membre)
    if contenu is None or membre.size > MAX_MANIFESTE:
        raise illisible
    try:
        lu = json.load(contenu)
        if (lu["format"], lu["version"]) != (FORMAT, VERSION):
            raise ArchiveRefusee([f"Cette archive n’est pas une sauvegarde de version {VERSION}."])
        manifeste = Manifeste(**lu)
        manifeste.tables = [TableSauvee(**t) for t in lu["tables"]]
        manifeste.fichiers = [FichierSauve(**f) for f in lu["fichiers"]]
        parties = [(p.nom, p.taille, p.empreinte) for p in manifeste.membres.values()]
        if not all(isinstance(n, str) and isinstance(t, int) and SHA256.fullmatch(e) for n, t, e in parties):
            raise illisible
        if not all(isinstance(t.lignes, int) for t in manifeste.tables) or len(parties) != len(manifeste.tables) + len(manifeste.fichiers):
            raise illisible
        if not all(isinstance(noms, list) for noms in manifeste.migrations.values()):
            raise illisible
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as erreur:
        raise erreur if isinstance(erreur, ArchiveRefusee) else illisible from erreur
    return manifeste


def _compare_members(manifeste: Manifeste, resumes: dict[str, Resume]) -> list[str]:
    attendus = manifeste.membres
    problemes = [f"{nom} : manque dans l’archive." for nom in attendus if nom not in resumes]
    problemes += [f"{nom} : n’est pas dans le manifeste." for nom in resumes if nom not in attendus and nom != MANIFESTE]
    problemes += [
        f"{nom} : a changé depuis la sauvegarde."
        for nom, partie in attendus.items()
        if nom in resumes and (resumes[nom].taille, resumes[nom].empreinte) != (partie.taille, partie.empreinte)
    ]
    return problemes


# --- Against this installation ---------------------------------------------------------------------------


def list_ecarts_schema(manifeste: Manifeste) -> list[str]:
    """Why this database cannot hold what was saved: other migrations, other tables, other columns."""
    ici = read_migrations()
    ecarts = []
    for application in sorted({*ici, *manifeste.migrations}):
        la, faites = set(manifeste.migrations.get(application, [])), set(ici.get(application, []))
        if manque := sorted(la - faites):
            ecarts.append(f"{application} : la sauvegarde connaît {', '.join(manque)}, cette base non.")
        if trop := sorted(faites - la):
            ecarts.append(f"{application} : cette base connaît {', '.join(trop)}, la sauvegarde non.")
    if ecarts:
        return [*ecarts, "Restaurez avec la version du logiciel qui a fait la sauvegarde, puis mettez à jour."]
    sauvees, tables = {t.nom: t.colonnes for t in manifeste.tables}, {t.nom: t.colonnes for t in list_tables()}
    return [f"{nom} : table ou colonnes différentes." for nom in sorted({*sauvees, *tables}) if sauvees.get(nom) != tables.get(nom)]


def list_ecarts_tables(manifeste: Manifeste) -> list[str]:
    """Tables whose rows are not those of the archive."""
    ecarts = []
    tables = {table.nom: table for table in list_tables()}
    for sauvee in manifeste.tables:
        if (table := tables.get(sauvee.nom)) is None:
            continue
        ici = table.summarize()
        if ici.empreinte != sauvee.empreinte:
            ecarts.append(f"{sauvee.nom} : {sauvee.lignes} lignes sauvegardées, {ici.lignes} ici, contenus différents.")
    return ecarts
