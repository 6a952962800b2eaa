"""Imports followed from the pages: long work waited for, files got back, journal and preview page by page."""

import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from conventions.models import Convention
from fiches.models import FicheAction
from financement.models import ImportBudget, NatureDepense
from tests import factories
from tests.depots import FAUSSE, JUSTE, act, address, drop, make_file, see, words

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
def fiche(convention: Convention, etudes: NatureDepense) -> FicheAction:
    return factories.FicheFactory(convention=convention, code="E.A 1.1", titre="Salons")


def count_queries(client: Client, adresse: str) -> int:
    with CaptureQueriesContext(connection) as requetes:
        assert client.get(adresse).status_code == 200
    return len(requetes)


# --- Long files, read and written by the worker ------------------------------------------------------


def test_long_file_is_waited_for_then_the_page_loads_itself(
    administrateur: Client, convention: Convention, fiche: FicheAction, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.IMPORT_DIRECT = 0
    settings.TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}
    with django_capture_on_commit_callbacks() as travaux:
        drop(administrateur, convention, make_file(JUSTE))
    assert "vous pouvez quitter cette page, le travail continue" in see(administrateur)
    attente = administrateur.get(address("import_progres"))
    assert "HX-Refresh" not in attente
    assert "En attente" in words(attente, "//p")
    for travail in travaux:
        travail()
    assert administrateur.get(address("import_progres"))["HX-Refresh"] == "true"
    assert "Tout le fichier est compris." in see(administrateur)


def test_long_import_is_written_by_the_worker(
    administrateur: Client, convention: Convention, fiche: FicheAction, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    drop(administrateur, convention, make_file(JUSTE))
    settings.IMPORT_DIRECT = 0
    settings.TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}
    with django_capture_on_commit_callbacks() as travaux:
        page = words(act(administrateur, "import_confirmer"))
    assert "Le budget s’écrit d’un bloc : tout ou rien." in page
    assert "Import fait." not in page
    for travail in travaux:
        travail()
    assert "1 valeur écrite" in see(administrateur)


def test_reading_that_goes_on_is_stopped(administrateur: Client, convention: Convention, settings: Any) -> None:
    settings.IMPORT_DIRECT = 0
    drop(administrateur, convention, make_file(JUSTE))
    assert "abandonné. Rien n’a été écrit." in words(act(administrateur, "import_abandonner"))
    assert ImportBudget.objects.get().arret_demande


@pytest.mark.parametrize("etat", ["analyse", "ecriture"])
def test_who_only_reads_sees_the_progress_without_button(etat: str, client_agent: Client, convention: Convention) -> None:
    imp = factories.ImportBudgetFactory(convention=convention, etat=etat, progres=40, etape="Comparaison avec le budget")
    reponse = client_agent.get(address())
    assert "Comparaison avec le budget" in words(reponse)
    assert f"/{imp.pk}/abandonner/" not in reponse.content.decode()


# --- Files got back ----------------------------------------------------------------------------------


@pytest.mark.parametrize("nom", ["budget.xlsx", "page.html", "image.svg"])
def test_file_comes_back_as_it_was_and_never_opens_in_the_browser(
    nom: str, administrateur: Client, convention: Convention, fiche: FicheAction
) -> None:
    contenu = make_file(JUSTE) if nom == "budget.xlsx" else b"<script>alert(1)</script>"
    drop(administrateur, convention, contenu, nom)
    reponse = administrateur.get(address("import_fichier"))
    assert b"".join(reponse) == contenu
    assert reponse["Content-Type"] == "application/octet-stream"
    assert reponse["Content-Disposition"] == f'attachment; filename="{nom}"'
    assert reponse["X-Content-Type-Options"] == "nosniff"


def test_annotated_copy_tells_each_refused_cell(administrateur: Client, convention: Convention, fiche: FicheAction) -> None:
    drop(administrateur, convention, make_file(JUSTE, FAUSSE, ("E.Z 9", "Études", 2018, 1)), "Budget d’été.xlsx")
    reponse = administrateur.get(address("import_annote"))
    assert (reponse["Content-Type"], reponse["Content-Disposition"]) == (XLSX, 'attachment; filename="budget-dete-annote.xlsx"')
    classeur = openpyxl.load_workbook(io.BytesIO(reponse.content))
    marques = {c.coordinate: c.comment.text for rang in classeur["Budget"].iter_rows() for c in rang if c.comment}
    assert set(marques) == {"D3", "A4"}
    assert marques["D3"].startswith("−3,00 € est négatif")
    assert [[c.value for c in rang][:2] for rang in classeur["À corriger"].iter_rows(min_row=2)] == [["Budget", "D3"], ["Budget", "A4"]]


def test_file_without_refusal_has_no_annotated_copy(administrateur: Client, convention: Convention, fiche: FicheAction) -> None:
    drop(administrateur, convention, make_file(JUSTE))
    assert administrateur.get(address("import_annote")).status_code == 404
    assert "Copie annotée" not in see(administrateur)


# --- Journal and pages of changes --------------------------------------------------------------------


def test_empty_journal_says_what_it_will_hold(administrateur: Client, convention: Convention) -> None:
    page = words(administrateur.get(reverse("imports", args=[convention.reference])))
    assert "Aucun import pour l’instant" in page
    assert "Lire le fichier" in page


def test_who_only_reads_sees_the_journal_and_whom_to_ask(client_agent: Client, convention: Convention) -> None:
    factories.ImportBudgetFactory(convention=convention, nom="été.csv", etat="fait")
    page = words(client_agent.get(reverse("imports", args=[convention.reference])))
    assert "Les imports sont réservés aux administrateurs de votre organisation" in page
    assert "Lire le fichier" not in page
    assert "été.csv" in page


def test_journal_shows_thirty_imports_a_page_newest_first(administrateur: Client, convention: Convention) -> None:
    for rang in range(31):
        factories.ImportBudgetFactory(convention=convention, nom=f"n{rang}.csv", etat="fait")
    adresse = reverse("imports", args=[convention.reference])
    pages = [words(administrateur.get(adresse, {"page": page}), "//tbody").split() for page in (1, 2)]
    assert [mots[0] for mots in pages] == ["n30.csv", "n0.csv"]
    assert "Plus anciens" in words(administrateur.get(adresse))
    assert "Plus récents" in words(administrateur.get(adresse, {"page": 2}))


@pytest.mark.parametrize("page", ["0", "999", "abc", "-1", "9" * 30, ""])
@pytest.mark.parametrize("nom", ["imports", "import_budget"])
def test_page_that_does_not_exist_never_crashes(
    nom: str, page: str, administrateur: Client, convention: Convention, fiche: FicheAction
) -> None:
    drop(administrateur, convention, make_file(JUSTE))
    adresse = address() if nom == "import_budget" else reverse("imports", args=[convention.reference])
    assert administrateur.get(adresse, {"page": page}).status_code == 200


def make_rows(nombre: int) -> list[tuple[str, str, int, int]]:
    """Costs whose years are all different, and as many refusals."""
    return [("E.A 1.1", "Études", 1990 + rang % 100, rang + 1) for rang in range(nombre)] + [FAUSSE] * nombre


def test_changes_are_shown_a_hundred_a_page(administrateur: Client, convention: Convention, fiche: FicheAction) -> None:
    factories.NatureFactory(nom="Salons")
    drop(administrateur, convention, make_file(*make_rows(100), ("E.A 1.1", "Salons", 2019, 77)))
    changements = "//section[@aria-labelledby='t-changements']"
    assert "Page 1 / 2" in see(administrateur, changements)
    assert "Salons, 2019" not in see(administrateur, changements)
    assert "Salons, 2019 /rien 77 €" in see(administrateur, changements, page="2")
    assert see(administrateur, changements, page="999") == see(administrateur, changements, page="2")


def test_pages_of_imports_ask_as_much_when_everything_doubles(administrateur: Client, convention: Convention, fiche: FicheAction) -> None:
    journal = reverse("imports", args=[convention.reference])
    drop(administrateur, convention, make_file(*make_rows(30)))
    count_queries(administrateur, journal)
    avant = [count_queries(administrateur, adresse) for adresse in (journal, address(), address("import_annote"))]
    for code in ("E.A 2", "E.A 3"):
        factories.FicheFactory(convention=convention, code=code)
    lignes = [*make_rows(60), *(("E.A 2", "Études", 2018, 5), ("E.A 3", "Études", 2018, 5))]
    drop(administrateur, convention, make_file(*lignes))
    assert [count_queries(administrateur, adresse) for adresse in (journal, address(), address("import_annote"))] == avant
    assert Path(ImportBudget.objects.latest("pk").fichier.path).is_file()
