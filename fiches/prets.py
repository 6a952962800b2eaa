"""Loan products that an action offers to companies, with their bounds."""

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from conventions.gel import QuerySetGelable
from fiches.fiches import FicheAction
from socle.montants import EuroField, MinimumEuro, euro_only


class ProduitPretQuerySet(QuerySetGelable["ProduitPret"]):
    """Loan products, by who may see their fiche."""

    def visible_to(self, user: Any) -> "ProduitPretQuerySet":
        return self.filter(fiche__in=FicheAction.objects.visible_to(user))


class ProduitPret(models.Model):
    """A loan on trust: who may ask for it and between which amounts."""

    fiche = models.ForeignKey(FicheAction, models.CASCADE, verbose_name="fiche", related_name="produits_pret")
    ordre = models.PositiveSmallIntegerField("ordre", default=10)
    nom = models.CharField("nom", max_length=160)
    public = models.CharField("public", max_length=300, blank=True)
    minimum = EuroField("minimum", null=True, blank=True, validators=[MinimumEuro(Decimal(0))])
    maximum = EuroField("maximum", null=True, blank=True, validators=[MinimumEuro(Decimal(0))])

    objects = ProduitPretQuerySet.as_manager()
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "produit de prêt"
        verbose_name_plural = "produits de prêt"
        ordering = ["fiche", "ordre", "pk"]
        constraints = [
            *euro_only("minimum", "maximum"),
            models.CheckConstraint(
                condition=Q(minimum__isnull=True) | Q(maximum__isnull=True) | Q(maximum__gte=F("minimum")),
                name="produit_pret_bornes",
                violation_error_message="Le maximum du prêt est inférieur à son minimum.",
            ),
        ]

    def __str__(self) -> str:
        return self.nom
