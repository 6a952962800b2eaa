"""Who writes what in a bilan: each address, for each person, in each state of the bilan; refused, nothing is written."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from comptes.models import Utilisateur
from conventions.gel import lift
from documents.bilans.passages import PAR_ACTION
from documents.vues import bilans
from fiches.models import FicheAction
from financement.bilans.plan import apply_plan, diff_plan
from financement.imports.realise_modele import write_modele
from financement.models import Bilan, FicheBilan, LigneBilan, LigneCout, Observation, PieceBilan, Realisation
from tests import factories
from tests.bilans import pass_to, plan_fiche
from tests.copies import Copie
from tests.factories import euros
from tests.paiements import sign
from tests.test_acces import BILANS, TABLE, copy_tables

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]
REFERENCE, ANNEE = "ESSAI-1", 2018
FICHE, LIGNE, HORS_PLAN, PIECE, OBSERVATION, REALISATION = range(900_040, 900_046)
NATURE, AUTRE_NATURE, ACTION, REGION, PART = range(900_046, 900_051)
PDF = b"%PDF-1.7\n"
ETATS = ("brouillon", "soumis", "observations", "corrige", "accepte")
# Columns of the tables below.
GENS = ("agent du bénéficiaire", "agent du payeur", "lecteur du bénéficiaire", "lecteur du payeur", "étranger", "exploitant")


@dataclass(frozen=True)
class Adresse:
    """An address, what is sent there, and the answers to GENS by states; « ! » marks the answers that write."""

    nom: str
    arguments: dict[str, Any]
    envoi: Any
    reponses: dict[str, str]

    def answers(self, etat: str) -> dict[str, str]:
        ligne = next(codes for etats, codes in self.reponses.items() if etat in etats.split())
        return dict(zip(GENS, ligne.split(), strict=True))


ECRIT = {"brouillon observations": "302! 403 403 403 404 302!", "soumis corrige accepte": "403 403 403 403 404 403"}
SUR_FICHE = {"pk": FICHE}
ADRESSES = {
    "plan": Adresse("bilan_plan", {}, {}, ECRIT),
    "importer": Adresse("bilan_importer", {}, {"fichier": "modele"}, ECRIT),
    "grille": Adresse("bilan_grille", {}, {f"avant|montant.{LIGNE}": "80", f"montant.{LIGNE}": "50"}, ECRIT),
    "fiche": Adresse("bilan_fiche", SUR_FICHE, {f"avant|fait.{FICHE}": "Deux ateliers.", f"fait.{FICHE}": "Trois."}, ECRIT),
    "enregistrer": Adresse(
        "bilan_enregistrer",
        {},
        json.dumps({"modifications": [{"champ": f"montant.{LIGNE}", "avant": "80", "apres": "50"}]}),
        {"brouillon observations": "200! 403 403 403 404 200!", "soumis corrige accepte": "403 403 403 403 404 403"},
    ),
    "calculer": Adresse(
        "bilan_calcul", {}, json.dumps({"champs": {f"montant.{LIGNE}": "50"}}), {" ".join(ETATS): "200 200 200 200 404 200"}
    ),
    "ajouter une dépense": Adresse("bilan_ligne_ajouter", SUR_FICHE, {"nature": NATURE, "libelle": "Imprévu"}, ECRIT),
    "retirer une dépense": Adresse("bilan_ligne_retirer", {"pk": HORS_PLAN}, {}, ECRIT),
    "ajouter un financeur": Adresse("bilan_part_ajouter", SUR_FICHE, {"financeur": REGION}, ECRIT),
    "retirer un financeur": Adresse("bilan_part_retirer", {"pk": PART}, {}, ECRIT),
    "joindre": Adresse("bilan_joindre", SUR_FICHE, {"intitule": "Facture", "fichier": "pdf"}, ECRIT),
    "retirer une pièce": Adresse("bilan_piece_retirer", {"pk": PIECE}, {}, ECRIT),
    "observer": Adresse(
        "bilan_observer",
        {},
        {"rubrique": "depenses", "texte": "D’où vient ce montant ?"},
        # Accepted, nothing is written: the page it comes back to says so.
        {"brouillon soumis observations corrige": "302! 302! 403 403 404 302!", "accepte": "302 302 403 403 404 302"},
    ),
    "observer une fiche": Adresse(
        "bilan_observer",
        {},
        {"rubrique": "depenses", "texte": "D’où vient ce montant ?", "fiche": FICHE, "retour": "fiche"},
        {"brouillon soumis observations corrige": "302! 302! 403 403 404 302!", "accepte": "302 302 403 403 404 302"},
    ),
    "répondre": Adresse(
        "bilan_observer",
        {},
        {"texte": "De la facture.", "parent": OBSERVATION},
        {"brouillon soumis observations corrige": "302! 302! 403 403 404 302!", "accepte": "302 302 403 403 404 302"},
    ),
    "régler": Adresse(  # by the organisation that wrote it: the payer
        "bilan_observation_regler",
        {"pk": OBSERVATION},
        {},
        {"brouillon soumis observations corrige": "403 302! 403 403 404 302!", "accepte": "302 302 403 403 404 302"},
    ),
    "rouvrir": Adresse(
        "bilan_observation_regler",
        {"pk": OBSERVATION},
        {"action": "rouvrir"},
        {"brouillon soumis observations corrige": "403 302! 403 403 404 302!", "accepte": "302 302 403 403 404 302"},
    ),
    "soumettre": Adresse(
        "bilan_passer",
        {"action": "soumettre"},
        {},
        {"brouillon": "302! 403 403 403 404 302!", "soumis observations corrige accepte": "422 422 422 422 404 422"},
    ),
    "corriger": Adresse(
        "bilan_passer",
        {"action": "corriger"},
        {},
        {"observations": "302! 403 403 403 404 302!", "brouillon soumis corrige accepte": "422 422 422 422 404 422"},
    ),
    "accepter": Adresse(
        "bilan_passer",
        {"action": "accepter"},
        {},
        {"soumis corrige": "403 302! 403 403 404 302!", "brouillon observations accepte": "422 422 422 422 404 422"},
    ),
    "renvoyer": Adresse(
        "bilan_passer",
        {"action": "observer"},
        {},
        {"soumis corrige": "403 302! 403 403 404 302!", "brouillon observations accepte": "422 422 422 422 404 422"},
    ),
    "reprendre": Adresse(
        "bilan_passer",
        {"action": "reprendre"},
        {},
        {"soumis corrige": "302! 403 403 403 404 302!", "brouillon observations accepte": "422 422 422 422 404 422"},
    ),
    "noter": Adresse(
        "carnet_noter",
        {},
        {"jour": "2018-06-01", "ligne": f"{ACTION}:{NATURE}.", "montant": "50", "qui": "Camille Dupont", "quoi": "Un atelier"},
        {"brouillon observations": "302! 302! 403 403 404 302!", "soumis corrige accepte": "422 422 403 403 404 422"},
    ),
    "retirer du carnet": Adresse(  # by the organisation that noted it: the beneficiary
        "carnet_retirer",
        {"pk": REALISATION},
        {},
        # Closed, nothing is written either.
        {"brouillon observations": "302! 403 403 403 404 302!", "soumis corrige accepte": "302 403 403 403 404 302"},
    ),
}
SUR_LE_BILAN = [nom for nom, adresse in ADRESSES.items() if adresse.nom.startswith("bilan_")]
_sessions: dict[str, str] = {}


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.localdate", lambda *args: date(2019, 2, 1))


@pytest.fixture
def bilan() -> Bilan:
    """A bilan that nothing keeps from being sent, with a little of everything; built once a process, then copied back."""
    _copie.put()
    return Bilan.objects.select_related("convention").get(annee=ANNEE, convention__reference=REFERENCE)


def build_bilan() -> None:
    """A bilan with a little of everything; its people are signed in."""
    convention = factories.ConventionFactory(reference=REFERENCE)
    payeur, beneficiaire = (
        factories.PartieFactory(convention=convention, role=role, ordre=ordre).organisation
        for ordre, role in enumerate(("financeur", "beneficiaire"))
    )
    comptes: dict[str, dict[str, Any]] = {
        "agent du bénéficiaire": {"organisation": beneficiaire},
        "agent du payeur": {"organisation": payeur},
        "lecteur du bénéficiaire": {"organisation": beneficiaire, "role": "lecteur"},
        "lecteur du payeur": {"organisation": payeur, "role": "lecteur"},
        "étranger": {},
        "exploitant": {"organisation": None, "is_superuser": True},
    }
    gens = {qui: factories.UtilisateurFactory(**valeurs, fonction=qui) for qui, valeurs in comptes.items()}
    etudes = factories.NatureFactory(pk=NATURE, nom="Études")
    autre = factories.NatureFactory(pk=AUTRE_NATURE, nom="Déplacements")
    factories.OrganisationFactory(pk=REGION, nom="Région")
    fiche = plan_fiche(convention, "A1", {("Études", 2018): 100, ("Études", 2019): 100}, {payeur: 60, beneficiaire: 40}, pk=ACTION)
    bilan = factories.BilanFactory(convention=convention, annee=ANNEE, recit="Une bonne année.")
    faite = factories.FicheBilanFactory(pk=FICHE, bilan=bilan, fiche=fiche, etat="realisee", fait="Deux ateliers.")
    factories.LigneBilanFactory(pk=LIGNE, fiche=faite, nature=etudes, montant=euros(80))
    factories.LigneBilanFactory(pk=HORS_PLAN, fiche=faite, nature=autre, au_plan=False, prevu=None)
    factories.PartBilanFactory(pk=PART, fiche=faite, prevu=None)
    apply_plan(diff_plan(bilan))
    factories.PieceBilanFactory(pk=PIECE, fiche=faite, ajoutee_par=gens["agent du bénéficiaire"], contenu=PDF)
    factories.RealisationFactory(pk=REALISATION, fiche=fiche, nature=etudes, auteur=gens["agent du bénéficiaire"], contenu=PDF)
    question = factories.ObservationFactory(pk=OBSERVATION, bilan=bilan, fiche=faite, auteur=gens["agent du payeur"])
    factories.ObservationFactory(bilan=bilan, fiche=faite, parent=question, auteur=gens["agent du bénéficiaire"], texte="De la facture.")
    sign(convention)
    for qui, personne in gens.items():
        client = Client()
        client.force_login(personne)
        _sessions[qui] = client.cookies[settings.SESSION_COOKIE_NAME].value


_copie = Copie(build_bilan)


def arrange(bilan: Bilan, nom: str, etat: str) -> None:
    """The bilan in a state, and what the address needs to have something to do."""
    if nom == "plan":
        with lift():
            LigneCout.objects.filter(annee=ANNEE).update(montant=euros(120))
    if nom in {"accepter", "rouvrir"}:
        Observation.objects.filter(pk=OBSERVATION).update(reglee_le=timezone.now())
    pass_to(bilan, etat)


def connect(qui: str) -> Client:
    """Signed in since the bilan was built."""
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = _sessions[qui]
    return client


@pytest.fixture
def _bare_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page around a refusal, which has its own tests, is not drawn each time: its status says enough."""
    monkeypatch.setattr(bilans, "show_bilan", lambda request, bilan, saisie=None: HttpResponse(status=422 if saisie else 200))


def make_file(nom: str) -> SimpleUploadedFile | None:
    """The file that an address is sent, if it wants one."""
    envoi = ADRESSES[nom].envoi
    if isinstance(envoi, str) or "fichier" not in envoi:
        return None
    if envoi["fichier"] == "modele":
        return SimpleUploadedFile("realise.xlsx", write_modele(Bilan.objects.get(annee=ANNEE, convention__reference=REFERENCE)))
    return SimpleUploadedFile("facture.pdf", PDF)


def send(client: Client, nom: str, fichier: SimpleUploadedFile | None = None, **autres: Any) -> Any:
    """Use an address of the table."""
    adresse = ADRESSES[nom]
    lieu = {"reference": REFERENCE} | ({"annee": ANNEE} if adresse.nom.startswith("bilan_") else {})
    place = reverse(adresse.nom, kwargs=lieu | adresse.arguments | autres)
    if isinstance(adresse.envoi, str):
        return client.post(place, adresse.envoi, content_type="application/json")
    envoi = dict(adresse.envoi)
    if "fichier" in envoi:
        envoi["fichier"] = fichier or make_file(nom)
        envoi["fichier"].seek(0)
    return client.post(place, envoi)


def use(clients: dict[str, Client], nom: str, **autres: Any) -> dict[str, str]:
    """Answers to each person, « ! » when something was written; everything is then put back."""
    reponses = {}
    avant, fichier = copy_tables(), make_file(nom)
    for qui, client in clients.items():
        with transaction.atomic():
            code = send(client, nom, fichier, **autres).status_code
            reponses[qui] = f"{code}{'' if copy_tables() == avant else '!'}"
            transaction.set_rollback(True)
    return reponses


@pytest.mark.usefixtures("_bare_refusals")
@pytest.mark.parametrize("etat", ETATS)
@pytest.mark.parametrize("nom", ADRESSES)
def test_who_writes_in_which_state(nom: str, etat: str, bilan: Bilan) -> None:
    arrange(bilan, nom, etat)
    clients = {qui: connect(qui) for qui in GENS}
    assert use(clients, nom) == ADRESSES[nom].answers(etat)


def test_every_writing_address_of_bilans_stands_in_the_table() -> None:
    ecrites = {nom for nom in BILANS if not TABLE[nom].lecture_seule}
    assert {adresse.nom for adresse in ADRESSES.values()} == ecrites - {"bilan_ouvrir"}  # below
    passages = {adresse.arguments["action"] for adresse in ADRESSES.values() if adresse.nom == "bilan_passer"}
    assert passages == set(PAR_ACTION)


def test_year_not_open_yet_opens_for_who_reports(bilan: Bilan) -> None:
    lieu = reverse("bilan_ouvrir", args=[REFERENCE, 2019])
    codes = {}
    for qui in GENS:
        client = connect(qui)
        with transaction.atomic():
            codes[qui] = client.post(lieu).status_code, Bilan.objects.filter(annee=2019).exists()
            transaction.set_rollback(True)
    refus = dict.fromkeys(("agent du payeur", "lecteur du bénéficiaire", "lecteur du payeur"), (403, False))
    assert codes == {"agent du bénéficiaire": (302, True), "exploitant": (302, True), "étranger": (404, False)} | refus


@pytest.mark.parametrize("etat", ETATS)
def test_year_already_open_is_not_opened_again(etat: str, bilan: Bilan) -> None:
    pass_to(bilan, etat)
    clients = {qui: connect(qui) for qui in GENS}
    lieu = reverse("bilan_ouvrir", args=[REFERENCE, ANNEE])
    avant = copy_tables()
    assert {qui: client.post(lieu).status_code for qui, client in clients.items()} == dict.fromkeys(GENS, 302) | {"étranger": 404}
    assert copy_tables() == avant


@pytest.mark.parametrize(
    ("qui", "etat", "nom", "phrase"),
    [
        ("lecteur du bénéficiaire", "brouillon", "grille", "Votre compte lit les bilans sans les remplir."),
        ("agent du payeur", "brouillon", "grille", "Vous pouvez le lire et y laisser des observations."),
        ("agent du bénéficiaire", "soumis", "enregistrer", "Le bilan 2018 est envoyé"),
        ("agent du bénéficiaire", "accepte", "joindre", "Le bilan 2018 est accepté : il ne change plus."),
        ("agent du bénéficiaire", "soumis", "accepter", "Cette étape revient à qui finance"),
        ("agent du bénéficiaire", "brouillon", "régler", "Une observation est réglée par l’organisation qui l’a écrite."),
        ("agent du payeur", "brouillon", "retirer du carnet", "Une ligne du carnet se retire par l’organisation qui l’a notée."),
        ("lecteur du payeur", "brouillon", "observer", "Votre compte lit les observations sans en écrire."),
        ("lecteur du payeur", "brouillon", "noter", "Votre compte lit le carnet sans y écrire."),
        ("agent du bénéficiaire", "soumis", "noter", "le carnet de cette année est clos."),
        ("agent du bénéficiaire", "accepte", "observer une fiche", "il ne reçoit plus d’observation."),
        ("agent du payeur", "accepte", "accepter", "Ce bilan est maintenant « accepté »"),
    ],
)
def test_refusal_says_why(qui: str, etat: str, nom: str, phrase: str, bilan: Bilan) -> None:
    pass_to(bilan, etat)
    client = connect(qui)
    reponse = send(client, nom)
    if reponse.status_code == 302:
        reponse = client.get(reponse["Location"])
    mots = reponse.json()["message"] if reponse["Content-Type"] == "application/json" else reponse.content.decode()
    assert phrase in mots


# --- Rows and files through their own bilan ----------------------------------------------------------


def build_other(bilan: Bilan) -> dict[str, int]:
    """The same rows in the bilan of another year, by what a number names."""
    autre = factories.BilanFactory(convention=bilan.convention, annee=2019)
    faite = factories.FicheBilanFactory(bilan=autre, fiche=FicheAction.objects.get(pk=ACTION))
    ligne = factories.LigneBilanFactory(fiche=faite, au_plan=False)
    part = factories.PartBilanFactory(fiche=faite, prevu=None)
    piece = factories.PieceBilanFactory(fiche=faite)
    question = factories.ObservationFactory(bilan=autre, auteur=Utilisateur.objects.get(fonction="agent du payeur"))
    return {"fiches": faite.pk, "lignes": ligne.pk, "parts": part.pk, "pieces": piece.pk, "observations": question.pk}


NUMEROTEES = dict.fromkeys(("bilan_fiche", "bilan_ligne_ajouter", "bilan_part_ajouter", "bilan_joindre"), "fiches")
NUMEROTEES |= dict.fromkeys(("bilan_piece", "bilan_piece_retirer"), "pieces")
NUMEROTEES |= {"bilan_ligne_retirer": "lignes", "bilan_part_retirer": "parts", "bilan_observation_regler": "observations"}


@pytest.mark.parametrize("nom", NUMEROTEES)
def test_row_is_reached_through_its_own_bilan_only(nom: str, bilan: Bilan) -> None:
    autre = build_other(bilan)[NUMEROTEES[nom]]
    client = connect("exploitant")
    avant = copy_tables()
    for pk in (0, 900_999, 10**30, autre):
        lieu = reverse(nom, args=[REFERENCE, ANNEE, pk])
        assert {client.get(lieu).status_code, client.post(lieu, {"texte": "x"}).status_code} <= {404, 405}, pk
    assert copy_tables() == avant


def test_year_without_bilan_is_not_found(bilan: Bilan) -> None:
    client = connect("exploitant")
    for nom in SUR_LE_BILAN:
        for annee in (0, 2019, 9999, 10**30):
            assert send(client, nom, annee=annee).status_code == 404, (nom, annee)


@pytest.mark.parametrize("nom", ["bilan", "bilan_diaporama", "bilan_modele", "bilan_grille", "bilan_importer"])
def test_page_of_a_year_without_bilan_is_not_found(nom: str, bilan: Bilan) -> None:
    assert connect("exploitant").get(reverse(nom, args=[REFERENCE, 2019])).status_code == 404


@pytest.mark.parametrize("nom", ["carnet_retirer", "carnet_piece"])
def test_entry_is_reached_through_its_own_agreement_only(nom: str, bilan: Bilan) -> None:
    ailleurs = factories.RealisationFactory(contenu=PDF)
    client = connect("exploitant")
    for pk in (0, ailleurs.pk, 10**30):
        lieu = reverse(nom, args=[REFERENCE, pk])
        assert {client.get(lieu).status_code, client.post(lieu).status_code} <= {404, 405}
    ailleurs.refresh_from_db()
    assert ailleurs.retiree_le is None


@pytest.mark.parametrize("champ", ["fiche", "parent"])
def test_observation_is_not_hung_from_another_bilan(champ: str, bilan: Bilan) -> None:
    autres = build_other(bilan)
    envoi = {"rubrique": "depenses", "texte": "Ici ?", champ: autres["fiches" if champ == "fiche" else "observations"]}
    reponse = connect("agent du payeur").post(reverse("bilan_observer", args=[REFERENCE, ANNEE]), envoi)
    assert (reponse.status_code, Observation.objects.filter(texte="Ici ?").exists()) == (404, False)


def test_field_of_another_bilan_is_not_written(bilan: Bilan) -> None:
    autres = build_other(bilan)
    champ = f"montant.{autres['lignes']}"
    envoi = json.dumps({"modifications": [{"champ": champ, "avant": "", "apres": "50"}]})
    lieu = reverse("bilan_enregistrer", args=[REFERENCE, ANNEE])
    reponse = connect("agent du bénéficiaire").post(lieu, envoi, content_type="application/json")
    assert [r["statut"] for r in reponse.json()["resultats"]] == ["refus"]
    assert LigneBilan.objects.get(pk=autres["lignes"]).montant is None


def test_fiche_page_writes_its_own_fields_only(bilan: Bilan) -> None:
    seconde = factories.FicheBilanFactory(bilan=bilan, fiche__convention=bilan.convention)
    envoi = {f"avant|fait.{FICHE}": "Deux ateliers.", f"fait.{FICHE}": "Détourné."}
    reponse = connect("agent du bénéficiaire").post(reverse("bilan_fiche", args=[REFERENCE, ANNEE, seconde.pk]), envoi)
    assert (reponse.status_code, FicheBilan.objects.get(pk=FICHE).fait) == (422, "Deux ateliers.")


@pytest.mark.parametrize("nom", ["bilan_piece", "carnet_piece"])
def test_file_that_was_changed_or_lost_is_not_served(nom: str, bilan: Bilan) -> None:
    client = connect("lecteur du payeur")
    lieu = reverse(nom, args=[REFERENCE, ANNEE, PIECE] if nom == "bilan_piece" else [REFERENCE, REALISATION])
    objet = PieceBilan.objects.get() if nom == "bilan_piece" else Realisation.objects.get()
    assert client.get(lieu).content == PDF
    with objet.fichier.open("wb") as fichier:
        fichier.write(b"%PDF-1.7 autre")
    assert client.get(lieu).status_code == 404
    objet.fichier.storage.delete(objet.fichier.name)
    assert client.get(lieu).status_code == 404


def test_entry_without_file_has_nothing_to_serve(bilan: Bilan) -> None:
    Realisation.objects.update(fichier="")
    assert connect("lecteur du payeur").get(reverse("carnet_piece", args=[REFERENCE, REALISATION])).status_code == 404


# --- What a script or an altered form may send -------------------------------------------------------

ILLISIBLES = [b"", b"{", b"null", b"[]", b"3", b"\xff\xfe", b"[" * 100_000, b'{"modifications": 3}', b'{"champs": []}']


@pytest.mark.parametrize("nom", ["bilan_enregistrer", "bilan_calcul"])
@pytest.mark.parametrize("corps", ILLISIBLES, ids=lambda corps: repr(corps[:20]))
def test_rubbish_is_a_bad_request(nom: str, corps: bytes, bilan: Bilan) -> None:
    lieu = reverse(nom, args=[REFERENCE, ANNEE])
    assert connect("agent du bénéficiaire").post(lieu, corps, content_type="application/json").status_code == 400


CHAMPS_INVENTES = ["", ".", "montant", "montant.", "montant.x", "montant." + "9" * 30, "montant." + "9" * 5000, "etat.0", "recit.0", "id.1"]
CHAMPS_INVENTES += ["convention.1", "part.x", "atteint..1", f"montant.{LIGNE}.1", f"prevu.{LIGNE}", f"au_plan.{LIGNE}", f"code.{FICHE}"]


@pytest.mark.parametrize("champ", CHAMPS_INVENTES, ids=lambda champ: f"«{champ[:30]}»")
def test_field_that_does_not_exist_is_refused_in_words(champ: str, bilan: Bilan) -> None:
    client = connect("agent du bénéficiaire")
    modifications = [{"champ": champ, "avant": "", "apres": "5"}, {"champ": f"difficultes.{FICHE}", "avant": "", "apres": "Le gel."}]
    lieu = reverse("bilan_enregistrer", args=[REFERENCE, ANNEE])
    reponse = client.post(lieu, {"modifications": modifications}, content_type="application/json")
    assert [r["statut"] for r in reponse.json()["resultats"]] == ["refus", "enregistre"]
    calcul = client.post(reverse("bilan_calcul", args=[REFERENCE, ANNEE]), {"champs": {champ: "5"}}, content_type="application/json")
    assert calcul.status_code == 200


@pytest.mark.parametrize("valeur", ["-5", "1.234", "beaucoup", "9" * 30, "NaN", "1e9", "\x00", "\ud800"])
@pytest.mark.parametrize("prefixe", ["jours", "montant"])
def test_figure_that_is_none_is_refused_in_words(prefixe: str, valeur: str, bilan: Bilan) -> None:
    avant = LigneBilan.objects.values("jours", "montant").get(pk=LIGNE)
    modification = {"champ": f"{prefixe}.{LIGNE}", "avant": "80" if prefixe == "montant" else "", "apres": valeur}
    lieu = reverse("bilan_enregistrer", args=[REFERENCE, ANNEE])
    reponse = connect("agent du bénéficiaire").post(lieu, {"modifications": [modification]}, content_type="application/json")
    assert reponse.status_code in {200, 400}
    if reponse.status_code == 200 and valeur not in {"\x00"}:  # not typed: taken for an empty box
        assert [r["statut"] for r in reponse.json()["resultats"]] in (["refus"], ["question"])
        assert LigneBilan.objects.values("jours", "montant").get(pk=LIGNE) == avant


@pytest.mark.parametrize(
    ("nom", "envoi"),
    [
        ("bilan_ligne_ajouter", {"nature": "9" * 5000, "libelle": "x"}),
        ("bilan_ligne_ajouter", {"nature": "x"}),
        ("bilan_ligne_ajouter", {}),
        ("bilan_ligne_ajouter", {"nature": "900047", "libelle": "x" * 161}),
        ("bilan_ligne_ajouter", {"nature": "900047", "libelle": "a\x00b"}),
        ("bilan_part_ajouter", {"financeur": "9" * 5000}),
        ("bilan_part_ajouter", {"financeur": "-1"}),
        ("bilan_joindre", {"fichier": "un texte"}),
        ("bilan_observer", {"texte": "x", "rubrique": "explosion"}),
        ("bilan_observer", {"texte": "x", "parent": "9" * 5000, "fiche": "x"}),
        ("bilan_observer", {"texte": "a\x00b", "rubrique": "recit", "fiche": "9" * 5000, "retour": "a\r\nb"}),
        ("bilan_grille", {"avant|": "x", "avant|montant.x": "y", "montant.x": "9"}),
        ("bilan_grille", {"prendre": "montant.1", "avant|montant.1": "9" * 5000}),
        ("carnet_noter", {"jour": "hier", "ligne": ":", "montant": "9" * 5000, "jours": "x"}),
        ("carnet_noter", {"jour": "0001-01-01", "ligne": "900048:900046.", "montant": "5", "qui": "a", "quoi": "b"}),
        ("carnet_noter", {"jour": "2018-06-01", "ligne": "900048:autre", "nature": "9" * 30, "montant": "5", "qui": "a", "quoi": "b"}),
        ("carnet_noter", {"jour": "2018-06-01", "ligne": "9" * 5000 + ":x", "montant": "9" * 30, "qui": "a\x00", "quoi": "b\x00"}),
        ("carnet_noter", {"jour": "2018-06-01", "ligne": "900048:900046.", "montant": "9" * 30, "qui": "a\x00", "quoi": "b\x00"}),
    ],
    ids=lambda v: str(v)[:50],
)
def test_altered_form_is_refused_without_crash(nom: str, envoi: dict[str, str], bilan: Bilan) -> None:
    place = [REFERENCE] if nom.startswith("carnet") else [REFERENCE, ANNEE]
    if nom in {"bilan_ligne_ajouter", "bilan_part_ajouter", "bilan_joindre"}:
        place.append(FICHE)
    reponse = connect("agent du bénéficiaire").post(reverse(nom, args=place), envoi)
    assert reponse.status_code < 500
    assert "\n" not in reponse.get("Location", "")


def test_amount_of_the_carnet_that_the_column_cannot_hold_is_refused(bilan: Bilan) -> None:
    envoi = ADRESSES["noter"].envoi | {"montant": "9" * 15, "jours": "9" * 8}
    assert connect("agent du bénéficiaire").post(reverse("carnet_noter", args=[REFERENCE]), envoi).status_code == 422
