"""Requests counted by view, for Prometheus. With several processes, each writes where PROMETHEUS_MULTIPROC_DIR says and
whoever is asked adds them up.
"""

import os
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

SEUILS = (0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds; the pages promise less than 0.3
PROCESSUS = CollectorRegistry()
REQUETES = Counter(
    "traitdunion_requetes", "Requêtes servies, par page, méthode et statut", ("vue", "methode", "statut"), registry=PROCESSUS
)
DUREES = Histogram("traitdunion_requete_secondes", "Durée des requêtes, par page", ("vue",), registry=PROCESSUS, buckets=SEUILS)
METHODES = {"GET", "HEAD", "POST", "OPTIONS"}


class CompterRequetes:
    """Count each answer and how long it took. An address that leads nowhere is « inconnue », so that names stay few."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        depart = time.perf_counter()
        reponse = self.get_response(request)
        vue = (request.resolver_match.view_name if request.resolver_match else "") or "inconnue"
        REQUETES.labels(vue, request.method if request.method in METHODES else "autre", str(reponse.status_code)).inc()
        DUREES.labels(vue).observe(time.perf_counter() - depart)
        return reponse


def open_registre() -> CollectorRegistry:
    """The requests of all the processes, or of this one when nothing gathers them."""
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return PROCESSUS
    registre = CollectorRegistry()
    MultiProcessCollector(registre)
    return registre
