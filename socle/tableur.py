"""What every spreadsheet written by the product shares."""

import re
import zipfile
from io import BytesIO

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.worksheet.worksheet import Worksheet

FORMAT_EUROS = '#,##0.00\u00a0"€"'
_INSTANT = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*(</dcterms)")
_CONTROLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def clean_text(texte: str) -> str:
    """Text safe in a cell: no control character, and never read as a formula by the program that opens it."""
    texte = _CONTROLE.sub("", texte)
    return f"'{texte}" if texte[:1] in {"=", "+", "-", "@", "\t", "\r"} else texte


def restore_text(texte: str) -> str:
    """Text as it was before `clean_text`."""
    return texte[1:] if texte[:1] == "'" and clean_text(texte[1:]) == texte else texte


def put_text(feuille: Worksheet, rang: int, colonne: int, texte: str) -> Cell:
    """Write words in a cell as they are, marked as text: a program opening the file never runs them as a formula."""
    cellule = feuille.cell(rang, colonne)
    cellule.value = _CONTROLE.sub("", texte)
    if cellule.data_type == "f":
        cellule.data_type = "s"
        cellule.quotePrefix = True
    return cellule


def save_classeur(classeur: Workbook) -> bytes:
    """Bytes of a workbook, the same for the same content: openpyxl writes the hour of saving everywhere."""
    brut = BytesIO()
    classeur.save(brut)
    sortie = BytesIO()
    with zipfile.ZipFile(brut) as source, zipfile.ZipFile(sortie, "w", zipfile.ZIP_DEFLATED) as cible:
        for nom in sorted(source.namelist(), key=lambda n: (n != "[Content_Types].xml", n)):
            contenu = source.read(nom)
            if nom == "docProps/core.xml":
                contenu = _INSTANT.sub(b"\\g<1>2000-01-01T00:00:00Z\\g<2>", contenu)
            info = zipfile.ZipInfo(nom, (2000, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            cible.writestr(info, contenu)
    return sortie.getvalue()
