"""Deadlines as a calendar that people's programs read (RFC 5545): one day-long event a deadline."""

from collections.abc import Iterable
from datetime import date, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from icalendar import Calendar, Event, Timezone

from comptes.models import Utilisateur
from financement.echeances import Echeance, tell_partenaires

PRODUIT = "-//Trait d’union//Échéances des conventions//FR"
NOM = "Échéances, Trait d’union"
RELECTURE = timedelta(hours=12)  # how often programs are asked to come back
UN_JOUR = timedelta(days=1)


def build_calendar(user: Utilisateur, echeances: Iterable[Echeance]) -> bytes:
    """The calendar of `user`. What does not change is written the same each time: nothing in it is of the moment it is read."""
    calendrier = Calendar()
    calendrier.add("prodid", PRODUIT)
    calendrier.add("version", "2.0")
    calendrier.add("calscale", "GREGORIAN")
    calendrier.add("x-wr-calname", NOM)
    calendrier.add("refresh-interval", RELECTURE, parameters={"value": "DURATION"})
    calendrier.add("x-published-ttl", "PT12H")
    for echeance in echeances:
        calendrier.add_component(_build_event(user, echeance))
    if not calendrier.subcomponents:  # a calendar holds something: with no deadline, its time zone
        calendrier.add_component(Timezone.from_tzid(settings.TIME_ZONE, first_date=date(2020, 1, 1), last_date=date(2038, 1, 1)))
    return calendrier.to_ical()


def _build_event(user: Utilisateur, echeance: Echeance) -> Event:
    """A deadline keeps its UID when its day moves, so that programs move it too; it takes nobody's time."""
    convention = echeance.convention
    partenaires = tell_partenaires(convention, user)
    resume = f"{'Fait : ' if echeance.reglee else ''}{echeance.libelle}{f' ({partenaires})' if partenaires else ''}"
    evenement = Event()
    evenement.add("uid", f"{echeance.cle}@{urlsplit(settings.ADRESSE).hostname}")
    evenement.add("dtstamp", convention.modifiee_le)
    evenement.add("dtstart", echeance.jour)
    evenement.add("dtend", echeance.jour + UN_JOUR)
    evenement.add("summary", resume)
    evenement.add("description", f"{convention.nom_court}\n{convention.titre}")
    evenement.add("url", settings.ADRESSE + convention.get_absolute_url())
    evenement.add("transp", "TRANSPARENT")
    return evenement
