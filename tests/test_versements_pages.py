"""The page of payments: what each person reads there and may do, what each form writes, refuses, and shows again as typed."""

import re
import zipfile
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import resolve, reverse
from django.utils import timezone
from lxml import html

from comptes.models import Utilisateur
from conventions.gel import lift
from conventions.models import Convention
from documents.avenants import create_avenant
from financement.models import ConstatCondition, CreditExercice, Paiement, PieceVersement, Reversement
from tests import factories
from tests.budgets import make_budget
from tests.depots import words
from tests.ecritures import spell
from tests.factories import euros
from tests.paiements import JOUR, PERSONNES, Plan, make_paiement, make_person, sign
from tests.pieces import draw, make_odf, make_zip

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7\n% une facture\n"


def connect(personne: Utilisateur) -> Client:
    client = Client()
    client.force_login(personne)
    return client


@pytest.fixture
def payeur(plan: Plan) -> Client:
    """Signed in as who makes the payments."""
    return connect(make_person("payeur", plan))


@pytest.fixture
def demandeur(plan: Plan, partenaire: Utilisateur) -> Client:
    """Signed in as an agent of who receives the payments."""
    return connect(partenaire)


def address(plan: Plan, nom: str = "versements", *autres: Any) -> str:
    return reverse(nom, args=[plan.convention.reference, *autres])


def see(client: Client, plan: Plan, selecteur: str = "//main") -> str:
    reponse = client.get(address(plan))
    assert reponse.status_code == 200
    return words(reponse, selecteur)


def told(reponse: HttpResponse) -> list[str]:
    """The sentences that refuse a form, with plain spaces."""
    arbre = html.fromstring(reponse.content.decode())
    return [spell(p.text_content()) for p in arbre.xpath("//*[@role='alert']/p")]


def kept(reponse: HttpResponse, formulaire: str) -> dict[str, str]:
    """What the form that was refused shows again, by the names of its fields."""
    arbre = html.fromstring(reponse.content.decode())
    (form,) = arbre.xpath(f"//form[.//*[@id='erreurs-{formulaire}']]")
    valeurs = {i.get("name"): i.get("value", "") for i in form.xpath(".//input[not(@type='hidden') and not(@type='file')]")}
    choisies = {s.get("name"): "".join(s.xpath("./option[@selected]/@value")) for s in form.xpath(".//select")}
    return valeurs | choisies


def list_forms(client: Client, plan: Plan) -> set[tuple[Any, ...]]:
    """The forms of the page: name of their address, and what they are about."""
    arbre = html.fromstring(client.get(address(plan)).content.decode())
    trouves = [resolve(a) for a in arbre.xpath("//main//form/@action")]
    return {(r.url_name, *(v for c, v in r.kwargs.items() if c != "reference")) for r in trouves}


# --- Who sees what ---------------------------------------------------------------------------------


def test_each_person_is_offered_what_they_may_do(plan: Plan) -> None:
    paiement = make_paiement(plan.acompte, "service_fait")
    partout = {("versement_joindre", plan.acompte.pk), ("versement_joindre", plan.solde.pk), ("versement_demander", plan.acompte.pk)}
    constate = {("versement_constater", plan.solde.pk)}
    paie = {("paiement_avancer", paiement.pk, a) for a in ("liquider", "rejeter")} | {("versement_crediter", plan.payeur.pk)}
    attendus: dict[str, set[tuple[Any, ...]]] = {
        "lecteur": set(),
        "lecteur qui paierait": set(),
        **dict.fromkeys([nom for nom in PERSONNES if "bénéficiaire" in nom], partout),
        **dict.fromkeys(["agent du payeur", "administrateur du payeur"], partout | constate),
        **dict.fromkeys(["payeur", "administrateur qui paie", "exploitant"], partout | constate | paie),
    }
    assert set(attendus) == set(PERSONNES) - {"compte fermé", "étranger", "étranger qui paie"}
    assert {nom: list_forms(connect(make_person(nom, plan)), plan) for nom in attendus} == attendus


@pytest.mark.parametrize("nom", ["étranger", "étranger qui paie"])
def test_stranger_is_told_that_nothing_is_there(nom: str, plan: Plan) -> None:
    assert connect(make_person(nom, plan)).get(address(plan)).status_code == 404


def test_party_that_neither_pays_nor_receives_reads_and_adds_files_only(plan: Plan) -> None:
    tiers = factories.UtilisateurFactory(paie=True)
    factories.PartieFactory(convention=plan.convention, organisation=tiers.organisation, role="partenaire")
    assert {f[0] for f in list_forms(connect(tiers), plan)} == {"versement_joindre"}


def test_page_tells_where_payments_stand(plan: Plan, demandeur: Client) -> None:
    make_paiement(plan.acompte, "paye", "250.50")
    make_paiement(plan.acompte, "demande", 100)
    page = see(demandeur, plan)
    assert spell(page).count("250,50 €") >= 2
    chiffres = spell(see(demandeur, plan, "//dl[@class='chiffres']"))
    assert chiffres == "Dû au plus1 000 €Demandé350,50 €Payé250,50 €Reste à demander649,50 €"
    assert "Dû au plus : préambule : « Participation de l’Agglo »." in page
    assert "Fermé" in page
    assert "Le bilan n’est pas encore accepté." in page


def test_amounts_that_nobody_knows_are_dashes_and_not_zeros(plan: Plan, demandeur: Client) -> None:
    with lift():
        plan.convention.montants_declares.all().delete()
    page = see(demandeur, plan, "//dl[@class='chiffres']")
    assert spell(page) == "Dû au plus–Demandé0 €Payé0 €Reste à demander–"


def test_page_shows_a_payment_with_its_days_its_numbers_and_its_imputation(plan: Plan, demandeur: Client) -> None:
    paiement = make_paiement(plan.acompte, "paye", 400)
    page = spell(see(demandeur, plan, "//*[@class='paiement']"))
    assert "400 €, exercice 2018 · Payé" in page
    assert "Demandé le 02/11/2018 · Service fait le 02/11/2018" in page
    assert "Bordereau B-12, mandat M-345" in page
    assert str(paiement.imputation) in page


def test_beneficiary_reads_why_a_payment_was_rejected(plan: Plan, demandeur: Client) -> None:
    make_paiement(plan.acompte, "rejete")
    assert "Rejeté : Pièce manquante" in see(demandeur, plan)


def test_missing_account_is_pointed_out(plan: Plan, demandeur: Client) -> None:
    plan.beneficiaire.iban = ""
    plan.beneficiaire.save()
    assert "Compte à créditer, CCI : non enregistré" in see(demandeur, plan)


def test_page_leads_to_the_bank_account_and_from_the_tabs(plan: Plan, demandeur: Client) -> None:
    page = html.fromstring(demandeur.get(address(plan)).content.decode())
    assert reverse("compte_bancaire", args=[plan.beneficiaire.cle]) in page.xpath("//main//a/@href")
    assert page.xpath("//ul[@class='onglets']//a[@aria-current='page']/text()") == ["Versements"]


def test_agreement_without_plan_says_where_it_comes_from(convention: Convention, agent: Utilisateur) -> None:
    reponse = connect(agent).get(reverse("versements", args=[convention.reference]))
    assert "Aucun versement prévu" in words(reponse)
    assert "Un administrateur les ajoute dans l’administration." in words(reponse)


def test_administrator_of_an_agreement_without_plan_is_led_to_it(convention: Convention, administrateur: Client) -> None:
    reponse = administrateur.get(reverse("versements", args=[convention.reference]))
    lien = reverse("admin:conventions_convention_change", args=[convention.pk])
    assert lien in html.fromstring(reponse.content.decode()).xpath("//main//a/@href")


def test_plan_of_an_avenant_in_force_is_shown_and_named(plan: Plan, agent: Utilisateur) -> None:
    make_paiement(plan.acompte, "paye", 400)
    avenant = create_avenant(agent, plan.convention, "Revoir le solde.")
    avenant.versements.filter(nature="solde").update(montant=Decimal(555))
    sign(avenant, etat="executoire")
    client = connect(agent)
    page = client.get(address(plan))
    assert "l’avenant n° 1" in spell(words(page))
    assert reverse("avenant", args=[avenant.reference]) in page.content.decode()
    for reference in (plan.convention.reference, avenant.reference):
        lue = spell(words(client.get(reverse("versements", args=[reference]))))
        assert "Solde 555 €" in lue
        assert "400 € payés" in lue


def test_years_are_a_table_with_what_is_left(plan: Plan, demandeur: Client) -> None:
    factories.CreditFactory(
        convention=plan.convention, payeur=plan.payeur, ae=euros(1000), cp=euros("500.50"), numero_engagement="E-77", engage=euros(900)
    )
    make_paiement(plan.acompte, "mandate", 200)
    make_paiement(plan.acompte, "paye", 100, exercice=2019)
    arbre = html.fromstring(demandeur.get(address(plan)).content.decode())
    rangs = [[spell(c.text_content()) for c in tr.xpath("*")] for tr in arbre.xpath("//table//tr")]
    assert rangs == [
        ["Exercice", "AE votées", "Engagé", "CP votés", "Mandaté", "Payé", "CP restants"],
        ["2018 E-77", "1 000", "900", "500,50", "200", "0", "300,50"],
        ["2019", "–", "–", "–", "100", "100", "–"],
    ]


def test_cp_above_the_ae_are_pointed_out(plan: Plan, demandeur: Client) -> None:
    factories.CreditFactory(convention=plan.convention, payeur=plan.payeur, ae=euros(100), cp=euros(101))
    assert "Les crédits de paiement votés dépassent les autorisations d’engagement." in see(demandeur, plan)


# --- What only reading may not do ------------------------------------------------------------------


def list_writings(plan: Plan, paiement: Paiement) -> dict[str, tuple[str, dict[str, Any]]]:
    """Every address that writes, with what a form well filled sends."""
    return {
        "demander": (address(plan, "versement_demander", plan.acompte.pk), {"montant": "100", "exercice": "2018", "jour": "2018-11-02"}),
        "constater": (address(plan, "versement_constater", plan.solde.pk), {"jour": "02/11/2018", "motif": "Bilan reçu"}),
        "joindre": (
            address(plan, "versement_joindre", plan.acompte.pk),
            {"intitule": "Facture", "fichier": SimpleUploadedFile("f.pdf", PDF)},
        ),
        "avancer": (address(plan, "paiement_avancer", paiement.pk, "service_fait"), {"jour": "2018-11-05"}),
        "créditer": (address(plan, "versement_crediter", plan.payeur.pk), {"exercice": "2018", "ae": "1 000", "cp": "500"}),
        "reverser": (
            address(plan, "versement_reverser", plan.payeur.pk),
            {"montant": "50", "jour": "2019-03-01", "numero": "T-9", "motif": "Avenant"},
        ),
    }


@pytest.mark.parametrize("nom", ["lecteur", "lecteur qui paierait"])
def test_lecteur_writes_nothing(nom: str, plan: Plan) -> None:
    paiement, client = make_paiement(plan.acompte), connect(make_person(nom, plan))
    codes = {geste: client.post(*envoi).status_code for geste, envoi in list_writings(plan, paiement).items()}
    assert codes == dict.fromkeys(codes, 403)
    assert (Paiement.objects.count(), PieceVersement.objects.count(), plan.convention.evenements.count()) == (1, 0, 0)


def test_stranger_writes_nothing_and_learns_nothing(plan: Plan) -> None:
    paiement, client = make_paiement(plan.acompte), connect(make_person("étranger qui paie", plan))
    codes = {geste: client.post(*envoi).status_code for geste, envoi in list_writings(plan, paiement).items()}
    assert codes == dict.fromkeys(codes, 404)
    assert not plan.convention.evenements.exists()


def test_agent_who_does_not_pay_is_told_whose_step_it_is(plan: Plan, client_agent: Client) -> None:
    envois = list_writings(plan, make_paiement(plan.acompte))
    for geste in ("avancer", "créditer", "reverser"):
        reponse = client_agent.post(*envois[geste])
        assert reponse.status_code == 403
        assert "dont le compte « prépare les paiements »" in words(reponse)


def test_who_pays_makes_all_of_them(plan: Plan, payeur: Client) -> None:
    envois = list_writings(plan, make_paiement(plan.acompte))
    envois.pop("reverser")
    for geste, envoi in envois.items():
        assert payeur.post(*envoi)["Location"] == address(plan), geste


# --- Asking ----------------------------------------------------------------------------------------


def demand(client: Client, plan: Plan, follow: bool = False, **valeurs: str) -> Any:
    envoi = {"montant": "100", "exercice": "2018", "jour": "2018-11-02"} | valeurs
    return client.post(address(plan, "versement_demander", plan.acompte.pk), envoi, follow=follow)


def test_request_is_kept_and_the_page_says_what_comes_next(plan: Plan, demandeur: Client) -> None:
    page = words(demand(demandeur, plan, follow=True, montant="399,50 €"))
    assert "Versement demandé. Le payeur constate maintenant le service fait." in page
    paiement = Paiement.objects.get()
    assert (paiement.montant, paiement.exercice, paiement.demande_le, paiement.etat) == (euros("399.50"), 2018, JOUR, "demande")


LUS = {"234,50 €": "234.50", "234.5": "234.50", " 0,01 ": "0.01", "400": "400", "100 euros": "100", "2\u202f34": None, "0 400": None}


def test_amounts_are_read_as_people_write_them(plan: Plan, demandeur: Client) -> None:
    for tape, lu in LUS.items():
        assert demand(demandeur, plan, montant=tape).status_code == (422 if lu is None else 302), tape
        assert [p.montant.amount for p in Paiement.objects.all()] == ([] if lu is None else [Decimal(lu)]), tape
        Paiement.objects.all().delete()


def test_day_may_be_typed_in_french(plan: Plan, demandeur: Client) -> None:
    demand(demandeur, plan, jour="05/11/2018")
    assert Paiement.objects.get().demande_le == date(2018, 11, 5)


def test_request_badly_filled_is_refused_for_every_reason_at_once_and_shown_again(plan: Plan, demandeur: Client) -> None:
    tape = {"montant": "1.234", "exercice": "18", "jour": "31/02/2018"}
    reponse = demand(demandeur, plan, **tape)
    assert reponse.status_code == 422
    assert told(reponse) == [
        "Le montant : « 1.234 » se lit de deux façons. Écrivez 1234 ou 1,23.",
        "Écrivez l’exercice sur quatre chiffres, comme 2019.",
        "« 31/02/2018 » n’est pas une date. Écrivez-la comme 02/11/2018.",
    ]
    assert kept(reponse, f"demander-{plan.acompte.pk}") == tape
    assert not Paiement.objects.exists()


def test_empty_request_is_refused_for_every_reason_at_once(plan: Plan, demandeur: Client) -> None:
    assert told(demand(demandeur, plan, montant="", exercice=" ", jour="")) == [
        "Le montant : Écrivez un montant, par exemple 1 234,50.",
        "Écrivez l’exercice sur quatre chiffres, comme 2019.",
        "La date de la demande manque.",
    ]


def test_request_above_what_is_left_says_all_that_refuses_it(plan: Plan, demandeur: Client) -> None:
    reponse = demand(demandeur, plan, montant="1 234,50 €")
    assert told(reponse) == [
        "Il reste 1 000 € à demander sur 1 000 € (préambule : « Participation de l’Agglo ») : 1 234,50 € dépasse de 234,50 €.",
        "Ce versement prévoit 400 €, dont 0 € déjà demandés.",
    ]
    assert kept(reponse, f"demander-{plan.acompte.pk}")["montant"] == "1 234,50 €"


def test_year_that_is_no_budget_year_is_refused(plan: Plan, demandeur: Client) -> None:
    for exercice in ("1989", "2101", "２０１８²", "20 18", "-2018", "2018.0"):
        assert told(demand(demandeur, plan, exercice=exercice)) == ["Écrivez l’exercice sur quatre chiffres, comme 2019."], exercice


def test_form_refused_is_open_and_the_others_are_as_they_were(plan: Plan, demandeur: Client) -> None:
    arbre = html.fromstring(demand(demandeur, plan, montant="x").content.decode())
    ouverts = [d.xpath("string(summary)") for d in arbre.xpath("//main//details[@open]")]
    assert ouverts == ["Demander ce versement : acompte"]
    assert len(arbre.xpath("//*[@role='alert']")) == 1


def test_what_was_typed_is_shown_as_text(plan: Plan, demandeur: Client) -> None:
    reponse = demand(demandeur, plan, montant='"><script>alert(1)</script>')
    assert "<script>alert" not in reponse.content.decode()
    assert kept(reponse, f"demander-{plan.acompte.pk}")["montant"] == '"><script>alert(1)</script>'


def test_empty_form_offers_the_amount_planned_and_today(plan: Plan, demandeur: Client) -> None:
    arbre = html.fromstring(demandeur.get(address(plan)).content.decode())
    (form,) = arbre.xpath(f"//form[@action='{address(plan, 'versement_demander', plan.acompte.pk)}']")
    today = timezone.localdate()
    assert {i.get("name"): i.get("value") for i in form.xpath(".//input[not(@type='hidden')]")} == {
        "montant": "400",
        "exercice": str(today.year),
        "jour": today.isoformat(),
    }


# --- Conditions ------------------------------------------------------------------------------------


def test_condition_seen_opens_the_payment(plan: Plan, client_agent: Client) -> None:
    envoi = {"jour": "02/11/2018", "motif": "Bilan reçu par courriel"}
    page = words(client_agent.post(address(plan, "versement_constater", plan.solde.pk), envoi, follow=True))
    assert "Condition constatée : le versement peut être demandé." in page
    assert "Condition remplie le 02/11/2018 : Bilan reçu par courriel" in page
    assert ("versement_demander", plan.solde.pk) in list_forms(client_agent, plan)
    assert ("versement_constater", plan.solde.pk) not in list_forms(client_agent, plan)


def test_condition_badly_filled_is_refused_for_every_reason_at_once(plan: Plan, client_agent: Client) -> None:
    envoi = {"jour": "hier", "motif": " "}
    reponse = client_agent.post(address(plan, "versement_constater", plan.solde.pk), envoi)
    assert reponse.status_code == 422
    assert told(reponse) == [
        "« hier » n’est pas une date. Écrivez-la comme 02/11/2018.",
        "Dites par quoi la condition est remplie : « bilan 2018 reçu par courriel ».",
    ]
    assert kept(reponse, f"constater-{plan.solde.pk}") == envoi


# --- Steps -----------------------------------------------------------------------------------------


def step(client: Client, plan: Plan, paiement: Paiement, action: str, follow: bool = False, **valeurs: Any) -> Any:
    envoi = {"jour": "2018-11-05"} | valeurs
    return client.post(address(plan, "paiement_avancer", paiement.pk, action), envoi, follow=follow)


def test_payment_goes_from_its_request_to_the_bank(plan: Plan, demandeur: Client, payeur: Client) -> None:
    imputation = factories.ImputationFactory()
    demand(demandeur, plan, montant="400")
    paiement = Paiement.objects.get()
    faits = [
        words(step(payeur, plan, paiement, "service_fait", follow=True)),
        words(step(payeur, plan, paiement, "liquider", follow=True, imputation=imputation.pk)),
        words(step(payeur, plan, paiement, "mandater", follow=True, numero_bordereau="12", numero_mandat=" 345 ")),
        words(step(payeur, plan, paiement, "payer", follow=True)),
    ]
    phrases = ["Service fait constaté.", "Paiement liquidé.", "Paiement mandaté.", "Paiement enregistré."]
    assert [phrase in page for phrase, page in zip(phrases, faits, strict=True)] == [True] * 4
    paiement.refresh_from_db()
    assert (paiement.etat, paiement.numero_bordereau, paiement.numero_mandat, paiement.paye_le) == ("paye", "12", "345", date(2018, 11, 5))


def test_rejection_needs_no_day(plan: Plan, payeur: Client) -> None:
    paiement = make_paiement(plan.acompte)
    assert "Paiement rejeté." in words(step(payeur, plan, paiement, "rejeter", follow=True, jour="", motif="Facture absente"))
    assert "Rejeté : Facture absente" in see(payeur, plan)


def test_mandat_badly_filled_is_refused_for_every_reason_at_once(plan: Plan, payeur: Client) -> None:
    paiement = make_paiement(plan.acompte, "liquide")
    reponse = step(payeur, plan, paiement, "mandater", jour="2018-11-01", numero_bordereau=" ", numero_mandat="")
    assert reponse.status_code == 422
    assert told(reponse) == [
        "Donnez le numéro du bordereau.",
        "Donnez le numéro du mandat.",
        "Cette étape ne peut pas précéder la dernière, du 02/11/2018.",
    ]


def test_day_that_cannot_be_read_does_not_hide_the_other_reasons(plan: Plan, payeur: Client) -> None:
    paiement = make_paiement(plan.acompte, "liquide")
    assert told(step(payeur, plan, paiement, "mandater", jour="demain")) == [
        "« demain » n’est pas une date. Écrivez-la comme 02/11/2018.",
        "Donnez le numéro du bordereau.",
        "Donnez le numéro du mandat.",
    ]


def test_what_was_typed_with_a_step_is_still_there(plan: Plan, payeur: Client) -> None:
    paiement, imputation = make_paiement(plan.acompte, "service_fait"), factories.ImputationFactory()
    reponse = step(payeur, plan, paiement, "liquider", jour="2018-11-01", imputation=imputation.pk)
    assert kept(reponse, f"liquider-{paiement.pk}") == {"jour": "2018-11-01", "imputation": str(imputation.pk)}
    paiement = make_paiement(plan.acompte, "liquide")
    tape = {"jour": "2018-11-01", "numero_bordereau": "B-7", "numero_mandat": ""}
    assert kept(step(payeur, plan, paiement, "mandater", **tape), f"mandater-{paiement.pk}") == tape


def test_imputation_that_is_none_is_asked_for(plan: Plan, payeur: Client) -> None:
    paiement = make_paiement(plan.acompte, "service_fait")
    for imputation in ("", "x", "-1", "9" * 30, "999999"):
        reponse = step(payeur, plan, paiement, "liquider", imputation=imputation)
        assert told(reponse) == ["Choisissez l’imputation. Un administrateur peut en ajouter dans l’administration."], imputation


def test_imputations_offered_are_those_valid_today(plan: Plan, payeur: Client) -> None:
    make_paiement(plan.acompte, "service_fait")
    today = timezone.localdate()
    factories.ImputationFactory(compte="AVANT", valable_au=today - timedelta(days=1))
    bonne = factories.ImputationFactory(compte="6574", valable_du=today, valable_au=today)
    arbre = html.fromstring(payeur.get(address(plan)).content.decode())
    assert arbre.xpath("//select[@name='imputation']/option/text()") == ["Choisir", str(bonne)]


def test_administrator_adds_the_imputation_that_is_missing(administrateur: Client) -> None:
    """The sentence that asks for one sends people to the administration."""
    envoi = {"nomenclature": "M57", "compte": "65748", "fonction": "", "libelle": "Subventions", "valable_du": "", "valable_au": ""}
    assert administrateur.post(reverse("admin:financement_imputation_add"), envoi).status_code == 302


def test_step_of_another_agreement_is_not_found(plan: Plan, payeur: Client) -> None:
    ailleurs = make_paiement(factories.VersementFactory(payeur=plan.payeur, beneficiaire=plan.beneficiaire))
    assert step(payeur, plan, ailleurs, "service_fait").status_code == 404
    assert step(payeur, plan, make_paiement(plan.acompte), "offrir").status_code == 404


# --- Reasons that no form can show any more ----------------------------------------------------------


def test_step_made_too_late_says_so(plan: Plan, payeur: Client) -> None:
    reponse = step(payeur, plan, make_paiement(plan.acompte, "rejete"), "mandater", numero_bordereau="1", numero_mandat="2")
    assert reponse.status_code == 422
    assert "Ce paiement est maintenant « rejeté » : cette étape n’est plus possible." in words(reponse)


def test_condition_seen_by_a_colleague_meanwhile_is_told(plan: Plan, client_agent: Client) -> None:
    ConstatCondition.objects.create(versement=plan.solde, date=JOUR, motif="Comité")
    reponse = client_agent.post(address(plan, "versement_constater", plan.solde.pk), {"jour": "2018-11-02", "motif": "Comité"})
    assert reponse.status_code == 422
    assert "Cette condition est déjà constatée." in words(reponse)


def test_request_of_a_party_that_has_no_part_in_it_is_told(plan: Plan) -> None:
    tiers = factories.UtilisateurFactory()
    factories.PartieFactory(convention=plan.convention, organisation=tiers.organisation, role="partenaire")
    reponse = demand(connect(tiers), plan)
    assert reponse.status_code == 422
    assert "Le versement est demandé par celui qui le reçoit, ou par celui qui le paie." in words(reponse)


def test_payment_that_left_the_agreement_is_told(plan: Plan, demandeur: Client) -> None:
    envoi = {"montant": "100", "exercice": "2018", "jour": "2018-11-02"}
    reponse = demandeur.post(address(plan, "versement_demander", 999_999), envoi)
    assert reponse.status_code in {404, 422}
    assert reponse.status_code == 404 or "Ce versement n’est plus dans la convention." in words(reponse)


def test_titre_issued_by_a_colleague_meanwhile_is_told(plan: Plan, payeur: Client) -> None:
    envoi = {"montant": "50", "jour": "2019-03-01", "numero": "T-9", "motif": "Avenant"}
    reponse = payeur.post(address(plan, "versement_reverser", plan.payeur.pk), envoi)
    assert reponse.status_code == 422
    assert "Rien n’a été payé en trop." in words(reponse)


# --- Credits ---------------------------------------------------------------------------------------


def credit(client: Client, plan: Plan, follow: bool = False, **valeurs: str) -> Any:
    envoi = {"exercice": "2018", "ae": "", "cp": "", "engage": "", "numero": ""} | valeurs
    return client.post(address(plan, "versement_crediter", plan.payeur.pk), envoi, follow=follow)


def test_credits_are_recorded_then_corrected(plan: Plan, payeur: Client) -> None:
    page = words(credit(payeur, plan, follow=True, ae="1 234,50 €", cp="1.234,50", engage="1234.5", numero="E-77"))
    assert "Crédits 2018 enregistrés." in page
    ligne = CreditExercice.objects.get()
    assert (ligne.ae, ligne.cp, ligne.engage, ligne.numero_engagement) == (*[euros("1234.50")] * 3, "E-77")
    credit(payeur, plan, ae="2000", cp="0")
    ligne = CreditExercice.objects.get()
    # What is left blank stays as it was: adding a number never lifts the check of the CP.
    assert (ligne.ae, ligne.cp, ligne.engage, ligne.numero_engagement) == (euros(2000), euros(0), euros("1234.50"), "E-77")
    assert [e.genre for e in plan.convention.evenements.all()] == ["credits", "credits"]
    assert ligne.history.count() == 2


def test_credits_badly_filled_are_refused_for_every_reason_at_once(plan: Plan, payeur: Client) -> None:
    tape = {"exercice": "l’an dernier", "ae": "1.234", "cp": "douze", "engage": "1,234", "numero": "E-77"}
    reponse = credit(payeur, plan, **tape)
    assert reponse.status_code == 422
    assert told(reponse) == [
        "Écrivez l’exercice sur quatre chiffres, comme 2019.",
        "Les AE : « 1.234 » se lit de deux façons. Écrivez 1234 ou 1,23.",
        "Les CP : « douze » n’est pas un nombre.",
        "L’engagement : « 1,234 » se lit de deux façons. Écrivez 1234 ou 1,23.",
    ]
    assert kept(reponse, f"crediter-{plan.payeur.pk}") == tape


@pytest.mark.parametrize(("tape", "raison"), [("-5", "inférieur à 0"), ("999 999 999 999 999", "14 chiffres"), ("9" * 16, "trop grand")])
def test_credits_out_of_bounds_are_refused_in_words(tape: str, raison: str, plan: Plan, payeur: Client) -> None:
    for champ in ("ae", "cp", "engage"):
        reponse = credit(payeur, plan, **{champ: tape})
        assert reponse.status_code == 422
        assert raison in " ".join(told(reponse)), champ
    assert not CreditExercice.objects.exists()


def test_credits_of_somebody_who_pays_nothing_here_are_not_found(plan: Plan) -> None:
    client = connect(make_person("exploitant", plan))
    assert client.post(address(plan, "versement_crediter", plan.beneficiaire.pk), {"exercice": "2018"}).status_code == 404


# --- Giving back -----------------------------------------------------------------------------------


@pytest.fixture
def trop_paye(plan: Plan) -> Plan:
    make_paiement(plan.acompte, "paye", 400)
    make_paiement(plan.solde, "paye", 600)
    with lift():
        plan.convention.montants_declares.update(montant=Decimal(800))
    return plan


def claim(client: Client, plan: Plan, follow: bool = False, **valeurs: str) -> Any:
    envoi = {"montant": "200", "jour": "2019-03-01", "numero": "T-9", "motif": "Participation revue"} | valeurs
    return client.post(address(plan, "versement_reverser", plan.payeur.pk), envoi, follow=follow)


def test_too_much_paid_is_told_and_claimed_back(trop_paye: Plan, payeur: Client) -> None:
    assert "200 € ont été payés en trop." in spell(see(payeur, trop_paye))
    page = spell(words(claim(payeur, trop_paye, follow=True)))
    assert "Titre de reversement enregistré." in page
    assert "200 €, titre T-9 émis le 01/03/2019" in page
    assert "payés en trop" not in page
    assert ("versement_reverser", trop_paye.payeur.pk) not in list_forms(payeur, trop_paye)


def test_form_of_a_titre_is_for_who_pays(trop_paye: Plan, demandeur: Client, payeur: Client) -> None:
    assert "200 € ont été payés en trop." in spell(see(demandeur, trop_paye))
    assert ("versement_reverser", trop_paye.payeur.pk) not in list_forms(demandeur, trop_paye)
    assert ("versement_reverser", trop_paye.payeur.pk) in list_forms(payeur, trop_paye)


def test_titre_badly_filled_is_refused_for_every_reason_at_once(trop_paye: Plan, payeur: Client) -> None:
    tape = {"montant": "1.234", "jour": "", "numero": "T-9", "motif": "Revue"}
    reponse = claim(payeur, trop_paye, **tape)
    assert reponse.status_code == 422
    assert told(reponse) == ["Le montant : « 1.234 » se lit de deux façons. Écrivez 1234 ou 1,23.", "La date manque."]
    assert kept(reponse, f"reverser-{trop_paye.payeur.pk}") == tape
    assert not Reversement.objects.exists()


def test_who_gives_back_is_chosen_when_several_were_paid(trop_paye: Plan, payeur: Client) -> None:
    agence = factories.OrganisationFactory(sigle="Agence")
    autre = factories.VersementFactory(convention=trop_paye.convention, payeur=trop_paye.payeur, beneficiaire=agence, ordre=30)
    make_paiement(autre, "paye", 50)
    reponse = claim(payeur, trop_paye, redevable=str(trop_paye.acompte.pk + 10**6))
    assert told(reponse) == ["Choisissez qui a reçu le trop-perçu et doit le reverser."]
    reponse = claim(payeur, trop_paye, redevable=str(agence.pk), numero="")
    assert told(reponse) == ["Donnez le numéro du titre."]
    assert kept(reponse, f"reverser-{trop_paye.payeur.pk}")["redevable"] == str(agence.pk)
    claim(payeur, trop_paye, redevable=str(agence.pk))
    assert Reversement.objects.get().redevable == agence


def test_titre_above_what_was_paid_too_much_is_refused(trop_paye: Plan, payeur: Client) -> None:
    assert told(claim(payeur, trop_paye, montant="200,01")) == ["Le trop-perçu est de 200 € : le titre ne peut pas le dépasser."]


# --- Supporting files ------------------------------------------------------------------------------


ACCEPTEES = {
    "facture.pdf": (PDF, "pdf"),
    "photo.png": (draw("PNG"), "png"),
    "photo.jpeg": (draw("JPEG"), "jpg"),
    "bilan.xlsx": (make_budget(("Année", "Montant"), (2018, 5)), "xlsx"),
    "bilan.odt": (make_odf("text"), "odt"),
    "bilan.docx": (make_zip({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>"}), "docx"),
    "trompeur.exe": (PDF, "pdf"),
}
REFUSEES = {
    "fake extension": ("facture.pdf", b"MZ\x90\x00" + bytes(200)),
    "text": ("facture.pdf", b"facture"),
    "web page": ("facture.pdf", b"<html><script>alert(1)</script></html>"),
    "drawing": ("photo.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    "zip bomb": ("bilan.xlsx", make_zip({"xl/workbook.xml": bytes(30_000_000)}, zipfile.ZIP_DEFLATED)),
    "macros": ("bilan.xlsx", make_zip({"xl/workbook.xml": b"<w/>", "xl/vbaProject.bin": b"\x00"})),
    "other archive": ("pieces.zip", make_zip({"facture.pdf": PDF})),
}


def attach(client: Client, plan: Plan, nom: str = "facture.pdf", contenu: bytes = PDF, intitule: str = "", follow: bool = False) -> Any:
    envoi = {"intitule": intitule, "fichier": SimpleUploadedFile(nom, contenu)}
    return client.post(address(plan, "versement_joindre", plan.acompte.pk), envoi, follow=follow)


@pytest.mark.parametrize("nom", ACCEPTEES)
def test_file_is_kept_by_what_it_holds_and_given_back_whole(nom: str, plan: Plan, demandeur: Client, settings: Any) -> None:
    contenu, extension = ACCEPTEES[nom]
    assert "« Service fait » est jointe." in words(attach(demandeur, plan, nom, contenu, " Service fait ", follow=True))
    piece = PieceVersement.objects.get()
    assert (piece.convention, piece.versement, piece.intitule, piece.nom) == (plan.convention, plan.acompte, "Service fait", nom)
    assert re.fullmatch(rf"versements/\d{{4}}/[0-9a-f]{{16}}\.{extension}", piece.fichier.name)
    reponse = demandeur.get(address(plan, "versement_piece", piece.pk))
    assert reponse.content == contenu
    assert reponse["Content-Disposition"].endswith(f'filename="{plan.convention.reference}-piece-{piece.pk}.{extension}"')
    assert reponse["X-Content-Type-Options"] == "nosniff"


def test_file_that_is_none_of_those_is_refused_and_not_kept(plan: Plan, demandeur: Client, settings: Any) -> None:
    for genre, (nom, contenu) in REFUSEES.items():
        reponse = attach(demandeur, plan, nom, contenu, intitule="Bilan 2018")
        assert reponse.status_code == 422, genre
        assert told(reponse) == ["Ce fichier n’est pas lisible. Attendu : PDF, image PNG ou JPEG, tableur ou texte (xlsx, ods, docx, odt)."]
        assert kept(reponse, f"joindre-{plan.acompte.pk}") == {"intitule": "Bilan 2018"}
    assert not PieceVersement.objects.exists()
    assert not list(Path(settings.MEDIA_ROOT).rglob("*.*"))


@pytest.mark.parametrize(
    "envoi", [{}, {"fichier": "facture.pdf"}, {"fichier": SimpleUploadedFile("facture.pdf", b"")}], ids=["none", "text", "empty"]
)
def test_file_that_is_missing_or_empty_is_asked_for(envoi: dict[str, Any], plan: Plan, demandeur: Client) -> None:
    reponse = demandeur.post(address(plan, "versement_joindre", plan.acompte.pk), envoi)
    assert told(reponse) == ["Choisissez un fichier qui n’est pas vide."]


def test_file_too_large_is_refused_in_words(plan: Plan, demandeur: Client) -> None:
    assert told(attach(demandeur, plan, contenu=PDF + bytes(20_000_000))) == [
        "Ce fichier dépasse 20 Mo. Réduisez-le, ou numérisez-le avec moins de points."
    ]


def test_file_without_title_bears_its_name(plan: Plan, demandeur: Client) -> None:
    attach(demandeur, plan, "Facture n° 12.pdf")
    assert PieceVersement.objects.get().intitule == "Facture n° 12.pdf"
    assert "Facture n° 12.pdf" in see(demandeur, plan, "//ul[contains(@class,'pieces')]")


def test_hostile_name_is_shown_as_text_and_is_no_path(plan: Plan, demandeur: Client, settings: Any) -> None:
    attach(demandeur, plan, '../../"><script>.pdf')
    piece = PieceVersement.objects.get()
    assert Path(piece.fichier.path).is_relative_to(Path(settings.MEDIA_ROOT) / "versements")
    assert "<script>." not in demandeur.get(address(plan)).content.decode()


def test_file_is_told_in_the_journal_with_its_fingerprint(plan: Plan, demandeur: Client) -> None:
    attach(demandeur, plan, intitule="Facture")
    evenement, piece = plan.convention.evenements.get(), PieceVersement.objects.get()
    assert (evenement.genre, evenement.message, evenement.donnees) == ("piece", "Pièce jointe : Facture.", {"empreinte": piece.empreinte})
    assert f"{evenement.auteur}, le {timezone.localdate():%d/%m/%Y}" in see(demandeur, plan)


def test_file_is_read_by_the_parties_and_hidden_from_strangers(plan: Plan) -> None:
    piece = factories.PieceVersementFactory(versement=plan.acompte)
    gens = [nom for nom in PERSONNES if nom != "compte fermé"]
    codes = {nom: connect(make_person(nom, plan)).get(address(plan, "versement_piece", piece.pk)).status_code for nom in gens}
    assert codes == {nom: 404 if nom.startswith("étranger") else 200 for nom in gens}


def test_number_that_is_no_file_or_no_payment_is_not_found(plan: Plan, payeur: Client) -> None:
    for pk in (0, 999_999, 10**30):
        assert payeur.get(address(plan, "versement_piece", pk)).status_code == 404
        assert payeur.post(address(plan, "paiement_avancer", pk, "payer"), {"jour": "2018-11-02"}).status_code == 404


def test_file_is_reached_through_its_own_agreement_only(plan: Plan, demandeur: Client) -> None:
    ailleurs = factories.PieceVersementFactory()
    assert demandeur.get(address(plan, "versement_piece", ailleurs.pk)).status_code == 404


def test_file_lost_from_the_server_is_told(plan: Plan, demandeur: Client) -> None:
    piece = factories.PieceVersementFactory(versement=plan.acompte)
    Path(piece.fichier.path).unlink()
    assert demandeur.get(address(plan, "versement_piece", piece.pk)).status_code in {404, 410}


def test_file_changed_on_the_server_is_not_given_in_its_place(plan: Plan, demandeur: Client) -> None:
    piece = factories.PieceVersementFactory(versement=plan.acompte)
    Path(piece.fichier.path).write_bytes(b"%PDF-1.7\nautre chose")
    reponse = demandeur.get(address(plan, "versement_piece", piece.pk))
    assert reponse.status_code == 404
    assert b"autre chose" not in reponse.content


def test_file_is_attached_to_a_payment_of_the_agreement_only(plan: Plan, demandeur: Client) -> None:
    ailleurs = factories.VersementFactory()
    envoi = {"fichier": SimpleUploadedFile("f.pdf", PDF)}
    assert demandeur.post(address(plan, "versement_joindre", ailleurs.pk), envoi).status_code == 404


# --- Altered forms, queries ------------------------------------------------------------------------


@pytest.mark.parametrize("signe", ["\x00", "9" * 5000], ids=["NUL", "digits"])
def test_altered_form_never_crashes(signe: str, trop_paye: Plan, payeur: Client) -> None:
    paiement = make_paiement(trop_paye.acompte, "liquide", 1)
    envois = list_writings(trop_paye, paiement)
    envois["avancer"] = (address(trop_paye, "paiement_avancer", paiement.pk, "mandater"), {"numero_bordereau": "", "numero_mandat": ""})
    for geste, (adresse, envoi) in envois.items():
        texte = {c: signe if c not in {"jour", "montant", "fichier"} else v for c, v in envoi.items()} | {"imputation": signe}
        assert payeur.post(adresse, texte).status_code in {302, 422}, geste
        assert payeur.post(adresse, dict.fromkeys(envoi, signe)).status_code in {302, 422}, geste
    ecrits = [p.numero_mandat for p in Paiement.objects.all()] + [r.numero_titre for r in Reversement.objects.all()]
    assert "\x00" not in "".join(ecrits)


def test_page_asks_as_much_when_payments_double(plan: Plan, payeur: Client) -> None:
    factories.ImputationFactory()

    def fill() -> None:
        for versement in (plan.acompte, plan.solde):
            for etat in ("demande", "service_fait", "liquide", "mandate", "paye", "rejete"):
                make_paiement(versement, etat, 1)
            factories.PieceVersementFactory(versement=versement)
        factories.CreditFactory(convention=plan.convention, payeur=plan.payeur, exercice=2018 + CreditExercice.objects.count())
        factories.ReversementFactory(convention=plan.convention, payeur=plan.payeur, redevable=plan.beneficiaire)
        autre = factories.OrganisationFactory()
        factories.VersementFactory(convention=plan.convention, payeur=plan.payeur, beneficiaire=autre, montant=euros(5))

    def count() -> list[str]:
        with CaptureQueriesContext(connection) as requetes:
            assert payeur.get(address(plan)).status_code == 200
        return [r["sql"] for r in requetes]

    fill()
    count()
    avant = count()
    fill()
    apres = count()
    assert len(apres) == len(avant), "\n".join(Counter(apres) - Counter(avant))
