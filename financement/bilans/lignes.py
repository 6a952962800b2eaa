"""Rows added to an action of a bilan beside its plan: an unplanned expense, an unplanned financeur; and its supporting files."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from comptes.models import Organisation
from conventions.journal import record
from financement.bilans.droits import check_saisie
from financement.bilans.modeles import FicheBilan, LigneBilan, PartBilan
from financement.bilans.ouverture import lock_bilan
from financement.bilans.suites import PieceBilan
from financement.couts import NatureDepense
from socle.pieces import Piece, keep_piece
from socle.texte import keep_writable


@transaction.atomic
def add_ligne(user: Any, fiche: FicheBilan, nature: NatureDepense, libelle: str) -> LigneBilan:
    """An expense that the plan does not hold. Raises PermissionDenied, ValidationError."""
    _open(user, fiche)
    libelle = " ".join(keep_writable(libelle).split())
    if len(libelle) > 160:
        raise ValidationError(f"Ce libellé compte {len(libelle)} caractères, 160 au plus.")
    if fiche.lignes.filter(nature=nature, libelle=libelle).exists():
        raise ValidationError("Cette dépense est déjà dans la fiche.")
    derniere = fiche.lignes.order_by("-ordre").values_list("ordre", flat=True).first() or 0
    tarif = fiche.bilan.convention.tarif_journalier if nature.toujours_en_jours else None
    ligne = LigneBilan(fiche=fiche, nature=nature, libelle=libelle, au_plan=False, ordre=min(derniere + 10, 32_000), tarif=tarif)
    ligne._history_user = user  # type: ignore[attr-defined]
    ligne.save()
    return ligne


@transaction.atomic
def add_part(user: Any, fiche: FicheBilan, organisation: Organisation) -> PartBilan:
    """A financeur that the plan does not hold. Raises PermissionDenied, ValidationError."""
    _open(user, fiche)
    if fiche.parts.filter(financeur=organisation).exists():
        raise ValidationError(f"{organisation} est déjà dans la fiche.")
    part = PartBilan(fiche=fiche, financeur=organisation, ordre=500)
    part._history_user = user  # type: ignore[attr-defined]
    part.save()
    return part


@transaction.atomic
def remove_ligne(user: Any, ligne: LigneBilan) -> None:
    """Take away an unplanned expense that holds nothing. Raises PermissionDenied, ValidationError."""
    _open(user, ligne.fiche)
    actuelle = LigneBilan.objects.filter(pk=ligne.pk).first()
    if actuelle is None:
        raise ValidationError("Cette dépense est déjà retirée.")
    if actuelle.au_plan:
        raise ValidationError("Une dépense prévue au plan reste dans le bilan : écrivez 0 si rien n’a été dépensé.")
    if actuelle.montant is not None or actuelle.jours is not None:
        raise ValidationError("Videz d’abord les jours et le montant de cette dépense.")
    actuelle._history_user = user
    actuelle.delete()


@transaction.atomic
def remove_part(user: Any, part: PartBilan) -> None:
    """Take away a financeur that the plan does not hold and that paid nothing. Raises PermissionDenied, ValidationError."""
    _open(user, part.fiche)
    actuelle = PartBilan.objects.filter(pk=part.pk).first()
    if actuelle is None:
        raise ValidationError("Ce financeur est déjà retiré.")
    if actuelle.prevu is not None:
        raise ValidationError("Un financeur prévu au plan reste dans le bilan : écrivez 0 s’il n’a rien payé.")
    if actuelle.montant is not None:
        raise ValidationError("Videz d’abord ce que ce financeur a payé.")
    actuelle._history_user = user
    actuelle.delete()


@transaction.atomic
def attach_piece(user: Any, fiche: FicheBilan, piece: Piece, intitule: str) -> PieceBilan:
    """Add a supporting file to an action. Raises PermissionDenied, ValidationError."""
    bilan = _open(user, fiche)
    intitule = keep_writable(intitule).strip()[:120] or piece.nom
    jointe = PieceBilan(bilan=bilan, fiche=fiche, intitule=intitule, ajoutee_par=user)
    keep_piece(jointe, piece)
    jointe.full_clean()
    jointe.save()
    record(bilan.convention, "piece", f"Bilan {bilan.annee}, {fiche.code} : pièce jointe, {intitule}.", user, empreinte=piece.empreinte)
    return jointe


@transaction.atomic
def remove_piece(user: Any, piece: PieceBilan) -> None:
    """Take a supporting file away while the bilan is written. Raises PermissionDenied."""
    bilan = lock_bilan(piece.bilan)
    check_saisie(user, bilan)
    record(bilan.convention, "piece", f"Bilan {bilan.annee} : pièce retirée, {piece.intitule}.", user, empreinte=piece.empreinte)
    piece.delete()


def _open(user: Any, fiche: FicheBilan) -> Any:
    """Lock the bilan and check that the person writes in it."""
    bilan = lock_bilan(fiche.bilan)
    check_saisie(user, bilan)
    bilan.modifie_le = timezone.now()
    type(bilan).objects.filter(pk=bilan.pk).update(modifie_le=bilan.modifie_le)
    return bilan
