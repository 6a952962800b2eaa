"""Make invented agreements in quantity, to measure the site before it holds as many."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from conventions.models import Convention
from documents.volume.ecriture import write_volume
from financement.cumuls import refresh
from socle.commandes import Commande, Refus

MAXIMUM = 99_000


class Command(Commande):
    """`manage.py generate_volume --conventions N`."""

    help = "Crée des conventions inventées, vingt fiches et cent quatre-vingts lignes de coût chacune, pour mesurer le site en charge."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--conventions", type=int, required=True, help="nombre de conventions, avenants compris")
        parser.add_argument("--graine", type=int, default=1, help="la même graine donne les mêmes données (1 si rien n’est dit)")
        parser.add_argument("--hors-essai", action="store_true", help="accepte d’écrire dans une base qui n’est pas d’essai")

    def run(self, **options: Any) -> None:
        nombre = options["conventions"]
        if not 1 <= nombre <= MAXIMUM:
            raise Refus(f"Donnez un nombre de conventions entre 1 et {MAXIMUM}.")
        if not settings.DEBUG and not options["hors_essai"]:
            raise Refus(
                "Ces conventions sont inventées et ne se retirent pas : en service, la commande n’écrit rien. "
                "Sur une base de mesure, ajoutez --hors-essai."
            )
        if Convention.objects.filter(reference__startswith="VOL-").exists():
            raise Refus("Cette base contient déjà des conventions inventées (VOL-…). Repartez d’une base vide.")
        comptes = write_volume(nombre, options["graine"], self.tell)
        refresh()
        self.stdout.write("Données inventées : " + ", ".join(f"{n} {nom}" for nom, n in sorted(comptes.items())) + ".")

    def tell(self, faites: int) -> None:
        """A word now and then: thousands take minutes."""
        if faites % 500 == 0:
            self.stdout.write(f"{faites} conventions…")
