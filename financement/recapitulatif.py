"""The recap as data: rows of fiches, columns of years and financeurs, subtotals, total.

Only the shape and how it is read are here; `syntheses` fills it.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from conventions.models import Axe, Convention
from fiches.fiches import Rubrique
from fiches.models import FicheAction
from socle.montants import ZERO


@dataclass(frozen=True)
class Financeur:
    """A column of the recap: an organisation, or what nobody is said to pay (id None)."""

    id: int | None
    nom: str
    is_partie: bool
    rang: int

    @property
    def rang_couleur(self) -> int:
        """Each organisation keeps one of five colours, the last shared; what nobody pays is hollow (6)."""
        return 6 if self.id is None else min(self.rang, 5)


@dataclass
class Cellule:
    """One figure. `montant` None with no mention: no expense planned; with a mention: words instead of a figure.

    `reserves` are the words of what the figure leaves out (« sur devis » beside an amount).
    """

    montant: Decimal | None = None
    reserves: list[str] = field(default_factory=list)

    @property
    def mention(self) -> str:
        """Words shown in place of an unknown amount."""
        return self.reserves[0] if self.montant is None and self.reserves else ""

    @property
    def is_partielle(self) -> bool:
        return self.montant is not None and bool(self.reserves)

    def add(self, autre: "Cellule") -> None:
        """Add another figure: unknown plus known is the known, with its reserve."""
        if autre.montant is not None:
            self.montant = (self.montant or ZERO) + autre.montant
        self.reserves.extend(r for r in autre.reserves if r not in self.reserves)


VIDE = Cellule()
Cle = tuple[int | None, int | str | None]  # year (None: whole period), financeur id (None: non réparti, TOTAL: all)
TOTAL = "total"
AUTRES = "autres"


@dataclass(frozen=True)
class Place:
    """A figure in the yearly columns of a row."""

    annee: int
    cle: int | str | None
    cellule: Cellule
    premiere: bool
    derniere: bool


@dataclass
class Ligne:
    """A row: a fiche, the subtotal of an axe, or the grand total."""

    cellules: dict[Cle, Cellule] = field(default_factory=lambda: defaultdict(Cellule))
    fiche: FicheAction | None = None
    axe: Axe | None = None
    rubriques: list[Rubrique] = field(default_factory=list)
    recap: "Recapitulatif | None" = field(default=None, repr=False)

    @property
    def nb_remplies(self) -> int:
        """How many headings of the fiche are written."""
        return sum(r.remplie for r in self.rubriques)

    @property
    def is_complete(self) -> bool:
        return bool(self.rubriques) and self.nb_remplies == len(self.rubriques)

    @property
    def annees_chiffrees(self) -> set[int]:
        """Years in which a cost is planned, known or not."""
        return {annee for annee, financeur in self.cellules if annee is not None and financeur == TOTAL}

    def get(self, annee: int | None, financeur: int | str | None) -> Cellule:
        """The figure of one column; an empty one when nothing is planned there."""
        return self.cellules.get((annee, financeur), VIDE)

    def total(self, annee: int | None = None) -> Cellule:
        return self.get(annee, TOTAL)

    @property
    def total_periode(self) -> Cellule:
        """Total of the whole period; when the annex leaves it blank, the sum of its yearly totals."""
        if (None, TOTAL) in self.cellules:
            return self.total()
        somme = Cellule()
        for (annee, financeur), cellule in self.cellules.items():
            if annee is not None and financeur == TOTAL:
                somme.add(cellule)
        return somme

    @property
    def cellules_annees(self) -> list["Place"]:
        """Figures of all the yearly columns, in order, with their place in the year."""
        colonnes, annees = (self.recap.colonnes, self.recap.annees) if self.recap else ([], [])
        return [
            Place(annee, cle, self.get(annee, cle), rang == 0, rang == len(colonnes) - 1)
            for annee in annees
            for rang, (cle, _) in enumerate(colonnes)
        ]

    @property
    def cellules_periode(self) -> list[Cellule]:
        """Figures of the whole period, one a column."""
        return [self.get(None, cle) for cle, _ in self.recap.colonnes] if self.recap else []

    @property
    def barres(self) -> list[tuple[int, Decimal]]:
        """Colour and amount of each financeur over the period, for bars."""
        if self.recap is None:
            return []
        return [(f.rang_couleur, m) for f in self.recap.financeurs if (m := self.get(None, f.id).montant)]

    @property
    def maitrise_ouvrage(self) -> str:
        """Short name of who leads the action; « Partagée » when several do."""
        if self.fiche is None or self.recap is None:
            return ""
        maitres = list(self.fiche.maitres_ouvrage.all())
        noms = {p.organisation_id: p.nom_court for p in self.recap.convention.parties.all()}
        if len(maitres) == 1:
            return noms.get(maitres[0].pk, maitres[0].sigle)
        return "Partagée" if maitres else "–"


@dataclass
class Groupe:
    """The fiches of one root axe and their subtotal."""

    axe: Axe
    lignes: list[Ligne]
    sous_total: Ligne


@dataclass
class Recapitulatif:
    """Fiches × years × financeurs, with the subtotals of the axes and the grand total."""

    convention: Convention
    annees: list[int]
    financeurs: list[Financeur]
    groupes: list[Groupe]
    total: Ligne
    declare: bool = False

    @property
    def parties(self) -> list[Financeur]:
        """Financeurs that are parties: they have a column of their own in the printed table."""
        return [f for f in self.financeurs if f.is_partie]

    @property
    def autres(self) -> list[Financeur]:
        """Financeurs beyond the parties, and the share nobody is said to pay."""
        return [f for f in self.financeurs if not f.is_partie]

    @property
    def colonnes(self) -> list[tuple[int | str | None, str]]:
        """Columns repeated for each year: the parties, the others together if any, the total."""
        autres: list[tuple[int | str | None, str]] = [(AUTRES, "Autres")] if self.autres else []
        return [*((f.id, f.nom) for f in self.parties), *autres, (TOTAL, "Total")]

    def lignes(self) -> Iterator[Ligne]:
        """Rows of fiches, in order."""
        for groupe in self.groupes:
            yield from groupe.lignes

    def ligne_of(self, fiche: FicheAction) -> Ligne:
        """The row of one fiche; an empty row when the recap has none."""
        return next((ligne for ligne in self.lignes() if ligne.fiche == fiche), Ligne(fiche=fiche))

    @property
    def nb_colonnes(self) -> int:
        """Columns of figures, the whole period included."""
        return len(self.annees) * len(self.colonnes) + 1

    @property
    def nb_fiches(self) -> int:
        return sum(len(groupe.lignes) for groupe in self.groupes)

    @property
    def plus_grand(self) -> Decimal:
        """Largest subtotal: the length of the longest bar."""
        return max((g.sous_total.total().montant or ZERO for g in self.groupes), default=ZERO)

    @property
    def totaux_annuels(self) -> list[dict[str, int | Decimal | None]]:
        return [{"annee": annee, "montant": self.total.total(annee).montant} for annee in self.annees]

    @property
    def nom_periode(self) -> str:
        """Title of the last column: « Trois ans »."""
        noms = {1: "Un an", 2: "Deux ans", 3: "Trois ans", 4: "Quatre ans", 5: "Cinq ans"}
        return noms.get(len(self.annees), "Ensemble")

    @property
    def bases(self) -> list[str]:
        """Labels of the HT/TTC bases met among the fiches that have amounts; more than one is a mix to be said."""
        connues = {
            ligne.fiche.base_montants: ligne.fiche.get_base_montants_display()
            for ligne in self.lignes()
            if ligne.fiche and ligne.total_periode.montant
        }
        return [connues[b] for b in FicheAction.Base.values if b in connues]


@dataclass(frozen=True)
class Autre:
    """An amount of a financeur beyond the parties, or that nobody is said to pay."""

    fiche: FicheAction
    financeur: Financeur
    annee: int
    montant: Decimal


def list_autres(recap: Recapitulatif) -> list[Autre]:
    """Detail of the « Autres » column, by fiche, year and financeur."""
    return [
        Autre(ligne.fiche, financeur, annee, montant)
        for ligne in recap.lignes()
        if ligne.fiche
        for annee in recap.annees
        for financeur in recap.autres
        if (montant := ligne.get(annee, financeur.id).montant)
    ]
