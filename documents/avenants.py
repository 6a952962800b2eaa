"""Avenants: a working copy of what was signed, changed in the same pages; what it changes is computed, never typed."""

import json
from dataclasses import replace
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction

from conventions.consolidation import get_base
from conventions.journal import record
from conventions.models import Convention, Partie
from documents.differences import Difference, compare_donnees
from documents.figes import get_document
from documents.instantane import Donnees, build_instantane
from financement.copie import copy_convention
from financement.models import MontantRecapDeclare, TotalDeclare
from socle.texte import keep_writable

Etat = Convention.Etat
VIVANTS = (Etat.SIGNEE, Etat.NOTIFIEE, Etat.EXECUTOIRE)
REFERENCE_MAX = 40


def explain_ouverture(user: Any, convention: Convention) -> str:
    """Why no avenant can be opened by this person now; empty when one can."""
    base = get_base(convention)
    if user.is_lecteur:
        return "Votre compte lit la convention sans pouvoir préparer d’avenant."
    if base.etat not in VIVANTS:
        if not base.is_signee:
            return "Cette convention n’est pas signée : elle se modifie directement, sans avenant."
        return f"Cette convention est {base.get_etat_display().lower()} : elle ne reçoit plus d’avenant."
    ouvert = base.avenants.exclude(etat__in=(*Convention.ETATS_SIGNES, Etat.CADUQUE)).first()
    if ouvert:
        return f"L’avenant n°\u00a0{ouvert.numero_avenant} est en préparation : terminez-le ou abandonnez-le avant d’en ouvrir un autre."
    return ""


def find_precedente(avenant: Convention) -> Convention:
    """What an avenant changes: the last avenant signed before it, else the agreement."""
    base = get_base(avenant)
    precedents = base.avenants.filter(etat__in=Convention.ETATS_SIGNES, numero_avenant__lt=avenant.numero_avenant)
    return precedents.order_by("-numero_avenant").first() or base


@transaction.atomic
def create_avenant(user: Any, convention: Convention, objet: str) -> Convention:
    """Open an avenant: a copy of the agreement as it stands today, in negotiation. Raises PermissionDenied, ValidationError."""
    base = Convention.objects.select_for_update().get(pk=get_base(convention).pk)
    if refus := explain_ouverture(user, base):
        raise PermissionDenied(refus) if user.is_lecteur else ValidationError(refus)
    objet = keep_writable(objet).strip()[:500]
    if not objet:
        raise ValidationError("Dites en une phrase à quoi sert cet avenant : elle sera dans son préambule.")
    numero = (base.avenants.order_by("-numero_avenant").values_list("numero_avenant", flat=True).first() or 0) + 1
    source = base.avenants.filter(etat__in=Convention.ETATS_SIGNES).order_by("-numero_avenant").first() or base
    suffixe = f"-AV{numero}"
    champs = {
        "reference": base.reference[: REFERENCE_MAX - len(suffixe)] + suffixe,
        "etat": Etat.EN_NEGOCIATION,
        "avenant_de": base,
        "numero_avenant": numero,
        "renouvelle": None,
        "objet": objet,
        "date_signature": None,
        "date_notification": None,
        "date_executoire": None,
        "date_cloture": None,
        "date_point_etape": None,
        "origines": {},
    }
    copie = copy_convention(source, user, champs, _prepare_row)
    avenant = copie.convention
    avenant.origines = copie.find_origines(source)
    avenant.save(update_fields=["origines"])
    record(base, "avenant_ouvert", f"Avenant n° {numero} ouvert. {objet}", user, avenant=avenant.reference)
    record(avenant, "ouverture", f"Avenant ouvert à partir de {source.reference}. {objet}", user)
    return avenant


def _prepare_row(row: Any) -> Any:
    """Each assembly deliberates again on an avenant; what the first paper printed is not printed again."""
    if isinstance(row, MontantRecapDeclare | TotalDeclare):
        return None
    if isinstance(row, Partie):
        row.deliberation_numero, row.deliberation_date, row.deliberation_executoire = "", None, None
        row.deliberation_fichier, row.seance_prevue = "", None
    return row


def read_donnees(convention: Convention) -> Donnees:
    """The data of a convention: as they were frozen, else as they are."""
    document = get_document(convention)
    return json.loads(document.donnees) if document else build_instantane(convention)


def compute_difference(avenant: Convention) -> Difference:
    """What an avenant changes; once it is at signature, what was frozen."""
    avant, apres = read_donnees(find_precedente(avenant)), read_donnees(avenant)
    # The object in one sentence says why there is an avenant, not what changes.
    apres = apres | {"convention": apres["convention"] | {"objet": avant["convention"]["objet"]}}
    difference = compare_donnees(avant, apres)
    return replace(difference, rubriques=[r for r in difference.rubriques if r.objets])
