"""Rows as canonical lines, the same from SQLite and from PostgreSQL, and back, around models, signals and freezing."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.db.migrations.recorder import MigrationRecorder
from djmoney.money import Money

PAQUET = 1000
# What is not saved, and why: applications, or tables by their label.
EXCLUES = {
    "auth": "groupes et permissions de Django : inutilisés",
    "axes": "tentatives de connexion",
    "conventions.ouvrier": "ouvriers vivants, de ce moment-là",
    "conventions.travail": "travaux de fond, en attente ou finis",
    "contenttypes": "recréés par migrate",
    "financement.cumul": "chiffres gardés pour les listes, recalculés d’après les lignes",
    "financement.cumulperime": "ce qui est à recalculer",
    "django_tasks_database": "travaux de fond, en attente ou finis",
    "sessions": "sessions ouvertes : chacun se reconnecte",
}


@dataclass(frozen=True)
class Resume:
    """What identifies the rows of a table: how many, how many bytes of lines, their SHA-256."""

    lignes: int
    taille: int
    empreinte: str


class Table:
    """One table of the database, read and written as lines."""

    def __init__(self, modele: type[models.Model]) -> None:
        self.modele = modele
        self.nom = modele._meta.label_lower
        self.champs = list(modele._meta.concrete_fields)
        self.colonnes = [str(champ.column) for champ in self.champs]

    def read(self) -> Iterator[bytes]:
        """Each row as one line of JSON, in the order of the keys; few are in memory at once."""
        types = {pk: f"{app}.{nom}" for pk, app, nom in ContentType.objects.values_list("pk", "app_label", "model")}
        rows = self.modele._base_manager.order_by("pk").values_list(*(champ.attname for champ in self.champs))
        for row in rows.iterator(chunk_size=PAQUET):
            valeurs = [
                types.get(valeur) if champ.related_model is ContentType else encode(champ, valeur)
                for champ, valeur in zip(self.champs, row, strict=True)
            ]
            yield json.dumps(valeurs, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"

    def summarize(self) -> Resume:
        """The fingerprint of the rows as they are now."""
        return summarize(self.read())

    def write(self, lignes: Iterable[bytes]) -> None:
        """Insert rows as they were, keys included. Nothing of Django's models is asked: no signal, no history, no
        « modified now », and what is frozen comes back frozen. Raises ValueError on a line that is no row of this table.
        """
        quote = connection.ops.quote_name
        places = ", ".join(["%s"] * len(self.colonnes))
        ordre = f"INSERT INTO {quote(self.modele._meta.db_table)} ({', '.join(map(quote, self.colonnes))}) VALUES ({places})"  # noqa: S608
        lignes = iter(lignes)
        with connection.cursor() as cursor:
            while paquet := list(islice(lignes, PAQUET)):
                cursor.executemany(ordre, [self._decode(ligne) for ligne in paquet])

    def _decode(self, ligne: bytes) -> list[Any]:
        valeurs = json.loads(ligne)
        if not isinstance(valeurs, list) or len(valeurs) != len(self.champs):
            raise ValueError(f"ligne mal formée dans {self.nom}")
        return [decode(champ, valeur) for champ, valeur in zip(self.champs, valeurs, strict=True)]


def encode(champ: Any, valeur: Any) -> Any:
    """A value in its one writing, whatever the database it comes from."""
    if isinstance(valeur, Money):
        valeur = valeur.amount
    if isinstance(valeur, Decimal):
        return f"{valeur:.{champ.decimal_places}f}"
    if isinstance(valeur, datetime):
        return valeur.astimezone(UTC).isoformat()
    if isinstance(valeur, date):
        return valeur.isoformat()
    return str(valeur) if isinstance(valeur, UUID) else valeur


def decode(champ: Any, valeur: Any) -> Any:
    """A value as this database wants it."""
    if champ.related_model is ContentType and valeur is not None:
        application, _, nom = valeur.partition(".")
        valeur = ContentType.objects.get_or_create(app_label=application, model=nom)[0].pk
    elif not isinstance(champ, models.JSONField):
        valeur = champ.to_python(valeur)
    return champ.get_db_prep_save(valeur, connection)


def summarize(lignes: Iterable[bytes]) -> Resume:
    """Count and fingerprint lines."""
    nombre = taille = 0
    empreinte = hashlib.sha256()
    for ligne in lignes:
        nombre, taille = nombre + 1, taille + len(ligne)
        empreinte.update(ligne)
    return Resume(nombre, taille, empreinte.hexdigest())


def list_tables() -> list[Table]:
    """Every table that is saved. Their order is free: both databases check foreign keys at the end of the transaction."""
    modeles = apps.get_models(include_auto_created=True)
    return [Table(m) for m in modeles if m._meta.managed and not m._meta.proxy and not is_exclue(m)]


def is_exclue(modele: type[models.Model]) -> bool:
    """Tell whether a table is left out of backups."""
    return modele._meta.app_label in EXCLUES or modele._meta.label_lower in EXCLUES


def list_occupees() -> list[str]:
    """Tables that already hold something."""
    return [table.nom for table in list_tables() if table.modele._base_manager.exists()]


def read_migrations() -> dict[str, list[str]]:
    """The migrations that this database has gone through."""
    faites: dict[str, list[str]] = {}
    for application, nom in sorted(MigrationRecorder(connection).applied_migrations()):
        faites.setdefault(application, []).append(nom)
    return faites


def close_restoration(tables: Iterable[Table]) -> None:
    """Check every foreign key, and move the sequences of keys past the rows. Raises IntegrityError."""
    tables = list(tables)
    connection.check_constraints()
    with connection.cursor() as cursor:
        for ordre in connection.ops.sequence_reset_sql(no_style(), [table.modele for table in tables]):
            cursor.execute(ordre)


@contextmanager
def snapshot() -> Iterator[None]:
    """Everything read inside is of one moment, and nobody waits. Inside a transaction, it is the caller's that decides."""
    if connection.in_atomic_block:
        yield
        return
    connection.ensure_connection()
    if connection.vendor == "sqlite":
        # Settings take the write lock at once, for those who write; reading takes none.
        mode, connection.transaction_mode = connection.transaction_mode, "DEFERRED"  # type: ignore[attr-defined]
        try:
            with transaction.atomic():
                yield
        finally:
            connection.transaction_mode = mode  # type: ignore[attr-defined]
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield
