"""States of a convention, in the order of its life, and those that close its writing."""

from django.db import models


class Etat(models.TextChoices):
    """From the draft to the end; résiliée and caduque end it otherwise."""

    BROUILLON = "brouillon", "Brouillon"
    EN_NEGOCIATION = "en_negociation", "En négociation"
    VALIDEE = "validee", "Validée"
    DELIBEREE = "deliberee", "Délibérée"
    A_SIGNER = "a_signer", "À signer"
    SIGNEE = "signee", "Signée"
    NOTIFIEE = "notifiee", "Notifiée"
    EXECUTOIRE = "executoire", "Exécutoire"
    SOLDEE = "soldee", "Soldée"
    RESILIEE = "resiliee", "Résiliée"
    CADUQUE = "caduque", "Caduque"


SIGNES = (Etat.SIGNEE, Etat.NOTIFIEE, Etat.EXECUTOIRE, Etat.SOLDEE, Etat.RESILIEE)
# Read again and not negotiated any more, though not yet a document: who reopens the negotiation opens the writing.
ARRETES = (Etat.VALIDEE, Etat.DELIBEREE)
# From « à signer » on, figures and texts are those of a document: they change through an avenant only.
FIGES = (Etat.A_SIGNER, *SIGNES, Etat.CADUQUE)
