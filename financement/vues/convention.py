"""Overview of a convention, its fiches, one fiche, its budget."""

from collections import defaultdict
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from conventions.acces import get_convention
from conventions.axes import ArbreAxes
from fiches.acces import get_fiche
from fiches.fiches import slugify_code
from financement.models import CoFinancement, LigneCout
from financement.recapitulatif import Ligne, Recapitulatif, list_autres
from financement.syntheses import (
    compute_recapitulatif,
    get_recapitulatif,
    has_recapitulatif_declare,
    read_recapitulatif_declare,
)
from financement.tableaux import build_couts, build_parts, list_indicateurs


@dataclass(frozen=True)
class Voisine:
    """The fiche before or after: what its link shows."""

    code: str
    nom_court: str

    @property
    def slug(self) -> str:
        return slugify_code(self.code)


@require_safe
def apercu(request: HttpRequest, reference: str) -> HttpResponse:
    """Figures, budget by axe, fiches, parties, objectives."""
    convention = get_convention(request.user, reference)
    recap = compute_recapitulatif(convention)
    declare = read_recapitulatif_declare(convention) if has_recapitulatif_declare(convention) else None
    return render(
        request,
        "financement/apercu.html",
        {
            "convention": convention,
            "recap": recap,
            "declare": declare,
            "nb_completes": sum(ligne.is_complete for ligne in recap.lignes()),
            "parts": list_parts(recap),
            "versements": convention.versements.all(),
            "objectifs": convention.objectifs.all(),
            "politiques": convention.politiques.all(),
        },
    )


def list_parts(recap: Recapitulatif) -> list[dict]:
    """Each financeur's part of the whole, in euros and in % of the total."""
    total = recap.total.total().montant
    parts = []
    for financeur in recap.financeurs:
        montant = recap.total.get(None, financeur.id).montant
        if montant is not None or financeur.is_partie:
            parts.append({"financeur": financeur, "montant": montant, "taux": montant * 100 / total if montant and total else None})
    return parts


@require_safe
def fiches(request: HttpRequest, reference: str) -> HttpResponse:
    """Fiches by axe, with their cost and what they miss."""
    convention = get_convention(request.user, reference)
    par_axe: dict[int, list[Ligne]] = defaultdict(list)
    for ligne in compute_recapitulatif(convention).lignes():
        if ligne.fiche:
            par_axe[ligne.fiche.axe_id].append(ligne)
    noeuds = [
        {
            "axe": noeud.axe,
            "profondeur": noeud.profondeur,
            "lignes": par_axe[noeud.axe.pk],
            "visible": noeud.profondeur == 1 or noeud.is_utile(par_axe),
        }
        for noeud in ArbreAxes.of(convention).walk()
    ]
    return render(request, "financement/fiches.html", {"convention": convention, "noeuds": noeuds})


@require_safe
def fiche(request: HttpRequest, reference: str, slug: str) -> HttpResponse:
    """One fiche, heading by heading, with its costs and shares."""
    convention = get_convention(request.user, reference)
    fiche = get_fiche(convention, slug)
    fiche.convention = convention
    couts = list(LigneCout.objects.filter(fiche=fiche).select_related("nature"))
    parts = list(CoFinancement.objects.filter(fiche=fiche).select_related("financeur", "nature"))
    rubriques = fiche.list_rubriques(bool(couts), bool(parts))
    voisines = [Voisine(code, court or titre) for code, court, titre in convention.fiches.values_list("code", "titre_court", "titre")]
    rang = [v.code for v in voisines].index(fiche.code)
    return render(
        request,
        "financement/fiche.html",
        {
            "convention": convention,
            "fiche": fiche,
            "couts": build_couts(couts, convention.annees),
            "parts": build_parts(fiche, couts, parts, convention.annees),
            "rubriques": rubriques,
            "nb_remplies": sum(r.remplie for r in rubriques),
            "manques": [r for r in rubriques if not r.remplie],
            "indicateurs": list_indicateurs(fiche),
            "prets": fiche.produits_pret.all(),
            "precedente": voisines[rang - 1] if rang else None,
            "suivante": voisines[rang + 1] if rang + 1 < len(voisines) else None,
        },
    )


@require_safe
def budget(request: HttpRequest, reference: str) -> HttpResponse:
    """The recap: computed from the fiches, or as the annex prints it."""
    convention = get_convention(request.user, reference)
    has_declare = has_recapitulatif_declare(convention)
    recap = get_recapitulatif(convention, declare=request.GET.get("source") == "declare")
    return render(
        request,
        "financement/budget.html",
        {
            "convention": convention,
            "recap": recap,
            "has_declare": has_declare,
            "autres": list_autres(recap),
            "versements": convention.versements.select_related("payeur", "beneficiaire"),
        },
    )
