"""The fiche action: one sheet of the agreement's annex, heading by heading."""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from simple_history.models import HistoricalRecords

from comptes.models import Organisation, Utilisateur
from conventions.gel import QuerySetGelable
from conventions.models import Axe, Convention

# Words that addresses of the workspace use in the place of a code.
MOTS_RESERVES = {"nouvelle", "corbeille", "lot", "n"}
MISE_EN_FORME = "Paragraphes, listes (- ), gras (**) et intertitres (###)."


class FicheQuerySet(QuerySetGelable["FicheAction"]):
    """Fiches, by who may see them and what is loaded with them."""

    def visible_to(self, user: Any) -> "FicheQuerySet":
        """Fiches of the conventions this person may see."""
        return self.filter(convention__in=Convention.objects.visible_to(user))

    def discarded(self) -> "FicheQuerySet":
        """Fiches in the corbeille; only `toutes` holds them."""
        return self.filter(supprimee_le__isnull=False)

    def with_maitres(self) -> "FicheQuerySet":
        """Load the axe, the organisations leading each action and what the completeness badge reads."""
        return self.select_related("axe").prefetch_related("maitres_ouvrage", "indicateurs")


class FicheManager(models.Manager.from_queryset(FicheQuerySet)):  # type: ignore[misc]
    """Fiches at work: those in the corbeille are left out, everywhere."""

    def get_queryset(self) -> FicheQuerySet:
        return super().get_queryset().filter(supprimee_le__isnull=True)


@dataclass(frozen=True)
class Rubrique:
    """A heading of the sheet: its anchor, its label, whether something is written under it, and what to write there."""

    cle: str
    libelle: str
    remplie: bool
    conseil: str = ""


class SaisieHistorisee(models.Model):
    """What a version of a sheet adds to its columns: the field being typed, so that one typing makes one version."""

    champ = models.CharField("champ saisi", max_length=40, blank=True, default="")
    commencee_le = models.DateTimeField("saisie commencée le", null=True, blank=True)

    class Meta:
        abstract = True


class FicheAction(models.Model):
    """One action: code, titre and the headings of the sheet, in the words of the parties."""

    class Etat(models.TextChoices):
        BROUILLON = "brouillon", "Brouillon"
        EN_REDACTION = "en_redaction", "En rédaction"
        EN_RELECTURE = "en_relecture", "En relecture"
        A_CORRIGER = "a_corriger", "À corriger"
        VALIDEE = "validee", "Validée"

    class Base(models.TextChoices):
        NON_PRECISEE = "non_precisee", "Non précisée"
        HT = "ht", "Hors taxes"
        TTC = "ttc", "Toutes taxes comprises"

    convention = models.ForeignKey(Convention, models.CASCADE, verbose_name="convention", related_name="fiches")
    axe = models.ForeignKey(Axe, models.RESTRICT, verbose_name="axe", related_name="fiches")
    ordre = models.PositiveSmallIntegerField("ordre", default=10)
    code = models.CharField("code", max_length=20, help_text="« E.A 1.2.1 » : le code que citent le texte et le récapitulatif.")
    code_imprime = models.CharField(
        "autre code porté sur la feuille", max_length=20, blank=True, help_text="Seulement quand la feuille d’origine en imprime un autre."
    )
    titre = models.CharField("titre", max_length=250)
    titre_court = models.CharField("titre court", max_length=80, blank=True, help_text="Pour les tableaux.")
    etat = models.CharField("état", max_length=16, choices=Etat.choices, default=Etat.BROUILLON)
    objet = models.CharField("objet", max_length=300, blank=True, help_text="La ligne « Objet » du corps de la convention.")
    presentation = models.TextField("présentation", blank=True, help_text="Les paragraphes sous l’objet, dans le corps de la convention.")
    constat = models.TextField("constat", blank=True, help_text=MISE_EN_FORME)
    objectifs = models.TextField("objectifs", blank=True, help_text=MISE_EN_FORME)
    contenus = models.TextField("contenus", blank=True, help_text=MISE_EN_FORME)
    cible = models.TextField("cible", blank=True, help_text="Qui l’action doit toucher, et combien.")
    methode = models.TextField("méthode", blank=True, help_text=MISE_EN_FORME)
    maitrise_ouvrage = models.TextField("maîtrise d’ouvrage", blank=True, help_text="En toutes lettres, comme sur la feuille.")
    maitres_ouvrage = models.ManyToManyField(
        Organisation, verbose_name="organisations maîtres d’ouvrage", related_name="fiches_menees", blank=True
    )
    base_montants = models.CharField(
        "base des montants", max_length=12, choices=Base.choices, default=Base.NON_PRECISEE, help_text="Telle que la fiche la dit."
    )
    cout_texte = models.TextField("coûts, en mots", blank=True, help_text="« Au cas par cas, sur devis ».")
    calendrier = models.TextField("calendrier", blank=True)
    annees_calendrier = models.JSONField(
        "années du calendrier", default=list, blank=True, help_text="Les années que le calendrier cite, par exemple [2018, 2019]."
    )
    date_debut = models.DateField("début", null=True, blank=True)
    date_fin = models.DateField("fin", null=True, blank=True)
    cofinancement_texte = models.TextField("co-financements, en mots", blank=True, help_text="Alternance, suivant devis…")
    partenariats_techniques = models.TextField("partenariats techniques", blank=True)
    evaluation = models.TextField("évaluation", blank=True)
    pilotes = models.ManyToManyField(Utilisateur, verbose_name="pilotes", through="Pilote", related_name="fiches_pilotees", blank=True)
    modifiee_le = models.DateTimeField("modifiée le", auto_now=True)
    supprimee_le = models.DateTimeField("mise à la corbeille le", null=True, blank=True, editable=False)

    objects = FicheManager()
    toutes = FicheQuerySet.as_manager()
    history = HistoricalRecords(verbose_name="historique", m2m_fields=[maitres_ouvrage], bases=[SaisieHistorisee])

    class Meta:
        verbose_name = "fiche action"
        verbose_name_plural = "fiches action"
        ordering = ["convention", "ordre", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["convention", "code"],
                condition=Q(supprimee_le__isnull=True),
                name="fiche_code_unique",
                violation_error_message="Une fiche de la convention porte déjà ce code.",
            ),
            models.CheckConstraint(
                condition=Q(date_fin__isnull=True) | Q(date_debut__isnull=True) | Q(date_fin__gte=F("date_debut")),
                name="fiche_dates_ordonnees",
                violation_error_message="La fin de l’action précède son début.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} – {self.titre}"

    def get_absolute_url(self) -> str:
        return reverse("fiche", args=[self.convention.reference, self.slug])

    def clean(self) -> None:
        self.clean_code()
        if self.axe_id and self.convention_id and self.axe.convention_id != self.convention_id:
            raise ValidationError({"axe": "Choisissez un axe de la même convention."})
        if not isinstance(self.annees_calendrier, list) or any(type(a) is not int or not 1990 <= a <= 2100 for a in self.annees_calendrier):
            raise ValidationError({"annees_calendrier": "Donnez une liste d’années, par exemple [2018, 2019]."})

    def clean_code(self) -> None:
        """Refuse a code that has no address, or that reads like the one of another fiche of the convention."""
        if not self.slug:
            raise ValidationError({"code": "Un code contient des lettres ou des chiffres, comme E.A 1.2."})
        if self.slug in MOTS_RESERVES:
            raise ValidationError({"code": f"« {self.code} » ne peut pas servir de code. Écrivez par exemple E.A 1.2."})
        if self.convention_id is None:
            return
        for code in FicheAction.objects.filter(convention=self.convention_id).exclude(pk=self.pk).values_list("code", flat=True):
            if code != self.code and (slugify_code(code) == self.slug or normalize_code(code) == normalize_code(self.code)):
                raise ValidationError({"code": f"« {self.code} » se lit comme « {code} », qui existe déjà."})

    @property
    def slug(self) -> str:
        """The code as it stands in addresses: « e-a-1-2-1 »."""
        return slugify_code(self.code)

    @property
    def nom_court(self) -> str:
        return self.titre_court or self.titre

    def list_rubriques(self, chiffree: bool, financee: bool) -> list[Rubrique]:
        """The nine headings a sheet is expected to fill before it can be validated, written or not.

        Figures are known one floor up: `chiffree` says that the sheet has cost lines, `financee` that it has shares.
        """
        return [
            Rubrique(
                "constat", "Constat et objectifs", bool(self.constat or self.objectifs), "Dites pourquoi agir, et ce qui aura changé."
            ),
            Rubrique("contenus", "Contenus", bool(self.contenus or self.methode), "Décrivez ce qui sera fait."),
            Rubrique("cible", "Cible", bool(self.cible), "Dites qui l’action doit toucher, avec un nombre si vous l’avez."),
            Rubrique(
                "maitrise-ouvrage",
                "Maîtrise d’ouvrage",
                bool(self.maitrise_ouvrage or self.maitres_ouvrage.all()),
                "Dites qui mène l’action.",
            ),
            Rubrique("couts", "Coûts", chiffree or bool(self.cout_texte), "Chiffrez au moins une année, ou dites-le en mots."),
            Rubrique("calendrier", "Calendrier", bool(self.calendrier or self.date_debut), "Donnez les grandes dates."),
            Rubrique("cofinancements", "Co-financements", financee or bool(self.cofinancement_texte), "Dites qui paie, et quelle part."),
            Rubrique(
                "partenariats",
                "Partenariats techniques",
                bool(self.partenariats_techniques),
                "Citez les partenaires, ou écrivez « aucun ».",
            ),
            Rubrique(
                "evaluation",
                "Évaluation",
                bool(self.evaluation or self.indicateurs.all()),
                "Dites comment l’action sera mesurée, ou ajoutez un indicateur.",
            ),
        ]

    @transaction.atomic
    def discard(self) -> None:
        """Put the sheet in the corbeille: it leaves every page and every sum, and comes back whole."""
        self.supprimee_le = timezone.now()
        self._change_reason = "Mise à la corbeille"
        self.save()

    @transaction.atomic
    def recover(self) -> None:
        """Bring the sheet back from the corbeille. Raises ValidationError when its code is used again."""
        self.supprimee_le = None
        self.clean_code()
        self.validate_constraints()
        self._change_reason = "Sortie de la corbeille"
        self.save()


class Pilote(models.Model):
    """A person in charge of an action for one organisation."""

    fiche = models.ForeignKey(FicheAction, models.CASCADE, verbose_name="fiche", related_name="pilotages")
    utilisateur = models.ForeignKey(Utilisateur, models.CASCADE, verbose_name="personne", related_name="pilotages")
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "pilote"
        verbose_name_plural = "pilotes"
        ordering = ["fiche", "utilisateur__nom"]
        constraints = [
            models.UniqueConstraint(
                fields=["fiche", "utilisateur"], name="pilote_une_fois", violation_error_message="Cette personne pilote déjà la fiche."
            )
        ]

    def __str__(self) -> str:
        return str(self.utilisateur)


def slugify_code(code: str) -> str:
    """The code in an address: « E.A 1.2.1 » gives « e-a-1-2-1 »."""
    return slugify(code.replace(".", "-").replace(" ", "-"))


def normalize_code(code: str) -> str:
    """Writing-independent form of a code: « E.A 1.1 », « EA 1.1 » and « e.a 1.1 » all give « EA 1.1 ».

    Letters are joined and put in capitals, figures keep the dots between them.
    """
    lettres = "".join(c for c in code if c.isalpha()).upper()
    reste = "".join(c if c.isdigit() or c == "." else " " for c in code).replace(" ", "").strip(".")
    return f"{lettres} {reste}".strip()
