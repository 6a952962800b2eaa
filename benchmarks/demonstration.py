"""Server time and queries of the pages, and time of the printed documents, on the demonstration data.

Run with `make benchmark`: a database in memory is made, loaded and measured; medians of several answers.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable

os.environ["TRAITDUNION_DEBUG"] = "1"
os.environ["DATABASE_URL"] = "sqlite://:memory:"
os.environ["TRAITDUNION_LOG"] = "ERROR"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.conf import settings
from django.core.management import call_command
from django.db import connection, reset_queries
from django.test import Client

from comptes.models import Utilisateur
from conventions.models import Convention
from documents.publication import publish_convention, publish_fiche, publish_recapitulatif
from financement.controles.regles import find_contradictions

DIJON = "DIJON-CCI21-2018"
PAGES = {
    "accueil": "/",
    "liste": "/conventions/",
    "recherche": "/recherche/?q=commerce",
    "vue d’ensemble": f"/conventions/{DIJON}/",
    "articles": f"/conventions/{DIJON}/articles/",
    "fiches": f"/conventions/{DIJON}/fiches/",
    "fiche": f"/conventions/{DIJON}/fiches/e-c-1-3/",
    "budget": f"/conventions/{DIJON}/budget/",
    "contrôles": f"/conventions/{DIJON}/controles/",
    "rapprochement": f"/conventions/{DIJON}/rapprochement/",
    "famille": f"/conventions/{DIJON}/famille/",
}


def median_ms(act: Callable[[], object], times: int) -> float:
    durations = []
    for _ in range(times):
        start = time.perf_counter()
        act()
        durations.append((time.perf_counter() - start) * 1000)
    return statistics.median(durations)


def main() -> int:
    settings.ALLOWED_HOSTS = ["testserver"]
    call_command("migrate", verbosity=0)
    call_command("load_demo", verbosity=0, stdout=open(os.devnull, "w"))  # noqa: SIM115
    client = Client()
    client.force_login(Utilisateur.objects.get(email="nadia.ferrand@dijon-metropole.example"), "comptes.connexion.ConnexionParCourriel")
    print(f"{'page':<18}{'médiane':>10}{'requêtes':>10}")
    for nom, adresse in PAGES.items():
        reset_queries()
        assert client.get(adresse).status_code == 200
        queries = len(connection.queries)
        print(f"{nom:<18}{median_ms(lambda a=adresse: client.get(a), 15):>7.1f} ms{queries:>10}")
    convention = Convention.objects.with_parties().get(reference=DIJON)
    fiche = convention.fiches.get(code="E.A 1.2.1")
    print(f"{'contrôles, calcul':<18}{median_ms(lambda: find_contradictions(convention), 15):>7.1f} ms")
    documents: dict[str, tuple[Callable[[], object], int]] = {
        "fiche": (lambda: publish_fiche(convention, fiche), 5),
        "récapitulatif": (lambda: publish_recapitulatif(convention), 5),
        "convention": (lambda: publish_convention(convention), 3),
    }
    print(f"\n{'PDF':<18}{'médiane':>10}")
    publish_fiche(convention, fiche)  # the first document of a process also reads the fonts
    for nom, (act, times) in documents.items():
        print(f"{nom:<18}{median_ms(act, times):>7.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
