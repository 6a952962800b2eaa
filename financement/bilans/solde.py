"""The solde, step by step, as an accountant can do it again by hand.

participation due of the year = planned participation × rate, rounded to the cent once;
due at the end of the year = dues of the years before (bilans accepted) + that of the year, never above the ceiling;
solde = due at the end of the year − what is paid − what is asked for and on its way. Below zero, it is a trop-perçu.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from comptes.models import Organisation
from conventions.consolidation import find_consolidee
from conventions.formules import FormuleSolde
from financement.bilans.comptes import show_pourcent
from financement.bilans.formules import compute_due, rate_action
from financement.bilans.participations import list_payeurs, read_acquis
from financement.bilans.suivi import Synthese
from financement.situation import Situation, SituationPayeur, compute_plafonds, compute_situation
from socle.montants import ZERO
from socle.typographie import format_euros, format_nombre

Sorte = Literal["euros", "taux"]


@dataclass(frozen=True)
class EtapeSolde:
    """One step: its sign, its name, where the figure comes from, the figure (euros, or a rate in % shown rounded)."""

    operation: str
    libelle: str
    source: str
    valeur: Decimal | None
    sorte: Sorte = "euros"
    forte: bool = False
    fraction: Fraction | None = None

    @property
    def affiche(self) -> str:
        """The figure as it is read: euros, or a rate to two decimals; a dash when unknown."""
        if self.valeur is None:
            return "–"
        return f"{format_nombre(self.valeur, 2)}\u00a0%" if self.sorte == "taux" else format_euros(self.valeur)


@dataclass(frozen=True)
class PoidsAction:
    """One row of the detail of the objectives' rate: weight in euros, rate, product."""

    code: str
    poids: Decimal
    taux: Fraction

    @property
    def pourcent(self) -> Decimal | None:
        return show_pourcent(self.taux, 2)

    @property
    def produit(self) -> Decimal:
        """Weight times rate, rounded for reading."""
        exact = Fraction(self.poids) * self.taux
        return Decimal(int(exact * 100 + Fraction(1, 2))).scaleb(-2)


@dataclass
class Solde:
    """The solde that one payer owes after one bilan. `montant` is what is left to ask for, `trop_percu` what was paid above what is due."""

    payeur: Organisation
    prevue: Decimal | None
    due: Decimal
    retenue: Decimal
    paye: Decimal
    montant: Decimal
    trop_percu: Decimal
    etapes: list[EtapeSolde] = field(default_factory=list)


@dataclass
class Soldes:
    """The soldes of all the payers after one bilan, with the detail that the objectives' formula needs."""

    synthese: Synthese
    payeurs: list[Solde]
    poids: list[PoidsAction] = field(default_factory=list)


def compute_soldes(synthese: Synthese, situation: Situation | None = None) -> Soldes:
    """The solde of each payer after this bilan, being written or accepted."""
    bilan = synthese.bilan
    situation = situation or compute_situation(bilan.convention)
    plan = find_consolidee(bilan.convention)
    cles = list_payeurs(bilan.convention, plan)
    connus = {p.payeur.pk: p for p in situation.payeurs}
    organisations = {o.pk: o for o in Organisation.objects.filter(pk__in=cles)}
    acquis = read_acquis(bilan.convention, plan.annees)
    plafonds = compute_plafonds(plan, set(cles))
    detail = []
    if bilan.formule != FormuleSolde.DEPENSES:
        actions = [f.to_action() for f in synthese.actives]
        detail = [PoidsAction(a.code, a.poids, rate_action(a)) for a in actions if a.poids]
    avant_elle = {a for acquis_par in acquis.values() for a in acquis_par.par_annee if a < bilan.annee}
    derniere = set(plan.annees) <= avant_elle | {bilan.annee}
    soldes = []
    for cle in cles:
        avant = {a: due for a, due in (acquis[cle].par_annee if cle in acquis else {}).items() if a < bilan.annee}
        plafond = plafonds[cle]
        soldes.append(_compute(synthese, organisations[cle], avant, plafond.montant, plafond.origine, connus.get(cle), derniere))
    return Soldes(synthese, soldes, detail)


def _compute(
    synthese: Synthese,
    payeur: Organisation,
    avant: dict[int, Decimal],
    plafond: Decimal | None,
    origine: str,
    situation: SituationPayeur | None,
    derniere: bool,
) -> Solde:
    annee = synthese.bilan.annee
    prevue = synthese.part_of(payeur.pk).prevu
    due = compute_due(prevue, synthese.taux)
    etapes = [
        EtapeSolde("", f"Participation prévue en {annee}", f"parts de {payeur.sigle} dans le plan {annee}", prevue),
        *_tell_taux(synthese),
        EtapeSolde("=", f"Participation due au titre de {annee}", "arrondie au centime, une seule fois", due, forte=True),
    ]
    for an, montant in sorted(avant.items()):
        etapes.append(EtapeSolde("+", f"Participation due au titre de {an}", f"bilan {an} accepté", montant))
    cumul = due + sum(avant.values(), ZERO)
    if avant:
        etapes.append(EtapeSolde("=", f"Participation due à la fin de {annee}", "", cumul, forte=True))
    retenue = cumul
    if plafond is not None:
        retenue = min(cumul, plafond)
        etapes.append(EtapeSolde("≤", "Plafond de la participation", origine, plafond))
        source = "le plafond, dépassé par le calcul" if plafond < cumul else "le plafond n’est pas atteint"
        etapes.append(EtapeSolde("=", "Participation retenue", source, retenue, forte=True))
    paye = ZERO
    for libelle, source, montant in _list_paiements(situation):
        etapes.append(EtapeSolde("+" if montant < 0 else "−", libelle, source, abs(montant)))
        paye += montant
    reste = retenue - paye
    if reste >= 0:
        etapes.append(EtapeSolde("=", "Solde à verser", f"par {payeur}", reste, forte=True))
    elif not derniere:
        etapes.append(
            EtapeSolde("=", "Avance, à déduire des autres années", "payée avant d’être due : rien n’est à reverser", -reste, forte=True)
        )
    else:
        etapes.append(EtapeSolde("=", "Trop-perçu, à reverser", f"à {payeur}", -reste, forte=True))
    return Solde(payeur, prevue, due, retenue, paye, max(ZERO, reste), max(ZERO, -reste) if derniere else ZERO, etapes)


def _tell_taux(synthese: Synthese) -> list[EtapeSolde]:
    """The rate, and what it is made of."""
    taux, prevu = synthese.taux, synthese.euros.prevu
    fractions = [
        (
            "Taux de réalisation des dépenses",
            f"{format_euros(synthese.retenu)} justifiés ÷ {format_euros(prevu)} prévus{_tell_hors_plan(synthese.hors_plan)}"
            if prevu
            else "aucune dépense n’est chiffrée au plan",
            taux.depenses,
        ),
        (
            "Taux d’atteinte des objectifs",
            "moyenne des fiches, pondérée par leur coût prévu" if taux.objectifs is not None else "aucune fiche n’a de coût prévu",
            taux.objectifs,
        ),
    ]
    if taux.formule == FormuleSolde.DEPENSES:
        fractions.pop(1)
    elif taux.formule == FormuleSolde.OBJECTIFS:
        fractions.pop(0)
    operation = "×" if len(fractions) == 1 else ""
    etapes = [EtapeSolde(operation, nom, source, show_pourcent(t, 2), "taux", fraction=t) for nom, source, t in fractions]
    if len(fractions) > 1:
        valeur = show_pourcent(taux.valeur, 2)
        etapes.append(EtapeSolde("×", "Moyenne des deux taux", "le calcul garde la fraction exacte", valeur, "taux", fraction=taux.valeur))
    return etapes


def _tell_hors_plan(montant: Decimal) -> str:
    return f" ; {format_euros(montant)} sans montant au plan, non retenus" if montant else ""


def _list_paiements(situation: SituationPayeur | None) -> list[tuple[str, str, Decimal]]:
    """Payments made and on their way, and money given back (negative), with the words of each."""
    if situation is None:
        return []
    paiements = []
    for ligne in situation.lignes:
        for paiement in ligne.paiements:
            if paiement.is_vivant:
                nom = ligne.versement.get_nature_display()
                fait = f"payé le {paiement.paye_le:%d/%m/%Y}" if paiement.is_paye else f"{paiement.get_etat_display().lower()}, en cours"
                paiements.append((nom, fait, paiement.montant.amount))
    if situation.reverse:
        paiements.append(("Titres de reversement", "déjà rendus ou à rendre", -situation.reverse))
    return paiements


def write_fraction(fraction: Fraction | None) -> str:
    """« 381264/410850 », the exact rate, for who computes again; empty when there is none."""
    return f"{fraction.numerator}/{fraction.denominator}" if fraction is not None else ""
