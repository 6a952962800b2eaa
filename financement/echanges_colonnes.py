"""Columns of the exchange tables: each reads what people write and writes it back, strictly."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from djmoney.money import Money
from import_export import widgets

from conventions.models import Axe, Convention
from fiches.fiches import normalize_code
from fiches.models import FicheAction
from socle.nombres import NombreIllisible, parse_jours, parse_montant, parse_nombre, parse_taux
from socle.tableur import clean_text, restore_text
from socle.typographie import format_nombre


class NombreWidget(widgets.Widget):
    """A number: read strictly, written as a number."""

    def __init__(self, decimales: int = 2) -> None:
        super().__init__()
        self.decimales = decimales

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        if value in (None, ""):
            return None
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            return self.check_places(Decimal(value))
        if isinstance(value, float):
            # A spreadsheet stores 0.1 as the nearest binary number: its shortest writing is what was typed.
            return self.check_places(Decimal(repr(value)))
        try:
            return self.parse(str(value))
        except NombreIllisible as erreur:
            raise ValueError(str(erreur)) from erreur

    def check_places(self, nombre: Decimal) -> Decimal:
        """Refuse decimals beyond those kept rather than round them."""
        if not nombre.is_finite() or nombre != round(nombre, self.decimales):
            raise ValueError(f"« {format_nombre(nombre)} » a plus de {self.decimales} décimales.")
        return nombre

    def parse(self, texte: str) -> Decimal:
        return parse_nombre(texte, self.decimales)

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        if isinstance(value, Money):
            value = value.amount
        if value is None:
            return ""
        return value if kwargs.get("force_native_type") else str(value)


class EuroWidget(NombreWidget):
    """An amount in euros."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Money | None:
        if isinstance(value, Money):
            return value
        nombre = super().clean(value, row, **kwargs)
        return None if nombre is None else Money(nombre, "EUR")

    def parse(self, texte: str) -> Decimal:
        return parse_montant(texte)


class TauxWidget(NombreWidget):
    """A rate in %, four places."""

    def __init__(self) -> None:
        super().__init__(4)

    def parse(self, texte: str) -> Decimal:
        return parse_taux(texte)


class JoursWidget(NombreWidget):
    """A number of days: « 16,5 j »."""

    def parse(self, texte: str) -> Decimal:
        return parse_jours(texte)


class CleWidget(widgets.ForeignKeyWidget):
    """A row found by a field people write; an unknown one is named in the error."""

    def __init__(self, model: Any, field: str, nom: str) -> None:
        super().__init__(model, field)
        self.nom = nom

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        if value in (None, "") or isinstance(value, self.model):
            return value or None
        try:
            return self.get_queryset(value, row, **kwargs).get(**{self.field: str(value).strip()})
        except self.model.DoesNotExist as erreur:
            raise ValueError(f"{self.nom} « {value} » n’existe pas.") from erreur


class ConventionWidget(CleWidget):
    """A convention the importing person may see."""

    def __init__(self) -> None:
        super().__init__(Convention, "reference", "La convention")
        self.user: Any = None

    def get_queryset(self, value: Any, row: Any, *args: Any, **kwargs: Any) -> Any:
        return Convention.objects.visible_to(self.user) if self.user else Convention.objects.all()


class InConventionWidget(widgets.ForeignKeyWidget):
    """A row found by its code, however written, among those of the convention named in the same line."""

    nom = ""

    def __init__(self, model: Any) -> None:
        super().__init__(model, "code")
        self.user: Any = None
        self._codes: dict[str, dict[str, Any]] = {}

    def list_rows(self, conventions: Any) -> Any:
        """Candidate rows in the conventions the person may see."""
        return self.model.objects.filter(convention__in=conventions)

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        if value in (None, "") or isinstance(value, self.model):
            return value or None  # the workspace gives the row it found
        reference = str(row.get("convention") or "").strip()
        if reference not in self._codes:
            visibles = Convention.objects.visible_to(self.user) if self.user else Convention.objects.all()
            lignes = self.list_rows(visibles.filter(reference=reference))
            self._codes[reference] = {normalize_code(ligne.code): ligne for ligne in lignes}
        trouvee = self._codes[reference].get(normalize_code(str(value)))
        if trouvee is None:
            raise ValueError(f"{self.nom} de la convention « {reference} » ne porte le code « {value} ».")
        return trouvee


class FicheWidget(InConventionWidget):
    """A fiche by its code."""

    nom = "Aucune fiche"

    def __init__(self) -> None:
        super().__init__(FicheAction)


class AxeWidget(InConventionWidget):
    """A root axe by its code."""

    nom = "Aucun axe"

    def __init__(self) -> None:
        super().__init__(Axe)

    def list_rows(self, conventions: Any) -> Any:
        return super().list_rows(conventions).filter(parent=None)


class AnneeWidget(widgets.Widget):
    """A year in figures."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> int | None:
        if value in (None, ""):
            return None
        texte = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
        if not re.fullmatch("[0-9]{1,4}", texte):
            raise ValueError(f"« {value} » n’est pas une année : écrivez par exemple 2019.")
        return int(texte)

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        return "" if value is None else value


class DateWidget(widgets.DateWidget):
    """A date; a spreadsheet gives it with an hour."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        return value.date() if isinstance(value, datetime) else super().clean(value, row, **kwargs)


class TexteWidget(widgets.CharWidget):
    """Text that a spreadsheet program never takes for a formula; what protects it is taken off when it comes back."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        return restore_text(str(value if value is not None else ""))

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return clean_text(str(value or ""))
