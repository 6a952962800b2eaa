"""Work done beside the pages, as one sees it: it goes on by itself, is stopped, fails, is started again, with a script or without."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from playwright.sync_api import expect

from conventions.models import Convention, Ouvrier, Travail
from documents.bilans.taches import typeset_bilan
from tests.navigateur.conftest import ADMINISTRATRICE, TELEPHONE, VERROU, Atelier, Visite, build_address
from tests.navigateur.controles import check_page

Arrive = Callable[..., Visite]


@pytest.fixture
def travail(atelier: Atelier) -> Iterator[Travail]:
    """A work that runs, a third done."""
    with VERROU:
        Travail.objects.all().delete()  # the checks that other journeys asked for
        travail = run(atelier.convention)
    yield travail
    with VERROU:
        for modele in (Travail, Ouvrier, DBTaskResult):
            modele.objects.all().delete()


def run(convention: Convention) -> Travail:
    debut = timezone.now() - timedelta(seconds=10)
    Ouvrier.objects.create(identifiant="un", machine="serveur-1", pid=12, vu_le=timezone.now() + timedelta(hours=1))
    return Travail.objects.create(
        sorte="document",
        convention=convention,
        etat="en_cours",
        etape="Mise en page",
        fait=10,
        total=30,
        commence_le=debut,
        ouvrier="un",
        appel={"tache": typeset_bilan.module_path, "args": [0]},
    )


def put(**champs: Any) -> None:
    with VERROU:
        Travail.objects.filter(sorte="document").update(**champs)


def read(champ: str) -> Any:
    with VERROU:
        return Travail.objects.values_list(champ, flat=True).get(sorte="document")


def test_progress_goes_on_is_stopped_and_started_again(atelier: Atelier, travail: Travail, arrive: Arrive, record_property: Any) -> None:
    visite = arrive(ADMINISTRATRICE)
    page = visite.go(build_address("travaux"))
    barre = page.get_by_role("progressbar", name="Mise en forme d’un document")
    expect(barre).to_have_attribute("value", "33")
    check_page(visite, record_property)
    bouton = page.get_by_role("button", name="Arrêter : mise en forme d’un document")
    bouton.focus()
    put(fait=24, etape="Assemblage")
    expect(barre).to_have_attribute("value", "80")
    expect(page.get_by_role("status").get_by_text("assemblage, 80")).to_be_attached()
    expect(bouton).to_be_focused()  # what is read again every second takes the focus from nobody
    bouton.click()
    expect(page.get_by_text("Arrêt demandé : le travail cesse à sa prochaine étape.")).to_be_visible()
    assert read("arret_demande")
    put(etat="arrete", fini_le=timezone.now())  # what the worker does at its next step
    relance = page.get_by_role("button", name="Relancer : mise en forme d’un document")
    expect(relance).to_be_visible()
    check_page(visite, record_property)
    relance.click()
    expect(page.get_by_role("table", name="Travaux en attente")).to_be_visible()
    assert (read("etat"), read("arret_demande")) == ("en_attente", False)
    assert visite.plaintes == []


def test_page_loads_itself_when_the_work_is_done(travail: Travail, arrive: Arrive) -> None:
    page = arrive(ADMINISTRATRICE).go(build_address("travaux"))
    expect(page.get_by_role("progressbar")).to_be_visible()
    put(etat="fait", fait=30, fini_le=timezone.now())
    expect(page.get_by_text("Rien n’est en cours.")).to_be_visible()
    expect(page.get_by_role("table", name="Durées des travaux").get_by_role("rowheader")).to_have_text("Mise en forme d’un document")


def test_failure_is_told_with_its_reason(travail: Travail, arrive: Arrive, record_property: Any) -> None:
    visite = arrive(ADMINISTRATRICE, largeur=TELEPHONE)
    page = visite.go(build_address("travaux"))
    put(etat="echec", erreur="Il manque une pièce.", fini_le=timezone.now())
    expect(page.get_by_role("alert")).to_contain_text("échec. Il manque une pièce.")
    page.reload()
    expect(page.get_by_role("table", name="Travaux qui ont échoué")).to_contain_text("Il manque une pièce.")
    check_page(visite, record_property)
    assert visite.plaintes == []


def test_work_is_followed_and_stopped_without_script(travail: Travail, arrive: Arrive) -> None:
    page = arrive(ADMINISTRATRICE, javascript=False).go(build_address("travaux"))
    put(fait=24)
    page.get_by_role("link", name="Actualiser").click()
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "80")
    page.get_by_role("button", name="Arrêter : mise en forme d’un document").click()
    expect(page.get_by_text("l’arrêt est demandé.")).to_be_visible()
    assert read("arret_demande")
