"""Freezing a document: at once or beside the pages, and whole or not at all, whatever breaks meanwhile."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from comptes.models import Utilisateur
from conventions.models import Partie, Travail
from conventions.travaux.actes import cancel, retry
from conventions.travaux.reprise import PERDU, take_over
from documents import figes
from documents.models import DocumentFige, Preparation
from documents.vie import actes, preparation
from documents.vie.actes import pass_convention
from documents.vie.preparation import PANNE, figer_convention, start_freeze
from fiches.models import FicheAction
from socle.pades_sceau import SceauIllisible
from socle.pdf import MoteurAbsent
from tests.coupure import COUPE
from tests.factories import FicheFactory
from tests.travaux import die, do, leave_behind
from tests.vie import PDF, Projet, hold_text, make_project, type_small_pdfs

pytestmark = pytest.mark.django_db
Rappels = Any


@pytest.fixture(autouse=True)
def _immediate_worker(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}
    settings.FIGER_DIRECT = 0
    type_small_pdfs(monkeypatch)


@pytest.fixture
def projet(monkeypatch: pytest.MonkeyPatch) -> Projet:
    """A convention that only waits to be frozen."""
    hold_text(monkeypatch)
    return deliberate()


def deliberate() -> Projet:
    projet = make_project()
    projet.put("deliberee")
    projet.agree()
    return projet


@pytest.fixture
def admin(projet: Projet) -> Utilisateur:
    return projet.gens["administrateur financeur"]


@pytest.fixture
def ecran(projet: Projet, admin: Utilisateur) -> Client:
    client = Client()
    client.force_login(admin)
    return client


def ask(ecran: Client) -> Any:
    """Press « Mettre à la signature »."""
    return ecran.post(reverse("vie_passer", args=["ESSAI-1", "figer"]))


def poll(ecran: Client) -> tuple[str, bool]:
    """What the waiting page is given, and whether it is told to be read again."""
    reponse = ecran.get(reverse("vie_preparation", args=["ESSAI-1"]))
    assert reponse.status_code == 200
    return reponse.content.decode().strip(), reponse.get("HX-Refresh") == "true"


def see(ecran: Client) -> str:
    return ecran.get(reverse("vie", args=["ESSAI-1"])).content.decode()


def state(projet: Projet) -> tuple[str, int, int]:
    """State, documents, events."""
    return projet.fresh().etat, DocumentFige.objects.count(), projet.convention.evenements.count()


def queued() -> int:
    """How many times the work was handed over."""
    return Travail.objects.filter(sorte="figer").count()


def crash(*args: Any, **donnees: Any) -> Any:
    raise OSError("panne")


def freeze(projet: Projet) -> Travail:
    """What the worker does of it."""
    return do("figer", projet.convention, figer_convention, projet.convention.pk)


RIEN = ("deliberee", 0, 0)
FIGEE = ("a_signer", 1, 1)


# --- At once, or beside the pages ------------------------------------------------------------------


def test_long_document_is_typeset_by_the_worker(projet: Projet, ecran: Client, django_capture_on_commit_callbacks: Rappels) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        assert ask(ecran)["Location"] == reverse("vie", args=["ESSAI-1"])
        assert (state(projet), Preparation.objects.get().is_en_cours) == (RIEN, True)
        assert "Le document est en cours de mise en forme." in see(ecran)
    assert queued() == 1
    assert (state(projet), Preparation.objects.count()) == (FIGEE, 0)
    assert DocumentFige.objects.get().read_pdf() == PDF


def test_page_asks_again_until_the_document_is_ready(projet: Projet, ecran: Client, django_capture_on_commit_callbacks: Rappels) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        ask(ecran)
        contenu, relire = poll(ecran)
        adresse = reverse("vie_preparation", args=["ESSAI-1"])
        assert (f'hx-get="{adresse}"' in contenu, 'hx-trigger="every 2s"' in contenu, relire) == (True, True, False)
        page = see(ecran)
        assert (f'hx-get="{adresse}"' in page, "htmx.min.js" in page) == (True, True)
    assert poll(ecran) == ("", True)
    assert "htmx.min.js" not in see(ecran)


@pytest.mark.parametrize(("limite", "direct"), [(2, False), (3, True)])
def test_document_is_long_beyond_a_number_of_fiches(
    projet: Projet, admin: Utilisateur, settings: Any, limite: int, direct: bool, django_capture_on_commit_callbacks: Rappels
) -> None:
    axe = FicheAction.objects.get().axe
    for code in ("E.A 2", "E.A 3", "E.A 4"):
        FicheFactory(convention=projet.convention, axe=axe, code=code, etat="validee")
    FicheAction.objects.get(code="E.A 4").discard()  # those in the corbeille are not typeset
    projet.agree()
    settings.FIGER_DIRECT = limite
    with django_capture_on_commit_callbacks():
        passage = start_freeze(admin, projet.fresh())
    assert (passage is not None, queued(), projet.fresh().etat == "a_signer") == (direct, not direct, direct)


def test_short_document_is_frozen_while_the_person_waits(projet: Projet, ecran: Client, settings: Any) -> None:
    settings.FIGER_DIRECT = 1
    ask(ecran)
    assert (state(projet), Preparation.objects.count()) == (FIGEE, 0)
    assert "Document figé : il est prêt à signer." in see(ecran)


def test_work_given_back_with_the_request_is_never_begun(
    projet: Projet, admin: Utilisateur, django_capture_on_commit_callbacks: Rappels
) -> None:
    with django_capture_on_commit_callbacks(execute=False):
        assert start_freeze(admin, projet.fresh()) is None
    assert (state(projet), Preparation.objects.get().demandee_par) == (RIEN, admin)


def test_what_is_refused_beforehand_is_not_given_to_the_worker(projet: Projet, admin: Utilisateur) -> None:
    Partie.objects.update(signataire="")
    with pytest.raises(ValidationError, match="Donnez le nom et la qualité"):
        start_freeze(admin, projet.fresh())
    with pytest.raises(ValidationError, match="Cette étape revient à un administrateur"):
        start_freeze(projet.gens["agent financeur"], projet.fresh())
    with pytest.raises(PermissionDenied):
        start_freeze(projet.gens["lecteur financeur"], projet.fresh())
    assert not Preparation.objects.exists()


# --- Refused by the worker -------------------------------------------------------------------------


def refuse_in_the_worker(projet: Projet, ecran: Client, rappels: Rappels) -> None:
    """The signatory leaves between the asking and the typesetting."""
    with rappels(execute=True):
        ask(ecran)
        Partie.objects.filter(pk=projet.financeur.pk).update(qualite="")


def test_refusal_of_the_worker_is_kept_and_shown(projet: Projet, ecran: Client, django_capture_on_commit_callbacks: Rappels) -> None:
    refuse_in_the_worker(projet, ecran, django_capture_on_commit_callbacks)
    assert state(projet) == RIEN
    phrase = "Donnez le nom et la qualité de qui signe pour l’Agglo."
    assert phrase in Preparation.objects.get().erreurs
    page = see(ecran)
    assert ("Le document n’a pas été figé." in page, page.count(phrase) >= 1, 'hx-trigger="every 2s"' in page) == (True, True, False)
    contenu, relire = poll(ecran)
    assert (phrase in contenu, relire) == (True, True)


def test_refused_document_is_asked_again_once_corrected(projet: Projet, ecran: Client, django_capture_on_commit_callbacks: Rappels) -> None:
    refuse_in_the_worker(projet, ecran, django_capture_on_commit_callbacks)
    Partie.objects.update(qualite="Présidente")
    with django_capture_on_commit_callbacks(execute=True):
        ask(ecran)
        assert Preparation.objects.get().erreurs == []
    assert (state(projet), Preparation.objects.count()) == (FIGEE, 0)


SUITES: dict[str, Callable[[Utilisateur, Projet], Any]] = {
    "sent back": lambda u, p: pass_convention(u, p.fresh(), "renvoyer", motif="À revoir."),
    "given up": lambda u, p: pass_convention(u, p.fresh(), "abandonner", motif="Sans suite."),
    "frozen at once": lambda u, p: pass_convention(u, p.fresh(), "figer"),
}


@pytest.mark.parametrize("suite", SUITES)
def test_old_refusal_is_not_shown_once_the_convention_went_on(
    projet: Projet, admin: Utilisateur, ecran: Client, suite: str, django_capture_on_commit_callbacks: Rappels
) -> None:
    refuse_in_the_worker(projet, ecran, django_capture_on_commit_callbacks)
    Partie.objects.update(qualite="Présidente")
    SUITES[suite](admin, projet)
    assert "Le document n’a pas été figé." not in see(ecran)


def test_convention_sent_back_before_the_worker_comes_is_left_alone(
    projet: Projet, admin: Utilisateur, ecran: Client, django_capture_on_commit_callbacks: Rappels
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        ask(ecran)
        pass_convention(admin, projet.fresh(), "renvoyer", motif="À revoir.")
    assert state(projet) == ("en_negociation", 0, 1)


def test_person_who_lost_the_right_meanwhile_freezes_nothing(
    projet: Projet, admin: Utilisateur, ecran: Client, django_capture_on_commit_callbacks: Rappels
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        ask(ecran)
        Utilisateur.objects.filter(pk=admin.pk).update(role="lecteur")
    assert state(projet) == RIEN
    assert Preparation.objects.get().erreurs[0].startswith("Votre compte lit la convention sans la faire avancer.")


@pytest.mark.parametrize("refus", [MoteurAbsent("WeasyPrint est absent."), SceauIllisible("Le sceau est illisible.")])
def test_engine_or_seal_that_is_missing_is_told(
    projet: Projet,
    ecran: Client,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    refus: Exception,
    django_capture_on_commit_callbacks: Rappels,
) -> None:
    def fail(*args: Any) -> Any:
        raise refus

    monkeypatch.setattr(actes, "publish_convention" if isinstance(refus, MoteurAbsent) else "seal_document", fail)
    with django_capture_on_commit_callbacks(execute=True):
        ask(ecran)
    assert (state(projet), Preparation.objects.get().erreurs) == (RIEN, [str(refus)])
    Preparation.objects.all().delete()
    settings.FIGER_DIRECT = 1
    reponse = ask(ecran)
    assert (reponse.status_code, str(refus) in reponse.content.decode(), state(projet)) == (422, True, RIEN)


def test_breakdown_of_the_worker_is_told_without_its_details(
    projet: Projet, admin: Utilisateur, ecran: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actes, "publish_convention", crash)
    Preparation.objects.create(convention=projet.convention, demandee_par=admin, demandee_le=timezone.now())
    with pytest.raises(OSError, match="panne"):
        freeze(projet)
    assert (state(projet), Preparation.objects.get().erreurs) == (RIEN, [PANNE])
    assert PANNE in see(ecran)


# --- Asked twice, or by a worker that died ---------------------------------------------------------


def test_document_being_typeset_is_not_asked_again(projet: Projet, ecran: Client, django_capture_on_commit_callbacks: Rappels) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        ask(ecran)
        reponse = ask(ecran)
        assert reponse.status_code == 422
        assert "La mise en forme est en cours, demandée par Administrateur Essai." in reponse.content.decode()
    assert (queued(), state(projet)) == (1, FIGEE)


def test_work_done_twice_freezes_once(projet: Projet, admin: Utilisateur, monkeypatch: pytest.MonkeyPatch) -> None:
    Preparation.objects.create(convention=projet.convention, demandee_par=admin, demandee_le=timezone.now())
    freeze(projet)
    monkeypatch.setattr(preparation, "pass_convention", None)
    freeze(projet)
    assert state(projet) == FIGEE


def test_refused_work_is_not_taken_up_by_another_worker(projet: Projet, admin: Utilisateur) -> None:
    Preparation.objects.create(convention=projet.convention, demandee_par=admin, demandee_le=timezone.now(), erreurs=["Non."])
    freeze(projet)
    assert state(projet) == RIEN


@pytest.fixture
def morte(projet: Projet, admin: Utilisateur) -> Preparation:
    """What a work that was stopped left behind."""
    return Preparation.objects.create(convention=projet.convention, demandee_par=admin, demandee_le=timezone.now())


def test_work_that_was_stopped_is_not_waited_for(projet: Projet, ecran: Client, morte: Preparation) -> None:
    assert not morte.is_en_cours
    page = see(ecran)
    assert ("La mise en forme s’est arrêtée en route." in page, 'hx-trigger="every 2s"' in page) == (True, False)
    assert poll(ecran)[1]


def test_document_whose_worker_died_waits_for_another_then_is_given_up(projet: Projet, ecran: Client, morte: Preparation) -> None:
    travail = leave_behind(figer_convention, "figer", projet.convention, projet.convention.pk)
    for essai in (1, 2, 3):
        assert "Le document est en cours de mise en forme." in see(ecran)
        die(travail, essai)
        assert take_over() == 1
    assert Preparation.objects.get().erreurs == [PERDU]
    assert PERDU in see(ecran)


def test_document_is_asked_again_after_it_was_stopped(
    projet: Projet, ecran: Client, morte: Preparation, django_capture_on_commit_callbacks: Rappels
) -> None:
    partenaire = projet.gens["administrateur beneficiaire"]
    ecran.force_login(partenaire)
    with django_capture_on_commit_callbacks(execute=True):
        ask(ecran)
        assert Preparation.objects.get().demandee_par == partenaire
        assert Preparation.objects.get().is_en_cours
    assert (state(projet), DocumentFige.objects.get().fait_par) == (FIGEE, partenaire)


def test_typesetting_that_is_stopped_freezes_nothing(projet: Projet, admin: Utilisateur, monkeypatch: pytest.MonkeyPatch) -> None:
    Preparation.objects.create(convention=projet.convention, demandee_par=admin, demandee_le=timezone.now())

    def stop_meanwhile(*args: Any) -> bytes:
        cancel(admin, Travail.objects.get(sorte="figer"))
        return PDF

    monkeypatch.setattr(actes, "publish_convention", stop_meanwhile)
    assert freeze(projet).etat == "arrete"
    assert state(projet) == RIEN
    assert Preparation.objects.get().erreurs == []


def test_typesetting_is_started_again_from_the_list_of_works(
    projet: Projet, admin: Utilisateur, morte: Preparation, django_capture_on_commit_callbacks: Rappels
) -> None:
    travail = Travail.objects.create(
        sorte="figer",
        convention=projet.convention,
        etat="arrete",
        appel={"tache": figer_convention.module_path, "args": [projet.convention.pk]},
    )
    Preparation.objects.update(erreurs=["Non."])
    with django_capture_on_commit_callbacks(execute=True):
        retry(admin, travail)
        assert Preparation.objects.get().is_en_cours
    assert (state(projet), DocumentFige.objects.get().fait_par) == (FIGEE, admin)


# --- Whole or not at all ---------------------------------------------------------------------------

PANNES = {
    "files": (actes, "create_document"),
    "row of the document": (DocumentFige.objects, "create"),
    "journal": (actes, "record"),
    "typesetting": (actes, "publish_convention"),
    "storage": (figes, "keep_file"),
}


@pytest.mark.parametrize("ou", PANNES)
def test_breakdown_leaves_the_convention_as_it_was_and_it_is_frozen_again(
    projet: Projet, admin: Utilisateur, monkeypatch: pytest.MonkeyPatch, ou: str
) -> None:
    with monkeypatch.context() as casse:
        casse.setattr(*PANNES[ou], crash)
        with pytest.raises(OSError, match="panne"):
            pass_convention(admin, projet.fresh(), "figer")
    assert state(projet) == RIEN
    assert projet.convention.accords.count() == 2
    pass_convention(admin, projet.fresh(), "figer")
    assert (state(projet), DocumentFige.objects.get().read_pdf()) == (FIGEE, PDF)


def test_file_left_by_a_breakdown_is_the_one_used_again(projet: Projet, admin: Utilisateur, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as casse:
        casse.setattr(actes, "record", crash)
        with pytest.raises(OSError, match="panne"):
            pass_convention(admin, projet.fresh(), "figer")
    (dossier,) = default_storage.listdir("figes")[0]
    assert len(default_storage.listdir(f"figes/{dossier}")[1]) == 1
    pass_convention(admin, projet.fresh(), "figer")
    assert DocumentFige.objects.get().pdf == f"figes/{dossier}/{default_storage.listdir(f'figes/{dossier}')[1][0]}"


def test_file_left_half_written_is_written_again(projet: Projet, admin: Utilisateur) -> None:
    nom, _ = figes.keep_file(PDF, "pdf")
    Path(default_storage.path(nom)).write_bytes(PDF[:5])
    pass_convention(admin, projet.fresh(), "figer")
    assert (DocumentFige.objects.get().pdf, DocumentFige.objects.get().read_pdf()) == (nom, PDF)


_vu: dict[str, Any] = {}


def kill_and_look(dossier: Path) -> dict[str, Any]:
    """What processes of their own left in a file, on a copy of this database (`tests/coupure.py`)."""
    if not _vu:
        deliberate()
        base = sqlite3.connect(dossier / "essai.sqlite3")
        base.executescript("\n".join(connection.connection.iterdump()))
        base.close()
        env = os.environ | {"DATABASE_URL": f"sqlite:///{dossier / 'essai.sqlite3'}", "TRAITDUNION_DATA": str(dossier)}
        env |= {"DJANGO_SETTINGS_MODULE": "config.settings", "TRAITDUNION_DEBUG": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
        fini = subprocess.run([sys.executable, "-m", "tests.coupure"], env=env, capture_output=True, text=True, timeout=60, check=False)
        assert fini.returncode == 0, fini.stderr
        _vu.update(json.loads(fini.stdout))
    return _vu


ailleurs = pytest.mark.skipif(connection.vendor != "sqlite", reason="the copy is a SQLite file")


@ailleurs
def test_process_killed_after_keeping_the_file_leaves_the_convention_as_it_was(tmp_path: Path) -> None:
    vu = kill_and_look(tmp_path)
    assert (vu["fin"], vu["reprise"]) == ([COUPE], [0])
    assert vu["coupe"] == vu["avant"] | {"fichiers": 1}
    assert vu["avant"] == {"etat": "deliberee", "documents": 0, "evenements": 0, "preparations": 0, "fichiers": 0}
    assert vu["apres"] == {"etat": "a_signer", "documents": 1, "evenements": 1, "preparations": 0, "fichiers": 1}
    assert vu["pdf"] == PDF.decode()


@ailleurs
def test_processes_that_write_together_leave_no_gap_in_the_journal(tmp_path: Path) -> None:
    vu = kill_and_look(tmp_path)
    assert vu["ensemble"] == [0, 0]
    assert vu["rangs"] == list(range(1, 32))
    assert vu["intact"]
