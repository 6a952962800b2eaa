"""Realised amounts that come from a spreadsheet: the template to fill, the place to drop it. What follows are the pages of imports."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from financement.bilans.droits import check_saisie
from financement.imports.actes import deposit
from financement.imports.journal import ImportBudget
from financement.imports.realise_modele import write_modele
from financement.imports.taches import start_analyse
from financement.vues.bilans import get_bilan
from financement.vues.imports import explain_fichier, is_direct
from socle.lecture_classeur import MAX_OCTETS
from socle.vues import download

TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DERNIERS = 10


@require_http_methods(["GET", "HEAD", "POST"])
def importer(request: HttpRequest, reference: str, annee: int) -> HttpResponse:
    """Drop a file of realised amounts: it leads to its preview."""
    bilan = get_bilan(request, reference, annee)
    check_saisie(request.user, bilan)
    erreur = ""
    if request.method == "POST":
        fichier = request.FILES.get("fichier")
        erreur = explain_fichier(fichier)
        if fichier is not None and not erreur:
            imp = deposit(request.user, bilan.convention, fichier.name or "sans nom", fichier.read(), bilan)
            start_analyse(imp, is_direct(imp))
            return redirect("import_budget", bilan.convention.reference, imp.pk)
    contexte = {
        "convention": bilan.convention,
        "bilan": bilan,
        "imports": ImportBudget.objects.filter(bilan=bilan).select_related("auteur").defer("lecture")[:DERNIERS],
        "erreur": erreur,
        "maximum": MAX_OCTETS // 1_000_000,
    }
    return render(request, "financement/bilans/importer.html", contexte, status=422 if erreur else 200)


@require_safe
def modele(request: HttpRequest, reference: str, annee: int) -> HttpResponse:
    """The lines of the bilan as a spreadsheet to fill."""
    bilan = get_bilan(request, reference, annee)
    return download(write_modele(bilan), f"{bilan.convention.reference}-realise-{annee}.xlsx", TYPE)
