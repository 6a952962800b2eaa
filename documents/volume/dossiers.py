"""The rows of one invented agreement, unsaved, drawn from the seed and its number alone."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

from django.db.models import Model
from djmoney.money import Money

from comptes.models import Organisation
from conventions.models import Article, Axe, Convention, Objectif, Partie
from documents.volume import mots
from documents.volume.bilans import add_bilan
from documents.volume.fiches import add_fiches
from documents.volume.referentiel import Referentiel
from documents.volume.versements import add_versements
from socle.periodes import add_mois

FAMILLE = 10  # agreements in a row that share parties, some under others
CADRES_LIES, RENOUVELEE = {1: 0, 2: 0, 4: 3}, {3: 0}  # place in the family: place of the cadre above, or of the one renewed
AVENANT, MODIFIEE = 9, 8
JOUR = date(2026, 6, 30)  # the day the invented agreements are told at, whenever they are made
PREMIERE, DERNIERE = 2016, 2027
Etat = Convention.Etat
AVANT_SIGNATURE = (Etat.BROUILLON, Etat.EN_NEGOCIATION, Etat.EN_NEGOCIATION, Etat.VALIDEE, Etat.DELIBEREE, Etat.A_SIGNER)


@dataclass
class Dossier:
    """One agreement and its rows by table, in the order they are written."""

    rang: int
    convention: Convention
    rng: Random
    referentiel: Referentiel
    financeurs: list[Organisation] = field(default_factory=list)
    beneficiaire: Any = None
    rows: dict[type[Model], list[Any]] = field(default_factory=lambda: defaultdict(list))

    def add(self, row: Any) -> Any:
        """Keep a row to write."""
        self.rows[type(row)].append(row)
        return row

    def write(self, phrase: str) -> str:
        """A sentence with its number, when it has one."""
        return phrase.replace("{n}", str(self.rng.randrange(3, 40)))


def euros(montant: Decimal | int | None) -> Money | None:
    """Decimal or whole euros as Money; None stays unknown."""
    return None if montant is None else Money(Decimal(montant), "EUR")


def has_avenant(rang: int) -> bool:
    """Every fifth family ends with an avenant to the agreement before it."""
    return rang % (5 * FAMILLE) == MODIFIEE


def is_avenant(rang: int) -> bool:
    """Tell whether the agreement of this number is an avenant to the one before it."""
    return rang % (5 * FAMILLE) == AVENANT


def make_reference(rang: int) -> str:
    """« VOL-00012 », or « VOL-00009-AV1 » for an avenant."""
    return f"VOL-{rang:05}-AV1" if is_avenant(rang) else f"VOL-{rang + 1:05}"


def build_dossier(graine: int, rang: int, referentiel: Referentiel) -> Dossier:
    """The agreement of this number. An avenant says what its agreement says, a year longer."""
    source = rang - 1 if is_avenant(rang) else rang
    rng = Random(f"{graine}-{source}")  # noqa: S311 (the same data for the same seed)
    debut, fin = _choose_annees(rng, source)
    convention = _build_convention(rng, source, debut, fin, referentiel)
    dossier = Dossier(rang, convention, rng, referentiel)
    _add_parties(dossier, Random(f"{graine}-famille-{source // FAMILLE}"))  # noqa: S311
    convention.titre = f"{convention.titre} – {dossier.financeurs[0].sigle}"[:250]
    _add_texte(dossier)
    add_fiches(dossier, _add_axes(dossier))
    add_versements(dossier)
    if is_avenant(rang):
        _turn_into_avenant(dossier)
    elif convention.is_signee and rng.random() < 0.3:
        add_bilan(dossier)
    return dossier


def _choose_annees(rng: Random, rang: int) -> tuple[int, int]:
    place = rang % FAMILLE
    duree = rng.choices((1, 2, 3, 4), (2, 2, 5, 2))[0]
    debut = rng.randrange(PREMIERE, DERNIERE - duree + 2)
    if has_avenant(rang):
        debut, duree = rng.randrange(2023, 2026), 3
    elif place == 0:
        debut, duree = 2018 + rng.randrange(3), 3
    elif place in (3, 4):
        debut, duree = 2024 + rng.randrange(2), 3
    return debut, min(debut + duree - 1, DERNIERE + 1)


def _choose_etat(rng: Random, rang: int, debut: int, fin: int) -> str:
    tirage = rng.random()
    if has_avenant(rang):
        return Etat.EXECUTOIRE
    if fin < JOUR.year:
        return Etat.SOLDEE if tirage < 0.8 else Etat.EXECUTOIRE if tirage < 0.93 else Etat.RESILIEE if tirage < 0.97 else Etat.CADUQUE
    if debut > JOUR.year or tirage < 0.2:
        return rng.choice(AVANT_SIGNATURE)
    return Etat.EXECUTOIRE if tirage < 0.8 else Etat.NOTIFIEE if tirage < 0.92 else Etat.SIGNEE


def _build_convention(rng: Random, rang: int, debut: int, fin: int, referentiel: Referentiel) -> Convention:
    etat = _choose_etat(rng, rang, debut, fin)
    prise_effet = date(debut, rng.randrange(1, 4), 1)
    signee = etat in Convention.ETATS_SIGNES
    signature = add_mois(prise_effet, -1) if signee else None
    theme = rng.choice(mots.THEMES)
    return Convention(
        reference=make_reference(rang),
        titre=theme,
        nature=Convention.Nature.SPECIFIQUE if rang % FAMILLE in CADRES_LIES else Convention.Nature.CADRE,
        etat=etat,
        objet=f"{rng.choice(mots.VERBES)} {rng.choice(mots.OBJETS)} et {rng.choice(mots.OBJETS)}.",
        annee_debut=debut,
        annee_fin=fin,
        date_debut=prise_effet,
        date_fin=date(fin, 12, 31),
        date_signature=signature,
        date_notification=add_mois(signature, 1) if signature and etat != Etat.SIGNEE else None,
        date_executoire=add_mois(signature, 1) if signature and etat not in (Etat.SIGNEE, Etat.NOTIFIEE) else None,
        date_cloture=date(fin + 1, 6, 30) if etat in (Etat.SOLDEE, Etat.RESILIEE) else None,
        lieu_signature="Villemère",
        nombre_originaux=2,
        tarif_journalier=euros(rng.choice((450, 550, 600, 620))),
        preambule=f"Les Parties partagent la même ambition : {rng.choice(mots.OBJECTIFS).lower().replace('{n}', '20')}.",
    )


def _add_parties(dossier: Dossier, famille: Random) -> None:
    """A financeur or two and a beneficiaire, the same through a family, as agreements of the same partners follow each other."""
    referentiel, convention = dossier.referentiel, dossier.convention
    premier = referentiel.metropole if famille.random() < 0.25 else famille.choice(referentiel.epci)
    # Those who have accounts have agreements, however few are made.
    dossier.financeurs = [{0: referentiel.metropole, 1: referentiel.epci[0]}.get(dossier.rang // FAMILLE, premier)]
    if famille.random() < 0.5:
        dossier.financeurs.append(referentiel.region)
    elif famille.random() < 0.3:
        dossier.financeurs.append(famille.choice(referentiel.autres))
    dossier.beneficiaire = famille.choice(referentiel.cci)
    roles = [(o, Partie.Role.FINANCEUR) for o in dossier.financeurs] + [(dossier.beneficiaire, Partie.Role.BENEFICIAIRE)]
    if famille.random() < 0.2:
        partenaire = famille.choice(referentiel.autres)
        if partenaire not in dossier.financeurs:
            roles.append((partenaire, Partie.Role.PARTENAIRE))
    deliberee = convention.etat not in (Etat.BROUILLON, Etat.EN_NEGOCIATION, Etat.VALIDEE)
    jour = add_mois(convention.date_debut, -2) if convention.date_debut else None
    for rang, (organisation, role) in enumerate(roles, 1):
        dossier.add(
            Partie(
                convention=convention,
                organisation=organisation,
                ordre=rang * 10,
                denomination=organisation.nom,
                nom_court=organisation.sigle,
                role=role,
                civilite=famille.choice(("Madame", "Monsieur")),
                signataire=f"{famille.choice(mots.PRENOMS)} {famille.choice(mots.NOMS)}",
                qualite="Président",
                deliberation_numero=f"D-{convention.annee_debut}-{dossier.rang % 997:03}" if deliberee else "",
                deliberation_date=jour if deliberee else None,
                deliberation_executoire=jour if deliberee else None,
                seance_prevue=None if deliberee else jour,
            )
        )


def _add_texte(dossier: Dossier) -> None:
    convention, rng = dossier.convention, dossier.rng
    for rang, titre in enumerate(rng.sample(mots.OBJECTIFS, 2), 1):
        dossier.add(Objectif(convention=convention, ordre=rang * 10, titre=dossier.write(titre)))
    for numero, (titre, texte) in enumerate(mots.ARTICLES, 1):
        dossier.add(Article(convention=convention, numero=numero, titre=titre, texte=texte))
    liens: Any = Convention.politiques.through
    for politique in rng.sample(dossier.referentiel.politiques, rng.randrange(3)):
        dossier.add(liens(convention=convention, politique=politique))


def _add_axes(dossier: Dossier) -> list[tuple[Axe, str]]:
    """The axes that hold fiches, each with the root of their codes."""
    feuilles = []
    for rang, (code, titre, sections) in enumerate(mots.AXES, 1):
        racine = dossier.add(Axe(convention=dossier.convention, ordre=rang * 10, code=code, titre=titre))
        for numero, section in enumerate(sections, 1):
            axe = Axe(convention=dossier.convention, parent=racine, ordre=rang * 10 + numero, code=str(numero), titre=section)
            feuilles.append((dossier.add(axe), f"{code} {numero}"))
    return feuilles


def _turn_into_avenant(dossier: Dossier) -> None:
    """A copy of the agreement, with its own reference, signed a year later and ending a year later."""
    convention = dossier.convention
    convention.reference = make_reference(dossier.rang)
    convention.numero_avenant = 1
    convention.titre = f"Avenant n° 1 – {convention.titre}"[:250]
    convention.annee_fin = (convention.annee_fin or DERNIERE) + 1
    convention.date_fin = date(convention.annee_fin, 12, 31)
    if convention.date_signature:
        signature = add_mois(convention.date_signature, 6)
        convention.date_signature = signature
        convention.date_notification = convention.date_executoire = add_mois(signature, 1)
