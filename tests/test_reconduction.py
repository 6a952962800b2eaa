"""Renewing: the draft of the next convention, years moved by the length of the last one, nothing of it realised."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.urls import reverse

from comptes.models import Organisation, Utilisateur
from conventions.gel import lift
from conventions.models import Convention, MontantDeclare
from documents.reconduction import _shift, explain_reconduction, renew
from documents.vues.avenants import read_indexation
from fiches.models import CibleIndicateur, FicheAction
from financement.models import CoFinancement, LigneCout, MontantRecapDeclare, TotalDeclare
from tests import factories
from tests.ecritures import spell
from tests.factories import euros
from tests.signees import amend, conclude, fill, reread
from tests.vie import Projet, make_project

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]
Etat = Convention.Etat
SIGNEE_LE = date(2018, 1, 8)


@pytest.fixture
def projet() -> Projet:
    return make_project()


@pytest.fixture
def base(projet: Projet) -> Convention:
    """A signed agreement of 2018 to 2020, at 600 € a day."""
    return conclude(projet.convention, SIGNEE_LE)


@pytest.fixture
def pleine(convention: Convention, agglo: Organisation, agent: Utilisateur) -> Convention:
    """A signed agreement with some of everything."""
    fiche = fill(convention, agglo, agent)
    champs: dict[str, Any] = {
        "date_debut": date(2018, 3, 1),
        "date_fin": date(2020, 2, 29),
        "annees_calendrier": [2018, 2020],
        "etat": "validee",
    }
    FicheAction.objects.filter(pk=fiche.pk).update(**champs)
    factories.CoFinancementFactory(fiche=fiche, annee=2019, taux=None, montant=euros(300))
    delibere = {"deliberation_date": SIGNEE_LE, "deliberation_executoire": SIGNEE_LE, "seance_prevue": SIGNEE_LE, "delegation": "arrêté 12"}
    convention.parties.update(deliberation_numero="2018-1", deliberation_fichier="deliberations/x.pdf", signataire="Anne Essai", **delibere)
    convention.versements.update(date_prevue=date(2019, 6, 30), montant=euros(3000))
    Convention.objects.filter(pk=convention.pk).update(
        date_debut=date(2018, 1, 1), date_fin=date(2020, 12, 31), periode="2018 – 2020", objet="Soutenir", date_point_etape=SIGNEE_LE
    )
    return conclude(convention, SIGNEE_LE, date_notification=SIGNEE_LE, date_executoire=SIGNEE_LE)


def agent_of(projet: Projet) -> Any:
    return projet.gens["agent financeur"]


def post(projet: Projet, base: Convention, qui: str = "agent financeur", **envoi: str) -> Any:
    client = Client()
    client.force_login(projet.gens[qui])
    return client.post(reverse("reconduire", args=[base.reference]), {"nouvelle": "SUITE-1", "indexation": ""} | envoi)


# --- Who, and when -----------------------------------------------------------------------------------------


def test_what_is_not_signed_or_was_ended_is_not_renewed(projet: Projet) -> None:
    for etat, raison in {
        Etat.BROUILLON: "Une convention se reconduit une fois signée.",
        Etat.A_SIGNER: "Une convention se reconduit une fois signée.",
        Etat.CADUQUE: "Une convention se reconduit une fois signée.",
        Etat.RESILIEE: "Une convention résiliée ne se reconduit pas : écrivez-en une nouvelle.",
    }.items():
        with pytest.raises(ValidationError, match=raison):
            renew(agent_of(projet), projet.put(etat), "SUITE-1")
    assert Convention.objects.count() == 1


def test_signed_convention_is_renewed_until_after_its_end(projet: Projet) -> None:
    for etat in (Etat.SIGNEE, Etat.NOTIFIEE, Etat.EXECUTOIRE, Etat.SOLDEE):
        assert explain_reconduction(agent_of(projet), projet.put(etat)) == ""


def test_lecteur_renews_nothing(projet: Projet, base: Convention) -> None:
    with pytest.raises(PermissionDenied, match="sans pouvoir la reconduire"):
        renew(projet.gens["lecteur financeur"], base, "SUITE-1")
    assert post(projet, base, "lecteur financeur").status_code == 403
    assert Convention.objects.get() == base


def test_convention_is_renewed_once_unless_its_renewal_was_given_up(projet: Projet, base: Convention) -> None:
    suite = renew(agent_of(projet), base, "SUITE-1")
    with pytest.raises(ValidationError, match="Elle est déjà reconduite par SUITE-1"):
        renew(agent_of(projet), base, "SUITE-2")
    Convention.objects.filter(pk=suite.pk).update(etat=Etat.CADUQUE)
    assert renew(agent_of(projet), base, "SUITE-2").renouvelle == base


def test_years_of_the_budget_are_needed(projet: Projet, base: Convention) -> None:
    with lift():
        Convention.objects.filter(pk=base.pk).update(annee_debut=None, annee_fin=None)
    with pytest.raises(ValidationError, match="Donnez d’abord les années de son budget"):
        renew(agent_of(projet), reread(base), "SUITE-1")


# --- What the draft holds -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("jour", "annees", "deplace"),
    [
        (date(2018, 1, 1), 3, date(2021, 1, 1)),
        (date(2020, 12, 31), 3, date(2023, 12, 31)),
        (date(2020, 2, 29), 3, date(2023, 2, 28)),
        (date(2020, 2, 29), 4, date(2024, 2, 29)),
        (None, 3, None),
    ],
)
def test_day_moves_by_whole_years(jour: date | None, annees: int, deplace: date | None) -> None:
    assert _shift(jour, annees) == deplace


def test_dates_of_the_convention_move_and_those_of_its_life_are_emptied(pleine: Convention, agent: Utilisateur) -> None:
    suite = reread(renew(agent, pleine, " suite-1 "))
    assert (suite.reference, suite.etat, suite.renouvelle, suite.avenant_de) == ("SUITE-1", Etat.BROUILLON, pleine, None)
    assert (suite.annees, suite.periode, suite.periode_affichee) == ([2021, 2022, 2023], "", "2021 – 2023")
    assert (suite.date_debut, suite.date_fin) == (date(2021, 1, 1), date(2023, 12, 31))
    vecus = ("date_signature", "date_notification", "date_executoire", "date_cloture", "date_point_etape", "numero_avenant")
    assert [getattr(suite, champ) for champ in vecus] == [None] * 6
    assert (suite.titre, suite.objet, suite.origines) == (pleine.titre, "Soutenir", {})


def test_years_of_every_row_move(pleine: Convention, agent: Utilisateur) -> None:
    fiche = renew(agent, pleine, "SUITE-1").fiches.get()
    assert (fiche.date_debut, fiche.date_fin, fiche.annees_calendrier) == (date(2021, 3, 1), date(2023, 2, 28), [2021, 2023])
    assert fiche.etat == FicheAction.Etat.BROUILLON
    assert LigneCout.objects.get(fiche=fiche).annee == 2021
    assert sorted(CoFinancement.objects.filter(fiche=fiche).values_list("annee", flat=True), key=str) == [2022, None, None]
    assert CibleIndicateur.objects.get(indicateur__fiche=fiche).annee == 2021


def test_what_was_printed_declared_or_deliberated_is_emptied(pleine: Convention, agent: Utilisateur) -> None:
    suite = renew(agent, pleine, "SUITE-1")
    assert not MontantRecapDeclare.objects.filter(convention=suite).exists()
    assert not TotalDeclare.objects.filter(fiche__convention=suite).exists()
    partie: Any = suite.parties.first()
    assert (partie.deliberation_numero, partie.delegation, str(partie.deliberation_fichier), partie.signataire) == (
        "",
        "",
        "",
        "Anne Essai",
    )
    assert [partie.deliberation_date, partie.deliberation_executoire, partie.seance_prevue] == [None] * 3
    acompte = MontantDeclare.objects.get(convention=suite, cle="acompte")
    assert (acompte.montant, acompte.taux) == (None, Decimal(20))
    versement = suite.versements.get()
    assert (versement.date_prevue, versement.montant, versement.taux) == (date(2022, 6, 30), None, Decimal(50))


def test_source_stays_as_it_was_signed(pleine: Convention, agent: Utilisateur) -> None:
    renew(agent, pleine, "SUITE-1", Decimal(10))
    ligne = LigneCout.objects.get(fiche__convention=pleine)
    assert (ligne.annee, ligne.tarif_journalier, ligne.montant) == (2018, euros(600), euros(6000))
    assert reread(pleine).tarif_journalier == euros(600)
    assert pleine.recap_declare.count() == 3


def test_renewal_is_told_in_both_journals(projet: Projet, base: Convention) -> None:
    suite = renew(agent_of(projet), base, "SUITE-1", Decimal("1.5"))
    assert base.evenements.get(genre="reconduite").message == "Reconduite par SUITE-1."
    assert spell(suite.evenements.get().message) == "Brouillon issu de ESSAI-1, décalé de 3 ans, tarif indexé de 1,5 %."


def test_renewal_starts_from_what_the_last_avenant_says(projet: Projet, base: Convention) -> None:
    avenant = amend(agent_of(projet), base, "Prolonger d’un an", annee_fin=2021, date_fin=date(2021, 12, 31), tarif_journalier=Decimal(650))
    conclude(avenant, date(2019, 3, 1))
    suite = reread(renew(agent_of(projet), reread(avenant), "SUITE-1"))
    assert (suite.renouvelle, suite.avenant_de, suite.tarif_journalier) == (base, None, euros(650))
    assert (suite.annees, suite.date_fin) == ([2022, 2023, 2024, 2025], date(2025, 12, 31))


def test_renewal_has_the_object_of_the_agreement_not_of_its_avenant(projet: Projet, base: Convention) -> None:
    with lift():
        Convention.objects.filter(pk=base.pk).update(objet="Soutenir les commerces")
    conclude(amend(agent_of(projet), base, "Prolonger d’un an", date_fin=date(2021, 12, 31)), date(2019, 3, 1))
    assert renew(agent_of(projet), base, "SUITE-1").objet == "Soutenir les commerces"


# --- Indexation ---------------------------------------------------------------------------------------------

# Rate of the convention 600 € a day. Each line: days, its own rate, amount; then the same, indexed.
#   + 2,5 %: 600 × 1,025 = 615. 16,5 j × 615 = 10 147,50. A line at 700 € has a rate of its own, which stays.
EXEMPLE = {
    "en jours": (("10", "600", "6000"), ("10", "615.00", "6150.00")),
    "demi-journée": (("16.5", "600", "9900"), ("16.5", "615.00", "10147.50")),
    "son propre tarif": (("10", "700", "7000"), ("10", "700.00", "7000.00")),
    "montant simple": ((None, None, "1234.56"), (None, None, "1234.56")),
    "jours sans tarif": (("3", None, "1800"), ("3", None, "1800.00")),
    "tarif sans jours": ((None, "600", "1800"), (None, "600.00", "1800.00")),
    "sur devis": (("3", "600", None), ("3", "615.00", None)),
}


def read_line(ligne: LigneCout) -> tuple[str | None, ...]:
    jours = None if ligne.jours is None else f"{ligne.jours.normalize():f}"
    return (jours, *(None if m is None else f"{m.amount:.2f}" for m in (ligne.tarif_journalier, ligne.montant)))


def test_costs_in_days_follow_the_indexed_rate_and_plain_amounts_stay(projet: Projet) -> None:
    fiche, nature = projet.convention.fiches.get(), factories.NatureFactory()
    for libelle, ((jours, tarif, montant), _) in EXEMPLE.items():
        factories.LigneCoutFactory(
            fiche=fiche,
            nature=nature,
            libelle=libelle,
            jours=jours and Decimal(jours),
            tarif_journalier=tarif and euros(tarif),
            montant=montant and euros(montant),
            chiffrage="chiffre" if montant else "sur_devis",
        )
    suite = renew(agent_of(projet), conclude(projet.convention, SIGNEE_LE), "SUITE-1", Decimal("2.5"))
    assert reread(suite).tarif_journalier == euros(615)
    lignes = LigneCout.objects.filter(fiche__convention=suite)
    assert {ligne.libelle: read_line(ligne) for ligne in lignes} == {nom: apres for nom, (_, apres) in EXEMPLE.items()}


def test_rate_is_rounded_to_the_cent_before_the_days_are_counted(projet: Projet) -> None:
    Convention.objects.filter(pk=projet.convention.pk).update(tarif_journalier=Decimal("333.33"))
    tarif = {"tarif_journalier": euros("333.33"), "montant": euros("33333.00")}
    factories.LigneCoutFactory(fiche=projet.convention.fiches.get(), jours=Decimal(100), **tarif)
    suite = renew(agent_of(projet), conclude(projet.convention, SIGNEE_LE), "SUITE-1", Decimal("1.5"))  # 338,32995
    assert read_line(LigneCout.objects.get(fiche__convention=suite)) == ("100", "338.33", "33833.00")


def test_convention_without_rate_is_renewed_without(projet: Projet, base: Convention) -> None:
    with lift():
        Convention.objects.filter(pk=base.pk).update(tarif_journalier=None)
    assert renew(agent_of(projet), base, "SUITE-1", Decimal(5)).tarif_journalier is None


def test_indexation_is_typed_as_people_write(projet: Projet, base: Convention) -> None:
    lues = {"": "0", "0": "0", "1,5": "1.5", "1.5 %": "1.5", " 100 % ": "100", "-10": "-10", "-99,99": "-99.99"}
    assert {saisie: read_indexation(saisie) for saisie in lues} == {saisie: Decimal(lue) for saisie, lue in lues.items()}
    reponse = post(projet, base, indexation="- 10 %")
    assert (reponse.status_code, reponse["Location"]) == (302, "/conventions/SUITE-1/")
    assert Convention.objects.get(reference="SUITE-1").tarif_journalier == euros(540)


REFUSES = [
    ({"indexation": "beaucoup"}, "Indexation : « beaucoup » n’est pas un nombre"),
    ({"indexation": "1,23456"}, "Indexation : "),
    ({"indexation": "NaN"}, "Indexation : "),
    ({"indexation": "1e2"}, "Indexation : "),
    ({"indexation": "100,01"}, "L’indexation est un pourcentage"),
    ({"indexation": "-100"}, "L’indexation est un pourcentage"),
    ({"nouvelle": ""}, "vide"),
    ({"nouvelle": "Suite à venir"}, "Des capitales, des chiffres et des traits d’union"),
    ({"nouvelle": "ESSAI-1"}, "existe déjà"),
    ({"nouvelle": "A" * 41}, "40"),
]


def test_what_was_typed_is_shown_again_with_the_reason(projet: Projet, base: Convention) -> None:
    for envoi, raison in REFUSES:
        tape = {"nouvelle": "SUITE-9", "indexation": "1,75"} | envoi
        reponse = post(projet, base, **tape)
        page = spell(reponse.content.decode())
        assert (reponse.status_code, raison in page) == (422, True), envoi
        for nom, valeur in tape.items():
            assert f'value="{valeur}"' in page.split(f'name="{nom}"')[1].split(">")[0]
    assert Convention.objects.get() == base
