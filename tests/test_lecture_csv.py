"""Text tables: whatever their encoding and separator, every cell comes back as it was written."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socle.lecture_classeur import Classeur, read_classeur
from tests.classeurs import explain_refusal, read_feuille, read_or_refuse

TABLE = "Nature;Montant\nÉtudes;1 234,50 €\nDébours – l’été;300\n"
LUE = [["Nature", "Montant"], ["Études", "1 234,50 €"], ["Débours – l’été", "300"]]
NOMS = {";": "point-virgule", "\t": "tabulation", ",": "virgule", "|": "barre"}


def read(contenu: bytes) -> Classeur:
    return read_classeur(contenu, "budget.csv")


@pytest.mark.parametrize(
    ("encodage", "nom"),
    [("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8"), ("cp1252", "Windows-1252"), ("utf-16", "UTF-16")],
)
def test_encoding_is_found_and_told(encodage: str, nom: str) -> None:
    classeur = read(TABLE.encode(encodage))
    assert classeur.feuilles[0].lignes == LUE
    assert classeur.feuilles[0].nom == "budget"
    assert classeur.remarques == [f"Texte lu en {nom}, colonnes séparées par point-virgule."]


@pytest.mark.parametrize(("encodage", "marque"), [("utf-16-be", b"\xfe\xff"), ("utf-16-le", b"\xff\xfe")])
def test_utf_16_is_read_both_ways_round(encodage: str, marque: bytes) -> None:
    assert read_feuille(marque + TABLE.encode(encodage)).lignes == LUE


@pytest.mark.parametrize(("separateur", "nom"), NOMS.items())
def test_separator_is_found_and_told(separateur: str, nom: str) -> None:
    classeur = read(f"Nature{separateur}Montant\nÉtudes{separateur}300\n".encode())
    assert classeur.feuilles[0].lignes == [["Nature", "Montant"], ["Études", "300"]]
    assert classeur.remarques == [f"Texte lu en UTF-8, colonnes séparées par {nom}."]


@pytest.mark.parametrize("fin", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("derniere", [True, False])
def test_any_end_of_line_is_read(fin: str, derniere: bool) -> None:
    texte = TABLE if derniere else TABLE.rstrip("\n")
    assert read_feuille(texte.replace("\n", fin).encode()).lignes == LUE


@pytest.mark.parametrize("fin", ["\n", "\r\n"])
@pytest.mark.parametrize("separateur", [";", ",", "\t", "|", "#"])
@pytest.mark.parametrize("encodage", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_separator_announced_by_excel_is_obeyed_and_addresses_stay(separateur: str, fin: str, encodage: str) -> None:
    texte = f"sep={separateur}{fin}Étude{separateur}12,5{separateur}a;b{fin}".replace("12,5", "12" if separateur == "," else "12,5")
    feuille = read_feuille(texte.replace("a;b", "ab").encode(encodage))
    assert feuille.is_empty(0)
    assert feuille.lignes[1] == ["Étude", "12" if separateur == "," else "12,5", "ab"]


@pytest.mark.parametrize("tete", ["sep=\n", "sep=\r\n", 'sep="\n', "sep= \n", "sep=;;\n", "sep=é\n"])
def test_odd_announced_separator_is_read_or_refused(tete: str) -> None:
    read_or_refuse((tete + "a;b\n1;2\n").encode(), "budget.csv")


@pytest.mark.parametrize(
    "texte",
    [
        "10,50;12,60\n20,00;24,00\n",
        "1,5;2,5;3,5\n",
        "Nature;Montant\nÉtudes, conseil;1 234,50\nDébours, repas;300,00\n",
        "Libellé, détail;Montant, en euros\nÉtudes, conseil;1 234,50\nDébours, repas;300,00\n",
        "A\t1,5\t2,5\nB\t1,5\t2,5\n",
    ],
)
def test_decimal_commas_cut_nothing(texte: str) -> None:
    separateur = "\t" if "\t" in texte else ";"
    assert read_feuille(texte.encode()).lignes == [ligne.split(separateur) for ligne in texte.splitlines()]


def test_separators_inside_quotes_do_not_win() -> None:
    assert read_feuille(b'"a;b","c;d"\n"e;f","g;h"\n').lignes == [["a;b", "c;d"], ["e;f", "g;h"]]


def test_title_rows_do_not_hide_the_separator() -> None:
    feuille = read_feuille("Budget de l’action, année 2019\n\nNature;2019;2020\nÉtudes;10;20\nDébours;1;2\nTotal;11;22\n".encode())
    assert feuille.lignes[2:] == [["Nature", "2019", "2020"], ["Études", "10", "20"], ["Débours", "1", "2"], ["Total", "11", "22"]]
    assert feuille.is_empty(1)


def test_quoted_cell_keeps_its_lines_separators_and_quotes() -> None:
    feuille = read_feuille('Nature;Note\nÉtudes;"ligne 1\nligne 2 ; suite, ""citée"""\r\nDébours;"a\r\nb"\n'.encode())
    assert feuille.lignes[1:] == [["Études", 'ligne 1\nligne 2 ; suite, "citée"'], ["Débours", "a\r\nb"]]


def test_text_is_never_read_as_a_number() -> None:
    assert read_feuille(b"Code;Montant\n007;1e5\n0012;=1+1\n").lignes[1:] == [["007", "1e5"], ["0012", "=1+1"]]


def test_cell_of_spaces_is_empty() -> None:
    assert read_feuille("a;  ;\u00a0;b\n".encode()).lignes == [["a", None, None, "b"]]


def test_rows_of_unequal_length_are_read_as_they_are() -> None:
    assert read_feuille(b"a;b;c\n1\n1;2\n1;2;3;4\n").lignes == [["a", "b", "c"], ["1"], ["1", "2"], ["1", "2", "3", "4"]]


def test_single_column_is_read() -> None:
    assert read_feuille("Nature\nÉtudes\n".encode()).lignes == [["Nature"], ["Études"]]


@pytest.mark.parametrize("texte", ['a;"b\n1;2\n', 'a;b\n"1;2', '"a;b'])
def test_quote_left_open_is_refused(texte: str) -> None:
    assert "guillemet ouvert" in explain_refusal(texte.encode(), "budget.csv")


@pytest.mark.parametrize("texte", ['a;"b"c\n1;2\n', 'a;5" de long\n1;2\n', 'a;"b""\n1;2\n'])
def test_stray_quotes_are_kept_or_refused_never_lost(texte: str) -> None:
    classeur = read_or_refuse(texte.encode(), "budget.csv")
    if classeur is not None:
        assert sum(v.count('"') for ligne in classeur.feuilles[0].lignes for v in ligne) == texte.count('"')


@pytest.mark.parametrize("octet", [b"\0", b"\x01", b"\x1b", b"\x1f"])
@pytest.mark.parametrize("avant", [0, 300_000], ids=["au début", "loin"])
def test_control_characters_are_refused_wherever_they_are(octet: bytes, avant: int) -> None:
    contenu = b"a;b\n" * (avant // 4) + b"1;2" + octet + b"\n3;4\n"
    assert "n’est ni un tableur ni un texte" in explain_refusal(contenu, "budget.csv")


@pytest.mark.parametrize(
    "contenu",
    [b"\xff\xfea", b"\xff\xfe\x00\xd8", b"\xff\xfea\x00;\x00\x00\xdcb\x00", b"\xfe\xff\xd8", b"\xff\xfe", TABLE.encode("utf-16")[:-1]],
)
def test_utf_16_cut_short_is_refused_in_french(contenu: bytes) -> None:
    explain_refusal(contenu, "budget.csv")


def test_bytes_of_no_known_encoding_are_refused() -> None:
    assert "Les caractères de ce fichier ne se lisent pas" in explain_refusal(b"a;b\n\x81\x8d;2\n", "budget.csv")


def test_enormous_cell_is_refused() -> None:
    assert "démesurée" in explain_refusal(b"a;b\n1;" + b"x" * 40_000 + b"\n", "budget.csv")


@pytest.mark.parametrize("taille", [59_990, 59_998, 60_000, 60_010])
@pytest.mark.parametrize("separateur", NOMS)
def test_separator_is_found_though_the_extract_cuts_a_quoted_cell(taille: int, separateur: str) -> None:
    debut = f"a{separateur}b\n"
    ligne = f'"cellule{separateur} longue\nsur deux lignes"{separateur}2\n'
    texte = debut + ligne * (taille // len(ligne) + 3)
    assert {len(li) for li in read_feuille(texte.encode()).lignes} == {2}


caracteres = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="".join(NOMS) + "\ufeff") | st.sampled_from("\n\"' ,.=+-@")


@st.composite
def tables(draw: st.DrawFn, alphabet: st.SearchStrategy[str]) -> list[list[str]]:
    colonnes = draw(st.integers(2, 5))
    cellules = st.text(alphabet, max_size=8)
    lignes = draw(st.lists(st.lists(cellules, min_size=colonnes, max_size=colonnes), min_size=1, max_size=6))
    return [[f"Titre {n}" for n in range(colonnes)], *lignes]


def write(lignes: list[list[str]], separateur: str, citation: int, fin: str) -> str:
    tampon = io.StringIO(newline="")
    csv.writer(tampon, delimiter=separateur, quoting=citation, lineterminator=fin).writerows(lignes)
    return tampon.getvalue()


def expected(lignes: list[list[str]]) -> list[list[str | None]]:
    return [[v if v.strip() else None for v in ligne] for ligne in lignes]


@given(
    tables(caracteres.filter(lambda c: c not in NOMS)),
    st.sampled_from(list(NOMS)),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_table_written_by_a_program_comes_back_identical(
    lignes: list[list[str]], separateur: str, citation: int, fin: str, encodage: str
) -> None:
    assert read_feuille(write(lignes, separateur, citation, fin).encode(encodage)).lignes == expected(lignes)


@given(tables(st.sampled_from('ab1 ;,|\t\n"é')), st.sampled_from(list(NOMS)), st.sampled_from(["\n", "\r\n"]))
def test_quoted_cells_may_hold_every_separator(lignes: list[list[str]], separateur: str, fin: str) -> None:
    assert read_feuille(write(lignes, separateur, csv.QUOTE_ALL, fin).encode()).lignes == expected(lignes)


@given(st.text(max_size=200) | st.text('ab;,|\t\n\r"sep=é1', max_size=200))
def test_any_text_is_read_or_refused_in_french(texte: str) -> None:
    read_or_refuse(texte.encode("utf-8", "surrogatepass"), "budget.csv")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_in_french(octets: bytes) -> None:
    read_or_refuse(octets, "budget.csv")
    read_or_refuse(b"\xff\xfe" + octets, "budget.csv")
    read_or_refuse(b"PK\x03\x04" + octets, "budget.xlsx")
