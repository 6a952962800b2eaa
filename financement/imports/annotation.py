"""A copy of the file where each refused cell is coloured and says why."""

import io
import re
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.comments import Comment
from openpyxl.styles import PatternFill
from openpyxl.worksheet.worksheet import Worksheet

from financement.imports.journal import ImportBudget
from financement.imports.valeurs import show_cell
from socle.lecture_classeur import Classeur, is_date, read_classeur
from socle.tableur import put_text, save_classeur, strip_controls

FOND = PatternFill("solid", fgColor="F9D9DC")
GARDE_ENTIER = 3_000_000  # bytes; above, only the rows at fault are copied
AUTEUR = "Trait d’union"
NOM_LISTE = "À corriger"


def annotate(imp: ImportBudget, refus: list[list[str]]) -> bytes:
    """Bytes of an xlsx: the file itself when it is one and not too large, else a copy of its values.

    Raises OSError when the file is lost, ValueError when it cannot be read any more.
    """
    contenu = imp.read_contenu()
    classeur = read_classeur(contenu, imp.nom)
    if classeur.format in {"xlsx", "xlsm"} and len(contenu) <= GARDE_ENTIER:
        copie = load_workbook(io.BytesIO(contenu), keep_vba=False, keep_links=False)
    else:
        copie = _copy_values(classeur, refus)
    for feuille in [f for f in copie.worksheets if isinstance(f, Worksheet)]:
        siens = [r for r in refus if clean_title(r[0]) == feuille.title]
        for _, cellule, _, raison in siens:
            _mark(feuille, cellule, raison)
    _add_list(copie, refus)
    return save_classeur(copie)


def clean_title(nom: str) -> str:
    """A name that a workbook accepts for a sheet: a text file may be called anything."""
    return re.sub(r"[\\/*?:\[\]]", "-", nom)[:31] or "Feuille"


def _mark(feuille: Worksheet, cellule: str, raison: str) -> None:
    """Colour a cell and say why in a comment; a whole row is marked in its first cell."""
    ligne = re.fullmatch("ligne ([0-9]+)", cellule)
    adresse = f"A{ligne[1]}" if ligne else cellule
    if not re.fullmatch("[A-Z]{1,3}[0-9]{1,7}", adresse):
        return
    case: Any = feuille[adresse]
    if not hasattr(case, "comment") or type(case).__name__ == "MergedCell":
        case = next((feuille.cell(p.min_row, p.min_col) for p in feuille.merged_cells.ranges if adresse in p), None)
        if case is None:
            return
    ancien = f"{case.comment.text}\n\n" if case.comment else ""
    case.comment = Comment(ancien + strip_controls(raison), AUTEUR, height=120, width=320)
    case.fill = FOND


def _copy_values(classeur: Classeur, refus: list[list[str]]) -> Workbook:
    """The values of a file that is no workbook, or too large a one, at the same addresses."""
    copie = Workbook()
    copie.remove(copie.worksheets[0])
    for source in classeur.feuilles:
        gardes = None
        if sum(map(len, source.lignes)) > 400_000:
            rangs = {int(m[0]) - 1 for r in refus if r[0] == source.nom and (m := re.findall("[0-9]+", r[1]))}
            gardes = rangs | set(range(min(20, len(source.lignes))))
        cible = copie.create_sheet(clean_title(source.nom))
        for rang, ligne in enumerate(source.lignes):
            if gardes is not None and rang not in gardes:
                continue
            for colonne, valeur in enumerate(ligne):
                if (rang, colonne) in source.erreurs:
                    put_text(cible, rang + 1, colonne + 1, show_cell(source, rang, colonne))
                elif isinstance(valeur, str):
                    put_text(cible, rang + 1, colonne + 1, valeur)
                elif valeur is not None:
                    case = cible.cell(rang + 1, colonne + 1, valeur)
                    if (rang, colonne) in source.pourcentages:
                        case.number_format = "0.00%"
                    elif is_date(valeur):
                        case.number_format = "dd/mm/yyyy"
    return copie


def _add_list(copie: Workbook, refus: list[list[str]]) -> None:
    """All the refusals on one sheet, to be worked through."""
    feuille = copie.create_sheet(NOM_LISTE, 0)
    for colonne, (titre, largeur) in enumerate(
        [("Feuille", 22), ("Cellule", 12), ("Valeur lue", 26), ("Ce qui ne va pas, et quoi faire", 100)], 1
    ):
        put_text(feuille, 1, colonne, titre).fill = FOND
        feuille.column_dimensions[chr(64 + colonne)].width = largeur
    for rang, ligne in enumerate(refus, 2):
        for colonne, valeur in enumerate(ligne, 1):
            put_text(feuille, rang, colonne, str(valeur))
    feuille.freeze_panes = "A2"
    copie.active = 0
