"""Renewing a convention: a draft that starts from the last version in force, moved in time."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from djmoney.money import Money

from conventions.consolidation import find_consolidee, get_base
from conventions.journal import record
from conventions.models import Convention, MontantDeclare, Partie
from fiches.models import CibleIndicateur, FicheAction
from financement.copie import copy_convention
from financement.models import CoFinancement, LigneCout, MontantRecapDeclare, TotalDeclare, Versement
from socle.montants import round_cents
from socle.typographie import format_taux

Etat = Convention.Etat
TAUX_MAX = Decimal(100)
SUIVANTES = (TotalDeclare, MontantRecapDeclare)  # printed totals of the last agreement say nothing of the next one


def explain_reconduction(user: Any, convention: Convention) -> str:
    """Why this person cannot renew the convention now; empty when they can."""
    base = get_base(convention)
    if user.is_lecteur:
        return "Votre compte lit la convention sans pouvoir la reconduire."
    if not base.is_signee:
        return "Une convention se reconduit une fois signée."
    if base.etat == Etat.RESILIEE:
        return "Une convention résiliée ne se reconduit pas : écrivez-en une nouvelle."
    if suite := base.renouvellements.exclude(etat=Etat.CADUQUE).first():
        return f"Elle est déjà reconduite par {suite.reference}."
    return "" if base.annees else "Donnez d’abord les années de son budget."


@transaction.atomic
def renew(user: Any, convention: Convention, reference: str, indexation: Decimal = Decimal(0)) -> Convention:
    """Copy the convention in force as a draft: years shifted by its own length, daily rate indexed by `indexation` %, nothing realised.

    Costs told in days follow the new rate; plain amounts stay, to be looked at. Raises PermissionDenied, ValidationError.
    """
    base = Convention.objects.select_for_update().get(pk=get_base(convention).pk)
    if refus := explain_reconduction(user, base):
        raise PermissionDenied(refus) if user.is_lecteur else ValidationError(refus)
    if not -TAUX_MAX < indexation <= TAUX_MAX:
        raise ValidationError("L’indexation est un pourcentage entre − 99 et 100.")
    source = find_consolidee(base)
    decalage = len(source.annees)
    tarif = source.tarif_journalier
    neuf = Money(round_cents(tarif.amount * (1 + indexation / 100)), "EUR") if tarif is not None else None
    champs: dict[str, Any] = {
        "reference": reference.strip().upper(),
        "etat": Etat.BROUILLON,
        "avenant_de": None,
        "numero_avenant": None,
        "origines": {},
        "renouvelle": base,
        "objet": base.objet,  # an avenant's own object says why it was made
        "periode": "",
        "annee_debut": (source.annee_debut or 0) + decalage,
        "annee_fin": (source.annee_fin or source.annee_debut or 0) + decalage,
        "date_debut": _shift(source.date_debut, decalage),
        "date_fin": _shift(source.date_fin, decalage),
        "date_signature": None,
        "date_notification": None,
        "date_executoire": None,
        "date_cloture": None,
        "date_point_etape": None,
        "tarif_journalier": neuf,
    }

    def move(row: Any) -> Any:
        if isinstance(row, SUIVANTES):
            return None
        _move_years(row, decalage)
        if isinstance(row, LigneCout) and row.jours is not None and row.tarif_journalier is not None and neuf is not None:
            row.tarif_journalier = neuf if row.tarif_journalier == tarif else row.tarif_journalier
            row.montant = Money(round_cents(row.jours * row.tarif_journalier.amount), "EUR") if row.montant is not None else None
        return row

    copie = copy_convention(source, user, champs, move)
    record(base, "reconduite", f"Reconduite par {copie.convention.reference}.", user, suite=copie.convention.reference)
    record(
        copie.convention,
        "ouverture",
        f"Brouillon issu de {source.reference}, décalé de {decalage} ans, tarif indexé de {format_taux(indexation)}.",
        user,
    )
    return copie.convention


def _move_years(row: Any, decalage: int) -> None:
    """Put a row as many years later; what only the last agreement said is emptied."""
    if isinstance(row, LigneCout | CoFinancement | CibleIndicateur) and row.annee is not None:
        row.annee += decalage
    elif isinstance(row, FicheAction):
        row.etat = FicheAction.Etat.BROUILLON
        row.date_debut, row.date_fin = _shift(row.date_debut, decalage), _shift(row.date_fin, decalage)
        row.annees_calendrier = [annee + decalage for annee in row.annees_calendrier]
    elif isinstance(row, Versement):
        row.date_prevue, row.montant = _shift(row.date_prevue, decalage), None
    elif isinstance(row, MontantDeclare):
        row.montant = None
    elif isinstance(row, Partie):
        row.deliberation_numero, row.deliberation_date, row.deliberation_executoire = "", None, None
        row.deliberation_fichier, row.seance_prevue, row.delegation = "", None, ""


def _shift(jour: date | None, annees: int) -> date | None:
    """The same day some years later; 29 February becomes the 28th when there is none."""
    if jour is None:
        return None
    try:
        return jour.replace(year=jour.year + annees)
    except ValueError:
        return (jour + timedelta(days=-1)).replace(year=jour.year + annees)
