"""What the pages of the workspace say, and that their queries do not grow with the data."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from lxml import html

from comptes.models import Utilisateur
from conventions.models import Convention, Politique
from fiches.models import ProduitPret
from tests import factories
from tests.factories import euros

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]


def page(client: Client, nom: str, *args: str, **requete: Any) -> html.HtmlElement:
    reponse = client.get(reverse(nom, args=args), requete)
    assert reponse.status_code == 200
    return html.fromstring(reponse.content.decode())


def text(element: html.HtmlElement, selecteur: str = "//main") -> str:
    return re.sub(r"\s+", " ", " ".join(" ".join(e.itertext()) for e in element.xpath(selecteur))).strip()


def titles(client: Client, **requete: Any) -> set[str]:
    return set(page(client, "conventions", **requete).xpath("//div[@id='resultats']//th[@scope='row']/a/text()"))


@pytest.fixture
def nadia(demonstration: None) -> Client:
    client = Client()
    client.force_login(Utilisateur.objects.get(email="nadia.ferrand@dijon-metropole.example"))
    return client


@pytest.fixture
def elodie(demonstration: None) -> Client:
    client = Client()
    client.force_login(Utilisateur.objects.get(email="elodie.marchenoir@agglomeration-chaumont.example"))
    return client


def test_home_greets_and_lists_what_awaits_the_person(nadia: Client) -> None:
    accueil = page(nadia, "accueil")
    assert "Bonjour Nadia" in text(accueil)
    assert "Dijon" in text(accueil, "//section[@aria-labelledby='t-conventions']")


def test_home_shows_six_things_then_all(agent: Utilisateur, convention: Convention, client_agent: Client) -> None:
    for _ in range(8):
        factories.FicheFactory(convention=convention, etat="en_relecture")
    attentes = "//section[@aria-labelledby='t-attentes']//li"
    assert len(page(client_agent, "accueil").xpath(attentes)) == 6
    assert len(page(client_agent, "accueil", tout="1").xpath(attentes)) == 9


def test_home_asks_nothing_of_a_lecteur(agent: Utilisateur, convention: Convention, client_agent: Client) -> None:
    factories.FicheFactory(convention=convention, etat="en_relecture")
    agent.role = Utilisateur.Role.LECTEUR
    agent.save()
    assert "Vous lisez les conventions de votre organisation." in text(page(client_agent, "accueil"))
    assert not page(client_agent, "accueil").xpath("//section[@aria-labelledby='t-attentes']")


def test_home_announces_coming_dates_soonest_first(convention: Convention, client_agent: Client) -> None:
    demain = timezone.localdate() + timedelta(days=1)
    Convention.objects.update(date_debut=demain - timedelta(days=400), date_fin=demain + timedelta(days=1))
    factories.VersementFactory(convention=convention, date_prevue=demain)
    jours = page(client_agent, "accueil").xpath("//time/@datetime")
    assert jours == [demain.isoformat(), (demain + timedelta(days=1)).isoformat()]


def test_home_without_convention_says_what_will_come(client_agent: Client) -> None:
    accueil = text(page(client_agent, "accueil"))
    assert "Rien ne vous attend aujourd’hui." in accueil
    assert "Aucune convention ici." in accueil
    assert "Aucune date à venir." in accueil


def test_list_shows_total_own_part_partner_and_state(convention: Convention, client_agent: Client, agent: Utilisateur) -> None:
    fiche = factories.FicheFactory(convention=convention)
    factories.LigneCoutFactory(fiche=fiche, montant=euros("1234.50"))
    factories.CoFinancementFactory(fiche=fiche, financeur=agent.organisation, taux=Decimal(40))
    cellules = page(client_agent, "conventions").xpath("//div[@id='resultats']//tbody/tr/td")
    assert [re.sub(r"\s", " ", c.text_content()) for c in cellules] == ["CCI d’essai", "1 234,50 €", "493,80 €", "Brouillon"]


@pytest.fixture
def trois(agent: Utilisateur) -> None:
    """Three conventions that every filter tells apart."""
    region = factories.OrganisationFactory(cle="region", nom="Région", sigle="REG")
    politique = Politique.objects.create(cle="industrie", nom="Territoire d’industrie")
    cadre = factories.ConventionFactory(reference="CADRE-1", titre="Cadre", annee_debut=2018, annee_fin=2020)
    locale = factories.ConventionFactory(reference="LOCALE-1", titre="Numérique", nature="specifique", annee_debut=2021, annee_fin=None)
    signee = factories.ConventionFactory(reference="SIGNEE-1", titre="Emploi 100 %", etat="signee", annee_debut=None, annee_fin=None)
    for convention in (cadre, locale, signee):
        factories.PartieFactory(convention=convention, organisation=agent.organisation)
    factories.PartieFactory(convention=locale, organisation=region)
    signee.politiques.add(politique)


@pytest.mark.parametrize(
    ("filtres", "attendu"),
    [
        ({}, {"Cadre", "Numérique", "Emploi 100 %"}),
        ({"q": "cadre"}, {"Cadre"}),
        ({"q": "locale-1"}, {"Numérique"}),
        ({"q": "reg numérique"}, {"Numérique"}),
        ({"q": "reg cadre"}, set()),
        ({"q": "%"}, {"Emploi 100 %"}),
        ({"q": "_"}, set()),
        ({"etat": "signee"}, {"Emploi 100 %"}),
        ({"nature": "specifique"}, {"Numérique"}),
        ({"organisation": "region"}, {"Numérique"}),
        ({"annee": "2019"}, {"Cadre"}),
        ({"annee": "2021"}, {"Numérique"}),
        ({"annee": "2022"}, set()),
        ({"politique": "industrie"}, {"Emploi 100 %"}),
        ({"etat": "signee", "annee": "2019"}, set()),
    ],
)
def test_list_is_filtered(filtres: dict[str, str], attendu: set[str], trois: None, client_agent: Client) -> None:
    assert titles(client_agent, **filtres) == attendu


@pytest.mark.parametrize(
    "valeur",
    [
        "x" * 5000,
        "'; --",
        "\x00",
        "²²²²",
        "-2019",
        "99999999999999999999",
        "<script>",
        "é\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    ],
)
@pytest.mark.parametrize("filtre", ["q", "etat", "nature", "organisation", "annee", "politique", "page"])
def test_unreadable_filter_never_crashes(filtre: str, valeur: str, trois: None, client_agent: Client) -> None:
    assert client_agent.get(reverse("conventions"), {filtre: valeur}).status_code == 200


@pytest.mark.parametrize("mots", ["x" * 5000, "\x00", "²", "1" * 300, "(", "\\", "%", "E.A " * 90])
def test_unreadable_search_never_crashes(mots: str, convention: Convention, client_agent: Client) -> None:
    factories.FicheFactory(convention=convention)
    assert client_agent.get(reverse("recherche"), {"q": mots}).status_code == 200


def test_list_offers_only_what_its_conventions_hold(trois: None, client_agent: Client) -> None:
    factories.PartieFactory(organisation__nom="Métropole voisine")
    options = page(client_agent, "conventions").xpath("//form[contains(@class, 'filtres-form')]//option[@value != '']/@value")
    assert set(options) == {"brouillon", "signee", "cadre", "specifique", "region", "2018", "2019", "2020", "2021", "industrie"}


def test_list_counts_a_convention_once_whatever_its_parties(trois: None, client_agent: Client) -> None:
    assert text(page(client_agent, "conventions"), "//h2[@role='status']") == "3 conventions"


def test_list_goes_by_pages_of_twenty_five_and_keeps_the_filters(agent: Utilisateur, client_agent: Client) -> None:
    for _ in range(26):
        factories.PartieFactory(organisation=agent.organisation, convention__titre="Sœur")
    premiere, seconde = (page(client_agent, "conventions", q="sœur", page=n) for n in (1, 2))
    assert [len(p.xpath("//div[@id='resultats']//tbody/tr")) for p in (premiere, seconde)] == [25, 1]
    assert premiere.xpath("//nav[@aria-label='Pages']/a/@href") == ["?q=s%C5%93ur&page=2"]


def test_list_answers_htmx_with_the_results_alone(trois: None, client_agent: Client) -> None:
    contenu = client_agent.get(reverse("conventions"), {"q": "cadre"}, headers={"HX-Request": "true"}).content.decode()
    assert contenu.startswith('<div class="bloc-tete"><h2 role="status">1 convention</h2>')
    assert "<html" not in contenu


def test_cached_fragment_is_never_taken_for_the_page(trois: None, client_agent: Client) -> None:
    assert "HX-Request" in client_agent.get(reverse("conventions"))["Vary"]


def test_list_says_when_nothing_answers_the_filters(trois: None, client_agent: Client) -> None:
    assert "Aucune convention ne répond à ces filtres." in text(page(client_agent, "conventions", q="introuvable"))


def found(client: Client, mots: str) -> set[str]:
    return {code.text for code in page(client, "recherche", q=mots).xpath("//section[@aria-labelledby='t-fiches']//span[@class='code']")}


@pytest.mark.parametrize("mots", ["ea 1.2.1", "E.A 1.2.1", "EA1.2.1", "e.a. 1.2.1"])
def test_code_is_found_however_it_is_written(mots: str, convention: Convention, client_agent: Client) -> None:
    for code in ("E.A 1.2.1", "E.A 1.2.2", "E.P 1.2.1"):
        factories.FicheFactory(convention=convention, code=code)
    assert found(client_agent, mots) == {"E.A 1.2.1"}


def test_beginning_of_a_code_finds_the_section(convention: Convention, client_agent: Client) -> None:
    for code in ("E.A 1.2.1", "E.A 1.2.2", "E.A 2.1"):
        factories.FicheFactory(convention=convention, code=code)
    assert found(client_agent, "ea 1.2") == {"E.A 1.2.1", "E.A 1.2.2"}


def test_words_are_found_in_titles_and_texts(convention: Convention, client_agent: Client) -> None:
    factories.FicheFactory(convention=convention, code="E.A 1", titre="Observatoire du commerce")
    factories.FicheFactory(convention=convention, code="E.A 2", constat="Le commerce recule, un observatoire manque.")
    factories.FicheFactory(convention=convention, code="E.A 3", constat="Le commerce.")
    assert found(client_agent, "commerce OBSERVATOIRE") == {"E.A 1", "E.A 2"}


def test_fiche_of_another_organisation_is_not_found(nadia: Client, elodie: Client) -> None:
    assert found(nadia, "ea 1.2.1") == {"E.A 1.2.1"}
    assert found(elodie, "ea 1.2.1") == set()


def test_nothing_is_searched_without_a_word(convention: Convention, client_agent: Client) -> None:
    factories.FicheFactory(convention=convention)
    assert "Écrivez un code, un titre ou un mot" in text(page(client_agent, "recherche", q="  "))


BALISE = "<script>alert('x')</script>"


def test_typed_tags_are_shown_as_typed_on_every_page(agent: Utilisateur, client_agent: Client) -> None:
    convention = factories.ConventionFactory(
        reference="PIEGE", titre=BALISE, objet=BALISE, preambule=BALISE, lieu_signature=BALISE, periode=BALISE
    )
    factories.PartieFactory(
        convention=convention, organisation=agent.organisation, denomination=BALISE, nom_court=BALISE[:40], signataire=BALISE
    )
    fiche = factories.FicheFactory(
        convention=convention, axe__titre=BALISE, titre=BALISE, constat=BALISE, maitrise_ouvrage=BALISE, cout_texte=BALISE
    )
    factories.LigneCoutFactory(fiche=fiche, libelle=BALISE, chiffrage="sur_devis", montant=None, mention=BALISE)
    factories.CoFinancementFactory(fiche=fiche, financeur__sigle=BALISE, mention=BALISE)
    factories.IndicateurFactory(fiche=fiche, libelle=BALISE, unite=BALISE)
    ProduitPret.objects.create(fiche=fiche, nom=BALISE, public=BALISE)
    factories.ArticleFactory(convention=convention, titre=BALISE, texte=f"{BALISE} {{{{ convention.titre }}}}")
    factories.VersementFactory(convention=convention, condition=BALISE)
    noms = ["convention", "fiches", "budget", "articles", "famille"]
    adresses = [reverse(nom, args=["PIEGE"]) for nom in noms] + [fiche.get_absolute_url(), reverse("accueil"), reverse("conventions")]
    for adresse in [*adresses, f"{reverse('recherche')}?q={BALISE}", f"{reverse('conventions')}?q={BALISE}&annee={BALISE}"]:
        contenu = client_agent.get(adresse).content.decode()
        assert "<script>alert" not in contenu, adresse
        assert "&lt;script&gt;alert" in contenu, adresse
