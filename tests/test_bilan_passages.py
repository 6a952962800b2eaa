"""How a bilan goes on: who may, from where to where, on what conditions; and the acceptance, which writes, freezes and never changes."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from comptes.models import Organisation, Utilisateur
from conventions.gel import lift
from conventions.journal import check_chaine
from conventions.models import Convention
from documents.bilans import figes, passages, taches
from documents.bilans.figes import DocumentBilan, read_soldes, store_pdf
from documents.bilans.passages import list_offres, pass_bilan
from documents.bilans.taches import read_bilan, typeset_bilan
from documents.figes import DocumentPerdu
from financement.bilans.calculs import compute_synthese
from financement.bilans.export import build_json
from financement.bilans.observations import add_observation, list_observations, settle_observation
from financement.bilans.ouverture import update_plan
from financement.bilans.plan import diff_plan
from financement.bilans.solde import compute_soldes
from financement.models import (
    AccordBilan,
    Bilan,
    FicheBilan,
    LigneBilan,
    LigneCout,
    Observation,
    PartBilan,
    ParticipationBilan,
    Realisation,
)
from socle.pdf import MoteurAbsent
from tests import factories
from tests.bilans import do, get_line, nature, open_year, pass_to, plan_fiche, reread, tell
from tests.copies import Copie
from tests.ecritures import spell
from tests.factories import euros
from tests.paiements import Plan
from tests.signees import amend, conclude
from tests.test_signatures import run_together
from tests.travaux import do as work

pytestmark = pytest.mark.django_db
ETATS = ["brouillon", "soumis", "observations", "corrige", "accepte"]
REDACTEURS = {"agent du bénéficiaire", "administrateur du bénéficiaire", "exploitant"}
RELECTEURS = {"agent du payeur", "administrateur du payeur", "exploitant"}
AUTRES = {"lecteur du bénéficiaire", "lecteur du payeur", "agent d’un partenaire", "étranger"}
TOUS = REDACTEURS | RELECTEURS | AUTRES
# What each passage does, from each state, and by whom; everything else is refused.
PERMIS: dict[str, tuple[dict[str, str], set[str]]] = {
    "soumettre": ({"brouillon": "soumis"}, REDACTEURS),
    "corriger": ({"observations": "corrige"}, REDACTEURS),
    "reprendre": ({"soumis": "brouillon", "corrige": "observations"}, REDACTEURS),
    "observer": ({"soumis": "observations", "corrige": "observations"}, RELECTEURS),
    "accepter": ({"soumis": "accepte", "corrige": "accepte"}, RELECTEURS),
}
PDF = b"%PDF-1.7 bilan compose une fois"


@dataclass
class Annee:
    """The bilan of 2018, complete: 7 500 € planned, 6 720,50 € done, of which the payer planned 80 %."""

    bilan: Bilan
    plan: Plan
    gens: "Gens"

    @property
    def cci(self) -> Utilisateur:
        return self.gens["agent du bénéficiaire"]

    @property
    def agglo(self) -> Utilisateur:
        return self.gens["agent du payeur"]

    def fresh(self) -> Bilan:
        bilan = reread(self.bilan)
        bilan.convention = Convention.objects.with_parties().get(pk=bilan.convention_id)
        return bilan

    def put(self, etat: str) -> Bilan:
        pass_to(self.bilan, etat)
        return self.fresh()

    def make(self, qui: Utilisateur, *actions: str) -> Bilan:
        """Passages one after the other, by one person."""
        for action in actions:
            pass_bilan(qui, self.fresh(), action)
        return self.fresh()

    def observe(self, qui: Utilisateur | None = None, texte: str = "D’où vient l’écart ?") -> Observation:
        return add_observation(qui or self.agglo, self.fresh(), texte, "depenses")

    def answer(self, observation: Observation, qui: Utilisateur | None = None) -> Observation:
        return add_observation(qui or self.cci, self.fresh(), "Un devis plus bas.", parent=observation)

    def refuse(self, qui: Utilisateur, action: str) -> list[str]:
        """The sentences of a refusal; the page says the same beside the button, and nothing changes."""
        avant = self.fresh().etat
        with pytest.raises(ValidationError) as refus:
            pass_bilan(qui, self.fresh(), action)
        assert self.fresh().etat == avant
        (offre,) = [o for o in list_offres(qui, compute_synthese(self.fresh())) if o.passage.action == action]
        assert [o.phrase for o in offre.obstacles] == refus.value.messages
        return [spell(m) for m in refus.value.messages]

    @property
    def evenements(self) -> list[str]:
        return list(self.bilan.convention.evenements.order_by("rang").values_list("genre", flat=True))

    def page(self, nom: str = "bilan", *suite: str) -> str:
        return reverse(nom, args=[self.bilan.convention.reference, 2018, *suite])


CHEZ = {
    "agent du bénéficiaire": ("beneficiaire", "agent"),
    "administrateur du bénéficiaire": ("beneficiaire", "administrateur"),
    "lecteur du bénéficiaire": ("beneficiaire", "lecteur"),
    "agent du payeur": ("payeur", "agent"),
    "administrateur du payeur": ("payeur", "administrateur"),
    "lecteur du payeur": ("payeur", "lecteur"),
}


class Gens(dict[str, Utilisateur]):
    """People around an agreement, each made when somebody asks for them."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def __missing__(self, qui: str) -> Utilisateur:
        if qui == "exploitant":
            self[qui] = factories.UtilisateurFactory(organisation=None, is_superuser=True)
        elif qui == "étranger":
            self[qui] = factories.UtilisateurFactory()
        elif qui == "agent d’un partenaire":
            partie = factories.PartieFactory(convention=self.plan.convention, role="partenaire", ordre=30)
            self[qui] = factories.UtilisateurFactory(organisation=partie.organisation)
        else:
            chez, role = CHEZ[qui]
            self[qui] = factories.UtilisateurFactory(organisation=getattr(self.plan, chez), role=role)
        return self[qui]


@pytest.fixture
def an(plan: Plan) -> Annee:
    """One line typed, one deduced from its days, one that only the carnet knows."""
    cle, auteur = _annee.put(plan)
    gens = Gens(plan)
    gens["agent du bénéficiaire"] = Utilisateur.objects.select_related("organisation").get(pk=auteur)
    return Annee(Bilan.objects.select_related("convention").get(pk=cle), plan, gens)


def build_year(plan: Plan) -> tuple[int, int]:
    convention, parts = plan.convention, {plan.payeur: 80, plan.beneficiaire: 20}
    premiere = plan_fiche(convention, "A1", {("Études", 2018): 1000}, parts, {2018: 10}, ordre=10)
    jours = {"jours": Decimal(10), "tarif_journalier": euros(600), "montant": euros(6000)}
    factories.LigneCoutFactory(fiche=premiere, nature=nature("Animation"), annee=2018, **jours)
    seconde = plan_fiche(convention, "A2", {("Débours", 2018): 500}, parts, ordre=20)
    auteur = Gens(plan)["agent du bénéficiaire"]
    bilan = open_year(convention)
    do(bilan, "A1", "Études", 900)
    do(bilan, "A1", "Animation", jours=9)
    for montant in ("120.50", "300"):
        Realisation.objects.create(
            convention=convention,
            fiche=seconde,
            date=date(2018, 5, 2),
            qui="Service commerce",
            nature=nature("Débours"),
            montant=euros(montant),
            quoi="Affiches",
            auteur=auteur,
        )
    tell(bilan, "A1", "realisee", 8)
    tell(bilan, "A2", "partielle")
    FicheBilan.objects.filter(bilan=bilan, code="A2").update(difficultes="Le devis est arrivé tard.")
    Bilan.objects.filter(pk=bilan.pk).update(recit="Une bonne année.")
    return bilan.pk, auteur.pk


_annee = Copie(build_year)


@pytest.fixture
def deux_payeurs(an: Annee) -> tuple[Annee, Utilisateur]:
    """Somebody of a second payer."""
    partie = factories.PartieFactory(convention=an.bilan.convention, role="financeur", ordre=40)
    return an, factories.UtilisateurFactory(organisation=partie.organisation)


# --- Who, from where, to where -----------------------------------------------------------------------


def try_out(an: Annee, qui: str, lu: Bilan, action: str) -> str:
    """What comes of a passage: the state where it leads, « refus », or « interdit »; the database is left as it was."""
    with transaction.atomic():
        try:
            pass_bilan(an.gens[qui], lu, action)
            issue = str(reread(lu).etat)
        except PermissionDenied:
            issue = "interdit"
        except ValidationError:
            issue = "refus"
        transaction.set_rollback(True)
    return issue


def expect(qui: str, etat: str, action: str) -> str:
    """The same, as the table above says."""
    depuis, gens = PERMIS[action]
    if etat not in depuis:
        return "refus"
    return depuis[etat] if qui in gens else "interdit"


def test_tables_of_the_tests_and_of_the_product_name_the_same_passages() -> None:
    assert {p.action for p in passages.PASSAGES} == set(PERMIS)
    assert {p.action: set(p.depuis) for p in passages.PASSAGES} == {a: set(depuis) for a, (depuis, _) in PERMIS.items()}
    assert set(Bilan.Etat.values) == set(ETATS)


@pytest.mark.parametrize("action", PERMIS)
def test_each_passage_is_made_by_its_people_from_its_states_and_by_nobody_else(an: Annee, action: str) -> None:
    if action == "observer":
        an.observe()
    obtenus, attendus = {}, {}
    for etat in ETATS:
        lu = an.put(etat)
        for qui in TOUS:
            obtenus[etat, qui], attendus[etat, qui] = try_out(an, qui, lu, action), expect(qui, etat, action)
    assert obtenus == attendus


def test_page_offers_to_each_person_what_they_may_make(an: Annee) -> None:
    for etat in ETATS:
        synthese = compute_synthese(an.put(etat))
        for qui in TOUS:
            offertes = {o.passage.action for o in list_offres(an.gens[qui], synthese)}
            assert offertes == {a for a, (depuis, gens) in PERMIS.items() if etat in depuis and qui in gens}, (etat, qui)


def test_passage_that_does_not_exist_is_refused(an: Annee) -> None:
    with pytest.raises(ValidationError, match="cette étape n’est plus possible"):
        pass_bilan(an.cci, an.fresh(), "effacer")


def test_refusal_of_who_may_not_says_who_may(an: Annee) -> None:
    with pytest.raises(PermissionDenied, match="Le bilan est rempli par"):
        pass_bilan(an.agglo, an.fresh(), "soumettre")
    an.put("soumis")
    with pytest.raises(PermissionDenied, match="Cette étape revient à qui finance"):
        pass_bilan(an.cci, an.fresh(), "accepter")
    with pytest.raises(PermissionDenied, match="Votre compte lit les bilans sans les remplir"):
        pass_bilan(an.gens["lecteur du payeur"], an.fresh(), "accepter")


def test_passage_seen_on_an_old_page_is_refused_with_the_state_of_now(an: Annee) -> None:
    vieux = an.fresh()
    an.make(an.cci, "soumettre")
    with pytest.raises(ValidationError) as refus:
        pass_bilan(an.cci, vieux, "soumettre")
    assert refus.value.messages == ["Ce bilan est maintenant « soumis » : cette étape n’est plus possible."]


# --- The pages ---------------------------------------------------------------------------------------


def connect(user: Utilisateur) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_button_makes_the_passage_and_says_it(an: Annee) -> None:
    reponse = connect(an.cci).post(an.page("bilan_passer", "soumettre"), follow=True)
    assert "Bilan envoyé : votre organisation est d’accord avec lui." in reponse.content.decode()
    assert an.fresh().etat == "soumis"


def test_refused_passage_shows_every_reason_and_where_to_go(an: Annee) -> None:
    FicheBilan.objects.filter(bilan=an.bilan).update(etat="")
    Bilan.objects.filter(pk=an.bilan.pk).update(recit="")
    reponse = connect(an.cci).post(an.page("bilan_passer", "soumettre"))
    page = reponse.content.decode()
    assert reponse.status_code == 422
    for fiche in an.bilan.fiches.all():
        assert f"{fiche.code} : dites si l’action est réalisée." in page
        assert f'href="{an.page("bilan_fiche", str(fiche.pk))}"' in page
    assert "Racontez l’année en quelques phrases" in page
    assert an.fresh().etat == "brouillon"


def test_page_refuses_who_may_not_and_hides_from_strangers(an: Annee) -> None:
    assert connect(an.agglo).post(an.page("bilan_passer", "soumettre")).status_code == 403
    assert connect(an.gens["étranger"]).post(an.page("bilan_passer", "soumettre")).status_code == 404
    assert connect(an.cci).post(an.page("bilan_passer", "effacer")).status_code == 404
    assert connect(an.cci).get(an.page("bilan_passer", "soumettre")).status_code == 405
    assert an.fresh().etat == "brouillon"


# --- Complete, and the plan as it is -----------------------------------------------------------------


def test_complete_bilan_is_sent_with_the_agreement_of_who_sends(an: Annee) -> None:
    bilan = an.make(an.cci, "soumettre")
    assert (bilan.etat, bilan.soumis_le) == ("soumis", timezone.localdate())
    (accord,) = bilan.accords.all()
    assert (accord.organisation, accord.auteur) == (an.plan.beneficiaire, an.cci)


INCOMPLETS: dict[str, tuple[Callable[[Annee], Any], str]] = {
    "état": (lambda an: tell(an.bilan, "A1", ""), "A1 : dites si l’action est réalisée."),
    "dépense": (lambda an: do(an.bilan, "A1", "Études"), "A1 : réalisé de la ligne « Études »."),
    "difficultés": (lambda an: FicheBilan.objects.update(difficultes=" \n"), "A2 : pourquoi l’action est partiellement réalisée."),
    "indicateur": (
        lambda an: FicheBilan.objects.get(code="A1").mesures.update(valeur=None),
        "A1 : indicateur « Entreprises accompagnées ».",
    ),
    "récit": (
        lambda an: Bilan.objects.update(recit="  \n "),
        "Racontez l’année en quelques phrases : les élus commencent par là.",
    ),
}


@pytest.mark.parametrize("manque", INCOMPLETS)
def test_incomplete_bilan_is_not_sent(an: Annee, manque: str) -> None:
    retirer, phrase = INCOMPLETS[manque]
    retirer(an)
    assert an.refuse(an.cci, "soumettre") == [phrase]
    an.put("observations")
    assert an.refuse(an.cci, "corriger") == [phrase]


def test_all_that_is_missing_in_a_fiche_is_told_at_once(an: Annee) -> None:
    tell(an.bilan, "A1", "")
    do(an.bilan, "A1", "Études")
    assert an.refuse(an.cci, "soumettre") == ["A1 : dites si l’action est réalisée et réalisé de la ligne « Études »."]


def test_long_lists_are_cut_with_what_is_left(an: Annee) -> None:
    with lift():
        for rang in range(8):
            plan_fiche(an.bilan.convention, f"B{rang}", {("Études", 2018): 10}, ordre=30 + rang)
        update_plan(an.cci, an.fresh())
    phrases = an.refuse(an.cci, "soumettre")
    assert len(phrases) == 7
    assert phrases[-1] == "2 autres fiches sont à compléter."


def test_fiche_with_nothing_this_year_asks_for_nothing(an: Annee) -> None:
    plan_fiche(an.bilan.convention, "Z9", {("Études", 2019): 700})
    update_plan(an.cci, an.fresh())
    assert an.bilan.fiches.filter(code="Z9").exists()
    assert an.make(an.cci, "soumettre").etat == "soumis"


def test_action_put_off_is_complete_without_amount(an: Annee) -> None:
    tell(an.bilan, "A1", "reportee")
    do(an.bilan, "A1", "Études")
    FicheBilan.objects.filter(code="A1").update(difficultes="Reportée d’un commun accord.")
    assert an.make(an.cci, "soumettre").etat == "soumis"


@pytest.mark.parametrize(("etat", "action"), [("brouillon", "soumettre"), ("observations", "corriger")])
def test_plan_that_changed_is_taken_again_first(an: Annee, etat: str, action: str) -> None:
    an.put(etat)
    with lift():
        LigneCout.objects.filter(nature__nom="Études").update(montant=Decimal(1200))
    assert an.refuse(an.cci, action) == ["Le plan a changé depuis l’ouverture (A1) : reprenez-le."]
    update_plan(an.cci, an.fresh())
    assert an.make(an.cci, action).is_envoye


# --- Observed, answered, settled, accepted once ------------------------------------------------------


def test_bilan_is_not_sent_back_without_observation(an: Annee) -> None:
    an.make(an.cci, "soumettre")
    assert an.refuse(an.agglo, "observer") == ["Écrivez d’abord une observation : le partenaire saura quoi corriger."]
    settle_observation(an.agglo, an.observe())
    assert an.refuse(an.agglo, "observer") == ["Écrivez d’abord une observation : le partenaire saura quoi corriger."]
    an.observe()
    assert an.make(an.agglo, "observer").etat == "observations"


def test_corrected_bilan_answers_each_observation(an: Annee) -> None:
    an.make(an.cci, "soumettre")
    premiere, seconde = an.observe(), an.observe(texte="Et les jours ?")
    an.make(an.agglo, "observer")
    assert an.refuse(an.cci, "corriger") == ["2 observations attendent votre réponse."]
    an.answer(premiere)
    an.answer(seconde, an.agglo)  # what the payer adds is no answer
    assert an.refuse(an.cci, "corriger") == ["Une observation attend votre réponse."]
    an.answer(seconde)
    assert an.make(an.cci, "corriger").etat == "corrige"


def test_settled_observation_waits_for_no_answer(an: Annee) -> None:
    an.make(an.cci, "soumettre")
    observation = an.observe()
    an.make(an.agglo, "observer")
    settle_observation(an.agglo, observation)
    assert an.make(an.cci, "corriger").etat == "corrige"


def test_open_observation_keeps_from_accepting_whoever_wrote_it(an: Annee) -> None:
    an.make(an.cci, "soumettre")
    sienne, autre = an.observe(), an.observe(an.gens["agent d’un partenaire"])
    assert an.refuse(an.agglo, "accepter") == ["2 observations sont encore ouvertes : réglez-les, ou renvoyez le bilan."]
    settle_observation(an.agglo, sienne)
    assert an.refuse(an.agglo, "accepter") == ["Une observation est encore ouverte : réglez-la, ou renvoyez le bilan."]
    settle_observation(an.gens["agent d’un partenaire"], autre)
    assert an.make(an.agglo, "accepter").etat == "accepte"


def test_bilan_taken_back_returns_where_it_was_written(an: Annee) -> None:
    an.make(an.cci, "soumettre")
    bilan = an.make(an.cci, "reprendre")
    assert (bilan.etat, bilan.accords.count()) == ("brouillon", 0)
    an.make(an.cci, "soumettre")
    an.answer(an.observe())
    an.make(an.agglo, "observer")
    assert an.make(an.cci, "corriger", "reprendre").etat == "observations"


def test_bilan_that_a_payer_accepted_is_not_taken_back(deux_payeurs: tuple[Annee, Utilisateur]) -> None:
    an, second = deux_payeurs
    an.make(an.cci, "soumettre")
    an.make(second, "accepter")
    assert an.refuse(an.cci, "reprendre") == [f"{second.organisation.sigle} l’a déjà accepté."]


def test_two_payers_accept_and_the_last_one_freezes(deux_payeurs: tuple[Annee, Utilisateur]) -> None:
    an, second = deux_payeurs
    an.make(an.cci, "soumettre")
    bilan = an.make(an.agglo, "accepter")
    assert (bilan.etat, bilan.accepte_le, DocumentBilan.objects.count()) == ("soumis", None, 0)
    collegue = an.gens["administrateur du payeur"]
    assert an.refuse(collegue, "accepter") == ["Votre organisation a déjà donné son accord : il manque celui des autres."]
    bilan = an.make(second, "accepter")
    assert (bilan.etat, bilan.accepte_le) == ("accepte", timezone.localdate())
    assert {a.auteur for a in bilan.accords.all()} == {an.cci, an.agglo, second}
    assert an.evenements == ["bilan_soumettre", "bilan_accord", "bilan_accepte"]


def test_sent_back_bilan_asks_every_payer_again(deux_payeurs: tuple[Annee, Utilisateur]) -> None:
    an, second = deux_payeurs
    an.make(an.cci, "soumettre")
    an.make(an.agglo, "accepter")
    observation = an.observe(second)
    an.make(second, "observer")
    assert an.fresh().accords.count() == 0
    an.answer(observation)
    an.make(an.cci, "corriger")
    settle_observation(second, observation)
    assert an.make(second, "accepter").etat == "corrige"
    assert an.make(an.agglo, "accepter").etat == "accepte"


def test_platform_accepts_for_each_payer_in_turn(deux_payeurs: tuple[Annee, Utilisateur]) -> None:
    an, second = deux_payeurs
    exploitant = an.gens["exploitant"]
    an.make(an.cci, "soumettre")
    assert an.make(exploitant, "accepter").etat == "soumis"
    assert an.make(exploitant, "accepter").etat == "accepte"
    assert {a.organisation for a in an.fresh().accords.all()} == {an.plan.beneficiaire, an.plan.payeur, second.organisation}


def test_where_everybody_reports_one_sends_and_the_others_accept(an: Annee) -> None:
    """An agreement that names no bénéficiaire: a financeur and partners."""
    with lift():
        an.bilan.convention.parties.filter(role="beneficiaire").update(role="partenaire")
    an.make(an.agglo, "soumettre")
    an.make(an.agglo, "reprendre")
    an.make(an.agglo, "soumettre")
    for qui in ("agent du bénéficiaire", "agent d’un partenaire"):
        if an.fresh().etat == "soumis":
            an.make(an.gens[qui], "accepter")
    assert an.fresh().etat == "accepte"


# --- The journal --------------------------------------------------------------------------------------


def test_whole_life_is_told_in_the_journal(an: Annee) -> None:
    an.make(an.cci, "soumettre", "reprendre", "soumettre")
    observation = an.observe()
    an.make(an.agglo, "observer")
    an.answer(observation)
    an.make(an.cci, "corriger")
    settle_observation(an.agglo, observation)
    an.make(an.agglo, "accepter")
    assert an.evenements == [
        *("bilan_soumettre", "bilan_reprendre", "bilan_soumettre"),
        *("bilan_observer", "bilan_corriger", "bilan_accepte"),
    ]
    lignes = list(an.bilan.convention.evenements.order_by("rang"))
    assert all(e.message.startswith("Bilan 2018") for e in lignes)
    assert [e.auteur for e in lignes] == [an.cci] * 3 + [an.agglo, an.cci, an.agglo]
    assert lignes[-1].donnees == {"empreinte": DocumentBilan.objects.get().empreinte_donnees}
    assert check_chaine(an.bilan.convention.evenements.all()).is_intact


def test_journal_that_all_parties_read_speaks_to_none_of_them(an: Annee) -> None:
    an.make(an.cci, "soumettre", "reprendre", "soumettre")
    an.observe()
    an.make(an.agglo, "observer")
    messages = an.bilan.convention.evenements.values_list("message", flat=True)
    assert [m for m in messages if "votre" in m or "vos " in m or "vous" in m or m.lower().count("bilan") > 1] == []


def test_history_keeps_who_made_each_passage(an: Annee) -> None:
    an.make(an.cci, "soumettre")
    an.make(an.agglo, "accepter")
    assert [(h.etat, h.history_user) for h in an.bilan.history.order_by("history_id")][-2:] == [("soumis", an.cci), ("accepte", an.agglo)]


# --- What the acceptance writes ------------------------------------------------------------------------


@pytest.fixture
def accepte(an: Annee) -> Annee:
    an.make(an.cci, "soumettre")
    an.make(an.agglo, "accepter")
    return an


def test_acceptance_writes_the_figure_of_each_line(accepte: Annee) -> None:
    typee, deduite, carnet = (
        get_line(accepte.bilan, code, nom) for code, nom in [("A1", "Études"), ("A1", "Animation"), ("A2", "Débours")]
    )
    assert (typee.montant, typee.jours) == (euros(900), None)
    assert (deduite.montant, deduite.jours) == (euros(5400), Decimal(9))
    assert carnet.montant == euros("420.50")


def test_acceptance_writes_what_each_financeur_paid(accepte: Annee) -> None:
    payes = {(p.fiche.code, p.financeur): p.montant for p in PartBilan.objects.filter(fiche__bilan=accepte.bilan)}
    payeur, beneficiaire = accepte.plan.payeur, accepte.plan.beneficiaire
    assert payes == {  # 80 % and 20 % of 6 300 and of 420,50
        ("A1", payeur): euros(5040),
        ("A1", beneficiaire): euros(1260),
        ("A2", payeur): euros("336.40"),
        ("A2", beneficiaire): euros("84.10"),
    }


def test_acceptance_keeps_what_the_payer_owes(accepte: Annee) -> None:
    (participation,) = accepte.bilan.participations.all()
    assert (participation.payeur, participation.prevue) == (accepte.plan.payeur, euros(6000))
    assert participation.due == euros("5376.40")  # 6 000 × 6 720,50 / 7 500


def test_figures_are_the_same_before_and_after_the_acceptance(an: Annee) -> None:
    an.make(an.cci, "soumettre")
    avant = tell_figures(an)
    an.make(an.agglo, "accepter")
    assert tell_figures(an) == avant


def tell_figures(an: Annee) -> dict[str, Any]:
    """The figures of a bilan, without its state."""
    donnees = build_json(read_soldes(compute_synthese(an.fresh())))
    return {cle: donnees[cle] for cle in ("fiches", "axes", "natures", "total", "solde")}


def test_carnet_noted_later_changes_nothing(accepte: Annee) -> None:
    avant = tell_figures(accepte)
    Realisation.objects.update(montant=Decimal(9_999))
    Realisation.objects.filter(montant=Decimal(9_999)).first().delete()
    assert tell_figures(accepte) == avant


def test_unplanned_part_below_zero_is_shown_and_not_written(an: Annee) -> None:
    fiche = FicheBilan.objects.get(bilan=an.bilan, code="A2")
    fiche.parts.update(montant=Decimal(300))
    an.make(an.cci, "soumettre")
    an.make(an.agglo, "accepter")
    assert set(fiche.parts.values_list("montant", flat=True)) == {Decimal(300)}
    (reste,) = [p.compte.realise for p in compute_synthese(an.fresh()).find(fiche.pk).parts if p.cle is None]
    assert reste == Decimal("-179.50")


# --- What is frozen -------------------------------------------------------------------------------------


def test_frozen_data_are_canonical_and_bear_their_fingerprint(accepte: Annee) -> None:
    document = DocumentBilan.objects.get(bilan=accepte.bilan)
    donnees = json.loads(document.donnees)
    assert document.donnees == json.dumps(donnees, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert document.empreinte_donnees == hashlib.sha256(document.donnees.encode()).hexdigest()
    assert (donnees["etat"], donnees["accepte_le"]) == ("accepte", f"{timezone.localdate()}")


def test_frozen_data_say_what_the_bilan_says(an: Annee) -> None:
    an.make(an.cci, "soumettre")
    observation = an.observe()
    an.answer(observation)
    settle_observation(an.agglo, observation)
    bilan = an.make(an.agglo, "accepter")
    attendues = build_json(compute_soldes(compute_synthese(bilan)), list_observations(bilan), list(bilan.pieces.all()))
    figees = json.loads(DocumentBilan.objects.get().donnees)
    assert figees == json.loads(json.dumps(attendues))
    assert [o["reponses"][0]["texte"] for o in figees["observations"]] == ["Un devis plus bas."]


@pytest.fixture
def composes(monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[int]:
    """Years typeset, one after the other; each PDF says which it is."""
    settings.TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}
    faits: list[int] = []

    def publish(bilan: Bilan) -> bytes:
        faits.append(bilan.annee)
        return PDF + f" {len(faits)}".encode()

    monkeypatch.setattr(taches, "publish_bilan", publish)
    return faits


def accept_for_good(an: Annee, executer: Any) -> None:
    """Sent, then accepted as in a transaction of its own: the worker takes its turn."""
    an.make(an.cci, "soumettre")
    with executer(execute=True):
        an.make(an.agglo, "accepter")


def test_pdf_is_typeset_once_and_served_the_same_for_ever(
    an: Annee, composes: list[int], django_capture_on_commit_callbacks: Any, settings: Any
) -> None:
    settings.DEBUG = True
    accept_for_good(an, django_capture_on_commit_callbacks)
    document = DocumentBilan.objects.get()
    assert (composes, document.read_pdf(), document.taille_pdf) == ([2018], PDF + b" 1", len(PDF) + 2)
    assert document.empreinte_pdf == hashlib.sha256(PDF + b" 1").hexdigest()
    work("bilan", an.bilan.convention, typeset_bilan, an.bilan.pk, cle="encore")
    Organisation.objects.filter(pk=an.plan.payeur.pk).update(nom="Un autre nom")
    page = reverse("bilan_document", args=[an.bilan.convention.reference, 2018, "pdf"])
    for user in (an.cci, an.gens["lecteur du payeur"]):
        reponse = connect(user).get(page)
        assert (reponse.content, reponse["Content-Type"]) == (PDF + b" 1", "application/pdf")
    assert composes == [2018]


def test_pdf_that_the_worker_did_not_make_yet_is_made_when_asked_for(an: Annee, composes: list[int]) -> None:
    an.make(an.cci, "soumettre")
    an.make(an.agglo, "accepter")  # the transaction of the test never ends: no worker
    assert composes == []
    assert [read_bilan(an.fresh()) for _ in range(3)] == [PDF + b" 1"] * 3
    assert composes == [2018]


def test_pdf_made_by_two_at_once_is_the_first_kept(an: Annee, composes: list[int]) -> None:
    an.make(an.cci, "soumettre")
    an.make(an.agglo, "accepter")
    premier, second = DocumentBilan.objects.get(), DocumentBilan.objects.get()
    store_pdf(premier, b"%PDF-1.7 premier")
    assert store_pdf(second, b"%PDF-1.7 second").read_pdf() == b"%PDF-1.7 premier"


def test_bilan_being_written_is_typeset_as_it_is_each_time(an: Annee, composes: list[int]) -> None:
    assert [read_bilan(an.fresh()) for _ in range(2)] == [PDF + b" 1", PDF + b" 2"]
    assert not DocumentBilan.objects.exists()


def test_worker_finds_nothing_to_do_for_a_bilan_that_is_not_accepted(an: Annee, composes: list[int]) -> None:
    work("bilan", an.bilan.convention, typeset_bilan, an.bilan.pk, cle="encore")
    assert composes == []


def test_missing_engine_leaves_the_bilan_accepted_and_the_pdf_for_later(
    an: Annee, composes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    an.make(an.cci, "soumettre")
    an.make(an.agglo, "accepter")

    def miss(bilan: Bilan) -> bytes:
        raise MoteurAbsent("Le moteur n’est pas installé.")

    with monkeypatch.context() as panne:
        panne.setattr(taches, "publish_bilan", miss)
        with pytest.raises(MoteurAbsent):
            read_bilan(an.fresh())
    assert read_bilan(an.fresh()) == PDF + b" 1"


def test_pdf_that_changed_on_the_disk_is_said_lost_and_never_made_again(an: Annee, composes: list[int]) -> None:
    an.make(an.cci, "soumettre")
    an.make(an.agglo, "accepter")
    read_bilan(an.fresh())
    with default_storage.open(DocumentBilan.objects.get().pdf, "wb") as fichier:
        fichier.write(b"%PDF-1.7 autre chose")
    with pytest.raises(DocumentPerdu):
        read_bilan(an.fresh())
    page = connect(an.cci).get(reverse("bilan_document", args=[an.bilan.convention.reference, 2018, "pdf"]))
    assert (page.status_code, composes) == (410, [2018])


# --- Whole or not at all --------------------------------------------------------------------------------


@pytest.mark.parametrize("etape", ["keep_participations", "create_document", "record", "compute_soldes", "build_json"])
def test_crash_in_the_acceptance_leaves_nothing_half_written(an: Annee, etape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    an.make(an.cci, "soumettre")
    avant = photograph(an)

    def crash(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("coupure")

    with monkeypatch.context() as panne:
        panne.setattr(passages, etape, crash)
        with pytest.raises(RuntimeError, match="coupure"):
            pass_bilan(an.agglo, an.fresh(), "accepter")
    assert photograph(an) == avant
    assert an.make(an.agglo, "accepter").etat == "accepte"


def photograph(an: Annee) -> dict[str, Any]:
    """Every row that the acceptance writes."""
    tables = (Bilan, FicheBilan, LigneBilan, PartBilan, AccordBilan, ParticipationBilan, DocumentBilan)
    rows = {t.__name__: list(t.objects.order_by("pk").values()) for t in tables}
    return rows | {"journal": an.evenements, "historique": LigneBilan.history.count() + Bilan.history.count()}


def test_crash_while_keeping_the_pdf_leaves_the_bilan_without_pdf(an: Annee, composes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    an.make(an.cci, "soumettre")
    an.make(an.agglo, "accepter")

    def crash(*args: Any) -> Any:
        raise OSError("plus de place")

    with monkeypatch.context() as panne:
        panne.setattr(figes, "keep_file", crash)
        with pytest.raises(OSError, match="plus de place"):
            read_bilan(an.fresh())
    document = DocumentBilan.objects.get()
    assert (document.pdf, document.empreinte_pdf, document.taille_pdf) == ("", "", 0)
    assert read_bilan(an.fresh()) == PDF + b" 2"


# --- Afterwards -------------------------------------------------------------------------------------------


def test_avenant_signed_later_changes_nothing_of_an_accepted_bilan(an: Annee, composes: list[int]) -> None:
    an.make(an.cci, "soumettre")
    an.make(an.agglo, "accepter")
    pdf, figures, rows = read_bilan(an.fresh()), tell_figures(an), photograph(an)
    avenant = amend(an.cci, an.bilan.convention, formule_solde="mixte", annee_fin=2021)
    avenant.fiches.get(code="A1").lignes_cout.update(montant=Decimal(1))
    avenant.fiches.get(code="A2").discard()
    plan_fiche(avenant, "AJOUT-2", {("Études", 2018): 5000})
    conclude(avenant)
    assert tell_figures(an) == figures
    assert {cle: valeur for cle, valeur in photograph(an).items() if cle != "journal"} == {
        cle: valeur for cle, valeur in rows.items() if cle != "journal"
    }
    assert diff_plan(an.fresh())  # the plan did change
    with pytest.raises(PermissionDenied):
        update_plan(an.cci, an.fresh())
    assert read_bilan(an.fresh()) == pdf
    page = connect(an.cci).get(an.page()).content.decode()
    assert "AJOUT-2" not in page
    assert "Le plan a changé" not in page


def test_avenant_asks_a_bilan_being_written_to_take_the_plan_again(an: Annee) -> None:
    avenant = amend(an.cci, an.bilan.convention)
    plan_fiche(avenant, "AJOUT-2", {("Études", 2018): 5000})
    assert not diff_plan(an.fresh())  # not while it is only prepared
    conclude(avenant)
    assert an.refuse(an.cci, "soumettre") == ["Le plan a changé depuis l’ouverture (AJOUT-2) : reprenez-le."]


# --- Two people at once -----------------------------------------------------------------------------------


def test_second_of_two_colleagues_who_accept_finds_it_accepted(an: Annee) -> None:
    an.make(an.cci, "soumettre")
    vu_par_deux = an.fresh(), an.fresh()
    pass_bilan(an.agglo, vu_par_deux[0], "accepter")
    with pytest.raises(ValidationError, match="Ce bilan est maintenant « accepté »"):
        pass_bilan(an.gens["administrateur du payeur"], vu_par_deux[1], "accepter")
    assert (DocumentBilan.objects.count(), ParticipationBilan.objects.count(), AccordBilan.objects.count()) == (1, 1, 2)


def test_bilan_taken_back_meanwhile_is_not_accepted(an: Annee) -> None:
    an.make(an.cci, "soumettre")
    vu = an.fresh()
    an.make(an.cci, "reprendre")
    with pytest.raises(ValidationError, match="Ce bilan est maintenant « en rédaction »"):
        pass_bilan(an.agglo, vu, "accepter")
    assert an.fresh().etat == "brouillon"


@pytest.fixture
def a_plusieurs(transactional_db: None, request: pytest.FixtureRequest) -> tuple[Annee, Utilisateur]:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite en mémoire n’a qu’une connexion.")
    return request.getfixturevalue("deux_payeurs")


def test_two_payers_who_accept_at_the_same_moment_accept_once(a_plusieurs: tuple[Annee, Utilisateur]) -> None:
    an, second = a_plusieurs
    an.make(an.cci, "soumettre")
    bilans = an.fresh(), an.fresh()
    run_together(*(lambda u=u, b=b: pass_bilan(u, b, "accepter") for u, b in zip((an.agglo, second), bilans, strict=True)))
    assert an.fresh().etat == "accepte"
    assert (DocumentBilan.objects.count(), AccordBilan.objects.count()) == (1, 3)
    assert an.evenements == ["bilan_soumettre", "bilan_accord", "bilan_accepte"]
    assert check_chaine(an.bilan.convention.evenements.all()).is_intact
