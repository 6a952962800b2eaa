"""`manage.py export_budget REF --format xlsx|ods|csv [--modele] -o FILE`."""

from typing import Any

from django.core.management.base import CommandParser

from conventions.acces import find_convention
from financement.tableur_budget import FORMATS, write_budget
from socle.commandes import Commande, write_file


class Command(Commande):
    """Write the budget of a convention, or the template to fill."""

    help = "Écrit le budget d’une convention en tableur, ou le modèle à remplir. Le CSV ne porte que les coûts."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("reference", metavar="REF", help="référence de la convention")
        parser.add_argument("--format", choices=FORMATS, required=True)
        parser.add_argument("--modele", action="store_true", help="le modèle à remplir au lieu des vues")
        parser.add_argument("-o", "--output", metavar="FICHIER", required=True, help="fichier à écrire")

    def run(self, **options: Any) -> None:
        convention = find_convention(options["reference"])
        write_file(options["output"], write_budget(convention, options["format"], options["modele"]))
