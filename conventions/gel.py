"""What is frozen: from « à signer » on, no row of a convention is written any more, by whatever door.

Pages, admin and imports refuse beforehand, with the sentence of `explain_gel`. This module is the last door: it refuses the
writing itself, so that a shell, a new page or a mistake cannot change what was signed. Each app protects its own tables.
"""

import contextlib
from collections.abc import Collection, Iterable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.signals import m2m_changed, post_delete, pre_delete, pre_save

from conventions.etats import ARRETES, FIGES, Etat

if TYPE_CHECKING:
    from conventions.conventions import Convention

SUIVI_CONVENTION = frozenset(
    {"etat", "date_signature", "date_notification", "date_executoire", "date_cloture", "delai_bilan_mois", "preavis_mois", "modifiee_le"}
)
SUIVI_PARTIE = frozenset({"deliberation_executoire", "deliberation_fichier", "seance_prevue"})
_levee: ContextVar[bool] = ContextVar("gel_leve", default=False)
_chemins: dict[type[models.Model], tuple[str, frozenset[str]]] = {}


class ConventionFigee(ValidationError):
    """Something tried to write in a frozen convention."""


def explain_gel(convention: "Convention") -> str:
    """Why nothing of this convention changes any more; empty while it is being written."""
    feminin = not convention.is_avenant
    nom = "Cette convention" if feminin else "Cet avenant"
    if convention.etat in ARRETES:
        etat = {Etat.VALIDEE: "validé", Etat.DELIBEREE: "délibéré"}[Etat(convention.etat)] + ("e" if feminin else "")
        return f"{nom} est {etat} : renvoyez-{'la' if feminin else 'le'} en négociation pour modifier ses fiches."
    if convention.etat == Etat.A_SIGNER:
        return f"{nom} part à la signature : ses fiches ne changent plus."
    if convention.etat == Etat.CADUQUE:
        return f"{nom} est {'caduque' if feminin else 'caduc'} : ses fiches ne changent plus."
    return f"{nom} est {'signée' if feminin else 'signé'} : ses fiches ne changent que par un avenant." if convention.etat in FIGES else ""


@contextlib.contextmanager
def lift() -> Iterator[None]:
    """For loaders that write again what was signed elsewhere, as it was signed."""
    jeton = _levee.set(True)
    try:
        yield
    finally:
        _levee.reset(jeton)


M = TypeVar("M", bound=models.Model)


class QuerySetGelable(models.QuerySet[M]):
    """Rows of conventions: writing many at once obeys the same rule as writing one."""

    def update(self, **champs: Any) -> int:
        chemin, libres = _chemins.get(self.model, ("", frozenset()))
        if chemin and not _levee.get() and not set(champs) <= libres:
            _refuse_rows(self.order_by(), chemin)
        return super().update(**champs)

    def bulk_create(self, objs: Iterable[Any], *args: Any, **options: Any) -> list[Any]:
        objs = list(objs)
        if not _levee.get() and self.model in _chemins:
            _refuse_parents(self.model, objs)
        return super().bulk_create(objs, *args, **options)

    def bulk_update(self, objs: Iterable[Any], fields: Iterable[str], *args: Any, **options: Any) -> int:
        objs, fields = list(objs), list(fields)
        chemin, libres = _chemins.get(self.model, ("", frozenset()))
        if chemin and not _levee.get() and not set(fields) <= libres:
            _refuse_rows(self.model._base_manager.filter(pk__in=[o.pk for o in objs]), chemin)
        return super().bulk_update(objs, fields, *args, **options)


def protect(modele: type[models.Model], chemin: str, libres: Collection[str] = ()) -> None:
    """Freeze a table with its convention, reached by `chemin` (empty for the convention itself); `libres` stay writable."""
    _chemins[modele] = (f"{chemin}__etat" if chemin else "etat", frozenset(libres))
    pre_save.connect(_before_save, sender=modele, dispatch_uid=f"gel-{modele.__name__}")
    pre_delete.connect(_before_delete, sender=modele, dispatch_uid=f"gel-{modele.__name__}-suppression")
    post_delete.connect(_after_delete, sender=modele, dispatch_uid=f"gel-{modele.__name__}-supprime")
    for champ in modele._meta.local_many_to_many:
        m2m_changed.connect(_before_link, sender=champ.remote_field.through, dispatch_uid=f"gel-{modele.__name__}-{champ.name}")


def _before_save(sender: type[models.Model], instance: Any, raw: bool = False, update_fields: Any = None, **_: Any) -> None:
    if raw or _levee.get():
        return
    libres = _chemins[sender][1]
    if update_fields is not None and set(update_fields) <= libres:
        return
    chemin = _chemins[sender][0]
    ancienne = sender._base_manager.filter(pk=instance.pk, **{f"{chemin}__in": FIGES}).first() if instance.pk else None
    if ancienne is not None:
        champs = [f for f in sender._meta.concrete_fields if f.name not in libres]
        if not libres or any(getattr(ancienne, f.attname) != getattr(instance, f.attname) for f in champs):
            _refuse(sender)
    else:
        _refuse_parents(sender, [instance])


def _before_delete(sender: type[models.Model], instance: Any, **_: Any) -> None:
    if not _levee.get():
        _refuse_rows(sender._base_manager.filter(pk=instance.pk), _chemins[sender][0])


def _after_delete(sender: type[models.Model], instance: Any, **_: Any) -> None:
    """Nothing: listening is enough for Django to delete rows one by one, each passing the check above."""


def _before_link(sender: Any, instance: Any, action: str, **_: Any) -> None:
    modele = type(instance)
    if action.startswith("pre_") and modele in _chemins and not _levee.get():
        _refuse_rows(modele._base_manager.filter(pk=instance.pk), _chemins[modele][0])


def _refuse_rows(rows: models.QuerySet[Any], chemin: str) -> None:
    if rows.filter(**{f"{chemin}__in": FIGES}).exists():
        _refuse(rows.model)


def _refuse_parents(modele: type[models.Model], objs: Iterable[Any]) -> None:
    """Refuse rows put under a frozen convention."""
    chemin = _chemins[modele][0]
    premier, _, suite = chemin.partition("__")
    if not suite:  # the convention itself: making one already signed is not changing it
        return
    lien = modele._meta.get_field(premier)
    cles = {getattr(o, lien.attname) for o in objs}  # type: ignore[union-attr]
    parents = lien.related_model._base_manager.filter(pk__in=cles)  # type: ignore[union-attr]
    if parents.filter(**{f"{suite}__in": FIGES}).exists():
        _refuse(modele)


def _refuse(modele: type[models.Model]) -> None:
    raise ConventionFigee(
        f"Cette convention est figée : rien n’y change plus ({modele._meta.verbose_name}). Une convention signée se modifie par un avenant."
    )
