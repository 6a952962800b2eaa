"""Work done beside the pages: asked once, followed, stopped, started again; what its end says."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention, Travail
from conventions.travaux import sortes, suivi
from conventions.travaux.actes import cancel, retry
from conventions.travaux.estimation import estimate_left, round_duree, tell_left
from conventions.travaux.sortes import SORTES, Sorte, register
from conventions.travaux.suivi import ArretDemande, TravailRefuse, TravailRepris, claim, enqueue, follow, start
from tests.factories import UtilisateurFactory

pytestmark = pytest.mark.django_db
Etat = Travail.Etat


@task()
def noter(pk: int, *mots: str) -> None:
    """Leaves its words as the result."""
    with follow(pk) as s:
        if s is not None:
            s.resultat = " ".join(mots)


@pytest.fixture(autouse=True)
def sorte() -> Iterator[list[int]]:
    """A kind of tests: which rows were let down, and which were prepared again (negative)."""
    vus: list[int] = []
    SORTES["essai"] = Sorte("essai", "Essai", delaisser=lambda t: vus.append(t.pk), preparer=lambda t: vus.append(-t.pk))
    SORTES["fermee"] = Sorte("fermee", "Sans arrêt", panne="La machine a calé.", arretable=False)
    yield vus
    del SORTES["essai"], SORTES["fermee"]


@pytest.fixture
def travail(convention: Convention, agent: Utilisateur) -> Travail:
    return start("essai", convention, agent, noter, "a", cle="x")


def fresh(travail: Travail) -> Travail:
    return Travail.objects.get(pk=travail.pk)


def put(travail: Travail, **champs: Any) -> Travail:
    Travail.objects.filter(pk=travail.pk).update(**champs)
    return fresh(travail)


def ago(secondes: float) -> Any:
    return timezone.now() - timedelta(seconds=secondes)


# --- Asking ----------------------------------------------------------------------------------------


def test_work_is_queued_once_saved_with_its_row_first(
    convention: Convention, agent: Utilisateur, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        travail = start("essai", convention, agent, noter, "a", "b", cle="x")
        assert not DBTaskResult.objects.exists()
    tache = DBTaskResult.objects.get()
    assert (tache.task_path, tache.args_kwargs) == ("tests.test_travaux.noter", {"args": [travail.pk, "a", "b"], "kwargs": {}})
    travail = fresh(travail)
    assert (travail.etat, travail.demande_par, travail.tache, travail.titre) == (Etat.EN_ATTENTE, agent, tache.pk, "Essai")


def test_same_work_is_asked_once_while_it_lives(travail: Travail, convention: Convention, partenaire: Utilisateur) -> None:
    assert start("essai", convention, partenaire, noter, "a", cle="x") == travail
    put(travail, etat=Etat.EN_COURS)
    assert start("essai", convention, partenaire, noter, "a", cle="x") == travail
    assert start("essai", convention, partenaire, noter, "a", cle="y") != travail
    assert start("essai", None, partenaire, noter, "a", cle="x") != travail
    put(travail, etat=Etat.FAIT)
    assert start("essai", convention, partenaire, noter, "a", cle="x") != travail


def test_work_without_convention_nor_person_is_asked_once(db: None) -> None:
    premier = start("essai", None, None, noter)
    assert (start("essai", None, None, noter), premier.demande_par) == (premier, None)


def test_work_asked_at_the_same_time_by_two_is_that_of_the_first(
    travail: Travail, convention: Convention, agent: Utilisateur, monkeypatch: pytest.MonkeyPatch
) -> None:
    vraie, vues = type(Travail.objects).alive, []

    def alive(self: Any) -> Any:
        vues.append(1)
        return vraie(self) if len(vues) > 1 else Travail.objects.none()  # the first look came before the other's writing

    monkeypatch.setattr(type(Travail.objects), "alive", alive)
    assert start("essai", convention, agent, noter, "a", cle="x") == travail
    assert len(vues) == 2


def test_database_keeps_one_living_work(travail: Travail) -> None:
    double = {"sorte": "essai", "convention": travail.convention, "cle": "x"}
    Travail.objects.create(**double, etat=Etat.FAIT)
    with pytest.raises(IntegrityError), transaction.atomic():
        Travail.objects.create(**double, etat=Etat.EN_COURS)


def test_unknown_kind_is_refused(convention: Convention) -> None:
    with pytest.raises(ValueError, match="sorte de travaux"):
        start("inconnue", convention, None, noter)


def test_two_kinds_do_not_share_a_key() -> None:
    register(SORTES["document"])
    with pytest.raises(ValueError, match="Deux sortes"):
        register(Sorte("document", "Autre"))


def test_kind_that_nobody_registers_any_more_still_shows(travail: Travail) -> None:
    assert put(travail, sorte="ancienne").titre == "ancienne"


def test_number_of_a_task_kept_elsewhere_than_in_the_database_is_not_kept(
    travail: Travail, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}
    enqueue(travail)
    assert (fresh(travail).etat, fresh(travail).tache, fresh(travail).resultat) == (Etat.FAIT, None, "a")


# --- Who sees --------------------------------------------------------------------------------------


def test_work_is_seen_by_the_parties_of_its_convention(travail: Travail, agent: Utilisateur, partenaire: Utilisateur) -> None:
    general = start("essai", None, agent, noter)
    exploitant = Utilisateur(is_superuser=True, is_active=True)
    for user, vus in (
        (agent, {travail, general}),
        (partenaire, {travail}),
        (UtilisateurFactory(), set()),
        (exploitant, {travail, general}),
    ):
        assert set(Travail.objects.visible_to(user)) == vus


# --- Following -------------------------------------------------------------------------------------


def test_work_is_done_once(travail: Travail) -> None:
    noter.func(travail.pk, "fait")
    fait = fresh(travail)
    assert (fait.etat, fait.resultat, fait.essais, fait.erreur) == (Etat.FAIT, "fait", 1, "")
    assert fait.duree is not None
    noter.func(travail.pk, "encore")
    assert (fresh(travail).resultat, fresh(travail).essais) == ("fait", 1)


def test_progress_is_written_by_steps_and_not_too_often(
    travail: Travail, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    heure = [100.0]
    monkeypatch.setattr(suivi.time, "monotonic", lambda: heure[0])
    with follow(travail.pk) as s:
        with django_assert_num_queries(1):
            s(1, 4, "Lecture")
            s(2, 4, "Lecture")
        vu = fresh(travail)
        assert (vu.fait, vu.total, vu.etape, vu.pourcentage, vu.etat) == (1, 4, "Lecture", 25, Etat.EN_COURS)
        heure[0] += 0.5
        s(9, 4, "É" * 300)
        assert (fresh(travail).fait, len(fresh(travail).etape)) == (4, 120)
    assert (fresh(travail).fait, fresh(travail).etape) == (4, "")


def test_work_that_somebody_stops_ends_at_its_next_step(travail: Travail, agent: Utilisateur, sorte: list[int]) -> None:
    apres = []
    with follow(travail.pk) as s:
        assert cancel(agent, travail).etat == Etat.EN_COURS
        s(1, 2, "Lecture")
        apres.append("jamais")
    assert (apres, fresh(travail).etat, sorte) == ([], Etat.ARRETE, [])


def test_work_stopped_while_it_waits_is_never_begun(travail: Travail, agent: Utilisateur, sorte: list[int]) -> None:
    arrete = cancel(agent, travail)
    assert (arrete.etat, arrete.fini_le is not None, sorte) == (Etat.ARRETE, True, [travail.pk])
    with follow(travail.pk) as s:
        assert s is None
    assert fresh(travail).etat == Etat.ARRETE


@pytest.mark.parametrize(
    ("panne", "dit"),
    [
        (RuntimeError("détail technique"), sortes.PANNE),
        (ValidationError(["Un.", "Deux."]), "Un. Deux."),
        (PermissionDenied("Votre compte lit seulement."), "Votre compte lit seulement."),
        (PermissionDenied(), sortes.PANNE),
    ],
)
def test_breakdown_is_told_in_french_and_goes_to_the_log(travail: Travail, panne: Exception, dit: str) -> None:
    with pytest.raises(type(panne)), follow(travail.pk):
        raise panne
    assert (fresh(travail).etat, fresh(travail).erreur) == (Etat.ECHEC, dit)


def test_breakdown_is_told_in_the_words_of_its_kind(convention: Convention) -> None:
    travail = start("fermee", convention, None, noter)
    with pytest.raises(RuntimeError), follow(travail.pk):
        raise RuntimeError
    assert fresh(travail).erreur == "La machine a calé."


def test_refusal_is_told_without_going_to_the_log(travail: Travail) -> None:
    with follow(travail.pk):
        raise TravailRefuse("Il manque une pièce.")
    assert (fresh(travail).etat, fresh(travail).erreur) == (Etat.ECHEC, "Il manque une pièce.")


def test_work_of_an_interrupted_worker_waits_for_the_next(travail: Travail) -> None:
    with pytest.raises(SystemExit), follow(travail.pk):
        raise SystemExit(1)
    assert (fresh(travail).etat, fresh(travail).essais) == (Etat.EN_ATTENTE, 0)


def test_worker_that_comes_back_after_its_work_was_taken_over_writes_nothing(travail: Travail) -> None:
    suite = []
    with follow(travail.pk) as lent:
        put(travail, etat=Etat.EN_ATTENTE)  # what taking over does
        repris = claim(travail.pk)
        assert repris is not None
        with pytest.raises(TravailRepris):
            lent.check()
        with pytest.raises(TravailRepris), transaction.atomic():
            lent.hold()
        lent.resultat = "trop tard"
        lent(1, 2)
        suite.append("jamais")
    vu = fresh(travail)
    assert (suite, vu.etat, vu.fait, vu.resultat) == ([], Etat.EN_COURS, 0, "")
    repris.hold()
    assert not lent.end(Etat.FAIT)
    assert repris.end(Etat.FAIT)
    assert fresh(travail).etat == Etat.FAIT


def test_work_that_holds_its_row_still_stops_when_asked(travail: Travail, agent: Utilisateur) -> None:
    s = claim(travail.pk)
    assert s is not None
    cancel(agent, travail)
    with pytest.raises(ArretDemande), transaction.atomic():
        s.hold()


# --- Stopping and starting again -------------------------------------------------------------------


def test_who_may_stop_and_start_again(travail: Travail, agent: Utilisateur, partenaire: Utilisateur, cci: Organisation) -> None:
    with pytest.raises(PermissionDenied, match="qui l’a demandé"):
        cancel(partenaire, travail)
    with pytest.raises(PermissionDenied, match="pas des vôtres"):
        cancel(UtilisateurFactory(role="administrateur"), travail)
    assert cancel(UtilisateurFactory(organisation=cci, role="administrateur"), travail).etat == Etat.ARRETE
    with pytest.raises(PermissionDenied, match="qui l’a demandé"):
        retry(partenaire, travail)
    assert retry(agent, travail).etat == Etat.EN_ATTENTE


def test_finished_work_is_neither_stopped_nor_started_again(travail: Travail, agent: Utilisateur) -> None:
    noter.func(travail.pk)
    with pytest.raises(ValidationError, match="déjà fini : fait"):
        cancel(agent, travail)
    with pytest.raises(ValidationError, match="rien à relancer"):
        retry(agent, travail)


def test_kind_that_is_written_whole_does_not_stop(convention: Convention, agent: Utilisateur) -> None:
    with pytest.raises(ValidationError, match="ne s’arrête pas"):
        cancel(agent, start("fermee", convention, agent, noter))


def test_failed_work_starts_again_as_new(
    travail: Travail, agent: Utilisateur, sorte: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    put(travail, etat=Etat.ECHEC, erreur="Non.", essais=3, fait=1, total=2, arret_demande=True, tache=uuid.uuid4(), fini_le=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        retry(agent, travail)
    vu = fresh(travail)
    assert (vu.etat, vu.erreur, vu.essais, vu.fait, vu.total, vu.arret_demande, vu.fini_le) == (Etat.EN_ATTENTE, "", 0, 0, 0, False, None)
    assert (vu.tache, sorte) == (DBTaskResult.objects.get().pk, [-travail.pk])
    noter.func(travail.pk, "bien")
    assert (fresh(travail).etat, fresh(travail).essais) == (Etat.FAIT, 1)


def test_starting_again_gives_what_was_asked_anew_meanwhile(travail: Travail, convention: Convention, agent: Utilisateur) -> None:
    put(travail, etat=Etat.ECHEC)
    autre = start("essai", convention, agent, noter, "a", cle="x")
    assert retry(agent, travail) == autre
    assert fresh(travail).etat == Etat.ECHEC


def test_starting_again_at_the_same_moment_as_somebody_asks_is_told(
    travail: Travail, convention: Convention, agent: Utilisateur, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(travail, etat=Etat.ECHEC)
    start("essai", convention, agent, noter, "a", cle="x")
    monkeypatch.setattr(type(Travail.objects), "alive", lambda self: Travail.objects.none())  # the other's is not saved yet
    with pytest.raises(ValidationError, match="vient d’être demandé"):
        retry(agent, travail)
    assert fresh(travail).etat == Etat.ECHEC


def test_work_queued_twice_by_a_stop_and_a_restart_is_done_once(travail: Travail, agent: Utilisateur) -> None:
    cancel(agent, travail)
    retry(agent, travail)
    noter.func(travail.pk, "premier")
    noter.func(travail.pk, "second")
    assert fresh(travail).resultat == "premier"


# --- Time left -------------------------------------------------------------------------------------


def test_time_left_is_told_from_its_own_pace(travail: Travail) -> None:
    moitie = put(travail, etat=Etat.EN_COURS, commence_le=ago(30), fait=50, total=100)
    assert abs(estimate_left(moitie) - timedelta(seconds=30)) < timedelta(seconds=2)
    assert tell_left(moitie) in {"encore 30\u00a0secondes environ", "encore 40\u00a0secondes environ"}


def test_time_left_is_told_from_the_last_of_its_kind_before(travail: Travail, convention: Convention) -> None:
    assert (estimate_left(travail), tell_left(travail)) == (None, "")
    maintenant = timezone.now()
    for duree in (10, 40, 600):
        fait = start("essai", convention, None, noter, cle=str(duree))
        put(fait, etat=Etat.FAIT, commence_le=maintenant - timedelta(seconds=duree), fini_le=maintenant)
    assert estimate_left(travail) == timedelta(seconds=40)
    debut = put(travail, etat=Etat.EN_COURS, commence_le=ago(15))
    assert abs(estimate_left(debut) - timedelta(seconds=25)) < timedelta(seconds=2)
    assert estimate_left(put(travail, commence_le=ago(100))) is None
    assert estimate_left(put(travail, etat=Etat.FAIT)) is None


@pytest.mark.parametrize(
    ("secondes", "dit"),
    [(0, "10 secondes"), (11, "20 secondes"), (50, "50 secondes"), (56, "1 minute"), (170, "3 minutes"), (7300, "2 heures")],
)
def test_durations_are_rounded_as_one_says_them(secondes: int, dit: str) -> None:
    assert round_duree(timedelta(seconds=secondes)) == dit.replace(" ", "\u00a0")
