"""`manage.py prune_cahiers`: deletes typeset parts that are kept for long."""

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from socle import pdf_depot
from socle.commandes import Commande


class Command(Commande):
    """Frees the storage of parts; none is ever needed."""

    help = "Efface les parties de documents mises en forme depuis longtemps ; celles qui servent encore se refont seules."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--jours", type=int, default=30, help="âge à partir duquel elles s’effacent (30)")

    def run(self, **options: Any) -> None:
        """Tell how many were deleted."""
        effaces = pdf_depot.prune(timezone.now() - timedelta(days=options["jours"]))
        self.stdout.write(f"{effaces} fichier{'s' if effaces > 1 else ''} effacé{'s' if effaces > 1 else ''}.")
