"""Spreadsheets of the budget to download, and the open data of the conventions one sees."""

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from conventions.acces import get_convention
from conventions.models import Convention
from financement.scdl import build_publication, stream_csv
from financement.tableur_budget import FORMATS, write_budget
from socle.vues import download, stream

PAR_PAGE = 50
TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "csv": "text/csv; charset=utf-8",
}


@require_safe
def budget_tableur(request: HttpRequest, reference: str, forme: str) -> HttpResponse:
    """The budget, or with `?modele` the template to fill."""
    if forme not in FORMATS:
        raise Http404("Ce format n’existe pas.")
    convention = get_convention(request.user, reference)
    modele = "modele" in request.GET
    nom = f"{reference}-{'modele' if modele else 'budget'}.{forme}"
    return download(write_budget(convention, forme, modele), nom, TYPES[forme])


@require_safe
def donnees_ouvertes(request: HttpRequest) -> HttpResponse:
    """What would be published, what would not and why, some conventions at a time."""
    visibles = Convention.objects.visible_to(request.user)
    page = Paginator(visibles.without_avenants().order_by("reference"), PAR_PAGE).get_page(request.GET.get("page"))
    publication = build_publication(Convention.objects.filter(pk__in=[c.pk for c in page.object_list]))
    return render(request, "financement/donnees_ouvertes.html", {"publication": publication, "page": page})


@require_safe
def subventions_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The SCDL file of the conventions one sees."""
    contenu = stream_csv(Convention.objects.visible_to(request.user))
    return stream(contenu, "subventions.csv", TYPES["csv"])
