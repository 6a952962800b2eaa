"""Figures of a bilan: what a line says was done, who paid it, sums that agree, what is missing; unknown is not zero."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from comptes.models import Organisation
from conventions.formules import FormuleSolde
from conventions.models import Convention
from financement.bilans.calculs import _follow, compute_syntheses, share_parts
from financement.bilans.comptes import Compte, show_pourcent, sum_comptes
from financement.bilans.formules import compute_due
from financement.bilans.modeles import Bilan, FicheBilan, LigneBilan, PartBilan
from financement.bilans.participations import compute_participations
from financement.bilans.suivi import AxeSuivi, FicheSuivie, LigneSuivie, MesureSuivie, Synthese
from financement.models import Realisation
from socle.montants import ZERO, round_cents, round_fraction
from tests import factories
from tests.bilans import (
    count,
    do,
    make_fiche,
    make_line,
    make_measure,
    make_part,
    nature,
    open_year,
    plan_fiche,
    reread,
    tell,
)
from tests.factories import euros

MONTANTS = st.decimals(0, 999_999, places=2)
PEUT_ETRE = st.none() | MONTANTS
JOURS = st.decimals(0, 400, places=2)
ETATS = st.sampled_from(["", *FicheBilan.Etat.values])


# --- The rounding -----------------------------------------------------------------------------------


@given(st.decimals(-9_999_999, 9_999_999, places=6))
def test_rounding_a_fraction_is_the_rounding_of_its_exact_value(valeur: Decimal) -> None:
    assert round_fraction(Fraction(valeur)) == valeur.quantize(Decimal("0.01"), ROUND_HALF_UP) == round_cents(valeur)


@given(st.fractions(-9_999_999, 9_999_999))
def test_rounding_is_the_same_on_both_sides_of_zero(fraction: Fraction) -> None:
    assert round_fraction(-fraction) == -round_fraction(fraction)


@given(st.fractions(-9_999_999, 9_999_999))
def test_rounding_gives_the_nearest_cent(fraction: Fraction) -> None:
    arrondi = round_fraction(fraction)
    assert arrondi == arrondi.quantize(Decimal("0.01"))
    assert abs(Fraction(arrondi) - fraction) <= Fraction(1, 200)


@given(st.fractions(-50, 50), st.integers(0, 3))
def test_shown_rate_is_the_nearest_one_with_its_decimals(taux: Fraction, decimales: int) -> None:
    affiche = show_pourcent(taux, decimales)
    assert affiche is not None
    assert abs(Fraction(affiche) - taux * 100) <= Fraction(1, 2 * 10**decimales)
    assert show_pourcent(-taux, decimales) == -affiche


def test_no_rate_is_shown_as_none() -> None:
    assert show_pourcent(None) is None
    assert show_pourcent(Fraction(1, 8), 0) == 13


# --- Planned beside done ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prevu", "realise", "ecart", "taux", "reste", "depasse"),
    [
        (100, 60, -40, Fraction(3, 5), 40, False),
        (100, 100, 0, Fraction(1), 0, False),
        (100, 150, 50, Fraction(3, 2), 0, True),
        (100, 0, -100, Fraction(0), 100, False),
        (100, None, None, None, 100, False),
        (None, 50, 50, None, None, True),
        (None, 0, 0, None, None, False),
        (None, None, None, None, None, False),
        (0, 50, 50, None, 0, True),
        (0, 0, 0, None, 0, False),
    ],
)
def test_gap_rate_and_rest(
    prevu: int | None, realise: int | None, ecart: int | None, taux: Fraction | None, reste: int | None, depasse: bool
) -> None:
    compte = Compte(None if prevu is None else Decimal(prevu), None if realise is None else Decimal(realise))
    assert (compte.ecart, compte.taux, compte.reste, compte.depasse) == (ecart, taux, reste, depasse)


def test_rate_is_shown_to_one_decimal_and_kept_exact() -> None:
    compte = Compte(Decimal(3), Decimal(1))
    assert (compte.taux, compte.pourcent) == (Fraction(1, 3), Decimal("33.3"))
    assert Compte().pourcent is None


@given(st.lists(st.tuples(PEUT_ETRE, PEUT_ETRE)))
def test_sum_of_figures_leaves_the_unknown_out(couples: list[tuple[Decimal | None, Decimal | None]]) -> None:
    somme = sum_comptes(Compte(*c) for c in couples)
    for valeur, connues in (
        (somme.prevu, [p for p, _ in couples if p is not None]),
        (somme.realise, [r for _, r in couples if r is not None]),
    ):
        assert valeur == (sum(connues, ZERO) if connues else None)


# --- What was done on a line ------------------------------------------------------------------------


def follow(ligne: LigneBilan, etat: str = "", carnet: tuple[Any, Any] | None = None, precedent: Any = None) -> LigneSuivie:
    """A line followed, with what the carnet holds for it (euros, days)."""
    cle = (ligne.nature_id, ligne.libelle)
    montants = {} if carnet is None else {cle: (Decimal(carnet[0]), None if carnet[1] is None else Decimal(carnet[1]))}
    return _follow(FicheBilan(code="A1", etat=etat), ligne, montants, {} if precedent is None else {cle: Decimal(precedent)})


@pytest.mark.parametrize(
    ("ligne", "etat", "carnet", "realise", "source"),
    [
        ({"montant": 500, "jours": 2, "tarif": 600}, "abandonnee", (70, 1), 500, ""),
        ({"montant": 0, "jours": 2, "tarif": 600}, "", (70, 1), 0, ""),
        ({"jours": 2, "tarif": 600}, "abandonnee", (70, 1), 1200, "jours × tarif"),
        ({"jours": 0, "tarif": 600}, "", (70, 1), 0, "jours × tarif"),
        ({"jours": "0.33", "tarif": "0.05"}, "", None, "0.02", "jours × tarif"),
        ({"tarif": 600}, "abandonnee", (70, 1), 70, "carnet"),
        ({}, "", (0, None), 0, "carnet"),
        ({}, "abandonnee", None, 0, "abandonnée"),
        ({}, "reportee", None, 0, "reportée"),
        ({}, "realisee", None, None, ""),
        ({}, "partielle", None, None, ""),
        ({}, "", None, None, ""),
        ({"tarif": 600, "prevu_jours": 3}, "", None, None, ""),
        ({"jours": 2}, "", None, None, ""),
    ],
    ids=[
        "typed first",
        "zero typed",
        "days before the carnet",
        "no day",
        "half a cent",
        "carnet before the state",
        "carnet of zero",
        "given up",
        "put off",
        "done",
        "partly",
        "no state",
        "planned days say nothing of what was done",
        "days without a rate",
    ],
)
def test_what_was_done_on_a_line(ligne: dict[str, Any], etat: str, carnet: Any, realise: Any, source: str) -> None:
    suivie = follow(make_line(1000, **ligne), etat, carnet)
    assert suivie.euros.realise == (None if realise is None else Decimal(realise))
    assert suivie.source == source
    assert suivie.is_saisie is ("montant" in ligne)


@pytest.mark.parametrize(("etat", "carnet", "source"), [("", (70, 1), "carnet"), ("abandonnee", None, "abandonnée")])
def test_days_without_a_rate_are_not_where_an_amount_comes_from(etat: str, carnet: Any, source: str) -> None:
    assert follow(make_line(1000, jours=2), etat, carnet).source == source


@pytest.mark.parametrize(
    ("ligne", "etat", "carnet", "jours"),
    [
        ({"jours": 2, "prevu_jours": 5}, "abandonnee", (70, 1), 2),
        ({"jours": 0}, "", (70, 1), 0),
        ({"prevu_jours": 5}, "abandonnee", (70, "1.5"), "1.5"),
        ({"prevu_jours": 5}, "", (70, None), None),
        ({"prevu_jours": 5}, "abandonnee", None, 0),
        ({"prevu_jours": 5}, "reportee", None, 0),
        ({}, "abandonnee", None, None),
        ({"prevu_jours": 5}, "realisee", None, None),
    ],
    ids=["typed", "zero typed", "carnet", "carnet without days", "given up", "put off", "given up, no day planned", "done"],
)
def test_days_done_on_a_line(ligne: dict[str, Any], etat: str, carnet: Any, jours: Any) -> None:
    suivie = follow(make_line(1000, **ligne), etat, carnet)
    assert suivie.jours.realise == (None if jours is None else Decimal(jours))
    assert suivie.jours.prevu == (Decimal(5) if "prevu_jours" in ligne else None)


@given(JOURS, st.decimals(0, 2000, places=2))
def test_days_are_worth_their_rate_to_the_cent(jours: Decimal, tarif: Decimal) -> None:
    assert follow(make_line(jours=jours, tarif=tarif)).euros.realise == round_cents(jours * tarif)


def test_line_holds_the_carnet_and_the_year_before() -> None:
    suivie = follow(make_line(1000, 500), carnet=(70, "1.5"), precedent=900)
    assert (suivie.carnet, suivie.carnet_jours, suivie.precedent) == (70, Decimal("1.5"), 900)
    seule = follow(make_line(1000, 500))
    assert (seule.carnet, seule.carnet_jours, seule.precedent) == (None, None, None)


@pytest.mark.parametrize(
    ("ligne", "etat", "attendue"),
    [
        ({"prevu": 1000}, "realisee", True),
        ({"prevu": None}, "realisee", True),
        ({"prevu": 1000, "montant": 0}, "realisee", False),
        ({"prevu": 1000}, "abandonnee", False),
        ({"prevu": None, "au_plan": False}, "realisee", False),
    ],
    ids=["planned", "on quote", "zero typed", "given up", "hors plan"],
)
def test_line_is_awaited_while_nothing_says_what_was_done(ligne: dict[str, Any], etat: str, attendue: bool) -> None:
    assert follow(make_line(**ligne), etat).is_attendue is attendue


# --- Who paid what was done -------------------------------------------------------------------------

PARTS = st.lists(st.tuples(PEUT_ETRE, PEUT_ETRE), max_size=5)


def build_parts(couples: list[tuple[Decimal | None, Decimal | None]], orphelin: tuple[Any, Any] | None = None) -> list[PartBilan]:
    parts = [make_part(rang, prevu, montant) for rang, (prevu, montant) in enumerate(couples, 1)]
    return parts + ([make_part(None, *orphelin)] if orphelin else [])


def read_parts(parts: list[PartBilan], realise: Any) -> dict[int | None, Decimal | None]:
    return {p.cle: p.compte.realise for p in share_parts(parts, None if realise is None else Decimal(realise), {})}


@given(PARTS, st.none() | st.tuples(st.decimals(-9999, 9999, places=2), PEUT_ETRE), MONTANTS)
def test_parts_always_sum_to_what_was_done(couples: list[Any], orphelin: Any, realise: Decimal) -> None:
    suivies = share_parts(build_parts(couples, orphelin), realise, {})
    assert sum((p.compte.realise or ZERO for p in suivies), ZERO) == realise
    assert all(p.compte.realise is not None for p in suivies)


@given(PARTS, MONTANTS)
def test_typed_parts_stay_as_typed(couples: list[Any], realise: Decimal) -> None:
    lus = read_parts(build_parts(couples), realise)
    assert {r: lus[r] for r, (_, montant) in enumerate(couples, 1) if montant is not None} == {
        r: montant for r, (_, montant) in enumerate(couples, 1) if montant is not None
    }


@given(PARTS, MONTANTS)
def test_only_the_shares_that_exceed_make_a_negative_part_of_nobody(couples: list[Any], realise: Decimal) -> None:
    lus = read_parts(build_parts(couples), realise)
    assert all(m is not None and m >= 0 for cle, m in lus.items() if cle is not None)
    depassement = sum((m for _, m in couples if m is not None), ZERO) - realise
    if depassement > 0:
        assert lus[None] == -depassement


@given(st.lists(MONTANTS, min_size=1, max_size=5))
def test_parts_left_untyped_are_those_planned_when_all_is_done(prevus: list[Decimal]) -> None:
    assume(any(prevus))
    lus = read_parts(build_parts([(p, None) for p in prevus]), sum(prevus))
    assert list(lus.values()) == prevus


@pytest.mark.parametrize(
    ("couples", "realise", "attendu"),
    [
        ([(80, None), (20, None)], 50, {1: 40, 2: 10}),
        ([(80, 50), (20, None)], 60, {1: 50, 2: 10}),
        ([(80, 50), (20, 10)], 60, {1: 50, 2: 10}),
        ([(80, 50), (20, 10)], 100, {1: 50, 2: 10, None: 40}),
        ([(80, 50), (20, 30)], 60, {1: 50, 2: 30, None: -20}),
        ([(80, 70), (20, None)], 60, {1: 70, 2: 0, None: -10}),
        ([(80, None), (20, None)], 0, {1: 0, 2: 0}),
        ([(None, None), (0, None)], 30, {1: 0, 2: 0, None: 30}),
        ([], 30, {None: 30}),
        ([], 0, {}),
        ([(10, None), (10, None), (10, None)], "0.01", {1: "0.01", 2: 0, 3: 0}),
    ],
    ids=[
        "untyped follow the plan",
        "partly typed",
        "typed",
        "typed and short",
        "typed and too much",
        "typed too much, the others nothing",
        "nothing done",
        "no share planned",
        "nobody",
        "nobody and nothing",
        "one cent",
    ],
)
def test_who_paid_what_was_done(couples: list[Any], realise: Any, attendu: dict[int | None, Any]) -> None:
    assert read_parts(build_parts(couples), realise) == {cle: Decimal(m) for cle, m in attendu.items()}


def test_part_of_nobody_that_the_plan_holds_takes_its_share() -> None:
    assert read_parts([make_part(1, 60), make_part(None, 40)], 50) == {1: 30, None: 20}


def test_part_of_nobody_that_the_plan_makes_negative_takes_nothing_and_gets_what_exceeds() -> None:
    assert read_parts([make_part(1, 120), make_part(None, -20)], 50) == {1: 50, None: 0}
    assert read_parts([make_part(1, 120, 70), make_part(None, -20)], 50) == {1: 70, None: -20}


def test_nobody_is_told_to_have_paid_what_is_unknown() -> None:
    assert read_parts([make_part(1, 80), make_part(2, 20, 5)], None) == {1: None, 2: 5}


def test_parties_are_named_by_the_agreement_and_the_others_by_their_sigle() -> None:
    suivies = share_parts([make_part(1, 80), make_part(2, 20), make_part(None, 5)], Decimal(10), {1: (1, "Métropole")})
    assert [(p.nom, p.rang, p.rang_couleur, p.is_saisie) for p in suivies] == [
        ("Métropole", 1, 1, False),
        ("O2", 91, 5, False),
        ("Non réparti", 92, 6, False),
    ]


# --- A year in memory -------------------------------------------------------------------------------


@st.composite
def lines(draw: st.DrawFn, rang: int, etat: str, prevu: Any = PEUT_ETRE, montant: Any = PEUT_ETRE) -> LigneSuivie:
    ligne = make_line(draw(prevu), draw(montant), draw(st.none() | JOURS), draw(st.none() | MONTANTS), rang=rang)
    return _follow(FicheBilan(etat=etat), ligne, {}, {})


@st.composite
def years(draw: st.DrawFn, formule: Any = None, complet: bool = False) -> Synthese:
    """A bilan of up to four fiches in two axes, as `compute_synthese` builds it; `complet`: all done as planned."""
    axes: dict[str, AxeSuivi] = {}
    for rang in range(draw(st.integers(0, 4))):
        etat = "realisee" if complet else draw(ETATS)
        suivies = []
        for numero in range(draw(st.integers(0, 3))):
            if complet:
                prevu = draw(PEUT_ETRE)
                suivies.append(_follow(FicheBilan(etat=etat), make_line(prevu, prevu, rang=numero), {}, {}))
            else:
                suivies.append(draw(lines(numero, etat)))
        cibles = draw(st.lists(st.decimals(0, 100, places=1), max_size=2))
        mesures = [make_measure(c, c if complet else draw(st.none() | st.decimals(-10, 200, places=1))) for c in cibles]
        fiche = make_fiche(suivies, mesures, etat, f"A{rang}")
        parts = [make_part(cle, draw(PEUT_ETRE), draw(PEUT_ETRE)) for cle in draw(st.sets(st.integers(1, 3)))]
        fiche.parts = share_parts(parts, fiche.euros.realise, {})
        code = draw(st.sampled_from("AB"))
        axes.setdefault(code, AxeSuivi(code, code)).fiches.append(fiche)
    choix = draw(st.sampled_from(FormuleSolde.values)) if formule is None else formule
    return Synthese(Bilan(annee=2018, formule=choix), list(axes.values()))


@given(years())
def test_sums_by_line_fiche_axe_nature_and_year_agree(synthese: Synthese) -> None:
    for champ in ("prevu", "realise"):

        def add(comptes: Any, champ: str = champ) -> Decimal | None:
            return getattr(sum_comptes(comptes), champ) or ZERO

        total = getattr(synthese.euros, champ) or ZERO
        assert total == add(li.euros for li in synthese.lignes) == add(f.euros for f in synthese.fiches)
        assert total == add(a.euros for a in synthese.axes) == add(c for _, c in synthese.natures)
    assert synthese.retenu + synthese.hors_plan == (synthese.euros.realise or ZERO)


@given(years())
def test_parts_of_a_fiche_sum_to_it_and_those_of_the_year_to_the_year(synthese: Synthese) -> None:
    for fiche in synthese.fiches:
        if fiche.euros.realise is not None:
            assert sum((p.compte.realise or ZERO for p in fiche.parts), ZERO) == fiche.euros.realise
    par_fiche = sum_comptes(p.compte for f in synthese.fiches for p in f.parts)
    par_financeur = sum_comptes(p.compte for p in synthese.financeurs)
    assert (par_fiche.prevu, par_fiche.realise) == (par_financeur.prevu, par_financeur.realise)
    assert len({p.cle for p in synthese.financeurs}) == len(synthese.financeurs)


@given(years())
def test_rate_of_a_year_lies_between_nothing_and_all(synthese: Synthese) -> None:
    taux = synthese.taux
    assert all(0 <= t <= 1 for t in (taux.depenses, taux.objectifs, taux.valeur) if t is not None)
    assert (taux.valeur is None) is (not synthese.euros.prevu)


@given(years(), MONTANTS)
def test_what_is_due_never_exceeds_what_was_planned(synthese: Synthese, prevue: Decimal) -> None:
    assert 0 <= compute_due(prevue, synthese.taux) <= prevue
    for planned, due in compute_participations(synthese, [1, 2, 3]).values():
        assert 0 <= due <= (planned or ZERO)


@given(years(FormuleSolde.DEPENSES, complet=True), MONTANTS)
def test_realised_in_full_gives_exactly_the_contribution(synthese: Synthese, prevue: Decimal) -> None:
    assume(synthese.euros.prevu)
    assert compute_due(prevue, synthese.taux) == prevue


@given(st.sampled_from([FormuleSolde.OBJECTIFS, FormuleSolde.MIXTE]), st.data())
def test_realised_in_full_with_every_indicator_reached_gives_exactly_the_contribution(formule: FormuleSolde, data: st.DataObject) -> None:
    synthese = data.draw(years(formule, complet=True))
    assume(synthese.euros.prevu)
    assert synthese.taux.valeur == 1
    assert all(due == (prevue or ZERO) for prevue, due in compute_participations(synthese, [1, 2, 3]).values())


@given(years(FormuleSolde.MIXTE))
def test_mixed_rate_stands_halfway(synthese: Synthese) -> None:
    taux = synthese.taux
    if taux.depenses is not None and taux.objectifs is not None:
        assert taux.valeur is not None
        assert taux.valeur - taux.depenses == taux.objectifs - taux.valeur


@given(years(), st.integers(1, 3))
def test_spending_more_never_lowers_what_is_due(synthese: Synthese, payeur: int) -> None:
    assume(synthese.lignes)
    ((_, avant),) = compute_participations(synthese, [payeur]).values()
    ligne = synthese.lignes[0]
    ligne.euros.realise = (ligne.euros.realise or ZERO) + 10
    apres = Synthese(synthese.bilan, [AxeSuivi("A", "A", [make_again(f) for f in synthese.fiches])])
    ((_, due),) = compute_participations(apres, [payeur]).values()
    assert due >= avant


def make_again(fiche: FicheSuivie) -> FicheSuivie:
    """The same fiche, its sums not yet remembered."""
    return FicheSuivie(fiche.objet, fiche.lignes, fiche.parts, fiche.mesures)


def test_line_planned_at_zero_is_one_that_the_plan_gives_an_amount_to() -> None:
    fiche = make_fiche(
        [follow(make_line(0, 30)), follow(make_line(100, 50)), follow(make_line(None, 7)), follow(make_line(None, 2, au_plan=False))]
    )
    assert (fiche.retenu, fiche.hors_plan) == (80, 9)


def test_year_of_nothing_is_unknown_and_not_zero() -> None:
    synthese = Synthese(Bilan(annee=2018), [])
    assert (synthese.euros, synthese.jours) == (Compte(None, None), Compte(None, None))
    assert (synthese.taux.valeur, synthese.natures, synthese.financeurs, synthese.list_manques()) == (None, [], [], [])
    assert synthese.part_of(1) == Compte()


def test_days_sum_apart_from_euros() -> None:
    fiche = make_fiche([follow(make_line(1000, 900, jours=2, prevu_jours=3)), follow(make_line(50, 50))])
    assert (fiche.jours, fiche.euros) == (Compte(Decimal(3), Decimal(2)), Compte(Decimal(1050), Decimal(950)))


# --- Indicators -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cible", "valeur", "explication", "appreciation", "taux"),
    [
        (None, None, "", "sans", None),
        (12, None, "", "saisir", None),
        (12, None, "en retard", "saisir", None),
        (None, 5, "", "mesure", None),
        (12, 5, "", "expliquer", Fraction(5, 12)),
        (12, 5, "  ", "expliquer", Fraction(5, 12)),
        (12, 5, "grève", "manque", Fraction(5, 12)),
        (12, 0, "grève", "manque", Fraction(0)),
        (12, 12, "", "atteint", Fraction(1)),
        (12, 15, "", "depasse", Fraction(5, 4)),
        (0, 0, "", "atteint", None),
        (0, 3, "", "depasse", None),
    ],
)
def test_how_an_indicator_is_judged(cible: Any, valeur: Any, explication: str, appreciation: str, taux: Fraction | None) -> None:
    mesure = MesureSuivie(make_measure(cible, valeur, explication))
    assert (mesure.appreciation, mesure.taux) == (appreciation, taux)
    assert mesure.pourcent == show_pourcent(taux, 0)


def test_indicator_above_its_target_is_shown_above_and_counts_for_all() -> None:
    fiche = make_fiche(mesures=[make_measure(10, 25), make_measure(10, 0)])
    assert (fiche.mesures[0].pourcent, fiche.objectifs) == (250, 50)


@pytest.mark.parametrize(
    ("etat", "mesures", "objectifs"),
    [
        ("", [], None),
        ("", [(10, None)], None),
        ("", [(10, 5)], 50),
        ("partielle", [(10, None)], 0),
        ("partielle", [(None, 3)], 50),
        ("partielle", [], 50),
        ("realisee", [], 100),
        ("abandonnee", [(10, 10)], 0),
    ],
)
def test_objectives_of_a_fiche_are_unknown_until_something_says_how_far_it_went(
    etat: str, mesures: list[Any], objectifs: int | None
) -> None:
    assert make_fiche(mesures=[make_measure(*m) for m in mesures], etat=etat).objectifs == objectifs


# --- What is missing --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lignes", "mesures", "etat", "active"),
    [
        ([], [], "", False),
        ([{"prevu": 0}], [], "", False),
        ([{"prevu": 1}], [], "", True),
        ([{"prevu": None}], [], "", True),
        ([{"prevu": None, "au_plan": False}], [], "", False),
        ([{"prevu": None, "au_plan": False, "montant": 0}], [], "", False),
        ([{"prevu": None, "au_plan": False, "montant": 5}], [], "", True),
        ([], [(None, None)], "", False),
        ([], [(5, None)], "", True),
        ([], [(None, 5)], "", True),
        ([], [], "reportee", True),
    ],
)
def test_fiche_is_to_be_reported_when_something_is_planned_measured_or_done(
    lignes: list[dict[str, Any]], mesures: list[Any], etat: str, active: bool
) -> None:
    suivies = [follow(make_line(rang=rang, **ligne), etat) for rang, ligne in enumerate(lignes)]
    fiche = make_fiche(suivies, [make_measure(*m) for m in mesures], etat)
    assert fiche.is_active is active
    if not active:
        assert fiche.list_manques() == []


def list_missing(etat: str = "", montant: Any = None, valeur: Any = None, difficultes: str = "", prevu: Any = 100) -> list[str]:
    ligne = follow(make_line(prevu, montant), etat)
    return make_fiche([ligne], [make_measure(10, valeur)], etat, difficultes=difficultes).list_manques()


@pytest.mark.parametrize(
    ("cas", "manques"),
    [
        ({}, ["dites si l’action est réalisée", "réalisé de la ligne « Nature 1 »", "indicateur « Entreprises »"]),
        ({"etat": "realisee", "montant": 5, "valeur": 1}, []),
        ({"etat": "realisee", "montant": 0, "valeur": 0}, []),
        ({"etat": "realisee", "valeur": 1}, ["réalisé de la ligne « Nature 1 »"]),
        ({"etat": "realisee", "valeur": 1, "prevu": None}, []),
        ({"etat": "partielle", "montant": 5, "valeur": 1}, ["pourquoi l’action est partiellement réalisée"]),
        ({"etat": "reportee", "valeur": 0}, ["pourquoi l’action est reportée"]),
        ({"etat": "abandonnee", "difficultes": "  "}, ["pourquoi l’action est abandonnée", "indicateur « Entreprises »"]),
        ({"etat": "abandonnee", "difficultes": "Budget gelé", "valeur": 0}, []),
    ],
    ids=[
        "nothing said",
        "all said",
        "zero is said",
        "amount",
        "a line on quote is not awaited",
        "why partly",
        "why put off",
        "blank reason",
        "given up and told",
    ],
)
def test_what_is_missing_before_sending(cas: dict[str, Any], manques: list[str]) -> None:
    assert list_missing(**cas) == manques


def test_missing_lines_are_told_together() -> None:
    fiche = make_fiche([follow(make_line(100, rang=1, libelle="Salon")), follow(make_line(100, rang=2))], etat="realisee")
    for ligne in fiche.lignes:
        ligne.objet.fiche = fiche.objet
    assert fiche.list_manques() == ["réalisé des lignes « Nature 1 : Salon », « Nature 2 »"]


def test_year_tells_what_is_missing_by_fiche() -> None:
    finie, attendue, vide = make_fiche(etat="realisee"), make_fiche([follow(make_line(5, 5))], code="A2"), make_fiche(code="A3")
    synthese = Synthese(Bilan(annee=2018), [AxeSuivi("A", "A", [finie, attendue, vide])])
    assert synthese.list_manques() == [(attendue, ["dites si l’action est réalisée"])]
    assert synthese.actives == [finie, attendue]
    assert synthese.axes[0].nb_actives == 2


# --- Read from the database -------------------------------------------------------------------------


def note(bilan: Bilan, code: str, nom: str, montant: str | int, jour: date, jours: Any = None, **champs: Any) -> Realisation:
    """An entry of the carnet."""
    fiche = bilan.fiches.get(code=code).fiche
    return Realisation.objects.create(
        convention=bilan.convention,
        fiche=fiche,
        date=jour,
        qui="Camille",
        nature=nature(nom),
        montant=euros(montant),
        jours=jours,
        quoi="Enquête",
        **champs,
    )


@pytest.fixture
def bilan(convention: Convention, agglo: Organisation, cci: Organisation) -> Bilan:
    """2018 of one fiche of 1 000 € of Études that the agglo pays for 80 %."""
    plan_fiche(convention, "A1", {("Études", 2018): 1000, ("Études", 2019): 1000}, {agglo: 80, cci: 20}, {2018: 15})
    return open_year(convention)


def read_line(bilan: Bilan, nom: str = "Études") -> LigneSuivie:
    return next(li for li in count(bilan).lignes if li.objet.nature.nom == nom)


@pytest.mark.django_db
def test_carnet_of_the_year_is_what_was_done_until_somebody_types(bilan: Bilan) -> None:
    note(bilan, "A1", "Études", "100.10", date(2018, 1, 1), Decimal("0.5"))
    note(bilan, "A1", "Études", "50.05", date(2018, 12, 31), Decimal(1))
    note(bilan, "A1", "Études", 999, date(2019, 1, 1))
    note(bilan, "A1", "Études", 999, date(2018, 6, 1), retiree_le=timezone.now())
    ligne = read_line(bilan)
    assert (ligne.euros.realise, ligne.jours.realise, ligne.source) == (Decimal("150.15"), Decimal("1.5"), "carnet")
    do(bilan, "A1", "Études", 700)
    assert (read_line(bilan).euros.realise, read_line(bilan).carnet) == (700, Decimal("150.15"))


@pytest.mark.django_db
def test_carnet_of_an_expense_without_line_is_told_beside(bilan: Bilan) -> None:
    note(bilan, "A1", "Débours", 40, date(2018, 3, 1))
    note(bilan, "A1", "Études", 60, date(2018, 3, 1), libelle="Autre")
    (fiche,) = count(bilan).fiches
    assert (fiche.carnet_hors_lignes, fiche.euros.realise) == (100, None)


@pytest.mark.django_db
def test_carnet_of_another_fiche_or_agreement_is_left_out(bilan: Bilan) -> None:
    ailleurs = factories.FicheFactory()
    Realisation.objects.create(
        convention=ailleurs.convention, fiche=ailleurs, date=date(2018, 3, 1), qui="C", nature=nature("Études"), montant=euros(9), quoi="x"
    )
    assert read_line(bilan).euros.realise is None


@pytest.mark.django_db
def test_year_before_is_beside_the_same_line(bilan: Bilan) -> None:
    do(bilan, "A1", "Études", 640)
    suivant = open_year(bilan.convention, 2019)
    ligne = read_line(suivant)
    assert (ligne.precedent, ligne.euros.realise, count(suivant).fiches[0].precedent) == (640, None, 640)
    assert read_line(bilan).precedent is None


@pytest.mark.django_db
def test_years_counted_together_read_as_they_do_alone(bilan: Bilan, agglo: Organisation) -> None:
    plan_fiche(bilan.convention, "A2", {("Débours", 2019): 300}, {agglo: 50})
    do(bilan, "A1", "Études", 640)
    suivant = open_year(bilan.convention, 2019)
    note(suivant, "A2", "Débours", 30, date(2019, 5, 2))
    note(bilan, "A1", "Études", 20, date(2018, 5, 2))
    ensemble = compute_syntheses([reread(bilan), reread(suivant)])
    for lue, seule in zip(ensemble, (count(bilan), count(suivant)), strict=True):
        assert describe(lue) == describe(seule)
    assert [f.objet.code for f in ensemble[1].fiches] == ["A1", "A2"]


def describe(synthese: Synthese) -> list[Any]:
    return [
        (
            f.objet.code,
            f.carnet_hors_lignes,
            [(li.objet.pk, li.euros, li.jours, li.carnet, li.precedent) for li in f.lignes],
            [(p.cle, p.nom, p.compte) for p in f.parts],
        )
        for f in synthese.fiches
    ]


@pytest.mark.django_db
def test_parties_come_first_and_what_nobody_pays_last(convention: Convention, agglo: Organisation, cci: Organisation) -> None:
    region = factories.OrganisationFactory(sigle="Région")
    plan_fiche(convention, "A1", {("Études", 2018): 1000}, {region: 10, cci: 20})
    plan_fiche(convention, "A2", {("Études", 2018): 1000}, {agglo: 80, region: 20})
    financeurs = count(open_year(convention)).financeurs
    assert [(p.nom, p.compte.prevu) for p in financeurs] == [("Agglo", 800), ("CCI", 200), ("Région", 300), ("Non réparti", 700)]


@pytest.mark.django_db
def test_natures_stand_in_their_order_and_axes_in_the_order_of_the_fiches(convention: Convention, agglo: Organisation) -> None:
    for nom, ordre in (("Débours", 20), ("Études", 10), ("Animation", 30)):
        factories.NatureFactory(nom=nom, ordre=ordre)
    premier = factories.AxeFactory(convention=convention, code="E.A", ordre=10)
    second = factories.AxeFactory(convention=convention, code="E.B", ordre=20)
    plan_fiche(convention, "E.B 1", {("Débours", 2018): 5, ("Animation", 2018): 0}, axe=second, ordre=20)
    plan_fiche(convention, "E.A 1", {("Études", 2018): 5}, axe=premier, ordre=10)
    synthese = count(open_year(convention))
    assert [nom for nom, _ in synthese.natures] == ["Études", "Débours"]
    assert [(a.code, [f.objet.code for f in a.fiches]) for a in synthese.axes] == [("E.A", ["E.A 1"]), ("E.B", ["E.B 1"])]


@pytest.mark.django_db
def test_fiche_is_found_by_its_key(bilan: Bilan) -> None:
    synthese = count(bilan)
    assert synthese.find(synthese.fiches[0].objet.pk) is synthese.fiches[0]
    assert synthese.find(0) is None
    ((fiche, mesure),) = synthese.mesures
    assert (fiche.objet.code, mesure.objet.cible) == ("A1", 15)


@pytest.mark.django_db
def test_counting_reads_as_much_for_many_fiches_as_for_one(convention: Convention, agglo: Organisation, cci: Organisation) -> None:
    def add(rang: int) -> None:
        plan_fiche(convention, f"A{rang}", {("Études", 2018): 1000, ("Débours", 2018): None}, {agglo: 80, cci: 20}, {2018: 3})

    add(1)
    premier = open_year(convention)
    tell(premier, "A1", "abandonnee")
    with CaptureQueriesContext(
        connection,
    ) as une:
        describe_all(reread(premier))
    for rang in range(2, 6):
        add(rang)
    Bilan.objects.all().delete()
    second = open_year(convention)
    for rang in range(1, 6):
        tell(second, f"A{rang}", "abandonnee", 2)
    with CaptureQueriesContext(connection) as cinq:
        describe_all(reread(second))
    assert len(cinq) == len(une)


def describe_all(bilan: Bilan) -> None:
    """Read everything that a page shows of a bilan."""
    (synthese,) = compute_syntheses([bilan])
    describe(synthese)
    for ligne in synthese.lignes:
        assert ligne.source or ligne.is_attendue
        assert ligne.objet.intitule
    assert len(synthese.list_manques()) == len(synthese.actives)
    assert [synthese.natures, synthese.financeurs] != [[], []]
    assert (synthese.taux.valeur, synthese.hors_plan) == (0, 0)


# The same sums through the database: what the pages read is what the properties above hold of.
@pytest.mark.django_db
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.integers(0, 99_999), st.integers(0, 100), st.none() | st.integers(0, 150_000), st.none() | st.integers(0, 50_000), ETATS
        ),
        min_size=1,
        max_size=3,
    )
)
def test_stored_bilan_sums_as_the_properties_say(convention: Convention, agglo: Organisation, cci: Organisation, fiches: list[Any]) -> None:
    convention.fiches.all().delete()
    Bilan.objects.filter(convention=convention).delete()
    for rang, (centimes, taux, _, _, _) in enumerate(fiches):
        plan_fiche(convention, f"A{rang}", {("Études", 2018): str(Decimal(centimes) / 100)}, {agglo: taux, cci: (100 - taux) // 2})
    bilan = open_year(convention)
    for rang, (_, _, realise, paye, etat) in enumerate(fiches):
        do(bilan, f"A{rang}", "Études", None if realise is None else str(Decimal(realise) / 100))
        tell(bilan, f"A{rang}", etat)
        if paye is not None:
            bilan.fiches.get(code=f"A{rang}").parts.filter(financeur=agglo).update(montant=Decimal(paye) / 100)
    synthese = count(bilan)
    for fiche in synthese.fiches:
        if fiche.euros.realise is not None:
            assert sum((p.compte.realise or ZERO for p in fiche.parts), ZERO) == fiche.euros.realise
        assert sum((p.compte.prevu or ZERO for p in fiche.parts), ZERO) == (fiche.euros.prevu or ZERO)
    prevue, due = compute_participations(synthese, [agglo.pk])[agglo.pk]
    assert 0 <= due <= (prevue or ZERO)
