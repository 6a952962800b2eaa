"""Fiches found by the reference of their convention, by code or by words, through indexes alone."""

from typing import Any

from django.db.models import CharField, F, Func, Q, Value
from django.db.models.functions import Replace, Upper

from conventions.models import Convention
from fiches.fiches import normalize_code
from socle.recherche import MOTS_MAX, Contient

TEXTES_FICHE = ("titre", "code", "objet", "constat", "objectifs", "contenus", "partenariats_techniques")
CANDIDATES = 200  # fiches among which the best are chosen: a word met everywhere is not ranked over a hundred thousand texts
VECTEUR = "recherche"  # a column of the fiches, on PostgreSQL
SEPARATEURS = (" ", ".", "-")


def filter_fiches(fiches: Any, saisie: str) -> Any:
    """Fiches of the conventions named by their whole reference, that answer the other words: a code, else words of their texts.

    What begins a reference brings all its fiches too.
    """
    mots = saisie.replace("\x00", "").split()[:MOTS_MAX]
    nommees = {
        reference.casefold(): pk
        for mot in mots
        for pk, reference in Convention.objects.filter(reference__iexact=mot).order_by().values_list("pk", "reference")
    }
    if nommees:
        fiches = fiches.filter(convention__in=nommees.values())
        mots = [mot for mot in mots if mot.casefold() not in nommees]
    if not mots:
        return fiches
    reste = " ".join(mots)
    trouvees = Q(convention__in=list(Convention.objects.filter(reference__istartswith=reste).order_by().values_list("pk", flat=True)))
    if codes := find_by_code(fiches, reste):
        return fiches.filter(trouvees | Q(pk__in=codes))
    return fiches.filter(trouvees | Q(Contient(reste, *TEXTES_FICHE, vecteur=VECTEUR)))


def find_by_code(fiches: Any, mots: str) -> list[int]:
    """Keys of some fiches whose code begins so."""
    code = normalize_code(mots)
    if not any(c.isdigit() for c in mots) or not code:
        return []
    serre = "".join(c for c in code if c.isalnum())
    candidates = fiches.annotate(code_serre=squeeze("code")).filter(code_serre__startswith=serre).order_by()
    lues = candidates.values_list("pk", "code")[:CANDIDATES]
    return [pk for pk, ecrit in lues if normalize_code(ecrit).startswith(code)]


def squeeze(champ: str) -> Func:
    """A code without its dots, spaces and dashes, in capitals."""
    expression: Any = F(champ)
    for separateur in SEPARATEURS:
        expression = Replace(expression, Value(separateur), Value(""), output_field=CharField())
    return Upper(expression)
