"""Who reaches which address: one table holds every address, a new one must be entered in it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from comptes.models import Utilisateur
from conventions.models import Convention, MontantDeclare, Travail
from documents import views
from documents.figes import keep_file
from documents.models import DocumentFige, Signature
from documents.vues import avenants, bilans
from fiches.models import Commentaire, FicheAction, Indicateur, ProduitPret
from financement.imports.actes import analyse, confirm
from financement.models import (
    Acceptation,
    Bilan,
    CoFinancement,
    Contradiction,
    CreditExercice,
    ImportBudget,
    LigneCout,
    MontantRecapDeclare,
    PageImport,
    Paiement,
    PieceVersement,
    Realisation,
    Reprise,
    Reversement,
    TotalDeclare,
    Versement,
)
from socle.controles import Constat, Lieu
from tests import factories
from tests.copies import Copie, read_tables

pytestmark = pytest.mark.filterwarnings("ignore:No directory at")  # whitenoise, before collectstatic
REFERENCE, SLUG = "ESSAI-1", "e-a-1-1"
PK, JETEE, NUMERO, AXE, IMPORT = 900_001, 900_002, 900_003, 900_004, 900_005  # fiche, fiche in the corbeille, comment, axe, import
CONSTAT, ACCEPTE, REPRISE = 900_006, 900_007, 900_008  # a contradiction, one accepted, a correction
PAYEUR, VERSEMENT, PAIEMENT, PIECE, CHANGEMENT = 900_021, 900_022, 900_023, 900_024, 900_025  # what is paid, by whom, to which account
PARTIE, DOCUMENT, SIGNATURE = 900_031, 900_032, 900_033  # a party, a document taken back from signature, a copy that was signed
ANNEE, FICHE_BILAN, LIGNE_BILAN, PIECE_BILAN = 2018, 900_041, 900_042, 900_043  # what a bilan holds
OBSERVATION, REALISATION, NATURE, PART_BILAN = (
    900_044,
    900_045,
    900_046,
    900_047,
)  # what is observed, noted in the carnet, on what nature of expense
COMPTE = "organisation-essai"
TRAVAIL = 900_051  # work done beside the pages
EMPREINTE = Constat("", "", (Lieu("", "E.A 9"), Lieu("", "E.A 1.1")), constate="E.A 9", attendu="E.A 1.1").empreinte
POINT = f"{CONSTAT}:{EMPREINTE}"
FACTURE = b"%PDF-1.7\n"
FICHIER = "Code;Nature;Année;Montant\nE.A 1.1;Études;2020;50\n".encode()


@dataclass(frozen=True)
class Adresse:
    """What an address takes, and what a stranger is answered there."""

    arguments: dict[str, Any] = field(default_factory=dict)
    anonyme: int = 302
    lecteur: int = 200
    lecture_seule: bool = True


CONVENTION = Adresse({"reference": REFERENCE})
FICHE = Adresse({"reference": REFERENCE, "slug": SLUG})
ECRITE = Adresse({"reference": REFERENCE, "slug": SLUG}, lecteur=403, lecture_seule=False)
POSTEE = Adresse({"reference": REFERENCE, "slug": SLUG}, lecteur=405, lecture_seule=False)
MACHINE = Adresse({"reference": REFERENCE, "pk": PK}, lecteur=405, lecture_seule=False)
IMPORTATION = Adresse({"reference": REFERENCE, "pk": IMPORT})
IMPORTEE = Adresse({"reference": REFERENCE, "pk": IMPORT}, lecteur=405, lecture_seule=False)
A_CONTROLER = Adresse({"reference": REFERENCE}, lecteur=405, lecture_seule=False)
DU_BILAN = {"reference": REFERENCE, "annee": ANNEE}
BILAN = Adresse(DU_BILAN)
BILAN_ECRIT = Adresse(DU_BILAN, lecteur=405, lecture_seule=False)
PAGE = Adresse()
PUBLIQUE = Adresse(anonyme=200)
TABLE = {
    "accueil": PAGE,
    "recherche": PAGE,
    "conventions": PAGE,
    "convention": CONVENTION,
    "fiches": CONVENTION,
    "fiche": FICHE,
    "budget": CONVENTION,
    "articles": CONVENTION,
    "famille": CONVENTION,
    "convention_pdf": CONVENTION,
    "recapitulatif_pdf": CONVENTION,
    "recapitulatif_xlsx": CONVENTION,
    "budget_tableur": Adresse({"reference": REFERENCE, "forme": "xlsx"}),
    "controles": CONVENTION,
    "controles_fraicheur": CONVENTION,
    "controles_pdf": CONVENTION,
    "controles_verifier": A_CONTROLER,
    "controles_accepter": A_CONTROLER,
    "controles_rouvrir": A_CONTROLER,
    "controles_corriger": A_CONTROLER,
    "reprise_annuler": Adresse({"reference": REFERENCE, "pk": REPRISE}, lecteur=405, lecture_seule=False),
    "rapprochement": CONVENTION,
    "rapprochement_pdf": CONVENTION,
    "rapprochement_xlsx": CONVENTION,
    "rapprochement_reprendre": A_CONTROLER,
    "versements": CONVENTION,
    "versement_demander": Adresse({"reference": REFERENCE, "versement": VERSEMENT}, lecteur=405, lecture_seule=False),
    "versement_constater": Adresse({"reference": REFERENCE, "versement": VERSEMENT}, lecteur=405, lecture_seule=False),
    "versement_joindre": Adresse({"reference": REFERENCE, "versement": VERSEMENT}, lecteur=405, lecture_seule=False),
    "versement_piece": Adresse({"reference": REFERENCE, "pk": PIECE}),
    "paiement_avancer": Adresse({"reference": REFERENCE, "pk": PAIEMENT, "action": "service_fait"}, lecteur=405, lecture_seule=False),
    "versement_crediter": Adresse({"reference": REFERENCE, "payeur": PAYEUR}, lecteur=405, lecture_seule=False),
    "versement_reverser": Adresse({"reference": REFERENCE, "payeur": PAYEUR}, lecteur=405, lecture_seule=False),
    "bilans": CONVENTION,
    "bilan_pluriannuel": CONVENTION,
    "bilan_pluriannuel_document": Adresse({"reference": REFERENCE, "forme": "pdf"}),
    "bilan": BILAN,
    "bilan_document": Adresse(DU_BILAN | {"forme": "pdf"}),
    "bilan_diaporama": BILAN,
    "bilan_compte_rendu": Adresse(DU_BILAN | {"forme": "xlsx"}),
    "bilan_modele": BILAN,
    "bilan_piece": Adresse(DU_BILAN | {"pk": PIECE_BILAN}),
    "bilan_passer": Adresse(DU_BILAN | {"action": "soumettre"}, lecteur=405, lecture_seule=False),
    "bilan_ouvrir": BILAN_ECRIT,
    "bilan_plan": BILAN_ECRIT,
    "bilan_importer": Adresse(DU_BILAN, lecteur=403, lecture_seule=False),
    "bilan_grille": Adresse(DU_BILAN, lecteur=302, lecture_seule=False),
    "bilan_enregistrer": BILAN_ECRIT,
    "bilan_calcul": BILAN_ECRIT,
    "bilan_fiche": Adresse(DU_BILAN | {"pk": FICHE_BILAN}, lecture_seule=False),
    "bilan_ligne_ajouter": Adresse(DU_BILAN | {"pk": FICHE_BILAN}, lecteur=405, lecture_seule=False),
    "bilan_ligne_retirer": Adresse(DU_BILAN | {"pk": LIGNE_BILAN}, lecteur=405, lecture_seule=False),
    "bilan_part_ajouter": Adresse(DU_BILAN | {"pk": FICHE_BILAN}, lecteur=405, lecture_seule=False),
    "bilan_part_retirer": Adresse(DU_BILAN | {"pk": PART_BILAN}, lecteur=405, lecture_seule=False),
    "bilan_joindre": Adresse(DU_BILAN | {"pk": FICHE_BILAN}, lecteur=405, lecture_seule=False),
    "bilan_piece_retirer": Adresse(DU_BILAN | {"pk": PIECE_BILAN}, lecteur=405, lecture_seule=False),
    "bilan_observer": BILAN_ECRIT,
    "bilan_observation_regler": Adresse(DU_BILAN | {"pk": OBSERVATION}, lecteur=405, lecture_seule=False),
    "carnet": CONVENTION,
    "carnet_noter": A_CONTROLER,
    "carnet_retirer": Adresse({"reference": REFERENCE, "pk": REALISATION}, lecteur=405, lecture_seule=False),
    "carnet_piece": Adresse({"reference": REFERENCE, "pk": REALISATION}),
    "travaux": Adresse(lecteur=403),
    "travail": Adresse({"pk": TRAVAIL}),
    "travail_arreter": Adresse({"pk": TRAVAIL}, lecteur=405, lecture_seule=False),
    "travail_relancer": Adresse({"pk": TRAVAIL}, lecteur=405, lecture_seule=False),
    "portefeuille": PAGE,
    "portefeuille_tableur": Adresse({"forme": "csv"}),
    "compte_bancaire": Adresse({"cle": COMPTE}, lecture_seule=False),
    "compte_confirmer": Adresse({"cle": COMPTE, "pk": CHANGEMENT}, lecteur=405, lecture_seule=False),
    "vie": CONVENTION,
    "vie_preparation": CONVENTION,
    "vie_passer": Adresse({"reference": REFERENCE, "action": "ouvrir"}, lecteur=405, lecture_seule=False),
    "vie_deliberation": Adresse({"reference": REFERENCE, "partie": PARTIE}, lecteur=405, lecture_seule=False),
    "deliberation_fichier": Adresse({"reference": REFERENCE, "partie": PARTIE}),
    "journal": CONVENTION,
    "journal_csv": CONVENTION,
    "vie_signer": Adresse({"reference": REFERENCE, "partie": PARTIE}, lecteur=405, lecture_seule=False),
    "signature_fichier": Adresse({"reference": REFERENCE, "pk": SIGNATURE}),
    "vie_verifier": A_CONTROLER,
    "document_fige": Adresse({"reference": REFERENCE, "pk": DOCUMENT, "forme": "pdf"}),
    "avenant_ouvrir": A_CONTROLER,
    "reconduire": A_CONTROLER,
    "dossier": A_CONTROLER,
    "avenant": Adresse({"reference": REFERENCE}, lecteur=404),  # of an agreement: only an avenant changes something
    "avenant_pdf": Adresse({"reference": REFERENCE}, lecteur=404),
    "consolidee_pdf": CONVENTION,
    "donnees_ouvertes": PAGE,
    "subventions_csv": PAGE,
    "imports": Adresse({"reference": REFERENCE}, lecture_seule=False),
    "import_budget": IMPORTATION,
    "import_progres": IMPORTATION,
    "import_fichier": IMPORTATION,
    "import_annote": Adresse({"reference": REFERENCE, "pk": IMPORT}, lecteur=404),
    "import_colonnes": IMPORTEE,
    "import_confirmer": IMPORTEE,
    "import_annuler": IMPORTEE,
    "import_abandonner": IMPORTEE,
    "fiche_pdf": FICHE,
    "fiche_historique": FICHE,
    "corbeille": Adresse({"reference": REFERENCE}, lecteur=403),
    "fiche_nouvelle": Adresse({"reference": REFERENCE}, lecteur=403, lecture_seule=False),
    "fiches_lot": Adresse({"reference": REFERENCE}, lecteur=405, lecture_seule=False),
    "fiche_modifier": Adresse({"reference": REFERENCE, "slug": SLUG}, lecteur=302, lecture_seule=False),
    "fiche_deplacer": ECRITE,
    "fiche_supprimer": ECRITE,
    "fiche_restaurer": ECRITE,
    "fiche_dupliquer": POSTEE,
    "fiche_ordonner": POSTEE,
    "fiche_etat": POSTEE,
    "fiche_enregistrer": MACHINE,
    "fiche_calcul": MACHINE,
    "fiche_presence": MACHINE,
    "fiche_apercu": MACHINE,
    "fiche_financeur": MACHINE,
    "fiche_commenter": MACHINE,
    "fiche_commentaires_lus": MACHINE,
    "fiche_commentaire_regler": Adresse({"reference": REFERENCE, "pk": PK, "numero": NUMERO}, lecteur=405, lecture_seule=False),
    "fiche_recuperer": Adresse({"reference": REFERENCE, "pk": JETEE}, lecteur=405, lecture_seule=False),
    "preferences": Adresse(lecture_seule=False),
    "agenda": Adresse(lecture_seule=False),
    "calendrier": Adresse({"jeton": "faux"}, anonyme=404, lecteur=404),
    "jeton": PAGE,
    "resume_desabonner": Adresse({"jeton": "faux"}, anonyme=404, lecteur=404, lecture_seule=False),
    "aide": PUBLIQUE,
    "aide_parcours": Adresse({"cle": "signature"}, anonyme=200),
    "accessibilite": PUBLIQUE,
    "mentions_legales": PUBLIQUE,
    "confidentialite": PUBLIQUE,
    "registre": PAGE,
    "registre_tableur": Adresse({"forme": "ods"}),
    "sante": PUBLIQUE,
    "pret": PUBLIQUE,
    "metriques": Adresse(anonyme=404, lecteur=404, lecture_seule=True),
    "account_login": Adresse(anonyme=200, lecteur=302, lecture_seule=False),
    "account_inactive": PUBLIQUE,
    "account_logout": Adresse(lecteur=200, lecture_seule=False),
    "account_change_password": Adresse(lecteur=200, lecture_seule=False),
    "account_reset_password": Adresse(anonyme=200, lecteur=200, lecture_seule=False),
    "account_reset_password_done": Adresse(anonyme=200, lecteur=200, lecture_seule=False),
    "account_reset_password_from_key": Adresse({"uidb36": "1", "key": "faux"}, anonyme=200, lecteur=200, lecture_seule=False),
    "account_reset_password_from_key_done": Adresse(anonyme=200, lecteur=200, lecture_seule=False),
}
A_CONVENTION = [nom for nom, adresse in TABLE.items() if "reference" in adresse.arguments]
LUES = [nom for nom, adresse in TABLE.items() if adresse.lecture_seule]
OUVERTES = [nom for nom in LUES if TABLE[nom].lecteur == 200]


@dataclass(frozen=True)
class Ecriture:
    """What a writing address is sent: a form, or an object in JSON; what it answers when the writing may not be done."""

    envoi: dict[str, Any] | str
    agent: int = 302  # 403 when only an administrateur writes there
    lecteur: int = 403
    validee: int = 403
    signee: int = 403


def write_json(**objet: Any) -> str:
    return json.dumps(objet)


COLONNES = {"forme": "long", "c-A": "code", "c-B": "nature", "c-C": "annee", "c-D": "montant"}
ECRITURES = {
    "fiche_enregistrer": Ecriture(write_json(modifications=[{"champ": "constat", "avant": "", "apres": "Peu de bureaux."}]), 200),
    "fiche_calcul": Ecriture(write_json(champs={"constat": "Peu de bureaux."}), 200, 200, 200, 200),
    "fiche_presence": Ecriture(write_json(champ="constat", version=""), 200, 200, 200, 200),
    "fiche_apercu": Ecriture({"texte": "**Gras**"}, 200, 200, 200, 200),
    "fiche_financeur": Ecriture({"nom": "Banque des territoires"}, 200),
    "fiche_commenter": Ecriture({"rubrique": "constat", "texte": "À préciser."}, validee=302, signee=302),
    "fiche_commentaires_lus": Ecriture({}, lecteur=302, validee=302, signee=302),
    "fiche_commentaire_regler": Ecriture({}, validee=302, signee=302),
    "fiche_recuperer": Ecriture({}, validee=302),
    "fiches_lot": Ecriture({"fiche": PK, "acte": "etat:soumettre"}, validee=302),
    "fiche_nouvelle": Ecriture({"axe": AXE, "titre": "Aider les commerces"}, validee=302),
    "fiche_modifier": Ecriture({"avant|constat": "", "constat": "Peu de bureaux."}),
    "fiche_deplacer": Ecriture({"axe": AXE, "code": "E.A 7"}),
    "fiche_dupliquer": Ecriture({}, validee=302),
    "fiche_ordonner": Ecriture({"sens": "descendre"}, validee=302),
    "fiche_etat": Ecriture({"action": "soumettre"}, validee=302),
    "fiche_supprimer": Ecriture({}),
    "fiche_restaurer": Ecriture({"champ": "cible", "au": "2000-01-01T00:00:00+00:00"}),
    "controles_verifier": Ecriture({}, validee=302, signee=302),
    "controles_accepter": Ecriture({"point": POINT, "motif": "Convenu avec la chambre."}, validee=302, signee=302),
    "controles_rouvrir": Ecriture({"acceptation": ACCEPTE}, validee=302, signee=302),
    "controles_corriger": Ecriture({"point": POINT, "rang": "0"}, validee=302, signee=302),
    "reprise_annuler": Ecriture({}, validee=302, signee=302),
    "rapprochement_reprendre": Ecriture({"sens": "fiche", "cellule": f"{PK}.2018.total:1.00:100.00"}, validee=302),
    "versement_demander": Ecriture({"montant": "50", "exercice": "2018", "jour": "2018-11-02"}),
    "versement_constater": Ecriture({"jour": "2018-11-02", "motif": "Bilan reçu"}),
    "versement_joindre": Ecriture({}),
    "paiement_avancer": Ecriture({"jour": "2018-11-02"}),
    "versement_crediter": Ecriture({"exercice": "2018", "cp": "500"}),
    "versement_reverser": Ecriture({"montant": "50", "jour": "2019-03-01", "numero": "T-9", "motif": "Trop-perçu"}),
    "bilan_ouvrir": Ecriture({}, lecteur=302),  # the one that is open already
    "bilan_plan": Ecriture({}),
    "bilan_importer": Ecriture({}),
    "bilan_grille": Ecriture({f"avant|montant.{LIGNE_BILAN}": "", f"montant.{LIGNE_BILAN}": "50"}),
    "bilan_enregistrer": Ecriture(write_json(modifications=[{"champ": f"montant.{LIGNE_BILAN}", "avant": "", "apres": "50"}]), 200),
    "bilan_calcul": Ecriture(write_json(champs={f"montant.{LIGNE_BILAN}": "50"}), 200, 200),
    "bilan_fiche": Ecriture({f"avant|fait.{FICHE_BILAN}": "", f"fait.{FICHE_BILAN}": "Deux ateliers."}),
    "bilan_ligne_ajouter": Ecriture({"nature": NATURE, "libelle": "Imprévu"}),
    "bilan_ligne_retirer": Ecriture({}),
    "bilan_part_ajouter": Ecriture({"financeur": PAYEUR}),
    "bilan_part_retirer": Ecriture({}),
    "bilan_joindre": Ecriture({"intitule": "Facture"}),
    "bilan_piece_retirer": Ecriture({}),
    "bilan_observer": Ecriture({"rubrique": "depenses", "texte": "D’où vient ce montant ?"}),
    "bilan_observation_regler": Ecriture({}),
    "bilan_passer": Ecriture({}, 422),
    "carnet_noter": Ecriture(
        {"jour": "2018-06-01", "ligne": f"{PK}:{NATURE}.", "montant": "50", "qui": "Camille Dupont", "quoi": "Un atelier"}
    ),
    "carnet_retirer": Ecriture({}),
    "vie_passer": Ecriture({}, validee=302, signee=422),
    "vie_deliberation": Ecriture({"numero": "2018-1", "date": "2018-06-01"}, validee=302, signee=302),
    "vie_signer": Ecriture({"mode": "ailleurs", "jour": "2018-11-02", "preuve": "Parapheur"}, 422, 422),
    "vie_verifier": Ecriture({}, 404, 404),
    "avenant_ouvrir": Ecriture({"objet": "Prolonger d’un an"}, 422),
    "reconduire": Ecriture({"nouvelle": "ESSAI-2"}, 422),
    "dossier": Ecriture({}, 200),
    "imports": Ecriture({}, 403),
    "import_colonnes": Ecriture(COLONNES, 403),
    "import_confirmer": Ecriture({}, 403),
    "import_annuler": Ecriture({}, 403),
    "import_abandonner": Ecriture({}, 403),
}
# Payments have a table of their own, by step, state and person (test_etapes, test_versements_pages).
PAIEMENTS = {nom for nom in TABLE if nom.startswith(("versement", "paiement"))}
# So has the life of a convention (test_vie_transitions, test_signatures, test_avenants, test_reconduction, test_dossier).
DE_LA_VIE = {"vie_signer", "signature_fichier", "vie_verifier", "document_fige", "avenant_ouvrir", "reconduire", "dossier"}
# Bilans have a table of their own, by address, state of the bilan and person (test_bilan_acces).
BILANS = {nom for nom in TABLE if nom.startswith(("bilan_", "carnet_"))}
A_PART = PAIEMENTS | DE_LA_VIE | BILANS
FICHIERS_JOINTS = {"imports": ("budget.csv", FICHIER), "bilan_importer": ("realise.csv", FICHIER)} | dict.fromkeys(
    ("versement_joindre", "bilan_joindre"), ("facture.pdf", FACTURE)
)
AUX_AGENTS = [nom for nom, ecriture in ECRITURES.items() if ecriture.agent != 403 and nom not in A_PART]
AUX_ADMINISTRATEURS = [nom for nom in ECRITURES if nom not in AUX_AGENTS and nom not in A_PART]
D_IMPORT = [nom for nom in A_CONVENTION if nom.startswith("import_")]
# Answered without writing in the fiche, whatever its state: figures and previews, a sign of life, a reading.
SANS_ECRIRE = {"fiche_calcul", "fiche_presence", "fiche_apercu", "fiche_commentaires_lus"}
A_FICHE = [nom for nom in A_CONVENTION if {"slug", "pk"} & set(TABLE[nom].arguments) and nom not in [*D_IMPORT, *A_PART, "reprise_annuler"]]
ADMIN_COMMUNES = {
    "index",
    "login",
    "logout",
    "password_change",
    "password_change_done",
    "autocomplete",
    "jsi18n",
    "view_on_site",
    "app_list",
    "",
}
ADMIN_MODELES = {"add", "changelist", "history", "delete", "change", "", "simple_history", "import", "process_import", "export"}
TRAVAUX = "django_tasks_database_dbtaskresult_"  # work done in the background, shown by its library to the operator


def make_travail(convention: Convention | None = None) -> Travail:
    """A work of a convention, as the factories make the other rows."""
    return Travail.objects.create(sorte="document", convention=convention or factories.ConventionFactory())


RACINES: dict[type[Model], Any] = {
    Convention: factories.ConventionFactory,
    MontantDeclare: factories.MontantDeclareFactory,
    FicheAction: factories.FicheFactory,
    Indicateur: factories.IndicateurFactory,
    LigneCout: factories.LigneCoutFactory,
    CoFinancement: factories.CoFinancementFactory,
    TotalDeclare: factories.TotalDeclareFactory,
    MontantRecapDeclare: factories.RecapDeclareFactory,
    Versement: factories.VersementFactory,
    CreditExercice: factories.CreditFactory,
    Paiement: factories.PaiementFactory,
    PieceVersement: factories.PieceVersementFactory,
    Reversement: factories.ReversementFactory,
    ImportBudget: factories.ImportBudgetFactory,
    Contradiction: factories.ContradictionFactory,
    Acceptation: factories.AcceptationFactory,
    Reprise: factories.RepriseFactory,
    Bilan: factories.BilanFactory,
    Realisation: factories.RealisationFactory,
    Travail: make_travail,
}


def list_patterns(resolver: URLResolver, chemin: str = "", espace: str = "") -> Iterator[tuple[str, str, URLPattern]]:
    for motif in resolver.url_patterns:
        adresse = chemin + str(motif.pattern)
        if isinstance(motif, URLResolver):
            yield from list_patterns(motif, adresse, motif.namespace or espace)
        else:
            yield espace, adresse, motif


def url(nom: str, **autres: str) -> str:
    return reverse(nom, kwargs=TABLE[nom].arguments | autres)


def without_token(reponse: HttpResponse) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", reponse.content.decode())


def connect(utilisateur: Utilisateur) -> Client:
    client = Client()
    client.force_login(utilisateur)
    return client


def ask(client: Client, nom: str, **autres: Any) -> Any:
    """Use an address as it is meant to be: what writes is posted."""
    if nom not in ECRITURES:
        return client.get(url(nom, **autres))
    envoi = ECRITURES[nom].envoi
    if nom in FICHIERS_JOINTS:
        return client.post(url(nom, **autres), {"fichier": SimpleUploadedFile(*FICHIERS_JOINTS[nom])})
    if isinstance(envoi, str):
        return client.post(url(nom, **autres), envoi, content_type="application/json")
    return client.post(url(nom, **autres), envoi)


def copy_tables() -> dict[str, list[Any]]:
    """Everything that the product holds, to see that nothing was written; sessions are not its own."""
    return {modele._meta.label: rows for modele, rows in read_tables().items() if modele is not Session}


@pytest.fixture(autouse=True)
def _quick_pdf(monkeypatch: pytest.MonkeyPatch) -> None:
    for nom in ("publish_fiche", "publish_recapitulatif", "publish_controles", "publish_rapprochement"):
        monkeypatch.setattr(views, nom, lambda *args: b"%PDF-")
    for module, nom in ((views, "serve_convention"), (avenants, "serve_convention"), (bilans, "serve_bilan")):
        monkeypatch.setattr(module, nom, lambda *args: HttpResponse(b"%PDF-", content_type="application/pdf"))
    for nom in ("publish_diaporama", "publish_compte_rendu", "publish_pluriannuel"):
        monkeypatch.setattr(bilans, nom, lambda *args: b"%PDF-")


@pytest.fixture
def lecteur(db: None) -> Client:
    """Somebody who reads, at a convention with some of everything; built once a process, then copied back."""
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = _copie.put()
    return client


def build_convention() -> str:
    """Everything, and the session of its only person."""
    utilisateur = factories.UtilisateurFactory(role=Utilisateur.Role.LECTEUR, organisation__pk=PAYEUR, organisation__cle=COMPTE)
    fiche = factories.FicheFactory(
        pk=PK, axe__pk=AXE, convention__reference=REFERENCE, code="E.A 1.1", code_imprime="E.A 9", cible="100 entreprises", ordre=10
    )
    factories.FicheFactory(pk=JETEE, convention=fiche.convention, axe=fiche.axe, code="E.A 1.2", supprimee_le=timezone.now())
    factories.FicheFactory(convention=fiche.convention, axe=fiche.axe, code="E.A 1.3", ordre=20)
    Commentaire.objects.create(pk=NUMERO, fiche=fiche, rubrique="constat", texte="Lequel ?")
    deliberation, _ = keep_file(FACTURE, "pdf", "deliberations")
    partie = factories.PartieFactory(
        pk=PARTIE, convention=fiche.convention, organisation=utilisateur.organisation, deliberation_fichier=deliberation
    )
    factories.PartieFactory(convention=fiche.convention, role="partenaire")
    ligne = factories.LigneCoutFactory(fiche=fiche, nature__pk=NATURE)
    factories.ImportBudgetFactory(pk=IMPORT, convention=fiche.convention, etat="apercu", contenu=FICHIER)
    factories.RecapDeclareFactory(convention=fiche.convention, fiche=fiche, annee=2018, financeur=None, montant="1.00")
    factories.ContradictionFactory(
        pk=CONSTAT, convention=fiche.convention, fiche=fiche, cle=f"code_feuille|fiche-{PK}|||", empreinte=EMPREINTE
    )
    factories.AcceptationFactory(pk=ACCEPTE, convention=fiche.convention, auteur=utilisateur)
    factories.RepriseFactory(pk=REPRISE, convention=fiche.convention, auteur=utilisateur)
    versement = factories.VersementFactory(pk=VERSEMENT, convention=fiche.convention, payeur=utilisateur.organisation)
    factories.PaiementFactory(pk=PAIEMENT, versement=versement)
    factories.PieceVersementFactory(pk=PIECE, versement=versement, ajoutee_par=utilisateur, contenu=FACTURE)
    nom, empreinte = keep_file(FACTURE, "pdf")
    retire = DocumentFige.objects.create(
        pk=DOCUMENT, convention=fiche.convention, fait_le=timezone.now(), retire_le=timezone.now(), pdf=nom, empreinte_pdf=empreinte
    )
    Signature.objects.create(
        pk=SIGNATURE, document=retire, partie=partie, mode="papier", date="2018-11-02", fichier=nom, empreinte=empreinte
    )
    Travail.objects.create(pk=TRAVAIL, sorte="document", convention=fiche.convention)
    factories.ChangementIbanFactory(pk=CHANGEMENT, organisation=utilisateur.organisation, demande_par=utilisateur)
    faite = factories.FicheBilanFactory(pk=FICHE_BILAN, fiche=fiche, bilan__convention=fiche.convention, bilan__annee=ANNEE)
    factories.LigneBilanFactory(pk=LIGNE_BILAN, fiche=faite, nature=ligne.nature)
    factories.PartBilanFactory(pk=PART_BILAN, fiche=faite)
    factories.PieceBilanFactory(pk=PIECE_BILAN, fiche=faite, ajoutee_par=utilisateur, contenu=FACTURE)
    factories.ObservationFactory(pk=OBSERVATION, bilan=faite.bilan, fiche=faite, auteur=utilisateur)
    factories.RealisationFactory(pk=REALISATION, fiche=fiche, nature=ligne.nature, auteur=utilisateur, contenu=FACTURE)
    return connect(utilisateur).cookies[settings.SESSION_COOKIE_NAME].value


_copie = Copie(build_convention)


@pytest.fixture
def agent_ici(lecteur: Client) -> Client:
    """Somebody who writes, in the same organisation as the lecteur."""
    return connect(factories.UtilisateurFactory(organisation=Utilisateur.objects.get().organisation))


@pytest.fixture
def administrateur_ici(lecteur: Client) -> Client:
    """Somebody who imports, in the same organisation as the lecteur."""
    organisation = Utilisateur.objects.get().organisation
    return connect(factories.UtilisateurFactory(organisation=organisation, role=Utilisateur.Role.ADMINISTRATEUR))


@pytest.fixture
def etranger(lecteur: Client) -> Client:
    """Someone whose organisation is not a party."""
    return connect(factories.UtilisateurFactory())


def test_every_address_stands_in_the_table() -> None:
    noms = {motif.name for espace, _, motif in list_patterns(get_resolver()) if espace != "admin"}
    assert noms == set(TABLE)


def test_admin_holds_only_the_addresses_known_here() -> None:
    inconnues = set()
    for espace, adresse, motif in list_patterns(get_resolver()):
        nom = (motif.name or "").removeprefix(TRAVAUX)
        connu = nom in ADMIN_COMMUNES or nom.split("_", 2)[-1] in ADMIN_MODELES
        if espace == "admin" and not connu and "password" not in adresse:
            inconnues.add(adresse)
    assert not inconnues


@pytest.mark.django_db
def test_visitor_is_sent_to_sign_in_except_on_public_pages(client: Client) -> None:
    reponses = {nom: client.get(url(nom)) for nom in TABLE}
    assert {nom: reponse.status_code for nom, reponse in reponses.items()} == {nom: adresse.anonyme for nom, adresse in TABLE.items()}
    renvois = {nom: reponse["Location"] for nom, reponse in reponses.items() if reponse.status_code == 302}
    assert [nom for nom, renvoi in renvois.items() if not renvoi.startswith(reverse("account_login"))] == []


def test_lecteur_reads_the_pages_of_their_convention(lecteur: Client) -> None:
    codes = {nom: lecteur.get(url(nom)).status_code for nom in TABLE}
    assert codes == {nom: adresse.lecteur for nom, adresse in TABLE.items()}


def test_other_organisation_is_told_that_nothing_is_there(etranger: Client) -> None:
    avant = copy_tables()
    codes = {nom: ask(etranger, nom).status_code for nom in A_CONVENTION}
    assert codes == dict.fromkeys(A_CONVENTION, 404)
    assert copy_tables() == avant


def test_hidden_convention_answers_like_one_that_does_not_exist(etranger: Client) -> None:
    for nom in A_CONVENTION:
        cachee, absente = ask(etranger, nom), ask(etranger, nom, reference="NULLE-PART")
        assert (nom, cachee.status_code, without_token(cachee)) == (nom, absente.status_code, without_token(absente))


def test_unknown_reference_is_not_found(lecteur: Client) -> None:
    codes = {nom: ask(lecteur, nom, reference="NULLE-PART").status_code for nom in A_CONVENTION}
    assert codes == dict.fromkeys(A_CONVENTION, 404)


@pytest.mark.parametrize("nom", [nom for nom in A_FICHE if "slug" in TABLE[nom].arguments])
@pytest.mark.parametrize("slug", ["z-9", "E-A-1-1", "e-a-1"])
def test_unknown_fiche_is_not_found(nom: str, slug: str, agent_ici: Client) -> None:
    assert ask(agent_ici, nom, slug=slug).status_code == 404


@pytest.mark.parametrize("nom", [nom for nom in A_FICHE if "pk" in TABLE[nom].arguments])
@pytest.mark.parametrize("pk", [0, 900_999, 10**30])
def test_unknown_number_is_not_found(nom: str, pk: int, agent_ici: Client) -> None:
    assert ask(agent_ici, nom, pk=pk).status_code == 404


@pytest.mark.parametrize("nom", A_FICHE)
def test_fiche_is_reached_through_its_own_convention_only(nom: str, agent_ici: Client) -> None:
    jetee = timezone.now() if nom == "fiche_recuperer" else None
    autre = factories.FicheFactory(code="E.Z 9.9", supprimee_le=jetee)
    factories.PartieFactory(convention=autre.convention, organisation=Utilisateur.objects.first().organisation)
    place = {"slug": autre.slug} if "slug" in TABLE[nom].arguments else {"pk": autre.pk}
    assert ask(agent_ici, nom, **place).status_code == 404


@pytest.mark.parametrize("nom", [nom for nom in A_FICHE if nom != "fiche_recuperer"])
def test_fiche_in_the_corbeille_is_nowhere(nom: str, agent_ici: Client) -> None:
    FicheAction.toutes.filter(pk=PK).update(supprimee_le=timezone.now())
    avant = copy_tables()
    assert ask(agent_ici, nom).status_code == 404
    assert copy_tables() == avant


def test_fiche_at_work_is_not_recovered(agent_ici: Client) -> None:
    assert ask(agent_ici, "fiche_recuperer", pk=PK).status_code == 404


def test_comment_is_settled_through_its_own_fiche_only(agent_ici: Client) -> None:
    autre = factories.FicheFactory(convention=Convention.objects.get(), code="E.B 1")
    assert ask(agent_ici, "fiche_commentaire_regler", pk=autre.pk).status_code == 404


def test_comment_is_answered_on_its_own_fiche_only(agent_ici: Client) -> None:
    autre = factories.FicheFactory(convention=Convention.objects.get(), code="E.B 1")
    reponse = agent_ici.post(url("fiche_commenter", pk=autre.pk), {"parent": NUMERO, "texte": "Celui-ci."})
    assert (reponse.status_code, Commentaire.objects.count()) == (404, 1)


# --- Writing ---------------------------------------------------------------------------------------


def test_every_address_that_takes_a_post_about_a_fiche_stands_in_the_second_table() -> None:
    assert set(ECRITURES) == {nom for nom in A_CONVENTION if not TABLE[nom].lecture_seule}


@pytest.mark.parametrize("nom", ECRITURES)
def test_visitor_who_posts_is_sent_to_sign_in(nom: str, lecteur: Client, client: Client) -> None:
    avant = copy_tables()
    assert ask(client, nom)["Location"].startswith(reverse("account_login"))
    assert copy_tables() == avant


@pytest.mark.parametrize("nom", ECRITURES)
def test_lecteur_writes_nothing(nom: str, lecteur: Client) -> None:
    avant = copy_tables()
    assert ask(lecteur, nom).status_code == ECRITURES[nom].lecteur
    assert nom == "fiche_commentaires_lus" or copy_tables() == avant


@pytest.mark.parametrize("nom", AUX_AGENTS)
@pytest.mark.parametrize("partie", ["financeur", "beneficiaire"])
def test_agent_of_each_party_writes(nom: str, partie: str, agent_ici: Client) -> None:
    client = agent_ici
    if partie == "beneficiaire":
        client = connect(factories.UtilisateurFactory())
        personne = Utilisateur.objects.latest("pk")
        factories.PartieFactory(convention=Convention.objects.get(), organisation=personne.organisation, role="beneficiaire")
    avant = copy_tables()
    assert ask(client, nom).status_code == ECRITURES[nom].agent
    assert nom in {"fiche_calcul", "fiche_apercu"} or copy_tables() != avant


@pytest.mark.parametrize("nom", AUX_AGENTS)
def test_validated_fiche_is_not_written(nom: str, agent_ici: Client) -> None:
    FicheAction.objects.filter(pk=PK).update(etat="validee")
    avant = FicheAction.objects.filter(pk=PK).values().get(), factories.LigneCoutFactory._meta.model.objects.count()
    assert ask(agent_ici, nom).status_code == ECRITURES[nom].validee
    ordre = {"ordre": FicheAction.objects.get(pk=PK).ordre} if nom == "fiche_ordonner" else {}
    apres = FicheAction.objects.filter(pk=PK).values().get()
    assert apres == avant[0] | ordre


@pytest.mark.parametrize("nom", [nom for nom in AUX_AGENTS if ECRITURES[nom].validee == 403])
def test_refusal_about_a_validated_fiche_writes_nothing_at_all(nom: str, agent_ici: Client) -> None:
    FicheAction.objects.filter(pk=PK).update(etat="validee")
    avant = copy_tables()
    assert "renvoyez-la d’abord en correction" in read_words(ask(agent_ici, nom))
    assert copy_tables() == avant


@pytest.mark.parametrize("nom", ["fiches_lot", "fiche_etat"])
def test_passage_that_is_no_longer_possible_is_told(nom: str, agent_ici: Client) -> None:
    FicheAction.objects.filter(pk=PK).update(etat="validee")
    avant = copy_tables()
    assert "La fiche est maintenant « validée »" in read_words(agent_ici.get(ask(agent_ici, nom)["Location"]))
    assert copy_tables() == avant


@pytest.mark.parametrize("nom", [nom for nom in AUX_AGENTS if nom != "vie_deliberation"])  # some of it is known after the signature
@pytest.mark.parametrize("etat", ["a_signer", "signee", "caduque"])
def test_signed_convention_is_not_written(nom: str, etat: str, agent_ici: Client) -> None:
    Convention.objects.update(etat=etat)
    avant = copy_tables()
    reponse = ask(agent_ici, nom)
    assert reponse.status_code == ECRITURES[nom].signee
    if reponse.status_code == 403:
        assert "ne changent" in read_words(reponse)
        assert copy_tables() == avant


# --- Importing: administrateurs only -----------------------------------------------------------------


def prepare_import(nom: str) -> None:
    """The import as far as it must be for this address to do something."""
    factories.NatureFactory(nom="Études")
    imp = ImportBudget.objects.get()
    analyse(imp)
    if nom == "import_annuler":
        confirm(imp, None, False)


@pytest.mark.parametrize("nom", AUX_ADMINISTRATEURS)
def test_agent_imports_nothing_and_is_told_whom_to_ask(nom: str, agent_ici: Client) -> None:
    prepare_import(nom)
    avant = copy_tables()
    reponse = ask(agent_ici, nom)
    assert (reponse.status_code, copy_tables()) == (403, avant)
    assert "Les imports sont réservés aux administrateurs de votre organisation" in read_words(reponse)


@pytest.mark.parametrize("nom", AUX_ADMINISTRATEURS)
@pytest.mark.parametrize("partie", ["financeur", "beneficiaire"])
def test_administrateur_of_each_party_imports(nom: str, partie: str, administrateur_ici: Client) -> None:
    client = administrateur_ici
    if partie == "beneficiaire":
        personne = factories.UtilisateurFactory(role=Utilisateur.Role.ADMINISTRATEUR)
        factories.PartieFactory(convention=Convention.objects.get(), organisation=personne.organisation, role="beneficiaire")
        client = connect(personne)
    prepare_import(nom)
    avant = copy_tables()
    assert ask(client, nom).status_code == 302
    assert copy_tables() != avant


@pytest.mark.parametrize("nom", AUX_ADMINISTRATEURS)
@pytest.mark.parametrize("etat", ["a_signer", "signee", "caduque"])
def test_nothing_is_imported_in_a_signed_convention(nom: str, etat: str, administrateur_ici: Client) -> None:
    prepare_import(nom)
    Convention.objects.update(etat=etat)
    avant = copy_tables()
    reponse = ask(administrateur_ici, nom)
    assert (reponse.status_code, copy_tables()) == (403, avant)
    assert "ne changent" in read_words(reponse)


@pytest.mark.parametrize("nom", D_IMPORT)
@pytest.mark.parametrize("pk", [0, 900_999, 10**30])
def test_unknown_import_is_not_found(nom: str, pk: int, administrateur_ici: Client) -> None:
    assert ask(administrateur_ici, nom, pk=pk).status_code == 404


@pytest.mark.parametrize("nom", D_IMPORT)
def test_import_is_reached_through_its_own_convention_only(nom: str, administrateur_ici: Client) -> None:
    autre = factories.ImportBudgetFactory(etat="apercu", convention__reference="ESSAI-2")
    factories.PartieFactory(convention=autre.convention, organisation=Utilisateur.objects.first().organisation)
    avant = copy_tables()
    assert ask(administrateur_ici, nom, pk=autre.pk).status_code == 404
    assert copy_tables() == avant


def test_correction_is_undone_through_its_own_convention_only(agent_ici: Client) -> None:
    autre = factories.RepriseFactory(convention__reference="ESSAI-2")
    factories.PartieFactory(convention=autre.convention, organisation=Utilisateur.objects.first().organisation)
    assert ask(agent_ici, "reprise_annuler", pk=autre.pk).status_code == 404


def test_columns_are_not_shown_to_who_only_reads(lecteur: Client) -> None:
    prepare_import("import_colonnes")
    assert lecteur.get(url("import_budget"), {"colonnes": "1"}).status_code == 403


def read_words(reponse: Any) -> str:
    """The words of a page, or the message of an object."""
    return reponse.json()["message"] if reponse["Content-Type"] == "application/json" else reponse.content.decode()


@pytest.mark.parametrize(
    ("situation", "raison"),
    [
        ("lecteur", "Votre compte lit les fiches sans les modifier."),
        ("validee", "Cette fiche est validée."),
        ("signee", "Cette convention est signée"),
    ],
)
def test_editor_that_may_not_open_leads_to_the_page_with_the_reason(
    situation: str, raison: str, lecteur: Client, agent_ici: Client
) -> None:
    if situation == "validee":
        FicheAction.objects.update(etat="validee")
    elif situation == "signee":
        Convention.objects.update(etat="signee")
    reponse = (lecteur if situation == "lecteur" else agent_ici).get(url("fiche_modifier"), follow=True)
    assert reponse.redirect_chain == [(url("fiche"), 302)]
    assert raison in reponse.content.decode()


@pytest.mark.parametrize("nom", ["corbeille", "fiche_historique", *(n for n in ECRITURES if TABLE[n].lecteur != 405)])
def test_agent_opens_the_pages_where_one_writes(nom: str, agent_ici: Client) -> None:
    assert agent_ici.get(url(nom), {"au": timezone.now().isoformat()}).status_code == 200


@pytest.mark.parametrize("nom", [nom for nom in ECRITURES if TABLE[nom].lecteur != 405])
def test_pages_where_one_writes_take_no_other_method(nom: str, agent_ici: Client) -> None:
    codes = {methode: agent_ici.generic(methode, url(nom)).status_code for methode in ("PUT", "PATCH", "DELETE")}
    assert codes == dict.fromkeys(codes, 405)


@pytest.mark.parametrize("nom", [nom for nom in ECRITURES if TABLE[nom].lecteur == 405])
def test_addresses_of_scripts_and_buttons_are_posted_only(nom: str, agent_ici: Client) -> None:
    avant = copy_tables()
    codes = {methode: agent_ici.generic(methode, url(nom)).status_code for methode in ("GET", "HEAD", "PUT", "PATCH", "DELETE")}
    assert codes == dict.fromkeys(codes, 405)
    assert copy_tables() == avant


@pytest.mark.parametrize("nom", [*ECRITURES, "preferences", "agenda"])
def test_post_without_the_token_of_the_site_is_refused(nom: str, agent_ici: Client) -> None:
    mefiant = Client(enforce_csrf_checks=True)
    mefiant.cookies = agent_ici.cookies
    avant = copy_tables()
    reponse = ask(mefiant, nom) if nom in ECRITURES else mefiant.post(url(nom), {})
    assert reponse.status_code == 403
    assert copy_tables() == avant


def test_fresh_token_is_the_one_that_writes(agent_ici: Client) -> None:
    mefiant = Client(enforce_csrf_checks=True)
    mefiant.cookies = agent_ici.cookies
    recu = mefiant.get(url("jeton")).json()
    assert recu["utilisateur"] == Utilisateur.objects.latest("pk").pk
    envoi = ECRITURES["fiche_enregistrer"].envoi
    entetes = {"X-CSRFToken": recu["jeton"]}
    reponse = mefiant.post(url("fiche_enregistrer"), envoi, content_type="application/json", headers=entetes)
    assert reponse.status_code == 200


def test_fresh_token_is_kept_by_no_cache(agent_ici: Client) -> None:
    assert "no-store" in agent_ici.get(url("jeton"))["Cache-Control"]


# --- What a script may send ------------------------------------------------------------------------

ILLISIBLES = [b"", b"{", b"null", b"[]", b"3", b'"constat"', b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000, b" " * 2_100_000]


@pytest.mark.parametrize("nom", ["fiche_enregistrer", "fiche_calcul", "fiche_presence"])
@pytest.mark.parametrize("corps", ILLISIBLES, ids=[repr(corps[:10]) for corps in ILLISIBLES])
def test_rubbish_sent_to_a_machine_address_is_a_bad_request(nom: str, corps: bytes, agent_ici: Client) -> None:
    assert agent_ici.post(url(nom), corps, content_type="application/json").status_code == 400


@pytest.mark.parametrize(
    "objet",
    [
        {},
        {"modifications": 3},
        {"modifications": None},
        {"modifications": "constat"},
        {"modifications": {"champ": "constat"}},
        {"modifications": [1]},
        {"modifications": [[]]},
        {"modifications": [{"champ": "constat", "apres": "x"}]},
        {"modifications": [{"champ": "constat", "avant": "", "apres": "x"}] * 2001},
    ],
    ids=lambda objet: json.dumps(objet)[:60],
)
def test_saving_of_another_shape_is_a_bad_request(objet: dict[str, Any], agent_ici: Client) -> None:
    avant = copy_tables()
    assert agent_ici.post(url("fiche_enregistrer"), objet, content_type="application/json").status_code == 400
    assert copy_tables() == avant


@pytest.mark.parametrize(
    "objet", [{}, {"champs": []}, {"champs": None}, {"champs": {"constat": 3}}, {"champs": dict.fromkeys(map(str, range(2001)), "")}]
)
def test_count_of_another_shape_is_a_bad_request(objet: dict[str, Any], agent_ici: Client) -> None:
    assert agent_ici.post(url("fiche_calcul"), objet, content_type="application/json").status_code == 400


CHAMPS_INVENTES = [
    "",
    ".",
    "code",
    "etat",
    "id",
    "convention",
    "supprimee_le",
    "maitre",
    "maitre.",
    "maitre.x",
    "maitre." + "9" * 30,
    "maitre." + "9" * 5000,
    "pilote.x",
    "pilote." + "9" * 5000,
    "indicateur",
    "indicateur.libelle",
    "indicateur..libelle",
    "indicateur.1.2",
    "indicateur.1." + "9" * 5000,
    "indicateur." + "9" * 5000 + ".libelle",
    "indicateur.1.2019",
    "cout",
    "cout.2019",
    "cout.2019.x.",
    "cout." + "9" * 5000 + ".1.",
    "cout.2019." + "9" * 5000 + ".",
    "cout.2019.123456789.Études",
    "ligne",
    "ligne.1",
    "ligne." + "9" * 5000 + ".x",
    "part",
    "part.1.2.3",
    "part.x.0.0.taux",
    "part.0.0.0.code",
    "part.0.0.1.taux",
    "part." + "9" * 18 + ".0.0.taux",
    "part." + "9" * 5000 + ".0.0.taux",
]


@pytest.mark.parametrize("champ", CHAMPS_INVENTES, ids=lambda champ: f"«{champ[:30]}»")
def test_field_that_does_not_exist_is_refused_in_words(champ: str, agent_ici: Client) -> None:
    modifications = [{"champ": champ, "avant": "", "apres": "5"}, {"champ": "constat", "avant": "", "apres": "Peu de bureaux."}]
    reponse = agent_ici.post(url("fiche_enregistrer"), {"modifications": modifications}, content_type="application/json")
    assert [r["statut"] for r in reponse.json()["resultats"]] == ["refus", "enregistre"]
    assert "invalid-feedback" in reponse.json()["resultats"][0]["retour"]


@pytest.mark.parametrize("champ", CHAMPS_INVENTES, ids=lambda champ: f"«{champ[:30]}»")
def test_field_that_does_not_exist_is_counted_for_nothing(champ: str, agent_ici: Client) -> None:
    reponse = agent_ici.post(url("fiche_calcul"), {"champs": {champ: "5"}}, content_type="application/json")
    assert reponse.status_code == 200
    assert reponse.json()["places"]["cout"] == "Coût non chiffré"


@pytest.mark.parametrize("champ", CHAMPS_INVENTES, ids=lambda champ: f"«{champ[:30]}»")
def test_field_that_does_not_exist_is_not_brought_back(champ: str, agent_ici: Client) -> None:
    avant = copy_tables()
    reponse = agent_ici.post(url("fiche_restaurer"), {"champ": champ or "x", "au": "2000-01-01T00:00:00+00:00"})
    assert reponse.status_code in {302, 404}
    assert copy_tables() == avant


@pytest.mark.parametrize("signe", ["\x00", "\ud800"], ids=["NUL", "half a character"])
@pytest.mark.parametrize("nom", ["fiche_enregistrer", "fiche_presence"])
def test_character_that_no_keyboard_types_never_crashes(nom: str, signe: str, agent_ici: Client) -> None:
    objet = {"modifications": [{"champ": "constat", "avant": "", "apres": f"a{signe}b"}], "champ": f"a{signe}b"}
    assert agent_ici.post(url(nom), objet, content_type="application/json").status_code in {200, 400}
    assert "\x00" not in FicheAction.objects.get(pk=PK).constat
    assert not any("\x00" in p.champ for p in FicheAction.objects.get(pk=PK).presences.all())


@pytest.mark.parametrize(
    ("nom", "envoi"),
    [
        ("fiche_commenter", {"rubrique": "constat", "texte": "x", "parent": "9" * 5000}),
        ("fiche_commenter", {"rubrique": "constat\r\nX: y", "texte": "x"}),
        ("fiche_commenter", {"texte": "x", "parent": "-1"}),
        ("fiche_commentaires_lus", {"retour": "x"}),
        ("fiches_lot", {"fiche": PK, "acte": "ajouter", "pilote": "9" * 5000}),
        ("fiches_lot", {"fiche": "x", "acte": "etat:valider", "suite": "a\r\nb"}),
        ("fiches_lot", {"fiche": PK, "acte": "etat:exploser"}),
        ("fiches_lot", {"fiche": PK, "acte": "ajouter", "pilote": "9" * 30}),
        ("fiche_nouvelle", {"axe": "9" * 5000, "titre": "x"}),
        ("fiche_nouvelle", {"axe": AXE, "titre": "x" * 251, "code": "y" * 21}),
        ("fiche_deplacer", {"axe": "x", "code": "y"}),
        ("fiche_ordonner", {"sens": "de travers", "suite": "a\r\nb"}),
        ("fiche_etat", {"action": "exploser"}),
        ("fiche_restaurer", {"champ": "cible", "au": "hier"}),
        ("fiche_restaurer", {"champ": "cible", "au": "2018-01-01"}),
        ("fiche_financeur", {"nom": "12"}),
        ("fiche_financeur", {"nom": "x" * 300}),
        ("fiche_modifier", {"avant|": "x", "avant|nouveau": "y", "nouveau.pilote": "9" * 5000}),
        ("fiche_modifier", {"nouvelle.nature": "9" * 30, "nouvelle.cout.2019": "5", "annee": "9" * 5000}),
        ("fiche_modifier", {"nouvelle.financeur": "9" * 5000, "nouvelle.part.taux": "5"}),
    ],
    ids=lambda v: str(v)[:50],
)
def test_altered_form_is_refused_without_crash(nom: str, envoi: dict[str, Any], agent_ici: Client) -> None:
    reponse = agent_ici.post(url(nom), envoi)
    assert reponse.status_code < 500
    assert "\n" not in reponse.get("Location", "")


# --- Reading ---------------------------------------------------------------------------------------


def test_reading_pages_refuse_to_write(lecteur: Client) -> None:
    methodes = ("POST", "PUT", "PATCH", "DELETE")
    codes = {(nom, methode): lecteur.generic(methode, url(nom)).status_code for nom in LUES for methode in methodes}
    assert codes == dict.fromkeys(codes, 405)


def test_reading_pages_answer_head(lecteur: Client) -> None:
    reponses = {nom: lecteur.head(url(nom)) for nom in OUVERTES}
    assert {nom: (r.status_code, b"".join(r)) for nom, r in reponses.items()} == dict.fromkeys(OUVERTES, (200, b""))


SORTES = ("_pdf", "_xlsx", "_tableur", "_csv", "_fichier", "_piece", "_document", "_diaporama", "_compte_rendu", "_modele")
TELECHARGES = [nom for nom in OUVERTES if nom.endswith(SORTES)]


def test_downloads_carry_a_name_that_people_recognise(lecteur: Client) -> None:
    noms = {nom: lecteur.get(url(nom))["Content-Disposition"] for nom in TELECHARGES}
    assert noms == {
        "convention_pdf": 'inline; filename="ESSAI-1.pdf"',
        "recapitulatif_pdf": 'inline; filename="ESSAI-1-recapitulatif.pdf"',
        "recapitulatif_xlsx": 'attachment; filename="ESSAI-1-recapitulatif.xlsx"',
        "controles_pdf": 'inline; filename="ESSAI-1-controles.pdf"',
        "rapprochement_pdf": 'inline; filename="ESSAI-1-rapprochement.pdf"',
        "rapprochement_xlsx": 'attachment; filename="ESSAI-1-rapprochement.xlsx"',
        "fiche_pdf": 'inline; filename="ESSAI-1-fiche-e-a-1-1.pdf"',
        "budget_tableur": 'attachment; filename="ESSAI-1-budget.xlsx"',
        "subventions_csv": 'attachment; filename="subventions.csv"',
        "import_fichier": 'attachment; filename="budget.csv"',
        "signature_fichier": 'inline; filename="ESSAI-1-signature-organisation-essai.pdf"',
        "consolidee_pdf": 'inline; filename="ESSAI-1-consolidee.pdf"',
        "deliberation_fichier": 'inline; filename="ESSAI-1-deliberation-organisation-essai.pdf"',
        "journal_csv": 'attachment; filename="ESSAI-1-journal.csv"',
        "versement_piece": 'inline; filename="ESSAI-1-piece-900024.pdf"',
        "bilan_piece": 'inline; filename="ESSAI-1-bilan-2018-piece-900043.pdf"',
        "carnet_piece": 'inline; filename="ESSAI-1-carnet-900045.pdf"',
        "bilan_document": 'inline; filename="ESSAI-1-bilan-2018.pdf"',
        "bilan_diaporama": 'inline; filename="ESSAI-1-bilan-2018-comite.pdf"',
        "bilan_compte_rendu": 'attachment; filename="ESSAI-1-compte-rendu-2018.xlsx"',
        "bilan_modele": 'attachment; filename="ESSAI-1-realise-2018.xlsx"',
        "bilan_pluriannuel_document": 'inline; filename="ESSAI-1-bilan-pluriannuel.pdf"',
        "portefeuille_tableur": 'attachment; filename="portefeuille.csv"',
        "registre_tableur": 'attachment; filename="registre-trait-d-union.ods"',
    }


@pytest.mark.parametrize("forme", ["ods", "csv"])
def test_budget_is_downloaded_in_each_format(forme: str, lecteur: Client) -> None:
    reponse = lecteur.get(url("budget_tableur", forme=forme) + "?modele")
    assert reponse["Content-Disposition"] == f'attachment; filename="ESSAI-1-modele.{forme}"'


@pytest.mark.parametrize("forme", ["pdf", "XLSX", "xls"])
def test_budget_in_another_format_is_not_found(forme: str, lecteur: Client) -> None:
    assert lecteur.get(url("budget_tableur", forme=forme)).status_code == 404


@pytest.mark.parametrize("forme", ["xlsx", "json"])
def test_bilan_is_downloaded_in_each_format(forme: str, lecteur: Client) -> None:
    reponse = lecteur.get(url("bilan_document", forme=forme))
    assert (reponse.status_code, reponse["Content-Disposition"]) == (200, f'attachment; filename="ESSAI-1-bilan-2018.{forme}"')


@pytest.mark.parametrize(
    ("nom", "formes"),
    [
        ("bilan_document", ["ods", "PDF", "csv"]),
        ("bilan_compte_rendu", ["ods", "json"]),
        ("bilan_pluriannuel_document", ["xlsx"]),
        ("portefeuille_tableur", ["pdf", "ods", "CSV"]),
    ],
)
def test_bilans_in_another_format_are_not_found(nom: str, formes: list[str], lecteur: Client) -> None:
    assert {lecteur.get(url(nom, forme=forme)).status_code for forme in formes} == {404}


def test_annotated_copy_is_there_when_something_is_refused(lecteur: Client) -> None:
    refus = [["budget", "D2", "50", "Ce montant est refusé."]]
    PageImport.objects.create(parent_id=IMPORT, genre=PageImport.Genre.REFUS, rang=0, contenu=refus)
    reponse = lecteur.get(url("import_annote"))
    assert (reponse.status_code, reponse["Content-Disposition"]) == (200, 'attachment; filename="budget-annote.xlsx"')


def test_recap_asked_as_declared_stays_computed_when_no_annex_was_printed(lecteur: Client) -> None:
    MontantRecapDeclare.objects.all().delete()
    assert "declare" not in lecteur.get(url("recapitulatif_xlsx"), {"source": "declare"})["Content-Disposition"]


@pytest.mark.parametrize("role", [Utilisateur.Role.AGENT, Utilisateur.Role.LECTEUR])
@pytest.mark.django_db
def test_administration_is_closed_to_other_roles(role: str) -> None:
    client = connect(factories.UtilisateurFactory(role=role))
    assert client.get(reverse("admin:index"), follow=True).status_code == 403


@pytest.mark.parametrize(("exploitant", "codes"), [(False, [403, 403]), (True, [200, 403])])
@pytest.mark.usefixtures("lenient_templates")
@pytest.mark.django_db
def test_work_in_the_background_is_read_by_the_operator_only(exploitant: bool, codes: list[int]) -> None:
    client = connect(factories.UtilisateurFactory(role=Utilisateur.Role.ADMINISTRATEUR, is_superuser=exploitant))
    assert [client.get(reverse(f"admin:{TRAVAUX}{page}")).status_code for page in ("changelist", "add")] == codes


@pytest.mark.parametrize("racine", RACINES, ids=lambda modele: modele.__name__)
@pytest.mark.django_db
def test_root_rows_are_visible_to_parties_and_operator_only(racine: type[Model]) -> None:
    objet = RACINES[racine]()
    convention = objet if racine is Convention else getattr(objet, "convention", None) or objet.fiche.convention
    partie = factories.PartieFactory(convention=convention)
    des_leurs = factories.UtilisateurFactory(organisation=partie.organisation, role=Utilisateur.Role.LECTEUR)
    exploitant = factories.UtilisateurFactory(organisation=None, is_superuser=True)
    vues = [
        set(racine._default_manager.visible_to(personne))  # type: ignore[attr-defined]
        for personne in (des_leurs, exploitant, factories.UtilisateurFactory(), AnonymousUser())
    ]
    assert vues == [{objet}, {objet}, set(), set()]


@pytest.mark.django_db
def test_loan_products_are_visible_to_parties_and_operator_only() -> None:
    pret = ProduitPret.objects.create(fiche=factories.FicheFactory(), nom="Prêt d’honneur")
    partie = factories.PartieFactory(convention=pret.fiche.convention)
    des_leurs = factories.UtilisateurFactory(organisation=partie.organisation)
    vues = [set(ProduitPret.objects.visible_to(p)) for p in (des_leurs, factories.UtilisateurFactory(), AnonymousUser())]
    assert vues == [{pret}, set(), set()]


@pytest.mark.django_db
def test_people_see_their_colleagues_only() -> None:
    moi = factories.UtilisateurFactory()
    collegue = factories.UtilisateurFactory(organisation=moi.organisation)
    exploitant = factories.UtilisateurFactory(organisation=None, is_superuser=True)
    assert set(Utilisateur.objects.visible_to(moi)) == {moi, collegue}
    assert set(Utilisateur.objects.visible_to(exploitant)) == {moi, collegue, exploitant}


@pytest.mark.django_db
def test_visitor_sees_nobody() -> None:
    factories.UtilisateurFactory()
    assert not Utilisateur.objects.visible_to(AnonymousUser())


@pytest.mark.django_db
def test_operator_with_an_organisation_still_sees_everything() -> None:
    convention = factories.ConventionFactory()
    assert set(Convention.objects.visible_to(factories.UtilisateurFactory(is_superuser=True))) == {convention}
