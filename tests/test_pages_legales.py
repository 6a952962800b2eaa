"""What a public body must tell its visitors: filled by the settings, true of the software, the same on the page and in the spreadsheet."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as reglages
from django.core.checks import INFO, run_checks
from django.db import models
from django.test import Client
from django.urls import reverse
from lxml import html

from comptes.models import Utilisateur
from fiches.presence import PASSE
from socle.lecture_classeur import read_classeur
from socle.mentions import ABSENT, DECLARATION, OEUVRES, list_temoins
from socle.registre import FORMATS, RUBRIQUES, build_registre
from socle.typographie import format_date_longue
from tests import factories

pytestmark = pytest.mark.filterwarnings("ignore:No directory at")
PUBLIQUES = ("mentions_legales", "confidentialite", "accessibilite")
DONNE = {cle: f"valeur de {cle}" for cle in reglages.EXPLOITANT}


@pytest.fixture(autouse=True)
def _nobody_told(settings: Any) -> None:
    """Whatever the machine's own variables say."""
    settings.EXPLOITANT = dict.fromkeys(reglages.EXPLOITANT, "")


def read(client: Client, nom: str) -> html.HtmlElement:
    reponse = client.get(reverse(nom))
    assert reponse.status_code == 200
    return html.fromstring(reponse.content.decode()).xpath("//main")[0]


def flatten(texte: str) -> str:
    return re.sub(r"\s+", " ", texte).strip()


def words(client: Client, nom: str) -> str:
    return flatten(read(client, nom).text_content())


@pytest.mark.django_db
@pytest.mark.parametrize("nom", PUBLIQUES)
def test_page_says_what_the_operator_did_not_give(nom: str, client: Client, settings: Any) -> None:
    absents = words(client, nom).count(ABSENT)
    assert absents > 0
    settings.EXPLOITANT = DONNE
    assert ABSENT not in words(client, nom)


@pytest.mark.django_db
def test_every_value_of_the_operator_is_shown_somewhere(client: Client, settings: Any) -> None:
    settings.EXPLOITANT = DONNE
    pages = " ".join(words(client, nom) for nom in PUBLIQUES)
    assert [valeur for valeur in DONNE.values() if valeur not in pages] == []


@pytest.mark.django_db
def test_addresses_given_are_links_and_tags_are_words(client: Client, settings: Any) -> None:
    settings.EXPLOITANT = DONNE | {"dpo": "dpo@agglo.example", "contact": "https://agglo.example/contact", "editeur": "<script>x</script>"}
    liens = read(client, "confidentialite").xpath("//a/@href") + read(client, "accessibilite").xpath("//a/@href")
    assert {"mailto:dpo@agglo.example", "https://agglo.example/contact"} <= set(liens)
    assert "<script>x" not in client.get(reverse("mentions_legales")).content.decode()


def test_deployment_check_names_the_variables_left_empty(settings: Any) -> None:
    (message,) = run_checks(tags=["exploitant"], include_deployment_checks=True)
    assert (message.id, message.level) == ("socle.I001", INFO)
    assert all(f"TRAITDUNION_{cle.upper()}" in message.msg for cle in DONNE)
    settings.EXPLOITANT = DONNE | {"dpo": ""}
    (message,) = run_checks(tags=["exploitant"], include_deployment_checks=True)
    assert re.findall(r"TRAITDUNION_\w+", message.msg) == ["TRAITDUNION_DPO"]
    settings.EXPLOITANT = DONNE
    assert run_checks(tags=["exploitant"], include_deployment_checks=True) == []


def test_every_variable_is_documented(root: Path) -> None:
    deploiement = (root / "docs" / "deploiement.md").read_text()
    assert [cle for cle in DONNE if f"`TRAITDUNION_{cle.upper()}`" not in deploiement] == []


# --- Legal notice ----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_cookies_of_a_visit_are_those_that_the_page_lists(client: Client) -> None:
    utilisateur = factories.UtilisateurFactory(email="agent@agglo.example")
    utilisateur.set_password("un mot de passe d’essai")
    utilisateur.save()
    client.get(reverse("account_login"))
    client.post(reverse("account_login"), {"login": "agent@agglo.example", "password": "un mot de passe d’essai"})
    client.post(reverse("preferences"), {"resume": "oui"})  # leaves a sentence for the next page
    annonces = {temoin.nom for temoin in list_temoins()}
    assert set(client.cookies) == annonces
    assert [nom for nom in annonces if nom not in words(client, "mentions_legales")] == []


def test_every_licence_that_we_carry_is_listed(root: Path) -> None:
    fichiers = {str(p.relative_to(root / "static")) for p in root.glob("static/**/*LICENSE*")}
    assert fichiers == {oeuvre.texte for oeuvre in OEUVRES}


def test_versions_told_are_those_that_we_carry(root: Path) -> None:
    bootstrap = (root / "static/vendor/bootstrap.min.css").read_text()[:200]
    htmx = (root / "static/vendor/htmx.min.js").read_text()
    dits = {nom: version for nom, _, version in (oeuvre.nom.partition(" ") for oeuvre in OEUVRES)}
    assert f"v{dits['Bootstrap']} " in bootstrap
    assert f'version:"{dits["htmx"]}"' in htmx


# --- Record of processing --------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("forme", FORMATS)
def test_page_and_spreadsheet_hold_the_rows_of_the_record(forme: str, client_agent: Client) -> None:
    attendu = [[ligne.rubrique, ligne.element, ligne.contenu] for ligne in build_registre()]
    lues = []
    for corps in read(client_agent, "registre").xpath(".//table/tbody"):
        titre, *lignes = corps.xpath("./tr")
        lues += [[flatten(c.text_content()) for c in (titre, *ligne.xpath("./th|./td"))] for ligne in lignes]
    assert lues == [[flatten(mots) for mots in ligne] for ligne in attendu]
    contenu = client_agent.get(reverse("registre_tableur", args=[forme])).content
    feuille = read_classeur(contenu, "registre").find("Fiche de registre")
    assert feuille is not None
    assert feuille.lignes[3:] == attendu


@pytest.mark.django_db
def test_record_of_another_shape_is_not_found(client_agent: Client) -> None:
    assert client_agent.get(reverse("registre_tableur", args=["pdf"])).status_code == 404


def test_record_has_every_heading_and_no_empty_field() -> None:
    lignes = build_registre()
    assert list(dict.fromkeys(ligne.cle for ligne in lignes)) == list(RUBRIQUES)
    assert all(ligne.element and ligne.contenu for ligne in lignes)
    assert len({(ligne.cle, ligne.element) for ligne in lignes}) == len(lignes)


def test_every_table_that_names_a_person_is_told_in_the_record() -> None:
    """A table that fails here is new: tell what it holds in socle/registre.py, under « Catégories de données »."""
    donnees = " ".join(f"{ligne.element} {ligne.contenu}" for ligne in build_registre() if ligne.cle == "donnees").lower()
    noms = {
        str(modele._meta.verbose_name_plural)
        for nom in ("comptes", "conventions", "fiches", "financement", "documents")
        for modele in apps.get_app_config(nom).get_models()
        if not modele.__name__.startswith("Historical")
        and any(
            isinstance(c, models.ForeignKey | models.ManyToManyField) and c.related_model is Utilisateur for c in modele._meta.get_fields()
        )
    }
    assert [nom for nom in sorted(noms) if nom.lower() not in donnees] == []


def test_record_tells_the_settings_as_they_are(settings: Any) -> None:
    settings.SESSION_COOKIE_AGE, settings.AXES_FAILURE_LIMIT, settings.HTTPS = 7200, 5, True
    settings.SECURE_HSTS_SECONDS = 86_400 * 30
    texte = flatten(" ".join(ligne.contenu for ligne in build_registre()))
    for dit in ("2 heures au plus", "Après 5 essais manqués", "s’y bloque 15 minutes", "HSTS de 30 jours", "12 caractères au moins"):
        assert dit in texte
    assert f"{PASSE.seconds} secondes" in texte


@pytest.mark.django_db
def test_privacy_page_tells_the_fields_of_the_record(client: Client) -> None:
    page = words(client, "confidentialite")
    assert [
        ligne for ligne in build_registre() if ligne.cle not in {"traitement", "personnes", "droits"} and flatten(ligne.contenu) not in page
    ] == []


# --- Accessibility ---------------------------------------------------------------------------------


@pytest.mark.django_db
def test_declaration_follows_the_official_form(client: Client) -> None:
    titres = [flatten(t.text_content()) for t in read(client, "accessibilite").xpath(".//h2|.//h3")]
    assert titres == [
        "État de conformité",
        "Résultats des tests",
        "Contenus non accessibles",
        "Non-conformités",
        "Dérogations pour charge disproportionnée",
        "Contenus non soumis à l’obligation d’accessibilité",
        "Établissement de cette déclaration",
        "Technologies utilisées",
        "Environnement de test",
        "Outils employés",
        "Pages vérifiées",
        "Retour d’information et contact",
        "Voies de recours",
    ]
    page = words(client, "accessibilite")
    for dit in ("est non conforme avec", "09 69 39 00 00", "Libre réponse 71120", f"établie le {flatten(format_date_longue(DECLARATION))}"):
        assert dit in page


@pytest.mark.django_db
@pytest.mark.parametrize("nom", ["accueil", "account_login", *PUBLIQUES])
def test_footer_leads_to_every_page_owed(nom: str, client: Client, client_agent: Client) -> None:
    lecteur = client_agent if nom == "accueil" else client
    liens = html.fromstring(lecteur.get(reverse(nom)).content.decode()).xpath("//footer//a/@href")
    assert liens == [reverse(n) for n in ("aide", "mentions_legales", "confidentialite", "accessibilite")]
