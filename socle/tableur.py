"""What every spreadsheet written by the product shares."""

import re
import zipfile
from decimal import Decimal
from functools import partial
from io import BytesIO
from weakref import WeakKeyDictionary

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.worksheet.worksheet import Worksheet

FORMAT_EUROS = '#,##0.00\u00a0"€"'
_INSTANT = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*(</dcterms)")
_ECHAPPEMENT = re.compile("_(?=x[0-9A-Fa-f]{4}_)")  # what a spreadsheet would read as a coded character
_FORMULE = re.compile(rb'(<c r="([A-Z]+[0-9]+)"[^>]*><f>[^<]*</f>)<v ?/?>(?:</v>)?')
_resultats: "WeakKeyDictionary[Worksheet, dict[str, Decimal]]" = WeakKeyDictionary()
_CONTROLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def strip_controls(texte: str) -> str:
    """Text without the characters that no XML may hold."""
    return _CONTROLE.sub("", texte)


def clean_text(texte: str) -> str:
    """Text safe in a cell: no control character, and never read as a formula by the program that opens it."""
    texte = strip_controls(texte)
    return f"'{texte}" if texte[:1] in {"=", "+", "-", "@", "\t", "\r"} else texte


def restore_text(texte: str) -> str:
    """Text as it was before `clean_text`."""
    return texte[1:] if texte[:1] == "'" and clean_text(texte[1:]) == texte else texte


def put_text(feuille: Worksheet, rang: int, colonne: int, texte: str) -> Cell:
    """Write words in a cell as they are, marked as text: a program opening the file never runs them as a formula."""
    cellule = feuille.cell(rang, colonne)
    cellule.value = _ECHAPPEMENT.sub("_x005F_", strip_controls(texte))
    if cellule.data_type in {"f", "e"}:
        cellule.quotePrefix = cellule.data_type == "f"
        cellule.data_type = "s"
    return cellule


def put_formule(feuille: Worksheet, rang: int, colonne: int, formule: str, valeur: Decimal) -> Cell:
    """Write a formula with its result, which openpyxl leaves out: programs that do not calculate show it, imports read it."""
    cellule = feuille.cell(rang, colonne, formule)
    _resultats.setdefault(feuille, {})[cellule.coordinate] = valeur
    return cellule


def save_classeur(classeur: Workbook) -> bytes:
    """Bytes of a workbook, the same for the same content: openpyxl writes the hour of saving everywhere."""
    resultats = {f"xl/worksheets/sheet{n}.xml": _resultats[f] for n, f in enumerate(classeur.worksheets, 1) if f in _resultats}
    brut = BytesIO()
    classeur.save(brut)
    sortie = BytesIO()
    with zipfile.ZipFile(brut) as source, zipfile.ZipFile(sortie, "w", zipfile.ZIP_DEFLATED) as cible:
        for nom in sorted(source.namelist(), key=lambda n: (n != "[Content_Types].xml", n)):
            contenu = source.read(nom)
            if nom == "docProps/core.xml":
                contenu = _INSTANT.sub(b"\\g<1>2000-01-01T00:00:00Z\\g<2>", contenu)
            if nom in resultats:
                contenu = _FORMULE.sub(partial(_fill_result, resultats[nom]), contenu)
            info = zipfile.ZipInfo(nom, (2000, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            cible.writestr(info, contenu)
    return sortie.getvalue()


def _fill_result(resultats: dict[str, Decimal], trouve: re.Match[bytes]) -> bytes:
    valeur = resultats.get(trouve[2].decode())
    return trouve[0] if valeur is None else trouve[1] + f"<v>{valeur:f}</v>".encode()
