"""The list of the fiches of a convention: filters, and acts on several at once."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError

from comptes.models import Utilisateur
from conventions.axes import ArbreAxes
from conventions.models import Convention
from fiches.champs import Pilotes
from fiches.commentaires import count_by_fiche
from fiches.models import FicheAction, Pilote
from fiches.saisie import Contenu, Modification, save_modifications
from fiches.transitions import PAR_ACTION, pass_fiche
from financement.recapitulatif import Ligne
from financement.syntheses import compute_recapitulatif

FILTRES = ("axe", "etat", "pilote", "annee", "manque")
MANQUES = [("cout", "Sans coût"), ("incomplete", "Incomplètes"), ("complete", "Complètes"), ("commentaires", "Commentaires ouverts")]


@dataclass(frozen=True)
class Rangee:
    """A fiche of the list: its figures, its pilots, its comments."""

    ligne: Ligne
    pilotes: list[Utilisateur]
    ouverts: int
    non_lus: int

    @property
    def fiche(self) -> FicheAction:
        if self.ligne.fiche is None:
            raise ValueError("a row of the list is a fiche")
        return self.ligne.fiche

    @property
    def has_cout(self) -> bool:
        return bool(self.ligne.annees_chiffrees)


def list_rangees(convention: Convention, user: Any) -> list[Rangee]:
    """All the fiches of a convention in order, in a fixed number of queries."""
    lignes = [ligne for ligne in compute_recapitulatif(convention).lignes() if ligne.fiche]
    pks = [ligne.fiche.pk for ligne in lignes if ligne.fiche]
    pilotes: dict[int, list[Utilisateur]] = defaultdict(list)
    for pilotage in Pilote.objects.filter(fiche__in=pks).select_related("utilisateur"):
        pilotes[pilotage.fiche_id].append(pilotage.utilisateur)
    comptes = count_by_fiche(pks, user)
    return [Rangee(li, pilotes[li.fiche.pk], *comptes[li.fiche.pk]) for li in lignes if li.fiche]


def filter_rangees(rangees: Sequence[Rangee], filtres: dict[str, str], arbre: ArbreAxes) -> list[Rangee]:
    """Rows that every filter keeps; an unreadable value filters nothing."""
    tests: list[Callable[[Rangee], bool]] = []
    if filtres["axe"].isdecimal():
        dessous = {n.axe.pk for noeud in arbre.walk() if str(noeud.axe.pk) == filtres["axe"] for n in noeud.walk()}
        tests.append(lambda r: r.fiche.axe_id in dessous)
    if filtres["etat"] in FicheAction.Etat.values:
        tests.append(lambda r: r.fiche.etat == filtres["etat"])
    if filtres["pilote"] == "aucun":
        tests.append(lambda r: not r.pilotes)
    elif filtres["pilote"].isdecimal():
        tests.append(lambda r: any(str(p.pk) == filtres["pilote"] for p in r.pilotes))
    if filtres["annee"].isdecimal():
        tests.append(lambda r: int(filtres["annee"][:6]) in r.ligne.annees_chiffrees)
    if filtres["manque"] in dict(MANQUES):
        tests.append(
            {
                "cout": lambda r: not r.has_cout,
                "incomplete": lambda r: not r.ligne.is_complete,
                "complete": lambda r: r.ligne.is_complete,
                "commentaires": lambda r: bool(r.ouverts),
            }[filtres["manque"]]
        )
    return [rangee for rangee in rangees if all(test(rangee) for test in tests)]


@dataclass
class Lot:
    """What became of an act on several fiches."""

    faites: list[str]
    refusees: list[tuple[str, str]]

    @property
    def phrases(self) -> list[str]:
        """« 12 fiches faites » and each refusal with its reason, equal reasons together."""
        par_raison: dict[str, list[str]] = defaultdict(list)
        for code, raison in self.refusees:
            par_raison[raison].append(code)
        return [f"{', '.join(codes)} : {raison}" for raison, codes in par_raison.items()]


def pass_lot(user: Any, rangees: Iterable[Rangee], action: str, motif: str) -> Lot:
    """Make one transition on each fiche that allows it, each for itself."""
    lot = Lot([], [])
    for rangee in rangees:
        manques = [r for r in rangee.ligne.rubriques if not r.remplie]
        try:
            pass_fiche(user, rangee.fiche, action, manques, motif)
            lot.faites.append(rangee.fiche.code)
        except ValidationError as refus:
            lot.refusees.append((rangee.fiche.code, " ".join(refus.messages)))
    return lot


def set_pilote(user: Any, rangees: Iterable[Rangee], pilote: int, present: bool) -> Lot:
    """Add or remove one pilot on each fiche."""
    lot = Lot([], [])
    for rangee in rangees:
        contenu = Contenu(rangee.fiche, [Pilotes(rangee.fiche)])
        avant, apres = ("", "oui") if present else ("oui", "")
        try:
            resultat = save_modifications(user, contenu, [Modification(f"pilote.{pilote}", avant, apres)])[0]
        except PermissionDenied as refus:
            lot.refusees.append((rangee.fiche.code, str(refus)))
            continue
        if resultat.statut == "refus":
            lot.refusees.append((rangee.fiche.code, resultat.message))
        else:
            lot.faites.append(rangee.fiche.code)
    return lot


def list_actes() -> list[tuple[str, str]]:
    """Transitions offered for several fiches at once."""
    noms = {"soumettre": "Faire relire", "reprendre": "Reprendre la rédaction", "renvoyer": "Demander des corrections"}
    noms |= {"valider": "Valider", "rouvrir": "Renvoyer en correction"}
    return [(action, noms[action]) for action in PAR_ACTION]
