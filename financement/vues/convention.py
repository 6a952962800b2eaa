"""Overview of a convention, one fiche as it is read, the budget."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from conventions.acces import get_convention
from fiches.acces import get_fiche
from fiches.commentaires import list_fils, list_participants
from fiches.droits import explain_lecture, explain_refus
from fiches.fiches import slugify_code
from fiches.transitions import list_offres
from financement.controles.journal import Verification
from financement.controles.presentation import count_by_fiche, read_ecarts
from financement.models import CoFinancement, LigneCout
from financement.recapitulatif import Recapitulatif, list_autres
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
            "verification": Verification.objects.filter(convention=convention).first(),
            "marques": count_by_fiche(convention),
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
            "refus": explain_refus(request.user, fiche),
            "peut_ecrire": not explain_lecture(request.user, convention),
            "offres": list_offres(request.user, fiche, [r for r in rubriques if not r.remplie]),
            "dernier_passage": fiche.passages.select_related("auteur").first(),
            "fils": list_fils(fiche, request.user),
            "participants": list_participants(fiche),
            "marque": count_by_fiche(convention, [fiche.pk]).get(fiche.pk),
            "pilotes": [p.utilisateur for p in fiche.pilotages.select_related("utilisateur__organisation")],
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
            "ecarts": read_ecarts(convention, recap.declare) if has_declare else {},
            "versements": convention.versements.select_related("payeur", "beneficiaire"),
        },
    )
