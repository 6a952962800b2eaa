"""Deadlines of conventions: what comes, what is late. Read by the home page, the calendars and the reminders."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import prefetch_related_objects

from conventions.consolidation import map_consolidees, root_of
from conventions.models import Convention
from financement.bilans.modeles import Bilan
from financement.versements import Versement
from socle.periodes import add_mois
from socle.typographie import INSECABLE

GARDE = timedelta(days=400)  # how long a late deadline is still shown
CLOSES = (Convention.Etat.SOLDEE, Convention.Etat.RESILIEE, Convention.Etat.CADUQUE)
LUES = ("parties", "versements", "paiements", "renouvellements", "bilans")  # rows of a convention that hold its dates


class Genre(StrEnum):
    """What happens on the day."""

    BILAN = "bilan"
    PRISE_EFFET = "effet"
    FIN = "fin"
    PREAVIS = "preavis"
    DELIBERATION = "deliberation"
    VERSEMENT = "versement"
    SOLDE = "solde"


A_FAIRE = {Genre.BILAN, Genre.DELIBERATION, Genre.VERSEMENT, Genre.SOLDE}  # somebody must act; the others just come and go


@dataclass(frozen=True)
class Echeance:
    """A date that counts. `cle` names it whatever its day; `reglee` says that what was to be done is done."""

    jour: date
    genre: Genre
    libelle: str
    convention: Convention
    cle: str
    reglee: bool = False

    def en_retard(self, today: date) -> bool:
        """Something was to be done before today, and is not; nothing is owed by an agreement that is not signed."""
        due = self.genre == Genre.DELIBERATION or self.convention.is_signee
        return due and self.genre in A_FAIRE and not self.reglee and self.jour < today

    def tell_retard(self, today: date) -> str:
        """« en retard de 12 jours »."""
        jours = (today - self.jour).days
        return f"en retard de {jours}{INSECABLE}jour{'s' if jours > 1 else ''}"


def list_echeances(
    conventions: Sequence[Convention], today: date, horizon: timedelta | None = None, bilans: Collection[tuple[int, int]] = ()
) -> list[Echeance]:
    """What is not settled: late ones first, the oldest first, then those to come, up to `horizon` from `today`.

    `bilans` adds to those received others, each by its convention's number and its year.
    """
    toutes = [e for e in collect_echeances(conventions, bilans) if not e.reglee]
    retards = [e for e in toutes if e.en_retard(today) and e.jour >= today - GARDE]
    a_venir = [e for e in toutes if e.jour >= today and (horizon is None or e.jour <= today + horizon)]
    return [*retards, *a_venir]


def collect_echeances(conventions: Sequence[Convention], bilans: Collection[tuple[int, int]] = ()) -> list[Echeance]:
    """Every date of the conventions, past and settled ones included, in order: those of the last avenant signed, if there is one.

    What a convention holds is loaded here when it is not yet, for all of them at once.
    """
    conventions = [c for c in conventions if c.avenant_de_id is None]
    prefetch_related_objects(conventions, *LUES)
    consolidees = map_consolidees(conventions)
    recus = {*bilans, *((c.pk, b.annee) for c in conventions for b in c.bilans.all() if b.etat != Bilan.Etat.BROUILLON)}
    prefetch_related_objects([c for c in consolidees.values() if c.avenant_de_id], "versements")
    echeances = [e for c in conventions for e in _list_dates(c, consolidees[c.pk], recus)]
    return sorted(echeances, key=lambda e: (e.jour, e.convention.reference, e.cle))


def list_suivies(user: Any) -> list[Convention]:
    """Conventions of the person's own organisation: who runs the platform does not follow everybody's dates."""
    if user.organisation_id is None:
        return []
    conventions = Convention.objects.visible_to(user).filter(parties__organisation=user.organisation_id, avenant_de=None)
    return list(conventions.with_parties().prefetch_related(*LUES[1:]))


def tell_partenaires(convention: Convention, user: Any) -> str:
    """« CCI Côte-d’Or »: the other parties, which tell one convention of an organisation from the next."""
    return ", ".join(p.denomination for p in convention.parties.all() if p.organisation_id != user.organisation_id)


def _list_dates(convention: Convention, consolidee: Convention, recus: set[tuple[int, int]]) -> Iterator[Echeance]:
    if convention.etat not in CLOSES:
        yield from _duration(convention, consolidee)
        yield from list_bilans(convention, consolidee, recus)
        if not convention.is_signee:
            yield from _deliberations(convention)
    if convention.etat not in (Convention.Etat.SOLDEE, Convention.Etat.CADUQUE):  # résiliée, what is owed is still owed
        yield from _versements(convention, consolidee)


def _duration(convention: Convention, consolidee: Convention) -> Iterator[Echeance]:
    """When it takes effect and ends; signed, when its renewal must be announced, unless another follows it."""
    debut, fin = convention.date_debut, consolidee.date_fin
    if debut:
        yield Echeance(debut, Genre.PRISE_EFFET, "Prise d’effet", convention, f"effet.{convention.pk}")
    if not fin:
        return
    yield Echeance(fin, Genre.FIN, "Fin de la convention", convention, f"fin.{convention.pk}")
    suivie = any(c.etat != Convention.Etat.CADUQUE for c in convention.renouvellements.all())
    if convention.is_signee and convention.preavis_mois and not suivie:
        jour = add_mois(fin, -convention.preavis_mois)
        yield Echeance(jour, Genre.PREAVIS, "Préavis de renouvellement", convention, f"preavis.{convention.pk}")


def date_bilan(convention: Convention, annee: int) -> date:
    """The day by which the bilan of a year is due."""
    return add_mois(date(annee, 12, 31), convention.delai_bilan_mois)


def list_bilans(convention: Convention, consolidee: Convention, recus: set[tuple[int, int]]) -> Iterator[Echeance]:
    """The yearly bilan of a signed agreement that is not over, some months after 31 December of each year."""
    if convention.etat in CLOSES or not convention.is_signee:
        return
    for annee in consolidee.annees:
        jour = date_bilan(convention, annee)
        recu = (convention.pk, annee) in recus
        yield Echeance(jour, Genre.BILAN, f"Bilan annuel {annee}", convention, f"bilan.{convention.pk}.{annee}", recu)


def _deliberations(convention: Convention) -> Iterator[Echeance]:
    for partie in convention.parties.all():
        if partie.seance_prevue:
            libelle, prise = f"Délibération, {partie.denomination}", partie.deliberation_date is not None
            yield Echeance(partie.seance_prevue, Genre.DELIBERATION, libelle, convention, f"deliberation.{partie.pk}", prise)


def _versements(convention: Convention, consolidee: Convention) -> Iterator[Echeance]:
    """The plan that speaks now, each payment named by the first row of its chain: what was paid hangs from it."""
    plan = convention if consolidee.pk == convention.pk else consolidee
    for versement in plan.versements.all():
        if versement.date_prevue:
            racine = root_of(plan, "versement", versement.pk)
            genre = Genre.SOLDE if versement.nature == Versement.Nature.SOLDE else Genre.VERSEMENT
            payes = [p.montant.amount for p in convention.paiements.all() if p.versement_id == racine and p.is_paye]
            libelle, cle = versement.get_nature_display(), f"versement.{racine}"
            yield Echeance(versement.date_prevue, genre, libelle, convention, cle, versement.is_couvert(payes))
