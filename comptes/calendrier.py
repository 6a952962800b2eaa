"""What follows a person outside the pages: the address of their calendar, and the reminders they were sent."""

import secrets
from datetime import timedelta

from django.db import models
from django.utils import timezone

from comptes.utilisateurs import Utilisateur

HEURE = timedelta(hours=1)


def make_jeton() -> str:
    """A secret that nobody guesses: whoever holds it reads the calendar."""
    return secrets.token_urlsafe(32)


class CalendrierPersonnel(models.Model):
    """The secret address at which a person's calendar program reads their deadlines."""

    utilisateur = models.OneToOneField(Utilisateur, models.CASCADE, verbose_name="personne", related_name="calendrier")
    jeton = models.CharField("jeton", max_length=64, unique=True, default=make_jeton, editable=False)
    cree_le = models.DateTimeField("créé le", default=timezone.now)
    lu_le = models.DateTimeField("lu le", null=True, blank=True)

    class Meta:
        verbose_name = "calendrier personnel"
        verbose_name_plural = "calendriers personnels"

    def __str__(self) -> str:
        return f"Calendrier de {self.utilisateur}"


def open_calendrier(user: Utilisateur) -> CalendrierPersonnel:
    """The calendar of a person, made at the first need; one that exists keeps its address."""
    return CalendrierPersonnel.objects.get_or_create(utilisateur=user)[0]


def change_calendrier(user: Utilisateur) -> CalendrierPersonnel:
    """A new address for the calendar of a person; the former one is nowhere any more."""
    valeurs = {"jeton": make_jeton(), "cree_le": timezone.now(), "lu_le": None}
    return CalendrierPersonnel.objects.update_or_create(utilisateur=user, defaults=valeurs)[0]


def close_calendrier(user: Utilisateur) -> None:
    """Take the address away: calendar programs read nothing there any more."""
    CalendrierPersonnel.objects.filter(utilisateur=user).delete()


def mark_read(calendrier: CalendrierPersonnel) -> None:
    """Note that a program has come; once an hour is enough to tell that it works."""
    maintenant = timezone.now()
    if calendrier.lu_le is None or maintenant - calendrier.lu_le >= HEURE:
        CalendrierPersonnel.objects.filter(pk=calendrier.pk).update(lu_le=maintenant)


class Rappel(models.Model):
    """A deadline told to a person, for the day it had then: once before, once when it is past."""

    class Genre(models.TextChoices):
        AVANCE = "avance", "Avant la date"
        RETARD = "retard", "Date passée"

    utilisateur = models.ForeignKey(Utilisateur, models.CASCADE, verbose_name="personne", related_name="rappels")
    cle = models.CharField("échéance", max_length=80)
    jour = models.DateField("date rappelée")
    genre = models.CharField("genre", max_length=6, choices=Genre.choices)
    envoye_le = models.DateTimeField("envoyé le")

    class Meta:
        verbose_name = "rappel"
        verbose_name_plural = "rappels"
        ordering = ["-envoye_le", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["utilisateur", "cle", "jour", "genre"],
                name="rappel_une_fois",
                violation_error_message="Ce rappel est déjà parti.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.utilisateur} : {self.cle}, {self.jour:%d/%m/%Y}"
