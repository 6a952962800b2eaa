"""Who pays what: the costs of a fiche shared between its financeurs, to the cent. Pure functions.

A cost follows the most precise share that covers it: nature and year, then nature, then year, then the
whole fiche. A share with an amount counts for that amount, a share with only a rate for that percentage.
Whatever no share covers is « non réparti » (key None), so that the parts always sum to the costs. When the
shares exceed the costs the difference is a negative « non réparti »: shown, never hidden.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from socle.montants import ZERO, round_cents, split_total

CENT_POUR_CENT = Decimal(100)
Portee = tuple[int | None, int | None]  # nature, year


@dataclass(frozen=True)
class Cout:
    """One known cost, in euros."""

    nature: int
    annee: int
    montant: Decimal


@dataclass(frozen=True)
class Part:
    """One declared share: rate in % and/or amount in euros, for a nature and/or a year."""

    financeur: int | None
    taux: Decimal | None = None
    montant: Decimal | None = None
    nature: int | None = None
    annee: int | None = None


Repartition = dict[int, dict[int | None, Decimal]]  # year -> financeur (None: non réparti) -> euros


def split_costs(couts: Sequence[Cout], parts: Sequence[Part]) -> Repartition:
    """Share costs by year and financeur; for every year the values sum exactly to its costs."""
    par_portee = _group_parts(parts)
    a_partager = _group_costs(couts, par_portee)
    resultat: Repartition = defaultdict(lambda: defaultdict(lambda: ZERO))
    for portee, par_annee in a_partager.items():
        partage = (
            _split_portee(dict(sorted(par_annee.items())), par_portee[portee]) if portee else {a: {None: t} for a, t in par_annee.items()}
        )
        for annee, montants in partage.items():
            for financeur, montant in montants.items():
                resultat[annee][financeur] += montant
    return {annee: dict(montants) for annee, montants in sorted(resultat.items())}


def split_each(couts: Sequence[Cout], parts: Sequence[Part]) -> tuple[dict[int, dict[int, Decimal]], dict[int, Decimal]]:
    """What each share comes to, by its rank then by year, and what none covers by year. Sums like `split_costs`."""
    par_rang: dict[int, dict[int, Decimal]] = {rang: {} for rang in range(len(parts))}
    reste: dict[int, Decimal] = {}
    for annee, montants in split_costs(couts, [replace(part, financeur=rang) for rang, part in enumerate(parts)]).items():
        for rang, montant in montants.items():
            if rang is None:
                reste[annee] = montant
            else:
                par_rang[rang][annee] = montant
    return par_rang, reste


def sum_by_portee(couts: Sequence[Cout], parts: Sequence[Part]) -> dict[Portee | None, Decimal]:
    """Cost that each scope of the shares covers; under None, the cost that none covers."""
    par_portee = _group_parts(parts)
    sommes: dict[Portee | None, Decimal] = dict.fromkeys(par_portee, ZERO)
    for portee, par_annee in _group_costs(couts, par_portee).items():
        sommes[portee] = sum(par_annee.values(), ZERO)
    return sommes


def find_portee(nature: int, annee: int, parts: Sequence[Part]) -> Portee | None:
    """The scope whose shares cover a cost of this nature and year, known or not; None when none does."""
    return _find_portee(Cout(nature, annee, ZERO), _group_parts(parts))


def list_uncovered(couts: Sequence[Cout], parts: Sequence[Part]) -> dict[int, Decimal]:
    """Costs that no share covers, by year; what a share covers only in part is not among them."""
    return dict(_group_costs(couts, _group_parts(parts)).get(None, {}))


def _group_parts(parts: Sequence[Part]) -> dict[Portee, list[Part]]:
    """Shares that say a rate or an amount, by scope."""
    par_portee: dict[Portee, list[Part]] = defaultdict(list)
    for part in parts:
        if part.taux is not None or part.montant is not None:
            par_portee[part.nature, part.annee].append(part)
    return par_portee


def _group_costs(couts: Sequence[Cout], par_portee: dict[Portee, list[Part]]) -> dict[Portee | None, dict[int, Decimal]]:
    """Costs by the scope that covers them, then by year."""
    groupes: dict[Portee | None, dict[int, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for cout in couts:
        groupes[_find_portee(cout, par_portee)][cout.annee] += round_cents(cout.montant)
    return groupes


def _find_portee(cout: Cout, par_portee: dict[Portee, list[Part]]) -> Portee | None:
    candidates: list[Portee] = [(cout.nature, cout.annee), (cout.nature, None), (None, cout.annee), (None, None)]
    return next((portee for portee in candidates if portee in par_portee), None)


def _split_portee(totaux: dict[int, Decimal], parts: list[Part]) -> Repartition:
    """Share the yearly totals of one scope between the parts that cover it."""
    if all(part.montant is None for part in parts):
        return {annee: split_by_rates(total, parts) for annee, total in totaux.items()}
    ensemble = sum(totaux.values(), ZERO)
    montants = [part.montant if part.montant is not None else round_cents(ensemble * (part.taux or 0) / CENT_POUR_CENT) for part in parts]
    reste = ensemble - sum(montants, ZERO)
    cles = [part.financeur for part in parts]
    if reste >= 0:
        lignes = split_matrix([*montants, reste], list(totaux.values()))
        return _by_year(totaux, [*cles, None], lignes)
    poids = list(totaux.values()) if ensemble else [Decimal(1)] + [ZERO] * (len(totaux) - 1)
    lignes = [split_total(montant, poids) for montant in montants]
    lignes.append([total - sum(ligne[i] for ligne in lignes) for i, total in enumerate(totaux.values())])
    return _by_year(totaux, [*cles, None], lignes)


def split_by_rates(total: Decimal, parts: Sequence[Part]) -> dict[int | None, Decimal]:
    """Share one total by rates; what is missing to 100 % is non réparti, what exceeds it a negative non réparti."""
    taux = [part.taux or ZERO for part in parts]
    manque = CENT_POUR_CENT - sum(taux)
    if manque >= 0:
        montants = split_total(total, [*taux, manque])
    else:
        montants = [round_cents(total * t / CENT_POUR_CENT) for t in taux]
        montants.append(total - sum(montants))
    resultat: dict[int | None, Decimal] = defaultdict(lambda: ZERO)
    for financeur, montant in zip([*(part.financeur for part in parts), None], montants, strict=True):
        resultat[financeur] += montant
    return {f: m for f, m in resultat.items() if m or f is not None}


def split_matrix(lignes: Sequence[Decimal], colonnes: Sequence[Decimal]) -> list[list[Decimal]]:
    """Fill a table whose rows sum to `lignes` and columns to `colonnes`, in cents, as evenly as possible.

    Both are positive amounts with the same sum; raises ValueError otherwise.
    """
    if sum(lignes) != sum(colonnes) or min([*lignes, *colonnes]) < 0:
        raise ValueError("rows and columns must be positive and sum to the same total")
    restes = list(lignes)
    table: list[list[Decimal]] = [[] for _ in lignes]
    for rang, colonne in enumerate(colonnes):
        derniere = rang == len(colonnes) - 1
        cellules = restes if derniere else split_total(colonne, restes) if any(restes) else [ZERO] * len(restes)
        for i, cellule in enumerate(list(cellules)):
            table[i].append(cellule)
            restes[i] -= cellule
    return table


def _by_year(totaux: dict[int, Decimal], cles: list[int | None], lignes: list[list[Decimal]]) -> Repartition:
    resultat: Repartition = {}
    for i, annee in enumerate(totaux):
        montants: dict[int | None, Decimal] = defaultdict(lambda: ZERO)
        for cle, ligne in zip(cles, lignes, strict=True):
            montants[cle] += ligne[i]
        resultat[annee] = {f: m for f, m in montants.items() if m or f is not None}
    return resultat
