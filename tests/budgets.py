"""Budgets in small spreadsheets: made from rows, read, deposited; tables compared before and after."""

from collections.abc import Sequence
from typing import Any

import openpyxl

from comptes.models import Utilisateur
from conventions.models import Convention
from financement.imports.actes import analyse, confirm, deposit
from financement.imports.formes import read_lignes
from financement.imports.journal import ImportBudget, PageImport
from financement.imports.lignes import Lecture
from financement.imports.reconnaissance import Proposition, recognise
from financement.imports.referentiel import Referentiel
from financement.models import CoFinancement, LigneCout, MontantRecapDeclare
from socle.lecture_classeur import read_classeur
from tests.classeurs import write
from tests.factories import UtilisateurFactory

Lignes = Sequence[Sequence[Any]]
LONG = ("Code", "Nature", "Libellé", "Année", "Jours", "Tarif", "Montant", "Mention")
PARTS = ("Code", "Financeur", "Nature", "Année", "Taux", "Montant de la part")
TABLES = (LigneCout, CoFinancement, MontantRecapDeclare)


def make_budget(*lignes: Sequence[Any], nom: str = "Budget", formats: dict[str, str] | None = None) -> bytes:
    """One sheet from its rows, then number formats by address."""
    return make_sheets({nom: lignes}, formats)


def make_sheets(feuilles: dict[str, Lignes], formats: dict[str, str] | None = None) -> bytes:
    """Several sheets from their rows; the formats are those of the first."""
    classeur = openpyxl.Workbook()
    classeur.remove(classeur.worksheets[0])
    for nom, lignes in feuilles.items():
        feuille = classeur.create_sheet(nom)
        for ligne in lignes:
            feuille.append(list(ligne))
    for adresse, code in (formats or {}).items():
        classeur.worksheets[0][adresse].number_format = code
    return write(classeur)


def make_author(convention: Convention, rang: int = 0) -> Utilisateur:
    """Somebody who may import in the convention: an administrateur of one of its parties."""
    partie = convention.parties.all()[rang]
    return UtilisateurFactory(organisation=partie.organisation, role=Utilisateur.Role.ADMINISTRATEUR, prenom="Claude", nom="Import")


def deposit_budget(user: Any, convention: Convention, contenu: bytes, nom: str = "budget.xlsx") -> ImportBudget:
    """The import of a file, recognised, and previewed when nothing is to be asked."""
    imp = deposit(user, convention, nom, contenu)
    analyse(imp)
    return imp


def import_budget(user: Any, convention: Convention, contenu: bytes, nom: str = "budget.xlsx") -> ImportBudget:
    """The same, then written."""
    imp = deposit_budget(user, convention, contenu, nom)
    assert imp.etat == ImportBudget.Etat.APERCU, (imp.get_etat_display(), imp.message, imp.propositions)
    return confirm(imp, user, False)


def read_rows(convention: Convention, contenu: bytes, nom: str = "budget.xlsx", **choix: Any) -> Lecture:
    """What the first sheet of a file says, with the reading recognised, changed by `choix`. Nothing is written."""
    classeur = read_classeur(contenu, nom)
    ref = Referentiel(convention)
    proposition = recognise(classeur.feuilles[0], ref)
    for cle, valeur in choix.items():
        setattr(proposition, cle, valeur)
    return read_lignes(classeur, [proposition], ref)


def recognise_rows(convention: Convention, *lignes: Sequence[Any], nom: str = "Budget") -> Proposition:
    """The reading that a sheet made of these rows suggests."""
    return recognise(read_classeur(make_budget(*lignes, nom=nom), "budget.xlsx").feuilles[0], Referentiel(convention))


def read_refus(imp: ImportBudget) -> list[tuple[str, str]]:
    """Cell and reason of what a preview refuses."""
    return [(cellule, raison) for page in imp.pages.filter(genre=PageImport.Genre.REFUS) for _, cellule, _, raison in page.contenu]


def snapshot() -> list[list[dict[str, Any]]]:
    """Every row of the tables that an import may touch."""
    return [list(table._default_manager.order_by("pk").values()) for table in TABLES]


def count_versions() -> int:
    return sum(table.history.count() for table in TABLES)
