"""Indicators: what is measured on an action, with a target a year."""

from typing import Any

from django.db import models
from simple_history.models import HistoricalRecords

from conventions.gel import QuerySetGelable
from fiches.fiches import FicheAction


class IndicateurQuerySet(QuerySetGelable["Indicateur"]):
    """Indicators, by who may see their fiche."""

    def visible_to(self, user: Any) -> "IndicateurQuerySet":
        return self.filter(fiche__in=FicheAction.objects.visible_to(user))


class Indicateur(models.Model):
    """One measure of an action."""

    fiche = models.ForeignKey(FicheAction, models.CASCADE, verbose_name="fiche", related_name="indicateurs")
    ordre = models.PositiveSmallIntegerField("ordre", default=10)
    libelle = models.CharField("libellé", max_length=200)
    unite = models.CharField("unité", max_length=40, blank=True)

    objects = IndicateurQuerySet.as_manager()
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "indicateur"
        verbose_name_plural = "indicateurs"
        ordering = ["fiche", "ordre", "pk"]

    def __str__(self) -> str:
        return self.libelle


class CibleIndicateur(models.Model):
    """The value an indicator should reach in one year."""

    indicateur = models.ForeignKey(Indicateur, models.CASCADE, verbose_name="indicateur", related_name="cibles")
    annee = models.PositiveSmallIntegerField("année")
    valeur = models.DecimalField("cible", max_digits=14, decimal_places=2)

    objects = QuerySetGelable.as_manager()
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "cible"
        verbose_name_plural = "cibles"
        ordering = ["indicateur", "annee"]
        constraints = [
            models.UniqueConstraint(
                fields=["indicateur", "annee"],
                name="cible_une_par_annee",
                violation_error_message="Cet indicateur a déjà une cible pour cette année.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.indicateur} {self.annee}"
