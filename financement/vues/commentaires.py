"""Comments of a fiche: write, answer, settle, mark as read."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from fiches.commentaires import Commentaire, add_commentaire, list_fils, list_participants, mark_read, reopen, settle
from fiches.models import FicheAction
from financement.vues.edition import load_fiche
from socle.nombres import read_cle


def answer(request: HttpRequest, fiche: FicheAction, rubrique: str, erreur: str = "") -> HttpResponse:
    """The threads of one heading for the page's script, or a return to the page they were read on."""
    htmx: Any = request.htmx  # type: ignore[attr-defined]
    if not htmx:
        if erreur:
            messages.error(request, erreur)
        page = "fiche_modifier" if request.POST.get("retour") == "modifier" else "fiche"
        return HttpResponseRedirect(reverse(page, args=[fiche.convention.reference, fiche.slug]) + f"#{rubrique}")
    contexte = {
        "fiche": fiche,
        "convention": fiche.convention,
        "rubrique": rubrique,
        "fils_rubrique": list_fils(fiche, request.user).get(rubrique, []),
        "participants": list_participants(fiche),
        "erreur": erreur,
        "refuse": request.POST if erreur else {},
        "retour": request.POST.get("retour", ""),
    }
    return render(request, "financement/editeur/_commentaires.html", contexte, status=422 if erreur else 200)


@require_POST
def commenter(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """A new remark on a heading or a cell, or an answer."""
    fiche = load_fiche(request, reference, pk)
    parent = None
    if request.POST.get("parent", ""):
        parent = get_object_or_404(Commentaire, fiche=fiche, parent=None, pk=read_cle(request.POST["parent"]))
    texte, rubrique = request.POST.get("texte", ""), request.POST.get("rubrique", "")
    champ, repere, extrait = (request.POST.get(nom, "") for nom in ("champ", "repere", "extrait"))
    try:
        commentaire = add_commentaire(request.user, fiche, texte, rubrique, champ, repere, extrait, parent)
    except ValidationError as refus:
        return answer(request, fiche, parent.rubrique if parent else rubrique, " ".join(refus.messages))
    return answer(request, fiche, commentaire.rubrique)


@require_POST
def regler(request: HttpRequest, reference: str, pk: int, numero: int) -> HttpResponse:
    """Settle a thread, or open it again."""
    fiche = load_fiche(request, reference, pk)
    commentaire = get_object_or_404(Commentaire, fiche=fiche, parent=None, pk=numero)
    if request.POST.get("rouvrir"):
        reopen(request.user, commentaire)
    else:
        settle(request.user, commentaire)
    return answer(request, fiche, commentaire.rubrique)


@require_POST
def marquer_lus(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """The person has read the comments of the fiche."""
    fiche = load_fiche(request, reference, pk)
    mark_read(fiche, request.user)
    htmx: Any = request.htmx  # type: ignore[attr-defined]
    if htmx or request.headers.get("X-Requested-With"):
        return HttpResponse(status=204)
    page = "fiche_modifier" if request.POST.get("retour") == "modifier" else "fiche"
    return HttpResponseRedirect(reverse(page, args=[reference, fiche.slug]))
