"""The page of works: what waits, what runs, what failed, how long each kind takes, who does it."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, F, Max, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from conventions.travaux.journal import SILENCE, Ouvrier, Travail, TravailQuerySet
from conventions.travaux.sortes import SORTES
from socle.graphiques import Graphique, Valeurs, draw_barres

JOURS = 30
MONTRES = 30  # rows of each list; the administration shows the others
ENTETES = ("Sorte de travaux", "Nombre", "Durée médiane", "La plus longue")


@dataclass(frozen=True)
class Duree:
    """How long the works of one kind took."""

    titre: str
    nombre: int
    mediane: timedelta
    longue: timedelta


@dataclass(frozen=True)
class Tableau:
    """Everything the page shows to one person."""

    en_cours: list[Travail]
    en_attente: list[Travail]
    nb_en_attente: int
    echecs: list[Travail]
    nb_echecs: int
    durees: list[Duree]
    ouvriers: list[Ouvrier]
    graphique: Graphique | None
    medianes: dict[str, timedelta | None] = field(default_factory=dict)  # read while the page is written


def read_tableau(user: Any) -> Tableau:
    """In a number of queries that depends on the kinds of work only."""
    travaux = Travail.objects.visible_to(user)
    lus = travaux.select_related("convention", "demande_par")
    attente = lus.filter(etat=Travail.Etat.EN_ATTENTE).order_by("demande_le", "pk")
    echecs = without_redone(lus.filter(etat=Travail.Etat.ECHEC, fini_le__gte=timezone.now() - timedelta(days=JOURS)))
    durees = read_durees(travaux)
    return Tableau(
        list(lus.filter(etat=Travail.Etat.EN_COURS).order_by("commence_le", "pk")[:MONTRES]),
        list(attente[:MONTRES]),
        attente.count(),
        list(echecs.order_by("-fini_le", "-pk")[:MONTRES]),
        echecs.count(),
        durees,
        list(Ouvrier.objects.filter(vu_le__gt=timezone.now() - SILENCE)),
        draw_durees(durees),
    )


def without_redone(travaux: TravailQuerySet) -> TravailQuerySet:
    """Without those that were asked again since."""
    suivants = Travail.objects.annotate(lieu=Coalesce("convention", 0)).filter(
        sorte=OuterRef("sorte"), cle=OuterRef("cle"), lieu=Coalesce(OuterRef("convention"), 0), pk__gt=OuterRef("pk")
    )
    return travaux.filter(~Q(Exists(suivants)))


def read_durees(travaux: TravailQuerySet) -> list[Duree]:
    """By kind, of what was done in the last days, the longest first."""
    faits = travaux.filter(etat=Travail.Etat.FAIT, fini_le__gte=timezone.now() - timedelta(days=JOURS), commence_le__isnull=False)
    faits = faits.annotate(temps=F("fini_le") - F("commence_le"))
    durees = []
    for ligne in faits.order_by().values("sorte").annotate(nombre=Count("pk"), longue=Max("temps")):
        rangees = faits.filter(sorte=ligne["sorte"]).order_by("temps").values_list("temps", flat=True)
        milieu = rangees[(ligne["nombre"] - 1) // 2]
        titre = SORTES[ligne["sorte"]].titre if ligne["sorte"] in SORTES else ligne["sorte"]
        durees.append(Duree(titre, ligne["nombre"], milieu, ligne["longue"]))
    return sorted(durees, key=lambda d: (-d.mediane, d.titre))


def draw_durees(durees: list[Duree]) -> Graphique | None:
    """The median full, the longest outlined; None when nothing was done."""
    if not durees:
        return None
    plus = durees[0]
    return draw_barres(
        "durees",
        "Durées des travaux",
        f"Les plus longs : {plus.titre.lower()}, {write_duree(plus.mediane)} en durée médiane.",
        [Valeurs(d.titre, _count(d.mediane), _count(d.longue), f"{write_duree(d.mediane)} / {write_duree(d.longue)}") for d in durees],
        ENTETES,
        [[d.titre, str(d.nombre), write_duree(d.mediane), write_duree(d.longue)] for d in durees],
        noms=("Maximum", "Médiane"),
    )


def _count(duree: timedelta) -> Decimal:
    return Decimal(str(duree.total_seconds()))


def write_duree(duree: timedelta | None) -> str:
    """« 4,2 s », « 3 min 05 s »; a dash when unknown."""
    if duree is None:
        return "–"
    secondes = duree.total_seconds()
    if secondes < 10:
        return f"{secondes:.1f}".replace(".", ",") + "\u00a0s"
    if secondes < 59.5:
        return f"{secondes:.0f}\u00a0s"
    minutes, reste = divmod(round(secondes), 60)
    if minutes < 60:
        return f"{minutes}\u00a0min {reste:02d}\u00a0s"
    heures, minutes = divmod(minutes, 60)
    return f"{heures}\u00a0h {minutes:02d}"
