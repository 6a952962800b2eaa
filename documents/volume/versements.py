"""Payments of an invented agreement: two planned by financeur, made as far as its state allows."""

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from djmoney.money import Money

from comptes.models import Organisation
from conventions.models import Convention
from financement.models import Paiement, Versement
from socle.periodes import add_mois

if TYPE_CHECKING:
    from documents.volume.dossiers import Dossier

Etat = Convention.Etat
NOTIFIES = (Etat.NOTIFIEE, Etat.EXECUTOIRE, Etat.SOLDEE, Etat.RESILIEE)


def add_versements(dossier: "Dossier") -> None:
    """An acompte at the notification and a solde after the last bilan, for each financeur."""
    convention = dossier.convention
    debut, fin = convention.annee_debut or 0, convention.annee_fin or 0
    for payeur in dossier.financeurs:
        acompte = Decimal(dossier.rng.randrange(20, 300) * 500)
        depart = convention.date_signature or date(debut, 1, 31)
        _add(dossier, payeur, Versement.Nature.ACOMPTE, acompte, add_mois(depart, 2), convention.etat in NOTIFIES)
        _add(dossier, payeur, Versement.Nature.SOLDE, acompte / 2, date(fin + 1, 6, 30), convention.etat == Etat.SOLDEE)


def _add(dossier: "Dossier", payeur: Organisation, nature: str, montant: Decimal, jour: date, paye: bool) -> None:
    ordre = 10 * (len(dossier.rows[Versement]) + 1)
    versement = dossier.add(
        Versement(
            convention=dossier.convention,
            ordre=ordre,
            nature=nature,
            payeur=payeur,
            beneficiaire=dossier.beneficiaire,
            montant=Money(montant, "EUR"),
            date_prevue=jour,
        )
    )
    if not paye:
        return
    # Some acomptes are still on their way.
    en_route = nature == Versement.Nature.ACOMPTE and dossier.convention.etat == Etat.NOTIFIEE and dossier.rng.random() < 0.5
    dossier.add(
        Paiement(
            convention=dossier.convention,
            versement=versement,
            etat=Paiement.Etat.LIQUIDE if en_route else Paiement.Etat.PAYE,
            montant=Money(montant, "EUR"),
            exercice=jour.year,
            iban=dossier.beneficiaire.iban,
            demande_le=jour,
            service_fait_le=jour,
            liquide_le=jour,
            mandate_le=None if en_route else jour,
            paye_le=None if en_route else add_mois(jour, 1),
        )
    )
