"""Bank accounts: masked for who does not pay, changed by two people, told in the journal."""

import re
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, connection, transaction
from django.http import HttpResponse
from django.template import Context, Template
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from lxml import html

from comptes.bancaire import ask_changement, explain_confirmation, format_iban, mask_iban, settle_changement, show_iban
from comptes.models import ChangementIban, Organisation, Utilisateur
from conventions.models import Convention
from documents.avenants import create_avenant
from documents.publication import publish_convention
from tests import factories
from tests.depots import words
from tests.ecritures import spell
from tests.paiements import AUTRE_ENTIER, AUTRE_IBAN, AUTRE_MASQUE, ENTIER, IBAN, MASQUE, PERSONNES, Plan, make_paiement, make_person
from tests.test_modeles import with_good_iban_key

pytestmark = pytest.mark.django_db
VOIENT = {
    *("payeur", "administrateur qui paie", "bénéficiaire qui prépare ses paiements"),
    *("administrateur du bénéficiaire", "exploitant"),
}
MASQUENT = {"agent du bénéficiaire", "agent du payeur", "administrateur du payeur", "lecteur", "lecteur qui paierait"}
REFUS = "Le compte bancaire d’une organisation est changé par ses administrateurs ou par les personnes qui préparent les paiements."


def connect(personne: Utilisateur) -> Client:
    client = Client()
    client.force_login(personne)
    return client


def address(organisation: Organisation, *changement: int) -> str:
    return reverse("compte_confirmer" if changement else "compte_bancaire", args=[organisation.cle, *changement])


@pytest.fixture
def chambre(plan: Plan) -> Organisation:
    """Who is paid, with its account."""
    return plan.beneficiaire


@pytest.fixture
def tresorier(plan: Plan) -> Utilisateur:
    """An administrator of the organisation whose account changes."""
    return make_person("administrateur du bénéficiaire", plan)


@pytest.fixture
def payeur(plan: Plan) -> Utilisateur:
    """Who prepares the payments of the other party."""
    return make_person("payeur", plan)


@pytest.fixture
def attente(chambre: Organisation, tresorier: Utilisateur) -> ChangementIban:
    """A change that waits for a second person."""
    return ask_changement(tresorier, chambre, AUTRE_IBAN, "Banque postale", "RIB reçu par courrier")


def told(reponse: HttpResponse) -> list[str]:
    return [spell(p.text_content()) for p in html.fromstring(reponse.content.decode()).xpath("//*[@role='alert']/p")]


# --- Masked or whole -------------------------------------------------------------------------------


def test_every_person_stands_in_one_of_the_two_lists() -> None:
    assert VOIENT | MASQUENT | {"compte fermé", "étranger", "étranger qui paie"} == set(PERSONNES)


@pytest.mark.parametrize("iban", [IBAN, AUTRE_IBAN, "BE68539007547034", "NO9386011117947"])
def test_masked_account_shows_its_country_and_its_end(iban: str) -> None:
    assert mask_iban(iban) == f"{iban[:4]} •••• {iban[-4:]}"
    assert iban[4:-4] not in mask_iban(iban)
    assert format_iban(iban).replace("\u00a0", "") == iban


def test_no_account_is_shown_as_nothing(agent: Utilisateur) -> None:
    assert (mask_iban(""), format_iban(""), show_iban(agent, Organisation())) == ("", "", "")


def list_pages(plan: Plan) -> list[str]:
    """Every page of the workspace where the account of the beneficiary has its place."""
    return [
        *(reverse(nom, args=[plan.convention.reference]) for nom in ("articles", "versements")),
        address(plan.beneficiaire),
    ]


def read_pages(personne: Utilisateur, plan: Plan) -> list[str]:
    client = connect(personne)
    reponses = [client.get(adresse) for adresse in list_pages(plan)]
    assert [r.status_code for r in reponses] == [200] * len(reponses)
    return [spell(r.content.decode()) for r in reponses]


@pytest.fixture
def boite(plan: Plan) -> Plan:
    """The plan with the bank box in its text and a payment on its way."""
    factories.ArticleFactory(convention=plan.convention, texte="{{ tableau.coordonnees_bancaires }}")
    make_paiement(plan.acompte, "mandate")
    return plan


def bears(page: str, iban: str) -> bool:
    """Tell whether the account can be read whole in a page, in one piece or in the cells of the bank box."""
    return iban[4:-2] in re.sub(r"(<[^>]*>|\s)", "", page)


def test_account_is_whole_for_who_pays_and_for_administrators_of_the_organisation_and_masked_for_others(boite: Plan) -> None:
    pages = {nom: read_pages(make_person(nom, boite), boite) for nom in (*VOIENT, *MASQUENT)}
    assert {nom: [bears(page, IBAN) for page in lues] for nom, lues in pages.items()} == {nom: [nom in VOIENT] * 3 for nom in pages}
    assert {nom: [MASQUE in page for page in pages[nom]] for nom in MASQUENT} == dict.fromkeys(MASQUENT, [True] * 3)


def test_nothing_of_the_account_between_its_ends_is_in_any_page_of_the_agreement(boite: Plan, partenaire: Utilisateur) -> None:
    noms = ["convention", "articles", "versements", "budget", "controles", "famille", "vie", "journal", "journal_csv", "imports"]
    client = connect(partenaire)
    pages = {nom: client.get(reverse(nom, args=[boite.convention.reference])).content.decode() for nom in noms}
    pages["accueil"] = client.get(reverse("accueil")).content.decode()
    assert [nom for nom, page in pages.items() if IBAN[8:-4] in spell(page).replace(" ", "")] == []


@pytest.mark.parametrize("role", ["administrateur", "agent"])
def test_open_data_and_exports_bear_no_account(role: str, boite: Plan) -> None:
    client = connect(factories.UtilisateurFactory(organisation=boite.beneficiaire, role=role, paie=True))
    for adresse in (reverse("subventions_csv"), reverse("journal_csv", args=[boite.convention.reference])):
        assert IBAN not in client.get(adresse).getvalue().decode()


def test_printed_agreement_bears_the_account_whole(boite: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    documents: list[Any] = []
    monkeypatch.setattr("documents.publication.render_pdf", lambda document: documents.append(document) or b"%PDF-")
    publish_convention(Convention.objects.with_parties().get(pk=boite.convention.pk))
    cellules = html.fromstring(documents[0].html).xpath("//table[contains(@class,'rib')]/tbody/tr/td/text()")
    assert [c.strip() for c in cellules][1:] == ["20041", "01005", "0500013M026", "06"]


@pytest.mark.parametrize(
    ("iban", "attendus"), [("BE68539007547034", [False, True, False, False]), ("", [True] * 4)], ids=["foreign", "unknown"]
)
def test_bank_box_of_an_account_without_rib(
    iban: str, attendus: list[bool], boite: Plan, payeur: Utilisateur, partenaire: Utilisateur
) -> None:
    Organisation.objects.filter(pk=boite.beneficiaire.pk).update(iban=iban)
    gabarit = Template("{% load financement %}{% coordonnees_bancaires c %}")
    convention = Convention.objects.with_parties().get(pk=boite.convention.pk)
    vue, masquee = (gabarit.render(Context({"c": convention, "user": u})) for u in (payeur, partenaire))
    assert [mot in page for page in (vue, masquee) for mot in ("à compléter", iban or "à compléter")] == attendus
    assert mask_iban(iban) in masquee


# --- Administration --------------------------------------------------------------------------------


@pytest.mark.usefixtures("lenient_templates")
def test_administration_masks_the_account_and_leads_to_its_page(chambre: Organisation, tresorier: Utilisateur) -> None:
    page = connect(tresorier).get(reverse("admin:comptes_organisation_change", args=[chambre.pk])).content.decode()
    assert not bears(page, IBAN)
    assert MASQUE in page
    assert address(chambre) in page


@pytest.mark.usefixtures("lenient_templates")
@pytest.mark.parametrize("nom", ["administrateur du bénéficiaire", "exploitant"])
def test_administration_does_not_change_the_account(nom: str, chambre: Organisation, plan: Plan) -> None:
    champs = ("nom", "sigle", "cle", "nature", "droit", "siret", "adresse", "code_postal", "ville", "banque")
    envoi = {c: getattr(chambre, c) for c in champs} | {"ville": "Dijon", "iban": AUTRE_IBAN, "compte_masque": AUTRE_IBAN}
    reponse = connect(make_person(nom, plan)).post(reverse("admin:comptes_organisation_change", args=[chambre.pk]), envoi)
    assert reponse.status_code == 302
    chambre.refresh_from_db()
    assert (chambre.ville, chambre.iban) == ("Dijon", IBAN)


@pytest.mark.usefixtures("lenient_templates")
def test_administrator_of_the_other_party_finds_no_account_in_the_administration(chambre: Organisation, plan: Plan) -> None:
    client = connect(make_person("administrateur du payeur", plan))
    for nom in ("change", "history"):
        reponse = client.get(reverse(f"admin:comptes_organisation_{nom}", args=[chambre.pk]), follow=True)
        assert not bears(reponse.content.decode(), IBAN), nom


@pytest.mark.usefixtures("lenient_templates")
def test_payments_of_the_administration_show_no_account_to_who_does_not_pay(plan: Plan) -> None:
    paiement = make_paiement(plan.acompte, "service_fait")
    paiement.etat, paiement.iban = "liquide", IBAN
    paiement.save()
    client = connect(make_person("administrateur du payeur", plan))
    version = paiement.history.first().pk
    adresses = {
        "changelist": reverse("admin:financement_paiement_changelist"),
        "change": reverse("admin:financement_paiement_change", args=[paiement.pk]),
        "history": reverse("admin:financement_paiement_history", args=[paiement.pk]),
        "version": reverse("admin:financement_paiement_simple_history", args=[paiement.pk, version]),
    }
    lues = {nom: client.get(adresse) for nom, adresse in adresses.items()}
    assert {nom: r.status_code for nom, r in lues.items()} == dict.fromkeys(lues, 200)
    assert [nom for nom, r in lues.items() if bears(r.content.decode(), IBAN)] == []


@pytest.mark.usefixtures("lenient_templates")
@pytest.mark.parametrize("filtre", ["iban", "iban__startswith", "versement__beneficiaire__iban__startswith", "banque__gt"])
def test_account_cannot_be_guessed_letter_by_letter(filtre: str, plan: Plan) -> None:
    make_paiement(plan.acompte, "mandate")
    client = connect(make_person("administrateur du payeur", plan))
    for liste in ("financement_paiement", "comptes_organisation"):
        juste, faux = (client.get(reverse(f"admin:{liste}_changelist"), {filtre: v}, follow=True) for v in (IBAN, "FR99"))
        assert (juste.status_code, len(juste.redirect_chain)) == (faux.status_code, len(faux.redirect_chain))
        assert juste.content.decode().count("field-") == faux.content.decode().count("field-")


# --- Asking for a change ---------------------------------------------------------------------------


@pytest.mark.parametrize("nom", sorted(VOIENT))
def test_change_is_asked_for_by_administrators_and_by_who_pays(nom: str, chambre: Organisation, plan: Plan) -> None:
    personne = make_person(nom, plan)
    reponse = connect(personne).post(
        address(chambre), {"iban": " fr76 3000 6000 0112 3456 7890 189 ", "banque": " BNP ", "motif": " RIB "}, follow=True
    )
    assert "Changement demandé. Une autre personne le confirme avant qu’il ne serve." in words(reponse)
    changement = ChangementIban.objects.get()
    assert (changement.ancien, changement.nouveau, changement.banque, changement.motif) == (IBAN, AUTRE_IBAN, "BNP", "RIB")
    assert (changement.etat, changement.demande_par, changement.traite_par) == ("demande", personne, None)
    chambre.refresh_from_db()
    assert chambre.iban == IBAN


def test_change_is_not_asked_for_by_anybody_else(chambre: Organisation, plan: Plan) -> None:
    for nom in MASQUENT:
        client = connect(make_person(nom, plan))
        page = client.get(address(chambre))
        assert REFUS in words(page), nom
        assert not html.fromstring(page.content.decode()).xpath("//main//form")
        assert client.post(address(chambre), {"iban": AUTRE_IBAN, "motif": "RIB"}).status_code == 403, nom
    assert not ChangementIban.objects.exists()


def test_closed_account_asks_for_nothing(chambre: Organisation, plan: Plan) -> None:
    with pytest.raises(PermissionDenied, match="préparent les paiements"):
        ask_changement(make_person("compte fermé", plan), chambre, AUTRE_IBAN, "", "RIB")


FAUX = [
    *("FR1420041010050500013M02607", with_good_iban_key("20041010050500013M02607"), "FR14", "pas un IBAN"),
    "FR76" + "0" * 60,
]


def test_wrong_account_is_refused_in_words_and_shown_again(chambre: Organisation, tresorier: Utilisateur) -> None:
    client = connect(tresorier)
    for iban in FAUX:
        reponse = client.post(address(chambre), {"iban": iban, "banque": "BNP", "motif": "RIB"})
        assert reponse.status_code == 422
        assert "Cet IBAN est faux : un chiffre a sans doute été mal recopié (la clé ne correspond pas)." in told(reponse)
        champs = html.fromstring(reponse.content.decode()).xpath("//main//form//input[not(@type='hidden')]")
        assert {c.get("name"): c.get("value") for c in champs} == {"iban": iban, "banque": "BNP", "motif": "RIB"}
    assert not ChangementIban.objects.exists()


def test_change_says_where_the_account_comes_from(chambre: Organisation, tresorier: Utilisateur) -> None:
    reponse = connect(tresorier).post(address(chambre), {"iban": AUTRE_IBAN, "motif": "  "})
    assert told(reponse) == ["Dites d’où vient ce compte : « RIB reçu par courrier le 02/11/2018 »."]


def test_wrong_account_without_reason_is_refused_for_both(chambre: Organisation, tresorier: Utilisateur) -> None:
    assert told(connect(tresorier).post(address(chambre), {"iban": "FR14", "motif": ""})) == [
        "Dites d’où vient ce compte : « RIB reçu par courrier le 02/11/2018 ».",
        "Cet IBAN est faux : un chiffre a sans doute été mal recopié (la clé ne correspond pas).",
    ]


def test_same_account_is_no_change(chambre: Organisation, tresorier: Utilisateur) -> None:
    assert told(connect(tresorier).post(address(chambre), {"iban": ENTIER.lower(), "motif": "RIB"})) == ["C’est déjà le compte enregistré."]


def test_empty_account_is_asked_for(chambre: Organisation, tresorier: Utilisateur) -> None:
    Organisation.objects.filter(pk=chambre.pk).update(iban="")
    (phrase,) = told(connect(tresorier).post(address(chambre), {"iban": " ", "motif": "RIB"}))
    assert "déjà" not in phrase
    assert not ChangementIban.objects.exists()


def test_character_that_no_database_keeps_is_left_out(chambre: Organisation, tresorier: Utilisateur) -> None:
    connect(tresorier).post(address(chambre), {"iban": AUTRE_IBAN, "banque": "B\x00NP", "motif": "R\x00IB"})
    changement = ChangementIban.objects.get()
    assert (changement.banque, changement.motif) == ("BNP", "RIB")


def test_only_one_change_waits_at_a_time(attente: ChangementIban, chambre: Organisation, payeur: Utilisateur) -> None:
    with pytest.raises(ValidationError, match="Un changement de ce compte attend déjà d’être confirmé"):
        ask_changement(payeur, chambre, "BE68539007547034", "", "RIB")
    assert not html.fromstring(connect(payeur).get(address(chambre)).content.decode()).xpath("//input[@name='iban']")
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.ChangementIbanFactory(organisation=chambre)


def test_change_waits_for_one_organisation_without_holding_another(attente: ChangementIban, plan: Plan, payeur: Utilisateur) -> None:
    assert ask_changement(payeur, plan.payeur, AUTRE_IBAN, "", "RIB").etat == "demande"


def test_first_account_of_an_organisation_is_confirmed_too(chambre: Organisation, tresorier: Utilisateur, payeur: Utilisateur) -> None:
    Organisation.objects.filter(pk=chambre.pk).update(iban="")
    assert "Aucun compte n’est enregistré." in words(connect(payeur).get(address(chambre)))
    settle_changement(payeur, ask_changement(tresorier, chambre, IBAN, "BNP", "RIB"), True)
    chambre.refresh_from_db()
    assert (chambre.iban, chambre.banque) == (IBAN, "BNP")


# --- Confirming ------------------------------------------------------------------------------------


def settle(personne: Utilisateur, changement: ChangementIban, decision: str = "confirmer", follow: bool = False) -> Any:
    return connect(personne).post(address(changement.organisation, changement.pk), {"decision": decision}, follow=follow)


@pytest.mark.parametrize("nom", sorted(VOIENT))
def test_change_is_confirmed_by_somebody_else(nom: str, attente: ChangementIban, plan: Plan) -> None:
    personne = make_person(nom, plan)
    assert "Le nouveau compte est enregistré." in words(settle(personne, attente, follow=True))
    attente.refresh_from_db()
    organisation = Organisation.objects.get(pk=plan.beneficiaire.pk)
    assert (organisation.iban, organisation.banque) == (AUTRE_IBAN, "Banque postale")
    assert (attente.etat, attente.traite_par) == ("confirme", personne)
    assert attente.traite_le is not None


def test_change_is_never_confirmed_by_who_asked_for_it(attente: ChangementIban, tresorier: Utilisateur, chambre: Organisation) -> None:
    phrase = "Vous avez demandé ce changement : une autre personne le confirme."
    page = connect(tresorier).get(address(chambre))
    assert phrase in words(page)
    assert address(chambre, attente.pk) not in page.content.decode()
    for decision in ("confirmer", "refuser"):
        assert phrase in words(settle(tresorier, attente, decision, follow=True))
    attente.refresh_from_db()
    chambre.refresh_from_db()
    assert (attente.etat, chambre.iban) == ("demande", IBAN)


def test_operator_does_not_confirm_their_own_change_either(chambre: Organisation, plan: Plan) -> None:
    exploitant = make_person("exploitant", plan)
    changement = ask_changement(exploitant, chambre, AUTRE_IBAN, "", "RIB")
    with pytest.raises(ValidationError, match="une autre personne le confirme"):
        settle_changement(exploitant, changement, True)


def test_database_refuses_that_one_person_asks_and_confirms(attente: ChangementIban) -> None:
    attente.traite_par = attente.demande_par
    with pytest.raises(ValidationError, match="Une autre personne confirme le changement"):
        attente.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        ChangementIban.objects.filter(pk=attente.pk).update(traite_par=attente.demande_par)
    with pytest.raises(IntegrityError), transaction.atomic():
        attente.save()


def test_change_is_not_confirmed_by_who_may_not_ask_for_it(attente: ChangementIban, plan: Plan) -> None:
    for nom in MASQUENT:
        personne = make_person(nom, plan)
        page = connect(personne).get(address(plan.beneficiaire)).content.decode()
        assert settle(personne, attente).status_code == 403, nom
        assert not bears(page, AUTRE_IBAN), nom
        assert AUTRE_MASQUE in page
        assert explain_confirmation(personne, attente) == REFUS


def test_who_confirms_reads_the_new_account_whole_and_who_asked_for_it(attente: ChangementIban, payeur: Utilisateur) -> None:
    page = spell(words(connect(payeur).get(address(attente.organisation))))
    assert AUTRE_ENTIER in page
    assert f"Demandé par {attente.demande_par} (CCI) le " in page
    assert "RIB reçu par courrier" in page
    assert "Appelez l’organisation à un numéro que vous connaissez déjà" in page


def test_change_that_is_turned_down_changes_nothing(attente: ChangementIban, payeur: Utilisateur, chambre: Organisation) -> None:
    assert "Le changement est refusé : rien n’a changé." in words(settle(payeur, attente, "refuser", follow=True))
    attente.refresh_from_db()
    chambre.refresh_from_db()
    assert (attente.etat, attente.traite_par, chambre.iban) == ("refuse", payeur, IBAN)
    assert ask_changement(payeur, chambre, AUTRE_IBAN, "", "RIB de nouveau").etat == "demande"


@pytest.mark.parametrize(("decision", "mot"), [("confirmer", "confirmé"), ("refuser", "refusé")])
def test_change_is_settled_once(decision: str, mot: str, attente: ChangementIban, payeur: Utilisateur, plan: Plan) -> None:
    settle(payeur, attente, decision)
    page = words(settle(make_person("administrateur qui paie", plan), attente, "confirmer", follow=True))
    assert f"Ce changement est déjà {mot}." in page
    assert Organisation.objects.get(pk=plan.beneficiaire.pk).iban == (AUTRE_IBAN if decision == "confirmer" else IBAN)


def test_account_changed_meanwhile_stops_the_confirmation(attente: ChangementIban, payeur: Utilisateur, chambre: Organisation) -> None:
    Organisation.objects.filter(pk=chambre.pk).update(iban="BE68539007547034")
    assert "Le compte a changé depuis la demande. Refusez-la et refaites-la." in words(settle(payeur, attente, follow=True))
    attente.refresh_from_db()
    chambre.refresh_from_db()
    assert (attente.etat, attente.traite_par, chambre.iban) == ("demande", None, "BE68539007547034")
    settle(payeur, attente, "refuser")
    attente.refresh_from_db()
    assert attente.etat == "refuse"


def test_bank_that_is_not_said_stays_as_it_was(chambre: Organisation, tresorier: Utilisateur, payeur: Utilisateur) -> None:
    Organisation.objects.filter(pk=chambre.pk).update(banque="BNP")
    settle_changement(payeur, ask_changement(tresorier, chambre, AUTRE_IBAN, "", "RIB"), True)
    assert Organisation.objects.get(pk=chambre.pk).banque == "BNP"


def test_past_changes_stay_masked_whoever_reads_them(attente: ChangementIban, payeur: Utilisateur, chambre: Organisation) -> None:
    settle(payeur, attente, "refuser")
    page = connect(payeur).get(address(chambre)).content.decode()
    assert not bears(page, AUTRE_IBAN)
    assert f"{AUTRE_MASQUE}, refusé" in words(connect(payeur).get(address(chambre)))


def test_history_of_the_organisation_keeps_both_accounts(attente: ChangementIban, payeur: Utilisateur, chambre: Organisation) -> None:
    settle_changement(payeur, attente, True)
    assert [v.iban for v in chambre.history.all()[:2]] == [AUTRE_IBAN, IBAN]


# --- Journal, strangers, queries -------------------------------------------------------------------


def test_live_agreements_tell_the_change_in_their_journal(attente: ChangementIban, payeur: Utilisateur, plan: Plan) -> None:
    toutes = {etat: factories.ConventionFactory(etat=etat) for etat in Convention.Etat}
    for autre in toutes.values():
        factories.PartieFactory(convention=autre, organisation=plan.beneficiaire)
    settle(payeur, attente)
    dits = {etat: [(e.genre, e.auteur, e.message) for e in c.evenements.all()] for etat, c in toutes.items()}
    dit = ("iban", payeur, f"Compte bancaire de CCI changé ({AUTRE_MASQUE}), demandé par {attente.demande_par}.")
    assert dits == {etat: [] if etat in {"soldee", "caduque"} else [dit] for etat in Convention.Etat}


def test_change_refused_is_told_and_never_to_the_agreements_of_others(attente: ChangementIban, payeur: Utilisateur, plan: Plan) -> None:
    ailleurs = factories.PartieFactory().convention
    settle(payeur, attente, "refuser")
    assert "refusé" in plan.convention.evenements.get().message
    settle(payeur, ask_changement(attente.demande_par, plan.beneficiaire, AUTRE_IBAN, "", "RIB"))
    assert (plan.convention.evenements.count(), ailleurs.evenements.count()) == (2, 0)


def test_journal_tells_the_request_and_who_made_it(tresorier: Utilisateur, chambre: Organisation, plan: Plan) -> None:
    client = connect(tresorier)
    client.post(address(chambre), {"iban": "FR14", "motif": "RIB"})  # refused: told nowhere
    client.post(address(chambre), {"iban": AUTRE_IBAN, "motif": "RIB"})
    settle(tresorier, ChangementIban.objects.get())  # one's own: refused too
    evenement = plan.convention.evenements.get()
    assert (evenement.auteur, evenement.message) == (tresorier, f"Changement du compte de CCI demandé ({AUTRE_MASQUE}).")


def test_avenants_leave_the_change_to_the_journal_of_their_agreement(attente: ChangementIban, plan: Plan, payeur: Utilisateur) -> None:
    avenant = create_avenant(payeur, plan.convention, "Revoir le solde.")
    settle(payeur, attente)
    assert plan.convention.evenements.filter(genre="iban").exists()
    assert not avenant.evenements.filter(genre="iban").exists()


def test_who_is_paid_does_not_change_the_account_of_who_pays(plan: Plan) -> None:
    for nom in ("bénéficiaire qui prépare ses paiements", "administrateur du bénéficiaire"):
        personne = make_person(nom, plan)
        assert connect(personne).post(address(plan.payeur), {"iban": AUTRE_IBAN, "motif": "RIB"}).status_code == 403, nom
        with pytest.raises(PermissionDenied, match="préparent les paiements"):
            ask_changement(personne, plan.payeur, AUTRE_IBAN, "", "RIB")


@pytest.mark.parametrize("nom", ["étranger", "étranger qui paie"])
def test_account_does_not_exist_for_strangers(nom: str, attente: ChangementIban, plan: Plan) -> None:
    client = connect(make_person(nom, plan))
    adresse = address(plan.beneficiaire)
    reponses = [client.get(adresse), client.post(adresse, {"iban": AUTRE_IBAN, "motif": "RIB"}), settle(make_person(nom, plan), attente)]
    assert [r.status_code for r in reponses] == [404] * 3
    assert client.get(reverse("compte_bancaire", args=["nulle-part"])).status_code == 404


def test_person_reads_the_account_of_their_own_organisation_without_any_agreement(agent: Utilisateur) -> None:
    assert connect(agent).get(address(agent.organisation)).status_code == 200


def test_change_is_settled_through_its_own_organisation_only(attente: ChangementIban, plan: Plan, payeur: Utilisateur) -> None:
    ailleurs = reverse("compte_confirmer", args=[plan.payeur.cle, attente.pk])
    assert connect(payeur).post(ailleurs, {"decision": "confirmer"}).status_code == 404


def test_page_asks_as_much_when_changes_double(chambre: Organisation, payeur: Utilisateur) -> None:
    client = connect(payeur)

    def fill() -> None:
        for _ in range(2):
            factories.ChangementIbanFactory(
                organisation=chambre, etat="refuse", traite_par=factories.UtilisateurFactory(), traite_le="2018-11-02T10:00Z"
            )

    def count() -> int:
        with CaptureQueriesContext(connection) as requetes:
            assert client.get(address(chambre)).status_code == 200
        return len(requetes)

    fill()
    avant = count()
    fill()
    assert count() == avant
