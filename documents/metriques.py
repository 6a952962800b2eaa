"""What the database tells of the site, computed each time it is asked: the queue, the documents, the size."""

from collections.abc import Iterator

from django.db import connection
from django.db.models import Count, Min
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from conventions.models import Convention
from documents.models import DocumentBilan, DocumentFige, Signature
from financement.models import ImportBudget

STATUTS = {"READY": "attente", "RUNNING": "cours", "SUCCESSFUL": "fait", "FAILED": "echec"}


class EtatDuSite(Collector):
    """A fixed number of queries, whatever the size of the site."""

    def collect(self) -> Iterator[Metric]:
        travaux = GaugeMetricFamily("traitdunion_travaux", "Travaux de fond, par état", labels=["etat"])
        comptes = dict(DBTaskResult.objects.order_by().values_list("status").annotate(Count("pk")))
        for statut, etat in STATUTS.items():
            travaux.add_metric([etat], comptes.get(statut, 0))
        yield travaux
        ancien = DBTaskResult.objects.ready().aggregate(le=Min("enqueued_at"))["le"]
        age = (timezone.now() - ancien).total_seconds() if ancien else 0
        yield GaugeMetricFamily("traitdunion_travaux_attente_secondes", "Âge du plus ancien travail à faire", value=max(age, 0))
        conventions = GaugeMetricFamily("traitdunion_conventions", "Conventions et avenants, par état", labels=["etat"])
        for etat, nombre in Convention.objects.order_by().values_list("etat").annotate(Count("pk")):
            conventions.add_metric([etat], nombre)
        yield conventions
        documents = GaugeMetricFamily("traitdunion_documents", "Documents conservés, par genre", labels=["genre"])
        for genre, modele in (("fige", DocumentFige), ("signature", Signature), ("bilan", DocumentBilan), ("import", ImportBudget)):
            documents.add_metric([genre], modele._default_manager.count())
        yield documents
        yield GaugeMetricFamily("traitdunion_base_octets", "Taille de la base", value=measure_base())


def measure_base() -> int:
    """Bytes of the database."""
    demande = (
        "SELECT pg_database_size(current_database())"
        if connection.vendor == "postgresql"
        else "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    )
    with connection.cursor() as cursor:
        cursor.execute(demande)
        return int(cursor.fetchone()[0])
