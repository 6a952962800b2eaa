"""Rules about when costs fall: the smallest data that breaks each one, and the nearest that does not."""

from datetime import date
from decimal import Decimal

import pytest

from conventions.gel import lift
from conventions.models import Convention
from fiches.models import FicheAction
from financement.controles.calendriers import (
    ActionSansIndicateur,
    AnneeEntamee,
    CalendrierEtCouts,
    CoutLineaire,
    CoutsHorsPeriode,
    DemarrageEtCout,
)
from socle.controles import Regle
from socle.montants import round_cents
from tests.constats import constats, dire, places, resume
from tests.factories import FicheFactory, IndicateurFactory, LigneCoutFactory, euros

pytestmark = pytest.mark.django_db

D = Decimal
Annees = dict[int, str | None]


@pytest.fixture
def fiche(convention: Convention) -> FicheAction:
    return FicheFactory(convention=convention, code="E.P 2.6")


def plan(fiche: FicheAction, annees: Annees, **champs: object) -> None:
    """Write the fields of a fiche, and what each year costs; None is « sur devis »."""
    for champ, valeur in champs.items():
        setattr(fiche, champ, valeur)
    with lift():
        fiche.save()
    for annee, montant in annees.items():
        chiffrage = "chiffre" if montant is not None else "sur_devis"
        LigneCoutFactory(fiche=fiche, annee=annee, chiffrage=chiffrage, montant=None if montant is None else euros(montant))


def change(convention: Convention, **champs: object) -> None:
    Convention.objects.filter(pk=convention.pk).update(**champs)


# --- Calendar and costs ------------------------------------------------------------------------------------------

TROIS_ANS: Annees = {2018: "2700", 2019: "33600", 2020: "30900"}


@pytest.mark.parametrize(
    ("calendrier", "couts", "attendus"),
    [
        ("2019 – 2020.", TROIS_ANS, [(2018, D("2700.00"), "2019 – 2020")]),
        ("2018, 2020.", TROIS_ANS, [(2019, D("33600.00"), "2018, 2020")]),
        ("2018 – 2019 – 2020.", {2019: "15800"}, [(2018, D(0), "2018 – 2019 – 2020"), (2020, D(0), "2018 – 2019 – 2020")]),
        ("À partir de 2019.", TROIS_ANS, [(2018, D("2700.00"), "2019")]),
        ("Jusqu’en 2019.", TROIS_ANS, [(2020, D("30900.00"), "2019")]),
        ("Premier semestre 2018.", {2018: "1", 2019: "2"}, [(2019, D("2.00"), "Premier semestre 2018")]),
        ("Chaque année.", {2018: "1", 2019: "1"}, [(2020, D(0), "chaque année")]),
        ("2019 – 2020.", {2018: None, 2019: "1", 2020: "1"}, [(2018, "sur devis", "2019 – 2020")]),
    ],
)
def test_costs_and_calendar_name_other_years(
    convention: Convention, fiche: FicheAction, calendrier: str, couts: Annees, attendus: list[tuple[int, object, str]]
) -> None:
    plan(fiche, couts, calendrier=calendrier)
    assert resume(CalendrierEtCouts(), convention) == [("E.P 2.6", annee, "", constate, dit) for annee, constate, dit in attendus]


@pytest.mark.parametrize(
    ("calendrier", "couts"),
    [
        ("2018, 2019, 2020.", TROIS_ANS),
        ("2018 – 2020", TROIS_ANS),
        ("Jusqu’en 2020, en supposant un coût linéaire.", TROIS_ANS),
        ("À compter de 2019.", {2019: "1", 2020: "1"}),
        ("Tout au long des trois années.", TROIS_ANS),
        ("Déjà réalisé en mars 2018 sur le SIMI.\n\n2019 – 2020.", TROIS_ANS),
        ("Mise en place au premier semestre 2018.\nPoursuite de l’action en 2019 et 2020.", TROIS_ANS),
        ("2019 – 2020.", {2018: "0", 2019: "1", 2020: "1"}),  # zero is no cost
        ("2018 – 2020.", {2018: "1", 2019: "0", 2020: "1"}),  # a zero written is said, not forgotten
        ("2018 – 2020.", {2018: "1", 2019: None, 2020: "1"}),  # to be paid, the amount is not known
        ("Environ 24 mois.", {2018: "1"}),
        ("Trois ans à compter de la signature.", {2018: "1"}),
        ("", {2018: "1"}),
        ("2018-19", {2020: "1"}),  # not understood
        ("Chaque année sauf en 2019.", {2018: "1"}),
        ("2018, 2019, 2020.", {}),  # « pas de financement supplémentaire »
        ("2018, 2019, 2020.", {2018: "0"}),
    ],
)
def test_costs_follow_the_calendar(convention: Convention, fiche: FicheAction, calendrier: str, couts: Annees) -> None:
    plan(fiche, couts, calendrier=calendrier)
    assert not constats(CalendrierEtCouts(), convention)


@pytest.mark.parametrize(
    "calendrier",
    [
        "Démarrage en septembre 2018.",
        "Lancement au second semestre 2018.",
        "Démarrage au 1er janvier 2018.",
    ],
)
def test_start_alone_does_not_end_the_action(convention: Convention, fiche: FicheAction, calendrier: str) -> None:
    plan(fiche, TROIS_ANS, calendrier=calendrier)
    assert not constats(CalendrierEtCouts(), convention)


def test_start_alone_excludes_the_years_before(convention: Convention, fiche: FicheAction) -> None:
    plan(fiche, TROIS_ANS, calendrier="Démarrage en septembre 2019.")
    assert [c.annee for c in constats(CalendrierEtCouts(), convention)] == [2018]


@pytest.mark.parametrize(
    "calendrier",
    [
        "Exploitation des données tout au long des 3 années.\nPremière publication en mars 2019.",
        "Chaque année ; premier atelier en octobre 2018.",
    ],
)
def test_what_happens_every_year_is_not_narrowed_by_one_date(convention: Convention, fiche: FicheAction, calendrier: str) -> None:
    plan(fiche, TROIS_ANS, calendrier=calendrier)
    assert not constats(CalendrierEtCouts(), convention)


@pytest.mark.parametrize("calendrier", ["2018 à 2020.", "Septembre 2018 à juin 2020.", "Exercices 2018 à 2020.", "Mi-2018 à fin 2020."])
def test_range_written_without_de_covers_the_years_between(convention: Convention, fiche: FicheAction, calendrier: str) -> None:
    plan(fiche, TROIS_ANS, calendrier=calendrier)
    assert not constats(CalendrierEtCouts(), convention)


@pytest.mark.parametrize("calendrier", ["D’ici fin 2020.", "D’ici à 2020.", "À l’horizon 2020.", "Avant l’été 2020."])
def test_deadline_covers_the_years_before_it(convention: Convention, fiche: FicheAction, calendrier: str) -> None:
    plan(fiche, TROIS_ANS, calendrier=calendrier)
    assert not constats(CalendrierEtCouts(), convention)


def test_calendar_and_costs_say_both_sides(convention: Convention, fiche: FicheAction) -> None:
    plan(fiche, {2018: "2700", 2019: "1"}, calendrier="2019 – 2020.")
    trop, manque = constats(CalendrierEtCouts(), convention)
    assert dire(trop) == "2018 : 2 700 € de coût, mais le calendrier dit « 2019 – 2020 »."
    assert dire(manque) == "Le calendrier prévoit 2020 (« 2019 – 2020 »), la fiche n’a aucun coût cette année-là."
    assert (places(trop), places(manque)) == ([("2 700 €", ""), ("2019 – 2020", "")], [("/", "aucun coût"), ("2019 – 2020", "")])


def test_years_noted_and_dates_stand_for_a_calendar(convention: Convention, fiche: FicheAction) -> None:
    plan(fiche, TROIS_ANS, annees_calendrier=[2019, 2020])
    assert [c.annee for c in constats(CalendrierEtCouts(), convention)] == [2018]
    plan(fiche, {}, date_debut=date(2018, 3, 1), date_fin=date(2019, 3, 1))
    assert [c.annee for c in constats(CalendrierEtCouts(), convention)] == [2020]


# --- Costs and the period of the convention ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("convention_dit", "annees", "hors", "periode"),
    [
        ({}, TROIS_ANS, [], ""),
        ({}, {2017: "1", 2018: "1", 2021: "2"}, [(2017, D("1.00")), (2021, D("2.00"))], "2018 – 2020"),
        ({}, {2021: "0"}, [], ""),
        ({"date_debut": date(2018, 11, 1), "date_fin": date(2021, 10, 31)}, {2021: "1"}, [], ""),  # dates win over years
        ({"date_debut": date(2019, 1, 1)}, {2018: "1"}, [(2018, D("1.00"))], "2019 – 2020"),
        ({"annee_fin": None}, {2030: "1"}, [], ""),
        ({"annee_fin": None}, {2017: "1"}, [(2017, D("1.00"))], "à partir de 2018"),
        ({"annee_debut": None, "annee_fin": None}, {1999: "1"}, [], ""),
        ({"annee_debut": None, "annee_fin": None, "date_signature": date(2015, 6, 22), "duree_declaree_mois": 36},
         {2018: "1", 2019: "1"}, [(2019, D("1.00"))], "2015 – 2018"),
    ],
)  # fmt: skip
def test_costs_outside_the_period(
    convention: Convention, fiche: FicheAction, convention_dit: dict[str, object], annees: Annees, hors: list[tuple[int, D]], periode: str
) -> None:
    change(convention, **convention_dit)
    plan(fiche, annees)
    assert resume(CoutsHorsPeriode(), convention) == [("E.P 2.6", annee, "", cout, periode) for annee, cout in hors]


def test_cost_outside_the_period_says_the_period(convention: Convention, fiche: FicheAction) -> None:
    plan(fiche, {2021: "2600"})
    assert dire(constats(CoutsHorsPeriode(), convention)[0]) == "2 600 € en 2021, la convention couvre 2018 – 2020."


def test_cost_sur_devis_outside_the_period_is_not_told_as_zero(convention: Convention, fiche: FicheAction) -> None:
    plan(fiche, {2021: None})
    (constat,) = constats(CoutsHorsPeriode(), convention)
    assert "sur devis" in dire(constat)
    assert "0 €" not in dire(constat)


# --- A year already begun ----------------------------------------------------------------------------------------

PLEINES: Annees = {2018: "1000", 2019: "1000", 2020: "1000"}


@pytest.mark.parametrize(
    ("convention_dit", "nom", "jour"),
    [
        ({"date_point_etape": date(2018, 11, 2)}, "le point d’étape", date(2018, 11, 2)),
        ({"date_signature": date(2018, 7, 1), "date_point_etape": date(2018, 6, 1)}, "la signature", date(2018, 7, 1)),
        ({"date_debut": date(2018, 9, 1), "date_signature": date(2018, 1, 1)}, "la prise d’effet", date(2018, 9, 1)),
    ],
)
def test_whole_year_of_costs_once_half_of_it_has_passed(
    convention: Convention, fiche: FicheAction, convention_dit: dict[str, object], nom: str, jour: date
) -> None:
    change(convention, **convention_dit)
    plan(fiche, PLEINES)
    plan(FicheFactory(convention=convention), PLEINES)
    mois = 13 - jour.month
    attendu = round_cents(D(2000 * mois) / 12)
    assert resume(AnneeEntamee(), convention) == [("convention", 2018, "", D("2000.00"), attendu)]
    message = dire(constats(AnneeEntamee(), convention)[0])
    assert message.startswith(
        f"2 000 € sont prévus en 2018, alors que {nom} est du {jour:%d/%m/%Y} : {mois} mois sur douze de 2019 feraient"
    )


@pytest.mark.parametrize(
    ("convention_dit", "annees"),
    [
        ({}, PLEINES),
        ({"date_point_etape": date(2018, 6, 30)}, PLEINES),
        ({"date_point_etape": date(2018, 11, 2)}, {2018: "0", 2019: "1000"}),
        ({"date_debut": date(2019, 1, 1), "date_point_etape": date(2018, 11, 2)}, PLEINES),
        ({"date_point_etape": date(2018, 11, 2), "etat": "signee"}, PLEINES),  # the draft's date no longer counts
        ({"date_point_etape": date(2018, 11, 2)}, {2018: None, 2019: "1000"}),
    ],
)
def test_year_is_not_begun(convention: Convention, fiche: FicheAction, convention_dit: dict[str, object], annees: Annees) -> None:
    change(convention, **convention_dit)
    plan(fiche, annees)
    assert not constats(AnneeEntamee(), convention)


@pytest.mark.parametrize(
    ("convention_dit", "annees"),
    [
        ({"date_debut": date(2018, 11, 1)}, {2018: "10000", 2019: "60000", 2020: "60000"}),  # two months of twelve
        ({"date_debut": date(2018, 9, 1), "date_fin": date(2018, 12, 31), "annee_fin": 2018}, {2018: "10000"}),  # all of it is after
    ],
)
def test_year_reduced_to_what_is_left_of_it_is_right(
    convention: Convention, fiche: FicheAction, convention_dit: dict[str, object], annees: Annees
) -> None:
    change(convention, **convention_dit)
    plan(fiche, annees)
    assert not constats(AnneeEntamee(), convention)


# --- Start of the action -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("calendrier", "mois", "attendu"),
    [
        ("Démarrage au second semestre 2018 (à confirmer).\n\nPremier cycle : 2018 – 2020.", 6, "18000.00"),
        ("Démarrage fin 2018 ou début 2019.\n\nPremier cycle : 2018 – 2020.", 3, "9000.00"),
        ("Mise en place en décembre 2018, poursuite en 2019.", 1, "3000.00"),
        ("Lancement le 1er juillet 2018.", 6, "18000.00"),
    ],
)
def test_full_year_of_cost_for_an_action_that_starts_late(
    convention: Convention, fiche: FicheAction, calendrier: str, mois: int, attendu: str
) -> None:
    plan(fiche, {2018: "36000", 2019: "36000"}, calendrier=calendrier)
    (constat,) = constats(DemarrageEtCout(), convention)
    assert resume(DemarrageEtCout(), convention) == [("E.P 2.6", 2018, "", D("36000.00"), D(attendu))]
    assert f"36 000 € en 2018, autant qu’une année pleine. {mois} mois sur douze" in dire(constat)


def test_start_of_the_action_is_read_from_its_date_first(convention: Convention, fiche: FicheAction) -> None:
    plan(fiche, {2018: "36000", 2019: "36000"}, calendrier="Démarrage en janvier 2018.", date_debut=date(2018, 10, 1))
    (constat,) = constats(DemarrageEtCout(), convention)
    assert dire(constat) == (
        "« début le 01/10/2018 » : 36 000 € en 2018, autant qu’une année pleine. 3 mois sur douze en feraient 9 000 €."
    )


@pytest.mark.parametrize(
    ("calendrier", "annees"),
    [
        ("Démarrage au second semestre 2018.", {2018: "35999.99", 2019: "36000"}),  # less than a full year
        ("Démarrage au premier semestre 2018.", {2018: "36000", 2019: "36000"}),
        ("Démarrage au 1er janvier 2019.", {2019: "36000", 2020: "36000"}),
        ("Démarrage au second semestre 2018.", {2018: "36000"}),
        ("Démarrage au second semestre 2018.", {2019: "36000", 2020: "36000"}),
        ("Démarrage au second semestre 2018.", {2018: "36000", 2019: None}),
        ("Bilan au second semestre 2018.", {2018: "36000", 2019: "36000"}),
        ("Démarrage dès la signature.", {2018: "36000", 2019: "36000"}),
        ("", {2018: "36000", 2019: "36000"}),
    ],
)
def test_first_year_says_nothing_wrong(convention: Convention, fiche: FicheAction, calendrier: str, annees: Annees) -> None:
    plan(fiche, annees, calendrier=calendrier)
    assert not constats(DemarrageEtCout(), convention)


def test_action_already_running_does_not_start_with_a_new_step(convention: Convention, fiche: FicheAction) -> None:
    plan(fiche, PLEINES, calendrier="2018 – 2020.\n\nLancement du second cycle en septembre 2019.")
    assert not constats(DemarrageEtCout(), convention)


# --- A cost said to be linear ------------------------------------------------------------------------------------


@pytest.mark.parametrize("champ", ["calendrier", "cout_texte"])
def test_linear_cost_changes(convention: Convention, fiche: FicheAction, champ: str) -> None:
    plan(fiche, {2018: "6000", 2019: "14400", 2020: "14400"}, **{champ: "Jusqu’en 2020, hypothèse de coût linéaire par année."})
    (constat,) = constats(CoutLineaire(), convention)
    assert (constat.objet, constat.annee, constat.attendu) == ("E.P 2.6", None, "coût linéaire")
    assert dire(constat) == "La fiche suppose un coût linéaire, et prévoit 6 000 € en 2018, 14 400 € en 2019 et 14 400 € en 2020."


@pytest.mark.parametrize(
    ("annees", "texte"),
    [
        ({2018: "6000", 2019: "6000"}, "Coût linéaire."),
        ({2018: "6000", 2019: "0"}, "Coût linéaire."),  # zero is no year of cost
        ({2018: "6000"}, "Coût linéaire."),
        ({2018: "6000", 2019: "14400"}, "Coût croissant."),
        ({2018: "6000", 2019: None}, "Coût linéaire."),  # not known is not another amount
        ({2018: "6000", 2019: "14400"}, "150 € le mètre linéaire de vitrine."),
    ],
)
def test_cost_is_linear(convention: Convention, fiche: FicheAction, annees: Annees, texte: str) -> None:
    plan(fiche, annees, cout_texte=texte)
    assert not constats(CoutLineaire(), convention)


# --- Nothing to measure ------------------------------------------------------------------------------------------


def test_action_with_a_cost_and_nothing_to_measure(convention: Convention, fiche: FicheAction) -> None:
    plan(fiche, {2018: "34800"})
    (constat,) = constats(ActionSansIndicateur(), convention)
    assert (constat.objet, constat.signe) == ("E.P 2.6", "manque")
    assert dire(constat) == "34 800 € de coût, et aucun indicateur pour mesurer le résultat."


def test_action_is_measured_or_costs_nothing(convention: Convention, fiche: FicheAction) -> None:
    plan(fiche, {2018: "34800"})
    IndicateurFactory(fiche=fiche)
    vides: list[Annees] = [{}, {2018: "0"}, {2018: None}]
    for annees in vides:
        plan(FicheFactory(convention=convention), annees)
    assert not constats(ActionSansIndicateur(), convention)


@pytest.mark.parametrize(
    "regle", [CalendrierEtCouts(), CoutsHorsPeriode(), AnneeEntamee(), DemarrageEtCout(), CoutLineaire(), ActionSansIndicateur()]
)
def test_fiche_without_cost_contradicts_no_date(convention: Convention, regle: Regle) -> None:
    change(convention, date_point_etape=date(2018, 11, 2))
    plan(FicheFactory(convention=convention), {}, calendrier="Démarrage en septembre 2018, coût linéaire.")
    assert not constats(regle, convention)
