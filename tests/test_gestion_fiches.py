"""Acts on whole fiches: code, creation, place, copy, corbeille."""

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
from financement.duplication import duplicate_fiche
from financement.edition import ContenuFiche
from financement.syntheses import compute_recapitulatif
from tests.factories import (
    AxeFactory,
    CoFinancementFactory,
    FicheFactory,
    IndicateurFactory,
    LigneCoutFactory,
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
