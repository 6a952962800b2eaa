"""The agreement of each party on a text: it holds for that text only."""

from collections.abc import Iterable

from django.db import models

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention, Partie


class Accord(models.Model):
    """One party agreed to the text whose fingerprint is kept; when the text changes, it agreed to another one."""

    convention = models.ForeignKey(Convention, models.CASCADE, verbose_name="convention", related_name="accords")
    organisation = models.ForeignKey(Organisation, models.PROTECT, verbose_name="organisation", related_name="+")
    auteur = models.ForeignKey(Utilisateur, models.SET_NULL, verbose_name="donné par", null=True, related_name="+")
    date = models.DateTimeField("donné le", auto_now_add=True)
    empreinte = models.CharField("empreinte du texte", max_length=64)
    motif = models.CharField("reçu par", max_length=250, blank=True)

    class Meta:
        verbose_name = "accord"
        verbose_name_plural = "accords"
        ordering = ["convention", "date"]
        constraints = [
            models.UniqueConstraint(
                fields=["convention", "organisation"],
                name="accord_un_par_organisation",
                violation_error_message="Cette organisation a déjà donné son accord.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation.sigle} : {self.convention.reference}"


def list_manquants(parties: Iterable[Partie], accords: Iterable[Accord], empreinte: str) -> list[Partie]:
    """Parties whose agreement on this very text is still awaited."""
    donnes = {a.organisation_id for a in accords if a.empreinte == empreinte}
    return [p for p in parties if p.organisation_id not in donnes]
