"""Spreadsheet exchange of the money tables: one declarative resource a table, used by the admin, the workspace and the commands.

Rows are found by what people write: the convention's reference, the fiche's code, the organisation's key.
Amounts leave as real numbers and come back through the strict parser of the product.

With `existants` (rows by natural key, read beforehand) a resource works by whole batches: nothing is asked of the database
a row, and what is new or changed is written by `write_batch`, history included.
"""

import copy
from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

import tablib
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils.functional import cached_property
from djmoney.money import Money
from import_export import fields, resources
from import_export.instance_loaders import BaseInstanceLoader
from import_export.results import RowResult

from comptes.models import Organisation
from fiches.droits import explain_refus
from financement.echanges_colonnes import (
    AnneeWidget,
    AxeWidget,
    CleWidget,
    ConventionWidget,
    DateWidget,
    EuroWidget,
    FicheWidget,
    InConventionWidget,
    JoursWidget,
    TauxWidget,
    TexteWidget,
)
from financement.models import CoFinancement, LigneCout, MontantRecapDeclare, NatureDepense, TotalDeclare, Versement

PAR_REQUETE = 5_000
EUROS = {"montant", "tarif_journalier"}


class ChargeurParCle(BaseInstanceLoader):
    """Finds the rows read beforehand, by their natural key."""

    def get_instance(self, row: Any) -> Any:
        return self.resource.existants.get(self.resource.read_key(row))


class ResultatDeLot(RowResult):
    """What became of a row of a batch; its name, which takes a request or a while, is not asked."""

    def add_instance_info(self, instance: Any) -> None:
        """Nothing: the instance itself is kept."""


class FinancementResource(resources.ModelResource):
    """Rows of one convention's money, read in one transaction, checked by the model's own rules."""

    class Meta:
        abstract = True
        clean_model_instances = True
        use_transactions = True
        skip_unchanged = True
        report_skipped = True

    _meta: Any
    cle: ClassVar[tuple[str, ...]] = ()  # columns of the natural key, for batches
    colonnes: ClassVar[tuple[str, ...]] = ()  # columns that a row of a batch gives, in order
    identite: ClassVar[tuple[str, ...]] = ()  # model fields of that key
    suivis: ClassVar[tuple[str, ...]] = ()  # model fields that a batch may change

    def __init__(self, user: Any = None, existants: Mapping[Any, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.user = user
        self.existants = existants
        if existants is not None:
            self._meta = copy.copy(self._meta)
            self._meta.instance_loader_class = ChargeurParCle
            self._meta.use_bulk = self._meta.skip_diff = self._meta.store_instance = True
            # Values are checked one by one by the columns; the database keeps the constraints.
            self._meta.clean_model_instances = self._meta.use_transactions = False
        for champ in self.fields.values():
            if isinstance(champ.widget, ConventionWidget | InConventionWidget):
                champ.widget.user = user

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        """Refuse a file whose columns are not those of the table, naming the missing ones."""
        if self.existants is not None:
            return
        attendues = [self.fields[nom].column_name for nom in self._meta.import_id_fields]
        manquantes = [nom for nom in dict.fromkeys(["convention", *attendues]) if nom not in (dataset.headers or [])]
        if manquantes:
            raise ValueError(f"Colonnes absentes du fichier : {', '.join(manquantes)}. Exportez d’abord la table pour avoir un modèle.")

    def read_key(self, row: Any) -> Hashable:
        """The natural key that a row of a batch gives."""
        return tuple(getattr(row[c], "pk", row[c]) for c in self.cle)

    def snapshot(self, instance: Any) -> tuple[Any, ...]:
        """What a batch may change of a row, to compare and to put back."""
        valeurs = instance.__dict__  # amounts as plain numbers: the field would build a Money each
        return tuple(v.amount if isinstance(v := valeurs[nom], Money) else v for nom in self.suivis)

    def identify(self, instance: Any) -> list[Any]:
        """The natural key of a row, to know later whether it is still the same one."""
        return [getattr(instance, nom) for nom in self.identite]

    def restore(self, instance: Any, valeurs: Sequence[Any]) -> None:
        """Put a snapshot back in a row, in memory."""
        for nom, valeur in zip(self.suivis, valeurs, strict=True):
            setattr(instance, nom, Money(valeur, "EUR") if nom in EUROS and valeur is not None else valeur)

    def after_init_instance(self, instance: Any, new: bool, row: Any, **kwargs: Any) -> None:
        if self.existants is not None:
            instance.avant = None if new else self.snapshot(instance)

    def skip_row(self, instance: Any, original: Any, row: Any, import_validation_errors: Any = None) -> bool:
        if self.existants is None:
            return super().skip_row(instance, original, row, import_validation_errors)
        return not import_validation_errors and instance.avant is not None and instance.avant == self.snapshot(instance)

    def get_row_result_class(self) -> Any:
        return super().get_row_result_class() if self.existants is None else ResultatDeLot

    def read_batch(self, lignes: Sequence[Sequence[Any]]) -> list[Any]:
        """What each row of a batch would do, in order, without writing."""
        donnees = tablib.Dataset(headers=list(self.colonnes))
        donnees.extend(lignes)
        resultat = self.import_data_inner(donnees, True, False, False, False)
        for erreur in resultat.base_errors:
            raise erreur.error
        return list(resultat.rows)

    def import_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        """In a batch, values come already read and checked: they only need a place."""
        if self.existants is None:
            super().import_instance(instance, row, **kwargs)
            return
        for colonne, attribut in self._places:
            setattr(instance, attribut, row[colonne])  # an amount keeps the currency of its row, always the euro

    @cached_property
    def _places(self) -> list[tuple[str, str]]:
        """Column and attribute of what a row writes."""
        return [
            (champ.column_name, champ.attribute)
            for nom in self._meta.fields
            if not (champ := self.fields[nom]).readonly and champ.column_name in self.colonnes
        ]

    def write_batch(self, nouvelles: list[Any], modifiees: list[Any], raison: str, date: datetime) -> None:
        """Write rows, in two requests whatever their number, and their versions in two more."""
        modele: Any = self._meta.model
        suivis = [*self.suivis, *(f"{n}_currency" for n in self.suivis if n in EUROS)]
        if nouvelles:
            modele.objects.bulk_create(nouvelles)
        if modifiees:
            modele.objects.bulk_create(modifiees, update_conflicts=True, unique_fields=["id"], update_fields=suivis)
        for objets, marque in ((nouvelles, "+"), (modifiees, "~")):
            self._write_versions(objets, marque, raison, date)

    def delete_batch(self, objets: list[Any], raison: str, date: datetime) -> None:
        """Delete rows at once, each leaving its last version."""
        modele: Any = self._meta.model
        self._write_versions(objets, "-", raison, date)
        for debut in range(0, len(objets), PAR_REQUETE):
            modele.objects.filter(pk__in=[o.pk for o in objets[debut : debut + PAR_REQUETE]])._raw_delete(modele.objects.db)

    def _write_versions(self, objets: list[Any], marque: str, raison: str, date: datetime) -> None:
        """Versions of rows as the database holds them, copied there: simple-history would build an object each."""
        modele: Any = self._meta.model
        historique = modele.history.model
        quote = connection.ops.quote_name
        copies = [champ.column for champ in historique.tracked_fields]
        propres = {
            "history_date": date,
            "history_user_id": getattr(self.user, "pk", None),
            "history_change_reason": raison,
            "history_type": marque,
        }
        for debut in range(0, len(objets), PAR_REQUETE):
            pks = [objet.pk for objet in objets[debut : debut + PAR_REQUETE]]
            requete = (
                f"INSERT INTO {quote(historique._meta.db_table)} ({', '.join(quote(c) for c in (*copies, *propres))}) "  # noqa: S608 (names of our own tables)
                f"SELECT {', '.join(quote(c) for c in copies)}, {', '.join(['%s'] * len(propres))} "
                f"FROM {quote(modele._meta.db_table)} WHERE id IN ({', '.join(['%s'] * len(pks))}) ORDER BY id"
            )
            with connection.cursor() as curseur:
                valeurs = {**propres, "history_date": connection.ops.adapt_datetimefield_value(date)}
                curseur.execute(requete, [*valeurs.values(), *pks])

    def after_import(self, dataset: Any, result: Any, **kwargs: Any) -> None:
        if self.existants is None:
            super().after_import(dataset, result, **kwargs)

    def before_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        """Fill what is left empty, and refuse what the workspace would: a validated fiche changes only once sent back."""
        if self.existants is not None:
            return  # the workspace refuses by fiche, once it knows what would change
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

    cle = ("code", "nature", "libelle", "annee")
    identite = ("fiche_id", "nature_id", "libelle", "annee")
    colonnes = ("code", "nature", "libelle", "annee", "chiffrage", "jours", "tarif_journalier", "montant", "mention", "ordre")
    suivis = ("chiffrage", "jours", "tarif_journalier", "montant", "mention")

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

    cle = ("code", "financeur", "nature", "annee")
    identite = ("fiche_id", "financeur_id", "nature_id", "annee")
    colonnes = ("code", "financeur", "nature", "annee", "taux", "montant", "mention", "ordre")
    suivis = ("taux", "montant", "mention")

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

    cle = ("code", "axe", "annee", "financeur")
    identite = ("fiche_id", "axe_id", "annee", "financeur_id")
    colonnes = ("convention", "code", "axe", "financeur", "annee", "montant", "mention")
    suivis = ("montant", "mention")

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
