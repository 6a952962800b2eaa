"""Where payments stand: what is due and whose words say so, what is planned, asked for, paid, left, by payer and by year."""

from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import example, given
from hypothesis import strategies as st

from comptes.models import Organisation, Utilisateur
from conventions.gel import lift
from conventions.models import Convention
from documents.avenants import create_avenant
from financement.models import ConstatCondition, Versement
from financement.situation import Du, LigneVersement, SituationPayeur, _share_cents, compute_situation, explain_fermeture
from tests import factories
from tests.constats import costing
from tests.factories import euros
from tests.paiements import JOUR, Plan, make_paiement, sign

pytestmark = pytest.mark.django_db


def declare(convention: Convention, payeur: Organisation | None, montant: str | int | None, **valeurs: Any) -> None:
    """An amount that the text states as the whole participation of a payer."""
    valeurs = {"objet": "participation", "libelle": "Subvention globale"} | valeurs
    factories.MontantDeclareFactory(convention=convention, financeur=payeur, montant=None if montant is None else euros(montant), **valeurs)


def plan_payment(convention: Convention, payeur: Organisation, beneficiaire: Organisation, **valeurs: Any) -> Versement:
    return factories.VersementFactory(convention=convention, payeur=payeur, beneficiaire=beneficiaire, **valeurs)


def read_du(convention: Convention) -> tuple[Decimal | None, str]:
    du = compute_situation(convention).payeurs[0].du
    return du.montant, du.origine


# --- What is due -----------------------------------------------------------------------------------


def test_smallest_participation_that_the_text_states_is_what_is_due(convention: Convention, agglo: Organisation, cci: Organisation) -> None:
    plan_payment(convention, agglo, cci)
    article = factories.ArticleFactory(convention=convention, numero=4)
    declare(convention, agglo, 1200)
    declare(convention, agglo, "999.99", lieu="article", article=article, libelle="Participation de l’Agglo")
    declare(convention, agglo, 1100)
    assert read_du(convention) == (Decimal("999.99"), "article 4 : « Participation de l’Agglo »")


def test_participation_stated_in_the_preamble_says_so(convention: Convention, agglo: Organisation, cci: Organisation) -> None:
    plan_payment(convention, agglo, cci)
    declare(convention, agglo, 1200)
    assert read_du(convention) == (1200, "préambule : « Subvention globale »")


@pytest.mark.parametrize(
    "autre",
    [{"objet": "acompte"}, {"objet": "solde"}, {"objet": "autre"}, {"montant": None, "taux": 10}],
    ids=["acompte", "solde", "autre", "a rate"],
)
def test_other_amounts_of_the_text_are_no_participation(
    autre: dict[str, Any], convention: Convention, agglo: Organisation, cci: Organisation
) -> None:
    plan_payment(convention, agglo, cci)
    declare(convention, agglo, **{"montant": 5} | autre)
    assert read_du(convention) == (None, "aucun montant connu")


@pytest.mark.parametrize("de_qui", ["personne", "bénéficiaire"])
def test_participation_of_somebody_else_is_not_owed_by_the_payer(
    de_qui: str, convention: Convention, agglo: Organisation, cci: Organisation
) -> None:
    plan_payment(convention, agglo, cci)
    declare(convention, cci if de_qui == "bénéficiaire" else None, 5)
    assert read_du(convention) == (None, "aucun montant connu")


def test_participation_of_zero_is_zero_and_not_unknown(convention: Convention, agglo: Organisation, cci: Organisation) -> None:
    plan_payment(convention, agglo, cci)
    declare(convention, agglo, 0)
    costing(convention, "E.A 1.1", {2018: "1000"}, {agglo: "40"})
    assert read_du(convention) == (0, "préambule : « Subvention globale »")


def test_payer_of_whom_the_text_states_nothing_owes_its_part_of_the_costs(
    convention: Convention, agglo: Organisation, cci: Organisation
) -> None:
    plan_payment(convention, agglo, cci)
    costing(convention, "E.A 1.1", {2018: "1000", 2019: "500.50"}, {agglo: "40", cci: "60"})
    assert read_du(convention) == (Decimal("600.20"), "sa part dans le coût des fiches")


@pytest.mark.parametrize("part_de_la_cci", [False, True])
def test_payer_without_share_owes_nothing_known(
    part_de_la_cci: bool, convention: Convention, agglo: Organisation, cci: Organisation
) -> None:
    plan_payment(convention, agglo, cci)
    costing(convention, "E.A 1.1", {2018: "1000"}, {cci: "100"} if part_de_la_cci else {})
    assert read_du(convention) == (None, "aucun montant connu")


def test_costs_on_quotation_are_not_guessed(convention: Convention, agglo: Organisation, cci: Organisation) -> None:
    plan_payment(convention, agglo, cci)
    costing(convention, "E.A 1.1", {2018: None}, {agglo: "40"})
    assert read_du(convention) == (None, "aucun montant connu")


def test_each_payer_has_its_own_due(convention: Convention, agglo: Organisation, cci: Organisation) -> None:
    region = factories.OrganisationFactory(sigle="Région")
    plan_payment(convention, agglo, cci, ordre=10)
    plan_payment(convention, region, cci, ordre=20)
    declare(convention, agglo, 1200)
    costing(convention, "E.A 1.1", {2018: "1000"}, {region: "25"})
    payeurs = compute_situation(convention).payeurs
    assert [(p.payeur, p.du.montant, p.du.origine) for p in payeurs] == [
        (agglo, 1200, "préambule : « Subvention globale »"),
        (region, 250, "sa part dans le coût des fiches"),
    ]


def test_agreement_without_planned_payment_has_no_payer(convention: Convention, agglo: Organisation) -> None:
    declare(convention, agglo, 1200)
    assert compute_situation(convention).payeurs == []


# --- What is planned -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prevu", "attendu"),
    [
        ({"montant": euros("450.10")}, "450.10"),
        ({"taux": Decimal(40)}, "400.02"),
        ({"taux": Decimal("33.3333")}, "333.35"),
        ({"taux": Decimal("0.0005")}, "0.01"),
        ({"taux": Decimal(0)}, "0"),
        ({"taux": Decimal(40), "montant": euros(5)}, "5"),
        ({}, None),
    ],
    ids=["amount", "rate", "rate with decimals", "half a cent", "zero", "both", "neither"],
)
def test_planned_amount_is_the_one_written_else_a_share_of_what_is_due(
    prevu: dict[str, Any], attendu: str | None, convention: Convention, agglo: Organisation, cci: Organisation
) -> None:
    declare(convention, agglo, "1000.05")
    versement = plan_payment(convention, agglo, cci, **prevu)
    ligne = compute_situation(convention).get_ligne(versement.pk)
    assert ligne is not None
    assert ligne.prevu == (None if attendu is None else Decimal(attendu))


@given(st.integers(0, 10**9), st.lists(st.integers(1, 999_999), max_size=6))
@example(100, [333_300, 666_600])
def test_shares_that_make_a_whole_give_cents_that_make_what_is_due(cents: int, bornes: list[int]) -> None:
    """Rates of four decimals that sum to 100 %."""
    taux = [Decimal(b - a) / 10_000 for a, b in pairwise(sorted({0, 1_000_000, *bornes}))]
    du = Decimal(cents) / 100
    situation = SituationPayeur(Organisation(), Du(du, ""), [LigneVersement(Versement(taux=t), 1, None) for t in taux])
    _share_cents(situation)
    prevus = [li.prevu or Decimal(0) for li in situation.lignes]
    assert sum(prevus) == du
    assert all(abs(prevu - du * t / 100) < Decimal("0.01") for prevu, t in zip(prevus, taux, strict=True))


@pytest.mark.parametrize(
    "autre", [{"taux": Decimal("66.6666")}, {"montant": euros(5)}, {}], ids=["less than a whole", "an amount", "nothing said"]
)
def test_shares_that_make_no_whole_are_rounded_one_by_one(
    autre: dict[str, Any], convention: Convention, agglo: Organisation, cci: Organisation
) -> None:
    declare(convention, agglo, "1000.05")
    versement = plan_payment(convention, agglo, cci, taux=Decimal("33.3333"))
    plan_payment(convention, agglo, cci, ordre=20, **autre)
    ligne = compute_situation(convention).get_ligne(versement.pk)
    assert ligne is not None
    assert ligne.prevu == Decimal("333.35")


def test_rate_of_something_unknown_plans_nothing(convention: Convention, agglo: Organisation, cci: Organisation) -> None:
    versement = plan_payment(convention, agglo, cci, taux=Decimal(40))
    ligne = compute_situation(convention).get_ligne(versement.pk)
    assert ligne is not None
    assert ligne.prevu is None


# --- Asked for, paid, left -------------------------------------------------------------------------


def test_each_step_counts_as_asked_for_and_only_the_last_as_paid(plan: Plan) -> None:
    for etat in ("demande", "service_fait", "liquide", "mandate", "paye", "rejete"):
        make_paiement(plan.acompte, etat, "10.01")
    make_paiement(plan.solde, "paye", 500)
    acompte, payeur = plan.read(plan.acompte), plan.du_payeur
    assert (acompte.demande, acompte.paye) == (Decimal("50.05"), Decimal("10.01"))
    assert (payeur.demande, payeur.paye, payeur.reste) == (Decimal("550.05"), Decimal("510.01"), Decimal("449.95"))


def test_before_any_request_all_that_is_due_is_left(plan: Plan) -> None:
    payeur = plan.du_payeur
    assert (payeur.demande, payeur.paye, payeur.net, payeur.reste, payeur.trop_percu) == (0, 0, 0, 1000, 0)


def test_what_is_left_of_an_unknown_due_is_unknown(convention: Convention, agglo: Organisation, cci: Organisation) -> None:
    versement = plan_payment(convention, agglo, cci)
    make_paiement(versement, "paye", 100)
    payeur = compute_situation(convention).payeurs[0]
    assert (payeur.reste, payeur.trop_percu, payeur.paye) == (None, 0, 100)


def test_payments_of_a_line_are_in_the_order_they_were_asked_for(plan: Plan) -> None:
    tard, tot = make_paiement(plan.acompte, jour=date(2018, 12, 1)), make_paiement(plan.acompte, jour=date(2018, 11, 1))
    assert plan.read(plan.acompte).paiements == [tot, tard]


def test_supporting_files_and_condition_stand_beside_their_payment(plan: Plan) -> None:
    piece = factories.PieceVersementFactory(versement=plan.solde)
    constat = ConstatCondition.objects.create(versement=plan.solde, date=JOUR, motif="Bilan accepté en comité")
    assert (plan.read(plan.solde).pieces, plan.read(plan.solde).constat) == ([piece], constat)
    assert (plan.read(plan.acompte).pieces, plan.read(plan.acompte).constat) == ([], None)


def test_payments_of_another_agreement_are_not_counted(plan: Plan) -> None:
    autre = plan_payment(factories.ConventionFactory(), plan.payeur, plan.beneficiaire)
    make_paiement(autre, "paye", 50)
    assert plan.du_payeur.paye == 0


# --- Too much paid ---------------------------------------------------------------------------------


def lower_due(plan: Plan, montant: str | int) -> None:
    """The text states less than it did."""
    with lift():
        plan.convention.montants_declares.update(montant=Decimal(montant))


def test_paid_above_what_is_due_is_said_to_be_too_much(plan: Plan) -> None:
    make_paiement(plan.acompte, "paye", 400)
    make_paiement(plan.solde, "paye", 600)
    lower_due(plan, "799.99")
    payeur = plan.du_payeur
    assert (payeur.trop_percu, payeur.reste) == (Decimal("200.01"), 0)


def test_exactly_what_is_due_is_not_too_much(plan: Plan) -> None:
    make_paiement(plan.acompte, "paye", 400)
    make_paiement(plan.solde, "paye", 600)
    assert plan.du_payeur.trop_percu == 0


def test_asked_for_and_not_paid_is_not_too_much(plan: Plan) -> None:
    make_paiement(plan.acompte, "mandate", 400)
    lower_due(plan, 300)
    assert (plan.du_payeur.trop_percu, plan.du_payeur.reste) == (0, 0)


@pytest.mark.parametrize(("reverse", "net", "trop"), [(150, 850, 50), (200, 800, 0), (250, 750, 0)])
def test_titre_of_reversement_lowers_what_is_kept(reverse: int, net: int, trop: int, plan: Plan) -> None:
    make_paiement(plan.acompte, "paye", 400)
    make_paiement(plan.solde, "paye", 600)
    lower_due(plan, 800)
    titre = factories.ReversementFactory(
        convention=plan.convention, payeur=plan.payeur, redevable=plan.beneficiaire, montant=euros(reverse)
    )
    payeur = plan.du_payeur
    assert (payeur.paye, payeur.reverse, payeur.net, payeur.trop_percu) == (1000, reverse, net, trop)
    assert payeur.reste == max(0, 800 - net)
    assert plan.situation.reversements == [titre]


def test_titre_of_a_payer_changes_nothing_for_another(plan: Plan) -> None:
    region = factories.OrganisationFactory()
    plan_payment(plan.convention, region, plan.beneficiaire, ordre=30)
    factories.ReversementFactory(convention=plan.convention, payeur=region, redevable=plan.beneficiaire)
    assert {p.payeur: p.reverse for p in plan.situation.payeurs} == {plan.payeur: 0, region: 100}


def test_titre_of_somebody_who_pays_nothing_is_kept_apart(plan: Plan) -> None:
    titre = factories.ReversementFactory(convention=plan.convention)
    assert (plan.du_payeur.reverse, plan.situation.reversements) == (0, [titre])


# --- Years -----------------------------------------------------------------------------------------


def read_years(plan: Plan) -> list[tuple[Any, ...]]:
    return [(e.exercice, e.ae, e.engage, e.cp, e.mandate, e.paye, e.reste) for e in plan.du_payeur.exercices]


def test_each_year_tells_what_is_voted_committed_mandated_paid_and_left(plan: Plan) -> None:
    factories.CreditFactory(convention=plan.convention, payeur=plan.payeur, ae=euros(1000), cp=euros(500), engage=euros(900))
    for etat in ("demande", "service_fait", "liquide", "mandate", "paye", "rejete"):
        make_paiement(plan.acompte, etat, 30)
    assert read_years(plan) == [(2018, 1000, 900, 500, 60, 30, 440)]


def test_year_without_credits_leaves_an_unknown_amount(plan: Plan) -> None:
    make_paiement(plan.acompte, "paye", 30, exercice=2019)
    assert read_years(plan) == [(2019, None, None, None, 30, 30, None)]


def test_year_with_credits_of_which_nothing_is_said_stays_unknown(plan: Plan) -> None:
    factories.CreditFactory(convention=plan.convention, payeur=plan.payeur)
    assert read_years(plan) == [(2018, None, None, None, 0, 0, None)]


def test_credits_of_zero_are_not_unknown(plan: Plan) -> None:
    factories.CreditFactory(convention=plan.convention, payeur=plan.payeur, cp=euros(0))
    assert read_years(plan) == [(2018, None, None, 0, 0, 0, 0)]


def test_payment_counts_in_its_own_year_whatever_the_year_it_is_paid(plan: Plan) -> None:
    factories.CreditFactory(convention=plan.convention, payeur=plan.payeur, exercice=2019, cp=euros(80))
    make_paiement(plan.acompte, "paye", 30, jour=date(2019, 1, 20), exercice=2018)
    make_paiement(plan.acompte, "paye", 50, exercice=2019)
    assert [(e.exercice, e.paye, e.reste) for e in plan.du_payeur.exercices] == [(2018, 30, None), (2019, 50, 30)]


def test_year_of_a_rejected_payment_alone_is_not_shown(plan: Plan) -> None:
    make_paiement(plan.acompte, "rejete")
    assert read_years(plan) == []


def test_credits_of_a_payer_are_not_those_of_another(plan: Plan) -> None:
    region = factories.OrganisationFactory()
    plan_payment(plan.convention, region, plan.beneficiaire, ordre=30)
    factories.CreditFactory(convention=plan.convention, payeur=region, cp=euros(70))
    factories.CreditFactory(convention=plan.convention, cp=euros(5))  # an organisation that pays nothing here
    assert {p.payeur: [e.cp for e in p.exercices] for p in plan.situation.payeurs} == {plan.payeur: [], region: [70]}


@pytest.mark.parametrize(
    ("credits", "averti"),
    [
        ([{"ae": 100, "cp": 100}], False),
        ([{"ae": 100, "cp": "100.01"}], True),
        ([{"ae": 100, "cp": 60}, {"cp": 60}], True),
        ([{"ae": 100, "cp": 60}, {"ae": 20, "cp": 60}], False),
        ([{"cp": 60}], False),
        ([{"ae": 60}], False),
        ([{"ae": 0, "cp": 60}], True),
        ([], False),
    ],
    ids=["as much", "a cent above", "over two years", "enough over two years", "no AE known", "no CP known", "AE of zero", "nothing"],
)
def test_cp_above_the_ae_that_they_pay_are_pointed_out(credits: list[dict[str, Any]], averti: bool, plan: Plan) -> None:
    for exercice, valeurs in enumerate(credits, 2018):
        montants = {nom: euros(v) for nom, v in valeurs.items()}
        factories.CreditFactory(convention=plan.convention, payeur=plan.payeur, exercice=exercice, **montants)
    phrase = "Les crédits de paiement votés dépassent les autorisations d’engagement."
    assert plan.du_payeur.alerte == (phrase if averti else "")


# --- What opens each payment -----------------------------------------------------------------------

OUVRE = {
    "acompte": "notification",
    "intermediaire": "bilan_recu",
    "solde": "bilan_accepte",
}
OBSTACLES = {
    "notification": "La convention n’est pas encore notifiée.",
    "bilan_recu": "Le bilan n’est pas encore reçu.",
    "bilan_accepte": "Le bilan n’est pas encore accepté.",
    "aucun": "",
}


@pytest.mark.parametrize("nature", OUVRE)
def test_nature_says_what_opens_it_when_the_text_does_not(nature: str) -> None:
    assert Versement(nature=nature).ouvre_par == OUVRE[nature]


def explain(versement: Versement, etat: str = "signee", notifiee: bool = False, constatee: bool = False) -> str:
    """Why a payment of an agreement in this state may not be asked for."""
    base = Convention(etat=etat, date_notification=JOUR if notifiee else None)
    return explain_fermeture(base, LigneVersement(versement, 1, None, constat=ConstatCondition() if constatee else None))


@pytest.mark.parametrize("nature", OUVRE)
@pytest.mark.parametrize("declencheur", OBSTACLES)
def test_what_the_text_says_opens_a_payment_wins_over_its_nature(nature: str, declencheur: str) -> None:
    assert explain(Versement(nature=nature, declencheur=declencheur)) == OBSTACLES[declencheur]


@pytest.mark.parametrize(("nature", "ouvert"), [("acompte", True), ("intermediaire", False), ("solde", False)])
def test_notification_opens_the_acompte_alone(nature: str, ouvert: bool) -> None:
    assert (explain(Versement(nature=nature), notifiee=True) == "") is ouvert


@pytest.mark.parametrize("nature", OUVRE)
@pytest.mark.parametrize("notifiee", [False, True])
def test_condition_that_somebody_saw_opens_the_payment(nature: str, notifiee: bool) -> None:
    assert explain(Versement(nature=nature), notifiee=notifiee, constatee=True) == ""


@pytest.mark.parametrize("etat", Convention.Etat)
@pytest.mark.parametrize("declencheur", OBSTACLES)
def test_nothing_opens_before_the_signature_nor_after_the_solde(etat: str, declencheur: str) -> None:
    signee = etat in {"signee", "notifiee", "executoire", "soldee", "resiliee"}
    raison = explain(Versement(nature="acompte", declencheur=declencheur), etat, constatee=True)
    soldee = "La convention est soldée : plus rien n’y est dû."
    assert raison == (soldee if etat == "soldee" else "" if signee else "La convention n’est pas signée.")


def test_lines_say_whether_they_are_open_and_what_closes_them(plan: Plan) -> None:
    acompte, solde = plan.read(plan.acompte), plan.read(plan.solde)
    assert (acompte.ouvert, acompte.obstacle) == (True, "")
    assert (solde.ouvert, solde.obstacle) == (False, "Le bilan n’est pas encore accepté.")
    ConstatCondition.objects.create(versement=plan.solde, date=JOUR, motif="Comité du 02/11/2018")
    assert (plan.read(plan.solde).ouvert, plan.read(plan.solde).obstacle) == (True, "")


# --- After an avenant ------------------------------------------------------------------------------


def amend(plan: Plan, user: Utilisateur) -> Convention:
    """An avenant being written."""
    return create_avenant(user, plan.convention, "Revoir les versements.")


@pytest.fixture
def paye(plan: Plan) -> Plan:
    """The plan, its acompte paid with its file and the condition of its solde seen."""
    make_paiement(plan.acompte, "paye", 400)
    factories.PieceVersementFactory(versement=plan.acompte)
    ConstatCondition.objects.create(versement=plan.solde, date=JOUR, motif="Bilan accepté")
    return plan


def test_avenant_being_written_changes_nothing_yet(paye: Plan, agent: Utilisateur) -> None:
    avenant = amend(paye, agent)
    avenant.versements.update(montant=Decimal(7))
    situation = paye.situation
    assert situation.consolidee == paye.convention
    assert [li.prevu for li in situation.payeurs[0].lignes] == [400, 600]


def test_plan_of_the_avenant_keeps_the_payments_already_made(paye: Plan, agent: Utilisateur) -> None:
    avenant = amend(paye, agent)
    avenant.versements.filter(nature="solde").update(montant=Decimal(900))
    avenant.montants_declares.update(montant=Decimal(1300))
    sign(avenant, etat="signee")
    situation = paye.situation
    acompte, solde = situation.payeurs[0].lignes
    assert situation.consolidee == avenant
    assert [(li.racine, li.prevu, li.paye) for li in (acompte, solde)] == [(paye.acompte.pk, 400, 400), (paye.solde.pk, 900, 0)]
    assert (len(acompte.pieces), solde.ouvert, situation.payeurs[0].reste) == (1, True, 900)


def test_second_avenant_still_knows_the_first_rows(paye: Plan, agent: Utilisateur) -> None:
    for montant in (700, 800):
        avenant = amend(paye, agent)
        avenant.versements.filter(nature="solde").update(montant=Decimal(montant))
        sign(avenant, etat="executoire")
    lignes = paye.situation.payeurs[0].lignes
    assert [(li.racine, li.prevu, li.paye) for li in lignes] == [(paye.acompte.pk, 400, 400), (paye.solde.pk, 800, 0)]


def test_situation_is_the_same_seen_from_the_agreement_and_from_its_avenant(paye: Plan, agent: Utilisateur) -> None:
    avenant = amend(paye, agent)
    sign(avenant, etat="signee")
    vues = [compute_situation(c) for c in (paye.convention, avenant)]
    assert [(s.base, s.consolidee, s.payeurs[0].paye) for s in vues] == [(paye.convention, avenant, 400)] * 2


def test_payment_that_the_avenant_adds_is_its_own_row(paye: Plan, agent: Utilisateur) -> None:
    avenant = amend(paye, agent)
    neuf = plan_payment(avenant, paye.payeur, paye.beneficiaire, ordre=30, declencheur="aucun", montant=euros(50))
    sign(avenant, etat="signee")
    ligne = paye.read(neuf)
    assert (ligne.racine, ligne.prevu, ligne.ouvert) == (neuf.pk, 50, True)


def test_payment_that_the_avenant_adds_waits_for_its_own_notification(paye: Plan, agent: Utilisateur) -> None:
    avenant = amend(paye, agent)
    neuf = plan_payment(avenant, paye.payeur, paye.beneficiaire, ordre=30, montant=euros(50))
    sign(avenant, etat="signee", date_notification=None)
    assert paye.read(neuf).obstacle == "L’avenant qui prévoit ce versement n’est pas encore notifié."
    assert paye.read(paye.acompte).ouvert
    sign(avenant, etat="notifiee")
    assert paye.read(neuf).ouvert


def test_row_that_the_avenant_removes_has_no_share_any_more(plan: Plan, agent: Utilisateur) -> None:
    with lift():
        plan.convention.versements.filter(nature="acompte").update(montant=None, taux=Decimal(40))
        plan.convention.versements.filter(nature="solde").update(montant=None, taux=Decimal(60))
    make_paiement(plan.acompte, "paye", 400)
    avenant = amend(plan, agent)
    avenant.versements.get(nature="acompte").delete()
    sign(avenant, etat="signee")
    assert {li.versement.nature: li.prevu for li in plan.du_payeur.lignes} == {"acompte": None, "solde": 600}


def test_payment_made_on_a_row_that_the_avenant_removes_is_still_counted(paye: Plan, agent: Utilisateur) -> None:
    avenant = amend(paye, agent)
    avenant.versements.get(nature="acompte").delete()
    sign(avenant, etat="signee")
    payeur = paye.du_payeur
    assert (payeur.demande, payeur.paye, payeur.reste) == (400, 400, 600)


def test_file_of_a_row_that_the_avenant_removes_is_still_shown(plan: Plan, agent: Utilisateur) -> None:
    piece = factories.PieceVersementFactory(versement=plan.solde)
    avenant = amend(plan, agent)
    avenant.versements.get(nature="solde").delete()
    sign(avenant, etat="signee")
    ligne = plan.read(plan.solde)
    assert (ligne.pieces, ligne.prevu, ligne.obstacle) == ([piece], None, "Un avenant a retiré ce versement.")


def test_nothing_more_is_asked_for_on_a_row_that_the_avenant_removes(paye: Plan, agent: Utilisateur) -> None:
    avenant = amend(paye, agent)
    avenant.versements.get(nature="acompte").delete()
    sign(avenant, etat="signee")
    assert (paye.read(paye.acompte).ouvert, paye.read(paye.acompte).obstacle) == (False, "Un avenant a retiré ce versement.")


# --- Queries ---------------------------------------------------------------------------------------


def test_queries_stay_flat_when_payments_double(plan: Plan) -> None:
    def fill() -> None:
        for versement in plan.convention.versements.all():
            for etat in ("demande", "liquide", "paye", "rejete"):
                make_paiement(versement, etat, 1)
            factories.PieceVersementFactory(versement=versement)
            region = factories.OrganisationFactory()
            plan_payment(plan.convention, region, plan.beneficiaire)
            factories.CreditFactory(convention=plan.convention, payeur=region, cp=euros(5))
            factories.ReversementFactory(convention=plan.convention, payeur=region, redevable=plan.beneficiaire)

    def count() -> int:
        convention = Convention.objects.get(pk=plan.convention.pk)
        with CaptureQueriesContext(connection) as requetes:
            situation = compute_situation(convention)
            for payeur in situation.payeurs:
                for ligne in payeur.lignes:
                    str([ligne.versement.payeur.sigle, ligne.versement.beneficiaire.sigle, ligne.ouvert])
                    str([(p.imputation and p.imputation.compte, p.versement.payeur_id) for p in ligne.paiements])
                    str([p.ajoutee_par and p.ajoutee_par.nom for p in ligne.pieces])
                str([(e.payeur.sigle, e.reste) for e in payeur.exercices])
            str([(r.payeur.sigle, r.redevable.sigle) for r in situation.reversements])
        return len(requetes)

    fill()
    avant = count()
    fill()
    assert count() == avant
