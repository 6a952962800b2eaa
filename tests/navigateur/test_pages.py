"""Every page: accessible, within its width, without complaint of the browser, light or dark."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from financement.models import FicheBilan
from tests.navigateur.conftest import ADMINISTRATRICE, AGENTE, CHAUMONT, CONSEILLER, LARGE, VERROU, Visite, build_address
from tests.navigateur.controles import check_axe, check_page

DIJON, VIDE = "DIJON-CCI21-2018", "SANS-FICHE-2026"
Arrive = Callable[..., Visite]


@dataclass(frozen=True)
class Adresse:
    """A page of the product and who looks at it."""

    nom: str
    args: tuple[str, ...] = ()
    suite: str = ""
    email: str = ADMINISTRATRICE
    statut: int = 200
    fiche: str = ""  # code of an action of the bilan that `args` names

    def read_args(self) -> tuple[str, ...]:
        if not self.fiche:
            return self.args
        reference, annee = self.args
        with VERROU:
            pk = FicheBilan.objects.get(bilan__convention__reference=reference, bilan__annee=annee, code=self.fiche).pk
        return (*self.args, str(pk))


PAGES = {
    "accueil": Adresse("accueil"),
    "accueil-tout": Adresse("accueil", suite="?tout=1", email=AGENTE),
    "conventions": Adresse("conventions"),
    "conventions-aucune": Adresse("conventions", suite="?q=introuvable"),
    "recherche": Adresse("recherche", suite="?q=commerce"),
    "recherche-vaine": Adresse("recherche", suite="?q=introuvable"),
    "apercu": Adresse("convention", (DIJON,)),
    "apercu-chaumont": Adresse("convention", ("CHAUMONT-CCI52-2020",), email=CHAUMONT),
    "apercu-sans-fiche": Adresse("convention", (VIDE,)),
    "articles": Adresse("articles", (DIJON,)),
    "articles-aucun": Adresse("articles", (VIDE,)),
    "fiches": Adresse("fiches", (DIJON,)),
    "fiches-aucune": Adresse("fiches", (VIDE,)),
    "fiche": Adresse("fiche", (DIJON, "e-c-1-3")),
    "fiche-prets": Adresse("fiche", ("CHAUMONT-CCI52-2020", "e-3"), email=CHAUMONT),
    "budget": Adresse("budget", (DIJON,)),
    "budget-declare": Adresse("budget", (DIJON,), suite="?source=declare"),
    "budget-vide": Adresse("budget", (VIDE,)),
    "controles": Adresse("controles", (DIJON,), "?voir=bloquant", AGENTE),
    "controles-jamais": Adresse("controles", (VIDE,)),
    "controles-acceptes": Adresse("controles", (DIJON,), "?voir=traites"),
    "rapprochement": Adresse("rapprochement", (DIJON,), email=AGENTE),
    "rapprochement-sans-objet": Adresse("rapprochement", (VIDE,)),
    "famille": Adresse("famille", ("CHAUMONT-CCI52-2020",), email=CHAUMONT),
    "vie": Adresse("vie", (DIJON,)),
    "vie-signee": Adresse("vie", ("CHAUMONT-CCI52-2020",), email=CHAUMONT),
    "versements": Adresse("versements", (DIJON,)),
    "versements-aucun": Adresse("versements", (VIDE,)),
    "journal-vide": Adresse("journal", (VIDE,)),
    "bilans": Adresse("bilans", (DIJON,), email=CONSEILLER),
    "bilans-aucun": Adresse("bilans", (VIDE,)),
    "bilan": Adresse("bilan", (DIJON, "2019"), email=CONSEILLER),
    "bilan-accepte": Adresse("bilan", (DIJON, "2018")),
    "bilan-grille": Adresse("bilan_grille", (DIJON, "2020"), email=CONSEILLER),
    "bilan-fiche": Adresse("bilan_fiche", (DIJON, "2020"), email=CONSEILLER, fiche="E.A 1.2.3"),
    "bilan-fiche-acceptee": Adresse("bilan_fiche", (DIJON, "2018"), fiche="E.A 1.2.1"),
    "bilan-importer": Adresse("bilan_importer", (DIJON, "2020"), email=CONSEILLER),
    "bilan-pluriannuel": Adresse("bilan_pluriannuel", (DIJON,)),
    "carnet": Adresse("carnet", (DIJON,), "?annee=2018", CONSEILLER),
    "portefeuille": Adresse("portefeuille"),
    "travaux-aucun": Adresse("travaux"),
    "compte-bancaire": Adresse("compte_bancaire", ("cci-cote-d-or",)),
    "aide": Adresse("aide"),
    "aide-bilan": Adresse("aide_parcours", ("bilan",), email=""),
    "aide-signature": Adresse("aide_parcours", ("signature",), email=""),
    "accessibilite": Adresse("accessibilite", email=""),
    "mentions-legales": Adresse("mentions_legales", email=""),
    "confidentialite": Adresse("confidentialite", email=""),
    "registre": Adresse("registre", email=AGENTE),
    "preferences": Adresse("preferences"),
    "agenda": Adresse("agenda"),
    "mot-de-passe": Adresse("account_change_password"),
    "connexion": Adresse("account_login", email=""),
    "mot-de-passe-oublie": Adresse("account_reset_password", email=""),
    "mot-de-passe-envoye": Adresse("account_reset_password_done", email=""),
    "introuvable": Adresse("convention", ("INCONNUE",), statut=404),
    "interdit": Adresse("admin:index", email=AGENTE, statut=403),
}
toutes = pytest.mark.parametrize("nom", PAGES)


def open_page(arrive: Arrive, nom: str, largeur: int = LARGE) -> Visite:
    adresse = PAGES[nom]
    visite = arrive(adresse.email, largeur=largeur)
    visite.go(build_address(adresse.nom, *adresse.read_args(), suite=adresse.suite), adresse.statut)
    return visite


EN_SOMBRE = {"apercu", "budget", "fiche", "accueil", "bilan"}  # tables, badges, bars and charts: between them every colour


@toutes
def test_page_meets_wcag_and_fits_a_phone_without_complaint(arrive: Arrive, nom: str, record_property: Any) -> None:
    visite = open_page(arrive, nom)
    check_page(visite, record_property, sombre=nom in EN_SOMBRE)
    assert visite.plaintes == []


def test_refused_sign_in_meets_wcag(arrive: Arrive, record_property: Any) -> None:
    visite = arrive()
    page = visite.go(build_address("account_login"))
    page.get_by_label("Adresse électronique").fill("personne@exemple.example")
    page.get_by_label("Mot de passe").fill("faux")
    page.get_by_role("button", name="Se connecter").click()
    assert page.get_by_role("alert").inner_text().strip()
    check_axe(page, record_property)


def test_agenda_with_its_address_meets_wcag(arrive: Arrive, record_property: Any) -> None:
    visite = arrive(AGENTE)
    page = visite.go(build_address("agenda"))
    page.get_by_role("button", name="Créer une adresse").click()
    assert "/calendrier/" in page.get_by_label("Adresse à donner à votre agenda").input_value()
    check_page(visite, record_property)
    page.get_by_role("button", name="Supprimer l’adresse").click()
    assert page.get_by_role("button", name="Créer une adresse").is_visible()
    assert visite.plaintes == []


def test_complaints_are_heard(arrive: Arrive) -> None:
    visite = arrive()
    page = visite.go(build_address("accessibilite"))
    page.evaluate("() => document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p>')")
    page.evaluate("() => console.error('essai')")
    assert any("Content Security Policy" in plainte for plainte in visite.plaintes)
    assert "error : essai" in visite.plaintes


def test_styles_and_fonts_are_loaded(arrive: Arrive) -> None:
    page = open_page(arrive, "apercu").page
    assert page.evaluate("() => getComputedStyle(document.querySelector('.bandeau')).backgroundColor") == "rgb(10, 58, 49)"
    assert page.evaluate("() => document.fonts.ready.then(() => [...document.fonts].filter(f => f.status === 'loaded').length)") >= 2
