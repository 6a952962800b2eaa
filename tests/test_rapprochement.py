"""Both recaps side by side, one side taken for the other, and the way back; one-click corrections."""

from decimal import Decimal
from io import BytesIO
from typing import Any

import openpyxl
import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse
from lxml import html

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention, MontantDeclare
from fiches.models import FicheAction
from financement.controles.corrections import CorrectionImpossible, correct, plan_reprise, undo, write
from financement.controles.regles import find_contradictions
from financement.controles.verification import verify
from financement.models import CoFinancement, Contradiction, LigneCout, MontantRecapDeclare, Reprise, TotalDeclare
from financement.rapprochement import build_rapprochement
from financement.recapitulatif import TOTAL
from tests import factories
from tests.factories import euros

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]
RECAP = {"recap_fiche", "recap_somme", "recap_sans_montant", "recap_ligne"}


def print_cells(convention: Convention) -> list[tuple]:
    """Every printed cell, to compare."""
    return sorted(
        MontantRecapDeclare.objects.filter(convention=convention).values_list("fiche", "axe", "annee", "financeur", "montant", "mention"),
        key=str,
    )


def print_parts(fiche: FicheAction) -> set[tuple]:
    return set(CoFinancement.objects.filter(fiche=fiche).values_list("financeur__sigle", "annee", "taux", "montant"))


def list_regles(convention: Convention) -> set[str]:
    return {t.regle.identifiant for t in find_contradictions(Convention.objects.get(pk=convention.pk))}


def take(user: Utilisateur, convention: Convention, sens: str, cellules: list) -> Reprise:
    return write(user, convention, plan_reprise(convention, sens, cellules), "Reprise d’essai")


@pytest.fixture
def nadia(dijon: Convention) -> Utilisateur:
    return Utilisateur.objects.get(email="nadia.ferrand@dijon-metropole.example")


@pytest.fixture
def claire(dijon: Convention) -> Utilisateur:
    return Utilisateur.objects.get(email="claire.vasseur@dijon-metropole.example")


# --- Side by side -----------------------------------------------------------------------------------------------


def test_dijon_differs_by_financeur_axe_and_year(dijon: Convention) -> None:
    r = build_rapprochement(dijon)
    assert r
    assert r.total
    assert (r.total.declare, r.total.calcule, r.total.ecart) == (Decimal("1193250.00"), Decimal("1317250.00"), Decimal("-124000.00"))
    assert {b.nom: b.ecart for b in r.par_financeur} == {"Métropole": -53_260, "CCI": 56_772, "Autres": -127_512}
    assert {b.nom: b.ecart for b in r.par_axe} == {"Attractivité": 0, "Proximité": 0, "Compétences": -124_000}
    assert [a.nb_ecarts for a in r.annees] == [5, 10, 7]
    assert sum(b.ecart for b in r.par_financeur) == r.total.ecart == sum(b.ecart for b in r.par_axe)


def test_cell_says_what_each_side_says(dijon: Convention) -> None:
    r = build_rapprochement(dijon)
    assert r is not None
    cotes = {(li.fiche.code, c.annee, c.nom): c for _, li, c in r.cotes() if li.fiche}
    salons = cotes["E.A 2.2", 2018, "Métropole"]
    assert (salons.declare, salons.calcule, salons.ecart, salons.differe) == (12_600, 20_160, -7_560, True)
    devis = cotes["E.P 2.5", 2019, "Total"]
    assert (devis.declare, devis.calcule, devis.mots_calcules, devis.differe) == (0, None, "sur devis", True)
    assert not cotes["E.A 1.1", 2018, "Métropole"].differe
    assert not cotes["E.A 1.1", 2019, "Métropole"].differe  # 0 printed where nothing is planned


def test_convention_without_printed_recap_has_nothing_to_compare(chaumont: Convention) -> None:
    assert build_rapprochement(chaumont) is None


# --- Taking the fiches --------------------------------------------------------------------------------------------


def test_taking_every_gap_makes_the_annex_say_what_the_fiches_say(dijon: Convention, nadia: Utilisateur) -> None:
    avant = print_cells(dijon)
    r = build_rapprochement(dijon)
    assert r is not None
    cellules = [(li.fiche.pk, c.annee, c.colonne) for _, li, c in r.cotes() if c.differe and c.colonne != "autres" and li.fiche]
    reprise = take(nadia, dijon, "fiche", cellules)
    assert not RECAP & list_regles(dijon)
    apres = build_rapprochement(dijon)
    assert apres
    assert apres.total
    # What nobody is said to pay (2 600 €, E.A 1.3.1) has no column in an annex.
    assert (apres.total.ecart, apres.nb_ecarts) == (0, 1)
    undo(nadia, reprise)
    assert print_cells(dijon) == avant


def test_one_cell_taken_moves_its_subtotal_and_its_total(dijon: Convention, nadia: Utilisateur) -> None:
    salons = dijon.fiches.get(code="E.A 2.2")
    metropole = Organisation.objects.get(cle="dijon-metropole")
    take(nadia, dijon, "fiche", [(salons.pk, 2018, metropole.pk)])
    lues = {
        (c.fiche_id, c.axe.code if c.axe else None): c.montant.amount
        for c in MontantRecapDeclare.objects.filter(convention=dijon, annee=2018, financeur=metropole).select_related("axe")
        if c.montant is not None
    }
    assert (lues[salons.pk, None], lues[None, "E.A"], lues[None, None]) == (20_160, 128_340 + 7_560, 236_140 + 7_560)


def test_every_sum_above_the_cells_taken_follows(convention: Convention, agent: Utilisateur, agglo: Organisation) -> None:
    racine = factories.AxeFactory(convention=convention, code="E.A")
    section = factories.AxeFactory(convention=convention, code="1", parent=racine)
    fiche = factories.FicheFactory(convention=convention, axe=section)
    factories.CoFinancementFactory(fiche=fiche, financeur=agglo, taux=Decimal(100))
    for annee in (2018, 2019):
        factories.LigneCoutFactory(fiche=fiche, annee=annee, montant=euros(150))
    rangees = ({"fiche": fiche}, {"axe": section}, {"axe": racine}, {})
    for rangee in rangees:
        for annee, montant in ((2018, 100), (2019, 100), (None, 200)):
            for financeur in (agglo, None):
                factories.RecapDeclareFactory(
                    **{"convention": convention, "fiche": None, "financeur": financeur, "annee": annee, "montant": euros(montant)} | rangee
                )
    take(agent, convention, "fiche", [(fiche.pk, annee, colonne) for annee in (2018, 2019) for colonne in (agglo.pk, TOTAL)])
    assert not RECAP & list_regles(convention)
    for rangee in rangees:
        lues = MontantRecapDeclare.objects.filter(convention=convention, financeur=None, **({"fiche": None, "axe": None} | rangee))
        assert dict(lues.values_list("annee", "montant")) == {2018: 150, 2019: 150, None: 300}


def test_sur_devis_is_taken_in_words(dijon: Convention, nadia: Utilisateur) -> None:
    devis = dijon.fiches.get(code="E.P 2.5")
    take(nadia, dijon, "fiche", [(devis.pk, 2019, TOTAL)])
    cellule = MontantRecapDeclare.objects.get(fiche=devis, annee=2019, financeur=None)
    assert (cellule.montant, cellule.mention) == (None, "sur devis")


# --- Taking the annex -----------------------------------------------------------------------------------------------


def test_printed_share_of_a_year_becomes_that_of_the_fiche_and_back(dijon: Convention, nadia: Utilisateur) -> None:
    salons = dijon.fiches.get(code="E.A 2.2")
    avant = print_parts(salons)
    metropole = Organisation.objects.get(cle="dijon-metropole")
    reprise = take(nadia, dijon, "tableau", [(salons.pk, 2018, metropole.pk)])
    assert print_parts(salons) - avant == {("Dijon Métropole", 2018, None, Decimal(12_600)), ("CCI 21", 2018, None, Decimal(12_600))}
    encore = {(t.constat.objet, t.constat.annee) for t in find_contradictions(dijon) if t.regle.identifiant == "recap_fiche"}
    assert ("E.A 2.2", 2018) not in encore
    assert ("E.A 2.2", 2019) in encore
    undo(nadia, reprise)
    assert print_parts(salons) == avant


@pytest.mark.parametrize(
    ("code", "annee", "raison"),
    [("E.A 1.3.1", 2019, "partage par nature de dépense"), ("E.C 1.3", 2019, "Corrigez d’abord les coûts"), ("E.C 1.3", 2020, "Corrigez")],
)
def test_share_that_cannot_be_taken_is_refused_with_the_reason(
    dijon: Convention, nadia: Utilisateur, code: str, annee: int, raison: str
) -> None:
    fiche = dijon.fiches.get(code=code)
    with pytest.raises(CorrectionImpossible, match=raison):
        take(nadia, dijon, "tableau", [(fiche.pk, annee, TOTAL)])
    assert not Reprise.objects.exists()


def test_validated_fiche_is_not_written_from_the_annex(dijon: Convention, nadia: Utilisateur) -> None:
    dijon.fiches.filter(code="E.A 2.2").update(etat="validee")
    with pytest.raises(CorrectionImpossible, match="est validée"):
        take(nadia, dijon, "tableau", [(dijon.fiches.get(code="E.A 2.2").pk, 2018, TOTAL)])


# --- Undoing --------------------------------------------------------------------------------------------------------


def test_undo_refuses_when_a_value_was_changed_since_and_says_which(dijon: Convention, nadia: Utilisateur) -> None:
    salons = dijon.fiches.get(code="E.A 2.2")
    metropole = Organisation.objects.get(cle="dijon-metropole")
    reprise = take(nadia, dijon, "fiche", [(salons.pk, 2018, metropole.pk)])
    MontantRecapDeclare.objects.filter(fiche=salons, annee=2018, financeur=metropole).update(montant=Decimal(5))
    avant = print_cells(dijon)
    with pytest.raises(CorrectionImpossible, match=r"récapitulatif, E\.A 2\.2, 2018"):
        undo(nadia, reprise)
    assert print_cells(dijon) == avant


def test_undo_is_done_once(dijon: Convention, nadia: Utilisateur) -> None:
    salons = dijon.fiches.get(code="E.A 2.2")
    reprise = take(nadia, dijon, "fiche", [(salons.pk, 2018, TOTAL), (salons.pk, 2018, Organisation.objects.get(cle="cci-cote-d-or").pk)])
    undo(nadia, reprise)
    with pytest.raises(CorrectionImpossible, match="déjà annulée"):
        undo(nadia, reprise)


def test_cell_changed_since_the_page_was_opened_is_not_taken(dijon: Convention, nadia: Utilisateur) -> None:
    salons, metropole = dijon.fiches.get(code="E.A 2.2"), Organisation.objects.get(cle="dijon-metropole")
    avant = print_cells(dijon)
    envoi = {"sens": "fiche", "cellule": f"{salons.pk}.2018.{metropole.pk}:12600.00:20160.00"}
    CoFinancement.objects.filter(fiche=salons, financeur=metropole).update(taux=Decimal(70))
    reponse = open_as(nadia).post(reverse("rapprochement_reprendre", args=[dijon.reference]), envoi, follow=True)
    assert "a changé depuis que vous avez ouvert la page" in read_words(reponse.content)
    assert print_cells(dijon) == avant


def test_lecteur_corrects_nothing(dijon: Convention) -> None:
    lecteur = Utilisateur.objects.get(email="bruno.lachaux@dijon-metropole.example")
    with pytest.raises(PermissionDenied):
        write(lecteur, dijon, [], "Rien")
    with pytest.raises(PermissionDenied):
        undo(lecteur, factories.RepriseFactory(convention=dijon))


# --- One-click corrections ------------------------------------------------------------------------------------------


def press(user: Utilisateur, convention: Convention, regle: str, rang: int = 0, **filtres: Any) -> Reprise:
    """Press a button of the cards of one rule."""
    verify(convention)
    points = dict(Contradiction.objects.filter(convention=convention, regle=regle, **filtres).values_list("pk", "empreinte"))
    return correct(user, convention, points, rang)


def test_amount_of_an_article_is_aligned_by_an_administrator_and_undone(dijon: Convention, claire: Utilisateur) -> None:
    reprise = press(claire, dijon, "montants_texte")
    assert MontantDeclare.objects.get(cle="subvention_article_3").montant == euros(430_370)
    assert "montants_texte" not in list_regles(dijon)
    undo(claire, reprise)
    assert MontantDeclare.objects.get(cle="subvention_article_3").montant == euros(390_370)


def test_agent_is_told_who_writes_the_text_of_the_convention(dijon: Convention, nadia: Utilisateur) -> None:
    with pytest.raises(CorrectionImpossible, match="administrateurs de votre organisation"):
        press(nadia, dijon, "acompte_taux")


@pytest.mark.parametrize(("rang", "champ", "fse"), [(0, "taux", Decimal("43.8488")), (1, "montant", Decimal("70520.00"))])
def test_rate_or_amount_of_every_share_is_computed_from_the_other(
    dijon: Convention, nadia: Utilisateur, rang: int, champ: str, fse: Decimal
) -> None:
    press(nadia, dijon, "taux_part", rang)
    part = CoFinancement.objects.get(financeur__cle="fse")
    assert {"taux": part.taux, "montant": part.montant.amount if part.montant is not None else None}[champ] == fse
    assert "taux_part" not in list_regles(dijon)


def test_sheet_takes_the_code_the_text_cites(dijon: Convention, nadia: Utilisateur) -> None:
    press(nadia, dijon, "code_double")
    assert not {"code_double", "code_feuille"} & list_regles(dijon)
    assert dijon.fiches.get(code="E.C 1.3").code_imprime == ""


def test_several_cells_of_one_card_are_taken_together(dijon: Convention, nadia: Utilisateur) -> None:
    reprise = press(nadia, dijon, "recap_fiche", 0, objet="E.A 2.2")
    assert reprise.resume == "E.A 2.2 : reprendre la fiche dans le récapitulatif"
    assert "recap_somme" not in list_regles(dijon)


def test_line_and_printed_total_follow_the_days_and_the_sum(convention: Convention, agent: Utilisateur) -> None:
    fiche = factories.FicheFactory(convention=convention, etat="en_redaction")
    ligne = factories.LigneCoutFactory(fiche=fiche, annee=2018, jours=Decimal(10), tarif_journalier=euros(600), montant=euros(5_900))
    total = TotalDeclare.objects.create(fiche=fiche, annee=2018, montant=euros(6_000))
    press(agent, convention, "somme_lignes")
    assert TotalDeclare.objects.get(pk=total.pk).montant == euros(5_900)
    press(agent, convention, "jours_montant")
    assert LigneCout.objects.get(pk=ligne.pk).montant == euros(6_000)
    assert ligne.history.first().history_user == agent


def test_correction_of_values_that_changed_is_refused(convention: Convention, agent: Utilisateur) -> None:
    fiche = factories.FicheFactory(convention=convention, etat="en_redaction")
    factories.LigneCoutFactory(fiche=fiche, annee=2018, montant=euros(5_900))
    total = TotalDeclare.objects.create(fiche=fiche, annee=2018, montant=euros(6_000))
    verify(convention)
    points = dict(Contradiction.objects.filter(regle="somme_lignes").values_list("pk", "empreinte"))
    TotalDeclare.objects.filter(pk=total.pk).update(montant=Decimal(6_100))
    with pytest.raises(CorrectionImpossible, match="ont changé"):
        correct(agent, convention, points, 0)
    assert TotalDeclare.objects.get(pk=total.pk).montant == euros(6_100)


# --- Pages and files ------------------------------------------------------------------------------------------------


def open_as(user: Utilisateur) -> Client:
    client = Client()
    client.force_login(user)
    return client


def read_words(contenu: bytes) -> str:
    return " ".join(html.fromstring(contenu).text_content().split())


def test_cells_ticked_are_taken_from_the_page_and_undone(dijon: Convention, nadia: Utilisateur) -> None:
    client, salons = open_as(nadia), dijon.fiches.get(code="E.A 2.2")
    metropole = Organisation.objects.get(cle="dijon-metropole")
    adresse = reverse("rapprochement_reprendre", args=[dijon.reference])
    reponse = client.post(adresse, {"sens": "fiche", "cellule": [f"{salons.pk}.2018.{metropole.pk}:12600.00:20160.00"]}, follow=True)
    assert "Valeurs des fiches reprises dans le récapitulatif (1 cellule)" in read_words(reponse.content)
    reprise = Reprise.objects.get()
    retour = reverse("rapprochement", args=[dijon.reference])
    reponse = client.post(reverse("reprise_annuler", args=[dijon.reference, reprise.pk]), {"retour": retour}, follow=True)
    assert "Annulé : Valeurs des fiches" in read_words(reponse.content)
    assert reponse.request["PATH_INFO"] == retour


def test_cell_that_is_not_of_the_table_is_refused(dijon: Convention, nadia: Utilisateur) -> None:
    salons, autre = dijon.fiches.get(code="E.A 2.2"), Organisation.objects.get(cle="region-grand-est")
    avant = print_cells(dijon)
    for cellule in [(salons.pk, 2018, autre.pk), (salons.pk, 2018, 10**17), (salons.pk, 2031, TOTAL), (10**17, 2018, TOTAL)]:
        with pytest.raises(CorrectionImpossible, match="n’est plus"):
            take(nadia, dijon, "fiche", [cellule])
    assert print_cells(dijon) == avant


@pytest.mark.parametrize(
    "envoi", [{}, {"sens": "fiche"}, {"sens": "ailleurs", "cellule": "1.2018.total"}, {"sens": "fiche", "cellule": "x"}]
)
def test_nothing_ticked_changes_nothing_and_says_what_to_do(convention: Convention, client_agent: Client, envoi: dict[str, Any]) -> None:
    reponse = client_agent.post(reverse("rapprochement_reprendre", args=[convention.reference]), envoi, follow=True)
    assert "cellule" in read_words(reponse.content) or "Cochez" in read_words(reponse.content)
    assert not Reprise.objects.exists()


@pytest.mark.parametrize("point", ["", "x", "1:2", "9" * 40 + ":" + "a" * 64, "-1:" + "a" * 64])
@pytest.mark.parametrize("nom", ["controles_accepter", "controles_corriger"])
def test_altered_form_of_a_card_is_refused_without_crash(convention: Convention, client_agent: Client, nom: str, point: str) -> None:
    envoi = {"point": point, "motif": "Un motif assez long.", "rang": "0", "retour": "//ailleurs.example/"}
    reponse = client_agent.post(reverse(nom, args=[convention.reference]), envoi)
    assert (reponse.status_code, reponse["Location"]) == (302, reverse("controles", args=[convention.reference]))


def test_page_of_controls_filters_and_leads_to_the_place(dijon: Convention, nadia: Utilisateur) -> None:
    verify(dijon)
    client, adresse = open_as(nadia), reverse("controles", args=[dijon.reference])
    page = html.fromstring(client.get(adresse, {"fiche": "e-a-1-3-2"}).content)
    titres = [" ".join(t.text_content().split()) for t in page.xpath("//article/h3")]
    assert titres[0] == "E.A 1.3.2 : le récapitulatif et la fiche ne donnent pas le même montant"
    liens = page.xpath("//article//a/@href")
    assert f"{reverse('fiche_modifier', args=[dijon.reference, 'e-a-1-3-2'])}#cofinancements" in liens
    bloquants = html.fromstring(client.get(adresse, {"voir": "bloquant"}).content)
    assert {" ".join(g.text_content().split()) for g in bloquants.xpath("//article/span[1]")} == {"Bloquant"}
    assert not html.fromstring(client.get(adresse, {"voir": "traites"}).content).xpath("//article")


def test_card_accepted_on_the_page_moves_to_the_accepted_ones(dijon: Convention, nadia: Utilisateur) -> None:
    verify(dijon)
    client, adresse = open_as(nadia), reverse("controles", args=[dijon.reference])
    carte = html.fromstring(client.get(adresse, {"fiche": "e-p-2-6"}).content).xpath("//article[.//h3[contains(., 'linéaire')]]")[0]
    points = carte.xpath(".//details//input[@name='point']/@value")
    client.post(reverse("controles_accepter", args=[dijon.reference]), {"point": points, "motif": "Une étude s’ajoute dès 2019."})
    traites = read_words(client.get(adresse, {"voir": "traites"}).content)
    assert "Accepté par Nadia Ferrand" in traites
    assert "« Une étude s’ajoute dès 2019. »" in traites


def test_lecteur_reads_the_controls_without_buttons(dijon: Convention) -> None:
    verify(dijon)
    client = open_as(Utilisateur.objects.get(email="bruno.lachaux@dijon-metropole.example"))
    for nom in ("controles", "rapprochement"):
        page = html.fromstring(client.get(reverse(nom, args=[dijon.reference])).content)
        assert not page.xpath("//main//button")


def test_budget_cells_show_what_the_other_side_says(dijon: Convention, nadia: Utilisateur) -> None:
    verify(dijon)
    client, adresse = open_as(nadia), reverse("budget", args=[dijon.reference])
    for source, mots in [("declare", "les fiches donnent 20 160"), ("", "l’annexe imprime 12 600")]:
        page = html.fromstring(client.get(adresse, {"source": source}).content)
        cellule = page.xpath("//tr[@id='ligne-e-a-2-2']/td")[0]
        assert mots in " ".join(cellule.text_content().split())
        assert "a-ecart" in cellule.get("class")


def test_fiche_and_overview_say_how_many_contradictions_they_hold(dijon: Convention, nadia: Utilisateur) -> None:
    verify(dijon)
    client = open_as(nadia)
    assert "13 contradictions" in read_words(client.get(reverse("fiche", args=[dijon.reference, "e-c-1-3"])).content)
    vue = html.fromstring(client.get(reverse("convention", args=[dijon.reference])).content)
    assert vue.xpath(f"//a[@href='{reverse('controles', args=[dijon.reference])}?fiche=e-c-1-3']")


def test_spreadsheet_for_the_meeting_holds_the_gaps_and_the_contradictions(dijon: Convention, nadia: Utilisateur) -> None:
    verify(dijon)
    contenu = open_as(nadia).get(reverse("rapprochement_xlsx", args=[dijon.reference])).content
    classeur = openpyxl.load_workbook(BytesIO(contenu))
    assert classeur.sheetnames == ["Écarts", "Toutes les cellules", "Contradictions"]
    lignes = {tuple(ligne[i].value for i in (0, 1, 3, 4, 5, 6, 7)) for ligne in classeur["Écarts"].iter_rows(min_row=4)}
    assert ("Attractivité", "E.A 2.2", 2018, "Métropole", 12600, 20160, -7560) in lignes
    assert len(list(classeur["Contradictions"].iter_rows(min_row=4))) == Contradiction.objects.filter(convention=dijon).count()
