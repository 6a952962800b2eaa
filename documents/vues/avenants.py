"""Pages of avenants, of the consolidated version and of renewals."""

from decimal import Decimal

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from conventions.acces import get_avec_base, get_convention
from conventions.consolidation import find_consolidee, get_base
from conventions.models import Convention
from documents.avenant_pdf import publish_avenant
from documents.avenants import compute_difference, create_avenant, find_precedente
from documents.mise_en_forme import serve_convention
from documents.officiels import read_officiel
from documents.reconduction import renew
from documents.vues.fichiers import telling_loss
from documents.vues.vie import show_vie
from socle.nombres import NombreIllisible, parse_taux
from socle.saisie import Saisie, read_jour
from socle.vues import download


@require_POST
def ouvrir(request: HttpRequest, reference: str) -> HttpResponse:
    """Open an avenant and go to what it will change."""
    convention = get_avec_base(request.user, reference)
    try:
        avenant = create_avenant(request.user, convention, request.POST.get("objet", ""))
    except ValidationError as erreur:
        return show_vie(request, convention, Saisie.of("avenant", request.POST, erreur))
    messages.success(
        request, f"Avenant n°\u00a0{avenant.numero_avenant} ouvert. Modifiez-y les fiches et les textes : ce qui change sera listé ici."
    )
    return redirect("avenant", avenant.reference)


@require_safe
def avenant(request: HttpRequest, reference: str) -> HttpResponse:
    """What an avenant changes, before and after."""
    convention = get_avenant(request, reference)
    contexte = {
        "convention": convention,
        "base": get_base(convention),
        "precedente": find_precedente(convention),
        "difference": compute_difference(convention),
    }
    return render(request, "documents/avenant.html", contexte)


@require_safe
@telling_loss
def avenant_pdf(request: HttpRequest, reference: str) -> HttpResponse:
    """The document of the avenant: frozen, else the draft."""
    convention = get_avenant(request, reference)
    return download(read_officiel(convention) or publish_avenant(convention), f"{reference}.pdf", "application/pdf")


@require_safe
@telling_loss
def consolidee_pdf(request: HttpRequest, reference: str) -> HttpResponse:
    """The agreement as it spoke on a day (`?le=2019-06-30`), or as it speaks now."""
    base = get_base(get_avec_base(request.user, reference))
    try:
        jour = read_jour(request.GET["le"]) if request.GET.get("le") else None
    except ValidationError as erreur:
        raise Http404(" ".join(erreur.messages)) from erreur
    consolidee = Convention.objects.with_parties().select_related("avenant_de").get(pk=find_consolidee(base, jour).pk)
    nom = f"{base.reference}-consolidee{f'-au-{jour:%Y-%m-%d}' if jour else ''}.pdf"
    officiel = None if consolidee.is_avenant else read_officiel(consolidee)
    return download(officiel, nom, "application/pdf") if officiel else serve_convention(request, consolidee, nom)


@require_POST
def reconduire(request: HttpRequest, reference: str) -> HttpResponse:
    """Make the draft of the next convention."""
    convention = get_avec_base(request.user, reference)
    try:
        indexation = read_indexation(request.POST.get("indexation", ""))
        suite = renew(request.user, convention, request.POST.get("nouvelle", ""), indexation)
    except ValidationError as erreur:
        return show_vie(request, convention, Saisie.of("reconduire", request.POST, erreur))
    messages.success(request, f"{suite.reference} est créée, en brouillon. Relisez ses dates et ses montants.")
    return redirect("convention", suite.reference)


def read_indexation(texte: str) -> Decimal:
    """« 1,5 » or « 1,5 % »; nothing is zero. Raises ValidationError."""
    texte = texte.strip().removesuffix("%").strip()
    if not texte:
        return Decimal(0)
    try:
        return parse_taux(texte)
    except NombreIllisible as erreur:
        raise ValidationError(f"Indexation : {erreur}") from erreur


def get_avenant(request: HttpRequest, reference: str) -> Convention:
    """The avenant of this reference; 404 for an agreement."""
    convention = get_convention(request.user, reference)
    if not convention.is_avenant:
        raise Http404("Ce n’est pas un avenant.")
    return convention
