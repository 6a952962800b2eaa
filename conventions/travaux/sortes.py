"""The kinds of work there are; each floor registers its own when its application starts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conventions.travaux.journal import Travail

PANNE = "Une panne a interrompu le travail. Rien n’est écrit à moitié : relancez-le, et prévenez votre administrateur si cela recommence."


def _rien(travail: "Travail") -> None:
    """Most kinds keep nothing of their own."""


@dataclass(frozen=True)
class Sorte:
    """A kind of work: its title, what is said when it breaks, and what it keeps of its own beside the `Travail`.

    `delaisser` is called when the work ends without its task (stopped while waiting, given up after several dead
    workers). `preparer` is called before it is started again, and raises ValidationError when that makes no sense.
    """

    cle: str
    titre: str
    panne: str = PANNE
    arretable: bool = True
    delaisser: Callable[["Travail"], None] = _rien
    preparer: Callable[["Travail"], None] = _rien


SORTES: dict[str, Sorte] = {}


def register(sorte: Sorte) -> Sorte:
    """Add a kind to the list. Raises ValueError when another one has its key."""
    if SORTES.get(sorte.cle, sorte) != sorte:
        raise ValueError(f"Deux sortes de travaux portent la clé « {sorte.cle} ».")
    SORTES[sorte.cle] = sorte
    return sorte


DOCUMENT = register(Sorte("document", "Mise en forme d’un document"))
