"""Who may write in a fiche, and the sentence that says why not."""

from typing import Any

from django.core.exceptions import PermissionDenied

from conventions.gel import explain_gel
from conventions.models import Convention
from fiches.fiches import FicheAction


def explain_lecture(user: Any, convention: Convention) -> str:
    """Why this person only reads the fiches of a convention they see; empty when they may write."""
    if user.is_lecteur:
        return "Votre compte lit les fiches sans les modifier. Un administrateur de votre organisation peut changer votre rôle."
    return explain_gel(convention)


def explain_refus(user: Any, fiche: FicheAction) -> str:
    """Why this person cannot write in this fiche now; empty when they may. The fiche must be one they see."""
    return explain_lecture(user, fiche.convention) or explain_etat(fiche)


def explain_etat(fiche: FicheAction) -> str:
    """Why nobody can write in this fiche now, whoever they are; empty when who may write can."""
    if refus := explain_gel(fiche.convention):
        return refus
    if fiche.supprimee_le:
        return "Cette fiche est dans la corbeille. Sortez-la de la corbeille pour la modifier."
    if fiche.etat == FicheAction.Etat.VALIDEE:
        return "Cette fiche est validée. Pour la modifier, renvoyez-la d’abord en correction."
    return ""


def check_ecriture(user: Any, convention: Convention) -> None:
    """Raise PermissionDenied, with its sentence, when the person may not write the fiches of the convention."""
    if refus := explain_lecture(user, convention):
        raise PermissionDenied(refus)


def check_modification(user: Any, fiche: FicheAction) -> None:
    """Raise PermissionDenied, with its sentence, when the person may not write in the fiche now."""
    if refus := explain_refus(user, fiche):
        raise PermissionDenied(refus)
