"""The agreements a person sees, counted year by year: planned, done, paid, bilans received or late; filtered and grouped.

Arithmetic in memory only: `portefeuille_lecture` reads the figures from where the product computes them. None is unknown, zero is zero.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.core.paginator import Page, Paginator

from conventions.models import Convention, Partie, Politique
from financement.bilans.comptes import Compte
from financement.echeances import CLOSES
from financement.recapitulatif import Cellule
from socle.montants import ZERO

PAR_PAGE = 50
GROUPEMENTS = {"convention": "Par convention", "partenaire": "Par partenaire", "annee": "Par année", "politique": "Par politique"}
ETATS = {"en_cours": "En cours d’élaboration", "signees": "Signées", "closes": "Closes"}
SANS = {"convention": "", "partenaire": "Sans partenaire", "annee": "Sans année", "politique": "Sans politique"}
DERNIER = "\U0010ffff"  # after every name


@dataclass(frozen=True)
class EtatBilan:
    """Where the bilan of one year stands: « accepté », « en retard de 12 jours »."""

    annee: int
    mots: str
    icone: str
    classe: str = ""
    en_retard: bool = False


@dataclass
class Chiffres:
    """Planned, done and paid; each may be unknown, or leave something out."""

    prevu: Cellule = field(default_factory=Cellule)
    realise: Cellule = field(default_factory=Cellule)
    paye: Decimal | None = None
    retards: int = 0  # bilans that are late

    @property
    def taux(self) -> Decimal | None:
        """Done over planned in %, to one decimal, for reading; None when nothing is planned or what was done is unknown."""
        return Compte(self.prevu.montant, self.realise.montant).pourcent

    @property
    def reserves(self) -> str:
        """What the figures leave out, in words; empty when they are whole."""
        paires = (("prévu", self.prevu), ("réalisé", self.realise))
        return " ; ".join(f"{nom} : {', '.join(c.reserves)}" for nom, c in paires if c.reserves)

    def add(self, autre: "Chiffres") -> None:
        """Add others: unknown plus known is the known."""
        self.prevu.add(autre.prevu)
        self.realise.add(autre.realise)
        if autre.paye is not None:
            self.paye = (self.paye or ZERO) + autre.paye
        self.retards += autre.retards


@dataclass
class Annee:
    """One year of one agreement."""

    annee: int
    chiffres: Chiffres = field(default_factory=Chiffres)
    bilan: EtatBilan | None = None


@dataclass
class Suivie:
    """One agreement with its years, as its last avenant leaves them."""

    convention: Convention
    partenaires: list[Partie]
    politiques: list[Politique]
    prevues: list[int]  # years of the agreement; its figures may have others
    annees: dict[int, Annee]

    @property
    def periode(self) -> str:
        """« 2018 – 2020 »; empty when no year is known."""
        return " – ".join(dict.fromkeys([str(self.prevues[0]), str(self.prevues[-1])])) if self.prevues else ""

    @property
    def is_close(self) -> bool:
        """It was signed and is over: a bilan that did not come will not come."""
        return self.convention.is_signee and self.convention.etat in CLOSES

    @property
    def groupe_etat(self) -> str:
        """Which of `ETATS` it is in."""
        if self.convention.etat in CLOSES:
            return "closes"
        return "signees" if self.convention.is_signee else "en_cours"


@dataclass(frozen=True)
class Rangee:
    """A row: an agreement over all its years, or over one of them."""

    suivie: Suivie
    annee: int | None = None

    @property
    def annees(self) -> list[Annee]:
        """The years it shows, in order."""
        return [a for _, a in sorted(self.suivie.annees.items()) if self.annee is None or a.annee == self.annee]

    @property
    def chiffres(self) -> Chiffres:
        return sum_rangees([self])

    @property
    def bilans(self) -> list[EtatBilan]:
        return [a.bilan for a in self.annees if a.bilan is not None]


@dataclass(frozen=True)
class Groupe:
    """Rows under one title, with their subtotal."""

    titre: str
    rangees: list[Rangee]

    @property
    def chiffres(self) -> Chiffres:
        return sum_rangees(self.rangees)


@dataclass(frozen=True)
class Filtres:
    """What is asked for; empty words and None filter nothing. `par` is the way to group."""

    annee: int | None = None
    organisation: str = ""
    politique: str = ""
    etat: str = ""
    par: str = "convention"

    @property
    def actifs(self) -> bool:
        return bool(self.annee or self.organisation or self.politique or self.etat)

    @property
    def valeurs(self) -> dict[str, str]:
        """What its address holds."""
        toutes = {
            "annee": str(self.annee or ""),
            "organisation": self.organisation,
            "politique": self.politique,
            "etat": self.etat,
            "par": "" if self.par == "convention" else self.par,
        }
        return {cle: valeur for cle, valeur in toutes.items() if valeur}


@dataclass(frozen=True)
class Choix:
    """What may be asked for: what the agreements hold, names by key."""

    annees: list[int]
    organisations: dict[str, str]
    politiques: dict[str, str]


@dataclass(frozen=True)
class Portefeuille:
    """What the filters keep, grouped. `total` counts each agreement once, in however many groups it stands."""

    filtres: Filtres
    nb_suivies: int
    rangees: list[Rangee]
    groupes: list[Groupe]

    @property
    def total(self) -> Chiffres:
        return sum_rangees(self.rangees)

    @property
    def nb(self) -> int:
        """How many agreements."""
        return len(self.rangees)

    @property
    def is_groupe(self) -> bool:
        return self.filtres.par != "convention"

    @property
    def is_repetee(self) -> bool:
        """An agreement stands in several groups: the subtotals do not add up."""
        return self.filtres.par != "annee" and sum(len(g.rangees) for g in self.groupes) > self.nb


@dataclass(frozen=True)
class Morceau:
    """What a page shows of one group: `suite` when it began on the page before, `fin` when it ends here."""

    groupe: Groupe
    rangees: list[Rangee]
    suite: bool
    fin: bool


def sum_rangees(rangees: Sequence[Rangee]) -> Chiffres:
    """Sum rows."""
    somme = Chiffres()
    for annee in (a for r in rangees for a in r.annees):
        somme.add(annee.chiffres)
    return somme


def list_choix(suivies: Sequence[Suivie]) -> Choix:
    """What the filters offer."""
    organisations = {p.organisation.cle: p.organisation.nom for s in suivies for p in s.partenaires}
    politiques = {p.cle: p.nom for s in suivies for p in s.politiques}
    return Choix(sorted({a for s in suivies for a in s.annees}, reverse=True), sort_names(organisations), sort_names(politiques))


def sort_names(noms: Mapping[str, str]) -> dict[str, str]:
    """Names in alphabetical order, by key."""
    return dict(sorted(noms.items(), key=lambda paire: paire[1].casefold()))


def read_filtres(asked: Mapping[str, str], choix: Choix) -> Filtres:
    """The filters of an address; what the page does not offer filters nothing."""

    def read(cle: str, offerts: Collection[str]) -> str:
        valeur = asked.get(cle, "")
        return valeur if valeur in offerts else ""

    annee = read("annee", {str(a) for a in choix.annees})
    return Filtres(
        int(annee) if annee else None,
        read("organisation", choix.organisations),
        read("politique", choix.politiques),
        read("etat", ETATS),
        read("par", GROUPEMENTS) or "convention",
    )


def build_portefeuille(suivies: Sequence[Suivie], filtres: Filtres) -> Portefeuille:
    """Filter and group."""
    rangees = [Rangee(s, filtres.annee) for s in suivies if _keeps(filtres, s)]
    return Portefeuille(filtres, len(suivies), rangees, group_rangees(rangees, filtres))


def _keeps(filtres: Filtres, suivie: Suivie) -> bool:
    return (
        (filtres.annee is None or filtres.annee in suivie.annees)
        and (not filtres.organisation or any(p.organisation.cle == filtres.organisation for p in suivie.partenaires))
        and (not filtres.politique or any(p.cle == filtres.politique for p in suivie.politiques))
        and (not filtres.etat or suivie.groupe_etat == filtres.etat)
    )


def group_rangees(rangees: Sequence[Rangee], filtres: Filtres) -> list[Groupe]:
    """Rows by what is asked for: latest year first, else by name, what has none last. A filter keeps its own group only."""
    groupes: dict[tuple[str, str], list[Rangee]] = defaultdict(list)
    for rangee in rangees:
        if filtres.par == "annee":
            for annee in rangee.annees:
                groupes[f"{9999 - annee.annee}", str(annee.annee)].append(Rangee(rangee.suivie, annee.annee))
        noms = _name_groupes(rangee, filtres)
        for nom in noms:
            groupes[nom.casefold(), nom].append(rangee)
        if not noms and not (filtres.par == "annee" and rangee.annees):
            groupes[DERNIER, SANS[filtres.par]].append(rangee)
    return [Groupe(titre, membres) for (_, titre), membres in sorted(groupes.items(), key=lambda paire: paire[0])]


def _name_groupes(rangee: Rangee, filtres: Filtres) -> set[str]:
    """Partners or politiques under which an agreement stands."""
    if filtres.par == "partenaire":
        return {p.organisation.nom for p in rangee.suivie.partenaires if filtres.organisation in ("", p.organisation.cle)}
    if filtres.par == "politique":
        return {p.nom for p in rangee.suivie.politiques if filtres.politique in ("", p.cle)}
    return set()


def paginate(portefeuille: Portefeuille, numero: str | None, par_page: int = PAR_PAGE) -> tuple[Page, list[Morceau]]:
    """A page of rows, and its pieces of groups; figures of groups and of all stay those of the whole."""
    toutes = [(groupe, rang) for groupe in portefeuille.groupes for rang in range(len(groupe.rangees))]
    page = Paginator(toutes, par_page).get_page(numero)
    morceaux: dict[int, tuple[Groupe, list[int]]] = {}
    for groupe, rang in page.object_list:
        morceaux.setdefault(id(groupe), (groupe, []))[1].append(rang)
    return page, [
        Morceau(groupe, [groupe.rangees[r] for r in rangs], rangs[0] > 0, rangs[-1] == len(groupe.rangees) - 1)
        for groupe, rangs in morceaux.values()
    ]
