"""The bilan of a year by its people: noted in the carnet, typed in the grid, sent, observed, corrected, accepted; the solde opens."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from comptes.models import Organisation
from conventions.gel import lift
from conventions.models import Convention
from documents.bilans.figes import DocumentBilan
from financement.models import Bilan, LigneBilan, NatureDepense, Versement
from tests import factories
from tests.lecture_pdf import Lecture
from tests.navigateur.conftest import AGENTE, CONSEILLER, VERROU, Atelier, Visite, build_address
from tests.navigateur.controles import check_axe, overflow
from tests.navigateur.gestes import amount, cell, paste, total, wait_ready, wait_saved

Arrive = Callable[..., Visite]
JOURS, ETUDES, DEBOURS = "E.A 1, Études, jours réalisés", "E.A 1, Études, réalisé en euros", "E.A 2, Débours, réalisé en euros"


@pytest.fixture
def annee(atelier: Atelier) -> Iterator[Atelier]:
    """An agreement of one year, notified: 6 000 € and 400 € in two fiches, by halves; an acompte, a solde; a target of 10."""
    with VERROU, lift():
        convention = atelier.convention
        seconde = factories.FicheFactory(convention=convention, axe=atelier.axe, code="E.A 2", titre="Labelliser", ordre=900)
        debours = NatureDepense.objects.get(cle="debours")
        factories.LigneCoutFactory(fiche=seconde, nature=debours, annee=2018, montant=factories.euros(400))
        payeur, recoit = (Organisation.objects.get(cle=cle) for cle in ("dijon-metropole", "cci-cote-d-or"))
        for fiche in (atelier.fiche, seconde):
            for organisation in (payeur, recoit):
                factories.CoFinancementFactory(fiche=fiche, financeur=organisation, taux=50)
        factories.IndicateurFactory(fiche=atelier.fiche, libelle="Commerces suivis").cibles.create(annee=2018, valeur=10)
        deux = {"convention": convention, "payeur": payeur, "beneficiaire": recoit}
        factories.VersementFactory(**deux, montant=factories.euros(1_200), ordre=10)
        factories.VersementFactory(**deux, nature=Versement.Nature.SOLDE, ordre=20)
        atelier.cost("etudes", a2018=6_000)
        signee = {"etat": "notifiee", "date_signature": date(2018, 1, 8), "date_notification": date(2018, 1, 15)}
        Convention.objects.filter(pk=convention.pk).update(annee_debut=2018, annee_fin=2018, **signee)
    yield atelier
    with VERROU, lift():
        DocumentBilan.objects.filter(bilan__convention=convention).delete()


def said(page: Page, texte: str) -> None:
    expect(page.get_by_role("status").first).to_contain_text(texte)


def go(visite: Visite, annee: Atelier, nom: str = "bilan", suite: str = "") -> Page:
    args = [annee.convention.reference] if nom in {"bilans", "carnet", "versements"} else [annee.convention.reference, "2018"]
    return visite.go(build_address(nom, *args, suite=suite))


def write(page: Page, nom: str) -> Locator:
    """A long text, by its label: its tools bear its name too."""
    return page.get_by_role("textbox", name=nom)


def note_expense(page: Page) -> None:
    page.get_by_label("Date", exact=True).fill("2018-05-02")
    page.get_by_label("Dépense", exact=True).select_option(label="E.A 2 : Débours")
    page.get_by_label("Montant, en €").fill("150")
    page.get_by_label("Ce qui a été fait").fill("Affiches du label")
    page.get_by_role("button", name="Noter", exact=True).click()
    said(page, "Noté : E.A 2, Affiches du label.")
    expect(page.get_by_text("sur 400\u00a0€")).to_be_visible()


def fill_grid(page: Page) -> None:
    """With the keyboard, then pasted, undone, pasted again."""
    wait_ready(page)
    expect(total(page, "total:euros")).to_have_text(amount("150"))  # what the carnet holds
    cell(page, JOURS).focus()
    page.keyboard.type("3")
    expect(total(page, "total:jours")).to_have_text("3")
    page.keyboard.press("Enter")
    expect(cell(page, "E.A 2, Débours, jours réalisés")).to_be_focused()
    wait_saved(page)
    avant = total(page, "total:euros").inner_text()
    paste(cell(page, ETUDES), "7 000\r\n200")
    expect(total(page, "total:euros")).to_have_text(amount("7 200"))
    expect(page.get_by_role("row", name="Études")).to_contain_text("dépassé")
    wait_saved(page)
    page.keyboard.press("Control+z")
    expect(cell(page, DEBOURS)).to_have_value("")
    expect(total(page, "total:euros")).to_have_text(avant)
    wait_saved(page)
    page.keyboard.press("Control+y")
    expect(total(page, "total:euros")).to_have_text(amount("7 200"))
    write(page, "L’année en bref").fill("Une année de labels.")
    write(page, "L’année en bref").press("Tab")
    wait_saved(page)


def fill_fiches(page: Page) -> None:
    wait_ready(page)
    write(page, "Ce qui a été fait").fill("Huit commerces ont été suivis.")
    write(page, "Difficultés rencontrées").fill("Deux enseignes ont fermé.")
    page.get_by_label("Atteint").fill("8")
    page.get_by_label("Explication").fill("Deux fermetures.")
    page.get_by_label("L’action est").select_option("partielle")
    wait_saved(page)
    page.get_by_role("link", name="Fiche suivante : E.A 2").click()
    expect(page.get_by_role("heading", level=2, name="Labelliser")).to_be_visible()
    wait_ready(page)
    page.get_by_label("L’action est").select_option("realisee")
    wait_saved(page)


def read_lines(annee: Atelier) -> list[tuple[str, Any, Any]]:
    lignes = LigneBilan.objects.filter(fiche__bilan__convention=annee.convention).order_by("fiche__ordre")
    return annee.list(lignes, "nature__cle", "jours", "montant")


def test_bilan_goes_from_the_carnet_to_the_solde(annee: Atelier, arrive: Arrive, record_property: Any) -> None:
    hugo, nadia = arrive(CONSEILLER), arrive(AGENTE)
    note_expense(go(hugo, annee, "carnet", "?annee=2018"))
    page = go(hugo, annee, "bilans")
    page.get_by_role("button", name="Commencer le bilan 2018").click()
    said(page, "Bilan 2018 ouvert avec le plan de l’année.")
    fill_grid(page)
    assert read_lines(annee) == [("etudes", 3, 7_000), ("debours", None, 200)]
    # What is missing is listed, each with the place to fill it.
    page.get_by_role("link", name="Voir le bilan").click()
    page.get_by_role("button", name="Envoyer le bilan").click()
    refus = page.get_by_role("alert")
    expect(refus).to_contain_text("E.A 1 : dites si l’action est réalisée et indicateur « Commerces suivis ».")
    expect(refus).to_contain_text("E.A 2 : dites si l’action est réalisée.")
    page.get_by_text("2 points à régler").click()
    page.locator("details[open] a", has_text="E.A 1").click()
    fill_fiches(page)
    page.get_by_role("link", name="Voir le bilan").click()
    page.get_by_role("button", name="Envoyer le bilan").click()
    said(page, "Bilan envoyé")
    # The payer reads, asks, sends back.
    page = go(nadia, annee)
    expect(page.get_by_role("link", name="Remplir")).to_have_count(0)
    page.get_by_text("Écrire une observation").click()
    page.get_by_label("Sur", exact=True).select_option(label="Dépenses")
    page.get_by_label("Observation", exact=True).fill("Les études dépassent le plan.")
    page.get_by_role("button", name="Envoyer l’observation").click()
    said(page, "Observation enregistrée.")
    page.get_by_role("button", name="Renvoyer avec des observations").click()
    said(page, "Bilan renvoyé")
    # The answer, the correction.
    page = go(hugo, annee)
    page.locator("summary", has_text="Répondre").click()
    page.get_by_label("Votre réponse").fill("Une facture était comptée deux fois.")
    page.get_by_role("button", name="Répondre").click()
    said(page, "Réponse enregistrée.")
    page = go(hugo, annee, "bilan_grille")
    wait_ready(page)
    cell(page, ETUDES).fill("6 000")
    cell(page, ETUDES).press("Enter")
    expect(total(page, "total:euros")).to_have_text(amount("6 200"))
    wait_saved(page)
    page = go(hugo, annee)
    page.get_by_role("button", name="Envoyer le bilan corrigé").click()
    said(page, "Bilan corrigé envoyé.")
    # Settled, accepted: 3 200 € planned × 6 200 / 6 400.
    page = go(nadia, annee)
    page.get_by_role("button", name="Régler").click()
    said(page, "Observation réglée.")
    page.get_by_role("button", name="Accepter le bilan").click()
    said(page, "Accord enregistré.")
    expect(page.get_by_role("heading", name="Bilan accepté")).to_be_visible()
    check_axe(page, record_property)
    assert overflow(page) == []
    with page.expect_download() as attente:
        page.get_by_role("link", name="PDF du bilan").click()
    assert "accepté le" in Lecture(Path(attente.value.path()).read_bytes()).textes[1]
    solde = go(hugo, annee, "versements").get_by_role("article", name="Solde")
    expect(solde.get_by_text("Peut être demandé")).to_be_visible()
    expect(solde).to_contain_text("Les bilans acceptés laissent 3\u202f100\u00a0€ à demander.")
    with VERROU:
        assert Bilan.objects.get(convention=annee.convention).participations.get().due.amount == 3_100
    assert hugo.plaintes + nadia.plaintes == []
