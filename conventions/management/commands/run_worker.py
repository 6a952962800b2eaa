"""`manage.py run_worker`: does the work asked for beside the pages, until it is stopped."""

import logging
from typing import Any

from django.core.management.base import CommandParser
from django.utils.crypto import get_random_string
from django_tasks.base import DEFAULT_TASK_BACKEND_ALIAS
from django_tasks_db.management.commands.db_worker import valid_interval

from conventions.travaux.ouvrier import OuvrierTravaux
from socle.commandes import Commande


class Command(Commande):
    """A worker; as many as wanted, on as many machines."""

    help = "Fait le travail demandé par les pages : imports, contrôles, mises en forme. Lancez-en autant que vous voulez."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--interval", type=valid_interval, default=1.0, help="secondes d’attente quand il n’y a rien à faire (1)", metavar="SECONDES"
        )
        parser.add_argument("--batch", action="store_true", help="s’arrête quand il n’y a plus rien à faire")

    def run(self, **options: Any) -> None:
        """Work until stopped: the first SIGTERM lets the present task end, the second gives it back."""
        if options["verbosity"] == 0:
            logging.getLogger("django_tasks").setLevel(logging.WARNING)
            logging.getLogger("django_tasks_db").setLevel(logging.ERROR)
        ouvrier = OuvrierTravaux(
            queue_names=["*"],
            interval=options["interval"],
            batch=options["batch"],
            backend_name=DEFAULT_TASK_BACKEND_ALIAS,
            startup_delay=False,
            max_tasks=None,
            worker_id=get_random_string(32),
            excluded_queue_names=[],
        )
        ouvrier.configure_signals()
        ouvrier.run()
