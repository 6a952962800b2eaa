"""`manage.py import_budget REF FILE [--sheet NAME] [--mapping FILE] [--wet-run] [--only-valid] [--format json]`."""

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from conventions.acces import find_convention
from financement.imports.actes import ImportImpossible, analyse, choose, deposit, preview
from financement.imports.direct import write_direct
from financement.imports.journal import ImportBudget, PageImport
from financement.imports.presentation import describe_colonnes
from financement.imports.reconnaissance import Proposition
from socle.commandes import Commande, Refus, explain_os_error
from socle.typographie import format_euros


class Command(Commande):
    """Say what a spreadsheet would change, and with --wet-run write it."""

    help = "Importe un budget saisi dans un tableur. Sans --wet-run, dit ce qui changerait et n’écrit rien."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("reference", metavar="REF", help="référence de la convention")
        parser.add_argument("fichier", metavar="FICHIER", help="xlsx, xlsm, ods, csv ou tsv")
        parser.add_argument("--sheet", metavar="NOM", help="feuille à lire ; sinon la seule reconnue")
        parser.add_argument("--mapping", metavar="FICHIER", help="colonnes, en JSON, quand le fichier n’est pas compris avec certitude")
        parser.add_argument("--wet-run", action="store_true", help="écrire pour de bon")
        parser.add_argument("--only-valid", action="store_true", help="laisser dehors ce qui est refusé au lieu de tout refuser")
        parser.add_argument("--format", choices=["texte", "json"], default="texte")

    def run(self, **options: Any) -> None:
        convention = find_convention(options["reference"])
        imp = deposit_file(convention, options["fichier"])
        try:
            self._import(imp, options)
        except ImportImpossible as erreur:
            raise Refus(str(erreur)) from erreur
        finally:
            imp.refresh_from_db()
            if imp.etat != ImportBudget.Etat.FAIT:  # a look leaves nothing behind
                imp.fichier.delete(save=False)
                imp.delete()

    def _import(self, imp: ImportBudget, options: dict[str, Any]) -> None:
        if options["mapping"]:
            imp.propositions = [read_mapping(options["mapping"]).to_json()]
            imp.save(update_fields=["propositions"])
        if options["wet_run"]:
            imp = write_direct(imp, None, options["only_valid"], options["sheet"] or "")
        elif options["mapping"]:
            preview(imp)
        elif options["sheet"]:
            choose(imp, options["sheet"])
        else:
            analyse(imp)
        if imp.etat == ImportBudget.Etat.ECHEC:
            raise Refus(imp.message)
        if imp.etat == ImportBudget.Etat.DEPOSE:
            raise Refus(explain_doute(imp))
        rejetes = imp.comptes["rejetes"]
        self._tell(imp, options["format"], options["wet_run"])
        if rejetes and not options["only_valid"]:
            sys.exit(1)

    def _tell(self, imp: ImportBudget, forme: str, ecrire: bool) -> None:
        refus = [dict(zip(("feuille", "cellule", "valeur", "raison"), r, strict=True)) for r in list_refus(imp)]
        total_avant, total_apres = imp.apercu["total"]
        if forme == "json":
            formes = list(dict.fromkeys(imp.apercu["formes"]))
            comptes = {k: v for k, v in imp.comptes.items() if k != "rejetes"}
            objet = {"forme": formes[0], **comptes, "rejetes": refus, "total_avant": total_avant, "total_apres": total_apres}
            self.stdout.write(json.dumps(objet, ensure_ascii=False, indent=2))
            return
        for proposition in imp.propositions:
            colonnes = ", ".join(f"{lettre} : {nom}" for lettre, nom in describe_colonnes(proposition))
            self.stdout.write(f"Feuille « {proposition['feuille']} » – {colonnes}.")
        for remarque in imp.apercu["remarques"]:
            self.stdout.write(remarque)
        for r in refus:
            self.stdout.write(f"Refusé, {r['feuille']} {r['cellule']} ({r['valeur'] or 'vide'}) : {r['raison']}")
        c = imp.comptes
        self.stdout.write(
            f"Nouvelles : {c['nouveaux']}, modifiées : {c['modifies']}, inchangées : {c['inchanges']}, refusées : {c['rejetes']}. "
            f"Total : {_euros(total_avant)}, puis {_euros(total_apres)}."
        )
        if imp.etat == ImportBudget.Etat.FAIT:
            self.stdout.write(f"Écrit : import {imp.pk}. Pour l’annuler : undo_import {imp.pk}.")
        else:
            self.stdout.write("Rien n’a été écrit." if ecrire else "Rien n’a été écrit : ajoutez --wet-run pour importer.")


def deposit_file(convention: Any, chemin: str) -> ImportBudget:
    """Open the import of a file on disk. Raises Refus when it cannot be read."""
    fichier = Path(chemin)
    try:
        return deposit(None, convention, fichier.name, fichier.read_bytes())
    except ImportImpossible as erreur:
        raise Refus(str(erreur)) from erreur
    except OSError as erreur:
        raise Refus(f"Impossible de lire « {chemin} » : {explain_lecture(erreur)}.") from erreur


def explain_lecture(erreur: OSError) -> str:
    """Why a file cannot be read."""
    return "le fichier n’existe pas" if isinstance(erreur, FileNotFoundError) else explain_os_error(erreur)


def read_mapping(chemin: str) -> Proposition:
    """Columns written in JSON. Raises Refus."""
    try:
        donnees = json.loads(Path(chemin).read_text(encoding="utf-8"))
        if not isinstance(donnees, dict) or "feuille" not in donnees or "forme" not in donnees:
            raise ValueError("il faut au moins « feuille », « forme », « titres » et « colonnes ».")
        return Proposition.from_json(donnees)
    except OSError as erreur:
        raise Refus(f"Impossible de lire « {chemin} » : {explain_lecture(erreur)}.") from erreur
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as erreur:
        raise Refus(f"« {chemin} » n’est pas un fichier JSON lisible.") from erreur
    except ValueError as erreur:
        raise Refus(f"Les colonnes de « {chemin} » ne se lisent pas : {erreur}") from erreur


def explain_doute(imp: ImportBudget) -> str:
    """Why nobody can tell what the file holds, and how to say it."""
    motifs = " ".join(imp.propositions[0]["motifs"]) if imp.propositions else "Aucune feuille n’est lisible."
    lue = {k: imp.propositions[0][k] for k in ("feuille", "forme", "titres", "colonnes")} if imp.propositions else {}
    exemple = json.dumps(lue, ensure_ascii=False)
    return f"{motifs} Choisissez la feuille avec --sheet, ou donnez les colonnes avec --mapping, par exemple : {exemple}"


def list_refus(imp: ImportBudget) -> list[list[str]]:
    """Every refusal, in the order of the file."""
    return [r for page in imp.pages.filter(genre=PageImport.Genre.REFUS) for r in page.contenu]


def _euros(montant: str) -> str:
    return format_euros(Decimal(montant)) or "0 €"
