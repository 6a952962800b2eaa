"""`manage.py undo_import ID`."""

from typing import Any

from django.core.management.base import CommandParser

from financement.imports.actes import ImportImpossible
from financement.imports.annulation import AnnulationImpossible, undo
from financement.imports.journal import ImportBudget
from socle.commandes import Commande, Refus


class Command(Commande):
    """Put back what an import replaced."""

    help = "Annule un import, si rien de ce qu’il a écrit n’a changé depuis."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("numero", metavar="ID", type=int, help="numéro de l’import, donné par import_budget et par le journal")

    def run(self, **options: Any) -> None:
        imp = ImportBudget.objects.filter(pk=options["numero"]).first()
        if imp is None:
            raise Refus(f"Aucun import ne porte le numéro {options['numero']}.")
        try:
            undo(imp, None)
        except AnnulationImpossible as refus:
            raise Refus("\n".join([str(refus), *refus.differences])) from refus
        except ImportImpossible as refus:
            raise Refus(str(refus)) from refus
        self.stdout.write(f"Import {imp.pk} annulé : {imp.objet} de {imp.convention.reference} est tel qu’il était avant.")
