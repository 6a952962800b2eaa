"""The one source of every figure of a bilan: planned, done, gap and rate by line, fiche, axe, nature, financeur and for the year.

Page, PDF, spreadsheet, JSON and payments read a `Synthese`, built in a number of queries that does not grow with the fiches.
Amounts are Decimal euros of two places; what nobody knows is None.
"""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db.models import Sum
from djmoney.money import Money

from conventions.models import Partie
from financement.bilans.comptes import Compte, sum_comptes
from financement.bilans.modeles import Bilan, FicheBilan, LigneBilan, MesureBilan, PartBilan
from financement.bilans.suites import Realisation
from financement.bilans.suivi import AxeSuivi, FicheSuivie, LigneSuivie, MesureSuivie, PartSuivie, Synthese
from financement.cofinancements import NON_REPARTI
from socle.montants import ZERO, round_cents, split_total

Typees = dict[tuple[type, int], dict[str, Any]]


def compute_synthese(bilan: Bilan, typees: Typees | None = None) -> Synthese:
    """Count one bilan; with `typees` as it would be with these columns, by table and row, without writing."""
    return compute_syntheses([bilan], typees)[0]


def compute_syntheses(bilans: Sequence[Bilan], typees: Typees | None = None) -> list[Synthese]:
    """Count several bilans, of one agreement or of many, in a fixed number of queries."""
    typees = typees or {}
    fiches: dict[int, list[FicheBilan]] = defaultdict(list)
    rows = FicheBilan.objects.filter(bilan__in=bilans).order_by("bilan", "ordre", "pk")
    par_pk = {b.pk: b for b in bilans}
    for fiche in rows:
        fiche.bilan = par_pk[fiche.bilan_id]
        _type(fiche, typees)
        fiches[fiche.bilan_id].append(fiche)
    lignes, parts, mesures = defaultdict(list), defaultdict(list), defaultdict(list)
    for ligne in LigneBilan.objects.filter(fiche__bilan__in=bilans).select_related("nature").order_by("ordre", "pk"):
        _type(ligne, typees)
        lignes[ligne.fiche_id].append(ligne)
    for part in PartBilan.objects.filter(fiche__bilan__in=bilans).select_related("financeur").order_by("ordre", "pk"):
        _type(part, typees)
        parts[part.fiche_id].append(part)
    for mesure in MesureBilan.objects.filter(fiche__bilan__in=bilans).order_by("ordre", "pk"):
        mesures[mesure.fiche_id].append(mesure)
    carnets, avant, noms = _read_carnets(bilans), _read_precedents(bilans), _name_financeurs(bilans)
    syntheses = []
    for bilan in bilans:
        axes: dict[tuple[str, str], AxeSuivi] = {}
        for fiche in fiches[bilan.pk]:
            axe = axes.setdefault((fiche.axe_code, fiche.axe_titre), AxeSuivi(fiche.axe_code, fiche.axe_titre))
            # Accepted, each line holds its figure: the carnet tells nothing more.
            carnet = {} if bilan.is_accepte else carnets.get((bilan.convention_id, bilan.annee, fiche.fiche_id), {})
            suivies = [_follow(fiche, ligne, carnet, avant.get((bilan.pk, fiche.fiche_id), {})) for ligne in lignes[fiche.pk]]
            connues = {(li.nature_id, li.libelle) for li in lignes[fiche.pk]}
            hors = sum((montant for cle, (montant, _) in carnet.items() if cle not in connues), ZERO)
            realise = sum_comptes(li.euros for li in suivies).realise
            partagees = share_parts(parts[fiche.pk], realise, noms[bilan.convention_id])
            axe.fiches.append(FicheSuivie(fiche, suivies, partagees, [MesureSuivie(m) for m in mesures[fiche.pk]], hors))
        syntheses.append(Synthese(bilan, list(axes.values())))
    return syntheses


def _type(row: Any, typees: Typees) -> None:
    """Put what is being typed in a row, in memory."""
    for champ, valeur in typees.get((type(row), row.pk), {}).items():
        setattr(row, champ, valeur)


Carnet = dict[tuple[int, str], tuple[Decimal, Decimal | None]]


def _follow(fiche: FicheBilan, ligne: LigneBilan, carnet: Carnet, avant: dict[tuple[int, str], Decimal]) -> LigneSuivie:
    """What was done on a line: as typed, else from the days typed, else from the carnet, else nothing for an action not made."""
    ligne.fiche = fiche
    cle = (ligne.nature_id, ligne.libelle)
    carnet_montant, carnet_jours = carnet.get(cle, (None, None))
    sans_depense = fiche.etat in FicheBilan.SANS_DEPENSE
    jours = ligne.jours if ligne.jours is not None else carnet_jours
    realise = ligne.montant_saisi
    if realise is None:
        realise = carnet_montant if carnet_montant is not None else ZERO if sans_depense else None
    if jours is None and sans_depense and ligne.prevu_jours is not None:
        jours = Decimal(0)
    return LigneSuivie(
        ligne,
        Compte(_amount(ligne.prevu), realise),
        Compte(ligne.prevu_jours, jours),
        carnet_montant,
        carnet_jours,
        avant.get(cle),
        sans_depense,
    )


def share_parts(parts: Sequence[PartBilan], realise: Decimal | None, noms: dict[int | None, tuple[int, str]]) -> list[PartSuivie]:
    """Who paid what was done: as typed; what is left follows the plan's shares of the others. Parts sum to what was done.

    What exceeds it is a negative « non réparti », shown and never hidden.
    """
    suivies: list[PartSuivie] = []
    for part in parts:
        rang, nom = noms.get(part.financeur_id) or (90 + len(suivies), part.financeur.sigle if part.financeur else NON_REPARTI)
        suivies.append(PartSuivie(part.financeur_id, nom, rang, Compte(_amount(part.prevu), _amount(part.montant)), part))
    if realise is None:
        return suivies
    reste = realise - sum((p.compte.realise or ZERO for p in suivies), ZERO)
    libres = [p for p in suivies if p.compte.realise is None]
    poids = [max(ZERO, p.compte.prevu or ZERO) for p in libres]
    if reste >= 0 and any(poids):
        for libre, montant in zip(libres, split_total(reste, poids), strict=True):
            libre.compte.realise = montant
        return suivies
    for libre in libres:
        libre.compte.realise = ZERO
    if reste:
        orphelin = next((p for p in suivies if p.cle is None), None)
        if orphelin is None:
            suivies.append(orphelin := PartSuivie(None, NON_REPARTI, 99, Compte(None, ZERO)))
        orphelin.compte.realise = (orphelin.compte.realise or ZERO) + reste
    return suivies


def _amount(montant: Money | None) -> Decimal | None:
    return None if montant is None else montant.amount


def _read_carnets(bilans: Sequence[Bilan]) -> dict[tuple[int, int, int | None], Carnet]:
    """Sums of the carnet by agreement, year and fiche, then by nature and libellé."""
    sommes: dict[tuple[int, int, int | None], Carnet] = defaultdict(dict)
    rows = (
        Realisation.objects.filter(
            convention__in={b.convention_id for b in bilans}, date__year__in={b.annee for b in bilans}, retiree_le=None
        )
        .order_by()
        .values("convention", "date__year", "fiche", "nature", "libelle")
        .annotate(euros=Sum("montant"), jours_=Sum("jours"))
    )
    for r in rows:
        jours = None if r["jours_"] is None else round_cents(r["jours_"])
        sommes[r["convention"], r["date__year"], r["fiche"]][r["nature"], r["libelle"]] = (round_cents(r["euros"]), jours)
    return sommes


def _read_precedents(bilans: Sequence[Bilan]) -> dict[tuple[int, int | None], dict[tuple[int, str], Decimal]]:
    """What was typed the year before, by bilan and fiche."""
    suivants = {(b.convention_id, b.annee - 1): b.pk for b in bilans}
    if not suivants:
        return {}
    rows = LigneBilan.objects.filter(
        fiche__bilan__convention__in={c for c, _ in suivants}, fiche__bilan__annee__in={a for _, a in suivants}, montant__isnull=False
    ).values_list("fiche__bilan__convention", "fiche__bilan__annee", "fiche__fiche", "nature", "libelle", "montant")
    precedents: dict[tuple[int, int | None], dict[tuple[int, str], Decimal]] = defaultdict(dict)
    for convention, annee, fiche, nature, libelle, montant in rows:
        if (convention, annee) in suivants:
            precedents[suivants[convention, annee], fiche][nature, libelle] = round_cents(montant)
    return precedents


def _name_financeurs(bilans: Sequence[Bilan]) -> dict[int, dict[int | None, tuple[int, str]]]:
    """Rank and short name of the parties of each agreement."""
    noms: dict[int, dict[int | None, tuple[int, str]]] = defaultdict(dict)
    for partie in Partie.objects.filter(convention__in={b.convention_id for b in bilans}).order_by("convention", "ordre", "pk"):
        connus = noms[partie.convention_id]
        connus.setdefault(partie.organisation_id, (len(connus) + 1, partie.nom_court))
    return noms
