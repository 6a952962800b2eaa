"""Downloads: each checks who asks, builds the document, gives it a file name people recognise."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from conventions.acces import get_convention
from documents.mise_en_forme import serve_convention
from documents.officiels import read_officiel
from documents.publication import publish_fiche, publish_recapitulatif
from documents.reunion import publish_controles, publish_rapprochement
from documents.vues.fichiers import telling_loss
from fiches.acces import get_fiche
from financement.syntheses import get_recapitulatif
from financement.tableur_recapitulatif import write_recapitulatif_xlsx
from socle.vues import download

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@require_safe
@telling_loss
def convention_pdf(request: HttpRequest, reference: str) -> HttpResponse:
    """The complete agreement: the document that was frozen, else what the data give today. Of an avenant, the consolidated version."""
    convention = get_convention(request.user, reference)
    contenu = None if convention.is_avenant else read_officiel(convention)
    if contenu is None:
        return serve_convention(request, convention, f"{reference}.pdf")
    return download(contenu, f"{reference}.pdf", "application/pdf")


@require_safe
def fiche_pdf(request: HttpRequest, reference: str, slug: str) -> HttpResponse:
    """One fiche."""
    convention = get_convention(request.user, reference)
    fiche = get_fiche(convention, slug)
    return download(publish_fiche(convention, fiche), f"{reference}-fiche-{fiche.slug}.pdf", "application/pdf")


@require_safe
def recapitulatif_pdf(request: HttpRequest, reference: str) -> HttpResponse:
    """The recap, computed or declared."""
    convention = get_convention(request.user, reference)
    declare = request.GET.get("source") == "declare"
    return download(publish_recapitulatif(convention, declare), f"{reference}-recapitulatif.pdf", "application/pdf")


@require_safe
def recapitulatif_xlsx(request: HttpRequest, reference: str) -> HttpResponse:
    """The recap as a spreadsheet, computed or declared."""
    convention = get_convention(request.user, reference)
    recap = get_recapitulatif(convention, declare=request.GET.get("source") == "declare")
    return download(write_recapitulatif_xlsx(recap), f"{reference}-recapitulatif{'-declare' if recap.declare else ''}.xlsx", XLSX)


@require_safe
def controles_pdf(request: HttpRequest, reference: str) -> HttpResponse:
    """What contradicts itself, checked at once."""
    convention = get_convention(request.user, reference)
    return download(publish_controles(convention), f"{reference}-controles.pdf", "application/pdf")


@require_safe
def rapprochement_pdf(request: HttpRequest, reference: str) -> HttpResponse:
    """Both recaps compared; 404 when the annex has none of its own."""
    convention = get_convention(request.user, reference)
    contenu = publish_rapprochement(convention)
    if contenu is None:
        raise Http404("Cette convention n’a pas de récapitulatif déclaré.")
    return download(contenu, f"{reference}-rapprochement.pdf", "application/pdf")
