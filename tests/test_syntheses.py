"""The one source of figures: recap computed or declared, totals of several conventions, tables of a fiche."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from comptes.models import Organisation
from conventions.models import Axe, Convention
from fiches.models import FicheAction
from financement.models import LigneCout
from financement.recapitulatif import AUTRES, TOTAL, Cellule, Ligne, Recapitulatif, list_autres
from financement.syntheses import compute_recapitulatif, compute_totaux, has_recapitulatif_declare, read_recapitulatif_declare
from financement.tableaux import build_couts, build_parts
from tests.factories import (
    AxeFactory,
    CoFinancementFactory,
    ConventionFactory,
    FicheFactory,
    LigneCoutFactory,
    NatureFactory,
    OrganisationFactory,
    PartieFactory,
    RecapDeclareFactory,
    euros,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def cci(convention: Convention) -> Organisation:
    return convention.parties.all()[1].organisation


@pytest.fixture
def fiche(convention: Convention) -> FicheAction:
    return FicheFactory(convention=convention)


def add_cost(fiche: FicheAction, annee: int, montant: str | None, chiffrage: str = "chiffre", mention: str = "") -> LigneCout:
    return LigneCoutFactory(
        fiche=fiche, annee=annee, montant=None if montant is None else euros(montant), chiffrage=chiffrage, mention=mention
    )


def share(fiche: FicheAction, taux: dict[Organisation | None, str]) -> None:
    for rang, (financeur, valeur) in enumerate(taux.items()):
        CoFinancementFactory(fiche=fiche, financeur=financeur, taux=Decimal(valeur), ordre=rang)


def row_of(fiche: FicheAction) -> Ligne:
    return compute_recapitulatif(fiche.convention).ligne_of(fiche)


def read_montants(ligne: Ligne, annee: int | None, recap: Recapitulatif) -> list[str | None]:
    return [None if (m := ligne.get(annee, cle).montant) is None else str(m) for cle, _ in recap.colonnes]


# --- unknown is not zero ---------------------------------------------------------------------------


def test_year_without_line_is_neither_zero_nor_words(fiche: FicheAction) -> None:
    add_cost(fiche, 2018, "100")
    assert row_of(fiche).total(2019) == Cellule(None, [])


def test_line_of_zero_is_zero(fiche: FicheAction) -> None:
    add_cost(fiche, 2018, "0")
    assert row_of(fiche).total(2018) == Cellule(Decimal(0), [])


@pytest.mark.parametrize(("chiffrage", "mots"), [("sur_devis", "sur devis"), ("inconnu", "à déterminer")])
def test_unknown_cost_is_words(fiche: FicheAction, chiffrage: str, mots: str) -> None:
    add_cost(fiche, 2018, None, chiffrage)
    cellule = row_of(fiche).total(2018)
    assert (cellule.montant, cellule.mention) == (None, mots)


def test_unknown_beside_an_amount_stays_as_a_reserve_up_to_the_total(fiche: FicheAction) -> None:
    add_cost(fiche, 2018, "100")
    add_cost(fiche, 2018, None, "sur_devis")
    recap = compute_recapitulatif(fiche.convention)
    for ligne in (recap.ligne_of(fiche), recap.groupes[0].sous_total, recap.total):
        assert ligne.total(2018) == ligne.total() == Cellule(Decimal(100), ["sur devis"])
        assert ligne.total().is_partielle


def test_fiche_without_lines_has_an_empty_row(fiche: FicheAction) -> None:
    recap = compute_recapitulatif(fiche.convention)
    assert recap.nb_fiches == 1
    assert recap.ligne_of(fiche).total_periode == Cellule(None, [])
    assert recap.total.total_periode.montant is None


def test_convention_without_fiche_has_an_empty_recap(convention: Convention) -> None:
    recap = compute_recapitulatif(convention)
    assert (recap.groupes, recap.nb_fiches, recap.total.total()) == ([], 0, Cellule())
    assert recap.annees == [2018, 2019, 2020]


def test_reading_an_absent_figure_does_not_add_one(fiche: FicheAction) -> None:
    ligne = row_of(fiche)
    avant = dict(ligne.cellules)
    ligne.get(2050, TOTAL)
    assert ligne.cellules == avant


# --- sums ------------------------------------------------------------------------------------------


def test_subtotals_and_total_sum_the_rows(convention: Convention, agglo: Organisation, cci: Organisation) -> None:
    proximite, attractivite = (AxeFactory(convention=convention, code=code, ordre=rang) for rang, code in enumerate(["P", "A"]))
    for axe, montants in ((proximite, ["100", "10"]), (proximite, ["0.01", "20"]), (attractivite, ["1000", "0"])):
        fiche = FicheFactory(convention=convention, axe=axe)
        for annee, montant in enumerate(montants, 2018):
            add_cost(fiche, annee, montant)
        share(fiche, {agglo: "80", cci: "20"})
    recap = compute_recapitulatif(convention)
    assert [g.axe.code for g in recap.groupes] == ["P", "A"]
    assert read_montants(recap.groupes[0].sous_total, 2018, recap) == ["80.01", "20.00", "100.01"]
    assert read_montants(recap.groupes[1].sous_total, 2018, recap) == ["800.00", "200.00", "1000.00"]
    assert read_montants(recap.total, 2018, recap) == ["880.01", "220.00", "1100.01"]
    assert read_montants(recap.total, 2019, recap) == ["24.00", "6.00", "30.00"]
    assert read_montants(recap.total, None, recap) == ["904.01", "226.00", "1130.01"]


def test_fiche_of_a_section_counts_under_its_root_axe(convention: Convention) -> None:
    racine = AxeFactory(convention=convention, code="E.A")
    section = AxeFactory(
        convention=convention, code="1.2", parent=Axe.objects.create(convention=convention, parent=racine, code="1", titre="x")
    )
    fiche = FicheFactory(convention=convention, axe=section)
    assert [(g.axe, [li.fiche for li in g.lignes]) for g in compute_recapitulatif(convention).groupes] == [(racine, [fiche])]


def test_year_beyond_the_budget_gets_its_columns(fiche: FicheAction) -> None:
    add_cost(fiche, 2022, "5")
    assert compute_recapitulatif(fiche.convention).annees == [2018, 2019, 2020, 2022]


def test_what_nobody_pays_has_its_column(fiche: FicheAction, agglo: Organisation) -> None:
    add_cost(fiche, 2018, "100")
    share(fiche, {agglo: "70"})
    recap = compute_recapitulatif(fiche.convention)
    assert [f.nom for f in recap.autres] == ["Non réparti"]
    assert recap.total.get(2018, AUTRES).montant == Decimal("30.00")
    assert [(a.fiche, a.annee, a.montant) for a in list_autres(recap)] == [(fiche, 2018, Decimal("30.00"))]


def test_no_column_for_others_when_the_parties_pay_all(fiche: FicheAction, agglo: Organisation) -> None:
    add_cost(fiche, 2018, "100")
    share(fiche, {agglo: "100"})
    assert [nom for _, nom in compute_recapitulatif(fiche.convention).colonnes] == ["Agglo", "CCI", "Total"]


def test_financeurs_are_the_parties_then_the_others_then_non_reparti(fiche: FicheAction, agglo: Organisation, cci: Organisation) -> None:
    region, fonds = OrganisationFactory(sigle="Région"), OrganisationFactory(sigle="FSE")
    add_cost(fiche, 2018, "100")
    share(fiche, {fonds: "10", region: "10", cci: "10", agglo: "10"})
    recap = compute_recapitulatif(fiche.convention)
    assert [f.nom for f in recap.financeurs] == ["Agglo", "CCI", "FSE", "Région", "Non réparti"]
    assert [f.rang_couleur for f in recap.financeurs] == [1, 2, 3, 4, 6]


def test_every_party_that_may_pay_has_a_column(convention: Convention) -> None:
    for rang, role in ((30, "financeur"), (40, "partenaire")):
        PartieFactory(convention=convention, nom_court=role, role=role, ordre=rang)
    recap = compute_recapitulatif(Convention.objects.get(pk=convention.pk))
    assert [f.nom for f in recap.parties] == ["Agglo", "CCI", "financeur"]


def test_partner_that_pays_has_a_column(convention: Convention, fiche: FicheAction) -> None:
    partenaire = PartieFactory(convention=convention, nom_court="Union", role="partenaire", ordre=30)
    share(fiche, {partenaire.organisation: "10"})
    assert [f.nom for f in compute_recapitulatif(Convention.objects.get(pk=convention.pk)).parties] == ["Agglo", "CCI", "Union"]


def test_columns_of_each_year_sum_to_its_total(dijon: Convention) -> None:
    recap = compute_recapitulatif(dijon)
    for ligne in [*recap.lignes(), *(g.sous_total for g in recap.groupes), recap.total]:
        for annee in [*recap.annees, None]:
            parts = [ligne.get(annee, cle).montant or Decimal(0) for cle, _ in recap.colonnes[:-1]]
            assert sum(parts) == (ligne.total(annee).montant or Decimal(0))


@pytest.mark.parametrize(
    ("bases", "dites"),
    [
        (["ht", "ht"], ["Hors taxes"]),
        (["ttc", "ht"], ["Hors taxes", "Toutes taxes comprises"]),
        (["non_precisee", "ht"], ["Non précisée", "Hors taxes"]),
    ],
)
def test_bases_of_the_summed_amounts_are_told(convention: Convention, bases: list[str], dites: list[str]) -> None:
    for base in bases:
        add_cost(FicheFactory(convention=convention, base_montants=base), 2018, "10")
    assert compute_recapitulatif(convention).bases == dites


def test_base_of_a_fiche_without_amount_is_no_mix(convention: Convention) -> None:
    add_cost(FicheFactory(convention=convention, base_montants="ht"), 2018, "10")
    add_cost(FicheFactory(convention=convention, base_montants="ttc"), 2018, "0")
    assert compute_recapitulatif(convention).bases == ["Hors taxes"]


# --- several conventions ---------------------------------------------------------------------------


def test_totals_of_several_conventions_equal_each_recap(demonstration: None) -> None:
    conventions = list(Convention.objects.with_parties())
    totaux = compute_totaux(conventions)
    assert set(totaux) == {c.pk for c in conventions}
    for convention in conventions:
        recap, total = compute_recapitulatif(convention), totaux[convention.pk]
        assert total.total == recap.total.total()
        assert {f.id: total.part_of(f.id).montant for f in recap.financeurs} == {
            f.id: recap.total.get(None, f.id).montant for f in recap.financeurs
        }
        assert (total.nb_fiches, total.nb_completes) == (recap.nb_fiches, sum(li.is_complete for li in recap.lignes()))


def test_totals_of_no_convention() -> None:
    assert compute_totaux([]) == {}


def count_queries(calcul: Callable[[], object]) -> int:
    with CaptureQueriesContext(
        connection,
    ) as requetes:
        calcul()
    return len(requetes)


@pytest.mark.parametrize(
    ("calcul", "maximum"),
    [(compute_recapitulatif, 7), (lambda c: compute_totaux([c]), 5), (read_recapitulatif_declare, 7)],
    ids=["recap", "totals", "declared"],
)
def test_queries_do_not_grow_with_the_fiches(convention: Convention, agglo: Organisation, calcul: Callable, maximum: int) -> None:
    comptes = []
    for _ in range(2):
        for _ in range(3):
            fiche = FicheFactory(convention=convention)
            fiche.maitres_ouvrage.add(agglo)
            add_cost(fiche, 2018, "10")
            share(fiche, {agglo: "50", OrganisationFactory(): "50"})
            RecapDeclareFactory(fiche=fiche, convention=convention, financeur=agglo)
        neuve = Convention.objects.get(pk=convention.pk)
        comptes.append(count_queries(lambda neuve=neuve: calcul(neuve)))
    assert comptes[0] == comptes[1] <= maximum


# --- declared recap --------------------------------------------------------------------------------


def test_declared_recap_shows_the_printed_sums_even_wrong(convention: Convention, fiche: FicheAction) -> None:
    RecapDeclareFactory(convention=convention, fiche=fiche, montant=euros(100))
    RecapDeclareFactory(convention=convention, axe=fiche.axe, montant=euros(120))
    RecapDeclareFactory(convention=convention, montant=euros(150))
    recap = read_recapitulatif_declare(convention)
    assert recap.declare
    assert [li.total(2018).montant for li in (recap.ligne_of(fiche), recap.groupes[0].sous_total, recap.total)] == [100, 120, 150]


def test_sum_that_the_annex_does_not_print_is_not_made_up(convention: Convention, fiche: FicheAction) -> None:
    RecapDeclareFactory(convention=convention, fiche=fiche, montant=euros(100))
    recap = read_recapitulatif_declare(convention)
    assert recap.groupes[0].sous_total.total(2018) == recap.total.total(2018) == Cellule()


def test_printed_words_are_kept_beside_no_amount(convention: Convention, fiche: FicheAction) -> None:
    RecapDeclareFactory(convention=convention, fiche=fiche, annee=None, montant=None, mention="sur devis")
    ligne = read_recapitulatif_declare(convention).ligne_of(fiche)
    assert (ligne.total_periode.montant, ligne.total_periode.mention) == (None, "sur devis")


def test_convention_tells_whether_its_annex_has_a_recap(convention: Convention) -> None:
    assert not has_recapitulatif_declare(convention)
    RecapDeclareFactory(convention=convention)
    assert has_recapitulatif_declare(convention)


# --- tables of one fiche ---------------------------------------------------------------------------


def test_cost_table_sums_days_and_amounts_by_year(fiche: FicheAction) -> None:
    for annee, jours in ((2018, "16.5"), (2019, "18.5")):
        LigneCoutFactory(
            fiche=fiche,
            nature=NatureFactory(nom=f"N{annee}"),
            annee=annee,
            jours=Decimal(jours),
            tarif_journalier=euros(600),
            montant=euros(100),
        )
    add_cost(fiche, 2018, "1")
    tableau = build_couts(list(fiche.lignes_cout.select_related("nature")), fiche.convention.annees)
    assert (tableau.total.par_annee[2018].jours, tableau.total.par_annee[2018].montant) == (Decimal("16.5"), 101)
    assert (tableau.total.ensemble.jours, tableau.total.ensemble.montant) == (35, 201)
    assert tableau.tarif == 600


def test_words_of_a_line_are_shown_in_its_row_and_classed_in_the_total(fiche: FicheAction) -> None:
    add_cost(fiche, 2018, None, "inconnu", "suivant événement commun")
    tableau = build_couts(list(fiche.lignes_cout.select_related("nature")), [2018])
    assert tableau.lignes[0].par_annee[2018].mention == "suivant événement commun"
    assert tableau.total.par_annee[2018].mention == "à déterminer"


def test_table_of_shares_shows_amounts_the_remainder_and_the_sum(fiche: FicheAction, agglo: Organisation, cci: Organisation) -> None:
    lignes = [add_cost(fiche, 2018, "1000")]
    share(fiche, {agglo: "60", cci: "30"})
    tableau = build_parts(fiche, lignes, list(fiche.cofinancements.select_related("financeur")), [2018])
    assert [(li.nom, li.taux, li.ensemble.montant) for li in tableau.lignes] == [("Agglo", 60, 600), ("CCI", 30, 300)]
    assert tableau.non_reparti.ensemble.montant == 100
    assert (tableau.taux_total, tableau.ensemble.montant) == (None, 1000)


def test_rates_of_one_nature_have_no_total_of_their_own(fiche: FicheAction, agglo: Organisation, cci: Organisation) -> None:
    ligne = add_cost(fiche, 2018, "1000")
    share(fiche, {agglo: "70", cci: "30"})
    fiche.cofinancements.update(nature=ligne.nature)
    tableau = build_parts(fiche, [ligne], list(fiche.cofinancements.select_related("financeur", "nature")), [2018])
    assert tableau.taux_total is None


def test_financeur_said_twice_shows_its_euros_once(fiche: FicheAction, agglo: Organisation) -> None:
    lignes = [add_cost(fiche, 2018, "1000"), add_cost(fiche, 2018, "500")]
    for ligne in lignes:
        CoFinancementFactory(fiche=fiche, financeur=agglo, taux=Decimal(50), nature=ligne.nature)
    tableau = build_parts(fiche, lignes, list(fiche.cofinancements.select_related("financeur", "nature")), [2018])
    assert [li.ensemble.montant for li in tableau.lignes] == [750, None]
    assert tableau.taux_total is None


def test_totals_of_two_conventions_do_not_mix() -> None:
    conventions = [ConventionFactory(), ConventionFactory()]
    for convention, montant in zip(conventions, ["10", "7"], strict=True):
        add_cost(FicheFactory(convention=convention), 2018, montant)
    totaux = compute_totaux(conventions)
    assert [totaux[c.pk].total.montant for c in conventions] == [10, 7]
