"""Spreadsheets of the administration: figures leave as numbers, come back intact, hostile files are refused."""

import io
import re
import zipfile
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from comptes.models import Utilisateur
from conventions.models import Convention
from financement.models import CoFinancement, LigneCout, MontantRecapDeclare, TotalDeclare, Versement
from tests import factories

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("lenient_templates"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMATS = {"budget.xlsx": "0", "budget.csv": "1"}
ECHANGES = [LigneCout, CoFinancement, TotalDeclare, MontantRecapDeclare, Versement]
ENTETE = ["convention", "code", "nature", "libelle", "annee", "chiffrage", "jours", "tarif_journalier", "montant", "mention", "ordre"]


def nom(modele: type[Model]) -> str:
    return modele.__name__


def url(modele: type[Model], page: str) -> str:
    return reverse(f"admin:{modele._meta.app_label}_{modele._meta.model_name}_{page}")


@pytest.fixture
def administratrice() -> Utilisateur:
    return factories.UtilisateurFactory(role=Utilisateur.Role.ADMINISTRATEUR)


@pytest.fixture
def gestion(administratrice: Utilisateur) -> Client:
    client = Client()
    client.force_login(administratrice)
    return client


@pytest.fixture
def fiche(administratrice: Utilisateur) -> Any:
    fiche = factories.FicheFactory(convention__reference="LA-NOTRE", code="E.A 1.1", axe__code="E.A")
    factories.PartieFactory(convention=fiche.convention, organisation=administratrice.organisation)
    return fiche


@pytest.fixture
def lignes(fiche: Any) -> None:
    """Every kind of row that a budget holds: figures, words, zero, nothing, whole period, unnamed financeur."""
    etudes, debours = factories.NatureFactory(cle="etudes"), factories.NatureFactory(cle="debours")
    factories.LigneCoutFactory(
        fiche=fiche, nature=etudes, jours=Decimal("16.5"), tarif_journalier=factories.euros(600), montant=factories.euros(9900)
    )
    factories.LigneCoutFactory(fiche=fiche, nature=etudes, annee=2019, montant=factories.euros("1234.56"), mention="sur place")
    factories.LigneCoutFactory(fiche=fiche, nature=debours, libelle="12 ateliers", montant=factories.euros(0))
    factories.LigneCoutFactory(fiche=fiche, nature=debours, annee=2019, chiffrage="sur_devis", montant=None)
    factories.CoFinancementFactory(fiche=fiche, taux=Decimal("33.3333"))
    factories.CoFinancementFactory(fiche=fiche, financeur=None, taux=Decimal(43), montant=factories.euros(71912), nature=etudes, annee=2019)
    factories.TotalDeclareFactory(fiche=fiche, montant=factories.euros("0.10"))
    factories.RecapDeclareFactory(convention=fiche.convention, fiche=fiche, financeur=factories.OrganisationFactory())
    factories.RecapDeclareFactory(convention=fiche.convention, axe=fiche.axe, annee=None)
    factories.RecapDeclareFactory(convention=fiche.convention, montant=None, mention="Sur devis")
    factories.VersementFactory(convention=fiche.convention, taux=Decimal(50), date_prevue="2019-06-30", condition="Au bilan")
    factories.VersementFactory(convention=fiche.convention, nature="solde", ordre=20, montant=factories.euros(1000))


def export(client: Client, modele: type[Model], fichier: str = "budget.xlsx") -> bytes:
    reponse = client.post(url(modele, "export"), {"format": FORMATS[fichier], "resource": "0"})
    assert "attachment" in reponse["Content-Disposition"]
    return reponse.content


def upload(client: Client, modele: type[Model], contenu: bytes, fichier: str = "budget.xlsx", format_fichier: str = "") -> HttpResponse:
    donnees = {
        "import_file": SimpleUploadedFile(fichier, contenu, XLSX),
        "format": format_fichier or FORMATS.get(fichier, "0"),
        "resource": "0",
    }
    return client.post(url(modele, "import"), donnees)


def preview(reponse: HttpResponse) -> dict[str, int]:
    return {cle: nombre for cle, nombre in reponse.context["result"].totals.items() if nombre}


def sheet(*rangees: list[Any]) -> bytes:
    classeur, tampon = openpyxl.Workbook(), io.BytesIO()
    for rangee in rangees:
        classeur.active.append(rangee)
    classeur.save(tampon)
    return tampon.getvalue()


def row(**valeurs: Any) -> list[Any]:
    defauts = {"convention": "LA-NOTRE", "code": "EA 1.1", "nature": "etudes", "annee": 2020, "chiffrage": "chiffre", "ordre": 10}
    return [(defauts | valeurs).get(colonne) for colonne in ENTETE]


@pytest.mark.parametrize("modele", ECHANGES, ids=nom)
def test_amounts_leave_as_real_numbers(modele: type[Model], gestion: Client, lignes: None) -> None:
    feuille = openpyxl.load_workbook(io.BytesIO(export(gestion, modele))).active
    titres = [cellule.value for cellule in feuille[1]]
    montants = [rangee[titres.index("montant")].value for rangee in feuille.iter_rows(min_row=2)]
    attendus = [objet.montant.amount for objet in modele._default_manager.exclude(montant=None)]
    assert sorted(Decimal(str(m)) for m in montants if m not in (None, "")) == sorted(attendus)
    assert all(isinstance(m, int | float) for m in montants if m not in (None, ""))


@pytest.mark.parametrize("fichier", FORMATS)
@pytest.mark.parametrize("modele", ECHANGES, ids=nom)
def test_file_brought_back_unchanged_changes_nothing(modele: type[Model], fichier: str, gestion: Client, lignes: None) -> None:
    reponse = upload(gestion, modele, export(gestion, modele, fichier), fichier)
    assert not reponse.context["form"].errors
    assert preview(reponse) == {"skip": modele._default_manager.count()}


@pytest.mark.parametrize("texte", ["= 12 ateliers", "- sur place", "+ bilan", "@tous"])
def test_text_that_begins_like_a_formula_comes_back_as_typed(texte: str, gestion: Client, fiche: Any) -> None:
    factories.LigneCoutFactory(fiche=fiche, libelle=texte, mention=texte)
    assert preview(upload(gestion, LigneCout, export(gestion, LigneCout))) == {"skip": 1}


def test_rate_of_three_decimals_comes_back_as_typed(gestion: Client, fiche: Any) -> None:
    factories.CoFinancementFactory(fiche=fiche, taux=Decimal("33.333"))
    assert preview(upload(gestion, CoFinancement, export(gestion, CoFinancement))) == {"skip": 1}


def test_export_holds_our_rows_only(gestion: Client, lignes: None) -> None:
    factories.LigneCoutFactory(fiche__convention__reference="LA-LEUR")
    assert b"LA-LEUR" not in export(gestion, LigneCout, "budget.csv")


def test_cost_is_written_once_the_preview_is_confirmed(gestion: Client, administratrice: Utilisateur, lignes: None) -> None:
    reponse = upload(gestion, LigneCout, sheet(ENTETE, row(montant="1 234,50 €"), row(annee=2021, jours=2.5, tarif_journalier=600)))
    assert LigneCout.objects.filter(annee__gte=2020).count() == 0
    confirmation = {champ.html_name: champ.value() for champ in reponse.context["confirm_form"]}
    gestion.post(url(LigneCout, "process_import"), {k: v for k, v in confirmation.items() if v is not None})
    ecrites = LigneCout.objects.filter(annee__gte=2020).order_by("annee")
    assert [ligne.montant.amount for ligne in ecrites] == [Decimal("1234.50"), Decimal(1500)]
    assert {ligne.history.get().history_user for ligne in ecrites} == {administratrice}


@pytest.mark.parametrize(
    ("valeurs", "phrase"),
    [
        ({"montant": "1.234"}, "« 1.234 » se lit de deux façons"),
        ({"montant": "environ 300"}, "« environ 300 » n’est pas un nombre"),
        ({"montant": 0.125}, "« 0,125 » a plus de 2 décimales"),
        ({"montant": 1, "nature": "inconnue"}, "La nature de dépense « inconnue » n’existe pas"),
        ({"montant": 1, "code": "E.Z 9"}, "ne porte le code « E.Z 9 »"),
        ({"montant": 1, "convention": "LA-LEUR"}, "Aucune fiche de la convention « LA-LEUR »"),
        ({"montant": -5}, "ne peut pas être"),
        ({"montant": None}, "Donnez un montant, ou choisissez"),
        ({"montant": 1, "annee": 20}, "1990"),
        ({"montant": 1, "annee": "deux mille"}, "deux mille"),
        ({"montant": 1, "chiffrage": "gratuit"}, "gratuit"),
    ],
)
def test_wrong_row_is_refused_and_named(valeurs: dict[str, Any], phrase: str, gestion: Client, lignes: None) -> None:
    factories.FicheFactory(convention__reference="LA-LEUR", code="E.A 1.1")
    texte = upload(gestion, LigneCout, sheet(ENTETE, row(**valeurs))).content.decode()
    assert phrase in texte.replace("&#x27;", "’")
    assert "confirm_form" not in texte


def test_one_wrong_row_leaves_the_others_unwritten(gestion: Client, lignes: None) -> None:
    reponse = upload(gestion, LigneCout, sheet(ENTETE, row(montant=1), row(annee=2021, montant="?")))
    assert "confirm_form" not in reponse.context
    assert LigneCout.objects.filter(annee__gte=2020).count() == 0


@pytest.mark.parametrize("modele", [MontantRecapDeclare, Versement], ids=nom)
def test_row_of_another_organisations_convention_is_refused(modele: type[Model], gestion: Client, lignes: None) -> None:
    organisation = factories.OrganisationFactory(cle="payeur")
    factories.OrganisationFactory(cle="beneficiaire")
    factories.ConventionFactory(reference="LA-LEUR")
    donnees = {"convention": "LA-LEUR", "annee": 2019, "financeur": organisation.cle, "montant": 5, "ordre": 10, "nature": "acompte"}
    donnees |= {"code": None, "axe": None, "payeur": "payeur", "beneficiaire": "beneficiaire"}
    reponse = upload(gestion, modele, sheet(list(donnees), list(donnees.values())))
    assert "La convention « LA-LEUR » n’existe pas." in reponse.content.decode()
    assert modele._default_manager.filter(convention=Convention.objects.get(reference="LA-LEUR")).count() == 0


def squeeze(taille: int, prefixe: bytes = b"") -> bytes:
    tampon = io.BytesIO()
    with zipfile.ZipFile(tampon, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * taille)
    return prefixe + tampon.getvalue()


@pytest.mark.parametrize(
    ("fichier", "contenu", "phrase"),
    [
        ("budget.xlsx", b"PK\x03\x04 rien de bon", "pas un classeur Excel"),
        ("budget.xlsx", b"convention;code", "pas un classeur Excel"),
        ("budget.xlsx", squeeze(0).replace(b"[Content_Types].xml", b"[Content_Typex].xml"), "pas un classeur Excel"),
        ("budget.XLSX", squeeze(20_000_000), "anormalement gros"),
        ("budget.xlsx", b"0" * 5_000_001, "dépasse 5 Mo"),
        ("budget.csv", squeeze(10), "pas un fichier texte"),
    ],
)
def test_hostile_file_is_refused_with_a_sentence(fichier: str, contenu: bytes, phrase: str, gestion: Client) -> None:
    reponse = upload(gestion, LigneCout, contenu, fichier, "1" if fichier.endswith("csv") else "0")
    assert phrase in str(reponse.context["form"].errors["import_file"])


def test_workbook_that_calls_itself_a_text_escapes_no_check(gestion: Client, lignes: None) -> None:
    deguise = b"convention;code\n" * 300 + sheet(ENTETE, row(montant=1))
    reponse = upload(gestion, LigneCout, deguise, "budget.csv", FORMATS["budget.xlsx"])
    assert reponse.context["form"].errors


def test_file_without_the_expected_columns_is_refused_in_french_without_code(gestion: Client) -> None:
    texte = upload(gestion, LigneCout, sheet(["Fiche", "Coût"], ["E.A 1.1", 300])).content.decode()
    assert "Traceback" not in texte
    assert "not present in the file" not in texte
    assert "code" in texte


def test_unreadable_workbook_is_refused_without_a_crash(gestion: Client) -> None:
    reponse = upload(gestion, LigneCout, squeeze(10), "budget.xlsx")
    assert reponse.status_code == 200
    assert reponse.context["form"].errors


@pytest.mark.parametrize("ecran", ["export", "import"])
@pytest.mark.parametrize("modele", ECHANGES, ids=nom)
def test_exchange_pages_hold_no_inline_style_nor_script(modele: type[Model], ecran: str, gestion: Client) -> None:
    html = gestion.get(url(modele, ecran)).content.decode()
    assert not re.findall(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)[^>]*>", html)


@pytest.mark.parametrize("role", [Utilisateur.Role.AGENT, Utilisateur.Role.LECTEUR])
@pytest.mark.parametrize("ecran", ["export", "import", "process_import"])
def test_other_roles_exchange_nothing(ecran: str, role: str) -> None:
    client = Client()
    client.force_login(factories.UtilisateurFactory(role=role))
    assert client.post(url(LigneCout, ecran), follow=True).status_code == 403
