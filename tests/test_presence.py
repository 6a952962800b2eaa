"""Who is at work on a fiche is told to the others, and what they changed since the page was opened."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from lxml import html

from comptes.models import Utilisateur
from conventions.models import Convention
from fiches.models import FicheAction, Presence
from fiches.presence import list_presents, mark_presence
from tests import factories
from tests.ecritures import write_one

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]


@pytest.fixture
def fiche(convention: Convention) -> FicheAction:
    return factories.FicheFactory(convention=convention, code="E.A 1.1", constat="Peu de bureaux.")


@pytest.fixture
def hugo(convention: Convention) -> Utilisateur:
    """Of the CCI."""
    cci = convention.parties.get(role="beneficiaire").organisation
    return factories.UtilisateurFactory(prenom="Hugo", nom="Perrin", organisation=cci)


@pytest.fixture
def client_hugo(hugo: Utilisateur) -> Client:
    client = Client()
    client.force_login(hugo)
    return client


def sign(client: Client, fiche: FicheAction, **objet: Any) -> dict[str, Any]:
    """A sign of life of an open page."""
    adresse = reverse("fiche_presence", args=[fiche.convention.reference, fiche.pk])
    reponse = client.post(adresse, objet, content_type="application/json")
    assert reponse.status_code == 200
    return reponse.json()


def read(reponse: dict[str, Any]) -> str:
    """What the page will show of the others."""
    return " ".join(html.fromstring(f"<div>{reponse['presents']}</div>").text_content().split())


def version_of(fiche: FicheAction) -> str:
    return FicheAction.objects.get(pk=fiche.pk).modifiee_le.isoformat()


def pass_time(monkeypatch: pytest.MonkeyPatch, secondes: float) -> None:
    plus_tard = timezone.now() + timedelta(seconds=secondes)
    monkeypatch.setattr("django.utils.timezone.now", lambda: plus_tard)


# --- Who is here -----------------------------------------------------------------------------------


def test_each_is_told_of_the_other_and_not_of_oneself(
    fiche: FicheAction, client_agent: Client, client_hugo: Client, agent: Utilisateur
) -> None:
    assert read(sign(client_hugo, fiche)) == ""
    assert "Hugo Perrin (CCI) a ouvert cette fiche." in read(sign(client_agent, fiche))
    assert "Hugo Perrin" not in read(sign(client_hugo, fiche))
    assert str(agent) in read(sign(client_hugo, fiche))


def test_field_where_somebody_writes_is_told(fiche: FicheAction, client_agent: Client, client_hugo: Client) -> None:
    sign(client_hugo, fiche, champ="Études, 2019")
    assert "écrit dans « Études, 2019 »." in read(sign(client_agent, fiche))
    sign(client_hugo, fiche, champ="Constat")
    lue = read(sign(client_agent, fiche))
    assert "« Constat »" in lue
    assert "Études" not in lue


def test_editor_that_opens_shows_who_is_here(fiche: FicheAction, hugo: Utilisateur, client_agent: Client) -> None:
    mark_presence(fiche, hugo, "Constat")
    page = client_agent.get(reverse("fiche_modifier", args=[fiche.convention.reference, fiche.slug])).content.decode()
    presents = html.fromstring(page).xpath("//div[@data-presents]")[0]
    assert "Hugo Perrin" in presents.text_content()


def test_somebody_is_here_once_however_often_they_sign(fiche: FicheAction, client_agent: Client, client_hugo: Client) -> None:
    for champ in ("Constat", "Cible"):
        sign(client_hugo, fiche, champ=champ)
    assert read(sign(client_agent, fiche)).count("Hugo Perrin") == 1


@pytest.mark.parametrize(("secondes", "presente"), [(34, True), (36, False)])
def test_who_gives_no_sign_for_35_seconds_has_left(
    secondes: int, presente: bool, fiche: FicheAction, hugo: Utilisateur, agent: Utilisateur, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark_presence(fiche, hugo, "")
    pass_time(monkeypatch, secondes)
    assert bool(list_presents(fiche, agent)) is presente


def test_sign_keeps_somebody_here(fiche: FicheAction, hugo: Utilisateur, agent: Utilisateur, monkeypatch: pytest.MonkeyPatch) -> None:
    mark_presence(fiche, hugo, "")
    pass_time(monkeypatch, 30)
    mark_presence(fiche, hugo, "")
    pass_time(monkeypatch, 30)
    assert [p.nom for p in list_presents(fiche, agent)] == ["Hugo Perrin"]


def test_who_closes_the_page_leaves_at_once(fiche: FicheAction, client_agent: Client, client_hugo: Client) -> None:
    sign(client_hugo, fiche, champ="Constat")
    assert sign(client_hugo, fiche, quitte=True) == {}
    assert read(sign(client_agent, fiche)) == ""


def test_leaving_takes_nobody_else_away(fiche: FicheAction, client_agent: Client, client_hugo: Client, agent: Utilisateur) -> None:
    sign(client_hugo, fiche)
    sign(client_agent, fiche)
    sign(client_agent, fiche, quitte=True)
    assert [p.utilisateur.nom for p in Presence.objects.all()] == ["Perrin"]


def test_somebody_on_another_fiche_is_not_here(fiche: FicheAction, client_agent: Client, client_hugo: Client) -> None:
    sign(client_hugo, factories.FicheFactory(convention=fiche.convention))
    assert read(sign(client_agent, fiche)) == ""


def test_several_stand_in_the_order_of_their_names(fiche: FicheAction, agent: Utilisateur, hugo: Utilisateur) -> None:
    for prenom, nom in (("Zoé", "Zola"), ("Anne", "Petit")):
        mark_presence(fiche, factories.UtilisateurFactory(prenom=prenom, nom=nom, organisation=hugo.organisation), "")
    mark_presence(fiche, hugo, "")
    assert [(p.nom, p.initiales, p.sigle) for p in list_presents(fiche, agent)] == [
        ("Hugo Perrin", "HP", "CCI"),
        ("Anne Petit", "AP", "CCI"),
        ("Zoé Zola", "ZZ", "CCI"),
    ]


def test_names_and_fields_are_shown_as_typed(fiche: FicheAction, client_agent: Client, client_hugo: Client) -> None:
    Utilisateur.objects.filter(nom="Perrin").update(nom="<b>Perrin</b>")
    sign(client_hugo, fiche, champ="<i>Constat</i>")
    reponse = sign(client_agent, fiche)
    assert "Hugo <b>Perrin</b>" in read(reponse)
    assert "« <i>Constat</i> »" in read(reponse)


def test_name_of_a_field_too_long_is_cut(fiche: FicheAction, client_hugo: Client) -> None:
    sign(client_hugo, fiche, champ="é" * 1000)
    assert Presence.objects.get().champ == "é" * 250


# --- What changed meanwhile ------------------------------------------------------------------------


def test_page_up_to_date_receives_no_content(fiche: FicheAction, client_agent: Client) -> None:
    reponse = sign(client_agent, fiche, version=version_of(fiche))
    assert set(reponse) == {"presents", "version", "refus"}
    assert reponse["version"] == version_of(fiche)


def test_page_behind_receives_what_changed(fiche: FicheAction, hugo: Utilisateur, client_agent: Client) -> None:
    connue = version_of(fiche)
    champ = f"cout.2019.{factories.NatureFactory().pk}."
    assert write_one(hugo, fiche, champ, "1 000").statut == "enregistre"
    reponse = sign(client_agent, fiche, version=connue)
    assert reponse["version"] == version_of(fiche) != connue
    assert reponse["contenu"]["constat"] == "Peu de bureaux."
    assert "".join(reponse["contenu"][champ].split()) == "1000"
    assert "".join(reponse["places"]["cout"].split()) == "1000€"
    assert "rubriques sur 9" in reponse["rubriques"]
    assert "contenu" not in sign(client_agent, fiche, version=reponse["version"])


def test_page_that_just_saved_is_up_to_date(fiche: FicheAction, client_agent: Client) -> None:
    adresse = reverse("fiche_enregistrer", args=[fiche.convention.reference, fiche.pk])
    objet = {"modifications": [{"champ": "cible", "avant": "", "apres": "100 entreprises"}], "version": version_of(fiche)}
    enregistree = client_agent.post(adresse, objet, content_type="application/json").json()
    assert "contenu" not in enregistree
    assert "contenu" not in sign(client_agent, fiche, version=enregistree["version"])


def test_saving_from_a_page_behind_brings_what_the_others_wrote(fiche: FicheAction, hugo: Utilisateur, client_agent: Client) -> None:
    connue = version_of(fiche)
    write_one(hugo, fiche, "methode", "Par téléphone.")
    adresse = reverse("fiche_enregistrer", args=[fiche.convention.reference, fiche.pk])
    objet = {"modifications": [{"champ": "cible", "avant": "", "apres": "100 entreprises"}], "version": connue}
    contenu = client_agent.post(adresse, objet, content_type="application/json").json()["contenu"]
    assert (contenu["methode"], contenu["cible"]) == ("Par téléphone.", "100 entreprises")


# --- When one may not write any more ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("situation", "raison"),
    [("validee", "Cette fiche est validée."), ("signee", "Cette convention est signée"), ("lecteur", "Votre compte lit les fiches")],
)
def test_page_learns_that_nothing_is_written_any_more(
    situation: str, raison: str, fiche: FicheAction, hugo: Utilisateur, client_agent: Client, agent: Utilisateur
) -> None:
    assert sign(client_agent, fiche)["refus"] == ""
    Presence.objects.all().delete()
    if situation == "validee":
        FicheAction.objects.update(etat="validee")
    elif situation == "signee":
        Convention.objects.update(etat="signee")
    else:
        Utilisateur.objects.filter(pk=agent.pk).update(role="lecteur")
    mark_presence(fiche, hugo, "")
    reponse = sign(client_agent, fiche)
    assert raison in reponse["refus"]
    assert "Hugo Perrin" in read(reponse)
    assert [p.utilisateur for p in Presence.objects.all()] == [hugo]


def test_sign_of_life_is_no_change_of_the_fiche(fiche: FicheAction, client_agent: Client) -> None:
    avant, versions = version_of(fiche), fiche.history.count()
    sign(client_agent, fiche, champ="Constat")
    assert (version_of(fiche), fiche.history.count()) == (avant, versions)
