"""`manage.py export_bilan REF ANNEE --format json|xlsx [-o FILE]`."""

from typing import Any

from django.core.management.base import CommandParser

from conventions.acces import find_convention
from documents.bilans.figes import read_soldes, write_donnees
from financement.bilans.acces import find_bilan
from financement.bilans.calculs import compute_synthese
from financement.bilans.tableur import write_bilan_xlsx
from socle.commandes import Commande, Refus, write_file


class Command(Commande):
    """Print or write the bilan of a year: planned, done, gaps, rates, and the solde with its steps."""

    help = "Donne le bilan d’une année : prévu, réalisé, écarts et taux par fiche et par financeur, et le solde avec ses étapes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("reference", metavar="REF", help="référence de la convention")
        parser.add_argument("annee", metavar="ANNEE", help="année du bilan")
        parser.add_argument("--format", choices=["json", "xlsx"], required=True)
        parser.add_argument("-o", "--output", metavar="FICHIER", help="fichier à écrire ; sinon la sortie standard")

    def run(self, **options: Any) -> None:
        bilan = find_bilan(find_convention(options["reference"]), options["annee"])
        contenu = write_donnees(bilan) if options["format"] == "json" else write_bilan_xlsx(read_soldes(compute_synthese(bilan)))
        if options["output"]:
            write_file(options["output"], contenu)
        elif options["format"] == "xlsx":
            raise Refus("Un classeur ne s’affiche pas : donnez un fichier avec -o.")
        else:
            self.stdout.write(contenu.decode())
