"""Models of the app: one module a subject."""

from fiches.fiches import FicheAction, Pilote
from fiches.indicateurs import CibleIndicateur, Indicateur
from fiches.prets import ProduitPret

__all__ = ["CibleIndicateur", "FicheAction", "Indicateur", "Pilote", "ProduitPret"]
