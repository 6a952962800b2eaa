"""Opening the bilan of a year: who may, what is copied of the plan, what differs when the plan moves, what is never lost."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from comptes.models import Organisation, Utilisateur
from conventions.etats import Etat
from conventions.gel import lift
from conventions.models import Convention
from fiches.models import CibleIndicateur, FicheAction, Indicateur
from financement.bilans.calculs import compute_synthese
from financement.bilans.droits import (
    LECTEUR,
    check_saisie,
    explain_fermeture,
    explain_parole,
    explain_relecture,
    explain_role,
    explain_saisie,
    list_redacteurs,
    list_relecteurs,
)
from financement.bilans.ouverture import explain_ouverture, list_annees, open_bilan, update_plan
from financement.bilans.plan import Ecarts, diff_plan, read_plan
from financement.models import Bilan, CoFinancement, FicheBilan, LigneBilan, LigneCout, MesureBilan, PartBilan
from tests import factories
from tests.bilans import count, do, get_line, nature, open_year, pass_to, plan_fiche, reread, tell
from tests.copies import Copie
from tests.factories import euros
from tests.signees import amend, conclude
from tests.vie import Projet, make_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def negociee(convention: Convention, agglo: Organisation, cci: Organisation) -> Convention:
    """An agreement in negotiation: one fiche of 1 000 € of Études in 2018, that the agglo pays for 80 %; 15 enquêtes to make."""
    _negociee.put(convention, agglo, cci)
    return Convention.objects.with_parties().get(pk=convention.pk)


def build_negotiated(convention: Convention, agglo: Organisation, cci: Organisation) -> None:
    Convention.objects.filter(pk=convention.pk).update(etat=Etat.EN_NEGOCIATION)
    plan_fiche(convention, "A1", {("Études", 2018): 1000, ("Études", 2019): 500}, {agglo: 80, cci: 20}, {2018: 15})


_negociee = Copie(build_negotiated)


def fresh(convention: Convention) -> Convention:
    return Convention.objects.with_parties().get(pk=convention.pk)


def get_fiche(convention: Convention, code: str = "A1") -> FicheAction:
    return convention.fiches.get(code=code)


def describe(bilan: Bilan) -> dict[str, Any]:
    """What a bilan holds of the plan, by fiche."""
    return {
        f.code: {
            "lignes": {li.nature.nom: li.prevu for li in f.lignes.all()},
            "parts": {p.financeur_id: p.prevu for p in f.parts.all()},
            "mesures": {m.libelle: m.cible for m in f.mesures.all()},
        }
        for f in bilan.fiches.all()
    }


# --- What is copied ---------------------------------------------------------------------------------


def test_opening_copies_the_plan_of_the_year(negociee: Convention, agglo: Organisation, cci: Organisation) -> None:
    assert describe(open_year(negociee)) == {
        "A1": {
            "lignes": {"Études": euros(1000)},
            "parts": {agglo.pk: euros(800), cci.pk: euros(200)},
            "mesures": {"Entreprises accompagnées": Decimal(15)},
        }
    }


def test_bilan_starts_as_a_draft_with_the_formula_of_the_agreement(negociee: Convention, partenaire: Utilisateur) -> None:
    Convention.objects.filter(pk=negociee.pk).update(formule_solde="mixte")
    bilan = open_bilan(partenaire, fresh(negociee), 2018)
    assert (bilan.etat, bilan.formule, bilan.annee, bilan.ouvert_par, bilan.convention) == (
        "brouillon",
        "mixte",
        2018,
        partenaire,
        negociee,
    )
    assert (bilan.soumis_le, bilan.accepte_le) == (None, None)


def test_other_year_copies_its_own_plan(negociee: Convention, agglo: Organisation, cci: Organisation) -> None:
    fiche = describe(open_year(negociee, 2019))["A1"]
    assert (fiche["lignes"], fiche["parts"]) == ({"Études": euros(500)}, {agglo.pk: euros(400), cci.pk: euros(100)})


def test_names_are_copied_so_that_the_bilan_says_what_it_said(negociee: Convention) -> None:
    racine = factories.AxeFactory(convention=negociee, code="E.A", titre="Attirer", ordre=1)
    sous = factories.AxeFactory(convention=negociee, code="1", titre="Foncier", parent=racine, ordre=2)
    plan_fiche(negociee, "B1", {("Études", 2018): 1}, axe=sous, titre="Observer le commerce", titre_court="Observer")
    fiche = open_year(negociee).fiches.get(code="B1")
    assert (fiche.titre, fiche.axe_code, fiche.axe_titre, fiche.etat) == ("Observer", "E.A", "Attirer", "")
    FicheAction.objects.filter(code="B1").update(titre_court="Compter")
    assert FicheBilan.objects.get(pk=fiche.pk).titre == "Observer"


def test_fiches_stand_in_their_order(negociee: Convention) -> None:
    plan_fiche(negociee, "Z1", {("Études", 2018): 1}, ordre=0)
    assert [f.code for f in open_year(negociee).fiches.all()] == ["Z1", "A1"]


def test_fiche_in_the_corbeille_is_not_reported(negociee: Convention) -> None:
    get_fiche(negociee).discard()
    assert not open_year(negociee).fiches.exists()


def test_fiche_without_cost_that_year_is_there_without_line(negociee: Convention) -> None:
    plan_fiche(negociee, "B1", {("Études", 2020): 50})
    assert describe(open_year(negociee))["B1"] == {"lignes": {}, "parts": {}, "mesures": {}}


@pytest.mark.parametrize(
    ("cout", "mention"),
    [
        ({"chiffrage": "sur_devis"}, "sur devis"),
        ({"chiffrage": "inconnu"}, "à déterminer"),
        ({"chiffrage": "sur_devis", "mention": "suivant événement commun"}, "suivant événement commun"),
    ],
)
def test_cost_without_amount_keeps_its_words(cout: dict[str, str], mention: str, negociee: Convention) -> None:
    factories.LigneCoutFactory(fiche=get_fiche(negociee), nature=nature("Débours"), montant=None, **cout)
    ligne = get_line(open_year(negociee), "A1", "Débours")
    assert (ligne.prevu, ligne.prevu_mention, ligne.au_plan) == (None, mention, True)


def test_words_beside_an_amount_are_not_copied(negociee: Convention) -> None:
    factories.LigneCoutFactory(fiche=get_fiche(negociee), nature=nature("Débours"), montant=euros(0), mention="offert")
    ligne = get_line(open_year(negociee), "A1", "Débours")
    assert (ligne.prevu, ligne.prevu_mention) == (euros(0), "")


@pytest.mark.parametrize(
    ("cout", "toujours", "tarif"),
    [
        ({"jours": 10, "tarif_journalier": 450, "montant": 5000}, False, 450),
        ({"jours": 10, "montant": 4500}, False, 450),
        ({"jours": 3, "montant": 100}, False, 600),
        ({"jours": 0, "montant": 0}, False, 600),
        ({"montant": 4500}, False, None),
        ({"montant": 4500}, True, 600),
        ({"jours": 3, "montant": None, "chiffrage": "inconnu"}, False, 600),
    ],
    ids=["its own rate", "what its amount gives", "no exact quotient", "no day", "no days", "always in days", "days without amount"],
)
def test_rate_of_a_line(cout: dict[str, Any], toujours: bool, tarif: int | None, negociee: Convention) -> None:
    sorte = factories.NatureFactory(nom="Animation", toujours_en_jours=toujours)
    valeurs = {cle: euros(v) if cle in {"montant", "tarif_journalier"} and v is not None else v for cle, v in cout.items()}
    factories.LigneCoutFactory(fiche=get_fiche(negociee), nature=sorte, **valeurs)
    ligne = get_line(open_year(negociee), "A1", "Animation")
    assert ligne.tarif == (None if tarif is None else euros(tarif))
    assert ligne.prevu_jours == (None if "jours" not in cout else Decimal(cout["jours"]))


def test_lines_of_one_nature_are_told_apart_by_their_words(negociee: Convention) -> None:
    for libelle, montant in (("Salon", 10), ("Guide", 20)):
        factories.LigneCoutFactory(fiche=get_fiche(negociee), nature=nature("Études"), libelle=libelle, montant=euros(montant))
    lignes = open_year(negociee).fiches.get().lignes
    assert {li.intitule: li.prevu for li in lignes.all()} == {
        "Études": euros(1000),
        "Études : Salon": euros(10),
        "Études : Guide": euros(20),
    }


def test_shares_become_euros_that_sum_to_the_cost(convention: Convention, agglo: Organisation, cci: Organisation) -> None:
    plan_fiche(convention, "A1", {("Études", 2018): "100.01"}, {agglo: "33.33", cci: "33.33"})
    parts = {p.financeur_id: p.prevu.amount for p in open_year(convention).fiches.get().parts.all()}
    assert parts == {agglo.pk: Decimal("33.33"), cci.pk: Decimal("33.33"), None: Decimal("33.35")}


def test_shares_in_euros_are_spread_over_the_years_of_the_plan(convention: Convention, agglo: Organisation) -> None:
    fiche = plan_fiche(convention, "A1", {("Études", 2018): 300, ("Études", 2019): 100})
    factories.CoFinancementFactory(fiche=fiche, financeur=agglo, taux=None, montant=euros(200))
    prevues = [open_year(convention, a).fiches.get().parts.get(financeur=agglo).prevu for a in (2018, 2019)]
    assert prevues == [euros(150), euros(50)]


def test_shares_above_the_cost_leave_a_negative_part_of_nobody(convention: Convention, agglo: Organisation, cci: Organisation) -> None:
    plan_fiche(convention, "A1", {("Études", 2018): 100}, {agglo: 80, cci: 30})
    assert open_year(convention).fiches.get().parts.get(financeur=None).prevu == euros(-10)


def test_shares_stand_in_the_order_of_the_sheet_and_what_nobody_pays_last(
    convention: Convention, agglo: Organisation, cci: Organisation
) -> None:
    plan_fiche(convention, "A1", {("Études", 2018): 100}, {cci: 30, agglo: 60})
    assert [p.financeur_id for p in open_year(convention).fiches.get().parts.all()] == [cci.pk, agglo.pk, None]


def test_cost_that_nobody_knows_gives_no_share(convention: Convention, agglo: Organisation) -> None:
    plan_fiche(convention, "A1", {("Études", 2018): None}, {agglo: 80})
    assert not open_year(convention).fiches.get().parts.exists()


@pytest.mark.parametrize(
    ("cibles", "attendu"),
    [({2018: 15, 2019: 20}, {"Entreprises accompagnées": Decimal(15)}), ({2019: 20}, {}), ({}, {"Entreprises accompagnées": None})],
    ids=["that year", "other years", "no target at all"],
)
def test_targets_are_those_of_the_year(cibles: dict[int, int], attendu: dict[str, Decimal | None], convention: Convention) -> None:
    plan_fiche(convention, "A1", {("Études", 2018): 100}, cibles=cibles)
    assert describe(open_year(convention))["A1"]["mesures"] == attendu


def test_nothing_is_said_to_be_done_when_a_year_opens(negociee: Convention) -> None:
    synthese = count(open_year(negociee))
    assert synthese.euros.realise is None
    assert not any(m.objet.valeur is not None for _, m in synthese.mesures)


# --- Who opens --------------------------------------------------------------------------------------


@pytest.fixture
def gens(negociee: Convention, agglo: Organisation, cci: Organisation) -> dict[str, Utilisateur]:
    """People around the agreement, by what they are."""
    return {
        "agent du bénéficiaire": factories.UtilisateurFactory(organisation=cci),
        "administrateur du bénéficiaire": factories.UtilisateurFactory(organisation=cci, role="administrateur"),
        "lecteur du bénéficiaire": factories.UtilisateurFactory(organisation=cci, role="lecteur"),
        "agent du financeur": factories.UtilisateurFactory(organisation=agglo),
        "administrateur du financeur": factories.UtilisateurFactory(organisation=agglo, role="administrateur"),
        "étranger": factories.UtilisateurFactory(),
        "exploitant": factories.UtilisateurFactory(organisation=None, is_superuser=True),
    }


REMPLISSENT = {"agent du bénéficiaire", "administrateur du bénéficiaire", "exploitant"}


def test_who_receives_opens_the_bilan_and_nobody_else(gens: dict[str, Utilisateur], negociee: Convention) -> None:
    ouvrent = set()
    for nom, user in gens.items():
        try:
            with transaction.atomic():
                open_bilan(user, negociee, 2018)
                ouvrent.add(nom)
                transaction.set_rollback(True)
        except PermissionDenied:
            assert not Bilan.objects.exists()
    assert ouvrent == REMPLISSENT


@pytest.mark.parametrize(
    ("nom", "phrase"),
    [
        ("lecteur du bénéficiaire", LECTEUR),
        ("agent du financeur", "Le bilan est rempli par la CCI. Vous pouvez le lire et y laisser des observations."),
        ("étranger", "Le bilan est rempli par la CCI. Vous pouvez le lire et y laisser des observations."),
        ("agent du bénéficiaire", ""),
    ],
)
def test_refusal_says_who_fills_the_bilan(nom: str, phrase: str, gens: dict[str, Utilisateur], negociee: Convention) -> None:
    assert explain_role(gens[nom], negociee) == explain_ouverture(gens[nom], negociee, 2018) == phrase


def test_everybody_fills_the_bilan_of_an_agreement_that_names_no_receiver(gens: dict[str, Utilisateur], negociee: Convention) -> None:
    negociee.parties.filter(role="beneficiaire").update(role="partenaire")
    assert not explain_role(gens["agent du financeur"], fresh(negociee))
    assert [p.nom_court for p in list_redacteurs(fresh(negociee))] == ["Agglo", "CCI"]
    assert explain_role(gens["étranger"], fresh(negociee)).startswith("Le bilan est rempli par l’Agglo et la CCI.")


def test_who_pays_reads_the_bilan_over(gens: dict[str, Utilisateur], negociee: Convention) -> None:
    acceptent = {nom for nom, user in gens.items() if not explain_relecture(user, negociee)}
    assert acceptent == {"agent du financeur", "administrateur du financeur", "exploitant"}
    assert explain_relecture(gens["agent du bénéficiaire"], negociee) == "Cette étape revient à qui finance : l’Agglo."
    assert [p.nom_court for p in list_relecteurs(negociee)] == ["Agglo"]


def test_nobody_reads_over_where_nobody_is_said_to_pay(gens: dict[str, Utilisateur], negociee: Convention) -> None:
    negociee.parties.filter(role="financeur").update(role="partenaire")
    assert "aucun financeur n’est nommé" in explain_relecture(gens["agent du financeur"], fresh(negociee))


def test_parties_leave_observations(gens: dict[str, Utilisateur], negociee: Convention) -> None:
    parlent = {nom for nom, user in gens.items() if not explain_parole(user, negociee)}
    assert parlent == set(gens) - {"étranger", "lecteur du bénéficiaire"}


@pytest.mark.parametrize("etat", Bilan.Etat.values)
def test_bilan_is_written_before_it_is_sent_and_when_it_comes_back(etat: str, partenaire: Utilisateur, negociee: Convention) -> None:
    bilan = pass_to(open_year(negociee), etat)
    ouvert = etat in {"brouillon", "observations"}
    assert (explain_saisie(partenaire, bilan) == "") is ouvert is (explain_fermeture(bilan) == "")
    if not ouvert:
        with pytest.raises(PermissionDenied):
            check_saisie(partenaire, bilan)


# --- When a bilan opens -----------------------------------------------------------------------------


@pytest.mark.parametrize("etat", Etat.values)
def test_bilan_opens_from_the_negotiation_on(etat: str, partenaire: Utilisateur, negociee: Convention) -> None:
    Convention.objects.filter(pk=negociee.pk).update(etat=etat)
    refus = explain_ouverture(partenaire, fresh(negociee), 2018)
    if etat in {"brouillon", "caduque"}:
        assert refus == f"La convention est « {Etat(etat).label.lower()} » : un bilan s’ouvre à partir de la négociation."
        with pytest.raises(ValidationError, match="un bilan s’ouvre à partir de la négociation"):
            open_bilan(partenaire, fresh(negociee), 2018)
        assert not Bilan.objects.exists()
    else:
        assert refus == ""
        assert open_bilan(partenaire, fresh(negociee), 2018).fiches.count() == 1


@pytest.mark.parametrize("annee", [2017, 2021])
def test_year_of_another_agreement_does_not_open(annee: int, partenaire: Utilisateur, negociee: Convention) -> None:
    with pytest.raises(ValidationError) as refus:
        open_bilan(partenaire, negociee, annee)
    assert refus.value.messages == [f"{annee} n’est pas une année de la convention."]


def test_year_to_come_does_not_open(partenaire: Utilisateur, negociee: Convention) -> None:
    suivante = timezone.localdate().year + 1
    Convention.objects.filter(pk=negociee.pk).update(annee_fin=suivante)
    with pytest.raises(ValidationError) as refus:
        open_bilan(partenaire, fresh(negociee), suivante)
    assert refus.value.messages == [f"{suivante} n’a pas commencé : son bilan s’ouvrira cette année-là."]
    assert open_bilan(partenaire, fresh(negociee), suivante - 1).annee == suivante - 1


def test_agreement_without_years_opens_nothing(partenaire: Utilisateur, negociee: Convention) -> None:
    Convention.objects.filter(pk=negociee.pk).update(annee_debut=None, annee_fin=None)
    assert explain_ouverture(partenaire, fresh(negociee), 2018) == "2018 n’est pas une année de la convention."
    assert list_annees(fresh(negociee)) == []


def test_years_are_those_of_the_agreement_and_those_already_open(negociee: Convention) -> None:
    open_year(negociee, 2020)
    Convention.objects.filter(pk=negociee.pk).update(annee_fin=2019)
    assert list_annees(fresh(negociee)) == [2018, 2019, 2020]


def test_opening_twice_gives_the_same_one(negociee: Convention, partenaire: Utilisateur) -> None:
    premier = open_bilan(partenaire, negociee, 2018)
    do(premier, "A1", "Études", 640)
    assert open_bilan(partenaire, fresh(negociee), 2018) == premier
    assert (Bilan.objects.count(), FicheBilan.objects.count(), LigneBilan.objects.count()) == (1, 1, 1)
    assert negociee.evenements.filter(genre="bilan_ouvert").count() == 1


def test_one_year_has_one_bilan(negociee: Convention) -> None:
    open_year(negociee)
    with pytest.raises(ValidationError, match="Le bilan de cette année est déjà ouvert"):
        open_year(negociee)
    with pytest.raises(IntegrityError), transaction.atomic():
        Bilan.objects.create(convention=negociee, annee=2018, ouvert_le=timezone.now(), modifie_le=timezone.now())


def test_opening_is_told_by_the_journal(negociee: Convention, partenaire: Utilisateur) -> None:
    open_bilan(partenaire, negociee, 2018)
    evenement = negociee.evenements.get(genre="bilan_ouvert")
    assert (evenement.message, evenement.auteur, evenement.donnees) == ("Bilan 2018 ouvert.", partenaire, {"annee": 2018})


def test_bilan_is_seen_by_the_parties_of_its_agreement(gens: dict[str, Utilisateur], negociee: Convention) -> None:
    bilan = pass_to(open_year(negociee), "soumis")
    open_year(negociee, 2019)
    voient = {nom for nom, user in gens.items() if Bilan.objects.visible_to(user).exists()}
    assert voient == set(gens) - {"étranger"}
    assert list(Bilan.objects.received()) == [bilan]


# --- When the plan moves ----------------------------------------------------------------------------


def name_changes(ecarts: Ecarts) -> tuple[int, int, int, list[str]]:
    return len(ecarts.ajouts), len(ecarts.modifiees), len(ecarts.retraits), ecarts.codes


def test_nothing_differs_right_after_opening(negociee: Convention, agglo: Organisation, cci: Organisation) -> None:
    fiche = get_fiche(negociee)
    factories.LigneCoutFactory(fiche=fiche, nature=nature("Débours"), montant=None, chiffrage="sur_devis")
    factories.LigneCoutFactory(fiche=fiche, nature=nature("Animation"), jours=Decimal("2.5"), montant=euros(1500))
    plan_fiche(negociee, "A2", {("Études", 2018): "33.33"}, {agglo: "33.33", cci: 80}, {})
    bilan = open_year(negociee)
    ecarts = diff_plan(reread(bilan))
    assert not ecarts
    assert name_changes(ecarts) == (0, 0, 0, [])


def test_typing_is_no_difference_with_the_plan(negociee: Convention) -> None:
    bilan = open_year(negociee)
    do(bilan, "A1", "Études", 640)
    do(bilan, "A1", "Débours", 30)
    tell(bilan, "A1", "partielle", 9)
    bilan.fiches.get().parts.update(montant=Decimal(5))
    assert not diff_plan(reread(bilan))


def add_cost(fiche: FicheAction) -> None:
    factories.LigneCoutFactory(fiche=fiche, nature=nature("Débours"), montant=euros(50))


def change_cost(fiche: FicheAction) -> None:
    LigneCout.objects.filter(fiche=fiche, annee=2018).update(montant=Decimal(1200))


def remove_cost(fiche: FicheAction) -> None:
    LigneCout.objects.filter(fiche=fiche, annee=2018).delete()


def change_share(fiche: FicheAction) -> None:
    CoFinancement.objects.filter(fiche=fiche, taux=80).update(taux=70)


def remove_share(fiche: FicheAction) -> None:
    CoFinancement.objects.filter(fiche=fiche, taux=20).delete()


def change_target(fiche: FicheAction) -> None:
    CibleIndicateur.objects.filter(indicateur__fiche=fiche).update(valeur=20)


def remove_target(fiche: FicheAction) -> None:
    CibleIndicateur.objects.filter(indicateur__fiche=fiche).update(annee=2019)


def add_indicator(fiche: FicheAction) -> None:
    factories.IndicateurFactory(fiche=fiche, libelle="Visites")


def rename(fiche: FicheAction) -> None:
    FicheAction.objects.filter(pk=fiche.pk).update(code="A9")


def add_fiche(fiche: FicheAction) -> None:
    plan_fiche(fiche.convention, "A2", {("Études", 2018): 10})


@pytest.mark.parametrize(
    ("acte", "attendu"),
    [
        (add_cost, (1, 2, 0, ["A1"])),  # the line, and both shares of a fiche that costs more
        (change_cost, (0, 3, 0, ["A1"])),
        (remove_cost, (0, 0, 3, ["A1"])),
        (change_share, (1, 1, 0, ["A1"])),  # what is left goes to nobody
        (remove_share, (1, 0, 1, ["A1"])),
        (change_target, (0, 1, 0, ["A1"])),
        (remove_target, (0, 0, 1, ["A1"])),
        (add_indicator, (1, 0, 0, ["A1"])),
        (rename, (0, 1, 0, ["A9"])),
        (add_fiche, (3, 0, 0, ["A2"])),
        (FicheAction.discard, (0, 0, 4, ["A1"])),
    ],
    ids=lambda v: v.__name__ if callable(v) else "",
)
def test_what_moved_in_the_plan_is_found(
    acte: Callable[[FicheAction], None], attendu: tuple[int, int, int, list[str]], negociee: Convention
) -> None:
    bilan = open_year(negociee)
    avant = describe(bilan)
    acte(get_fiche(negociee))
    assert name_changes(diff_plan(reread(bilan))) == attendu
    assert describe(reread(bilan)) == avant


def test_order_alone_is_no_change_to_tell(negociee: Convention) -> None:
    plan_fiche(negociee, "A2", {("Études", 2018): 10})
    bilan = open_year(negociee)
    FicheAction.objects.filter(code="A2").update(ordre=0)
    FicheAction.objects.filter(code="A1").update(ordre=9)
    LigneCout.objects.update(ordre=77)
    assert not diff_plan(reread(bilan))


@pytest.mark.parametrize(
    "acte", [add_cost, change_cost, remove_cost, change_share, remove_share, change_target, remove_target, rename, add_fiche]
)
def test_bilan_brought_to_the_plan_differs_no_more(
    acte: Callable[[FicheAction], None], negociee: Convention, partenaire: Utilisateur
) -> None:
    bilan = open_year(negociee)
    acte(get_fiche(negociee))
    assert update_plan(partenaire, bilan)
    assert not diff_plan(reread(bilan))
    Bilan.objects.exclude(pk=bilan.pk).delete()
    with transaction.atomic():
        decrit = describe(reread(bilan))
        bilan.delete()
        assert describe(open_year(negociee)) == decrit


def test_bringing_the_plan_is_told_by_the_journal(negociee: Convention, partenaire: Utilisateur) -> None:
    bilan = open_year(negociee)
    change_cost(get_fiche(negociee))
    add_fiche(get_fiche(negociee))
    update_plan(partenaire, bilan)
    evenement = negociee.evenements.get(genre="bilan_plan")
    assert (evenement.message, evenement.auteur, evenement.donnees) == ("Bilan 2018 : plan repris (A1, A2).", partenaire, {"annee": 2018})


def test_plan_that_did_not_move_writes_nothing(negociee: Convention, partenaire: Utilisateur) -> None:
    bilan = open_year(negociee)
    modifie_le = reread(bilan).modifie_le
    assert not update_plan(partenaire, bilan)
    assert not negociee.evenements.filter(genre="bilan_plan").exists()
    assert reread(bilan).modifie_le == modifie_le


def test_formula_that_changed_alone_is_taken_and_told(negociee: Convention, partenaire: Utilisateur) -> None:
    bilan = open_year(negociee)
    Convention.objects.filter(pk=negociee.pk).update(formule_solde="objectifs")
    assert not update_plan(partenaire, reread(bilan))
    assert reread(bilan).formule == "objectifs"
    assert negociee.evenements.get(genre="bilan_plan").message == "Bilan 2018 : plan repris (formule du solde)."


@pytest.mark.parametrize("etat", ["soumis", "corrige", "accepte"])
def test_bilan_that_left_is_not_brought_to_the_plan(etat: str, negociee: Convention, partenaire: Utilisateur) -> None:
    bilan = pass_to(open_year(negociee), etat)
    change_cost(get_fiche(negociee))
    avant = describe(bilan)
    with pytest.raises(PermissionDenied):
        update_plan(partenaire, bilan)
    assert describe(reread(bilan)) == avant


def test_state_counts_as_it_is_now_and_not_as_the_page_read_it(negociee: Convention, partenaire: Utilisateur) -> None:
    lu = open_year(negociee)
    pass_to(lu, "soumis")
    with pytest.raises(PermissionDenied):
        update_plan(partenaire, lu)


def test_who_pays_does_not_bring_a_bilan_to_the_plan(negociee: Convention, agent: Utilisateur) -> None:
    with pytest.raises(PermissionDenied):
        update_plan(agent, open_year(negociee))


# --- What somebody typed is never lost --------------------------------------------------------------


@pytest.mark.parametrize("saisie", [{"montant": 640}, {"montant": 0}, {"jours": 2}, {"jours": 0}], ids=str)
def test_line_typed_that_leaves_the_plan_becomes_unplanned(saisie: dict[str, int], negociee: Convention, partenaire: Utilisateur) -> None:
    bilan = open_year(negociee)
    ligne = do(bilan, "A1", "Études", **saisie)
    remove_cost(get_fiche(negociee))
    update_plan(partenaire, bilan)
    gardee = LigneBilan.objects.get(pk=ligne.pk)
    assert (gardee.au_plan, gardee.prevu, gardee.prevu_jours, gardee.prevu_mention) == (False, None, None, "")
    assert (gardee.montant, gardee.jours) == (ligne.montant, ligne.jours)
    assert not diff_plan(reread(bilan))


def test_line_nobody_typed_leaves_with_the_plan_and_keeps_its_past(negociee: Convention, partenaire: Utilisateur) -> None:
    bilan = open_year(negociee)
    ligne = get_line(bilan, "A1", "Études")
    remove_cost(get_fiche(negociee))
    update_plan(partenaire, bilan)
    assert not LigneBilan.objects.exists()
    derniere = LigneBilan.history.filter(id=ligne.pk).latest()
    assert (derniere.history_type, derniere.history_user, derniere.prevu) == ("-", partenaire, euros(1000))


def test_unplanned_line_that_the_plan_takes_back_is_planned_again(negociee: Convention, partenaire: Utilisateur) -> None:
    bilan = open_year(negociee)
    ligne = do(bilan, "A1", "Débours", 30)
    add_cost(get_fiche(negociee))
    update_plan(partenaire, bilan)
    reprise = LigneBilan.objects.get(pk=ligne.pk)
    assert (reprise.au_plan, reprise.prevu, reprise.montant) == (True, euros(50), euros(30))


def test_part_typed_that_leaves_the_plan_stays_paid(negociee: Convention, partenaire: Utilisateur, cci: Organisation) -> None:
    bilan = open_year(negociee)
    bilan.fiches.get().parts.filter(financeur=cci).update(montant=Decimal(70))
    remove_share(get_fiche(negociee))
    update_plan(partenaire, bilan)
    part = PartBilan.objects.get(financeur=cci)
    assert (part.prevu, part.montant) == (None, euros(70))
    assert not diff_plan(reread(bilan))


@pytest.mark.parametrize("saisie", [{"valeur": Decimal(9)}, {"valeur": Decimal(0)}, {"explication": "grève"}], ids=str)
def test_measure_typed_that_leaves_the_plan_loses_its_target_only(
    saisie: dict[str, Any], negociee: Convention, partenaire: Utilisateur
) -> None:
    bilan = open_year(negociee)
    bilan.fiches.get().mesures.update(**saisie)
    remove_target(get_fiche(negociee))
    update_plan(partenaire, bilan)
    mesure = MesureBilan.objects.get()
    assert mesure.cible is None
    assert {cle: getattr(mesure, cle) for cle in saisie} == saisie
    assert not diff_plan(reread(bilan))


def test_fiche_that_leaves_the_plan_keeps_what_was_told_of_it(negociee: Convention, partenaire: Utilisateur) -> None:
    bilan = open_year(negociee)
    tell(bilan, "A1", "partielle", 9)
    FicheBilan.objects.update(fait="Neuf enquêtes.")
    do(bilan, "A1", "Études", 640)
    get_fiche(negociee).discard()
    update_plan(partenaire, bilan)
    fiche = FicheBilan.objects.get()
    assert (fiche.etat, fiche.fait, fiche.lignes.get().montant, fiche.mesures.get().valeur) == (
        "partielle",
        "Neuf enquêtes.",
        euros(640),
        9,
    )
    synthese = count(bilan)
    assert (synthese.euros.prevu, synthese.euros.realise, synthese.hors_plan) == (None, 640, 640)


def test_fiche_deleted_for_good_stays_in_the_bilan_with_what_was_typed(negociee: Convention, partenaire: Utilisateur) -> None:
    bilan = open_year(negociee)
    do(bilan, "A1", "Études", 640)
    get_fiche(negociee).delete()
    update_plan(partenaire, bilan)
    fiche = FicheBilan.objects.get()
    assert (fiche.code, fiche.fiche, fiche.lignes.get().au_plan) == ("A1", None, False)


def test_fiches_deleted_for_good_all_leave_the_plan(negociee: Convention, partenaire: Utilisateur) -> None:
    plan_fiche(negociee, "A2", {("Études", 2018): 10})
    bilan = open_year(negociee)
    for code in ("A1", "A2"):
        get_fiche(negociee, code).delete()
    update_plan(partenaire, bilan)
    assert count(bilan).euros.prevu is None


def test_indicators_deleted_all_leave_the_plan(negociee: Convention, partenaire: Utilisateur) -> None:
    second = factories.IndicateurFactory(fiche=get_fiche(negociee), libelle="Visites")
    second.cibles.create(annee=2018, valeur=Decimal(4))
    bilan = open_year(negociee)
    Indicateur.objects.all().delete()
    update_plan(partenaire, bilan)
    assert not MesureBilan.objects.exists()


# --- After an avenant -------------------------------------------------------------------------------


@pytest.fixture
def projet() -> Projet:
    return make_project()


@pytest.fixture
def signee(projet: Projet) -> Convention:
    """A signed agreement of one fiche: 6 000 € of Études in 2018 that the financeur pays, 12 enquêtes to make."""
    fiche = FicheAction.objects.get()
    factories.LigneCoutFactory(fiche=fiche, nature=nature("Études"), annee=2018, montant=euros(6000))
    factories.CoFinancementFactory(fiche=fiche, financeur=projet.financeur.organisation)
    factories.IndicateurFactory(fiche=fiche).cibles.create(annee=2018, valeur=Decimal(12))
    return conclude(projet.convention, date(2018, 1, 8))


def sign_avenant(avenant: Convention) -> None:
    Convention.objects.filter(pk=avenant.pk).update(etat="signee", date_signature=date(2018, 6, 1))


def test_bilan_of_a_signed_agreement_is_opened_and_written(signee: Convention) -> None:
    bilan = open_year(signee)
    code = bilan.fiches.get().code
    do(bilan, code, "Études", 640)
    assert count(bilan).euros.realise == 640


def test_avenant_is_read_once_it_is_signed(signee: Convention, projet: Projet) -> None:
    bilan = open_year(signee)
    avenant = amend(projet.gens["agent financeur"], signee)
    LigneCout.objects.filter(fiche__convention=avenant).update(montant=Decimal(7500))
    assert not diff_plan(reread(bilan))
    sign_avenant(avenant)
    ecarts = diff_plan(reread(bilan))
    assert name_changes(ecarts) == (0, 2, 0, [bilan.fiches.get().code])


def test_change_of_an_avenant_goes_to_the_same_rows(signee: Convention, projet: Projet) -> None:
    """Whatever it renames: rows are those of the first signed text."""
    bilan = open_year(signee)
    fiche, mesure = bilan.fiches.get(), bilan.fiches.get().mesures.get()
    do(bilan, fiche.code, "Études", 640)
    avenant = amend(projet.gens["agent financeur"], signee)
    copie = avenant.fiches.get()
    FicheAction.objects.filter(pk=copie.pk).update(code="Z 9", titre_court="Autrement")
    copie.lignes_cout.update(montant=Decimal(7500))
    copie.indicateurs.update(libelle="Commerces enquêtés")
    CibleIndicateur.objects.filter(indicateur__fiche=copie).update(valeur=20)
    sign_avenant(avenant)
    update_plan(projet.gens["agent beneficiaire"], bilan)
    apres = bilan.fiches.get()
    assert (apres.pk, apres.fiche_id, apres.code, apres.titre) == (fiche.pk, fiche.fiche_id, "Z 9", "Autrement")
    assert (apres.lignes.get().prevu, apres.lignes.get().montant) == (euros(7500), euros(640))
    assert [(m.pk, m.libelle, m.cible) for m in apres.mesures.all()] == [(mesure.pk, "Commerces enquêtés", 20)]


def test_fiche_that_an_avenant_adds_is_reported_under_the_agreement(signee: Convention, projet: Projet) -> None:
    bilan = open_year(signee)
    avenant = amend(projet.gens["agent financeur"], signee)
    ajoutee = plan_fiche(avenant, "B1", {("Études", 2018): 10})
    sign_avenant(avenant)
    update_plan(projet.gens["agent beneficiaire"], bilan)
    assert bilan.fiches.get(code="B1").fiche == ajoutee
    assert (bilan.fiches.count(), bilan.convention) == (2, signee)


def test_year_that_an_avenant_adds_opens_once_it_is_signed(signee: Convention, projet: Projet) -> None:
    ajoutee = signee.annees[-1] + 1
    avenant = amend(projet.gens["agent financeur"], signee, annee_fin=ajoutee)
    assert explain_ouverture(projet.gens["agent beneficiaire"], signee, ajoutee) == f"{ajoutee} n’est pas une année de la convention."
    sign_avenant(avenant)
    assert explain_ouverture(projet.gens["agent beneficiaire"], signee, ajoutee) == ""
    assert ajoutee in list_annees(signee)


def test_bilan_opens_on_the_agreement_and_not_on_its_avenant(signee: Convention, projet: Projet) -> None:
    avenant = amend(projet.gens["agent financeur"], signee)
    assert (
        explain_ouverture(projet.gens["agent beneficiaire"], avenant, 2018) == "Le bilan s’ouvre sur la convention, pas sur ses avenants."
    )
    with pytest.raises(ValidationError):
        open_bilan(projet.gens["agent beneficiaire"], avenant, 2018)


def test_accepted_bilan_stays_as_it_was_whatever_an_avenant_changes(signee: Convention, projet: Projet) -> None:
    bilan = pass_to(open_year(signee), "accepte")
    avant = describe(bilan)
    avenant = amend(projet.gens["agent financeur"], signee)
    LigneCout.objects.filter(fiche__convention=avenant).update(montant=Decimal(7500))
    sign_avenant(avenant)
    with pytest.raises(PermissionDenied):
        update_plan(projet.gens["agent beneficiaire"], bilan)
    assert describe(reread(bilan)) == avant


# --- Queries ----------------------------------------------------------------------------------------


def test_reading_asks_as_much_when_the_fiches_double(convention: Convention, agglo: Organisation, cci: Organisation) -> None:
    def grow(rang: int) -> None:
        axe = factories.AxeFactory(convention=convention)
        couts = {("Études", 2018): 1000, ("Débours", 2018): None, ("Études", 2019): 5}
        fiche = plan_fiche(convention, f"A{rang}", couts, {agglo: 50, cci: 20}, {2018: 3, 2019: 4}, axe=axe)
        factories.IndicateurFactory(fiche=fiche, libelle="Visites")

    def ask() -> dict[str, int]:
        nombres = {}
        for lecture in (read_plan, diff_plan, compute_synthese):
            lu = reread(bilan)
            with CaptureQueriesContext(connection) as requetes:
                lecture(lu)
            nombres[lecture.__name__] = len(requetes)
        return nombres

    for rang in range(3):
        grow(rang)
    bilan = open_year(convention)
    trois = ask()
    with lift():
        bilan.delete()
    for rang in range(3, 6):
        grow(rang)
    bilan = open_year(convention)
    assert ask() == trois


def test_finding_what_moved_asks_as_much_for_three_fiches_as_for_one(convention: Convention, agglo: Organisation) -> None:
    bilan = open_year(convention)

    def ask(rang: int) -> int:
        plan_fiche(convention, f"A{rang}", {("Études", 2018): 1000}, {agglo: 50}, {2018: 3})
        lu = reread(bilan)
        with CaptureQueriesContext(connection) as requetes:
            assert len(diff_plan(lu).codes) == rang
        return len(requetes)

    assert ask(1) == ask(2) == ask(3)
