"""Workers: what a dead one left is taken over by one other, one that comes back writes nothing, a stop loses nothing."""

import gc
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from conventions.models import Convention, Ouvrier, Travail
from conventions.travaux import ouvrier
from conventions.travaux.actes import cancel
from conventions.travaux.ouvrier import OuvrierTravaux, give_signs, sign, warm_up
from conventions.travaux.reprise import ESSAIS, PERDU, take_over
from conventions.travaux.sortes import SORTES, Sorte
from conventions.travaux.suivi import INCONNU, Suivi, follow, poste, start
from fiches.models import FicheAction
from financement.controles.journal import Contradiction, Verification
from financement.controles.suivi import ask_check, verifier_convention
from financement.imports import actes
from financement.imports.journal import ImportBudget
from financement.imports.taches import PANNE, analyser_import, ecrire_import, start_ecriture
from financement.models import LigneCout, NatureDepense
from tests.budgets import deposit_budget, make_author, make_budget
from tests.coupure import COUPE
from tests.factories import FicheFactory, UtilisateurFactory
from tests.travaux import die, leave_behind

pytestmark = pytest.mark.django_db
Etat = Travail.Etat
sur_postgres = pytest.mark.skipif(connection.vendor != "postgresql", reason="several machines share PostgreSQL only")
sur_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="the copy is a SQLite file")
_pendant: list[Callable[[], Any]] = []


@task()
def agir(pk: int) -> None:
    """Does what the test put there."""
    with follow(pk) as suivi:
        if suivi is not None:
            suivi.resultat = poste.get().ouvrier
            for acte in _pendant:
                acte()
            suivi(1, 2, "Après")


@task()
def rien() -> None:
    """A task that no row follows."""


@pytest.fixture(autouse=True)
def lachees(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, str]]]:
    """A kind of tests, and what was let down, in which state."""
    vues: list[tuple[int, str]] = []
    SORTES["essai"] = Sorte("essai", "Essai", delaisser=lambda t: vues.append((t.pk, t.etat)))
    monkeypatch.setattr(ouvrier, "warm_up", lambda: None)
    monkeypatch.setattr(ouvrier, "close_old_connections", lambda: None)  # it would close the transaction of the test
    yield vues
    del SORTES["essai"]
    _pendant.clear()


@pytest.fixture
def travail(convention: Convention) -> Travail:
    return leave_behind(agir, "essai", convention)


def fresh(travail: Travail) -> Travail:
    return Travail.objects.get(pk=travail.pk)


def read_task(travail: Travail) -> DBTaskResult:
    return DBTaskResult.objects.get(pk=fresh(travail).tache)


def make_worker(nom: str = "vivant", batch: bool = True, maximum: int | None = None) -> OuvrierTravaux:
    return OuvrierTravaux(
        queue_names=["*"],
        interval=0,
        batch=batch,
        backend_name="default",
        startup_delay=False,
        max_tasks=maximum,
        worker_id=nom,
        excluded_queue_names=[],
    )


def work(nom: str = "vivant") -> None:
    """A worker that does all there is to do."""
    make_worker(nom).run()


def age(ouvrier: Ouvrier | str, secondes: int = 600) -> None:
    nom = ouvrier if isinstance(ouvrier, str) else ouvrier.identifiant
    Ouvrier.objects.filter(identifiant=nom).update(vu_le=timezone.now() - timedelta(seconds=secondes))


# --- Working ---------------------------------------------------------------------------------------


def test_worker_does_what_waits_and_goes(travail: Travail) -> None:
    work("premier")
    fait = fresh(travail)
    assert (fait.etat, fait.resultat, fait.ouvrier, read_task(travail).status) == (Etat.FAIT, "premier", "premier", "SUCCESSFUL")
    assert not Ouvrier.objects.exists()


def test_command_starts_a_worker(travail: Travail) -> None:
    avant = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)]
    try:
        call_command("run_worker", batch=True, verbosity=0)
    finally:
        for numero, geste in zip((signal.SIGINT, signal.SIGTERM, signal.SIGQUIT), avant, strict=True):
            signal.signal(numero, geste)
    assert fresh(travail).etat == Etat.FAIT


def test_task_that_breaks_is_failed_in_the_queue_too(travail: Travail) -> None:
    _pendant.append(lambda: 1 / 0)
    work()
    assert (fresh(travail).etat, read_task(travail).status) == (Etat.ECHEC, "FAILED")
    assert "ZeroDivisionError" not in fresh(travail).erreur


def test_interrupted_task_goes_back_in_the_queue_without_losing_a_try(travail: Travail) -> None:
    def stop() -> None:
        raise SystemExit(1)

    _pendant.append(stop)
    un = make_worker("un", maximum=1)
    un.run()
    tache = read_task(travail)
    assert (fresh(travail).etat, fresh(travail).essais) == (Etat.EN_ATTENTE, 0)
    assert (tache.status, tache.started_at, tache.worker_ids) == ("READY", None, [])
    _pendant.clear()
    work("deux")
    assert fresh(travail).resultat == "deux"


def test_worker_asked_to_stop_when_idle_goes_at_once_and_its_row_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    un, vus = make_worker("un", batch=False), []

    def stop() -> None:
        vus.append(Ouvrier.objects.get().identifiant)
        un.shutdown(signal.SIGTERM, None)

    monkeypatch.setattr(ouvrier.time, "sleep", lambda secondes: stop())
    with pytest.raises(SystemExit):
        un.run()
    assert vus == ["un"]
    assert not Ouvrier.objects.exists()


def test_worker_asked_to_stop_ends_its_task_first(convention: Convention) -> None:
    premier, second = leave_behind(agir, "essai", convention, cle="1"), leave_behind(agir, "essai", convention, cle="2")
    un = make_worker("un", batch=False)
    _pendant.append(lambda: un.shutdown(signal.SIGTERM, None))
    un.run()
    assert (fresh(premier).etat, fresh(second).etat) == (Etat.FAIT, Etat.EN_ATTENTE)


def test_signs_of_life_are_written_and_come_back_after_being_thought_dead() -> None:
    with give_signs("un") as moi:
        age("un")
        assert not Ouvrier.objects.get().is_vivant
        sign(moi)
        assert Ouvrier.objects.get().is_vivant
        Ouvrier.objects.all().delete()
        sign(moi)
        assert (Ouvrier.objects.get().identifiant, Ouvrier.objects.get().pid) == ("un", os.getpid())


def test_sign_that_cannot_be_written_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    essais = []

    class Fini:
        def wait(self, secondes: float) -> bool:
            return len(essais) == 2

    def fail(moi: Ouvrier) -> None:
        essais.append(moi)
        raise DatabaseError

    monkeypatch.setattr(ouvrier, "sign", fail)
    monkeypatch.setattr(ouvrier.connection, "close", lambda: None)
    ouvrier._give_signs(Ouvrier(identifiant="un"), Fini())  # type: ignore[arg-type]
    assert len(essais) == 2


def test_loaded_modules_are_left_alone_by_the_collector() -> None:
    avant = gc.get_threshold()
    try:
        warm_up()
        assert (gc.get_threshold(), gc.get_freeze_count() > 0) == ((50_000, 20, 50), True)
    finally:
        gc.unfreeze()
        gc.set_threshold(*avant)


# --- Taking over -----------------------------------------------------------------------------------


def test_work_of_a_dead_worker_is_done_by_another(travail: Travail) -> None:
    die(travail)
    work("second")
    fait = fresh(travail)
    assert (fait.etat, fait.resultat, fait.essais) == (Etat.FAIT, "second", 2)
    assert read_task(travail).worker_ids == [f"mort-{travail.pk}-1", "second"]
    assert not Ouvrier.objects.exists()


def test_worker_that_gives_signs_is_left_alone(travail: Travail) -> None:
    age(die(travail), 20)
    assert take_over() == 0
    assert (fresh(travail).etat, Ouvrier.objects.count()) == (Etat.EN_COURS, 1)


def test_dead_worker_is_taken_over_once(travail: Travail) -> None:
    die(travail)
    assert (take_over(), take_over()) == (1, 0)


def test_work_that_kills_its_workers_is_given_up_with_what_to_do(travail: Travail, lachees: list[tuple[int, str]]) -> None:
    for essai in range(1, ESSAIS + 1):
        die(travail, essai)
        assert take_over() == 1
    perdu = fresh(travail)
    assert (perdu.etat, perdu.erreur, perdu.fini_le is not None, read_task(travail).status) == (Etat.ECHEC, PERDU, True, "FAILED")
    assert lachees == [(travail.pk, Etat.ECHEC)]
    work()
    assert fresh(travail).etat == Etat.ECHEC


def test_work_that_was_to_stop_when_its_worker_died_is_stopped(travail: Travail, lachees: list[tuple[int, str]]) -> None:
    die(travail)
    cancel(UtilisateurFactory(is_superuser=True, organisation=None), travail)
    take_over()
    assert (fresh(travail).etat, lachees) == (Etat.ARRETE, [(travail.pk, Etat.ARRETE)])


def test_work_whose_worker_died_before_beginning_it_is_begun(travail: Travail) -> None:
    die(travail)
    Travail.objects.filter(pk=travail.pk).update(etat=Etat.EN_ATTENTE, essais=0)
    work()
    assert (fresh(travail).etat, fresh(travail).essais) == (Etat.FAIT, 1)


def test_work_that_its_worker_had_just_ended_is_not_done_again(travail: Travail) -> None:
    die(travail)
    Travail.objects.filter(pk=travail.pk).update(etat=Etat.FAIT, resultat="avant de mourir")
    work()
    assert (fresh(travail).resultat, read_task(travail).status) == ("avant de mourir", "SUCCESSFUL")


def test_task_that_no_row_follows_is_taken_over_too() -> None:
    tache = DBTaskResult.objects.create(
        args_kwargs={"args": [], "kwargs": {}}, task_path=rien.module_path, backend_name="default", run_after=None
    )
    tache.claim("mort")
    Ouvrier.objects.create(identifiant="mort", machine="ailleurs", pid=1)
    age("mort")
    work()
    tache.refresh_from_db()
    assert tache.status == "SUCCESSFUL"


def test_worker_that_was_only_slow_does_not_finish_what_another_has(travail: Travail) -> None:
    """In the middle of its task a worker is thought dead, and another one takes its task and begins it."""

    def lose() -> None:
        _pendant.clear()
        age("lent")
        assert take_over() == 1
        tache = read_task(travail)
        tache.claim("rapide")
        Travail.objects.filter(pk=travail.pk).update(etat=Etat.EN_COURS, ouvrier="rapide", commence_le=timezone.now())

    _pendant.append(lose)
    work("lent")
    vu, tache = fresh(travail), read_task(travail)
    assert (vu.etat, vu.ouvrier, vu.resultat) == (Etat.EN_COURS, "rapide", "")
    assert (tache.status, tache.worker_ids) == ("RUNNING", ["lent", "rapide"])


# --- What the queue lost ---------------------------------------------------------------------------


@pytest.mark.parametrize("etat", [Etat.EN_ATTENTE, Etat.EN_COURS])
def test_work_that_no_task_does_is_queued_again(convention: Convention, etat: str) -> None:
    travail = start("essai", convention, None, agir)  # the transaction of the test never ends: it is not queued
    assert take_over() == 0
    passe = timezone.now() - timedelta(minutes=1)
    Travail.objects.filter(pk=travail.pk).update(etat=etat, demande_le=passe, commence_le=passe)
    work()
    assert fresh(travail).etat == Etat.FAIT


def test_work_that_this_version_does_not_know_fails_and_stops_nobody(convention: Convention, travail: Travail) -> None:
    passe = timezone.now() - timedelta(minutes=1)
    for rang, appel in enumerate(({}, {"tache": "conventions.inconnue.tache", "args": []})):
        Travail.objects.create(sorte="essai", convention=convention, cle=str(rang), appel=appel, demande_le=passe)
    work()
    assert fresh(travail).etat == Etat.FAIT
    assert list(Travail.objects.exclude(pk=travail.pk).values_list("etat", "erreur")) == [(Etat.ECHEC, INCONNU)] * 2


def test_breakdown_of_the_taking_over_keeps_no_worker_from_its_work(travail: Travail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ouvrier, "take_over", lambda: 1 / 0)
    work()
    assert fresh(travail).etat == Etat.FAIT


def test_work_that_waits_its_turn_is_not_queued_twice(travail: Travail) -> None:
    Travail.objects.filter(pk=travail.pk).update(demande_le=timezone.now() - timedelta(hours=1))
    assert (take_over(), DBTaskResult.objects.count()) == (0, 1)


# --- One machine, one file -------------------------------------------------------------------------


@sur_sqlite
def test_silent_process_that_still_lives_here_is_waited_for(travail: Travail) -> None:
    mort = die(travail)
    Ouvrier.objects.filter(pk=mort.pk).update(machine=socket.gethostname(), pid=os.getppid())
    age(mort, 60)
    assert take_over() == 0
    age(mort, 600)
    assert take_over() == 1


@sur_sqlite
def test_silent_process_that_is_gone_is_not_waited_for(travail: Travail) -> None:
    fini = subprocess.Popen([sys.executable, "-c", ""])
    fini.wait()
    mort = die(travail)
    Ouvrier.objects.filter(pk=mort.pk).update(machine=socket.gethostname(), pid=fini.pid)
    age(mort, 60)
    assert take_over() == 1


# --- Imports ---------------------------------------------------------------------------------------


@pytest.fixture
def apercu(convention: Convention, etudes: NatureDepense) -> ImportBudget:
    """A file waiting for its confirmation, two values to write."""
    fiche: FicheAction = FicheFactory(convention=convention, code="E.A 1.1", titre="Commerces")
    return deposit_budget(
        make_author(convention), fiche.convention, make_budget(("Code", "Nature", 2018, 2019), ("E.A 1.1", "Études", 100, 200))
    )


def hand_over(imp: ImportBudget, tache: Any, sorte: str, etat: str, *args: Any) -> Travail:
    ImportBudget.objects.filter(pk=imp.pk).update(etat=etat)
    return leave_behind(tache, sorte, imp.convention, imp.pk, *args, cle=str(imp.pk))


@pytest.mark.parametrize("quoi", ["lecture", "écriture"])
def test_import_whose_worker_died_is_ended_by_another(apercu: ImportBudget, quoi: str) -> None:
    if quoi == "lecture":
        travail = hand_over(apercu, analyser_import, "import", "analyse")
    else:
        travail = hand_over(apercu, ecrire_import, "import_ecriture", "ecriture", apercu.auteur.pk, False)
    die(travail)
    work()
    apercu.refresh_from_db()
    assert (fresh(travail).etat, apercu.etat) == (Etat.FAIT, "apercu" if quoi == "lecture" else "fait")
    assert LigneCout.objects.count() == (0 if quoi == "lecture" else 2)


def test_reading_taken_over_meanwhile_leaves_the_import_to_the_other_worker(apercu: ImportBudget, monkeypatch: pytest.MonkeyPatch) -> None:
    travail = hand_over(apercu, analyser_import, "import", "analyse")
    apercu.pages.all().delete()
    comparer = actes.compare

    def lose(*args: Any, **kwargs: Any) -> Any:
        resultat = comparer(*args, **kwargs)
        Travail.objects.filter(pk=travail.pk).update(commence_le=timezone.now(), ouvrier="rapide")
        return resultat

    monkeypatch.setattr(actes, "compare", lose)
    work("lent")
    apercu.refresh_from_db()
    assert (apercu.etat, apercu.pages.count(), fresh(travail).etat, fresh(travail).ouvrier) == ("analyse", 0, Etat.EN_COURS, "rapide")


def test_check_whose_worker_died_is_done_by_another_and_twice_finds_the_same(convention: Convention) -> None:
    FicheFactory(convention=convention, code="E.A 1.1", code_imprime="E.A 9")
    Verification.objects.create(convention=convention, perimee_le=timezone.now())
    travail = leave_behind(verifier_convention, "controle", convention, convention.pk)
    die(travail)
    work()
    trouvees = set(Contradiction.objects.values_list("pk", "empreinte"))
    assert (fresh(travail).etat, Verification.objects.get().perimee_le, bool(trouvees)) == (Etat.FAIT, None, True)
    Verification.objects.update(perimee_le=timezone.now())
    encore = leave_behind(verifier_convention, "controle", convention, convention.pk)
    work()
    assert (fresh(encore).etat, set(Contradiction.objects.values_list("pk", "empreinte"))) == (Etat.FAIT, trouvees)


def test_change_made_while_a_check_ends_is_checked_too(convention: Convention, monkeypatch: pytest.MonkeyPatch) -> None:
    """The change finds the check running still and asks for no other: the check looks once more after its end."""
    Verification.objects.create(convention=convention, perimee_le=timezone.now())
    travail = leave_behind(verifier_convention, "controle", convention, convention.pk)
    fin = Suivi.end

    def change_meanwhile(suivi: Suivi, etat: str, erreur: str = "") -> bool:
        Verification.objects.update(perimee_le=timezone.now())
        assert ask_check(convention) == travail
        return fin(suivi, etat, erreur)

    monkeypatch.setattr(Suivi, "end", change_meanwhile)
    work()
    assert fresh(travail).etat == Etat.FAIT
    assert Travail.objects.alive().get().sorte == "controle"


@pytest.mark.parametrize(("etat", "ensuite"), [("analyse", "echec"), ("ecriture", "apercu")])
def test_import_that_kills_its_workers_does_not_wait_for_ever(apercu: ImportBudget, etat: str, ensuite: str) -> None:
    if etat == "analyse":
        travail = hand_over(apercu, analyser_import, "import", etat)
    else:
        travail = hand_over(apercu, ecrire_import, "import_ecriture", etat, apercu.auteur.pk, False)
    for essai in range(1, ESSAIS + 1):
        die(travail, essai)
        take_over()
    apercu.refresh_from_db()
    assert (fresh(travail).etat, apercu.etat, apercu.message) == (Etat.ECHEC, ensuite, PANNE)


# --- Real processes --------------------------------------------------------------------------------


class Processus(subprocess.Popen[bytes]):
    """Never outlives what started it: a test that fails would otherwise wait for a worker that waits for work."""

    def __exit__(self, *panne: Any) -> None:
        self.kill()
        super().__exit__(*panne)


def launch(env: dict[str, str], *options: str) -> Processus:
    env = (
        os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings", "TRAITDUNION_DEBUG": "1", "PYTHONPATH": os.pathsep.join(sys.path)} | env
    )
    return Processus([sys.executable, "-m", "tests.ouvrier_essai", *options], env=env, stderr=subprocess.PIPE)


@sur_sqlite
def test_import_cut_in_the_middle_of_its_writing_is_written_whole_by_the_next_worker(
    apercu: ImportBudget, tmp_path: Path, settings: Any
) -> None:
    start_ecriture(apercu, apercu.auteur, False, direct=False)
    travail = Travail.objects.get()
    DBTaskResult.objects.create(
        args_kwargs={"args": [travail.pk, *travail.appel["args"]], "kwargs": {}},
        task_path=travail.appel["tache"],
        backend_name="default",
        run_after=None,
    )
    Travail.objects.update(tache=DBTaskResult.objects.get().pk)
    chemin = tmp_path / "essai.sqlite3"
    base = sqlite3.connect(chemin)
    base.executescript("\n".join(connection.connection.iterdump()))
    env = {"DATABASE_URL": f"sqlite:///{chemin}", "TRAITDUNION_DATA": str(Path(settings.MEDIA_ROOT).parent)}

    def look() -> tuple[Any, ...]:
        return base.execute(
            "SELECT (SELECT etat FROM financement_importbudget), (SELECT count(*) FROM financement_lignecout), "
            "(SELECT etat FROM conventions_travail), (SELECT essais FROM conventions_travail), (SELECT count(*) FROM conventions_ouvrier)"
        ).fetchone()

    try:
        with launch(env, "--couper") as coupe:
            assert coupe.wait(120) == COUPE
        assert look() == ("ecriture", 0, "en_cours", 1, 1)
        with launch(env) as suivant:
            wait_for(lambda: look()[2] == "fait")
            suivant.terminate()
            assert suivant.wait(60) == 0
        assert look() == ("fait", 2, "fait", 2, 0)
    finally:
        base.close()


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it is so; far beyond what a busy machine takes, the test fails."""
    fin = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < fin, "never came"
        time.sleep(0.1)


@sur_postgres
@pytest.mark.django_db(transaction=True)
def test_two_workers_share_the_work_and_one_that_is_killed_loses_nothing(settings: Any) -> None:
    from tests.ouvrier_essai import compter

    base = settings.DATABASES["default"] | {"NAME": connection.settings_dict["NAME"]}
    hote = f"{base['USER']}:{base['PASSWORD']}@{base['HOST']}:{base['PORT']}"
    env = {"DATABASE_URL": f"postgres://{hote}/{base['NAME']}"}
    travaux = [start("essai", None, None, compter, str(n), cle=str(n)) for n in range(6)]
    ouvriers = [launch(env), launch(env)]
    try:
        wait_for(lambda: Travail.objects.filter(etat=Etat.EN_COURS).values("ouvrier").distinct().count() == 2)
        tue = Ouvrier.objects.get(pid=ouvriers[0].pid)
        ouvriers[0].kill()
        ouvriers[0].wait()
        ouvriers.append(launch(env))
        wait_for(lambda: not Travail.objects.alive().exists())
        faits = [fresh(t) for t in travaux]
        assert [(t.etat, t.resultat.split()[0]) for t in faits] == [(Etat.FAIT, str(n)) for n in range(6)]
        # What the killed one was doing was begun again, once, by another; nothing else was done twice.
        repris = [t for t in faits if t.essais == 2]
        assert len(repris) == 1
        assert tue.identifiant not in repris[0].resultat
        assert {t.essais for t in faits} == {1, 2}
        assert set(DBTaskResult.objects.values_list("status", flat=True)) == {"SUCCESSFUL"}
        wait_for(lambda: Ouvrier.objects.count() == 2)
        for processus in ouvriers[1:]:
            processus.terminate()
        assert [p.wait(60) for p in ouvriers[1:]] == [0, 0]
        assert not Ouvrier.objects.exists()
    finally:
        for processus in ouvriers:
            processus.kill()
            processus.communicate()
