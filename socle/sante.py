"""What the machine is asked to tell of itself: ready to serve or not, and why."""

import secrets
import time
from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from socle.sauvegarde.fichiers import TEMOINS

REPIT = 10.0  # seconds during which an answer is given again: whoever asks does not make the storage write each time
_dernier: dict[str, tuple[float, dict[str, bool]]] = {}


def check_base() -> bool:
    """The database answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return cursor.fetchone() == (1,)


@cache
def list_migrations() -> frozenset[tuple[str, str]]:
    """Migrations that this version of the code knows; they do not change while the process lives."""
    return frozenset(MigrationLoader(None).disk_migrations)


def check_migrations() -> bool:
    """The database has all that this code expects; more is no harm: the next version migrates before it is started."""
    return list_migrations() <= set(MigrationRecorder(connection).applied_migrations())


def check_stockage() -> bool:
    """A file is written, found again and taken away."""
    nom = default_storage.save(f"{TEMOINS}/{secrets.token_hex(8)}.txt", ContentFile(b"ok"))
    try:
        with default_storage.open(nom, "rb") as fichier:
            return fichier.read() == b"ok"
    finally:
        default_storage.delete(nom)


VERIFICATIONS: dict[str, Callable[[], bool]] = {"base": check_base, "migrations": check_migrations, "stockage": check_stockage}


def check_pret() -> dict[str, bool]:
    """Each check by its name, done again after `REPIT`."""
    instant = time.monotonic()
    if (connu := _dernier.get("pret")) and instant - connu[0] < REPIT:
        return connu[1]
    resultats = {nom: _try(verification) for nom, verification in VERIFICATIONS.items()}
    _dernier["pret"] = instant, resultats
    return resultats


def _try(verification: Callable[[], bool]) -> bool:
    try:
        return verification()
    except (DatabaseError, OSError):
        return False


def is_releve(entete: str) -> bool:
    """Tell whether this `Authorization` header carries the token of the metrics; never without a token in the settings."""
    attendu = settings.JETON_METRIQUES
    return bool(attendu) and secrets.compare_digest(entete.encode(), f"Bearer {attendu}".encode())
