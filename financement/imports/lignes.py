"""What the rows of a file say, whatever their shape: costs, shares, cells of the declared recap, refusals."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from financement.cellules import Cellule


@dataclass(slots=True, frozen=True)
class Depense:
    """One cost. `seul`: the file gives an amount and no days, so that known days of the same amount stay."""

    feuille: str
    rang: int
    place: str
    fiche: int
    nature: int
    libelle: str
    annee: int
    cellule: Cellule
    seul: bool

    @property
    def cle(self) -> tuple[int, int, str, int]:
        return (self.fiche, self.nature, self.libelle, self.annee)


@dataclass(slots=True, frozen=True)
class PartLue:
    """One share; `nature` and `annee` None for all of them, `financeur` None for « non réparti »."""

    feuille: str
    rang: int
    place: str
    fiche: int
    financeur: int | None
    nature: int | None
    annee: int | None
    taux: Decimal | None
    montant: Decimal | None
    mention: str | None  # None when the file has no such column

    @property
    def cle(self) -> tuple[int, int | None, int | None, int | None]:
        return (self.fiche, self.financeur, self.nature, self.annee)


@dataclass(slots=True, frozen=True)
class CelluleRecap:
    """One printed cell of the recap; neither fiche nor axe on the row of the grand total."""

    feuille: str
    rang: int
    place: str
    fiche: int | None
    axe: int | None
    annee: int | None
    financeur: int | None
    montant: Decimal | None
    mention: str

    @property
    def cle(self) -> tuple[int | None, int | None, int | None, int | None]:
        return (self.fiche, self.axe, self.annee, self.financeur)


class Refus(NamedTuple):
    """A cell that cannot be imported: where, what it shows, why and what to do."""

    feuille: str
    cellule: str
    valeur: str
    raison: str
    fiche: int | None = None


@dataclass
class Lecture:
    """All that a file says of a convention."""

    depenses: list[Depense] = field(default_factory=list)
    parts: list[PartLue] = field(default_factory=list)
    recap: list[CelluleRecap] = field(default_factory=list)
    refus: list[Refus] = field(default_factory=list)
    remarques: list[str] = field(default_factory=list)
    formes: list[str] = field(default_factory=list)
    nb_lignes: int = 0

    def refuse_repeats(self) -> None:
        """A place given twice is refused the second time: adding, replacing or ignoring would be a guess."""
        for nom in ("depenses", "parts", "recap"):
            lues = getattr(self, nom)
            if max(Counter(lue.cle for lue in lues).values(), default=0) < 2:
                continue
            premieres: dict[object, str] = {}
            gardees = []
            for lue in lues:
                autre = premieres.setdefault(lue.cle, lue.place)
                if autre == lue.place:
                    gardees.append(lue)
                else:
                    self.refus.append(Refus(lue.feuille, lue.place, "", EXPLICATIONS[nom].format(autre=autre), lue.fiche))
            setattr(self, nom, gardees)


EXPLICATIONS = {
    "depenses": "La même dépense (fiche, nature, libellé, année) est déjà en {autre}. Distinguez-les par un libellé, ou supprimez-en une.",
    "parts": "Ce financeur a déjà une part pour cette fiche, cette nature et cette année en {autre}. Supprimez-en une.",
    "recap": "Cette case du récapitulatif est déjà donnée en {autre}. Supprimez-en une.",
}
