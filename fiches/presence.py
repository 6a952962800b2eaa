"""Who is at work on a fiche, and where: told to the others, never a lock."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from comptes.models import Utilisateur
from fiches.fiches import FicheAction

PASSE = timedelta(seconds=35)  # three missed beats of the page: the person has left


class Presence(models.Model):
    """Last sign of a person on a fiche, and the field they were in."""

    fiche = models.ForeignKey(FicheAction, models.CASCADE, verbose_name="fiche", related_name="presences")
    utilisateur = models.ForeignKey(Utilisateur, models.CASCADE, verbose_name="personne", related_name="presences")
    champ = models.CharField("champ", max_length=250, blank=True)
    vue_le = models.DateTimeField("vue le")

    class Meta:
        verbose_name = "présence"
        verbose_name_plural = "présences"
        constraints = [models.UniqueConstraint(fields=["fiche", "utilisateur"], name="presence_une_fois")]

    def __str__(self) -> str:
        return f"{self.utilisateur} sur {self.fiche.code}"


@dataclass(frozen=True)
class Present:
    """Somebody else at work here."""

    nom: str
    sigle: str
    initiales: str
    champ: str


def mark_presence(fiche: FicheAction, user: Any, champ: str) -> None:
    """Note that the person is on the fiche now."""
    Presence.objects.update_or_create(fiche=fiche, utilisateur=user, defaults={"champ": champ[:250], "vue_le": timezone.now()})


def leave(fiche: FicheAction, user: Any) -> None:
    """Forget the person: they closed the page."""
    Presence.objects.filter(fiche=fiche, utilisateur=user).delete()


def list_presents(fiche: FicheAction, user: Any) -> list[Present]:
    """The others at work on the fiche, in the order of their names."""
    recentes = Presence.objects.filter(fiche=fiche, vue_le__gte=timezone.now() - PASSE).exclude(utilisateur=user)
    return [
        Present(
            str(p.utilisateur),
            p.utilisateur.organisation.sigle if p.utilisateur.organisation else "",
            f"{p.utilisateur.prenom[:1]}{p.utilisateur.nom[:1]}".upper(),
            p.champ,
        )
        for p in recentes.select_related("utilisateur__organisation").order_by("utilisateur__nom", "pk")
    ]
