"""Tables of one fiche, built once for page, PDF and spreadsheet: costs by nature and year, shares by financeur."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from fiches.models import FicheAction
from financement.cofinancements import NON_REPARTI, CoFinancement
from financement.couts import LigneCout
from financement.recapitulatif import Cellule
from financement.syntheses import compute_ligne, describe_inconnu, list_financeurs
from socle.montants import ZERO


@dataclass
class CelluleCout(Cellule):
    """A cost and the days behind it."""

    jours: Decimal | None = None

    def add_ligne(self, ligne: LigneCout, somme: bool = False) -> None:
        """Add one cost line: known amounts sum, words are kept; a sum keeps only « sur devis » or « à déterminer »."""
        if ligne.montant is not None:
            self.add(Cellule(ligne.montant.amount))
        else:
            self.add(Cellule(None, [describe_inconnu(ligne) if somme else ligne.mention or describe_inconnu(ligne)]))
        if ligne.jours is not None:
            self.jours = (self.jours or ZERO) + ligne.jours


@dataclass
class LigneTableau:
    """A row: its title, a cell a year, and the sum of the years."""

    titre: str
    par_annee: dict[int, CelluleCout]
    ensemble: CelluleCout
    cle: str = ""

    def get_mention_commune(self, annees: Sequence[int]) -> str:
        """Words that stand for every year of the row, to be written once across it."""
        mentions = {self.par_annee[annee].mention if annee in self.par_annee else "" for annee in annees}
        return mentions.pop() if len(mentions) == 1 else ""


@dataclass
class TableauCouts:
    """Natures × years with a total row, as the sheet shows them."""

    annees: list[int]
    lignes: list[LigneTableau]
    total: LigneTableau
    tarif: Decimal | None

    @property
    def is_vide(self) -> bool:
        return not self.lignes

    @property
    def nb_colonnes(self) -> int:
        """Columns of figures, the sum of the years included."""
        return len(self.annees) + 1

    @property
    def rangees(self) -> list[tuple[LigneTableau, str]]:
        """Rows, each with the words that fill it whole, if any."""
        return [(ligne, ligne.get_mention_commune(self.annees)) for ligne in self.lignes]


def build_couts(lignes: Sequence[LigneCout], annees: Sequence[int]) -> TableauCouts:
    """Lay the cost lines of a fiche in a table of natures (with libellé) by years."""
    colonnes = sorted({*annees, *(ligne.annee for ligne in lignes)})
    par_titre: dict[str, dict[int, CelluleCout]] = {}
    cles: dict[str, str] = {}
    total: dict[int, CelluleCout] = defaultdict(CelluleCout)
    for ligne in sorted(lignes, key=lambda li: (li.ordre, li.nature.ordre, li.pk)):
        par_titre.setdefault(ligne.intitule, defaultdict(CelluleCout))[ligne.annee].add_ligne(ligne)
        cles.setdefault(ligne.intitule, f"{ligne.nature_id}.{ligne.libelle}")
        total[ligne.annee].add_ligne(ligne, somme=True)
    tarifs = {ligne.tarif_journalier.amount for ligne in lignes if ligne.tarif_journalier is not None and ligne.jours is not None}
    return TableauCouts(
        colonnes,
        [LigneTableau(titre, cellules, _sum(cellules), cles[titre]) for titre, cellules in par_titre.items()],
        LigneTableau("Total", total, _sum(total)),
        tarifs.pop() if len(tarifs) == 1 else None,
    )


def _sum(cellules: dict[int, CelluleCout]) -> CelluleCout:
    somme = CelluleCout()
    for _, cellule in sorted(cellules.items()):
        somme.add(cellule)
        if cellule.jours is not None:
            somme.jours = (somme.jours or ZERO) + cellule.jours
    return somme


@dataclass
class LignePart:
    """What one financeur is said to pay, and what it comes to."""

    nom: str
    portee: str
    taux: Decimal | None
    declare: Decimal | None
    mention: str
    par_annee: dict[int, Cellule]
    ensemble: Cellule
    rang_couleur: int


@dataclass
class TableauParts:
    """Shares by financeur and year, with what nobody is said to pay."""

    annees: list[int]
    lignes: list[LignePart]
    non_reparti: LignePart | None
    total: dict[int, Cellule] = field(default_factory=dict)
    ensemble: Cellule = field(default_factory=Cellule)

    @property
    def taux_total(self) -> Decimal | None:
        """Sum of the rates when all shares are rates of the whole fiche, else None: 100 % of a part is not 100 %."""
        if self.non_reparti or any(ligne.taux is None or ligne.portee for ligne in self.lignes):
            return None
        return sum((ligne.taux or ZERO for ligne in self.lignes), ZERO)

    @property
    def barres(self) -> list[tuple[int, Decimal]]:
        """Colour rank and amount of each share, for the bar."""
        return [(ligne.rang_couleur, ligne.ensemble.montant) for ligne in self.lignes if ligne.ensemble.montant]

    @property
    def is_vide(self) -> bool:
        return not self.lignes


def build_parts(fiche: FicheAction, lignes: Sequence[LigneCout], parts: Sequence[CoFinancement], annees: Sequence[int]) -> TableauParts:
    """Lay the shares of a fiche in a table, under the names the parties have in the convention."""
    financeurs = {f.id: f for f in list_financeurs(fiche.convention, [p.financeur for p in parts if p.financeur])}
    calcul = compute_ligne(fiche, lignes, parts)
    colonnes = sorted({*annees, *(ligne.annee for ligne in lignes)})
    vus: set[int | None] = set()
    resultat = []
    for part in parts:
        premier = part.financeur_id not in vus
        vus.add(part.financeur_id)
        # A financeur said twice (two natures) shows its euros once, on its first row.
        par_annee = {a: calcul.get(a, part.financeur_id) for a in colonnes} if premier else {}
        ensemble = calcul.get(None, part.financeur_id) if premier else Cellule()
        resultat.append(
            LignePart(
                financeurs[part.financeur_id].nom,
                _portee(part),
                part.taux,
                part.montant.amount if part.montant is not None else None,
                part.mention,
                par_annee,
                ensemble,
                financeurs[part.financeur_id].rang_couleur,
            )
        )
    reste = None
    if None not in vus and calcul.get(None, None).montant:
        reste = LignePart(NON_REPARTI, "", None, None, "", {a: calcul.get(a, None) for a in colonnes}, calcul.get(None, None), 6)
    return TableauParts(colonnes, resultat, reste, {a: calcul.total(a) for a in colonnes}, calcul.total())


def _portee(part: CoFinancement) -> str:
    """« Études, 2019 », or nothing for the whole fiche."""
    return ", ".join(filter(None, [part.nature.nom if part.nature else "", str(part.annee) if part.annee else ""]))


def list_indicateurs(fiche: FicheAction) -> list[dict]:
    """Indicators with one target a year of the convention, None where no target is set."""
    lignes = []
    for indicateur in fiche.indicateurs.all():
        cibles = {cible.annee: cible.valeur for cible in indicateur.cibles.all()}
        par_annee = [cibles.get(annee) for annee in fiche.convention.annees]
        lignes.append({"objet": indicateur, "cibles": par_annee, "a_cible": any(v is not None for v in par_annee)})
    return lignes
