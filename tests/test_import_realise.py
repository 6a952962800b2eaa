"""What was done in a year comes from a spreadsheet: read by the engine of budgets, compared with the lines of the bilan."""

import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from comptes.models import Utilisateur
from conventions.gel import lift
from conventions.journal import Evenement
from conventions.models import Convention
from fiches.models import FicheAction
from financement.bilans.calculs import compute_synthese
from financement.bilans.ouverture import create_bilan, update_plan
from financement.imports.actes import ApercuPerime, ImportImpossible, abandon, analyse, confirm, deposit, preview, reopen
from financement.imports.annulation import AnnulationImpossible, undo
from financement.imports.journal import ImportBudget, PageImport
from financement.imports.presentation import present_apercu
from financement.imports.realise import LigneBilanResource
from financement.imports.realise_modele import write_modele
from financement.imports.reconnaissance import Proposition
from financement.imports.taches import SuiviImport, start_analyse, start_ecriture
from financement.models import Bilan, LigneBilan, LigneCout, NatureDepense, Realisation
from tests import factories
from tests.budgets import make_budget, make_sheets, read_refus
from tests.copies import Copie
from tests.depots import act, address, see, words
from tests.factories import euros

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]
Etat = ImportBudget.Etat
TITRES = ("Code", "Nature", "Libellé", "Jours réalisés", "Montant réalisé")
ANNEE = 2019


@pytest.fixture
def missions(db: None) -> NatureDepense:
    """A nature counted in days."""
    return NatureDepense.objects.get(pk=_missions.put())


_missions = Copie(lambda: factories.NatureFactory(nom="Missions", toujours_en_jours=True).pk)


@pytest.fixture
def fiche(convention: Convention, etudes: NatureDepense, missions: NatureDepense) -> FicheAction:
    """10 days of missions at 600 €, studies of 4 000 € named Observatoire, studies « sur devis »."""
    return FicheAction.objects.select_related("convention", "axe").get(pk=_fiche.put(convention, etudes, missions))


def build_fiche(convention: Convention, etudes: NatureDepense, missions: NatureDepense) -> int:
    fiche = factories.FicheFactory(convention=convention, code="E.A 1.1", titre="Commerces")
    commun = {"fiche": fiche, "annee": ANNEE}
    factories.LigneCoutFactory(**commun, nature=missions, jours=Decimal(10), tarif_journalier=euros(600), montant=euros(6000), ordre=10)
    factories.LigneCoutFactory(**commun, nature=etudes, libelle="Observatoire", montant=euros(4000), ordre=20)
    factories.LigneCoutFactory(**commun, nature=etudes, libelle="Enquête", montant=None, chiffrage="sur_devis", ordre=30)
    return fiche.pk


_fiche = Copie(build_fiche)


@pytest.fixture
def bilan(fiche: FicheAction) -> Bilan:
    return Bilan.objects.select_related("convention").get(pk=_ouvert.put(fiche))


def build_bilan(fiche: FicheAction) -> int:
    autre = factories.FicheFactory(convention=fiche.convention, code="E.A 1.2", titre="Salons")
    factories.LigneCoutFactory(fiche=autre, nature=NatureDepense.objects.get(nom="Études"), annee=ANNEE, montant=euros(1000))
    with transaction.atomic():
        return create_bilan(Convention.objects.get(pk=fiche.convention_id), ANNEE).pk


_ouvert = Copie(build_bilan)


def table(*lignes: Sequence[Any], titres: Sequence[Any] = TITRES) -> bytes:
    return make_budget(titres, *lignes, nom="Dépenses")


def put_in(bilan: Bilan, user: Any, contenu: bytes, nom: str = "realise.xlsx") -> ImportBudget:
    """The import of a file, recognised, and previewed when nothing is to be asked."""
    imp = deposit(user, bilan.convention, nom, contenu, bilan)
    analyse(imp)
    return imp


def write_in(bilan: Bilan, user: Any, contenu: bytes, nom: str = "realise.xlsx") -> ImportBudget:
    """The same, then written."""
    imp = put_in(bilan, user, contenu, nom)
    assert imp.etat == Etat.APERCU, (imp.get_etat_display(), imp.message, imp.propositions)
    return confirm(imp, user, False)


def read_done(bilan: Bilan) -> dict[tuple[str, str], tuple[str | None, str | None]]:
    """Days and euros typed, by fiche and line; those left empty are left out."""
    lignes = LigneBilan.objects.filter(fiche__bilan=bilan).select_related("fiche", "nature")
    lues = {(li.fiche.code, li.intitule): (_text(li.jours), _text(None if li.montant is None else li.montant.amount)) for li in lignes}
    return {cle: faits for cle, faits in lues.items() if faits != (None, None)}


def _text(valeur: Decimal | None) -> str | None:
    return None if valeur is None else f"{valeur.normalize():f}"


def counts(imp: ImportBudget) -> tuple[int, int, int, int]:
    c = imp.comptes
    return (c["nouveaux"], c["modifies"], c["inchanges"], c["rejetes"])


def count_spent(bilan: Bilan) -> Decimal | None:
    return compute_synthese(Bilan.objects.get(pk=bilan.pk)).euros.realise


def plain(texte: str) -> str:
    return texte.replace("\u00a0", " ").replace("\u202f", " ")


def send(bilan: Bilan, etat: str = "soumis") -> None:
    with lift():
        Bilan.objects.filter(pk=bilan.pk).update(etat=etat)


def get_line(intitule: str) -> LigneBilan:
    return next(li for li in LigneBilan.objects.select_related("nature") if li.intitule == intitule)


# --- Recognised -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "titre", ["Réalisé", "RÉALISÉ", "Montant réalisé", "Dépenses réalisées", "Réalisé 2019 (€)", "Réalisé, en €", "Montant"]
)
def test_title_of_a_realised_amount_is_recognised(titre: str, bilan: Bilan, partenaire: Utilisateur) -> None:
    write_in(bilan, partenaire, table(("E.A 1.1", "Études", "Observatoire", 3900), titres=("Code", "Nature", "Libellé", titre)))
    assert read_done(bilan) == {("E.A 1.1", "Études : Observatoire"): (None, "3900")}


@pytest.mark.parametrize("titre", ["Jours réalisés", "Nombre de jours réalisés", "Jours", "Jours réalisés en 2019"])
def test_title_of_realised_days_is_recognised(titre: str, bilan: Bilan, partenaire: Utilisateur) -> None:
    write_in(bilan, partenaire, table(("E.A 1.1", "Missions", 8.5), titres=("Code", "Nature", titre)))
    assert read_done(bilan) == {("E.A 1.1", "Missions"): ("8.5", None)}


@pytest.mark.parametrize(
    "titres",
    [
        ("Code", "Nature", "Jours prévus", "Prévu, en €", "Jours réalisés", "Réalisé, en €"),
        ("Code", "Nature", "Jours", "Montant", "Jours réalisés", "Réalisé"),
        ("Code", "Nature", "Nombre de jours prévus", "Montant prévu", "Jours réalisés", "Montant réalisé"),
        ("Code", "Nature", "Jours prévus 2019", "Prévu 2019", "Jours réalisés 2019", "Réalisé 2019"),
    ],
    ids=["export", "plain", "words", "years"],
)
def test_planned_columns_are_never_taken_for_what_was_done(titres: Sequence[str], bilan: Bilan, partenaire: Utilisateur) -> None:
    write_in(bilan, partenaire, table(("E.A 1.1", "Missions", 10, 6000, 8, 4700), titres=titres))
    assert read_done(bilan) == {("E.A 1.1", "Missions"): ("8", "4700")}


def test_plain_amount_beside_a_planned_one_is_asked_about(bilan: Bilan, partenaire: Utilisateur) -> None:
    imp = put_in(bilan, partenaire, table(("E.A 1.1", "Missions", 6000, 4700), titres=("Code", "Nature", "Prévu", "Montant")))
    assert imp.etat == Etat.DEPOSE
    assert imp.propositions[0]["motifs"] == ["La colonne D, « Montant », peut être prévue ou réalisée. Confirmez."]


def test_budget_recognises_what_it_did(fiche: FicheAction, partenaire: Utilisateur) -> None:
    """The titles of a bilan are no titles of a budget."""
    imp = deposit(
        partenaire,
        fiche.convention,
        "b.xlsx",
        table(("E.A 1.1", "Études", "x", 2, 3), titres=("Code", "Nature", "Réalisé", "An", "Montant")),
    )
    analyse(imp)
    assert imp.propositions[0]["colonnes"] == {"A": "code", "B": "nature", "D": "annee", "E": "montant"}


@pytest.mark.parametrize(("nom", "separateur"), [("realise.csv", ";"), ("realise.tsv", "\t")])
def test_text_file_is_read(nom: str, separateur: str, bilan: Bilan, partenaire: Utilisateur) -> None:
    lignes = [TITRES, ("E.A 1.1", "Missions", "", "8,5", "5 100,50 €")]
    write_in(bilan, partenaire, "\r\n".join(separateur.join(li) for li in lignes).encode("utf-8-sig"), nom)
    assert read_done(bilan) == {("E.A 1.1", "Missions"): ("8.5", "5100.5")}


# --- The year of the bilan --------------------------------------------------------------------------


def test_row_of_another_year_is_refused(bilan: Bilan, partenaire: Utilisateur) -> None:
    titres = ("Code", "Nature", "Libellé", "Année", "Réalisé")
    lignes = [("E.A 1.1", "Études", "Observatoire", 2018, 5), ("E.A 1.1", "Études", "Observatoire", 2019, 7)]
    imp = put_in(bilan, partenaire, table(*lignes, titres=titres))
    assert read_refus(imp) == [("D2", "Cette ligne est de 2018, le bilan est celui de 2019.")]
    assert counts(imp) == (0, 1, 0, 1)


def test_only_the_column_of_the_year_is_read(bilan: Bilan, partenaire: Utilisateur) -> None:
    titres = ("Code", "Nature", "Libellé", 2018, 2019, 2020)
    imp = write_in(bilan, partenaire, table(("E.A 1.1", "Études", "Observatoire", 1, 3900, "sur devis"), titres=titres))
    assert read_done(bilan) == {("E.A 1.1", "Études : Observatoire"): (None, "3900")}
    assert "Feuille « Dépenses » : les colonnes 2018 et 2020 ne sont pas lues, le bilan est celui de 2019." in imp.apercu["remarques"]


def test_years_without_that_of_the_bilan_are_asked_about(bilan: Bilan, partenaire: Utilisateur) -> None:
    imp = put_in(bilan, partenaire, table(("E.A 1.1", "Études", 1, 2), titres=("Code", "Nature", 2017, 2018)))
    assert (imp.etat, imp.propositions[0]["motifs"]) == (Etat.DEPOSE, ["Aucune colonne n’est celle de l’année du bilan, 2019."])


CONNUES = [("E.A 1.1", "Missions", None, None, None), ("E.A 1.2", "Études", None, None, None)]


# --- What is no realised amount ---------------------------------------------------------------------


def test_recap_is_refused_with_what_is_expected(bilan: Bilan, partenaire: Utilisateur) -> None:
    lignes = [(None, 2019, None, None), ("Code", "Agglo", "CCI", "Total"), ("E.A 1.1", 1, 2, 3)]
    imp = put_in(bilan, partenaire, make_budget(*lignes))
    attendu = "Un réalisé se donne par dépense : code de la fiche, nature, libellé s’il y en a un, montant réalisé ou jours réalisés."
    assert imp.etat == Etat.DEPOSE
    assert imp.propositions[0]["motifs"] == [f"Ce tableau est un récapitulatif par financeur. {attendu}"]
    with pytest.raises(ImportImpossible, match="Ce tableau est un récapitulatif par financeur"):
        preview(imp)


def test_shares_are_refused_with_what_is_expected(bilan: Bilan, partenaire: Utilisateur) -> None:
    imp = put_in(bilan, partenaire, table(("E.A 1.1", "Études", "CCI", 3), titres=("Code", "Nature", "Financeur", "Montant")))
    assert imp.etat == Etat.DEPOSE
    assert imp.propositions[0]["motifs"][0].startswith(
        "Ce tableau donne les parts des financeurs (colonne C). Un réalisé se donne par dépense"
    )
    with pytest.raises(ImportImpossible, match="parts des financeurs"):
        reopen(imp, [Proposition.from_json(imp.propositions[0])])


@pytest.mark.parametrize(
    ("ligne", "cellule", "raison"),
    [
        (
            ("E.A 9", "Études", "", 1, 1),
            "A4",
            "Aucune fiche du bilan 2019 ne porte le code « E.A 9 ». Les plus proches : E.A 1.2 et E.A 1.1.",
        ),
        (("Z", "Études", "", 1, 1), "A4", "Aucune fiche du bilan 2019 ne porte le code « Z ». Corrigez le code."),
        (
            ("E.A 1.2", "Etude", "Salon", 1, 1),
            "B4",
            "« Etude » n’est pas une nature de dépense. Les plus proches : Études. Ligne du bilan pour E.A 1.2 : « Études ».",
        ),
        (("E.A 1.2", None, "Salon", None, 1), "B4", "La nature de dépense manque. Ligne du bilan pour E.A 1.2 : « Études »."),
        (("E.A 1.1", "Études", "Enquête", None, "sur devis"), "E4", "Un réalisé est un montant : écrivez 0 si rien n’a été dépensé."),
        (("E.A 1.1", "Études", "Enquête", None, "à déterminer"), "E4", "Un réalisé est un montant : écrivez 0 si rien n’a été dépensé."),
        (("E.A 1.1", "Études", "Enquête", None, -3), "E4", "−3,00 € est négatif : un coût ne peut pas l’être."),
        (("E.A 1.1", "Études", "Enquête", None, "beaucoup"), "E4", "« beaucoup » n’est pas un nombre."),
        (("E.A 1.1", "Missions", None, -1, None), "D4", "Le nombre de jours ne peut pas être négatif."),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(
    ligne: Sequence[Any], cellule: str, raison: str, bilan: Bilan, partenaire: Utilisateur
) -> None:
    imp = put_in(bilan, partenaire, table(*CONNUES, ligne))
    assert read_refus(imp) == [(cellule, raison)]
    assert counts(imp) == (0, 0, 0, 1)


def test_unknown_nature_names_the_nearest_lines(bilan: Bilan, partenaire: Utilisateur) -> None:
    imp = put_in(bilan, partenaire, table(*CONNUES, ("E.A 1.1", "Recherches", "Observatoires", None, 5)))
    (_, raison) = read_refus(imp)[0]
    assert raison.startswith("« Recherches » n’est pas une nature de dépense.")
    assert "Lignes du bilan les plus proches pour E.A 1.1 : « Études : Observatoire »" in raison


def test_row_given_twice_is_refused(bilan: Bilan, partenaire: Utilisateur) -> None:
    imp = put_in(bilan, partenaire, table(("E.A 1.1", "Études", "Observatoire", None, 1), ("E.A 1.1", "Études", "Observatoire", None, 2)))
    assert [(c, r[:48]) for c, r in read_refus(imp)] == [("E3", "La même dépense (fiche, nature, libellé, année) ")]
    assert counts(imp) == (0, 1, 0, 1)


def test_all_refusals_are_told_at_once_and_the_rest_may_be_written(bilan: Bilan, partenaire: Utilisateur) -> None:
    lignes = [("E.A 1.1", "Études", "Observatoire", None, 5), ("E.A 9", "Études", "", None, 5), ("E.A 1.1", "Missions", "", "x", "y")]
    imp = put_in(bilan, partenaire, table(*lignes))
    assert [cellule for cellule, _ in read_refus(imp)] == ["A3", "D4", "E4"]
    with pytest.raises(ImportImpossible, match="Des lignes sont refusées"):
        confirm(imp, partenaire, False)
    assert read_done(bilan) == {}
    confirm(imp, partenaire, True)
    assert read_done(bilan) == {("E.A 1.1", "Études : Observatoire"): (None, "5")}


@pytest.mark.parametrize("vide", [None, "/", "-", " "])
def test_empty_cells_change_nothing(vide: Any, bilan: Bilan, partenaire: Utilisateur) -> None:
    LigneBilan.objects.filter(nature__nom="Missions").update(jours=Decimal(3), montant=Decimal(1700))
    imp = put_in(bilan, partenaire, table(("E.A 1.1", "Missions", None, vide, vide), ("E.A 1.1", "Études", "Observatoire", vide, vide)))
    assert counts(imp) == (0, 0, 0, 0)
    assert read_done(bilan) == {("E.A 1.1", "Missions"): ("3", "1700")}


# --- Days and euros ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("jours", "montant", "attendu", "compte"),
    [
        (8, None, ("8", None), 4800),
        (8, 4700, ("8", "4700"), 4700),
        (None, 4700, (None, "4700"), 4700),
        (None, "8 j", ("8", None), 4800),
        (8, "8 j", ("8", None), 4800),
        (None, "8 j × 700", ("8", "5600"), 5600),
        (None, "4 700 € (8 j)", ("8", "4700"), 4700),
        (0, None, ("0", None), 0),
        (None, 0, (None, "0"), 0),
        (None, "0 j", ("0", None), 0),
    ],
)
def test_days_and_euros_are_written_as_given(
    jours: Any, montant: Any, attendu: Any, compte: int, bilan: Bilan, partenaire: Utilisateur
) -> None:
    imp = write_in(bilan, partenaire, table(("E.A 1.1", "Missions", None, jours, montant)))
    assert read_done(bilan) == {("E.A 1.1", "Missions"): attendu}
    assert count_spent(bilan) == Decimal(imp.apercu["total"][1]) == compte


def test_days_alone_leave_the_amount_that_was_typed(bilan: Bilan, partenaire: Utilisateur) -> None:
    LigneBilan.objects.filter(nature__nom="Missions").update(montant=Decimal(1700))
    write_in(bilan, partenaire, table(("E.A 1.1", "Missions", 8), titres=("Code", "Nature", "Jours réalisés")))
    assert read_done(bilan) == {("E.A 1.1", "Missions"): ("8", "1700")}


@pytest.mark.parametrize(("tarif", "montant"), [(650, "5200"), (600, None), (None, None)])
def test_another_rate_than_the_line_gives_the_amount(tarif: Any, montant: str | None, bilan: Bilan, partenaire: Utilisateur) -> None:
    for titres, ligne in (
        (("Code", "Nature", "Jours réalisés", "Tarif"), ("E.A 1.1", "Missions", 8, tarif)),
        (("Code", "Nature", "Montant réalisé", "Tarif"), ("E.A 1.1", "Missions", "8 j", tarif)),
    ):
        LigneBilan.objects.update(jours=None, montant=None)
        write_in(bilan, partenaire, table(ligne, titres=titres))
        assert read_done(bilan) == {("E.A 1.1", "Missions"): ("8", montant)}


def test_words_beside_an_amount_are_told_left_out(bilan: Bilan, partenaire: Utilisateur) -> None:
    imp = write_in(bilan, partenaire, table(("E.A 1.1", "Études", "Observatoire", None, "3 400 € (solde à venir)")))
    assert read_done(bilan) == {("E.A 1.1", "Études : Observatoire"): (None, "3400")}
    assert "Feuille « Dépenses » : les mots écrits à côté d’un montant ne sont pas gardés (E2)." in imp.apercu["remarques"]


def test_what_the_bilan_already_counts_is_nothing_new(bilan: Bilan, partenaire: Utilisateur, fiche: FicheAction) -> None:
    """An export shows what days and the carnet are worth: coming back unchanged, it types nothing."""
    LigneBilan.objects.filter(nature__nom="Missions").update(jours=Decimal(8))
    Realisation.objects.create(
        convention=bilan.convention,
        fiche=fiche,
        date="2019-03-01",
        qui="Camille",
        nature=NatureDepense.objects.get(nom="Études"),
        libelle="Enquête",
        jours=Decimal(2),
        montant=euros(1100),
        quoi="Terrain",
    )
    lignes = [("E.A 1.1", "Missions", None, 8, 4800), ("E.A 1.1", "Études", "Enquête", 2, 1100)]
    assert counts(put_in(bilan, partenaire, table(*lignes))) == (0, 0, 2, 0)
    imp = put_in(bilan, partenaire, table(("E.A 1.1", "Études", "Enquête", 2, 1200)))
    (changement,) = present_apercu(imp, 1)["changements"]
    assert (plain(changement["avant"]), plain(changement["apres"]), changement["ecart"]) == ("1 100 € (carnet)", "1 200 € pour 2 j", 100)
    confirm(imp, partenaire, False)
    assert read_done(bilan)["E.A 1.1", "Études : Enquête"] == ("2", "1200")


def test_sheet_of_expenses_of_our_own_workbook_is_read_alone(bilan: Bilan, partenaire: Utilisateur) -> None:
    lignes = [("Fiche", "Nature", "Jours prévus", "Jours réalisés", "Tarif journalier", "Prévu", "Réalisé", "Écart", "Taux")]
    lignes += [("E.A 1.1", "Missions", 10, 8, 600, 6000, 4700, -1300, 0.78)]
    autre = [("Fiche", "Action", "Prévu", "Réalisé"), ("E.A 1.1", "Commerces", 6000, 4700)]
    write_in(bilan, partenaire, make_sheets({"Fiches": autre, "Dépenses": lignes}))
    assert read_done(bilan) == {("E.A 1.1", "Missions"): ("8", "4700")}


# --- Beside the plan --------------------------------------------------------------------------------


def test_known_nature_that_the_fiche_does_not_plan_enters_hors_plan(bilan: Bilan, partenaire: Utilisateur) -> None:
    imp = write_in(bilan, partenaire, table(("E.A 1.2", "Missions", "Salon", 2, None), ("E.A 1.2", "Études", None, None, 900)))
    ligne = get_line("Missions : Salon")
    assert (ligne.au_plan, ligne.prevu, ligne.tarif, ligne.fiche.code) == (False, None, euros(600), "E.A 1.2")
    assert read_done(bilan) == {("E.A 1.2", "Missions : Salon"): ("2", None), ("E.A 1.2", "Études"): (None, "900")}
    assert counts(imp) == (1, 1, 0, 0)
    assert count_spent(bilan) == Decimal(imp.apercu["total"][1]) == 2100
    page = present_apercu(imp, 1)
    assert [(c["nouveau"], c["intitule"], plain(c["apres"])) for c in page["changements"]] == [
        (True, "Missions : Salon, hors plan", "2 j × 600 € = 1 200 €"),
        (False, "Études", "900 €"),
    ]


def test_badly_written_line_is_told_near_another(bilan: Bilan, partenaire: Utilisateur) -> None:
    imp = put_in(bilan, partenaire, table(("E.A 1.1", "Études", "Observatoir", None, 900)))
    assert imp.apercu["remarques"] == [
        "Une dépense n’est pas dans le bilan : elle entre hors plan (E.A 1.1 « Études : Observatoir », proche de « Études : "
        "Observatoire »). S’il s’agit d’une ligne du plan, corrigez son libellé dans le fichier."
    ]


def test_spaces_make_no_other_line(bilan: Bilan, partenaire: Utilisateur) -> None:
    LigneBilan.objects.filter(libelle="Observatoire").update(libelle="Qualité\u00a0: Observatoire")
    write_in(bilan, partenaire, table(("e.a 1.1", "ETUDES", "Qualité :  Observatoire", None, 900)))
    assert read_done(bilan) == {("E.A 1.1", "Études : Qualité\u00a0: Observatoire"): (None, "900")}


def test_code_shared_by_two_fiches_names_none(bilan: Bilan, partenaire: Utilisateur) -> None:
    bilan.fiches.filter(code="E.A 1.2").update(code="E.A 1.1")
    imp = put_in(bilan, partenaire, table(("E.A 1.1", "Études", "Observatoire", None, 1)))
    assert imp.etat == Etat.DEPOSE
    reopen(imp, [Proposition.from_json(imp.propositions[0])])
    preview(imp)
    assert read_refus(imp) == [("A2", "Plusieurs fiches du bilan 2019 portent le code « E.A 1.1 » : saisissez-les dans leur page.")]


# --- Preview and writing ----------------------------------------------------------------------------


def test_preview_writes_nothing_and_tells_before_and_after(bilan: Bilan, partenaire: Utilisateur) -> None:
    LigneBilan.objects.filter(nature__nom="Missions").update(jours=Decimal(3))
    LigneBilan.objects.filter(libelle="Observatoire").update(montant=Decimal(500))
    avant, versions = list(LigneBilan.objects.values()), LigneBilan.history.count()
    lignes = [
        ("E.A 1.1", "Missions", None, 8, None),
        ("E.A 1.1", "Études", "Observatoire", None, 500),
        ("E.A 1.2", "Études", None, None, 7),
    ]
    imp = put_in(bilan, partenaire, table(*lignes))
    assert (list(LigneBilan.objects.values()), LigneBilan.history.count()) == (avant, versions)
    assert counts(imp) == (0, 2, 1, 0)
    page = present_apercu(imp, 1)
    assert (page["total"]["avant"], page["total"]["apres"]) == (2300, 5307)
    assert [(c["code"], plain(c["avant"]), plain(c["apres"]), c["ecart"], c["cellule"]) for c in page["changements"]] == [
        ("E.A 1.1", "3 j × 600 € = 1 800 €", "8 j × 600 € = 4 800 €", 3000, "D2"),
        ("E.A 1.2", "", "7 €", 7, "E4"),
    ]
    assert [(f["code"], f["modifies"], f["inchanges"], f["apres"]) for f in page["fiches"]] == [
        ("E.A 1.1", 1, 1, 5300),
        ("E.A 1.2", 1, 0, 7),
    ]
    assert page["colonnes"][0][1][3:] == [("D", "Jours réalisés"), ("E", "Montant réalisé")]


def test_writing_leaves_versions_the_date_and_an_event(bilan: Bilan, partenaire: Utilisateur) -> None:
    versions, modifie_le, budget = LigneBilan.history.count(), bilan.modifie_le, list(LigneCout.objects.values())
    imp = write_in(bilan, partenaire, table(("E.A 1.1", "Missions", None, 8, None), ("E.A 1.2", "Missions", None, 1, None)))
    ecrites = list(LigneBilan.history.order_by("-history_id")[: LigneBilan.history.count() - versions])
    assert {(v.history_type, v.history_user, v.history_change_reason, v.jours) for v in ecrites} == {
        ("~", partenaire, "Import du fichier realise.xlsx", Decimal(8)),
        ("+", partenaire, "Import du fichier realise.xlsx", Decimal(1)),
    }
    assert Bilan.objects.get(pk=bilan.pk).modifie_le > modifie_le
    evenement = Evenement.objects.filter(genre="import").get()
    assert (evenement.message, evenement.auteur) == ("Bilan 2019 : réalisé importé de realise.xlsx.", partenaire)
    assert evenement.donnees == {"empreinte": imp.empreinte, "annee": 2019}
    assert list(LigneCout.objects.values()) == budget


def test_file_that_changes_nothing_is_not_written(bilan: Bilan, partenaire: Utilisateur) -> None:
    contenu = table(("E.A 1.1", "Missions", None, 8, None))
    write_in(bilan, partenaire, contenu)
    imp = put_in(bilan, partenaire, contenu)
    assert counts(imp) == (0, 0, 1, 0)
    with pytest.raises(ImportImpossible, match="Il n’y a rien à écrire"):
        confirm(imp, partenaire, False)


def test_breakdown_while_writing_leaves_nothing(bilan: Bilan, partenaire: Utilisateur, monkeypatch: pytest.MonkeyPatch) -> None:
    imp = put_in(bilan, partenaire, table(("E.A 1.1", "Missions", None, 8, None), ("E.A 1.2", "Missions", None, 1, None)))

    def crash(*args: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(LigneBilanResource, "_write_versions", crash)
    with pytest.raises(RuntimeError):
        confirm(imp, partenaire, False)
    imp.refresh_from_db()
    assert (imp.etat, read_done(bilan)) == (Etat.APERCU, {})


def test_stale_preview_writes_nothing_and_is_made_again(bilan: Bilan, partenaire: Utilisateur) -> None:
    imp = put_in(bilan, partenaire, table(("E.A 1.1", "Missions", None, 8, None)))
    LigneBilan.objects.filter(libelle="Observatoire").update(montant=Decimal(1))
    with pytest.raises(ApercuPerime, match=r"E\.A 1\.1"):
        confirm(imp, partenaire, False)
    assert read_done(bilan) == {("E.A 1.1", "Études : Observatoire"): (None, "1")}
    imp.refresh_from_db()
    assert imp.apercu["total"] == ["1.00", "4801.00"]
    confirm(imp, partenaire, False)
    assert read_done(bilan)["E.A 1.1", "Missions"] == ("8", None)


def test_another_fiche_does_not_make_a_preview_stale(bilan: Bilan, partenaire: Utilisateur) -> None:
    imp = put_in(bilan, partenaire, table(("E.A 1.1", "Missions", None, 8, None)))
    LigneBilan.objects.filter(fiche__code="E.A 1.2").update(montant=Decimal(1))
    confirm(imp, partenaire, False)
    assert read_done(bilan)["E.A 1.1", "Missions"] == ("8", None)


def test_requests_do_not_grow_with_the_lines(bilan: Bilan, partenaire: Utilisateur) -> None:
    def count_for(nombre: int) -> int:
        imp = put_in(bilan, partenaire, table(*[("E.A 1.1", "Études", f"Enquête {n}", None, n) for n in range(nombre)]))
        with CaptureQueriesContext(connection) as requetes:
            confirm(imp, partenaire, False)
        undo(imp, partenaire)
        return len(requetes)

    assert count_for(5) == count_for(50)


def test_worker_names_what_it_writes(bilan: Bilan, partenaire: Utilisateur, django_capture_on_commit_callbacks: Any, settings: Any) -> None:
    settings.TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}
    imp = deposit(partenaire, bilan.convention, "r.xlsx", table(("E.A 1.1", "Missions", None, 8, None)), bilan)
    SuiviImport(imp.pk, imp.objet)(0.5)
    imp.refresh_from_db()
    assert imp.etape == "Comparaison avec le réalisé 2019"
    with django_capture_on_commit_callbacks(execute=True):
        start_analyse(imp, direct=False)
    with django_capture_on_commit_callbacks(execute=True):
        start_ecriture(imp, partenaire, False, direct=False)
        imp.refresh_from_db()
        assert (imp.etat, imp.etape) == (Etat.ECRITURE, "Écriture du réalisé 2019")
    assert read_done(bilan) == {("E.A 1.1", "Missions"): ("8", None)}


# --- Rights and states ------------------------------------------------------------------------------


@pytest.mark.parametrize("etat", ["soumis", "corrige", "accepte"])
def test_bilan_that_is_not_written_any_more_takes_no_file(etat: str, bilan: Bilan, partenaire: Utilisateur) -> None:
    with lift():
        Bilan.objects.filter(pk=bilan.pk).update(etat=etat, accepte_le="2020-02-01" if etat == "accepte" else None)
    ferme = Bilan.objects.get(pk=bilan.pk)
    with pytest.raises(PermissionDenied, match="Le bilan 2019 est"):
        deposit(partenaire, ferme.convention, "r.xlsx", table(), ferme)
    assert not ImportBudget.objects.exists()


def test_only_who_reports_drops_a_file(bilan: Bilan, agent: Utilisateur, cci: Any) -> None:
    lecteur = factories.UtilisateurFactory(organisation=cci, role=Utilisateur.Role.LECTEUR)
    for personne in (agent, lecteur, factories.UtilisateurFactory()):
        with pytest.raises(PermissionDenied):
            deposit(personne, bilan.convention, "r.xlsx", table(), bilan)


def test_bilan_sent_meanwhile_is_not_written(bilan: Bilan, partenaire: Utilisateur, agent: Utilisateur) -> None:
    imp = put_in(bilan, partenaire, table(("E.A 1.1", "Missions", None, 8, None)))
    with pytest.raises(ImportImpossible, match="Le bilan est rempli par"):
        confirm(imp, agent, False)
    send(bilan)
    with pytest.raises(ImportImpossible, match="Le bilan 2019 est envoyé"):
        confirm(imp, partenaire, False)
    assert read_done(bilan) == {}
    send(bilan, "observations")
    confirm(imp, partenaire, False)
    assert read_done(bilan) == {("E.A 1.1", "Missions"): ("8", None)}


def test_bilan_of_a_signed_convention_is_written(bilan: Bilan, partenaire: Utilisateur) -> None:
    with lift():
        Convention.objects.filter(pk=bilan.convention_id).update(etat="executoire", date_signature="2018-06-01")
    signee = Bilan.objects.select_related("convention").get(pk=bilan.pk)
    imp = write_in(signee, partenaire, table(("E.A 1.1", "Missions", None, 8, None), ("E.A 1.2", "Missions", None, 1, None)))
    assert len(read_done(bilan)) == 2
    undo(imp, partenaire)
    assert read_done(bilan) == {}


# --- Undone -----------------------------------------------------------------------------------------


def test_undoing_puts_back_what_was_there(bilan: Bilan, partenaire: Utilisateur) -> None:
    LigneBilan.objects.filter(nature__nom="Missions").update(jours=Decimal(3), montant=Decimal("1700.50"))
    avant = list(LigneBilan.objects.order_by("pk").values())
    imp = write_in(bilan, partenaire, table(("E.A 1.1", "Missions", None, 8, 4700), ("E.A 1.2", "Missions", None, 1, None)))
    ecrit_le = Bilan.objects.get(pk=bilan.pk).modifie_le
    undo(imp, partenaire)
    assert list(LigneBilan.objects.order_by("pk").values()) == avant
    imp.refresh_from_db()
    assert (imp.etat, imp.annule_par) == (Etat.ANNULE, partenaire)
    assert Bilan.objects.get(pk=bilan.pk).modifie_le > ecrit_le
    assert Evenement.objects.get(genre="import_annule").message == "Bilan 2019 : import annulé : realise.xlsx."
    assert set(LigneBilan.history.filter(history_change_reason__startswith="Annulation").values_list("history_type", flat=True)) == {
        "~",
        "-",
    }


def test_value_changed_since_forbids_undoing(bilan: Bilan, partenaire: Utilisateur) -> None:
    imp = write_in(bilan, partenaire, table(("E.A 1.1", "Missions", None, 8, None), ("E.A 1.2", "Missions", None, 1, None)))
    ligne = get_line("Missions")
    ligne.montant = euros(4500)
    ligne._history_user = partenaire
    ligne.save()
    with pytest.raises(AnnulationImpossible) as refus:
        undo(imp, partenaire)
    (difference,) = refus.value.differences
    assert plain(difference).startswith(f"E.A 1.1 Missions : aujourd’hui 4 500 € pour 8 j ({partenaire}")
    assert len(read_done(bilan)) == 2


def test_bilan_sent_since_is_not_undone(bilan: Bilan, partenaire: Utilisateur) -> None:
    imp = write_in(bilan, partenaire, table(("E.A 1.1", "Missions", None, 8, None)))
    send(bilan)
    with pytest.raises(ImportImpossible, match="Le bilan 2019 est envoyé"):
        undo(imp, partenaire)
    with pytest.raises(ImportImpossible, match="Le bilan 2019 est envoyé"):
        undo(imp, None)
    assert read_done(bilan) == {("E.A 1.1", "Missions"): ("8", None)}


def test_line_that_the_plan_holds_since_stays_once_undone(bilan: Bilan, partenaire: Utilisateur) -> None:
    imp = write_in(bilan, partenaire, table(("E.A 1.2", "Missions", None, 2, None)))
    fiche = FicheAction.objects.get(code="E.A 1.2")
    factories.LigneCoutFactory(fiche=fiche, nature=NatureDepense.objects.get(nom="Missions"), annee=ANNEE, montant=euros(1200))
    update_plan(partenaire, Bilan.objects.get(pk=bilan.pk))
    undo(imp, partenaire)
    ligne = LigneBilan.objects.get(fiche__code="E.A 1.2", nature__nom="Missions")
    assert (ligne.au_plan, ligne.prevu, ligne.jours, ligne.montant) == (True, euros(1200), None, None)


def test_abandoned_file_writes_nothing(bilan: Bilan, partenaire: Utilisateur) -> None:
    imp = put_in(bilan, partenaire, table(("E.A 1.1", "Missions", None, 8, None)))
    abandon(imp)
    imp.refresh_from_db()
    with pytest.raises(ImportImpossible):
        confirm(imp, partenaire, False)
    assert read_done(bilan) == {}


# --- The template to fill ---------------------------------------------------------------------------


def open_modele(contenu: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(contenu))["Réalisé 2019"]


def test_template_holds_one_row_a_line(bilan: Bilan) -> None:
    LigneBilan.objects.filter(nature__nom="Missions").update(jours=Decimal("8.5"), montant=Decimal("5100.25"))
    rangs = [tuple(rang) for rang in open_modele(write_modele(bilan)).iter_rows(max_row=6, max_col=8, values_only=True)]
    assert rangs == [
        ("Code", "Action", "Nature", "Libellé", "Jours prévus", "Prévu, en €", "Jours réalisés", "Réalisé, en €"),
        ("E.A 1.1", "Commerces", "Missions", None, 10, 6000, 8.5, 5100.25),
        ("E.A 1.1", "Commerces", "Études", "Observatoire", None, 4000, None, None),
        ("E.A 1.1", "Commerces", "Études", "Enquête", None, "sur devis", None, None),
        ("E.A 1.2", "Salons", "Études", None, None, 1000, None, None),
        (None,) * 8,
    ]


def test_template_comes_back_without_changing_anything(bilan: Bilan, partenaire: Utilisateur) -> None:
    LigneBilan.objects.filter(nature__nom="Missions").update(jours=Decimal("8.5"), montant=Decimal("5100.25"))
    LigneBilan.objects.filter(fiche__code="E.A 1.2").update(libelle="-", montant=Decimal(0))
    LigneBilan.objects.filter(libelle="Observatoire").update(libelle="=1+1", jours=Decimal(1))
    imp = put_in(bilan, partenaire, write_modele(bilan))
    assert (imp.etat, counts(imp)) == (Etat.APERCU, (0, 0, 3, 0))


def test_template_filled_gives_exactly_these_values(bilan: Bilan, partenaire: Utilisateur) -> None:
    classeur = openpyxl.load_workbook(io.BytesIO(write_modele(bilan)))
    feuille = classeur["Réalisé 2019"]
    for adresse, valeur in {"G2": 8.5, "H2": 5100.25, "H3": 3999.99, "H4": 0, "G5": 0.25}.items():
        feuille[adresse] = valeur
    for colonne, valeur in zip("ACDGH", ("E.A 1.2", "Missions", "Salon", 2, 1250), strict=True):
        feuille[f"{colonne}6"] = valeur
    sortie = io.BytesIO()
    classeur.save(sortie)
    write_in(bilan, partenaire, sortie.getvalue())
    assert read_done(bilan) == {
        ("E.A 1.1", "Missions"): ("8.5", "5100.25"),
        ("E.A 1.1", "Études : Observatoire"): (None, "3999.99"),
        ("E.A 1.1", "Études : Enquête"): (None, "0"),
        ("E.A 1.2", "Études"): ("0.25", None),
        ("E.A 1.2", "Missions : Salon"): ("2", "1250"),
    }


# --- Pages ------------------------------------------------------------------------------------------


@pytest.fixture
def saisie(partenaire: Utilisateur) -> Client:
    """Signed in as an agent of the party that reports."""
    client = Client()
    client.force_login(partenaire)
    return client


def url(nom: str, bilan: Bilan) -> str:
    return reverse(nom, args=[bilan.convention.reference, bilan.annee])


def drop(client: Client, bilan: Bilan, contenu: bytes, nom: str = "realise.xlsx") -> HttpResponse:
    return client.post(url("bilan_importer", bilan), {"fichier": SimpleUploadedFile(nom, contenu)})


def test_page_offers_the_template_and_the_place_to_drop(saisie: Client, bilan: Bilan) -> None:
    reponse = saisie.get(url("bilan_importer", bilan))
    assert "Importer le réalisé 2019" in words(reponse)
    assert url("bilan_modele", bilan) in reponse.content.decode()


def test_dropped_file_is_previewed_confirmed_then_undone(saisie: Client, bilan: Bilan) -> None:
    depot = drop(saisie, bilan, table(("E.A 1.1", "Missions", None, 8, None), ("E.A 1.2", "Missions", "Salon", 1, None)))
    assert depot["Location"] == address()
    page = see(saisie)
    assert "Réalisé 2019" in page
    assert "budget" not in page.lower()
    assert "Modifiée D2 E.A 1.1 Missions /rien 8 j × 600 € = 4 800 € + 4 800" in page
    assert "Nouvelle D3 E.A 1.2 Missions : Salon, hors plan" in page
    assert "Le réalisé 2019 passera à 5 400 €." in page
    contenu = saisie.get(address()).content.decode()
    assert url("bilan", bilan) in contenu
    assert read_done(bilan) == {}
    act(saisie, "import_confirmer")
    assert len(read_done(bilan)) == 2
    assert "Import annulé : le réalisé 2019 est tel qu’il était avant." in words(act(saisie, "import_annuler"))
    assert read_done(bilan) == {}


def test_refused_cells_are_shown_and_the_rest_is_written(saisie: Client, bilan: Bilan) -> None:
    drop(saisie, bilan, table(("E.A 1.1", "Missions", None, 8, None), ("E.A 1.1", "Études", "Enquête", None, "sur devis")))
    assert "E3Dépenses sur devis Un réalisé est un montant : écrivez 0 si rien n’a été dépensé." in see(saisie)
    act(saisie, "import_confirmer", lignes="valides")
    assert read_done(bilan) == {("E.A 1.1", "Missions"): ("8", None)}


def test_columns_are_chosen_among_those_of_a_bilan(saisie: Client, bilan: Bilan) -> None:
    drop(saisie, bilan, table(("E.A 1.1", "Missions", 6000, 4700), titres=("Code", "Nature", "Prévu", "Montant")))
    page = saisie.get(address()).content.decode()
    assert "peut être prévue ou réalisée" in page
    for absent in ("recap", "Financeur", "Part de", "Mention"):
        assert f'value="{absent.lower()}' not in page
    choix = {"forme": "long", "c-A": "code", "c-B": "nature", "c-D": "montant"}
    act(saisie, "import_colonnes", **choix, feuille="Dépenses")
    act(saisie, "import_confirmer")
    assert read_done(bilan) == {("E.A 1.1", "Missions"): (None, "4700")}


def test_recap_cannot_be_forced(saisie: Client, bilan: Bilan) -> None:
    drop(saisie, bilan, table(("E.A 1.1", "Missions", 6000, 4700), titres=("Code", "Nature", "Prévu", "Montant")))
    for forme, contenu in (("recap", f"recap:2019:{bilan.convention.parties.all()[0].organisation_id}"), ("long", "part")):
        reponse = saisie.post(
            address("import_colonnes"), {"forme": forme, "c-A": "code", "c-B": "nature", "c-D": contenu, "feuille": "Dépenses"}
        )
        assert reponse.status_code == 422
    assert ImportBudget.objects.get().etat == Etat.DEPOSE


def test_abandoned_file_leads_back_to_the_deposit(saisie: Client, bilan: Bilan) -> None:
    drop(saisie, bilan, table(("E.A 1.1", "Missions", None, 8, None)))
    assert saisie.post(address("import_abandonner"))["Location"] == url("bilan_importer", bilan)
    assert "realise.xlsx" in words(saisie.get(url("bilan_importer", bilan)))


def test_imports_of_the_convention_tell_those_of_a_bilan(saisie: Client, bilan: Bilan) -> None:
    drop(saisie, bilan, table(("E.A 1.1", "Missions", None, 8, None)))
    assert "realise.xlsx Réalisé 2019" in words(saisie.get(reverse("imports", args=[bilan.convention.reference])))


def test_changes_since_are_told_when_undoing(saisie: Client, bilan: Bilan) -> None:
    drop(saisie, bilan, table(("E.A 1.1", "Missions", None, 8, None)))
    act(saisie, "import_confirmer")
    LigneBilan.objects.filter(nature__nom="Missions").update(jours=Decimal(9))
    reponse = saisie.post(address("import_annuler"))
    assert reponse.status_code == 409
    assert "corrigez les lignes dans le bilan" in words(reponse)


def test_deposit_without_a_file_asks_for_one(saisie: Client, bilan: Bilan) -> None:
    reponse = saisie.post(url("bilan_importer", bilan))
    assert reponse.status_code == 422
    assert words(reponse, "//*[@id='e-fichier']") == "Choisissez un fichier : xlsx, xlsm, ods, csv ou tsv."


def test_unreadable_file_offers_to_drop_another(saisie: Client, bilan: Bilan) -> None:
    drop(saisie, bilan, b"%PDF-1.7\n")
    assert "Ce fichier n’a pas pu être lu" in see(saisie, "//h1")
    assert url("bilan_importer", bilan) in saisie.get(address()).content.decode()


def test_template_is_downloaded_under_its_name(saisie: Client, client_agent: Client, bilan: Bilan) -> None:
    for client in (saisie, client_agent):
        reponse = client.get(url("bilan_modele", bilan))
        assert reponse["Content-Disposition"] == f'attachment; filename="{bilan.convention.reference}-realise-2019.xlsx"'
        assert open_modele(reponse.content)["A1"].value == "Code"


@pytest.mark.parametrize("nom", ["bilan_importer", "bilan_modele"])
def test_another_organisation_finds_nothing(nom: str, bilan: Bilan) -> None:
    ailleurs = Client()
    ailleurs.force_login(factories.UtilisateurFactory(role=Utilisateur.Role.ADMINISTRATEUR))
    assert ailleurs.get(url(nom, bilan)).status_code == 404
    assert ailleurs.post(url(nom, bilan)).status_code in {404, 405}
    assert Client().get(url(nom, bilan)).status_code == 302


@pytest.mark.parametrize("nom", ["bilan_importer", "bilan_modele"])
def test_year_without_bilan_is_not_found(nom: str, saisie: Client, bilan: Bilan) -> None:
    assert saisie.get(reverse(nom, args=[bilan.convention.reference, 2018])).status_code == 404


def test_who_reads_only_is_refused(administrateur: Client, bilan: Bilan, cci: Any) -> None:
    lecteur = Client()
    lecteur.force_login(factories.UtilisateurFactory(organisation=cci, role=Utilisateur.Role.LECTEUR))
    for client in (administrateur, lecteur):  # of the party that pays, of the one that reports
        assert client.get(url("bilan_importer", bilan)).status_code == 403
        assert drop(client, bilan, table(("E.A 1.1", "Missions", None, 8, None))).status_code == 403
    assert not ImportBudget.objects.exists()


def test_sent_bilan_is_refused(saisie: Client, bilan: Bilan) -> None:
    send(bilan)
    assert drop(saisie, bilan, table()).status_code == 403
    assert not ImportBudget.objects.exists()


def test_import_of_a_bilan_is_not_acted_on_by_who_pays(saisie: Client, administrateur: Client, bilan: Bilan) -> None:
    drop(saisie, bilan, table(("E.A 1.1", "Missions", None, 8, None)))
    assert administrateur.get(address()).status_code == 200
    for nom in ("import_confirmer", "import_annuler", "import_abandonner", "import_colonnes"):
        assert administrateur.post(address(nom)).status_code == 403
    assert read_done(bilan) == {}


@pytest.mark.parametrize(("nom", "methode"), [("bilan_importer", "put"), ("bilan_importer", "delete"), ("bilan_modele", "post")])
def test_other_methods_are_refused(nom: str, methode: str, saisie: Client, bilan: Bilan) -> None:
    assert getattr(saisie, methode)(url(nom, bilan)).status_code == 405


def test_budget_of_the_same_convention_is_imported_as_before(bilan: Bilan, administrateur: Client) -> None:
    contenu = make_sheets({"Budget": [("Code", "Nature", "Année", "Montant"), ("E.A 1.2", "Missions", 2019, 50)]})
    administrateur.post(reverse("imports", args=[bilan.convention.reference]), {"fichier": SimpleUploadedFile("b.xlsx", contenu)})
    imp = ImportBudget.objects.get()
    assert (imp.bilan, counts(imp)) == (None, (1, 0, 0, 0))
    assert PageImport.objects.filter(parent=imp, genre="changements").exists()
