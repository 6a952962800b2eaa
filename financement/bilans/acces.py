"""Reaching a bilan from a command."""

from conventions.consolidation import get_base
from conventions.models import Convention
from financement.bilans.modeles import Bilan
from socle.commandes import Refus
from socle.typographie import list_fr


def find_bilan(convention: Convention, annee: str) -> Bilan:
    """The bilan of a year, typed as people do; raises Refus naming those that are open."""
    base = get_base(convention)
    bilans = {str(b.annee): b for b in base.bilans.all()}
    bilan = bilans.get(annee.strip())
    if bilan is None:
        suite = f" Bilans ouverts : {list_fr(sorted(bilans))}." if bilans else " Aucun bilan n’est ouvert."
        raise Refus(f"« {base.reference} » n’a pas de bilan {annee.strip()[:10]}.{suite}")
    bilan.convention = base
    return bilan
