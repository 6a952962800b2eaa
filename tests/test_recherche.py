"""Search by words: what is found is the same on both databases."""

import pytest
from django.db import connection

from comptes.models import Organisation
from conventions.models import Convention
from fiches.models import FicheAction
from fiches.recherche import TEXTES_FICHE, VECTEUR, squeeze
from financement.recherche import TEXTES_CONVENTION, filter_by_mots, find_fiches
from socle.recherche import Contient, list_mots, match, normalize, stem
from tests import factories

pytestmark = pytest.mark.django_db
TEXTES = {
    "E.A 1": {"titre": "Économie circulaire et cœur de ville", "constat": "Les entreprises manquent de locaux."},
    "E.A 2": {"titre": "Transmission des entreprises artisanales", "contenus": "Un atelier à l’École des métiers."},
    "E.P 1": {"titre": "Commerce de proximité", "objectifs": "- Réduire la vacance des locaux commerciaux"},
    "E.C 1": {"titre": "Emploi et compétences", "partenariats_techniques": "Pôle emploi, Saint-Dizier"},
}


@pytest.fixture
def fiches(convention: Convention) -> Convention:
    axe = factories.AxeFactory(convention=convention)
    for code, textes in TEXTES.items():
        factories.FicheFactory(convention=convention, axe=axe, code=code, **textes)
    return convention


def find(mots: str) -> list[str]:
    return [f.code for f in find_fiches(FicheAction.objects.all(), mots, 40)]


@pytest.mark.parametrize(
    ("mots", "codes"),
    [
        ("economie", {"E.A 1"}),
        ("ÉCONOMIE", {"E.A 1"}),
        ("coeur", {"E.A 1"}),
        ("cœur ville", {"E.A 1"}),
        ("entreprise", {"E.A 1", "E.A 2"}),
        ("entreprises locaux", {"E.A 1"}),
        ("local", {"E.A 1", "E.P 1"}),
        ("transm", {"E.A 2"}),
        ("artisan", {"E.A 2"}),
        ("transm artisanales", set()),  # a beginning is the last word only
        ("école des métiers", {"E.A 2"}),
        ("l'école", {"E.A 2"}),
        ("l’ecole", {"E.A 2"}),
        ("saint-dizier", {"E.C 1"}),
        ("dizier", {"E.C 1"}),
        ("compétence", {"E.C 1"}),
        ("emploi vacance", set()),
        ("introuvable", set()),
        ("de la", set()),
        ("& | ! :*", set()),
        ("ea 1", {"E.A 1"}),
    ],
)
def test_words_find_the_same_fiches_on_both_databases(mots: str, codes: set[str], fiches: Convention) -> None:
    assert set(find(mots)) == codes


def test_titles_that_answer_come_first_and_codes_before_them(fiches: Convention) -> None:
    factories.FicheFactory(convention=fiches, code="E.B 1", titre="Divers", constat="La transmission inquiète.", ordre=0)
    assert find("transmission") == ["E.A 2", "E.B 1"]
    factories.FicheFactory(convention=fiches, code="E.P 9", titre="Suite de E.A 1", ordre=0)
    assert find("E.A 1") == ["E.A 1"]


def test_conventions_are_found_by_text_reference_and_party(convention: Convention, cci: Organisation) -> None:
    Convention.objects.filter(pk=convention.pk).update(
        titre="Revitalisation économique", objet="Soutenir les filières", reference="REV-2024"
    )
    Organisation.objects.filter(pk=cci.pk).update(nom="Chambre de l’Érignois", sigle="CCI Érigny")
    autre = factories.ConventionFactory(titre="Tourisme", objet="")
    for mots in (
        "economique",
        "filieres",
        "filière",
        "REV-2024",
        "rev-20",
        "erignois",
        "érigny",
        "revitalisation CCI",
        "filière de la chambre",
    ):
        assert set(filter_by_mots(Convention.objects.all(), mots)) == {convention}, mots
    assert set(filter_by_mots(Convention.objects.all(), "tour")) == {autre}
    assert not filter_by_mots(Convention.objects.all(), "tourisme chambre").exists()


def test_a_text_just_written_is_found_and_one_just_removed_is_not(fiches: Convention) -> None:
    FicheAction.objects.filter(code="E.P 1").update(titre="Halles et marchés")
    assert find("marché") == ["E.P 1"]
    assert find("proximité") == []


def test_words_are_read_without_accents_nor_what_says_nothing() -> None:
    assert normalize("L’Été à Nœux-les-Mines") == "l’ete a noeux-les-mines"
    assert list_mots("L’école de l’été") == ["ecole", "ete"]
    assert [stem(m) for m in ("commerces", "locaux", "belle", "2024", "pays")] == ["commerc", "local", "bel", "2024", "pays"]


def test_nothing_is_found_in_an_empty_text() -> None:
    assert not match(None, "mot")
    assert not match("", "mot")
    assert not match("un texte", "")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="full text search is PostgreSQL’s")
def test_the_indexes_of_the_migration_serve_the_search(fiches: Convention) -> None:
    with connection.cursor() as curseur:
        curseur.execute("SET LOCAL enable_seqscan = off")
    par_mots = FicheAction.toutes.filter(Contient("emploi", *TEXTES_FICHE, vecteur=VECTEUR)).order_by()
    assert "fiches_ficheaction_recherche" in par_mots.explain()
    assert "recherche_conventions" in Convention.objects.filter(Contient("emploi", *TEXTES_CONVENTION)).order_by().explain()
    codes = FicheAction.toutes.annotate(serre=squeeze("code")).filter(serre__startswith="EA1").order_by()
    assert "recherche_codes" in codes.explain()
