"""Documents typeset part by part: what is made again, what is read back, what the assembled file holds."""

import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from fontTools.ttLib import TTFont
from pikepdf import Name

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention, Partie, Travail
from documents import mise_en_forme
from documents.mise_en_forme import ask_document, assister_document, prepare_ahead, preparer_document, print_convention
from documents.publication import compose_convention
from documents.versions import compute_version, list_rows
from financement.models import LigneCout, NatureDepense
from socle import pdf, pdf_cahiers, pdf_moteur
from socle.pdf_polices import FACES, load_fonte
from tests import factories
from tests.factories import euros
from tests.lecture_pdf import Lecture, join

pytestmark = pytest.mark.django_db
ACCENTS = "Grâce à l’œuvre, Noël où çà ; ÉÈÀÇŒ, ïÿ ß"


@pytest.fixture
def projet(convention: Convention) -> Convention:
    """A convention of one article and three costed fiches."""
    factories.ArticleFactory(convention=convention, numero=1, titre="Durée", texte="Elle prend fin le {{ convention.date_fin }}.")
    for rang in (1, 2, 3):
        fiche = factories.FicheFactory(convention=convention, code=f"E.Z {rang}", titre=f"Action {rang}", constat=ACCENTS)
        factories.LigneCoutFactory(fiche=fiche, annee=2018)
    return convention


@pytest.fixture
def typeset(depot: FileSystemStorage, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the parts that are laid out from now on."""
    noms: list[str] = []
    vrai = pdf_moteur.render_html

    def note(html: str, ressources: Any) -> bytes:
        noms.append(re.search("<title>(.*?)</title>", html)[1])
        return vrai(html, ressources)

    monkeypatch.setattr(pdf_moteur, "render_html", note)
    return noms


def reread(projet: Convention) -> Convention:
    return Convention.objects.with_parties().get(pk=projet.pk)


# --- What is typeset again -------------------------------------------------------------------------------------


def test_one_edit_typesets_one_part_again(projet: Convention, typeset: list[str]) -> None:
    avant = print_convention(projet)
    assert {"Couverture", "Sommaire", "Articles", "Fiche E.Z 1", "Fiche E.Z 2", "Récapitulatif financier"} <= set(typeset)
    typeset.clear()
    projet.fiches.filter(code="E.Z 2").update(constat="Un autre constat.")
    apres = print_convention(projet)
    assert typeset == ["Fiche E.Z 2"]
    assert "Un autre constat" in join(Lecture(apres).textes.values())
    assert "Un autre constat" not in join(Lecture(avant).textes.values())


def test_nothing_is_composed_again_for_the_same_rows(projet: Convention, typeset: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    contenu = print_convention(projet)
    monkeypatch.delattr(mise_en_forme, "compose_convention")
    assert print_convention(reread(projet)) == contenu


def test_words_typed_and_taken_back_bring_the_first_document_back(projet: Convention, typeset: list[str]) -> None:
    avant = print_convention(projet)
    projet.fiches.filter(code="E.Z 1").update(constat="Autre chose.")
    assert print_convention(projet) != avant
    projet.fiches.filter(code="E.Z 1").update(constat=ACCENTS)
    typeset.clear()
    assert print_convention(projet) == avant
    assert typeset == []


def test_one_whole_document_is_kept_of_each_convention(projet: Convention, depot: FileSystemStorage) -> None:
    autre = factories.ConventionFactory()
    print_convention(autre)
    for rang in range(3):
        projet.fiches.filter(code="E.Z 1").update(constat=f"Essai {rang}.")
        print_convention(projet)
    formes = Counter(nom.rpartition(".")[2] for dossier in depot.listdir("")[0] for nom in depot.listdir(dossier)[1])
    assert (formes["pdf"], formes["version"], formes["dernier"]) == (2, 2, 2)


@pytest.mark.parametrize("forme", ["cahier", "pdf", "version", "fonte"])
def test_what_a_crash_left_half_written_is_made_again(forme: str, projet: Convention, depot: FileSystemStorage) -> None:
    contenu = print_convention(projet)
    for dossier in depot.listdir("")[0]:
        for nom in depot.listdir(dossier)[1]:
            if nom.endswith(f".{forme}"):
                with open(depot.path(f"{dossier}/{nom}"), "r+b") as fichier:
                    fichier.truncate(40)
    pdf_cahiers._recents.clear()
    assert print_convention(projet) == contenu


def test_full_storage_costs_time_and_not_the_document(
    projet: Convention, depot: FileSystemStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **options: Any) -> str:
        raise OSError("No space left on device")

    monkeypatch.setattr(depot, "save", refuse)
    assert len(Lecture(print_convention(projet)).pdf.pages) > 5


def test_two_workers_meet_without_changing_a_byte(projet: Convention, typeset: list[str]) -> None:
    seul = print_convention(projet)
    pdf_cahiers.clear()
    document = compose_convention(reread(projet))
    milieu = len(document.cahiers) // 2

    def stop(fait: int, total: int, nom: str) -> None:
        if fait == milieu:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pdf.render_cahiers(document, stop, rebours=True)
    typeset.clear()
    assert print_convention(projet) == seul
    assert len(typeset) == len(document.cahiers) - milieu


CALCUL = """
import hashlib
from datetime import date
import django; django.setup()
from socle import pdf, pdf_cahiers, pdf_depot
from django.core.files.storage import InMemoryStorage
vide = InMemoryStorage(); pdf_depot.get_storage = lambda: vide
page = '<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>x</title></head><body data-courant="c" data-mention="m">%s</body></html>'
tableau = '<table><caption>t</caption><thead><tr><th scope="col">a</th><th scope="col">b</th></tr></thead><tbody><tr><th scope="row">é</th><td>1</td></tr></tbody></table>'
cahiers = [pdf.Cahier(str(n), page % f'<h1 id="t{n}">Titre {n}</h1><p><a href="#t{1 - n}">suite</a> {n}</p>{tableau}') for n in (0, 1)]
document = pdf.Document(cahiers, pdf.Description("Titre", "Auteur", "Sujet", date(2018, 11, 2)), {}, [pdf.PieceJointe("a.csv", b"1;2", "d")])
print(hashlib.sha256(pdf.render_pdf(document)).hexdigest())
"""


def test_two_processes_give_the_same_bytes(root: Any) -> None:
    somme = {
        subprocess.run(
            [sys.executable, "-c", CALCUL],
            env=os.environ | {"PYTHONHASHSEED": graine, "DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=True,
            cwd=root,
        ).stdout.split()[-1]
        for graine in ("1", "2")
    }
    assert len(somme) == 1


# --- The fingerprint of the rows ----------------------------------------------------------------------------------


def test_fingerprint_covers_every_table_that_printing_reads(dijon: Convention) -> None:
    lues: set[str] = set()

    def note(execute: Callable[..., Any], sql: str, *suite: Any) -> Any:
        lues.update(re.findall(r'(?:FROM|JOIN) "(\w+)"', sql))
        return execute(sql, *suite)

    with connection.execute_wrapper(note):
        compose_convention(dijon)
    assert lues == {rows.model._meta.db_table for rows in list_rows(dijon)}


def read_nature(convention: Convention) -> int:
    return LigneCout.objects.filter(fiche__convention=convention).values_list("nature", flat=True)[0]


CHANGEMENTS: dict[str, Callable[[Convention], Any]] = {
    "title": lambda c: Convention.objects.filter(pk=c.pk).update(titre="Autre titre"),
    "signatory": lambda c: Partie.objects.filter(convention=c, ordre=10).update(signataire="Autre signataire"),
    "name of an organisation": lambda c: Organisation.objects.filter(parties__convention=c).update(ville="Autre ville"),
    "name of a nature": lambda c: NatureDepense.objects.filter(pk=read_nature(c)).update(nom="Autre nature"),
    "amount": lambda c: LigneCout.objects.filter(fiche__convention=c).update(montant=euros(7)),
    "fiche in the corbeille": lambda c: c.fiches.first().delete(),
    "row added": lambda c: factories.LigneCoutFactory(fiche=c.fiches.first(), annee=2019),
    "row taken away": lambda c: LigneCout.objects.filter(fiche__convention=c).first().delete(),
    "maître d’ouvrage": lambda c: c.fiches.first().maitres_ouvrage.add(Organisation.objects.first()),
    "contradiction accepted": lambda c: factories.AcceptationFactory(convention=c),
}


@pytest.mark.parametrize("nom", CHANGEMENTS)
def test_any_change_is_seen(nom: str, projet: Convention) -> None:
    avant = compute_version(projet)
    assert compute_version(projet) == avant
    CHANGEMENTS[nom](projet)
    assert compute_version(projet) != avant


def test_change_made_while_printing_is_not_kept_for_the_rows_before(projet: Convention, monkeypatch: pytest.MonkeyPatch) -> None:
    vrai = mise_en_forme.compose_convention

    def change_meanwhile(convention: Convention) -> Any:
        convention.fiches.filter(code="E.Z 1").update(constat="Changé entre-temps.")
        return vrai(convention)

    version = compute_version(projet)
    monkeypatch.setattr(mise_en_forme, "compose_convention", change_meanwhile)
    assert "Changé entre-temps" in join(Lecture(print_convention(projet)).textes.values())
    assert mise_en_forme.read_printed(version) is None


# --- The assembled file ------------------------------------------------------------------------------------------


@pytest.fixture
def lecture(projet: Convention) -> Lecture:
    return Lecture(print_convention(projet))


def test_each_face_is_there_once_with_the_shapes_of_its_font(lecture: Lecture) -> None:
    polices = {p.objgen: p for page in lecture.pdf.pages for p in page.resources.get("/Font", {}).values()}
    programmes = {}
    for police in polices.values():
        descendante = police.DescendantFonts[0]
        face = str(police.BaseFont).partition("+")[2]
        programmes.setdefault(face, set()).add(descendante.FontDescriptor.FontFile2.objgen)
        coupee = TTFont(BytesIO(descendante.FontDescriptor.FontFile2.read_bytes()))
        entiere = TTFont(load_fonte(face).chemin)
        for code in re.findall(rb"<([0-9a-f]{4})> <", police.ToUnicode.read_bytes()):
            rang = int(code, 16)
            dessins = []
            for fonte in (coupee, entiere):
                glyphes = fonte["glyf"]
                nom = glyphes.glyphOrder[rang]
                dessins.append([list(map(tuple, glyphes[nom].getCoordinates(glyphes)[0])), fonte["hmtx"][nom][0]])
            assert dessins[0] == dessins[1], (face, code)
    assert set(programmes) <= set(FACES)
    assert {len(p) for p in programmes.values()} == {1}


def test_faces_are_those_of_the_print_style() -> None:
    feuille = pdf_moteur.FEUILLE.read_text()
    declarees = re.findall(
        r'@font-face \{ font-family: "(\w+)"; src: url\("fonts/([^"]+)"\); font-weight: (\d+)(; font-style: italic)?', feuille
    )
    noms = {
        f"{famille}{'-Semi-Bold' if gras == '600' else ''}{'-Italic' if italique else ''}": f for famille, f, gras, italique in declarees
    }
    assert noms == FACES


def test_accents_are_read_back_as_typed(lecture: Lecture) -> None:
    assert join(lecture.textes.values()).count(ACCENTS.replace(" ;", " ;")) == 3


def test_no_place_of_a_number_is_left(lecture: Lecture) -> None:
    assert [n for n, texte in lecture.textes.items() if "¤" in texte] == []


def test_signs_that_somebody_typed_stay_as_typed(projet: Convention) -> None:
    projet.fiches.filter(code="E.Z 1").update(titre="Prix ¤¤¤", constat="Il vaut ¤¤¤.")
    textes = join(Lecture(print_convention(projet)).textes.values())
    assert "Prix ¤¤¤" in textes
    assert "Il vaut ¤¤¤." in textes


def test_letters_that_our_fonts_lack_come_with_another_font(projet: Convention) -> None:
    projet.fiches.filter(code="E.Z 1").update(constat="Partenaire : 東京 (مدينة).")
    lecture = Lecture(print_convention(projet))
    page = next(p for n, p in enumerate(lecture.pdf.pages, 1) if "Partenaire" in lecture.textes[n] and "E.Z 1" in lecture.textes[n])
    assert all(
        "/FontFile2" in p.DescendantFonts[0].FontDescriptor or "/FontFile3" in p.DescendantFonts[0].FontDescriptor
        for p in page.resources.Font.values()
    )


def test_each_part_has_its_element_and_its_head_cells_their_own_names(lecture: Lecture) -> None:
    racine = lecture.pdf.Root.StructTreeRoot
    parties = list(racine.K[0].K)
    assert {str(p.S) for p in parties} == {"/Part"}
    assert [str(p.T) for p in parties][:2] == ["Couverture", "Sommaire"]
    noms = [str(n) for feuille in racine.IDTree.Kids for n in list(feuille.Names)[::2]]
    assert noms == sorted(set(noms))
    entetes = [
        str(h)
        for e in lecture.pdf.objects
        if getattr(e, "get", None) and e.get("/S") == Name.TD
        for h in e.get("/A", {}).get("/Headers", [])
    ]
    assert entetes
    assert set(entetes) <= set(noms)


def test_contents_are_a_table_of_contents(lecture: Lecture) -> None:
    lignes = [e for e in lecture.elements if e.type == "TOCI"]
    assert len(lignes) >= 8
    assert all("TOC" in e.parents for e in lignes)


def test_links_say_their_page(lecture: Lecture) -> None:
    for lien in (e for e in lecture.elements if e.type == "Link"):
        annotation = lien.annotations[0]
        assert str(annotation.Contents).endswith(f", page {lecture.destinations[str(annotation.Dest)]}")


def test_link_that_leads_nowhere_is_refused(depot: FileSystemStorage, projet: Convention) -> None:
    document = compose_convention(reread(projet))
    cahier = document.cahiers[-1]
    perdu = pdf.Cahier(cahier.nom, cahier.html.replace("</body>", '<p><a href="#nulle-part">suite</a></p></body>'))
    with pytest.raises(ValueError, match="nulle-part"):
        pdf.render_pdf(pdf.Document([*document.cahiers[:-1], perdu], document.description))


# --- Waiting, and not waiting --------------------------------------------------------------------------------------

NAVIGATEUR = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def test_long_document_is_awaited_in_a_page_then_served(
    projet: Convention, client_agent: Client, depot: FileSystemStorage, settings: Any
) -> None:
    settings.DOCUMENT_DIRECT = 4
    adresse = reverse("convention_pdf", args=[projet.reference])
    attente = client_agent.get(adresse, headers=NAVIGATEUR)
    assert attente.status_code == 202
    assert "Le PDF de la convention se prépare" in attente.content.decode()
    client_agent.get(adresse, headers=NAVIGATEUR)
    travail = Travail.objects.get(sorte="document")
    assert (travail.convention, travail.cle, travail.etat) == (projet, "convention", Travail.Etat.EN_ATTENTE)
    preparer_document.call(travail.pk, projet.pk, "convention")
    travail.refresh_from_db()
    assert (travail.etat, travail.fait) == (Travail.Etat.FAIT, travail.total)
    servi = client_agent.get(adresse, headers=NAVIGATEUR)
    assert (servi.status_code, servi["Content-Type"]) == (200, "application/pdf")


def test_page_that_waits_offers_the_document_and_does_not_load_itself_again(
    projet: Convention, client_agent: Client, agent: Utilisateur
) -> None:
    travail = ask_document(agent, projet)
    Travail.objects.filter(pk=travail.pk).update(etat=Travail.Etat.FAIT, fini_le=timezone.now())
    adresse = reverse("convention_pdf", args=[projet.reference])
    reponse = client_agent.get(reverse("travail", args=[travail.pk]), {"retour": adresse})
    assert "HX-Refresh" not in reponse
    assert f'<a href="{adresse}" data-ouvrir>' in reponse.content.decode()


def test_short_work_is_done_at_once(projet: Convention, client_agent: Client, depot: FileSystemStorage, settings: Any) -> None:
    settings.DOCUMENT_DIRECT = 4
    print_convention(projet)
    projet.fiches.filter(code="E.Z 2").update(constat="Un autre constat.")
    reponse = client_agent.get(reverse("convention_pdf", args=[projet.reference]), headers=NAVIGATEUR)
    assert reponse["Content-Type"] == "application/pdf"
    assert not Travail.objects.exists()


def test_program_gets_the_document_however_long(projet: Convention, client_agent: Client, depot: FileSystemStorage, settings: Any) -> None:
    settings.DOCUMENT_DIRECT = 0
    reponse = client_agent.get(reverse("convention_pdf", args=[projet.reference]))
    assert reponse.content.startswith(b"%PDF")


def test_work_done_twice_gives_the_same_document(projet: Convention, agent: Utilisateur, depot: FileSystemStorage) -> None:
    contenus = []
    for _ in range(2):
        travail = ask_document(agent, projet)
        preparer_document.call(travail.pk, projet.pk, "convention")
        contenus.append(print_convention(projet))
    assert contenus[0] == contenus[1]
    assert Travail.objects.filter(etat=Travail.Etat.FAIT).count() == 2


def test_second_worker_leaves_nothing_to_typeset(projet: Convention, typeset: list[str]) -> None:
    assister_document.call(projet.pk, "convention")
    typeset.clear()
    print_convention(projet)
    assert typeset == []


def test_change_is_typeset_ahead_unless_the_document_is_frozen(projet: Convention, depot: FileSystemStorage, settings: Any) -> None:
    prepare_ahead(None, projet.pk)
    assert not Travail.objects.exists()
    settings.DOCUMENT_AVANCE = True
    prepare_ahead(None, projet.pk)
    assert Travail.objects.get().cle == "convention"
    Travail.objects.all().delete()
    Convention.objects.filter(pk=projet.pk).update(etat="signee")
    prepare_ahead(None, projet.pk)
    assert not Travail.objects.exists()


def test_old_parts_are_pruned_and_made_again(projet: Convention, depot: FileSystemStorage) -> None:
    contenu = print_convention(projet)
    vieux = time.time() - 40 * 86_400
    gardes = [depot.path(f"{d}/{n}") for d in depot.listdir("")[0] for n in depot.listdir(d)[1]]
    for chemin in gardes[::2]:
        os.utime(chemin, (vieux, vieux))
    call_command("prune_cahiers", "--jours", "30")
    assert [os.path.exists(chemin) for chemin in gardes] == [bool(rang % 2) for rang in range(len(gardes))]
    pdf_cahiers._recents.clear()
    assert print_convention(projet) == contenu
