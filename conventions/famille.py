"""The family of a convention: its cadre, the specific ones under it, and the chains of renewals."""

from dataclasses import dataclass, field
from typing import Any

from conventions.conventions import Convention


@dataclass
class Parent:
    """A convention in the family tree, what links it to the one above, and those below."""

    convention: Convention
    lien: str
    suites: list["Parent"] = field(default_factory=list)


def read_famille(convention: Convention, user: Any) -> list[Parent]:
    """The trees holding `convention`: oldest of its renewal chain or its cadre first. Hidden conventions stay hidden.

    Three queries whatever the size of the family: the conventions `user` sees share few families, so they are
    all read once and linked in memory.
    """
    par_pk = {c.pk: c for c in Convention.objects.visible_to(user).without_avenants().with_parties()}
    membres = _connected(convention.pk, par_pk)
    enfants: dict[int | None, list[tuple[Convention, str]]] = {}
    for pk in membres:
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


def _connected(depart: int, par_pk: dict[int, Convention]) -> set[int]:
    """Keys reached from `depart` through cadres and renewals, both ways."""
    voisins: dict[int, set[int]] = {pk: set() for pk in par_pk}
    for pk, membre in par_pk.items():
        for autre in (membre.parent_id, membre.renouvelle_id):
            if autre in par_pk:
                voisins[pk].add(autre)
                voisins[autre].add(pk)
    atteints, a_voir = {depart}, [depart]
    while a_voir:
        for voisin in voisins[a_voir.pop()] - atteints:
            atteints.add(voisin)
            a_voir.append(voisin)
    return atteints
