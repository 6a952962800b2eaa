"""What is frozen: from « à signer » on, nothing of a convention changes, whatever the door."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from tablib import Dataset

from comptes.models import Organisation, Utilisateur
from conventions.etats import FIGES
from conventions.gel import SUIVI_CONVENTION, SUIVI_PARTIE, ConventionFigee, QuerySetGelable, explain_gel, lift
from conventions.models import Article, Axe, Convention, MontantDeclare, Objectif, Partie, Politique
from fiches.models import CibleIndicateur, FicheAction, Indicateur, Pilote, ProduitPret
from financement.controles.corrections import CorrectionImpossible, correct, undo
from financement.controles.verification import verify
from financement.echanges import CoFinancementResource, LigneCoutResource, RecapDeclareResource, TotalDeclareResource, VersementResource
from financement.imports import annulation
from financement.imports.actes import ImportImpossible, confirm
from financement.models import (
    AccordBilan,
    Bilan,
    CoFinancement,
    Contradiction,
    FicheBilan,
    LigneBilan,
    LigneCout,
    MesureBilan,
    MontantRecapDeclare,
    NatureDepense,
    Observation,
    PartBilan,
    ParticipationBilan,
    PieceBilan,
    TotalDeclare,
    Versement,
)
from tests.budgets import deposit_budget, import_budget, make_budget, read_refus
from tests.ecritures import write
from tests.factories import (
    ArticleFactory,
    AxeFactory,
    CoFinancementFactory,
    ConventionFactory,
    FicheFactory,
    IndicateurFactory,
    LigneCoutFactory,
    ModeleArticleFactory,
    MontantDeclareFactory,
    ObjectifFactory,
    OrganisationFactory,
    PartieFactory,
    RecapDeclareFactory,
    TotalDeclareFactory,
    UtilisateurFactory,
    VersementFactory,
    euros,
)

pytestmark = pytest.mark.django_db
OUVERTS = [etat for etat in Convention.Etat.values if etat not in FIGES]
# Each protected table: a column, and another value for it.
CHANGE: dict[type[Model], tuple[str, Any]] = {
    Convention: ("titre", "Un autre titre"),
    Partie: ("denomination", "Un autre nom"),
    Objectif: ("titre", "Un autre objectif"),
    Axe: ("titre", "Un autre axe"),
    Article: ("texte", "Un autre texte."),
    MontantDeclare: ("montant", euros(2)),
    FicheAction: ("constat", "Un autre constat."),
    Indicateur: ("libelle", "Une autre mesure"),
    CibleIndicateur: ("valeur", 99),
    ProduitPret: ("nom", "Un autre prêt"),
    LigneCout: ("montant", euros(2)),
    CoFinancement: ("taux", 12),
    TotalDeclare: ("montant", euros(2)),
    MontantRecapDeclare: ("montant", euros(2)),
    Versement: ("condition", "Une autre condition"),
}
LIGNES = [modele for modele in CHANGE if modele is not Convention]
# Frozen with the bilan they belong to, whatever the state of the agreement (test_bilan_versements).
DE_BILAN = {Bilan, FicheBilan, LigneBilan, PartBilan, MesureBilan, ParticipationBilan, PieceBilan, Observation, AccordBilan}
# The column by which a row hangs from its convention.
ATTACHES = dict.fromkeys([Partie, Objectif, Axe, Article, MontantDeclare, FicheAction, MontantRecapDeclare, Versement], "convention")
ATTACHES |= dict.fromkeys([Indicateur, ProduitPret, LigneCout, CoFinancement, TotalDeclare], "fiche") | {CibleIndicateur: "indicateur"}
Lignes = dict[type[Model], Any]


def name(modele: type[Model]) -> str:
    return modele.__name__


@dataclass
class Monde:
    """One row of each table in a convention at signature, and in another that is being written."""

    figee: Lignes
    ouverte: Lignes

    def freeze(self, etat: str = "signee") -> None:
        Convention.objects.filter(pk=self.figee[Convention].pk).update(etat=etat)

    def fresh(self, modele: type[Model]) -> Any:
        """The frozen row, read again."""
        return modele._base_manager.get(pk=self.figee[modele].pk)


def make_rows(convention: Convention, gens: dict[str, Any]) -> Lignes:
    """One row of each table; the axe is not the one of the fiche, which holds it."""
    axe, tenu = AxeFactory.build(convention=convention, code="E.B"), AxeFactory.build(convention=convention, code="E.A")
    article = ArticleFactory.build(convention=convention, numero=1)
    Axe.objects.bulk_create([axe, tenu])
    Article.objects.bulk_create([article])
    fiche = FicheFactory.build(convention=convention, axe=tenu, code="E.A 1")
    FicheAction.objects.bulk_create([fiche])
    indicateur = IndicateurFactory.build(fiche=fiche)
    Indicateur.objects.bulk_create([indicateur])
    lignes: Lignes = {Convention: convention, Axe: axe, Article: article, FicheAction: fiche, Indicateur: indicateur}
    agglo, cci, nature = gens["agglo"], gens["cci"], gens["nature"]
    lignes |= {
        Partie: PartieFactory.build(convention=convention, organisation=agglo, denomination="Agglo", nom_court="Agglo"),
        Objectif: ObjectifFactory.build(convention=convention),
        MontantDeclare: MontantDeclareFactory.build(convention=convention, cle="subvention"),
        CibleIndicateur: CibleIndicateur(indicateur=indicateur, annee=2018, valeur=3),
        ProduitPret: ProduitPret(fiche=fiche, nom="Prêt d’honneur"),
        LigneCout: LigneCoutFactory.build(fiche=fiche, nature=nature),
        CoFinancement: CoFinancementFactory.build(fiche=fiche, financeur=agglo),
        TotalDeclare: TotalDeclareFactory.build(fiche=fiche),
        MontantRecapDeclare: RecapDeclareFactory.build(convention=convention, fiche=fiche),
        Versement: VersementFactory.build(convention=convention, payeur=agglo, beneficiaire=cci),
    }
    for modele, ligne in lignes.items():
        if ligne.pk is None:
            modele._default_manager.bulk_create([ligne])
    return lignes


@pytest.fixture
def gens() -> dict[str, Any]:
    """Two organisations, a nature and a policy that both conventions share."""
    agglo, cci = Organisation.objects.bulk_create(OrganisationFactory.build_batch(2))
    nature = NatureDepense.objects.create(cle="etudes", nom="Études")
    politique = Politique.objects.create(cle="industrie", nom="Territoire d’industrie")
    return {"agglo": agglo, "cci": cci, "nature": nature, "politique": politique}


@pytest.fixture
def monde(gens: dict[str, Any]) -> Monde:
    conventions = [ConventionFactory.build(reference="SIGNEE-1"), ConventionFactory.build(reference="OUVERTE-1")]
    Convention.objects.bulk_create(conventions)
    monde = Monde(*(make_rows(c, gens) for c in conventions))
    monde.figee[Convention].politiques.add(gens["politique"])
    monde.figee[FicheAction].maitres_ouvrage.add(gens["agglo"])
    monde.freeze()
    monde.figee[Convention].etat = "signee"
    return monde


@pytest.fixture
def administrateur(gens: dict[str, Any]) -> Utilisateur:
    return UtilisateurFactory(organisation=gens["agglo"], role="administrateur")


TABLES = [m._meta.db_table for m in (*CHANGE, Convention.politiques.through, FicheAction.maitres_ouvrage.through)]


def read_tables() -> dict[str, list[Any]]:
    """All the protected rows, and what links them to others."""
    lues = {}
    with connection.cursor() as curseur:
        for table in TABLES:
            curseur.execute(f"SELECT * FROM {table} ORDER BY id")  # noqa: S608 (our own names)
            lues[table] = curseur.fetchall()
    return lues


def try_out(portes: dict[Any, Callable[[], Any]]) -> dict[Any, str]:
    """What comes of each writing; nothing of it stays."""
    avant, resultats = read_tables(), {}
    for nom, porte in portes.items():
        with transaction.atomic():
            try:
                porte()
                resultats[nom] = "écrit" if read_tables() != avant else "sans effet"
            except ConventionFigee:
                transaction.set_rollback(False)  # to see whether something was written before the refusal
                resultats[nom] = "refusé" if read_tables() == avant else "refusé à moitié"
            transaction.set_rollback(True)
    return resultats


def refuses_all(portes: dict[Any, Callable[[], Any]]) -> bool:
    """Every writing is refused before anything is written."""
    resultats = try_out(portes)
    assert resultats == dict.fromkeys(portes, "refusé")
    return True


def has(modele: type[Model], champ: str) -> bool:
    return champ in {f.name for f in modele._meta.concrete_fields}


def changed(ligne: Any, modele: type[Model]) -> Any:
    """The row, read again and changed in memory."""
    champ, valeur = CHANGE[modele]
    ligne = modele._base_manager.get(pk=ligne.pk)
    setattr(ligne, champ, valeur)
    return ligne


def another(ligne: Any, modele: type[Model]) -> Any:
    """A second row beside another, not saved."""
    copie = modele._base_manager.get(pk=ligne.pk)
    copie.pk, copie._state.adding = None, True
    for champ, valeur in {"annee": 2019, "cle": "autre", "code": "E.A 2", "numero": 2, "nom_court": "CCI", "libelle": "Autre"}.items():
        if has(modele, champ):
            setattr(copie, champ, valeur)
    if modele is Partie:
        copie.organisation = OrganisationFactory()
    return copie


def list_doors(modele: type[Model], ligne: Any) -> dict[str, Callable[[], Any]]:
    """All the ways to change a row, to take it away, to put another beside it."""
    champ, valeur = CHANGE[modele]
    tous: Any = modele._default_manager
    celle = tous.filter(pk=ligne.pk)
    portes: dict[str, Callable[[], Any]] = {
        "save": lambda: changed(ligne, modele).save(),
        "save of one column": lambda: changed(ligne, modele).save(update_fields=[champ]),
        "update": lambda: celle.update(**{champ: valeur}),
        "update of all": lambda: tous.update(**{champ: valeur}),
        "update_or_create": lambda: tous.update_or_create(pk=ligne.pk, defaults={champ: valeur}),
        "bulk_update": lambda: tous.bulk_update([changed(ligne, modele)], [champ]),
        "bulk_create over a row": lambda: tous.bulk_create(
            [changed(ligne, modele)], update_conflicts=True, unique_fields=["id"], update_fields=[champ]
        ),
        "delete": lambda: modele._base_manager.get(pk=ligne.pk).delete(),
        "delete of many": lambda: celle.delete(),
    }
    if modele is not Convention:  # one more convention is not one that changes
        portes |= {
            "create": lambda: another(ligne, modele).save(),
            "create by key": lambda: another(ligne, modele).save(force_insert=True),
            "bulk_create": lambda: tous.bulk_create([another(ligne, modele)]),
        }
    return portes


def test_every_table_of_a_convention_is_protected() -> None:
    gardees = {m for m in apps.get_models() if isinstance(m._default_manager.all(), QuerySetGelable)}
    assert gardees == set(CHANGE) | DE_BILAN
    assert set(ATTACHES) == set(LIGNES)


def test_nothing_of_a_signed_convention_is_written(monde: Monde) -> None:
    assert refuses_all({(name(m), nom): porte for m in CHANGE for nom, porte in list_doors(m, monde.figee[m]).items()})


def test_every_frozen_state_closes_every_table(monde: Monde) -> None:
    portes = {m: list_doors(m, monde.figee[m])["save"] for m in CHANGE}
    for etat in FIGES:
        monde.freeze(etat)
        assert (etat, refuses_all(portes)) == (etat, True)


def test_open_states_leave_every_table_open(monde: Monde) -> None:
    portes = {m: list_doors(m, monde.ouverte[m])["save"] for m in CHANGE}
    for etat in OUVERTS:
        Convention.objects.filter(pk=monde.ouverte[Convention].pk).update(etat=etat)
        assert (etat, try_out(portes)) == (etat, dict.fromkeys(portes, "écrit"))


def test_open_convention_is_written_by_all_doors_beside_a_signed_one(monde: Monde) -> None:
    portes = {(m, nom): porte for m in CHANGE for nom, porte in list_doors(m, monde.ouverte[m]).items() if nom != "update of all"}
    assert try_out(portes) == dict.fromkeys(portes, "écrit")


def test_refusal_says_what_is_frozen_and_what_to_do(monde: Monde) -> None:
    with pytest.raises(ConventionFigee) as refus:
        changed(monde.figee[LigneCout], LigneCout).save()
    assert refus.value.messages == [
        "Cette convention est figée : rien n’y change plus (ligne de coût). Une convention signée se modifie par un avenant."
    ]


def test_refusal_is_one_that_forms_and_imports_know() -> None:
    assert issubclass(ConventionFigee, ValidationError)


def test_fiche_in_the_corbeille_of_a_signed_convention_stays_there(monde: Monde) -> None:
    with lift():
        monde.figee[FicheAction].discard()
    fiche = monde.fresh(FicheAction)
    portes = {
        "recover": fiche.recover,
        "delete": fiche.delete,
        "update": lambda: FicheAction.toutes.filter(pk=fiche.pk).update(supprimee_le=None),
        "update of those in the corbeille": lambda: FicheAction.toutes.discarded().update(titre="x"),
        "its costs": lambda: changed(monde.figee[LigneCout], LigneCout).save(),
    }
    assert refuses_all(portes)


# --- Moving a row ----------------------------------------------------------------------------------


def moved(ligne: Any, modele: type[Model], vers: Lignes) -> Any:
    """The row, hanging from another convention, in memory."""
    ligne = modele._base_manager.get(pk=ligne.pk)
    setattr(ligne, ATTACHES[modele], vers[{"convention": Convention, "fiche": FicheAction, "indicateur": Indicateur}[ATTACHES[modele]]])
    return ligne


def list_moves(modele: type[Model], ligne: Any, vers: Lignes) -> dict[str, Callable[[], Any]]:
    """All the ways to hang a row from another convention."""
    attache = ATTACHES[modele]
    cible = getattr(moved(ligne, modele, vers), attache)
    tous: Any = modele._default_manager
    voisines = getattr(cible, modele._meta.get_field(attache).remote_field.get_accessor_name())  # type: ignore[union-attr]
    return {
        "save": lambda: moved(ligne, modele, vers).save(),
        "save of one column": lambda: moved(ligne, modele, vers).save(update_fields=[attache]),
        "update": lambda: tous.filter(pk=ligne.pk).update(**{attache: cible}),
        "update by key": lambda: tous.filter(pk=ligne.pk).update(**{f"{attache}_id": cible.pk}),
        "bulk_update": lambda: tous.bulk_update([moved(ligne, modele, vers)], [attache]),
        "bulk_create over a row": lambda: tous.bulk_create(
            [moved(ligne, modele, vers)], update_conflicts=True, unique_fields=["id"], update_fields=[attache]
        ),
        "add to the others": lambda: voisines.add(modele._base_manager.get(pk=ligne.pk)),
        "add to the others one by one": lambda: voisines.add(modele._base_manager.get(pk=ligne.pk), bulk=False),
    }


@pytest.fixture
def sans_doublon(monde: Monde) -> Monde:
    """Rows that would meet nothing like them in the other convention."""
    with lift():
        for modele in LIGNES:
            for lignes in (monde.figee, monde.ouverte):
                ligne, rang = lignes[modele], 1 if lignes is monde.figee else 2
                for champ in ("annee", "cle", "code", "numero", "nom_court", "libelle"):
                    if has(modele, champ):
                        setattr(ligne, champ, {"annee": 2018 + rang, "numero": rang}.get(champ, f"{champ}-{rang}"))
                if modele is Partie:
                    ligne.organisation = OrganisationFactory()
                ligne.save()
    return monde


def test_row_of_a_signed_convention_is_not_moved_out(sans_doublon: Monde) -> None:
    assert refuses_all({(m, nom): p for m in LIGNES for nom, p in list_moves(m, sans_doublon.figee[m], sans_doublon.ouverte).items()})


def test_row_is_not_moved_into_a_signed_convention(sans_doublon: Monde) -> None:
    assert refuses_all({(m, nom): p for m in LIGNES for nom, p in list_moves(m, sans_doublon.ouverte[m], sans_doublon.figee).items()})


# --- Links -----------------------------------------------------------------------------------------


def test_links_of_a_signed_convention_do_not_change(monde: Monde, gens: dict[str, Any]) -> None:
    convention, fiche = monde.figee[Convention], monde.figee[FicheAction]
    autre, region = Politique.objects.create(cle="autre", nom="Autre"), OrganisationFactory()
    portes = {
        "policy added": lambda: convention.politiques.add(autre),
        "policy taken away": lambda: convention.politiques.remove(gens["politique"]),
        "policies replaced": lambda: convention.politiques.set([autre]),
        "policies cleared": lambda: convention.politiques.clear(),
        "leader added": lambda: fiche.maitres_ouvrage.add(region),
        "leader taken away": lambda: fiche.maitres_ouvrage.remove(gens["agglo"]),
        "leaders replaced": lambda: fiche.maitres_ouvrage.set([region]),
        "leaders cleared": lambda: fiche.maitres_ouvrage.clear(),
    }
    assert refuses_all(portes)


def test_links_are_not_changed_from_the_other_side_either(monde: Monde, gens: dict[str, Any]) -> None:
    convention, fiche = monde.figee[Convention], monde.figee[FicheAction]
    autre, region = Politique.objects.create(cle="autre", nom="Autre"), OrganisationFactory()
    portes = {
        "convention added": lambda: autre.conventions.add(convention),
        "convention taken away": lambda: gens["politique"].conventions.remove(convention),
        "conventions replaced": lambda: gens["politique"].conventions.set([]),
        "conventions cleared": lambda: gens["politique"].conventions.clear(),
        "fiche added": lambda: region.fiches_menees.add(fiche),
        "fiche taken away": lambda: gens["agglo"].fiches_menees.remove(fiche),
        "fiches cleared": lambda: gens["agglo"].fiches_menees.clear(),
    }
    assert refuses_all(portes)


def test_links_of_other_conventions_change_from_both_sides(monde: Monde, gens: dict[str, Any]) -> None:
    convention, fiche = monde.ouverte[Convention], monde.ouverte[FicheAction]
    gens["politique"].conventions.add(convention)
    gens["agglo"].fiches_menees.add(fiche)
    assert (list(convention.politiques.all()), list(fiche.maitres_ouvrage.all())) == ([gens["politique"]], [gens["agglo"]])
    gens["politique"].conventions.remove(convention)
    fiche.maitres_ouvrage.clear()
    assert (convention.politiques.count(), fiche.maitres_ouvrage.count()) == (0, 0)


def test_what_a_signed_convention_names_is_not_deleted(monde: Monde, gens: dict[str, Any]) -> None:
    meneuse = OrganisationFactory()
    with lift():
        monde.figee[FicheAction].maitres_ouvrage.add(meneuse)
    portes = {
        "policy": gens["politique"].delete,
        "policies": lambda: Politique.objects.all().delete(),
        "leader of a fiche": meneuse.delete,
    }
    assert refuses_all(portes)


def test_clause_of_the_library_that_a_signed_article_came_from_is_still_deleted(monde: Monde) -> None:
    modele = ModeleArticleFactory()
    with lift():
        Article.objects.update(modele=modele)
    modele.delete()
    assert list(Article.objects.values_list("texte", "modele")) == [("Les Parties coopèrent.", None)] * 2


# --- What follows its life -------------------------------------------------------------------------

SUIVI = {
    "etat": "notifiee",
    "date_signature": date(2018, 1, 1),
    "date_notification": date(2018, 1, 2),
    "date_executoire": date(2018, 1, 3),
    "date_cloture": date(2018, 1, 4),
    "delai_bilan_mois": 4,
    "preavis_mois": 9,
}
SUIVI_DES_PARTIES = {
    "deliberation_executoire": date(2018, 1, 1),
    "deliberation_fichier": "deliberations/x.pdf",
    "seance_prevue": date(2018, 1, 1),
}


def test_columns_that_follow_the_life_are_all_here() -> None:
    assert set(SUIVI) | {"modifiee_le"} == SUIVI_CONVENTION
    assert set(SUIVI_DES_PARTIES) == SUIVI_PARTIE


@pytest.mark.parametrize(("modele", "champs"), [(Convention, SUIVI), (Partie, SUIVI_DES_PARTIES)], ids=["Convention", "Partie"])
def test_what_follows_the_life_of_a_convention_is_still_written(monde: Monde, modele: type[Model], champs: dict[str, Any]) -> None:
    pk, tous = monde.figee[modele].pk, modele._default_manager
    portes: dict[Any, Callable[[], Any]] = {}
    for champ, valeur in champs.items():

        def put(ligne: Any, champ: str = champ, valeur: Any = valeur) -> Any:
            setattr(ligne, champ, valeur)
            return ligne

        portes |= {
            (champ, "save"): lambda put=put: put(tous.get(pk=pk)).save(),  # type: ignore[misc]
            (champ, "save of one"): lambda put=put, c=champ: put(tous.get(pk=pk)).save(update_fields=[c]),  # type: ignore[misc]
            (champ, "update"): lambda c=champ, v=valeur: tous.filter(pk=pk).update(**{c: v}),  # type: ignore[misc]
            (champ, "bulk_update"): lambda put=put, c=champ: tous.bulk_update([put(tous.get(pk=pk))], [c]),  # type: ignore[misc]
        }
    assert try_out(portes) == dict.fromkeys(portes, "écrit")


@pytest.mark.parametrize(("modele", "libre"), [(Convention, "preavis_mois"), (Partie, "seance_prevue")], ids=["Convention", "Partie"])
def test_another_column_does_not_go_in_with_them(monde: Monde, modele: type[Model], libre: str) -> None:
    valeur = (SUIVI | SUIVI_DES_PARTIES)[libre]

    def both() -> Any:
        ligne = changed(monde.figee[modele], modele)
        setattr(ligne, libre, valeur)
        return ligne

    champ, autre = CHANGE[modele]
    portes = {
        "save": lambda: both().save(),
        "save of both": lambda: both().save(update_fields=[libre, champ]),
        "update": lambda: modele._default_manager.filter(pk=both().pk).update(**{libre: valeur, champ: autre}),
        "bulk_update": lambda: modele._default_manager.bulk_update([both()], [libre, champ]),
    }
    assert refuses_all(portes)


def test_state_and_text_do_not_change_together(monde: Monde) -> None:
    convention = changed(monde.figee[Convention], Convention)
    convention.etat = "brouillon"
    assert refuses_all({"save": convention.save})


# --- Erasing a convention --------------------------------------------------------------------------


def test_signed_convention_is_not_erased_with_what_it_holds(monde: Monde) -> None:
    portes = {
        "one": lambda: monde.fresh(Convention).delete(),
        "all": lambda: Convention.objects.all().delete(),
        "its empty axes": lambda: Axe.objects.filter(convention=monde.figee[Convention], fiches=None).delete(),
        "its fiches": lambda: FicheAction.toutes.all().delete(),
    }
    assert refuses_all(portes)


def test_draft_is_erased_beside_it(monde: Monde) -> None:
    monde.ouverte[Convention].delete()
    assert list(Convention.objects.values_list("reference", flat=True)) == ["SIGNEE-1"]


# --- Loaders ---------------------------------------------------------------------------------------


def test_loader_that_lifts_the_freeze_writes(monde: Monde) -> None:
    portes = {(m, nom): porte for m in CHANGE for nom, porte in list_doors(m, monde.figee[m]).items() if nom != "update of all"}
    with lift():
        assert try_out(portes) == dict.fromkeys(portes, "écrit")


def test_freeze_is_back_after_a_loader_even_one_that_failed(monde: Monde) -> None:
    with pytest.raises(OSError, match="panne"), lift(), lift():
        raise OSError("panne")
    assert refuses_all({"save": changed(monde.figee[Convention], Convention).save})


def test_freeze_is_still_lifted_after_a_loader_inside_another(monde: Monde) -> None:
    with lift():
        with lift():
            pass
        assert try_out({"save": changed(monde.figee[Convention], Convention).save}) == {"save": "écrit"}


def save_all(chemin: Path) -> None:
    """What `dumpdata` writes of a convention."""
    lignes = [ligne for modele in (Politique, Organisation, NatureDepense, *CHANGE) for ligne in modele._base_manager.all()]
    chemin.write_text(serializers.serialize("json", lignes), encoding="utf-8")


def read_saved() -> dict[str, list[Any]]:
    """The rows, less the thousandths of a second that a backup does not keep."""
    return {nom: [[v for v in ligne if not isinstance(v, datetime)] for ligne in lignes] for nom, lignes in read_tables().items()}


def test_backup_is_loaded_over_a_signed_convention(monde: Monde, tmp_path: Path) -> None:
    save_all(tmp_path / "sauvegarde.json")
    avant = read_saved()
    with lift():
        Partie.objects.update(denomination="Abîmé")
        LigneCout.objects.update(montant=euros(3))
    call_command("loaddata", str(tmp_path / "sauvegarde.json"), verbosity=0)
    assert read_saved() == avant


def test_backup_is_loaded_where_the_signed_convention_was_lost(monde: Monde, tmp_path: Path) -> None:
    save_all(tmp_path / "sauvegarde.json")
    avant = {nom: len(lignes) for nom, lignes in read_tables().items()}
    with lift():
        FicheAction.toutes.all().delete()
        Convention.objects.all().delete()
    call_command("loaddata", str(tmp_path / "sauvegarde.json"), verbosity=0)
    assert {nom: len(lignes) for nom, lignes in read_tables().items()} == avant


# --- Pages, imports and buttons --------------------------------------------------------------------


def connect(user: Utilisateur) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def fill(client: Client, adresse: str) -> dict[str, Any]:
    """What the browser would send of a page of the administration, untouched; nothing when it cannot be written."""
    page = client.get(adresse)
    formulaire = page.context and page.context.get("adminform")
    if not formulaire:
        return {}
    champs = {nom: formulaire.form[nom].value() for nom in formulaire.form.fields}
    champs = {nom: valeur for nom, valeur in champs.items() if valeur not in (None, "", [])}
    for ensemble in page.context.get("inline_admin_formsets") or []:
        prefixe = ensemble.formset.prefix
        champs |= {f"{prefixe}-TOTAL_FORMS": 0, f"{prefixe}-INITIAL_FORMS": 0}
    return {nom: getattr(valeur, "amount", valeur) for nom, valeur in champs.items()}


ADMIN = [Convention, FicheAction, Indicateur, LigneCout, CoFinancement, TotalDeclare, MontantRecapDeclare, Versement]
REFUSE = {200, 302, 403}  # read again with its reasons, sent back, closed: anything but a crash


def admin_url(modele: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{modele._meta.app_label}_{modele._meta.model_name}_{page}", args=args)


@pytest.mark.usefixtures("lenient_templates")
def test_administration_only_reads_a_signed_convention(monde: Monde, administrateur: Utilisateur) -> None:
    client, avant, codes = connect(administrateur), read_tables(), {}
    for modele in ADMIN:
        pk, page = monde.figee[modele].pk, admin_url(modele, "change", monde.figee[modele].pk)
        lot = {"action": "delete_selected", "_selected_action": [pk], "post": "yes"}
        codes |= {
            (name(modele), "change"): client.post(page, fill(client, page) | {CHANGE[modele][0]: "1"}).status_code,
            (name(modele), "delete"): client.post(admin_url(modele, "delete", pk), {"post": "yes"}).status_code,
            (name(modele), "delete of many"): client.post(admin_url(modele, "changelist"), lot).status_code,
        }
        assert (modele, read_tables()) == (modele, avant)
    assert {nom: code for nom, code in codes.items() if code not in REFUSE} == {}


@pytest.mark.usefixtures("lenient_templates")
def test_administration_adds_nothing_to_a_signed_convention(monde: Monde, administrateur: Utilisateur, gens: dict[str, Any]) -> None:
    client, avant, codes = connect(administrateur), read_tables(), {}
    autres = {"code": "E.A 9", "titre": "Neuve", "libelle": "Neuve", "annee": 2019, "montant": "5", "taux": "5", "ordre": 20}
    autres |= {"payeur": gens["agglo"].pk, "beneficiaire": gens["cci"].pk, "nature": gens["nature"].pk}
    for modele in ADMIN[1:]:
        siens = {FicheAction: {"axe": monde.figee[Axe].pk}, Versement: {"nature": "solde"}}.get(modele, {})
        siens |= {ATTACHES[modele]: getattr(monde.figee[modele], f"{ATTACHES[modele]}_id")}
        page = admin_url(modele, "add")
        reponse = client.post(page, fill(client, page) | autres | siens)
        if reponse.status_code == 200 and reponse.context and "adminform" in reponse.context:
            erreurs = reponse.context["adminform"].form.errors
            assert not erreurs, (modele, erreurs)  # what refuses is the freeze, not a mistake of this test
        codes[name(modele)] = reponse.status_code
        assert (modele, read_tables()) == (modele, avant)
    assert {nom: code for nom, code in codes.items() if code not in REFUSE} == {}


@pytest.mark.usefixtures("lenient_templates")
def test_administration_moves_nothing_into_a_signed_convention(monde: Monde) -> None:
    client, avant, codes = connect(UtilisateurFactory(organisation=None, is_superuser=True)), read_tables(), {}
    for modele in ADMIN[1:]:
        page = admin_url(modele, "change", monde.ouverte[modele].pk)
        vers = {ATTACHES[modele]: getattr(monde.figee[modele], f"{ATTACHES[modele]}_id")}
        codes[name(modele)] = client.post(page, fill(client, page) | vers).status_code
        assert (modele, read_tables()) == (modele, avant)
    assert {nom: code for nom, code in codes.items() if code not in REFUSE} == {}


@pytest.mark.usefixtures("lenient_templates")
def test_past_version_of_a_signed_convention_does_not_bring_it_back_to_draft(monde: Monde, administrateur: Utilisateur) -> None:
    convention = monde.ouverte[Convention]
    convention.save()  # its version as a draft
    version = convention.history.latest().pk
    Convention.objects.filter(pk=convention.pk).update(etat="signee", date_signature=date(2018, 1, 8))
    client = connect(administrateur)
    page = admin_url(Convention, "simple_history", convention.pk, version)
    envoi = fill(client, page)
    assert client.post(page, envoi).status_code in REFUSE
    assert Convention.objects.values_list("etat", "date_signature").get(pk=convention.pk) == ("signee", date(2018, 1, 8))


@pytest.mark.usefixtures("lenient_templates")
def test_past_version_does_not_change_the_state_of_a_convention_being_agreed(monde: Monde, administrateur: Utilisateur) -> None:
    convention = monde.ouverte[Convention]
    convention.save()
    version = convention.history.latest().pk
    Convention.objects.filter(pk=convention.pk).update(etat="validee")
    client = connect(administrateur)
    page = admin_url(Convention, "simple_history", convention.pk, version)
    client.post(page, fill(client, page))
    assert Convention.objects.get(pk=convention.pk).etat == "validee"


RESSOURCES: dict[type[Model], tuple[type[Any], dict[str, Any]]] = {
    LigneCout: (LigneCoutResource, {"code": "E.A 1", "nature": "etudes", "libelle": "", "annee": "2018", "chiffrage": "chiffre"}),
    CoFinancement: (CoFinancementResource, {"code": "E.A 1", "nature": "", "annee": "", "taux": "40"}),
    TotalDeclare: (TotalDeclareResource, {"code": "E.A 1", "annee": "2018"}),
    MontantRecapDeclare: (RecapDeclareResource, {"code": "E.A 1", "axe": "", "financeur": "", "annee": "2018"}),
    Versement: (VersementResource, {"ordre": "10", "nature": "acompte"}),
}


def test_spreadsheets_of_the_administration_write_nothing_in_a_signed_convention(
    monde: Monde, administrateur: Utilisateur, gens: dict[str, Any]
) -> None:
    avant = read_tables()
    for modele, (ressource, siens) in RESSOURCES.items():
        ligne = {"convention": "SIGNEE-1", "montant": "77", "ordre": "10", "mention": ""} | siens
        if modele is CoFinancement:
            ligne["financeur"] = gens["agglo"].cle
        if modele is Versement:
            ligne |= {"payeur": gens["agglo"].cle, "beneficiaire": gens["cci"].cle}
        for nouvelle in ({}, {"ordre": "20", "annee": "2019"}):
            for user in (None, administrateur):  # a command, the administration
                lignes = ligne | nouvelle
                resultat = ressource(user=user).import_data(Dataset(list(lignes.values()), headers=list(lignes)))
                mots = " ".join(str(e) for refusee in resultat.invalid_rows for e in refusee.error.messages)
                mots += " ".join(str(e.error) for lue in resultat.rows for e in lue.errors)
                assert (modele, "Cette convention est" in mots) == (modele, True)
    assert read_tables() == avant


TITRES = ("Code", "Nature", "Année", "Montant")


def test_budget_in_a_spreadsheet_is_refused_line_by_line(monde: Monde, administrateur: Utilisateur) -> None:
    budget = make_budget(TITRES, ("E.A 1", "Études", 2019, 5))
    imp = deposit_budget(administrateur, monde.fresh(Convention), budget)
    ((_, raison),) = read_refus(imp)
    assert raison.endswith("Cette convention est signée : ses fiches ne changent que par un avenant.")
    with pytest.raises(ImportImpossible):
        confirm(imp, administrateur, True)
    assert LigneCout.objects.count() == 2


def test_budget_previewed_before_the_signature_is_not_written_after(monde: Monde, administrateur: Utilisateur) -> None:
    imp = deposit_budget(administrateur, monde.ouverte[Convention], make_budget(TITRES, ("E.A 1", "Études", 2019, 5)))
    Convention.objects.update(etat="a_signer")
    avant = read_tables()
    with pytest.raises(ImportImpossible):
        confirm(imp, administrateur, False)
    assert read_tables() == avant


def test_import_is_not_undone_after_the_signature(monde: Monde, administrateur: Utilisateur) -> None:
    imp = import_budget(administrateur, monde.ouverte[Convention], make_budget(TITRES, ("E.A 1", "Études", 2019, 5)))
    Convention.objects.update(etat="signee")
    avant = read_tables()
    with pytest.raises(ImportImpossible, match="Cette convention est signée"):
        annulation.undo(imp, administrateur)
    assert read_tables() == avant


def test_batches_of_the_imports_are_the_last_to_be_refused(monde: Monde, administrateur: Utilisateur) -> None:
    ligne, maintenant = monde.figee[LigneCout], timezone.now()
    ressource = LigneCoutResource(user=administrateur, existants={})
    portes = {
        "new rows": lambda: ressource.write_batch([another(ligne, LigneCout)], [], "Import", maintenant),
        "rows changed": lambda: ressource.write_batch([], [changed(ligne, LigneCout)], "Import", maintenant),
        "rows taken away": lambda: ressource.delete_batch([ligne], "Annulation", maintenant),
    }
    assert refuses_all(portes)


@pytest.mark.parametrize(("etat", "raison"), [("signee", "Cette convention est signée"), ("deliberee", "Cette convention est délibérée")])
def test_workspace_refuses_what_is_typed(monde: Monde, gens: dict[str, Any], etat: str, raison: str) -> None:
    agent = UtilisateurFactory(organisation=gens["agglo"])
    monde.freeze(etat)
    avant = read_tables()
    with pytest.raises(PermissionDenied, match=raison):
        write(agent, monde.fresh(FicheAction), {"constat": "Un mot", f"cout.2018.{gens['nature'].pk}.": "5"})
    assert read_tables() == avant


def find_correction(convention: Convention) -> dict[int, str]:
    """The contradiction between the sheet's code and the text, as the page shows it."""
    verify(convention)
    return {c.pk: c.empreinte for c in Contradiction.objects.filter(convention=convention, regle="code_feuille")}


def test_buttons_of_the_controls_correct_nothing_once_signed(monde: Monde, administrateur: Utilisateur) -> None:
    FicheAction.objects.filter(pk=monde.ouverte[FicheAction].pk).update(code_imprime="E.A 9")
    convention = Convention.objects.with_parties().get(pk=monde.ouverte[Convention].pk)
    points = find_correction(convention)
    assert points
    Convention.objects.update(etat="a_signer")
    convention.refresh_from_db()
    avant = read_tables()
    with pytest.raises(CorrectionImpossible, match="part à la signature"):
        correct(administrateur, convention, points, 0)
    assert read_tables() == avant


def test_correction_is_not_undone_once_signed(monde: Monde, administrateur: Utilisateur) -> None:
    FicheAction.objects.filter(pk=monde.ouverte[FicheAction].pk).update(code_imprime="E.A 9")
    convention = Convention.objects.with_parties().get(pk=monde.ouverte[Convention].pk)
    reprise = correct(administrateur, convention, find_correction(convention), 0)
    assert FicheAction.objects.get(pk=monde.ouverte[FicheAction].pk).code_imprime == ""
    Convention.objects.update(etat="signee")
    avant = read_tables()
    with pytest.raises(CorrectionImpossible, match="ne changent que par un avenant"):
        undo(administrateur, reprise)
    assert read_tables() == avant


@pytest.mark.parametrize(
    ("etat", "avenant", "phrase"),
    [
        ("brouillon", False, ""),
        ("en_negociation", False, ""),
        ("validee", False, "Cette convention est validée : renvoyez-la en négociation pour modifier ses fiches."),
        ("deliberee", True, "Cet avenant est délibéré : renvoyez-le en négociation pour modifier ses fiches."),
        ("a_signer", False, "Cette convention part à la signature : ses fiches ne changent plus."),
        ("a_signer", True, "Cet avenant part à la signature : ses fiches ne changent plus."),
        ("caduque", False, "Cette convention est caduque : ses fiches ne changent plus."),
        ("caduque", True, "Cet avenant est caduc : ses fiches ne changent plus."),
        ("notifiee", False, "Cette convention est signée : ses fiches ne changent que par un avenant."),
        ("resiliee", True, "Cet avenant est signé : ses fiches ne changent que par un avenant."),
    ],
)
def test_reason_is_told_in_words(etat: str, avenant: bool, phrase: str) -> None:
    assert explain_gel(Convention(etat=etat, avenant_de_id=1 if avenant else None)) == phrase


def test_pilots_of_a_signed_convention_still_change_hands(monde: Monde, administrateur: Utilisateur) -> None:
    Pilote.objects.create(fiche=monde.figee[FicheAction], utilisateur=administrateur)
    assert Pilote.objects.get().utilisateur == administrateur
