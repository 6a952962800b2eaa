"""Importing a large budget: `python benchmarks/imports.py [ROWS…]`, 10 000 and 100 000 by default, on the database of DATABASE_URL.

In the same run, on the same file: a plain `ModelResource` with its defaults reading with openpyxl (on at most 5 000 rows: it is
slow and linear), the product in one pass, and the product with preview then confirmation. Rows a second, ratios, queries, memory.
The convention is made up and deleted afterwards; use a database of trial.
"""

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TRAITDUNION_DEBUG", "1")
if "DATABASE_URL" not in os.environ:
    os.environ["DATABASE_URL"] = f"sqlite:///{tempfile.mkdtemp(prefix='banc-')}/base.sqlite3"
os.environ.setdefault("TRAITDUNION_DATA", tempfile.mkdtemp(prefix="banc-"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

import tablib
from django.conf import settings
from django.core.management import call_command
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


def measure(rows: int, natures: list[str]) -> None:
    """One size: the three ways, and what they cost."""
    contenu = make_file(rows, natures)
    convention = make_convention(rows)
    fois = {}
    with CaptureQueriesContext(connection) as requetes:
        debut = time.perf_counter()
        imp = write_direct(deposit(None, convention, "b.xlsx", contenu), None, valides_seulement=False)
        fois["une passe"] = (time.perf_counter() - debut) / rows
    assert imp.comptes["nouveaux"] == rows, imp.comptes
    memoire = memory()
    empty(convention)
    debut = time.perf_counter()
    imp = deposit(None, convention, "b.xlsx", contenu)
    analyse(imp)
    confirm(imp, None, False)
    fois["aperçu et confirmation"] = (time.perf_counter() - debut) / rows
    assert LigneCout.objects.filter(fiche__convention=convention).count() == rows
    memoire = max(memoire, memory())
    empty(convention)
    defaut = import_ordinary(contenu, min(rows, PAR_DEFAUT))
    print(f"{rows} lignes, {connection.vendor}")
    print(f"  ModelResource par défaut : {1 / defaut:.0f} lignes/s")
    for nom, duree in fois.items():
        print(f"  {nom} : {1 / duree:.0f} lignes/s, {defaut / duree:.1f} fois le défaut")
    print(f"  {len(requetes) * 10_000 / rows:.0f} requêtes pour 10 000 lignes en une passe ; mémoire {memoire:.0f} Mo")


def main(tailles: list[int]) -> None:
    """Every size in turn, the smallest first: memory only grows."""
    settings.DEBUG = False  # else Django keeps every request in memory
    call_command("migrate", verbosity=0)
    natures = [f"Nature {n}" for n in range(10)]
    for n, nom in enumerate(natures):
        NatureDepense.objects.get_or_create(cle=f"banc-{n}", defaults={"nom": nom})
    for rows in tailles:
        try:
            measure(rows, natures)
        finally:
            for convention in Convention.objects.filter(reference=f"BANC-{rows}"):
                empty(convention)
                convention.delete()


if __name__ == "__main__":
    main([int(a) for a in sys.argv[1:]] or [10_000, 100_000])
