"""Writing a fiche: the page, and what its script asks (save, count, presence, preview)."""

import json
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from conventions.acces import get_convention
from conventions.models import Convention
from fiches.acces import get_fiche
from fiches.commentaires import list_fils, list_participants
from fiches.droits import check_modification, explain_refus
from fiches.models import FicheAction
from fiches.presence import leave, list_presents, mark_presence
from fiches.saisie import Modification, Resultat, SaisieRefusee, save_modifications
from fiches.transitions import list_offres
from financement.controles.presentation import count_by_fiche
from financement.editeur import ChampEdition, Editeur, mark_cellules
from financement.edition import ContenuFiche, compute_figures, serialize
from financement.formulaire import find_or_create_financeur, read_modifications
from financement.models import CoFinancement, LigneCout
from socle.texte import keep_writable, render_texte

MAX_MODIFICATIONS = 2000
MAX_OCTETS = 2_000_000


def load_fiche(request: HttpRequest, reference: str, pk: int) -> FicheAction:
    """The fiche of a machine address, with its convention; raises Http404 when it is not theirs."""
    convention = get_convention(request.user, reference)
    fiche = get_object_or_404(FicheAction.objects.select_related("axe"), convention=convention, pk=pk)
    fiche.convention = convention
    return fiche


def list_rubriques(fiche: FicheAction) -> list[Any]:
    """Headings of a fiche with what is written under each, money included."""
    chiffree = LigneCout.objects.filter(fiche=fiche).exists()
    return fiche.list_rubriques(chiffree, CoFinancement.objects.filter(fiche=fiche).exists())


@require_http_methods(["GET", "HEAD", "POST"])
def modifier(request: HttpRequest, reference: str, slug: str) -> HttpResponse:
    """The editor; sent as a plain form, it writes all that changed and shows what could not be."""
    convention = get_convention(request.user, reference)
    fiche = get_fiche(convention, slug)
    fiche.convention = convention
    if refus := explain_refus(request.user, fiche):
        if request.method == "POST":
            raise PermissionDenied(refus)
        messages.warning(request, refus)
        return redirect(fiche)
    if request.method == "POST":
        return _save_form(request, convention, fiche)
    return _render(request, fiche, _build(request, fiche))


def _build(request: HttpRequest, fiche: FicheAction, **suite: Any) -> Editeur:
    contenu = ContenuFiche.of(fiche)
    annees = [int(a) for a in request.GET.getlist("annee") if a.isdecimal() and 1990 <= int(a[:5]) <= 2100]
    return Editeur(fiche, contenu, contenu.read(), annees_ajoutees=annees[:20], **suite)


def _save_form(request: HttpRequest, convention: Convention, fiche: FicheAction) -> HttpResponse:
    """Without JavaScript: one form, the same rules."""
    envoi = request.POST.copy()
    modifications, oublis = read_modifications(envoi)
    if nom := envoi.get("nouvelle.autre", "").strip():
        modifications, oublis = _name_financeur(request, envoi, nom)
    prise = envoi.get("prendre", "")
    modifications = [m for m in modifications if m.champ != prise]
    resultats = save_modifications(request.user, ContenuFiche.of(fiche), modifications)
    refuses = {r.champ: r for r in resultats if r.statut in {"refus", "question", "conflit"}}
    for oubli in oublis:
        messages.error(request, oubli)
    if not refuses and not oublis:
        messages.success(request, "Tout est enregistré." if resultats else "Rien n’avait changé.")
        suite = f"?annee={envoi['annee']}" if envoi.get("annee", "").isdecimal() else ""
        return redirect(reverse("fiche_modifier", args=[convention.reference, fiche.slug]) + suite)
    fiche = get_fiche(convention, fiche.slug)
    fiche.convention = convention
    saisies = {m.champ: m.apres for m in modifications if m.champ in refuses}
    neuf = {nom: str(valeur) for nom, valeur in envoi.items() if nom.startswith("nouvelle.")} if oublis else {}
    return _render(request, fiche, _build(request, fiche, saisies=saisies, resultats=refuses, neuf=neuf), 422)


def _name_financeur(request: HttpRequest, envoi: QueryDict, nom: str) -> tuple[list[Modification], list[str]]:
    """The share of an organisation named in words; made only for a share that says something."""
    if not any(envoi.get(f"nouvelle.part.{champ}", "").strip() for champ in ("taux", "montant", "mention")):
        modifications, oublis = read_modifications(envoi)
        return modifications, [*oublis, f"Donnez un taux ou un montant à « {nom} » : sans part, l’organisation n’est pas ajoutée."]
    try:
        envoi["nouvelle.financeur"] = str(find_or_create_financeur(request.user, nom).pk)
    except (SaisieRefusee, ValidationError) as refus:
        modifications, oublis = read_modifications(envoi)
        return modifications, [*oublis, " ".join(getattr(refus, "messages", [str(refus)]))]
    return read_modifications(envoi)


def _render(request: HttpRequest, fiche: FicheAction, editeur: Editeur, statut: int = 200) -> HttpResponse:
    rubriques = list_rubriques(fiche)
    fils = list_fils(fiche, request.user)
    manques = [r for r in rubriques if not r.remplie]
    contexte = {
        "convention": fiche.convention,
        "fiche": fiche,
        "e": editeur,
        "champs": editeur.champs,
        "rubriques": rubriques,
        "nb_remplies": len(rubriques) - len(manques),
        "manques": manques,
        "fils": fils,
        "cellules_commentees": mark_cellules(fils),
        "participants": list_participants(fiche),
        "offres": list_offres(request.user, fiche, manques),
        "presents": list_presents(fiche, request.user),
        "dernier_passage": fiche.passages.select_related("auteur").first(),
        "version": fiche.modifiee_le.isoformat(),
        "marque": count_by_fiche(fiche.convention, [fiche.pk]).get(fiche.pk),
    }
    return render(request, "financement/editeur/page.html", contexte, status=statut)


def read_json(request: HttpRequest) -> dict[str, Any]:
    """The object a script sent; raises ValueError when it is none."""
    if len(request.body) > MAX_OCTETS:
        raise ValueError("trop long")
    try:
        donnees = json.loads(request.body)
    except RecursionError as erreur:
        raise ValueError("trop profond") from erreur
    if not isinstance(donnees, dict):
        raise ValueError("un objet est attendu")
    return donnees


def read_textes(donnees: Any) -> dict[str, str]:
    """Texts by key. Raises ValueError."""
    if not isinstance(donnees, dict) or len(donnees) > MAX_MODIFICATIONS or not all(isinstance(v, str) for v in donnees.values()):
        raise ValueError("des textes sont attendus")
    return {keep_writable(cle): keep_writable(texte) for cle, texte in donnees.items()}


def read_saisies(donnees: Any) -> list[Modification]:
    """Modifications a script sent. Raises ValueError, KeyError, TypeError."""
    if not isinstance(donnees, list) or len(donnees) > MAX_MODIFICATIONS:
        raise ValueError("une liste de champs est attendue")
    return [Modification(*(keep_writable(str(m[nom])) for nom in ("champ", "avant", "apres"))) for m in donnees]


@require_POST
def enregistrer(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Write one or several fields; the answer says what became of each, and what the page must show."""
    fiche = load_fiche(request, reference, pk)
    try:
        donnees = read_json(request)
        modifications = read_saisies(donnees["modifications"])
    except (ValueError, KeyError, TypeError):
        return HttpResponseBadRequest("Enregistrement illisible.")
    contenu = ContenuFiche.of(fiche)
    try:
        resultats = save_modifications(request.user, contenu, modifications)
    except PermissionDenied as refus:
        return JsonResponse({"message": str(refus)}, status=403)
    valeurs = contenu.read()
    fraiche = FicheAction.objects.with_maitres().get(pk=fiche.pk)
    fraiche.convention = fiche.convention
    reponse = describe_etat(fraiche, contenu, valeurs)
    reponse["resultats"] = [describe_resultat(r, m, contenu) for r, m in zip(resultats, modifications, strict=True)]
    reponse["nouveaux"] = contenu.nouveaux
    reponse["heure"] = f"{timezone.localtime():%H h %M}"
    if donnees.get("version") != fiche.modifiee_le.isoformat():
        reponse["contenu"] = valeurs
    return JsonResponse(reponse)


def describe_etat(fiche: FicheAction, contenu: ContenuFiche, valeurs: dict[str, str]) -> dict[str, Any]:
    """Figures, completeness and version after a saving."""
    rubriques = fiche.list_rubriques(any(c.startswith("cout.") for c in valeurs), any(c.startswith("part.") for c in valeurs))
    manques = [r for r in rubriques if not r.remplie]
    contexte = {"rubriques": rubriques, "manques": manques, "nb_remplies": len(rubriques) - len(manques)}
    return {
        **serialize(compute_figures(fiche, valeurs, contenu.natures)),
        "rubriques": render_to_string("financement/editeur/_rubriques.html", contexte),
        "version": fiche.modifiee_le.isoformat(),
    }


def describe_resultat(resultat: Resultat, modification: Modification, contenu: ContenuFiche) -> dict[str, Any]:
    """What became of one field; a refusal or a conflict comes with the piece of page that explains it."""
    champ = ChampEdition(resultat.champ, "", modification.apres, resultat.valeur, resultat=resultat)
    retour = render_to_string("financement/editeur/_retour.html", {"c": champ}) if champ.refuse else ""
    return {"champ": resultat.champ, "statut": resultat.statut, "valeur": resultat.valeur, "echo": resultat.echo, "retour": retour}


@require_POST
def calculer(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """What the grid and the shares come to as they are typed; nothing is written."""
    fiche = load_fiche(request, reference, pk)
    try:
        valeurs = read_textes(read_json(request)["champs"])
    except (ValueError, KeyError):
        return HttpResponseBadRequest("Calcul illisible.")
    return JsonResponse(serialize(compute_figures(fiche, valeurs)))


@require_POST
def presence(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """A sign of life: who else is here, and what they changed since the version the page knows."""
    fiche = load_fiche(request, reference, pk)
    try:
        donnees = read_json(request)
    except ValueError:
        return HttpResponseBadRequest("Signe illisible.")
    if donnees.get("quitte"):
        leave(fiche, request.user)
        return JsonResponse({})
    refus = explain_refus(request.user, fiche)
    if not refus:
        mark_presence(fiche, request.user, keep_writable(str(donnees.get("champ", ""))))
    contexte = {"presents": list_presents(fiche, request.user)}
    reponse: dict[str, Any] = {
        "presents": render_to_string("financement/editeur/_presents.html", contexte),
        "version": fiche.modifiee_le.isoformat(),
        "refus": refus,
    }
    if donnees.get("version") != reponse["version"]:
        contenu = ContenuFiche.of(fiche)
        valeurs = contenu.read()
        reponse |= describe_etat(fiche, contenu, valeurs) | {"contenu": valeurs}
    return JsonResponse(reponse)


@require_POST
def apercu_texte(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """A text as page and PDF will show it."""
    load_fiche(request, reference, pk)
    return HttpResponse(render_texte(request.POST.get("texte", "")[:60_000], 4))


@require_POST
def ajouter_financeur(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """An organisation beyond the parties, by its name."""
    fiche = load_fiche(request, reference, pk)
    check_modification(request.user, fiche)
    try:
        organisation = find_or_create_financeur(request.user, request.POST.get("nom", ""))
    except (SaisieRefusee, ValidationError) as refus:
        return JsonResponse({"message": " ".join(getattr(refus, "messages", [str(refus)]))}, status=422)
    return JsonResponse({"cle": organisation.pk, "nom": organisation.nom})
