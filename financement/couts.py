"""Cost lines of a fiche: one nature of expense, one libellé, one year. None is unknown, zero is zero."""

from decimal import Decimal
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from conventions.conventions import YEARS
from conventions.gel import QuerySetGelable
from fiches.models import FicheAction
from socle.montants import EuroField, MinimumEuro, euro_only, round_cents


class NatureDepense(models.Model):
    """A nature of expense: Études, Animation, Débours…"""

    class Compte(models.TextChoices):
        ACHATS = "60", "60 – Achats"
        SERVICES = "61", "61 – Services extérieurs"
        AUTRES_SERVICES = "62", "62 – Autres services extérieurs"
        IMPOTS = "63", "63 – Impôts et taxes"
        PERSONNEL = "64", "64 – Charges de personnel"
        GESTION = "65", "65 – Autres charges de gestion courante"
        FINANCIERES = "66", "66 – Charges financières"
        EXCEPTIONNELLES = "67", "67 – Charges exceptionnelles"
        DOTATIONS = "68", "68 – Dotations"

    cle = models.SlugField("clé", max_length=60, unique=True)
    nom = models.CharField("nom", max_length=120, unique=True)
    ordre = models.PositiveSmallIntegerField("ordre", default=100)
    toujours_en_jours = models.BooleanField(
        "toujours en jours", default=False, help_text="Cette nature se chiffre toujours en jours de travail."
    )
    compte = models.CharField("compte de charges", max_length=2, choices=Compte.choices, blank=True)
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "nature de dépense"
        verbose_name_plural = "natures de dépense"
        ordering = ["ordre", "nom"]

    def __str__(self) -> str:
        return self.nom


class OwnedByConventionQuerySet(QuerySetGelable[Any]):
    """Rows hanging from a fiche, by who may see its convention."""

    def visible_to(self, user: Any) -> "OwnedByConventionQuerySet":
        return self.filter(fiche__in=FicheAction.objects.visible_to(user))


class LigneCout(models.Model):
    """A cost: days at a daily rate, or a plain amount, or words when no amount is known."""

    class Chiffrage(models.TextChoices):
        CHIFFRE = "chiffre", "Chiffré"
        SUR_DEVIS = "sur_devis", "Sur devis"
        INCONNU = "inconnu", "À déterminer"

    fiche = models.ForeignKey(FicheAction, models.CASCADE, verbose_name="fiche", related_name="lignes_cout")
    ordre = models.PositiveSmallIntegerField("ordre", default=10)
    nature = models.ForeignKey(NatureDepense, models.PROTECT, verbose_name="nature", related_name="lignes")
    libelle = models.CharField("libellé", max_length=160, blank=True)
    annee = models.PositiveSmallIntegerField("année", validators=YEARS)
    chiffrage = models.CharField("chiffrage", max_length=10, choices=Chiffrage.choices, default=Chiffrage.CHIFFRE)
    jours = models.DecimalField("jours", max_digits=8, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)])
    tarif_journalier = EuroField("tarif journalier", null=True, blank=True, validators=[MinimumEuro(Decimal(0))])
    montant = EuroField(
        "montant",
        null=True,
        blank=True,
        validators=[MinimumEuro(Decimal(0))],
        help_text="Laissé vide avec des jours et un tarif, il est calculé. Un montant différent est gardé tel quel.",
    )
    mention = models.CharField("mention", max_length=160, blank=True, help_text="Les mots de la fiche : « suivant événement commun ».")

    objects = OwnedByConventionQuerySet.as_manager()
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "ligne de coût"
        verbose_name_plural = "lignes de coût"
        ordering = ["fiche", "ordre", "nature__ordre", "annee", "pk"]
        constraints = [
            *euro_only("tarif_journalier", "montant"),
            models.UniqueConstraint(
                fields=["fiche", "nature", "libelle", "annee"],
                name="ligne_cout_une_fois",
                violation_error_message="Cette nature a déjà une ligne du même libellé pour cette année.",
            ),
            models.CheckConstraint(
                condition=Q(chiffrage="chiffre", montant__isnull=False) | (~Q(chiffrage="chiffre") & Q(montant__isnull=True)),
                name="ligne_cout_montant_ou_mots",
                violation_error_message="Donnez un montant, ou choisissez « sur devis » ou « à déterminer » et laissez le montant vide.",
            ),
            models.CheckConstraint(
                condition=Q(jours__isnull=True) | Q(jours__gte=0),
                name="ligne_cout_jours_positifs",
                violation_error_message="Le nombre de jours ne peut pas être négatif.",
            ),
            models.CheckConstraint(
                condition=Q(tarif_journalier__isnull=True) | Q(tarif_journalier__gte=0),
                name="ligne_cout_tarif_positif",
                violation_error_message="Le tarif journalier ne peut pas être négatif.",
            ),
            models.CheckConstraint(
                condition=Q(montant__isnull=True) | Q(montant__gte=0),
                name="ligne_cout_positif",
                violation_error_message="Un coût ne peut pas être négatif.",
            ),
            models.CheckConstraint(
                condition=Q(annee__gte=1990, annee__lte=2100),
                name="ligne_cout_annee",
                violation_error_message="Écrivez une année entre 1990 et 2100.",
            ),
        ]
        indexes = [models.Index(fields=["fiche", "annee"], name="ligne_cout_fiche_annee")]

    def __str__(self) -> str:
        return f"{self.fiche.code} {self.intitule} {self.annee}"

    @property
    def intitule(self) -> str:
        """« Études : Observatoire »."""
        return f"{self.nature.nom} : {self.libelle}" if self.libelle else self.nature.nom

    @property
    def montant_calcule(self) -> Decimal | None:
        """Days times the daily rate, to the cent; None when either is unknown."""
        if self.jours is None or self.tarif_journalier is None:
            return None
        return round_cents(self.jours * self.tarif_journalier.amount)

    def full_clean(self, *args: Any, **kwargs: Any) -> None:
        self.fill_montant()
        super().full_clean(*args, **kwargs)

    def fill_montant(self) -> None:
        """Compute the amount left empty; an amount already given is never replaced."""
        if self.chiffrage == self.Chiffrage.CHIFFRE and self.montant is None and self.montant_calcule is not None:
            self.montant = self.montant_calcule


class TotalDeclare(models.Model):
    """A total printed on the sheet for one year, kept beside the sum of the lines, which it never replaces."""

    fiche = models.ForeignKey(FicheAction, models.CASCADE, verbose_name="fiche", related_name="totaux_declares")
    annee = models.PositiveSmallIntegerField("année", validators=[MinValueValidator(1990), MaxValueValidator(2100)])
    montant = EuroField("total imprimé")

    objects = OwnedByConventionQuerySet.as_manager()
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "total imprimé"
        verbose_name_plural = "totaux imprimés"
        ordering = ["fiche", "annee"]
        constraints = [
            *euro_only("montant"),
            models.UniqueConstraint(
                fields=["fiche", "annee"],
                name="total_declare_un_par_annee",
                violation_error_message="Un total est déjà saisi pour cette année.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.fiche.code} {self.annee}"
