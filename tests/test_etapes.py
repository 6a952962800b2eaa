"""Steps of a payment: who makes which from where, what refuses each, sums that are never exceeded, the journal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comptes.bancaire import ask_changement, settle_changement
from comptes.models import Organisation, Utilisateur
from conventions.gel import lift
from conventions.journal import check_chaine
from conventions.models import Convention
from documents.avenants import create_avenant
from financement.etapes import (
    ETAPES,
    advance_paiement,
    ask_paiement,
    explain_demande,
    issue_reversement,
    list_etapes,
    note_condition,
)
from financement.models import ConstatCondition, Imputation, Paiement, Reversement, Versement
from tests import factories
from tests.ecritures import spell
from tests.factories import euros
from tests.paiements import (
    ACTIONS,
    AUTRE_IBAN,
    CHEMIN,
    ETATS,
    IBAN,
    JOUR,
    PERSONNES,
    Plan,
    advance,
    ask,
    make_paiement,
    make_person,
    sign,
    typed,
)

pytestmark = pytest.mark.django_db
POSSIBLES = {
    "demande": {"service_fait": "service_fait", "rejeter": "rejete"},
    "service_fait": {"liquider": "liquide", "rejeter": "rejete"},
    "liquide": {"mandater": "mandate", "rejeter": "rejete"},
    "mandate": {"payer": "paye", "rejeter": "rejete"},
    "paye": {},
    "rejete": {},
}
# Each step once: the state it starts from, the state it leads to.
UNE_FOIS = {action: (depuis, vers) for depuis, pas in POSSIBLES.items() for action, vers in pas.items()}
PAIENT = {"payeur", "administrateur qui paie", "exploitant"}
DEMANDENT = {
    *("agent du bénéficiaire", "bénéficiaire qui prépare ses paiements", "administrateur du bénéficiaire"),
    *("agent du payeur", "payeur", "administrateur du payeur", "administrateur qui paie", "exploitant"),
}
CONSTATENT = {"agent du payeur", "payeur", "administrateur du payeur", "administrateur qui paie", "exploitant"}
NE_SE_CONNECTE_PAS = {"compte fermé"}  # asks for nothing: allauth and Django's backend do not let them in


@pytest.fixture
def payeur(plan: Plan) -> Utilisateur:
    """Who makes the payments go on."""
    return make_person("payeur", plan)


@pytest.fixture
def imputation(db: None) -> Imputation:
    return factories.ImputationFactory()


@contextmanager
def refuse(*raisons: str) -> Iterator[None]:
    """What is refused with these sentences, all of them and no other, and leaves the payments as they were."""
    avant = list(Paiement.objects.values().order_by("pk"))
    with pytest.raises(ValidationError) as refus:
        yield
    assert [spell(m) for m in refus.value.messages] == list(raisons)
    assert list(Paiement.objects.values().order_by("pk")) == avant


def amend(plan: Plan, user: Utilisateur, **champs: Any) -> Convention:
    """An avenant signed, which says something else of the acompte."""
    avenant = create_avenant(user, plan.convention, "Revoir les versements.")
    avenant.versements.filter(nature="acompte").update(**champs)
    sign(avenant, etat="signee")
    return avenant


# --- Who, from where, which step -------------------------------------------------------------------


def test_each_person_is_offered_the_steps_that_are_theirs(plan: Plan) -> None:
    paiements = {etat: Paiement(versement=plan.acompte, etat=etat) for etat in ETATS}
    gens = {nom: make_person(nom, plan) for nom in PERSONNES}
    offertes = {
        nom: {etat: [e.action for e in list_etapes(p, paiements[etat], plan.payeur.pk)] for etat in ETATS} for nom, p in gens.items()
    }
    assert offertes == {nom: {etat: list(POSSIBLES[etat]) if nom in PAIENT else [] for etat in ETATS} for nom in PERSONNES}


def try_step(personne: Utilisateur, plan: Plan, etat: str, action: str, imputation: Imputation) -> str:
    """Where a payment of this state stands after somebody tried a step, or what refused them."""
    paiement = make_paiement(plan.acompte, etat, 1)
    try:
        advance_paiement(personne, paiement, action, typed(imputation=imputation))
    except PermissionDenied:
        return "interdit"
    except ValidationError:
        return "impossible"
    return Paiement.objects.get(pk=paiement.pk).etat


@pytest.mark.parametrize("etat", ETATS)
def test_only_the_steps_offered_are_made(etat: str, plan: Plan, payeur: Utilisateur, imputation: Imputation) -> None:
    resultats = {e.action: try_step(payeur, plan, etat, e.action, imputation) for e in ETAPES}
    assert resultats == {e.action: POSSIBLES[etat].get(e.action, "impossible") for e in ETAPES}


def test_steps_are_made_by_who_pays_and_by_nobody_else(plan: Plan, imputation: Imputation) -> None:
    gens = {nom: make_person(nom, plan) for nom in PERSONNES}
    resultats = {
        nom: {action: try_step(personne, plan, etat, action, imputation) for action, (etat, _) in UNE_FOIS.items()}
        for nom, personne in gens.items()
    }
    permis, interdit = {action: fait for action, (_, fait) in UNE_FOIS.items()}, dict.fromkeys(UNE_FOIS, "interdit")
    assert resultats == {nom: permis if nom in PAIENT else interdit for nom in PERSONNES}


def test_who_does_not_pay_is_told_whose_step_it_is(plan: Plan) -> None:
    paiement = make_paiement(plan.acompte)
    phrase = "Cette étape revient aux personnes de l’organisation qui paie, dont le compte « prépare les paiements »."
    with pytest.raises(PermissionDenied, match=phrase):
        advance_paiement(make_person("agent du payeur", plan), paiement, "service_fait", typed())


@pytest.mark.parametrize("etat", ETATS)
def test_step_that_is_no_longer_possible_says_where_the_payment_stands(etat: str, plan: Plan, payeur: Utilisateur) -> None:
    paiement = make_paiement(plan.acompte, etat)
    dehors = next(e.action for e in ETAPES if e.action not in POSSIBLES[etat])
    with refuse(f"Ce paiement est maintenant « {paiement.get_etat_display().lower()} » : cette étape n’est plus possible."):
        advance_paiement(payeur, paiement, dehors, typed())


def test_step_that_does_not_exist_is_refused(plan: Plan, payeur: Utilisateur) -> None:
    paiement = make_paiement(plan.acompte)
    with refuse("Ce paiement est maintenant « demandé » : cette étape n’est plus possible."):
        advance_paiement(payeur, paiement, "offrir", typed())


def test_two_people_who_make_the_same_step_make_it_once(plan: Plan, payeur: Utilisateur) -> None:
    paiement = make_paiement(plan.acompte)
    perime = Paiement.objects.get(pk=paiement.pk)
    advance(payeur, paiement, "service_fait")
    with refuse("Ce paiement est maintenant « service fait » : cette étape n’est plus possible."):
        advance_paiement(payeur, perime, "service_fait", typed())


def test_each_step_keeps_its_day_and_what_was_typed_with_it(plan: Plan, payeur: Utilisateur, imputation: Imputation) -> None:
    paiement = ask(make_person("agent du bénéficiaire", plan), plan, plan.acompte, "400.00", JOUR)
    for rang, action in enumerate(ACTIONS, 1):
        advance(payeur, paiement, action, jour=JOUR + timedelta(days=rang), imputation=imputation, motif="")
    fait = Paiement.objects.get(pk=paiement.pk)
    jours = [fait.demande_le, fait.service_fait_le, fait.liquide_le, fait.mandate_le, fait.paye_le]
    assert jours == [JOUR + timedelta(days=n) for n in range(5)]
    assert (fait.etat, fait.imputation, fait.iban, fait.numero_bordereau, fait.numero_mandat) == ("paye", imputation, IBAN, "B-12", "M-345")
    assert (fait.convention, fait.versement, fait.montant, fait.exercice) == (plan.convention, plan.acompte, euros(400), 2018)


def test_what_is_typed_with_a_step_that_does_not_ask_for_it_is_not_kept(plan: Plan, payeur: Utilisateur) -> None:
    fait = advance(payeur, make_paiement(plan.acompte), "service_fait")
    assert (fait.imputation, fait.numero_bordereau, fait.numero_mandat, fait.motif_rejet) == (None, "", "", "")


# --- Asking ----------------------------------------------------------------------------------------


def try_or_say(geste: Callable[[], Any]) -> str:
    """What refuses an act, by the sentence; empty when it is done. Nothing of it stays."""
    with transaction.atomic():
        try:
            geste()
        except PermissionDenied as refus:
            return f"interdit : {refus.args[0]}"
        except ValidationError as refus:
            return " ".join(refus.messages)
        finally:
            transaction.set_rollback(True)
    return ""


def test_payment_is_asked_for_by_who_receives_it_or_pays_it(plan: Plan) -> None:
    gens = {nom: make_person(nom, plan) for nom in PERSONNES if nom not in NE_SE_CONNECTE_PAS}
    dits = {nom: try_or_say(lambda p=personne: ask(p, plan, plan.acompte)) for nom, personne in gens.items()}
    lit = "interdit : Votre compte lit les versements sans les demander."
    ailleurs = "Le versement est demandé par celui qui le reçoit, ou par celui qui le paie."
    assert dits == {nom: "" if nom in DEMANDENT else lit if nom.startswith("lecteur") else ailleurs for nom in gens}
    ligne = plan.read(plan.acompte)
    assert {nom: explain_demande(p, ligne) for nom, p in gens.items()} == {n: d.removeprefix("interdit : ") for n, d in dits.items()}


def test_solde_is_closed_until_its_condition_holds(plan: Plan, partenaire: Utilisateur) -> None:
    with refuse("Le bilan n’est pas encore accepté."):
        ask(partenaire, plan, plan.solde)
    ConstatCondition.objects.create(versement=plan.solde, date=JOUR, motif="Comité du 02/11/2018")
    assert ask(partenaire, plan, plan.solde, 600).montant == euros(600)


@pytest.mark.parametrize(
    ("changements", "raison"),
    [
        ({"etat": "a_signer"}, "La convention n’est pas signée."),
        ({"etat": "caduque"}, "La convention n’est pas signée."),
        ({"date_notification": None}, "La convention n’est pas encore notifiée."),
    ],
    ids=["at signature", "given up", "not notified"],
)
def test_nothing_is_asked_for_too_early(changements: dict[str, Any], raison: str, plan: Plan, partenaire: Utilisateur) -> None:
    with lift():
        sign(plan.convention, **changements)
    with refuse(raison):
        ask(partenaire, plan, plan.acompte)


def test_amount_above_what_is_left_is_refused_with_what_is_left(plan: Plan, partenaire: Utilisateur) -> None:
    make_paiement(plan.acompte, "paye", 350)
    with lift():
        plan.convention.versements.update(montant=None, declencheur="aucun")
    with refuse("Il reste 650 € à demander sur 1 000 € (préambule : « Participation de l’Agglo ») : 650,01 € dépasse de 0,01 €."):
        ask(partenaire, plan, plan.solde, "650.01")
    assert ask(partenaire, plan, plan.solde, "650.00")


def test_amount_above_its_instalment_is_refused_with_what_is_already_asked_for(plan: Plan, partenaire: Utilisateur) -> None:
    make_paiement(plan.acompte, "demande", "150.50")
    with refuse("Ce versement prévoit 400 €, dont 150,50 € déjà demandés."):
        ask(partenaire, plan, plan.acompte, "249.51")
    assert ask(partenaire, plan, plan.acompte, "249.50")


def test_amount_above_both_is_refused_for_both_reasons_at_once(plan: Plan, partenaire: Utilisateur) -> None:
    with refuse(
        "Il reste 1 000 € à demander sur 1 000 € (préambule : « Participation de l’Agglo ») : 1 000,01 € dépasse de 0,01 €.",
        "Ce versement prévoit 400 €, dont 0 € déjà demandés.",
    ):
        ask(partenaire, plan, plan.acompte, "1000.01")


def test_nothing_is_asked_for_while_nobody_knows_what_is_due(plan: Plan, partenaire: Utilisateur) -> None:
    with lift():
        plan.convention.montants_declares.all().delete()
    with refuse("Rien ne dit ce que doit le payeur : donnez la participation dans le texte, ou chiffrez les fiches."):
        ask(partenaire, plan, plan.acompte, 1)


@pytest.mark.parametrize("montant", ["0", "-0.01", "-500"])
def test_payment_is_of_one_cent_at_least(montant: str, plan: Plan, partenaire: Utilisateur) -> None:
    with pytest.raises(ValidationError, match=r"Le montant ne peut pas être inférieur à 0,01.€"):
        ask(partenaire, plan, plan.acompte, montant)
    assert not Paiement.objects.exists()


@pytest.mark.parametrize("exercice", [1989, 2101])
def test_year_of_a_payment_is_a_budget_year(exercice: int, plan: Plan, partenaire: Utilisateur) -> None:
    with pytest.raises(ValidationError):
        ask(partenaire, plan, plan.acompte, exercice=exercice)


def test_rejected_payment_frees_its_amount(plan: Plan, partenaire: Utilisateur, payeur: Utilisateur) -> None:
    premier = ask(partenaire, plan, plan.acompte, 400)
    with refuse("Ce versement prévoit 400 €, dont 400 € déjà demandés."):
        ask(partenaire, plan, plan.acompte, "0.01")
    advance(payeur, premier, "rejeter")
    assert ask(partenaire, plan, plan.acompte, 400)
    assert plan.du_payeur.demande == 400


@pytest.mark.parametrize("etape", ["service_fait", "liquide", "mandate"])
def test_payment_rejected_further_on_frees_its_amount_too(etape: str, plan: Plan, partenaire: Utilisateur, payeur: Utilisateur) -> None:
    advance(payeur, make_paiement(plan.acompte, etape, 400), "rejeter")
    assert ask(partenaire, plan, plan.acompte, 400)


def test_payment_is_asked_for_from_the_page_of_an_avenant_too(plan: Plan, agent: Utilisateur) -> None:
    avenant = amend(plan, agent, montant=Decimal(300))
    with refuse("Ce versement prévoit 300 €, dont 0 € déjà demandés."):
        ask_paiement(agent, avenant, plan.acompte.pk, Decimal(301), 2018, JOUR)
    paiement = ask_paiement(agent, avenant, plan.acompte.pk, Decimal(300), 2018, JOUR)
    assert (paiement.convention, paiement.versement) == (plan.convention, plan.acompte)


def test_payment_that_is_not_in_the_agreement_is_refused(plan: Plan, agent: Utilisateur) -> None:
    ailleurs = factories.VersementFactory(payeur=plan.payeur, beneficiaire=plan.beneficiaire)
    with refuse("Ce versement n’est plus dans la convention."):
        ask(agent, plan, ailleurs)


# --- Liquidating -----------------------------------------------------------------------------------


def test_liquidation_wants_an_account_and_an_imputation_and_says_both_at_once(plan: Plan, payeur: Utilisateur) -> None:
    Organisation.objects.filter(pk=plan.beneficiaire.pk).update(iban="")
    paiement = make_paiement(plan.acompte, "service_fait")
    with refuse(
        "Le compte bancaire de CCI d’essai n’est pas enregistré : faites-le enregistrer d’abord.",
        "Choisissez l’imputation. Un administrateur peut en ajouter dans l’administration.",
        "Cette étape ne peut pas précéder la dernière, du 02/11/2018.",
    ):
        advance_paiement(payeur, paiement, "liquider", typed(JOUR - timedelta(days=1)))


@pytest.mark.parametrize(
    ("bornes", "valable"),
    [
        ({}, True),
        ({"valable_du": JOUR}, True),
        ({"valable_au": JOUR}, True),
        ({"valable_du": JOUR + timedelta(days=1)}, False),
        ({"valable_au": JOUR - timedelta(days=1)}, False),
        ({"valable_du": date(2018, 1, 1), "valable_au": date(2018, 12, 31)}, True),
    ],
    ids=["always", "from that day", "until that day", "from the next day", "until the day before", "that year"],
)
def test_imputation_is_used_on_the_days_it_is_valid(bornes: dict[str, date], valable: bool, plan: Plan, payeur: Utilisateur) -> None:
    imputation = factories.ImputationFactory(compte="6574", **bornes)
    paiement = make_paiement(plan.acompte, "service_fait")
    if valable:
        assert advance(payeur, paiement, "liquider", imputation=imputation).imputation == imputation
    else:
        with refuse("L’imputation M57 6574 – Subventions de fonctionnement n’est pas valable le 02/11/2018."):
            advance_paiement(payeur, paiement, "liquider", typed(imputation=imputation))


def test_liquidation_keeps_the_account_of_that_day(plan: Plan, payeur: Utilisateur) -> None:
    assert advance(payeur, make_paiement(plan.acompte, "service_fait"), "liquider").iban == IBAN


# --- Mandating -------------------------------------------------------------------------------------


def test_mandat_wants_its_two_numbers_and_says_so_at_once(plan: Plan, payeur: Utilisateur) -> None:
    paiement = make_paiement(plan.acompte, "liquide")
    with refuse("Donnez le numéro du bordereau.", "Donnez le numéro du mandat."):
        advance_paiement(payeur, paiement, "mandater", typed(numero_bordereau="", numero_mandat=""))


def change_account(plan: Plan) -> None:
    """The account changed by two people."""
    changement = ask_changement(make_person("administrateur du bénéficiaire", plan), plan.beneficiaire, AUTRE_IBAN, "", "RIB par courrier")
    settle_changement(make_person("payeur", plan), changement, True)


def test_account_changed_since_the_liquidation_stops_the_mandat(plan: Plan, payeur: Utilisateur, partenaire: Utilisateur) -> None:
    paiement = make_paiement(plan.acompte, "liquide", 400)
    change_account(plan)
    with refuse("Le compte bancaire du bénéficiaire a changé depuis la liquidation : rejetez ce paiement et demandez-le de nouveau."):
        advance_paiement(payeur, paiement, "mandater", typed())
    advance(payeur, paiement, "rejeter")
    suivant = advance(payeur, ask(partenaire, plan, plan.acompte, 400), "service_fait", "liquider", "mandater")
    assert (suivant.etat, suivant.iban) == ("mandate", AUTRE_IBAN)


def test_account_changed_after_the_mandat_does_not_stop_the_payment(plan: Plan, payeur: Utilisateur) -> None:
    paiement = make_paiement(plan.acompte, "mandate")
    change_account(plan)
    assert advance(payeur, paiement, "payer").iban == IBAN


def test_mandat_above_the_credits_voted_is_refused_with_what_they_leave(plan: Plan, payeur: Utilisateur) -> None:
    factories.CreditFactory(convention=plan.convention, payeur=plan.payeur, cp=euros(300))
    make_paiement(plan.acompte, "paye", "100.10")
    trop = make_paiement(plan.acompte, "liquide", "199.91")
    sigle = plan.payeur.sigle
    with refuse(
        f"Les crédits de paiement 2018 votés par {sigle} laissent 199,90 € : 199,91 € les dépasse. Faites voter des crédits, "
        "ou rejetez ce paiement et demandez-le sur un autre exercice."
    ):
        advance_paiement(payeur, trop, "mandater", typed())
    advance(payeur, trop, "rejeter")
    assert advance(payeur, make_paiement(plan.acompte, "liquide", "199.90"), "mandater").etat == "mandate"


def test_credits_of_zero_mandate_nothing(plan: Plan, payeur: Utilisateur) -> None:
    factories.CreditFactory(convention=plan.convention, payeur=plan.payeur, cp=euros(0))
    with pytest.raises(ValidationError, match="laissent 0"):
        advance_paiement(payeur, make_paiement(plan.acompte, "liquide", "0.01"), "mandater", typed())


@pytest.mark.parametrize(
    "credit", [None, {"cp": None}, {"cp": 0, "exercice": 2019}], ids=["no credits", "CP unknown", "credits of another year"]
)
def test_credits_that_nobody_knows_refuse_nothing(credit: dict[str, Any] | None, plan: Plan, payeur: Utilisateur) -> None:
    if credit is not None:
        cp = credit.pop("cp")
        factories.CreditFactory(convention=plan.convention, payeur=plan.payeur, cp=cp if cp is None else euros(cp), **credit)
    assert advance(payeur, make_paiement(plan.acompte, "liquide"), "mandater").etat == "mandate"


def test_credits_of_another_payer_do_not_count(plan: Plan, payeur: Utilisateur) -> None:
    region = factories.OrganisationFactory()
    factories.VersementFactory(convention=plan.convention, payeur=region, beneficiaire=plan.beneficiaire)
    factories.CreditFactory(convention=plan.convention, payeur=region, cp=euros(0))
    assert advance(payeur, make_paiement(plan.acompte, "liquide"), "mandater").etat == "mandate"


def test_all_that_refuses_a_mandat_is_said_at_once(plan: Plan, payeur: Utilisateur) -> None:
    factories.CreditFactory(convention=plan.convention, payeur=plan.payeur, cp=euros(5))
    paiement = make_paiement(plan.acompte, "liquide", iban=AUTRE_IBAN)
    saisie = typed(JOUR - timedelta(days=1), numero_bordereau="", numero_mandat="")
    with pytest.raises(ValidationError) as refus:
        advance_paiement(payeur, paiement, "mandater", saisie)
    assert [m.split()[0] for m in refus.value.messages] == ["Donnez", "Donnez", "Le", "Cette", "Les"]


# --- An avenant meanwhile --------------------------------------------------------------------------


@pytest.mark.parametrize("etat", ["service_fait", "liquide"])
def test_request_that_is_above_what_is_due_since_an_avenant_goes_no_further(
    etat: str, plan: Plan, payeur: Utilisateur, imputation: Imputation
) -> None:
    paiement = make_paiement(plan.acompte, etat, 400)
    avenant = amend(plan, payeur)
    with lift():
        avenant.montants_declares.update(montant=Decimal(300))
    with pytest.raises(ValidationError, match="300"):
        advance(payeur, paiement, *{"service_fait": ["liquider", "mandater"], "liquide": ["mandater"]}[etat], imputation=imputation)
    assert plan.du_payeur.exercices[0].mandate == 0


def test_account_credited_is_that_of_the_beneficiary_the_avenant_names(plan: Plan, payeur: Utilisateur) -> None:
    paiement = make_paiement(plan.acompte, "service_fait")
    amend(plan, payeur, beneficiaire=factories.OrganisationFactory(nom="Agence d’attractivité", iban=AUTRE_IBAN))
    assert advance(payeur, paiement, "liquider").iban == AUTRE_IBAN


def test_steps_are_those_of_the_payer_the_avenant_names(plan: Plan, payeur: Utilisateur) -> None:
    paiement, region = make_paiement(plan.acompte), factories.UtilisateurFactory(paie=True)
    amend(plan, payeur, payeur=region.organisation)
    factories.MontantDeclareFactory(convention=plan.situation.consolidee, objet="participation", financeur=region.organisation)
    with pytest.raises(PermissionDenied):
        advance(payeur, paiement, "service_fait")
    assert advance(region, paiement, "service_fait").etat == "service_fait"


def test_credits_that_count_are_those_of_the_payer_the_avenant_names(plan: Plan, payeur: Utilisateur) -> None:
    paiement, region = make_paiement(plan.acompte, "liquide"), factories.UtilisateurFactory(paie=True)
    amend(plan, payeur, payeur=region.organisation)
    factories.MontantDeclareFactory(convention=plan.situation.consolidee, objet="participation", financeur=region.organisation)
    factories.CreditFactory(convention=plan.convention, payeur=region.organisation, cp=euros(99))
    with pytest.raises(ValidationError, match="laissent 99"):
        advance(region, paiement, "mandater")


def test_request_on_a_row_that_an_avenant_removed_is_rejected_and_nothing_else(plan: Plan, payeur: Utilisateur) -> None:
    paiement = make_paiement(plan.acompte, "liquide")
    avenant = create_avenant(payeur, plan.convention, "Retirer l’acompte.")
    avenant.versements.get(nature="acompte").delete()
    sign(avenant, etat="signee")
    with refuse("Un avenant a retiré ce versement : rejetez ce paiement, et demandez de nouveau ce qui reste."):
        advance_paiement(payeur, paiement, "mandater", typed())
    for geste in (ask, lambda user, p, versement: note_condition(user, p.convention, versement.pk, JOUR, "Bilan")):
        with refuse("Ce versement n’est plus dans la convention."):
            geste(payeur, plan, plan.acompte)
    assert advance(payeur, paiement, "rejeter").etat == "rejete"
    assert plan.situation.get_ligne(plan.acompte.pk) is None


# --- Days, rejection -------------------------------------------------------------------------------


@pytest.mark.parametrize(("etat", "action"), zip(POSSIBLES, ACTIONS, strict=False))
def test_step_does_not_go_back_in_time(etat: str, action: str, plan: Plan, payeur: Utilisateur, imputation: Imputation) -> None:
    paiement = make_paiement(plan.acompte, etat)
    with refuse("Cette étape ne peut pas précéder la dernière, du 02/11/2018."):
        advance_paiement(payeur, paiement, action, typed(date(2018, 11, 1), imputation))
    assert advance(payeur, paiement, action, imputation=imputation).etat != etat


def test_nothing_is_recorded_before_it_happens(plan: Plan, payeur: Utilisateur, imputation: Imputation) -> None:
    demain = timezone.localdate() + timedelta(days=1)
    avenir = "Cette date est dans l’avenir : enregistrez ce qui est fait, le jour où c’est fait."
    with refuse(avenir):
        ask(payeur, plan, plan.acompte, 1, demain)
    assert ask(payeur, plan, plan.acompte, 1, demain - timedelta(days=1))
    for etat, action in zip(CHEMIN, ACTIONS, strict=False):
        paiement = make_paiement(plan.acompte, etat, 1)
        with refuse(avenir):
            advance_paiement(payeur, paiement, action, typed(demain, imputation))
    with refuse(avenir):
        note_condition(payeur, plan.convention, plan.solde.pk, demain, "Bilan")


def test_rejection_wants_a_reason(plan: Plan, payeur: Utilisateur) -> None:
    paiement = make_paiement(plan.acompte)
    for vide in ("", "   ", "\x00"):
        with refuse("Dites pourquoi ce paiement est rejeté : le bénéficiaire le lira."):
            advance_paiement(payeur, paiement, "rejeter", typed(motif=vide))


def test_reason_of_a_rejection_is_kept_as_it_can_be_read(plan: Plan, payeur: Utilisateur) -> None:
    fait = advance(payeur, make_paiement(plan.acompte), "rejeter", motif=f" Facture\x00 absente {'x' * 300}")
    assert fait.motif_rejet.startswith("Facture absente xx")
    assert len(fait.motif_rejet) == 250


def test_rejected_payment_does_not_come_back(plan: Plan, payeur: Utilisateur, imputation: Imputation) -> None:
    paiement = advance(payeur, make_paiement(plan.acompte), "rejeter")
    for action in [*ACTIONS, "rejeter"]:
        with pytest.raises(ValidationError, match="rejeté"):
            advance_paiement(payeur, paiement, action, typed(imputation=imputation))


# --- Conditions ------------------------------------------------------------------------------------


def test_condition_is_seen_by_who_pays(plan: Plan) -> None:
    gens = {nom: make_person(nom, plan) for nom in PERSONNES if nom not in NE_SE_CONNECTE_PAS}
    dits = {
        nom: try_or_say(lambda p=personne: note_condition(p, plan.convention, plan.solde.pk, JOUR, "Bilan reçu"))
        for nom, personne in gens.items()
    }
    refus = f"interdit : La condition d’un versement est constatée par celui qui le paie ({plan.payeur.sigle})."
    assert dits == {nom: "" if nom in CONSTATENT else refus for nom in gens}


def test_condition_seen_opens_its_payment_and_keeps_who_saw_it(plan: Plan, agent: Utilisateur) -> None:
    constat = note_condition(agent, plan.convention, plan.solde.pk, JOUR, " Bilan 2018 reçu ")
    assert (constat.date, constat.motif, constat.auteur, plan.read(plan.solde).ouvert) == (JOUR, "Bilan 2018 reçu", agent, True)


@pytest.mark.parametrize("motif", ["", "  ", "\x00"])
def test_condition_says_by_what_it_holds(motif: str, plan: Plan, agent: Utilisateur) -> None:
    with refuse("Dites par quoi la condition est remplie : « bilan 2018 reçu par courriel »."):
        note_condition(agent, plan.convention, plan.solde.pk, JOUR, motif)


def test_condition_is_seen_once(plan: Plan, agent: Utilisateur) -> None:
    note_condition(agent, plan.convention, plan.solde.pk, JOUR, "Bilan reçu")
    with refuse("Cette condition est déjà constatée."):
        note_condition(agent, plan.convention, plan.solde.pk, JOUR, "Bilan reçu")


def test_payment_that_is_open_needs_no_condition(plan: Plan, agent: Utilisateur) -> None:
    with refuse("Ce versement est déjà ouvert."):
        note_condition(agent, plan.convention, plan.acompte.pk, JOUR, "Bilan reçu")


def test_condition_is_not_seen_before_the_signature(plan: Plan, agent: Utilisateur) -> None:
    with lift():
        sign(plan.convention, etat="a_signer")
    with refuse("La convention n’est pas signée."):
        note_condition(agent, plan.convention, plan.solde.pk, JOUR, "Bilan reçu")


def test_condition_of_a_payment_elsewhere_is_refused(plan: Plan, agent: Utilisateur) -> None:
    with refuse("Ce versement n’est plus dans la convention."):
        note_condition(agent, plan.convention, factories.VersementFactory().pk, JOUR, "Bilan reçu")


# --- Giving back -----------------------------------------------------------------------------------


@pytest.fixture
def trop_paye(plan: Plan) -> Plan:
    """1 000 € paid, of which 200 € are not due any more."""
    make_paiement(plan.acompte, "paye", 400)
    make_paiement(plan.solde, "paye", 600)
    with lift():
        plan.convention.montants_declares.update(montant=Decimal(800))
    return plan


def reverse(user: Any, plan: Plan, montant: str | int = 200, **autres: str) -> Reversement:
    valeurs = {"numero": "T-9", "motif": "Avenant n° 1"} | autres
    return issue_reversement(user, plan.convention, plan.payeur.pk, Decimal(montant), valeurs["numero"], valeurs["motif"], date(2019, 3, 1))


def test_titre_is_issued_by_who_makes_the_payments(trop_paye: Plan) -> None:
    gens = {nom: make_person(nom, trop_paye) for nom in PERSONNES}
    dits = {nom: try_or_say(lambda p=personne: reverse(p, trop_paye)) for nom, personne in gens.items()}
    assert {nom for nom, dit in dits.items() if not dit} == PAIENT
    assert {dit.split(" ")[0] for dit in dits.values() if dit} == {"interdit"}


def test_titre_says_who_gives_back_to_whom_and_settles_it(trop_paye: Plan, payeur: Utilisateur) -> None:
    titre = reverse(payeur, trop_paye)
    assert (titre.payeur, titre.redevable, titre.montant, titre.exercice) == (trop_paye.payeur, trop_paye.beneficiaire, euros(200), 2019)
    assert trop_paye.du_payeur.trop_percu == 0


def test_titre_never_claims_more_than_what_was_paid_too_much(trop_paye: Plan, payeur: Utilisateur) -> None:
    with refuse("Le trop-perçu est de 200 € : le titre ne peut pas le dépasser."):
        reverse(payeur, trop_paye, "200.01")
    reverse(payeur, trop_paye, 150)
    with refuse("Le trop-perçu est de 50 € : le titre ne peut pas le dépasser."):
        reverse(payeur, trop_paye, "50.01")
    reverse(payeur, trop_paye, 50)
    with refuse("Rien n’a été payé en trop."):
        reverse(payeur, trop_paye, "0.01")


def test_titre_is_not_issued_in_the_future(trop_paye: Plan, payeur: Utilisateur) -> None:
    demain = timezone.localdate() + timedelta(days=1)
    with refuse("Cette date est dans l’avenir : enregistrez ce qui est fait, le jour où c’est fait."):
        issue_reversement(payeur, trop_paye.convention, trop_paye.payeur.pk, Decimal(1), "T-9", "Revue", demain)


def test_titre_says_who_gives_back_when_several_were_paid(trop_paye: Plan, payeur: Utilisateur) -> None:
    agence, tiers = factories.OrganisationFactory(), factories.OrganisationFactory()
    autre = factories.VersementFactory(convention=trop_paye.convention, payeur=trop_paye.payeur, beneficiaire=agence, ordre=30)
    factories.VersementFactory(convention=trop_paye.convention, payeur=trop_paye.payeur, beneficiaire=tiers, ordre=40)
    make_paiement(autre, "paye", 50)
    envoi: Any = (payeur, trop_paye.convention, trop_paye.payeur.pk, Decimal(50), "T-9", "Revue", date(2019, 3, 1))
    for personne in (None, tiers.pk, 0):
        with refuse("Choisissez qui a reçu le trop-perçu et doit le reverser."):
            issue_reversement(*envoi, personne)
    assert issue_reversement(*envoi, agence.pk).redevable == agence


def test_nothing_is_claimed_back_when_nothing_is_too_much(plan: Plan, payeur: Utilisateur) -> None:
    make_paiement(plan.acompte, "paye", 400)
    with refuse("Rien n’a été payé en trop."):
        reverse(payeur, plan, 1)


@pytest.mark.parametrize("montant", ["0", "-1"])
def test_titre_is_of_one_cent_at_least(montant: str, trop_paye: Plan, payeur: Utilisateur) -> None:
    with pytest.raises(ValidationError):
        reverse(payeur, trop_paye, montant)
    assert not Reversement.objects.exists()


def test_titre_wants_its_number_and_its_reason_and_names_both(trop_paye: Plan, payeur: Utilisateur) -> None:
    with refuse("Donnez le numéro du titre.", "Dites pourquoi ce titre est émis : le redevable le lira."):
        reverse(payeur, trop_paye, numero="  ", motif="")


def test_character_that_no_database_keeps_is_left_out_of_a_titre(trop_paye: Plan, payeur: Utilisateur) -> None:
    titre = reverse(payeur, trop_paye, numero="T\x00-9", motif="Avenant\x00 n° 1")
    assert (titre.numero_titre, titre.motif) == ("T-9", "Avenant n° 1")


# --- Journal ---------------------------------------------------------------------------------------


def read_journal(convention: Convention) -> list[tuple[str, str]]:
    return [(e.genre, spell(e.message)) for e in convention.evenements.order_by("rang")]


def test_journal_tells_each_step_and_who_made_it(plan: Plan, partenaire: Utilisateur, payeur: Utilisateur) -> None:
    paiement = ask(partenaire, plan, plan.acompte, "399.50")
    advance(payeur, paiement, *ACTIONS, motif="")
    assert read_journal(plan.convention) == [
        ("paiement_demande", "Versement demandé : acompte, 399,50 €."),
        ("paiement_service_fait", "Service fait constaté : acompte, 399,50 €."),
        ("paiement_liquide", "Paiement liquidé : acompte, 399,50 €."),
        ("paiement_mandate", "Paiement mandaté : acompte, 399,50 €."),
        ("paiement_paye", "Paiement enregistré : acompte, 399,50 €."),
    ]
    evenements = list(plan.convention.evenements.order_by("rang"))
    assert [e.auteur for e in evenements] == [partenaire, *[payeur] * 4]
    assert evenements[-1].donnees == {"paiement": paiement.pk, "date": "2018-11-02", "mandat": "M-345"}
    assert check_chaine(evenements).is_intact


def test_journal_tells_a_rejection_with_its_reason(plan: Plan, payeur: Utilisateur) -> None:
    advance(payeur, make_paiement(plan.acompte, montant=20), "rejeter")
    evenement = plan.convention.evenements.get()
    assert (evenement.genre, spell(evenement.message)) == ("paiement_rejete", "Paiement rejeté : acompte, 20 €.")
    assert evenement.donnees["motif"] == "Pièce manquante"


def test_journal_tells_a_condition_and_a_titre(trop_paye: Plan, payeur: Utilisateur) -> None:
    note_condition(payeur, trop_paye.convention, trop_paye.solde.pk, JOUR, "Comité du 30 octobre")
    reverse(payeur, trop_paye)
    assert read_journal(trop_paye.convention) == [
        ("condition", "Condition remplie le 02/11/2018 : solde. Comité du 30 octobre"),
        ("reversement", "Titre de reversement T-9 : 200 €."),
    ]


def test_journal_never_shows_the_account(plan: Plan, payeur: Utilisateur, partenaire: Utilisateur) -> None:
    advance(payeur, ask(partenaire, plan, plan.acompte), *ACTIONS, motif="")
    assert not [e for e in plan.convention.evenements.all() if IBAN in f"{e.message}{e.donnees}"]


def test_what_is_refused_leaves_no_trace_in_the_journal(plan: Plan, payeur: Utilisateur, partenaire: Utilisateur) -> None:
    paiement = make_paiement(plan.acompte)
    for geste in (lambda: ask(partenaire, plan, plan.acompte, 500), lambda: advance(payeur, paiement, "rejeter", motif="")):
        with pytest.raises(ValidationError):
            geste()
    assert not plan.convention.evenements.exists()


def test_events_of_an_avenant_are_in_the_journal_of_the_agreement(plan: Plan, agent: Utilisateur) -> None:
    avenant = amend(plan, agent)
    ask_paiement(agent, avenant, plan.acompte.pk, Decimal(1), 2018, JOUR)
    assert plan.convention.evenements.filter(genre="paiement_demande").exists()
    assert not avenant.evenements.filter(genre="paiement_demande").exists()


# --- Never more than what is due -------------------------------------------------------------------


def test_two_stale_requests_that_exceed_together_are_not_both_accepted(plan: Plan, agent: Utilisateur, partenaire: Utilisateur) -> None:
    vues = [Convention.objects.with_parties().get(pk=plan.convention.pk) for _ in range(2)]
    ask_paiement(agent, vues[0], plan.acompte.pk, Decimal("200.01"), 2018, JOUR)
    with refuse("Ce versement prévoit 400 €, dont 200,01 € déjà demandés."):
        ask_paiement(partenaire, vues[1], plan.acompte.pk, Decimal(200), 2018, JOUR)


def test_two_stale_mandats_that_exceed_the_credits_together_are_not_both_made(plan: Plan, payeur: Utilisateur) -> None:
    factories.CreditFactory(convention=plan.convention, payeur=plan.payeur, cp=euros(300))
    deux = [make_paiement(plan.acompte, "liquide", 200), make_paiement(plan.acompte, "liquide", 200)]
    advance_paiement(payeur, deux[0], "mandater", typed())
    with pytest.raises(ValidationError, match="laissent 100"):
        advance_paiement(payeur, deux[1], "mandater", typed())


demandes = st.tuples(st.just("demander"), st.sampled_from(["acompte", "solde"]), st.integers(-5, 70_000).map(lambda n: Decimal(n) / 100))
gestes = st.tuples(st.sampled_from([*ACTIONS, "rejeter"]), st.integers(0, 20), st.none())
suites = st.lists(demandes | gestes, max_size=12)


@given(suites)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_asked_for_and_done_sums_stay_within_what_is_due(
    plan: Plan, partenaire: Utilisateur, payeur: Utilisateur, imputation: Imputation, suite: list[tuple[Any, ...]]
) -> None:
    with transaction.atomic():
        with lift():
            Versement.objects.filter(pk=plan.solde.pk).update(declencheur="aucun")
        paiements: list[Paiement] = []
        for action, ou, montant in suite:
            try:
                if action == "demander":
                    paiements.append(ask(partenaire, plan, getattr(plan, ou), montant))
                elif paiements:
                    advance_paiement(payeur, paiements[ou % len(paiements)], action, typed(imputation=imputation))
            except ValidationError:
                continue
        vivants = [p for p in Paiement.objects.all() if p.etat != "rejete"]
        par_versement = {
            v.pk: sum((p.montant.amount for p in vivants if p.versement_id == v.pk), Decimal(0)) for v in (plan.acompte, plan.solde)
        }
        assert par_versement[plan.acompte.pk] <= 400
        assert par_versement[plan.solde.pk] <= 600
        assert all(p.montant.amount > 0 for p in vivants)
        payeur_vu = plan.du_payeur
        assert payeur_vu.demande == sum(par_versement.values()) <= 1000
        assert payeur_vu.reste == 1000 - payeur_vu.demande
        assert payeur_vu.paye == sum((p.montant.amount for p in vivants if p.etat == "paye"), Decimal(0))
        transaction.set_rollback(True)
