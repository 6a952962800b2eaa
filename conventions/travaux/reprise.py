"""What a dead worker left: its work goes back in the queue, a worker that lives takes it."""

import os
import socket
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from conventions.travaux.journal import SILENCE, Ouvrier, Travail
from conventions.travaux.suivi import enqueue

ESSAIS = 3
PATIENCE = timedelta(minutes=5)  # for a silent process that still lives on this machine, see `_is_slow`
PERDU = (
    "L’ouvrier chargé de ce travail s’est arrêté brutalement trois fois de suite. "
    "Faites vérifier la mémoire et le disque du serveur, puis relancez."
)


def take_over() -> int:
    """Put back in the queue what dead workers were doing and what the queue lost; how many works that is.

    Called by every worker: a row is freed by one of them only.
    """
    silencieux = Ouvrier.objects.filter(vu_le__lte=Now() - SILENCE)
    nombre = 0
    for pk in list(silencieux.values_list("pk", flat=True)):
        with transaction.atomic():
            # Locked and looked at again: its sign of life, or another worker, may have come meanwhile.
            ouvrier = silencieux.select_for_update(skip_locked=True).filter(pk=pk).first()
            if ouvrier is not None and not _is_slow(ouvrier):
                nombre += _free(ouvrier)
                ouvrier.delete()
    return nombre + _find_orphans()


def _is_slow(ouvrier: Ouvrier) -> bool:
    """Writers of a SQLite file wait for each other, so silence alone proves nothing there; all are on one machine, which can be asked."""
    if connection.vendor != "sqlite" or ouvrier.machine != socket.gethostname() or ouvrier.pid == os.getpid():
        return False
    try:
        os.kill(ouvrier.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's process: it lives
    return timezone.now() - ouvrier.vu_le < PATIENCE


def _free(ouvrier: Ouvrier) -> int:
    """Everything a dead worker was doing."""
    taches = DBTaskResult.objects.running().select_for_update()
    perdues = [t for t in taches if t.worker_ids and t.worker_ids[-1] == ouvrier.identifiant]
    for tache in perdues:
        travail = Travail.objects.alive().select_for_update().filter(tache=tache.pk).first()
        essais = max(len(tache.worker_ids), travail.essais if travail else 0)
        if travail is not None and _give_back(travail, essais):
            _set_task(tache, TaskResultStatus.READY)
        elif travail is None and essais < ESSAIS:
            _set_task(tache, TaskResultStatus.READY)  # dead before it began, or a task that no row follows
        else:
            _set_task(tache, TaskResultStatus.FAILED, finished_at=timezone.now())
    return len(perdues)


def _set_task(tache: DBTaskResult, statut: str, **champs: Any) -> None:
    DBTaskResult.objects.filter(pk=tache.pk).update(status=statut, started_at=None, **champs)


def _give_back(travail: Travail, essais: int) -> bool:
    """Make a work wait again; False when it ends there: stopped meanwhile, or tried too often."""
    if travail.arret_demande:
        travail.etat = Travail.Etat.ARRETE
    elif essais >= ESSAIS:
        travail.etat, travail.erreur = Travail.Etat.ECHEC, PERDU
    else:
        travail.etat = Travail.Etat.EN_ATTENTE
    travail.ouvrier = ""
    if not travail.is_vivant:
        travail.fini_le = timezone.now()
        travail.genre.delaisser(travail)
    travail.save(update_fields=["etat", "erreur", "ouvrier", "fini_le"])
    return travail.is_vivant


def _find_orphans() -> int:
    """Works that wait or run while no task of the queue does them: the server died before queuing it, or its result was lost."""
    avant = timezone.now() - SILENCE
    anciens = Q(etat=Travail.Etat.EN_ATTENTE, demande_le__lt=avant) | Q(etat=Travail.Etat.EN_COURS, commence_le__lt=avant)
    orphelins = Travail.objects.alive().filter(anciens).exclude(tache__in=_list_queued().values("pk"))
    return sum(_queue_again(pk) for pk in list(orphelins.values_list("pk", flat=True)))


def _list_queued() -> Any:
    return DBTaskResult.objects.filter(status__in=[TaskResultStatus.READY, TaskResultStatus.RUNNING])


def _queue_again(pk: int) -> bool:
    with transaction.atomic():
        travail = Travail.objects.alive().select_for_update(skip_locked=True).filter(pk=pk).first()
        if travail is None or (travail.tache and _list_queued().filter(pk=travail.tache).exists()):
            return False
        if _give_back(travail, travail.essais):
            travail.tache = None
            travail.save(update_fields=["tache"])
            enqueue(travail)
        return True
