"""The canonical data of a convention: all its columns, always the same bytes, and a fingerprint that any change changes."""

import copy
import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, models
from django.test.utils import CaptureQueriesContext
from djmoney.models.fields import CurrencyField, MoneyField
from djmoney.money import Money
from hypothesis import given
from hypothesis import strategies as st

from comptes.models import Organisation, Utilisateur
from conventions.models import Article, Axe, Convention, MontantDeclare, Objectif, Partie, Politique
from documents import instantane
from documents.instantane import Redacteur, build_instantane, compute_empreinte, compute_empreinte_texte, write_canonique
from fiches.models import CibleIndicateur, FicheAction, Indicateur, Pilote, ProduitPret
from financement.copie import ORDRE
from financement.models import CoFinancement, LigneCout, MontantRecapDeclare, TotalDeclare, Versement
from tests import factories
from tests.factories import euros
from tests.signees import fill, reread

# Columns that are not data of the agreement: what follows its life, and what another column already says.
SUIVI = {"etat", "date_signature", "date_notification", "date_executoire", "date_cloture", "delai_bilan_mois", "preavis_mois"}
LAISSEES: dict[type[models.Model], set[str]] = {
    Convention: {*SUIVI, "modifiee_le", "date_point_etape", "avenant_de", "numero_avenant", "origines"},
    Partie: {"convention", "deliberation_executoire", "deliberation_fichier", "seance_prevue"},
    Objectif: {"convention"},
    Axe: {"convention"},
    Article: {"convention", "modele"},
    MontantDeclare: {"convention"},
    FicheAction: {"convention", "etat", "modifiee_le", "supprimee_le"},
    Indicateur: {"fiche"},
    CibleIndicateur: {"indicateur"},
    ProduitPret: {"fiche"},
    LigneCout: {"fiche", "ordre"},
    CoFinancement: {"fiche", "ordre"},
    TotalDeclare: {"fiche"},
    MontantRecapDeclare: {"convention"},
    Versement: {"convention"},
}
# Filled in once the text is agreed: an agreement on the text does not fall with them.
APRES_ACCORD = {
    *(f"parties.{c}" for c in ("deliberation_numero", "deliberation_date", "delegation", "civilite", "signataire", "qualite")),
    "convention.lieu_signature",
    "convention.nombre_originaux",
}


@pytest.fixture
def pleine(convention: Convention, agglo: Organisation, agent: Utilisateur) -> Convention:
    """A convention with a row in every table."""
    fill(convention, agglo, agent)
    return reread(convention)


def list_colonnes(modele: type[models.Model]) -> list[Any]:
    """Columns of a table that the data must hold."""
    champs = modele._meta.concrete_fields
    return [c for c in champs if not c.primary_key and not isinstance(c, CurrencyField) and c.name not in LAISSEES[modele]]


def list_rows(donnees: dict[str, Any]) -> dict[type[models.Model], dict[str, Any]]:
    """One row of each table, as the data write it."""
    fiche = donnees["fiches"][0]
    return {
        Convention: donnees["convention"],
        Partie: donnees["parties"][0],
        Objectif: donnees["objectifs"][0],
        Axe: donnees["axes"][0],
        Article: donnees["articles"][0],
        MontantDeclare: donnees["montants_declares"][0],
        FicheAction: fiche,
        Indicateur: fiche["indicateurs"][0],
        ProduitPret: fiche["produits_pret"][0],
        LigneCout: fiche["couts"][0],
        CoFinancement: fiche["parts"][0],
        TotalDeclare: fiche["totaux_declares"][0],
        MontantRecapDeclare: donnees["recapitulatif_declare"][0],
        Versement: donnees["versements"][0],
    }


# --- What the data hold ----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_every_column_of_every_row_is_there(pleine: Convention) -> None:
    rows = list_rows(build_instantane(pleine))
    for modele, row in rows.items():
        assert {c.name for c in list_colonnes(modele)} - set(row) == set(), modele
    assert rows[Indicateur]["cibles"] == {"2018": "12.00"}
    assert rows[FicheAction]["maitres_ouvrage"] == sorted(m.cle for m in pleine.fiches.get().maitres_ouvrage.all())
    assert rows[Convention]["politiques"] == ["coeur-de-ville"]


def test_every_table_of_a_convention_is_written_but_who_pilots() -> None:
    assert {m for m, _ in ORDRE} - {Pilote} == set(LAISSEES) - {Convention}


@pytest.mark.django_db
def test_rows_are_named_by_the_keys_people_know(pleine: Convention, agglo: Organisation) -> None:
    donnees = build_instantane(pleine)
    fiche, acompte = donnees["fiches"][0], next(m for m in donnees["montants_declares"] if m["cle"] == "acompte")
    assert (acompte["article"], acompte["base_taux"]) == (1, "total")
    assert [p["financeur"] for p in fiche["parts"]] == [p.organisation.cle for p in pleine.parties.all()]
    assert donnees["noms"]["organisations"][agglo.cle] == agglo.nom
    assert set(donnees["noms"]["natures"].values()) == {"Études"}
    assert donnees["noms"]["politiques"] == {"coeur-de-ville": "Action cœur de ville"}
    assert json.loads(write_canonique(donnees)) == donnees


@pytest.mark.django_db
def test_fiche_in_the_corbeille_is_not_in_the_data(pleine: Convention) -> None:
    avant = write_canonique(build_instantane(pleine))
    jetee = factories.FicheFactory(convention=pleine, axe=pleine.axes.first(), code="E.A 9")
    factories.RecapDeclareFactory(convention=pleine, fiche=jetee, annee=2019)
    assert write_canonique(build_instantane(pleine)) != avant
    jetee.discard()
    assert write_canonique(build_instantane(pleine)) == avant


@pytest.mark.django_db
def test_sums_are_those_of_the_recap(pleine: Convention, agglo: Organisation, cci: Organisation) -> None:
    recap = build_instantane(pleine)["recapitulatif"]
    cellules = {"total": "6000.00", agglo.cle: "4800.00", cci.cle: "1200.00"}
    assert recap["total"] == {"2018": cellules, "periode": cellules}
    assert recap["fiches"] == {"E.A 1.1": recap["total"]}


@pytest.mark.django_db
def test_cost_without_amount_is_written_in_words(pleine: Convention) -> None:
    pleine.fiches.get().lignes_cout.update(chiffrage="sur_devis", montant=None)
    donnees = build_instantane(pleine)
    assert donnees["recapitulatif"]["total"]["2018"] == {"total": "sur devis"}
    assert donnees["fiches"][0]["couts"][0]["montant"] is None


CENTIMES = st.integers(0, 10**10)


@given(CENTIMES)
def test_amounts_are_written_with_two_decimals(centimes: int) -> None:
    ligne = LigneCout(montant=Money(Decimal(centimes) / 100, "EUR"))
    ecrit = Redacteur.write_value(object.__new__(Redacteur), ligne, LigneCout._meta.get_field("montant"))
    assert ecrit == f"{centimes // 100}.{centimes % 100:02d}"


@given(st.decimals(0, 100, places=4), st.booleans())
def test_rates_are_written_with_all_their_decimals(taux: Decimal, reduit: bool) -> None:
    part = CoFinancement(taux=taux.normalize() if reduit else taux)
    ecrit = Redacteur.write_value(object.__new__(Redacteur), part, CoFinancement._meta.get_field("taux"))
    assert ecrit == f"{taux:.4f}"
    assert Decimal(ecrit) == taux


# --- Always the same bytes --------------------------------------------------------------------------------


@pytest.mark.django_db
def test_same_data_read_again_give_the_same_bytes(pleine: Convention) -> None:
    octets = write_canonique(build_instantane(pleine))
    assert write_canonique(build_instantane(reread(pleine))) == octets
    assert write_canonique(build_instantane(Convention.objects.get(pk=pleine.pk))) == octets
    assert b", " not in octets[:200]
    assert compute_empreinte(octets) == compute_empreinte(octets) != compute_empreinte(octets + b" ")


@pytest.mark.django_db
def test_same_rows_entered_in_another_order_give_the_same_bytes(pleine: Convention, agglo: Organisation, cci: Organisation) -> None:
    fiche = pleine.fiches.get()
    factories.LigneCoutFactory(fiche=fiche, nature=factories.NatureFactory(), annee=2019)
    CoFinancement.objects.filter(financeur=cci).update(ordre=20)
    factories.TotalDeclareFactory(fiche=fiche, annee=2019)
    fiche.indicateurs.get().cibles.create(annee=2019, valeur=5)
    for financeur in (cci, agglo):
        factories.RecapDeclareFactory(convention=pleine, fiche=fiche, financeur=financeur)
    avant = write_canonique(build_instantane(pleine))
    for modele in (CibleIndicateur, LigneCout, CoFinancement, TotalDeclare, MontantRecapDeclare):
        rows: list[Any] = list(modele.objects.order_by("-pk"))
        modele.objects.all().delete()
        for row in rows:
            row.pk, row._state.adding = None, True
            row.save()
    assert write_canonique(build_instantane(pleine)) == avant


@pytest.mark.django_db
def test_amounts_of_the_text_come_in_one_order_on_every_database(pleine: Convention) -> None:
    assert [m["cle"] for m in build_instantane(pleine)["montants_declares"]] == ["total", "acompte"]  # preamble, then articles


@pytest.mark.django_db
def test_printed_cells_come_in_one_order_on_every_database(pleine: Convention) -> None:
    cellules = build_instantane(pleine)["recapitulatif_declare"]
    assert [(c["fiche"], c["axe"] is not None) for c in cellules] == [(None, False), (None, True), ("E.A 1.1", False)]


@pytest.mark.django_db
def test_queries_do_not_grow_with_the_fiches(pleine: Convention, agglo: Organisation) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as requetes:
            build_instantane(reread(pleine))
        return len(requetes)

    avant = count()
    for rang in range(2, 8):
        fiche = factories.FicheFactory(convention=pleine, axe=pleine.axes.first(), code=f"E.A 1.{rang}")
        fiche.maitres_ouvrage.add(agglo)
        factories.LigneCoutFactory(fiche=fiche)
        factories.CoFinancementFactory(fiche=fiche, financeur=agglo)
        factories.TotalDeclareFactory(fiche=fiche)
        factories.IndicateurFactory(fiche=fiche).cibles.create(annee=2018, valeur=1)
    assert count() == avant


# --- Any change is seen -----------------------------------------------------------------------------------


def change(row: Any, champ: Any) -> Any:
    """Another value for a column."""
    valeur = getattr(row, champ.name)
    if isinstance(champ, models.ForeignKey):
        autres = champ.related_model._base_manager.exclude(pk=valeur.pk if valeur else None)
        memes = {"convention": row.convention} if hasattr(champ.related_model, "convention") else {}
        return autres.filter(**memes).latest("pk")
    if champ.choices:
        return next(v for v, _ in champ.choices if v != valeur)
    if isinstance(champ, MoneyField):
        return euros(1) if valeur is None else valeur + euros(1)
    if isinstance(champ, models.DateField):
        return (valeur or date(2019, 1, 1)) + timedelta(days=1)
    if isinstance(champ, models.BooleanField):
        return not valeur
    if isinstance(champ, models.JSONField):
        return [*valeur, 2019]
    return f"{valeur}x" if isinstance(champ, models.CharField | models.TextField) else (valeur or 0) + 1


@pytest.fixture
def specifique(pleine: Convention) -> Convention:
    """The same under a cadre, with two axes, two articles and two fiches to point to."""
    factories.ConventionFactory()
    Convention.objects.filter(pk=pleine.pk).update(nature="specifique")
    factories.FicheFactory(convention=pleine, axe=factories.AxeFactory(convention=pleine, code="2"), code="E.A 2")
    factories.ArticleFactory(convention=pleine, numero=7)
    factories.MontantDeclareFactory(convention=pleine)
    factories.OrganisationFactory()
    factories.NatureFactory()
    return reread(pleine)


@pytest.mark.django_db
def test_every_column_is_written_as_it_stands(specifique: Convention) -> None:
    redacteur, muettes = Redacteur(specifique), []
    for modele in LAISSEES:
        row: Any = specifique if modele is Convention else modele._base_manager.order_by("pk").first()
        for champ in list_colonnes(modele):
            avant, ancien = redacteur.write(row, LAISSEES[modele]), getattr(row, champ.name)
            setattr(row, champ.name, change(row, champ))
            apres = redacteur.write(row, LAISSEES[modele])
            muettes += [f"{modele.__name__}.{champ.name}"] if {c for c in avant if avant[c] != apres[c]} != {champ.name} else []
            setattr(row, champ.name, ancien)
    assert muettes == []


def change_leaves(valeur: Any, chemin: str, change: Callable[[str], None]) -> None:
    """Write something else in the place of each value, one after the other; `change` is told where, then it is put back."""
    cles = list(valeur) if isinstance(valeur, dict) else range(len(valeur))
    for cle in cles:
        ici = f"{chemin}.{cle}" if isinstance(valeur, dict) else chemin
        if isinstance(valeur[cle], dict | list) and valeur[cle]:
            change_leaves(valeur[cle], ici, change)
        else:
            ancienne, valeur[cle] = valeur[cle], "autre chose"
            change(ici)
            valeur[cle] = ancienne


@pytest.mark.django_db
def test_any_change_is_another_text_but_what_is_filled_in_once_agreed(specifique: Convention, monkeypatch: pytest.MonkeyPatch) -> None:
    donnees, octets = build_instantane(specifique), write_canonique(build_instantane(specifique))
    texte, vues, memes = compute_empreinte_texte(specifique), set(), set()
    monkeypatch.setattr(instantane, "build_instantane", lambda convention: copy.deepcopy(donnees))

    def look(chemin: str) -> None:
        vues.add(chemin)
        assert write_canonique(donnees) != octets, chemin
        if compute_empreinte_texte(specifique) == texte:
            memes.add(chemin.lstrip("."))

    change_leaves(donnees, "", look)
    assert len(vues) > 120
    assert {chemin for chemin in memes if not chemin.startswith("noms.")} == APRES_ACCORD


@pytest.mark.django_db
def test_what_follows_the_life_of_a_convention_changes_nothing(pleine: Convention) -> None:
    octets = write_canonique(build_instantane(pleine))
    liens = {"convention", "fiche", "indicateur", "avenant_de", "numero_avenant", "origines", "supprimee_le", "modele", "ordre"}
    for modele, noms in LAISSEES.items():
        row = modele._base_manager.first()
        if vecues := {nom: change(row, modele._meta.get_field(nom)) for nom in noms - liens}:
            modele._base_manager.filter(pk=row.pk).update(**vecues)
    assert reread(pleine).etat != pleine.etat
    assert write_canonique(build_instantane(reread(pleine))) == octets


@pytest.mark.django_db
def test_links_of_a_convention_and_of_a_fiche_are_seen(specifique: Convention) -> None:
    empreintes = {compute_empreinte_texte(specifique)}
    specifique.politiques.add(Politique.objects.create(cle="industrie", nom="Territoire d’industrie"))
    empreintes.add(compute_empreinte_texte(reread(specifique)))
    specifique.fiches.first().maitres_ouvrage.clear()
    empreintes.add(compute_empreinte_texte(reread(specifique)))
    assert len(empreintes) == 3


@pytest.mark.django_db
def test_fiche_moved_under_a_section_of_the_same_code_is_seen(convention: Convention) -> None:
    sections = [
        factories.AxeFactory(convention=convention, parent=factories.AxeFactory(convention=convention, code=code), code="1")
        for code in ("E.A", "E.P")
    ]
    fiche = factories.FicheFactory(convention=convention, axe=sections[0])
    avant = compute_empreinte_texte(reread(convention))
    FicheAction.objects.filter(pk=fiche.pk).update(axe=sections[1])
    assert compute_empreinte_texte(reread(convention)) != avant


@pytest.mark.django_db
def test_organisation_of_a_party_renamed_leaves_the_text_as_it_was_agreed(pleine: Convention, agglo: Organisation) -> None:
    avant = compute_empreinte_texte(pleine)
    Organisation.objects.filter(pk=agglo.pk).update(nom="Grande agglomération", sigle="GA")
    assert compute_empreinte_texte(reread(pleine)) == avant
