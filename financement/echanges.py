"""Spreadsheet exchange of the money tables: one declarative resource a table, used by the admin.

Rows are found by what people write: the convention's reference, the fiche's code, the organisation's key.
Amounts leave as real numbers and come back through the strict parser of the product.
"""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from djmoney.money import Money
from import_export import fields, resources, widgets

from comptes.models import Organisation
from conventions.models import Axe, Convention
from fiches.droits import explain_refus
from fiches.fiches import normalize_code
from fiches.models import FicheAction
from financement.models import CoFinancement, LigneCout, MontantRecapDeclare, NatureDepense, TotalDeclare, Versement
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
        if value in (None, ""):
            return None
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
        if value in (None, ""):
            return None
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


class FinancementResource(resources.ModelResource):
    """Rows of one convention's money, read in one transaction, checked by the model's own rules."""

    class Meta:
        abstract = True
        clean_model_instances = True
        use_transactions = True
        skip_unchanged = True
        report_skipped = True

    def __init__(self, user: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.user = user
        for champ in self.fields.values():
            if isinstance(champ.widget, ConventionWidget | InConventionWidget):
                champ.widget.user = user

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        """Refuse a file whose columns are not those of the table, naming the missing ones."""
        attendues = [self.fields[nom].column_name for nom in self._meta.import_id_fields]
        manquantes = [nom for nom in dict.fromkeys(["convention", *attendues]) if nom not in (dataset.headers or [])]
        if manquantes:
            raise ValueError(f"Colonnes absentes du fichier : {', '.join(manquantes)}. Exportez d’abord la table pour avoir un modèle.")

    def before_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        """Fill what is left empty, and refuse what the workspace would: a validated fiche changes only once sent back."""
        if isinstance(instance, LigneCout):
            instance.fill_montant()
        if self.user and isinstance(instance, LigneCout | CoFinancement) and (refus := explain_refus(self.user, instance.fiche)):
            raise ValidationError(f"{instance.fiche.code} : {refus}")


def _fiche_fields() -> dict[str, fields.Field]:
    return {
        "convention": fields.Field(column_name="convention", attribute="fiche__convention__reference", readonly=True),
        "fiche": fields.Field(column_name="code", attribute="fiche", widget=FicheWidget()),
    }


class LigneCoutResource(FinancementResource):
    """Cost lines."""

    convention = _fiche_fields()["convention"]
    fiche = _fiche_fields()["fiche"]
    nature = fields.Field(column_name="nature", attribute="nature", widget=CleWidget(NatureDepense, "cle", "La nature de dépense"))
    libelle = fields.Field(column_name="libelle", attribute="libelle", widget=TexteWidget(), default="")
    jours = fields.Field(column_name="jours", attribute="jours", widget=JoursWidget())
    tarif_journalier = fields.Field(column_name="tarif_journalier", attribute="tarif_journalier", widget=EuroWidget())
    annee = fields.Field(column_name="annee", attribute="annee", widget=AnneeWidget())
    montant = fields.Field(column_name="montant", attribute="montant", widget=EuroWidget())
    mention = fields.Field(column_name="mention", attribute="mention", widget=TexteWidget(), default="")

    class Meta(FinancementResource.Meta):
        model = LigneCout
        import_id_fields = ["fiche", "nature", "libelle", "annee"]
        fields = [
            "convention",
            "fiche",
            "nature",
            "libelle",
            "annee",
            "chiffrage",
            "jours",
            "tarif_journalier",
            "montant",
            "mention",
            "ordre",
        ]
        export_order = fields


class CoFinancementResource(FinancementResource):
    """Shares."""

    convention = _fiche_fields()["convention"]
    fiche = _fiche_fields()["fiche"]
    financeur = fields.Field(column_name="financeur", attribute="financeur", widget=CleWidget(Organisation, "cle", "L’organisation"))
    nature = fields.Field(column_name="nature", attribute="nature", widget=CleWidget(NatureDepense, "cle", "La nature de dépense"))
    taux = fields.Field(column_name="taux", attribute="taux", widget=TauxWidget())
    annee = fields.Field(column_name="annee", attribute="annee", widget=AnneeWidget())
    montant = fields.Field(column_name="montant", attribute="montant", widget=EuroWidget())
    mention = fields.Field(column_name="mention", attribute="mention", widget=TexteWidget(), default="")

    class Meta(FinancementResource.Meta):
        model = CoFinancement
        import_id_fields = ["fiche", "financeur", "nature", "annee"]
        fields = ["convention", "fiche", "financeur", "taux", "montant", "nature", "annee", "mention", "ordre"]
        export_order = fields


class TotalDeclareResource(FinancementResource):
    """Totals printed on the sheets."""

    convention = _fiche_fields()["convention"]
    fiche = _fiche_fields()["fiche"]
    annee = fields.Field(column_name="annee", attribute="annee", widget=AnneeWidget())
    montant = fields.Field(column_name="montant", attribute="montant", widget=EuroWidget())

    class Meta(FinancementResource.Meta):
        model = TotalDeclare
        import_id_fields = ["fiche", "annee"]
        fields = ["convention", "fiche", "annee", "montant"]
        export_order = fields


class RecapDeclareResource(FinancementResource):
    """Cells of the printed recap."""

    convention = fields.Field(column_name="convention", attribute="convention", widget=ConventionWidget())
    fiche = fields.Field(column_name="code", attribute="fiche", widget=FicheWidget())
    axe = fields.Field(column_name="axe", attribute="axe", widget=AxeWidget())
    financeur = fields.Field(column_name="financeur", attribute="financeur", widget=CleWidget(Organisation, "cle", "L’organisation"))
    annee = fields.Field(column_name="annee", attribute="annee", widget=AnneeWidget())
    montant = fields.Field(column_name="montant", attribute="montant", widget=EuroWidget())
    mention = fields.Field(column_name="mention", attribute="mention", widget=TexteWidget(), default="")

    class Meta(FinancementResource.Meta):
        model = MontantRecapDeclare
        import_id_fields = ["convention", "fiche", "axe", "annee", "financeur"]
        fields = ["convention", "fiche", "axe", "annee", "financeur", "montant", "mention"]
        export_order = fields


class VersementResource(FinancementResource):
    """Planned payments."""

    convention = fields.Field(column_name="convention", attribute="convention", widget=ConventionWidget())
    payeur = fields.Field(column_name="payeur", attribute="payeur", widget=CleWidget(Organisation, "cle", "L’organisation"))
    beneficiaire = fields.Field(
        column_name="beneficiaire", attribute="beneficiaire", widget=CleWidget(Organisation, "cle", "L’organisation")
    )
    condition = fields.Field(column_name="condition", attribute="condition", widget=TexteWidget(), default="")
    taux = fields.Field(column_name="taux", attribute="taux", widget=TauxWidget())
    date_prevue = fields.Field(column_name="date_prevue", attribute="date_prevue", widget=DateWidget())
    montant = fields.Field(column_name="montant", attribute="montant", widget=EuroWidget())

    class Meta(FinancementResource.Meta):
        model = Versement
        import_id_fields = ["convention", "ordre", "nature"]
        fields = ["convention", "ordre", "nature", "payeur", "beneficiaire", "condition", "taux", "montant", "date_prevue"]
        export_order = fields
