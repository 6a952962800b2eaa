"""A browser, a server and the demonstration, shared by the journeys.

Journeys that write have a convention of their own (`atelier`), taken away afterwards: the others find the data as they were.
"""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.core.management import call_command
from django.db import connection, models
from django.test import Client, override_settings
from django.urls import reverse
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, expect
from playwright.sync_api import TimeoutError as Inattendu
from pytest_django.live_server_helper import LiveServer

from comptes.models import Organisation, Utilisateur
from conventions.gel import lift
from conventions.models import Axe, Convention, Partie
from documents.demonstration import load_demonstration
from fiches.models import FicheAction
from financement.models import NatureDepense
from tests import factories

NAVIGATEURS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
LARGE, TELEPHONE, ETROIT = 1280, 390, 320
ADMINISTRATRICE = "claire.vasseur@dijon-metropole.example"
AGENTE = "nadia.ferrand@dijon-metropole.example"
CHAUMONT = "thierry.aubrac@agglomeration-chaumont.example"
CONSEILLER = "hugo.perrin@cci-cote-d-or.example"
LECTEUR = "bruno.lachaux@dijon-metropole.example"
COMPTES = (ADMINISTRATRICE, AGENTE, CHAUMONT, CONSEILLER, LECTEUR)
VERROU = threading.RLock()  # one database connection for all threads: one request, or one look of a test, at a time
NUMEROS = count(1)
PATIENCE = 30_000  # milliseconds: a busy machine is slow, not wrong
expect.set_options(timeout=PATIENCE)
PARTIES = [
    ("dijon-metropole", "Dijon Métropole", Partie.Role.FINANCEUR),
    ("cci-cote-d-or", "CCI Côte-d’Or", Partie.Role.BENEFICIAIRE),
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/navigateur/" in item.path.as_posix():
            item.add_marker(pytest.mark.navigateur)
            item.add_marker(pytest.mark.django_db)  # else no test database is made, and the real one would be used


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    chemin = next(filter(None, map(shutil.which, NAVIGATEURS)), None)
    if chemin is None:
        manque = "Aucun navigateur : installez le paquet chromium-headless-shell, ou chromium."
        if os.environ.get("CI"):
            pytest.fail(manque)
        pytest.skip(manque)
    return {**browser_type_launch_args, "executable_path": chemin, "args": ARGUMENTS}


@pytest.fixture(scope="package")
def site(django_db_setup: None, django_db_blocker: Any) -> Iterator["Site"]:
    """A server that shows the demonstration and one convention without fiche."""
    reglages = override_settings(
        STORAGES=settings.STORAGES
        | {
            "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
            "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
        },
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        WHITENOISE_AUTOREFRESH=True,
        WHITENOISE_USE_FINDERS=True,
        SECURE_SSL_REDIRECT=False,
        SESSION_COOKIE_SECURE=False,
        CSRF_COOKIE_SECURE=False,
    )
    with django_db_blocker.unblock(), reglages, pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseHandler, "get_response", answer_one_by_one(BaseHandler.get_response))
        base = str(connection.settings_dict["NAME"])
        assert "memory" in base or base.startswith("test_"), f"{base} n’est pas une base de test"
        try:
            with override_settings(DEBUG=True):
                load_demonstration()
            Utilisateur.objects.update(demonstration=False)  # demonstration accounts only open in debug mode
            vide = factories.ConventionFactory(reference="SANS-FICHE-2026", titre="Convention sans fiche")
            factories.PartieFactory(convention=vide, organisation=Organisation.objects.get(cle="dijon-metropole"))
            sessions = {email: open_session(email) for email in COMPTES}
            serveur = LiveServer("localhost")
            connection.inc_thread_sharing()  # an answer closed after the server stopped still finds a connection it may use
            yield Site(serveur.url, sessions)
            for fil in threading.enumerate():
                if "process_request_thread" in fil.name:
                    fil.join(5)  # an answer still being closed would find the shared connection taken back
            serveur.stop()
        finally:
            call_command("flush", interactive=False, verbosity=0)


def answer_one_by_one(get_response: Callable[..., Any]) -> Callable[..., Any]:
    """Answer the requests one after the other: transactions of two threads would mix on the connection they share."""

    def answer(*args: Any) -> Any:
        with VERROU:
            return get_response(*args)

    return answer


def open_session(email: str) -> str:
    client = Client()
    client.force_login(Utilisateur.objects.get(email=email), backend="comptes.connexion.ConnexionParCourriel")
    return client.cookies["sessionid"].value


@dataclass(frozen=True)
class Site:
    """Where the server answers, and sessions opened there."""

    adresse: str
    sessions: dict[str, str]


@dataclass
class Visite:
    """One person at one page of the site, and what the browser complained about."""

    site: str
    page: Page
    plaintes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda erreur: self.plaintes.append(str(erreur)))
        self.page.on("response", self._weigh)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith("Failed to load resource"):
            self.plaintes.append(f"{message.type} : {message.text}")

    def _weigh(self, reponse: Response) -> None:
        if reponse.status >= 400 and reponse.request.resource_type != "document":
            self.plaintes.append(f"{reponse.status} : {reponse.url}")

    def go(self, adresse: str, statut: int = 200) -> Page:
        reponse = self.page.goto(self.site + adresse)
        assert reponse is not None
        assert reponse.status == statut
        return self.page

    def resize(self, largeur: int) -> None:
        self.page.set_viewport_size({"width": largeur, "height": 844})


@dataclass(frozen=True)
class Atelier:
    """The convention of one test, where Dijon Métropole and the CCI Côte-d’Or write, with one axe and one fiche."""

    convention: Convention
    axe: Axe
    fiche: FicheAction

    def locate(self, nom: str, *suite: str) -> str:
        """Address of a page of the fiche, or of the convention."""
        args = (
            [self.convention.reference]
            if nom in {"fiches", "fiche_nouvelle", "corbeille", "controles", "rapprochement", "vie", "versements"}
            else [self.convention.reference, self.fiche.slug]
        )
        return build_address(nom, *args, suite="".join(suite))

    def change(self, **valeurs: Any) -> None:
        """Write columns of the fiche, without version."""
        with VERROU:
            FicheAction.toutes.filter(pk=self.fiche.pk).update(**valeurs)

    def cost(self, nature: str, libelle: str = "", **montants: int) -> None:
        """Lines of cost, one a year: `cost("etudes", a2018=100)`."""
        with VERROU:
            objet = NatureDepense.objects.get(cle=nature)
            for annee, montant in montants.items():
                factories.LigneCoutFactory(
                    fiche=self.fiche, nature=objet, libelle=libelle, annee=int(annee[1:]), montant=factories.euros(montant)
                )

    def read(self) -> FicheAction:
        """The fiche as the database holds it."""
        with VERROU:
            return FicheAction.toutes.get(pk=self.fiche.pk)

    def list(self, lignes: models.QuerySet[Any], *champs: str) -> list[Any]:
        """Rows as the database holds them, one value or one tuple each."""
        with VERROU:
            return list(lignes.values_list(*champs, flat=len(champs) == 1))


@pytest.fixture
def atelier(site: "Site") -> Iterator[Atelier]:
    """A convention to write in; ask for it before `arrive`, so that the pages close first."""
    with VERROU:
        convention = factories.ConventionFactory(
            reference=f"ATELIER-{next(NUMEROS)}", titre="Convention d’un essai", etat=Convention.Etat.EN_NEGOCIATION
        )
        for rang, (cle, nom, role) in enumerate(PARTIES):
            organisation = Organisation.objects.get(cle=cle)
            factories.PartieFactory(convention=convention, organisation=organisation, nom_court=nom, role=role, ordre=rang)
        axe = factories.AxeFactory(convention=convention, code="E.A", titre="Attractivité")
        fiche = factories.FicheFactory(convention=convention, axe=axe, code="E.A 1", titre="Accompagner les commerces")
        FicheAction.history.filter(id=fiche.pk).update(history_date=models.F("history_date") - timedelta(days=2))
    yield Atelier(convention, axe, fiche)
    with VERROU, lift():
        Convention.objects.filter(avenant_de=convention).delete()
        convention.delete()


@pytest.fixture
def arrive(site: Site, browser: Browser) -> Iterator[Callable[..., Visite]]:
    """Open the site as somebody: `arrive(email, largeur=…, javascript=…)`; nobody is signed in without address."""
    contextes = []

    def open_site(email: str = "", largeur: int = LARGE, javascript: bool = True) -> Visite:
        contexte = browser.new_context(
            viewport={"width": largeur, "height": 844},
            java_script_enabled=javascript,
            locale="fr-FR",
            reduced_motion="reduce",  # scrolling is done at once
        )
        contextes.append(contexte)
        contexte.set_default_timeout(PATIENCE)
        if email:
            contexte.add_cookies([{"name": "sessionid", "value": site.sessions[email], "url": site.adresse}])
        return Visite(site.adresse, contexte.new_page())

    yield open_site
    for contexte in contextes:
        for page in contexte.pages:
            with suppress(Inattendu):  # no request left behind when the data goes; one that was held for good never ends
                page.wait_for_load_state("networkidle", timeout=10_000)
        contexte.close()


def build_address(nom: str, *args: str, suite: str = "") -> str:
    return reverse(nom, args=args) + suite
