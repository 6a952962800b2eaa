"""Avenants: opened on what is signed, written like a convention, compared, signed, and spoken for the agreement from their day on."""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.urls import reverse

from comptes.models import Organisation, Utilisateur
from conventions.consolidation import date_effet, find_consolidee, get_base, list_avenants, map_consolidees, root_of
from conventions.gel import ConventionFigee, lift
from conventions.models import Convention
from documents import avenant_pdf, mise_en_forme, publication, views
from documents.avenant_pdf import publish_avenant
from documents.avenants import compute_difference, create_avenant, explain_ouverture, find_precedente
from documents.differences import Difference
from documents.models import Accord
from documents.publication import publish_convention
from documents.vie.actes import list_offres, pass_convention
from documents.vie.conditions import Contexte, no_contradiction
from documents.vues import avenants as vues
from fiches.models import FicheAction
from financement.controles.verification import find_ouvertes
from financement.echeances import collect_echeances, list_suivies
from financement.models import LigneCout, MontantRecapDeclare, TotalDeclare
from financement.scdl import build_publication
from tests import factories
from tests.ecritures import spell, write_one
from tests.factories import euros
from tests.signees import PDF, amend, conclude, fill, freeze, reread
from tests.vie import Projet, make_project

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]
Etat = Convention.Etat
SIGNEE_LE = date(2018, 1, 8)


@pytest.fixture(autouse=True)
def _written_not_typeset(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document is the HTML it is made of."""
    monkeypatch.setattr(publication, "render_pdf", lambda document: b"%PDF-" + document.html.encode())


@pytest.fixture
def projet() -> Projet:
    return make_project()


@pytest.fixture
def base(projet: Projet) -> Convention:
    """A signed agreement of one fiche, of 6 000 € that the financeur pays."""
    fiche = FicheAction.objects.get()
    factories.LigneCoutFactory(fiche=fiche, nature=factories.NatureFactory(nom="Études"), annee=2018, montant=euros(6000))
    factories.CoFinancementFactory(fiche=fiche, financeur=projet.financeur.organisation)
    return conclude(projet.convention, SIGNEE_LE)


def connect(projet: Projet, qui: str = "agent financeur") -> Client:
    client = Client()
    client.force_login(projet.gens[qui])
    return client


def agent(projet: Projet) -> Any:
    return projet.gens["agent financeur"]


def prolong(projet: Projet, base: Convention, annee: int = 2021) -> Convention:
    """An avenant that extends the end date."""
    return amend(agent(projet), base, date_fin=date(annee, 12, 31))


def reopen(avenant: Convention) -> FicheAction:
    """The fiche of an avenant, sent back to be written."""
    avenant.fiches.update(etat=FicheAction.Etat.EN_REDACTION)
    return avenant.fiches.get()


def tell(difference: Difference) -> list[tuple[str, str, str]]:
    changements = [c for r in difference.rubriques for o in r.objets for c in o.changements]
    return [(spell(c.libelle), spell(c.avant), spell(c.apres)) for c in changements]


# --- Opening ---------------------------------------------------------------------------------------------


def test_avenant_opens_on_a_living_signed_agreement_only(projet: Projet) -> None:
    directe = "elle se modifie directement, sans avenant"
    for etat, raison in {
        Etat.BROUILLON: directe,
        Etat.A_SIGNER: directe,
        Etat.CADUQUE: directe,
        Etat.RESILIEE: "Cette convention est résiliée : elle ne reçoit plus d’avenant.",
        Etat.SOLDEE: "Cette convention est soldée : elle ne reçoit plus d’avenant.",
    }.items():
        with pytest.raises(ValidationError, match=raison):
            create_avenant(agent(projet), projet.put(etat), "Prolonger")
    assert Convention.objects.count() == 1
    for etat in (Etat.SIGNEE, Etat.NOTIFIEE, Etat.EXECUTOIRE):
        assert explain_ouverture(agent(projet), projet.put(etat)) == ""


def test_lecteur_opens_no_avenant(projet: Projet, base: Convention) -> None:
    with pytest.raises(PermissionDenied, match="sans pouvoir préparer d’avenant"):
        create_avenant(projet.gens["lecteur financeur"], base, "Prolonger")
    assert connect(projet, "lecteur financeur").post(reverse("avenant_ouvrir", args=[base.reference]), {"objet": "x"}).status_code == 403
    assert not base.avenants.exists()


def test_one_avenant_is_prepared_at_a_time(projet: Projet, base: Convention) -> None:
    premier = prolong(projet, base)
    with pytest.raises(ValidationError, match="est en préparation : terminez-le ou abandonnez-le"):
        create_avenant(agent(projet), base, "Prolonger encore")
    conclude(premier, date(2019, 3, 1))
    assert create_avenant(agent(projet), base, "Prolonger encore").numero_avenant == 2


def test_avenant_says_what_it_is_for(projet: Projet, base: Convention) -> None:
    for objet in ("", "  ", "\x00"):
        with pytest.raises(ValidationError, match="Dites en une phrase à quoi sert cet avenant"):
            create_avenant(agent(projet), base, objet)


def test_refused_opening_shows_the_page_again_with_the_reason(projet: Projet, base: Convention) -> None:
    prolong(projet, base)
    reponse = connect(projet).post(reverse("avenant_ouvrir", args=[base.reference]), {"objet": "Encore une année"})
    assert reponse.status_code == 422
    assert "est en préparation" in reponse.content.decode()
    assert base.avenants.count() == 1


def test_page_opens_an_avenant_and_leads_to_what_it_changes(projet: Projet, base: Convention) -> None:
    reponse = connect(projet, "agent beneficiaire").post(
        reverse("avenant_ouvrir", args=[base.reference]), {"objet": "Prolonger"}, follow=True
    )
    assert reponse.redirect_chain == [("/conventions/ESSAI-1-AV1/avenant/", 302)]
    assert "Rien ne change encore" in reponse.content.decode()


def test_avenant_is_a_copy_in_negotiation_with_a_number_and_a_reference(projet: Projet, base: Convention) -> None:
    Convention.objects.filter(pk=base.pk).update(date_notification=date(2018, 1, 15), date_executoire=date(2018, 2, 1))
    avenant = create_avenant(agent(projet), base, " Prolonger  d’un an \x00")
    assert (avenant.reference, avenant.numero_avenant, avenant.avenant_de, avenant.etat) == ("ESSAI-1-AV1", 1, base, Etat.EN_NEGOCIATION)
    assert avenant.objet == "Prolonger  d’un an"
    assert [avenant.date_signature, avenant.date_notification, avenant.date_executoire, avenant.date_cloture] == [None] * 4
    assert get_base(avenant) == get_base(base) == base
    assert avenant.nom_court == "Avenant n°\u00a01"


def test_long_reference_is_shortened_to_make_room_for_the_number(projet: Projet, base: Convention) -> None:
    with lift():
        Convention.objects.filter(pk=base.pk).update(reference="A" * 40)
    assert create_avenant(agent(projet), base, "Prolonger").reference == "A" * 36 + "-AV1"


def test_each_assembly_deliberates_again_and_the_first_paper_is_not_printed_again(
    convention: Convention, agglo: Organisation, agent: Utilisateur
) -> None:
    fill(convention, agglo, agent)
    delibere = {"deliberation_date": SIGNEE_LE, "deliberation_executoire": SIGNEE_LE, "seance_prevue": SIGNEE_LE}
    convention.parties.update(deliberation_numero="2018-1", deliberation_fichier="deliberations/x.pdf", signataire="Anne Essai", **delibere)
    avenant = create_avenant(agent, conclude(convention), "Prolonger")
    partie: Any = avenant.parties.first()
    assert [getattr(partie, champ) for champ in delibere] == [None, None, None]
    assert (partie.deliberation_numero, str(partie.deliberation_fichier), partie.signataire) == ("", "", "Anne Essai")
    assert not MontantRecapDeclare.objects.filter(convention=avenant).exists()
    assert not TotalDeclare.objects.filter(fiche__convention=avenant).exists()
    assert LigneCout.objects.filter(fiche__convention=avenant).exists()


def test_opening_is_told_in_both_journals(projet: Projet, base: Convention) -> None:
    avenant = prolong(projet, base)
    assert base.evenements.get(genre="avenant_ouvert").message == "Avenant n° 1 ouvert. Prolonger d’un an"
    assert avenant.evenements.get(genre="ouverture").message == "Avenant ouvert à partir de ESSAI-1. Prolonger d’un an"


# --- Working copy ----------------------------------------------------------------------------------------


def read_pages(client: Client, base: Convention) -> list[str]:
    """The pages and the document of an agreement, without the token of their forms."""
    adresses = [
        reverse(nom, args=[base.reference]) for nom in ("convention", "articles", "fiches", "budget", "convention_pdf", "recapitulatif_pdf")
    ]
    adresses += [reverse(nom, args=[base.reference, "e-a-1"]) for nom in ("fiche", "fiche_historique")]
    return [re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", client.get(a).content.decode()) for a in adresses]


def test_working_copy_is_written_by_the_same_pages_while_the_agreement_stays_as_signed(projet: Projet, base: Convention) -> None:
    base.documents_figes.update(pdf="", empreinte_pdf="")  # signed elsewhere: its document is still typeset from its rows
    avenant, client = create_avenant(agent(projet), base, "Ajouter des études"), connect(projet)
    avant, fiche = read_pages(client, base), reopen(avenant)
    for reference, codes in [(avenant.reference, (200, 302)), (base.reference, (302, 403))]:
        modifier = reverse("fiche_modifier", args=[reference, "e-a-1"])
        envoi = {"avant|constat": "", "constat": "Peu de bureaux."}
        assert (client.get(modifier).status_code, client.post(modifier, envoi).status_code) == codes
    assert write_one(agent(projet), fiche, f"cout.2018.{LigneCout.objects.first().nature_id}.", "9 000").statut == "enregistre"  # type: ignore[union-attr]
    client.post(
        reverse("fiche_nouvelle", args=[avenant.reference]), {"axe": avenant.axes.get().pk, "titre": "Rénover les halles"}, follow=True
    )
    assert (avenant.fiches.count(), FicheAction.objects.get(pk=fiche.pk).constat) == (2, "Peu de bureaux.")
    assert read_pages(client, base) == avant


def test_agreement_stays_frozen_by_whatever_door(projet: Projet, base: Convention) -> None:
    avenant = prolong(projet, base)
    reopen(avenant)
    for convention, fige in ((base, True), (avenant, False)):
        ligne = LigneCout.objects.get(fiche__convention=convention)
        ligne.montant = euros(1)
        if fige:
            with pytest.raises(ConventionFigee):
                ligne.save()
        else:
            ligne.save()


def test_agreement_has_no_page_of_changes(projet: Projet, base: Convention) -> None:
    for nom in ("avenant", "avenant_pdf"):
        assert connect(projet).get(reverse(nom, args=[base.reference])).status_code == 404


# --- What it changes -------------------------------------------------------------------------------------


def test_avenant_extends_end_date(projet: Projet, base: Convention) -> None:
    avenant = prolong(projet, base)
    difference = compute_difference(avenant)
    assert tell(difference) == [("Fin", "31/12/2020", "31/12/2021")]
    assert difference.demande_avenant
    page = connect(projet).get(reverse("avenant", args=[avenant.reference])).content.decode()
    assert "31/12/2020" in page
    assert "31/12/2021" in page
    conclude(avenant, date(2019, 3, 1))
    assert find_consolidee(base).date_fin == date(2021, 12, 31)
    assert reread(base).date_fin == date(2020, 12, 31)


def test_avenant_opened_and_left_alone_changes_nothing(projet: Projet, base: Convention) -> None:
    assert compute_difference(create_avenant(agent(projet), base, "Prolonger")).is_vide


def test_rewording_the_object_of_an_avenant_is_not_a_change(projet: Projet, base: Convention) -> None:
    with lift():
        Convention.objects.filter(pk=base.pk).update(objet="Soutenir les commerces")
    assert compute_difference(create_avenant(agent(projet), base, "Prolonger")).is_vide


def test_avenant_of_avenant_starts_from_the_first_and_is_compared_with_it(projet: Projet, base: Convention) -> None:
    premier = conclude(prolong(projet, base), date(2019, 3, 1))
    second = amend(agent(projet), premier, "Relever le tarif", tarif_journalier=Decimal(650))
    assert (second.avenant_de, second.numero_avenant, find_precedente(second)) == (base, 2, premier)
    assert tell(compute_difference(second)) == [("Tarif journalier", "600 €", "650 €")]
    assert [a.reference for a in list_avenants(base)] == ["ESSAI-1-AV1", "ESSAI-1-AV2"]
    conclude(second, date(2020, 2, 1))
    consolidee = find_consolidee(base)
    assert (consolidee.date_fin, consolidee.tarif_journalier) == (date(2021, 12, 31), euros(650))


def test_rows_are_followed_from_one_avenant_to_the_next(projet: Projet, base: Convention) -> None:
    racine = base.fiches.get().pk
    premier = conclude(prolong(projet, base), date(2019, 3, 1))
    second = create_avenant(agent(projet), base, "Relever le tarif")
    assert root_of(second, "ficheaction", second.fiches.get().pk) == root_of(premier, "ficheaction", premier.fiches.get().pk) == racine
    second.fiches.update(titre="Aider tous les commerces")
    assert tell(compute_difference(second)) == [("Titre", "Aider les commerces", "Aider tous les commerces")]


def test_several_avenants_in_sequence_each_tell_their_own_change(projet: Projet, base: Convention) -> None:
    dits = []
    for rang in (1, 2, 3):
        avenant = prolong(projet, base, 2020 + rang)
        dits += tell(compute_difference(avenant))
        conclude(avenant, date(2018 + rang, 3, 1))
    assert dits == [("Fin", f"31/12/202{n}", f"31/12/202{n + 1}") for n in range(3)]
    assert find_consolidee(base).date_fin == date(2023, 12, 31)
    for avenant in list_avenants(base):  # each still tells what it changed, once all are signed
        assert tell(compute_difference(avenant)) == [dits[(avenant.numero_avenant or 0) - 1]]


def test_signed_avenant_tells_what_was_frozen(projet: Projet, base: Convention) -> None:
    avenant = conclude(prolong(projet, base), date(2019, 3, 1))
    with lift():
        Convention.objects.filter(pk=avenant.pk).update(titre="Autre titre")
    assert tell(compute_difference(avenant)) == [("Fin", "31/12/2020", "31/12/2021")]


def test_organisation_renamed_after_the_signature_is_not_what_an_avenant_changes(projet: Projet, base: Convention) -> None:
    Organisation.objects.filter(pk=projet.financeur.organisation_id).update(nom="Grande agglomération")
    assert tell(compute_difference(prolong(projet, base))) == [("Fin", "31/12/2020", "31/12/2021")]


# --- What speaks on a day ---------------------------------------------------------------------------------


@pytest.fixture
def suite(projet: Projet, base: Convention) -> list[Convention]:
    """The agreement, an avenant in force a month after its signature, and one that is only signed."""
    premier = conclude(prolong(projet, base), date(2019, 3, 1), etat=Etat.EXECUTOIRE, date_executoire=date(2019, 4, 1))
    second = conclude(prolong(projet, base, 2022), date(2020, 2, 1))
    return [base, premier, second]


def test_agreement_is_consolidated_at_a_date(suite: list[Convention]) -> None:
    jours = {
        date(2010, 1, 1): 0,
        date(2019, 3, 1): 0,  # signed, not yet in force
        date(2019, 3, 31): 0,
        date(2019, 4, 1): 1,
        date(2020, 1, 31): 1,
        date(2020, 2, 1): 2,
        None: 2,
    }
    for convention in suite:
        assert {jour: suite.index(find_consolidee(convention, jour)) for jour in jours} == jours


def test_avenant_notified_takes_effect_that_day_until_it_is_said_in_force(suite: list[Convention]) -> None:
    avenant = suite[2]
    avenant.date_notification = date(2020, 2, 15)
    assert date_effet(avenant) == date(2020, 2, 15)
    avenant.date_executoire = date(2020, 3, 1)
    assert date_effet(avenant) == date(2020, 3, 1)


def test_avenant_that_is_not_signed_speaks_for_nobody(projet: Projet, base: Convention) -> None:
    avenant = prolong(projet, base)
    assert find_consolidee(base) == base
    freeze(avenant)
    assert find_consolidee(avenant) == base
    assert map_consolidees([base]) == {base.pk: base}


def test_what_speaks_for_several_agreements_is_read_at_once(
    suite: list[Convention], django_assert_num_queries: Callable[[int], Any]
) -> None:
    autre = factories.ConventionFactory()
    with django_assert_num_queries(1):
        assert map_consolidees([suite[0], autre]) == {suite[0].pk: suite[2], autre.pk: autre}


def test_consolidated_version_is_downloaded_as_of_a_day(projet: Projet, suite: list[Convention], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mise_en_forme, "finish", lambda c, version, document: b"%PDF-" + c.reference.encode())
    adresse, client = reverse("consolidee_pdf", args=[suite[0].reference]), connect(projet)
    recus = {jour: client.get(adresse, {"le": jour}) for jour in ("2019-01-01", "01/04/2019", "")}
    assert [r.content for r in recus.values()] == [PDF, b"%PDF-ESSAI-1-AV1", b"%PDF-ESSAI-1-AV2"]
    assert "ESSAI-1-consolidee-au-2019-04-01.pdf" in recus["01/04/2019"]["Content-Disposition"]
    assert "ESSAI-1-consolidee.pdf" in recus[""]["Content-Disposition"]
    assert client.get(adresse, {"le": "hier"}).status_code == 404


def test_consolidated_version_says_that_it_is_no_original(suite: list[Convention]) -> None:
    html = publish_convention(suite[1]).decode()
    assert "version consolidée après l’avenant n°\u00a01, sans valeur d’original" in html
    assert "Document de travail" not in html
    assert "sans valeur d’original" not in publish_convention(suite[0]).decode()


# --- Given up ----------------------------------------------------------------------------------------------


def give_up(projet: Projet, avenant: Convention) -> None:
    pass_convention(projet.gens["administrateur financeur"], avenant, "abandonner", motif="Plus utile")


def test_abandoned_avenant_keeps_its_number_and_lets_another_open(projet: Projet, base: Convention) -> None:
    premier = prolong(projet, base)
    give_up(projet, premier)
    second = prolong(projet, base, 2022)
    assert (second.reference, second.numero_avenant) == ("ESSAI-1-AV2", 2)
    assert find_precedente(second) == base
    assert tell(compute_difference(second)) == [("Fin", "31/12/2020", "31/12/2022")]
    assert find_consolidee(conclude(second, date(2019, 3, 1))) == second


@pytest.mark.parametrize("signe", [False, True], ids=["un autre est ouvert", "un autre est signé"])
def test_abandoned_avenant_is_not_taken_up_again_beside_a_later_one(projet: Projet, base: Convention, signe: bool) -> None:
    premier = prolong(projet, base)
    give_up(projet, premier)
    second = prolong(projet, base, 2022)
    if signe:
        conclude(second, date(2019, 3, 1))
    with pytest.raises(ValidationError, match="avenant"):
        pass_convention(projet.gens["administrateur financeur"], reread(premier), "reprendre")


def test_abandoned_avenant_is_taken_up_again_when_it_is_alone(projet: Projet, base: Convention) -> None:
    avenant = prolong(projet, base)
    give_up(projet, avenant)
    pass_convention(projet.gens["administrateur financeur"], reread(avenant), "reprendre")
    assert reread(avenant).etat == Etat.BROUILLON
    assert connect(projet).get(reverse("vie", args=[avenant.reference])).status_code == 200
    with pytest.raises(ValidationError, match="est en préparation"):
        create_avenant(agent(projet), base, "Prolonger")


# --- On the way to signature ---------------------------------------------------------------------------------


def accept(projet: Projet, avenant: Convention) -> None:
    """The financeur agrees on the text."""
    pass_convention(agent(projet), reread(avenant), "valider")


def test_avenant_that_changes_nothing_is_not_agreed(projet: Projet, base: Convention) -> None:
    avenant = create_avenant(agent(projet), base, "Prolonger")
    with pytest.raises(ValidationError, match="Cet avenant ne change rien encore"):
        accept(projet, avenant)


def test_schedule_change_inside_an_unchanged_year_needs_no_avenant(projet: Projet, base: Convention) -> None:
    avenant = create_avenant(agent(projet), base, "Décaler")
    avenant.fiches.update(calendrier="Automne 2018")
    with pytest.raises(ValidationError, match="Un échange de courriers suffit, sans avenant"):
        accept(projet, avenant)
    page = connect(projet).get(reverse("avenant", args=[avenant.reference])).content.decode()
    assert "Ces changements ne demandent pas d’avenant" in page
    assert "sans effet sur les engagements" in page


def test_schedule_change_needs_no_avenant_whoever_would_sign_it(projet: Projet, base: Convention) -> None:
    avenant = create_avenant(agent(projet), base, "Décaler")
    avenant.fiches.update(calendrier="Automne 2018")
    avenant.parties.update(signataire="Alex Petit")
    with pytest.raises(ValidationError, match="Un échange de courriers suffit"):
        accept(projet, avenant)


def test_schedule_change_to_another_year_is_agreed(projet: Projet, base: Convention) -> None:
    avenant = create_avenant(agent(projet), base, "Décaler")
    avenant.fiches.update(date_debut=date(2019, 3, 1), date_fin=date(2019, 6, 30))
    accept(projet, avenant)
    assert Accord.objects.get().convention == avenant


def test_avenant_is_neither_closed_nor_ended_by_itself(projet: Projet, base: Convention) -> None:
    avenant = conclude(prolong(projet, base), date(2019, 3, 1), etat=Etat.EXECUTOIRE)
    assert not {o.transition.action for o in list_offres(projet.gens["administrateur financeur"], avenant)} & {"solder", "resilier"}
    for action in ("solder", "resilier", "enregistrer_signee"):
        with pytest.raises(ValidationError, match="Cette étape n’existe pas"):
            pass_convention(projet.gens["administrateur financeur"], avenant, action, jour=date(2020, 1, 1), motif="x")


@pytest.fixture
def contredite(projet: Projet, base: Convention) -> Convention:
    """Signed although its budget runs a year after its end, which blocks the signature of others."""
    with lift():
        Convention.objects.filter(pk=base.pk).update(annee_fin=2021)
    base.documents_figes.all().delete()
    return conclude(base, SIGNEE_LE)


def deliberate(avenant: Convention) -> Contexte:
    avenant.parties.update(deliberation_numero="2019-1", deliberation_date=date(2019, 2, 1))
    return Contexte(reread(avenant), None)


def test_contradiction_already_signed_does_not_block_an_avenant(projet: Projet, contredite: Convention) -> None:
    avenant = amend(agent(projet), contredite, "Relever le tarif", tarif_journalier=Decimal(650))
    assert [t.regle.identifiant for t in find_ouvertes(avenant) if t.regle.gravite == "bloquant"].count("annees_dates") == 1
    assert no_contradiction(deliberate(avenant)) == []


def test_contradiction_accepted_before_the_agreement_was_signed_does_not_block_an_avenant(projet: Projet, contredite: Convention) -> None:
    for trouvee in find_ouvertes(contredite):
        factories.AcceptationFactory(
            convention=contredite, regle=trouvee.regle.identifiant, cle=trouvee.cle, empreinte=trouvee.constat.empreinte
        )
    avenant = amend(agent(projet), contredite, "Relever le tarif", tarif_journalier=Decimal(650))
    assert no_contradiction(deliberate(avenant)) == []


def test_new_contradiction_blocks_the_avenant_that_brings_it(projet: Projet, contredite: Convention) -> None:
    avenant = amend(agent(projet), contredite, "Prolonger", duree_declaree_mois=12)
    (obstacle,) = no_contradiction(deliberate(avenant))
    assert obstacle.phrase.startswith("Une contradiction empêche la signature : ")
    assert "Un an à compter du 01/01/2018" in obstacle.phrase or "12 mois" in obstacle.phrase.lower()
    assert obstacle.url.startswith("/conventions/ESSAI-1-AV1/")


# --- Everywhere else: one agreement, what it says now ----------------------------------------------------------


@pytest.fixture
def relevee(projet: Projet, base: Convention) -> Convention:
    """The avenant, signed, that brings the agreement from 6 000 to 9 000 €."""
    avenant = create_avenant(agent(projet), base, "Ajouter des études")
    LigneCout.objects.filter(fiche__convention=avenant).update(montant=Decimal(9000))
    return conclude(avenant, date(2019, 3, 1))


def read(client: Client, nom: str, **recherche: str) -> str:
    return spell(client.get(reverse(nom), recherche).content.decode())


def test_lists_show_the_agreement_once_with_its_present_amounts(projet: Projet, base: Convention, relevee: Convention) -> None:
    for nom in ("conventions", "accueil"):
        page = read(connect(projet), nom)
        assert page.count(f'<a class="lien fort" href="{base.get_absolute_url()}"') == 1
        assert f'href="{relevee.get_absolute_url()}"' not in page
        assert ("9 000 €" in page, "6 000 €" in page) == (True, False), nom


def test_home_page_shows_the_avenant_being_negotiated(projet: Projet, base: Convention) -> None:
    avenant = prolong(projet, base)
    page = read(connect(projet), "accueil")
    assert f'href="{avenant.get_absolute_url()}"' in page
    assert "Avenant n° 1" in page


def test_search_finds_the_agreement_once(projet: Projet, base: Convention, relevee: Convention) -> None:
    page = read(connect(projet), "recherche", q="commerces")
    assert f'href="{base.get_absolute_url()}fiches/e-a-1/"' in page
    assert relevee.reference not in page
    assert relevee.reference not in read(connect(projet), "recherche", q="ESSAI-1")


def test_search_also_finds_the_fiches_of_the_avenant_being_written(projet: Projet, base: Convention) -> None:
    avenant = prolong(projet, base)
    page = read(connect(projet), "recherche", q="commerces")
    for convention in (base, avenant):
        assert f'href="{convention.get_absolute_url()}fiches/e-a-1/"' in page


def test_open_data_publish_the_agreement_once_with_its_present_amounts(projet: Projet, base: Convention, relevee: Convention) -> None:
    for partie, siret in zip(projet.fresh().parties.all(), ("24210041000016", "18210008100013"), strict=True):
        Organisation.objects.filter(pk=partie.organisation_id).update(siret=siret)
    (ligne,) = build_publication(Convention.objects.all()).subventions
    assert (ligne.convention, ligne.montant, ligne.valeurs["dateConvention"]) == (base, Decimal(9000), "2018-01-08")


def test_avenant_brings_no_deadline_of_its_own(projet: Projet, base: Convention) -> None:
    avant = collect_echeances(list_suivies(agent(projet)))
    prolong(projet, base)
    assert collect_echeances(list(Convention.objects.all())) == collect_echeances(list_suivies(agent(projet))) == avant != []


def test_extended_agreement_ends_on_its_new_day(projet: Projet, base: Convention) -> None:
    conclude(prolong(projet, base), date(2019, 3, 1))
    jours = {e.genre: (e.jour, e.convention) for e in collect_echeances(list_suivies(agent(projet)))}
    assert jours["fin"] == (date(2021, 12, 31), base)
    assert jours["preavis"] == (date(2021, 6, 30), base)


def test_avenant_is_seen_by_its_parties_only(projet: Projet, base: Convention) -> None:
    avenant, etranger = prolong(projet, base), connect(projet, "etranger")
    for nom in ("avenant", "avenant_pdf", "consolidee_pdf"):
        assert etranger.get(reverse(nom, args=[avenant.reference])).status_code == 404


# --- The document -------------------------------------------------------------------------------------------


def test_document_of_an_avenant_tells_each_change_and_what_it_does_to_the_amounts(projet: Projet, base: Convention) -> None:
    avenant = amend(agent(projet), base, "Prolonger d’un an et ajouter des études", date_fin=date(2021, 12, 31))
    LigneCout.objects.filter(fiche__convention=avenant).update(montant=Decimal(9000))
    html = spell(publish_avenant(avenant).decode())
    assert "Prolonger d’un an et ajouter des études" in html
    assert "signée le 8 janvier 2018" in html
    assert "<td>31/12/2020</td><td>31/12/2021</td>" in html
    assert "passe de 6 000 € à 9 000 €, soit + 3 000&nbsp;€" in html
    assert 'id="fiche-e-a-1"' in html
    assert "Récapitulatif financier après l’avenant" in html
    assert html.count("Signature et cachet") == 2


def test_fiche_that_does_not_change_is_not_annexed_again(projet: Projet, base: Convention) -> None:
    html = publish_avenant(prolong(projet, base)).decode()
    assert 'id="fiche-e-a-1"' not in html
    assert "Récapitulatif financier après" not in html
    assert "Incidence financière" not in html


def test_second_avenant_recalls_the_first(projet: Projet, base: Convention) -> None:
    conclude(prolong(projet, base), date(2019, 3, 1))
    html = spell(publish_avenant(prolong(projet, base, 2022)).decode())
    assert "modifiée par l’avenant n°&nbsp;1 du 1er mars 2019" in html


def test_first_amounts_of_an_agreement_come_from_nothing(projet: Projet) -> None:
    base = conclude(projet.convention, SIGNEE_LE)
    avenant = create_avenant(agent(projet), base, "Chiffrer")
    factories.LigneCoutFactory(fiche=avenant.fiches.get(), montant=euros(100))
    html = spell(publish_avenant(reread(avenant)).decode())
    assert "passe de à" not in " ".join(html.split())
    assert "100 €" in html


def test_draft_of_an_avenant_is_marked_until_it_is_at_signature(projet: Projet, base: Convention) -> None:
    avenant = prolong(projet, base)
    assert "Document de travail" in publish_avenant(avenant).decode()
    avenant.etat = Etat.A_SIGNER
    assert "Document de travail" not in publish_avenant(avenant).decode()


def test_frozen_avenant_is_given_as_it_was_frozen(projet: Projet, base: Convention, monkeypatch: pytest.MonkeyPatch) -> None:
    avenant, client = prolong(projet, base), connect(projet)
    adresse = reverse("avenant_pdf", args=[avenant.reference])
    assert b"Document de travail" in client.get(adresse).content
    freeze(avenant, PDF + b"avenant")
    for module, nom in ((vues, "publish_avenant"), (avenant_pdf, "publish_parties"), (views, "serve_convention")):
        monkeypatch.delattr(module, nom)
    reponse = client.get(adresse)
    assert (reponse.content, reponse["Content-Disposition"]) == (PDF + b"avenant", 'inline; filename="ESSAI-1-AV1.pdf"')


def test_agreement_gives_its_own_document_and_the_avenant_the_consolidated_version(projet: Projet, base: Convention) -> None:
    avenant, client = conclude(prolong(projet, base), date(2019, 3, 1), PDF + b"avenant"), connect(projet)
    assert client.get(reverse("convention_pdf", args=[base.reference])).content == PDF
    assert b"sans valeur d\xe2\x80\x99original" in client.get(reverse("convention_pdf", args=[avenant.reference])).content


def test_party_that_an_avenant_brings_does_not_read_the_agreement_before_it(base: Convention, projet: Projet) -> None:
    agente = factories.UtilisateurFactory(organisation=projet.financeur.organisation)
    avenant = amend(agente, base)
    arrivee = factories.PartieFactory(convention=avenant, ordre=90)
    client = Client()
    client.force_login(factories.UtilisateurFactory(organisation=arrivee.organisation))
    codes = {
        nom: client.get(reverse(nom, args=[avenant.reference])).status_code for nom in ("vie", "avenant", "versements", "consolidee_pdf")
    }
    assert codes == {"vie": 200, "avenant": 200, "versements": 404, "consolidee_pdf": 404}
    assert client.post(reverse("dossier", args=[avenant.reference])).status_code == 404
