"""Filters that write amounts, days, rates, dates and light texts."""

from collections.abc import Sized
from datetime import date
from decimal import Decimal

from django import template
from django.utils.safestring import SafeString
from djmoney.money import Money

from socle import typographie
from socle.texte import plain_texte, render_texte

register = template.Library()


@register.filter
def euros(montant: Money | Decimal | None) -> str:
    """« 1 234,50 € »; nothing for an unknown amount."""
    return typographie.format_euros(montant)


@register.filter
def montant(valeur: Money | Decimal | None) -> str:
    """« 1 234,50 », for a column whose head says €."""
    return "" if valeur is None else typographie.format_montant(valeur)


@register.filter
def nombre(valeur: Decimal | None) -> str:
    """« 1 234,5 », as many decimals as needed."""
    return "" if valeur is None else typographie.format_nombre(valeur)


@register.filter
def taux(valeur: Decimal | None) -> str:
    """« 80 % »."""
    return "" if valeur is None else typographie.format_taux(valeur)


@register.filter
def pourcentage(valeur: Decimal | None) -> str:
    """« 63,9 % »: a computed share, shown with one decimal."""
    return "" if valeur is None else typographie.format_taux(Decimal(valeur), 1)


@register.filter
def date_longue(jour: date | None) -> str:
    """« 2 novembre 2018 »."""
    return "" if jour is None else typographie.format_date_longue(jour)


@register.filter
def minuscule(mots: str) -> str:
    """Small first letter, for words that continue a sentence: « président de la CCI »."""
    return mots[:1].lower() + mots[1:]


@register.filter
def texte(valeur: str, niveau: int = 4) -> SafeString:
    """Light text as HTML, its sub-headings at `niveau`."""
    return render_texte(valeur, niveau)


@register.filter
def texte_simple(valeur: str) -> str:
    """Light text as one plain line."""
    return plain_texte(valeur)


@register.filter
def pluralize(nombre: object, marques: str = "s") -> str:
    """Mark of the plural, from two on: « 0 fiche », « 1 fiche », « 2 fiches ». Takes the place of Django's, which writes « 0 fiches »."""
    singulier, _, pluriel = marques.rpartition(",")
    valeur = len(nombre) if isinstance(nombre, Sized) else nombre if isinstance(nombre, int) else 0
    return pluriel if abs(valeur) >= 2 else singulier


@register.filter
def get(mapping: dict, key: object) -> object:
    """Value of a key known only at run time; None when absent."""
    return mapping.get(key)
