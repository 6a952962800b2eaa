"""Short ways to write in a fiche as people do, one field after the other."""

from comptes.models import Utilisateur
from fiches.models import FicheAction
from fiches.saisie import Modification, Resultat, Valeurs, save_modifications
from financement.edition import ContenuFiche
from financement.models import NatureDepense
from socle.typographie import FINE, INSECABLE


def read(fiche: FicheAction) -> Valeurs:
    """All the fields of a fiche as the database holds them."""
    return ContenuFiche.of(FicheAction.toutes.get(pk=fiche.pk)).read()


def write(user: Utilisateur, fiche: FicheAction, valeurs: dict[str, str], avant: dict[str, str] | None = None) -> dict[str, Resultat]:
    """Write fields at once, each starting from what the fiche holds now unless `avant` says otherwise."""
    lues = read(fiche) | (avant or {})
    contenu = ContenuFiche.of(FicheAction.toutes.get(pk=fiche.pk))
    modifications = [Modification(champ, lues.get(champ, ""), apres) for champ, apres in valeurs.items()]
    return {r.champ: r for r in save_modifications(user, contenu, modifications)}


def write_one(user: Utilisateur, fiche: FicheAction, champ: str, apres: str, avant: str | None = None) -> Resultat:
    return write(user, fiche, {champ: apres}, None if avant is None else {champ: avant})[champ]


def spell(texte: str) -> str:
    """With plain spaces, to be read by people who write tests."""
    return texte.replace(INSECABLE, " ").replace(FINE, " ")


def cost_key(nature: NatureDepense, annee: int = 2018, libelle: str = "") -> str:
    """The field of a cell of the cost grid."""
    return f"cout.{annee}.{nature.pk}.{libelle}"


def statuses(resultats: dict[str, Resultat]) -> dict[str, str]:
    """What became of each field, in one word."""
    return {champ: r.statut for champ, r in resultats.items()}
