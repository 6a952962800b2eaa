"""Small pieces of page shared by every app: icons, state badges, stacked bars."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from socle.graphiques import Graphique
from socle.icones import ICONES
from socle.montants import ZERO
from socle.texte import render_blanc

register = template.Library()

# Shape and colour of each state; the word always stands beside.
ETATS = {
    "brouillon": ("cercle", ""),
    "en_redaction": ("crayon", "etat-info"),
    "en_negociation": ("demi", "etat-cours"),
    "en_relecture": ("demi", "etat-cours"),
    "a_corriger": ("alerte", "etat-cours"),
    "validee": ("plein", "etat-bon"),
    "deliberee": ("plein", "etat-bon"),
    "a_signer": ("crayon", "etat-bon"),
    "signee": ("cadenas", "etat-signe"),
    "notifiee": ("cadenas", "etat-signe"),
    "executoire": ("cadenas", "etat-signe"),
    "soldee": ("cadenas", "etat-signe"),
    "resiliee": ("bloquant", ""),
    "caduque": ("bloquant", ""),
    "soumis": ("demi", "etat-cours"),
    "observations": ("alerte", "etat-cours"),
    "corrige": ("demi", "etat-cours"),
    "accepte": ("cadenas", "etat-signe"),
    "realisee": ("coche", "etat-bon"),
    "partielle": ("demi", "etat-cours"),
    "reportee": ("horloge", "etat-cours"),
    "abandonnee": ("croix", ""),
}


@register.simple_tag
def icone(nom: str) -> SafeString:
    """Draw an icon; always decorative, a word stands beside it."""
    return format_html('<svg class="ic" viewBox="0 0 16 16" aria-hidden="true">{}</svg>', mark_safe(ICONES[nom]))  # noqa: S308


@register.simple_tag
def etat(objet: Any) -> SafeString:
    """Badge of a state: shape, colour and word."""
    nom, classe = ETATS[objet.etat]
    return format_html('<span class="etat {}">{}{}</span>', classe, icone(nom), objet.get_etat_display())


@register.inclusion_tag("components/barre.html")
def barre(parts: Iterable[tuple[int, Decimal]], total: Decimal | None = None) -> dict[str, Any]:
    """Horizontal bar of parts, each `(colour rank, amount)`, on a track of `total`; purely visual."""
    parts = [(rang, max(valeur, ZERO)) for rang, valeur in parts if valeur]
    ensemble = max(total or ZERO, sum((v for _, v in parts), ZERO))
    rects, x = [], Decimal(0)
    for rang, valeur in parts:
        largeur = valeur * 1000 / ensemble
        rects.append({"rang": min(rang, 6), "x": f"{x:.1f}", "largeur": f"{max(largeur - 3, Decimal(1)):.1f}"})
        x += largeur
    return {"rects": rects, "reste_x": f"{x:.1f}" if x < 999 else None, "reste": f"{1000 - x:.1f}"}


@register.inclusion_tag("components/graphique.html")
def graphique(g: Graphique) -> dict[str, Any]:
    """A chart; the same drawing on the page and on paper."""
    return {"g": g}


@register.inclusion_tag("components/graphique_table.html")
def graphique_table(g: Graphique, imprime: bool = False) -> dict[str, Any]:
    """The figures of a chart, as a table."""
    return {"g": g, "imprime": imprime}


@register.simple_tag
def blanc(points: int) -> SafeString:
    """A dotted blank to be filled by hand, like the paper."""
    return render_blanc(points)
