"""Queries of a page: as many for a hundred rows as for ten."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention, Politique
from fiches.models import Pilote, ProduitPret
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]
REFERENCE = "ESSAI-1"
ADRESSES = {
    "accueil": reverse("accueil"),
    "conventions": reverse("conventions"),
    "recherche": reverse("recherche") + "?q=action",
    "recherche d’un code": reverse("recherche") + "?q=ea 1",
    **{nom: reverse(nom, args=[REFERENCE]) for nom in ("convention", "fiches", "budget", "articles", "famille", "recapitulatif_xlsx")},
    "budget déclaré": reverse("budget", args=[REFERENCE]) + "?source=declare",
    "fiche": reverse("fiche", args=[REFERENCE, "e-a-1-1"]),
}


@pytest.fixture(autouse=True)
def _same_numbers_of_content_types() -> None:
    """What Django keeps in memory for the whole process is read before counting."""
    from django.contrib.contenttypes.models import ContentType

    ContentType.objects.get_for_models(Utilisateur, Convention)


def add_fiche(convention: Convention, organisation: Organisation, pilote: Utilisateur, rang: int) -> None:
    """A fiche with some of everything that a page reads."""
    fiche = factories.FicheFactory(convention=convention, code=f"E.A {rang}.1", etat="en_relecture" if rang % 2 else "en_redaction")
    fiche.maitres_ouvrage.add(organisation, factories.OrganisationFactory())
    Pilote.objects.create(fiche=fiche, utilisateur=pilote)
    for annee in (2018, 2019):
        factories.LigneCoutFactory(fiche=fiche, annee=annee)
    factories.CoFinancementFactory(fiche=fiche, financeur=organisation, taux=Decimal(40))
    factories.CoFinancementFactory(fiche=fiche)
    indicateur = factories.IndicateurFactory(fiche=fiche)
    indicateur.cibles.create(annee=2018, valeur=3)
    ProduitPret.objects.create(fiche=fiche, nom="Prêt")
    factories.RecapDeclareFactory(convention=convention, fiche=fiche, financeur=organisation)


def add_convention(organisation: Organisation, pilote: Utilisateur, reference: str, parent: Convention | None = None) -> Convention:
    convention = factories.ConventionFactory(
        reference=reference, nature="specifique" if parent else "cadre", parent=parent, date_debut="2090-01-01", date_fin="2099-01-01"
    )
    convention.politiques.add(Politique.objects.create(cle=reference.lower(), nom=reference))
    factories.PartieFactory(convention=convention, organisation=organisation)
    factories.PartieFactory(convention=convention, role="beneficiaire")
    factories.ObjectifFactory(convention=convention)
    factories.VersementFactory(convention=convention, date_prevue="2095-01-01")
    article = factories.ArticleFactory(convention=convention, texte="{{ tableau.versements }}\n{{ tableau.coordonnees_bancaires }}")
    factories.MontantDeclareFactory(convention=convention, lieu="article", article=article)
    for rang in (1, 2):
        add_fiche(convention, organisation, pilote, rang)
    return convention


def ask(client: Client, adresse: str) -> list[str]:
    with CaptureQueriesContext(connection) as requetes:
        assert client.get(adresse).status_code == 200
    return [requete["sql"] for requete in requetes]


@pytest.fixture
def grandir(agent: Utilisateur) -> Callable[[], None]:
    """Builds a convention; each call then doubles its fiches, its rows and its family."""
    cadre = add_convention(agent.organisation, agent, REFERENCE)

    def double() -> None:
        for rang in (3, 4):
            add_fiche(cadre, agent.organisation, agent, rang)
        add_convention(agent.organisation, agent, "ESSAI-2", cadre)
        factories.PartieFactory(convention=cadre)
        for fabrique in (factories.ObjectifFactory, factories.VersementFactory, factories.MontantDeclareFactory):
            fabrique(convention=cadre)
        fiche: Any = cadre.fiches.get(code="E.A 1.1")
        factories.LigneCoutFactory(fiche=fiche, annee=2020)
        factories.CoFinancementFactory(fiche=fiche)
        factories.IndicateurFactory(fiche=fiche).cibles.create(annee=2018, valeur=3)

    return double


@pytest.mark.parametrize("nom", ADRESSES)
def test_queries_stay_flat_when_everything_doubles(nom: str, grandir: Callable[[], None], client_agent: Client) -> None:
    ask(client_agent, ADRESSES[nom])
    avant = ask(client_agent, ADRESSES[nom])
    grandir()
    apres = ask(client_agent, ADRESSES[nom])
    assert len(apres) == len(avant), "\n".join(Counter(apres) - Counter(avant))


@pytest.mark.parametrize("nom", ["convention_pdf", "recapitulatif_pdf", "fiche_pdf"])
def test_documents_ask_as_much_when_everything_doubles(
    nom: str, grandir: Callable[[], None], client_agent: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("documents.publication.render_pdf", lambda document: b"%PDF-")
    adresse = reverse(nom, args=[REFERENCE, "e-a-1-1"] if nom == "fiche_pdf" else [REFERENCE])
    avant = len(ask(client_agent, adresse))
    grandir()
    assert len(ask(client_agent, adresse)) == avant
