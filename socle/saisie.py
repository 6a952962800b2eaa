"""What a form held when it was refused: shown again as typed, beside the reasons."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError


class Valeurs(dict[str, str]):
    """Values by name; a name that was not typed is empty."""

    def __missing__(self, cle: str) -> str:
        return ""


@dataclass
class Saisie:
    """One form of a page that has several: its name, what was typed in it, why it was refused."""

    formulaire: str = ""
    valeurs: Valeurs = field(default_factory=Valeurs)
    erreurs: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, formulaire: str, envoi: Any, erreur: ValidationError | Iterable[str]) -> "Saisie":
        """From what was posted and what refused it."""
        erreurs = erreur.messages if isinstance(erreur, ValidationError) else list(erreur)
        return cls(formulaire, Valeurs(envoi.items()), erreurs)


def read_jour(texte: str, nom: str = "La date") -> date:
    """A day typed as 02/11/2018 or sent by the browser as 2018-11-02. Raises ValidationError."""
    texte = texte.strip()
    if not texte:
        raise ValidationError(f"{nom} manque.")
    for forme in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            jour = datetime.strptime(texte, forme).date()
        except ValueError:
            continue
        if 1990 <= jour.year <= 2100:
            return jour
    raise ValidationError(f"« {texte[:40]} » n’est pas une date. Écrivez-la comme 02/11/2018.")


def read_jour_ou_rien(texte: str, nom: str = "La date") -> date | None:
    """A day, or None when nothing was typed. Raises ValidationError."""
    return read_jour(texte, nom) if texte.strip() else None


def gather(*lectures: Any) -> list[Any]:
    """Call each reading and return the values; raise one ValidationError with every refusal."""
    valeurs, erreurs = [], []
    for lecture in lectures:
        try:
            valeurs.append(lecture())
        except ValidationError as erreur:
            erreurs += erreur.messages
            valeurs.append(None)
    if erreurs:
        raise ValidationError(erreurs)
    return valeurs
