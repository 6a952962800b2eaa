"""Every stored file, by the storage API: on a disk or in an object storage."""

import hashlib
import tempfile
from collections.abc import Iterator
from typing import IO, Any

from django.core.files.base import File
from django.core.files.storage import default_storage

MORCEAU = 1_000_000
EN_MEMOIRE = 5_000_000
TEMOINS = "sante"  # folder of the files that the health check writes and takes away


class FichierDifferent(OSError):
    """A stored file is not, or would not be, what it should."""


def walk(dossier: str = "") -> Iterator[str]:
    """Names of all stored files, sorted by folder."""
    try:
        dossiers, noms = default_storage.listdir(dossier)
    except FileNotFoundError:  # nothing was ever stored
        return
    prefixe = f"{dossier}/" if dossier else ""
    yield from (prefixe + nom for nom in sorted(noms))
    for sous in sorted(dossiers):
        if prefixe + sous != TEMOINS:
            yield from walk(prefixe + sous)


def copy(source: IO[Any], cible: IO[Any] | None = None) -> tuple[int, str]:
    """Copy to the end, and tell how many bytes and their SHA-256."""
    taille, empreinte = 0, hashlib.sha256()
    while morceau := source.read(MORCEAU):
        taille += len(morceau)
        empreinte.update(morceau)
        if cible is not None:
            cible.write(morceau)
    return taille, empreinte.hexdigest()


def compute_stocke(nom: str) -> str | None:
    """Fingerprint of a stored file; None when there is none."""
    try:
        with default_storage.open(nom, "rb") as fichier:
            return copy(fichier)[1]
    except FileNotFoundError:
        return None


def store(nom: str, source: IO[bytes], empreinte: str) -> bool:
    """Store a file under this very name; False when it is already there. Raises FichierDifferent."""
    present = compute_stocke(nom)
    if present is not None:
        if present != empreinte:
            raise FichierDifferent(nom)
        return False
    with tempfile.SpooledTemporaryFile(EN_MEMOIRE) as tampon:
        if copy(source, tampon)[1] != empreinte:
            raise FichierDifferent(nom)
        tampon.seek(0)
        obtenu = default_storage.save(nom, File(tampon, nom))
    if obtenu != nom:
        default_storage.delete(obtenu)
        raise FichierDifferent(nom)
    return True
