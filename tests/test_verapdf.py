"""Conformance of printed documents to PDF/A-3a and PDF/UA-1."""

import os
from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from PIL import Image

from comptes.models import Utilisateur
from conventions.models import Convention
from documents.avenant_pdf import publish_avenant
from documents.publication import publish_convention
from documents.sceau import seal_document
from tests import factories
from tests.signees import amend, reread
from tests.test_bilan_documents import print_small
from tests.test_pades import PHRASE, PLATEFORME
from tests.test_pdf import print_demonstration
from tests.verapdf import controle

pytestmark = [pytest.mark.verapdf, pytest.mark.django_db]


@pytest.fixture(scope="session")
def imprimes(django_db_setup: None, django_db_blocker: Any) -> dict[str, bytes]:
    with django_db_blocker.unblock():
        return print_demonstration()


@pytest.fixture(autouse=True)
def _checker() -> None:
    if reason := controle.reason_missing():
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


def print_signed(convention: Convention) -> bytes:
    """A signed convention of three parties, one with its logo."""
    image = BytesIO()
    Image.new("RGBA", (60, 20), (10, 85, 70, 128)).save(image, "PNG")
    convention.parties.first().organisation.logo.save("logo.png", ContentFile(image.getvalue()))
    factories.PartieFactory(convention=convention, ordre=30)
    factories.ArticleFactory(convention=convention, numero=1)
    factories.LigneCoutFactory(fiche=factories.FicheFactory(convention=convention), annee=2018)
    convention.etat, convention.date_signature = Convention.Etat.SIGNEE, date(2018, 12, 4)
    convention.save()
    return publish_convention(Convention.objects.with_parties().get(pk=convention.pk))


def print_bare() -> bytes:
    """A convention with nothing in it."""
    return publish_convention(Convention.objects.with_parties().get(pk=factories.ConventionFactory().pk))


def print_at_signature(signee: Convention, user: Utilisateur, dossier: Path, settings: Any) -> dict[str, bytes]:
    """The document of an agreement as it goes to signature, its sealed copy, and an avenant that changes a bit of everything."""
    (dossier / "sceau.p12").write_bytes(PLATEFORME.lock())
    settings.SCEAU_FICHIER, settings.SCEAU_PHRASE = str(dossier / "sceau.p12"), PHRASE
    convention = reread(signee)
    convention.etat = Convention.Etat.A_SIGNER
    fige = publish_convention(convention)
    avenant = amend(user, signee, date_fin=date(2021, 12, 31), preambule="Le commerce de centre-ville perd ses enseignes. " * 5)
    avenant.articles.all().delete()
    avenant.fiches.get().lignes_cout.update(montant=Decimal(250))
    neuve = factories.FicheFactory(convention=avenant, axe=avenant.axes.get(), contenus="- Un\n- **Deux**")
    factories.LigneCoutFactory(fiche=neuve, annee=2019)
    return {"à signer": fige, "scellé": seal_document(fige, convention) or b"", "avenant": publish_avenant(reread(avenant))}


def test_every_document_is_pdf_a_3a_and_pdf_ua_1(
    imprimes: dict[str, bytes], convention: Convention, agent: Utilisateur, tmp_path: Path, settings: Any
) -> None:
    documents = imprimes | {"signée, trois parties": print_signed(convention), "vide": print_bare()}
    documents |= print_at_signature(convention, agent, tmp_path, settings) | print_small()
    fichiers = []
    for nom, contenu in documents.items():
        fichiers.append(tmp_path / f"{nom}.pdf")
        fichiers[-1].write_bytes(contenu)
    controle.verify_all(fichiers)


def test_checker_refuses_what_is_not_accessible(tmp_path: Path) -> None:
    import weasyprint

    fichier = tmp_path / "ordinaire.pdf"
    weasyprint.HTML(string="<html lang=fr><title>Essai</title><p>Bonjour").write_pdf(fichier)
    (verdict,) = controle.check([fichier], ["ua1"])
    assert verdict.status == "FAIL"
    assert verdict.rules
