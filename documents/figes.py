"""Frozen documents: the data and the PDF of a convention at signature, kept with their fingerprints, never made again."""

import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import models
from django.db.models import Q
from django.utils import timezone

from comptes.models import Utilisateur
from conventions.models import Convention
from documents.instantane import compute_empreinte

logger = logging.getLogger(__name__)
DOSSIER = "figes"


class DocumentPerdu(RuntimeError):
    """A frozen file is no longer what was kept: lost, or changed on the disk."""


class DocumentFigeQuerySet(models.QuerySet["DocumentFige"]):
    """Frozen documents."""

    def visible_to(self, user: Any) -> "DocumentFigeQuerySet":
        return self.filter(convention__in=Convention.objects.visible_to(user))

    def current(self) -> "DocumentFigeQuerySet":
        """Those that were not withdrawn before signature."""
        return self.filter(retire_le=None)


class DocumentFige(models.Model):
    """One document at signature. Without PDF, a convention signed on paper before it was entered here: only its data are frozen."""

    convention = models.ForeignKey(Convention, models.PROTECT, verbose_name="convention", related_name="documents_figes")
    fait_le = models.DateTimeField("figé le")
    fait_par = models.ForeignKey(Utilisateur, models.SET_NULL, verbose_name="figé par", null=True, related_name="+")
    donnees = models.TextField("données, JSON canonique")
    empreinte_donnees = models.CharField("empreinte des données", max_length=64)
    pdf = models.CharField("fichier PDF", max_length=200, blank=True)
    empreinte_pdf = models.CharField("empreinte du PDF", max_length=64, blank=True)
    taille_pdf = models.PositiveIntegerField("taille du PDF, en octets", default=0)
    scelle = models.CharField("fichier PDF scellé", max_length=200, blank=True)
    empreinte_scelle = models.CharField("empreinte du PDF scellé", max_length=64, blank=True)
    retire_le = models.DateTimeField("retiré le", null=True, blank=True)
    retire_par = models.ForeignKey(Utilisateur, models.SET_NULL, verbose_name="retiré par", null=True, blank=True, related_name="+")

    objects = DocumentFigeQuerySet.as_manager()

    class Meta:
        verbose_name = "document figé"
        verbose_name_plural = "documents figés"
        ordering = ["convention", "-fait_le"]
        constraints = [
            models.UniqueConstraint(
                fields=["convention"],
                condition=Q(retire_le=None),
                name="document_fige_un_seul",
                violation_error_message="Un document de cette convention est déjà à la signature.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.convention.reference}, {self.fait_le:%d/%m/%Y}"

    @property
    def nom(self) -> str:
        """Name of the file people receive."""
        return f"{self.convention.reference}-{'a-signer' if not self.convention.is_signee else 'signee'}.pdf"

    def read_pdf(self) -> bytes:
        """The bytes that were frozen. Raises DocumentPerdu when the storage gives back anything else."""
        return read_kept(self.pdf, self.empreinte_pdf)

    def read_scelle(self) -> bytes:
        """The sealed copy; raises DocumentPerdu."""
        return read_kept(self.scelle, self.empreinte_scelle)


def keep_file(contenu: bytes, extension: str, dossier: str = DOSSIER) -> tuple[str, str]:
    """Store bytes under their own fingerprint and return (name, fingerprint). Storing the same bytes again is harmless."""
    empreinte = compute_empreinte(contenu)
    nom = f"{dossier}/{empreinte[:2]}/{empreinte}.{extension}"
    if default_storage.exists(nom):
        with default_storage.open(nom, "rb") as fichier:
            if compute_empreinte(fichier.read()) == empreinte:
                return nom, empreinte
        default_storage.delete(nom)  # left half-written by a crash: nobody refers to it, or what refers to it is repaired
    return default_storage.save(nom, ContentFile(contenu)), empreinte


def read_kept(nom: str, empreinte: str) -> bytes:
    """Bytes of a kept file, checked. Raises DocumentPerdu."""
    try:
        with default_storage.open(nom, "rb") as fichier:
            contenu = fichier.read()
    except (OSError, ValueError) as erreur:
        logger.exception("document figé absent", extra={"fichier": nom})
        raise DocumentPerdu("Le fichier conservé est introuvable. Restaurez-le depuis une sauvegarde.") from erreur
    if compute_empreinte(contenu) != empreinte:
        logger.error("document figé altéré", extra={"fichier": nom})
        raise DocumentPerdu("Le fichier conservé ne correspond plus à son empreinte. Restaurez-le depuis une sauvegarde.")
    return contenu


def get_document(convention: Convention) -> DocumentFige | None:
    """The document at signature or signed; None while none is frozen."""
    return convention.documents_figes.current().first()


def create_document(convention: Convention, user: Any, donnees: bytes, pdf: bytes | None, scelle: bytes | None = None) -> DocumentFige:
    """Record a frozen document. Files are kept first: a crash in between leaves a file nobody refers to, never a row without its file."""
    nom_pdf, empreinte_pdf = keep_file(pdf, "pdf") if pdf else ("", "")
    nom_scelle, empreinte_scelle = keep_file(scelle, "pdf") if scelle else ("", "")
    return DocumentFige.objects.create(
        convention=convention,
        fait_le=timezone.now(),
        fait_par=user,
        donnees=donnees.decode(),
        empreinte_donnees=compute_empreinte(donnees),
        pdf=nom_pdf,
        empreinte_pdf=empreinte_pdf,
        taille_pdf=len(pdf or b""),
        scelle=nom_scelle,
        empreinte_scelle=empreinte_scelle,
    )


class Reconnaissance(StrEnum):
    """What a file brought for checking is."""

    DOCUMENT = "document"
    SCELLE = "scelle"
    SIGNE = "signe"
    EXEMPLAIRE = "exemplaire"
    DONNEES = "donnees"
    MODIFIE = "modifie"
    AUTRE = "autre"


@dataclass(frozen=True)
class Comparaison:
    """The answer to « is this the document that was signed? »."""

    resultat: Reconnaissance
    empreinte: str
    phrase: str

    @property
    def is_bon(self) -> bool:
        return self.resultat not in (Reconnaissance.MODIFIE, Reconnaissance.AUTRE)
