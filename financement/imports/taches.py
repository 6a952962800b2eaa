"""Imports that take time, done beside the pages: progress told, stopped when asked, started again without harm."""

import contextlib
import time
from typing import Any

from django.db import transaction
from django_tasks import task

from comptes.models import Utilisateur
from financement.imports.actes import ApercuPerime, ImportImpossible, analyse, confirm, preview
from financement.imports.journal import ImportBudget
from financement.imports.plan import ArretDemande

INTERVALLE = 0.4  # seconds between two looks at the database
ETAPES = (
    (0.2, "Lecture du fichier"),
    (0.4, "Reconnaissance des lignes"),
    (0.9, "Comparaison avec {objet}"),
    (2.0, "Préparation de l’aperçu"),
)
PANNE = "Une panne a interrompu le travail. Rien n’a été écrit ; réessayez, et prévenez votre administrateur si cela recommence."


class Suivi:
    """Tells how far the work is, and notices that somebody asked to stop."""

    def __init__(self, pk: int, objet: str = "le budget") -> None:
        self.pk, self.objet, self.dernier = pk, objet, 0.0

    def __call__(self, part: float) -> None:
        """Raises ArretDemande."""
        if time.monotonic() - self.dernier < INTERVALLE:
            return
        self.dernier = time.monotonic()
        etape = next(nom for borne, nom in ETAPES if part < borne).format(objet=self.objet)
        ImportBudget.objects.filter(pk=self.pk).update(progres=int(min(part, 1) * 100), etape=etape)
        if ImportBudget.objects.filter(pk=self.pk, arret_demande=True).exists():
            raise ArretDemande


@task()
def analyser_import(pk: int, relire: bool = False) -> None:
    """Recognise and preview; with `relire`, preview again with the columns already chosen."""
    imp = ImportBudget.objects.filter(pk=pk, etat=ImportBudget.Etat.ANALYSE).select_related("convention", "bilan", "auteur").first()
    if imp is None:
        return  # abandoned meanwhile, or done already
    try:
        (preview if relire else analyse)(imp, Suivi(pk, imp.objet))
    except ArretDemande:
        ImportBudget.objects.filter(pk=pk).update(etat=ImportBudget.Etat.ABANDONNE, etape="")
    except ImportImpossible as refus:
        ImportBudget.objects.filter(pk=pk).update(etat=ImportBudget.Etat.DEPOSE, message=str(refus), etape="")
    except Exception:
        ImportBudget.objects.filter(pk=pk).update(etat=ImportBudget.Etat.ECHEC, message=PANNE, etape="")
        raise


@task()
def ecrire_import(pk: int, utilisateur: int, valides_seulement: bool) -> None:
    """Write what was previewed; whatever happens, all of it or nothing."""
    imp = ImportBudget.objects.filter(pk=pk, etat=ImportBudget.Etat.ECRITURE).select_related("convention", "bilan").first()
    if imp is None:
        return
    try:
        confirm(imp, Utilisateur.objects.get(pk=utilisateur), valides_seulement)
    except ApercuPerime as refus:
        ImportBudget.objects.filter(pk=pk).update(message=str(refus))
    except ImportImpossible as refus:
        ImportBudget.objects.filter(pk=pk).update(etat=ImportBudget.Etat.APERCU, message=str(refus), etape="")
    except Exception:
        ImportBudget.objects.filter(pk=pk, etat=ImportBudget.Etat.ECRITURE).update(etat=ImportBudget.Etat.APERCU, message=PANNE, etape="")
        raise


def start_analyse(imp: ImportBudget, direct: bool, relire: bool = False) -> None:
    """Analyse now, or hand the work over once the present request is saved. Raises ImportImpossible when done now."""
    if direct:
        with contextlib.suppress(ArretDemande):  # abandoned in another window
            (preview if relire else analyse)(imp)
        return
    _begin(imp, ImportBudget.Etat.ANALYSE)
    transaction.on_commit(lambda: analyser_import.enqueue(imp.pk, relire))


def start_ecriture(imp: ImportBudget, user: Any, valides_seulement: bool, direct: bool) -> None:
    """Write now, or hand the work over. Raises ImportImpossible when done now."""
    if direct:
        confirm(imp, user, valides_seulement)
        return
    ouvert = ImportBudget.objects.filter(pk=imp.pk, etat=ImportBudget.Etat.APERCU)
    if not ouvert.update(etat=ImportBudget.Etat.ECRITURE, etape=f"Écriture {imp.objet.replace('le ', 'du ', 1)}", progres=0, message=""):
        raise ImportImpossible("Cet import n’est plus à confirmer.")
    transaction.on_commit(lambda: ecrire_import.enqueue(imp.pk, user.pk, valides_seulement))


def _begin(imp: ImportBudget, etat: str) -> None:
    imp.etat, imp.etape, imp.progres, imp.message, imp.arret_demande = etat, "En attente", 0, "", False
    imp.save(update_fields=["etat", "etape", "progres", "message", "arret_demande"])
