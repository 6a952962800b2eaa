"""Shared fixtures: people, the demonstration, templates that refuse undefined variables."""

import gc
import itertools
import os
from collections import OrderedDict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.storage import FileSystemStorage
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.template import engines
from django.test import Client, override_settings
from hypothesis import settings as hypothesis_settings
from xdist.scheduler import LoadScopeScheduling

from comptes.models import Organisation, Utilisateur
from conventions.gel import lift
from conventions.models import Convention
from documents.demonstration import load_demonstration
from financement.models import NatureDepense
from socle import pdf_cahiers, pdf_depot
from tests import factories
from tests.copies import Copie
from tests.paiements import Plan, make_plan

# Tests that share what is long to make go to one process: printed agreements, a profile of LibreOffice, and a server with its browser for those
# who read, another for those who write (a server started twice in one process would find its database taken back).
LECTURES = ("administration", "budget", "editeur_pages", "pages", "parcours")
GROUPES = {"tests/test_pdf.py": "pdf", "tests/test_verapdf.py": "pdf", "tests/test_bilan_documents.py": "bilans"}


class ParGroupes(LoadScopeScheduling):
    """Each test where there is room, those of one group together. xdist's own groups are not seen by this pytest."""

    def _split_scope(self, nodeid: str) -> str:
        fichier = nodeid.partition("::")[0]
        if fichier.startswith("tests/navigateur/test_"):
            return "lecture" if Path(fichier).stem.removeprefix("test_") in LECTURES else "ecriture"
        return "libreoffice" if "::test_libreoffice_" in nodeid else GROUPES.get(fichier, nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ParGroupes:
    return ParGroupes(config, log)


# Nothing that modules hold is ever freed: looking through it again and again took a quarter of the time of the tests.
gc.disable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """What is loaded stays; only what tests leave is looked through, seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    gc.enable()


# The demonstration needs DEBUG, which would keep and rewrite each query: only tests that count queries ask for them.
BaseDatabaseWrapper.queries_logged = property(lambda connexion: connexion.force_debug_cursor)  # type: ignore[assignment]

# Playwright keeps its event loop in the worker's thread after the journeys: the tests that follow there are no coroutines.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
hypothesis_settings.register_profile("projet", deadline=None, max_examples=60)
hypothesis_settings.load_profile("projet")


class VariableInconnue(str):
    """Stands for an undefined template variable: showing it fails the test, testing it in `if` does not."""

    def __mod__(self, nom: str) -> str:
        if nom:
            raise AssertionError(f"variable de gabarit inconnue : {nom}")
        return ""

    def __contains__(self, element: object) -> bool:
        return element == "%s"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """What a migration makes in the database itself: the suite builds its tables without migrations."""
    migration = import_module("financement.migrations.0009_recherche")
    with django_db_blocker.unblock(), connection.schema_editor() as editeur:
        migration.prepare(None, editeur)


@pytest.fixture(autouse=True)
def _strict_templates() -> Iterator[None]:
    """Undefined variables fail, in the product's own templates (the admin's leave some undefined on purpose)."""
    moteur = engines["django"].engine
    ancien, moteur.string_if_invalid = moteur.string_if_invalid, VariableInconnue("")
    yield
    moteur.string_if_invalid = ancien


@pytest.fixture
def lenient_templates() -> Iterator[None]:
    """For pages whose templates are not ours."""
    moteur = engines["django"].engine
    ancien, moteur.string_if_invalid = moteur.string_if_invalid, ""
    yield
    moteur.string_if_invalid = ancien


@pytest.fixture(scope="session")
def _dossiers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folders for uploads, one a test, made by the first file only."""
    racine = tmp_path_factory.mktemp("fichiers")
    return (racine / str(rang) / "fichiers" for rang in itertools.count())


@pytest.fixture(autouse=True)
def _private_files(_dossiers: Iterator[Path], settings: Any) -> None:
    """Uploads of a test stay in its own folder."""
    settings.MEDIA_ROOT = next(_dossiers)


@pytest.fixture(autouse=True, scope="session")
def _shared_cahiers(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is typeset is kept under the fingerprint of its content: one folder for all the processes of the run, away from the real one."""
    commun = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        commun = commun.parent
    options = django_settings.STORAGES["cahiers"]["OPTIONS"]
    options["location"] = commun / "cahiers"


@pytest.fixture
def depot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileSystemStorage:
    """A storage where nothing is typeset yet, for tests that look at what is typeset again."""
    monkeypatch.setattr(pdf_cahiers, "_recents", OrderedDict())
    vide = FileSystemStorage(tmp_path / "cahiers", allow_overwrite=True)
    monkeypatch.setattr(pdf_depot, "get_storage", lambda: vide)
    return vide


@pytest.fixture(scope="session", autouse=True)
def _light_settings(django_test_environment: None) -> Iterator[None]:
    """Passwords are quick; documents are typeset when a test asks for them; static files are not listed again for each client
    (the journeys, which need them, say so).
    """
    rapides = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    fichiers = {"WHITENOISE_USE_FINDERS": False, "WHITENOISE_AUTOREFRESH": False}
    with override_settings(PASSWORD_HASHERS=rapides, DOCUMENT_AVANCE=False, DOCUMENT_DIRECT=1000, **fichiers):
        yield


@pytest.fixture
def sans_gel() -> Iterator[None]:
    """For tests that arrange signed conventions as they were signed elsewhere."""
    with lift():
        yield


_demonstration = Copie(load_demonstration)


@pytest.fixture
def demonstration(db: None, settings: Any) -> None:
    """The two real agreements and the demonstration accounts; read once a process, then copied back."""
    settings.DEBUG = True
    _demonstration.put()


@pytest.fixture
def dijon(demonstration: None) -> Convention:
    return Convention.objects.with_parties().get(reference="DIJON-CCI21-2018")


@pytest.fixture
def chaumont(demonstration: None) -> Convention:
    return Convention.objects.with_parties().get(reference="CHAUMONT-CCI52-2020")


@pytest.fixture
def agent(db: None, request: pytest.FixtureRequest) -> Utilisateur:
    """An agent whose organisation has no convention yet."""
    if "convention" in request.fixturenames:
        return Utilisateur.objects.select_related("organisation").get(pk=request.getfixturevalue("_accord")[0])
    return factories.UtilisateurFactory()


@pytest.fixture
def convention(_accord: tuple[int, int], agent: Utilisateur) -> Convention:
    """A convention of the agent's organisation with a CCI, with nothing in it."""
    return Convention.objects.with_parties().get(pk=_accord[1])


@pytest.fixture
def _accord(db: None) -> tuple[int, int]:
    """The keys of both, built once a process."""
    return _construit.put()


def build_agreement() -> tuple[int, int]:
    agent = factories.UtilisateurFactory()
    convention = factories.ConventionFactory()
    factories.PartieFactory(
        convention=convention, organisation=agent.organisation, denomination="Agglo d’essai", nom_court="Agglo", ordre=10
    )
    cci = factories.OrganisationFactory(nom="CCI d’essai", sigle="CCI", nature="cci")
    factories.PartieFactory(
        convention=convention, organisation=cci, denomination="CCI d’essai", nom_court="CCI", role="beneficiaire", ordre=20
    )
    return agent.pk, convention.pk


_construit = Copie(build_agreement)


@pytest.fixture
def agglo(convention: Convention) -> Organisation:
    """The first party of the convention."""
    return convention.parties.all()[0].organisation


@pytest.fixture
def cci(convention: Convention) -> Organisation:
    """The other party of the convention."""
    return convention.parties.all()[1].organisation


@pytest.fixture
def partenaire(cci: Organisation) -> Utilisateur:
    """An agent of the other party."""
    return Utilisateur.objects.select_related("organisation").get(pk=_partenaire.put(cci))


_partenaire = Copie(lambda cci: factories.UtilisateurFactory(organisation=cci, prenom="Dominique", nom="Martin").pk)


@pytest.fixture
def plan(convention: Convention, agglo: Organisation, cci: Organisation) -> Plan:
    """The convention signed and notified: the agglo owes the CCI 1 000 €, an acompte of 400 € and a solde of 600 €."""
    return make_plan(convention, agglo, cci)


@pytest.fixture
def etudes(db: None) -> NatureDepense:
    """A nature whose bare numbers are euros."""
    return NatureDepense.objects.get(pk=_etudes.put())


_etudes = Copie(lambda: factories.NatureFactory(nom="Études").pk)


@pytest.fixture
def administrateur(agent: Utilisateur, convention: Convention) -> Client:
    """Signed in as an administrateur of the first party."""
    agent.role = Utilisateur.Role.ADMINISTRATEUR
    agent.save()
    client = Client()
    client.force_login(agent)
    return client


@pytest.fixture
def client_agent(agent: Utilisateur) -> Client:
    client = Client()
    client.force_login(agent)
    return client


@pytest.fixture
def root() -> Path:
    return Path(django_settings.BASE_DIR)
