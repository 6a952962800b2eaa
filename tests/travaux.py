"""Work done beside the pages, as the tests ask for it, do it, and make its worker die."""

import uuid
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from conventions.models import Convention, Ouvrier, Travail
from conventions.travaux.suivi import start

LONGTEMPS = timedelta(minutes=10)


def do(sorte: str, convention: Convention | None, tache: Any, *args: Any, cle: str = "", user: Any = None) -> Travail:
    """Ask for a work and do it here, as a worker would; gives the row as it ended."""
    travail = start(sorte, convention, user, tache, *args, cle=cle)
    tache.func(travail.pk, *args)
    travail.refresh_from_db()
    return travail


def leave_behind(tache: Any, sorte: str, convention: Convention | None, *args: Any, cle: str = "") -> Travail:
    """A work that waits in the queue, with its task."""
    travail = start(sorte, convention, None, tache, *args, cle=cle)
    numero = uuid.uuid4()
    DBTaskResult.objects.create(
        id=numero,
        args_kwargs={"args": [travail.pk, *args], "kwargs": {}},
        task_path=tache.module_path,
        backend_name="default",
        run_after=None,
    )
    Travail.objects.filter(pk=travail.pk).update(tache=numero)
    travail.refresh_from_db()
    return travail


def die(travail: Travail, essai: int = 1) -> Ouvrier:
    """Its task is taken by a worker that begins it and gives no other sign of life."""
    passe = timezone.now() - LONGTEMPS
    ouvrier = Ouvrier.objects.create(identifiant=f"mort-{travail.pk}-{essai}", machine="ailleurs", pid=1, commence_le=passe, vu_le=passe)
    tache = DBTaskResult.objects.get(pk=travail.tache)
    tache.claim(ouvrier.identifiant)
    Travail.objects.filter(pk=travail.pk).update(etat="en_cours", essais=essai, commence_le=timezone.now(), ouvrier=ouvrier.identifiant)
    return ouvrier
