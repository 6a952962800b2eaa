"""Models of the app: one module a subject."""

from comptes.bancaire import ChangementIban
from comptes.calendrier import CalendrierPersonnel, Rappel
from comptes.organisations import Organisation
from comptes.utilisateurs import Utilisateur

__all__ = ["CalendrierPersonnel", "ChangementIban", "Organisation", "Rappel", "Utilisateur"]
