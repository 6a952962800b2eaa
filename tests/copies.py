"""What is long to build is built once a process, then copied back as the database and the files hold it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.color import no_style
from django.db import connection
from django.db.models import Model

from financement.models import Cumul, CumulPerime

# Sessions too: people who were signed in stay so.
METIER = {"comptes", "conventions", "fiches", "financement", "documents", "sessions"}
TENUES = (Cumul, CumulPerime)  # written by the database itself when it sees rows change
VARIANTES = 8  # past that, what comes before is never twice the same
Rows = list[tuple[Any, ...]]
Etat = dict[type[Model], Rows]


@dataclass
class Ajout:
    """What a building added to the tables and to the files, and what it gave."""

    retires: dict[type[Model], list[Any]]
    ajoutes: Etat
    fichiers: dict[str, bytes]
    cle: Any


@dataclass
class Copie:
    """What `build` adds to the database, put back with the same keys wherever it finds the same rows before it.

    `build` gives keys, or nothing: what is put back is read again.
    """

    build: Callable[..., Any]
    variantes: dict[Any, Ajout] = field(default_factory=dict)

    def put(self, *args: Any) -> Any:
        if not connection.in_atomic_block:  # what is really saved has effects that rows do not tell
            return self.build(*args)
        avant = read_tables()
        lieu = tuple((modele, tuple(rows)) for modele, rows in avant.items())
        if (ajout := self.variantes.get(lieu)) is not None:
            write(ajout)
            return ajout.cle
        fichiers = read_files()
        cle = self.build(*args)
        if len(self.variantes) < VARIANTES:
            self.variantes[lieu] = compare(avant, fichiers, cle)
        return cle


@cache
def list_tables() -> list[type[Model]]:
    modeles = apps.get_models(include_auto_created=True)
    return [m for m in modeles if m._meta.app_label in METIER and not m._meta.proxy and m not in TENUES]


@cache
def name(modele: type[Model]) -> str:
    return connection.ops.quote_name(modele._meta.db_table)


@cache
def list_columns(modele: type[Model]) -> str:
    return ", ".join(connection.ops.quote_name(champ.column) for champ in modele._meta.concrete_fields)


@cache
def look_for_rows() -> str:
    """One query for the tables that hold something."""
    return "SELECT " + ", ".join(f"EXISTS (SELECT 1 FROM {name(modele)})" for modele in list_tables())  # noqa: S608 (our own names)


def read_tables() -> Etat:
    """Every row of the product, as the database holds it."""
    etat: Etat = {}
    with connection.cursor() as cursor:
        cursor.execute(look_for_rows())
        for modele, occupe in zip(list_tables(), cursor.fetchone(), strict=True):
            if occupe:
                cle = connection.ops.quote_name(modele._meta.pk.column)
                cursor.execute(f"SELECT {list_columns(modele)} FROM {name(modele)} ORDER BY {cle}")  # noqa: S608 (our own names)
                etat[modele] = cursor.fetchall()
    return etat


def compare(avant: Etat, fichiers: dict[str, bytes], cle: Any) -> Ajout:
    """What changed since."""
    retires, ajoutes = {}, {}
    apres = read_tables()
    for modele in list_tables():
        anciens, nouveaux = avant.get(modele, []), apres.get(modele, [])
        rang = list(modele._meta.concrete_fields).index(modele._meta.pk)
        if partis := set(anciens) - set(nouveaux):
            retires[modele] = [row[rang] for row in partis]
        deja = set(anciens)
        if venus := [row for row in nouveaux if row not in deja]:
            ajoutes[modele] = venus
    return Ajout(retires, ajoutes, {nom: contenu for nom, contenu in read_files().items() if fichiers.get(nom) != contenu}, cle)


def write(ajout: Ajout) -> None:
    """Do again what a building did; links between rows are checked when the test ends."""
    with connection.cursor() as cursor:
        for modele, cles in ajout.retires.items():
            cle = connection.ops.quote_name(modele._meta.pk.column)
            cursor.executemany(f"DELETE FROM {name(modele)} WHERE {cle} = %s", [(c,) for c in cles])  # noqa: S608 (our own names)
        for modele, rows in ajout.ajoutes.items():
            valeurs = ", ".join(["%s"] * len(rows[0]))
            cursor.executemany(f"INSERT INTO {name(modele)} ({list_columns(modele)}) VALUES ({valeurs})", rows)  # noqa: S608
        # Somebody may have put the sequences of keys back (a restored backup): they go past what was written.
        if suites := connection.ops.sequence_reset_sql(no_style(), list(ajout.ajoutes)):
            cursor.execute(";".join(suites))
    for nom, contenu in ajout.fichiers.items():
        lieu = Path(settings.MEDIA_ROOT) / nom
        lieu.parent.mkdir(parents=True, exist_ok=True)
        lieu.write_bytes(contenu)


def read_files() -> dict[str, bytes]:
    racine = Path(settings.MEDIA_ROOT)
    return {str(lieu.relative_to(racine)): lieu.read_bytes() for lieu in racine.rglob("*") if lieu.is_file()}
