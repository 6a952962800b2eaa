"""Reaching a convention: from an address (404 when it is not the person's, as if it did not exist) or a command."""

from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404

from conventions.conventions import Convention
from socle.commandes import Refus


def get_convention(user: Any, reference: str) -> Convention:
    """The convention of this reference with its parties, if `user` may see it; raises Http404 otherwise."""
    conventions = Convention.objects.visible_to(user).select_related("parent", "renouvelle", "avenant_de").with_parties()
    return get_object_or_404(conventions, reference=reference)


def get_avec_base(user: Any, reference: str) -> Convention:
    """The convention of this reference, for pages that show the agreement an avenant changes: 404 when that one is not the person's."""
    convention = get_convention(user, reference)
    if convention.is_avenant and not Convention.objects.visible_to(user).filter(pk=convention.avenant_de_id or 0).exists():
        raise Http404("La convention que cet avenant modifie n’est pas des vôtres.")
    return convention


def find_convention(reference: str) -> Convention:
    """The convention of this reference, for commands; raises Refus when there is none."""
    convention = Convention.objects.with_parties().filter(reference=reference).first()
    if convention is None:
        raise Refus(f"Aucune convention ne porte la référence « {reference} ».")
    return convention
