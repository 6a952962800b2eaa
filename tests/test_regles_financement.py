"""Rules about the money of a fiche: the smallest data that breaks each one, and the nearest that does not."""

from decimal import Decimal

import pytest

from comptes.models import Organisation
from conventions.models import Convention
from fiches.models import FicheAction
from financement.controles.couts import REGLES as COUTS
from financement.controles.couts import BasesMelees, JoursEtMontant, JoursManquants, MontantsInconnus, SommeDesLignes
from financement.controles.parts import REGLES as PARTS
from financement.controles.parts import CoutSansFinanceur, FinanceurSansPart, RepartitionComplete, TauxEtMontantDesParts
from financement.models import CoFinancement, LigneCout, NatureDepense
from socle.controles import Regle
from tests.constats import constats, dire, places, resume
from tests.factories import (
    CoFinancementFactory,
    FicheFactory,
    LigneCoutFactory,
    NatureFactory,
    OrganisationFactory,
    TotalDeclareFactory,
    euros,
)

pytestmark = pytest.mark.django_db

D = Decimal


@pytest.fixture
def fiche(convention: Convention) -> FicheAction:
    return FicheFactory(convention=convention, code="E.A 1.1")


def spend(fiche: FicheAction, montant: str | None, annee: int = 2018, **champs: object) -> LigneCout:
    """A line of cost; without amount it is « sur devis »."""
    chiffrage = "chiffre" if montant is not None else "sur_devis"
    valeurs = {"chiffrage": chiffrage, "montant": None if montant is None else euros(montant), **champs}
    return LigneCoutFactory(fiche=fiche, annee=annee, **valeurs)


def share(
    fiche: FicheAction, financeur: Organisation | None, taux: str | None = None, montant: str | None = None, **champs: object
) -> None:
    CoFinancementFactory(
        fiche=fiche,
        financeur=financeur,
        taux=None if taux is None else D(taux),
        montant=None if montant is None else euros(montant),
        **champs,
    )


# --- Printed total of a sheet ------------------------------------------------------------------------------------


def test_printed_total_one_cent_off_its_lines(convention: Convention, fiche: FicheAction) -> None:
    spend(fiche, "60")
    spend(fiche, "40")
    total = TotalDeclareFactory(fiche=fiche, montant=euros("100.01"))
    (constat,) = constats(SommeDesLignes(), convention)
    assert resume(SommeDesLignes(), convention) == [("E.A 1.1", 2018, "", D("100.01"), D("100.00"))]
    assert dire(constat) == "2018 : la feuille imprime 100,01 €, ses lignes font 100 €."
    assert places(constat) == [("100,01 €", ""), ("100 €", "somme")]
    assert constat.ecart == D("0.01")
    assert [c.cible for c in constat.corrections] == [{"pk": total.pk, "montant": "100.00"}]


def test_printed_total_that_is_the_sum_is_right(convention: Convention, fiche: FicheAction) -> None:
    spend(fiche, "60")
    spend(fiche, "40")
    spend(fiche, "7", annee=2019)
    TotalDeclareFactory(fiche=fiche, montant=euros("100"))
    assert not constats(SommeDesLignes(), convention)


def test_printed_total_beside_a_sur_devis_line_sums_the_known_ones(convention: Convention, fiche: FicheAction) -> None:
    spend(fiche, "10800")
    spend(fiche, None)
    TotalDeclareFactory(fiche=fiche, montant=euros("10800"))
    assert not constats(SommeDesLignes(), convention)


def test_printed_zero_of_a_year_without_line_is_right(convention: Convention, fiche: FicheAction) -> None:
    TotalDeclareFactory(fiche=fiche, montant=euros("0"))
    assert not constats(SommeDesLignes(), convention)


def test_printed_total_of_a_year_without_line(convention: Convention, fiche: FicheAction) -> None:
    TotalDeclareFactory(fiche=fiche, montant=euros("100"))
    assert resume(SommeDesLignes(), convention) == [("E.A 1.1", 2018, "", D("100.00"), D(0))]


# --- Days --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("jours", "tarif", "montant", "attendu"),
    [
        ("16.5", None, "9900.00", None),
        ("16.5", None, "9900.01", "9900.00"),
        ("2", "550", "1100.00", None),  # the rate of the line, not the convention's
        ("2", "550", "1200.00", "1100.00"),
        ("0.33", "600.01", "198.00", None),  # 198,0033
        ("0", None, "0.00", None),
        ("0", None, "600.00", "0.00"),
        (None, None, "601.00", None),
        ("3", None, None, None),  # days known, amount sur devis
        ("2", "0", "0.00", None),  # days offered: a rate of zero is a rate
    ],
)
def test_days_at_the_daily_rate(
    convention: Convention, fiche: FicheAction, jours: str | None, tarif: str | None, montant: str | None, attendu: str | None
) -> None:
    spend(fiche, montant, jours=jours and D(jours), tarif_journalier=tarif and euros(tarif))
    trouves = resume(JoursEtMontant(), convention)
    assert trouves == ([] if attendu is None else [("E.A 1.1", 2018, "", D(montant or 0), D(attendu))])


def test_days_and_amount_at_odds_say_the_multiplication(convention: Convention, fiche: FicheAction, etudes: NatureDepense) -> None:
    ligne = spend(fiche, "9900.01", nature=etudes, libelle="Observatoire", jours=D("16.5"))
    (constat,) = constats(JoursEtMontant(), convention)
    assert dire(constat) == "Études : Observatoire, 2018 : 16,5 j × 600 € font 9 900 €, la fiche écrit 9 900,01 €."
    assert places(constat) == [("9 900,01 €", "montant écrit"), ("9 900 €", "16,5 j × 600 €")]
    assert constat.corrections[0].cible == {"pk": ligne.pk, "montant": "9900.00"}


def test_days_without_any_daily_rate_say_nothing(convention: Convention, fiche: FicheAction) -> None:
    convention.tarif_journalier = None
    convention.save()
    spend(fiche, "1", jours=D(2))
    assert not constats(JoursEtMontant(), convention)


@pytest.mark.parametrize(("montant", "piste"), [("18000", "À 600 € par jour, ce montant fait 30 j."), ("900", "1,5 j"), ("1250", "")])
def test_nature_counted_in_days_without_days(convention: Convention, fiche: FicheAction, montant: str, piste: str) -> None:
    spend(fiche, montant, nature=NatureFactory(nom="Animation", toujours_en_jours=True))
    (constat,) = constats(JoursManquants(), convention)
    assert (constat.objet, constat.annee, constat.constate, constat.attendu, constat.signe) == ("E.A 1.1", 2018, D(montant), None, "manque")
    assert dire(constat).startswith("Animation, 2018 : ")
    assert dire(constat).endswith(" € sans nombre de jours.")
    assert piste in " ".join(constat.piste.split())
    assert bool(piste) == bool(constat.piste)


@pytest.mark.parametrize(
    ("montant", "jours", "en_jours"),
    [("1200", "2", True), ("0", None, True), (None, None, True), ("1200", None, False), ("1200", "0", True)],
)
def test_days_are_not_missing(convention: Convention, fiche: FicheAction, montant: str | None, jours: str | None, en_jours: bool) -> None:
    spend(fiche, montant, jours=jours and D(jours), nature=NatureFactory(toujours_en_jours=en_jours))
    assert not constats(JoursManquants(), convention)


# --- Unknown amounts, bases --------------------------------------------------------------------------------------


def test_sur_devis_line_is_told_with_what_the_year_counts(convention: Convention, fiche: FicheAction, etudes: NatureDepense) -> None:
    spend(fiche, "10800")
    spend(fiche, None, nature=etudes)
    spend(fiche, None, annee=2019, nature=etudes, chiffrage="inconnu", mention="suivant événement commun")
    premiere, seconde = constats(MontantsInconnus(), convention)
    assert [(c.annee, c.constate, c.attendu) for c in (premiere, seconde)] == [
        (2018, "sur devis", None),
        (2019, "suivant événement commun", None),
    ]
    assert dire(premiere) == "Études, 2018 : « sur devis ». Le total de l’année n’en compte rien."
    assert places(premiere)[1] == ("10 800 €", "sans cette dépense")
    assert places(seconde)[1] == ("/", "sans cette dépense")


def test_zero_is_an_amount(convention: Convention, fiche: FicheAction) -> None:
    spend(fiche, "0")
    assert not constats(MontantsInconnus(), convention)


def test_bases_of_all_taxes_in_one_sum(convention: Convention) -> None:
    for code, base, montant in [("E.C 1.1", "ht", "36000"), ("E.C 1.2", "ht", "58000"), ("E.C 1.3", "ttc", "164000")]:
        spend(FicheFactory(convention=convention, code=code, base_montants=base), montant)
    (constat,) = constats(BasesMelees(), convention)
    assert (constat.objet, constat.constate) == ("récapitulatif", "hors taxes et toutes taxes comprises")
    assert [lieu.nom for lieu in constat.lieux] == ["Hors taxes", "Toutes taxes comprises"]
    assert places(constat) == [("94 000 €", "E.C 1.1 et E.C 1.2"), ("164 000 €", "E.C 1.3")]


def test_many_fiches_of_one_base_are_counted(convention: Convention, fiche: FicheAction) -> None:
    fiche.base_montants = "ttc"
    fiche.save()
    for une in [fiche, *(FicheFactory(convention=convention) for _ in range(5))]:
        spend(une, "10")
    assert places(constats(BasesMelees(), convention)[0])[0] == ("50 €", "5 fiches")


@pytest.mark.parametrize(("base", "montant"), [("ht", "10"), ("ttc", "0"), ("ttc", None)])
def test_bases_are_not_mixed(convention: Convention, base: str, montant: str | None) -> None:
    spend(FicheFactory(convention=convention, base_montants="ht"), "10")
    spend(FicheFactory(convention=convention, base_montants=base), montant)
    assert not constats(BasesMelees(), convention)


# --- Shares that make the cost -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("taux", "somme", "suite"),
    [
        (["80", "19.99"], "99,99 %", "il manque 0,01 %, soit 0,10 €."),
        (["80", "21"], "101 %", "il y a 1 % de trop, soit 10 €."),
        (["50"], "50 %", "il manque 50 %, soit 500 €."),
    ],
)
def test_rates_that_do_not_make_the_whole(convention: Convention, fiche: FicheAction, taux: list[str], somme: str, suite: str) -> None:
    spend(fiche, "1000")
    for valeur in taux:
        share(fiche, OrganisationFactory(), valeur)
    (constat,) = constats(RepartitionComplete(), convention)
    assert (constat.objet, constat.annee) == ("E.A 1.1", None)
    assert [" ".join(str(v).split()) for v in (constat.constate, constat.attendu)] == [somme, "100 %"]
    assert dire(constat) == f"Les taux font {somme} : {suite}"
    assert places(constat) == [(somme, ""), ("100 %", "1 000 €")]


def test_rates_and_amounts_that_make_the_whole_are_right(convention: Convention, agglo: Organisation, cci: Organisation) -> None:
    for premiere, seconde in [
        ({"taux": "80"}, {"taux": "20"}),
        ({"taux": "66.67"}, {"taux": "33.33"}),
        ({"montant": "999.99"}, {"montant": "0.01"}),
        ({"montant": "600"}, {"taux": "40"}),
        ({"taux": "43", "montant": "600"}, {"taux": "57", "montant": "400"}),  # the amounts count
        ({"taux": "100"}, {"mention": "en nature"}),
    ]:
        fiche = FicheFactory(convention=convention)
        spend(fiche, "1000")
        share(fiche, agglo, **premiere)
        share(fiche, cci, **seconde)
    assert not constats(RepartitionComplete(), convention)


def test_part_that_nobody_is_said_to_pay_counts_in_the_whole(convention: Convention, fiche: FicheAction, agglo: Organisation) -> None:
    spend(fiche, "1000")
    share(fiche, agglo, "80")
    share(fiche, None, "20")
    assert not constats(RepartitionComplete(), convention)


def test_amounts_one_cent_short_of_the_cost(convention: Convention, fiche: FicheAction, agglo: Organisation, cci: Organisation) -> None:
    spend(fiche, "1000")
    share(fiche, agglo, montant="600")
    share(fiche, cci, montant="399.99")
    (constat,) = constats(RepartitionComplete(), convention)
    assert resume(RepartitionComplete(), convention) == [("E.A 1.1", None, "", D("999.99"), D("1000.00"))]
    assert dire(constat) == "Les parts font 999,99 €, le coût est de 1 000 €."


def test_each_scope_of_shares_makes_its_own_cost(
    convention: Convention, fiche: FicheAction, agglo: Organisation, cci: Organisation, etudes: NatureDepense
) -> None:
    spend(fiche, "1000", nature=etudes)
    spend(fiche, "300", annee=2019)
    spend(fiche, "5000", annee=2020)  # no share covers it: another rule
    share(fiche, agglo, "70", nature=etudes)
    share(fiche, cci, "30", nature=etudes)
    share(fiche, agglo, "60", annee=2019)
    (constat,) = constats(RepartitionComplete(), convention)
    assert (constat.annee, dire(constat)) == (2019, "Les taux (2019) font 60 % : il manque 40 %, soit 120 €.")
    CoFinancement.objects.filter(nature=etudes, financeur=cci).update(taux=D(29))
    assert dire(constats(RepartitionComplete(), convention)[0]) == "Les taux (Études) font 99 % : il manque 1 %, soit 10 €."


def test_three_thirds_written_with_two_decimals_make_the_whole(convention: Convention, fiche: FicheAction) -> None:
    """99,99 %: each rate hides up to half of its last decimal, as `tolerate` grants elsewhere."""
    spend(fiche, "1000")
    for _ in range(3):
        share(fiche, OrganisationFactory(), "33.33")
    assert not constats(RepartitionComplete(), convention)


def test_amount_promised_for_a_cost_sur_devis_is_not_a_sum_gone_wrong(
    convention: Convention, fiche: FicheAction, agglo: Organisation
) -> None:
    spend(fiche, None)
    share(fiche, agglo, montant="5000")
    assert not constats(RepartitionComplete(), convention)


# --- Costs that nobody pays --------------------------------------------------------------------------------------


def test_cost_beside_the_shared_nature(convention: Convention, fiche: FicheAction, agglo: Organisation, etudes: NatureDepense) -> None:
    spend(fiche, "13200", annee=2019, nature=etudes)
    spend(fiche, "2600", annee=2019)
    share(fiche, agglo, "100", nature=etudes)
    (constat,) = constats(CoutSansFinanceur(), convention)
    assert resume(CoutSansFinanceur(), convention) == [("E.A 1.1", 2019, "Non réparti", D(0), D("2600.00"))]
    assert dire(constat) == "2019 : 2 600 € ne sont à la charge de personne."
    assert places(constat) == [("2 600 €", ""), ("0 €", "partagées pour : Études")]


@pytest.mark.parametrize("mention", ["", "suivant devis"])
def test_cost_without_any_share(convention: Convention, fiche: FicheAction, agglo: Organisation, mention: str) -> None:
    spend(fiche, "0.01")
    spend(fiche, "5", annee=2020)
    if mention:
        share(fiche, agglo, mention=mention)
    trouves = constats(CoutSansFinanceur(), convention)
    assert [(c.annee, c.attendu) for c in trouves] == [(2018, D("0.01")), (2020, D("5.00"))]
    assert dire(trouves[0]) == "2018 : 0,01 € sans aucun financeur."


def test_cost_is_at_somebody_s_charge(convention: Convention, fiche: FicheAction, agglo: Organisation) -> None:
    spend(fiche, "100")
    share(fiche, agglo, "1")  # too little is another rule
    for montant in ("0", None):
        spend(FicheFactory(convention=convention), montant)
    FicheFactory(convention=convention)
    assert not constats(CoutSansFinanceur(), convention)


# --- A share with both a rate and an amount ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("taux", "juste"),
    [
        ("43", False),
        ("44", False),  # a whole rate rounds nothing
        ("43.8", True),  # 71 912 € are 43,85 % of 164 000 €, written with one decimal
        ("43.9", False),
        ("43.85", True),
        ("43.84", False),
        ("43.8488", True),
    ],
)
def test_rate_gives_its_amount_but_for_its_own_decimals(
    convention: Convention, fiche: FicheAction, agglo: Organisation, taux: str, juste: bool
) -> None:
    spend(fiche, "164000", annee=2019)
    share(fiche, agglo, taux, "71912")
    assert (not constats(TauxEtMontantDesParts(), convention)) == juste


def test_whole_rates_beside_amounts_that_sum(convention: Convention, fiche: FicheAction, agglo: Organisation, cci: Organisation) -> None:
    spend(fiche, "1000", annee=2019)
    share(fiche, agglo, "43", "438")
    share(fiche, cci, "57", "562", annee=None)
    agglomeration, chambre = constats(TauxEtMontantDesParts(), convention)
    assert resume(TauxEtMontantDesParts(), convention) == [
        ("E.A 1.1", None, "Agglo", D("438.00"), D("430.00")),
        ("E.A 1.1", None, "CCI", D("562.00"), D("570.00")),
    ]
    assert dire(agglomeration) == "Agglo : 43 % de 1 000 € font 430 €, la fiche écrit 438 €."
    assert places(agglomeration) == [("438 €", "soit 43,80 %"), ("430 €", "43 % de 1 000 €")]
    assert " ".join(chambre.piste.split()) == "Les montants font bien 1 000 € : ce sont les pourcentages qui sont arrondis."
    CoFinancement.objects.filter(financeur=cci).update(montant=D("563"))
    assert [c.piste for c in constats(TauxEtMontantDesParts(), convention)] == ["", ""]


def test_rate_applies_to_its_own_scope(convention: Convention, fiche: FicheAction, agglo: Organisation) -> None:
    spend(fiche, "100")
    spend(fiche, "200", annee=2019)
    share(fiche, agglo, "50", "100", annee=2019)
    share(fiche, OrganisationFactory(), "50", "50", annee=2018)
    assert not constats(TauxEtMontantDesParts(), convention)


def test_rate_or_amount_alone_or_without_cost_says_nothing(convention: Convention, fiche: FicheAction, agglo: Organisation) -> None:
    share(FicheFactory(convention=convention), agglo, "50", "100")
    spend(fiche, "1000")
    share(fiche, agglo, "43")
    share(fiche, OrganisationFactory(), montant="1")
    assert not constats(TauxEtMontantDesParts(), convention)


def test_odd_cent_of_two_halves_goes_to_either(convention: Convention, fiche: FicheAction, agglo: Organisation, cci: Organisation) -> None:
    """50 % of 100,01 € is 50,005 €: one half is written 50,01 €, the other 50,00 €, or they would not sum."""
    spend(fiche, "100.01")
    share(fiche, agglo, "50", "50.01")
    share(fiche, cci, "50", "50.00")
    assert not constats(TauxEtMontantDesParts(), convention)


def test_rate_of_a_cost_partly_sur_devis_is_not_computed(convention: Convention, fiche: FicheAction, agglo: Organisation) -> None:
    """20 % – 3 000 € of 10 800 € and an estimate: the base of the rate is not known."""
    spend(fiche, "10800")
    spend(fiche, None)
    share(fiche, agglo, "20", "3000")
    assert not constats(TauxEtMontantDesParts(), convention)


# --- A financeur named for nothing -------------------------------------------------------------------------------


def test_financeur_named_without_share(convention: Convention, fiche: FicheAction, agglo: Organisation) -> None:
    spend(fiche, "122300")
    share(fiche, None, mention="TPE concernées")
    share(fiche, agglo, "100")
    share(fiche, OrganisationFactory(sigle="FSE"), mention="à solliciter", annee=2019)
    assert resume(FinanceurSansPart(), convention) == [
        ("E.A 1.1", None, "", "TPE concernées", None),
        ("E.A 1.1", 2019, "FSE", "à solliciter", None),
    ]
    (premier, _) = constats(FinanceurSansPart(), convention)
    assert dire(premier) == "« TPE concernées » : ce financeur n’a ni taux ni montant, pour un coût de 122 300 €."


def test_financeur_named_where_nothing_costs_is_right(convention: Convention, fiche: FicheAction, agglo: Organisation) -> None:
    spend(fiche, "0")
    share(fiche, agglo, mention="pas de financement supplémentaire")
    assert not constats(FinanceurSansPart(), convention)


@pytest.mark.parametrize("mention", ["pas de financement supplémentaire", "sans participation financière", "aucun financement"])
def test_financeur_said_not_to_pay_is_right(
    convention: Convention, fiche: FicheAction, agglo: Organisation, cci: Organisation, mention: str
) -> None:
    """As E.P 2.2 of Dijon says of both parties: words that say zero are a share."""
    spend(fiche, "1000")
    share(fiche, cci, "100")
    share(fiche, agglo, mention=mention)
    assert not constats(FinanceurSansPart(), convention)


@pytest.mark.parametrize(
    "regle",
    [*COUTS, *PARTS],
)
def test_convention_without_fiche_contradicts_nothing(convention: Convention, regle: Regle) -> None:
    assert not constats(regle, convention)
