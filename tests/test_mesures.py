"""What the benchmarks rest on: peers given the same content, tables and charts that say what was measured."""

import re
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest
from defusedxml import ElementTree
from docx import Document
from docx.oxml.ns import qn

from benchmarks import edition, outils
from benchmarks.courbes import Courbe, Panneau, draw_courbes, write_tailles
from benchmarks.donnees import make_conventions
from benchmarks.outils import Cas, Serie, format_duree, format_rapport, measure, write_section, write_tableau
from benchmarks.pairs_docx import write_docx
from conventions.models import Convention
from financement.syntheses import compute_recapitulatif
from socle.typographie import format_montant

SVG = "{http://www.w3.org/2000/svg}"
PAGE = """<html><head><title>Essai</title></head><body data-courant="En tête" data-mention="Brouillon">
<section class="sommaire"><h1 id="sommaire">Sommaire</h1><ol><li class="niveau2"><span class="code">A</span>
<a href="#suite">Suite<span class="folio" data-cible="#suite"></span></a></li></ol></section>
<section class="paysage avant"><h2 id="suite">Suite</h2><p>Un <strong>mot</strong><span class="visually-hidden">caché</span></p>
<ul><li>Un<ul><li>Deux</li></ul></li></ul>
<table><caption>Montants</caption><thead><tr><th rowspan="2">Fiche</th><th colspan="2">2018</th></tr><tr><th>Agglo</th><th>CCI</th></tr></thead>
<tbody><tr><th>A 1</th><td class="n">10</td><td class="n">20</td></tr></tbody></table></section></body></html>"""


def read_docx(contenu: bytes) -> tuple[Document, str]:
    """A Word file and all its words, tables and links included."""
    document = Document(BytesIO(contenu))
    return document, "\n".join("".join(t.text or "" for t in p.iter(qn("w:t"))) for p in document.element.body.iter(qn("w:p")))


# --- The Word file of the peer -----------------------------------------------------------------------


def test_word_file_has_every_fiche_and_the_totals_of_the_recap(dijon: Convention) -> None:
    document, mots = read_docx(write_docx(edition.write_html(dijon)))
    recap = compute_recapitulatif(dijon)
    titres = [p.text for p in document.paragraphs if p.style.name.startswith("Heading")]
    assert recap.nb_fiches == 22
    for ligne in recap.lignes():
        assert ligne.fiche is not None
        assert ligne.fiche.titre in titres
    annexe = [[cellule.text for cellule in rangee.cells] for rangee in document.tables[-1].rows]
    annexe += [[cellule.text for cellule in rangee.cells] for rangee in document.tables[-2].rows]
    (total,) = [rangee for rangee in annexe if rangee[0] == "Total général"]
    for attendu in [recap.total.total_periode, *(recap.total.total(annee) for annee in recap.annees)]:
        assert format_montant(attendu.montant) in [valeur.rstrip("*") for valeur in total]
    for article in dijon.articles.all():
        assert article.titre in mots


def test_word_file_keeps_the_structure_of_the_page() -> None:
    document, mots = read_docx(write_docx(PAGE))
    assert [p.style.name for p in document.paragraphs if p.style.name.startswith("Heading")] == ["Heading 1", "Heading 2"]
    assert [p.style.name for p in document.paragraphs if p.style.name.startswith("List")] == ["List Bullet", "List Bullet 2"]
    assert "caché" not in mots
    assert [section.orientation for section in document.sections] == [0, 1]
    assert document.sections[0].header.paragraphs[0].text == "En tête"
    assert document.core_properties.title == "Essai"
    champs = [champ.get(qn("w:instr")) for champ in document.element.body.iter(qn("w:fldSimple"))]
    signets = {signet.get(qn("w:name")): signet.getparent() for signet in document.element.body.iter(qn("w:bookmarkStart"))}
    nom = champs[0].split()[1]
    assert champs[0].startswith("PAGEREF")
    assert "".join(t.text for t in signets[nom].iter(qn("w:t"))) == "Suite"


def test_word_file_merges_the_cells_that_span() -> None:
    document, _ = read_docx(write_docx(PAGE))
    (tableau,) = document.tables
    assert [[c.text for c in rangee.cells] for rangee in tableau.rows] == [
        ["Fiche", "2018", "2018"],
        ["Fiche", "Agglo", "CCI"],
        ["A 1", "10", "20"],
    ]
    assert len(list(tableau._tbl.iter(qn("w:tblHeader")))) == 2


def test_unknown_block_is_not_left_out_in_silence() -> None:
    with pytest.raises(ValueError, match="dl"):
        write_docx("<html><body><dl><dt>Un</dt></dl></body></html>")


def test_fiche_given_to_the_peers_is_the_one_printed(dijon: Convention) -> None:
    html = edition.write_html_fiche(dijon, "E.A 1.2.1")
    assert dijon.fiches.get(code="E.A 1.2.1").titre in html.replace("&#x27;", "'")
    assert html.count("<article") == 1
    assert (edition.STYLES / "document.css").as_uri() in html


# --- Made-up data ------------------------------------------------------------------------------------


def test_made_up_conventions_are_counted_like_others(demonstration: None) -> None:
    une, deux = make_conventions("ESSAI", 2, 4)
    recap = compute_recapitulatif(edition.read_convention(deux.reference))
    assert recap.nb_fiches == 4
    assert recap.total.total_periode.montant == sum((ligne.total().montant for ligne in recap.lignes()), 0)
    assert [f.nom for f in recap.financeurs] == [p.nom_court for p in une.parties.all()]


# --- Timings and tables ------------------------------------------------------------------------------


def test_competitors_take_turns_and_what_they_need_is_prepared_before() -> None:
    suite: list[str] = []
    cas = [Cas(nom, lambda n=nom: suite.append(n), lambda n=nom: suite.append(f"avant {n}")) for nom in "AB"]
    measure(cas, 2)
    assert suite == ["avant A", "A", "avant B", "B"] * 2
    assert [len(un.serie.durees) for un in cas] == [2, 2]


def test_series_tell_their_middle_and_their_end() -> None:
    serie = Serie([n / 1000 for n in range(1, 101)])
    assert serie.mediane == pytest.approx(0.0505)
    assert serie.p95 == pytest.approx(0.095)
    assert serie.etendue == "1,0\u202fms à 100\u202fms"


@pytest.mark.parametrize(
    ("secondes", "texte"), [(0.0123, "12,3\u202fms"), (0.34, "340\u202fms"), (5.123, "5,12\u202fs"), (1234.5, "1\u202f234,5\u202fs")]
)
def test_durations_are_written_in_french(secondes: float, texte: str) -> None:
    assert format_duree(secondes) == texte


def test_ratios_are_written_in_french() -> None:
    assert [format_rapport(r) for r in (4.24, 123.4)] == ["×\u202f4,2", "×\u202f123"]


def test_table_is_aligned_and_read_as_markdown() -> None:
    lignes = write_tableau(["Page", "Médiane"], [["accueil", "12 ms"], ["liste", "1 s"]]).splitlines()
    assert len({len(ligne) for ligne in lignes}) == 1
    assert re.fullmatch(r"\|-+\|-+:\|", lignes[1])
    assert lignes[3].split("|")[1:-1] == [" liste   ", "     1 s "]


def test_section_is_replaced_between_its_marks_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Avant\n<!-- mesures:un -->\nvieux\n<!-- fin -->\n<!-- mesures:deux -->\n<!-- fin -->\nAprès\n", encoding="utf-8")
    write_section("un", r"neuf \1", page)
    write_section("un", r"neuf \2", page)
    assert page.read_text(encoding="utf-8") == (
        "Avant\n<!-- mesures:un -->\nneuf \\2\n<!-- fin -->\n<!-- mesures:deux -->\n<!-- fin -->\nAprès\n"
    )
    with pytest.raises(ValueError, match="trois"):
        write_section("trois", "", page)


def test_page_has_one_place_for_each_benchmark(root: Path) -> None:
    publiees = {
        nom for f in (root / "benchmarks").glob("*.py") for nom in re.findall(r'publish\(\s*"(\w+)"', f.read_text(encoding="utf-8"))
    }
    places = re.findall(r"<!-- mesures:(\w+) -->\n.*?<!-- fin -->", outils.PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert sorted(places) == sorted(publiees)


# --- The chart ---------------------------------------------------------------------------------------

COURBES = [
    Courbe("récapitulatif", [(5, 0.002), (50, 0.02), (500, 0.2)]),
    Courbe("liste & recherche", [(5, 0.03), (50, 0.03), (500, 0.031)]),
]
PANNEAU = Panneau("Une convention qui grandit", "fiches", COURBES)


def test_chart_is_well_formed_and_says_its_title_and_its_figures() -> None:
    racine = ElementTree.fromstring(draw_courbes("Durées & données", [PANNEAU, PANNEAU]))
    assert racine.get("role") == "img"
    assert racine.findtext(f"{SVG}title") == "Durées & données"
    description = racine.findtext(f"{SVG}desc")
    assert description is not None
    for mots in ["liste & recherche : 5 → 30,0\u202fms", "récapitulatif : 5 → 2,0\u202fms, 50 → 20,0\u202fms, 500 → 200\u202fms"]:
        assert mots in description
    textes = [t.text for t in racine.iter(f"{SVG}text")]
    assert {"récapitulatif", "liste & recherche", "fiches", "5", "50", "500", "1\u202fms", "10\u202fms", "1\u202fs"} <= set(textes)


def test_curves_differ_by_more_than_their_colour() -> None:
    racine = ElementTree.fromstring(draw_courbes("Durées", [PANNEAU]))
    tirets = [p.get("stroke-dasharray") for p in racine.iter(f"{SVG}path") if p.get("stroke-width") == "2"]
    assert len(set(tirets)) == len(tirets) == 2
    marques = {re.sub(r"[\d.-]+", "", str(p.get("d"))) for p in racine.iter(f"{SVG}path") if p.get("fill") != "none"}
    assert len(marques) == 2


def test_curves_stay_in_the_drawing_and_their_names_apart() -> None:
    serrees = [Courbe(f"courbe {n}", [(1, 0.001), (100, 1 + n / 1000)]) for n in range(6)]
    racine = ElementTree.fromstring(draw_courbes("Durées", [Panneau("Serrées", "fiches", serrees)]))
    _, _, largeur, hauteur = map(float, str(racine.get("viewBox")).split())
    hauteurs = sorted(float(str(t.get("y"))) for t in racine.iter(f"{SVG}text") if str(t.text).startswith("courbe"))
    assert all(b - a >= 12 for a, b in pairwise(hauteurs))
    assert hauteurs[-1] < hauteur
    assert all(0 <= float(str(t.get("x"))) <= largeur for t in racine.iter(f"{SVG}text"))


def test_table_of_the_chart_bears_its_figures_and_its_growth() -> None:
    lignes = [[case.strip() for case in ligne.strip("|").split("|")] for ligne in write_tailles(PANNEAU).splitlines()]
    assert lignes[0] == ["fiches", "×\u202f1 (5)", "×\u202f10 (50)", "×\u202f100 (500)", "Croissance"]
    assert lignes[2] == ["récapitulatif", "2,0\u202fms", "20,0\u202fms", "200\u202fms", "comme les données (1,00)"]
    assert lignes[3][-1].startswith("presque plate")
