"""`manage.py restore`: put an archive back into an empty database, compare, and read every frozen document again."""

from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandParser

from socle.commandes import Commande, Refus
from socle.sauvegarde.actes import restore_archive
from socle.sauvegarde.archive import ArchiveRefusee


class Command(Commande):
    """Exit 0 when all is back and intact; 1 when nothing was written, or when a document was already lost at the backup."""

    help = "Restaure une sauvegarde dans une base vide, puis vérifie les documents figés."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("archive", metavar="ARCHIVE", help="fichier fait par « manage.py backup »")

    def run(self, **options: Any) -> None:
        chemin = Path(options["archive"])
        try:
            manifeste = restore_archive(chemin, self.stdout.write)
        except ArchiveRefusee as erreur:
            raise Refus(f"Rien n’a été restauré.\n{erreur}") from erreur
        except FileNotFoundError as erreur:
            raise Refus(f"« {chemin} » n’existe pas.") from erreur
        except OSError as erreur:
            raise Refus(f"Rien n’a été restauré : la lecture de « {chemin} » ou l’écriture des fichiers a échoué.") from erreur
        self.stdout.write(
            f"Restaurée, sauvegarde du {manifeste.faite_le} : {manifeste.lignes} lignes de {len(manifeste.tables)} tables, "
            f"{len(manifeste.fichiers)} fichiers, tous identiques à l’archive."
        )
        call_command("check_documents", stdout=self.stdout)
