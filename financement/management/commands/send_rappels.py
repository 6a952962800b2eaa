"""`manage.py send_rappels`: the reminders of deadlines, to be asked once a day by the machine's scheduler."""

from typing import Any

from financement.rappels import send_rappels
from socle.commandes import Commande


class Command(Commande):
    """Tell each person the deadlines that come and those gone by; asked twice, it says nothing the second time."""

    help = "Rappelle à chacun les échéances des trente jours à venir et celles qui viennent de passer."

    def run(self, **options: Any) -> None:
        nombre = send_rappels()
        self.stdout.write(f"{nombre} rappel{'s' if nombre > 1 else ''} envoyé{'s' if nombre > 1 else ''}.")
