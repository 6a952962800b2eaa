"""Who vouches for a signer: recognised authorities, the time at which a certificate is judged, and why one is not recognised."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

MAX_CERTIFICATS = 12  # of one signature, beside the recognised ones: the ways from one to another multiply
MAX_HOMONYMES = 2


def read_racines(racines: Sequence[bytes]) -> list[Any]:
    """Certificates of recognised authorities, each PEM (one or several) or DER. Raises ValueError."""
    from pyhanko.keys import load_certs_from_pemder_data

    ancres: list[Any] = []
    try:
        for racine in racines:
            ancres.extend(load_certs_from_pemder_data(racine))
        for ancre in ancres:
            ancre.native  # noqa: B018 - the library reads only what is asked for: all of it, now
    except (ValueError, TypeError, LookupError, AttributeError) as erreur:
        raise ValueError("Une des autorités reconnues n’est pas un certificat lisible.") from erreur
    return ancres


def make_contexte(ancres: list[Any], instant: datetime | None) -> Any:
    """Ground of trust at one time. Without `ancres` nobody is recognised, rather than whom the machine trusts."""
    from pyhanko_certvalidator import ValidationContext
    from pyhanko_certvalidator.registry import CertificateRegistry

    class Registre(CertificateRegistry):
        """Certificates at hand. Those that come with a signature are counted: many of one name would take for ever."""

        reconnus: set[Any] | None = None

        def register(self, cert: Any) -> bool:
            if self.reconnus is not None:
                homonymes = [c for c in self.retrieve_by_name(cert.subject) if c.issuer_serial not in self.reconnus]
                if len(homonymes) >= MAX_HOMONYMES or len(self.certs) >= len(self.reconnus) + MAX_CERTIFICATS:
                    return False
            return super().register(cert)

    registre = Registre()
    moment = instant or datetime.now(UTC)
    contexte = ValidationContext(trust_roots=ancres, moment=moment, allow_fetching=False, certificate_registry=registre)
    registre.reconnus = set(registre.certs)
    return contexte


def as_instant(valeur: Any) -> datetime | None:
    """A time that can be compared and shown, None for what is no possible one."""
    if not isinstance(valeur, datetime):
        return None
    try:
        return timezone.localtime(valeur if valeur.tzinfo else timezone.make_aware(valeur))
    except (ValueError, OverflowError):
        return None


def explain_motif(etat: Any, certificat: Any, instant: datetime | None, debut: datetime | None, fin: datetime | None) -> str:
    """Say why a signature is not recognised, the most telling reason first."""
    cause = etat.trust_problem_indic.name if etat.trust_problem_indic is not None else ""
    moment = instant or datetime.now(UTC)
    if cause.startswith("CRYPTO"):
        return "le procédé de cette signature est trop ancien pour faire foi"
    if fin and moment > fin:
        return f"son certificat avait expiré le {fin:%d/%m/%Y}"
    if debut and moment < debut:
        return f"son certificat n’était valable qu’à partir du {debut:%d/%m/%Y}"
    if certificat.self_issued:
        return "le signataire a fabriqué lui-même son certificat, aucune autorité ne dit qui il est"
    if cause == "NO_CERTIFICATE_CHAIN_FOUND":
        return "l’autorité qui a émis son certificat n’est pas dans la liste des autorités reconnues"
    if cause == "CHAIN_CONSTRAINTS_FAILURE":
        return "son certificat n’est pas fait pour signer des documents"
    if cause == "OUT_OF_BOUNDS_NO_POE":
        return "le certificat de l’autorité qui a émis le sien n’était pas valable ce jour-là"
    return "son certificat ne remonte pas à une autorité reconnue"
