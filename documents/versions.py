"""Whether an agreement has changed since it was printed: the fingerprint of every row it is printed from.

Reading rows as they are costs some milliseconds where laying out their words costs half a second. A test holds this list
equal to the tables that printing an agreement really reads.
"""

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Model, Q, QuerySet

from comptes.models import Organisation
from conventions.models import Article, Axe, Convention, MontantDeclare, Objectif, Partie
from fiches.models import CibleIndicateur, FicheAction, Indicateur, ProduitPret
from financement.controles.journal import Acceptation
from financement.models import CoFinancement, LigneCout, MontantRecapDeclare, NatureDepense, TotalDeclare, Versement

# What an agreement is printed from: data, and the code and templates that print them.
CODE = ("comptes", "conventions", "fiches", "financement", "documents", "socle")
DE_CONVENTION: tuple[type[Model], ...] = (Article, Axe, MontantDeclare, MontantRecapDeclare, Objectif, Partie, Versement)
DE_FICHE: tuple[type[Model], ...] = (CoFinancement, Indicateur, LigneCout, ProduitPret, TotalDeclare)


def list_rows(convention: Convention) -> Iterator[QuerySet[Any]]:
    """Rows that the printed agreement depends on, table by table."""
    pk = convention.pk
    liees = [i for i in (pk, convention.parent_id, convention.renouvelle_id, convention.avenant_de_id) if i]
    yield Convention.objects.filter(pk__in=liees)
    yield from (m._default_manager.filter(convention=pk) for m in DE_CONVENTION)
    yield Acceptation.objects.filter(convention=pk, retiree_le=None)
    yield FicheAction.toutes.filter(convention=pk)
    maitres = FicheAction.maitres_ouvrage.through.objects.filter(ficheaction__convention=pk)
    yield maitres
    yield from (m._default_manager.filter(fiche__convention=pk) for m in DE_FICHE)
    yield CibleIndicateur.objects.filter(indicateur__fiche__convention=pk)
    yield NatureDepense.objects.all()
    yield Organisation.objects.filter(
        Q(pk__in=Partie.objects.filter(convention=pk).values("organisation"))
        | Q(pk__in=CoFinancement.objects.filter(fiche__convention=pk).values("financeur"))
        | Q(pk__in=MontantRecapDeclare.objects.filter(convention=pk).values("financeur"))
        | Q(pk__in=Versement.objects.filter(convention=pk).values("payeur"))
        | Q(pk__in=maitres.values("organisation"))
    )


def compute_version(convention: Convention) -> str:
    """Fingerprint of an agreement as its rows are now; equal ones are printed alike."""
    somme = hashlib.sha256(compute_empreinte_code(_find_instant()).encode())
    for rows in list_rows(convention):
        somme.update(f"\n{rows.model._meta.db_table}\n".encode())
        for row in rows.order_by("pk").values_list():
            somme.update(repr(row).encode())
    return somme.hexdigest()


@cache
def compute_empreinte_code(instant: int) -> str:
    """Fingerprint of the code and of the templates; `instant` makes it read again what was edited during a trial."""
    racine = Path(settings.BASE_DIR)
    fichiers = [f for dossier in CODE for f in (racine / dossier).rglob("*.py")] + _list_gabarits()
    somme = hashlib.sha256()
    for fichier in sorted(fichiers):
        somme.update(str(fichier.relative_to(racine)).encode() + fichier.read_bytes())
    return somme.hexdigest()


def _find_instant() -> int:
    """When a template was last edited, in trial mode; elsewhere code and templates do not change under a process."""
    return max(f.stat().st_mtime_ns for f in _list_gabarits()) if settings.DEBUG else 0


def _list_gabarits() -> list[Path]:
    racine = Path(settings.BASE_DIR) / "templates"
    return [f for dossier in ("pdf", "components") for f in (racine / dossier).rglob("*.html")]
