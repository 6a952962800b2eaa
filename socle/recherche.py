"""Search by words in French texts: accents and capitals ignored, plurals found, the last word taken as a beginning.

On PostgreSQL, full text search with a configuration of ours (French, without accents), on GIN indexes of expressions or of columns
that the database computes itself: nothing can be old. On SQLite, a function of the connection (`config/sqlite`), small bases only.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Any

from django.db import connections
from django.db.models import BooleanField, FloatField, Func

CONFIGURATION = "traitdunion"
MOTS_MAX = 8
ACCENTS = re.compile("[\u0300-\u036f]+")
MOT = re.compile(r"[a-z0-9]+")
# Words that say nothing, as PostgreSQL's French configuration has them, for those people type.
VIDES = frozenset(
    "a au aux avec ce ces d dans de des du elle en et eux il ils j je l la le les leur lui m ma mais me mes moi mon n ne nos notre nous on "
    "ou par pas pour qu que qui s sa se ses son sur t ta te tes toi ton tu un une vos votre vous y c".split()
)


def normalize(texte: str) -> str:
    """Small letters without accents: « Cœur d’Été » gives « coeur d’ete »."""
    return ACCENTS.sub("", unicodedata.normalize("NFKD", texte.lower().replace("œ", "oe").replace("æ", "ae")))


def list_mots(texte: str) -> list[str]:
    """The words to look for, those that say nothing left out."""
    return [mot for mot in MOT.findall(normalize(texte)) if mot not in VIDES][:MOTS_MAX]


@lru_cache(maxsize=20_000)
def stem(mot: str) -> str:
    """The word without the mark of its number and gender, as far as that is safe."""
    if len(mot) < 5 or mot.isdigit():
        return mot
    if mot.endswith("aux"):
        return f"{mot[:-3]}al"
    mot = re.sub(r"[sx]$", "", mot)
    return re.sub(r"(.)\1$", r"\1", re.sub(r"e$", "", mot))


@lru_cache(maxsize=64)
def _prepare(requete: str) -> tuple[list[str], str]:
    mots = list_mots(requete)
    return [stem(m) for m in mots[:-1]], mots[-1] if mots else ""


def match(texte: str | None, requete: str) -> bool:
    """Tell whether a text holds every word, the last as a beginning: what SQLite calls."""
    entiers, dernier = _prepare(requete)
    if not dernier or not texte:
        return False
    neutre = normalize(texte)
    # Most texts are told apart by a few letters, without being cut into words.
    if stem(dernier)[:4] not in neutre or any(m[:-1] not in neutre for m in entiers):
        return False
    mots = set(MOT.findall(neutre))
    racines = {stem(m) for m in mots}
    return all(m in racines for m in entiers) and (stem(dernier) in racines or any(m.startswith(dernier) for m in mots))


def _write_tsquery(requete: str) -> str:
    """Letters and digits only: nothing of the syntax of a tsquery can be typed."""
    mots = list_mots(requete)
    return " & ".join([*mots[:-1], f"{mots[-1]}:*"]) if mots else ""


class Contient(Func):
    """A condition: these columns, read as one text, hold the words.

    `vecteur` names the column where PostgreSQL itself keeps what it read of them (`create_vecteur`): long texts take time to be read.
    """

    output_field = BooleanField()

    def __init__(self, requete: str, *champs: str, vecteur: str = "") -> None:
        self.requete, self.vecteur = requete, vecteur
        super().__init__(*champs)

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **extra: Any) -> Any:
        texte, requete = self._write_texte(compiler), self.requete
        if connection.vendor == "postgresql":
            return f"({self._write_vecteur(texte)} @@ to_tsquery('{CONFIGURATION}', %s))", [_write_tsquery(requete)]
        return f"traitdunion_contient({texte}, %s)", [requete]

    def _write_texte(self, compiler: Any) -> str:
        return " || ' ' || ".join(compiler.compile(e)[0] for e in self.get_source_expressions())

    def _write_vecteur(self, texte: str) -> str:
        if self.vecteur:
            return f'{texte.partition(".")[0]}."{self.vecteur}"'  # beside the first column, under the same name of the table
        return f"to_tsvector('{CONFIGURATION}', {texte})"


class Rang(Contient):
    """How well the columns answer, to order by; on SQLite, whether they do."""

    output_field = FloatField()  # type: ignore[assignment]

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **extra: Any) -> Any:
        if connection.vendor != "postgresql":
            return super().as_sql(compiler, connection)
        vecteur = self._write_vecteur(self._write_texte(compiler))
        return f"ts_rank({vecteur}, to_tsquery('{CONFIGURATION}', %s))", [_write_tsquery(self.requete)]


def create_configuration(using: str = "default", **_: Any) -> None:
    """Make the search configuration of PostgreSQL, once; nothing elsewhere. `unaccent` is an extension that any owner of a base may add."""
    if connections[using].vendor != "postgresql":
        return
    with connections[using].cursor() as curseur:
        curseur.execute("CREATE EXTENSION IF NOT EXISTS unaccent")
        curseur.execute("SELECT 1 FROM pg_ts_config WHERE cfgname = %s", [CONFIGURATION])
        if curseur.fetchone() is None:
            curseur.execute(f"CREATE TEXT SEARCH CONFIGURATION {CONFIGURATION} (COPY = french)")
            curseur.execute(
                f"ALTER TEXT SEARCH CONFIGURATION {CONFIGURATION} ALTER MAPPING FOR hword, hword_part, word WITH unaccent, french_stem"
            )


def _write_expression(champs: tuple[str, ...]) -> str:
    return f"to_tsvector('{CONFIGURATION}', " + " || ' ' || ".join(f'"{champ}"' for champ in champs) + ")"


def create_index(nom: str, table: str, champs: tuple[str, ...], using: str = "default") -> None:
    """Index the same expression as `Contient`, for short texts; nothing outside PostgreSQL."""
    if connections[using].vendor == "postgresql":
        with connections[using].cursor() as curseur:
            curseur.execute(f"CREATE INDEX IF NOT EXISTS {nom} ON {table} USING gin ({_write_expression(champs)})")


def create_vecteur(colonne: str, table: str, titres: tuple[str, ...], textes: tuple[str, ...], using: str = "default") -> None:
    """Add a column that PostgreSQL computes at each writing, titles weighing more than texts, and its index; Django does not know it."""
    if connections[using].vendor == "postgresql":
        vecteur = f"setweight({_write_expression(titres)}, 'A') || {_write_expression(textes)}"
        with connections[using].cursor() as curseur:
            curseur.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {colonne} tsvector GENERATED ALWAYS AS ({vecteur}) STORED")
            curseur.execute(f"CREATE INDEX IF NOT EXISTS {table}_{colonne} ON {table} USING gin ({colonne})")
