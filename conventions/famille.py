"""The family of a convention: its cadre, the specific ones under it, and the chains of renewals."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

from conventions.conventions import Convention


@dataclass
class Parent:
    """A convention in the family tree, what links it to the one above, and those below."""

    convention: Convention
    lien: str
    suites: list["Parent"] = field(default_factory=list)


def read_famille(convention: Convention, user: Any) -> list[Parent]:
    """The trees holding `convention`: oldest of its renewal chain or its cadre first. Hidden conventions stay hidden.

    The links alone are read for all that `user` sees, then the members of the family: as many queries whatever its size.
    """
    visibles = Convention.objects.visible_to(user).without_avenants()
    liees = visibles.filter(Q(parent__isnull=False) | Q(renouvelle__isnull=False)).order_by()
    liens = {pk: autres for pk, *autres in liees.values_list("pk", "parent_id", "renouvelle_id")}
    candidats = _connected(convention.pk, liens)
    par_pk = {c.pk: c for c in visibles.filter(pk__in=candidats).with_parties()}
    # Without those reached through a convention that stays hidden.
    membres = _connected(convention.pk, {pk: [a for a in (c.parent_id, c.renouvelle_id) if a in par_pk] for pk, c in par_pk.items()})
    enfants: dict[int | None, list[tuple[Convention, str]]] = {}
    for pk in membres & par_pk.keys():
        membre = par_pk[pk]
        if membre.renouvelle_id in membres:
            enfants.setdefault(membre.renouvelle_id, []).append((membre, "Fait suite à"))
        elif membre.parent_id in membres:
            enfants.setdefault(membre.parent_id, []).append((membre, "Dépend de"))
        else:
            enfants.setdefault(None, []).append((membre, ""))

    def grow(cle: int | None) -> list[Parent]:
        suites = sorted(enfants.get(cle, []), key=lambda e: (e[0].annee_debut or 9999, e[0].reference))
        return [Parent(membre, lien, grow(membre.pk)) for membre, lien in suites]

    return grow(None)


def _connected(depart: int, liens: Mapping[int, Iterable[int | None]]) -> set[int]:
    """Keys reached from `depart` through cadres and renewals, both ways."""
    voisins: dict[int, set[int]] = defaultdict(set)
    for pk, autres in liens.items():
        for autre in autres:
            if autre is not None:
                voisins[pk].add(autre)
                voisins[autre].add(pk)
    atteints, a_voir = {depart}, [depart]
    while a_voir:
        for voisin in voisins[a_voir.pop()] - atteints:
            atteints.add(voisin)
            a_voir.append(voisin)
    return atteints
