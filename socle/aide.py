"""The journeys explained in the application: one page each, listed once here."""

from dataclasses import dataclass

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@dataclass(frozen=True)
class Parcours:
    """One journey: its address, its page, its title, what it covers in a few words."""

    cle: str
    gabarit: str
    titre: str
    resume: str


PARCOURS = [
    Parcours("signature", "pages/aide/signature.html", "Faire signer une convention", "De l’accord des parties à la notification."),
    Parcours(
        "avenant",
        "pages/aide/avenant.html",
        "Modifier une convention signée",
        "Préparer un avenant, lire la version consolidée, reconduire.",
    ),
    Parcours(
        "versements",
        "pages/aide/versements.html",
        "Demander et payer un versement",
        "Conditions, étapes de la dépense, crédits, reversement.",
    ),
    Parcours(
        "bilan",
        "pages/aide/bilan.html",
        "Tenir le carnet et faire le bilan",
        "Noter au fil de l’année, remplir, envoyer, répondre, accepter, payer le solde.",
    ),
    Parcours(
        "preuves", "pages/aide/preuves.html", "Retrouver et prouver", "Empreintes, vérification d’un fichier, journal, dossier complet."
    ),
    Parcours("echeances", "pages/aide/echeances.html", "Suivre les échéances", "Dates sur l’accueil, agenda, rappels par courriel."),
]
PAR_CLE = {p.cle: p for p in PARCOURS}


@login_not_required
@require_safe
def aide(request: HttpRequest) -> HttpResponse:
    """The essentials, and the journeys one by one."""
    return render(request, "pages/aide.html", {"parcours": PARCOURS})


@login_not_required
@require_safe
def aide_parcours(request: HttpRequest, cle: str) -> HttpResponse:
    """One journey."""
    parcours = PAR_CLE.get(cle)
    if parcours is None:
        raise Http404("Cette page d’aide n’existe pas.")
    return render(request, parcours.gabarit, {"parcours": parcours, "tous": PARCOURS})
