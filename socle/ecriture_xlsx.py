"""Workbooks written for Excel and LibreOffice: real numbers, real sums, frozen titles, ready to print."""

import math
from decimal import Decimal

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.utils import get_column_letter
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from socle.tableaux import LIGNES_LIBRES, NOM_LISTES, NOM_MODE_EMPLOI, ClasseurEcrit, Somme, Tableau, Valeur
from socle.tableur import FORMAT_EUROS, put_formule, put_text

FORMATS = {"texte": "General", "euros": FORMAT_EUROS, "jours": "#,##0.00", "taux": "0.00##%", "annee": "0"}
POLICE = "Calibri"  # without a name, programs fall back on any font
HAUTEUR = 15  # points of a line
GRAS = Font(name=POLICE, size=11, bold=True)
FOND = PatternFill("solid", fgColor="F2F6F4")
FILET = Side(style="thin", color="14231E")


def build_xlsx(classeur: ClasseurEcrit) -> Workbook:
    """The workbook, sheets in their order, instructions first and lists last."""
    sortie = Workbook()
    sortie.remove(sortie.worksheets[0])
    if classeur.mode_emploi:
        _write_mode_emploi(sortie.create_sheet(NOM_MODE_EMPLOI), classeur)
    for tableau in classeur.tableaux:
        write_tableau(sortie.create_sheet(tableau.nom), tableau, classeur.listes)
    if classeur.listes:
        _write_listes(sortie, classeur.listes)
    sortie.properties.creator = "Trait d’union"
    sortie.properties.title = classeur.titre
    return sortie


def write_tableau(feuille: Worksheet, tableau: Tableau, listes: dict[str, list[str]]) -> None:
    """One sheet."""
    for rang, texte in enumerate(tableau.titre, 1):
        put_text(feuille, rang, 1, texte).font = Font(name=POLICE, bold=True, size=14) if rang == 1 else Font(name=POLICE, italic=True)
    for numero, colonne in enumerate(tableau.colonnes, 1):
        case = put_text(feuille, tableau.rang_titres, numero, colonne.titre)
        case.font, case.fill, case.border = GRAS, FOND, Border(bottom=FILET)
        case.alignment = Alignment(wrap_text=True, vertical="bottom", horizontal="left" if colonne.sorte == "texte" else "right")
        feuille.column_dimensions[get_column_letter(numero)].width = colonne.largeur
    for rang, ligne in enumerate(tableau.lignes):
        for numero, valeur in enumerate(ligne, 1):
            _write_cell(feuille, tableau.rang_of(rang), numero, valeur, tableau, rang in tableau.fortes)
        if rang not in tableau.fortes:
            _set_height(feuille, tableau.rang_of(rang), ligne, tableau)
    feuille.freeze_panes = feuille.cell(tableau.rang_titres + 1, tableau.figees + 1)
    dernier = tableau.rang_of(len(tableau.lignes) - 1) if tableau.lignes else tableau.rang_titres
    if tableau.modifiable:
        dernier += LIGNES_LIBRES
        _free_cells(feuille, tableau, dernier, listes)
    _set_print(feuille, tableau, dernier)


def _write_cell(feuille: Worksheet, rang: int, colonne: int, valeur: Valeur, tableau: Tableau, forte: bool) -> None:
    sorte = tableau.colonnes[colonne - 1].sorte
    if valeur is None:
        case = feuille.cell(rang, colonne)
    elif isinstance(valeur, Somme):
        resultat = valeur.valeur / 100 if sorte == "taux" else valeur.valeur
        case = put_formule(feuille, rang, colonne, f"=SUM({','.join(valeur.plages)})", resultat)
    elif isinstance(valeur, str):
        case = put_text(feuille, rang, colonne, valeur)
    else:
        case = feuille.cell(rang, colonne, Decimal(valeur) / 100 if sorte == "taux" else valeur)
    if not isinstance(valeur, str):
        case.number_format = FORMATS[sorte]
    is_texte = sorte == "texte"
    case.alignment = Alignment(horizontal=None if is_texte else "right", vertical="top", wrap_text=is_texte and not forte)
    if forte:
        case.font, case.fill, case.border = GRAS, FOND, Border(top=FILET)


def _set_height(feuille: Worksheet, rang: int, ligne: list[Valeur], tableau: Tableau) -> None:
    """Make room for the words that fold: programs do not all measure them when they open a file."""
    paires = [(v, c.largeur) for v, c in zip(ligne, tableau.colonnes, strict=True) if isinstance(v, str) and c.sorte == "texte"]
    plis = max((math.ceil(len(valeur) / (largeur - 2)) for valeur, largeur in paires), default=1)
    if plis > 1:
        feuille.row_dimensions[rang].height = HAUTEUR * plis


def _free_cells(feuille: Worksheet, tableau: Tableau, dernier: int, listes: dict[str, list[str]]) -> None:
    """Lock the titles without a password, free the rows, and offer the lists."""
    for rang in range(tableau.rang_titres + 1, dernier + 1):
        for numero, colonne in enumerate(tableau.colonnes, 1):
            case = feuille.cell(rang, numero)
            case.protection = Protection(locked=False)
            if case.value is None:
                case.number_format = FORMATS[colonne.sorte]
    feuille.protection.sheet = True
    for nom in ("formatCells", "formatColumns", "formatRows", "insertRows", "deleteRows", "sort", "autoFilter"):
        setattr(feuille.protection, nom, False)  # False: allowed
    for numero, colonne in enumerate(tableau.colonnes, 1):
        plage = f"{get_column_letter(numero)}{tableau.rang_titres + 1}:{get_column_letter(numero)}{dernier}"
        regle = None
        if colonne.liste in listes:
            regle = DataValidation(type="list", formula1=f"={colonne.liste}", allow_blank=True)
            regle.error, regle.errorTitle = "Choisissez une valeur de la liste.", colonne.titre
        elif colonne.sorte in {"jours"}:
            regle = DataValidation(type="decimal", operator="greaterThanOrEqual", formula1="0", allow_blank=True)
            regle.error, regle.errorTitle = "Écrivez un nombre positif.", colonne.titre
        if regle is not None:
            regle.prompt, regle.promptTitle = colonne.aide or None, colonne.titre if colonne.aide else None
            regle.showInputMessage = bool(colonne.aide)
            feuille.add_data_validation(regle)
            regle.add(plage)


def set_landscape(feuille: Worksheet) -> None:
    """One page wide, in landscape."""
    feuille.page_setup.orientation, feuille.page_setup.paperSize = "landscape", feuille.PAPERSIZE_A4
    feuille.page_setup.fitToWidth, feuille.page_setup.fitToHeight = 1, 0
    feuille.sheet_properties.pageSetUpPr.fitToPage = True


def _set_print(feuille: Worksheet, tableau: Tableau, dernier: int) -> None:
    """One page wide in landscape, titles repeated, page numbers."""
    set_landscape(feuille)
    feuille.print_title_rows = f"{tableau.rang_titres}:{tableau.rang_titres}"
    fin = tableau.rang_of(len(tableau.lignes) - 1) if tableau.lignes else dernier
    feuille.print_area = f"A1:{get_column_letter(len(tableau.colonnes))}{fin}"
    feuille.oddFooter.left.text, feuille.oddFooter.right.text = tableau.nom, "Page &P / &N"


def _write_mode_emploi(feuille: Worksheet, classeur: ClasseurEcrit) -> None:
    put_text(feuille, 1, 1, classeur.titre).font = Font(name=POLICE, bold=True, size=14)
    for rang, texte in enumerate(classeur.mode_emploi, 3):
        put_text(feuille, rang, 1, texte).alignment = Alignment(wrap_text=True, vertical="top")
    feuille.column_dimensions["A"].width = 110
    set_landscape(feuille)
    feuille.protection.sheet = True


def _write_listes(sortie: Workbook, listes: dict[str, list[str]]) -> None:
    feuille = sortie.create_sheet(NOM_LISTES)
    for numero, (nom, valeurs) in enumerate(listes.items(), 1):
        lettre = get_column_letter(numero)
        put_text(feuille, 1, numero, nom).font = GRAS
        for rang, valeur in enumerate(valeurs, 2):
            if valeur.isdecimal():
                feuille.cell(rang, numero, Decimal(valeur))
            else:
                put_text(feuille, rang, numero, valeur)
        sortie.defined_names[nom] = DefinedName(nom, attr_text=f"'{NOM_LISTES}'!${lettre}$2:${lettre}${max(len(valeurs), 1) + 1}")
    feuille.protection.sheet = True
    feuille.sheet_state = "hidden"
