"""Commands of the budget in spreadsheets: import, undo, export, open data; what each prints and when it refuses."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from conventions.models import Convention
from fiches.models import FicheAction
from financement.models import ImportBudget, LigneCout, NatureDepense
from tests import factories
from tests.budgets import make_budget, make_sheets
from tests.depots import FAUSSE, JUSTE, TITRES, read_costs

pytestmark = pytest.mark.django_db
CLES = {"forme", "nouveaux", "modifies", "inchanges", "rejetes", "total_avant", "total_apres"}
COLONNES = {"A": "code", "B": "nature", "C": "annee", "D": "montant"}
LECTURE = {"feuille": "Budget", "forme": "long", "titres": 1, "colonnes": COLONNES}
OBSCURS = ("Réf", "Quoi", "Quand", "Combien")
Refusal = Callable[..., str]


@pytest.fixture
def fiche(convention: Convention, etudes: NatureDepense) -> FicheAction:
    return factories.FicheFactory(convention=convention, code="E.A 1.1", titre="Salons")


@pytest.fixture
def place(tmp_path: Path) -> Callable[..., str]:
    """Puts a file on disk and gives its path."""

    def put(contenu: bytes | Any, nom: str = "budget.xlsx") -> str:
        fichier = tmp_path / nom
        fichier.write_bytes(contenu if isinstance(contenu, bytes) else json.dumps(contenu).encode())
        return str(fichier)

    return put


@pytest.fixture
def refusal(capsys: pytest.CaptureFixture[str]) -> Refusal:
    """Run a command, check that it stops with exit 1 and says nothing but why, and return what it says."""

    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit) as arret:
            call_command(*arguments)
        sortie = capsys.readouterr()
        assert (arret.value.code, sortie.out) == (1, "")
        assert "Traceback" not in sortie.err
        return sortie.err.strip()

    return run


def run(*arguments: str) -> str:
    sortie = StringIO()
    call_command(*arguments, stdout=sortie)
    return sortie.getvalue()


def run_json(fiche: FicheAction, *arguments: str) -> dict[str, Any]:
    return json.loads(run("import_budget", fiche.convention.reference, *arguments, "--format", "json"))


def run_refused(fiche: FicheAction, *arguments: str) -> str:
    """What a command that ends with exit 1 prints on its way."""
    sortie = StringIO()
    with pytest.raises(SystemExit) as arret:
        call_command("import_budget", fiche.convention.reference, *arguments, stdout=sortie)
    assert arret.value.code == 1
    return sortie.getvalue()


def list_files(settings: Any) -> list[Path]:
    return [f for f in Path(settings.MEDIA_ROOT).rglob("*") if f.is_file()]


# --- import_budget ---------------------------------------------------------------------------------


def test_import_writes_nothing_unless_asked_and_leaves_nothing_behind(fiche: FicheAction, place: Callable[..., str], settings: Any) -> None:
    sortie = run("import_budget", fiche.convention.reference, place(make_budget(TITRES, JUSTE)))
    assert sortie.splitlines()[0] == ("Feuille « Budget » – A : Code de la fiche, B : Nature de dépense, C : Année, D : Montant du coût.")
    assert sortie.splitlines()[-1] == "Rien n’a été écrit : ajoutez --wet-run pour importer."
    assert (read_costs(), ImportBudget.objects.count(), list_files(settings)) == ([], 0, [])


def test_json_has_the_documented_keys(fiche: FicheAction, etudes: NatureDepense, place: Callable[..., str]) -> None:
    factories.LigneCoutFactory(fiche=fiche, nature=etudes, annee=2019, montant=factories.euros("0.10"))
    factories.LigneCoutFactory(fiche=fiche, nature=etudes, annee=2020, montant=factories.euros(5))
    lignes = [JUSTE, ("E.A 1.1", "Études", 2020, 5), ("E.A 1.1", "Études", 2018, 7)]
    donnees = run_json(fiche, place(make_budget(TITRES, *lignes)))
    assert set(donnees) == CLES
    assert donnees == {
        "forme": "long",
        "nouveaux": 1,
        "modifies": 1,
        "inchanges": 1,
        "rejetes": [],
        "total_avant": "5.10",
        "total_apres": "1512.00",
    }


@pytest.mark.parametrize("ecrire", [[], ["--wet-run"]], ids=["dry", "wet"])
def test_refused_rows_end_with_an_error_and_write_nothing(
    ecrire: list[str], fiche: FicheAction, place: Callable[..., str], settings: Any
) -> None:
    fichier = place(make_budget(TITRES, JUSTE, FAUSSE))
    donnees = json.loads(run_refused(fiche, fichier, "--format", "json", *ecrire))
    assert set(donnees) == CLES
    assert donnees["rejetes"] == [
        {"feuille": "Budget", "cellule": "D3", "valeur": "-3", "raison": "−3,00 € est négatif : un coût ne peut pas l’être."}
    ]
    assert (read_costs(), ImportBudget.objects.count(), list_files(settings)) == ([], 0, [])


def test_refused_rows_are_printed_one_a_line(fiche: FicheAction, place: Callable[..., str]) -> None:
    sortie = run_refused(fiche, place(make_budget(TITRES, FAUSSE, ("E.A 1.1", None, 2018, 4))))
    assert "Refusé, Budget D2 (-3) : −3,00 € est négatif : un coût ne peut pas l’être.\n" in sortie
    assert "Refusé, Budget B3 (vide) : La nature de dépense manque.\n" in sortie
    assert "Nouvelles : 0, modifiées : 0, inchangées : 0, refusées : 2. Total : 0 €, puis 0 €." in sortie.replace("\u00a0", " ")


def test_valid_rows_alone_end_well(fiche: FicheAction, place: Callable[..., str]) -> None:
    fichier = place(make_budget(TITRES, JUSTE, FAUSSE))
    donnees = run_json(fiche, fichier, "--only-valid")
    assert (donnees["nouveaux"], len(donnees["rejetes"]), read_costs()) == (1, 1, [])
    ecrites = run_json(fiche, fichier, "--only-valid", "--wet-run")
    assert ecrites == donnees
    assert read_costs() == [(2019, 1500)]


def test_wet_run_writes_and_says_how_to_undo(fiche: FicheAction, place: Callable[..., str]) -> None:
    sortie = run("import_budget", fiche.convention.reference, place(make_budget(TITRES, JUSTE)), "--wet-run")
    imp = ImportBudget.objects.get()
    assert sortie.splitlines()[-1] == f"Écrit : import {imp.pk}. Pour l’annuler : undo_import {imp.pk}."
    assert (read_costs(), imp.etat, imp.auteur) == ([(2019, 1500)], "fait", None)


def test_wet_run_counts_like_the_dry_one(fiche: FicheAction, place: Callable[..., str]) -> None:
    fichier = place(make_budget(TITRES, JUSTE, ("E.A 1.1", "Études", 2018, 4)))
    assert run_json(fiche, fichier) == run_json(fiche, fichier, "--wet-run")


def test_wet_run_of_what_is_already_there_writes_nothing(fiche: FicheAction, place: Callable[..., str], settings: Any) -> None:
    fichier = place(make_budget(TITRES, JUSTE))
    run("import_budget", fiche.convention.reference, fichier, "--wet-run")
    avant = LigneCout.history.count()
    assert run("import_budget", fiche.convention.reference, fichier, "--wet-run").endswith("Rien n’a été écrit.\n")
    assert (LigneCout.history.count(), ImportBudget.objects.count(), len(list_files(settings))) == (avant, 1, 1)


@pytest.mark.parametrize("ecrire", [[], ["--wet-run"]], ids=["dry", "wet"])
def test_sheet_is_chosen_by_its_name(ecrire: list[str], fiche: FicheAction, place: Callable[..., str], refusal: Refusal) -> None:
    fichier = place(make_sheets({"Essai": [TITRES, JUSTE], "Final": [TITRES, ("E.A 1.1", "Études", 2018, 8)]}))
    reference = fiche.convention.reference
    assert "Plusieurs feuilles contiennent un budget (Essai et Final)" in refusal("import_budget", reference, fichier, *ecrire)
    assert run_json(fiche, fichier, "--sheet", "Final", *ecrire)["total_apres"] == "8.00"
    phrase = refusal("import_budget", reference, fichier, "--sheet", "Absente", *ecrire)
    assert phrase == "Aucune feuille ne s’appelle « Absente ». Feuilles du fichier : Essai et Final."


@pytest.mark.parametrize("ecrire", [[], ["--wet-run"]], ids=["dry", "wet"])
def test_file_that_is_not_understood_asks_for_its_columns(
    ecrire: list[str], fiche: FicheAction, place: Callable[..., str], refusal: Refusal
) -> None:
    fichier = place(make_budget(OBSCURS, JUSTE))
    phrase = refusal("import_budget", fiche.convention.reference, fichier, *ecrire)
    assert phrase.startswith("Aucune ligne de titres reconnue")
    assert "--mapping" in phrase
    assert not ImportBudget.objects.exists()


@pytest.mark.parametrize("ecrire", [[], ["--wet-run"]], ids=["dry", "wet"])
def test_columns_are_given_in_a_file(ecrire: list[str], fiche: FicheAction, place: Callable[..., str]) -> None:
    fichier = place(make_budget(OBSCURS, JUSTE))
    donnees = run_json(fiche, fichier, "--mapping", place(LECTURE, "colonnes.json"), *ecrire)
    assert (donnees["nouveaux"], donnees["total_apres"]) == (1, "1500.00")
    assert read_costs() == ([(2019, 1500)] if ecrire else [])


@pytest.mark.parametrize(
    "lecture",
    [
        b"{",
        b"\xff\xfe",
        [],
        {},
        {"feuille": "Budget"},
        LECTURE | {"pirate": 1},
        LECTURE | {"colonnes": {"A": "pirate"}},
        LECTURE | {"colonnes": {"1": "code"}},
        LECTURE | {"colonnes": ["code"]},
        LECTURE | {"colonnes": {}},
        LECTURE | {"colonnes": COLONNES | {"E": "montant"}},
        LECTURE | {"titres": "un"},
        LECTURE | {"titres": 0},
        LECTURE | {"titres": -4},
        LECTURE | {"forme": "autre"},
        LECTURE | {"forme": "recap", "colonnes": {"A": "code", "D": "recap:2019:999999"}},
        LECTURE | {"nature": 999999, "colonnes": {"A": "code", "C": "annee", "D": "montant"}},
        LECTURE | {"fiche": "x", "colonnes": {"B": "nature", "C": "annee", "D": "montant"}},
        LECTURE | {"annee": "x", "colonnes": {"A": "code", "B": "nature", "D": "montant"}},
        LECTURE | {"annee": 99999, "colonnes": {"A": "code", "B": "nature", "D": "montant"}},
    ],
    ids=lambda lecture: str(lecture)[-60:],
)
def test_columns_that_cannot_be_read_are_refused(
    lecture: Any, fiche: FicheAction, place: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    fichier, colonnes = place(make_budget(OBSCURS, JUSTE)), place(lecture, "colonnes.json")
    with pytest.raises(SystemExit) as arret:
        call_command("import_budget", fiche.convention.reference, fichier, "--mapping", colonnes)
    phrase = capsys.readouterr().err
    assert arret.value.code == 1
    assert not any(mot in phrase for mot in ("Expecting", "invalid", "decode", "literal", "object"))
    assert (read_costs(), ImportBudget.objects.count()) == ([], 0)


def test_import_refuses_what_it_cannot_open(fiche: FicheAction, place: Callable[..., str], refusal: Refusal, tmp_path: Path) -> None:
    reference, absent, dossier = fiche.convention.reference, str(tmp_path / "absent.xlsx"), str(tmp_path)
    assert refusal("import_budget", "ABSENTE", place(b"x")) == "Aucune convention ne porte la référence « ABSENTE »."
    assert refusal("import_budget", reference, absent) == f"Impossible de lire « {absent} » : le fichier n’existe pas."
    assert refusal("import_budget", reference, dossier) == f"Impossible de lire « {dossier} » : c’est un dossier."
    assert refusal("import_budget", reference, place(b"%PDF-")) == "Ce fichier est un PDF. Demandez le tableur dont il vient."
    assert refusal("import_budget", reference).startswith("Commande mal écrite. Son mode d’emploi : ")
    assert not ImportBudget.objects.exists()


# --- undo_import -----------------------------------------------------------------------------------


def test_import_is_undone_once(fiche: FicheAction, place: Callable[..., str], refusal: Refusal) -> None:
    reference = fiche.convention.reference
    run("import_budget", reference, place(make_budget(TITRES, JUSTE)), "--wet-run")
    numero = str(ImportBudget.objects.get().pk)
    assert run("undo_import", numero) == f"Import {numero} annulé : le budget de {reference} est tel qu’il était avant.\n"
    assert read_costs() == []
    assert refusal("undo_import", numero) == "Cet import n’est pas à annuler : annulé."


def test_import_whose_values_changed_is_not_undone_and_lists_them(fiche: FicheAction, place: Callable[..., str], refusal: Refusal) -> None:
    run("import_budget", fiche.convention.reference, place(make_budget(TITRES, JUSTE)), "--wet-run")
    LigneCout.objects.update(montant=factories.euros(1600))
    phrase, difference = refusal("undo_import", str(ImportBudget.objects.get().pk)).splitlines()
    assert phrase == "Une valeur écrite par cet import a changé depuis : il ne s’annule plus d’un bloc."
    assert difference.startswith("E.A 1.1")
    assert read_costs() == [(2019, 1600)]


@pytest.mark.parametrize(
    ("numero", "phrase"),
    [
        ("999", "Aucun import ne porte le numéro 999."),
        ("9" * 30, "Aucun import ne porte"),
        ("abc", "Commande mal écrite."),
        ("-1", "Aucun import ne porte le numéro -1."),
    ],
)
def test_unknown_import_is_not_undone(numero: str, phrase: str, refusal: Refusal, db: None) -> None:
    assert refusal("undo_import", numero).startswith(phrase)


# --- export_budget, export_scdl ----------------------------------------------------------------------


@pytest.mark.parametrize("modele", [[], ["--modele"]], ids=["budget", "template"])
@pytest.mark.parametrize("forme", ["xlsx", "ods", "csv"])
@pytest.mark.parametrize("nom", ["DIJON-CCI21-2018", "CHAUMONT-CCI52-2020"])
def test_exported_budget_comes_back_without_a_change(nom: str, forme: str, modele: list[str], demonstration: None, tmp_path: Path) -> None:
    fichier = str(tmp_path / f"budget.{forme}")
    run("export_budget", nom, "--format", forme, *modele, "-o", fichier)
    donnees = json.loads(run("import_budget", nom, fichier, "--format", "json"))
    assert (donnees["nouveaux"], donnees["modifies"], donnees["rejetes"]) == (0, 0, [])
    couts = LigneCout.objects.filter(fiche__convention__reference=nom)
    assert donnees["inchanges"] >= couts.count() > 0
    assert donnees["total_avant"] == donnees["total_apres"] == f"{sum(c.montant.amount for c in couts if c.montant):.2f}"


@pytest.mark.parametrize(
    ("chemin", "raison"),
    [("absent/budget.csv", "le dossier n’existe pas"), ("", "c’est un dossier"), ("fichier/b.csv", "un élément du chemin")],
)
@pytest.mark.parametrize("commande", ["export_budget", "export_scdl"])
def test_place_that_cannot_be_written_is_refused(
    commande: str, chemin: str, raison: str, fiche: FicheAction, tmp_path: Path, refusal: Refusal
) -> None:
    (tmp_path / "fichier").write_text("là")
    cible = str(tmp_path / chemin)
    arguments = [fiche.convention.reference, "--format", "csv"] if commande == "export_budget" else []
    assert refusal(commande, *arguments, "-o", cible).startswith(f"Impossible d’écrire « {cible} » : {raison}")


@pytest.mark.parametrize("arguments", [["REF"], ["REF", "--format", "pdf", "-o", "x"], ["REF", "--format", "csv"], ["ABSENTE"]])
def test_badly_written_export_points_to_its_help(arguments: list[str], refusal: Refusal, db: None) -> None:
    assert refusal("export_budget", *arguments).startswith("Commande mal écrite. Son mode d’emploi : ")


def test_open_data_file_is_written_and_what_is_left_out_is_told(convention: Convention, tmp_path: Path) -> None:
    fichier = tmp_path / "subventions.csv"
    sortie = run("export_scdl", "-o", str(fichier))
    assert sortie.splitlines() == [
        "Subventions écrites : 0.",
        f"Laissée de côté, {convention.reference} : Elle n’est pas signée (brouillon).",
    ]
    assert fichier.read_bytes().startswith(b"nomAttribuant,idAttribuant,dateConvention,")


def test_aid_published_of_one_s_own_will_is_told(convention: Convention, tmp_path: Path) -> None:
    Convention.objects.update(etat="signee", date_signature="2018-03-09", date_debut="2018-01-01", date_fin="2020-12-31")
    for partie, siret in zip(convention.parties.all(), ("24210041000016", "18210008100013"), strict=True):
        type(partie.organisation).objects.filter(pk=partie.organisation_id).update(siret=siret)
    fiche = factories.FicheFactory(convention=convention)
    factories.LigneCoutFactory(fiche=fiche)
    factories.CoFinancementFactory(fiche=fiche, financeur=convention.parties.all()[0].organisation)
    sortie = run("export_scdl", "-o", str(tmp_path / "subventions.csv"))
    assert sortie.splitlines() == [
        "Subventions écrites : 1.",
        f"{convention.reference} : publication volontaire, CCI d’essai est de droit public.",
    ]
