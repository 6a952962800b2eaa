"""A budget typed in a spreadsheet, from its drop to its undoing, and every page that an import shows."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import Locator, Page, expect

from comptes.models import Organisation
from conventions.models import Convention
from financement.models import ImportBudget, LigneCout
from tests import factories
from tests.budgets import make_budget
from tests.navigateur.conftest import ADMINISTRATRICE, AGENTE, VERROU, Atelier, Visite, build_address
from tests.navigateur.controles import check_page
from tests.navigateur.gestes import reach

Arrive = Callable[..., Visite]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TITRES = ("Code", "Nature", "Année", "Montant")
JUSTES = [("E.A 1", "Études", 2018, 1500), ("E.A 1", "Études", 2019, 2500.5), ("E.A 1", "Débours", 2018, "sur devis")]
FAUTES = {
    "A2": ("E.Z 9", "Études", 2018, 100),  # no such fiche
    "B3": ("E.A 1", "Etudiants", 2018, 100),  # no such nature
    "C4": ("E.A 1", "Études", "l’an prochain", 100),  # no year
    "D5": ("E.A 1", "Études", 2020, -100),  # below zero
    "D6": ("E.A 1", "Études", 2020, "1.234"),  # one thousand, or one
    "D7": ("E.A 1", "Études", 2020, dt.date(2020, 3, 1)),  # a date
    "D8": ("E.A 1", "Études", 2020, "#REF!"),  # a broken formula
}
FAUTIF, CORRIGE = make_budget(TITRES, *FAUTES.values(), *JUSTES), make_budget(TITRES, *JUSTES)
OBSCUR = make_budget(("Réf", "Quoi", "Quand", "Combien"), *JUSTES[:2])
SIRETS = {"dijon-metropole": "24210041000016", "cci-cote-d-or": "18210008100013"}


def open_imports(visite: Visite, atelier: Atelier) -> Page:
    return visite.go(build_address("imports", atelier.convention.reference))


def drop(page: Page, contenu: bytes, nom: str = "budget.xlsx") -> None:
    page.get_by_label("Fichier du budget").set_input_files({"name": nom, "mimeType": XLSX, "buffer": contenu})
    page.get_by_role("button", name="Lire le fichier").click()


def drop_and_confirm(visite: Visite, atelier: Atelier) -> Page:
    page = open_imports(visite, atelier)
    drop(page, CORRIGE)
    page.get_by_role("button", name="Importer les 3 valeurs").click()
    return page


def title(page: Page) -> Locator:
    return page.get_by_role("heading", level=1)


def read_costs(atelier: Atelier) -> list[Any]:
    montants = atelier.list(LigneCout.objects.filter(fiche=atelier.fiche).order_by("nature__nom", "annee"), "annee", "montant")
    return [(annee, montant and float(montant)) for annee, montant in montants]


ECRITES = [(2018, None), (2018, 1500.0), (2019, 2500.5)]


def test_file_with_faults_is_corrected_imported_and_undone(atelier: Atelier, arrive: Arrive, tmp_path: Path) -> None:
    visite = arrive(ADMINISTRATRICE)
    page = open_imports(visite, atelier)
    drop(page, FAUTIF, "fautif.xlsx")
    expect(title(page)).to_have_text("Vérifier avant d’importer")
    refus = page.get_by_role("table", name="Cellules refusées").get_by_role("rowheader")
    assert sorted(texte.split()[0][:2] for texte in refus.all_inner_texts()) == sorted(FAUTES)

    with page.expect_download() as copie:
        page.get_by_role("link", name="Copie annotée du fichier").click()
    copie.value.save_as(tmp_path / "annote.xlsx")
    feuille = openpyxl.load_workbook(tmp_path / "annote.xlsx")["Budget"]
    assert {c.coordinate for rang in feuille.iter_rows() for c in rang if c.comment} == set(FAUTES)

    page.get_by_role("link", name="Déposer le fichier corrigé").click()
    drop(page, CORRIGE)
    expect(page.get_by_text("Tout le fichier est compris.")).to_be_visible()
    assert read_costs(atelier) == []
    page.get_by_role("button", name="Importer les 3 valeurs").click()
    expect(title(page)).to_have_text("Import fait")
    expect(page.get_by_text("3 valeurs écrites")).to_be_visible()
    assert read_costs(atelier) == ECRITES

    page.get_by_role("button", name="Annuler cet import").click()
    expect(page.get_by_role("status")).to_have_text("Import annulé : le budget est tel qu’il était avant.")
    assert read_costs(atelier) == []
    assert visite.plaintes == []


def test_whole_journey_works_without_javascript(atelier: Atelier, arrive: Arrive) -> None:
    page = drop_and_confirm(arrive(ADMINISTRATRICE, javascript=False), atelier)
    expect(title(page)).to_have_text("Import fait")
    assert read_costs(atelier) == ECRITES


def test_valid_values_alone_are_imported(atelier: Atelier, arrive: Arrive) -> None:
    page = open_imports(arrive(ADMINISTRATRICE), atelier)
    drop(page, FAUTIF)
    page.get_by_role("button", name="N’importer que les 3 valides").click()
    expect(page.get_by_text("7 refusées sont restées dehors.")).to_be_visible()
    assert read_costs(atelier) == ECRITES


def test_preview_is_given_up(atelier: Atelier, arrive: Arrive) -> None:
    page = open_imports(arrive(ADMINISTRATRICE), atelier)
    drop(page, CORRIGE)
    page.get_by_role("button", name="Abandonner").click()
    expect(page.get_by_role("status")).to_have_text("Import de « budget.xlsx » abandonné. Rien n’a été écrit.")
    expect(page.get_by_role("row", name="budget.xlsx")).to_contain_text("Abandonné")
    assert read_costs(atelier) == []


def test_agent_reads_the_journal_and_is_told_whom_to_ask(atelier: Atelier, arrive: Arrive) -> None:
    page = open_imports(arrive(AGENTE), atelier)
    expect(page.get_by_text("Les imports sont réservés aux administrateurs")).to_be_visible()
    expect(page.get_by_label("Fichier du budget")).to_have_count(0)


def choose(page: Page, colonne: str, contenu: str) -> None:
    """Choose in the list of a column, with the keyboard only."""
    reach(page, f"Contenu de la colonne {colonne}")
    page.keyboard.type(contenu[:5])
    expect(page.get_by_label(f"Contenu de la colonne {colonne}").locator("option:checked")).to_have_text(contenu)


def test_columns_are_told_with_the_keyboard_only(atelier: Atelier, arrive: Arrive) -> None:
    visite = arrive(ADMINISTRATRICE)
    page = open_imports(visite, atelier)
    drop(page, OBSCUR)
    expect(title(page)).to_have_text("Dire ce que contient le fichier")
    reach(page, "Une ligne par dépense")
    page.keyboard.press("Space")
    for colonne, contenu in zip("ABCD", ("Code de la fiche", "Nature de dépense", "Année", "Montant du coût"), strict=True):
        choose(page, colonne, contenu)
    reach(page, "Voir ce qui va changer")
    page.keyboard.press("Enter")
    expect(title(page)).to_have_text("Vérifier avant d’importer")
    reach(page, "Importer les 2 valeurs")
    page.keyboard.press("Enter")
    expect(title(page)).to_have_text("Import fait")
    assert read_costs(atelier) == ECRITES[1:]
    assert visite.plaintes == []


def test_waiting_page_loads_itself_once_the_work_is_done(atelier: Atelier, arrive: Arrive) -> None:
    with VERROU:
        imp = factories.ImportBudgetFactory(convention=atelier.convention, etat="analyse", etape="Lecture du fichier", progres=30)
    visite = arrive(ADMINISTRATRICE)
    page = visite.go(build_address("import_budget", atelier.convention.reference, imp.pk))
    expect(page.get_by_role("progressbar", name="Lecture du fichier")).to_be_visible()
    with VERROU:
        ImportBudget.objects.filter(pk=imp.pk).update(etape="Comparaison avec le budget", progres=60)
    expect(page.get_by_text("Comparaison avec le budget")).to_be_visible()
    with VERROU:
        ImportBudget.objects.filter(pk=imp.pk).update(etat="echec", message="Ce fichier est vide.")
    expect(title(page)).to_have_text("Ce fichier n’a pas pu être lu")
    assert visite.plaintes == []


# --- Every page: accessible, within its width -----------------------------------------------------------


def check(visite: Visite, record_property: Any) -> None:
    check_page(visite, record_property, sombre=True)
    assert visite.plaintes == []


def test_empty_journal_meets_wcag(atelier: Atelier, arrive: Arrive, record_property: Any) -> None:
    visite = arrive(ADMINISTRATRICE)
    expect(open_imports(visite, atelier).get_by_text("Aucun import pour l’instant")).to_be_visible()
    check(visite, record_property)


def test_journal_of_every_state_meets_wcag(atelier: Atelier, arrive: Arrive, record_property: Any) -> None:
    with VERROU:
        for etat in ImportBudget.Etat:
            nom = f"budget_de_la_convention_revu_par_la_direction_{etat}.xlsx"
            factories.ImportBudgetFactory(convention=atelier.convention, etat=etat, nom=nom)
    visite = arrive(ADMINISTRATRICE)
    expect(open_imports(visite, atelier).get_by_role("row")).to_have_count(len(ImportBudget.Etat) + 1)
    check(visite, record_property)


def test_deposit_without_a_file_meets_wcag(atelier: Atelier, arrive: Arrive, record_property: Any) -> None:
    visite = arrive(ADMINISTRATRICE)
    page = open_imports(visite, atelier)
    page.evaluate("() => document.querySelector('form[enctype]').noValidate = true")
    page.get_by_role("button", name="Lire le fichier").click()
    expect(page.get_by_label("Fichier du budget")).to_have_attribute("aria-invalid", "true")
    check(visite, record_property)


@pytest.mark.parametrize(
    ("contenu", "titre"),
    [
        (OBSCUR, "Dire ce que contient le fichier"),
        (FAUTIF, "Vérifier avant d’importer"),
        (CORRIGE, "Vérifier avant d’importer"),
        (b"%PDF-", "Ce fichier n’a pas pu être lu"),
    ],
    ids=["columns", "refused", "clean", "unreadable"],
)
def test_file_just_dropped_meets_wcag(contenu: bytes, titre: str, atelier: Atelier, arrive: Arrive, record_property: Any) -> None:
    visite = arrive(ADMINISTRATRICE)
    page = open_imports(visite, atelier)
    drop(page, contenu, "budget_de_la_convention_revu_par_la_direction.xlsx")
    expect(title(page)).to_have_text(titre)
    check(visite, record_property)


def test_refused_columns_meet_wcag(atelier: Atelier, arrive: Arrive, record_property: Any) -> None:
    visite = arrive(ADMINISTRATRICE)
    page = open_imports(visite, atelier)
    drop(page, OBSCUR)
    page.get_by_role("button", name="Voir ce qui va changer").click()
    expect(page.get_by_role("alert")).to_contain_text("Choisissez la disposition du tableau.")
    check(visite, record_property)


def test_written_import_then_undone_meets_wcag(atelier: Atelier, arrive: Arrive, record_property: Any) -> None:
    visite = arrive(ADMINISTRATRICE)
    page = drop_and_confirm(visite, atelier)
    check(visite, record_property)
    page.get_by_role("button", name="Annuler cet import").click()
    expect(title(page)).to_have_text("Annulé")
    check(visite, record_property)


def test_import_that_is_no_longer_undone_meets_wcag(atelier: Atelier, arrive: Arrive, record_property: Any) -> None:
    visite = arrive(ADMINISTRATRICE)
    page = drop_and_confirm(visite, atelier)
    expect(title(page)).to_have_text("Import fait")
    with VERROU:
        LigneCout.objects.filter(fiche=atelier.fiche, annee=2018, montant__isnull=False).update(montant=7)
    page.get_by_role("button", name="Annuler cet import").click()
    expect(title(page)).to_have_text("Cet import ne s’annule plus d’un bloc")
    expect(page.get_by_role("main").get_by_role("listitem").filter(has_text="aujourd’hui 7")).to_be_visible()
    check(visite, record_property)


@pytest.mark.parametrize("etat", ["analyse", "ecriture"])
def test_waiting_page_meets_wcag(etat: str, atelier: Atelier, arrive: Arrive, record_property: Any) -> None:
    with VERROU:
        imp = factories.ImportBudgetFactory(convention=atelier.convention, etat=etat, etape="Comparaison avec le budget", progres=40)
    visite = arrive(ADMINISTRATRICE)
    visite.go(build_address("import_budget", atelier.convention.reference, imp.pk))
    check(visite, record_property)


def test_open_data_meets_wcag(atelier: Atelier, arrive: Arrive, record_property: Any) -> None:
    atelier.cost("etudes", a2018=1000)
    with VERROU:
        factories.CoFinancementFactory(fiche=atelier.fiche, financeur=Organisation.objects.get(cle="dijon-metropole"))
        anciens = dict(Organisation.objects.filter(cle__in=SIRETS).values_list("cle", "siret"))
        for cle, siret in SIRETS.items():
            Organisation.objects.filter(cle=cle).update(siret=siret)
        signee = Convention.objects.filter(pk=atelier.convention.pk)
        signee.update(etat="signee", date_signature="2018-03-09", date_debut="2018-01-01", date_fin="2020-12-31")
    try:
        visite = arrive(ADMINISTRATRICE)
        page = visite.go(build_address("donnees_ouvertes"))
        expect(page.get_by_role("row", name="Convention d’un essai")).to_contain_text("Volontaire")
        expect(page.get_by_role("heading", name="Laissées de côté, et pourquoi")).to_be_visible()
        check(visite, record_property)
    finally:
        with VERROU:
            for cle, siret in anciens.items():
                Organisation.objects.filter(cle=cle).update(siret=siret)
