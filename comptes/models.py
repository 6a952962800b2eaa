"""Models of the app: one module a subject."""

from comptes.organisations import Organisation
from comptes.utilisateurs import Utilisateur

__all__ = ["Organisation", "Utilisateur"]
