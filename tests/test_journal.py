"""The journal of a convention: every act is there, in order, and nothing of it changes without being seen."""

import csv
import io
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from comptes.models import Organisation, Utilisateur
from conventions.journal import DEBUT, Evenement, JournalIntouchable, check_chaine, record, write_journal_csv
from conventions.models import Convention, Partie
from documents.avenants import create_avenant
from documents.deliberations import Deliberation, record_deliberation
from documents.vie.actes import pass_convention, sign
from fiches.models import FicheAction
from fiches.transitions import pass_fiche
from financement.controles.acceptations import AcceptationRefusee, accept
from financement.imports.annulation import undo
from tests.budgets import import_budget, make_budget
from tests.factories import ContradictionFactory, ConventionFactory, NatureFactory, OrganisationFactory, UtilisateurFactory
from tests.vie import DELIBERATION, SIGNATURE, Projet, make_project, type_small_pdfs

pytestmark = pytest.mark.django_db
TABLE = Evenement._meta.db_table


@pytest.fixture
def projet(monkeypatch: pytest.MonkeyPatch) -> Projet:
    type_small_pdfs(monkeypatch)
    return make_project()


@pytest.fixture
def agent(projet: Projet) -> Utilisateur:
    return projet.gens["agent financeur"]


@pytest.fixture
def admin(projet: Projet) -> Utilisateur:
    return projet.gens["administrateur financeur"]


@pytest.fixture
def convention() -> Convention:
    convention = ConventionFactory.build(reference="ESSAI-1")
    Convention.objects.bulk_create([convention])
    return convention


@pytest.fixture
def journal(convention: Convention) -> Convention:
    """Four events, the first by somebody."""
    personne = UtilisateurFactory(prenom="Camille", nom="Essai", organisation__sigle="CCI")
    record(convention, "ouvrir", "Négociation ouverte.", personne, jour="2018-11-02", montant="12.50", lignes=[1, None, True])
    record(convention, "accord", "Accord de la « CCI » – n° 1 : 12 €.", personne)
    record(convention, "figer", "Document figé.", empreinte="é" * 64)
    record(convention, "signer", "Convention signée.", personne, details={"a": {"b": "ç"}})
    return convention


def read(convention: Convention) -> list[Evenement]:
    return list(Evenement.objects.filter(convention=convention).order_by("rang"))


def verdict(convention: Convention) -> tuple[int, int | None]:
    """How many events were looked at, and the rank of the first that does not hold."""
    v = check_chaine(Evenement.objects.filter(convention=convention))
    assert v.is_intact is (v.rompu is None)
    return v.nombre, v.rompu.rang if v.rompu else None


def rewrite(convention: Convention, rang: int, colonne: str, valeur: Any) -> None:
    """Change a column where no code of the product looks."""
    with connection.cursor() as curseur:
        curseur.execute(f"UPDATE {TABLE} SET {colonne} = %s WHERE convention_id = %s AND rang = %s", [valeur, convention.pk, rang])  # noqa: S608 (our own names)
        assert curseur.rowcount == 1


# --- The chain -------------------------------------------------------------------------------------


def test_each_event_seals_the_one_before(journal: Convention) -> None:
    evenements = read(journal)
    assert [e.rang for e in evenements] == [1, 2, 3, 4]
    assert [e.precedent for e in evenements] == [DEBUT, *(e.empreinte for e in evenements[:-1])]
    assert len({e.empreinte for e in evenements}) == 4
    assert verdict(journal) == (4, None)


def test_chain_of_a_convention_without_event_is_intact(convention: Convention) -> None:
    assert verdict(convention) == (0, None)


def test_each_convention_has_its_own_chain(journal: Convention) -> None:
    autre = ConventionFactory()
    assert record(autre, "ouvrir", "Négociation ouverte.").rang == 1
    record(journal, "notifier", "Notifiée.")
    assert (verdict(autre), verdict(journal)) == ((1, None), (5, None))


def test_order_of_reading_does_not_count(journal: Convention) -> None:
    assert check_chaine(reversed(read(journal))).is_intact


CHANGEMENTS: dict[str, Any] = {
    "date": timezone.now() - timedelta(days=400),
    "genre": "abandonner",
    "nom_auteur": "Quelqu’un d’autre",
    "message": "Rien ne s’est passé.",
    "donnees": '{"jour": "2019-11-02"}',
    "precedent": "f" * 64,
    "empreinte": "f" * 64,
}


def test_every_column_is_sealed_but_those_that_a_deleted_account_empties() -> None:
    colonnes = {f.name for f in Evenement._meta.concrete_fields}
    assert colonnes == set(CHANGEMENTS) | {"id", "rang", "convention", "auteur", "organisation"}


@pytest.mark.parametrize("rang", [1, 2, 4])
@pytest.mark.parametrize("colonne", CHANGEMENTS)
def test_column_changed_in_the_database_breaks_the_chain_there(journal: Convention, colonne: str, rang: int) -> None:
    rewrite(journal, rang, colonne, CHANGEMENTS[colonne])
    assert verdict(journal)[1] == rang


@pytest.mark.parametrize(("ancien", "nouveau", "rompu"), [(2, 9, 3), (4, 5, 5), (1, 0, 0)])
def test_rank_changed_breaks_the_chain(journal: Convention, ancien: int, nouveau: int, rompu: int) -> None:
    rewrite(journal, ancien, "rang", nouveau)
    assert verdict(journal)[1] == rompu


def test_event_moved_to_another_convention_breaks_both_chains(journal: Convention) -> None:
    autre = ConventionFactory()
    record(autre, "ouvrir", "Négociation ouverte.")
    rewrite(journal, 2, "convention_id", autre.pk)
    assert (verdict(journal)[1], verdict(autre)[1]) == (3, 2)


def test_journal_of_another_convention_is_not_taken_for_its_own(journal: Convention) -> None:
    autre = ConventionFactory()
    with connection.cursor() as curseur:
        curseur.execute(f"UPDATE {TABLE} SET convention_id = %s", [autre.pk])  # noqa: S608 (our own names)
    assert verdict(autre)[1] == 1


def test_event_taken_away_breaks_the_chain(journal: Convention) -> None:
    with connection.cursor() as curseur:
        curseur.execute(f"DELETE FROM {TABLE} WHERE rang = 2")  # noqa: S608 (our own names)
    assert verdict(journal)[1] == 3


def test_event_sealed_again_by_who_changed_it_breaks_the_next(journal: Convention) -> None:
    rewrite(journal, 2, "message", "Rien ne s’est passé.")
    rewrite(journal, 2, "empreinte", read(journal)[1].compute_empreinte())
    assert verdict(journal) == (3, 3)


def test_details_in_another_order_are_the_same(journal: Convention) -> None:
    rewrite(journal, 1, "donnees", '{"lignes": [1, null, true], "montant": "12.50", "jour": "2018-11-02"}')
    assert verdict(journal) == (4, None)


def test_author_who_leaves_and_organisation_that_changes_its_name_leave_the_chain_intact(journal: Convention) -> None:
    auteur = read(journal)[0].auteur
    assert auteur is not None
    organisation = auteur.organisation
    auteur.delete()
    organisation.sigle = "Autre"
    organisation.save()
    organisation.delete()
    premier = read(journal)[0]
    assert (premier.auteur, premier.organisation, premier.nom_auteur) == (None, None, "Camille Essai, CCI")
    assert verdict(journal) == (4, None)


# --- Only growing ----------------------------------------------------------------------------------


def again(e: Evenement, **valeurs: Any) -> Evenement:
    """The same event made anew, with other words."""
    champs = {f.attname: getattr(e, f.attname) for f in Evenement._meta.concrete_fields}
    return Evenement(**champs | {"message": "Rien ne s’est passé."} | valeurs)


def retell(e: Evenement) -> Evenement:
    e.message = "Rien ne s’est passé."
    return e


PORTES: dict[str, Callable[[Evenement], Any]] = {
    "saved again": lambda e: retell(e).save(),
    "one column saved": lambda e: retell(e).save(update_fields=["message"]),
    "another saved in its place": lambda e: again(e).save(),
    "deleted": lambda e: e.delete(),
    "updated": lambda e: Evenement.objects.filter(pk=e.pk).update(message="x"),
    "deleted with others": lambda e: Evenement.objects.filter(pk=e.pk).delete(),
    "deleted from its convention": lambda e: e.convention.evenements.all().delete(),
    "updated from its convention": lambda e: e.convention.evenements.update(message="x"),
    "updated in bulk": lambda e: Evenement.objects.bulk_update([retell(e)], ["message"]),
    "updated or created": lambda e: Evenement.objects.update_or_create(pk=e.pk, defaults={"message": "x"}),
    "written over in bulk": lambda e: Evenement.objects.bulk_create(
        [again(e)], update_conflicts=True, unique_fields=["id"], update_fields=["message"]
    ),
    "given to another convention": lambda e: ConventionFactory().evenements.add(e),
    "given to another convention one by one": lambda e: ConventionFactory().evenements.add(e, bulk=False),
}


@pytest.mark.parametrize("porte", PORTES)
def test_event_is_never_changed_nor_taken_away(journal: Convention, porte: str) -> None:
    avant = list(Evenement.objects.order_by("pk").values())
    with pytest.raises((JournalIntouchable, IntegrityError)), transaction.atomic():
        PORTES[porte](read(journal)[1])
    assert list(Evenement.objects.order_by("pk").values()) == avant


def test_event_is_added_by_any_door() -> None:
    """Adding is what a journal is for: backups are loaded so."""
    convention = ConventionFactory()
    modele = Evenement(convention=convention, rang=1, date=timezone.now(), genre="x", message="x", precedent=DEBUT, empreinte="x")
    Evenement.objects.bulk_create([modele])
    assert Evenement.objects.count() == 1


def test_two_events_never_bear_the_same_rank(journal: Convention) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        again(read(journal)[0], id=None).save()


def test_act_that_fails_leaves_no_gap_in_the_ranks(journal: Convention) -> None:
    with transaction.atomic():
        record(journal, "notifier", "Notifiée.")
        transaction.set_rollback(True)
    record(journal, "notifier", "Notifiée.")
    assert [e.rang for e in read(journal)] == [1, 2, 3, 4, 5]
    assert verdict(journal) == (5, None)


def test_convention_is_held_while_an_event_is_written(convention: Convention, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(5) as requetes:  # savepoint, convention held, last event, event, end
        record(convention, "ouvrir", "Négociation ouverte.")
    verrou = requetes[1]["sql"]
    assert Convention._meta.db_table in verrou
    assert connection.vendor == "sqlite" or "FOR UPDATE" in verrou


@pytest.mark.usefixtures("lenient_templates")
def test_convention_being_agreed_is_not_deleted_with_its_journal(journal: Convention) -> None:
    personne = UtilisateurFactory(role="administrateur")
    Partie.objects.bulk_create([Partie(convention=journal, organisation=personne.organisation, denomination="X", nom_court="X")])
    client = Client()
    client.force_login(personne)
    for etat in ("en_negociation", "validee", "deliberee"):
        Convention.objects.filter(pk=journal.pk).update(etat=etat)
        client.post(reverse("admin:conventions_convention_delete", args=[journal.pk]), {"post": "yes"})
    assert verdict(journal) == (4, None)


# --- Every act is there ----------------------------------------------------------------------------


def told(convention: Convention) -> list[tuple[str, str, str]]:
    """Kind, words and author of each event."""
    return [(e.genre, e.message, e.nom_auteur) for e in read(convention)]


def test_passage_of_a_fiche_is_told(projet: Projet, agent: Utilisateur) -> None:
    FicheAction.objects.update(etat="brouillon")
    fiche = FicheAction.objects.select_related("convention").get()
    pass_fiche(agent, fiche, "soumettre", [])
    pass_fiche(projet.gens["agent beneficiaire"], fiche, "renvoyer", [], "Précisez la cible.")
    assert told(projet.convention) == [
        ("fiche_soumettre", "Fiche E.A 1 : fiche remise pour relecture.", "Agent Essai, Agglo"),
        ("fiche_renvoyer", "Fiche E.A 1 : corrections demandées. Précisez la cible.", "Agent Essai, CCI"),
    ]
    assert read(projet.convention)[0].donnees == {"fiche": "E.A 1"}


def test_import_and_its_undoing_are_told(projet: Projet, admin: Utilisateur) -> None:
    FicheAction.objects.update(etat="en_redaction")
    NatureFactory(nom="Études")
    imp = import_budget(admin, projet.fresh(), make_budget(("Code", "Nature", "Année", "Montant"), ("E.A 1", "Études", 2019, 5)))
    undo(imp, admin)
    assert told(projet.convention) == [
        ("import", "Import écrit : budget.xlsx.", "Administrateur Essai, Agglo"),
        ("import_annule", "Import annulé : budget.xlsx.", "Administrateur Essai, Agglo"),
    ]
    assert read(projet.convention)[0].donnees == {"empreinte": imp.empreinte}


def test_acceptance_of_contradictions_is_told_with_its_reason(projet: Projet, agent: Utilisateur) -> None:
    points = {c.pk: c.empreinte for c in (ContradictionFactory(convention=projet.convention) for _ in range(2))}
    with pytest.raises(AcceptationRefusee):
        accept(agent, projet.convention, points, "court")
    assert told(projet.convention) == []
    accept(agent, projet.convention, points, "Convenu avec la chambre.")
    (evenement,) = read(projet.convention)
    assert (evenement.genre, evenement.message) == ("contradictions_acceptees", "2 contradictions acceptées : Convenu avec la chambre.")
    assert evenement.donnees == {"objets": ["E.A 1.1"]}


def test_deliberation_is_told_with_who_signs(projet: Projet, agent: Utilisateur) -> None:
    saisie = Deliberation("2017-12", DELIBERATION, date(2017, 11, 10), None, "Monsieur", "Jean Essai", "Maire", "")
    record_deliberation(agent, projet.convention, projet.financeur.pk, saisie)
    assert told(projet.convention) == [
        (
            "deliberation",
            "Agglo d’essai : délibération n° 2017-12 du 06/11/2017, exécutoire le 10/11/2017. Signe : Monsieur Jean Essai, Maire.",
            "Agent Essai, Agglo",
        )
    ]


def test_agreements_document_and_signatures_are_told(projet: Projet, admin: Utilisateur) -> None:
    projet.put("en_negociation")
    for qui in ("administrateur financeur", "administrateur beneficiaire"):
        pass_convention(projet.gens[qui], projet.fresh(), "valider")
    pass_convention(admin, projet.fresh(), "deliberer")
    pass_convention(admin, projet.fresh(), "figer")
    for partie in (projet.financeur, projet.beneficiaire):
        sign(admin, projet.fresh(), partie.pk, "ailleurs", timezone.localdate(), preuve="Hôtel de ville")
    document = projet.convention.documents_figes.get()
    assert [e.genre for e in read(projet.convention)] == [
        *("accord", "accord", "valider", "deliberer", "figer", "signature", "signature", "signer")
    ]
    assert read(projet.convention)[4].donnees["pdf"] == document.empreinte_pdf
    assert read(projet.convention)[5].donnees["document"] == document.empreinte_pdf
    assert verdict(projet.convention) == (8, None)


def test_avenant_is_told_in_both_journals(projet: Projet, admin: Utilisateur) -> None:
    projet.put("signee")
    avenant = create_avenant(admin, projet.fresh(), "Prolonger d’un an.")
    assert [(g, m) for g, m, _ in told(projet.convention)] == [("avenant_ouvert", "Avenant n° 1 ouvert. Prolonger d’un an.")]
    assert [(g, m) for g, m, _ in told(avenant)] == [("ouverture", "Avenant ouvert à partir de ESSAI-1. Prolonger d’un an.")]


def test_what_the_software_does_alone_has_no_author(convention: Convention) -> None:
    evenement = record(convention, "accord_tombe", "Le texte a changé.")
    assert (evenement.auteur, evenement.organisation, evenement.nom_auteur) == (None, None, "")


def test_operator_without_organisation_is_named(convention: Convention) -> None:
    exploitant = UtilisateurFactory(organisation=None, is_superuser=True, prenom="Alix", nom="Service")
    assert record(convention, "x", "x", exploitant).nom_auteur == "Alix Service"


def test_longest_names_fit_in_the_journal(convention: Convention) -> None:
    prenom, nom = (Utilisateur._meta.get_field(champ).max_length for champ in ("prenom", "nom"))
    organisation = OrganisationFactory(sigle="S" * Organisation._meta.get_field("sigle").max_length)
    personne = UtilisateurFactory(prenom="P" * prenom, nom="N" * nom, organisation=organisation)
    evenement = record(convention, "x", "x", personne)
    evenement.full_clean(exclude=["donnees"])
    assert evenement.nom_auteur.startswith("PPP")


# --- Pages -----------------------------------------------------------------------------------------


@pytest.fixture
def ecran(journal: Convention) -> Client:
    """Somebody who only reads, of a party."""
    lecteur = UtilisateurFactory(role="lecteur")
    Partie.objects.bulk_create([Partie(convention=journal, organisation=lecteur.organisation, denomination="X", nom_court="X")])
    client = Client()
    client.force_login(lecteur)
    return client


def test_page_tells_the_last_event_first_and_that_the_chain_holds(journal: Convention, ecran: Client) -> None:
    contenu = ecran.get(reverse("journal", args=["ESSAI-1"])).content.decode()
    assert "Chaîne intacte" in contenu
    assert "4 évènements, chacun scelle le précédent." in contenu
    assert contenu.index("Convention signée.") < contenu.index("Négociation ouverte.")
    assert "Camille Essai, CCI" in contenu
    assert "Trait d’union</td>" in contenu  # the event that nobody made


def test_page_shows_where_the_chain_is_broken(journal: Convention, ecran: Client) -> None:
    rewrite(journal, 3, "message", "Rien.")
    contenu = ecran.get(reverse("journal", args=["ESSAI-1"])).content.decode()
    assert "Chaîne rompue" in contenu
    assert "L’évènement 3 n’est plus celui qui a été écrit." in contenu
    assert "Chaîne intacte" not in contenu


def test_page_of_a_convention_without_event(ecran: Client, journal: Convention) -> None:
    with connection.cursor() as curseur:
        curseur.execute(f"DELETE FROM {TABLE}")  # noqa: S608 (our own names)
    assert "Rien encore" in ecran.get(reverse("journal", args=["ESSAI-1"])).content.decode()


def test_long_journal_is_read_page_by_page(journal: Convention, ecran: Client) -> None:
    for n in range(50):
        record(journal, "piece", f"Pièce {n}.")
    premiere = ecran.get(reverse("journal", args=["ESSAI-1"])).content.decode()
    seconde = ecran.get(reverse("journal", args=["ESSAI-1"]), {"page": "2"}).content.decode()
    assert ("Pièce 49." in premiere, "Négociation ouverte." in premiere) == (True, False)
    assert ("Pièce 49." in seconde, "Négociation ouverte." in seconde) == (False, True)
    assert "Page 1 sur 2" in premiere
    assert ecran.get(reverse("journal", args=["ESSAI-1"]), {"page": "x" * 50}).status_code == 200


def test_words_of_people_are_not_read_as_markup(journal: Convention, ecran: Client) -> None:
    record(journal, "renvoyer", "<script>alert(1)</script>")
    contenu = ecran.get(reverse("journal", args=["ESSAI-1"])).content.decode()
    assert "<script>alert(1)" not in contenu
    assert "&lt;script&gt;alert(1)" in contenu


def read_csv(octets: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(octets.decode("utf-8-sig"), newline=""), delimiter=";"))


def test_csv_is_one_that_french_spreadsheets_open(journal: Convention) -> None:
    octets = write_journal_csv(journal)
    assert octets.startswith(
        b"\xef\xbb\xbfRang;Date;Genre;Par;\xc3\x89v\xc3\xa8nement;D\xc3\xa9tails;Empreinte pr\xc3\xa9c\xc3\xa9dente;Empreinte\r\n"
    )
    lignes = read_csv(octets)
    evenements = read(journal)
    assert [ligne[0] for ligne in lignes[1:]] == ["1", "2", "3", "4"]
    assert [ligne[7] for ligne in lignes[1:]] == [e.empreinte for e in evenements]
    premiere = evenements[0]
    assert lignes[1][1] == f"{timezone.localtime(premiere.date):%d/%m/%Y %H:%M:%S}"
    assert lignes[1][2:7] == [
        "ouvrir",
        "Camille Essai, CCI",
        "Négociation ouverte.",
        '{"jour": "2018-11-02", "lignes": [1, null, true], "montant": "12.50"}',
        DEBUT,
    ]
    assert lignes[2][5] == ""


@pytest.mark.parametrize("signe", ["=", "+", "-", "@", "\t", "\r"])
def test_what_looks_like_a_formula_is_neutralised(convention: Convention, signe: str) -> None:
    personne = UtilisateurFactory(prenom=f"{signe}HYPERLINK(1)", nom="X")
    record(convention, "x", f"{signe}cmd|' /C calc'!A1", personne)
    ligne = read_csv(write_journal_csv(convention))[1]
    assert ligne[4][0] == "'"
    assert ligne[3][0] == ("'" if signe.strip() else "H")  # names are kept without spaces around them


def test_lines_and_separators_in_a_message_stay_in_their_cell(convention: Convention) -> None:
    record(convention, "x", 'Un ; deux\n"trois"')
    assert read_csv(write_journal_csv(convention))[1][4] == 'Un ; deux\n"trois"'


def test_csv_is_downloaded_under_the_name_of_the_convention(journal: Convention, ecran: Client) -> None:
    reponse = ecran.get(reverse("journal_csv", args=["ESSAI-1"]))
    assert reponse["Content-Type"] == "text/csv; charset=utf-8"
    assert reponse["Content-Disposition"] == 'attachment; filename="ESSAI-1-journal.csv"'
    assert len(read_csv(reponse.content)) == 5


def test_signature_recorded_and_told_together(projet: Projet, admin: Utilisateur) -> None:
    projet.put("a_signer")
    sign(admin, projet.fresh(), projet.beneficiaire.pk, "ailleurs", SIGNATURE, preuve="Hôtel de ville")
    (evenement,) = read(projet.convention)
    message = "Signature de CCI d’essai (Madame Anne Essai) le 08/01/2018, signée ailleurs."
    assert (evenement.genre, evenement.message, evenement.auteur) == ("signature", message, admin)
