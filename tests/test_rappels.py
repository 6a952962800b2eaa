"""Reminders: who is told which deadline, once before and once late, and never twice."""

from datetime import date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from comptes.models import Rappel, Utilisateur
from conventions.models import Convention, Partie
from fiches.abonnements import Abonnement, get_abonnement
from financement.rappels import send_rappels
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]
TODAY = date(2026, 3, 2)
MATIN = datetime.fromisoformat("2026-03-02T06:30:00+00:00")


@pytest.fixture
def nadia(agent: Utilisateur) -> Utilisateur:
    """Of the agglomération."""
    agent.prenom, agent.email = "Nadia", "nadia@agglo.example"
    agent.save()
    return agent


@pytest.fixture
def cci(convention: Convention) -> Partie:
    """The chamber, in the convention; nobody has an account there."""
    return convention.parties.get(nom_court="CCI")


def plan(partie: Partie, jours: int, **champs: Any) -> None:
    """Its session in so many days, gone by when negative."""
    Partie.objects.filter(pk=partie.pk).update(seance_prevue=TODAY + timedelta(days=jours), **champs)


def send(jours: int = 0) -> dict[str, Any]:
    """Messages of the day, by whom they are for."""
    mail.outbox.clear()
    nombre = send_rappels(MATIN + timedelta(days=jours))
    messages = {m.to[0]: m for m in mail.outbox}
    assert len(mail.outbox) == len(messages) == nombre
    return messages


def read(messages: dict[str, Any], personne: Utilisateur) -> str:
    return messages[personne.email].body if personne.email in messages else ""


# --- Once before, once late -------------------------------------------------------------------------


def test_nothing_planned_sends_nothing(convention: Convention, nadia: Utilisateur) -> None:
    assert send() == {}


@pytest.mark.parametrize(("jours", "dite"), [(31, False), (30, True), (0, True)])
def test_deadline_is_told_within_thirty_days(jours: int, dite: bool, cci: Partie, nadia: Utilisateur) -> None:
    plan(cci, jours)
    assert bool(send()) is dite


def test_deadline_is_told_once_before_and_once_late(cci: Partie, nadia: Utilisateur) -> None:
    plan(cci, 20)
    dits = {jours: m[nadia.email].subject for jours in (0, 1, 20, 21, 22, 40) if (m := send(jours))}
    assert dits == {
        0: "Délibération, CCI d’essai, le 22\u00a0mars 2026",
        21: "Délibération, CCI d’essai, en retard de 1\u00a0jour",
    }


def test_date_that_asks_nothing_is_told_before_only(convention: Convention, nadia: Utilisateur) -> None:
    Convention.objects.update(date_fin=TODAY + timedelta(days=20))
    assert [jours for jours in (0, 1, 20, 21) if send(jours)] == [0]


def test_deadline_met_in_time_is_not_told_again(cci: Partie, nadia: Utilisateur) -> None:
    plan(cci, 20)
    assert len(send()) == 1
    plan(cci, 20, deliberation_date=TODAY)
    assert send(21) == {}


def test_settled_one_is_told_to_nobody(cci: Partie, nadia: Utilisateur) -> None:
    plan(cci, 20, deliberation_date=TODAY)
    assert send() == {}


def test_deadline_that_moves_is_told_again(cci: Partie, nadia: Utilisateur) -> None:
    plan(cci, 20)
    send()
    plan(cci, 25)
    assert "27\u00a0mars 2026" in read(send(1), nadia)
    assert send(2) == {}


def test_late_one_put_off_is_told_before_its_new_day(cci: Partie, nadia: Utilisateur) -> None:
    plan(cci, -5)
    assert "EN RETARD" in read(send(), nadia)
    plan(cci, 10)
    corps = read(send(1), nadia)
    assert "DANS LES 30 JOURS" in corps
    assert "EN RETARD" not in corps


def test_late_one_never_told_before_is_told_late(cci: Partie, nadia: Utilisateur) -> None:
    plan(cci, -12)
    assert "Délibération, CCI d’essai, en retard de 12\u00a0jours" in read(send(), nadia)


def test_new_colleague_is_told_what_others_know(cci: Partie, nadia: Utilisateur) -> None:
    plan(cci, 20)
    send()
    collegue = factories.UtilisateurFactory(organisation=nadia.organisation)
    assert set(send(1)) == {collegue.email}


def test_day_is_the_one_of_the_people_who_read(cci: Partie, nadia: Utilisateur) -> None:
    plan(cci, 0)
    minuit_passe = datetime.fromisoformat("2026-03-02T23:30:00+00:00")  # 3 March, half past midnight in Paris
    assert send_rappels(minuit_passe) == 1
    assert "en retard de 1\u00a0jour" in mail.outbox[0].body


def test_what_is_told_of_no_more_is_forgotten(cci: Partie, nadia: Utilisateur) -> None:
    plan(cci, 20)
    send()
    assert Rappel.objects.count() == 1
    send(430)
    assert not Rappel.objects.exists()


class UneAdresseRefusee(EmailBackend):
    def send_messages(self, messages: Any) -> int:
        if messages[0].to == ["nadia@agglo.example"]:
            raise OSError("adresse refusée")
        return super().send_messages(messages)


def test_message_that_does_not_leave_is_tried_again(cci: Partie, nadia: Utilisateur, settings: Any) -> None:
    collegue = factories.UtilisateurFactory(nom="Zola", organisation=nadia.organisation)
    plan(cci, 20)
    bon = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "tests.test_rappels.UneAdresseRefusee"
    assert set(send()) == {collegue.email}
    settings.EMAIL_BACKEND = bon
    assert set(send(1)) == {nadia.email}


# --- What is told -----------------------------------------------------------------------------------


def test_one_message_gathers_what_is_late_then_what_comes(cci: Partie, nadia: Utilisateur, settings: Any) -> None:
    settings.ADRESSE = "https://conventions.example"
    plan(cci, -12)
    Convention.objects.update(date_fin=TODAY + timedelta(days=10))
    message = send()[nadia.email]
    adresse = f"https://conventions.example{cci.convention.get_absolute_url()}"
    assert message.subject == "2 échéances, dont 1 en retard"
    assert message.body.startswith(
        "Bonjour Nadia,\n\nEN RETARD\n\n"
        f"- Délibération, CCI d’essai, en retard de 12\u00a0jours\n  Convention-cadre 2018 – 2020, CCI d’essai\n  {adresse}\n\n"
        "DANS LES 30 JOURS\n\n"
        f"- Fin de la convention, le 12\u00a0mars 2026\n  Convention-cadre 2018 – 2020, CCI d’essai\n  {adresse}\n\n"
    )


@pytest.mark.parametrize(
    ("jours", "objet"),
    [
        ([5, 10], "2 échéances dans les 30 jours"),
        ([-5, -10], "2 échéances en retard"),
        ([-5, -1, 10], "3 échéances, dont 2 en retard"),
    ],
)
def test_subject_counts_them(jours: list[int], objet: str, convention: Convention, nadia: Utilisateur) -> None:
    for ecart in jours:
        factories.PartieFactory(convention=convention, seance_prevue=TODAY + timedelta(days=ecart))
    assert send()[nadia.email].subject == objet


def test_words_are_written_as_typed(cci: Partie, nadia: Utilisateur) -> None:
    plan(cci, 5, denomination="L’« Union » & <Cie>")
    assert "L’« Union » & <Cie>" in read(send(), nadia)


# --- Who is told ------------------------------------------------------------------------------------


@pytest.mark.parametrize("statut", [{"role": "lecteur"}, {"is_active": False}, {"organisation": None, "is_superuser": True}])
def test_who_only_reads_or_left_or_runs_the_platform_is_not_written_to(statut: dict[str, Any], cci: Partie, nadia: Utilisateur) -> None:
    plan(cci, 5)
    Utilisateur.objects.filter(pk=nadia.pk).update(**statut)
    assert send() == {}


def test_both_parties_are_told_and_nobody_else(cci: Partie, nadia: Utilisateur) -> None:
    plan(cci, 5)
    hugo = factories.UtilisateurFactory(organisation=cci.organisation)
    factories.UtilisateurFactory()
    messages = send()
    assert set(messages) == {nadia.email, hugo.email}
    assert "Convention-cadre 2018 – 2020, Agglo d’essai" in read(messages, hugo)


def test_operator_of_an_organisation_is_told_its_dates_only(cci: Partie, nadia: Utilisateur) -> None:
    Utilisateur.objects.filter(pk=nadia.pk).update(is_superuser=True)
    factories.PartieFactory(seance_prevue=TODAY)
    assert send() == {}


def test_who_unsubscribed_is_not_written_to(cci: Partie, nadia: Utilisateur) -> None:
    Abonnement.objects.create(utilisateur=nadia, actif=False)
    plan(cci, 5)
    assert send() == {}
    Abonnement.objects.update(actif=True)
    assert set(send(1)) == {nadia.email}


def test_message_carries_the_way_out_that_mail_programs_know(cci: Partie, nadia: Utilisateur, settings: Any) -> None:
    settings.ADRESSE = "https://conventions.example"
    plan(cci, 5)
    message = send()[nadia.email]
    entetes = message.message()
    sortie = entetes["List-Unsubscribe"].strip("<>")
    assert (entetes["List-Unsubscribe-Post"], entetes["Auto-Submitted"]) == ("List-Unsubscribe=One-Click", "auto-generated")
    assert sortie in message.body
    Client(enforce_csrf_checks=True).post(sortie.removeprefix("https://conventions.example"), {"List-Unsubscribe": "One-Click"})
    assert not get_abonnement(nadia).actif


# --- The command ------------------------------------------------------------------------------------


def test_command_tells_how_many_left(convention: Convention, nadia: Utilisateur) -> None:
    Convention.objects.update(date_fin=timezone.localdate() + timedelta(days=5))
    assert [call() for _ in range(2)] == ["1 rappel envoyé.", "0 rappel envoyé."]
    for _ in range(2):
        factories.UtilisateurFactory(organisation=nadia.organisation)
    assert call() == "2 rappels envoyés."


def call() -> str:
    sortie = StringIO()
    call_command("send_rappels", stdout=sortie)
    return sortie.getvalue().strip()


def test_colleagues_share_the_reading_of_the_conventions(cci: Partie, nadia: Utilisateur) -> None:
    plan(cci, 5)

    def count(jours: int) -> int:
        with CaptureQueriesContext(connection) as requetes:
            send(jours)
        return len([r for r in requetes if "conventions_" in r["sql"]])

    avant = count(0)
    for _ in range(3):
        get_abonnement(factories.UtilisateurFactory(organisation=nadia.organisation))
    assert count(1) == avant
