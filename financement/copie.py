"""A whole convention copied, row by row: the working copy of an avenant, or the draft of a renewal."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from django.db import models, transaction
from simple_history.utils import bulk_create_with_history

from conventions.axes import Axe
from conventions.models import Article, Convention, MontantDeclare, Objectif, Partie
from fiches.models import CibleIndicateur, FicheAction, Indicateur, Pilote, ProduitPret
from financement.cofinancements import CoFinancement
from financement.couts import LigneCout, TotalDeclare
from financement.recap_declare import MontantRecapDeclare
from financement.versements import Versement

# Each after those it points to. The fiches in the corbeille stay where they are.
ORDRE: list[tuple[type[models.Model], str]] = [
    (Partie, "convention"),
    (Objectif, "convention"),
    (Axe, "convention"),
    (Article, "convention"),
    (MontantDeclare, "convention"),
    (FicheAction, "convention"),
    (Indicateur, "fiche"),
    (CibleIndicateur, "indicateur"),
    (ProduitPret, "fiche"),
    (Pilote, "fiche"),
    (LigneCout, "fiche"),
    (CoFinancement, "fiche"),
    (TotalDeclare, "fiche"),
    (MontantRecapDeclare, "convention"),
    (Versement, "convention"),
]
Retouche = Callable[[Any], Any]


@dataclass
class Copie:
    """A convention made from another; `origines` gives, by table, the row each of its rows was first copied from."""

    convention: Convention
    cles: dict[str, dict[int, int]] = field(default_factory=dict)  # by table: key of the source → key of the copy

    def find_origines(self, source: Convention) -> dict[str, dict[str, int]]:
        """Each copied row by its number, and the first row of the chain it comes from."""
        return {
            table: {str(neuve): int(source.origines.get(table, {}).get(str(ancienne), ancienne)) for ancienne, neuve in cles.items()}
            for table, cles in self.cles.items()
        }


@transaction.atomic
def copy_convention(source: Convention, user: Any, champs: dict[str, Any], retouche: Retouche | None = None) -> Copie:
    """Copy a convention with all it says; `champs` replace columns of the convention itself.

    `retouche` may change each row before it is written, or return None to leave it out (and all that hangs from it). Comments,
    passages, journal, imports, controls and payments made stay with the source.
    """
    neuve = Convention.objects.get(pk=source.pk)
    neuve.pk, neuve._state.adding = None, True
    for champ, valeur in champs.items():
        setattr(neuve, champ, valeur)
    neuve._history_user = user  # type: ignore[attr-defined]
    neuve.full_clean()
    neuve.save()
    neuve.politiques.set(source.politiques.all())
    copie = Copie(neuve, {"convention": {source.pk: neuve.pk}})
    for modele, lien in ORDRE:
        _copy_table(copie, modele, lien, retouche, user)
    _copy_maitres(copie)
    return copie


def _copy_maitres(copie: Copie) -> None:
    """Organisations that lead each fiche, in the fiche and in the first version of its history."""
    maitres: Any = FicheAction.maitres_ouvrage.through
    fiches = copie.cles["ficheaction"]
    liens = maitres.objects.bulk_create(
        [
            maitres(ficheaction_id=fiches[m.ficheaction_id], organisation_id=m.organisation_id)
            for m in maitres.objects.filter(ficheaction__in=fiches)
        ]
    )
    versions = {v.id: v for v in FicheAction.history.filter(id__in=fiches.values())}
    passes = FicheAction.history.model.maitres_ouvrage.model
    passes.objects.bulk_create(
        [
            passes(history=versions[li.ficheaction_id], id=li.pk, ficheaction_id=li.ficheaction_id, organisation_id=li.organisation_id)
            for li in liens
        ]
    )


def _copy_table(copie: Copie, modele: type[models.Model], lien: str, retouche: Retouche | None, user: Any) -> None:
    """Copy the rows of one table that hang from rows already copied; those of a tree, level by level."""
    parents = copie.cles[str(modele._meta.get_field(lien).related_model._meta.model_name)]  # type: ignore[union-attr]
    cles = copie.cles.setdefault(str(modele._meta.model_name), {})
    attente = list(modele._default_manager.filter(**{f"{lien}__in": list(parents)}).order_by("pk"))
    internes = [f for f in modele._meta.concrete_fields if f.is_relation and f.related_model is modele]
    while attente:
        restantes = {r.pk for r in attente}
        pretes = [r for r in attente if all(_is_ready(r, f, cles, restantes) for f in internes)] or attente
        restantes -= {r.pk for r in pretes}
        attente = [r for r in attente if r.pk in restantes]
        _write(copie, modele, pretes, cles, retouche, user)


def _is_ready(row: Any, champ: Any, cles: dict[int, int], attente: Collection[int]) -> bool:
    """A row waits for the one of the same table that it points to, when that one is to be copied too."""
    cible = getattr(row, champ.attname)
    return cible is None or cible in cles or cible not in attente


def _write(copie: Copie, modele: Any, rows: list[Any], cles: dict[int, int], retouche: Retouche | None, user: Any) -> None:
    anciennes, neuves = [], []
    for row in rows:
        ancienne = row.pk
        row.pk, row._state.adding = None, True
        if not _follow(copie, modele, row) or (retouche and retouche(row) is None):
            continue
        anciennes.append(ancienne)
        neuves.append(row)
    # One statement a table: a full agreement has a thousand rows.
    creees = bulk_create_with_history(neuves, modele, default_user=user, default_change_reason="Copie")
    cles.update(zip(anciennes, [r.pk for r in creees], strict=True))


def _follow(copie: Copie, modele: Any, row: Any) -> bool:
    """Point a row to the copies of what it pointed to; False when what it hangs from was left out."""
    for champ in modele._meta.concrete_fields:
        if not champ.is_relation or getattr(row, champ.attname) is None:
            continue
        table = champ.related_model._meta.model_name
        if table in copie.cles:
            neuve = copie.cles[table].get(getattr(row, champ.attname))
            if neuve is None and champ.remote_field.on_delete is not models.SET_NULL:
                return False
            setattr(row, champ.attname, neuve)
            if champ.is_cached(row):
                champ.delete_cached_value(row)
    return True
