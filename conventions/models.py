"""Models of the app: one module a subject."""

from conventions.articles import Article, ModeleArticle, MontantDeclare
from conventions.axes import Axe
from conventions.conventions import Convention, Objectif, Politique
from conventions.journal import Evenement
from conventions.parties import Partie
from conventions.travaux.journal import Ouvrier, Travail

__all__ = [
    "Article",
    "Axe",
    "Convention",
    "Evenement",
    "ModeleArticle",
    "MontantDeclare",
    "Objectif",
    "Ouvrier",
    "Partie",
    "Politique",
    "Travail",
]
