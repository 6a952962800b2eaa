"""What must hold before a convention goes on. Each condition tells what is missing, and where to do it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from django.urls import reverse

from conventions.models import Convention, Partie
from documents.accords import Accord, list_manquants
from documents.avenants import compute_difference, explain_ouverture, find_precedente
from documents.figes import DocumentFige, get_document
from documents.instantane import compute_empreinte_texte
from documents.signatures import Signature
from fiches.models import FicheAction
from financement.controles.regles import find_contradictions
from financement.controles.verification import find_bloquantes
from financement.situation import compute_situation
from socle.typographie import format_euros, list_fr

MONTREES = 5


@dataclass(frozen=True)
class Obstacle:
    """Why a transition is refused, in a sentence that says what to do; and the page where it is done."""

    phrase: str
    url: str = ""


@dataclass
class Contexte:
    """A convention (its parties loaded), the person, and what the transitions look at, read once when asked."""

    convention: Convention
    user: Any
    jour: date | None = None
    motif: str = ""
    pour: int | None = None  # the organisation whose agreement somebody records in its place
    prepare: Any = field(default=None, repr=False)

    @cached_property
    def parties(self) -> list[Partie]:
        return list(self.convention.parties.all())

    @cached_property
    def document(self) -> DocumentFige | None:
        return get_document(self.convention)

    @cached_property
    def signatures(self) -> list[Signature]:
        return list(self.document.signatures.select_related("partie")) if self.document else []

    @cached_property
    def accords(self) -> list[Accord]:
        return list(Accord.objects.filter(convention=self.convention).select_related("organisation", "auteur"))

    @cached_property
    def empreinte_texte(self) -> str:
        return compute_empreinte_texte(self.convention)

    @cached_property
    def accords_manquants(self) -> list[Partie]:
        return list_manquants(self.parties, self.accords, self.empreinte_texte)

    def locate(self, nom: str, suite: str = "") -> str:
        return reverse(nom, args=[self.convention.reference]) + suite

    def locate_admin(self) -> str:
        """Where an administrator completes the convention; the overview for the others."""
        if self.user.is_staff:
            return reverse("admin:conventions_convention_change", args=[self.convention.pk])
        return self.locate("convention", "#parties")


Condition = Callable[[Contexte], list[Obstacle]]


def parent_signed(c: Contexte) -> list[Obstacle]:
    """A specific agreement is signed under a cadre that is."""
    parent = c.convention.parent
    if parent is None or parent.is_signee or c.convention.is_avenant:
        return []
    return [Obstacle(f"La convention-cadre dont elle dépend, {parent.reference}, n’est pas signée.", c.locate("famille"))]


def two_parties(c: Contexte) -> list[Obstacle]:
    """Two organisations at least."""
    if len({p.organisation_id for p in c.parties}) < 2:
        return [Obstacle("Une convention lie au moins deux parties : ajoutez-les.", c.locate_admin())]
    return []


def fiches_validated(c: Contexte) -> list[Obstacle]:
    """Every fiche was read over and validated by the partner."""
    codes = list(c.convention.fiches.exclude(etat=FicheAction.Etat.VALIDEE).values_list("code", flat=True))
    if not codes:
        return []
    suite = f" et {len(codes) - MONTREES} autres" if len(codes) > MONTREES + 1 else ""
    montres = codes if not suite else codes[:MONTREES]
    debut = f"{len(codes)} fiches ne sont pas validées" if len(codes) > 1 else "Une fiche n’est pas validée"
    noms = ", ".join(montres) + suite if suite else list_fr(montres)
    pronom = "les" if len(codes) > 1 else "la"
    return [Obstacle(f"{debut} : {noms}. Faites-{pronom} relire par le partenaire.", c.locate("fiches"))]


def accords_hold(c: Contexte) -> list[Obstacle]:
    """The text is still the one that all the parties agreed to."""
    if not c.accords_manquants:
        return []
    noms = list_fr([p.nom_articule for p in c.accords_manquants])
    return [Obstacle(f"Le texte a changé depuis l’accord de {noms} : renvoyez la convention en négociation.")]


def deliberations(c: Contexte) -> list[Obstacle]:
    """Each assembly has approved, on a known day."""
    absentes = [p.nom_articule for p in c.parties if p.deliberation_date is None]
    return [Obstacle(f"Enregistrez la délibération de {list_fr(absentes)}.", c.locate("vie", "#deliberations"))] if absentes else []


def deliberations_executoires(c: Contexte) -> list[Obstacle]:
    """The payers' délibérations have effect."""
    payeurs = [p for p in c.parties if p.role == Partie.Role.FINANCEUR]
    absentes = [p.nom_articule for p in payeurs if p.deliberation_executoire is None]
    if not absentes:
        tardives = [p for p in payeurs if c.jour and p.deliberation_executoire and p.deliberation_executoire > c.jour]
        return [
            Obstacle(
                f"La délibération de {p.nom_articule} n’est exécutoire que le {p.deliberation_executoire:%d/%m/%Y} : "
                "la convention ne peut pas l’être avant.",
                c.locate("vie", "#deliberations"),
            )
            for p in tardives
        ]
    return [
        Obstacle(
            f"Donnez la date à laquelle la délibération de {list_fr(absentes)} est devenue exécutoire.", c.locate("vie", "#deliberations")
        )
    ]


def signataires(c: Contexte) -> list[Obstacle]:
    """Each party says who signs, and as what."""
    absents = [p.nom_articule for p in c.parties if not (p.signataire and p.qualite)]
    return (
        [Obstacle(f"Donnez le nom et la qualité de qui signe pour {list_fr(absents)}.", c.locate("vie", "#deliberations"))]
        if absents
        else []
    )


def dates_known(c: Contexte) -> list[Obstacle]:
    """The agreement says from when to when it holds."""
    absentes = [nom for nom, jour in [("la prise d’effet", c.convention.date_debut), ("la fin", c.convention.date_fin)] if jour is None]
    return [Obstacle(f"Donnez {list_fr(absentes)} de la convention.", c.locate_admin())] if absentes else []


def no_contradiction(c: Contexte) -> list[Obstacle]:
    """No blocking control is open. An avenant answers only for what it brings: the rest was signed before it."""
    bloquantes = find_bloquantes(c.convention)
    if bloquantes and c.convention.is_avenant:
        precedente = Convention.objects.with_parties().get(pk=find_precedente(c.convention).pk)
        # Accepted with a reason or not: what was signed with it is signed.
        connues = {(t.regle.identifiant, t.constat.message) for t in find_contradictions(precedente)}
        bloquantes = [t for t in bloquantes if (t.regle.identifiant, t.constat.message) not in connues]
    if not bloquantes:
        return []
    nombre = len(bloquantes)
    debut = f"{nombre} contradictions empêchent la signature" if nombre > 1 else "Une contradiction empêche la signature"
    phrase = f"{debut} : {bloquantes[0].constat.message} Corrigez-les ou acceptez-les avec un motif."
    return [Obstacle(phrase, c.locate("controles", "?voir=bloquant"))]


def something_changes(c: Contexte) -> list[Obstacle]:
    """An avenant changes something that asks for one."""
    if not c.convention.is_avenant:
        return []
    difference = compute_difference(c.convention)
    if difference.is_vide:
        return [Obstacle("Cet avenant ne change rien encore : modifiez les fiches, les textes ou les montants.", c.locate("avenant"))]
    if not difference.demande_avenant:
        phrase = (
            "Seul le calendrier change, à l’intérieur des mêmes années : aucun montant ni engagement n’en dépend. "
            "Un échange de courriers suffit, sans avenant."
        )
        return [Obstacle(phrase, c.locate("avenant"))]
    return []


def all_signed(c: Contexte) -> list[Obstacle]:
    """Each party's signature is recorded."""
    if c.document is None:
        return [Obstacle("Le document à signer n’est plus là : renvoyez la convention en négociation.")]
    signees = {s.partie_id for s in c.signatures}
    absentes = [p.nom_articule for p in c.parties if p.pk not in signees]
    return [Obstacle(f"La signature de {list_fr(absentes)} n’est pas enregistrée.", c.locate("vie", "#signatures"))] if absentes else []


def nobody_signed(c: Contexte) -> list[Obstacle]:
    """A document that somebody signed is not taken back."""
    if not c.signatures:
        return []
    noms = list_fr([s.partie.nom_articule for s in c.signatures])
    ont = "ont" if len(c.signatures) > 1 else "a"
    return [Obstacle(f"{noms[:1].upper()}{noms[1:]} {ont} déjà signé ce document : il ne peut plus être retiré.")]


def never_signed(c: Contexte) -> list[Obstacle]:
    """What was signed never becomes a draft again."""
    return [Obstacle("Une convention signée ne redevient pas un brouillon.")] if c.convention.date_signature else []


def alone(c: Contexte) -> list[Obstacle]:
    """An avenant given up is taken up again while its agreement lives, and when no other one took its place."""
    base = c.convention.avenant_de
    if base is None:
        return []
    if refus := explain_ouverture(c.user, base):
        return [Obstacle(refus)]
    suivants = base.avenants.filter(numero_avenant__gt=c.convention.numero_avenant, etat__in=Convention.ETATS_SIGNES)
    if suivants.exists():
        return [Obstacle("Un avenant plus récent est signé : ouvrez-en un nouveau, qui partira de lui.")]
    return []


def no_open_avenant(c: Contexte) -> list[Obstacle]:
    """An agreement does not end while an avenant to it is being written or signed."""
    ouvert = c.convention.avenants.exclude(etat__in=(*Convention.ETATS_SIGNES, Convention.Etat.CADUQUE)).first()
    if ouvert is None:
        return []
    phrase = f"L’avenant n°\u00a0{ouvert.numero_avenant} est en préparation : terminez-le ou abandonnez-le d’abord."
    return [Obstacle(phrase, reverse("vie", args=[ouvert.reference]))]


def payments_done(c: Contexte) -> list[Obstacle]:
    """Every payment planned is paid, and nothing is to be given back."""
    situation = compute_situation(c.convention)
    obstacles = []
    ouverts = [p for s in situation.payeurs for li in s.lignes for p in li.paiements if p.is_vivant and not p.is_paye]
    if ouverts:
        nombre = f"{len(ouverts)} paiements sont" if len(ouverts) > 1 else "Un paiement est"
        obstacles.append(Obstacle(f"{nombre} encore en cours.", c.locate("versements")))
    for payeur in situation.payeurs:
        attendus = [li for li in payeur.lignes if not li.paye and not li.retire]
        if attendus and payeur.reste != 0:  # all that is due is paid: a payment left at zero has nothing to ask for
            noms = list_fr([li.versement.get_nature_display().lower() for li in attendus])
            obstacles.append(Obstacle(f"{payeur.payeur.sigle} n’a pas payé : {noms}.", c.locate("versements")))
        if payeur.trop_percu:
            phrase = f"{format_euros(payeur.trop_percu)} ont été payés en trop par {payeur.payeur.sigle} : émettez le titre de reversement."
            obstacles.append(Obstacle(phrase, c.locate("versements")))
    return obstacles


def bilans_accepted(c: Contexte) -> list[Obstacle]:
    """Every bilan that was opened is accepted."""
    ouverts = c.convention.bilans.exclude(etat="accepte").order_by("annee")
    return [
        Obstacle(f"Le bilan {annee} n’est pas accepté.", reverse("bilan", args=[c.convention.reference, annee]))
        for annee in ouverts.values_list("annee", flat=True)
    ]


def not_avenant(c: Contexte) -> list[Obstacle]:
    """Only an agreement is closed; its avenants follow it."""
    if c.convention.is_avenant:
        return [Obstacle("Un avenant suit la convention qu’il modifie : c’est elle qui se solde ou se résilie.")]
    return []
