"""Queries of a page: as many for a hundred rows as for ten."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention, Politique
from fiches.commentaires import add_commentaire
from fiches.models import FicheAction, Passage, Pilote, Presence, ProduitPret
from fiches.saisie import Modification, save_modifications
from financement.bilans.saisie import ContenuBilan
from financement.edition import ContenuFiche
from financement.models import Bilan, FicheBilan, LigneBilan, Versement
from tests import factories
from tests.factories import euros
from tests.paiements import make_paiement

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]
REFERENCE = "ESSAI-1"
ADRESSES = {
    "accueil": reverse("accueil"),
    "conventions": reverse("conventions"),
    "recherche": reverse("recherche") + "?q=action",
    "recherche d’un code": reverse("recherche") + "?q=ea 1",
    **{nom: reverse(nom, args=[REFERENCE]) for nom in ("convention", "fiches", "budget", "articles", "famille", "recapitulatif_xlsx")},
    "budget déclaré": reverse("budget", args=[REFERENCE]) + "?source=declare",
    "fiche": reverse("fiche", args=[REFERENCE, "e-a-1-1"]),
    "fiches filtrées": reverse("fiches", args=[REFERENCE]) + "?etat=en_relecture&annee=2018&manque=commentaires&pilote=aucun",
    "fiches à traiter": reverse("fiches", args=[REFERENCE]) + "?gerer=1",
    **{nom: reverse(nom, args=[REFERENCE]) for nom in ("controles", "rapprochement", "rapprochement_xlsx", "versements")},
    "corbeille": reverse("corbeille", args=[REFERENCE]),
    "nouvelle fiche": reverse("fiche_nouvelle", args=[REFERENCE]),
    **{nom: reverse(nom, args=[REFERENCE, "e-a-1-1"]) for nom in ("fiche_modifier", "fiche_historique", "fiche_deplacer")},
    "retour en arrière": reverse("fiche_restaurer", args=[REFERENCE, "e-a-1-1"]) + "?au=2090-01-01T00:00:00%2B00:00",
    "portefeuille": reverse("portefeuille"),
    "portefeuille par année": reverse("portefeuille") + "?par=annee",
    "portefeuille en tableur": reverse("portefeuille_tableur", args=["xlsx"]),
}
ANNEE, BILAN, FICHE_BILAN = 2018, 900_001, 900_002
DES_BILANS = {
    **{nom: reverse(nom, args=[REFERENCE]) for nom in ("bilans", "bilan_pluriannuel")},
    "carnet": reverse("carnet", args=[REFERENCE]) + f"?annee={ANNEE}",
    **{nom: reverse(nom, args=[REFERENCE, ANNEE]) for nom in ("bilan", "bilan_grille", "bilan_importer", "bilan_modele")},
    "fiche du bilan": reverse("bilan_fiche", args=[REFERENCE, ANNEE, FICHE_BILAN]),
    **{f"bilan {forme}": reverse("bilan_document", args=[REFERENCE, ANNEE, forme]) for forme in ("xlsx", "json")},
    "compte rendu financier": reverse("bilan_compte_rendu", args=[REFERENCE, ANNEE, "xlsx"]),
}
DES_BILANS_LUS = {nom: adresse for nom, adresse in DES_BILANS.items() if nom not in {"bilan_grille", "bilan_importer"}}


@pytest.fixture(autouse=True)
def _same_numbers_of_content_types() -> None:
    """What Django keeps in memory for the whole process is read before counting."""
    from django.contrib.contenttypes.models import ContentType

    ContentType.objects.get_for_models(Utilisateur, Convention)


def add_fiche(convention: Convention, organisation: Organisation, pilote: Utilisateur, rang: int) -> None:
    """A fiche with some of everything that a page reads."""
    fiche = factories.FicheFactory(convention=convention, code=f"E.A {rang}.1", etat="en_relecture" if rang % 2 else "en_redaction")
    fiche.maitres_ouvrage.add(organisation, factories.OrganisationFactory())
    Pilote.objects.create(fiche=fiche, utilisateur=pilote)
    for annee in (2018, 2019):
        factories.LigneCoutFactory(fiche=fiche, annee=annee)
    factories.CoFinancementFactory(fiche=fiche, financeur=organisation, taux=Decimal(40))
    factories.CoFinancementFactory(fiche=fiche)
    indicateur = factories.IndicateurFactory(fiche=fiche)
    indicateur.cibles.create(annee=2018, valeur=3)
    ProduitPret.objects.create(fiche=fiche, nom="Prêt")
    discuss(fiche, pilote, organisation)
    rewrite(fiche, pilote)
    factories.FicheFactory(convention=convention, axe=fiche.axe, code=f"E.J {rang}.1", supprimee_le=timezone.now())
    factories.RecapDeclareFactory(convention=convention, fiche=fiche, financeur=organisation)
    report(fiche, pilote)


def report(fiche: FicheAction, personne: Utilisateur) -> None:
    """What was done of a fiche: in the bilan of the year, in the carnet, observed and answered."""
    bilan = fiche.convention.bilans.get(annee=ANNEE)
    cle = {"pk": FICHE_BILAN} if bilan.pk == BILAN and not bilan.fiches.exists() else {}
    faite = factories.FicheBilanFactory(bilan=bilan, fiche=fiche, etat="realisee", fait="Deux ateliers.", **cle)
    for _ in range(2):
        factories.LigneBilanFactory(fiche=faite, montant=euros(80))
    factories.LigneBilanFactory(fiche=faite, au_plan=False, prevu=None)
    factories.PartBilanFactory(fiche=faite)
    factories.PartBilanFactory(fiche=faite, financeur=None)
    factories.MesureBilanFactory(fiche=faite, valeur=3)
    note(faite, personne)


def note(faite: FicheBilan, personne: Utilisateur) -> None:
    """A supporting file, an observation with its answer, one that is settled, two entries of the carnet of which one is withdrawn."""
    collegue = factories.UtilisateurFactory(organisation=personne.organisation)
    factories.PieceBilanFactory(fiche=faite, ajoutee_par=collegue)
    question = factories.ObservationFactory(bilan=faite.bilan, fiche=faite, auteur=collegue)
    factories.ObservationFactory(bilan=faite.bilan, fiche=faite, parent=question, auteur=personne)
    factories.ObservationFactory(bilan=faite.bilan, auteur=collegue, reglee_le=timezone.now(), reglee_par=personne)
    factories.RealisationFactory(fiche=faite.fiche, auteur=collegue, jours=2)
    factories.RealisationFactory(fiche=faite.fiche, auteur=personne, retiree_le=timezone.now(), retiree_par=collegue)


def discuss(fiche: FicheAction, personne: Utilisateur, organisation: Organisation) -> None:
    """A thread of two colleagues with an answer that names somebody, a passage, and somebody else at work."""
    collegue = factories.UtilisateurFactory(organisation=organisation)
    fil = add_commentaire(collegue, fiche, f"Lequel, @{personne} ?", "constat", extrait="un bureau")
    add_commentaire(personne, fiche, f"Celui de @{collegue}.", parent=fil)
    Passage.objects.create(fiche=fiche, action="soumettre", de="brouillon", vers="en_redaction", auteur=collegue, organisation=organisation)
    Presence.objects.create(fiche=fiche, utilisateur=collegue, champ="constat", vue_le=timezone.now())


def rewrite(fiche: FicheAction, personne: Utilisateur) -> None:
    """A text, a row of cost, a share and a target of the fiche changed, for its history."""
    nature, financeur = factories.NatureFactory(), factories.OrganisationFactory()
    indicateur = factories.IndicateurFactory(fiche=fiche)
    ecrits = {
        "constat": f"{fiche.constat}Encore. ",
        f"cout.2018.{nature.pk}.Études": "1 000",
        f"part.{financeur.pk}.0.0.taux": "5",
        f"indicateur.{indicateur.pk}.2019": "12",
    }
    contenu = ContenuFiche.of(FicheAction.objects.get(pk=fiche.pk))
    valeurs = contenu.read()
    resultats = save_modifications(personne, contenu, [Modification(c, valeurs.get(c, ""), v) for c, v in ecrits.items()])
    assert [r.statut for r in resultats] == ["enregistre"] * 4
    fiche.refresh_from_db()


def add_payments(versement: Versement, personne: Utilisateur) -> None:
    """A payment at each end of its way, a supporting file, the credits and a titre of its payer."""
    make_paiement(versement, "demande", 1)
    make_paiement(versement, "paye", 1)
    factories.PieceVersementFactory(versement=versement, ajoutee_par=personne)
    factories.CreditFactory(convention=versement.convention, payeur=versement.payeur)
    factories.ReversementFactory(convention=versement.convention, payeur=versement.payeur)


def add_convention(organisation: Organisation, pilote: Utilisateur, reference: str, parent: Convention | None = None) -> Convention:
    convention = factories.ConventionFactory(
        reference=reference, nature="specifique" if parent else "cadre", parent=parent, date_debut="2090-01-01", date_fin="2099-01-01"
    )
    convention.politiques.add(Politique.objects.create(cle=reference.lower(), nom=reference))
    factories.BilanFactory(convention=convention, annee=ANNEE, **{} if parent else {"pk": BILAN})
    envoye = factories.BilanFactory(convention=convention, annee=2019, etat="soumis")
    factories.AccordBilanFactory(bilan=envoye, auteur=pilote)
    factories.FicheBilanFactory(bilan=envoye)
    factories.PartieFactory(convention=convention, organisation=organisation)
    factories.PartieFactory(convention=convention, role="beneficiaire")
    factories.ObjectifFactory(convention=convention)
    add_payments(factories.VersementFactory(convention=convention, date_prevue="2095-01-01"), pilote)
    article = factories.ArticleFactory(convention=convention, texte="{{ tableau.versements }}\n{{ tableau.coordonnees_bancaires }}")
    factories.MontantDeclareFactory(convention=convention, lieu="article", article=article)
    for rang in (1, 2):
        add_fiche(convention, organisation, pilote, rang)
    return convention


def ask(client: Client, adresse: str) -> list[str]:
    with CaptureQueriesContext(connection) as requetes:
        assert client.get(adresse).status_code == 200
    return [requete["sql"] for requete in requetes]


@pytest.fixture
def grandir(agent: Utilisateur) -> Callable[[], None]:
    """Builds a convention; each call then doubles its fiches, its rows and its family."""
    cadre = add_convention(agent.organisation, agent, REFERENCE)

    def double() -> None:
        for rang in (3, 4):
            add_fiche(cadre, agent.organisation, agent, rang)
        add_convention(agent.organisation, agent, "ESSAI-2", cadre)
        factories.PartieFactory(convention=cadre)
        for fabrique in (factories.ObjectifFactory, factories.MontantDeclareFactory):
            fabrique(convention=cadre)
        add_payments(factories.VersementFactory(convention=cadre), agent)
        fiche: Any = cadre.fiches.get(code="E.A 1.1")
        factories.LigneCoutFactory(fiche=fiche, annee=2020)
        factories.CoFinancementFactory(fiche=fiche)
        factories.IndicateurFactory(fiche=fiche).cibles.create(annee=2018, valeur=3)
        pilote = factories.UtilisateurFactory(organisation=agent.organisation)
        Pilote.objects.create(fiche=fiche, utilisateur=pilote)
        fiche.maitres_ouvrage.add(cadre.parties.last().organisation)
        ProduitPret.objects.create(fiche=fiche, nom="Prêt")
        discuss(fiche, pilote, agent.organisation)
        rewrite(fiche, pilote)
        faite = FicheBilan.objects.get(pk=FICHE_BILAN)
        for fabrique in (factories.LigneBilanFactory, factories.PartBilanFactory, factories.MesureBilanFactory):
            fabrique(fiche=faite)
        note(faite, pilote)
        factories.AccordBilanFactory(bilan=faite.bilan, auteur=pilote)
        factories.ImportBudgetFactory(convention=cadre, bilan=faite.bilan, auteur=pilote)

    return double


@pytest.fixture
def redacteur(grandir: Callable[[], None]) -> Client:
    """Signed in as who reports."""
    organisation = Convention.objects.get(reference=REFERENCE).parties.get(role="beneficiaire").organisation
    client = Client()
    client.force_login(factories.UtilisateurFactory(organisation=organisation))
    return client


def send(client: Client, nom: str, **objet: Any) -> list[str]:
    """Post an object to a machine address of the first fiche, and return what the database was asked."""
    fiche = FicheAction.objects.get(convention__reference=REFERENCE, code="E.A 1.1")
    with CaptureQueriesContext(connection) as requetes:
        reponse = client.post(reverse(nom, args=[REFERENCE, fiche.pk]), objet, content_type="application/json")
    assert reponse.status_code == 200
    assert [r["statut"] for r in reponse.json().get("resultats", [])] in ([], ["enregistre"])
    return [requete["sql"] for requete in requetes]


def write_text(client: Client) -> list[str]:
    fiche = FicheAction.objects.get(convention__reference=REFERENCE, code="E.A 1.1")
    modification = {"champ": "contenus", "avant": fiche.contenus, "apres": f"{fiche.contenus}Un atelier. "}
    return send(client, "fiche_enregistrer", modifications=[modification], version="")


def write_cell(client: Client) -> list[str]:
    ligne = FicheAction.objects.get(convention__reference=REFERENCE, code="E.A 1.1").lignes_cout.first()
    montant = int(ligne.montant.amount)
    champ = f"cout.{ligne.annee}.{ligne.nature_id}.{ligne.libelle}"
    return send(client, "fiche_enregistrer", modifications=[{"champ": champ, "avant": str(montant), "apres": str(montant + 1)}], version="")


def read_champs() -> dict[str, str]:
    return ContenuFiche.of(FicheAction.objects.get(convention__reference=REFERENCE, code="E.A 1.1")).read()


MACHINES: dict[str, Callable[[Client], list[str]]] = {
    "enregistrer un texte": write_text,
    "enregistrer une cellule": write_cell,
    "compter": lambda client: send(client, "fiche_calcul", champs=read_champs()),
    "faire signe, la page à jour": lambda client: send(
        client, "fiche_presence", version=FicheAction.objects.get(convention__reference=REFERENCE, code="E.A 1.1").modifiee_le.isoformat()
    ),
    "faire signe, la page en retard": lambda client: send(client, "fiche_presence", version=""),
}


def test_queries_stay_flat_when_everything_doubles(grandir: Callable[[], None], client_agent: Client) -> None:
    for adresse in ADRESSES.values():
        ask(client_agent, adresse)
    avant = {nom: ask(client_agent, adresse) for nom, adresse in ADRESSES.items()}
    grandir()
    apres = {nom: ask(client_agent, adresse) for nom, adresse in ADRESSES.items()}
    de_plus = {nom: list(Counter(apres[nom]) - Counter(avant[nom])) for nom in ADRESSES if len(apres[nom]) != len(avant[nom])}
    assert de_plus == {}


@pytest.mark.parametrize("nom", MACHINES)
def test_machine_addresses_ask_as_much_when_everything_doubles(nom: str, grandir: Callable[[], None], client_agent: Client) -> None:
    MACHINES[nom](client_agent)
    avant = MACHINES[nom](client_agent)
    grandir()
    MACHINES[nom](client_agent)  # the first writing after somebody else's makes a version of its own
    apres = MACHINES[nom](client_agent)
    assert len(apres) == len(avant), "\n".join(Counter(apres) - Counter(avant))


@pytest.mark.parametrize("qui", ["rapporte", "relit"])
def test_bilans_ask_as_much_when_everything_doubles(qui: str, grandir: Callable[[], None], redacteur: Client, client_agent: Client) -> None:
    client, adresses = (redacteur, DES_BILANS) if qui == "rapporte" else (client_agent, DES_BILANS_LUS)
    for adresse in adresses.values():
        ask(client, adresse)
    avant = {nom: ask(client, adresse) for nom, adresse in adresses.items()}
    grandir()
    apres = {nom: ask(client, adresse) for nom, adresse in adresses.items()}
    de_plus = {nom: list(Counter(apres[nom]) - Counter(avant[nom])) for nom in adresses if len(apres[nom]) != len(avant[nom])}
    assert de_plus == {}


def send_bilan(client: Client, nom: str, **objet: Any) -> list[str]:
    """Post an object to a machine address of the bilan, and return what the database was asked."""
    with CaptureQueriesContext(connection) as requetes:
        reponse = client.post(reverse(nom, args=[REFERENCE, ANNEE]), objet, content_type="application/json")
    assert reponse.status_code == 200
    assert [r["statut"] for r in reponse.json().get("resultats", [])] in ([], ["enregistre"])
    return [requete["sql"] for requete in requetes]


def write_amount(client: Client) -> list[str]:
    ligne = LigneBilan.objects.filter(fiche=FICHE_BILAN).first()
    montant = int(ligne.montant.amount)
    modification = {"champ": f"montant.{ligne.pk}", "avant": str(montant), "apres": str(montant + 1)}
    return send_bilan(client, "bilan_enregistrer", modifications=[modification], version="")


MACHINES_DES_BILANS: dict[str, Callable[[Client], list[str]]] = {
    "enregistrer un montant": write_amount,
    "compter": lambda client: send_bilan(
        client, "bilan_calcul", champs=ContenuBilan.of_bilan(Bilan.objects.select_related("convention").get(pk=BILAN)).read()
    ),
}


@pytest.mark.parametrize("nom", MACHINES_DES_BILANS)
def test_machine_addresses_of_bilans_ask_as_much_when_everything_doubles(nom: str, grandir: Callable[[], None], redacteur: Client) -> None:
    MACHINES_DES_BILANS[nom](redacteur)
    avant = MACHINES_DES_BILANS[nom](redacteur)
    grandir()
    MACHINES_DES_BILANS[nom](redacteur)
    apres = MACHINES_DES_BILANS[nom](redacteur)
    assert len(apres) == len(avant), "\n".join(Counter(apres) - Counter(avant))


def test_comments_shown_alone_ask_as_much_when_everything_doubles(grandir: Callable[[], None], client_agent: Client) -> None:
    fiche = FicheAction.objects.get(convention__reference=REFERENCE, code="E.A 1.1")
    adresse = reverse("fiche_commentaire_regler", args=[REFERENCE, fiche.pk, fiche.commentaires.first().pk])

    def settle() -> int:
        with CaptureQueriesContext(connection) as requetes:
            assert client_agent.post(adresse, headers={"HX-Request": "true"}).status_code == 200
        return len(requetes)

    settle()
    avant = settle()
    grandir()
    assert settle() == avant


DOCUMENTS = {
    **{nom: reverse(nom, args=[REFERENCE]) for nom in ("convention_pdf", "recapitulatif_pdf")},
    "fiche_pdf": reverse("fiche_pdf", args=[REFERENCE, "e-a-1-1"]),
    "bilan": reverse("bilan_document", args=[REFERENCE, ANNEE, "pdf"]),
    "bilan_diaporama": reverse("bilan_diaporama", args=[REFERENCE, ANNEE]),
    "bilan_compte_rendu": reverse("bilan_compte_rendu", args=[REFERENCE, ANNEE, "pdf"]),
    "bilan_pluriannuel": reverse("bilan_pluriannuel_document", args=[REFERENCE, "pdf"]),
}


def test_documents_ask_as_much_when_everything_doubles(
    grandir: Callable[[], None], client_agent: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("mise_en_forme", "publication", "bilans.publication"):
        monkeypatch.setattr(f"documents.{module}.render_pdf", lambda document: b"%PDF-")
    avant = {nom: len(ask(client_agent, adresse)) for nom, adresse in DOCUMENTS.items()}
    grandir()
    assert {nom: len(ask(client_agent, adresse)) for nom, adresse in DOCUMENTS.items()} == avant
