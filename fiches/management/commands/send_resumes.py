"""`manage.py send_resumes`: the daily summaries, to be asked once a day by the machine's scheduler."""

from typing import Any

from fiches.resumes import send_resumes
from socle.commandes import Commande


class Command(Commande):
    """Send to each person what is new for them; asked twice the same day, it sends nothing the second time."""

    help = "Envoie à chacun le résumé du jour : commentaires, relectures, fiches modifiées par d’autres."

    def run(self, **options: Any) -> None:
        nombre = send_resumes()
        self.stdout.write(f"{nombre} résumé{'s' if nombre > 1 else ''} envoyé{'s' if nombre > 1 else ''}.")
