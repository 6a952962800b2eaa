"""The passages of a fiche from one state to another: who may, what refuses, what is kept."""

import pytest
from django.core.exceptions import ValidationError

from comptes.models import Utilisateur
from conventions.models import Axe, Convention
from fiches.models import FicheAction, Passage
from fiches.transitions import TRANSITIONS, list_offres, pass_fiche
from financement.vues.edition import list_rubriques
from tests.ecritures import read
from tests.factories import (
    AxeFactory,
    FicheFactory,
    OrganisationFactory,
    UtilisateurFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def axe(convention: Convention) -> Axe:
    return AxeFactory(convention=convention, code="E.A", titre="Attractivité")


@pytest.fixture
def fiche(convention: Convention, axe: Axe) -> FicheAction:
    return FicheFactory(convention=convention, axe=axe, code="E.A 1")


@pytest.fixture
def lecteur(agent: Utilisateur) -> Utilisateur:
    return UtilisateurFactory(organisation=agent.organisation, role="lecteur")


def fresh(fiche: FicheAction) -> FicheAction:
    return FicheAction.toutes.get(pk=fiche.pk)


ETATS = ["brouillon", "en_redaction", "en_relecture", "a_corriger", "validee"]
SOUMIS = {"soumettre": "en_relecture"}
# State × who (of the organisation that handed the fiche over, of the partner): what each may do, and where it leads.
PERMIS: dict[tuple[str, str], dict[str, str]] = {
    ("brouillon", "remettante"): SOUMIS,
    ("brouillon", "partenaire"): SOUMIS,
    ("en_redaction", "remettante"): SOUMIS,
    ("en_redaction", "partenaire"): SOUMIS,
    ("a_corriger", "remettante"): SOUMIS,
    ("a_corriger", "partenaire"): SOUMIS,
    ("en_relecture", "remettante"): {"reprendre": "en_redaction"},
    ("en_relecture", "partenaire"): {"renvoyer": "a_corriger", "valider": "validee"},
    ("en_relecture", "exploitant"): {"reprendre": "en_redaction", "renvoyer": "a_corriger", "valider": "validee"},
    ("validee", "remettante"): {"rouvrir": "a_corriger"},
    ("validee", "partenaire"): {"rouvrir": "a_corriger"},
}


@pytest.fixture
def people(agent: Utilisateur, partenaire: Utilisateur, lecteur: Utilisateur) -> dict[str, Utilisateur]:
    exploitant = UtilisateurFactory(organisation=None, is_superuser=True)
    return {"remettante": agent, "partenaire": partenaire, "exploitant": exploitant, "lecteur": lecteur}


def hand_over(fiche: FicheAction, user: Utilisateur, etat: str) -> FicheAction:
    """A fiche in a state, last handed over by the person's organisation."""
    Passage.objects.create(
        fiche=fiche, action="soumettre", de="brouillon", vers="en_relecture", auteur=user, organisation=user.organisation
    )
    FicheAction.objects.filter(pk=fiche.pk).update(etat=etat)
    return fresh(fiche)


@pytest.mark.parametrize("action", [t.action for t in TRANSITIONS])
@pytest.mark.parametrize(("etat", "qui"), PERMIS, ids=lambda v: v)
def test_who_may_do_what(people: dict[str, Utilisateur], fiche: FicheAction, etat: str, qui: str, action: str) -> None:
    fiche, permis = hand_over(fiche, people["remettante"], etat), PERMIS[etat, qui]
    if action in permis:
        pass_fiche(people[qui], fiche, action, [], "Un motif.")
    else:
        with pytest.raises(ValidationError):
            pass_fiche(people[qui], fiche, action, [], "Un motif.")
    assert fresh(fiche).etat == permis.get(action, etat)
    assert fiche.passages.count() == (2 if action in permis else 1)


@pytest.mark.parametrize(("etat", "qui"), PERMIS, ids=lambda v: v)
def test_what_is_offered_is_what_is_allowed(people: dict[str, Utilisateur], fiche: FicheAction, etat: str, qui: str) -> None:
    fiche = hand_over(fiche, people["remettante"], etat)
    offres = list_offres(people[qui], fiche, [])
    assert {o.transition.action for o in offres if not o.refus} == set(PERMIS[etat, qui])
    assert all(etat in o.transition.depuis for o in offres)


@pytest.mark.parametrize("etat", ETATS)
def test_who_only_reads_is_offered_nothing(people: dict[str, Utilisateur], fiche: FicheAction, etat: str) -> None:
    fiche = hand_over(fiche, people["remettante"], etat)
    assert list_offres(people["lecteur"], fiche, []) == []
    for transition in TRANSITIONS:
        with pytest.raises(ValidationError):
            pass_fiche(people["lecteur"], fiche, transition.action, [], "Un motif.")
    assert fresh(fiche).etat == etat


@pytest.mark.parametrize("etat", ["a_signer", "signee", "caduque"])
def test_states_stop_when_the_convention_goes_to_signature(
    partenaire: Utilisateur, agent: Utilisateur, fiche: FicheAction, etat: str
) -> None:
    hand_over(fiche, agent, "en_relecture")
    Convention.objects.update(etat=etat)
    fiche = fresh(fiche)
    assert list_offres(partenaire, fiche, []) == []
    with pytest.raises(ValidationError):
        pass_fiche(partenaire, fiche, "valider", [])


def test_fiche_in_the_corbeille_is_offered_nothing(agent: Utilisateur, fiche: FicheAction) -> None:
    fiche.discard()
    assert list_offres(agent, fresh(fiche), []) == []


def test_refusal_names_who_reads_over(agent: Utilisateur, fiche: FicheAction) -> None:
    fiche = hand_over(fiche, agent, "en_relecture")
    with pytest.raises(ValidationError) as refus:
        pass_fiche(agent, fiche, "valider", [])
    assert refus.value.messages == ["Votre organisation a remis cette fiche : la relecture revient à la CCI."]


def test_colleague_of_who_handed_over_does_not_validate_either(agent: Utilisateur, fiche: FicheAction) -> None:
    collegue = UtilisateurFactory(organisation=agent.organisation)
    with pytest.raises(ValidationError):
        pass_fiche(collegue, hand_over(fiche, agent, "en_relecture"), "valider", [])


def test_last_handing_over_counts(agent: Utilisateur, partenaire: Utilisateur, fiche: FicheAction) -> None:
    fiche = hand_over(hand_over(fiche, agent, "a_corriger"), partenaire, "en_relecture")
    assert pass_fiche(agent, fiche, "valider", []).vers == "validee"


def test_fiche_loaded_in_relecture_was_handed_over_by_who_leads_it(agent: Utilisateur, partenaire: Utilisateur, fiche: FicheAction) -> None:
    fiche.maitres_ouvrage.add(partenaire.organisation)
    FicheAction.objects.update(etat="en_relecture")
    with pytest.raises(ValidationError):
        pass_fiche(partenaire, fresh(fiche), "valider", [])
    assert pass_fiche(agent, fresh(fiche), "valider", []).vers == "validee"


@pytest.mark.parametrize("motif", ["", "   ", "\n"])
def test_sending_back_says_why(agent: Utilisateur, partenaire: Utilisateur, fiche: FicheAction, motif: str) -> None:
    fiche = hand_over(fiche, agent, "en_relecture")
    with pytest.raises(ValidationError) as refus:
        pass_fiche(partenaire, fiche, "renvoyer", [], motif)
    assert "ce qu’il faut corriger" in refus.value.messages[0]
    assert fresh(fiche).etat == "en_relecture"


def test_incomplete_fiche_is_not_validated_and_its_headings_are_named(
    agent: Utilisateur, partenaire: Utilisateur, fiche: FicheAction
) -> None:
    FicheAction.objects.update(constat="x", contenus="x", cible="x", maitrise_ouvrage="x", cout_texte="x", calendrier="x", evaluation="x")
    fiche = hand_over(fiche, agent, "en_relecture")
    manques = [r for r in list_rubriques(fiche) if not r.remplie]
    with pytest.raises(ValidationError) as refus:
        pass_fiche(partenaire, fiche, "valider", manques)
    assert refus.value.messages == ["Il manque 2 rubriques pour valider : Co-financements et Partenariats techniques."]
    assert pass_fiche(partenaire, fiche, "renvoyer", manques, "Dites qui paie.").vers == "a_corriger"


def test_incomplete_fiche_may_be_handed_over(agent: Utilisateur, fiche: FicheAction) -> None:
    assert pass_fiche(agent, fiche, "soumettre", list_rubriques(fiche)).vers == "en_relecture"


def test_passage_is_recorded_with_its_reason_and_its_version(agent: Utilisateur, partenaire: Utilisateur, fiche: FicheAction) -> None:
    fiche = hand_over(fiche, agent, "en_relecture")
    pass_fiche(partenaire, fiche, "renvoyer", [], " Précisez la cible. ")
    passage = fiche.passages.first()
    assert passage is not None
    assert (passage.action, passage.de, passage.vers, passage.motif) == ("renvoyer", "en_relecture", "a_corriger", "Précisez la cible.")
    assert (passage.auteur, passage.organisation) == (partenaire, partenaire.organisation)
    version = fiche.history.latest()
    assert (version.etat, version.history_user, version.history_change_reason) == ("a_corriger", partenaire, "Précisez la cible.")
    assert fiche.etat == "a_corriger"


def test_fiche_reopened_can_be_written_again(agent: Utilisateur, partenaire: Utilisateur, fiche: FicheAction) -> None:
    fiche = hand_over(fiche, agent, "validee")
    with pytest.raises(ValidationError):
        pass_fiche(agent, fiche, "rouvrir", [], "")
    pass_fiche(agent, fiche, "rouvrir", [], "Le montant a changé.")
    assert fresh(fiche).etat == "a_corriger"


@pytest.mark.parametrize("action", ["", "inconnue", "valider"])
def test_passage_that_is_no_longer_possible_says_the_present_state(agent: Utilisateur, fiche: FicheAction, action: str) -> None:
    ouverte = fresh(fiche)
    FicheAction.objects.update(etat="validee")
    with pytest.raises(ValidationError) as refus:
        pass_fiche(agent, ouverte, action, [])
    assert refus.value.messages == ["La fiche est maintenant « validée » : ce passage n’est plus possible."]


def test_other_texts_written_meanwhile_survive_a_passage(agent: Utilisateur, fiche: FicheAction) -> None:
    ouverte = fresh(fiche)
    FicheAction.objects.update(constat="Écrit entre-temps.")
    pass_fiche(agent, ouverte, "soumettre", [])
    assert read(fiche)["constat"] == "Écrit entre-temps."


def test_button_names_the_partners(agent: Utilisateur, fiche: FicheAction) -> None:
    (offre,) = list_offres(agent, fiche, [])
    assert offre.libelle == "Faire relire par la CCI"


def test_person_of_no_party_sees_no_fiche(fiche: FicheAction) -> None:
    etranger = UtilisateurFactory(organisation=OrganisationFactory())
    assert not FicheAction.objects.visible_to(etranger).exists()
