"""Pages of the text and of the family of a convention."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from conventions.acces import get_convention
from conventions.consolidation import get_base
from conventions.famille import read_famille
from conventions.redaction import write_convention


@require_safe
def articles(request: HttpRequest, reference: str) -> HttpResponse:
    """Preamble and articles, variables filled in."""
    convention = get_convention(request.user, reference)
    return render(request, "conventions/articles.html", {"convention": convention, "texte": write_convention(convention)})


@require_safe
def famille(request: HttpRequest, reference: str) -> HttpResponse:
    """The cadre, the specific conventions and the renewals around this one."""
    convention = get_convention(request.user, reference)
    famille = read_famille(get_base(convention), request.user)
    return render(request, "conventions/famille.html", {"convention": convention, "famille": famille})
