"""The history of a fiche: every change told before and after, and the way back to any of them."""

from datetime import datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention
from fiches.gestion import move_fiche
from fiches.models import FicheAction, Indicateur
from fiches.transitions import pass_fiche
from financement.journal_fiche import Entree, list_entrees, list_retours, read_moment, restore_champ, restore_fiche
from financement.models import LigneCout, NatureDepense
from socle.differences import compare, render_difference
from tests.ecritures import read, spell, write, write_one
from tests.factories import AxeFactory, FicheFactory, LigneCoutFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def fiche(convention: Convention) -> FicheAction:
    """A fiche opened yesterday: what is written in it today is no part of its creation."""
    fiche = FicheFactory(convention=convention, titre="Accompagner", code="E.A 1.1")
    fiche.history.update(history_date=timezone.now() - timedelta(days=1))
    return fiche


def fresh(fiche: FicheAction) -> FicheAction:
    return FicheAction.toutes.get(pk=fiche.pk)


def tell(fiche: FicheAction) -> list[tuple[str, str, str, str]]:
    """Label, before, after and author of the changes made since the fiche exists, latest first."""
    return [(e.libelle, spell(e.avant), spell(e.apres), str(e.auteur or "")) for e in list_entrees(fresh(fiche)) if e.auteur]


def entry(fiche: FicheAction, champ: str) -> Entree:
    return next(e for e in list_entrees(fresh(fiche)) if e.champ == champ)


def now() -> datetime:
    return timezone.now()


# --- told ------------------------------------------------------------------------------------------


def test_text_is_told_with_what_stood_before(agent: Utilisateur, partenaire: Utilisateur, fiche: FicheAction) -> None:
    write_one(agent, fiche, "constat", "Des commerces ferment.")
    write_one(partenaire, fiche, "constat", "Des commerces ouvrent.")
    assert tell(fiche) == [
        ("Constat", "Des commerces ferment.", "Des commerces ouvrent.", "Dominique Martin"),
        ("Constat", "", "Des commerces ferment.", str(agent)),
    ]


def test_dates_and_choices_are_told_as_people_read_them(agent: Utilisateur, fiche: FicheAction) -> None:
    write_one(agent, fiche, "date_debut", "2018-11-02")
    write_one(agent, fiche, "base_montants", "ttc")
    write_one(agent, fiche, "annees_calendrier", "2018, 2020")
    assert [e[:3] for e in tell(fiche)] == [
        ("Années citées", "", "2018, 2020"),
        ("Base des montants", "Non précisée", "Toutes taxes comprises"),
        ("Début", "", "02/11/2018"),
    ]


def test_cells_are_told_by_nature_and_year(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense) -> None:
    champ = f"cout.2019.{etudes.pk}.Observatoire"
    write_one(agent, fiche, champ, "27 j")
    LigneCout.history.update(history_date=now() - timedelta(hours=1))
    write_one(agent, fiche, champ, "")
    assert [e[:3] for e in tell(fiche)] == [("Études : Observatoire, 2019", "27 j", ""), ("Études : Observatoire, 2019", "", "27 j")]


def test_renamed_row_is_told_under_both_names(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense) -> None:
    write_one(agent, fiche, f"cout.2018.{etudes.pk}.Salon", "100")
    LigneCout.history.update(history_date=now() - timedelta(hours=1))
    write_one(agent, fiche, f"ligne.{etudes.pk}.Salon", "Foire")
    assert sorted(e[:3] for e in tell(fiche)[:2]) == [("Études : Foire, 2018", "", "100"), ("Études : Salon, 2018", "100", "")]


def test_shares_are_told_by_financeur_and_scope(agent: Utilisateur, fiche: FicheAction, cci: Organisation, etudes: NatureDepense) -> None:
    write_one(agent, fiche, f"part.{cci.pk}.{etudes.pk}.2019.taux", "80")
    write_one(agent, fiche, "part.0.0.0.montant", "1 000")
    assert [e[:3] for e in tell(fiche)] == [
        ("Non réparti, montant", "", "1 000 €"),
        (f"Part de {cci.sigle}, Études, 2019, taux", "", "80 %"),
    ]


def test_indicators_are_told_by_their_name(agent: Utilisateur, fiche: FicheAction) -> None:
    write(agent, fiche, {"indicateur.n1.libelle": "Commerces", "indicateur.n1.unite": "nb", "indicateur.n1.2018": "12,5"})
    assert sorted(e[:3] for e in tell(fiche)) == [
        ("Cible « Commerces », 2018", "", "12,5"),
        ("Indicateur « Commerces »", "", "Commerces"),
        ("Indicateur « Commerces », unité", "", "nb"),
    ]


def test_indicator_removed_is_told_with_its_targets(agent: Utilisateur, fiche: FicheAction) -> None:
    write(agent, fiche, {"indicateur.n1.libelle": "Commerces", "indicateur.n1.2018": "12"})
    for modele in (Indicateur, Indicateur.cibles.rel.related_model):
        modele.history.update(history_date=now() - timedelta(hours=1))
    pk = fiche.indicateurs.get().pk
    write_one(agent, fiche, f"indicateur.{pk}.2018", "")
    write_one(agent, fiche, f"indicateur.{pk}.libelle", "")
    assert [e[:3] for e in tell(fiche)[:2]] == [("Indicateur « Commerces »", "Commerces", ""), ("Cible « Commerces », 2018", "12", "")]


def test_people_and_organisations_are_told_by_name(
    agent: Utilisateur, partenaire: Utilisateur, fiche: FicheAction, cci: Organisation
) -> None:
    write_one(agent, fiche, f"pilote.{partenaire.pk}", "oui")
    write_one(agent, fiche, f"maitre.{cci.pk}", "oui")
    assert [e[:3] for e in tell(fiche)] == [(f"Maîtrise d’ouvrage : {cci.sigle}", "", "oui"), ("Pilote : Dominique Martin", "", "oui")]


def test_code_axe_and_state_are_told_and_not_reversible(agent: Utilisateur, fiche: FicheAction) -> None:
    axe = AxeFactory(convention=fiche.convention, code="E.P", titre="Proximité")
    move_fiche(agent, fresh(fiche), axe, "E.P 1")
    pass_fiche(agent, fresh(fiche), "soumettre", [], "")
    entrees = {e.champ: e for e in list_entrees(fresh(fiche)) if e.avant}
    assert (entrees["code"].avant, entrees["code"].apres) == ("E.A 1.1", "E.P 1")
    assert entrees["axe"].apres == "E.P Proximité"
    assert (entrees["etat"].avant, entrees["etat"].apres, entrees["etat"].auteur) == ("Brouillon", "En relecture", agent)
    assert not any(entrees[champ].is_reversible for champ in ("code", "axe", "etat"))


def test_corbeille_is_told_with_its_reason(fiche: FicheAction) -> None:
    fiche.discard()
    entree = entry(fiche, "corbeille")
    assert (entree.apres, entree.raison) == ("oui", "Mise à la corbeille")


def test_edit_made_in_the_admin_is_told(agent: Utilisateur, fiche: FicheAction) -> None:
    fiche.constat, fiche._history_user = "Écrit ailleurs.", agent  # type: ignore[attr-defined]
    fiche.save()
    assert tell(fiche) == [("Constat", "", "Écrit ailleurs.", str(agent))]


def test_fiche_just_opened_tells_its_creation_in_one_line(agent: Utilisateur, convention: Convention, etudes: NatureDepense) -> None:
    fiche = FicheFactory(convention=convention, titre="Accompagner", constat="Des commerces ferment.")
    LigneCoutFactory(fiche=fiche, nature=etudes)
    entrees = list_entrees(fresh(fiche))
    # titre, constat, base des montants, code, axe, état, one cost
    assert [(e.libelle, e.apres, e.is_reversible) for e in entrees] == [("Création de la fiche", "7 champs remplis", False)]


def test_what_people_write_in_a_fiche_just_opened_is_told_apart(agent: Utilisateur, convention: Convention) -> None:
    fiche = FicheFactory(convention=convention, titre="Accompagner")
    fiche.history.update(history_date=now() - timedelta(seconds=5))
    write_one(agent, fiche, "constat", "Des commerces ferment.")
    assert [e.libelle for e in list_entrees(fresh(fiche))] == ["Constat", "Création de la fiche"]


def test_typings_that_follow_each_other_are_told_as_one(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense) -> None:
    champ = f"cout.2018.{etudes.pk}."
    for texte in ("100", "200", "", "300"):
        write_one(agent, fiche, champ, texte)
    assert tell(fiche) == [("Études, 2018", "", "300", str(agent))]


def test_typings_of_two_people_are_told_apart(
    agent: Utilisateur, partenaire: Utilisateur, fiche: FicheAction, etudes: NatureDepense
) -> None:
    champ = f"cout.2018.{etudes.pk}."
    for user, texte in ((agent, "100"), (partenaire, "200"), (agent, "300")):
        write_one(user, fiche, champ, texte)
    assert [e[1:3] for e in tell(fiche)] == [("200", "300"), ("100", "200"), ("", "100")]


def test_change_undone_at_once_leaves_no_line(agent: Utilisateur, fiche: FicheAction) -> None:
    write_one(agent, fiche, "titre", "Autre")
    fiche.history.filter(history_user=agent).update(champ="")
    write_one(agent, fiche, "titre", "Accompagner")
    assert tell(fiche) == []


# --- one field back --------------------------------------------------------------------------------


def test_field_gets_back_what_it_held_before_a_line_of_the_history(
    agent: Utilisateur, partenaire: Utilisateur, fiche: FicheAction, etudes: NatureDepense
) -> None:
    champ = f"cout.2018.{etudes.pk}."
    write(agent, fiche, {champ: "27 j × 550", "constat": "Avant."})
    write(partenaire, fiche, {champ: "", "constat": "Après."})
    moment = read_moment(entry(fiche, champ).avant_instant)
    resultat = restore_champ(partenaire, fresh(fiche), champ, moment)
    assert resultat is not None
    assert (resultat.statut, spell(resultat.valeur)) == ("enregistre", "27 j × 550")
    assert (spell(read(fiche)[champ]), read(fiche)["constat"]) == ("27 j × 550", "Après.")


def test_return_of_a_field_is_itself_undone(agent: Utilisateur, partenaire: Utilisateur, fiche: FicheAction) -> None:
    write_one(agent, fiche, "constat", "Avant.")
    write_one(partenaire, fiche, "constat", "Après.")
    restore_champ(agent, fresh(fiche), "constat", read_moment(entry(fiche, "constat").avant_instant))
    assert (read(fiche)["constat"], tell(fiche)[0][3]) == ("Avant.", str(agent))
    restore_champ(agent, fresh(fiche), "constat", read_moment(entry(fiche, "constat").avant_instant))
    assert read(fiche)["constat"] == "Après."


@pytest.mark.parametrize("champ", ["etat", "code", "axe", "corbeille", "inconnu"])
def test_what_makes_the_fiche_this_one_does_not_come_back(agent: Utilisateur, fiche: FicheAction, champ: str) -> None:
    assert restore_champ(agent, fresh(fiche), champ, now()) is None


def test_field_of_a_fiche_validee_does_not_come_back(agent: Utilisateur, fiche: FicheAction) -> None:
    write_one(agent, fiche, "constat", "Avant.")
    FicheAction.objects.update(etat="validee")
    with pytest.raises(PermissionDenied):
        restore_champ(agent, fresh(fiche), "constat", now() - timedelta(days=1))
    assert read(fiche)["constat"] == "Avant."


# --- the whole fiche back --------------------------------------------------------------------------


def fill(user: Utilisateur, fiche: FicheAction, etudes: NatureDepense, cci: Organisation, pilote: Utilisateur) -> None:
    valeurs = {
        "constat": "Des commerces ferment.",
        "date_debut": "2018-01-01",
        "date_fin": "2018-12-31",
        f"maitre.{cci.pk}": "oui",
        f"pilote.{pilote.pk}": "oui",
        f"cout.2018.{etudes.pk}.Salon": "27 j × 550",
        f"cout.2019.{etudes.pk}.Salon": "sur devis (suivant événement)",
        f"part.{cci.pk}.0.0.taux": "80",
        f"part.{cci.pk}.0.0.montant": "1 000",
        "part.0.0.0.mention": "alternance",
        "indicateur.n1.libelle": "Commerces",
        "indicateur.n1.unite": "nb",
        "indicateur.n1.2018": "12",
        "indicateur.n1.2019": "15",
    }
    assert {r.statut for r in write(user, fiche, valeurs).values()} == {"enregistre"}


def empty(user: Utilisateur, fiche: FicheAction) -> None:
    """Empty everything that may be, targets before their indicators."""
    lues = [champ for champ in read(fiche) if champ not in {"titre", "base_montants"} and not champ.startswith("ligne.")]
    write(user, fiche, {champ: "" for champ in lues if champ.rpartition(".")[2].isdecimal()})
    write(user, fiche, dict.fromkeys(lues, ""))
    assert set(read(fiche)) == {"titre", "base_montants"}


def test_return_brings_back_all_that_was_deleted(
    agent: Utilisateur, partenaire: Utilisateur, fiche: FicheAction, etudes: NatureDepense, cci: Organisation
) -> None:
    fill(agent, fiche, etudes, cci, partenaire)
    plein, moment = read(fiche), now()
    empty(partenaire, fiche)
    resultats = restore_fiche(agent, fresh(fiche), moment)
    assert {r.statut for r in resultats} == {"enregistre"}
    assert read(fiche) == plein


def test_return_is_itself_undone(
    agent: Utilisateur, partenaire: Utilisateur, fiche: FicheAction, etudes: NatureDepense, cci: Organisation
) -> None:
    fill(agent, fiche, etudes, cci, partenaire)
    plein = now()
    empty(partenaire, fiche)
    vide, moment = read(fiche), now()
    restore_fiche(agent, fresh(fiche), plein)
    restore_fiche(agent, fresh(fiche), moment)
    assert read(fiche) == vide


def test_return_before_an_indicator_removes_it(agent: Utilisateur, fiche: FicheAction) -> None:
    avant, moment = read(fiche), now()
    write(agent, fiche, {"indicateur.n1.libelle": "Commerces", "indicateur.n1.unite": "nb", "indicateur.n1.2018": "12"})
    assert {r.statut for r in restore_fiche(agent, fresh(fiche), moment)} == {"enregistre"}
    assert read(fiche) == avant


@pytest.mark.parametrize("annee", ["2016", "2020"])
def test_return_moves_both_dates_together(agent: Utilisateur, fiche: FicheAction, annee: str) -> None:
    write(agent, fiche, {"date_debut": "2018-01-01", "date_fin": "2018-12-31"})
    moment = now()
    champs = ["date_debut", "date_fin"] if annee < "2018" else ["date_fin", "date_debut"]
    for champ in champs:
        write_one(agent, fiche, champ, f"{annee}-06-0{1 if champ == 'date_debut' else 2}")
    assert {r.statut for r in restore_fiche(agent, fresh(fiche), moment)} == {"enregistre"}
    assert (read(fiche)["date_debut"], read(fiche)["date_fin"]) == ("2018-01-01", "2018-12-31")


def test_return_after_a_row_was_renamed_brings_back_its_name(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense) -> None:
    write(agent, fiche, {f"cout.2018.{etudes.pk}.Salon": "100", f"cout.2019.{etudes.pk}.Salon": "200"})
    avant, moment = read(fiche), now()
    write_one(agent, fiche, f"ligne.{etudes.pk}.Salon", "Foire")
    restore_fiche(agent, fresh(fiche), moment)
    assert read(fiche) == avant


def test_return_keeps_state_and_code(agent: Utilisateur, fiche: FicheAction) -> None:
    moment = now()
    move_fiche(agent, fresh(fiche), fiche.axe, "E.A 9")
    FicheAction.objects.update(etat="a_corriger")
    write_one(agent, fiche, "constat", "Après.")
    restore_fiche(agent, fresh(fiche), moment)
    revenue = fresh(fiche)
    assert (revenue.code, revenue.etat, revenue.constat) == ("E.A 9", "a_corriger", "")


def test_return_says_beforehand_what_it_changes(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense, cci: Organisation) -> None:
    moment = now()
    write(agent, fiche, {"constat": "Après.", f"cout.2018.{etudes.pk}.Salon": "100", f"part.{cci.pk}.0.0.taux": "80"})
    retours = [(r.libelle, spell(r.avant), r.apres) for r in list_retours(fresh(fiche), moment)]
    assert sorted(retours) == [("Constat", "Après.", ""), (f"Part de {cci.sigle}, taux", "80 %", ""), ("Études : Salon, 2018", "100", "")]
    assert read(fiche)["constat"] == "Après."


def test_return_to_now_changes_nothing(agent: Utilisateur, fiche: FicheAction) -> None:
    write_one(agent, fiche, "constat", "Après.")
    versions = fiche.history.count()
    assert (restore_fiche(agent, fresh(fiche), now()), fiche.history.count()) == ([], versions)


def test_fiche_validee_does_not_go_back(agent: Utilisateur, fiche: FicheAction) -> None:
    moment = now()
    write_one(agent, fiche, "constat", "Après.")
    FicheAction.objects.update(etat="validee")
    with pytest.raises(PermissionDenied):
        restore_fiche(agent, fresh(fiche), moment)
    assert read(fiche)["constat"] == "Après."


@pytest.mark.parametrize("texte", ["", "hier", "2018-11-02T10:00:00", "2018-13-02T10:00:00+00:00"])
def test_moment_altered_in_an_address_is_refused(texte: str) -> None:
    with pytest.raises(PermissionDenied):
        read_moment(texte)


# --- differences -----------------------------------------------------------------------------------


def test_difference_marks_words_taken_out_and_put_in() -> None:
    html = render_difference("Deux ateliers en mai.", "Trois ateliers en mai.")
    assert html == (
        '<del><span class="visually-hidden"> retiré : </span>Deux</del>'
        '<ins><span class="visually-hidden"> ajouté : </span>Trois</ins> ateliers en mai.'
    )


def test_difference_escapes_what_people_typed() -> None:
    html = render_difference("<b>Un</b> & deux", "<script>alert(1)</script> & deux")
    assert "<b>" not in html
    assert "<script>" not in html
    assert "&amp; deux" in html


def test_long_common_passages_are_folded_unless_asked_whole() -> None:
    commun = " ".join(f"mot{n}" for n in range(100))
    avant, apres = f"Deux {commun} fin", f"Trois {commun} final"
    assert "[…]" in render_difference(avant, apres)
    assert "mot50" not in render_difference(avant, apres)
    assert "mot50" in render_difference(avant, apres, entier=True)


phrases = st.text(st.sampled_from("ab <&é\n."), max_size=40)


@given(phrases, phrases)
def test_difference_holds_both_texts(avant: str, apres: str) -> None:
    morceaux = list(compare(avant, apres))
    assert "".join(t for acte, t in morceaux if acte != "ajoute") == avant
    assert "".join(t for acte, t in morceaux if acte != "retire") == apres


def test_very_long_texts_are_compared_line_by_line() -> None:
    ligne = "mot " * 40 + "\n"
    avant = ligne * 100
    morceaux = list(compare(avant, avant + "Une ligne de plus."))
    assert morceaux == [("garde", avant), ("ajoute", "Une ligne de plus.")]
