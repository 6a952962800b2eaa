"""One person writes a fiche: from nothing with the keyboard, in the grid as in a spreadsheet, with light texts."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from comptes.models import Organisation
from fiches.models import CibleIndicateur, FicheAction
from financement.models import CoFinancement, LigneCout
from tests.navigateur.conftest import AGENTE, VERROU, Atelier, Visite
from tests.navigateur.gestes import amount, block, cell, field, open_editor, paste, reach, sentence, spaced, total, wait_ready, wait_saved

Arrive = Callable[..., Visite]
FINE = "\u202f"


# --- From nothing, with the keyboard only -----------------------------------------------------------------


def create_with_keyboard(page: Page) -> None:
    """From the list to the editor of a new fiche."""
    reach(page, "Nouvelle fiche")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nouvelle fiche action")
    reach(page, "Titre")
    page.keyboard.type("Relancer les marchés couverts")
    reach(page, "Axe")
    page.keyboard.type("E.A")
    reach(page, "Créer la fiche")
    page.keyboard.press("Enter")
    wait_ready(page)


def write_texts(page: Page) -> None:
    for nom, texte in [
        ("Objet", "Des halles ouvertes toute la semaine"),
        ("Constat", "Deux halles sur cinq sont fermées."),
        ("Objectifs", "Les rouvrir."),
        ("Contenus", "Études puis travaux."),
        ("Cible", "120 commerçants."),
    ]:
        reach(page, nom)
        page.keyboard.type(texte)


def write_costs(page: Page) -> None:
    reach(page, "Nature")
    page.keyboard.press("ArrowDown")
    reach(page, "Ajouter la ligne")
    page.keyboard.press("Enter")
    expect(cell(page, "Études, 2018")).to_be_focused()
    page.keyboard.type("27 j")
    expect(total(page)).to_have_text(amount("16 200"))  # counted before anything left for the database
    page.keyboard.press("Tab")
    page.keyboard.type("3 800 €")
    expect(total(page)).to_have_text(amount("20 000"))
    page.keyboard.press("Tab")


def add_part(page: Page, financeur: str, taux: str) -> None:
    reach(page, "Financeur")
    page.keyboard.type(financeur)
    reach(page, "Ajouter la part")
    page.keyboard.press("Enter")
    page.keyboard.type(taux)
    page.keyboard.press("Tab")


def write_indicateur(page: Page) -> None:
    reach(page, "Ajouter un indicateur")
    page.keyboard.press("Enter")
    for texte in ["Halles rouvertes", "halles", "1", "2", "4"]:
        page.keyboard.type(texte)
        page.keyboard.press("Tab")


def test_fiche_is_written_from_nothing_with_the_keyboard_only(atelier: Atelier, arrive: Arrive) -> None:
    visite = arrive(AGENTE)
    page = visite.go(atelier.locate("fiches"))
    create_with_keyboard(page)
    write_texts(page)
    write_costs(page)
    add_part(page, "Dijon", "80")
    expect(page.locator("[data-solde]")).to_contain_text("Il manque 20")
    add_part(page, "Chambre", "20")
    expect(page.locator("[data-solde]")).to_have_text("Les parts font 100 %.")
    write_indicateur(page)
    wait_saved(page)
    reach(page, "Faire relire par la CCI Côte-d’Or")
    page.keyboard.press("Enter")
    expect(page.locator("main [role=status]").first).to_contain_text("Fiche remise pour relecture")
    expect(page.locator("main")).to_contain_text("Deux halles sur cinq sont fermées.")
    expect(page.get_by_role("row", name="Études")).to_contain_text(re.compile(spaced("16 200")))
    expect(page.get_by_role("row", name="Halles rouvertes")).to_contain_text("4")
    check_written(atelier)
    assert visite.plaintes == []


def check_written(atelier: Atelier) -> None:
    with VERROU:
        fiche = FicheAction.objects.get(convention=atelier.convention, titre="Relancer les marchés couverts")
        assert (fiche.etat, fiche.objet, fiche.cible) == ("en_relecture", "Des halles ouvertes toute la semaine", "120 commerçants.")
        couts = LigneCout.objects.filter(fiche=fiche).order_by("annee").values_list("annee", "jours", "montant")
        assert list(couts) == [(2018, 27, 16_200), (2019, None, 3_800)]
        parts = CoFinancement.objects.filter(fiche=fiche).order_by("-taux").values_list("financeur__cle", "taux", "montant")
        assert list(parts) == [("dijon-metropole", 80, None), ("cci-cote-d-or", 20, None)]
        assert list(fiche.indicateurs.values_list("libelle", "unite")) == [("Halles rouvertes", "halles")]
        cibles = CibleIndicateur.objects.filter(indicateur__fiche=fiche)
        assert list(cibles.order_by("annee").values_list("annee", "valeur")) == [(2018, 1), (2019, 2), (2020, 4)]


# --- The grid as a spreadsheet ------------------------------------------------------------------------------


@pytest.fixture
def grille(atelier: Atelier, arrive: Arrive) -> Page:
    """A fiche with two rows, opened."""
    atelier.cost("etudes", a2018=6_000)
    atelier.cost("debours", a2018=400)
    return open_editor(arrive(AGENTE), atelier)


PLAGE = f"27 j\t30 jours\t12{FINE}000,00{FINE}€\t999\r\n1{FINE}250,50\t1.234\t2{FINE}000\r\n"


def read_couts(atelier: Atelier) -> list[tuple[str, int, float]]:
    lignes = LigneCout.objects.filter(fiche=atelier.fiche).order_by("nature__ordre", "annee")
    return [(cle, annee, float(m)) for cle, annee, m in atelier.list(lignes, "nature__cle", "annee", "montant")]


def test_pasted_range_is_counted_and_what_overflows_or_reads_two_ways_is_told(atelier: Atelier, grille: Page) -> None:
    paste(cell(grille, "Études, 2018"), PLAGE)
    expect(grille.locator("[data-avis-grille]")).to_contain_text("6 cellules collées. 1 valeur dépasse la grille")
    expect(total(grille)).to_have_text(amount("49 450,50"))
    question = grille.locator("td", has=cell(grille, "Débours, 2019"))
    expect(question).to_contain_text("se lit de deux façons")
    expect(sentence(grille)).to_contain_text("« Débours, 2019 » (à préciser)")
    expect(question.get_by_role("button")).to_have_count(2)
    assert [" ".join(t.split()) for t in question.get_by_role("button").all_inner_texts()] == ["1 234", "1,23"]
    question.get_by_role("button").first.click()
    expect(total(grille)).to_have_text(amount("50 684,50"))
    wait_saved(grille)
    expect(question.get_by_role("button")).to_have_count(0)
    assert read_couts(atelier) == [
        ("etudes", 2018, 16_200),
        ("etudes", 2019, 18_000),
        ("etudes", 2020, 12_000),
        ("debours", 2018, 1_250.5),
        ("debours", 2019, 1_234),
        ("debours", 2020, 2_000),
    ]


def test_one_undo_takes_back_the_whole_range_and_one_redo_puts_it_again(atelier: Atelier, grille: Page) -> None:
    paste(cell(grille, "Études, 2018"), PLAGE.replace("1.234", "1234"))
    expect(total(grille)).to_have_text(amount("50 684,50"))
    wait_saved(grille)
    grille.keyboard.press("Control+z")
    expect(total(grille)).to_have_text(amount("6 400"))
    expect(cell(grille, "Débours, 2020")).to_have_value("")
    wait_saved(grille)
    assert read_couts(atelier) == [("etudes", 2018, 6_000), ("debours", 2018, 400)]
    grille.keyboard.press("Control+y")
    expect(total(grille)).to_have_text(amount("50 684,50"))
    wait_saved(grille)
    assert len(read_couts(atelier)) == 6


def test_keys_move_as_in_a_spreadsheet(grille: Page) -> None:
    haut, bas, droite = (cell(grille, nom) for nom in ("Études, 2018", "Débours, 2018", "Débours, 2019"))
    haut.focus()
    for touche, attendue in [
        ("Enter", bas),
        ("Shift+Enter", haut),
        ("ArrowDown", bas),
        ("ArrowRight", droite),
        ("ArrowLeft", bas),
        ("ArrowUp", haut),
        ("Tab", cell(grille, "Études, 2019")),
        ("Shift+Tab", haut),
    ]:
        grille.keyboard.press(touche)
        expect(attendue).to_be_focused()


def test_escape_gives_the_value_back_and_its_figures(grille: Page) -> None:
    haut = cell(grille, "Études, 2018")
    avant = haut.input_value()
    haut.focus()
    grille.keyboard.type("9000")
    expect(total(grille)).to_have_text(amount("9 400"))
    grille.keyboard.press("Escape")
    expect(haut).to_have_value(avant)
    expect(total(grille)).to_have_text(amount("6 400"))
    wait_saved(grille)


def test_wheel_over_a_focused_cell_changes_nothing(atelier: Atelier, grille: Page) -> None:
    haut = cell(grille, "Études, 2018")
    haut.click()
    avant = haut.input_value()
    for pas in (120, -240):
        grille.mouse.wheel(0, pas)
    expect(haut).to_have_value(avant)
    wait_saved(grille)
    assert read_couts(atelier) == [("etudes", 2018, 6_000), ("debours", 2018, 400)]


def test_removed_row_comes_back(atelier: Atelier, grille: Page) -> None:
    grille.get_by_role("button", name="Retirer la ligne Débours").click()
    expect(cell(grille, "Débours, 2018")).to_be_hidden()
    expect(total(grille)).to_have_text(amount("6 000"))
    wait_saved(grille)
    assert read_couts(atelier) == [("etudes", 2018, 6_000)]
    grille.get_by_role("button", name="Annuler").click()
    expect(total(grille)).to_have_text(amount("6 400"))
    wait_saved(grille)
    assert read_couts(atelier) == [("etudes", 2018, 6_000), ("debours", 2018, 400)]


def test_renamed_row_keeps_its_costs(atelier: Atelier, grille: Page) -> None:
    cell(grille, "Libellé de Débours").fill("Affranchissement")
    cell(grille, "Études, 2019").focus()
    wait_saved(grille)
    expect(cell(grille, "Débours : Affranchissement, 2018")).to_have_value("400")
    cell(grille, "Débours : Affranchissement, 2018").fill("450")
    grille.keyboard.press("Enter")
    expect(total(grille)).to_have_text(amount("6 450"))
    wait_saved(grille)
    lignes = LigneCout.objects.filter(fiche=atelier.fiche, nature__cle="debours")
    assert atelier.list(lignes, "libelle", "montant") == [("Affranchissement", 450)]


def test_year_beyond_the_convention_is_added(atelier: Atelier, grille: Page) -> None:
    grille.get_by_label("Autre année").fill("2022")
    grille.get_by_role("button", name="Ajouter l’année").click()
    expect(cell(grille, "Études, 2022")).to_be_attached()
    wait_ready(grille)
    cell(grille, "Études, 2022").fill("10 j")
    grille.keyboard.press("Enter")
    expect(total(grille)).to_have_text(amount("12 400"))
    wait_saved(grille)
    assert ("etudes", 2022, 6_000) in read_couts(atelier)


@pytest.mark.parametrize("touche", ["Tab", "Enter"])
def test_share_follows_the_other_side_and_the_costs(atelier: Atelier, grille: Page, touche: str) -> None:
    with VERROU:
        dijon = Organisation.objects.get(cle="dijon-metropole").pk
    grille.get_by_label("Financeur", exact=True).select_option(str(dijon))
    grille.get_by_role("button", name="Ajouter la part").click()
    field(grille, f"part.{dijon}.0.0.montant").fill("1600")
    expect(total(grille, f"part.{dijon}.0.0.taux")).to_have_text("25 %")
    field(grille, f"part.{dijon}.0.0.taux").fill("50")
    grille.keyboard.press(touche)
    expect(field(grille, f"part.{dijon}.0.0.montant")).to_have_value("")
    expect(total(grille, f"part.{dijon}.0.0.montant")).to_have_text(amount("3 200"))
    wait_saved(grille)
    parts = CoFinancement.objects.filter(fiche=atelier.fiche)
    assert atelier.list(parts, "taux", "montant") == [(50, None)]


# --- Light texts --------------------------------------------------------------------------------------------


def test_bold_list_and_preview(atelier: Atelier, arrive: Arrive) -> None:
    visite = arrive(AGENTE)
    page = open_editor(visite, atelier)
    constat = field(page, "constat")
    constat.focus()
    page.keyboard.type("urgent")
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+b")
    expect(constat).to_have_value("**urgent**")
    page.keyboard.press("Control+End")
    for texte in ["\n\n- un", "\ndeux", "\n", "\nfin"]:
        for morceau in texte.split("\n")[:-1]:
            page.keyboard.type(morceau)
            page.keyboard.press("Enter")
        page.keyboard.type(texte.split("\n")[-1])
    expect(constat).to_have_value("**urgent**\n\n- un\n- deux\n\nfin")
    block(page, "constat").get_by_role("button", name="Aperçu").click()
    expect(block(page, "constat").locator("[data-apercu] strong")).to_have_text("urgent")
    expect(block(page, "constat").locator("[data-apercu] li")).to_have_text(["un", "deux"])
    wait_saved(page)
    assert atelier.read().constat == "**urgent**\n\n- un\n- deux\n\nfin"
    assert visite.plaintes == []


WORD = """<html><head><style>p.MsoNormal {margin:0}</style></head><body><!--StartFragment-->
<h2 style='mso-list:none'>Le <span lang=FR>contexte</span></h2><p class=MsoNormal>Une <b>place<o:p></o:p></b> forte.</p>
<p class=MsoListParagraph style='mso-list:l0 level1'><span style='font-family:Symbol'>·<span>&nbsp;&nbsp;&nbsp; </span></span>un</p>
<p class=MsoListParagraph><span>·<span>&nbsp;&nbsp;&nbsp; </span></span>deux</p><ol><li>premier</li><li>second</li></ol><!--EndFragment--></body></html>"""


def test_paste_from_word_becomes_light_marks(atelier: Atelier, arrive: Arrive) -> None:
    page = open_editor(arrive(AGENTE), atelier)
    paste(field(page, "contenus"), "peu importe", WORD)
    expect(field(page, "contenus")).to_have_value("### Le contexte\n\nUne **place** forte.\n\n- un\n- deux\n\n1. premier\n2. second")
    wait_saved(page)
    assert atelier.read().contenus.startswith("### Le contexte")
