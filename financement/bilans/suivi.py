"""A bilan counted: its lines, parts, indicators, actions, axes, and the year, as pages and documents read them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from conventions.formules import FormuleSolde
from financement.bilans.comptes import Compte, show_pourcent, sum_comptes
from financement.bilans.formules import Action, Mesure, Taux, rate_action, rate_depenses, rate_objectifs
from financement.bilans.modeles import Bilan, FicheBilan, LigneBilan, MesureBilan, PartBilan
from socle.montants import ZERO
from socle.typographie import format_euros


@dataclass
class LigneSuivie:
    """A line: its euros and its days, what the carnet holds, what was done the year before."""

    objet: LigneBilan
    euros: Compte
    jours: Compte
    carnet: Decimal | None = None
    carnet_jours: Decimal | None = None
    precedent: Decimal | None = None
    sans_depense: bool = False  # the action was put off or given up: nothing typed is nothing spent

    @property
    def cle(self) -> str:
        """Its number, as text, for named places of a page."""
        return str(self.objet.pk)

    @property
    def is_saisie(self) -> bool:
        """Somebody typed it; else it comes from days, from the carnet, or is unknown."""
        return self.objet.montant is not None

    @property
    def source(self) -> str:
        """Where an amount that nobody typed comes from, in words."""
        if self.objet.montant is not None or self.euros.realise is None:
            return ""
        if self.objet.jours is not None and self.objet.tarif is not None:
            return "jours × tarif"
        return "carnet" if self.carnet is not None else self.objet.fiche.get_etat_display().lower()

    @property
    def is_attendue(self) -> bool:
        """Planned, and nothing says yet what was done."""
        return self.objet.au_plan and self.euros.realise is None


@dataclass
class PartSuivie:
    """One financeur: what it planned and what it paid, typed or shared like the plan."""

    cle: int | None
    nom: str
    rang: int
    compte: Compte
    objet: PartBilan | None = None

    @property
    def rang_couleur(self) -> int:
        return 6 if self.cle is None else min(self.rang, 5)

    @property
    def is_saisie(self) -> bool:
        return self.objet is not None and self.objet.montant is not None


@dataclass
class MesureSuivie:
    """An indicator of the year."""

    objet: MesureBilan

    @property
    def taux(self) -> Fraction | None:
        """Reached over target, not capped; None without target or value."""
        cible, valeur = self.objet.cible, self.objet.valeur
        return Fraction(valeur) / Fraction(cible) if cible and valeur is not None else None

    @property
    def pourcent(self) -> Decimal | None:
        return show_pourcent(self.taux, 0)

    @property
    def appreciation(self) -> str:
        """saisir, expliquer, manque, atteint, depasse, or mesure when it has no target."""
        cible, valeur = self.objet.cible, self.objet.valeur
        if valeur is None:
            return "saisir" if cible is not None else "sans"
        if cible is None:
            return "mesure"
        if valeur < cible:
            return "manque" if self.objet.explication.strip() else "expliquer"
        return "depasse" if valeur > cible else "atteint"


@dataclass
class FicheSuivie:
    """One action of the year."""

    objet: FicheBilan
    lignes: list[LigneSuivie]
    parts: list[PartSuivie]
    mesures: list[MesureSuivie]
    carnet_hors_lignes: Decimal = ZERO

    @property
    def cle(self) -> str:
        """Its number, as text, for named places of a page."""
        return str(self.objet.pk)

    @cached_property
    def euros(self) -> Compte:
        return sum_comptes(ligne.euros for ligne in self.lignes)

    @cached_property
    def jours(self) -> Compte:
        return sum_comptes(ligne.jours for ligne in self.lignes)

    @property
    def precedent(self) -> Decimal | None:
        connus = [ligne.precedent for ligne in self.lignes if ligne.precedent is not None]
        return sum(connus, ZERO) if connus else None

    def paid_by(self, financeurs: "Sequence[PartSuivie]") -> list[Decimal | None]:
        """What each of these financeurs paid for it; None where it has no part."""
        parts = {p.cle: p.compte.realise for p in self.parts}
        return [parts.get(f.cle) for f in financeurs]

    @property
    def is_active(self) -> bool:
        """Something is planned, measured or done this year: it is to be reported."""
        prevue = any(li.objet.au_plan and (li.objet.prevu is None or li.objet.prevu.amount) for li in self.lignes)
        mesuree = any(m.objet.cible is not None or m.objet.valeur is not None for m in self.mesures)
        return prevue or mesuree or bool(self.euros.realise) or bool(self.objet.etat) or bool(self.carnet_hors_lignes)

    @property
    def retenu(self) -> Decimal:
        """Expenses of the lines that the plan gives an amount to: what the solde is computed from."""
        return sum((li.euros.realise or ZERO for li in self.lignes if li.euros.prevu is not None), ZERO)

    @property
    def hors_plan(self) -> Decimal:
        """Expenses that the plan did not give an amount to."""
        return (self.euros.realise or ZERO) - self.retenu

    def to_action(self) -> Action:
        """What the formulas look at."""
        mesures = tuple(Mesure(m.objet.cible, m.objet.valeur) for m in self.mesures if m.objet.cible is not None)
        return Action(self.objet.code, self.euros.prevu or ZERO, self.objet.etat, mesures)

    @property
    def objectifs(self) -> Decimal | None:
        """Rate of its objectives, in %; None while nothing says how far it went."""
        action = self.to_action()
        return show_pourcent(rate_action(action), 0) if action.etat or any(m.valeur is not None for m in action.mesures) else None

    def list_manques(self) -> list[str]:
        """What is missing before it can be sent, in words."""
        if not self.is_active:
            return []
        manques = [] if self.objet.etat else ["dites si l’action est réalisée"]
        attendues = [li.objet.intitule for li in self.lignes if li.is_attendue and li.euros.prevu is not None]
        if attendues:
            manques.append(
                f"réalisé de la ligne « {attendues[0]} »" if len(attendues) == 1 else f"réalisé des lignes « {' », « '.join(attendues)} »"
            )
        if self.objet.etat and self.objet.etat != FicheBilan.Etat.REALISEE and not self.objet.difficultes.strip():
            manques.append(f"pourquoi l’action est {self.objet.get_etat_display().lower()}")
        if self.carnet_hors_lignes:
            manques.append(f"le carnet porte {format_euros(self.carnet_hors_lignes)} sur une dépense absente de la fiche : ajoutez-la")
        manques += [f"indicateur « {m.objet.libelle} »" for m in self.mesures if m.appreciation == "saisir"]
        return manques


@dataclass
class AxeSuivi:
    """The actions of one axe and their sums."""

    code: str
    titre: str
    fiches: list[FicheSuivie] = field(default_factory=list)

    @cached_property
    def euros(self) -> Compte:
        return sum_comptes(f.euros for f in self.fiches)

    @cached_property
    def jours(self) -> Compte:
        return sum_comptes(f.jours for f in self.fiches)

    @property
    def nb_actives(self) -> int:
        return sum(f.is_active for f in self.fiches)

    @property
    def objectifs(self) -> Decimal | None:
        return show_pourcent(rate_objectifs([f.to_action() for f in self.fiches if f.is_active]), 0)


@dataclass
class Synthese:
    """One bilan, counted."""

    bilan: Bilan
    axes: list[AxeSuivi]

    @cached_property
    def fiches(self) -> list[FicheSuivie]:
        return [f for axe in self.axes for f in axe.fiches]

    @property
    def actives(self) -> list[FicheSuivie]:
        return [f for f in self.fiches if f.is_active]

    @cached_property
    def euros(self) -> Compte:
        return sum_comptes(a.euros for a in self.axes)

    @cached_property
    def jours(self) -> Compte:
        return sum_comptes(a.jours for a in self.axes)

    @cached_property
    def natures(self) -> list[tuple[str, Compte]]:
        """Euros by nature of expense, in the order of the natures."""
        par_nature: dict[tuple[int, str], Compte] = defaultdict(Compte)
        for ligne in self.lignes:
            par_nature[ligne.objet.nature.ordre, ligne.objet.nature.nom].add(ligne.euros)
        return [(nom, compte) for (_, nom), compte in sorted(par_nature.items()) if compte.prevu or compte.realise]

    @property
    def lignes(self) -> list[LigneSuivie]:
        return [li for f in self.fiches for li in f.lignes]

    @property
    def mesures(self) -> list[tuple[FicheSuivie, MesureSuivie]]:
        return [(f, m) for f in self.fiches for m in f.mesures]

    @cached_property
    def financeurs(self) -> list[PartSuivie]:
        """Each financeur over all the actions, parties first."""
        par_cle: dict[int | None, PartSuivie] = {}
        for part in (p for f in self.fiches for p in f.parts):
            somme = par_cle.setdefault(part.cle, PartSuivie(part.cle, part.nom, part.rang, Compte()))
            somme.compte.add(part.compte)
        return sorted(par_cle.values(), key=lambda p: (p.cle is None, p.rang))

    def part_of(self, organisation: int | None) -> Compte:
        """Planned and paid by one organisation."""
        return next((p.compte for p in self.financeurs if p.cle == organisation), Compte())

    @property
    def retenu(self) -> Decimal:
        return sum((f.retenu for f in self.fiches), ZERO)

    @property
    def hors_plan(self) -> Decimal:
        return sum((f.hors_plan for f in self.fiches), ZERO)

    @property
    def taux(self) -> Taux:
        """The rate that the solde follows."""
        depenses = rate_depenses(self.retenu, self.euros.prevu)
        return Taux(FormuleSolde(self.bilan.formule), depenses, rate_objectifs([f.to_action() for f in self.actives]))

    @property
    def objectifs(self) -> Decimal | None:
        """Rate of the objectives of the year, in %."""
        return show_pourcent(rate_objectifs([f.to_action() for f in self.actives]), 0)

    @property
    def nb_inconnues(self) -> int:
        """Planned expenses that nobody has told yet: the totals leave them out."""
        return sum(li.is_attendue and li.euros.prevu is not None for li in self.lignes)

    def find(self, pk: int) -> FicheSuivie | None:
        return next((f for f in self.fiches if f.objet.pk == pk), None)

    def list_manques(self) -> list[tuple[FicheSuivie, list[str]]]:
        """What is missing before it can be sent, by fiche."""
        return [(f, manques) for f in self.fiches if (manques := f.list_manques())]
