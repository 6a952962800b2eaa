"""The one source of every figure of a bilan: planned, done, gap and rate by line, fiche, axe, nature, financeur and for the year.

Page, PDF, spreadsheet, JSON and payments read a `Synthese`, built in a number of queries that does not grow with the fiches.
Amounts are Decimal euros of two places; what nobody knows is None.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any

from django.db.models import Sum
from djmoney.money import Money

from conventions.formules import FormuleSolde
from conventions.models import Partie
from financement.bilans.formules import Action, Mesure, Taux, rate_action, rate_depenses, rate_objectifs
from financement.bilans.modeles import Bilan, FicheBilan, LigneBilan, MesureBilan, PartBilan
from financement.bilans.suites import Realisation
from financement.cofinancements import NON_REPARTI
from socle.montants import ZERO, round_cents, split_total


@dataclass
class Compte:
    """A planned figure beside what was done: euros, days, or anything that sums. Both may be unknown."""

    prevu: Decimal | None = None
    realise: Decimal | None = None

    @property
    def ecart(self) -> Decimal | None:
        """Done less planned; what was done without plan is a gap of its own. None while what was done is unknown."""
        return None if self.realise is None else self.realise - (self.prevu or ZERO)

    @property
    def taux(self) -> Fraction | None:
        """Done over planned, exact; None when nothing was planned or what was done is unknown."""
        return Fraction(self.realise) / Fraction(self.prevu) if self.prevu and self.realise is not None else None

    @property
    def pourcent(self) -> Decimal | None:
        """The rate in %, to one decimal, for reading only."""
        return show_pourcent(self.taux)

    @property
    def reste(self) -> Decimal | None:
        """Planned and not done, never below zero; None when nothing was planned."""
        return None if self.prevu is None else max(ZERO, self.prevu - (self.realise or ZERO))

    @property
    def depasse(self) -> bool:
        """More was done than planned."""
        return self.realise is not None and self.realise > (self.prevu or ZERO)

    def add(self, autre: "Compte") -> None:
        """Add another: unknown plus known is the known."""
        if autre.prevu is not None:
            self.prevu = (self.prevu or ZERO) + autre.prevu
        if autre.realise is not None:
            self.realise = (self.realise or ZERO) + autre.realise


def show_pourcent(taux: Fraction | None, decimales: int = 1) -> Decimal | None:
    """A rate in %, rounded for reading; computations keep the fraction."""
    if taux is None:
        return None
    exposant = Decimal(1).scaleb(-decimales)
    return Decimal(int(abs(taux) * 100 / Fraction(exposant) + Fraction(1, 2))) * exposant * (-1 if taux < 0 else 1)


def sum_comptes(comptes: Iterable[Compte]) -> Compte:
    """Sum several."""
    somme = Compte()
    for compte in comptes:
        somme.add(compte)
    return somme


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
        if self.objet.jours is not None:
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
        return prevue or mesuree or bool(self.euros.realise) or bool(self.objet.etat)

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
            manques.append(f"réalisé de {', '.join(attendues)}")
        if self.objet.etat and self.objet.etat != FicheBilan.Etat.REALISEE and not self.objet.difficultes.strip():
            manques.append(f"pourquoi l’action est {self.objet.get_etat_display().lower()}")
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

    def find(self, pk: int) -> FicheSuivie | None:
        return next((f for f in self.fiches if f.objet.pk == pk), None)

    def list_manques(self) -> list[tuple[FicheSuivie, list[str]]]:
        """What is missing before it can be sent, by fiche."""
        return [(f, manques) for f in self.fiches if (manques := f.list_manques())]


Typees = dict[tuple[type, int], dict[str, Any]]


def compute_synthese(bilan: Bilan, typees: Typees | None = None) -> Synthese:
    """Count one bilan; with `typees` as it would be with these columns, by table and row, without writing."""
    return compute_syntheses([bilan], typees)[0]


def compute_syntheses(bilans: Sequence[Bilan], typees: Typees | None = None) -> list[Synthese]:
    """Count several bilans, of one agreement or of many, in a fixed number of queries."""
    typees = typees or {}
    fiches: dict[int, list[FicheBilan]] = defaultdict(list)
    rows = FicheBilan.objects.filter(bilan__in=bilans).order_by("bilan", "ordre", "pk")
    par_pk = {b.pk: b for b in bilans}
    for fiche in rows:
        fiche.bilan = par_pk[fiche.bilan_id]
        _type(fiche, typees)
        fiches[fiche.bilan_id].append(fiche)
    lignes, parts, mesures = defaultdict(list), defaultdict(list), defaultdict(list)
    for ligne in LigneBilan.objects.filter(fiche__bilan__in=bilans).select_related("nature").order_by("ordre", "pk"):
        _type(ligne, typees)
        lignes[ligne.fiche_id].append(ligne)
    for part in PartBilan.objects.filter(fiche__bilan__in=bilans).select_related("financeur").order_by("ordre", "pk"):
        _type(part, typees)
        parts[part.fiche_id].append(part)
    for mesure in MesureBilan.objects.filter(fiche__bilan__in=bilans).order_by("ordre", "pk"):
        mesures[mesure.fiche_id].append(mesure)
    carnets, avant, noms = _read_carnets(bilans), _read_precedents(bilans), _name_financeurs(bilans)
    syntheses = []
    for bilan in bilans:
        axes: dict[tuple[str, str], AxeSuivi] = {}
        for fiche in fiches[bilan.pk]:
            axe = axes.setdefault((fiche.axe_code, fiche.axe_titre), AxeSuivi(fiche.axe_code, fiche.axe_titre))
            carnet = carnets.get((bilan.convention_id, bilan.annee, fiche.fiche_id), {})
            suivies = [_follow(fiche, ligne, carnet, avant.get((bilan.pk, fiche.fiche_id), {})) for ligne in lignes[fiche.pk]]
            connues = {(li.nature_id, li.libelle) for li in lignes[fiche.pk]}
            hors = sum((montant for cle, (montant, _) in carnet.items() if cle not in connues), ZERO)
            realise = sum_comptes(li.euros for li in suivies).realise
            partagees = share_parts(parts[fiche.pk], realise, noms[bilan.convention_id])
            axe.fiches.append(FicheSuivie(fiche, suivies, partagees, [MesureSuivie(m) for m in mesures[fiche.pk]], hors))
        syntheses.append(Synthese(bilan, list(axes.values())))
    return syntheses


def _type(row: Any, typees: Typees) -> None:
    """Put what is being typed in a row, in memory."""
    for champ, valeur in typees.get((type(row), row.pk), {}).items():
        setattr(row, champ, valeur)


Carnet = dict[tuple[int, str], tuple[Decimal, Decimal | None]]


def _follow(fiche: FicheBilan, ligne: LigneBilan, carnet: Carnet, avant: dict[tuple[int, str], Decimal]) -> LigneSuivie:
    """What was done on a line: as typed, else from the days typed, else from the carnet, else nothing for an action not made."""
    ligne.fiche = fiche
    cle = (ligne.nature_id, ligne.libelle)
    carnet_montant, carnet_jours = carnet.get(cle, (None, None))
    sans_depense = fiche.etat in FicheBilan.SANS_DEPENSE
    jours = ligne.jours if ligne.jours is not None else carnet_jours
    if ligne.montant is not None:
        realise: Decimal | None = ligne.montant.amount
    elif ligne.jours is not None and ligne.tarif is not None:
        realise = round_cents(ligne.jours * ligne.tarif.amount)
    elif carnet_montant is not None:
        realise = carnet_montant
    else:
        realise = ZERO if sans_depense else None
    if jours is None and sans_depense and ligne.prevu_jours is not None:
        jours = Decimal(0)
    return LigneSuivie(
        ligne,
        Compte(_amount(ligne.prevu), realise),
        Compte(ligne.prevu_jours, jours),
        carnet_montant,
        carnet_jours,
        avant.get(cle),
        sans_depense,
    )


def share_parts(parts: Sequence[PartBilan], realise: Decimal | None, noms: dict[int | None, tuple[int, str]]) -> list[PartSuivie]:
    """Who paid what was done: as typed; what is left follows the plan's shares of the others. Parts sum to what was done.

    What exceeds it is a negative « non réparti », shown and never hidden.
    """
    suivies: list[PartSuivie] = []
    for part in parts:
        rang, nom = noms.get(part.financeur_id) or (90 + len(suivies), part.financeur.sigle if part.financeur else NON_REPARTI)
        suivies.append(PartSuivie(part.financeur_id, nom, rang, Compte(_amount(part.prevu), _amount(part.montant)), part))
    if realise is None:
        return suivies
    reste = realise - sum((p.compte.realise or ZERO for p in suivies), ZERO)
    libres = [p for p in suivies if p.compte.realise is None]
    poids = [max(ZERO, p.compte.prevu or ZERO) for p in libres]
    if reste >= 0 and any(poids):
        for libre, montant in zip(libres, split_total(reste, poids), strict=True):
            libre.compte.realise = montant
        return suivies
    for libre in libres:
        libre.compte.realise = ZERO
    if reste:
        orphelin = next((p for p in suivies if p.cle is None), None)
        if orphelin is None:
            suivies.append(orphelin := PartSuivie(None, NON_REPARTI, 99, Compte(None, ZERO)))
        orphelin.compte.realise = (orphelin.compte.realise or ZERO) + reste
    return suivies


def _amount(montant: Money | None) -> Decimal | None:
    return None if montant is None else montant.amount


def _read_carnets(bilans: Sequence[Bilan]) -> dict[tuple[int, int, int | None], Carnet]:
    """Sums of the carnet by agreement, year and fiche, then by nature and libellé."""
    sommes: dict[tuple[int, int, int | None], Carnet] = defaultdict(dict)
    rows = (
        Realisation.objects.filter(
            convention__in={b.convention_id for b in bilans}, date__year__in={b.annee for b in bilans}, retiree_le=None
        )
        .order_by()
        .values("convention", "date__year", "fiche", "nature", "libelle")
        .annotate(euros=Sum("montant"), jours_=Sum("jours"))
    )
    for r in rows:
        jours = None if r["jours_"] is None else round_cents(r["jours_"])
        sommes[r["convention"], r["date__year"], r["fiche"]][r["nature"], r["libelle"]] = (round_cents(r["euros"]), jours)
    return sommes


def _read_precedents(bilans: Sequence[Bilan]) -> dict[tuple[int, int | None], dict[tuple[int, str], Decimal]]:
    """What was typed the year before, by bilan and fiche."""
    suivants = {(b.convention_id, b.annee - 1): b.pk for b in bilans}
    if not suivants:
        return {}
    rows = LigneBilan.objects.filter(
        fiche__bilan__convention__in={c for c, _ in suivants}, fiche__bilan__annee__in={a for _, a in suivants}, montant__isnull=False
    ).values_list("fiche__bilan__convention", "fiche__bilan__annee", "fiche__fiche", "nature", "libelle", "montant")
    precedents: dict[tuple[int, int | None], dict[tuple[int, str], Decimal]] = defaultdict(dict)
    for convention, annee, fiche, nature, libelle, montant in rows:
        if (convention, annee) in suivants:
            precedents[suivants[convention, annee], fiche][nature, libelle] = round_cents(montant)
    return precedents


def _name_financeurs(bilans: Sequence[Bilan]) -> dict[int, dict[int | None, tuple[int, str]]]:
    """Rank and short name of the parties of each agreement."""
    noms: dict[int, dict[int | None, tuple[int, str]]] = defaultdict(dict)
    for partie in Partie.objects.filter(convention__in={b.convention_id for b in bilans}).order_by("convention", "ordre", "pk"):
        connus = noms[partie.convention_id]
        connus.setdefault(partie.organisation_id, (len(connus) + 1, partie.nom_court))
    return noms
