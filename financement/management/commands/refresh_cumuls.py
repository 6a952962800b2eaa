"""`manage.py refresh_cumuls`: the figures of lists kept anew where something changed, to be asked by the machine's scheduler."""

from typing import Any

from financement.cumuls import refresh
from socle.commandes import Commande


class Command(Commande):
    """Keep anew the figures that changed; lists are right without it, only slower."""

    help = "Recalcule les chiffres gardés des conventions qui ont changé ; sans elle les listes sont justes, mais plus lentes."

    def run(self, **options: Any) -> None:
        nombre = refresh()
        self.stdout.write(f"{nombre} convention{'s' if nombre > 1 else ''} recalculée{'s' if nombre > 1 else ''}.")
