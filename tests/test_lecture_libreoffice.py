"""Files written by LibreOffice itself are read with the values that LibreOffice shows.

The files of tests/fichiers were made once with LibreOffice 7.4: `soffice --headless --convert-to ods libreoffice.fods`, then from this
.ods `--convert-to xlsx`, `--convert-to xls`, and csv with the options « 59,34,76,1,,1036,false,true,false » (UTF-8, semicolons, raw
numbers) and « 9,34,ANSI,1,,1036 » (Windows-1252, tabulations, numbers as shown).
"""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest

from socle.lecture_classeur import Feuille, read_classeur
from socle.nombres import find_decimale, parse_jours, parse_montant, parse_taux
from tests.classeurs import explain_refusal

FICHIERS = Path(__file__).parent / "fichiers"
TABLEURS = ["libreoffice.xlsx", "libreoffice.ods"]
TEXTES = ["libreoffice-utf8.csv", "libreoffice-windows.tsv"]


def read(nom: str) -> Feuille:
    return read_classeur((FICHIERS / nom).read_bytes(), nom).feuilles[0]


@pytest.mark.parametrize("nom", TABLEURS)
def test_values_are_those_of_the_sheet(nom: str) -> None:
    assert read(nom).lignes == [
        ["Budget de l’action", None, None, None, None, None],
        [None] * 6,
        ["Nature", "Montant", "Part", "Jours", "Date", "Interne"],
        ["Études; conseil, « audit »", 1234.5, 0.8, 16.5, dt.date(2019, 6, 30), 7],
        ["Débours", 300, 0.2, None, None, None],
        ["Total", 1534.5, 1, None, None, None],
        ["Moyenne", None, None, None, None, None],
        ["Texte calculé", "#1 lot", None, 2, None, None],
    ]


@pytest.mark.parametrize("nom", TABLEURS)
def test_percentages_and_days_are_told(nom: str) -> None:
    feuille = read(nom)
    assert feuille.pourcentages == {(3, 2), (4, 2), (5, 2)}
    assert feuille.en_jours == {(3, 3), (7, 3)}


@pytest.mark.parametrize("nom", TABLEURS)
def test_broken_formulas_are_told_and_the_others_are_not(nom: str) -> None:
    feuille = read(nom)
    assert feuille.erreurs == {(6, 1): "#DIV/0!", (6, 2): "#REF!"}
    assert feuille.sans_valeur == set()


@pytest.mark.parametrize("nom", TABLEURS)
def test_hidden_parts_and_merges_are_told(nom: str) -> None:
    feuille = read(nom)
    assert feuille.lignes_masquees == {4}
    assert feuille.colonnes_masquees == {5}
    assert feuille.fusions == [((0, 0), (0, 2))]


@pytest.mark.parametrize("nom", TABLEURS)
def test_hidden_sheet_is_told(nom: str) -> None:
    classeur = read_classeur((FICHIERS / nom).read_bytes(), nom)
    assert [(f.nom, f.cachee) for f in classeur.feuilles] == [("Budget 2019", False), ("Brouillon", True)]
    assert classeur.remarques == []


@pytest.mark.parametrize("nom", TEXTES)
def test_text_tables_hold_the_same_figures(nom: str) -> None:
    feuille = read(nom)
    marque = find_decimale(t for ligne in feuille.lignes for t in ligne[1:4] if t)
    assert marque == ","
    assert [ligne[0] for ligne in feuille.lignes[2:]] == [
        "Nature",
        "Études; conseil, « audit »",
        "Débours",
        "Total",
        "Moyenne",
        "Texte calculé",
    ]
    assert [parse_montant(feuille.get(rang, 1), decimale=marque) for rang in (3, 4, 5)] == [Decimal("1234.5"), 300, Decimal("1534.5")]
    assert [parse_taux(feuille.get(rang, 2)) for rang in (3, 4, 5)] == [80, 20, 100]
    assert [parse_jours(feuille.get(rang, 3), decimale=marque) for rang in (3, 7)] == [Decimal("16.5"), 2]
    assert feuille.get(3, 4) == "30/06/2019"
    assert feuille.lignes[6][1:3] == ["#DIV/0!", "#REF!"]


@pytest.mark.parametrize(
    ("nom", "remarque"),
    [
        ("libreoffice-utf8.csv", "Texte lu en UTF-8, colonnes séparées par point-virgule."),
        ("libreoffice-windows.tsv", "Texte lu en Windows-1252, colonnes séparées par tabulation."),
    ],
)
def test_encoding_of_a_text_table_is_told(nom: str, remarque: str) -> None:
    assert read_classeur((FICHIERS / nom).read_bytes(), nom).remarques == [remarque]


def test_old_excel_workbook_is_refused() -> None:
    assert "ancien format .xls" in explain_refusal((FICHIERS / "libreoffice.xls").read_bytes(), "budget.xls")
