"""`manage.py backup`: every row and every stored file in one archive; `--verify` compares an archive with what is here."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from socle.commandes import Commande, Refus, explain_os_error
from socle.sauvegarde.actes import compare_archive, make_archive, name_archive, prune
from socle.sauvegarde.archive import ArchiveRefusee


class Command(Commande):
    """Exit 0 when done, or when nothing differs; 1 otherwise."""

    help = "Sauvegarde la base et les fichiers dans une archive, ou compare une archive avec ce qui est ici."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("chemin", metavar="CHEMIN", help="dossier (l’archive y est nommée d’après l’heure) ou fichier à créer")
        parser.add_argument("--keep", type=int, metavar="N", help="dans ce dossier, ne garder que les N dernières archives")
        parser.add_argument("--verify", action="store_true", help="comparer cette archive avec la base et les fichiers")

    def run(self, **options: Any) -> None:
        chemin = Path(options["chemin"])
        try:
            self._verify(chemin) if options["verify"] else self._make(chemin, options["keep"])
        except ArchiveRefusee as erreur:
            raise Refus(str(erreur)) from erreur
        except FileExistsError as erreur:
            raise Refus(f"« {chemin} » existe déjà : une sauvegarde n’en remplace pas une autre.") from erreur
        except OSError as erreur:
            if options["verify"]:
                raise Refus(f"« {chemin} » ne se lit pas, ou le stockage ne répond pas.") from erreur
            raise Refus(f"La sauvegarde « {chemin} » n’a pas pu être faite : {explain_os_error(erreur)}.") from erreur

    def _make(self, chemin: Path, garder: int | None) -> None:
        if garder is not None and (garder < 1 or not chemin.is_dir()):
            raise Refus("--keep demande un dossier et un nombre d’au moins 1.")
        cible = name_archive(chemin) if chemin.is_dir() else chemin
        manifeste = make_archive(cible)
        self.stdout.write(
            f"{cible} : {manifeste.lignes} lignes de {len(manifeste.tables)} tables, {len(manifeste.fichiers)} fichiers, "
            f"{cible.stat().st_size} octets."
        )
        self.stdout.write(f"Hors sauvegarde : {', '.join(manifeste.exclues.values())}.")
        for vieille in prune(chemin, garder) if garder else []:
            self.stdout.write(f"Effacée : {vieille}.")

    def _verify(self, chemin: Path) -> None:
        manifeste, ecarts = compare_archive(chemin)
        for ecart in ecarts:
            self.stdout.write(ecart)
        self.stdout.write(
            f"Sauvegarde du {manifeste.faite_le} : {len(manifeste.tables)} tables et {len(manifeste.fichiers)} fichiers comparés, "
            f"{len(ecarts)} écarts."
        )
        if ecarts:
            raise SystemExit(1)
