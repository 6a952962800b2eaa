"""Run by the tests in a process of its own, on a database in a file: a process killed, processes that write together."""

import json
import os
import sqlite3
import sys
from collections.abc import Callable
from typing import Any

import django
from django.conf import settings

COUPE = 137  # as the system says of a process that was killed


def fork(acte: Callable[[], Any]) -> int:
    """Do something in a child process, which has its own connection; gives the number of the process."""
    pid = os.fork()
    if not pid:
        try:
            acte()
        finally:
            os._exit(1 if sys.exc_info()[0] else 0)
    return pid


def wait(*pids: int) -> list[int]:
    """How processes ended."""
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]


def look() -> dict[str, Any]:
    """What another program reads in the file."""
    base = sqlite3.connect(settings.DATABASES["default"]["NAME"])
    etat, documents, evenements, preparations = base.execute(
        "SELECT (SELECT etat FROM conventions_convention), (SELECT count(*) FROM documents_documentfige), "
        "(SELECT count(*) FROM conventions_evenement), (SELECT count(*) FROM documents_preparation)"
    ).fetchone()
    base.close()
    fichiers = sum(len(noms) for _, _, noms in os.walk(settings.MEDIA_ROOT))
    return {"etat": etat, "documents": documents, "evenements": evenements, "preparations": preparations, "fichiers": fichiers}


def main() -> None:
    django.setup()
    from comptes.models import Utilisateur
    from conventions.journal import check_chaine, record
    from conventions.models import Convention
    from documents.models import DocumentFige
    from documents.vie import actes

    actes.publish_convention = lambda convention: b"%PDF-1.7 document a signer"

    def freeze() -> None:
        actes.pass_convention(Utilisateur.objects.get(is_superuser=True), Convention.objects.get(), "figer")

    def freeze_and_die() -> None:
        actes.record = lambda *args, **donnees: os._exit(COUPE)  # the PDF is kept, the state is written, nothing is committed
        freeze()

    def write_fifteen() -> None:
        convention = Convention.objects.get()
        for _ in range(15):
            record(convention, "essai", "Un évènement.")

    resultat = {"avant": look(), "fin": wait(fork(freeze_and_die)), "coupe": look(), "reprise": wait(fork(freeze)), "apres": look()}
    resultat["ensemble"] = wait(fork(write_fifteen), fork(write_fifteen))
    convention = Convention.objects.get()
    resultat["rangs"] = sorted(convention.evenements.values_list("rang", flat=True))
    resultat["intact"] = check_chaine(convention.evenements.all()).is_intact
    resultat["pdf"] = DocumentFige.objects.get().read_pdf().decode()
    print(json.dumps(resultat))


if __name__ == "__main__":
    main()
