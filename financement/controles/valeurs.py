"""The values that pages of controls correct: each named by a table and a key, read and written as text.

Whatever is corrected goes through here, so that undoing is writing back what was there.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Model
from djmoney.money import Money

from conventions.models import Axe, Convention, MontantDeclare
from fiches.droits import check_ecriture, check_modification
from fiches.models import FicheAction
from financement.cofinancements import CoFinancement
from financement.couts import LigneCout, TotalDeclare
from financement.recap_declare import MontantRecapDeclare
from financement.recapitulatif import TOTAL
from financement.versements import Versement

Valeur = str | None
Cle = list[Any]
SEPARATEUR = " | "
RESERVE = "Le texte de la convention est tenu par les administrateurs de votre organisation : demandez-leur cette correction."


class ValeurAbsente(ValueError):
    """What is to be read or written is no longer there; the message is a French sentence."""


class Table:
    """A kind of value: where its row is, who may write it, how it reads as text."""

    def __init__(self, nom: str, model: type[Model], champ: str, administrateurs: bool = False) -> None:
        self.nom, self.model, self.champ, self.administrateurs = nom, model, champ, administrateurs

    def find(self, convention: Convention, cle: Cle) -> Any:
        """The row, or None. Raises ValeurAbsente when it must be there."""
        chemin = "convention" if any(f.name == "convention" for f in self.model._meta.get_fields()) else "fiche__convention"
        row = self.model._base_manager.filter(**{chemin: convention, "pk": cle[0]}).first()
        if row is None:
            raise ValeurAbsente("Cette valeur a été supprimée entre-temps.")
        return row

    def read(self, convention: Convention, cle: Cle) -> Valeur:
        row = self.find(convention, cle)
        return None if row is None else to_text(getattr(row, self.champ))

    def check(self, user: Any, convention: Convention, cle: Cle) -> None:
        """Raises PermissionDenied when the person may not write here now."""
        check_ecriture(user, convention)
        if self.administrateurs and not user.is_staff:
            raise PermissionDenied(RESERVE)
        fiche = self.fiche_of(convention, cle)
        if fiche is not None:
            fiche.convention = convention
            check_modification(user, fiche)

    def fiche_of(self, convention: Convention, cle: Cle) -> FicheAction | None:
        """The sheet the value belongs to, locked; None outside the sheets."""
        row = self.find(convention, cle)
        pk = row.pk if isinstance(row, FicheAction) else getattr(row, "fiche_id", None)
        return FicheAction.toutes.select_for_update().get(pk=pk) if pk else None

    def write(self, user: Any, convention: Convention, cle: Cle, valeur: Valeur) -> None:
        row = self.find(convention, cle)
        setattr(row, self.champ, self.parse(valeur))
        _save(row, user)

    def parse(self, valeur: Valeur) -> Any:
        champ = self.model._meta.get_field(self.champ)
        if champ.get_internal_type() == "CharField":
            return valeur or ""
        if valeur is None:
            return None
        return Decimal(valeur) if self.champ == "taux" else Money(Decimal(valeur), "EUR")


class CelluleDuRecap(Table):
    """One printed cell, by sheet, axe (neither: total), year (none: period) and financeur; it may not exist."""

    def find(self, convention: Convention, cle: Cle) -> MontantRecapDeclare | None:
        fiche, axe, annee, colonne = cle
        return MontantRecapDeclare.objects.filter(
            convention=convention, fiche=fiche, axe=axe, annee=annee, financeur=None if colonne == TOTAL else colonne
        ).first()

    def fiche_of(self, convention: Convention, cle: Cle) -> None:
        """The printed recap is the convention's, not the sheet's."""
        return

    def write(self, user: Any, convention: Convention, cle: Cle, valeur: Valeur) -> None:
        """Words are kept as a mention, an amount as an amount, both as both; nothing deletes the cell."""
        cellule = self.find(convention, cle)
        if valeur is None:
            if cellule:
                cellule._history_user = user  # type: ignore[attr-defined]
                cellule.delete()
            return
        fiche, axe, annee, colonne = cle
        if cellule is None:
            financeur = None if colonne == TOTAL else colonne
            cellule = MontantRecapDeclare(convention=convention, fiche_id=fiche, axe_id=axe, annee=annee, financeur_id=financeur)
        montant, mots = read_cellule(valeur)
        cellule.montant = None if montant is None else Money(montant, "EUR")
        cellule.mention = mots
        _save(cellule, user)

    def read(self, convention: Convention, cle: Cle) -> Valeur:
        cellule = self.find(convention, cle)
        if cellule is None:
            return None
        montant = to_text(cellule.montant) if cellule.montant is not None else ""
        return SEPARATEUR.join(filter(None, [montant, cellule.mention]))


class PartDeLAnnee(Table):
    """The amount a financeur pays for one year of a sheet; the share may not exist."""

    def find(self, convention: Convention, cle: Cle) -> CoFinancement | None:
        fiche, financeur, annee = cle
        return CoFinancement.objects.filter(
            fiche__convention=convention, fiche=fiche, financeur=financeur, nature=None, annee=annee
        ).first()

    def fiche_of(self, convention: Convention, cle: Cle) -> FicheAction:
        return FicheAction.toutes.select_for_update().get(convention=convention, pk=cle[0])

    def write(self, user: Any, convention: Convention, cle: Cle, valeur: Valeur) -> None:
        part = self.find(convention, cle)
        if valeur is None:
            if part:
                part._history_user = user  # type: ignore[attr-defined]
                part.delete()
            return
        fiche, financeur, annee = cle
        if part is None:
            part = CoFinancement(fiche_id=fiche, financeur_id=financeur, annee=annee, ordre=1000 + annee)
        part.montant, part.taux = Money(Decimal(valeur), "EUR"), None
        _save(part, user)


TABLES: dict[str, Table] = {
    table.nom: table
    for table in [
        Table("montant_declare", MontantDeclare, "montant", administrateurs=True),
        Table("versement", Versement, "montant", administrateurs=True),
        Table("total_declare", TotalDeclare, "montant"),
        Table("ligne_montant", LigneCout, "montant"),
        Table("part_taux", CoFinancement, "taux"),
        Table("part_montant", CoFinancement, "montant"),
        Table("code_feuille", FicheAction, "code_imprime"),
        CelluleDuRecap("recap", MontantRecapDeclare, "montant"),
        PartDeLAnnee("part_annee", CoFinancement, "montant"),
    ]
}


def describe(convention: Convention, table: str, cle: Cle) -> str:
    """The place of a value, for sentences: « récapitulatif, E.A 2.2, 2018 »."""
    return LIBELLES[table](convention, cle)


def _name_cellule(convention: Convention, cle: Cle) -> str:
    fiche, axe, annee, _ = cle
    if fiche:
        nom = FicheAction.toutes.filter(pk=fiche).values_list("code", flat=True).first() or "fiche supprimée"
    else:
        nom = f"total {Axe.objects.filter(pk=axe).values_list('titre', flat=True).first()}" if axe else "total général"
    return f"récapitulatif, {nom}, {annee or 'période'}"


LIBELLES: dict[str, Callable[[Convention, Cle], str]] = {
    "montant_declare": lambda c, cle: "montant du texte",
    "versement": lambda c, cle: "échéancier",
    "total_declare": lambda c, cle: "total imprimé",
    "ligne_montant": lambda c, cle: "ligne de coût",
    "part_taux": lambda c, cle: "taux d’une part",
    "part_montant": lambda c, cle: "montant d’une part",
    "code_feuille": lambda c, cle: "code de la feuille",
    "recap": _name_cellule,
    "part_annee": lambda c, cle: f"part de {cle[2]}",
}


def to_text(valeur: Any) -> Valeur:
    """An amount, a rate or a code as text; None when there is none."""
    if isinstance(valeur, Money):
        return f"{valeur.amount:.2f}"
    if isinstance(valeur, Decimal):
        return format(valeur.normalize(), "f")
    return valeur


def read_cellule(valeur: str) -> tuple[Decimal | None, str]:
    """« 1234.50 » as an amount, « sur devis » as words, both joined as both."""
    montant, _, mots = valeur.partition(SEPARATEUR)
    if not montant.replace(".", "", 1).lstrip("-").isdecimal():
        return None, valeur
    return Decimal(montant), mots


def _save(row: Any, user: Any) -> None:
    row._history_user = user
    row.full_clean(validate_constraints=False)
    row.save()
