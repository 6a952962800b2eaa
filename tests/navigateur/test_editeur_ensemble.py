"""Two people on one fiche: the same field, different ones, who is there, comments, rights."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from comptes.models import Organisation
from fiches.models import Commentaire, FicheAction
from financement.models import LigneCout
from tests import factories
from tests.navigateur.conftest import ADMINISTRATRICE, AGENTE, CONSEILLER, LECTEUR, VERROU, Atelier, Visite
from tests.navigateur.gestes import amount, block, cell, field, open_editor, sentence, total, wait_ready, wait_saved

Arrive = Callable[..., Visite]
BASE = "Les halles ferment l’une après l’autre, faute de repreneurs."
SIENNE = "Les halles ferment l’une après l’autre, faute de clients."
MIENNE = "Les halles rouvrent l’une après l’autre, faute de repreneurs."


def be_silent(page: Page) -> None:
    """The page no longer hears of the others before it saves."""
    page.route("**/presence/", lambda route: route.fulfill(json={}))


@pytest.fixture
def deux(atelier: Atelier, arrive: Arrive) -> tuple[Page, Page]:
    """Nadia and Hugo on the same fiche; neither hears of the other but by saving."""
    atelier.change(constat=BASE)
    pages = []
    for email in (AGENTE, CONSEILLER):
        visite = arrive(email)
        be_silent(visite.page)
        pages.append(open_editor(visite, atelier))
    return pages[0], pages[1]


@pytest.fixture
def conflit(deux: tuple[Page, Page]) -> Page:
    """The page of Hugo, who wrote the same text as Nadia after her."""
    nadia, hugo = deux
    field(nadia, "constat").fill(SIENNE)
    wait_saved(nadia)
    field(hugo, "constat").fill(MIENNE)
    expect(versions(hugo)).to_be_visible()
    return hugo


def versions(page: Page) -> Locator:
    return block(page, "constat").get_by_role("group", name="Deux versions de ce champ")


def list_constats(atelier: Atelier) -> list[str]:
    return atelier.list(FicheAction.history.filter(id=atelier.fiche.pk).order_by("history_date", "history_id"), "constat")


# --- The same field ----------------------------------------------------------------------------------------


def test_conflict_shows_both_versions_who_and_what_differs(atelier: Atelier, conflit: Page) -> None:
    avis = versions(conflit)
    expect(avis).to_contain_text(re.compile(r"Nadia Ferrand a modifié ce champ le \d\d/\d\d/\d{4} à \d\d\sh\s\d\d"))
    expect(avis.locator("dd")).to_have_text([SIENNE, MIENNE])
    expect(avis.locator(".ecarts del")).to_contain_text(["ferment", "clients"])
    expect(avis.locator(".ecarts ins")).to_contain_text(["rouvrent", "repreneurs"])
    expect(sentence(conflit)).to_contain_text("« Constat » (deux versions, choisissez)")
    expect(field(conflit, "constat")).to_have_value(MIENNE)
    assert atelier.read().constat == SIENNE


def test_keeping_mine_leaves_both_in_the_history(atelier: Atelier, conflit: Page) -> None:
    versions(conflit).get_by_role("button", name="Garder la mienne").click()
    wait_saved(conflit)
    expect(versions(conflit)).to_be_hidden()
    expect(field(conflit, "constat")).to_have_value(MIENNE)
    assert atelier.read().constat == MIENNE
    assert [c for c in list_constats(atelier) if c][-2:] == [SIENNE, MIENNE]


def test_taking_theirs_writes_nothing(atelier: Atelier, conflit: Page) -> None:
    versions(conflit).get_by_role("button", name="Prendre la sienne").click()
    wait_saved(conflit)
    expect(versions(conflit)).to_be_hidden()
    expect(field(conflit, "constat")).to_have_value(SIENNE)
    assert atelier.read().constat == SIENNE


def test_versions_are_assembled_by_hand_then_kept(atelier: Atelier, conflit: Page) -> None:
    field(conflit, "constat").fill("Les halles rouvrent, faute de clients.")
    expect(versions(conflit)).to_be_visible()
    versions(conflit).get_by_role("button", name="Garder la mienne").click()
    wait_saved(conflit)
    assert atelier.read().constat == "Les halles rouvrent, faute de clients."


def test_conflict_left_open_keeps_the_rest_saving(atelier: Atelier, conflit: Page) -> None:
    field(conflit, "cible").fill("120 commerçants")
    conflit.keyboard.press("Tab")
    expect(sentence(conflit)).to_contain_text("Le reste est enregistré")
    expect(versions(conflit)).to_be_visible()
    fiche = atelier.read()
    assert (fiche.constat, fiche.cible) == (SIENNE, "120 commerçants")


def test_same_cost_cell_is_a_conflict_too(atelier: Atelier, arrive: Arrive) -> None:
    atelier.cost("etudes", a2018=6_000)
    nadia, hugo = arrive(AGENTE), arrive(CONSEILLER)
    for visite in (nadia, hugo):
        be_silent(visite.page)
        open_editor(visite, atelier)
    cell(nadia.page, "Études, 2018").fill("12 j")
    nadia.page.keyboard.press("Enter")
    wait_saved(nadia.page)
    cell(hugo.page, "Études, 2018").fill("15 j")
    hugo.page.keyboard.press("Enter")
    case = hugo.page.locator("td", has=cell(hugo.page, "Études, 2018"))
    expect(case).to_contain_text("Nadia Ferrand a modifié ce champ")
    expect(sentence(hugo.page)).to_contain_text("« Études, 2018 » (deux versions, choisissez)")
    lignes = LigneCout.objects.filter(fiche=atelier.fiche)
    assert atelier.list(lignes, "jours") == [12]
    case.get_by_role("button", name="Prendre la sienne").click()
    wait_saved(hugo.page)
    expect(cell(hugo.page, "Études, 2018")).to_have_value(re.compile(r"12\sj"))
    expect(total(hugo.page)).to_have_text(amount("7 200"))
    assert atelier.list(lignes, "jours") == [12]
    assert hugo.plaintes == []


# --- Different fields, and presence -------------------------------------------------------------------------


def test_different_fields_are_both_kept_and_seen_without_reloading(atelier: Atelier, arrive: Arrive) -> None:
    nadia, hugo = (open_editor(arrive(email), atelier) for email in (AGENTE, CONSEILLER))
    field(nadia, "constat").fill("Vu par Nadia")
    field(hugo, "cible").fill("Visé par Hugo")
    wait_saved(nadia)
    wait_saved(hugo)
    for page, champ, valeur in [(nadia, "cible", "Visé par Hugo"), (hugo, "constat", "Vu par Nadia")]:
        field(page, "evaluation").focus()  # changing field is a sign of life
        expect(field(page, champ)).to_have_value(valeur)
        expect(sentence(page)).to_have_text(re.compile("^Tout est enregistré"))
    fiche = atelier.read()
    assert (fiche.constat, fiche.cible) == ("Vu par Nadia", "Visé par Hugo")


def test_cost_row_of_one_appears_to_the_other_with_its_total(atelier: Atelier, arrive: Arrive) -> None:
    nadia, hugo = (open_editor(arrive(email), atelier) for email in (AGENTE, CONSEILLER))
    nadia.get_by_label("Nature", exact=True).select_option(label="Animation")
    nadia.get_by_role("button", name="Ajouter la ligne").click()
    cell(nadia, "Animation, 2019").fill("10 j")
    nadia.keyboard.press("Enter")
    wait_saved(nadia)
    field(hugo, "evaluation").focus()
    expect(cell(hugo, "Animation, 2019")).to_have_value(re.compile(r"10\sj"))
    expect(total(hugo)).to_have_text(amount("6 000"))


def test_presence_says_who_is_here_where_and_that_they_left(atelier: Atelier, arrive: Arrive) -> None:
    nadia = open_editor(arrive(AGENTE), atelier)
    visite = arrive(CONSEILLER)
    hugo = open_editor(visite, atelier)
    with hugo.expect_response(lambda r: r.url.endswith("/presence/") and "Constat" in (r.request.post_data or "")):
        field(hugo, "constat").focus()
    field(nadia, "cible").focus()
    presents = nadia.locator("[data-presents]")
    expect(presents).to_contain_text("Hugo Perrin")
    expect(presents).to_contain_text("écrit dans « Constat »")
    expect(hugo.locator("[data-presents]")).to_contain_text("Nadia Ferrand")
    visite.go(atelier.locate("fiche"))
    field(nadia, "constat").focus()
    expect(presents).to_be_empty()


# --- Comments ---------------------------------------------------------------------------------------------


def test_comment_answered_then_settled(atelier: Atelier, arrive: Arrive) -> None:
    nadia = arrive(AGENTE)
    page = open_editor(nadia, atelier)
    marge = page.locator("#constat .marge")
    marge.get_by_text("Commenter").click()
    marge.get_by_label("Citer quelqu’un").select_option(label="@Hugo Perrin")
    page.keyboard.type("est-ce à jour ?")
    marge.get_by_role("button", name="Envoyer").click()
    expect(marge.locator("article")).to_contain_text("@Hugo Perrin est-ce à jour ?")
    expect(marge.locator("article strong")).to_have_text("@Hugo Perrin")
    assert atelier.list(Commentaire.objects.filter(fiche=atelier.fiche), "rubrique", "mentions__email") == [("constat", CONSEILLER)]

    hugo = arrive(CONSEILLER)
    with hugo.page.expect_response("**/commentaires/lus/"):  # what came before the eyes is read
        marge = open_editor(hugo, atelier).locator("#constat .marge")
        marge.locator("article").scroll_into_view_if_needed()
    expect(marge.locator("article")).to_contain_text("Nouveau")
    marge.get_by_text("Répondre").click()
    marge.get_by_label("Votre réponse").fill("Oui, depuis mardi.")
    marge.get_by_role("button", name="Envoyer la réponse").click()
    expect(marge.locator(".reponse")).to_contain_text("Oui, depuis mardi.")
    hugo.page.reload()
    expect(marge.locator("article")).not_to_contain_text("Nouveau")

    page.reload()
    marge = page.locator("#constat .marge")
    expect(marge.locator("article")).to_contain_text("Nouveau")
    expect(marge.locator(".reponse")).to_contain_text("Hugo Perrin")
    marge.get_by_role("button", name="Marquer comme réglé").click()
    expect(marge.locator("summary", has_text="Réglé par Nadia Ferrand")).to_be_visible()
    expect(marge.locator(".reponse")).to_be_hidden()
    assert (nadia.plaintes, hugo.plaintes) == ([], [])


def test_comment_on_a_cell_from_the_keyboard(atelier: Atelier, arrive: Arrive) -> None:
    atelier.cost("etudes", a2018=6_000)
    page = open_editor(arrive(AGENTE), atelier)
    cell(page, "Études, 2018").focus()
    page.keyboard.press("Control+Alt+c")
    marge = page.locator("#couts .marge")
    expect(marge.locator("[data-repere]")).to_have_text("À propos de : Études, 2018")
    expect(marge.get_by_label("Votre commentaire")).to_be_focused()
    page.keyboard.type("Combien de jours ?")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(marge.locator("article mark")).to_have_text("Études, 2018")
    page.reload()
    expect(page.locator("td.commentee")).to_contain_text("Un commentaire est ouvert sur cette cellule")
    repere = atelier.list(Commentaire.objects.filter(fiche=atelier.fiche), "champ", "repere")
    assert len(repere) == 1
    assert re.fullmatch(r"cout\.2018\.\d+\.", repere[0][0])


def test_comment_quotes_what_was_selected(atelier: Atelier, arrive: Arrive) -> None:
    atelier.change(constat=BASE)
    page = open_editor(arrive(AGENTE), atelier)
    field(page, "constat").evaluate("el => { el.focus(); el.setSelectionRange(4, 10) }")
    page.locator("#constat").get_by_text("Commenter").click()
    expect(page.locator("#constat [data-repere]")).to_have_text("À propos de : « halles »")


def test_empty_comment_is_refused_in_its_place(atelier: Atelier, arrive: Arrive) -> None:
    page = open_editor(arrive(AGENTE), atelier)
    marge = page.locator("#cible .marge")
    marge.get_by_text("Commenter").click()
    marge.get_by_label("Votre commentaire").fill("   ")
    marge.get_by_role("button", name="Envoyer").click()
    expect(marge.get_by_role("alert")).to_contain_text("Écrivez votre commentaire")
    expect(marge.get_by_label("Votre commentaire")).to_be_visible()


def test_comment_is_written_on_the_page_that_is_read(atelier: Atelier, arrive: Arrive) -> None:
    visite = arrive(CONSEILLER)
    page = visite.go(atelier.locate("fiche"))
    marge = page.locator("#contenus .marge")
    marge.get_by_text("Commenter").click()
    marge.get_by_label("Votre commentaire").fill("Et les travaux ?")
    marge.get_by_role("button", name="Envoyer").click()
    expect(marge.locator("article")).to_contain_text("Et les travaux ?")
    assert visite.plaintes == []


# --- Rights and passages -------------------------------------------------------------------------------------


def test_reader_has_no_way_to_write(atelier: Atelier, arrive: Arrive) -> None:
    visite = arrive(LECTEUR)
    page = visite.go(atelier.locate("fiche"))
    for nom in ("Modifier", "Commenter", "Répondre"):
        expect(page.get_by_role("link", name=nom, exact=True)).to_have_count(0)
        expect(page.get_by_text(nom, exact=True)).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("Faire relire"))).to_have_count(0)
    visite.go(atelier.locate("fiche_modifier"))
    assert page.url.endswith(atelier.locate("fiche"))
    expect(page.locator("main [role=status]").first).to_contain_text("Votre compte lit les fiches sans les modifier")
    visite.go(atelier.locate("fiches"))
    expect(page.get_by_role("link", name=re.compile("Nouvelle fiche|Ordonner"))).to_have_count(0)


def test_validated_fiche_opens_again_with_a_reason(atelier: Atelier, arrive: Arrive) -> None:
    atelier.change(etat="validee", constat=BASE)
    visite = arrive(AGENTE)
    page = visite.go(atelier.locate("fiche"))
    expect(page.get_by_role("link", name="Modifier", exact=True)).to_have_count(0)
    visite.go(atelier.locate("fiche_modifier"))
    expect(page.locator("main [role=status]").first).to_contain_text("Cette fiche est validée")
    page.get_by_text("Renvoyer en correction").first.click()
    page.get_by_label("Ce qu’il faut corriger").fill("Le constat date de 2016.")
    page.get_by_role("button", name="Renvoyer en correction").click()
    expect(page.locator("main [role=status]").first).to_contain_text("Fiche rouverte")
    page.get_by_role("link", name="Modifier", exact=True).click()
    wait_ready(page)
    expect(page.locator("main")).to_contain_text("Nadia Ferrand demande des corrections")
    expect(page.locator("main")).to_contain_text("Le constat date de 2016.")
    field(page, "constat").fill("Six halles en 2018.")
    wait_saved(page)
    assert (atelier.read().etat, atelier.read().constat) == ("a_corriger", "Six halles en 2018.")


def test_who_hands_over_does_not_validate_the_partner_does(atelier: Atelier, arrive: Arrive) -> None:
    nadia = arrive(AGENTE)
    page = open_editor(nadia, atelier)
    field(page, "constat").fill("Typed just before")
    page.get_by_role("button", name=re.compile("Faire relire par")).click()
    expect(page.locator("main [role=status]").first).to_contain_text("Fiche remise pour relecture")
    assert (atelier.read().etat, atelier.read().constat) == ("en_relecture", "Typed just before")
    page.get_by_role("button", name="Valider la fiche").click()
    expect(page.locator("main [role=status]").first).to_contain_text("Votre organisation a remis cette fiche")
    fill_everything(atelier)
    hugo = arrive(CONSEILLER).go(atelier.locate("fiche"))
    hugo.get_by_role("button", name="Valider la fiche").click()
    expect(hugo.locator("main [role=status]").first).to_contain_text("Fiche validée")
    assert atelier.read().etat == "validee"


def fill_everything(atelier: Atelier) -> None:
    """Write what validation asks for."""
    textes = "objet constat objectifs contenus cible maitrise_ouvrage cout_texte cofinancement_texte calendrier partenariats_techniques evaluation"
    atelier.change(**dict.fromkeys(textes.split(), "Écrit."))
    atelier.cost("etudes", a2018=6_000)
    with VERROU:
        factories.CoFinancementFactory(fiche=atelier.fiche, financeur=Organisation.objects.get(cle="dijon-metropole"))


def test_editor_freezes_when_the_fiche_is_validated_meanwhile(atelier: Atelier, arrive: Arrive) -> None:
    visite = arrive(ADMINISTRATRICE)
    page = open_editor(visite, atelier)
    atelier.change(etat="validee")
    field(page, "constat").fill("Trop tard")
    expect(sentence(page)).to_contain_text("Cette fiche est validée")
    expect(sentence(page)).to_contain_text("Copiez votre texte")
    expect(field(page, "constat")).to_have_value("Trop tard")
    assert atelier.read().constat == ""
    assert [p for p in visite.plaintes if not p.startswith("403")] == []
