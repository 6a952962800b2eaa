"""The document of an accepted bilan: its data frozen at the acceptance, its PDF typeset once from what can no longer change."""

from django.db import models
from django.utils import timezone

from documents.figes import keep_file, read_kept
from documents.instantane import compute_empreinte
from financement.bilans.modeles import Bilan

DOSSIER = "bilans-figes"


class DocumentBilan(models.Model):
    """Canonical data of a bilan at its acceptance, and its PDF, each with its fingerprint. Kept as the signed documents are."""

    bilan = models.OneToOneField(Bilan, models.PROTECT, verbose_name="bilan", related_name="document")
    fige_le = models.DateTimeField("figé le", default=timezone.now)
    donnees = models.TextField("données, JSON canonique")
    empreinte_donnees = models.CharField("empreinte des données", max_length=64)
    pdf = models.CharField("fichier PDF", max_length=200, blank=True)
    empreinte_pdf = models.CharField("empreinte du PDF", max_length=64, blank=True)
    taille_pdf = models.PositiveIntegerField("taille du PDF, en octets", default=0)

    class Meta:
        verbose_name = "document d’un bilan"
        verbose_name_plural = "documents des bilans"
        ordering = ["bilan"]

    def __str__(self) -> str:
        return str(self.bilan)

    def read_pdf(self) -> bytes:
        """The bytes that were frozen. Raises DocumentPerdu when the storage gives back anything else."""
        return read_kept(self.pdf, self.empreinte_pdf)


def create_document(bilan: Bilan, donnees: bytes) -> DocumentBilan:
    """Freeze the data of a bilan; its PDF is typeset afterwards, from rows that no longer change."""
    return DocumentBilan.objects.create(bilan=bilan, donnees=donnees.decode(), empreinte_donnees=compute_empreinte(donnees))


def store_pdf(document: DocumentBilan, contenu: bytes) -> DocumentBilan:
    """Keep the PDF of a frozen bilan; when another was kept meanwhile, that one stays."""
    nom, empreinte = keep_file(contenu, "pdf", DOSSIER)
    DocumentBilan.objects.filter(pk=document.pk, pdf="").update(pdf=nom, empreinte_pdf=empreinte, taille_pdf=len(contenu))
    document.refresh_from_db()
    return document
