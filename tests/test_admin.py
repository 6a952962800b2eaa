"""The administration: open to administrators, for their own organisation's data, figures in and out intact."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from lxml import html

from comptes.bancaire import mask_iban
from comptes.models import Organisation, Utilisateur
from conventions.models import Convention, ModeleArticle, Politique, Travail
from fiches.models import FicheAction, Indicateur
from financement.models import (
    Bilan,
    CoFinancement,
    CompteProduit,
    Imputation,
    LigneCout,
    MontantRecapDeclare,
    NatureDepense,
    Paiement,
    TotalDeclare,
    Versement,
)
from tests import factories

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("lenient_templates"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]
IBAN, AUTRE_IBAN = "FR1420041010050500013M02606", "FR7630006000011234567890189"
METIER = {"comptes", "conventions", "fiches", "financement"}
REGISTRE = sorted(admin.site._registry, key=lambda modele: modele._meta.label)
NOTRES = [modele for modele in REGISTRE if modele._meta.app_label in METIER]
DES_BIBLIOTHEQUES = [modele for modele in REGISTRE if modele not in NOTRES]
PARTAGES = {Organisation, ModeleArticle, Politique, NatureDepense, Imputation, CompteProduit}
LUS = {Paiement, Bilan, Travail}  # written by acts of their own, only read here
SANS_VERSIONS = {Travail}
Lignes = dict[type[Model], Any]


def nom(modele: type[Model]) -> str:
    return modele.__name__


def url(modele: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{modele._meta.app_label}_{modele._meta.model_name}_{page}", args=args)


def connect(utilisateur: Utilisateur) -> Client:
    client = Client()
    client.force_login(utilisateur)
    return client


def create_rows(organisation: Organisation, reference: str) -> Lignes:
    """One row of each table, in a convention of `organisation`."""
    fiche = factories.FicheFactory(
        convention__reference=reference, code="E.A 1.1", titre=f"Action de {reference}", axe__titre=f"Axe {reference}"
    )
    factories.PartieFactory(convention=fiche.convention, organisation=organisation)
    versement = factories.VersementFactory(convention=fiche.convention)
    return {
        Organisation: organisation,
        Utilisateur: factories.UtilisateurFactory(organisation=organisation),
        Convention: fiche.convention,
        ModeleArticle: factories.ModeleArticleFactory(),
        Politique: Politique.objects.create(cle=reference.lower(), nom=f"Politique {reference}"),
        FicheAction: fiche,
        Indicateur: factories.IndicateurFactory(fiche=fiche),
        NatureDepense: factories.NatureFactory(),
        LigneCout: factories.LigneCoutFactory(fiche=fiche),
        CoFinancement: factories.CoFinancementFactory(fiche=fiche),
        TotalDeclare: factories.TotalDeclareFactory(fiche=fiche),
        MontantRecapDeclare: factories.RecapDeclareFactory(convention=fiche.convention, fiche=fiche),
        Versement: versement,
        Imputation: factories.ImputationFactory(),
        Paiement: factories.PaiementFactory(convention=fiche.convention, versement=versement),
        Bilan: factories.BilanFactory(convention=fiche.convention),
        CompteProduit: factories.CompteProduitFactory(organisation=organisation),
        Travail: Travail.objects.create(sorte="document", convention=fiche.convention),
    }


@pytest.fixture
def administratrice() -> Utilisateur:
    return factories.UtilisateurFactory(role=Utilisateur.Role.ADMINISTRATEUR, organisation__iban=IBAN)


@pytest.fixture
def gestion(administratrice: Utilisateur) -> Client:
    return connect(administratrice)


@pytest.fixture
def lignes(administratrice: Utilisateur) -> Lignes:
    return create_rows(administratrice.organisation, "LA-NOTRE")


@pytest.fixture
def autres(administratrice: Utilisateur) -> Lignes:
    """Rows of an organisation that shares no convention with the administrator's."""
    return create_rows(factories.OrganisationFactory(nom="Métropole voisine", iban=AUTRE_IBAN), "LA-LEUR")


def test_every_table_of_the_product_is_known_here(lignes: Lignes) -> None:
    assert set(NOTRES) == set(lignes)


@pytest.mark.parametrize("modele", NOTRES, ids=nom)
def test_administrator_opens_list_search_add_change_and_history(modele: type[Model], gestion: Client, lignes: Lignes) -> None:
    pk = lignes[modele].pk
    pages = [
        url(modele, "changelist"),
        url(modele, "changelist") + "?q=essai",
        url(modele, "add"),
        url(modele, "change", pk),
        url(modele, "history", pk),
    ]
    if modele in LUS:
        assert gestion.get(pages.pop(2)).status_code == 403
    assert {page: gestion.get(page).status_code for page in pages} == dict.fromkeys(pages, 200)


@pytest.mark.parametrize("modele", DES_BIBLIOTHEQUES, ids=nom)
def test_tables_of_libraries_are_the_operators(modele: type[Model], gestion: Client) -> None:
    assert gestion.get(url(modele, "changelist")).status_code == 403
    exploitant = connect(factories.UtilisateurFactory(organisation=None, is_superuser=True))
    assert exploitant.get(url(modele, "changelist")).status_code == 200


@pytest.mark.parametrize("role", [Utilisateur.Role.AGENT, Utilisateur.Role.LECTEUR])
@pytest.mark.parametrize("modele", NOTRES, ids=nom)
def test_other_roles_open_nothing(modele: type[Model], role: str, lignes: Lignes) -> None:
    client = connect(factories.UtilisateurFactory(role=role, organisation=lignes[Organisation]))
    pages = [url(modele, "changelist"), url(modele, "add"), url(modele, "change", lignes[modele].pk)]
    assert {page: client.get(page, follow=True).status_code for page in pages} == dict.fromkeys(pages, 403)


@pytest.mark.parametrize("modele", [m for m in NOTRES if m not in PARTAGES], ids=nom)
@pytest.mark.parametrize("ecran", ["change", "delete", "history"])
def test_other_organisations_rows_are_not_reached(ecran: str, modele: type[Model], gestion: Client, lignes: Lignes, autres: Lignes) -> None:
    assert gestion.get(url(modele, ecran, autres[modele].pk)).status_code in {302, 403, 404}


@pytest.mark.parametrize("modele", [m for m in NOTRES if m not in PARTAGES | SANS_VERSIONS], ids=nom)
def test_past_versions_of_other_organisations_rows_are_not_reached(modele: type[Model], gestion: Client, autres: Lignes) -> None:
    version = autres[modele].history.latest()
    assert gestion.get(url(modele, "simple_history", autres[modele].pk, version.pk)).status_code in {302, 403, 404}


def test_past_version_of_another_organisations_convention_cannot_be_written_back(gestion: Client, autres: Lignes) -> None:
    convention = autres[Convention]
    version = convention.history.latest().pk
    donnees = {"reference": "LA-LEUR", "titre": "Détournée", "nature": "cadre", "etat": "signee", "nombre_originaux": "2"}
    gestion.post(url(Convention, "simple_history", convention.pk, version), donnees)
    convention.refresh_from_db()
    assert convention.titre == "Développement économique"


@pytest.mark.parametrize("modele", [m for m in NOTRES if m not in PARTAGES and m is not Utilisateur], ids=nom)
def test_nothing_of_other_organisations_shows_on_our_pages(modele: type[Model], gestion: Client, lignes: Lignes, autres: Lignes) -> None:
    factories.FicheFactory(convention=lignes[Convention])
    for page in (url(modele, "changelist"), url(modele, "add"), url(modele, "change", lignes[modele].pk)):
        texte = gestion.get(page).content.decode().replace("Politique LA-LEUR", "")
        assert "LA-LEUR" not in texte, page


@pytest.mark.parametrize(
    ("modele", "champ"),
    [
        (LigneCout, "fiche"),
        (Versement, "convention"),
        (FicheAction, "convention"),
        (Indicateur, "fiche"),
        (Convention, "parent"),
        (Convention, "renouvelle"),
    ],
)
def test_autocomplete_offers_our_rows_only(modele: type[Model], champ: str, gestion: Client, lignes: Lignes, autres: Lignes) -> None:
    requete = {"app_label": modele._meta.app_label, "model_name": modele._meta.model_name, "field_name": champ, "term": ""}
    resultats = gestion.get(reverse("admin:autocomplete"), requete).json()["results"]
    cible = modele._meta.get_field(champ).related_model
    assert {r["id"] for r in resultats} == {str(lignes[cible].pk)}


def test_row_of_another_organisation_cannot_be_pointed_to(gestion: Client, lignes: Lignes, autres: Lignes) -> None:
    donnees = {
        "fiche": autres[FicheAction].pk,
        "ordre": "10",
        "nature": lignes[NatureDepense].pk,
        "annee": "2019",
        "chiffrage": "chiffre",
        "montant": "1",
    }
    assert gestion.post(url(LigneCout, "add"), donnees).status_code == 200
    assert LigneCout.objects.filter(annee=2019).count() == 0


def test_shortcut_to_a_page_does_not_tell_the_reference_of_a_hidden_convention(gestion: Client, autres: Lignes) -> None:
    contenu = apps.get_model("contenttypes", "ContentType").objects.get_for_model(Convention)
    reponse = gestion.get(f"/admin/r/{contenu.pk}/{autres[Convention].pk}/")
    assert "LA-LEUR" not in reponse.get("Location", "")


def organisation_data(organisation: Organisation, **autres: str) -> dict[str, str]:
    champs = ["nom", "sigle", "cle", "nature", "droit", "siret", "adresse", "code_postal", "ville", "banque", "iban"]
    return {champ: getattr(organisation, champ) for champ in champs} | autres


def test_administrator_changes_their_own_organisation(gestion: Client, administratrice: Utilisateur) -> None:
    organisation = administratrice.organisation
    gestion.post(url(Organisation, "change", organisation.pk), organisation_data(organisation, ville="Dijon"))
    organisation.refresh_from_db()
    assert (organisation.ville, organisation.history.latest().history_user) == ("Dijon", administratrice)


def test_administrator_cannot_change_another_organisation(gestion: Client, autres: Lignes) -> None:
    leur = autres[Organisation]
    assert gestion.post(url(Organisation, "change", leur.pk), organisation_data(leur, iban=IBAN)).status_code == 403
    leur.refresh_from_db()
    assert leur.iban == AUTRE_IBAN


def test_past_version_of_another_organisation_cannot_be_written_back(gestion: Client, autres: Lignes) -> None:
    leur = autres[Organisation]
    page = url(Organisation, "simple_history", leur.pk, leur.history.latest().pk)
    gestion.post(page, organisation_data(leur, ville="Ailleurs", iban=IBAN))
    leur.refresh_from_db()
    assert (leur.ville, leur.iban) == ("", AUTRE_IBAN)


def test_administration_shows_accounts_masked_and_those_of_others_not_at_all(gestion: Client, lignes: Lignes, autres: Lignes) -> None:
    sienne = gestion.get(url(Organisation, "change", lignes[Organisation].pk)).content.decode()
    assert mask_iban(IBAN) in sienne
    assert IBAN not in sienne
    leur = autres[Organisation]
    leur.iban = IBAN
    leur.save()
    for page in (url(Organisation, "change", leur.pk), url(Organisation, "history", leur.pk)):
        assert AUTRE_IBAN not in gestion.get(page, follow=True).content.decode(), page
    version = leur.history.earliest().pk
    assert AUTRE_IBAN not in gestion.get(url(Organisation, "simple_history", leur.pk, version)).content.decode()


@pytest.mark.parametrize("filtre", ["iban__startswith", "iban", "banque__gt"])
def test_iban_of_others_cannot_be_guessed_through_the_filters_of_the_list(filtre: str, gestion: Client, autres: Lignes) -> None:
    page = gestion.get(url(Organisation, "changelist"), {filtre: AUTRE_IBAN[:27] if filtre == "iban" else "FR76"}, follow=True)
    assert page.redirect_chain or page.status_code == 400


def user_data(**autres: Any) -> dict[str, Any]:
    return {"email": "nouveau@exemple.example", "prenom": "Inès", "nom": "Valloire", "role": "agent", "usable_password": "false"} | autres


def test_administrator_opens_an_account_in_their_organisation(gestion: Client, administratrice: Utilisateur) -> None:
    gestion.post(url(Utilisateur, "add"), user_data(organisation=administratrice.organisation_id))
    assert Utilisateur.objects.get(email="nouveau@exemple.example").organisation == administratrice.organisation


@pytest.mark.parametrize("vers", ["autre", "aucune"])
def test_administrator_cannot_open_an_account_elsewhere(vers: str, gestion: Client, autres: Lignes) -> None:
    donnees = user_data(organisation=autres[Organisation].pk if vers == "autre" else "")
    assert gestion.post(url(Utilisateur, "add"), donnees).status_code == 200
    assert not Utilisateur.objects.filter(email="nouveau@exemple.example")


def test_administrator_cannot_become_operator(gestion: Client, administratrice: Utilisateur) -> None:
    donnees = user_data(
        email=administratrice.email, organisation=administratrice.organisation_id, role="administrateur", is_active="on", is_superuser="on"
    )
    assert gestion.post(url(Utilisateur, "change", administratrice.pk), donnees).status_code == 302
    administratrice.refresh_from_db()
    assert (administratrice.prenom, administratrice.is_superuser) == ("Inès", False)


def test_administrator_cannot_take_over_an_operator_of_their_organisation(gestion: Client, administratrice: Utilisateur) -> None:
    exploitant = factories.UtilisateurFactory(organisation=administratrice.organisation, is_superuser=True)
    nouveau = "un mot de passe volé"
    gestion.post(
        reverse("admin:auth_user_password_change", args=[exploitant.pk]),
        {"password1": nouveau, "password2": nouveau, "usable_password": "true"},
    )
    gestion.post(
        url(Utilisateur, "change", exploitant.pk), user_data(email="pirate@exemple.example", organisation=administratrice.organisation_id)
    )
    exploitant.refresh_from_db()
    assert not exploitant.check_password(nouveau)
    assert exploitant.email != "pirate@exemple.example"


def test_accounts_are_closed_not_erased(gestion: Client, lignes: Lignes) -> None:
    assert gestion.post(url(Utilisateur, "delete", lignes[Utilisateur].pk), {"post": "yes"}).status_code == 403


def save_form(client: Client, objet: Model, **changements: str) -> HttpResponse:
    """Save a change page as the browser would: every value it shows, then `changements`."""
    adresse = url(type(objet), "change", objet.pk)
    formulaire = html.fromstring(client.get(adresse).content).get_element_by_id(f"{objet._meta.model_name}_form")
    donnees: dict[str, Any] = {}
    for champ, valeur in formulaire.form_values():
        donnees.setdefault(champ, []).append(valeur)
    return client.post(adresse, donnees | changements)


def test_cost_typed_as_on_paper_is_saved_with_its_author(gestion: Client, administratrice: Utilisateur, lignes: Lignes) -> None:
    reponse = save_form(gestion, lignes[FicheAction], **{"lignes_cout-0-montant": "1\u202f234,50 €"})
    assert reponse.status_code == 302
    ligne = lignes[LigneCout]
    ligne.refresh_from_db()
    assert ligne.montant == factories.euros("1234.50")
    assert ligne.history.latest().history_user == administratrice


def test_cost_that_reads_two_ways_is_refused_in_words(gestion: Client, lignes: Lignes) -> None:
    reponse = save_form(gestion, lignes[FicheAction], **{"lignes_cout-0-montant": "1.234"})
    assert "« 1.234 » se lit de deux façons" in reponse.content.decode()


def test_page_saved_without_a_change_writes_no_history_of_its_rows(gestion: Client, lignes: Lignes) -> None:
    assert save_form(gestion, lignes[FicheAction]).status_code == 302
    assert lignes[LigneCout].history.count() == 1


def test_hidden_cadre_survives_the_saving_of_what_depends_on_it(gestion: Client, lignes: Lignes, autres: Lignes) -> None:
    convention = lignes[Convention]
    convention.nature, convention.parent = "specifique", autres[Convention]
    convention.save()
    save_form(gestion, convention, titre="Nouveau titre")
    convention.refresh_from_db()
    assert convention.parent == autres[Convention]


def test_history_page_says_who_changed_what(gestion: Client, administratrice: Utilisateur, lignes: Lignes) -> None:
    save_form(gestion, lignes[FicheAction], titre="Observatoire")
    page = gestion.get(url(FicheAction, "history", lignes[FicheAction].pk)).content.decode()
    assert "Observatoire" in page
    assert str(administratrice) in page


def test_admin_page_of_a_fiche_shows_the_figures_of_the_workspace(dijon: Convention) -> None:
    client = Client()
    client.force_login(Utilisateur.objects.get(email="claire.vasseur@dijon-metropole.example"))
    fiche = dijon.fiches.get(code="E.A 1.3.2")
    page = client.get(reverse("admin:fiches_ficheaction_change", args=[fiche.pk])).content.decode()
    assert "30\u202f800\u00a0€ : Métropole 24\u202f640\u00a0€, CCI 6\u202f160\u00a0€" in page
