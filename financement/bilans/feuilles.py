"""Sheets of the workbooks of a bilan: blocks of rows with live formulas, each formula carrying its result."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.styles import Alignment, Border, Font
from openpyxl.utils import get_column_letter, quote_sheetname

from financement.bilans.comptes import Compte
from financement.bilans.modeles import Bilan
from socle.ecriture_xlsx import FILET, FOND, GRAS, HAUTEUR, POLICE, set_landscape
from socle.tableur import FORMAT_EUROS, put_formule, put_text

Sorte = Literal["texte", "euros", "ecart", "jours", "ecart_jours", "taux", "nombre", "rien", "taux_rien"]
FORMATS: dict[str, str] = {
    "texte": "General",
    "euros": FORMAT_EUROS,
    "ecart": f"+{FORMAT_EUROS};-{FORMAT_EUROS};{FORMAT_EUROS}",
    "jours": "#,##0.00",
    "ecart_jours": "+#,##0.00;-#,##0.00;#,##0.00",
    "taux": "0.00%",
    "nombre": "#,##0.00",
    "rien": f'{FORMAT_EUROS};-{FORMAT_EUROS};"/"',  # nothing entered yet: the formula is live, its zero reads « / »
    "taux_rien": '0.00%;-0.00%;"/"',
}
INCONNU = "/"


@dataclass(frozen=True)
class Formule:
    """A formula and its result: what the product counts, for programs that do not calculate."""

    texte: str
    valeur: Decimal


Valeur = str | Decimal | int | Formule | None


@dataclass(frozen=True)
class Colonne:
    """A column: its title, its width in characters, what it holds."""

    titre: str
    largeur: int = 15
    sorte: Sorte = "euros"


def show(valeur: Decimal | None) -> Decimal | str:
    """A number, or « / » when nobody knows it."""
    return INCONNU if valeur is None else valeur


def compute(texte: str, valeur: Decimal | Fraction | None) -> Formule | str:
    """A formula with its result; « / » while the result is unknown."""
    if isinstance(valeur, Fraction):
        valeur = Decimal(valeur.numerator) / Decimal(valeur.denominator)
    return INCONNU if valeur is None else Formule(texte, valeur)


def compare(compte: Compte, prevu: str, realise: str) -> list[Formule | str]:
    """Gap and rate of two cells; what is done without plan is a gap of its own (N of words is zero)."""
    retire = prevu if compte.prevu is not None else f"N({prevu})"
    return [compute(f"={realise}-{retire}", compte.ecart), compute(f"={realise}/{prevu}", compte.taux)]


def describe_etat(bilan: Bilan) -> str:
    """« Accepté le 09/04/2019 », « En rédaction »."""
    jour = {Bilan.Etat.ACCEPTE: bilan.accepte_le, Bilan.Etat.SOUMIS: bilan.soumis_le, Bilan.Etat.CORRIGE: bilan.soumis_le}.get(
        Bilan.Etat(bilan.etat)
    )
    return f"{bilan.get_etat_display()} le {jour:%d/%m/%Y}" if jour else bilan.get_etat_display()


def create_classeur(titre: str) -> Workbook:
    """An empty workbook, named."""
    classeur = Workbook()
    classeur.remove(classeur.worksheets[0])
    classeur.properties.creator, classeur.properties.title = "Trait d’union", titre
    return classeur


class Feuille:
    """A sheet written from top to bottom: head of the bilan, titles, rows, totals."""

    def __init__(self, classeur: Workbook, nom: str, bilan: Bilan, colonnes: Sequence[Colonne], titre: str = "Bilan annuel") -> None:
        self.feuille = classeur.create_sheet(nom)
        self.nom, self.colonnes, self.rang = nom, list(colonnes), 1
        for numero, colonne in enumerate(self.colonnes, 1):
            self.feuille.column_dimensions[get_column_letter(numero)].width = colonne.largeur
        self.note(f"{titre} {bilan.annee} – {bilan.convention.titre}", Font(name=POLICE, bold=True, size=14), 1.4)
        self.note(f"{bilan.convention.reference} – {nom} – {describe_etat(bilan)}. Montants en euros. « / » : aucun montant.")
        if bilan.mention:
            self.note(bilan.mention, Font(name=POLICE, italic=True, bold=True))

    def note(self, texte: str, police: Font | None = None, grandeur: float = 1.0) -> None:
        """A line of words over the whole width."""
        case = put_text(self.feuille, self.rang, 1, texte)
        case.font, case.alignment = police or Font(name=POLICE), Alignment(wrap_text=True, vertical="top")
        self.feuille.merge_cells(start_row=self.rang, end_row=self.rang, start_column=1, end_column=len(self.colonnes))
        largeur = sum(c.largeur for c in self.colonnes) / grandeur
        plis = math.ceil(len(texte) / max(10, largeur - 4))
        self.feuille.row_dimensions[self.rang].height = HAUTEUR * grandeur * plis
        self.rang += 1

    def intertitre(self, texte: str) -> None:
        """The name of a block, one row below what precedes."""
        self.rang += 1
        put_text(self.feuille, self.rang, 1, texte).font = Font(name=POLICE, bold=True, size=12)
        self.rang += 1

    def titres(self, figees: int = 0, titres: Sequence[str] | None = None) -> None:
        """The titles of the columns; the first ones stay in sight when scrolling and on each printed page."""
        noms = list(titres or [c.titre for c in self.colonnes])
        for numero, (nom, colonne) in enumerate(zip(noms, self.colonnes, strict=False), 1):
            case = put_text(self.feuille, self.rang, numero, nom)
            case.font, case.fill, case.border = GRAS, FOND, Border(bottom=FILET)
            alignement = "left" if colonne.sorte == "texte" else "right"
            case.alignment = Alignment(wrap_text=True, vertical="bottom", horizontal=alignement, indent=self._indent(numero))
        plis = max(self._fold(n, c) for n, c in zip(noms, self.colonnes, strict=False))
        self.feuille.row_dimensions[self.rang].height = HAUTEUR * plis
        if self.feuille.freeze_panes is None:
            self.feuille.freeze_panes = self.feuille.cell(self.rang + 1, figees + 1)
            self.feuille.print_title_rows = f"{self.rang}:{self.rang}"
        self.rang += 1

    @staticmethod
    def _fold(texte: str, colonne: Colonne) -> int:
        """Lines that words take in a column."""
        return sum(max(1, math.ceil(len(ligne) / max(4, colonne.largeur - 2))) for ligne in texte.split("\n"))

    def write(self, valeurs: Sequence[Valeur], forte: bool = False, sortes: Sequence[Sorte] | None = None) -> int:
        """One row, from the first column; gives its number. `sortes` replaces what the columns hold."""
        rang, plis = self.rang, 1
        for numero, (valeur, colonne) in enumerate(zip(valeurs, self.colonnes, strict=False), 1):
            sorte = sortes[numero - 1] if sortes else colonne.sorte
            case = self._put(rang, numero, valeur, sorte)
            if forte:
                case.font, case.fill, case.border = GRAS, FOND, Border(top=FILET)
            if isinstance(valeur, str):
                plis = max(plis, self._fold(valeur, colonne))
        if plis > 1:
            self.feuille.row_dimensions[rang].height = HAUTEUR * plis
        self.rang += 1
        return rang

    def _put(self, rang: int, numero: int, valeur: Valeur, sorte: Sorte) -> Cell:
        if isinstance(valeur, Formule):
            case = put_formule(self.feuille, rang, numero, valeur.texte, valeur.valeur)
        elif isinstance(valeur, str):
            case = put_text(self.feuille, rang, numero, valeur)
        else:
            case = self.feuille.cell(rang, numero, valeur)
        if not isinstance(valeur, str):
            entier = sorte == "nombre" and isinstance(valeur, Decimal) and valeur == valeur.to_integral_value()
            case.number_format = "#,##0" if entier else FORMATS[sorte]
        alignement = "left" if sorte == "texte" else "right"
        case.alignment = Alignment(horizontal=alignement, vertical="top", wrap_text=isinstance(valeur, str), indent=self._indent(numero))
        return case

    def _indent(self, numero: int) -> int:
        """Words that follow a number stand a little apart from it."""
        return int(numero > 1 and self.colonnes[numero - 1].sorte == "texte" and self.colonnes[numero - 2].sorte != "texte")

    def at(self, adresse: str) -> str:
        """The address of a cell or range of this sheet, seen from another one."""
        return f"{quote_sheetname(self.nom)}!{adresse}"

    def close(self) -> None:
        """Print settings: one page wide in landscape, pages numbered."""
        derniere = get_column_letter(len(self.colonnes))
        self.feuille.print_area = f"A1:{derniere}{max(1, self.rang - 1)}"
        self.feuille.oddFooter.left.text, self.feuille.oddFooter.right.text = self.nom, "Page &P / &N"
        set_landscape(self.feuille)


@dataclass
class Plage:
    """Rows written one after the other, from `debut` to `fin` included; empty when nothing was written."""

    debut: int
    fin: int = 0

    def __bool__(self) -> bool:
        return self.fin >= self.debut

    def of(self, colonne: str) -> str:
        """« I7:I10 »."""
        return f"{colonne}{self.debut}:{colonne}{self.fin}"
