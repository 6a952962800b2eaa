"""`manage.py prune_travaux`: forget old finished works and what the queue kept of them."""

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from conventions.models import Travail
from conventions.travaux.tableau import JOURS
from socle.commandes import Commande, Refus

GARDES = 90  # days


class Command(Commande):
    """Living works are never touched."""

    help = "Efface les travaux finis depuis longtemps, et ce que la file en gardait. À lancer chaque nuit."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--jours", type=int, default=GARDES, help=f"âge à partir duquel un travail fini s’efface ({GARDES})")

    def run(self, **options: Any) -> None:
        """Delete by the day of the end. Raises Refus when the page of works would lose its figures."""
        if options["jours"] < JOURS:
            raise Refus(f"Gardez au moins {JOURS} jours : la page des travaux montre les durées et les échecs de ces jours.")
        avant = timezone.now() - timedelta(days=options["jours"])
        travaux, _ = Travail.objects.exclude(etat__in=Travail.VIVANTS).filter(fini_le__lt=avant).delete()
        taches, _ = DBTaskResult.objects.finished().filter(finished_at__lt=avant).delete()
        if options["verbosity"]:
            self.stdout.write(f"Travaux effacés : {travaux}. Tâches effacées : {taches}.")
