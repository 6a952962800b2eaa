"""Every cell that cannot be read for sure is refused at its address, with the reason and the remedy in French."""

import datetime as dt
from typing import Any

import openpyxl
import pytest

from comptes.models import Organisation
from conventions.models import Convention
from fiches.models import FicheAction
from financement.models import NatureDepense
from tests.budgets import LONG, PARTS, make_budget, read_rows
from tests.classeurs import sheet_xlsx, write
from tests.ecritures import spell
from tests.factories import FicheFactory, NatureFactory, OrganisationFactory

pytestmark = pytest.mark.django_db
LARGE = ("Code", "Nature", 2018, 2019)


@pytest.fixture
def fiche(convention: Convention, etudes: NatureDepense) -> FicheAction:
    return FicheFactory(convention=convention, code="E.A 1.1", titre="Commerces")


def refuse(fiche: FicheAction, *lignes: Any, formats: dict[str, str] | None = None, **choix: Any) -> list[tuple[str, str]]:
    """Cell and reason of each refusal; a refused row gives nothing else."""
    lecture = read_rows(fiche.convention, make_budget(*lignes, formats=formats), **choix)
    assert {d.rang for d in lecture.depenses} & {d.rang for d in lecture.parts} == set()
    return [(r.cellule, spell(r.raison)) for r in lecture.refus]


def refuse_case(fiche: FicheAction, case: Any, code: str = "") -> str:
    """The reason why a year's cell is refused."""
    ((cellule, raison),) = refuse(fiche, LARGE, ("E.A 1.1", "Études", case, 5), formats={"C2": code} if code else None)
    assert cellule == "C2"
    return raison


def refuse_row(fiche: FicheAction, champ: str, valeur: Any, code: str = "", **autres: Any) -> str:
    """The reason why one cell of an expense is refused."""
    ligne = {"Code": "E.A 1.1", "Nature": "Études", "Année": 2018, "Montant": 10, champ: valeur} | autres
    adresse = f"{chr(65 + LONG.index(champ))}2"
    refus = refuse(fiche, LONG, [ligne.get(titre) for titre in LONG], formats={adresse: code} if code else None)
    assert [cellule for cellule, _ in refus] == [adresse]
    return refus[0][1]


# --- Amounts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "raison"),
    [
        ("15.400 €", "« 15.400 » se lit de deux façons. Écrivez 15400 ou 15,40."),
        ("1,234", "« 1,234 » se lit de deux façons. Écrivez 1234 ou 1,23."),
        ("environ 300", "« environ 300 » n’est pas un nombre."),
        ("-300 €", "Un coût ne peut pas être négatif."),
        ("(300,50)", "« (300,50) » est un montant négatif : un coût ne peut pas l’être."),
        ("(1 200) €", "« (1 200) » est un montant négatif : un coût ne peut pas l’être."),
        (-300, "−300,00 € est négatif : un coût ne peut pas l’être."),
        (12.345, "12,345 a plus de 2 décimales. Arrondissez-le dans le tableur."),
        ("12,3456", "« 12,3456 » a plus de 2 décimales."),
        (True, "Cette cellule contient VRAI, un montant en euros est attendu."),
        (False, "Cette cellule contient FAUX, un montant en euros est attendu."),
        (
            dt.date(2019, 3, 12),
            "Cette cellule contient une date ou une heure (12/03/2019), un montant en euros est attendu. Retapez-la au format Nombre.",
        ),
        (1e13, "Ce nombre est trop grand."),
        ("1" * 16, f"« {'1' * 16} » est trop grand."),
        ("80 %", "« 80 % » n’est pas un nombre."),
    ],
)
def test_amount_that_is_not_sure_is_refused(fiche: FicheAction, case: Any, raison: str) -> None:
    assert refuse_case(fiche, case) == raison


def test_percentage_is_no_amount(fiche: FicheAction) -> None:
    assert refuse_case(fiche, 0.8, "0%") == "Cette cellule est un pourcentage (80 %), un montant en euros est attendu."


def test_days_shown_in_the_column_of_amounts_are_read_as_such(fiche: FicheAction) -> None:
    lecture = read_rows(
        fiche.convention,
        make_budget(LONG, ("E.A 1.1", "Études", "", 2018, None, None, 4, None), formats={"G2": '0" j"'}),
    )
    assert [(d.cellule.jours, d.cellule.montant) for d in lecture.depenses] == [(4, 2400)]


def test_number_shown_in_days_is_no_rate_nor_part(fiche: FicheAction, cci: Organisation) -> None:
    attendu = "Cette cellule s’affiche en jours (4 j), un montant en euros est attendu."
    assert refuse_row(fiche, "Tarif", 4, '0" j"', Jours=2) == attendu
    lignes = (PARTS, ("E.A 1.1", "CCI", None, None, None, 4))
    assert refuse(fiche, *lignes, formats={"F2": '0" j"'}) == [("F2", attendu)]


def test_small_number_of_a_nature_in_days_is_asked(fiche: FicheAction) -> None:
    NatureFactory(nom="Travail", toujours_en_jours=True)
    refus = refuse(fiche, LARGE, ("E.A 1.1", "Travail", 12, 12000))
    assert refus == [("C2", "« 12 » : des jours ou des euros ? Écrivez 12 j ou 12 €.")]


def test_broken_formula_and_formula_without_value_are_refused(fiche: FicheAction) -> None:
    donnees = (
        '<row r="1"><c r="A1" t="inlineStr"><is><t>Code</t></is></c><c r="B1" t="inlineStr"><is><t>Nature</t></is></c>'
        '<c r="C1"><v>2018</v></c><c r="D1"><v>2019</v></c></row>'
        '<row r="2"><c r="A2" t="inlineStr"><is><t>E.A 1.1</t></is></c><c r="B2" t="inlineStr"><is><t>Études</t></is></c>'
        '<c r="C2" t="e"><f>SUM(#REF!)</f><v>#REF!</v></c><c r="D2"><f>1+1</f></c></row>'
    )
    lecture = read_rows(fiche.convention, sheet_xlsx(donnees))
    assert lecture.depenses == []
    assert [(r.cellule, r.valeur, r.raison) for r in lecture.refus] == [
        ("C2", "#REF!", "La formule est cassée (#REF!). Remplacez-la par sa valeur."),
        (
            "D2",
            "",
            "Le fichier ne garde pas le résultat de cette formule. Ouvrez-le dans un tableur, enregistrez-le, et déposez-le de nouveau.",
        ),
    ]


def test_formula_that_openpyxl_writes_has_no_value(fiche: FicheAction) -> None:
    assert refuse_row(fiche, "Montant", "=2*600").startswith("Le fichier ne garde pas le résultat de cette formule.")


@pytest.mark.parametrize(
    ("champ", "valeur", "raison"),
    [
        ("Jours", -2, "Le nombre de jours ne peut pas être négatif."),
        ("Jours", 1.234, "1,234 a plus de 2 décimales. Arrondissez-le dans le tableur."),
        ("Jours", "deux", "« deux » n’est pas un nombre."),
        ("Jours", True, "Cette cellule contient VRAI, un nombre de jours est attendu."),
        ("Tarif", -600, "−600,00 € est négatif : un coût ne peut pas l’être. Retirez le signe, ou la ligne."),
        ("Tarif", "(600)", "−600,00 € est négatif : un coût ne peut pas l’être. Retirez le signe, ou la ligne."),
        ("Tarif", "1.234", "« 1.234 » se lit de deux façons. Écrivez 1234 ou 1,23."),
    ],
)
def test_days_and_rates_are_read_strictly(fiche: FicheAction, champ: str, valeur: Any, raison: str) -> None:
    assert refuse_row(fiche, champ, valeur) == raison


def test_percentage_is_no_number_of_days(fiche: FicheAction) -> None:
    assert refuse_row(fiche, "Jours", 0.5, "0%") == "Cette cellule est un pourcentage (50 %), un nombre de jours est attendu."


def test_days_that_contradict_the_amount_are_refused(fiche: FicheAction) -> None:
    refus = refuse(fiche, LONG, ("E.A 1.1", "Études", "", 2018, 3, None, "1 200 € (2 j)", ""))
    assert refus == [("G2", "Le montant dit 2 j et la colonne des jours 3 j.")]


def test_more_than_the_database_holds_is_refused(fiche: FicheAction, cci: Organisation) -> None:
    assert refuse_row(fiche, "Jours", 1_000_000) == "Ce nombre de jours est trop grand."
    assert refuse_row(fiche, "Jours", "1 000 000 j") == "Ce nombre de jours est trop grand."
    assert refuse_row(fiche, "Tarif", "9999999999999") == "Ce montant est trop grand."
    part = refuse(fiche, PARTS, ("E.A 1.1", "CCI", None, None, None, "9999999999999"))
    assert part == [("F2", "Ce montant est trop grand.")]


def test_product_of_days_and_rate_above_what_the_database_holds_is_refused(fiche: FicheAction) -> None:
    refus = refuse(fiche, ("Code", "Nature", "Année", "Jours", "Tarif"), ("E.A 1.1", "Études", 2018, 999_999, 10**9))
    assert refus == [("D2", "Ce montant est trop grand.")]


# --- Years and words -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("annee", "raison"),
    [
        (1789, "« 1789 » n’est pas une année entre 1990 et 2100. Écrivez par exemple 2019."),
        (20190, "« 20190 » n’est pas une année entre 1990 et 2100. Écrivez par exemple 2019."),
        (2019.5, "« 2019,5 » n’est pas une année entre 1990 et 2100. Écrivez par exemple 2019."),
        ("2018-2019", "« 2018-2019 » n’est pas une année. Écrivez par exemple 2019."),
        ("l’an prochain", "« l’an prochain » n’est pas une année. Écrivez par exemple 2019."),
        (True, "« VRAI » n’est pas une année entre 1990 et 2100. Écrivez par exemple 2019."),
        (dt.date(2019, 3, 12), "« 12/03/2019 » n’est pas une année entre 1990 et 2100. Écrivez par exemple 2019."),
        (None, "L’année manque."),
    ],
)
def test_year_is_read_strictly(fiche: FicheAction, annee: Any, raison: str) -> None:
    assert refuse_row(fiche, "Année", annee) == raison


@pytest.mark.parametrize("champ", ["Libellé", "Mention"])
def test_too_long_words_are_refused(fiche: FicheAction, champ: str) -> None:
    assert refuse_row(fiche, champ, "x" * 161) == "Ce texte compte 161 caractères, 160 au plus. Raccourcissez-le."


@pytest.mark.parametrize(
    ("champ", "debut"), [("Code", "Aucune fiche de la convention ne porte le code « VRAI »."), ("Nature", "« VRAI » n’est")]
)
def test_boolean_is_named_in_french(fiche: FicheAction, champ: str, debut: str) -> None:
    assert refuse_row(fiche, champ, True).startswith(debut)


def test_code_is_needed(fiche: FicheAction) -> None:
    attendu = "Le code de la fiche manque. Écrivez-le sur chaque ligne, ou cochez « répéter le code du dessus »."
    assert refuse_row(fiche, "Code", None) == attendu


def test_unknown_code_is_told_with_the_nearest(fiche: FicheAction) -> None:
    FicheFactory(convention=fiche.convention, code="E.A 1.2")
    FicheFactory(convention=fiche.convention, code="F.B 7")
    attendu = "Aucune fiche de la convention ne porte le code « E.A 1.10 ». Les plus proches : E.A 1.1 et E.A 1.2."
    assert refuse_row(fiche, "Code", "E.A 1.10") == attendu


def test_unknown_code_like_no_other_asks_for_the_fiche(fiche: FicheAction) -> None:
    attendu = "Aucune fiche de la convention ne porte le code « ZZ 98 ». Créez la fiche, ou corrigez le code."
    assert refuse_row(fiche, "Code", "ZZ 98") == attendu


def test_fiche_of_another_convention_is_unknown(fiche: FicheAction) -> None:
    FicheFactory(code="W.X 9.9")
    assert refuse_row(fiche, "Code", "W.X 9.9").startswith("Aucune fiche de la convention ne porte le code « W.X 9.9 ».")


def test_unknown_nature_is_told_with_the_nearest(fiche: FicheAction) -> None:
    NatureFactory(nom="Animation")
    assert refuse_row(fiche, "Nature", "Etude") == "« Etude » n’est pas une nature de dépense. Les plus proches : Études."
    attendu = "« Voitures de course » n’est pas une nature de dépense. Natures connues : Animation et Études."
    assert refuse_row(fiche, "Nature", "Voitures de course") == attendu


def test_nature_is_needed_in_both_shapes(fiche: FicheAction) -> None:
    assert refuse_row(fiche, "Nature", None) == "La nature de dépense manque."
    assert refuse(fiche, LARGE, ("E.A 1.1", None, 10, None)) == [("B2", "La nature de dépense manque.")]


# --- Shares ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("taux", "raison"),
    [
        (0.43, "0,43 : 43 % ou 0,43 % ? Écrivez le signe %."),
        ("0,43", "0,43 : 43 % ou 0,43 % ? Écrivez le signe %."),
        (1, "1 : 100 % ou 1 % ? Écrivez le signe %."),
        (120, "120 % n’est pas compris entre 0 et 100 %."),
        ("120 %", "120 % n’est pas compris entre 0 et 100 %."),
        ("-5 %", "−5 % n’est pas compris entre 0 et 100 %."),
        ("33,33333 %", "« 33,33333 » a plus de 4 décimales."),
        (33.33333, "33,33333 a plus de 4 décimales. Arrondissez-le dans le tableur."),
        ("moitié", "« moitié » n’est pas un nombre."),
        (True, "Cette cellule contient VRAI, un taux est attendu."),
    ],
)
def test_rate_is_read_strictly(fiche: FicheAction, cci: Organisation, taux: Any, raison: str) -> None:
    assert refuse(fiche, PARTS, ("E.A 1.1", "CCI", None, None, taux, None)) == [("E2", raison)]


def test_rate_shown_as_a_percentage_is_read_strictly(fiche: FicheAction, cci: Organisation) -> None:
    lignes = (PARTS, ("E.A 1.1", "CCI", None, None, 1.2, None), ("E.A 1.1", "Agglo", None, None, 0.33333333, None))
    assert refuse(fiche, *lignes, formats={"E2": "0%", "E3": "0%"}) == [
        ("E2", "120 % n’est pas compris entre 0 et 100 %."),
        ("E3", "33,333333 % a plus de quatre décimales. Arrondissez-le."),
    ]


def test_unknown_financeur_is_told_with_the_nearest(fiche: FicheAction) -> None:
    OrganisationFactory(nom="Région Grand Est", sigle="RGE")
    assert refuse(fiche, PARTS, ("E.A 1.1", "Région Grande Est", None, None, 20, None)) == [
        ("B2", "Aucune organisation ne s’appelle « Région Grande Est ». Les plus proches : Région Grand Est.")
    ]


def test_short_name_of_two_organisations_is_no_name(fiche: FicheAction) -> None:
    OrganisationFactory(nom="Région Nord", sigle="REG")
    OrganisationFactory(nom="Région Sud", sigle="REG")
    assert refuse(fiche, PARTS, ("E.A 1.1", "REG", None, None, 20, None)) == [
        ("B2", "Plusieurs organisations s’appellent « REG » : écrivez le nom entier.")
    ]


def test_share_needs_somebody_and_a_figure(fiche: FicheAction, cci: Organisation) -> None:
    assert refuse(fiche, PARTS, ("E.A 1.1", None, None, None, 20, None), ("E.A 1.1", "CCI", None, None, None, None)) == [
        ("B2", "Le financeur de cette part manque. Écrivez son nom, ou « Non réparti »."),
        ("E3", "Donnez un taux ou un montant à cette part."),
    ]


# --- The same place twice ----------------------------------------------------------------------------


def test_same_expense_twice_is_refused_the_second_time(fiche: FicheAction) -> None:
    lignes = [("E.A 1.1", "Études", "", 2018, None, None, n, "") for n in (10, 10, 20)]
    attendu = "La même dépense (fiche, nature, libellé, année) est déjà en G2. Distinguez-les par un libellé, ou supprimez-en une."
    assert refuse(fiche, LONG, *lignes) == [("G3", attendu), ("G4", attendu)]
    assert refuse(fiche, LONG, lignes[0], ("E.A 1.1", "Études", "Observatoire", 2018, None, None, 10, "")) == []


def test_same_expense_in_two_writings_of_its_code_is_the_same(fiche: FicheAction) -> None:
    refus = refuse(fiche, LARGE, ("E.A 1.1", "Études", 10, None), ("EA 1.1", "ETUDES", 20, 5))
    assert [cellule for cellule, _ in refus] == ["C3"]


def test_same_share_twice_is_refused_the_second_time(fiche: FicheAction, cci: Organisation) -> None:
    ligne = ("E.A 1.1", "CCI", None, 2018, 20, None)
    attendu = "Ce financeur a déjà une part pour cette fiche, cette nature et cette année en B2. Supprimez-en une."
    assert refuse(fiche, PARTS, ligne, ligne, (*ligne[:3], 2019, 20, None)) == [("B3", attendu)]


def test_all_the_refusals_of_a_row_come_at_once(fiche: FicheAction) -> None:
    refus = refuse(fiche, LONG, ("Z 9", "Voiture", "", 1789, "deux", -1, "beaucoup", "x" * 161))
    assert [cellule for cellule, _ in refus] == ["A2", "B2", "D2", "E2", "F2", "G2", "H2"]


def test_refused_cell_of_a_year_leaves_the_others(fiche: FicheAction) -> None:
    lecture = read_rows(fiche.convention, make_budget(LARGE, ("E.A 1.1", "Études", "beaucoup", 5)))
    assert ([d.place for d in lecture.depenses], [(r.cellule, r.valeur, r.fiche) for r in lecture.refus]) == (
        ["D2"],
        [("C2", "beaucoup", fiche.pk)],
    )


def test_merged_amount_is_given_once(fiche: FicheAction) -> None:
    NatureFactory(nom="Salons")
    classeur = openpyxl.Workbook()
    for ligne in (LARGE, ("E.A 1.1", "Études", 10, 1), ("E.A 1.1", "Salons", None, 2)):
        classeur.active.append(list(ligne))
    classeur.active.merge_cells("C2:C3")
    lecture = read_rows(fiche.convention, write(classeur))
    assert [(d.place, d.cellule.montant) for d in lecture.depenses] == [("C2", 10), ("D2", 1), ("D3", 2)]
