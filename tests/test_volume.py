"""`generate_volume`: the same data for the same seed, as many rows as announced, rows that the product itself would accept."""

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import Count, Model

from comptes.models import Organisation, Utilisateur
from conventions.gel import lift
from conventions.models import Article, Axe, Convention, Objectif, Partie
from documents.volume.dossiers import build_dossier
from documents.volume.ecriture import write_volume
from documents.volume.referentiel import load_referentiel
from fiches.models import CibleIndicateur, FicheAction, Indicateur
from financement.models import (
    Bilan,
    CoFinancement,
    FicheBilan,
    LigneBilan,
    LigneCout,
    MesureBilan,
    Paiement,
    PartBilan,
    ParticipationBilan,
    Versement,
)

pytestmark = pytest.mark.django_db
TABLES = [
    Convention,
    Partie,
    Objectif,
    Article,
    Axe,
    FicheAction,
    LigneCout,
    CoFinancement,
    Indicateur,
    CibleIndicateur,
    Versement,
    Paiement,
]
DES_BILANS = [Bilan, FicheBilan, LigneBilan, PartBilan, MesureBilan, ParticipationBilan]


def generate(*arguments: str) -> str:
    sortie = StringIO()
    call_command("generate_volume", *arguments, stdout=sortie, stderr=sortie)
    return sortie.getvalue()


def refuse(*arguments: str) -> str:
    erreurs = StringIO()
    with pytest.raises(SystemExit) as sortie:
        call_command("generate_volume", *arguments, stderr=erreurs)
    assert sortie.value.code == 1
    return erreurs.getvalue()


def describe(row: Model) -> dict[str, Any]:
    """What a row says: its columns without keys, what it points to by name."""
    relations = {f.name: str(getattr(row, f.name) or "") for f in row._meta.concrete_fields if f.is_relation}
    return relations | {f.attname: getattr(row, f.attname) for f in row._meta.concrete_fields if not f.is_relation and not f.primary_key}


def draw(graine: int, rang: int) -> list[dict[str, Any]]:
    with lift():
        dossier = build_dossier(graine, rang, load_referentiel(graine))
    lues = [describe(row) for rows in ({Convention: [dossier.convention]} | dossier.rows).values() for row in rows]
    return [{cle: valeur for cle, valeur in row.items() if cle != "modifiee_le"} for row in lues]


def sample(modele: type[Model]) -> Iterator[Any]:
    rows = modele._base_manager.order_by("pk")
    pas = max(1, rows.count() // 12)
    yield from list(rows)[::pas]


def test_the_same_seed_draws_the_same_rows() -> None:
    assert draw(7, 12) == draw(7, 12)
    assert draw(7, 12) != draw(8, 12)
    assert draw(7, 12) != draw(7, 13)


def test_counts_are_those_announced(settings: Any) -> None:
    settings.DEBUG = True
    dit = generate("--conventions", "11")
    assert "11 conventions," in dit
    assert "220 fiches action" in dit
    assert "1980 lignes de coût" in dit
    assert (Convention.objects.count(), FicheAction.objects.count(), LigneCout.objects.count()) == (11, 220, 1980)
    par_fiche = set(FicheAction.objects.annotate(n=Count("lignes_cout")).values_list("n", flat=True))
    assert par_fiche == {9}


def test_rows_pass_the_product_s_own_checks() -> None:
    with lift():
        write_volume(60, 3)
    for modele in (*TABLES, *DES_BILANS, Organisation, Utilisateur):
        rows = list(sample(modele))
        assert rows, modele
        for row in rows:
            row.full_clean()


def test_states_spread_over_the_life_and_parties_over_the_organisations() -> None:
    with lift():
        write_volume(60, 1)
    etats = set(Convention.objects.values_list("etat", flat=True))
    assert len(etats) >= 6
    assert etats & set(Convention.ETATS_SIGNES)
    assert etats - set(Convention.ETATS_FIGES)
    assert Partie.objects.values("organisation").distinct().count() > 10
    assert Paiement.objects.filter(etat="paye").exists()
    assert Convention.objects.filter(renouvelle__isnull=False).exists()
    assert Convention.objects.filter(parent__isnull=False).exists()


def test_an_avenant_follows_its_agreement_row_by_row() -> None:
    with lift():
        write_volume(10, 1)
    avenant = Convention.objects.get(avenant_de__isnull=False)
    base = avenant.avenant_de
    assert base is not None
    assert (avenant.annee_fin, avenant.numero_avenant) == ((base.annee_fin or 0) + 1, 1)
    for modele in (FicheAction, Axe, Partie, Versement):
        origines = avenant.origines[modele._meta.model_name]
        copies = {str(pk) for pk in modele._base_manager.filter(convention=avenant).values_list("pk", flat=True)}
        sources = set(modele._base_manager.filter(convention=base).values_list("pk", flat=True))
        assert set(origines) == copies
        assert set(origines.values()) == sources
    assert not Paiement.objects.filter(convention=avenant).exists()


def test_it_refuses_a_base_in_service_unless_told(settings: Any) -> None:
    assert "--hors-essai" in refuse("--conventions", "1")
    generate("--conventions", "1", "--hors-essai")
    assert Convention.objects.count() == 1
    assert not any(u.has_usable_password() for u in Utilisateur.objects.all())


def test_it_refuses_to_run_twice_and_unreadable_numbers(settings: Any) -> None:
    settings.DEBUG = True
    assert "entre 1 et" in refuse("--conventions", "0")
    generate("--conventions", "1")
    assert "VOL-" in refuse("--conventions", "1")
