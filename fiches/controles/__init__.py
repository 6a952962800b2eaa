"""Rules about the sheets: codes, references, calendars, indicators."""

from fiches.controles.calendriers import REGLES as CALENDRIERS
from fiches.controles.codes import REGLES as CODES
from fiches.controles.indicateurs import REGLES as INDICATEURS
from socle.controles import Regle

REGLES: list[Regle] = [*CODES, *CALENDRIERS, *INDICATEURS]
