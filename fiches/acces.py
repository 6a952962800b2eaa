"""Reaching a fiche from an address."""

from django.http import Http404

from conventions.models import Convention
from fiches.fiches import FicheAction


def get_fiche(convention: Convention, slug: str) -> FicheAction:
    """The fiche of `convention` whose code is written `slug` in addresses; raises Http404 otherwise."""
    for fiche in convention.fiches.with_maitres():
        if fiche.slug == slug:
            return fiche
    raise Http404("Aucune fiche de la convention ne porte ce code.")
