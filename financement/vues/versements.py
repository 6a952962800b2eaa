"""Payments of a convention: what is due, what is asked for, each step to the payment, credits of each year."""

from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe
from djmoney.money import Money

from comptes.bancaire import show_iban
from conventions.acces import get_avec_base
from conventions.consolidation import get_base
from conventions.journal import record
from conventions.models import Convention
from financement.etapes import (
    PAR_ACTION,
    advance_paiement,
    ask_paiement,
    explain_demande,
    explain_paie,
    issue_reversement,
    list_etapes,
    note_condition,
    read_motif,
)
from financement.etapes import (
    Saisie as SaisieEtape,
)
from financement.models import CreditExercice, Imputation, Paiement, PieceVersement
from financement.situation import compute_situation
from socle.nombres import NombreIllisible, parse_montant, read_cle
from socle.pieces import keep_piece, read_piece
from socle.saisie import Saisie, gather, read_jour
from socle.texte import keep_writable
from socle.vues import serve_piece

DATES = [
    ("demande_le", "Demandé"),
    ("service_fait_le", "Service fait"),
    ("liquide_le", "Liquidé"),
    ("mandate_le", "Mandaté"),
    ("paye_le", "Payé"),
]


@require_safe
def versements(request: HttpRequest, reference: str) -> HttpResponse:
    """Where payments stand."""
    return show_versements(request, get_avec_base(request.user, reference))


def show_versements(request: HttpRequest, convention: Convention, saisie: Saisie | None = None) -> HttpResponse:
    """The page, with the form that was refused shown as it was typed."""
    user: Any = request.user
    situation = compute_situation(convention)
    payeurs = []
    for payeur in situation.payeurs:
        lignes = [
            {
                "ligne": li,
                "racine": str(li.racine),
                "refus_demande": explain_demande(user, li),
                "peut_constater": li.obstacle
                and not li.constat
                and not li.retire
                and not user.is_lecteur
                and situation.base.is_signee
                and (user.is_superuser or user.organisation_id == payeur.payeur.pk),
                "paiements": [
                    {
                        "objet": p,
                        "cle": str(p.pk),
                        "etapes": list_etapes(user, p, payeur.payeur.pk),
                        "dates": [(nom, getattr(p, champ)) for champ, nom in DATES if getattr(p, champ)],
                    }
                    for p in li.paiements
                ],
            }
            for li in payeur.lignes
        ]
        payes = {li.versement.beneficiaire.pk: li.versement.beneficiaire for li in payeur.lignes if li.paye}
        beneficiaires = {li.versement.beneficiaire.pk: li.versement.beneficiaire for li in payeur.lignes}
        payeurs.append(
            {
                "situation": payeur,
                "cle": str(payeur.payeur.pk),
                "lignes": lignes,
                "peut_payer": not explain_paie(user, payeur.payeur.pk),
                "redevables": list(payes.values()) if len(payes) > 1 else [],
                "comptes": [(b, show_iban(user, b)) for b in beneficiaires.values()],
            }
        )
    contexte = {
        "convention": convention,
        "situation": situation,
        "payeurs": payeurs,
        "saisie": saisie or Saisie(),
        "orphelines": saisie.erreurs if saisie and saisie.formulaire not in list_formulaires(user, payeurs) else [],
        "imputations": Imputation.objects.valid_on(timezone.localdate()),
        "aujourdhui": timezone.localdate(),
    }
    return render(request, "financement/versements.html", contexte, status=422 if saisie else 200)


def list_formulaires(user: Any, payeurs: list[dict[str, Any]]) -> set[str]:
    """Names of the forms that the page shows: reasons that none of them can show stand above."""
    noms: set[str] = set()
    for p in payeurs:
        noms |= {f"crediter-{p['cle']}", *([f"reverser-{p['cle']}"] if p["situation"].trop_percu else [])} if p["peut_payer"] else set()
        for v in p["lignes"]:
            noms |= {f"joindre-{v['racine']}"} if not user.is_lecteur else set()
            noms |= {f"demander-{v['racine']}"} if not v["refus_demande"] else set()
            noms |= {f"constater-{v['racine']}"} if v["peut_constater"] else set()
            noms |= {f"{etape.action}-{paie['cle']}" for paie in v["paiements"] for etape in paie["etapes"]}
    return noms


def read_euros(texte: str, nom: str = "Le montant") -> Decimal:
    """An amount as people type it. Raises ValidationError."""
    try:
        return parse_montant(texte)
    except NombreIllisible as erreur:
        raise ValidationError(f"{nom} : {erreur}") from erreur


def read_euros_ou_rien(texte: str, nom: str) -> Money | None:
    """An amount, or None when nothing was typed."""
    return Money(read_euros(texte, nom), "EUR") if texte.strip() else None


def read_exercice(texte: str) -> int:
    """A budget year. Raises ValidationError."""
    if not (texte.strip().isdecimal() and len(texte.strip()) == 4 and 1990 <= int(texte) <= 2100):
        raise ValidationError("Écrivez l’exercice sur quatre chiffres, comme 2019.")
    return int(texte)


def read_jour_ou_refus(texte: str) -> tuple[date | None, tuple[str, ...]]:
    """A day, or what refuses it, to be told with the other reasons."""
    try:
        return read_jour(texte), ()
    except ValidationError as erreur:
        return None, tuple(erreur.messages)


@require_POST
def demander(request: HttpRequest, reference: str, versement: int) -> HttpResponse:
    """Ask for a payment."""
    convention = get_avec_base(request.user, reference)
    envoi = request.POST
    try:
        montant, exercice, jour = gather(
            partial(read_euros, envoi.get("montant", "")),
            partial(read_exercice, envoi.get("exercice", "")),
            partial(read_jour, envoi.get("jour", ""), "La date de la demande"),
        )
        ask_paiement(request.user, convention, versement, montant, exercice, jour)
    except ValidationError as erreur:
        return show_versements(request, convention, Saisie.of(f"demander-{versement}", envoi, erreur))
    messages.success(request, "Versement demandé. Le payeur constate maintenant le service fait.")
    return redirect("versements", reference)


@require_POST
def constater(request: HttpRequest, reference: str, versement: int) -> HttpResponse:
    """Note that the condition of a payment holds."""
    convention = get_avec_base(request.user, reference)
    try:
        jour, motif = gather(partial(read_jour, request.POST.get("jour", "")), partial(read_motif, request.POST.get("motif", "")))
        note_condition(request.user, convention, versement, jour, motif)
    except ValidationError as erreur:
        return show_versements(request, convention, Saisie.of(f"constater-{versement}", request.POST, erreur))
    messages.success(request, "Condition constatée : le versement peut être demandé.")
    return redirect("versements", reference)


@require_POST
def avancer(request: HttpRequest, reference: str, pk: int, action: str) -> HttpResponse:
    """Make one step of a payment."""
    convention = get_avec_base(request.user, reference)
    paiement = get_object_or_404(Paiement, convention=get_base(convention), pk=pk)
    if action not in PAR_ACTION:
        raise Http404("Cette étape n’existe pas.")
    envoi = request.POST
    nom = f"{action}-{pk}"
    try:
        jour, illisible = read_jour_ou_refus(envoi.get("jour", "")) if PAR_ACTION[action].champ_date else (timezone.localdate(), ())
        imputation = Imputation.objects.filter(pk=read_cle(envoi.get("imputation", "")) or 0).first()
        numeros = {n: keep_writable(envoi.get(n, "")).strip()[:40] for n in ("numero_bordereau", "numero_mandat")}
        saisie = SaisieEtape(jour, imputation, motif=envoi.get("motif", ""), illisible=illisible, **numeros)
        etape = advance_paiement(request.user, paiement, action, saisie)
    except ValidationError as erreur:
        return show_versements(request, convention, Saisie.of(nom, envoi, erreur))
    messages.success(request, etape.fait)
    return redirect("versements", reference)


@require_POST
def joindre(request: HttpRequest, reference: str, versement: int) -> HttpResponse:
    """Add a supporting file to a payment planned."""
    convention = get_avec_base(request.user, reference)
    user: Any = request.user
    if user.is_lecteur:
        raise PermissionDenied("Votre compte lit les versements sans y joindre de pièce.")
    base = get_base(convention)
    ligne = compute_situation(base).get_ligne(versement)
    if ligne is None:
        raise Http404("Ce versement n’est pas dans la convention.")
    try:
        piece = read_piece(request.FILES.get("fichier"))
        intitule = keep_writable(request.POST.get("intitule", "")).strip()[:120] or piece.nom
        with transaction.atomic():
            jointe = PieceVersement(
                convention=base,
                versement_id=ligne.racine,
                intitule=intitule,
                ajoutee_par=user,
            )
            keep_piece(jointe, piece)
            jointe.full_clean()
            jointe.save()
            record(base, "piece", f"Pièce jointe : {intitule}.", user, empreinte=piece.empreinte)
    except ValidationError as erreur:
        return show_versements(request, convention, Saisie.of(f"joindre-{versement}", request.POST, erreur))
    messages.success(request, f"« {intitule} » est jointe.")
    return redirect("versements", reference)


@require_safe
def piece(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """A supporting file."""
    convention = get_avec_base(request.user, reference)
    jointe = get_object_or_404(PieceVersement, convention=get_base(convention), pk=pk)
    return serve_piece(jointe, f"{reference}-piece-{pk}")


@require_POST
def crediter(request: HttpRequest, reference: str, payeur: int) -> HttpResponse:
    """Record what was voted and committed for a year."""
    convention = get_avec_base(request.user, reference)
    base = get_base(convention)
    if refus := explain_paie(request.user, payeur):
        raise PermissionDenied(refus)
    situation = compute_situation(base).get_payeur(payeur)
    if situation is None:
        raise Http404("Cette organisation ne paie rien dans la convention.")
    envoi = request.POST
    try:
        exercice, ae, cp, engage = gather(
            partial(read_exercice, envoi.get("exercice", "")),
            partial(read_euros_ou_rien, envoi.get("ae", ""), "Les AE"),
            partial(read_euros_ou_rien, envoi.get("cp", ""), "Les CP"),
            partial(read_euros_ou_rien, envoi.get("engage", ""), "L’engagement"),
        )
        with transaction.atomic():
            Convention.objects.select_for_update().values_list("pk").get(pk=base.pk)  # payments are checked against these credits
            credit = CreditExercice.objects.filter(convention=base, payeur=payeur, exercice=exercice).first()
            credit = credit or CreditExercice(convention=base, payeur_id=payeur, exercice=exercice)
            # What is left blank stays: « unknown » would lift the check of the CP.
            credit.ae = credit.ae if ae is None else ae
            credit.cp = credit.cp if cp is None else cp
            credit.engage = credit.engage if engage is None else engage
            credit.numero_engagement = keep_writable(envoi.get("numero", "")).strip()[:40] or credit.numero_engagement
            credit.full_clean()
            credit.save()
            montants = {"ae": credit.ae, "cp": credit.cp, "engage": credit.engage}
            details = {nom: f"{montant.amount:.2f}" for nom, montant in montants.items() if montant is not None}
            phrase = f"Crédits {exercice} de {situation.payeur.sigle} enregistrés."
            record(base, "credits", phrase, request.user, exercice=exercice, **details)
    except ValidationError as erreur:
        return show_versements(request, convention, Saisie.of(f"crediter-{payeur}", envoi, erreur))
    messages.success(request, f"Crédits {exercice} enregistrés.")
    return redirect("versements", reference)


@require_POST
def reverser(request: HttpRequest, reference: str, payeur: int) -> HttpResponse:
    """Record the titre that claims back what was overpaid."""
    convention = get_avec_base(request.user, reference)
    envoi = request.POST
    try:
        montant, jour = gather(partial(read_euros, envoi.get("montant", "")), partial(read_jour, envoi.get("jour", "")))
        redevable = read_cle(envoi.get("redevable", ""))
        issue_reversement(request.user, convention, payeur, montant, envoi.get("numero", ""), envoi.get("motif", ""), jour, redevable)
    except ValidationError as erreur:
        return show_versements(request, convention, Saisie.of(f"reverser-{payeur}", envoi, erreur))
    messages.success(request, "Titre de reversement enregistré.")
    return redirect("versements", reference)
