"""The recap as a spreadsheet: real numbers, SUM formulas, frozen heads, landscape print."""

from decimal import Decimal

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from financement.recapitulatif import TOTAL, Cellule, Ligne, Recapitulatif, list_autres
from socle.ecriture_xlsx import POLICE, set_landscape
from socle.tableur import FORMAT_EUROS, put_formule, put_text, save_classeur

GRAS = Font(name=POLICE, size=11, bold=True)
FILET = Side(style="thin", color="14231E")
FOND = PatternFill("solid", fgColor="F2F6F4")
PREMIERE_COLONNE = 3  # after the code and the title
PREMIERE_LIGNE = 5


def write_recapitulatif_xlsx(recap: Recapitulatif) -> bytes:
    """Workbook of one recap; a computed one sums by formulas, a declared one keeps its printed sums."""
    classeur = Workbook()
    classeur.remove(classeur.worksheets[0])
    add_recapitulatif(classeur, recap)
    classeur.properties.creator = "Trait d’union"
    classeur.properties.title = f"Récapitulatif financier – {recap.convention.reference}"
    return save_classeur(classeur)


def add_recapitulatif(classeur: Workbook, recap: Recapitulatif) -> None:
    """Add the sheets of a recap to a workbook: the table, and the detail of its « Autres » column."""
    feuille = classeur.create_sheet("Récapitulatif déclaré" if recap.declare else "Récapitulatif")
    _write_head(feuille, recap)
    rang, sous_totaux = PREMIERE_LIGNE, []
    for groupe in recap.groupes:
        put_text(feuille, rang, 1, f"Axe {groupe.axe.code} – {groupe.axe.titre}").font = GRAS
        debut, rang = rang + 1, rang + 1
        for ligne in groupe.lignes:
            assert ligne.fiche is not None
            put_text(feuille, rang, 1, ligne.fiche.code)
            put_text(feuille, rang, 2, ligne.fiche.nom_court)
            _write_ligne(feuille, rang, ligne, recap)
            rang += 1
        put_text(feuille, rang, 1, f"Total {groupe.axe.titre}")
        _write_somme(feuille, rang, groupe.sous_total, recap, [f"{{c}}{debut}:{{c}}{rang - 1}"])
        sous_totaux.append(rang)
        rang += 1
    feuille.cell(rang, 1, "Total général")
    _write_somme(feuille, rang, recap.total, recap, [f"{{c}}{r}" for r in sous_totaux])
    _set_up(feuille, recap, rang)
    if recap.autres:
        _write_autres(classeur.create_sheet("Autres financeurs"), recap)


def _write_head(feuille: Worksheet, recap: Recapitulatif) -> None:
    put_text(feuille, 1, 1, recap.convention.titre).font = Font(name=POLICE, bold=True, size=14)
    source = "tels que déclarés en annexe" if recap.declare else "calculés depuis les fiches"
    bases = f" Bases mêlées : {', '.join(recap.bases).lower()}." if len(recap.bases) > 1 else ""
    feuille["A2"] = f"{recap.convention.reference} – montants en euros, {source}. « / » : aucun montant.{bases}"
    feuille.cell(3, 1, "Fiche"), feuille.cell(3, 2, "Action")
    colonne = PREMIERE_COLONNE
    for annee in recap.annees:
        feuille.cell(3, colonne, annee)
        feuille.merge_cells(start_row=3, end_row=3, start_column=colonne, end_column=colonne + len(recap.colonnes) - 1)
        for _, nom in recap.colonnes:
            put_text(feuille, 4, colonne, nom)
            colonne += 1
    feuille.cell(3, colonne, recap.nom_periode)
    feuille.cell(3, colonne + 1, "S’y ajoute")
    for ligne in feuille.iter_rows(min_row=3, max_row=4, max_col=colonne + 1):
        for cellule in ligne:
            cellule.font = GRAS
            cellule.alignment = Alignment(horizontal="left" if cellule.column < PREMIERE_COLONNE else "center", vertical="bottom")
            if cellule.row == 4:
                cellule.border = Border(bottom=FILET)


def _write_ligne(feuille: Worksheet, rang: int, ligne: Ligne, recap: Recapitulatif) -> None:
    """A fiche: amounts as numbers; its totals are sums of its row where the row holds all the parts."""
    colonne, totaux = PREMIERE_COLONNE, []
    for annee in recap.annees:
        debut = colonne
        for cle, _ in recap.colonnes:
            cellule = ligne.get(annee, cle)
            if cle == TOTAL and not recap.declare and cellule.montant is not None and colonne > debut:
                a, b = get_column_letter(debut), get_column_letter(colonne - 1)
                _put(feuille, rang, colonne, cellule.montant, f"=SUM({a}{rang}:{b}{rang})")
            else:
                _put(feuille, rang, colonne, show(cellule))
            if cle == TOTAL:
                totaux.append(get_column_letter(colonne))
                feuille.cell(rang, colonne).font = GRAS
            colonne += 1
    ensemble = ligne.total_periode
    imprime = recap.declare and (None, TOTAL) in ligne.cellules
    somme = "=SUM(" + ",".join(f"{c}{rang}" for c in totaux) + ")"
    _put(feuille, rang, colonne, show(ensemble), "" if imprime or ensemble.montant is None else somme)
    feuille.cell(rang, colonne).font = GRAS
    _put_reserves(feuille, rang, colonne + 1, ensemble)


def _write_somme(feuille: Worksheet, rang: int, ligne: Ligne, recap: Recapitulatif, plages: list[str]) -> None:
    """A subtotal or the total: formulas over `plages`, where {c} is the column; printed values for a declared recap."""
    cellules = [*((p.cellule) for p in ligne.cellules_annees), ligne.total_periode]
    for decalage, cellule in enumerate(cellules):
        colonne = PREMIERE_COLONNE + decalage
        lettre = get_column_letter(colonne)
        formule = "=SUM(" + ",".join(plage.format(c=lettre) for plage in plages) + ")"
        _put(feuille, rang, colonne, show(cellule), "" if recap.declare or cellule.montant is None else formule)
    _put_reserves(feuille, rang, PREMIERE_COLONNE + len(cellules), ligne.total_periode)
    for cellule_feuille in feuille[rang]:
        cellule_feuille.font, cellule_feuille.fill, cellule_feuille.border = GRAS, FOND, Border(top=FILET)


def show(cellule: Cellule) -> Decimal | str:
    """Number, words of an unknown, or « / »."""
    if cellule.montant is not None:
        return cellule.montant
    return cellule.mention or "/"


def _put_reserves(feuille: Worksheet, rang: int, colonne: int, cellule: Cellule) -> None:
    """Say what a sum leaves out."""
    if cellule.is_partielle:
        put_text(feuille, rang, colonne, ", ".join(cellule.reserves))


def _put(feuille: Worksheet, rang: int, colonne: int, valeur: Decimal | str, formule: str = "") -> None:
    """A figure, given by one of our formulas if any, or words of the data (never taken for a formula)."""
    if formule and isinstance(valeur, Decimal):
        case = put_formule(feuille, rang, colonne, formule, valeur)
    else:
        case = feuille.cell(rang, colonne, valeur) if isinstance(valeur, Decimal) else put_text(feuille, rang, colonne, valeur)
    case.alignment = Alignment(horizontal="right")
    case.number_format = FORMAT_EUROS


def _set_up(feuille: Worksheet, recap: Recapitulatif, dernier_rang: int) -> None:
    """Widths, frozen panes, one page wide in landscape with the head repeated."""
    feuille.column_dimensions["A"].width, feuille.column_dimensions["B"].width = 12, 46
    for colonne in range(PREMIERE_COLONNE, PREMIERE_COLONNE + recap.nb_colonnes + 1):
        feuille.column_dimensions[get_column_letter(colonne)].width = 13
    feuille.freeze_panes = feuille.cell(PREMIERE_LIGNE, PREMIERE_COLONNE)
    feuille.print_title_rows = "3:4"
    feuille.print_area = f"A1:{get_column_letter(PREMIERE_COLONNE + recap.nb_colonnes)}{dernier_rang}"
    set_landscape(feuille)


def _write_autres(feuille: Worksheet, recap: Recapitulatif) -> None:
    """Detail of the « Autres » column."""
    for colonne, titre in enumerate(["Fiche", "Action", "Financeur", "Année", "Montant"], 1):
        feuille.cell(1, colonne, titre).font = GRAS
    for rang, autre in enumerate(list_autres(recap), 2):
        for colonne, valeur in enumerate([autre.fiche.code, autre.fiche.nom_court, autre.financeur.nom], 1):
            put_text(feuille, rang, colonne, valeur)
        feuille.cell(rang, 4, autre.annee)
        feuille.cell(rang, 5, autre.montant).number_format = FORMAT_EUROS
    for lettre, largeur in {"A": 12, "B": 46, "C": 24, "D": 8, "E": 16}.items():
        feuille.column_dimensions[lettre].width = largeur
    feuille.freeze_panes = "A2"
    set_landscape(feuille)
