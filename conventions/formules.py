"""How the solde follows what was done: the published readings of « au prorata des objectifs atteints » (article 4 of Dijon).

The parties choose one a convention; its sentence is a variable of the articles, and the computation is `financement.bilans.formules`.
"""

from django.db import models


class FormuleSolde(models.TextChoices):
    """The rate that the participation of a year is multiplied by."""

    DEPENSES = "depenses", "Selon les dépenses justifiées"
    OBJECTIFS = "objectifs", "Selon les objectifs atteints"
    MIXTE = "mixte", "Selon les dépenses et les objectifs, à parts égales"


DEBUT = "la participation due au titre d’une année est la participation prévue pour cette année, multipliée par "
DEPENSES = (
    "le taux de réalisation des dépenses, c’est-à-dire les dépenses justifiées sur les lignes chiffrées, divisées par les dépenses "
    "prévues, sans dépasser 100\u00a0%"
)
OBJECTIFS = (
    "le taux d’atteinte des objectifs, c’est-à-dire la moyenne des taux des fiches pondérée par leur coût prévu\u202f; le taux d’une "
    "fiche est la moyenne de ses indicateurs chiffrés, chacun rapporté à sa cible sans dépasser 100\u00a0%\u202f; sans indicateur "
    "chiffré, une action réalisée compte pour 100\u00a0%, partiellement réalisée pour 50\u00a0%, reportée pour 0\u00a0%\u202f; une action "
    "abandonnée compte toujours pour 0\u00a0%"
)
PHRASES = {
    FormuleSolde.DEPENSES: f"{DEBUT}{DEPENSES}",
    FormuleSolde.OBJECTIFS: f"{DEBUT}{OBJECTIFS}",
    FormuleSolde.MIXTE: f"{DEBUT}la moyenne de deux taux\u00a0: d’une part {DEPENSES}\u202f; d’autre part {OBJECTIFS}",
}


def write_formule(formule: str) -> str:
    """The sentence of a formula, to stand inside an article."""
    return PHRASES[FormuleSolde(formule)]
