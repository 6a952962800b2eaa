"""Shared fixtures: people, the demonstration, templates that refuse undefined variables."""

import copy
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.core.management.color import no_style
from django.db import connection
from django.db.models import Model
from django.db.models.base import ModelState
from django.template import engines
from django.test import Client
from hypothesis import settings as hypothesis_settings
from xdist.scheduler import LoadScopeScheduling

from comptes.models import Organisation, Utilisateur
from conventions.gel import lift
from conventions.models import Convention
from documents.demonstration import load_demonstration
from financement.models import Cumul, CumulPerime, NatureDepense
from tests import factories
from tests.paiements import Plan, make_plan

# Tests that share what is long to make go to one process: printed agreements, and a server with its browser for those
# who read, another for those who write (a server started twice in one process would find its database taken back).
LECTURES = ("administration", "budget", "editeur_pages", "pages", "parcours")
GROUPES = {"tests/test_pdf.py": "pdf", "tests/test_verapdf.py": "pdf", "tests/test_bilan_documents.py": "bilans"}


class ParGroupes(LoadScopeScheduling):
    """Each test where there is room, those of one group together. xdist's own groups are not seen by this pytest."""

    def _split_scope(self, nodeid: str) -> str:
        fichier = nodeid.partition("::")[0]
        if fichier.startswith("tests/navigateur/test_"):
            return "lecture" if Path(fichier).stem.removeprefix("test_") in LECTURES else "ecriture"
        return GROUPES.get(fichier, nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ParGroupes:
    return ParGroupes(config, log)


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


@pytest.fixture(autouse=True)
def _private_files(tmp_path: Path, settings: Any) -> None:
    """Uploads of a test stay in its own folder."""
    settings.MEDIA_ROOT = tmp_path / "fichiers"


@pytest.fixture(autouse=True)
def _no_static_files(settings: Any) -> None:
    """Static files are not listed again for each client; the journeys, which need them, say so."""
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = False


@pytest.fixture(autouse=True)
def _fast_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def sans_gel() -> Iterator[None]:
    """For tests that arrange signed conventions as they were signed elsewhere."""
    with lift():
        yield


_copie: list[list[Model]] = []


@pytest.fixture
def demonstration(db: None, settings: Any) -> None:
    """The two real agreements and the demonstration accounts; read once a process, then copied back row by row."""
    settings.DEBUG = True
    if _copie:
        restore(_copie)
    else:
        load_demonstration()
        _copie.extend(copy_rows())


def copy_rows() -> list[list[Model]]:
    """Rows of every table of the product, but those that the database writes itself."""
    metier = {"comptes", "conventions", "fiches", "financement", "documents"}
    tables = [m for m in apps.get_models(include_auto_created=True) if m._meta.app_label in metier and m not in (Cumul, CumulPerime)]
    return [rows for table in tables if (rows := list(table._base_manager.all()))]


def clone(row: Model) -> Model:
    """The same row, to be written anew; its values are never changed, so that nothing deeper is copied."""
    neuve = copy.copy(row)
    neuve._state = ModelState()
    return neuve


def restore(copie: list[list[Model]]) -> None:
    """Write copied rows back with their keys, and move the sequences of keys past them."""
    with lift(), connection.constraint_checks_disabled(), connection.cursor() as cursor:
        for rows in copie:
            type(rows[0])._base_manager.bulk_create([clone(row) for row in rows])
        for requete in connection.ops.sequence_reset_sql(no_style(), [type(rows[0]) for rows in copie]):
            cursor.execute(requete)


@pytest.fixture
def dijon(demonstration: None) -> Convention:
    return Convention.objects.with_parties().get(reference="DIJON-CCI21-2018")


@pytest.fixture
def chaumont(demonstration: None) -> Convention:
    return Convention.objects.with_parties().get(reference="CHAUMONT-CCI52-2020")


@pytest.fixture
def agent(db: None) -> Utilisateur:
    """An agent whose organisation has no convention yet."""
    return factories.UtilisateurFactory()


@pytest.fixture
def convention(agent: Utilisateur) -> Convention:
    """A convention of the agent's organisation with a CCI, with nothing in it."""
    convention = factories.ConventionFactory()
    factories.PartieFactory(
        convention=convention, organisation=agent.organisation, denomination="Agglo d’essai", nom_court="Agglo", ordre=10
    )
    cci = factories.OrganisationFactory(nom="CCI d’essai", sigle="CCI", nature="cci")
    factories.PartieFactory(
        convention=convention, organisation=cci, denomination="CCI d’essai", nom_court="CCI", role="beneficiaire", ordre=20
    )
    return Convention.objects.with_parties().get(pk=convention.pk)


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
    return factories.UtilisateurFactory(organisation=cci, prenom="Dominique", nom="Martin")


@pytest.fixture
def plan(convention: Convention, agglo: Organisation, cci: Organisation) -> Plan:
    """The convention signed and notified: the agglo owes the CCI 1 000 €, an acompte of 400 € and a solde of 600 €."""
    return make_plan(convention, agglo, cci)


@pytest.fixture
def etudes(db: None) -> NatureDepense:
    """A nature whose bare numbers are euros."""
    return factories.NatureFactory(nom="Études")


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
