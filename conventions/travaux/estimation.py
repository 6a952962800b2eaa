"""How long a work takes: what is left of one, what those of its kind took."""

from datetime import timedelta
from statistics import median

from django.utils import timezone

from conventions.travaux.journal import Travail
from socle.typographie import INSECABLE

RECENTS = 20  # how many of the last ones tell how long the next will take
DEBUT = timedelta(seconds=2)  # before, its own pace says nothing


def estimate_left(travail: Travail, medianes: dict[str, timedelta | None] | None = None) -> timedelta | None:
    """What is left of a waiting or running work: from its own pace, else as long as the last of its kind. None is unknown.

    `medianes` remembers what was read, for pages that show several works.
    """
    if not travail.is_vivant:
        return None
    ecoule = timezone.now() - travail.commence_le if travail.commence_le and travail.etat == Travail.Etat.EN_COURS else timedelta(0)
    if travail.fait and travail.total and ecoule >= DEBUT:
        return ecoule * (travail.total - travail.fait) / travail.fait
    medianes = {} if medianes is None else medianes
    if travail.sorte not in medianes:
        medianes[travail.sorte] = read_mediane(travail.sorte)
    habituelle = medianes[travail.sorte]
    if habituelle is None or habituelle <= ecoule:
        return None
    return habituelle - ecoule


def read_mediane(sorte: str) -> timedelta | None:
    """How long the last works of a kind took; None when none was done."""
    faits = Travail.objects.filter(sorte=sorte, etat=Travail.Etat.FAIT, commence_le__isnull=False, fini_le__isnull=False)
    durees = [t.duree.total_seconds() for t in faits.order_by("-fini_le")[:RECENTS] if t.duree is not None]
    return timedelta(seconds=median(durees)) if durees else None


def tell_left(travail: Travail, medianes: dict[str, timedelta | None] | None = None) -> str:
    """« encore 20 secondes environ »; empty when unknown."""
    reste = estimate_left(travail, medianes)
    return "" if reste is None else f"encore {round_duree(reste)} environ"


def round_duree(duree: timedelta) -> str:
    """A duration as one says it: 10, 20… seconds, then minutes, then hours."""
    secondes = duree.total_seconds()
    if secondes < 55:
        return f"{max(10, -(-int(secondes) // 10) * 10)}{INSECABLE}secondes"
    minutes = max(1, round(secondes / 60))
    if minutes < 90:
        return f"{minutes}{INSECABLE}minute{'s' if minutes > 1 else ''}"
    heures = round(minutes / 60)
    return f"{heures}{INSECABLE}heures"
