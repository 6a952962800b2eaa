"""What people ask of a work: stop it, start it again."""

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from conventions.travaux.journal import Travail
from conventions.travaux.suivi import enqueue


def explain_droit(user: Any, travail: Travail) -> str:
    """Why the person may not act on a work they see; empty when they may."""
    if user.is_superuser or user.is_staff or (travail.demande_par_id and travail.demande_par_id == user.pk):
        return ""
    return "Ce travail appartient à qui l’a demandé et aux administrateurs des parties."


def check_droit(user: Any, travail: Travail) -> None:
    """Raise PermissionDenied unless the person sees this work and may act on it."""
    if not Travail.objects.visible_to(user).filter(pk=travail.pk).exists():
        raise PermissionDenied("Ce travail n’est pas des vôtres.")
    if refus := explain_droit(user, travail):
        raise PermissionDenied(refus)


def cancel(user: Any, travail: Travail) -> Travail:
    """Stop a work: at once when it waits, at its next step when it runs. Raises PermissionDenied, ValidationError."""
    check_droit(user, travail)
    with transaction.atomic():
        actuel = lock(travail)
        if not actuel.is_vivant:
            raise ValidationError(f"Ce travail est déjà fini : {actuel.get_etat_display().lower()}.")
        if not actuel.genre.arretable:
            raise ValidationError("Ce travail ne s’arrête pas en route.")
        actuel.arret_demande = True
        if actuel.etat == Travail.Etat.EN_ATTENTE:
            actuel.etat, actuel.fini_le = Travail.Etat.ARRETE, timezone.now()
            actuel.genre.delaisser(actuel)
        actuel.save(update_fields=["arret_demande", "etat", "fini_le"])
    return actuel


def retry(user: Any, travail: Travail) -> Travail:
    """Start again a work that failed or was stopped; the same one when it is already asked again.

    Raises PermissionDenied, ValidationError.
    """
    check_droit(user, travail)
    with transaction.atomic():
        actuel = lock(travail)
        meme = Travail.objects.alive().filter(sorte=actuel.sorte, convention=actuel.convention_id, cle=actuel.cle)
        if autre := meme.first():
            return autre
        if not actuel.is_relancable:
            raise ValidationError("Ce travail est fait : il n’y a rien à relancer.")
        actuel.etat, actuel.demande_par, actuel.demande_le = Travail.Etat.EN_ATTENTE, user, timezone.now()
        actuel.commence_le = actuel.fini_le = actuel.tache = None
        actuel.fait = actuel.total = actuel.essais = 0
        actuel.etape = actuel.erreur = actuel.resultat = actuel.ouvrier = ""
        actuel.arret_demande = False
        actuel.genre.preparer(actuel)
        try:
            with transaction.atomic():
                actuel.save()
        except IntegrityError as double:
            raise ValidationError("Ce travail vient d’être demandé de nouveau.") from double
        transaction.on_commit(lambda: enqueue(actuel))
    return actuel


def lock(travail: Travail) -> Travail:
    """The work as it is now, nobody else changing it until the transaction ends."""
    return Travail.objects.select_for_update(of=("self",)).select_related("convention").get(pk=travail.pk)
