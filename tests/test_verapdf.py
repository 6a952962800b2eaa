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

from conventions.models import Convention
from documents.avenant_pdf import publish_avenant
from documents.publication import publish_convention
from documents.sceau import seal_document
from tests import factories
from tests.signees import amend, conclude, reread
from tests.test_pades import PHRASE, PLATEFORME
from tests.test_pdf import print_demonstration
from tests.verapdf import controle
from tests.vie import make_project

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


def print_at_signature(dossier: Path, settings: Any) -> dict[str, bytes]:
    """The document of a small agreement as it is signed, its sealed copy, and an avenant that changes a bit of everything."""
    (dossier / "sceau.p12").write_bytes(PLATEFORME.lock())
    settings.SCEAU_FICHIER, settings.SCEAU_PHRASE = str(dossier / "sceau.p12"), PHRASE
    projet = make_project()
    fiche = projet.convention.fiches.get()
    fiche.constat = "Le commerce de centre-ville perd ses enseignes, et les friches s’y installent. " * 3
    fiche.save()
    factories.LigneCoutFactory(fiche=fiche, annee=2018)
    factories.ArticleFactory(convention=projet.convention, numero=1)
    convention = projet.fresh()
    convention.etat = Convention.Etat.A_SIGNER
    fige = publish_convention(convention)
    avenant = amend(projet.gens["agent financeur"], conclude(projet.convention), "Prolonger d’un an", date_fin=date(2021, 12, 31))
    avenant.fiches.update(constat=fiche.constat.replace("friches", "locaux vides"))
    avenant.articles.all().delete()
    avenant.fiches.get().lignes_cout.update(montant=Decimal(250))
    neuve = factories.FicheFactory(convention=avenant, axe=avenant.axes.get(), code="E.A 2", contenus="- Un\n- **Deux**")
    factories.LigneCoutFactory(fiche=neuve, annee=2019)
    change = publish_avenant(reread(avenant))
    return {"à signer": fige, "scellé": seal_document(fige, convention) or b"", "avenant": change}


def test_every_document_is_pdf_a_3a_and_pdf_ua_1(imprimes: dict[str, bytes], convention: Convention, tmp_path: Path, settings: Any) -> None:
    documents = imprimes | {"signée, trois parties": print_signed(convention), "vide": print_bare()}
    documents |= print_at_signature(tmp_path, settings)
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
