"""Files in an object storage: the same acts and the same sentences as on a disk, tried against a real S3 server."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from comptes.models import Organisation, Utilisateur
from config.objets import StockageObjets
from conventions.models import Convention
from documents.figes import DocumentFige, DocumentPerdu, keep_file, read_kept
from documents.logos import read_logo
from documents.vie.actes import pass_convention
from financement.models import ImportBudget, PieceVersement
from tests import factories
from tests.archives import empty_database
from tests.depots import JUSTE, address, drop, make_file
from tests.objets import PREFIXE, Seau, read_options, reglages_s3, serveur_s3  # noqa: F401 (fixtures)
from tests.objets import seau as seau  # fixture
from tests.paiements import Plan
from tests.pieces import draw
from tests.signees import PDF
from tests.vie import Projet, make_project

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seau")]
AUTRE = PDF + b"!"


def spoil(seau: Seau, nom: str) -> None:
    seau.write(nom, AUTRE)


def lose(seau: Seau, nom: str) -> None:
    seau.lose(nom)


PERTES = pytest.mark.parametrize("perdre", [lose, spoil])


def connect(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


# --- Kept under a fingerprint --------------------------------------------------------------------------


def test_file_is_kept_once_under_its_fingerprint_and_the_prefix(seau: Seau) -> None:
    nom, empreinte = keep_file(PDF, "pdf")
    assert keep_file(PDF, "pdf") == (nom, empreinte)
    assert seau.list() == [f"{PREFIXE}/figes/{empreinte[:2]}/{empreinte}.pdf"]
    assert (seau.read(nom), read_kept(nom, empreinte)) == (PDF, PDF)


def test_objects_are_private(seau: Seau) -> None:
    nom, _ = keep_file(PDF, "pdf")
    droits = seau.bucket.Object(f"{PREFIXE}/{nom}").Acl().grants
    assert {d["Permission"] for d in droits} == {"FULL_CONTROL"}
    assert not any(d["Grantee"].get("URI") for d in droits)


def test_object_spoilt_is_written_again_when_its_bytes_come_back(seau: Seau) -> None:
    nom, empreinte = keep_file(PDF, "pdf")
    spoil(seau, nom)
    assert keep_file(PDF, "pdf") == (nom, empreinte)
    assert seau.read(nom) == PDF


@pytest.mark.parametrize(("perdre", "raison"), [(lose, "introuvable"), (spoil, "ne correspond plus à son empreinte")])
def test_object_lost_or_changed_is_refused_as_on_a_disk(perdre: Callable[[Seau, str], None], raison: str, seau: Seau) -> None:
    nom, empreinte = keep_file(PDF, "pdf")
    perdre(seau, nom)
    with pytest.raises(DocumentPerdu, match=f"{raison}. Restaurez-le depuis une sauvegarde"):
        read_kept(nom, empreinte)


def test_large_object_goes_and_comes_back_in_pieces(seau: Seau) -> None:
    contenu = bytes(range(256)) * 80_000  # 20 Mo: several parts, more than what is held in memory
    nom, empreinte = keep_file(contenu, "pdf")
    assert read_kept(nom, empreinte) == contenu
    assert default_storage.size(nom) == len(contenu)


def test_two_files_of_one_name_are_two_files(seau: Seau) -> None:
    noms = [default_storage.save("versements/2018/a.pdf", ContentFile(contenu)) for contenu in (PDF, AUTRE)]
    assert len(set(noms)) == 2
    assert [seau.read(nom) for nom in noms] == [PDF, AUTRE]


def test_no_link_to_an_object_leaves_the_server(seau: Seau, settings: Any) -> None:
    nom = default_storage.save("logos/a b.png", ContentFile(b"x"))
    sur_objets = default_storage.url(nom)
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}}
    assert sur_objets == default_storage.url(nom) == "/" + nom.replace(" ", "%20")


# --- What fails in the storage is told as a disk would -----------------------------------------------------


GESTES: dict[str, Callable[[StockageObjets], Any]] = {
    "open": lambda s: s.open("a.pdf").read(),
    "save": lambda s: s.save("a.pdf", ContentFile(PDF)),
    "exists": lambda s: s.exists("a.pdf"),
    "size": lambda s: s.size("a.pdf"),
    "delete": lambda s: s.delete("a.pdf"),
    "list": lambda s: s.listdir(""),
}


@pytest.mark.parametrize("geste", ["save", "list"])
def test_bucket_that_does_not_exist_is_a_disk_that_fails(geste: str, reglages_s3: dict[str, Any]) -> None:  # noqa: F811
    stockage = StockageObjets(**reglages_s3["OPTIONS"] | {"bucket_name": "nulle-part"})
    with pytest.raises(OSError, match="stockage d’objets"):
        GESTES[geste](stockage)


@pytest.mark.parametrize("geste", GESTES)
def test_storage_out_of_reach_is_a_disk_that_fails(geste: str, reglages_s3: dict[str, Any]) -> None:  # noqa: F811
    stockage = StockageObjets(**reglages_s3["OPTIONS"] | {"endpoint_url": "http://127.0.0.1:9"})
    stockage.client_config = stockage.client_config.merge(type(stockage.client_config)(retries={"total_max_attempts": 1}))
    with pytest.raises(OSError, match="injoignable"):
        GESTES[geste](stockage)


def test_object_lost_between_its_finding_and_its_reading_is_a_lost_file(seau: Seau) -> None:
    nom = default_storage.save("a.pdf", ContentFile(PDF))
    with default_storage.open(nom) as fichier:
        lose(seau, nom)
        with pytest.raises(FileNotFoundError):
            fichier.read()


# --- Pages -----------------------------------------------------------------------------------------------


def test_supporting_file_is_stored_and_given_back(plan: Plan, partenaire: Utilisateur, seau: Seau) -> None:
    client = connect(partenaire)
    envoi = {"intitule": "Facture", "fichier": SimpleUploadedFile("facture.pdf", PDF)}
    client.post(reverse("versement_joindre", args=[plan.convention.reference, plan.acompte.pk]), envoi)
    piece = PieceVersement.objects.get()
    assert seau.read(piece.fichier.name) == PDF
    assert client.get(reverse("versement_piece", args=[plan.convention.reference, piece.pk])).content == PDF


@PERTES
def test_lost_supporting_file_is_not_given_in_its_place(
    perdre: Callable[[Seau, str], None], plan: Plan, partenaire: Utilisateur, seau: Seau
) -> None:
    client = connect(partenaire)
    piece = factories.PieceVersementFactory(versement=plan.acompte)
    adresse = reverse("versement_piece", args=[plan.convention.reference, piece.pk])
    assert client.get(adresse).status_code == 200
    perdre(seau, piece.fichier.name)
    reponse = client.get(adresse)
    assert reponse.status_code == 404
    assert AUTRE not in reponse.content


def test_dropped_spreadsheet_is_read_and_given_back(administrateur: Client, convention: Convention, seau: Seau) -> None:
    axe = factories.AxeFactory(convention=convention)
    factories.FicheFactory(convention=convention, axe=axe, code="E.A 1.1")
    factories.NatureFactory(nom="Études")
    contenu = make_file(JUSTE)
    drop(administrateur, convention, contenu)
    imp = ImportBudget.objects.get()
    assert imp.etat == ImportBudget.Etat.APERCU
    recu = administrateur.get(address("import_fichier"))
    assert b"".join(recu.streaming_content) == contenu
    lose(seau, imp.fichier.name)
    assert administrateur.get(address("import_fichier")).status_code == 404


def test_logo_is_stored_read_and_done_without_when_lost(seau: Seau) -> None:
    organisation: Organisation = factories.OrganisationFactory()
    organisation.logo.save("logo.png", ContentFile(draw("PNG")))
    assert read_logo(organisation) == (draw("PNG"), "image/png")
    lose(seau, organisation.logo.name)
    organisation.refresh_from_db()
    assert read_logo(organisation) is None


# --- Documents -------------------------------------------------------------------------------------------


def freeze(projet: Projet) -> DocumentFige:
    projet.put(Convention.Etat.DELIBEREE)
    projet.agree()
    pass_convention(projet.gens["administrateur financeur"], projet.fresh(), "figer")
    return DocumentFige.objects.get()


def check() -> tuple[int, str]:
    sortie = io.StringIO()
    try:
        call_command("check_documents", stdout=sortie)
    except SystemExit as fin:
        return int(fin.code or 0), sortie.getvalue()
    return 0, sortie.getvalue()


@PERTES
def test_document_typeset_for_signature_is_kept_checked_and_missed(perdre: Callable[[Seau, str], None], seau: Seau) -> None:
    projet = make_project()
    document = freeze(projet)
    client, adresse = connect(projet.gens["agent financeur"]), reverse("convention_pdf", args=[projet.convention.reference])
    assert client.get(adresse).content == seau.read(document.pdf)
    assert check() == (0, "1 fichiers vérifiés, 0 défauts.\n")
    perdre(seau, document.pdf)
    assert client.get(adresse).status_code == 410
    code, sortie = check()
    assert (code, "1 défauts" in sortie) == (1, True)


def test_backup_of_a_bucket_is_restored_on_a_disk(seau: Seau, tmp_path: Path, settings: Any) -> None:
    factories.OrganisationFactory(nom="Agglo d’essai")
    nom, empreinte = keep_file(PDF, "pdf")
    call_command("backup", str(tmp_path / "a.tar"), stdout=io.StringIO())
    empty_database()
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}}
    call_command("restore", str(tmp_path / "a.tar"), stdout=io.StringIO())
    assert read_kept(nom, empreinte) == PDF
    assert Path(default_storage.path(nom)).read_bytes() == PDF
    assert Organisation.objects.get().nom == "Agglo d’essai"


# --- Settings --------------------------------------------------------------------------------------------


def test_files_stay_on_the_disk_without_a_bucket() -> None:
    assert read_options("", TRAITDUNION_S3_BUCKET="")["BACKEND"] == "django.core.files.storage.FileSystemStorage"


def test_rights_of_objects_can_be_left_to_the_bucket() -> None:
    options = read_options("", TRAITDUNION_S3_ACL="")["OPTIONS"]
    assert (options["default_acl"], options["endpoint_url"], options["addressing_style"]) == (None, None, "auto")
