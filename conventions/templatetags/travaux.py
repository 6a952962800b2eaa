"""Pieces of page that show work done beside the pages."""

from typing import Any
from urllib.parse import urlsplit

from django import template
from django.template.context import Context

from conventions.travaux.actes import explain_droit
from conventions.travaux.estimation import tell_left
from conventions.travaux.journal import Travail
from conventions.travaux.tableau import write_duree

register = template.Library()


@register.inclusion_tag("components/travail.html", takes_context=True)
def travail(context: Context, travail: Travail, medianes: dict[str, Any] | None = None) -> dict[str, Any]:
    """Progress of a work, with its buttons; the page must load htmx for it to follow by itself."""
    request = context["request"]
    return show_travail(request.user, travail, request.path, medianes) | {"csrf_token": context.get("csrf_token", "")}


def show_travail(user: Any, travail: Travail, retour: str, medianes: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the component needs; `retour` is the page it stands in, `medianes` what `estimate_left` remembers."""
    return {
        "travail": travail,
        "retour": retour,
        "remet": urlsplit(retour).path.endswith(".pdf"),  # once the work is done, this address is a file and no page
        "peut_agir": not explain_droit(user, travail),
        "reste": tell_left(travail, medianes),
        "annonce": tell(travail),
    }


def tell(travail: Travail) -> str:
    """Where it stands, for who hears the page: it changes with the step and every ten per cent, not at every look."""
    part = travail.pourcentage
    suite = f", {part // 10 * 10}\u00a0%" if part is not None and travail.is_vivant else ""
    return f"{travail.titre}\u00a0: {(travail.etape or travail.get_etat_display()).lower()}{suite}."


register.filter("duree", write_duree)
