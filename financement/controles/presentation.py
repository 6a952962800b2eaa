"""The page of controls: findings gathered by rule and object, with what was accepted, and where each leads."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.urls import reverse

from conventions.models import Convention
from fiches.droits import explain_lecture
from financement.controles.journal import Acceptation, Contradiction, Reprise, Verification
from financement.controles.regles import PAR_IDENTIFIANT
from financement.recapitulatif import TOTAL
from socle.controles import Gravite, Regle, Rubrique

OUVERTS, TRAITES = "ouverts", "traites"
RECENTS = 6
PAR_PAGE = 80  # cards
ICONES = {Gravite.BLOQUANT: "bloquant", Gravite.A_VERIFIER: "alerte", Gravite.INFORMATION: "info"}


@dataclass(frozen=True)
class Place:
    """One of the places that disagree, as shown to a person."""

    nom: str
    valeur: str
    detail: str
    url: str


@dataclass
class Point:
    """One finding, with the acceptance that covers it, or the one that no longer does."""

    contradiction: Contradiction
    places: list[Place]
    acceptation: Acceptation | None = None
    ancienne: Acceptation | None = None

    @property
    def jeton(self) -> str:
        """What a form sends back: the finding and the values that were shown."""
        return f"{self.contradiction.pk}:{self.contradiction.empreinte}"

    @property
    def contenu(self) -> dict[str, Any]:
        return self.contradiction.contenu

    @property
    def ecart(self) -> Decimal | None:
        ecart = self.contenu.get("ecart")
        return Decimal(ecart) if ecart is not None else None


@dataclass
class Bouton:
    """A one-click correction for all the findings of a card: its label, and its rank among their corrections."""

    libelle: str
    rang: int


@dataclass
class Carte:
    """The findings of one rule on one object."""

    regle: Regle
    objet: str
    points: list[Point] = field(default_factory=list)

    @property
    def premier(self) -> Point:
        return self.points[0]

    @property
    def ancre(self) -> str:
        return f"c{self.premier.contradiction.pk}"

    @property
    def is_multiple(self) -> bool:
        return len(self.points) > 1

    @property
    def has_annees(self) -> bool:
        return any(p.contradiction.annee for p in self.points)

    @property
    def has_financeurs(self) -> bool:
        return any(p.contenu["financeur"] for p in self.points)

    @property
    def has_objets(self) -> bool:
        """Whether the card gathers several objects."""
        return len({p.contradiction.objet for p in self.points}) > 1

    @property
    def has_ecarts(self) -> bool:
        return any(p.ecart is not None for p in self.points)

    @property
    def has_deux_places(self) -> bool:
        return all(len(p.places) == 2 for p in self.points)

    @property
    def icone(self) -> str:
        return ICONES[self.regle.gravite]

    @property
    def classe(self) -> str:
        return {"bloquant": "bloquant", "alerte": "alerte", "info": "info"}[self.icone]

    @property
    def titre(self) -> str:
        """« E.A 2.2 : le récapitulatif et la fiche… »; the convention itself is not named."""
        if self.objet in ("convention", "récapitulatif", "versements") or self.has_objets:
            return self.regle.titre
        return f"{self.objet[:1].upper()}{self.objet[1:]} : {self.regle.titre[:1].lower()}{self.regle.titre[1:]}"

    @property
    def pistes(self) -> list[str]:
        return list(dict.fromkeys(p.contenu["piste"] for p in self.points if p.contenu["piste"]))

    @property
    def boutons(self) -> list[Bouton]:
        """Corrections that all the findings of the card have, in their order."""
        listes = [p.contenu["corrections"] for p in self.points]
        boutons = []
        for rang in range(min(len(corrections) for corrections in listes)):
            libelles = dict.fromkeys(corrections[rang]["libelle"] for corrections in listes)
            libelle = next(iter(libelles))
            if len(libelles) > 1:  # « Garder les jours : 1 200 € », for several amounts
                libelle = libelle.partition(" : ")[0] if " : " in libelle else f"{libelle}, et ainsi des autres"
            boutons.append(Bouton(libelle, rang))
        return boutons

    @property
    def is_rouverte(self) -> bool:
        return any(p.ancienne for p in self.points)


@dataclass(frozen=True)
class Filtre:
    """A link that narrows the list, with its count."""

    libelle: str
    nombre: int
    url: str
    actif: bool


@dataclass
class PageControles:
    """All the page shows."""

    verification: Verification | None
    cartes: list[Carte]
    filtres: list[Filtre]
    rubriques: list[Filtre]
    nb_ouverts: int
    fiche: str
    numero: int
    nb_pages: int
    suite: str  # what the address of the list ends with, before the number of a page
    acceptations: list[Acceptation]
    reprises: list[Reprise]
    peut_traiter: bool


def build_page(user: Any, convention: Convention, voir: str = "", ou: str = "", fiche: str = "", numero: int = 1) -> PageControles:
    """Read the last check of a convention; a fixed number of queries."""
    points = read_points(user, convention)
    if fiche:
        points = [p for p in points if p.contradiction.fiche and p.contradiction.fiche.slug == fiche]
    ouverts = [p for p in points if not p.acceptation]
    voir = voir if voir in (TRAITES, *Gravite) else OUVERTS
    retenus = (
        [p for p in points if p.acceptation] if voir == TRAITES else [p for p in ouverts if voir in (OUVERTS, p.contradiction.gravite)]
    )
    comptes = Counter(p.contradiction.gravite for p in ouverts)
    par_rubrique = Counter(p.contradiction.rubrique for p in retenus)
    ou = ou if ou in list(Rubrique) else ""
    if ou:
        retenus = [p for p in retenus if p.contradiction.rubrique == ou]
    adresse = reverse("controles", args=[convention.reference])

    def link(v: str, o: str) -> str:
        valeurs = {"voir": "" if v == OUVERTS else v, "ou": o, "fiche": fiche}
        suite = "&".join(f"{nom}={valeur}" for nom, valeur in valeurs.items() if valeur)
        return f"{adresse}?{suite}" if suite else adresse

    cartes = gather(retenus)
    nb_pages = max(1, -(-len(cartes) // PAR_PAGE))
    numero = min(max(numero, 1), nb_pages)
    choix = [(OUVERTS, "À trancher", len(ouverts)), *((g.value, g.pluriel, comptes[g.value]) for g in Gravite)]
    choix.append((TRAITES, "Acceptés", len(points) - len(ouverts)))
    return PageControles(
        verification=Verification.objects.filter(convention=convention).first(),
        cartes=cartes[(numero - 1) * PAR_PAGE : numero * PAR_PAGE],
        filtres=[Filtre(nom, nombre, link(v, ou), v == voir) for v, nom, nombre in choix],
        rubriques=[
            Filtre(r.libelle, par_rubrique[r.value], link(voir, "" if r == ou else r.value), r == ou)
            for r in Rubrique
            if par_rubrique[r.value]
        ],
        nb_ouverts=len(ouverts),
        fiche=next((p.contradiction.fiche.code for p in points if p.contradiction.fiche), "") if fiche else "",
        numero=numero,
        nb_pages=nb_pages,
        suite="&".join([*link(voir, ou).partition("?")[2:], "page="]).lstrip("&"),
        acceptations=list(Acceptation.objects.filter(convention=convention, retiree_le=None).select_related("auteur")[:RECENTS]),
        reprises=list(Reprise.objects.filter(convention=convention).select_related("auteur", "annulee_par")[:RECENTS]),
        peut_traiter=not user.is_lecteur,
    )


def read_points(user: Any, convention: Convention) -> list[Point]:
    """Findings of the last check with their acceptances."""
    acceptations = {
        a.cle: a for a in Acceptation.objects.filter(convention=convention, retiree_le=None).select_related("auteur__organisation")
    }
    ecrire = not explain_lecture(user, convention)
    points = []
    for contradiction in Contradiction.objects.filter(convention=convention).select_related("fiche"):
        if contradiction.regle not in PAR_IDENTIFIANT:
            continue  # a rule retired since the last check
        acceptation = acceptations.get(contradiction.cle)
        valable = acceptation is not None and acceptation.empreinte == contradiction.empreinte
        points.append(
            Point(
                contradiction,
                [show_place(lieu, ecrire, user.is_staff) for lieu in contradiction.contenu["lieux"]],
                acceptation if valable else None,
                None if valable else acceptation,
            )
        )
    return points


def show_place(lieu: dict[str, str], ecrire: bool, administre: bool) -> Place:
    """A place leads where the person can correct it, else where it is read."""
    permis = administre if "/admin/" in lieu["modifier"] else ecrire
    return Place(lieu["nom"], lieu["valeur"], lieu["detail"], lieu["modifier"] if permis and lieu["modifier"] else lieu["url"])


def gather(points: Iterable[Point]) -> list[Carte]:
    """Gather by rule and object, in the order they come; what is only to be known is gathered by rule, and by acceptance."""
    cartes: dict[tuple[str, str, bool], Carte] = {}
    for point in points:
        regle, objet = PAR_IDENTIFIANT[point.contradiction.regle], point.contradiction.objet
        cle = (regle.identifiant, "" if regle.gravite == Gravite.INFORMATION else objet, point.acceptation is not None)
        carte = cartes.setdefault(cle, Carte(regle, objet))
        carte.points.append(point)
    return list(cartes.values())


@dataclass(frozen=True)
class Marque:
    """How many findings are open on one fiche, and the worst of them."""

    nombre: int
    gravite: Gravite

    @property
    def icone(self) -> str:
        return ICONES[self.gravite]


def count_by_fiche(convention: Convention, fiches: Sequence[int] | None = None) -> dict[int, Marque]:
    """Open findings of each fiche by the last check: two queries."""
    acceptees = dict(Acceptation.objects.filter(convention=convention, retiree_le=None).values_list("cle", "empreinte"))
    trouvees = Contradiction.objects.filter(convention=convention, fiche__isnull=False)
    if fiches is not None:
        trouvees = trouvees.filter(fiche__in=fiches)
    marques: dict[int, Marque] = {}
    for pk, gravite, cle, empreinte in trouvees.values_list("fiche_id", "gravite", "cle", "empreinte"):
        if pk is None or acceptees.get(cle) == empreinte:
            continue
        avant = marques.get(pk)
        pire = min(Gravite(gravite), avant.gravite, key=lambda g: g.rang) if avant else Gravite(gravite)
        marques[pk] = Marque(avant.nombre + 1 if avant else 1, pire)
    return marques


@dataclass(frozen=True)
class EcartCellule:
    """What the other side says of one cell of the budget: an amount, or words."""

    montant: Decimal | None
    mots: str = ""


def read_ecarts(convention: Convention, declare: bool) -> dict[tuple[int, int, str], EcartCellule]:
    """Cells of the budget that the other side contradicts, by fiche, year and column: what the fiches give for the
    printed recap (`declare`), what the annex prints for the computed one. By the last check; one query.
    """
    cote = "attendu" if declare else "constate"
    ecarts: dict[tuple[int, int, str], EcartCellule] = {}
    regles = ["recap_fiche", "recap_sans_montant"]
    for pk, annee, financeur, contenu in Contradiction.objects.filter(convention=convention, regle__in=regles).values_list(
        "fiche_id", "annee", "financeur_id", "contenu"
    ):
        if pk is None or annee is None:
            continue
        valeur = contenu[cote] or ""
        montant = Decimal(valeur) if valeur.replace(".", "", 1).lstrip("-").isdecimal() else None
        ecarts[pk, annee, str(financeur or TOTAL)] = EcartCellule(montant, "" if montant is not None else valeur)
    return ecarts
