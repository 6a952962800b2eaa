"""The bilans of an agreement: their list, the page of one year, its passages, its documents."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from conventions.acces import get_avec_base
from conventions.consolidation import get_base
from conventions.formules import write_formule
from conventions.models import Convention
from documents.bilans.compte_rendu import publish_compte_rendu
from documents.bilans.diaporama import publish_diaporama
from documents.bilans.figes import DocumentBilan, read_soldes, write_donnees
from documents.bilans.passages import PAR_ACTION, list_offres, pass_bilan
from documents.bilans.pluriannuel import publish_pluriannuel
from documents.mise_en_forme import serve_bilan
from documents.vues.fichiers import telling_loss
from financement.bilans.calculs import compute_synthese
from financement.bilans.compte_rendu import compute_compte_rendu
from financement.bilans.comptes import sum_comptes
from financement.bilans.droits import explain_saisie
from financement.bilans.graphiques import (
    draw_annees,
    draw_axes,
    draw_fiches,
    draw_financeurs,
    draw_indicateurs,
    draw_jours,
    draw_natures,
    draw_reste,
)
from financement.bilans.modeles import Bilan
from financement.bilans.observations import explain_observation, list_observations
from financement.bilans.ouverture import explain_ouverture
from financement.bilans.plan import diff_plan
from financement.bilans.pluriannuel import Pluriannuel, compute_pluriannuel
from financement.bilans.suites import Observation
from financement.bilans.suivi import Synthese
from financement.bilans.tableur import write_bilan_xlsx
from financement.bilans.tableur_compte_rendu import write_compte_rendu_xlsx
from financement.echeances import date_bilan
from financement.vues.bilans import get_bilan, write_observation
from socle.saisie import Saisie
from socle.vues import download

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PDF = "application/pdf"


def load_base(request: HttpRequest, reference: str) -> Convention:
    """The agreement itself, whichever of its avenants the address names."""
    return get_base(get_avec_base(request.user, reference))


@require_safe
def bilans(request: HttpRequest, reference: str) -> HttpResponse:
    """Every year of the agreement, with its bilan or what opens it."""
    base = load_base(request, reference)
    p = compute_pluriannuel(base)
    aujourdhui = timezone.localdate()
    lignes = []
    for annee in p.annees:
        s = p.syntheses.get(annee)
        echeance = date_bilan(base, annee)
        lignes.append(
            {
                "annee": annee,
                "synthese": s,
                "compte": p.total.par_annee[annee],
                "echeance": echeance,
                "retard": (aujourdhui - echeance).days
                if base.is_signee and (s is None or s.bilan.etat == Bilan.Etat.BROUILLON) and echeance < aujourdhui
                else 0,
                "refus": "" if s else explain_ouverture(request.user, base, annee),
            }
        )
    contexte = {
        "convention": base,
        "lignes": lignes,
        "p": p,
        "formule": write_formule(base.formule_solde),
        "graphe": draw_annees([(a, p.total.par_annee[a]) for a in p.annees]) if p.syntheses else None,
    }
    return render(request, "documents/bilans/bilans.html", contexte)


@require_safe
def bilan(request: HttpRequest, reference: str, annee: int) -> HttpResponse:
    """The bilan of a year."""
    return show_bilan(request, get_bilan(request, reference, annee))


def show_bilan(request: HttpRequest, bilan: Bilan, saisie: Saisie | None = None) -> HttpResponse:
    """The page, with the passage or the observation that was refused and why."""
    synthese = compute_synthese(bilan)
    p = compute_pluriannuel(bilan.convention)
    soldes = read_soldes(synthese)
    graphes = [draw_fiches(synthese), draw_natures(synthese), draw_financeurs(synthese), draw_jours(synthese)]
    annees = [a for a in p.annees if a <= bilan.annee or not bilan.is_accepte]  # accepted, a year tells nothing of those after it
    if len(annees) > 1:
        graphes.append(draw_annees([(a, p.total.par_annee[a]) for a in annees]))
        restes = [(x.nom, sum_comptes(x.par_annee[a] for a in annees)) for x in p.axes]
        graphes.append(draw_reste(f"Reste à faire par axe, {annees[0]} à {annees[-1]}, en euros", restes))
    contexte: dict[str, Any] = {
        "convention": bilan.convention,
        "bilan": bilan,
        "s": synthese,
        "soldes": soldes,
        "graphe_axes": draw_axes(synthese),
        "graphe_indicateurs": draw_indicateurs(synthese),
        "graphes": [g for g in graphes if not g.is_vide],
        "mesures": [(f, m) for f, m in synthese.mesures if m.appreciation != "sans"],
        "verifications": list_verifications(synthese),
        "offres": list_offres(request.user, synthese),
        "ecarts": diff_plan(bilan) if bilan.is_ecrit else None,
        "fils": list_observations(bilan),
        "refus_observation": explain_observation(request.user, bilan),
        "rubriques": Observation.Rubrique.choices,
        "accords": bilan.accords.select_related("organisation", "auteur"),
        "document": DocumentBilan.objects.filter(bilan=bilan).first(),
        "saisie": saisie or Saisie(),
        "refus_passage": saisie.erreurs if saisie and saisie.formulaire in PAR_ACTION else [],
        "peut_remplir": not explain_saisie(request.user, bilan),
    }
    return render(request, "documents/bilans/bilan.html", contexte, status=422 if saisie else 200)


def list_verifications(s: Synthese) -> list[tuple[str, str, str]]:
    """What was checked before sending: icon, name, words."""
    actives = s.actives
    faites = [f for f in actives if f.objet.etat and not any(li.is_attendue and li.euros.prevu is not None for li in f.lignes)]
    manquants = sum(m.appreciation == "saisir" for _, m in s.mesures)
    inexpliques = sum(m.appreciation == "expliquer" for _, m in s.mesures)
    mots = [f"{manquants} à saisir"] if manquants else []
    mots += [f"{inexpliques} à expliquer"] if inexpliques else []
    racontees = [f for f in actives if f.objet.fait.strip()]
    return [
        ("bon" if len(faites) == len(actives) else "alerte", "Dépenses", f"{len(faites)} fiches sur {len(actives)}"),
        ("alerte" if mots else "bon", "Indicateurs", ", ".join(mots) or "tous renseignés"),
        ("bon" if len(racontees) == len(actives) else "alerte", "Récits", f"{len(racontees)} fiches sur {len(actives)}"),
        ("bon" if s.bilan.recit.strip() else "alerte", "L’année en bref", "écrite" if s.bilan.recit.strip() else "à écrire"),
    ]


@require_POST
def passer(request: HttpRequest, reference: str, annee: int, action: str) -> HttpResponse:
    """Make a passage."""
    bilan = get_bilan(request, reference, annee)
    if action not in PAR_ACTION:
        raise Http404("Cette étape n’existe pas.")
    try:
        passage = pass_bilan(request.user, bilan, action)
    except ValidationError as erreur:
        return show_bilan(request, get_bilan(request, reference, annee), Saisie.of(action, request.POST, erreur))
    messages.success(request, passage.fait)
    return redirect("bilan", reference, annee)


@require_POST
def observer(request: HttpRequest, reference: str, annee: int) -> HttpResponse:
    """Write an observation, or the answer to one."""
    return write_observation(request, get_bilan(request, reference, annee), show_bilan)


@require_safe
@telling_loss
def bilan_document(request: HttpRequest, reference: str, annee: int, forme: str) -> HttpResponse:
    """The bilan as PDF (the one that was frozen, once accepted), spreadsheet or data."""
    bilan = get_bilan(request, reference, annee)
    if forme == "pdf":
        return serve_bilan(request, bilan, f"{reference}-bilan-{annee}.pdf")
    if forme == "xlsx":
        return download(write_bilan_xlsx(read_soldes(compute_synthese(bilan))), f"{reference}-bilan-{annee}.xlsx", XLSX)
    if forme == "json":
        return download(write_donnees(bilan), f"{reference}-bilan-{annee}.json", "application/json")
    raise Http404("Le bilan se télécharge en pdf, xlsx ou json.")


@require_safe
def diaporama_pdf(request: HttpRequest, reference: str, annee: int) -> HttpResponse:
    """Four slides for the committee."""
    return download(publish_diaporama(get_bilan(request, reference, annee)), f"{reference}-bilan-{annee}-comite.pdf", PDF)


@require_safe
def compte_rendu_document(request: HttpRequest, reference: str, annee: int, forme: str) -> HttpResponse:
    """The compte rendu financier by accounts, as PDF or spreadsheet."""
    bilan = get_bilan(request, reference, annee)
    nom = f"{reference}-compte-rendu-{annee}"
    formes: dict[str, tuple[Callable[[], bytes], str]] = {
        "pdf": (lambda: publish_compte_rendu(bilan), PDF),
        "xlsx": (lambda: write_compte_rendu_xlsx(compute_compte_rendu(compute_synthese(bilan))), XLSX),
    }
    if forme not in formes:
        raise Http404("Le compte rendu se télécharge en pdf ou en xlsx.")
    ecrire, sorte = formes[forme]
    return download(ecrire(), f"{nom}.{forme}", sorte)


@require_safe
def pluriannuel(request: HttpRequest, reference: str) -> HttpResponse:
    """All the years side by side."""
    base = load_base(request, reference)
    p = compute_pluriannuel(base)
    return render(request, "documents/bilans/pluriannuel.html", {"convention": base, "p": p, **draw_pluriannuel(p)})


def draw_pluriannuel(p: Pluriannuel) -> dict[str, Any]:
    """Charts of the whole period."""
    return {
        "graphe_annees": draw_annees([(a, p.total.par_annee[a]) for a in p.annees]) if p.annees else None,
        "graphe_reste": draw_reste("Reste à faire par axe, toutes années, en euros", [(x.nom, x.ensemble) for x in p.axes]),
    }


@require_safe
def pluriannuel_document(request: HttpRequest, reference: str, forme: str) -> HttpResponse:
    """The bilan of the whole period as PDF."""
    base = load_base(request, reference)
    if forme != "pdf":
        raise Http404("Le bilan pluriannuel se télécharge en pdf.")
    return download(publish_pluriannuel(base), f"{reference}-bilan-pluriannuel.pdf", PDF)
