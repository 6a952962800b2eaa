"""The table of transitions of a convention: the single source of buttons, administration, acts and documentation."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from conventions.models import Convention, Partie
from documents.vie import conditions as si
from documents.vie.conditions import Condition, Contexte, Obstacle
from socle.typographie import list_fr

Etat = Convention.Etat


class Qui(StrEnum):
    """Who may make a transition, among the people of the parties who do more than read."""

    AGENT = "agents des parties"
    FINANCEUR = "agents d’un financeur"
    ADMINISTRATEUR = "administrateurs des parties"


class Effet(StrEnum):
    """What a transition does beside changing the state."""

    ACCORD = "accord"
    FIGER = "figer"
    FIGER_DONNEES = "figer_donnees"
    RETIRER = "retirer"
    ROUVRIR = "rouvrir"
    AUCUN = ""


@dataclass(frozen=True)
class Transition:
    """From where, to where, by whom, on what conditions. `date` names the day it asks for, kept in `champ_date`."""

    action: str
    depuis: tuple[str, ...]
    vers: str
    libelle: str
    fait: str
    aide: str
    qui: Qui = Qui.AGENT
    conditions: tuple[Condition, ...] = ()
    effet: Effet = Effet.AUCUN
    date: str = ""
    champ_date: str = ""
    motif: str = ""
    principale: bool = False
    proposee: bool = True  # False: made by another act (the last signature), never by a button

    def explain(self, contexte: Contexte) -> list[Obstacle]:
        """Everything that refuses this transition to this person now; empty when it may be made."""
        if refus := explain_qui(self.qui, contexte.user, contexte.parties):
            return [Obstacle(refus)]
        return [obstacle for condition in self.conditions for obstacle in condition(contexte)]


def explain_qui(qui: Qui, user: Any, parties: list[Partie]) -> str:
    """Why this person is not the one who makes such a transition; empty when they are."""
    if user.is_superuser:
        return ""
    if user.is_lecteur:
        return "Votre compte lit la convention sans la faire avancer. Un administrateur de votre organisation peut changer votre rôle."
    miennes = [p for p in parties if p.organisation_id == user.organisation_id]
    if not miennes:
        return "Seules les parties font avancer la convention."
    if qui == Qui.ADMINISTRATEUR and not user.is_staff:
        return "Cette étape revient à un administrateur de l’une des parties."
    if qui == Qui.FINANCEUR and not any(p.role == Partie.Role.FINANCEUR for p in miennes):
        noms = list_fr([p.nom_articule for p in parties if p.role == Partie.Role.FINANCEUR]) or "au financeur"
        return f"Cette étape revient à qui finance : {noms}."
    return ""


TRANSITIONS = [
    Transition(
        "ouvrir",
        (Etat.BROUILLON,),
        Etat.EN_NEGOCIATION,
        "Ouvrir la négociation",
        "Négociation ouverte.",
        "Les parties écrivent et relisent ensemble le texte et les fiches.",
        conditions=(si.two_parties,),
        principale=True,
    ),
    Transition(
        "valider",
        (Etat.EN_NEGOCIATION,),
        Etat.VALIDEE,
        "Donner l’accord de votre organisation",
        "Accord enregistré.",
        "Le texte est validé quand toutes les parties ont donné leur accord.",
        conditions=(si.two_parties, si.fiches_validated, si.something_changes),
        effet=Effet.ACCORD,
        principale=True,
    ),
    Transition(
        "deliberer",
        (Etat.VALIDEE,),
        Etat.DELIBEREE,
        "Constater les délibérations",
        "Délibérations constatées.",
        "Chaque assemblée a approuvé la convention : numéro, date et fichier sont enregistrés plus bas.",
        conditions=(si.accords_hold, si.deliberations),
        principale=True,
    ),
    Transition(
        "figer",
        (Etat.DELIBEREE,),
        Etat.A_SIGNER,
        "Mettre à la signature",
        "Document figé : il est prêt à signer.",
        "Le document définitif est produit et figé, avec l’empreinte qui permet de le reconnaître. "
        "Sa mise en forme prend une vingtaine de secondes.",
        Qui.ADMINISTRATEUR,
        (
            si.parent_signed,
            si.fiches_validated,
            si.accords_hold,
            si.deliberations,
            si.signataires,
            si.dates_known,
            si.no_contradiction,
            si.something_changes,
        ),
        Effet.FIGER,
        principale=True,
    ),
    Transition(
        "signer",
        (Etat.A_SIGNER,),
        Etat.SIGNEE,
        "Constater la signature",
        "Convention signée.",
        "Se fait seule, à l’enregistrement de la dernière signature.",
        conditions=(si.all_signed,),
        champ_date="date_signature",
        proposee=False,
    ),
    Transition(
        "notifier",
        (Etat.SIGNEE,),
        Etat.NOTIFIEE,
        "Notifier la convention",
        "Notification enregistrée.",
        "Le financeur adresse la convention signée au bénéficiaire : les acomptes qui en dépendent peuvent être demandés.",
        Qui.FINANCEUR,
        date="Notifiée le",
        champ_date="date_notification",
        principale=True,
    ),
    Transition(
        "rendre_executoire",
        (Etat.NOTIFIEE,),
        Etat.EXECUTOIRE,
        "Constater l’entrée en vigueur",
        "La convention est exécutoire.",
        "La convention a été transmise au contrôle de légalité et notifiée.",
        Qui.FINANCEUR,
        (si.deliberations_executoires,),
        date="Exécutoire le",
        champ_date="date_executoire",
        principale=True,
    ),
    Transition(
        "solder",
        (Etat.EXECUTOIRE,),
        Etat.SOLDEE,
        "Solder la convention",
        "Convention soldée.",
        "Tous les versements sont faits : plus rien n’est dû de part ni d’autre.",
        Qui.FINANCEUR,
        (si.not_avenant, si.no_open_avenant, si.bilans_accepted, si.payments_done),
        date="Soldée le",
        champ_date="date_cloture",
        principale=True,
    ),
    Transition(
        "renvoyer",
        (Etat.VALIDEE, Etat.DELIBEREE),
        Etat.EN_NEGOCIATION,
        "Renvoyer en négociation",
        "Convention renvoyée en négociation.",
        "Le texte redevient modifiable ; les accords donnés tombent.",
        effet=Effet.ROUVRIR,
        motif="Pourquoi la renvoyer",
    ),
    Transition(
        "retirer",
        (Etat.A_SIGNER,),
        Etat.EN_NEGOCIATION,
        "Retirer de la signature",
        "Document retiré de la signature.",
        "Le document figé est retiré, et gardé comme tel ; le texte redevient modifiable.",
        Qui.ADMINISTRATEUR,
        (si.nobody_signed,),
        Effet.RETIRER,
        motif="Pourquoi le retirer",
    ),
    Transition(
        "enregistrer_signee",
        (Etat.BROUILLON, Etat.EN_NEGOCIATION),
        Etat.SIGNEE,
        "Enregistrer une convention déjà signée",
        "Convention enregistrée comme signée.",
        "Pour une convention signée avant d’être saisie ici : ses données sont figées telles quelles, sans produire de document.",
        Qui.ADMINISTRATEUR,
        (si.not_avenant, si.two_parties),
        Effet.FIGER_DONNEES,
        date="Signée le",
        champ_date="date_signature",
        motif="Où se trouve l’original",
    ),
    Transition(
        "resilier",
        (Etat.SIGNEE, Etat.NOTIFIEE, Etat.EXECUTOIRE),
        Etat.RESILIEE,
        "Résilier la convention",
        "Résiliation enregistrée.",
        "La convention prend fin avant son terme. Ses versements restent consultables.",
        Qui.ADMINISTRATEUR,
        (si.not_avenant, si.no_open_avenant),
        date="Résiliée le",
        champ_date="date_cloture",
        motif="Motif de la résiliation",
    ),
    Transition(
        "abandonner",
        (Etat.BROUILLON, Etat.EN_NEGOCIATION, Etat.VALIDEE, Etat.DELIBEREE, Etat.A_SIGNER),
        Etat.CADUQUE,
        "Abandonner le projet",
        "Projet abandonné.",
        "Le projet ne sera pas signé. Il reste consultable, avec les signatures déjà données, et peut être repris.",
        Qui.ADMINISTRATEUR,
        effet=Effet.RETIRER,
        motif="Pourquoi l’abandonner",
    ),
    Transition(
        "reprendre",
        (Etat.CADUQUE,),
        Etat.BROUILLON,
        "Reprendre le projet",
        "Projet repris.",
        "Le projet abandonné redevient un brouillon.",
        Qui.ADMINISTRATEUR,
        (si.never_signed, si.alone),
        principale=True,
    ),
]
PAR_ACTION = {t.action: t for t in TRANSITIONS}
# The way of a convention that is signed, for the steps shown above its page.
PARCOURS = [
    Etat.BROUILLON,
    Etat.EN_NEGOCIATION,
    Etat.VALIDEE,
    Etat.DELIBEREE,
    Etat.A_SIGNER,
    Etat.SIGNEE,
    Etat.NOTIFIEE,
    Etat.EXECUTOIRE,
    Etat.SOLDEE,
]
