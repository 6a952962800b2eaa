"""Spoilt files: whatever bytes change, the reading gives a workbook or a refusal in French, nothing else."""

import io
import zipfile

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.classeurs import cell_ods, edit, make_ods, number_ods, read_feuille, read_or_refuse, row_ods, write

REGLAGES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def make_budget_xlsx() -> bytes:
    classeur = openpyxl.Workbook()
    feuille = classeur.active
    for ligne in (["Nature", "Montant", "Part"], ["Études", 1234.5, 0.8], ["Débours", "#REF!", 0.2], ["Total", "=SUM(B2:B3)", 1]):
        feuille.append(ligne)
    feuille["C2"].number_format, feuille["B2"].number_format = "0.00%", '0.0" j"'
    feuille.merge_cells("A6:B6")
    feuille.row_dimensions[3].hidden = feuille.column_dimensions["C"].hidden = True
    classeur.create_sheet("Cachée").sheet_state = "hidden"
    return write(classeur)


def make_budget_ods() -> bytes:
    return make_ods(
        row_ods(cell_ods("Nature"), cell_ods("Montant"), cell_ods("Part"))
        + row_ods(cell_ods("Études"), number_ods(27, "27 j"), number_ods(0.8, "80 %", "percentage"))
        + row_ods(cell_ods("Débours"), cell_ods("#REF!", "string", 'table:formula="of:=X"'), attributs='table:visibility="collapse"')
        + row_ods(cell_ods("Total"), cell_ods("", "", 'table:formula="of:=SUM([.B1])"'), attributs='table:number-rows-repeated="2"'),
        avant='<table:table-column table:number-columns-repeated="3"/>',
    )


XLSX, ODS = (edit(contenu, lambda nom, octets: (nom, octets), zipfile.ZIP_STORED) for contenu in (make_budget_xlsx(), make_budget_ods()))
CSV = 'Nature;Montant;Part\n"Études; ""conseil""";1 234,50 €;80 %\nDébours;300;20 %\n'.encode()
PARTIES = {nom: zipfile.ZipFile(io.BytesIO(contenu)).namelist() for nom, contenu in (("xlsx", XLSX), ("ods", ODS))}

# What goes wrong in a part: its place in thousandths, what is removed there, and the bytes that come instead.
accidents = st.lists(
    st.tuples(
        st.integers(0, 1000),
        st.integers(0, 6),
        st.binary(max_size=3)
        | st.sampled_from([b'"', b"<", b">", b"/>", b"&", b"-1", b"9", b"e", b"%", b"\xff", b"\0", b"&#0;", b"s", b"\n"]),
    ),
    min_size=1,
    max_size=4,
)


def spoil(octets: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for place, retires, ajout in changes:
        rang = place * len(octets) // 1000
        octets = octets[:rang] + ajout + octets[rang + retires :]
    return octets


def test_files_are_read_before_they_are_spoilt() -> None:
    assert read_feuille(XLSX).get(1, 0) == read_feuille(ODS).get(1, 0) == "Études"
    assert read_feuille(CSV).get(1, 0) == 'Études; "conseil"'


@pytest.mark.parametrize("contenu", [XLSX, ODS, CSV], ids=["xlsx", "ods", "csv"])
@REGLAGES
@given(changes=accidents)
def test_spoilt_file_is_read_or_refused(contenu: bytes, changes: list[tuple[int, int, bytes]]) -> None:
    read_or_refuse(spoil(contenu, changes), "budget")


@pytest.mark.parametrize("contenu", [XLSX, ODS, CSV], ids=["xlsx", "ods", "csv"])
@REGLAGES
@given(fin=st.integers(0, 1000))
def test_file_cut_short_is_read_or_refused(contenu: bytes, fin: int) -> None:
    read_or_refuse(contenu[: fin * len(contenu) // 1000], "budget")


@pytest.mark.parametrize("octet", [0, 1, 8, 14, 0x7F, 0x80, 0xFF])
@pytest.mark.parametrize("contenu", [XLSX, ODS], ids=["xlsx", "ods"])
def test_headers_of_the_archive_may_hold_anything(contenu: bytes, octet: int) -> None:
    places = [n for n in range(len(contenu) - 1) if contenu[n : n + 2] == b"PK"]
    for place in places:
        for decalage in range(4, 46, 3 if contenu is XLSX else 1):
            if place + decalage < len(contenu):
                read_or_refuse(contenu[: place + decalage] + bytes([octet]) + contenu[place + decalage + 1 :], "budget")


@pytest.mark.parametrize(("nom", "partie"), [(nom, partie) for nom, parties in PARTIES.items() for partie in parties])
@settings(REGLAGES, max_examples=15)
@given(changes=accidents)
def test_archive_whose_part_is_spoilt_is_read_or_refused(nom: str, partie: str, changes: list[tuple[int, int, bytes]]) -> None:
    contenu = XLSX if nom == "xlsx" else ODS
    read_or_refuse(edit(contenu, lambda n, octets: (n, spoil(octets, changes) if n == partie else octets), zipfile.ZIP_STORED), "budget")


@pytest.mark.parametrize(("nom", "partie"), [(nom, partie) for nom, parties in PARTIES.items() for partie in parties])
@settings(REGLAGES, max_examples=10)
@given(octets=st.binary(max_size=80) | st.text(max_size=80).map(lambda texte: texte.encode("utf-8", "surrogatepass")))
def test_archive_whose_part_is_something_else_is_read_or_refused(nom: str, partie: str, octets: bytes) -> None:
    contenu = XLSX if nom == "xlsx" else ODS
    read_or_refuse(edit(contenu, lambda n, avant: (n, octets if n == partie else avant), zipfile.ZIP_STORED), "budget")
