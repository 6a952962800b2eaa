"""The account of produits that what an organisation pays is entered in, for the compte rendu financier."""

from django.db import models
from simple_history.models import HistoricalRecords

from comptes.models import Organisation


class CompteProduit(models.Model):
    """One organisation and its account. Nothing is assumed: an organisation without row is « à imputer »."""

    class Compte(models.TextChoices):
        VENTES = "70", "70 – Ventes de produits et prestations de services"
        SUBVENTIONS = "74", "74 – Subventions d’exploitation"
        GESTION = "75", "75 – Autres produits de gestion courante"
        FINANCIERS = "76", "76 – Produits financiers"
        EXCEPTIONNELS = "77", "77 – Produits exceptionnels"
        REPRISES = "78", "78 – Reprises sur amortissements et provisions"
        TRANSFERTS = "79", "79 – Transferts de charges"

    organisation = models.OneToOneField(
        Organisation,
        models.CASCADE,
        verbose_name="organisation",
        related_name="compte_produit",
        error_messages={"unique": "Cette organisation a déjà un compte de produits."},
    )
    compte = models.CharField("compte de produits", max_length=2, choices=Compte.choices)
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "compte de produits"
        verbose_name_plural = "comptes de produits"
        ordering = ["organisation"]

    def __str__(self) -> str:
        return f"{self.organisation.sigle or self.organisation.nom} : {self.get_compte_display()}"
