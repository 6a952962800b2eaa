"""Small spreadsheets made for the tests, whole or spoilt on purpose."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest

from socle.lecture_classeur import Classeur, ClasseurRefuse, Feuille, read_classeur

FRANCAIS = ("Ce classeur", "Ce fichier", "La feuille", "Les c", "Une cellule")
MIMETYPE_ODS = "application/vnd.oasis.opendocument.spreadsheet"
_ESPACES = " ".join(
    f'xmlns:{nom}="urn:oasis:names:tc:opendocument:xmlns:{nom}:1.0"' for nom in ("office", "table", "text", "style", "manifest")
)
_ESPACES += ' xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
_ESPACES += ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xlink="http://www.w3.org/1999/xlink"'


def write(classeur: openpyxl.Workbook) -> bytes:
    tampon = io.BytesIO()
    classeur.save(tampon)
    return tampon.getvalue()


def make_xlsx(cases: dict[str, Any], formats: dict[str, str] | None = None, nom: str = "Budget") -> bytes:
    """One sheet: values by address, then number formats by address."""
    classeur = openpyxl.Workbook()
    feuille = classeur.active
    feuille.title = nom
    for adresse, valeur in cases.items():
        feuille[adresse] = valeur
    for adresse, code in (formats or {}).items():
        feuille[adresse].number_format = code
    return write(classeur)


def edit(contenu: bytes, change: Callable[[str, bytes], tuple[str, bytes] | None], stockage: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The archive with each part renamed, rewritten or removed (None)."""
    tampon = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(contenu)) as source, zipfile.ZipFile(tampon, "w", stockage) as cible:
        for nom in source.namelist():
            partie = change(nom, source.read(nom))
            if partie is not None:
                cible.writestr(*partie)
    return tampon.getvalue()


def replace(contenu: bytes, fin: str, ancien: bytes, nouveau: bytes) -> bytes:
    """The archive with one thing changed in the parts whose name ends so; something must change."""
    change = edit(contenu, lambda nom, octets: (nom, octets.replace(ancien, nouveau) if nom.endswith(fin) else octets))
    assert change != edit(contenu, lambda nom, octets: (nom, octets)), "rien n’a changé"
    return change


def add(contenu: bytes, nom: str, partie: bytes) -> bytes:
    """The archive with one more part."""
    tampon = io.BytesIO(contenu)
    with zipfile.ZipFile(tampon, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(nom, partie)
    return tampon.getvalue()


def sheet_xlsx(donnees: str, avant: str = "", apres: str = "") -> bytes:
    """A workbook whose first sheet is written by hand: what goes in `sheetData`, before it and after it."""
    xml = f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{avant}<sheetData>{donnees}</sheetData>{apres}</worksheet>'
    return edit(make_xlsx({"A1": 1}), lambda nom, octets: (nom, xml.encode() if nom.endswith("sheet1.xml") else octets))


def make_ods(lignes: str, nom: str = "Budget", avant: str = "", apres: str = "", tete: str = "") -> bytes:
    """A document whose only sheet is written by hand; `apres` holds other sheets."""
    table = f'<table:table table:name="{nom}">{avant}{lignes}</table:table>{apres}'
    return zip_ods(
        f'<?xml version="1.0" encoding="UTF-8"?>{tete}<office:document-content {_ESPACES}><office:body><office:spreadsheet>'
        f"{table}</office:spreadsheet></office:body></office:document-content>"
    )


def zip_ods(contenu: str | bytes, manifeste: str = "") -> bytes:
    tampon = io.BytesIO()
    with zipfile.ZipFile(tampon, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", MIMETYPE_ODS, zipfile.ZIP_STORED)
        archive.writestr("content.xml", contenu)
        archive.writestr("META-INF/manifest.xml", f'<?xml version="1.0"?><manifest:manifest {_ESPACES}>{manifeste}</manifest:manifest>')
    return tampon.getvalue()


def row_ods(*cases: str, attributs: str = "") -> str:
    return f"<table:table-row {attributs}>{''.join(cases)}</table:table-row>"


def cell_ods(texte: str = "", sorte: str = "string", attributs: str = "", note: str = "") -> str:
    """A cell; without `sorte`, one that holds no value. `note` is a comment of the cell."""
    genre = f'office:value-type="{sorte}"' if sorte else ""
    commentaire = f"<office:annotation><dc:creator>Agent</dc:creator><text:p>{note}</text:p></office:annotation>" if note else ""
    paragraphe = f"<text:p>{texte}</text:p>" if texte else ""
    return f"<table:table-cell {genre} {attributs}>{commentaire}{paragraphe}</table:table-cell>"


def number_ods(valeur: float, texte: str = "", sorte: str = "float", attributs: str = "") -> str:
    return cell_ods(texte or str(valeur), sorte, f'office:value="{valeur}" {attributs}')


def read_feuille(contenu: bytes, nom: str = "budget.xlsx") -> Feuille:
    return read_classeur(contenu, nom).feuilles[0]


def explain_refusal(contenu: bytes, nom: str = "budget.xlsx") -> str:
    """The sentence of the refusal, which must be one and French."""
    with pytest.raises(ClasseurRefuse) as refus:
        read_classeur(contenu, nom)
    phrase = str(refus.value)
    assert phrase.startswith(FRANCAIS), phrase
    assert phrase.endswith("."), phrase
    return phrase


def read_or_refuse(contenu: bytes, nom: str) -> Classeur | None:
    """What the reading promises for any bytes at all: a workbook, or a refusal in French."""
    try:
        classeur = read_classeur(contenu, nom)
    except ClasseurRefuse:
        explain_refusal(contenu, nom)
        return None
    assert all(isinstance(ligne, list) for f in classeur.feuilles for ligne in f.lignes)
    return classeur
