"""`manage.py show_transitions`: the table of transitions as documentation, with its diagram."""

from typing import Any

from documents.vie.documentation import write_cycle
from socle.commandes import Commande


class Command(Commande):
    """Print docs/cycle-de-vie.md."""

    help = "Écrit la documentation des états d’une convention, d’après la table des transitions."

    def run(self, **options: Any) -> None:
        self.stdout.write(write_cycle(), ending="")
