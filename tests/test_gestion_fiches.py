"""Acts on whole fiches: code, creation, place, copy, corbeille, and the passages from one state to another."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from comptes.models import Organisation, Utilisateur
from conventions.models import Axe, Convention
from fiches.commentaires import add_commentaire
from fiches.fiches import MOTS_RESERVES
from fiches.gestion import create_fiche, move_fiche, propose_code, shift_fiche
from fiches.models import CibleIndicateur, FicheAction, Passage, Pilote, ProduitPret
from fiches.transitions import TRANSITIONS, list_offres, pass_fiche
from financement.duplication import duplicate_fiche
from financement.edition import ContenuFiche
from financement.syntheses import compute_recapitulatif
from financement.vues.edition import list_rubriques
from tests.ecritures import read
from tests.factories import (
    AxeFactory,
    CoFinancementFactory,
    FicheFactory,
    IndicateurFactory,
    LigneCoutFactory,
    OrganisationFactory,
    UtilisateurFactory,
    euros,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def axe(convention: Convention) -> Axe:
    return AxeFactory(convention=convention, code="E.A", titre="Attractivité")


@pytest.fixture
def fiche(convention: Convention, axe: Axe) -> FicheAction:
    return FicheFactory(convention=convention, axe=axe, code="E.A 1")


@pytest.fixture
def cci(convention: Convention) -> Organisation:
    return convention.parties.all()[1].organisation


@pytest.fixture
def partenaire(cci: Organisation) -> Utilisateur:
    return UtilisateurFactory(organisation=cci)


@pytest.fixture
def lecteur(agent: Utilisateur) -> Utilisateur:
    return UtilisateurFactory(organisation=agent.organisation, role="lecteur")


def fresh(fiche: FicheAction) -> FicheAction:
    return FicheAction.toutes.get(pk=fiche.pk)


def codes(axe: Axe) -> list[str]:
    return [f.code for f in FicheAction.objects.filter(axe=axe)]


def place(axe: Axe, *codes: str) -> None:
    for code in codes:
        FicheFactory(convention=axe.convention, axe=axe, code=code)


# --- code proposed ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("existants", "propose"),
    [
        ([], "E.A 1"),
        (["E.A 1"], "E.A 2"),
        (["E.A 1.2.1", "E.A 1.2.2"], "E.A 1.2.3"),
        (["E.A 1.2.2", "E.A 1.2.1"], "E.A 1.2.3"),
        (["E.A 1.9"], "E.A 1.10"),
        (["E.A 1.9", "E.A 1.10"], "E.A 1.11"),
        (["E.A 1.1", "E.A 1.3"], "E.A 1.4"),
        (["E.A 1", "E.A annexe"], "E.A 2"),
        (["E.A annexe"], "E.A 1"),
    ],
)
def test_code_proposed_comes_after_its_neighbours(axe: Axe, existants: list[str], propose: str) -> None:
    place(axe, *existants)
    assert propose_code(axe) == propose


@pytest.mark.parametrize("code", ["1.3", "1.3."])
def test_empty_section_starts_its_own_codes(axe: Axe, code: str) -> None:
    section = AxeFactory(convention=axe.convention, parent=AxeFactory(convention=axe.convention, parent=axe, code="1."), code=code)
    place(axe, "E.A 1", "E.A 2")
    assert propose_code(section) == "E.A 1.3.1"


def test_code_proposed_is_free_in_the_whole_convention(axe: Axe) -> None:
    place(axe, "E.A 1.1")
    place(AxeFactory(convention=axe.convention, code="E.P"), "E.A 1.2", "E.A 1.3")
    assert propose_code(axe) == "E.A 1.4"


@pytest.mark.parametrize("semblable", ["EA 1.2", "e.a 1.2", "E.A 1-2", "E A 1.2"])
def test_code_proposed_does_not_read_like_another(axe: Axe, semblable: str) -> None:
    place(axe, "E.A 1.1")
    place(AxeFactory(convention=axe.convention, code="E.P"), semblable)
    assert propose_code(axe) == "E.A 1.3"


def test_code_of_another_convention_is_free(axe: Axe) -> None:
    FicheFactory(code="E.A 1")
    assert propose_code(axe) == "E.A 1"


def test_code_of_a_fiche_in_the_corbeille_is_free_again(axe: Axe) -> None:
    place(axe, "E.A 1.1", "E.A 1.2")
    FicheAction.objects.get(code="E.A 1.2").discard()
    assert propose_code(axe) == "E.A 1.2"


def test_fiche_proposed_a_code_does_not_count_against_itself(axe: Axe, fiche: FicheAction) -> None:
    assert propose_code(axe, sauf=fiche.pk) == "E.A 1"


# --- creation --------------------------------------------------------------------------------------


def test_fiche_opens_as_a_draft_at_the_end(agent: Utilisateur, axe: Axe, fiche: FicheAction) -> None:
    nouvelle = create_fiche(agent, axe, "  Aider les commerces ")
    assert (nouvelle.code, nouvelle.titre, nouvelle.etat) == ("E.A 2", "Aider les commerces", "brouillon")
    assert list(axe.convention.fiches.all()) == [fiche, nouvelle]


def test_fiche_takes_the_code_it_is_given(agent: Utilisateur, axe: Axe) -> None:
    assert create_fiche(agent, axe, "Aider", " E.A 7 ").code == "E.A 7"


@pytest.mark.parametrize(("titre", "code"), [("", ""), ("Aider", "E.A 1"), ("Aider", "EA 1"), ("Aider", "?"), ("m" * 251, "")])
def test_fiche_that_cannot_be_is_not_opened(agent: Utilisateur, axe: Axe, fiche: FicheAction, titre: str, code: str) -> None:
    with pytest.raises(ValidationError):
        create_fiche(agent, axe, titre, code)
    assert list(FicheAction.toutes.all()) == [fiche]


@pytest.mark.parametrize("mot", sorted(MOTS_RESERVES))
def test_code_that_addresses_use_otherwise_is_refused(agent: Utilisateur, axe: Axe, fiche: FicheAction, mot: str) -> None:
    for code in (mot, mot.upper(), f"{mot}."):
        with pytest.raises(ValidationError) as refus:
            create_fiche(agent, axe, "Aider", code)
        assert "ne peut pas servir de code" in refus.value.messages[0]
        with pytest.raises(ValidationError):
            move_fiche(agent, fresh(fiche), axe, code)


def test_every_word_of_an_address_is_reserved() -> None:
    from financement.urls import FICHES, urlpatterns

    suites = [str(u.pattern).removeprefix(FICHES) for u in urlpatterns if str(u.pattern).startswith(FICHES)]
    assert {s.split("/")[0] for s in suites if s and not s.startswith("<")} <= MOTS_RESERVES


def test_creation_needs_the_right_to_write(lecteur: Utilisateur, agent: Utilisateur, axe: Axe) -> None:
    with pytest.raises(PermissionDenied):
        create_fiche(lecteur, axe, "Aider")
    Convention.objects.update(etat="signee")
    with pytest.raises(PermissionDenied):
        create_fiche(agent, Axe.objects.get(pk=axe.pk), "Aider")
    assert not FicheAction.objects.exists()


# --- place -----------------------------------------------------------------------------------------


def test_fiche_moved_to_another_axe_stands_last(agent: Utilisateur, axe: Axe, fiche: FicheAction) -> None:
    autre = AxeFactory(convention=axe.convention, code="E.P")
    place(autre, "E.P 1")
    move_fiche(agent, fiche, autre, "")
    assert (fiche.axe, fiche.code) == (autre, "E.P 2")
    assert codes(autre) == ["E.P 1", "E.P 2"]


def test_fiche_given_another_code_keeps_its_rank(agent: Utilisateur, axe: Axe, fiche: FicheAction) -> None:
    place(axe, "E.A 2")
    move_fiche(agent, fiche, axe, "E.A 9")
    assert codes(axe) == ["E.A 9", "E.A 2"]


def test_fiche_stays_in_its_convention(agent: Utilisateur, fiche: FicheAction) -> None:
    with pytest.raises(ValidationError) as refus:
        move_fiche(agent, fiche, AxeFactory(), "E.A 9")
    assert refus.value.message_dict == {"axe": ["Choisissez un axe de la même convention."]}
    assert fresh(fiche).code == "E.A 1"


@pytest.mark.parametrize("code", ["E.A 2", "EA 2", "e-a 2"])
def test_fiche_does_not_take_the_code_of_another(agent: Utilisateur, axe: Axe, fiche: FicheAction, code: str) -> None:
    place(axe, "E.A 2")
    with pytest.raises(ValidationError):
        move_fiche(agent, fresh(fiche), axe, code)
    assert fresh(fiche).code == "E.A 1"


def test_fiche_writes_its_own_code_otherwise(agent: Utilisateur, axe: Axe, fiche: FicheAction) -> None:
    move_fiche(agent, fiche, axe, "EA 1")
    assert fresh(fiche).code == "EA 1"


def test_fiche_validee_is_not_moved(agent: Utilisateur, axe: Axe, fiche: FicheAction) -> None:
    fiche.etat = "validee"
    fiche.save()
    with pytest.raises(PermissionDenied):
        move_fiche(agent, fiche, axe, "E.A 9")


def test_fiche_exchanges_with_its_neighbour_of_the_same_axe(agent: Utilisateur, convention: Convention, axe: Axe) -> None:
    autre = AxeFactory(convention=convention)
    a, ailleurs, b = (FicheFactory(convention=convention, axe=x, ordre=5) for x in (axe, autre, axe))
    assert shift_fiche(agent, fresh(a), 1)
    assert list(convention.fiches.all()) == [b, ailleurs, a]
    assert shift_fiche(agent, fresh(a), -1)
    assert list(convention.fiches.all()) == [a, ailleurs, b]
    assert not shift_fiche(agent, fresh(a), -1)
    assert not shift_fiche(agent, fresh(b), 1)
    assert not shift_fiche(agent, fresh(ailleurs), 1)


def test_order_makes_no_version_and_is_open_to_fiches_validees(agent: Utilisateur, axe: Axe, fiche: FicheAction) -> None:
    place(axe, "E.A 2")
    FicheAction.objects.update(etat="validee")
    assert shift_fiche(agent, fresh(fiche), 1)
    assert codes(axe) == ["E.A 2", "E.A 1"]
    assert fiche.history.count() == 1


def test_order_needs_the_right_to_write(lecteur: Utilisateur, axe: Axe, fiche: FicheAction) -> None:
    place(axe, "E.A 2")
    with pytest.raises(PermissionDenied):
        shift_fiche(lecteur, fiche, 1)
    assert codes(axe) == ["E.A 1", "E.A 2"]


# --- copy ------------------------------------------------------------------------------------------

TEXTES = ["objet", "presentation", "constat", "objectifs", "contenus", "cible", "methode", "maitrise_ouvrage", "cout_texte"]
TEXTES += ["calendrier", "cofinancement_texte", "partenariats_techniques", "evaluation", "titre_court"]


@pytest.fixture
def complete(agent: Utilisateur, fiche: FicheAction, cci: Organisation) -> FicheAction:
    """A fiche with something everywhere."""
    for champ in TEXTES:
        setattr(fiche, champ, f"Texte de {champ}")
    fiche.base_montants, fiche.annees_calendrier, fiche.code_imprime = "ttc", [2018, 2020], "E.A 1 bis"
    fiche.date_debut, fiche.date_fin, fiche.etat = "2018-01-01", "2018-12-31", "validee"
    fiche.save()
    fiche.maitres_ouvrage.add(cci)
    LigneCoutFactory(fiche=fiche, libelle="Salon", jours=Decimal(2), tarif_journalier=euros(600), montant=euros(1200), mention="au forfait")
    LigneCoutFactory(fiche=fiche, montant=None, chiffrage="sur_devis", annee=2019)
    CoFinancementFactory(fiche=fiche, financeur=cci, taux=Decimal("33.3333"), montant=euros(400), annee=2018, mention="acompte")
    CoFinancementFactory(fiche=fiche, financeur=None, taux=Decimal(10))
    for rang, libelle in enumerate(["Commerces", "Emplois"]):
        indicateur = IndicateurFactory(fiche=fiche, libelle=libelle, unite="nb", ordre=rang)
        CibleIndicateur.objects.create(indicateur=indicateur, annee=2018, valeur=Decimal(rang) + Decimal("0.5"))
    Pilote.objects.create(fiche=fiche, utilisateur=agent)
    ProduitPret.objects.create(fiche=fiche, nom="Prêt d’honneur", minimum=euros(1000), maximum=euros(5000))
    return FicheAction.objects.get(pk=fiche.pk)


def describe(fiche: FicheAction) -> dict[str, Any]:
    """Everything a fiche says, whatever the numbers of its rows."""
    contenu = ContenuFiche.of(fresh(fiche))
    valeurs = {c: v for c, v in contenu.read().items() if not c.startswith("indicateur.")}
    indicateurs = [(i.libelle, i.unite, [(c.annee, c.valeur) for c in i.cibles.all()]) for i in fiche.indicateurs.all()]
    prets = [(p.nom, p.minimum, p.maximum) for p in fiche.produits_pret.all()]
    return valeurs | {"indicateurs": indicateurs, "prets": prets}


def test_copy_says_all_that_its_model_says(agent: Utilisateur, complete: FicheAction) -> None:
    avant = describe(complete)
    copie = duplicate_fiche(agent, fresh(complete))
    titre = {"titre": f"{complete.titre} (copie)"}
    assert describe(copie) == avant | titre
    assert describe(complete) == avant
    assert (copie.pk != complete.pk, copie.indicateurs.count(), complete.indicateurs.count()) == (True, 2, 2)


def test_copy_is_a_draft_with_its_own_code_and_a_past_of_its_own(agent: Utilisateur, complete: FicheAction) -> None:
    add_commentaire(agent, complete, "À revoir.", "constat")
    Passage.objects.create(fiche=complete, action="valider", de="en_relecture", vers="validee", auteur=agent)
    copie = duplicate_fiche(agent, fresh(complete))
    assert (copie.code, copie.code_imprime, copie.etat, copie.axe) == ("E.A 2", "", "brouillon", complete.axe)
    assert (copie.commentaires.count(), copie.passages.count()) == (0, 0)
    assert list(complete.convention.fiches.all()) == [complete, copie]
    assert copie.history.earliest().titre == copie.titre


def test_copy_of_a_long_title_still_says_it_is_one(agent: Utilisateur, fiche: FicheAction) -> None:
    fiche.titre = "m" * 250
    fiche.save()
    copie = duplicate_fiche(agent, fiche)
    assert (len(copie.titre), copie.titre[-8:]) == (250, " (copie)")


def test_copies_of_copies_each_have_a_code(agent: Utilisateur, axe: Axe, fiche: FicheAction) -> None:
    for _ in range(3):
        duplicate_fiche(agent, fiche)
    assert codes(axe) == ["E.A 1", "E.A 2", "E.A 3", "E.A 4"]


def test_copy_needs_the_right_to_write(lecteur: Utilisateur, fiche: FicheAction) -> None:
    with pytest.raises(PermissionDenied):
        duplicate_fiche(lecteur, fiche)
    assert FicheAction.objects.count() == 1


# --- corbeille -------------------------------------------------------------------------------------


def test_fiche_in_the_corbeille_leaves_every_sum_and_comes_back_whole(convention: Convention, complete: FicheAction) -> None:
    LigneCoutFactory(fiche=FicheFactory(convention=convention, axe=complete.axe), montant=euros(1))
    avant, total = describe(complete), compute_recapitulatif(convention).total.total().montant
    complete.discard()
    assert (total, compute_recapitulatif(convention).total.total().montant) == (1201, 1)
    assert (complete in FicheAction.objects.all(), complete in FicheAction.toutes.discarded()) == (False, True)
    jetee = fresh(complete)
    jetee.recover()
    assert (compute_recapitulatif(convention).total.total().montant, describe(complete)) == (1201, avant)
    assert [v.history_change_reason for v in complete.history.all()[:2]] == ["Sortie de la corbeille", "Mise à la corbeille"]


@pytest.mark.parametrize("code", ["E.A 1", "EA 1", "e.a-1"])
def test_fiche_does_not_come_back_over_a_code_taken_meanwhile(agent: Utilisateur, axe: Axe, fiche: FicheAction, code: str) -> None:
    fiche.discard()
    create_fiche(agent, axe, "Aider", code)
    with pytest.raises(ValidationError):
        fresh(fiche).recover()
    assert fresh(fiche).supprimee_le is not None


def test_fiche_comes_back_under_another_code_once_given_one(agent: Utilisateur, axe: Axe, fiche: FicheAction) -> None:
    fiche.discard()
    create_fiche(agent, axe, "Aider", "E.A 1")
    jetee = fresh(fiche)
    jetee.code = propose_code(axe)
    jetee.recover()
    assert sorted(codes(axe)) == ["E.A 1", "E.A 2"]


def test_two_fiches_of_one_code_may_lie_in_the_corbeille(agent: Utilisateur, axe: Axe, fiche: FicheAction) -> None:
    fiche.discard()
    create_fiche(agent, axe, "Aider", "E.A 1").discard()
    assert [f.code for f in FicheAction.toutes.discarded()] == ["E.A 1", "E.A 1"]


# --- passages --------------------------------------------------------------------------------------

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
    Convention.objects.update(etat=etat)
    fiche = hand_over(fiche, agent, "en_relecture")
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
