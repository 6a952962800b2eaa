"""Journal of the imports: the file as received, what was understood, what was written, by whom, and whether it was undone."""

import hashlib
import uuid
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from conventions.models import Convention
from financement.bilans.modeles import Bilan
from socle.lecture_classeur import EXTENSIONS


def store_path(instance: "ImportBudget", filename: str) -> str:
    """Under our own name: what the person called the file is never used as a path."""
    suffixe = PurePosixPath(filename).suffix.lower().lstrip(".")
    return f"imports/{uuid.uuid4().hex}.{suffixe if suffixe in EXTENSIONS else 'bin'}"


class ImportBudgetQuerySet(models.QuerySet["ImportBudget"]):
    """Imports, by who may see their convention."""

    def visible_to(self, user: Any) -> "ImportBudgetQuerySet":
        return self.filter(convention__in=Convention.objects.visible_to(user))


class ImportBudget(models.Model):
    """One file, from its arrival to its writing, or to its abandon: a budget, or what was done in the year of a bilan."""

    class Etat(models.TextChoices):
        DEPOSE = "depose", "À préciser"
        ANALYSE = "analyse", "En lecture"
        APERCU = "apercu", "À confirmer"
        ECRITURE = "ecriture", "En écriture"
        FAIT = "fait", "Importé"
        ANNULE = "annule", "Annulé"
        ABANDONNE = "abandonne", "Abandonné"
        ECHEC = "echec", "Illisible"

    EN_COURS = (Etat.ANALYSE, Etat.ECRITURE)
    OUVERTS = (Etat.DEPOSE, Etat.ANALYSE, Etat.APERCU, Etat.ECRITURE)

    convention = models.ForeignKey(Convention, models.CASCADE, verbose_name="convention", related_name="imports")
    bilan = models.ForeignKey(  # what was done in a year; None for the budget
        Bilan, models.CASCADE, verbose_name="bilan", related_name="imports", null=True, blank=True
    )
    fichier = models.FileField("fichier", upload_to=store_path)
    nom = models.CharField("nom du fichier", max_length=200)
    taille = models.PositiveBigIntegerField("taille, en octets")
    empreinte = models.CharField("empreinte SHA-256", max_length=64)
    etat = models.CharField("état", max_length=10, choices=Etat.choices, default=Etat.DEPOSE)
    lecture = models.JSONField("feuilles reconnues", default=dict)
    propositions = models.JSONField("lecture retenue", default=list)
    apercu = models.JSONField("aperçu", default=dict)
    valides_seulement = models.BooleanField("seulement les lignes valides", default=False)
    message = models.TextField("message", blank=True)
    etape = models.CharField("étape", max_length=80, blank=True)
    progres = models.PositiveSmallIntegerField("progrès, en %", default=0)
    arret_demande = models.BooleanField("arrêt demandé", default=False)
    auteur = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, verbose_name="déposé par", related_name="imports", null=True, blank=True
    )
    cree_le = models.DateTimeField("déposé le", auto_now_add=True)
    confirme_par = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, verbose_name="confirmé par", related_name="+", null=True)
    confirme_le = models.DateTimeField("confirmé le", null=True)
    annule_par = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, verbose_name="annulé par", related_name="+", null=True)
    annule_le = models.DateTimeField("annulé le", null=True)

    objects = ImportBudgetQuerySet.as_manager()

    class Meta:
        verbose_name = "import de tableur"
        verbose_name_plural = "imports de tableurs"
        ordering = ["-cree_le", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(progres__lte=100), name="import_progres", violation_error_message="Un progrès va de 0 à 100."
            )
        ]

    def __str__(self) -> str:
        return self.nom

    @property
    def is_en_cours(self) -> bool:
        """Work goes on in the background."""
        return self.etat in self.EN_COURS

    @property
    def comptes(self) -> dict[str, int]:
        """How many are new, changed, unchanged, refused."""
        return {"nouveaux": 0, "modifies": 0, "inchanges": 0, "rejetes": 0} | self.apercu.get("comptes", {})

    @property
    def nb_ecrits(self) -> int:
        """How many would be, or were, written."""
        return self.comptes["nouveaux"] + self.comptes["modifies"]

    @property
    def objet(self) -> str:
        """What is written, in words: « le budget », « le réalisé 2019 »."""
        return f"le réalisé {self.bilan.annee}" if self.bilan is not None else "le budget"

    def read_contenu(self) -> bytes:
        """The file as it was received. Raises OSError when it is lost, ValueError when it is another."""
        with self.fichier.open("rb") as fichier:
            contenu = fichier.read()
        if hashlib.sha256(contenu).hexdigest() != self.empreinte:
            raise ValueError("Le fichier gardé n’est plus celui qui a été déposé.")
        return contenu


class PageImport(models.Model):
    """A piece of a list too long for one row: changes to show, refusals, values written and what they replaced."""

    class Genre(models.TextChoices):
        CHANGEMENTS = "changements", "Changements"
        REFUS = "refus", "Refus"
        EFFET = "effet", "Valeurs écrites"

    TAILLE = 100

    parent = models.ForeignKey(ImportBudget, models.CASCADE, verbose_name="import", related_name="pages")
    genre = models.CharField("genre", max_length=12, choices=Genre.choices)
    rang = models.PositiveIntegerField("rang")
    contenu = models.JSONField("contenu")

    class Meta:
        verbose_name = "page d’import"
        verbose_name_plural = "pages d’import"
        ordering = ["parent", "genre", "rang"]
        constraints = [
            models.UniqueConstraint(
                fields=["parent", "genre", "rang"], name="page_import_une_fois", violation_error_message="Cette page existe déjà."
            )
        ]

    def __str__(self) -> str:
        return f"{self.parent} {self.genre} {self.rang}"
