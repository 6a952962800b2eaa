"""Fields of the indicators: `indicateur.<key>.libelle`, `.unite` and one target a year, `indicateur.<key>.2019`.

A new indicator is written under a key of its own choosing, `indicateur.n1.libelle`, and receives its number when saved.
"""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from fiches.indicateurs import CibleIndicateur, Indicateur
from fiches.saisie import Famille, SaisieRefusee, Valeurs
from socle.nombres import NombreIllisible, parse_nombre
from socle.typographie import format_nombre

LONGUEURS = {"libelle": 200, "unite": 40}


class Indicateurs(Famille):
    """Names and units of the indicators."""

    prefixes = ("indicateur",)

    def owns(self, champ: str) -> bool:
        return super().owns(champ) and champ.rpartition(".")[2] in LONGUEURS

    def __init__(self, fiche: Any) -> None:
        super().__init__(fiche)
        self._noms: dict[str, str] | None = None
        self.crees: dict[str, int] = {}  # key of a new indicator, its number

    def rows(self) -> Iterable[Any]:
        return Indicateur.objects.filter(fiche=self.fiche)

    def versions(self) -> Iterable[Any]:
        return Indicateur.history.filter(fiche_id=self.fiche.pk).select_related("history_user").order_by("history_date", "history_id")

    def to_champs(self, row: Any) -> Valeurs:
        champs = {f"indicateur.{row.id}.{nom}": getattr(row, nom) for nom in LONGUEURS}
        return {champ: valeur for champ, valeur in champs.items() if valeur}

    def canonize(self, champ: str) -> str:
        return canonize_indicateur(champ)

    def prepare(self, champ: str, texte: str) -> tuple[str, str]:
        _, _, nom = split_champ(champ)
        texte = " ".join(texte.replace("\x00", "").split())
        if len(texte) > LONGUEURS[nom]:
            raise SaisieRefusee(f"{len(texte)} caractères, {LONGUEURS[nom]} au plus.")
        return texte, ""

    def write(self, valeurs: Valeurs) -> dict[str, str]:
        refus: dict[str, str] = {}
        par_cle: dict[str, dict[str, str]] = defaultdict(dict)
        for champ, valeur in valeurs.items():
            _, cle, nom = split_champ(champ)
            par_cle[cle][nom] = valeur
        for cle, changes in par_cle.items():
            indicateur = self._find(cle)
            for nom, valeur in changes.items():
                setattr(indicateur, nom, valeur)
            if indicateur.libelle:
                self.save_row(indicateur)
                self.crees[cle] = indicateur.pk
            elif indicateur.unite or (indicateur.pk and indicateur.cibles.exists()):
                refus |= dict.fromkeys((f"indicateur.{cle}.{nom}" for nom in changes), "Donnez un nom à l’indicateur, ou retirez-le.")
            elif indicateur.pk:
                self.delete_row(indicateur)
        return refus

    def _find(self, cle: str) -> Indicateur:
        """The indicator of a key; made anew, under its former number, when it was removed."""
        if cle.isdecimal():
            if trouve := Indicateur.objects.filter(fiche=self.fiche, pk=int(cle)).first():
                return trouve
            if Indicateur.history.filter(fiche_id=self.fiche.pk, id=int(cle)).exists():
                return Indicateur(pk=int(cle), fiche=self.fiche, ordre=self._next_ordre())
        return Indicateur(fiche=self.fiche, ordre=self._next_ordre())

    def _next_ordre(self) -> int:
        dernier = Indicateur.objects.filter(fiche=self.fiche).order_by("-ordre").values_list("ordre", flat=True).first()
        return (dernier or 0) + 10

    def describe(self, champ: str) -> str:
        _, cle, nom = split_champ(champ)
        suite = "" if nom == "libelle" else ", unité"
        return f"Indicateur{self.name(cle)}{suite}"

    def name(self, cle: str) -> str:
        """« « Entreprises accompagnées » », by its last known name; nothing for one that never was."""
        self.load_noms()
        return f" « {self._noms[cle]} »" if self._noms and cle in self._noms else ""

    def load_noms(self) -> None:
        if self._noms is None:
            versions = Indicateur.history.filter(fiche_id=self.fiche.pk).exclude(libelle="").order_by("history_date", "history_id")
            self._noms = {str(pk): libelle for pk, libelle in versions.values_list("id", "libelle")}


class Cibles(Famille):
    """Targets, one a year."""

    prefixes = ("indicateur",)

    def __init__(self, fiche: Any, indicateurs: Indicateurs) -> None:
        super().__init__(fiche)
        self.indicateurs = indicateurs

    def owns(self, champ: str) -> bool:
        return super().owns(champ) and champ.count(".") == 2 and champ.rpartition(".")[2].isdecimal()

    def rows(self) -> Iterable[Any]:
        return CibleIndicateur.objects.filter(indicateur__fiche=self.fiche)

    def versions(self) -> Iterable[Any]:
        indicateurs = Indicateur.history.filter(fiche_id=self.fiche.pk).values("id")
        return (
            CibleIndicateur.history.filter(indicateur_id__in=indicateurs)
            .select_related("history_user")
            .order_by("history_date", "history_id")
        )

    def to_champs(self, row: Any) -> Valeurs:
        return {f"indicateur.{row.indicateur_id}.{row.annee}": format_nombre(row.valeur)}

    def canonize(self, champ: str) -> str:
        return canonize_indicateur(champ)

    def withdraw(self, valeurs: Valeurs) -> None:
        self.write(valeurs)

    def prepare(self, champ: str, texte: str) -> tuple[str, str]:
        annee = split_champ(champ)[2]
        if not 1990 <= int(annee) <= 2100:
            raise SaisieRefusee("Écrivez une année entre 1990 et 2100.")
        texte = self.normalize(texte)
        if texte in {"", "/", "-"}:
            return "", ""
        try:
            valeur = parse_nombre(texte)
        except NombreIllisible as erreur:
            raise SaisieRefusee(str(erreur)) from erreur
        if abs(valeur) > Decimal(10) ** 11:
            raise SaisieRefusee("Cette cible est trop grande.")
        return format_nombre(valeur), ""

    def write(self, valeurs: Valeurs) -> dict[str, str]:
        refus: dict[str, str] = {}
        for champ, valeur in valeurs.items():
            _, cle, annee = split_champ(champ)
            numero = self.indicateurs.crees.get(cle) or (int(cle) if cle.isdecimal() else None)
            indicateur = Indicateur.objects.filter(fiche=self.fiche, pk=numero).first() if numero else None
            if indicateur is None:
                if valeur:
                    refus[champ] = "Donnez d’abord un nom à l’indicateur."
                continue
            cible = CibleIndicateur.objects.filter(indicateur=indicateur, annee=int(annee)).first()
            if valeur:
                cible = cible or CibleIndicateur(indicateur=indicateur, annee=int(annee))
                cible.valeur = parse_nombre(self.normalize(valeur))
                self.save_row(cible)
            elif cible:
                self.delete_row(cible)
        return refus

    def describe(self, champ: str) -> str:
        _, cle, annee = split_champ(champ)
        return f"Cible{self.indicateurs.name(cle)}, {annee}"


def split_champ(champ: str) -> tuple[str, str, str]:
    """Family, key of the indicator, name of the field. Raises SaisieRefusee."""
    morceaux = champ.split(".")
    if len(morceaux) != 3 or not morceaux[1] or (morceaux[1].isdecimal() and len(morceaux[1]) > 18):
        raise SaisieRefusee("Ce champ n’existe pas dans la fiche.")
    return morceaux[0], morceaux[1], morceaux[2]


def canonize_indicateur(champ: str) -> str:
    """« indicateur.12.2019 », however its numbers are written. Raises SaisieRefusee."""
    famille, cle, nom = split_champ(champ)
    if nom.isdecimal():
        nom = str(int(nom[:18]))
    return f"{famille}.{int(cle) if cle.isdecimal() else cle}.{nom}"
