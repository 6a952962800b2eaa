"""Spreadsheets written by the product: what is read back is what was written, and no text becomes a formula."""

import datetime as dt
import io
import re
import zipfile
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet

from socle.ecriture_ods import write_ods
from socle.ecriture_xlsx import build_xlsx
from socle.lecture_classeur import Feuille, read_classeur
from socle.tableaux import LIGNES_LIBRES, NOM_LISTES, NOM_MODE_EMPLOI, ClasseurEcrit, Colonne, Somme, Tableau
from socle.tableur import put_formule, save_classeur, strip_controls

Ecrivain = Callable[[ClasseurEcrit], bytes]


def write_xlsx(classeur: ClasseurEcrit) -> bytes:
    return save_classeur(build_xlsx(classeur))


ECRIVAINS = pytest.mark.parametrize("ecrire", [write_xlsx, write_ods], ids=["xlsx", "ods"])
COLONNES = [
    Colonne("Nature", 30, "texte", "natures"),
    Colonne("Montant", 14, "euros"),
    Colonne("Part", 10, "taux"),
    Colonne("Jours", 10, "jours", aide="En jours, demi-journées comprises."),
    Colonne("Année", 8, "annee", "annees"),
]
LIGNES = [
    ["Études", Decimal("1234.50"), Decimal("66.6667"), Decimal("16.5"), 2019],
    ["Débours", Decimal("0.10"), Decimal("33.3333"), None, 2020],
    [None, Decimal("-12"), Decimal(0), Decimal("0.25"), None],
    ["Total", Somme(("B4:B5", "B6"), Decimal("1222.60")), None, Somme(("D4:D6",), Decimal("16.75")), None],
]


def make_classeur(modifiable: bool = True, nom: str = "Coûts", **options: Any) -> ClasseurEcrit:
    tableau = Tableau(nom, COLONNES, [list(ligne) for ligne in LIGNES], ["Budget", "en euros"], {3}, 1, modifiable)
    listes = {"natures": ["Études", "Débours"], "annees": ["2019", "2020", "2021"]}
    return ClasseurEcrit("Budget 2019", [tableau], listes, ["Remplissez les lignes.", "", "Une ligne par dépense."], **options)


def make_texte(*textes: str) -> ClasseurEcrit:
    return ClasseurEcrit("Textes", [Tableau("Textes", [Colonne("Texte")], [[texte] for texte in textes])])


def read(contenu: bytes, nom: str = "Coûts") -> Feuille:
    feuille = read_classeur(contenu, "budget").find(nom)
    assert feuille is not None
    return feuille


def open_xlsx(contenu: bytes, nom: str = "Coûts") -> Worksheet:
    return openpyxl.load_workbook(io.BytesIO(contenu))[nom]


def exact(valeur: Any) -> Any:
    return round(Decimal(str(valeur)), 9) if isinstance(valeur, int | float) else valeur


def unzip(contenu: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(contenu)) as archive:
        return {nom: archive.read(nom) for nom in archive.namelist()}


@ECRIVAINS
@pytest.mark.parametrize("modifiable", [True, False])
def test_what_is_written_is_read_back(ecrire: Ecrivain, modifiable: bool) -> None:
    feuille = read(ecrire(make_classeur(modifiable)))
    assert [ligne[0] for ligne in feuille.lignes[:2]] == ["Budget", "en euros"]
    assert feuille.lignes[2] == ["Nature", "Montant", "Part", "Jours", "Année"]
    assert [[exact(v) for v in ligne] for ligne in feuille.lignes[3:7]] == [
        ["Études", Decimal("1234.5"), Decimal("0.666667"), Decimal("16.5"), 2019],
        ["Débours", Decimal("0.1"), Decimal("0.333333"), None, 2020],
        [None, -12, 0, Decimal("0.25"), None],
        ["Total", Decimal("1222.6"), None, Decimal("16.75"), None],
    ]
    assert feuille.pourcentages == {(3, 2), (4, 2), (5, 2)}
    assert feuille.erreurs == {}
    assert feuille.sans_valeur == set()
    assert not feuille.cachee
    assert all(feuille.is_empty(rang) for rang in range(7, len(feuille.lignes)))


@ECRIVAINS
def test_sheets_come_in_their_order_with_hidden_lists(ecrire: Ecrivain) -> None:
    classeur = make_classeur()
    classeur.tableaux.append(Tableau("Autre", [Colonne("A")], [["x"]]))
    lu = read_classeur(ecrire(classeur), "budget")
    assert [(f.nom, f.cachee) for f in lu.feuilles] == [(NOM_MODE_EMPLOI, False), ("Coûts", False), ("Autre", False), (NOM_LISTES, True)]
    assert lu.find(NOM_LISTES).lignes == [["natures", "annees"], ["Études", 2019], ["Débours", 2020], [None, 2021]]
    mode_emploi = [ligne[0] for ligne in lu.find(NOM_MODE_EMPLOI).lignes]
    assert mode_emploi == ["Budget 2019", None, "Remplissez les lignes.", None, "Une ligne par dépense."]


@ECRIVAINS
@pytest.mark.parametrize("nom", ["Coûts & parts", "Coûts <2019>", "l’année", "d'ici"])
def test_sheet_of_any_name_is_written(ecrire: Ecrivain, nom: str) -> None:
    assert read(ecrire(make_classeur(nom=nom)), nom).get(3, 0) == "Études"


@ECRIVAINS
def test_same_content_gives_the_same_bytes(ecrire: Ecrivain) -> None:
    contenu = ecrire(make_classeur())
    assert contenu == ecrire(make_classeur())
    with zipfile.ZipFile(io.BytesIO(contenu)) as archive:
        assert {info.date_time for info in archive.infolist()} == {(2000, 1, 1, 0, 0, 0)}
    aujourdhui = dt.date.today().isoformat().encode()
    assert not [nom for nom, partie in unzip(contenu).items() if aujourdhui in partie]


@ECRIVAINS
def test_document_without_rows_lists_or_instructions_is_written(ecrire: Ecrivain) -> None:
    for modifiable in (True, False):
        classeur = ClasseurEcrit("Vide", [Tableau("Coûts", COLONNES, modifiable=modifiable)])
        assert read(ecrire(classeur)).lignes[0] == ["Nature", "Montant", "Part", "Jours", "Année"]


@ECRIVAINS
def test_empty_list_does_not_spoil_the_document(ecrire: Ecrivain) -> None:
    classeur = make_classeur()
    classeur.listes["natures"] = []
    assert read(ecrire(classeur)).get(3, 0) == "Études"


FORMULES = [
    "=1+1",
    "=HYPERLINK(A1)",
    '=cmd|"/c calc"!A1',
    "+1",
    "-1",
    "@SUM(A1)",
    "{=A1}",
    "==",
    "=",
    "of:=1+1",
    "'=1",
    "#REF!",
    "TRUE",
    "1e5",
    "007",
]


@ECRIVAINS
@pytest.mark.parametrize("texte", FORMULES)
def test_text_that_begins_like_a_formula_stays_a_text(ecrire: Ecrivain, texte: str) -> None:
    contenu = ecrire(make_texte(texte))
    feuille = read(contenu, "Textes")
    assert feuille.get(1, 0) == texte
    assert feuille.erreurs == {}
    for nom, partie in unzip(contenu).items():
        assert not re.search(rb"<f[ >]|table:formula", partie), nom


@pytest.mark.parametrize("texte", FORMULES)
def test_excel_is_told_that_the_cell_is_a_text(texte: str) -> None:
    case = open_xlsx(write_xlsx(make_texte(texte)), "Textes")["A2"]
    assert (case.data_type, case.value) == ("s", texte)


@ECRIVAINS
@pytest.mark.parametrize("champ", ["titre", "colonne", "liste", "mode_emploi", "document"])
def test_no_place_of_the_document_lets_a_formula_in(ecrire: Ecrivain, champ: str) -> None:
    piege = '=HYPERLINK("http://exemple.test")'
    tableau = Tableau("Coûts", [Colonne(piege if champ == "colonne" else "Nature", liste="natures")], [["Études"]], modifiable=True)
    tableau.titre = [piege if champ == "titre" else "Budget"]
    listes = {"natures": [piege if champ == "liste" else "Études"]}
    classeur = ClasseurEcrit(piege if champ == "document" else "T", [tableau], listes, [piege if champ == "mode_emploi" else "Lisez."])
    contenu = ecrire(classeur)
    assert any(v == piege for f in read_classeur(contenu, "x").feuilles for ligne in f.lignes for v in ligne)
    assert not [nom for nom, partie in unzip(contenu).items() if re.search(rb"<f[ >]|table:formula", partie)]


@ECRIVAINS
@pytest.mark.parametrize("signe", ["\0", "\x08", "\x0b", "\x1f", "\ufffe", "\uffff", "\ud800", "\x7f", "\x85"])
def test_character_that_no_spreadsheet_holds_does_not_spoil_the_document(ecrire: Ecrivain, signe: str) -> None:
    lu = read(ecrire(make_texte(f"Étu{signe}des")), "Textes").get(1, 0)
    assert lu in {"Études", f"Étu{signe}des", "Étu\ufffddes", "Étu?des"}


@ECRIVAINS
@pytest.mark.parametrize(
    "texte", ["_x0041_", "a\nb", "a\n\nb", " bords ", "deux  espaces", "a\tb", "&amp; <b> ]]>", "\U0001f4b6 « l’été »"]
)
def test_odd_text_is_read_back_as_it_was(ecrire: Ecrivain, texte: str) -> None:
    assert read(ecrire(make_texte(texte)), "Textes").get(1, 0) == texte


@ECRIVAINS
@settings(max_examples=60)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), min_size=1, max_size=20), min_size=1, max_size=5))
def test_any_text_is_read_back_as_it_was(ecrire: Ecrivain, textes: list[str]) -> None:
    feuille = read(ecrire(make_texte(*textes)), "Textes")
    assert [feuille.get(rang, 0) for rang in range(1, len(textes) + 1)] == [strip_controls(t) if t.strip() else None for t in textes]


montants = st.integers(-(10**12), 10**12).map(lambda n: Decimal(n) / 100)
taux = st.integers(0, 10**6).map(lambda n: Decimal(n).scaleb(-4))


@ECRIVAINS
@settings(max_examples=60)
@given(st.lists(st.tuples(montants, taux, montants), min_size=1, max_size=4))
def test_any_number_is_read_back_exactly(ecrire: Ecrivain, lignes: list[tuple[Decimal, Decimal, Decimal]]) -> None:
    colonnes = [Colonne("Montant", sorte="euros"), Colonne("Part", sorte="taux"), Colonne("Somme", sorte="euros")]
    valeurs = [[montant, part, Somme((f"A{rang}",), somme)] for rang, (montant, part, somme) in enumerate(lignes, 2)]
    feuille = read(ecrire(ClasseurEcrit("T", [Tableau("T", colonnes, valeurs)])), "T")
    assert [[exact(v) for v in ligne] for ligne in feuille.lignes[1:]] == [[m, p / 100, s] for m, p, s in lignes]
    assert feuille.sans_valeur == set()


@ECRIVAINS
def test_sum_of_rates_is_a_percentage_as_the_rates_it_adds(ecrire: Ecrivain) -> None:
    lignes = [[Decimal(80)], [Decimal(20)], [Somme(("A2:A3",), Decimal(100))]]
    feuille = read(ecrire(ClasseurEcrit("T", [Tableau("T", [Colonne("Part", sorte="taux")], lignes)])), "T")
    assert [ligne[0] for ligne in feuille.lignes[1:]] == [0.8, 0.2, 1]
    assert feuille.pourcentages == {(1, 0), (2, 0), (3, 0)}


def test_sum_keeps_its_formula_beside_its_result() -> None:
    contenu = write_xlsx(make_classeur())
    assert open_xlsx(contenu)["B7"].value == "=SUM(B4:B5,B6)"
    assert openpyxl.load_workbook(io.BytesIO(contenu), data_only=True)["Coûts"]["B7"].value == 1222.6
    assert b'table:formula="of:=SUM([.B4:.B5];[.B6])"' in unzip(write_ods(make_classeur()))["content.xml"]


def test_sum_of_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="range"):
        Somme((), Decimal(0))


def test_results_go_to_the_sheet_and_cell_of_their_formula() -> None:
    classeur = openpyxl.Workbook()
    feuilles = [classeur.active, classeur.create_sheet("Deux"), classeur.create_sheet("Trois")]
    put_formule(feuilles[0], 1, 1, "=1+1", Decimal(2))
    put_formule(feuilles[2], 1, 1, '="<"&A2&">"&1', Decimal("3.50"))
    put_formule(feuilles[2], 12, 27, "=2+2", Decimal(4)).number_format = "0.00"
    feuilles[1]["A1"] = "=5+5"
    lu = read_classeur(save_classeur(classeur), "x")
    assert [f.get(0, 0) for f in lu.feuilles] == [2, None, 3.5]
    assert lu.feuilles[2].get(11, 26) == 4
    assert [f.sans_valeur for f in lu.feuilles] == [set(), {(0, 0)}, set()]


def test_titles_are_locked_and_rows_are_free() -> None:
    feuille = open_xlsx(write_xlsx(make_classeur()))
    assert feuille.protection.sheet
    assert not feuille.protection.password
    assert all(feuille.cell(rang, colonne).protection.locked for rang in (1, 3) for colonne in range(1, 6))
    assert not any(feuille.cell(rang, colonne).protection.locked for rang in range(4, 7 + LIGNES_LIBRES + 1) for colonne in range(1, 6))
    assert feuille.cell(100, 3).number_format.endswith("%")
    assert feuille.freeze_panes == "B4"
    assert not open_xlsx(write_xlsx(make_classeur(modifiable=False))).protection.sheet


def test_lists_are_offered_on_every_free_row() -> None:
    classeur = openpyxl.load_workbook(io.BytesIO(write_xlsx(make_classeur())))
    regles = {str(r.sqref): r for r in classeur["Coûts"].data_validations.dataValidation}
    dernier = 7 + LIGNES_LIBRES
    assert set(regles) == {f"{lettre}4:{lettre}{dernier}" for lettre in "ADE"}
    assert regles[f"A4:A{dernier}"].formula1.lstrip("=") == "natures"
    assert regles[f"E4:E{dernier}"].type == "list"
    assert regles[f"D4:D{dernier}"].prompt == "En jours, demi-journées comprises."
    assert {nom: d.attr_text for nom, d in classeur.defined_names.items()} == {
        "natures": "'Listes'!$A$2:$A$3",
        "annees": "'Listes'!$B$2:$B$4",
    }
    assert classeur[NOM_LISTES].sheet_state == "hidden"
    assert classeur[NOM_LISTES].protection.sheet


def test_document_locks_its_titles_and_offers_its_lists_too() -> None:
    contenu = unzip(write_ods(make_classeur()))["content.xml"].decode()
    table = re.search(r'<table:table [^>]*table:name="Coûts".*?</table:table>', contenu, re.DOTALL)[0]
    assert 'table:protected="true"' in table[:200]
    libres = set(re.findall(r'<style:style style:name="(\w+)"(?:(?!</style:style>).)*cell-protect="none"', contenu))
    assert libres
    lignes = re.findall(r"<table:table-row\b.*?</table:table-row>", table)
    assert len(lignes) == 7 + LIGNES_LIBRES
    styles = [set(re.findall(r'<table:table-cell [^>]*table:style-name="(\w+)"', ligne)) for ligne in lignes]
    assert not any(libres & s for s in styles[:3])
    assert all(s <= libres for s in styles[3:])
    assert all(ligne.count('content-validation-name="natures"') == ligne.count('-name="annees"') == 1 for ligne in lignes[3:])
    assert "cell-content-is-in-list([$Listes.$A$2:.$A$3])" in contenu
    assert "cell-content-is-in-list([$Listes.$B$2:.$B$4])" in contenu
