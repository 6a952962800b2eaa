"""Open data: what is published is what the schema of the SCDL accepts, what is not says why."""

import csv
import datetime as dt
import json
from collections.abc import Iterator
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from frictionless import Check, Checklist, Resource, Row, Schema, errors
from stdnum.fr import siret

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention
from financement.scdl import COLONNES, Publication, build_publication, stream_csv
from tests import factories
from tests.factories import euros

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sans_gel"), pytest.mark.filterwarnings("ignore:No directory at")]
DOSSIER = Path(__file__).parent / "scdl"
SCHEMA = json.loads((DOSSIER / "schema-subventions-2.1.1.json").read_text(encoding="utf-8"))
VALIDE, INVALIDE = DOSSIER / "exemple_valide.csv", DOSSIER / "exemple_invalide_erreurs_cellules.csv"
SIRETS = ("24210041000016", "18210008100013", "20005240500012")


class SiretFrancais(Check):
    """The schema's own `french-siret-value`."""

    type = "french-siret-value"
    Errors = [errors.CellError]

    def __init__(self, colonne: str) -> None:
        super().__init__()
        self.colonne = colonne

    def validate_row(self, row: Row) -> Iterator[errors.CellError]:
        valeur = row[self.colonne]
        if valeur and not siret.is_valid(valeur):
            yield errors.CellError.from_row(row, note=f"SIRET invalide : {valeur}", field_name=self.colonne)


class UnDesDeux(Check):
    """The schema's own `one-of-required`."""

    type = "one-of-required"
    Errors = [errors.RowError]

    def validate_row(self, row: Row) -> Iterator[errors.RowError]:
        if not row["idBeneficiaire"] and not row["rnaBeneficiaire"]:
            yield errors.RowError.from_row(row, note="idBeneficiaire ou rnaBeneficiaire requis")


def list_faults(fichier: Path) -> list[str]:
    """What the schema finds wrong in a file: kind, row, column."""
    controles = Checklist(checks=[SiretFrancais("idAttribuant"), SiretFrancais("idBeneficiaire"), UnDesDeux()])
    ressource = Resource(path=fichier.name, basepath=str(fichier.parent), schema=Schema.from_descriptor(SCHEMA))
    return [f"{e.type} : {e.message}" for tache in ressource.validate(controles).tasks for e in tache.errors]


@pytest.fixture
def signee(convention: Convention) -> Convention:
    """A signed convention of 1 000.50 €, paid by the Agglo to the CCI, with nothing missing."""
    Convention.objects.filter(pk=convention.pk).update(
        etat=Convention.Etat.SIGNEE,
        date_signature="2018-03-09",
        date_debut="2018-01-01",
        date_fin="2020-12-31",
        objet="Aider les commerces",
    )
    for partie, numero in zip(convention.parties.all(), SIRETS, strict=False):
        Organisation.objects.filter(pk=partie.organisation_id).update(siret=numero)
    add_costs(convention)
    return Convention.objects.with_parties().get(pk=convention.pk)


def add_costs(convention: Convention, montant: str = "1000.50") -> None:
    """One fiche paid in equal shares by the financeurs."""
    fiche = factories.FicheFactory(convention=convention)
    factories.LigneCoutFactory(fiche=fiche, montant=euros(montant))
    financeurs = convention.parties.filter(role="financeur")
    for partie in financeurs:
        factories.CoFinancementFactory(fiche=fiche, financeur=partie.organisation, taux=Decimal(100) / len(financeurs))


def publish() -> Publication:
    return build_publication(Convention.objects.all())


def read_rows(publication: Publication | None = None) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO((publication or publish()).write_csv().decode(), newline="")))


def explain(convention: Convention) -> list[str]:
    """Why nothing of this convention is published."""
    publication = publish()
    assert publication.subventions == []
    return dict(publication.ecartees)[convention]


# --- The checker itself ----------------------------------------------------------------------------


def test_valid_example_of_the_schema_is_accepted() -> None:
    assert list_faults(VALIDE) == []


def test_invalid_example_of_the_schema_is_refused() -> None:
    genres = {faute.split(" : ")[0] for faute in list_faults(INVALIDE)}
    assert {"constraint-error", "type-error"} <= genres


@pytest.mark.parametrize(
    ("colonne", "valeur", "genre"),
    [
        ("idAttribuant", SIRETS[0][:-1] + "2", "cell-error"),
        ("idBeneficiaire", "12345678901234", "cell-error"),
        ("idBeneficiaire", "", "row-error"),
    ],
)
def test_own_rules_of_the_schema_are_checked(colonne: str, valeur: str, genre: str, signee: Convention, tmp_path: Path) -> None:
    ligne = {**read_rows()[0], colonne: valeur}
    fichier = tmp_path / "subventions.csv"
    fichier.write_text(",".join(ligne) + "\n" + ",".join(f'"{v}"' for v in ligne.values()) + "\n", encoding="utf-8")
    assert [faute.split(" : ")[0] for faute in list_faults(fichier)] == [genre]


# --- What is published -------------------------------------------------------------------------------


def test_signed_convention_gives_one_valid_row(signee: Convention, tmp_path: Path) -> None:
    fichier = tmp_path / "subventions.csv"
    fichier.write_bytes(publish().write_csv())
    assert list_faults(fichier) == []
    assert read_rows() == [
        dict.fromkeys(COLONNES, "")
        | {
            "nomAttribuant": signee.parties.all()[0].organisation.nom,
            "idAttribuant": SIRETS[0],
            "dateConvention": "2018-03-09",
            "nomBeneficiaire": "CCI d’essai",
            "idBeneficiaire": SIRETS[1],
            "objet": "Aider les commerces",
            "montant": "1000.50",
            "nature": "aide en numéraire",
            "conditionsVersement": "autre : conditions non précisées",
            "datesPeriodeVersement": "2018-01-01/2020-12-31",
            "notificationUE": "non",
            "pourcentageSubvention": "1.00",
        }
    ]


def test_each_payer_has_its_row(signee: Convention, tmp_path: Path) -> None:
    region = factories.OrganisationFactory(nom="Région", siret=SIRETS[2])
    factories.PartieFactory(convention=signee, organisation=region, deliberation_numero="2018-12", ordre=30)
    signee.fiches.all().delete()
    add_costs(signee)
    fichier = tmp_path / "subventions.csv"
    fichier.write_bytes(publish().write_csv())
    assert list_faults(fichier) == []
    lignes = [(li["idAttribuant"], li["idBeneficiaire"], li["montant"], li["referenceDecision"]) for li in read_rows()]
    assert lignes == [(SIRETS[0], SIRETS[1], "500.25", ""), (SIRETS[2], SIRETS[1], "500.25", "2018-12")]


@pytest.mark.parametrize("etat", Convention.ETATS_SIGNES)
def test_convention_stays_published_once_signed(etat: str, signee: Convention) -> None:
    Convention.objects.update(etat=etat)
    assert len(read_rows()) == 1


@pytest.mark.parametrize(
    ("dates", "periode", "conditions"),
    [
        ([dt.date(2019, 5, 2)], "2019-05-02", "unique"),
        ([dt.date(2020, 1, 3), dt.date(2018, 2, 1), dt.date(2019, 5, 2)], "2018-02-01/2020-01-03", "échelonné"),
        ([dt.date(2019, 5, 2), dt.date(2019, 5, 2)], "2019-05-02", "échelonné"),
        ([dt.date(2019, 5, 2), None], "2018-01-01/2020-12-31", "échelonné"),
        ([None], "2018-01-01/2020-12-31", "unique"),
    ],
)
def test_period_is_that_of_the_payments_when_all_are_dated(
    dates: list[dt.date | None], periode: str, conditions: str, signee: Convention
) -> None:
    payeur, cci = (partie.organisation for partie in signee.parties.all())
    for date in dates:
        factories.VersementFactory(convention=signee, payeur=payeur, beneficiaire=cci, date_prevue=date)
    assert [(li["datesPeriodeVersement"], li["conditionsVersement"]) for li in read_rows()] == [(periode, conditions)]


@pytest.mark.parametrize(
    ("objet", "attendu"),
    [
        ("x" * 256, "x" * 256),
        ("x" * 300, "x" * 255 + "…"),
        ("mots " * 100, "mots " * 50 + "mots…"),
        ("Sur\n\ndeux  lignes", "Sur deux lignes"),
        ("", "Développement économique"),
    ],
)
def test_object_holds_on_one_line_of_256_characters(objet: str, attendu: str, signee: Convention) -> None:
    Convention.objects.update(objet=objet)
    assert [li["objet"] for li in read_rows()] == [attendu]


@pytest.mark.parametrize(("droit", "volontaire"), [("public", True), ("prive", False)])
def test_aid_to_a_public_body_is_published_of_one_s_own_will(droit: str, volontaire: bool, signee: Convention) -> None:
    Organisation.objects.filter(nom="CCI d’essai").update(droit=droit)
    assert [s.is_volontaire for s in publish().subventions] == [volontaire]


def test_nobody_is_named(signee: Convention) -> None:
    signee.parties.update(signataire="Odile Marchand", civilite="Madame", qualite="Présidente")
    Organisation.objects.update(iban="FR7630006000011234567890189")
    texte = publish().write_csv().decode()
    personnes = [p for u in Utilisateur.objects.all() for p in (u.prenom, u.nom, u.email)]
    assert [mot for mot in ("Odile", "Marchand", "Présidente", "FR76", *personnes) if mot in texte] == []


def test_file_without_subvention_keeps_its_titles() -> None:
    assert publish().write_csv().decode() == ",".join(COLONNES) + "\r\n"


# --- What is left out ----------------------------------------------------------------------------------


@pytest.mark.parametrize("etat", [e for e in Convention.Etat if e not in Convention.ETATS_SIGNES])
def test_convention_that_is_not_signed_is_left_out(etat: str, signee: Convention) -> None:
    Convention.objects.update(etat=etat)
    assert explain(signee) == [f"Elle n’est pas signée ({Convention.Etat(etat).label.lower()})."]


def change_convention(**valeurs: Any) -> Any:
    return lambda convention: Convention.objects.update(**valeurs)


def set_aside(role: str) -> Any:
    return lambda convention: convention.parties.filter(role=role).update(role="partenaire")


def add_unknown_cost(convention: Convention) -> None:
    factories.LigneCoutFactory(fiche=convention.fiches.get(), annee=2019, montant=None, chiffrage="sur_devis")


ECARTS: dict[str, tuple[Any, str]] = {
    "no date": (change_convention(date_signature=None), "Sa date de signature manque."),
    "no payer": (set_aside("financeur"), "Aucune de ses parties n’est financeur."),
    "no beneficiary": (set_aside("beneficiaire"), "Aucune de ses parties n’est bénéficiaire."),
    "two beneficiaries": (
        lambda c: factories.PartieFactory(convention=c, role="beneficiaire", organisation__siret=SIRETS[2]),
        "Elle a plusieurs bénéficiaires, et la part de chacun n’est pas connue.",
    ),
    "no siret": (lambda c: Organisation.objects.filter(nom="CCI d’essai").update(siret=""), "SIRET absent : CCI d’essai."),
    "no period": (change_convention(date_debut=None), "Ni dates de versement, ni dates de début et de fin."),
    "no share": (lambda c: c.fiches.get().cofinancements.all().delete(), "Aucun montant n’est connu pour Organisation"),
    "no cost": (lambda c: c.fiches.all().delete(), "Aucun montant n’est connu pour Organisation"),
    "unknown cost": (add_unknown_cost, "Le coût de ses fiches n’est pas entièrement chiffré (sur devis)."),
}


@pytest.mark.parametrize("ecart", ECARTS)
def test_incomplete_convention_is_left_out_and_says_why(ecart: str, signee: Convention) -> None:
    spoil, raison = ECARTS[ecart]
    spoil(signee)
    assert [r.startswith(raison) for r in explain(signee)] == [True]


def test_every_reason_is_given_at_once_and_only_once(signee: Convention) -> None:
    factories.PartieFactory(convention=signee, organisation__siret="", organisation__nom="Région", ordre=30)
    signee.fiches.all().delete()
    add_costs(signee)
    add_unknown_cost(signee)
    Convention.objects.update(date_signature=None, date_debut=None)
    assert explain(signee) == [
        "Sa date de signature manque.",
        "SIRET absent : Région.",
        "Ni dates de versement, ni dates de début et de fin.",
        "Le coût de ses fiches n’est pas entièrement chiffré (sur devis).",
    ]


# --- Page and queries ------------------------------------------------------------------------------------


def test_page_shows_what_is_published_and_what_is_not(signee: Convention, client_agent: Client, agent: Utilisateur) -> None:
    autre = factories.ConventionFactory(reference="BROUILLON-1")
    factories.PartieFactory(convention=autre, organisation=agent.organisation)
    factories.ConventionFactory(reference="INVISIBLE-1")
    page = client_agent.get(reverse("donnees_ouvertes")).content.decode()
    assert "Volontaire" in page
    assert "BROUILLON-1" in page
    assert "Elle n’est pas signée (brouillon)." in page
    assert "INVISIBLE-1" not in page
    assert client_agent.get(reverse("subventions_csv")).getvalue() == publish().write_csv()


def test_file_sent_by_pieces_is_the_whole_file(signee: Convention, monkeypatch: pytest.MonkeyPatch) -> None:
    for rang in range(3):
        autre = factories.ConventionFactory(etat="signee", date_signature="2018-01-01", date_debut="2018-01-01", date_fin="2018-12-31")
        for partie in signee.parties.all():
            factories.PartieFactory(convention=autre, organisation=partie.organisation, role=partie.role)
        add_costs(autre, str(rang + 1))
    monkeypatch.setattr("financement.scdl.LOT", 2)
    morceaux = list(stream_csv(Convention.objects.all()))
    assert len(morceaux) == 3
    assert b"".join(morceaux) == publish().write_csv()


def test_page_goes_by_fifty_conventions(agent: Utilisateur, client_agent: Client) -> None:
    for rang in range(51):
        factories.PartieFactory(organisation=agent.organisation, convention__reference=f"PAGE-{rang:03}")
    premiere, seconde = (client_agent.get(reverse("donnees_ouvertes"), {"page": n}).content.decode() for n in (1, 2))
    assert ("PAGE-049" in premiere, "PAGE-050" in premiere) == (True, False)
    assert ("PAGE-049" in seconde, "PAGE-050" in seconde) == (False, True)
    assert 'href="?page=2"' in premiere


def test_queries_do_not_grow_with_the_conventions(signee: Convention) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as requetes:
            publish()
        return len(requetes)

    avant = count()
    for rang in range(3):
        autre = factories.ConventionFactory(etat="signee", date_signature="2018-01-01", date_debut="2018-01-01", date_fin="2018-12-31")
        for partie in signee.parties.all():
            factories.PartieFactory(convention=autre, organisation=partie.organisation, role=partie.role)
        add_costs(autre, str(rang + 1))
        factories.VersementFactory(convention=autre)
    assert len(read_rows()) == 4
    assert count() == avant
