"""The worker: django-tasks' own, with a sign of life, and a look at what dead ones left before each task."""

import contextlib
import gc
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import Any

from django.db import DatabaseError, OperationalError, close_old_connections, connection, transaction
from django.db.models.functions import Now
from django.urls import get_resolver
from django_tasks.base import TaskResultStatus
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult
from django_tasks_db.utils import exclusive_transaction, is_locked_database_exception, retry

from conventions.travaux.journal import Ouvrier
from conventions.travaux.reprise import take_over
from conventions.travaux.suivi import Poste, poste

SIGNE = 5.0  # seconds between two signs of life
journal = logging.getLogger(__name__)


class OuvrierTravaux(Worker):
    """Takes tasks from the database, one after the other, until it is stopped."""

    def run(self) -> None:
        warm_up()
        with give_signs(self.worker_id):
            while self.running:
                close_old_connections()
                tache = self._take()
                if tache is not None:
                    self.run_task(tache)
                elif self.batch:
                    return
                if self.max_tasks is not None and self._run_tasks >= self.max_tasks:
                    return
                close_old_connections()
                if self.running and tache is None:
                    time.sleep(self.interval)

    def shutdown(self, signum: int, frame: FrameType | None) -> None:
        """Asked to stop: at once when idle, after the present task otherwise; asked twice, the task is given back."""
        journal.info("ouvrier %s arrêté par %s", self.worker_id, signal.Signals(signum).name)
        super().shutdown(signum, frame)

    def _take(self) -> DBTaskResult | None:
        """The next task, now this worker's. Not stopped in between: the task would be nobody's for a while."""
        self.running_task = True  # until `run_task` ends
        tache = None
        try:
            self._look_around()
            with exclusive_transaction():
                tache = self._find().get_locked()
                if tache is not None:
                    tache.claim(self.worker_id)
                return tache
        except OperationalError as erreur:
            if not (is_locked_database_exception(erreur) or is_deadlock(erreur)):
                raise
            return None  # somebody writes for long; the next turn will do
        finally:
            self.running_task = tache is not None

    def _look_around(self) -> None:
        """What others left; a row that cannot be taken over keeps no worker from its work."""
        try:
            take_over()
        except OperationalError:
            raise
        except Exception:
            journal.exception("reprise impossible")

    def _find(self) -> Any:
        taches = DBTaskResult.objects.ready().filter(backend_name=self.backend_name)
        if not self.process_all_queues:
            taches = taches.filter(queue_name__in=self.queue_names)
        return taches.exclude(queue_name__in=self.excluded_queue_names) if self.excluded_queue_names else taches

    def run_task(self, db_task_result: DBTaskResult) -> None:
        """Run one task; its end is written only while it is still this worker's."""
        for nom in ("set_successful", "set_failed"):
            setattr(db_task_result, nom, partial(self._close, db_task_result, getattr(db_task_result, nom)))
        jeton = poste.set(Poste(self.worker_id, db_task_result.pk))
        try:
            super().run_task(db_task_result)
        finally:
            poste.reset(jeton)

    @retry()
    def _close(self, tache: DBTaskResult, write: Callable[[Any], None], fin: Any) -> None:
        with transaction.atomic():
            mienne = DBTaskResult.objects.filter(pk=tache.pk, status=TaskResultStatus.RUNNING, started_at=tache.started_at)
            if mienne.select_for_update().first() is None:
                journal.warning("tâche %s reprise par un autre ouvrier : sa fin n’est pas écrite", tache.pk)
            elif isinstance(fin, (SystemExit, KeyboardInterrupt)):
                mienne.update(status=TaskResultStatus.READY, started_at=None, worker_ids=tache.worker_ids[:-1])
            else:
                write(fin)


def is_deadlock(erreur: OperationalError) -> bool:
    """Two workers locked the same rows in another order: the database let one go."""
    return getattr(erreur.__cause__, "sqlstate", None) == "40P01"


def warm_up() -> None:
    """Load every module once, then keep what was loaded out of the way of the collector."""
    _ = get_resolver().url_patterns
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@contextlib.contextmanager
def give_signs(identifiant: str) -> Iterator[Ouvrier]:
    """Say that this process is alive as long as it is, from a thread that has its own connection."""
    ouvrier = Ouvrier.objects.create(identifiant=identifiant, machine=socket.gethostname(), pid=os.getpid(), vu_le=Now())
    fini = threading.Event()
    fil = threading.Thread(target=_give_signs, args=(ouvrier, fini), name="signe-de-vie", daemon=True)
    fil.start()
    try:
        yield ouvrier
    finally:
        fini.set()
        fil.join(SIGNE)
        Ouvrier.objects.filter(identifiant=identifiant).delete()


def _give_signs(ouvrier: Ouvrier, fini: threading.Event) -> None:
    while not fini.wait(SIGNE):
        try:
            sign(ouvrier)
        except DatabaseError:  # the database is away, or busy: the next sign may pass
            journal.warning("l’ouvrier %s n’a pas pu donner signe de vie", ouvrier.identifiant)
            connection.close()
    connection.close()


def sign(ouvrier: Ouvrier) -> None:
    """Write that the worker is alive; thought dead, it comes back."""
    if not Ouvrier.objects.filter(identifiant=ouvrier.identifiant).update(vu_le=Now()):
        neuf = Ouvrier(identifiant=ouvrier.identifiant, machine=ouvrier.machine, pid=ouvrier.pid, commence_le=ouvrier.commence_le)
        neuf.vu_le = Now()
        neuf.save(force_insert=True)
