"""The one source of every figure: recap by fiche, year and financeur, computed or declared.

Page, PDF, spreadsheet and JSON all read a `Recapitulatif`. Building one takes a fixed number of queries,
whatever the number of fiches and lines. Amounts are Decimal euros of two places.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from comptes.models import Organisation
from conventions.axes import ArbreAxes
from conventions.models import Axe, Convention
from fiches.models import FicheAction
from financement.cofinancements import NON_REPARTI, CoFinancement
from financement.couts import LigneCout
from financement.recap_declare import MontantRecapDeclare
from financement.repartition import Cout, Part, Repartition, split_costs
from socle.montants import ZERO


@dataclass(frozen=True)
class Financeur:
    """A column of the recap: an organisation, or what nobody is said to pay (id None)."""

    id: int | None
    nom: str
    is_partie: bool
    rang: int


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


@dataclass
class Ligne:
    """A row: a fiche, the subtotal of an axe, or the grand total."""

    cellules: dict[Cle, Cellule] = field(default_factory=lambda: defaultdict(Cellule))
    fiche: FicheAction | None = None
    axe: Axe | None = None

    def get(self, annee: int | None, financeur: int | str | None) -> Cellule:
        """The figure of one column; an empty one when nothing is planned there."""
        return self.cellules.get((annee, financeur), VIDE)

    def total(self, annee: int | None = None) -> Cellule:
        return self.get(annee, TOTAL)


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
    def nom_periode(self) -> str:
        """Title of the last column: « Trois ans »."""
        noms = {1: "Un an", 2: "Deux ans", 3: "Trois ans", 4: "Quatre ans", 5: "Cinq ans"}
        return noms.get(len(self.annees), "Ensemble")

    @property
    def bases(self) -> list[str]:
        """Labels of the HT/TTC bases met among the fiches that have amounts; more than one is a mix to be said."""
        connues = {ligne.fiche.base_montants: ligne.fiche.get_base_montants_display() for ligne in self.lignes()
                   if ligne.fiche and ligne.total().montant}
        return [connues[b] for b in FicheAction.Base.values if b in connues]


def compute_recapitulatif(convention: Convention) -> Recapitulatif:
    """Compute the recap of a convention from the cost lines and shares of its fiches (six queries)."""
    fiches = list(convention.fiches.all())
    lignes_cout = list(LigneCout.objects.filter(fiche__convention=convention))
    cofinancements = list(CoFinancement.objects.filter(fiche__convention=convention).select_related("financeur"))
    couts_par_fiche: dict[int, list[LigneCout]] = defaultdict(list)
    parts_par_fiche: dict[int, list[CoFinancement]] = defaultdict(list)
    for cout in lignes_cout:
        couts_par_fiche[cout.fiche_id].append(cout)
    for part in cofinancements:
        parts_par_fiche[part.fiche_id].append(part)
    lignes = {f.pk: compute_ligne(f, couts_par_fiche[f.pk], parts_par_fiche[f.pk]) for f in fiches}
    annees = sorted({*convention.annees, *(cout.annee for cout in lignes_cout)})
    return _assemble(convention, fiches, lignes, annees, [p.financeur for p in cofinancements if p.financeur])


def compute_ligne(fiche: FicheAction, couts: Iterable[LigneCout], parts: Iterable[CoFinancement]) -> Ligne:
    """Compute the row of one fiche from its lines and shares, given in memory."""
    ligne = Ligne(fiche=fiche)
    chiffres = []
    for cout in couts:
        if cout.montant is not None:
            chiffres.append(Cout(cout.nature_id, cout.annee, cout.montant.amount))
            ligne.cellules[cout.annee, TOTAL].add(Cellule(cout.montant.amount))
        else:
            ligne.cellules[cout.annee, TOTAL].add(Cellule(None, [describe_inconnu(cout)]))
    partage = split_costs(chiffres, [to_part(p) for p in parts])
    for annee, montants in partage.items():
        for financeur, montant in montants.items():
            ligne.cellules[annee, financeur].add(Cellule(montant))
    _fill_sums(ligne)
    return ligne


def compute_repartition(couts: Iterable[LigneCout], parts: Iterable[CoFinancement]) -> Repartition:
    """Share the known costs of one fiche by year and financeur."""
    return split_costs(
        [Cout(c.nature_id, c.annee, c.montant.amount) for c in couts if c.montant is not None], [to_part(p) for p in parts]
    )


def to_part(cofinancement: CoFinancement) -> Part:
    """The plain form of a co-financing."""
    montant = cofinancement.montant.amount if cofinancement.montant is not None else None
    return Part(cofinancement.financeur_id, cofinancement.taux, montant, cofinancement.nature_id, cofinancement.annee)


def describe_inconnu(cout: LigneCout) -> str:
    """« sur devis » or « à déterminer »."""
    return cout.get_chiffrage_display().lower()


def read_recapitulatif_declare(convention: Convention) -> Recapitulatif:
    """Read the recap as printed, subtotals and totals included; nothing is computed but the « Autres » column."""
    fiches = list(convention.fiches.all())
    axes: dict[int, Ligne] = defaultdict(Ligne)
    lignes = {fiche.pk: Ligne(fiche=fiche) for fiche in fiches}
    total, organisations, annees = Ligne(), [], set(convention.annees)
    for cellule in MontantRecapDeclare.objects.filter(convention=convention).select_related("financeur"):
        ligne = lignes[cellule.fiche_id] if cellule.fiche_id else axes[cellule.axe_id] if cellule.axe_id else total
        montant = cellule.montant.amount if cellule.montant is not None else None
        cle = (cellule.annee, cellule.financeur_id or TOTAL)
        ligne.cellules[cle].add(Cellule(montant, [cellule.mention] if cellule.mention else []))
        if cellule.financeur:
            organisations.append(cellule.financeur)
        if cellule.annee:
            annees.add(cellule.annee)
    recap = _assemble(convention, fiches, lignes, sorted(annees), organisations)
    for groupe in recap.groupes:
        groupe.sous_total = axes.get(groupe.axe.pk, Ligne())
        groupe.sous_total.axe = groupe.axe
    recap.total, recap.declare = total, True
    for ligne in [*recap.lignes(), *(g.sous_total for g in recap.groupes), recap.total]:
        _fill_autres(ligne, recap)
    return recap


def has_recapitulatif_declare(convention: Convention) -> bool:
    return MontantRecapDeclare.objects.filter(convention=convention).exists()


def _assemble(
    convention: Convention, fiches: list[FicheAction], lignes: dict[int, Ligne], annees: list[int], organisations: list[Organisation]
) -> Recapitulatif:
    """Group rows by root axe, add subtotals and the total, and order the columns."""
    racines = ArbreAxes.of(convention)
    racine_par_axe = racines.racine_by_axe()
    par_racine: dict[int, list[Ligne]] = defaultdict(list)
    for fiche in fiches:
        par_racine[racine_par_axe[fiche.axe_id].pk].append(lignes[fiche.pk])
    groupes = []
    total = Ligne()
    for racine in racines.racines:
        membres = par_racine[racine.axe.pk]
        if membres:
            sous_total = _sum_lignes(membres)
            sous_total.axe = racine.axe
            groupes.append(Groupe(racine.axe, membres, sous_total))
    total = _sum_lignes([groupe.sous_total for groupe in groupes])
    cles = {cle for ligne in lignes.values() for (_, cle), c in ligne.cellules.items() if cle is None and c.montant}
    financeurs = _order_financeurs(convention, organisations, bool(cles))
    recap = Recapitulatif(convention, annees, financeurs, groupes, total)
    for ligne in [*lignes.values(), *(g.sous_total for g in groupes), total]:
        _fill_autres(ligne, recap)
    return recap


def _order_financeurs(convention: Convention, organisations: list[Organisation], non_reparti: bool) -> list[Financeur]:
    """Parties in their order, then the others as they appear, then non réparti."""
    financeurs: dict[int | None, Financeur] = {}
    payeurs = {o.pk for o in organisations}
    for partie in convention.parties.all():
        if partie.role != partie.Role.PARTENAIRE or partie.organisation_id in payeurs:
            financeurs[partie.organisation_id] = Financeur(partie.organisation_id, partie.nom_court, True, len(financeurs) + 1)
    for organisation in organisations:
        financeurs.setdefault(organisation.pk, Financeur(organisation.pk, organisation.sigle, False, len(financeurs) + 1))
    if non_reparti:
        financeurs[None] = Financeur(None, NON_REPARTI, False, len(financeurs) + 1)
    return list(financeurs.values())


def _fill_sums(ligne: Ligne) -> None:
    """Add the whole-period column of each financeur and of the total."""
    for (annee, financeur), cellule in list(ligne.cellules.items()):
        if annee is not None:
            ligne.cellules[None, financeur].add(cellule)


def _fill_autres(ligne: Ligne, recap: Recapitulatif) -> None:
    """Gather the financeurs beyond the parties in one column."""
    autres = {f.id for f in recap.autres}
    for cle in [cle for cle in ligne.cellules if cle[1] == AUTRES]:
        del ligne.cellules[cle]
    for (annee, financeur), cellule in list(ligne.cellules.items()):
        if financeur in autres:
            ligne.cellules[annee, AUTRES].add(cellule)


def _sum_lignes(lignes: Iterable[Ligne]) -> Ligne:
    """Sum rows cell by cell."""
    somme = Ligne()
    for ligne in lignes:
        for cle, cellule in ligne.cellules.items():
            somme.cellules[cle].add(cellule)
    return somme
