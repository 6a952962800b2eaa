"""What leaves comes back: any budget exported is imported unchanged, and its edits are exactly the changes found."""

import io
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention
from fiches.models import FicheAction
from financement.cellules import VIDES
from financement.imports.actes import confirm
from financement.imports.annulation import undo
from financement.imports.journal import ImportBudget
from financement.models import CoFinancement, LigneCout, NatureDepense
from financement.syntheses import compute_recapitulatif
from financement.tableur_budget import FORMATS, write_budget
from tests.budgets import deposit_budget, make_author, snapshot
from tests.classeurs import write
from tests.factories import FicheFactory, NatureFactory, euros

pytestmark = pytest.mark.django_db
quelques_essais = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ANNEES = (2018, 2019, 2020)
MONTANT = 8  # column of « Coûts » in the template

centimes = st.integers(0, 10**8).map(lambda n: Decimal(n) / 100)
lettres = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp", "Co", "Cn"), exclude_characters="\ufffe\uffff")
# Words that a reader of spreadsheets may take for something else, each tried in turn.
PIEGES = ["Total Énergies", "Ensemble des communes", "S.T. A", "-", "/", "=1+1", "-3", "12", "007", "1,5", "2019", "VRAI", "#REF!", "Axe 1"]
mots = st.lists(st.text(lettres, min_size=1, max_size=6), max_size=3).map(" ".join).filter(lambda m: m not in VIDES - {""} and m[:1] != "'")
jours = st.integers(0, 40_000).map(lambda n: Decimal(n) / 100)
valeurs = st.one_of(
    st.tuples(st.just("chiffre"), centimes, st.none(), st.none(), mots),
    st.tuples(st.just("chiffre"), centimes, jours, centimes, mots),
    st.tuples(st.just("chiffre"), centimes, jours, st.none(), mots),
    st.tuples(st.just("sur_devis"), st.none(), st.none() | jours, st.none(), mots),
    st.tuples(st.just("inconnu"), st.none(), st.none(), st.none(), mots),
)
couts = st.dictionaries(st.tuples(st.integers(0, 2), st.integers(0, 1), mots, st.sampled_from(ANNEES)), valeurs, max_size=8)
parts = st.dictionaries(
    st.tuples(st.integers(0, 2), st.sampled_from([None, 0, 1]), st.none() | st.integers(0, 1), st.none() | st.sampled_from(ANNEES)),
    st.tuples(st.integers(0, 1_000_000).map(lambda n: Decimal(n) / 10_000), st.none() | centimes, mots),
    max_size=5,
)


@pytest.fixture
def fiches(convention: Convention) -> list[FicheAction]:
    return [FicheFactory(convention=convention, code=f"E.A {n}.1", titre=f"Action {n}") for n in range(3)]


@pytest.fixture
def natures(db: None) -> list[NatureDepense]:
    return [NatureFactory(nom="Études"), NatureFactory(nom="Travail", toujours_en_jours=True)]


@pytest.fixture
def organisations(convention: Convention) -> list[Organisation]:
    return [partie.organisation for partie in convention.parties.all()]


@pytest.fixture
def auteur(convention: Convention) -> Utilisateur:
    return make_author(convention)


def fill(fiches: list[FicheAction], natures: list[NatureDepense], organisations: list[Organisation], couts: Any, parts: Any) -> None:
    """The budget drawn, alone in the database. Libellés that only typography tells apart are one."""
    ImportBudget.objects.all().delete()
    LigneCout.objects.all().delete()
    CoFinancement.objects.all().delete()
    for (f, n, libelle, annee), (chiffrage, montant, duree, tarif, mention) in couts.items():
        LigneCout.objects.create(
            fiche=fiches[f],
            nature=natures[n],
            libelle=libelle,
            annee=annee,
            chiffrage=chiffrage,
            montant=None if montant is None else euros(str(montant)),
            jours=duree,
            tarif_journalier=None if tarif is None else euros(str(tarif)),
            mention=mention,
        )
    for (f, qui, n, annee), (taux, montant, mention) in parts.items():
        CoFinancement.objects.create(
            fiche=fiches[f],
            financeur=None if qui is None else organisations[qui],
            nature=None if n is None else natures[n],
            annee=annee,
            taux=taux,
            montant=None if montant is None else euros(str(montant)),
            mention=mention,
        )


def counts(imp: ImportBudget) -> tuple[int, int, int]:
    assert imp.etat == ImportBudget.Etat.APERCU, (imp.message, imp.propositions)
    return (imp.comptes["nouveaux"], imp.comptes["modifies"], imp.comptes["rejetes"])


@pytest.mark.parametrize(("forme", "modele"), [(f, m) for f in FORMATS for m in (False, True) if not (f == "csv" and m)])
@quelques_essais
@given(couts=couts, parts=parts)
def test_budget_exported_comes_back_unchanged(
    fiches: list[FicheAction],
    natures: list[NatureDepense],
    organisations: list[Organisation],
    auteur: Utilisateur,
    forme: str,
    modele: bool,
    couts: Any,
    parts: Any,
) -> None:
    fill(fiches, natures, organisations, couts, parts)
    convention = fiches[0].convention
    imp = deposit_budget(auteur, convention, write_budget(convention, forme, modele), f"budget.{forme}")
    assert counts(imp) == (0, 0, 0)
    assert imp.comptes["inchanges"] == len(couts) + (0 if forme == "csv" else len(parts))


@pytest.mark.parametrize("forme", FORMATS)
@pytest.mark.parametrize("mot", PIEGES)
def test_words_that_look_like_something_else_come_back(
    fiches: list[FicheAction], natures: list[NatureDepense], auteur: Utilisateur, forme: str, mot: str
) -> None:
    fill(fiches, natures, [], {(0, 0, mot, 2018): ("chiffre", Decimal(5), None, None, mot)}, {})
    imp = deposit_budget(auteur, fiches[0].convention, write_budget(fiches[0].convention, forme, modele=True), f"budget.{forme}")
    assert (*counts(imp), imp.comptes["inchanges"]) == (0, 0, 0, 1)


@pytest.mark.parametrize("titre", ["Ensemble pour le commerce", "Total Énergies", "Sous-total"])
def test_title_of_a_fiche_never_hides_its_costs(
    fiches: list[FicheAction], natures: list[NatureDepense], auteur: Utilisateur, titre: str
) -> None:
    FicheAction.objects.filter(pk=fiches[0].pk).update(titre=titre)
    fill(fiches, natures, [], {(0, 0, "", 2018): ("chiffre", Decimal(5), None, None, "")}, {})
    convention = Convention.objects.get()
    imp = deposit_budget(auteur, convention, write_budget(convention, "xlsx", modele=True))
    assert (*counts(imp), imp.comptes["inchanges"]) == (0, 0, 0, 1)


@quelques_essais
@given(data=st.data(), couts=couts)
def test_edits_of_an_export_are_exactly_the_changes_found(
    fiches: list[FicheAction],
    natures: list[NatureDepense],
    organisations: list[Organisation],
    auteur: Utilisateur,
    data: st.DataObject,
    couts: Any,
) -> None:
    fill(fiches, natures, organisations, couts, {})
    convention = fiches[0].convention
    classeur = openpyxl.load_workbook(io.BytesIO(write_budget(convention, "xlsx", True)))
    feuille = classeur["Coûts"]
    modifies = 0
    for rang in range(2, len(couts) + 2):
        case = feuille.cell(rang, MONTANT)
        nouveau = data.draw(st.none() | st.integers(0, 10**8).map(lambda n: n / 100))
        if nouveau is not None:
            modifies += not (isinstance(case.value, int | float) and round(case.value * 100) == round(nouveau * 100))
            case.value = nouveau
    ajouts = data.draw(st.lists(st.integers(0, 10**8).map(lambda n: n / 100), max_size=3))
    for n, montant in enumerate(ajouts):
        for colonne, valeur in ((1, "e.a 0.1"), (3, "études"), (4, f"Ajout {n}"), (5, 2021), (MONTANT, montant)):
            feuille.cell(len(couts) + 2 + n, colonne).value = valeur
    imp = deposit_budget(auteur, convention, write(classeur))
    assert counts(imp) == (len(ajouts), modifies, 0)
    if not imp.nb_ecrits:
        return
    avant = snapshot()
    confirm(imp, auteur, False)
    assert Decimal(imp.apercu["total"][1]) == (compute_recapitulatif(convention).total.total_periode.montant or 0)
    assert counts(deposit_budget(auteur, convention, write(classeur))) == (0, 0, 0)
    undo(imp, auteur)
    assert snapshot() == avant
