"""Reading the signatures of a PDF: who signed, when, whether what was signed is still there, who vouches for the signer.

Nothing is asked of the network: a certificate is judged at the time of its signature, from the recognised authorities that
the caller gives, and certificates withdrawn since are not looked up. Only signatures, timestamps and what proves them may
follow a signature; a form field filled in afterwards counts as a change.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from django.utils import timezone

from socle.pades import PdfIllisible, open_pdf, refusing, run
from socle.pades_confiance import as_instant, explain_motif, make_contexte, read_racines
from socle.pades_regles import find_origine, is_prolongation, make_regle
from socle.typographie import FINE, INSECABLE

MAX_SIGNATURES = 40
MAX_COMPARES = 10_000  # objects to read again for all the signatures of a file of others
USAGES = {"digital_signature", "non_repudiation"}


class Suite(Enum):
    """What was added to the file after a signature."""

    RIEN = "rien"
    SIGNATURES = "signatures"
    DEFENDUE = "defendue"  # another signature, which this one forbade
    MODIFIE = "modifie"
    INCONNUE = "inconnue"


SUITES = {
    Suite.SIGNATURES: "d’autres signatures ou leurs preuves ont été ajoutées ensuite, sans rien changer d’autre",
    Suite.DEFENDUE: "une signature a été ajoutée ensuite alors que celle-ci l’interdisait",
    Suite.MODIFIE: "le document a été modifié ensuite",
    Suite.INCONNUE: "ce qui a été ajouté ensuite n’a pas pu être vérifié",
}


@dataclass(frozen=True)
class SignatureLue:
    """One signature. Names are what its certificate says, to be believed only when it is `reconnue`."""

    champ: str
    signataire: str = ""
    organisation: str = ""
    emetteur: str = ""
    instant: datetime | None = None
    horodate: bool = False  # the time comes from a recognised authority, not from the signer's clock
    est_horodatage: bool = False  # a stamp on the whole file, which nobody signs
    lisible: bool = True
    integre: bool = False
    couvre_tout: bool = False
    suite: Suite = Suite.INCONNUE
    reconnue: bool = False
    certificat_expire: bool = False  # when it signed; not valid yet counts too
    certificat_debut: datetime | None = None
    certificat_fin: datetime | None = None
    motif: str = ""  # why it is not recognised, though intact

    def explain(self) -> str:
        """Say it in one sentence to somebody who knows nothing of certificates."""
        if not self.lisible:
            return f"Une signature est présente mais ne peut pas être lue{INSECABLE}: elle ne prouve rien."
        genre = "Horodatage" if self.est_horodatage else "Signature"
        organisation = f" ({self.organisation})" if self.organisation not in {"", self.signataire} else ""
        qui = f"{self.signataire or 'quelqu’un que son certificat ne nomme pas'}{organisation}"
        quand = f", le {format_instant(self.instant)}" if self.instant else ", sans date"
        quand += " (heure attestée par un tiers)" if self.horodate and not self.est_horodatage else ""
        if not self.integre:
            return f"{genre} de {qui}{quand}{INSECABLE}: ce qui a été signé a changé depuis, ou cette signature est fausse."
        suites = [SUITES[self.suite]] if self.suite in SUITES else []
        confiance = f"l’autorité qui a émis son certificat, {self.emetteur}, est reconnue" if self.reconnue else self.motif
        return f"{genre} intègre de {qui}{quand}{FINE}; " + f"{FINE}; ".join([*suites, confiance]) + "."


def format_instant(instant: datetime) -> str:
    """Write a time as « 02/11/2018 à 10 h 14 », by the clock of the product."""
    local = timezone.localtime(instant)
    return f"{local:%d/%m/%Y} à {local.hour}{INSECABLE}h{INSECABLE}{local:%M}"


def read_signatures(pdf: bytes, racines: Sequence[bytes] = (), original: bytes = b"") -> list[SignatureLue]:
    """Read every signature, in the order they were made.

    `original` is the product's own file that this one may continue: it makes the reading of a long document a matter of a
    second. Raises PdfIllisible; ValueError when `racines` are no certificates.
    """
    ancres = read_racines(racines)
    lecteur, strict = _open(pdf)
    with refusing():
        connu = strict and is_prolongation(original, pdf) and find_origine(original, lecteur) is not None
        lues = [lue for _, lue in read_champs(pdf, lecteur, ancres, connu)]
    return lues if strict else [lue if lue.couvre_tout else replace(lue, suite=Suite.INCONNUE) for lue in lues]


def _open(pdf: bytes) -> tuple[Any, bool]:
    """Open a PDF, strictly if its writing allows to tell afterwards what was added."""
    try:
        lecteur = open_pdf(pdf)
        if not lecteur.xrefs.hybrid_xrefs_present:  # Word writes two tables of contents: readers do not all read the same
            return lecteur, True
    except PdfIllisible:
        pass
    return open_pdf(pdf, tolerant=True), False


def read_champs(pdf: bytes, lecteur: Any, ancres: list[Any], connu: bool) -> list[tuple[int, SignatureLue]]:
    """Read every signature of an open file, each with the rank of the recording that holds it. Raises PdfIllisible."""
    from pyhanko.sign.fields import enumerate_sig_fields

    champs = []
    for nom, _, champ in enumerate_sig_fields(lecteur, filled_status=True):
        valeur = champ.get_object().raw_get("/V")
        champs.append((lecteur.xrefs.get_last_change(getattr(valeur, "reference", champ.reference)), str(nom), champ))
        if len(champs) > MAX_SIGNATURES:
            raise PdfIllisible(f"Ce PDF porte plus de {MAX_SIGNATURES} signatures. Il est refusé.")
    champs.sort(key=lambda champ: champ[0])
    compare = connu or lecteur.xrefs.get_xref_container_info(-1).size * (len(champs) - 1) <= MAX_COMPARES
    lues: list[tuple[int, SignatureLue]] = run(_read_all(pdf, lecteur, champs, ancres, make_regle(connu) if compare else None))
    return lues


async def _read_all(pdf: bytes, lecteur: Any, champs: list[Any], ancres: list[Any], regle: Any) -> list[tuple[int, SignatureLue]]:
    lues = []
    for revision, nom, champ in champs:
        try:
            lues.append((revision, await _read_one(pdf, (lecteur, champ, nom), ancres, regle)))
        except PdfIllisible:
            raise
        except Exception:  # one spoilt signature does not hide the others
            lues.append((revision, SignatureLue(_clean(nom), lisible=False)))
    return lues


async def _read_one(pdf: bytes, place: tuple[Any, Any, str], ancres: list[Any], regle: Any) -> SignatureLue:
    from pyhanko.sign.validation import EmbeddedPdfSignature, async_validate_pdf_signature, async_validate_pdf_timestamp
    from pyhanko.sign.validation.settings import KeyUsageConstraints

    signature = EmbeddedPdfSignature(*place)
    certificat = signature.signer_cert
    est_horodatage = signature.sig_object_type == "/DocTimeStamp"
    if est_horodatage:
        instant = _read_gen_time(signature.signed_data)
        contexte = make_contexte(ancres, instant)
        etat: Any = await async_validate_pdf_timestamp(signature, contexte, diff_policy=regle, skip_diff=regle is None)
        horodate = bool(etat.trusted)
    else:
        certifie = await _read_jeton(signature, ancres)
        horodate, instant = certifie is not None, certifie or _read_declare(signature)
        etat = await async_validate_pdf_signature(
            signature,
            make_contexte(ancres, instant),
            ts_validation_context=make_contexte(ancres, certifie),
            diff_policy=regle,
            skip_diff=regle is None,
            key_usage_settings=KeyUsageConstraints(key_usage=USAGES if certificat.key_usage_value else set()),
        )
    debut, fin = as_instant(certificat.not_valid_before), as_instant(certificat.not_valid_after)
    valable = bool(debut and fin and debut <= (instant or datetime.now(UTC)) <= fin)
    entiere = _fills_gap(pdf, signature)
    integre = bool(etat.intact and etat.valid) and entiere
    reconnue = integre and bool(etat.trusted)
    return SignatureLue(
        champ=_clean(signature.field_name),
        signataire=_read_nom(certificat.subject, "common_name", "organization_name", "email_address"),
        organisation=_read_nom(certificat.subject, "organization_name"),
        emetteur=_read_nom(certificat.issuer, "common_name", "organization_name"),
        instant=instant,
        horodate=horodate,
        est_horodatage=est_horodatage,
        integre=integre,
        couvre_tout=entiere and etat.coverage.name == "ENTIRE_FILE",
        suite=_name_suite(etat),
        reconnue=reconnue,
        certificat_expire=not valable,
        certificat_debut=debut,
        certificat_fin=fin,
        motif="" if reconnue or not integre else explain_motif(etat, certificat, instant, debut, fin),
    )


async def _read_jeton(signature: Any, ancres: list[Any]) -> datetime | None:
    """Time that a recognised authority stamped on a signature."""
    from pyhanko.sign.general import find_cms_attribute_iter
    from pyhanko.sign.validation.generic_cms import collect_timing_info

    for jeton in find_cms_attribute_iter(signature.signer_info["unsigned_attrs"], "signature_time_stamp_token"):
        instant = _read_gen_time(jeton["content"])
        trouve = await collect_timing_info(signature.signer_info, make_contexte(ancres, instant), raw_digest=signature.compute_digest)
        valide = trouve.get("timestamp_validity")
        if valide is not None and valide.trusted and valide.timestamp == instant:
            return instant
    return None


def _read_gen_time(signe: Any) -> datetime | None:
    return as_instant(signe["encap_content_info"]["content"].parsed["gen_time"].native)


def _read_declare(signature: Any) -> datetime | None:
    """Time that the signer's own clock gave."""
    try:
        return as_instant(signature.self_reported_timestamp)
    except Exception:  # a date written anyhow proves nothing against the signature
        return None


def _fills_gap(pdf: bytes, signature: Any) -> bool:
    """Tell whether the signature's own bytes are all that it leaves uncovered, from the start of the file to where it ends."""
    plage = [int(nombre) for nombre in signature.byte_range]
    if len(plage) != 4 or plage[0] != 0:
        return False
    _, debut, reprise, reste = plage
    if not 0 < debut < reprise < reprise + reste <= len(pdf):
        return False
    return pdf[debut:reprise].lower() == b"<" + signature.pkcs7_content.hex().encode() + b">"


def _name_suite(etat: Any) -> Suite:
    niveau = etat.modification_level.name if etat.modification_level is not None else "INCONNU"
    if niveau in {"LTA_UPDATES", "FORM_FILLING"}:
        return Suite.DEFENDUE if etat.docmdp_ok is False else Suite.SIGNATURES
    return {"NONE": Suite.RIEN, "INCONNU": Suite.INCONNUE}.get(niveau, Suite.MODIFIE)


def _read_nom(nom: Any, *champs: str) -> str:
    """First of the parts of a name that is filled in."""
    valeurs = nom.native
    for champ in champs:
        valeur = valeurs.get(champ)
        if texte := _clean(", ".join(map(str, valeur)) if isinstance(valeur, list) else str(valeur or "")):
            return texte
    return ""


def _clean(texte: str) -> str:
    """Text of others on one short line, without the characters that reorder or hide the rest."""
    visible = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in texte)
    return " ".join(visible.split())[:100]
