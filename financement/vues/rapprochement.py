"""Both recaps side by side: the gaps, taking one side, the export for the meeting."""

import re

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from conventions.acces import get_convention
from fiches.droits import check_ecriture, explain_lecture
from financement.controles.corrections import CorrectionImpossible, take
from financement.controles.journal import Reprise
from financement.controles.presentation import RECENTS, read_points
from financement.controles.reprises import Cellule
from financement.controles.verification import verify
from financement.rapprochement import build_rapprochement
from financement.recapitulatif import TOTAL
from financement.tableur_rapprochement import write_rapprochement_xlsx
from socle.vues import download

CELLULE = re.compile(r"(\d{1,18})\.(\d{4})\.(\d{1,18}|total):([\w.:-]{1,60})")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SENS = {"fiche": "Valeurs des fiches reprises dans le récapitulatif", "tableau": "Partages du récapitulatif repris dans les fiches"}


@require_safe
def rapprochement(request: HttpRequest, reference: str) -> HttpResponse:
    """The gaps by default; every cell with `?tout`."""
    convention = get_convention(request.user, reference)
    return render(
        request,
        "financement/rapprochement.html",
        {
            "convention": convention,
            "rapprochement": build_rapprochement(convention),
            "tout": "tout" in request.GET,
            "refus": explain_lecture(request.user, convention),
            "reprises": Reprise.objects.filter(convention=convention).select_related("auteur", "annulee_par")[:RECENTS],
            "page": {"peut_traiter": not request.user.is_lecteur},  # type: ignore[union-attr]
        },
    )


@require_POST
def reprendre(request: HttpRequest, reference: str) -> HttpResponse:
    """Take one side for the cells that were ticked."""
    convention = get_convention(request.user, reference)
    check_ecriture(request.user, convention)
    sens = request.POST.get("sens", "")
    try:
        cellules = read_cellules(request)
        if sens not in SENS or not cellules:
            raise CorrectionImpossible("Cochez au moins un écart, puis choisissez le côté à reprendre.")
        resume = f"{SENS[sens]} ({len(cellules)} {'cellules' if len(cellules) > 1 else 'cellule'})"
        reprise = take(request.user, convention, sens, cellules, resume)
    except CorrectionImpossible as refus:
        messages.error(request, str(refus))
    else:
        verify(convention)
        messages.success(request, f"C’est fait. {reprise.resume}. Vous pouvez l’annuler dans « Fait récemment ».")
    return redirect("rapprochement", reference)


def read_cellules(request: HttpRequest) -> dict[Cellule, str]:
    """Cells ticked on the page (fiche, year, column) with both values as they were shown.

    Raises CorrectionImpossible when one is not readable.
    """
    cellules: dict[Cellule, str] = {}
    for texte in request.POST.getlist("cellule"):
        lue = CELLULE.fullmatch(texte)
        if lue is None:
            raise CorrectionImpossible("Une cellule cochée n’est plus dans le tableau. Rechargez la page.")
        cellules[int(lue[1]), int(lue[2]), TOTAL if lue[3] == TOTAL else int(lue[3])] = lue[4]
    return cellules


@require_safe
def rapprochement_xlsx(request: HttpRequest, reference: str) -> HttpResponse:
    """The comparison and the contradictions as a spreadsheet."""
    convention = get_convention(request.user, reference)
    contenu = write_rapprochement_xlsx(convention, build_rapprochement(convention), read_points(request.user, convention))
    return download(contenu, f"{reference}-rapprochement.xlsx", XLSX)
