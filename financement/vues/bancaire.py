"""The bank account of an organisation: masked, changed by two people."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from comptes.bancaire import (
    ask_changement,
    explain_changement,
    explain_confirmation,
    format_iban,
    is_payeur,
    mask_iban,
    settle_changement,
    show_iban,
)
from comptes.models import ChangementIban, Organisation
from conventions.journal import record
from conventions.models import Convention
from socle.saisie import Saisie

MONTRES = 10


@require_http_methods(["GET", "HEAD", "POST"])
def compte_bancaire(request: HttpRequest, cle: str) -> HttpResponse:
    """The account, what waits to be confirmed, what was changed; asking for a change."""
    organisation = get_organisation(request.user, cle)
    if request.method == "POST":
        envoi = request.POST
        try:
            with transaction.atomic():
                demande = ask_changement(request.user, organisation, envoi.get("iban", ""), envoi.get("banque", ""), envoi.get("motif", ""))
                tell(request.user, organisation, f"Changement du compte de {organisation.sigle} demandé ({mask_iban(demande.nouveau)}).")
        except ValidationError as erreur:
            return show_compte(request, organisation, Saisie.of("demander", envoi, erreur))
        messages.success(request, "Changement demandé. Une autre personne le confirme avant qu’il ne serve.")
        return redirect("compte_bancaire", cle)
    return show_compte(request, organisation)


def get_organisation(user: Any, cle: str) -> Organisation:
    """An organisation of one of the person's conventions, or their own; 404 otherwise."""
    organisation = get_object_or_404(Organisation, cle=cle)
    if user.is_superuser or user.organisation_id == organisation.pk:
        return organisation
    if not Convention.objects.visible_to(user).filter(parties__organisation=organisation).exists():
        raise Http404("Cette organisation n’est pas dans vos conventions.")
    return organisation


def show_compte(request: HttpRequest, organisation: Organisation, saisie: Saisie | None = None) -> HttpResponse:
    """The page, with the form that was refused."""
    user: Any = request.user
    changements = organisation.changements_iban.select_related("demande_par__organisation", "traite_par")
    attente = changements.filter(etat=ChangementIban.Etat.DEMANDE).first()
    refus = explain_changement(user, organisation)
    contexte = {
        "organisation": organisation,
        "iban": show_iban(user, organisation),
        "refus": refus,
        "attente": attente,
        "nouveau": (format_iban if not refus or is_payeur(user) else mask_iban)(attente.nouveau) if attente else "",
        "refus_confirmation": explain_confirmation(user, attente) if attente else "",
        "passes": [(c, mask_iban(c.nouveau)) for c in changements.exclude(etat=ChangementIban.Etat.DEMANDE)[:MONTRES]],
        "saisie": saisie or Saisie(),
    }
    return render(request, "financement/compte_bancaire.html", contexte, status=422 if saisie else 200)


@require_POST
def compte_confirmer(request: HttpRequest, cle: str, pk: int) -> HttpResponse:
    """Confirm or turn down a change asked for by somebody else."""
    organisation = get_organisation(request.user, cle)
    changement = get_object_or_404(ChangementIban, organisation=organisation, pk=pk)
    if refus := explain_changement(request.user, organisation):
        raise PermissionDenied(refus)
    confirme = request.POST.get("decision") == "confirmer"
    try:
        with transaction.atomic():  # the account and the journals together
            traite = settle_changement(request.user, changement, confirme)
            quoi = f"({mask_iban(traite.nouveau)}), demandé par {traite.demande_par}."
            if confirme:
                tell(request.user, organisation, f"Compte bancaire de {organisation.sigle} changé {quoi}")
            else:
                tell(request.user, organisation, f"Changement du compte de {organisation.sigle} refusé {quoi}")
    except ValidationError as erreur:
        for phrase in erreur.messages:
            messages.error(request, phrase)
        return redirect("compte_bancaire", cle)
    messages.success(request, "Le nouveau compte est enregistré." if confirme else "Le changement est refusé : rien n’a changé.")
    return redirect("compte_bancaire", cle)


def tell(user: Any, organisation: Organisation, phrase: str) -> None:
    """Write it in the journal of each agreement where the account may still serve: what is owed after a résiliation included."""
    conventions = Convention.objects.without_avenants().filter(parties__organisation=organisation)
    for convention in conventions.exclude(etat__in=(Convention.Etat.SOLDEE, Convention.Etat.CADUQUE)).order_by("pk"):
        record(convention, "iban", phrase, user)
