"""Bank details: shown whole to those who pay, changed by one person and confirmed by another."""

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from comptes.organisations import Organisation
from comptes.utilisateurs import Utilisateur
from comptes.validateurs import compact, validate_iban
from socle.texte import keep_writable

VISIBLES = 4  # characters of an account that anybody may see


class ChangementIban(models.Model):
    """A new account for an organisation, waiting for a second person."""

    class Etat(models.TextChoices):
        DEMANDE = "demande", "À confirmer"
        CONFIRME = "confirme", "Confirmé"
        REFUSE = "refuse", "Refusé"

    organisation = models.ForeignKey(Organisation, models.CASCADE, verbose_name="organisation", related_name="changements_iban")
    ancien = models.CharField("ancien IBAN", max_length=34, blank=True)
    nouveau = models.CharField("nouvel IBAN", max_length=34, validators=[validate_iban])
    banque = models.CharField("banque", max_length=100, blank=True)
    motif = models.CharField("pièce ou motif", max_length=250)
    etat = models.CharField("état", max_length=10, choices=Etat.choices, default=Etat.DEMANDE)
    demande_par = models.ForeignKey(Utilisateur, models.PROTECT, verbose_name="demandé par", related_name="+")
    demande_le = models.DateTimeField("demandé le", auto_now_add=True)
    traite_par = models.ForeignKey(Utilisateur, models.PROTECT, verbose_name="traité par", related_name="+", null=True, blank=True)
    traite_le = models.DateTimeField("traité le", null=True, blank=True)

    class Meta:
        verbose_name = "changement de compte bancaire"
        verbose_name_plural = "changements de compte bancaire"
        ordering = ["-demande_le", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(traite_par__isnull=True) | ~Q(traite_par=models.F("demande_par")),
                name="iban_deux_personnes",
                violation_error_message="Une autre personne confirme le changement.",
            ),
            models.UniqueConstraint(
                fields=["organisation"],
                condition=Q(etat="demande"),
                name="iban_un_changement_a_la_fois",
                violation_error_message="Un changement de ce compte attend déjà d’être confirmé.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation.sigle} : {mask_iban(self.nouveau)}"


def mask_iban(iban: str) -> str:
    """« FR76 •••• 0123 »: the country and the end, which is enough to recognise an account."""
    return f"{iban[:4]} •••• {iban[-VISIBLES:]}" if iban else ""


def format_iban(iban: str) -> str:
    """In groups of four, as on paper."""
    return "\u00a0".join(iban[i : i + 4] for i in range(0, len(iban), 4))


def is_payeur(user: Any) -> bool:
    """Tell whether a person prepares payments: they see accounts whole."""
    return bool(user.is_authenticated and user.is_active and (user.is_superuser or (user.paie and not user.is_lecteur)))


def sees_iban(user: Any, organisation: Organisation) -> bool:
    """Tell whether a person sees an account whole: who pays, and the organisation's administrators."""
    return is_payeur(user) or bool(user.is_authenticated and user.organisation_id == organisation.pk and user.is_staff)


def show_iban(user: Any, organisation: Organisation) -> str:
    """The account as this person may see it: whole or masked."""
    return format_iban(organisation.iban) if sees_iban(user, organisation) else mask_iban(organisation.iban)


def finances(user: Any, organisation: Organisation) -> bool:
    """Tell whether the person's organisation finances a convention that this one is party to: others have no account to change."""
    liens: Any = organisation.parties  # the floor above declares it
    return bool(liens.filter(convention__parties__organisation=user.organisation_id, convention__parties__role="financeur").exists())


def explain_changement(user: Any, organisation: Organisation) -> str:
    """Why this person may not ask for a change of this account; empty when they may."""
    if user.is_superuser or (user.is_staff and user.organisation_id == organisation.pk):
        return ""
    if is_payeur(user) and (user.organisation_id == organisation.pk or finances(user, organisation)):
        return ""
    return "Le compte bancaire d’une organisation est changé par ses administrateurs ou par les personnes qui préparent les paiements."


@transaction.atomic
def ask_changement(user: Any, organisation: Organisation, iban: str, banque: str, motif: str) -> ChangementIban:
    """Ask for a new account. Raises PermissionDenied, ValidationError. Nothing changes until somebody else confirms."""
    if refus := explain_changement(user, organisation):
        raise PermissionDenied(refus)
    verrou = Organisation.objects.select_for_update().get(pk=organisation.pk)
    banque, motif = keep_writable(banque).strip(), keep_writable(motif).strip()
    changement = ChangementIban(
        organisation=verrou, ancien=verrou.iban, nouveau=compact(iban), banque=banque, motif=motif, demande_par=user
    )
    erreurs: dict[str, list[str]] = {}
    if not changement.motif:
        erreurs["motif"] = ["Dites d’où vient ce compte : « RIB reçu par courrier le 02/11/2018 »."]
    if not changement.nouveau:
        erreurs["nouveau"] = ["Écrivez le nouvel IBAN."]
    elif changement.nouveau == verrou.iban:
        erreurs["nouveau"] = ["C’est déjà le compte enregistré."]
    try:
        changement.full_clean(exclude=set(erreurs))
    except ValidationError as erreur:
        erreurs |= erreur.message_dict
    if erreurs:
        raise ValidationError(erreurs)
    changement.save()
    return changement


def explain_confirmation(user: Any, changement: ChangementIban) -> str:
    """Why this person may not confirm or turn down; empty when they may."""
    if changement.etat != ChangementIban.Etat.DEMANDE:
        return f"Ce changement est déjà {changement.get_etat_display().lower()}."
    if changement.demande_par_id == user.pk:
        return "Vous avez demandé ce changement : une autre personne le confirme."
    return explain_changement(user, changement.organisation)


@transaction.atomic
def settle_changement(user: Any, changement: ChangementIban, confirme: bool) -> ChangementIban:
    """Confirm (the account changes) or turn down. Raises ValidationError with the sentence that refuses."""
    verrou = ChangementIban.objects.select_for_update().select_related("organisation").get(pk=changement.pk)
    if refus := explain_confirmation(user, verrou):
        raise ValidationError(refus)
    verrou.etat = ChangementIban.Etat.CONFIRME if confirme else ChangementIban.Etat.REFUSE
    verrou.traite_par, verrou.traite_le = user, timezone.now()
    verrou.save()
    if confirme:
        organisation = Organisation.objects.select_for_update().get(pk=verrou.organisation_id)
        if organisation.iban != verrou.ancien:
            raise ValidationError("Le compte a changé depuis la demande. Refusez-la et refaites-la.")
        organisation.iban, organisation.banque = verrou.nouveau, verrou.banque or organisation.banque
        organisation.full_clean()
        organisation.save()
    return verrou
