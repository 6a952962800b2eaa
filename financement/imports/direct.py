"""Reading and writing in one pass, for a command that asks nobody: all or nothing, or only what is valid."""

from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Sum

from financement.couts import LigneCout
from financement.imports.actes import ImportImpossible, check_propositions, choose_sheets, close, find_sheet, lock, store_refus, write_rows
from financement.imports.bilan import Bilan
from financement.imports.formes import read_lignes
from financement.imports.journal import ImportBudget
from financement.imports.reconnaissance import Proposition, recognise
from financement.imports.referentiel import Referentiel
from financement.recap_declare import MontantRecapDeclare
from socle.lecture_classeur import ClasseurRefuse, read_classeur
from socle.montants import ZERO, round_cents


def write_direct(imp: ImportBudget, user: Any, valides_seulement: bool, sheet: str = "") -> ImportBudget:
    """Read a deposited file and write it at once; its counts, refusals and totals are kept like those of a preview.

    The sheets are those already chosen in `propositions`, else `sheet`, else the only ones recognised. Without
    `valides_seulement`, one refusal and nothing is written: the import is then still « à confirmer ».
    A file that is not understood with certainty is left « à préciser ». Raises ImportImpossible when it cannot be read so.
    """
    try:
        classeur = read_classeur(imp.read_contenu(), imp.nom)
    except (ClasseurRefuse, OSError, ValueError) as erreur:
        raise ImportImpossible(str(erreur)) from erreur
    ref = Referentiel(imp.convention)
    propositions = [Proposition.from_json(p) for p in imp.propositions]
    if not propositions:
        if sheet:
            find_sheet(classeur, sheet)
        connues = {f.nom: recognise(f, ref) for f in classeur.feuilles if f.is_filled and sheet in {"", f.nom}}
        propositions, certaine = choose_sheets(classeur, connues)
        if not certaine:
            imp.propositions = [p.to_json() for p in propositions]
            imp.save(update_fields=["propositions"])
            return imp  # « à préciser »
    check_propositions(propositions, ref)
    lecture = read_lignes(classeur, propositions, ref)
    del classeur  # the rows hold all that is needed: memory for what follows
    formes = [p.forme for p in propositions]
    with transaction.atomic():
        imp = lock(imp)
        avant = _sum(imp, formes)
        point = transaction.savepoint()
        bilan = write_rows(imp, user, ref, lecture)
        apres = _sum(imp, formes)
        if garde := bool(valides_seulement or not bilan.refus):
            transaction.savepoint_commit(point)
        else:
            transaction.savepoint_rollback(point)
        store_refus(imp, bilan)
        imp.propositions = [p.to_json() for p in propositions]
        imp.apercu = _summarise(bilan, lecture.remarques, lecture.nb_lignes, formes, avant, apres)
        imp.etat = ImportBudget.Etat.APERCU
        imp.save(update_fields=["propositions", "apercu", "etat"])
        if garde and imp.nb_ecrits:
            close(imp, user, valides_seulement)
    return imp


def _sum(imp: ImportBudget, formes: list[str]) -> Decimal:
    """Total of the costs, or of the declared recap when this is what the file holds."""
    if formes == ["recap"]:
        cellules = MontantRecapDeclare.objects.filter(
            convention=imp.convention_id, fiche__isnull=False, annee__isnull=False, financeur__isnull=True
        )
        return round_cents(cellules.aggregate(somme=Sum("montant"))["somme"] or ZERO)
    couts = LigneCout.objects.filter(fiche__convention=imp.convention_id, fiche__supprimee_le__isnull=True)
    return round_cents(couts.aggregate(somme=Sum("montant"))["somme"] or ZERO)


def _summarise(bilan: Bilan, remarques: list[str], nb: int, formes: list[str], avant: Decimal, apres: Decimal) -> dict[str, Any]:
    return {
        "formes": formes,
        "lignes": nb,
        "comptes": bilan.comptes,
        "remarques": remarques,
        "total": [str(avant), str(apres)],
        "etats": bilan.etats,
    }
