"""The daily summary: choosing to receive it, and the way out that each message carries."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from fiches.abonnements import get_abonnement, read_signature


@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """One box: receive the summary and the reminders, or not."""
    user: Any = request.user
    if request.method == "POST":
        abonnement = get_abonnement(user)
        abonnement.actif = bool(request.POST.get("resume"))
        abonnement.save()
        oui, non = "Vous recevrez le résumé et les rappels.", "Vous ne recevrez plus le résumé ni les rappels."
        messages.success(request, oui if abonnement.actif else non)
        return redirect("preferences")
    actif = getattr(getattr(user, "abonnement", None), "actif", True)
    return render(request, "fiches/preferences.html", {"actif": actif})


# Mail programs post here by themselves, with no page and no cookie of ours: the signed link is the proof.
@csrf_exempt
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def desabonner(request: HttpRequest, jeton: str) -> HttpResponse:
    """Stop the summary of whom the link was written for, after one confirmation; a forged link is nowhere."""
    personne = read_signature(jeton)
    if personne is None:
        raise Http404("Ce lien n’est pas valable.")
    fait = request.method == "POST"
    if fait:
        abonnement = get_abonnement(personne)
        abonnement.actif = False
        abonnement.save()
    return render(request, "fiches/desabonner.html", {"personne": personne, "fait": fait})


@never_cache
@require_safe
def jeton(request: HttpRequest) -> HttpResponse:
    """A fresh form token for a page open since before a new sign-in, and whose session it now is."""
    return JsonResponse({"jeton": get_token(request), "utilisateur": request.user.pk})
