"""The life of a convention: who may make it go on, from where to where, on what conditions, and what it leaves behind."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from comptes.models import Utilisateur
from conventions.journal import check_chaine, record
from conventions.models import Article, Convention, Partie
from documents.accords import list_manquants
from documents.avenants import create_avenant
from documents.models import Accord, DocumentFige
from documents.vie import actes, conditions
from documents.vie.actes import Passage, check_passage, list_offres, pass_convention, sign
from documents.vie.conditions import Contexte
from documents.vie.table import TRANSITIONS
from fiches.models import FicheAction
from financement.models import LigneCout
from tests.factories import (
    ArticleFactory,
    ConventionFactory,
    FicheFactory,
    LigneCoutFactory,
    PartieFactory,
    UtilisateurFactory,
    VersementFactory,
    euros,
)
from tests.vie import (
    DELIBERATION,
    NOTIFICATION,
    PDF,
    SIGNATURE,
    VIGUEUR,
    Projet,
    hold_text,
    make_party,
    make_project,
    type_small_pdfs,
)

pytestmark = pytest.mark.django_db
ETATS = [
    *("brouillon", "en_negociation", "validee", "deliberee", "a_signer"),
    *("signee", "notifiee", "executoire", "soldee", "resiliee", "caduque"),
]
LECTEURS = {"lecteur financeur", "lecteur beneficiaire"}
PAYEURS = {"agent financeur", "administrateur financeur", "exploitant"}
ADMINISTRATEURS = {"administrateur financeur", "administrateur beneficiaire", "exploitant"}
AGENTS = {"agent financeur", "agent beneficiaire"} | ADMINISTRATEURS
# What each act does, from which states and by whom; everything else is refused.
PERMIS: dict[str, tuple[set[str], str, set[str]]] = {
    "ouvrir": ({"brouillon"}, "en_negociation", AGENTS),
    "valider": ({"en_negociation"}, "validee", AGENTS),
    "deliberer": ({"validee"}, "deliberee", AGENTS),
    "figer": ({"deliberee"}, "a_signer", ADMINISTRATEURS),
    "signer": ({"a_signer"}, "signee", AGENTS),
    "notifier": ({"signee"}, "notifiee", PAYEURS),
    "rendre_executoire": ({"notifiee"}, "executoire", PAYEURS),
    "solder": ({"executoire"}, "soldee", PAYEURS),
    "renvoyer": ({"validee", "deliberee"}, "en_negociation", AGENTS),
    "retirer": ({"a_signer"}, "en_negociation", ADMINISTRATEURS),
    "enregistrer_signee": ({"brouillon", "en_negociation"}, "signee", ADMINISTRATEURS),
    "resilier": ({"signee", "notifiee", "executoire"}, "resiliee", ADMINISTRATEURS),
    "abandonner": ({"brouillon", "en_negociation", "validee", "deliberee", "a_signer"}, "caduque", ADMINISTRATEURS),
    "reprendre": ({"caduque"}, "brouillon", ADMINISTRATEURS),
}
DATEES = {"notifier", "rendre_executoire", "solder", "enregistrer_signee", "resilier"}
MOTIVEES = {"renvoyer", "retirer", "enregistrer_signee", "resilier", "abandonner"}
LE_JOUR = date(2018, 6, 1)


@pytest.fixture(autouse=True)
def _small_pdfs(monkeypatch: pytest.MonkeyPatch) -> None:
    type_small_pdfs(monkeypatch)


@pytest.fixture
def projet() -> Projet:
    return make_project()


@pytest.fixture
def admin(projet: Projet) -> Utilisateur:
    return projet.gens["administrateur financeur"]


@pytest.fixture
def agent(projet: Projet) -> Utilisateur:
    return projet.gens["agent beneficiaire"]


def act(projet: Projet, user: Utilisateur, action: str, **donnees: Any) -> Passage:
    """Press a button, with the day and the reason it asks for."""
    jour = {"jour": LE_JOUR} if action in DATEES else {}
    motif = {"motif": "Convenu entre les parties."} if action in MOTIVEES else {}
    return pass_convention(user, projet.fresh(), action, **jour | motif | donnees)


def refuse(acte: Callable[[], Any]) -> list[str]:
    """The sentences of a refusal."""
    with pytest.raises(ValidationError) as refus:
        acte()
    return list(refus.value.messages)


def explain(projet: Projet, user: Utilisateur, action: str) -> list[tuple[str, str]]:
    """What the page says against a transition: sentences, and where each leads."""
    (offre,) = [o for o in list_offres(user, projet.fresh()) if o.transition.action == action]
    assert offre.is_possible is (offre.obstacles == [])
    return [(o.phrase, o.url) for o in offre.obstacles]


def judge(condition: conditions.Condition, projet: Projet, user: Utilisateur) -> list[tuple[str, str]]:
    """One condition alone."""
    return [(o.phrase, o.url) for o in condition(Contexte(projet.fresh(), user))]


def page(nom: str, suite: str = "", reference: str = "ESSAI-1") -> str:
    return reverse(nom, args=[reference]) + suite


def events(projet: Projet) -> list[str]:
    return list(projet.convention.evenements.order_by("rang").values_list("genre", flat=True))


# --- Who, from where, to where ---------------------------------------------------------------------


def try_out(projet: Projet, qui: str, lue: Convention, action: str) -> str:
    """What comes of an act: the state where it leads, « refus », or « interdit »."""
    user = projet.gens[qui]
    jour, motif = LE_JOUR if action in DATEES else None, "Convenu entre les parties."
    pour = projet.financeur.organisation_id if user.is_superuser else None  # who has no organisation names one
    try:
        if action == "signer":  # made by the last signature
            sign(user, lue, projet.financeur.pk, "ailleurs", SIGNATURE, preuve="Hôtel de ville")
        else:
            pass_convention(user, lue, action, jour=jour, motif=motif, pour=pour)
    except PermissionDenied:
        return "interdit"
    except ValidationError:
        return "refus"
    return Convention.objects.values_list("etat", flat=True).get(pk=lue.pk)


def prepare(projet: Projet, qui: str, action: str) -> None:
    """What must be there for nothing but the state and the person to count."""
    if action == "valider":
        sien = projet.gens[qui].organisation_id == projet.beneficiaire.organisation_id
        projet.agree(projet.financeur if sien else projet.beneficiaire)
    if action in {"deliberer", "figer"}:
        projet.agree()
    if action == "signer":
        projet.sign(projet.beneficiaire)


def expect(qui: str, etat: str, action: str) -> str:
    """What the table above promises."""
    depuis, vers, permis = PERMIS[action]
    if etat in depuis and qui in permis:
        return vers
    if action == "signer":
        return "interdit" if etat == "a_signer" else "refus"
    return "interdit" if qui in LECTEURS else "refus"


@pytest.fixture
def vite(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand acts are quick."""
    hold_text(monkeypatch)


@pytest.mark.usefixtures("vite")
@pytest.mark.parametrize("etat", ETATS)
def test_who_makes_the_convention_go_on(projet: Projet, etat: str) -> None:
    lue = projet.put(etat)
    obtenus, promis = {}, {}
    for action in PERMIS:
        for qui in projet.gens:
            with transaction.atomic():
                if etat in PERMIS[action][0]:
                    prepare(projet, qui, action)
                promis[action, qui] = expect(qui, etat, action)
                obtenus[action, qui] = obtenu = try_out(projet, qui, lue, action)
                dernier = projet.convention.evenements.values_list("genre", flat=True).first()
                assert dernier == (action if obtenu not in {"refus", "interdit"} else None)
                assert Convention.objects.values_list("etat", flat=True).get(pk=lue.pk) == (obtenu if dernier else etat)
                transaction.set_rollback(True)
    assert obtenus == promis


def test_every_transition_every_state_and_every_kind_of_person_stands_in_this_table(projet: Projet) -> None:
    assert set(PERMIS) == {t.action for t in TRANSITIONS}
    assert set(ETATS) == set(Convention.Etat.values)
    assert set(projet.gens) == AGENTS | PAYEURS | LECTEURS | {"etranger"}
    assert {t.action for t in TRANSITIONS if t.date} == DATEES
    assert {t.action for t in TRANSITIONS if t.motif} == MOTIVEES


@pytest.mark.usefixtures("vite")
def test_what_is_offered_is_what_is_allowed(projet: Projet) -> None:
    for etat in ETATS:
        projet.put(etat)
        projet.agree()
        for qui, user in projet.gens.items():
            offertes = {o.transition.action for o in list_offres(user, projet.fresh()) if o.is_possible}
            permises = {action for action, (depuis, _, permis) in PERMIS.items() if etat in depuis and qui in permis}
            assert (etat, qui, offertes) == (etat, qui, permises - {"signer"})


def test_who_only_reads_is_offered_nothing(projet: Projet) -> None:
    for etat in ETATS:
        assert list_offres(projet.gens["lecteur financeur"], projet.put(etat)) == []


def test_who_only_reads_is_told_whom_to_ask(projet: Projet) -> None:
    with pytest.raises(PermissionDenied, match="Un administrateur de votre organisation peut changer votre rôle"):
        act(projet, projet.gens["lecteur beneficiaire"], "ouvrir")


@pytest.mark.usefixtures("vite")
@pytest.mark.parametrize(
    ("etat", "action", "qui", "phrase"),
    [
        ("brouillon", "ouvrir", "etranger", "Seules les parties font avancer la convention."),
        ("deliberee", "figer", "agent financeur", "Cette étape revient à un administrateur de l’une des parties."),
        ("signee", "notifier", "administrateur beneficiaire", "Cette étape revient à qui finance : l’Agglo."),
    ],
)
def test_refusal_says_whose_step_it_is(projet: Projet, etat: str, action: str, qui: str, phrase: str) -> None:
    projet.put(etat)
    assert refuse(lambda: act(projet, projet.gens[qui], action)) == [phrase]


@pytest.mark.usefixtures("vite")
def test_step_of_the_financeur_in_a_convention_without_any_is_nobodys(projet: Projet, admin: Utilisateur) -> None:
    Partie.objects.filter(pk=projet.financeur.pk).update(role="partenaire")
    projet.put("signee")
    assert refuse(lambda: act(projet, admin, "notifier")) == ["Cette étape revient à qui finance : au financeur."]


@pytest.mark.parametrize("action", ["", "exploser", "OUVRIR", "signer"])
def test_step_that_does_not_exist_is_refused_in_words(projet: Projet, admin: Utilisateur, action: str) -> None:
    assert refuse(lambda: pass_convention(admin, projet.fresh(), action)) == ["Cette étape n’existe pas."]


@pytest.mark.usefixtures("vite")
def test_convention_all_signed_is_never_signed_without_a_day_by_its_address(projet: Projet, admin: Utilisateur, client: Client) -> None:
    projet.put("a_signer")
    projet.sign(projet.financeur, projet.beneficiaire)
    client.force_login(admin)
    reponse = client.post(reverse("vie_passer", args=["ESSAI-1", "signer"]))
    fraiche = projet.fresh()
    assert (reponse.status_code, fraiche.etat, fraiche.date_signature) == (422, "a_signer", None)


# --- The state as it is, not as it was read --------------------------------------------------------


@pytest.mark.usefixtures("vite")
def test_step_no_longer_possible_says_the_present_state(projet: Projet, admin: Utilisateur) -> None:
    projet.put("notifiee")
    assert refuse(lambda: act(projet, admin, "ouvrir")) == ["La convention est maintenant « notifiée » : cette étape n’est plus possible."]


def test_second_act_on_the_same_page_is_refused(projet: Projet, admin: Utilisateur, agent: Utilisateur) -> None:
    ouverte = projet.fresh()
    pass_convention(admin, ouverte, "ouvrir")
    assert ouverte.etat == "brouillon"  # as the second person still sees it
    phrases = refuse(lambda: pass_convention(agent, ouverte, "ouvrir"))
    assert phrases == ["La convention est maintenant « en négociation » : cette étape n’est plus possible."]
    assert events(projet) == ["ouvrir"]


@pytest.mark.usefixtures("vite")
def test_document_frozen_twice_is_frozen_once(projet: Projet, admin: Utilisateur) -> None:
    projet.put("deliberee")
    projet.agree()
    lue = projet.fresh()
    pass_convention(admin, lue, "figer")
    assert refuse(lambda: pass_convention(admin, lue, "figer"))[0].startswith("La convention est maintenant « à signer »")
    assert (DocumentFige.objects.count(), events(projet)) == (1, ["figer"])


@pytest.mark.usefixtures("vite")
def test_convention_abandoned_while_its_document_is_typeset_stays_abandoned(
    projet: Projet, admin: Utilisateur, monkeypatch: pytest.MonkeyPatch
) -> None:
    projet.put("deliberee")
    projet.agree()

    def abandon_meanwhile(convention: Convention) -> bytes:
        act(projet, admin, "abandonner")
        return PDF

    monkeypatch.setattr(actes, "publish_convention", abandon_meanwhile)
    assert refuse(lambda: act(projet, admin, "figer"))[0].startswith("La convention est maintenant « caduque »")
    assert (projet.fresh().etat, DocumentFige.objects.count()) == ("caduque", 0)


def test_fiche_changed_while_the_document_is_typeset_stops_everything(
    projet: Projet, admin: Utilisateur, monkeypatch: pytest.MonkeyPatch
) -> None:
    projet.put("deliberee")
    projet.agree()
    Partie.objects.update(qualite="Vice-présidente")

    def change_meanwhile(convention: Convention) -> bytes:
        Partie.objects.update(qualite="Présidente")  # filled in after the agreements: it does not undo them
        return PDF

    monkeypatch.setattr(actes, "publish_convention", change_meanwhile)
    phrases = refuse(lambda: act(projet, admin, "figer"))
    assert phrases == ["La convention a été modifiée pendant la mise en forme du document. Recommencez."]
    assert (projet.fresh().etat, DocumentFige.objects.count(), events(projet)) == ("deliberee", 0, [])


def test_title_changed_by_somebody_else_survives_a_step(projet: Projet, admin: Utilisateur) -> None:
    lue = projet.fresh()
    Convention.objects.filter(pk=lue.pk).update(titre="Écrit entre-temps")
    pass_convention(admin, lue, "ouvrir")
    assert (projet.fresh().titre, projet.fresh().etat) == ("Écrit entre-temps", "en_negociation")


# --- Conditions: what is missing, and where it is done ---------------------------------------------


def test_convention_binds_two_parties(projet: Projet, admin: Utilisateur, agent: Utilisateur) -> None:
    projet.beneficiaire.delete()
    phrase = "Une convention lie au moins deux parties : ajoutez-les."
    assert explain(projet, admin, "ouvrir") == [(phrase, reverse("admin:conventions_convention_change", args=[projet.convention.pk]))]
    assert (phrase, "") in [(p, "") for p, _ in explain(projet, admin, "enregistrer_signee")]
    compagne = projet.gens["agent financeur"]
    assert explain(projet, compagne, "ouvrir") == [(phrase, page("convention", "#parties"))]
    assert refuse(lambda: act(projet, compagne, "ouvrir")) == [phrase]


@pytest.mark.parametrize(
    ("codes", "phrase"),
    [
        (1, "Une fiche n’est pas validée : B 1. Faites-la relire par le partenaire."),
        (2, "2 fiches ne sont pas validées : B 1 et B 2. Faites-les relire par le partenaire."),
        (6, "6 fiches ne sont pas validées : B 1, B 2, B 3, B 4, B 5 et B 6. Faites-les relire par le partenaire."),
        (7, "7 fiches ne sont pas validées : B 1, B 2, B 3, B 4, B 5 et 2 autres. Faites-les relire par le partenaire."),
    ],
)
def test_fiches_are_read_over_before_an_agreement(projet: Projet, agent: Utilisateur, codes: int, phrase: str) -> None:
    axe = FicheAction.objects.get().axe
    for n in range(1, codes + 1):
        FicheFactory(convention=projet.convention, axe=axe, code=f"B {n}", ordre=n)
    projet.put("en_negociation")
    assert explain(projet, agent, "valider") == [(phrase, page("fiches"))]


def test_fiche_in_the_corbeille_is_not_waited_for(projet: Projet, agent: Utilisateur) -> None:
    fiche = FicheFactory(convention=projet.convention, axe=FicheAction.objects.get().axe, code="B 1")
    fiche.discard()
    projet.put("en_negociation")
    assert explain(projet, agent, "valider") == []


@pytest.mark.parametrize(("etat", "action"), [("validee", "deliberer"), ("deliberee", "figer")])
def test_text_changed_after_an_agreement_stops_the_convention(projet: Projet, admin: Utilisateur, etat: str, action: str) -> None:
    projet.put(etat)
    projet.agree()
    ArticleFactory(convention=projet.convention, numero=9)
    phrase = "Le texte a changé depuis l’accord de l’Agglo et la CCI : renvoyez la convention en négociation."
    assert explain(projet, admin, action) == [(phrase, "")]
    Article.objects.all().delete()
    assert explain(projet, admin, action) == []


@pytest.mark.usefixtures("vite")
def test_assemblies_have_deliberated(projet: Projet, agent: Utilisateur) -> None:
    Partie.objects.update(deliberation_date=None)
    projet.put("validee")
    projet.agree()
    phrase = "Enregistrez la délibération de l’Agglo et la CCI."
    assert explain(projet, agent, "deliberer") == [(phrase, page("vie", "#deliberations"))]
    Partie.objects.filter(pk=projet.financeur.pk).update(deliberation_date=DELIBERATION)
    assert explain(projet, agent, "deliberer") == [("Enregistrez la délibération de la CCI.", page("vie", "#deliberations"))]


@pytest.mark.usefixtures("vite")
def test_deliberation_of_who_pays_has_effect(projet: Projet, admin: Utilisateur) -> None:
    Partie.objects.update(deliberation_executoire=None)
    projet.put("notifiee")
    phrase = "Donnez la date à laquelle la délibération de l’Agglo est devenue exécutoire."
    assert explain(projet, admin, "rendre_executoire") == [(phrase, page("vie", "#deliberations"))]


@pytest.mark.usefixtures("vite")
def test_convention_has_no_effect_before_the_deliberation_of_who_pays(projet: Projet, admin: Utilisateur) -> None:
    projet.put("notifiee")
    Partie.objects.filter(pk=projet.financeur.pk).update(deliberation_executoire=date(2018, 6, 2))
    phrase = "La délibération de l’Agglo n’est exécutoire que le 02/06/2018 : la convention ne peut pas l’être avant."
    assert refuse(lambda: act(projet, admin, "rendre_executoire", jour=date(2018, 6, 1))) == [phrase]
    act(projet, admin, "rendre_executoire", jour=date(2018, 6, 2))


@pytest.mark.parametrize("champ", ["signataire", "qualite"])
def test_signatories_are_known(projet: Projet, admin: Utilisateur, champ: str) -> None:
    Partie.objects.filter(pk=projet.beneficiaire.pk).update(**{champ: ""})
    projet.put("deliberee")
    projet.agree()
    phrase = "Donnez le nom et la qualité de qui signe pour la CCI."
    assert (phrase, page("vie", "#deliberations")) in explain(projet, admin, "figer")


@pytest.mark.parametrize(
    ("champs", "manque"),
    [
        ({"date_debut": None, "date_fin": None}, "la prise d’effet et la fin"),
        ({"date_debut": None}, "la prise d’effet"),
        ({"date_fin": None}, "la fin"),
    ],
)
def test_days_of_the_convention_are_known(projet: Projet, admin: Utilisateur, champs: dict[str, None], manque: str) -> None:
    Convention.objects.update(**champs)
    projet.put("deliberee")
    projet.agree()
    assert (f"Donnez {manque} de la convention.", reverse("admin:conventions_convention_change", args=[projet.convention.pk])) in explain(
        projet, admin, "figer"
    )


def test_contradiction_keeps_the_document_from_being_frozen(projet: Projet, admin: Utilisateur) -> None:
    FicheAction.objects.update(code_imprime="E.A 9", objet="Aider les commerces")
    projet.put("deliberee")
    projet.agree()
    ((phrase, adresse),) = explain(projet, admin, "figer")
    assert phrase.startswith("Une contradiction empêche la signature : ")
    assert phrase.endswith("Corrigez-les ou acceptez-les avec un motif.")
    assert adresse == page("controles", "?voir=bloquant")


def test_several_contradictions_are_counted_and_the_first_is_told(projet: Projet, admin: Utilisateur) -> None:
    FicheFactory(convention=projet.convention, axe=FicheAction.objects.get().axe, code="E.A 2", etat="validee")
    FicheAction.objects.update(code_imprime="Z 9")  # each bears another code than its own, and it is the same
    projet.put("deliberee")
    projet.agree()
    assert explain(projet, admin, "figer")[0][0].startswith("3 contradictions empêchent la signature : ")


def test_every_reason_comes_at_once(projet: Projet, admin: Utilisateur) -> None:
    FicheAction.objects.update(etat="en_relecture")
    Partie.objects.update(signataire="", deliberation_date=None)
    projet.put("deliberee")
    debuts = ["Une fiche n’est pas validée", "Le texte a changé", "Enregistrez la délibération", "Donnez le nom", "4 contradictions"]
    phrases = refuse(lambda: act(projet, admin, "figer"))
    assert [phrase.startswith(debut) for phrase, debut in zip(phrases, debuts, strict=True)] == [True] * 5, phrases


@pytest.mark.usefixtures("vite")
def test_document_someone_signed_is_not_taken_back(projet: Projet, admin: Utilisateur) -> None:
    projet.put("a_signer")
    projet.sign(projet.beneficiaire)
    phrase = "La CCI a déjà signé ce document : il ne peut plus être retiré."
    assert explain(projet, admin, "retirer") == [(phrase, "")]
    assert refuse(lambda: act(projet, admin, "retirer")) == [phrase]
    assert DocumentFige.objects.current().count() == 1


@pytest.mark.usefixtures("vite")
def test_project_that_some_signed_is_given_up_with_their_signatures_kept(projet: Projet, admin: Utilisateur) -> None:
    projet.put("a_signer")
    projet.sign(projet.beneficiaire)
    act(projet, admin, "abandonner")
    document = DocumentFige.objects.get()
    assert (projet.fresh().etat, document.retire_par, document.signatures.count()) == ("caduque", admin, 1)


@pytest.mark.usefixtures("vite")
def test_several_signatures_are_named_together(projet: Projet, admin: Utilisateur) -> None:
    projet.put("a_signer")
    projet.sign(projet.beneficiaire, projet.financeur)
    ((phrase, _),) = explain(projet, admin, "retirer")
    assert phrase == "La CCI et l’Agglo ont déjà signé ce document : il ne peut plus être retiré."


@pytest.mark.usefixtures("vite")
def test_signatures_of_all_are_waited_for(projet: Projet, admin: Utilisateur) -> None:
    projet.put("a_signer")
    projet.sign(projet.beneficiaire)
    phrase = "La signature de l’Agglo n’est pas enregistrée."
    assert judge(conditions.all_signed, projet, admin) == [(phrase, page("vie", "#signatures"))]
    projet.sign(projet.financeur)
    assert judge(conditions.all_signed, projet, admin) == []


def test_document_that_is_gone_is_not_signed(projet: Projet, admin: Utilisateur) -> None:
    phrase = "Le document à signer n’est plus là : renvoyez la convention en négociation."
    assert judge(conditions.all_signed, projet, admin) == [(phrase, "")]


def test_what_was_signed_never_becomes_a_draft_again(projet: Projet, admin: Utilisateur) -> None:
    projet.put("caduque")
    Convention.objects.update(date_signature=SIGNATURE)
    assert explain(projet, admin, "reprendre") == [("Une convention signée ne redevient pas un brouillon.", "")]


def test_convention_is_closed_once_all_is_paid(projet: Projet, admin: Utilisateur) -> None:
    VersementFactory(
        convention=projet.convention,
        payeur=projet.financeur.organisation,
        beneficiaire=projet.beneficiaire.organisation,
        montant=euros(100),
        nature="solde",
    )
    projet.put("executoire")
    assert explain(projet, admin, "solder") == [("Agglo n’a pas payé : solde.", page("versements"))]


def test_avenant_is_not_closed_on_its_own(projet: Projet, admin: Utilisateur) -> None:
    projet.put("signee")
    avenant = create_avenant(admin, projet.fresh(), "Prolonger l’action.")
    phrase = "Un avenant suit la convention qu’il modifie : c’est elle qui se solde ou se résilie."
    assert [o.phrase for o in conditions.not_avenant(Contexte(avenant, admin))] == [phrase]
    for etat, action in (("executoire", "solder"), ("signee", "resilier"), ("en_negociation", "enregistrer_signee")):
        Convention.objects.filter(pk=avenant.pk).update(etat=etat)
        avenant = Convention.objects.with_parties().get(pk=avenant.pk)
        assert action not in {o.transition.action for o in list_offres(admin, avenant)}
        phrases = refuse(lambda a=action, c=avenant: pass_convention(admin, c, a, jour=LE_JOUR, motif="x"))  # type: ignore[misc]
        assert phrases == ["Cette étape n’existe pas."]


def explain_change(avenant: Convention, user: Utilisateur) -> list[tuple[str, str]]:
    return [(o.phrase, o.url) for o in conditions.something_changes(Contexte(avenant, user))]


def test_avenant_changes_something_that_asks_for_one(projet: Projet, admin: Utilisateur) -> None:
    projet.put("signee")
    avenant = create_avenant(admin, projet.fresh(), "Changer le calendrier.")
    adresse = page("avenant", reference="ESSAI-1-AV1")
    rien = "Cet avenant ne change rien encore : modifiez les fiches, les textes ou les montants."
    assert explain_change(avenant, admin) == [(rien, adresse)]
    FicheAction.objects.filter(convention=avenant).update(calendrier="De mars à juin")
    courrier = "Seul le calendrier change, à l’intérieur des mêmes années : aucun montant ni engagement n’en dépend. Un échange de courriers suffit, sans avenant."
    assert explain_change(avenant, admin) == [(courrier, adresse)]
    FicheAction.objects.filter(convention=avenant).update(constat="Moins de commerces")
    assert explain_change(avenant, admin) == []


def test_specific_agreement_waits_for_its_cadre(projet: Projet, admin: Utilisateur) -> None:
    cadre = ConventionFactory(reference="CADRE-1")
    Convention.objects.filter(pk=projet.convention.pk).update(nature="specifique", parent=cadre)
    projet.put("deliberee")
    projet.agree()
    phrase = "La convention-cadre dont elle dépend, CADRE-1, n’est pas signée."
    assert judge(conditions.parent_signed, projet, admin) == [(phrase, page("famille"))]
    assert (phrase, page("famille")) in explain(projet, admin, "figer")
    Convention.objects.filter(pk=cadre.pk).update(etat="executoire")
    assert judge(conditions.parent_signed, projet, admin) == []


def test_convention_itself_is_not_asked_what_it_changes(projet: Projet, admin: Utilisateur) -> None:
    assert judge(conditions.something_changes, projet, admin) == []


def test_avenant_answers_only_for_the_contradictions_it_brings(projet: Projet, admin: Utilisateur) -> None:
    FicheAction.objects.update(code_imprime="E.A 9")
    projet.put("signee")
    avenant = create_avenant(admin, projet.fresh(), "Ajouter une action.")
    avenant.parties.update(deliberation_numero="2018-5", deliberation_date=VIGUEUR, deliberation_executoire=VIGUEUR)
    contexte = Contexte(Convention.objects.with_parties().get(pk=avenant.pk), admin)
    assert conditions.no_contradiction(contexte) == []
    FicheFactory(convention=avenant, axe=avenant.axes.get(), code="E.A 2", code_imprime="Z 9")
    (obstacle,) = conditions.no_contradiction(contexte)
    assert obstacle.phrase.startswith("Une contradiction empêche la signature : ")
    assert "Z 9" in obstacle.phrase


# --- Days and reasons ------------------------------------------------------------------------------

AVANT = {
    "notifier": ("signee", "Notifiée le", SIGNATURE),
    "rendre_executoire": ("notifiee", "Exécutoire le", NOTIFICATION),
    "solder": ("executoire", "Soldée le", VIGUEUR),
    "resilier": ("executoire", "Résiliée le", VIGUEUR),
    "enregistrer_signee": ("brouillon", "Signée le", None),
}


@pytest.mark.usefixtures("vite")
@pytest.mark.parametrize("action", AVANT)
def test_day_is_asked_for(projet: Projet, admin: Utilisateur, action: str) -> None:
    etat, nom, _ = AVANT[action]
    projet.put(etat)
    assert refuse(lambda: act(projet, admin, action, jour=None)) == [f"{nom} : donnez la date."]


@pytest.mark.usefixtures("vite")
@pytest.mark.parametrize("action", AVANT)
def test_day_to_come_is_refused(projet: Projet, admin: Utilisateur, action: str) -> None:
    etat, nom, _ = AVANT[action]
    projet.put(etat)
    demain = timezone.localdate() + timedelta(days=1)
    assert refuse(lambda: act(projet, admin, action, jour=demain)) == [f"{nom} : cette date est dans l’avenir."]


@pytest.mark.usefixtures("vite")
@pytest.mark.parametrize("action", [a for a in AVANT if AVANT[a][2]])
def test_day_before_the_step_before_is_refused(projet: Projet, admin: Utilisateur, action: str) -> None:
    etat, nom, precedente = AVANT[action]
    assert precedente is not None
    projet.put(etat)
    veille = precedente - timedelta(days=1)
    phrase = f"{nom} : cette date précède l’étape d’avant, du {precedente:%d/%m/%Y}."
    assert refuse(lambda: act(projet, admin, action, jour=veille)) == [phrase]
    act(projet, admin, action, jour=precedente)


@pytest.mark.usefixtures("vite")
def test_today_is_not_to_come(projet: Projet, admin: Utilisateur) -> None:
    projet.put("signee")
    act(projet, admin, "notifier", jour=timezone.localdate())
    assert projet.fresh().date_notification == timezone.localdate()


@pytest.mark.usefixtures("vite")
@pytest.mark.parametrize(
    ("etat", "action", "champ"),
    [
        ("signee", "notifier", "date_notification"),
        ("notifiee", "rendre_executoire", "date_executoire"),
        ("executoire", "solder", "date_cloture"),
        ("executoire", "resilier", "date_cloture"),
        ("brouillon", "enregistrer_signee", "date_signature"),
    ],
)
def test_day_is_kept_in_the_convention_and_in_the_journal(projet: Projet, admin: Utilisateur, etat: str, action: str, champ: str) -> None:
    projet.put(etat)
    act(projet, admin, action)
    assert getattr(projet.fresh(), champ) == LE_JOUR
    assert projet.convention.evenements.get().donnees["date"] == "2018-06-01"


MOTIFS = {
    "renvoyer": ("validee", "Pourquoi la renvoyer"),
    "retirer": ("a_signer", "Pourquoi le retirer"),
    "enregistrer_signee": ("brouillon", "Où se trouve l’original"),
    "resilier": ("signee", "Motif de la résiliation"),
    "abandonner": ("deliberee", "Pourquoi l’abandonner"),
}


@pytest.mark.usefixtures("vite")
@pytest.mark.parametrize("action", MOTIFS)
def test_reason_is_asked_for(projet: Projet, admin: Utilisateur, action: str) -> None:
    etat, nom = MOTIFS[action]
    projet.put(etat)
    for motif in ("", "  \n", "\x00"):
        phrases = refuse(lambda motif=motif: act(projet, admin, action, motif=motif))  # type: ignore[misc]
        assert phrases == [f"{nom} : écrivez-le en une phrase, elle sera dans le journal."]


def test_missing_day_and_missing_reason_are_told_together(projet: Projet, admin: Utilisateur) -> None:
    assert len(refuse(lambda: act(projet, admin, "enregistrer_signee", jour=None, motif=""))) == 2


@pytest.mark.usefixtures("vite")
def test_reason_is_kept_in_the_journal_and_in_the_history(projet: Projet, admin: Utilisateur) -> None:
    projet.put("validee")
    act(projet, admin, "renvoyer", motif=" L’article 4 est à revoir.\x00 ")
    evenement = projet.convention.evenements.get()
    assert evenement.message == "Validée → En négociation. Convention renvoyée en négociation. L’article 4 est à revoir."
    assert (evenement.auteur, evenement.organisation) == (admin, admin.organisation)
    version = Convention.history.latest()
    assert (version.etat, version.history_user, version.history_change_reason) == ("en_negociation", admin, "L’article 4 est à revoir.")


def test_long_reason_is_cut_where_the_journal_stops(projet: Projet, admin: Utilisateur) -> None:
    act(projet, admin, "abandonner", motif="a" * 3000)
    assert projet.convention.evenements.get().message.count("a" * 500) == 1
    assert "a" * 501 not in projet.convention.evenements.get().message


# --- Agreements ------------------------------------------------------------------------------------


@pytest.fixture
def negocie(projet: Projet) -> Projet:
    projet.put("en_negociation")
    return projet


def test_first_agreement_waits_for_the_other(negocie: Projet, agent: Utilisateur) -> None:
    passage = act(negocie, agent, "valider")
    assert (passage.passe, passage.phrase) == (False, "Accord enregistré. Il reste à recevoir celui de l’Agglo.")
    assert (negocie.fresh().etat, events(negocie)) == ("en_negociation", ["accord"])
    accord = Accord.objects.get()
    assert (accord.organisation, accord.auteur) == (agent.organisation, agent)


def test_last_agreement_validates_the_convention(negocie: Projet, agent: Utilisateur, admin: Utilisateur) -> None:
    act(negocie, agent, "valider")
    passage = act(negocie, admin, "valider")
    assert (passage.passe, passage.phrase, negocie.fresh().etat) == (True, "Accord enregistré.", "validee")
    assert events(negocie) == ["accord", "accord", "valider"]
    assert negocie.convention.evenements.order_by("rang")[2].message == "En négociation → Validée. Accord enregistré."


def test_same_organisation_agrees_once(negocie: Projet, agent: Utilisateur) -> None:
    act(negocie, agent, "valider")
    collegue = UtilisateurFactory(organisation=agent.organisation)
    phrases = refuse(lambda: act(negocie, collegue, "valider"))
    assert phrases == [f"{agent.organisation} a déjà donné son accord sur ce texte."]
    assert Accord.objects.count() == 1


def test_text_changed_after_an_agreement_voids_it(negocie: Projet, agent: Utilisateur, admin: Utilisateur) -> None:
    act(negocie, agent, "valider")
    FicheAction.objects.update(constat="Un mot de plus.")
    passage = act(negocie, admin, "valider")
    assert (passage.passe, negocie.fresh().etat) == (False, "en_negociation")
    assert [a.organisation for a in Accord.objects.all()] == [admin.organisation]
    assert events(negocie) == ["accord", "accord_tombe", "accord"]
    tombe = negocie.convention.evenements.get(genre="accord_tombe")
    assert tombe.message == "Le texte a changé depuis l’accord de CCI : cet accord ne vaut plus."
    act(negocie, agent, "valider")
    assert negocie.fresh().etat == "validee"


def test_own_agreement_on_an_older_text_is_replaced_without_more_words(negocie: Projet, agent: Utilisateur) -> None:
    act(negocie, agent, "valider")
    FicheAction.objects.update(constat="Un mot de plus.")
    act(negocie, agent, "valider")
    assert (Accord.objects.count(), events(negocie)) == (1, ["accord", "accord"])


CHANGENT: dict[str, Callable[[Projet], Any]] = {
    "cost": lambda p: LigneCoutFactory(fiche=FicheAction.objects.get(), montant=euros("0.01")),
    "article": lambda p: ArticleFactory(convention=p.convention),
    "payment": lambda p: VersementFactory(convention=p.convention),
    "preamble": lambda p: Convention.objects.update(preambule="Autre préambule"),
    "end": lambda p: Convention.objects.update(date_fin=date(2021, 1, 1)),
    "name of a party": lambda p: Partie.objects.filter(pk=p.financeur.pk).update(denomination="Autre nom"),
    "another party": lambda p: PartieFactory(convention=p.convention),
    "fiche in the corbeille": lambda p: FicheAction.objects.get().discard(),
    "leader of a fiche": lambda p: FicheAction.objects.get().maitres_ouvrage.add(p.beneficiaire.organisation),
}
LAISSENT: dict[str, Callable[[Projet], Any]] = {
    "délibération": lambda p: Partie.objects.update(deliberation_numero="9", deliberation_date=DELIBERATION, delegation="arrêté"),
    "délibération in force": lambda p: Partie.objects.update(deliberation_executoire=None, seance_prevue=date(2017, 10, 1)),
    "signatory": lambda p: Partie.objects.update(civilite="Monsieur", signataire="Jean Autre", qualite="Maire"),
    "place of signature": lambda p: Convention.objects.update(lieu_signature="Dijon", nombre_originaux=2, preavis_mois=3),
    "state of a fiche": lambda p: FicheAction.objects.update(etat="en_redaction"),
}


@pytest.mark.parametrize(("changements", "tombes"), [(CHANGENT, 2), (LAISSENT, 0)], ids=["what is agreed", "what is filled in later"])
def test_agreements_fall_with_what_is_agreed_only(projet: Projet, changements: dict[str, Callable[[Projet], Any]], tombes: int) -> None:
    projet.agree()
    trouves = {}
    for nom, change in changements.items():
        with transaction.atomic():
            change(projet)
            manquants = Contexte(projet.fresh(), projet.gens["exploitant"]).accords_manquants
            trouves[nom] = len({p.pk for p in manquants} & {projet.financeur.pk, projet.beneficiaire.pk})
            transaction.set_rollback(True)
    assert trouves == dict.fromkeys(changements, tombes)


def test_agreement_on_another_text_is_no_agreement(projet: Projet) -> None:
    parties = [projet.financeur, projet.beneficiaire]
    accords = [Accord(organisation=p.organisation, empreinte=e) for p, e in zip(parties, ["a", "b"], strict=True)]
    assert list_manquants(parties, accords, "b") == [projet.financeur]


def test_operator_says_whose_agreement_it_is(negocie: Projet) -> None:
    phrases = refuse(lambda: act(negocie, negocie.gens["exploitant"], "valider"))
    assert phrases == ["Choisissez la partie dont vous enregistrez l’accord."]


@pytest.fixture
def muette(negocie: Projet) -> Partie:
    """A third party that nobody represents here."""
    return make_party(negocie.convention, "Région", "financeur", 30)


def test_agreement_received_by_letter_is_recorded_for_a_party_without_account(negocie: Projet, muette: Partie, admin: Utilisateur) -> None:
    act(negocie, admin, "valider", pour=muette.organisation_id, motif="courrier du 02/11/2018")
    accord = Accord.objects.get()
    assert (accord.organisation, accord.auteur, accord.motif) == (muette.organisation, admin, "courrier du 02/11/2018")
    message = negocie.convention.evenements.get().message
    assert message == "Accord de Région d’essai sur le texte (courrier du 02/11/2018)."


def test_last_agreement_received_by_letter_validates_the_convention(negocie: Projet, muette: Partie, admin: Utilisateur) -> None:
    negocie.agree()
    assert act(negocie, admin, "valider", pour=muette.organisation_id, motif="courrier").passe
    assert negocie.fresh().etat == "validee"


def test_letter_is_named(negocie: Projet, muette: Partie, admin: Utilisateur) -> None:
    phrases = refuse(lambda: act(negocie, admin, "valider", pour=muette.organisation_id))
    assert phrases == ["Dites comment l’accord de Région d’essai vous est parvenu : « courrier du 02/11/2018 »."]


def test_agent_does_not_agree_for_another_party(negocie: Projet, muette: Partie, agent: Utilisateur) -> None:
    refuse(lambda: act(negocie, agent, "valider", pour=muette.organisation_id, motif="courrier"))
    assert not Accord.objects.exists()


def test_party_that_has_agents_agrees_itself(negocie: Projet, admin: Utilisateur) -> None:
    cci = negocie.beneficiaire.organisation_id
    phrases = refuse(lambda: act(negocie, admin, "valider", pour=cci, motif="courrier"))
    assert phrases == ["CCI d’essai donne elle-même son accord : ses agents ont un compte."]


def test_party_whose_accounts_are_closed_or_only_read_has_no_agent(negocie: Projet, admin: Utilisateur) -> None:
    cci = negocie.beneficiaire.organisation
    cci.utilisateurs.exclude(role="lecteur").update(is_active=False)
    assert not act(negocie, admin, "valider", pour=cci.pk, motif="courrier").passe
    assert Accord.objects.get().organisation == cci


def test_organisation_that_is_no_party_does_not_agree(negocie: Projet, admin: Utilisateur) -> None:
    etrangere = negocie.gens["etranger"].organisation_id
    for user in (admin, negocie.gens["exploitant"]):
        phrases = refuse(lambda u=user: act(negocie, u, "valider", pour=etrangere, motif="courrier"))  # type: ignore[misc]
        assert phrases == ["Cette organisation n’est pas partie à la convention."]


def test_own_organisation_named_needs_no_letter(negocie: Projet, agent: Utilisateur) -> None:
    assert not act(negocie, agent, "valider", pour=agent.organisation_id).passe
    assert Accord.objects.get().organisation == agent.organisation


# --- What each act leaves --------------------------------------------------------------------------


@pytest.mark.usefixtures("vite")
def test_way_of_a_convention_from_the_first_draft_to_the_end(projet: Projet, admin: Utilisateur, agent: Utilisateur) -> None:
    act(projet, agent, "ouvrir")
    act(projet, agent, "valider")
    act(projet, admin, "valider")
    act(projet, agent, "deliberer")
    act(projet, admin, "figer")
    aujourdhui = timezone.localdate()
    for partie in (projet.financeur, projet.beneficiaire):
        sign(admin, projet.fresh(), partie.pk, "ailleurs", aujourdhui, preuve="Hôtel de ville")
    for action in ("notifier", "rendre_executoire", "solder"):
        act(projet, admin, action, jour=aujourdhui)
    assert (projet.fresh().etat, projet.fresh().date_signature) == ("soldee", aujourdhui)
    assert events(projet) == [
        *("ouvrir", "accord", "accord", "valider", "deliberer", "figer"),
        *("signature", "signature", "signer", "notifier", "rendre_executoire", "solder"),
    ]
    assert check_chaine(projet.convention.evenements.all()).is_intact


def test_frozen_document_is_what_was_typeset(projet: Projet, admin: Utilisateur) -> None:
    projet.put("deliberee")
    projet.agree()
    assert act(projet, admin, "figer").phrase == "Document figé : il est prêt à signer."
    document = DocumentFige.objects.get()
    assert (document.read_pdf(), document.fait_par, document.taille_pdf) == (PDF, admin, len(PDF))
    assert projet.convention.evenements.get().donnees == {"donnees": document.empreinte_donnees, "pdf": document.empreinte_pdf}


@pytest.mark.usefixtures("vite")
def test_document_is_typeset_without_draft_marking(projet: Projet, admin: Utilisateur, monkeypatch: pytest.MonkeyPatch) -> None:
    projet.put("deliberee")
    projet.agree()
    etats: list[tuple[str, bool]] = []
    monkeypatch.setattr(actes, "publish_convention", lambda c: etats.append((c.etat, c.is_definitive)) or PDF)
    act(projet, admin, "figer")
    assert etats == [("a_signer", True)]


def test_avenant_at_signature_is_typeset_as_an_avenant(projet: Projet, admin: Utilisateur, monkeypatch: pytest.MonkeyPatch) -> None:
    projet.put("signee")
    avenant = create_avenant(admin, projet.fresh(), "Aider davantage.")
    FicheAction.objects.filter(convention=avenant).update(etat="validee", constat="Davantage de commerces")
    avenant.parties.update(deliberation_numero="2018-5", deliberation_date=VIGUEUR, deliberation_executoire=VIGUEUR)
    Convention.objects.filter(pk=avenant.pk).update(etat="deliberee")
    copie = Projet(avenant, projet.financeur, projet.beneficiaire, projet.gens)
    copie.agree()
    monkeypatch.setattr(actes, "publish_avenant", lambda convention: b"%PDF- avenant")
    act(copie, admin, "figer")
    assert DocumentFige.objects.get(convention=avenant).read_pdf() == b"%PDF- avenant"


@pytest.mark.usefixtures("vite")
@pytest.mark.parametrize("etat", ["validee", "deliberee"])
def test_sending_back_voids_the_agreements_and_opens_the_writing(projet: Projet, agent: Utilisateur, etat: str) -> None:
    projet.put(etat)
    projet.agree()
    act(projet, agent, "renvoyer")
    assert (projet.fresh().etat, Accord.objects.count()) == ("en_negociation", 0)
    FicheAction.objects.get().save()


@pytest.mark.usefixtures("vite")
def test_document_taken_back_is_kept_as_withdrawn(projet: Projet, admin: Utilisateur) -> None:
    projet.put("a_signer")
    projet.agree()
    act(projet, admin, "retirer")
    document = DocumentFige.objects.get()
    assert (projet.fresh().etat, document.retire_par, Accord.objects.count()) == ("en_negociation", admin, 0)
    assert document.retire_le is not None
    assert (document.read_pdf(), list(DocumentFige.objects.current())) == (PDF, [])
    assert projet.convention.evenements.get().donnees == {"retire": document.empreinte_pdf}
    FicheAction.objects.get().save()


@pytest.mark.usefixtures("vite")
def test_convention_taken_back_is_frozen_again_in_a_new_document(projet: Projet, admin: Utilisateur) -> None:
    projet.put("deliberee")
    projet.agree()
    act(projet, admin, "figer")
    act(projet, admin, "retirer")
    projet.put("deliberee")
    projet.agree()
    act(projet, admin, "figer")
    assert (DocumentFige.objects.count(), DocumentFige.objects.current().count()) == (2, 1)


@pytest.mark.usefixtures("vite")
@pytest.mark.parametrize("etat", ["brouillon", "en_negociation", "validee", "deliberee", "a_signer"])
def test_project_given_up_loses_its_agreements_and_its_document(projet: Projet, admin: Utilisateur, etat: str) -> None:
    projet.put(etat)
    projet.agree()
    act(projet, admin, "abandonner")
    assert (projet.fresh().etat, Accord.objects.count(), DocumentFige.objects.current().count()) == ("caduque", 0, 0)


@pytest.mark.usefixtures("vite")
def test_project_taken_up_again_is_a_draft_that_can_be_written(projet: Projet, admin: Utilisateur) -> None:
    projet.put("a_signer")
    act(projet, admin, "abandonner")
    act(projet, admin, "reprendre")
    assert (projet.fresh().etat, projet.fresh().date_signature) == ("brouillon", None)
    LigneCoutFactory(fiche=FicheAction.objects.get())
    LigneCout.objects.get().save()
    assert events(projet) == ["abandonner", "reprendre"]


def test_convention_signed_elsewhere_keeps_its_data_without_a_document(projet: Projet, admin: Utilisateur) -> None:
    act(projet, admin, "enregistrer_signee", jour=date(2015, 3, 2), motif="Registre de la mairie")
    document = DocumentFige.objects.get()
    assert (document.pdf, document.empreinte_pdf, projet.fresh().date_signature) == ("", "", date(2015, 3, 2))
    assert '"reference":"ESSAI-1"' in document.donnees
    assert projet.convention.evenements.get().message.endswith("Registre de la mairie")


@pytest.mark.parametrize("genre", ["paper that is not validated", "no délibération"])
def test_convention_signed_elsewhere_is_taken_as_it_was(projet: Projet, admin: Utilisateur, genre: str) -> None:
    if genre == "no délibération":
        Partie.objects.update(deliberation_date=None, signataire="")
    else:
        FicheAction.objects.update(etat="brouillon")
    act(projet, admin, "enregistrer_signee")
    assert projet.fresh().etat == "signee"


@pytest.mark.usefixtures("vite")
def test_convention_terminated_keeps_its_document(projet: Projet, admin: Utilisateur) -> None:
    projet.put("notifiee")
    act(projet, admin, "resilier")
    assert (projet.fresh().etat, DocumentFige.objects.current().count()) == ("resiliee", 1)


@pytest.mark.usefixtures("vite")
@pytest.mark.parametrize("action", ["ouvrir", "valider", "deliberer"])
def test_what_breaks_down_leaves_no_half_act(projet: Projet, admin: Utilisateur, monkeypatch: pytest.MonkeyPatch, action: str) -> None:
    depuis, _, _ = PERMIS[action]
    projet.put(min(depuis))
    projet.agree(*([projet.beneficiaire] if action == "valider" else []))
    avant = (projet.fresh().etat, set(Accord.objects.values_list("pk", "empreinte")))

    def crash(*args: Any, **donnees: Any) -> None:
        if args[1] == action:
            raise OSError("panne")
        record(*args, **donnees)

    monkeypatch.setattr(actes, "record", crash)
    with pytest.raises(OSError, match="panne"):
        act(projet, admin, action)
    assert (projet.fresh().etat, set(Accord.objects.values_list("pk", "empreinte")), events(projet)) == (*avant, [])


def test_asking_beforehand_changes_nothing(projet: Projet, agent: Utilisateur) -> None:
    assert check_passage(agent, projet.fresh(), "ouvrir").vers == "en_negociation"
    phrases = refuse(lambda: check_passage(agent, projet.fresh(), "abandonner"))
    assert phrases[0] == "Cette étape revient à un administrateur de l’une des parties."
    assert (projet.fresh().etat, events(projet)) == ("brouillon", [])


# --- The page --------------------------------------------------------------------------------------


def test_page_shows_what_is_missing_with_its_link(projet: Projet, agent: Utilisateur, client: Client) -> None:
    FicheAction.objects.update(etat="en_relecture")
    projet.put("en_negociation")
    client.force_login(agent)
    contenu = client.get(page("vie")).content.decode()
    assert "Une fiche n’est pas validée : E.A 1." in contenu
    assert f'href="{page("fiches")}">Y aller' in contenu


@pytest.mark.usefixtures("vite")
def test_page_opens_in_every_state(projet: Projet, admin: Utilisateur, client: Client) -> None:
    client.force_login(admin)
    codes = {etat: projet.put(etat) and client.get(page("vie")).status_code for etat in ETATS}
    assert codes == dict.fromkeys(ETATS, 200)


def test_page_of_an_avenant_opens_in_every_state(projet: Projet, admin: Utilisateur, client: Client) -> None:
    projet.put("signee")
    avenant = create_avenant(admin, projet.fresh(), "Prolonger l’action.")
    client.force_login(admin)
    codes = {}
    for etat in ETATS:
        if etat != "soldee":  # an avenant is never closed on its own
            Convention.objects.filter(pk=avenant.pk).update(etat=etat)
            codes[etat] = client.get(page("vie", reference=avenant.reference)).status_code
    assert codes == dict.fromkeys(codes, 200)


def test_avenant_given_up_is_taken_up_again_where_avenants_start(projet: Projet, admin: Utilisateur, client: Client) -> None:
    projet.put("signee")
    avenant = create_avenant(admin, projet.fresh(), "Prolonger l’action.")
    copie = Projet(avenant, projet.financeur, projet.beneficiaire, projet.gens)
    act(copie, admin, "abandonner")
    client.force_login(admin)
    reponse = client.post(reverse("vie_passer", args=[avenant.reference, "reprendre"]), follow=True)
    assert (reponse.status_code, copie.fresh().etat) == (200, "brouillon")


@pytest.mark.usefixtures("vite")
def test_page_opens_for_all_the_people_of_the_parties(projet: Projet, client: Client) -> None:
    codes = {}
    for qui, user in projet.gens.items():
        client.force_login(user)
        codes[qui] = client.get(page("vie")).status_code
    assert codes == dict.fromkeys(projet.gens, 200) | {"etranger": 404}


@pytest.mark.usefixtures("vite")
def test_refused_step_is_shown_again_as_it_was_typed(projet: Projet, admin: Utilisateur, client: Client) -> None:
    client.force_login(admin)
    reponse = client.post(reverse("vie_passer", args=["ESSAI-1", "abandonner"]), {"motif": " "})
    assert reponse.status_code == 422
    assert "Pourquoi l’abandonner : écrivez-le en une phrase" in reponse.content.decode()
    saisie = {"jour": "32/13/2018", "motif": "Dans l’armoire des marchés"}
    reponse = client.post(reverse("vie_passer", args=["ESSAI-1", "enregistrer_signee"]), saisie)
    assert reponse.status_code == 422
    assert "« 32/13/2018 » n’est pas une date." in reponse.content.decode()
    assert "Dans l’armoire des marchés</textarea>" in reponse.content.decode()


@pytest.mark.usefixtures("vite")
def test_step_made_on_the_page_is_told(projet: Projet, agent: Utilisateur, client: Client) -> None:
    client.force_login(agent)
    reponse = client.post(reverse("vie_passer", args=["ESSAI-1", "ouvrir"]), follow=True)
    assert reponse.redirect_chain == [(page("vie"), 302)]
    assert "Négociation ouverte." in reponse.content.decode()


@pytest.mark.usefixtures("vite")
@pytest.mark.parametrize("pour", ["x", "0", "-1", "9" * 30, "9" * 5000])
def test_altered_choice_of_a_party_is_refused_without_crash(projet: Projet, admin: Utilisateur, client: Client, pour: str) -> None:
    projet.put("en_negociation")
    client.force_login(admin)
    reponse = client.post(reverse("vie_passer", args=["ESSAI-1", "valider"]), {"pour": pour, "motif": "courrier"})
    assert reponse.status_code in {302, 422}


def test_page_offers_to_record_the_agreement_of_a_party_without_account(
    negocie: Projet, muette: Partie, admin: Utilisateur, agent: Utilisateur, client: Client
) -> None:
    bouton = "Enregistrer l’accord reçu de "
    client.force_login(admin)
    contenu = client.get(page("vie")).content.decode()
    assert contenu.count(bouton) == 1
    assert f'name="pour" value="{muette.organisation_id}"' in contenu
    client.force_login(agent)
    assert bouton not in client.get(page("vie")).content.decode()


def test_page_shows_who_agreed_on_the_present_text(negocie: Projet, agent: Utilisateur, client: Client) -> None:
    act(negocie, agent, "valider")
    client.force_login(agent)
    assert client.get(page("vie")).content.decode().count("Accord donné le") == 1
    FicheAction.objects.update(constat="Un mot de plus.")
    assert client.get(page("vie")).content.decode().count("Accord donné le") == 0
