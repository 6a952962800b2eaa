"""The life of a convention: where it stands, what makes it go on, its document, its signatures, its journal."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from conventions.acces import get_avec_base, get_convention
from conventions.consolidation import find_consolidee, get_base, list_avenants
from conventions.journal import check_chaine, record, write_journal_csv
from conventions.models import Convention
from documents.avenants import explain_ouverture
from documents.deliberations import Deliberation, explain_deliberation, record_deliberation
from documents.dossier import build_dossier
from documents.figes import DocumentPerdu, get_document
from documents.reconduction import explain_reconduction
from documents.signatures import Signature, compare_fichier, explain_enregistrement
from documents.vie.actes import Offre, has_agents, list_offres, pass_convention, sign
from documents.vie.conditions import Contexte
from documents.vie.preparation import Preparation, start_freeze
from documents.vie.table import PARCOURS
from socle.nombres import read_cle
from socle.pades_sceau import SceauIllisible
from socle.pdf import MoteurAbsent
from socle.pieces import read_piece_ou_rien
from socle.saisie import Saisie, gather, read_jour, read_jour_ou_rien
from socle.vues import download

EVENEMENTS_MONTRES = 8
PAR_PAGE = 50
ZIP = "application/zip"


@require_safe
def vie(request: HttpRequest, reference: str) -> HttpResponse:
    """Where the convention stands and what can be done."""
    return show_vie(request, get_convention(request.user, reference))


def show_vie(request: HttpRequest, convention: Convention, saisie: Saisie | None = None) -> HttpResponse:
    """The page, with the form that was refused shown as it was typed."""
    user: Any = request.user
    contexte = Contexte(convention, user)
    parties, document = contexte.parties, contexte.document
    signatures = {s.partie_id: s for s in contexte.signatures}
    en_accord = convention.etat in (Convention.Etat.EN_NEGOCIATION, Convention.Etat.VALIDEE, Convention.Etat.DELIBEREE)
    accords = {a.organisation_id: a for a in contexte.accords if a.empreinte == contexte.empreinte_texte} if en_accord else {}
    offres = list_offres(user, convention)
    base = get_base(convention)
    avenants = list_avenants(base)
    evenements = convention.evenements.select_related("organisation")
    page = {
        "convention": convention,
        "saisie": saisie or Saisie(),
        "sans_formulaire": saisie is not None and saisie.formulaire not in list_formulaires(contexte, offres),
        "etapes": list_etapes(convention),
        "preparation": Preparation.objects.filter(convention=convention).select_related("demandee_par").first(),
        "principales": [o for o in offres if o.transition.principale],
        "autres": [o for o in offres if not o.transition.principale],
        "parties": [
            {
                "objet": p,
                "accord": accords.get(p.organisation_id),
                "signature": signatures.get(p.pk),
                "sans_agents": user.is_staff and p.organisation_id != user.organisation_id and not has_agents(p),
            }
            for p in parties
        ],
        "en_accord": en_accord,
        "refus_deliberation": explain_deliberation(user, convention),
        "document": document,
        "peut_signer": convention.etat == Convention.Etat.A_SIGNER and not explain_enregistrement(user),
        "modes": Signature.Mode.choices,
        "base": base,
        "avenants": avenants,
        "consolidee": find_consolidee(base),
        "refus_avenant": explain_ouverture(user, convention),
        "refus_reconduction": explain_reconduction(user, convention),
        "suites": base.renouvellements.all(),
        "evenements": evenements[:EVENEMENTS_MONTRES],
        "nb_evenements": evenements.count(),
        "aujourdhui": timezone.localdate(),
    }
    return render(request, "documents/vie.html", page, status=422 if saisie else 200)


def list_formulaires(contexte: Contexte, offres: list[Offre]) -> set[str]:
    """Forms that the page shows; what is refused in another is told above all."""
    convention, user = contexte.convention, contexte.user
    formulaires = {f"passer-{o.transition.action}" for o in offres}
    if not explain_deliberation(user, convention):
        formulaires |= {f"deliberation-{p.pk}" for p in contexte.parties}
    if contexte.document:
        formulaires.add("verifier")
        if convention.etat == Convention.Etat.A_SIGNER and not explain_enregistrement(user):
            formulaires |= {f"signer-{p.pk}" for p in contexte.parties} - {f"signer-{s.partie_id}" for s in contexte.signatures}
    if not explain_ouverture(user, convention):
        formulaires.add("avenant")
    if not explain_reconduction(user, convention):
        formulaires.add("reconduire")
    return formulaires


def list_etapes(convention: Convention) -> list[dict[str, Any]]:
    """Steps of the way: done, here, to come. The two ways out replace what would have followed; an avenant is not drafted nor closed."""
    etats = PARCOURS[1:-1] if convention.is_avenant else list(PARCOURS)
    if convention.is_avenant and convention.etat == Convention.Etat.BROUILLON:  # given up, then taken up again
        etats = PARCOURS[:-1]
    if convention.etat in (Convention.Etat.RESILIEE, Convention.Etat.CADUQUE):
        etats = [etats[0], Convention.Etat(convention.etat)]
    rang = etats.index(Convention.Etat(convention.etat))
    return [{"nom": e.label, "fait": i < rang, "ici": i == rang} for i, e in enumerate(etats)]


@require_POST
def passer(request: HttpRequest, reference: str, action: str) -> HttpResponse:
    """Make the convention go on, or say why not."""
    convention = get_convention(request.user, reference)
    try:
        jour = read_jour_ou_rien(request.POST.get("jour", ""))
        if action == "figer":
            passage = start_freeze(request.user, convention)
        else:
            pour = read_cle(request.POST.get("pour", ""))
            passage = pass_convention(request.user, convention, action, jour=jour, motif=request.POST.get("motif", ""), pour=pour)
    except ValidationError as erreur:
        return show_vie(request, convention, Saisie.of(f"passer-{action}", request.POST, erreur))
    except (MoteurAbsent, SceauIllisible) as erreur:
        return show_vie(request, convention, Saisie.of(f"passer-{action}", request.POST, [str(erreur)]))
    if passage:
        messages.success(request, passage.phrase)
    return redirect("vie", reference)


@require_safe
def preparation(request: HttpRequest, reference: str) -> HttpResponse:
    """Whether the document being typeset is ready: asked for by the page while it waits, which it then reloads."""
    convention = get_convention(request.user, reference)
    en_cours = Preparation.objects.filter(convention=convention).first()
    reponse = render(request, "documents/_preparation.html", {"convention": convention, "preparation": en_cours, "attendait": True})
    if en_cours is None or not en_cours.is_en_cours:
        reponse["HX-Refresh"] = "true"
    return reponse


@require_POST
def deliberation(request: HttpRequest, reference: str, partie: int) -> HttpResponse:
    """Record the délibération and the signatory of a party."""
    convention = get_convention(request.user, reference)
    envoi = request.POST
    try:
        prise, executoire, seance, piece = gather(
            partial(read_jour_ou_rien, envoi.get("date", "")),
            partial(read_jour_ou_rien, envoi.get("executoire", "")),
            partial(read_jour_ou_rien, envoi.get("seance", "")),
            partial(read_piece_ou_rien, request.FILES.get("fichier"), seulement_pdf=True),
        )
        textes = {nom: envoi.get(nom, "") for nom in ("numero", "civilite", "signataire", "qualite", "delegation")}
        enregistree = record_deliberation(
            request.user, convention, partie, Deliberation(prise=prise, executoire=executoire, seance=seance, piece=piece, **textes)
        )
    except ValidationError as erreur:
        return show_vie(request, convention, Saisie.of(f"deliberation-{partie}", envoi, erreur))
    messages.success(request, f"{enregistree.denomination} : c’est enregistré.")
    return redirect("vie", reference)


@require_POST
def signer(request: HttpRequest, reference: str, partie: int) -> HttpResponse:
    """Record the signature of a party."""
    convention = get_convention(request.user, reference)
    try:
        jour, piece = gather(
            partial(read_jour, request.POST.get("jour", ""), "La date de signature"),
            partial(read_piece_ou_rien, request.FILES.get("fichier")),
        )
        signature, signee = sign(
            request.user, convention, partie, request.POST.get("mode", ""), jour, piece, request.POST.get("preuve", "")
        )
    except ValidationError as erreur:
        return show_vie(request, convention, Saisie.of(f"signer-{partie}", request.POST, erreur))
    except DocumentPerdu as erreur:
        return show_vie(request, convention, Saisie.of(f"signer-{partie}", request.POST, [str(erreur)]))
    suite = " Toutes les parties ont signé." if signee else ""
    messages.success(request, f"Signature de {signature.partie.denomination} enregistrée.{suite}")
    return redirect("vie", reference)


@require_POST
def verifier_fichier(request: HttpRequest, reference: str) -> HttpResponse:
    """Tell whether a file is the document that was frozen. The file is read and forgotten."""
    convention = get_convention(request.user, reference)
    document = get_document(convention)
    if document is None:
        raise Http404("Aucun document n’est figé.")
    fichier = request.FILES.get("fichier")
    if fichier is None or not fichier.size:
        return show_vie(request, convention, Saisie.of("verifier", request.POST, ["Choisissez le fichier à vérifier."]))
    if fichier.size > 40_000_000:
        return show_vie(request, convention, Saisie.of("verifier", request.POST, ["Ce fichier dépasse 40 Mo : ce n’est pas ce document."]))
    try:
        comparaison = compare_fichier(document, fichier.read())
    except DocumentPerdu as erreur:
        return show_vie(request, convention, Saisie.of("verifier", request.POST, [str(erreur)]))
    return render(
        request,
        "documents/verification.html",
        {"convention": convention, "document": document, "comparaison": comparaison, "nom": fichier.name},
    )


@require_safe
def journal(request: HttpRequest, reference: str) -> HttpResponse:
    """Every event, the last first; the chain of fingerprints is checked."""
    convention = get_convention(request.user, reference)
    verdict = check_chaine(convention.evenements.all())
    evenements = Paginator(convention.evenements.select_related("organisation"), PAR_PAGE).get_page(request.GET.get("page"))
    return render(request, "documents/journal.html", {"convention": convention, "page": evenements, "verdict": verdict})


@require_safe
def journal_csv(request: HttpRequest, reference: str) -> HttpResponse:
    """The journal as a spreadsheet."""
    convention = get_convention(request.user, reference)
    return download(write_journal_csv(convention), f"{reference}-journal.csv", "text/csv; charset=utf-8")


@require_POST
def dossier(request: HttpRequest, reference: str) -> HttpResponse:
    """The auditor's archive; taking it is an event of the journal."""
    convention = get_avec_base(request.user, reference)
    user: Any = request.user
    if user.is_lecteur:
        raise PermissionDenied("Le dossier complet est remis par un agent de l’une des parties.")
    base = get_base(convention)
    contenu = build_dossier(base)
    record(base, "dossier", "Dossier complet téléchargé.", user)
    return download(contenu, f"{base.reference}-dossier-{timezone.localdate():%Y%m%d}.zip", ZIP)
