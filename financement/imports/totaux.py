"""Total rows of a file: never imported, always checked against the rows they should sum."""

from decimal import Decimal

from financement.imports.valeurs import Lecteur, ValeurRefusee
from socle.lecture_classeur import name_colonne
from socle.montants import ZERO
from socle.typographie import format_nombre


class Verificateur:
    """Sums of the rows read so far: since the last subtotal, since the title of a group, and all together."""

    def __init__(self, lecteur: Lecteur, colonnes: list[int]) -> None:
        self.lecteur, self.colonnes = lecteur, colonnes
        self.remarques: list[str] = []
        self._tout = dict.fromkeys(colonnes, ZERO)
        self._partiel = dict.fromkeys(colonnes, ZERO)
        self._groupe = dict.fromkeys(colonnes, ZERO)

    def add(self, rang: int) -> None:
        """Count a row of data."""
        for colonne in self.colonnes:
            if (montant := self._read(rang, colonne)) is not None:
                self._tout[colonne] += montant
                self._partiel[colonne] += montant
                self._groupe[colonne] += montant

    def open_group(self) -> None:
        self._groupe = dict.fromkeys(self.colonnes, ZERO)

    def check(self, rang: int, titre: str) -> None:
        """Compare a total row with the sums it may stand for."""
        for colonne in self.colonnes:
            ecrit = self._read(rang, colonne)
            if ecrit is None or ecrit in {self._tout[colonne], self._partiel[colonne], self._groupe[colonne]}:
                continue
            proche = min((self._partiel[colonne], self._groupe[colonne], self._tout[colonne]), key=lambda s: abs(s - ecrit))
            place = f"{name_colonne(colonne)}{rang + 1}"
            comptes = f"{format_nombre(ecrit, 2)} en {place}, les lignes lues font {format_nombre(proche, 2)}"
            self.remarques.append(f"« {titre.strip()[:40]} » écrit {comptes}")
        self._partiel = dict.fromkeys(self.colonnes, ZERO)

    def _read(self, rang: int, colonne: int) -> Decimal | None:
        """A plain number or the amount of a cell; None for words, blanks and what is refused elsewhere."""
        try:
            cellule = self.lecteur.read_cellule(rang, colonne, None, False)
        except ValeurRefusee:
            return None
        return cellule.montant if cellule else None
