"""Home, list of conventions and search."""

from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from comptes.models import Organisation
from conventions.consolidation import map_consolidees
from conventions.models import Convention, Partie, Politique
from financement.attentes import OUVERTS, list_attentes
from financement.cumuls import read_totaux
from financement.echeances import list_echeances
from financement.recherche import filter_by_mots, find_fiches, list_cherchees

PAR_PAGE = 25
FICHES_TROUVEES = 40
SUIVIES = 100  # conventions whose dates and fiches the home page reads, the most recent first
SANS_SUITE = (Convention.Etat.SOLDEE, Convention.Etat.CADUQUE)
ATTENTES_MONTREES = 6
RETARDS_MONTRES, DATES_MONTREES = 4, 6


@require_safe
def accueil(request: HttpRequest) -> HttpResponse:
    """What awaits the person, their open conventions, the dates gone by with nothing done, then those to come."""
    user: Any = request.user
    visibles = Convention.objects.visible_to(user).with_parties()
    # What is over awaits nobody: it is shown to who has nothing else.
    conventions = list(visibles.exclude(etat__in=SANS_SUITE)[:SUIVIES]) or list(visibles[:SUIVIES])
    attentes = list_attentes(user, conventions)
    today, tout = timezone.localdate(), "tout" in request.GET
    echeances = list_echeances(conventions, today)
    retards = [(e, e.tell_retard(today)) for e in echeances if e.en_retard(today)]
    a_venir = [(e, "") for e in echeances[len(retards) :]]
    en_cours = [c for c in conventions if c.etat in OUVERTS] or [c for c in conventions if not c.is_avenant]
    return render(
        request,
        "financement/accueil.html",
        {
            "today": today,
            "attentes": attentes if tout else attentes[:ATTENTES_MONTREES],
            "nb_attentes": len(attentes),
            "lignes": list_lignes(en_cours[:10], request.user),
            "echeances": [*retards, *a_venir] if tout else [*retards[:RETARDS_MONTRES], *a_venir[:DATES_MONTREES]],
            "nb_echeances": len(echeances),
        },
    )


def list_lignes(conventions: list[Convention], user: Any) -> list[dict[str, Any]]:
    """Rows of a table of conventions: partners, and by what speaks now, total and part of the person's own organisation."""
    consolidees = map_consolidees(conventions)
    par_copie = read_totaux(consolidees.values())
    totaux = {pk: par_copie[copie.pk] for pk, copie in consolidees.items()}
    return [
        {
            "convention": convention,
            "partenaires": [p.denomination for p in convention.parties.all() if p.organisation_id != user.organisation_id],
            "totaux": totaux[convention.pk],
            "part": totaux[convention.pk].part_of(user.organisation_id),
        }
        for convention in conventions
    ]


@require_safe
def conventions(request: HttpRequest) -> HttpResponse:
    """All the conventions the person may see, filtered by words, state, nature, partner, year and politique."""
    user: Any = request.user
    visibles = Convention.objects.visible_to(user).without_avenants()
    filtres = {cle: read_text(request, cle) for cle in ("q", "etat", "nature", "organisation", "annee", "politique")}
    page = Paginator(filter_conventions(visibles, filtres).with_parties(), PAR_PAGE).get_page(request.GET.get("page"))
    ensemble, liens = visibles.order_by(), Convention.politiques.through.objects
    parties: Any = Partie.objects.filter(convention__in=ensemble).order_by().values("organisation")
    politiques: Any = liens.filter(convention__in=ensemble).order_by().values("politique")
    etats = set(ensemble.values_list("etat", flat=True).distinct())
    contexte = {
        "page": page,
        "lignes": list_lignes(list(page.object_list), request.user),
        "filtres": filtres,
        "filtree": any(filtres.values()),
        "suite": urlencode({cle: valeur for cle, valeur in filtres.items() if valeur}),
        "etats": [(valeur, nom) for valeur, nom in Convention.Etat.choices if valeur in etats],
        "natures": Convention.Nature.choices,
        "organisations": Organisation.objects.filter(pk__in=parties).exclude(pk=user.organisation_id),
        "politiques": Politique.objects.filter(pk__in=politiques),
        "annees": list_annees(visibles),
    }
    htmx: Any = request.htmx  # type: ignore[attr-defined]
    modele = "financement/_conventions.html" if htmx and not htmx.history_restore_request else "financement/conventions.html"
    reponse = render(request, modele, contexte)
    patch_vary_headers(reponse, ["HX-Request"])  # the back button must not show the fragment alone
    return reponse


def read_text(request: HttpRequest, cle: str) -> str:
    """A typed criterion, cut to a reasonable length; PostgreSQL refuses the NUL that no keyboard types."""
    return request.GET.get(cle, "").replace("\x00", "").strip()[:200]


def list_annees(conventions: QuerySet[Convention]) -> list[int]:
    """Years covered by the budgets, latest first."""
    bornes = conventions.filter(annee_debut__isnull=False).values_list("annee_debut", "annee_fin")
    return sorted({annee for debut, fin in bornes if debut for annee in range(debut, (fin or debut) + 1)}, reverse=True)


def filter_conventions(conventions: Any, filtres: dict[str, str]) -> Any:
    """Apply the filters of the list; an unreadable value filters nothing."""
    if filtres["q"]:
        conventions = filter_by_mots(conventions, filtres["q"])
    for cle in ("etat", "nature"):
        if filtres[cle]:
            conventions = conventions.filter(**{cle: filtres[cle]})
    if filtres["organisation"]:
        conventions = conventions.filter(parties__organisation__cle=filtres["organisation"])
    if filtres["politique"]:
        conventions = conventions.filter(politiques__cle=filtres["politique"])
    if filtres["annee"].isdecimal() and len(filtres["annee"]) == 4:
        annee = int(filtres["annee"])
        conventions = conventions.filter(Q(annee_fin__gte=annee) | Q(annee_fin=None, annee_debut=annee), annee_debut__lte=annee)
    return conventions


@require_safe
def recherche(request: HttpRequest) -> HttpResponse:
    """Conventions and fiches whose code, title or words match what is typed in the band."""
    mots = read_text(request, "q")
    resultats: dict[str, Any] = {"q": mots, "fiches": [], "trouvees": []}
    if mots:
        visibles = Convention.objects.visible_to(request.user).without_avenants()
        vide = dict.fromkeys(("etat", "nature", "organisation", "annee", "politique"), "")
        resultats["trouvees"] = filter_conventions(visibles, vide | {"q": mots}).with_parties()[:20]
        resultats["fiches"] = find_fiches(list_cherchees(request.user), mots, FICHES_TROUVEES)
    return render(request, "financement/recherche.html", resultats)
