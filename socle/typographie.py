"""French typography of figures and dates, the same on screen, in PDF and in messages."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from djmoney.money import Money

FINE = "\u202f"  # narrow no-break space: between thousands, before ; ! ?
INSECABLE = "\u00a0"  # no-break space: between a number and its unit or %
MOINS = "\u2212"
MOIS = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()


def format_nombre(valeur: Decimal | int, decimales: int | None = None) -> str:
    """Write a number in French; without `decimales`, as many as needed and no trailing zero."""
    nombre = Decimal(valeur)
    if decimales is not None:
        nombre = nombre.quantize(Decimal(1).scaleb(-decimales), ROUND_HALF_UP)
    nombre += 0  # no « −0 »
    texte = f"{nombre.normalize():,f}" if decimales is None else f"{nombre:,.{decimales}f}"
    return texte.replace(",", FINE).replace(".", ",").replace("-", MOINS)


def format_euros(montant: Money | Decimal | None, centimes: bool | None = None) -> str:
    """Write an amount as « 1 234,50 € »; cents shown when there are some, or as `centimes` says.

    None gives an empty text: unknown has its own words, chosen where it is shown.
    """
    if montant is None:
        return ""
    return f"{format_montant(montant, centimes)}{INSECABLE}€"


def format_montant(montant: Money | Decimal, centimes: bool | None = None) -> str:
    """Write an amount without the sign, for columns whose head says €."""
    valeur = montant.amount if isinstance(montant, Money) else montant
    if centimes is None:
        centimes = valeur != valeur.to_integral_value()
    return format_nombre(valeur, 2 if centimes else 0)


def format_jours(jours: Decimal) -> str:
    """Write days as « 16,5 j »."""
    return f"{format_nombre(jours)}{INSECABLE}j"


def format_taux(taux: Decimal, decimales: int | None = None) -> str:
    """Write a rate as « 80 % »."""
    return f"{format_nombre(taux, decimales)}{INSECABLE}%"


def format_date_longue(jour: date) -> str:
    """Write a date as « 1er novembre 2018 », for the texts the parties sign."""
    return f"{'1er' if jour.day == 1 else jour.day}{INSECABLE}{MOIS[jour.month - 1]} {jour.year}"


def list_fr(mots: list[str]) -> str:
    """Join words as « a, b et c »."""
    return " et ".join(filter(None, [", ".join(mots[:-1]), *mots[-1:]]))
