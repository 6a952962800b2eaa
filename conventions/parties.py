"""Parties: who makes the convention, who signs for them and by which délibération."""

from django.db import models
from simple_history.models import HistoricalRecords

from comptes.models import Organisation
from conventions.conventions import Convention
from conventions.gel import QuerySetGelable

VOYELLES = "AEÉIOU"
FEMININS = {"Métropole", "CCI", "Chambre", "Région", "Commune", "Ville", "Communauté", "Agglomération", "Agglo", "Association", "Union"}


class Partie(models.Model):
    """An organisation in one convention, as the agreement names it."""

    class Role(models.TextChoices):
        FINANCEUR = "financeur", "Financeur"
        BENEFICIAIRE = "beneficiaire", "Bénéficiaire"
        PARTENAIRE = "partenaire", "Partenaire"

    convention = models.ForeignKey(Convention, models.CASCADE, verbose_name="convention", related_name="parties")
    organisation = models.ForeignKey(Organisation, models.PROTECT, verbose_name="organisation", related_name="parties")
    ordre = models.PositiveSmallIntegerField("ordre", default=10)
    denomination = models.CharField("dénomination", max_length=200, help_text="Comme le texte la nomme : « Dijon Métropole ».")
    presentation = models.CharField(
        "présentation",
        max_length=200,
        blank=True,
        help_text="Avec son article, comme le préambule la présente : « la Chambre de commerce et d’industrie de Côte-d’Or ».",
    )
    nom_court = models.CharField("nom court", max_length=40, help_text="Titre de sa colonne dans les tableaux : « Métropole », « CCI ».")
    role = models.CharField("rôle", max_length=12, choices=Role.choices)
    civilite = models.CharField("civilité", max_length=20, blank=True)
    signataire = models.CharField("signataire", max_length=120, blank=True)
    qualite = models.CharField("qualité", max_length=120, blank=True, help_text="« Président », « Vice-présidente déléguée ».")
    deliberation_numero = models.CharField("numéro de délibération", max_length=60, blank=True)
    deliberation_date = models.DateField("date de délibération", null=True, blank=True)
    deliberation_executoire = models.DateField(
        "délibération exécutoire le",
        null=True,
        blank=True,
        help_text="Date de sa transmission au contrôle de légalité et de sa publication.",
    )
    deliberation_fichier = models.FileField("délibération, fichier", upload_to="deliberations/", blank=True, max_length=200, editable=False)
    seance_prevue = models.DateField("séance prévue le", null=True, blank=True, help_text="Quand l’assemblée délibérera.")
    delegation = models.CharField(
        "délégation de signature",
        max_length=250,
        blank=True,
        help_text="L’acte qui permet à cette personne de signer : « arrêté n° 2018-12 du 04/01/2018 ».",
    )

    objects = QuerySetGelable.as_manager()
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "partie"
        verbose_name_plural = "parties"
        ordering = ["convention", "ordre", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["convention", "organisation"],
                name="partie_une_fois",
                violation_error_message="Cette organisation est déjà partie à la convention.",
            ),
            models.UniqueConstraint(
                fields=["convention", "nom_court"],
                name="partie_nom_court_unique",
                violation_error_message="Deux parties ne peuvent pas porter le même nom court.",
            ),
        ]

    def __str__(self) -> str:
        return self.denomination

    @property
    def cle_page(self) -> str:
        """What names it in the forms of a page."""
        return str(self.pk)

    @property
    def representant(self) -> str:
        """« Monsieur François Rebsamen », or nothing."""
        return " ".join(filter(None, [self.civilite, self.signataire]))

    @property
    def nom_complet(self) -> str:
        """« la Chambre de commerce et d’industrie de Côte-d’Or », else the organisation's name."""
        return self.presentation or self.organisation.nom

    @property
    def nom_articule(self) -> str:
        """« la CCI », « l’Agglomération »: the short name inside a sentence; names of no known kind stand alone."""
        premier = self.nom_court.partition(" ")[0]
        if premier in FEMININS:
            return f"l’{self.nom_court}" if premier[0] in VOYELLES else f"la {self.nom_court}"
        return f"l’{self.nom_court}" if premier in {"État", "EPCI"} else self.nom_court
