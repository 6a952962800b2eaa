"""Signing in and out: who may, what is refused, what is said."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from django.urls import NoReverseMatch, reverse

from comptes.models import Utilisateur
from tests import factories
from tests.factories import MOT_DE_PASSE

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]
EMAIL = "nadia.ferrand@metropole.example"


@pytest.fixture(autouse=True)
def _forget_former_attempts() -> None:
    cache.clear()


@pytest.fixture
def nadia(db: None) -> Utilisateur:
    return factories.UtilisateurFactory(email=EMAIL)


def sign_in(client: Client, email: str = EMAIL, mot_de_passe: str = MOT_DE_PASSE, **autres: str) -> HttpResponse:
    return client.post(reverse("account_login"), {"login": email, "password": mot_de_passe} | autres)


def is_in(client: Client) -> bool:
    return client.get(reverse("accueil")).status_code == 200


@pytest.mark.parametrize("ecrit", [EMAIL, "Nadia.Ferrand@Metropole.Example", f"  {EMAIL.upper()} "])
def test_email_opens_the_account_whatever_its_case(ecrit: str, nadia: Utilisateur, client: Client) -> None:
    reponse = sign_in(client, ecrit)
    assert (reponse.status_code, reponse["Location"]) == (302, reverse("accueil"))
    assert is_in(client)


def test_email_kept_in_capitals_opens_the_account_too(client: Client) -> None:
    factories.UtilisateurFactory(email="Nadia.FERRAND@metropole.example")
    sign_in(client)
    assert is_in(client)


@pytest.mark.parametrize("email", [EMAIL, "personne@nulle-part.example"])
def test_wrong_password_and_unknown_account_are_refused_alike(email: str, nadia: Utilisateur, client: Client) -> None:
    reponse = sign_in(client, email, "pas le bon mot de passe")
    assert reponse.status_code == 200
    assert "L’adresse e-mail ou le mot de passe sont incorrects." in reponse.content.decode().replace("&#x27;", "’")
    assert not is_in(client)


@pytest.mark.parametrize(("email", "mot_de_passe"), [("", ""), ("pas une adresse", "x"), (EMAIL, ""), (f"{EMAIL}\x00", "x")])
def test_unreadable_form_is_shown_again(email: str, mot_de_passe: str, nadia: Utilisateur, client: Client) -> None:
    reponse = sign_in(client, email, mot_de_passe)
    assert (reponse.status_code, "is-invalid" in reponse.content.decode()) == (200, True)


def fail(client: Client, fois: int, email: str = EMAIL) -> HttpResponse:
    for _ in range(fois):
        reponse = sign_in(client, email, "pas le bon mot de passe")
    return reponse


def test_seven_failures_leave_the_account_open(nadia: Utilisateur, client: Client) -> None:
    fail(client, 7)
    sign_in(client)
    assert is_in(client)


def test_eight_failures_lock_the_account_even_to_the_right_password(nadia: Utilisateur, client: Client) -> None:
    reponse = fail(client, 8)
    assert (reponse.status_code, "Trop d’essais manqués" in reponse.content.decode()) == (429, True)
    assert sign_in(client).status_code == 429
    assert not is_in(client)


def test_lock_counts_the_same_email_written_otherwise(nadia: Utilisateur, client: Client) -> None:
    fail(client, 4)
    fail(client, 4, EMAIL.upper())
    assert sign_in(client).status_code == 429


def test_lock_of_one_account_leaves_the_colleagues_of_the_same_address(nadia: Utilisateur, client: Client) -> None:
    collegue = factories.UtilisateurFactory(organisation=nadia.organisation)
    fail(client, 8)
    sign_in(client, collegue.email)
    assert is_in(client)


def test_demonstration_account_opens_in_trial_mode(client: Client, settings: Any) -> None:
    settings.DEBUG = True
    factories.UtilisateurFactory(email=EMAIL, demonstration=True)
    sign_in(client)
    assert is_in(client)


def assert_refused_in_words(client: Client) -> None:
    reponse = client.post(reverse("account_login"), {"login": EMAIL, "password": MOT_DE_PASSE}, follow=True)
    texte = reponse.content.decode()
    assert reponse.status_code == 200
    assert "Compte fermé" in texte or "sont incorrects" in texte
    assert "_auth_user_id" not in client.session


def test_demonstration_account_is_refused_in_words_outside_trial_mode(client: Client) -> None:
    factories.UtilisateurFactory(email=EMAIL, demonstration=True)
    assert_refused_in_words(client)


def test_open_session_of_a_demonstration_account_ends_with_trial_mode(client: Client, settings: Any) -> None:
    settings.DEBUG = True
    factories.UtilisateurFactory(email=EMAIL, demonstration=True)
    sign_in(client)
    settings.DEBUG = False
    assert not is_in(client)


def test_demonstration_account_cannot_be_reopened_by_choosing_a_password(client: Client) -> None:
    factories.UtilisateurFactory(email=EMAIL, demonstration=True)
    client.post(reverse("account_reset_password"), {"email": EMAIL})
    if mail.outbox and (lien := re.search(r"http\S+", mail.outbox[0].body)):
        client.post(client.get(lien[0])["Location"], {"password1": "une autre longue phrase", "password2": "une autre longue phrase"})
    sign_in(client, mot_de_passe="une autre longue phrase")
    assert not is_in(client)


def test_closed_account_is_refused_in_words(nadia: Utilisateur, client: Client) -> None:
    Utilisateur.objects.update(is_active=False)
    assert_refused_in_words(client)


def test_closing_an_account_ends_its_open_session(nadia: Utilisateur, client: Client) -> None:
    sign_in(client)
    Utilisateur.objects.update(is_active=False)
    assert not is_in(client)


@pytest.mark.parametrize("adresse", ["/compte/inscription/", "/accounts/signup/", "/compte/signup/", "/accounts/login/"])
def test_signing_up_has_no_address(adresse: str, client: Client) -> None:
    assert client.get(adresse).status_code == 404


def test_signing_up_is_closed() -> None:
    with pytest.raises(NoReverseMatch):
        reverse("account_signup")


def ask_reset(client: Client, email: str = EMAIL) -> mail.EmailMessage:
    client.post(reverse("account_reset_password"), {"email": email})
    return mail.outbox[-1]


def test_reset_email_is_in_french_and_its_link_changes_the_password(nadia: Utilisateur, client: Client) -> None:
    message = ask_reset(client)
    assert message.subject.endswith("Trait d’union : choisir un nouveau mot de passe")
    assert message.body.startswith("Bonjour,\n\nVous avez demandé à changer de mot de passe")
    formulaire = client.get(re.search(r"http\S+", message.body)[0], follow=True)
    assert "Choisir un mot de passe" in formulaire.content.decode()
    nouveau = "une tout autre longue phrase"
    client.post(formulaire.redirect_chain[-1][0], {"password1": nouveau, "password2": nouveau})
    nadia.refresh_from_db()
    assert nadia.check_password(nouveau)


def test_reset_subject_is_ours_alone(nadia: Utilisateur, client: Client) -> None:
    assert ask_reset(client).subject == "Trait d’union : choisir un nouveau mot de passe"


def test_reset_link_serves_once(nadia: Utilisateur, client: Client) -> None:
    lien = re.search(r"http\S+", ask_reset(client).body)[0]
    page = client.get(lien)["Location"]
    client.post(page, {"password1": "une tout autre longue phrase", "password2": "une tout autre longue phrase"})
    assert "n’est plus valable" in Client().get(lien, follow=True).content.decode()


def test_reset_refuses_a_short_password_in_french(nadia: Utilisateur, client: Client) -> None:
    page = client.get(re.search(r"http\S+", ask_reset(client).body)[0])["Location"]
    assert "au minimum 12 caractères" in client.post(page, {"password1": "court", "password2": "court"}).content.decode()


def test_reset_link_lives_the_hour_that_its_email_announces(settings: Any) -> None:
    assert settings.PASSWORD_RESET_TIMEOUT == 3600


@pytest.mark.parametrize("email", ["personne@nulle-part.example", EMAIL])
def test_address_without_open_account_learns_nothing_on_screen(email: str, nadia: Utilisateur, client: Client) -> None:
    Utilisateur.objects.update(is_active=False)
    reponse = client.post(reverse("account_reset_password"), {"email": email})
    assert reponse["Location"] == reverse("account_reset_password_done")
    assert not any("http" in message.body for message in mail.outbox)


@pytest.mark.parametrize("suite", ["https://ailleurs.example/", "//ailleurs.example/", "javascript:alert(1)", "http:///ailleurs.example"])
def test_sign_in_never_leads_to_another_site(suite: str, nadia: Utilisateur, client: Client) -> None:
    assert sign_in(client, next=suite)["Location"] == reverse("accueil")


def test_sign_in_leads_to_the_page_first_asked(nadia: Utilisateur, client: Client) -> None:
    demandee = client.get(reverse("conventions"), {"q": "été"})["Location"]
    assert 'name="next" value="/conventions/?q=%C3%A9t%C3%A9"' in client.get(demandee).content.decode()
    assert sign_in(client, next="/conventions/")["Location"] == "/conventions/"


def test_leaving_takes_a_click_not_a_link(nadia: Utilisateur, client: Client) -> None:
    client.force_login(nadia)
    client.get(reverse("account_logout"))
    assert is_in(client)
    assert client.post(reverse("account_logout"))["Location"] == reverse("account_login")
    assert not is_in(client)


def test_session_key_changes_at_sign_in(nadia: Utilisateur, client: Client) -> None:
    client.get(reverse("account_login"))
    session = client.session
    session["x"] = 1
    session.save()
    avant = session.session_key
    client.cookies["sessionid"] = avant
    sign_in(client)
    assert client.session.session_key != avant


def test_changing_the_password_ends_the_other_sessions(nadia: Utilisateur, client: Client) -> None:
    autre = Client()
    sign_in(client)
    sign_in(autre)
    nouveau = "une tout autre longue phrase"
    client.post(reverse("account_change_password"), {"oldpassword": MOT_DE_PASSE, "password1": nouveau, "password2": nouveau})
    assert not is_in(autre)


def test_cookies_travel_over_https_only_and_are_closed_to_scripts(nadia: Utilisateur, client: Client, settings: Any) -> None:
    settings.SESSION_COOKIE_SECURE = True
    sign_in(client)
    cookie = client.cookies["sessionid"]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")


@pytest.mark.parametrize(("https", "attendu"), [("1", "True True True True"), ("0", "False True False True")])
def test_https_setting_marks_both_cookies(https: str, attendu: str, root: Path) -> None:
    code = "from config import settings as s; print(s.SESSION_COOKIE_SECURE, s.SESSION_COOKIE_HTTPONLY, s.CSRF_COOKIE_SECURE, s.CSRF_COOKIE_HTTPONLY)"
    env = {"TRAITDUNION_SECRET_KEY": "x" * 60, "TRAITDUNION_HTTPS": https}
    assert subprocess.run([sys.executable, "-c", code], cwd=root, env=env, capture_output=True, text=True).stdout.strip() == attendu
