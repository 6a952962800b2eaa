"""Freezing a large document beside the pages: asked for, being typeset, done or refused. Asking again is harmless."""

from functools import cached_property
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.utils import timezone
from django_tasks import task

from comptes.models import Utilisateur
from conventions.models import Convention, Travail
from conventions.travaux.estimation import tell_left
from conventions.travaux.sortes import Sorte, register
from conventions.travaux.suivi import ArretDemande, TravailRefuse, follow, start
from documents.vie.actes import Passage, check_passage, pass_convention
from socle.pades_sceau import SceauIllisible
from socle.pdf import MoteurAbsent

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

    @cached_property
    def travail(self) -> Travail | None:
        """The work that typesets it, or the last that did."""
        return Travail.objects.filter(sorte=FIGER.cle, convention=self.convention_id).select_related("demande_par").first()

    @property
    def is_en_cours(self) -> bool:
        """A worker has it, or will: one that died gives it to another."""
        return not self.erreurs and self.travail is not None and self.travail.is_vivant

    @property
    def reste(self) -> str:
        """« encore 20 secondes environ »; empty when unknown."""
        return tell_left(self.travail) if self.travail else ""


def _let_down(travail: Travail) -> None:
    """Its workers died too often: the page says so, and offers to ask again."""
    if travail.erreur:
        Preparation.objects.filter(convention=travail.convention_id).update(erreurs=[travail.erreur])


def _prepare(travail: Travail) -> None:
    """Asked again from the list of works, in the name of who asks."""
    champs: dict[str, Any] = {"demandee_par": travail.demande_par, "demandee_le": timezone.now(), "erreurs": []}
    Preparation.objects.update_or_create(convention=travail.convention, defaults=champs)


FIGER = register(Sorte("figer", "Mise à la signature", PANNE, delaisser=_let_down, preparer=_prepare))


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
        start(FIGER.cle, convention, user, figer_convention, convention.pk)
    return None


@task()
def figer_convention(travail: int, pk: int) -> None:
    """Freeze what was asked for; does nothing when it is done, or was asked again by somebody else."""
    with follow(travail) as suivi:
        preparation = Preparation.objects.select_related("convention", "demandee_par").filter(convention=pk).first()
        if suivi is None or preparation is None or preparation.erreurs:
            return
        suivi(0, 0, "Mise en forme du document")
        lignes = Preparation.objects.filter(pk=preparation.pk)
        try:
            pass_convention(preparation.demandee_par, preparation.convention, "figer", tenir=suivi.hold)
        except ArretDemande:
            raise  # stopped, or another worker has it: nothing of this one is told
        except ValidationError as refus:
            lignes.update(erreurs=refus.messages)
            raise TravailRefuse(" ".join(refus.messages)) from refus
        except (PermissionDenied, MoteurAbsent, SceauIllisible) as refus:
            lignes.update(erreurs=[str(refus)])
            raise TravailRefuse(str(refus)) from refus
        except Exception:
            lignes.update(erreurs=[PANNE])
            raise
        else:
            lignes.delete()
