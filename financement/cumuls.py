"""Figures of lists kept ready: for thousands of agreements no page can add up a million lines.

A `Cumul` holds what `syntheses` and `bilans.calculs` computed for one agreement; nothing else writes figures there. When a row that counts
changes, the database itself notes it (`cumuls_declencheurs`), whoever wrote and by whatever door: figures so marked are
computed on the spot by the same functions until `refresh` keeps them anew, so that no page ever shows an old one.
"""

from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any

from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q

from conventions.models import Convention
from financement.bilans.calculs import compute_syntheses
from financement.bilans.modeles import Bilan
from financement.bilans.suivi import Synthese
from financement.recapitulatif import Cellule
from financement.syntheses import TotauxConvention, compute_totaux

A_SAISIR = "dépenses à saisir"
LOT = 20  # agreements computed at once


class Cumul(models.Model):
    """The totals of one agreement, as they were computed."""

    convention = models.OneToOneField(Convention, models.CASCADE, primary_key=True, verbose_name="convention", related_name="cumul")
    donnees = models.JSONField("chiffres", default=dict)

    class Meta:
        verbose_name = "cumul d’une convention"
        verbose_name_plural = "cumuls des conventions"

    def __str__(self) -> str:
        return f"Cumul de {self.convention.reference}"


class CumulPerime(models.Model):
    """Something that counts changed in an agreement. Written by the database alone, once a transaction.

    Without foreign key: an agreement goes with its rows, each of which says that it changed.
    """

    convention_id = models.BigIntegerField("convention", db_index=True)
    transaction = models.BigIntegerField("transaction", default=0)

    class Meta:
        verbose_name = "cumul à refaire"
        verbose_name_plural = "cumuls à refaire"

    def __str__(self) -> str:
        return f"Cumul de la convention {self.convention_id} à refaire"


def read_totaux(conventions: Iterable[Convention], realise: bool = False) -> dict[int, TotauxConvention]:
    """Totals of several agreements by primary key, kept or computed now; with `realise`, what their bilans say was done too."""
    par_pk = {c.pk: c for c in conventions}
    perimes = set(CumulPerime.objects.filter(convention_id__in=par_pk).values_list("convention_id", flat=True))
    gardes = Cumul.objects.filter(convention__in=par_pk.keys() - perimes).values_list("convention_id", "donnees")
    totaux = {pk: _decode(donnees) for pk, donnees in gardes}
    if manquantes := [c for pk, c in par_pk.items() if pk not in totaux]:
        totaux |= compute(manquantes, realise)
    return totaux


def compute(conventions: Collection[Convention], realise: bool) -> dict[int, TotauxConvention]:
    """The figures themselves, from the functions that are their one source."""
    totaux = compute_totaux(conventions)
    if realise:
        bilans = list(Bilan.objects.filter(convention__in=totaux))
        for synthese in compute_syntheses(bilans) if bilans else []:
            totaux[synthese.bilan.convention_id].realise[synthese.bilan.annee] = tell_realise(synthese)
    return totaux


def tell_realise(synthese: Synthese) -> Cellule:
    """What was done, with its reserve while lines of the plan wait for what was spent on them."""
    montant = synthese.euros.realise
    attendues = any(li.is_attendue and li.euros.prevu is not None for li in synthese.lignes)
    return Cellule(montant, [A_SAISIR] if attendues and montant is not None else [])


def list_a_refaire(parmi: Collection[int] | None = None) -> list[int]:
    """Agreements without kept figures, or whose figures changed since."""
    perimes = CumulPerime.objects.filter(convention_id=OuterRef("pk"))
    conventions = Convention.objects.filter(Q(cumul=None) | Exists(perimes))
    if parmi is not None:
        conventions = conventions.filter(pk__in=parmi)
    return list(conventions.order_by("pk").values_list("pk", flat=True))


def refresh(parmi: Collection[int] | None = None) -> int:
    """Keep anew the figures that changed, of all agreements or among some; count them."""
    a_refaire = list_a_refaire(parmi)
    for debut in range(0, len(a_refaire), LOT):
        _keep(a_refaire[debut : debut + LOT])
    return len(a_refaire)


@transaction.atomic
def _keep(pks: list[int]) -> None:
    # Marks first: one that comes while the figures are computed stays, and asks for them again.
    marques = list(CumulPerime.objects.filter(convention_id__in=pks).values_list("pk", flat=True))
    totaux = compute(list(Convention.objects.filter(pk__in=pks)), realise=True)
    Cumul.objects.bulk_create(
        [Cumul(convention_id=pk, donnees=_encode(t)) for pk, t in totaux.items()],
        update_conflicts=True,
        unique_fields=["convention"],
        update_fields=["donnees"],
    )
    CumulPerime.objects.filter(pk__in=marques).delete()


def _encode(totaux: TotauxConvention) -> dict[str, Any]:
    return {
        "total": _write(totaux.total),
        "parts": [[cle, *_write(cellule)] for cle, cellule in totaux.par_organisation.items()],
        "annees": [[annee, *_write(cellule)] for annee, cellule in totaux.par_annee.items()],
        "realise": [[annee, *_write(cellule)] for annee, cellule in totaux.realise.items()],
        "fiches": [totaux.nb_fiches, totaux.nb_completes],
    }


def _decode(donnees: dict[str, Any]) -> TotauxConvention:
    nb_fiches, nb_completes = donnees["fiches"]
    return TotauxConvention(
        _read(*donnees["total"]),
        {cle: _read(*cellule) for cle, *cellule in donnees["parts"]},
        nb_fiches,
        nb_completes,
        par_annee={annee: _read(*cellule) for annee, *cellule in donnees["annees"]},
        realise={annee: _read(*cellule) for annee, *cellule in donnees["realise"]},
    )


def _write(cellule: Cellule) -> list[Any]:
    return [None if cellule.montant is None else str(cellule.montant), cellule.reserves]


def _read(montant: str | None, reserves: list[str]) -> Cellule:
    return Cellule(None if montant is None else Decimal(montant), reserves)
