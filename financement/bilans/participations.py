"""What each payer owes for a year, before payments: planned participation times the rate, by bilan accepted or being written."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from djmoney.money import Money

from conventions.models import Convention, Partie
from financement.bilans.formules import compute_due
from financement.bilans.modeles import Bilan, ParticipationBilan
from financement.bilans.suivi import Synthese
from financement.versements import Versement
from socle.montants import ZERO


@dataclass(frozen=True)
class Acquis:
    """What accepted bilans make due to one payer, by year; `complet` when every year of the agreement has one."""

    par_annee: dict[int, Decimal]
    complet: bool

    @property
    def total(self) -> Decimal:
        return sum(self.par_annee.values(), ZERO)


def list_payeurs(convention: Convention, plan: Convention | None = None) -> list[int]:
    """Organisations that owe a participation: those of the plan of payments, else the parties that finance."""
    payeurs = list(Versement.objects.filter(convention=plan or convention).order_by("ordre", "pk").values_list("payeur_id", flat=True))
    financeurs = [p.organisation_id for p in convention.parties.all() if p.role == Partie.Role.FINANCEUR]
    return list(dict.fromkeys(payeurs or financeurs))


def compute_participations(synthese: Synthese, payeurs: Sequence[int]) -> dict[int, tuple[Decimal | None, Decimal]]:
    """Planned and due participation of each payer for the year of a bilan."""
    taux = synthese.taux
    return {p: (synthese.part_of(p).prevu, compute_due(synthese.part_of(p).prevu, taux)) for p in payeurs}


def keep_participations(bilan: Bilan, synthese: Synthese, payeurs: Sequence[int]) -> None:
    """Write them once, at the acceptance; the caller holds the transaction."""
    for payeur, (prevue, due) in compute_participations(synthese, payeurs).items():
        ParticipationBilan.objects.create(
            bilan=bilan, payeur_id=payeur, prevue=None if prevue is None else Money(prevue, "EUR"), due=Money(due, "EUR")
        )


def read_acquis(base: Convention, annees: Sequence[int]) -> dict[int, Acquis]:
    """What accepted bilans make due, by payer; empty while none is accepted. One query."""
    par_payeur: dict[int, dict[int, Decimal]] = defaultdict(dict)
    rows = ParticipationBilan.objects.filter(bilan__convention=base, bilan__etat=Bilan.Etat.ACCEPTE).order_by("bilan__annee")
    for annee, payeur, due in rows.values_list("bilan__annee", "payeur", "due"):
        par_payeur[payeur][annee] = due
    acceptees = {annee for par_annee in par_payeur.values() for annee in par_annee}
    return {payeur: Acquis(par_annee, set(annees) <= acceptees) for payeur, par_annee in par_payeur.items()}
