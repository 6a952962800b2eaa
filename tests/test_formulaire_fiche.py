"""A fiche written without JavaScript: one form sent whole, that writes what changed and keeps what was refused."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from lxml import html

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention
from fiches.models import CibleIndicateur, FicheAction, Indicateur, Pilote
from financement.models import CoFinancement, LigneCout, NatureDepense
from tests.ecritures import read, spell, write, write_one
from tests.factories import (
    CoFinancementFactory,
    FicheFactory,
    IndicateurFactory,
    LigneCoutFactory,
    UtilisateurFactory,
    euros,
)

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]

Champs = dict[str, list[str]]


@pytest.fixture
def fiche(convention: Convention) -> FicheAction:
    return FicheFactory(convention=convention, titre="Accompagner", constat="Un constat.", code="E.A 1")


def url(fiche: FicheAction) -> str:
    return reverse("fiche_modifier", args=[fiche.convention.reference, fiche.slug])


def read_form(reponse: HttpResponse) -> Champs:
    """What a browser without JavaScript would send of the page, all its fields left as they are."""
    page = html.fromstring(reponse.content.decode())
    champs: Champs = {}
    for el in page.xpath("//*[@form='formulaire'][@name][not(ancestor::template)]"):
        if el.tag == "textarea":
            valeurs = [(el.text or "").removeprefix("\n")]
        elif el.tag == "select":
            choisies = el.xpath(".//option[@selected]") or el.xpath(".//option")[:1]
            valeurs = [o.get("value", o.text or "") for o in choisies]
        elif el.tag == "button" or (el.get("type") == "checkbox" and "checked" not in el.attrib):
            valeurs = []
        else:
            valeurs = [el.get("value", "")]
        if valeurs:
            champs.setdefault(el.get("name"), []).extend(v.replace("\r\n", "\n").replace("\n", "\r\n") for v in valeurs)
    return champs


def open_form(client: Client, fiche: FicheAction) -> Champs:
    reponse = client.get(url(fiche))
    assert reponse.status_code == 200
    champs = read_form(reponse)
    assert "avant|titre" in champs
    return champs


def send(client: Client, fiche: FicheAction, champs: Champs, **changes: Any) -> Any:
    """Send the form with some fields filled otherwise."""
    return client.post(url(fiche), {**champs, **changes})


def fill(client: Client, fiche: FicheAction, valeurs: dict[str, str]) -> Any:
    """Open the page, fill fields, send it."""
    return client.post(url(fiche), {**open_form(client, fiche), **valeurs})


def shown(reponse: HttpResponse) -> str:
    """Words of a page, on one line."""
    page = html.fromstring(reponse.content.decode())
    return spell(" ".join(page.text_content().split()))


def said(reponse: HttpResponse) -> list[str]:
    return [str(m) for m in get_messages(reponse.wsgi_request)]


def costs() -> list[tuple[int, str, Any]]:
    return [(li.annee, li.libelle, li.montant) for li in LigneCout.objects.all()]


# --- what changed ----------------------------------------------------------------------------------


def test_only_fields_that_changed_are_written(client_agent: Client, fiche: FicheAction, etudes: NatureDepense) -> None:
    LigneCoutFactory(fiche=fiche, nature=etudes)
    avant = read(fiche)
    reponse = fill(client_agent, fiche, {"cible": "Tous", f"cout.2019.{etudes.pk}.": "1 200 €"})
    assert (reponse.status_code, reponse["Location"], said(reponse)) == (302, url(fiche), ["Tout est enregistré."])
    assert {c: spell(v) for c, v in read(fiche).items()} == avant | {"cible": "Tous", f"cout.2019.{etudes.pk}.": "1 200"}


def test_page_sent_as_it_is_writes_nothing(
    client_agent: Client, agent: Utilisateur, partenaire: Utilisateur, fiche: FicheAction, etudes: NatureDepense, cci: Organisation
) -> None:
    valeurs = {
        "constat": 'Un « constat » <b>gras</b> & "cité".\n\n- une liste\n- deux',
        "date_debut": "2018-11-02",
        "annees_calendrier": "2018, 2020",
        "base_montants": "ttc",
        f"maitre.{cci.pk}": "oui",
        f"pilote.{partenaire.pk}": "oui",
        f'cout.2018.{etudes.pk}.Salon "A" <i>': "27 j × 550",
        f"cout.2021.{etudes.pk}.": "9 900 € (16,5 j) (au forfait)",
        f"cout.2019.{etudes.pk}.": "sur devis",
        f"part.{cci.pk}.{etudes.pk}.2018.taux": "33,3333",
        "part.0.0.0.montant": "1 234,50",
        "part.0.0.0.mention": "alternance",
        "indicateur.n1.libelle": "Commerces",
        "indicateur.n1.2018": "1 200,5",
    }
    assert {r.statut for r in write(agent, fiche, valeurs).values()} == {"enregistre"}
    avant, versions = read(fiche), fiche.history.count()
    reponse = fill(client_agent, fiche, {})
    assert (reponse.status_code, said(reponse)) == (302, ["Rien n’avait changé."])
    assert (read(fiche), fiche.history.count()) == (avant, versions)


def test_pages_of_the_demonstration_sent_as_they_are_write_nothing(client: Client, chaumont: Convention) -> None:
    Convention.objects.update(etat="en_negociation")
    FicheAction.objects.update(etat="en_redaction")
    client.force_login(UtilisateurFactory(organisation=None, is_superuser=True))
    for fiche in chaumont.fiches.all()[:3]:
        avant = read(fiche)
        assert said(fill(client, fiche, {})) == ["Rien n’avait changé."], fiche.code
        assert read(fiche) == avant


def test_unticked_box_and_emptied_cell_are_written(
    client_agent: Client, agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense, cci: Organisation
) -> None:
    LigneCoutFactory(fiche=fiche, nature=etudes)
    write(agent, fiche, {f"maitre.{cci.pk}": "oui", f"pilote.{agent.pk}": "oui"})
    champs = open_form(client_agent, fiche)
    del champs[f"maitre.{cci.pk}"], champs[f"pilote.{agent.pk}"]
    send(client_agent, fiche, champs, **{f"cout.2018.{etudes.pk}.": ""})
    assert (fiche.maitres_ouvrage.count(), Pilote.objects.count(), LigneCout.objects.count()) == (0, 0, 0)


def test_row_is_renamed(client_agent: Client, fiche: FicheAction, etudes: NatureDepense) -> None:
    LigneCoutFactory(fiche=fiche, nature=etudes, libelle="Salon")
    fill(client_agent, fiche, {f"ligne.{etudes.pk}.Salon": "Foire"})
    assert costs() == [(2018, "Foire", euros(100))]


def test_both_dates_move_at_once(client_agent: Client, agent: Utilisateur, fiche: FicheAction) -> None:
    write(agent, fiche, {"date_debut": "2018-01-01", "date_fin": "2018-12-31"})
    assert fill(client_agent, fiche, {"date_debut": "2020-01-01", "date_fin": "2020-12-31"}).status_code == 302
    assert (read(fiche)["date_debut"], read(fiche)["date_fin"]) == ("2020-01-01", "2020-12-31")


def test_year_asked_for_has_its_column(client_agent: Client, fiche: FicheAction, etudes: NatureDepense) -> None:
    LigneCoutFactory(fiche=fiche, nature=etudes)
    reponse = fill(client_agent, fiche, {"annee": "2023"})
    assert reponse["Location"] == f"{url(fiche)}?annee=2023"
    assert f"cout.2023.{etudes.pk}." in read_form(client_agent.get(reponse["Location"]))


# --- refused ---------------------------------------------------------------------------------------


def test_refused_field_keeps_what_was_typed_and_leaves_the_others_written(
    client_agent: Client, fiche: FicheAction, etudes: NatureDepense
) -> None:
    LigneCoutFactory(fiche=fiche, nature=etudes)
    champ = f"cout.2018.{etudes.pk}."
    reponse = fill(client_agent, fiche, {champ: "beaucoup <b>", "cible": "Tous"})
    assert reponse.status_code == 422
    assert "« beaucoup <b> » n’est pas un nombre." in shown(reponse)
    assert "Études, 2018" in shown(reponse)
    champs = read_form(reponse)
    assert (champs[champ], champs[f"avant|{champ}"], champs["cible"]) == (["beaucoup <b>"], ["100"], ["Tous"])
    assert (read(fiche)["cible"], costs()) == ("Tous", [(2018, "", euros(100))])


def test_refused_field_is_marked_for_those_who_do_not_see_it(client_agent: Client, fiche: FicheAction) -> None:
    reponse = fill(client_agent, fiche, {"titre": ""})
    page = html.fromstring(reponse.content.decode())
    (titre,) = page.xpath("//input[@name='titre']")
    assert titre.get("aria-invalid") == "true"
    retours = [page.get_element_by_id(cle).text_content() for cle in titre.get("aria-describedby").split()]
    assert "Une fiche a toujours un titre." in " ".join(retours)


def test_refused_field_is_corrected_on_the_page_that_refused_it(client_agent: Client, fiche: FicheAction, etudes: NatureDepense) -> None:
    LigneCoutFactory(fiche=fiche, nature=etudes)
    champ = f"cout.2018.{etudes.pk}."
    refusee = fill(client_agent, fiche, {champ: "beaucoup", "cible": "Tous"})
    reponse = send(client_agent, fiche, read_form(refusee), **{champ: "300"})
    assert (reponse.status_code, costs()) == (302, [(2018, "", euros(300))])


def test_ambiguous_number_is_asked_about_in_words(client_agent: Client, fiche: FicheAction, etudes: NatureDepense) -> None:
    LigneCoutFactory(fiche=fiche, nature=etudes)
    reponse = fill(client_agent, fiche, {f"cout.2018.{etudes.pk}.": "1.234"})
    assert reponse.status_code == 422
    assert "« 1.234 » se lit de deux façons. Écrivez 1234 ou 1,23." in shown(reponse)


# --- conflicts -------------------------------------------------------------------------------------


@pytest.fixture
def conflict(client_agent: Client, partenaire: Utilisateur, fiche: FicheAction) -> HttpResponse:
    """The page that answers when the partner wrote the same field meanwhile."""
    champs = open_form(client_agent, fiche)
    write_one(partenaire, fiche, "constat", "Le constat de la CCI.")
    return send(client_agent, fiche, champs, constat="Le constat de l’agglo.", cible="Tous")


def test_conflict_shows_both_versions_and_who_wrote_the_other(conflict: HttpResponse, fiche: FicheAction) -> None:
    assert conflict.status_code == 422
    texte = shown(conflict)
    assert "Dominique Martin a modifié ce champ le" in texte
    page = html.fromstring(conflict.content.decode())
    versions = [" ".join(dd.text_content().split()) for dd in page.xpath("//*[contains(@class, 'conflit-champ')]//dd")]
    assert versions == ["Le constat de la CCI.", "Le constat de l’agglo."]
    assert page.xpath("//button[@name='prendre']/@value") == ["constat"]
    assert (read(fiche)["constat"], read(fiche)["cible"]) == ("Le constat de la CCI.", "Tous")


def test_conflict_with_data_loaded_by_nobody_has_words_for_it(client_agent: Client, fiche: FicheAction) -> None:
    champs = open_form(client_agent, fiche)
    fiche.constat = "Chargé depuis un fichier."
    fiche.save()
    assert "Quelqu’un a modifié ce champ le" in shown(send(client_agent, fiche, champs, constat="Le mien."))


def test_mine_is_kept_by_sending_again(client_agent: Client, conflict: HttpResponse, fiche: FicheAction) -> None:
    assert send(client_agent, fiche, read_form(conflict)).status_code == 302
    assert read(fiche)["constat"] == "Le constat de l’agglo."


def test_theirs_is_taken_and_the_rest_written(client_agent: Client, conflict: HttpResponse, fiche: FicheAction) -> None:
    reponse = send(client_agent, fiche, read_form(conflict), prendre="constat", methode="Pas à pas.")
    assert reponse.status_code == 302
    assert (read(fiche)["constat"], read(fiche)["methode"]) == ("Le constat de la CCI.", "Pas à pas.")


def test_one_conflict_settled_leaves_the_other_open(
    client_agent: Client, partenaire: Utilisateur, fiche: FicheAction, etudes: NatureDepense
) -> None:
    LigneCoutFactory(fiche=fiche, nature=etudes)
    cout = f"cout.2018.{etudes.pk}."
    champs = open_form(client_agent, fiche)
    write(partenaire, fiche, {"constat": "Le sien.", cout: "200"})
    premiere = send(client_agent, fiche, champs, **{"constat": "Le mien.", cout: "300"})
    assert sorted(html.fromstring(premiere.content.decode()).xpath("//button[@name='prendre']/@value")) == sorted(["constat", cout])
    write_one(partenaire, fiche, "constat", "Encore le sien.")
    seconde = send(client_agent, fiche, read_form(premiere), prendre=cout)
    assert html.fromstring(seconde.content.decode()).xpath("//button[@name='prendre']/@value") == ["constat"]
    assert (read(fiche)["constat"], read(fiche)[cout]) == ("Encore le sien.", "200")


def test_same_words_typed_by_both_are_no_conflict(client_agent: Client, partenaire: Utilisateur, fiche: FicheAction) -> None:
    champs = open_form(client_agent, fiche)
    write_one(partenaire, fiche, "constat", "Le même.")
    assert send(client_agent, fiche, champs, constat="Le même.").status_code == 302


def test_fields_written_by_another_meanwhile_are_left_alone(client_agent: Client, partenaire: Utilisateur, fiche: FicheAction) -> None:
    champs = open_form(client_agent, fiche)
    write_one(partenaire, fiche, "constat", "Le constat de la CCI.")
    assert send(client_agent, fiche, champs, cible="Tous").status_code == 302
    assert (read(fiche)["constat"], read(fiche)["cible"]) == ("Le constat de la CCI.", "Tous")


# --- new rows --------------------------------------------------------------------------------------


def test_new_cost_row_is_written(client_agent: Client, fiche: FicheAction, etudes: NatureDepense) -> None:
    champs = {
        "nouvelle.nature": str(etudes.pk),
        "nouvelle.libelle": " Salon  annuel ",
        "nouvelle.cout.2018": "2 j",
        "nouvelle.cout.2020": "50",
    }
    assert fill(client_agent, fiche, champs).status_code == 302
    assert costs() == [(2018, "Salon annuel", euros(1200)), (2020, "Salon annuel", euros(50))]


def test_new_cost_row_over_an_existing_cell_is_a_conflict(client_agent: Client, fiche: FicheAction, etudes: NatureDepense) -> None:
    LigneCoutFactory(fiche=fiche, nature=etudes, libelle="Salon")
    reponse = fill(client_agent, fiche, {"nouvelle.nature": str(etudes.pk), "nouvelle.libelle": "Salon", "nouvelle.cout.2018": "300"})
    assert (reponse.status_code, costs()) == (422, [(2018, "Salon", euros(100))])


def test_new_cost_row_refused_is_corrected_in_the_grid(client_agent: Client, fiche: FicheAction, etudes: NatureDepense) -> None:
    champs = {"nouvelle.nature": str(etudes.pk), "nouvelle.libelle": "Salon", "nouvelle.cout.2018": "beaucoup", "nouvelle.cout.2019": "50"}
    refusee = fill(client_agent, fiche, champs)
    champ = f"cout.2018.{etudes.pk}.Salon"
    assert (refusee.status_code, read_form(refusee)[champ], costs()) == (422, ["beaucoup"], [(2019, "Salon", euros(50))])
    assert send(client_agent, fiche, read_form(refusee), **{champ: "20"}).status_code == 302
    assert costs() == [(2018, "Salon", euros(20)), (2019, "Salon", euros(50))]


def test_new_cost_row_without_nature_says_so_and_writes_the_rest(client_agent: Client, fiche: FicheAction) -> None:
    reponse = fill(client_agent, fiche, {"nouvelle.libelle": "Salon", "nouvelle.cout.2018": "200", "cible": "Tous"})
    page = client_agent.get(reponse["Location"]) if reponse.status_code == 302 else reponse
    assert "Choisissez la nature de la nouvelle ligne de coût" in shown(page)
    assert (costs(), read(fiche)["cible"]) == ([], "Tous")


def test_new_cost_row_without_nature_keeps_what_was_typed(client_agent: Client, fiche: FicheAction) -> None:
    reponse = fill(client_agent, fiche, {"nouvelle.libelle": "Salon", "nouvelle.cout.2018": "200"})
    page = client_agent.get(reponse["Location"]) if reponse.status_code == 302 else reponse
    champs = read_form(page)
    assert (champs["nouvelle.libelle"], champs["nouvelle.cout.2018"]) == (["Salon"], ["200"])


def test_new_share_of_a_party_is_written(client_agent: Client, fiche: FicheAction, etudes: NatureDepense, cci: Organisation) -> None:
    champs = {"nouvelle.financeur": str(cci.pk), "nouvelle.part.taux": "80 %", "nouvelle.part.nature": str(etudes.pk)}
    assert fill(client_agent, fiche, champs | {"nouvelle.part.annee": "2019"}).status_code == 302
    assert [(p.financeur, p.taux, p.nature, p.annee) for p in CoFinancement.objects.all()] == [(cci, 80, etudes, 2019)]


def test_new_share_of_nobody_is_non_reparti(client_agent: Client, fiche: FicheAction) -> None:
    fill(client_agent, fiche, {"nouvelle.financeur": "0", "nouvelle.part.montant": "1 000"})
    assert [(p.financeur, p.montant) for p in CoFinancement.objects.all()] == [(None, euros(1000))]


def test_new_share_of_another_organisation_is_made_by_its_name(client_agent: Client, agent: Utilisateur, fiche: FicheAction) -> None:
    fill(client_agent, fiche, {"nouvelle.autre": " Banque  des territoires ", "nouvelle.part.taux": "20"})
    organisation = CoFinancement.objects.get().financeur
    assert organisation is not None
    assert (organisation.nom, organisation.nature, organisation.cle) == ("Banque des territoires", "autre", "banque-des-territoires")
    assert organisation.history.get().history_user == agent


@pytest.mark.parametrize("nom", ["CCI d’essai", "cci D’ESSAI", "cci"])
def test_organisation_already_known_is_not_made_twice(client_agent: Client, fiche: FicheAction, cci: Organisation, nom: str) -> None:
    nombre = Organisation.objects.count()
    fill(client_agent, fiche, {"nouvelle.autre": nom, "nouvelle.part.taux": "20"})
    assert (CoFinancement.objects.get().financeur, Organisation.objects.count()) == (cci, nombre)


def test_two_organisations_of_one_key_stand_apart(client_agent: Client, fiche: FicheAction) -> None:
    for nom in ("Fonds A", "Fonds-A", "FONDS  à"):
        fill(client_agent, fiche, {"nouvelle.autre": nom, "nouvelle.part.taux": "20"})
    assert sorted(Organisation.objects.filter(nature="autre").values_list("cle", flat=True)) == ["fonds-a", "fonds-a-2", "fonds-a-3"]


@pytest.mark.parametrize("nom", ["?", "12", "m" * 201])
def test_name_that_is_no_name_is_refused_and_the_rest_written(client_agent: Client, fiche: FicheAction, nom: str) -> None:
    nombre = Organisation.objects.count()
    reponse = fill(client_agent, fiche, {"nouvelle.autre": nom, "nouvelle.part.taux": "20", "cible": "Tous"})
    assert [m for m in said(reponse) if "nom" in m]
    assert (CoFinancement.objects.count(), Organisation.objects.count(), read(fiche)["cible"]) == (0, nombre, "Tous")


def test_organisation_named_without_share_is_not_made_in_silence(client_agent: Client, fiche: FicheAction) -> None:
    nombre = Organisation.objects.count()
    reponse = fill(client_agent, fiche, {"nouvelle.autre": "Banque des territoires"})
    assert Organisation.objects.count() == nombre
    assert said(reponse) != ["Rien n’avait changé."]


def test_new_share_without_financeur_says_so(client_agent: Client, fiche: FicheAction) -> None:
    reponse = fill(client_agent, fiche, {"nouvelle.part.taux": "20"})
    page = client_agent.get(reponse["Location"]) if reponse.status_code == 302 else reponse
    assert "Choisissez le financeur de la nouvelle part" in shown(page)
    assert not CoFinancement.objects.exists()


def test_new_share_without_financeur_keeps_what_was_typed(client_agent: Client, fiche: FicheAction) -> None:
    reponse = fill(client_agent, fiche, {"nouvelle.part.taux": "20"})
    page = client_agent.get(reponse["Location"]) if reponse.status_code == 302 else reponse
    assert read_form(page)["nouvelle.part.taux"] == ["20"]


def test_new_share_refused_is_corrected_in_the_table(client_agent: Client, fiche: FicheAction, cci: Organisation) -> None:
    refusee = fill(client_agent, fiche, {"nouvelle.financeur": str(cci.pk), "nouvelle.part.taux": "120"})
    champ = f"part.{cci.pk}.0.0.taux"
    assert (refusee.status_code, read_form(refusee)[champ]) == (422, ["120"])
    assert "120 % dépasse 100 %." in shown(refusee)
    assert send(client_agent, fiche, read_form(refusee), **{champ: "20"}).status_code == 302
    assert CoFinancement.objects.get().taux == 20


def test_new_share_over_an_existing_one_is_a_conflict(client_agent: Client, fiche: FicheAction, cci: Organisation) -> None:
    CoFinancementFactory(fiche=fiche, financeur=cci)
    reponse = fill(client_agent, fiche, {"nouvelle.financeur": str(cci.pk), "nouvelle.part.taux": "20"})
    assert (reponse.status_code, CoFinancement.objects.get().taux) == (422, 100)


def test_new_indicator_is_written_with_its_targets(client_agent: Client, fiche: FicheAction) -> None:
    champs = {"indicateur.n1.libelle": "Commerces", "indicateur.n1.unite": "nb", "indicateur.n1.2019": "12"}
    assert fill(client_agent, fiche, champs).status_code == 302
    cible = CibleIndicateur.objects.get()
    assert (cible.indicateur.libelle, cible.indicateur.unite, cible.annee, cible.valeur) == ("Commerces", "nb", 2019, 12)


def test_new_indicator_refused_is_corrected_on_the_page_that_refused_it(client_agent: Client, fiche: FicheAction) -> None:
    refusee = fill(client_agent, fiche, {"indicateur.n1.2019": "12", "indicateur.n1.unite": "nb"})
    assert (refusee.status_code, Indicateur.objects.count()) == (422, 0)
    champs = read_form(refusee)
    champs["indicateur.n1.libelle"][0] = "Commerces"  # the first of that name: the row that was refused
    send(client_agent, fiche, champs)
    assert [(c.indicateur.libelle, c.indicateur.unite, c.valeur) for c in CibleIndicateur.objects.all()] == [("Commerces", "nb", 12)]


def test_indicator_is_removed_by_emptying_its_row(client_agent: Client, fiche: FicheAction) -> None:
    indicateur = IndicateurFactory(fiche=fiche)
    CibleIndicateur.objects.create(indicateur=indicateur, annee=2018, valeur=3)
    cle = f"indicateur.{indicateur.pk}"
    assert fill(client_agent, fiche, {f"{cle}.libelle": "", f"{cle}.2018": ""}).status_code == 302
    assert not Indicateur.objects.exists()


def test_new_pilot_is_added(client_agent: Client, partenaire: Utilisateur, fiche: FicheAction) -> None:
    assert fill(client_agent, fiche, {"nouveau.pilote": str(partenaire.pk)}).status_code == 302
    assert list(fiche.pilotes.all()) == [partenaire]


def test_stranger_is_not_made_a_pilot(client_agent: Client, fiche: FicheAction) -> None:
    etranger = UtilisateurFactory()
    assert fill(client_agent, fiche, {"nouveau.pilote": str(etranger.pk)}).status_code == 422
    assert not Pilote.objects.exists()


# --- who may not -----------------------------------------------------------------------------------


def test_page_of_a_fiche_validee_leads_to_its_reading_with_the_reason(client_agent: Client, fiche: FicheAction) -> None:
    FicheAction.objects.update(etat="validee")
    reponse = client_agent.get(url(fiche))
    assert (reponse.status_code, reponse["Location"]) == (302, fiche.get_absolute_url())
    assert said(reponse) == ["Cette fiche est validée. Pour la modifier, renvoyez-la d’abord en correction."]


def test_form_of_a_fiche_validee_meanwhile_is_refused_whole(client_agent: Client, fiche: FicheAction) -> None:
    champs = open_form(client_agent, fiche)
    FicheAction.objects.update(etat="validee")
    nombre = Organisation.objects.count()
    reponse = send(client_agent, fiche, champs, **{"cible": "Tous", "nouvelle.autre": "Banque", "nouvelle.part.taux": "20"})
    assert (reponse.status_code, Organisation.objects.count(), "cible" in read(fiche)) == (403, nombre, False)


@pytest.mark.parametrize("nom", ["etat", "code", "convention", "supprimee_le"])
def test_columns_that_are_no_field_are_not_written(client_agent: Client, fiche: FicheAction, nom: str) -> None:
    avant = FicheAction.objects.values(nom).get()
    assert fill(client_agent, fiche, {f"avant|{nom}": "", nom: "validee"}).status_code == 422
    assert FicheAction.objects.values(nom).get() == avant
