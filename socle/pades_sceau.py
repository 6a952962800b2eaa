"""Sealing a PDF in the name of the platform: an invisible PAdES signature (B-B), added without touching a byte of the file.

The field of the signature stands outside the page: a widget must be printable for PDF/A and hidden for PDF/UA, which only
a place out of the page allows at once. Metadata stay as printed, so that the sealed file keeps to both standards.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from django.utils import timezone

from socle.pades import open_pdf, refusing, run
from socle.typographie import INSECABLE

CHAMP = "Sceau"
MIN_RSA = 2048


class SceauIllisible(ValueError):
    """The platform's key cannot seal; the French message says why."""


@dataclass(frozen=True)
class Sceau:
    """The platform's key and its certificate. The key is never shown."""

    nom: str
    organisation: str
    debut: datetime
    fin: datetime
    signataire: Any = field(repr=False)  # pyHanko's signer


def read_sceau(chemin: str, phrase: str) -> Sceau:
    """Read the PKCS#12 file of the platform. Raises SceauIllisible."""
    try:
        contenu = Path(chemin).read_bytes()
    except OSError as erreur:
        raise SceauIllisible(f"Le fichier du sceau est introuvable ou illisible{INSECABLE}: {chemin}") from erreur
    try:
        coffre = pkcs12.load_pkcs12(contenu, phrase.encode())
    except Exception as erreur:  # the library raises several kinds, and a wrong passphrase looks like a broken file
        raise SceauIllisible(
            f"La phrase secrète n’ouvre pas le fichier du sceau, ou ce fichier n’est pas au format PKCS#12{INSECABLE}: {chemin}"
        ) from erreur
    if coffre.key is None:
        raise SceauIllisible(f"Le fichier du sceau ne contient pas de clé privée{INSECABLE}: {chemin}")
    if coffre.cert is None:
        raise SceauIllisible(f"Le fichier du sceau ne contient pas le certificat de sa clé{INSECABLE}: {chemin}")
    if not isinstance(coffre.key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise SceauIllisible("La clé du sceau doit être une clé RSA ou une clé à courbe elliptique.")
    if isinstance(coffre.key, rsa.RSAPrivateKey) and coffre.key.key_size < MIN_RSA:
        raise SceauIllisible(f"La clé RSA du sceau est trop courte{INSECABLE}: {coffre.key.key_size} bits, {MIN_RSA} au moins.")
    certificat = coffre.cert.certificate
    sceau = Sceau(
        nom=_read_nom(certificat, NameOID.COMMON_NAME),
        organisation=_read_nom(certificat, NameOID.ORGANIZATION_NAME),
        debut=certificat.not_valid_before_utc,
        fin=certificat.not_valid_after_utc,
        signataire=_make_signataire(contenu, phrase),
    )
    check_validity(sceau, datetime.now(UTC))
    return sceau


def check_validity(sceau: Sceau, instant: datetime) -> None:
    """Raise SceauIllisible when the certificate does not hold at that time."""
    if instant < sceau.debut:
        raise SceauIllisible(f"Le certificat du sceau n’est valable qu’à partir du {timezone.localtime(sceau.debut):%d/%m/%Y}.")
    if instant > sceau.fin:
        raise SceauIllisible(f"Le certificat du sceau a expiré le {timezone.localtime(sceau.fin):%d/%m/%Y}.")


def _read_nom(certificat: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    return ", ".join(str(a.value) for a in certificat.subject.get_attributes_for_oid(oid))


def _make_signataire(contenu: bytes, phrase: str) -> Any:
    from pyhanko.sign.signers import SimpleSigner

    return SimpleSigner.load_pkcs12_data(contenu, other_certs=[], passphrase=phrase.encode())


def seal(pdf: bytes, cle: Sceau, *, raison: str, lieu: str = "", instant: datetime | None = None) -> bytes:
    """Add the platform's signature after the last byte of `pdf`. Raises SceauIllisible, PdfIllisible."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign.fields import InvisSigSettings, SigFieldSpec, SigSeedSubFilter, enumerate_sig_fields
    from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigObjSetup
    from pyhanko.sign.signers.constants import ESIC_EXTENSION_1
    from pyhanko.sign.signers.pdf_byterange import SignatureObject

    class Ajout(IncrementalPdfFileWriter):
        """The end of the file; pyHanko would write itself into the metadata."""

        def _update_meta(self) -> None:
            pass

    instant = timezone.localtime(instant)
    check_validity(cle, instant)
    lecteur = open_pdf(pdf)
    with refusing():
        ajout = Ajout.from_reader(lecteur)
        ajout.register_extension(ESIC_EXTENSION_1)  # what a PDF older than 2.0 says when it holds a PAdES signature
        nom = _name_champ({nom for nom, _, _ in enumerate_sig_fields(lecteur)})
        champ = SigFieldSpec(
            nom, readable_field_name=f"Sceau électronique de {cle.nom}", invis_sig_settings=InvisSigSettings(box_out_of_bounds=True)
        )
        etapes = PdfCMSEmbedder(new_field_spec=champ).write_cms(nom, ajout)
        next(etapes)
        essai = run(cle.signataire.async_sign(bytes(32), "sha256", dry_run=True, use_pades=True))
        objet = SignatureObject(
            timestamp=instant,
            subfilter=SigSeedSubFilter.PADES,
            reason=raison or None,
            location=lieu or None,
            bytes_reserved=2 * (len(essai.dump()) + 512),
        )
        etapes.send(SigObjSetup(sig_placeholder=objet))
        empreinte, sortie = etapes.send(SigIOSetup(md_algorithm="sha256"))
        etapes.send(run(cle.signataire.async_sign(empreinte.document_digest, "sha256", use_pades=True)))
        scelle: bytes = sortie.getvalue()
    return scelle


def _name_champ(pris: set[str]) -> str:
    """Name of the field, which no other field of the file may bear."""
    noms = [CHAMP, *(f"{CHAMP} {rang}" for rang in range(2, len(pris) + 2))]
    return next(nom for nom in noms if nom not in pris)
