"""The document of an accepted bilan: its data frozen at the acceptance, its PDF typeset once from what can no longer change."""

import json
from decimal import Decimal
from fractions import Fraction

from django.db import models
from django.utils import timezone

from documents.figes import keep_file, read_kept
from documents.instantane import compute_empreinte
from financement.bilans.calculs import compute_synthese
from financement.bilans.export import write_json
from financement.bilans.modeles import Bilan
from financement.bilans.observations import list_observations
from financement.bilans.solde import EtapeSolde, Soldes, compute_soldes
from financement.bilans.suivi import Synthese

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


def write_donnees(bilan: Bilan) -> bytes:
    """The data of a bilan: those frozen at its acceptance, to the byte, else as they are now."""
    document = DocumentBilan.objects.filter(bilan=bilan).first()
    if document is not None:
        return document.donnees.encode()
    return write_json(compute_soldes(compute_synthese(bilan)), list_observations(bilan), list(bilan.pieces.all()))


def read_soldes(synthese: Synthese) -> Soldes:
    """The soldes of a bilan: those frozen at its acceptance, whatever was paid since; else as they are now."""
    soldes = compute_soldes(synthese)
    document = DocumentBilan.objects.filter(bilan=synthese.bilan).first()
    figes = {d["payeur"]: d for d in json.loads(document.donnees)["solde"]["payeurs"]} if document else {}
    for solde in soldes.payeurs:
        if fige := figes.get(solde.payeur.nom):
            solde.due, solde.retenue, solde.paye = (Decimal(fige[nom]) for nom in ("due", "retenue", "deja_paye"))
            solde.montant, solde.trop_percu = Decimal(fige["montant"]), Decimal(fige["trop_percu"])
            solde.etapes = [
                EtapeSolde(
                    e["operation"],
                    e["libelle"],
                    e["source"],
                    None if e["valeur"] is None else Decimal(e["valeur"]),
                    "taux" if e["unite"] == "%" else "euros",
                    e["operation"] == "=",
                    Fraction(e["exact"]) if e.get("exact") else None,
                )
                for e in fige["etapes"]
            ]
    return soldes
