"""Acts on whole fiches: create, move, reorder, propose a code."""

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max

from conventions.axes import ArbreAxes
from conventions.models import Axe, Convention
from fiches.droits import check_ecriture, check_modification
from fiches.fiches import FicheAction, normalize_code, slugify_code
from socle.texte import keep_writable

PAS = 10


def propose_code(axe: Axe, sauf: int | None = None) -> str:
    """A free code for a new fiche of `axe`: the one after its neighbours, else the axe's own path followed by 1.

    « E.A 1.2.1 » and « E.A 1.2.2 » propose « E.A 1.2.3 »; an empty section 1.3 of the axe E.A proposes « E.A 1.3.1 ».
    """
    fiches = FicheAction.objects.filter(convention=axe.convention_id).exclude(pk=sauf)
    pris = list(fiches.values_list("code", flat=True))
    voisins = [code for code in fiches.filter(axe=axe).values_list("code", flat=True) if re.search(r"[0-9]$", code)]
    if voisins:
        base = re.sub(r"[0-9]+$", "", max(voisins, key=_last_number))
        rang = _last_number(max(voisins, key=_last_number)) + 1
    else:
        base, rang = f"{_path(axe)}.", 1
        if axe.parent_id is None:
            base = f"{axe.code} "
    while any(slugify_code(f"{base}{rang}") == slugify_code(c) or normalize_code(f"{base}{rang}") == normalize_code(c) for c in pris):
        rang += 1
    return f"{base}{rang}"


def _last_number(code: str) -> int:
    """The number that ends a code."""
    return int(re.search(r"([0-9]{1,6})$", code)[1])  # type: ignore[index] # callers keep codes that end with a figure


def _path(axe: Axe) -> str:
    """« E.A 1.3 » for the section 1.3 of the axe E.A; a section numbered 3 alone takes its parents' numbers."""
    noeuds = {n.axe.pk: n for n in ArbreAxes.of(axe.convention).walk()}
    noeud = noeuds[axe.pk]
    if noeud.racine.pk == axe.pk:
        return axe.code
    return f"{noeud.racine.code} {axe.code.strip('.')}"


@transaction.atomic
def create_fiche(user: Any, axe: Axe, titre: str, code: str = "") -> FicheAction:
    """Open a fiche at the end of an axe, as a draft; without code, the one proposed. Raises ValidationError, PermissionDenied."""
    check_ecriture(user, axe.convention)
    Convention.objects.select_for_update().get(pk=axe.convention_id)  # two creations do not take the same code
    titre, code = keep_writable(titre).strip(), keep_writable(code).strip()
    fiche = FicheAction(convention=axe.convention, axe=axe, titre=titre, code=code or propose_code(axe))
    fiche.ordre = next_ordre(axe.convention)
    fiche.full_clean()
    fiche.save()
    return fiche


def next_ordre(convention: Convention) -> int:
    """The rank after the last fiche of a convention."""
    dernier = FicheAction.objects.filter(convention=convention).aggregate(m=Max("ordre"))["m"]
    return min((dernier or 0) + PAS, 32_000)


@transaction.atomic
def move_fiche(user: Any, fiche: FicheAction, axe: Axe, code: str) -> None:
    """Put a fiche under another axe, or give it another code. Raises ValidationError, PermissionDenied."""
    check_modification(user, fiche)
    verrou = FicheAction.objects.select_for_update().get(pk=fiche.pk)
    if axe.convention_id != verrou.convention_id:
        raise ValidationError({"axe": "Choisissez un axe de la même convention."})
    change_axe = axe.pk != verrou.axe_id
    verrou.axe, verrou.code = axe, keep_writable(code).strip() or propose_code(axe, sauf=verrou.pk)
    if change_axe:
        verrou.ordre = next_ordre(verrou.convention)
    verrou.full_clean()
    verrou.save()
    fiche.axe, fiche.code, fiche.ordre = verrou.axe, verrou.code, verrou.ordre


@transaction.atomic
def shift_fiche(user: Any, fiche: FicheAction, sens: int) -> bool:
    """Exchange a fiche with its neighbour of the same axe, before (-1) or after (+1); False at the end of the axe."""
    check_ecriture(user, fiche.convention)
    Convention.objects.select_for_update().get(pk=fiche.convention_id)
    rangs = list(FicheAction.objects.filter(convention=fiche.convention_id).values_list("pk", "axe_id"))
    rang = [pk for pk, _ in rangs].index(fiche.pk)
    soeurs = [i for i, (_, axe) in enumerate(rangs) if axe == fiche.axe_id]
    place = soeurs.index(rang) + sens
    if not 0 <= place < len(soeurs):
        return False
    autre = soeurs[place]
    pks = [pk for pk, _ in rangs]
    pks[rang], pks[autre] = pks[autre], pks[rang]
    # All ranks are rewritten, so that equal ones stop mattering; an order is no content: it makes no version.
    for numero, pk in enumerate(pks, 1):
        FicheAction.objects.filter(pk=pk).exclude(ordre=numero * PAS).update(ordre=numero * PAS)
    return True
