"""Pages that a public body owes its visitors: legal notice, privacy, record of processing, accessibility."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from socle.mentions import DECLARATION, LIENS, MEMOIRES, OEUVRES, list_temoins
from socle.registre import FORMATS, build_registre, group_by_rubrique, write_registre
from socle.vues import download


@login_not_required
@require_safe
def mentions_legales(request: HttpRequest) -> HttpResponse:
    """Who publishes and hosts the site, what it leaves in the browser, whose works it carries."""
    contexte = {"exploitant": settings.EXPLOITANT, "temoins": list_temoins(), "memoires": MEMOIRES, "oeuvres": OEUVRES}
    return render(request, "pages/mentions_legales.html", contexte)


@login_not_required
@require_safe
def confidentialite(request: HttpRequest) -> HttpResponse:
    """What the law lets people know of the data held about them."""
    contexte = {"exploitant": settings.EXPLOITANT, "rubriques": group_by_rubrique(build_registre()), "liens": LIENS}
    return render(request, "pages/confidentialite.html", contexte)


@require_safe
def registre(request: HttpRequest) -> HttpResponse:
    """The record of processing, for the data protection officers of the organisations."""
    rubriques = [(lignes[0].rubrique, lignes) for lignes in group_by_rubrique(build_registre()).values()]
    return render(request, "pages/registre.html", {"rubriques": rubriques})


@require_safe
def registre_tableur(request: HttpRequest, forme: str) -> HttpResponse:
    """The same record, to keep beside the organisation's own."""
    if forme not in FORMATS:
        raise Http404("Ce format n’existe pas.")
    return download(write_registre(forme), f"registre-trait-d-union.{forme}", FORMATS[forme])


@login_not_required
@require_safe
def accessibilite(request: HttpRequest) -> HttpResponse:
    """The declaration of accessibility, in the official form."""
    contexte = {"exploitant": settings.EXPLOITANT, "adresse": settings.ADRESSE, "date": DECLARATION, "liens": LIENS}
    return render(request, "pages/accessibilite.html", contexte)
