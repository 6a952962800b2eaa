"""Observations on a bilan: anchored to an action and a heading, answered, settled."""

from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone

from financement.bilans.droits import explain_parole
from financement.bilans.modeles import Bilan, FicheBilan
from financement.bilans.ouverture import lock_bilan
from financement.bilans.suites import LONGUEUR, Observation
from socle.texte import keep_writable


@dataclass
class FilObservation:
    """An observation and its answers."""

    tete: Observation
    reponses: list[Observation] = field(default_factory=list)

    @property
    def is_reglee(self) -> bool:
        return self.tete.reglee_le is not None

    def is_answered_by(self, organisations: set[int]) -> bool:
        """Somebody of these organisations answered."""
        return any(r.auteur and r.auteur.organisation_id in organisations for r in self.reponses)


def list_observations(bilan: Bilan, fiche: FicheBilan | None = None) -> list[FilObservation]:
    """Threads of a bilan, or of one of its actions: open ones first, oldest first. One query."""
    rows = bilan.observations.select_related("auteur__organisation", "reglee_par", "fiche").order_by("cree_le", "pk")
    fils: dict[int, FilObservation] = {}
    for row in rows:
        if row.parent_id is None:
            fils[row.pk] = FilObservation(row)
        elif row.parent_id in fils:
            fils[row.parent_id].reponses.append(row)
    choisis = [f for f in fils.values() if fiche is None or f.tete.fiche_id == fiche.pk]
    return sorted(choisis, key=lambda f: (f.is_reglee, f.tete.cree_le, f.tete.pk))


def explain_observation(user: Any, bilan: Bilan) -> str:
    """Why this person writes no observation on a bilan now; empty when they may."""
    if bilan.is_accepte:
        return f"Le bilan {bilan.annee} est accepté : il ne reçoit plus d’observation."
    return explain_parole(user, bilan.convention)


@transaction.atomic
def add_observation(
    user: Any, bilan: Bilan, texte: str, rubrique: str = "", fiche: FicheBilan | None = None, parent: Observation | None = None
) -> Observation:
    """Write an observation, or the answer to one. Raises PermissionDenied, ValidationError."""
    verrou = lock_bilan(bilan)
    if refus := explain_observation(user, verrou):
        raise PermissionDenied(refus) if user.is_lecteur else ValidationError(refus)
    texte = keep_writable(texte).replace("\r\n", "\n").strip()
    if not texte:
        raise ValidationError("Écrivez votre observation avant de l’envoyer.")
    if len(texte) > LONGUEUR:
        raise ValidationError(f"Cette observation dépasse {LONGUEUR} caractères ({len(texte)}). Raccourcissez-la.")
    if parent is None and rubrique not in Observation.Rubrique.values:
        raise ValidationError("Choisissez ce que vous observez : état, dépenses, financement, indicateurs ou récit.")
    return Observation.objects.create(
        bilan=verrou,
        fiche=parent.fiche if parent else fiche,
        parent=parent,
        rubrique=parent.rubrique if parent else rubrique,
        texte=texte,
        auteur=user,
    )


@transaction.atomic
def settle_observation(user: Any, observation: Observation, reglee: bool = True) -> None:
    """Settle a thread, or open it again: by the organisation that wrote it. Raises PermissionDenied, ValidationError."""
    bilan = lock_bilan(observation.bilan)
    if refus := explain_observation(user, bilan):
        raise PermissionDenied(refus) if user.is_lecteur else ValidationError(refus)
    auteur = observation.auteur.organisation_id if observation.auteur else None
    if not user.is_superuser and auteur is not None and auteur != user.organisation_id:
        raise PermissionDenied("Une observation est réglée par l’organisation qui l’a écrite.")
    verrou = Observation.objects.get(pk=observation.pk)
    if (verrou.reglee_le is not None) == reglee:
        return  # somebody did it meanwhile: their name and day stay
    verrou.reglee_le, verrou.reglee_par = (timezone.now(), user) if reglee else (None, None)
    verrou.save(update_fields=["reglee_le", "reglee_par"])
