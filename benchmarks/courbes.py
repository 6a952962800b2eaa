"""Growth curves as one SVG: both axes logarithmic, so that a straight line at 45° is a cost that grows as the data.

Nothing is told by colour alone: each curve has its own mark and its own dashes, and its name at its end. Lengths are units of the drawing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from benchmarks.outils import FINE, format_duree, format_nombre, write_tableau

LARGEUR, HAUTEUR = 460, 360  # one panel
GAUCHE, DROITE, HAUT, BAS = 58, 150, 50, 46
NOMS_ECART = 13  # two names never stand closer
COULEURS = ("#0a5546", "#8a3b12", "#1f4e8c", "#6b2d7a", "#5d5200")
TIRETS = ("", "7 3", "2 3", "9 3 2 3", "4 2")
ENCRE, GRIS, TRAIT = "#14231e", "#46574f", "#d0d9d4"


@dataclass(frozen=True)
class Courbe:
    """How long one thing takes as the data grow: (size, seconds)."""

    nom: str
    points: Sequence[tuple[int, float]]

    @property
    def pente(self) -> float:
        """Exponent of the growth from the first size to the last: 0 does not grow, 1 grows as the data, 2 as their square."""
        (x1, y1), (x2, y2) = self.points[0], self.points[-1]
        return math.log(y2 / y1) / math.log(x2 / x1)


@dataclass(frozen=True)
class Panneau:
    """Curves that share what grows."""

    titre: str
    axe: str
    courbes: Sequence[Courbe]

    @property
    def tailles(self) -> list[int]:
        return [taille for taille, _ in self.courbes[0].points]


def write_tailles(panneau: Panneau) -> str:
    """The figures of a panel, with the growth of each curve."""
    tailles = panneau.tailles
    entetes = [panneau.axe, *(f"×{FINE}{taille // tailles[0]} ({format_nombre(taille)})" for taille in tailles), "Croissance"]
    lignes = [[c.nom, *(format_duree(duree) for _, duree in c.points), format_croissance(c.pente)] for c in panneau.courbes]
    return write_tableau(entetes, lignes)


def format_croissance(pente: float) -> str:
    """What an exponent says in words, with it."""
    paliers = [(0.2, "presque plate"), (0.9, "moins vite que les données"), (1.15, "comme les données")]
    mots = next((mots for palier, mots in paliers if pente < palier), "plus vite que les données")
    return f"{mots} ({format_nombre(pente, 2)})"


def draw_courbes(titre: str, panneaux: Sequence[Panneau]) -> str:
    """All the panels side by side, with the title and the figures for who does not see them."""
    largeur = LARGEUR * len(panneaux)
    dessin = "".join(f'<g transform="translate({rang * LARGEUR} 0)">{_draw_panneau(p)}</g>\n' for rang, p in enumerate(panneaux))
    chiffres = " ".join(f"{p.titre}. {' '.join(map(_tell, p.courbes))}" for p in panneaux)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {largeur} {HAUTEUR}" width="{largeur}" height="{HAUTEUR}" role="img" '
        f'aria-labelledby="titre chiffres" font-family="Source Sans 3, Liberation Sans, Arial, sans-serif" font-size="12">\n'
        f'<title id="titre">{escape(titre)}</title>\n<desc id="chiffres">{escape(chiffres)}</desc>\n'
        f'<rect width="{largeur}" height="{HAUTEUR}" fill="#ffffff"/>\n{dessin}</svg>\n'
    )


def _tell(courbe: Courbe) -> str:
    """« récapitulatif : 5 → 12 ms, 50 → 40 ms. »."""
    return f"{courbe.nom} : {', '.join(f'{format_nombre(taille)} → {format_duree(duree)}' for taille, duree in courbe.points)}."


class _Echelle:
    """Where a size and a duration fall."""

    def __init__(self, panneau: Panneau) -> None:
        durees = [duree for courbe in panneau.courbes for _, duree in courbe.points]
        self.x1, self.x2 = math.log10(panneau.tailles[0]), math.log10(panneau.tailles[-1])
        self.y1, self.y2 = math.floor(math.log10(min(durees))), math.ceil(math.log10(max(durees)))
        self.y2 = max(self.y2, self.y1 + 1)

    def x(self, taille: float) -> float:
        return GAUCHE + (math.log10(taille) - self.x1) / (self.x2 - self.x1) * (LARGEUR - GAUCHE - DROITE)

    def y(self, duree: float) -> float:
        return HAUTEUR - BAS - (math.log10(duree) - self.y1) / (self.y2 - self.y1) * (HAUTEUR - HAUT - BAS)


def _draw_panneau(panneau: Panneau) -> str:
    echelle = _Echelle(panneau)
    fin, sol = LARGEUR - DROITE, HAUTEUR - BAS
    morceaux = [_text(GAUCHE, 24, panneau.titre, gras=True, taille=14)]
    for puissance in range(echelle.y1, echelle.y2 + 1):
        y = echelle.y(10**puissance)
        morceaux += [
            f'<path d="M{GAUCHE} {y:.1f}H{fin}" stroke="{TRAIT}" fill="none"/>',
            _text(GAUCHE - 6, y + 4, _write_puissance(puissance), ancre="end"),
        ]
    for taille in panneau.tailles:
        x = echelle.x(taille)
        morceaux += [
            f'<path d="M{x:.1f} {HAUT}V{sol}" stroke="{TRAIT}" fill="none"/>',
            _text(x, sol + 16, format_nombre(taille), ancre="middle"),
        ]
    morceaux.append(_text((GAUCHE + fin) / 2, sol + 34, panneau.axe, ancre="middle"))
    hauteurs = _spread([echelle.y(courbe.points[-1][1]) for courbe in panneau.courbes])
    for rang, courbe in enumerate(panneau.courbes):
        points = [(echelle.x(taille), echelle.y(duree)) for taille, duree in courbe.points]
        couleur = COULEURS[rang % len(COULEURS)]
        trait = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        morceaux.append(f'<path d="{trait}" stroke="{couleur}" stroke-width="2" stroke-dasharray="{TIRETS[rang % 5]}" fill="none"/>')
        morceaux += [f'<path d="{_mark(rang, x, y)}" fill="{couleur}" stroke="#ffffff" stroke-width="1"/>' for x, y in points]
        morceaux.append(f'<path d="M{fin + 6} {points[-1][1]:.1f}L{fin + 14} {hauteurs[rang]:.1f}" stroke="{GRIS}" fill="none"/>')
        morceaux.append(f'<path d="{_mark(rang, fin + 20, hauteurs[rang])}" fill="{couleur}"/>')
        morceaux.append(_text(fin + 28, hauteurs[rang] + 4, courbe.nom))
    return "\n".join(morceaux)


def _write_puissance(puissance: int) -> str:
    """« 10 ms », « 1 s », « 100 s »: a mark of the axis."""
    if puissance < -3:
        return f"0,{'0' * (-puissance - 4)}1{FINE}ms"
    return f"{10 ** (puissance + 3)}{FINE}ms" if puissance < 0 else f"{format_nombre(10**puissance)}{FINE}s"


def _spread(hauteurs: Sequence[float]) -> list[float]:
    """Push apart the names that would overlap, keeping their order."""
    placees = dict.fromkeys(range(len(hauteurs)), 0.0)
    plafond = HAUT * 1.0
    for rang in sorted(placees, key=lambda r: hauteurs[r]):
        placees[rang] = max(hauteurs[rang], plafond)
        plafond = placees[rang] + NOMS_ECART
    return list(placees.values())


def _mark(rang: int, x: float, y: float) -> str:
    """A disc, a square, a triangle, a diamond, a triangle upside down."""
    r = 4.5
    formes = (
        f"M{x - r:.1f} {y:.1f}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0z",
        f"M{x - 4:.1f} {y - 4:.1f}h8v8h-8z",
        f"M{x:.1f} {y - 5:.1f}l5 9h-10z",
        f"M{x:.1f} {y - 5.5:.1f}l5.5 5.5l-5.5 5.5l-5.5 -5.5z",
        f"M{x:.1f} {y + 5:.1f}l5 -9h-10z",
    )
    return formes[rang % len(formes)]


def _text(x: float, y: float, mots: str, *, ancre: str = "start", gras: bool = False, taille: int = 12) -> str:
    graisse = ' font-weight="600"' if gras else ""
    encre = ENCRE if gras or ancre == "start" else GRIS
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{ancre}" font-size="{taille}" fill="{encre}"{graisse}>{escape(mots)}</text>'
