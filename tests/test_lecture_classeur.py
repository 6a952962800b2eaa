"""Excel workbooks typed by others: values as they are, and everything that a cell hides is told."""

import datetime as dt
from typing import Any

import openpyxl
import pytest

from socle.lecture_classeur import name_colonne, read_classeur, read_colonne
from tests.classeurs import add, edit, make_xlsx, read_feuille, replace, sheet_xlsx, write


def test_values_keep_their_kind() -> None:
    feuille = read_feuille(
        make_xlsx(
            {
                "A1": "Études",
                "B1": 1234.5,
                "C1": 2019,
                "D1": True,
                "E1": dt.date(2019, 6, 30),
                "F1": dt.datetime(2019, 6, 30, 14, 5),
                "G1": dt.time(8, 30),
                "H1": "007",
                "I1": "1 234,50 €",
            }
        )
    )
    attendu = ["Études", 1234.5, 2019, True, dt.date(2019, 6, 30), dt.datetime(2019, 6, 30, 14, 5), dt.time(8, 30), "007", "1 234,50 €"]
    assert feuille.lignes == [attendu]


def test_sheet_that_starts_far_from_its_corner_keeps_its_addresses() -> None:
    feuille = read_feuille(make_xlsx({"C4": "Nature", "D5": 300}))
    assert len(feuille.lignes) == 5
    assert feuille.get(3, 2) == "Nature"
    assert feuille.get(4, 3) == 300
    assert feuille.get(0, 0) is None
    assert feuille.get(99, 99) is None
    assert feuille.get(-1, -1) is None
    assert [feuille.is_empty(rang) for rang in range(5)] == [True, True, True, False, False]
    assert feuille.locate(4, 3) == "D5"


def test_title_rows_above_the_table_are_kept() -> None:
    feuille = read_feuille(make_xlsx({"A1": "Budget 2019", "A2": "en euros", "A4": "Nature", "B4": "Montant", "A5": "Études", "B5": 10}))
    assert [ligne[0] for ligne in feuille.lignes] == ["Budget 2019", "en euros", None, "Nature", "Études"]


def test_text_of_spaces_is_an_empty_cell() -> None:
    assert read_feuille(make_xlsx({"A1": "x", "B1": "   ", "C1": "\u00a0", "D1": ""})).lignes[0][1:] == [None, None]


def test_merged_cells_are_told_with_both_corners() -> None:
    classeur = openpyxl.Workbook()
    classeur.active["B2"] = "Coûts"
    classeur.active["E9"] = "fin"
    classeur.active.merge_cells("B2:D3")
    assert read_feuille(write(classeur)).fusions == [((1, 1), (2, 3))]


def test_hidden_rows_columns_and_sheets_are_told() -> None:
    classeur = openpyxl.Workbook()
    feuille = classeur.active
    for adresse in ("A1", "B2", "C3", "E3"):
        feuille[adresse] = 1
    feuille.row_dimensions[2].hidden = True
    feuille.column_dimensions["B"].hidden = True
    cachee, secrete = classeur.create_sheet("Cachée"), classeur.create_sheet("Secrète")
    cachee["A1"] = secrete["A1"] = 2
    cachee.sheet_state, secrete.sheet_state = "hidden", "veryHidden"
    lu = read_classeur(write(classeur), "budget.xlsx")
    assert [f.cachee for f in lu.feuilles] == [False, True, True]
    assert lu.feuilles[0].lignes_masquees == {1}
    assert lu.feuilles[0].colonnes_masquees == {1}
    assert lu.feuilles[1].lignes_masquees == set()


def test_sheets_keep_their_order_and_empty_ones_stay() -> None:
    classeur = openpyxl.Workbook()
    classeur.active["A1"] = 1
    classeur.active.title = "Second semestre"
    classeur.create_sheet("Vide")
    classeur.create_sheet("Avant", 0)["A1"] = 2
    lu = read_classeur(write(classeur), "budget.xlsx")
    assert [f.nom for f in lu.feuilles] == ["Avant", "Second semestre", "Vide"]
    assert lu.find("Avant").lignes == [[2]]
    assert lu.find("Vide").lignes == []
    assert lu.find("Ailleurs") is None


@pytest.mark.parametrize("nom", ["Études & suivi", "l'année <2019>", "« 2019 »", " bords ", 'dit "oui"', "\U0001f4b6 budget"])
def test_sheet_of_any_name_is_read_whole(nom: str) -> None:
    contenu = make_xlsx({"A1": "#REF!", "B1": "=A1", "C1": 0.5}, {"C1": "0%"}, nom)
    feuille = read_feuille(contenu)
    assert feuille.nom == nom
    assert (feuille.erreurs, feuille.sans_valeur, feuille.pourcentages) == ({(0, 0): "#REF!"}, {(0, 1)}, {(0, 2)})


@pytest.mark.parametrize("erreur", ["#REF!", "#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#VALUE!"])
def test_broken_cell_is_told_and_never_empty(erreur: str) -> None:
    feuille = read_feuille(make_xlsx({"A1": "Total", "B2": erreur}))
    assert feuille.erreurs == {(1, 1): erreur}
    assert feuille.get(1, 1) is None
    assert not feuille.is_empty(1)


def test_formula_without_value_is_told() -> None:
    feuille = read_feuille(make_xlsx({"A1": 1, "A2": "=A1*2", "B3": "=SUM(A1:A2)"}))
    assert feuille.sans_valeur == {(1, 0), (2, 1)}


@pytest.mark.parametrize("valeur", ["=SUM(A1:A1)", "#REF!"])
def test_last_row_that_holds_only_a_broken_cell_is_a_row(valeur: str) -> None:
    feuille = read_feuille(make_xlsx({"A1": 1, "B3": valeur}))
    assert len(feuille.lignes) == 3
    assert [feuille.is_empty(rang) for rang in range(3)] == [False, True, False]


@pytest.mark.parametrize(
    ("case", "valeur"),
    [
        ('<c r="A2"><f>A1*2</f><v>24</v></c>', 24),
        ('<c r="A2" t="str"><f>"Étu"&amp;"des"</f><v>Études</v></c>', "Études"),
        ('<c r="A2" t="str"><f>"a "</f><v xml:space="preserve">a </v></c>', "a "),
        ('<c r="A2" t="b"><f>1=1</f><v>1</v></c>', True),
        ('<c r="A2"><f t="shared" si="0"/><v>24</v></c>', 24),
        ('<c r="A2"><f t="array" ref="A2">A1*2</f><v>24</v></c>', 24),
        ('<c r="A2" t="str"><f>""</f><v></v></c>', None),
        ('<c r="A2" t="str"><f>""</f><v/></c>', None),
    ],
)
def test_formula_with_its_result_is_read_as_its_result(case: str, valeur: Any) -> None:
    feuille = read_feuille(sheet_xlsx(f'<row r="1"><c r="A1"><v>12</v></c></row><row r="2">{case}</row>'))
    assert feuille.get(1, 0) == valeur
    assert feuille.sans_valeur == set()
    assert feuille.erreurs == {}


def test_broken_formula_is_told_with_its_error() -> None:
    feuille = read_feuille(sheet_xlsx('<row r="1"><c r="A1"><v>1</v></c><c r="B1" t="e"><f>#REF!+1</f><v>#REF!</v></c></row>'))
    assert feuille.erreurs == {(0, 1): "#REF!"}


@pytest.mark.parametrize("code", ["0%", "0.00%", "0.0\u00a0%", "0.0 %", "[Red]0%", "0.0##%;-0.0##%", "0.00%_)"])
def test_percentage_is_told(code: str) -> None:
    assert read_feuille(make_xlsx({"A1": 0.8}, {"A1": code})).pourcentages == {(0, 0)}


@pytest.mark.parametrize("code", ["General", '0" %"', '0.0"%"', "0\\%", "0\\ \\%", "#,##0.00\\ [$€-40C]"])
def test_number_followed_by_a_mere_sign_is_no_percentage(code: str) -> None:
    assert read_feuille(make_xlsx({"A1": 80}, {"A1": code})).pourcentages == set()


def test_empty_cell_of_a_percentage_column_is_no_percentage() -> None:
    assert read_feuille(make_xlsx({"A1": 1, "B1": None, "C1": 1}, {"B1": "0%"})).pourcentages == set()


@pytest.mark.parametrize(
    "code",
    ['0.0" j"', '0.0"j"', "0\\ \\j", '0" jours"', '#,##0.0" j";-#,##0.0" j"', '0.0"\u00a0j"', '0.0"\u202fj"', '0.0\u00a0"j"', '0" J"'],
)
def test_format_that_shows_days_is_told(code: str) -> None:
    feuille = read_feuille(make_xlsx({"A1": 16.5}, {"A1": code}))
    assert feuille.en_jours == {(0, 0)}
    assert feuille.get(0, 0) == 16.5


@pytest.mark.parametrize("code", ["General", "0.00", '0" objets"', '0" jetons"', '#,##0.00\u00a0"€"', '0" €/j"', '0" h"'])
def test_format_that_shows_something_else_is_no_days(code: str) -> None:
    assert read_feuille(make_xlsx({"A1": 16.5}, {"A1": code})).en_jours == set()


def prefix_tags(nom: str, octets: bytes) -> tuple[str, bytes]:
    """The sheet as some programs write it: every tag under a prefix."""
    if nom.endswith("sheet1.xml"):
        octets = octets.replace(b"</", b"</x:").replace(b"<", b"<x:").replace(b"<x:/x:", b"</x:").replace(b"xmlns=", b"xmlns:x=")
    return nom, octets


def test_sheet_written_with_prefixes_is_read_alike() -> None:
    classeur = openpyxl.Workbook()
    feuille = classeur.active
    feuille["A1"], feuille["B2"], feuille["C3"], feuille["D4"] = "Études", "#REF!", "=1+1", 0.8
    feuille["D4"].number_format = "0%"
    feuille.row_dimensions[3].hidden = feuille.column_dimensions["B"].hidden = True
    droite = write(classeur)
    prefixee = edit(droite, prefix_tags)
    assert prefixee != droite
    assert read_feuille(prefixee) == read_feuille(droite)


def test_formula_with_an_empty_text_is_read_under_a_prefix_too() -> None:
    contenu = sheet_xlsx('<row r="1"><c r="A1"><v>1</v></c><c r="B1" t="str"><f>""</f><v></v></c></row>')
    assert read_feuille(edit(contenu, prefix_tags)).sans_valeur == set()


def test_attributes_between_single_quotes_hide_nothing() -> None:
    droite = make_xlsx({"A1": 1, "B1": "#REF!", "C1": "=A1", "D1": 0.8}, {"D1": "0%"})
    simple = edit(droite, lambda nom, octets: (nom, octets.replace(b'"', b"'") if nom.endswith("sheet1.xml") else octets))
    assert read_feuille(simple) == read_feuille(droite)


def test_many_rows_are_read_across_the_pieces_of_the_file() -> None:
    classeur = openpyxl.Workbook()
    feuille = classeur.active
    for rang in range(1, 20_001):
        feuille.append([rang, f"Action {rang}", rang / 3, "#REF!" if rang % 5000 == 0 else None])
    contenu = write(classeur)
    lue = read_feuille(contenu)
    assert len(lue.lignes) == 20_000
    assert sorted(lue.erreurs) == [(n * 5000 - 1, 3) for n in (1, 2, 3, 4)]


def test_macros_are_told_and_left_alone() -> None:
    classeur = read_classeur(add(make_xlsx({"A1": 1}), "xl/vbaProject.bin", b"\x00Sub Auto_Open()"), "budget.xlsm")
    assert classeur.format == "xlsm"
    assert classeur.remarques == ["Ce classeur contient des macros : elles ne sont ni lues ni exécutées."]


def test_links_to_other_files_are_told_and_not_followed() -> None:
    classeur = read_classeur(add(make_xlsx({"A1": 1}), "xl/externalLinks/externalLink1.xml", b"<externalLink/>"), "budget.xlsx")
    assert classeur.format == "xlsx"
    assert [r for r in classeur.remarques if "les liens ne sont pas suivis" in r] == classeur.remarques
    assert len(classeur.remarques) == 1


def test_file_is_read_by_what_it_holds_whatever_its_name() -> None:
    assert read_classeur(make_xlsx({"A1": 1}), "budget.csv").format == "xlsx"
    assert read_classeur(b"a;b\n1;2\n", "budget.xlsx").format == "csv"


def test_dates_counted_from_1904_are_read_right() -> None:
    classeur = openpyxl.Workbook()
    classeur.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    classeur.active["A1"] = dt.date(2019, 6, 30)
    assert read_feuille(write(classeur)).get(0, 0) == dt.date(2019, 6, 30)


def test_cell_without_address_that_cannot_be_told_is_refused_not_lost() -> None:
    contenu = replace(make_xlsx({"A1": 1, "B1": "#REF!"}), "sheet1.xml", b' r="B1"', b"")
    with pytest.raises(ValueError, match="pas d’adresse"):
        read_classeur(contenu, "budget.xlsx")


@pytest.mark.parametrize(("rang", "lettres"), [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (701, "ZZ"), (702, "AAA"), (16383, "XFD")])
def test_column_is_named_as_people_read_it(rang: int, lettres: str) -> None:
    assert name_colonne(rang) == lettres
    assert read_colonne(lettres) == rang
    assert read_colonne(lettres.lower()) == rang


@pytest.mark.parametrize("lettres", ["", "1", "A1", "É", "ABCD", "A B", "ſ"])
def test_what_is_no_column_is_refused(lettres: str) -> None:
    with pytest.raises(ValueError, match="colonne"):
        read_colonne(lettres)
