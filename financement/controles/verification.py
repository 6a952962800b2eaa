"""Checking a convention and keeping what was found: the same contradiction keeps its row, what is gone goes."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone

from conventions.models import Convention
from financement.controles.journal import Acceptation, Contradiction, Verification
from financement.controles.regles import REGLES, find_contradictions
from socle.controles import Gravite, Trouvaille, write_valeur

RESULTATS = ["calculee_le", "nb_regles", "nb_respectees", "nb_bloquants", "nb_a_verifier", "nb_informations", "nb_acceptes"]
CHAMPS = ["regle", "rang", "gravite", "rubrique", "objet", "fiche", "annee", "financeur", "empreinte", "contenu"]


def verify(convention: Convention) -> Verification:
    """Apply every rule now and keep the result. Two checks at once wait for each other."""
    with transaction.atomic():
        Verification.objects.get_or_create(convention=convention)
        verification = Verification.objects.select_for_update().get(convention=convention)
        debut = timezone.now()
        # Read again: the caller's object may be older than the change that asked for this check.
        fraiche = Convention.objects.select_related("parent", "renouvelle").get(pk=convention.pk)
        trouvailles = find_contradictions(fraiche)
        _store(fraiche, trouvailles)
        verification.calculee_le = debut
        verification.nb_regles = len(REGLES)
        verification.nb_respectees = len(REGLES) - len({t.regle.identifiant for t in trouvailles})
        _count(verification)
        verification.save(update_fields=RESULTATS)
        # Not what was changed while the rules were reading.
        Verification.objects.filter(pk=verification.pk, perimee_le__lte=debut).update(perimee_le=None)
    return verification


def _store(convention: Convention, trouvailles: list[Trouvaille]) -> None:
    connues = {c.cle: c for c in Contradiction.objects.filter(convention=convention)}
    nouvelles, changees = [], []
    vues: set[str] = set()
    for rang, trouvaille in enumerate(trouvailles):
        cle = trouvaille.cle
        if cle in vues:  # two findings of one rule on one place: the first tells it
            continue
        vues.add(cle)
        valeurs = _to_valeurs(trouvaille, rang)
        contradiction = connues.get(cle)
        if contradiction is None:
            nouvelles.append(Contradiction(convention=convention, cle=cle, **valeurs))
        elif any(getattr(contradiction, nom) != valeur for nom, valeur in valeurs.items()):
            for nom, valeur in valeurs.items():
                setattr(contradiction, nom, valeur)
            changees.append(contradiction)
    Contradiction.objects.filter(pk__in=[c.pk for c in connues.values() if c.cle not in vues]).delete()
    Contradiction.objects.bulk_create(nouvelles)
    Contradiction.objects.bulk_update(changees, CHAMPS)


def _to_valeurs(trouvaille: Trouvaille, rang: int) -> dict[str, Any]:
    regle, constat = trouvaille.regle, trouvaille.constat
    return {
        "regle": regle.identifiant,
        "rang": rang,
        "gravite": regle.gravite.value,
        "rubrique": regle.rubrique.value,
        "objet": constat.objet,
        "fiche_id": constat.fiche_id,
        "annee": constat.annee,
        "financeur_id": constat.financeur_id,
        "empreinte": constat.empreinte,
        "contenu": {
            "message": constat.message,
            "lieux": [vars(lieu) for lieu in constat.lieux],
            "constate": write_valeur(constat.constate),
            "attendu": write_valeur(constat.attendu),
            "ecart": write_valeur(constat.ecart),
            "financeur": constat.financeur,
            "signe": constat.signe,
            "piste": constat.piste,
            "corrections": [{"libelle": c.libelle, "acte": c.acte, "cible": c.cible} for c in constat.corrections],
        },
    }


def count_ouvertes(convention: Convention) -> None:
    """Count again what is open, after an acceptance or its withdrawal."""
    verification = Verification.objects.select_for_update().filter(convention=convention).first()
    if verification:
        _count(verification)
        verification.save(update_fields=RESULTATS)


def _count(verification: Verification) -> None:
    acceptees = read_acceptees(verification.convention_id)
    comptes = dict.fromkeys(Gravite, 0)
    acceptes = 0
    for gravite, cle, empreinte in Contradiction.objects.filter(convention=verification.convention_id).values_list(
        "gravite", "cle", "empreinte"
    ):
        if acceptees.get(cle) == empreinte:
            acceptes += 1
        else:
            comptes[Gravite(gravite)] += 1
    verification.nb_bloquants = comptes[Gravite.BLOQUANT]
    verification.nb_a_verifier = comptes[Gravite.A_VERIFIER]
    verification.nb_informations = comptes[Gravite.INFORMATION]
    verification.nb_acceptes = acceptes


def read_acceptees(convention: int) -> dict[str, str]:
    """Values that were accepted, by key."""
    return dict(Acceptation.objects.filter(convention=convention, retiree_le=None).values_list("cle", "empreinte"))


def keep_open(convention: Convention, trouvailles: Iterable[Trouvaille]) -> list[Trouvaille]:
    """Of what was just found, what nobody accepted as it is now."""
    acceptees = read_acceptees(convention.pk)
    return [t for t in trouvailles if acceptees.get(t.cle) != t.constat.empreinte]


def find_ouvertes(convention: Convention) -> list[Trouvaille]:
    """What is open now, found on the spot: commands, printed drafts and signature trust no earlier check."""
    return keep_open(convention, find_contradictions(convention))


def find_bloquantes(convention: Convention) -> list[Trouvaille]:
    """What is open and keeps this convention from signature."""
    return [t for t in find_ouvertes(convention) if t.regle.gravite == Gravite.BLOQUANT]
