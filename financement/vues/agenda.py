"""The deadlines in a person's own calendar: the address, and what programs read there."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from comptes.calendrier import CalendrierPersonnel, change_calendrier, close_calendrier, mark_read, open_calendrier
from financement.calendrier import build_calendar
from financement.echeances import GARDE, collect_echeances, list_suivies

ACTES = {
    "creer": (open_calendrier, "Votre adresse est prête."),
    "changer": (change_calendrier, "Voici une nouvelle adresse. L’ancienne ne répond plus : abonnez de nouveau votre agenda."),
    "supprimer": (close_calendrier, "L’adresse est supprimée. Vos agendas n’y lisent plus rien."),
}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def agenda(request: HttpRequest) -> HttpResponse:
    """The secret address of the person's calendar: made, changed, taken away."""
    user: Any = request.user
    if request.method == "POST":
        if request.POST.get("acte", "") in ACTES:
            acte, phrase = ACTES[request.POST["acte"]]
            acte(user)
            messages.success(request, phrase)
        return redirect("agenda")
    calendrier = CalendrierPersonnel.objects.filter(utilisateur=user).first()
    adresse = settings.ADRESSE + reverse("calendrier", args=[calendrier.jeton]) if calendrier else ""
    return render(request, "financement/agenda.html", {"calendrier": calendrier, "adresse": adresse})


# Calendar programs come with no session: the address is the proof. A closed account is nowhere, like an unknown address.
@login_not_required
@require_safe
def calendrier(request: HttpRequest, jeton: str) -> HttpResponse:
    """The deadlines of whom the address was made for, those of the last year included."""
    trouve = CalendrierPersonnel.objects.filter(jeton=jeton, utilisateur__is_active=True).select_related("utilisateur").first()
    if trouve is None:
        raise Http404("Cette adresse n’existe pas.")
    depuis = timezone.localdate() - GARDE
    echeances = [e for e in collect_echeances(list_suivies(trouve.utilisateur)) if e.jour >= depuis]
    reponse = HttpResponse(build_calendar(trouve.utilisateur, echeances), content_type="text/calendar; charset=utf-8")
    patch_cache_control(reponse, private=True, max_age=900)
    mark_read(trouve)
    return reponse
