"""The auditor's file: everything is there, everything can be checked, what is lost is said, nothing runs in a spreadsheet."""

import csv
import hashlib
import io
import json
import subprocess
import zipfile
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.test import Client, override_settings
from django.urls import reverse
from lxml import html
from tinyhtml5.parser import HTMLParser

from conventions.gel import lift
from conventions.journal import record
from conventions.models import Convention
from documents.deliberations import DOSSIER as DELIBERATIONS
from documents.dossier import build_dossier
from documents.figes import DocumentFige, keep_file
from documents.models import Signature
from documents.signatures import EXEMPLAIRES
from fiches.models import FicheAction
from financement.models import Paiement, PieceVersement
from tests import factories
from tests.factories import euros
from tests.signees import PDF, SIGNEE_LE, amend, conclude, freeze, reread
from tests.vie import Projet, make_project

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]
SCELLE, SIGNE, DELIBERE, PIECE = PDF + b"scelle", PDF + b"signe", PDF + b"delibere", PDF + b"facture"
RACINE, AVENANT = "ESSAI-1", "ESSAI-1-AV1"


@pytest.fixture
def projet() -> Projet:
    return make_project()


@pytest.fixture
def base(projet: Projet) -> Convention:
    return fill(projet)


def fill(projet: Projet) -> Convention:
    """A signed agreement with a document withdrawn, one signed on paper, a délibération, a payment and its invoice, an avenant."""
    convention, partie = projet.convention, projet.financeur
    fiche: Any = convention.fiches.get()
    fiche.titre = "=SOMME(A1:A9)"
    fiche.save()
    factories.LigneCoutFactory(fiche=fiche, annee=2018, montant=euros(6000))
    versement = factories.VersementFactory(convention=convention, payeur=partie.organisation, beneficiaire=projet.beneficiaire.organisation)
    nom, _ = keep_file(DELIBERE, "pdf", DELIBERATIONS)
    convention.parties.filter(pk=partie.pk).update(deliberation_fichier=nom)
    DocumentFige.objects.filter(pk=freeze(convention, PDF + b"retire").pk).update(retire_le="2018-01-03T10:00:00Z")
    document = freeze(convention, PDF, SCELLE)
    nom, empreinte = keep_file(SIGNE, "pdf", EXEMPLAIRES)
    exemplaire = {"fichier": nom, "empreinte": empreinte, "nom": "scan.pdf"}
    Signature.objects.create(document=document, partie=partie, mode="papier", signataire="Anne Essai", date=SIGNEE_LE, **exemplaire)
    Convention.objects.filter(pk=convention.pk).update(etat=Convention.Etat.NOTIFIEE, date_signature=SIGNEE_LE)
    nom, empreinte = keep_file(PIECE, "pdf", "versements")
    PieceVersement.objects.create(
        convention=convention, versement=versement, intitule="Facture", fichier=nom, nom="f.pdf", taille=len(PIECE), empreinte=empreinte
    )
    Paiement.objects.create(
        convention=convention, versement=versement, montant=euros("1234.50"), exercice=2019, numero_bordereau="+33", demande_le=SIGNEE_LE
    )
    record(convention, "ouverture", "@Ouverte.")
    conclude(
        amend(projet.gens["agent financeur"], convention, "Prolonger", date_fin=date(2021, 12, 31)), date(2019, 3, 1), PDF + b"avenant"
    )
    return reread(convention)


@dataclass(frozen=True)
class Dossier:
    """An archive, and what its files are named after."""

    contenu: bytes
    cle: str
    piece: str
    donnees: str

    @cached_property
    def fichiers(self) -> dict[str, bytes]:
        return unzip(self.contenu)


@pytest.fixture(scope="module")
def dossier(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Dossier:
    """The archive of the agreement, made once for the tests that only read it."""
    with django_db_blocker.unblock(), transaction.atomic(), override_settings(MEDIA_ROOT=tmp_path_factory.mktemp("fichiers")):
        projet = make_project()
        base, piece = fill(projet), PieceVersement.objects.get()
        donnees = DocumentFige.objects.get(convention=base, retire_le=None).donnees
        fait = Dossier(build_dossier(base), projet.financeur.organisation.cle, f"{piece.pk}-{piece.empreinte[:8]}", donnees)
        assert set(unzip(build_dossier(base.avenants.get()))) == set(fait.fichiers)  # an avenant gives the file of its agreement
        transaction.set_rollback(True)
    return fait


def unzip(contenu: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(contenu)) as archive:
        assert archive.testzip() is None
        return {i.filename.removeprefix(f"{RACINE}/"): archive.read(i) for i in archive.infolist()}


def read_manifest(fichiers: dict[str, bytes]) -> dict[str, Any]:
    return json.loads(fichiers["manifeste.json"])


def read_csv(contenu: bytes) -> list[list[str]]:
    assert contenu.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(contenu.decode("utf-8-sig")), delimiter=";"))


def test_archive_holds_everything_that_the_agreement_and_its_avenants_left(dossier: Dossier) -> None:
    fichiers, cle = dossier.fichiers, dossier.cle
    octets = {
        f"{RACINE}/document-1/document.pdf": PDF + b"retire",
        f"{RACINE}/document-2/document.pdf": PDF,
        f"{RACINE}/document-2/document-scelle.pdf": SCELLE,
        f"{RACINE}/document-2/signatures/{cle}.pdf": SIGNE,
        f"{RACINE}/deliberations/{cle}.pdf": DELIBERE,
        f"{AVENANT}/document-1/document.pdf": PDF + b"avenant",
        f"versements/pieces/{dossier.piece}.pdf": PIECE,
    }
    assert {nom: fichiers[nom] for nom in octets} == octets
    donnees = [f"{RACINE}/document-{n}/donnees.json" for n in (1, 2)] + [f"{AVENANT}/document-1/donnees.json"]
    noms = ("donnees.json", "historique.csv", "journal.csv", "journal.jsonl", "recapitulatif.xlsx")
    calcules = [f"{c}/{nom}" for c in (RACINE, AVENANT) for nom in noms]
    communs = ["index.html", "manifeste.json", "SHA256SUMS", *(f"versements/{n}.csv" for n in ("paiements", "reversements", "credits"))]
    assert sorted(fichiers) == sorted([*octets, *donnees, *calcules, *communs])
    assert fichiers[donnees[1]].decode() == dossier.donnees


def test_every_file_is_checked_by_the_manifest_and_by_sha256sum(dossier: Dossier, tmp_path: Path) -> None:
    contenu, fichiers = dossier.contenu, dossier.fichiers
    manifeste = read_manifest(fichiers)
    empreintes = {nom: (len(octets), hashlib.sha256(octets).hexdigest()) for nom, octets in fichiers.items()}
    annonces = {f["chemin"]: (f["octets"], f["sha256"]) for f in manifeste["fichiers"]}
    assert annonces == {nom: v for nom, v in empreintes.items() if nom not in {"manifeste.json", "SHA256SUMS"}}
    assert (manifeste["convention"], manifeste["manquants"], manifeste["journal_intact"]) == (RACINE, [], True)
    sommes = dict(reversed(ligne.split("  ", 1)) for ligne in fichiers["SHA256SUMS"].decode().splitlines())
    assert sommes == {nom: empreinte for nom, (_, empreinte) in empreintes.items() if nom != "SHA256SUMS"}
    with zipfile.ZipFile(io.BytesIO(contenu)) as archive:
        archive.extractall(tmp_path)
    subprocess.run(["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"], cwd=tmp_path / RACINE, check=True)


def test_index_is_a_page_that_reads_anywhere(dossier: Dossier) -> None:
    fichiers = dossier.fichiers
    analyse = HTMLParser()
    analyse.parse(fichiers["index.html"])
    assert analyse.errors == []
    page = html.fromstring(fichiers["index.html"].decode())
    assert page.get("lang") == "fr"
    assert [t.text for t in page.iter("h1", "h2")] == ["Dossier de la convention ESSAI-1", "Fichiers"]
    assert {th.get("scope") for th in page.iter("th")} == {"col"}
    assert page.find(".//caption") is not None
    liens = [a.get("href") for a in page.iter("a")]
    assert set(liens) == set(fichiers) - {"index.html", "manifeste.json", "SHA256SUMS"}
    assert not list(page.iter("script", "link", "img"))
    texte = " ".join(page.text_content().split())
    assert "Document de l’avenant n° 1, figé le" in texte
    assert "Document de la convention, retiré le 03/01/2018" in texte
    assert "chaîne intacte" in texte


@pytest.mark.parametrize("perte", ["effacé", "altéré"])
def test_file_that_is_lost_is_told_and_the_rest_is_there(base: Convention, perte: str) -> None:
    document = DocumentFige.objects.get(convention=base, retire_le=None)
    default_storage.delete(document.pdf)
    if perte == "altéré":
        Path(default_storage.path(document.pdf)).write_bytes(PDF + b"!")
    fichiers = unzip(build_dossier(base))
    assert f"{RACINE}/document-2/document.pdf" not in fichiers
    assert f"{RACINE}/document-2/document-scelle.pdf" in fichiers
    (manquant,) = read_manifest(fichiers)["manquants"]
    assert manquant.startswith("Document de la convention, figé le")
    assert "Restaurez-le depuis une sauvegarde" in manquant
    page = html.fromstring(fichiers["index.html"].decode())
    assert [t.text for t in page.iter("h2")] == ["Fichiers manquants", "Fichiers"]
    assert manquant in " ".join(page.text_content().split())


def test_words_that_a_spreadsheet_would_run_are_made_harmless(dossier: Dossier) -> None:
    fichiers = dossier.fichiers
    cellules = {nom: [c for ligne in read_csv(contenu) for c in ligne] for nom, contenu in fichiers.items() if nom.endswith(".csv")}
    assert len(cellules) == 7
    assert not [c for mots in cellules.values() for c in mots if c.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert "'=SOMME(A1:A9)" in cellules[f"{RACINE}/historique.csv"]
    assert "'@Ouverte." in cellules[f"{RACINE}/journal.csv"]
    assert "'+33" in cellules["versements/paiements.csv"]


def test_payments_are_written_as_people_read_them(dossier: Dossier) -> None:
    entetes, ligne = read_csv(dossier.fichiers["versements/paiements.csv"])
    lus = dict(zip(entetes, ligne, strict=True))
    attendu = {"Payeur": "Agglo", "État": "Demandé", "Montant": "1234,50", "Exercice": "2019", "Demandé": "04/12/2018", "Payé": ""}
    assert {nom: lus[nom] for nom in attendu} == attendu


def test_history_tells_every_version_of_every_fiche(base: Convention, projet: Projet) -> None:
    fiche = FicheAction.objects.get(convention=base)
    with lift():
        fiche._history_user = projet.gens["agent financeur"]
        fiche.titre = "Aider"
        fiche.save()
    lignes = read_csv(unzip(build_dossier(base))[f"{RACINE}/historique.csv"])
    assert lignes[0] == ["Date", "Fiche", "Par", "Acte", "État", "Titre"]
    assert [ligne[1:3] + ligne[5:] for ligne in lignes[-1:]] == [["E.A 1", str(projet.gens["agent financeur"]), "Aider"]]


def test_history_tells_the_fiches_put_in_the_corbeille_too(projet: Projet) -> None:
    FicheAction.objects.get().discard()
    lignes = read_csv(unzip(build_dossier(projet.fresh()))[f"{RACINE}/historique.csv"])
    assert [ligne[1] for ligne in lignes[1:]] == ["E.A 1"]


def test_journal_that_somebody_changed_is_told(base: Convention) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE conventions_evenement SET message = 'Autre chose' WHERE convention_id = %s AND rang = 1", [base.pk])
    fichiers = unzip(build_dossier(base))
    assert "chaîne rompue à l’évènement 1" in fichiers["index.html"].decode()
    assert read_manifest(fichiers)["journal_intact"] is False


def test_convention_with_nothing_has_a_file_too(convention: Convention) -> None:
    fichiers = {nom.split("/", 1)[1] for nom in unzip(build_dossier(convention))}
    assert fichiers >= {"index.html", "manifeste.json", "SHA256SUMS", f"{convention.reference}/donnees.json"}


# --- The page --------------------------------------------------------------------------------------------


def take(projet: Projet, qui: str, reference: str = RACINE) -> Any:
    client = Client()
    client.force_login(projet.gens[qui])
    return client.post(reverse("dossier", args=[reference]))


def test_agent_takes_the_file_and_the_journal_keeps_it(base: Convention, projet: Projet) -> None:
    reponse = take(projet, "agent beneficiaire", AVENANT)
    assert (reponse.status_code, reponse["Content-Type"]) == (200, "application/zip")
    assert reponse["Content-Disposition"].startswith('attachment; filename="ESSAI-1-dossier-')
    assert "index.html" in unzip(reponse.content)
    evenement = base.evenements.first()
    assert (evenement.genre, evenement.message, evenement.auteur) == (
        "dossier",
        "Dossier complet téléchargé.",
        projet.gens["agent beneficiaire"],
    )


def test_lecteur_does_not_take_the_file(base: Convention, projet: Projet) -> None:
    assert take(projet, "lecteur financeur").status_code == 403
    assert take(projet, "etranger").status_code == 404
    assert not base.evenements.filter(genre="dossier").exists()
