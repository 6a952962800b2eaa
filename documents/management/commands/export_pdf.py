"""`manage.py export_pdf REF [--fiche CODE | --recapitulatif | --bilan ANNEE] -o FILE`."""

from typing import Any

from django.core.management.base import CommandParser

from conventions.acces import find_convention
from documents.bilans.taches import read_bilan
from documents.figes import DocumentPerdu
from documents.mise_en_forme import print_convention
from documents.publication import publish_fiche, publish_recapitulatif
from fiches.acces import find_fiche
from financement.bilans.acces import find_bilan
from socle.commandes import Commande, Refus, write_file
from socle.pdf import MoteurAbsent


class Command(Commande):
    """Write the PDF of a convention, of one fiche, of the recap or of the bilan of a year."""

    help = "Écrit le PDF d’une convention complète, d’une de ses fiches, de son récapitulatif ou de son bilan d’une année."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("reference", metavar="REF", help="référence de la convention")
        choix = parser.add_mutually_exclusive_group()
        choix.add_argument("--fiche", metavar="CODE", help="une fiche seule, par son code")
        choix.add_argument("--recapitulatif", action="store_true", help="le récapitulatif seul")
        choix.add_argument("--bilan", metavar="ANNEE", help="le bilan d’une année")
        parser.add_argument("-o", "--output", metavar="FICHIER", required=True, help="fichier à écrire")

    def run(self, **options: Any) -> None:
        convention = find_convention(options["reference"])
        try:
            if options["fiche"] is not None:
                contenu = publish_fiche(convention, find_fiche(convention, options["fiche"]))
            elif options["recapitulatif"]:
                contenu = publish_recapitulatif(convention)
            elif options["bilan"] is not None:
                contenu = read_bilan(find_bilan(convention, options["bilan"]))
            else:
                contenu = print_convention(convention)
        except (MoteurAbsent, DocumentPerdu) as erreur:
            raise Refus(str(erreur)) from erreur
        write_file(options["output"], contenu)
