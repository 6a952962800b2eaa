"""Rules about the printed recap: the smallest data that breaks each one, and the nearest that does not."""

from decimal import Decimal

import pytest

from comptes.models import Organisation
from conventions.models import Axe, Convention
from fiches.models import FicheAction
from financement.controles.recapitulatif import (
    REGLES as RECAPITULATIF,
)
from financement.controles.recapitulatif import (
    FicheHorsRecapitulatif,
    RecapitulatifEtFiches,
    RecapitulatifSansMontant,
    SommesDuRecapitulatif,
)
from financement.models import MontantRecapDeclare
from tests.constats import constats, costing, dire, imprime, places, resume
from tests.factories import (
    AxeFactory,
    CoFinancementFactory,
    LigneCoutFactory,
    OrganisationFactory,
    euros,
)

pytestmark = pytest.mark.django_db

D = Decimal


@pytest.fixture
def fiche(convention: Convention, agglo: Organisation, cci: Organisation) -> FicheAction:
    """1 000 € in 2018, 80 % by the Agglo and 20 % by the CCI."""
    return costing(convention, "E.A 1.1", {2018: "1000"}, {agglo: "80", cci: "20"})


# --- Printed cells and fiches ------------------------------------------------------------------------------------


def test_recap_that_prints_the_fiche_is_right(convention: Convention, fiche: FicheAction, agglo: Organisation, cci: Organisation) -> None:
    imprime(convention, {agglo: "800", cci: "200", None: "1000"}, sujet=fiche)
    imprime(convention, {agglo: "0", cci: "0", None: "0"}, annee=2019, sujet=fiche)  # nothing planned
    imprime(convention, {agglo: "800", cci: "200", None: "1000"}, annee=None, sujet=fiche)
    for regle in RECAPITULATIF:
        assert not constats(regle, convention)


@pytest.mark.parametrize("montant", ["799.99", "800.01", "0"])
def test_printed_part_is_not_the_fiche_s(
    convention: Convention, fiche: FicheAction, agglo: Organisation, cci: Organisation, montant: str
) -> None:
    imprime(convention, {agglo: montant, cci: "200", None: "1000"}, sujet=fiche)
    assert resume(RecapitulatifEtFiches(), convention) == [("E.A 1.1", 2018, "Agglo", D(montant), D("800.00"))]


def test_printed_halves_say_both_shares(convention: Convention, fiche: FicheAction, agglo: Organisation, cci: Organisation) -> None:
    imprime(convention, {agglo: "500", cci: "500", None: "1000"}, sujet=fiche)
    premier, second = constats(RecapitulatifEtFiches(), convention)
    assert dire(premier) == "2018, Agglo : le récapitulatif imprime 500 €, la fiche donne 800 €."
    assert dire(second) == "2018, CCI : le récapitulatif imprime 500 €, la fiche donne 200 €."
    assert places(premier) == [("500 €", "50 % de 1 000 €"), ("800 €", "80 % de 1 000 €")]
    assert [c.cible["sens"] for c in premier.corrections] == ["fiche", "tableau"]
    assert premier.financeur_id == agglo.pk


def test_printed_total_is_not_the_cost(convention: Convention, fiche: FicheAction) -> None:
    imprime(convention, {None: "1000.01"}, sujet=fiche)
    (constat,) = constats(RecapitulatifEtFiches(), convention)
    assert resume(RecapitulatifEtFiches(), convention) == [("E.A 1.1", 2018, "Total", D("1000.01"), D("1000.00"))]
    assert (constat.financeur_id, constat.precision, len(constat.corrections)) == (None, "total", 1)


def test_amount_printed_in_a_year_the_fiche_does_not_plan(convention: Convention, fiche: FicheAction) -> None:
    imprime(convention, {None: "1000"}, sujet=fiche)
    imprime(convention, {None: "20000"}, annee=2020, sujet=fiche)
    (constat,) = constats(RecapitulatifEtFiches(), convention)
    assert (constat.annee, constat.constate, constat.attendu) == (2020, D("20000.00"), D(0))
    assert dire(constat) == "2020, Total : le récapitulatif imprime 20 000 €, la fiche ne prévoit rien."


def test_year_of_cost_that_the_row_does_not_print(convention: Convention, agglo: Organisation) -> None:
    fiche = costing(convention, "E.A 1.1", {2018: "1000", 2019: "500"}, {agglo: "100"})
    imprime(convention, {agglo: "1000", None: "1000"}, sujet=fiche)
    assert resume(RecapitulatifEtFiches(), convention) == [
        ("E.A 1.1", 2019, "Agglo", D(0), D("500.00")),
        ("E.A 1.1", 2019, "Total", D(0), D("500.00")),
    ]
    assert "le récapitulatif imprime /, la fiche donne 500 €" in dire(constats(RecapitulatifEtFiches(), convention)[0])


def test_printed_amount_that_belongs_to_another_column(
    convention: Convention, fiche: FicheAction, agglo: Organisation, cci: Organisation
) -> None:
    imprime(convention, {agglo: "0", cci: "800", None: "800"}, sujet=fiche)
    pistes = [c.piste for c in constats(RecapitulatifEtFiches(), convention) if c.financeur == "CCI"]
    assert [" ".join(p.split()) for p in pistes] == ["800 € est dans la fiche la part de Agglo : la colonne est peut-être inversée."]


def test_financeurs_without_a_column_explain_the_total(convention: Convention, agglo: Organisation) -> None:
    fiche = costing(
        convention, "E.C 1.3", {2019: "164000"}, {agglo: "60", OrganisationFactory(sigle="FSE"): "30", OrganisationFactory(sigle="R"): "10"}
    )
    imprime(convention, {agglo: "98400", None: "98400"}, annee=2019, sujet=fiche)
    (constat,) = constats(RecapitulatifEtFiches(), convention)
    assert " ".join(constat.piste.split()) == "Le récapitulatif n’a pas de colonne pour FSE et R, qui apportent 65 600 €."


def test_sur_devis_printed_for_a_cost_sur_devis_is_right(convention: Convention, agglo: Organisation) -> None:
    fiche = costing(convention, "E.P 2.5", {2018: None}, {})
    imprime(convention, {agglo: None, None: None}, sujet=fiche)
    for regle in RECAPITULATIF:
        assert not constats(regle, convention)


def test_zero_printed_for_a_cost_sur_devis(convention: Convention, agglo: Organisation) -> None:
    fiche = costing(convention, "E.P 2.5", {2018: None, 2019: None}, {})
    imprime(convention, {agglo: "0", None: "0"}, sujet=fiche)
    assert not constats(RecapitulatifEtFiches(), convention)
    (constat,) = constats(RecapitulatifSansMontant(), convention)
    assert resume(RecapitulatifSansMontant(), convention) == [("E.P 2.5", 2018, "Total", D(0), "sur devis")]
    assert dire(constat) == "2018 : le récapitulatif imprime 0 €, la fiche dit « sur devis »."


def test_amount_printed_beside_a_known_cost_is_not_words_against_a_figure(convention: Convention) -> None:
    fiche = costing(convention, "E.P 3.2", {2018: "10800"}, {})
    LigneCoutFactory(fiche=fiche, annee=2018, chiffrage="inconnu", montant=None)
    imprime(convention, {None: "10800"}, sujet=fiche)
    assert not constats(RecapitulatifSansMontant(), convention)
    assert not constats(RecapitulatifEtFiches(), convention)


def test_sur_devis_printed_where_the_fiche_has_an_amount(convention: Convention, fiche: FicheAction) -> None:
    imprime(convention, {None: None}, sujet=fiche)
    (constat,) = constats(RecapitulatifEtFiches(), convention)
    assert (constat.annee, constat.attendu) == (2018, D("1000.00"))
    assert "sur devis" in dire(constat)


def test_recap_of_the_whole_period_has_no_yearly_cell_to_compare(
    convention: Convention, fiche: FicheAction, agglo: Organisation, cci: Organisation
) -> None:
    imprime(convention, {agglo: "800", cci: "200", None: "1000"}, annee=None, sujet=fiche)
    assert not constats(RecapitulatifEtFiches(), convention)


def test_amount_of_the_whole_period_is_not_the_fiche_s(convention: Convention, fiche: FicheAction) -> None:
    imprime(convention, {None: "1000.01"}, annee=None, sujet=fiche)
    assert resume(RecapitulatifEtFiches(), convention) == [("E.A 1.1", None, "Total", D("1000.01"), D("1000.00"))]


def test_fiche_that_gives_no_amount_by_year_contradicts_no_schedule(convention: Convention, agglo: Organisation, cci: Organisation) -> None:
    """100 € a year, 50 € by the Agglo without a year: the recap may print them all in the first."""
    fiche = costing(convention, "E.A 1.1", {2018: "100", 2019: "100"}, {})
    CoFinancementFactory(fiche=fiche, financeur=agglo, taux=None, montant=euros("50"))
    CoFinancementFactory(fiche=fiche, financeur=cci, taux=None, montant=euros("150"))
    imprime(convention, {agglo: "50", cci: "50", None: "100"}, sujet=fiche)
    imprime(convention, {agglo: "0", cci: "100", None: "100"}, annee=2019, sujet=fiche)
    assert not constats(RecapitulatifEtFiches(), convention)


@pytest.mark.parametrize(("premiere", "seconde"), [("50.01", "50.00"), ("50.00", "50.01")])
def test_odd_cent_is_printed_in_either_column(
    convention: Convention, agglo: Organisation, cci: Organisation, premiere: str, seconde: str
) -> None:
    fiche = costing(convention, "E.A 1.1", {2018: "100.01"}, {agglo: "50", cci: "50"})
    imprime(convention, {agglo: premiere, cci: seconde, None: "100.01"}, sujet=fiche)
    assert not constats(RecapitulatifEtFiches(), convention)


# --- Rows --------------------------------------------------------------------------------------------------------


def test_fiche_with_a_cost_that_the_recap_does_not_list(convention: Convention, fiche: FicheAction) -> None:
    assert not constats(FicheHorsRecapitulatif(), convention)  # no recap was printed
    autre = costing(convention, "E.A 1.2", {}, {})
    imprime(convention, {None: "0"}, sujet=autre)
    (constat,) = constats(FicheHorsRecapitulatif(), convention)
    assert (constat.objet, constat.attendu, constat.signe) == ("E.A 1.1", D("1000.00"), "manque")
    assert dire(constat) == "Le récapitulatif n’a pas de ligne pour la fiche, qui coûte 1 000 €."
    imprime(convention, {None: "1000"}, sujet=fiche)
    assert not constats(FicheHorsRecapitulatif(), convention)


@pytest.mark.parametrize("couts", [{}, {2018: "0"}])
def test_fiche_without_cost_needs_no_row(convention: Convention, fiche: FicheAction, couts: dict[int, str | None]) -> None:
    imprime(convention, {None: "1000"}, sujet=fiche)
    costing(convention, "E.P 2.2", couts, {})
    assert not constats(FicheHorsRecapitulatif(), convention)


def test_row_of_a_fiche_in_the_corbeille(convention: Convention, fiche: FicheAction) -> None:
    imprime(convention, {None: "1000"}, sujet=fiche)
    fiche.discard()
    (constat,) = constats(FicheHorsRecapitulatif(), convention)
    assert (constat.objet, constat.constate) == ("récapitulatif", "E.A 1.1")
    assert dire(constat) == "Le récapitulatif garde une ligne pour E.A 1.1, mise à la corbeille."


def test_fiche_sur_devis_that_the_recap_does_not_list_is_not_told_to_cost_zero(convention: Convention, fiche: FicheAction) -> None:
    imprime(convention, {None: "1000"}, sujet=fiche)
    costing(convention, "E.P 2.5", {2018: None}, {})
    (constat,) = constats(FicheHorsRecapitulatif(), convention)
    assert "sur devis" in dire(constat)


def test_recap_printed_by_axe_lists_no_fiche(convention: Convention, fiche: FicheAction) -> None:
    imprime(convention, {None: "1000"}, sujet=fiche.axe)
    imprime(convention, {None: "1000"})
    assert not constats(FicheHorsRecapitulatif(), convention)


# --- Sums of the recap -------------------------------------------------------------------------------------------


@pytest.fixture
def proximite(convention: Convention) -> Axe:
    return AxeFactory(convention=convention, titre="Proximité", ordre=1)


@pytest.fixture
def table(convention: Convention, proximite: Axe, agglo: Organisation, cci: Organisation) -> None:
    """Two fiches of one axe, one of another, in 2018; subtotals and total that sum."""
    premiere = costing(convention, "E.P 1", {}, {}, proximite)
    seconde = costing(convention, "E.P 2", {}, {}, proximite)
    competences = AxeFactory(convention=convention, titre="Compétences", ordre=2)
    for sujet, a, b in [(premiere, 800, 200), (seconde, 50, 50), (proximite, 850, 250), (costing(convention, "E.C 1", {}, {}, competences), 7, 3),
                        (competences, 7, 3), (None, 857, 253)]:  # fmt: skip
        for annee in (2018, None):
            imprime(convention, {agglo: str(a), cci: str(b), None: str(a + b)}, annee=annee, sujet=sujet)


def correct(montant: str, **cellule: object) -> None:
    """Print another amount in one cell."""
    assert MontantRecapDeclare.objects.filter(**cellule).update(montant=D(montant)) == 1


def test_recap_whose_sums_are_right(convention: Convention, table: None) -> None:
    assert not constats(SommesDuRecapitulatif(), convention)


def test_total_of_a_row_is_not_its_columns(convention: Convention, table: None) -> None:
    correct("1000.01", fiche__code="E.P 1", annee=None, financeur=None)
    colonnes, annees = constats(SommesDuRecapitulatif(), convention)
    assert resume(SommesDuRecapitulatif(), convention)[0] == ("E.P 1", None, "Total", D("1000.01"), D("1000.00"))
    assert dire(colonnes) == "E.P 1, période, Total : 1 000,01 € imprimés, 1 000 € en additionnant."
    assert [c.lieux[1].detail for c in (colonnes, annees)] == ["somme de Agglo et CCI", "somme des années"]


def test_subtotal_one_cent_off_its_rows(convention: Convention, table: None, proximite: Axe, cci: Organisation) -> None:
    correct("250.01", axe=proximite, annee=2018, financeur=cci)
    trouves = [(c.annee, c.financeur, c.constate, c.attendu, c.lieux[1].detail) for c in constats(SommesDuRecapitulatif(), convention)]
    assert trouves == [
        (2018, "Total", D("1100.00"), D("1100.01"), "somme de Agglo et CCI"),
        (None, "CCI", D("250.00"), D("250.01"), "somme des années"),
        (2018, "CCI", D("250.01"), D("250.00"), "somme des lignes"),
        (2018, "CCI", D("253.00"), D("253.01"), "somme des lignes"),  # the grand total, against its subtotals
    ]
    assert {c.objet for c in constats(SommesDuRecapitulatif(), convention)} == {"récapitulatif"}
    assert dire(constats(SommesDuRecapitulatif(), convention)[2]).startswith("Total Proximité, 2018, CCI : 250,01 € imprimés")


def test_grand_total_is_not_its_subtotals(convention: Convention, table: None, agglo: Organisation) -> None:
    MontantRecapDeclare.objects.exclude(financeur=agglo).delete()
    MontantRecapDeclare.objects.filter(annee=None).delete()
    correct("856", fiche=None, axe=None, annee=2018)
    (constat,) = constats(SommesDuRecapitulatif(), convention)
    assert (constat.annee, constat.financeur, constat.constate, constat.attendu) == (2018, "Agglo", D("856.00"), D("857.00"))
    assert dire(constat).startswith("Total général, 2018, Agglo : ")


def test_grand_total_without_subtotals_sums_the_fiches(convention: Convention, table: None, cci: Organisation) -> None:
    MontantRecapDeclare.objects.filter(axe__isnull=False).delete()
    assert not constats(SommesDuRecapitulatif(), convention)
    correct("254", fiche=None, axe=None, annee=2018, financeur=cci)
    assert ("récapitulatif", 2018, "CCI", D("254.00"), D("253.00")) in resume(SommesDuRecapitulatif(), convention)


def test_sur_devis_counts_for_nothing_in_sums(convention: Convention, table: None) -> None:
    MontantRecapDeclare.objects.filter(fiche__code="E.C 1").update(montant=None, mention="sur devis")
    MontantRecapDeclare.objects.filter(axe__titre="Compétences").update(montant=None, mention="sur devis")
    trouves = constats(SommesDuRecapitulatif(), convention)
    assert {(c.constate, c.attendu) for c in trouves} == {
        (D("857.00"), D("850.00")),
        (D("253.00"), D("250.00")),
        (D("1110.00"), D("1100.00")),
    }


def test_recap_with_the_cost_and_one_financeur_only_need_not_sum(convention: Convention, fiche: FicheAction, agglo: Organisation) -> None:
    """« Coût total, dont participation de l’Agglomération »: the CCI pays the rest and has no column."""
    for sujet in (fiche, fiche.axe, None):
        imprime(convention, {agglo: "800", None: "1000"}, sujet=sujet)
    assert not constats(SommesDuRecapitulatif(), convention)


def test_axe_of_a_single_fiche_printed_without_subtotal(convention: Convention, table: None) -> None:
    MontantRecapDeclare.objects.filter(axe__titre="Compétences").delete()
    assert not constats(SommesDuRecapitulatif(), convention)


def test_subtotals_of_an_axe_and_of_its_parts_are_not_counted_twice(convention: Convention, agglo: Organisation, proximite: Axe) -> None:
    volet = AxeFactory(convention=convention, parent=proximite, titre="Commerce")
    fiche = costing(convention, "E.P 1", {}, {}, volet)
    for sujet in (fiche, volet, proximite, None):
        imprime(convention, {agglo: "100", None: "100"}, sujet=sujet)
    assert not constats(SommesDuRecapitulatif(), convention)


def test_subtotal_of_a_part_of_an_axe_is_not_its_rows(convention: Convention, proximite: Axe) -> None:
    volet = AxeFactory(convention=convention, parent=proximite, titre="Commerce")
    fiche = costing(convention, "E.P 1", {}, {}, volet)
    imprime(convention, {None: "100"}, sujet=fiche)
    imprime(convention, {None: "100.01"}, sujet=volet)
    assert resume(SommesDuRecapitulatif(), convention) == [("récapitulatif", 2018, "Total", D("100.01"), D("100.00"))]


def test_sums_of_a_recap_of_the_whole_period(convention: Convention, proximite: Axe) -> None:
    for code in ("E.P 1", "E.P 2"):
        imprime(convention, {None: "50"}, annee=None, sujet=costing(convention, code, {}, {}, proximite))
    imprime(convention, {None: "100.01"}, annee=None, sujet=proximite)
    assert resume(SommesDuRecapitulatif(), convention) == [("récapitulatif", None, "Total", D("100.01"), D("100.00"))]
