"""Documents of a bilan: exported data, printed pages read back, four slides, the years together, charts that say their figures."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cache
from io import BytesIO, StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.management import call_command
from django.db import transaction
from django.template import engines
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.utils.html import escape
from hypothesis import given, settings
from hypothesis import strategies as st

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention
from documents import publication
from documents.bilans import taches
from documents.bilans.compte_rendu import publish_compte_rendu
from documents.bilans.diaporama import publish_diaporama
from documents.bilans.passages import freeze
from documents.bilans.pluriannuel import publish_pluriannuel
from documents.bilans.publication import contexte_synthese, publish, publish_bilan
from documents.demonstration import load_demonstration
from financement.bilans import graphiques
from financement.bilans.calculs import compute_synthese
from financement.bilans.graphiques import show_taux
from financement.bilans.pluriannuel import compute_pluriannuel
from financement.bilans.solde import compute_soldes
from financement.bilans.suivi import Synthese
from financement.models import Bilan, FicheBilan
from socle.graphiques import HAUT, LARGEUR, Graphique, Valeurs, draw_barres, draw_colonnes
from socle.pdf import Document
from tests import factories
from tests.bilans import do, open_year, plan_fiche, reread, tell
from tests.conftest import VariableInconnue
from tests.ecritures import spell
from tests.lecture_pdf import Lecture, join
from tests.paiements import make_plan

pytestmark = pytest.mark.django_db
ANNEES = [2018, 2019, 2020]
MENTION = "Chiffres et récits inventés pour la démonstration"
CENTIME = Decimal("0.01")
DOCUMENTS = ["bilan", "diaporama", "pluriannuel"]


# --- The demonstration, printed once -------------------------------------------------------------------


@dataclass
class Imprimes:
    """What the bilans of Dijon come to: exported data by year; the documents of 2019, its actions, its charts."""

    donnees: dict[int, dict[str, Any]] = field(default_factory=dict)
    pdfs: dict[str, bytes] = field(default_factory=dict)
    actions: list[tuple[str, str]] = field(default_factory=list)
    graphes: list[Graphique] = field(default_factory=list)


@cache
def print_demonstration() -> Imprimes:
    """Print once a process; the database is left as it was."""
    imprimes = Imprimes()
    with transaction.atomic():
        load_demonstration()
        convention = Convention.objects.with_parties().get(reference="DIJON-CCI21-2018")
        for annee in ANNEES:
            imprimes.donnees[annee] = json.loads(run("export_bilan", "DIJON-CCI21-2018", str(annee), "--format", "json"))
        bilan = Bilan.objects.get(convention=convention, annee=2019)
        bilan.convention = convention
        s = compute_synthese(bilan)
        imprimes.actions = [(f.objet.code, f.objet.titre) for f in s.actives]
        imprimes.graphes = list_charts(s)
        imprimes.pdfs = {
            "bilan": publish_bilan(bilan),
            "diaporama": publish_diaporama(bilan),
            "pluriannuel": publish_pluriannuel(convention),
        }
        transaction.set_rollback(True)
    return imprimes


@pytest.fixture(scope="session")
def imprimes(django_db_setup: None, django_db_blocker: Any) -> Imprimes:
    moteur = engines["django"].engine
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(moteur, "string_if_invalid", VariableInconnue(""))
        return print_demonstration()


@pytest.fixture(scope="session")
def lus(imprimes: Imprimes) -> dict[str, Lecture]:
    return {nom: Lecture(contenu) for nom, contenu in imprimes.pdfs.items()}


def list_charts(s: Synthese) -> list[Graphique]:
    """Every chart that a bilan may show."""
    p = compute_pluriannuel(s.bilan.convention)
    dessins = (
        graphiques.draw_axes,
        graphiques.draw_fiches,
        graphiques.draw_natures,
        graphiques.draw_financeurs,
        graphiques.draw_jours,
        graphiques.draw_indicateurs,
    )
    annees = graphiques.draw_annees([(a, p.total.par_annee[a]) for a in p.annees])
    reste = graphiques.draw_reste("Reste à faire par axe", [(x.nom, x.ensemble) for x in p.axes])
    return [*(draw(s) for draw in dessins), annees, reste]


def run(*arguments: str) -> str:
    sortie = StringIO()
    call_command(*arguments, stdout=sortie)
    return sortie.getvalue()


# --- A small year --------------------------------------------------------------------------------------


def make_year(convention: Convention, payeur: Organisation, beneficiaire: Organisation) -> Bilan:
    """2 500 € planned in two actions of two axes, 2 650 € done, 100 € of them unplanned; an indicator short of its target."""
    make_plan(convention, payeur, beneficiaire)
    parts = {payeur: 80, beneficiaire: 20}
    premier, second = (factories.AxeFactory(convention=convention, code=c, titre=t) for c, t in [("E.A", "Attirer"), ("E.P", "Proximité")])
    plan_fiche(convention, "E.A 1", {("Études", 2018): 1500}, parts, {2018: 10}, axe=premier, titre="Observer le commerce", ordre=10)
    plan_fiche(convention, "E.P 2", {("Débours", 2018): 1000}, parts, axe=second, titre="Labelliser", ordre=20)
    bilan = open_year(convention)
    do(bilan, "E.A 1", "Études", 1400)
    do(bilan, "E.P 2", "Débours", 1150)
    do(bilan, "E.P 2", "Affranchissement", 100)
    tell(bilan, "E.A 1", "partielle", 8)
    tell(bilan, "E.P 2", "realisee")
    FicheBilan.objects.filter(bilan=bilan).update(fait="Deux ateliers.", difficultes="Un poste vacant.", proposition="Continuer.")
    Bilan.objects.filter(pk=bilan.pk).update(recit="Une année **pleine**.", perspectives="- Continuer.\n- Étendre.")
    return fresh(bilan)


def fresh(bilan: Bilan) -> Bilan:
    bilan = reread(bilan)
    bilan.convention = Convention.objects.with_parties().get(pk=bilan.convention_id)
    return bilan


def accept_year(bilan: Bilan) -> Bilan:
    with transaction.atomic():
        bilan = fresh(bilan)
        freeze(bilan, compute_synthese(bilan))
    return fresh(bilan)


def print_small() -> dict[str, bytes]:
    """Every document of a small bilan, being written then accepted."""
    convention = factories.ConventionFactory()
    payeur, beneficiaire = (
        factories.PartieFactory(convention=convention, role=role, ordre=rang).organisation
        for rang, role in enumerate(("financeur", "beneficiaire"))
    )
    bilan = make_year(convention, payeur, beneficiaire)
    documents = {
        "bilan en rédaction": publish_bilan(bilan),
        "quatre pages": publish_diaporama(bilan),
        "compte rendu": publish_compte_rendu(bilan),
    }
    bilan = accept_year(bilan)
    return documents | {"bilan accepté": publish_bilan(bilan), "bilan pluriannuel": publish_pluriannuel(bilan.convention)}


@pytest.fixture
def petit(convention: Convention, agglo: Organisation, cci: Organisation) -> Bilan:
    return make_year(convention, agglo, cci)


# --- Exported data -------------------------------------------------------------------------------------


def read(texte: str | None) -> Decimal | None:
    return None if texte is None else Decimal(texte)


def add_all(textes: Any) -> Decimal | None:
    """Unknown plus known is the known; None when nothing is known."""
    connus = [Decimal(t) for t in textes if t is not None]
    return sum(connus, Decimal(0)) if connus else None


def rate(prevu: Decimal | None, realise: Decimal | None) -> Decimal | None:
    if not prevu or realise is None:
        return None
    return (realise * 100 / prevu).quantize(CENTIME, ROUND_HALF_UP)


@pytest.mark.parametrize("annee", ANNEES)
def test_each_figure_of_a_fiche_is_in_total_and_by_financeur(imprimes: Imprimes, annee: int) -> None:
    donnees = imprimes.donnees[annee]
    assert len(donnees["fiches"]) == 22
    for fiche in [*donnees["fiches"], donnees["total"]]:
        prevu, realise = (read(fiche[nom]["total"]) for nom in ("prevu", "realise"))
        for nom in ("prevu", "realise"):
            total = add_all(fiche[nom]["par_financeur"].values())  # nobody pays nothing
            assert (total or 0) == (read(fiche[nom]["total"]) or 0), (fiche.get("code"), nom)
        for nom, attendu in {"ecart": lambda p, r: r - (p or 0), "taux": rate}.items():
            par = {f: (read(fiche["prevu"]["par_financeur"][f]), read(r)) for f, r in fiche["realise"]["par_financeur"].items()}
            for lu, (p, r) in [(fiche[nom]["total"], (prevu, realise)), *((fiche[nom]["par_financeur"][f], c) for f, c in par.items())]:
                assert read(lu) == (None if r is None else attendu(p, r)), (fiche.get("code"), nom)


@pytest.mark.parametrize("annee", ANNEES)
def test_lines_axes_and_natures_sum_to_the_year(imprimes: Imprimes, annee: int) -> None:
    donnees = imprimes.donnees[annee]
    for nom in ("prevu", "realise"):
        total = read(donnees["total"][nom]["total"])
        assert add_all(a[nom] for a in donnees["axes"]) == total
        assert add_all(n[nom] for n in donnees["natures"]) == total
        assert add_all(li[nom] for f in donnees["fiches"] for li in f["lignes"]) == total
        for fiche in donnees["fiches"]:
            assert add_all(li[nom] for li in fiche["lignes"]) == read(fiche[nom]["total"])


@pytest.mark.parametrize("annee", ANNEES)
def test_steps_of_the_solde_are_done_again_by_hand(imprimes: Imprimes, annee: int) -> None:
    solde = imprimes.donnees[annee]["solde"]
    assert solde["payeurs"]
    for payeur in solde["payeurs"]:
        compte = Fraction(0)
        for etape in payeur["etapes"]:
            valeur = Fraction(etape.get("exact") or etape["valeur"] or "0")
            match etape["operation"]:
                case "":
                    compte = valeur
                case "×":
                    compte *= valeur
                case "+":
                    compte += valeur
                case "−":
                    compte -= valeur
                case "≤":
                    compte = min(compte, valeur)
                case "=":
                    compte = Fraction((Decimal(compte.numerator) / compte.denominator).quantize(CENTIME, ROUND_HALF_UP))
                    assert abs(compte) == valeur, etape
        assert compte == Fraction(payeur["montant"]) - Fraction(payeur["trop_percu"])
    assert (solde["etapes"], solde["montant"]) == (solde["payeurs"][0]["etapes"], solde["payeurs"][0]["montant"])


def test_states_of_the_demonstration_are_told(imprimes: Imprimes) -> None:
    lus = {a: (d["etat"], d["mention"], d["accepte_le"]) for a, d in imprimes.donnees.items()}
    assert lus == {
        2018: ("accepte", MENTION, "2019-04-09"),
        2019: ("observations", MENTION, None),
        2020: ("brouillon", MENTION, None),
    }
    assert imprimes.donnees[2019]["observations"]
    assert (imprimes.donnees[2018]["format"], imprimes.donnees[2018]["annee"]) == ("trait-d-union/bilan", 2018)


def test_unknown_is_null_and_zero_is_zero(petit: Bilan) -> None:
    do(petit, "E.A 1", "Études")
    do(petit, "E.P 2", "Débours", 0)
    fiches = {f["code"]: f for f in json.loads(run("export_bilan", petit.convention.reference, "2018", "--format", "json"))["fiches"]}
    assert fiches["E.A 1"]["realise"]["total"] is None
    assert fiches["E.A 1"]["lignes"][0]["realise"] is None
    assert [li["realise"] for li in fiches["E.P 2"]["lignes"]] == ["0.00", "100.00"]
    assert [(li["au_plan"], li["prevu"]) for li in fiches["E.P 2"]["lignes"]] == [(True, "1000.00"), (False, None)]


# --- Commands --------------------------------------------------------------------------------------------


@pytest.fixture
def refusal(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command, check that it stops with exit 1 and says nothing but why, and return what it says."""

    def refuse(*arguments: str) -> str:
        with pytest.raises(SystemExit) as arret:
            call_command(*arguments)
        sortie = capsys.readouterr()
        assert (arret.value.code, sortie.out) == (1, "")
        return spell(sortie.err.strip())

    return refuse


def test_spreadsheet_is_not_poured_on_the_screen(petit: Bilan, refusal: Callable[..., str]) -> None:
    reference = petit.convention.reference
    assert refusal("export_bilan", reference, "2018", "--format", "xlsx") == "Un classeur ne s’affiche pas : donnez un fichier avec -o."


def test_files_hold_what_is_asked_for(petit: Bilan, tmp_path: Path) -> None:
    reference = petit.convention.reference
    for forme in ("json", "xlsx"):
        assert run("export_bilan", reference, " 2018 ", "--format", forme, "-o", str(tmp_path / f"bilan.{forme}")) == ""
    assert json.loads((tmp_path / "bilan.json").read_text())["total"]["realise"]["total"] == "2650.00"
    feuilles = openpyxl.load_workbook(tmp_path / "bilan.xlsx")
    cellules = [c.value for f in feuilles for ligne in f for c in ligne]
    assert any(str(c).startswith("=SUM") for c in cellules)


@pytest.mark.parametrize("commande", [("export_bilan", "2031", "--format", "json"), ("export_pdf", "--bilan", "2031", "-o", "x.pdf")])
def test_year_without_bilan_names_those_that_are_open(commande: tuple[str, ...], petit: Bilan, refusal: Callable[..., str]) -> None:
    nom, *suite = commande
    reference = petit.convention.reference
    assert refusal(nom, reference, *suite) == f"« {reference} » n’a pas de bilan 2031. Bilans ouverts : 2018."
    open_year(petit.convention, 2019)
    assert "Bilans ouverts : 2018 et 2019." in refusal(nom, reference, *suite)
    Bilan.objects.all().delete()
    assert refusal(nom, reference, *suite) == f"« {reference} » n’a pas de bilan 2031. Aucun bilan n’est ouvert."


def test_pdf_of_a_bilan_is_written_by_a_command(petit: Bilan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taches, "publish_bilan", lambda bilan: f"%PDF {bilan}".encode())
    cible = tmp_path / "bilan.pdf"
    assert run("export_pdf", petit.convention.reference, "--bilan", "2018", "-o", str(cible)) == ""
    assert cible.read_bytes() == f"%PDF {petit}".encode()


def test_pdf_is_of_one_thing_at_a_time(petit: Bilan, refusal: Callable[..., str]) -> None:
    deux = ("--bilan", "2018", "--recapitulatif", "-o", "x.pdf")
    assert refusal("export_pdf", petit.convention.reference, *deux).startswith("Commande mal écrite.")


# --- The printed bilan of Dijon --------------------------------------------------------------------------


def starts(lecture: Lecture) -> dict[str, int]:
    """Page of each big heading."""
    return {t.texte: min(t.pages) for t in reversed(lecture.of("H1"))}


def test_cover_names_the_parties_and_what_the_document_holds(imprimes: Imprimes, lus: dict[str, Lecture]) -> None:
    couverture = lus["bilan"].textes[1]
    for mots in ["Bilan annuel 2019", "La Métropole de Dijon", "La Chambre de commerce et d’industrie de Côte-d’Or", MENTION]:
        assert mots in couverture
    assert f"une synthèse, {len(imprimes.actions)} fiches action, le récapitulatif et le calcul du solde" in couverture


def test_summary_for_elected_members_holds_on_one_page(imprimes: Imprimes, lus: dict[str, Lecture]) -> None:
    lecture = lus["bilan"]
    debuts = starts(lecture)
    page = debuts["Bilan 2019 : l’essentiel"]
    assert debuts["Chiffres par axe"] == page + 1
    total = imprimes.donnees[2019]["total"]
    assert (total["realise"]["total"], total["taux"]["total"]) == ("501190.00", "90.33")
    for mots in ["La deuxième année est celle du plein régime", "501 190 €", "90,3 %", "Solde à verser", "À retenir"]:
        assert mots in lecture.textes[page]


def test_each_line_of_the_contents_gives_the_page_where_its_part_starts(imprimes: Imprimes, lus: dict[str, Lecture]) -> None:
    lecture = lus["bilan"]
    sommaire = next(e for e in lecture.titres if e.texte == "Sommaire").pages
    lignes = [e for e in lecture.of("LI") if e.pages == sommaire and e.annotations]
    debuts = {t.texte: min(t.pages) for t in reversed(lecture.titres) if t.pages and not t.pages & sommaire}
    debuts |= {"Synthèse pour les élus": debuts["Bilan 2019 : l’essentiel"]}
    debuts |= {"Récapitulatif prévu et réalisé": debuts["Récapitulatif 2019 : prévu et réalisé"]}
    debuts |= {join([code, titre]): debuts[join([titre])] for code, titre in imprimes.actions}
    assert len(lignes) == 11 + len(imprimes.actions)
    for ligne in lignes:
        titre, folio = re.fullmatch(r"(.*?)[ .]*(\d+)", ligne.texte).groups()
        if titre.startswith("Ce qui change en"):
            titre, folio = ligne.texte.rsplit(" ", 1)
        assert debuts[titre] == int(folio), ligne.texte


def test_each_active_fiche_has_its_part_in_order(imprimes: Imprimes, lus: dict[str, Lecture]) -> None:
    lecture = lus["bilan"]
    debuts = starts(lecture)
    pages = range(debuts["Fiche par fiche"], debuts["Récapitulatif 2019 : prévu et réalisé"])
    assert [t.texte for t in lecture.of("H2") if min(t.pages) in pages] == [join([titre]) for _, titre in imprimes.actions]
    assert len(imprimes.actions) == 20
    signets = [titre for titre, _ in lecture.signets]
    assert [s for s in signets if re.match(r"E\.[A-Z] \d", s)] == [join([f"{code} – {titre}"]) for code, titre in imprimes.actions]


def test_each_fiche_tells_what_was_done_and_what_it_cost(imprimes: Imprimes, lus: dict[str, Lecture]) -> None:
    lecture = lus["bilan"]
    texte = join(lecture.textes.values())
    faites = [f for f in imprimes.donnees[2019]["fiches"] if (f["code"], f["titre"]) in imprimes.actions]
    assert texte.count("Dépenses Jours et euros, prévus et réalisés") == sum(bool(f["lignes"]) for f in faites)
    assert [t.texte for t in lecture.of("H3")].count("Ce qui a été fait") == sum(bool(f["fait"]) for f in faites)
    for fiche in faites:
        debut = join([fiche["fait"]])[:30]
        assert debut in texte, fiche["code"]


@pytest.mark.parametrize("nom", DOCUMENTS)
def test_last_line_of_a_page_is_never_a_heading(lus: dict[str, Lecture], nom: str) -> None:
    assert lus[nom].orphelins == []


@pytest.mark.parametrize("nom", DOCUMENTS)
def test_rows_are_never_split_and_tables_start_each_page_with_their_heads(lus: dict[str, Lecture], nom: str) -> None:
    lecture = lus[nom]
    assert [r.texte for r in lecture.of("TR") if len(r.pages) > 1] == []
    tables = [i for i, e in enumerate(lecture.elements) if e.type == "Table"]
    assert tables
    for debut, fin in pairwise([*tables, len(lecture.elements)]):
        dedans = [e for e in lecture.elements[debut:fin] if "Table" in e.parents]
        assert "THead" in {e.type for e in dedans}, lecture.elements[debut].texte[:80]


def test_recap_is_landscape_and_repeats_its_heads(lus: dict[str, Lecture]) -> None:
    lecture = lus["bilan"]
    debuts = starts(lecture)
    pages = range(debuts["Récapitulatif 2019 : prévu et réalisé"], debuts["Versements et solde"])
    assert len(pages) == 2
    for page in pages:
        _, _, largeur, hauteur = lecture.pdf.pages[page - 1].mediabox
        assert largeur > hauteur
        assert "Fiche Action Jours prévus Jours réalisés Prévu Réalisé Écart Taux Payé Métropole Payé CCI" in lecture.textes[page]
    assert "Total général 434,5 394 554 850 501 190 − 53 660 90,3 %" in lecture.textes[pages[-1]]


@pytest.mark.parametrize("nom", DOCUMENTS)
def test_every_page_is_numbered_and_marked(lus: dict[str, Lecture], nom: str) -> None:
    textes = lus[nom].textes
    etat = "Bilans pas encore acceptés : 2019 et 2020" if nom == "pluriannuel" else "Bilan en cours de correction – à ne pas diffuser"
    sans_folio = 0 if nom == "diaporama" else 1  # a cover bears no number
    for numero, texte in textes.items():
        assert f"{etat} · {MENTION}" in texte, numero
        assert (f"Page {numero} / {len(textes)}" in texte) is (numero > sans_folio), numero


def test_every_step_of_the_solde_is_printed(imprimes: Imprimes, lus: dict[str, Lecture]) -> None:
    page = lus["bilan"].textes[starts(lus["bilan"])["Versements et solde"]]
    for etape in imprimes.donnees[2019]["solde"]["etapes"]:
        assert join([etape["libelle"]]) in page
        if etape["unite"] == "€" and etape["valeur"]:
            entier = f"{int(Decimal(etape['valeur'])):,}".replace(",", " ")
            assert entier in page, etape


def test_spreadsheet_travels_inside_the_pdf(imprimes: Imprimes, lus: dict[str, Lecture]) -> None:
    contenu = lus["bilan"].pypdf.attachments["dijon-cci21-2018-bilan-2019.xlsx"][0]
    classeur = openpyxl.load_workbook(BytesIO(contenu))
    cellules = [c.value for feuille in classeur for ligne in feuille for c in ligne]
    assert {code for code, _ in imprimes.actions} <= set(cellules)
    assert any(str(c).startswith("=") for c in cellules)


@pytest.mark.parametrize("nom", DOCUMENTS)
def test_heading_levels_start_at_one_and_never_skip(lus: dict[str, Lecture], nom: str) -> None:
    niveaux = [int(t.type[1]) for t in lus[nom].titres]
    assert niveaux[0] == 1
    assert all(suivant <= niveau + 1 for niveau, suivant in pairwise(niveaux))


def test_links_lead_somewhere_in_the_document(lus: dict[str, Lecture]) -> None:
    lecture = lus["bilan"]
    liens = [e for e in lecture.elements if e.type == "Link"]
    assert len(liens) > 60  # contents, axes, recap, proposals
    assert {len(lien.annotations) for lien in liens} == {1}
    assert {str(lien.annotations[0].Dest) for lien in liens} <= set(lecture.destinations)


def test_slides_are_four_landscape_pages(imprimes: Imprimes, lus: dict[str, Lecture]) -> None:
    lecture = lus["diaporama"]
    assert len(lecture.pdf.pages) == 4
    assert all(page.mediabox[2] > page.mediabox[3] for page in lecture.pdf.pages)
    attendus = ["Bilan 2019", "Axes et financeurs", "Ce qui a été fait, ce qui ne l’a pas été", "Le solde, et la suite"]
    assert [(min(t.pages), t.texte) for t in lecture.of("H1")] == list(enumerate(attendus, 1))
    etats = [f["etat"] for f in imprimes.donnees[2019]["fiches"] if (f["code"], f["titre"]) in imprimes.actions]
    assert f"{etats.count('realisee')} actions réalisées" in lecture.textes[3]
    assert f"{sum(e not in ('realisee', None) for e in etats)} actions en retrait" in lecture.textes[3]


def test_years_stand_side_by_side(imprimes: Imprimes, lus: dict[str, Lecture]) -> None:
    lecture = lus["pluriannuel"]
    texte = join(lecture.textes.values())
    cumul = Decimal(0)
    for annee, etat in zip(ANNEES, ["Accepté", "Observations à traiter", "En rédaction"], strict=True):
        total = imprimes.donnees[annee]["total"]
        cumul += Decimal(total["realise"]["total"])
        prevu, realise = (f"{int(Decimal(total[nom]['total'])):,}".replace(",", " ") for nom in ("prevu", "realise"))
        assert f"{annee} {etat} {prevu} {realise}" in texte
    assert f"Ensemble 1 317 250 {int(cumul):,}".replace(",", " ") in texte
    debuts = starts(lecture)
    page = debuts["Fiche par fiche, 2018 – 2020"]
    assert lecture.pdf.pages[page - 1].mediabox[2] > lecture.pdf.pages[page - 1].mediabox[3]
    for fiche in imprimes.donnees[2018]["fiches"]:
        assert fiche["code"] in lecture.textes[page]


# --- Small and long documents ------------------------------------------------------------------------------


def test_accepted_bilan_says_when_and_bears_no_draft_marking(petit: Bilan) -> None:
    lecture = Lecture(publish_bilan(accept_year(petit)))
    texte = join(lecture.textes.values())
    assert "accepté le" in lecture.textes[1]
    assert lecture.textes[1].count("emplacement du logo") == 0
    for mots in ("à ne pas diffuser", "pas encore accepté", "inventés"):
        assert mots not in texte
    assert "Fait à" not in texte
    assert lecture.orphelins == []


@pytest.fixture
def bavard(petit: Bilan) -> Bilan:
    """A year told at length, in eight axes, with long names."""
    convention = petit.convention
    for rang in range(6):
        axe = factories.AxeFactory(convention=convention, code=f"Z{rang}", titre=f"Accompagner les entreprises du territoire, volet {rang}")
        titre = f"Une action au nom assez long pour tenir à peine sur une ligne, numéro {rang}"
        plan_fiche(convention, f"Z{rang} 1", {("Études", 2018): 1000}, cibles={2018: 5}, axe=axe, titre=titre, ordre=30 + rang)
    long = "Une phrase qui raconte l’année, ni courte ni longue, comme on en écrit dans un bilan. " * 12
    Bilan.objects.filter(pk=petit.pk).delete()
    bilan = open_year(convention)
    for fiche in bilan.fiches.all():
        tell(bilan, fiche.code, "realisee" if fiche.pk % 2 else "reportee", 4)
    Bilan.objects.filter(pk=bilan.pk).update(
        recit=f"{long}\n\n{long}\n\n{long}", perspectives="- Continuer avec les mêmes partenaires.\n" * 15
    )
    return fresh(bilan)


def test_slides_stay_four_however_long_the_year(bavard: Bilan) -> None:
    lecture = Lecture(publish_diaporama(bavard))
    assert [(min(t.pages), max(t.pages)) for t in lecture.of("H1")] == [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert len(lecture.pdf.pages) == 4


def test_summary_stays_on_one_page_however_long_the_year(bavard: Bilan) -> None:
    synthese = publication.render_partie("bilan/synthese", **contexte_synthese(compute_soldes(compute_synthese(bavard))))
    assert len(Lecture(publish(bavard, "Synthèse", [("Synthèse", synthese)])).pdf.pages) == 1


# --- Charts: what they say ---------------------------------------------------------------------------------


def draw(g: Graphique) -> str:
    return render_to_string("components/graphique.html", {"g": g})


def tabulate(g: Graphique, imprime: bool = False) -> str:
    return render_to_string("components/graphique_table.html", {"g": g, "imprime": imprime})


def read_rows(html: str) -> list[list[str]]:
    """Cells of a table, heads and caption apart."""
    corps = html.partition("</thead>")[2]
    return [[spell(c) for c in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", ligne)] for ligne in re.findall(r"<tr.*?</tr>", corps)]


def read_title(svg: str) -> str:
    return spell(re.search(r"<title>(.*?)</title>", svg).group(1))


def test_every_kind_of_chart_is_drawn(imprimes: Imprimes) -> None:
    cles = [g.cle for g in imprimes.graphes if not g.is_vide]
    assert cles == ["axes", "fiches", "natures", "financeurs", "jours", "indicateurs", "annees", "reste"]


def test_title_of_a_chart_says_every_figure_of_its_table(imprimes: Imprimes) -> None:
    for g in imprimes.graphes:
        titre = read_title(draw(g))
        lignes = read_rows(tabulate(g))[: len(g.lignes)]
        assert len(lignes) == len(g.barres or g.colonnes)
        for nom, prevu, realise, *_ in lignes:
            entree = re.search(rf"[:;] {re.escape(tell_name(g, nom))}, (.*?)(?: ;|\.$)", titre).group(1)
            assert prevu in entree or (prevu == "–" and ("hors plan" in entree or "0 €" in entree)), (g.cle, nom, entree)
            assert realise in entree or (realise == "–" and "non renseigné" in entree), (g.cle, nom, entree)


def tell_name(g: Graphique, nom: str) -> str:
    """How a title calls a row: an indicator goes without the code of its fiche."""
    return re.sub(r"^[A-Z](\.[A-Z])? [\d.]+ ", "", nom) if g.cle == "indicateurs" else nom


def test_table_of_a_chart_bears_its_rows_and_its_total_on_page_and_paper(imprimes: Imprimes) -> None:
    for g in imprimes.graphes:
        attendues = [[spell(v) for v in ligne] for ligne in [*g.lignes, *([g.total] if g.total else [])]]
        assert read_rows(tabulate(g)) == read_rows(tabulate(g, imprime=True)) == attendues
        for imprime in (False, True):
            assert f">{escape(g.titre)}</caption>" in tabulate(g, imprime=imprime)


def test_printed_charts_are_figures_with_their_title_as_alternative(imprimes: Imprimes, lus: dict[str, Lecture]) -> None:
    figures = [e for e in lus["bilan"].elements if e.type == "Figure"]
    alternatives = {spell(e.alternative) for e in figures}
    for g in imprimes.graphes:
        if g.cle not in {"fiches", "annees", "reste"}:  # by axe on paper, and up to the year of the bilan
            assert spell(g.phrase) in alternatives, g.cle
    assert any("par année, 2018 et 2019" in a and "2018, 332 490 € sur 352 250 €" in a for a in alternatives)
    assert all(e.alternative for e in figures)


def test_page_and_paper_show_the_same_drawings(petit: Bilan, partenaire: Utilisateur, monkeypatch: pytest.MonkeyPatch) -> None:
    imprime: list[Document] = []
    monkeypatch.setattr(publication, "render_pdf", lambda document: imprime.append(document) or b"%PDF")
    publish_bilan(petit)
    client = Client()
    client.force_login(partenaire)
    page = client.get(reverse("bilan", args=[petit.convention.reference, 2018])).content.decode()
    dessins = {read_title(svg): svg for svg in re.findall(r"<svg viewBox.*?</svg>", page, re.DOTALL) if "<title>" in svg}
    sur_papier = set(re.findall(r"<svg viewBox.*?</svg>", imprime[0].html, re.DOTALL))
    communs = {titre for titre, svg in dessins.items() if svg in sur_papier}
    autrement = ("Prévu et réalisé par fiche", "Prévu et réalisé par année", "Reste à faire")  # by axe, up to the year
    assert {t for t in dessins if t not in communs} == {t for t in dessins if t.startswith(autrement)}
    assert len(communs) >= 4
    identifiants = re.findall(r' id="([^"]+)"', imprime[0].html)
    assert len(identifiants) == len(set(identifiants))


def luminance(couleur: str) -> float:
    """Relative luminance of « #0a5546 », as contrast is counted."""
    canaux = [int(couleur[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    lineaires = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in canaux]
    return 0.2126 * lineaires[0] + 0.7152 * lineaires[1] + 0.0722 * lineaires[2]


def test_planned_is_an_outline_and_done_is_full_in_grey_too() -> None:
    svg = draw(bars([Valeurs("A", Decimal(120), Decimal(100), "120 sur 100")]))
    formes = {
        classe: dict(re.findall(r'([\w-]+)="([^"]*)"', attributs))
        for classe, attributs in re.findall(r'<rect class="([\w-]+)"([^>]*)/>', svg)
    }
    assert set(formes) == {"g-contour", "g-plein", "g-surplus"}
    assert formes["g-contour"]["fill"] == "#ffffff"
    assert "stroke" in formes["g-contour"]
    assert "stroke" not in formes["g-plein"]
    assert "stroke" in formes["g-surplus"]  # told apart from what is full by its outline, and by its place past the planned one
    blanc, plein, surplus = (luminance(c) + 0.05 for c in ("#ffffff", formes["g-plein"]["fill"], formes["g-surplus"]["fill"]))
    assert (blanc / plein >= 3, blanc / surplus >= 3, surplus / plein >= 2) == (True, True, True)
    assert ">Prévu</text>" in svg
    assert ">Réalisé</text>" in svg


# --- Charts: where they put things ---------------------------------------------------------------------------


MONTANTS = st.none() | st.decimals(-1_000, 10_000_000, places=2)
SERIES = st.lists(st.builds(Valeurs, st.just("Axe"), MONTANTS, MONTANTS, st.just("x")), min_size=1, max_size=12)
TOLERANCE = Decimal("0.06")  # lengths are written to a tenth


def bars(valeurs: list[Valeurs], *, chacune: bool = False) -> Graphique:
    return draw_barres("essai", "Essai", "Essai.", valeurs, ("Axe",), [], chacune=chacune)


def floor(valeur: Decimal | None) -> Decimal:
    return max(Decimal(0), valeur or Decimal(0))


@given(SERIES, st.booleans())
def test_bars_are_proportional_and_stay_within_the_drawing(valeurs: list[Valeurs], chacune: bool) -> None:
    g = bars(valeurs, chacune=chacune)
    echelle = max(max(floor(v.fait), floor(v.repere)) for v in valeurs)
    for v, b in zip(valeurs, g.barres, strict=True):
        repere, fait, surplus = Decimal(b.repere), Decimal(b.fait), Decimal(b.surplus)
        assert min(repere, fait, surplus) >= 0
        assert max(repere, fait + surplus) <= LARGEUR - 2 + TOLERANCE
        assert Decimal(b.surplus_x) + surplus <= LARGEUR
        maximum = max(floor(v.fait), floor(v.repere)) if chacune else echelle
        for longueur, valeur in [(repere, floor(v.repere)), (fait + surplus, floor(v.fait))]:
            juste = valeur * (LARGEUR - 2) / maximum if maximum else Decimal(0)
            assert abs(longueur - juste) <= 2 * TOLERANCE
        if v.repere is not None and v.repere > 0:
            assert fait <= repere
        else:
            assert surplus == 0
    hauts = [Decimal(b.y) for b in g.barres]
    assert all(bas - haut >= 10 for haut, bas in pairwise([*hauts, Decimal(g.hauteur)]))


@settings(max_examples=25)
@given(SERIES)
def test_unknown_has_no_bar_and_nothing_is_drawn_below_zero(valeurs: list[Valeurs]) -> None:
    for g in (bars(valeurs), draw_colonnes("essai", "Essai", "Essai.", valeurs, ("Année",), [])):
        svg = draw(g)
        mesures = re.findall(r' (?:width|height|x|y)="([^"]+)"', svg)
        assert all(re.fullmatch(r"\d+(\.\d)?", m) for m in mesures)
        assert svg.count('class="g-contour"') - 1 <= sum(floor(v.repere) > 0 for v in valeurs)
        assert svg.count('class="g-plein"') - 1 <= sum(floor(v.fait) > 0 for v in valeurs)


@given(SERIES)
def test_columns_are_proportional_stand_on_the_ground_and_do_not_touch(valeurs: list[Valeurs]) -> None:
    g = draw_colonnes("essai", "Essai", "Essai.", valeurs, ("Année",), [])
    echelle, sol, large = max(max(floor(v.fait), floor(v.repere)) for v in valeurs), Decimal(g.sol), Decimal(g.largeur_colonne)
    gauche = Decimal(0)
    for v, c in zip(valeurs, g.colonnes, strict=True):
        for haut, longueur, valeur in [(c.repere_y, c.repere, floor(v.repere)), (c.fait_y, c.fait, floor(v.fait))]:
            assert Decimal(haut) >= 0
            assert abs(Decimal(haut) + Decimal(longueur) - sol) <= 2 * TOLERANCE
            assert abs(Decimal(longueur) - (valeur * HAUT / echelle if echelle else 0)) <= TOLERANCE
        assert gauche <= Decimal(c.x)
        assert Decimal(c.x) + large <= Decimal(c.x_fait) + TOLERANCE
        gauche = Decimal(c.x_fait) + large
    assert gauche <= LARGEUR
    assert sol < g.hauteur


def test_nothing_known_draws_no_bar_and_divides_nothing() -> None:
    vides = [Valeurs("A", None, None, "non renseigné"), Valeurs("B", Decimal(0), Decimal(0), "0 € sur 0 €")]
    for g in (bars(vides), bars(vides, chacune=True), draw_colonnes("essai", "Essai", "Essai.", vides, ("Année",), [])):
        assert (draw(g).count('class="g-contour"'), draw(g).count('class="g-plein"')) == (1, 1)  # the legend
    assert bars([]).is_vide


def test_long_names_leave_room_for_their_figures() -> None:
    (b,) = bars(
        [Valeurs("Accompagner les entreprises du territoire et leurs salariés", Decimal(1), Decimal(2), "1 200 000 € sur 2 400 000 €")]
    ).barres
    assert b.libelle.endswith("…")
    assert len(b.libelle) + len(b.texte) <= 56
    assert b.entier == "Accompagner les entreprises du territoire et leurs salariés"


def test_rate_above_the_columns_is_that_of_the_year(imprimes: Imprimes) -> None:
    annees = next(g for g in imprimes.graphes if g.cle == "annees")
    assert [spell(c.texte) for c in annees.colonnes] == ["94,4 %", "90,3 %", "57,3 %"]
    assert show_taux(graphiques.Compte(None, Decimal(3))) == "–"
