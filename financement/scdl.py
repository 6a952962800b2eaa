"""Open data: the « subventions » file of the Socle commun des données locales, version 2.1.1, and what is left out of it.

One row a payer and beneficiary of a signed convention. A chamber being a public establishment, the duty to publish of the
loi 2000-321 does not bind this aid: publishing it is the parties' choice, and the report says so. No individual is named.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from io import StringIO
from typing import Any

from comptes.models import Organisation
from conventions.consolidation import map_consolidees
from conventions.models import Convention, Partie
from financement.cumuls import read_totaux
from financement.versements import Versement
from socle.montants import ZERO
from socle.typographie import list_fr

COLONNES = (
    "nomAttribuant",
    "idAttribuant",
    "dateConvention",
    "referenceDecision",
    "nomBeneficiaire",
    "idBeneficiaire",
    "rnaBeneficiaire",
    "objet",
    "montant",
    "nature",
    "conditionsVersement",
    "datesPeriodeVersement",
    "idRAE",
    "notificationUE",
    "pourcentageSubvention",
    "dispositifAide",
)
OBJET_MAX = 256
LOT = 100  # conventions read at once


@dataclass(frozen=True)
class Subvention:
    """One row to publish."""

    convention: Convention
    attribuant: Organisation
    beneficiaire: Organisation
    valeurs: dict[str, str]

    @property
    def montant(self) -> Decimal:
        return Decimal(self.valeurs["montant"])

    @property
    def is_volontaire(self) -> bool:
        """No law asks for it: the beneficiary is a public body."""
        return self.beneficiaire.droit == Organisation.Droit.PUBLIC


@dataclass
class Publication:
    """What can be published, and the conventions left out with every reason."""

    subventions: list[Subvention] = field(default_factory=list)
    ecartees: list[tuple[Convention, list[str]]] = field(default_factory=list)

    def write_csv(self, entete: bool = True) -> bytes:
        """The file, as the schema wants it: commas, points, UTF-8, ISO dates; or its rows alone."""
        sortie = StringIO()
        table = csv.DictWriter(sortie, COLONNES, restval="", lineterminator="\r\n")
        if entete:
            table.writeheader()
        table.writerows(s.valeurs for s in self.subventions)
        return sortie.getvalue().encode()


def stream_csv(conventions: Any) -> Iterator[bytes]:
    """The whole file piece by piece: memory holds some hundred conventions, whatever their number."""
    pks = list(conventions.without_avenants().order_by("reference").values_list("pk", flat=True))
    yield Publication().write_csv()
    for debut in range(0, len(pks), LOT):
        yield build_publication(Convention.objects.filter(pk__in=pks[debut : debut + LOT])).write_csv(entete=False)


def build_publication(conventions: Any) -> Publication:
    """Rows of the conventions of a queryset, in the order of their references: a fixed number of queries.

    An avenant has no row of its own: the amounts are those of the last one signed.
    """
    publication = Publication()
    liste = list(conventions.without_avenants().with_parties().order_by("reference"))
    signees = [c for c in liste if c.etat in Convention.ETATS_SIGNES]
    consolidees = map_consolidees(signees)
    par_copie = read_totaux(consolidees.values())
    totaux = {base: par_copie[copie.pk] for base, copie in consolidees.items()}
    versements: dict[int, list[Versement]] = {}
    for versement in Versement.objects.filter(convention__in=[c.pk for c in liste]).order_by("ordre", "pk"):
        versements.setdefault(versement.convention_id, []).append(versement)
    for convention in liste:
        raisons: list[str] = []
        lignes = _build_lignes(convention, totaux.get(convention.pk), versements.get(convention.pk, []), raisons)
        if raisons:
            publication.ecartees.append((convention, raisons))
        else:
            publication.subventions += lignes
    return publication


def _build_lignes(convention: Convention, totaux: Any, versements: list[Versement], raisons: list[str]) -> list[Subvention]:
    """Rows of one convention; `raisons` receives why there are none, all of them."""
    if convention.etat not in Convention.ETATS_SIGNES:
        raisons.append(f"Elle n’est pas signée ({convention.get_etat_display().lower()}).")
        return []
    payeurs = [p for p in convention.parties.all() if p.role == Partie.Role.FINANCEUR]
    beneficiaires = [p for p in convention.parties.all() if p.role == Partie.Role.BENEFICIAIRE]
    if convention.date_signature is None:
        raisons.append("Sa date de signature manque.")
    if not payeurs:
        raisons.append("Aucune de ses parties n’est financeur.")
    if len(beneficiaires) != 1:
        raisons.append(
            "Aucune de ses parties n’est bénéficiaire."
            if not beneficiaires
            else "Elle a plusieurs bénéficiaires, et la part de chacun n’est pas connue."
        )
    sans_siret = [p.organisation.nom for p in (*payeurs, *beneficiaires) if not p.organisation.siret]
    if sans_siret:
        raisons.append(f"SIRET absent : {list_fr(sans_siret)}.")
    periode = _write_periode(convention, versements)
    if not periode:
        raisons.append("Ni dates de versement, ni dates de début et de fin.")
    if totaux and totaux.total.montant and totaux.total.reserves:
        raisons.append(f"Le coût de ses fiches n’est pas entièrement chiffré ({list_fr(totaux.total.reserves)}).")
    lignes = []
    for payeur in payeurs:
        part = totaux.part_of(payeur.organisation_id) if totaux else None
        if part is None or not part.montant or part.montant <= ZERO:
            raisons.append(f"Aucun montant n’est connu pour {payeur.organisation.nom}.")
        elif not raisons:
            lignes.append(_build_subvention(convention, payeur, beneficiaires[0], part.montant, versements, periode))
    return lignes


def _build_subvention(
    convention: Convention, payeur: Partie, beneficiaire: Partie, montant: Decimal, versements: list[Versement], periode: str
) -> Subvention:
    siens = [v for v in versements if v.payeur_id in {None, payeur.organisation_id}]
    valeurs = {
        "nomAttribuant": payeur.organisation.nom,
        "idAttribuant": payeur.organisation.siret,
        "dateConvention": f"{convention.date_signature:%Y-%m-%d}",
        "referenceDecision": payeur.deliberation_numero,
        "nomBeneficiaire": beneficiaire.organisation.nom,
        "idBeneficiaire": beneficiaire.organisation.siret,
        "objet": _shorten(convention.objet or convention.titre),
        "montant": f"{montant:.2f}",
        "nature": "aide en numéraire",
        "conditionsVersement": "unique" if len(siens) == 1 else "échelonné" if siens else "autre : conditions non précisées",
        "datesPeriodeVersement": periode,
        "notificationUE": "non",
        "pourcentageSubvention": "1.00",
    }
    return Subvention(convention, payeur.organisation, beneficiaire.organisation, valeurs)


def _write_periode(convention: Convention, versements: list[Versement]) -> str:
    """One date, or two with a slash: those of the payments when all are known, else those of the convention."""
    dates = sorted(v.date_prevue for v in versements if v.date_prevue is not None)
    if not dates or len(dates) < len(versements):
        dates = [d for d in (convention.date_debut, convention.date_fin) if d is not None]
        if len(dates) < 2:
            return ""
    bornes = dict.fromkeys([f"{dates[0]:%Y-%m-%d}", f"{dates[-1]:%Y-%m-%d}"])
    return "/".join(bornes)


def _shorten(texte: str) -> str:
    """On one line, 256 characters at most, cut between two words."""
    texte = " ".join(texte.split())
    return texte if len(texte) <= OBJET_MAX else texte[: OBJET_MAX - 1].rsplit(" ", 1)[0] + "…"
