"""When something breaks while a fiche is written: the network, the session, the server, or no JavaScript at all."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from documents.demonstration import MOT_DE_PASSE
from fiches.models import Indicateur
from financement.models import CoFinancement, LigneCout
from tests.navigateur.conftest import AGENTE, CONSEILLER, VERROU, Atelier, Visite
from tests.navigateur.gestes import amount, cell, field, open_editor, sentence, total, wait_saved

Arrive = Callable[..., Visite]


# --- The network ---------------------------------------------------------------------------------------------


def test_lost_connection_is_told_and_the_text_leaves_when_it_is_back(atelier: Atelier, arrive: Arrive) -> None:
    visite = arrive(AGENTE)
    page = open_editor(visite, atelier)
    page.context.set_offline(True)
    field(page, "constat").fill("Écrit dans un tunnel")
    expect(sentence(page)).to_have_text(re.compile(r"^Connexion perdue.*gardé sur cet ordinateur"))
    expect(sentence(page)).to_have_text(re.compile(r"Connexion perdue depuis \d\d h \d\d"))
    field(page, "cible").fill("120 commerçants")
    expect(field(page, "constat")).to_have_value("Écrit dans un tunnel")
    assert atelier.read().constat == ""
    page.context.set_offline(False)
    wait_saved(page)
    assert (atelier.read().constat, atelier.read().cible) == ("Écrit dans un tunnel", "120 commerçants")
    assert visite.plaintes == []


def close_without_connection(page: Page) -> None:
    """The browser's offline switch dies with its page: the last request of a closing page could get out without this."""
    page.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('hors ligne')); }")
    page.close()


def reopen(contexte: BrowserContext, site: str, atelier: Atelier) -> Page:
    visite = Visite(site, contexte.new_page())
    return open_editor(visite, atelier)


def test_page_closed_without_connection_finds_its_text_again(atelier: Atelier, arrive: Arrive) -> None:
    atelier.cost("etudes", a2018=6_000)
    visite = arrive(AGENTE)
    page = open_editor(visite, atelier)
    contexte = page.context
    contexte.set_offline(True)
    field(page, "constat").fill("Écrit avant la panne")
    cell(page, "Études, 2019").fill("10 j")
    expect(sentence(page)).to_contain_text("Connexion perdue")
    # Both are on the computer: typing and closing in the same breath is another journey.
    page.wait_for_function("() => ['Écrit avant la panne', '10 j'].every(t => Object.values(localStorage).join().includes(t))")
    close_without_connection(page)
    contexte.set_offline(False)
    assert atelier.read().constat == ""
    page = reopen(contexte, visite.site, atelier)
    expect(page.locator("[data-retrouve]")).to_contain_text("2 modifications non enregistrées retrouvées")
    expect(field(page, "constat")).to_have_value("Écrit avant la panne")
    expect(total(page)).to_have_text(amount("12 000"))
    wait_saved(page)
    assert atelier.read().constat == "Écrit avant la panne"
    assert atelier.list(LigneCout.objects.filter(fiche=atelier.fiche).order_by("annee"), "annee", "jours") == [(2018, None), (2019, 10)]
    page.reload()
    expect(page.locator("[data-retrouve]")).to_be_hidden()


def test_text_found_again_does_not_overwrite_what_the_partner_wrote_meanwhile(atelier: Atelier, arrive: Arrive) -> None:
    atelier.change(constat="Avant")
    visite = arrive(AGENTE)
    page = open_editor(visite, atelier)
    contexte = page.context
    contexte.set_offline(True)
    field(page, "constat").fill("Le mien, hors ligne")
    expect(sentence(page)).to_contain_text("Connexion perdue")
    close_without_connection(page)
    hugo = open_editor(arrive(CONSEILLER), atelier)
    field(hugo, "constat").fill("Le sien, entre-temps")
    wait_saved(hugo)
    contexte.set_offline(False)
    page = reopen(contexte, visite.site, atelier)
    expect(page.get_by_role("group", name="Deux versions de ce champ")).to_contain_text("Le sien, entre-temps")
    expect(field(page, "constat")).to_have_value("Le mien, hors ligne")
    assert atelier.read().constat == "Le sien, entre-temps"


def test_page_left_at_once_saves_what_was_just_typed(atelier: Atelier, arrive: Arrive) -> None:
    visite = arrive(AGENTE)
    page = open_editor(visite, atelier)
    with page.expect_request("**/enregistrer/"):  # its answer finds nobody: the page has gone
        field(page, "constat").fill("Et je pars")
        page.get_by_role("link", name="Lire la fiche").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Accompagner les commerces")
    visite.go(atelier.locate("fiche"))
    expect(page.locator("#constat")).to_contain_text("Et je pars")


def test_broken_server_is_tried_again(atelier: Atelier, arrive: Arrive) -> None:
    page = open_editor(arrive(AGENTE), atelier)
    pannes = [500, 503]
    page.route("**/enregistrer/", lambda route: route.fulfill(status=pannes.pop()) if pannes else route.continue_())
    field(page, "constat").fill("Malgré la panne")
    expect(sentence(page)).to_contain_text("Votre texte est gardé sur cet ordinateur")
    expect(sentence(page)).to_have_text(re.compile("^Tout est enregistré"))
    assert atelier.read().constat == "Malgré la panne"


# --- A slow answer --------------------------------------------------------------------------------------------


def hold_first(page: Page) -> list[Route]:
    """The first saving stays on its way until the test lets it go."""
    retenues: list[Route] = []
    page.route("**/enregistrer/", lambda route: route.continue_() if retenues else retenues.append(route))
    return retenues


def test_new_indicator_is_whole_though_it_was_being_numbered(atelier: Atelier, arrive: Arrive) -> None:
    page = open_editor(arrive(AGENTE), atelier)
    retenues = hold_first(page)
    page.get_by_role("button", name="Ajouter un indicateur").click()
    for texte in ["Halles rouvertes", "halles", "1", "2", "4"]:
        page.keyboard.type(texte)
        page.keyboard.press("Tab")
    retenues[0].continue_()
    wait_saved(page)
    page.wait_for_timeout(1_500)
    wait_saved(page)
    indicateurs = Indicateur.objects.filter(fiche=atelier.fiche).order_by("cibles__annee")
    attendus = [("Halles rouvertes", "halles", valeur) for valeur in (1, 2, 4)]
    assert atelier.list(indicateurs, "libelle", "unite", "cibles__valeur") == attendus


def test_cost_typed_while_its_row_is_renamed_stays_in_the_row(atelier: Atelier, arrive: Arrive) -> None:
    atelier.cost("debours", a2018=400)
    page = open_editor(arrive(AGENTE), atelier)
    retenues = hold_first(page)
    cell(page, "Libellé de Débours").fill("Affranchissement")
    cell(page, "Débours, 2018").focus()
    page.keyboard.type("450")
    page.keyboard.press("Tab")
    page.keyboard.type("500")
    page.keyboard.press("Tab")
    retenues[0].continue_()
    wait_saved(page)
    page.wait_for_timeout(1_500)
    wait_saved(page)
    lignes = LigneCout.objects.filter(fiche=atelier.fiche).order_by("libelle", "annee")
    assert atelier.list(lignes, "libelle", "annee", "montant") == [("Affranchissement", 2018, 450), ("Affranchissement", 2019, 500)]


def test_text_typed_during_a_slow_saving_is_saved_too(atelier: Atelier, arrive: Arrive) -> None:
    page = open_editor(arrive(AGENTE), atelier)
    retenues = hold_first(page)
    field(page, "constat").focus()
    page.keyboard.type("Un début")
    expect(sentence(page)).to_contain_text("Enregistrement en cours")
    page.keyboard.type(" et une fin")
    retenues[0].continue_()
    expect(field(page, "constat")).to_have_value("Un début et une fin")
    wait_saved(page)
    assert atelier.read().constat == "Un début et une fin"


# --- The session ---------------------------------------------------------------------------------------------


@pytest.fixture
def expiree(atelier: Atelier, arrive: Arrive) -> Visite:
    """The editor of Nadia, who has just typed in a session that is over."""
    visite = arrive(AGENTE)
    page = open_editor(visite, atelier)
    page.context.clear_cookies(name="sessionid")
    field(page, "constat").fill("Écrit après la pause")
    expect(porte(page)).to_be_visible()
    return visite


def porte(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Votre session a expiré")


def sign_in(page: Page, mot_de_passe: str) -> None:
    porte(page).get_by_label("Mot de passe").fill(mot_de_passe)
    porte(page).get_by_role("button", name="Se reconnecter").click()


def test_expired_session_opens_again_without_leaving_the_page(atelier: Atelier, expiree: Visite) -> None:
    page = expiree.page
    page.evaluate("() => window.pageInitiale = true")
    expect(sentence(page)).to_contain_text("Session expirée depuis")
    expect(porte(page).get_by_label("Adresse électronique")).to_have_value(AGENTE)
    sign_in(page, "pas le bon")
    expect(porte(page).get_by_role("alert")).to_have_text("L’adresse ou le mot de passe ne convient pas.")
    expect(porte(page)).to_be_visible()
    assert atelier.read().constat == ""
    sign_in(page, MOT_DE_PASSE)
    expect(porte(page)).to_be_hidden()
    wait_saved(page)
    assert atelier.read().constat == "Écrit après la pause"
    field(page, "cible").fill("Écrit ensuite")  # with the token of the new session
    wait_saved(page)
    assert atelier.read().cible == "Écrit ensuite"
    page.locator("#cible").get_by_text("Commenter").click()
    page.locator("#cible").get_by_label("Votre commentaire").fill("Et commenté")
    page.locator("#cible").get_by_role("button", name="Envoyer").click()
    expect(page.locator("#cible article")).to_contain_text("Et commenté")
    assert page.evaluate("() => window.pageInitiale") is True
    assert [p for p in expiree.plaintes if not p.startswith("400")] == []


def test_later_keeps_the_text_and_the_door_at_hand(atelier: Atelier, expiree: Visite) -> None:
    page = expiree.page
    porte(page).get_by_role("button", name="Plus tard").click()
    expect(porte(page)).to_be_hidden()
    field(page, "cible").fill("Continué sans session")
    page.keyboard.press("Tab")
    expect(sentence(page)).to_contain_text("Votre texte est gardé sur cet ordinateur")
    page.wait_for_timeout(1_500)  # more than the pause before a saving
    expect(porte(page)).to_be_hidden()
    page.get_by_role("button", name="Se reconnecter").click()
    sign_in(page, MOT_DE_PASSE)
    wait_saved(page)
    assert (atelier.read().constat, atelier.read().cible) == ("Écrit après la pause", "Continué sans session")
    expect(page.get_by_role("button", name="Se reconnecter")).to_have_count(0)


def test_somebody_else_cannot_sign_in_on_the_page(atelier: Atelier, expiree: Visite) -> None:
    porte(expiree.page).get_by_label("Adresse électronique").fill(CONSEILLER)
    sign_in(expiree.page, MOT_DE_PASSE)
    expect(porte(expiree.page).get_by_role("alert")).to_contain_text("Ce compte n’est pas celui qui a ouvert cette page")
    expect(field(expiree.page, "constat")).to_have_value("Écrit après la pause")
    assert atelier.read().constat == ""


def test_session_opened_again_in_another_tab_is_enough(atelier: Atelier, arrive: Arrive) -> None:
    visite = arrive(AGENTE)
    page = open_editor(visite, atelier)
    page.context.clear_cookies(name="sessionid")
    autre = Visite(visite.site, page.context.new_page())
    autre.go("/")
    autre.page.get_by_label("Adresse électronique").fill(AGENTE)
    autre.page.get_by_label("Mot de passe").fill(MOT_DE_PASSE)
    autre.page.keyboard.press("Enter")
    expect(autre.page.get_by_role("heading", level=1)).to_have_text("Bonjour Nadia")
    field(page, "constat").fill("Avec un jeton d’avant")
    expect(porte(page).or_(sentence(page).filter(has_text="Tout est enregistré"))).to_be_visible()
    if porte(page).is_visible():
        sign_in(page, MOT_DE_PASSE)
    wait_saved(page)
    assert atelier.read().constat == "Avec un jeton d’avant"


# --- Without JavaScript ---------------------------------------------------------------------------------------


@pytest.fixture
def papier(atelier: Atelier, arrive: Arrive) -> Page:
    """The editor without JavaScript, with one row of costs and one indicator."""
    atelier.cost("debours", a2018=400)
    return arrive(AGENTE, javascript=False).go(atelier.locate("fiche_modifier"))


def send(page: Page) -> None:
    page.get_by_role("button", name="Enregistrer", exact=True).click()


def test_fiche_is_written_without_javascript(atelier: Atelier, papier: Page) -> None:
    field(papier, "constat").fill("Écrit sans script")
    cell(papier, "Débours, 2019").fill("1 500")
    papier.get_by_label("Nature", exact=True).select_option(label="Études")
    papier.locator("#n-2018").fill("10 j")
    papier.get_by_label("Financeur", exact=True).select_option(label="Dijon Métropole")
    papier.locator("#p-taux").fill("80")
    papier.locator("#i-libelle").fill("Halles rouvertes")
    papier.locator("#i-2020").fill("4")
    send(papier)
    expect(papier.locator("main [role=status]").first).to_contain_text("Tout est enregistré")
    expect(field(papier, "constat")).to_have_value("Écrit sans script")
    expect(total(papier)).to_have_text(amount("7 900"))
    assert atelier.read().constat == "Écrit sans script"
    lignes = LigneCout.objects.filter(fiche=atelier.fiche).order_by("nature__ordre", "annee")
    assert atelier.list(lignes, "annee", "montant") == [(2018, 6_000), (2018, 400), (2019, 1_500)]
    assert atelier.list(CoFinancement.objects.filter(fiche=atelier.fiche), "taux") == [80]
    assert atelier.list(Indicateur.objects.filter(fiche=atelier.fiche), "libelle", "cibles__valeur") == [("Halles rouvertes", 4)]


def test_error_is_shown_at_its_field_with_what_was_typed(atelier: Atelier, papier: Page) -> None:
    field(papier, "constat").fill("Enregistré quand même")
    cell(papier, "Débours, 2018").fill("quatre cents")
    cell(papier, "Débours, 2019").fill("1.234")
    send(papier)
    expect(papier.get_by_role("alert")).to_contain_text("2 champs n’ont pas été enregistrés")
    for nom, valeur, raison in [
        ("Débours, 2018", "quatre cents", "n’est pas un nombre"),
        ("Débours, 2019", "1.234", "se lit de deux façons"),
    ]:
        expect(cell(papier, nom)).to_have_value(valeur)
        expect(cell(papier, nom)).to_have_attribute("aria-invalid", "true")
        expect(papier.locator("td", has=cell(papier, nom))).to_contain_text(raison)
    assert atelier.read().constat == "Enregistré quand même"
    assert atelier.list(LigneCout.objects.filter(fiche=atelier.fiche), "montant") == [400]
    cell(papier, "Débours, 2018").fill("450")
    cell(papier, "Débours, 2019").fill("1 234")
    send(papier)
    expect(papier.locator("main [role=status]").first).to_contain_text("Tout est enregistré")
    assert atelier.list(LigneCout.objects.filter(fiche=atelier.fiche).order_by("annee"), "montant") == [450, 1_234]


@pytest.mark.parametrize(("bouton", "gardee"), [("Garder la mienne", "La mienne"), ("Prendre la sienne", "La sienne")])
def test_conflict_is_settled_without_javascript(atelier: Atelier, papier: Page, bouton: str, gardee: str) -> None:
    with VERROU:
        fiche = atelier.read()
        fiche.constat = "La sienne"
        fiche.save()
    field(papier, "constat").fill("La mienne")
    field(papier, "cible").fill("120 commerçants")
    send(papier)
    conflit = papier.get_by_role("group", name="Deux versions de ce champ")
    expect(conflit.locator("dd")).to_have_text(["La sienne", "La mienne"])
    assert (atelier.read().constat, atelier.read().cible) == ("La sienne", "120 commerçants")
    conflit.get_by_role("button", name=bouton).click()
    expect(field(papier, "constat")).to_have_value(gardee)
    assert atelier.read().constat == gardee


def test_comment_is_written_without_javascript(atelier: Atelier, papier: Page) -> None:
    marge = papier.locator("#constat .marge")
    marge.get_by_text("Commenter").click()
    marge.get_by_label("Votre commentaire").fill("Sans script")
    marge.get_by_role("button", name="Envoyer").click()
    expect(papier.locator("#constat article")).to_contain_text("Sans script")
    assert papier.url.endswith("modifier/#constat")
