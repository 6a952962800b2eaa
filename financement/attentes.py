"""What awaits a person: things to write, to review or to complete in their conventions, most pressing first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.urls import reverse

from comptes.models import Utilisateur
from conventions.models import Convention
from fiches.models import FicheAction
from financement.models import CoFinancement, LigneCout

OUVERTS = (Convention.Etat.BROUILLON, Convention.Etat.EN_NEGOCIATION)


@dataclass(frozen=True)
class Attente:
    """One thing to do, with the page where it is done."""

    icone: str
    titre: str
    detail: str
    url: str


@dataclass(frozen=True)
class Echeance:
    """A date that counts."""

    jour: date
    libelle: str
    convention: Convention


def list_attentes(user: Utilisateur, conventions: Sequence[Convention]) -> list[Attente]:
    """What `user` may do in `conventions` (seen by them, parties loaded); nothing for who only reads."""
    if user.is_lecteur:
        return []
    ouvertes = [c for c in conventions if c.etat in OUVERTS]
    return [*_fiches(user, ouvertes), *_parties(user, ouvertes)]


def _fiches(user: Utilisateur, conventions: Sequence[Convention]) -> list[Attente]:
    """Fiches to review (led by the partner), then those the person leads and that miss a heading."""
    fiches = FicheAction.objects.filter(convention__in=conventions).exclude(etat=FicheAction.Etat.VALIDEE)
    fiches = fiches.select_related("convention").with_maitres().prefetch_related("pilotages")
    chiffrees = set(LigneCout.objects.filter(fiche__in=fiches).values_list("fiche_id", flat=True))
    financees = set(CoFinancement.objects.filter(fiche__in=fiches).values_list("fiche_id", flat=True))
    relire, completer = [], []
    for fiche in fiches:
        maitres = {o.pk for o in fiche.maitres_ouvrage.all()}
        if fiche.etat == FicheAction.Etat.EN_RELECTURE and user.organisation_id not in maitres:
            noms = " et ".join(o.sigle for o in fiche.maitres_ouvrage.all())
            relire.append(
                Attente(
                    "demi",
                    f"Relire {fiche.code}, {fiche.nom_court}",
                    f"{noms or 'Votre partenaire'} vous l’a confiée.",
                    fiche.get_absolute_url(),
                )
            )
        elif any(p.utilisateur_id == user.pk for p in fiche.pilotages.all()):
            manques = [r for r in fiche.list_rubriques(fiche.pk in chiffrees, fiche.pk in financees) if not r.remplie]
            if manques:
                pluriel = "s" if len(manques) > 1 else ""
                noms = ", ".join(r.libelle for r in manques)
                completer.append(
                    Attente(
                        "cercle",
                        f"Compléter {fiche.code}, {fiche.nom_court}",
                        f"Il manque {len(manques)} rubrique{pluriel} : {noms}.",
                        f"{fiche.get_absolute_url()}#{manques[0].cle}",
                    )
                )
    return [*relire, *completer]


def _parties(user: Utilisateur, conventions: Sequence[Convention]) -> list[Attente]:
    """What the agreement leaves blank about the person's own organisation."""
    attentes = []
    for convention in conventions:
        for partie in convention.parties.all():
            if partie.organisation_id != user.organisation_id or convention.nature != Convention.Nature.CADRE:
                continue
            manques = [
                nom
                for nom, valeur in [
                    ("le signataire", partie.signataire),
                    ("la date de délibération", partie.deliberation_date),
                    ("le SIRET", partie.organisation.siret),
                    ("les coordonnées bancaires", partie.role != partie.Role.BENEFICIAIRE or partie.organisation.iban),
                ]
                if not valeur
            ]
            if manques:
                attentes.append(
                    Attente(
                        "cercle",
                        f"Compléter {partie.denomination}",
                        f"{convention.nom_court} : il manque {', '.join(manques)}.",
                        reverse("convention", args=[convention.reference]) + "#parties",
                    )
                )
    return attentes


def list_echeances(conventions: Sequence[Convention], today: date) -> list[Echeance]:
    """Coming dates of the conventions, soonest first."""
    echeances = []
    for convention in conventions:
        for jour, libelle in [(convention.date_debut, "Prise d’effet"), (convention.date_fin, "Fin de la convention")]:
            if jour and jour >= today:
                echeances.append(Echeance(jour, libelle, convention))
        for versement in convention.versements.all():
            if versement.date_prevue and versement.date_prevue >= today:
                echeances.append(Echeance(versement.date_prevue, versement.get_nature_display(), convention))
    return sorted(echeances, key=lambda e: (e.jour, e.convention.reference))
