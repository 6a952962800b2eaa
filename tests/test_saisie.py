"""Writing a fiche field by field, together: nothing is lost, nothing is written over unseen, refusals stay alone."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention
from fiches.models import CibleIndicateur, FicheAction, Indicateur, Pilote
from fiches.saisie import Modification, save_modifications
from financement.edition import ContenuFiche
from financement.models import CoFinancement, LigneCout, NatureDepense
from tests.ecritures import cost_key, read, statuses, write, write_one
from tests.factories import (
    FicheFactory,
    LigneCoutFactory,
    OrganisationFactory,
    UtilisateurFactory,
    euros,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def fiche(convention: Convention) -> FicheAction:
    return FicheFactory(convention=convention, titre="Accompagner", constat="Un constat.")


def count_versions() -> int:
    return sum(m.history.count() for m in (FicheAction, LigneCout, CoFinancement, Indicateur, CibleIndicateur, Pilote))


# --- one field -------------------------------------------------------------------------------------


def test_one_field_is_written_and_the_others_stay(agent: Utilisateur, fiche: FicheAction) -> None:
    avant = read(fiche)
    assert write_one(agent, fiche, "contenus", "Deux ateliers.").statut == "enregistre"
    assert read(fiche) == avant | {"contenus": "Deux ateliers."}


def test_same_value_again_writes_nothing(agent: Utilisateur, fiche: FicheAction) -> None:
    versions, modifiee_le = count_versions(), fiche.modifiee_le
    assert write_one(agent, fiche, "constat", "Un constat.").statut == "inchange"
    fiche.refresh_from_db()
    assert (count_versions(), fiche.modifiee_le) == (versions, modifiee_le)


def test_any_writing_moves_the_date_of_the_fiche(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense) -> None:
    ancienne = timezone.now() - timedelta(days=1)
    FicheAction.objects.update(modifiee_le=ancienne)
    write_one(agent, fiche, cost_key(etudes), "100")
    fiche.refresh_from_db()
    assert fiche.modifiee_le > ancienne


def test_field_that_does_not_exist_is_refused_alone(agent: Utilisateur, fiche: FicheAction) -> None:
    resultats = write(agent, fiche, {"secret": "x", "etat": "validee", "code": "Z 1", "cible": "Tous"})
    assert statuses(resultats) == {"secret": "refus", "etat": "refus", "code": "refus", "cible": "enregistre"}
    fiche.refresh_from_db()
    assert (fiche.etat, fiche.code, fiche.cible) == ("brouillon", fiche.code, "Tous")
    assert fiche.code != "Z 1"


def test_refused_field_leaves_the_others_written(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense, cci: Organisation) -> None:
    bonnes = {"cible": "Tous", cost_key(etudes): "100", f"part.{cci.pk}.0.0.taux": "80"}
    mauvaises = {"date_debut": "hier", cost_key(etudes, 2019): "beaucoup", f"part.{cci.pk}.0.0.montant": "peu"}
    avant = read(fiche)
    resultats = write(agent, fiche, bonnes | mauvaises)
    assert statuses(resultats) == dict.fromkeys(bonnes, "enregistre") | dict.fromkeys(mauvaises, "refus")
    assert all(resultats[champ].message for champ in mauvaises)
    assert read(fiche) == avant | bonnes


# --- what does not count as a change ---------------------------------------------------------------


@pytest.mark.parametrize("espace", [" ", "\u00a0", "\u202f"])
def test_spaces_of_a_cell_are_no_change(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense, espace: str) -> None:
    LigneCoutFactory(fiche=fiche, nature=etudes, montant=euros("1234.5"))
    versions, champ = count_versions(), cost_key(etudes)
    resultat = write_one(agent, fiche, champ, f"1{espace}234,50", avant=f"1{espace}234,50")
    assert (resultat.statut, count_versions()) == ("inchange", versions)
    assert write_one(agent, fiche, champ, "2 000", avant=f"1{espace}234,50").statut == "enregistre"


def test_same_amount_written_otherwise_is_no_change(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense) -> None:
    LigneCoutFactory(fiche=fiche, nature=etudes, montant=euros("1234.5"))
    assert write_one(agent, fiche, cost_key(etudes), "1234,5 €").statut == "inchange"


def test_line_ends_and_outer_spaces_of_a_text_are_no_change(agent: Utilisateur, fiche: FicheAction) -> None:
    write_one(agent, fiche, "constat", "Un.\n\nDeux.")
    assert write_one(agent, fiche, "constat", "Un.\r\n\r\nDeux.\r\n").statut == "inchange"
    assert write_one(agent, fiche, "constat", "Trois.", avant="Un.\r\n\r\nDeux.").statut == "enregistre"


def test_text_is_kept_with_plain_line_ends(agent: Utilisateur, fiche: FicheAction) -> None:
    write_one(agent, fiche, "constat", "Un.\r\nDeux.\r\n")
    fiche.refresh_from_db()
    assert fiche.constat == "Un.\nDeux."


def test_title_stays_on_one_line(agent: Utilisateur, fiche: FicheAction) -> None:
    write_one(agent, fiche, "titre", "Accompagner\nles commerces")
    fiche.refresh_from_db()
    assert fiche.titre == "Accompagner les commerces"


# --- together --------------------------------------------------------------------------------------


def test_conflict_says_who_and_when_and_writes_nothing(agent: Utilisateur, partenaire: Utilisateur, fiche: FicheAction) -> None:
    write_one(partenaire, fiche, "constat", "Le constat de la CCI.")
    versions, quand = count_versions(), fiche.history.latest().history_date
    resultat = write_one(agent, fiche, "constat", "Le mien.", avant="Un constat.")
    assert (resultat.statut, resultat.valeur) == ("conflit", "Le constat de la CCI.")
    assert (resultat.auteur, resultat.date) == ("Dominique Martin", quand)
    assert (read(fiche)["constat"], count_versions()) == ("Le constat de la CCI.", versions)


def test_conflict_on_an_amount_says_who(agent: Utilisateur, partenaire: Utilisateur, fiche: FicheAction, etudes: NatureDepense) -> None:
    write_one(partenaire, fiche, cost_key(etudes), "200")
    resultat = write_one(agent, fiche, cost_key(etudes), "300", avant="")
    assert (resultat.statut, resultat.valeur, resultat.auteur) == ("conflit", "200", "Dominique Martin")


def test_conflict_on_a_cell_emptied_by_another(
    agent: Utilisateur, partenaire: Utilisateur, fiche: FicheAction, etudes: NatureDepense
) -> None:
    write_one(agent, fiche, cost_key(etudes), "200")
    write_one(partenaire, fiche, cost_key(etudes), "")
    resultat = write_one(agent, fiche, cost_key(etudes), "300", avant="200")
    assert (resultat.statut, resultat.valeur, resultat.auteur) == ("conflit", "", "Dominique Martin")
    assert not LigneCout.objects.exists()


def test_same_value_typed_by_both_is_no_conflict(agent: Utilisateur, partenaire: Utilisateur, fiche: FicheAction) -> None:
    write_one(partenaire, fiche, "constat", "Le même.")
    assert write_one(agent, fiche, "constat", "Le même.", avant="Un constat.").statut == "inchange"


def test_conflict_in_one_field_leaves_the_others_written(agent: Utilisateur, partenaire: Utilisateur, fiche: FicheAction) -> None:
    write_one(partenaire, fiche, "constat", "Le constat de la CCI.")
    resultats = write(agent, fiche, {"constat": "Le mien.", "cible": "Tous"}, avant={"constat": "Un constat."})
    assert statuses(resultats) == {"constat": "conflit", "cible": "enregistre"}
    assert read(fiche)["cible"] == "Tous"


def test_two_people_in_two_fields_keep_both(agent: Utilisateur, partenaire: Utilisateur, fiche: FicheAction, etudes: NatureDepense) -> None:
    mien, sien = (ContenuFiche.of(FicheAction.objects.get(pk=fiche.pk)) for _ in range(2))
    save_modifications(agent, mien, [Modification("constat", "Un constat.", "Le mien."), Modification(cost_key(etudes), "", "100")])
    save_modifications(partenaire, sien, [Modification("cible", "", "Tous"), Modification(cost_key(etudes, 2019), "", "200")])
    lues = read(fiche)
    assert (lues["constat"], lues["cible"], lues[cost_key(etudes)], lues[cost_key(etudes, 2019)]) == ("Le mien.", "Tous", "100", "200")


def test_two_people_in_one_share_keep_rate_and_amount(
    agent: Utilisateur, partenaire: Utilisateur, fiche: FicheAction, cci: Organisation
) -> None:
    mien, sien = (ContenuFiche.of(FicheAction.objects.get(pk=fiche.pk)) for _ in range(2))
    save_modifications(agent, mien, [Modification(f"part.{cci.pk}.0.0.taux", "", "80")])
    save_modifications(partenaire, sien, [Modification(f"part.{cci.pk}.0.0.montant", "", "1 000")])
    part = CoFinancement.objects.get()
    assert (part.taux, part.montant) == (80, euros(1000))


# --- versions --------------------------------------------------------------------------------------


def test_typing_that_goes_on_makes_one_version(agent: Utilisateur, fiche: FicheAction) -> None:
    versions = fiche.history.count()
    for texte in ("Trois", "Trois ate", "Trois ateliers."):
        write_one(agent, fiche, "contenus", texte)
    assert fiche.history.count() == versions + 1
    assert (fiche.history.latest().contenus, fiche.history.latest().history_user) == ("Trois ateliers.", agent)


def test_typing_of_another_person_makes_another_version(agent: Utilisateur, partenaire: Utilisateur, fiche: FicheAction) -> None:
    versions = fiche.history.count()
    write_one(agent, fiche, "contenus", "Trois")
    write_one(partenaire, fiche, "contenus", "Trois ateliers.")
    write_one(agent, fiche, "contenus", "Trois ateliers et un bilan.")
    assert [v.history_user for v in fiche.history.order_by("history_id")][versions:] == [agent, partenaire, agent]


def test_typing_in_another_field_makes_another_version(agent: Utilisateur, fiche: FicheAction) -> None:
    versions = fiche.history.count()
    for champ, texte in (("contenus", "Trois"), ("methode", "Pas"), ("contenus", "Trois ateliers.")):
        write_one(agent, fiche, champ, texte)
    assert fiche.history.count() == versions + 3


def test_typing_after_a_long_stop_makes_another_version(agent: Utilisateur, fiche: FicheAction) -> None:
    write_one(agent, fiche, "contenus", "Trois")
    versions = fiche.history.count()
    fiche.history.filter(pk=fiche.history.latest().pk).update(history_date=timezone.now() - timedelta(minutes=11))
    write_one(agent, fiche, "contenus", "Trois ateliers.")
    assert fiche.history.count() == versions + 1


def test_typing_without_a_stop_makes_another_version_in_the_end(agent: Utilisateur, fiche: FicheAction) -> None:
    write_one(agent, fiche, "contenus", "Trois")
    versions = fiche.history.count()
    fiche.history.filter(pk=fiche.history.latest().pk).update(commencee_le=timezone.now() - timedelta(minutes=11))
    write_one(agent, fiche, "contenus", "Trois ateliers.")
    assert fiche.history.count() == versions + 1


def test_several_fields_at_once_make_one_version_that_no_typing_rewrites(agent: Utilisateur, fiche: FicheAction) -> None:
    versions = fiche.history.count()
    write(agent, fiche, {"contenus": "Trois ateliers.", "methode": "Pas à pas."})
    assert fiche.history.count() == versions + 1
    write_one(agent, fiche, "contenus", "Quatre ateliers.")
    assert fiche.history.count() == versions + 2


def test_rows_below_the_sheet_tell_who_wrote_them(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense, cci: Organisation) -> None:
    write(agent, fiche, {cost_key(etudes): "100", f"part.{cci.pk}.0.0.taux": "80", "indicateur.n1.libelle": "Commerces"})
    write(agent, fiche, {cost_key(etudes): "", f"part.{cci.pk}.0.0.taux": ""})
    for modele in (LigneCout, CoFinancement, Indicateur):
        assert {v.history_user for v in modele.history.all()} == {agent}, modele


# --- who may not -----------------------------------------------------------------------------------


def refuse_everything(user: Utilisateur, fiche: FicheAction, etudes: NatureDepense) -> str:
    avant, versions = read(fiche), count_versions()
    with pytest.raises(PermissionDenied) as refus:
        write(user, fiche, {"constat": "Autre.", cost_key(etudes): "100", f"pilote.{user.pk}": "oui"})
    assert (read(fiche), count_versions()) == (avant, versions)
    return str(refus.value)


def test_nothing_is_written_in_a_fiche_validee(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense) -> None:
    FicheAction.objects.update(etat="validee")
    assert "validée" in refuse_everything(agent, fiche, etudes)


@pytest.mark.parametrize("etat", ["a_signer", "signee", "notifiee", "executoire", "soldee", "resiliee", "caduque"])
def test_nothing_is_written_once_the_convention_goes_to_signature(
    agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense, etat: str
) -> None:
    Convention.objects.update(etat=etat)
    assert "ne changent" in refuse_everything(agent, fiche, etudes)


@pytest.mark.parametrize("etat", ["brouillon", "en_negociation"])
def test_fiches_are_written_until_the_text_is_agreed(agent: Utilisateur, fiche: FicheAction, etat: str) -> None:
    Convention.objects.update(etat=etat)
    assert write_one(agent, fiche, "cible", "Tous").statut == "enregistre"


@pytest.mark.parametrize("etat", ["validee", "deliberee"])
def test_agreed_text_is_written_again_once_sent_back(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense, etat: str) -> None:
    Convention.objects.update(etat=etat)
    assert "renvoyez-la en négociation" in refuse_everything(agent, fiche, etudes)


def test_lecteur_writes_nothing(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense) -> None:
    lecteur = UtilisateurFactory(organisation=agent.organisation, role="lecteur")
    assert "lit les fiches sans les modifier" in refuse_everything(lecteur, fiche, etudes)


def test_nothing_is_written_in_the_corbeille(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense) -> None:
    fiche.discard()
    assert "corbeille" in refuse_everything(agent, fiche, etudes)


def test_fiche_validee_meanwhile_is_not_written_by_a_page_opened_before(agent: Utilisateur, fiche: FicheAction) -> None:
    ouverte = ContenuFiche.of(FicheAction.objects.get(pk=fiche.pk))
    FicheAction.objects.update(etat="validee")
    with pytest.raises(PermissionDenied):
        save_modifications(agent, ouverte, [Modification("cible", "", "Tous")])
    assert "cible" not in read(fiche)


# --- dates, years, choices, titles -----------------------------------------------------------------


@pytest.mark.parametrize("texte", ["2018-11-02", "02/11/2018", "2/11/2018", "02.11.2018"])
def test_date_is_kept_in_one_writing(agent: Utilisateur, fiche: FicheAction, texte: str) -> None:
    assert write_one(agent, fiche, "date_debut", texte).valeur == "2018-11-02"


@pytest.mark.parametrize("texte", ["hier", "31/02/2018", "2018", "01/01/1900", "02/13/2018"])
def test_what_is_no_date_is_refused(agent: Utilisateur, fiche: FicheAction, texte: str) -> None:
    assert write_one(agent, fiche, "date_debut", texte).statut == "refus"
    assert "date_debut" not in read(fiche)


def test_end_before_the_start_is_refused(agent: Utilisateur, fiche: FicheAction) -> None:
    write_one(agent, fiche, "date_debut", "2019-01-01")
    resultats = write(agent, fiche, {"date_fin": "2018-12-31", "cible": "Tous"})
    assert statuses(resultats) == {"date_fin": "refus", "cible": "enregistre"}
    assert resultats["date_fin"].message == "La fin de l’action précède son début."
    assert write_one(agent, fiche, "date_fin", "2019-01-01").statut == "enregistre"
    assert write_one(agent, fiche, "date_debut", "2019-01-02").statut == "refus"


def test_two_dates_out_of_order_at_once_are_never_written_both(agent: Utilisateur, fiche: FicheAction) -> None:
    resultats = write(agent, fiche, {"date_debut": "2019-01-01", "date_fin": "2018-12-31", "cible": "Tous"})
    assert (resultats["date_fin"].statut, resultats["cible"].statut) == ("refus", "enregistre")
    assert "date_fin" not in read(fiche)


@pytest.mark.parametrize(("debut", "fin"), [("2020-01-01", "2020-12-31"), ("2016-01-01", "2016-12-31")], ids=["plus tard", "plus tôt"])
@pytest.mark.parametrize("ordre", [["date_debut", "date_fin"], ["date_fin", "date_debut"]], ids=["début d’abord", "fin d’abord"])
def test_both_dates_moved_at_once_are_judged_together(
    agent: Utilisateur, fiche: FicheAction, debut: str, fin: str, ordre: list[str]
) -> None:
    write(agent, fiche, {"date_debut": "2018-01-01", "date_fin": "2018-12-31"})
    dates = {"date_debut": debut, "date_fin": fin}
    resultats = write(agent, fiche, {champ: dates[champ] for champ in ordre})
    assert statuses(resultats) == {"date_debut": "enregistre", "date_fin": "enregistre"}


def test_years_are_kept_in_order_once_each(agent: Utilisateur, fiche: FicheAction) -> None:
    assert write_one(agent, fiche, "annees_calendrier", "2020; 2018 2018").valeur == "2018, 2020"
    fiche.refresh_from_db()
    assert fiche.annees_calendrier == [2018, 2020]


@pytest.mark.parametrize("texte", ["18", "2018 à 2020", "1989", "2101", "20180"])
def test_what_is_no_year_is_refused(agent: Utilisateur, fiche: FicheAction, texte: str) -> None:
    assert write_one(agent, fiche, "annees_calendrier", texte).statut == "refus"


def test_choice_takes_one_of_its_codes(agent: Utilisateur, fiche: FicheAction) -> None:
    assert write_one(agent, fiche, "base_montants", "ttc").statut == "enregistre"
    assert write_one(agent, fiche, "base_montants", "TTC de France").statut == "refus"
    assert write_one(agent, fiche, "base_montants", "").statut == "refus"
    assert read(fiche)["base_montants"] == "ttc"


@pytest.mark.parametrize("texte", ["", "  ", "\r\n"])
def test_title_cannot_be_emptied(agent: Utilisateur, fiche: FicheAction, texte: str) -> None:
    resultat = write_one(agent, fiche, "titre", texte)
    assert (resultat.statut, resultat.valeur, resultat.message) == ("refus", "Accompagner", "Une fiche a toujours un titre.")


@pytest.mark.parametrize(("champ", "longueur"), [("titre", 250), ("titre_court", 80), ("objet", 300), ("constat", 60_000)])
def test_text_has_a_length(agent: Utilisateur, fiche: FicheAction, champ: str, longueur: int) -> None:
    assert write_one(agent, fiche, champ, "m" * (longueur + 1)).statut == "refus"
    assert write_one(agent, fiche, champ, "m" * longueur).statut == "enregistre"


# --- people and organisations ----------------------------------------------------------------------


def test_pilot_is_added_and_removed(agent: Utilisateur, partenaire: Utilisateur, fiche: FicheAction) -> None:
    write(agent, fiche, {f"pilote.{agent.pk}": "oui", f"pilote.{partenaire.pk}": "oui"})
    write_one(agent, fiche, f"pilote.{agent.pk}", "")
    assert list(fiche.pilotes.all()) == [partenaire]


@pytest.mark.parametrize("cle", ["0", "abc", "999999", ""])
def test_pilot_is_somebody_of_the_parties(agent: Utilisateur, fiche: FicheAction, cle: str) -> None:
    etranger = UtilisateurFactory()
    resultats = write(agent, fiche, {f"pilote.{etranger.pk}": "oui", f"pilote.{cle}": "oui"})
    assert set(statuses(resultats).values()) == {"refus"}
    assert not Pilote.objects.exists()


def test_pilot_who_left_the_parties_stays_until_removed(agent: Utilisateur, partenaire: Utilisateur, fiche: FicheAction) -> None:
    write_one(agent, fiche, f"pilote.{partenaire.pk}", "oui")
    partenaire.organisation = OrganisationFactory()
    partenaire.save()
    assert write_one(agent, fiche, f"pilote.{partenaire.pk}", "").statut == "enregistre"
    assert write_one(agent, fiche, f"pilote.{partenaire.pk}", "oui").statut == "refus"


def test_organisation_leading_the_action_is_a_party(agent: Utilisateur, fiche: FicheAction, agglo: Organisation, cci: Organisation) -> None:
    autre = OrganisationFactory()
    resultats = write(agent, fiche, {f"maitre.{agglo.pk}": "oui", f"maitre.{cci.pk}": "oui", f"maitre.{autre.pk}": "oui"})
    assert list(statuses(resultats).values()) == ["enregistre", "enregistre", "refus"]
    write_one(agent, fiche, f"maitre.{agglo.pk}", "")
    assert list(fiche.maitres_ouvrage.all()) == [cci]
    assert fiche.history.latest().history_user == agent
