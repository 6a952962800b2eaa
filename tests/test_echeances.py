"""Deadlines of conventions: when each falls, when it is late, what settles it."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from lxml import html

from comptes.models import Utilisateur
from conventions.models import Convention, Partie
from financement.echeances import Echeance, Genre, collect_echeances, list_echeances, list_suivies, tell_partenaires
from financement.models import Paiement, Versement
from tests import factories
from tests.factories import euros

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]
TODAY = date(2021, 4, 12)


def pass_to(convention: Convention, etat: str) -> None:
    """Bring a convention to a state, once everything is in it: signed, nothing enters it any more."""
    Convention.objects.filter(pk=convention.pk).update(etat=etat)


def read(today: date = TODAY, **options: Any) -> list[tuple[str, str]]:
    """Deadlines of all the conventions, as days and words."""
    return [(f"{e.jour:%d/%m/%Y}", e.libelle) for e in list_echeances(list(Convention.objects.all()), today, **options)]


def collect(genre: Genre, **options: Any) -> list[Echeance]:
    return [e for e in collect_echeances(list(Convention.objects.all()), **options) if e.genre == genre]


def pay(versement: Versement, montant: str = "100") -> None:
    Paiement.objects.create(
        convention=versement.convention,
        versement=versement,
        montant=euros(montant),
        exercice=2021,
        etat="paye",
        paye_le=TODAY,
        iban="FR1420041010050500013M02606",
    )


# --- Bilans -----------------------------------------------------------------------------------------


def test_bilan_of_each_year_is_due_three_months_after_it() -> None:
    factories.ConventionFactory(etat="signee")
    assert [(e.jour, e.libelle) for e in collect(Genre.BILAN)] == [
        (date(2019, 3, 31), "Bilan annuel 2018"),
        (date(2020, 3, 31), "Bilan annuel 2019"),
        (date(2021, 3, 31), "Bilan annuel 2020"),
    ]


@pytest.mark.parametrize(
    ("mois", "jour"),
    [(0, date(2020, 12, 31)), (1, date(2021, 1, 31)), (2, date(2021, 2, 28)), (6, date(2021, 6, 30)), (38, date(2024, 2, 29))],
)
def test_bilan_is_due_at_the_end_of_the_month_the_agreement_says(mois: int, jour: date) -> None:
    factories.ConventionFactory(etat="signee", annee_debut=2020, delai_bilan_mois=mois)
    assert [e.jour for e in collect(Genre.BILAN)] == [jour]


def test_bilan_received_is_settled() -> None:
    convention = factories.ConventionFactory(etat="signee", annee_debut=2019)
    recu = {(convention.pk, 2020)}
    assert [(e.libelle, e.reglee) for e in collect(Genre.BILAN, bilans=recu)] == [("Bilan annuel 2019", False), ("Bilan annuel 2020", True)]
    assert read(bilans=recu) == [("31/03/2020", "Bilan annuel 2019")]


@pytest.mark.parametrize("etat", Convention.Etat)
def test_bilan_is_due_while_the_agreement_is_signed_and_runs(etat: str) -> None:
    factories.ConventionFactory(etat=etat, annee_debut=2020)
    assert bool(collect(Genre.BILAN)) is (etat in {"signee", "notifiee", "executoire"})


def test_agreement_without_years_has_no_bilan() -> None:
    factories.ConventionFactory(etat="signee", annee_debut=None, annee_fin=None)
    assert collect(Genre.BILAN) == []


# --- From taking effect to renewal ------------------------------------------------------------------


def test_start_and_end_are_announced_then_forgotten() -> None:
    factories.ConventionFactory(date_debut=TODAY, date_fin=date(2023, 12, 31))
    assert read() == [("12/04/2021", "Prise d’effet"), ("31/12/2023", "Fin de la convention")]
    assert read(date(2021, 4, 13)) == [("31/12/2023", "Fin de la convention")]
    assert read(date(2024, 1, 1)) == []


@pytest.mark.parametrize("etat", ["soldee", "resiliee", "caduque"])
def test_agreement_that_is_over_announces_nothing(etat: str) -> None:
    factories.ConventionFactory(etat=etat, date_debut=date(2021, 5, 1), date_fin=date(2023, 12, 31))
    assert read() == []


@pytest.mark.parametrize(
    ("fin", "mois", "jour"),
    [(date(2023, 12, 31), 6, date(2023, 6, 30)), (date(2023, 10, 31), 3, date(2023, 7, 31)), (date(2023, 8, 31), 6, date(2023, 2, 28))],
)
def test_renewal_is_announced_some_months_before_the_end(fin: date, mois: int, jour: date) -> None:
    factories.ConventionFactory(etat="signee", date_fin=fin, preavis_mois=mois)
    assert [(e.jour, e.libelle) for e in collect(Genre.PREAVIS)] == [(jour, "Préavis de renouvellement")]


def test_renewal_that_exists_is_not_announced() -> None:
    convention = factories.ConventionFactory(etat="signee", date_fin=date(2023, 12, 31))
    suite = factories.ConventionFactory(renouvelle=convention, annee_debut=2024, annee_fin=2026)
    assert collect(Genre.PREAVIS) == []
    pass_to(suite, "caduque")
    assert len(collect(Genre.PREAVIS)) == 1


@pytest.mark.parametrize("champs", [{"etat": "a_signer"}, {"etat": "signee", "preavis_mois": 0}, {"etat": "signee", "date_fin": None}])
def test_no_renewal_to_announce(champs: dict[str, Any]) -> None:
    factories.ConventionFactory(**{"date_fin": date(2023, 12, 31)} | champs)
    assert collect(Genre.PREAVIS) == []


# --- Délibérations and payments ---------------------------------------------------------------------


def test_session_planned_is_a_deadline_until_the_deliberation_is_passed() -> None:
    partie = factories.PartieFactory(denomination="Dijon Métropole", seance_prevue=date(2021, 3, 25))
    assert read() == [("25/03/2021", "Délibération, Dijon Métropole")]
    Partie.objects.filter(pk=partie.pk).update(deliberation_date=date(2021, 3, 25))
    assert read() == []
    assert [e.reglee for e in collect(Genre.DELIBERATION)] == [True]


@pytest.mark.parametrize("etat", ["signee", "executoire", "caduque"])
def test_no_session_is_awaited_once_signed_or_given_up(etat: str) -> None:
    partie = factories.PartieFactory(seance_prevue=date(2021, 5, 25))
    pass_to(partie.convention, etat)
    assert collect(Genre.DELIBERATION) == []


def test_payment_bears_its_nature_and_the_solde_is_apart() -> None:
    convention = factories.ConventionFactory()
    for nature in ("acompte", "intermediaire", "solde"):
        factories.VersementFactory(convention=convention, nature=nature, date_prevue=date(2021, 6, 1))
    factories.VersementFactory(convention=convention, nature="solde", date_prevue=None)
    assert [e.libelle for e in collect(Genre.VERSEMENT)] == ["Acompte", "Acompte intermédiaire"]
    assert [e.libelle for e in collect(Genre.SOLDE)] == ["Solde"]


def test_payment_made_is_settled() -> None:
    versement = factories.VersementFactory(date_prevue=date(2021, 3, 1), montant=euros(100), convention__annee_debut=None)
    pass_to(versement.convention, "executoire")
    pay(versement, "40")
    assert read() == [("01/03/2021", "Acompte")]
    pay(versement, "60")
    assert read() == []


@pytest.mark.parametrize("etat", Convention.Etat)
def test_payment_is_late_only_once_the_agreement_is_signed(etat: str) -> None:
    versement = factories.VersementFactory(date_prevue=date(2021, 3, 1), convention__annee_debut=None)
    pass_to(versement.convention, etat)
    assert bool(read()) is (etat in {"signee", "notifiee", "executoire", "resiliee"})


# --- Late, then to come -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("jour", "mots"),
    [
        (date(2021, 4, 13), None),
        (TODAY, None),
        (date(2021, 4, 11), "en retard de 1\u00a0jour"),
        (date(2021, 3, 31), "en retard de 12\u00a0jours"),
    ],
)
def test_deadline_is_late_from_the_next_day_on(jour: date, mots: str | None) -> None:
    echeance = Echeance(jour, Genre.DELIBERATION, "Délibération", Convention(), "deliberation.1")
    assert echeance.en_retard(TODAY) is (mots is not None)
    assert mots is None or echeance.tell_retard(TODAY) == mots


@pytest.mark.parametrize("genre", [Genre.PRISE_EFFET, Genre.FIN, Genre.PREAVIS])
def test_date_that_asks_nothing_is_never_late(genre: Genre) -> None:
    assert not Echeance(date(2021, 4, 1), genre, "", Convention(etat="signee"), "").en_retard(TODAY)


def test_late_ones_come_first_the_oldest_before() -> None:
    convention = factories.ConventionFactory(date_debut=date(2021, 4, 20))
    for jour in (5, 1, 15):
        factories.PartieFactory(convention=convention, denomination=f"le {jour}", seance_prevue=date(2021, 4, jour))
    assert [libelle for _, libelle in read()] == ["Délibération, le 1", "Délibération, le 5", "Délibération, le 15", "Prise d’effet"]


@pytest.mark.parametrize(("jours", "montree"), [(400, True), (401, False)])
def test_late_ones_are_kept_four_hundred_days(jours: int, montree: bool) -> None:
    factories.PartieFactory(seance_prevue=TODAY - timedelta(days=jours))
    assert bool(read()) is montree


@pytest.mark.parametrize(("jours", "montree"), [(0, True), (30, True), (31, False)])
def test_horizon_keeps_what_comes_within_it(jours: int, montree: bool) -> None:
    factories.PartieFactory(seance_prevue=TODAY + timedelta(days=jours))
    assert bool(read(horizon=timedelta(days=30))) is montree
    assert len(read()) == 1


def test_horizon_hides_nothing_that_is_late() -> None:
    factories.PartieFactory(seance_prevue=TODAY - timedelta(days=200))
    assert len(read(horizon=timedelta(days=30))) == 1


def test_amendment_brings_no_deadline_of_its_own() -> None:
    convention = factories.ConventionFactory(etat="signee", annee_debut=None, annee_fin=None, date_fin=date(2023, 12, 31))
    factories.ConventionFactory(avenant_de=convention, numero_avenant=1, date_fin=date(2024, 12, 31))
    assert read() == [("30/06/2023", "Préavis de renouvellement"), ("31/12/2023", "Fin de la convention")]


def test_each_deadline_has_a_name_of_its_own() -> None:
    convention = factories.ConventionFactory(date_debut=TODAY, date_fin=date(2023, 12, 31))
    for _ in range(2):
        factories.PartieFactory(convention=convention, seance_prevue=TODAY)
        factories.VersementFactory(convention=convention, date_prevue=TODAY)
    noms = []
    for etat in ("a_signer", "signee"):
        pass_to(convention, etat)
        noms.append([e.cle for e in collect_echeances(list(Convention.objects.all()))])
    assert [(len(cles), len(set(cles))) for cles in noms] == [(6, 6), (8, 8)]


# --- Whose ------------------------------------------------------------------------------------------


def test_people_follow_the_conventions_of_their_organisation(convention: Convention, agent: Utilisateur) -> None:
    factories.PartieFactory()
    exploitant = factories.UtilisateurFactory(organisation=None, is_superuser=True)
    exploitant_ici = factories.UtilisateurFactory(organisation=agent.organisation, is_superuser=True)
    assert [list_suivies(p) for p in (agent, exploitant_ici, exploitant)] == [[convention], [convention], []]


def test_partners_are_named_without_ones_own(convention: Convention, agent: Utilisateur) -> None:
    factories.PartieFactory(convention=convention, denomination="Union commerciale", ordre=30)
    assert tell_partenaires(Convention.objects.get(), agent) == "CCI d’essai, Union commerciale"


def test_queries_stay_flat(agent: Utilisateur) -> None:
    def add() -> None:
        convention = factories.ConventionFactory(date_fin=date(2023, 12, 31))
        factories.PartieFactory(convention=convention, organisation=agent.organisation, seance_prevue=TODAY)
        factories.VersementFactory(convention=convention, date_prevue=TODAY)
        pass_to(convention, "signee")

    def count() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as lecture:
            conventions = list_suivies(agent)
        with CaptureQueriesContext(connection) as dates:
            assert len(list_echeances(conventions, TODAY)) >= 2
        return len(lecture), len(dates)

    add()
    avant = count()
    for _ in range(3):
        add()
    assert count() == avant
    assert avant[1] <= 2  # the avenants in force, and their payments


# --- The home page ----------------------------------------------------------------------------------


def read_home(client: Client, **requete: str) -> Any:
    return html.fromstring(client.get(reverse("accueil"), requete).content).xpath("//section[@aria-labelledby='t-echeances']")[0]


def test_home_tells_what_is_late_by_a_sign_and_words_then_what_comes(convention: Convention, client_agent: Client) -> None:
    today = timezone.localdate()
    Convention.objects.update(date_fin=today + timedelta(days=3))
    Partie.objects.filter(nom_court="CCI").update(seance_prevue=today - timedelta(days=12))
    lignes = read_home(client_agent).xpath(".//li")
    assert ["en retard de 12\u00a0jours" in ligne.text_content() for ligne in lignes] == [True, False]
    assert [len(ligne.xpath(".//*[@class='ic']")) for ligne in lignes] == [1, 0]


def test_home_shows_four_late_ones_at_most_then_all(convention: Convention, client_agent: Client) -> None:
    today = timezone.localdate()
    Convention.objects.update(date_fin=today)
    for jours in range(1, 7):
        factories.PartieFactory(convention=convention, seance_prevue=today - timedelta(days=jours))
    assert len(read_home(client_agent).xpath(".//li")) == 5
    assert "Tout voir, 7" in read_home(client_agent).text_content()
    assert len(read_home(client_agent, tout="1").xpath(".//li")) == 7


def test_home_leads_to_the_agenda(convention: Convention, client_agent: Client) -> None:
    Convention.objects.update(date_fin=timezone.localdate())
    liens = read_home(client_agent).xpath(".//a[@href=$adresse]", adresse=reverse("agenda"))
    assert [lien.text_content() for lien in liens] == ["S’abonner à ces dates dans votre agenda"]
