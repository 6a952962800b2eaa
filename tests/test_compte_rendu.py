"""The compte rendu financier: what is entered in each account, what has none, equal totals; its spreadsheet and its PDF."""

import io
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention
from documents.bilans.compte_rendu import publish_compte_rendu
from financement.bilans.calculs import AxeSuivi, Compte, LigneSuivie, PartSuivie, Synthese
from financement.bilans.compte_rendu import CompteRendu, build_compte_rendu, compute_compte_rendu
from financement.bilans.comptes_produits import CompteProduit
from financement.bilans.tableur_compte_rendu import write_compte_rendu_xlsx
from financement.models import Bilan, NatureDepense, PartBilan
from tests import factories
from tests.bilans import count, do, make_fiche, make_line, open_year, plan_fiche, reread, tell
from tests.factories import euros
from tests.lecture_pdf import Lecture
from tests.test_bilan_tableur import PIRATES, check_results, find_row, list_formules, open_xlsx, rows

pytestmark = pytest.mark.django_db
CHARGES = ["60", "61", "62", "63", "64", "65", "66", "67", "68"]
PRODUITS = ["70", "74", "75", "76", "77", "78", "79"]


@pytest.fixture
def bilan(convention: Convention, agglo: Organisation, cci: Organisation) -> Bilan:
    """Études 1 000 € and Salons 500 € planned, 900 € and 120.50 € done, Repas hors plan; the Agglo pays 80 %, the CCI the rest."""
    plan_fiche(convention, "A1", {("Études", 2018): 1000, ("Salons", 2018): 500}, {agglo: 80, cci: 20})
    bilan = open_year(convention)
    do(bilan, "A1", "Études", 900)
    do(bilan, "A1", "Salons", "120.50")
    do(bilan, "A1", "Repas", 30)
    tell(bilan, "A1", "realisee")
    return reread(bilan)


@pytest.fixture
def impute(bilan: Bilan, agglo: Organisation, cci: Organisation) -> Bilan:
    """The same, Salons and the CCI left without account."""
    NatureDepense.objects.filter(nom="Études").update(compte="64")
    NatureDepense.objects.filter(nom="Repas").update(compte="62")
    CompteProduit.objects.create(organisation=agglo, compte="74")
    return bilan


def compute(bilan: Bilan) -> CompteRendu:
    return compute_compte_rendu(count(bilan))


# --- Accounts ---------------------------------------------------------------------------------------


def test_every_account_stands_in_order(bilan: Bilan) -> None:
    cr = compute(bilan)
    assert [li.numero for li in cr.charges.comptes] == CHARGES
    assert [li.numero for li in cr.produits.comptes] == PRODUITS
    assert all(li.is_vide and li.euros == Compte() for li in (*cr.charges.comptes, *cr.produits.comptes))


def test_without_accounts_everything_is_listed_by_name(bilan: Bilan) -> None:
    cr = compute(bilan)
    assert {li.intitule: li.euros.realise for li in cr.charges.a_imputer} == {"Études": 900, "Salons": Decimal("120.50"), "Repas": 30}
    assert [li.intitule for li in cr.produits.a_imputer] == ["Agglo", "CCI"]
    assert cr.imputation.startswith("Sans compte de charges : Repas, Salons et Études. Sans compte de produits : Agglo et CCI.")


def test_natures_and_organisations_are_entered_in_their_account(impute: Bilan) -> None:
    cr = compute(impute)
    par_compte = {li.numero: li for li in (*cr.charges.comptes, *cr.produits.comptes) if not li.is_vide}
    assert {n: (li.noms, li.euros.prevu, li.euros.realise) for n, li in par_compte.items()} == {
        "62": ("Repas", None, 30),
        "64": ("Études", 1000, 900),
        "74": ("Agglo", 1200, Decimal("840.40")),
    }
    assert [li.intitule for li in (*cr.charges.a_imputer, *cr.produits.a_imputer)] == ["Salons", "CCI"]


def test_two_natures_of_one_account_are_summed(impute: Bilan) -> None:
    NatureDepense.objects.filter(nom="Salons").update(compte="62")
    (ligne,) = [li for li in compute(impute).charges.comptes if li.numero == "62"]
    assert (ligne.noms, ligne.euros.prevu, ligne.euros.realise) == ("Repas, Salons", 500, Decimal("150.50"))


def test_everything_entered_says_nothing_is_left(impute: Bilan, cci: Organisation) -> None:
    NatureDepense.objects.filter(nom="Salons").update(compte="62")
    CompteProduit.objects.create(organisation=cci, compte="75")
    cr = compute(impute)
    assert (cr.charges.a_imputer, cr.produits.a_imputer, cr.imputation) == ([], [], "")


def test_what_nobody_shares_is_a_produit_to_enter(convention: Convention, agglo: Organisation) -> None:
    plan_fiche(convention, "A1", {("Études", 2018): 100}, {agglo: 60})
    bilan = open_year(convention)
    do(bilan, "A1", "Études", 100)
    CompteProduit.objects.create(organisation=agglo, compte="74")
    NatureDepense.objects.update(compte="64")
    cr = compute(bilan)
    assert [(li.intitule, li.euros.realise) for li in cr.produits.a_imputer] == [("Non réparti", 40)]
    assert cr.imputation == "Sans compte de produits : Non réparti."
    assert cr.is_equilibre


def test_charges_and_produits_have_the_same_totals(impute: Bilan) -> None:
    cr = compute(impute)
    assert cr.charges.total == cr.produits.total == count(impute).euros == Compte(Decimal(1500), Decimal("1050.50"))
    assert cr.equilibre == "Le total des charges est égal au total des produits : les parts de chaque fiche font son coût."


def test_a_part_paid_for_an_expense_nobody_told_is_shown(convention: Convention, agglo: Organisation) -> None:
    plan_fiche(convention, "A1", {("Études", 2018): 100}, {agglo: 100})
    bilan = open_year(convention)
    PartBilan.objects.filter(fiche__bilan=bilan).update(montant=euros(70))
    cr = compute(bilan)
    assert not cr.is_equilibre
    assert cr.equilibre == "Les charges et les produits diffèrent de −70\u00a0€ au réalisé : les parts d’une fiche ne font pas son coût."


def test_pure_sharing_reads_no_database() -> None:
    ligne = make_line(prevu=10, montant=10)
    ligne.nature.compte = "60"
    fiche = make_fiche([LigneSuivie(ligne, Compte(Decimal(10), Decimal(10)), Compte())])
    fiche.parts.append(PartSuivie(4, "O4", 1, Compte(Decimal(10), Decimal(10))))
    with CaptureQueriesContext(connection) as requetes:
        cr = build_compte_rendu(Synthese(Bilan(annee=2018), [AxeSuivi("A", "Axe", [fiche])]), {4: "79"})
    assert len(requetes) == 0
    assert [li.numero for li in (*cr.charges.comptes, *cr.produits.comptes) if not li.is_vide] == ["60", "79"]


def test_accounts_are_read_in_one_query(impute: Bilan) -> None:
    synthese = count(impute)
    with CaptureQueriesContext(connection) as requetes:
        write_compte_rendu_xlsx(compute_compte_rendu(synthese))
    assert len(requetes) == 1


# --- The table of accounts --------------------------------------------------------------------------


def test_an_organisation_has_one_account(agglo: Organisation) -> None:
    CompteProduit.objects.create(organisation=agglo, compte="74")
    with pytest.raises(ValidationError, match="déjà un compte de produits"):
        CompteProduit(organisation=agglo, compte="75").full_clean()
    with pytest.raises(ValidationError, match="compte"):
        CompteProduit(organisation=factories.OrganisationFactory(), compte="64").full_clean()


def test_account_reads_as_its_organisation_and_its_name(agglo: Organisation) -> None:
    assert str(CompteProduit(organisation=agglo, compte="74")) == f"{agglo.sigle} : 74 – Subventions d’exploitation"


# --- Spreadsheet ------------------------------------------------------------------------------------


def test_workbook_sums_the_detail_by_account(impute: Bilan) -> None:
    contenu = write_compte_rendu_xlsx(compute(impute))
    formules, valeurs = open_xlsx(contenu)["Compte rendu"], open_xlsx(contenu, valeurs=True)["Compte rendu"]
    rang = next(r[0].row for r in formules.iter_rows() if r[0].value == 64)
    assert formules[f"C{rang}"].value.startswith("=SUMIF('Détail'!A")
    assert formules[f"C{rang}"].value.endswith(f",$A{rang},{formules[f'C{rang}'].value.split(',')[2]}")
    assert [c.value for c in valeurs[rang]] == [64, "Charges de personnel", 1000, 900, -100, 0.9, "Études"]
    assert find_row(valeurs, "Total des charges", 1)[2:4] == find_row(valeurs, "Total des produits", 1)[2:4] == [1500, 1050.5]
    assert find_row(valeurs, "Contrôle")[2:4] == [0, 0]
    detail = [ligne[:4] for ligne in rows(open_xlsx(contenu)["Détail"])]
    assert [64, "Études", 1000, 900] in detail
    assert ["à imputer", "Salons", 500, 120.5] in detail


def test_libreoffice_finds_the_results_that_the_formulas_carry(
    impute: Bilan, convention: Convention, agglo: Organisation, tmp_path: Path
) -> None:
    contenus = {"impute": write_compte_rendu_xlsx(compute(impute))}
    CompteProduit.objects.all().delete()
    NatureDepense.objects.update(compte="")
    contenus["rien"] = write_compte_rendu_xlsx(compute(impute))
    contenus["vide"] = write_compte_rendu_xlsx(compute(open_year(convention, 2020)))
    assert all(len(list_formules(c)) > 60 for c in contenus.values())
    check_results(tmp_path, contenus)


def test_words_that_look_like_formulas_stay_words(impute: Bilan) -> None:
    for nature, pirate in zip(NatureDepense.objects.all(), PIRATES, strict=False):
        nature.nom = pirate
        nature.save()
    classeur = openpyxl.load_workbook(io.BytesIO(write_compte_rendu_xlsx(compute(impute))))
    cases = [c for f in classeur.worksheets for rang in f.iter_rows() for c in rang if isinstance(c.value, str) and c.value in PIRATES]
    assert len(cases) >= 3
    assert {c.data_type for c in cases} == {"s"}


# --- PDF --------------------------------------------------------------------------------------------


def test_pdf_tells_both_tables_what_has_no_account_and_the_mention(impute: Bilan) -> None:
    Bilan.objects.filter(pk=impute.pk).update(mention="Chiffres inventés")
    lecture = Lecture(publish_compte_rendu(reread(impute)))
    texte = " ".join(lecture.textes.values())
    assert [t.texte for t in lecture.titres] == ["Compte rendu financier 2018", "Charges", "Produits", "À imputer"]
    for mots in [
        "Chiffres inventés.",
        "Charges de personnel Études 1 000 900 − 100 90 %",
        "à imputer Salons 500",
        "Total des produits 1 500 1 050,50",
        "Le total des charges est égal au total des produits",
        "Sans compte de charges : Salons. Sans compte de produits : CCI.",
    ]:
        assert mots in texte.replace("\u202f", " ").replace("\u00a0", " "), mots
    assert "article 10" not in texte
    assert "Bilan en rédaction – à ne pas diffuser · Chiffres inventés" in str([b.texte for bouts in lecture.bouts.values() for b in bouts])


def test_pdf_carries_its_spreadsheet(impute: Bilan) -> None:
    pieces = Lecture(publish_compte_rendu(impute)).pypdf.attachments
    (nom,) = pieces
    assert nom.endswith("-compte-rendu-2018.xlsx")
    assert pieces[nom][0] == write_compte_rendu_xlsx(compute(impute))


# --- Administration ---------------------------------------------------------------------------------


def test_administrators_alone_give_accounts(administrateur: Client, partenaire: Utilisateur, agglo: Organisation) -> None:
    adresse = reverse("admin:financement_compteproduit_add")
    administrateur.post(adresse, {"organisation": agglo.pk, "compte": "74"})
    assert CompteProduit.objects.get().history.count() == 1
    autre = Client()
    autre.force_login(partenaire)
    assert autre.get(adresse).status_code in {302, 403, 404}
    retrait = reverse("admin:financement_compteproduit_delete", args=[CompteProduit.objects.get().pk])
    assert administrateur.get(retrait).status_code == 403
