"""The budget as a spreadsheet: sheets people read and print, sums that are right, a template that comes back filled."""

import csv
import io
import re
from decimal import Decimal
from io import StringIO
from typing import Any

import openpyxl
import pytest
from openpyxl import Workbook
from openpyxl.utils import column_index_from_string
from openpyxl.worksheet.worksheet import Worksheet

from conventions.models import Convention
from fiches.models import FicheAction
from financement.models import NatureDepense
from financement.syntheses import compute_recapitulatif
from financement.tableur_budget import write_budget
from socle.lecture_classeur import read_classeur
from socle.tableur import FORMAT_EUROS
from tests import factories
from tests.factories import euros

pytestmark = pytest.mark.django_db
FORMULE = '=HYPERLINK("https://pirate.example","Cliquez")'
VUES = ["Par fiche", "Coûts", "Parts", "Récapitulatif"]


@pytest.fixture
def fiche(convention: Convention, etudes: NatureDepense) -> FicheAction:
    """1 000.10 € in 2018 and 0.20 € in 2020, « sur devis » in 2019; 80 % Agglo, 200 € CCI."""
    fiche = factories.FicheFactory(convention=convention, code="E.A 1", titre="Salons")
    factories.LigneCoutFactory(fiche=fiche, nature=etudes, annee=2018, montant=euros("1000.10"), mention="arrondi")
    factories.LigneCoutFactory(fiche=fiche, nature=etudes, annee=2019, montant=None, chiffrage="sur_devis")
    factories.LigneCoutFactory(fiche=fiche, nature=etudes, libelle="Relevés", annee=2020, montant=euros("0.20"))
    agglo, cci = (partie.organisation for partie in convention.parties.all())
    factories.CoFinancementFactory(fiche=fiche, financeur=agglo, taux=Decimal(80))
    factories.CoFinancementFactory(fiche=fiche, financeur=cci, nature=etudes, annee=2018, taux=None, montant=euros(200))
    return fiche


def open_xlsx(convention: Convention, modele: bool = False, valeurs: bool = False) -> Workbook:
    return openpyxl.load_workbook(io.BytesIO(write_budget(convention, "xlsx", modele)), data_only=valeurs)


def rows(feuille: Worksheet) -> list[list[Any]]:
    return [[c.value for c in rang] for rang in feuille.iter_rows()]


def find_row(feuille: Worksheet, titre: str) -> list[Any]:
    return next(ligne for ligne in rows(feuille) if ligne[0] == titre)


def add_up(feuille: Worksheet, formule: str) -> Decimal:
    """What a SUM gives: the cells it names, sums included."""
    somme = Decimal(0)
    for plage in re.fullmatch(r"=SUM\((.+)\)", formule)[1].split(","):
        cases = feuille[plage] if ":" in plage else ((feuille[plage],),)
        for case in (c for rang in cases for c in rang):
            if isinstance(case.value, str) and case.value.startswith("="):
                somme += add_up(feuille, case.value)
            elif isinstance(case.value, int | float):
                somme += Decimal(str(case.value))
    return somme


# --- Views -------------------------------------------------------------------------------------------


def test_workbook_has_one_sheet_a_view(fiche: FicheAction) -> None:
    assert open_xlsx(fiche.convention).sheetnames == [*VUES, "Autres financeurs"]
    assert [f.nom for f in read_classeur(write_budget(fiche.convention, "ods"), "b.ods").feuilles] == [*VUES, "Autres financeurs"]


def test_costs_are_rows_that_an_import_reads(fiche: FicheAction) -> None:
    assert rows(open_xlsx(fiche.convention, valeurs=True)["Coûts"])[2:] == [
        ["Code", "Titre", "Nature", "Libellé", "Année", "Jours", "Tarif du jour", "Montant", "Mention"],
        ["E.A 1", "Salons", "Études", None, 2018, None, None, 1000.1, "arrondi"],
        ["E.A 1", "Salons", "Études", None, 2019, None, None, "sur devis", None],
        ["E.A 1", "Salons", "Études", "Relevés", 2020, None, None, 0.2, None],
        ["Total", None, None, None, None, None, None, 1000.3, None],
    ]


def test_shares_are_rows_with_a_real_percentage(fiche: FicheAction) -> None:
    feuille = open_xlsx(fiche.convention)["Parts"]
    agglo = fiche.convention.parties.all()[0].organisation.nom
    assert rows(feuille)[3:] == [
        ["E.A 1", "Salons", agglo, None, None, 0.8, None, None],
        ["E.A 1", "Salons", "CCI d’essai", "Études", 2018, None, 200, None],
    ]
    assert (feuille["F4"].number_format, feuille["G5"].number_format) == ("0.00##%", FORMAT_EUROS)


def test_view_by_fiche_has_the_years_in_columns(fiche: FicheAction) -> None:
    feuille = open_xlsx(fiche.convention, valeurs=True)["Par fiche"]
    assert rows(feuille)[2:] == [
        ["Code", "Action", "Nature", "2018", "2019", "2020", "Total"],
        ["E.A 1", "Salons", "Études", 1000.1, "sur devis", None, 1000.1],
        ["E.A 1", "Salons", "Études : Relevés", None, None, 0.2, 0.2],
        ["Total E.A 1", None, None, 1000.1, 0, 0.2, 1000.3],
        ["Total général", None, None, 1000.1, 0, 0.2, 1000.3],
    ]


def test_amounts_show_in_euros(fiche: FicheAction) -> None:
    classeur = open_xlsx(fiche.convention)
    montants = [c for feuille in classeur for rang in feuille.iter_rows() for c in rang if isinstance(c.value, float)]
    formules = [c for feuille in classeur for rang in feuille.iter_rows() for c in rang if c.data_type == "f"]
    assert {c.number_format for c in montants if c.coordinate != "F4"} == {FORMAT_EUROS} == {c.number_format for c in formules}


def test_every_formula_is_a_sum_that_holds_its_right_value(dijon: Convention) -> None:
    formules, valeurs = open_xlsx(dijon), open_xlsx(dijon, valeurs=True)
    nombre = 0
    for feuille in formules:
        for case in (c for rang in feuille.iter_rows() for c in rang if c.data_type == "f"):
            gardee = valeurs[feuille.title][case.coordinate].value
            assert Decimal(str(gardee)) == add_up(feuille, case.value), (feuille.title, case.coordinate)
            nombre += 1
    assert nombre > 100


@pytest.mark.parametrize("forme", ["xlsx", "ods"])
@pytest.mark.parametrize("nom", ["dijon", "chaumont"])
def test_total_of_every_sheet_is_that_of_the_recap(nom: str, forme: str, request: pytest.FixtureRequest) -> None:
    convention = request.getfixturevalue(nom)
    recap = compute_recapitulatif(convention)
    attendu = recap.total.total_periode.montant
    lus: dict[str, Any] = {}
    for feuille in read_classeur(write_budget(convention, forme), f"b.{forme}").feuilles:
        for ligne in feuille.lignes:
            if ligne[0] in {"Total", "Total général"}:
                lus[feuille.nom] = [Decimal(str(v)) for v in ligne if isinstance(v, int | float)][-1]
    assert lus == {"Par fiche": attendu, "Coûts": attendu, "Récapitulatif": attendu}


def test_cost_outside_the_years_of_the_convention_is_counted_everywhere(fiche: FicheAction, etudes: NatureDepense) -> None:
    factories.LigneCoutFactory(fiche=fiche, nature=etudes, annee=2025, montant=euros(50))
    classeur = open_xlsx(fiche.convention, valeurs=True)
    assert find_row(classeur["Par fiche"], "Total général")[3:] == [1000.1, 0, 0.2, 50, 1050.3]
    assert find_row(classeur["Coûts"], "Total")[7] == 1050.3
    assert 1050.3 in find_row(classeur["Récapitulatif"], "Total général")


def test_convention_of_forty_years_still_sums_its_columns(etudes: NatureDepense) -> None:
    convention = factories.ConventionFactory(annee_debut=2000, annee_fin=2039)
    fiche = factories.FicheFactory(convention=convention)
    for annee in convention.annees:
        factories.LigneCoutFactory(fiche=fiche, nature=etudes, annee=annee, montant=euros(1))
    feuille = open_xlsx(convention)["Par fiche"]
    for formule in (c.value for rang in feuille.iter_rows() for c in rang if c.data_type == "f"):
        for lettres in re.findall(r"([^0-9:,(]+)[0-9]+", formule.removeprefix("=SUM(")):
            assert 4 <= column_index_from_string(lettres) <= 44, formule
    assert add_up(feuille, find_row(feuille, "Total général")[-1]) == 40


def test_empty_convention_gives_sheets_without_rows(convention: Convention) -> None:
    for forme in ("xlsx", "ods"):
        assert [f.nom for f in read_classeur(write_budget(convention, forme), f"b.{forme}").feuilles] == VUES
    assert [len(rows(feuille)) for feuille in open_xlsx(convention)][:3] == [3, 3, 3]


def test_sheets_are_ready_to_scroll_and_to_print(fiche: FicheAction) -> None:
    feuilles = [open_xlsx(fiche.convention)[nom] for nom in VUES]
    assert [feuille.freeze_panes for feuille in feuilles] == ["D4", "C4", "C4", "C5"]
    assert [feuille.print_title_rows for feuille in feuilles] == ["$3:$3", "$3:$3", "$3:$3", "$3:$4"]
    assert [str(feuille.print_area).split("!")[-1] for feuille in feuilles][:3] == ["$A$1:$G$7", "$A$1:$I$7", "$A$1:$H$5"]
    assert {
        (f.page_setup.orientation, f.page_setup.fitToWidth, f.page_setup.fitToHeight, f.sheet_properties.pageSetUpPr.fitToPage)
        for f in feuilles
    } == {("landscape", 1, 0, True)}


def test_fiche_in_the_corbeille_is_left_out(fiche: FicheAction) -> None:
    jetee = factories.FicheFactory(convention=fiche.convention, code="E.J 1", supprimee_le="2020-01-01T00:00:00Z")
    factories.LigneCoutFactory(fiche=jetee)
    classeur = open_xlsx(fiche.convention)
    assert not [c for feuille in classeur for ligne in rows(feuille) for c in ligne if c == "E.J 1"]


# --- Words that look like formulas -----------------------------------------------------------------------


@pytest.fixture
def piege(convention: Convention, etudes: NatureDepense) -> Convention:
    """A convention whose every word is a formula."""
    Convention.objects.update(titre=FORMULE)
    fiche = factories.FicheFactory(convention=convention, code="=2", titre=FORMULE, axe__titre=FORMULE, axe__code="=3")
    nature = factories.NatureFactory(nom="=1+1")
    factories.LigneCoutFactory(fiche=fiche, nature=nature, libelle="+4", mention="@SUM(1)")
    factories.CoFinancementFactory(fiche=fiche, financeur=factories.OrganisationFactory(nom="=5", sigle="=6"), mention="-7")
    return Convention.objects.with_parties().get()


@pytest.mark.parametrize("modele", [False, True], ids=["budget", "template"])
def test_words_that_begin_with_a_sign_stay_words(modele: bool, piege: Convention) -> None:
    formules = [c.value for f in open_xlsx(piege, modele) for rang in f.iter_rows() for c in rang if c.data_type == "f"]
    assert [f for f in formules if not f.startswith("=SUM(")] == []
    ods = read_classeur(write_budget(piege, "ods", modele), "b.ods")
    assert FORMULE in ods.find("Coûts").lignes[1 if modele else 3]


def test_csv_keeps_words_that_begin_with_a_sign_from_running(piege: Convention) -> None:
    lignes = list(csv.reader(StringIO(write_budget(piege, "csv").decode("utf-8-sig"), newline=""), delimiter=";"))
    assert lignes[1] == ["'=2", f"'{FORMULE}", "'=1+1", "'+4", "2018", "", "", "100,00", "'@SUM(1)"]


# --- CSV -------------------------------------------------------------------------------------------------


def test_csv_opens_in_french_spreadsheet_programs(fiche: FicheAction) -> None:
    contenu = write_budget(fiche.convention, "csv")
    assert contenu.startswith(b"\xef\xbb\xbf")
    assert contenu.decode("utf-8-sig").split("\r\n") == [
        "Code;Titre;Nature;Libellé;Année;Jours;Tarif du jour;Montant;Mention",
        "E.A 1;Salons;Études;;2018;;;1000,10;arrondi",
        "E.A 1;Salons;Études;;2019;;;sur devis;",
        "E.A 1;Salons;Études;Relevés;2020;;;0,20;",
        "",
    ]


# --- Template --------------------------------------------------------------------------------------------


def test_template_has_instructions_rows_and_hidden_lists(fiche: FicheAction) -> None:
    classeur = open_xlsx(fiche.convention, modele=True)
    assert [(f.title, f.sheet_state) for f in classeur] == [
        ("Mode d’emploi", "visible"),
        ("Coûts", "visible"),
        ("Parts", "visible"),
        ("Listes", "hidden"),
    ]
    assert "Une ligne effacée ici ne supprime rien" in " ".join(str(ligne[0]) for ligne in rows(classeur["Mode d’emploi"]))
    assert [ligne[0] for ligne in rows(classeur["Coûts"])][:5] == ["Code", "E.A 1", "E.A 1", "E.A 1", None]


def test_template_offers_lists_of_what_the_convention_knows(fiche: FicheAction) -> None:
    region = factories.OrganisationFactory(nom="Région")
    factories.CoFinancementFactory(fiche=fiche, financeur=region)
    classeur = open_xlsx(fiche.convention, modele=True)
    agglo = fiche.convention.parties.all()[0].organisation.nom
    colonnes = {ligne[0].value: [c.value for c in ligne[1:] if c.value is not None] for ligne in classeur["Listes"].iter_cols()}
    assert colonnes == {
        "Codes": ["E.A 1"],
        "Natures": ["Études"],
        "Annees": [2018, 2019, 2020],
        "Financeurs": [agglo, "CCI d’essai", "Région", "Non réparti"],
    }
    assert {nom: plage.attr_text for nom, plage in classeur.defined_names.items()} == {
        "Codes": "'Listes'!$A$2:$A$2",
        "Natures": "'Listes'!$B$2:$B$2",
        "Annees": "'Listes'!$C$2:$C$4",
        "Financeurs": "'Listes'!$D$2:$D$5",
    }


def list_rules(feuille: Worksheet) -> dict[str, str]:
    """List that each column of a sheet chooses from."""
    return {str(r.sqref)[0]: r.formula1 for r in feuille.data_validations.dataValidation if r.type == "list"}


def test_cells_of_the_template_choose_from_the_lists(fiche: FicheAction) -> None:
    classeur = open_xlsx(fiche.convention, modele=True)
    assert list_rules(classeur["Coûts"]) == {"A": "=Codes", "C": "=Natures", "E": "=Annees"}
    assert list_rules(classeur["Parts"]) == {"A": "=Codes", "C": "=Financeurs", "D": "=Natures", "E": "=Annees"}
    assert {str(r.sqref) for r in classeur["Coûts"].data_validations.dataValidation} == {f"{c}2:{c}204" for c in "ACEF"}


def test_titles_of_the_template_are_locked_and_its_rows_are_free(fiche: FicheAction) -> None:
    for nom in ("Coûts", "Parts"):
        feuille = open_xlsx(fiche.convention, modele=True)[nom]
        assert (feuille.protection.sheet, feuille.protection.password) == (True, None)
        assert {c.protection.locked for c in feuille[1]} == {True}
        assert {c.protection.locked for rang in feuille.iter_rows(min_row=2) for c in rang} == {False}
        assert feuille.max_row > 200
        assert feuille.freeze_panes == "C2"


def test_template_without_fiche_still_opens(convention: Convention) -> None:
    classeur = open_xlsx(convention, modele=True)
    assert "Codes" not in classeur.defined_names
    assert "A" not in list_rules(classeur["Coûts"])
    assert read_classeur(write_budget(convention, "ods", True), "b.ods").find("Coûts").lignes[0][0] == "Code"


@pytest.mark.parametrize("forme", ["xlsx", "ods", "csv"])
def test_same_budget_gives_the_same_bytes(forme: str, fiche: FicheAction) -> None:
    assert write_budget(fiche.convention, forme) == write_budget(fiche.convention, forme)
