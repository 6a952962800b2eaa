"""Everything the rules read, loaded once for a convention in a fixed number of queries; and the names of its places."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from django.urls import reverse

from conventions.axes import ArbreAxes
from conventions.models import Axe, MontantDeclare
from fiches.controles.dossier import DossierFiches
from fiches.models import FicheAction
from financement.cofinancements import CoFinancement
from financement.couts import LigneCout, TotalDeclare
from financement.recap_declare import MontantRecapDeclare
from financement.recapitulatif import TOTAL, Financeur, Ligne
from financement.repartition import Cout, Part, find_portee
from financement.syntheses import compute_ligne, list_financeurs, read_by_fiche, to_part
from financement.versements import Versement
from socle.controles import Lieu
from socle.montants import ZERO

Colonne = int | str | None


@dataclass
class RangeeDeclaree:
    """A printed row of the recap: its cells by year (None: whole period) and column."""

    cellules: dict[tuple[int | None, Colonne], MontantRecapDeclare] = field(default_factory=dict)

    def get(self, annee: int | None, colonne: Colonne) -> Decimal | None:
        cellule = self.cellules.get((annee, colonne))
        return cellule.montant.amount if cellule and cellule.montant is not None else None

    def read(self, annee: int | None, colonne: Colonne) -> Decimal | None:
        """The amount of a year, or of the whole period when no column says it: the sum of the years."""
        if annee is not None or (None, colonne) in self.cellules:
            return self.get(annee, colonne)
        montants = [m for a in self.annees if (m := self.get(a, colonne)) is not None]
        return sum(montants, ZERO) if montants else None

    @property
    def mention(self) -> str:
        return next((c.mention for c in self.cellules.values() if c.mention), "")

    @property
    def annees(self) -> list[int]:
        return sorted({annee for annee, _ in self.cellules if annee is not None})


class DossierFinancier(DossierFiches):
    """The convention, its sheets and its money."""

    @cached_property
    def _argent(self) -> tuple[dict[int, list[LigneCout]], dict[int, list[CoFinancement]]]:
        return read_by_fiche([f.pk for f in self.fiches])

    def couts_of(self, fiche: FicheAction) -> list[LigneCout]:
        return self._argent[0][fiche.pk]

    def parts_of(self, fiche: FicheAction) -> list[CoFinancement]:
        return self._argent[1][fiche.pk]

    def chiffres_of(self, fiche: FicheAction) -> tuple[list[Cout], list[Part]]:
        """Known costs and shares in their plain form."""
        couts = [Cout(c.nature_id, c.annee, c.montant.amount) for c in self.couts_of(fiche) if c.montant is not None]
        return couts, [to_part(p) for p in self.parts_of(fiche)]

    @cached_property
    def lignes(self) -> dict[int, Ligne]:
        """The computed row of each fiche."""
        return {f.pk: compute_ligne(f, self.couts_of(f), self.parts_of(f)) for f in self.fiches}

    def part_exacte(self, fiche: FicheAction, annee: int | None, colonne: Colonne) -> Decimal | None:
        """What the rates give a financeur of a fiche before any rounding; None where an amount decides, or for a total."""
        couts, plates = self.chiffres_of(fiche)
        somme = ZERO
        for cout in couts:
            if annee is not None and cout.annee != annee:
                continue
            portee = find_portee(cout.nature, cout.annee, plates)
            siennes = [p for p in plates if (p.nature, p.annee) == portee]
            if colonne == TOTAL or any(p.montant is not None for p in siennes):
                return None
            somme += sum((cout.montant * (p.taux or ZERO) / 100 for p in siennes if p.financeur == colonne), ZERO)
        return somme

    def total_of(self, fiche: FicheAction, annee: int | None = None) -> Decimal:
        """Known cost of a fiche, of a year or of all."""
        return self.lignes[fiche.pk].total(annee).montant or ZERO

    def annees_de_cout(self, fiche: FicheAction) -> set[int]:
        """Years with something to pay, known or not; a zero is none."""
        return {c.annee for c in self.couts_of(fiche) if c.montant is None or c.montant.amount}

    @cached_property
    def annees(self) -> list[int]:
        """Years of the budget and of the costs."""
        return sorted({*self.convention.annees, *(a for f in self.fiches for a in self.annees_de_cout(f))})

    @cached_property
    def totaux_declares(self) -> dict[int, list[TotalDeclare]]:
        totaux: dict[int, list[TotalDeclare]] = defaultdict(list)
        for total in TotalDeclare.objects.filter(fiche__in=self.fiches):
            totaux[total.fiche_id].append(total)
        return totaux

    @cached_property
    def _declare(self) -> tuple[dict[int, RangeeDeclaree], dict[int, RangeeDeclaree], RangeeDeclaree]:
        fiches: dict[int, RangeeDeclaree] = defaultdict(RangeeDeclaree)
        axes: dict[int, RangeeDeclaree] = defaultdict(RangeeDeclaree)
        total = RangeeDeclaree()
        for cellule in MontantRecapDeclare.objects.filter(convention=self.convention).select_related("financeur"):
            rangee = fiches[cellule.fiche_id] if cellule.fiche_id else axes[cellule.axe_id] if cellule.axe_id else total
            rangee.cellules[cellule.annee, cellule.financeur_id or TOTAL] = cellule
        return dict(fiches), dict(axes), total

    @property
    def recap_fiches(self) -> dict[int, RangeeDeclaree]:
        """Printed rows of the fiches, those of the corbeille included."""
        return self._declare[0]

    @property
    def recap_axes(self) -> dict[int, RangeeDeclaree]:
        return self._declare[1]

    @property
    def recap_total(self) -> RangeeDeclaree:
        return self._declare[2]

    @property
    def has_recap(self) -> bool:
        return any([self.recap_fiches, self.recap_axes, self.recap_total.cellules])

    @cached_property
    def colonnes_declarees(self) -> list[int]:
        """Financeurs that have a column in the printed recap, in the order they appear."""
        rangees = [*self.recap_fiches.values(), *self.recap_axes.values(), self.recap_total]
        vues = {colonne for r in rangees for _, colonne in r.cellules if isinstance(colonne, int)}
        ordre = [f.id for f in self.financeurs]
        return sorted(vues, key=lambda c: ordre.index(c) if c in ordre else len(ordre))

    @cached_property
    def racines(self) -> dict[int, Axe]:
        """Root axe of each fiche."""
        par_axe = ArbreAxes.build(self.axes).racine_by_axe()
        return {f.pk: par_axe[f.axe_id] for f in self.fiches}

    @cached_property
    def financeurs(self) -> list[Financeur]:
        organisations = [p.financeur for f in self.fiches for p in self.parts_of(f) if p.financeur]
        return list_financeurs(self.convention, [*organisations, *(c.financeur for c in self._colonnes() if c.financeur)])

    def _colonnes(self) -> list[MontantRecapDeclare]:
        rangees = [*self.recap_fiches.values(), *self.recap_axes.values(), self.recap_total]
        return [c for r in rangees for c in r.cellules.values()]

    def name_colonne(self, colonne: Colonne) -> str:
        """« Métropole », « FSE », « Total »."""
        if colonne == TOTAL:
            return "Total"
        return next((f.nom for f in self.financeurs if f.id == colonne), "")

    @cached_property
    def versements(self) -> list[Versement]:
        return list(self.convention.versements.select_related("payeur", "beneficiaire"))

    def calcule_of(self, financeur_id: int | None) -> Decimal:
        """What a financeur pays by the fiches, over the period."""
        return sum((ligne.get(None, financeur_id).montant or ZERO for ligne in self.lignes.values()), ZERO)

    def declare_of(self, financeur_id: int) -> Decimal | None:
        """What the printed recap totals for a financeur: its total row, else the sum of its rows; None when it has no such column."""
        if financeur_id not in self.colonnes_declarees:
            return None
        if any(c == financeur_id for _, c in self.recap_total.cellules):
            return self.recap_total.read(None, financeur_id)
        return sum((r.read(None, financeur_id) or ZERO for r in self.recap_fiches.values()), ZERO)

    @cached_property
    def participations(self) -> list[MontantDeclare]:
        """Participations the text states, with their amount."""
        participation = MontantDeclare.Objet.PARTICIPATION
        return [m for m in self.montants_declares if m.objet == participation and m.montant is not None and m.financeur_id]

    def place_recap(self, nom: str, valeur: str, detail: str = "", declare: bool = True) -> Lieu:
        """A place of the recap, printed or computed; both are looked at and corrected on the page that compares them."""
        adresse = reverse("rapprochement", args=[self.convention.reference])
        budget = reverse("budget", args=[self.convention.reference]) + ("?source=declare" if declare else "")
        return Lieu(nom, valeur, detail, budget, adresse)

    def place_rangee(self, fiche: FicheAction, annee: int | None, colonne: Colonne, valeur: str, detail: str = "") -> Lieu:
        """One printed cell of a fiche."""
        nom = ", ".join(filter(None, ["Annexe", fiche.code, str(annee or "période"), self.name_colonne(colonne)]))
        adresse = f"{reverse('rapprochement', args=[self.convention.reference])}#ligne-{fiche.slug}"
        budget = f"{reverse('budget', args=[self.convention.reference])}?source=declare#ligne-{fiche.slug}"
        return Lieu(nom, valeur, detail, budget, adresse)
