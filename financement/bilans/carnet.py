"""The carnet: days and expenses noted when they happen, what they consume of the plan, and the warning when it is overrun."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from djmoney.money import Money

from conventions.consolidation import find_consolidee, root_of
from conventions.journal import record
from conventions.models import Convention
from fiches.models import FicheAction
from financement.bilans.comptes import Compte
from financement.bilans.droits import explain_parole
from financement.bilans.modeles import Bilan
from financement.bilans.suites import Realisation
from financement.couts import LigneCout, NatureDepense
from socle.montants import ZERO, round_cents
from socle.pieces import Piece, keep_piece
from socle.texte import keep_writable
from socle.typographie import format_euros


@dataclass(frozen=True)
class LignePrevue:
    """A line of the plan of the year that one can note days or expenses on."""

    nature: int
    libelle: str
    intitule: str
    prevu: Decimal | None
    tarif: Decimal | None

    @property
    def cle(self) -> str:
        """« 4.Observatoire », the choice of a form."""
        return f"{self.nature}.{self.libelle}"


@dataclass
class ConsommationLigne:
    """What was noted on one line, beside what the plan gives it."""

    intitule: str
    compte: Compte


@dataclass
class Consommation:
    """One action of the year: planned, noted, entries."""

    fiche: FicheAction
    code: str
    titre: str
    prevues: list[LignePrevue]
    realisations: list[Realisation] = field(default_factory=list)

    @cached_property
    def vivantes(self) -> list[Realisation]:
        return [r for r in self.realisations if r.retiree_le is None]

    @cached_property
    def euros(self) -> Compte:
        connus = [li.prevu for li in self.prevues if li.prevu is not None]
        faits = [r.montant.amount for r in self.vivantes]
        return Compte(sum(connus, ZERO) if connus else None, sum(faits, ZERO) if faits else None)

    @cached_property
    def jours(self) -> Decimal:
        return sum((r.jours for r in self.vivantes if r.jours is not None), Decimal(0))

    @cached_property
    def lignes(self) -> list[ConsommationLigne]:
        """Lines of the plan, then what was noted outside it."""
        faits: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
        noms: dict[tuple[int, str], str] = {}
        for r in self.vivantes:
            faits[r.nature_id, r.libelle] += r.montant.amount
            noms[r.nature_id, r.libelle] = r.intitule
        lignes = [ConsommationLigne(li.intitule, Compte(li.prevu, faits.pop((li.nature, li.libelle), None))) for li in self.prevues]
        return lignes + [ConsommationLigne(f"{noms[cle]} (hors plan)", Compte(None, fait)) for cle, fait in faits.items()]

    @property
    def depassements(self) -> list[ConsommationLigne]:
        return [li for li in self.lignes if li.compte.depasse]


def list_consommations(base: Convention, annee: int) -> list[Consommation]:
    """Every action of the agreement with what was noted on it in a year; queries do not grow with the actions."""
    plan = find_consolidee(base)
    fiches = list(plan.fiches.all())
    couts: dict[int, list[LigneCout]] = defaultdict(list)
    for cout in LigneCout.objects.filter(fiche__in=fiches, annee=annee).select_related("nature").order_by("ordre", "pk"):
        couts[cout.fiche_id].append(cout)
    notees: dict[int, list[Realisation]] = defaultdict(list)
    for realisation in base.realisations.filter(date__year=annee).select_related("nature", "auteur", "retiree_par").order_by("date", "pk"):
        notees[realisation.fiche_id].append(realisation)
    tarif = plan.tarif_journalier.amount if plan.tarif_journalier is not None else None
    consommations = []
    for fiche in fiches:
        racine = root_of(plan, "ficheaction", fiche.pk)
        prevues = [to_prevue(c, tarif) for c in couts[fiche.pk]]
        consommations.append(Consommation(fiche, fiche.code, fiche.nom_court, prevues, notees.pop(racine, [])))
    return consommations


def to_prevue(cout: LigneCout, tarif: Decimal | None) -> LignePrevue:
    """A cost line as one may note on it."""
    propre = cout.tarif_journalier.amount if cout.tarif_journalier is not None else None
    en_jours = cout.jours is not None or cout.nature.toujours_en_jours
    montant = cout.montant.amount if cout.montant is not None else None
    return LignePrevue(cout.nature_id, cout.libelle, cout.intitule, montant, propre or (tarif if en_jours else None))


def explain_carnet(user: Any, base: Convention, annee: int | None = None) -> str:
    """Why this person notes nothing in the carnet; empty when they may. Every party notes what it did itself."""
    if refus := explain_parole(user, base):
        return refus.replace("laissent des observations", "notent leurs réalisations").replace(
            "lit les observations sans en écrire", "lit le carnet sans y écrire"
        )
    bilan = base.bilans.filter(annee=annee).first() if annee else None
    if bilan and not bilan.is_ecrit:
        return f"Le bilan {bilan.annee} est {'accepté' if bilan.is_accepte else 'envoyé'} : le carnet de cette année est clos."
    return ""


@dataclass(frozen=True)
class Note:
    """What is noted: day, who, line, days and/or euros, what, proof."""

    jour: date
    qui: str
    nature: NatureDepense
    libelle: str
    jours: Decimal | None
    montant: Decimal | None
    quoi: str
    piece: Piece | None = None


def _lock_annee(base: Convention, annee: int) -> None:
    """Hold the bilan of the year, then its convention: a bilan is not sent while a line that it counts is being written."""
    list(Bilan.objects.select_for_update().filter(convention=base, annee=annee).values_list("pk"))
    Convention.objects.select_for_update().values_list("pk").get(pk=base.pk)


@transaction.atomic
def add_realisation(user: Any, base: Convention, racine: FicheAction, note: Note, tarif: Decimal | None) -> Realisation:
    """Note a day worked or an expense. Raises PermissionDenied, or ValidationError with every reason at once."""
    _lock_annee(base, note.jour.year)
    if refus := explain_parole(user, base):
        raise PermissionDenied(explain_carnet(user, base) or refus)
    erreurs = []
    if note.jour > timezone.localdate():
        erreurs.append("Cette date est dans l’avenir : notez ce qui est fait, le jour où c’est fait.")
    if refus := explain_carnet(user, base, note.jour.year):
        erreurs.append(refus)
    elif note.jour.year not in {*find_consolidee(base).annees, *base.bilans.values_list("annee", flat=True)}:
        erreurs.append(f"{note.jour.year} n’est pas une année de la convention.")
    qui, quoi = keep_writable(note.qui).strip(), keep_writable(note.quoi).strip()
    if not qui:
        erreurs.append("Dites qui l’a fait : une personne ou un service.")
    if not quoi:
        erreurs.append("Dites en quelques mots ce qui a été fait.")
    if len(qui) > 120 or len(quoi) > 250:
        erreurs.append("Soyez plus bref : 120 caractères pour qui l’a fait, 250 pour ce qui a été fait.")
    montant = note.montant
    if montant is None and note.jours is not None and tarif is not None:
        montant = round_cents(note.jours * tarif)
    if montant is None:
        erreurs.append(
            "Donnez un montant." if note.jours is None else "Le prix du jour n’est pas connu pour cette dépense : donnez le montant."
        )
    elif montant < 0 or (note.jours is not None and note.jours < 0):
        erreurs.append("Un montant et des jours ne sont pas négatifs.")
    elif not montant and not note.jours:
        erreurs.append("Donnez des jours ou un montant au-dessus de zéro.")
    if erreurs:
        raise ValidationError(erreurs)
    realisation = Realisation(
        convention=base,
        fiche=racine,
        date=note.jour,
        qui=qui,
        nature=note.nature,
        libelle=note.libelle,
        jours=note.jours,
        montant=Money(montant or ZERO, "EUR"),
        quoi=quoi,
        auteur=user,
    )
    if note.piece is not None:
        keep_piece(realisation, note.piece)
    realisation.full_clean()
    realisation.save()
    message = f"Carnet : {racine.code}, {format_euros(realisation.montant)}, {realisation.quoi}"
    record(base, "carnet", message, user, realisation=realisation.pk)
    return realisation


@transaction.atomic
def withdraw_realisation(user: Any, realisation: Realisation) -> None:
    """Take an entry away: it stays, struck through, and counts no more. Raises PermissionDenied, ValidationError."""
    base = realisation.convention
    _lock_annee(base, realisation.date.year)
    verrou = Realisation.objects.select_related("auteur", "fiche").get(pk=realisation.pk)
    auteur = verrou.auteur.organisation_id if verrou.auteur else None
    if refus := explain_carnet(user, base):
        raise PermissionDenied(refus)
    if not user.is_superuser and auteur is not None and auteur != user.organisation_id:
        raise PermissionDenied("Une ligne du carnet se retire par l’organisation qui l’a notée.")
    if refus := explain_carnet(user, base, verrou.date.year):
        raise ValidationError(refus)
    if verrou.retiree_le is not None:
        raise ValidationError("Cette ligne est déjà retirée.")
    verrou.retiree_le, verrou.retiree_par = timezone.now(), user
    verrou.save(update_fields=["retiree_le", "retiree_par"])
    record(base, "carnet", f"Carnet : ligne retirée, {verrou.fiche.code}, {format_euros(verrou.montant)}.", user, realisation=verrou.pk)


def list_depassements(consommations: Sequence[Consommation]) -> list[tuple[Consommation, ConsommationLigne]]:
    """Lines noted above what the plan gives them."""
    return [(c, ligne) for c in consommations for ligne in c.depassements]
