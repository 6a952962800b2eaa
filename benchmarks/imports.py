"""Importing a large budget: `python -m benchmarks.imports [--ecrire] [ROWS…]`, 10 000 and 100 000 rows by default.

In the same run, on the same file: a plain `ModelResource` with its defaults reading with openpyxl (on at most 5 000 rows: it is
slow and linear), the product in one pass, and the product with preview then confirmation. Rows a second, ratios, queries, memory.
The convention is made up and deleted afterwards; DATABASE_URL, when given, is to name a database of trial.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.outils import FINE, describe_machine, format_nombre, format_rapport, load_data, publish, start_django, write_tableau

start_django(reprise=True)

import tablib
from django.db import connection
from django.test.utils import CaptureQueriesContext
from import_export import fields, resources, widgets
from openpyxl import Workbook, load_workbook

from conventions.models import Axe, Convention
from fiches.models import FicheAction
from financement.imports.actes import analyse, confirm, deposit
from financement.imports.direct import write_direct
from financement.models import LigneCout, NatureDepense

TITRES = ["Code", "Nature", "Libellé", "Année", "Jours", "Tarif", "Montant"]
PAR_DEFAUT = 5_000


class OrdinaryResource(resources.ModelResource):
    """What one writes first: every default, foreign keys looked up a row."""

    fiche = fields.Field(column_name="Code", attribute="fiche", widget=widgets.ForeignKeyWidget(FicheAction, "code"))
    nature = fields.Field(column_name="Nature", attribute="nature", widget=widgets.ForeignKeyWidget(NatureDepense, "nom"))
    libelle = fields.Field(column_name="Libellé", attribute="libelle")
    annee = fields.Field(column_name="Année", attribute="annee")
    jours = fields.Field(column_name="Jours", attribute="jours")
    montant = fields.Field(column_name="Montant", attribute="montant")

    class Meta:
        model = LigneCout
        import_id_fields = ["fiche", "nature", "libelle", "annee"]
        fields = ["fiche", "nature", "libelle", "annee", "jours", "montant"]


def make_convention(rows: int) -> Convention:
    """As many fiches as a file of this size needs, about a hundred rows each."""
    convention = Convention.objects.create(reference=f"BANC-{rows}", titre="Banc d’essai", nature="cadre", annee_debut=2020, annee_fin=2029)
    axe = Axe.objects.create(convention=convention, code="A", titre="Axe")
    fiches = [FicheAction(convention=convention, axe=axe, code=f"A {n}", titre=f"Action {n}", ordre=n) for n in range(max(1, rows // 100))]
    FicheAction.objects.bulk_create(fiches)
    return convention


def make_file(rows: int, natures: list[str]) -> bytes:
    """An xlsx of `rows` costs."""
    classeur = Workbook(write_only=True)
    feuille = classeur.create_sheet("Budget")
    feuille.append(TITRES)
    for n in range(rows):
        fiche, reste = divmod(n, 100)
        jours = (n % 37) / 2
        feuille.append([f"A {fiche}", natures[reste % 10], f"Poste {reste // 10 % 10}", 2020 + (reste % 10), jours, 600, jours * 600])
    with tempfile.TemporaryDirectory() as dossier:
        chemin = Path(dossier) / "b.xlsx"
        classeur.save(chemin)
        return chemin.read_bytes()


def import_ordinary(contenu: bytes, rows: int) -> float:
    """Seconds a thousand rows with the defaults."""
    with tempfile.TemporaryDirectory() as dossier:
        chemin = Path(dossier) / "b.xlsx"
        chemin.write_bytes(contenu)
        debut = time.perf_counter()
        feuille = load_workbook(chemin, read_only=True, data_only=True).worksheets[0]
        lignes = list(feuille.iter_rows(values_only=True, max_row=rows + 1))
        donnees = tablib.Dataset(*[tuple(ligne) for ligne in lignes[1:]], headers=TITRES)
        resultat = OrdinaryResource().import_data(donnees, raise_errors=True)
    assert resultat.totals["new"] == rows
    return (time.perf_counter() - debut) / rows


def memory() -> float:
    """Largest memory of the process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def empty(convention: Convention) -> None:
    """Delete the costs of the convention, by key: a database without statistics plans a subquery badly."""
    fiches = list(FicheAction.objects.filter(convention=convention).values_list("pk", flat=True))
    LigneCout.objects.filter(fiche__in=fiches)._raw_delete(LigneCout.objects.db)


@dataclass(frozen=True)
class Mesure:
    """One way of importing one file."""

    rows: int
    maniere: str
    seconds_a_row: float
    rapport: float
    suite: str = ""


def measure(rows: int, natures: list[str]) -> list[Mesure]:
    """One size: the three ways, and what they cost."""
    contenu = make_file(rows, natures)
    convention = make_convention(rows)
    with CaptureQueriesContext(connection) as requetes:
        debut = time.perf_counter()
        imp = write_direct(deposit(None, convention, "b.xlsx", contenu), None, valides_seulement=False)
        direct = (time.perf_counter() - debut) / rows
    assert imp.comptes["nouveaux"] == rows, imp.comptes
    memoire = memory()
    empty(convention)
    debut = time.perf_counter()
    imp = deposit(None, convention, "b.xlsx", contenu)
    analyse(imp)
    confirm(imp, None, False)
    apercu = (time.perf_counter() - debut) / rows
    assert LigneCout.objects.filter(fiche__convention=convention).count() == rows
    memoire = max(memoire, memory())
    empty(convention)
    defaut = import_ordinary(contenu, min(rows, PAR_DEFAUT))
    cout = f"{format_nombre(len(requetes) * 10_000 / rows)} requêtes pour 10{FINE}000 lignes, {format_nombre(memoire)}{FINE}Mo au plus"
    return [
        Mesure(rows, f"ModelResource par défaut ({format_nombre(min(rows, PAR_DEFAUT))} lignes)", defaut, 1),
        Mesure(rows, "Trait d’union, en une passe", direct, defaut / direct, cout),
        Mesure(rows, "Trait d’union, aperçu puis confirmation", apercu, defaut / apercu),
    ]


def write_mesures(mesures: Sequence[Mesure]) -> str:
    """One row a way of importing."""
    lignes = [
        [
            format_nombre(m.rows),
            m.maniere,
            format_nombre(1 / m.seconds_a_row),
            format_rapport(m.rapport) if m.rapport != 1 else "1",
            m.suite,
        ]
        for m in mesures
    ]
    return write_tableau(["Lignes", "Manière", "Lignes/s", "Rapport", "Coût"], lignes, texte=2)


def main(tailles: list[int], *, ecrire: bool) -> None:
    """Every size in turn, the smallest first: memory only grows."""
    load_data(demonstration=False)
    natures = [f"Nature {n}" for n in range(10)]
    for n, nom in enumerate(natures):
        NatureDepense.objects.get_or_create(cle=f"banc-{n}", defaults={"nom": nom})
    mesures: list[Mesure] = []
    for rows in tailles:
        try:
            mesures += measure(rows, natures)
        finally:
            for convention in Convention.objects.filter(reference=f"BANC-{rows}"):
                empty(convention)
                convention.delete()
    base = "PostgreSQL" if connection.vendor == "postgresql" else "SQLite"
    publish("imports", f"{describe_machine()}, {base}.\n\n{write_mesures(mesures)}", ecrire=ecrire)


if __name__ == "__main__":
    tailles = [int(a) for a in sys.argv[1:] if a != "--ecrire"]
    main(tailles or [10_000, 100_000], ecrire="--ecrire" in sys.argv)
