"""Load the demonstration data; run again, it only adds what is missing."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from documents.demonstration import load_demonstration


class Command(BaseCommand):
    """`manage.py load_demo`."""

    help = "Charge les deux conventions de démonstration et, en mode d’essai, les comptes qui vont avec."

    def handle(self, *args: Any, **options: Any) -> None:
        comptes = load_demonstration()
        if not settings.DEBUG:
            self.stderr.write("Comptes de démonstration non créés : leur mot de passe est public (TRAITDUNION_DEBUG n’est pas à 1).")
        if not comptes:
            self.stdout.write("Démonstration déjà en place, rien n’a été modifié.")
        else:
            self.stdout.write("Démonstration chargée : " + ", ".join(f"{n} {nom}" for nom, n in comptes.items()) + ".")
