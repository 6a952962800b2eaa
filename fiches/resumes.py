"""The daily summary: what the others wrote, asked and decided since the last one, in one message a person a day."""

import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from comptes.models import Utilisateur
from fiches.abonnements import get_abonnement, sign_utilisateur
from fiches.commentaires import Commentaire
from fiches.fiches import FicheAction
from fiches.indicateurs import CibleIndicateur
from fiches.transitions import Passage

logger = logging.getLogger(__name__)
RECUL = timedelta(days=7)  # what the first summary looks back on


@dataclass
class Resume:
    """What one person is told: comments that name them, other comments, passages, sheets changed by others."""

    user: Utilisateur
    mentions: list[Commentaire] = field(default_factory=list)
    commentaires: list[Commentaire] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    modifiees: list[tuple[FicheAction, list[str]]] = field(default_factory=list)

    @property
    def is_vide(self) -> bool:
        return not (self.mentions or self.commentaires or self.passages or self.modifiees)

    @property
    def objet(self) -> str:
        """Subject of the message: the most personal news first."""
        if self.mentions:
            return f"{self.mentions[0].auteur or 'Quelqu’un'} vous cite dans la fiche {self.mentions[0].fiche.code}"
        nombre = len({c.fiche_id for c in self.commentaires} | {p.fiche_id for p in self.passages} | {f.pk for f, _ in self.modifiees})
        return f"Du nouveau dans {nombre} fiche{'s' if nombre > 1 else ''} action"


def compose_resume(user: Utilisateur, depuis: datetime, fin: datetime | None = None) -> Resume:
    """What others did from `depuis` to `fin` in the fiches this person may see and that are no draft any more."""
    fin = fin or timezone.now()
    fiches = FicheAction.objects.visible_to(user)
    partagees = fiches.exclude(etat=FicheAction.Etat.BROUILLON)
    commentaires = Commentaire.objects.filter(fiche__in=fiches, cree_le__gte=depuis, cree_le__lt=fin).unread_by(user)
    commentaires = commentaires.select_related("fiche__convention", "auteur").prefetch_related("mentions")
    resume = Resume(user)
    for commentaire in commentaires:
        cite = any(p.pk == user.pk for p in commentaire.mentions.all())
        if cite:
            resume.mentions.append(commentaire)
        elif commentaire.fiche.etat != FicheAction.Etat.BROUILLON:
            resume.commentaires.append(commentaire)
    passages = Passage.objects.filter(fiche__in=partagees, date__gte=depuis, date__lt=fin).exclude(auteur=user)
    resume.passages = list(passages.select_related("fiche__convention", "auteur").order_by("date"))
    resume.modifiees = list_modifiees(user, partagees, depuis, fin)
    return resume


def list_modifiees(
    user: Utilisateur, fiches: Iterable[FicheAction], depuis: datetime, fin: datetime
) -> list[tuple[FicheAction, list[str]]]:
    """Sheets that others changed since, texts or figures, among those the person pilots or whose action their organisation leads."""
    miennes = FicheAction.objects.filter(pk__in=fiches).filter(Q(pilotages__utilisateur=user) | Q(maitres_ouvrage=user.organisation_id))
    par_pk = {f.pk: f for f in miennes.select_related("convention").distinct()}
    auteurs: dict[int, set[int]] = defaultdict(set)
    for historique, cle in list_historiques():
        versions = historique.filter(**{f"{cle}__in": list(par_pk)}, history_date__gte=depuis, history_date__lt=fin)
        versions = versions.filter(history_user__isnull=False)
        if historique.model is FicheAction.history.model:
            versions = versions.exclude(champ="etat")  # told as a passage
        for pk, auteur in versions.exclude(history_user=user).values_list(cle, "history_user").distinct():
            auteurs[pk].add(auteur)
    noms = {p.pk: str(p) for p in Utilisateur.objects.filter(pk__in={a for qui in auteurs.values() for a in qui})}
    return [(fiche, sorted(noms[a] for a in auteurs[pk])) for pk, fiche in par_pk.items() if auteurs[pk]]


def list_historiques() -> list[tuple[Any, str]]:
    """Histories of the sheet and of all its rows, those of the floors above included, each with its key to the sheet."""
    liens = [lien for lien in FicheAction._meta.related_objects if lien.one_to_many and lien.field.name == "fiche"]
    dessous = [lien.related_model for lien in liens if hasattr(lien.related_model, "history")]
    return [
        (FicheAction.history, "id"),
        (CibleIndicateur.history, "indicateur__fiche_id"),
        *((modele.history, "fiche_id") for modele in dessous),
    ]


def build_message(resume: Resume) -> EmailMessage:
    """The message, with the two ways out that mail programs know."""
    sortie = settings.ADRESSE + reverse("resume_desabonner", args=[sign_utilisateur(resume.user)])
    corps = render_to_string("fiches/resume.txt", {"resume": resume, "adresse": settings.ADRESSE, "sortie": sortie})
    entetes = {"List-Unsubscribe": f"<{sortie}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "Auto-Submitted": "auto-generated"}
    return EmailMessage(resume.objet, corps, to=[resume.user.email], headers=entetes)


def send_resumes(maintenant: datetime | None = None) -> int:
    """Send what is to be sent today, once a person however often it is asked; return the number of messages."""
    maintenant = maintenant or timezone.now()
    envoyes = 0
    personnes = Utilisateur.objects.filter(is_active=True, organisation__isnull=False).exclude(role=Utilisateur.Role.LECTEUR)
    for user in personnes.select_related("organisation", "abonnement"):
        abonnement = getattr(user, "abonnement", None) or get_abonnement(user)
        dernier = abonnement.dernier_envoi
        if not abonnement.actif or (dernier and timezone.localdate(dernier) >= timezone.localdate(maintenant)):
            continue
        resume = compose_resume(user, dernier or maintenant - RECUL, maintenant)
        if resume.is_vide:
            continue
        try:
            build_message(resume).send()
        except OSError as erreur:  # smtplib's errors included
            logger.warning("résumé non envoyé", extra={"utilisateur": user.pk, "erreur": str(erreur)})
            continue
        # After the sending: a message that did not leave is tried again the next time.
        abonnement.dernier_envoi = maintenant
        abonnement.save(update_fields=["dernier_envoi"])
        envoyes += 1
    return envoyes
