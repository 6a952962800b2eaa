"""What is said of the life of a convention is what its table does; what was kept is checked by a command."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from conventions.journal import record
from conventions.models import Convention
from documents.figes import get_document
from documents.vie.documentation import CONDITIONS, write_cycle
from documents.vie.table import TRANSITIONS
from socle.aide import PARCOURS
from tests.signees import conclude
from tests.vie import make_project


def test_page_of_the_life_is_the_one_that_the_table_writes(root: Path) -> None:
    assert (root / "docs" / "cycle-de-vie.md").read_text(encoding="utf-8") == write_cycle()


def test_command_prints_the_page() -> None:
    sortie = StringIO()
    call_command("show_transitions", stdout=sortie)
    assert sortie.getvalue() == write_cycle()


def test_every_state_is_reached_and_every_condition_is_explained() -> None:
    assert {t.vers for t in TRANSITIONS} == set(Convention.Etat)
    assert {c.__name__ for t in TRANSITIONS for c in t.conditions} == set(CONDITIONS)


@pytest.mark.django_db
@pytest.mark.parametrize("parcours", PARCOURS, ids=lambda p: p.cle)
def test_each_journey_is_explained_to_anybody(parcours: object) -> None:
    page = Client().get(reverse("aide_parcours", args=[parcours.cle]))
    assert parcours.titre in page.content.decode()


@pytest.mark.django_db
def test_journey_that_does_not_exist_is_nowhere() -> None:
    assert Client().get(reverse("aide_parcours", args=["inconnue"])).status_code == 404


def check() -> tuple[int, str]:
    sortie = StringIO()
    try:
        call_command("check_documents", stdout=sortie)
    except SystemExit as fin:
        return int(fin.code or 0), sortie.getvalue()
    return 0, sortie.getvalue()


@pytest.mark.django_db
def test_what_was_kept_is_intact() -> None:
    conclude(make_project().convention)
    code, dit = check()
    assert (code, dit.splitlines()[-1]) == (0, "1 fichiers vérifiés, 0 défauts.")


@pytest.mark.django_db
def test_lost_file_and_altered_journal_are_named() -> None:
    convention = conclude(make_project().convention)
    record(convention, "essai", "Un évènement.")
    document = get_document(convention)
    default_storage.delete(document.pdf)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE conventions_evenement SET message = 'autre chose' WHERE convention_id = %s AND rang = 1", [convention.pk])
    code, dit = check()
    assert code == 1
    assert f"{convention.reference}, document figé : Le fichier conservé est introuvable." in dit
    assert f"{convention.reference}, journal : rompu à l’évènement 1." in dit
