"""Pages of the work done beside the pages: one work followed, stopped, started again; all of them for administrators."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from conventions.models import Travail
from conventions.templatetags.travaux import show_travail
from conventions.travaux.actes import cancel, retry
from conventions.travaux.tableau import JOURS, read_tableau


@require_safe
def travaux(request: HttpRequest) -> HttpResponse:
    """What waits, what runs, what failed, how long it takes."""
    user: Any = request.user
    if not user.is_staff:
        raise PermissionDenied("La liste des travaux est réservée aux administrateurs.")
    return render(request, "conventions/travaux.html", {"tableau": read_tableau(user), "jours": JOURS})


def get_travail(request: HttpRequest, pk: int) -> Travail:
    """The work, if the person sees it; raises Http404 otherwise."""
    return get_object_or_404(Travail.objects.visible_to(request.user).select_related("convention", "demande_par"), pk=pk)


def read_retour(request: HttpRequest, valeurs: Any) -> str:
    """The page to go back to: one of ours, never another site's."""
    retour = str(valeurs.get("retour", ""))
    sure = retour.startswith("/") and url_has_allowed_host_and_scheme(retour, allowed_hosts=None)
    return retour if sure else reverse("travaux" if getattr(request.user, "is_staff", False) else "accueil")


@require_safe
def travail(request: HttpRequest, pk: int) -> HttpResponse:
    """The progress, asked again by the page that shows it; once it is done, the page is told to load itself."""
    objet = get_travail(request, pk)
    contexte = show_travail(request.user, objet, read_retour(request, request.GET))
    if objet.is_vivant:
        contexte["change"] = request.GET.get("dit", "") != contexte["annonce"]
        return render(request, "components/travail_progres.html", contexte)
    reponse = render(request, "components/travail.html", contexte)
    if objet.etat == Travail.Etat.FAIT and not contexte["remet"]:  # a page that gives a file would stay, and ask again and again
        reponse["HX-Refresh"] = "true"
    reponse["HX-Retarget"], reponse["HX-Reswap"] = f"#travail-{pk}", "outerHTML"
    return reponse


def act(request: HttpRequest, pk: int, acte: Callable[[Any, Travail], Travail], fait: str) -> HttpResponse:
    """Do what a button asks, say it, and go back to the page it stands in."""
    objet = get_travail(request, pk)
    try:
        acte(request.user, objet)
    except ValidationError as refus:
        messages.error(request, " ".join(refus.messages))
    else:
        messages.success(request, f"{objet.titre}\u00a0: {fait}")
    return redirect(read_retour(request, request.POST))


@require_POST
def arreter(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop a work."""
    return act(request, pk, cancel, "l’arrêt est demandé.")


@require_POST
def relancer(request: HttpRequest, pk: int) -> HttpResponse:
    """Start a failed or stopped work again."""
    return act(request, pk, retry, "le travail est relancé.")
