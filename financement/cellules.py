"""What is typed in a cell of the cost grid, and how it is written back. Pure functions.

`27 j` · `27 j × 600` · `16 200 €` · `9 900 € (16,5 j)` · `9 900 € (16,5 j × 600)` · `sur devis` · `à déterminer`, each
with words in brackets if needed: `3 400 (suivant événement)`. Nothing, `/` and `-` mean no cost that year; `0` is a cost of zero.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from socle.montants import round_cents
from socle.nombres import SPACES, NombreIllisible, parse_jours, parse_montant
from socle.typographie import INSECABLE, format_euros, format_montant, format_nombre

VIDES = {"", "/", "-", "–", "—"}
MOTS = {
    "sur devis": "sur_devis",
    "devis": "sur_devis",
    "à déterminer": "inconnu",
    "a determiner": "inconnu",
    "à preciser": "inconnu",
    "à préciser": "inconnu",
    "?": "inconnu",
}
ECRITS = {"sur_devis": "sur devis", "inconnu": "à déterminer"}
FOIS = re.compile(rf"[{SPACES}]*[x×*][{SPACES}]*", re.IGNORECASE)
UNITE_JOURS = re.compile(rf"[{SPACES}]*(?:jours?|j)\.?$", re.IGNORECASE)
MENTION_MAX = 160
JOURS_MAX = Decimal(999_999)
MONTANT_MAX = Decimal(999_999_999_999)


@dataclass(frozen=True, slots=True)
class Cellule:
    """One cost: `chiffrage` is chiffre, sur_devis or inconnu; amounts in euros, days with two decimals."""

    chiffrage: str = "chiffre"
    montant: Decimal | None = None
    jours: Decimal | None = None
    tarif: Decimal | None = None
    mention: str = ""

    @property
    def calcule(self) -> Decimal | None:
        """Days times rate, to the cent; None when either is unknown."""
        return None if self.jours is None or self.tarif is None else round_cents(self.jours * self.tarif)


class CelluleIllisible(ValueError):
    """A cell that cannot be read for sure: its French reason, and the readings to choose from if there are several."""

    def __init__(self, message: str, choix: tuple[str, ...] = (), ambigu: str = "") -> None:
        super().__init__(message)
        self.choix = choix
        self.ambigu = ambigu  # the number that reads two ways, as it was typed


def parse_cellule(texte: str, tarif: Decimal | None, en_jours: bool = False) -> Cellule | None:
    """Read a cell; None when no cost is planned. `tarif` values a day without rate, in euros.

    `en_jours`: the nature is always counted in days, so that a bare number is asked about rather than guessed.
    Raises CelluleIllisible.
    """
    brut = re.sub(rf"[{SPACES}\t\n]+", " ", texte.replace("\x00", "")).strip()
    if brut in VIDES:
        return None
    try:
        return _parse(brut, tarif, en_jours)
    except CelluleIllisible as erreur:
        if not erreur.ambigu:
            raise
        nombre = re.compile(rf"(?<![0-9.,]){re.escape(erreur.ambigu)}(?![0-9.,])")
        choix = tuple(nombre.sub(lecture, brut, count=1) for lecture in _readings(erreur.ambigu))
        raise CelluleIllisible(str(erreur), choix, erreur.ambigu) from erreur


def _parse(brut: str, tarif: Decimal | None, en_jours: bool) -> Cellule:
    """Read a cell that holds something, its spaces already plain."""
    corps, parentheses = _split_parentheses(brut)
    jours, tarif_ecrit, mention = _read_parentheses(parentheses)
    if len(mention) > MENTION_MAX:
        raise CelluleIllisible(f"Les mots entre parenthèses dépassent {MENTION_MAX} caractères.")
    if corps.lower() in MOTS:
        if jours is not None and tarif_ecrit is not None:
            raise CelluleIllisible(f"« {brut} » dit à la fois un montant et « {corps} ».")
        return Cellule(MOTS[corps.lower()], None, jours, None, mention)
    if jours is not None:
        montant = _amount(corps)
        return _check(Cellule("chiffre", montant, jours, tarif_ecrit, mention))
    if len(morceaux := FOIS.split(corps)) == 2:
        jours, prix = _days(morceaux[0]), _amount(morceaux[1])
        return _check(Cellule("chiffre", round_cents(jours * prix), jours, prix, mention))
    if UNITE_JOURS.search(corps):
        jours = _days(corps)
        if tarif is None:
            raise CelluleIllisible(f"Le prix du jour n’est pas connu. Écrivez-le : {format_nombre(jours)} j × 600.")
        return _check(Cellule("chiffre", round_cents(jours * tarif), jours, tarif, mention))
    montant = _amount(corps)
    if en_jours and "€" not in corps and "eur" not in corps.lower() and Decimal(0) < montant < Decimal(400):
        nombre = format_nombre(montant)
        suite = f" ({mention})" if mention else ""
        raise CelluleIllisible(
            f"« {brut} » : des jours ou des euros ? Écrivez {nombre} j ou {nombre} €.",
            (f"{nombre}{INSECABLE}j{suite}", f"{nombre}{INSECABLE}€{suite}"),
        )
    return _check(Cellule("chiffre", montant, None, None, mention))


def format_cellule(cellule: Cellule | None, tarif: Decimal | None, en_jours: bool = False) -> str:
    """Write a cell back, shortest first; `parse_cellule` reads it as the same cell."""
    if cellule is None:
        return ""
    if cellule.chiffrage != "chiffre":
        texte = ECRITS[cellule.chiffrage]
        if cellule.jours is not None:
            texte += f" ({_write_days(cellule.jours)})"
    elif cellule.jours is None:
        texte = format_montant(cellule.montant or Decimal(0))
        if en_jours and Decimal(0) < (cellule.montant or Decimal(0)) < Decimal(400):
            texte += f"{INSECABLE}€"
    elif cellule.tarif is None:
        texte = f"{format_montant(cellule.montant or Decimal(0))}{INSECABLE}€ ({_write_days(cellule.jours)})"
    else:
        fois = f"{INSECABLE}×{INSECABLE}{format_montant(cellule.tarif)}"
        if cellule.montant != cellule.calcule:
            texte = f"{format_montant(cellule.montant or Decimal(0))}{INSECABLE}€ ({_write_days(cellule.jours)}{fois})"
        else:
            texte = _write_days(cellule.jours) + ("" if cellule.tarif == tarif else fois)
    return f"{texte} ({cellule.mention})" if cellule.mention else texte


def explain_cellule(cellule: Cellule | None) -> str:
    """What was understood, in words: « 27 j × 600 € = 16 200 € »."""
    if cellule is None:
        return "pas de dépense"
    if cellule.chiffrage != "chiffre":
        return ECRITS[cellule.chiffrage]
    if cellule.jours is None:
        return format_euros(cellule.montant)
    if cellule.tarif is None:
        return f"{format_euros(cellule.montant)} pour {_write_days(cellule.jours)}"
    compte = f"{_write_days(cellule.jours)} × {format_euros(cellule.tarif)}"
    if cellule.montant == cellule.calcule:
        return f"{compte} = {format_euros(cellule.montant)}"
    return f"{format_euros(cellule.montant)} écrits, mais {compte} = {format_euros(cellule.calcule)}"


def _split_parentheses(brut: str) -> tuple[str, list[str]]:
    """« 9 900 € (16,5 j) (au forfait) » gives the amount and what stands in each pair of brackets."""
    parentheses: list[str] = []
    while brut.endswith(")"):
        profondeur = 0
        for rang in range(len(brut) - 1, -1, -1):
            profondeur += (brut[rang] == ")") - (brut[rang] == "(")
            if profondeur == 0:
                break
        if profondeur or rang == 0:
            break
        parentheses.insert(0, brut[rang + 1 : -1].strip())
        brut = brut[:rang].strip()
    return brut, parentheses


def _read_parentheses(parentheses: list[str]) -> tuple[Decimal | None, Decimal | None, str]:
    """Days, rate and words found in brackets."""
    jours = tarif = None
    mots = []
    for contenu in parentheses:
        morceaux = FOIS.split(contenu)
        if jours is None and UNITE_JOURS.search(morceaux[0]) and len(morceaux) <= 2 and re.match(r"[0-9]", contenu):
            jours = _days(morceaux[0])
            tarif = _amount(morceaux[1]) if len(morceaux) == 2 else None
        elif contenu:
            mots.append(contenu)
    return jours, tarif, " ; ".join(mots)


def _days(texte: str) -> Decimal:
    try:
        jours = parse_jours(texte)
    except NombreIllisible as erreur:
        raise CelluleIllisible(str(erreur), ambigu=_find_ambigu(texte)) from erreur
    if jours < 0:
        raise CelluleIllisible("Le nombre de jours ne peut pas être négatif.")
    if jours > JOURS_MAX:
        raise CelluleIllisible("Ce nombre de jours est trop grand.")
    return jours


def _amount(texte: str) -> Decimal:
    try:
        montant = parse_montant(texte)
    except NombreIllisible as erreur:
        raise CelluleIllisible(str(erreur), ambigu=_find_ambigu(texte)) from erreur
    if montant < 0:
        raise CelluleIllisible("Un coût ne peut pas être négatif.")
    return montant


def _find_ambigu(texte: str) -> str:
    """« 1.234 » in « 1.234 j »; nothing when the text is no number at all."""
    trouve = re.fullmatch(rf"([1-9][0-9]{{0,2}}[.,][0-9]{{3}})[{SPACES}]*(?:€|euros?|EUR|j\.?|jours?)?\.?", texte.strip(), re.IGNORECASE)
    return trouve[1] if trouve else ""


def _readings(nombre: str) -> tuple[str, str]:
    """The two readings of « 1.234 », for the person to choose: 1 234 and 1,23."""
    entier, decimales = re.split("[.,]", nombre)
    return format_nombre(Decimal(entier + decimales)), format_nombre(Decimal(f"{entier}.{decimales[:2]}"))


def _check(cellule: Cellule) -> Cellule:
    if (cellule.montant or 0) > MONTANT_MAX or (cellule.tarif or 0) > MONTANT_MAX:
        raise CelluleIllisible("Ce montant est trop grand.")
    return cellule


def _write_days(jours: Decimal) -> str:
    return f"{format_nombre(jours)}{INSECABLE}j"
