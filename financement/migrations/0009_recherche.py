"""PostgreSQL alone: the configuration of the search, and the indexes of what is looked in. Nothing to do on SQLite."""

from typing import Any

from django.db import migrations

from socle.recherche import create_configuration, create_index

CONVENTIONS = ("recherche_conventions", "conventions_convention", ("titre", "objet"))
FICHES = (
    "recherche_fiches",
    "fiches_ficheaction",
    ("titre", "code", "objet", "constat", "objectifs", "contenus", "partenariats_techniques"),
)
CODE = """CREATE INDEX IF NOT EXISTS recherche_codes ON fiches_ficheaction
    (UPPER(REPLACE(REPLACE(REPLACE("code", ' ', ''), '.', ''), '-', '')) text_pattern_ops)"""


def prepare(apps: Any, schema_editor: Any) -> None:
    alias = schema_editor.connection.alias
    create_configuration(alias)
    for index in (CONVENTIONS, FICHES):
        create_index(*index, using=alias)
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(CODE)


def take_away(apps: Any, schema_editor: Any) -> None:
    """The configuration stays: other bases of the same server do not see it, and an index may still name it."""
    if schema_editor.connection.vendor == "postgresql":
        for nom in ("recherche_codes", FICHES[0], CONVENTIONS[0]):
            schema_editor.execute(f"DROP INDEX IF EXISTS {nom}")


class Migration(migrations.Migration):
    dependencies = [
        ("conventions", "0004_formule_solde"),
        ("fiches", "0002_edition_partagee"),
        ("financement", "0008_cumuls"),
    ]
    operations = [migrations.RunPython(prepare, take_away)]
