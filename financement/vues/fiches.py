"""The list of the fiches, and the acts on whole fiches: create, move, duplicate, reorder, discard, pass to another state."""

from collections import defaultdict
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from conventions.acces import get_convention
from conventions.axes import ArbreAxes
from conventions.models import Axe, Convention
from fiches.acces import get_fiche
from fiches.champs import list_personnes
from fiches.droits import check_ecriture, check_modification, explain_lecture
from fiches.gestion import create_fiche, move_fiche, propose_code, shift_fiche
from fiches.models import FicheAction
from fiches.transitions import pass_fiche
from financement.controles.presentation import count_by_fiche
from financement.duplication import duplicate_fiche
from financement.liste_fiches import FILTRES, MANQUES, Rangee, filter_rangees, list_actes, list_rangees, pass_lot, set_pilote
from financement.vues.edition import list_rubriques
from socle.nombres import read_cle
from socle.texte import keep_writable


def load(request: HttpRequest, reference: str, slug: str) -> FicheAction:
    """The fiche of a page's address, with its convention; raises Http404 when it is not theirs."""
    convention = get_convention(request.user, reference)
    fiche = get_fiche(convention, slug)
    fiche.convention = convention
    return fiche


def list_noeuds(arbre: ArbreAxes, rangees: list[Rangee], filtree: bool) -> list[dict[str, Any]]:
    """Axes in reading order with their fiches; filtered, only those that keep some."""
    par_axe: dict[int, list[Rangee]] = defaultdict(list)
    for rangee in rangees:
        par_axe[rangee.fiche.axe_id].append(rangee)
    return [
        {
            "axe": noeud.axe,
            "profondeur": noeud.profondeur,
            "rangees": par_axe[noeud.axe.pk],
            "visible": any(par_axe[n.axe.pk] for n in noeud.walk()) if filtree else noeud.profondeur == 1 or noeud.is_utile(par_axe),
        }
        for noeud in arbre.walk()
    ]


@require_safe
def fiches(request: HttpRequest, reference: str) -> HttpResponse:
    """Fiches by axe, filtered; `gerer` adds boxes to tick and arrows, for those who write."""
    convention = get_convention(request.user, reference)
    arbre = ArbreAxes.of(convention)
    toutes = list_rangees(convention, request.user)
    filtres = {cle: request.GET.get(cle, "")[:40] for cle in FILTRES}
    rangees = filter_rangees(toutes, filtres, arbre)
    filtree = any(filtres.values())
    peut_ecrire = not explain_lecture(request.user, convention)
    contexte = {
        "convention": convention,
        "noeuds": list_noeuds(arbre, rangees, filtree),
        "nb": len(rangees),
        "nb_toutes": len(toutes),
        "filtres": filtres,
        "filtree": filtree,
        "suite": urlencode({cle: valeur for cle, valeur in filtres.items() if valeur}),
        "axes": [(n.axe, n.profondeur) for n in arbre.walk() if n.profondeur <= 2],
        "etats": [c for c in FicheAction.Etat.choices if c[0] in {r.fiche.etat for r in toutes}],
        "pilotes": sorted({p for r in toutes for p in r.pilotes}, key=str),
        "annees": sorted({a for r in toutes for a in r.ligne.annees_chiffrees}),
        "manques": MANQUES,
        "marques": count_by_fiche(convention),
        "peut_ecrire": peut_ecrire,
        "gerer": peut_ecrire and "gerer" in request.GET,
        "actes": list_actes(),
        "personnes": list_personnes(convention) if peut_ecrire else [],
        "nb_corbeille": FicheAction.toutes.discarded().filter(convention=convention).count() if peut_ecrire else 0,
    }
    return render(request, "financement/fiches.html", contexte)


@require_POST
def lot(request: HttpRequest, reference: str) -> HttpResponse:
    """One act on the ticked fiches: a transition, a pilot more or less."""
    convention = get_convention(request.user, reference)
    check_ecriture(request.user, convention)
    cochees = set(request.POST.getlist("fiche"))
    rangees = [r for r in list_rangees(convention, request.user) if str(r.fiche.pk) in cochees]
    for rangee in rangees:
        rangee.fiche.convention = convention
    acte, _, suite = request.POST.get("acte", "").partition(":")
    retour = reverse("fiches", args=[reference]) + "?" + "&".join(filter(None, ["gerer=1", request.POST.get("suite", "")[:300]]))
    if not rangees:
        messages.error(request, "Cochez d’abord une ou plusieurs fiches.")
    elif acte == "etat":
        _tell(request, pass_lot(request.user, rangees, suite, request.POST.get("motif", "")))
    elif acte in {"ajouter", "retirer"} and (pilote := read_cle(request.POST.get("pilote", ""))):
        _tell(request, set_pilote(request.user, rangees, pilote, acte == "ajouter"))
    else:
        messages.error(request, "Choisissez ce qu’il faut faire de ces fiches.")
    return redirect(retour)


def _tell(request: HttpRequest, lot: Any) -> None:
    """Say what was done, then each refusal with its reason."""
    if lot.faites:
        pluriel = "s" if len(lot.faites) > 1 else ""
        messages.success(request, f"{len(lot.faites)} fiche{pluriel} traitée{pluriel} : {', '.join(lot.faites)}.")
    for phrase in lot.phrases:
        messages.error(request, phrase)


@require_http_methods(["GET", "HEAD", "POST"])
def nouvelle(request: HttpRequest, reference: str) -> HttpResponse:
    """A new fiche: an axe, a title, the code that follows its neighbours."""
    convention = get_convention(request.user, reference)
    check_ecriture(request.user, convention)
    arbre = ArbreAxes.of(convention)
    erreurs: dict[str, list[str]] = {}
    saisie = {"axe": request.GET.get("axe", ""), "titre": "", "code": ""}
    if request.method == "POST":
        saisie = {cle: keep_writable(request.POST.get(cle, "")).strip() for cle in saisie}
        axe = find_axe(arbre, saisie["axe"])
        if axe is None:
            erreurs["axe"] = ["Choisissez l’axe de la fiche."]
        if not saisie["titre"]:
            erreurs["titre"] = ["Donnez un titre à la fiche."]
        if axe and not erreurs:
            try:
                fiche = create_fiche(request.user, axe, saisie["titre"], saisie["code"])
            except ValidationError as refus:
                erreurs = refus.message_dict
            else:
                messages.success(request, f"Fiche {fiche.code} créée. Elle reste un brouillon tant que vous ne la faites pas relire.")
                return redirect("fiche_modifier", reference, fiche.slug)
    return _render_place(request, convention, arbre, saisie, erreurs)


def _render_place(
    request: HttpRequest,
    convention: Convention,
    arbre: ArbreAxes,
    saisie: dict[str, str],
    erreurs: dict[str, list[str]],
    actuel: Any = None,
) -> HttpResponse:
    """The form of a fiche's place, `actuel` when it has one: axe, code, and the code that would follow the neighbours."""
    axe = find_axe(arbre, saisie["axe"])
    contexte = {
        "convention": convention,
        "noeuds": list(arbre.walk()),
        "saisie": saisie,
        "erreurs": erreurs,
        "generales": erreurs.get(NON_FIELD_ERRORS, []),
        "propose": propose_code(axe, sauf=actuel.pk if actuel else None) if axe else "",
        "actuel": actuel,
    }
    return render(request, "financement/fiche_place.html", contexte, status=422 if erreurs else 200)


def find_axe(arbre: ArbreAxes, pk: str) -> Axe | None:
    """The axe of this key in the convention."""
    return next((n.axe for n in arbre.walk() if str(n.axe.pk) == pk), None)


@require_http_methods(["GET", "HEAD", "POST"])
def deplacer(request: HttpRequest, reference: str, slug: str) -> HttpResponse:
    """Another axe, another code."""
    fiche = load(request, reference, slug)
    check_modification(request.user, fiche)
    arbre = ArbreAxes.of(fiche.convention)
    erreurs: dict[str, list[str]] = {}
    saisie = {"axe": request.GET.get("axe") or str(fiche.axe_id), "titre": fiche.titre, "code": fiche.code}
    if request.method == "POST":
        saisie |= {cle: keep_writable(request.POST.get(cle, "")).strip() for cle in ("axe", "code")}
        axe = find_axe(arbre, saisie["axe"])
        try:
            if axe is None:
                raise ValidationError({"axe": "Choisissez l’axe de la fiche."})
            move_fiche(request.user, fiche, axe, saisie["code"])
        except ValidationError as refus:
            erreurs = refus.message_dict
        else:
            messages.success(request, f"La fiche porte le code {fiche.code}, dans l’axe {axe}.")
            return redirect("fiche", reference, fiche.slug)
    axe = find_axe(arbre, saisie["axe"])
    if axe and request.method != "POST" and axe.pk != fiche.axe_id:
        saisie["code"] = propose_code(axe, sauf=fiche.pk)
    return _render_place(request, fiche.convention, arbre, saisie, erreurs, fiche)


@require_POST
def dupliquer(request: HttpRequest, reference: str, slug: str) -> HttpResponse:
    """A copy of the fiche, as a new draft."""
    copie = duplicate_fiche(request.user, load(request, reference, slug))
    messages.success(request, f"Copie créée sous le code {copie.code}. C’est un brouillon : changez son titre, ses textes et ses coûts.")
    return redirect("fiche_modifier", reference, copie.slug)


@require_POST
def ordonner(request: HttpRequest, reference: str, slug: str) -> HttpResponse:
    """One place up or down in its axe."""
    fiche = load(request, reference, slug)
    sens = -1 if request.POST.get("sens") == "monter" else 1
    if not shift_fiche(request.user, fiche, sens):
        messages.info(request, f"{fiche.code} est déjà la {'première' if sens < 0 else 'dernière'} de son axe.")
    suite = "&".join(filter(None, ["gerer=1", request.POST.get("suite", "")[:300]]))
    return redirect(reverse("fiches", args=[reference]) + f"?{suite}#fiche-{fiche.pk}")


@require_http_methods(["GET", "HEAD", "POST"])
def supprimer(request: HttpRequest, reference: str, slug: str) -> HttpResponse:
    """To the corbeille, after confirmation."""
    fiche = load(request, reference, slug)
    check_modification(request.user, fiche)
    if request.method == "POST":
        fiche.discard()
        messages.success(request, f"{fiche.code} est dans la corbeille de la convention. Elle en sort d’un clic.")
        return redirect("fiches", reference)
    return render(request, "financement/fiche_supprimer.html", {"convention": fiche.convention, "fiche": fiche})


@require_safe
def corbeille(request: HttpRequest, reference: str) -> HttpResponse:
    """Discarded fiches, latest first, each with the way back."""
    convention = get_convention(request.user, reference)
    check_ecriture(request.user, convention)
    supprimees = FicheAction.toutes.discarded().filter(convention=convention).select_related("axe").order_by("-supprimee_le")
    return render(request, "financement/corbeille.html", {"convention": convention, "supprimees": supprimees})


@require_POST
def recuperer(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Out of the corbeille; under the next free code when its own was taken meanwhile."""
    convention = get_convention(request.user, reference)
    check_ecriture(request.user, convention)
    fiche = get_object_or_404(FicheAction.toutes.discarded().select_related("axe__convention"), convention=convention, pk=pk)
    ancien = fiche.code
    try:
        fiche.recover()
    except ValidationError:
        fiche.code = propose_code(fiche.axe)
        fiche.recover()
        messages.info(request, f"Le code {ancien} sert à une autre fiche : celle-ci porte maintenant {fiche.code}.")
    messages.success(request, f"{fiche.code} est revenue avec ses coûts, ses parts, ses indicateurs et ses commentaires.")
    return redirect("fiche", reference, fiche.slug)


@require_POST
def changer_etat(request: HttpRequest, reference: str, slug: str) -> HttpResponse:
    """One transition; a refusal comes back as a sentence."""
    fiche = load(request, reference, slug)
    if refus := explain_lecture(request.user, fiche.convention):
        raise PermissionDenied(refus)
    manques = [r for r in list_rubriques(fiche) if not r.remplie]
    try:
        transition = pass_fiche(request.user, fiche, request.POST.get("action", ""), manques, request.POST.get("motif", ""))
    except ValidationError as refus_metier:
        messages.error(request, " ".join(refus_metier.messages))
        return redirect("fiche_modifier" if request.POST.get("retour") == "modifier" else "fiche", reference, fiche.slug)
    messages.success(request, transition.fait)
    return redirect("fiche", reference, fiche.slug)
