"""The recap as the annex prints it beside the one the fiches give: cell by cell, by financeur, by axe, by year."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from conventions.models import Axe, Convention
from fiches.models import FicheAction
from financement.controles.dossier import Colonne, DossierFinancier
from financement.controles.reprises import explain_refus
from financement.recapitulatif import AUTRES, TOTAL
from socle.montants import ZERO


@dataclass(frozen=True)
class Cote:
    """One cell on both sides. None: nothing stands there; `mots`: words instead of an amount."""

    annee: int
    colonne: Colonne
    nom: str
    declare: Decimal | None
    calcule: Decimal | None
    mots_declares: str = ""
    mots_calcules: str = ""

    @property
    def ecart(self) -> Decimal:
        """Annex minus fiches."""
        return (self.declare or ZERO) - (self.calcule or ZERO)

    @property
    def vu(self) -> str:
        """Both sides as a form sends them back: what is taken must be what was looked at."""
        return f"{self.declare}:{self.calcule}"

    @property
    def differe(self) -> bool:
        """Amounts differ, or one side says words where the other prints an amount."""
        return bool(self.ecart) or bool(self.mots_calcules and not self.mots_declares and self.declare is not None)


@dataclass
class LigneRapprochee:
    """A fiche in one year, or the sum of an axe or of all."""

    titre: str
    cotes: list[Cote]
    fiche: FicheAction | None = None
    refus_tableau: str = ""  # why the fiche cannot take the printed shares

    @property
    def differe(self) -> bool:
        return any(c.differe for c in self.cotes)


@dataclass
class GroupeRapproche:
    """The fiches of one axe in one year."""

    axe: Axe
    lignes: list[LigneRapprochee]
    somme: LigneRapprochee


@dataclass
class AnneeRapprochee:
    """One year of both recaps."""

    annee: int
    groupes: list[GroupeRapproche]
    somme: LigneRapprochee

    @property
    def nb_ecarts(self) -> int:
        return sum(c.differe for g in self.groupes for ligne in g.lignes for c in ligne.cotes)


@dataclass(frozen=True)
class Bilan:
    """A row of the summaries: a financeur or an axe, its gap each year and over the period."""

    nom: str
    ecarts: list[Decimal]
    declare: Decimal
    calcule: Decimal

    @property
    def ecart(self) -> Decimal:
        return self.declare - self.calcule


@dataclass
class Rapprochement:
    """Both recaps of a convention side by side."""

    convention: Convention
    annees: list[AnneeRapprochee]
    colonnes: list[tuple[Colonne, str]]
    par_financeur: list[Bilan] = field(default_factory=list)
    par_axe: list[Bilan] = field(default_factory=list)
    total: Bilan | None = None

    @property
    def nb_ecarts(self) -> int:
        return sum(a.nb_ecarts for a in self.annees)

    def cotes(self) -> Iterator[tuple[GroupeRapproche, LigneRapprochee, Cote]]:
        """Every cell of every fiche."""
        for annee in self.annees:
            for groupe in annee.groupes:
                for ligne in groupe.lignes:
                    for cote in ligne.cotes:
                        yield groupe, ligne, cote


def build_rapprochement(convention: Convention) -> Rapprochement | None:
    """Compare both recaps, in a fixed number of queries; None when the annex has no recap of its own."""
    dossier = DossierFinancier(convention)
    if not dossier.has_recap:
        return None
    colonnes = list_colonnes(dossier)
    annees = [
        _build_annee(dossier, annee, colonnes)
        for annee in sorted({*dossier.annees, *(a for r in dossier.recap_fiches.values() for a in r.annees)})
    ]
    rapprochement = Rapprochement(convention, annees, colonnes)
    rapprochement.par_financeur = [_sum_colonne(rapprochement, colonne, nom) for colonne, nom in colonnes if colonne != TOTAL]
    racines = {axe.pk: axe for axe in dossier.racines.values()}
    rapprochement.par_axe = [_sum_axe(rapprochement, racines[pk]) for pk in dict.fromkeys(g.axe.pk for a in annees for g in a.groupes)]
    rapprochement.total = _sum_colonne(rapprochement, TOTAL, "Total")
    return rapprochement


def list_colonnes(dossier: DossierFinancier) -> list[tuple[Colonne, str]]:
    """Financeurs with a printed column or that are parties, the others together, the total."""
    declarees = set(dossier.colonnes_declarees)
    propres: list[tuple[Colonne, str]] = [(f.id, f.nom) for f in dossier.financeurs if f.id in declarees or f.is_partie]
    autres = [f for f in dossier.financeurs if f.id not in {c for c, _ in propres}]
    if any(ligne.get(None, f.id).montant for f in autres for ligne in dossier.lignes.values()):
        propres.append((AUTRES, "Autres"))
    return [*propres, (TOTAL, "Total")]


def _build_annee(dossier: DossierFinancier, annee: int, colonnes: list[tuple[Colonne, str]]) -> AnneeRapprochee:
    propres = {c for c, _ in colonnes}
    par_axe: dict[int, list[LigneRapprochee]] = {}
    axes: dict[int, Axe] = {}
    for fiche in dossier.fiches:
        rangee, ligne = dossier.recap_fiches.get(fiche.pk), dossier.lignes[fiche.pk]
        total = ligne.total(annee)
        cotes = []
        for colonne, nom in colonnes:
            if colonne == AUTRES:
                declare = None
                restes = [ligne.get(annee, f.id).montant for f in dossier.financeurs if f.id not in propres]
                connus = [m for m in restes if m is not None]
                calcule = sum(connus, ZERO) if connus else None
            else:
                declare = rangee.get(annee, colonne) if rangee else None
                calcule = ligne.get(annee, colonne).montant
            seul = colonne == TOTAL and total.montant is None
            mots_declares = rangee.cellules[annee, colonne].mention if rangee and (annee, colonne) in rangee.cellules else ""
            cotes.append(Cote(annee, colonne, nom, declare, calcule, mots_declares, ", ".join(total.reserves) if seul else ""))
        axe = dossier.racines[fiche.pk]
        axes[axe.pk] = axe
        rapprochee = LigneRapprochee(fiche.nom_court, cotes, fiche)
        if rapprochee.differe:
            rapprochee.refus_tableau = explain_refus(dossier, fiche, annee)
        par_axe.setdefault(axe.pk, []).append(rapprochee)
    groupes = [
        GroupeRapproche(axes[pk], lignes, _sum(f"Total {axes[pk].titre}", annee, lignes, colonnes)) for pk, lignes in par_axe.items()
    ]
    return AnneeRapprochee(annee, groupes, _sum(f"Total {annee}", annee, [li for g in groupes for li in g.lignes], colonnes))


def _sum(titre: str, annee: int, lignes: list[LigneRapprochee], colonnes: list[tuple[Colonne, str]]) -> LigneRapprochee:
    """Sum of the rows on each side: the printed subtotals have their own control."""
    cotes = []
    for rang, (colonne, nom) in enumerate(colonnes):
        cellules = [ligne.cotes[rang] for ligne in lignes]
        declares = [c.declare for c in cellules if c.declare is not None]
        calcules = [c.calcule for c in cellules if c.calcule is not None]
        cotes.append(Cote(annee, colonne, nom, sum(declares, ZERO) if declares else None, sum(calcules, ZERO) if calcules else None))
    return LigneRapprochee(titre, cotes)


def _sum_colonne(rapprochement: Rapprochement, colonne: Colonne, nom: str) -> Bilan:
    cotes = [c for a in rapprochement.annees for c in a.somme.cotes if c.colonne == colonne]
    return Bilan(
        nom, [c.ecart for c in cotes], sum((c.declare or ZERO for c in cotes), ZERO), sum((c.calcule or ZERO for c in cotes), ZERO)
    )


def _sum_axe(rapprochement: Rapprochement, axe: Axe) -> Bilan:
    cotes = [g.somme.cotes[-1] for a in rapprochement.annees for g in a.groupes if g.axe.pk == axe.pk]
    return Bilan(
        axe.titre, [c.ecart for c in cotes], sum((c.declare or ZERO for c in cotes), ZERO), sum((c.calcule or ZERO for c in cotes), ZERO)
    )
