"""Planned payments: acompte, intermediate, solde, each with its condition."""

from decimal import Decimal
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from comptes.models import Organisation, Utilisateur
from conventions.gel import QuerySetGelable
from conventions.models import Convention
from socle.montants import ZERO, EuroField, MinimumEuro, euro_only


class VersementQuerySet(QuerySetGelable["Versement"]):
    """Payments, by who may see their convention."""

    def visible_to(self, user: Any) -> "VersementQuerySet":
        return self.filter(convention__in=Convention.objects.visible_to(user))


class Versement(models.Model):
    """One payment of the financial article (article 4 of the Dijon convention)."""

    class Nature(models.TextChoices):
        ACOMPTE = "acompte", "Acompte"
        INTERMEDIAIRE = "intermediaire", "Acompte intermédiaire"
        SOLDE = "solde", "Solde"

    class Declencheur(models.TextChoices):
        NOTIFICATION = "notification", "Notification de la convention"
        BILAN_RECU = "bilan_recu", "Réception du bilan"
        BILAN_ACCEPTE = "bilan_accepte", "Acceptation du bilan"
        AUCUN = "aucun", "Aucune condition"

    convention = models.ForeignKey(Convention, models.CASCADE, verbose_name="convention", related_name="versements")
    ordre = models.PositiveSmallIntegerField("ordre", default=10)
    nature = models.CharField("nature", max_length=15, choices=Nature.choices)
    payeur = models.ForeignKey(Organisation, models.PROTECT, verbose_name="payeur", related_name="versements_payes")
    beneficiaire = models.ForeignKey(Organisation, models.PROTECT, verbose_name="bénéficiaire", related_name="versements_recus")
    condition = models.CharField("condition", max_length=250, blank=True)
    declencheur = models.CharField(
        "ce qui l’ouvre",
        max_length=15,
        choices=Declencheur.choices,
        blank=True,
        help_text="Vide : la notification pour un acompte, l’acceptation du bilan pour le solde.",
    )
    taux = models.DecimalField(
        "part de la participation, en %",
        max_digits=7,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    montant = EuroField(
        "montant prévu", null=True, blank=True, validators=[MinimumEuro(Decimal(0))], help_text="Vide tant que le texte ne le donne pas."
    )
    date_prevue = models.DateField("date prévue", null=True, blank=True)

    objects = VersementQuerySet.as_manager()
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "versement prévu"
        verbose_name_plural = "versements prévus"
        ordering = ["convention", "ordre", "pk"]
        constraints = [
            *euro_only("montant"),
            models.CheckConstraint(
                condition=Q(taux__isnull=True) | Q(taux__gte=0, taux__lte=100),
                name="versement_taux",
                violation_error_message="Un taux est compris entre 0 et 100 %%.",
            ),
            models.CheckConstraint(
                condition=Q(montant__isnull=True) | Q(montant__gte=0),
                name="versement_positif",
                violation_error_message="Un versement ne peut pas être négatif.",
            ),
            models.CheckConstraint(
                condition=~Q(payeur=models.F("beneficiaire")),
                name="versement_deux_organisations",
                violation_error_message="Le payeur et le bénéficiaire sont la même organisation.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_nature_display()} – {self.convention.reference}"

    @property
    def ouvre_par(self) -> "Versement.Declencheur":
        """What must happen before it may be asked for; by its nature when the text does not say."""
        if self.declencheur:
            return self.Declencheur(self.declencheur)
        return {
            self.Nature.ACOMPTE: self.Declencheur.NOTIFICATION,
            self.Nature.INTERMEDIAIRE: self.Declencheur.BILAN_RECU,
            self.Nature.SOLDE: self.Declencheur.BILAN_ACCEPTE,
        }[self.Nature(self.nature)]

    @property
    def is_regle(self) -> bool:
        """Paid in full: all that was planned, or at least something when no amount was. Reads `paiements`, to be prefetched for many."""
        return self.is_couvert([p.montant.amount for p in self.paiements.all() if p.is_paye])

    def is_couvert(self, payes: list[Decimal]) -> bool:
        """Tell whether these amounts pay all that was planned."""
        return bool(payes) and (self.montant is None or sum(payes, ZERO) >= self.montant.amount)


class ConstatCondition(models.Model):
    """Somebody of the payer saw that the condition of a payment holds: when, and by what."""

    versement = models.OneToOneField(Versement, models.CASCADE, verbose_name="versement", related_name="constat")
    date = models.DateField("remplie le")
    motif = models.CharField("constaté par", max_length=250, help_text="« Bilan 2018 reçu par courriel », « compte rendu du comité ».")
    auteur = models.ForeignKey(Utilisateur, models.SET_NULL, verbose_name="par", null=True, related_name="+")
    cree_le = models.DateTimeField("enregistré le", auto_now_add=True)

    class Meta:
        verbose_name = "condition remplie"
        verbose_name_plural = "conditions remplies"

    def __str__(self) -> str:
        return f"{self.versement} : {self.date:%d/%m/%Y}"
