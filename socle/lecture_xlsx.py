"""What calamine leaves out of an xlsx sheet, read from its XML as it unfolds, without building a tree."""

import posixpath
import re
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any

from defusedxml import ElementTree

_CELLULE = re.compile(rb"<(?:\w+:)?c\b([^>]*?)(?:/>|>(.*?)</(?:\w+:)?c>)", re.DOTALL)
_ADRESSE = re.compile(rb"""\br\s*=\s*["']([A-Z]{1,3})([0-9]{1,7})["']""")
_STYLE = re.compile(rb"""\bs=["']([0-9]+)["']""")
_VALEUR = re.compile(rb"<(?:\w+:)?v\b[^>]*>([^<]+)</(?:\w+:)?v>")
_RESULTAT_VIDE = re.compile(rb"<(?:\w+:)?v\b[^>]*(?:/>|></)")
_REMPLIE = re.compile(rb'<(?:\w+:)?c\b(?: r="([A-Z]{1,3})([0-9]{1,7})")?([^>]*[^/>]|)>')
_LIGNE = re.compile(rb"<(?:\w+:)?row\b([^>]*)>")
_COLONNE = re.compile(rb"<(?:\w+:)?col\b([^>]*)>")
_RANG = re.compile(rb"""\br=["']([0-9]{1,7})["']""")
_MASQUE = re.compile(rb"""\bhidden=["'](?:1|true)["']""")
_FORMAT_JOURS = re.compile(r'["\\\s]j(?:ours?)?\.?["\s)_]*(?:;|$)', re.IGNORECASE)
_ERREUR = re.compile(rb"""\bt=["']e["']""")
_TEXTE_CALCULE = re.compile(rb"""\bt=["']str["']""")
TAMPON = 1 << 20
SANS_ADRESSE = "Les cellules de ce classeur n’ont pas d’adresse. Enregistrez-le de nouveau avec Excel ou LibreOffice."


class CelluleSansAdresse(ValueError):
    """A cell that cannot be told apart, with the French reason as its message."""


def measure_xlsx(archive: zipfile.ZipFile) -> list[tuple[str, int, int]]:
    """Rows and columns that the filled cells of each part reach: calamine books the whole rectangle before anything can be refused.

    Raises CelluleSansAdresse.
    """
    feuilles = {chemin: nom for nom, chemin in _find_paths(archive).items()}
    mesures = []
    for nom in archive.namelist():
        lignes = colonnes = 0
        for morceau in _read_chunks(archive, nom):
            if b"sheetData" not in morceau and not (lignes or b"row" in morceau):
                continue
            cases = _REMPLIE.findall(morceau)
            places = {(lettres, b"0") for lettres, _, _ in cases} | {(b"", chiffres) for _, chiffres, _ in cases}
            for attributs in (reste for lettres, _, reste in cases if not lettres):
                adresse = _ADRESSE.search(attributs)
                if adresse is None:
                    raise CelluleSansAdresse(SANS_ADRESSE)
                places.add((adresse[1], adresse[2]))
            for lettres, chiffres in places:
                lignes, colonnes = max(lignes, int(chiffres or b"0")), max(colonnes, _number(lettres) + 1)
        mesures.append((feuilles.get(nom, nom), lignes, colonnes))
    return mesures


def annotate_xlsx(archive: zipfile.ZipFile, feuilles: Iterable[Any]) -> None:
    """Complete sheets read by calamine: broken formulas, formulas without value, percentages, days, hidden rows and columns.

    Raises CelluleSansAdresse when a broken cell cannot be located.
    """
    chemins = _find_paths(archive)
    pourcentages, jours = _read_styles(archive)
    for feuille in feuilles:
        chemin = chemins.get(feuille.nom)
        if chemin:
            for morceau in _read_chunks(archive, chemin):
                _scan(feuille, morceau, pourcentages, jours)


def _find_paths(archive: zipfile.ZipFile) -> dict[str, str]:
    """Part of each sheet, by name."""
    noms = {n.lower(): n for n in archive.namelist()}
    racine = "xl/workbook.xml"
    if racine not in noms or "xl/_rels/workbook.xml.rels" not in noms:
        return {}
    liens = {}
    for lien in ElementTree.fromstring(archive.read(noms["xl/_rels/workbook.xml.rels"])):
        cible = lien.get("Target", "")
        chemin = cible.lstrip("/") if cible.startswith("/") else posixpath.normpath(posixpath.join("xl", cible))
        liens[lien.get("Id")] = noms.get(chemin.lower())
    chemins = {}
    for element in ElementTree.fromstring(archive.read(noms[racine])).iter():
        if element.tag.rpartition("}")[2] == "sheet":
            cle = next((v for k, v in element.attrib.items() if k.endswith("}id")), None)
            chemin_feuille = liens.get(cle)
            if chemin_feuille:
                chemins[element.get("name", "")] = chemin_feuille
    return chemins


def _read_styles(archive: zipfile.ZipFile) -> tuple[set[bytes], set[bytes]]:
    """Numbers of the styles that show a percentage, and of those that show days."""
    if "xl/styles.xml" not in archive.namelist():
        return set(), set()
    racine = ElementTree.fromstring(archive.read("xl/styles.xml"))
    codes = {9: "0%", 10: "0.00%"}
    pourcentages, jours, rang = set(), set(), 0
    for element in racine.iter():
        if element.tag.rpartition("}")[2] == "numFmt" and (numero := element.get("numFmtId", "")).isdecimal():
            codes[int(numero)] = element.get("formatCode", "")
    for groupe in racine.iter():
        if groupe.tag.rpartition("}")[2] != "cellXfs":
            continue
        for rang, style in enumerate(groupe):
            numero = style.get("numFmtId", "0")
            code = codes.get(int(numero), "") if numero.isdecimal() else ""
            cle = str(rang).encode()
            if "%" in re.sub(r'"[^"]*"|\\.', "", code):
                pourcentages.add(cle)
            elif _FORMAT_JOURS.search(code):
                jours.add(cle)
    return pourcentages, jours


def _read_chunks(archive: zipfile.ZipFile, chemin: str) -> Iterator[bytes]:
    """The part by pieces that end between two rows."""
    reste = b""
    with archive.open(chemin) as partie:
        while morceau := partie.read(TAMPON):
            texte = reste + morceau
            fin = max(texte.rfind(b"</row>"), texte.rfind(b":row>"))
            if fin < 0:
                reste = texte
                continue
            fin = texte.index(b">", fin) + 1
            yield texte[:fin]
            reste = texte[fin:]
    if reste:
        yield reste


def _scan(feuille: Any, morceau: bytes, pourcentages: set[bytes], jours: set[bytes]) -> None:
    """Look for the unusual; most pieces hold nothing of it, which a plain search tells quickly."""
    if b"hidden=" in morceau:
        _scan_hidden(feuille, morceau)
    styles = {s for s in (*pourcentages, *jours) if b's="' + s + b'"' in morceau or b"s='" + s + b"'" in morceau}
    if not (styles or _ERREUR.search(morceau) or b"<f" in morceau or b":f>" in morceau or b":f " in morceau):
        return
    for trouve in _CELLULE.finditer(morceau):
        attributs, corps = trouve[1], trouve[2] or b""
        is_erreur = _ERREUR.search(attributs) is not None
        is_formule = b"<f" in corps or b":f>" in corps or b":f " in corps
        style = _STYLE.search(attributs) if styles else None
        cle = style[1] if style and style[1] in styles else None
        if not (is_erreur or is_formule or cle):
            continue
        adresse = _ADRESSE.search(attributs)
        if adresse is None:
            raise CelluleSansAdresse(SANS_ADRESSE)
        place = (int(adresse[2]) - 1, _number(adresse[1]))
        valeur = _VALEUR.search(corps)
        if is_erreur:
            feuille.erreurs[place] = valeur[1].decode(errors="replace") if valeur else "#ERREUR"
        elif (
            is_formule
            and valeur is None
            and b"<is>" not in corps
            and not (_TEXTE_CALCULE.search(attributs) and _RESULTAT_VIDE.search(corps))
        ):
            feuille.sans_valeur.add(place)
        elif cle is not None and valeur is not None:
            (feuille.pourcentages if cle in pourcentages else feuille.en_jours).add(place)


def _scan_hidden(feuille: Any, morceau: bytes) -> None:
    for trouve in _LIGNE.finditer(morceau):
        if _MASQUE.search(trouve[1]) and (rang := _RANG.search(trouve[1])):
            feuille.lignes_masquees.add(int(rang[1]) - 1)
    for trouve in _COLONNE.finditer(morceau):
        if _MASQUE.search(trouve[1]):
            bornes = [re.search(rb"""\b%s=["']([0-9]{1,7})["']""" % nom, trouve[1]) for nom in (b"min", b"max")]
            if bornes[0] and bornes[1]:
                feuille.colonnes_masquees.update(range(int(bornes[0][1]) - 1, min(int(bornes[1][1]), 400)))


def _number(lettres: bytes) -> int:
    rang = 0
    for lettre in lettres:
        rang = rang * 26 + lettre - 64
    return rang - 1
