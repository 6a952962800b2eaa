"""Pages around the editor: history and returns, corbeille, list; and all of them accessible, within their width, in every state."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from comptes.models import Utilisateur
from conventions.models import Convention
from fiches.abonnements import sign_utilisateur
from fiches.models import Commentaire, FicheAction, Pilote
from financement.models import LigneCout, NatureDepense
from tests import factories
from tests.navigateur.conftest import AGENTE, CONSEILLER, LARGE, TELEPHONE, VERROU, Atelier, Visite, build_address
from tests.navigateur.controles import check_page
from tests.navigateur.gestes import amount, block, cell, field, open_editor, sentence, total, wait_saved

Arrive = Callable[..., Visite]
UN_JOUR = timedelta(days=1)


def message(page: Page) -> Locator:
    return page.locator("main [role=status]").first


# --- History and returns -------------------------------------------------------------------------------------


@pytest.fixture
def ecrite(atelier: Atelier, arrive: Arrive) -> Visite:
    """The history of a fiche where Nadia changed a text and a cost."""
    with VERROU:
        fiche = atelier.read()
        fiche.constat = "Douze halles."
        fiche.save()
        FicheAction.history.filter(id=fiche.pk, constat="Douze halles.").update(history_date=fiche.modifiee_le - UN_JOUR)
    atelier.cost("etudes", a2018=6_000)
    with VERROU:
        LigneCout.history.filter(fiche_id=fiche.pk).update(history_date=fiche.modifiee_le - UN_JOUR)
    visite = arrive(AGENTE)
    page = open_editor(visite, atelier)
    field(page, "constat").fill("Six halles.")
    wait_saved(page)
    cell(page, "Études, 2018").fill("20 j")
    page.keyboard.press("Enter")
    expect(total(page)).to_have_text(amount("12 000"))
    wait_saved(page)
    page.get_by_role("link", name="Historique").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Historique")
    return visite


def test_history_says_who_changed_what_and_gives_one_value_back(atelier: Atelier, ecrite: Visite) -> None:
    page = ecrite.page
    constat = page.locator("li", has_text="Constat").first
    expect(constat).to_contain_text("par Nadia Ferrand")
    expect(constat.locator("del")).to_contain_text("Douze halles.")
    expect(constat.locator("ins")).to_contain_text("Six halles.")
    constat.get_by_role("button", name="Rétablir l’ancienne valeur").click()
    expect(message(page)).to_contain_text("Valeur rétablie")
    assert atelier.read().constat == "Douze halles."
    assert atelier.list(LigneCout.objects.filter(fiche=atelier.fiche), "montant") == [12_000]
    assert ecrite.plaintes == []


def test_whole_fiche_goes_back_after_saying_what_changes_and_forth_again(atelier: Atelier, ecrite: Visite) -> None:
    page = ecrite.page
    page.locator("li", has_text="Constat").first.get_by_role("link", name="Toute la fiche avant cela").click()
    expect(page.locator("main")).to_contain_text("2 champs changeraient")
    expect(page.get_by_role("row", name="Constat")).to_contain_text("Six")
    page.get_by_role("button", name="Revenir à cette fiche").click()
    expect(message(page)).to_contain_text("2 champs rétablis")
    assert atelier.read().constat == "Douze halles."
    assert atelier.list(LigneCout.objects.filter(fiche=atelier.fiche), "montant", "jours") == [(6_000, None)]


def test_history_of_one_field(atelier: Atelier, ecrite: Visite) -> None:
    page = ecrite.page
    page.get_by_label("Champ").select_option(label="Études, 2018")
    page.get_by_role("button", name="Filtrer").click()
    expect(page.locator("li.entree-champ .fort")).to_have_text(["Études, 2018", "Études, 2018"])
    expect(page.locator("li.entree-champ").first).to_contain_text(re.compile(r"6\s000.*20\sj"))


# --- Corbeille and list ---------------------------------------------------------------------------------------


def test_fiche_goes_to_the_corbeille_and_comes_back(atelier: Atelier, arrive: Arrive) -> None:
    atelier.cost("etudes", a2018=6_000)
    visite = arrive(AGENTE)
    page = visite.go(atelier.locate("fiche"))
    page.get_by_text("Autres actions").click()
    page.get_by_role("link", name="Mettre à la corbeille").click()
    page.get_by_role("button", name="Mettre à la corbeille").click()
    expect(message(page)).to_contain_text("E.A 1 est dans la corbeille")
    expect(page.locator("#contenu")).not_to_contain_text("Accompagner les commerces")
    page.get_by_role("link", name="Corbeille (1)").click()
    page.get_by_role("button", name="Sortir de la corbeille").click()
    expect(message(page)).to_contain_text("E.A 1 est revenue")
    expect(page.get_by_role("heading", level=1)).to_have_text("Accompagner les commerces")
    expect(page.get_by_role("row", name="Études")).to_contain_text(re.compile(r"6\s000"))
    assert visite.plaintes == []


@pytest.fixture
def plusieurs(atelier: Atelier) -> list[FicheAction]:
    """Two fiches more; the last one has a cost."""
    with VERROU:
        autres = [
            factories.FicheFactory(
                convention=atelier.convention, axe=atelier.axe, code=f"E.A {n}", titre=f"Action {n}", ordre=atelier.fiche.ordre + n
            )
            for n in (2, 3)
        ]
        factories.LigneCoutFactory(fiche=autres[1], nature=NatureDepense.objects.get(cle="etudes"))
    return [atelier.fiche, *autres]


def test_filtered_fiches_are_ticked_at_once_and_handed_over(atelier: Atelier, plusieurs: list[FicheAction], arrive: Arrive) -> None:
    visite = arrive(AGENTE)
    page = visite.go(atelier.locate("fiches"))
    page.get_by_role("link", name="Ordonner et traiter par lot").click()
    page.get_by_label("Reste à faire").select_option(label="Sans coût")
    page.get_by_role("button", name="Filtrer").click()
    expect(page.locator("main [role=status]").first).to_contain_text("2 fiches sur 3")
    page.get_by_role("button", name="Cocher les 2 fiches montrées").click()
    expect(page.get_by_role("checkbox")).to_have_count(2)
    for case in page.get_by_role("checkbox").all():
        expect(case).to_be_checked()
    page.get_by_label("Pour les fiches cochées").select_option("etat:soumettre")
    page.get_by_role("button", name="Appliquer").click()
    expect(message(page)).to_contain_text("2 fiches traitées : E.A 1, E.A 2")
    etats = FicheAction.objects.filter(convention=atelier.convention).order_by("code")
    assert atelier.list(etats, "etat") == ["en_relecture", "en_relecture", "brouillon"]
    assert "gerer=1" in page.url
    assert visite.plaintes == []


def test_pilot_is_given_to_several_fiches(atelier: Atelier, plusieurs: list[FicheAction], arrive: Arrive) -> None:
    page = arrive(AGENTE).go(atelier.locate("fiches", "?gerer=1"))
    page.get_by_label("Cocher E.A 3").check()
    page.get_by_label("Cocher E.A 1").check()
    page.get_by_label("Pour les fiches cochées").select_option("ajouter")
    page.locator("#l-pilote").select_option(label="Hugo Perrin")
    page.get_by_role("button", name="Appliquer").click()
    expect(message(page)).to_contain_text("2 fiches traitées")
    pilotes = Pilote.objects.filter(fiche__convention=atelier.convention).order_by("fiche__code")
    assert atelier.list(pilotes, "fiche__code", "utilisateur__email") == [("E.A 1", CONSEILLER), ("E.A 3", CONSEILLER)]


def test_fiche_goes_down_in_its_axe_with_the_keyboard(atelier: Atelier, plusieurs: list[FicheAction], arrive: Arrive) -> None:
    page = arrive(AGENTE).go(atelier.locate("fiches", "?gerer=1"))
    page.get_by_role("button", name="Descendre E.A 1").focus()
    page.keyboard.press("Enter")
    expect(page.locator("li.rangee .code")).to_have_text(["E.A 2", "E.A 1", "E.A 3"])
    assert atelier.list(FicheAction.objects.filter(convention=atelier.convention), "code") == ["E.A 2", "E.A 1", "E.A 3"]


def test_acting_on_nothing_says_so(atelier: Atelier, arrive: Arrive) -> None:
    page = arrive(AGENTE).go(atelier.locate("fiches", "?gerer=1"))
    page.get_by_role("button", name="Appliquer").click()
    expect(message(page)).to_contain_text("Cochez d’abord une ou plusieurs fiches")


# --- Every page in every state: accessible, within its width, without complaint ------------------------------------


def fill(atelier: Atelier) -> None:
    """A fiche as people leave it: texts, costs, shares, an indicator, comments, somebody who asks for corrections."""
    long_ = "Le commerce de proximité du centre recule depuis dix ans. " * 6
    atelier.change(constat=long_, contenus="- un\n- deux", cible="120 commerçants")
    atelier.cost("etudes", a2018=6_000, a2019=12_000)
    atelier.cost("debours", "Achat de données à l’Institut national de la statistique", a2018=1_250_000)
    with VERROU:
        hugo = Utilisateur.objects.get(email=CONSEILLER)
        for partie in Convention.objects.get(pk=atelier.convention.pk).parties.all():
            factories.CoFinancementFactory(fiche=atelier.fiche, financeur=partie.organisation, taux=40)
        factories.IndicateurFactory(fiche=atelier.fiche, unite="entreprises")
        tete = Commentaire.objects.create(
            fiche=atelier.fiche, rubrique="constat", texte="À revoir, https://exemple.example/" + "a" * 60, auteur=hugo
        )
        Commentaire.objects.create(fiche=atelier.fiche, parent=tete, rubrique="constat", texte="Oui.", auteur=hugo)
        cle = next(iter(atelier.list(LigneCout.objects.filter(fiche=atelier.fiche), "nature_id")))
        Commentaire.objects.create(
            fiche=atelier.fiche, rubrique="couts", texte="Combien ?", auteur=hugo, champ=f"cout.2018.{cle}.", repere="Études, 2018"
        )


def as_is(page: Page, atelier: Atelier) -> None:
    pass


def with_errors(page: Page, atelier: Atelier) -> None:
    cell(page, "Études, 2018").fill("beaucoup")
    cell(page, "Études, 2019").fill("1.234")
    cell(page, "Études, 2020").focus()
    expect(sentence(page)).to_contain_text("Non enregistré")
    expect(page.locator("td", has=cell(page, "Études, 2019")).get_by_role("button")).to_have_count(2)


def with_conflict(page: Page, atelier: Atelier) -> None:
    page.route("**/presence/", lambda route: route.fulfill(json={}))
    atelier.change(constat="Le commerce de proximité du centre avance depuis dix ans.", cible="Personne")
    with VERROU:
        LigneCout.objects.filter(fiche=atelier.fiche, nature__cle="etudes", annee=2018).update(montant=1)
    field(page, "constat").fill("Le commerce de détail recule.")
    cell(page, "Études, 2018").fill("15 j")
    cell(page, "Études, 2019").focus()
    expect(page.get_by_role("group", name="Deux versions de ce champ")).to_have_count(2)


def with_comments(page: Page, atelier: Atelier) -> None:
    for resume in page.locator("details.commenter > summary, details.repondre > summary").all():
        resume.click()
    page.get_by_role("button", name="Aperçu").nth(1).click()


def with_door(page: Page, atelier: Atelier) -> None:
    page.context.clear_cookies(name="sessionid")
    field(page, "cible").fill("Écrit trop tard")
    expect(page.get_by_role("dialog")).to_be_visible()


def with_motif(page: Page, atelier: Atelier) -> None:
    page.get_by_text("Demander des corrections").first.click()
    expect(page.get_by_label("Ce qu’il faut corriger")).to_be_visible()


def with_menu(page: Page, atelier: Atelier) -> None:
    page.get_by_text("Autres actions").click()
    expect(page.get_by_role("link", name="Mettre à la corbeille")).to_be_visible()


def with_new_rows(page: Page, atelier: Atelier) -> None:
    page.get_by_label("Nature", exact=True).select_option(label="Animation")
    page.get_by_role("button", name="Ajouter la ligne").click()
    page.get_by_label("Financeur", exact=True).select_option("0")
    page.get_by_role("button", name="Ajouter la part").click()
    page.get_by_role("button", name="Ajouter un indicateur").click()
    page.get_by_role("button", name="Retirer la ligne Études").click()
    wait_saved(page)


def empty_title(page: Page, atelier: Atelier) -> None:
    page.locator("form[method=post]:not(.sortie)").first.evaluate("f => { f.noValidate = true }")
    page.get_by_role("button", name="Créer la fiche").click()
    expect(page.locator(".invalid-feedback").first).to_be_visible()


ETATS: dict[str, tuple[str, str, Callable[[Page, Atelier], None]]] = {
    "editeur": ("fiche_modifier", "", as_is),
    "editeur-erreurs": ("fiche_modifier", "", with_errors),
    "editeur-conflits": ("fiche_modifier", "", with_conflict),
    "editeur-commentaires": ("fiche_modifier", "", with_comments),
    "editeur-connexion": ("fiche_modifier", "", with_door),
    "editeur-motif": ("fiche_modifier", "", with_motif),
    "editeur-lignes": ("fiche_modifier", "", with_new_rows),
    "fiche": ("fiche", "", with_menu),
    "historique": ("fiche_historique", "", as_is),
    "restaurer": ("fiche_restaurer", "?au=2100-01-01T00:00:00%2B00:00", as_is),
    "deplacer": ("fiche_deplacer", "", as_is),
    "supprimer": ("fiche_supprimer", "", as_is),
    "corbeille-vide": ("corbeille", "", as_is),
    "corbeille": ("corbeille", "", as_is),
    "nouvelle": ("fiche_nouvelle", "", as_is),
    "nouvelle-refusee": ("fiche_nouvelle", "", empty_title),
    "liste-gerer": ("fiches", "?gerer=1", as_is),
    "preferences": ("preferences", "", as_is),
    "desabonner": ("resume_desabonner", "", as_is),
}


def open_state(atelier: Atelier, arrive: Arrive, nom: str, largeur: int) -> Visite:
    """The page of this name in its state, looked at by Nadia."""
    page, suite, preparer = ETATS[nom]
    fill(atelier)
    if nom == "editeur-motif":
        atelier.change(etat="en_relecture")
    if nom in {"historique", "restaurer"}:
        write_history(atelier)
        suite = "" if nom == "historique" else f"?au={before(atelier)}"
    if nom == "corbeille":
        with VERROU:
            atelier.read().discard()
    visite = arrive(AGENTE, largeur=largeur)
    if page == "fiche_modifier":
        open_editor(visite, atelier)
    elif page == "resume_desabonner":
        with VERROU:
            adresse = build_address(page, sign_utilisateur(Utilisateur.objects.get(email=AGENTE)))
        visite.go(adresse)
    else:
        visite.go(build_address(page) if page == "preferences" else atelier.locate(page, suite))
    preparer(visite.page, atelier)
    return visite


def write_history(atelier: Atelier) -> None:
    """Several versions, short and long."""
    with VERROU:
        fiche = atelier.read()
        for constat, cible in [("Un", "Dix"), ("Un mot " * 80, "Vingt"), ("Deux mots " * 80, "")]:
            fiche.constat, fiche.cible = constat, cible
            fiche._history_user = Utilisateur.objects.get(email=CONSEILLER)
            fiche.save()


def before(atelier: Atelier) -> str:
    with VERROU:
        return FicheAction.history.filter(id=atelier.fiche.pk).earliest("history_date").history_date.isoformat().replace("+", "%2B")


EN_SOMBRE = {"editeur-conflits", "editeur-commentaires", "historique"}  # states with colours of their own


@pytest.mark.parametrize("nom", ETATS)
def test_state_meets_wcag_and_fits_a_phone_without_complaint(atelier: Atelier, arrive: Arrive, nom: str, record_property: Any) -> None:
    visite = open_state(atelier, arrive, nom, LARGE)
    check_page(visite, record_property, sombre=nom in EN_SOMBRE)
    voulues = "422" if nom == "nouvelle-refusee" else "302"
    assert [p for p in visite.plaintes if not p.startswith(voulues)] == []


@pytest.mark.parametrize(("nom", "boite"), [("editeur-motif", "details.motif[open] > form"), ("fiche", "details.menu-fiche[open] > ul")])
def test_what_opens_over_the_page_is_whole_on_a_phone(atelier: Atelier, arrive: Arrive, nom: str, boite: str) -> None:
    page = open_state(atelier, arrive, nom, TELEPHONE).page
    expect(page.locator(boite)).to_be_in_viewport(ratio=1)


def test_focused_control_is_never_under_the_bars(atelier: Atelier, arrive: Arrive) -> None:
    fill(atelier)
    page = open_editor(arrive(AGENTE), atelier)
    caches = page.evaluate(
        """() => [...document.querySelectorAll('[form="formulaire"]:not([type=hidden]), #contenu button, #contenu a, #contenu summary')]
        .filter(e => e.checkVisibility() && !e.closest("details:not([open]) > :not(summary), dialog"))
        .filter(e => { e.focus(); const r = e.getBoundingClientRect();
          const y = r.top + Math.min(r.height / 2, 20), x = document.elementFromPoint(r.left + Math.min(r.width / 2, 40), y);
          return document.activeElement === e && x && !e.contains(x) && !x.contains(e) })
        .map(e => e.name || e.textContent.trim())"""
    )
    assert caches == []
    assert block(page, "constat").is_visible()
