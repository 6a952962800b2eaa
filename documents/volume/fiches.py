"""Fiches of an invented agreement, with their costs, who pays them and what is measured."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from djmoney.money import Money

from conventions.models import Axe, Convention
from documents.volume import mots
from fiches.models import CibleIndicateur, FicheAction, Indicateur
from financement.models import CoFinancement, LigneCout

if TYPE_CHECKING:
    from documents.volume.dossiers import Dossier

FICHES, LIGNES = 20, 9  # by agreement, by fiche
SANS_MONTANT = 0.015  # share of the lines « sur devis »
TAUX = ((100,), (50, 50), (60, 40), (80, 20), (70, 30))
Etat = FicheAction.Etat
EN_COURS = (Etat.BROUILLON, Etat.EN_REDACTION, Etat.EN_REDACTION, Etat.EN_RELECTURE, Etat.A_CORRIGER, Etat.VALIDEE)
OUVERTS = (Convention.Etat.BROUILLON, Convention.Etat.EN_NEGOCIATION)


def add_fiches(dossier: "Dossier", axes: list[tuple[Axe, str]]) -> None:
    """Twenty fiches, spread over the axes."""
    maitres: Any = FicheAction.maitres_ouvrage.through
    for rang in range(FICHES):
        axe, racine = axes[rang % len(axes)]
        fiche = dossier.add(_build_fiche(dossier, axe, f"{racine}.{rang // len(axes) + 1}", rang))
        dossier.add(maitres(ficheaction=fiche, organisation=dossier.beneficiaire))
        _add_couts(dossier, fiche)
        _add_parts(dossier, fiche)
        _add_indicateurs(dossier, fiche)


def _build_fiche(dossier: "Dossier", axe: Axe, code: str, rang: int) -> FicheAction:
    rng, convention = dossier.rng, dossier.convention
    sujet = rng.choice(mots.OBJETS)
    objectifs = "\n".join(f"- {dossier.write(o)}" for o in rng.sample(mots.OBJECTIFS, 3))
    return FicheAction(
        convention=convention,
        axe=axe,
        ordre=(rang + 1) * 10,
        code=code,
        titre=f"{rng.choice(mots.VERBES)} {sujet}",
        titre_court=f"{sujet[0].upper()}{sujet[1:]}"[:80],
        etat=rng.choice(EN_COURS) if convention.etat in OUVERTS else Etat.VALIDEE,
        objet=f"{rng.choice(mots.VERBES)} {sujet} à {rng.choice(mots.BOURGS)}.",
        constat=dossier.write(" ".join(rng.sample(mots.CONSTATS, 3))),
        objectifs=objectifs,
        contenus="\n\n".join(rng.sample(mots.CONTENUS, 3)),
        cible=rng.choice(mots.CIBLES) if rng.random() < 0.9 else "",
        maitrise_ouvrage=dossier.beneficiaire.nom,
        base_montants=FicheAction.Base.HT,
        calendrier=f"De {convention.annee_debut} à {convention.annee_fin}.",
        annees_calendrier=convention.annees,
        partenariats_techniques=f"{rng.choice(mots.BOURGS)} et les communes voisines" if rng.random() < 0.8 else "",
        evaluation="Bilan présenté chaque année au comité de suivi." if rng.random() < 0.9 else "",
    )


def _add_couts(dossier: "Dossier", fiche: FicheAction) -> None:
    """Nine lines over the years: the same natures each year, the last year short of some."""
    rng, convention = dossier.rng, dossier.convention
    tarif, annees = convention.tarif_journalier, convention.annees
    par_annee = -(-LIGNES // len(annees))
    natures = rng.sample(dossier.referentiel.natures, par_annee)
    libelles = [rng.choice(mots.LIBELLES) for _ in natures]
    for rang in range(LIGNES):
        annee, place = annees[rang // par_annee], rang % par_annee
        ligne = LigneCout(fiche=fiche, ordre=(place + 1) * 10, nature=natures[place], libelle=libelles[place], annee=annee)
        if rng.random() < SANS_MONTANT:
            ligne.chiffrage = LigneCout.Chiffrage.SUR_DEVIS
        elif natures[place].toujours_en_jours and tarif is not None:
            ligne.jours, ligne.tarif_journalier = Decimal(rng.randrange(2, 60)) / 2, tarif
            ligne.montant = Money(ligne.montant_calcule, "EUR")
        else:
            ligne.montant = Money(Decimal(rng.randrange(10, 400) * 50), "EUR")
        dossier.add(ligne)


def _add_parts(dossier: "Dossier", fiche: FicheAction) -> None:
    """Who pays: the financeurs and the beneficiaire, in whole rates."""
    payeurs = [*dossier.financeurs, dossier.beneficiaire]
    taux = dossier.rng.choice(TAUX)
    for rang, (payeur, part) in enumerate(zip(payeurs, taux, strict=False), 1):
        dossier.add(CoFinancement(fiche=fiche, ordre=rang * 10, financeur=payeur, taux=Decimal(part)))


def _add_indicateurs(dossier: "Dossier", fiche: FicheAction) -> None:
    for rang, (libelle, unite) in enumerate(dossier.rng.sample(mots.INDICATEURS, 2), 1):
        indicateur = dossier.add(Indicateur(fiche=fiche, ordre=rang * 10, libelle=libelle, unite=unite))
        for annee in dossier.convention.annees:
            dossier.add(CibleIndicateur(indicateur=indicateur, annee=annee, valeur=Decimal(dossier.rng.randrange(3, 200))))
