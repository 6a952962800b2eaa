"""Filling a bilan: opening it, the grid of all the actions, the page of one action, its rows, files and observations."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from comptes.models import Organisation
from conventions.acces import get_avec_base
from conventions.consolidation import get_base
from fiches.saisie import Resultat, save_modifications
from financement.bilans.calculs import compute_synthese
from financement.bilans.droits import explain_saisie
from financement.bilans.grille import build_grille, compute_places
from financement.bilans.lignes import add_ligne, add_part, attach_piece, remove_ligne, remove_part, remove_piece
from financement.bilans.modeles import Bilan, FicheBilan, LigneBilan, PartBilan
from financement.bilans.observations import add_observation, explain_observation, list_observations, settle_observation
from financement.bilans.ouverture import open_bilan, update_plan
from financement.bilans.saisie import ContenuBilan
from financement.bilans.suites import Observation, PieceBilan
from financement.cofinancements import NON_REPARTI
from financement.editeur import ChampEdition
from financement.formulaire import read_modifications
from financement.models import NatureDepense
from financement.vues.edition import read_json, read_saisies, read_textes
from socle.nombres import read_cle
from socle.pieces import read_piece
from socle.saisie import Saisie
from socle.vues import serve_piece


def get_bilan(request: HttpRequest, reference: str, annee: int) -> Bilan:
    """The bilan of a year of a convention the person sees; raises Http404 otherwise."""
    base = get_base(get_avec_base(request.user, reference))
    bilan = get_object_or_404(Bilan, convention=base, annee=annee)
    bilan.convention = base
    return bilan


def get_fiche_bilan(bilan: Bilan, pk: int) -> FicheBilan:
    """One action of a bilan; raises Http404."""
    fiche = get_object_or_404(FicheBilan, bilan=bilan, pk=pk)
    fiche.bilan = bilan
    return fiche


@require_POST
def ouvrir(request: HttpRequest, reference: str, annee: int) -> HttpResponse:
    """Open the bilan of a year."""
    base = get_base(get_avec_base(request.user, reference))
    if base.bilans.filter(annee=annee).exists():
        messages.info(request, f"Le bilan {annee} est déjà ouvert.")
        return redirect("bilan", base.reference, annee)
    try:
        bilan = open_bilan(request.user, base, annee)
    except ValidationError as erreur:
        messages.error(request, " ".join(erreur.messages))
        return redirect("bilans", reference)
    messages.success(request, f"Bilan {annee} ouvert avec le plan de l’année.")
    return redirect("bilan_grille", base.reference, bilan.annee)


@require_POST
def plan(request: HttpRequest, reference: str, annee: int) -> HttpResponse:
    """Bring the bilan to the plan as it is now."""
    bilan = get_bilan(request, reference, annee)
    ecarts = update_plan(request.user, bilan)
    messages.success(request, "Le plan est repris." if ecarts else "Le bilan suivait déjà le plan.")
    return redirect("bilan", reference, annee)


@require_http_methods(["GET", "HEAD", "POST"])
def grille(request: HttpRequest, reference: str, annee: int) -> HttpResponse:
    """All the actions at once, as a grid."""
    bilan = get_bilan(request, reference, annee)
    return _edit(request, bilan, None)


@require_http_methods(["GET", "HEAD", "POST"])
def fiche(request: HttpRequest, reference: str, annee: int, pk: int) -> HttpResponse:
    """One action: what was done, who paid, indicators, state, story, files, observations."""
    bilan = get_bilan(request, reference, annee)
    return _edit(request, bilan, get_fiche_bilan(bilan, pk))


def _edit(request: HttpRequest, bilan: Bilan, fiche: FicheBilan | None) -> HttpResponse:
    """The page of a grid or of an action; sent as a plain form, it writes all that changed and shows what could not be."""
    refus = explain_saisie(request.user, bilan)
    if request.method != "POST":
        if refus and fiche is None:
            messages.warning(request, refus)
            return redirect("bilan", bilan.convention.reference, bilan.annee)
        return _render(request, bilan, fiche, refus=refus)
    if refus:
        raise PermissionDenied(refus)
    modifications, _ = read_modifications(request.POST)
    prise = request.POST.get("prendre", "")
    modifications = [m for m in modifications if m.champ != prise]
    resultats = save_modifications(request.user, ContenuBilan.of_bilan(bilan, fiche), modifications)
    refuses = {r.champ: r for r in resultats if r.statut in {"refus", "question", "conflit"}}
    if not refuses:
        messages.success(request, "Tout est enregistré." if resultats else "Rien n’avait changé.")
        return redirect(request.path)
    saisies = {m.champ: m.apres for m in modifications if m.champ in refuses}
    return _render(request, get_bilan(request, bilan.convention.reference, bilan.annee), fiche, refuses, saisies, statut=422)


def _render(
    request: HttpRequest,
    bilan: Bilan,
    fiche: FicheBilan | None,
    resultats: dict[str, Resultat] | None = None,
    saisies: dict[str, str] | None = None,
    refus: str = "",
    saisie: Saisie | None = None,
    statut: int = 200,
) -> HttpResponse:
    synthese = compute_synthese(bilan)
    suivie = synthese.find(fiche.pk) if fiche else None
    if fiche and suivie is None:
        raise Http404("Cette fiche n’est plus dans le bilan.")
    contenu = ContenuBilan.of_bilan(bilan, fiche)
    page = build_grille(synthese, contenu, suivie, saisies or {}, resultats or {})
    contexte: dict[str, Any] = {
        "convention": bilan.convention,
        "bilan": bilan,
        "synthese": synthese,
        "g": page,
        "refus": refus,
        "saisie": saisie or Saisie(),
        "version": bilan.modifie_le.isoformat(),
        "natures": NatureDepense.objects.all(),
    }
    if suivie is None:
        return render(request, "financement/bilans/grille.html", contexte, status=statut)
    rang = synthese.fiches.index(suivie)
    contexte |= {
        "f": suivie,
        "precedente": synthese.fiches[rang - 1] if rang else None,
        "suivante": synthese.fiches[rang + 1] if rang + 1 < len(synthese.fiches) else None,
        "pieces": bilan.pieces.filter(fiche=fiche).select_related("ajoutee_par"),
        "fils": list_observations(bilan, fiche),
        "rubriques": Observation.Rubrique.choices,
        "refus_observation": explain_observation(request.user, bilan),
        "organisations": Organisation.objects.exclude(pk__in=[p.cle for p in suivie.parts if p.cle]),
        "carnet": list_carnet(bilan, suivie.objet),
    }
    return render(request, "financement/bilans/fiche.html", contexte, status=statut)


def list_carnet(bilan: Bilan, fiche: FicheBilan) -> Any:
    """What the carnet holds of an action this year."""
    entrees = bilan.convention.realisations.of_year(bilan.annee).filter(fiche=fiche.fiche_id)
    return entrees.select_related("nature").order_by("date", "pk")


def show_fiche(request: HttpRequest, fiche: FicheBilan, nom: str, erreur: ValidationError) -> HttpResponse:
    """The page of an action with the form that was refused, as it was typed."""
    bilan = fiche.bilan
    return _render(
        request, bilan, fiche, refus=explain_saisie(request.user, bilan), saisie=Saisie.of(nom, request.POST, erreur), statut=422
    )


@require_POST
def enregistrer(request: HttpRequest, reference: str, annee: int) -> HttpResponse:
    """Write one or several fields; the answer says what became of each, and what the page must show."""
    bilan = get_bilan(request, reference, annee)
    try:
        donnees = read_json(request)
        modifications = read_saisies(donnees["modifications"])
    except (ValueError, KeyError, TypeError):
        return HttpResponseBadRequest("Enregistrement illisible.")
    contenu = ContenuBilan.of_bilan(bilan)
    connue = bilan.modifie_le.isoformat()
    try:
        resultats = save_modifications(request.user, contenu, modifications)
    except PermissionDenied as refus:
        return JsonResponse({"message": str(refus)}, status=403)
    frais = Bilan.objects.get(pk=bilan.pk)
    frais.convention = bilan.convention
    synthese = compute_synthese(frais)
    reponse = {
        "resultats": [_describe(r, m.apres) for r, m in zip(resultats, modifications, strict=True)],
        "nouveaux": {},
        "version": frais.modifie_le.isoformat(),
        "heure": f"{timezone.localtime():%H h %M}",
        **compute_places(synthese),
    }
    if donnees.get("version") != connue:
        reponse["contenu"] = contenu.read()
    return JsonResponse(reponse)


def _describe(resultat: Resultat, apres: str) -> dict[str, Any]:
    champ = ChampEdition(resultat.champ, "", apres, resultat.valeur, resultat=resultat)
    retour = render_to_string("financement/editeur/_retour.html", {"c": champ}) if champ.refuse else ""
    return {"champ": resultat.champ, "statut": resultat.statut, "valeur": resultat.valeur, "echo": resultat.echo, "retour": retour}


@require_POST
def calculer(request: HttpRequest, reference: str, annee: int) -> HttpResponse:
    """What the year comes to as it is typed; nothing is written."""
    bilan = get_bilan(request, reference, annee)
    try:
        valeurs = read_textes(read_json(request)["champs"])
    except (ValueError, KeyError):
        return HttpResponseBadRequest("Calcul illisible.")
    return JsonResponse(compute_places(compute_synthese(bilan, ContenuBilan.of_bilan(bilan).read_typed(valeurs))))


def do(request: HttpRequest, fiche: FicheBilan, nom: str, acte: Callable[[], str]) -> HttpResponse:
    """One small form of the page of an action: what was done is told there; refused, the form `nom` is shown as it was typed."""
    try:
        phrase = acte()
    except ValidationError as erreur:
        return show_fiche(request, fiche, nom, erreur)
    messages.success(request, phrase)
    return redirect("bilan_fiche", fiche.bilan.convention.reference, fiche.bilan.annee, fiche.pk)


def find_choice(modele: Any, texte: str, refus: str) -> Any:
    """The row chosen in a list. Raises ValidationError."""
    trouve = modele.objects.filter(pk=read_cle(texte) or 0).first()
    if trouve is None:
        raise ValidationError(refus)
    return trouve


@require_POST
def ajouter_ligne(request: HttpRequest, reference: str, annee: int, pk: int) -> HttpResponse:
    """An expense that the plan does not hold."""
    fiche, envoi = get_fiche_bilan(get_bilan(request, reference, annee), pk), request.POST

    def add() -> str:
        nature = find_choice(NatureDepense, envoi.get("nature", ""), "Choisissez la nature de la dépense.")
        return f"{add_ligne(request.user, fiche, nature, envoi.get('libelle', '')).intitule} : ajoutée. Écrivez ce qui a été dépensé."

    return do(request, fiche, "ligne", add)


@require_POST
def ajouter_part(request: HttpRequest, reference: str, annee: int, pk: int) -> HttpResponse:
    """A financeur that the plan does not hold."""
    fiche = get_fiche_bilan(get_bilan(request, reference, annee), pk)

    def add() -> str:
        organisation = find_choice(Organisation, request.POST.get("financeur", ""), "Choisissez le financeur.")
        add_part(request.user, fiche, organisation)
        return f"{organisation} : ajouté. Écrivez ce qu’il a payé."

    return do(request, fiche, "part", add)


def get_rangee(bilan: Bilan, modele: Any, pk: int) -> Any:
    """A row of an action of this bilan; raises Http404."""
    rangee = get_object_or_404(modele.objects.select_related("fiche"), fiche__bilan=bilan, pk=pk)
    rangee.fiche.bilan = bilan
    return rangee


@require_POST
def retirer_ligne(request: HttpRequest, reference: str, annee: int, pk: int) -> HttpResponse:
    """Take away an unplanned expense that holds nothing."""
    ligne = get_rangee(get_bilan(request, reference, annee), LigneBilan, pk)

    def remove() -> str:
        remove_ligne(request.user, ligne)
        return f"{ligne.intitule} : retirée."

    return do(request, ligne.fiche, "ligne", remove)


@require_POST
def retirer_part(request: HttpRequest, reference: str, annee: int, pk: int) -> HttpResponse:
    """Take away a financeur that the plan does not hold and that paid nothing."""
    part = get_rangee(get_bilan(request, reference, annee), PartBilan, pk)

    def remove() -> str:
        remove_part(request.user, part)
        return f"{part.financeur or NON_REPARTI} : retiré."

    return do(request, part.fiche, "part", remove)


@require_POST
def joindre(request: HttpRequest, reference: str, annee: int, pk: int) -> HttpResponse:
    """Add a supporting file to an action."""
    fiche = get_fiche_bilan(get_bilan(request, reference, annee), pk)

    def attach() -> str:
        piece = attach_piece(request.user, fiche, read_piece(request.FILES.get("fichier")), request.POST.get("intitule", ""))
        return f"« {piece.intitule} » est jointe."

    return do(request, fiche, "piece", attach)


@require_safe
def piece(request: HttpRequest, reference: str, annee: int, pk: int) -> HttpResponse:
    """A supporting file of the bilan."""
    bilan = get_bilan(request, reference, annee)
    return serve_piece(get_object_or_404(PieceBilan, bilan=bilan, pk=pk), f"{reference}-bilan-{annee}-piece-{pk}")


@require_POST
def retirer_piece(request: HttpRequest, reference: str, annee: int, pk: int) -> HttpResponse:
    """Take a supporting file away."""
    bilan = get_bilan(request, reference, annee)
    jointe = get_object_or_404(PieceBilan, bilan=bilan, pk=pk)
    jointe.bilan = bilan
    fiche = jointe.fiche_id
    remove_piece(request.user, jointe)
    messages.success(request, f"« {jointe.intitule} » est retirée.")
    return redirect("bilan_fiche", reference, annee, fiche) if fiche else redirect("bilan", reference, annee)


def write_observation(request: HttpRequest, bilan: Bilan, montrer: Callable[[HttpRequest, Bilan, Saisie], HttpResponse]) -> HttpResponse:
    """Write an observation, or the answer to one; refused, it is shown again as typed (`montrer`: the page of the whole bilan)."""
    envoi = request.POST
    cle = read_cle(envoi.get("fiche", ""))
    fiche = get_fiche_bilan(bilan, cle) if cle else None
    parent = None
    if numero := read_cle(envoi.get("parent", "")):
        parent = get_object_or_404(Observation.objects.select_related("fiche"), bilan=bilan, pk=numero, parent=None)
    lieu = fiche or (parent.fiche if parent else None)
    try:
        add_observation(request.user, bilan, envoi.get("texte", ""), envoi.get("rubrique", ""), fiche, parent)
    except ValidationError as erreur:
        if explain_observation(request.user, bilan):  # the form is not on the page any more
            messages.error(request, " ".join(erreur.messages))
            return _return(request, bilan, lieu)
        nom = f"repondre-{parent.pk}" if parent else "observation"
        if lieu is not None and envoi.get("retour") == "fiche":
            lieu.bilan = bilan
            return show_fiche(request, lieu, nom, erreur)
        return montrer(request, bilan, Saisie.of(nom, envoi, erreur))
    messages.success(request, "Réponse enregistrée." if parent else "Observation enregistrée.")
    return _return(request, bilan, lieu)


@require_POST
def regler(request: HttpRequest, reference: str, annee: int, pk: int) -> HttpResponse:
    """Settle an observation, or open it again."""
    bilan = get_bilan(request, reference, annee)
    observation = get_object_or_404(Observation.objects.select_related("fiche", "auteur"), bilan=bilan, pk=pk, parent=None)
    observation.bilan = bilan
    reglee = request.POST.get("action", "") != "rouvrir"
    try:
        settle_observation(request.user, observation, reglee)
    except ValidationError as erreur:
        messages.error(request, " ".join(erreur.messages))
    else:
        messages.success(request, "Observation réglée." if reglee else "Observation rouverte.")
    return _return(request, bilan, observation.fiche)


def _return(request: HttpRequest, bilan: Bilan, fiche: FicheBilan | None) -> HttpResponse:
    """Back to the page the form was on."""
    if fiche is not None and request.POST.get("retour") == "fiche":
        return redirect("bilan_fiche", bilan.convention.reference, bilan.annee, fiche.pk)
    return redirect("bilan", bilan.convention.reference, bilan.annee)
