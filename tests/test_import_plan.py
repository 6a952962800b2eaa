"""What an import would do is told before, exactly that is written, and nothing else ever is."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention
from fiches.models import FicheAction
from financement.echanges import CoFinancementResource
from financement.imports.actes import ApercuPerime, ImportImpossible, abandon, analyse, confirm, preview
from financement.imports.journal import ImportBudget, PageImport
from financement.imports.presentation import present_apercu
from financement.models import CoFinancement, LigneCout, MontantRecapDeclare, NatureDepense
from financement.syntheses import compute_recapitulatif
from tests.budgets import PARTS, count_versions, deposit_budget, import_budget, make_author, make_budget, make_sheets, read_refus, snapshot
from tests.factories import (
    CoFinancementFactory,
    FicheFactory,
    LigneCoutFactory,
    NatureFactory,
    RecapDeclareFactory,
    UtilisateurFactory,
    euros,
)

pytestmark = pytest.mark.django_db
Etat = ImportBudget.Etat
TITRES = ("Code", "Nature", "Libellé", "Année", "Jours", "Tarif", "Montant", "Mention")
COMPLET = (*TITRES, "Financeur", "Taux")


@pytest.fixture
def fiche(convention: Convention, etudes: NatureDepense) -> FicheAction:
    return FicheFactory(convention=convention, code="E.A 1.1", titre="Commerces")


@pytest.fixture
def autre(fiche: FicheAction) -> FicheAction:
    return FicheFactory(convention=fiche.convention, code="E.A 1.2", titre="Salons")


@pytest.fixture
def auteur(convention: Convention) -> Utilisateur:
    return make_author(convention)


def cost(code: str, montant: Any, annee: int = 2018, libelle: str = "", jours: Any = None, tarif: Any = None) -> tuple[Any, ...]:
    return (code, "Études", libelle, annee, jours, tarif, montant, None)


def counts(imp: ImportBudget) -> tuple[int, int, int, int]:
    c = imp.comptes
    return (c["nouveaux"], c["modifies"], c["inchanges"], c["rejetes"])


def amounts() -> list[tuple[str, str, int, str | None]]:
    return [
        (c.fiche.code, c.libelle, c.annee, None if c.montant is None else str(c.montant.amount))
        for c in LigneCout.objects.order_by("fiche__code", "annee", "libelle")
    ]


def total_of(convention: Convention) -> Decimal:
    return compute_recapitulatif(convention).total.total_periode.montant or Decimal(0)


def by_financeur(convention: Convention) -> dict[str, Decimal]:
    """Sums of the recap, by name of column."""
    recap = compute_recapitulatif(convention)
    sommes = {nom: sum((recap.total.get(a, cle).montant or Decimal(0) for a in recap.annees), Decimal(0)) for cle, nom in recap.colonnes}
    return {nom: montant for nom, montant in sommes.items() if montant and nom != "Total"}


# --- Preview ---------------------------------------------------------------------------------------


def test_preview_writes_nothing_of_the_budget(fiche: FicheAction, auteur: Utilisateur, etudes: NatureDepense) -> None:
    LigneCoutFactory(fiche=fiche, nature=etudes, montant=euros(5))
    avant, versions, modifiee_le = snapshot(), count_versions(), fiche.modifiee_le
    imp = deposit_budget(auteur, fiche.convention, make_budget(TITRES, cost("E.A 1.1", 10), cost("E.A 1.1", 10, 2019)))
    fiche.refresh_from_db()
    assert (counts(imp), snapshot(), count_versions(), fiche.modifiee_le) == ((1, 1, 0, 0), avant, versions, modifiee_le)


def test_new_changed_unchanged_and_rejected_are_counted(fiche: FicheAction, autre: FicheAction, auteur: Utilisateur) -> None:
    etudes = NatureDepense.objects.get()
    LigneCoutFactory(fiche=fiche, nature=etudes, montant=euros(10))
    LigneCoutFactory(fiche=fiche, nature=etudes, annee=2019, montant=euros(20))
    lignes = (cost("E.A 1.1", 10), cost("E.A 1.1", 25, 2019), cost("E.A 1.2", 30), cost("E.A 1.2", 40, 2019), cost("E.A 1.2", -1, 2020))
    imp = deposit_budget(auteur, fiche.convention, make_budget(TITRES, *lignes))
    assert counts(imp) == (2, 1, 1, 1)
    page = present_apercu(imp, 1)
    assert [(f["code"], f["nouveaux"], f["modifies"], f["inchanges"], f["rejetes"], f["avant"], f["apres"]) for f in page["fiches"]] == [
        ("E.A 1.1", 0, 1, 1, 0, 30, 35),
        ("E.A 1.2", 2, 0, 0, 1, 0, 70),
    ]
    assert [(c["nouveau"], c["cellule"], c["code"], c["annee"], c["ecart"]) for c in page["changements"]] == [
        (False, "G3", "E.A 1.1", 2019, 5),
        (True, "G4", "E.A 1.2", 2018, 30),
        (True, "G5", "E.A 1.2", 2019, 40),
    ]


def test_totals_told_before_are_those_of_the_recap_after(
    fiche: FicheAction, autre: FicheAction, auteur: Utilisateur, cci: Organisation
) -> None:
    convention, etudes = fiche.convention, NatureDepense.objects.get()
    LigneCoutFactory(fiche=fiche, nature=etudes, montant=euros("33.33"))
    LigneCoutFactory(fiche=autre, nature=etudes, montant=euros(50))
    CoFinancementFactory(fiche=fiche, financeur=cci, taux=Decimal("33.3333"))
    CoFinancementFactory(fiche=autre, financeur=None, taux=Decimal(100))
    lignes = [(*cost("E.A 1.1", "100,01 €"), "Agglo", "20 %"), cost("E.A 1.1", "sur devis", 2019), cost("E.A 1.2", 70, 2020)]
    imp = deposit_budget(auteur, convention, make_budget(COMPLET, *lignes))
    page = present_apercu(imp, 1)

    def told(quand: str) -> dict[str, Decimal]:
        return {f["nom"].replace("Non réparti", "Autres"): f[quand] for f in page["financeurs"] if f[quand]}

    assert (page["total"]["avant"], told("avant")) == (total_of(convention), by_financeur(convention))
    confirm(imp, auteur, False)
    assert (page["total"]["apres"], told("apres")) == (total_of(convention), by_financeur(convention))
    recap = compute_recapitulatif(convention)
    annees = {str(a): recap.total.total(a).montant or 0 for a in recap.annees}
    assert {a["nom"]: a["apres"] for a in page["annees"]} == {a: m for a, m in annees.items() if m}


def test_amount_alone_leaves_known_days_in_place(fiche: FicheAction, auteur: Utilisateur, etudes: NatureDepense) -> None:
    LigneCoutFactory(fiche=fiche, nature=etudes, jours=2, tarif_journalier=euros(600), montant=euros(1200), mention="ferme")
    titres = ("Code", "Nature", 2018)
    imp = deposit_budget(auteur, fiche.convention, make_budget((*titres, 2019), ("E.A 1.1", "Études", 1200, None)))
    assert counts(imp) == (0, 0, 1, 0)
    import_budget(auteur, fiche.convention, make_budget((*titres, 2019), ("E.A 1.1", "Études", 1300, None)))
    ligne = LigneCout.objects.get()
    assert (ligne.montant, ligne.jours, ligne.mention) == (euros(1300), None, "ferme")


def test_days_without_rate_keep_the_known_rate(fiche: FicheAction, auteur: Utilisateur, etudes: NatureDepense) -> None:
    LigneCoutFactory(fiche=fiche, nature=etudes, jours=2, tarif_journalier=euros(450), montant=euros(900))
    imp = deposit_budget(auteur, fiche.convention, make_budget(TITRES, cost("E.A 1.1", 900, jours=2)))
    assert counts(imp) == (0, 0, 1, 0)


def test_no_break_spaces_make_no_other_row(fiche: FicheAction, auteur: Utilisateur, etudes: NatureDepense) -> None:
    LigneCoutFactory(fiche=fiche, nature=etudes, libelle="Qualité\u00a0: Préférence", montant=euros(10))
    lignes = (cost("E.A 1.1", 20, libelle="Qualité : Préférence"), cost("E.A 1.1", 30, 2019, "Qualité : Préférence"))
    import_budget(auteur, fiche.convention, make_budget(TITRES, *lignes))
    assert amounts() == [("E.A 1.1", "Qualité\u00a0: Préférence", 2018, "20.00"), ("E.A 1.1", "Qualité\u00a0: Préférence", 2019, "30.00")]


def test_what_the_file_does_not_name_stays_and_is_told(fiche: FicheAction, auteur: Utilisateur, etudes: NatureDepense) -> None:
    for annee in (2018, 2019, 2020):
        LigneCoutFactory(fiche=fiche, nature=etudes, annee=annee, montant=euros(10))
    imp = import_budget(auteur, fiche.convention, make_budget(TITRES, cost("E.A 1.1", 20), cost("E.A 1.1", 5, 2021)))
    assert imp.apercu["remarques"] == [
        "2 dépenses de ces fiches ne sont pas dans le fichier : elles restent telles quelles, l’import ne retire rien."
    ]
    assert [m for *_, m in amounts()] == ["20.00", "10.00", "10.00", "5.00"]


def test_refused_row_is_no_row_of_the_budget_when_absent_ones_are_counted(
    fiche: FicheAction, auteur: Utilisateur, etudes: NatureDepense
) -> None:
    for annee in (2018, 2019):
        LigneCoutFactory(fiche=fiche, nature=etudes, annee=annee)
    FicheAction.objects.filter(pk=fiche.pk).update(etat=FicheAction.Etat.VALIDEE)
    imp = deposit_budget(auteur, fiche.convention, make_budget(TITRES, cost("E.A 1.1", 20, 2020)))
    assert imp.apercu["remarques"][0].startswith("2 dépenses de ces fiches ne sont pas dans le fichier")


def test_new_rows_stand_after_those_of_the_fiche(fiche: FicheAction, auteur: Utilisateur, etudes: NatureDepense) -> None:
    LigneCoutFactory(fiche=fiche, nature=etudes, ordre=70)
    lignes = (cost("E.A 1.1", 1, libelle="a"), cost("E.A 1.1", 1, 2019, "a"), cost("E.A 1.1", 1, libelle="b"))
    import_budget(auteur, fiche.convention, make_budget(TITRES, *lignes))
    assert list(LigneCout.objects.order_by("pk").values_list("libelle", "ordre")) == [("", 70), ("a", 80), ("a", 80), ("b", 90)]


def test_shares_are_compared_by_financeur_nature_and_year(
    fiche: FicheAction, auteur: Utilisateur, cci: Organisation, etudes: NatureDepense
) -> None:
    LigneCoutFactory(fiche=fiche, nature=etudes)
    CoFinancementFactory(fiche=fiche, financeur=cci, taux=80, mention="acquis")
    CoFinancementFactory(fiche=fiche, financeur=None, taux=20)
    lignes = (
        ("E.A 1.1", "CCI", None, None, "75 %", None),
        ("E.A 1.1", "Non réparti", None, None, "20 %", None),
        ("E.A 1.1", "CCI", "Études", 2019, None, "12,50 €"),
    )
    imp = import_budget(auteur, fiche.convention, make_budget(PARTS, *lignes))
    assert counts(imp) == (1, 1, 1, 0)
    assert list(
        CoFinancement.objects.filter(financeur=cci).order_by("pk").values_list("nature", "annee", "taux", "montant", "mention")
    ) == [
        (None, None, 75, None, "acquis"),
        (etudes.pk, 2019, None, Decimal("12.50"), ""),
    ]


def test_recap_is_written_as_declared(fiche: FicheAction, auteur: Utilisateur, cci: Organisation) -> None:
    RecapDeclareFactory(convention=fiche.convention, fiche=fiche, financeur=cci, montant=euros(20))
    RecapDeclareFactory(convention=fiche.convention, fiche=fiche, montant=euros(90))
    titres = (("Actions", 2018, None, None, "Total"), (None, "Agglo", "CCI", "Total", None))
    lignes = (("E.A 1.1", 80, 20, 100, 100), ("Total", 80, 20, 100, 100))
    imp = import_budget(auteur, fiche.convention, make_budget(*titres, *lignes))
    assert (counts(imp), imp.apercu["total"]) == ((4, 1, 1, 0), ["90.00", "100.00"])
    assert MontantRecapDeclare.objects.count() == 6
    assert LigneCout.objects.count() == 0


# --- Confirmation ----------------------------------------------------------------------------------


def test_confirmation_writes_what_was_told_with_author_and_reason(
    fiche: FicheAction, autre: FicheAction, auteur: Utilisateur, cci: Organisation
) -> None:
    LigneCoutFactory(fiche=fiche, nature=NatureDepense.objects.get(), montant=euros(5))
    modifiees = {f.pk: f.modifiee_le for f in FicheAction.objects.all()}
    versions = count_versions()
    imp = import_budget(auteur, fiche.convention, make_budget(COMPLET, (*cost("E.A 1.1", 10), "CCI", 80), cost("E.A 1.1", 3, 2019)))
    imp.refresh_from_db()
    assert (imp.etat, imp.confirme_par, imp.valides_seulement) == (Etat.FAIT, auteur, False)
    assert amounts() == [("E.A 1.1", "", 2018, "10.00"), ("E.A 1.1", "", 2019, "3.00")]
    raison = "Import du fichier budget.xlsx"
    ecrites = [v for t in (LigneCout, CoFinancement) for v in t.history.filter(history_change_reason=raison).order_by("annee")]
    assert [(v.history_type, v.history_user, v.history_date) for v in ecrites] == [(t, auteur, ecrites[0].history_date) for t in "~++"]
    assert count_versions() == versions + 3
    fiche.refresh_from_db()
    autre.refresh_from_db()
    assert (fiche.modifiee_le, autre.modifiee_le) == (ecrites[0].history_date, modifiees[autre.pk])


def test_rejected_rows_stop_the_whole_import_unless_left_out_on_purpose(fiche: FicheAction, auteur: Utilisateur) -> None:
    imp = deposit_budget(auteur, fiche.convention, make_budget(TITRES, cost("E.A 1.1", 10), cost("E.A 1.1", -1, 2019)))
    with pytest.raises(ImportImpossible) as refus:
        confirm(imp, auteur, False)
    assert str(refus.value) == "Des lignes sont refusées. Corrigez le fichier, ou choisissez de n’importer que les lignes valides."
    assert amounts() == []
    assert confirm(imp, auteur, True).valides_seulement
    assert amounts() == [("E.A 1.1", "", 2018, "10.00")]


def test_nothing_to_write_is_not_confirmed(fiche: FicheAction, auteur: Utilisateur) -> None:
    imp = deposit_budget(auteur, fiche.convention, make_budget(TITRES, cost("E.A 1.1", -1)))
    with pytest.raises(ImportImpossible, match="Il n’y a rien à écrire"):
        confirm(imp, auteur, True)


def test_import_is_confirmed_once(fiche: FicheAction, auteur: Utilisateur) -> None:
    imp = import_budget(auteur, fiche.convention, make_budget(TITRES, cost("E.A 1.1", 10)))
    versions = count_versions()
    with pytest.raises(ImportImpossible, match="Cet import n’est plus à confirmer : importé"):
        confirm(imp, auteur, False)
    with pytest.raises(ImportImpossible, match="ne s’abandonne plus"):
        abandon(imp)
    assert count_versions() == versions


def test_abandoned_import_is_not_confirmed(fiche: FicheAction, auteur: Utilisateur) -> None:
    imp = deposit_budget(auteur, fiche.convention, make_budget(TITRES, cost("E.A 1.1", 10)))
    abandon(imp)
    with pytest.raises(ImportImpossible, match="abandonné"):
        confirm(imp, auteur, False)
    assert amounts() == []


def test_file_changed_on_the_disk_is_not_imported(fiche: FicheAction, auteur: Utilisateur) -> None:
    imp = deposit_budget(auteur, fiche.convention, make_budget(TITRES, cost("E.A 1.1", 10)))
    with imp.fichier.storage.open(imp.fichier.name, "wb") as fichier:
        fichier.write(make_budget(TITRES, cost("E.A 1.1", 99)))
    with pytest.raises(ImportImpossible, match="Le fichier déposé n’est plus lisible"):
        confirm(imp, auteur, False)
    assert amounts() == []


@pytest.mark.parametrize("change", ["cout", "nouveau", "part", "validee", "nature", "financeur"])
def test_confirmation_looks_again_at_what_was_previewed(
    fiche: FicheAction, auteur: Utilisateur, cci: Organisation, etudes: NatureDepense, change: str
) -> None:
    ligne = LigneCoutFactory(fiche=fiche, nature=etudes, montant=euros(5))
    part = CoFinancementFactory(fiche=fiche, financeur=cci, taux=80)
    feuilles = {"Coûts": [TITRES, cost("E.A 1.1", 10)], "Parts": [PARTS, ("E.A 1.1", "CCI d’essai", None, None, "70 %", None)]}
    imp = deposit_budget(auteur, fiche.convention, make_sheets(feuilles))
    assert counts(imp) == (0, 2, 0, 0)
    if change == "cout":
        LigneCout.objects.filter(pk=ligne.pk).update(montant=7)
    elif change == "nouveau":
        LigneCoutFactory(fiche=fiche, nature=etudes, annee=2020)
    elif change == "part":
        CoFinancement.objects.filter(pk=part.pk).update(taux=60)
    elif change == "validee":
        FicheAction.objects.filter(pk=fiche.pk).update(etat=FicheAction.Etat.VALIDEE)
    elif change == "nature":
        NatureDepense.objects.filter(pk=etudes.pk).update(nom="Travaux", cle="travaux")
    else:
        Organisation.objects.filter(pk=cci.pk).update(nom="Autre", sigle="AUT", cle="autre")
        fiche.convention.parties.filter(organisation=cci).update(denomination="Autre", nom_court="AUT")
    avant, versions = snapshot(), count_versions()
    with pytest.raises(ApercuPerime, match=r"Des valeurs ont changé depuis l’aperçu \(.+\). Rien n’a été écrit"):
        confirm(imp, auteur, False)
    assert (snapshot(), count_versions(), PageImport.objects.filter(genre=PageImport.Genre.EFFET).count()) == (avant, versions, 0)
    imp.refresh_from_db()
    attendus = {"validee": (0, 0, 0, 2), "nature": (0, 1, 0, 1), "financeur": (0, 1, 0, 1)}
    assert (imp.etat, counts(imp)) == (Etat.APERCU, attendus.get(change, (0, 2, 0, 0)))
    if change in {"cout", "nouveau", "part"}:
        confirm(imp, auteur, False)
        assert LigneCout.objects.get(pk=ligne.pk).montant == euros(10)


def test_crash_in_the_middle_leaves_nothing(
    fiche: FicheAction, auteur: Utilisateur, cci: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    imp = deposit_budget(auteur, fiche.convention, make_budget(COMPLET, (*cost("E.A 1.1", 10), "CCI", 80)))
    avant, versions, modifiee_le = snapshot(), count_versions(), fiche.modifiee_le

    def crash(*args: Any) -> None:
        raise RuntimeError("panne")

    monkeypatch.setattr(CoFinancementResource, "write_batch", crash)
    with pytest.raises(RuntimeError):
        confirm(imp, auteur, False)
    imp.refresh_from_db()
    fiche.refresh_from_db()
    assert (snapshot(), count_versions(), fiche.modifiee_le, imp.etat) == (avant, versions, modifiee_le, Etat.APERCU)


# --- Who may, and where ------------------------------------------------------------------------------


def test_validated_fiche_refuses_what_would_change_it(fiche: FicheAction, auteur: Utilisateur, etudes: NatureDepense) -> None:
    LigneCoutFactory(fiche=fiche, nature=etudes, montant=euros(10))
    FicheAction.objects.filter(pk=fiche.pk).update(etat=FicheAction.Etat.VALIDEE)
    imp = deposit_budget(auteur, fiche.convention, make_budget(TITRES, cost("E.A 1.1", 10), cost("E.A 1.1", 20, 2019)))
    assert counts(imp) == (0, 0, 1, 1)
    attendu = "Fiche E.A 1.1 : Cette fiche est validée. Pour la modifier, renvoyez-la d’abord en correction."
    assert read_refus(imp) == [("G3", attendu)]


def test_signed_convention_refuses_every_change(fiche: FicheAction, auteur: Utilisateur) -> None:
    Convention.objects.filter(pk=fiche.convention_id).update(etat=Convention.Etat.SIGNEE)
    convention = Convention.objects.get(pk=fiche.convention_id)
    imp = deposit_budget(auteur, convention, make_budget(TITRES, cost("E.A 1.1", 10)))
    assert [raison for _, raison in read_refus(imp)] == [
        "Fiche E.A 1.1 : Cette convention est signée : ses fiches ne changent que par un avenant."
    ]


def test_lecteur_changes_nothing(fiche: FicheAction, agent: Utilisateur) -> None:
    lecteur = UtilisateurFactory(organisation=agent.organisation, role=Utilisateur.Role.LECTEUR)
    imp = deposit_budget(lecteur, fiche.convention, make_budget(TITRES, cost("E.A 1.1", 10)))
    assert counts(imp) == (0, 0, 0, 1)


def test_fiche_in_the_corbeille_is_unknown(fiche: FicheAction, auteur: Utilisateur, autre: FicheAction) -> None:
    FicheAction.toutes.filter(pk=autre.pk).update(supprimee_le=fiche.modifiee_le)
    imp = deposit_budget(auteur, fiche.convention, make_budget(TITRES, cost("E.A 1.1", 1), cost("E.A 1.1", 1, 2019), cost("E.A 1.2", 10)))
    assert (counts(imp), read_refus(imp)[0][0]) == ((2, 0, 0, 1), "A4")


# --- Cost ------------------------------------------------------------------------------------------


def test_number_of_requests_does_not_follow_the_number_of_rows(fiche: FicheAction, auteur: Utilisateur, cci: Organisation) -> None:
    natures = [NatureFactory(nom=f"Nature n° {n}") for n in range(4)]
    for nature in natures:
        LigneCoutFactory(fiche=fiche, nature=nature, libelle="Ligne 0", montant=euros(9))
    requetes: dict[int, list[int]] = {}
    for nombre in (50, 500):
        lignes = [("E.A 1.1", natures[n % 4].nom, f"Ligne {n // 4}", 2018, None, None, nombre + n, None) for n in range(nombre)]
        imp = deposit_budget(auteur, fiche.convention, make_budget(COMPLET, *((*li, "CCI", 80) for li in lignes[:1]), *lignes[1:]))
        with CaptureQueriesContext(connection) as apercu:
            analyse(imp)
        with CaptureQueriesContext(connection) as ecriture:
            confirm(imp, auteur, False)
        requetes[nombre] = [len(apercu), len(ecriture)]
    assert all(abs(long - court) <= 8 for court, long in zip(requetes[50], requetes[500], strict=True)), requetes
    assert max(requetes[500]) < 60


def test_preview_again_replaces_the_first(fiche: FicheAction, auteur: Utilisateur) -> None:
    imp = deposit_budget(auteur, fiche.convention, make_budget(TITRES, cost("E.A 1.1", 10), cost("E.A 1.1", -1, 2019)))
    pages = list(imp.pages.values_list("genre", "rang", "contenu"))
    preview(imp)
    assert list(imp.pages.values_list("genre", "rang", "contenu")) == pages
