"""Who keeps a bilan, who reads it over, and the sentence that says why not."""

from typing import Any

from django.core.exceptions import PermissionDenied

from conventions.models import Convention, Partie
from financement.bilans.modeles import Bilan
from socle.typographie import list_fr

LECTEUR = "Votre compte lit les bilans sans les remplir. Un administrateur de votre organisation peut changer votre rôle."


def list_redacteurs(convention: Convention) -> list[Partie]:
    """Parties that report: those who receive; all of them when the agreement names none."""
    parties = list(convention.parties.all())
    return [p for p in parties if p.role == Partie.Role.BENEFICIAIRE] or parties


def list_relecteurs(convention: Convention) -> list[Partie]:
    """Parties whose agreement the bilan needs besides who reports: those who pay; where all report, somebody else than who sends."""
    redacteurs = {p.organisation_id for p in list_redacteurs(convention)}
    parties = list(convention.parties.all())
    financeurs = [p for p in parties if p.role == Partie.Role.FINANCEUR and p.organisation_id not in redacteurs]
    if financeurs:
        return financeurs
    payeurs = [p for p in parties if p.role == Partie.Role.FINANCEUR]
    return parties if len(payeurs) == 1 else payeurs


def explain_role(user: Any, convention: Convention) -> str:
    """Why this person does not report for a convention; empty when they do."""
    if user.is_superuser:
        return ""
    if user.is_lecteur:
        return LECTEUR
    redacteurs = list_redacteurs(convention)
    if user.organisation_id in {p.organisation_id for p in redacteurs}:
        return ""
    return f"Le bilan est rempli par {list_fr([p.nom_articule for p in redacteurs])}. Vous pouvez le lire et y laisser des observations."


def explain_saisie(user: Any, bilan: Bilan) -> str:
    """Why this person cannot write in a bilan now; empty when they may."""
    return explain_role(user, bilan.convention) or explain_fermeture(bilan)


def explain_fermeture(bilan: Bilan) -> str:
    """Why nobody writes in a bilan now; empty while it is being written."""
    if bilan.convention.etat == Convention.Etat.CADUQUE:
        return "La convention est caduque : son bilan ne se remplit plus."
    if bilan.is_accepte:
        return f"Le bilan {bilan.annee} est accepté : il ne change plus."
    if bilan.is_envoye:
        return f"Le bilan {bilan.annee} est envoyé : il se corrige si des observations le renvoient, ou si vous le reprenez."
    return ""


def check_saisie(user: Any, bilan: Bilan) -> None:
    """Raise PermissionDenied, with its sentence, when the person may not write in the bilan now."""
    if refus := explain_saisie(user, bilan):
        raise PermissionDenied(refus)


def explain_parole(user: Any, convention: Convention) -> str:
    """Why this person leaves no observation; empty when they may."""
    if user.is_superuser:
        return ""
    if user.is_lecteur:
        return "Votre compte lit les observations sans en écrire."
    parties = {p.organisation_id for p in convention.parties.all()}
    return "" if user.organisation_id in parties else "Seules les parties laissent des observations."


def explain_relecture(user: Any, convention: Convention) -> str:
    """Why this person does not accept a bilan nor send it back; empty when they do."""
    if user.is_superuser:
        return ""
    if user.is_lecteur:
        return LECTEUR
    relecteurs = list_relecteurs(convention)
    if user.organisation_id in {p.organisation_id for p in relecteurs}:
        return ""
    return f"Cette étape revient à qui finance : {list_fr([p.nom_articule for p in relecteurs]) or 'aucun financeur n’est nommé'}."
