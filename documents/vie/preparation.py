"""Freezing a large document beside the pages: asked for, being typeset, done or refused. Asking again is harmless."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.utils import timezone
from django_tasks import task

from comptes.models import Utilisateur
from conventions.models import Convention
from documents.vie.actes import Passage, check_passage, pass_convention
from socle.pades_sceau import SceauIllisible
from socle.pdf import MoteurAbsent

PATIENCE = timedelta(minutes=10)  # beyond, whoever was typesetting has stopped
PANNE = "La mise en forme a été interrompue. Rien n’a changé ; recommencez, et prévenez votre administrateur si cela se répète."


class Preparation(models.Model):
    """A document being typeset for signature. The row goes when the document is frozen."""

    convention = models.OneToOneField(Convention, models.CASCADE, verbose_name="convention", related_name="preparation")
    demandee_par = models.ForeignKey(Utilisateur, models.CASCADE, verbose_name="demandée par", related_name="+")
    demandee_le = models.DateTimeField("demandée le")
    erreurs = models.JSONField("refus", default=list, blank=True)

    class Meta:
        verbose_name = "mise en forme"
        verbose_name_plural = "mises en forme"

    def __str__(self) -> str:
        return self.convention.reference

    @property
    def is_en_cours(self) -> bool:
        return not self.erreurs and timezone.now() - self.demandee_le < PATIENCE


def start_freeze(user: Any, convention: Convention) -> Passage | None:
    """Freeze now when the document is short, else hand it to the worker and return None.

    Raises PermissionDenied, ValidationError when it is refused at once; MoteurAbsent, SceauIllisible when done now.
    """
    if convention.fiches.count() <= settings.FIGER_DIRECT:
        return pass_convention(user, convention, "figer")
    check_passage(user, convention, "figer")
    with transaction.atomic():
        Convention.objects.select_for_update().values_list("pk").get(pk=convention.pk)
        actuelle = Preparation.objects.filter(convention=convention).first()
        if actuelle and actuelle.is_en_cours:
            raise ValidationError(f"La mise en forme est en cours, demandée par {actuelle.demandee_par}.")
        Preparation.objects.update_or_create(
            convention=convention, defaults={"demandee_par": user, "demandee_le": timezone.now(), "erreurs": []}
        )
        transaction.on_commit(lambda: figer_convention.enqueue(convention.pk))
    return None


@task()
def figer_convention(pk: int) -> None:
    """Freeze what was asked for; does nothing when it is done, or was asked again by somebody else."""
    preparation = Preparation.objects.select_related("convention", "demandee_par").filter(convention=pk).first()
    if preparation is None or preparation.erreurs:
        return
    lignes = Preparation.objects.filter(pk=preparation.pk)
    try:
        pass_convention(preparation.demandee_par, preparation.convention, "figer")
    except ValidationError as refus:
        lignes.update(erreurs=refus.messages)
    except (PermissionDenied, MoteurAbsent, SceauIllisible) as refus:
        lignes.update(erreurs=[str(refus)])
    except Exception:
        lignes.update(erreurs=[PANNE])
        raise
    else:
        lignes.delete()
