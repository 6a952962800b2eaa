"""The steps of a payment: asked for, service fait, liquidated, mandated, paid.

`ETAPES` is the single source of buttons, rights, dates and refusals. Sums are checked under a lock of the convention, so
that two people acting at once never pay more than is due.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from djmoney.money import Money

from comptes.bancaire import is_payeur
from comptes.models import Organisation
from conventions.consolidation import get_base
from conventions.journal import record
from conventions.models import Convention
from financement.paiements import Imputation, Paiement, Reversement
from financement.situation import LigneVersement, Situation, SituationPayeur, compute_situation
from financement.versements import ConstatCondition
from socle.montants import ZERO
from socle.texte import keep_writable
from socle.typographie import format_euros, list_fr

Etat = Paiement.Etat


@dataclass(frozen=True)
class Saisie:
    """What goes with a step: its day, and the numbers or the reason it asks for."""

    jour: date | None
    imputation: Imputation | None = None
    numero_bordereau: str = ""
    numero_mandat: str = ""
    motif: str = ""
    illisible: tuple[str, ...] = ()  # sentences about what could not be read, told with the other reasons


@dataclass(frozen=True)
class Etape:
    """One step: from where, to where, its button, the date it writes, what else it asks for."""

    action: str
    depuis: tuple[str, ...]
    vers: str
    libelle: str
    fait: str
    champ_date: str
    demande: tuple[str, ...] = ()
    refus: Callable[[Paiement, Organisation, Saisie], list[str]] = lambda paiement, beneficiaire, saisie: []


def _refuse_liquidation(paiement: Paiement, beneficiaire: Organisation, saisie: Saisie) -> list[str]:
    refus = []
    if not beneficiaire.iban:
        refus.append(f"Le compte bancaire de {beneficiaire} n’est pas enregistré : faites-le enregistrer d’abord.")
    if saisie.imputation is None:
        refus.append("Choisissez l’imputation. Un administrateur peut en ajouter dans l’administration.")
    elif saisie.jour and not Imputation.objects.valid_on(saisie.jour).filter(pk=saisie.imputation.pk).exists():
        refus.append(f"L’imputation {saisie.imputation} n’est pas valable le {saisie.jour:%d/%m/%Y}.")
    return refus


def _refuse_mandatement(paiement: Paiement, beneficiaire: Organisation, saisie: Saisie) -> list[str]:
    refus = []
    if not saisie.numero_bordereau:
        refus.append("Donnez le numéro du bordereau.")
    if not saisie.numero_mandat:
        refus.append("Donnez le numéro du mandat.")
    if paiement.iban != beneficiaire.iban:
        refus.append("Le compte bancaire du bénéficiaire a changé depuis la liquidation : rejetez ce paiement et demandez-le de nouveau.")
    return refus


def _refuse_rejet(paiement: Paiement, beneficiaire: Organisation, saisie: Saisie) -> list[str]:
    return [] if keep_writable(saisie.motif).strip() else ["Dites pourquoi ce paiement est rejeté : le bénéficiaire le lira."]


ETAPES = [
    Etape("service_fait", (Etat.DEMANDE,), Etat.SERVICE_FAIT, "Constater le service fait", "Service fait constaté.", "service_fait_le"),
    Etape(
        "liquider", (Etat.SERVICE_FAIT,), Etat.LIQUIDE, "Liquider", "Paiement liquidé.", "liquide_le", ("imputation",), _refuse_liquidation
    ),
    Etape(
        "mandater",
        (Etat.LIQUIDE,),
        Etat.MANDATE,
        "Mandater",
        "Paiement mandaté.",
        "mandate_le",
        ("numero_bordereau", "numero_mandat"),
        _refuse_mandatement,
    ),
    Etape("payer", (Etat.MANDATE,), Etat.PAYE, "Enregistrer le paiement", "Paiement enregistré.", "paye_le"),
    Etape(
        "rejeter",
        (Etat.DEMANDE, Etat.SERVICE_FAIT, Etat.LIQUIDE, Etat.MANDATE),
        Etat.REJETE,
        "Rejeter",
        "Paiement rejeté.",
        "",
        ("motif",),
        _refuse_rejet,
    ),
]
PAR_ACTION = {e.action: e for e in ETAPES}
DATES = [e.champ_date for e in ETAPES if e.champ_date]


def explain_paie(user: Any, payeur: int) -> str:
    """Why this person does not make the payments of an organisation go on; empty when they do."""
    if user.is_superuser or (is_payeur(user) and user.organisation_id == payeur):
        return ""
    return "Cette étape revient aux personnes de l’organisation qui paie, dont le compte « prépare les paiements »."


def explain_demande(user: Any, ligne: LigneVersement) -> str:
    """Why this person may not ask for a payment now; empty when they may."""
    if user.is_lecteur:
        return "Votre compte lit les versements sans les demander."
    concernes = {ligne.versement.payeur_id, ligne.versement.beneficiaire_id}
    if not user.is_superuser and user.organisation_id not in concernes:
        return "Le versement est demandé par celui qui le reçoit, ou par celui qui le paie."
    return ligne.obstacle


def list_etapes(user: Any, paiement: Paiement, payeur: int) -> list[Etape]:
    """Steps this person may make from where the payment stands; `payeur` is the one of the plan that speaks now."""
    if explain_paie(user, payeur):
        return []
    return [e for e in ETAPES if paiement.etat in e.depuis]


def lock_situation(convention: Convention) -> Situation:
    """The situation, read under a lock of the agreement: to be called in a transaction."""
    base = get_base(convention)
    return compute_situation(Convention.objects.select_for_update().get(pk=base.pk))


def refuse_depassement(situation: SituationPayeur, ligne: LigneVersement, montant: Decimal) -> list[str]:
    """Sentences that refuse an amount above what is left to pay, for all or for this payment."""
    refus = []
    if situation.du.montant is None:
        refus.append("Rien ne dit ce que doit le payeur : donnez la participation dans le texte, ou chiffrez les fiches.")
    elif montant > (situation.reste or ZERO):
        refus.append(
            f"Il reste {format_euros(situation.reste)} à demander sur {format_euros(situation.du.montant)} ({situation.du.origine}) : "
            f"{format_euros(montant)} dépasse de {format_euros(montant - (situation.reste or ZERO))}."
        )
    if ligne.disponible is not None and montant > ligne.disponible:
        annees = list_fr([str(a) for a in sorted(situation.acquis.par_annee)]) if situation.acquis else ""
        refus.append(f"Les bilans acceptés ({annees}) laissent {format_euros(ligne.disponible)} à demander.")
    if ligne.prevu is not None and montant > ligne.prevu - ligne.demande:
        refus.append(f"Ce versement prévoit {format_euros(ligne.prevu)}, dont {format_euros(ligne.demande)} déjà demandés.")
    return refus


@transaction.atomic
def ask_paiement(user: Any, convention: Convention, racine: int, montant: Decimal, exercice: int, jour: date) -> Paiement:
    """Ask for a payment of `montant` euros. Raises PermissionDenied, or ValidationError with every reason at once."""
    situation = lock_situation(convention)
    ligne = situation.get_ligne(racine)
    if ligne is None or ligne.retire:
        raise ValidationError("Ce versement n’est plus dans la convention.")
    if refus := explain_demande(user, ligne):
        raise PermissionDenied(refus) if user.is_lecteur else ValidationError(refus)
    payeur = situation.get_payeur(ligne.versement.payeur_id)
    assert payeur is not None  # noqa: S101 (a line belongs to its payer)
    if erreurs := [*refuse_avenir(jour), *refuse_depassement(payeur, ligne, montant)]:
        raise ValidationError(erreurs)
    paiement = Paiement(convention=situation.base, versement_id=racine, montant=Money(montant, "EUR"), exercice=exercice, demande_le=jour)
    paiement.full_clean()
    paiement.save()
    libelle = ligne.versement.get_nature_display().lower()
    record(situation.base, "paiement_demande", f"Versement demandé : {libelle}, {format_euros(montant)}.", user, paiement=paiement.pk)
    return paiement


@transaction.atomic
def advance_paiement(user: Any, paiement: Paiement, action: str, saisie: Saisie) -> Etape:
    """Make one step. Raises PermissionDenied, or ValidationError with every reason at once."""
    situation = lock_situation(paiement.convention)
    verrou = Paiement.objects.select_related("versement__beneficiaire", "versement__payeur", "convention").get(pk=paiement.pk)
    ligne = situation.get_ligne(verrou.versement_id)
    plan = (ligne or verrou).versement  # as the last avenant names who pays and who is paid
    if refus := explain_paie(user, plan.payeur_id):
        raise PermissionDenied(refus)
    etape = PAR_ACTION.get(action)
    if etape is None or verrou.etat not in etape.depuis:
        raise ValidationError(f"Ce paiement est maintenant « {verrou.get_etat_display().lower()} » : cette étape n’est plus possible.")
    beneficiaire = plan.beneficiaire
    erreurs = [*saisie.illisible, *etape.refus(verrou, beneficiaire, saisie), *_refuse_date(verrou, etape, saisie.jour)]
    if etape.action in {"liquider", "mandater"}:
        erreurs += refuse_baisse(situation, ligne)
    if etape.action == "mandater":
        erreurs += refuse_credits(situation, verrou, plan.payeur_id)
    if erreurs:
        raise ValidationError(erreurs)
    verrou.etat = etape.vers
    if etape.champ_date:
        setattr(verrou, etape.champ_date, saisie.jour)
    if etape.action == "liquider":
        verrou.imputation, verrou.iban = saisie.imputation, beneficiaire.iban
    if etape.action == "mandater":
        verrou.numero_bordereau, verrou.numero_mandat = saisie.numero_bordereau, saisie.numero_mandat
    if etape.action == "rejeter":
        verrou.motif_rejet = keep_writable(saisie.motif).strip()[:250]
    verrou.full_clean()
    verrou.save()
    details = {
        "paiement": verrou.pk,
        "date": saisie.jour.isoformat() if saisie.jour else "",
        "mandat": verrou.numero_mandat,
        "motif": verrou.motif_rejet,
    }
    message = f"{etape.fait.rstrip('.')} : {verrou.versement.get_nature_display().lower()}, {format_euros(verrou.montant)}."
    record(verrou.convention, f"paiement_{etape.vers}", message, user, **{cle: v for cle, v in details.items() if v})
    return etape


def _refuse_date(paiement: Paiement, etape: Etape, jour: date | None) -> list[str]:
    """Steps follow each other in time, up to today."""
    if not etape.champ_date or jour is None:
        return []
    if refus := refuse_avenir(jour):
        return refus
    faites = [d for champ in ["demande_le", *DATES] if (d := getattr(paiement, champ)) is not None]
    derniere = max(faites, default=None)
    return [f"Cette étape ne peut pas précéder la dernière, du {derniere:%d/%m/%Y}."] if derniere and jour < derniere else []


def refuse_avenir(jour: date) -> list[str]:
    """What is recorded has happened."""
    return ["Cette date est dans l’avenir : enregistrez ce qui est fait, le jour où c’est fait."] if jour > timezone.localdate() else []


def refuse_baisse(situation: Situation, ligne: LigneVersement | None) -> list[str]:
    """Refuse to go on with more than an avenant leaves due since the request."""
    payeur = situation.get_payeur(ligne.versement.payeur_id) if ligne else None
    if ligne is None or payeur is None:
        return []
    suite = "rejetez ce paiement, et demandez de nouveau ce qui reste."
    if ligne.retire:
        return [f"Un avenant a retiré ce versement : {suite}"]
    refus = []
    demande = payeur.demande - payeur.reverse
    if payeur.du.montant is not None and demande > payeur.du.montant:
        refus.append(
            f"{format_euros(demande)} sont demandés ou payés, pour {format_euros(payeur.du.montant)} dus ({payeur.du.origine}) : {suite}"
        )
    if ligne.prevu is not None and ligne.demande > ligne.prevu:
        refus.append(f"{format_euros(ligne.demande)} sont demandés ou payés, et ce versement prévoit {format_euros(ligne.prevu)} : {suite}")
    return refus


def refuse_credits(situation: Situation, paiement: Paiement, organisation: int) -> list[str]:
    """Refuse to mandate above the CP that the payer voted for the year, when they are known."""
    payeur = situation.get_payeur(organisation)
    ligne = next((e for e in payeur.exercices if e.exercice == paiement.exercice), None) if payeur else None
    if ligne is None or ligne.reste is None or paiement.montant.amount <= ligne.reste:
        return []
    return [
        f"Les crédits de paiement {paiement.exercice} votés par {ligne.payeur.sigle} laissent {format_euros(ligne.reste)} : "
        f"{format_euros(paiement.montant)} les dépasse. Faites voter des crédits, ou rejetez ce paiement "
        "et demandez-le sur un autre exercice."
    ]


def read_motif(motif: str) -> str:
    """By what a condition holds. Raises ValidationError."""
    if lu := keep_writable(motif).strip()[:250]:
        return lu
    raise ValidationError("Dites par quoi la condition est remplie : « bilan 2018 reçu par courriel ».")


@transaction.atomic
def note_condition(user: Any, convention: Convention, racine: int, jour: date, motif: str) -> ConstatCondition:
    """Note that the condition of a payment holds. Raises PermissionDenied, ValidationError."""
    situation = lock_situation(convention)
    ligne = situation.get_ligne(racine)
    if ligne is None or ligne.retire:
        raise ValidationError("Ce versement n’est plus dans la convention.")
    if user.is_lecteur or (not user.is_superuser and user.organisation_id != ligne.versement.payeur_id):
        raise PermissionDenied(f"La condition d’un versement est constatée par celui qui le paie ({ligne.versement.payeur.sigle}).")
    motif = read_motif(motif)
    if refus := refuse_avenir(jour):
        raise ValidationError(refus)
    if ligne.constat is not None:
        raise ValidationError("Cette condition est déjà constatée.")
    if not ligne.obstacle:
        raise ValidationError("Ce versement est déjà ouvert.")
    if not situation.base.is_signee:
        raise ValidationError(ligne.obstacle)
    constat = ConstatCondition.objects.create(versement_id=racine, date=jour, motif=motif, auteur=user)
    message = f"Condition remplie le {jour:%d/%m/%Y} : {ligne.versement.get_nature_display().lower()}. {motif}"
    record(situation.base, "condition", message, user, versement=racine)
    return constat


@transaction.atomic
def issue_reversement(
    user: Any, convention: Convention, payeur: int, montant: Decimal, numero: str, motif: str, jour: date, redevable: int | None = None
) -> Reversement:
    """Record the titre that claims back what was overpaid; `redevable` when several were paid. Raises PermissionDenied, ValidationError."""
    if refus := explain_paie(user, payeur):
        raise PermissionDenied(refus)
    situation = lock_situation(convention)
    ligne = situation.get_payeur(payeur)
    if ligne is None or not ligne.trop_percu:
        raise ValidationError("Rien n’a été payé en trop.")
    numero, motif = keep_writable(numero).strip()[:40], keep_writable(motif).strip()[:250]
    erreurs = []
    if montant > ligne.trop_percu:
        erreurs.append(f"Le trop-perçu est de {format_euros(ligne.trop_percu)} : le titre ne peut pas le dépasser.")
    if not numero:
        erreurs.append("Donnez le numéro du titre.")
    if not motif:
        erreurs.append("Dites pourquoi ce titre est émis : le redevable le lira.")
    payes = {li.versement.beneficiaire_id for li in ligne.lignes if li.paye}
    if redevable is None and len(payes) == 1:
        (redevable,) = payes
    if redevable is None or redevable not in payes:
        erreurs.append("Choisissez qui a reçu le trop-perçu et doit le reverser.")
    if erreurs := [*erreurs, *refuse_avenir(jour)]:
        raise ValidationError(erreurs)
    reversement = Reversement(
        convention=situation.base,
        payeur_id=payeur,
        redevable_id=redevable,  # type: ignore[misc]
        montant=Money(montant, "EUR"),
        numero_titre=numero,
        motif=motif,
        exercice=jour.year,
        emis_le=jour,
    )
    reversement.full_clean()
    reversement.save()
    record(situation.base, "reversement", f"Titre de reversement {reversement.numero_titre} : {format_euros(montant)}.", user)
    return reversement
