"""The one source of every figure: recap by fiche, year and financeur, computed or declared.

Page, PDF, spreadsheet and JSON all read a `Recapitulatif`. Building one takes a fixed number of queries,
whatever the number of fiches and lines. Amounts are Decimal euros of two places.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from comptes.models import Organisation
from conventions.axes import ArbreAxes
from conventions.models import Convention
from fiches.models import FicheAction
from financement.cofinancements import NON_REPARTI, CoFinancement
from financement.couts import LigneCout
from financement.recap_declare import MontantRecapDeclare
from financement.recapitulatif import AUTRES, TOTAL, VIDE, Cellule, Financeur, Groupe, Ligne, Recapitulatif
from financement.repartition import Cout, Part, split_costs


def compute_recapitulatif(convention: Convention) -> Recapitulatif:
    """Compute the recap of a convention from the cost lines and shares of its fiches (seven queries)."""
    fiches = list(convention.fiches.with_maitres())
    couts, parts = read_by_fiche([f.pk for f in fiches])
    lignes = {f.pk: compute_ligne(f, couts[f.pk], parts[f.pk]) for f in fiches}
    for fiche in fiches:
        lignes[fiche.pk].rubriques = fiche.list_rubriques(bool(couts[fiche.pk]), bool(parts[fiche.pk]))
    annees = sorted({*convention.annees, *(cout.annee for f in fiches for cout in couts[f.pk])})
    return _assemble(convention, fiches, lignes, annees, [p.financeur for f in fiches for p in parts[f.pk] if p.financeur])


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
        if cellule.fiche_id and cellule.fiche_id not in lignes:
            continue  # a sheet in the corbeille: its row leaves the page, the printed totals stay as printed
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


@dataclass
class TotauxConvention:
    """Totals of one convention for lists: the whole cost, each party's part, each year, and the fiches that are complete."""

    total: Cellule
    par_organisation: dict[int | str | None, Cellule]
    nb_fiches: int
    nb_completes: int
    par_annee: dict[int, Cellule] = field(default_factory=dict)
    realise: dict[int, Cellule] = field(default_factory=dict)  # told by the bilans, where somebody asks

    def part_of(self, organisation_id: int | None) -> Cellule:
        return self.par_organisation.get(organisation_id, VIDE)


def compute_totaux(conventions: Iterable[Convention]) -> dict[int, TotauxConvention]:
    """Totals of several conventions at once, in five queries, by primary key."""
    ids = [c.pk for c in conventions]
    fiches = list(FicheAction.objects.filter(convention__in=ids).with_maitres())
    couts, parts = read_by_fiche([f.pk for f in fiches])
    totaux = {pk: TotauxConvention(Cellule(), defaultdict(Cellule), 0, 0) for pk in ids}
    for fiche in fiches:
        ligne, totaux_convention = compute_ligne(fiche, couts[fiche.pk], parts[fiche.pk]), totaux[fiche.convention_id]
        totaux_convention.total.add(ligne.total())
        for (annee, financeur), cellule in ligne.cellules.items():
            if annee is None and financeur != TOTAL:
                totaux_convention.par_organisation[financeur].add(cellule)
        for annee in ligne.annees_chiffrees:
            totaux_convention.par_annee.setdefault(annee, Cellule()).add(ligne.total(annee))
        totaux_convention.nb_fiches += 1
        rubriques = fiche.list_rubriques(bool(couts[fiche.pk]), bool(parts[fiche.pk]))
        totaux_convention.nb_completes += all(r.remplie for r in rubriques)
    return totaux


def read_by_fiche(fiches: Collection[int]) -> tuple[dict[int, list[LigneCout]], dict[int, list[CoFinancement]]]:
    """Cost lines and shares of many fiches, given by key, with their natures and financeurs: two queries."""
    couts: dict[int, list[LigneCout]] = defaultdict(list)
    parts: dict[int, list[CoFinancement]] = defaultdict(list)
    for cout in LigneCout.objects.filter(fiche__in=fiches).select_related("nature").order_by("fiche", "ordre", "annee", "pk"):
        couts[cout.fiche_id].append(cout)
    for part in CoFinancement.objects.filter(fiche__in=fiches).select_related("financeur", "nature"):
        parts[part.fiche_id].append(part)
    return couts, parts


def get_recapitulatif(convention: Convention, declare: bool = False) -> Recapitulatif:
    """The recap of a convention: as its annex declares it when asked and printed, else computed from the fiches."""
    if declare and has_recapitulatif_declare(convention):
        return read_recapitulatif_declare(convention)
    return compute_recapitulatif(convention)


def has_recapitulatif_declare(convention: Convention) -> bool:
    """Tell whether the annex was printed with a recap of its own."""
    return MontantRecapDeclare.objects.filter(convention=convention).exists()


def _assemble(
    convention: Convention, fiches: list[FicheAction], lignes: dict[int, Ligne], annees: list[int], organisations: Iterable[Organisation]
) -> Recapitulatif:
    """Group rows by root axe, add subtotals and the total, and order the columns."""
    racines = ArbreAxes.of(convention)
    racine_par_axe = racines.racine_by_axe()
    par_racine: dict[int, list[Ligne]] = defaultdict(list)
    for fiche in fiches:
        par_racine[racine_par_axe[fiche.axe_id].pk].append(lignes[fiche.pk])
    groupes = []
    for racine in racines.racines:
        membres = par_racine[racine.axe.pk]
        if membres:
            sous_total = _sum_lignes(membres)
            sous_total.axe = racine.axe
            groupes.append(Groupe(racine.axe, membres, sous_total))
    total = _sum_lignes([groupe.sous_total for groupe in groupes])
    cles = {cle for ligne in lignes.values() for (_, cle), c in ligne.cellules.items() if cle is None and c.montant}
    financeurs = list_financeurs(convention, organisations, bool(cles))
    recap = Recapitulatif(convention, annees, financeurs, groupes, total)
    for ligne in [*lignes.values(), *(g.sous_total for g in groupes), total]:
        _fill_autres(ligne, recap)
    return recap


def list_financeurs(convention: Convention, organisations: Iterable[Organisation], non_reparti: bool = True) -> list[Financeur]:
    """Parties in their order, then the others as they appear, then non réparti."""
    financeurs: dict[int | None, Financeur] = {}
    organisations = list(organisations)
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
    """Tie a row to its recap and gather the financeurs beyond the parties in one column."""
    ligne.recap = recap
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
