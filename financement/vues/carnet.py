"""The carnet of an agreement: what was done and spent, noted all year long."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from conventions.acces import get_avec_base
from conventions.consolidation import find_consolidee, get_base, root_of
from conventions.models import Convention
from fiches.models import FicheAction
from financement.bilans.carnet import (
    Consommation,
    LignePrevue,
    Note,
    add_realisation,
    explain_carnet,
    list_consommations,
    list_depassements,
    withdraw_realisation,
)
from financement.bilans.ouverture import list_annees
from financement.models import NatureDepense, Realisation
from financement.vues.versements import read_euros
from socle.nombres import NombreIllisible, parse_jours, read_cle
from socle.pieces import read_piece_ou_rien
from socle.saisie import Saisie, gather, read_jour
from socle.vues import serve_piece

AUTRE = "autre"


@require_safe
def carnet(request: HttpRequest, reference: str) -> HttpResponse:
    """What was noted in a year, action by action."""
    base = get_base(get_avec_base(request.user, reference))
    texte = request.GET.get("annee", "")
    return show_carnet(request, base, int(texte) if texte.isdecimal() and len(texte) == 4 else None)


def show_carnet(request: HttpRequest, base: Convention, annee: int | None = None, saisie: Saisie | None = None) -> HttpResponse:
    """The page, with the form that was refused shown as it was typed."""
    annees = list_annees(base)
    courante = timezone.localdate().year
    if annee not in annees:
        annee = courante if courante in annees else max((a for a in annees if a <= courante), default=min(annees, default=courante))
    consommations = list_consommations(base, annee)
    contexte: dict[str, Any] = {
        "convention": base,
        "annee": annee,
        "annees": annees,
        "consommations": consommations,
        "depassements": list_depassements(consommations),
        "refus": explain_carnet(request.user, base, annee),
        "saisie": saisie or Saisie(),
        "choix": [(c, list_choix(c)) for c in consommations],
        "natures": NatureDepense.objects.all(),
        "aujourdhui": timezone.localdate(),
        "bilan": base.bilans.filter(annee=annee).first(),
        "nb": sum(len(c.vivantes) for c in consommations),
    }
    return render(request, "financement/bilans/carnet.html", contexte, status=422 if saisie else 200)


def list_choix(consommation: Consommation) -> list[tuple[str, str]]:
    """What one may note on an action: the lines of its plan."""
    return [(f"{consommation.fiche.pk}:{li.cle}", li.intitule) for li in consommation.prevues]


def read_ligne(base: Convention, envoi: Any, annee: int) -> tuple[FicheAction, NatureDepense, str, LignePrevue | None]:
    """The line chosen, or an unplanned one of an action: « 12:4.Observatoire », « 12:autre » with a nature. Raises ValidationError."""
    debut, _, suite = envoi.get("ligne", "").partition(":")
    consommation = next((c for c in list_consommations(base, annee) if str(c.fiche.pk) == debut), None)
    if consommation is None or not suite:
        raise ValidationError("Choisissez la dépense dans la liste.")
    racine = FicheAction.toutes.get(pk=root_of(find_consolidee(base), "ficheaction", consommation.fiche.pk))
    if suite == AUTRE:
        nature = NatureDepense.objects.filter(pk=read_cle(envoi.get("nature", "")) or 0).first()
        if nature is None:
            raise ValidationError("Choisissez la nature de cette dépense, qui n’est pas au plan.")
        if any(li.nature == nature.pk and not li.libelle for li in consommation.prevues):
            raise ValidationError(f"« {nature.nom} » est au plan de cette action : choisissez-la dans la liste, ou une autre nature.")
        return racine, nature, "", None
    prevue = next((li for li in consommation.prevues if li.cle == suite), None)
    if prevue is None:
        raise ValidationError(f"Cette dépense n’est pas au plan de {annee}. Choisissez-la dans la liste de cette année.")
    return racine, NatureDepense.objects.get(pk=prevue.nature), prevue.libelle, prevue


def read_jours_ou_rien(texte: str) -> Any:
    """Days, or None when nothing was typed. Raises ValidationError."""
    try:
        return parse_jours(texte) if texte.strip() else None
    except NombreIllisible as erreur:
        raise ValidationError(f"Les jours : {erreur}") from erreur


@require_POST
def noter(request: HttpRequest, reference: str) -> HttpResponse:
    """Note a day worked or an expense."""
    base = get_base(get_avec_base(request.user, reference))
    envoi = request.POST
    annee = None
    try:
        jour, jours, montant, piece = gather(
            partial(read_jour, envoi.get("jour", "")),
            partial(read_jours_ou_rien, envoi.get("jours", "")),
            lambda: read_euros(envoi.get("montant", "")) if envoi.get("montant", "").strip() else None,
            lambda: read_piece_ou_rien(request.FILES.get("fichier")),
        )
        annee = jour.year
        racine, nature, libelle, prevue = read_ligne(base, envoi, annee)
        note = Note(jour, envoi.get("qui", ""), nature, libelle, jours, montant, envoi.get("quoi", ""), piece)
        tarif = prevue.tarif if prevue else None
        add_realisation(request.user, base, racine, note, tarif)
    except ValidationError as erreur:
        return show_carnet(request, base, annee, Saisie.of("noter", envoi, erreur))
    messages.success(request, f"Noté : {racine.code}, {note.quoi.strip()[:80]}.")
    return redirect(f"{request.path.removesuffix('noter/')}?annee={annee}#fiche-{read_cle(envoi.get('ligne', '').partition(':')[0]) or ''}")


@require_POST
def retirer(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Take an entry away."""
    base = get_base(get_avec_base(request.user, reference))
    realisation = get_object_or_404(Realisation, convention=base, pk=pk)
    realisation.convention = base
    try:
        withdraw_realisation(request.user, realisation)
    except ValidationError as erreur:
        messages.error(request, " ".join(erreur.messages))
    else:
        messages.success(request, "Ligne retirée : elle reste lisible, barrée, et ne compte plus.")
    return redirect(f"{request.path.partition('carnet/')[0]}carnet/?annee={realisation.date.year}")


@require_safe
def piece(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """The proof of an entry."""
    base = get_base(get_avec_base(request.user, reference))
    realisation = get_object_or_404(Realisation.objects.exclude(fichier=""), convention=base, pk=pk)
    return serve_piece(realisation, f"{reference}-carnet-{pk}")
