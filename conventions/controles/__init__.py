"""Rules about the text, the dates and the parties of a convention."""

from conventions.controles.dates import REGLES as DATES
from conventions.controles.famille import REGLES as FAMILLE
from conventions.controles.montants import REGLES as MONTANTS
from conventions.controles.pieces import REGLES as PIECES
from socle.controles import Regle

REGLES: list[Regle] = [*MONTANTS, *DATES, *FAMILLE, *PIECES]
