"""What goes with a bilan: the carnet kept all year, supporting files, observations and their answers, agreements."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from comptes.models import Organisation, Utilisateur
from conventions.gel import QuerySetGelable
from conventions.models import Convention
from fiches.models import FicheAction
from financement.bilans.modeles import JOURS, POSITIF, Bilan, FicheBilan, positif
from financement.couts import NatureDepense
from socle.montants import EuroField, euro_only

LONGUEUR = 4000


class RealisationQuerySet(models.QuerySet["Realisation"]):
    """Entries of the carnet."""

    def visible_to(self, user: Any) -> "RealisationQuerySet":
        return self.filter(convention__in=Convention.objects.visible_to(user))

    def of_year(self, annee: int) -> "RealisationQuerySet":
        """Those of a year that were not taken away."""
        return self.filter(date__year=annee, retiree_le=None)


class Realisation(models.Model):
    """A day worked or an expense made, noted when it happens. One that is taken away stays, struck through."""

    convention = models.ForeignKey(Convention, models.CASCADE, verbose_name="convention", related_name="realisations")
    fiche = models.ForeignKey(FicheAction, models.CASCADE, verbose_name="fiche", related_name="realisations")
    date = models.DateField("date")
    qui = models.CharField("qui", max_length=120)
    nature = models.ForeignKey(NatureDepense, models.PROTECT, verbose_name="nature", related_name="+")
    libelle = models.CharField("libellé", max_length=160, blank=True)
    jours = models.DecimalField("jours", max_digits=8, decimal_places=2, null=True, blank=True, validators=JOURS)
    montant = EuroField("montant", validators=POSITIF)
    quoi = models.CharField("ce qui a été fait", max_length=250)
    fichier = models.FileField("justificatif", upload_to="carnet/%Y/", max_length=200, blank=True)
    nom = models.CharField("nom d’origine", max_length=120, blank=True)
    taille = models.PositiveIntegerField("taille, en octets", default=0)
    empreinte = models.CharField("empreinte SHA-256", max_length=64, blank=True)
    auteur = models.ForeignKey(Utilisateur, models.SET_NULL, verbose_name="noté par", null=True, related_name="+")
    cree_le = models.DateTimeField("noté le", default=timezone.now)
    retiree_le = models.DateTimeField("retirée le", null=True, blank=True)
    retiree_par = models.ForeignKey(Utilisateur, models.SET_NULL, verbose_name="retirée par", null=True, blank=True, related_name="+")

    objects = RealisationQuerySet.as_manager()

    class Meta:
        verbose_name = "réalisation"
        verbose_name_plural = "carnet des réalisations"
        ordering = ["convention", "date", "pk"]
        indexes = [models.Index(fields=["convention", "date"], name="realisation_date")]
        constraints = [
            *euro_only("montant"),
            positif("montant", "realisation_positive", "Une dépense ne peut pas être négative."),
            positif("jours", "realisation_jours_positifs", "Le nombre de jours ne peut pas être négatif."),
        ]

    def __str__(self) -> str:
        return f"{self.fiche.code} {self.date:%d/%m/%Y} {self.quoi}"

    @property
    def intitule(self) -> str:
        """« Études : Observatoire »."""
        return f"{self.nature.nom} : {self.libelle}" if self.libelle else self.nature.nom


class PieceBilan(models.Model):
    """A supporting file of a bilan, of one action or of the whole."""

    bilan = models.ForeignKey(Bilan, models.PROTECT, verbose_name="bilan", related_name="pieces")
    fiche = models.ForeignKey(FicheBilan, models.PROTECT, verbose_name="fiche", related_name="pieces", null=True, blank=True)
    intitule = models.CharField("intitulé", max_length=120)
    fichier = models.FileField("fichier", upload_to="bilans/%Y/", max_length=200)
    nom = models.CharField("nom d’origine", max_length=120)
    taille = models.PositiveIntegerField("taille, en octets")
    empreinte = models.CharField("empreinte SHA-256", max_length=64)
    ajoutee_par = models.ForeignKey(Utilisateur, models.SET_NULL, verbose_name="ajoutée par", null=True, related_name="+")
    ajoutee_le = models.DateTimeField("ajoutée le", auto_now_add=True)

    objects = QuerySetGelable.as_manager()

    class Meta:
        verbose_name = "pièce du bilan"
        verbose_name_plural = "pièces du bilan"
        ordering = ["bilan", "ajoutee_le", "pk"]

    def __str__(self) -> str:
        return self.intitule


class Observation(models.Model):
    """A remark of a party anchored to a place of the bilan, or the answer to one."""

    class Rubrique(models.TextChoices):
        ETAT = "etat", "État de l’action"
        DEPENSES = "depenses", "Dépenses"
        FINANCEMENT = "financement", "Financement"
        INDICATEURS = "indicateurs", "Indicateurs"
        RECIT = "recit", "Récit"

    bilan = models.ForeignKey(Bilan, models.CASCADE, verbose_name="bilan", related_name="observations")
    fiche = models.ForeignKey(FicheBilan, models.CASCADE, verbose_name="fiche", related_name="observations", null=True, blank=True)
    parent = models.ForeignKey("self", models.CASCADE, verbose_name="répond à", related_name="reponses", null=True, blank=True)
    rubrique = models.CharField("rubrique", max_length=12, choices=Rubrique.choices, default=Rubrique.RECIT)
    texte = models.TextField("texte", max_length=LONGUEUR)
    auteur = models.ForeignKey(Utilisateur, models.SET_NULL, verbose_name="auteur", null=True, related_name="+")
    cree_le = models.DateTimeField("écrite le", default=timezone.now)
    reglee_le = models.DateTimeField("réglée le", null=True, blank=True)
    reglee_par = models.ForeignKey(Utilisateur, models.SET_NULL, verbose_name="réglée par", null=True, blank=True, related_name="+")

    objects = QuerySetGelable.as_manager()

    class Meta:
        verbose_name = "observation"
        verbose_name_plural = "observations"
        ordering = ["bilan", "cree_le", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(parent__isnull=True) | Q(reglee_le__isnull=True),
                name="observation_reponse_sans_reglement",
                violation_error_message="C’est l’observation qui se règle, pas la réponse.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.bilan} : {self.texte[:40]}"


class AccordBilan(models.Model):
    """One organisation agrees with the bilan as it was sent; sent again after corrections, it is asked again."""

    bilan = models.ForeignKey(Bilan, models.CASCADE, verbose_name="bilan", related_name="accords")
    organisation = models.ForeignKey(Organisation, models.PROTECT, verbose_name="organisation", related_name="+")
    auteur = models.ForeignKey(Utilisateur, models.SET_NULL, verbose_name="donné par", null=True, related_name="+")
    date = models.DateField("donné le")

    objects = QuerySetGelable.as_manager()

    class Meta:
        verbose_name = "accord sur un bilan"
        verbose_name_plural = "accords sur les bilans"
        ordering = ["bilan", "date", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["bilan", "organisation"],
                name="bilan_accord_un",
                violation_error_message="Cette organisation a déjà donné son accord.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation.sigle}, {self.date:%d/%m/%Y}"
