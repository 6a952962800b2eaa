"""Where the payments of a convention stand: due, planned, asked, paid, left, by payer and by year.

Figures are Decimal euros of two places. What is due is never guessed: each amount says where it comes from.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from comptes.models import Organisation
from conventions.consolidation import find_consolidee, get_base, root_of
from conventions.models import Convention, MontantDeclare
from financement.bilans.modeles import Bilan
from financement.bilans.participations import Acquis, read_acquis
from financement.paiements import CreditExercice, Paiement, PieceVersement, Reversement
from financement.syntheses import compute_recapitulatif
from financement.versements import ConstatCondition, Versement
from socle.montants import ZERO, round_cents, split_total
from socle.typographie import list_fr

AVANT_MANDAT = {Paiement.Etat.DEMANDE, Paiement.Etat.SERVICE_FAIT, Paiement.Etat.LIQUIDE}


@dataclass(frozen=True)
class Du:
    """What a payer owes at most, and the words of where that comes from; None when nothing tells."""

    montant: Decimal | None
    origine: str


@dataclass
class LigneVersement:
    """A payment planned, as the consolidated agreement says it, with what was really asked and paid."""

    versement: Versement
    racine: int
    prevu: Decimal | None
    paiements: list[Paiement] = field(default_factory=list)
    pieces: list[PieceVersement] = field(default_factory=list)
    constat: ConstatCondition | None = None
    retire: bool = False  # an avenant removed it from the plan, payments were made before
    ouvert: bool = False
    obstacle: str = ""
    disponible: Decimal | None = None  # what accepted bilans still allow to ask for; None when they do not command it

    @property
    def demande(self) -> Decimal:
        """Asked for, whatever its step; what was turned down left out."""
        return sum((p.montant.amount for p in self.paiements if p.is_vivant), ZERO)

    @property
    def paye(self) -> Decimal:
        return sum((p.montant.amount for p in self.paiements if p.is_paye), ZERO)

    @property
    def propose(self) -> Decimal | None:
        """What a request would ask for: what the plan and the accepted bilans still leave; None when neither tells, or nothing is left."""
        limites = [] if self.prevu is None else [self.prevu - self.demande]
        limites += [] if self.disponible is None else [self.disponible]
        return min(limites) if limites and min(limites) > 0 else None


@dataclass
class LigneExercice:
    """One year of a payer: voted (AE, CP), committed, mandated, paid, left of the CP."""

    payeur: Organisation
    exercice: int
    credit: CreditExercice | None = None
    mandate: Decimal = ZERO
    paye: Decimal = ZERO

    @property
    def cp(self) -> Decimal | None:
        return self.credit.cp.amount if self.credit and self.credit.cp is not None else None

    @property
    def ae(self) -> Decimal | None:
        return self.credit.ae.amount if self.credit and self.credit.ae is not None else None

    @property
    def engage(self) -> Decimal | None:
        return self.credit.engage.amount if self.credit and self.credit.engage is not None else None

    @property
    def reste(self) -> Decimal | None:
        """CP not yet mandated; None while the CP are unknown."""
        return None if self.cp is None else self.cp - self.mandate


@dataclass
class SituationPayeur:
    """One payer of a convention."""

    payeur: Organisation
    du: Du
    lignes: list[LigneVersement] = field(default_factory=list)
    exercices: list[LigneExercice] = field(default_factory=list)
    reverse: Decimal = ZERO
    acquis: Acquis | None = None  # what accepted bilans make due; None while none is accepted
    plafond: Du = None  # type: ignore[assignment]  # what the plan's shares are taken of: `du` before any bilan

    def __post_init__(self) -> None:
        self.plafond = self.plafond or self.du

    @property
    def demande(self) -> Decimal:
        return sum((li.demande for li in self.lignes), ZERO)

    @property
    def paye(self) -> Decimal:
        return sum((li.paye for li in self.lignes), ZERO)

    @property
    def net(self) -> Decimal:
        """Paid, less what titles of reversement already claim back."""
        return self.paye - self.reverse

    @property
    def reste(self) -> Decimal | None:
        """What may still be asked for; None while what is due is unknown."""
        return None if self.du.montant is None else max(ZERO, self.du.montant - self.demande + self.reverse)

    @property
    def trop_percu(self) -> Decimal:
        """Paid above what is due, and not yet claimed back."""
        return ZERO if self.du.montant is None else max(ZERO, self.net - self.du.montant)

    @property
    def ae_votees(self) -> Decimal:
        return sum((e.ae for e in self.exercices if e.ae is not None), ZERO)

    @property
    def cp_votes(self) -> Decimal:
        return sum((e.cp for e in self.exercices if e.cp is not None), ZERO)

    @property
    def alerte(self) -> str:
        """CP never exceed the AE they pay; nothing is said while no AE is known, and an AE of zero is known."""
        if any(e.ae is not None for e in self.exercices) and self.cp_votes > self.ae_votees:
            return "Les crédits de paiement votés dépassent les autorisations d’engagement."
        return ""


@dataclass
class Situation:
    """All the payers of a convention; `consolidee` is the agreement or the avenant that speaks now."""

    base: Convention
    consolidee: Convention
    payeurs: list[SituationPayeur]
    reversements: list[Reversement]

    def get_ligne(self, racine: int) -> LigneVersement | None:
        return next((li for p in self.payeurs for li in p.lignes if li.racine == racine), None)

    def get_payeur(self, organisation: int) -> SituationPayeur | None:
        return next((p for p in self.payeurs if p.payeur.pk == organisation), None)


def compute_situation(convention: Convention) -> Situation:
    """Read the payments of an agreement with its avenants, in a number of queries that does not grow with them."""
    base = get_base(convention)
    consolidee = find_consolidee(base)
    versements = list(consolidee.versements.select_related("payeur", "beneficiaire"))
    paiements: dict[int, list[Paiement]] = defaultdict(list)
    for paiement in base.paiements.select_related("versement", "imputation").order_by("demande_le", "pk"):
        paiements[paiement.versement_id].append(paiement)
    pieces: dict[int, list[PieceVersement]] = defaultdict(list)
    for piece in base.pieces_versement.select_related("ajoutee_par"):
        pieces[piece.versement_id].append(piece)
    racines = {v.pk: root_of(consolidee, "versement", v.pk) for v in versements}
    constats = {c.versement_id: c for c in ConstatCondition.objects.filter(versement__in=racines.values()).select_related("auteur")}
    payeurs: dict[int, SituationPayeur] = {}
    # What was asked for on a row that an avenant removes since is still asked for, and paid.
    vivants = {pk for pk, faits in paiements.items() if any(p.is_vivant for p in faits)}
    retires = {*vivants, *pieces} - set(racines.values())
    versements += Versement.objects.filter(pk__in=retires).select_related("payeur", "beneficiaire")
    plafonds = compute_plafonds(consolidee, {v.payeur_id for v in versements})
    acquis, bilans = read_acquis(base, consolidee.annees), dict(base.bilans.values_list("annee", "etat"))
    for versement in versements:
        cle = versement.payeur_id
        if cle not in payeurs:
            du = reduce_du(plafonds[cle], acquis.get(cle))
            payeurs[cle] = SituationPayeur(versement.payeur, du, acquis=acquis.get(cle), plafond=plafonds[cle])
        situation = payeurs[cle]
        racine = racines.get(versement.pk, versement.pk)
        prevu = None if racine in retires else _plan(versement, situation.plafond)
        ligne = LigneVersement(versement, racine, prevu, paiements[racine], pieces[racine], constats.get(racine), racine in retires)
        rang = sum(li.versement.ouvre_par == versement.ouvre_par for li in situation.lignes) + 1
        ligne.obstacle = explain_fermeture(base, ligne, consolidee, bilans, rang)
        ligne.ouvert = not ligne.obstacle
        situation.lignes.append(ligne)
    for situation in payeurs.values():
        _share_cents(situation)
    reversements = list(base.reversements.select_related("payeur", "redevable"))
    for reversement in reversements:
        if reversement.payeur_id in payeurs:
            payeurs[reversement.payeur_id].reverse += reversement.montant.amount
    for situation in payeurs.values():
        _limit(situation)
    _fill_exercices(base, payeurs)
    return Situation(base, consolidee, list(payeurs.values()), reversements)


def _plan(versement: Versement, du: Du) -> Decimal | None:
    """What the plan says of a payment: its amount, else its share of what is due."""
    if versement.montant is not None:
        return versement.montant.amount
    if versement.taux is not None and du.montant is not None:
        return round_cents(du.montant * versement.taux / 100)
    return None


def _share_cents(situation: SituationPayeur) -> None:
    """Shares that make a whole give cents that make what is due: rounded one by one, they would miss it or pass it."""
    lignes = [li for li in situation.lignes if not li.retire]
    taux = [li.versement.taux for li in lignes if li.versement.montant is None and li.versement.taux is not None]
    if situation.plafond.montant is None or len(taux) != len(lignes) or sum(taux) != 100:
        return
    for ligne, part in zip(lignes, split_total(situation.plafond.montant, taux), strict=True):
        ligne.prevu = part


def _limit(situation: SituationPayeur) -> None:
    """What waits for an accepted bilan is asked for up to what accepted bilans make due, ceiling included."""
    if situation.acquis is None:
        return
    total, plafond = situation.acquis.total, situation.plafond.montant
    reste = (total if plafond is None else min(total, plafond)) - situation.demande + situation.reverse
    for ligne in situation.lignes:
        if ligne.versement.ouvre_par == Versement.Declencheur.BILAN_ACCEPTE and not ligne.retire:
            ligne.disponible = max(ZERO, reste)


def compute_plafonds(convention: Convention, payeurs: set[int]) -> dict[int, Du]:
    """What each payer owes at most: the smallest participation that the text states, else its part of the fiches' costs."""
    dus: dict[int, Du] = {}
    declares = convention.montants_declares.filter(objet=MontantDeclare.Objet.PARTICIPATION, montant__isnull=False).select_related(
        "article"
    )
    for declare in sorted(declares.select_related("article"), key=lambda d: d.montant.amount if d.montant else ZERO):
        if declare.financeur_id in payeurs and declare.financeur_id not in dus and declare.montant is not None:
            dus[declare.financeur_id] = Du(declare.montant.amount, f"{declare.lieu_affiche} : « {declare.libelle} »")
    manquants = payeurs - set(dus)
    if manquants:
        recap = compute_recapitulatif(convention)
        for payeur in manquants:
            montant = recap.total.get(None, payeur).montant
            dus[payeur] = Du(montant, "sa part dans le coût des fiches" if montant is not None else "aucun montant connu")
    return dus


def reduce_du(plafond: Du, acquis: Acquis | None) -> Du:
    """What is due in the end: once every year has its bilan accepted, no more than what they make due."""
    if acquis is None or not acquis.complet or (plafond.montant is not None and plafond.montant <= acquis.total):
        return plafond
    return Du(acquis.total, f"ce que rendent dû les bilans acceptés ({list_fr([str(a) for a in sorted(acquis.par_annee)])})")


def explain_fermeture(
    base: Convention, ligne: LigneVersement, consolidee: Convention | None = None, bilans: Mapping[int, str] | None = None, rang: int = 1
) -> str:
    """Why a payment may not be asked for yet; empty when its condition holds. What an avenant adds waits for its own notification.

    `bilans` gives the state of each year's; the `rang`-th payment that waits for one waits for that many.
    """
    declencheur = ligne.versement.ouvre_par
    if not base.is_signee:
        return "La convention n’est pas signée."
    if base.etat == Convention.Etat.SOLDEE:
        return "La convention est soldée : plus rien n’y est dû."
    if ligne.retire:
        return "Un avenant a retiré ce versement."
    if declencheur == Versement.Declencheur.AUCUN or ligne.constat is not None:
        return ""
    if declencheur == Versement.Declencheur.NOTIFICATION:
        if consolidee is not None and consolidee.is_avenant and ligne.racine == ligne.versement.pk:
            return "" if consolidee.date_notification else "L’avenant qui prévoit ce versement n’est pas encore notifié."
        return "" if base.date_notification else "La convention n’est pas encore notifiée."
    etats = list((bilans or {}).values())
    if declencheur == Versement.Declencheur.BILAN_RECU:
        return "" if sum(e != Bilan.Etat.BROUILLON for e in etats) >= rang else "Le bilan n’est pas encore reçu."
    return "" if etats.count(Bilan.Etat.ACCEPTE) >= rang else "Le bilan n’est pas encore accepté."


def _fill_exercices(base: Convention, payeurs: dict[int, SituationPayeur]) -> None:
    """Years of each payer: those voted, and those where something was mandated."""
    lignes: dict[tuple[int, int], LigneExercice] = {}
    for credit in base.credits.select_related("payeur"):
        if credit.payeur_id in payeurs:
            lignes[credit.payeur_id, credit.exercice] = LigneExercice(credit.payeur, credit.exercice, credit)
    for pk, situation in payeurs.items():
        for ligne in situation.lignes:
            for paiement in ligne.paiements:
                if not paiement.is_vivant:
                    continue
                annee = lignes.setdefault((pk, paiement.exercice), LigneExercice(situation.payeur, paiement.exercice))
                if paiement.etat not in AVANT_MANDAT:
                    annee.mandate += paiement.montant.amount
                if paiement.is_paye:
                    annee.paye += paiement.montant.amount
        situation.exercices = [ligne for (payeur, _), ligne in sorted(lignes.items()) if payeur == pk]
