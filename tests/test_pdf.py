"""Printed documents, read back from the file: pages, contents, links, structure, attachments."""

import re
import time
from datetime import date
from functools import cache
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.db import transaction
from django.template import engines
from pikepdf import Name
from PIL import Image

import socle.pdf_moteur
from conventions.models import Convention
from documents.demonstration import load_demonstration
from documents.publication import publish_convention, publish_fiche, publish_recapitulatif
from documents.reunion import publish_controles, publish_rapprochement
from socle import pdf_cahiers
from tests import factories
from tests.conftest import VariableInconnue
from tests.lecture_pdf import Lecture, join

pytestmark = pytest.mark.django_db
COMPLETS = ["dijon", "chaumont"]


@cache
def print_demonstration() -> dict[str, bytes]:
    """Print the demonstration once a process; the database is left as it was."""
    with transaction.atomic():
        load_demonstration()
        conventions = Convention.objects.with_parties()
        dijon, chaumont = (conventions.get(reference=r) for r in ("DIJON-CCI21-2018", "CHAUMONT-CCI52-2020"))
        pdfs = {
            "dijon": publish_convention(dijon),
            "chaumont": publish_convention(chaumont),
            "fiche": publish_fiche(dijon, dijon.fiches.get(code="E.C 1.3")),
            "recapitulatif": publish_recapitulatif(dijon),
            "recapitulatif-declare": publish_recapitulatif(dijon, declare=True),
            "controles": publish_controles(dijon),
            "rapprochement": publish_rapprochement(dijon) or b"",
        }
        transaction.set_rollback(True)
    return pdfs


@pytest.fixture(scope="session")
def imprimes(django_db_setup: None, django_db_blocker: Any) -> dict[str, Lecture]:
    moteur = engines["django"].engine
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(moteur, "string_if_invalid", VariableInconnue(""))
        return {nom: Lecture(contenu) for nom, contenu in print_demonstration().items()}


@pytest.fixture
def petite(convention: Convention) -> Convention:
    """A convention of one article and one costed fiche."""
    factories.ArticleFactory(convention=convention, numero=1, titre="Durée", texte="Elle prend fin le {{ convention.date_fin }}.")
    fiche = factories.FicheFactory(convention=convention, code="E.Z 1", titre="Observer le commerce")
    factories.LigneCoutFactory(fiche=fiche, annee=2018)
    return convention


def publish(convention: Convention) -> Lecture:
    return Lecture(publish_convention(Convention.objects.with_parties().get(pk=convention.pk)))


# --- Parts of the complete agreement -----------------------------------------------------------------


def test_cover_names_the_parties_and_what_the_document_holds(imprimes: dict[str, Lecture]) -> None:
    couverture = imprimes["dijon"].textes[1]
    for mots in ["Convention-cadre", "Dijon Métropole", "Monsieur François Rebsamen", "Monsieur Xavier Mirepoix", "Période 2018 – 2020"]:
        assert mots in couverture
    assert "Ce document comprend 4 articles, 22 fiches action et un récapitulatif financier." in couverture


def test_reading_order_of_the_cover_is_title_then_parties(imprimes: dict[str, Lecture]) -> None:
    ordre = join(e.texte for e in imprimes["dijon"].of("P", "H1") if e.pages == {1})
    assert ordre.index("Objectifs et moyens") < ordre.index("Période") < ordre.index("Entre ") < ordre.index("Ce document")


@pytest.mark.parametrize("nom", COMPLETS)
def test_each_line_of_the_contents_gives_the_page_where_its_part_starts(imprimes: dict[str, Lecture], nom: str) -> None:
    lecture = imprimes[nom]
    sommaire = next(e for e in lecture.titres if e.texte == "Sommaire").pages
    lignes = [e for e in lecture.of("LI") if e.pages == sommaire and e.annotations]
    debuts = {t.texte.replace("Article 1 er", "Article 1"): min(t.pages) for t in reversed(lecture.titres) if t.texte}
    debuts |= {e.texte: min(e.pages) for e in reversed(lecture.of("P")) if re.fullmatch(r"[A-Z](\.[A-Z])? [\d.]+", e.texte)}
    assert len(lignes) > 10
    for ligne in lignes:
        titre, folio = re.fullmatch(r"(.*?)[ .]*(\d+)", ligne.texte).groups()
        code = re.match(r"[A-Z](\.[A-Z])? [\d.]+(?= )", titre)
        assert debuts[code[0] if code else titre] == int(folio), ligne.texte


def test_articles_show_values_and_dotted_blanks(imprimes: dict[str, Lecture]) -> None:
    texte = join(imprimes["dijon"].textes.values())
    assert "une subvention de 390 370 € destinée" in texte
    assert re.search(r"prend effet le \.{10,}", texte)
    assert "{{" not in texte


def test_financial_article_shows_payments_and_bank_box(imprimes: dict[str, Lecture]) -> None:
    tables = {t.texte for t in imprimes["dijon"].of("Table")}
    versements = next(t for t in tables if t.startswith("Versements prévus"))
    assert "Acompte À la notification de la convention 20 % 86 000 €" in versements
    rib = next(t for t in tables if t.startswith("Compte à créditer"))
    assert "Code guichet N° de compte Clé RIB à compléter ....." in rib


def test_preamble_comes_before_the_articles_and_holds_the_aims(imprimes: dict[str, Lecture]) -> None:
    debuts = {t.texte: min(t.pages) for t in imprimes["dijon"].of("H1")}
    preambule = join(t for n, t in imprimes["dijon"].textes.items() if debuts["Préambule"] <= n < debuts["Programme d’actions"])
    assert "nouer une véritable « alliance métropolitaine »" in preambule
    assert "Les Parties poursuivent ensemble 4 objectifs" in preambule
    assert debuts["Programme d’actions"] < debuts["Articles"] < debuts["Annexe 1 – Fiches action"]


@pytest.mark.parametrize("nom", COMPLETS)
def test_signatures_stand_on_one_page_with_both_parties(imprimes: dict[str, Lecture], nom: str) -> None:
    lecture = imprimes[nom]
    page = next(min(t.pages) for t in lecture.titres if t.texte == "Signatures")
    assert lecture.textes[page].count("Signature et cachet") == 2
    assert lecture.textes[page].count("Pour ") == 2
    assert sum(t.count("Signature et cachet") for t in lecture.textes.values()) == 2


@pytest.mark.parametrize(("nom", "nombre"), [("dijon", 22), ("chaumont", 9)])
def test_each_fiche_prints_its_six_headings_in_order(imprimes: dict[str, Lecture], nom: str, nombre: int) -> None:
    rubriques = [
        "Description de l’action, objectifs et contenus",
        "Maîtrise d’ouvrage",
        "Coût et nature des dépenses prévisionnelles",
        "Calendrier envisagé",
        "Co-financements envisagés",
        "Partenariats techniques possibles",
        "Évaluation",
    ]
    lus = [t.texte for t in imprimes[nom].titres if t.texte in rubriques]
    assert lus == rubriques * nombre


def test_recap_is_landscape_on_its_own_page_with_the_totals(imprimes: dict[str, Lecture]) -> None:
    lecture = imprimes["dijon"]
    page = next(min(t.pages) for t in lecture.of("H1") if t.texte == "Annexe 2 – Récapitulatif financier")
    _, _, largeur, hauteur = lecture.pdf.pages[page - 1].mediabox
    assert largeur > hauteur
    assert "Total général 248 320 103 930 / 352 250" in lecture.textes[page]
    assert [t.texte for t in lecture.titres if page in t.pages] == ["Annexe 2 – Récapitulatif financier"]


def test_declared_recap_prints_the_annex_totals(imprimes: dict[str, Lecture]) -> None:
    assert "1 193 250" in join(imprimes["recapitulatif-declare"].textes.values())
    assert "1 193 250" not in join(imprimes["recapitulatif"].textes.values())


# --- Every page -------------------------------------------------------------------------------------


@pytest.mark.parametrize("nom", COMPLETS)
def test_every_page_but_the_cover_is_numbered(imprimes: dict[str, Lecture], nom: str) -> None:
    textes = imprimes[nom].textes
    assert "Page 1 /" not in textes[1]
    for numero, texte in list(textes.items())[1:]:
        assert re.search(rf"Page {numero} ?/ ?{len(textes)}(?!\d)", texte), numero


@pytest.mark.parametrize("nom", [*COMPLETS, "fiche", "recapitulatif", "recapitulatif-declare"])
def test_draft_is_marked_on_every_page(imprimes: dict[str, Lecture], nom: str) -> None:
    assert [n for n, t in imprimes[nom].textes.items() if "Document de travail – à ne pas diffuser" not in t] == []


def test_signed_convention_bears_no_draft_marking(petite: Convention) -> None:
    petite.etat, petite.date_signature = Convention.Etat.SIGNEE, date(2018, 12, 4)
    petite.save()
    texte = join(publish(petite).textes.values())
    assert "Document de travail" not in texte
    assert "le 4 décembre 2018" in texte


@pytest.mark.parametrize("nom", [*COMPLETS, "fiche", "recapitulatif"])
def test_last_line_of_a_page_is_never_a_heading(imprimes: dict[str, Lecture], nom: str) -> None:
    assert imprimes[nom].orphelins == []


def test_headings_stay_with_their_text_whatever_the_length_above(petite: Convention) -> None:
    axe = petite.axes.first()
    for rang in range(8):
        fiche = factories.FicheFactory(
            convention=petite, axe=axe, constat="Une ligne de texte.\n\n" * (12 + 2 * rang), calendrier="2018.", evaluation="Oui."
        )
        factories.LigneCoutFactory(fiche=fiche)
    assert publish(petite).orphelins == []


@pytest.mark.parametrize("nom", COMPLETS)
def test_table_rows_are_never_split_over_pages(imprimes: dict[str, Lecture], nom: str) -> None:
    assert [r.texte for r in imprimes[nom].of("TR") if len(r.pages) > 1] == []


@pytest.mark.parametrize("nom", COMPLETS)
def test_cost_table_keeps_its_heads_and_its_total_on_one_page(imprimes: dict[str, Lecture], nom: str) -> None:
    tables = [t for t in imprimes[nom].of("Table") if t.texte.startswith("Montants en euros") and "Nature" in t.texte]
    assert tables
    assert [t.texte for t in tables if len(t.pages) > 1] == []


# --- Structure, links, attachments ---------------------------------------------------------------------


@pytest.mark.parametrize("nom", [*COMPLETS, "fiche", "recapitulatif"])
def test_heading_levels_start_at_one_and_never_skip(imprimes: dict[str, Lecture], nom: str) -> None:
    niveaux = [int(t.type[1]) for t in imprimes[nom].titres]
    assert niveaux[0] == 1
    assert all(suivant <= niveau + 1 for niveau, suivant in pairwise(niveaux))


@pytest.mark.parametrize("nom", [*COMPLETS, "fiche", "recapitulatif"])
def test_running_lines_are_artifacts(imprimes: dict[str, Lecture], nom: str) -> None:
    lecture = imprimes[nom]
    lus = " ".join(e.texte for e in lecture.elements if not e.parents)
    assert "Document de travail" not in lus
    assert not re.search(r"Page \d+ ?/", lus)
    assert not any(b.mcid is None and not b.artefact for bouts in lecture.bouts.values() for b in bouts)


def test_no_structure_element_holds_leader_dots(imprimes: dict[str, Lecture]) -> None:
    dans_les_liens = [e for e in imprimes["dijon"].of("Span", "NonStruct") if "Link" in e.parents]
    assert dans_les_liens
    assert [e.texte for e in dans_les_liens if not set(e.texte) - set(". ")] == []


def test_leader_dots_leave_no_empty_element_behind(imprimes: dict[str, Lecture]) -> None:
    vides = [e for e in imprimes["dijon"].elements if e.type == "Span" and not e.bouts]
    assert len(vides) == 0


@pytest.mark.parametrize("nom", COMPLETS)
def test_each_link_has_one_annotation_that_leads_somewhere(imprimes: dict[str, Lecture], nom: str) -> None:
    lecture = imprimes[nom]
    liens = [e for e in lecture.elements if e.type == "Link"]
    annotations = [a for page in lecture.pdf.pages for a in page.obj.get("/Annots", []) if a.Subtype == Name.Link]
    assert {len(lien.annotations) for lien in liens} == {1}
    assert len(annotations) == len(liens)
    assert {str(a.Dest) for a in annotations} <= set(lecture.destinations)


@pytest.mark.parametrize("nom", COMPLETS)
def test_links_are_described_in_words(imprimes: dict[str, Lecture], nom: str) -> None:
    liens = [e for e in imprimes[nom].of("Link") if e.annotations]
    assert liens
    for lien in liens:
        description = str(lien.annotations[0].get("/Contents", ""))
        assert description.strip()
        assert description != str(lien.annotations[0].Dest), lien.texte


def test_bookmarks_lead_to_articles_and_fiches(imprimes: dict[str, Lecture]) -> None:
    lecture = imprimes["dijon"]
    signets = dict(lecture.signets)
    assert "Article 2 – Durée de la convention" in signets
    assert signets["E.A 1.1 – Plan local d’urbanisme intercommunal"] == lecture.destinations["fiche-e-a-1-1"]
    assert sum(titre.startswith("E.") for titre in signets) == 22
    assert list(dict.fromkeys(signets.values())) == sorted(set(signets.values()))


def test_document_says_its_title_and_language(imprimes: dict[str, Lecture]) -> None:
    racine = imprimes["dijon"].pdf.Root
    assert imprimes["dijon"].pypdf.metadata.title == "Objectifs et moyens en soutien au développement économique du territoire"
    assert str(racine.Lang) == "fr"
    assert bool(racine.MarkInfo.Marked)
    assert bool(racine.ViewerPreferences.DisplayDocTitle)


def test_budget_travels_with_the_agreement_as_a_spreadsheet(imprimes: dict[str, Lecture]) -> None:
    lecture = imprimes["dijon"]
    (fichier,) = lecture.pdf.Root.AF
    assert fichier.AFRelationship == Name.Data
    contenu = lecture.pypdf.attachments["dijon-cci21-2018-recapitulatif.xlsx"][0]
    valeurs = {c.value for ligne in openpyxl.load_workbook(BytesIO(contenu)).active for c in ligne}
    assert "Total général" in valeurs


def test_same_convention_gives_the_same_bytes_a_day_later(
    petite: Convention, depot: FileSystemStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    avant = publish(petite).contenu
    pdf_cahiers.clear()
    demain = time.time() + 86_400
    monkeypatch.setattr(time, "time", lambda: demain)
    assert publish(petite).contenu == avant


# --- What users type and what is missing -----------------------------------------------------------------


def test_typed_markup_is_printed_as_typed_and_loads_nothing(petite: Convention, monkeypatch: pytest.MonkeyPatch) -> None:
    saisie = "<script>alert(1)</script> <img src=file:///etc/passwd> <a href=https://exemple.example>"
    petite.fiches.update(titre=saisie, constat=saisie)
    petite.articles.update(titre=saisie, texte=saisie)
    petite.titre = petite.preambule = saisie
    petite.save()
    demandees: list[str] = []
    permis = socle.pdf_moteur.is_allowed
    monkeypatch.setattr(socle.pdf_moteur, "is_allowed", lambda url: demandees.append(url) or permis(url))
    for lu in (socle.pdf_moteur._sheet, socle.pdf_moteur._fonts):
        lu.cache_clear()  # read again, so that what a document loads is seen
    lecture = publish(petite)
    texte = join(lecture.textes.values()).replace(" ", "").replace("-", "")
    assert texte.count("<script>alert(1)</script><imgsrc=file:///etc/passwd><ahref=https://exemple.example>") >= 6
    assert demandees
    assert all(permis(url) for url in demandees)


@pytest.mark.parametrize("nombre", [0, 1, 3, 5])
def test_any_number_of_parties_renders(nombre: int, db: None) -> None:
    convention = factories.ConventionFactory()
    for rang in range(nombre):
        factories.PartieFactory(convention=convention, signataire=f"Signataire{rang}", ordre=rang)
    textes = publish(convention).textes
    page = next(n for n, t in textes.items() if "Fait à" in t)
    assert [r for r in range(nombre) if f"Signataire{r}" not in textes[page]] == []
    assert textes[page].count("Signature et cachet") == nombre


def test_convention_without_fiche_has_no_annex(convention: Convention) -> None:
    lecture = publish(convention)
    assert "Annexe" not in join(lecture.textes.values())
    assert lecture.pypdf.attachments == {}


def test_convention_without_article_announces_none(petite: Convention) -> None:
    petite.articles.all().delete()
    lecture = publish(petite)
    assert "Article 1" not in join(lecture.textes.values())
    assert "article" not in lecture.textes[1]


def test_convention_without_year_nor_amount_announces_no_recap(petite: Convention) -> None:
    Convention.objects.filter(pk=petite.pk).update(annee_debut=None, annee_fin=None)
    petite.fiches.get().lignes_cout.all().delete()
    texte = join(publish(petite).textes.values())
    assert "Annexe 1 – Fiches action" in texte
    assert "Annexe 2" not in texte
    assert "récapitulatif" not in texte


def store_logo(convention: Convention, contenu: bytes) -> Path:
    organisation = convention.parties.first().organisation
    organisation.logo.save("logo.png", ContentFile(contenu))
    return Path(organisation.logo.path)


def test_stored_logo_is_a_picture_with_a_description(petite: Convention) -> None:
    image = BytesIO()
    Image.new("RGB", (60, 20), "#0a5546").save(image, "PNG")
    store_logo(petite, image.getvalue())
    lecture = publish(petite)
    assert len(lecture.pdf.pages[0].images) == 1
    assert [e.alternative for e in lecture.elements if e.type == "Figure"] == ["Logo de Agglo d’essai"]


@pytest.mark.parametrize("etat", ["illisible", "absent"])
def test_damaged_logo_does_not_prevent_the_pdf(petite: Convention, etat: str) -> None:
    fichier = store_logo(petite, b"pas une image")
    if etat == "absent":
        fichier.unlink()
    assert publish(petite).textes[1].count("emplacement du logo") == 2
