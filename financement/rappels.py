"""Reminders of deadlines: one message a person for what comes within a month and what went by with nothing done."""

import logging
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from comptes.models import Rappel, Utilisateur
from fiches.abonnements import get_abonnement, sign_utilisateur
from financement.echeances import GARDE, Echeance, list_echeances, list_suivies, tell_partenaires
from socle.typographie import format_date_longue

logger = logging.getLogger(__name__)
HORIZON = timedelta(days=30)  # how long before its day a deadline is told
Dit = tuple[str, date, str]  # a deadline as it was told: its key, its day then, before it or late


@dataclass
class Message:
    """What one person is told: deadlines late, then those to come."""

    user: Utilisateur
    today: date
    retards: list[Echeance] = field(default_factory=list)
    avances: list[Echeance] = field(default_factory=list)

    @property
    def objet(self) -> str:
        """Subject: the deadline when it is alone, else how many there are."""
        nombre, retards = len(self.retards) + len(self.avances), len(self.retards)
        if nombre == 1:
            seule = [*self.retards, *self.avances][0]
            return f"{seule.libelle}, {self.tell_jour(seule)}"
        if retards == nombre:
            return f"{nombre} échéances en retard"
        return f"{nombre} échéances, dont {retards} en retard" if retards else f"{nombre} échéances dans les {HORIZON.days} jours"

    @property
    def groupes(self) -> list[tuple[str, list[Echeance]]]:
        """The parts of the message, each with its title."""
        return [(titre, e) for titre, e in [("En retard", self.retards), (f"Dans les {HORIZON.days} jours", self.avances)] if e]

    def tell_jour(self, echeance: Echeance) -> str:
        """« en retard de 12 jours », « le 31 mars 2027 »."""
        return echeance.tell_retard(self.today) if echeance.en_retard(self.today) else f"le {format_date_longue(echeance.jour)}"


def send_rappels(maintenant: datetime | None = None) -> int:
    """Tell each person what they have not been told yet; return the number of messages."""
    maintenant = maintenant or timezone.now()
    today = timezone.localdate(maintenant)
    Rappel.objects.filter(jour__lt=today - GARDE).delete()  # told of no more
    par_organisation: dict[int, list[Echeance]] = {}
    dits = list_dits()
    envoyes = 0
    personnes = Utilisateur.objects.filter(is_active=True, organisation__isnull=False).exclude(role=Utilisateur.Role.LECTEUR)
    for user in personnes.select_related("organisation", "abonnement"):
        abonnement = getattr(user, "abonnement", None) or get_abonnement(user)
        if not abonnement.actif:
            continue
        if user.organisation_id not in par_organisation:  # colleagues follow the same conventions
            par_organisation[user.organisation_id] = list_echeances(list_suivies(user), today, HORIZON)
        message = compose_message(user, par_organisation[user.organisation_id], today, dits[user.pk])
        if not message.groupes:
            continue
        try:
            build_message(message).send()
        except OSError as erreur:  # smtplib's errors included
            logger.warning("rappel non envoyé", extra={"utilisateur": user.pk, "erreur": str(erreur)})
            continue
        # After the sending: a message that did not leave is tried again the next time.
        remember(message, maintenant)
        envoyes += 1
    return envoyes


def list_dits() -> dict[int, set[Dit]]:
    """What each person was told already."""
    dits: dict[int, set[Dit]] = defaultdict(set)
    for utilisateur, cle, jour, genre in Rappel.objects.values_list("utilisateur", "cle", "jour", "genre"):
        dits[utilisateur].add((cle, jour, genre))
    return dits


def compose_message(user: Utilisateur, echeances: list[Echeance], today: date, dits: set[Dit]) -> Message:
    """What of `echeances` the person was not told yet: before its day, then once it is late."""
    message = Message(user, today)
    for e in echeances:
        retard = e.en_retard(today)
        if (e.cle, e.jour, Rappel.Genre.RETARD if retard else Rappel.Genre.AVANCE) not in dits:
            (message.retards if retard else message.avances).append(e)
    return message


def remember(message: Message, maintenant: datetime) -> None:
    """Keep what was told, so that it is not told again."""
    dites = [(Rappel.Genre.RETARD, e) for e in message.retards] + [(Rappel.Genre.AVANCE, e) for e in message.avances]
    rappels = [Rappel(utilisateur=message.user, cle=e.cle, jour=e.jour, genre=genre, envoye_le=maintenant) for genre, e in dites]
    Rappel.objects.bulk_create(rappels, ignore_conflicts=True)


def build_message(message: Message) -> EmailMessage:
    """The message, with the two ways out that mail programs know."""
    sortie = settings.ADRESSE + reverse("resume_desabonner", args=[sign_utilisateur(message.user)])
    lignes = [
        (titre.upper(), [(e, message.tell_jour(e), tell_partenaires(e.convention, message.user)) for e in echeances])
        for titre, echeances in message.groupes
    ]
    contexte = {"user": message.user, "groupes": lignes, "adresse": settings.ADRESSE, "sortie": sortie}
    corps = render_to_string("financement/rappel.txt", contexte)
    entetes = {"List-Unsubscribe": f"<{sortie}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "Auto-Submitted": "auto-generated"}
    return EmailMessage(message.objet, corps, to=[message.user.email], headers=entetes)
