"""Long imports, done beside the pages: told, stopped, started again, and never half written."""

from typing import Any

import pytest
from django.urls import reverse

from comptes.models import Utilisateur
from conventions.models import Convention, Travail
from conventions.travaux.actes import cancel, retry
from conventions.travaux.suivi import ArretDemande
from fiches.models import FicheAction
from financement.echanges import LigneCoutResource
from financement.imports import actes, taches
from financement.imports.actes import ImportImpossible, abandon, deposit
from financement.imports.journal import ImportBudget
from financement.imports.taches import PANNE, SuiviImport, analyser_import, ecrire_import, start_analyse, start_ecriture
from financement.models import LigneCout, NatureDepense
from tests.budgets import count_versions, deposit_budget, make_author, make_budget, snapshot
from tests.depots import drop
from tests.factories import FicheFactory, LigneCoutFactory, euros
from tests.travaux import do

pytestmark = pytest.mark.django_db
Etat = ImportBudget.Etat
LARGE = ("Code", "Nature", 2018, 2019)
JUSTE = ("E.A 1.1", "Études", 100, 200)


@pytest.fixture(autouse=True)
def _immediate_worker(settings: Any) -> None:
    settings.TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}
    settings.IMPORT_DIRECT = 0


@pytest.fixture
def fiche(convention: Convention, etudes: NatureDepense) -> FicheAction:
    return FicheFactory(convention=convention, code="E.A 1.1", titre="Commerces")


@pytest.fixture
def auteur(convention: Convention) -> Utilisateur:
    return make_author(convention)


@pytest.fixture
def imp(fiche: FicheAction, auteur: Utilisateur) -> ImportBudget:
    """A file deposited, not read yet."""
    return deposit(auteur, fiche.convention, "budget.xlsx", make_budget(LARGE, JUSTE))


@pytest.fixture
def apercu(fiche: FicheAction, auteur: Utilisateur) -> ImportBudget:
    """A file waiting for its confirmation."""
    return deposit_budget(auteur, fiche.convention, make_budget(LARGE, JUSTE))


def state(imp: ImportBudget) -> tuple[str, str]:
    imp.refresh_from_db()
    return (imp.etat, imp.message)


def put(imp: ImportBudget, **valeurs: Any) -> None:
    ImportBudget.objects.filter(pk=imp.pk).update(**valeurs)


def read(imp: ImportBudget) -> Travail:
    """What the worker does of a file."""
    return do("import", imp.convention, analyser_import, imp.pk, cle=str(imp.pk))


def write(imp: ImportBudget, auteur: Utilisateur) -> Travail:
    """What the worker does of a confirmation."""
    return do("import_ecriture", imp.convention, ecrire_import, imp.pk, auteur.pk, False, cle=str(imp.pk))


# --- Reading ---------------------------------------------------------------------------------------


def test_large_file_waits_for_the_worker_then_shows_its_preview(imp: ImportBudget, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True) as rappels:
        start_analyse(imp, direct=False)
        assert state(imp) == (Etat.ANALYSE, "")
        assert (imp.etape, imp.progres, imp.is_en_cours) == ("En attente", 0, True)
    assert len(rappels) == 1
    assert state(imp) == (Etat.APERCU, "")
    assert (imp.progres, imp.etape, imp.comptes["nouveaux"], LigneCout.objects.count()) == (100, "", 2, 0)


def test_large_file_dropped_in_the_page_is_given_to_the_worker(
    fiche: FicheAction, auteur: Utilisateur, client: Any, django_capture_on_commit_callbacks: Any
) -> None:
    client.force_login(auteur)
    with django_capture_on_commit_callbacks(execute=True):
        drop(client, fiche.convention, make_budget(LARGE, JUSTE))
        assert ImportBudget.objects.get().etat == Etat.ANALYSE
    imp = ImportBudget.objects.get()
    assert imp.etat == Etat.APERCU
    with django_capture_on_commit_callbacks(execute=True):
        client.post(reverse("import_confirmer", args=[fiche.convention.reference, imp.pk]))
        assert state(imp)[0] == Etat.ECRITURE
    assert (state(imp)[0], imp.confirme_par) == (Etat.FAIT, auteur)


def test_small_file_is_read_at_once(imp: ImportBudget, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks() as rappels:
        start_analyse(imp, direct=True)
    assert (rappels, state(imp)) == ([], (Etat.APERCU, ""))


def test_work_given_back_with_the_request_is_never_begun(imp: ImportBudget, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=False) as rappels:
        start_analyse(imp, direct=False)
    assert len(rappels) == 1
    assert state(imp)[0] == Etat.ANALYSE


def test_columns_chosen_are_read_again_by_the_worker(
    fiche: FicheAction, auteur: Utilisateur, etudes: NatureDepense, django_capture_on_commit_callbacks: Any
) -> None:
    imp = deposit_budget(auteur, fiche.convention, make_budget(("Code", 2018, 2019), ("E.A 1.1", 1, 2)))
    assert imp.etat == Etat.DEPOSE
    imp.propositions[0] |= {"nature": etudes.pk}
    imp.save()
    with django_capture_on_commit_callbacks(execute=True):
        start_analyse(imp, direct=False, relire=True)
    assert (state(imp)[0], imp.comptes["nouveaux"]) == (Etat.APERCU, 2)


def test_columns_that_cannot_be_read_are_asked_again_with_the_reason(imp: ImportBudget, django_capture_on_commit_callbacks: Any) -> None:
    put(imp, propositions=[{"feuille": "Budget", "forme": "large", "colonnes": {"A": "code"}}])
    imp.refresh_from_db()
    with django_capture_on_commit_callbacks(execute=True):
        start_analyse(imp, direct=False, relire=True)
    etat, message = state(imp)
    assert (etat, "Aucune colonne d’année n’est reconnue." in message) == (Etat.DEPOSE, True)


def test_doubtful_file_is_asked_once_read(fiche: FicheAction, auteur: Utilisateur, django_capture_on_commit_callbacks: Any) -> None:
    imp = deposit(auteur, fiche.convention, "budget.xlsx", make_budget(("Code", 2018, 2019), ("E.A 1.1", 1, 2)))
    with django_capture_on_commit_callbacks(execute=True):
        start_analyse(imp, direct=False)
    assert state(imp) == (Etat.DEPOSE, "")
    assert imp.etape == ""


def test_unreadable_file_fails_with_its_reason(fiche: FicheAction, auteur: Utilisateur, django_capture_on_commit_callbacks: Any) -> None:
    imp = deposit(auteur, fiche.convention, "budget.xlsx", b"%PDF-1.7")
    with django_capture_on_commit_callbacks(execute=True):
        start_analyse(imp, direct=False)
    assert state(imp) == (Etat.ECHEC, "Ce fichier est un PDF. Demandez le tableur dont il vient.")


def test_breakdown_while_reading_is_told(imp: ImportBudget, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*args: Any) -> None:
        raise RuntimeError("panne")

    monkeypatch.setattr(actes, "recognise", crash)
    put(imp, etat=Etat.ANALYSE, etape="Lecture du fichier")
    with pytest.raises(RuntimeError):
        read(imp)
    assert (state(imp), imp.etape) == ((Etat.ECHEC, PANNE), "")


# --- Stopping --------------------------------------------------------------------------------------


def test_progress_is_told_by_its_step(imp: ImportBudget) -> None:
    dits = []
    for part in (0.1, 0.3, 0.5, 0.95, 1):
        SuiviImport(imp.pk)(part)
        imp.refresh_from_db()
        dits.append((imp.progres, imp.etape))
    assert dits == [
        (10, "Lecture du fichier"),
        (30, "Reconnaissance des lignes"),
        (50, "Comparaison avec le budget"),
        (95, "Préparation de l’aperçu"),
        (100, "Préparation de l’aperçu"),
    ]


def test_progress_is_not_told_more_often_than_needed(imp: ImportBudget, django_assert_num_queries: Any) -> None:
    suivi = SuiviImport(imp.pk)
    with django_assert_num_queries(2):
        for _ in range(50):
            suivi(0.3)


def test_work_stops_when_asked(imp: ImportBudget) -> None:
    put(imp, arret_demande=True)
    with pytest.raises(ArretDemande):
        SuiviImport(imp.pk)(0.5)


def test_reading_that_is_asked_to_stop_is_abandoned(imp: ImportBudget) -> None:
    put(imp, etat=Etat.ANALYSE, arret_demande=True)
    read(imp)
    assert state(imp) == (Etat.ABANDONNE, "")
    assert not imp.pages.exists()


def test_import_abandoned_before_the_worker_comes_is_left_alone(imp: ImportBudget, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks() as rappels:
        start_analyse(imp, direct=False)
    abandon(imp)
    for rappel in rappels:
        rappel()
    assert (state(imp)[0], imp.apercu) == (Etat.ABANDONNE, {})


def test_import_abandoned_while_it_is_compared_stays_abandoned(imp: ImportBudget, monkeypatch: pytest.MonkeyPatch) -> None:
    compare = actes.compare

    def abandon_meanwhile(*args: Any, **kwargs: Any) -> Any:
        resultat = compare(*args, **kwargs)
        abandon(ImportBudget.objects.get(pk=imp.pk))
        return resultat

    monkeypatch.setattr(actes, "compare", abandon_meanwhile)
    put(imp, etat=Etat.ANALYSE)
    read(imp)
    assert state(imp)[0] == Etat.ABANDONNE


def test_reading_done_twice_reads_once(imp: ImportBudget, monkeypatch: pytest.MonkeyPatch) -> None:
    put(imp, etat=Etat.ANALYSE)
    read(imp)
    monkeypatch.setattr(taches, "analyse", None)
    read(imp)
    assert state(imp)[0] == Etat.APERCU


@pytest.mark.parametrize("etat", [Etat.ECHEC, Etat.ABANDONNE])
def test_reading_is_started_again_from_the_list_of_works(
    imp: ImportBudget, auteur: Utilisateur, etat: str, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks():
        start_analyse(imp, direct=False)
    put(imp, etat=etat, arret_demande=etat == Etat.ABANDONNE)
    Travail.objects.update(etat="echec" if etat == Etat.ECHEC else "arrete")
    with django_capture_on_commit_callbacks(execute=True):
        retry(auteur, Travail.objects.get())
    assert (state(imp)[0], Travail.objects.get().etat) == (Etat.APERCU, "fait")


def test_reading_stopped_before_its_turn_is_abandoned(
    imp: ImportBudget, auteur: Utilisateur, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks():
        start_analyse(imp, direct=False)
    cancel(auteur, Travail.objects.get())
    assert (state(imp)[0], Travail.objects.get().etat) == (Etat.ABANDONNE, "arrete")


def test_writing_is_started_again_from_the_list_of_works(
    apercu: ImportBudget, auteur: Utilisateur, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks():
        start_ecriture(apercu, auteur, False, direct=False)
    put(apercu, etat=Etat.APERCU, message=PANNE)
    Travail.objects.filter(sorte="import_ecriture").update(etat="echec")
    with django_capture_on_commit_callbacks(execute=True):
        retry(auteur, Travail.objects.get(sorte="import_ecriture"))
    assert (state(apercu), Travail.objects.get(sorte="import_ecriture").etat, LigneCout.objects.count()) == ((Etat.FAIT, ""), "fait", 2)


# --- Writing ---------------------------------------------------------------------------------------


def test_large_import_is_written_by_the_worker(apercu: ImportBudget, auteur: Utilisateur, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        start_ecriture(apercu, auteur, False, direct=False)
        assert (state(apercu)[0], apercu.etape, LigneCout.objects.count()) == (Etat.ECRITURE, "Écriture du budget", 0)
        with pytest.raises(ImportImpossible, match="ne s’abandonne plus"):
            abandon(apercu)
    assert (state(apercu), apercu.confirme_par, LigneCout.objects.count()) == ((Etat.FAIT, ""), auteur, 2)


def test_writing_done_twice_writes_once(apercu: ImportBudget, auteur: Utilisateur, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        start_ecriture(apercu, auteur, False, direct=False)
    avant, versions = snapshot(), count_versions()
    write(apercu, auteur)
    with pytest.raises(ImportImpossible, match="n’est plus à confirmer"):
        start_ecriture(apercu, auteur, False, direct=False)
    assert (state(apercu)[0], snapshot(), count_versions()) == (Etat.FAIT, avant, versions)


def test_breakdown_while_writing_leaves_nothing_and_is_told(
    apercu: ImportBudget, auteur: Utilisateur, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*args: Any) -> None:
        raise RuntimeError("panne")

    avant, versions = snapshot(), count_versions()
    monkeypatch.setattr(LigneCoutResource, "_write_versions", crash)
    put(apercu, etat=Etat.ECRITURE)
    with pytest.raises(RuntimeError):
        write(apercu, auteur)
    assert (state(apercu), snapshot(), count_versions()) == ((Etat.APERCU, PANNE), avant, versions)


def test_budget_changed_before_the_worker_writes_is_told_with_a_new_preview(
    apercu: ImportBudget, auteur: Utilisateur, fiche: FicheAction, etudes: NatureDepense
) -> None:
    LigneCoutFactory(fiche=fiche, nature=etudes, montant=euros(5))
    put(apercu, etat=Etat.ECRITURE)
    write(apercu, auteur)
    etat, message = state(apercu)
    assert (etat, message.startswith("Des valeurs ont changé depuis l’aperçu (E.A 1.1).")) == (Etat.APERCU, True)
    assert (apercu.comptes["nouveaux"], apercu.comptes["modifies"], LigneCout.objects.get().montant) == (1, 1, euros(5))


def test_refused_rows_are_told_by_the_worker(fiche: FicheAction, auteur: Utilisateur) -> None:
    imp = deposit_budget(auteur, fiche.convention, make_budget(LARGE, ("E.A 1.1", "Études", 100, -1)))
    put(imp, etat=Etat.ECRITURE)
    write(imp, auteur)
    etat, message = state(imp)
    assert (etat, message.startswith("Des lignes sont refusées."), LigneCout.objects.count()) == (Etat.APERCU, True, 0)
