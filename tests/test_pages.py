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
from conventions.gel import lift
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
    return re.sub(r"\s+", " ", " ".join(e.text_content() for e in element.xpath(selecteur))).strip()


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
    assert "CCI Côte-d’Or" in text(accueil, "//section[@aria-labelledby='t-conventions']")


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
    with lift():
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
    assert text(page(client_agent, "conventions"), "//div[@id='resultats']//h2") == "3 conventions"


def test_list_goes_by_pages_of_twenty_five_and_keeps_the_filters(agent: Utilisateur, client_agent: Client) -> None:
    for _ in range(26):
        factories.PartieFactory(organisation=agent.organisation, convention__titre="Sœur")
    premiere, seconde = (page(client_agent, "conventions", q="sœur", page=n) for n in (1, 2))
    assert [len(p.xpath("//div[@id='resultats']//tbody/tr")) for p in (premiere, seconde)] == [25, 1]
    assert premiere.xpath("//nav[@aria-label='Pages']/a/@href") == ["?q=s%C5%93ur&page=2"]


def test_list_answers_htmx_with_the_results_alone(trois: None, client_agent: Client) -> None:
    contenu = client_agent.get(reverse("conventions"), {"q": "cadre"}, headers={"HX-Request": "true"}).content.decode()
    assert contenu.startswith('<div class="bloc-tete"><h2>1 convention</h2>')
    assert "<html" not in contenu
    assert '<p id="annonce" class="visually-hidden" hx-swap-oob="innerHTML">1 convention</p>' in contenu


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
    ecrites = ["fiche_modifier", "fiche_historique", "fiche_deplacer", "fiche_supprimer"]
    adresses += [reverse(nom, args=["PIEGE", fiche.slug]) for nom in ecrites] + [reverse("fiche_nouvelle", args=["PIEGE"])]
    for adresse in [*adresses, f"{reverse('recherche')}?q={BALISE}", f"{reverse('conventions')}?q={BALISE}&annee={BALISE}"]:
        contenu = client_agent.get(adresse).content.decode()
        assert "<script>alert" not in contenu, adresse
        assert "&lt;script&gt;alert" in contenu, adresse


def cells(element: html.HtmlElement, table: str) -> list[list[str]]:
    """Texts of a table, row by row, with the words for screen readers."""
    rangees = element.xpath(f"{table}//tr")
    return [[re.sub(r"\s+", " ", cellule.text_content()).strip() for cellule in rangee.xpath("./th|./td")] for rangee in rangees]


@pytest.fixture
def chiffree(convention: Convention, agent: Utilisateur) -> Any:
    """A fiche of three years: 16.5 days at 600 €, a known zero, a quotation; 40 % paid by the agent's organisation."""
    fiche = factories.FicheFactory(convention=convention, code="E.A 1.1", titre="Observatoire", axe__titre="Attractivité")
    nature = factories.NatureFactory(nom="Études")
    factories.LigneCoutFactory(fiche=fiche, nature=nature, jours=Decimal("16.5"), tarif_journalier=euros(600), montant=euros(9900))
    factories.LigneCoutFactory(fiche=fiche, nature=nature, annee=2019, montant=euros(0))
    factories.LigneCoutFactory(fiche=fiche, nature=factories.NatureFactory(nom="Débours"), annee=2019, chiffrage="sur_devis", montant=None)
    factories.CoFinancementFactory(fiche=fiche, financeur=agent.organisation, taux=Decimal(40))
    return fiche


def test_overview_shows_the_total_each_part_and_what_the_sum_leaves_out(chiffree: Any, client_agent: Client) -> None:
    apercu = page(client_agent, "convention", chiffree.convention.reference)
    chiffres = [re.sub(r"\s+", " ", e.text_content()).strip() for e in apercu.xpath("//dl[@class='chiffres']/div")]
    assert chiffres == ["Coût total des actions9 900 €*", "Agglo, 40,0 %3 960 €", "CCI–", "Fiches complètes0 sur 1"]
    assert "Sans les dépenses sur devis, qui s’y ajoutent." in text(apercu)


def test_overview_says_when_annex_and_fiches_disagree(chiffree: Any, client_agent: Client) -> None:
    factories.RecapDeclareFactory(convention=chiffree.convention, annee=None, montant=euros(10000))
    apercu = text(page(client_agent, "convention", chiffree.convention.reference))
    assert "L’annexe annonce 10 000 €, les fiches donnent 9 900 €." in apercu


def test_overview_says_what_a_party_lacks(convention: Convention, client_agent: Client) -> None:
    parties = text(page(client_agent, "convention", convention.reference), "//section[@aria-labelledby='parties']")
    assert parties.count("Signataire à compléter") == 2
    assert parties.count("Date de délibération à compléter") == 1


@pytest.mark.parametrize(
    ("nom", "phrase"),
    [
        ("convention", "Aucune fiche pour l’instant."),
        ("fiches", "Aucun axe pour l’instant."),
        ("budget", "Aucun montant pour l’instant"),
        ("articles", "Aucun article pour l’instant."),
        ("famille", "Cette convention n’est liée à aucune autre."),
    ],
)
def test_empty_page_says_what_will_come(nom: str, phrase: str, convention: Convention, client_agent: Client) -> None:
    assert phrase in text(page(client_agent, nom, convention.reference))


def test_fiches_follow_the_tree_of_axes(convention: Convention, client_agent: Client) -> None:
    axe = factories.AxeFactory(convention=convention, code="E.A", ordre=20)
    section = factories.AxeFactory(convention=convention, parent=axe, code="1")
    factories.FicheFactory(convention=convention, axe=section, code="E.A 1.1")
    factories.FicheFactory(convention=convention, axe__ordre=10, axe__code="E.P", code="E.P 1")
    lues = page(client_agent, "fiches", convention.reference).xpath("//span[@class='numero' or @class='code']/text()")
    assert [lu for lu in lues if lu.startswith(("Axe", "E.", "1"))] == ["Axe E.P", "E.P 1", "Axe E.A", "1", "E.A 1.1"]


def test_fiche_shows_days_zero_words_and_nothing_apart(chiffree: Any, client_agent: Client) -> None:
    fiche = page(client_agent, "fiche", chiffree.convention.reference, "e-a-1-1")
    rien = "/aucun montant"
    assert cells(fiche, "//section[@id='couts']") == [
        ["Nature", "2018", "2019", "2020", "Ensemble"],
        ["Études", "9 90016,5 j", "0", rien, "9 90016,5 j"],
        ["Débours", rien, "sur devis", rien, "sur devis"],
        ["Total, en €", "9 90016,5 j", "0+ sur devis", rien, "9 90016,5 j+ sur devis"],
    ]


def test_fiche_shows_who_pays_and_what_nobody_takes(chiffree: Any, client_agent: Client) -> None:
    lignes = cells(page(client_agent, "fiche", chiffree.convention.reference, "e-a-1-1"), "//section[@id='cofinancements']")
    assert [ligne[0:3] + ligne[-1:] for ligne in lignes[1:]] == [
        ["Agglo", "40 %", "3 960", "3 960"],
        ["Non réparti", "–", "5 940", "5 940"],
        ["Total, en €", "", "9 900", "9 900+ sur devis"],
    ]


def test_fiche_lists_the_headings_to_write(chiffree: Any, client_agent: Client) -> None:
    sommaire = text(page(client_agent, "fiche", chiffree.convention.reference, "e-a-1-1"), "//div[@class='sommaire-fixe']")
    assert "2 rubriques sur 9" in sommaire
    assert "Coûts : remplie" in sommaire
    assert "Cible : à compléter" in sommaire


def test_fiche_leads_to_its_neighbours(chiffree: Any, client_agent: Client) -> None:
    suivante = factories.FicheFactory(convention=chiffree.convention, code="E.B 1", ordre=9999)
    liens = page(client_agent, "fiche", chiffree.convention.reference, "e-a-1-1").xpath("//nav[@class='voisines']/a/@href")
    assert liens == [suivante.get_absolute_url()]


def test_budget_computed_and_declared_stand_side_by_side(chiffree: Any, client_agent: Client) -> None:
    factories.RecapDeclareFactory(convention=chiffree.convention, fiche=chiffree, montant=euros(10000))
    reference = chiffree.convention.reference
    calcule, declare = (cells(page(client_agent, "budget", reference, **r), "//table")[3] for r in ({}, {"source": "declare"}))
    assert calcule[:5] == ["E.A 1.1 Observatoire", "3 960", "/aucun montant", "5 940", "9 900"]
    assert "10 000" in declare
    assert "10 000" not in calcule


def test_articles_fill_values_dot_the_unknown_and_draw_the_blocks(convention: Convention, client_agent: Client) -> None:
    Convention.objects.update(date_debut="2018-11-01")
    factories.ArticleFactory(convention=convention, titre="Durée", texte="Du {{ convention.date_debut }} au {{ convention.date_fin }}.")
    factories.ArticleFactory(convention=convention, texte="{{ tableau.versements }}\n{{ tableau.coordonnees_bancaires }}")
    factories.MontantDeclareFactory(convention=convention, cle="total", montant=euros(236140))
    factories.ArticleFactory(convention=convention, texte="Soit {{ montant.total }} ({{ taux.total }}), {{ montant.absent }}.")
    factories.VersementFactory(convention=convention, condition="À la signature")
    articles = page(client_agent, "articles", convention.reference)
    assert articles.xpath("//strong[@class='valeur']/text()") == ["1er\u00a0novembre 2018", "236\u202f140\u00a0€"]
    assert "Du 1er novembre 2018 au ............................(à compléter)." in text(articles)
    assert "{{ montant.absent }}" in text(articles)
    assert [c[1] for c in cells(articles, "//table[contains(@class, 'empile')]")] == ["Condition", "À la signature"]
    assert "Compte à créditer : CCI d’essai" in text(articles, "//caption")


def test_family_shows_cadre_specific_conventions_and_renewals(convention: Convention, agent: Utilisateur, client_agent: Client) -> None:
    specifique = factories.ConventionFactory(titre="École", nature="specifique", parent=convention)
    suite = factories.ConventionFactory(titre="Suite", renouvelle=convention, annee_debut=2021, annee_fin=2023)
    for autre in (specifique, suite):
        factories.PartieFactory(convention=autre, organisation=agent.organisation)
    famille = text(page(client_agent, "famille", suite.reference), "(//ul[@class='famille'])[1]")
    assert re.findall("Développement économique|Dépend de|Fait suite à|École|Suite", famille) == [
        "Développement économique",
        "Dépend de",
        "École",
        "Fait suite à",
        "Suite",
    ]


def test_family_keeps_hidden_conventions_hidden(convention: Convention, agent: Utilisateur, client_agent: Client) -> None:
    cachee = factories.ConventionFactory(reference="CACHEE", titre="Cachée", renouvelle=convention)
    au_dela = factories.ConventionFactory(reference="AU-DELA", titre="Au-delà", renouvelle=cachee)
    factories.PartieFactory(convention=au_dela, organisation=agent.organisation)
    famille = text(page(client_agent, "famille", convention.reference))
    assert "Cachée" not in famille
    assert "Au-delà" not in famille
