"""What makes a fiche this one: code, axe, place, state. Told in the history, changed by acts of their own."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from conventions.models import Axe
from fiches.fiches import FicheAction
from fiches.saisie import Famille, SaisieRefusee, Valeurs

LIBELLES = {"code": "Code", "axe": "Axe", "etat": "État", "corbeille": "Corbeille"}


class Identite(Famille):
    """Only the past of these columns: they are neither typed in the editor nor brought back by a restoration."""

    prefixes = tuple(LIBELLES)
    _axes: dict[str, str] = {}

    def rows(self) -> Iterable[Any]:
        return []

    def versions(self) -> Iterable[Any]:
        return self.fiche.history.select_related("history_user").order_by("history_date", "history_id")

    def read_at(self, moment: datetime) -> Valeurs:
        return {}

    def to_champs(self, row: Any) -> Valeurs:
        champs = {"code": row.code, "axe": str(row.axe_id), "etat": row.etat, "corbeille": "oui" if row.supprimee_le else ""}
        return {champ: valeur for champ, valeur in champs.items() if valeur}

    def prepare(self, champ: str, texte: str) -> tuple[str, str]:
        raise SaisieRefusee("Le code, l’axe et l’état changent par leurs propres boutons.")

    def write(self, valeurs: Valeurs) -> dict[str, str]:
        return {}

    def describe(self, champ: str) -> str:
        return LIBELLES[champ]

    def load_noms(self) -> None:
        self._axes = self._axes or {str(axe.pk): str(axe) for axe in Axe.objects.filter(convention=self.fiche.convention_id)}

    def show(self, champ: str, valeur: str) -> str:
        if champ == "etat" and valeur:
            return str(FicheAction.Etat(valeur).label)
        if champ == "axe" and valeur:
            self.load_noms()
            return self._axes.get(valeur, "axe supprimé")
        return valeur
