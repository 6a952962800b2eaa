"""Invented agreements written by batches: memory holds one batch, whatever their number."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from django.db import transaction

from conventions.gel import lift
from conventions.models import Convention
from documents.volume.dossiers import AVENANT, CADRES_LIES, FAMILLE, MODIFIEE, RENOUVELEE, Dossier, build_dossier, is_avenant
from documents.volume.referentiel import load_comptes, load_referentiel
from financement.copie import ORDRE
from financement.models import Paiement

LOT = 5 * FAMILLE
BATCH = 2000  # rows a statement


def write_volume(nombre: int, graine: int, tell: Callable[[int], None] = lambda fait: None) -> Counter[str]:
    """Write `nombre` agreements, avenants included; count the rows by their plural name. `tell` hears how many are written."""
    comptes: Counter[str] = Counter()
    with lift():
        with transaction.atomic():
            referentiel = load_referentiel(graine)
            load_comptes(referentiel)
        for rangs in _list_lots(nombre):
            with transaction.atomic():
                comptes += _write_lot([build_dossier(graine, rang, referentiel) for rang in rangs])
            tell(rangs[-1] + 1)
    return comptes


def _list_lots(nombre: int) -> Iterator[list[int]]:
    for debut in range(0, nombre, LOT):
        yield list(range(debut, min(debut + LOT, nombre)))


def _write_lot(dossiers: list[Dossier]) -> Counter[str]:
    comptes: Counter[str] = Counter()
    _write_conventions(dossiers)
    comptes[str(Convention._meta.verbose_name_plural)] += len(dossiers)
    for modele in dict.fromkeys(table for d in dossiers for table in d.rows):
        rows = [row for d in dossiers for row in d.rows[modele] if not (modele is Paiement and is_avenant(d.rang))]
        for niveau in _split_niveaux(rows):
            modele._base_manager.bulk_create(niveau, batch_size=BATCH)
        comptes[str(modele._meta.verbose_name_plural)] += len(rows)
    _link_avenants(dossiers)
    return comptes


def _write_conventions(dossiers: list[Dossier]) -> None:
    """Those that others name come first."""
    par_rang = {d.rang: d.convention for d in dossiers}
    attente = {d.rang: d for d in dossiers}
    while attente:
        pretes = [d for d in attente.values() if not _list_nommees(d.rang) & attente.keys()]
        for dossier in pretes:
            rang, place = dossier.rang, dossier.rang % FAMILLE
            if is_avenant(rang):
                dossier.convention.avenant_de = par_rang[rang - 1]
            elif place in CADRES_LIES:
                dossier.convention.parent = par_rang[rang - place + CADRES_LIES[place]]
            elif place in RENOUVELEE:
                dossier.convention.renouvelle = par_rang[rang - place + RENOUVELEE[place]]
            del attente[rang]
        Convention.objects.bulk_create([d.convention for d in pretes])


def _list_nommees(rang: int) -> set[int]:
    """Numbers of the agreements that this one names."""
    place = rang % FAMILLE
    if is_avenant(rang):
        return {rang - AVENANT + MODIFIEE}
    liees = {**CADRES_LIES, **RENOUVELEE}
    return {rang - place + liees[place]} if place in liees else set()


def _split_niveaux(rows: list[Any]) -> Iterator[list[Any]]:
    """Rows of a tree level by level; the others at once."""
    racines = [r for r in rows if getattr(r, "parent_id", None) is None and getattr(r, "parent", None) is None]
    yield racines
    if len(racines) < len(rows):
        yield [r for r in rows if getattr(r, "parent", None) is not None]


def _link_avenants(dossiers: list[Dossier]) -> None:
    """Say which row each row of an avenant was copied from."""
    par_rang = {d.rang: d for d in dossiers}
    avenants = [d for d in dossiers if is_avenant(d.rang)]
    for avenant in avenants:
        source = par_rang[avenant.rang - 1]
        origines: dict[str, dict[str, int]] = {"convention": {str(avenant.convention.pk): source.convention.pk}}
        for modele, _ in ORDRE:
            paires = zip(avenant.rows.get(modele, []), source.rows.get(modele, []), strict=True)
            origines[str(modele._meta.model_name)] = {str(copie.pk): origine.pk for copie, origine in paires}
        avenant.convention.origines = origines
    Convention.objects.bulk_update([d.convention for d in avenants], ["origines"])
