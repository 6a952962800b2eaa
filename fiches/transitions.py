"""The workflow of a fiche: written by one, read over by the partner, sent back or validated.

`TRANSITIONS` is the single source of buttons, rights and refusals. Whoever hands a fiche over does not validate it:
the partner does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction

from comptes.models import Organisation, Utilisateur
from conventions.journal import record
from fiches.droits import explain_lecture
from fiches.fiches import FicheAction, Rubrique
from socle.texte import keep_writable
from socle.typographie import list_fr

Etat = FicheAction.Etat


class Passage(models.Model):
    """One passage of a fiche from a state to another: who, for which organisation, when and why."""

    fiche = models.ForeignKey(FicheAction, models.CASCADE, verbose_name="fiche", related_name="passages")
    action = models.CharField("passage", max_length=20)
    de = models.CharField("de", max_length=16, choices=Etat.choices)
    vers = models.CharField("vers", max_length=16, choices=Etat.choices)
    auteur = models.ForeignKey(Utilisateur, models.SET_NULL, verbose_name="auteur", null=True, related_name="passages")
    organisation = models.ForeignKey(Organisation, models.SET_NULL, verbose_name="organisation", null=True, related_name="passages")
    motif = models.TextField("motif", blank=True)
    date = models.DateTimeField("date", auto_now_add=True)

    class Meta:
        verbose_name = "passage"
        verbose_name_plural = "passages"
        ordering = ["-date", "-pk"]
        indexes = [models.Index(fields=["fiche", "-date"], name="passage_fiche_date")]

    def __str__(self) -> str:
        return f"{self.fiche.code} : {self.get_de_display()} → {self.get_vers_display()}"


@dataclass(frozen=True)
class Contexte:
    """What a transition looks at: the fiche (its parties loaded), the person, what is missing, who handed it over."""

    fiche: FicheAction
    user: Any
    manques: list[Rubrique]
    remettante: Organisation | None

    @property
    def is_remettante(self) -> bool:
        """Tell whether the person's organisation is the one that handed the fiche over."""
        return self.remettante is not None and self.user.organisation_id == self.remettante.pk

    @property
    def partenaires(self) -> list[str]:
        """Short names of the other parties, as a sentence says them."""
        return [p.nom_articule for p in self.fiche.convention.parties.all() if p.organisation_id != self.user.organisation_id]


Regle = Callable[[Contexte], str]


@dataclass(frozen=True)
class Transition:
    """One passage: where from, where to, the word on its button, and the rule that refuses it with a sentence."""

    action: str
    depuis: tuple[str, ...]
    vers: str
    libelle: str
    fait: str
    refus: Regle
    motive: bool = False
    principale: bool = False
    discrete: bool = False  # shown only to who may: the others have no use for its refusal

    def label(self, contexte: Contexte) -> str:
        """The button, naming the partner: « Faire relire par la CCI »."""
        return self.libelle.format(partenaire=list_fr(contexte.partenaires) or "le partenaire")


@dataclass(frozen=True)
class Offre:
    """A transition offered to a person, with the reason why it would be refused."""

    transition: Transition
    libelle: str
    refus: str


def _refuse_nothing(contexte: Contexte) -> str:
    return ""


def _only_partner(contexte: Contexte) -> str:
    """Handed over by one organisation, read over by another."""
    if contexte.is_remettante and not contexte.user.is_superuser:
        autres = list_fr(contexte.partenaires) or "votre partenaire"
        return f"Votre organisation a remis cette fiche : la relecture revient à {autres}."
    return ""


def _only_complete(contexte: Contexte) -> str:
    if refus := _only_partner(contexte):
        return refus
    if contexte.manques:
        noms, nombre = list_fr([r.libelle for r in contexte.manques]), len(contexte.manques)
        return f"Il manque {nombre} rubrique{'s' if nombre > 1 else ''} pour valider : {noms}."
    return ""


def _only_remettante(contexte: Contexte) -> str:
    if contexte.remettante and not contexte.is_remettante and not contexte.user.is_superuser:
        return f"Seule l’organisation qui a remis la fiche ({contexte.remettante.sigle}) peut la reprendre."
    return ""


TRANSITIONS = [
    Transition(
        "soumettre",
        (Etat.BROUILLON, Etat.EN_REDACTION, Etat.A_CORRIGER),
        Etat.EN_RELECTURE,
        "Faire relire par {partenaire}",
        "Fiche remise pour relecture.",
        _refuse_nothing,
        principale=True,
    ),
    Transition(
        "reprendre",
        (Etat.EN_RELECTURE,),
        Etat.EN_REDACTION,
        "Reprendre la rédaction",
        "Rédaction reprise.",
        _only_remettante,
        discrete=True,
    ),
    Transition(
        "renvoyer", (Etat.EN_RELECTURE,), Etat.A_CORRIGER, "Demander des corrections", "Corrections demandées.", _only_partner, motive=True
    ),
    Transition("valider", (Etat.EN_RELECTURE,), Etat.VALIDEE, "Valider la fiche", "Fiche validée.", _only_complete, principale=True),
    Transition("rouvrir", (Etat.VALIDEE,), Etat.A_CORRIGER, "Renvoyer en correction", "Fiche rouverte.", _refuse_nothing, motive=True),
]
PAR_ACTION = {t.action: t for t in TRANSITIONS}


def find_remettante(fiche: FicheAction) -> Organisation | None:
    """The organisation that handed the fiche over: by its last passage, else the one that leads the action alone."""
    passage = fiche.passages.filter(vers=Etat.EN_RELECTURE).select_related("organisation").first()
    if passage:
        return passage.organisation
    maitres = list(fiche.maitres_ouvrage.all())
    return maitres[0] if len(maitres) == 1 else None


def list_offres(user: Any, fiche: FicheAction, manques: list[Rubrique]) -> list[Offre]:
    """Transitions from the present state, each with its refusal if any; none for who only reads."""
    if explain_lecture(user, fiche.convention) or fiche.supprimee_le:
        return []
    contexte = Contexte(fiche, user, manques, find_remettante(fiche))
    possibles = [t for t in TRANSITIONS if fiche.etat in t.depuis]
    offres = [Offre(t, t.label(contexte), t.refus(contexte)) for t in possibles]
    return [o for o in offres if not (o.refus and o.transition.discrete)]


@transaction.atomic
def pass_fiche(user: Any, fiche: FicheAction, action: str, manques: list[Rubrique], motif: str = "") -> Transition:
    """Make one transition and record it. Raises ValidationError with the sentence that says what to do instead."""
    verrou = FicheAction.objects.select_for_update().get(pk=fiche.pk)
    fiche.etat = verrou.etat
    if refus := explain_lecture(user, fiche.convention):
        raise ValidationError(refus)
    transition = PAR_ACTION.get(action)
    if transition is None or verrou.etat not in transition.depuis:
        raise ValidationError(f"La fiche est maintenant « {verrou.get_etat_display().lower()} » : ce passage n’est plus possible.")
    if refus := transition.refus(Contexte(fiche, user, manques, find_remettante(fiche))):
        raise ValidationError(refus)
    motif = keep_writable(motif).strip()
    if transition.motive and not motif:
        raise ValidationError("Dites en une phrase ce qu’il faut corriger : elle sera jointe à la fiche.")
    Passage.objects.create(
        fiche=verrou, action=action, de=verrou.etat, vers=transition.vers, auteur=user, organisation_id=user.organisation_id, motif=motif
    )
    verrou.etat = transition.vers
    verrou._history_user, verrou._change_reason = user, motif[:100]
    verrou.save()
    derniere = verrou.history.order_by("-history_date", "-history_id").values("pk")[:1]
    verrou.history.filter(pk__in=[v["pk"] for v in derniere]).update(champ="etat")
    fiche.etat = transition.vers
    suite = f" {motif}" if motif else ""
    message = f"Fiche {verrou.code} : {transition.fait[:1].lower()}{transition.fait[1:]}{suite}"
    record(fiche.convention, f"fiche_{action}", message, user, fiche=verrou.code)
    return transition
