"""What is no spreadsheet, or a hostile one, is refused with a French sentence, and never brings the server down."""

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pytest

from socle import lecture_classeur
from tests.classeurs import (
    add,
    cell_ods,
    edit,
    explain_refusal,
    make_ods,
    make_xlsx,
    number_ods,
    read_feuille,
    read_or_refuse,
    replace,
    row_ods,
    sheet_xlsx,
    write,
    zip_ods,
)

PETIT = make_xlsx({"A1": "Nature", "B1": "Montant", "A2": "Études", "B2": 10})
ENTITES = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
LOIN = f"<!-- {'x' * 70_000} -->"
RACINE = Path(__file__).resolve().parent.parent


def pack(parties: dict[str, bytes], methode: int = zipfile.ZIP_DEFLATED) -> bytes:
    tampon = io.BytesIO()
    with zipfile.ZipFile(tampon, "w", methode) as archive:
        for nom, octets in parties.items():
            archive.writestr(nom, octets)
    return tampon.getvalue()


def encrypt(contenu: bytes) -> bytes:
    """The archive whose parts say that they are encrypted, as a protected zip does."""
    octets = bytearray(contenu)
    for signature, decalage in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = octets.find(signature)
        while place >= 0:
            octets[place + decalage] |= 1
            place = octets.find(signature, place + 4)
    return bytes(octets)


@pytest.mark.parametrize(
    ("contenu", "phrase"),
    [
        (b"", "Ce fichier est vide."),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "mot de passe, ou à l’ancien format .xls"),
        (b"%PDF-1.7\n...", "Ce fichier est un PDF"),
        (b"PK\x03\x04 rien de bon", "abîmé ou protégé"),
        (b"PK\x05\x06", "abîmé ou protégé"),
        (pack({}), "n’est pas un tableur"),
        (pack({"word/document.xml": b"<w/>"}), "n’est pas un tableur"),
        (pack({"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": b"<a/>"}), "n’est pas un tableur"),
        (pack({"content.xml": b"<a/>"}), "n’est pas un tableur"),
        (pack({"xl/workbook.xml": b""}), "abîmé ou protégé"),
        (pack({"xl/workbook.xml": b"<workbook/>"}), ""),
        (pack({"xl/theme.xml": b"<a/>"}), "abîmé ou protégé"),
        (PETIT[: len(PETIT) // 2], "abîmé ou protégé"),
        (PETIT[:-10], "abîmé ou protégé"),
        (encrypt(PETIT), "abîmé ou protégé"),
        (bytes(range(256)) * 20, ""),
        (b"\x81\x8d\x8f", "ne se lisent pas"),
        (b"\x7fELF\x02\x01\x01\0\0\0", "n’est ni un tableur ni un texte"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "n’est ni un tableur ni un texte"),
        (b"   \n\t\n", "ne contient aucune donnée"),
        (b"\xef\xbb\xbf", "ne contient aucune donnée"),
        (make_xlsx({}), "ne contient aucune donnée"),
        (make_xlsx({"C3": "  "}), "ne contient aucune donnée"),
        (make_ods(row_ods("<table:table-cell/>")), "ne contient aucune donnée"),
    ],
)
def test_what_is_no_readable_spreadsheet_is_refused(contenu: bytes, phrase: str) -> None:
    assert phrase in explain_refusal(contenu)


@pytest.mark.parametrize("morceau", [b"<workbook", b"<sheets>", b"</sheets>", b"</workbook>"])
def test_workbook_of_broken_xml_is_refused(morceau: bytes) -> None:
    assert read_or_refuse(replace(PETIT, "xl/workbook.xml", morceau, b"<<"), "budget.xlsx") is None


@pytest.mark.parametrize(
    "partie", ["xl/styles.xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/worksheets/sheet1.xml", "[Content_Types].xml"]
)
@pytest.mark.parametrize("octets", [None, b"", b"rien", b"<a", b"<a/>", b"\xff\xfe<", b"<a>\xff</a>"])
def test_workbook_whose_part_is_missing_or_spoilt_is_read_or_refused(partie: str, octets: bytes | None) -> None:
    contenu = edit(PETIT, lambda nom, avant: (nom, avant) if nom != partie else None if octets is None else (nom, octets))
    read_or_refuse(contenu, "budget.xlsx")


@pytest.mark.parametrize("octets", [b"", b"rien", b"<a", b"<a/>", b"\xff\xfe<"])
def test_document_whose_content_is_spoilt_is_refused(octets: bytes) -> None:
    assert explain_refusal(zip_ods(octets), "budget.ods")


@pytest.mark.parametrize("methode", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_part_badly_compressed_is_refused(methode: int) -> None:
    octets = bytearray(edit(PETIT, lambda nom, partie: (nom, partie), methode))
    place = octets.find(b"[Content_Types].xml") + 25
    octets[place : place + 60] = b"\x55" * 60
    assert "abîmé" in explain_refusal(bytes(octets))


def test_archive_whose_names_are_unreadable_is_refused() -> None:
    contenu = pack({"é" * 10: b"x"}).replace("é".encode() * 10, b"\xff" * 20)
    assert explain_refusal(contenu)


def test_document_protected_by_a_password_is_refused() -> None:
    chiffre = (
        '<manifest:file-entry manifest:full-path="content.xml"><manifest:encryption-data manifest:checksum="x"/></manifest:file-entry>'
    )
    assert "protégé" in explain_refusal(zip_ods(os.urandom(400), chiffre), "budget.ods")


@pytest.mark.parametrize("partie", ["sheet1.xml", "xl/workbook.xml", "styles.xml", "workbook.xml.rels", "[Content_Types].xml"])
def test_xml_entities_of_a_workbook_are_refused(partie: str) -> None:
    contenu = edit(PETIT, lambda nom, octets: (nom, ENTITES.encode() + octets if nom.endswith(partie) else octets))
    assert "entités XML" in explain_refusal(contenu)


@pytest.mark.parametrize("partie", ["xl/workbook.xml", "styles.xml", "workbook.xml.rels"])
def test_xml_entities_far_from_the_beginning_are_refused(partie: str) -> None:
    tete = (LOIN + ENTITES).encode()
    assert "entités XML" in explain_refusal(edit(PETIT, lambda nom, octets: (nom, tete + octets if nom.endswith(partie) else octets)))


@pytest.mark.parametrize("avant", ["", LOIN], ids=["au début", "loin"])
def test_xml_entities_of_a_document_are_refused(avant: str) -> None:
    assert "entités XML" in explain_refusal(make_ods(row_ods(number_ods(1)), tete=avant + ENTITES), "budget.ods")


def test_xml_entities_hidden_in_another_encoding_are_refused() -> None:
    xml = f'<?xml version="1.0" encoding="UTF-16"?>{ENTITES}<worksheet/>'.encode("utf-16")
    assert "entités XML" in explain_refusal(edit(PETIT, lambda nom, octets: (nom, xml if nom.endswith("sheet1.xml") else octets)))


def test_file_of_the_server_is_never_read_into_a_cell() -> None:
    externe = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    assert "entités XML" in explain_refusal(make_ods(row_ods(cell_ods("&e;")), tete=externe), "budget.ods")


def test_zip_bomb_is_refused() -> None:
    assert "anormalement gros" in explain_refusal(add(PETIT, "xl/media/image1.png", b"\0" * 30_000_000))


def test_workbook_too_big_once_open_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lecture_classeur, "MAX_OUVERT", 2_000)
    assert "anormalement gros" in explain_refusal(PETIT)


def test_size_that_lies_is_refused() -> None:
    vrai = pack({"xl/workbook.xml": b"a" * 1000}, zipfile.ZIP_STORED)
    assert explain_refusal(vrai.replace((1000).to_bytes(4, "little"), (10).to_bytes(4, "little")))


def test_archive_of_too_many_parts_is_refused() -> None:
    assert "trop de parties" in explain_refusal(pack({f"xl/{n}": b"" for n in range(5_001)}, zipfile.ZIP_STORED))


def test_heavy_file_is_refused() -> None:
    assert explain_refusal(b"a;b\n" * 5_000_001) == "Ce fichier dépasse 20 Mo. Séparez-le en plusieurs imports."


@pytest.mark.parametrize(
    "contenu",
    [
        make_xlsx({"A1": 1, "A11": 2}),
        make_ods(row_ods(number_ods(1), attributs='table:number-rows-repeated="11"')),
        b"a;b\n" * 11,
    ],
    ids=["xlsx", "ods", "csv"],
)
def test_sheet_of_too_many_rows_is_refused(contenu: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lecture_classeur, "MAX_LIGNES", 10)
    phrase = explain_refusal(contenu, "Budget.csv")
    assert phrase.startswith("La feuille « Budget » a 11 lignes")


@pytest.mark.parametrize(
    "contenu",
    [make_xlsx({"A1": 1, "F1": 2}), make_ods(row_ods(number_ods(1, attributs='table:number-columns-repeated="6"'))), b"a;b;c;d;e;f\n"],
    ids=["xlsx", "ods", "csv"],
)
def test_sheet_of_too_many_columns_is_refused(contenu: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lecture_classeur, "MAX_COLONNES", 5)
    assert "pour un budget" in explain_refusal(contenu)


def test_sheet_just_within_the_limits_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lecture_classeur, "MAX_COLONNES", 6)
    monkeypatch.setattr(lecture_classeur, "MAX_LIGNES", 11)
    assert read_feuille(make_xlsx({"A1": 1, "F11": 2})).get(10, 5) == 2
    assert read_feuille(b"a;b;c;d;e;f\n" * 11).get(10, 5) == "f"


def test_workbook_of_too_many_sheets_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lecture_classeur, "MAX_FEUILLES", 2)
    classeur = openpyxl.Workbook()
    for _ in range(2):
        classeur.create_sheet()["A1"] = 1
    assert explain_refusal(write(classeur)) == "Ce classeur a 3 feuilles, 2 au plus."


def test_cells_that_are_only_painted_far_away_do_not_make_a_sheet_too_big() -> None:
    lignes = '<row r="1"><c r="A1"><v>1</v></c><c r="XFD1" s="0"/></row><row r="1048576"><c r="A1048576" s="0"/></row>'
    assert read_feuille(sheet_xlsx(lignes)).lignes == [[1]]


def read_with_little_memory(contenu: bytes, dossier: Path, octets: int) -> subprocess.CompletedProcess[str]:
    """Read in another process whose memory is bounded: what it asks in vain brings it down instead of these tests."""
    fichier = dossier / "fichier"
    fichier.write_bytes(contenu)
    code = (
        f"import resource, sys; resource.setrlimit(resource.RLIMIT_AS, ({octets}, {octets}))\n"
        "from socle.lecture_classeur import ClasseurRefuse, read_classeur\n"
        "try: print('lu', len(read_classeur(open(sys.argv[1], 'rb').read(), 'budget.xlsx').feuilles))\n"
        "except ClasseurRefuse as refus: print('refus', refus)\n"
    )
    return subprocess.run([sys.executable, "-c", code, str(fichier)], cwd=RACINE, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("adresse", ["XFD1048576", "XFD60000", "A1048576"])
def test_cell_far_beyond_the_limits_does_not_bring_the_server_down(adresse: str, tmp_path: Path) -> None:
    fin = read_with_little_memory(make_xlsx({"A1": 1, adresse: 2}), tmp_path, 1_500_000_000)
    assert fin.returncode == 0, fin.stderr[:400]
    assert fin.stdout.startswith("refus La feuille")


FEUILLE_LOINTAINE = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576">%s</row></sheetData></worksheet>'
)


@pytest.mark.parametrize(
    "case",
    [
        "<c r='XFD1048576'><v>1</v></c>",
        '<c s="0"\n  r = "XFD1048576" ><v>1</v></c>',
        '<c foo=">" r="XFD1048576"><v>1</v></c>',
        '<c foo="</row>" r="XFD1048576"><v>1</v></c>',
        '<!-- <c r="A1" --><c r="XFD1048576"><v>1</v></c>',
        '<c r="XFD1"><v>1</v></c><c><v>1</v></c>',
    ],
)
@pytest.mark.parametrize("place", ["utf-8", "utf-16", "ailleurs"])
def test_far_cell_written_oddly_does_not_bring_the_server_down(case: str, place: str, tmp_path: Path) -> None:
    xml = (FEUILLE_LOINTAINE % case).encode("utf-16" if place == "utf-16" else "utf-8")
    contenu = edit(PETIT, lambda nom, octets: (nom, xml if nom.endswith("sheet1.xml") else octets))
    if place == "ailleurs":
        contenu = edit(
            contenu, lambda nom, octets: (nom.replace("worksheets/sheet1.xml", "a.dat"), octets.replace(b"worksheets/sheet1.xml", b"a.dat"))
        )
    fin = read_with_little_memory(contenu, tmp_path, 1_500_000_000)
    assert fin.returncode == 0, fin.stderr[:400]
    assert fin.stdout.startswith("refus")


def test_two_cells_at_the_ends_of_the_limits_do_not_bring_the_server_down(tmp_path: Path) -> None:
    fin = read_with_little_memory(make_xlsx({"A1": 1, "OI119000": 2}), tmp_path, 1_500_000_000)
    assert fin.returncode == 0, fin.stderr[:400]


def test_repeated_cells_of_a_document_do_not_bring_the_server_down(tmp_path: Path) -> None:
    case = number_ods(1, attributs='table:number-columns-repeated="16384"')
    fin = read_with_little_memory(make_ods(row_ods(case, attributs='table:number-rows-repeated="1048576"')), tmp_path, 1_500_000_000)
    assert fin.returncode == 0, fin.stderr[:400]
    assert fin.stdout.startswith("refus")


def test_repeated_cells_within_the_limits_do_not_bring_the_server_down(tmp_path: Path) -> None:
    case = number_ods(0.5, "50 %", "percentage", 'table:number-columns-repeated="399"')
    fin = read_with_little_memory(make_ods(row_ods(case, attributs='table:number-rows-repeated="119000"')), tmp_path, 1_500_000_000)
    assert fin.returncode == 0, fin.stderr[-400:]


def test_text_of_empty_lines_does_not_bring_the_server_down(tmp_path: Path) -> None:
    fin = read_with_little_memory(b"a;b\n" + b"\n" * 8_000_000, tmp_path, 600_000_000)
    assert fin.returncode == 0, fin.stderr[-400:]
    assert fin.stdout.startswith("refus La feuille")
