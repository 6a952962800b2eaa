"""The bilan as a spreadsheet: its figures are those of the page, its formulas give them again, its words never calculate."""

import io
import re
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from comptes.models import Organisation
from conventions.models import Convention, MontantDeclare
from financement.bilans.calculs import compute_synthese
from financement.bilans.solde import EtapeSolde, compute_soldes
from financement.bilans.tableur import write_bilan_xlsx
from financement.bilans.tableur_solde import split_etapes
from financement.models import Bilan, FicheBilan
from tests import factories
from tests.bilans import accept, count, do, open_year, pass_to, plan_fiche, reread, tell
from tests.factories import euros
from tests.paiements import make_paiement

pytestmark = pytest.mark.django_db
FEUILLES = ["Synthèse", "Fiches", "Dépenses", "Indicateurs", "Solde"]
PIRATES = ['=HYPERLINK("https://pirate.example","Cliquez")', "+1+1", "-2+3", "@SUM(A1:A9)"]


def write(bilan: Bilan) -> bytes:
    return write_bilan_xlsx(compute_soldes(count(bilan)))


def open_xlsx(contenu: bytes, valeurs: bool = False) -> Workbook:
    return openpyxl.load_workbook(io.BytesIO(contenu), data_only=valeurs)


def rows(feuille: Worksheet) -> list[list[Any]]:
    return [[c.value for c in rang] for rang in feuille.iter_rows()]


def find_row(feuille: Worksheet, titre: str, colonne: int = 0) -> list[Any]:
    return next(ligne for ligne in rows(feuille) if ligne[colonne] == titre)


def list_formules(contenu: bytes) -> dict[tuple[str, str], tuple[str, Any]]:
    """Each formula of a workbook with the result it carries."""
    valeurs = open_xlsx(contenu, valeurs=True)
    return {
        (feuille.title, case.coordinate): (case.value, valeurs[feuille.title][case.coordinate].value)
        for feuille in open_xlsx(contenu).worksheets
        for rang in feuille.iter_rows()
        for case in rang
        if case.data_type == "f"
    }


def recalculate(dossier: Path, contenus: dict[str, bytes]) -> dict[str, Workbook]:
    """What LibreOffice finds for every formula, the results they carry taken away first; its profile is made once a process."""
    soffice = shutil.which("soffice")
    if not soffice:
        pytest.skip("LibreOffice n’est pas installé.")
    nus, refaits = dossier / "nus", dossier / "refaits"
    nus.mkdir()
    for nom, contenu in contenus.items():
        open_xlsx(contenu).save(nus / f"{nom}.xlsx")
    subprocess.run(
        [
            soffice,
            f"-env:UserInstallation={(dossier.parent / 'libreoffice').as_uri()}",
            "--headless",
            "--convert-to",
            "xlsx",
            "--outdir",
            refaits,
        ]
        + [nus / f"{nom}.xlsx" for nom in contenus],
        check=True,
        capture_output=True,
        timeout=180,
    )
    return {nom: openpyxl.load_workbook(refaits / f"{nom}.xlsx", data_only=True) for nom in contenus}


def check_results(dossier: Path, contenus: dict[str, bytes]) -> None:
    """Every formula gives again the result it carries."""
    trouves = recalculate(dossier, contenus)
    for nom, contenu in contenus.items():
        for place, (formule, porte) in list_formules(contenu).items():
            trouve = trouves[nom][place[0]][place[1]].value
            assert isinstance(porte, int | float), (nom, place, formule, porte)
            assert trouve == pytest.approx(porte, abs=1e-9), (nom, place, formule, porte, trouve)


@pytest.fixture
def bilan(convention: Convention, agglo: Organisation, cci: Organisation) -> Bilan:
    """Two axes, a line nobody filled in, one hors plan, one « sur devis », one counted from its days; codes that read as equal numbers."""
    plan_fiche(convention, "1.1", {("Études", 2018): "1000.10", ("Salons", 2018): None}, {agglo: 80, cci: 20}, {2018: 10}, titre="Observer")
    plan_fiche(convention, "1.10", {("Études", 2018): 600, ("Animation", 2018): 500}, {agglo: 50, cci: 50}, titre="Animer")
    plan_fiche(convention, "2", titre="Plus tard")
    convention.fiches.get(code="1.10").lignes_cout.filter(nature__nom="Études").update(jours=Decimal(1), tarif_journalier=euros(600))
    deux = {"convention": convention, "payeur": agglo, "beneficiaire": cci}
    factories.VersementFactory(**deux, ordre=10, nature="acompte", montant=euros(400))
    factories.VersementFactory(**deux, ordre=20, nature="solde")
    bilan = open_year(convention)
    do(bilan, "1.1", "Études", "900.25")
    do(bilan, "1.1", "Repas", "45.50")
    do(bilan, "1.10", "Études", jours="1.25")
    tell(bilan, "1.1", "realisee", 8)
    tell(bilan, "1.10", "partielle")
    return reread(bilan)


# --- Results ----------------------------------------------------------------------------------------


def test_libreoffice_finds_the_results_that_the_formulas_carry(dijon: Convention, tmp_path: Path) -> None:
    contenus = {}
    for bilan, formule in zip(dijon.bilans.all(), ("depenses", "objectifs", "mixte"), strict=True):
        bilan.formule = formule
        contenus[formule] = write_bilan_xlsx(compute_soldes(compute_synthese(bilan)))
    check_results(tmp_path, contenus)


def test_libreoffice_finds_soldes_with_ceilings_years_before_and_payments(bilan: Bilan, agglo: Organisation, tmp_path: Path) -> None:
    convention = bilan.convention
    declare = factories.MontantDeclareFactory(convention=convention, objet="participation", financeur=agglo, montant=euros("5000"))
    contenus = {"sans": write(bilan)}
    MontantDeclare.objects.filter(pk=declare.pk).update(montant=Decimal(300))
    contenus["au plafond"] = write(bilan)
    acompte = convention.versements.get(nature="acompte")
    make_paiement(acompte, "paye", 400)
    contenus["paye"] = write(bilan)
    accept(bilan, {agglo: "777.77"})
    suivante = open_year(convention, 2019)
    for formule in ("depenses", "mixte"):
        Bilan.objects.filter(pk=suivante.pk).update(formule=formule)
        contenus[f"suivante-{formule}"] = write(suivante)
    check_results(tmp_path, contenus)


def test_figures_are_those_of_the_bilan(bilan: Bilan, agglo: Organisation) -> None:
    s = count(bilan)
    classeur = open_xlsx(write(bilan), valeurs=True)
    assert classeur.sheetnames == FEUILLES
    total = find_row(classeur["Dépenses"], "Total")
    assert [Decimal(str(v)) for v in total[7:9]] == [s.euros.prevu, s.euros.realise] == [Decimal("2100.10"), Decimal("1695.75")]
    assert Decimal(str(total[9])) == s.euros.ecart
    assert total[10] == pytest.approx(float(s.euros.taux), abs=1e-15)
    ensemble = find_row(classeur["Synthèse"], "Ensemble")
    assert [Decimal(str(v)) for v in ensemble[1:4]] == [s.euros.prevu, s.euros.realise, s.euros.ecart]
    for fiche in s.fiches:
        ligne = find_row(classeur["Fiches"], fiche.objet.code)
        attendues = [fiche.euros.prevu, fiche.euros.realise, fiche.euros.ecart]
        assert ["/" if v is None else float(v) for v in attendues] == ligne[4:7]
    fiches = classeur["Fiches"]
    titres = next(ligne for ligne in rows(fiches) if ligne[0] == "Fiche")
    assert find_row(fiches, "Total")[titres.index("Prévu Agglo")] == float(s.part_of(agglo.pk).prevu)


def test_codes_that_read_as_the_same_number_keep_their_own_sums(bilan: Bilan) -> None:
    fiches = open_xlsx(write(bilan), valeurs=True)["Fiches"]
    assert [find_row(fiches, code)[4] for code in ("1.1", "1.10")] == [1000.1, 1100]


def test_rates_and_days_are_real_numbers_with_their_format(bilan: Bilan) -> None:
    classeur = open_xlsx(write(bilan), valeurs=True)
    feuille = classeur["Dépenses"]
    rang = next(r for r in feuille.iter_rows() if r[0].value == "1.10" and r[1].value == "Études")
    assert [c.value for c in rang[4:11]] == [1, 1.25, 600, 600, 750, 150, 1.25]
    assert rang[10].number_format == "0.00%"
    assert rang[11].value == "jours × tarif"


# --- Formulas ---------------------------------------------------------------------------------------


def test_formulas_refer_to_the_rows_they_sum(bilan: Bilan) -> None:
    classeur = open_xlsx(write(bilan))
    depenses, fiches, synthese = classeur["Dépenses"], classeur["Fiches"], classeur["Synthèse"]
    places = [case.row for case in depenses["A"] if case.value == "1.10"]
    fiche = next(r for r in fiches.iter_rows() if r[0].value == "1.10")
    assert fiche[4].value == f"=SUM('Dépenses'!H{places[0]}:H{places[-1]})"
    assert fiche[6].value == f"=F{fiche[0].row}-E{fiche[0].row}"
    assert fiche[7].value == f"=F{fiche[0].row}/E{fiche[0].row}"
    axe = next(r for r in synthese.iter_rows() if str(r[0].value).endswith(bilan.fiches.get(code="1.10").axe_titre))
    assert re.fullmatch(r"=SUM\('Fiches'!E\d+:E\d+\)", axe[1].value)
    jours = next(r for r in depenses.iter_rows() if r[11].value == "jours × tarif")
    assert jours[8].value == f"=ROUND(F{jours[0].row}*G{jours[0].row},2)"


def test_every_formula_carries_its_result(bilan: Bilan) -> None:
    portes = list_formules(write(bilan))
    assert len(portes) > 60
    assert all(isinstance(valeur, int | float) for _, valeur in portes.values())


def test_what_is_unknown_is_said_and_breaks_no_formula(bilan: Bilan) -> None:
    classeur = open_xlsx(write(bilan))
    feuille = classeur["Dépenses"]
    lignes = {(li[0], li[1]): li for li in rows(feuille)}
    assert lignes["1.10", "Animation"][8:11] == ["/", "/", "/"]
    assert lignes["1.1", "Salons"][7:9] == ["sur devis", "/"]
    assert lignes["1.1", "Repas"][3] == "non"
    rang = next(r[0].row for r in feuille.iter_rows() if r[1].value == "Repas")
    assert lignes["1.1", "Repas"][7:11] == ["/", 45.5, f"=I{rang}-N(H{rang})", "/"]
    assert find_row(classeur["Fiches"], "2")[4:8] == ["/"] * 4


@pytest.mark.parametrize(("fin", "reste"), [(2018, "Trop-perçu, à reverser"), (2020, "Avance, à déduire des autres années")])
def test_solde_is_an_account_of_formulas(bilan: Bilan, agglo: Organisation, fin: int, reste: str) -> None:
    Convention.objects.filter(pk=bilan.convention_id).update(annee_fin=fin)
    factories.MontantDeclareFactory(convention=bilan.convention, objet="participation", financeur=agglo, montant=euros(300))
    make_paiement(bilan.convention.versements.get(nature="acompte"), "paye", 400)
    contenu = write(bilan)
    feuille = open_xlsx(contenu)["Solde"]
    par_nom = {r[1].value: r for r in feuille.iter_rows() if r[1].value}
    cases = {nom: f"C{r[0].row}" for nom, r in par_nom.items()}
    formules = {nom: r[2].value for nom, r in par_nom.items()}
    premiere = next(r for r in feuille.iter_rows() if r[1].value == "Taux de réalisation des dépenses")
    assert premiere[2].value == f"=MIN(1,{cases['Dépenses justifiées']}/{cases['Dépenses prévues']})"
    assert re.fullmatch(r"=SUMIF\('Dépenses'!H\d+:H\d+,\">=0\",'Dépenses'!I\d+:I\d+\)", formules["Dépenses justifiées"])
    assert re.fullmatch(r"='Fiches'!K\d+", formules["Participation prévue en 2018"])
    due = cases["Participation due au titre de 2018"]
    attendue = f"=ROUND(N({cases['Participation prévue en 2018']})*N({cases['Taux de réalisation des dépenses']}),2)"
    assert formules["Participation due au titre de 2018"] == attendue
    assert formules["Participation retenue"] == f"=MIN({due},{cases['Plafond de la participation']})"
    assert list_formules(contenu)["Solde", cases[reste]] == (f"=-({cases['Participation retenue']}-{cases['Acompte']})", 100)
    assert feuille[cases["Taux de réalisation des dépenses"]].number_format == "0.00%"
    assert [c.value for c in par_nom["Acompte"]] == ["−", "Acompte", 400, "payé le 02/11/2018"]


def test_objectives_have_their_sheet_when_the_solde_follows_them(bilan: Bilan) -> None:
    Bilan.objects.filter(pk=bilan.pk).update(formule="mixte")
    classeur = open_xlsx(write(bilan))
    assert classeur.sheetnames == [*FEUILLES[:4], "Objectifs", "Solde"]
    objectifs = classeur["Objectifs"]
    premiere, seconde = find_row(objectifs, "1.1"), find_row(objectifs, "1.10")
    assert re.fullmatch(r"=AVERAGE\('Indicateurs'!I(\d+):I\1\)", premiere[4])
    assert "Partiellement réalisée" in seconde[4]
    indicateur = find_row(classeur["Indicateurs"], "1.1")
    assert indicateur[8].startswith("=MAX(0,MIN(1,N(F")


def test_steps_are_grouped_by_result() -> None:
    etapes = [EtapeSolde(op, "", "", None) for op in ["", "×", "=", "+", "+", "=", "≤", "=", "−", "+", "="]]
    assert [[e.operation for e in g] for g in split_etapes(etapes)] == [["", "×", "="], ["+", "+", "="], ["≤", "="], ["−", "+", "="]]


# --- Words ------------------------------------------------------------------------------------------


def test_words_that_look_like_formulas_stay_words(convention: Convention, agglo: Organisation, tmp_path: Path) -> None:
    noms = iter(PIRATES * 5)
    Convention.objects.filter(pk=convention.pk).update(titre=next(noms))
    fiche = plan_fiche(convention, next(noms), {(next(noms), 2018): 100}, {agglo: 100}, {2018: 5}, titre=next(noms))
    fiche.lignes_cout.update(libelle=next(noms))
    fiche.indicateurs.update(libelle=next(noms))
    convention.parties.filter(organisation=agglo).update(nom_court=next(noms))
    bilan = open_year(convention)
    FicheBilan.objects.filter(bilan=bilan).update(axe_titre=next(noms), axe_code="", etat="realisee")
    bilan.fiches.get().mesures.update(valeur=4, explication=next(noms))
    Bilan.objects.filter(pk=bilan.pk).update(mention=next(noms))
    contenu = write(bilan)
    classeur = open_xlsx(contenu)
    for feuille in classeur.worksheets:
        for case in (c for rang in feuille.iter_rows() for c in rang):
            if isinstance(case.value, str) and case.value[:1] in "=+-@" and case.value in PIRATES:
                assert case.data_type == "s", (feuille.title, case.coordinate)
                assert case.quotePrefix == (case.value[0] == "=")
    assert not any(formule in PIRATES for formule, _ in list_formules(contenu).values())
    textes = {c.value for f in classeur.worksheets for rang in f.iter_rows() for c in rang}
    assert set(PIRATES) <= textes
    check_results(tmp_path, {"pirate": contenu})


def test_every_sheet_says_its_state_and_its_mention(bilan: Bilan) -> None:
    Bilan.objects.filter(pk=bilan.pk).update(mention="Chiffres inventés")
    for etat, mots in (("brouillon", "En rédaction"), ("soumis", "Soumis le 15/01/2019"), ("accepte", "Accepté le 01/02/2019")):
        if etat != "brouillon":
            pass_to(bilan, etat)
        for feuille in open_xlsx(write(bilan)).worksheets:
            assert f"– {mots}." in feuille["A2"].value, feuille.title
            assert feuille["A3"].value == "Chiffres inventés"


def test_every_sheet_prints_on_one_width_with_its_titles(bilan: Bilan) -> None:
    for feuille in open_xlsx(write(bilan)).worksheets:
        assert (feuille.page_setup.orientation, feuille.page_setup.fitToWidth, feuille.page_setup.fitToHeight) == ("landscape", 1, 0)
        assert feuille.freeze_panes
        assert feuille.print_title_rows
        assert feuille.print_area


# --- Edges ------------------------------------------------------------------------------------------


def test_a_bilan_with_nothing_in_it_is_still_a_workbook(convention: Convention, tmp_path: Path) -> None:
    vide = open_year(convention)
    contenus = {}
    for formule in ("depenses", "objectifs", "mixte"):
        Bilan.objects.filter(pk=vide.pk).update(formule=formule)
        contenus[formule] = write(vide)
        assert open_xlsx(contenus[formule]).sheetnames == FEUILLES
    plan_fiche(convention, "A", {("Études", 2019): 100})
    contenus["sans plan"] = write(open_year(convention, 2020))
    check_results(tmp_path, contenus)


def test_same_bilan_gives_the_same_bytes_without_asking_the_database(bilan: Bilan) -> None:
    soldes = compute_soldes(count(bilan))
    with CaptureQueriesContext(connection) as requetes:
        premier = write_bilan_xlsx(soldes)
    assert len(requetes) == 0
    assert premier == write(bilan)
