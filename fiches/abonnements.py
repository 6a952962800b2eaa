"""Whether a person receives the daily summary, and when the last one left."""

from typing import Any

from django.core import signing
from django.db import models

from comptes.models import Utilisateur

SEL = "resume-quotidien"


class Abonnement(models.Model):
    """The daily summary of one person; without row, they receive it."""

    utilisateur = models.OneToOneField(Utilisateur, models.CASCADE, verbose_name="personne", related_name="abonnement")
    actif = models.BooleanField("reçoit le résumé", default=True)
    dernier_envoi = models.DateTimeField("dernier envoi", null=True, blank=True)

    class Meta:
        verbose_name = "abonnement"
        verbose_name_plural = "abonnements"

    def __str__(self) -> str:
        return f"{self.utilisateur} : {'oui' if self.actif else 'non'}"


def get_abonnement(user: Any) -> Abonnement:
    """The subscription of a person, made at the first need."""
    return Abonnement.objects.get_or_create(utilisateur=user)[0]


def sign_utilisateur(user: Utilisateur) -> str:
    """What the unsubscribe link carries: nobody else can write it, and it never expires."""
    return signing.dumps(user.pk, salt=SEL)


def read_signature(jeton: str) -> Utilisateur | None:
    """The person of an unsubscribe link; None when it was altered."""
    try:
        return Utilisateur.objects.filter(pk=signing.loads(jeton, salt=SEL)).first()
    except signing.BadSignature:
        return None
