"""« Au prorata des objectifs atteints »: the rate of a year, by each published formula. Pure, exact until the last rounding.

Sentences that the articles print are in `conventions.formules`; both are held together by tests.

| formula | rate |
|---|---|
| dépenses | expenses justified on lines with a planned amount ÷ expenses planned, 100 % at most |
| objectifs | mean of the fiches weighted by planned cost; a fiche counts the mean of its indicators (each 100 % at most), else its state |
| mixte | half the one, half the other |
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from conventions.formules import FormuleSolde
from financement.bilans.modeles import FicheBilan
from socle.montants import round_fraction

UN = Fraction(1)
PAR_ETAT = {FicheBilan.Etat.REALISEE: UN, FicheBilan.Etat.PARTIELLE: Fraction(1, 2)}  # the other states, and none yet: 0 %


@dataclass(frozen=True)
class Mesure:
    """An indicator with a target; `valeur` None counts for nothing reached."""

    cible: Decimal
    valeur: Decimal | None


@dataclass(frozen=True)
class Action:
    """What the rate looks at in one fiche: its planned cost, its state, its indicators with a target."""

    code: str
    poids: Decimal
    etat: str
    mesures: tuple[Mesure, ...] = ()


@dataclass(frozen=True)
class Taux:
    """The rate of a year by the formula chosen; `depenses` and `objectifs` are those it is made of. None: nothing was planned."""

    formule: FormuleSolde
    depenses: Fraction | None
    objectifs: Fraction | None

    @property
    def valeur(self) -> Fraction | None:
        if self.formule == FormuleSolde.DEPENSES:
            return self.depenses
        if self.formule == FormuleSolde.OBJECTIFS:
            return self.objectifs
        connus = [t for t in (self.depenses, self.objectifs) if t is not None]
        return sum(connus, Fraction(0)) / len(connus) if connus else None


def rate_depenses(retenu: Decimal, prevu: Decimal | None) -> Fraction | None:
    """Justified over planned, 100 % at most; None when nothing was planned."""
    return min(UN, Fraction(retenu) / Fraction(prevu)) if prevu else None


def rate_mesure(mesure: Mesure) -> Fraction:
    """Reached over target, between 0 and 100 %; a target of zero is reached."""
    if mesure.valeur is None:
        return Fraction(0)
    if mesure.cible <= 0:
        return UN
    return max(Fraction(0), min(UN, Fraction(mesure.valeur) / Fraction(mesure.cible)))


def rate_action(action: Action) -> Fraction:
    """Mean of its indicators, else by its state; an action given up reaches nothing, whatever was measured before."""
    if action.etat == FicheBilan.Etat.ABANDONNEE:
        return Fraction(0)
    if not action.mesures:
        return PAR_ETAT.get(FicheBilan.Etat(action.etat), Fraction(0)) if action.etat else Fraction(0)
    return sum((rate_mesure(m) for m in action.mesures), Fraction(0)) / len(action.mesures)


def rate_objectifs(actions: Sequence[Action]) -> Fraction | None:
    """Mean of the actions weighted by their planned cost; None when none has a cost."""
    poids = sum((Fraction(a.poids) for a in actions), Fraction(0))
    return sum((Fraction(a.poids) * rate_action(a) for a in actions), Fraction(0)) / poids if poids else None


def compute_due(prevue: Decimal | None, taux: Taux) -> Decimal:
    """Planned participation times the rate, rounded to the cent once; nothing when nothing was planned."""
    return round_fraction(Fraction(prevue) * taux.valeur) if prevue and taux.valeur is not None else Decimal("0.00")
