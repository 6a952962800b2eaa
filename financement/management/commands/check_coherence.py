"""`manage.py check_coherence REF [--format json] | --regles`: exit 0 when nothing is open, 1 when something is, 2 when badly asked."""

import json
import sys
from typing import Any, NoReturn

from django.core.management.base import CommandParser

from conventions.acces import find_convention
from financement.controles.regles import describe_regles
from financement.controles.verification import find_ouvertes
from socle.commandes import Commande
from socle.controles import Gravite, Trouvaille, write_valeur


class Command(Commande):
    """List what contradicts itself in a convention, what was accepted left out."""

    help = "Liste les contradictions d’une convention. Sortie 0 : aucune ; 1 : au moins une ; 2 : demande mal faite."

    def add_arguments(self, parser: CommandParser) -> None:
        choix = parser.add_mutually_exclusive_group(required=True)
        choix.add_argument("reference", metavar="REF", nargs="?", help="référence de la convention")
        choix.add_argument("--regles", action="store_true", help="donne la liste des règles")
        parser.add_argument("--format", choices=["texte", "json"], default="texte")

    def run(self, **options: Any) -> None:
        if options["regles"]:
            self.stdout.write(describe_regles())
            return
        ouvertes = find_ouvertes(find_convention(options["reference"]))
        if options["format"] == "json":
            self.stdout.write(json.dumps([to_json(t) for t in ouvertes], ensure_ascii=False, indent=2))
        else:
            for trouvaille in ouvertes:
                regle, constat = trouvaille.regle, trouvaille.constat
                self.stdout.write(f"[{regle.gravite.libelle}] {constat.objet} – {constat.message} ({regle.identifiant})")
            comptes = [f"{g.libelle.lower()} : {sum(t.regle.gravite == g for t in ouvertes)}" for g in Gravite]
            self.stdout.write(f"{len(ouvertes)} contradictions. {', '.join(comptes)}." if ouvertes else "Aucune contradiction.")
        if ouvertes:
            sys.exit(1)

    def refuse(self, message: str) -> NoReturn:
        """A bad request is told apart from a contradiction."""
        self.stderr.write(message)
        sys.exit(2)


def to_json(trouvaille: Trouvaille) -> dict[str, Any]:
    """A finding as other programs read it: amounts are strings with two decimals, absent values are null."""
    constat = trouvaille.constat
    return {
        "regle": trouvaille.regle.identifiant,
        "gravite": trouvaille.regle.gravite.mot,
        "objet": constat.objet,
        "annee": constat.annee,
        "financeur": constat.financeur or None,
        "constate": write_valeur(constat.constate),
        "attendu": write_valeur(constat.attendu),
        "message": constat.message,
    }
