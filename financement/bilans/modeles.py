"""The bilan of one year: a copy of the year's plan, fiche by fiche, with what was really done beside it.

The copy makes a bilan whole: an avenant signed afterwards changes the plan, not a bilan that was accepted. None is unknown, zero is zero.
"""

from decimal import Decimal
from typing import Any

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from simple_history.models import HistoricalRecords

from comptes.models import Organisation, Utilisateur
from conventions.conventions import YEARS
from conventions.formules import FormuleSolde
from conventions.gel import QuerySetGelable
from conventions.models import Convention
from fiches.models import FicheAction, Indicateur
from financement.couts import NatureDepense
from socle.montants import EuroField, MinimumEuro, euro_only, round_cents

POSITIF = [MinimumEuro(Decimal(0))]
JOURS = [MinValueValidator(0)]


def positif(champ: str, nom: str, message: str) -> models.CheckConstraint:
    """« Not below zero », or unknown."""
    return models.CheckConstraint(
        condition=Q(**{f"{champ}__isnull": True}) | Q(**{f"{champ}__gte": 0}), name=nom, violation_error_message=message
    )


class BilanQuerySet(QuerySetGelable["Bilan"]):
    """Bilans, by who may see their convention."""

    def visible_to(self, user: Any) -> "BilanQuerySet":
        return self.filter(convention__in=Convention.objects.visible_to(user))

    def received(self) -> "BilanQuerySet":
        """Those that were sent at least once."""
        return self.exclude(etat=Bilan.Etat.BROUILLON)


class Bilan(models.Model):
    """One year of one agreement (never of an avenant: it follows the plan as its avenants left it)."""

    class Etat(models.TextChoices):
        BROUILLON = "brouillon", "En rédaction"
        SOUMIS = "soumis", "Soumis"
        OBSERVATIONS = "observations", "Observations à traiter"
        CORRIGE = "corrige", "Corrigé"
        ACCEPTE = "accepte", "Accepté"

    ECRITS = (Etat.BROUILLON, Etat.OBSERVATIONS)
    ENVOYES = (Etat.SOUMIS, Etat.CORRIGE)

    convention = models.ForeignKey(Convention, models.CASCADE, verbose_name="convention", related_name="bilans")
    annee = models.PositiveSmallIntegerField("année", validators=YEARS)
    etat = models.CharField("état", max_length=12, choices=Etat.choices, default=Etat.BROUILLON)
    formule = models.CharField("formule du solde", max_length=12, choices=FormuleSolde.choices, default=FormuleSolde.DEPENSES)
    recit = models.TextField("l’année en bref", blank=True)
    perspectives = models.TextField("ce qui change l’année suivante", blank=True)
    mention = models.CharField("mention", max_length=120, blank=True, help_text="Portée sur chaque page : données de démonstration.")
    ouvert_le = models.DateTimeField("ouvert le")
    ouvert_par = models.ForeignKey(Utilisateur, models.SET_NULL, verbose_name="ouvert par", null=True, blank=True, related_name="+")
    soumis_le = models.DateField("soumis le", null=True, blank=True)
    accepte_le = models.DateField("accepté le", null=True, blank=True)
    modifie_le = models.DateTimeField("modifié le")

    objects = BilanQuerySet.as_manager()
    history = HistoricalRecords(verbose_name="historique", excluded_fields=["modifie_le"])

    class Meta:
        verbose_name = "bilan annuel"
        verbose_name_plural = "bilans annuels"
        ordering = ["convention", "annee"]
        constraints = [
            models.UniqueConstraint(
                fields=["convention", "annee"],
                name="bilan_un_par_annee",
                violation_error_message="Le bilan de cette année est déjà ouvert.",
            ),
            models.CheckConstraint(
                condition=~Q(etat="accepte") | Q(accepte_le__isnull=False),
                name="bilan_accepte_date",
                violation_error_message="Un bilan accepté a la date de son acceptation.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.convention.reference}, bilan {self.annee}"

    @property
    def is_accepte(self) -> bool:
        return self.etat == self.Etat.ACCEPTE

    @property
    def is_ecrit(self) -> bool:
        """Still being written by who reports."""
        return self.etat in self.ECRITS

    @property
    def is_envoye(self) -> bool:
        """In the hands of who reads it."""
        return self.etat in self.ENVOYES


class RangeeBilanQuerySet(QuerySetGelable[Any]):
    """Rows of a bilan."""

    def of_bilan(self, bilan: Bilan) -> "RangeeBilanQuerySet":
        return self.filter(fiche__bilan=bilan)


class FicheBilan(models.Model):
    """One action in the year. Its name and axe are copied: what the bilan says stays as it was said."""

    class Etat(models.TextChoices):
        REALISEE = "realisee", "Réalisée"
        PARTIELLE = "partielle", "Partiellement réalisée"
        REPORTEE = "reportee", "Reportée"
        ABANDONNEE = "abandonnee", "Abandonnée"

    SANS_DEPENSE = (Etat.REPORTEE, Etat.ABANDONNEE)

    bilan = models.ForeignKey(Bilan, models.CASCADE, verbose_name="bilan", related_name="fiches")
    fiche = models.ForeignKey(FicheAction, models.SET_NULL, verbose_name="fiche", related_name="bilans", null=True)
    ordre = models.PositiveSmallIntegerField("ordre", default=10)
    code = models.CharField("code", max_length=30)
    titre = models.CharField("titre", max_length=250)
    axe_code = models.CharField("code de l’axe", max_length=20, blank=True)
    axe_titre = models.CharField("axe", max_length=250, blank=True)
    etat = models.CharField("état", max_length=12, choices=Etat.choices, blank=True)
    fait = models.TextField("ce qui a été fait", blank=True)
    difficultes = models.TextField("difficultés rencontrées", blank=True)
    proposition = models.TextField("proposition pour l’année suivante", blank=True)

    objects = QuerySetGelable.as_manager()
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "fiche du bilan"
        verbose_name_plural = "fiches du bilan"
        ordering = ["bilan", "ordre", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["bilan", "fiche"], name="bilan_fiche_une_fois", violation_error_message="Cette fiche est déjà dans le bilan."
            )
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.bilan.annee}"


class LigneBilan(models.Model):
    """One nature of expense of an action in the year: planned and done, in days and in euros."""

    fiche = models.ForeignKey(FicheBilan, models.CASCADE, verbose_name="fiche", related_name="lignes")
    ordre = models.PositiveSmallIntegerField("ordre", default=10)
    nature = models.ForeignKey(NatureDepense, models.PROTECT, verbose_name="nature", related_name="+")
    libelle = models.CharField("libellé", max_length=160, blank=True)
    au_plan = models.BooleanField("prévue au plan", default=True)
    prevu = EuroField("prévu", null=True, blank=True, validators=POSITIF)
    prevu_jours = models.DecimalField("jours prévus", max_digits=8, decimal_places=2, null=True, blank=True, validators=JOURS)
    prevu_mention = models.CharField("prévu, en mots", max_length=160, blank=True)
    tarif = EuroField("tarif journalier", null=True, blank=True, validators=POSITIF)
    jours = models.DecimalField("jours réalisés", max_digits=8, decimal_places=2, null=True, blank=True, validators=JOURS)
    montant = EuroField("réalisé", null=True, blank=True, validators=POSITIF)

    objects = RangeeBilanQuerySet.as_manager()
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "ligne du bilan"
        verbose_name_plural = "lignes du bilan"
        ordering = ["fiche", "ordre", "pk"]
        constraints = [
            *euro_only("prevu", "tarif", "montant"),
            models.UniqueConstraint(
                fields=["fiche", "nature", "libelle"],
                name="bilan_ligne_une_fois",
                violation_error_message="Cette dépense est déjà dans la fiche.",
            ),
            positif("montant", "bilan_ligne_positive", "Une dépense ne peut pas être négative."),
            positif("jours", "bilan_ligne_jours_positifs", "Le nombre de jours ne peut pas être négatif."),
        ]

    def __str__(self) -> str:
        return f"{self.fiche.code} {self.intitule}"

    @property
    def montant_saisi(self) -> Decimal | None:
        """Euros as typed, else the days typed at their rate; None when neither tells."""
        if self.montant is not None:
            return self.montant.amount
        return round_cents(self.jours * self.tarif.amount) if self.jours is not None and self.tarif is not None else None

    @property
    def intitule(self) -> str:
        """« Études : Observatoire »."""
        return f"{self.nature.nom} : {self.libelle}" if self.libelle else self.nature.nom


class PartBilan(models.Model):
    """What one financeur planned to pay for an action in the year, and paid. Left empty, it follows the plan's shares."""

    fiche = models.ForeignKey(FicheBilan, models.CASCADE, verbose_name="fiche", related_name="parts")
    ordre = models.PositiveSmallIntegerField("ordre", default=10)
    financeur = models.ForeignKey(
        Organisation,
        models.PROTECT,
        verbose_name="financeur",
        related_name="+",
        null=True,
        blank=True,
        help_text="Vide : part non répartie.",
    )
    prevu = EuroField("prévu", null=True, blank=True)
    montant = EuroField("payé", null=True, blank=True, validators=POSITIF)

    objects = RangeeBilanQuerySet.as_manager()
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "part du bilan"
        verbose_name_plural = "parts du bilan"
        ordering = ["fiche", "ordre", "pk"]
        constraints = [
            *euro_only("prevu", "montant"),
            models.UniqueConstraint(
                "fiche",
                Coalesce("financeur", Value(0)),
                name="bilan_part_une_fois",
                violation_error_message="Ce financeur a déjà une part dans la fiche.",
            ),
            positif("montant", "bilan_part_positive", "Une part ne peut pas être négative."),
        ]

    def __str__(self) -> str:
        return f"{self.fiche.code} {self.financeur or 'non réparti'}"


class MesureBilan(models.Model):
    """One indicator in the year: its target, what was reached, why it was not."""

    fiche = models.ForeignKey(FicheBilan, models.CASCADE, verbose_name="fiche", related_name="mesures")
    indicateur = models.ForeignKey(Indicateur, models.SET_NULL, verbose_name="indicateur", related_name="mesures", null=True)
    ordre = models.PositiveSmallIntegerField("ordre", default=10)
    libelle = models.CharField("libellé", max_length=200)
    unite = models.CharField("unité", max_length=40, blank=True)
    cible = models.DecimalField("cible", max_digits=14, decimal_places=2, null=True, blank=True)
    valeur = models.DecimalField("atteint", max_digits=14, decimal_places=2, null=True, blank=True)
    explication = models.TextField("explication", blank=True)

    objects = RangeeBilanQuerySet.as_manager()
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "mesure du bilan"
        verbose_name_plural = "mesures du bilan"
        ordering = ["fiche", "ordre", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["fiche", "indicateur"],
                name="bilan_mesure_une_fois",
                violation_error_message="Cet indicateur est déjà dans la fiche.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.fiche.code} {self.libelle}"


class ParticipationBilan(models.Model):
    """What one payer owes for the year, written once when the bilan is accepted: payments read it."""

    bilan = models.ForeignKey(Bilan, models.CASCADE, verbose_name="bilan", related_name="participations")
    payeur = models.ForeignKey(Organisation, models.PROTECT, verbose_name="payeur", related_name="+")
    prevue = EuroField("participation prévue", null=True, blank=True)
    due = EuroField("participation due", validators=POSITIF)

    objects = QuerySetGelable.as_manager()

    class Meta:
        verbose_name = "participation due"
        verbose_name_plural = "participations dues"
        ordering = ["bilan", "payeur"]
        constraints = [
            *euro_only("prevue", "due"),
            models.UniqueConstraint(
                fields=["bilan", "payeur"],
                name="bilan_participation_une_fois",
                violation_error_message="La participation de ce payeur est déjà calculée.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.payeur.sigle} {self.bilan.annee}"
