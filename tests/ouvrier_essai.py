"""Real workers of the tests, in processes of their own, that are impatient: seconds stand for the half-minutes of production.

`python -m tests.ouvrier_essai` is `manage.py run_worker`. With `--couper`, the process is killed in the middle of what it writes.
"""

import os
import sys
import time
from datetime import timedelta
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402 (Django is set up first: tasks need its tables)
from django_tasks import task  # noqa: E402

from conventions.travaux import ouvrier, reprise  # noqa: E402
from conventions.travaux.suivi import follow, poste  # noqa: E402
from tests.coupure import COUPE  # noqa: E402

PAS, ATTENTE = 10, 0.15


@task()
def compter(pk: int, mot: str) -> None:
    """Takes a while, tells how far it is, and leaves what it was given with the worker that did it."""
    with follow(pk) as suivi:
        if suivi is None:
            return
        for pas in range(PAS):
            suivi(pas, PAS, "Compte")
            time.sleep(ATTENTE)
        suivi.resultat = f"{mot} {poste.get().ouvrier}"


def cut(*args: Any, **donnees: Any) -> None:
    """Everything is written, nothing is committed."""
    os._exit(COUPE)


def main() -> None:
    reprise.SILENCE = timedelta(seconds=2)
    ouvrier.SIGNE = 0.5
    if "--couper" in sys.argv:
        from financement.imports import actes

        actes.close = cut
    call_command("run_worker", interval=0.1, batch="--batch" in sys.argv, verbosity=0)


if __name__ == "__main__":
    main()
