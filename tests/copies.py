"""What is long to build is built once a process, then copied back as the database and the files hold it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.color import no_style
from django.db import connection
from django.db.models import Model

# Sessions too: people who were signed in stay so.
METIER = {"comptes", "conventions", "fiches", "financement", "documents", "sessions"}


@dataclass
class Table:
    """Rows of a table, as its columns hold them."""

    modele: type[Model]
    rows: list[tuple[Any, ...]]

    @property
    def columns(self) -> list[str]:
        return [connection.ops.quote_name(champ.column) for champ in self.modele._meta.concrete_fields]

    @property
    def name(self) -> str:
        return connection.ops.quote_name(self.modele._meta.db_table)


@dataclass
class Copie:
    """Rows and files that `build` makes from nothing; nothing else of it is kept, what it gives least of all."""

    build: Callable[[], Any]
    tables: list[Table] | None = None
    fichiers: dict[str, bytes] = field(default_factory=dict)

    def put(self) -> None:
        """Put everything in an empty database, with the keys it had."""
        if self.tables is None:
            self.build()
            self.tables, self.fichiers = read_tables(), read_files()
        else:
            write_tables(self.tables)
            write_files(self.fichiers)


def read_tables() -> list[Table]:
    """Every table of the product that holds something."""
    tables = [Table(m, []) for m in apps.get_models(include_auto_created=True) if m._meta.app_label in METIER and not m._meta.proxy]
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT {', '.join(table.columns)} FROM {table.name}")  # noqa: S608 (our own names)
            table.rows = cursor.fetchall()
    return [table for table in tables if table.rows]


def write_tables(tables: list[Table]) -> None:
    """Write rows back, and move the sequences of keys past them; links are checked when the test ends."""
    with connection.constraint_checks_disabled(), connection.cursor() as cursor:
        for table in tables:
            valeurs = ", ".join(["%s"] * len(table.columns))
            cursor.executemany(f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({valeurs})", table.rows)  # noqa: S608
        for requete in connection.ops.sequence_reset_sql(no_style(), [table.modele for table in tables]):
            cursor.execute(requete)


def read_files() -> dict[str, bytes]:
    racine = Path(settings.MEDIA_ROOT)
    return {str(lieu.relative_to(racine)): lieu.read_bytes() for lieu in racine.rglob("*") if lieu.is_file()}


def write_files(fichiers: dict[str, bytes]) -> None:
    for nom, contenu in fichiers.items():
        lieu = Path(settings.MEDIA_ROOT) / nom
        lieu.parent.mkdir(parents=True, exist_ok=True)
        lieu.write_bytes(contenu)
