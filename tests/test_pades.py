"""Sealing, reading signatures, and telling a signed copy from one that was changed. The authorities here sign nothing else."""

import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID
from pikepdf import Array, Dictionary, Name

from conventions.models import Convention
from documents.publication import publish_fiche
from socle import pades, pades_lecture
from socle.pades import PdfIllisible, run  # Playwright leaves an event loop in the tests' thread
from socle.pades_copie import Etat, compare_copie
from socle.pades_lecture import SignatureLue, Suite, read_signatures
from socle.pades_regles import is_prolongation
from socle.pades_sceau import Sceau, SceauIllisible, read_sceau, seal
from tests import factories
from tests.verapdf import controle

JOUR = timedelta(days=1)
MAINTENANT = datetime.now(UTC)
NOVEMBRE = datetime(2018, 11, 2, 9, 14, tzinfo=UTC)  # 10 h 14 in Paris
PHRASE = "phrase secrète"
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'


# The people


@dataclass(frozen=True)
class Titulaire:
    """Somebody's key and certificate, and who vouches for it."""

    cle: Any
    certificat: x509.Certificate
    chaine: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> bytes:
        return self.certificat.public_bytes(serialization.Encoding.PEM)

    def lock(self, phrase: str = PHRASE, cle: bool = True) -> bytes:
        """The PKCS#12 file."""
        secret = serialization.BestAvailableEncryption(phrase.encode())
        return pkcs12.serialize_key_and_certificates(
            b"sceau", self.cle if cle else None, self.certificat if cle else None, self.chaine, secret
        )


def make_titulaire(
    nom: str,
    autorite: Titulaire | None = None,
    *,
    organisation: str = "",
    debut: datetime = datetime(2015, 1, 1, tzinfo=UTC),
    fin: datetime = MAINTENANT + 3650 * JOUR,
    signe: bool = True,
    ca: bool = False,
    cle: Any = None,
    extensions: tuple[x509.ExtensionType, ...] = (),
) -> Titulaire:
    """A new key, vouched for by an authority, or by itself."""
    cle = cle or ec.generate_private_key(ec.SECP256R1())
    parties = [x509.NameAttribute(NameOID.COMMON_NAME, nom)]
    parties += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)] if organisation else []
    sujet = x509.Name(parties)
    brouillon = (
        x509.CertificateBuilder()
        .subject_name(sujet)
        .issuer_name(autorite.certificat.subject if autorite else sujet)
        .public_key(cle.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(debut)
        .not_valid_after(fin)
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(x509.KeyUsage(signe and not ca, signe and not ca, not signe, False, False, ca, ca, False, False), critical=True)
    )
    for extension in extensions:
        brouillon = brouillon.add_extension(extension, critical=isinstance(extension, x509.ExtendedKeyUsage))
    condensat = None if isinstance(cle, ed25519.Ed25519PrivateKey) and not autorite else hashes.SHA256()
    certificat = brouillon.sign(autorite.cle if autorite else cle, condensat)
    return Titulaire(cle, certificat, (autorite.certificat, *autorite.chaine) if autorite else ())


RACINE = make_titulaire("Racine d’essai", organisation="Autorité d’essai", ca=True)
INTERMEDIAIRE = make_titulaire("Agents publics", RACINE, ca=True)
PRESIDENTE = make_titulaire("Mme Dominique Martin", INTERMEDIAIRE, organisation="Agglo d’essai")
DIRECTEUR = make_titulaire("M. Alex Petit", RACINE, organisation="CCI d’essai")
PLATEFORME = make_titulaire("Trait d’union", RACINE)
HORLOGE = make_titulaire(
    "Horloge d’essai",
    RACINE,
    cle=rsa.generate_private_key(65537, 2048),
    extensions=(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]),),
)


# The documents


@cache
def print_pages(texte: str = "Participation : 12 000 euros", **options: Any) -> bytes:
    """Two pages, nothing else."""
    pdf, sortie = pikepdf.new(), BytesIO()
    for _ in range(2):
        page = pdf.add_blank_page(page_size=(595, 842))
        page.obj.Contents = pdf.make_stream(f"BT /F1 12 Tf 72 700 Td ({texte}) Tj ET".encode())
        page.obj.Resources = Dictionary(Font=Dictionary(F1=Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)))
    pdf.Root.Metadata = pdf.make_stream(XMP, Type=Name.Metadata, Subtype=Name.XML)
    pdf.save(sortie, fix_metadata_version=False, compress_streams=False, **options)
    return sortie.getvalue()


ORIGINAL = print_pages()


@cache
def sign(pdf: bytes, qui: Titulaire, instant: datetime | None = None, *, boite: tuple[int, ...] | None = None, **options: Any) -> bytes:
    """Sign as other software does: a new field on the first page, a time by the signer's clock."""
    from asn1crypto import x509 as asn1
    from asn1crypto.keys import PrivateKeyInfo
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
    from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    def load(certificat: x509.Certificate) -> Any:
        return asn1.Certificate.load(certificat.public_bytes(serialization.Encoding.DER))

    formats = (serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    signataire = SimpleSigner(
        signing_cert=load(qui.certificat),
        signing_key=PrivateKeyInfo.load(qui.cle.private_bytes(*formats)),
        cert_registry=SimpleCertificateStore.from_certs(map(load, qui.chaine)),
    )
    horloge, strict = options.pop("horloge", None), options.pop("strict", True)
    reprise = options.pop("reprise", 0)  # how many numbers back the new objects start
    champ = options.pop("champ", f"Signature{len(re.findall(rb'/ByteRange', pdf)) + 1}")
    meta = PdfSignatureMetadata(field_name=champ, subfilter=options.pop("subfilter", SigSeedSubFilter.PADES), **options)
    metier = PdfSigner(meta, signataire, timestamper=horloge, new_field_spec=SigFieldSpec(champ, box=boite))
    ajout = IncrementalPdfFileWriter(BytesIO(pdf), strict=strict)
    ajout._lastobj_id -= reprise

    async def work() -> bytes:
        session = metier.init_signing_session(ajout)
        session.system_time = instant or MAINTENANT
        metier.init_signing_session = lambda *args, **kwargs: session
        return (await metier.async_sign_pdf(ajout)).getvalue()

    return run(work())


def make_horloge(qui: Titulaire, instant: datetime) -> Any:
    """An authority that stamps times."""
    from asn1crypto import keys
    from asn1crypto import x509 as asn1
    from pyhanko.sign.timestamps import DummyTimeStamper
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    formats = (serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return DummyTimeStamper(
        tsa_cert=asn1.Certificate.load(qui.certificat.public_bytes(serialization.Encoding.DER)),
        tsa_key=keys.PrivateKeyInfo.load(qui.cle.private_bytes(*formats)),
        certs_to_embed=SimpleCertificateStore(),
        fixed_dt=instant,
    )


def add(pdf: bytes, change: Callable[[Any], None]) -> bytes:
    """Record a change after the last byte, as an editor that saves « by additions » does."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    ajout, sortie = IncrementalPdfFileWriter(BytesIO(pdf), strict=False), BytesIO()
    change(ajout)
    ajout.write(sortie)
    return sortie.getvalue()


def rewrite_page(ajout: Any) -> None:
    """Another amount on the first page."""
    from pyhanko.pdf_utils.generic import StreamObject

    page = ajout.root["/Pages"]["/Kids"][0]
    page["/Contents"] = ajout.add_object(StreamObject(stream_data=b"BT /F1 12 Tf 72 700 Td (Participation : 92 000 euros) Tj ET"))
    ajout.update_container(page)


def change_form(cle: str, valeur: Any) -> Callable[[Any], None]:
    """Something else in the form that holds the signatures."""

    def change(ajout: Any) -> None:
        ajout.root["/AcroForm"][cle] = valeur
        ajout.update_container(ajout.root["/AcroForm"])

    return change


def read_one(pdf: bytes, *racines: Titulaire) -> SignatureLue:
    (lue,) = read_signatures(pdf, [racine.pem for racine in racines or (RACINE,)])
    return lue


@pytest.fixture(scope="module")
def coffre(tmp_path_factory: pytest.TempPathFactory) -> str:
    chemin = tmp_path_factory.mktemp("sceau") / "sceau.p12"
    chemin.write_bytes(PLATEFORME.lock())
    return str(chemin)


@pytest.fixture(scope="module")
def sceau(coffre: str) -> Sceau:
    return read_sceau(coffre, PHRASE)


@pytest.fixture(scope="module")
def scelle(sceau: Sceau) -> bytes:
    return seal(ORIGINAL, sceau, raison="Version à signer", lieu="Dijon", instant=NOVEMBRE)


# Sealing


@pytest.mark.parametrize("mode", [pikepdf.ObjectStreamMode.disable, pikepdf.ObjectStreamMode.generate])
def test_sealed_file_starts_with_the_original(sceau: Sceau, mode: Any) -> None:
    original = print_pages(object_stream_mode=mode)
    for debut in (original, original.rstrip()):
        resultat = seal(debut, sceau, raison="Version à signer")
        assert resultat.startswith(debut)
        assert read_one(resultat).couvre_tout


def test_seal_is_read_back(sceau: Sceau, scelle: bytes) -> None:
    lue = read_one(scelle)
    assert (lue.champ, lue.signataire, lue.emetteur) == ("Sceau", "Trait d’union", "Racine d’essai")
    assert (lue.integre, lue.couvre_tout, lue.suite, lue.reconnue) == (True, True, Suite.RIEN, True)
    assert lue.instant == NOVEMBRE
    assert not lue.horodate
    assert not lue.certificat_expire
    assert sceau.nom == "Trait d’union"


def test_seal_says_why_and_where_and_draws_nothing(scelle: bytes) -> None:
    with pikepdf.open(BytesIO(scelle)) as pdf:
        (champ,) = pdf.Root.AcroForm.Fields
        assert str(champ.V.Reason) == "Version à signer"
        assert str(champ.V.Location) == "Dijon"
        assert champ.V.SubFilter == Name("/ETSI.CAdES.detached")
        assert str(champ.TU) == "Sceau électronique de Trait d’union"
        assert "/AP" not in champ
        assert champ.Rect[0] == champ.Rect[2] < 0
        assert pdf.Root.Metadata.read_bytes() == XMP


def test_document_may_be_sealed_twice(sceau: Sceau, scelle: bytes) -> None:
    deux = seal(scelle, sceau, raison="Version signée")
    assert deux.startswith(scelle)
    lues = read_signatures(deux, [RACINE.pem])
    assert [lue.champ for lue in lues] == ["Sceau", "Sceau 2"]
    assert [lue.suite for lue in lues] == [Suite.SIGNATURES, Suite.RIEN]
    assert all(lue.integre and lue.reconnue for lue in lues)


def test_rsa_key_seals_too(tmp_path: Path) -> None:
    chemin = tmp_path / "sceau.p12"
    chemin.write_bytes(make_titulaire("Agglo", RACINE, cle=rsa.generate_private_key(65537, 2048)).lock())
    assert read_one(seal(ORIGINAL, read_sceau(str(chemin), PHRASE), raison="")).reconnue


def test_key_is_never_shown(sceau: Sceau) -> None:
    assert "signataire" not in repr(sceau)


def test_missing_seal_is_told() -> None:
    with pytest.raises(SceauIllisible, match="introuvable"):
        read_sceau("/absent/sceau.p12", PHRASE)


def test_wrong_passphrase_is_told(coffre: str) -> None:
    with pytest.raises(SceauIllisible, match="La phrase secrète n’ouvre pas le fichier du sceau"):
        read_sceau(coffre, "autre")


@pytest.mark.parametrize(
    ("contenu", "phrase"),
    [
        (b"rien", "n’est pas au format PKCS#12"),
        (PLATEFORME.lock(cle=False), "ne contient pas de clé privée"),
        (make_titulaire("Agglo", RACINE, fin=datetime(2024, 12, 31, 12, tzinfo=UTC)).lock(), "a expiré le 31/12/2024"),
        (make_titulaire("Agglo", RACINE, debut=MAINTENANT + JOUR).lock(), "n’est valable qu’à partir du"),
        (make_titulaire("Agglo", cle=ed25519.Ed25519PrivateKey.generate()).lock(), "doit être une clé RSA"),
        (make_titulaire("Agglo", cle=rsa.generate_private_key(65537, 1024)).lock(), "trop courte"),  # noqa: S505
    ],
    ids=["autre fichier", "sans clé", "expiré", "pas encore valable", "autre genre", "clé courte"],
)
def test_seal_that_cannot_serve_is_told(tmp_path: Path, contenu: bytes, phrase: str) -> None:
    chemin = tmp_path / "sceau.p12"
    chemin.write_bytes(contenu)
    with pytest.raises(SceauIllisible, match=phrase):
        read_sceau(str(chemin), PHRASE)


def test_seal_is_refused_once_its_certificate_has_expired(sceau: Sceau) -> None:
    with pytest.raises(SceauIllisible, match="a expiré"):
        seal(ORIGINAL, sceau, raison="Version à signer", instant=sceau.fin + JOUR)


def test_only_a_pdf_is_sealed(sceau: Sceau) -> None:
    with pytest.raises(PdfIllisible, match="n’est pas un PDF"):
        seal(b"bonjour", sceau, raison="Version à signer")


# Reading


def test_document_without_signature_has_none() -> None:
    assert read_signatures(ORIGINAL) == []


def test_two_people_sign_one_after_the_other(scelle: bytes) -> None:
    une = sign(scelle, PRESIDENTE, NOVEMBRE)
    deux = sign(une, DIRECTEUR, NOVEMBRE + JOUR, boite=(50, 50, 250, 100))
    lues = read_signatures(deux, [RACINE.pem])
    assert [lue.signataire for lue in lues] == ["Trait d’union", "Mme Dominique Martin", "M. Alex Petit"]
    assert [lue.emetteur for lue in lues] == ["Racine d’essai", "Agents publics", "Racine d’essai"]
    assert all(lue.integre and lue.reconnue for lue in lues)
    assert [lue.suite for lue in lues] == [Suite.SIGNATURES, Suite.SIGNATURES, Suite.RIEN]
    assert [lue.couvre_tout for lue in lues] == [False, False, True]
    assert lues == read_signatures(deux, [RACINE.pem], original=ORIGINAL)


def test_sentence_names_person_time_and_unknown_authority() -> None:
    lue = read_one(sign(ORIGINAL, PRESIDENTE, NOVEMBRE), PLATEFORME)
    assert lue.explain() == (
        "Signature intègre de Mme Dominique Martin (Agglo d’essai), le 02/11/2018 à 10\u00a0h\u00a014\u202f; "
        "l’autorité qui a émis son certificat n’est pas dans la liste des autorités reconnues."
    )


def test_sentence_names_the_recognised_authority() -> None:
    phrase = read_one(sign(ORIGINAL, DIRECTEUR, NOVEMBRE)).explain()
    assert phrase.endswith("\u202f; l’autorité qui a émis son certificat, Racine d’essai, est reconnue.")


def test_altered_byte_is_told(scelle: bytes) -> None:
    lue = read_one(scelle.replace(b"12 000 euros", b"92 000 euros", 1))
    assert (lue.lisible, lue.integre, lue.signataire) == (True, False, "Trait d’union")
    assert lue.explain() == (
        "Signature de Trait d’union, le 02/11/2018 à 10\u00a0h\u00a014\u00a0: "
        "ce qui a été signé a changé depuis, ou cette signature est fausse."
    )


def test_page_changed_after_signature_is_told(scelle: bytes) -> None:
    lue = read_one(add(sign(ORIGINAL, PRESIDENTE), rewrite_page))
    assert lue.integre
    assert lue.suite == Suite.MODIFIE
    assert not lue.couvre_tout
    assert "\u202f; le document a été modifié ensuite\u202f; " in lue.explain()


def test_page_changed_before_another_signs_is_told() -> None:
    premiere, seconde = read_signatures(sign(add(sign(ORIGINAL, PRESIDENTE), rewrite_page), DIRECTEUR), [RACINE.pem])
    assert (premiere.suite, seconde.suite) == (Suite.MODIFIE, Suite.RIEN)
    assert premiere.integre
    assert seconde.couvre_tout


def test_signature_that_leaves_out_a_part_of_the_file_is_not_intact() -> None:
    signe = sign(ORIGINAL, PRESIDENTE)
    trouve = re.search(rb"/ByteRange \[0 (\d+) (\d+) (\d+)\]( *)", signe)
    assert trouve
    debut, reprise, reste = (int(trouve[n]) for n in (1, 2, 3))
    ecrit = b"/ByteRange [0 %d %d %d]" % (debut, reprise + 9, reste - 9)
    lue = read_one(signe.replace(trouve[0], ecrit.ljust(len(trouve[0])), 1))
    assert not lue.integre


def test_self_made_certificate_is_told() -> None:
    lue = read_one(sign(ORIGINAL, make_titulaire("Mme Dominique Martin")))
    assert lue.integre
    assert not lue.reconnue
    assert "a fabriqué lui-même son certificat" in lue.explain()


def test_self_made_certificate_is_recognised_when_it_is_on_the_list() -> None:
    seule = make_titulaire("Mme Dominique Martin")
    assert read_one(sign(ORIGINAL, seule), RACINE, seule).reconnue


def test_certificate_that_had_expired_is_told() -> None:
    qui = make_titulaire("M. Alex Petit", RACINE, fin=datetime(2018, 10, 31, tzinfo=UTC))
    lue = read_one(sign(ORIGINAL, qui, NOVEMBRE))
    assert (lue.integre, lue.certificat_expire, lue.reconnue) == (True, True, False)
    assert "son certificat avait expiré le 31/10/2018" in lue.explain()


def test_certificate_that_came_later_is_told() -> None:
    lue = read_one(sign(ORIGINAL, make_titulaire("M. Alex Petit", RACINE, debut=datetime(2019, 1, 1, tzinfo=UTC)), NOVEMBRE))
    assert lue.certificat_expire
    assert "n’était valable qu’à partir du 01/01/2019" in lue.explain()


def test_certificate_that_expired_since_was_good_when_it_signed() -> None:
    lue = read_one(sign(ORIGINAL, make_titulaire("M. Alex Petit", RACINE, fin=datetime(2019, 12, 31, tzinfo=UTC)), NOVEMBRE))
    assert lue.reconnue
    assert not lue.certificat_expire
    assert lue.certificat_fin == datetime(2019, 12, 31, tzinfo=UTC)


def test_certificate_made_for_something_else_is_told() -> None:
    lue = read_one(sign(ORIGINAL, make_titulaire("Serveur", RACINE, signe=False)))
    assert not lue.reconnue
    assert "n’est pas fait pour signer des documents" in lue.explain()


def test_old_procedure_is_told() -> None:
    lue = read_one(sign(ORIGINAL, PRESIDENTE, md_algorithm="sha1"))
    assert not lue.reconnue
    assert "trop ancien pour faire foi" in lue.explain()


def test_time_is_certified_only_by_a_recognised_authority() -> None:
    timbre = sign(ORIGINAL, PRESIDENTE, NOVEMBRE, horloge=make_horloge(HORLOGE, NOVEMBRE + JOUR))
    lue = read_one(timbre)
    assert (lue.horodate, lue.instant, lue.reconnue) == (True, NOVEMBRE + JOUR, True)
    assert "le 03/11/2018 à 10\u00a0h\u00a014 (heure attestée par un tiers)\u202f;" in lue.explain()
    ailleurs = read_one(timbre, PLATEFORME)
    assert (ailleurs.horodate, ailleurs.instant) == (False, NOVEMBRE)


def test_stamp_on_the_whole_file_is_one_of_the_signatures() -> None:
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign.signers import PdfTimeStamper

    signe = sign(ORIGINAL, PRESIDENTE, NOVEMBRE)
    timbreur = PdfTimeStamper(make_horloge(HORLOGE, NOVEMBRE + JOUR))
    timbre = run(timbreur.async_timestamp_pdf(IncrementalPdfFileWriter(BytesIO(signe)), "sha256")).getvalue()
    signature, horodatage = read_signatures(timbre, [RACINE.pem])
    assert signature.suite == Suite.SIGNATURES
    assert (horodatage.est_horodatage, horodatage.integre, horodatage.reconnue, horodatage.horodate) == (True, True, True, True)
    assert horodatage.instant == NOVEMBRE + JOUR
    assert horodatage.explain().startswith("Horodatage intègre de Horloge d’essai, le 03/11/2018")
    assert compare_copie(ORIGINAL, timbre).etat == Etat.SIGNE


def test_signature_added_against_a_lock_is_told() -> None:
    from pyhanko.sign.fields import MDPPerm

    ferme = sign(ORIGINAL, PRESIDENTE, certify=True, docmdp_permissions=MDPPerm.NO_CHANGES)
    premiere, seconde = read_signatures(sign_anyway(ferme, DIRECTEUR), [RACINE.pem])
    assert premiere.suite == Suite.DEFENDUE
    assert "l’interdisait" in premiere.explain()
    assert seconde.integre


def sign_anyway(pdf: bytes, qui: Titulaire) -> bytes:
    """Sign with software that does not look at what the first signature allows."""
    from unittest import mock

    from pyhanko.sign.signers import PdfSigner

    with mock.patch.object(PdfSigner, "_enforce_certification_constraints"):
        return sign(pdf, qui)


def test_names_cannot_play_with_the_sentence() -> None:
    lue = read_one(sign(ORIGINAL, make_titulaire("Mme\u202eX\n\n  Martin\u200b" + "a" * 40)))
    assert lue.signataire == "Mme X Martin " + "a" * 40


def empty_signature(pdf: bytes, rang: int = 0) -> bytes:
    """Zeros instead of the first bytes of one signature; its place does not change."""
    debut = [trouve.end() for trouve in re.finditer(rb"/Contents <", pdf)][rang]
    return pdf[:debut] + b"00" * 20 + pdf[debut + 40 :]


def test_spoilt_signature_does_not_hide_the_others() -> None:
    premiere, seconde = read_signatures(empty_signature(sign(sign(ORIGINAL, PRESIDENTE), DIRECTEUR)), [RACINE.pem])
    assert not premiere.lisible
    assert premiere.explain().endswith("ne peut pas être lue\u00a0: elle ne prouve rien.")
    assert seconde.signataire == "M. Alex Petit"
    assert not seconde.integre


def test_file_written_by_word_is_read_without_vouching_for_what_follows() -> None:
    une = sign(lay_twice(), PRESIDENTE, strict=False)
    assert (read_one(une).integre, read_one(une).suite) == (True, Suite.RIEN)
    premiere, seconde = read_signatures(sign(une, DIRECTEUR, strict=False), [RACINE.pem])
    assert (premiere.integre, premiere.suite) == (True, Suite.INCONNUE)
    assert "ce qui a été ajouté ensuite n’a pas pu être vérifié" in premiere.explain()
    assert (seconde.integre, seconde.suite) == (True, Suite.RIEN)


def test_long_file_of_others_is_not_compared(monkeypatch: pytest.MonkeyPatch, scelle: bytes) -> None:
    monkeypatch.setattr(pades_lecture, "MAX_COMPARES", 5)
    deux = sign(scelle, PRESIDENTE)
    assert [lue.suite for lue in read_signatures(deux)] == [Suite.INCONNUE, Suite.RIEN]
    assert [lue.suite for lue in read_signatures(deux, original=scelle)] == [Suite.SIGNATURES, Suite.RIEN]


def test_unknown_kind_of_signature_is_listed() -> None:
    lue = read_one(sign(ORIGINAL, PRESIDENTE).replace(b"/ETSI.CAdES.detached", b"/adbe.pkcs7.cypher0 "))
    assert not lue.lisible


def test_authorities_come_as_pem_or_der_one_or_several() -> None:
    signe = sign(ORIGINAL, DIRECTEUR)
    der = RACINE.certificat.public_bytes(serialization.Encoding.DER)
    for racines in ([der], [PLATEFORME.pem + RACINE.pem], [PLATEFORME.pem, der]):
        assert read_signatures(signe, racines)[0].reconnue
    assert not read_signatures(signe)[0].reconnue


@pytest.mark.parametrize("racine", [b"", b"rien", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_authority_that_is_no_certificate_is_a_mistake_of_the_caller(racine: bytes) -> None:
    with pytest.raises(ValueError, match="n’est pas un certificat lisible") as erreur:
        read_signatures(ORIGINAL, [racine])
    assert not isinstance(erreur.value, PdfIllisible)


def test_nothing_is_asked_of_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    adresse = x509.UniformResourceIdentifier("http://ailleurs.example/")
    acces = [x509.AccessDescription(oid, adresse) for oid in (AuthorityInformationAccessOID.OCSP, AuthorityInformationAccessOID.CA_ISSUERS)]
    listes = x509.CRLDistributionPoints([x509.DistributionPoint([adresse], None, None, None)])
    signe = sign(ORIGINAL, make_titulaire("M. Alex Petit", RACINE, extensions=(x509.AuthorityInformationAccess(acces), listes)))

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("réseau")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert read_one(signe).reconnue
    assert not read_one(signe, PLATEFORME).reconnue


def test_many_certificates_of_one_name_do_not_take_for_ever() -> None:
    cle = ec.generate_private_key(ec.SECP256R1())
    autorites = [make_titulaire("Même nom", make_titulaire("Même nom", ca=True), ca=True, cle=cle) for _ in range(25)]
    qui = make_titulaire("M. Alex Petit", autorites[0])
    lue = read_one(sign(ORIGINAL, Titulaire(qui.cle, qui.certificat, tuple(a.certificat for a in autorites))))
    assert lue.integre
    assert not lue.reconnue


def test_reading_works_inside_an_event_loop(scelle: bytes) -> None:
    async def read() -> SignatureLue:
        return read_one(scelle)

    assert run(read()).reconnue


# What is no PDF, or a hostile one


def lay(*objets: bytes) -> bytes:
    """A PDF written by hand."""
    sortie, places = b"%PDF-1.7\n", []
    for rang, objet in enumerate(objets, start=1):
        places.append(len(sortie))
        sortie += b"%d 0 obj\n%s\nendobj\n" % (rang, objet)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    taille = len(objets) + 1
    fin = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (taille, len(sortie))
    return sortie + b"xref\n0 %d\n0000000000 65535 f \n%s" % (taille, table) + fin


def lay_form(*champs: bytes) -> bytes:
    """A PDF of one page whose form is written by hand; the first field is object 4."""
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>"
    return lay(
        b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [4 0 R] >> >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", page, *champs
    )


def fork_fields(etages: int) -> bytes:
    """Fields of which each has two children, the same for both."""
    suite = [b"<< /T (%d) /Kids [%d 0 R %d 0 R] >>" % (cote, 7 + 2 * etage, 8 + 2 * etage) for etage in range(etages) for cote in (0, 1)]
    return lay_form(b"<< /T (r) /Kids [5 0 R 6 0 R] >>", *suite, b"<< /T (0) /FT /Sig >>", b"<< /T (1) /FT /Sig >>")


def lay_twice() -> bytes:
    """A PDF with two tables of contents, as Word writes: one for old readers, one with an object that they do not see."""
    debut = lay(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>",
    )
    corps, _, table = debut.partition(b"xref\n0 4\n")
    flux = b"5 0 obj\n<< /Type /ObjStm /N 1 /First 4 /Length 14 >>\nstream\n4 0 << /A 1 >>\nendstream\nendobj\n"
    cinq, six = len(corps), len(corps) + len(flux)
    lignes = b"\x02\x00\x05\x00" + b"".join(b"\x01" + place.to_bytes(2, "big") + b"\x00" for place in (cinq, six))
    dit = b"/Type /XRef /Size 7 /W [1 2 1] /Index [4 3] /Root 1 0 R /Length 12"
    seconde = b"6 0 obj\n<< %s >>\nstream\n%s\nendstream\nendobj\n" % (dit, lignes)
    corps += flux + seconde
    premiere = b"xref\n0 7\n" + table[:80] + b"0000000000 65535 f \n%010d 00000 n \n%010d 00000 n \n" % (cinq, six)
    return corps + premiere + b"trailer\n<< /Size 7 /Root 1 0 R /XRefStm %d >>\nstartxref\n%d\n%%%%EOF\n" % (six, len(corps))


def encrypt(utilisateur: str) -> bytes:
    return print_pages(encryption=pikepdf.Encryption(user=utilisateur, owner="p"))


def announce(dictionnaire: bytes) -> bytes:
    """A PDF whose table of contents is a stream that announces what it likes."""
    debut = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\n"
    flux = b"3 0 obj\n<< /Type /XRef /Root 1 0 R /Length 0 %s >>\nstream\n\nendstream\nendobj\n" % dictionnaire
    return debut + flux + b"startxref\n%d\n%%%%EOF\n" % len(debut)


@pytest.mark.parametrize(
    ("contenu", "phrase"),
    [
        (b"", "n’est pas un PDF"),
        (b"PK\x03\x04", "n’est pas un PDF"),
        (b"%PDF-1.7\n", "abîmé"),
        (os.urandom(9) + ORIGINAL, "n’est pas un PDF"),
        (ORIGINAL[:-150], "abîmé"),
        (ORIGINAL[: len(ORIGINAL) // 2], "abîmé"),
        (encrypt("u"), "mot de passe"),
        (encrypt(""), "mot de passe"),
        (announce(b"/W [0 0 0] /Size 1000000000 /Index [0 1000000000]"), "abîmé"),
        (announce(b"/W [8 8 8] /Size 1000000000"), "abîmé"),
        (lay_form(b"[" * 50_000 + b"]" * 50_000).replace(b"[4 0 R]", b"4 0 R"), "abîmé"),
    ],
)
def test_what_cannot_be_read_is_refused_in_french(contenu: bytes, phrase: str) -> None:
    with pytest.raises(PdfIllisible, match=phrase):
        read_signatures(contenu)


def test_fields_that_fork_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pades, "MAX_APPELS", 5_000)
    assert read_signatures(fork_fields(3)) == []
    with pytest.raises(PdfIllisible, match="anormalement compliqué"):
        read_signatures(fork_fields(40))


def test_file_too_big_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pades, "MAX_OCTETS", 1_000)
    with pytest.raises(PdfIllisible, match="dépasse"):
        read_signatures(ORIGINAL)


@pytest.mark.parametrize(
    "valeur",
    [
        b"<< /Type /Sig >>",
        b"<< /Type /Sig /SubFilter /ETSI.CAdES.detached /Contents 5 /ByteRange [0 1 2 3] >>",
        b"<< /Type /Sig /SubFilter /ETSI.CAdES.detached /Contents <> /ByteRange [0 1 2 3] >>",
        b"<< /Type /Sig /SubFilter /ETSI.CAdES.detached /Contents <" + b"3080" * 5_000 + b"> /ByteRange [0 1 2 3] >>",
        b"[1 2]",
        b"(oui)",
    ],
)
def test_signature_that_is_none_proves_nothing(valeur: bytes) -> None:
    lue = read_one(lay_form(b"<< /FT /Sig /T (a) /V 5 0 R >>", valeur))
    assert (lue.lisible, lue.integre) == (False, False)


def test_spoilt_bytes_are_refused_or_told_and_never_believed(scelle: bytes) -> None:
    """One byte after another in what the seal added, but for the seal's own: a refusal, or a signature that is not intact."""
    trou = range(scelle.index(b"/Contents <") + 11, scelle.index(b">", scelle.index(b"/Contents <") + 11))
    for ou in range(len(ORIGINAL), len(scelle), 211):
        try:
            lues = read_signatures(scelle[:ou] + bytes([scelle[ou] ^ 5]) + scelle[ou + 1 :], [RACINE.pem])
        except PdfIllisible:
            continue
        assert ou in trou or not any(lue.integre for lue in lues)


# The copy that comes back


def test_original_itself_is_told(scelle: bytes) -> None:
    assert compare_copie(scelle, scelle).etat == Etat.IDENTIQUE
    assert compare_copie(scelle, scelle + b"\r\n").etat == Etat.IDENTIQUE
    assert "sans aucune signature" in compare_copie(scelle, scelle).explain()


@pytest.mark.parametrize("avec_sceau", [True, False])
def test_copy_signed_by_both_parties_is_accepted(scelle: bytes, avec_sceau: bool) -> None:
    original = scelle if avec_sceau else ORIGINAL
    recu = sign(sign(original, PRESIDENTE), DIRECTEUR, boite=(50, 50, 250, 100))
    copie = compare_copie(original, recu, [RACINE.pem])
    assert copie.etat == Etat.SIGNE
    assert [lue.signataire for lue in copie.signatures] == ["Mme Dominique Martin", "M. Alex Petit"]
    assert all(lue.integre and lue.reconnue for lue in copie.signatures)
    assert copie.pages == (1,)
    assert "avec 2 signatures de plus et rien d’autre" in copie.explain()
    assert is_prolongation(original, recu)


def test_copy_of_compressed_document_is_accepted() -> None:
    original = print_pages(object_stream_mode=pikepdf.ObjectStreamMode.generate)
    assert compare_copie(original, sign(original, PRESIDENTE)).etat == Etat.SIGNE


def test_software_that_gives_the_number_of_its_table_to_an_object_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """PDFBox does, at the second signature: its table, a stream, is in no table."""
    from pyhanko.pdf_utils import writer

    class Table(writer.XRefStream):
        def write_to_stream(self, *args: Any, **kwargs: Any) -> None:
            del self.position_dict[max(self.position_dict, key=lambda cle: cle[1])]
            super().write_to_stream(*args, **kwargs)

    monkeypatch.setattr(writer, "XRefStream", Table)
    original = print_pages(object_stream_mode=pikepdf.ObjectStreamMode.generate)
    une = sign(original, PRESIDENTE, reason="sans se nommer")
    recu = sign(une, DIRECTEUR, reprise=2)
    assert b"\n%s 0 obj" % re.findall(rb"(\d+) 0 obj", une)[-1] in recu[len(une) :]
    copie = compare_copie(original, recu)
    assert (copie.etat, len(copie.signatures)) == (Etat.SIGNE, 2)
    assert [lue.suite for lue in read_signatures(recu)] == [Suite.SIGNATURES, Suite.RIEN]
    assert compare_copie(original, add(recu, rewrite_page)).etat == Etat.MODIFIE


@pytest.mark.parametrize("boite", [None, (50, 50, 250, 100)])
def test_copy_certified_by_the_first_party_is_accepted(boite: tuple[int, ...] | None) -> None:
    recu = sign(sign(ORIGINAL, PRESIDENTE, certify=True), DIRECTEUR, boite=boite)
    copie = compare_copie(ORIGINAL, recu)
    assert copie.etat == Etat.SIGNE
    assert [lue.suite for lue in copie.signatures] == [Suite.SIGNATURES, Suite.RIEN]


def test_copy_changed_after_signature_is_told(scelle: bytes) -> None:
    copie = compare_copie(scelle, add(sign(scelle, PRESIDENTE), rewrite_page))
    assert copie.etat == Etat.MODIFIE
    assert "son contenu a été modifié" in copie.explain()


@pytest.mark.parametrize("avec_sceau", [True, False])
def test_copy_changed_before_signature_is_told(scelle: bytes, avec_sceau: bool) -> None:
    original = scelle if avec_sceau else ORIGINAL
    copie = compare_copie(original, sign(add(original, rewrite_page), PRESIDENTE))
    assert copie.etat == Etat.MODIFIE
    assert copie.signatures[0].couvre_tout


def test_copy_saved_again_without_signature_is_told() -> None:
    assert (
        compare_copie(ORIGINAL, add(ORIGINAL, lambda ajout: ajout.update_root())).motif
        == "Ce fichier a été enregistré de nouveau sans être signé."
    )


def test_another_document_is_told(scelle: bytes) -> None:
    for recu in (print_pages("autre"), sign(print_pages("autre"), PRESIDENTE), scelle[:-20], b"", b"bonjour"):
        assert compare_copie(scelle, recu).etat == Etat.AUTRE
    assert not is_prolongation(b"", scelle)


def test_document_glued_after_the_original_is_told() -> None:
    colle = ORIGINAL + lay_form(b"<< >>")
    copie = compare_copie(ORIGINAL, fix_offsets(colle, len(ORIGINAL)))
    assert copie.etat == Etat.MODIFIE
    assert "un autre document" in copie.explain()


def fix_offsets(pdf: bytes, decalage: int) -> bytes:
    """Make the places written in the glued part count from the start of the file."""
    debut, fin = pdf[:decalage], pdf[decalage:]
    fin = re.sub(rb"(\d{10}) 00000 n", lambda m: b"%010d 00000 n" % (int(m[1]) + decalage), fin)
    return debut + re.sub(rb"startxref\n(\d+)", lambda m: b"startxref\n%d" % (int(m[1]) + decalage), fin)


def test_recording_that_none_follows_is_told(scelle: bytes) -> None:
    """A change that readers skip today, and that a repair would bring back."""
    signe = sign(scelle, PRESIDENTE)
    cache_ = add(signe, rewrite_page)
    bon = re.findall(rb"startxref\n(\d+)", signe)[-1]
    ou = cache_.rindex(b"startxref")
    recu = cache_[:ou] + b"startxref\n" + bon + b"\n%%EOF\n"
    assert compare_copie(scelle, recu).etat == Etat.MODIFIE


def test_false_signature_is_told() -> None:
    copie = compare_copie(ORIGINAL, empty_signature(sign(ORIGINAL, PRESIDENTE)))
    assert copie.etat == Etat.MODIFIE
    assert "fausse ou abîmée" in copie.explain()


def test_signature_that_hides_the_page_is_told() -> None:
    copie = compare_copie(ORIGINAL, sign(ORIGINAL, PRESIDENTE, boite=(0, 0, 595, 500)))
    assert copie.etat == Etat.MODIFIE
    assert "cache une partie d’une page" in copie.explain()


def test_signature_with_an_action_is_told() -> None:
    def prepare(ajout: Any) -> None:
        from pyhanko.pdf_utils.generic import DictionaryObject, pdf_name, pdf_string
        from pyhanko.sign.fields import SigFieldSpec, append_signature_field

        append_signature_field(ajout, SigFieldSpec("Piège"))
        (champ,) = ajout.root["/AcroForm"]["/Fields"]  # what the person who signs would set off
        champ.get_object()["/A"] = DictionaryObject({pdf_name("/S"): pdf_name("/JavaScript"), pdf_name("/JS"): pdf_string("app.alert(1)")})

    assert compare_copie(ORIGINAL, sign(add(ORIGINAL, prepare), PRESIDENTE, champ="Piège")).etat == Etat.MODIFIE


def test_form_of_another_kind_is_told(scelle: bytes) -> None:
    from pyhanko.pdf_utils.generic import pdf_string

    for original, signe in ((scelle, sign(scelle, PRESIDENTE)), (ORIGINAL, sign(ORIGINAL, PRESIDENTE))):
        assert compare_copie(original, add(signe, change_form("/XFA", pdf_string("<xdp/>")))).etat == Etat.MODIFIE


def test_field_filled_in_afterwards_is_told() -> None:
    with pikepdf.open(BytesIO(ORIGINAL)) as pdf:
        champ = Dictionary(FT=Name.Tx, T="montant", V="12 000", Type=Name.Annot, Subtype=Name.Widget, Rect=[9, 9, 99, 29], F=4)
        indirect = pdf.make_indirect(champ)
        pdf.pages[0].obj.Annots = Array([indirect])
        pdf.Root.AcroForm = Dictionary(Fields=Array([indirect]))
        sortie = BytesIO()
        pdf.save(sortie)

    def fill(ajout: Any) -> None:
        from pyhanko.pdf_utils.generic import pdf_string

        rempli = ajout.root["/AcroForm"]["/Fields"][0]
        rempli["/V"] = pdf_string("92 000")
        ajout.update_container(rempli)

    assert read_one(add(sign(sortie.getvalue(), PRESIDENTE), fill)).suite == Suite.MODIFIE


def test_copy_cut_on_its_way_is_refused(scelle: bytes) -> None:
    recu = sign(scelle, PRESIDENTE)
    for fin in (-300, len(scelle) + 400):
        with pytest.raises(PdfIllisible, match="abîmé ou incomplet"):
            compare_copie(scelle, recu[:fin])
    assert compare_copie(scelle, recu + b"\r\n\0").etat == Etat.SIGNE


# Conformance


@pytest.mark.verapdf
@pytest.mark.django_db
def test_sealed_document_stays_pdf_a_3a_and_pdf_ua_1(convention: Convention, sceau: Sceau, tmp_path: Path) -> None:
    if reason := controle.reason_missing():
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    fiche = factories.FicheFactory(convention=convention)
    imprime = publish_fiche(convention, fiche)
    scelle = seal(imprime, sceau, raison="Version à signer", lieu="Dijon")
    fichiers = [tmp_path / "scellé.pdf", tmp_path / "scellé deux fois.pdf"]
    fichiers[0].write_bytes(scelle)
    fichiers[1].write_bytes(seal(scelle, sceau, raison="Version signée"))
    assert compare_copie(imprime, fichiers[1].read_bytes()).etat == Etat.SIGNE
    controle.verify_all(fichiers)
