"""OpenDocument spreadsheets typed by others: values as they are, and everything that a cell hides is told."""

import datetime as dt
import io
from typing import Any

import pytest
from odf import opendocument, table, text

from socle.lecture_classeur import read_classeur
from tests.classeurs import cell_ods, make_ods, number_ods, read_feuille, row_ods

MASQUEE = 'table:visibility="collapse"'
CASSEE = cell_ods("#REF!", "string", 'table:formula="of:=X"')


def write_odf(*lignes: list[dict[str, Any]]) -> bytes:
    """A document made by odfpy: a cell is its attributes, and its shown text under « texte »."""
    document = opendocument.OpenDocumentSpreadsheet()
    feuille = table.Table(name="Budget")
    for ligne in lignes:
        rangee = table.TableRow()
        for options in ligne:
            case = table.TableCell(**{k: v for k, v in options.items() if k != "texte"})
            if "texte" in options:
                case.addElement(text.P(text=options["texte"]))
            rangee.addElement(case)
        feuille.addElement(rangee)
    document.spreadsheet.addElement(feuille)
    tampon = io.BytesIO()
    document.save(tampon)
    return tampon.getvalue()


def test_values_keep_their_kind() -> None:
    contenu = write_odf(
        [
            {"valuetype": "string", "texte": "Études"},
            {"valuetype": "currency", "currency": "EUR", "value": "1234.5", "texte": "1 234,50 €"},
        ],
        [
            {"valuetype": "date", "datevalue": "2019-06-30", "texte": "30/06/19"},
            {"valuetype": "boolean", "booleanvalue": "true", "texte": "VRAI"},
        ],
        [{"valuetype": "string", "texte": "007"}, {"valuetype": "percentage", "value": "0.8", "texte": "80 %"}],
        [{}, {"valuetype": "float", "value": "27", "texte": "27 j"}],
    )
    classeur = read_classeur(contenu, "budget.ods")
    feuille = classeur.feuilles[0]
    assert classeur.format == "ods"
    assert feuille.lignes == [["Études", 1234.5], [dt.date(2019, 6, 30), True], ["007", 0.8], [None, 27]]
    assert feuille.pourcentages == {(2, 1)}
    assert feuille.en_jours == {(3, 1)}


def test_formulas_are_read_as_their_result_or_told() -> None:
    contenu = write_odf(
        [{"valuetype": "float", "value": "12", "texte": "12"}],
        [{"valuetype": "float", "value": "24", "formula": "of:=[.A1]*2", "texte": "24"}],
        [{"formula": "of:=[.A1]*3"}],
        [{"valuetype": "string", "stringvalue": "", "formula": "of:=[.A1]/0", "texte": "#DIV/0!"}],
        [{"valuetype": "float", "value": "0", "formula": "of:=FOO()", "texte": "Err:508"}],
    )
    feuille = read_feuille(contenu)
    assert feuille.get(1, 0) == 24
    assert feuille.sans_valeur == {(2, 0)}
    assert feuille.erreurs == {(3, 0): "#DIV/0!", (4, 0): "Err:508"}
    assert not feuille.is_empty(2)


def test_sheet_that_starts_far_from_its_corner_keeps_its_addresses() -> None:
    vides = '<table:table-cell table:number-columns-repeated="2"/>'
    feuille = read_feuille(
        make_ods(
            row_ods(vides, attributs='table:number-rows-repeated="3"') + row_ods(vides, cell_ods("Nature")) + row_ods(vides, number_ods(3))
        )
    )
    assert feuille.get(3, 2) == "Nature"
    assert feuille.get(4, 2) == 3
    assert feuille.is_empty(0)


def test_repeated_cells_and_rows_are_told_one_by_one() -> None:
    lignes = row_ods(cell_ods("tête")) + row_ods(
        number_ods(0.5, "50 %", "percentage", 'table:number-columns-repeated="3"'), attributs='table:number-rows-repeated="2"'
    )
    feuille = read_feuille(make_ods(lignes))
    assert [ligne[:3] for ligne in feuille.lignes[1:]] == [[0.5] * 3] * 2
    assert feuille.pourcentages == {(r, c) for r in (1, 2) for c in range(3)}


def test_every_one_of_many_repeated_rows_is_told() -> None:
    feuille = read_feuille(make_ods(row_ods(number_ods(0.5, "50 %", "percentage"), attributs='table:number-rows-repeated="1500"')))
    assert len(feuille.lignes) == len(feuille.pourcentages) == 1500


def test_hidden_rows_columns_and_sheets_are_told() -> None:
    colonnes = f'<table:table-column/><table:table-column {MASQUEE} table:number-columns-repeated="2"/>'
    lignes = row_ods(number_ods(1), number_ods(2), number_ods(3)) + row_ods(number_ods(4), attributs=MASQUEE)
    lignes += row_ods(number_ods(5), attributs='table:visibility="filter"')
    feuille = read_feuille(make_ods(lignes, avant=colonnes))
    assert feuille.colonnes_masquees == {1, 2}
    assert feuille.lignes_masquees == {1, 2}


def test_rows_and_columns_inside_groups_and_headers_keep_their_rank() -> None:
    lignes = f"<table:table-header-rows>{row_ods(cell_ods('Nature'))}</table:table-header-rows>"
    lignes += f"<table:table-row-group>{row_ods(number_ods(1))}{row_ods(CASSEE)}</table:table-row-group>"
    feuille = read_feuille(make_ods(lignes))
    assert feuille.lignes[:2] == [["Nature"], [1]]
    assert feuille.erreurs == {(2, 0): "#REF!"}


def test_merged_cells_are_told_with_both_corners() -> None:
    fusion = 'table:number-columns-spanned="2" table:number-rows-spanned="2"'
    couverte = "<table:covered-table-cell/>"
    lignes = row_ods(cell_ods("x"), cell_ods("Coûts", "string", fusion), couverte) + row_ods(cell_ods("y"), couverte, couverte)
    assert read_feuille(make_ods(lignes)).fusions == [((0, 1), (1, 2))]


def test_cell_beside_a_merge_keeps_its_address() -> None:
    lignes = row_ods(
        cell_ods("Coûts", "string", 'table:number-columns-spanned="2" table:number-rows-spanned="1"'),
        "<table:covered-table-cell/>",
        CASSEE,
    )
    assert read_feuille(make_ods(lignes)).erreurs == {(0, 2): "#REF!"}


def test_comment_of_a_broken_cell_is_not_its_error() -> None:
    cassee = cell_ods("#REF!", "string", 'table:formula="of:=#REF!+1" calcext:value-type="error"', note="Formule à revoir")
    assert read_feuille(make_ods(row_ods(number_ods(1), cassee))).erreurs == {(0, 1): "#REF!"}


def test_broken_cell_is_told_even_under_a_comment() -> None:
    cassee = cell_ods("#DIV/0!", "string", 'table:formula="of:=1/0"', note="Formule à revoir")
    assert read_feuille(make_ods(row_ods(number_ods(1), cassee))).erreurs == {(0, 1): "#DIV/0!"}


def test_comment_that_speaks_of_days_makes_no_days() -> None:
    case = (
        '<table:table-cell office:value-type="float" office:value="300"><text:p>300</text:p>'
        "<office:annotation><text:p>à répartir sur 3 j</text:p></office:annotation></table:table-cell>"
    )
    assert read_feuille(make_ods(row_ods(case))).en_jours == set()


def test_formula_that_makes_a_text_beginning_with_a_hash_is_no_error() -> None:
    case = cell_ods("#1 lot", "string", 'table:formula="of:=&quot;#1 lot&quot;" calcext:value-type="string"')
    feuille = read_feuille(make_ods(row_ods(case)))
    assert feuille.get(0, 0) == "#1 lot"
    assert feuille.erreurs == {}


def test_formula_whose_result_is_an_empty_text_has_a_value() -> None:
    vide = '<table:table-cell table:formula="of:=&quot;&quot;"><text:p/></table:table-cell>'  # as LibreOffice writes it
    assert read_feuille(make_ods(row_ods(number_ods(1), vide))).sans_valeur == set()


@pytest.mark.parametrize("texte", ["16,5 j", "16,5\u00a0j", "16,5\u202fj", "16,5 jours", "1 jour", "16,5j", "16,5 J"])
def test_number_shown_in_days_is_told(texte: str) -> None:
    assert read_feuille(make_ods(row_ods(number_ods(16.5, texte)))).en_jours == {(0, 0)}


def test_saved_copy_of_another_file_is_no_sheet_of_this_one() -> None:
    # LibreOffice keeps the cells it fetched in another file as a table of its own, with its source.
    copie = (
        """<table:table table:name="'file:///C:/budgets/autre.ods'#$Feuille1" table:print="false">"""
        '<table:table-source xlink:type="simple" xlink:href="../autre.ods" table:table-name="Feuille1" table:mode="copy-results-only"/>'
        f"<table:table-column/>{row_ods(number_ods(999))}</table:table>"
    )
    classeur = read_classeur(make_ods(row_ods(number_ods(1)), apres=copie), "budget.ods")
    assert [f.nom for f in classeur.feuilles] == ["Budget"]
    assert any("autres fichiers" in r for r in classeur.remarques)


@pytest.mark.parametrize("nom", ["Études &amp; suivi", "l&apos;année &lt;2019&gt;", "« 2019 »"])
def test_sheet_of_any_name_is_read_whole(nom: str) -> None:
    feuille = read_feuille(make_ods(row_ods(number_ods(0.5, "50 %", "percentage")), nom=nom))
    assert "&amp;" not in feuille.nom
    assert feuille.pourcentages == {(0, 0)}
