"""The life of a convention by its people: from negotiation to the first payment, then an avenant."""

import io
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention, Partie
from documents.models import DocumentFige, Signature
from fiches.models import FicheAction
from financement.models import Imputation, Paiement
from tests import factories
from tests.navigateur.conftest import ADMINISTRATRICE, AGENTE, CONSEILLER, VERROU, Atelier, Visite, build_address
from tests.navigateur.controles import check_axe, overflow
from tests.navigateur.gestes import cell, wait_ready, wait_saved

Arrive = Callable[..., Visite]
CCI = "Chambre de commerce et d’industrie de Côte-d’Or"
IBAN = "FR7630006000011234567890189"


def scan() -> bytes:
    """A page put through a scanner."""
    tampon = io.BytesIO()
    Image.new("L", (20, 30), 255).save(tampon, "PNG")
    return tampon.getvalue()


@pytest.fixture
def accord(atelier: Atelier) -> Iterator[Atelier]:
    """A convention ready to be agreed on: one validated fiche of 6 000 € by halves, an acompte of 1 200 € on 3 000 €."""
    atelier.cost("etudes", a2026=6_000)
    with VERROU:
        convention = atelier.convention
        for cle in ("dijon-metropole", "cci-cote-d-or"):
            factories.CoFinancementFactory(fiche=atelier.fiche, financeur=Organisation.objects.get(cle=cle), taux=50)
        ancien = Organisation.objects.get(cle="cci-cote-d-or").iban
        Organisation.objects.filter(cle="cci-cote-d-or").update(iban=IBAN)
        payeur, recoit = (Organisation.objects.get(cle=cle) for cle in ("dijon-metropole", "cci-cote-d-or"))
        factories.VersementFactory(convention=convention, payeur=payeur, beneficiaire=recoit, montant=factories.euros(1_200), taux=40)
        factories.VersementFactory(convention=convention, payeur=payeur, beneficiaire=recoit, nature="solde", ordre=20)
        Convention.objects.filter(pk=convention.pk).update(
            annee_debut=2026, annee_fin=2026, date_debut=date(2026, 1, 1), date_fin=date(2026, 12, 31)
        )
        FicheAction.objects.filter(pk=atelier.fiche.pk).update(etat="validee")
    yield atelier
    with VERROU:
        DocumentFige.objects.filter(convention=convention).exists()
        Signature.objects.filter(document__convention=convention).delete()
        DocumentFige.objects.filter(convention=convention).delete()
        Paiement.objects.filter(convention=convention).delete()
        Convention.objects.filter(pk=convention.pk).update(etat="en_negociation")
        Organisation.objects.filter(cle="cci-cote-d-or").update(iban=ancien)


def said(page: Page, texte: str) -> None:
    expect(page.get_by_role("status").first).to_contain_text(texte)


def fill_deliberation(page: Page, partie: str) -> None:
    bloc = page.get_by_role("listitem").filter(has_text=partie).filter(has=page.get_by_label("Numéro de délibération"))
    bloc.locator("summary").first.click()
    bloc.get_by_label("Numéro de délibération").fill("2026-7")
    bloc.get_by_label("Prise le").fill("2026-09-27")
    bloc.get_by_label("Exécutoire le").fill("2026-10-02")
    bloc.get_by_label("Signataire").fill("Camille Morel")
    bloc.get_by_label("Qualité").fill("Présidente")
    bloc.get_by_role("button", name="Enregistrer", exact=True).click()
    said(page, "c’est enregistré")


def sign_on_paper(page: Page, partie: str) -> None:
    bloc = page.get_by_role("listitem").filter(has=page.get_by_label("Exemplaire signé")).filter(has_text=partie)
    bloc.locator("summary").click()
    bloc.get_by_label("Sur papier").check()
    bloc.get_by_label("Signée le").fill(f"{date.today():%Y-%m-%d}")
    bloc.get_by_label("Exemplaire signé").set_input_files({"name": "scan.png", "mimeType": "image/png", "buffer": scan()})
    bloc.get_by_role("button", name="Enregistrer la signature").click()


def step(page: Page, action: str, **champs: str) -> None:
    """One step of the payment shown."""
    page.locator("summary", has_text=action).first.click()
    for nom, valeur in champs.items():
        page.locator(f"details[open] [name={nom}]").fill(valeur)
    page.locator("details[open]").get_by_role("button", name=action).click()


def test_convention_goes_from_negotiation_to_its_first_payment(
    accord: Atelier, arrive: Arrive, record_property: Any, tmp_path: Path
) -> None:
    nadia, hugo, claire = arrive(AGENTE), arrive(CONSEILLER), arrive(ADMINISTRATRICE)
    vie = accord.locate("vie")
    # Both agree on the same text.
    page = nadia.go(vie)
    page.get_by_role("button", name="Donner l’accord de votre organisation").click()
    said(page, "Il reste à recevoir celui de")
    page = hugo.go(vie)
    page.get_by_role("button", name="Donner l’accord de votre organisation").click()
    said(page, "Accord enregistré.")
    expect(page.locator("[aria-current=step]")).to_contain_text("Validée")
    # What is missing is told, then given.
    page = nadia.go(vie)
    page.get_by_role("button", name="Constater les délibérations").click()
    expect(page.get_by_role("alert")).to_contain_text("Enregistrez la délibération de")
    page = nadia.go(vie)
    fill_deliberation(page, "Dijon Métropole")
    fill_deliberation(page, CCI)
    page.get_by_role("button", name="Constater les délibérations").click()
    said(page, "Délibérations constatées.")
    # An agent may not freeze; what blocks is accepted, then the administrator freezes.
    expect(page.get_by_text("Cette étape revient à un administrateur").first).to_be_visible()
    accept_all(accord)
    page = claire.go(vie)
    page.get_by_role("button", name="Mettre à la signature").click()
    said(page, "Document figé")
    check_axe(page, record_property)
    assert overflow(page) == []
    # The document is recognised, anything else is not.
    with page.expect_download() as attente:
        page.get_by_role("link", name="Ses données (JSON)").click()
    donnees = tmp_path / "donnees.json"
    attente.value.save_as(donnees)
    page.get_by_text("Vérifier un fichier reçu").click()
    page.get_by_label("Fichier à comparer").set_input_files(donnees)
    page.get_by_role("button", name="Vérifier", exact=True).click()
    expect(page.get_by_text("Ce sont les données du document mis à la signature")).to_be_visible()
    check_axe(page, record_property)
    # Both sign on paper: the last signature makes it signed.
    page = nadia.go(vie)
    sign_on_paper(page, CCI)
    said(page, f"Signature de {CCI}")
    sign_on_paper(page, "Dijon Métropole")
    said(page, "Toutes les parties ont signé.")
    page.get_by_label("Notifiée le").fill(f"{date.today():%Y-%m-%d}")
    page.get_by_role("button", name="Notifier la convention").click()
    said(page, "Notification enregistrée.")
    # The CCI asks for its acompte, the Métropole pays it step by step.
    page = hugo.go(accord.locate("versements"))
    page.locator("summary", has_text="Demander ce versement").first.click()
    page.get_by_role("button", name="Demander", exact=True).first.click()
    said(page, "Versement demandé.")
    page = claire.go(accord.locate("versements"))
    step(page, "Constater le service fait")
    said(page, "Service fait constaté.")
    page.locator("summary", has_text="Liquider").click()
    with VERROU:
        compte = str(Imputation.objects.get().pk)
    page.get_by_label("Imputation").select_option(compte)
    page.locator("details[open]").get_by_role("button", name="Liquider").click()
    said(page, "Paiement liquidé.")
    step(page, "Mandater", numero_bordereau="12", numero_mandat="345")
    said(page, "Paiement mandaté.")
    check_axe(page, record_property)
    step(page, "Enregistrer le paiement")
    said(page, "Paiement enregistré.")
    expect(page.get_by_text("1\u202f200\u00a0€ payés")).to_be_visible()
    assert overflow(page) == []
    # Everything is in the auditor's file.
    page = claire.go(vie)
    with page.expect_download() as attente:
        page.get_by_role("button", name="Télécharger le dossier").click()
    with zipfile.ZipFile(io.BytesIO(Path(attente.value.path()).read_bytes())) as archive:
        noms = archive.namelist()
    assert any(nom.endswith("document.pdf") for nom in noms)
    assert any("/signatures/" in nom for nom in noms)
    page = claire.go(build_address("journal", accord.convention.reference))
    expect(page.get_by_text("Chaîne intacte")).to_be_visible()
    check_axe(page, record_property)
    assert nadia.plaintes + hugo.plaintes == ["422 : " + p.split("422 : ")[1] for p in nadia.plaintes if p.startswith("422")]


def accept_all(atelier: Atelier) -> None:
    """What the smallest convention lacks is accepted, so that nothing blocks."""
    from financement.controles.acceptations import accept
    from financement.controles.verification import verify
    from financement.models import Contradiction

    with VERROU:
        convention = Convention.objects.with_parties().get(pk=atelier.convention.pk)
        verify(convention)
        points = dict(Contradiction.objects.filter(convention=convention).values_list("pk", "empreinte"))
        accept(Utilisateur.objects.get(email=AGENTE), convention, points, "Accepté pour la démonstration.")


def test_avenant_is_opened_and_tells_what_changes(atelier: Atelier, arrive: Arrive, record_property: Any) -> None:
    atelier.cost("etudes", a2018=100)
    with VERROU:
        Convention.objects.filter(pk=atelier.convention.pk).update(etat="executoire", date_signature=date(2018, 11, 2))
    visite = arrive(AGENTE)
    page = visite.go(atelier.locate("vie"))
    page.get_by_text("Préparer un avenant").click()
    page.get_by_label("À quoi sert cet avenant").fill("Porter les études à 250 €.")
    page.get_by_role("button", name="Ouvrir l’avenant").click()
    said(page, "Avenant n°\u00a01 ouvert.")
    expect(page.get_by_role("heading", name="Rien ne change encore")).to_be_visible()
    page.get_by_role("link", name="fiches", exact=True).click()
    page.get_by_role("link", name="Accompagner les commerces").first.click()
    page.get_by_role("link", name="Modifier").first.click()
    wait_ready(page)
    cellule = cell(page, "Études, 2018")
    with page.expect_response("**/enregistrer/"):
        cellule.fill("250 €")
        cellule.press("Tab")
    wait_saved(page)
    visite.go(build_address("avenant", f"{atelier.convention.reference}-AV1"))
    expect(page.locator(".changements")).to_contain_text("Études, 2018")
    expect(page.locator(".changements")).to_contain_text("250\u00a0€")
    check_axe(page, record_property)
    assert overflow(page) == []
    with VERROU:
        avenant = Convention.objects.get(avenant_de=atelier.convention)
        assert Partie.objects.filter(convention=avenant, deliberation_date=None).count() == 2
