"""Lists of the administration on big tables: what they count, list and look for stays small, whatever the tables hold."""

from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from comptes import administration
from comptes.administration import AdminVisible
from comptes.models import Utilisateur
from conventions.models import Convention
from fiches.models import FicheAction, Indicateur
from financement.models import CoFinancement, LigneCout, TotalDeclare
from tests import factories

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("lenient_templates"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]
DE_FICHES = [LigneCout, CoFinancement, Indicateur, TotalDeclare]
FABRIQUES: dict[Any, Any] = {
    LigneCout: factories.LigneCoutFactory,
    CoFinancement: factories.CoFinancementFactory,
    Indicateur: factories.IndicateurFactory,
    TotalDeclare: factories.TotalDeclareFactory,
}


@pytest.fixture
def gestion() -> Client:
    client = Client()
    client.force_login(factories.UtilisateurFactory(organisation=None, is_superuser=True, role=Utilisateur.Role.ADMINISTRATEUR))
    return client


def liste(modele: Any) -> str:
    return reverse(f"admin:{modele._meta.app_label}_{modele._meta.model_name}_changelist")


def make_fiche(reference: str, code: str, titre: str) -> FicheAction:
    return factories.FicheFactory(convention__reference=reference, code=code, titre=titre)


@pytest.mark.parametrize("modele", DE_FICHES, ids=lambda m: m.__name__)
@pytest.mark.parametrize(
    ("mots", "attendues"),
    [
        ("REF-1", {"REF-1"}),
        ("ref-", {"REF-1", "REF-2"}),
        ("ea 1.1", {"REF-1"}),
        ("commerces", {"REF-2"}),
        ("REF-1 commerce", set()),
        ("REF-2 commerce", {"REF-2"}),
        ("REF-2 E.A 2.1", {"REF-2"}),
        ("", {"REF-1", "REF-2"}),
        ("\x00", {"REF-1", "REF-2"}),
    ],
)
def test_rows_are_found_by_the_fiche_they_belong_to(mots: str, attendues: set[str], modele: Any, gestion: Client) -> None:
    for fiche in (make_fiche("REF-1", "E.A 1.1", "Transmission"), make_fiche("REF-2", "E.A 2.1", "Commerce de proximité")):
        FABRIQUES[modele](fiche=fiche)
    lignes = gestion.get(liste(modele), {"q": mots}).context["cl"].queryset
    assert set(lignes.values_list("fiche__convention__reference", flat=True)) == attendues


def test_fiches_and_conventions_are_found_by_words(gestion: Client) -> None:
    fiche = make_fiche("REF-2", "E.A 2.1", "Commerce de proximité")
    make_fiche("REF-1", "E.A 1.1", "Transmission")
    Convention.objects.filter(pk=fiche.convention.pk).update(titre="Cœur de ville")
    assert list(gestion.get(liste(FicheAction), {"q": "commerces"}).context["cl"].queryset) == [fiche]
    assert list(gestion.get(liste(Convention), {"q": "coeur"}).context["cl"].queryset) == [fiche.convention]


def test_no_more_rows_are_counted_than_a_bound_and_the_page_says_so(gestion: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    fiche = factories.FicheFactory()
    factories.LigneCoutFactory.create_batch(4, fiche=fiche)
    assert "4 lignes de coût" in gestion.get(liste(LigneCout)).content.decode()
    monkeypatch.setattr(administration, "LIGNES_COMPTEES", 3)
    page = gestion.get(liste(LigneCout), {"q": fiche.code})
    assert "plus de 3 lignes de coût" in page.content.decode()
    assert "plus de 3 résultats" in page.content.decode()


def test_a_filter_lists_no_more_choices_than_one_reads_and_still_filters(gestion: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    ligne, voisine = factories.LigneCoutFactory(), factories.LigneCoutFactory()
    convention, autre = ligne.fiche.convention, voisine.fiche.convention
    assert f"?fiche__convention__id__exact={convention.pk}" in gestion.get(liste(LigneCout)).content.decode()
    monkeypatch.setattr(administration, "CHOIX_OFFERTS", 1)
    assert "?fiche__convention__id__exact=" not in gestion.get(liste(LigneCout)).content.decode()
    filtree = gestion.get(liste(LigneCout), {"fiche__convention__id__exact": convention.pk})
    assert list(filtree.context["cl"].queryset) == [ligne]
    filtre = filtree.content.decode().partition('id="changelist-filter"')[2]
    assert convention.reference in filtre
    assert autre.reference not in filtre
    assert gestion.get(liste(LigneCout), {"fiche__convention__id__exact": "x"}).status_code == 302


def test_years_come_from_the_conventions_and_filter(gestion: Client) -> None:
    ligne = factories.LigneCoutFactory(annee=2019, fiche__convention__annee_debut=2018, fiche__convention__annee_fin=2020)
    factories.LigneCoutFactory(annee=2020, fiche=ligne.fiche)
    with CaptureQueriesContext(
        connection,
    ) as requetes:
        page = gestion.get(liste(LigneCout), {"annee": "2019"})
    assert list(page.context["cl"].queryset) == [ligne]
    assert all(f"?annee={annee}" in page.content.decode() for annee in (2018, 2020))
    assert not any("DISTINCT" in r["sql"] for r in requetes)
    pour_tout = factories.CoFinancementFactory(annee=None, fiche=ligne.fiche)
    factories.CoFinancementFactory(annee=2019, fiche=ligne.fiche)
    assert list(gestion.get(liste(CoFinancement), {"annee": "aucune"}).context["cl"].queryset) == [pour_tout]
    assert gestion.get(liste(LigneCout), {"annee": "n’importe"}).context["cl"].result_count == 2


def test_lists_leave_long_texts_unread_and_ask_nothing_more_for_each_row(gestion: Client) -> None:
    factories.LigneCoutFactory.create_batch(2)
    gestion.get(liste(LigneCout))
    with CaptureQueriesContext(connection) as deux:
        gestion.get(liste(LigneCout))
    factories.LigneCoutFactory.create_batch(6)
    with CaptureQueriesContext(connection) as huit:
        gestion.get(liste(LigneCout))
    assert len(huit) == len(deux)
    assert not any('"constat"' in r["sql"] for r in huit)


@pytest.mark.parametrize("page", [p for p in admin.site._registry.values() if isinstance(p, AdminVisible)], ids=lambda p: p.model.__name__)
def test_no_list_follows_its_rows_to_put_them_in_order(page: AdminVisible, rf: RequestFactory) -> None:
    ordre = [champ.lstrip("-") for champ in page.get_ordering(rf.get("/"))]
    assert ordre, "the order of the table itself joins up to the convention"
    relations = {f.name for f in page.model._meta.get_fields() if f.is_relation}
    assert not [champ for champ in ordre if "__" in champ or champ in relations]
