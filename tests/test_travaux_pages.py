"""Pages of the work done beside the pages: one followed, stopped, started again; all of them for administrators; what is forgotten."""

import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from lxml import html

from comptes.models import Utilisateur
from conventions.models import Convention, Ouvrier, Travail
from conventions.travaux.tableau import read_tableau, write_duree
from tests.factories import ConventionFactory, PartieFactory, UtilisateurFactory

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]
Etat = Travail.Etat


@pytest.fixture
def travail(convention: Convention, agent: Utilisateur) -> Travail:
    return make(convention, demande_par=agent)


def make(convention: Convention | None, **champs: Any) -> Travail:
    return Travail.objects.create(**{"sorte": "document", "convention": convention} | champs)


def done(convention: Convention, secondes: float, jours: int = 1, **champs: Any) -> Travail:
    fin = timezone.now() - timedelta(days=jours)
    return make(
        convention, etat=Etat.FAIT, commence_le=fin - timedelta(seconds=secondes), fini_le=fin, cle=str(Travail.objects.count()), **champs
    )


def running(convention: Convention, **champs: Any) -> Travail:
    return make(convention, etat=Etat.EN_COURS, commence_le=timezone.now() - timedelta(seconds=30), **champs)


def connect(utilisateur: Utilisateur) -> Client:
    client = Client()
    client.force_login(utilisateur)
    return client


def url(nom: str, travail: Travail) -> str:
    return reverse(nom, args=[travail.pk])


def words(reponse: Any) -> str:
    return " ".join(html.fromstring(reponse.content.decode()).text_content().replace("\u202f", " ").replace("\xa0", " ").split())


def poll(client: Client, travail: Travail, **requete: str) -> Any:
    reponse = client.get(url("travail", travail), requete, headers={"HX-Request": "true"})
    assert reponse.status_code == 200
    return reponse


# --- One work --------------------------------------------------------------------------------------


def test_progress_tells_step_part_and_time_left(client_agent: Client, convention: Convention) -> None:
    travail = running(convention, fait=15, total=30, etape="Mise en page")
    reponse = poll(client_agent, travail)
    assert "Mise en page" in words(reponse)
    assert "15 sur 30, encore" in words(reponse)
    barre = html.fromstring(reponse.content.decode()).xpath("//progress")[0]
    assert (barre.get("value"), barre.get("max"), barre.get("aria-label")) == ("50", "100", "Mise en forme d’un document")
    assert "HX-Refresh" not in reponse


def test_sentence_for_who_hears_the_page_comes_only_when_it_changed(client_agent: Client, convention: Convention) -> None:
    travail = running(convention, fait=41, total=100, etape="Mise en page")
    premiere = poll(client_agent, travail).content.decode()
    assert 'hx-swap-oob="innerHTML"' in premiere
    dit = html.fromstring(premiere).xpath("//input[@name='dit']/@value")[0]
    assert dit == "Mise en forme d’un document\xa0: mise en page, 40\xa0%."
    Travail.objects.update(fait=49)
    assert "hx-swap-oob" not in poll(client_agent, travail, dit=dit).content.decode()
    Travail.objects.update(fait=50)
    assert "hx-swap-oob" in poll(client_agent, travail, dit=dit).content.decode()


def test_page_is_told_to_load_itself_once_the_work_is_done(client_agent: Client, convention: Convention) -> None:
    assert poll(client_agent, done(convention, 3))["HX-Refresh"] == "true"


def test_failure_replaces_the_progress_with_its_reason_and_a_way_out(
    client_agent: Client, convention: Convention, agent: Utilisateur
) -> None:
    travail = make(convention, etat=Etat.ECHEC, erreur="Il manque une pièce.", demande_par=agent, fini_le=timezone.now())
    reponse = poll(client_agent, travail, retour="/conventions/")
    assert ("HX-Refresh" in reponse, reponse["HX-Retarget"], reponse["HX-Reswap"]) == (False, f"#travail-{travail.pk}", "outerHTML")
    assert "échec. Il manque une pièce." in words(reponse)
    page = html.fromstring(reponse.content.decode())
    assert page.xpath("//form/@action") == [url("travail_relancer", travail)]
    assert page.xpath("//input[@name='retour']/@value") == ["/conventions/"]
    assert page.xpath("//input[@name='csrfmiddlewaretoken']/@value")[0]


def test_who_only_reads_follows_without_button(travail: Travail, agent: Utilisateur) -> None:
    lecteur = connect(UtilisateurFactory(organisation=agent.organisation, role="lecteur"))
    Travail.objects.update(etat=Etat.ECHEC, erreur="Non.")
    assert "<form" not in poll(lecteur, travail).content.decode()
    assert lecteur.post(url("travail_relancer", travail)).status_code == 403
    assert lecteur.post(url("travail_arreter", travail)).status_code == 403


def test_author_stops_then_starts_again_and_comes_back(travail: Travail, client_agent: Client, convention: Convention) -> None:
    retour = {"retour": convention.get_absolute_url()}
    reponse = client_agent.post(url("travail_arreter", travail), retour)
    assert (reponse.status_code, reponse["Location"]) == (302, retour["retour"])
    travail.refresh_from_db()
    assert travail.etat == Etat.ARRETE
    assert client_agent.post(url("travail_relancer", travail), retour)["Location"] == retour["retour"]
    travail.refresh_from_db()
    assert travail.etat == Etat.EN_ATTENTE
    assert "le travail est relancé." in words(client_agent.get(retour["retour"]))


def test_refusal_is_told_on_the_page_one_comes_from(client_agent: Client, convention: Convention, agent: Utilisateur) -> None:
    travail = done(convention, 3, demande_par=agent)
    page = client_agent.post(url("travail_arreter", travail), {"retour": convention.get_absolute_url()}, follow=True)
    assert "Ce travail est déjà fini : fait" in words(page)


@pytest.mark.parametrize("ailleurs", ["https://ailleurs.example/", "//ailleurs.example/", "javascript:alert(1)", "", "travaux"])
def test_nobody_is_sent_to_another_site(travail: Travail, client_agent: Client, ailleurs: str) -> None:
    assert client_agent.post(url("travail_arreter", travail), {"retour": ailleurs})["Location"] == reverse("accueil")


def test_work_of_others_does_not_exist(travail: Travail) -> None:
    etranger = connect(UtilisateurFactory(role="administrateur"))
    assert etranger.get(url("travail", travail)).status_code == 404
    for nom in ("travail_arreter", "travail_relancer"):
        assert etranger.post(url(nom, travail)).status_code == 404
    travail.refresh_from_db()
    assert travail.etat == Etat.EN_ATTENTE


def test_visitor_signs_in_first_and_buttons_are_posted_only(travail: Travail, client: Client, client_agent: Client) -> None:
    for nom in ("travail", "travail_arreter", "travail_relancer"):
        reponse = client.post(url(nom, travail))
        assert (reponse.status_code, reverse("account_login") in reponse["Location"]) == (302, True)
    for nom, methode in (("travail", "POST"), ("travail_arreter", "GET"), ("travail_relancer", "GET"), ("travail_arreter", "DELETE")):
        assert client_agent.generic(methode, url(nom, travail)).status_code == 405
    mefiant = Client(enforce_csrf_checks=True)
    mefiant.cookies = client_agent.cookies
    assert mefiant.post(url("travail_arreter", travail)).status_code == 403


# --- All of them -----------------------------------------------------------------------------------


def test_page_is_for_administrators(client_agent: Client, administrateur: Client, client: Client) -> None:
    agent = connect(UtilisateurFactory())
    assert [c.get(reverse("travaux")).status_code for c in (agent, administrateur)] == [403, 200]
    assert client.get(reverse("travaux")).status_code == 302
    assert f'href="{reverse("travaux")}"' not in agent.get(reverse("accueil")).content.decode()
    assert f'href="{reverse("travaux")}"' in administrateur.get(reverse("accueil")).content.decode()


def test_empty_page_says_so_and_whom_to_tell(administrateur: Client) -> None:
    page = words(administrateur.get(reverse("travaux")))
    for dit in ("Rien n’est en cours.", "Rien n’attend.", "Aucun échec à reprendre.", "Aucun travail fait depuis 30 jours."):
        assert dit in page
    assert "Aucun ouvrier n’est en service. Prévenez l’exploitant" in page


def test_page_shows_what_waits_runs_fails_and_lasts(administrateur: Client, convention: Convention, agent: Utilisateur) -> None:
    Ouvrier.objects.create(identifiant="un", machine="serveur-1", pid=12)
    running(convention, fait=1, total=4, etape="Mise en page", ouvrier="un", essais=2, demande_par=agent)
    make(convention, sorte="controle")
    make(convention, sorte="figer", etat=Etat.ECHEC, erreur="Le texte a changé.", fini_le=timezone.now(), demande_par=agent)
    for secondes in (2, 4, 60):
        done(convention, secondes)
    page = words(administrateur.get(reverse("travaux")))
    for dit in ("Mise en page", "essai 2", "1 sur 4", "ne s’arrête pas", "Le texte a changé.", "Relancer", "Durées", "4,0 s", "1 min 00 s"):
        assert dit in page
    assert "serveur-1" not in page
    exploitant = connect(UtilisateurFactory(is_superuser=True, organisation=None, role="administrateur"))
    assert "sur serveur-1, processus 12" in words(exploitant.get(reverse("travaux")))


def test_page_tells_nothing_of_other_conventions(administrateur: Client, convention: Convention) -> None:
    autre = ConventionFactory(reference="LA-LEUR")
    running(autre)
    make(autre, cle="x")
    make(autre, sorte="figer", etat=Etat.ECHEC, erreur="Secret.", fini_le=timezone.now())
    done(autre, 5)
    reponse = administrateur.get(reverse("travaux"))
    assert not re.search("LA-LEUR|Secret", reponse.content.decode())
    assert "Aucun travail fait" in words(reponse)


def test_failure_done_again_since_is_no_longer_to_be_taken_up(convention: Convention, agent: Utilisateur) -> None:
    agent.is_superuser = True
    for ou in (convention, None):
        make(ou, etat=Etat.ECHEC, fini_le=timezone.now(), cle="a")
        make(ou, etat=Etat.ECHEC, fini_le=timezone.now(), cle="b")
        make(ou, etat=Etat.FAIT, fini_le=timezone.now(), commence_le=timezone.now(), cle="a")
    tableau = read_tableau(agent)
    assert ([(t.convention_id, t.cle) for t in tableau.echecs], tableau.nb_echecs) == ([(None, "b"), (convention.pk, "b")], 2)


def test_durations_are_those_of_the_last_days(convention: Convention, agent: Utilisateur) -> None:
    agent.is_superuser = True
    for secondes in (1, 2, 3, 100):
        done(convention, secondes)
    done(convention, 9000, jours=40)
    done(convention, 300, sorte="ancienne")
    ancienne, document = read_tableau(agent).durees
    assert (ancienne.titre, document.titre, document.nombre) == ("ancienne", "Mise en forme d’un document", 4)
    assert (document.mediane, document.longue) == (timedelta(seconds=2), timedelta(seconds=100))


def test_page_asks_as_much_of_the_database_for_many_works(administrateur: Client, convention: Convention, agent: Utilisateur) -> None:
    def fill(tour: int) -> None:
        autre = ConventionFactory()
        PartieFactory(convention=autre, organisation=agent.organisation)
        personne = UtilisateurFactory(organisation=agent.organisation)
        for n in range(2):
            running(autre, cle=f"{tour}-{n}", demande_par=personne)
            make(autre, cle=f"{tour}-{n}a", demande_par=personne)
            make(autre, cle=f"{tour}-{n}b", etat=Etat.ECHEC, fini_le=timezone.now(), demande_par=personne)
        done(autre, 3)
        Ouvrier.objects.create(identifiant=str(tour), machine="m", pid=tour)

    def count() -> int:
        with CaptureQueriesContext(connection) as requetes:
            assert administrateur.get(reverse("travaux")).status_code == 200
        return len(requetes)

    fill(1)
    count()
    avant = count()
    for tour in range(2, 6):
        fill(tour)
    assert count() == avant


@pytest.mark.parametrize(
    ("secondes", "dit"), [(0.25, "0,2 s"), (9.96, "10,0 s"), (42, "42 s"), (59.7, "1 min 00 s"), (185, "3 min 05 s"), (3720, "1 h 02")]
)
def test_durations_are_written_in_french(secondes: float, dit: str) -> None:
    assert write_duree(timedelta(seconds=secondes)).replace("\xa0", " ") == dit


# --- In the administration -------------------------------------------------------------------------


@pytest.mark.usefixtures("lenient_templates")
def test_works_are_stopped_and_started_again_from_the_administration(
    administrateur: Client, travail: Travail, convention: Convention
) -> None:
    fini, liste = done(convention, 3), reverse("admin:conventions_travail_changelist")
    assert reverse("travaux") in administrateur.get(reverse("admin:index")).content.decode()
    page = words(administrateur.post(liste, {"action": "stop", "_selected_action": [travail.pk, fini.pk]}, follow=True))
    assert "arrêt demandé." in page
    assert "Ce travail est déjà fini" in page
    travail.refresh_from_db()
    assert travail.etat == Etat.ARRETE
    assert "relancé." in words(administrateur.post(liste, {"action": "start_again", "_selected_action": [travail.pk]}, follow=True))
    travail.refresh_from_db()
    assert travail.etat == Etat.EN_ATTENTE


# --- Forgetting ------------------------------------------------------------------------------------


def test_old_works_are_forgotten_with_their_tasks_and_living_ones_never(convention: Convention) -> None:
    vieux, recent = done(convention, 3, jours=100), done(convention, 3, jours=80)
    vivant = make(convention, demande_le=timezone.now() - timedelta(days=200))
    for jours in (100, 80):
        tache = DBTaskResult.objects.create(args_kwargs={}, task_path="x", backend_name="default", run_after=None, status="SUCCESSFUL")
        DBTaskResult.objects.filter(pk=tache.pk).update(finished_at=timezone.now() - timedelta(days=jours))
    sortie = StringIO()
    call_command("prune_travaux", stdout=sortie)
    assert sortie.getvalue() == "Travaux effacés : 1. Tâches effacées : 1.\n"
    assert set(Travail.objects.all()) == {recent, vivant}
    call_command("prune_travaux", jours=60, verbosity=0)
    assert (set(Travail.objects.all()), DBTaskResult.objects.count()) == ({vivant}, 0)
    assert vieux not in Travail.objects.all()


def test_works_that_the_page_shows_are_not_forgotten(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("prune_travaux", jours=7)
    assert "Gardez au moins 30 jours" in capsys.readouterr().err
