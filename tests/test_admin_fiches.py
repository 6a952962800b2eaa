"""Fiches in the administration: what the workspace closes is closed there too, and nothing is deleted for good."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from tablib import Dataset

from comptes.models import Utilisateur
from fiches.models import FicheAction
from financement.echanges import LigneCoutResource
from financement.journal_fiche import list_entrees
from financement.models import LigneCout
from tests import factories

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("lenient_templates"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


@pytest.fixture
def administratrice() -> Utilisateur:
    return factories.UtilisateurFactory(role=Utilisateur.Role.ADMINISTRATEUR)


@pytest.fixture
def ecran(administratrice: Utilisateur) -> Client:
    client = Client()
    client.force_login(administratrice)
    return client


@pytest.fixture
def make_ligne(administratrice: Utilisateur) -> Callable[..., LigneCout]:
    def make(etat: str = "en_redaction", convention: str = "brouillon") -> LigneCout:
        fiche = factories.FicheFactory(code="E.A 1.1", etat=etat, convention__reference="ESSAI-1", convention__etat=convention)
        factories.PartieFactory(convention=fiche.convention, organisation=administratrice.organisation)
        return factories.LigneCoutFactory(fiche=fiche, nature=factories.NatureFactory(cle="etudes", nom="Études"))

    return make


FERMEES = pytest.mark.parametrize(("etat", "convention"), [("validee", "brouillon"), ("en_redaction", "signee")])


@FERMEES
def test_closed_fiche_is_only_read(etat: str, convention: str, ecran: Client, make_ligne: Callable[..., LigneCout]) -> None:
    fiche = make_ligne(etat, convention).fiche
    adresse = reverse("admin:fiches_ficheaction_change", args=[fiche.pk])
    page = ecran.get(adresse)
    assert page.status_code == 200
    assert ("Cette fiche est validée" if etat == "validee" else "Cette convention est signée") in page.content.decode()
    assert 'name="titre"' not in page.content.decode()
    assert ecran.post(adresse, {"titre": "Autre"}).status_code == 403


@FERMEES
def test_costs_of_a_closed_fiche_neither_change_nor_go(
    etat: str, convention: str, ecran: Client, make_ligne: Callable[..., LigneCout]
) -> None:
    ligne = make_ligne(etat, convention)
    for acte in ("change", "delete"):
        assert ecran.post(reverse(f"admin:financement_lignecout_{acte}", args=[ligne.pk]), {"post": "yes"}).status_code == 403
    assert LigneCout.objects.filter(pk=ligne.pk).exists()


def test_no_cost_is_added_to_a_closed_fiche(ecran: Client, make_ligne: Callable[..., LigneCout]) -> None:
    ligne = make_ligne("validee")
    champs = {"fiche": ligne.fiche_id, "nature": ligne.nature_id, "annee": 2020, "chiffrage": "chiffre", "montant": "100", "ordre": 10}
    assert ecran.post(reverse("admin:financement_lignecout_add"), champs).status_code == 403
    assert LigneCout.objects.count() == 1


def test_open_fiche_is_changed_there_and_its_history_tells_it(
    ecran: Client, administratrice: Utilisateur, make_ligne: Callable[..., LigneCout]
) -> None:
    ligne = make_ligne()
    champs = {"fiche": ligne.fiche_id, "nature": ligne.nature_id, "annee": 2018, "chiffrage": "chiffre", "montant": "250", "ordre": 10}
    assert ecran.post(reverse("admin:financement_lignecout_change", args=[ligne.pk]), champs).status_code == 302
    entree = list_entrees(ligne.fiche)[0]
    assert (entree.libelle, entree.apres, entree.auteur) == ("Études, 2018", "250", administratrice)


def test_history_of_a_closed_fiche_stays_readable(ecran: Client, make_ligne: Callable[..., LigneCout]) -> None:
    fiche = make_ligne("validee").fiche
    assert ecran.get(reverse("admin:fiches_ficheaction_history", args=[fiche.pk])).status_code == 200


def test_fiche_deleted_there_waits_in_the_corbeille(ecran: Client, make_ligne: Callable[..., LigneCout]) -> None:
    fiche = make_ligne().fiche
    assert ecran.post(reverse("admin:fiches_ficheaction_delete", args=[fiche.pk]), {"post": "yes"}).status_code == 302
    assert list(FicheAction.toutes.discarded()) == [fiche]
    assert LigneCout.objects.count() == 1


def test_fiches_deleted_together_leave_the_closed_ones(ecran: Client, make_ligne: Callable[..., LigneCout]) -> None:
    ouverte = make_ligne().fiche
    fermee = factories.FicheFactory(convention=ouverte.convention, axe=ouverte.axe, code="E.A 1.2", etat="validee")
    lot = {"action": "delete_selected", "_selected_action": [ouverte.pk, fermee.pk], "post": "yes"}
    ecran.post(reverse("admin:fiches_ficheaction_changelist"), lot)
    assert not FicheAction.objects.filter(pk=fermee.pk, supprimee_le__isnull=False).exists()
    assert FicheAction.objects.filter(pk=fermee.pk).exists()


@FERMEES
def test_import_does_not_write_in_a_closed_fiche(
    etat: str, convention: str, administratrice: Utilisateur, make_ligne: Callable[..., LigneCout]
) -> None:
    make_ligne(etat, convention)
    entetes = ["convention", "code", "nature", "libelle", "annee", "chiffrage", "montant", "ordre"]
    fichier = Dataset(["ESSAI-1", "E.A 1.1", "etudes", "", "2020", "chiffre", "500", "10"], headers=entetes)
    resultat = LigneCoutResource(user=administratrice).import_data(fichier)
    assert resultat.has_validation_errors() or resultat.has_errors()
    assert LigneCout.objects.count() == 1


def test_import_writes_in_an_open_fiche(administratrice: Utilisateur, make_ligne: Callable[..., LigneCout]) -> None:
    make_ligne()
    entetes = ["convention", "code", "nature", "libelle", "annee", "chiffrage", "montant", "ordre"]
    fichier = Dataset(["ESSAI-1", "E.A 1.1", "etudes", "", "2020", "chiffre", "500", "10"], headers=entetes)
    assert not LigneCoutResource(user=administratrice).import_data(fichier).has_errors()
    assert LigneCout.objects.count() == 2
