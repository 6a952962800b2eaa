"""An agreement and its avenants: which of them speaks at a date.

An avenant is a working copy of what it changes, signed in its turn. The agreement consolidated at a date is the last
copy in force that day; the agreement itself before any avenant.
"""

from collections.abc import Sequence
from datetime import date

from conventions.conventions import Convention


def get_base(convention: Convention) -> Convention:
    """The agreement an avenant changes; itself for an agreement."""
    return convention.avenant_de if convention.avenant_de is not None else convention


def list_avenants(base: Convention) -> list[Convention]:
    """Avenants of an agreement, in their order."""
    return list(base.avenants.order_by("numero_avenant"))


def find_consolidee(convention: Convention, jour: date | None = None) -> Convention:
    """What speaks on a day (the last one signed when no day is given): the agreement, or the copy of its last avenant then in force."""
    base = get_base(convention)
    signes = base.avenants.filter(etat__in=Convention.ETATS_SIGNES).order_by("numero_avenant")
    en_vigueur = [a for a in signes if jour is None or (date_effet(a) is not None and date_effet(a) <= jour)]  # type: ignore[operator]
    return en_vigueur[-1] if en_vigueur else base


def map_consolidees(bases: Sequence[Convention], sans: Sequence[str] = ()) -> dict[int, Convention]:
    """What speaks now for each of several agreements, by their keys: one query, which leaves the columns `sans` unread."""
    derniers = {base.pk: base for base in bases}
    signes = Convention.objects.filter(avenant_de__in=derniers, etat__in=Convention.ETATS_SIGNES).defer(*sans)
    for avenant in signes.order_by("avenant_de", "numero_avenant"):
        derniers[avenant.avenant_de_id] = avenant  # type: ignore[index]
    return derniers


def date_effet(avenant: Convention) -> date | None:
    """The day an avenant takes effect: when it is in force, else notified, else signed."""
    return avenant.date_executoire or avenant.date_notification or avenant.date_signature


def root_of(convention: Convention, genre: str, pk: int) -> int:
    """The row a copied row comes from, through all avenants; itself when it was written here. `genre` is a model's name in lower case."""
    return int(convention.origines.get(genre, {}).get(str(pk), pk))
