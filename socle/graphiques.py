"""Charts as plain geometry: our own small templates draw them, the same SVG on the page and on paper.

Nothing is told by colour alone: what is planned is an outline, what is done is full, each bar bears its figures in words,
and each chart goes with the table of its figures and a sentence that says what it shows. Lengths are units of the drawing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

LARGEUR = 360  # a phone's width: text keeps its size there
RANG, LEGENDE, MARGE = 30, 24, 4
HAUT, BAS = 130, 20  # columns: room of the tallest, room of their names
LIGNE_MAX = 56  # characters of a name and its figures on one line


@dataclass(frozen=True)
class Valeurs:
    """What one bar shows: what was done against a mark (planned, target), and the figures in words. None is unknown."""

    libelle: str
    fait: Decimal | None
    repere: Decimal | None
    texte: str
    code: str = ""


@dataclass(frozen=True)
class Barre:
    """One bar, placed. Lengths are texts with a point, ready for the drawing."""

    libelle: str
    texte: str
    y: str
    y_texte: str
    repere: str
    fait: str
    surplus_x: str
    surplus: str
    entier: str


@dataclass(frozen=True)
class Colonne:
    """Two columns of one period: planned outlined, done full."""

    libelle: str
    x: str
    x_fait: str
    x_texte: str
    repere_y: str
    repere: str
    fait_y: str
    fait: str
    texte: str


@dataclass(frozen=True)
class Graphique:
    """A chart with its title, the sentence that says it, its table."""

    cle: str
    titre: str
    phrase: str
    hauteur: int
    entetes: Sequence[str]
    lignes: Sequence[Sequence[str]]
    barres: list[Barre] = field(default_factory=list)
    colonnes: list[Colonne] = field(default_factory=list)
    noms: tuple[str, str] = ("Prévu", "Réalisé")
    total: Sequence[str] = ()
    largeur: int = LARGEUR
    largeur_colonne: str = "0"
    sol: str = "0"

    @property
    def is_vide(self) -> bool:
        """Nothing to draw."""
        return not (self.barres or self.colonnes)


def draw_barres(
    cle: str,
    titre: str,
    phrase: str,
    valeurs: Sequence[Valeurs],
    entetes: Sequence[str],
    lignes: Sequence[Sequence[str]],
    noms: tuple[str, str] = ("Prévu", "Réalisé"),
    total: Sequence[str] = (),
    *,
    chacune: bool = False,
) -> Graphique:
    """Horizontal bars, the longest filling the width; with `chacune` each mark fills it (indicators, each with its own unit)."""
    echelle = max((max(v.fait or Decimal(0), v.repere or Decimal(0)) for v in valeurs), default=Decimal(0))
    barres = []
    for rang, v in enumerate(valeurs):
        fait, repere = max(Decimal(0), v.fait or Decimal(0)), max(Decimal(0), v.repere or Decimal(0))
        maximum = max(fait, repere) if chacune else echelle
        long_fait, long_repere = (_scale(n, maximum, LARGEUR - 2) for n in (fait, repere))
        dedans = min(long_fait, long_repere) if repere else long_fait
        y = LEGENDE + rang * RANG
        nom = f"{v.code} {v.libelle}".strip()
        place = max(12, LIGNE_MAX - len(v.texte))
        barres.append(
            Barre(
                nom if len(nom) <= place else f"{nom[: place - 1].rstrip()}…",
                v.texte,
                _write(Decimal(y + 16)),
                _write(Decimal(y + 11)),
                _write(long_repere),
                _write(dedans),
                _write(dedans + 1),
                _write(max(Decimal(0), long_fait - dedans)),
                nom,
            )
        )
    return Graphique(cle, titre, phrase, LEGENDE + len(barres) * RANG + MARGE, entetes, lignes, barres, noms=noms, total=total)


def draw_colonnes(
    cle: str,
    titre: str,
    phrase: str,
    valeurs: Sequence[Valeurs],
    entetes: Sequence[str],
    lignes: Sequence[Sequence[str]],
    noms: tuple[str, str] = ("Prévu", "Réalisé"),
    total: Sequence[str] = (),
) -> Graphique:
    """Pairs of columns in time, the tallest filling the height; `texte` is written above the pair."""
    echelle = max((max(v.fait or Decimal(0), v.repere or Decimal(0)) for v in valeurs), default=Decimal(0))
    pas = Decimal(LARGEUR) / max(1, len(valeurs))
    large = min(Decimal(44), pas / Decimal("2.6"))
    sol = Decimal(LEGENDE + 18 + HAUT)
    colonnes = []
    for rang, v in enumerate(valeurs):
        centre = pas * rang + pas / 2
        repere, fait = (_scale(max(Decimal(0), n or Decimal(0)), echelle, HAUT) for n in (v.repere, v.fait))
        colonnes.append(
            Colonne(
                v.libelle,
                _write(centre - large),
                _write(centre + 1),
                _write(centre),
                _write(sol - repere),
                _write(repere),
                _write(sol - fait),
                _write(fait),
                v.texte,
            )
        )
    return Graphique(
        cle,
        titre,
        phrase,
        int(sol) + BAS,
        entetes,
        lignes,
        colonnes=colonnes,
        noms=noms,
        total=total,
        largeur_colonne=_write(large - 1),
        sol=_write(sol),
    )


def _scale(valeur: Decimal, maximum: Decimal, longueur: int) -> Decimal:
    return valeur * longueur / maximum if maximum > 0 else Decimal(0)  # nothing but negative amounts: no scale


def _write(longueur: Decimal) -> str:
    """« 123.4 »: a length of the drawing, never with a comma."""
    return f"{longueur:.1f}"
