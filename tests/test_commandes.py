"""`export_recapitulatif`: its three formats, and what it says when it cannot be done."""

import csv
import json
import os
from collections.abc import Callable
from decimal import Decimal
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from conventions.models import Convention
from fiches.models import FicheAction
from financement.syntheses import compute_recapitulatif, read_recapitulatif_declare
from financement.tableur_recapitulatif import write_recapitulatif_xlsx
from tests.factories import (
    AxeFactory,
    CoFinancementFactory,
    ConventionFactory,
    FicheFactory,
    LigneCoutFactory,
    OrganisationFactory,
    RecapDeclareFactory,
    euros,
)

pytestmark = pytest.mark.django_db
FORMULE = '=HYPERLINK("https://pirate.example","Cliquez")'


@pytest.fixture
def fiche(convention: Convention) -> FicheAction:
    """1 000.10 € in 2018, 80 % Agglo and 20 % CCI; words in 2019."""
    axe = AxeFactory(convention=convention, code="E.A", titre="Attractivité")
    fiche = FicheFactory(convention=convention, axe=axe, code="E.A 1", titre="Salons")
    LigneCoutFactory(fiche=fiche, annee=2018, montant=euros("1000.10"))
    LigneCoutFactory(fiche=fiche, annee=2019, montant=None, chiffrage="sur_devis")
    for partie, taux in zip(convention.parties.all(), (80, 20), strict=True):
        CoFinancementFactory(fiche=fiche, financeur=partie.organisation, taux=Decimal(taux))
    return fiche


def export(*arguments: str) -> str:
    sortie = StringIO()
    call_command("export_recapitulatif", *arguments, stdout=sortie)
    return sortie.getvalue()


def export_json(fiche: FicheAction, *arguments: str) -> dict:
    return json.loads(export(fiche.convention.reference, "--format", "json", *arguments))


def open_xlsx(contenu: bytes | Path) -> Workbook:
    return load_workbook(BytesIO(contenu) if isinstance(contenu, bytes) else contenu)


def find_formulas(classeur: Workbook) -> list[str]:
    return [c.value for feuille in classeur for rang in feuille.iter_rows() for c in rang if c.data_type == "f"]


@pytest.fixture
def refusal(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run the command, check that it stops with exit 1, one sentence and nothing else, and return the sentence."""

    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit) as arret:
            call_command("export_recapitulatif", *arguments)
        sortie = capsys.readouterr()
        assert (arret.value.code, sortie.out, sortie.err.count("\n")) == (1, "", 1)
        return sortie.err.strip()

    return run


# --- JSON and CSV ----------------------------------------------------------------------------------


def test_json_has_the_documented_keys(fiche: FicheAction) -> None:
    donnees = export_json(fiche)
    assert list(donnees) == ["convention", "annees", "lignes", "totaux", "sans_montant"]
    assert {tuple(ligne) for ligne in donnees["lignes"]} == {("axe", "code", "annee", "financeur", "montant")}
    assert {tuple(total) for total in donnees["totaux"]} == {("axe", "annee", "financeur", "montant")}


def test_json_gives_known_amounts_as_text_and_unknown_ones_apart(fiche: FicheAction) -> None:
    donnees = export_json(fiche)
    assert (donnees["convention"], donnees["annees"]) == (fiche.convention.reference, [2018, 2019, 2020])
    assert donnees["lignes"] == [
        {"axe": "Attractivité", "code": "E.A 1", "annee": 2018, "financeur": "Agglo", "montant": "800.08"},
        {"axe": "Attractivité", "code": "E.A 1", "annee": 2018, "financeur": "CCI", "montant": "200.02"},
    ]
    assert donnees["sans_montant"] == [{"axe": "Attractivité", "code": "E.A 1", "annee": 2019, "mention": "sur devis"}]


def test_json_totals_are_by_axe_then_for_the_whole(fiche: FicheAction) -> None:
    totaux = [tuple(total.values()) for total in export_json(fiche)["totaux"]]
    sommes = [("Agglo", "800.08"), ("CCI", "200.02"), (None, "1000.10")]
    assert totaux == [(axe, annee, *somme) for axe in ("Attractivité", None) for annee in (2018, None) for somme in sommes]


def test_json_of_what_nobody_pays_names_it(convention: Convention) -> None:
    fiche = FicheFactory(convention=convention)
    LigneCoutFactory(fiche=fiche, montant=euros(5))
    assert [(li["financeur"], li["montant"]) for li in export_json(fiche)["lignes"]] == [("Non réparti", "5.00")]


def test_csv_opens_in_french_spreadsheet_programs(fiche: FicheAction, tmp_path: Path) -> None:
    fichier = tmp_path / "recap.csv"
    export(fiche.convention.reference, "--format", "csv", "-o", str(fichier))
    assert fichier.read_bytes().startswith(b"\xef\xbb\xbf")
    assert list(csv.reader(StringIO(fichier.read_bytes().decode("utf-8-sig"), newline=""), delimiter=";")) == [
        ["convention", "axe", "code", "annee", "financeur", "montant"],
        [fiche.convention.reference, "Attractivité", "E.A 1", "2018", "Agglo", "800,08"],
        [fiche.convention.reference, "Attractivité", "E.A 1", "2018", "CCI", "200,02"],
    ]


def test_csv_on_the_terminal_has_no_byte_order_mark(fiche: FicheAction) -> None:
    assert export(fiche.convention.reference, "--format", "csv").startswith("convention;axe;")


def test_csv_neutralises_formulas(convention: Convention) -> None:
    convention.parties.filter(ordre=10).update(nom_court="+cmd")
    fiche = FicheFactory(convention=convention, code="@SUM(1)", axe=AxeFactory(convention=convention, titre="=1+1"))
    LigneCoutFactory(fiche=fiche, montant=euros(5))
    CoFinancementFactory(fiche=fiche, financeur=convention.parties.all()[0].organisation)
    ligne = next(csv.reader(export(convention.reference, "--format", "csv").splitlines()[1:], delimiter=";"))
    assert ligne[1:5] == ["'=1+1", "'@SUM(1)", "2018", "'+cmd"]


def test_declared_recap_is_exported_as_printed(fiche: FicheAction) -> None:
    agglo = fiche.convention.parties.all()[0].organisation
    RecapDeclareFactory(convention=fiche.convention, fiche=fiche, financeur=agglo, montant=euros(700))
    RecapDeclareFactory(convention=fiche.convention, fiche=fiche, annee=None, montant=None, mention="sur devis")
    RecapDeclareFactory(convention=fiche.convention, montant=euros("999.99"))
    donnees = export_json(fiche, "--declare")
    assert [(li["annee"], li["financeur"], li["montant"]) for li in donnees["lignes"]] == [(2018, "Agglo", "700.00")]
    assert donnees["totaux"] == [{"axe": None, "annee": 2018, "financeur": None, "montant": "999.99"}]
    assert donnees["sans_montant"] == [{"axe": "Attractivité", "code": "E.A 1", "annee": None, "mention": "sur devis"}]


# --- refusals --------------------------------------------------------------------------------------


def test_unknown_reference_is_refused(refusal: Callable[..., str]) -> None:
    assert refusal("ABSENTE", "--format", "json") == "Aucune convention ne porte la référence « ABSENTE »."


def test_declared_recap_that_was_never_printed_is_refused(fiche: FicheAction, refusal: Callable[..., str]) -> None:
    reference = fiche.convention.reference
    assert refusal(reference, "--declare", "--format", "json") == f"La convention « {reference} » n’a pas de récapitulatif déclaré."


def test_spreadsheet_without_a_file_is_refused(fiche: FicheAction, refusal: Callable[..., str]) -> None:
    assert refusal(fiche.convention.reference, "--format", "xlsx") == "Un classeur ne s’affiche pas : donnez un fichier avec -o."


@pytest.mark.parametrize(
    "arguments", [[], ["--format", "json"], ["REF"], ["REF", "--format", "pdf"], ["REF", "--format", "json", "--inconnu"]]
)
def test_badly_written_command_points_to_its_help(arguments: list[str], refusal: Callable[..., str]) -> None:
    assert refusal(*arguments).startswith("Commande mal écrite. Son mode d’emploi : ")


@pytest.mark.parametrize(
    ("chemin", "raison"),
    [
        ("absent/recap.json", "le dossier n’existe pas"),
        ("dossier", "c’est un dossier"),
        ("fichier/recap.json", "un élément du chemin n’est pas un dossier"),
    ],
)
def test_place_that_cannot_be_written_is_refused(
    fiche: FicheAction, tmp_path: Path, chemin: str, raison: str, refusal: Callable[..., str]
) -> None:
    (tmp_path / "dossier").mkdir()
    (tmp_path / "fichier").write_text("là")
    cible = str(tmp_path / chemin)
    assert refusal(fiche.convention.reference, "--format", "json", "-o", cible) == f"Impossible d’écrire « {cible} » : {raison}."


def test_failed_writing_keeps_the_former_file_and_leaves_no_other(
    fiche: FicheAction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: Callable[..., str]
) -> None:
    fichier = tmp_path / "recap.json"
    fichier.write_text("ancien")

    def fail(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    assert refusal(fiche.convention.reference, "--format", "json", "-o", str(fichier)).endswith("le système le refuse.")
    assert fichier.read_text() == "ancien"
    assert list(tmp_path.iterdir()) == [fichier]


def test_refused_command_keeps_the_former_file(tmp_path: Path, refusal: Callable[..., str]) -> None:
    fichier = tmp_path / "recap.json"
    fichier.write_text("ancien")
    refusal("ABSENTE", "--format", "json", "-o", str(fichier))
    assert fichier.read_text() == "ancien"


def test_file_with_a_name_as_long_as_the_system_allows_is_written(fiche: FicheAction, tmp_path: Path) -> None:
    fichier = tmp_path / ("r" * 250 + ".json")
    export(fiche.convention.reference, "--format", "json", "-o", str(fichier))
    assert json.loads(fichier.read_bytes())["convention"] == fiche.convention.reference


# --- spreadsheet -----------------------------------------------------------------------------------


def rows_of(feuille: Worksheet) -> list[list[object]]:
    """Cells below the head, without the last column, which holds words."""
    return [[c.value for c in rang][:-1] for rang in feuille.iter_rows(min_row=5)]


def test_spreadsheet_has_real_numbers_and_sums(fiche: FicheAction, tmp_path: Path) -> None:
    fichier = tmp_path / "recap.xlsx"
    export(fiche.convention.reference, "--format", "xlsx", "-o", str(fichier))
    _, ligne, sous_total, total = rows_of(open_xlsx(fichier).active)
    assert ligne == ["E.A 1", "Salons", 800.08, 200.02, "=SUM(C6:D6)", "/", "/", "sur devis", "/", "/", "/", "=SUM(E6,H6,K6)"]
    assert [sous_total[0], *sous_total[2:5], sous_total[-1]] == [
        "Total Attractivité",
        "=SUM(C6:C6)",
        "=SUM(D6:D6)",
        "=SUM(E6:E6)",
        "=SUM(L6:L6)",
    ]
    assert [total[0], *total[2:5], total[-1]] == ["Total général", "=SUM(C7)", "=SUM(D7)", "=SUM(E7)", "=SUM(L7)"]


def test_amounts_of_the_spreadsheet_show_in_euros(fiche: FicheAction) -> None:
    feuille = open_xlsx(write_recapitulatif_xlsx(compute_recapitulatif(fiche.convention))).active
    assert {feuille.cell(rang, colonne).number_format for rang in (6, 7, 8) for colonne in (3, 5, 12)} == {'#,##0.00\u00a0"€"'}


def test_total_of_several_axes_sums_their_subtotals(convention: Convention) -> None:
    for code in ("A", "B"):
        LigneCoutFactory(fiche=FicheFactory(convention=convention, axe=AxeFactory(convention=convention, code=code)))
    feuille = open_xlsx(write_recapitulatif_xlsx(compute_recapitulatif(convention))).active
    assert rows_of(feuille)[-1][5] == "=SUM(F7,F10)"


def test_other_financeurs_are_detailed_on_their_sheet(fiche: FicheAction) -> None:
    fse = OrganisationFactory(sigle="FSE")
    fiche.cofinancements.all().delete()
    CoFinancementFactory(fiche=fiche, financeur=fse, taux=Decimal(100))
    classeur = open_xlsx(write_recapitulatif_xlsx(compute_recapitulatif(fiche.convention)))
    assert [[c.value for c in rang] for rang in classeur["Autres financeurs"].iter_rows(min_row=2)] == [
        ["E.A 1", "Salons", "FSE", 2018, 1000.1]
    ]


def test_spreadsheet_neutralises_formulas_typed_as_texts(convention: Convention) -> None:
    convention.titre = FORMULE
    convention.save()
    convention.parties.filter(ordre=10).update(nom_court="=A1")
    fiche = FicheFactory(convention=convention, titre=FORMULE, code="=2", axe=AxeFactory(convention=convention, code="=3", titre=FORMULE))
    LigneCoutFactory(fiche=fiche)
    CoFinancementFactory(fiche=fiche, financeur=OrganisationFactory(sigle="=4"))
    formules = find_formulas(open_xlsx(write_recapitulatif_xlsx(compute_recapitulatif(Convention.objects.get(pk=convention.pk)))))
    assert formules
    assert [f for f in formules if not f.startswith("=SUM(")] == []


def test_spreadsheet_neutralises_formulas_typed_as_printed_words(fiche: FicheAction) -> None:
    RecapDeclareFactory(convention=fiche.convention, fiche=fiche, annee=None, montant=None, mention=FORMULE)
    classeur = open_xlsx(write_recapitulatif_xlsx(read_recapitulatif_declare(fiche.convention)))
    assert find_formulas(classeur) == []


def test_declared_spreadsheet_keeps_the_printed_sums(fiche: FicheAction) -> None:
    RecapDeclareFactory(convention=fiche.convention, fiche=fiche, montant=euros(100))
    RecapDeclareFactory(convention=fiche.convention, axe=fiche.axe, montant=euros(120))
    RecapDeclareFactory(convention=fiche.convention, montant=euros(150))
    feuille = open_xlsx(write_recapitulatif_xlsx(read_recapitulatif_declare(fiche.convention))).active
    assert [rang[4] for rang in rows_of(feuille)[1:]] == [100, 120, 150]


def test_declared_spreadsheet_keeps_the_printed_total_of_a_fiche(fiche: FicheAction) -> None:
    RecapDeclareFactory(convention=fiche.convention, fiche=fiche, montant=euros(100))
    RecapDeclareFactory(convention=fiche.convention, fiche=fiche, annee=None, montant=euros(130))
    feuille = open_xlsx(write_recapitulatif_xlsx(read_recapitulatif_declare(fiche.convention))).active
    assert rows_of(feuille)[1][-1] == 130


def test_total_without_any_financeur_does_not_refer_to_itself() -> None:
    convention = ConventionFactory(annee_fin=2018)
    LigneCoutFactory(fiche=FicheFactory(convention=convention), montant=euros(0))
    feuille = open_xlsx(write_recapitulatif_xlsx(compute_recapitulatif(convention))).active
    assert rows_of(feuille)[1][2] == 0


def test_spreadsheet_says_what_its_totals_leave_out(fiche: FicheAction) -> None:
    LigneCoutFactory(fiche=fiche, annee=2018, montant=None, chiffrage="sur_devis")
    feuille = open_xlsx(write_recapitulatif_xlsx(compute_recapitulatif(fiche.convention))).active
    assert [feuille[rang][-1].value for rang in (6, 7, 8)] == ["sur devis", "sur devis", "sur devis"]


def test_spreadsheet_says_that_its_sums_mix_bases(convention: Convention) -> None:
    for base in ("ht", "ttc"):
        LigneCoutFactory(fiche=FicheFactory(convention=convention, base_montants=base))
    feuille = open_xlsx(write_recapitulatif_xlsx(compute_recapitulatif(convention))).active
    assert "hors taxes, toutes taxes comprises" in feuille["A2"].value.lower()
