"""Articles, the library they come from, and the amounts the text declares."""

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from comptes.models import Organisation
from conventions.conventions import Convention
from conventions.gel import QuerySetGelable
from conventions.variables import refuse_unknown
from socle.montants import EuroField, MinimumEuro, euro_only


class ModeleArticle(models.Model):
    """A clause of the library, to be copied into conventions and adapted there."""

    class Nature(models.TextChoices):
        TOUS = "tous", "Toutes les conventions"
        CADRE = "cadre", "Conventions-cadres"
        SPECIFIQUE = "specifique", "Conventions spécifiques"

    class Droit(models.TextChoices):
        TOUS = "tous", "Tout bénéficiaire"
        PUBLIC = "public", "Bénéficiaire de droit public"
        PRIVE = "prive", "Bénéficiaire de droit privé"

    cle = models.SlugField("clé", max_length=80, unique=True)
    ordre = models.PositiveSmallIntegerField("ordre", default=10)
    titre = models.CharField("titre", max_length=200)
    nature = models.CharField("pour", max_length=12, choices=Nature.choices, default=Nature.TOUS)
    droit_beneficiaire = models.CharField("bénéficiaire", max_length=10, choices=Droit.choices, default=Droit.TOUS)
    recommande = models.BooleanField("recommandé", default=False)
    texte = models.TextField("texte")
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "modèle d’article"
        verbose_name_plural = "modèles d’articles"
        ordering = ["ordre", "titre"]

    def __str__(self) -> str:
        return self.titre

    def clean(self) -> None:
        refuse_unknown(texte=self.texte)


class Article(models.Model):
    """A numbered clause of one convention; its text may hold variables filled from the data."""

    convention = models.ForeignKey(Convention, models.CASCADE, verbose_name="convention", related_name="articles")
    numero = models.PositiveSmallIntegerField("numéro", validators=[MinValueValidator(1)])
    titre = models.CharField("titre", max_length=200, blank=True, help_text="Vide avec un modèle : son titre est repris.")
    texte = models.TextField("texte", blank=True)
    modele = models.ForeignKey(
        ModeleArticle, models.SET_NULL, verbose_name="modèle d’origine", related_name="articles", null=True, blank=True
    )

    objects = QuerySetGelable.as_manager()
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "article"
        verbose_name_plural = "articles"
        ordering = ["convention", "numero"]
        constraints = [
            models.UniqueConstraint(
                fields=["convention", "numero"],
                name="article_numero_unique",
                violation_error_message="Un article de la convention porte déjà ce numéro.",
            ),
        ]

    def __str__(self) -> str:
        return f"Article {self.numero} – {self.titre}"

    def clean(self) -> None:
        if self.modele:
            self.titre, self.texte = self.titre or self.modele.titre, self.texte or self.modele.texte
        if not self.titre:
            raise ValidationError({"titre": "Donnez un titre à l’article, ou choisissez un modèle."})
        refuse_unknown(texte=self.texte)


class MontantDeclareQuerySet(QuerySetGelable["MontantDeclare"]):
    """Declared amounts, by who may see their convention."""

    def visible_to(self, user: Any) -> "MontantDeclareQuerySet":
        return self.filter(convention__in=Convention.objects.visible_to(user))


class MontantDeclare(models.Model):
    """An amount the text states: where, what, how much. The text shows it through its key."""

    class Lieu(models.TextChoices):
        PREAMBULE = "preambule", "Préambule"
        ARTICLE = "article", "Article"

    class Objet(models.TextChoices):
        PARTICIPATION = "participation", "Participation totale"
        ACOMPTE = "acompte", "Acompte"
        SOLDE = "solde", "Solde"
        AUTRE = "autre", "Autre montant"

    convention = models.ForeignKey(Convention, models.CASCADE, verbose_name="convention", related_name="montants_declares")
    cle = models.SlugField("clé", max_length=60, help_text="Le texte le montre par {{ montant.cle }}.")
    lieu = models.CharField("lieu", max_length=10, choices=Lieu.choices)
    article = models.ForeignKey(Article, models.CASCADE, verbose_name="article", related_name="montants_declares", null=True, blank=True)
    libelle = models.CharField("ce que dit le texte", max_length=200)
    objet = models.CharField("objet", max_length=15, choices=Objet.choices, default=Objet.AUTRE)
    financeur = models.ForeignKey(
        Organisation, models.PROTECT, verbose_name="payé par", related_name="montants_declares", null=True, blank=True
    )
    montant = EuroField("montant", null=True, blank=True, validators=[MinimumEuro(Decimal(0))])
    taux = models.DecimalField(
        "taux annoncé, en %",
        max_digits=7,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    plafond = models.BooleanField(
        "c’est un plafond", default=False, help_text="Quand le texte dit « au maximum » : on peut payer moins, jamais plus."
    )
    base_taux = models.ForeignKey(
        "self", models.SET_NULL, verbose_name="taux appliqué à", related_name="montants_derives", null=True, blank=True
    )

    objects = MontantDeclareQuerySet.as_manager()
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "montant déclaré"
        verbose_name_plural = "montants déclarés"
        ordering = ["convention", "article__numero", "pk"]
        constraints = [
            *euro_only("montant"),
            models.UniqueConstraint(
                fields=["convention", "cle"],
                name="montant_declare_cle_unique",
                violation_error_message="Un autre montant de la convention porte cette clé.",
            ),
            models.CheckConstraint(
                condition=Q(lieu="preambule", article__isnull=True) | Q(lieu="article", article__isnull=False),
                name="montant_declare_lieu",
                violation_error_message="Choisissez l’article où ce montant est écrit, ou le préambule.",
            ),
            models.CheckConstraint(
                condition=Q(taux__isnull=True) | Q(taux__gte=0, taux__lte=100),
                name="montant_declare_taux",
                violation_error_message="Un taux est compris entre 0 et 100 %%.",
            ),
            models.CheckConstraint(
                condition=Q(montant__isnull=True) | Q(montant__gte=0),
                name="montant_declare_positif",
                violation_error_message="Un montant déclaré ne peut pas être négatif.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.libelle} ({self.lieu_affiche})"

    @property
    def lieu_affiche(self) -> str:
        """« article 3 » or « préambule »."""
        return f"article {self.article.numero}" if self.article else "préambule"

    def clean(self) -> None:
        for champ, autre in (("article", self.article), ("base_taux", self.base_taux)):
            if autre and autre.convention_id != self.convention_id:
                raise ValidationError({champ: "Choisissez-le dans la même convention."})
