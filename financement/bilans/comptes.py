"""Planned beside done: the pair of figures that every table of a bilan is made of. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from socle.montants import ZERO


@dataclass
class Compte:
    """A planned figure beside what was done: euros, days, or anything that sums. Both may be unknown."""

    prevu: Decimal | None = None
    realise: Decimal | None = None

    @property
    def ecart(self) -> Decimal | None:
        """Done less planned; what was done without plan is a gap of its own. None while what was done is unknown."""
        return None if self.realise is None else self.realise - (self.prevu or ZERO)

    @property
    def taux(self) -> Fraction | None:
        """Done over planned, exact; None when nothing was planned or what was done is unknown."""
        return Fraction(self.realise) / Fraction(self.prevu) if self.prevu and self.realise is not None else None

    @property
    def pourcent(self) -> Decimal | None:
        """The rate in %, to one decimal, for reading only."""
        return show_pourcent(self.taux)

    @property
    def reste(self) -> Decimal | None:
        """Planned and not done, never below zero; None when nothing was planned."""
        return None if self.prevu is None else max(ZERO, self.prevu - (self.realise or ZERO))

    @property
    def depasse(self) -> bool:
        """More was done than planned."""
        return self.realise is not None and self.realise > (self.prevu or ZERO)

    def add(self, autre: "Compte") -> None:
        """Add another: unknown plus known is the known."""
        if autre.prevu is not None:
            self.prevu = (self.prevu or ZERO) + autre.prevu
        if autre.realise is not None:
            self.realise = (self.realise or ZERO) + autre.realise


def show_pourcent(taux: Fraction | None, decimales: int = 1) -> Decimal | None:
    """A rate in %, rounded for reading; computations keep the fraction."""
    if taux is None:
        return None
    exposant = Decimal(1).scaleb(-decimales)
    return Decimal(int(abs(taux) * 100 / Fraction(exposant) + Fraction(1, 2))) * exposant * (-1 if taux < 0 else 1)


def sum_comptes(comptes: Iterable[Compte]) -> Compte:
    """Sum several."""
    somme = Compte()
    for compte in comptes:
        somme.add(compte)
    return somme
