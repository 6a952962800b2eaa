"""Numbers typed by people: read strictly, or refused with a sentence. A wrong value is never guessed.

Accepted for amounts: `1234`, `1234,5`, `1 234,50 €`, `1.234,50`, `1,234.50`, with spaces, no-break spaces
or apostrophes (Swiss) between groups of three figures. Refused because they read two ways: `1.234` and `1,234`,
unless the decimal mark is known, as the rest of a spreadsheet's column may prove it (`find_decimale`).
"""

import re
from collections.abc import Iterable
from decimal import Decimal

SPACES = "\u0020\u00a0\u202f\u2009\u2007"
MAX_CHIFFRES = 15  # before the decimal mark; far above any budget, far below what Decimal rounds


class NombreIllisible(ValueError):
    """A text that is not one number, with the French reason as its message."""


def read_cle(texte: str) -> int | None:
    """The key of a row as an address or a form gives it; None when it is none."""
    return int(texte) if texte.isascii() and texte.isdecimal() and len(texte) <= 18 else None


def parse_nombre(texte: str, decimales: int = 2, milliers: bool = True, decimale: str | None = None) -> Decimal:
    """Read one number written in French, English or Swiss.

    Without `milliers` (rates never reach a thousand) a single point or comma is always the decimal mark.
    `decimale` is the decimal mark when it is known: it only decides what would otherwise be refused.

    Raises NombreIllisible when nothing can be read, when two readings exist, or when the number has
    more than `decimales` places.
    """
    brut = texte.strip().strip(SPACES)
    if not brut:
        raise NombreIllisible("Écrivez un nombre.")
    signe = 1
    if brut[0] in "-−+":
        signe = 1 if brut[0] == "+" else -1
        brut = brut[1:].strip(SPACES)
    entier, fraction = _split(brut, texte.strip(), decimales, milliers, decimale)
    if len(entier) > MAX_CHIFFRES:
        raise NombreIllisible(f"« {texte.strip()[:40]} » est trop grand.")
    if len(fraction) > decimales:
        raise NombreIllisible(f"« {texte.strip()} » a plus de {decimales} décimales.")
    nombre = Decimal(f"{entier}.{fraction or '0'}").quantize(Decimal(1).scaleb(-decimales))
    return nombre if signe > 0 or not nombre else -nombre


def parse_montant(texte: str, decimale: str | None = None) -> Decimal:
    """Read an amount in euros, with or without the sign, as a Decimal of two places."""
    sans_signe = re.sub(rf"[{SPACES}]*(?:€|euros?|EUR)\.?$", "", texte.strip(), flags=re.IGNORECASE)
    if not sans_signe:
        raise NombreIllisible("Écrivez un montant, par exemple 1 234,50.")
    return parse_nombre(sans_signe, decimale=decimale)


def parse_jours(texte: str, decimale: str | None = None) -> Decimal:
    """Read a number of days: `27`, `27 j`, `16,5 jours`."""
    return parse_nombre(re.sub(rf"[{SPACES}]*(?:jours?|j)\.?$", "", texte.strip(), flags=re.IGNORECASE), decimale=decimale)


def parse_taux(texte: str) -> Decimal:
    """Read a percentage, four places: `80`, `33,3333 %`."""
    return parse_nombre(re.sub(rf"[{SPACES}]*%$", "", texte.strip()), decimales=4, milliers=False)


def find_decimale(textes: Iterable[str]) -> str | None:
    """The decimal mark that some of these writings prove and none contradicts; None otherwise.

    « 12,5 » and « 1.234.567 » prove the comma, « 12.5 » and « 1,234,567 » the point; « 1.234 » proves nothing.
    """
    prouvees = set()
    for texte in textes:
        for nombre in re.findall(rf"[0-9][0-9{SPACES}'’.,]*[0-9]", texte):
            points, virgules = nombre.count("."), nombre.count(",")
            try:
                _split(nombre, nombre, 2, milliers=True, decimale=".")
            except NombreIllisible:
                continue  # a date, a code, two numbers
            if points and virgules:
                prouvees.add(max(".,", key=nombre.rfind))
            elif points + virgules > 1:
                prouvees.add("," if points else ".")
            elif points + virgules == 1:
                gauche, droite = re.split("[.,]", nombre)
                # Three figures after, one to three before: the mark may as well group thousands.
                if len(droite) != 3 or not re.fullmatch("[1-9][0-9]{0,2}", gauche):
                    prouvees.add("." if points else ",")
    return prouvees.pop() if len(prouvees) == 1 else None


def _split(brut: str, affiche: str, decimales: int, milliers: bool, decimale: str | None) -> tuple[str, str]:
    """Cut an unsigned number into its whole and fractional figures."""
    points, virgules = brut.count("."), brut.count(",")
    if points and virgules:
        marque = max(".,", key=brut.rfind)
        groupe = "," if marque == "." else "."
        if brut.count(marque) > 1:
            raise NombreIllisible(f"« {affiche} » n’est pas un nombre.")
        return _whole(brut.rsplit(marque, 1)[0], groupe, affiche), _figures(brut.rsplit(marque, 1)[1], affiche)
    separateur = "." if points else ","
    if points + virgules > 1:
        return _whole(brut, separateur, affiche), ""
    if points + virgules == 1:
        gauche, droite = brut.split(separateur)
        if milliers and re.fullmatch("[1-9][0-9]{0,2}", gauche) and re.fullmatch("[0-9]{3}", droite):
            entier = gauche + droite
            if decimale is not None:
                return (gauche, droite) if decimale == separateur else (entier, "")
            raise NombreIllisible(f"« {affiche} » se lit de deux façons. Écrivez {entier} ou {gauche},{droite[:decimales]}.")
        groupes = "'" if "'" in gauche or "’" in gauche else " "
        return _whole(gauche, groupes, affiche), _figures(droite, affiche)
    return _whole(brut, "'" if "'" in brut or "’" in brut else " ", affiche), ""


def _figures(texte: str, affiche: str) -> str:
    if not re.fullmatch(r"[0-9]+", texte):
        raise NombreIllisible(f"« {affiche} » n’est pas un nombre.")
    return texte


def _whole(texte: str, separateur: str, affiche: str) -> str:
    """Check the groups of three and remove their separators."""
    motif = {" ": f"[{SPACES}]", "'": "['’]", ".": r"\.", ",": ","}[separateur]
    if re.fullmatch(r"[0-9]+", texte):
        return texte
    if re.fullmatch(rf"[1-9][0-9]{{0,2}}(?:{motif}[0-9]{{3}})+", texte):
        return re.sub(motif, "", texte)
    raise NombreIllisible(f"« {affiche} » n’est pas un nombre.")
