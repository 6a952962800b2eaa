"""`manage.py export_recapitulatif REF [--declare] --format json|csv|xlsx [-o FILE]`."""

from typing import Any

from django.core.management.base import CommandParser

from conventions.acces import find_convention
from financement.export_recapitulatif import write_csv, write_json
from financement.syntheses import get_recapitulatif, has_recapitulatif_declare
from financement.tableur_recapitulatif import write_recapitulatif_xlsx
from socle.commandes import Commande, Refus, write_file

FORMATS = {"json": write_json, "csv": write_csv, "xlsx": write_recapitulatif_xlsx}


class Command(Commande):
    """Print or write the recap of a convention."""

    help = "Donne le récapitulatif financier d’une convention, calculé depuis les fiches ou tel que déclaré en annexe."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("reference", metavar="REF", help="référence de la convention")
        parser.add_argument("--declare", action="store_true", help="le récapitulatif imprimé au lieu du calculé")
        parser.add_argument("--format", choices=FORMATS, required=True)
        parser.add_argument("-o", "--output", metavar="FICHIER", help="fichier à écrire ; sinon la sortie standard")

    def run(self, **options: Any) -> None:
        convention = find_convention(options["reference"])
        if options["declare"] and not has_recapitulatif_declare(convention):
            raise Refus(f"La convention « {convention.reference} » n’a pas de récapitulatif déclaré.")
        recap = get_recapitulatif(convention, options["declare"])
        contenu = FORMATS[options["format"]](recap)
        if options["output"]:
            write_file(options["output"], contenu)
        elif options["format"] == "xlsx":
            raise Refus("Un classeur ne s’affiche pas : donnez un fichier avec -o.")
        else:
            self.stdout.write(contenu.decode("utf-8-sig"), ending="")
