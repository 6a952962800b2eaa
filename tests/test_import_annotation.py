"""The copy of a file that tells each refused cell: comments where they belong, a list, and nothing that runs."""

import io
from datetime import date

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from comptes.models import Utilisateur
from conventions.models import Convention
from fiches.models import FicheAction
from financement.imports.annotation import NOM_LISTE, annotate
from financement.imports.journal import ImportBudget, PageImport
from financement.models import NatureDepense
from socle.ecriture_ods import write_ods
from socle.tableaux import ClasseurEcrit, Colonne, Tableau
from tests.budgets import deposit_budget, make_author, make_budget, make_sheets
from tests.classeurs import write
from tests.factories import FicheFactory

pytestmark = pytest.mark.django_db
LARGE = ("Code", "Nature", 2018, 2019)
JUSTE = ("E.A 1.1", "Études", 100, 200)
FAUSSE = ("Z 9.9", "Etude", "beaucoup", -1)
FORMULE = '=HYPERLINK("http://exemple.example";"ici")'


@pytest.fixture
def fiche(convention: Convention, etudes: NatureDepense) -> FicheAction:
    return FicheFactory(convention=convention, code="E.A 1.1", titre="Commerces")


@pytest.fixture
def auteur(convention: Convention) -> Utilisateur:
    return make_author(convention)


def list_refus(imp: ImportBudget) -> list[list[str]]:
    return [r for page in imp.pages.filter(genre=PageImport.Genre.REFUS) for r in page.contenu]


def open_copy(imp: ImportBudget) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(annotate(imp, list_refus(imp))))


def open_sheet(imp: ImportBudget) -> Worksheet:
    """The only sheet of the file, in its copy; the list of the refusals stands before it."""
    liste, feuille = open_copy(imp).worksheets
    assert liste.title == NOM_LISTE
    return feuille


def comments(feuille: Worksheet) -> dict[str, str]:
    return {c.coordinate: c.comment.text for ligne in feuille.iter_rows() for c in ligne if c.comment}


def make_ods_budget(*lignes: tuple[object, ...]) -> bytes:
    """The product's own writing of ods: texts and whole numbers."""
    titres, *reste = lignes
    tableau = Tableau("Budget", [Colonne(str(t)) for t in titres], [list(ligne) for ligne in reste])
    return write_ods(ClasseurEcrit("Budget", [tableau]))


def make_csv(*lignes: tuple[object, ...]) -> bytes:
    return "\r\n".join(";".join(f'"{str(v).replace(chr(34), chr(34) * 2)}"' for v in ligne) for ligne in lignes).encode("utf-8-sig")


@pytest.mark.parametrize(("nom", "make"), [("budget.xlsx", make_budget), ("budget.ods", make_ods_budget), ("budget.csv", make_csv)])
def test_each_refused_cell_says_why_at_its_place(fiche: FicheAction, auteur: Utilisateur, nom: str, make: object) -> None:
    lignes = (LARGE, JUSTE, FAUSSE) if nom != "budget.ods" else (LARGE, JUSTE, ("Z 9.9", "Etude", "beaucoup", "-1"))
    imp = deposit_budget(auteur, fiche.convention, make(*lignes), nom)
    feuille = open_sheet(imp)
    dites = comments(feuille)
    assert list(dites) == ["A3", "B3", "C3", "D3"]
    assert dites["A3"].startswith("Aucune fiche de la convention ne porte le code « Z 9.9 ».")
    assert dites["B3"] == "« Etude » n’est pas une nature de dépense. Les plus proches : Études."
    assert dites["C3"] == "« beaucoup » n’est pas un nombre."
    assert [str(c.value) for c in feuille[2]] == [str(v) for v in JUSTE]
    assert feuille["C3"].fill.fgColor.rgb != feuille["C2"].fill.fgColor.rgb


def test_list_of_refusals_gives_place_value_and_remedy(fiche: FicheAction, auteur: Utilisateur) -> None:
    imp = deposit_budget(auteur, fiche.convention, make_budget(LARGE, JUSTE, ("E.A 1.1", "Études", "beaucoup", 1)))
    copie = open_copy(imp)
    assert copie.active.title == NOM_LISTE
    lignes = [[c.value for c in ligne] for ligne in copie[NOM_LISTE].iter_rows()]
    assert lignes[0] == ["Feuille", "Cellule", "Valeur lue", "Ce qui ne va pas, et quoi faire"]
    assert lignes[1] == ["Budget", "C3", "beaucoup", "« beaucoup » n’est pas un nombre."]


def test_comment_of_a_person_is_kept(fiche: FicheAction, auteur: Utilisateur) -> None:
    classeur = openpyxl.load_workbook(io.BytesIO(make_budget(LARGE, JUSTE, ("E.A 1.1", "Études", "beaucoup", None))))
    classeur.active["C3"].comment = openpyxl.comments.Comment("À revoir", "Camille")
    imp = deposit_budget(auteur, fiche.convention, write(classeur))
    assert comments(open_sheet(imp)) == {"C3": "À revoir\n\n« beaucoup » n’est pas un nombre."}


def test_refusal_in_a_merged_cell_is_told_on_its_first_cell(fiche: FicheAction, auteur: Utilisateur) -> None:
    classeur = openpyxl.load_workbook(io.BytesIO(make_budget(LARGE, *[JUSTE] * 2, ("Z 9.9", "Études", 1, 2), (None, "Études", 3, 4))))
    classeur.active.merge_cells("A4:A5")
    imp = deposit_budget(auteur, fiche.convention, write(classeur))
    dites = comments(open_sheet(imp))
    assert "A4" in dites
    assert "A5" not in dites
    assert dites["A4"].count("Z 9.9") == 2


def test_only_the_sheet_that_is_read_is_marked(fiche: FicheAction, auteur: Utilisateur) -> None:
    imp = deposit_budget(auteur, fiche.convention, make_sheets({"Notes": [("Un mot",)], "Budget": [LARGE, JUSTE, FAUSSE, JUSTE[:2]]}))
    copie = open_copy(imp)
    assert (comments(copie["Notes"]), len(comments(copie["Budget"]))) == ({}, 4)


@pytest.mark.parametrize("texte", [FORMULE, "+1+1", "-1+1", "@SUM(A1)", "=1+1", "\t=1+1"])
def test_text_of_a_csv_is_never_a_formula(fiche: FicheAction, auteur: Utilisateur, texte: str) -> None:
    imp = deposit_budget(auteur, fiche.convention, make_csv(LARGE, JUSTE, ("E.A 1.1", texte, 1, 2)), "budget.csv")
    assert imp.comptes["rejetes"] == 1
    copie = open_copy(imp)
    for feuille in copie.worksheets:
        assert {c.data_type for ligne in feuille.iter_rows() for c in ligne if c.value is not None} <= {"s", "n"}
    assert copie["budget"]["B3"].value.strip() == texte.strip()
    liste = copie[NOM_LISTE]
    assert liste["C2"].value.strip() == texte.strip()


def test_name_of_a_csv_that_no_sheet_may_bear_is_cleaned(fiche: FicheAction, auteur: Utilisateur) -> None:
    nom = "Budget [2018] d’une très longue convention cadre.csv"
    imp = deposit_budget(auteur, fiche.convention, make_csv(LARGE, JUSTE, ("E.A 1.1", "Études", "beaucoup", "")), nom)
    feuille = open_sheet(imp)
    assert (feuille.title, list(comments(feuille))) == ("Budget -2018- d’une très longue", ["C3"])


def test_formulas_of_the_file_stay_in_its_copy(fiche: FicheAction, auteur: Utilisateur) -> None:
    imp = deposit_budget(auteur, fiche.convention, make_budget(LARGE, JUSTE, ("E.A 1.1", "Études", "=2*3", None)))
    feuille = open_sheet(imp)
    assert feuille["C3"].value == "=2*3"
    assert comments(feuille)["C3"].startswith("Le fichier ne garde pas le résultat de cette formule.")


def test_values_keep_their_kind_in_a_copy(fiche: FicheAction, auteur: Utilisateur) -> None:
    contenu = make_budget(LARGE, JUSTE, ("E.A 1.1", "Études", date(2019, 3, 12), 0.8), formats={"D3": "0%"})
    imp = deposit_budget(auteur, fiche.convention, contenu)
    assert list(comments(open_sheet(imp))) == ["C3", "D3"]


def test_refusal_of_a_whole_row_is_told_in_its_first_cell(fiche: FicheAction, auteur: Utilisateur) -> None:
    titres = ("Financeur", "Taux", "Mention", "Code", "Nature", "Montant", "Libellé")
    imp = deposit_budget(auteur, fiche.convention, make_budget(titres, ("CCI", 80, "", "E.A 1.1", "Études", 10, "")))
    assert imp.etat == ImportBudget.Etat.DEPOSE
    imp.pages.create(genre=PageImport.Genre.REFUS, rang=0, contenu=[["Budget", "ligne 2", "", "L’année manque."]])
    assert comments(open_sheet(imp)) == {"A2": "L’année manque."}


def test_lost_file_is_told(fiche: FicheAction, auteur: Utilisateur) -> None:
    imp = deposit_budget(auteur, fiche.convention, make_budget(LARGE, FAUSSE))
    imp.fichier.storage.delete(imp.fichier.name)
    with pytest.raises(OSError, match="No such file"):
        annotate(ImportBudget.objects.get(), [])
