"""PostgreSQL alone: the configuration of the search, what is read of the fiches, and the indexes. Nothing to do on SQLite."""

from typing import Any

from django.db import migrations

from socle.recherche import create_configuration, create_index, create_vecteur

CONVENTIONS = ("recherche_conventions", "conventions_convention", ("titre", "objet"))
TITRES, TEXTES = ("titre", "code", "objet"), ("constat", "objectifs", "contenus", "partenariats_techniques")
CODE = """CREATE INDEX IF NOT EXISTS recherche_codes ON fiches_ficheaction
    (UPPER(REPLACE(REPLACE(REPLACE("code", ' ', ''), '.', ''), '-', '')) text_pattern_ops)"""


def prepare(apps: Any, schema_editor: Any) -> None:
    alias = schema_editor.connection.alias
    create_configuration(alias)
    create_index(*CONVENTIONS, using=alias)
    create_vecteur("recherche", "fiches_ficheaction", TITRES, TEXTES, using=alias)
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(CODE)


def take_away(apps: Any, schema_editor: Any) -> None:
    """The configuration stays: other bases of the same server do not see it, and an index may still name it."""
    if schema_editor.connection.vendor == "postgresql":
        for nom in ("recherche_codes", CONVENTIONS[0]):
            schema_editor.execute(f"DROP INDEX IF EXISTS {nom}")
        schema_editor.execute("ALTER TABLE fiches_ficheaction DROP COLUMN IF EXISTS recherche")


class Migration(migrations.Migration):
    dependencies = [
        ("conventions", "0004_formule_solde"),
        ("fiches", "0002_edition_partagee"),
        ("financement", "0008_cumuls"),
    ]
    operations = [migrations.RunPython(prepare, take_away)]
