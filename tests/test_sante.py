"""Health and figures: ready or not and why; figures for who has the token, and for nobody else."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from prometheus_client.parser import text_string_to_metric_families

from comptes.models import Utilisateur
from conventions.models import Convention
from socle import sante
from socle.sauvegarde.fichiers import walk
from tests.signees import conclude
from tests.vie import make_project

pytestmark = pytest.mark.django_db
JETON = "jeton-de-la-supervision"


@pytest.fixture(autouse=True)
def _first_answer(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing was asked before; the tables of tests are made without migrations."""
    sante._dernier.clear()
    monkeypatch.setattr(sante, "list_migrations", frozenset)
    yield
    sante._dernier.clear()


def ask(client: Client) -> tuple[int, str]:
    reponse = client.get(reverse("pret"))
    return reponse.status_code, reponse.content.decode()


# --- Ready -----------------------------------------------------------------------------------------------


def test_healthy_site_is_ready_and_its_probe_leaves_no_file(client: Client) -> None:
    assert ask(client) == (200, "base ok\nmigrations ok\nstockage ok\n")
    assert default_storage.listdir(sante.TEMOINS) == ([], [])


def raise_error(erreur: Exception) -> Callable[..., Any]:
    def fail(*args: Any, **options: Any) -> Any:
        raise erreur

    return fail


def test_storage_that_does_not_write_makes_the_site_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(default_storage, "save", raise_error(OSError(28, "plein")))
    assert ask(client) == (503, "base ok\nmigrations ok\nstockage en défaut\n")


def test_database_that_does_not_answer_makes_the_site_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sante.VERIFICATIONS, "base", raise_error(OperationalError("secret: mot de passe")))
    code, dit = ask(client)
    assert (code, dit.splitlines()[0]) == (503, "base en défaut")
    assert "secret" not in dit


def test_migration_not_applied_makes_the_new_version_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sante, "list_migrations", lambda: frozenset({("fiches", "0099_demain")}))
    assert ask(client)[1].splitlines()[1] == "migrations en défaut"


def test_migration_of_the_next_version_leaves_this_one_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sante, "list_migrations", lambda: frozenset({("fiches", "0001_initial")}))
    appliquees = {("fiches", "0001_initial"): None, ("fiches", "0099_demain"): None}
    monkeypatch.setattr(sante.MigrationRecorder, "applied_migrations", lambda soi: appliquees)
    assert ask(client)[0] == 200


def test_migrations_of_the_product_are_those_expected(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.undo()
    settings.MIGRATION_MODULES = {}  # as in service: the suite runs without migrations
    sante.list_migrations.cache_clear()
    assert ("documents", "0001_documents_figes") in sante.list_migrations()
    sante.list_migrations.cache_clear()


def test_storage_is_not_written_at_each_question(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(client)
    monkeypatch.setattr(default_storage, "save", raise_error(OSError(28, "plein")))
    assert ask(client)[0] == 200
    monkeypatch.setattr(sante, "REPIT", 0)
    assert ask(client)[0] == 503


def test_file_of_the_probe_is_no_file_of_the_site() -> None:
    default_storage.save(f"{sante.TEMOINS}/oublie.txt", sante.ContentFile(b"ok"))
    assert list(walk()) == []


@pytest.mark.parametrize("nom", ["sante", "pret", "metriques"])
def test_probes_of_the_machine_are_answered_without_https(nom: str, client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT, settings.JETON_METRIQUES = True, JETON
    assert client.get(reverse("account_login")).status_code == 301
    assert client.get(reverse(nom), headers={"authorization": f"Bearer {JETON}"}).status_code == 200


# --- Figures ---------------------------------------------------------------------------------------------


def read(client: Client) -> dict[tuple[str, str], float]:
    """Each figure by its name and the values of its labels."""
    reponse = client.get(reverse("metriques"), headers={"authorization": f"Bearer {JETON}"})
    assert reponse.status_code == 200
    familles = text_string_to_metric_families(reponse.content.decode())
    return {(s.name, ",".join(v for _, v in sorted(s.labels.items()))): s.value for famille in familles for s in famille.samples}


@pytest.fixture
def releve(settings: Any) -> None:
    settings.JETON_METRIQUES = JETON


@pytest.mark.parametrize("entete", ["", JETON, f"Bearer {JETON}x", f"bearer {JETON}", "Bearer ", "Bearer", "Basic eDp4", "Bearer é"])
@pytest.mark.usefixtures("releve")
def test_figures_are_nowhere_without_the_token(entete: str, client: Client) -> None:
    assert client.get(reverse("metriques"), headers={"authorization": entete}).status_code == 404


@pytest.mark.parametrize("entete", ["", "Bearer ", "Bearer"])
def test_figures_are_closed_when_no_token_is_set(entete: str, client: Client, settings: Any) -> None:
    settings.JETON_METRIQUES = ""
    client.force_login(Utilisateur.objects.create(email="x@y.example", is_superuser=True))
    assert client.get(reverse("metriques"), headers={"authorization": entete}).status_code == 404


@pytest.mark.usefixtures("releve")
def test_requests_are_counted_by_view_method_and_status(client: Client) -> None:
    avant = read(client)
    client.get(reverse("account_login"))
    client.post(reverse("account_login"), {"login": "a@b.example", "password": "x"})
    client.get("/nulle-part/a/")
    client.get("/nulle-part/b/")
    client.generic("BREW", reverse("sante"))
    apres = read(client)

    def grown(nom: str, *etiquettes: str) -> float:
        return apres.get((nom, ",".join(etiquettes)), 0) - avant.get((nom, ",".join(etiquettes)), 0)

    total = "traitdunion_requetes_total"
    assert grown(total, "GET", "200", "account_login") == 1
    assert grown(total, "POST", "200", "account_login") == 1
    assert grown(total, "GET", "404", "inconnue") == 2
    assert grown(total, "autre", "405", "sante") == 1
    assert grown("traitdunion_requete_secondes_count", "account_login") == 2
    assert grown("traitdunion_requete_secondes_bucket", "+Inf", "account_login") == 2


@pytest.mark.usefixtures("releve")
def test_state_of_the_site_is_read_from_its_database(client: Client) -> None:
    conclude(make_project().convention)
    il_y_a = timezone.now() - timedelta(hours=1)
    for statut in ("READY", "READY", "FAILED"):
        travail = DBTaskResult.objects.create(
            status=statut, args_kwargs={}, task_path="x", backend_name="default", run_after=il_y_a, exception_class_path="", traceback=""
        )
        DBTaskResult.objects.filter(pk=travail.pk).update(enqueued_at=il_y_a)
    lu = read(client)
    assert [lu["traitdunion_travaux", etat] for etat in ("attente", "cours", "fait", "echec")] == [2, 0, 0, 1]
    assert 3600 <= lu["traitdunion_travaux_attente_secondes", ""] < 7200
    assert lu["traitdunion_conventions", Convention.Etat.SIGNEE] == 1
    assert lu["traitdunion_documents", "fige"] == 1
    assert lu["traitdunion_base_octets", ""] > 10_000


@pytest.mark.usefixtures("releve")
def test_empty_queue_has_no_age(client: Client) -> None:
    assert read(client)["traitdunion_travaux_attente_secondes", ""] == 0


def test_requests_of_several_processes_are_added_up(root: Path, tmp_path: Path) -> None:
    """Each process writes in the shared folder; whoever is asked adds up, those that ended included."""
    env = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    compter = "from socle.metriques import REQUETES; REQUETES.labels('accueil', 'GET', '200').inc()"
    lire = "from prometheus_client import generate_latest; from socle.metriques import open_registre; "
    for _ in range(3):
        subprocess.run([sys.executable, "-c", compter], cwd=root, env=env, check=True)
    lu = subprocess.run(
        [sys.executable, "-c", lire + "print(generate_latest(open_registre()).decode())"], cwd=root, env=env, capture_output=True, text=True
    )
    assert re.search(r'traitdunion_requetes_total\{methode="GET",statut="200",vue="accueil"\} 3\.0', lu.stdout)
