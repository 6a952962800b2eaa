"""An import is undone whole, and never over what somebody wrote since."""

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention
from fiches.models import FicheAction
from financement.imports.actes import ImportImpossible, abandon, analyse, deposit
from financement.imports.annulation import AnnulationImpossible, undo
from financement.imports.journal import ImportBudget
from financement.models import CoFinancement, LigneCout, MontantRecapDeclare, NatureDepense
from tests.budgets import PARTS, count_versions, import_budget, make_author, make_budget, make_sheets, snapshot
from tests.ecritures import spell, write_one
from tests.factories import CoFinancementFactory, FicheFactory, LigneCoutFactory, RecapDeclareFactory, euros

pytestmark = pytest.mark.django_db
Etat = ImportBudget.Etat
TITRES = ("Code", "Nature", "Libellé", "Année", "Jours", "Tarif", "Montant", "Mention")


@pytest.fixture
def fiche(convention: Convention, etudes: NatureDepense) -> FicheAction:
    return FicheFactory(convention=convention, code="E.A 1.1", titre="Commerces")


@pytest.fixture
def auteur(convention: Convention) -> Utilisateur:
    return make_author(convention)


def cost(montant: Any, annee: int = 2018, jours: Any = None, tarif: Any = None, mention: str = "") -> tuple[Any, ...]:
    return ("E.A 1.1", "Études", "", annee, jours, tarif, montant, mention)


def explain(imp: ImportBudget, user: Utilisateur) -> list[str]:
    """The sentences of a refused undoing, which changes nothing."""
    avant, versions = snapshot(), count_versions()
    with pytest.raises(AnnulationImpossible) as refus:
        undo(imp, user)
    imp.refresh_from_db()
    assert (snapshot(), count_versions(), imp.etat) == (avant, versions, Etat.FAIT)
    assert str(refus.value).endswith("il ne s’annule plus d’un bloc.")
    return [spell(d) for d in refus.value.differences]


# --- Everything comes back -----------------------------------------------------------------------


def test_undoing_restores_costs_and_shares_exactly(
    fiche: FicheAction, auteur: Utilisateur, cci: Organisation, etudes: NatureDepense
) -> None:
    LigneCoutFactory(fiche=fiche, nature=etudes, jours=Decimal("16.5"), tarif_journalier=euros(600), montant=euros("9899.99"), mention="x")
    LigneCoutFactory(fiche=fiche, nature=etudes, annee=2019, chiffrage="sur_devis", montant=None, mention="devis à venir")
    LigneCoutFactory(fiche=fiche, nature=etudes, annee=2020, montant=euros(7))
    CoFinancementFactory(fiche=fiche, financeur=cci, taux=Decimal("33.3333"), mention="acquis")
    CoFinancementFactory(fiche=fiche, financeur=None, taux=None, montant=euros("0.10"))
    avant = snapshot()
    couts = [TITRES, cost(1, jours=1, tarif=2, mention="y"), cost("10 € (2 j)", 2019), cost("à déterminer", 2020), cost(5, 2021)]
    parts = [PARTS, ("E.A 1.1", "CCI", None, None, "80 %", 12), ("E.A 1.1", "Non réparti", None, None, "20 %", None)]
    parts.append(("E.A 1.1", "Agglo", "Études", 2018, None, 3))
    imp = import_budget(auteur, fiche.convention, make_sheets({"Coûts": couts, "Parts": parts}))
    assert snapshot() != avant
    assert undo(imp, auteur).etat == Etat.ANNULE
    assert snapshot() == avant


def test_undoing_restores_the_declared_recap(fiche: FicheAction, auteur: Utilisateur, cci: Organisation) -> None:
    RecapDeclareFactory(convention=fiche.convention, fiche=fiche, financeur=cci, montant=euros("-0.01"))
    RecapDeclareFactory(convention=fiche.convention, fiche=fiche, montant=None, mention="Sur devis")
    avant = snapshot()
    titres = (("Actions", 2018, None, None, "Total"), (None, "Agglo", "CCI", "Total", None))
    imp = import_budget(auteur, fiche.convention, make_budget(*titres, ("E.A 1.1", 80, "sur devis", 100, 99), ("Total", 1, 2, 3, 4)))
    assert MontantRecapDeclare.objects.count() > 2
    undo(imp, auteur)
    assert snapshot() == avant


def test_history_keeps_both_the_import_and_its_undoing(
    fiche: FicheAction, auteur: Utilisateur, partenaire: Utilisateur, etudes: NatureDepense
) -> None:
    LigneCoutFactory(fiche=fiche, nature=etudes, montant=euros(7))
    imp = import_budget(auteur, fiche.convention, make_budget(TITRES, cost(8), cost(9, 2019)))
    imp = undo(imp, partenaire)
    versions = LigneCout.history.order_by("history_id").values_list(
        "annee", "montant", "history_type", "history_user", "history_change_reason"
    )
    importe, annule = (auteur.pk, "Import du fichier budget.xlsx"), (partenaire.pk, "Annulation de l’import budget.xlsx")
    assert sorted(versions[1:]) == sorted(
        [(2018, 8, "~", *importe), (2019, 9, "+", *importe), (2018, 7, "~", *annule), (2019, 9, "-", *annule)]
    )
    imp.refresh_from_db()
    fiche.refresh_from_db()
    assert (imp.annule_par, imp.confirme_par, imp.annule_le) == (partenaire, auteur, fiche.modifiee_le)


def test_whole_pages_of_values_come_back(fiche: FicheAction, auteur: Utilisateur, etudes: NatureDepense) -> None:
    avant = snapshot()
    lignes = [("E.A 1.1", "Études", f"Ligne {n}", 2018, None, None, n, "") for n in range(250)]
    imp = import_budget(auteur, fiche.convention, make_budget(TITRES, *lignes))
    assert LigneCout.objects.count() == 250
    undo(imp, auteur)
    assert snapshot() == avant


def test_undone_import_can_be_done_again(fiche: FicheAction, auteur: Utilisateur) -> None:
    contenu = make_budget(TITRES, cost(8))
    undo(import_budget(auteur, fiche.convention, contenu), auteur)
    imp = import_budget(auteur, fiche.convention, contenu)
    assert (imp.comptes["nouveaux"], LigneCout.objects.get().montant) == (1, euros(8))


def test_later_import_is_undone_before_the_first(fiche: FicheAction, auteur: Utilisateur) -> None:
    premier = import_budget(auteur, fiche.convention, make_budget(TITRES, cost(8)))
    second = import_budget(auteur, fiche.convention, make_budget(TITRES, cost(9)))
    assert len(explain(premier, auteur)) == 1
    undo(second, auteur)
    undo(premier, auteur)
    assert not LigneCout.objects.exists()


def test_what_the_import_did_not_write_does_not_prevent_undoing(fiche: FicheAction, auteur: Utilisateur, etudes: NatureDepense) -> None:
    LigneCoutFactory(fiche=fiche, nature=etudes, annee=2020, montant=euros(1))
    imp = import_budget(auteur, fiche.convention, make_budget(TITRES, cost(8), cost(1, 2020)))
    LigneCout.objects.filter(annee=2020).update(montant=2)
    LigneCoutFactory(fiche=fiche, nature=etudes, annee=2021, montant=euros(3))
    undo(imp, auteur)
    assert list(LigneCout.objects.order_by("annee").values_list("annee", "montant")) == [(2020, 2), (2021, 3)]


# --- Refused -------------------------------------------------------------------------------------


def test_cost_edited_since_is_named_with_its_value_and_who(
    fiche: FicheAction, auteur: Utilisateur, partenaire: Utilisateur, etudes: NatureDepense
) -> None:
    imp = import_budget(auteur, fiche.convention, make_budget(TITRES, cost(8), cost(9, 2019)))
    write_one(partenaire, fiche, f"cout.2019.{etudes.pk}.", "2 j × 450")
    le = timezone.localtime(LigneCout.history.latest().history_date)
    assert explain(imp, auteur) == [f"E.A 1.1 Études 2019 : aujourd’hui 2 j × 450 € = 900 € ({partenaire}, {le:%d/%m/%Y à %H h %M})."]


def test_cost_deleted_since_is_named_with_who(
    fiche: FicheAction, auteur: Utilisateur, partenaire: Utilisateur, etudes: NatureDepense
) -> None:
    imp = import_budget(auteur, fiche.convention, make_budget(TITRES, cost(8)))
    write_one(partenaire, fiche, f"cout.2018.{etudes.pk}.", "")
    assert not LigneCout.objects.exists()
    le = timezone.localtime(LigneCout.history.latest().history_date)
    assert explain(imp, auteur) == [f"E.A 1.1 Études 2018 : supprimée depuis ({partenaire}, {le:%d/%m/%Y à %H h %M})."]


def test_row_renamed_since_is_not_undone(fiche: FicheAction, auteur: Utilisateur, partenaire: Utilisateur, etudes: NatureDepense) -> None:
    ligne = ("E.A 1.1", "Études", "Observatoire", 2018, None, None, 8, "")
    imp = import_budget(auteur, fiche.convention, make_budget(TITRES, ligne))
    assert write_one(partenaire, fiche, f"ligne.{etudes.pk}.Observatoire", "Baromètre").statut == "enregistre"
    (phrase,) = explain(imp, auteur)
    assert phrase.startswith("E.A 1.1 Études : Baromètre 2018 : ")


@pytest.mark.parametrize(("taux", "montant", "mots"), [("33.3333", None, "33,3333 %"), (0, None, "0 %"), (80, 12, "80 %, 12 €")])
def test_share_edited_since_is_named_with_its_rate(
    fiche: FicheAction, auteur: Utilisateur, cci: Organisation, taux: Any, montant: Any, mots: str
) -> None:
    LigneCoutFactory(fiche=fiche)
    imp = import_budget(auteur, fiche.convention, make_budget(PARTS, ("E.A 1.1", "CCI", None, None, "80 %", None)))
    part = CoFinancement.objects.get()
    part.taux, part.montant = Decimal(taux), montant and euros(montant)
    part._history_user = auteur
    part.save()
    (phrase,) = explain(imp, auteur)
    assert phrase.startswith(f"E.A 1.1 CCI d’essai : aujourd’hui {mots} ({auteur}, ")


def test_recap_cell_edited_since_is_named(fiche: FicheAction, auteur: Utilisateur) -> None:
    titres = (("Actions", 2018, None, None), (None, "Agglo", "CCI", "Total"))
    imp = import_budget(auteur, fiche.convention, make_budget(*titres, ("E.A 1.1", 80, 20, 100)))
    MontantRecapDeclare.objects.filter(financeur=None).update(montant=99)
    (phrase,) = explain(imp, auteur)
    assert phrase.startswith("E.A 1.1, 2018, total : aujourd’hui 99 €")


def test_every_change_is_named_at_once(fiche: FicheAction, auteur: Utilisateur) -> None:
    imp = import_budget(auteur, fiche.convention, make_budget(TITRES, *(cost(8, annee) for annee in (2018, 2019, 2020))))
    LigneCout.objects.filter(annee__lt=2020).update(montant=0)
    with pytest.raises(AnnulationImpossible, match="2 valeurs écrites par cet import ont changé depuis"):
        undo(imp, auteur)


def test_validated_fiche_is_not_undone(fiche: FicheAction, auteur: Utilisateur) -> None:
    imp = import_budget(auteur, fiche.convention, make_budget(TITRES, cost(8)))
    FicheAction.objects.update(etat=FicheAction.Etat.VALIDEE)
    assert explain(imp, auteur) == ["E.A 1.1 : Cette fiche est validée. Pour la modifier, renvoyez-la d’abord en correction."]


def test_fiche_in_the_corbeille_is_not_undone(fiche: FicheAction, auteur: Utilisateur) -> None:
    imp = import_budget(auteur, fiche.convention, make_budget(TITRES, cost(8)))
    FicheAction.objects.update(supprimee_le=timezone.now())
    assert explain(imp, auteur) == ["E.A 1.1 : Cette fiche est dans la corbeille. Sortez-la de la corbeille pour la modifier."]


def test_fiche_deleted_for_good_since_is_named(fiche: FicheAction, auteur: Utilisateur) -> None:
    imp = import_budget(auteur, fiche.convention, make_budget(TITRES, cost(8)))
    fiche.delete()
    (phrase,) = explain(imp, auteur)
    assert "supprimée depuis" in phrase


def test_signed_convention_is_not_undone(fiche: FicheAction, auteur: Utilisateur) -> None:
    imp = import_budget(auteur, fiche.convention, make_budget(TITRES, cost(8)))
    Convention.objects.update(etat=Convention.Etat.SIGNEE)
    avant = snapshot()
    with pytest.raises(ImportImpossible, match="Cette convention est signée"):
        undo(imp, auteur)
    assert snapshot() == avant


def test_import_is_undone_once(fiche: FicheAction, auteur: Utilisateur) -> None:
    imp = undo(import_budget(auteur, fiche.convention, make_budget(TITRES, cost(8))), auteur)
    versions = count_versions()
    with pytest.raises(ImportImpossible, match="Cet import n’est pas à annuler : annulé"):
        undo(imp, auteur)
    assert count_versions() == versions


@pytest.mark.parametrize("etape", ["depose", "apercu", "abandonne"])
def test_import_not_done_is_not_undone(fiche: FicheAction, auteur: Utilisateur, etape: str) -> None:
    contenu = make_budget(TITRES, cost(8))
    imp = deposit(auteur, fiche.convention, "b.xlsx", contenu)
    if etape != "depose":
        analyse(imp)
    if etape == "abandonne":
        abandon(imp)
        imp.refresh_from_db()
    assert imp.etat == etape
    with pytest.raises(ImportImpossible, match="Cet import n’est pas à annuler"):
        undo(imp, auteur)
