"""Checks of the numbers that identify an organisation and its bank account."""

from django.core.exceptions import ValidationError
from schwifty import IBAN
from schwifty.exceptions import SchwiftyException
from stdnum.exceptions import ValidationError as StdnumError
from stdnum.fr import siret


def validate_siret(valeur: str) -> None:
    """Refuse a SIRET whose length or key is wrong."""
    try:
        siret.validate(valeur)
    except StdnumError as erreur:
        raise ValidationError(
            f"« {valeur} » n’est pas un SIRET : 14 chiffres, dont le dernier est une clé de contrôle.", code="siret"
        ) from erreur


def validate_iban(valeur: str) -> None:
    """Refuse an IBAN whose key is wrong and, for a French one, a wrong RIB key."""
    try:
        IBAN(valeur, validate_bban=True)
    except SchwiftyException as erreur:
        raise ValidationError(
            "Cet IBAN est faux : un chiffre a sans doute été mal recopié (la clé ne correspond pas).", code="iban"
        ) from erreur


def compact(valeur: str) -> str:
    """Remove the spaces people type in SIRET and IBAN, and write letters in capitals."""
    return "".join(valeur.split()).replace("\u202f", "").upper()


def split_rib(iban: str) -> dict[str, str] | None:
    """Cut a French IBAN into bank, branch, account and RIB key; None for other countries."""
    if len(iban) != 27 or not iban.startswith("FR"):
        return None
    return {"banque": iban[4:9], "guichet": iban[9:14], "compte": iban[14:25], "cle": iban[25:27]}
