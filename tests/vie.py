"""A convention at any step of its life, with the people who make it go on."""

import sys
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from comptes.models import Organisation, Utilisateur
from conventions.models import Axe, Convention, Partie
from documents.figes import create_document
from documents.instantane import build_instantane, compute_empreinte_texte, write_canonique
from documents.models import Accord, DocumentFige, Signature
from documents.vie import actes, conditions
from fiches.models import FicheAction
from tests.factories import AxeFactory, ConventionFactory, FicheFactory, OrganisationFactory, PartieFactory

Etat = Convention.Etat
PDF = b"%PDF-1.7 document a signer"
DELIBERATION, SIGNATURE, NOTIFICATION, VIGUEUR = date(2017, 11, 6), date(2018, 1, 8), date(2018, 1, 15), date(2018, 2, 1)
# Days that a convention bears once it is in a state.
JALONS: dict[str, dict[str, date]] = {
    Etat.SIGNEE: {"date_signature": SIGNATURE},
    Etat.NOTIFIEE: {"date_signature": SIGNATURE, "date_notification": NOTIFICATION},
    Etat.EXECUTOIRE: {"date_signature": SIGNATURE, "date_notification": NOTIFICATION, "date_executoire": VIGUEUR},
    Etat.SOLDEE: {"date_signature": SIGNATURE, "date_notification": NOTIFICATION, "date_executoire": VIGUEUR},
    Etat.RESILIEE: {"date_signature": SIGNATURE},
}
AU_DOCUMENT = (Etat.A_SIGNER, *Convention.ETATS_SIGNES)


def type_small_pdfs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Documents are not typeset: what is frozen is these few bytes."""
    for nom in ("publish_convention", "publish_avenant"):
        monkeypatch.setattr(actes, nom, lambda convention: PDF)


def find_no_contradiction(monkeypatch: pytest.MonkeyPatch) -> None:
    """The controls of coherence, which have their own tests, are not asked each time."""
    monkeypatch.setattr(conditions, "find_bloquantes", lambda convention: [])


def hold_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text never changes and nothing contradicts it, for tests of many acts where only people and states count."""
    find_no_contradiction(monkeypatch)
    ici = sys.modules[__name__]
    for module in (actes, ici):
        monkeypatch.setattr(module, "build_instantane", lambda convention: {})
    for module in (conditions, ici):
        monkeypatch.setattr(module, "compute_empreinte_texte", lambda convention: "a" * 64)


@dataclass
class Projet:
    """A convention between a financeur and a bénéficiaire, which nothing keeps from going on, and people of all kinds."""

    convention: Convention
    financeur: Partie
    beneficiaire: Partie
    gens: dict[str, Utilisateur]

    def fresh(self) -> Convention:
        """The convention as a page reads it."""
        return Convention.objects.with_parties().get(pk=self.convention.pk)

    def put(self, etat: str) -> Convention:
        """The convention as it is in a state: its days, its document, the agreements on its text."""
        jalons = dict.fromkeys(("date_signature", "date_notification", "date_executoire", "date_cloture"))
        Convention.objects.filter(pk=self.convention.pk).update(**jalons | JALONS.get(etat, {}) | {"etat": etat})
        documents = DocumentFige.objects.filter(convention=self.convention)
        if etat in AU_DOCUMENT and not documents.exists():
            self.freeze()
        documents.update(retire_le=None if etat in AU_DOCUMENT else timezone.now())
        return self.fresh()

    def freeze(self) -> DocumentFige:
        """Keep a document, made the day before the signature."""
        convention = self.fresh()
        document = create_document(convention, None, write_canonique(build_instantane(convention)), PDF)
        document.fait_le = datetime(2018, 1, 7, 10, tzinfo=ZoneInfo("Europe/Paris"))
        document.save()
        return document

    def agree(self, *parties: Partie) -> None:
        """Agreements on the text as it is, of all the parties unless some are named."""
        empreinte = compute_empreinte_texte(self.fresh())
        for partie in parties or (self.financeur, self.beneficiaire):
            Accord.objects.update_or_create(
                convention=self.convention, organisation=partie.organisation, defaults={"empreinte": empreinte, "auteur": None}
            )

    def sign(self, *parties: Partie) -> None:
        """Signatures of parties on the document, recorded."""
        document = DocumentFige.objects.current().get(convention=self.convention)
        for partie in parties:
            Signature.objects.create(document=document, partie=partie, mode="ailleurs", signataire="X", date=SIGNATURE, preuve="Mairie")


def make_party(convention: Convention, nom: str, role: str, ordre: int) -> Partie:
    """A party whose assembly has deliberated and whose signatory is known."""
    organisation = OrganisationFactory(nom=f"{nom} d’essai", sigle=nom)
    return PartieFactory(**_describe(convention, organisation, nom, role, ordre))


def _describe(convention: Convention, organisation: Organisation, nom: str, role: str, ordre: int) -> dict[str, Any]:
    return {
        "convention": convention,
        "organisation": organisation,
        "denomination": f"{nom} d’essai",
        "nom_court": nom,
        "role": role,
        "ordre": ordre,
        "civilite": "Madame",
        "signataire": "Anne Essai",
        "qualite": "Présidente",
        "deliberation_numero": "2017-11",
        "deliberation_date": DELIBERATION,
        "deliberation_executoire": date(2017, 11, 10),
    }


def make_project() -> Projet:
    """The smallest convention for which every condition holds, with one validated fiche. Written at once: tests are many."""
    noms = {"Agglo": "financeur", "CCI": "beneficiaire", "Voisine": ""}
    organisations = OrganisationFactory.build_batch(len(noms))
    for organisation, nom in zip(organisations, noms, strict=True):
        organisation.nom, organisation.sigle = f"{nom} d’essai", nom
    agglo, cci, voisine = Organisation.objects.bulk_create(organisations)
    convention = ConventionFactory.build(
        reference="ESSAI-1", date_debut=date(2018, 1, 1), date_fin=date(2020, 12, 31), periode="2018 – 2020"
    )
    Convention.objects.bulk_create([convention])
    parties = [
        Partie(**_describe(convention, agglo, "Agglo", "financeur", 10)),
        Partie(**_describe(convention, cci, "CCI", "beneficiaire", 20)),
    ]
    Partie.objects.bulk_create(parties)
    axe = AxeFactory.build(convention=convention, code="E.A")
    Axe.objects.bulk_create([axe])
    fiche = FicheFactory.build(convention=convention, axe=axe, code="E.A 1", titre="Aider les commerces", etat="validee")
    FicheAction.objects.bulk_create([fiche])
    gens = {
        f"{role} {cote}": Utilisateur(organisation=organisation, role=role)
        for cote, organisation in (("financeur", agglo), ("beneficiaire", cci))
        for role in ("lecteur", "agent", "administrateur")
    }
    gens |= {"exploitant": Utilisateur(is_superuser=True), "etranger": Utilisateur(organisation=voisine, role="agent")}
    for rang, (qui, personne) in enumerate(gens.items()):
        personne.prenom, personne.nom, personne.email = qui.split()[0].capitalize(), "Essai", f"essai{rang}@exemple.example"
    Utilisateur.objects.bulk_create(gens.values())
    return Projet(convention, *parties, gens)
