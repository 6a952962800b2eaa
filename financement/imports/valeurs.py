"""One cell read as what its column holds: strictly, with the reason and the remedy when it cannot be."""

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any

from financement.cellules import JOURS_MAX, MONTANT_MAX, VIDES, Cellule, CelluleIllisible, parse_cellule
from financement.imports.champs import ANNEE_MAX, ANNEE_MIN, read_annee
from socle.lecture_classeur import Feuille, is_date
from socle.montants import round_cents
from socle.nombres import NombreIllisible, find_decimale, parse_jours, parse_montant, parse_taux
from socle.typographie import format_nombre

BRUIT = Decimal("0.000001")  # what binary arithmetic adds to a result: 0.1 + 0.2 gives 0.30000000000000004
NEGATIF_COMPTABLE = re.compile(r"\((\s*[0-9][^)]*)\)\s*(€|euros?|EUR)?\s*", re.IGNORECASE)


class ValeurRefusee(ValueError):
    """A cell that cannot be read for sure; the message says why and what to write."""


@dataclass
class Lecteur:
    """Reads the cells of one sheet. `decimales` gives the decimal mark proven for a column."""

    feuille: Feuille
    decimales: dict[int, str | None] = field(default_factory=dict)
    deduites: dict[tuple[int, int], str] = field(default_factory=dict)  # what only the rest of the column could tell

    def learn(self, colonnes: Iterable[int], debut: int) -> None:
        """Find the decimal mark of the columns in their own cells, from row `debut` on."""
        for colonne in colonnes:
            textes = (li[colonne] for li in self.feuille.lignes[debut:] if colonne < len(li) and type(li[colonne]) is str)
            self.decimales[colonne] = find_decimale(textes)

    def get(self, rang: int, colonne: int | None) -> Any:
        """Raw value of a cell. Raises ValeurRefusee when the file holds an error or no value for its formula."""
        if colonne is None:
            return None
        feuille = self.feuille
        if feuille.erreurs and (rang, colonne) in feuille.erreurs:
            raise ValeurRefusee(f"La formule est cassée ({feuille.erreurs[rang, colonne]}). Remplacez-la par sa valeur.")
        if feuille.sans_valeur and (rang, colonne) in feuille.sans_valeur:
            raise ValeurRefusee(
                "Le fichier ne garde pas le résultat de cette formule. Ouvrez-le dans un tableur, enregistrez-le, et déposez-le de nouveau."
            )
        valeur = feuille.get(rang, colonne)
        return None if type(valeur) is str and valeur.strip() in VIDES else valeur

    def read_texte(self, rang: int, colonne: int | None) -> str:
        """Words, on one line; a number keeps its shortest writing."""
        valeur = self.get(rang, colonne)
        if valeur is None:
            return ""
        if type(valeur) is float and valeur.is_integer():
            return str(int(valeur))
        if isinstance(valeur, bool):
            return _show(valeur)
        if isinstance(valeur, dt.datetime | dt.date):
            return valeur.strftime("%d/%m/%Y")
        return " ".join(str(valeur).split())

    def read_annee(self, rang: int, colonne: int | None) -> int | None:
        """A year in figures; the first of January of a year is that year."""
        valeur = self.get(rang, colonne)
        if valeur is None:
            return None
        if type(valeur) is str and not re.fullmatch(r"\s*[0-9]{4}\s*", valeur):
            raise ValeurRefusee(f"« {_show(valeur)} » n’est pas une année. Écrivez par exemple 2019.")
        annee = read_annee(valeur)
        if annee is None:
            raise ValeurRefusee(f"« {_show(valeur)} » n’est pas une année entre {ANNEE_MIN} et {ANNEE_MAX}. Écrivez par exemple 2019.")
        return annee

    def read_montant(self, rang: int, colonne: int | None, negatif: bool = False) -> Decimal | None:
        """Euros to the cent."""
        valeur = self.get(rang, colonne)
        if valeur is None or colonne is None:
            return None
        if type(valeur) is str:
            montant = self._parse(parse_montant, valeur, rang, colonne)
        else:
            montant = self._number(valeur, rang, colonne, 2, "un montant en euros")
            if (rang, colonne) in self.feuille.en_jours:
                raise ValeurRefusee(f"Cette cellule s’affiche en jours ({format_nombre(montant)} j), un montant en euros est attendu.")
        if abs(montant) > MONTANT_MAX:
            raise ValeurRefusee("Ce montant est trop grand.")
        if montant < 0 and not negatif:
            raise ValeurRefusee(f"{format_nombre(montant, 2)} € est négatif : un coût ne peut pas l’être. Retirez le signe, ou la ligne.")
        return montant

    def read_jours(self, rang: int, colonne: int | None) -> Decimal | None:
        """Days."""
        valeur = self.get(rang, colonne)
        if valeur is None or colonne is None:
            return None
        jours = (
            self._parse(parse_jours, valeur, rang, colonne)
            if type(valeur) is str
            else self._number(valeur, rang, colonne, 2, "un nombre de jours")
        )
        if jours < 0:
            raise ValeurRefusee("Le nombre de jours ne peut pas être négatif.")
        if jours > JOURS_MAX:
            raise ValeurRefusee("Ce nombre de jours est trop grand.")
        return jours

    def read_taux(self, rang: int, colonne: int | None) -> Decimal | None:
        """A percentage, from 0 to 100, four places."""
        valeur = self.get(rang, colonne)
        if valeur is None or colonne is None:
            return None
        if type(valeur) is str:
            try:
                taux = parse_taux(valeur)
            except NombreIllisible as erreur:
                raise ValeurRefusee(str(erreur)) from erreur
            certain = "%" in valeur or taux > 1 or not taux
        elif (rang, colonne) in self.feuille.pourcentages:
            taux, certain = read_pourcentage(valeur), True
        else:
            taux = self._number(valeur, rang, colonne, 4, "un taux")
            certain = taux > 1 or not taux
        if not certain:
            raise ValeurRefusee(f"{format_nombre(taux)} : {format_nombre(taux * 100)} % ou {format_nombre(taux)} % ? Écrivez le signe %.")
        if not 0 <= taux <= 100:
            raise ValeurRefusee(f"{format_nombre(taux)} % n’est pas compris entre 0 et 100 %.")
        return taux

    def read_cellule(self, rang: int, colonne: int, tarif: Decimal | None, en_jours: bool) -> Cellule | None:
        """A cost written as in the grid: amount, days, both, words. None when no expense is planned."""
        valeur = self.get(rang, colonne)
        if valeur is None:
            return None
        if type(valeur) is not str:
            nombre = self._number(valeur, rang, colonne, 2, "un montant en euros")
            if nombre < 0:
                raise ValeurRefusee(f"{format_nombre(nombre, 2)} € est négatif : un coût ne peut pas l’être.")
            if (rang, colonne) in self.feuille.en_jours:
                valeur = f"{format_nombre(nombre)} j"
            elif en_jours:
                valeur = format_nombre(nombre)  # asked, when it may be days
            else:
                return Cellule("chiffre", nombre)
        elif trouve := NEGATIF_COMPTABLE.fullmatch(valeur):
            raise ValeurRefusee(f"« ({trouve[1].strip()}) » est un montant négatif : un coût ne peut pas l’être.")
        return self._parse_cellule(valeur, rang, colonne, tarif, en_jours)

    def _parse_cellule(self, texte: str, rang: int, colonne: int, tarif: Decimal | None, en_jours: bool) -> Cellule | None:
        try:
            return parse_cellule(texte, tarif, en_jours)
        except CelluleIllisible as erreur:
            if erreur.ambigu and (mark := self.decimales.get(colonne)) and mark not in erreur.ambigu:
                self._note(rang, colonne, texte, erreur.choix[0])
                return self._parse_cellule(erreur.choix[0], rang, colonne, tarif, en_jours)
            raise ValeurRefusee(str(erreur)) from erreur

    def _parse(self, parse: Any, texte: str, rang: int, colonne: int) -> Decimal:
        if trouve := NEGATIF_COMPTABLE.fullmatch(texte):
            texte = f"-{trouve[1].strip()}"
        mark = self.decimales.get(colonne)
        try:
            return parse(texte)
        except NombreIllisible as erreur:
            if mark is None:
                raise ValeurRefusee(str(erreur)) from erreur
        try:
            nombre = parse(texte, decimale=mark)
        except NombreIllisible as erreur:
            raise ValeurRefusee(str(erreur)) from erreur
        self._note(rang, colonne, texte, format_nombre(nombre))
        return nombre

    def _note(self, rang: int, colonne: int, texte: str, lu: str) -> None:
        self.deduites[rang, colonne] = f"{self.feuille.locate(rang, colonne)} « {texte.strip()} » lu {lu}"

    def _number(self, valeur: Any, rang: int, colonne: int, decimales: int, attendu: str, pourcentage: bool = False) -> Decimal:
        """A number that the program stored as such; what binary arithmetic added is taken off, real decimals are not."""
        if isinstance(valeur, bool):
            raise ValeurRefusee(f"Cette cellule contient {'VRAI' if valeur else 'FAUX'}, {attendu} est attendu.")
        if is_date(valeur):
            raise ValeurRefusee(
                f"Cette cellule contient une date ou une heure ({_show(valeur)}), {attendu} est attendu. Retapez-la au format Nombre."
            )
        if not pourcentage and (rang, colonne) in self.feuille.pourcentages:
            lu = format_nombre(round(Decimal(repr(valeur)) * 100, 4))
            raise ValeurRefusee(f"Cette cellule est un pourcentage ({lu} %), {attendu} est attendu.")
        return read_flottant(valeur, decimales)


def read_pourcentage(valeur: float) -> Decimal:
    """A rate that its cell shows as a percentage, in %, four places. Raises ValeurRefusee when it has more."""
    taux = Decimal(repr(valeur)) * 100
    if not taux.is_finite() or abs(taux - round(taux, 4)) > BRUIT * BRUIT:
        raise ValeurRefusee(f"{format_nombre(round(taux, 6))} % a plus de quatre décimales. Arrondissez-le.")
    return round(taux, 4)


@lru_cache(maxsize=4096)
def read_flottant(valeur: float, decimales: int) -> Decimal:
    """A number as a spreadsheet stores it, to its decimals. Raises ValeurRefusee when it is too large or has more of them."""
    nombre = Decimal(repr(valeur))
    if not nombre.is_finite() or abs(nombre) >= 10**12:
        raise ValeurRefusee("Ce nombre est trop grand.")
    arrondi = round_cents(nombre) if decimales == 2 else round(nombre, decimales)
    if abs(nombre - arrondi) > (BRUIT if decimales == 2 else BRUIT * BRUIT):
        raise ValeurRefusee(f"{format_nombre(round(nombre, 6))} a plus de {decimales} décimales. Arrondissez-le dans le tableur.")
    return arrondi


def _show(valeur: Any) -> str:
    """A value as a person reads it in the file."""
    if isinstance(valeur, bool):
        return "VRAI" if valeur else "FAUX"
    if isinstance(valeur, dt.datetime | dt.date):
        return valeur.strftime("%d/%m/%Y")
    if isinstance(valeur, float):
        # As the cell holds it, without spaces: 20190 is no year because of a figure too many, not of a space.
        return f"{Decimal(repr(valeur)).normalize():f}".replace(".", ",")
    return str(valeur)[:60]


def show_cell(feuille: Feuille, rang: int, colonne: int | None) -> str:
    """What a cell shows, for a list of refusals."""
    if colonne is None:
        return ""
    place = (rang, colonne)
    if place in feuille.erreurs:
        return feuille.erreurs[place]
    valeur = feuille.get(rang, colonne)
    if valeur is None:
        return ""
    if place in feuille.pourcentages and isinstance(valeur, int | float):
        return f"{format_nombre(round(Decimal(repr(valeur)) * 100, 6))} %"
    return _show(valeur)
