"""Pages of an import: the file dropped, its columns, its preview, what is written and taken back."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from lxml import html

from conventions.models import Convention
from fiches.models import FicheAction
from financement.models import ImportBudget, LigneCout, NatureDepense
from tests import factories
from tests.budgets import make_budget, make_sheets
from tests.depots import FAUSSE, JUSTE, act, address, drop, make_file, read_costs, see, words

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]
OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)


@pytest.fixture
def fiche(convention: Convention, etudes: NatureDepense) -> FicheAction:
    return factories.FicheFactory(convention=convention, code="E.A 1.1", titre="Salons")


# --- Deposit ---------------------------------------------------------------------------------------


def test_dropped_file_leads_to_its_preview(administrateur: Client, convention: Convention, fiche: FicheAction) -> None:
    assert drop(administrateur, convention, make_file(JUSTE))["Location"] == address()
    page = see(administrateur)
    assert "Vérifier avant d’importer" in page
    assert "Tout le fichier est compris." in page
    assert "Nouvelle D2 E.A 1.1 Études, 2019 /rien 1 500 €" in page
    assert read_costs() == []


def test_preview_shows_a_value_before_and_after(administrateur: Client, convention: Convention, fiche: FicheAction, etudes: Any) -> None:
    factories.LigneCoutFactory(fiche=fiche, nature=etudes, annee=2019, montant=factories.euros(1000))
    drop(administrateur, convention, make_file(JUSTE))
    assert "Modifiée D2 E.A 1.1 Études, 2019 1 000 € 1 500 €" in see(administrateur)
    assert "Le total passera à 1 500 €." in see(administrateur)


def test_too_large_file_is_refused_in_words(
    administrateur: Client, convention: Convention, fiche: FicheAction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("financement.vues.imports.MAX_OCTETS", 1_000_000)
    reponse = drop(administrateur, convention, bytes(1_000_001))
    assert reponse.status_code == 422
    assert words(reponse, "//*[@id='e-fichier']") == "Ce fichier dépasse 1 Mo. Séparez-le en plusieurs imports."
    assert not ImportBudget.objects.exists()


@pytest.mark.parametrize("envoi", [{}, {"fichier": "budget.xlsx"}, {"autre": "x"}])
def test_deposit_without_a_file_asks_for_one(envoi: dict[str, str], administrateur: Client, convention: Convention) -> None:
    reponse = administrateur.post(reverse("imports", args=[convention.reference]), envoi)
    assert reponse.status_code == 422
    assert words(reponse, "//*[@id='e-fichier']") == "Choisissez un fichier : xlsx, xlsm, ods, csv ou tsv."
    assert not ImportBudget.objects.exists()


@pytest.mark.parametrize(
    ("contenu", "phrase"),
    [
        (b"", "Ce fichier est vide."),
        (b"%PDF-1.7\n", "Ce fichier est un PDF. Demandez le tableur dont il vient."),
        (OLE2, "Ce classeur est protégé par un mot de passe, ou à l’ancien format .xls."),
        (b"PK\x03\x04" + bytes(50), "Ce classeur est abîmé ou protégé : il ne s’ouvre pas."),
    ],
    ids=["empty", "pdf", "xls", "broken"],
)
def test_file_that_is_no_spreadsheet_says_what_to_do(
    contenu: bytes, phrase: str, administrateur: Client, convention: Convention, fiche: FicheAction
) -> None:
    drop(administrateur, convention, contenu)
    assert see(administrateur, "//h1") == "Ce fichier n’a pas pu être lu"
    assert see(administrateur, "//*[@role='alert']").startswith(phrase)
    assert ImportBudget.objects.get().etat == ImportBudget.Etat.ECHEC


@pytest.mark.parametrize("contenu", [b"0;0\n0;0\n", make_budget([0])], ids=["csv", "xlsx"])
def test_file_of_nothing_but_zeros_is_told_so(contenu: bytes, administrateur: Client, convention: Convention, fiche: FicheAction) -> None:
    drop(administrateur, convention, contenu)
    assert administrateur.get(address()).status_code == 200


@pytest.mark.parametrize(("nom", "attendu"), [('"><script>.xlsx', '"><script>.xlsx'), ("../../x.xlsx", "x.xlsx"), ("é\r\nX: y.xlsx", None)])
def test_hostile_name_is_shown_as_text_and_is_no_path(
    nom: str, attendu: str | None, administrateur: Client, convention: Convention, fiche: FicheAction, settings: Any
) -> None:
    drop(administrateur, convention, make_file(JUSTE), nom)
    imp = ImportBudget.objects.get()
    assert attendu is None or imp.nom == attendu
    assert re.fullmatch(r"imports/[0-9a-f]{32}\.(xlsx|bin)", imp.fichier.name)
    assert [f for f in Path(settings.MEDIA_ROOT).parent.rglob("*") if f.is_file()] == [Path(imp.fichier.path)]
    journal = administrateur.get(reverse("imports", args=[convention.reference]))
    for reponse in (journal, administrateur.get(address()), act(administrateur, "import_abandonner")):
        assert "<script>." not in reponse.content.decode()
        assert imp.nom.split()[0] in words(reponse)
    assert "\n" not in administrateur.get(address("import_fichier"))["Content-Disposition"]


# --- Columns ---------------------------------------------------------------------------------------

CHOIX = {"forme": "long", "c-A": "code", "c-B": "nature", "c-C": "annee", "c-D": "montant"}
OBSCURE = make_sheets({"Notes": [("rien",)], "Chiffres": [("Budget prévu",), ("Réf", "Quoi", "Quand", "Combien"), JUSTE]})


def test_file_that_is_not_understood_asks_for_its_columns(administrateur: Client, convention: Convention, fiche: FicheAction) -> None:
    drop(administrateur, convention, OBSCURE)
    assert "Dire ce que contient le fichier" in see(administrateur)
    assert "Le fichier n’est pas compris avec certitude." in see(administrateur)
    assert read_costs() == []


def test_sheet_and_its_row_of_titles_are_chosen(administrateur: Client, convention: Convention, fiche: FicheAction) -> None:
    drop(administrateur, convention, OBSCURE)
    choisie = administrateur.get(address(), {"colonnes": "1", "feuille": "Chiffres", "titres": "2"})
    page = html.fromstring(choisie.content.decode())
    assert [[case.text_content() for case in rang.xpath("*")][:3] for rang in page.xpath("//tbody/tr")] == [
        ["A", "Réf", "E.A 1.1"],
        ["B", "Quoi", "Études"],
        ["C", "Quand", "2019"],
        ["D", "Combien", "1500"],
    ]
    assert page.xpath("//form[@method='post']//input[@name='feuille']/@value") == ["Chiffres"]
    assert page.xpath("//input[@name='titres']/@value") == ["2", "2"]


def test_chosen_columns_lead_to_the_preview(administrateur: Client, convention: Convention, fiche: FicheAction) -> None:
    drop(administrateur, convention, OBSCURE)
    reponse = act(administrateur, "import_colonnes", **CHOIX, feuille="Chiffres", titres="2")
    assert "Nouvelle D3 E.A 1.1 Études, 2019" in words(reponse)


def test_one_fiche_one_nature_and_one_year_may_stand_for_all_the_rows(
    administrateur: Client, convention: Convention, fiche: FicheAction, etudes: NatureDepense
) -> None:
    drop(administrateur, convention, make_budget(["Combien"], [250]))
    fixes = {"fiche": fiche.pk, "nature": etudes.pk, "annee": 2020}
    act(administrateur, "import_colonnes", **{"forme": "long", "c-A": "montant"}, feuille="Budget", **fixes)
    act(administrateur, "import_confirmer")
    assert read_costs() == [(2020, 250)]


@pytest.mark.parametrize(
    ("choix", "raison"),
    [
        ({"c-B": "code"}, "Deux colonnes ont le même contenu : Code de la fiche. Gardez-en une."),
        ({"forme": ""}, "Choisissez la disposition du tableau."),
        ({"forme": "autre"}, "Choisissez la disposition du tableau."),
        ({"c-A": ""}, "Choisissez la colonne du code, ou la fiche que décrit le tableau."),
        ({"c-D": ""}, "Aucune colonne de montant, de jours ou de part n’est reconnue."),
        ({"c-D": "pirate"}, "« pirate » n’est pas un contenu de colonne."),
    ],
)
def test_columns_that_cannot_be_read_are_refused_with_the_reason(
    choix: dict[str, str], raison: str, administrateur: Client, convention: Convention, fiche: FicheAction
) -> None:
    drop(administrateur, convention, OBSCURE)
    reponse = act(administrateur, "import_colonnes", **CHOIX | choix, feuille="Chiffres", titres="2")
    assert reponse.status_code == 422
    assert raison in words(reponse, "//*[@role='alert']")
    assert ImportBudget.objects.get().etat == ImportBudget.Etat.DEPOSE


@pytest.mark.parametrize(
    "choix",
    [
        {"forme": "recap", "c-D": "recap:2019:999999"},
        {"forme": "large", "c-D": "annee:2019", "nature": "999999"},
        {"fiche": "9" * 5000, "nature": "x", "annee": "-1"},
        {"titres": "9" * 5000},
        {"titres": "0"},
        {"feuille": "Absente"},
        {"c-D": "annee:" + "9" * 5000},
    ],
    ids=str,
)
def test_altered_form_of_columns_never_crashes(
    choix: dict[str, str], administrateur: Client, convention: Convention, fiche: FicheAction
) -> None:
    drop(administrateur, convention, OBSCURE)
    envoi = CHOIX | {"feuille": "Chiffres", "titres": "2"} | choix
    assert administrateur.post(address("import_colonnes"), {k: v[:5000] for k, v in envoi.items()}).status_code in {302, 422}
    assert administrateur.get(address(), {"colonnes": "1"} | envoi).status_code == 200


@pytest.mark.parametrize("etat", ["analyse", "ecriture", "fait", "annule", "abandonne", "echec"])
def test_columns_are_no_longer_chosen_once_it_is_too_late(etat: str, administrateur: Client, convention: Convention, fiche: Any) -> None:
    factories.ImportBudgetFactory(convention=convention, etat=etat)
    assert administrateur.post(address("import_colonnes"), CHOIX).status_code in {302, 422}
    assert ImportBudget.objects.get().etat == etat


# --- Confirmation ----------------------------------------------------------------------------------


def test_confirmed_import_is_written_and_the_page_says_so(administrateur: Client, convention: Convention, fiche: FicheAction) -> None:
    drop(administrateur, convention, make_file(JUSTE))
    page = words(act(administrateur, "import_confirmer"))
    assert "Import fait. Il s’annule d’ici tant que rien de ce qu’il a écrit n’a changé." in page
    assert re.search(r"1 valeur écrite le .* par Camille Dupont", page)
    assert read_costs() == [(2019, 1500)]


def test_refused_rows_hold_back_the_whole_file(administrateur: Client, convention: Convention, fiche: FicheAction) -> None:
    drop(administrateur, convention, make_file(JUSTE, FAUSSE))
    assert "1 cellule ne peut pas entrer." in see(administrateur)
    assert "D3Budget -3" in see(administrateur, "//section[@aria-labelledby='t-refus']")
    page = words(act(administrateur, "import_confirmer"))
    assert "Des lignes sont refusées. Corrigez le fichier, ou choisissez de n’importer que les lignes valides." in page
    assert read_costs() == []


def test_valid_rows_alone_are_written_when_asked(administrateur: Client, convention: Convention, fiche: FicheAction) -> None:
    drop(administrateur, convention, make_file(JUSTE, FAUSSE))
    assert "1 refusée est restée dehors." in words(act(administrateur, "import_confirmer", lignes="valides"))
    assert read_costs() == [(2019, 1500)]


def test_value_changed_since_the_preview_is_told_instead_of_written(
    administrateur: Client, convention: Convention, fiche: FicheAction, etudes: NatureDepense
) -> None:
    drop(administrateur, convention, make_file(JUSTE))
    factories.LigneCoutFactory(fiche=fiche, nature=etudes, annee=2019, montant=factories.euros(7))
    page = words(act(administrateur, "import_confirmer"))
    assert "Des valeurs ont changé depuis l’aperçu (E.A 1.1). Rien n’a été écrit : relisez l’aperçu, il est à jour." in page
    assert "Modifiée D2 E.A 1.1 Études, 2019 7 € 1 500 €" in page
    assert read_costs() == [(2019, 7)]


@pytest.mark.parametrize("nom", ["import_confirmer", "import_annote", "import_fichier"])
def test_lost_file_is_told(nom: str, administrateur: Client, convention: Convention, fiche: FicheAction) -> None:
    drop(administrateur, convention, make_file(JUSTE, FAUSSE))
    Path(ImportBudget.objects.get().fichier.path).unlink()
    reponse = act(administrateur, nom, lignes="valides") if nom == "import_confirmer" else administrateur.get(address(nom))
    assert reponse.status_code == (200 if nom == "import_confirmer" else 404)
    assert nom != "import_confirmer" or "Le fichier déposé n’est plus lisible. Déposez-le de nouveau." in words(reponse)
    assert read_costs() == []


# --- Undoing, giving up ----------------------------------------------------------------------------


def test_undone_import_gives_back_what_was_there(
    administrateur: Client, convention: Convention, fiche: FicheAction, etudes: NatureDepense
) -> None:
    factories.LigneCoutFactory(fiche=fiche, nature=etudes, annee=2018, montant=factories.euros(3))
    drop(administrateur, convention, make_file(JUSTE, ("E.A 1.1", "Études", 2018, 4)))
    act(administrateur, "import_confirmer")
    page = words(act(administrateur, "import_annuler"))
    assert "Import annulé : le budget est tel qu’il était avant." in page
    assert "le budget est revenu à ce qu’il était." in page
    assert read_costs() == [(2018, 3)]


def test_import_whose_values_changed_is_not_undone_and_lists_them(
    administrateur: Client, convention: Convention, fiche: FicheAction
) -> None:
    drop(administrateur, convention, make_file(JUSTE))
    act(administrateur, "import_confirmer")
    LigneCout.objects.update(montant=Decimal(1600))
    reponse = administrateur.post(address("import_annuler"))
    assert reponse.status_code == 409
    assert "Une valeur écrite par cet import a changé depuis : il ne s’annule plus d’un bloc. Rien n’a été touché." in words(reponse)
    assert re.search("E.A 1.1.* : aujourd’hui 1 600 €", words(reponse, "//main//ul/li"))
    assert (read_costs(), ImportBudget.objects.get().etat) == ([(2019, 1600)], "fait")


@pytest.mark.parametrize("contenu", [make_file(JUSTE), OBSCURE, b"%PDF-"], ids=["previewed", "columns", "unreadable"])
def test_abandoned_import_writes_nothing_and_stays_in_the_journal(
    contenu: bytes, administrateur: Client, convention: Convention, fiche: FicheAction
) -> None:
    drop(administrateur, convention, contenu)
    page = words(act(administrateur, "import_abandonner"))
    assert "Import de « budget.xlsx » abandonné. Rien n’a été écrit." in page
    assert re.search("budget.xlsx .* Abandonné", page)
    assert (read_costs(), ImportBudget.objects.get().etat) == ([], "abandonne")


@pytest.mark.parametrize(
    ("etat", "nom", "raison"),
    [
        ("fait", "import_confirmer", "Cet import n’est plus à confirmer : importé."),
        ("annule", "import_confirmer", "Cet import n’est plus à confirmer : annulé."),
        ("apercu", "import_annuler", "Cet import n’est pas à annuler : à confirmer."),
        ("annule", "import_annuler", "Cet import n’est pas à annuler : annulé."),
        ("fait", "import_abandonner", "il ne s’abandonne plus."),
        ("ecriture", "import_abandonner", "il ne s’abandonne plus."),
    ],
)
def test_button_pressed_too_late_says_so(
    etat: str, nom: str, raison: str, administrateur: Client, convention: Convention, fiche: FicheAction
) -> None:
    factories.ImportBudgetFactory(convention=convention, etat=etat)
    assert raison in words(act(administrateur, nom))
    assert ImportBudget.objects.get().etat == etat
