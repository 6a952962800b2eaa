"""Reaching a fiche: from an address, or from a command by its code."""

from django.http import Http404

from conventions.models import Convention
from fiches.fiches import FicheAction, normalize_code, slugify_code
from socle.commandes import Refus


def get_fiche(convention: Convention, slug: str) -> FicheAction:
    """The fiche of `convention` whose code is written `slug` in addresses; raises Http404 otherwise."""
    for pk, code in convention.fiches.values_list("pk", "code"):
        if slugify_code(code) == slug:
            return convention.fiches.with_maitres().prefetch_related("indicateurs__cibles").get(pk=pk)
    raise Http404("Aucune fiche de la convention ne porte ce code.")


def find_fiche(convention: Convention, code: str) -> FicheAction:
    """The fiche of this code, however written (« EA 1.1 » for E.A 1.1); raises Refus naming the nearest codes."""
    fiches = list(convention.fiches.all())
    for fiche in fiches:
        if normalize_code(fiche.code) == normalize_code(code):
            return fiche
    proches = [f.code for f in fiches if normalize_code(f.code).startswith(normalize_code(code)[:4])] or [f.code for f in fiches]
    suite = f" Codes connus : {', '.join(proches[:6])}." if proches else ""
    raise Refus(f"Aucune fiche de « {convention.reference} » ne porte le code « {code} ».{suite}")
