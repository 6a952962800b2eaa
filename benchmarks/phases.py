"""Where the time of an edition goes, told by WeasyPrint's own log of its steps and by the ends of what surrounds it."""

import logging
import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from unittest import mock

import socle.pdf

ETAPES = {
    "1": "lecture du HTML et des styles",
    "2": "lecture du HTML et des styles",
    "3": "cascade des styles",
    "4": "boîtes",
    "5": "mise en page",
    "6": "dessin des pages et balises",
    "7": "polices, pièces jointes, écriture du fichier",
}
DONNEES, PREPARATION, ASSEMBLAGE = "données et gabarits", "préparation des parties (balises, artefacts)", "assemblage"


class Phases(logging.Handler):
    """Seconds spent in each phase: a phase lasts until the next one begins."""

    def __init__(self) -> None:
        super().__init__()
        self.durees: Counter[str] = Counter()
        self.courante, self.debut = "", 0.0

    def enter(self, phase: str) -> None:
        """Close the phase under way and begin another."""
        maintenant = time.perf_counter()
        if self.courante:
            self.durees[self.courante] += maintenant - self.debut
        self.courante, self.debut = phase, maintenant

    def emit(self, record: logging.LogRecord) -> None:
        if trouve := re.match(r"Step (\d)", record.getMessage()):
            self.enter(ETAPES[trouve[1]])


def profile(acte: Callable[[], object]) -> Counter[str]:
    """Do something once and tell the phases of its editions."""
    phases, journal = Phases(), logging.getLogger("weasyprint.progress")
    prepare, assemble = socle.pdf.prepare, socle.pdf.assemble

    def watch(phase: str, fonction: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **nommes: Any) -> Any:
            phases.enter(phase)
            resultat = fonction(*args, **nommes)
            phases.enter(DONNEES)
            return resultat

        return watched

    niveau = journal.level
    journal.addHandler(phases)
    journal.setLevel(logging.INFO)
    propage, journal.propagate = journal.propagate, False
    try:
        with (
            mock.patch.object(socle.pdf, "prepare", watch(PREPARATION, prepare)),
            mock.patch.object(socle.pdf, "assemble", watch(ASSEMBLAGE, assemble)),
        ):
            phases.enter(DONNEES)
            acte()
            phases.enter("")
    finally:
        journal.removeHandler(phases)
        journal.setLevel(niveau)
        journal.propagate = propage
    return phases.durees
