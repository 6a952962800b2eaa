"""Imports of spreadsheets: deposit, columns, preview, confirmation, journal, undo."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from conventions.acces import get_convention
from fiches.fiches import slugify_code
from financement.imports.actes import ApercuPerime, ImportImpossible, abandon, deposit, reopen
from financement.imports.annotation import annotate
from financement.imports.annulation import AnnulationImpossible, undo
from financement.imports.destinations import explain_import
from financement.imports.formulaire import FormulaireColonnes
from financement.imports.journal import ImportBudget, PageImport
from financement.imports.presentation import group_refus, present_apercu
from financement.imports.taches import start_analyse, start_ecriture
from socle.lecture_classeur import MAX_OCTETS
from socle.nombres import read_cle
from socle.vues import download

PAR_PAGE = 30
GARDE_PERDUE = "Le fichier déposé n’est plus lisible. Déposez-le de nouveau."


def load(request: HttpRequest, reference: str, pk: int, ecrire: bool = False) -> ImportBudget:
    """The import, in a convention the person sees; raises PermissionDenied when they want to act and may not."""
    convention = get_convention(request.user, reference)
    complets = ImportBudget.objects.select_related("auteur", "confirme_par", "annule_par", "bilan")
    imp = get_object_or_404(complets, convention=convention, pk=pk)
    imp.convention = convention
    if imp.bilan is not None:
        imp.bilan.convention = convention
    if ecrire and (refus := explain_import(request.user, imp)):
        raise PermissionDenied(refus)
    return imp


def is_direct(imp: ImportBudget) -> bool:
    """Small files are read while the person waits; large ones by the worker."""
    return imp.taille <= settings.IMPORT_DIRECT


def explain_fichier(fichier: Any) -> str:
    """What is wrong with what a form sent as a file, before reading it; empty when it may be read."""
    if fichier is None:
        return "Choisissez un fichier : xlsx, xlsm, ods, csv ou tsv."
    if (fichier.size or 0) > MAX_OCTETS:
        return f"Ce fichier dépasse {MAX_OCTETS // 1_000_000} Mo. Séparez-le en plusieurs imports."
    return ""


@require_http_methods(["GET", "HEAD", "POST"])
def imports(request: HttpRequest, reference: str) -> HttpResponse:
    """The journal of a convention's imports, and the place to drop a file."""
    convention = get_convention(request.user, reference)
    refus = explain_import(request.user, ImportBudget(convention=convention))
    erreur = ""
    if request.method == "POST":
        if refus:
            raise PermissionDenied(refus)
        fichier = request.FILES.get("fichier")
        erreur = explain_fichier(fichier)
        if fichier is not None and not erreur:
            imp = deposit(request.user, convention, fichier.name or "sans nom", fichier.read())
            start_analyse(imp, is_direct(imp))
            return redirect("import_budget", reference, imp.pk)
    nombre = ImportBudget.objects.filter(convention=convention).count()
    page = min(read_cle(request.GET.get("page", "1")) or 1, max(1, -(-nombre // PAR_PAGE)))
    debut = (page - 1) * PAR_PAGE
    journal = list(
        ImportBudget.objects.filter(convention=convention).select_related("auteur", "bilan").defer("lecture")[debut : debut + PAR_PAGE + 1]
    )
    contexte = {
        "convention": convention,
        "imports": journal[:PAR_PAGE],
        "page": page,
        "suivante": page + 1 if len(journal) > PAR_PAGE else None,
        "refus": refus,
        "erreur": erreur,
        "maximum": MAX_OCTETS // 1_000_000,
    }
    return render(request, "financement/imports.html", contexte, status=422 if erreur else 200)


@require_safe
def import_budget(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """One import, whatever its step: columns to choose, preview to confirm, work going on, what was written."""
    imp = load(request, reference, pk)
    refus = explain_import(request.user, imp)
    contexte: dict[str, Any] = {"convention": imp.convention, "imp": imp, "refus": refus}
    if imp.is_en_cours:
        return render(request, "financement/import_attente.html", contexte)
    if imp.etat == ImportBudget.Etat.DEPOSE or (imp.etat == ImportBudget.Etat.APERCU and "colonnes" in request.GET):
        if refus:
            raise PermissionDenied(refus)
        contexte["formulaire"] = FormulaireColonnes(imp, request.GET)
        return render(request, "financement/import_colonnes.html", contexte)
    page = read_cle(request.GET.get("page", "1")) or 1
    contexte |= present_apercu(imp, page)
    contexte["groupes"] = group_refus(imp)
    return render(request, "financement/import_apercu.html", contexte)


@require_POST
def import_colonnes(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """The columns as chosen; then the preview."""
    imp = load(request, reference, pk, ecrire=True)
    if imp.etat not in {ImportBudget.Etat.DEPOSE, ImportBudget.Etat.APERCU}:
        messages.error(request, "Les colonnes de cet import ne se changent plus.")
        return redirect("import_budget", reference, pk)
    formulaire = FormulaireColonnes(imp, request.POST)
    try:
        reopen(imp, formulaire.read())
        start_analyse(imp, is_direct(imp), relire=True)
    except ImportImpossible as refus:
        formulaire.erreur = str(refus)
        return render(
            request, "financement/import_colonnes.html", {"convention": imp.convention, "imp": imp, "formulaire": formulaire}, status=422
        )
    return redirect("import_budget", reference, pk)


@require_POST
def import_confirmer(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Write what was previewed."""
    imp = load(request, reference, pk, ecrire=True)
    try:
        start_ecriture(imp, request.user, request.POST.get("lignes") == "valides", is_direct(imp))
    except ApercuPerime as refus:
        messages.warning(request, str(refus))
    except ImportImpossible as refus:
        messages.error(request, str(refus))
    else:
        if is_direct(imp):
            messages.success(request, "Import fait. Il s’annule d’ici tant que rien de ce qu’il a écrit n’a changé.")
    return redirect("import_budget", reference, pk)


@require_POST
def import_annuler(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Put everything back; what changed since is told instead."""
    imp = load(request, reference, pk, ecrire=True)
    try:
        undo(imp, request.user)
    except AnnulationImpossible as refus:
        contexte = {"convention": imp.convention, "imp": imp, "refus_annulation": str(refus), "differences": refus.differences}
        return render(request, "financement/import_differences.html", contexte, status=409)
    except ImportImpossible as refus:
        messages.error(request, str(refus))
    else:
        messages.success(request, f"Import annulé : {imp.objet} est tel qu’il était avant.")
    return redirect("import_budget", reference, pk)


@require_POST
def import_abandonner(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Give up before anything is written, or stop the reading that goes on."""
    imp = load(request, reference, pk, ecrire=True)
    try:
        abandon(imp)
    except ImportImpossible as refus:
        messages.error(request, str(refus))
        return redirect("import_budget", reference, pk)
    messages.success(request, f"Import de « {imp.nom} » abandonné. Rien n’a été écrit.")
    return redirect("bilan_importer", reference, imp.bilan.annee) if imp.bilan is not None else redirect("imports", reference)


@require_safe
def import_progres(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """The progress bar, asked again by the page; once the work is done, the page is told to load itself."""
    imp = load(request, reference, pk)
    reponse = render(request, "financement/_import_progres.html", {"imp": imp})
    if not imp.is_en_cours:
        reponse["HX-Refresh"] = "true"
    return reponse


@require_safe
def import_fichier(request: HttpRequest, reference: str, pk: int) -> FileResponse:
    """The file as it was received, always as a download."""
    imp = load(request, reference, pk)
    try:
        fichier = imp.fichier.open("rb")
        return FileResponse(fichier, as_attachment=True, filename=imp.nom, content_type="application/octet-stream")
    except OSError as erreur:
        raise Http404(GARDE_PERDUE) from erreur


@require_safe
def import_annote(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """A copy of the file with a comment in each faulty cell."""
    imp = load(request, reference, pk)
    refus = [r for page in imp.pages.filter(genre=PageImport.Genre.REFUS) for r in page.contenu]
    if not refus:
        raise Http404("Aucune cellule de ce fichier n’est refusée.")
    try:
        contenu = annotate(imp, refus)
    except (OSError, ValueError) as erreur:
        raise Http404(GARDE_PERDUE) from erreur
    nom = slugify_code(imp.nom.rpartition(".")[0] or imp.nom) or "import"
    return download(contenu, f"{nom}-annote.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
