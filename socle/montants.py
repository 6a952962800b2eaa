"""Money: one field, one rounding place, exact division. Amounts are euros, Decimal, two places."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import BaseValidator
from django.db import models
from django.utils.text import capfirst
from djmoney.models.fields import MoneyField
from djmoney.money import Money

from socle.nombres import NombreIllisible, parse_montant
from socle.typographie import format_montant, format_nombre

CENT = Decimal("0.01")
ZERO = Decimal("0.00")


def round_cents(valeur: Decimal) -> Decimal:
    """Round to the cent, half up: the only rounding of amounts in the product."""
    return Decimal(valeur).quantize(CENT, rounding=ROUND_HALF_UP)


def round_fraction(valeur: Fraction) -> Decimal:
    """Round an exact quotient to the cent, half up and away from zero like `round_cents`, without any rounding on the way."""
    cents, signe = abs(valeur) * 100, -1 if valeur < 0 else 1
    return Decimal(signe * int(cents + Fraction(1, 2))) * CENT


def split_total(total: Decimal, poids: Sequence[Decimal]) -> list[Decimal]:
    """Share `total` (euros) in proportion to `poids`, in cents that sum exactly to it.

    Largest remainder: every part gets its cents rounded toward zero, the cents left go one by one to the
    largest remainders, the first of equals first. Negative totals are shared like their opposite.
    Raises ValueError when a weight is negative or all are zero.
    """
    poids = [Decimal(p) for p in poids]
    somme = sum(poids, Decimal(0))
    if any(p < 0 for p in poids) or somme <= 0:
        raise ValueError("weights must be positive, one at least above zero")
    if total < 0:
        return [-part for part in split_total(-total, poids)]
    cents = int((round_cents(total) / CENT).to_integral_value())
    # Integers all the way: scale the weights so that no quotient is ever rounded by Decimal's context.
    exposant = min(0, *(int(p.as_tuple().exponent) for p in poids))
    entiers = [int(p.scaleb(-exposant)) for p in poids]
    diviseur = sum(entiers)
    divisions = [divmod(cents * e, diviseur) for e in entiers]
    parts, restes = [q for q, _ in divisions], [r for _, r in divisions]
    manque = cents - sum(parts)
    for rang in sorted(range(len(parts)), key=lambda i: -restes[i])[:manque]:
        parts[rang] += 1
    return [Decimal(p) * CENT for p in parts]


def tolerate_taux(taux: Decimal, base: Decimal) -> Decimal:
    """Euros that a rate (in %) written with decimals may hide: half of its last decimal. A whole rate hides nothing."""
    exposant = int(taux.normalize().as_tuple().exponent)
    return base * Decimal(5).scaleb(exposant - 1) / 100 if exposant < 0 else ZERO


class EuroInput(forms.TextInput):
    """One text box for an amount, shown as « 1 234,50 »."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"inputmode": "decimal", "class": "saisie vTextField", "autocomplete": "off"} | (attrs or {}))

    def format_value(self, value: Any) -> str | None:
        if isinstance(value, Money):
            value = value.amount
        return format_nombre(value, 2) if isinstance(value, Decimal) else value


class EuroFormField(forms.Field):
    """Form field giving Money, from « 1 234,50 € » and its usual writings."""

    widget = EuroInput

    def __init__(self, *, max_digits: int = 14, **kwargs: Any) -> None:
        for unused in ("decimal_places", "currency_choices", "default_currency", "max_value", "min_value", "default_amount"):
            kwargs.pop(unused, None)
        self.max_digits = max_digits
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        return value.amount if isinstance(value, Money) else value

    def to_python(self, value: Any) -> Money | None:
        if value in self.empty_values:
            return None
        if isinstance(value, Money):
            return value
        try:
            montant = value if isinstance(value, Decimal) else parse_montant(str(value))
        except NombreIllisible as erreur:
            raise ValidationError(str(erreur), code="invalid") from erreur
        if len(montant.as_tuple().digits) > self.max_digits:
            raise ValidationError("Ce montant est trop grand.", code="max_digits")
        return Money(montant, "EUR")

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return self.to_python(initial) != self.to_python(data)
        except ValidationError:
            return True


class MinimumEuro(BaseValidator):
    """Refuse an amount below a number of euros."""

    code = "min_value"

    def __init__(self, limit_value: Decimal) -> None:
        super().__init__(limit_value, f"Le montant ne peut pas être inférieur à {format_montant(limit_value)} €.")

    def compare(self, a: Money, b: Decimal) -> bool:
        return a.amount < b


if TYPE_CHECKING:

    class EuroField(models.DecimalField):
        """What type checkers know of the field below: it takes Money and gives Money."""

        _pyi_private_set_type: Any
        _pyi_private_get_type: Any

        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

else:

    class EuroField(MoneyField):
        """Amount in euros: Decimal of two places and a currency column that a constraint keeps at EUR."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.setdefault("max_digits", 14)
            kwargs.setdefault("decimal_places", 2)
            kwargs.setdefault("default_currency", "EUR")
            super().__init__(*args, **kwargs)

        def formfield(self, **kwargs: Any) -> forms.Field:
            # Not MoneyField's own: its two boxes have no label each and refuse « 1 234,50 ».
            defaults: dict[str, Any] = {"required": not self.blank, "label": capfirst(self.verbose_name), "help_text": self.help_text}
            defaults |= {k: v for k, v in kwargs.items() if k in {"required", "label", "help_text", "initial", "widget"}}
            if not isinstance(defaults.get("widget"), EuroInput):
                defaults["widget"] = EuroInput()
            return EuroFormField(**defaults)


def euro_only(*champs: str) -> list[models.CheckConstraint]:
    """Constraints keeping the currency of `champs` at EUR: CURRENCIES alone does not refuse others."""
    return [
        models.CheckConstraint(
            condition=models.Q(**{f"{champ}_currency": "EUR"}),
            name=f"%(app_label)s_%(class)s_{champ}_eur",
            violation_error_message="Les montants sont en euros.",
        )
        for champ in champs
    ]
