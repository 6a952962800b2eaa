"""How a bilan goes on: sent, observed, corrected, accepted by both. The one table of buttons, rights, refusals and effects."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from djmoney.money import Money

from conventions.journal import record
from documents.bilans.figes import create_document
from documents.bilans.taches import start_pdf
from documents.instantane import write_canonique
from financement.bilans.calculs import compute_synthese
from financement.bilans.droits import explain_relecture, explain_role, list_redacteurs, list_relecteurs
from financement.bilans.export import build_json
from financement.bilans.modeles import Bilan
from financement.bilans.observations import list_observations
from financement.bilans.ouverture import lock_bilan
from financement.bilans.participations import keep_participations
from financement.bilans.plan import diff_plan
from financement.bilans.solde import compute_soldes
from financement.bilans.suites import AccordBilan
from financement.bilans.suivi import Synthese
from socle.typographie import list_fr

Etat = Bilan.Etat
MONTRES = 6


class Qui(StrEnum):
    """Who makes a passage."""

    REDACTEUR = "redacteur"
    RELECTEUR = "relecteur"


@dataclass(frozen=True)
class Obstacle:
    """Why a passage is refused, in a sentence that says what to do; and the page where it is done."""

    phrase: str
    url: str = ""


@dataclass
class Contexte:
    """A bilan, the person, and what the conditions look at."""

    bilan: Bilan
    user: Any
    synthese: Synthese

    def locate(self, nom: str, *args: Any) -> str:
        return reverse(nom, args=[self.bilan.convention.reference, self.bilan.annee, *args])


Condition = Callable[[Contexte], list[Obstacle]]


def complete(c: Contexte) -> list[Obstacle]:
    """Every active action is reported, and the year is told."""
    obstacles = []
    manques = c.synthese.list_manques()
    for fiche, mots in manques[:MONTRES]:
        obstacles.append(Obstacle(f"{fiche.objet.code} : {list_fr(mots)}.", c.locate("bilan_fiche", fiche.objet.pk)))
    if len(manques) > MONTRES:
        reste = len(manques) - MONTRES
        phrase = f"{reste} autres fiches sont à compléter." if reste > 1 else "Une autre fiche est à compléter."
        obstacles.append(Obstacle(phrase, c.locate("bilan_grille")))
    if not c.bilan.recit.strip():
        obstacles.append(
            Obstacle("Racontez l’année en quelques phrases : les élus commencent par là.", c.locate("bilan_grille") + "#recit")
        )
    return obstacles


def plan_current(c: Contexte) -> list[Obstacle]:
    """The plan copied is still the one of the agreement."""
    ecarts = diff_plan(c.bilan)
    if not ecarts:
        return []
    return [Obstacle(f"Le plan a changé depuis l’ouverture ({', '.join(ecarts.codes[:MONTRES])}) : reprenez-le.", c.locate("bilan"))]


def something_observed(c: Contexte) -> list[Obstacle]:
    """A bilan is sent back with at least one open observation."""
    if any(not f.is_reglee for f in list_observations(c.bilan)):
        return []
    return [Obstacle("Écrivez d’abord une observation : le partenaire saura quoi corriger.", c.locate("bilan") + "#observations")]


def all_answered(c: Contexte) -> list[Obstacle]:
    """Each open observation has an answer of who reports."""
    miennes = {p.organisation_id for p in list_redacteurs(c.bilan.convention)}
    sans = [f for f in list_observations(c.bilan) if not f.is_reglee and not f.is_answered_by(miennes)]
    if not sans:
        return []
    nombre = f"{len(sans)} observations attendent" if len(sans) > 1 else "Une observation attend"
    return [Obstacle(f"{nombre} votre réponse.", c.locate("bilan") + "#observations")]


def all_settled(c: Contexte) -> list[Obstacle]:
    """Nothing is left open."""
    ouvertes = [f for f in list_observations(c.bilan) if not f.is_reglee]
    if not ouvertes:
        return []
    plusieurs = f"{len(ouvertes)} observations sont encore ouvertes : réglez-les"
    nombre = plusieurs if len(ouvertes) > 1 else "Une observation est encore ouverte : réglez-la"
    return [Obstacle(f"{nombre}, ou renvoyez le bilan.", c.locate("bilan") + "#observations")]


def nobody_accepted(c: Contexte) -> list[Obstacle]:
    """Who reads it over has not accepted yet; where everybody reports, sending is not accepting."""
    relecteurs = {p.organisation_id for p in list_relecteurs(c.bilan.convention)} - {c.user.organisation_id}
    accords = [a for a in c.bilan.accords.select_related("organisation") if a.organisation_id in relecteurs]
    return [Obstacle(f"{a.organisation.sigle} l’a déjà accepté.") for a in accords]


def not_twice(c: Contexte) -> list[Obstacle]:
    """One agreement an organisation."""
    if c.bilan.accords.filter(organisation=c.user.organisation_id or 0).exists():
        return [Obstacle("Votre organisation a déjà donné son accord : il manque celui des autres.")]
    return []


@dataclass(frozen=True)
class Passage:
    """From where, to where, by whom, on what conditions. `fait` is told to who makes it, `trace` to all who read the journal."""

    action: str
    depuis: tuple[str, ...]
    vers: str
    libelle: str
    fait: str
    trace: str
    aide: str
    qui: Qui
    conditions: tuple[Condition, ...] = ()
    principal: bool = False

    def explain(self, contexte: Contexte) -> list[Obstacle]:
        """Everything that refuses this passage to this person now; empty when it may be made."""
        explain = explain_role if self.qui == Qui.REDACTEUR else explain_relecture
        if refus := explain(contexte.user, contexte.bilan.convention):
            return [Obstacle(refus)]
        return [obstacle for condition in self.conditions for obstacle in condition(contexte)]


PASSAGES = [
    Passage(
        "soumettre",
        (Etat.BROUILLON,),
        Etat.SOUMIS,
        "Envoyer le bilan",
        "Bilan envoyé : votre organisation est d’accord avec lui.",
        "envoyé, avec l’accord de qui l’envoie.",
        "Le bilan se ferme pendant sa relecture. L’envoyer vaut accord de votre organisation.",
        Qui.REDACTEUR,
        (complete, plan_current),
        principal=True,
    ),
    Passage(
        "corriger",
        (Etat.OBSERVATIONS,),
        Etat.CORRIGE,
        "Envoyer le bilan corrigé",
        "Bilan corrigé envoyé.",
        "corrigé et envoyé.",
        "Chaque observation a sa réponse ; le bilan repart en relecture.",
        Qui.REDACTEUR,
        (complete, plan_current, all_answered),
        principal=True,
    ),
    Passage(
        "accepter",
        (Etat.SOUMIS, Etat.CORRIGE),
        Etat.ACCEPTE,
        "Accepter le bilan",
        "Accord enregistré.",
        "accord donné.",
        "Quand tous les financeurs l’ont accepté, le bilan est figé, et le solde qu’il rend dû peut être demandé.",
        Qui.RELECTEUR,
        (all_settled, not_twice),
        principal=True,
    ),
    Passage(
        "observer",
        (Etat.SOUMIS, Etat.CORRIGE),
        Etat.OBSERVATIONS,
        "Renvoyer avec des observations",
        "Bilan renvoyé : le partenaire lit vos observations et corrige.",
        "renvoyé avec des observations.",
        "Le partenaire corrige le bilan et répond à chaque observation.",
        Qui.RELECTEUR,
        (something_observed,),
    ),
    Passage(
        "reprendre",
        (Etat.SOUMIS, Etat.CORRIGE),
        Etat.BROUILLON,
        "Reprendre le bilan",
        "Bilan repris : vous pouvez le modifier.",
        "repris pour être modifié.",
        "Tant que personne ne l’a accepté, vous pouvez le reprendre pour le modifier.",
        Qui.REDACTEUR,
        (nobody_accepted,),
    ),
]
PAR_ACTION = {p.action: p for p in PASSAGES}


@dataclass(frozen=True)
class Offre:
    """A passage as one person sees it: what still refuses it."""

    passage: Passage
    obstacles: list[Obstacle]


def list_offres(user: Any, synthese: Synthese) -> list[Offre]:
    """Passages that this person is the one to make, from where the bilan stands, with what is missing."""
    contexte = Contexte(synthese.bilan, user, synthese)
    offres = []
    for passage in PASSAGES:
        if synthese.bilan.etat in passage.depuis:
            explain = explain_role if passage.qui == Qui.REDACTEUR else explain_relecture
            if not explain(user, synthese.bilan.convention):
                offres.append(Offre(passage, passage.explain(contexte)))
    return offres


@transaction.atomic
def pass_bilan(user: Any, bilan: Bilan, action: str) -> Passage:
    """Make a passage. Raises PermissionDenied, or ValidationError with every reason at once."""
    verrou = lock_bilan(bilan)
    passage = PAR_ACTION.get(action)
    if passage is None or verrou.etat not in passage.depuis:
        raise ValidationError(f"Ce bilan est maintenant « {verrou.get_etat_display().lower()} » : cette étape n’est plus possible.")
    explain = explain_role if passage.qui == Qui.REDACTEUR else explain_relecture
    if refus := explain(user, verrou.convention):
        raise PermissionDenied(refus)
    synthese = compute_synthese(verrou)
    if obstacles := passage.explain(Contexte(verrou, user, synthese)):
        raise ValidationError([o.phrase for o in obstacles])
    if passage.action == "accepter":
        return _accept(user, verrou, synthese)
    # Taken back, a corrected bilan returns to its observations.
    verrou.etat = Etat.OBSERVATIONS if passage.action == "reprendre" and verrou.etat == Etat.CORRIGE else passage.vers
    verrou.accords.all().delete()
    if passage.qui == Qui.REDACTEUR and passage.action != "reprendre":
        verrou.soumis_le = timezone.localdate()
        _agree(user, verrou, [p.organisation_id for p in list_redacteurs(verrou.convention)])
    verrou.modifie_le = timezone.now()
    verrou._history_user = user  # type: ignore[attr-defined]
    verrou.save()
    record(verrou.convention, f"bilan_{passage.action}", f"Bilan {verrou.annee} {passage.trace}", user)
    return passage


def _agree(user: Any, bilan: Bilan, organisations: list[int]) -> None:
    """Record the agreement of the person's organisation; who runs the platform speaks for the first one that has not given it."""
    donnes = set(bilan.accords.values_list("organisation_id", flat=True))
    attendues = [o for o in organisations if o not in donnes] or organisations
    organisation = user.organisation_id if user.organisation_id in organisations else attendues[0]
    AccordBilan.objects.get_or_create(bilan=bilan, organisation_id=organisation, defaults={"auteur": user, "date": timezone.localdate()})


def _accept(user: Any, bilan: Bilan, synthese: Synthese) -> Passage:
    """The agreement of one payer; the last one freezes the bilan."""
    relecteurs = [p.organisation_id for p in list_relecteurs(bilan.convention)]
    _agree(user, bilan, relecteurs)
    passage = PAR_ACTION["accepter"]
    donnes = set(bilan.accords.values_list("organisation_id", flat=True))
    manquants = [p for p in list_relecteurs(bilan.convention) if p.organisation_id not in donnes]
    if manquants:
        record(bilan.convention, "bilan_accord", f"Bilan {bilan.annee} : {passage.trace}", user, annee=bilan.annee)
        return passage
    freeze(bilan, synthese, user)
    start_pdf(bilan, user)
    return passage


def freeze(bilan: Bilan, synthese: Synthese, user: Any = None) -> None:
    """Write in each row the figure it had, keep what is due, close the bilan and freeze its data; the caller holds the transaction."""
    for fiche in synthese.fiches:
        for ligne in fiche.lignes:
            objet, montant, jours = ligne.objet, ligne.euros.realise, ligne.jours.realise
            if (objet.montant is None and montant is not None) or (objet.jours is None and jours is not None):
                objet.montant, objet.jours = None if montant is None else Money(montant, "EUR"), jours
                objet._history_user = user  # type: ignore[attr-defined]
                objet.save()
        for part in fiche.parts:
            realise = part.compte.realise
            if part.objet is not None and part.objet.montant is None and realise is not None and realise >= 0:
                part.objet.montant = Money(realise, "EUR")
                part.objet._history_user = user  # type: ignore[attr-defined]
                part.objet.save()
    soldes = compute_soldes(compute_synthese(bilan))
    keep_participations(bilan, soldes.synthese, [s.payeur.pk for s in soldes.payeurs])
    bilan.etat, bilan.modifie_le = Etat.ACCEPTE, timezone.now()
    bilan.accepte_le = bilan.accepte_le or timezone.localdate()
    bilan._history_user = user  # type: ignore[attr-defined]
    bilan.save()
    donnees = write_canonique(build_json(soldes, list_observations(bilan), list(bilan.pieces.all())))
    document = create_document(bilan, donnees)
    record(bilan.convention, "bilan_accepte", f"Bilan {bilan.annee} accepté et figé.", user, empreinte=document.empreinte_donnees)
