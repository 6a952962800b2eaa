"""Who pays: a rate or an amount, for the whole fiche or for one nature and/or one year."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from simple_history.models import HistoricalRecords

from comptes.models import Organisation
from conventions.conventions import YEARS
from fiches.models import FicheAction
from financement.couts import NatureDepense, OwnedByConventionQuerySet
from socle.montants import EuroField, MinimumEuro, euro_only

NON_REPARTI = "Non réparti"


class CoFinancement(models.Model):
    """The share of one financeur. Without organisation, the share nobody is said to pay (« non réparti »)."""

    fiche = models.ForeignKey(FicheAction, models.CASCADE, verbose_name="fiche", related_name="cofinancements")
    ordre = models.PositiveSmallIntegerField("ordre", default=10)
    financeur = models.ForeignKey(
        Organisation,
        models.PROTECT,
        verbose_name="financeur",
        related_name="cofinancements",
        null=True,
        blank=True,
        help_text="Vide : part non répartie, par exemple prise en charge en alternance.",
    )
    taux = models.DecimalField(
        "taux, en %", max_digits=7, decimal_places=4, null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    montant = EuroField(
        "montant",
        null=True,
        blank=True,
        validators=[MinimumEuro(Decimal(0))],
        help_text="Quand la fiche donne un taux et un montant, les deux sont gardés et le montant fait foi.",
    )
    nature = models.ForeignKey(
        NatureDepense,
        models.PROTECT,
        verbose_name="pour la nature",
        related_name="cofinancements",
        null=True,
        blank=True,
        help_text="Vide : pour toutes.",
    )
    annee = models.PositiveSmallIntegerField("pour l’année", null=True, blank=True, validators=YEARS, help_text="Vide : pour toutes.")
    mention = models.CharField("mention", max_length=160, blank=True)

    objects = OwnedByConventionQuerySet.as_manager()
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "co-financement"
        verbose_name_plural = "co-financements"
        ordering = ["fiche", "ordre", "pk"]
        constraints = [
            *euro_only("montant"),
            models.UniqueConstraint(
                "fiche",
                Coalesce("financeur", Value(0)),
                Coalesce("nature", Value(0)),
                Coalesce("annee", Value(0)),
                name="cofinancement_une_fois",
                violation_error_message="Ce financeur a déjà une part pour cette nature et cette année.",
            ),
            models.CheckConstraint(
                condition=Q(taux__isnull=False) | Q(montant__isnull=False) | ~Q(mention=""),
                name="cofinancement_dit_quelque_chose",
                violation_error_message="Donnez un taux, un montant, ou une mention.",
            ),
            models.CheckConstraint(
                condition=Q(taux__isnull=True) | Q(taux__gte=0, taux__lte=100),
                name="cofinancement_taux",
                violation_error_message="Un taux est compris entre 0 et 100 %%.",
            ),
            models.CheckConstraint(
                condition=Q(montant__isnull=True) | Q(montant__gte=0),
                name="cofinancement_positif",
                violation_error_message="Une part ne peut pas être négative.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.fiche.code} {self.financeur or NON_REPARTI}"
