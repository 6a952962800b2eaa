"""Sheets recognised from what they hold: certain, or asked with the reasons; never guessed in silence."""

from typing import Any

import openpyxl
import pytest

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention
from fiches.models import FicheAction
from financement.imports.actes import ImportImpossible, choose, reopen
from financement.imports.champs import normalize, read_annee
from financement.imports.formulaire import FormulaireColonnes
from financement.imports.journal import ImportBudget
from financement.imports.reconnaissance import Proposition, is_total
from financement.models import NatureDepense
from financement.tableur_budget import FORMATS, write_budget
from tests.budgets import LONG, deposit_budget, make_author, make_budget, make_sheets, recognise_rows
from tests.classeurs import write
from tests.factories import AxeFactory, CoFinancementFactory, FicheFactory, LigneCoutFactory, NatureFactory, euros

pytestmark = pytest.mark.django_db
Etat = ImportBudget.Etat
LARGE = ("Code", "Nature", "2018", "2019", "2020")


@pytest.fixture
def fiche(convention: Convention, etudes: NatureDepense) -> FicheAction:
    return FicheFactory(convention=convention, code="E.A 1.1", titre="Commerces")


@pytest.fixture
def autre(fiche: FicheAction) -> FicheAction:
    return FicheFactory(convention=fiche.convention, code="E.A 1.2", titre="Salons")


@pytest.fixture
def auteur(convention: Convention) -> Utilisateur:
    return make_author(convention)


# --- The three shapes ------------------------------------------------------------------------------


def test_one_row_an_expense_is_recognised(convention: Convention, fiche: FicheAction) -> None:
    lue = recognise_rows(convention, LONG, ("E.A 1.1", "Études", "Observatoire", 2018, 2, 600, 1200, ""))
    assert (lue.forme, lue.certaine, lue.motifs, lue.titres) == ("long", True, [], 0)
    assert list(lue.colonnes.values()) == ["code", "nature", "libelle", "annee", "jours", "tarif", "montant", "mention"]


def test_years_in_columns_are_recognised(convention: Convention, fiche: FicheAction) -> None:
    lue = recognise_rows(convention, LARGE, ("E.A 1.1", "Études", 100, "/", "Sur devis"))
    assert (lue.forme, lue.certaine) == ("large", True)
    assert lue.colonnes == {0: "code", 1: "nature", 2: "annee:2018", 3: "annee:2019", 4: "annee:2020"}


@pytest.mark.parametrize("titre", [2019, "2019", "Année 2019", "Budget 2019 (€)", "Exercice 2019", "Prévu 2019 en euros"])
def test_year_is_read_in_a_title(convention: Convention, fiche: FicheAction, titre: Any) -> None:
    lue = recognise_rows(convention, ("Code", "Nature", 2018, titre), ("E.A 1.1", "Études", 100, 200))
    assert lue.list_annees() == [(2, 2018), (3, 2019)]


@pytest.mark.parametrize("titre", ["2018-2019", "20190", "Année", "1789", 2019.5, True, None, "2019" * 20])
def test_no_single_year_is_no_year(titre: Any) -> None:
    assert read_annee(titre) is None


def test_fiches_in_rows_of_one_nature_ask_which_nature(convention: Convention, fiche: FicheAction, etudes: NatureDepense) -> None:
    lue = recognise_rows(convention, ("Code", "Action", 2018, 2019), ("E.A 1.1", "Commerces", 100, 200))
    assert (lue.forme, lue.certaine) == ("large", False)
    assert lue.motifs == ["Aucune colonne ne donne la nature de dépense : choisissez la colonne, ou la nature de toutes les lignes."]


def test_sheet_called_by_the_code_of_a_fiche_is_that_fiches(convention: Convention, fiche: FicheAction) -> None:
    lue = recognise_rows(convention, ("Nature", 2018, 2019), ("Études", 100, 200), nom="EA 1.1")
    assert (lue.fiche, lue.certaine) == (fiche.pk, True)


def test_fiche_named_above_the_table_is_proposed_and_asked(convention: Convention, fiche: FicheAction) -> None:
    lue = recognise_rows(convention, ("Fiche EA 1.1 – Commerces",), (), ("Nature", 2018, 2019), ("Études", 100, 200))
    assert (lue.fiche, lue.certaine) == (fiche.pk, False)
    assert lue.motifs == ["Aucune colonne ne donne le code de la fiche : E.A 1.1 est lu au-dessus du tableau. Confirmez."]


def test_annex_with_years_above_and_parties_below_is_a_recap(convention: Convention, fiche: FicheAction) -> None:
    agglo, cci = (partie.organisation_id for partie in convention.parties.all())
    lue = recognise_rows(
        convention,
        ("Annexe 2 – Récapitulatif financier",),
        ("Actions", None, 2018, None, None, 2019, None, None, "Total"),
        (None, None, "Agglo", "CCI", "Total", "Agglo", "CCI", "Total", None),
        ("Axe 1 – Attractivité",),
        ("E.A 1.1", "Commerces", 80, 20, 100, 160, 40, 200, 300),
        ("Total général", None, 80, 20, 100, 160, 40, 200, 300),
    )
    assert (lue.forme, lue.certaine, lue.motifs, lue.titres) == ("recap", True, [], 2)
    assert lue.find("code") == 0
    assert lue.list_recap() == [
        *((2, 2018, agglo), (3, 2018, cci), (4, 2018, "total")),
        *((5, 2019, agglo), (6, 2019, cci), (7, 2019, "total"), (8, None, "total")),
    ]


def test_sheet_without_titles_is_asked(convention: Convention, fiche: FicheAction) -> None:
    lue = recognise_rows(convention, ("E.A 1.1", "Études", 100))
    assert (lue.forme, lue.certaine) == ("", False)
    assert lue.motifs == ["Aucune ligne de titres reconnue : dites où elle est et ce que contient chaque colonne."]


# --- Titles ----------------------------------------------------------------------------------------


def test_titles_stand_under_rows_of_words(convention: Convention, fiche: FicheAction) -> None:
    lue = recognise_rows(convention, ("Budget prévisionnel 2018-2020",), ("en euros",), (), LARGE, ("E.A 1.1", "Études", 100, 0, 0))
    assert (lue.titres, lue.certaine) == (3, True)


@pytest.mark.parametrize(
    ("titres", "contenus"),
    [
        (("CODE FICHE", "Nature de dépense", "ANNEE", "Montant (€ HT)"), "code nature annee montant"),
        (("Fiche action", "Poste", "Exercice", "Coût total"), "code nature annee montant"),
        (("N° fiche", "NATURE  de la  dépense", "Millésime", "Dépense"), "code nature annee montant"),
        (("Code de la fiche", "Type de dépense", "Année", "Montant €"), "code nature annee montant"),
        (("Code", "Nature", "Année", "Nb jours"), "code nature annee jours"),
        (("Code", "Nature", "Année", "Nombre de jours (j/h)"), "code nature annee jours"),
    ],
)
def test_titles_are_read_whatever_their_accents_and_words(
    convention: Convention, fiche: FicheAction, titres: tuple[str, ...], contenus: str
) -> None:
    lue = recognise_rows(convention, titres, ("E.A 1.1", "Études", 2018, 100))
    assert list(lue.colonnes.values()) == contenus.split()
    assert lue.certaine


@pytest.mark.parametrize("titre", ["Co-financeur", "Cofinanceur", "Financeurs", "Organisme"])
def test_titles_of_shares_are_read(convention: Convention, fiche: FicheAction, titre: str) -> None:
    lue = recognise_rows(convention, ("Code", titre, "Taux de financement (%)"), ("E.A 1.1", "CCI", "80 %"))
    assert (list(lue.colonnes.values()), lue.certaine) == (["code", "financeur", "taux"], True)


def test_signs_and_units_do_not_count_in_titles() -> None:
    assert normalize("  Montant (€ HT) ") == "montant"
    assert normalize("N° d’Œuvre") == "n d oeuvre"
    assert normalize("(€)") == "eur"


@pytest.mark.parametrize("texte", ["Total", "TOTAL GÉNÉRAL", "Sous-total Études", "S/Total", "sous total", "Totaux", "Ensemble"])
def test_titles_of_total_rows_are_known(texte: str) -> None:
    assert is_total(texte)


@pytest.mark.parametrize("texte", ["", "Totalement", "Sous-traitance", "Suivi des totaux", "E.A 1.1"])
def test_other_words_are_no_total(texte: str) -> None:
    assert not is_total(texte)


# --- Content against titles ------------------------------------------------------------------------


def test_column_without_title_is_found_by_its_content(convention: Convention, fiche: FicheAction) -> None:
    lue = recognise_rows(convention, (None, None, 2018, 2019), ("EA 1.1", "Études", 100, 200), ("e.a 1.1", "ETUDES", 1, 2))
    assert (lue.find("code"), lue.find("nature"), lue.certaine) == (0, 1, True)


def test_total_rows_do_not_blur_the_content_of_a_column(convention: Convention, fiche: FicheAction) -> None:
    lue = recognise_rows(convention, (None, "Nature", 2018, 2019), ("EA 1.1", "Études", 100, 200), ("Total", None, 100, 200))
    assert (lue.find("code"), lue.certaine) == (0, True)


def test_column_mostly_found_by_its_content_is_asked(convention: Convention, fiche: FicheAction) -> None:
    lignes = [("EA 1.1", "Études", 100, 200)] * 3 + [("EA 9.9", "Études", 100, 200)]
    lue = recognise_rows(convention, ("x", "Nature", 2018, 2019), *lignes)
    assert (lue.find("code"), lue.certaine) == (0, False)
    assert lue.motifs == ["La colonne A semble être « Code de la fiche ». Confirmez."]


def test_column_that_does_not_hold_what_its_title_says_is_asked(convention: Convention, fiche: FicheAction) -> None:
    lue = recognise_rows(convention, LARGE, ("E.A 1.1", "Bureau", 100, 0, 0), ("E.A 1.1", "Voiture", 100, 0, 0))
    assert not lue.certaine
    assert lue.motifs == ["La colonne B, « Nature de dépense », contient surtout des valeurs inconnues."]


def test_missing_columns_are_all_told_at_once(convention: Convention, fiche: FicheAction) -> None:
    lue = recognise_rows(convention, ("Titre", "Libellé", "Mention"), ("Commerces", "Observatoire", "x"))
    assert lue.motifs == [
        "Aucune colonne ne donne le code de la fiche : choisissez la colonne, ou la fiche.",
        "Aucune colonne ne donne la nature de dépense : choisissez la colonne, ou la nature de toutes les lignes.",
        "Aucune colonne ne donne l’année : choisissez la colonne, ou l’année de toutes les lignes.",
        "Aucune colonne de montant, de jours ou de part n’est reconnue.",
    ]


# --- What is asked, what is not --------------------------------------------------------------------


def test_doubt_leaves_the_import_to_be_told_with_its_reasons(convention: Convention, fiche: FicheAction, auteur: Utilisateur) -> None:
    imp = deposit_budget(auteur, convention, make_budget(("Code", 2018, 2019), ("E.A 1.1", 100, 200)))
    imp.refresh_from_db()
    assert (imp.etat, imp.apercu) == (Etat.DEPOSE, {})
    assert "nature" in imp.propositions[0]["motifs"][0]
    assert [c["titre"] for c in imp.lecture["feuilles"][0]["colonnes"]] == ["Code", "2018", "2019"]
    assert imp.lecture["feuilles"][0]["colonnes"][1]["exemples"] == ["100"]


def test_file_that_cannot_be_read_fails_with_its_reason(convention: Convention, auteur: Utilisateur) -> None:
    imp = deposit_budget(auteur, convention, b"%PDF-1.7")
    assert (imp.etat, imp.message) == (Etat.ECHEC, "Ce fichier est un PDF. Demandez le tableur dont il vient.")


def test_two_sheets_of_budget_are_asked(convention: Convention, fiche: FicheAction, auteur: Utilisateur) -> None:
    lignes = [LARGE, ("E.A 1.1", "Études", 100, 0, 0)]
    imp = deposit_budget(auteur, convention, make_sheets({"Version 1": lignes, "Version 2": lignes}))
    assert imp.etat == Etat.DEPOSE
    assert imp.propositions[0]["motifs"] == ["Plusieurs feuilles contiennent un budget (Version 1 et Version 2) : choisissez celle à lire."]


def test_second_sheet_that_may_be_a_budget_is_asked(convention: Convention, fiche: FicheAction, auteur: Utilisateur) -> None:
    feuilles = {"Budget": [LARGE, ("E.A 1.1", "Études", 100, 0, 0)], "Autre": [("Code", 2018, 2019), ("E.A 1.1", 1, 2)]}
    imp = deposit_budget(auteur, convention, make_sheets(feuilles))
    assert imp.etat == Etat.DEPOSE
    assert imp.propositions[0]["motifs"] == ["D’autres feuilles peuvent contenir un budget (Autre) : confirmez celle à lire."]


def test_sheet_of_words_and_hidden_sheets_ask_nothing(convention: Convention, fiche: FicheAction, auteur: Utilisateur) -> None:
    classeur = openpyxl.Workbook()
    classeur.active.title = "Lisez-moi"
    classeur.active.append(["Budget de l’année"])
    for nom in ("Budget", "Ancien"):
        feuille = classeur.create_sheet(nom)
        for ligne in (LARGE, ("E.A 1.1", "Études", 100, 0, 0)):
            feuille.append(list(ligne))
    classeur["Ancien"].sheet_state = "hidden"
    imp = deposit_budget(auteur, convention, write(classeur))
    assert (imp.etat, imp.propositions[0]["feuille"]) == (Etat.APERCU, "Budget")


def test_sheet_is_chosen_by_its_name(convention: Convention, fiche: FicheAction, auteur: Utilisateur) -> None:
    lignes = [LARGE, ("E.A 1.1", "Études", 100, 0, 0)]
    imp = deposit_budget(auteur, convention, make_sheets({"Version 1": lignes, "Version 2": lignes}))
    with pytest.raises(ImportImpossible) as refus:
        choose(imp, "Version 3")
    assert str(refus.value) == "Aucune feuille ne s’appelle « Version 3 ». Feuilles du fichier : Version 1 et Version 2."
    choose(imp, "Version 2")
    assert (imp.etat, imp.propositions[0]["feuille"]) == (Etat.APERCU, "Version 2")


@pytest.mark.parametrize("forme", FORMATS)
@pytest.mark.parametrize("modele", [False, True])
def test_own_export_asks_nothing(
    convention: Convention, fiche: FicheAction, cci: Organisation, auteur: Utilisateur, forme: str, modele: bool
) -> None:
    LigneCoutFactory(fiche=fiche, nature=NatureDepense.objects.get(), montant=euros(1200))
    CoFinancementFactory(fiche=fiche, financeur=cci, taux=80)
    imp = deposit_budget(auteur, convention, write_budget(convention, forme, modele), f"budget.{forme}")
    assert (imp.etat, imp.comptes["nouveaux"], imp.comptes["modifies"], imp.comptes["rejetes"]) == (Etat.APERCU, 0, 0, 0)
    assert imp.comptes["inchanges"] == (1 if forme == "csv" else 2)


# --- A reading kept and given back ------------------------------------------------------------------


def test_reading_comes_back_as_it_was_kept(convention: Convention, fiche: FicheAction, autre: FicheAction) -> None:
    lue = recognise_rows(convention, LARGE, ("E.A 1.1", "Études", 100, 0, 0))
    assert lue.to_json()["titres"] == 1
    assert lue.to_json()["colonnes"]["C"] == "annee:2018"
    assert Proposition.from_json(lue.to_json()) == lue


def test_unknown_key_of_a_reading_is_refused() -> None:
    with pytest.raises(ValueError, match="Clés inconnues : colonne, format"):
        Proposition.from_json({"feuille": "Budget", "format": "long", "colonne": {}})


@pytest.mark.parametrize("lettres", ["", "1", "A1", "É", "ABCD", "-"])
def test_unknown_column_of_a_reading_is_refused(lettres: str) -> None:
    with pytest.raises(ValueError, match="n’est pas une colonne"):
        Proposition.from_json({"feuille": "Budget", "colonnes": {lettres: "code"}})


@pytest.mark.parametrize(
    "contenu",
    [
        *("", "couleur", "code:1", "annee:", "annee:19", "annee:1789", "annee:2019:1", "annee:²", "annee:" + "9" * 5000),
        *("recap", "recap:2019", "recap:1789:total", "recap:2019:abc", "recap:2019:", "recap:2019:1:2", "recap:2019:" + "9" * 50),
        *("recap:toujours:total", "total", "recap:" + "20190" * 900 + ":total"),
    ],
)
def test_unknown_content_of_a_column_is_refused(contenu: str) -> None:
    with pytest.raises(ValueError, match="n’est pas un contenu de colonne"):
        Proposition.from_json({"feuille": "Budget", "colonnes": {"A": contenu}})


@pytest.mark.parametrize("contenu", ["code", "annee", "annee:2019", "recap:2019:total", "recap:2019:12", "recap:periode:total"])
def test_known_content_of_a_column_is_kept(contenu: str) -> None:
    assert Proposition.from_json({"feuille": "Budget", "colonnes": {"AB": contenu}}).colonnes == {27: contenu}


# --- Columns chosen by a person --------------------------------------------------------------------


def test_columns_chosen_by_a_person_are_read(
    convention: Convention, fiche: FicheAction, auteur: Utilisateur, etudes: NatureDepense
) -> None:
    NatureFactory(nom="Salons")
    imp = deposit_budget(auteur, convention, make_budget(("Code", 2018, 2019), ("E.A 1.1", 100, 200)))
    choix = {"feuille": "Budget", "titres": "1", "forme": "large", "c-A": "code", "c-B": "annee:2018", "nature": str(etudes.pk)}
    (lue,) = FormulaireColonnes(imp, choix).read()
    assert (lue.nature, lue.fiche, lue.colonnes) == (etudes.pk, None, {0: "code", 1: "annee:2018"})
    reopen(imp, [lue])
    assert imp.propositions == [lue.to_json()]


def test_columns_chosen_wrongly_are_refused_all_at_once(convention: Convention, fiche: FicheAction, auteur: Utilisateur) -> None:
    imp = deposit_budget(auteur, convention, make_budget(("Code", 2018, 2019), ("E.A 1.1", 100, 200)))
    choix = {"feuille": "Budget", "titres": "1", "forme": "ronde", "c-A": "code", "c-B": "code", "c-C": "couleur"}
    with pytest.raises(ImportImpossible) as refus:
        FormulaireColonnes(imp, choix).read()
    assert str(refus.value) == (
        "Deux colonnes ont le même contenu : Code de la fiche. Gardez-en une. Choisissez la disposition du tableau. "
        "« couleur » n’est pas un contenu de colonne."
    )


def test_reading_that_lacks_something_is_not_kept(convention: Convention, fiche: FicheAction, auteur: Utilisateur) -> None:
    AxeFactory(convention=convention)
    imp = deposit_budget(auteur, convention, make_budget(("Code", 2018, 2019), ("E.A 1.1", 100, 200)))
    with pytest.raises(ImportImpossible, match="Aucune colonne d’année n’est reconnue"):
        reopen(imp, [Proposition("Budget", "large", 0, {0: "code", 1: "nature"})])
