"""Journeys of a person: signing in, reading a convention, filtering, on a phone, by keyboard, without JavaScript."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from documents.demonstration import MOT_DE_PASSE
from tests.navigateur.conftest import AGENTE, CHAUMONT, TELEPHONE, Visite, build_address

DIJON = "DIJON-CCI21-2018"
Arrive = Callable[..., Visite]


def press_until(page: Page, touche: str, nom: str) -> None:
    """Press a key until the focused element bears this name."""
    for _ in range(30):
        page.keyboard.press(touche)
        if page.evaluate("() => (document.activeElement.textContent || document.activeElement.ariaLabel || '').trim()") == nom:
            return
    raise AssertionError(f"« {nom} » ne s’atteint pas au clavier")


def sign_in(page: Page) -> None:
    page.locator("#id_login").focus()
    page.keyboard.type(AGENTE)
    page.keyboard.press("Tab")
    page.keyboard.type(MOT_DE_PASSE)
    page.keyboard.press("Enter")


def test_signing_in_with_the_keyboard_only(arrive: Arrive) -> None:
    page = arrive().go(build_address("accueil"))
    sign_in(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Bonjour Nadia")


def test_refused_sign_in_keeps_the_address_and_says_why(arrive: Arrive) -> None:
    page = arrive().go(build_address("account_login"))
    page.get_by_label("Adresse électronique").fill("inconnu@exemple.example")
    page.get_by_label("Mot de passe").fill("un mot de passe faux")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Adresse électronique")).to_have_value("inconnu@exemple.example")
    expect(page.get_by_label("Mot de passe")).to_have_value("")


def test_from_home_to_a_fiche_its_budget_and_the_pdf(arrive: Arrive) -> None:
    page = arrive(AGENTE).go(build_address("accueil"))
    page.get_by_role("table").get_by_role("link", name="Objectifs et moyens").click()
    expect(page.get_by_role("link", name="PDF du projet")).to_have_attribute("href", build_address("convention_pdf", DIJON))
    page.get_by_role("link", name="Fiches action", exact=False).first.click()
    page.get_by_role("link", name="E.A 1.1 Plan local").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Plan local d’urbanisme intercommunal")
    expect(page.get_by_role("link", name="PDF")).to_have_attribute("href", build_address("fiche_pdf", DIJON, "e-a-1-1"))
    page.get_by_role("navigation", name="Fil d’Ariane").get_by_role("link", name="Convention-cadre").click()
    page.get_by_role("navigation", name="Rubriques").get_by_role("link", name="Budget").click()
    expect(page.get_by_role("row", name="Total général")).to_contain_text(re.compile(r"1\s317\s250"))
    expect(page.get_by_role("link", name="PDF", exact=True)).to_be_visible()


def test_declared_budget_offers_the_pdf_of_what_is_shown(arrive: Arrive) -> None:
    page = arrive(AGENTE).go(build_address("budget", DIJON, suite="?source=declare"))
    expect(page.get_by_role("link", name="PDF", exact=True)).to_have_attribute("href", re.compile(r"source=declare"))


def test_leaving_closes_the_session(arrive: Arrive) -> None:
    visite = arrive()
    sign_in(visite.go(build_address("accueil")))
    visite.page.get_by_role("button", name="Quitter").click()
    expect(visite.page.get_by_role("heading", level=1)).to_have_text("Se connecter")
    visite.go(build_address("accueil"))
    assert build_address("account_login") in visite.page.url


# --- Menu on a phone -----------------------------------------------------------------------------------


def test_menu_of_a_phone_opens_and_closes_with_escape(arrive: Arrive) -> None:
    page = arrive(AGENTE, largeur=TELEPHONE).go(build_address("accueil"))
    bouton, lien = page.get_by_role("button", name="Menu"), page.locator("#navigation").get_by_role("link", name="Conventions")
    expect(lien).to_be_hidden()
    bouton.click()
    expect(lien).to_be_visible()
    expect(bouton).to_have_attribute("aria-expanded", "true")
    lien.focus()
    page.keyboard.press("Escape")
    expect(lien).to_be_hidden()
    expect(bouton).to_be_focused()
    expect(bouton).to_have_attribute("aria-expanded", "false")


def test_menu_of_a_phone_works_without_javascript(arrive: Arrive) -> None:
    page = arrive(AGENTE, largeur=TELEPHONE, javascript=False).go(build_address("accueil"))
    expect(page.get_by_role("button", name="Menu")).to_be_hidden()
    page.locator("#navigation").get_by_role("link", name="Conventions").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Conventions")


# --- Filtering and searching -----------------------------------------------------------------------------


def test_list_is_filtered_in_place(arrive: Arrive) -> None:
    visite = arrive(CHAUMONT)
    page = visite.go(build_address("conventions"))
    page.evaluate("() => window.pageInitiale = true")
    page.get_by_label("Mots, référence, partenaire").press_sequentially("introuvable")
    expect(page.get_by_role("status")).to_have_text("0 convention")
    page.get_by_label("Mots, référence, partenaire").fill("")
    page.get_by_label("Nature").select_option("cadre")
    expect(page).to_have_url(re.compile(r"nature=cadre"))
    expect(page.locator("#resultats")).not_to_contain_text("Convention spécifique")
    assert page.evaluate("() => window.pageInitiale") is True
    assert visite.plaintes == []


def test_back_button_returns_to_the_whole_page_after_filtering(arrive: Arrive) -> None:
    page = arrive(CHAUMONT).go(build_address("conventions"))
    total = page.get_by_role("status").inner_text()
    page.get_by_label("Nature").select_option("cadre")
    expect(page.get_by_role("status")).not_to_have_text(total)
    page.get_by_role("table").get_by_role("link").first.click()
    page.go_back()
    expect(page.locator(".bandeau")).to_be_visible()
    expect(page.get_by_label("Nature")).to_be_visible()


def test_back_button_undoes_a_filter_even_when_htmx_forgot_the_page(arrive: Arrive) -> None:
    page = arrive(CHAUMONT).go(build_address("conventions"))
    total = page.get_by_role("status").inner_text()
    page.get_by_label("Nature").select_option("cadre")
    expect(page.get_by_role("status")).not_to_have_text(total)
    page.evaluate("() => sessionStorage.removeItem('htmx-history-cache')")
    page.go_back()
    expect(page.get_by_role("status")).to_have_text(total)
    expect(page.get_by_label("Nature")).to_be_visible()


def test_filtered_address_shows_the_same_list_when_loaded(arrive: Arrive) -> None:
    page = arrive(CHAUMONT).go(build_address("conventions", suite="?nature=cadre"))
    expect(page.get_by_label("Nature")).to_have_value("cadre")
    expect(page.locator("#resultats")).not_to_contain_text("Convention spécifique")


def test_list_is_filtered_without_javascript(arrive: Arrive) -> None:
    page = arrive(CHAUMONT, javascript=False).go(build_address("conventions"))
    page.get_by_label("Nature").select_option("specifique")
    page.get_by_role("button", name="Filtrer").click()
    expect(page.get_by_label("Nature")).to_have_value("specifique")
    expect(page.locator("#resultats")).not_to_contain_text("Convention-cadre")


def test_search_finds_a_fiche_by_its_code_however_written(arrive: Arrive) -> None:
    page = arrive(AGENTE).go(build_address("accueil"))
    page.get_by_role("searchbox").fill("ea 1.2.1")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="E.A 1.2.1").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("filières d’excellence")


# --- Keyboard and sight -------------------------------------------------------------------------------


def test_skip_link_is_the_first_stop_and_leads_to_the_content(arrive: Arrive) -> None:
    page = arrive(AGENTE).go(build_address("convention", DIJON))
    page.keyboard.press("Tab")
    evitement = page.get_by_role("link", name="Aller au contenu")
    expect(evitement).to_be_focused()
    expect(evitement).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#contenu")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.querySelector('#contenu').contains(document.activeElement)")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_focus_is_drawn_on_every_stop(arrive: Arrive, theme: str) -> None:
    page = arrive(AGENTE).go(build_address("budget", DIJON))
    page.evaluate("theme => document.documentElement.dataset.bsTheme = theme", theme)
    invisibles, vus = [], set()
    for _ in range(40):
        page.keyboard.press("Tab")
        nom, trait, boite = page.evaluate(
            """() => { const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
            return [e.outerHTML.slice(0, 80), s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2 || s.boxShadow !== "none",
            r.bottom > 0 && r.top < innerHeight && r.width > 0] }"""
        )
        vus.add(nom)
        if not (trait and boite):
            invisibles.append(nom)
    assert len(vus) > 20
    assert invisibles == []


def test_focused_row_of_the_budget_is_never_under_the_heads(arrive: Arrive) -> None:
    page = arrive(AGENTE).go(build_address("budget", DIJON))
    caches = []
    for lien in page.locator("tbody a.lien").all():
        lien.focus()
        if lien.evaluate(
            "e => { const r = e.getBoundingClientRect(); const x = document.elementFromPoint(r.left + 4, r.top + r.height / 2);"
            " return x === null || !e.contains(x) }"
        ):
            caches.append(lien.inner_text())
    assert caches == []
