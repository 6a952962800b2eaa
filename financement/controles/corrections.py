"""One-click ways out: what each act changes, written at once, kept so that it can be undone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from conventions.journal import record
from conventions.models import Convention
from fiches.models import FicheAction
from financement.cofinancements import CoFinancement
from financement.controles.acceptations import check_traitement
from financement.controles.dossier import DossierFinancier
from financement.controles.journal import Contradiction, Reprise
from financement.controles.regles import find_contradictions
from financement.controles.reprises import Cellule, plan_fiche, plan_tableau
from financement.controles.valeurs import TABLES, Cle, Valeur, ValeurAbsente, describe
from financement.rapprochement import build_rapprochement
from financement.repartition import sum_by_portee
from socle.controles import Correction
from socle.montants import round_cents
from socle.typographie import list_fr

TAUX = Decimal("0.0001")


class CorrectionImpossible(ValueError):
    """Why nothing was corrected, in French."""


@dataclass(frozen=True)
class Changement:
    """One value to write."""

    table: str
    cle: Cle
    apres: Valeur


def correct(user: Any, convention: Convention, points: dict[int, str], rang: int) -> Reprise:
    """Do the `rang`-th correction of contradictions as they were shown: `points` gives their values.

    Raises PermissionDenied or CorrectionImpossible.
    """
    check_traitement(user)
    with transaction.atomic():
        lock(convention)
        corrections = _find(convention, points, rang)
        changements = [c for groupe in _group(corrections) for c in plan(convention, groupe.acte, groupe.cible)]
        objets = dict.fromkeys(Contradiction.objects.filter(convention=convention, pk__in=points).values_list("objet", flat=True))
        return write(
            user, convention, changements, f"{', '.join(objets)} : {corrections[0].libelle[:1].lower()}{corrections[0].libelle[1:]}"
        )


def _find(convention: Convention, points: dict[int, str], rang: int) -> list[Correction]:
    """The corrections, if the contradictions still stand with the values the person saw."""
    attendues = {
        (cle, points[pk]) for pk, cle in Contradiction.objects.filter(convention=convention, pk__in=points).values_list("pk", "cle")
    }
    fraiche = Convention.objects.select_related("parent", "renouvelle").get(pk=convention.pk)
    trouvailles = [t for t in find_contradictions(fraiche) if (t.cle, t.constat.empreinte) in attendues]
    if len(trouvailles) < len(points) or any(rang >= len(t.constat.corrections) for t in trouvailles):
        raise CorrectionImpossible("Ces valeurs ont changé depuis que vous avez ouvert la page. Relisez-les avant de corriger.")
    return [t.constat.corrections[rang] for t in trouvailles]


def _group(corrections: Sequence[Correction]) -> list[Correction]:
    """Cells to take from one side are taken together: their sums follow once."""
    reprises = [c for c in corrections if c.acte == "reprendre"]
    autres = [c for c in corrections if c.acte != "reprendre"]
    par_sens: dict[str, list[Any]] = {}
    for correction in reprises:
        par_sens.setdefault(correction.cible["sens"], []).extend(correction.cible["cellules"])
    return [*autres, *(Correction("", "reprendre", {"sens": sens, "cellules": cellules}) for sens, cellules in par_sens.items())]


def plan(convention: Convention, acte: str, cible: dict[str, Any]) -> list[Changement]:
    """What an act changes. Raises CorrectionImpossible."""
    if acte == "reprendre":
        return plan_reprise(convention, cible["sens"], [tuple(c) for c in cible["cellules"]])
    return ACTES[acte](convention, cible)


def plan_reprise(convention: Convention, sens: str, cellules: Sequence[tuple[int, int, Any]]) -> list[Changement]:
    """Take cells (fiche, year, column) from the sheets to the recap, or the other way. Raises CorrectionImpossible."""
    dossier = DossierFinancier(convention)
    try:
        ecritures = (plan_fiche if sens == "fiche" else plan_tableau)(dossier, cellules)
    except ValueError as refus:
        raise CorrectionImpossible(str(refus)) from refus
    return [Changement(table, cle, apres) for table, cle, apres in ecritures]


@transaction.atomic
def take(user: Any, convention: Convention, sens: str, cellules: dict[Cellule, str], resume: str) -> Reprise:
    """Take one side for cells of the comparison, as they were shown: `cellules` gives both values of each.

    Raises PermissionDenied or CorrectionImpossible, also when somebody changed one of them meanwhile.
    """
    lock(convention)
    rapprochement = build_rapprochement(convention)
    vues = {(li.fiche.pk, c.annee, c.colonne): c.vu for _, li, c in rapprochement.cotes() if li.fiche} if rapprochement else {}
    if any(vues.get(cellule, vu) != vu for cellule, vu in cellules.items()):
        raise CorrectionImpossible("Une des valeurs cochées a changé depuis que vous avez ouvert la page. Relisez-la avant de choisir.")
    return write(user, convention, plan_reprise(convention, sens, list(cellules)), resume)


def _plan_montant(table: str) -> Callable[[Convention, dict[str, Any]], list[Changement]]:
    return lambda convention, cible: [Changement(table, [cible["pk"]], cible["montant"])]


def _plan_part(champ: str) -> Callable[[Convention, dict[str, Any]], list[Changement]]:
    """Keep one of the rate and the amount, and compute the other."""

    def plan_part(convention: Convention, cible: dict[str, Any]) -> list[Changement]:
        part = CoFinancement.objects.select_related("fiche").filter(fiche__convention=convention, pk=cible["pk"]).first()
        if part is None or part.taux is None or part.montant is None:
            raise CorrectionImpossible("Cette part a changé entre-temps. Relisez-la avant de corriger.")
        dossier = DossierFinancier(convention)
        fiche = next(f for f in dossier.fiches if f.pk == part.fiche_id)
        base = sum_by_portee(*dossier.chiffres_of(fiche))[part.nature_id, part.annee]
        if champ == "taux":
            return [Changement("part_taux", [part.pk], str((part.montant.amount * 100 / base).quantize(TAUX)))]
        return [Changement("part_montant", [part.pk], f"{round_cents(base * part.taux / 100):.2f}")]

    return plan_part


ACTES: dict[str, Callable[[Convention, dict[str, Any]], list[Changement]]] = {
    "montant_declare": _plan_montant("montant_declare"),
    "versement": _plan_montant("versement"),
    "total_declare": _plan_montant("total_declare"),
    "ligne_montant": _plan_montant("ligne_montant"),
    "part_taux": _plan_part("taux"),
    "part_montant": _plan_part("montant"),
    "code_feuille": lambda convention, cible: [Changement("code_feuille", [cible["fiche"]], None)],
}


def lock(convention: Convention) -> None:
    """Hold the convention and its sheets until the end of the transaction: what is planned is what is written."""
    Convention.objects.select_for_update().get(pk=convention.pk)
    list(FicheAction.toutes.select_for_update().filter(convention=convention).order_by("pk").values_list("pk"))


@transaction.atomic
def write(user: Any, convention: Convention, changements: Sequence[Changement], resume: str) -> Reprise:
    """Write values and keep what they replace. All or nothing.

    Raises PermissionDenied for who only reads, CorrectionImpossible when a value may not be written now, with the reason.
    """
    check_traitement(user)
    lock(convention)
    journal = []
    for changement in changements:
        table = TABLES[changement.table]
        try:
            table.check(user, convention, changement.cle)
            avant = table.read(convention, changement.cle)
            if avant == changement.apres or (not avant and not changement.apres):
                continue
            table.write(user, convention, changement.cle, changement.apres)
        except (ValeurAbsente, PermissionDenied) as refus:
            raise CorrectionImpossible(str(refus)) from refus
        apres = table.read(convention, changement.cle)
        journal.append({"table": changement.table, "cle": changement.cle, "avant": avant, "apres": apres})
    if not journal:
        raise CorrectionImpossible("Ces valeurs sont déjà les mêmes : rien n’a été changé.")
    record(convention, "correction", f"Corrigé depuis les contrôles : {resume}.", user)
    return Reprise.objects.create(convention=convention, auteur=user, resume=resume[:250], changements=journal)


@transaction.atomic
def undo(user: Any, reprise: Reprise) -> None:
    """Write back what a correction replaced, unless something it wrote was changed since.

    Raises PermissionDenied or CorrectionImpossible, which says what was changed.
    """
    check_traitement(user)
    convention = Convention.objects.get(pk=reprise.convention_id)
    lock(convention)
    reprise = Reprise.objects.select_for_update().get(pk=reprise.pk)
    if reprise.annulee_le:
        raise CorrectionImpossible("Cette reprise est déjà annulée.")
    changees = []
    for c in reprise.changements:
        try:
            TABLES[c["table"]].check(user, convention, c["cle"])
            actuel = TABLES[c["table"]].read(convention, c["cle"])
        except PermissionDenied as refus:
            raise CorrectionImpossible(str(refus)) from refus
        except ValeurAbsente:
            actuel = None
        if actuel != c["apres"]:
            changees.append(describe(convention, c["table"], c["cle"]))
    if changees:
        noms = list_fr(list(dict.fromkeys(changees))[:5])
        raise CorrectionImpossible(f"Ces valeurs ont été modifiées depuis, rien n’a été annulé : {noms}.")
    for c in reversed(reprise.changements):
        TABLES[c["table"]].write(user, convention, c["cle"], c["avant"])
    reprise.annulee_par, reprise.annulee_le = user, timezone.now()
    reprise.save(update_fields=["annulee_par", "annulee_le"])
    record(convention, "correction_annulee", f"Correction annulée : {reprise.resume}.", user)
