"""Contradictions kept, accepted, reopened; checks asked for by changes and done by the worker; command and signature."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django_tasks_db.models import DBTaskResult

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention, Travail
from fiches.models import FicheAction
from financement.controles.acceptations import AcceptationRefusee, accept, reopen
from financement.controles.suivi import mark, silence, verifier_convention
from financement.controles.verification import find_bloquantes, find_ouvertes, verify
from financement.models import Acceptation, Contradiction, ImportBudget, LigneCout, NatureDepense, Verification
from tests import factories
from tests.factories import euros
from tests.travaux import do

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]
MOTIF = "Convenu en réunion le 12 octobre."


@pytest.fixture
def fiche(convention: Convention) -> FicheAction:
    """A sheet whose printed total is 10 € above its line."""
    fiche = factories.FicheFactory(convention=convention, code="E.A 1.1", etat="en_redaction")
    factories.LigneCoutFactory(fiche=fiche, annee=2018, montant=euros(90))
    factories.TotalDeclareFactory(fiche=fiche, annee=2018, montant=euros(100))
    return fiche


def find_somme(convention: Convention) -> Contradiction:
    return Contradiction.objects.get(convention=convention, regle="somme_lignes")


def list_ouvertes(convention: Convention) -> set[str]:
    return {t.regle.identifiant for t in find_ouvertes(convention)}


# --- Kept from one check to the next --------------------------------------------------------------------------


def test_contradiction_keeps_its_row_and_its_date_while_it_lasts(convention: Convention, fiche: FicheAction) -> None:
    verify(convention)
    premiere = find_somme(convention)
    fiche.totaux_declares.update(montant=Decimal(101))
    verify(convention)
    seconde = find_somme(convention)
    assert (seconde.pk, seconde.apparue_le) == (premiere.pk, premiere.apparue_le)
    assert (premiere.contenu["constate"], seconde.contenu["constate"], seconde.contenu["ecart"]) == ("100.00", "101.00", "11.00")


def test_contradiction_settled_leaves_the_list(convention: Convention, fiche: FicheAction) -> None:
    avant = verify(convention).nb_bloquants
    fiche.totaux_declares.update(montant=Decimal(90))
    assert verify(convention).nb_bloquants == avant - 1
    assert not Contradiction.objects.filter(regle="somme_lignes").exists()


def test_check_counts_the_rules_that_hold(convention: Convention, fiche: FicheAction) -> None:
    verification = verify(convention)
    enfreintes = Contradiction.objects.filter(convention=convention).values("regle").distinct().count()
    assert verification.nb_regles - verification.nb_respectees == enfreintes > 0


def test_contradictions_of_another_convention_are_left_alone(convention: Convention, fiche: FicheAction) -> None:
    autre = factories.ContradictionFactory(convention__reference="AUTRE-1")
    verify(convention)
    assert Contradiction.objects.filter(pk=autre.pk).exists()


# --- Accepted with a reason -----------------------------------------------------------------------------------


def test_accepted_contradiction_no_longer_counts_and_says_who_and_why(
    convention: Convention, fiche: FicheAction, agent: Utilisateur
) -> None:
    avant = verify(convention).nb_bloquants
    somme = find_somme(convention)
    assert accept(agent, convention, {somme.pk: somme.empreinte}, f"  {MOTIF}\n") == 1
    verification = Verification.objects.get(convention=convention)
    assert (verification.nb_bloquants, verification.nb_acceptes) == (avant - 1, 1)
    acceptation = Acceptation.objects.get()
    assert (acceptation.auteur, acceptation.motif, acceptation.objet) == (agent, MOTIF, "E.A 1.1")
    assert "somme_lignes" not in list_ouvertes(convention)


def test_figure_that_changes_opens_the_question_again(convention: Convention, fiche: FicheAction, agent: Utilisateur) -> None:
    verify(convention)
    somme = find_somme(convention)
    accept(agent, convention, {somme.pk: somme.empreinte}, MOTIF)
    fiche.totaux_declares.update(montant=Decimal(120))
    assert verify(convention).nb_acceptes == 0
    assert "somme_lignes" in list_ouvertes(convention)
    fiche.totaux_declares.update(montant=Decimal(100))
    assert verify(convention).nb_acceptes == 1  # the very values that were accepted


@pytest.mark.parametrize("motif", ["", "   ", "ok", "\x00" * 40, "x" * 1001])
def test_acceptance_needs_a_written_reason(convention: Convention, fiche: FicheAction, agent: Utilisateur, motif: str) -> None:
    verify(convention)
    somme = find_somme(convention)
    with pytest.raises(AcceptationRefusee):
        accept(agent, convention, {somme.pk: somme.empreinte}, motif)
    assert not Acceptation.objects.exists()


def test_what_changed_since_it_was_read_is_not_accepted(convention: Convention, fiche: FicheAction, agent: Utilisateur) -> None:
    verify(convention)
    lue = find_somme(convention).empreinte
    fiche.totaux_declares.update(montant=Decimal(120))
    verify(convention)
    with pytest.raises(AcceptationRefusee, match="Une valeur a changé"):
        accept(agent, convention, {find_somme(convention).pk: lue}, MOTIF)


def test_contradiction_of_another_convention_is_not_accepted(convention: Convention, agent: Utilisateur) -> None:
    autre = factories.ContradictionFactory(convention__reference="AUTRE-1")
    with pytest.raises(AcceptationRefusee):
        accept(agent, convention, {autre.pk: autre.empreinte}, MOTIF)


def test_accepting_again_closes_the_older_acceptance(convention: Convention, fiche: FicheAction, agent: Utilisateur) -> None:
    for montant in (100, 120):
        fiche.totaux_declares.update(montant=Decimal(montant))
        verify(convention)
        somme = find_somme(convention)
        accept(agent, convention, {somme.pk: somme.empreinte}, MOTIF)
    assert Acceptation.objects.filter(retiree_le=None).count() == 1
    assert Acceptation.objects.count() == 2


def test_acceptance_withdrawn_stays_in_the_journal(convention: Convention, fiche: FicheAction, agent: Utilisateur) -> None:
    avant = verify(convention).nb_bloquants
    somme = find_somme(convention)
    accept(agent, convention, {somme.pk: somme.empreinte}, MOTIF)
    assert reopen(agent, convention, [Acceptation.objects.get().pk]) == 1
    assert Acceptation.objects.get().retiree_par == agent
    assert Verification.objects.get(convention=convention).nb_bloquants == avant


def test_lecteur_accepts_nothing(convention: Convention, fiche: FicheAction) -> None:
    lecteur = factories.UtilisateurFactory(role=Utilisateur.Role.LECTEUR)
    with pytest.raises(PermissionDenied, match="lit les contrôles"):
        accept(lecteur, convention, {}, MOTIF)
    with pytest.raises(PermissionDenied):
        reopen(lecteur, convention, [])


# --- Checked after each change ---------------------------------------------------------------------------------


@contextmanager
def asked(convention: Convention, capture: Any, fresh: bool = True) -> Iterator[None]:
    """What happens inside asks for a check of the convention."""
    verify(convention)
    connection.__dict__.setdefault("a_verifier", set()).clear()  # what the fixtures changed is not what is tried here
    with capture(execute=True):
        yield
    assert Verification.objects.filter(convention=convention, perimee_le__isnull=False).exists() is fresh


def test_cost_changed_asks_for_a_check_that_the_worker_does(
    convention: Convention, fiche: FicheAction, django_capture_on_commit_callbacks: Any
) -> None:
    with asked(convention, django_capture_on_commit_callbacks):
        ligne = LigneCout.objects.get()
        ligne.montant = euros(100)
        ligne.save()
    assert find_somme(convention)
    do("controle", convention, verifier_convention, convention.pk)
    assert not Contradiction.objects.filter(regle="somme_lignes").exists()
    assert Verification.objects.get(convention=convention).perimee_le is None


def test_one_job_is_queued_however_many_rows_change(
    convention: Convention, fiche: FicheAction, django_capture_on_commit_callbacks: Any
) -> None:
    with asked(convention, django_capture_on_commit_callbacks):
        for annee in range(2019, 2024):
            factories.LigneCoutFactory(fiche=fiche, annee=annee)
    assert Travail.objects.get(sorte="controle").appel["args"] == [convention.pk]
    assert DBTaskResult.objects.count() == 1


@pytest.mark.parametrize("quoi", ["partie", "article", "indicateur", "suppression", "organisation", "nature", "import fait"])
def test_every_table_the_rules_read_asks_for_a_check(
    quoi: str, convention: Convention, fiche: FicheAction, agglo: Organisation, django_capture_on_commit_callbacks: Any
) -> None:
    imp = factories.ImportBudgetFactory(convention=convention)
    with asked(convention, django_capture_on_commit_callbacks):
        if quoi == "partie":
            convention.parties.all()[0].save()
        elif quoi == "article":
            factories.ArticleFactory(convention=convention)
        elif quoi == "indicateur":
            factories.IndicateurFactory(fiche=fiche).cibles.create(annee=2018, valeur=1)
        elif quoi == "suppression":
            LigneCout.objects.get().delete()
        elif quoi == "organisation":
            agglo.save()
        elif quoi == "nature":
            NatureDepense.objects.get().save()
        else:
            imp.etat = ImportBudget.Etat.FAIT
            imp.save()


def test_change_of_a_cadre_asks_for_a_check_of_what_depends_on_it(convention: Convention, django_capture_on_commit_callbacks: Any) -> None:
    fille = factories.ConventionFactory(parent=convention, nature="specifique")
    with asked(fille, django_capture_on_commit_callbacks):
        Convention.objects.get(pk=convention.pk).save()


def test_reading_a_file_asks_for_nothing(convention: Convention, django_capture_on_commit_callbacks: Any) -> None:
    with asked(convention, django_capture_on_commit_callbacks, fresh=False):
        factories.ImportBudgetFactory(convention=convention, etat="apercu")


def test_loaders_ask_for_nothing(convention: Convention, django_capture_on_commit_callbacks: Any) -> None:
    with asked(convention, django_capture_on_commit_callbacks, fresh=False), silence():
        factories.ArticleFactory(convention=convention)
        mark([convention.pk])


def test_convention_deleted_asks_for_nothing(django_capture_on_commit_callbacks: Any) -> None:
    seule = factories.ConventionFactory()
    verify(seule)
    with django_capture_on_commit_callbacks(execute=True):
        seule.delete()
    assert not Verification.objects.exists()


def test_change_made_during_a_check_is_not_forgotten(
    convention: Convention, fiche: FicheAction, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    verify(convention)
    from financement.controles import verification

    vraie, tours = verification.find_contradictions, []

    def slow(cible: Convention) -> Any:
        trouvailles = vraie(cible)
        if not tours:
            with django_capture_on_commit_callbacks(execute=True):
                fiche.totaux_declares.get().save()
        tours.append(1)
        return trouvailles

    monkeypatch.setattr(verification, "find_contradictions", slow)
    Verification.objects.update(perimee_le="2020-01-01T00:00:00Z")
    do("controle", convention, verifier_convention, convention.pk)
    assert len(tours) == 2
    assert Verification.objects.get(convention=convention).perimee_le is None


def test_page_says_when_it_was_checked_and_waits_for_the_worker(client_agent: Client, convention: Convention, fiche: FicheAction) -> None:
    adresse = reverse("controles_fraicheur", args=[convention.reference])
    assert "Jamais vérifiée." in client_agent.get(adresse).content.decode()
    verify(convention)
    Verification.objects.update(perimee_le="2090-01-01T00:00:00Z")
    attente = client_agent.get(adresse).content.decode()
    assert "Des modifications plus récentes attendent leur vérification." in attente
    assert 'hx-trigger="every 3s"' in attente
    Verification.objects.update(perimee_le=None)
    a_jour = client_agent.get(adresse).content.decode()
    assert "Voir le nouveau résultat" in a_jour
    assert "hx-get" not in a_jour


def test_long_list_is_read_page_by_page(client_agent: Client, convention: Convention, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("financement.controles.presentation.PAR_PAGE", 2)
    for rang in range(3):
        factories.ContradictionFactory(convention=convention, objet=f"E.A {rang}", rang=rang)
    Verification.objects.create(convention=convention, calculee_le="2026-01-01T00:00:00Z")
    adresse = reverse("controles", args=[convention.reference])
    pages = [client_agent.get(adresse, {"voir": "bloquant", "page": numero}).content.decode() for numero in (1, 2, "9" * 40)]
    assert [[f"E.A {rang} :" in page for rang in range(3)] for page in pages] == [
        [True, True, False],
        [False, False, True],
        [True, True, False],
    ]
    assert 'href="?voir=bloquant&amp;page=2"' in pages[0]


# --- Signature --------------------------------------------------------------------------------------------------


def test_signature_is_kept_by_what_blocks_alone(convention: Convention, fiche: FicheAction) -> None:
    bloquantes = find_bloquantes(convention)
    assert "La date de prise d’effet n’est pas écrite." in [t.constat.message for t in bloquantes]
    assert len(bloquantes) < len(find_ouvertes(convention))


def test_signature_is_open_once_what_blocks_is_accepted(convention: Convention, fiche: FicheAction, agent: Utilisateur) -> None:
    verify(convention)
    bloquantes = dict(Contradiction.objects.filter(gravite="bloquant").values_list("pk", "empreinte"))
    accept(agent, convention, bloquantes, MOTIF)
    assert find_bloquantes(convention) == []
    assert find_ouvertes(convention)  # the others do not block


@pytest.mark.usefixtures("lenient_templates")
def test_administration_does_not_change_the_state(administrateur: Client, convention: Convention) -> None:
    adresse = reverse("admin:conventions_convention_change", args=[convention.pk])
    page = administrateur.get(adresse)
    assert "etat" not in page.context["adminform"].form.fields
    assert reverse("vie", args=[convention.reference]) in page.content.decode()


@pytest.mark.usefixtures("lenient_templates")
def test_administration_checks_the_conventions_chosen(administrateur: Client, convention: Convention, fiche: FicheAction) -> None:
    adresse = reverse("admin:conventions_convention_changelist")
    reponse = administrateur.post(adresse, {"action": "verifier_coherence", "_selected_action": [convention.pk]}, follow=True)
    assert f"{Verification.objects.get().nb_ouverts} à trancher" in reponse.content.decode()
    assert reverse("controles", args=[convention.reference]) in reponse.content.decode()


# --- Command -----------------------------------------------------------------------------------------------------


def run_command(*arguments: str) -> tuple[int, str]:
    sortie = StringIO()
    try:
        call_command("check_coherence", *arguments, stdout=sortie, stderr=StringIO())
    except SystemExit as arret:
        return int(arret.code or 0), sortie.getvalue()
    return 0, sortie.getvalue()


def test_command_tells_contradictions_in_json(convention: Convention, fiche: FicheAction) -> None:
    code, sortie = run_command(convention.reference, "--format", "json")
    assert code == 1
    somme = next(c for c in json.loads(sortie) if c["regle"] == "somme_lignes")
    assert somme == {
        "regle": "somme_lignes",
        "gravite": "bloquant",
        "objet": "E.A 1.1",
        "annee": 2018,
        "financeur": None,
        "constate": "100.00",
        "attendu": "90.00",
        "message": "2018 : la feuille imprime 100\u00a0€, ses lignes font 90\u00a0€.",
    }


def test_command_tells_contradictions_in_words(convention: Convention, fiche: FicheAction) -> None:
    code, sortie = run_command(convention.reference)
    assert code == 1
    assert "[Bloquant] E.A 1.1 – 2018 : la feuille imprime 100\u00a0€, ses lignes font 90\u00a0€. (somme_lignes)" in sortie
    assert "contradictions. bloquant : " in sortie


def test_command_is_silent_about_what_is_accepted(convention: Convention, agent: Utilisateur) -> None:
    verify(convention)
    accept(agent, convention, dict(Contradiction.objects.values_list("pk", "empreinte")), MOTIF)
    assert run_command(convention.reference) == (0, "Aucune contradiction.\n")
    assert run_command(convention.reference, "--format", "json") == (0, "[]\n")


def test_list_of_rules_in_the_documentation_is_the_one_applied(root: Path) -> None:
    assert run_command("--regles") == (0, (root / "docs" / "regles.md").read_text())


@pytest.mark.parametrize("arguments", [["INCONNUE-1"], [], ["ESSAI-1", "--format", "xml"]])
def test_bad_use_of_the_command_is_told_apart(arguments: list[str]) -> None:
    assert run_command(*arguments)[0] == 2
