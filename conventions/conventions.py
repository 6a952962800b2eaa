"""The agreement itself, the aims it pursues and the public policies it serves."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from simple_history.models import HistoricalRecords

from conventions.etats import FIGES, SIGNES, Etat
from conventions.formules import FormuleSolde
from conventions.gel import QuerySetGelable
from conventions.variables import refuse_unknown
from socle.montants import EuroField, MinimumEuro, euro_only

YEARS = [MinValueValidator(1990), MaxValueValidator(2100)]


class Politique(models.Model):
    """A public policy that conventions serve, such as Territoire d’industrie."""

    cle = models.SlugField("clé", max_length=80, unique=True)
    nom = models.CharField("nom", max_length=160, unique=True)
    description = models.TextField("description", blank=True)
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "politique publique"
        verbose_name_plural = "politiques publiques"
        ordering = ["nom"]

    def __str__(self) -> str:
        return self.nom


class ConventionQuerySet(QuerySetGelable["Convention"]):
    """Conventions, by who may see and change them."""

    def visible_to(self, user: Any) -> "ConventionQuerySet":
        """Conventions where the person's organisation is a party; all of them for the platform's operator."""
        if not user.is_authenticated:
            return self.none()
        if user.is_superuser:
            return self
        # A subquery rather than a join: no duplicates, and the caller may filter on other parties.
        parties = apps.get_model("conventions", "Partie").objects.filter(organisation_id=user.organisation_id)
        return self.filter(pk__in=parties.values("convention_id"))

    def without_avenants(self) -> "ConventionQuerySet":
        """Agreements themselves: avenants are read from the agreement they change."""
        return self.filter(avenant_de=None)

    def with_parties(self) -> "ConventionQuerySet":
        """Load the parties and their organisations in one query, in the order of the agreement."""
        return self.prefetch_related("parties__organisation")


class Convention(models.Model):
    """A cadre (framework) or spécifique agreement, with the cadre it depends on and the one it renews."""

    class Nature(models.TextChoices):
        CADRE = "cadre", "Convention-cadre"
        SPECIFIQUE = "specifique", "Convention spécifique"

    Etat = Etat
    ETATS_SIGNES = SIGNES
    ETATS_FIGES = FIGES

    reference = models.CharField(
        "référence",
        max_length=40,
        unique=True,
        validators=[
            RegexValidator(r"^[A-Z0-9][A-Z0-9-]*\Z", "Des capitales, des chiffres et des traits d’union, par exemple DIJON-CCI21-2018.")
        ],
        help_text="Sert dans les adresses, les commandes et les noms de fichiers.",
    )
    titre = models.CharField("titre", max_length=250)
    nature = models.CharField("nature", max_length=12, choices=Nature.choices)
    etat = models.CharField("état", max_length=16, choices=Etat.choices, default=Etat.BROUILLON)
    parent = models.ForeignKey(
        "self",
        models.PROTECT,
        verbose_name="convention-cadre",
        related_name="specifiques",
        null=True,
        blank=True,
        help_text="Le cadre dont dépend une convention spécifique.",
    )
    renouvelle = models.ForeignKey(
        "self",
        models.PROTECT,
        verbose_name="convention renouvelée",
        related_name="renouvellements",
        null=True,
        blank=True,
        help_text="La convention précédente de la même suite.",
    )
    avenant_de = models.ForeignKey(
        "self",
        models.PROTECT,
        verbose_name="avenant à",
        related_name="avenants",
        null=True,
        blank=True,
        editable=False,
        help_text="La convention signée que cet avenant modifie ; la suite des avenants part toujours d’elle.",
    )
    numero_avenant = models.PositiveSmallIntegerField("numéro d’avenant", null=True, blank=True, editable=False)
    origines = models.JSONField("lignes d’origine", default=dict, blank=True, editable=False)
    objet = models.TextField("objet en une phrase", blank=True, help_text="Pour les listes et les données ouvertes.")
    periode = models.CharField("période annoncée", max_length=60, blank=True, help_text="Telle que le texte la donne : « 2018 – 2020 ».")
    annee_debut = models.PositiveSmallIntegerField("première année du budget", null=True, blank=True, validators=YEARS)
    annee_fin = models.PositiveSmallIntegerField("dernière année du budget", null=True, blank=True, validators=YEARS)
    date_debut = models.DateField("prise d’effet", null=True, blank=True)
    date_fin = models.DateField("fin", null=True, blank=True)
    duree_declaree_mois = models.PositiveSmallIntegerField(
        "durée annoncée, en mois", null=True, blank=True, help_text="Quand le texte annonce une durée : « trois ans » vaut 36."
    )
    date_signature = models.DateField("date de signature", null=True, blank=True)
    date_notification = models.DateField("date de notification", null=True, blank=True, editable=False)
    date_executoire = models.DateField("date d’entrée en vigueur", null=True, blank=True, editable=False)
    date_cloture = models.DateField("date de clôture ou de résiliation", null=True, blank=True, editable=False)
    delai_bilan_mois = models.PositiveSmallIntegerField(
        "délai du bilan, en mois", default=3, help_text="Après la fin de chaque année : 3 place le bilan au 31 mars."
    )
    preavis_mois = models.PositiveSmallIntegerField(
        "préavis de renouvellement, en mois", default=6, help_text="Avant la fin de la convention : sert aux échéances annoncées."
    )
    date_point_etape = models.DateField(
        "point d’étape", null=True, blank=True, help_text="Date portée par la mention « document de travail » jusqu’à la signature."
    )
    lieu_signature = models.CharField("lieu de signature", max_length=100, blank=True)
    nombre_originaux = models.PositiveSmallIntegerField("exemplaires originaux", null=True, blank=True, validators=[MinValueValidator(1)])
    tribunal = models.CharField("tribunal administratif", max_length=100, blank=True, help_text="Ville du tribunal compétent.")
    tarif_journalier = EuroField(
        "tarif journalier",
        null=True,
        blank=True,
        validators=[MinimumEuro(Decimal(0))],
        help_text="Valeur d’un jour de travail dans les coûts.",
    )
    formule_solde = models.CharField(
        "formule du solde",
        max_length=12,
        choices=FormuleSolde.choices,
        default=FormuleSolde.DEPENSES,
        help_text="Ce que veut dire « au prorata des objectifs atteints ». L’article l’écrit par {{ solde.formule }}.",
    )
    preambule = models.TextField(
        "préambule", blank=True, help_text="Peut contenir les variables de la liste, comme {{ convention.periode }}."
    )
    politiques = models.ManyToManyField(Politique, verbose_name="politiques publiques", related_name="conventions", blank=True)
    modifiee_le = models.DateTimeField("modifiée le", auto_now=True)

    objects = ConventionQuerySet.as_manager()
    history = HistoricalRecords(verbose_name="historique", m2m_fields=[politiques])

    class Meta:
        verbose_name = "convention"
        verbose_name_plural = "conventions"
        ordering = ["-annee_debut", "reference"]
        constraints = [
            *euro_only("tarif_journalier"),
            models.CheckConstraint(
                condition=Q(annee_fin__isnull=True) | Q(annee_debut__isnull=True) | Q(annee_fin__gte=F("annee_debut")),
                name="convention_annees_ordonnees",
                violation_error_message="La dernière année du budget précède la première.",
            ),
            models.CheckConstraint(
                condition=Q(date_fin__isnull=True) | Q(date_debut__isnull=True) | Q(date_fin__gte=F("date_debut")),
                name="convention_dates_ordonnees",
                violation_error_message="La date de fin précède la prise d’effet.",
            ),
            models.CheckConstraint(
                condition=Q(nature="specifique") | Q(parent__isnull=True),
                name="convention_cadre_sans_parent",
                violation_error_message="Une convention-cadre ne dépend pas d’une autre convention.",
            ),
            models.CheckConstraint(
                condition=(Q(parent__isnull=True) | ~Q(parent=F("pk"))) & (Q(renouvelle__isnull=True) | ~Q(renouvelle=F("pk"))),
                name="convention_pas_elle_meme",
                violation_error_message="Une convention ne peut dépendre d’elle-même ni se renouveler elle-même.",
            ),
            models.CheckConstraint(
                # A CHECK lets pass what it cannot tell: NULL >= 1 is not false.
                condition=Q(avenant_de__isnull=True, numero_avenant__isnull=True)
                | Q(avenant_de__isnull=False, numero_avenant__isnull=False, numero_avenant__gte=1),
                name="convention_avenant_numerote",
                violation_error_message="Un avenant porte un numéro et la convention qu’il modifie.",
            ),
            models.UniqueConstraint(
                fields=["avenant_de", "numero_avenant"],
                name="convention_avenant_unique",
                violation_error_message="Un autre avenant de la convention porte ce numéro.",
            ),
            models.CheckConstraint(
                condition=Q(tarif_journalier__isnull=True) | Q(tarif_journalier__gte=0),
                name="convention_tarif_positif",
                violation_error_message="Le tarif journalier ne peut pas être négatif.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference} – {self.titre}"

    def get_absolute_url(self) -> str:
        return reverse("convention", args=[self.reference])

    def clean(self) -> None:
        refuse_unknown(preambule=self.preambule)
        if self.parent and self.parent.nature != self.Nature.CADRE:
            raise ValidationError({"parent": "Une convention spécifique dépend d’une convention-cadre."})
        seen, ancetre = {self.pk}, self.renouvelle
        while ancetre:
            if ancetre.pk in seen:
                raise ValidationError({"renouvelle": "Cette suite de renouvellements revient sur elle-même."})
            seen.add(ancetre.pk)
            ancetre = ancetre.renouvelle

    @property
    def annees(self) -> list[int]:
        """Years of the budget, from the first to the last; empty while the first is unknown."""
        if self.annee_debut is None:
            return []
        return list(range(self.annee_debut, (self.annee_fin or self.annee_debut) + 1))

    @property
    def periode_affichee(self) -> str:
        """The announced period, else the years."""
        if self.periode:
            return self.periode
        if self.annee_debut:
            return (
                f"{self.annee_debut} – {self.annee_fin}" if self.annee_fin and self.annee_fin != self.annee_debut else str(self.annee_debut)
            )
        return ""

    @property
    def is_signee(self) -> bool:
        """Signed at some time: the draft marking goes and the figures are frozen."""
        return self.etat in self.ETATS_SIGNES

    @property
    def is_figee(self) -> bool:
        """Nothing of it changes any more: at signature, signed, or given up."""
        return self.etat in self.ETATS_FIGES

    @property
    def is_definitive(self) -> bool:
        """Its documents bear no draft marking: at signature, or signed."""
        return self.etat == self.Etat.A_SIGNER or self.is_signee

    @property
    def is_avenant(self) -> bool:
        return self.avenant_de_id is not None

    @property
    def date_document(self) -> date | None:
        """The date a document of this convention speaks at: signature, else the working draft's."""
        return self.date_signature if self.is_signee else self.date_point_etape

    @property
    def nom_court(self) -> str:
        """« Convention-cadre 2018 – 2020 », « Avenant n° 1 »; a period told in a sentence is left to the page that shows it."""
        if self.is_avenant:
            return f"Avenant n°\u00a0{self.numero_avenant}"
        periode = self.periode_affichee
        return " ".join(filter(None, [self.get_nature_display(), periode if len(periode) <= 15 else str(self.annee_debut or "")]))


class Objectif(models.Model):
    """One of the aims the parties share."""

    convention = models.ForeignKey(Convention, models.CASCADE, verbose_name="convention", related_name="objectifs")
    ordre = models.PositiveSmallIntegerField("ordre", default=10)
    titre = models.CharField("titre", max_length=250)
    description = models.TextField("description", blank=True)

    objects = QuerySetGelable.as_manager()
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "objectif"
        verbose_name_plural = "objectifs"
        ordering = ["convention", "ordre", "pk"]

    def __str__(self) -> str:
        return self.titre
