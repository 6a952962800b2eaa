"""Opening the bilan of a year, and bringing it to the plan when the plan moved."""

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone

from conventions.consolidation import find_consolidee
from conventions.etats import Etat
from conventions.journal import record
from conventions.models import Convention
from financement.bilans.droits import check_saisie, explain_role
from financement.bilans.modeles import Bilan
from financement.bilans.plan import Ecarts, apply_plan, diff_plan

FERMEES = (Etat.BROUILLON, Etat.CADUQUE)


def list_annees(base: Convention) -> list[int]:
    """Years that have, or may have, a bilan."""
    ouvertes = set(base.bilans.values_list("annee", flat=True))
    return sorted({*find_consolidee(base).annees, *ouvertes})


def explain_ouverture(user: Any, base: Convention, annee: int) -> str:
    """Why this person does not open the bilan of a year now; empty when they may."""
    if refus := explain_role(user, base):
        return refus
    if base.is_avenant:
        return "Le bilan s’ouvre sur la convention, pas sur ses avenants."
    if base.etat in FERMEES:
        return f"La convention est « {base.get_etat_display().lower()} » : un bilan s’ouvre à partir de la négociation."
    if annee not in find_consolidee(base).annees:
        return f"{annee} n’est pas une année de la convention."
    if annee > timezone.localdate().year:
        return f"{annee} n’a pas commencé : son bilan s’ouvrira cette année-là."
    return ""


@transaction.atomic
def open_bilan(user: Any, base: Convention, annee: int) -> Bilan:
    """Open the bilan of a year with its plan; the one already open when there is one. Raises PermissionDenied, ValidationError."""
    Convention.objects.select_for_update().values_list("pk").get(pk=base.pk)
    if existant := Bilan.objects.filter(convention=base, annee=annee).first():
        return existant
    if refus := explain_role(user, base):
        raise PermissionDenied(refus)
    if refus := explain_ouverture(user, base, annee):
        raise ValidationError(refus)
    bilan = create_bilan(base, annee, user)
    record(base, "bilan_ouvert", f"Bilan {annee} ouvert.", user, annee=annee)
    return bilan


def create_bilan(base: Convention, annee: int, user: Any = None) -> Bilan:
    """A bilan with the plan of its year; the caller holds the transaction and checks who asks."""
    maintenant = timezone.now()
    formule = find_consolidee(base).formule_solde
    bilan = Bilan(convention=base, annee=annee, formule=formule, ouvert_le=maintenant, ouvert_par=user, modifie_le=maintenant)
    bilan.full_clean()
    bilan.save()
    apply_plan(diff_plan(bilan), user)
    return bilan


def lock_bilan(bilan: Bilan) -> Bilan:
    """The bilan as it is now, nobody else writing in it until the transaction ends."""
    return Bilan.objects.select_for_update(of=("self",)).select_related("convention").get(pk=bilan.pk)


@transaction.atomic
def update_plan(user: Any, bilan: Bilan) -> Ecarts:
    """Bring a bilan still being written to the plan as it is now. Raises PermissionDenied."""
    verrou = lock_bilan(bilan)
    check_saisie(user, verrou)
    ecarts = diff_plan(verrou)
    formule = find_consolidee(verrou.convention).formule_solde
    if not ecarts and formule == verrou.formule:
        return ecarts
    apply_plan(ecarts, user)
    verrou.formule, verrou.modifie_le = formule, timezone.now()
    verrou.save()
    mots = ", ".join(ecarts.codes[:8]) or "formule du solde"
    record(verrou.convention, "bilan_plan", f"Bilan {verrou.annee} : plan repris ({mots}).", user, annee=verrou.annee)
    return ecarts
