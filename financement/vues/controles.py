"""Controls of a convention: what contradicts itself, ways out, acceptances, undo."""

import re

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from conventions.acces import get_convention
from financement.controles.acceptations import AcceptationRefusee, accept, check_traitement, reopen
from financement.controles.corrections import CorrectionImpossible, correct, undo
from financement.controles.journal import Reprise, Verification
from financement.controles.presentation import build_page
from financement.controles.verification import verify
from socle.nombres import read_cle

JETON = re.compile(r"(\d{1,18}):([0-9a-f]{64})")
PERIME = "Cette page date d’avant la dernière vérification. Relisez-la avant de continuer."


@require_safe
def controles(request: HttpRequest, reference: str) -> HttpResponse:
    """The last check of the convention; before the first one, an invitation to make it."""
    convention = get_convention(request.user, reference)
    demande = {nom: request.GET.get(nom, "") for nom in ("voir", "ou", "fiche")}
    numero = read_cle(request.GET.get("page", "1")) or 1
    return render(
        request,
        "financement/controles.html",
        {"convention": convention, "page": build_page(request.user, convention, numero=numero, **demande)},
    )


@require_safe
def fraicheur(request: HttpRequest, reference: str) -> HttpResponse:
    """Whether the last check is still of today's figures: a piece of the page, asked for while a check is waiting."""
    convention = get_convention(request.user, reference)
    verification = Verification.objects.filter(convention=convention).first()
    return render(request, "financement/_fraicheur.html", {"convention": convention, "verification": verification, "attendait": True})


@require_POST
def verifier(request: HttpRequest, reference: str) -> HttpResponse:
    """Check now, while the person waits."""
    convention = get_convention(request.user, reference)
    check_traitement(request.user)
    verify(convention)
    return redirect("controles", reference)


@require_POST
def accepter(request: HttpRequest, reference: str) -> HttpResponse:
    """Accept the findings of a card, with one reason."""
    convention = get_convention(request.user, reference)
    check_traitement(request.user)
    points = read_jetons(request)
    try:
        if not points:
            raise AcceptationRefusee(PERIME)
        nombre = accept(request.user, convention, points, request.POST.get("motif", ""))
    except AcceptationRefusee as refus:
        messages.error(request, str(refus))
    else:
        messages.success(
            request,
            "Accepté, avec votre motif. Si une valeur change, la question sera posée de nouveau."
            if nombre == 1
            else f"{nombre} points acceptés, avec votre motif. Si une valeur change, la question sera posée de nouveau.",
        )
    return _back(request, reference)


@require_POST
def rouvrir(request: HttpRequest, reference: str) -> HttpResponse:
    """Withdraw acceptances."""
    convention = get_convention(request.user, reference)
    acceptations = [int(pk) for pk in request.POST.getlist("acceptation") if pk.isdecimal() and len(pk) < 19]
    if reopen(request.user, convention, acceptations):
        messages.success(request, "La question est de nouveau posée.")
    return _back(request, reference)


@require_POST
def corriger(request: HttpRequest, reference: str) -> HttpResponse:
    """Do a one-click correction for the findings of a card."""
    convention = get_convention(request.user, reference)
    check_traitement(request.user)
    rang = request.POST.get("rang", "")
    try:
        if not (points := read_jetons(request)) or not (rang.isdecimal() and len(rang) < 3):
            raise CorrectionImpossible(PERIME)
        reprise = correct(request.user, convention, points, int(rang))
    except CorrectionImpossible as refus:
        messages.error(request, str(refus))
    else:
        verify(convention)
        messages.success(request, f"C’est fait. {reprise.resume}. Vous pouvez l’annuler dans « Fait récemment ».")
    return _back(request, reference)


@require_POST
def annuler_reprise(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Undo a correction."""
    convention = get_convention(request.user, reference)
    reprise = get_object_or_404(Reprise, convention=convention, pk=pk)
    check_traitement(request.user)
    try:
        undo(request.user, reprise)
    except CorrectionImpossible as refus:
        messages.error(request, str(refus))
    else:
        verify(convention)
        messages.success(request, f"Annulé : {reprise.resume}.")
    return _back(request, reference)


def read_jetons(request: HttpRequest) -> dict[int, str]:
    """Findings of a form with the values that were shown; empty when one is not readable."""
    jetons = [JETON.fullmatch(jeton) for jeton in request.POST.getlist("point")]
    return {int(j[1]): j[2] for j in jetons if j} if all(jetons) else {}


def _back(request: HttpRequest, reference: str) -> HttpResponse:
    """To the page the form was on, filters kept."""
    retour = request.POST.get("retour", "")
    if retour.startswith("/") and url_has_allowed_host_and_scheme(retour, allowed_hosts={request.get_host()}):
        return redirect(retour)
    return redirect("controles", reference)
