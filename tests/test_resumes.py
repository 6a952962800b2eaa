"""The daily summary: who is told what, once a day, and the ways out of it."""

from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core import mail, signing
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from comptes.models import Utilisateur
from conventions.models import Convention
from fiches.abonnements import Abonnement, get_abonnement, read_signature, sign_utilisateur
from fiches.commentaires import add_commentaire, mark_read
from fiches.models import Commentaire, FicheAction, Pilote
from fiches.resumes import compose_resume, send_resumes
from fiches.transitions import pass_fiche
from tests import factories
from tests.ecritures import write, write_one

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]


@pytest.fixture
def nadia(agent: Utilisateur) -> Utilisateur:
    """Of the agglomération."""
    agent.prenom, agent.nom, agent.email = "Nadia", "Ferrand", "nadia@agglo.example"
    agent.save()
    return agent


@pytest.fixture
def hugo(convention: Convention) -> Utilisateur:
    """Of the CCI."""
    cci = convention.parties.get(role="beneficiaire").organisation
    return factories.UtilisateurFactory(prenom="Hugo", nom="Perrin", email="hugo@cci.example", organisation=cci)


@pytest.fixture
def fiche(convention: Convention) -> FicheAction:
    return factories.FicheFactory(convention=convention, code="E.A 1.1", titre="Observatoire", etat="en_redaction")


def send(jours: int = 0) -> dict[str, Any]:
    """Messages of the day, by whom they are for."""
    mail.outbox.clear()
    nombre = send_resumes(timezone.now() + timedelta(days=jours))
    messages = {m.to[0]: m for m in mail.outbox}
    assert len(mail.outbox) == len(messages) == nombre
    return messages


def read(messages: dict[str, Any], personne: Utilisateur) -> str:
    return messages[personne.email].body if personne.email in messages else ""


# --- Once a day, and only for something ------------------------------------------------------------


def test_nothing_new_sends_nothing(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    assert send() == {}


def test_several_news_make_one_message(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    for texte in ("Quel bureau ?", "Depuis quand ?"):
        add_commentaire(hugo, fiche, texte, "constat")
    messages = send()
    assert set(messages) == {nadia.email}
    assert all(mots in read(messages, nadia) for mots in ("Bonjour Nadia,", "E.A 1.1 Observatoire", "Quel bureau ?", "Depuis quand ?"))


def test_asked_again_the_same_day_it_sends_nothing(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    add_commentaire(hugo, fiche, "Quel bureau ?", "constat")
    assert len(send()) == 1
    add_commentaire(hugo, fiche, "Depuis quand ?", "constat")
    assert send() == {}


def test_what_came_after_the_message_is_told_the_next_day_alone(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    add_commentaire(hugo, fiche, "Quel bureau ?", "constat")
    send()
    add_commentaire(hugo, fiche, "Depuis quand ?", "constat")
    corps = read(send(jours=1), nadia)
    assert "Depuis quand ?" in corps
    assert "Quel bureau ?" not in corps


def test_comment_written_while_messages_leave_is_told_once(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    add_commentaire(hugo, fiche, "Quel bureau ?", "constat")
    pendant = add_commentaire(hugo, fiche, "Depuis quand ?", "constat")
    Commentaire.objects.filter(pk=pendant.pk).update(cree_le=timezone.now() + timedelta(seconds=30))
    corps = [read(send(jours), nadia) for jours in (0, 1)]
    assert sum("Depuis quand ?" in c for c in corps) == 1


def test_day_is_the_one_of_the_people_who_read(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    minuit_passe = datetime.fromisoformat("2026-03-02T23:30:00+00:00")  # 3 March, half past midnight in Paris
    add_commentaire(hugo, fiche, "Quel bureau ?", "constat")
    Commentaire.objects.update(cree_le=minuit_passe - timedelta(hours=2))
    Abonnement.objects.create(utilisateur=nadia, dernier_envoi=minuit_passe - timedelta(hours=4))
    assert send_resumes(minuit_passe) == 1
    assert send_resumes(minuit_passe + timedelta(hours=8)) == 0


def test_first_message_looks_back_a_week(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    for jours, texte in ((6, "Récent"), (8, "Ancien")):
        add_commentaire(hugo, fiche, texte, "constat")
        Commentaire.objects.filter(texte=texte).update(cree_le=timezone.now() - timedelta(days=jours))
    corps = read(send(), nadia)
    assert "Récent" in corps
    assert "Ancien" not in corps


class UneAdresseRefusee(EmailBackend):
    def send_messages(self, messages: Any) -> int:
        if messages[0].to == ["nadia@agglo.example"]:
            raise OSError("adresse refusée")
        return super().send_messages(messages)


def test_message_that_does_not_leave_keeps_nobody_else_waiting(
    fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur, settings: Any
) -> None:
    collegue = factories.UtilisateurFactory(nom="Zola", organisation=nadia.organisation)
    add_commentaire(hugo, fiche, "Quel bureau ?", "constat")
    settings.EMAIL_BACKEND = "tests.test_resumes.UneAdresseRefusee"
    assert set(send()) == {collegue.email}
    assert get_abonnement(nadia).dernier_envoi is None


# --- What is told ----------------------------------------------------------------------------------


def test_nobody_is_told_what_they_did_themselves(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    Pilote.objects.create(fiche=fiche, utilisateur=hugo)
    add_commentaire(hugo, fiche, "@Hugo Perrin, quel bureau ?", "constat")
    write_one(hugo, fiche, "constat", "Peu de bureaux.")
    pass_fiche(hugo, fiche, "soumettre", [])
    assert set(send()) == {nadia.email}


def test_comment_already_read_is_not_told(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    add_commentaire(hugo, fiche, "Quel bureau ?", "constat")
    mark_read(fiche, nadia)
    assert send() == {}


def test_draft_is_told_to_nobody(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    FicheAction.objects.update(etat="brouillon")
    Pilote.objects.create(fiche=fiche, utilisateur=nadia)
    add_commentaire(hugo, fiche, "Quel bureau ?", "constat")
    write_one(hugo, fiche, "constat", "Peu de bureaux.")
    assert send() == {}


def test_draft_is_told_to_whom_it_names(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    FicheAction.objects.update(etat="brouillon")
    collegue = factories.UtilisateurFactory(organisation=nadia.organisation)
    add_commentaire(hugo, fiche, "@Nadia Ferrand, quel bureau ?", "constat")
    messages = send()
    assert set(messages) == {nadia.email}
    assert collegue.email not in messages


def test_being_named_is_the_subject_and_comes_first(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    add_commentaire(hugo, fiche, "Quel bureau ?", "constat")
    add_commentaire(hugo, fiche, "@Nadia Ferrand, depuis quand ?", "couts", repere="Études, 2019")
    message = send()[nadia.email]
    assert message.subject == "Hugo Perrin vous cite dans la fiche E.A 1.1"
    assert message.body.index("ON VOUS CITE") < message.body.index("depuis quand ?") < message.body.index("COMMENTAIRES")
    assert "E.A 1.1 Observatoire, Études, 2019" in message.body
    assert message.body.count("depuis quand ?") == 1


def test_subject_counts_the_fiches_once_each(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    add_commentaire(hugo, fiche, "Quel bureau ?", "constat")
    pass_fiche(hugo, fiche, "soumettre", [])
    assert send()[nadia.email].subject == "Du nouveau dans 1 fiche action"
    Abonnement.objects.all().delete()
    add_commentaire(hugo, factories.FicheFactory(convention=fiche.convention, etat="en_redaction"), "Et là ?", "constat")
    assert send()[nadia.email].subject == "Du nouveau dans 2 fiches action"


def test_links_lead_to_the_heading(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur, settings: Any) -> None:
    settings.ADRESSE = "https://conventions.example"
    add_commentaire(hugo, fiche, "Quel bureau ?", "cible")
    assert f"https://conventions.example{fiche.get_absolute_url()}#cible" in read(send(), nadia)


def test_words_are_written_as_typed(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    add_commentaire(hugo, fiche, "L’« offre » & <demande>", "constat")
    assert "L’« offre » & <demande>" in read(send(), nadia)


def test_passages_are_told_with_their_reason(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    pass_fiche(nadia, fiche, "soumettre", [])
    pass_fiche(hugo, fiche, "renvoyer", [], "Précisez la cible.")
    corps = read(send(), nadia)
    assert "E.A 1.1 Observatoire : à corriger (Hugo Perrin)\n  « Précisez la cible. »" in corps
    assert "en relecture" not in corps


def test_passage_is_told_once(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    Pilote.objects.create(fiche=fiche, utilisateur=nadia)
    pass_fiche(hugo, fiche, "soumettre", [])
    assert read(send(), nadia).count("E.A 1.1 Observatoire") == 1


@pytest.mark.parametrize("lien", ["pilote", "maître d’ouvrage"])
def test_fiche_of_mine_changed_by_others_is_told_with_who(lien: str, fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    if lien == "pilote":
        Pilote.objects.create(fiche=fiche, utilisateur=nadia)
    else:
        fiche.maitres_ouvrage.add(nadia.organisation)
    write_one(hugo, fiche, "constat", "Peu de bureaux.")
    corps = read(send(), nadia)
    assert "VOS FICHES, MODIFIÉES PAR D’AUTRES" in corps
    assert "E.A 1.1 Observatoire : Hugo Perrin" in corps
    assert f"{fiche.get_absolute_url()}historique/" in corps


def test_fiche_of_others_changed_by_others_is_not_told(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    write_one(hugo, fiche, "constat", "Peu de bureaux.")
    assert send() == {}


@pytest.mark.parametrize("champ", ["cout", "part", "indicateur", "cible", "pilote", "maitre", "deux textes"])
def test_change_of_any_part_of_my_fiche_is_told(champ: str, fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    Pilote.objects.create(fiche=fiche, utilisateur=nadia)
    indicateur = factories.IndicateurFactory(fiche=fiche)
    for modele in (FicheAction, Pilote, type(indicateur)):
        modele.history.update(history_user=None)
    valeurs = {
        "cout": {f"cout.2018.{factories.NatureFactory().pk}.": "1 000"},
        "part": {f"part.{nadia.organisation_id}.0.0.taux": "40"},
        "indicateur": {f"indicateur.{indicateur.pk}.libelle": "Créations"},
        "cible": {f"indicateur.{indicateur.pk}.2018": "12"},
        "pilote": {f"pilote.{hugo.pk}": "oui"},
        "maitre": {f"maitre.{hugo.organisation_id}": "oui"},
        "deux textes": {"constat": "Peu de bureaux.", "cible": "100 entreprises"},
    }[champ]
    assert {r.statut for r in write(hugo, fiche, valeurs).values()} == {"enregistre"}
    assert "E.A 1.1 Observatoire : Hugo Perrin" in read(send(), nadia)


def test_everyone_who_changed_my_fiche_is_named_once(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    Pilote.objects.create(fiche=fiche, utilisateur=nadia)
    autre = factories.UtilisateurFactory(prenom="Anne", nom="Petit", organisation=hugo.organisation)
    for personne, champ in ((hugo, "constat"), (autre, "cible"), (hugo, "contenus"), (nadia, "methode")):
        write_one(personne, fiche, champ, "Texte")
    assert "E.A 1.1 Observatoire : Anne Petit, Hugo Perrin" in read(send(), nadia)


def test_fiche_in_the_corbeille_is_not_told(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    add_commentaire(hugo, fiche, "@Nadia Ferrand, quel bureau ?", "constat")
    fiche.discard()
    assert send() == {}


# --- Who is told -----------------------------------------------------------------------------------


@pytest.mark.parametrize("statut", [{"role": "lecteur"}, {"is_active": False}, {"organisation": None, "is_superuser": True}])
def test_who_only_reads_or_left_or_runs_the_platform_is_not_written_to(
    statut: dict[str, Any], fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur
) -> None:
    add_commentaire(hugo, fiche, "@Nadia Ferrand, quel bureau ?", "constat")
    Utilisateur.objects.filter(pk=nadia.pk).update(**statut)
    assert send() == {}


def test_other_organisations_are_told_nothing(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    factories.UtilisateurFactory()
    ailleurs = factories.FicheFactory(etat="en_redaction", titre="Chez les autres")
    etranger = factories.UtilisateurFactory()
    factories.PartieFactory(convention=ailleurs.convention, organisation=etranger.organisation)
    add_commentaire(etranger, ailleurs, "Entre nous", "constat")
    pass_fiche(etranger, ailleurs, "soumettre", [])
    add_commentaire(hugo, fiche, "Quel bureau ?", "constat")
    messages = send()
    assert set(messages) == {nadia.email}
    assert "Chez les autres" not in read(messages, nadia)


def test_pilot_whose_organisation_left_the_convention_is_told_nothing(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    Pilote.objects.create(fiche=fiche, utilisateur=nadia)
    write_one(hugo, fiche, "constat", "Peu de bureaux.")
    fiche.convention.parties.filter(organisation=nadia.organisation).delete()
    assert send() == {}


# --- The ways out ----------------------------------------------------------------------------------


def test_message_carries_the_way_out_that_mail_programs_know(
    fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur, settings: Any
) -> None:
    settings.ADRESSE = "https://conventions.example"
    add_commentaire(hugo, fiche, "Quel bureau ?", "constat")
    message = send()[nadia.email]
    entetes = message.message()
    sortie = entetes["List-Unsubscribe"].strip("<>")
    assert sortie.startswith("https://conventions.example/resume/desabonner/")
    assert (entetes["List-Unsubscribe-Post"], entetes["Auto-Submitted"]) == ("List-Unsubscribe=One-Click", "auto-generated")
    assert sortie in message.body
    programme = Client(enforce_csrf_checks=True)
    reponse = programme.post(sortie.removeprefix("https://conventions.example"), {"List-Unsubscribe": "One-Click"})
    assert (reponse.status_code, get_abonnement(nadia).actif) == (200, False)


def test_who_unsubscribed_is_not_written_to(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    Abonnement.objects.create(utilisateur=nadia, actif=False)
    add_commentaire(hugo, fiche, "@Nadia Ferrand, quel bureau ?", "constat")
    assert send() == {}


def test_opening_the_way_out_changes_nothing(nadia: Utilisateur, client: Client) -> None:
    adresse = reverse("resume_desabonner", args=[sign_utilisateur(nadia)])
    for reponse in (client.get(adresse), client.head(adresse)):
        assert reponse.status_code == 200
    assert "Trait d’union n’écrira plus à nadia@agglo.example" in client.get(adresse).content.decode()
    assert get_abonnement(nadia).actif


def test_way_out_works_signed_in_as_somebody_else(nadia: Utilisateur, hugo: Utilisateur) -> None:
    client = Client()
    client.force_login(hugo)
    assert "C’est fait" in client.post(reverse("resume_desabonner", args=[sign_utilisateur(nadia)])).content.decode()
    assert [get_abonnement(p).actif for p in (nadia, hugo)] == [False, True]


def test_way_out_used_twice_stays_out(nadia: Utilisateur, client: Client) -> None:
    for _ in range(2):
        assert client.post(reverse("resume_desabonner", args=[sign_utilisateur(nadia)])).status_code == 200
    assert not get_abonnement(nadia).actif


def test_forged_way_out_leads_nowhere(nadia: Utilisateur, client: Client) -> None:
    bon = sign_utilisateur(nadia)
    forges = [
        "faux",
        bon[:-1] + ("a" if bon[-1] != "a" else "b"),
        signing.dumps(nadia.pk),
        signing.dumps(nadia.pk, salt="autre"),
        bon + ":x",
    ]
    codes = {client.post(reverse("resume_desabonner", args=[jeton])).status_code for jeton in forges}
    assert codes == {404}
    assert not Abonnement.objects.exists()


def test_way_out_of_a_deleted_account_leads_nowhere(nadia: Utilisateur, client: Client) -> None:
    jeton = sign_utilisateur(nadia)
    assert read_signature(jeton) == nadia
    Convention.objects.all().delete()
    nadia.delete()
    assert client.get(reverse("resume_desabonner", args=[jeton])).status_code == 404


def test_way_out_takes_no_other_method(nadia: Utilisateur, client: Client) -> None:
    assert client.delete(reverse("resume_desabonner", args=[sign_utilisateur(nadia)])).status_code == 405


def test_preferences_stop_the_message_and_take_it_back(nadia: Utilisateur, client_agent: Client) -> None:
    adresse, cochee = reverse("preferences"), 'name="resume" value="oui" checked'
    assert cochee in client_agent.get(adresse).content.decode()
    arret = client_agent.post(adresse, {}, follow=True).content.decode()
    assert "Vous ne recevrez plus le résumé ni les rappels." in arret
    assert cochee not in arret
    assert not get_abonnement(nadia).actif
    assert cochee in client_agent.post(adresse, {"resume": "oui"}, follow=True).content.decode()
    assert get_abonnement(nadia).actif


def test_preferences_are_ones_own(nadia: Utilisateur, hugo: Utilisateur, client_agent: Client) -> None:
    client_agent.post(reverse("preferences"), {"utilisateur": hugo.pk})
    assert get_abonnement(hugo).actif


def test_message_stops_keeping_its_date_when_taken_back(
    fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur, client_agent: Client
) -> None:
    add_commentaire(hugo, fiche, "Quel bureau ?", "constat")
    send()
    for envoi in ({}, {"resume": "oui"}):
        client_agent.post(reverse("preferences"), envoi)
    assert send() == {}


# --- The command -----------------------------------------------------------------------------------


def test_command_tells_how_many_left(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    collegue = factories.UtilisateurFactory(organisation=nadia.organisation)
    add_commentaire(hugo, fiche, "Quel bureau ?", "constat")
    assert [call() for _ in range(2)] == ["2 résumés envoyés.", "0 résumé envoyé."]
    assert {m.to[0] for m in mail.outbox} == {nadia.email, collegue.email}


def test_command_alone_speaks_in_the_singular(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    add_commentaire(hugo, fiche, "Quel bureau ?", "constat")
    assert call() == "1 résumé envoyé."


def call() -> str:
    sortie = StringIO()
    call_command("send_resumes", stdout=sortie)
    return sortie.getvalue().strip()


def test_queries_for_one_person_stay_flat(fiche: FicheAction, nadia: Utilisateur, hugo: Utilisateur) -> None:
    def news() -> None:
        autre = factories.FicheFactory(convention=fiche.convention, etat="en_redaction")
        Pilote.objects.create(fiche=autre, utilisateur=nadia)
        add_commentaire(hugo, autre, "@Nadia Ferrand, là ?", "constat")
        write_one(hugo, autre, "constat", "Peu de bureaux.")
        pass_fiche(hugo, autre, "soumettre", [])

    def count() -> int:
        with CaptureQueriesContext(connection) as requetes:
            assert not compose_resume(nadia, timezone.now() - timedelta(days=1)).is_vide
        return len(requetes)

    news()
    avant = count()
    news()
    assert count() == avant
