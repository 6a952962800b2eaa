"""Frozen documents: kept under their fingerprint, given back byte for byte, never made again, and recognised when they come back."""

import os
from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pypdf
import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from comptes.models import Organisation
from conventions.gel import lift
from conventions.models import Convention, Partie
from documents import mise_en_forme, publication, views
from documents.deliberations import DOSSIER as DELIBERATIONS
from documents.figes import DocumentFige, DocumentPerdu, Reconnaissance, get_document, keep_file, read_kept
from documents.instantane import compute_empreinte
from documents.models import Signature
from documents.officiels import read_officiel
from documents.sceau import seal_document
from documents.signatures import EXEMPLAIRES, compare_fichier
from documents.vie import actes
from documents.vie.actes import pass_convention
from socle.pades_lecture import read_signatures
from tests import factories
from tests.ecritures import spell
from tests.signees import PDF, SIGNEE_LE, amend, conclude, freeze, reread
from tests.test_pades import DIRECTEUR, ORIGINAL, PHRASE, PLATEFORME, PRESIDENTE, add, rewrite_page, sign
from tests.vie import Projet, make_project, type_small_pdfs

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]
Etat = Convention.Etat


@pytest.fixture
def projet() -> Projet:
    return make_project()


@pytest.fixture
def coffre(tmp_path: Path, settings: Any) -> None:
    """The platform has a seal."""
    (tmp_path / "sceau.p12").write_bytes(PLATEFORME.lock())
    settings.SCEAU_FICHIER, settings.SCEAU_PHRASE = str(tmp_path / "sceau.p12"), PHRASE


def connect(projet: Projet, qui: str = "agent financeur") -> Client:
    client = Client()
    client.force_login(projet.gens[qui])
    return client


def put_at_signature(projet: Projet) -> DocumentFige:
    """Freeze as the page does it."""
    projet.put(Etat.DELIBEREE)
    projet.agree()
    pass_convention(projet.gens["administrateur financeur"], projet.fresh(), "figer")
    return DocumentFige.objects.current().get()


def path_of(nom: str) -> Path:
    return Path(default_storage.path(nom))


# --- Files -----------------------------------------------------------------------------------------------


def test_file_is_kept_under_its_own_fingerprint() -> None:
    empreinte = compute_empreinte(PDF)
    assert keep_file(PDF, "pdf") == (f"figes/{empreinte[:2]}/{empreinte}.pdf", empreinte)
    assert keep_file(PDF, "pdf", "signatures")[0] == f"signatures/{empreinte[:2]}/{empreinte}.pdf"
    assert read_kept(*keep_file(PDF, "pdf")) == PDF


def test_keeping_the_same_bytes_again_writes_nothing() -> None:
    nom, _ = keep_file(PDF, "pdf")
    os.utime(path_of(nom), (0, 0))
    assert keep_file(PDF, "pdf")[0] == nom
    assert path_of(nom).stat().st_mtime == 0
    assert len(list(path_of(nom).parent.iterdir())) == 1


@pytest.mark.parametrize("reste", [b"", PDF[:10], PDF + b"!"])
def test_file_left_half_written_by_a_crash_is_repaired(reste: bytes) -> None:
    nom, empreinte = keep_file(PDF, "pdf")
    path_of(nom).write_bytes(reste)
    assert keep_file(PDF, "pdf") == (nom, empreinte)
    assert read_kept(nom, empreinte) == PDF


def lose(nom: str) -> None:
    path_of(nom).unlink()


def spoil(nom: str) -> None:
    path_of(nom).write_bytes(PDF + b"!")


@pytest.mark.parametrize(("perdre", "raison"), [(lose, "introuvable"), (spoil, "ne correspond plus à son empreinte")])
def test_file_that_is_no_longer_what_was_kept_is_refused(perdre: Callable[[str], None], raison: str) -> None:
    nom, empreinte = keep_file(PDF, "pdf")
    perdre(nom)
    with pytest.raises(DocumentPerdu, match=f"{raison}. Restaurez-le depuis une sauvegarde"):
        read_kept(nom, empreinte)


@pytest.mark.parametrize("perdre", [lose, spoil])
def test_lost_file_is_told_and_nothing_else_is_given_in_its_place(projet: Projet, perdre: Callable[[str], None]) -> None:
    convention, partie = projet.convention, projet.financeur
    delibere, _ = keep_file(PDF + b"delibere", "pdf", DELIBERATIONS)
    Partie.objects.filter(pk=partie.pk).update(deliberation_fichier=delibere)
    document = freeze(convention, PDF, PDF + b"scelle")
    signe, empreinte = keep_file(PDF + b"signe", "pdf", EXEMPLAIRES)
    signature = Signature.objects.create(
        document=document, partie=partie, mode="papier", date=SIGNEE_LE, fichier=signe, empreinte=empreinte
    )
    Convention.objects.filter(pk=convention.pk).update(etat=Etat.SIGNEE, date_signature=SIGNEE_LE)
    avenant = conclude(amend(projet.gens["agent financeur"], convention, date_fin=date(2021, 12, 31)), date(2019, 3, 1), PDF + b"avenant")
    for fichier in (document.pdf, document.scelle, signe, delibere, DocumentFige.objects.get(convention=avenant).pdf):
        perdre(fichier)
    ici, client = [convention.reference], connect(projet)
    adresses = [reverse(nom, args=ici) for nom in ("convention_pdf",)]
    adresses += [reverse("document_fige", args=[*ici, document.pk, forme]) for forme in ("pdf", "scelle")]
    adresses += [reverse("signature_fichier", args=[*ici, signature.pk]), reverse("deliberation_fichier", args=[*ici, partie.pk])]
    adresses += [reverse("consolidee_pdf", args=ici) + "?le=2018-12-31", reverse("avenant_pdf", args=[avenant.reference])]
    for adresse in adresses:
        reponse = client.get(adresse)
        assert (adresse, reponse.status_code) == (adresse, 410)
        assert "Ce fichier ne peut pas être remis" in reponse.content.decode()


# --- Served as it was frozen -------------------------------------------------------------------------------


def test_frozen_document_is_served_byte_for_byte_and_never_typeset_again(projet: Projet, monkeypatch: pytest.MonkeyPatch) -> None:
    type_small_pdfs(monkeypatch)
    document = put_at_signature(projet)
    for module, nom in ((views, "serve_convention"), (publication, "publish_parties"), (actes, "publish_convention")):
        monkeypatch.delattr(module, nom)
    client, adresse = connect(projet), reverse("convention_pdf", args=[projet.convention.reference])
    servis = [client.get(adresse).content]
    Organisation.objects.filter(pk=projet.financeur.organisation_id).update(nom="Grande agglomération", ville="Dijon")
    with lift():
        Convention.objects.filter(pk=projet.convention.pk).update(etat=Etat.EXECUTOIRE, titre="Autre titre", date_signature=SIGNEE_LE)
    servis.append(client.get(adresse).content)
    assert servis == [document.read_pdf()] * 2


def read_words(pdf: bytes) -> list[str]:
    """The words of each page."""
    return [" ".join(page.extract_text().split()) for page in pypdf.PdfReader(BytesIO(pdf)).pages]


def test_draft_marking_leaves_with_the_freezing_and_not_before(projet: Projet) -> None:
    adresse, client = reverse("convention_pdf", args=[projet.convention.reference]), connect(projet)
    projet.convention.fiches.all().delete()  # a short document
    projet.put(Etat.DELIBEREE)
    brouillon = read_words(client.get(adresse).content)
    assert [n for n, mots in enumerate(brouillon) if "Document de travail – à ne pas diffuser" not in mots] == []
    put_at_signature(projet)
    fige = client.get(adresse).content
    assert not any("Document de travail" in mots for mots in read_words(fige))
    assert len(read_words(fige)) == len(brouillon)
    Convention.objects.filter(pk=projet.convention.pk).update(etat=Etat.SIGNEE, date_signature=SIGNEE_LE)
    assert client.get(adresse).content == fige
    signe = sign(fige, PRESIDENTE)  # what people sign is this very file
    assert compare_fichier(DocumentFige.objects.get(), signe).resultat == Reconnaissance.SIGNE


def test_withdrawn_document_gives_way_to_the_draft_and_stays_where_it_was(projet: Projet, monkeypatch: pytest.MonkeyPatch) -> None:
    document, client = freeze(projet.convention), connect(projet)
    pass_convention(projet.gens["administrateur financeur"], projet.fresh(), "retirer", motif="Une erreur")
    monkeypatch.setattr(mise_en_forme, "render_pdf", lambda d: b"%PDF-" + d.html.encode())
    assert b"Document de travail" in client.get(reverse("convention_pdf", args=["ESSAI-1"])).content
    assert client.get(reverse("document_fige", args=["ESSAI-1", document.pk, "pdf"])).content == PDF
    assert get_document(projet.fresh()) is None
    assert read_officiel(projet.fresh()) is None


def test_convention_signed_elsewhere_is_typeset_from_its_data(projet: Projet, monkeypatch: pytest.MonkeyPatch) -> None:
    conclude(projet.convention, pdf=None)
    monkeypatch.setattr(mise_en_forme, "render_pdf", lambda d: b"%PDF-compose")
    assert connect(projet).get(reverse("convention_pdf", args=["ESSAI-1"])).content == b"%PDF-compose"


def test_each_form_of_a_document_has_its_address_and_its_name(projet: Projet) -> None:
    document, client = freeze(projet.convention, PDF, PDF + b"scelle"), connect(projet, "lecteur beneficiaire")

    def get(forme: str, pk: int = document.pk) -> Any:
        return client.get(reverse("document_fige", args=["ESSAI-1", pk, forme]))

    recus = {forme: (r.content, r["Content-Type"], r["Content-Disposition"]) for forme in ("pdf", "scelle", "json") if (r := get(forme))}
    assert recus == {
        "pdf": (PDF, "application/pdf", 'inline; filename="ESSAI-1-a-signer.pdf"'),
        "scelle": (PDF + b"scelle", "application/pdf", 'inline; filename="ESSAI-1-scelle.pdf"'),
        "json": (document.donnees.encode(), "application/json", 'attachment; filename="ESSAI-1-donnees.json"'),
    }
    assert compute_empreinte(recus["json"][0]) == document.empreinte_donnees
    assert [get("xlsx").status_code, get("pdf", document.pk + 1).status_code] == [404, 404]


def test_document_without_pdf_nor_seal_has_no_such_form(projet: Projet) -> None:
    document, client = freeze(projet.convention, None), connect(projet)
    assert [client.get(reverse("document_fige", args=["ESSAI-1", document.pk, f])).status_code for f in ("pdf", "scelle", "json")] == [
        404,
        404,
        200,
    ]


def test_document_is_reached_through_its_own_convention_only(projet: Projet) -> None:
    document = freeze(projet.convention)
    autre = factories.PartieFactory(organisation=projet.financeur.organisation).convention
    assert connect(projet).get(reverse("document_fige", args=[autre.reference, document.pk, "pdf"])).status_code == 404
    assert connect(projet, "etranger").get(reverse("document_fige", args=["ESSAI-1", document.pk, "pdf"])).status_code == 404


def test_one_document_at_a_time_is_at_signature(projet: Projet) -> None:
    premier = freeze(projet.convention)
    with pytest.raises(IntegrityError), transaction.atomic():
        freeze(projet.convention, PDF + b"autre")
    premier.retire_le = timezone.now()
    premier.save()
    assert freeze(projet.convention, PDF + b"autre").pk != premier.pk
    assert set(DocumentFige.objects.visible_to(projet.gens["etranger"])) == set()
    assert DocumentFige.objects.visible_to(projet.gens["lecteur financeur"]).current().count() == 1


# --- Sealed ------------------------------------------------------------------------------------------------


def test_platform_without_seal_seals_nothing(projet: Projet) -> None:
    assert seal_document(ORIGINAL, projet.convention) is None


@pytest.mark.usefixtures("coffre")
def test_frozen_document_is_kept_with_its_sealed_copy(projet: Projet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actes, "publish_convention", lambda c: ORIGINAL)
    document = put_at_signature(projet)
    assert document.read_pdf() == ORIGINAL
    assert document.read_scelle().startswith(ORIGINAL)
    (lue,) = read_signatures(document.read_scelle())
    assert (lue.signataire, lue.integre) == ("Trait d’union", True)


def test_seal_that_cannot_serve_freezes_nothing_and_is_told(projet: Projet, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    type_small_pdfs(monkeypatch)
    settings.SCEAU_FICHIER = "/absent/sceau.p12"
    projet.put(Etat.DELIBEREE)
    projet.agree()
    reponse = connect(projet, "administrateur financeur").post(reverse("vie_passer", args=["ESSAI-1", "figer"]))
    assert reponse.status_code == 422
    assert "Le fichier du sceau est introuvable" in reponse.content.decode()
    assert (reread(projet.convention).etat, DocumentFige.objects.current().exists()) == (Etat.DELIBEREE, False)


# --- Recognised --------------------------------------------------------------------------------------------


@pytest.fixture
def document(projet: Projet, coffre: None) -> DocumentFige:
    """A document of two pages, its sealed copy, and the scan of the copy that the financeur signed by hand."""
    fige = freeze(projet.convention, ORIGINAL, seal_document(ORIGINAL, projet.fresh()))
    nom, empreinte = keep_file(PDF, "pdf", EXEMPLAIRES)
    scan = {"fichier": nom, "empreinte": empreinte}
    Signature.objects.create(document=fige, partie=projet.financeur, mode="papier", signataire="Anne Essai", date=SIGNEE_LE, **scan)
    return fige


def make_brought(document: DocumentFige) -> dict[str, tuple[bytes, Reconnaissance, str]]:
    """Files that people may bring, what each is, and words of the answer."""
    signe = sign(ORIGINAL, PRESIDENTE)
    return {
        "le document": (ORIGINAL, Reconnaissance.DOCUMENT, "à l’octet près"),
        "la copie scellée": (document.read_scelle(), Reconnaissance.SCELLE, "avec le sceau de la plateforme"),
        "une copie signée": (signe, Reconnaissance.SIGNE, "seules des signatures y ont été ajoutées"),
        "une copie signée deux fois": (sign(signe, DIRECTEUR), Reconnaissance.SIGNE, "seules des signatures"),
        "la copie scellée puis signée": (sign(document.read_scelle(), PRESIDENTE), Reconnaissance.SIGNE, "seules des signatures"),
        "la numérisation": (PDF, Reconnaissance.EXEMPLAIRE, "l’exemplaire enregistré avec la signature de Agglo d’essai, le 04/12/2018"),
        "les données": (document.donnees.encode(), Reconnaissance.DONNEES, "Ce sont les données du document"),
        "une copie modifiée": (add(ORIGINAL, rewrite_page), Reconnaissance.MODIFIE, "il en part, mais son contenu a été modifié ensuite"),
        "une copie modifiée puis signée": (sign(add(ORIGINAL, rewrite_page), PRESIDENTE), Reconnaissance.MODIFIE, "modifié ensuite"),
        "une copie tronquée": (ORIGINAL[:-20], Reconnaissance.AUTRE, "Ce n’est pas le document"),
        "une copie suivie d’un reste": (ORIGINAL + b"\x00reste", Reconnaissance.AUTRE, "Ce n’est pas le document"),
        "un octet changé": (ORIGINAL.replace(b"12 000", b"92 000"), Reconnaissance.AUTRE, "Ce n’est pas le document"),
        "un autre fichier": (b"bonjour", Reconnaissance.AUTRE, "Ce n’est pas le document"),
    }


def test_file_that_comes_back_is_recognised(document: DocumentFige) -> None:
    apportes = make_brought(document)
    trouves = {nom: compare_fichier(document, contenu) for nom, (contenu, _, _) in apportes.items()}
    assert {nom: c.resultat for nom, c in trouves.items()} == {nom: attendu for nom, (_, attendu, _) in apportes.items()}
    for nom, (contenu, attendu, mots) in apportes.items():
        assert mots in trouves[nom].phrase, nom
        assert trouves[nom].empreinte == compute_empreinte(contenu)
        assert trouves[nom].is_bon == (attendu not in {Reconnaissance.MODIFIE, Reconnaissance.AUTRE})


def test_answer_says_when_the_document_was_frozen_then_signed(document: DocumentFige) -> None:
    assert f"mis à la signature le {timezone.localdate():%d/%m/%Y}" in compare_fichier(document, ORIGINAL).phrase
    document.convention.date_signature = SIGNEE_LE
    assert "le document signé le 04/12/2018" in compare_fichier(document, ORIGINAL).phrase


def test_data_frozen_without_document_are_recognised_and_nothing_else(projet: Projet) -> None:
    fige = freeze(projet.convention, None)
    assert compare_fichier(fige, fige.donnees.encode()).resultat == Reconnaissance.DONNEES
    assert compare_fichier(fige, ORIGINAL).resultat == Reconnaissance.AUTRE


def verify(projet: Projet, contenu: bytes | None, qui: str = "lecteur financeur") -> Any:
    fichiers = {} if contenu is None else {"fichier": SimpleUploadedFile("recu.pdf", contenu)}
    return connect(projet, qui).post(reverse("vie_verifier", args=["ESSAI-1"]), fichiers)


def test_page_says_what_a_file_is_and_keeps_nothing_of_it(projet: Projet, document: DocumentFige) -> None:
    avant = sorted(Path(default_storage.path(".")).rglob("*"))
    for contenu, mots in ((ORIGINAL, "à l’octet près"), (b"bonjour", "Ce n’est pas le document")):
        page = spell(verify(projet, contenu).content.decode())
        assert mots in page
        assert compute_empreinte(contenu) in page
    assert sorted(Path(default_storage.path(".")).rglob("*")) == avant


@pytest.mark.parametrize("contenu", [None, b""])
def test_file_to_check_is_asked_for(projet: Projet, document: DocumentFige, contenu: bytes | None) -> None:
    reponse = verify(projet, contenu)
    assert reponse.status_code == 422
    assert "Choisissez le fichier à vérifier." in reponse.content.decode()


def test_checking_against_a_lost_document_is_told(projet: Projet, document: DocumentFige) -> None:
    lose(document.pdf)
    reponse = verify(projet, b"bonjour")
    assert reponse.status_code == 422
    assert "Restaurez-le depuis une sauvegarde" in reponse.content.decode()


def test_nothing_is_checked_before_a_document_is_frozen(projet: Projet) -> None:
    assert verify(projet, ORIGINAL).status_code == 404
