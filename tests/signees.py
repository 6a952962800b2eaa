"""Conventions with some of everything, frozen and signed in few steps, and avenants on top of them."""

from datetime import date
from decimal import Decimal
from typing import Any

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention, Politique
from documents.avenants import create_avenant
from documents.figes import DocumentFige, create_document
from documents.instantane import build_instantane, write_canonique
from fiches.models import FicheAction, Pilote, ProduitPret
from tests import factories
from tests.factories import euros

PDF = b"%PDF-1.7\nce qui part \xc3\xa0 la signature\n"
SIGNEE_LE = date(2018, 12, 4)


def reread(convention: Convention) -> Convention:
    """The convention as the database holds it, its parties loaded."""
    return Convention.objects.with_parties().select_related("avenant_de").get(pk=convention.pk)


def fill(convention: Convention, payeur: Organisation, pilote: Utilisateur) -> FicheAction:
    """Put one row at least in every table of a convention; gives its first fiche, of 6 000 € in 2018."""
    beneficiaire = next(p.organisation for p in convention.parties.all() if p.organisation_id != payeur.pk)
    section = factories.AxeFactory(convention=convention, code="1", titre="Foncier", ordre=20)
    racine = factories.AxeFactory(convention=convention, code="E.A", introduction="Attirer.", ordre=10)
    type(section).objects.filter(pk=section.pk).update(parent=racine)  # a section older than the axe it was put under
    section.refresh_from_db()
    convention.politiques.add(Politique.objects.create(cle="coeur-de-ville", nom="Action cœur de ville"))
    factories.ObjectifFactory(convention=convention)
    article = factories.ArticleFactory(convention=convention, numero=1)
    acompte = factories.MontantDeclareFactory(convention=convention, cle="acompte", lieu="article", article=article, taux=Decimal(20))
    total = factories.MontantDeclareFactory(convention=convention, cle="total", montant=euros(5000))
    type(acompte).objects.filter(pk=acompte.pk).update(base_taux=total)
    fiche = factories.FicheFactory(convention=convention, axe=section, code="E.A 1.1", titre="Observer le commerce", ordre=10)
    fiche.maitres_ouvrage.add(payeur, beneficiaire)
    nature = factories.NatureFactory(nom="Études")
    factories.LigneCoutFactory(fiche=fiche, nature=nature, annee=2018, jours=Decimal(10), tarif_journalier=euros(600), montant=euros(6000))
    factories.CoFinancementFactory(fiche=fiche, financeur=payeur, taux=Decimal(80))
    factories.CoFinancementFactory(fiche=fiche, financeur=beneficiaire, taux=Decimal(20))
    factories.TotalDeclareFactory(fiche=fiche, annee=2018, montant=euros(6000))
    factories.IndicateurFactory(fiche=fiche).cibles.create(annee=2018, valeur=Decimal(12))
    ProduitPret.objects.create(fiche=fiche, nom="Prêt d’honneur", minimum=euros(1000), maximum=euros(8000))
    Pilote.objects.create(fiche=fiche, utilisateur=pilote)
    for ligne in ({"fiche": fiche}, {"axe": racine}, {}):
        factories.RecapDeclareFactory(convention=convention, **ligne)
    factories.VersementFactory(convention=convention, payeur=payeur, beneficiaire=beneficiaire, taux=Decimal(50))
    return fiche


def freeze(convention: Convention, pdf: bytes | None = PDF, scelle: bytes | None = None, donnees: bytes | None = None) -> DocumentFige:
    """Put a convention at signature, its data as they are unless given; the document says whatever `pdf` holds."""
    convention = reread(convention)
    document = create_document(convention, None, donnees or write_canonique(build_instantane(convention)), pdf, scelle)
    Convention.objects.filter(pk=convention.pk).update(etat=Convention.Etat.A_SIGNER)
    document.convention.refresh_from_db()
    return document


def conclude(convention: Convention, jour: date = SIGNEE_LE, pdf: bytes | None = PDF, **suivi: Any) -> Convention:
    """Freeze and sign a convention; `suivi` are the days of what follows."""
    freeze(convention, pdf)
    Convention.objects.filter(pk=convention.pk).update(**{"etat": Convention.Etat.SIGNEE, "date_signature": jour} | suivi)
    return reread(convention)


def amend(user: Utilisateur, base: Convention, objet: str = "Prolonger d’un an", **champs: Any) -> Convention:
    """Open an avenant, and write columns of its convention."""
    avenant = create_avenant(user, base, objet)
    if champs:
        Convention.objects.filter(pk=avenant.pk).update(**champs)
    return reread(avenant)
