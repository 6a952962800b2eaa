"""Costs shared between financeurs: what each pays, and that nothing is lost or made up."""

from collections import defaultdict
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from financement.repartition import Cout, Part, Repartition, split_by_rates, split_costs, split_matrix
from socle.montants import CENT

ETUDES, DEBOURS = 1, 2
METROPOLE, CCI, FSE = 21, 22, 23

montants = st.integers(0, 10**8).map(lambda n: Decimal(n) / 100)
annees = st.integers(2018, 2020)
natures = st.sampled_from([ETUDES, DEBOURS, 3])
financeurs = st.sampled_from([METROPOLE, CCI, FSE, None])
couts = st.lists(st.builds(Cout, natures, annees, montants), max_size=8)
parts = st.lists(
    st.builds(
        Part,
        financeurs,
        taux=st.none() | st.decimals(0, 100, places=4),
        montant=st.none() | montants,
        nature=st.none() | natures,
        annee=st.none() | annees,
    ),
    max_size=8,
)
# Three years, one row a financeur, down to a few cents: where rounding bites.
tableaux = st.lists(st.lists(st.integers(0, 3) | st.integers(0, 10**6), min_size=3, max_size=3), min_size=1, max_size=5).map(
    lambda lignes: [[Decimal(n) / 100 for n in ligne] for ligne in lignes]
)


def cout(montant: str, annee: int = 2018, nature: int = ETUDES) -> Cout:
    return Cout(nature, annee, Decimal(montant))


def rate(financeur: int | None, taux: str, **portee: int) -> Part:
    return Part(financeur, taux=Decimal(taux), **portee)


def amount(financeur: int | None, montant: str, **portee: int) -> Part:
    return Part(financeur, montant=Decimal(montant), **portee)


def tell(repartition: Repartition) -> dict[int, dict[int | None, str]]:
    return {annee: {f: str(m) for f, m in montants.items()} for annee, montants in repartition.items()}


def sum_by_financeur(repartition: Repartition) -> dict[int | None, Decimal]:
    sommes: dict[int | None, Decimal] = defaultdict(Decimal)
    for par_financeur in repartition.values():
        for financeur, montant in par_financeur.items():
            sommes[financeur] += montant
    return dict(sommes)


def sum_by_year(couts: list[Cout]) -> dict[int, Decimal]:
    sommes: dict[int, Decimal] = defaultdict(Decimal)
    for c in couts:
        sommes[c.annee] += c.montant
    return dict(sommes)


@given(couts, parts)
def test_parts_of_every_year_sum_to_its_costs_whatever_the_shares(couts: list[Cout], parts: list[Part]) -> None:
    repartition = split_costs(couts, parts)
    assert {annee: sum(m.values()) for annee, m in repartition.items()} == sum_by_year(couts)


@given(couts, parts)
def test_every_part_is_in_whole_cents(couts: list[Cout], parts: list[Part]) -> None:
    for par_financeur in split_costs(couts, parts).values():
        assert all(montant == montant.quantize(CENT) for montant in par_financeur.values())


@given(couts, parts)
def test_no_financeur_is_given_a_negative_part(couts: list[Cout], parts: list[Part]) -> None:
    for par_financeur in split_costs(couts, parts).values():
        assert all(montant >= 0 for financeur, montant in par_financeur.items() if financeur is not None)


@given(couts, parts)
def test_order_of_the_costs_does_not_change_the_parts(couts: list[Cout], parts: list[Part]) -> None:
    assert split_costs(couts[::-1], parts) == split_costs(couts, parts)


@given(st.lists(montants, min_size=3, max_size=3), st.lists(montants, min_size=1, max_size=4))
def test_amounts_declared_for_the_whole_fiche_are_kept_exactly(annuels: list[Decimal], declares: list[Decimal]) -> None:
    couts = [Cout(ETUDES, 2018 + rang, montant) for rang, montant in enumerate(annuels)]
    parts = [Part(rang, montant=montant) for rang, montant in enumerate(declares)]
    sommes = sum_by_financeur(split_costs(couts, parts))
    assert {f: sommes[f] for f in range(len(declares))} == dict(enumerate(declares))
    assert sommes.get(None, Decimal(0)) == sum(annuels) - sum(declares)


@given(tableaux)
def test_amounts_that_fit_leave_no_negative_remainder_in_any_year(tableau: list[list[Decimal]]) -> None:
    couts = [Cout(ETUDES, 2018 + rang, sum(colonne)) for rang, colonne in enumerate(zip(*tableau, strict=True))]
    parts = [Part(rang, montant=sum(ligne)) for rang, ligne in enumerate(tableau)]
    for par_financeur in split_costs(couts, parts).values():
        assert None not in par_financeur
        assert min(par_financeur.values()) >= 0


# --- worked tables ---------------------------------------------------------------------------------


def test_rates_share_each_year() -> None:
    couts = [cout("11100"), cout("11700", 2019)]
    assert tell(split_costs(couts, [rate(METROPOLE, "80"), rate(CCI, "20")])) == {
        2018: {METROPOLE: "8880.00", CCI: "2220.00"},
        2019: {METROPOLE: "9360.00", CCI: "2340.00"},
    }


def test_rates_for_one_nature_leave_the_other_non_reparti() -> None:
    couts = [cout("13200"), cout("2600", nature=DEBOURS)]
    parts = [rate(METROPOLE, "70", nature=ETUDES), rate(CCI, "30", nature=ETUDES)]
    assert tell(split_costs(couts, parts)) == {2018: {METROPOLE: "9240.00", CCI: "3960.00", None: "2600.00"}}


def test_rates_under_100_leave_the_rest_non_reparti() -> None:
    assert tell(split_costs([cout("1000")], [rate(METROPOLE, "80")])) == {2018: {METROPOLE: "800.00", None: "200.00"}}


def test_rates_over_100_show_a_negative_non_reparti() -> None:
    parts = [rate(METROPOLE, "80"), rate(CCI, "30")]
    assert tell(split_costs([cout("1000")], parts)) == {2018: {METROPOLE: "800.00", CCI: "300.00", None: "-100.00"}}


def test_thirds_give_the_odd_cent_to_the_first() -> None:
    parts = [rate(METROPOLE, "33.3333"), rate(CCI, "33.3333"), rate(FSE, "33.3334")]
    assert tell(split_costs([cout("100")], parts)) == {2018: {METROPOLE: "33.33", CCI: "33.33", FSE: "33.34"}}


def test_split_declared_in_percent_and_euros_keeps_the_euros() -> None:
    parts = [
        Part(FSE, Decimal(43), Decimal(71912)),
        Part(1, Decimal(20), Decimal(32000)),
        Part(2, Decimal(13), Decimal(21000)),
        Part(METROPOLE, Decimal(12), Decimal(20000)),
        Part(CCI, Decimal(12), Decimal(19088)),
    ]
    assert tell(split_costs([cout("164000", 2019)], parts)) == {
        2019: {FSE: "71912.00", 1: "32000.00", 2: "21000.00", METROPOLE: "20000.00", CCI: "19088.00"}
    }


def test_amount_over_two_years_follows_their_weight() -> None:
    couts = [cout("1000"), cout("3000", 2019)]
    assert tell(split_costs(couts, [amount(METROPOLE, "2000")])) == {
        2018: {METROPOLE: "500.00", None: "500.00"},
        2019: {METROPOLE: "1500.00", None: "1500.00"},
    }


def test_rate_beside_an_amount_is_a_rate_of_the_whole_cost() -> None:
    assert tell(split_costs([cout("1000")], [amount(FSE, "300"), rate(METROPOLE, "50")])) == {
        2018: {FSE: "300.00", METROPOLE: "500.00", None: "200.00"}
    }


def test_amounts_over_the_costs_are_kept_and_the_excess_is_shown() -> None:
    assert tell(split_costs([cout("1000")], [amount(METROPOLE, "900"), amount(CCI, "300")])) == {
        2018: {METROPOLE: "900.00", CCI: "300.00", None: "-200.00"}
    }


def test_amount_on_a_cost_of_zero_is_shown_with_its_excess() -> None:
    assert tell(split_costs([cout("0")], [amount(METROPOLE, "900")])) == {2018: {METROPOLE: "900.00", None: "-900.00"}}


def test_share_said_to_be_nobodys_is_non_reparti() -> None:
    assert tell(split_costs([cout("1000")], [rate(METROPOLE, "60"), rate(None, "40")])) == {2018: {METROPOLE: "600.00", None: "400.00"}}


def test_cost_of_zero_is_a_part_of_zero() -> None:
    assert tell(split_costs([cout("0")], [rate(METROPOLE, "80"), rate(CCI, "20")])) == {2018: {METROPOLE: "0.00", CCI: "0.00"}}


def test_share_in_words_only_shares_nothing() -> None:
    assert tell(split_costs([cout("1000")], [Part(METROPOLE)])) == {2018: {None: "1000.00"}}


def test_no_cost_gives_no_year() -> None:
    assert split_costs([], [rate(METROPOLE, "80")]) == {}


# --- precedence ------------------------------------------------------------------------------------


def test_most_precise_share_wins() -> None:
    couts = [cout("1"), cout("2", 2019), cout("4", nature=DEBOURS), cout("8", 2019, DEBOURS)]
    parts = [
        rate(10, "100"),
        rate(11, "100", annee=2018),
        rate(12, "100", nature=ETUDES),
        rate(13, "100", nature=ETUDES, annee=2018),
    ]
    assert tell(split_costs(couts, parts)) == {2018: {13: "1.00", 11: "4.00"}, 2019: {12: "2.00", 10: "8.00"}}


def test_nature_wins_over_year() -> None:
    parts = [rate(METROPOLE, "100", annee=2018), rate(CCI, "100", nature=ETUDES)]
    assert tell(split_costs([cout("500")], parts)) == {2018: {CCI: "500.00"}}


def test_shares_of_one_scope_do_not_reach_another() -> None:
    couts = [cout("100"), cout("100", 2019)]
    parts = [rate(METROPOLE, "50", annee=2018), rate(CCI, "100")]
    assert tell(split_costs(couts, parts)) == {2018: {METROPOLE: "50.00", None: "50.00"}, 2019: {CCI: "100.00"}}


def test_financeur_of_two_natures_gets_the_sum() -> None:
    couts = [cout("100"), cout("50", nature=DEBOURS)]
    parts = [rate(METROPOLE, "80", nature=ETUDES), rate(METROPOLE, "20", nature=DEBOURS)]
    assert split_costs(couts, parts)[2018] == {METROPOLE: Decimal(90), None: Decimal(60)}


# --- tables with given margins ---------------------------------------------------------------------


@given(tableaux)
def test_table_keeps_its_rows_and_columns_exactly(tableau: list[list[Decimal]]) -> None:
    lignes, colonnes = [sum(ligne) for ligne in tableau], [sum(colonne) for colonne in zip(*tableau, strict=True)]
    table = split_matrix(lignes, colonnes)
    assert [sum(ligne) for ligne in table] == lignes
    assert [sum(colonne) for colonne in zip(*table, strict=True)] == colonnes
    assert min(min(ligne) for ligne in table) >= 0


@pytest.mark.parametrize(("lignes", "colonnes"), [([1, 2], [4]), ([-1, 2], [1]), ([1], [2, -1])])
def test_table_with_impossible_margins_is_an_error(lignes: list[int], colonnes: list[int]) -> None:
    with pytest.raises(ValueError, match="positive and sum to the same total"):
        split_matrix([Decimal(n) for n in lignes], [Decimal(n) for n in colonnes])


@given(montants, st.lists(st.decimals(0, 100, places=4), min_size=1, max_size=5))
def test_one_total_shared_by_rates_sums_to_it(total: Decimal, taux: list[Decimal]) -> None:
    assert sum(split_by_rates(total, [Part(rang, taux=t) for rang, t in enumerate(taux)]).values()) == total
