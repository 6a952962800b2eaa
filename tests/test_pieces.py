"""Supporting files: what they really are, whatever their name; hostile ones are refused and never crash."""

import hashlib
import struct
import zipfile
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from socle.pieces import find_extension, read_piece, read_piece_ou_rien
from tests.budgets import make_budget
from tests.pieces import draw, make_odf, make_zip

# Pillow warns of large pictures, which are refused anyway; the suite turns warnings into errors.
pytestmark = pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
PERMIS = "PDF, image PNG ou JPEG, tableur ou texte (xlsx, ods, docx, odt)"


ODT = make_odf("text")
XLSX = make_budget(("Année", "Montant"), (2018, 5))
DOCX = make_zip({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>"})
PHOTOS = draw("MPO", save_all=True, append_images=[Image.new("RGB", (4, 4), "red")])  # what many telephones take
LIBREOFFICE = Path(__file__).parent / "fichiers" / "libreoffice.ods"


@pytest.mark.parametrize(
    ("contenu", "extension"),
    [
        (b"%PDF-1.4\n", "pdf"),
        (b"\r\n \t%PDF-1.4\n", "pdf"),
        (draw("PNG"), "png"),
        (draw("JPEG"), "jpg"),
        (PHOTOS, "jpg"),
        (XLSX, "xlsx"),
        (DOCX, "docx"),
        (make_odf("spreadsheet"), "ods"),
        (ODT, "odt"),
        (LIBREOFFICE.read_bytes(), "ods"),
    ],
    ids=["pdf", "pdf after blanks", "png", "jpeg", "photo of a telephone", "xlsx", "docx", "ods", "odt", "LibreOffice"],
)
def test_file_is_what_it_holds(contenu: bytes, extension: str) -> None:
    assert find_extension(contenu) == extension


FAUX = {
    "nothing": b"",
    "text": b"facture",
    "program": b"MZ\x90\x00",
    "PDF far inside": bytes(2000) + b"%PDF-1.4",
    "PDF after words": b"voici %PDF-1.4",
    "web page": b"<!doctype html><script>alert(1)</script>",
    "drawing": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "GIF": draw("GIF"),
    "GIF named PNG": b"\x89PNG" + draw("GIF"),
    "PNG cut short": draw("PNG")[:20],
    "start of a JPEG": b"\xff\xd8\xff\xe0",
    "PNG too wide": draw("PNG", (8000, 8000)),
    "archive": make_zip({"facture.pdf": b"%PDF-1.4"}),
    "empty archive": make_zip({}),
    "start of an archive": b"PK\x03\x04" + bytes(50),
    "slides": make_odf("presentation"),
    "mimetype of something else": make_zip({"mimetype": b"application/epub+zip"}),
    "xlsx with macros": make_zip({"xl/workbook.xml": b"<w/>", "xl/vbaProject.bin": b"\x00"}),
    "docx with macros": make_zip({"word/document.xml": b"<w/>", "word/vbaProject.bin": b"\x00"}),
    "ods with macros": make_odf("spreadsheet", **{"Basic/Standard/Module1.xml": b"<script:module/>"}),
    "odt with a script": make_odf("text", **{"Scripts/python/virus.py": b"import os"}),
    "bomb": make_zip({"xl/workbook.xml": bytes(1_000_000)}, zipfile.ZIP_DEFLATED),
    "bomb named ods": make_zip({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": bytes(1_000_000)}, 8),
    "old excel": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
}


@pytest.mark.parametrize("millions", [67, 134, 268], ids=lambda n: f"{n} million points")
def test_picture_that_announces_too_many_points_is_nothing(millions: int) -> None:
    contenu = bytearray(draw("PNG"))
    contenu[16:20] = struct.pack(">I", millions * 250_000)  # its width, 4 points high
    assert find_extension(bytes(contenu)) == ""


@pytest.mark.parametrize("genre", FAUX)
def test_anything_else_is_nothing(genre: str) -> None:
    assert find_extension(FAUX[genre]) == ""


def test_archive_that_says_it_unfolds_into_too_much_is_nothing() -> None:
    """What it announces is enough: it is not unfolded to be measured."""
    contenu = bytearray(make_zip({"xl/workbook.xml": b"<w/>"}))
    annuaire = contenu.index(b"PK\x01\x02")
    contenu[annuaire + 24 : annuaire + 28] = struct.pack("<I", 100_000_001)
    contenu[annuaire + 20 : annuaire + 24] = struct.pack("<I", 50_000_000)
    assert find_extension(bytes(contenu)) == ""


@pytest.mark.filterwarnings("ignore")
@given(st.binary(max_size=300), st.sampled_from([b"", b"%PDF-", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"PK\x03\x04"]))
def test_bytes_drawn_at_random_never_crash(fin: bytes, debut: bytes) -> None:
    assert find_extension(debut + fin) in {"", "pdf", "png", "jpg"}


DEFLATED = make_zip({"mimetype": b"application/vnd.oasis.opendocument.text " * 3, "content.xml": b"<c/>"}, zipfile.ZIP_DEFLATED)
LZMA = make_zip({"mimetype": b"application/vnd.oasis.opendocument.text " * 3}, zipfile.ZIP_LZMA)
BZIP2 = make_zip({"mimetype": b"application/vnd.oasis.opendocument.text " * 3}, zipfile.ZIP_BZIP2)
ENTIERS = [ODT, DEFLATED, LZMA, BZIP2, DOCX, draw("PNG"), draw("JPEG"), PHOTOS]
blessures = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6)


@pytest.mark.filterwarnings("ignore")  # Pillow tells what it makes do with
@given(st.sampled_from(ENTIERS), blessures, st.floats(0, 1))
@settings(max_examples=200)
def test_spoilt_file_never_crashes(entier: bytes, blessures: list[tuple[float, int]], gardes: float) -> None:
    contenu = bytearray(entier)
    for place, octet in blessures:
        contenu[int(place * len(contenu))] = octet
    for morceau in (bytes(contenu), bytes(contenu[: int(gardes * len(contenu))])):
        assert find_extension(morceau) in {"", "pdf", "png", "jpg", "odt", "ods", "docx", "xlsx"}


@pytest.mark.parametrize("entier", [DEFLATED, LZMA, BZIP2], ids=["deflate", "lzma", "bzip2"])
def test_every_spoilt_byte_of_an_archive_is_survived(entier: bytes) -> None:
    for place in range(len(entier)):
        for octet in (0, 1, 255):
            assert find_extension(entier[:place] + bytes([octet]) + entier[place + 1 :]) in {"", "odt"}


# --- Reading an upload -----------------------------------------------------------------------------


def refuse(fichier: SimpleUploadedFile | None, **options: object) -> str:
    with pytest.raises(ValidationError) as refus:
        read_piece(fichier, **options)  # type: ignore[arg-type]
    return refus.value.messages[0]


def test_accepted_file_keeps_its_bytes_its_name_its_kind_and_its_fingerprint() -> None:
    piece = read_piece(SimpleUploadedFile("Bilan 2018.txt", ODT))
    assert (piece.contenu, piece.nom, piece.extension, piece.taille) == (ODT, "Bilan 2018.txt", "odt", len(ODT))
    assert piece.empreinte == hashlib.sha256(ODT).hexdigest()


@pytest.mark.parametrize("fichier", [None, SimpleUploadedFile("vide.pdf", b"")], ids=["none", "empty"])
def test_nothing_is_asked_for_again(fichier: SimpleUploadedFile | None) -> None:
    assert refuse(fichier) == "Choisissez un fichier qui n’est pas vide."


def test_file_that_may_be_absent_may_not_be_empty() -> None:
    assert read_piece_ou_rien(None) is None
    with pytest.raises(ValidationError):
        read_piece_ou_rien(SimpleUploadedFile("vide.pdf", b""))
    piece = read_piece_ou_rien(SimpleUploadedFile("a.pdf", b"%PDF-1.4"))
    assert piece is not None
    assert piece.extension == "pdf"


def test_size_is_looked_at_before_the_content() -> None:
    assert read_piece(SimpleUploadedFile("a.pdf", b"%PDF-" + bytes(1_999_995)), maximum=2_000_000).taille == 2_000_000
    assert refuse(SimpleUploadedFile("a.pdf", b"%PDF-" + bytes(1_999_996)), maximum=2_000_000) == (
        "Ce fichier dépasse 2 Mo. Réduisez-le, ou numérisez-le avec moins de points."
    )


@pytest.mark.parametrize("genre", ["text", "xlsx with macros", "bomb"])
def test_file_that_is_none_of_those_says_what_is_expected(genre: str) -> None:
    assert refuse(SimpleUploadedFile("a.pdf", FAUX[genre])) == f"Ce fichier n’est pas lisible. Attendu : {PERMIS}."


@pytest.mark.parametrize("contenu", [ODT, draw("PNG"), b"facture"], ids=["odt", "png", "text"])
def test_where_only_a_pdf_is_wanted_nothing_else_will_do(contenu: bytes) -> None:
    assert refuse(SimpleUploadedFile("a.pdf", contenu), seulement_pdf=True) == "Ce fichier n’est pas lisible. Attendu : un PDF."
    assert read_piece(SimpleUploadedFile("a", b"%PDF-1.4"), seulement_pdf=True).extension == "pdf"


class Envoi(SimpleUploadedFile):
    """An upload whose name was not cleaned on its way."""

    def __init__(self, nom: str | None) -> None:
        super().__init__("a.pdf", b"%PDF-1.4")
        self._name = nom


@pytest.mark.parametrize(
    ("nom", "garde"),
    [
        ("facture.pdf", "facture.pdf"),
        ("../../etc/facture.pdf", "facture.pdf"),
        ("C:\\Documents\\facture.pdf", "facture.pdf"),
        ("fac\x00ture.pdf", "facture.pdf"),
        ("", "piece.pdf"),
        (None, "piece.pdf"),
        ("dossier/", "dossier"),
        ("é" * 200 + ".pdf", "é" * 116 + ".pdf"),
    ],
    ids=["plain", "path", "Windows", "NUL", "none", "null", "folder", "long"],
)
def test_name_is_kept_as_a_name_and_not_as_a_path(nom: str | None, garde: str) -> None:
    assert read_piece(Envoi(nom)).nom == garde
