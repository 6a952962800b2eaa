"""The three shapes of a budget read to the cent, each cell keeping its address."""

from decimal import Decimal
from typing import Any

import openpyxl
import pytest

from comptes.models import Organisation
from conventions.models import Axe, Convention
from fiches.models import FicheAction
from financement.cellules import Cellule
from financement.imports.formes import read_lignes
from financement.imports.lignes import Lecture
from financement.imports.reconnaissance import recognise
from financement.imports.referentiel import Referentiel
from financement.models import NatureDepense
from socle.lecture_classeur import read_classeur
from tests.budgets import LONG, PARTS, make_budget, make_sheets, read_rows
from tests.classeurs import write
from tests.factories import FicheFactory, NatureFactory, PartieFactory, euros

pytestmark = pytest.mark.django_db
LARGE = ("Code", "Nature", 2018, 2019)
RECAP = (
    ("Actions", None, 2018, None, None, "Total"),
    (None, None, "Agglo", "CCI", "Total", None),
)


@pytest.fixture
def fiche(convention: Convention, etudes: NatureDepense) -> FicheAction:
    fiche = FicheFactory(convention=convention, code="E.A 1.1", titre="Commerces")
    fiche.axe.titre = "Attractivité"
    fiche.axe.code = "1"
    fiche.axe.save()
    return fiche


@pytest.fixture
def autre(fiche: FicheAction) -> FicheAction:
    return FicheFactory(convention=fiche.convention, axe=fiche.axe, code="E.A 1.2", titre="Salons")


def read(fiche: FicheAction, *lignes: Any, **choix: Any) -> Lecture:
    lecture = read_rows(fiche.convention, make_budget(*lignes), **choix)
    assert lecture.refus == []
    return lecture


def read_one(fiche: FicheAction, *lignes: Any, **choix: Any) -> Cellule:
    (depense,) = read(fiche, *lignes, **choix).depenses
    return depense.cellule


def amounts(lecture: Lecture) -> list[tuple[int, int, str]]:
    return [(d.fiche, d.annee, str(d.cellule.montant)) for d in lecture.depenses]


def paid(montant: str, jours: str | None = None, tarif: str | None = None, mention: str = "") -> Cellule:
    def read(texte: str | None) -> Decimal | None:
        return None if texte is None else Decimal(texte)

    return Cellule("chiffre", Decimal(montant), read(jours), read(tarif), mention)


# --- One row an expense ----------------------------------------------------------------------------


def test_row_keeps_its_address_and_all_it_says(fiche: FicheAction, etudes: NatureDepense) -> None:
    lecture = read(fiche, ("Budget",), LONG, ("E.A 1.1", "Études", " Observatoire  local ", 2018, 2, 600, 1200, "à confirmer"))
    (depense,) = lecture.depenses
    assert depense.cle == (fiche.pk, etudes.pk, "Observatoire local", 2018)
    assert (depense.feuille, depense.place, depense.seul) == ("Budget", "G3", False)
    assert depense.cellule == paid("1200", "2", "600", "à confirmer")
    assert lecture.nb_lignes == 1


@pytest.mark.parametrize(
    ("jours", "tarif", "montant", "attendue"),
    [
        (2, 450, None, paid("900", "2", "450")),
        ("16,5 j", "600 €", "", paid("9900", "16.5", "600")),
        (2, None, None, paid("1200", "2", "600")),
        (2, 450, 1000, paid("1000", "2", "450")),
        (2, None, 1000, paid("1000", "2")),
        (None, None, "16 200 €", paid("16200")),
        (None, None, "9 900 € (16,5 j)", paid("9900", "16.5")),
        (None, None, "9 900 € (16,5 j × 600)", paid("9900", "16.5", "600")),
        (None, None, "27 j", paid("16200", "27", "600")),
        (None, None, 0, paid("0")),
        (None, None, 0.1 + 0.2, paid("0.30")),
        (None, None, "sur devis", Cellule("sur_devis")),
        (None, None, "À déterminer", Cellule("inconnu")),
        (4, None, "Sur devis", Cellule("sur_devis", None, Decimal(4))),
    ],
)
def test_days_rate_and_amount_complete_each_other(fiche: FicheAction, jours: Any, tarif: Any, montant: Any, attendue: Cellule) -> None:
    assert read_one(fiche, LONG, ("E.A 1.1", "Études", "", 2018, jours, tarif, montant, "")) == attendue


@pytest.mark.parametrize("montant", [None, "", "/", "-", "–", "  "])
def test_row_without_amount_says_no_expense(fiche: FicheAction, montant: Any) -> None:
    assert read(fiche, LONG, ("E.A 1.1", "Études", "", 2018, None, None, montant, "")).depenses == []


def test_mention_of_the_amount_gives_way_to_that_of_its_column(fiche: FicheAction) -> None:
    ligne = ("E.A 1.1", "Études", "", 2018, None, None, "3 400 (suivant événement)", "")
    assert read_one(fiche, LONG, ligne).mention == "suivant événement"
    assert read_one(fiche, LONG, (*ligne[:7], "au forfait")).mention == "au forfait"


@pytest.mark.parametrize(
    "code", ["E.A 1.1", "EA 1.1", "E.A. 1.1", "e.a 1.1", "E.A1.1", "EA\u00a01.1", "E.A 1.1 – Commerces", "E.A 1.1 : Commerces"]
)
def test_code_is_known_however_it_is_written(fiche: FicheAction, code: str) -> None:
    assert [d.fiche for d in read(fiche, LARGE, (code, "Études", 100, None)).depenses] == [fiche.pk]


def test_code_made_of_figures_is_known_as_a_number(fiche: FicheAction) -> None:
    numero = FicheFactory(convention=fiche.convention, code="12")
    assert [d.fiche for d in read(fiche, LARGE, (12, "Études", 100, None), (12.0, "études", None, 1)).depenses] == [numero.pk] * 2


@pytest.mark.parametrize("nature", ["Études", "ETUDES", " études ", "Etudes"])
def test_nature_is_known_whatever_its_accents(fiche: FicheAction, nature: str) -> None:
    assert len(read(fiche, LARGE, ("E.A 1.1", nature, 100, None)).depenses) == 1


@pytest.mark.parametrize("annee", [2018, 2018.0, "2018", " 2018 "])
def test_year_is_read_as_number_or_text(fiche: FicheAction, annee: Any) -> None:
    assert read(fiche, LONG, ("E.A 1.1", "Études", "", annee, None, None, 10, "")).depenses[0].annee == 2018


def test_libelle_protected_from_formulas_comes_back_as_it_was(fiche: FicheAction) -> None:
    assert read(fiche, LONG, ("E.A 1.1", "Études", "'=1+1", 2018, None, None, 10, "'-x")).depenses[0].libelle == "=1+1"


# --- Shares ----------------------------------------------------------------------------------------


def test_row_gives_a_cost_and_a_share(fiche: FicheAction, etudes: NatureDepense, cci: Organisation) -> None:
    titres = ("Code", "Nature", "Libellé", "Année", "Montant", "Financeur", "Taux", "Part")
    lecture = read(fiche, titres, ("E.A 1.1", "Études", "x", 2018, 1000, "CCI", "80 %", 800))
    assert amounts(lecture) == [(fiche.pk, 2018, "1000.00")]
    (part,) = lecture.parts
    assert part.cle == (fiche.pk, cci.pk, etudes.pk, 2018)
    assert (part.taux, part.montant, part.mention, part.place) == (80, 800, None, "F2")


def test_rate_is_a_percentage_whether_shown_or_written(fiche: FicheAction, agglo: Organisation, cci: Organisation) -> None:
    lignes = (PARTS, ("E.A 1.1", "CCI", "", "", 0.433333, None), ("E.A 1.1", "Agglo", "", "", "56,6667 %", None))
    lecture = read_rows(fiche.convention, make_budget(*lignes, formats={"E2": "0.00%"}))
    assert [(p.financeur, str(p.taux)) for p in lecture.parts] == [(cci.pk, "43.3333"), (agglo.pk, "56.6667")]
    assert [(p.nature, p.annee) for p in lecture.parts] == [(None, None)] * 2


def test_sheet_of_shares_reads_its_amounts_as_shares(fiche: FicheAction, cci: Organisation) -> None:
    lecture = read(fiche, ("Code", "Financeur", "Année", "Montant", "Mention"), ("E.A 1.1", "CCI", 2019, 300, "acquis"))
    (part,) = lecture.parts
    assert (lecture.depenses, part.annee, part.taux, part.montant, part.mention) == ([], 2019, None, 300, "acquis")


@pytest.mark.parametrize("qui", ["Non réparti", "NON REPARTI", "non  réparti"])
def test_share_of_nobody_is_not_shared(fiche: FicheAction, qui: str) -> None:
    (part,) = read(fiche, PARTS, ("E.A 1.1", qui, "", "", 20, None)).parts
    assert (part.financeur, part.taux) == (None, 20)


@pytest.mark.parametrize("qui", ["CCI", "cci", "CCI d’essai", "CCI d'essai", "La chambre"])
def test_financeur_is_known_by_the_names_of_the_convention(fiche: FicheAction, cci: Organisation, qui: str) -> None:
    partie = fiche.convention.parties.get(organisation=cci)
    partie.denomination = "La chambre"
    partie.save()
    assert read(fiche, PARTS, ("E.A 1.1", qui, "", "", 20, None)).parts[0].financeur == cci.pk


# --- Years in columns ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "attendue"),
    [
        ("9 900 € (16,5 j)", paid("9900", "16.5")),
        ("16,5 j", paid("9900", "16.5", "600")),
        ("27 j × 450", paid("12150", "27", "450")),
        ("Sur devis", Cellule("sur_devis")),
        ("sur devis (suivant événement)", Cellule("sur_devis", mention="suivant événement")),
        (1234.5, paid("1234.50")),
        ("1\u202f234,50 €", paid("1234.50")),
        ("15.400,00 €", paid("15400")),
        (0, paid("0")),
    ],
)
def test_cell_of_a_year_is_read_as_in_the_grid(fiche: FicheAction, case: Any, attendue: Cellule) -> None:
    assert read_one(fiche, LARGE, ("E.A 1.1", "Études", None, case)) == attendue


@pytest.mark.parametrize("case", [None, "/", "-", "—", " "])
def test_year_without_expense_is_no_row(fiche: FicheAction, case: Any) -> None:
    assert amounts(read(fiche, LARGE, ("E.A 1.1", "Études", 10, case))) == [(fiche.pk, 2018, "10.00")]


def test_number_shown_in_days_is_days(fiche: FicheAction) -> None:
    lecture = read_rows(fiche.convention, make_budget(LARGE, ("E.A 1.1", "Études", 4, None), formats={"C2": '0.0" j"'}))
    assert [d.cellule for d in lecture.depenses] == [paid("2400", "4", "600")]


def test_mention_of_a_row_is_that_of_each_year(fiche: FicheAction) -> None:
    lecture = read(fiche, (*LARGE, "Mention"), ("E.A 1.1", "Études", 10, "20 (ferme)", "au forfait"))
    assert [d.cellule.mention for d in lecture.depenses] == ["au forfait", "ferme"]


def test_column_proves_what_its_ambiguous_numbers_mean(fiche: FicheAction, autre: FicheAction) -> None:
    lecture = read(fiche, LARGE, ("E.A 1.1", "Études", "15.400 €", None), ("E.A 1.2", "Études", "1.234,50 €", "12,5 €"))
    assert [m for _, _, m in amounts(lecture)] == ["15400.00", "1234.50", "12.50"]
    assert [r.replace("\u202f", " ") for r in lecture.remarques] == [
        "Feuille « Budget » : nombres compris d’après le reste de leur colonne : C2 « 15.400 € » lu 15 400 €."
    ]


def test_one_nature_chosen_for_all_rows(fiche: FicheAction, etudes: NatureDepense) -> None:
    lecture = read(fiche, ("Code", 2018, 2019), ("E.A 1.1", 100, 200), nature=etudes.pk)
    assert [(d.nature, d.annee) for d in lecture.depenses] == [(etudes.pk, 2018), (etudes.pk, 2019)]


# --- Groups, merged cells, repeated codes ----------------------------------------------------------


def test_row_that_only_names_a_fiche_opens_the_rows_below(fiche: FicheAction, autre: FicheAction) -> None:
    lignes = (("E.A 1.1 – Commerces",), (None, "Études", 10, None), ("E.A 1.2",), (None, "Études", 20, None))
    assert amounts(read(fiche, LARGE, *lignes)) == [(fiche.pk, 2018, "10.00"), (autre.pk, 2018, "20.00")]


def test_row_that_names_an_axe_is_passed(fiche: FicheAction) -> None:
    assert len(read(fiche, LARGE, ("Axe Attractivité",), ("E.A 1.1", "Études", 10, None)).depenses) == 1


def test_merged_code_is_that_of_all_its_rows(fiche: FicheAction, autre: FicheAction) -> None:
    NatureFactory(nom="Salons")
    classeur = openpyxl.Workbook()
    for ligne in (LARGE, ("E.A 1.1", "Études", 10), (None, "Salons", 20), ("E.A 1.2", "Études", 30), (None, "Salons", 40)):
        classeur.active.append(list(ligne))
    classeur.active.merge_cells("A2:A3")
    lecture = read_rows(fiche.convention, write(classeur))
    assert amounts(lecture) == [(fiche.pk, 2018, "10.00"), (fiche.pk, 2018, "20.00"), (autre.pk, 2018, "30.00")]
    assert [(r.cellule, r.raison) for r in lecture.refus] == [
        ("A5", "Le code de la fiche manque. Écrivez-le sur chaque ligne, ou cochez « répéter le code du dessus ».")
    ]


def test_code_is_repeated_only_when_asked(fiche: FicheAction) -> None:
    NatureFactory(nom="Salons")
    lignes = (LARGE, ("E.A 1.1", "Études", 10, None), (None, "Salons", 20, None))
    assert [r.cellule for r in read_rows(fiche.convention, make_budget(*lignes)).refus] == ["A3"]
    assert amounts(read(fiche, *lignes, recopier=True)) == [(fiche.pk, 2018, "10.00"), (fiche.pk, 2018, "20.00")]


def test_unknown_code_is_never_replaced_by_the_one_above(fiche: FicheAction) -> None:
    NatureFactory(nom="Salons")
    lignes = (LARGE, ("E.A 1.1", "Études", 10, None), ("E.A 9.9", "Salons", 20, None), (None, "Salons", 30, None))
    lecture = read_rows(fiche.convention, make_budget(*lignes), recopier=True)
    assert ([d.place for d in lecture.depenses], [r.cellule for r in lecture.refus]) == (["C2"], ["A3", "A4"])


# --- Total rows and hidden ones --------------------------------------------------------------------


def test_total_rows_are_checked_and_never_imported(fiche: FicheAction, autre: FicheAction) -> None:
    lecture = read(
        fiche,
        LARGE,
        ("E.A 1.1", "Études", 10, 1),
        ("Total E.A 1.1", None, 10, 1),
        ("E.A 1.2", "Études", 20, 2),
        ("Sous-total", None, 20, 2),
        ("TOTAL GÉNÉRAL", None, 30, 4),
    )
    assert [m for _, _, m in amounts(lecture)] == ["10.00", "1.00", "20.00", "2.00"]
    assert (lecture.nb_lignes, lecture.remarques) == (
        2,
        ["Feuille « Budget » : « TOTAL GÉNÉRAL » écrit 4,00 en D6, les lignes lues font 3,00."],
    )


def test_hidden_rows_columns_and_sheets_are_told(fiche: FicheAction, autre: FicheAction) -> None:
    classeur = openpyxl.Workbook()
    feuille = classeur.active
    feuille.title = "Budget"
    for ligne in (LARGE, ("E.A 1.1", "Études", 10, 1), ("E.A 1.2", "Études", 20, 2)):
        feuille.append(list(ligne))
    feuille.row_dimensions[3].hidden = True
    feuille.row_dimensions[9].hidden = True
    feuille.column_dimensions["D"].hidden = True
    classeur.create_sheet("Visible")
    feuille.sheet_state = "hidden"
    lecture = read_rows(fiche.convention, write(classeur))
    assert len(lecture.depenses) == 4
    assert lecture.remarques == [
        "Feuille « Budget » : cette feuille est masquée dans le fichier.",
        "Feuille « Budget » : lignes masquées, lues comme les autres : 3.",
        "Feuille « Budget » : colonnes masquées, lues comme les autres : D.",
    ]


# --- Declared recap --------------------------------------------------------------------------------


def read_recap(fiche: FicheAction, *lignes: Any) -> Lecture:
    return read(fiche, *RECAP, *lignes)


def test_recap_is_kept_as_declared(fiche: FicheAction, agglo: Organisation, cci: Organisation) -> None:
    lecture = read_recap(fiche, ("E.A 1.1", "Commerces", 80, 20, 999, 1000))
    assert [(c.fiche, c.axe, c.annee, c.financeur, c.montant) for c in lecture.recap] == [
        (fiche.pk, None, 2018, agglo.pk, 80),
        (fiche.pk, None, 2018, cci.pk, 20),
        (fiche.pk, None, 2018, None, 999),
        (fiche.pk, None, None, None, 1000),
    ]
    assert lecture.recap[2].place == "E3"


def test_subtotals_and_total_of_a_recap_are_declared_too(fiche: FicheAction) -> None:
    axe = Axe.objects.get()
    lecture = read_recap(
        fiche,
        ("Axe Attractivité",),
        ("Total Attractivité", None, 1, 2, 3),
        ("Sous-total axe 1", None, None, None, None, 4),
        ("TOTAL", None, 5),
    )
    assert [(c.fiche, c.axe, c.montant) for c in lecture.recap] == [(None, axe.pk, m) for m in (1, 2, 3, 4)] + [(None, None, 5)]


def test_words_and_negative_amounts_of_a_recap_are_kept(fiche: FicheAction) -> None:
    lecture = read_recap(fiche, ("E.A 1.1", None, "Sur devis", "-12,50 €", "(7 €)", "/"))
    assert [(c.montant, c.mention) for c in lecture.recap] == [(None, "Sur devis"), (Decimal("-12.5"), ""), (Decimal(-7), "")]


def test_unknown_row_of_a_recap_is_refused(fiche: FicheAction) -> None:
    lignes = (("E.A 1.9", None, 1), ("Total Emploi", None, 2), (None, None, 3))
    lecture = read_rows(fiche.convention, make_budget(*RECAP, ("E.A 1.1", None, 1), *lignes))
    assert [(r.cellule, r.raison) for r in lecture.refus] == [
        ("A4", "Aucune fiche de la convention ne porte le code « E.A 1.9 ». Les plus proches : E.A 1.1."),
        ("A5", "« Total Emploi » : cet axe n’est pas dans la convention."),
        ("A6", "Le code de la fiche manque."),
    ]


# --- Several sheets --------------------------------------------------------------------------------


def test_sheets_of_costs_and_shares_are_read_together(fiche: FicheAction, cci: Organisation) -> None:
    feuilles = {"Coûts": [LONG, ("E.A 1.1", "Études", "", 2018, "", "", 10, "")], "Parts": [PARTS, ("E.A 1.1", "CCI", "", "", "80 %", "")]}
    classeur, ref = read_classeur(make_sheets(feuilles), "budget.xlsx"), Referentiel(fiche.convention)
    lecture = read_lignes(classeur, [recognise(f, ref) for f in classeur.feuilles], ref)
    assert ([(d.feuille, d.place) for d in lecture.depenses], [(p.feuille, p.place) for p in lecture.parts]) == (
        [("Coûts", "G2")],
        [("Parts", "B2")],
    )


def test_convention_without_daily_rate_asks_for_the_price_of_a_day(fiche: FicheAction) -> None:
    fiche.convention.tarif_journalier = None
    lecture = read_rows(fiche.convention, make_budget(LONG, ("E.A 1.1", "Études", "", 2018, 2, None, None, "")))
    assert [(r.cellule, r.raison) for r in lecture.refus] == [
        ("G2", "Le prix du jour n’est pas connu : ajoutez une colonne « Tarif », ou un tarif journalier à la convention.")
    ]
    fiche.convention.tarif_journalier = euros(500)
    assert read_one(fiche, LONG, ("E.A 1.1", "Études", "", 2018, 2, None, None, "")) == paid("1000", "2", "500")


def test_third_party_of_the_convention_is_known(fiche: FicheAction) -> None:
    region = PartieFactory(convention=fiche.convention, nom_court="Région").organisation
    assert read(fiche, PARTS, ("E.A 1.1", "region", "", "", 20, None)).parts[0].financeur == region.pk
