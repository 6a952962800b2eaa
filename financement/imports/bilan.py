"""What an import does, in figures and in lists: filled by the plan, read by the page and the commands."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from financement.imports.journal import PageImport
from financement.imports.lignes import Refus
from socle.montants import ZERO

Somme = dict[tuple[int | None, int | str | None], Decimal]  # year and financeur (0: non réparti); under (None, None), the total


class Pages:
    """A long list kept as JSON texts of one page each: a hundred thousand rows as Python objects would fill the memory."""

    def __init__(self, taille: int = PageImport.TAILLE) -> None:
        self.taille = taille
        self.textes: list[str] = []
        self._ouverte: list[Any] = []

    def append(self, ligne: list[Any]) -> None:
        self._ouverte.append(ligne)
        if len(self._ouverte) >= self.taille:
            self._close()

    def __iter__(self) -> Iterator[list[Any]]:
        """The pages, one at a time."""
        if self._ouverte:
            self._close()
        return (json.loads(texte) for texte in self.textes)

    def _close(self) -> None:
        self.textes.append(json.dumps(self._ouverte, ensure_ascii=False))
        self._ouverte = []


@dataclass
class Bilan:
    """What an import does: counts, changes, refusals, sums before and after."""

    comptes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("nouveaux", "modifies", "inchanges", "rejetes"), 0))
    refus: list[Refus] = field(default_factory=list)
    changements: "Pages" = field(default_factory=lambda: Pages())
    fiches: list[list[Any]] = field(default_factory=list)
    avant: Somme = field(default_factory=lambda: defaultdict(lambda: ZERO))
    apres: Somme = field(default_factory=lambda: defaultdict(lambda: ZERO))
    etats: dict[str, str] = field(default_factory=dict)  # fingerprint of what each fiche holds
    effets: list[list[Any]] = field(default_factory=list)
    absentes: int = 0  # costs of these fiches that the file does not name

    @property
    def total_avant(self) -> Decimal:
        return self.avant[None, None]

    @property
    def total_apres(self) -> Decimal:
        return self.apres[None, None]
