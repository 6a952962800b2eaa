"""Writing a fiche field by field, together: what each changes is compared with what they had before their eyes.

A field has a key (`constat`, `indicateur.12.2019`, `cout.2019.4.Observatoire`) and one canonical writing. A modification
says the value its author started from; when somebody else has changed it since, nothing is written and both values
come back. Fields of one subject form a family; the money's families are declared one floor up.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from fiches.droits import check_modification
from fiches.fiches import FicheAction

Valeurs = dict[str, str]


class SaisieRefusee(ValueError):
    """A value that cannot be written: its French reason, and the readings to choose from when it is ambiguous."""

    def __init__(self, message: str, choix: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.choix = list(choix)


@dataclass(frozen=True)
class Modification:
    """One field, the value its author started from, the value they want."""

    champ: str
    avant: str
    apres: str


@dataclass
class Resultat:
    """What became of a modification. `statut`: enregistre, inchange, refus, question or conflit.

    `valeur` is what the field holds now. A refusal has its `message`; a conflict says who changed it, and when.
    """

    champ: str
    statut: str
    valeur: str
    message: str = ""
    echo: str = ""
    choix: list[str] = field(default_factory=list)
    auteur: str = ""
    date: datetime | None = None


@dataclass(frozen=True)
class Changement:
    """One field changed in the past; `origine` names the version that holds `avant`."""

    date: datetime
    auteur: Any
    champ: str
    avant: str
    apres: str
    raison: str = ""


class Famille(ABC):
    """Fields of one subject, for one fiche. Rows become fields by `to_champs`, live rows and past versions alike."""

    prefixes: ClassVar[tuple[str, ...]]
    libre: ClassVar[bool] = False  # free text: spaces are kept as typed

    def __init__(self, fiche: FicheAction) -> None:
        self.fiche = fiche
        self.user: Any = None  # who writes, for the history

    @abstractmethod
    def rows(self) -> Iterable[Any]:
        """The rows as they are."""

    @abstractmethod
    def versions(self) -> Iterable[Any]:
        """Every version of every row that ever was the fiche's, oldest first."""

    @abstractmethod
    def to_champs(self, row: Any) -> Valeurs:
        """Fields of a row or of a version; empty ones are left out."""

    @abstractmethod
    def prepare(self, champ: str, texte: str) -> tuple[str, str]:
        """Canonical writing of what was typed, and what was understood in words. Raises SaisieRefusee."""

    @abstractmethod
    def write(self, valeurs: Valeurs) -> dict[str, str]:
        """Write canonical values; return the refusals by field, the others being written."""

    @abstractmethod
    def describe(self, champ: str) -> str:
        """The field in words: « Études, 2019 »."""

    def load_noms(self) -> None:  # noqa: B027 (most families know their names)
        """Read at once the names that `describe` and `show` give, for pages that tell many fields."""

    def owns(self, champ: str) -> bool:
        return champ.partition(".")[0] in self.prefixes

    def canonize(self, champ: str) -> str:
        """The one writing of a key: two keys of one place are one field. Raises SaisieRefusee when it names no place."""
        return champ

    def withdraw(self, valeurs: Valeurs) -> None:  # noqa: B027 (most families have nothing to take away first)
        """Take away first what other families could not lose before it (targets, before their indicator)."""

    def normalize(self, texte: str) -> str:
        """The writing that comparisons use: line ends and spaces that browsers and keyboards change do not count."""
        texte = texte.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "").strip()
        return texte if self.libre else " ".join(texte.replace("\u202f", " ").replace("\u00a0", " ").split())

    def show(self, champ: str, valeur: str) -> str:
        """A value as people read it in a history."""
        return valeur

    def read(self) -> Valeurs:
        """All the fields now."""
        return self._merge(self.rows())

    def read_at(self, moment: datetime) -> Valeurs:
        """All the fields as they were at `moment`."""
        dernieres: dict[Any, Any] = {}
        for version in self.versions():
            if version.history_date <= moment:
                dernieres[version.id] = version
        return self._merge(v for v in dernieres.values() if v.history_type != "-")

    def list_changements(self) -> Iterator[Changement]:
        """Every change of every field, in the order of the versions."""
        connues: dict[Any, Valeurs] = {}
        for version in self.versions():
            avant = connues.get(version.id, {})
            apres = {} if version.history_type == "-" else self.to_champs(version)
            connues[version.id] = apres
            for champ in [*apres, *(c for c in avant if c not in apres)]:
                if avant.get(champ, "") != apres.get(champ, ""):
                    yield Changement(
                        version.history_date,
                        version.history_user,
                        champ,
                        avant.get(champ, ""),
                        apres.get(champ, ""),
                        version.history_change_reason or "",
                    )

    def save_row(self, row: Any) -> None:
        """Save a row below the sheet under the name of who writes."""
        row._history_user = self.user
        row.save()

    def delete_row(self, row: Any) -> None:
        """Delete a row, one by one so that each leaves its version."""
        row._history_user = self.user
        row.delete()

    def _merge(self, rows: Iterable[Any]) -> Valeurs:
        valeurs: Valeurs = {}
        for row in rows:
            valeurs |= self.to_champs(row)
        return valeurs


@dataclass
class Contenu:
    """All the fields of one fiche, whatever their family."""

    fiche: FicheAction
    familles: list[Famille]
    inconnu: ClassVar[str] = "Ce champ n’existe pas dans la fiche."

    def lock(self, user: Any) -> None:
        """Hold the fiche until the transaction ends, and let the families write in it. Raises PermissionDenied."""
        verrou = FicheAction.toutes.select_for_update().get(pk=self.fiche.pk)
        verrou.convention = self.fiche.convention
        check_modification(user, verrou)
        for famille in self.familles:
            famille.fiche, famille.user = verrou, user
        self.fiche = verrou

    def touch(self) -> None:
        """Note that something was written: not by save(), rows below the sheet changed, the sheet has its own version when it did."""
        FicheAction.toutes.filter(pk=self.fiche.pk).update(modifiee_le=timezone.now())

    def family_of(self, champ: str) -> Famille | None:
        return next((f for f in self.familles if f.owns(champ)), None)

    def read(self) -> Valeurs:
        return {champ: valeur for famille in self.familles for champ, valeur in famille.read().items()}

    def read_at(self, moment: datetime) -> Valeurs:
        return {champ: valeur for famille in self.familles for champ, valeur in famille.read_at(moment).items()}

    def list_changements(self) -> list[Changement]:
        """Every change, latest first."""
        changements = [c for famille in self.familles for c in famille.list_changements()]
        return sorted(changements, key=lambda c: c.date, reverse=True)

    def describe(self, champ: str) -> str:
        """A field in words, whatever its key is worth."""
        famille = self.family_of(champ)
        try:
            return famille.describe(champ) if famille else "Champ inconnu"
        except ValueError:  # SaisieRefusee included
            return "Champ inconnu"

    def find_last(self, champ: str) -> Changement | None:
        """Who last changed a field, and when."""
        famille = self.family_of(champ)
        trouves = [c for c in famille.list_changements() if c.champ == champ] if famille else []
        return trouves[-1] if trouves else None

    def compare(self, avant: Valeurs, apres: Valeurs) -> list[Modification]:
        """What leads from one state to another."""
        champs = [*apres, *(c for c in avant if c not in apres)]
        return [Modification(c, avant.get(c, ""), apres.get(c, "")) for c in champs if avant.get(c, "") != apres.get(c, "")]


@transaction.atomic
def save_modifications(user: Any, contenu: Contenu, modifications: Sequence[Modification]) -> list[Resultat]:
    """Write the modifications that can be, each field for itself, and say what became of each.

    What is written is locked meanwhile. Raises PermissionDenied when it may not be written now.
    """
    contenu.lock(user)
    courant: dict[int, Valeurs] = {}  # by family: what its fields hold, then what this saving makes them hold
    resultats: list[Resultat] = []
    a_ecrire: dict[int, dict[str, Resultat]] = {}
    for modification in modifications:
        trouvee = contenu.family_of(modification.champ)
        if trouvee is None:
            resultats.append(Resultat(modification.champ, "refus", "", contenu.inconnu))
            continue
        famille = trouvee
        try:
            champ = famille.canonize(modification.champ)
        except SaisieRefusee as refus:
            resultats.append(Resultat(modification.champ, "refus", "", str(refus)))
            continue
        valeurs = courant.setdefault(id(famille), famille.read())
        resultat = _judge(contenu, famille, replace(modification, champ=champ), valeurs.get(champ, ""))
        resultat.champ = modification.champ  # the page knows the field by the key it sent
        resultats.append(resultat)
        if resultat.statut == "enregistre":
            a_ecrire.setdefault(id(famille), {})[champ] = resultat
            valeurs[champ] = resultat.valeur
    for famille in contenu.familles:
        retraits = {champ: "" for champ, r in a_ecrire.get(id(famille), {}).items() if not r.valeur}
        famille.withdraw(retraits)
    for famille in contenu.familles:
        _write(famille, a_ecrire.get(id(famille), {}))
    if any(r.statut == "enregistre" for r in resultats):
        contenu.touch()
    return resultats


def _judge(contenu: Contenu, famille: Famille, modification: Modification, courante: str) -> Resultat:
    """Decide about one modification, without writing."""
    champ, normalize = modification.champ, famille.normalize
    if normalize(modification.apres) == normalize(courante):
        return Resultat(champ, "inchange", courante)
    try:
        valeur, echo = famille.prepare(champ, modification.apres)
    except SaisieRefusee as refus:
        return Resultat(champ, "question" if refus.choix else "refus", courante, str(refus), choix=refus.choix)
    if normalize(valeur) == normalize(courante):
        return Resultat(champ, "inchange", courante, echo=echo)
    if normalize(modification.avant) != normalize(courante):
        dernier = contenu.find_last(champ)
        auteur = str(dernier.auteur) if dernier and dernier.auteur else ""
        return Resultat(champ, "conflit", courante, auteur=auteur, date=dernier.date if dernier else None)
    return Resultat(champ, "enregistre", valeur, echo=echo)


def _write(famille: Famille, resultats: dict[str, Resultat]) -> None:
    """Write what was accepted in one family; what the models refuse becomes a refusal of its field."""
    if not resultats:
        return
    refus = famille.write({champ: r.valeur for champ, r in resultats.items()})
    restees = famille.read() if refus else {}
    for champ, message in refus.items():
        resultats[champ].statut, resultats[champ].message = "refus", message
        resultats[champ].valeur, resultats[champ].echo = restees.get(champ, ""), ""


def explain_errors(erreur: ValidationError) -> str:
    """The sentences of a refused row, joined."""
    return " ".join(dict.fromkeys(erreur.messages))
