"""The budget table: its heads stay in sight, its region scrolls with the keyboard."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.navigateur.conftest import AGENTE, TELEPHONE, Visite, build_address

Arrive = Callable[..., Visite]
ADRESSE = ("budget", "DIJON-CCI21-2018")


def test_heads_stay_in_sight_on_a_wide_screen(arrive: Arrive) -> None:
    page = arrive(AGENTE).go(build_address(*ADRESSE))
    page.get_by_role("rowheader", name="Total Compétences").evaluate("e => e.scrollIntoView({block: 'end'})")
    assert page.evaluate("() => scrollY") > 100
    for tete in page.locator(".recap thead th").all():
        expect(tete).to_be_in_viewport(ratio=1)


def test_heads_and_first_column_stay_in_sight_on_a_phone(arrive: Arrive) -> None:
    page = arrive(AGENTE, largeur=TELEPHONE).go(build_address(*ADRESSE))
    region = page.get_by_role("region", name="Récapitulatif")
    region.evaluate("e => { e.scrollIntoView(); e.scrollTop = 600; e.scrollLeft = 400 }")
    cadre, tete = region.bounding_box(), page.get_by_role("columnheader", name="Fiche action", exact=True).bounding_box()
    assert abs(tete["y"] - cadre["y"]) <= 2
    assert abs(tete["x"] - cadre["x"]) <= 2


def test_second_row_of_heads_is_not_covered_by_the_first(arrive: Arrive) -> None:
    page = arrive(AGENTE).go(build_address(*ADRESSE))
    page.get_by_role("rowheader", name="Total Compétences").evaluate("e => e.scrollIntoView({block: 'end'})")
    annee = page.get_by_role("columnheader", name="2018").bounding_box()
    colonne = page.get_by_role("columnheader", name="Métropole").first.bounding_box()
    assert colonne["y"] >= annee["y"] + annee["height"] - 1


def test_region_scrolls_with_the_keyboard_on_a_phone(arrive: Arrive) -> None:
    page = arrive(AGENTE, largeur=TELEPHONE).go(build_address(*ADRESSE))
    region = page.get_by_role("region", name="Récapitulatif")
    region.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('.defile-haut').scrollLeft > 0")


def test_table_keeps_room_for_figures_beside_the_frozen_column_on_a_phone(arrive: Arrive) -> None:
    page = arrive(AGENTE, largeur=TELEPHONE).go(build_address(*ADRESSE))
    colonne = page.get_by_role("rowheader", name="E.A 1.1").bounding_box()
    assert colonne["width"] < TELEPHONE / 2
