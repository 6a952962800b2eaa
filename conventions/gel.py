"""What is frozen: from « à signer » on, no row of a convention is written any more, by whatever door.

Pages, admin and imports refuse beforehand, with the sentence of `explain_gel`. This module is the last door: it refuses the
writing itself, so that a shell, a new page or a mistake cannot change what was signed. Each app protects its own tables.
"""

import contextlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
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


@dataclass(frozen=True)
class Protection:
    """How a table is frozen: the path to the state that commands it, the columns that stay writable, the states, the sentence."""

    chemin: str
    libres: frozenset[str]
    figes: tuple[str, ...]
    refus: str


REFUS = "Cette convention est figée : rien n’y change plus ({nom}). Une convention signée se modifie par un avenant."
_chemins: dict[type[models.Model], Protection] = {}


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
        if self._is_held(champs):
            _refuse_rows(self.order_by())
            if lien := _find_lien(self.model):
                vers = [champs[nom] for nom in (lien.name, lien.attname) if nom in champs]
                # An expression is what `bulk_update` makes, of rows it has looked at.
                _refuse_cles(self.model, {getattr(v, "pk", v) for v in vers if not hasattr(v, "resolve_expression")})
        return super().update(**champs)

    def bulk_create(
        self,
        objs: Iterable[Any],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Collection[str] | None = None,
        unique_fields: Collection[str] | None = None,
    ) -> list[Any]:
        objs = list(objs)
        if not _levee.get() and self.model in _chemins:
            _refuse_parents(self.model, objs)
            if update_conflicts and self._is_held(update_fields or ()):
                cles = {self.model._meta.pk.name if nom == "pk" else nom for nom in unique_fields or ["pk"]}
                communes = {f"{nom}__in": {getattr(o, self.model._meta.get_field(nom).attname) for o in objs} for nom in cles}  # type: ignore[union-attr]
                _refuse_rows(self.model._base_manager.filter(**communes))
        return super().bulk_create(objs, batch_size, ignore_conflicts, update_conflicts, update_fields, unique_fields)

    def bulk_update(self, objs: Iterable[Any], fields: Iterable[str], *args: Any, **options: Any) -> int:
        objs, fields = list(objs), list(fields)
        if self._is_held(fields):
            _refuse_rows(self.model._base_manager.filter(pk__in=[o.pk for o in objs]))
            _refuse_parents(self.model, objs)
        return super().bulk_update(objs, fields, *args, **options)

    def _raw_delete(self, using: str | None) -> int:
        """The deletion of imports undone, which asks no signal."""
        if self._is_held():
            _refuse_rows(self.order_by())
        return super()._raw_delete(using)

    def _is_held(self, champs: Iterable[str] | None = None) -> bool:
        """Tell whether writing these columns (None: the whole row) obeys the freeze."""
        if _levee.get() or self.model not in _chemins:
            return False
        return champs is None or not set(champs) <= _chemins[self.model].libres


def protect(
    modele: type[models.Model], chemin: str, libres: Collection[str] = (), figes: Sequence[str] = FIGES, refus: str = REFUS
) -> None:
    """Freeze a table with its convention, reached by `chemin` (empty for the convention itself); `libres` stay writable.

    Another document than a convention has its own `figes` states and its own sentence.
    """
    _chemins[modele] = Protection(f"{chemin}__etat" if chemin else "etat", frozenset(libres), tuple(figes), refus)
    pre_save.connect(_before_save, sender=modele, dispatch_uid=f"gel-{modele.__name__}")
    pre_delete.connect(_before_delete, sender=modele, dispatch_uid=f"gel-{modele.__name__}-suppression")
    post_delete.connect(_after_delete, sender=modele, dispatch_uid=f"gel-{modele.__name__}-supprime")
    # What related managers write through (`convention.fiches.add(fiche)`): without signal nor default manager.
    base = QuerySetGelable.as_manager()
    base.model, base.name, base.auto_created = modele, "_base_manager", True
    modele._meta.base_manager = base
    for champ in modele._meta.local_many_to_many:
        lien = f"gel-{modele.__name__}-{champ.name}"
        m2m_changed.connect(_before_link, sender=champ.remote_field.through, dispatch_uid=lien)
        if champ.remote_field.through and champ.remote_field.through._meta.auto_created:  # its rows go without a signal
            pre_delete.connect(partial(_before_unlink, champ), sender=champ.related_model, weak=False, dispatch_uid=f"{lien}-suppression")


def _before_save(sender: type[models.Model], instance: Any, raw: bool = False, update_fields: Any = None, **_: Any) -> None:
    if raw or _levee.get():
        return
    protection = _chemins[sender]
    libres = protection.libres
    if update_fields is not None and set(update_fields) <= libres:
        return
    figee = {f"{protection.chemin}__in": protection.figes}
    ancienne = sender._base_manager.filter(pk=instance.pk, **figee).first() if instance.pk else None
    if ancienne is not None:
        champs = [f for f in sender._meta.concrete_fields if f.name not in libres]
        if not libres or any(getattr(ancienne, f.attname) != getattr(instance, f.attname) for f in champs):
            _refuse(sender)
    else:
        _refuse_parents(sender, [instance])


def _before_delete(sender: type[models.Model], instance: Any, **_: Any) -> None:
    if not _levee.get():
        _refuse_rows(sender._base_manager.filter(pk=instance.pk))


def _after_delete(sender: type[models.Model], instance: Any, **_: Any) -> None:
    """Nothing: listening is enough for Django to delete rows one by one, each passing the check above."""


def _before_link(sender: Any, instance: Any, action: str, reverse: bool = False, model: Any = None, pk_set: Any = None, **_: Any) -> None:
    """A link changes from either side: `reverse` says that `instance` is what the convention names."""
    if not action.startswith("pre_") or _levee.get():
        return
    modele = model if reverse else type(instance)
    if modele not in _chemins:
        return
    if not reverse:
        rows = modele._base_manager.filter(pk=instance.pk)
    elif pk_set is not None:
        rows = modele._base_manager.filter(pk__in=pk_set)
    else:
        champ = next(c for c in modele._meta.local_many_to_many if c.remote_field.through is sender)
        rows = modele._base_manager.filter(**{champ.name: instance})
    _refuse_rows(rows)


def _before_unlink(champ: Any, instance: Any, **_: Any) -> None:
    """What a frozen convention names is not deleted: its link would go with it."""
    if not _levee.get():
        _refuse_rows(champ.model._base_manager.filter(**{champ.name: instance}))


def _refuse_rows(rows: models.QuerySet[Any]) -> None:
    protection = _chemins[rows.model]
    if rows.filter(**{f"{protection.chemin}__in": protection.figes}).exists():
        _refuse(rows.model)


def _find_lien(modele: type[models.Model]) -> Any:
    """The column by which a row hangs from its convention; None for the convention itself."""
    premier, _, suite = _chemins[modele].chemin.partition("__")
    return modele._meta.get_field(premier) if suite else None


def _refuse_parents(modele: type[models.Model], objs: Iterable[Any]) -> None:
    """Refuse rows put under a frozen convention; making a convention already signed is not changing it."""
    if lien := _find_lien(modele):
        _refuse_cles(modele, {getattr(o, lien.attname) for o in objs})


def _refuse_cles(modele: type[models.Model], cles: Collection[Any]) -> None:
    """Refuse the parents of these keys when their convention is frozen."""
    protection = _chemins[modele]
    suite = protection.chemin.partition("__")[2]
    if cles and _find_lien(modele).related_model._base_manager.filter(pk__in=cles, **{f"{suite}__in": protection.figes}).exists():
        _refuse(modele)


def _refuse(modele: type[models.Model]) -> None:
    raise ConventionFigee(_chemins[modele].refus.format(nom=modele._meta.verbose_name))
