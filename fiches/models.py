"""Models of the app: one module a subject."""

from fiches.abonnements import Abonnement
from fiches.commentaires import Commentaire, LectureCommentaires
from fiches.fiches import FicheAction, Pilote
from fiches.indicateurs import CibleIndicateur, Indicateur
from fiches.presence import Presence
from fiches.prets import ProduitPret
from fiches.transitions import Passage

__all__ = [
    "Abonnement",
    "CibleIndicateur",
    "Commentaire",
    "FicheAction",
    "Indicateur",
    "LectureCommentaires",
    "Passage",
    "Pilote",
    "Presence",
    "ProduitPret",
]
