"""A sheet to write, whatever the program that will open it: columns, rows, formulas, what may be typed where.

Rates are given in %, as everywhere in the product; spreadsheets receive real percentages.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

Sorte = Literal["texte", "euros", "jours", "taux", "annee"]


@dataclass(frozen=True)
class Somme:
    """A formula summing ranges of the same sheet (« C5:C9 »), with its value for programs that do not calculate."""

    plages: tuple[str, ...]
    valeur: Decimal

    def __post_init__(self) -> None:
        if not self.plages:
            raise ValueError("a sum needs a range")


Valeur = str | Decimal | int | Somme | None


@dataclass(frozen=True)
class Colonne:
    """A column: its title, its width in characters, what it holds, and the list its cells choose from."""

    titre: str
    largeur: int = 14
    sorte: Sorte = "texte"
    liste: str = ""  # name of a list of the workbook
    aide: str = ""


@dataclass
class Tableau:
    """One sheet. Rows of `lignes` hold one value a column; `fortes` are the ranks of the total rows."""

    nom: str
    colonnes: list[Colonne]
    lignes: list[list[Valeur]] = field(default_factory=list)
    titre: list[str] = field(default_factory=list)  # lines above the titles
    fortes: set[int] = field(default_factory=set)
    figees: int = 0  # columns that stay when scrolling
    modifiable: bool = False  # titles locked, cells free, and room below for more rows

    @property
    def rang_titres(self) -> int:
        """Row of the titles, from 1."""
        return len(self.titre) + 1

    def rang_of(self, ligne: int) -> int:
        """Row of a line of data, from 1."""
        return self.rang_titres + 1 + ligne


@dataclass
class ClasseurEcrit:
    """Sheets, the lists that cells choose from, and a page of instructions if any."""

    titre: str
    tableaux: list[Tableau]
    listes: dict[str, list[str]] = field(default_factory=dict)
    mode_emploi: list[str] = field(default_factory=list)


LIGNES_LIBRES = 200  # empty rows ready to be filled in a template
NOM_LISTES = "Listes"
NOM_MODE_EMPLOI = "Mode d’emploi"
