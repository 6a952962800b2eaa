"""Where what a file says goes: the budget of a convention, or what was done in the year of a bilan. The steps of an import ask here."""

from typing import Any

from conventions.gel import explain_gel
from financement.bilans.droits import explain_fermeture, explain_saisie
from financement.bilans.modeles import Bilan
from financement.imports import formes, realise_titres, reconnaissance
from financement.imports.champs import CHAMPS, CHAMPS_REALISE, FORMES, Champ
from financement.imports.journal import ImportBudget
from financement.imports.lignes import Lecture
from financement.imports.plan import Plan
from financement.imports.realise import PlanRealise
from financement.imports.realise_lecture import LecteurRealise
from financement.imports.reconnaissance import Proposition
from financement.imports.referentiel import Referentiel
from financement.imports.referentiel_bilan import ReferentielBilan
from socle.lecture_classeur import Classeur, Feuille

RESERVE = "Les imports sont réservés aux administrateurs de votre organisation : demandez-leur de déposer le fichier."


def explain_import(user: Any, imp: ImportBudget) -> str:
    """Why this person cannot act on an import they see; empty when they may."""
    if imp.bilan is not None:
        return explain_ecriture(user, imp.bilan)
    return explain_gel(imp.convention) if user.is_staff else RESERVE


def explain_ecriture(user: Any, bilan: Bilan) -> str:
    """Why nothing is imported into a bilan now; empty when it may be. Commands have no user: the bilan alone decides."""
    return explain_saisie(user, bilan) if user is not None else explain_fermeture(bilan)


def open_referentiel(imp: ImportBudget) -> Referentiel:
    """The names that the file of an import may use."""
    return ReferentielBilan(imp.bilan) if imp.bilan is not None else Referentiel(imp.convention)


def list_champs(ref: Referentiel) -> tuple[Champ, ...]:
    """What a column may hold."""
    return CHAMPS_REALISE if isinstance(ref, ReferentielBilan) else CHAMPS


def list_formes(ref: Referentiel) -> dict[str, str]:
    """How a table may be laid out."""
    return {cle: nom for cle, nom in FORMES.items() if cle != "recap"} if isinstance(ref, ReferentielBilan) else FORMES


def recognise(feuille: Feuille, ref: Referentiel) -> Proposition:
    """The most likely reading of a sheet."""
    if isinstance(ref, ReferentielBilan):
        return realise_titres.recognise_realise(feuille, ref)
    return reconnaissance.recognise(feuille, ref)


def reread_titres(feuille: Feuille, titres: int, ref: Referentiel) -> Proposition:
    """The reading that another row of titles gives, complete with its doubts."""
    if isinstance(ref, ReferentielBilan):
        lue = realise_titres.read_titres_realise(feuille, titres, ref.bilan.annee) or Proposition(feuille.nom, "", titres)
        return realise_titres.check_realise(lue, feuille, ref)
    return reconnaissance.check(reconnaissance.read_titres(feuille, titres) or Proposition(feuille.nom, "", titres), feuille, ref)


def list_blocages(proposition: Proposition, ref: Referentiel) -> list[str]:
    """Why a sheet cannot be read so."""
    if isinstance(ref, ReferentielBilan):
        blocages = realise_titres.list_blocages_realise(proposition, ref.bilan.annee)
    else:
        blocages = reconnaissance.list_blocages(proposition)
    return [*blocages, *reconnaissance.list_inconnus(proposition, ref)]


def read_lignes(classeur: Classeur, propositions: list[Proposition], ref: Referentiel) -> Lecture:
    """All that the chosen sheets say."""
    return formes.read_lignes(classeur, propositions, ref, LecteurRealise if isinstance(ref, ReferentielBilan) else None)


def build_plan(ref: Referentiel, user: Any, **options: Any) -> Plan | PlanRealise:
    """What compares the rows with the database, and writes them."""
    return PlanRealise(ref, user, **options) if isinstance(ref, ReferentielBilan) else Plan(ref, user, **options)
