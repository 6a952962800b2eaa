"""Acts on the life of a convention: each checks, changes the state and writes the journal in one transaction.

What is long (typesetting) is prepared before the transaction, then compared with what the transaction finds: a change made
meanwhile refuses the act, a crash leaves at worst a file that nothing refers to.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.apps import apps
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone

from conventions.journal import record
from conventions.models import Convention, Partie
from documents.accords import Accord, list_manquants
from documents.avenant_pdf import publish_avenant
from documents.figes import DocumentFige, create_document, get_document
from documents.instantane import build_instantane, write_canonique
from documents.publication import publish_convention
from documents.sceau import seal_document
from documents.signatures import Signature, create_signature
from documents.vie.conditions import Contexte, Obstacle
from documents.vie.table import PAR_ACTION, TRANSITIONS, Effet, Transition
from socle.pieces import Piece
from socle.texte import keep_writable
from socle.typographie import list_fr


@dataclass(frozen=True)
class Offre:
    """A transition from the present state, with all that refuses it to this person."""

    transition: Transition
    obstacles: list[Obstacle]

    @property
    def is_possible(self) -> bool:
        return not self.obstacles


@dataclass(frozen=True)
class Passage:
    """What an act did: the sentence to show, and whether the state changed (an agreement may wait for the others)."""

    transition: Transition
    phrase: str
    passe: bool = True


@dataclass
class _Prepare:
    """What was typeset before the transaction."""

    donnees: bytes
    pdf: bytes | None = None
    scelle: bytes | None = None
    refus: list[str] = field(default_factory=list)


def list_offres(user: Any, convention: Convention) -> list[Offre]:
    """Transitions from the present state, each with its obstacles; none for who only reads."""
    if user.is_lecteur:
        return []
    contexte = Contexte(convention, user)
    return [Offre(t, t.explain(contexte)) for t in TRANSITIONS if convention.etat in t.depuis and t.proposee and _concerns(t, convention)]


def _concerns(transition: Transition, convention: Convention) -> bool:
    """An avenant is not offered what belongs to the agreement it changes."""
    return not convention.is_avenant or transition.action not in {"solder", "resilier", "enregistrer_signee"}


def pass_convention(
    user: Any,
    convention: Convention,
    action: str,
    *,
    jour: date | None = None,
    motif: str = "",
    pour: int | None = None,
    tenir: Callable[[], None] | None = None,
) -> Passage:
    """Make a transition. Raises PermissionDenied for who only reads, else ValidationError with every reason at once.

    `tenir` is called once what is long is ready, in the transaction that writes: a worker says there that the work is still its own.
    """
    motif = keep_writable(motif).strip()[:500]
    transition = _check(user, convention, action, jour, motif, pour)
    prepare = _prepare(convention, user, transition)
    with transaction.atomic():
        if tenir is not None:
            tenir()
        verrou = lock_convention(convention)
        contexte = Contexte(verrou, user, jour, motif, pour, prepare)
        transition = _check(user, verrou, action, jour, motif, pour, contexte)
        if transition.effet == Effet.ACCORD and (attente := _agree(contexte)):
            return attente
        _apply(contexte, transition)
    return Passage(transition, transition.fait)


def check_passage(user: Any, convention: Convention, action: str) -> Transition:
    """Tell beforehand whether a transition without day nor reason may be made. Raises PermissionDenied, ValidationError."""
    return _check(user, convention, action, None, "", None)


def lock_convention(convention: Convention) -> Convention:
    """The convention as it is now, held until the end of the transaction; an avenant with the agreement it changes, held first."""
    cles = [cle for cle in (convention.avenant_de_id, convention.pk) if cle]
    list(Convention.objects.select_for_update().filter(pk__in=cles).order_by("pk").values_list("pk"))
    return Convention.objects.with_parties().select_related("avenant_de").get(pk=convention.pk)


def _check(
    user: Any, convention: Convention, action: str, jour: date | None, motif: str, pour: int | None, contexte: Contexte | None = None
) -> Transition:
    """The transition, once everything that could refuse it was asked."""
    transition = PAR_ACTION.get(action)
    if transition is None or not transition.proposee or not _concerns(transition, convention):
        raise ValidationError("Cette étape n’existe pas.")
    if user.is_lecteur:
        raise PermissionDenied(transition.explain(Contexte(convention, user))[0].phrase)
    if convention.etat not in transition.depuis:
        etat = convention.get_etat_display().lower()
        raise ValidationError(f"La convention est maintenant « {etat} » : cette étape n’est plus possible.")
    contexte = contexte or Contexte(convention, user, jour, motif, pour)
    erreurs = [o.phrase for o in transition.explain(contexte)]
    if transition.motif and not motif:
        erreurs.append(f"{transition.motif} : écrivez-le en une phrase, elle sera dans le journal.")
    if transition.date:
        erreurs += _refuse_date(convention, transition, jour)
    if erreurs:
        raise ValidationError(erreurs)
    return transition


def _refuse_date(convention: Convention, transition: Transition, jour: date | None) -> list[str]:
    """The day asked for is known, not in the future, and not before the step before."""
    if jour is None:
        return [f"{transition.date} : donnez la date."]
    if jour > timezone.localdate():
        return [f"{transition.date} : cette date est dans l’avenir."]
    precedentes = [d for d in (convention.date_signature, convention.date_notification, convention.date_executoire) if d]
    if transition.champ_date != "date_signature" and precedentes and jour < max(precedentes):
        return [f"{transition.date} : cette date précède l’étape d’avant, du {max(precedentes):%d/%m/%Y}."]
    return []


def _prepare(convention: Convention, user: Any, transition: Transition) -> _Prepare | None:
    """The data, and the document they give, typeset as it will be signed."""
    if transition.effet not in (Effet.FIGER, Effet.FIGER_DONNEES):
        return None
    lue = Convention.objects.with_parties().select_related("avenant_de").get(pk=convention.pk)
    donnees = write_canonique(build_instantane(lue))
    if transition.effet == Effet.FIGER_DONNEES:
        return _Prepare(donnees)
    lue.etat = Convention.Etat.A_SIGNER  # in memory only: the document bears no draft marking
    pdf = publish_avenant(lue) if lue.is_avenant else publish_convention(lue)
    return _Prepare(donnees, pdf, seal_document(pdf, lue))


def _agree(contexte: Contexte) -> Passage | None:
    """Record one agreement; tell who is still awaited, or None when all agreed and the convention goes on."""
    organisation = find_accordante(contexte)
    convention, empreinte = contexte.convention, contexte.empreinte_texte
    ancien = next((a for a in contexte.accords if a.organisation_id == organisation.pk), None)
    if ancien and ancien.empreinte == empreinte:
        raise ValidationError(f"{organisation} a déjà donné son accord sur ce texte.")
    tombes = [a for a in contexte.accords if a.empreinte != empreinte]
    Accord.objects.filter(pk__in=[a.pk for a in tombes]).delete()
    if autres := [a.organisation.sigle for a in tombes if a.organisation_id != organisation.pk]:
        record(convention, "accord_tombe", f"Le texte a changé depuis l’accord de {list_fr(autres)} : cet accord ne vaut plus.")
    Accord.objects.create(
        convention=convention, organisation=organisation, auteur=contexte.user, empreinte=empreinte, motif=contexte.motif[:250]
    )
    pour = f" ({contexte.motif})" if contexte.pour and contexte.motif else ""
    record(convention, "accord", f"Accord de {organisation} sur le texte{pour}.", contexte.user, empreinte=empreinte)
    manquants = list_manquants(contexte.parties, Accord.objects.filter(convention=convention), empreinte)
    if not manquants:
        return None
    noms = list_fr([p.nom_articule for p in manquants])
    transition = PAR_ACTION["valider"]
    return Passage(transition, f"{transition.fait} Il reste à recevoir celui de {noms}.", passe=False)


def find_accordante(contexte: Contexte) -> Any:
    """Whose agreement is being given. An administrator may record one received by letter from a party that nobody represents here."""
    user, pour = contexte.user, contexte.pour
    if pour is None or pour == user.organisation_id:
        mienne = next((p for p in contexte.parties if p.organisation_id == user.organisation_id), None)
        if mienne is None:
            raise ValidationError("Choisissez la partie dont vous enregistrez l’accord.")
        return mienne.organisation
    partie = next((p for p in contexte.parties if p.organisation_id == pour), None)
    if partie is None:
        raise ValidationError("Cette organisation n’est pas partie à la convention.")
    if not user.is_superuser and (not user.is_staff or has_agents(partie)):
        raise ValidationError(f"{partie.denomination} donne elle-même son accord : ses agents ont un compte.")
    if not contexte.motif:
        raise ValidationError(f"Dites comment l’accord de {partie.denomination} vous est parvenu : « courrier du 02/11/2018 ».")
    return partie.organisation


def has_agents(partie: Partie) -> bool:
    """Tell whether somebody of this party could give its agreement here."""
    return partie.organisation.utilisateurs.filter(is_active=True).exclude(role="lecteur").exists()


def _apply(contexte: Contexte, transition: Transition) -> None:
    """Write the effect, the state and the event."""
    convention, details = contexte.convention, {}
    if transition.effet in (Effet.FIGER, Effet.FIGER_DONNEES):
        document = _freeze(contexte)
        details = {"donnees": document.empreinte_donnees, "pdf": document.empreinte_pdf}
    elif transition.effet == Effet.RETIRER and contexte.document:
        document = contexte.document
        document.retire_le, document.retire_par = timezone.now(), contexte.user
        document.save(update_fields=["retire_le", "retire_par"])
        details = {"retire": document.empreinte_pdf or document.empreinte_donnees}
    # What a worker found against an earlier document is no longer to be told; the table stands above this module.
    apps.get_model("documents", "Preparation").objects.filter(convention=convention).delete()
    if transition.effet in (Effet.RETIRER, Effet.ROUVRIR):
        Accord.objects.filter(convention=convention).delete()
    champs = ["etat", "modifiee_le"]
    ancien, convention.etat = convention.get_etat_display(), transition.vers
    if transition.champ_date:
        setattr(convention, transition.champ_date, contexte.jour)
        champs.append(transition.champ_date)
    convention._history_user = contexte.user  # type: ignore[attr-defined]
    convention._change_reason = contexte.motif[:100]  # type: ignore[attr-defined]
    convention.save(update_fields=champs)
    if contexte.jour and transition.champ_date:
        details["date"] = contexte.jour.isoformat()
    motif = f" {contexte.motif}" if contexte.motif else ""
    message = f"{ancien} → {convention.get_etat_display()}. {transition.fait}{motif}"
    record(convention, transition.action, message, contexte.user, **details)


def _freeze(contexte: Contexte) -> DocumentFige:
    """Keep what was typeset, provided that the data are still those it was made from."""
    prepare: _Prepare = contexte.prepare
    relue = copy(contexte.convention)
    if write_canonique(build_instantane(relue)) != prepare.donnees:
        raise ValidationError("La convention a été modifiée pendant la mise en forme du document. Recommencez.")
    return create_document(contexte.convention, contexte.user, prepare.donnees, prepare.pdf, prepare.scelle)


@transaction.atomic
def sign(
    user: Any, convention: Convention, partie: int, mode: str, jour: date, piece: Piece | None = None, preuve: str = ""
) -> tuple[Signature, bool]:
    """Record the signature of one party; the last one makes the convention signed. Raises PermissionDenied, ValidationError."""
    verrou = lock_convention(convention)
    document = get_document(verrou)
    membre = next((p for p in verrou.parties.all() if p.pk == partie), None)
    if document is None or (verrou.etat != Convention.Etat.A_SIGNER and document.pdf):
        raise ValidationError(f"La convention est maintenant « {verrou.get_etat_display().lower()} » : il n’y a rien à signer.")
    if membre is None:
        raise ValidationError("Choisissez la partie qui a signé.")
    if not user.is_superuser and all(p.organisation_id != user.organisation_id for p in verrou.parties.all()):
        raise PermissionDenied("Seules les parties enregistrent les signatures.")
    signature = create_signature(user, document, membre, mode, jour, piece, preuve)
    message = f"Signature de {membre.denomination} ({signature.signataire}) le {jour:%d/%m/%Y}, {signature.get_mode_display().lower()}."
    record(verrou, "signature", message, user, empreinte=signature.empreinte, document=document.empreinte_pdf)
    transition = PAR_ACTION["signer"]
    contexte = Contexte(verrou, user)
    if verrou.etat != Convention.Etat.A_SIGNER or transition.explain(contexte):
        return signature, False
    contexte.jour = max(s.date for s in document.signatures.all())
    _apply(contexte, transition)
    return signature, True
