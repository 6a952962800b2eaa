"""Commands that people type: a French sentence on stderr and exit 1 when they cannot be done."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandParser


class Refus(Exception):
    """What was asked cannot be done; the message is the sentence to print."""


class Commande(BaseCommand):
    """Base of the product's commands: `run` does the work, a `Refus` ends it with one sentence."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        usage = f"Commande mal écrite. Son mode d’emploi : {parser.prog} --help"
        parser.error = lambda message: self.refuse(usage)  # type: ignore[method-assign]
        return parser

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.run(**options)
        except Refus as refus:
            self.refuse(str(refus))

    def run(self, **options: Any) -> None:
        """Do what the command is for. Raises Refus."""
        raise Refus("Cette commande ne fait rien.")

    def refuse(self, message: str) -> NoReturn:
        """Print one sentence and stop."""
        self.stderr.write(message)
        sys.exit(1)


def write_file(chemin: str, contenu: bytes) -> None:
    """Write a whole file or nothing: a crash in between leaves the former file. Raises Refus when it cannot be written."""
    cible = Path(chemin)
    try:
        if cible.is_dir():
            raise IsADirectoryError
        # A device or a pipe is written in place; it cannot be replaced.
        if cible.exists() and not cible.is_file():
            cible.write_bytes(contenu)
            return
        descripteur, provisoire = tempfile.mkstemp(dir=cible.parent, prefix=".export-")
        try:
            with os.fdopen(descripteur, "wb") as fichier:
                fichier.write(contenu)
            masque = os.umask(0)
            os.umask(masque)
            os.chmod(provisoire, 0o666 & ~masque)
            os.replace(provisoire, cible)
        except BaseException:
            Path(provisoire).unlink(missing_ok=True)
            raise
    except OSError as erreur:
        raise Refus(f"Impossible d’écrire « {chemin} » : {explain_os_error(erreur)}.") from erreur


def explain_os_error(erreur: OSError) -> str:
    """Why a file cannot be written, in French."""
    if isinstance(erreur, IsADirectoryError):
        return "c’est un dossier"
    if isinstance(erreur, FileNotFoundError):
        return "le dossier n’existe pas"
    if isinstance(erreur, PermissionError):
        return "vous n’en avez pas le droit"
    if isinstance(erreur, NotADirectoryError):
        return "un élément du chemin n’est pas un dossier"
    return "le système le refuse"
