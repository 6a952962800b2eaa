"""Checks asked for by changes: noted once the change is saved, done by the worker, never while somebody writes.

The signals below only say that something changed; no rule lives in them.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import Any

from django.db import connection, transaction
from django.db.models import Model
from django.db.models.signals import post_delete, post_save
from django.dispatch import Signal
from django.utils import timezone
from django_tasks import task

from comptes.models import Organisation
from conventions.models import Article, Axe, Convention, MontantDeclare, Partie, Travail
from conventions.travaux.sortes import Sorte, register
from conventions.travaux.suivi import follow, start
from fiches.models import CibleIndicateur, FicheAction, Indicateur
from financement.cofinancements import CoFinancement
from financement.controles.journal import Verification
from financement.controles.verification import verify
from financement.couts import LigneCout, NatureDepense, TotalDeclare
from financement.cumuls import refresh
from financement.imports.journal import ImportBudget
from financement.recap_declare import MontantRecapDeclare
from financement.versements import Versement

CONTROLE = register(Sorte("controle", "Contrôle de cohérence", arretable=False))
TOURS = 5  # a change made during the check asks for another one; after so many, the next change will
verifiee = Signal()  # a convention changed, and its check is done; told with its number
_silence: ContextVar[bool] = ContextVar("silence", default=False)


def mark(conventions: Iterable[int]) -> None:
    """Ask for a check of these conventions, once what is being saved is saved."""
    conventions = set(conventions)
    if _silence.get() or not conventions:
        return
    attente: set[int] = connection.__dict__.setdefault("a_verifier", set())
    attente.update(conventions)
    # Robust: what was saved is saved, even if asking for its check fails.
    transaction.on_commit(_flush, robust=True)


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """For loaders that check what they loaded themselves."""
    jeton = _silence.set(True)
    try:
        yield
    finally:
        _silence.reset(jeton)


def _flush() -> None:
    attente: set[int] = connection.__dict__.setdefault("a_verifier", set())
    if not attente:
        return
    ids, maintenant = sorted(attente), timezone.now()
    attente.clear()
    with transaction.atomic():
        conventions = list(Convention.objects.filter(pk__in=ids).order_by("pk"))  # some were just deleted
        ids = [c.pk for c in conventions]
        Verification.objects.bulk_create([Verification(convention_id=pk) for pk in ids], ignore_conflicts=True)
        # Locked: a check that ends now is waited for, else it would seem to be still to come.
        verrou = Verification.objects.select_for_update().filter(convention__in=ids).order_by("convention")
        list(verrou.values_list("pk"))
        Verification.objects.filter(convention__in=ids).update(perimee_le=maintenant)
    for convention in conventions:
        ask_check(convention)


def ask_check(convention: Convention) -> Travail:
    """Hand a check over; one that waits or runs already is enough: it ends by looking again."""
    return start(CONTROLE.cle, convention, None, verifier_convention, convention.pk)


@task()
def verifier_convention(travail: int, pk: int) -> None:
    """Keep its figures anew, then check it until nothing changed meanwhile. Does nothing when it was done already."""
    with follow(travail) as suivi:
        if suivi is None:
            return
        refresh([pk])
        for tour in range(TOURS):
            verification = _read_perimee(pk)
            if verification is None:
                break
            suivi(tour, TOURS, "Application des règles")
            verify(verification.convention)
    verifiee.send(sender=None, convention=pk)
    # What changed between the last look and the end of this work found it running still, and asked for no other.
    if verification := _read_perimee(pk):
        ask_check(verification.convention)


def _read_perimee(pk: int) -> Verification | None:
    """The check of a convention that changed since; None when it is up to date."""
    return Verification.objects.select_related("convention").filter(convention=pk, perimee_le__isnull=False).first()


# --- Which conventions a row belongs to ----------------------------------------------------------------------------


def _of_convention(convention: Convention) -> Iterable[int]:
    """Itself, and those that read its dates: under it, or renewing it."""
    liees = Convention.objects.filter(parent=convention) | Convention.objects.filter(renouvelle=convention)
    return [convention.pk, *liees.values_list("pk", flat=True)]


def _of_fiche(row: Any) -> Iterable[int]:
    fiche = row._state.fields_cache.get("fiche")
    return [fiche.convention_id] if fiche else FicheAction.toutes.filter(pk=row.fiche_id).values_list("convention_id", flat=True)


def _of_import(imp: ImportBudget) -> Iterable[int]:
    """Imports write by whole batches, which signals do not see; their journal says when they are done, or undone."""
    return [imp.convention_id] if imp.etat in (ImportBudget.Etat.FAIT, ImportBudget.Etat.ANNULE) else []


SOURCES: dict[type[Model], Callable[[Any], Iterable[int]]] = {
    Convention: _of_convention,
    **dict.fromkeys([Article, Axe, FicheAction, MontantDeclare, MontantRecapDeclare, Partie, Versement], lambda row: [row.convention_id]),
    **dict.fromkeys([CoFinancement, Indicateur, LigneCout, TotalDeclare], _of_fiche),
    CibleIndicateur: lambda row: FicheAction.toutes.filter(indicateurs=row.indicateur_id).values_list("convention_id", flat=True),
    ImportBudget: _of_import,
    Organisation: lambda row: Partie.objects.filter(organisation=row.pk).values_list("convention_id", flat=True),
    NatureDepense: lambda row: Convention.objects.filter(fiches__lignes_cout__nature=row.pk).distinct().values_list("pk", flat=True),
}


def _changed(sender: type[Model], instance: Any, raw: bool = False, **_: Any) -> None:
    if not raw and not _silence.get():
        mark(SOURCES[sender](instance))


def connect() -> None:
    """Listen to the tables the rules read."""
    for source in SOURCES:
        post_save.connect(_changed, sender=source, dispatch_uid=f"suivi-{source.__name__}")
        post_delete.connect(_changed, sender=source, dispatch_uid=f"suivi-{source.__name__}-supprime")
