"""Controls of coherence: what a rule is, what it finds, and where. No rule stands here, each lives with its subject.

A rule is a class with an identifier, a French title, why it matters, a severity, and `find`, which reads a dossier
loaded once for the whole convention and yields what contradicts itself: no query of its own.
"""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from socle.typographie import format_euros

Valeur = Decimal | int | date | str | None


class Gravite(StrEnum):
    """How much a contradiction matters, the worst first."""

    BLOQUANT = "bloquant"
    A_VERIFIER = "a_verifier"
    INFORMATION = "information"

    @property
    def libelle(self) -> str:
        return {"bloquant": "Bloquant", "a_verifier": "À vérifier", "information": "À savoir"}[self]

    @property
    def pluriel(self) -> str:
        return {"bloquant": "Bloquants", "a_verifier": "À vérifier", "information": "À savoir"}[self]

    @property
    def mot(self) -> str:
        """The word of exchanged files."""
        return {"bloquant": "bloquant", "a_verifier": "à vérifier", "information": "information"}[self]

    @property
    def rang(self) -> int:
        return list(Gravite).index(self)


class Rubrique(StrEnum):
    """Where contradictions are, to group them."""

    TEXTE = "texte"
    DATES = "dates"
    PIECES = "pieces"
    FICHES_MONTANTS = "fiches_montants"
    FICHES_CODES = "fiches_codes"
    RECAPITULATIF = "recapitulatif"

    @property
    def libelle(self) -> str:
        return {
            "texte": "Montants du texte",
            "dates": "Durée et dates de la convention",
            "pieces": "Parties et pièces",
            "fiches_montants": "Fiches, montants",
            "fiches_codes": "Fiches, codes, calendriers et indicateurs",
            "recapitulatif": "Annexe financière",
        }[self]


@dataclass(frozen=True)
class Lieu:
    """One of the places that disagree: its name, what stands there, a precision, where it is read and where it is corrected."""

    nom: str
    valeur: str
    detail: str = ""
    url: str = ""
    modifier: str = ""  # an address of the administration is offered to administrators only


@dataclass(frozen=True)
class Correction:
    """A way out done in one click: its button, the act by name, what the act needs."""

    libelle: str
    acte: str
    cible: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Constat:
    """One contradiction. `objet`: a fiche's code, « article 3 », « récapitulatif », « convention »… as commands name it.

    `constate` is what stands there, `attendu` what the other place leads to; None when there is none. `precision`
    tells apart several findings of one rule on one object.
    """

    objet: str
    message: str
    lieux: tuple[Lieu, ...] = ()
    constate: Valeur = None
    attendu: Valeur = None
    annee: int | None = None
    financeur_id: int | None = None
    financeur: str = ""
    fiche_id: int | None = None
    signe: str = "different"  # different, egal (the same where it should not be), manque
    piste: str = ""
    precision: str = ""
    corrections: tuple[Correction, ...] = ()

    @property
    def ecart(self) -> Decimal | None:
        """Found minus expected, in euros, when both are amounts."""
        if isinstance(self.constate, Decimal) and isinstance(self.attendu, Decimal):
            return self.constate - self.attendu
        return None

    @property
    def empreinte(self) -> str:
        """Changes when a figure changes: what was accepted is then open again."""
        valeurs = [write_valeur(self.constate), write_valeur(self.attendu), [lieu.valeur for lieu in self.lieux]]
        return hashlib.sha256(json.dumps(valeurs, ensure_ascii=False).encode()).hexdigest()


class Lecteur(Protocol):
    """What every dossier gives: the convention it was loaded for."""

    @property
    def convention(self) -> Any: ...


class Regle(ABC):
    """A rule. A new one: a class like these, its line in the list of its app, its test."""

    identifiant: ClassVar[str]
    titre: ClassVar[str]
    pourquoi: ClassVar[str]
    gravite: ClassVar[Gravite]
    rubrique: ClassVar[Rubrique]
    cotes: ClassVar[tuple[str, str]] = ("Trouvé", "Attendu")  # titles of the two sides when several findings make a table

    @abstractmethod
    def find(self, dossier: Any) -> Iterable[Constat]:
        """What contradicts itself in the dossier; reads it, and nothing else."""

    def cle_of(self, constat: Constat) -> str:
        """What stays the same from one check to the next, whatever the figures."""
        objet = f"fiche-{constat.fiche_id}" if constat.fiche_id else constat.objet
        return "|".join(
            [
                self.identifiant,
                objet,
                str(constat.annee or ""),
                "" if constat.financeur_id is None else str(constat.financeur_id),
                constat.precision,
            ]
        )


@dataclass(frozen=True)
class Trouvaille:
    """A finding and the rule that made it."""

    regle: Regle
    constat: Constat

    @property
    def cle(self) -> str:
        return self.regle.cle_of(self.constat)


def apply_regles(regles: Iterable[Regle], dossier: Any) -> list[Trouvaille]:
    """Everything the rules find, the worst first, in the order of the list."""
    trouvailles: dict[str, Trouvaille] = {}
    for regle in regles:
        for constat in regle.find(dossier):
            trouvaille = Trouvaille(regle, constat)
            trouvailles.setdefault(trouvaille.cle, trouvaille)  # told twice in one place, it is one contradiction
    return sorted(trouvailles.values(), key=lambda t: t.regle.gravite.rang)


def write_valeur(valeur: Valeur) -> str | None:
    """A value as exchanged files write it: amounts with two decimals, dates as 2018-11-02."""
    if isinstance(valeur, Decimal):
        return f"{valeur:.2f}"
    if isinstance(valeur, date):
        return valeur.isoformat()
    return None if valeur is None else str(valeur)


def show_valeur(valeur: Valeur) -> str:
    """A value as people read it."""
    if isinstance(valeur, Decimal):
        return format_euros(valeur)
    if isinstance(valeur, date):
        return f"{valeur:%d/%m/%Y}"
    return "" if valeur is None else str(valeur)


def check_liste(regles: Sequence[Regle]) -> None:
    """Refuse a list where an identifier stands twice. Raises ValueError."""
    vus: set[str] = set()
    for regle in regles:
        if regle.identifiant in vus:
            raise ValueError(f"rule declared twice: {regle.identifiant}")
        vus.add(regle.identifiant)
