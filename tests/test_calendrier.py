"""The calendar that people's programs read: its address, what it holds, who may read it."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from icalendar import Calendar
from lxml import html

from comptes.calendrier import CalendrierPersonnel, change_calendrier, close_calendrier, open_calendrier
from comptes.models import Utilisateur
from conventions.models import Convention, Partie
from financement.calendrier import build_calendar
from financement.echeances import collect_echeances
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]


@pytest.fixture
def today() -> date:
    return timezone.localdate()


@pytest.fixture
def fin(convention: Convention, today: date) -> date:
    """The convention ends in ten days."""
    Convention.objects.update(date_fin=today + timedelta(days=10))
    return today + timedelta(days=10)


def locate(user: Utilisateur) -> str:
    return reverse("calendrier", args=[open_calendrier(user).jeton])


def fetch(user: Utilisateur) -> HttpResponse:
    """What a program reads: it has no session."""
    return Client().get(locate(user))


def read(user: Utilisateur) -> Any:
    return Calendar.from_ical(fetch(user).content)


def read_events(user: Utilisateur) -> list[tuple[date, str]]:
    return [(e.decoded("dtstart"), str(e["summary"])) for e in read(user).events]


# --- What it holds ----------------------------------------------------------------------------------


def test_deadline_is_a_day_with_its_partner_and_its_page(fin: date, agent: Utilisateur, settings: Any) -> None:
    settings.ADRESSE = "https://conventions.example"
    (evenement,) = read(agent).events
    convention = Convention.objects.get()
    assert {nom: str(evenement[nom]) for nom in ("SUMMARY", "DESCRIPTION", "URL", "UID")} == {
        "SUMMARY": "Fin de la convention (CCI d’essai)",
        "DESCRIPTION": "Convention-cadre 2018 – 2020\nDéveloppement économique",
        "URL": f"https://conventions.example{convention.get_absolute_url()}",
        "UID": f"fin.{convention.pk}@conventions.example",
    }
    assert (evenement.decoded("dtstart"), evenement.decoded("dtend")) == (fin, fin + timedelta(days=1))
    assert evenement.decoded("dtstamp") == convention.modifiee_le.replace(microsecond=0)


def test_what_is_settled_says_so(fin: date, agent: Utilisateur, today: date) -> None:
    Partie.objects.filter(nom_court="CCI").update(seance_prevue=today, deliberation_date=today)
    assert read_events(agent)[0] == (today, "Fait : Délibération, CCI d’essai (CCI d’essai)")


def test_past_year_stays_in_it(convention: Convention, agent: Utilisateur, today: date) -> None:
    Convention.objects.update(date_debut=today - timedelta(days=401), date_fin=today - timedelta(days=400))
    assert [resume for _, resume in read_events(agent)] == ["Fin de la convention (CCI d’essai)"]


def test_deadline_that_moves_keeps_its_name(fin: date, agent: Utilisateur) -> None:
    avant = [str(e["uid"]) for e in read(agent).events]
    Convention.objects.update(date_fin=fin + timedelta(days=30))
    apres = [str(e["uid"]) for e in read(agent).events]
    assert apres == avant


def test_calendar_obeys_its_standard(fin: date, agent: Utilisateur) -> None:
    Convention.objects.update(titre="Développement ; économique, " * 5 + "\\n")
    for rang in range(3):
        factories.PartieFactory(convention=Convention.objects.get(), denomination=f"Ville {rang}", seance_prevue=fin)
    contenu = fetch(agent).content
    assert contenu.replace(b"\r\n", b"").count(b"\n") == 0
    assert max(len(ligne) for ligne in contenu.split(b"\r\n")) <= 75
    calendrier: Any = Calendar.from_ical(contenu)
    assert (calendrier["version"], calendrier["x-wr-calname"]) == ("2.0", "Échéances, Trait d’union")
    assert calendrier["prodid"].startswith("-//Trait d’union//")
    assert calendrier.errors == []
    evenements = calendrier.events
    assert len({str(e["uid"]) for e in evenements}) == len(evenements) == 4
    assert all(e["dtstart"].params["VALUE"] == "DATE" and "dtstamp" in e and e.errors == [] for e in evenements)
    assert {sous.name for sous in calendrier.walk()} == {"VCALENDAR", "VEVENT"}  # no alarm
    assert str(evenements[0]["description"]).endswith("économique, \\n")


def test_words_of_a_convention_write_no_event_of_their_own(fin: date, agent: Utilisateur) -> None:
    Convention.objects.update(titre="Piège\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nSUMMARY:Faux")
    assert len(read(agent).events) == 1


def test_calendar_with_no_deadline_is_still_one(agent: Utilisateur) -> None:
    calendrier = read(agent)
    assert calendrier.events == []
    assert len(calendrier.subcomponents) == 1  # a calendar holds one thing at least


def test_calendar_is_written_the_same_until_something_changes(fin: date, agent: Utilisateur) -> None:
    conventions = list(Convention.objects.with_parties())
    ecrits = {build_calendar(agent, collect_echeances(conventions)) for _ in range(2)}
    assert len(ecrits) == 1
    Convention.objects.update(modifiee_le=timezone.now() + timedelta(seconds=2))
    assert build_calendar(agent, collect_echeances(list(Convention.objects.with_parties()))) not in ecrits


# --- Who reads it -----------------------------------------------------------------------------------


def test_program_reads_without_session_and_leaves_no_cookie(fin: date, agent: Utilisateur) -> None:
    reponse = fetch(agent)
    assert (reponse.status_code, reponse["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    assert "private" in reponse["Cache-Control"]
    assert not reponse.cookies


def test_calendar_is_ones_own_even_signed_in_as_somebody_else(fin: date, agent: Utilisateur, client_agent: Client) -> None:
    autre = factories.UtilisateurFactory()
    assert b"VEVENT" not in client_agent.get(locate(autre)).content


def test_conventions_of_others_are_not_in_it(fin: date, agent: Utilisateur) -> None:
    ailleurs = factories.ConventionFactory(date_fin=fin)
    factories.PartieFactory(convention=ailleurs)
    assert len(read_events(agent)) == 1
    Partie.objects.filter(organisation=agent.organisation).delete()
    assert read_events(agent) == []


def test_operator_reads_the_dates_of_their_own_organisation_only(fin: date, agent: Utilisateur) -> None:
    factories.PartieFactory(convention__date_fin=fin)
    Utilisateur.objects.filter(pk=agent.pk).update(is_superuser=True)
    exploitant = factories.UtilisateurFactory(organisation=None, is_superuser=True)
    assert [len(read_events(p)) for p in (agent, exploitant)] == [1, 0]


def test_lecteur_reads_it_too(fin: date, agent: Utilisateur) -> None:
    lecteur = factories.UtilisateurFactory(organisation=agent.organisation, role=Utilisateur.Role.LECTEUR)
    assert len(read_events(lecteur)) == 1


def test_unknown_address_is_nowhere(agent: Utilisateur, client: Client) -> None:
    jeton = open_calendrier(agent).jeton
    for faux in ("faux", jeton[:-1], jeton + "a", jeton.swapcase(), "a" * 500):
        assert client.get(reverse("calendrier", args=[faux])).status_code == 404


def test_closed_account_is_nowhere(fin: date, agent: Utilisateur, client: Client) -> None:
    adresse = locate(agent)
    Utilisateur.objects.filter(pk=agent.pk).update(is_active=False)
    assert client.get(adresse).status_code == 404


def test_address_is_only_read(agent: Utilisateur, client: Client) -> None:
    adresse = locate(agent)
    assert {client.generic(methode, adresse).status_code for methode in ("POST", "PUT", "DELETE")} == {405}
    entete = client.head(adresse)
    assert (entete.status_code, entete.content) == (200, b"")


def test_reading_is_noted_once_an_hour(agent: Utilisateur) -> None:
    fetch(agent)
    premiere = CalendrierPersonnel.objects.get().lu_le
    fetch(agent)
    assert premiere is not None
    assert CalendrierPersonnel.objects.get().lu_le == premiere
    ancienne = premiere - timedelta(hours=1)
    CalendrierPersonnel.objects.update(lu_le=ancienne)
    fetch(agent)
    assert CalendrierPersonnel.objects.get().lu_le > ancienne


def test_queries_stay_flat(fin: date, agent: Utilisateur) -> None:
    adresse = locate(agent)

    def count() -> int:
        CalendrierPersonnel.objects.update(lu_le=timezone.now())
        with CaptureQueriesContext(connection) as requetes:
            Client().get(adresse)
        return len(requetes)

    avant = count()
    for _ in range(3):
        convention = factories.ConventionFactory(date_fin=fin)
        factories.PartieFactory(convention=convention, organisation=agent.organisation, seance_prevue=fin)
        factories.VersementFactory(convention=convention, date_prevue=fin)
    assert len(read_events(agent)) == 10
    assert count() <= avant + 1  # what was paid of the payments, once there are some


# --- The address ------------------------------------------------------------------------------------


def open_page(client: Client, acte: str = "") -> Any:
    adresse = reverse("agenda")
    return html.fromstring((client.post(adresse, {"acte": acte}, follow=True) if acte else client.get(adresse)).content)


def read_address(page: Any) -> list[str]:
    return page.xpath("//input[@id='adresse']/@value")


def test_opening_the_page_makes_no_address(client_agent: Client) -> None:
    assert read_address(open_page(client_agent)) == []
    assert not CalendrierPersonnel.objects.exists()


def test_address_is_made_shown_and_read(fin: date, client_agent: Client, settings: Any) -> None:
    settings.ADRESSE = "https://conventions.example"
    page = open_page(client_agent, "creer")
    (adresse,) = read_address(page)
    assert adresse.startswith("https://conventions.example/calendrier/")
    assert page.xpath("//input[@id='adresse']/@readonly")
    assert b"BEGIN:VEVENT" in Client().get(adresse.removeprefix("https://conventions.example")).content


def test_address_asked_twice_stays_the_same(client_agent: Client) -> None:
    assert read_address(open_page(client_agent, "creer")) == read_address(open_page(client_agent, "creer"))


def test_changing_the_address_closes_the_former(agent: Utilisateur, client_agent: Client, client: Client) -> None:
    ancienne = locate(agent)
    client.get(ancienne)
    page = open_page(client_agent, "changer")
    assert "L’ancienne ne répond plus" in page.text_content()
    assert "Aucun agenda ne l’a encore lue." in page.text_content()
    assert [client.get(adresse).status_code for adresse in (ancienne, locate(agent))] == [404, 200]


def test_taking_the_address_away_closes_it(agent: Utilisateur, client_agent: Client, client: Client) -> None:
    ancienne = locate(agent)
    assert read_address(open_page(client_agent, "supprimer")) == []
    assert client.get(ancienne).status_code == 404


def test_page_tells_when_a_program_came(agent: Utilisateur, client_agent: Client) -> None:
    fetch(agent)
    assert "Lue par un agenda le " in open_page(client_agent).text_content()


def test_act_that_does_not_exist_changes_nothing(agent: Utilisateur, client_agent: Client) -> None:
    avant = locate(agent)
    open_page(client_agent, "exploser")
    assert locate(agent) == avant


def test_page_that_shows_a_secret_is_kept_by_no_cache(client_agent: Client) -> None:
    assert "no-store" in client_agent.get(reverse("agenda"))["Cache-Control"]


def test_addresses_are_ones_own(agent: Utilisateur, client_agent: Client) -> None:
    autre = factories.UtilisateurFactory()
    avant = locate(autre)
    for acte in ("creer", "changer", "supprimer"):
        client_agent.post(reverse("agenda"), {"acte": acte, "utilisateur": autre.pk})
    assert locate(autre) == avant


def test_addresses_are_long_and_never_the_same(agent: Utilisateur) -> None:
    jetons = {change_calendrier(agent).jeton for _ in range(5)}
    close_calendrier(agent)
    jetons.add(open_calendrier(agent).jeton)
    assert len(jetons) == 6
    assert min(map(len, jetons)) >= 43


def test_preferences_lead_to_the_agenda(client_agent: Client) -> None:
    assert f'href="{reverse("agenda")}"' in client_agent.get(reverse("preferences")).content.decode()
