"""Asking for work, and following it from inside its task."""

import contextlib
import logging
import time
import uuid
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.module_loading import import_string

from conventions.conventions import Convention
from conventions.travaux.journal import Travail
from conventions.travaux.sortes import SORTES
from socle.commandes import Refus

INCONNU = "Ce travail n’existe plus dans cette version du logiciel. Demandez-le de nouveau depuis sa page."
INTERVALLE = 0.4  # seconds between two writings of the progress
journal = logging.getLogger(__name__)


class ArretDemande(Exception):
    """Somebody asked to stop."""


class TravailRepris(ArretDemande):
    """Another worker has this work now; this one was too long without a sign."""


class TravailRefuse(Exception):
    """The work cannot be done; the message is the sentence to show. It is no breakdown: nothing goes to the log."""


@dataclass(frozen=True)
class Poste:
    """Where a task runs: set by the worker, empty elsewhere."""

    ouvrier: str = ""
    tache: uuid.UUID | None = None


AILLEURS = Poste()
poste: ContextVar[Poste] = ContextVar("poste", default=AILLEURS)


def start(sorte: str, convention: Convention | None, user: Any, tache: Any, *args: Any, cle: str = "") -> Travail:
    """Ask for a work; `tache` is called with the number of its row, then `args` (JSON values), once this transaction is saved.

    What is already waiting or running for the same convention and `cle` is given back instead.
    """
    if sorte not in SORTES:
        raise ValueError(f"« {sorte} » n’est pas une sorte de travaux.")
    demandeur = user if user is not None and user.is_authenticated else None
    appel = {"tache": tache.module_path, "args": list(args)}
    nouveau = None
    while nouveau is None:
        if travail := Travail.objects.alive().filter(sorte=sorte, convention=convention, cle=cle).first():
            return travail
        # Asked by somebody else at the same time: theirs is found the next time round.
        with contextlib.suppress(IntegrityError), transaction.atomic():
            nouveau = Travail.objects.create(sorte=sorte, convention=convention, cle=cle, demande_par=demandeur, appel=appel)
    transaction.on_commit(partial(enqueue, nouveau))
    return nouveau


def enqueue(travail: Travail) -> None:
    """Give a waiting work to the workers. It fails when this version of the software does not know it any more."""
    lignes = Travail.objects.filter(pk=travail.pk, etat__in=Travail.VIVANTS)
    try:
        # Read by its name: what a row kept is what runs, the first time and the others.
        tache, args = import_string(travail.appel["tache"]), travail.appel["args"]
    except (KeyError, ImportError):
        journal.exception("travail %s inconnu de cette version", travail.pk)
        lignes.update(etat=Travail.Etat.ECHEC, erreur=INCONNU, fini_le=timezone.now())
        return
    resultat = tache.enqueue(travail.pk, *args)
    lignes.filter(tache=None).update(tache=_read_uuid(resultat.id))


def _read_uuid(numero: str) -> uuid.UUID | None:
    """The number of a task in the database; other backends name theirs otherwise."""
    try:
        return uuid.UUID(numero)
    except ValueError:
        return None


class Suivi:
    """Tells how far a work is, from inside its task. Call it outside transactions, else nobody sees it before their end."""

    def __init__(self, travail: Travail) -> None:
        self.travail, self.dernier, self.resultat = travail, 0.0, ""

    def __call__(self, fait: int, total: int, etape: str = "") -> None:
        """Write the progress, at most every 0.4 s. Raises ArretDemande when somebody asked to stop."""
        if time.monotonic() - self.dernier < INTERVALLE:
            return
        self.dernier = time.monotonic()
        if not self._write(arret_demande=False, fait=max(0, min(fait, total)), total=max(0, total), etape=etape[:120]):
            self.check()

    def check(self) -> None:
        """Raise ArretDemande when somebody asked to stop, TravailRepris when another worker has this work now."""
        arret = self._mine().values_list("arret_demande", flat=True).first()
        if arret is None:
            raise TravailRepris
        if arret:
            raise ArretDemande

    def hold(self) -> None:
        """In the transaction of what the work writes: nobody takes it over until its end. Raises as `check` does."""
        self._mine().select_for_update().values_list("pk").first()
        self.check()

    def end(self, etat: str, erreur: str = "") -> bool:
        """Write how it ended; False when another worker has this work now."""
        champs: dict[str, Any] = {"etat": etat, "erreur": erreur, "fini_le": timezone.now(), "resultat": self.resultat[:300]}
        if etat == Travail.Etat.FAIT:
            champs |= {"fait": F("total"), "etape": ""}
        return self._write(**champs)

    def give_back(self) -> None:
        """Interrupted with its worker: it waits for the next one."""
        self._write(etat=Travail.Etat.EN_ATTENTE, ouvrier="", essais=F("essais") - 1)

    def _mine(self) -> Any:
        return Travail.objects.filter(pk=self.travail.pk, etat=Travail.Etat.EN_COURS, commence_le=self.travail.commence_le)

    def _write(self, arret_demande: bool | None = None, **champs: Any) -> bool:
        lignes = self._mine()
        if arret_demande is not None:
            lignes = lignes.filter(arret_demande=arret_demande)
        return bool(lignes.update(**champs))


def claim(pk: int) -> Suivi | None:
    """Take a waiting work; None when it is done, stopped, or somebody else's."""
    ici = poste.get()
    with transaction.atomic():
        attente = Travail.objects.filter(pk=pk, etat=Travail.Etat.EN_ATTENTE)
        champs: dict[str, Any] = {"tache": ici.tache} if ici.tache else {}
        champs |= {"ouvrier": ici.ouvrier, "commence_le": timezone.now(), "fait": 0, "total": 0, "etape": "", "erreur": ""}
        if not attente.update(etat=Travail.Etat.EN_COURS, essais=F("essais") + 1, **champs):
            return None
        return Suivi(Travail.objects.select_related("convention", "demande_par").get(pk=pk))


@contextlib.contextmanager
def follow(pk: int) -> Iterator[Suivi | None]:
    """Around the work of a task: None when there is nothing to do, else what tells its progress, and its end is written."""
    suivi = claim(pk)
    if suivi is None:
        yield None
        return
    try:
        yield suivi
    except TravailRepris:
        journal.warning("travail %s repris par un autre ouvrier", pk)
    except ArretDemande:
        suivi.end(Travail.Etat.ARRETE)
    except TravailRefuse as refus:
        suivi.end(Travail.Etat.ECHEC, str(refus))
    except Exception as panne:
        suivi.end(Travail.Etat.ECHEC, explain(panne, suivi.travail))
        raise
    except BaseException:  # the worker itself is being stopped
        suivi.give_back()
        raise
    else:
        suivi.end(Travail.Etat.FAIT)


def explain(panne: Exception, travail: Travail) -> str:
    """What is said of a work that broke: our own refusals as they are, anything else in the words of its kind."""
    if isinstance(panne, ValidationError):
        return " ".join(panne.messages)
    if isinstance(panne, (PermissionDenied, Refus)) and str(panne):
        return str(panne)
    return travail.genre.panne
