"""Délibérations of the parties, who signs for each and by what delegation."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone

from conventions.journal import record
from conventions.models import Convention, Partie
from documents.figes import keep_file
from socle.pieces import Piece
from socle.texte import keep_writable

DOSSIER = "deliberations"


@dataclass(frozen=True)
class Deliberation:
    """What is written of one party. Once the document is frozen, only what follows (`executoire`, the file) may still be given."""

    numero: str = ""
    prise: date | None = None
    executoire: date | None = None
    seance: date | None = None
    civilite: str = ""
    signataire: str = ""
    qualite: str = ""
    delegation: str = ""
    piece: Piece | None = None


def explain_deliberation(user: Any, convention: Convention) -> str:
    """Why this person does not record délibérations; empty when they do."""
    if user.is_lecteur:
        return "Votre compte lit la convention sans enregistrer de délibération."
    if not user.is_superuser and all(p.organisation_id != user.organisation_id for p in convention.parties.all()):
        return "Seules les parties enregistrent les délibérations."
    return "Ce projet est abandonné." if convention.etat == Convention.Etat.CADUQUE else ""


@transaction.atomic
def record_deliberation(user: Any, convention: Convention, pk: int, d: Deliberation) -> Partie:
    """Record the délibération of one party. Raises PermissionDenied, ValidationError with every reason."""
    if refus := explain_deliberation(user, convention):
        raise PermissionDenied(refus)
    verrou = Convention.objects.select_for_update().get(pk=convention.pk)
    partie = Partie.objects.filter(convention=verrou, pk=pk).first()
    if partie is None:
        raise ValidationError("Cette partie n’est plus dans la convention.")
    if erreurs := _refuse(d, partie):
        raise ValidationError(erreurs)
    if not verrou.is_figee:
        partie.deliberation_numero, partie.deliberation_date = keep_writable(d.numero).strip(), d.prise
        partie.civilite, partie.signataire = keep_writable(d.civilite).strip(), keep_writable(d.signataire).strip()
        partie.qualite, partie.delegation = keep_writable(d.qualite).strip(), keep_writable(d.delegation).strip()
        partie.seance_prevue = d.seance
    partie.deliberation_executoire = d.executoire
    if d.piece:
        partie.deliberation_fichier, empreinte = keep_file(d.piece.contenu, d.piece.extension, DOSSIER)
    partie.full_clean()
    partie._history_user = user  # type: ignore[attr-defined]
    partie.save()
    quand = f" du {partie.deliberation_date:%d/%m/%Y}" if partie.deliberation_date else ""
    numero = f" n° {partie.deliberation_numero}" if partie.deliberation_numero else ""
    executoire = f", exécutoire le {partie.deliberation_executoire:%d/%m/%Y}" if partie.deliberation_executoire else ""
    signe = f". Signe : {partie.representant}, {partie.qualite}" if partie.representant else ""
    details = {"fichier": empreinte} if d.piece else {}
    record(verrou, "deliberation", f"{partie.denomination} : délibération{numero}{quand}{executoire}{signe}.", user, **details)
    return partie


def _refuse(d: Deliberation, partie: Partie) -> list[str]:
    erreurs = []
    delibere = partie.deliberation_date if partie.convention.is_figee else d.prise
    if d.prise and d.prise > timezone.localdate():
        erreurs.append("Une délibération n’est pas dans l’avenir : donnez plutôt la date de la séance prévue.")
    if d.executoire and d.executoire > timezone.localdate():
        erreurs.append("Une délibération n’est pas exécutoire dans l’avenir : revenez le jour où elle le sera.")
    elif partie.deliberation_executoire and not d.executoire and partie.convention.date_executoire:
        erreurs.append("La convention est exécutoire : la date de la délibération exécutoire se corrige, elle ne s’efface plus.")
    elif d.executoire and not delibere:
        erreurs.append("Donnez la date de la délibération avant celle où elle est devenue exécutoire.")
    elif d.executoire and delibere and d.executoire < delibere:
        erreurs.append("Une délibération ne devient pas exécutoire avant d’être prise.")
    return erreurs
