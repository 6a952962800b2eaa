"""The recap as the agreement prints it, cell by cell; kept beside the one computed from the fiches."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from simple_history.models import HistoricalRecords

from comptes.models import Organisation
from conventions.conventions import YEARS
from conventions.gel import QuerySetGelable
from conventions.models import Axe, Convention
from fiches.models import FicheAction
from socle.montants import EuroField, euro_only


class RecapDeclareQuerySet(QuerySetGelable["MontantRecapDeclare"]):
    """Printed cells, by who may see their convention."""

    def visible_to(self, user: Any) -> "RecapDeclareQuerySet":
        return self.filter(convention__in=Convention.objects.visible_to(user))


class MontantRecapDeclare(models.Model):
    """One printed cell. Row: a fiche, an axe's subtotal, or the whole. Column: a year or the whole period, a financeur or the total."""

    convention = models.ForeignKey(Convention, models.CASCADE, verbose_name="convention", related_name="recap_declare")
    fiche = models.ForeignKey(FicheAction, models.CASCADE, verbose_name="fiche", related_name="recap_declare", null=True, blank=True)
    axe = models.ForeignKey(
        Axe,
        models.CASCADE,
        verbose_name="sous-total de l’axe",
        related_name="recap_declare",
        null=True,
        blank=True,
        help_text="Ni fiche ni axe : ligne du total général.",
    )
    annee = models.PositiveSmallIntegerField(
        "année", null=True, blank=True, validators=YEARS, help_text="Vide : colonne de toute la période."
    )
    financeur = models.ForeignKey(
        Organisation,
        models.PROTECT,
        verbose_name="financeur",
        related_name="recap_declare",
        null=True,
        blank=True,
        help_text="Vide : colonne du total.",
    )
    montant = EuroField("montant imprimé", null=True, blank=True)
    mention = models.CharField("mention", max_length=60, blank=True, help_text="« Sur devis »")

    objects = RecapDeclareQuerySet.as_manager()
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "montant du récapitulatif déclaré"
        verbose_name_plural = "cellules du récapitulatif déclaré"
        ordering = ["convention", "fiche__ordre", "axe__ordre", "annee", "pk"]
        constraints = [
            *euro_only("montant"),
            models.UniqueConstraint(
                "convention",
                Coalesce("fiche", Value(0)),
                Coalesce("axe", Value(0)),
                Coalesce("annee", Value(0)),
                Coalesce("financeur", Value(0)),
                name="recap_declare_une_fois",
                violation_error_message="Cette cellule du récapitulatif est déjà saisie.",
            ),
            models.CheckConstraint(
                condition=Q(fiche__isnull=True) | Q(axe__isnull=True),
                name="recap_declare_fiche_ou_axe",
                violation_error_message="Une ligne du récapitulatif est une fiche ou le sous-total d’un axe, pas les deux.",
            ),
            models.CheckConstraint(
                condition=Q(montant__isnull=False) | ~Q(mention=""),
                name="recap_declare_montant_ou_mention",
                violation_error_message="Donnez un montant ou une mention.",
            ),
        ]

    def __str__(self) -> str:
        ligne = self.fiche.code if self.fiche else (f"total {self.axe.titre}" if self.axe else "total général")
        return f"{ligne}, {self.annee or 'période'}, {self.financeur.sigle if self.financeur else 'total'}"

    def clean(self) -> None:
        for champ, autre in (("fiche", self.fiche), ("axe", self.axe)):
            if autre and autre.convention_id != self.convention_id:
                raise ValidationError({champ: "Choisissez-le dans la même convention."})
