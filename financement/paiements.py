"""What is really paid: requests and their steps, credits of each year, imputations, files, money to give back."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from comptes.models import Organisation, Utilisateur
from conventions.conventions import YEARS
from conventions.models import Convention
from financement.versements import Versement
from socle.montants import EuroField, MinimumEuro, euro_only

POSITIF = [MinimumEuro(Decimal(0))]


def _positif(champ: str) -> Q:
    return Q(**{f"{champ}__isnull": True}) | Q(**{f"{champ}__gte": 0})


class SuiviFinancierQuerySet(models.QuerySet[Any]):
    """Rows of a convention's payments, by who may see it."""

    def visible_to(self, user: Any) -> "SuiviFinancierQuerySet":
        return self.filter(convention__in=Convention.objects.visible_to(user))


class ImputationQuerySet(models.QuerySet["Imputation"]):
    """Lines of the chart of accounts."""

    def valid_on(self, jour: date) -> "ImputationQuerySet":
        """Those that may be used on a day."""
        ouvertes = Q(valable_du__isnull=True) | Q(valable_du__lte=jour)
        return self.filter(ouvertes, Q(valable_au__isnull=True) | Q(valable_au__gte=jour))


class Imputation(models.Model):
    """Where a payment is entered in the accounts: an account of the nomenclature, valid between two days; none is assumed."""

    nomenclature = models.CharField("nomenclature", max_length=20, default="M57")
    compte = models.CharField("compte", max_length=20)
    fonction = models.CharField("fonction", max_length=20, blank=True)
    libelle = models.CharField("libellé", max_length=160)
    valable_du = models.DateField("valable du", null=True, blank=True)
    valable_au = models.DateField("au", null=True, blank=True)

    objects = ImputationQuerySet.as_manager()
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "imputation"
        verbose_name_plural = "imputations"
        ordering = ["nomenclature", "compte", "fonction", "valable_du"]
        constraints = [
            models.CheckConstraint(
                condition=Q(valable_du__isnull=True) | Q(valable_au__isnull=True) | Q(valable_au__gte=F("valable_du")),
                name="imputation_dates_ordonnees",
                violation_error_message="La fin de validité précède le début.",
            ),
        ]

    def __str__(self) -> str:
        return " ".join(filter(None, [self.nomenclature, self.compte, self.fonction, f"– {self.libelle}"]))


class CreditExercice(models.Model):
    """What a payer voted and committed for one convention in one year: AE and CP."""

    convention = models.ForeignKey(Convention, models.CASCADE, verbose_name="convention", related_name="credits")
    payeur = models.ForeignKey(Organisation, models.PROTECT, verbose_name="payeur", related_name="+")
    exercice = models.PositiveSmallIntegerField("exercice", validators=YEARS)
    ae = EuroField("autorisations d’engagement votées", null=True, blank=True, validators=POSITIF)
    cp = EuroField("crédits de paiement votés", null=True, blank=True, validators=POSITIF)
    engage = EuroField("engagé", null=True, blank=True, validators=POSITIF)
    numero_engagement = models.CharField("numéro d’engagement", max_length=40, blank=True)

    objects = SuiviFinancierQuerySet.as_manager()
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "crédits d’un exercice"
        verbose_name_plural = "crédits par exercice"
        ordering = ["convention", "exercice", "payeur"]
        constraints = [
            *euro_only("ae", "cp", "engage"),
            models.UniqueConstraint(
                fields=["convention", "payeur", "exercice"],
                name="credit_un_par_exercice",
                violation_error_message="Les crédits de cet exercice sont déjà saisis.",
            ),
            models.CheckConstraint(
                condition=_positif("ae") & _positif("cp") & _positif("engage"),
                name="credit_positif",
                violation_error_message="Des crédits ne peuvent pas être négatifs.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.payeur.sigle} {self.exercice}"


class Paiement(models.Model):
    """One payment on its way: requested, service fait, liquidated, mandated, paid; or turned down."""

    class Etat(models.TextChoices):
        DEMANDE = "demande", "Demandé"
        SERVICE_FAIT = "service_fait", "Service fait"
        LIQUIDE = "liquide", "Liquidé"
        MANDATE = "mandate", "Mandaté"
        PAYE = "paye", "Payé"
        REJETE = "rejete", "Rejeté"

    convention = models.ForeignKey(Convention, models.PROTECT, verbose_name="convention", related_name="paiements")
    versement = models.ForeignKey(Versement, models.PROTECT, verbose_name="versement", related_name="paiements")
    etat = models.CharField("état", max_length=15, choices=Etat.choices, default=Etat.DEMANDE)
    montant = EuroField("montant", validators=[MinimumEuro(Decimal("0.01"))])
    exercice = models.PositiveSmallIntegerField("exercice", validators=YEARS)
    imputation = models.ForeignKey(Imputation, models.PROTECT, verbose_name="imputation", related_name="paiements", null=True, blank=True)
    iban = models.CharField("IBAN crédité", max_length=34, blank=True)
    numero_bordereau = models.CharField("numéro de bordereau", max_length=40, blank=True)
    numero_mandat = models.CharField("numéro de mandat", max_length=40, blank=True)
    demande_le = models.DateField("demandé le", null=True, blank=True)
    service_fait_le = models.DateField("service fait le", null=True, blank=True)
    liquide_le = models.DateField("liquidé le", null=True, blank=True)
    mandate_le = models.DateField("mandaté le", null=True, blank=True)
    paye_le = models.DateField("payé le", null=True, blank=True)
    motif_rejet = models.CharField("motif du rejet", max_length=250, blank=True)

    objects = SuiviFinancierQuerySet.as_manager()
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "paiement"
        verbose_name_plural = "paiements"
        ordering = ["convention", "demande_le", "pk"]
        constraints = [
            *euro_only("montant"),
            models.CheckConstraint(
                condition=Q(montant__gt=0), name="paiement_positif", violation_error_message="Un paiement est d’au moins un centime."
            ),
            models.CheckConstraint(
                condition=~Q(etat="paye") | Q(paye_le__isnull=False, iban__gt=""),
                name="paiement_paye_date",
                violation_error_message="Un paiement fait a sa date et le compte crédité.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.versement.get_nature_display()} {self.exercice}, {self.get_etat_display().lower()}"

    @property
    def is_paye(self) -> bool:
        return self.etat == self.Etat.PAYE

    @property
    def is_vivant(self) -> bool:
        """Counts against what is due: everything but what was turned down."""
        return self.etat != self.Etat.REJETE


class PieceVersement(models.Model):
    """A supporting file of a payment planned: request, report, invoice, order to pay."""

    convention = models.ForeignKey(Convention, models.PROTECT, verbose_name="convention", related_name="pieces_versement")
    versement = models.ForeignKey(Versement, models.PROTECT, verbose_name="versement", related_name="pieces")
    intitule = models.CharField("intitulé", max_length=120)
    fichier = models.FileField("fichier", upload_to="versements/%Y/", max_length=200)
    nom = models.CharField("nom d’origine", max_length=120)
    taille = models.PositiveIntegerField("taille, en octets")
    empreinte = models.CharField("empreinte SHA-256", max_length=64)
    ajoutee_par = models.ForeignKey(Utilisateur, models.SET_NULL, verbose_name="ajoutée par", null=True, related_name="+")
    ajoutee_le = models.DateTimeField("ajoutée le", auto_now_add=True)

    objects = SuiviFinancierQuerySet.as_manager()

    class Meta:
        verbose_name = "pièce justificative"
        verbose_name_plural = "pièces justificatives"
        ordering = ["convention", "ajoutee_le", "pk"]

    def __str__(self) -> str:
        return self.intitule


class Reversement(models.Model):
    """Money paid above what was due, to be given back: the titre de recettes issued by the payer."""

    convention = models.ForeignKey(Convention, models.PROTECT, verbose_name="convention", related_name="reversements")
    payeur = models.ForeignKey(Organisation, models.PROTECT, verbose_name="émis par", related_name="+")
    redevable = models.ForeignKey(Organisation, models.PROTECT, verbose_name="redevable", related_name="+")
    montant = EuroField("montant", validators=[MinimumEuro(Decimal("0.01"))])
    motif = models.CharField("motif", max_length=250)
    numero_titre = models.CharField("numéro de titre", max_length=40)
    exercice = models.PositiveSmallIntegerField("exercice", validators=YEARS)
    emis_le = models.DateField("émis le")
    encaisse_le = models.DateField("encaissé le", null=True, blank=True)

    objects = SuiviFinancierQuerySet.as_manager()
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "titre de reversement"
        verbose_name_plural = "titres de reversement"
        ordering = ["convention", "emis_le", "pk"]
        constraints = [
            *euro_only("montant"),
            models.CheckConstraint(
                condition=Q(montant__gt=0), name="reversement_positif", violation_error_message="Un reversement est d’au moins un centime."
            ),
        ]

    def __str__(self) -> str:
        return f"Titre {self.numero_titre}"
