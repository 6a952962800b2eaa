"""The list of the fiches of a convention: filters, acts on several at once, and the acts on one whole fiche."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from lxml import html

from comptes.models import Utilisateur
from conventions.models import Axe, Convention
from fiches.commentaires import add_commentaire, settle
from fiches.models import FicheAction, Passage, Pilote
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]
RUBRIQUES = ("constat", "contenus", "cible", "maitrise_ouvrage", "cout_texte", "calendrier", "cofinancement_texte")
COMPLETE = dict.fromkeys((*RUBRIQUES, "partenariats_techniques", "evaluation"), "Écrit.")


def page(client: Client, nom: str, *args: str, **requete: Any) -> html.HtmlElement:
    reponse = client.get(reverse(nom, args=args), requete)
    assert reponse.status_code == 200
    return html.fromstring(reponse.content.decode())


def codes(client: Client, reference: str, **filtres: Any) -> list[str]:
    return page(client, "fiches", reference, **filtres).xpath("//li[@class='rangee']//span[@class='code']/text()")


def words(element: html.HtmlElement, selecteur: str = "//main") -> str:
    return re.sub(r"\s+", " ", " ".join(e.text_content() for e in element.xpath(selecteur))).strip()


def post(client: Client, nom: str, *args: str | int, **envoi: Any) -> str:
    """Post, follow, and read the page one comes to."""
    reponse = client.post(reverse(nom, args=args), envoi, follow=True)
    return words(html.fromstring(reponse.content.decode()))


@pytest.fixture
def marie(convention: Convention) -> Utilisateur:
    """Of the CCI."""
    cci = convention.parties.get(role="beneficiaire").organisation
    return factories.UtilisateurFactory(prenom="Marie", nom="Rollin", organisation=cci)


@pytest.fixture
def axe(convention: Convention) -> Axe:
    return factories.AxeFactory(convention=convention, code="E.A", titre="Attractivité", ordre=10)


@pytest.fixture
def fiches(convention: Convention, axe: Axe, agent: Utilisateur, marie: Utilisateur) -> dict[str, FicheAction]:
    """Four fiches that every filter tells apart."""
    section = factories.AxeFactory(convention=convention, parent=axe, code="2")
    autre = factories.AxeFactory(convention=convention, code="E.B", ordre=20)

    def add(code: str, rang: int, **champs: Any) -> FicheAction:
        return factories.FicheFactory(convention=convention, code=code, ordre=rang * 10, **champs)

    fiches = {
        "E.A 1": add("E.A 1", 1, axe=axe, etat="en_redaction"),
        "E.A 2.1": add("E.A 2.1", 2, axe=section, etat="en_relecture", **COMPLETE),
        "E.B 1": add("E.B 1", 3, axe=autre),
        "E.B 2": add("E.B 2", 4, axe=autre, etat="validee"),
    }
    Pilote.objects.create(fiche=fiches["E.A 1"], utilisateur=marie)
    Pilote.objects.create(fiche=fiches["E.B 2"], utilisateur=agent)
    factories.LigneCoutFactory(fiche=fiches["E.A 1"], annee=2018)
    factories.LigneCoutFactory(fiche=fiches["E.B 1"], annee=2019, montant=None, chiffrage="sur_devis")
    settle(agent, add_commentaire(marie, fiches["E.A 1"], "Réglé", "constat"))
    add_commentaire(marie, fiches["E.B 1"], "Ouvert", "constat")
    return fiches


@pytest.fixture
def reference(convention: Convention) -> str:
    return convention.reference


# --- Filters ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filtres", "gardees"),
    [
        ({}, ["E.A 1", "E.A 2.1", "E.B 1", "E.B 2"]),
        ({"etat": "en_relecture"}, ["E.A 2.1"]),
        ({"etat": "brouillon"}, ["E.B 1"]),
        ({"pilote": "aucun"}, ["E.A 2.1", "E.B 1"]),
        ({"annee": "2018"}, ["E.A 1"]),
        ({"annee": "2020"}, []),
        ({"manque": "cout"}, ["E.A 2.1", "E.B 2"]),
        ({"manque": "incomplete"}, ["E.A 1", "E.B 1", "E.B 2"]),
        ({"manque": "complete"}, ["E.A 2.1"]),
        ({"manque": "commentaires"}, ["E.B 1"]),
        ({"etat": "validee", "manque": "complete"}, []),
        ({"etat": "signee", "annee": "²", "manque": "tout", "pilote": "x", "axe": "x"}, ["E.A 1", "E.A 2.1", "E.B 1", "E.B 2"]),
    ],
)
def test_list_is_filtered(
    filtres: dict[str, str], gardees: list[str], fiches: dict[str, FicheAction], client_agent: Client, reference: str
) -> None:
    assert codes(client_agent, reference, **filtres) == gardees


def test_year_of_a_cost_on_quotation_counts(fiches: dict[str, FicheAction], client_agent: Client, reference: str) -> None:
    assert codes(client_agent, reference, annee="2019") == ["E.B 1"]


def test_axe_holds_the_fiches_of_its_sections(fiches: dict[str, FicheAction], client_agent: Client, reference: str, axe: Axe) -> None:
    assert codes(client_agent, reference, axe=axe.pk) == ["E.A 1", "E.A 2.1"]
    assert codes(client_agent, reference, axe=fiches["E.A 2.1"].axe_id) == ["E.A 2.1"]


def test_list_is_filtered_by_pilot(
    fiches: dict[str, FicheAction], client_agent: Client, reference: str, marie: Utilisateur, agent: Utilisateur
) -> None:
    assert [codes(client_agent, reference, pilote=p.pk) for p in (marie, agent)] == [["E.A 1"], ["E.B 2"]]


def test_filters_offer_what_the_fiches_hold_and_keep_the_choice(
    fiches: dict[str, FicheAction], client_agent: Client, reference: str, marie: Utilisateur
) -> None:
    lue = page(client_agent, "fiches", reference, etat="validee", annee="2018", pilote=marie.pk, manque="cout")
    offerts = {nom: lue.xpath(f"//select[@name='{nom}']/option/text()") for nom in ("etat", "annee")}
    assert offerts == {
        "etat": ["Tous", "Brouillon", "En rédaction", "En relecture", "Validée"],
        "annee": ["Toutes années", "2018", "2019"],
    }
    assert lue.xpath("//select/option[@selected]/text()") == ["Validée", "Marie Rollin", "2018", "Sans coût"]


def test_filtered_list_counts_and_leads_back(fiches: dict[str, FicheAction], client_agent: Client, reference: str) -> None:
    lue = page(client_agent, "fiches", reference, etat="validee")
    assert "1 fiche sur 4." in words(lue)
    assert lue.xpath("//a[text()='Tout montrer']/@href") == [reverse("fiches", args=[reference])]


def test_filter_that_keeps_nothing_says_so(fiches: dict[str, FicheAction], client_agent: Client, reference: str) -> None:
    lue = words(page(client_agent, "fiches", reference, annee="2020"))
    assert "0 fiche sur 4." in lue
    assert "Aucune fiche ne répond à ces critères" in lue
    assert "Axe E.A" not in words(page(client_agent, "fiches", reference, annee="2020"), "//section")


def test_convention_without_fiche_proposes_the_first(axe: Axe, client_agent: Client, reference: str) -> None:
    lue = page(client_agent, "fiches", reference)
    assert f"{reverse('fiche_nouvelle', args=[reference])}?axe={axe.pk}" in lue.xpath("//a/@href")
    assert not lue.xpath("//form[@class='filtres-form']")


def test_row_tells_pilots_headings_and_comments(fiches: dict[str, FicheAction], client_agent: Client, reference: str) -> None:
    lignes = {
        li.xpath("string(.//span[@class='code'])"): words(li, ".")
        for li in page(client_agent, "fiches", reference).xpath("//li[@class='rangee']")
    }
    assert "Marie Rollin" in lignes["E.A 1"]
    assert "1 non lu" in lignes["E.A 1"]
    assert "commentaire" not in lignes["E.A 1"]
    assert "1 commentaire ouvert" in lignes["E.B 1"]
    assert "Complète" in lignes["E.A 2.1"]
    assert re.search("0 rubriques? sur 9", lignes["E.B 2"])


def test_lecteur_reads_the_list_without_acts(
    fiches: dict[str, FicheAction], client_agent: Client, reference: str, agent: Utilisateur
) -> None:
    Utilisateur.objects.filter(pk=agent.pk).update(role="lecteur")
    lue = page(client_agent, "fiches", reference, gerer="1")
    assert lue.xpath("//li[@class='rangee']")
    assert not lue.xpath("//main//form[@method='post'] | //input[@type='checkbox'] | //a[contains(@href, 'nouvelle')]")


# --- Several at once -------------------------------------------------------------------------------


def act(client: Client, reference: str, *cochees: FicheAction, **envoi: Any) -> str:
    return post(client, "fiches_lot", reference, fiche=[f.pk for f in cochees], **envoi)


def test_boxes_and_arrows_come_on_demand(fiches: dict[str, FicheAction], client_agent: Client, reference: str) -> None:
    assert not page(client_agent, "fiches", reference).xpath("//input[@type='checkbox']")
    lue = page(client_agent, "fiches", reference, gerer="1", etat="validee")
    assert lue.xpath("//input[@form='lot']/@value") == [str(fiches["E.B 2"].pk)]
    assert lue.xpath("//form[@id='lot']/input[@name='suite']/@value") == ["etat=validee"]
    assert lue.xpath("//a[text()='Terminer']/@href") == ["?etat=validee"]


def test_ticked_fiches_change_state_each_for_itself(fiches: dict[str, FicheAction], client_agent: Client, reference: str) -> None:
    lue = act(client_agent, reference, *fiches.values(), acte="etat:soumettre")
    assert "2 fiches traitées : E.A 1, E.B 1." in lue
    assert "E.A 2.1 : La fiche est maintenant « en relecture » : ce passage n’est plus possible." in lue
    assert "E.B 2 : La fiche est maintenant « validée » : ce passage n’est plus possible." in lue
    assert [FicheAction.objects.get(pk=f.pk).etat for f in fiches.values()] == ["en_relecture"] * 3 + ["validee"]
    assert Passage.objects.count() == 2


def test_equal_refusals_are_told_together(fiches: dict[str, FicheAction], client_agent: Client, reference: str) -> None:
    lue = act(client_agent, reference, fiches["E.A 1"], fiches["E.B 1"], fiches["E.B 2"], acte="etat:rouvrir", motif="Revoir la cible.")
    assert "1 fiche traitée : E.B 2." in lue
    assert "E.A 1 : La fiche est maintenant « en rédaction »" in lue
    FicheAction.objects.update(etat="validee")
    lue = act(client_agent, reference, fiches["E.A 1"], fiches["E.B 1"], acte="etat:valider")
    assert "E.A 1, E.B 1 : La fiche est maintenant « validée » : ce passage n’est plus possible." in lue


def test_incomplete_fiches_are_not_validated_together(fiches: dict[str, FicheAction], client_agent: Client, reference: str) -> None:
    FicheAction.objects.exclude(code="E.A 2.1").update(etat="en_relecture")
    lue = act(client_agent, reference, fiches["E.A 2.1"], fiches["E.A 1"], acte="etat:valider")
    assert "1 fiche traitée : E.A 2.1." in lue
    assert "E.A 1 : Il manque 8 rubriques pour valider" in lue


def test_sending_back_together_takes_one_reason(fiches: dict[str, FicheAction], client_agent: Client, reference: str) -> None:
    assert "E.A 2.1 : Dites en une phrase ce qu’il faut corriger" in act(
        client_agent, reference, fiches["E.A 2.1"], acte="etat:renvoyer", motif=" "
    )
    act(client_agent, reference, fiches["E.A 2.1"], acte="etat:renvoyer", motif="Précisez la cible.")
    assert Passage.objects.get().motif == "Précisez la cible."


def test_pilot_is_added_to_and_removed_from_ticked_fiches(
    fiches: dict[str, FicheAction], client_agent: Client, reference: str, marie: Utilisateur
) -> None:
    lue = act(client_agent, reference, *fiches.values(), acte="ajouter", pilote=marie.pk)
    assert "3 fiches traitées : E.A 1, E.A 2.1, E.B 1." in lue
    assert "E.B 2 : Cette fiche est validée." in lue
    assert set(marie.fiches_pilotees.values_list("code", flat=True)) == {"E.A 1", "E.A 2.1", "E.B 1"}
    act(client_agent, reference, fiches["E.A 1"], acte="retirer", pilote=marie.pk)
    assert set(marie.fiches_pilotees.values_list("code", flat=True)) == {"E.A 2.1", "E.B 1"}


def test_somebody_beyond_the_parties_does_not_pilot(fiches: dict[str, FicheAction], client_agent: Client, reference: str) -> None:
    etranger = factories.UtilisateurFactory()
    assert "n’appartient pas à la convention" in act(client_agent, reference, fiches["E.A 1"], acte="ajouter", pilote=etranger.pk)
    assert not etranger.fiches_pilotees.exists()


def test_list_proposes_the_people_of_the_parties(
    fiches: dict[str, FicheAction], client_agent: Client, reference: str, agent: Utilisateur
) -> None:
    factories.UtilisateurFactory()
    offres = page(client_agent, "fiches", reference, gerer="1").xpath("//select[@id='l-pilote']/option/text()")
    assert offres == ["–", str(agent), "Marie Rollin"]


@pytest.mark.parametrize(
    ("envoi", "phrase"),
    [
        ({"acte": "etat:soumettre", "fiche": []}, "Cochez d’abord une ou plusieurs fiches."),
        ({"acte": ""}, "Choisissez ce qu’il faut faire de ces fiches."),
        ({"acte": "ajouter", "pilote": ""}, "Choisissez ce qu’il faut faire de ces fiches."),
        ({"acte": "supprimer"}, "Choisissez ce qu’il faut faire de ces fiches."),
    ],
)
def test_lot_without_choice_is_asked_for_one(
    envoi: dict[str, Any], phrase: str, fiches: dict[str, FicheAction], client_agent: Client, reference: str
) -> None:
    assert phrase in post(client_agent, "fiches_lot", reference, **{"fiche": fiches["E.A 1"].pk} | envoi)


def test_fiches_of_another_convention_are_not_touched(fiches: dict[str, FicheAction], client_agent: Client, reference: str) -> None:
    autre = factories.FicheFactory()
    assert "Cochez d’abord" in act(client_agent, reference, autre, acte="etat:soumettre")
    assert not Passage.objects.exists()


def test_after_an_act_the_filters_stay(fiches: dict[str, FicheAction], client_agent: Client, reference: str) -> None:
    for nom, args in (("fiches_lot", [reference]), ("fiche_ordonner", [reference, "e-a-1"])):
        reponse = client_agent.post(reverse(nom, args=args), {"suite": "etat=validee", "fiche": fiches["E.A 1"].pk})
        assert "?gerer=1&etat=validee" in reponse["Location"]


# --- Order -----------------------------------------------------------------------------------------


def shift(client: Client, reference: str, slug: str, sens: str) -> str:
    return post(client, "fiche_ordonner", reference, slug, sens=sens)


def test_arrows_move_a_fiche_inside_its_axe(fiches: dict[str, FicheAction], client_agent: Client, reference: str) -> None:
    shift(client_agent, reference, "e-b-1", "descendre")
    assert codes(client_agent, reference) == ["E.A 1", "E.A 2.1", "E.B 2", "E.B 1"]
    shift(client_agent, reference, "e-b-1", "monter")
    assert codes(client_agent, reference) == ["E.A 1", "E.A 2.1", "E.B 1", "E.B 2"]


def test_arrow_leads_back_to_the_fiche(fiches: dict[str, FicheAction], client_agent: Client, reference: str) -> None:
    reponse = client_agent.post(reverse("fiche_ordonner", args=[reference, "e-b-1"]), {"sens": "descendre"})
    ancre = reponse["Location"].partition("#")[2]
    assert page(client_agent, "fiches", reference, gerer="1").xpath(f"//li[@id='{ancre}']//span[@class='code']/text()") == ["E.B 1"]


@pytest.mark.parametrize(
    ("slug", "sens", "phrase"), [("e-b-1", "monter", "E.B 1 est déjà la première"), ("e-b-2", "descendre", "E.B 2 est déjà la dernière")]
)
def test_end_of_the_axe_is_told(
    slug: str, sens: str, phrase: str, fiches: dict[str, FicheAction], client_agent: Client, reference: str
) -> None:
    assert phrase in shift(client_agent, reference, slug, sens)
    assert codes(client_agent, reference) == ["E.A 1", "E.A 2.1", "E.B 1", "E.B 2"]


# --- New fiche -------------------------------------------------------------------------------------


def test_new_fiche_is_proposed_the_code_after_its_neighbours(
    fiches: dict[str, FicheAction], client_agent: Client, reference: str, axe: Axe
) -> None:
    assert page(client_agent, "fiche_nouvelle", reference, axe=axe.pk).xpath("//input[@name='code']/@placeholder") == ["E.A 2"]


def test_new_fiche_opens_in_the_editor_as_a_draft(
    fiches: dict[str, FicheAction], client_agent: Client, reference: str, axe: Axe, agent: Utilisateur
) -> None:
    reponse = client_agent.post(
        reverse("fiche_nouvelle", args=[reference]), {"axe": axe.pk, "titre": " Aider les commerces ", "code": ""}, follow=True
    )
    assert reponse.redirect_chain == [(reverse("fiche_modifier", args=[reference, "e-a-2"]), 302)]
    assert "Fiche E.A 2 créée." in reponse.content.decode()
    creee = FicheAction.objects.get(code="E.A 2")
    assert (creee.titre, creee.etat, creee.axe, creee.history.get().history_user) == ("Aider les commerces", "brouillon", axe, agent)


@pytest.mark.parametrize(
    ("envoi", "champ", "phrase"),
    [
        ({"titre": ""}, "titre", "Donnez un titre à la fiche."),
        ({"titre": "x" * 251}, "titre", "250"),
        ({"axe": ""}, "axe", "Choisissez l’axe de la fiche."),
        ({"code": "..."}, "code", "Un code contient des lettres ou des chiffres"),
        ({"code": "nouvelle"}, "code", "« nouvelle » ne peut pas servir de code."),
        ({"code": "EA 1"}, "code", "« EA 1 » se lit comme « E.A 1 », qui existe déjà."),
        ({"code": "x" * 21}, "code", "20"),
    ],
)
def test_new_fiche_is_refused_beside_its_field_and_keeps_what_was_typed(
    envoi: dict[str, str], champ: str, phrase: str, fiches: dict[str, FicheAction], client_agent: Client, reference: str, axe: Axe
) -> None:
    valeurs = {"axe": str(axe.pk), "titre": "Aider <les> commerces", "code": "E.A 9"} | envoi
    reponse = client_agent.post(reverse("fiche_nouvelle", args=[reference]), valeurs)
    lue = html.fromstring(reponse.content.decode())
    assert (reponse.status_code, FicheAction.objects.count()) == (422, 4)
    assert phrase in words(lue, f"//*[@id='e-{champ}']")
    assert lue.xpath("//*[@aria-invalid='true']/@id") == [champ]
    assert lue.xpath("string(//input[@id='titre']/@value)") == valeurs["titre"]
    assert lue.xpath("string(//input[@id='code']/@value)") == valeurs["code"]


def test_same_code_is_refused_in_words(fiches: dict[str, FicheAction], client_agent: Client, reference: str, axe: Axe) -> None:
    reponse = client_agent.post(reverse("fiche_nouvelle", args=[reference]), {"axe": axe.pk, "titre": "Aider", "code": "E.A 1"})
    assert reponse.status_code == 422
    assert "Une fiche de la convention porte déjà ce code." in reponse.content.decode()


def test_title_and_code_hold_no_nul(fiches: dict[str, FicheAction], client_agent: Client, reference: str, axe: Axe) -> None:
    """PostgreSQL refuses it with an error."""
    client_agent.post(reverse("fiche_nouvelle", args=[reference]), {"axe": axe.pk, "titre": "Ai\x00der", "code": "E.A\x00 9"})
    assert not [f for f in FicheAction.objects.all() if "\x00" in f.titre + f.code]


def test_reason_of_a_passage_holds_no_nul(fiches: dict[str, FicheAction], client_agent: Client, reference: str) -> None:
    """PostgreSQL refuses it with an error."""
    post(client_agent, "fiche_etat", reference, "e-a-2-1", action="renvoyer", motif="Préci\x00sez")
    assert not [p for p in Passage.objects.all() if "\x00" in p.motif]


def test_axe_of_another_convention_takes_no_fiche(fiches: dict[str, FicheAction], client_agent: Client, reference: str) -> None:
    ailleurs = factories.AxeFactory()
    assert "Choisissez l’axe de la fiche." in post(client_agent, "fiche_nouvelle", reference, axe=ailleurs.pk, titre="Aider")
    assert not ailleurs.fiches.exists()


def test_convention_without_axe_says_what_to_do(client_agent: Client, reference: str) -> None:
    lue = page(client_agent, "fiche_nouvelle", reference)
    assert "Cette convention n’a pas encore d’axe." in words(lue)
    assert not lue.xpath("//input[@name='titre']")


# --- Move, duplicate -------------------------------------------------------------------------------


def test_fiche_moves_to_another_axe_under_the_code_proposed_there(
    fiches: dict[str, FicheAction], client_agent: Client, reference: str
) -> None:
    cible = fiches["E.B 1"].axe
    propose = page(client_agent, "fiche_deplacer", reference, "e-a-1", axe=cible.pk).xpath("string(//input[@name='code']/@value)")
    assert propose == "E.B 3"
    lue = post(client_agent, "fiche_deplacer", reference, "e-a-1", axe=cible.pk, code=propose)
    assert "La fiche porte le code E.B 3" in lue
    assert codes(client_agent, reference) == ["E.A 2.1", "E.B 1", "E.B 2", "E.B 3"]


def test_fiche_keeps_its_place_when_only_its_code_changes(fiches: dict[str, FicheAction], client_agent: Client, reference: str) -> None:
    post(client_agent, "fiche_deplacer", reference, "e-b-1", axe=fiches["E.B 1"].axe_id, code="E.B 7")
    assert codes(client_agent, reference) == ["E.A 1", "E.A 2.1", "E.B 7", "E.B 2"]


@pytest.mark.parametrize(
    ("envoi", "phrase"),
    [
        ({"code": "EB 2"}, "« EB 2 » se lit comme « E.B 2 », qui existe déjà."),
        ({"code": "E.B 2"}, "Une fiche de la convention porte déjà ce code."),
        ({"code": "corbeille"}, "« corbeille » ne peut pas servir de code."),
        ({"axe": ""}, "Choisissez l’axe de la fiche."),
    ],
)
def test_move_is_refused_in_words(
    envoi: dict[str, str], phrase: str, fiches: dict[str, FicheAction], client_agent: Client, reference: str
) -> None:
    valeurs = {"axe": str(fiches["E.B 1"].axe_id), "code": "E.B 7"} | envoi
    reponse = client_agent.post(reverse("fiche_deplacer", args=[reference, "e-b-1"]), valeurs)
    assert reponse.status_code == 422
    assert phrase in reponse.content.decode()
    assert FicheAction.objects.filter(code="E.B 1").exists()


def test_copy_opens_in_the_editor_under_the_next_code(fiches: dict[str, FicheAction], client_agent: Client, reference: str) -> None:
    reponse = client_agent.post(reverse("fiche_dupliquer", args=[reference, "e-b-2"]), follow=True)
    assert reponse.redirect_chain == [(reverse("fiche_modifier", args=[reference, "e-b-3"]), 302)]
    assert "Copie créée sous le code E.B 3." in reponse.content.decode()
    assert FicheAction.objects.get(code="E.B 3").etat == "brouillon"


# --- Corbeille -------------------------------------------------------------------------------------


def test_fiche_is_discarded_after_a_page_that_says_what_follows(
    fiches: dict[str, FicheAction], client_agent: Client, reference: str
) -> None:
    lue = page(client_agent, "fiche_supprimer", reference, "e-b-1")
    assert "elle en sort d’un clic" in words(lue)
    assert FicheAction.objects.filter(code="E.B 1").exists()
    assert "E.B 1 est dans la corbeille de la convention." in post(client_agent, "fiche_supprimer", reference, "e-b-1")
    assert codes(client_agent, reference) == ["E.A 1", "E.A 2.1", "E.B 2"]
    assert (
        page(client_agent, "fiches", reference).xpath(f"//a[@href='{reverse('corbeille', args=[reference])}']/text()")[-1].strip()
        == "Corbeille (1)"
    )


def test_discarded_fiche_leaves_the_totals(fiches: dict[str, FicheAction], client_agent: Client, reference: str) -> None:
    assert "100\xa0€" in page(client_agent, "fiches", reference).text_content()
    fiches["E.A 1"].discard()
    assert "100\xa0€" not in page(client_agent, "fiches", reference).text_content()
    assert "100\xa0€" not in page(client_agent, "convention", reference).text_content()


def test_fiche_comes_back_whole(fiches: dict[str, FicheAction], client_agent: Client, reference: str) -> None:
    fiches["E.A 1"].discard()
    lue = page(client_agent, "corbeille", reference)
    assert words(lue, "//ul[@class='liste']/li").startswith(f"E.A 1 {fiches['E.A 1'].titre}")
    assert "E.A 1 est revenue" in post(client_agent, "fiche_recuperer", reference, fiches["E.A 1"].pk)
    retour = FicheAction.objects.get(code="E.A 1")
    assert (retour.lignes_cout.count(), retour.pilotages.count(), retour.commentaires.count()) == (1, 1, 1)
    assert codes(client_agent, reference) == ["E.A 1", "E.A 2.1", "E.B 1", "E.B 2"]


def test_fiche_whose_code_was_taken_comes_back_under_the_next(fiches: dict[str, FicheAction], client_agent: Client, reference: str) -> None:
    fiches["E.B 1"].discard()
    factories.FicheFactory(convention=fiches["E.B 1"].convention, axe=fiches["E.B 1"].axe, code="EB 1", ordre=50)
    lue = post(client_agent, "fiche_recuperer", reference, fiches["E.B 1"].pk)
    assert "Le code E.B 1 sert à une autre fiche : celle-ci porte maintenant E.B 3." in lue
    assert FicheAction.objects.get(pk=fiches["E.B 1"].pk).code == "E.B 3"


def test_corbeille_shows_the_latest_first_and_its_own_convention_only(
    fiches: dict[str, FicheAction], client_agent: Client, reference: str
) -> None:
    for code in ("E.B 1", "E.A 1"):
        fiches[code].discard()
    factories.FicheFactory(code="E.Z 1").discard()
    assert page(client_agent, "corbeille", reference).xpath("//span[@class='code']/text()") == ["E.A 1", "E.B 1"]


def test_empty_corbeille_says_what_comes_there(client_agent: Client, reference: str) -> None:
    assert "La corbeille est vide" in words(page(client_agent, "corbeille", reference))


# --- Passages of one fiche -------------------------------------------------------------------------


def test_passage_of_one_fiche_is_told_and_recorded(
    fiches: dict[str, FicheAction], client_agent: Client, reference: str, agent: Utilisateur
) -> None:
    assert "Fiche remise pour relecture." in post(client_agent, "fiche_etat", reference, "e-a-1", action="soumettre")
    passage = Passage.objects.get()
    assert (passage.fiche.code, passage.auteur, passage.organisation, passage.vers) == ("E.A 1", agent, agent.organisation, "en_relecture")


@pytest.mark.parametrize(("retour", "nom"), [("modifier", "fiche_modifier"), ("", "fiche")])
def test_refused_passage_leads_back_where_it_was_asked(
    retour: str, nom: str, fiches: dict[str, FicheAction], client_agent: Client, reference: str
) -> None:
    adresse = reverse("fiche_etat", args=[reference, "e-a-2-1"])
    reponse = client_agent.post(adresse, {"action": "renvoyer", "motif": "", "retour": retour})
    assert reponse["Location"] == reverse(nom, args=[reference, "e-a-2-1"])
    assert "Dites en une phrase ce qu’il faut corriger" in client_agent.get(reponse["Location"]).content.decode()


def test_who_handed_the_fiche_over_does_not_validate_it(
    fiches: dict[str, FicheAction], client_agent: Client, reference: str, marie: Utilisateur
) -> None:
    FicheAction.objects.filter(code="E.A 2.1").update(etat="en_redaction")
    post(client_agent, "fiche_etat", reference, "e-a-2-1", action="soumettre")
    assert "la relecture revient à la CCI" in post(client_agent, "fiche_etat", reference, "e-a-2-1", action="valider")
    client = Client()
    client.force_login(marie)
    assert "Fiche validée." in post(client, "fiche_etat", reference, "e-a-2-1", action="valider")
