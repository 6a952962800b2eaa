"""Accepting a contradiction with a written reason, and opening it again."""

from collections.abc import Collection
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from conventions.journal import record
from conventions.models import Convention
from financement.controles.journal import Acceptation, Contradiction
from financement.controles.verification import count_ouvertes

MOTIF_MIN, MOTIF_MAX = 10, 1000
LECTURE = "Votre compte lit les contrôles sans les traiter. Un administrateur de votre organisation peut changer votre rôle."


class AcceptationRefusee(ValueError):
    """Why nothing was accepted, in French."""


def check_traitement(user: Any) -> None:
    """Raise PermissionDenied when the person may not treat contradictions; they must see the convention."""
    if user.is_lecteur:
        raise PermissionDenied(LECTURE)


@transaction.atomic
def accept(user: Any, convention: Convention, empreintes: dict[int, str], motif: str) -> int:
    """Accept contradictions as the person saw them: `empreintes` gives the values shown, by contradiction.

    Returns how many. Raises PermissionDenied, or AcceptationRefusee when the reason is too short or a value changed.
    """
    check_traitement(user)
    motif = " ".join(motif.replace("\x00", "").split())
    if len(motif) < MOTIF_MIN:
        raise AcceptationRefusee("Écrivez en une phrase pourquoi vous l’acceptez : votre partenaire et le comptable la liront.")
    if len(motif) > MOTIF_MAX:
        raise AcceptationRefusee(f"Ce motif compte {len(motif)} caractères, {MOTIF_MAX} au plus.")
    contradictions = list(Contradiction.objects.select_for_update().filter(convention=convention, pk__in=empreintes))
    if len(contradictions) < len(empreintes) or any(c.empreinte != empreintes[c.pk] for c in contradictions):
        raise AcceptationRefusee("Une valeur a changé depuis que vous avez ouvert cette page. Relisez-la avant d’accepter.")
    _withdraw(user, convention, [c.cle for c in contradictions])  # an older acceptance, of other values
    for contradiction in contradictions:
        Acceptation.objects.create(
            convention=convention,
            regle=contradiction.regle,
            cle=contradiction.cle,
            empreinte=contradiction.empreinte,
            objet=contradiction.objet,
            message=contradiction.contenu["message"],
            motif=motif,
            auteur=user,
        )
    count_ouvertes(convention)
    nombre = len(contradictions)
    quoi = f"{nombre} contradictions acceptées" if nombre > 1 else "Une contradiction acceptée"
    record(convention, "contradictions_acceptees", f"{quoi} : {motif}", user, objets=sorted({c.objet for c in contradictions}))
    return nombre


@transaction.atomic
def reopen(user: Any, convention: Convention, acceptations: Collection[int]) -> int:
    """Open again what was accepted; the acceptance stays in the journal with who withdrew it. Raises PermissionDenied."""
    check_traitement(user)
    cles = list(Acceptation.objects.filter(convention=convention, pk__in=acceptations, retiree_le=None).values_list("cle", flat=True))
    nombre = _withdraw(user, convention, cles)
    count_ouvertes(convention)
    if nombre:
        quoi = f"{nombre} acceptations retirées" if nombre > 1 else "Une acceptation retirée"
        record(convention, "acceptations_retirees", f"{quoi} : la question est de nouveau posée.", user)
    return nombre


def _withdraw(user: Any, convention: Convention, cles: list[str]) -> int:
    return Acceptation.objects.filter(convention=convention, cle__in=cles, retiree_le=None).update(
        retiree_par=user, retiree_le=timezone.now()
    )
