"""Triggers that note which agreements' figures changed. They hold no rule: they say « something changed here ».

Signals would miss what is written by whole batches (`update`, `bulk_create`, imports undone); the database misses nothing. They are put
in place after each migration, and on SQLite taken away before, since it rebuilds whole tables.
"""

from typing import Any

from django.db import connections

MARQUES = "financement_cumulperime"
FICHE = "(SELECT convention_id FROM fiches_ficheaction WHERE id = {row}.fiche_id)"
LIGNE_BILAN = (
    "(SELECT b.convention_id FROM financement_fichebilan f JOIN financement_bilan b ON b.id = f.bilan_id WHERE f.id = {row}.fiche_id)"
)
# What counts, and the agreement of each row.
TABLES = {
    "fiches_ficheaction": "{row}.convention_id",
    "fiches_ficheaction_maitres_ouvrage": FICHE.replace("fiche_id", "ficheaction_id"),
    "fiches_indicateur": FICHE,
    "financement_lignecout": FICHE,
    "financement_cofinancement": FICHE,
    "financement_bilan": "{row}.convention_id",
    "financement_realisation": "{row}.convention_id",
    "financement_fichebilan": "(SELECT convention_id FROM financement_bilan WHERE id = {row}.bilan_id)",
    "financement_lignebilan": LIGNE_BILAN,
    "financement_partbilan": LIGNE_BILAN,
}
ACTES = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}

# Each transaction leaves its own mark: one that is not saved yet must not be hidden by one that is about to be read.
FONCTION = f"""
CREATE OR REPLACE FUNCTION cumul_note(cible bigint) RETURNS void LANGUAGE sql AS $$
    INSERT INTO {MARQUES} (convention_id, transaction) SELECT cible, txid_current() WHERE cible IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM {MARQUES} WHERE convention_id = cible AND transaction = txid_current())
$$"""  # noqa: S608 (names of ours)


def _write_postgresql() -> list[str]:
    ordres = [FONCTION]
    for table, convention in TABLES.items():
        notes = {row: f"PERFORM cumul_note({convention.format(row=row)});" for row in ("OLD", "NEW")}
        ordres += [
            f"""CREATE OR REPLACE FUNCTION cumul_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF TG_OP <> 'INSERT' THEN {notes["OLD"]} END IF;
                IF TG_OP <> 'DELETE' THEN {notes["NEW"]} END IF;
                RETURN NULL; END $$""",
            f"CREATE OR REPLACE TRIGGER cumul_{table} AFTER INSERT OR UPDATE OR DELETE ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION cumul_{table}()",
        ]
    return ordres


def _write_sqlite() -> list[str]:
    """Writers wait for each other: one mark an agreement is enough."""
    ordres = []
    for table, convention in TABLES.items():
        for acte, rows in ACTES.items():
            notes = ""
            for row in rows:
                cible = convention.format(row=row)
                connue = f"SELECT 1 FROM {MARQUES} WHERE convention_id = {cible}"  # noqa: S608 (names of ours)
                notes += f'INSERT INTO {MARQUES} (convention_id, "transaction") SELECT {cible}, 0'
                notes += f" WHERE {cible} IS NOT NULL AND NOT EXISTS ({connue}); "
            ordres.append(f"CREATE TRIGGER IF NOT EXISTS {_name(table, acte)} AFTER {acte} ON {table} BEGIN {notes}END")
    return ordres


def _name(table: str, acte: str) -> str:
    return f"cumul_{table}_{acte.lower()}"


def install(using: str = "default", **_: Any) -> None:
    """Put the triggers in place, after a migration; tables of another moment of the history are left alone."""
    with connections[using].cursor() as curseur:
        if not {MARQUES, *TABLES} <= set(connections[using].introspection.table_names(curseur)):
            return
        for ordre in _write_postgresql() if connections[using].vendor == "postgresql" else _write_sqlite():
            curseur.execute(ordre)


def remove_sqlite(using: str = "default", plan: Any = (), **_: Any) -> None:
    """Before a migration of SQLite: a trigger would stop its tables from being rebuilt.

    What the migration writes is not noted, so no figure stays kept.
    """
    if connections[using].vendor != "sqlite" or not plan:
        return
    with connections[using].cursor() as curseur:
        for table in TABLES:
            for acte in ACTES:
                curseur.execute(f"DROP TRIGGER IF EXISTS {_name(table, acte)}")
        if "financement_cumul" in connections[using].introspection.table_names(curseur):
            curseur.execute("DELETE FROM financement_cumul")
