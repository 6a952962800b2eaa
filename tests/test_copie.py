"""A convention copied row by row: everything it says, nothing of what it lived, and no thread left to the source."""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import connection
from django.db.models import ForeignKey, Model, QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from comptes.models import Organisation, Utilisateur
from conventions.journal import Evenement, record
from conventions.models import Axe, Convention, MontantDeclare, Partie
from fiches.models import CibleIndicateur, Commentaire, FicheAction, Indicateur, Passage, Presence
from financement.copie import ORDRE, Copie, copy_convention
from financement.models import (
    Acceptation,
    Bilan,
    CoFinancement,
    Contradiction,
    ImportBudget,
    LigneCout,
    MontantRecapDeclare,
    Realisation,
    TotalDeclare,
)
from tests import factories
from tests.signees import fill, reread

pytestmark = pytest.mark.django_db
TABLES = [modele for modele, _ in ORDRE]
# Copied with the row they link, then what stays with the source: what was lived there, not what is agreed.
LIENS = {"Convention_politiques", "FicheAction_maitres_ouvrage"}
LAISSEES = {
    "Accord": "given on one text",
    "Acceptation": "of a contradiction of the source",
    "Bilan": "reported once for the agreement",
    "Commentaire": "said on the source",
    "ConstatCondition": "followed on the first row of the chain",
    "Contradiction": "found again by the controls",
    "CreditExercice": "voted once for the agreement",
    "DocumentFige": "frozen once",
    "Evenement": "the journal of the source",
    "FicheBilan": "follows the first row of the chain",
    "ImportBudget": "written in the source",
    "LectureCommentaires": "of the comments left behind",
    "MesureBilan": "follows the first row of the chain",
    "Paiement": "made once, on the first row of the chain",
    "Passage": "lived by the source",
    "PieceVersement": "joined to a payment",
    "Preparation": "work under way",
    "Travail": "work under way",
    "Cumul": "figures computed anew",
    "Presence": "somebody at work in the source",
    "Realisation": "noted once, on the first row of the chain",
    "Reprise": "a correction of the source",
    "Reversement": "claimed once for the agreement",
    "Signature": "of one document",
    "Verification": "made again by the controls",
}


@pytest.fixture
def source(convention: Convention, agglo: Organisation, agent: Utilisateur) -> Convention:
    """A convention with a row in every table, and a fiche in the corbeille that has as much."""
    fill(convention, agglo, agent)
    jetee = factories.FicheFactory(convention=convention, axe=convention.axes.first(), code="E.A 9", supprimee_le=timezone.now())
    factories.LigneCoutFactory(fiche=jetee, montant=factories.euros(7))
    factories.IndicateurFactory(fiche=jetee).cibles.create(annee=2018, valeur=7)
    factories.RecapDeclareFactory(convention=convention, fiche=jetee, annee=2019)
    return reread(convention)


@pytest.fixture
def copie(source: Convention, agent: Utilisateur) -> Copie:
    return copy_convention(source, agent, {"reference": "COPIE-1"})


def rows_of(modele: Any, convention: Convention) -> QuerySet[Any]:
    """Rows that hang from a convention, those of the corbeille left out."""
    lien = dict(ORDRE)[modele]
    if lien == "convention":
        rows = modele._default_manager.filter(convention=convention)
        return rows.exclude(fiche__supprimee_le__isnull=False) if modele is MontantRecapDeclare else rows
    chemin = "fiche" if lien == "fiche" else "indicateur__fiche"
    return modele._default_manager.filter(**{f"{chemin}__convention": convention, f"{chemin}__supprimee_le": None})


def read_row(row: Model, cles: dict[str, dict[int, int]]) -> dict[str, Any]:
    """Columns of a row but its own key and its time; those that point to a copied table are followed by `cles`."""
    valeurs = {}
    for champ in row._meta.concrete_fields:
        if champ.name in {"id", "modifiee_le"}:
            continue
        valeur = getattr(row, champ.attname)
        table = cles.get(champ.related_model._meta.model_name) if isinstance(champ, ForeignKey) else None
        valeurs[champ.name] = valeur if table is None or valeur is None else table[valeur]
    return valeurs


def test_every_row_is_copied_once_and_leads_inside_the_copy(source: Convention, copie: Copie) -> None:
    for modele in TABLES:
        cles = copie.cles[modele._meta.model_name]
        anciennes, neuves = rows_of(modele, source).in_bulk(), rows_of(modele, copie.convention).in_bulk()
        assert set(cles) == set(anciennes) != set(), modele
        assert sorted(cles.values()) == sorted(neuves), modele
        avant = {cles[pk]: read_row(row, copie.cles) for pk, row in anciennes.items()}
        assert {pk: read_row(row, {}) for pk, row in neuves.items()} == avant, modele


def test_copying_starts_the_history_of_every_row(copie: Copie, agent: Utilisateur) -> None:
    for modele in TABLES:
        for row in rows_of(modele, copie.convention):
            versions = [(v.history_type, v.history_user, v.history_change_reason) for v in row.history.all()]
            assert versions == [("+", agent, "Copie")], modele


def test_first_version_of_a_copied_fiche_says_who_leads_it(copie: Copie, agglo: Organisation, cci: Organisation) -> None:
    fiche = copie.convention.fiches.get()
    assert {m.organisation_id for m in fiche.history.earliest().maitres_ouvrage.all()} == {agglo.pk, cci.pk}


def test_columns_given_replace_those_of_the_convention_and_nothing_else(source: Convention, copie: Copie) -> None:
    neuve = Convention.objects.get(pk=copie.convention.pk)
    champs = [c.name for c in Convention._meta.concrete_fields if c.name not in {"id", "modifiee_le"}]
    assert {c for c in champs if getattr(neuve, c) != getattr(source, c)} == {"reference"}


def test_politiques_and_lead_organisations_follow(copie: Copie, source: Convention) -> None:
    assert [p.cle for p in copie.convention.politiques.all()] == ["coeur-de-ville"]
    ancienne, neuve = source.fiches.get(), copie.convention.fiches.get()
    assert set(neuve.maitres_ouvrage.all()) == set(ancienne.maitres_ouvrage.all()) != set()


def test_section_older_than_its_axe_stays_under_it(copie: Copie) -> None:
    section = copie.convention.axes.get(code="1")
    assert section.parent == copie.convention.axes.get(code="E.A")
    assert copie.convention.fiches.get().axe == section


def test_fiche_in_the_corbeille_stays_there_with_all_it_holds(source: Convention, copie: Copie) -> None:
    assert [f.code for f in FicheAction.toutes.filter(convention=copie.convention)] == ["E.A 1.1"]
    assert LigneCout.objects.filter(fiche__convention=copie.convention).count() == 1
    assert sorted(str(c) for c in copie.convention.recap_declare.all()) == sorted(
        ["E.A 1.1, 2018, total", "total Attractivité, 2018, total", "total général, 2018, total"]
    )


def test_what_the_source_lived_stays_with_it(source: Convention, agent: Utilisateur) -> None:
    fiche = source.fiches.get()
    Commentaire.objects.create(fiche=fiche, rubrique="constat", texte="Lequel ?")
    Passage.objects.create(fiche=fiche, action="soumettre", de="brouillon", vers="en_redaction")
    Presence.objects.create(fiche=fiche, utilisateur=agent, champ="constat", vue_le=timezone.now())
    factories.ImportBudgetFactory(convention=source, fichier=ContentFile(b"x", "b.csv"))
    factories.ContradictionFactory(convention=source, fiche=fiche)
    factories.AcceptationFactory(convention=source)
    record(source, "ouverture", "Ouverte.")
    factories.FicheBilanFactory(bilan__convention=source, fiche=fiche)
    factories.RealisationFactory(fiche=fiche)
    copie = copy_convention(source, agent, {"reference": "COPIE-1"})
    neuve = copie.convention.fiches.get()
    assert [list(m.objects.filter(fiche=neuve)) for m in (Commentaire, Passage, Presence)] == [[], [], []]
    vecus = (Evenement, ImportBudget, Contradiction, Acceptation, Bilan, Realisation)
    assert [list(m.objects.filter(convention=copie.convention)) for m in vecus] == [[]] * len(vecus)


def test_every_table_that_points_to_a_copied_one_is_copied_or_left_on_purpose() -> None:
    copiees = {Convention, *TABLES}
    pointent = {
        modele.__name__
        for modele in apps.get_models(include_auto_created=True)
        if not modele.__name__.startswith("Historical")
        and any(c.is_relation and c.related_model in copiees for c in modele._meta.concrete_fields)
    }
    assert pointent == {m.__name__ for m in copiees} | LIENS | set(LAISSEES)


def test_tables_are_copied_after_those_they_point_to() -> None:
    vues: set[Any] = {Convention}
    for modele in TABLES:
        vues.add(modele)
        cibles = {c.related_model for c in modele._meta.concrete_fields if c.is_relation}
        assert cibles & {Convention, *TABLES} <= vues, modele


def test_origin_of_a_row_goes_back_to_the_first_of_the_chain(source: Convention, agent: Utilisateur) -> None:
    premiere = source.fiches.get().pk
    deuxieme = copy_convention(source, agent, {"reference": "COPIE-1"})
    deuxieme.convention.origines = deuxieme.find_origines(source)
    deuxieme.convention.save()
    ajoutee = factories.FicheFactory(convention=deuxieme.convention, axe=deuxieme.convention.axes.first(), code="E.A 2")
    troisieme = copy_convention(deuxieme.convention, agent, {"reference": "COPIE-2"})
    origines = troisieme.find_origines(deuxieme.convention)["ficheaction"]
    codes = {troisieme.convention.fiches.get(pk=pk).code: origine for pk, origine in origines.items()}
    assert codes == {"E.A 1.1": premiere, "E.A 2": ajoutee.pk}


# --- What is left out on the way -----------------------------------------------------------------------


def leave_out(modele: type[Model], **valeurs: Any) -> Callable[[Any], Any]:
    """Copies all but the rows of a table that hold these values."""

    def retouche(row: Any) -> Any:
        return None if isinstance(row, modele) and all(getattr(row, c) == v for c, v in valeurs.items()) else row

    return retouche


def test_fiche_left_out_leaves_with_all_that_hangs_from_it(source: Convention, agent: Utilisateur) -> None:
    neuve = copy_convention(source, agent, {"reference": "COPIE-1"}, leave_out(FicheAction)).convention
    assert not neuve.fiches.exists()
    for modele in (LigneCout, CoFinancement, TotalDeclare, Indicateur):
        assert not modele.objects.filter(fiche__convention=neuve).exists()
    assert not CibleIndicateur.objects.filter(indicateur__fiche__convention=neuve).exists()
    assert sorted(str(c) for c in neuve.recap_declare.all()) == ["total Attractivité, 2018, total", "total général, 2018, total"]


def test_axe_left_out_takes_its_sections_and_their_fiches(source: Convention, agent: Utilisateur) -> None:
    neuve = copy_convention(source, agent, {"reference": "COPIE-1"}, leave_out(Axe, code="E.A")).convention
    assert (list(neuve.axes.all()), list(neuve.fiches.all())) == ([], [])
    assert [str(c) for c in neuve.recap_declare.all()] == ["total général, 2018, total"]


def test_amount_whose_base_is_left_out_is_kept_without_it(source: Convention, agent: Utilisateur) -> None:
    neuve = copy_convention(source, agent, {"reference": "COPIE-1"}, leave_out(MontantDeclare, cle="total")).convention
    assert [(m.cle, m.base_taux) for m in neuve.montants_declares.all()] == [("acompte", None)]


def test_row_changed_on_the_way_leaves_the_source_as_it_was(source: Convention, agent: Utilisateur) -> None:
    def retouche(row: Any) -> Any:
        if isinstance(row, Partie):
            row.signataire = "Quelqu’un d’autre"
        return row

    neuve = copy_convention(source, agent, {"reference": "COPIE-1"}, retouche).convention
    assert {p.signataire for p in neuve.parties.all()} == {"Quelqu’un d’autre"}
    assert {p.signataire for p in reread(source).parties.all()} == {""}


def test_reference_already_taken_copies_nothing(source: Convention, agent: Utilisateur) -> None:
    with pytest.raises(ValidationError, match="existe déjà"):
        copy_convention(source, agent, {"reference": source.reference})
    assert Convention.objects.get() == source


# --- Size -----------------------------------------------------------------------------------------------


def test_queries_do_not_grow_with_the_fiches(source: Convention, agent: Utilisateur, agglo: Organisation) -> None:
    def count(reference: str) -> int:
        with CaptureQueriesContext(connection) as requetes:
            copy_convention(source, agent, {"reference": reference})
        return len(requetes)

    count("COPIE-0")  # what Django keeps in memory for the whole process
    avant = count("COPIE-1")
    axe = source.axes.get(code="1")
    for rang in range(2, 6):
        fiche = factories.FicheFactory(convention=source, axe=axe, code=f"E.A 1.{rang}")
        fiche.maitres_ouvrage.add(agglo)
        for annee in (2018, 2019):
            factories.LigneCoutFactory(fiche=fiche, annee=annee)
        factories.CoFinancementFactory(fiche=fiche, financeur=agglo)
        factories.IndicateurFactory(fiche=fiche).cibles.create(annee=2018, valeur=1)
        factories.RecapDeclareFactory(convention=source, fiche=fiche)
    assert count("COPIE-2") == avant
