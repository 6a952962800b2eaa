"""The history of a fiche, told change by change, and the way back to any of them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.utils import timezone
from django.utils.safestring import SafeString

from fiches.identite import Identite
from fiches.models import FicheAction
from fiches.saisie import Changement, Modification, Resultat, save_modifications
from financement.edition import ContenuFiche
from socle.differences import render_difference

RAPPROCHES = timedelta(minutes=10)  # changes of one field by one person that follow each other are told as one
NAISSANCE = timedelta(seconds=1)
CHARGEMENT = timedelta(minutes=2)
JUSTE_AVANT = timedelta(microseconds=1)
LONG = 80


@dataclass(frozen=True)
class Entree:
    """One line of the history: a field, before and after, who and when. `depuis` is when its first change was made."""

    date: datetime
    depuis: datetime
    auteur: Any
    champ: str
    libelle: str
    avant: str
    apres: str
    raison: str
    is_reversible: bool

    @property
    def jour(self) -> dt.date:
        """Day of the change, where its readers live."""
        return timezone.localdate(self.date)

    @property
    def avant_instant(self) -> str:
        """The moment just before, for a return."""
        return (self.depuis - JUSTE_AVANT).isoformat()

    @property
    def is_longue(self) -> bool:
        return len(self.avant) > LONG or len(self.apres) > LONG or "\n" in self.avant + self.apres

    @property
    def difference(self) -> SafeString:
        return render_difference(self.avant, self.apres)


def list_entrees(fiche: FicheAction) -> list[Entree]:
    """Every change of a fiche, latest first, typings of one person in one field gathered."""
    contenu = ContenuFiche.of(fiche)
    for nommee in contenu.familles:
        nommee.load_noms()
    contenu.natures.all()
    regroupes: list[tuple[datetime, Changement]] = []  # when it began, and the change
    dernier: dict[str, int] = {}
    for changement in reversed(contenu.list_changements()):
        rang = dernier.get(changement.champ)
        if rang is not None:
            depuis, precedent = regroupes[rang]
            if precedent.auteur == changement.auteur and changement.date - precedent.date < RAPPROCHES and changement.auteur:
                suite = Changement(
                    changement.date, changement.auteur, changement.champ, precedent.avant, changement.apres, changement.raison
                )
                regroupes[rang] = (depuis, suite)
                continue
        dernier[changement.champ] = len(regroupes)
        regroupes.append((changement.date, changement))
    noms: dict[str, str] = {}
    entrees = []
    naissance = [c for depuis, c in regroupes if is_naissance(c, regroupes[0][0])] if regroupes else []
    for depuis, c in sorted(regroupes, key=lambda couple: couple[1].date, reverse=True):
        famille = contenu.family_of(c.champ)
        if famille is None or c.avant == c.apres or is_naissance(c, regroupes[0][0]):
            continue
        libelle = noms.setdefault(c.champ, famille.describe(c.champ))
        reversible = not isinstance(famille, Identite)
        avant, apres = famille.show(c.champ, c.avant), famille.show(c.champ, c.apres)
        entrees.append(Entree(c.date, depuis, c.auteur, c.champ, libelle, avant, apres, c.raison, reversible))
    if naissance:
        nombre = len(naissance)
        contenu_initial = f"{nombre} champ{'s' if nombre > 1 else ''} rempli{'s' if nombre > 1 else ''}"
        premiere = regroupes[0]
        entrees.append(
            Entree(premiere[0], premiere[0], premiere[1].auteur, "creation", "Création de la fiche", "", contenu_initial, "", False)
        )
    return entrees


def is_naissance(changement: Changement, debut: datetime) -> bool:
    """Tell whether a value came with the sheet: written in its first version, or loaded with it by no person."""
    delai = changement.date - debut
    return not changement.avant and (delai < NAISSANCE or (changement.auteur is None and delai < CHARGEMENT))


@dataclass(frozen=True)
class Retour:
    """One field that a return would change: its name, now and then."""

    libelle: str
    avant: str
    apres: str

    @property
    def difference(self) -> SafeString:
        return render_difference(self.avant, self.apres)


def list_retours(fiche: FicheAction, moment: datetime) -> list[Retour]:
    """What a return of the whole fiche to `moment` would change."""
    contenu = ContenuFiche.of(fiche)
    retours = []
    for modification in contenu.compare(contenu.read(), contenu.read_at(moment)):
        famille = contenu.family_of(modification.champ)
        if famille and not modification.champ.startswith("ligne."):
            avant, apres = (famille.show(modification.champ, v) for v in (modification.avant, modification.apres))
            retours.append(Retour(famille.describe(modification.champ), avant, apres))
    return retours


def restore_champ(user: Any, fiche: FicheAction, champ: str, moment: datetime) -> Resultat | None:
    """Give one field the value it had at `moment`; None when there is no such field. Raises PermissionDenied."""
    contenu = ContenuFiche.of(fiche)
    famille = contenu.family_of(champ)
    if famille is None or isinstance(famille, Identite):
        return None
    modification = Modification(champ, famille.read().get(champ, ""), famille.read_at(moment).get(champ, ""))
    return save_modifications(user, contenu, [modification])[0]


def restore_fiche(user: Any, fiche: FicheAction, moment: datetime) -> Sequence[Resultat]:
    """Give every field the value it had at `moment`, as one saving. Raises PermissionDenied."""
    contenu = ContenuFiche.of(fiche)
    # Names of rows follow their cells: only the fields that hold something are brought back.
    retours = [m for m in contenu.compare(contenu.read(), contenu.read_at(moment)) if not m.champ.startswith("ligne.")]
    return save_modifications(user, contenu, retours)


def read_moment(texte: str) -> datetime:
    """A moment written by our own links. Raises PermissionDenied when it was altered into nonsense."""
    try:
        moment = datetime.fromisoformat(texte)
    except ValueError as erreur:
        raise PermissionDenied("Cette date n’est pas lisible. Revenez à l’historique et choisissez une ligne.") from erreur
    if moment.tzinfo is None:
        raise PermissionDenied("Cette date n’est pas lisible. Revenez à l’historique et choisissez une ligne.")
    return moment
