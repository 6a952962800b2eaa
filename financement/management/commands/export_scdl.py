"""`manage.py export_scdl -o FILE`."""

from typing import Any

from django.core.management.base import CommandParser

from conventions.models import Convention
from financement.scdl import build_publication
from socle.commandes import Commande, write_file


class Command(Commande):
    """Write the open-data file of the signed conventions, and say what is left out."""

    help = "Écrit les subventions des conventions signées au format SCDL 2.1.1, et dit lesquelles sont laissées de côté."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("-o", "--output", metavar="FICHIER", required=True, help="fichier CSV à écrire")

    def run(self, **options: Any) -> None:
        publication = build_publication(Convention.objects.all())
        write_file(options["output"], publication.write_csv())
        self.stdout.write(f"Subventions écrites : {len(publication.subventions)}.")
        for subvention in publication.subventions:
            if subvention.is_volontaire:
                self.stdout.write(
                    f"{subvention.convention.reference} : publication volontaire, {subvention.beneficiaire} est de droit public."
                )
        for convention, raisons in publication.ecartees:
            self.stdout.write(f"Laissée de côté, {convention.reference} : {' '.join(raisons)}")
