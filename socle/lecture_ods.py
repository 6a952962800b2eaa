"""What calamine leaves out of an ods sheet, read from its XML row by row."""

import zipfile
from collections.abc import Iterable
from typing import Any
from xml.etree.ElementTree import Element  # the type only: defusedxml parses

from defusedxml import ElementTree

TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
CALCEXT = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}"
TEXTE = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"


def annotate_ods(archive: zipfile.ZipFile, feuilles: Iterable[Any]) -> None:
    """Complete sheets read by calamine: broken formulas, formulas without value, percentages, hidden rows and columns, merges."""
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


def _repeat(element: Element, quoi: str) -> int:
    nombre = element.get(f"{TABLE}number-{quoi}-repeated", "1")
    return int(nombre) if nombre.isdecimal() and len(nombre) < 8 else 1


def _scan_row(feuille: Any, ligne: Element, rang: int, nombre: int) -> None:
    dernier = min(rang + nombre, len(feuille.lignes))
    if ligne.get(f"{TABLE}visibility") in {"collapse", "filter"}:
        feuille.lignes_masquees.update(range(rang, dernier))
    colonne = 0
    for cellule in ligne:
        if cellule.tag not in {f"{TABLE}table-cell", f"{TABLE}covered-table-cell"}:
            continue
        largeur = _repeat(cellule, "columns")
        for place in ((r, c) for r in range(rang, min(dernier, rang + 1000)) for c in range(colonne, min(colonne + largeur, 400))):
            _scan_cell(feuille, cellule, place)
        colonne += largeur


def _scan_cell(feuille: Any, cellule: Element, place: tuple[int, int]) -> None:
    sorte, calcul = cellule.get(f"{OFFICE}value-type"), cellule.get(f"{CALCEXT}value-type")
    texte = "".join(cellule.itertext()).strip()
    formule = cellule.get(f"{TABLE}formula")
    if calcul == "error" or (formule and (texte.startswith(("#", "Err:")))):
        feuille.erreurs[place] = texte or "#ERREUR"
    elif formule and sorte is None:
        feuille.sans_valeur.add(place)
    elif sorte == "percentage":
        feuille.pourcentages.add(place)
    elif sorte == "float" and texte.lower().endswith((" j", "\u00a0j", " jours", " jour")):
        feuille.en_jours.add(place)
    hauteur, largeur = cellule.get(f"{TABLE}number-rows-spanned", "1"), cellule.get(f"{TABLE}number-columns-spanned", "1")
    if (hauteur, largeur) != ("1", "1") and hauteur.isdecimal() and largeur.isdecimal():
        feuille.fusions.append((place, (place[0] + min(int(hauteur), 100_000) - 1, place[1] + min(int(largeur), 400) - 1)))
