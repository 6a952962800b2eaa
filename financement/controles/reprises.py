"""Making the recap and the sheets say the same: what to write on one side, given what stands on the other."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from fiches.models import FicheAction
from financement.controles.dossier import Colonne, DossierFinancier
from financement.recapitulatif import TOTAL
from socle.montants import ZERO
from socle.typographie import format_euros

Cellule = tuple[int, int, Colonne]  # fiche, year, column
Place = tuple[int | None, int | None, int | None]  # fiche, axe (neither: total), year (none: period)
Ecriture = tuple[str, list, str | None]  # table, key, value


def plan_fiche(dossier: DossierFinancier, cellules: Sequence[Cellule]) -> list[Ecriture]:
    """Write in the recap what the sheets give; its subtotals, total and period columns follow by the difference.

    Taking a total also takes the financeurs that had no column, so that the row still adds up. Raises ValueError.
    """
    ecritures: list[Ecriture] = []
    deltas: dict[tuple[Place, Colonne], Decimal] = defaultdict(lambda: ZERO)
    for fiche, annee, colonne in expand(dossier, cellules):
        rangee, ligne = dossier.recap_fiches.get(fiche.pk), dossier.lignes[fiche.pk]
        cellule = ligne.get(annee, colonne)
        mots = ligne.total(annee).reserves if cellule.montant is None else []
        ecritures.append(("recap", [fiche.pk, None, annee, colonne], ", ".join(mots) if mots else f"{cellule.montant or ZERO:.2f}"))
        delta = (cellule.montant or ZERO) - ((rangee.get(annee, colonne) if rangee else None) or ZERO)
        for place in list_sommes(dossier, fiche, annee):
            deltas[place, colonne] += delta
    for ((pk, axe, an), colonne), delta in deltas.items():
        rangee = dossier.recap_fiches.get(pk) if pk else dossier.recap_axes.get(axe) if axe else dossier.recap_total
        ancien = rangee.get(an, colonne) if rangee else None
        # A new column has no sums yet: they start from nothing beside a yearly total.
        nouvelle = rangee is not None and colonne != TOTAL and an is not None and rangee.get(an, TOTAL) is not None
        if delta and (ancien is not None or nouvelle):
            ecritures.append(("recap", [pk, axe, an, colonne], f"{(ancien or ZERO) + delta:.2f}"))
    return ecritures


def list_sommes(dossier: DossierFinancier, fiche: FicheAction, annee: int) -> Iterator[Place]:
    """Where a cell of a fiche is summed: its own period, the axes above it, the total; each for the year and the period."""
    yield fiche.pk, None, None
    par_pk = {axe.pk: axe for axe in dossier.axes}
    axe = par_pk.get(fiche.axe_id)
    while axe:
        yield None, axe.pk, annee
        yield None, axe.pk, None
        axe = par_pk.get(axe.parent_id) if axe.parent_id else None
    yield None, None, annee
    yield None, None, None


def expand(dossier: DossierFinancier, cellules: Sequence[Cellule]) -> Iterable[tuple[FicheAction, int, Colonne]]:
    """The cells asked for, once each, and beside a total the financeurs the recap has no column for. Raises ValueError."""
    par_pk = {f.pk: f for f in dossier.fiches}
    colonnes = {TOTAL, *(f.id for f in dossier.financeurs if f.id is not None)}
    vues: set[Cellule] = set()
    for pk, annee, colonne in cellules:
        fiche = par_pk.get(pk)
        if fiche is None or colonne not in colonnes or annee not in list_annees(dossier, fiche):
            raise ValueError("Une cellule cochée n’est plus dans le tableau. Rechargez la page.")
        suite: list[Colonne] = [colonne]
        if colonne == TOTAL:
            absents = [f.id for f in dossier.financeurs if f.id is not None and f.id not in dossier.colonnes_declarees]
            suite += [c for c in absents if dossier.lignes[pk].get(annee, c).montant]
        for c in suite:
            if (pk, annee, c) not in vues:
                vues.add((pk, annee, c))
                yield fiche, annee, c


def list_annees(dossier: DossierFinancier, fiche: FicheAction) -> set[int]:
    """Years that one side or the other has for a fiche."""
    rangee = dossier.recap_fiches.get(fiche.pk)
    return {*dossier.annees, *dossier.annees_de_cout(fiche), *(rangee.annees if rangee else [])}


def plan_tableau(dossier: DossierFinancier, cellules: Sequence[Cellule]) -> list[Ecriture]:
    """Write in the sheets the shares the recap prints, whole years at a time: a share alone would not add up.

    Raises ValueError when the totals differ (costs cannot be guessed) or when the sheet shares by nature or by amounts.
    """
    par_pk = {f.pk: f for f in dossier.fiches}
    ecritures: list[Ecriture] = []
    refus: list[str] = []
    for pk, annee in dict.fromkeys((pk, annee) for pk, annee, _ in cellules):
        fiche = par_pk.get(pk)
        if fiche is None:
            raise ValueError("Une des fiches n’est plus dans la convention. Rechargez la page.")
        if raison := explain_refus(dossier, fiche, annee):
            refus.append(f"{fiche.code}, {annee} : {raison}")
            continue
        rangee = dossier.recap_fiches[pk]
        deja = {p.financeur_id for p in dossier.parts_of(fiche) if p.annee == annee and p.nature_id is None}
        for colonne in dossier.colonnes_declarees:
            montant = rangee.get(annee, colonne) or ZERO
            if montant or colonne in deja:
                ecritures.append(("part_annee", [pk, colonne, annee], f"{montant:.2f}"))
    if refus:
        raise ValueError("Rien n’a été changé. " + " ".join(refus))
    return ecritures


def explain_refus(dossier: DossierFinancier, fiche: FicheAction, annee: int) -> str:
    """Why the printed shares of a year cannot become those of the sheet; empty when they can."""
    rangee, total = dossier.recap_fiches.get(fiche.pk), dossier.lignes[fiche.pk].total(annee).montant or ZERO
    if rangee is None:
        return "le récapitulatif n’a pas de ligne pour cette fiche."
    imprime = rangee.get(annee, TOTAL) or ZERO
    if imprime != total:
        return (
            f"le récapitulatif totalise {format_euros(imprime)}, les coûts de la fiche {format_euros(total)}. Corrigez d’abord les coûts."
        )
    somme = sum((rangee.get(annee, c) or ZERO for c in dossier.colonnes_declarees), ZERO)
    if somme != imprime:
        return f"les parts imprimées font {format_euros(somme)} pour un total de {format_euros(imprime)}."
    parts = [p for p in dossier.parts_of(fiche) if p.taux is not None or p.montant is not None]
    if any(p.nature_id for p in parts):
        return "la fiche partage par nature de dépense. Corrigez ses co-financements dans la fiche."
    if any(p.montant is not None and p.annee is None for p in parts):
        return "la fiche donne des montants pour toute la période. Corrigez ses co-financements dans la fiche."
    if any(p.annee == annee and p.financeur_id not in dossier.colonnes_declarees for p in parts):
        return "un financeur de cette année n’a pas de colonne dans le récapitulatif."
    return ""
