"""The bilan of the first year of an invented agreement: its plan copied, with what was done."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from djmoney.money import Money

from fiches.models import FicheAction, Indicateur
from financement.models import Bilan, CoFinancement, FicheBilan, LigneBilan, LigneCout, MesureBilan, PartBilan, ParticipationBilan
from socle.montants import ZERO, round_cents, split_total

if TYPE_CHECKING:
    from documents.volume.dossiers import Dossier

FAIT = "Les rendez-vous prévus ont eu lieu ; les entreprises ont demandé une suite."
ETATS = (Bilan.Etat.ACCEPTE, Bilan.Etat.ACCEPTE, Bilan.Etat.SOUMIS, Bilan.Etat.BROUILLON)


def add_bilan(dossier: "Dossier") -> None:
    """Open it at the end of the year; accepted, it says what each payer owes."""
    annee = dossier.convention.annee_debut or 0
    ouvert, etat = datetime(annee + 1, 1, 15, 9, tzinfo=UTC), dossier.rng.choice(ETATS)
    bilan = dossier.add(
        Bilan(
            convention=dossier.convention,
            annee=annee,
            etat=etat,
            recit="Une année conforme au programme, avec deux actions décalées.",
            ouvert_le=ouvert,
            soumis_le=None if etat == Bilan.Etat.BROUILLON else date(annee + 1, 3, 15),
            accepte_le=date(annee + 1, 5, 2) if etat == Bilan.Etat.ACCEPTE else None,
            modifie_le=ouvert,
        )
    )
    dus = {financeur.pk: ZERO for financeur in dossier.financeurs}
    for fiche in dossier.rows[FicheAction]:
        for payeur, montant in _add_fiche(dossier, bilan, fiche, annee).items():
            if payeur in dus:
                dus[payeur] += montant
    if etat == Bilan.Etat.ACCEPTE:
        for financeur in dossier.financeurs:
            due = Money(dus[financeur.pk], "EUR")
            dossier.add(ParticipationBilan(bilan=bilan, payeur=financeur, prevue=due, due=due))


def _add_fiche(dossier: "Dossier", bilan: Bilan, fiche: FicheAction, annee: int) -> dict[int, Decimal]:
    """One fiche of the bilan; what was planned for each payer."""
    faite = dossier.add(
        FicheBilan(
            bilan=bilan,
            fiche=fiche,
            ordre=fiche.ordre,
            code=fiche.code,
            titre=fiche.titre,
            axe_code=fiche.axe.code,
            axe_titre=fiche.axe.titre,
            etat=FicheBilan.Etat.REALISEE,
            fait=FAIT,
        )
    )
    prevu = ZERO
    for ligne in _of_fiche(dossier, LigneCout, fiche):
        if ligne.annee != annee:
            continue
        montant = ligne.montant.amount if ligne.montant is not None else None
        fait = None if montant is None else round_cents(montant * dossier.rng.randrange(80, 106) / 100)
        prevu += montant or ZERO
        dossier.add(
            LigneBilan(
                fiche=faite,
                ordre=ligne.ordre,
                nature=ligne.nature,
                libelle=ligne.libelle,
                prevu=ligne.montant,
                prevu_jours=ligne.jours,
                prevu_mention="" if montant is not None else "sur devis",
                tarif=ligne.tarif_journalier,
                montant=None if fait is None else Money(fait, "EUR"),
            )
        )
    for indicateur in _of_fiche(dossier, Indicateur, fiche):
        cible, valeur = Decimal(dossier.rng.randrange(3, 200)), Decimal(dossier.rng.randrange(3, 200))
        dossier.add(MesureBilan(fiche=faite, indicateur=indicateur, libelle=indicateur.libelle, cible=cible, valeur=valeur))
    parts = _of_fiche(dossier, CoFinancement, fiche)
    taux = [p.taux or ZERO for p in parts]
    reste = 100 - sum(taux, ZERO)
    montants = split_total(prevu, [*taux, reste])
    for part, montant in zip(parts, montants, strict=False):
        dossier.add(PartBilan(fiche=faite, ordre=part.ordre, financeur=part.financeur, prevu=Money(montant, "EUR")))
    if reste:
        dossier.add(PartBilan(fiche=faite, ordre=90, financeur=None, prevu=Money(montants[-1], "EUR")))
    return {p.financeur_id: montant for p, montant in zip(parts, montants, strict=False) if p.financeur_id}


def _of_fiche(dossier: "Dossier", modele: type, fiche: FicheAction) -> list:
    return [row for row in dossier.rows[modele] if row.fiche is fiche]
