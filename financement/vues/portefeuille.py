"""The portfolio: every agreement one sees, filtered and grouped, on a page and as a spreadsheet."""

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from financement.portefeuille import (
    ETATS,
    GROUPEMENTS,
    Choix,
    Filtres,
    Portefeuille,
    build_portefeuille,
    list_choix,
    paginate,
    read_filtres,
)
from financement.portefeuille_lecture import list_suivies
from financement.tableur_portefeuille import write_portefeuille_csv, write_portefeuille_xlsx
from financement.vues.exports import TYPES
from socle.vues import download


def _read(request: HttpRequest) -> tuple[Portefeuille, Choix]:
    """What the address asks for, among what the person sees."""
    suivies = list_suivies(request.user, timezone.localdate())
    choix = list_choix(suivies)
    return build_portefeuille(suivies, read_filtres(request.GET, choix)), choix


@require_safe
def portefeuille(request: HttpRequest) -> HttpResponse:
    """Planned, done, paid and bilans of all one's agreements."""
    vu, choix = _read(request)
    page, morceaux = paginate(vu, request.GET.get("page"))
    valeurs = vu.filtres.valeurs
    contexte: dict[str, Any] = {
        "p": vu,
        "total": vu.total,
        "filtres": vu.filtres,
        "choix": choix,
        "etats": ETATS.items(),
        "page": page,
        "morceaux": morceaux,
        "suite": urlencode(valeurs),
        "groupements": [
            (cle, nom, urlencode({**valeurs, "par": cle} if cle != "convention" else {c: v for c, v in valeurs.items() if c != "par"}))
            for cle, nom in GROUPEMENTS.items()
        ],
    }
    return render(request, "financement/portefeuille.html", contexte)


@require_safe
def portefeuille_tableur(request: HttpRequest, forme: str) -> HttpResponse:
    """The same, whole, as a workbook or a CSV."""
    if forme not in ("xlsx", "csv"):
        raise Http404("Ce format n’existe pas.")
    vu, choix = _read(request)
    contenu = write_portefeuille_csv(vu) if forme == "csv" else write_portefeuille_xlsx(vu, tell_filtres(vu.filtres, choix))
    return download(contenu, f"portefeuille.{forme}", TYPES[forme])


def tell_filtres(filtres: Filtres, choix: Choix) -> list[str]:
    """What was asked for, in words, for the head of a spreadsheet."""
    mots = [
        f"Année {filtres.annee}" if filtres.annee else "",
        choix.organisations.get(filtres.organisation, ""),
        choix.politiques.get(filtres.politique, ""),
        ETATS.get(filtres.etat, ""),
    ]
    return [m for m in mots if m] or ["Toutes les conventions"]
