"""Imports that take time, done beside the pages: progress told, stopped when asked, started again without harm."""

import contextlib
import time
from typing import Any

from django.db import transaction
from django_tasks import task

from comptes.models import Utilisateur
from conventions.travaux.journal import Travail
from conventions.travaux.sortes import Sorte, register
from conventions.travaux.suivi import ArretDemande, Suivi, TravailRefuse, TravailRepris, follow, start
from financement.imports.actes import ApercuPerime, ImportImpossible, analyse, confirm, preview
from financement.imports.journal import ImportBudget

INTERVALLE = 0.4  # seconds between two looks at the database
ETAPES = (
    (0.2, "Lecture du fichier"),
    (0.4, "Reconnaissance des lignes"),
    (0.9, "Comparaison avec {objet}"),
    (2.0, "Préparation de l’aperçu"),
)
PANNE = "Une panne a interrompu le travail. Rien n’a été écrit ; réessayez, et prévenez votre administrateur si cela recommence."
Etat = ImportBudget.Etat


class SuiviImport:
    """Tells how far the work is, in the import's own page and in the list of works; notices that somebody asked to stop."""

    def __init__(self, pk: int, objet: str = "le budget", suivi: Suivi | None = None) -> None:
        self.pk, self.objet, self.suivi, self.dernier = pk, objet, suivi, 0.0

    def __call__(self, part: float) -> None:
        """Raises ArretDemande."""
        fini = part >= 1  # about to be written: the work must still be this worker's
        if not fini and time.monotonic() - self.dernier < INTERVALLE:
            return
        self.dernier = time.monotonic()
        etape = next(nom for borne, nom in ETAPES if part < borne).format(objet=self.objet)
        progres = int(min(part, 1) * 100)
        if self.suivi is not None and fini:
            self.suivi.hold()
        elif self.suivi is not None:
            self.suivi(progres, 100, etape)
        ImportBudget.objects.filter(pk=self.pk).update(progres=progres, etape=etape)
        if ImportBudget.objects.filter(pk=self.pk, arret_demande=True).exists():
            raise ArretDemande


@task()
def analyser_import(travail: int, pk: int, relire: bool = False) -> None:
    """Recognise and preview; with `relire`, preview again with the columns already chosen."""
    with follow(travail) as suivi:
        imp = ImportBudget.objects.filter(pk=pk, etat=Etat.ANALYSE).select_related("convention", "bilan", "auteur").first()
        if suivi is None or imp is None:
            return  # abandoned meanwhile, or done already
        try:
            (preview if relire else analyse)(imp, SuiviImport(pk, imp.objet, suivi))
        except TravailRepris:
            raise  # the import belongs to the other worker
        except ArretDemande:
            _leave(pk, suivi, Etat.ANALYSE, etat=Etat.ABANDONNE, arret_demande=True)
            raise
        except ImportImpossible as refus:
            _leave(pk, suivi, Etat.ANALYSE, etat=Etat.DEPOSE, message=str(refus))
        except Exception:
            _leave(pk, suivi, Etat.ANALYSE, etat=Etat.ECHEC, message=PANNE)
            raise
        else:
            suivi.resultat = imp.nom


@task()
def ecrire_import(travail: int, pk: int, utilisateur: int, valides_seulement: bool) -> None:
    """Write what was previewed; whatever happens, all of it or nothing."""
    with follow(travail) as suivi:
        imp = ImportBudget.objects.filter(pk=pk, etat=Etat.ECRITURE).select_related("convention", "bilan").first()
        if suivi is None or imp is None:
            return
        try:
            confirm(imp, Utilisateur.objects.get(pk=utilisateur), valides_seulement)
        except ApercuPerime as refus:
            ImportBudget.objects.filter(pk=pk).update(message=str(refus))
            raise TravailRefuse(str(refus)) from refus
        except ImportImpossible as refus:
            if ImportBudget.objects.filter(pk=pk, etat=Etat.FAIT).exists():
                return  # by the worker this one was taken over from, in its last breath
            _leave(pk, suivi, Etat.ECRITURE, etat=Etat.APERCU, message=str(refus))
            raise TravailRefuse(str(refus)) from refus
        except Exception:
            _leave(pk, suivi, Etat.ECRITURE, etat=Etat.APERCU, message=PANNE)
            raise
        suivi.resultat = imp.nom


def _leave(pk: int, suivi: Suivi, depuis: str, **champs: Any) -> None:
    """Write where an import stops, unless another worker took it over or somebody closed it."""
    with contextlib.suppress(ArretDemande), transaction.atomic():
        if "arret_demande" not in champs:
            suivi.hold()
        ImportBudget.objects.filter(pk=pk, etat=depuis).update(etape="", **champs)


def _let_down(travail: Travail) -> None:
    """An import whose work ended without its task: stopped before its turn, or its worker died too often."""
    if travail.etat == Travail.Etat.ARRETE:
        _find(travail, Etat.ANALYSE).update(etat=Etat.ABANDONNE, etape="", arret_demande=True)
    else:
        _find(travail, Etat.ANALYSE).update(etat=Etat.ECHEC, message=PANNE, etape="")
    _find(travail, Etat.ECRITURE).update(etat=Etat.APERCU, message=PANNE, etape="")


def _prepare(travail: Travail) -> None:
    """An import started again from the list of works waits for the worker as it did."""
    _find(travail, Etat.ECHEC, Etat.ABANDONNE).update(etat=Etat.ANALYSE, etape="En attente", progres=0, message="", arret_demande=False)


def _prepare_ecriture(travail: Travail) -> None:
    """Same, for what was to be written."""
    _find(travail, Etat.APERCU).update(etat=Etat.ECRITURE, progres=0, message="")


def _find(travail: Travail, *etats: str) -> Any:
    return ImportBudget.objects.filter(pk=travail.appel["args"][0], etat__in=etats)


LECTURE = register(Sorte("import", "Lecture d’un tableur", PANNE, delaisser=_let_down, preparer=_prepare))
ECRITURE = register(
    Sorte("import_ecriture", "Écriture d’un import", PANNE, arretable=False, delaisser=_let_down, preparer=_prepare_ecriture)
)


def start_analyse(imp: ImportBudget, direct: bool, relire: bool = False) -> None:
    """Analyse now, or hand the work over once the present request is saved. Raises ImportImpossible when done now."""
    if direct:
        with contextlib.suppress(ArretDemande):  # abandoned in another window
            (preview if relire else analyse)(imp)
        return
    with transaction.atomic():
        imp.etat, imp.etape, imp.progres, imp.message, imp.arret_demande = Etat.ANALYSE, "En attente", 0, "", False
        imp.save(update_fields=["etat", "etape", "progres", "message", "arret_demande"])
        start(LECTURE.cle, imp.convention, imp.auteur, analyser_import, imp.pk, relire, cle=str(imp.pk))


def start_ecriture(imp: ImportBudget, user: Any, valides_seulement: bool, direct: bool) -> None:
    """Write now, or hand the work over. Raises ImportImpossible when done now."""
    if direct:
        confirm(imp, user, valides_seulement)
        return
    with transaction.atomic():
        ouvert = ImportBudget.objects.filter(pk=imp.pk, etat=Etat.APERCU)
        if not ouvert.update(etat=Etat.ECRITURE, etape=f"Écriture {imp.objet.replace('le ', 'du ', 1)}", progres=0, message=""):
            raise ImportImpossible("Cet import n’est plus à confirmer.")
        start(ECRITURE.cle, imp.convention, user, ecrire_import, imp.pk, user.pk, valides_seulement, cle=str(imp.pk))
