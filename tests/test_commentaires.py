"""Comments beside a heading or a cell: written, answered, settled and read by the people of both organisations."""

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.urls import reverse
from lxml import html

from comptes.models import Utilisateur
from conventions.models import Convention
from fiches.commentaires import LONGUEUR, add_commentaire, count_by_fiche, list_fils, list_participants, mark_read, reopen, settle
from fiches.models import Commentaire, FicheAction
from tests import factories
from tests.ecritures import write_one

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]
HTMX = {"HX-Request": "true"}


def meet(convention: Convention, prenom: str, nom: str, role: str = "agent") -> Utilisateur:
    """Somebody of the CCI."""
    cci = convention.parties.get(role="beneficiaire").organisation
    return factories.UtilisateurFactory(prenom=prenom, nom=nom, organisation=cci, role=role)


def connect(utilisateur: Utilisateur) -> Client:
    client = Client()
    client.force_login(utilisateur)
    return client


@pytest.fixture
def hugo(convention: Convention) -> Utilisateur:
    return meet(convention, "Hugo", "Perrin")


@pytest.fixture
def fiche(convention: Convention) -> FicheAction:
    fiche = factories.FicheFactory(convention=convention, code="E.A 1.1")
    factories.LigneCoutFactory(fiche=fiche, nature__nom="Études", annee=2019)
    return fiche


def post(client: Client, fiche: FicheAction, htmx: bool = False, **envoi: Any) -> Any:
    adresse = reverse("fiche_commenter", args=[fiche.convention.reference, fiche.pk])
    return client.post(adresse, {"rubrique": "constat"} | envoi, headers=HTMX if htmx else {})


def post_reglement(client: Client, commentaire: Commentaire, htmx: bool = False, **envoi: Any) -> Any:
    fiche = commentaire.fiche
    adresse = reverse("fiche_commentaire_regler", args=[fiche.convention.reference, fiche.pk, commentaire.pk])
    return client.post(adresse, envoi, headers=HTMX if htmx else {})


def show(client: Client, fiche: FicheAction, nom: str = "fiche") -> html.HtmlElement:
    reponse = client.get(reverse(nom, args=[fiche.convention.reference, fiche.slug]))
    assert reponse.status_code == 200
    return html.fromstring(reponse.content.decode())


# --- Writing ---------------------------------------------------------------------------------------


def test_remark_of_one_is_answered_by_the_other(fiche: FicheAction, client_agent: Client, hugo: Utilisateur, agent: Utilisateur) -> None:
    post(client_agent, fiche, texte="Quel bureau ?")
    remarque = Commentaire.objects.get()
    post(connect(hugo), fiche, texte="Celui de 2017.", parent=remarque.pk)
    fil = list_fils(fiche, agent)["constat"][0]
    assert (fil.tete.texte, fil.tete.auteur) == ("Quel bureau ?", agent)
    assert [(r.texte, r.auteur) for r in fil.reponses] == [("Celui de 2017.", hugo)]


def test_answer_stands_under_the_heading_and_the_cell_of_its_thread(fiche: FicheAction, agent: Utilisateur) -> None:
    remarque = add_commentaire(agent, fiche, "Trop cher", "couts", "cout.2019.1.", "Études, 2019")
    reponse = add_commentaire(agent, fiche, "Non", "cible", "cout.2020.1.", "Études, 2020", parent=remarque)
    assert (reponse.rubrique, reponse.champ, reponse.repere) == ("couts", "cout.2019.1.", "Études, 2019")


def test_an_answer_is_not_answered_in_turn(fiche: FicheAction, agent: Utilisateur, client_agent: Client) -> None:
    remarque = add_commentaire(agent, fiche, "Quel bureau ?", "constat")
    reponse = add_commentaire(agent, fiche, "Celui-ci", parent=remarque)
    assert post(client_agent, fiche, texte="Lequel ?", parent=reponse.pk).status_code == 404


def test_remark_stands_beside_its_heading_on_the_page_and_in_the_editor(fiche: FicheAction, client_agent: Client) -> None:
    post(client_agent, fiche, texte="Qui ?", rubrique="cible")
    for nom in ("fiche", "fiche_modifier"):
        textes = show(client_agent, fiche, nom).xpath("//section[@id='cible']//article//p/text()")
        assert "Qui ?" in textes, nom


@pytest.mark.parametrize(
    "rubrique",
    ["objet", "constat", "contenus", "cible", "maitrise-ouvrage", "couts", "calendrier", "cofinancements", "partenariats", "evaluation"],
)
def test_every_heading_takes_comments_where_they_are_seen(rubrique: str, fiche: FicheAction, client_agent: Client) -> None:
    assert post(client_agent, fiche, texte="Une remarque d’essai", rubrique=rubrique).status_code == 302
    for nom in ("fiche", "fiche_modifier"):
        articles = show(client_agent, fiche, nom).xpath(f"//div[@id='com-{rubrique}']//article")
        assert ["Une remarque d’essai" in a.text_content() for a in articles] == [True], nom


def test_passage_that_is_quoted_stands_above_the_remark(fiche: FicheAction, client_agent: Client) -> None:
    post(client_agent, fiche, texte="Depuis quand ?", extrait="  les bureaux manquent  ")
    assert "« les bureaux manquent »" in show(client_agent, fiche).xpath("//article//mark/text()")


def test_quotation_and_mark_too_long_are_cut(fiche: FicheAction, agent: Utilisateur) -> None:
    commentaire = add_commentaire(agent, fiche, "Long", "couts", "c" * 400, "r" * 400, "e" * 400)
    commentaire.full_clean(exclude=["parent"])
    assert (len(commentaire.champ), len(commentaire.repere), len(commentaire.extrait)) == (250, 250, 300)


def test_cell_that_is_commented_is_marked_in_the_grid_until_settled(fiche: FicheAction, agent: Utilisateur, client_agent: Client) -> None:
    champ = f"cout.2019.{fiche.lignes_cout.get().nature_id}."
    commentaire = add_commentaire(agent, fiche, "Trop cher", "couts", champ, "Études, 2019")
    cellules = "//td[contains(@class, 'commentee')]//input[@type='text']/@name"
    assert show(client_agent, fiche, "fiche_modifier").xpath(cellules) == [champ]
    settle(agent, commentaire)
    assert show(client_agent, fiche, "fiche_modifier").xpath(cellules) == []


def test_comment_of_a_cell_keeps_its_words_when_the_line_goes(fiche: FicheAction, agent: Utilisateur, client_agent: Client) -> None:
    champ = f"cout.2019.{fiche.lignes_cout.get().nature_id}."
    post(client_agent, fiche, texte="Trop cher", rubrique="couts", champ=champ, repere="Études, 2019")
    assert write_one(agent, fiche, champ, "").statut == "enregistre"
    assert not fiche.lignes_cout.exists()
    for nom in ("fiche", "fiche_modifier"):
        assert show(client_agent, fiche, nom).xpath("//section[@id='couts']//article//mark/text()") == ["Études, 2019"]


@pytest.mark.parametrize("rubrique", ["", "annexe", "indicateurs"])
def test_heading_that_does_not_exist_takes_no_comment(rubrique: str, fiche: FicheAction, agent: Utilisateur) -> None:
    with pytest.raises(ValidationError, match="Choisissez la rubrique"):
        add_commentaire(agent, fiche, "Où ?", rubrique)


@pytest.mark.parametrize("etat", ["signee", "a_signer"])
def test_fiche_that_is_closed_is_still_discussed(etat: str, fiche: FicheAction, client_agent: Client) -> None:
    FicheAction.objects.update(etat="validee")
    Convention.objects.update(etat=etat)
    post(client_agent, fiche, texte="Pour l’avenant")
    assert "Pour l’avenant" in show(client_agent, fiche).xpath("//article//p/text()")


# --- Refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texte", "phrase"), [(" \r\n\x00", "Écrivez votre commentaire"), ("é" * (LONGUEUR + 1), "dépasse 4000 caractères")]
)
def test_empty_or_endless_remark_is_refused_in_words(texte: str, phrase: str, fiche: FicheAction, client_agent: Client) -> None:
    reponse = post(client_agent, fiche, htmx=True, texte=texte)
    assert reponse.status_code == 422
    assert phrase in html.fromstring(reponse.content.decode()).xpath("string(//p[@role='alert'])")
    assert not Commentaire.objects.exists()


def test_refused_remark_is_given_back_as_typed_in_an_open_form(fiche: FicheAction, client_agent: Client) -> None:
    texte = "<b>é</b>" * 600
    fragment = html.fromstring(post(client_agent, fiche, htmx=True, texte=texte).content.decode())
    assert fragment.xpath("string(//details[@open]//textarea[@id='com-texte-constat'])") == texte


def test_refused_remark_keeps_its_cell_and_its_quotation(fiche: FicheAction, client_agent: Client) -> None:
    ancre = {"champ": "cout.2019.1.", "repere": "Études, 2019", "extrait": "1 000"}
    reponse = post(client_agent, fiche, htmx=True, texte="é" * 4001, rubrique="couts", **ancre)
    formulaire = html.fromstring(reponse.content.decode()).xpath("//details[contains(@class, 'commenter')]//form")[0]
    assert {nom: formulaire.xpath(f"string(.//input[@name='{nom}']/@value)") for nom in ancre} == ancre


def test_refused_answer_is_given_back_under_its_remark(fiche: FicheAction, agent: Utilisateur, client_agent: Client) -> None:
    remarque = add_commentaire(agent, fiche, "Quel bureau ?", "constat")
    fragment = html.fromstring(post(client_agent, fiche, htmx=True, texte="é" * 4001, parent=remarque.pk).content.decode())
    assert fragment.xpath(f"string(//textarea[@id='rep-{remarque.pk}'])").strip() == "é" * 4001


def test_refusal_without_script_is_told_on_the_page(fiche: FicheAction, client_agent: Client) -> None:
    reponse = post(client_agent, fiche, texte="")
    assert reponse["Location"] == f"{fiche.get_absolute_url()}#constat"
    assert "Écrivez votre commentaire avant de l’envoyer." in client_agent.get(reponse["Location"]).content.decode()


def test_longest_remark_is_accepted(fiche: FicheAction, agent: Utilisateur) -> None:
    assert add_commentaire(agent, fiche, "é" * LONGUEUR, "constat").pk


def test_lecteur_neither_writes_nor_settles(fiche: FicheAction, agent: Utilisateur, convention: Convention) -> None:
    lecteur = meet(convention, "Léa", "Lit", role="lecteur")
    remarque = add_commentaire(agent, fiche, "Quel bureau ?", "constat")
    for acte in (
        lambda: add_commentaire(lecteur, fiche, "Moi !", "constat"),
        lambda: settle(lecteur, remarque),
        lambda: reopen(lecteur, remarque),
    ):
        with pytest.raises(PermissionDenied, match="lit les commentaires sans en écrire"):
            acte()


def test_lecteur_reads_the_threads_without_a_form(fiche: FicheAction, agent: Utilisateur, convention: Convention) -> None:
    add_commentaire(agent, fiche, "Quel bureau ?", "constat")
    page = show(connect(meet(convention, "Léa", "Lit", role="lecteur")), fiche)
    assert "Quel bureau ?" in page.xpath("//article//p/text()")
    assert not page.xpath("//textarea[@name='texte']")


def test_two_organisations_outside_see_nothing(fiche: FicheAction, agent: Utilisateur) -> None:
    add_commentaire(agent, fiche, "Quel bureau ?", "constat")
    vus = [Commentaire.objects.visible_to(u).count() for u in (agent, factories.UtilisateurFactory())]
    assert vus == [1, 0]


# --- What is written is shown as it is -------------------------------------------------------------


def test_typed_tags_are_shown_as_typed(fiche: FicheAction, agent: Utilisateur, client_agent: Client) -> None:
    texte = "<script>alert(1)</script> & <b>gras</b>\nsuite"
    add_commentaire(agent, fiche, texte, "constat", repere="<i>repère</i>", extrait="<u>extrait</u>")
    for nom in ("fiche", "fiche_modifier"):
        article = show(client_agent, fiche, nom).xpath("//article")[0]
        assert not article.xpath(".//script | .//b | .//i | .//u")
        assert all(
            mots in article.text_content() for mots in ("<script>alert(1)</script> & <b>gras</b>", "<i>repère</i>", "<u>extrait</u>")
        )


def test_line_ends_are_kept(fiche: FicheAction, agent: Utilisateur) -> None:
    assert add_commentaire(agent, fiche, "Un\r\ndeux", "constat").html == "Un<br>deux"


def test_names_with_signs_of_html_stay_names(fiche: FicheAction, agent: Utilisateur, convention: Convention) -> None:
    meet(convention, "Jo<b>", "O'Neil")
    assert add_commentaire(agent, fiche, "@Jo<b> O'Neil", "constat").html == "<strong>@Jo&lt;b&gt; O&#x27;Neil</strong>"


def test_comment_of_a_deleted_account_stays(fiche: FicheAction, convention: Convention, client_agent: Client) -> None:
    parti = meet(convention, "Paul", "Parti")
    add_commentaire(parti, fiche, "Quel bureau ?", "constat")
    parti.delete()
    article = show(client_agent, fiche).xpath("//article")[0]
    assert "Compte supprimé" in article.text_content()


# --- Naming people ---------------------------------------------------------------------------------


def cite(fiche: FicheAction, agent: Utilisateur, texte: str) -> set[str]:
    return {str(p) for p in add_commentaire(agent, fiche, texte, "constat").mentions.all()}


@pytest.mark.parametrize(
    ("texte", "cites"),
    [
        ("Merci @Anne Petit.", {"Anne Petit"}),
        ("Merci @anne petit", {"Anne Petit"}),
        ("Merci @Anne Petit-Jean", {"Anne Petit-Jean"}),
        ("@Anne Petit-Jean et @Anne Petit", {"Anne Petit", "Anne Petit-Jean"}),
        ("@Anne Petitot", set()),
        ("Anne Petit", set()),
        ("@Anne", set()),
        ("anne@Anne Petit@x", {"Anne Petit"}),
    ],
)
def test_full_names_after_an_at_are_people_named(
    texte: str, cites: set[str], fiche: FicheAction, agent: Utilisateur, convention: Convention
) -> None:
    meet(convention, "Anne", "Petit")
    meet(convention, "Anne", "Petit-Jean")
    assert cite(fiche, agent, texte) == cites


def test_people_beyond_the_parties_and_closed_accounts_are_not_named(
    fiche: FicheAction, agent: Utilisateur, convention: Convention
) -> None:
    factories.UtilisateurFactory(prenom="Zoé", nom="Dehors")
    parti = meet(convention, "Paul", "Parti")
    parti.is_active = False
    parti.save()
    assert cite(fiche, agent, "@Zoé Dehors @Paul Parti") == set()


def test_each_name_is_in_bold_whole(fiche: FicheAction, agent: Utilisateur, convention: Convention) -> None:
    meet(convention, "Anne", "Petit")
    meet(convention, "Anne", "Petit-Jean")
    gras = html.fromstring(f"<p>{add_commentaire(agent, fiche, '@Anne Petit-Jean, @Anne Petit', 'constat').html}</p>").xpath("//strong")
    assert [g.text_content() for g in gras] == ["@Anne Petit-Jean", "@Anne Petit"]


def test_name_typed_in_small_letters_is_in_bold_too(fiche: FicheAction, agent: Utilisateur, hugo: Utilisateur) -> None:
    assert add_commentaire(agent, fiche, "@hugo perrin", "constat").html == "<strong>@hugo perrin</strong>"


def test_editor_offers_the_people_to_name_but_not_oneself(
    fiche: FicheAction, agent: Utilisateur, hugo: Utilisateur, client_agent: Client
) -> None:
    assert list_participants(fiche) == sorted([agent, hugo], key=lambda p: p.nom)
    offres = show(client_agent, fiche, "fiche_modifier").xpath("//select[@id='com-qui-constat']/option/text()")
    assert offres == ["Citer…", "@Hugo Perrin"]


# --- Settled, read ---------------------------------------------------------------------------------


def test_either_party_settles_and_opens_again(fiche: FicheAction, agent: Utilisateur, client_agent: Client, hugo: Utilisateur) -> None:
    remarque = add_commentaire(agent, fiche, "Quel bureau ?", "constat")
    post_reglement(connect(hugo), remarque)
    remarque.refresh_from_db()
    assert (remarque.regle_par, remarque.regle_le is not None) == (hugo, True)
    assert "Réglé par Hugo Perrin" in show(client_agent, fiche).xpath("string(//article//summary)")
    post_reglement(client_agent, remarque, rouvrir="1")
    remarque.refresh_from_db()
    assert (remarque.regle_par, remarque.regle_le) == (None, None)


def test_thread_settled_twice_names_who_did_it_first(fiche: FicheAction, agent: Utilisateur, hugo: Utilisateur) -> None:
    remarque = add_commentaire(agent, fiche, "Quel bureau ?", "constat")
    settle(hugo, remarque)
    settle(agent, remarque)
    remarque.refresh_from_db()
    assert remarque.regle_par == hugo


def test_settled_threads_come_after_the_open_ones(fiche: FicheAction, agent: Utilisateur) -> None:
    for texte in ("un", "deux", "trois"):
        add_commentaire(agent, fiche, texte, "constat")
    settle(agent, Commentaire.objects.get(texte="un"))
    assert [fil.tete.texte for fil in list_fils(fiche, agent)["constat"]] == ["deux", "trois", "un"]


def test_what_others_wrote_is_new_until_it_is_read(fiche: FicheAction, agent: Utilisateur, hugo: Utilisateur) -> None:
    remarque = add_commentaire(agent, fiche, "Quel bureau ?", "constat")
    assert [list_fils(fiche, u)["constat"][0].is_nouveau for u in (agent, hugo)] == [False, True]
    mark_read(fiche, hugo)
    assert not list_fils(fiche, hugo)["constat"][0].is_nouveau
    add_commentaire(agent, fiche, "Alors ?", parent=remarque)
    assert list_fils(fiche, hugo)["constat"][0].is_nouveau


def test_reading_one_fiche_leaves_the_others_unread(fiche: FicheAction, agent: Utilisateur, hugo: Utilisateur) -> None:
    autre = factories.FicheFactory(convention=fiche.convention)
    add_commentaire(agent, autre, "Ici aussi", "constat")
    mark_read(fiche, hugo)
    assert Commentaire.objects.unread_by(hugo).count() == 1


@pytest.mark.parametrize("entetes", [HTMX, {"X-Requested-With": "fetch"}])
def test_page_says_in_silence_that_comments_are_read(
    entetes: dict[str, str], fiche: FicheAction, agent: Utilisateur, hugo: Utilisateur
) -> None:
    add_commentaire(agent, fiche, "Quel bureau ?", "constat")
    adresse = reverse("fiche_commentaires_lus", args=[fiche.convention.reference, fiche.pk])
    assert connect(hugo).post(adresse, headers=entetes).status_code == 204
    assert not Commentaire.objects.unread_by(hugo).exists()


@pytest.mark.parametrize(("retour", "page"), [("modifier", "fiche_modifier"), ("", "fiche")])
def test_comments_marked_as_read_by_a_button_lead_back_to_the_page(
    retour: str, page: str, fiche: FicheAction, client_agent: Client
) -> None:
    adresse = reverse("fiche_commentaires_lus", args=[fiche.convention.reference, fiche.pk])
    assert client_agent.post(adresse, {"retour": retour})["Location"] == reverse(page, args=[fiche.convention.reference, fiche.slug])


def test_opening_the_page_reads_nothing_by_itself(fiche: FicheAction, agent: Utilisateur, hugo: Utilisateur) -> None:
    add_commentaire(agent, fiche, "Quel bureau ?", "constat")
    assert "Nouveau" in show(connect(hugo), fiche).xpath("string(//article)")
    assert Commentaire.objects.unread_by(hugo).count() == 1


def test_open_threads_and_unread_comments_are_counted_by_fiche(fiche: FicheAction, agent: Utilisateur, hugo: Utilisateur) -> None:
    autre, muette = (factories.FicheFactory(convention=fiche.convention) for _ in range(2))
    remarque = add_commentaire(agent, fiche, "Un", "constat")
    add_commentaire(hugo, fiche, "Une réponse", parent=remarque)
    settle(agent, add_commentaire(agent, fiche, "Réglé", "constat"))
    add_commentaire(agent, autre, "Deux", "cible")
    pks = [fiche.pk, autre.pk, muette.pk]
    assert count_by_fiche(pks, hugo) == {fiche.pk: (1, 2), autre.pk: (1, 1), muette.pk: (0, 0)}
    assert count_by_fiche(pks, agent) == {fiche.pk: (1, 1), autre.pk: (1, 0), muette.pk: (0, 0)}


# --- What the page receives ------------------------------------------------------------------------


def test_script_receives_the_threads_of_the_heading_alone(fiche: FicheAction, agent: Utilisateur, client_agent: Client) -> None:
    add_commentaire(agent, fiche, "Ailleurs", "cible")
    reponse = post(client_agent, fiche, htmx=True, texte="Quel bureau ?")
    fragment = html.fromstring(reponse.content.decode())
    assert (reponse.status_code, fragment.tag, fragment.get("id")) == (200, "div", "com-constat")
    assert "Quel bureau ?" in fragment.text_content()
    assert "Ailleurs" not in fragment.text_content()


def test_script_receives_the_thread_it_settles(fiche: FicheAction, agent: Utilisateur, client_agent: Client) -> None:
    remarque = add_commentaire(agent, fiche, "Quel bureau ?", "constat")
    fragment = html.fromstring(post_reglement(client_agent, remarque, htmx=True).content.decode())
    assert fragment.get("id") == "com-constat"
    assert "Rouvrir" in fragment.text_content()


@pytest.mark.parametrize(("retour", "page"), [("modifier", "fiche_modifier"), ("", "fiche")])
def test_without_script_one_comes_back_beside_the_heading(retour: str, page: str, fiche: FicheAction, client_agent: Client) -> None:
    adresse = reverse(page, args=[fiche.convention.reference, fiche.slug]) + "#constat"
    reponse = post(client_agent, fiche, texte="Quel bureau ?", retour=retour)
    assert (reponse.status_code, reponse["Location"]) == (302, adresse)
    assert post_reglement(client_agent, Commentaire.objects.get(), retour=retour)["Location"] == adresse


def test_forms_of_a_page_lead_back_to_it(fiche: FicheAction, agent: Utilisateur, client_agent: Client) -> None:
    add_commentaire(agent, fiche, "Quel bureau ?", "constat")
    for nom, retour in (("fiche", ""), ("fiche_modifier", "modifier")):
        formulaires = show(client_agent, fiche, nom).xpath("//div[@id='com-constat']//form")
        assert {f.xpath("string(.//input[@name='retour']/@value)") for f in formulaires} == {retour}
        assert len(formulaires) == 3
