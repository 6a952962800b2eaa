"""Figures kept for lists: those of their one source, and never an old one, by whatever door somebody wrote."""

from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention
from fiches.models import FicheAction
from financement.controles.suivi import ask_check, verifier_convention
from financement.cumuls import Cumul, CumulPerime, compute, list_a_refaire, read_totaux, refresh
from financement.models import Bilan, CoFinancement, FicheBilan, LigneBilan, LigneCout, PartBilan, Realisation
from tests import factories
from tests.factories import euros

pytestmark = pytest.mark.django_db


@pytest.fixture
def suivie(convention: Convention, agglo: Organisation) -> Convention:
    """A fiche with costs known and unknown, a share, an indicator, a bilan with what was done; its figures are kept."""
    fiche = factories.FicheFactory(convention=convention)
    factories.LigneCoutFactory(fiche=fiche, annee=2018, montant=euros("1000.10"))
    factories.LigneCoutFactory(fiche=fiche, annee=2019, montant=None, chiffrage="sur_devis")
    factories.CoFinancementFactory(fiche=fiche, financeur=agglo, taux=Decimal(40))
    factories.IndicateurFactory(fiche=fiche)
    fiche.maitres_ouvrage.add(agglo)
    faite = factories.FicheBilanFactory(bilan=factories.BilanFactory(convention=convention), fiche=fiche)
    factories.LigneBilanFactory(fiche=faite, montant=euros(80))
    factories.PartBilanFactory(fiche=faite, financeur=agglo)
    factories.RealisationFactory(fiche=fiche)
    refresh()
    return convention


def is_fresh(convention: Convention) -> bool:
    return convention.pk not in list_a_refaire()


def test_kept_figures_are_those_of_their_source(suivie: Convention, agglo: Organisation) -> None:
    gardes = read_totaux([suivie], realise=True)[suivie.pk]
    assert gardes == compute([suivie], realise=True)[suivie.pk]
    assert (gardes.total.montant, gardes.total.reserves) == (Decimal("1000.10"), ["sur devis"])
    assert gardes.part_of(agglo.pk).montant == Decimal("400.04")
    assert gardes.par_annee[2018].montant == Decimal("1000.10")
    assert gardes.realise[2018].montant == Decimal(80)


def test_kept_figures_are_read_without_the_lines(suivie: Convention) -> None:
    with CaptureQueriesContext(connection) as requetes:
        read_totaux([suivie], realise=True)
    assert len(requetes) == 2
    assert not any("lignecout" in r["sql"] for r in requetes)


ECRITURES: dict[str, Callable[[Convention], Any]] = {
    "a line saved": lambda c: factories.LigneCoutFactory(fiche=c.fiches.get(), annee=2020),
    "lines updated at once": lambda c: LigneCout.objects.filter(fiche__convention=c).update(ordre=7),
    "lines removed at once": lambda c: LigneCout.objects.filter(fiche__convention=c, annee=2018).delete(),
    "lines made at once": lambda c: LigneCout.objects.bulk_create(
        [factories.LigneCoutFactory.build(fiche=c.fiches.get(), nature=nature())]
    ),
    "a share": lambda c: CoFinancement.objects.filter(fiche__convention=c).update(taux=Decimal(10)),
    "a fiche put in the corbeille": lambda c: c.fiches.get().discard(),
    "a heading written": lambda c: FicheAction.objects.filter(convention=c).update(cible="Toutes"),
    "an indicator": lambda c: factories.IndicateurFactory(fiche=c.fiches.get()),
    "who leads": lambda c: c.fiches.get().maitres_ouvrage.clear(),
    "a bilan": lambda c: Bilan.objects.filter(convention=c).update(etat="soumis"),
    "a fiche of a bilan": lambda c: FicheBilan.objects.filter(bilan__convention=c).update(etat="reportee"),
    "a line of a bilan": lambda c: LigneBilan.objects.filter(fiche__bilan__convention=c).update(montant=euros(90)),
    "a share of a bilan": lambda c: PartBilan.objects.filter(fiche__bilan__convention=c).delete(),
    "the carnet": lambda c: Realisation.objects.filter(convention=c).update(montant=euros(5)),
}


def nature() -> Any:
    return factories.NatureFactory()


@pytest.mark.parametrize("acte", ECRITURES)
def test_any_writing_is_noted_and_shows_at_once(acte: str, suivie: Convention) -> None:
    assert is_fresh(suivie)
    ECRITURES[acte](suivie)
    assert not is_fresh(suivie)
    assert read_totaux([suivie], realise=True)[suivie.pk] == compute([suivie], realise=True)[suivie.pk]
    refresh()
    assert is_fresh(suivie)
    assert read_totaux([suivie], realise=True)[suivie.pk] == compute([suivie], realise=True)[suivie.pk]


def test_a_fiche_that_moves_is_noted_on_both_sides(suivie: Convention) -> None:
    autre = factories.ConventionFactory()
    axe = factories.AxeFactory(convention=autre)
    refresh()
    FicheAction.objects.filter(convention=suivie).update(convention=autre, axe=axe)
    assert {suivie.pk, autre.pk} <= set(list_a_refaire())


def test_others_are_left_alone(suivie: Convention) -> None:
    autre = factories.FicheFactory().convention
    refresh([suivie.pk])
    assert list_a_refaire() == [autre.pk]


def test_the_worker_that_checks_a_convention_keeps_its_figures(suivie: Convention) -> None:
    LigneCout.objects.filter(fiche__convention=suivie).update(ordre=7)
    verifier_convention.call(ask_check(suivie).pk, suivie.pk)
    assert is_fresh(suivie)


def test_a_convention_goes_with_its_figures(agent: Utilisateur) -> None:
    convention = factories.LigneCoutFactory().fiche.convention
    refresh()
    FicheAction.toutes.filter(convention=convention).delete()
    convention.delete()
    refresh()
    assert not Cumul.objects.filter(convention_id=convention.pk).exists()


def test_the_command_tells_how_many(suivie: Convention) -> None:
    LigneCout.objects.filter(fiche__convention=suivie).update(ordre=7)
    dits = []
    for _ in range(2):
        sortie = StringIO()
        call_command("refresh_cumuls", stdout=sortie)
        dits.append(sortie.getvalue().strip())
    assert dits == ["1 convention recalculée.", "0 convention recalculée."]
    assert not CumulPerime.objects.filter(convention_id=suivie.pk).exists()
