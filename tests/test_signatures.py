"""Signatures of a frozen document: on paper, electronic, given elsewhere; the last one signs the convention, once."""

import threading
from collections.abc import Callable
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from conventions.journal import check_chaine
from conventions.models import Convention, Partie
from documents.figes import DocumentFige, read_kept
from documents.models import Signature
from documents.signatures import create_signature, read_racines_reconnues
from documents.vie.actes import sign as record_signature
from socle.pades import run
from socle.pades_sceau import read_sceau, seal
from tests import factories
from tests.ecritures import spell
from tests.signees import PDF, amend, conclude, freeze
from tests.test_pades import (
    DIRECTEUR,
    HORLOGE,
    MAINTENANT,
    ORIGINAL,
    PHRASE,
    PLATEFORME,
    PRESIDENTE,
    RACINE,
    add,
    make_horloge,
    print_pages,
    rewrite_page,
    sign,
)
from tests.vie import Projet, make_project

Etat = Convention.Etat
JOUR = timedelta(days=1)


@pytest.fixture
def projet(db: None) -> Projet:
    """A convention at signature since a week, whose document has two pages."""
    projet = make_project()
    put_at_signature(projet)
    return projet


def put_at_signature(projet: Projet, scelle: bytes | None = None) -> DocumentFige:
    document = freeze(projet.convention, ORIGINAL, scelle, b"{}")
    document.fait_le = timezone.now() - 7 * JOUR
    document.save()
    return document


@pytest.fixture
def scan() -> bytes:
    image = BytesIO()
    Image.new("L", (30, 40), 255).save(image, "PNG")
    return image.getvalue()


def connect(projet: Projet, qui: str = "agent financeur") -> Client:
    client = Client()
    client.force_login(projet.gens[qui])
    return client


def post(projet: Projet, contenu: bytes | None = None, qui: str = "agent financeur", partie: Partie | None = None, **envoi: str) -> Any:
    """Record a signature as the page does: electronic, today, of the financeur."""
    champs: dict[str, Any] = {"mode": "electronique", "jour": f"{timezone.localdate():%Y-%m-%d}", "preuve": ""} | envoi
    if contenu is not None:
        champs["fichier"] = SimpleUploadedFile("exemplaire signé.pdf", contenu)
    return connect(projet, qui).post(reverse("vie_signer", args=["ESSAI-1", (partie or projet.financeur).pk]), champs)


def refuse(projet: Projet, contenu: bytes | None = None, **envoi: Any) -> str:
    """The words of a refused signature, after which nothing is recorded."""
    avant = Signature.objects.count()
    reponse = post(projet, contenu, **envoi)
    assert (reponse.status_code, Signature.objects.count()) == (422, avant)
    return spell(reponse.content.decode())


def elsewhere(projet: Projet, partie: Partie, jour: date | None = None, convention: Convention | None = None) -> tuple[Signature, bool]:
    """Record that a party signed elsewhere, today unless a day is given."""
    lue = convention or projet.fresh()
    return record_signature(projet.gens["agent financeur"], lue, partie.pk, "ailleurs", jour or timezone.localdate(), preuve="Parapheur")


# --- On paper, elsewhere -----------------------------------------------------------------------------------


def test_signature_on_paper_is_kept_with_its_scan(projet: Projet, scan: bytes) -> None:
    reponse = post(projet, scan, mode="papier")
    assert (reponse.status_code, reponse["Location"]) == (302, reverse("vie", args=["ESSAI-1"]))
    signature = Signature.objects.get()
    assert (signature.partie, signature.signataire, signature.date) == (projet.financeur, "Madame Anne Essai", timezone.localdate())
    assert (signature.nom, signature.constats, signature.enregistree_par) == ("exemplaire signé.pdf", [], projet.gens["agent financeur"])
    assert read_kept(signature.fichier, signature.empreinte) == scan
    servie = connect(projet, "lecteur beneficiaire").get(reverse("signature_fichier", args=["ESSAI-1", signature.pk]))
    assert (servie.content, servie["Content-Type"]) == (scan, "image/png")
    cle = projet.financeur.organisation.cle
    assert servie["Content-Disposition"] == f'attachment; filename="ESSAI-1-signature-{cle}.png"'


def test_signature_on_paper_needs_its_scan(projet: Projet) -> None:
    assert "Joignez l’exemplaire signé, numérisé." in refuse(projet, mode="papier")


def test_scan_that_is_no_document_is_refused(projet: Projet) -> None:
    assert "Ce fichier n’est pas lisible" in refuse(projet, b"MZ\x90", mode="papier")
    assert "Choisissez un fichier qui n’est pas vide" in refuse(projet, b"", mode="papier")


def test_signature_given_elsewhere_says_where(projet: Projet) -> None:
    assert "Dites où et comment elle a été signée" in refuse(projet, mode="ailleurs", preuve=" ")
    assert post(projet, mode="ailleurs", preuve=" Parapheur de la préfecture ").status_code == 302
    signature = Signature.objects.get()
    assert (signature.preuve, signature.fichier) == ("Parapheur de la préfecture", "")
    assert connect(projet).get(reverse("signature_fichier", args=["ESSAI-1", signature.pk])).status_code == 404


def test_way_of_signing_is_chosen(projet: Projet) -> None:
    for mode in ("", "tampon"):
        assert "Choisissez comment la convention a été signée" in refuse(projet, mode=mode)


def test_day_of_a_signature_is_neither_to_come_nor_before_the_document(projet: Projet, scan: bytes) -> None:
    aujourdhui = timezone.localdate()
    for jour, raison in [
        (aujourdhui + JOUR, "Une date de signature n’est pas dans l’avenir."),
        (aujourdhui - 8 * JOUR, "il n’a pas pu être signé avant"),
    ]:
        page = refuse(projet, scan, mode="papier", jour=f"{jour:%d/%m/%Y}")
        assert raison in page
        assert f'value="{jour:%d/%m/%Y}"' in page  # as it was typed
    assert "La date de signature manque" in refuse(projet, scan, mode="papier", jour="")
    assert "n’est pas une date" in refuse(projet, scan, mode="papier", jour="hier")
    assert post(projet, scan, mode="papier", jour=f"{aujourdhui - 7 * JOUR:%d/%m/%Y}").status_code == 302


def test_every_reason_comes_at_once(projet: Projet) -> None:
    page = refuse(projet, mode="papier", jour="2090-01-01")
    assert "n’est pas dans l’avenir" in page
    assert "Joignez l’exemplaire" in page
    page = refuse(projet, b"MZ", mode="papier", jour="hier")
    assert "n’est pas une date" in page
    assert "n’est pas lisible" in page


def test_old_agreement_signed_before_it_was_entered_has_its_own_day(projet: Projet) -> None:
    DocumentFige.objects.update(pdf="", empreinte_pdf="")
    signature, signee = elsewhere(projet, projet.financeur, date(2001, 5, 4))
    assert (signature.date, signee) == (date(2001, 5, 4), False)


# --- Who, what, in which state -------------------------------------------------------------------------------


def test_lecteur_and_strangers_record_no_signature(projet: Projet, scan: bytes) -> None:
    codes = [post(projet, scan, qui=qui, mode="papier").status_code for qui in ("lecteur financeur", "etranger")]
    assert codes == [403, 404]
    with pytest.raises(PermissionDenied, match="Seules les parties enregistrent les signatures"):
        record_signature(projet.gens["etranger"], projet.fresh(), projet.financeur.pk, "ailleurs", timezone.localdate(), preuve="x")
    assert not Signature.objects.exists()


def test_operator_records_a_signature(projet: Projet, scan: bytes) -> None:
    assert post(projet, scan, qui="exploitant", mode="papier").status_code == 302


def test_party_signs_once(projet: Projet, scan: bytes) -> None:
    post(projet, scan, mode="papier")
    assert "La signature de Agglo d’essai est déjà enregistrée" in refuse(projet, scan, mode="papier")


def test_party_of_another_convention_does_not_sign_this_one(projet: Projet, scan: bytes) -> None:
    assert "Choisissez la partie qui a signé" in refuse(projet, scan, mode="papier", partie=factories.PartieFactory())


def test_nothing_is_signed_but_what_is_at_signature(projet: Projet) -> None:
    for etat in set(Etat) - {Etat.A_SIGNER}:
        Convention.objects.filter(pk=projet.convention.pk).update(etat=etat)
        with pytest.raises(ValidationError, match="il n’y a rien à signer"):
            elsewhere(projet, projet.financeur)
    assert "il n’y a rien à signer" in refuse(projet, mode="ailleurs", preuve="Parapheur")


def test_document_withdrawn_meanwhile_is_not_signed(projet: Projet, scan: bytes) -> None:
    DocumentFige.objects.update(retire_le=timezone.now())
    assert "il n’y a rien à signer" in refuse(projet, scan, mode="papier")


# --- The last one ------------------------------------------------------------------------------------------


def test_last_signature_signs_the_convention_on_the_latest_day(projet: Projet) -> None:
    aujourdhui = timezone.localdate()
    assert elsewhere(projet, projet.beneficiaire, aujourdhui - JOUR)[1] is False
    assert projet.fresh().etat == Etat.A_SIGNER
    assert elsewhere(projet, projet.financeur, aujourdhui - 2 * JOUR)[1] is True
    assert (projet.fresh().etat, projet.fresh().date_signature) == (Etat.SIGNEE, aujourdhui - JOUR)
    assert [e.genre for e in projet.convention.evenements.order_by("rang")] == ["signature", "signature", "signer"]
    assert check_chaine(projet.convention.evenements.all()).is_intact


def test_page_tells_the_last_signature(projet: Projet, scan: bytes) -> None:
    post(projet, scan, mode="papier")
    reponse = connect(projet).post(
        reverse("vie_signer", args=["ESSAI-1", projet.beneficiaire.pk]),
        {"mode": "ailleurs", "jour": f"{timezone.localdate():%Y-%m-%d}", "preuve": "Mairie"},
        follow=True,
    )
    assert "Toutes les parties ont signé." in reponse.content.decode()
    assert projet.fresh().etat == Etat.SIGNEE


def test_signatures_of_an_avenant_leave_the_agreement_as_it_was(projet: Projet) -> None:
    DocumentFige.objects.all().delete()
    base = conclude(projet.convention, date(2018, 1, 8))
    avenant = amend(projet.gens["agent financeur"], base, date_fin=date(2021, 12, 31))
    freeze(avenant, PDF + b"avenant")
    for partie in avenant.parties.all():
        elsewhere(projet, partie, convention=avenant)
    assert (Convention.objects.get(pk=avenant.pk).etat, projet.fresh().date_signature) == (Etat.SIGNEE, date(2018, 1, 8))


# --- Electronic --------------------------------------------------------------------------------------------


@pytest.fixture
def _autorites(tmp_path: Path, settings: Any) -> None:
    """The platform recognises one authority."""
    (tmp_path / "autorites").mkdir()
    (tmp_path / "autorites" / "racine.pem").write_bytes(RACINE.pem)
    (tmp_path / "autorites" / "LISEZMOI.txt").write_text("pas un certificat")
    settings.AUTORITES_SIGNATURE = str(tmp_path / "autorites")


@pytest.mark.usefixtures("_autorites")
def test_copy_signed_with_a_recognised_certificate_is_recorded_with_what_it_is_worth(projet: Projet) -> None:
    document = connect(projet).get(reverse("convention_pdf", args=["ESSAI-1"])).content
    exemplaire = sign(document, PRESIDENTE)
    assert post(projet, exemplaire).status_code == 302
    signature = Signature.objects.get()
    (constat,) = signature.constats
    assert spell(constat).startswith("Signature intègre de Mme Dominique Martin (Agglo d’essai), le ")
    assert "l’autorité qui a émis son certificat, Agents publics, est reconnue" in constat
    assert read_kept(signature.fichier, signature.empreinte) == exemplaire
    assert constat in connect(projet).get(reverse("vie", args=["ESSAI-1"])).content.decode()


def test_authority_that_nobody_recognises_is_told_and_the_signature_kept(projet: Projet) -> None:
    assert read_racines_reconnues() == []
    assert post(projet, sign(ORIGINAL, PRESIDENTE)).status_code == 302
    assert "n’est pas dans la liste des autorités reconnues" in Signature.objects.get().constats[0]


@pytest.mark.parametrize("contenu", [None, b"pas un certificat"], ids=["dossier absent", "certificat abîmé"])
def test_authorities_that_cannot_be_read_are_told_and_nothing_is_recorded(
    projet: Projet, tmp_path: Path, settings: Any, contenu: bytes | None
) -> None:
    settings.AUTORITES_SIGNATURE = str(tmp_path / "autorites")
    if contenu:
        (tmp_path / "autorites").mkdir()
        (tmp_path / "autorites" / "racine.pem").write_bytes(contenu)
    assert "autorités reconnues" in refuse(projet, sign(ORIGINAL, PRESIDENTE))


@pytest.mark.usefixtures("_autorites")
def test_second_party_signs_the_copy_of_the_first(projet: Projet) -> None:
    premier = sign(ORIGINAL, PRESIDENTE)
    post(projet, premier)
    post(projet, sign(premier, DIRECTEUR), qui="agent beneficiaire", partie=projet.beneficiaire)
    constats = Signature.objects.get(partie=projet.beneficiaire).constats
    assert [mots.split(",")[0] for mots in constats] == [
        "Signature intègre de Mme Dominique Martin (Agglo d’essai)",
        "Signature intègre de M. Alex Petit (CCI d’essai)",
    ]
    assert projet.fresh().etat == Etat.SIGNEE


def test_parties_may_sign_a_copy_each(projet: Projet) -> None:
    post(projet, sign(ORIGINAL, PRESIDENTE))
    assert post(projet, sign(ORIGINAL, DIRECTEUR), partie=projet.beneficiaire).status_code == 302
    assert projet.fresh().etat == Etat.SIGNEE


def test_copy_that_both_signed_serves_for_both(projet: Projet) -> None:
    deux = sign(sign(ORIGINAL, PRESIDENTE), DIRECTEUR)
    assert [post(projet, deux, partie=p).status_code for p in (projet.financeur, projet.beneficiaire)] == [302, 302]


def test_copy_that_one_signed_does_not_serve_for_both(projet: Projet) -> None:
    exemplaire = sign(ORIGINAL, PRESIDENTE)
    post(projet, exemplaire)
    refuse(projet, exemplaire, partie=projet.beneficiaire)
    assert projet.fresh().etat == Etat.A_SIGNER


def spoil_signature(pdf: bytes) -> bytes:
    """Another century in the time of a signature."""
    annee = pdf.index(b"20", pdf.index(b"/M (", len(ORIGINAL)))
    return pdf[:annee] + b"19" + pdf[annee + 2 :]


def make_refused() -> dict[str, tuple[bytes | None, str]]:
    """Copies that are worth nothing, and words of the refusal."""
    signe = sign(ORIGINAL, PRESIDENTE)
    return {
        "rien": (None, "Joignez le PDF signé électroniquement."),
        "sans signature": (ORIGINAL, "il ne porte aucune signature électronique"),
        "modifiée": (add(ORIGINAL, rewrite_page), "Le document n’a pas seulement été signé, son contenu a été modifié"),
        "modifiée puis signée": (sign(add(ORIGINAL, rewrite_page), PRESIDENTE), "modifié"),
        "signée puis modifiée": (add(signe, rewrite_page), "modifié"),
        "un autre document signé": (
            sign(print_pages("Participation : 1 euro"), PRESIDENTE),
            "Ce PDF n’est pas le document mis à la signature",
        ),
        "signature abîmée": (spoil_signature(signe), "fausse ou abîmée"),
    }


def test_copy_that_proves_nothing_is_refused_with_the_reason(projet: Projet) -> None:
    for nom, (contenu, raison) in make_refused().items():
        assert raison in refuse(projet, contenu), nom


def test_scan_is_no_electronic_signature(projet: Projet, scan: bytes) -> None:
    assert "Ce PDF n’est pas le document mis à la signature" in refuse(projet, scan)


def test_time_stamp_alone_signs_nothing(projet: Projet) -> None:
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign.signers import PdfTimeStamper

    timbreur = PdfTimeStamper(make_horloge(HORLOGE, MAINTENANT))
    horodate = run(timbreur.async_timestamp_pdf(IncrementalPdfFileWriter(BytesIO(ORIGINAL)), "sha256")).getvalue()
    assert "aucune signature électronique" in refuse(projet, horodate)


@pytest.fixture
def scelle(projet: Projet, tmp_path: Path) -> bytes:
    """The sealed copy that the platform hands over with the document."""
    (tmp_path / "sceau.p12").write_bytes(PLATEFORME.lock())
    copie = seal(ORIGINAL, read_sceau(str(tmp_path / "sceau.p12"), PHRASE), raison="")
    DocumentFige.objects.all().delete()
    put_at_signature(projet, copie)
    return copie


def test_seal_of_the_platform_is_not_the_signature_of_a_party(projet: Projet, scelle: bytes) -> None:
    assert "il ne porte aucune signature électronique" in refuse(projet, scelle)
    assert post(projet, sign(scelle, PRESIDENTE)).status_code == 302
    (constat,) = Signature.objects.get().constats
    assert "Dominique Martin" in constat


def test_document_itself_may_be_signed_beside_its_sealed_copy(projet: Projet, scelle: bytes) -> None:
    assert post(projet, sign(ORIGINAL, PRESIDENTE)).status_code == 302


def test_document_that_is_lost_is_not_compared_and_the_loss_is_told(projet: Projet) -> None:
    default_storage.delete(DocumentFige.objects.get().pdf)
    assert "Restaurez-le depuis une sauvegarde" in refuse(projet, sign(ORIGINAL, PRESIDENTE))


def test_data_frozen_without_document_are_not_signed_electronically(projet: Projet) -> None:
    DocumentFige.objects.update(pdf="", empreinte_pdf="")
    assert "n’a pas été figé ici" in refuse(projet, sign(ORIGINAL, PRESIDENTE))


# --- Two people at once --------------------------------------------------------------------------------------


def test_same_signature_recorded_from_two_open_pages_is_recorded_once(projet: Projet) -> None:
    ouvertes = [projet.fresh(), projet.fresh()]
    elsewhere(projet, projet.financeur, convention=ouvertes[0])
    with pytest.raises(ValidationError, match="est déjà enregistrée"):
        elsewhere(projet, projet.financeur, convention=ouvertes[1])
    assert Signature.objects.count() == 1


def test_last_two_signatures_recorded_from_pages_opened_before_sign_the_convention_once(projet: Projet) -> None:
    ouvertes = [projet.fresh(), projet.fresh(), projet.fresh()]
    faites = [elsewhere(projet, p, convention=c)[1] for p, c in zip((projet.financeur, projet.beneficiaire), ouvertes, strict=False)]
    assert faites == [False, True]
    with pytest.raises(ValidationError, match="il n’y a rien à signer"):
        elsewhere(projet, projet.financeur, convention=ouvertes[2])
    assert projet.convention.evenements.filter(genre="signer").count() == 1


def test_database_refuses_a_second_signature_of_a_party(projet: Projet) -> None:
    document = DocumentFige.objects.get()
    valeurs = {"document": document, "partie": projet.financeur, "mode": "ailleurs", "signataire": "X", "date": timezone.localdate()}
    Signature.objects.create(**valeurs)
    with pytest.raises(IntegrityError), transaction.atomic():
        Signature.objects.create(**valeurs)
    with pytest.raises(ValidationError, match="est déjà enregistrée"):
        create_signature(projet.gens["agent financeur"], document, projet.financeur, "ailleurs", timezone.localdate(), None, "x")


def test_signing_holds_the_convention_before_reading_its_signatures(projet: Projet) -> None:
    with CaptureQueriesContext(connection) as requetes:
        elsewhere(projet, projet.financeur, convention=projet.convention)
    lus = [r["sql"] for r in requetes if r["sql"].startswith("SELECT")]
    assert '"conventions_convention"' in lus[0]
    assert connection.vendor == "sqlite" or lus[0].endswith("FOR UPDATE")


def test_what_breaks_down_while_signing_leaves_nothing(projet: Projet, monkeypatch: pytest.MonkeyPatch) -> None:
    from documents.vie import actes

    def fail(*args: Any) -> None:
        raise RuntimeError("panne")

    elsewhere(projet, projet.financeur)
    monkeypatch.setattr(actes, "_apply", fail)
    with pytest.raises(RuntimeError):
        elsewhere(projet, projet.beneficiaire)
    assert (Signature.objects.count(), projet.fresh().etat) == (1, Etat.A_SIGNER)
    assert projet.convention.evenements.count() == 1


def run_together(*actes: Callable[[], Any]) -> list[Any]:
    """Run acts at the same moment, each with its own connection; what each gave, or the refusal."""
    depart, resultats = threading.Barrier(len(actes)), [None] * len(actes)

    def work(rang: int) -> None:
        try:
            depart.wait(10)
            resultats[rang] = actes[rang]()
        except ValidationError as refus:
            resultats[rang] = refus.messages
        finally:
            connection.close()

    fils = [threading.Thread(target=work, args=(rang,)) for rang in range(len(actes))]
    for fil in fils:
        fil.start()
    for fil in fils:
        fil.join(30)
    return resultats


@pytest.fixture
def a_plusieurs(transactional_db: None) -> Projet:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite en mémoire n’a qu’une connexion.")
    projet = make_project()
    put_at_signature(projet)
    return projet


def test_two_parties_that_sign_at_the_same_moment_sign_the_convention_once(a_plusieurs: Projet) -> None:
    parties = (a_plusieurs.financeur, a_plusieurs.beneficiaire)
    resultats = run_together(*(lambda p=p: elsewhere(a_plusieurs, p)[1] for p in parties))
    assert sorted(resultats) == [False, True]
    assert (a_plusieurs.fresh().etat, Signature.objects.count()) == (Etat.SIGNEE, 2)
    assert [e.genre for e in a_plusieurs.convention.evenements.order_by("rang")] == ["signature", "signature", "signer"]
    assert check_chaine(a_plusieurs.convention.evenements.all()).is_intact


def test_signature_recorded_twice_at_the_same_moment_is_recorded_once(a_plusieurs: Projet) -> None:
    resultats = run_together(*(lambda: elsewhere(a_plusieurs, a_plusieurs.financeur)[1] for _ in range(3)))
    assert resultats.count(False) == 1
    assert resultats.count(["La signature de Agglo d’essai est déjà enregistrée."]) == 2
    assert Signature.objects.count() == 1
