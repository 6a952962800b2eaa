"""Where typeset things are kept, each under the fingerprint of what it was made from (storage « cahiers »)."""

import hashlib
import logging
from collections.abc import Collection, Iterator
from datetime import datetime

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages

logger = logging.getLogger(__name__)
EMPREINTE = 32  # bytes of the fingerprint that stands before what is kept


def get_storage() -> Storage:
    """Local folder, or object storage shared by several machines."""
    return storages["cahiers"]


def has(cle: str, forme: str) -> bool:
    """Tell whether something is kept, without reading it; a storage out of reach keeps nothing."""
    try:
        return get_storage().exists(_name(cle, forme))
    except OSError:
        return False


def read(cle: str, forme: str) -> bytes | None:
    """What is kept; None when it is absent, or half-written by a crash."""
    try:
        with get_storage().open(_name(cle, forme), "rb") as fichier:
            contenu = fichier.read()
    except OSError:
        return None
    empreinte, corps = contenu[:EMPREINTE], contenu[EMPREINTE:]
    return corps if hashlib.sha256(corps).digest() == empreinte else None


def write(cle: str, forme: str, contenu: bytes) -> None:
    """Keep bytes behind their fingerprint. A full or closed storage costs time, not the document."""
    try:
        get_storage().save(_name(cle, forme), ContentFile(hashlib.sha256(contenu).digest() + contenu))
    except OSError:
        logger.warning("cahier non conservé", extra={"cahier": cle}, exc_info=True)


def delete(cle: str, forme: str) -> None:
    """Forget something; what cannot be deleted will be pruned."""
    try:
        get_storage().delete(_name(cle, forme))
    except OSError:
        logger.warning("cahier non effacé", extra={"cahier": cle}, exc_info=True)


def list_kept() -> Iterator[str]:
    """Names of all that is kept."""
    depot = get_storage()
    try:
        dossiers = depot.listdir("")[0]
    except FileNotFoundError:
        return
    for dossier in dossiers:
        yield from (f"{dossier}/{nom}" for nom in depot.listdir(dossier)[1])


def delete_all(formes: Collection[str]) -> None:
    """Delete all that is kept in these forms."""
    for nom in list_kept():
        if nom.rpartition(".")[2] in formes:
            get_storage().delete(nom)


def prune(avant: datetime) -> int:
    """Delete what was kept before this time, and tell how many; what is still of use will be made again."""
    depot, effaces = get_storage(), 0
    for nom in list_kept():
        if depot.get_modified_time(nom) < avant:
            depot.delete(nom)
            effaces += 1
    return effaces


def _name(cle: str, forme: str) -> str:
    return f"{cle[:2]}/{cle}.{forme}"
