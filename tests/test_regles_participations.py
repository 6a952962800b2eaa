"""Rules about the participations of the text and the payments: what breaks each one, and the nearest that does not."""

from decimal import Decimal

import pytest

from comptes.models import Organisation
from conventions.models import Article, Convention, MontantDeclare
from fiches.models import FicheAction
from financement.controles.participations import (
    REGLES as PARTICIPATIONS,
)
from financement.controles.participations import (
    ParticipationEtFiches,
    ParticipationEtRecapitulatif,
    PlafondEtFiches,
    PlafondEtRecapitulatif,
    VersementEtTexte,
    VersementsEtParticipation,
)
from tests.constats import constats, costing, dire, imprime, places, resume
from tests.factories import (
    ArticleFactory,
    MontantDeclareFactory,
    OrganisationFactory,
    VersementFactory,
    euros,
)

pytestmark = pytest.mark.django_db

D = Decimal


@pytest.fixture
def fiche(convention: Convention, agglo: Organisation, cci: Organisation) -> FicheAction:
    """1 000 € in 2018, 80 % by the Agglo and 20 % by the CCI."""
    return costing(convention, "E.A 1.1", {2018: "1000"}, {agglo: "80", cci: "20"})


# --- Participations ----------------------------------------------------------------------------------------------


@pytest.fixture
def article(convention: Convention) -> Article:
    return ArticleFactory(convention=convention, numero=4, titre="Montant et modalités")


def say(
    convention: Convention, financeur: Organisation | None, montant: str, article: Article | None = None, **champs: object
) -> MontantDeclare:
    """An amount stated by the text, a participation unless said otherwise."""
    lieu = {"lieu": "article", "article": article} if article else {"lieu": "preambule"}
    return MontantDeclareFactory(
        convention=convention, financeur=financeur, montant=euros(montant), **{"objet": "participation", **lieu, **champs}
    )


@pytest.mark.parametrize(
    ("plafond", "montant", "trouve"),
    [
        (False, "800", False),
        (False, "800.01", True),
        (False, "799.99", True),
        (True, "800", False),
        (True, "2000", False),  # a ceiling not reached
        (True, "799.99", True),
    ],
)
def test_participation_of_the_text_against_annex_and_fiches(
    convention: Convention, fiche: FicheAction, agglo: Organisation, article: Article, plafond: bool, montant: str, trouve: bool
) -> None:
    imprime(convention, {agglo: "800", None: "1000"}, sujet=fiche)
    say(convention, agglo, montant, article, plafond=plafond)
    regles = (PlafondEtRecapitulatif(), PlafondEtFiches()) if plafond else (ParticipationEtRecapitulatif(), ParticipationEtFiches())
    for regle in PARTICIPATIONS:
        attendu = [("article 4", None, "Agglo", D(montant), D("800.00"))] if trouve and type(regle) in map(type, regles) else []
        assert resume(regle, convention) == attendu, regle.identifiant


@pytest.mark.parametrize(
    ("regle", "plafond", "phrase"),
    [
        (ParticipationEtRecapitulatif(), False, "Agglo : le texte dit 700 €, le récapitulatif imprime 800 €."),
        (ParticipationEtFiches(), False, "Agglo : le texte dit 700 €, les fiches donnent 800 €."),
        (PlafondEtRecapitulatif(), True, "Agglo : le texte dit 700 € au maximum, le récapitulatif imprime 800 €."),
        (PlafondEtFiches(), True, "Agglo : le texte dit 700 € au maximum, les fiches donnent 800 €."),
    ],
)
def test_participation_says_text_and_total(
    convention: Convention, fiche: FicheAction, agglo: Organisation, regle: ParticipationEtFiches, plafond: bool, phrase: str
) -> None:
    imprime(convention, {agglo: "800"}, sujet=fiche)
    say(convention, agglo, "700", plafond=plafond)
    (constat,) = constats(regle, convention)
    assert (constat.objet, dire(constat)) == ("préambule", phrase)
    assert constat.corrections[0].cible["montant"] == "800.00"


def test_total_of_a_financeur_in_the_annex(convention: Convention, fiche: FicheAction, agglo: Organisation, cci: Organisation) -> None:
    """The total row first, its period, else its years, else the sum of the rows; nothing without a column."""
    say(convention, agglo, "1")
    say(convention, cci, "1")
    attendus = []
    for montant, annee, sujet in [("800", 2018, fiche), ("30", 2019, fiche), ("700", 2018, None), ("60", 2019, None), ("790", None, None)]:
        imprime(convention, {agglo: montant}, annee=annee, sujet=sujet)
        attendus += [c.attendu for c in constats(ParticipationEtRecapitulatif(), convention)]
    assert attendus == [D(800), D(830), D(700), D(760), D(790)]


def test_total_of_a_financeur_in_an_annex_of_the_whole_period(convention: Convention, fiche: FicheAction, agglo: Organisation) -> None:
    imprime(convention, {agglo: "800"}, annee=None, sujet=fiche)
    say(convention, agglo, "800")
    assert not constats(ParticipationEtRecapitulatif(), convention)
    say(convention, agglo, "800.01")
    assert [c.attendu for c in constats(ParticipationEtRecapitulatif(), convention)] == [D(800)]


def test_participation_of_nobody_or_without_fiche_costed_says_nothing(convention: Convention, agglo: Organisation) -> None:
    costing(convention, "E.A 1", {}, {agglo: "100"})
    say(convention, None, "1")
    say(convention, agglo, "1")
    say(convention, agglo, "1", objet="autre")
    for regle in PARTICIPATIONS:
        assert not constats(regle, convention)


def test_text_that_cites_the_total_of_the_wrong_column(convention: Convention, agglo: Organisation, cci: Organisation) -> None:
    premiere, seconde = (costing(convention, code, {2018: "1000"}, {agglo: "70", cci: "30"}) for code in ("E.A 1", "E.C 1.3"))
    for fiche in (premiere, seconde):
        imprime(convention, {agglo: "700", cci: "300"}, sujet=fiche)
    for montant in ("600", "300", "599"):
        say(convention, agglo, montant)
    pistes = [" ".join(c.piste.split()) for c in constats(ParticipationEtRecapitulatif(), convention)]
    assert pistes == [
        "600 € est exactement le total de la colonne CCI : le texte cite sans doute la mauvaise colonne.",
        "300 € est le total de la colonne CCI sans la fiche E.A 1 (300 €).",
        "",
    ]


# --- Payments ----------------------------------------------------------------------------------------------------


def pay(convention: Convention, payeur: Organisation, montant: str | None, nature: str = "acompte", **champs: object) -> None:
    VersementFactory(convention=convention, payeur=payeur, nature=nature, montant=None if montant is None else euros(montant), **champs)


@pytest.mark.parametrize(
    ("versements", "trouve"),
    [
        (["200", "600"], None),
        (["200", "599.99"], "799.99"),
        (["200", "600.01"], "800.01"),
        (["200", None], None),  # the solde is not known yet
        (["800.01", None], "800.01"),  # too much already
        ([None, None], None),
    ],
)
def test_payments_make_the_participation(
    convention: Convention, agglo: Organisation, article: Article, versements: list[str | None], trouve: str | None
) -> None:
    say(convention, agglo, "800", article)
    for rang, montant in enumerate(versements):
        pay(convention, agglo, montant, "acompte" if rang == 0 else "solde", ordre=rang)
    attendu = [] if trouve is None else [("versements", None, "Agglo", D(trouve), D("800.00"))]
    assert resume(VersementsEtParticipation(), convention) == attendu
    if trouve:
        assert "la participation est de 800 €" in dire(constats(VersementsEtParticipation(), convention)[0])


def test_payments_without_a_stated_participation_follow_the_fiches(
    convention: Convention, fiche: FicheAction, agglo: Organisation, cci: Organisation
) -> None:
    pay(convention, agglo, "800", "solde")
    pay(convention, cci, "199", "solde")
    pay(convention, OrganisationFactory(), "5", "solde")  # it owes nothing known
    assert resume(VersementsEtParticipation(), convention) == [("versements", None, "CCI", D("199.00"), D("200.00"))]


def test_payments_below_a_ceiling_are_right(convention: Convention, fiche: FicheAction, agglo: Organisation, article: Article) -> None:
    """« 900 € au maximum »: the payments follow what is due, 800 €, and only more than 900 € contradicts the text."""
    say(convention, agglo, "900", article, plafond=True)
    pay(convention, agglo, "200")
    pay(convention, agglo, "600", "solde")
    assert not constats(VersementsEtParticipation(), convention)


def test_payments_above_a_ceiling(convention: Convention, fiche: FicheAction, agglo: Organisation, article: Article) -> None:
    say(convention, agglo, "900", article, plafond=True)
    pay(convention, agglo, "900.01", "solde")
    assert resume(VersementsEtParticipation(), convention) == [("versements", None, "Agglo", D("900.01"), D("900.00"))]


@pytest.mark.parametrize(("montant", "trouve"), [("200", False), ("199.99", True)])
@pytest.mark.parametrize("nomme", [True, False])
def test_acompte_of_the_schedule_is_that_of_the_text(
    convention: Convention, agglo: Organisation, article: Article, montant: str, nomme: bool, trouve: bool
) -> None:
    say(convention, agglo if nomme else None, "200", article, objet="acompte")
    pay(convention, agglo, montant, taux=D(50))  # the text wins over the share
    pay(convention, agglo, "77", "solde")
    assert resume(VersementEtTexte(), convention) == ([("versements", None, "Agglo", D(montant), D("200.00"))] if trouve else [])


@pytest.mark.parametrize(("montant", "trouve"), [("200", False), ("201", True), (None, False)])
def test_acompte_is_its_share_of_the_participation(convention: Convention, agglo: Organisation, montant: str | None, trouve: bool) -> None:
    say(convention, agglo, "1000")
    pay(convention, agglo, montant, taux=D(20))
    assert resume(VersementEtTexte(), convention) == ([("versements", None, "Agglo", D(201), D("200.00"))] if trouve else [])
    if trouve:
        assert places(constats(VersementEtTexte(), convention)[0])[1] == ("200 €", "20 % de 1 000 €")


def test_later_acomptes_are_not_held_against_the_first(convention: Convention, agglo: Organisation, article: Article) -> None:
    """One acompte a year; the article only says how much the first is."""
    say(convention, agglo, "200", article, objet="acompte")
    for rang, montant in enumerate(["200", "350", "350"]):
        pay(convention, agglo, montant, ordre=rang)
    assert not constats(VersementEtTexte(), convention)
