"""The bilans of an agreement side by side: year after year, by axe, by fiche, by financeur; what is left to do."""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property

from conventions.consolidation import find_consolidee
from conventions.models import Convention
from financement.bilans.calculs import compute_syntheses
from financement.bilans.comptes import Compte
from financement.bilans.modeles import Bilan
from financement.bilans.suivi import Synthese
from financement.recapitulatif import TOTAL
from financement.syntheses import compute_recapitulatif


@dataclass
class Croisee:
    """A row over the years: an axe, a fiche, a financeur."""

    nom: str
    code: str = ""
    par_annee: dict[int, Compte] = field(default_factory=lambda: defaultdict(Compte))

    @property
    def ensemble(self) -> Compte:
        somme = Compte()
        for compte in self.par_annee.values():
            somme.add(compte)
        return somme

    def list_annees(self, annees: list[int]) -> list[Compte]:
        return [self.par_annee.get(a, Compte()) for a in annees]


@dataclass
class Pluriannuel:
    """All the years. A year without bilan has its plan and nothing done."""

    convention: Convention
    annees: list[int]
    syntheses: dict[int, Synthese]
    axes: list[Croisee]
    fiches: list[Croisee]
    financeurs: list[Croisee]
    total: Croisee

    @property
    def sans_bilan(self) -> list[int]:
        return [a for a in self.annees if a not in self.syntheses]

    @property
    def non_acceptes(self) -> list[int]:
        return [a for a, s in self.syntheses.items() if not s.bilan.is_accepte]

    @cached_property
    def bilans(self) -> list[Bilan]:
        return [s.bilan for s in self.syntheses.values()]

    @property
    def mention(self) -> str:
        return next((b.mention for b in self.bilans if b.mention), "")

    @property
    def lignes(self) -> list[tuple[Croisee, list[Compte]]]:
        return [(f, f.list_annees(self.annees)) for f in self.fiches]


def compute_pluriannuel(base: Convention) -> Pluriannuel:
    """Every bilan of an agreement; years without one show the plan alone. Queries do not grow with the years nor the fiches."""
    plan = find_consolidee(base)
    bilans = list(base.bilans.order_by("annee"))
    for bilan in bilans:
        bilan.convention = base
    syntheses = {s.bilan.annee: s for s in compute_syntheses(bilans)} if bilans else {}
    annees = sorted({*plan.annees, *syntheses})
    axes: dict[str, Croisee] = {}
    fiches: dict[str, Croisee] = {}
    financeurs: dict[str, Croisee] = {}
    total = Croisee("Ensemble")
    if any(a not in syntheses for a in annees):
        recap = compute_recapitulatif(plan)
        for annee in (a for a in annees if a not in syntheses):
            for groupe in recap.groupes:
                axe = axes.setdefault(groupe.axe.titre, Croisee(groupe.axe.titre, groupe.axe.code))
                axe.par_annee[annee].add(Compte(groupe.sous_total.total(annee).montant))
                for ligne in groupe.lignes:
                    if ligne.fiche is not None:
                        fiche = fiches.setdefault(ligne.fiche.code, Croisee(ligne.fiche.nom_court, ligne.fiche.code))
                        fiche.par_annee[annee].add(Compte(ligne.total(annee).montant))
            for financeur in recap.financeurs:
                payeur = financeurs.setdefault(financeur.nom, Croisee(financeur.nom))
                payeur.par_annee[annee].add(Compte(recap.total.get(annee, financeur.id).montant))
            total.par_annee[annee].add(Compte(recap.total.get(annee, TOTAL).montant))
    for annee, s in sorted(syntheses.items()):
        for suivi in s.axes:
            axes.setdefault(suivi.titre, Croisee(suivi.titre, suivi.code)).par_annee[annee].add(suivi.euros)
        for f in s.fiches:
            fiches.setdefault(f.objet.code, Croisee(f.objet.titre, f.objet.code)).par_annee[annee].add(f.euros)
        for part in s.financeurs:
            financeurs.setdefault(part.nom, Croisee(part.nom)).par_annee[annee].add(part.compte)
        total.par_annee[annee].add(s.euros)
    payes = [f for f in financeurs.values() if f.ensemble.prevu or f.ensemble.realise]
    return Pluriannuel(base, annees, syntheses, list(axes.values()), list(fiches.values()), payes, total)
