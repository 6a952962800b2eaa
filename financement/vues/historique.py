"""The history of a fiche, and the returns to what it was."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from fiches.droits import check_modification, explain_refus
from financement.journal_fiche import list_entrees, list_retours, read_moment, restore_champ, restore_fiche
from financement.vues.fiches import load

PAR_PAGE = 60


@require_safe
def historique(request: HttpRequest, reference: str, slug: str) -> HttpResponse:
    """Who changed what, before and after, latest first; one field alone with `champ`."""
    fiche = load(request, reference, slug)
    entrees = list_entrees(fiche)
    champs = {e.champ: e.libelle for e in entrees}
    champ = request.GET.get("champ", "")
    if champ in champs:
        entrees = [e for e in entrees if e.champ == champ]
    contexte = {
        "convention": fiche.convention,
        "fiche": fiche,
        "page": Paginator(entrees, PAR_PAGE).get_page(request.GET.get("page")),
        "champs": sorted(champs.items(), key=lambda couple: couple[1]),
        "champ": champ,
        "refus": explain_refus(request.user, fiche),
    }
    return render(request, "financement/historique.html", contexte)


@require_http_methods(["GET", "HEAD", "POST"])
def restaurer(request: HttpRequest, reference: str, slug: str) -> HttpResponse:
    """One field, or the whole fiche after a page that says what would change."""
    fiche = load(request, reference, slug)
    check_modification(request.user, fiche)
    donnees = request.POST if request.method == "POST" else request.GET
    moment = read_moment(donnees.get("au", ""))
    if request.method != "POST":
        return render(
            request,
            "financement/restaurer.html",
            {"convention": fiche.convention, "fiche": fiche, "moment": moment, "au": donnees["au"], "retours": list_retours(fiche, moment)},
        )
    if champ := request.POST.get("champ", ""):
        resultat = restore_champ(request.user, fiche, champ, moment)
        if resultat is None:
            raise Http404("Ce champ n’existe pas dans la fiche.")
        if resultat.statut == "inchange":
            messages.info(request, "Ce champ a déjà cette valeur.")
        elif resultat.statut == "enregistre":
            messages.success(request, "Valeur rétablie. Ce retour est lui-même dans l’historique : vous pouvez l’annuler.")
        else:
            messages.error(request, resultat.message)
        return redirect("fiche_historique", reference, fiche.slug)
    resultats = restore_fiche(request.user, fiche, moment)
    faits = sum(r.statut == "enregistre" for r in resultats)
    pluriel = "s" if faits > 1 else ""
    messages.success(request, f"Fiche revenue au {timezone.localtime(moment):%d/%m/%Y} : {faits} champ{pluriel} rétabli{pluriel}.")
    for resultat in resultats:
        if resultat.statut == "refus":
            messages.error(request, resultat.message)
    return redirect("fiche", reference, fiche.slug)
