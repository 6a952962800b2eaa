"""What calamine leaves out of an ods sheet, read from its XML row by row."""

import itertools
import re
import zipfile
from collections.abc import Iterable
from typing import Any
from xml.etree.ElementTree import Element  # the type only: defusedxml parses

from defusedxml import ElementTree

TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
CALCEXT = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}"
_JOURS = re.compile(r"[0-9]\s*j(?:ours?)?\.?$", re.IGNORECASE)  # \s holds the no-break spaces
TEXTE = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"


def measure_ods(archive: zipfile.ZipFile) -> list[tuple[str, int, int]]:
    """Rows and columns that the filled cells of each sheet reach: calamine writes repeated cells out before anything can be refused."""
    mesures: list[tuple[str, int, int]] = []
    rang = lignes = colonnes = 0
    with archive.open("content.xml") as partie:
        for evenement, element in ElementTree.iterparse(partie, events=("start", "end"), forbid_dtd=True):
            if evenement == "start":
                if element.tag == f"{TABLE}table":
                    rang = lignes = colonnes = 0
            elif element.tag == f"{TABLE}table-row":
                rang += _repeat(element, "rows")
                place = 0
                for cellule in element:
                    place += _repeat(cellule, "columns")
                    if len(cellule) or cellule.get(f"{OFFICE}value-type") or cellule.get(f"{TABLE}formula"):
                        lignes, colonnes = rang, max(colonnes, place)
                element.clear()
            elif element.tag == f"{TABLE}table":
                mesures.append((element.get(f"{TABLE}name", ""), lignes, colonnes))
                element.clear()
    return mesures


def annotate_ods(archive: zipfile.ZipFile, feuilles: Iterable[Any]) -> bool:
    """Complete sheets read by calamine: broken formulas, formulas without value, percentages, hidden rows and columns, merges.

    Tell whether some of them come from another file.
    """
    liens = False
    par_nom = {feuille.nom: feuille for feuille in feuilles}
    feuille: Any = None
    rang = colonne = 0
    with archive.open("content.xml") as partie:
        for evenement, element in ElementTree.iterparse(partie, events=("start", "end"), forbid_dtd=True):
            if evenement == "start" and element.tag == f"{TABLE}table":
                feuille, rang, colonne = par_nom.get(element.get(f"{TABLE}name", "")), 0, 0
            elif evenement == "end" and feuille is not None:
                if element.tag == f"{TABLE}table-column":
                    nombre = _repeat(element, "columns")
                    if element.get(f"{TABLE}visibility") in {"collapse", "filter"}:
                        feuille.colonnes_masquees.update(range(colonne, min(colonne + nombre, 400)))
                    colonne += nombre
                elif element.tag == f"{TABLE}table-row":
                    nombre = _repeat(element, "rows")
                    _scan_row(feuille, element, rang, nombre)
                    rang += nombre
                    element.clear()
                elif element.tag == f"{TABLE}table":
                    feuille = None
                    element.clear()
                elif element.tag == f"{TABLE}table-source":
                    liens = True
    return liens


def _repeat(element: Element, quoi: str) -> int:
    nombre = element.get(f"{TABLE}number-{quoi}-repeated", "1")
    return int(nombre) if nombre.isdecimal() and len(nombre) < 8 else 1


def _scan_row(feuille: Any, ligne: Element, rang: int, nombre: int) -> None:
    if ligne.get(f"{TABLE}visibility") in {"collapse", "filter"}:
        feuille.lignes_masquees.update(range(rang, min(rang + nombre, len(feuille.lignes))))
    colonne = 0
    for cellule in ligne:
        if cellule.tag not in {f"{TABLE}table-cell", f"{TABLE}covered-table-cell"}:
            continue
        largeur = _repeat(cellule, "columns")
        _scan_cell(feuille, cellule, range(rang, min(rang + nombre, 120_000)), range(colonne, min(colonne + largeur, 400)))
        colonne += largeur


def _scan_cell(feuille: Any, cellule: Element, rangs: range, colonnes: range) -> None:
    """Look for the unusual in a cell, told for every place where it is repeated."""
    sorte, calcul = cellule.get(f"{OFFICE}value-type"), cellule.get(f"{CALCEXT}value-type")
    paragraphes = cellule.findall(f"{TEXTE}p")  # never the comment of the cell
    texte = " ".join("".join(p.itertext()) for p in paragraphes).strip()
    formule = cellule.get(f"{TABLE}formula")
    if calcul == "error" or (formule and calcul is None and texte.startswith(("#", "Err:"))):
        feuille.erreurs.update(dict.fromkeys(itertools.product(rangs, colonnes), texte or "#ERREUR"))
    elif formule and sorte is None and not paragraphes:  # an empty paragraph is an empty result
        feuille.sans_valeur.update(itertools.product(rangs, colonnes))
    elif sorte == "percentage":
        feuille.pourcentages.update(itertools.product(rangs, colonnes))
    elif sorte == "float" and _JOURS.search(texte):
        feuille.en_jours.update(itertools.product(rangs, colonnes))
    hauteur, largeur = cellule.get(f"{TABLE}number-rows-spanned", "1"), cellule.get(f"{TABLE}number-columns-spanned", "1")
    if (hauteur, largeur) != ("1", "1") and hauteur.isdecimal() and largeur.isdecimal():
        place = (rangs.start, colonnes.start)
        feuille.fusions.append((place, (place[0] + min(int(hauteur), 100_000) - 1, place[1] + min(int(largeur), 400) - 1)))
