"""What accepted bilans command: payments that open, what may be asked for, what is due in the end; and what they freeze."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import connection, transaction
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from djmoney.money import Money
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comptes.models import Organisation, Utilisateur
from conventions.gel import ConventionFigee, lift
from conventions.models import Convention
from financement.bilans.participations import Acquis
from financement.etapes import explain_demande, issue_reversement, note_condition
from financement.models import (
    AccordBilan,
    Bilan,
    FicheBilan,
    LigneBilan,
    LigneCout,
    MesureBilan,
    Observation,
    Paiement,
    PartBilan,
    ParticipationBilan,
    PieceBilan,
    Realisation,
    Reversement,
    Versement,
)
from financement.situation import Du, LigneVersement, SituationPayeur, compute_situation, reduce_du
from tests import factories
from tests.bilans import accept, make_accepted, nature, open_year, pass_to, plan_fiche, reread
from tests.ecritures import spell
from tests.factories import euros
from tests.paiements import JOUR, Plan, advance, ask, make_paiement, make_person, sign

pytestmark = pytest.mark.django_db


@pytest.fixture
def deux_ans(plan: Plan) -> Plan:
    """1 000 € owed over 2018 and 2019: an acompte of 400 €, a solde of 600 €."""
    set_last_year(plan, 2019)
    return plan


def set_last_year(plan: Plan, annee: int) -> None:
    """As an avenant would leave it."""
    with lift():
        Convention.objects.filter(pk=plan.convention.pk).update(annee_fin=annee)
    plan.convention.refresh_from_db()


def add_payment(plan: Plan, nature: str = "intermediaire", ordre: int = 15, **valeurs: Any) -> Versement:
    return factories.VersementFactory(
        convention=plan.convention, payeur=plan.payeur, beneficiaire=plan.beneficiaire, nature=nature, ordre=ordre, **valeurs
    )


def accept_year(plan: Plan, annee: int, due: str | int) -> Bilan:
    return make_accepted(plan.convention, annee, {plan.payeur: due})


def refuse(user: Utilisateur, plan: Plan, versement: Versement, montant: str | int) -> list[str]:
    """Sentences that refuse a request; nothing is written."""
    with pytest.raises(ValidationError) as refus:
        ask(user, plan, versement, montant)
    assert not Paiement.objects.filter(versement=versement, montant=Decimal(montant)).exists()
    return [spell(m) for m in refus.value.messages]


# --- What opens a payment ---------------------------------------------------------------------------


@pytest.mark.parametrize("etat", Bilan.Etat.values)
def test_intermediate_payment_opens_when_a_bilan_is_received(etat: str, plan: Plan) -> None:
    versement = add_payment(plan)
    assert plan.read(versement).obstacle == "Le bilan n’est pas encore reçu."
    pass_to(open_year(plan.convention), etat)
    assert plan.read(versement).obstacle == ("Le bilan n’est pas encore reçu." if etat == "brouillon" else "")


@pytest.mark.parametrize("etat", Bilan.Etat.values)
def test_solde_opens_when_a_bilan_is_accepted(etat: str, plan: Plan) -> None:
    assert plan.read(plan.solde).obstacle == "Le bilan n’est pas encore accepté."
    pass_to(open_year(plan.convention), etat)
    assert plan.read(plan.solde).ouvert is (etat == "accepte")


@pytest.mark.parametrize("bilans", range(4))
def test_kth_intermediate_payment_waits_for_k_bilans(bilans: int, plan: Plan) -> None:
    versements = [add_payment(plan, ordre=ordre) for ordre in (15, 16, 17)]
    for annee in (2018, 2019, 2020)[:bilans]:
        pass_to(open_year(plan.convention, annee), "soumis")
    assert [plan.read(v).ouvert for v in versements] == [rang <= bilans for rang in (1, 2, 3)]


def test_payments_that_wait_for_the_same_are_counted_by_what_opens_them(plan: Plan) -> None:
    """An intermediate payment that waits for an acceptance stands in the row of the soldes."""
    premier = add_payment(plan, declencheur="bilan_accepte", ordre=15)
    recu = add_payment(plan, ordre=16)
    accept_year(plan, 2018, 100)
    assert [plan.read(v).ouvert for v in (premier, recu, plan.solde)] == [True, True, False]
    accept_year(plan, 2019, 100)
    assert plan.read(plan.solde).ouvert is True


def test_each_payer_waits_for_its_own_row(plan: Plan, cci: Organisation) -> None:
    add_payment(plan)
    region = factories.OrganisationFactory()
    autre = factories.VersementFactory(convention=plan.convention, payeur=region, beneficiaire=cci, nature="intermediaire", ordre=30)
    pass_to(open_year(plan.convention), "soumis")
    assert plan.read(autre).ouvert is True


def test_bilan_of_another_agreement_opens_nothing(plan: Plan) -> None:
    pass_to(open_year(factories.ConventionFactory()), "accepte")
    assert plan.read(plan.solde).ouvert is False


def test_condition_seen_outside_still_opens_without_any_bilan(plan: Plan) -> None:
    payeur = make_person("payeur", plan)
    note_condition(payeur, plan.convention, plan.solde.pk, JOUR, "bilan 2018 reçu par courriel")
    ligne = plan.read(plan.solde)
    assert (ligne.ouvert, ligne.disponible, ligne.propose) == (True, None, 600)


def test_acompte_waits_for_no_bilan(plan: Plan) -> None:
    assert plan.read(plan.acompte).ouvert is True


@pytest.mark.parametrize(
    ("etat", "phrase"), [("a_signer", "La convention n’est pas signée."), ("soldee", "La convention est soldée : plus rien n’y est dû.")]
)
def test_accepted_bilan_opens_nothing_of_an_agreement_that_is_not_alive(etat: str, phrase: str, plan: Plan) -> None:
    accept_year(plan, 2018, 900)
    Convention.objects.filter(pk=plan.convention.pk).update(etat=etat)
    assert plan.read(plan.solde).obstacle == phrase


# --- What may be asked for --------------------------------------------------------------------------


def test_nothing_limits_before_a_bilan_is_accepted(plan: Plan) -> None:
    pass_to(open_year(plan.convention), "soumis")
    assert (plan.read(plan.solde).disponible, plan.du_payeur.acquis) == (None, None)


@pytest.mark.parametrize(
    ("due", "demande", "disponible", "propose"),
    [
        ("750", 400, 350, 350),
        ("750", 0, 750, 600),
        ("1000", 400, 600, 600),
        ("1500", 400, 600, 600),
        ("400", 400, 0, None),
        ("300", 400, 0, None),
        ("0", 0, 0, None),
        ("400.01", 400, "0.01", "0.01"),
    ],
    ids=[
        "less than planned",
        "more than the payment",
        "all",
        "above the ceiling",
        "all asked for",
        "too much asked for",
        "nothing due",
        "a cent",
    ],
)
def test_solde_is_proposed_up_to_what_accepted_bilans_leave(due: str, demande: int, disponible: Any, propose: Any, deux_ans: Plan) -> None:
    if demande:
        make_paiement(deux_ans.acompte, "demande", demande)
    accept_year(deux_ans, 2018, due)
    ligne = deux_ans.read(deux_ans.solde)
    assert (ligne.disponible, ligne.propose) == (Decimal(disponible), None if propose is None else Decimal(propose))


def test_solde_without_amount_is_proposed_for_all_that_is_left(deux_ans: Plan) -> None:
    with lift():
        Versement.objects.filter(pk=deux_ans.solde.pk).update(montant=None)
    make_paiement(deux_ans.acompte, "paye", 400)
    accept_year(deux_ans, 2018, 750)
    ligne = deux_ans.read(deux_ans.solde)
    assert (ligne.prevu, ligne.propose) == (None, 350)


def test_years_add_up_under_the_ceiling(deux_ans: Plan) -> None:
    accept_year(deux_ans, 2018, 450)
    assert deux_ans.read(deux_ans.solde).disponible == 450
    accept_year(deux_ans, 2019, 700)
    situation = deux_ans.du_payeur
    assert situation.acquis == Acquis({2018: Decimal(450), 2019: Decimal(700)}, complet=True)
    assert (situation.acquis.total, deux_ans.read(deux_ans.solde).disponible) == (1150, 1000)


def test_what_waits_for_no_acceptance_is_not_limited_by_it(deux_ans: Plan) -> None:
    intermediaire = add_payment(deux_ans, montant=euros(200))
    accept_year(deux_ans, 2018, 10)
    assert [deux_ans.read(v).disponible for v in (deux_ans.acompte, intermediaire, deux_ans.solde)] == [None, None, 10]
    assert deux_ans.read(intermediaire).propose == 200


def test_money_given_back_may_be_asked_for_again(deux_ans: Plan) -> None:
    make_paiement(deux_ans.acompte, "paye", 400)
    accept_year(deux_ans, 2018, 750)
    factories.ReversementFactory(convention=deux_ans.convention, payeur=deux_ans.payeur, redevable=deux_ans.beneficiaire, montant=euros(50))
    assert deux_ans.read(deux_ans.solde).disponible == 400


def test_payment_turned_down_leaves_what_it_had_taken(deux_ans: Plan) -> None:
    accept_year(deux_ans, 2018, 750)
    make_paiement(deux_ans.solde, "rejete", 300)
    assert deux_ans.read(deux_ans.solde).disponible == 750


def test_two_soldes_share_what_accepted_bilans_leave(deux_ans: Plan, partenaire: Utilisateur) -> None:
    second = add_payment(deux_ans, "solde", 30, montant=euros(600))
    accept_year(deux_ans, 2018, 300)
    accept_year(deux_ans, 2019, 300)
    ask(partenaire, deux_ans, deux_ans.solde, 500)
    assert [deux_ans.read(v).propose for v in (deux_ans.solde, second)] == [100, 100]


def test_request_above_what_bilans_leave_is_refused_with_both_figures(deux_ans: Plan, partenaire: Utilisateur) -> None:
    make_paiement(deux_ans.acompte, "paye", 400)
    accept_year(deux_ans, 2018, "750.50")
    assert refuse(partenaire, deux_ans, deux_ans.solde, 351) == ["Les bilans acceptés (2018) laissent 350,50 € à demander."]
    assert ask(partenaire, deux_ans, deux_ans.solde, "350.50").montant == euros("350.50")


def test_refusal_names_every_accepted_year_and_every_other_reason(deux_ans: Plan, partenaire: Utilisateur) -> None:
    accept_year(deux_ans, 2019, 250)
    accept_year(deux_ans, 2018, 250)
    assert refuse(partenaire, deux_ans, deux_ans.solde, 700) == [
        "Il reste 500 € à demander sur 500 € (ce que rendent dû les bilans acceptés (2018 et 2019)) : 700 € dépasse de 200 €.",
        "Les bilans acceptés (2018 et 2019) laissent 500 € à demander.",
        "Ce versement prévoit 600 €, dont 0 € déjà demandés.",
    ]


def test_request_before_any_acceptance_says_what_it_waits_for(deux_ans: Plan, partenaire: Utilisateur) -> None:
    assert explain_demande(partenaire, deux_ans.read(deux_ans.solde)) == "Le bilan n’est pas encore accepté."
    assert refuse(partenaire, deux_ans, deux_ans.solde, 1) == ["Le bilan n’est pas encore accepté."]


def test_solde_asked_for_goes_to_its_payment(deux_ans: Plan, partenaire: Utilisateur) -> None:
    accept_year(deux_ans, 2018, 350)
    paiement = ask(partenaire, deux_ans, deux_ans.solde, 350)
    paye = advance(make_person("payeur", deux_ans), paiement, "service_fait", "liquider", "mandater", "payer")
    assert (paye.etat, deux_ans.read(deux_ans.solde).propose) == ("paye", None)


def test_payment_on_its_way_stops_when_the_last_bilan_leaves_less(deux_ans: Plan) -> None:
    payeur = make_person("payeur", deux_ans)
    paiement = make_paiement(deux_ans.acompte, "service_fait", 400)
    accept_year(deux_ans, 2018, 100)
    accept_year(deux_ans, 2019, 150)
    with pytest.raises(ValidationError) as refus:
        advance(payeur, paiement, "liquider")
    assert [spell(m) for m in refus.value.messages] == [
        "400 € sont demandés ou payés, pour 250 € dus (ce que rendent dû les bilans acceptés (2018 et 2019)) : "
        "rejetez ce paiement, et demandez de nouveau ce qui reste."
    ]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 90_000)), max_size=5), st.integers(0, 120_000), st.integers(0, 120_000))
def test_requests_never_pass_the_ceiling_nor_the_solde_what_bilans_leave(
    deux_ans: Plan, partenaire: Utilisateur, demandes: list[Any], premiere: int, seconde: int
) -> None:
    with transaction.atomic(), lift():
        for annee, due in ((2018, premiere), (2019, seconde)):
            accept_year(deux_ans, annee, Decimal(due) / 100)
        for au_solde, centimes in demandes:
            versement = deux_ans.solde if au_solde else deux_ans.acompte
            try:
                ask(partenaire, deux_ans, versement, Decimal(centimes) / 100)
            except ValidationError:
                continue
        situation = deux_ans.du_payeur
        assert situation.demande <= min(Decimal(1000), Decimal(premiere + seconde) / 100)
        assert situation.reste is not None
        assert situation.demande + situation.reste == situation.du.montant
        transaction.set_rollback(True)


# --- What is due in the end -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plafond", "par_annee", "complet", "montant"),
    [
        (1000, None, False, 1000),
        (1000, {2018: 300}, False, 1000),
        (1000, {2018: 300, 2019: 500}, True, 800),
        (1000, {2018: 300, 2019: 700}, True, 1000),
        (1000, {2018: 300, 2019: 900}, True, 1000),
        (1000, {2018: 0, 2019: 0}, True, 0),
        (None, {2018: 300}, False, None),
        (None, {2018: 300, 2019: 500}, True, 800),
        (None, None, False, None),
    ],
)
def test_what_is_due_once_every_year_is_accepted(
    plafond: int | None, par_annee: dict[int, int] | None, complet: bool, montant: int | None
) -> None:
    limite = Du(None if plafond is None else Decimal(plafond), "préambule")
    acquis = None if par_annee is None else Acquis({a: Decimal(m) for a, m in par_annee.items()}, complet)
    du = reduce_du(limite, acquis)
    assert du.montant == montant
    baisse = complet and montant != plafond
    assert du.origine == ("ce que rendent dû les bilans acceptés (2018 et 2019)" if baisse else "préambule")


def test_years_that_are_not_all_accepted_leave_the_whole_due(deux_ans: Plan) -> None:
    accept_year(deux_ans, 2018, 100)
    pass_to(open_year(deux_ans.convention, 2019), "soumis")
    situation = deux_ans.du_payeur
    assert (situation.du.montant, situation.reste, situation.trop_percu) == (1000, 1000, 0)


def test_over_payment_appears_when_the_last_year_is_accepted(deux_ans: Plan) -> None:
    make_paiement(deux_ans.acompte, "paye", 400)
    accept_year(deux_ans, 2018, 100)
    assert deux_ans.du_payeur.trop_percu == 0
    accept_year(deux_ans, 2019, 150)
    situation = deux_ans.du_payeur
    assert (situation.du.montant, situation.net, situation.reste, situation.trop_percu) == (250, 400, 0, 150)


def test_over_payment_is_claimed_up_to_what_it_is(deux_ans: Plan) -> None:
    payeur = make_person("payeur", deux_ans)
    make_paiement(deux_ans.acompte, "paye", 400)
    accept_year(deux_ans, 2018, 100)

    def claim(montant: int) -> Reversement:
        return issue_reversement(payeur, deux_ans.convention, deux_ans.payeur.pk, Decimal(montant), "T-1", "Bilans acceptés", JOUR)

    with pytest.raises(ValidationError, match="Rien n’a été payé en trop"):
        claim(1)
    accept_year(deux_ans, 2019, 150)
    with pytest.raises(ValidationError, match="Le trop-perçu est de 150"):
        claim(151)
    assert claim(150).montant == euros(150)
    assert (deux_ans.du_payeur.trop_percu, deux_ans.du_payeur.net) == (0, 250)
    with pytest.raises(ValidationError, match="Rien n’a été payé en trop"):
        claim(1)


def test_money_on_its_way_is_no_over_payment_yet(deux_ans: Plan) -> None:
    make_paiement(deux_ans.acompte, "mandate", 400)
    accept_year(deux_ans, 2018, 100)
    accept_year(deux_ans, 2019, 100)
    assert (deux_ans.du_payeur.trop_percu, deux_ans.du_payeur.reste) == (0, 0)


def test_shares_of_the_plan_are_taken_of_the_ceiling_whatever_bilans_make_due(
    convention: Convention, agglo: Organisation, cci: Organisation
) -> None:
    Convention.objects.filter(pk=convention.pk).update(annee_fin=2018)
    factories.MontantDeclareFactory(convention=convention, objet="participation", financeur=agglo, montant=euros("999.99"))
    versements = [
        factories.VersementFactory(convention=convention, payeur=agglo, beneficiaire=cci, ordre=ordre, taux=Decimal(taux), nature=nom)
        for ordre, taux, nom in ((10, 50, "acompte"), (20, 50, "solde"))
    ]
    sign(convention)
    convention.refresh_from_db()
    prevus = [li.prevu for li in compute_situation(convention).payeurs[0].lignes]
    make_accepted(convention, 2018, {agglo: 600})
    situation = compute_situation(convention).payeurs[0]
    assert [li.prevu for li in situation.lignes] == prevus == [Decimal("500.00"), Decimal("499.99")]
    assert (situation.du.montant, situation.plafond.montant) == (600, Decimal("999.99"))
    assert len(versements) == len(situation.lignes)


def test_single_share_of_the_plan_is_taken_of_the_ceiling(deux_ans: Plan) -> None:
    with lift():
        Versement.objects.filter(pk=deux_ans.acompte.pk).update(montant=None, taux=30)
    accept_year(deux_ans, 2018, 100)
    accept_year(deux_ans, 2019, 100)
    assert deux_ans.read(deux_ans.acompte).prevu == 300


def test_each_payer_is_limited_by_what_bilans_make_it_owe(deux_ans: Plan, cci: Organisation) -> None:
    region = factories.OrganisationFactory()
    factories.MontantDeclareFactory(convention=deux_ans.convention, objet="participation", financeur=region, montant=euros(500))
    solde = factories.VersementFactory(
        convention=deux_ans.convention, payeur=region, beneficiaire=cci, nature="solde", ordre=40, montant=euros(500)
    )
    for annee in (2018, 2019):
        make_accepted(deux_ans.convention, annee, {deux_ans.payeur: 300, region: 60})
    assert [deux_ans.read(v).disponible for v in (deux_ans.solde, solde)] == [600, 120]
    assert [p.du.montant for p in deux_ans.situation.payeurs] == [600, 120]


def test_payer_that_an_avenant_adds_owes_no_more_than_what_bilans_make_due(deux_ans: Plan, cci: Organisation) -> None:
    accept_year(deux_ans, 2018, 300)
    region = factories.OrganisationFactory()
    factories.MontantDeclareFactory(convention=deux_ans.convention, objet="participation", financeur=region, montant=euros(500))
    versement = factories.VersementFactory(convention=deux_ans.convention, payeur=region, beneficiaire=cci, ordre=40, montant=euros(500))
    make_paiement(versement, "paye", 500)
    make_accepted(deux_ans.convention, 2019, {deux_ans.payeur: 300, region: 60})
    situation = deux_ans.situation.get_payeur(region.pk)
    assert situation is not None
    assert (situation.du.montant, situation.trop_percu) == (60, 440)


def test_year_that_an_avenant_adds_opens_what_is_due_again(deux_ans: Plan) -> None:
    """What is due waits again for the bilan of a year that is added."""
    accept_year(deux_ans, 2018, 100)
    accept_year(deux_ans, 2019, 100)
    assert deux_ans.du_payeur.du.montant == 200
    set_last_year(deux_ans, 2020)
    assert deux_ans.du_payeur.du.montant == 1000


def test_participation_of_a_bilan_that_is_not_accepted_commands_nothing(deux_ans: Plan) -> None:
    bilan = accept_year(deux_ans, 2018, 100)
    pass_to(bilan, "observations")
    assert deux_ans.du_payeur.acquis is None


def test_ceiling_is_what_is_due_when_no_bilan_says_less() -> None:
    situation = SituationPayeur(Organisation(), Du(Decimal(10), "préambule"))
    assert situation.plafond == situation.du
    assert LigneVersement(Versement(), 1, None).propose is None


def test_situation_asks_as_much_with_bilans_of_many_years(deux_ans: Plan) -> None:
    def read() -> int:
        convention = Convention.objects.get(pk=deux_ans.convention.pk)
        with CaptureQueriesContext(connection) as requetes:
            compute_situation(convention)
        return len(requetes)

    accept_year(deux_ans, 2018, 100)
    une = read()
    set_last_year(deux_ans, 2022)
    for annee in range(2019, 2023):
        accept_year(deux_ans, annee, 100)
    assert read() == une


# --- An accepted bilan is frozen --------------------------------------------------------------------

# Each table of a bilan: a column, and another value for it.
CHANGE: dict[type[Model], tuple[str, Any]] = {
    Bilan: ("recit", "Autre récit"),
    FicheBilan: ("fait", "Autre chose"),
    LigneBilan: ("montant", Money(2, "EUR")),
    PartBilan: ("montant", Money(2, "EUR")),
    MesureBilan: ("valeur", Decimal(2)),
    ParticipationBilan: ("due", Money(2, "EUR")),
    Observation: ("texte", "Autre remarque"),
    AccordBilan: ("date", date(2019, 3, 3)),
    PieceBilan: ("intitule", "Autre pièce"),
}
PHRASE = "Ce bilan est accepté : rien n’y change plus ({nom})."
Rangees = dict[type[Model], Any]


@dataclass
class Dossier:
    """Two bilans of one agreement with a row in every table: 2018 accepted, 2019 being written."""

    convention: Convention
    accepte: Rangees
    ecrit: Rangees


def fill_bilan(bilan: Bilan, agglo: Organisation) -> Rangees:
    """One row of each table."""
    fiche = bilan.fiches.get()
    return {
        Bilan: bilan,
        FicheBilan: fiche,
        LigneBilan: fiche.lignes.get(),
        PartBilan: fiche.parts.first(),
        MesureBilan: fiche.mesures.get(),
        ParticipationBilan: ParticipationBilan.objects.create(bilan=bilan, payeur=agglo, due=euros(1)),
        Observation: Observation.objects.create(bilan=bilan, fiche=fiche, texte="Remarque"),
        AccordBilan: AccordBilan.objects.create(bilan=bilan, organisation=agglo, date=date(2019, 2, 1)),
        PieceBilan: PieceBilan.objects.create(
            bilan=bilan, intitule="Pièce", fichier=ContentFile(b"%PDF", "p.pdf"), nom="p.pdf", taille=4, empreinte="0" * 64
        ),
    }


@pytest.fixture
def dossier(convention: Convention, agglo: Organisation, cci: Organisation) -> Dossier:
    plan_fiche(convention, "A1", {("Études", 2018): 100, ("Études", 2019): 100}, {agglo: 80, cci: 20}, {2018: 15, 2019: 15})
    rangees = [fill_bilan(open_year(convention, annee), agglo) for annee in (2018, 2019)]
    rangees[0][Bilan] = pass_to(rangees[0][Bilan], "accepte")
    return Dossier(convention, *rangees)


def changed(ligne: Any, modele: type[Model]) -> Any:
    champ, valeur = CHANGE[modele]
    ligne = modele._base_manager.get(pk=ligne.pk)
    setattr(ligne, champ, valeur)
    return ligne


def another(ligne: Any, modele: type[Model]) -> Any:
    """A second row beside another, not saved."""
    copie = modele._base_manager.get(pk=ligne.pk)
    copie.pk, copie._state.adding = None, True
    autres: dict[str, Callable[[], Any]] = {
        "libelle": lambda: "Autre",
        "financeur": factories.OrganisationFactory,
        "payeur": factories.OrganisationFactory,
        "organisation": factories.OrganisationFactory,
        "indicateur": lambda: None,
    }
    if modele is FicheBilan:
        autres["fiche"] = lambda: None
    for champ, valeur in autres.items():
        if champ in {f.name for f in modele._meta.concrete_fields}:
            setattr(copie, champ, valeur())
    return copie


def list_doors(modele: type[Model], ligne: Any) -> dict[str, Callable[[], Any]]:
    """All the ways to change a row, to take it away, to put another beside it."""
    champ, valeur = CHANGE[modele]
    tous: Any = modele._default_manager
    brute = valeur.amount if isinstance(valeur, Money) else valeur
    portes: dict[str, Callable[[], Any]] = {
        "save": lambda: changed(ligne, modele).save(),
        "save of one column": lambda: changed(ligne, modele).save(update_fields=[champ]),
        "update": lambda: tous.filter(pk=ligne.pk).update(**{champ: brute}),
        "base manager": lambda: modele._base_manager.filter(pk=ligne.pk).update(**{champ: brute}),
        "update_or_create": lambda: tous.update_or_create(pk=ligne.pk, defaults={champ: valeur}),
        "bulk_update": lambda: tous.bulk_update([changed(ligne, modele)], [champ]),
        "bulk_create over a row": lambda: tous.bulk_create(
            [changed(ligne, modele)], update_conflicts=True, unique_fields=["id"], update_fields=[champ]
        ),
        "delete": lambda: modele._base_manager.get(pk=ligne.pk).delete(),
        "delete of many": lambda: tous.filter(pk=ligne.pk).delete(),
    }
    if modele is not Bilan:
        portes |= {
            "create": lambda: another(ligne, modele).save(),
            "bulk_create": lambda: tous.bulk_create([another(ligne, modele)]),
        }
    return portes


def try_out(porte: Callable[[], Any]) -> str:
    """What comes of a writing; nothing of it stays."""
    with transaction.atomic():
        try:
            porte()
            resultat = "écrit"
        except ConventionFigee as refus:
            resultat = refus.messages[0]
        transaction.set_rollback(True)
    return resultat


@pytest.mark.parametrize("modele", CHANGE, ids=lambda m: m.__name__)
def test_nothing_of_an_accepted_bilan_is_written(modele: type[Model], dossier: Dossier) -> None:
    if modele is Bilan:  # whose files would refuse to leave it before it refuses itself
        with lift():
            PieceBilan.objects.all().delete()
    resultats = {nom: try_out(porte) for nom, porte in list_doors(modele, dossier.accepte[modele]).items()}
    deletions = {nom: resultats.pop(nom) for nom in list(resultats) if nom.startswith("delete")}
    assert set(resultats.values()) == {PHRASE.format(nom=modele._meta.verbose_name)}, resultats
    assert all(r.startswith("Ce bilan est accepté : rien n’y change plus (") for r in deletions.values()), deletions


@pytest.mark.parametrize("modele", [m for m in CHANGE if m is not Bilan], ids=lambda m: m.__name__)
def test_bilan_being_written_beside_an_accepted_one_is_written_by_all_doors(modele: type[Model], dossier: Dossier) -> None:
    resultats = {nom: try_out(porte) for nom, porte in list_doors(modele, dossier.ecrit[modele]).items()}
    assert set(resultats.values()) == {"écrit"}, resultats


@pytest.mark.parametrize("etat", [e for e in Bilan.Etat.values if e != "accepte"])
def test_bilan_is_open_in_every_other_state(etat: str, dossier: Dossier) -> None:
    pass_to(dossier.accepte[Bilan], etat)
    portes = {m: list_doors(m, dossier.accepte[m])["save"] for m in CHANGE}
    assert {m: try_out(p) for m, p in portes.items()} == dict.fromkeys(portes, "écrit")


@pytest.mark.parametrize("modele", [m for m in CHANGE if m is not Bilan], ids=lambda m: m.__name__)
def test_row_is_not_moved_in_nor_out_of_an_accepted_bilan(modele: type[Model], dossier: Dossier) -> None:
    lien = "fiche" if modele in {LigneBilan, PartBilan, MesureBilan} else "bilan"
    parent = FicheBilan if lien == "fiche" else Bilan

    def move(depart: Rangees, arrivee: Rangees) -> Callable[[], Any]:
        def write() -> None:
            ligne = modele._base_manager.get(pk=depart[modele].pk)
            setattr(ligne, lien, arrivee[parent])
            ligne.save()

        return write

    def moved_by_update(depart: Rangees, arrivee: Rangees) -> Callable[[], Any]:
        return lambda: modele._default_manager.filter(pk=depart[modele].pk).update(**{lien: arrivee[parent]})

    refus = PHRASE.format(nom=modele._meta.verbose_name)
    for porte in (move, moved_by_update):
        assert try_out(porte(dossier.accepte, dossier.ecrit)) == refus
        assert try_out(porte(dossier.ecrit, dossier.accepte)) == refus


def test_agreement_with_an_accepted_bilan_is_not_deleted(dossier: Dossier) -> None:
    PieceBilan.objects.filter(bilan=dossier.ecrit[Bilan]).delete()
    with lift():
        PieceBilan.objects.all().delete()
    assert try_out(lambda: Convention.objects.get(pk=dossier.convention.pk).delete()) != "écrit"


def test_other_rows_of_the_agreement_are_written_as_before(dossier: Dossier) -> None:
    fiche = dossier.convention.fiches.get()

    def note() -> None:
        Realisation.objects.create(
            convention=dossier.convention, fiche=fiche, date=date(2019, 1, 1), qui="C", nature=nature("Études"), montant=euros(1), quoi="x"
        )

    portes: dict[str, Callable[[], Any]] = {
        "convention": lambda: Convention.objects.filter(pk=dossier.convention.pk).update(titre="Autre"),
        "fiche": lambda: fiche.save(),
        "cost": lambda: LigneCout.objects.filter(fiche=fiche).update(montant=Decimal(3)),
        "new cost": lambda: factories.LigneCoutFactory(fiche=fiche, annee=2020),
        "carnet": note,
        "another year": lambda: open_year(dossier.convention, 2020),
    }
    assert {nom: try_out(p) for nom, p in portes.items()} == dict.fromkeys(portes, "écrit")


def test_signed_agreement_does_not_freeze_the_bilan_of_a_year(dossier: Dossier) -> None:
    sign(dossier.convention)
    assert try_out(list_doors(LigneBilan, dossier.ecrit[LigneBilan])["save"]) == "écrit"
    assert try_out(lambda: open_year(dossier.convention, 2020)) == "écrit"


def test_loaders_write_accepted_bilans_as_they_were_accepted(dossier: Dossier) -> None:
    with lift():
        changed(dossier.accepte[LigneBilan], LigneBilan).save()
    assert LigneBilan.objects.get(pk=dossier.accepte[LigneBilan].pk).montant == euros(2)


def test_acceptance_is_written_last(dossier: Dossier, agglo: Organisation) -> None:
    """The participations, then the state: once it is there nothing is added."""
    bilan = dossier.ecrit[Bilan]
    bilan.etat, bilan.accepte_le = Bilan.Etat.ACCEPTE, date(2020, 2, 1)
    bilan.save()
    refus = try_out(lambda: ParticipationBilan.objects.create(bilan=bilan, payeur=factories.OrganisationFactory(), due=euros(1)))
    assert refus == PHRASE.format(nom="participation due")


def test_accepted_bilan_has_the_date_of_its_acceptance(dossier: Dossier) -> None:
    bilan = dossier.ecrit[Bilan]
    bilan.etat = Bilan.Etat.ACCEPTE
    with pytest.raises(ValidationError, match="Un bilan accepté a la date de son acceptation"):
        bilan.full_clean()


def test_accepted_bilan_keeps_the_words_of_a_fiche_deleted_for_good(dossier: Dossier) -> None:
    fiche = dossier.convention.fiches.get()
    code = fiche.code
    assert try_out(fiche.discard) == "écrit"
    fiche.delete()
    reportee = FicheBilan.objects.filter(bilan__convention=dossier.convention, code=code).first()
    assert reportee is not None
    assert reportee.fiche is None


@pytest.mark.parametrize(
    ("modele", "colonne"),
    [(Bilan, "ouvert_par"), (Observation, "auteur"), (Observation, "reglee_par"), (AccordBilan, "auteur"), (PieceBilan, "ajoutee_par")],
    ids=lambda v: v if isinstance(v, str) else v.__name__,
)
def test_account_of_who_took_part_in_an_accepted_bilan_may_be_deleted(modele: type[Model], colonne: str, dossier: Dossier) -> None:
    personne = factories.UtilisateurFactory()
    with lift():
        modele._base_manager.filter(pk=dossier.accepte[modele].pk).update(**{colonne: personne})
    personne.delete()
    assert getattr(modele._base_manager.get(pk=dossier.accepte[modele].pk), colonne) is None


def test_same_payer_is_computed_once_a_year(dossier: Dossier, agglo: Organisation) -> None:
    with pytest.raises(ValidationError, match="La participation de ce payeur est déjà calculée"):
        ParticipationBilan(bilan=dossier.ecrit[Bilan], payeur=agglo, due=euros(1)).full_clean()


def test_reading_states_of_a_bilan(convention: Convention) -> None:
    bilan = open_year(convention)
    lus = {etat: (b.is_ecrit, b.is_envoye, b.is_accepte) for etat in Bilan.Etat.values for b in [pass_to(bilan, etat)]}
    assert lus == {
        "brouillon": (True, False, False),
        "observations": (True, False, False),
        "soumis": (False, True, False),
        "corrige": (False, True, False),
        "accepte": (False, False, True),
    }
    assert str(reread(bilan)) == f"{convention.reference}, bilan 2018"
    assert timezone.is_aware(bilan.ouvert_le)
    assert accept(open_year(convention, 2019), {}).is_accepte
