"""What the controls found last, what people accepted and why, what was corrected from their pages and can be undone."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from comptes.models import Organisation
from conventions.models import Convention
from fiches.models import FicheAction
from socle.controles import Gravite, Rubrique


class SuiviQuerySet(models.QuerySet[Any]):
    """Rows hanging from a convention, by who may see it."""

    def visible_to(self, user: Any) -> "SuiviQuerySet":
        return self.filter(convention__in=Convention.objects.visible_to(user))


class Verification(models.Model):
    """The last check of a convention: when, with how many rules, how much is left open."""

    convention = models.OneToOneField(Convention, models.CASCADE, verbose_name="convention", related_name="verification")
    calculee_le = models.DateTimeField("calculée le", null=True)
    perimee_le = models.DateTimeField("modifiée depuis le", null=True)
    nb_regles = models.PositiveSmallIntegerField("règles vérifiées", default=0)
    nb_respectees = models.PositiveSmallIntegerField("règles respectées", default=0)
    nb_bloquants = models.PositiveIntegerField("bloquants", default=0)
    nb_a_verifier = models.PositiveIntegerField("à vérifier", default=0)
    nb_informations = models.PositiveIntegerField("à savoir", default=0)
    nb_acceptes = models.PositiveIntegerField("acceptés", default=0)

    objects = SuiviQuerySet.as_manager()

    class Meta:
        verbose_name = "vérification"
        verbose_name_plural = "vérifications"
        ordering = ["convention"]

    def __str__(self) -> str:
        return f"Vérification de {self.convention.reference}"

    @property
    def nb_ouverts(self) -> int:
        return self.nb_bloquants + self.nb_a_verifier + self.nb_informations


class Contradiction(models.Model):
    """One finding of the last check. The same contradiction keeps its row from one check to the next."""

    convention = models.ForeignKey(Convention, models.CASCADE, verbose_name="convention", related_name="contradictions")
    regle = models.CharField("règle", max_length=40)
    cle = models.CharField("clé", max_length=300)
    rang = models.PositiveIntegerField("rang", default=0)
    gravite = models.CharField("gravité", max_length=12, choices=[(g.value, g.libelle) for g in Gravite])
    rubrique = models.CharField("rubrique", max_length=20, choices=[(r.value, r.libelle) for r in Rubrique])
    objet = models.CharField("objet", max_length=60)
    fiche = models.ForeignKey(FicheAction, models.CASCADE, verbose_name="fiche", related_name="contradictions", null=True)
    annee = models.PositiveSmallIntegerField("année", null=True)
    financeur = models.ForeignKey(Organisation, models.CASCADE, verbose_name="financeur", related_name="contradictions", null=True)
    empreinte = models.CharField("empreinte des valeurs", max_length=64)
    contenu = models.JSONField("constat", default=dict)
    apparue_le = models.DateTimeField("apparue le", auto_now_add=True)

    objects = SuiviQuerySet.as_manager()

    class Meta:
        verbose_name = "contradiction"
        verbose_name_plural = "contradictions"
        ordering = ["convention", "rang", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["convention", "cle"],
                name="contradiction_une_fois",
                violation_error_message="Cette contradiction est déjà relevée.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.objet} : {self.contenu.get('message', self.regle)}"


class Acceptation(models.Model):
    """A contradiction accepted with a reason. It holds for the values of that day: when one changes, it is open again."""

    convention = models.ForeignKey(Convention, models.CASCADE, verbose_name="convention", related_name="acceptations")
    regle = models.CharField("règle", max_length=40)
    cle = models.CharField("clé", max_length=300)
    empreinte = models.CharField("empreinte des valeurs", max_length=64)
    objet = models.CharField("objet", max_length=60)
    message = models.TextField("constat accepté")
    motif = models.TextField("motif")
    auteur = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, verbose_name="accepté par", related_name="acceptations")
    date = models.DateTimeField("accepté le", auto_now_add=True)
    retiree_par = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, verbose_name="retirée par", related_name="+", null=True)
    retiree_le = models.DateTimeField("retirée le", null=True)

    objects = SuiviQuerySet.as_manager()

    class Meta:
        verbose_name = "acceptation"
        verbose_name_plural = "acceptations"
        ordering = ["-date", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["convention", "cle"],
                condition=Q(retiree_le__isnull=True),
                name="acceptation_une_en_cours",
                violation_error_message="Cette contradiction est déjà acceptée.",
            ),
            models.CheckConstraint(
                condition=~Q(motif=""), name="acceptation_motivee", violation_error_message="Écrivez pourquoi vous l’acceptez."
            ),
        ]

    def __str__(self) -> str:
        return f"{self.objet} : {self.motif}"


class Reprise(models.Model):
    """Values corrected from the pages of controls, all at once, with what they replaced: it can be undone."""

    convention = models.ForeignKey(Convention, models.CASCADE, verbose_name="convention", related_name="reprises")
    resume = models.CharField("ce qui a été fait", max_length=250)
    changements = models.JSONField("valeurs changées", default=list)
    auteur = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, verbose_name="par", related_name="reprises")
    date = models.DateTimeField("le", auto_now_add=True)
    annulee_par = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, verbose_name="annulée par", related_name="+", null=True)
    annulee_le = models.DateTimeField("annulée le", null=True)

    objects = SuiviQuerySet.as_manager()

    class Meta:
        verbose_name = "reprise de valeurs"
        verbose_name_plural = "reprises de valeurs"
        ordering = ["-date", "-pk"]

    def __str__(self) -> str:
        return self.resume
