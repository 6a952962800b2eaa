"""The portfolio: figures of a tiny example worked by hand, filters, groups, late bilans, and the same as a spreadsheet."""

import csv
import io
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from itertools import product
from typing import Any

import openpyxl
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import strip_tags

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention, Partie, Politique
from financement.bilans.modeles import Bilan, LigneBilan
from financement.bilans.ouverture import create_bilan
from financement.models import NatureDepense
from financement.portefeuille import Filtres, Portefeuille, build_portefeuille, list_choix, paginate, read_filtres
from financement.portefeuille_lecture import list_suivies
from tests import factories
from tests.copies import Copie
from tests.factories import euros
from tests.paiements import make_paiement, sign

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("sans_gel"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]
FORMULE = '=HYPERLINK("https://pirate.example","Cliquez")'
TODAY = date(2020, 4, 12)  # twelve days after the bilan of 2019 was due


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("financement.vues.portefeuille.timezone.localdate", lambda: TODAY)


def add_year(convention: Convention, nature: NatureDepense, **montants: str | None) -> None:
    """A fiche with a line a year: `an2018="1000"`, None for « sur devis »."""
    fiche = factories.FicheFactory(convention=convention)
    for annee, montant in montants.items():
        valeurs: dict[str, Any] = {"montant": euros(montant)} if montant is not None else {"montant": None, "chiffrage": "sur_devis"}
        factories.LigneCoutFactory(fiche=fiche, nature=nature, annee=int(annee[2:]), **valeurs)


def do_bilan(convention: Convention, annee: int, etat: str, *montants: str | None) -> Bilan:
    """A bilan with what was done on its lines, in their order."""
    bilan = create_bilan(convention, annee)
    lignes = LigneBilan.objects.filter(fiche__bilan=bilan).order_by("pk")
    for ligne, montant in zip(lignes, montants, strict=True):
        LigneBilan.objects.filter(pk=ligne.pk).update(montant=None if montant is None else euros(montant))
    jours = {"accepte_le": date(2019, 5, 2)} if etat == "accepte" else {}
    Bilan.objects.filter(pk=bilan.pk).update(etat=etat, **jours)
    return bilan


@pytest.fixture
def ville(db: None) -> Politique:
    return Politique.objects.get(pk=_ville.put())


_ville = Copie(lambda: Politique.objects.create(cle="ville", nom="Action Cœur de Ville").pk)


@pytest.fixture
def industrie(db: None) -> Politique:
    return Politique.objects.get(pk=_industrie.put())


_industrie = Copie(lambda: Politique.objects.create(cle="industrie", nom="Territoire d’industrie").pk)


@pytest.fixture
def exemple(
    agent: Utilisateur,
    convention: Convention,
    agglo: Organisation,
    cci: Organisation,
    etudes: NatureDepense,
    ville: Politique,
    industrie: Politique,
) -> Convention:
    """Two agreements of the agglo.

    The first, signed, with the CCI, for two politiques: planned 1 000 + 200 in 2018, 2 000 in 2019, « sur devis » in 2020; done 900 in 2018
    (the other line unknown), nothing told in 2019; 400 paid in 2018. The second, a draft with a craft chamber, for one politique: planned 500 in 2019.
    """
    _exemple.put(convention, agglo, cci, etudes, ville, industrie)
    convention.refresh_from_db()
    return convention


def build_example(
    convention: Convention, agglo: Organisation, cci: Organisation, etudes: NatureDepense, ville: Politique, industrie: Politique
) -> None:
    Convention.objects.filter(pk=convention.pk).update(reference="ESSAI-1", titre="Soutien aux entreprises")
    convention.refresh_from_db()
    add_year(convention, etudes, an2018="1000", an2019="2000", an2020=None)
    add_year(convention, etudes, an2018="200")
    versement = factories.VersementFactory(convention=convention, payeur=agglo, beneficiaire=cci, montant=euros(400))
    make_paiement(versement, "paye", 400, exercice=2018)
    make_paiement(versement, "mandate", 70, exercice=2018)
    sign(convention)
    do_bilan(convention, 2018, "accepte", "900", None)
    convention.politiques.add(ville, industrie)
    autre = factories.ConventionFactory(reference="ESSAI-2", titre="Artisanat", etat="brouillon", annee_debut=2019, annee_fin=2019)
    factories.PartieFactory(convention=autre, organisation=agglo)
    factories.PartieFactory(
        convention=autre, organisation=factories.OrganisationFactory(cle="cma", nom="Chambre de métiers", sigle="CMA"), role="beneficiaire"
    )
    add_year(autre, etudes, an2019="500")
    autre.politiques.add(ville)


_exemple = Copie(build_example)


def show(user: Utilisateur, **filtres: Any) -> Portefeuille:
    return build_portefeuille(list_suivies(user, TODAY), Filtres(**filtres))


def sums(chiffres: Any) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    return chiffres.prevu.montant, chiffres.realise.montant, chiffres.paye


def text(client: Client, **criteres: Any) -> str:
    reponse = client.get(reverse("portefeuille"), criteres)
    assert reponse.status_code == 200
    return re.sub(r"\s+", " ", strip_tags(reponse.content.decode().replace("<", " <"))).replace("\xa0", " ").replace("\u202f", " ")


def test_figures_by_hand(exemple: Convention, agent: Utilisateur) -> None:
    vu = show(agent)
    assert sums(vu.total) == (3700, 900, 400)
    assert [(r.suivie.convention.reference, sums(r.chiffres)) for r in vu.rangees] == [
        ("ESSAI-2", (500, None, None)),
        ("ESSAI-1", (3200, 900, 400)),
    ]
    assert vu.total.taux == Decimal("24.3")  # 900 / 3 700
    assert vu.total.retards == 1


def test_figures_of_one_year(exemple: Convention, agent: Utilisateur) -> None:
    par_an = {annee: sums(show(agent, annee=annee).total) for annee in (2018, 2019, 2020)}
    assert par_an == {2018: (1200, 900, 400), 2019: (2500, None, 0), 2020: (None, None, 0)}
    assert show(agent, annee=2018).total.taux == 75


def test_what_figures_leave_out_is_said(exemple: Convention, agent: Utilisateur) -> None:
    assert show(agent).total.reserves == "prévu : sur devis ; réalisé : dépenses à saisir"
    assert show(agent, annee=2020).total.prevu.mention == "sur devis"
    assert show(agent, annee=2019).total.reserves == ""


def test_unknown_is_not_zero(exemple: Convention, agent: Utilisateur) -> None:
    """Nothing paid of a plan is zero; without any plan it is unknown; nothing done is zero once a bilan says so."""
    brouillon = next(r for r in show(agent, annee=2019).rangees if r.suivie.convention.reference == "ESSAI-2")
    assert sums(brouillon.chiffres) == (500, None, None)
    assert brouillon.chiffres.taux is None
    do_bilan(exemple, 2019, "soumis", "0")
    assert sums(show(agent, annee=2019).total) == (2500, 0, 0)
    assert show(agent, annee=2019).total.taux == 0


def test_the_page_writes_unknown_and_zero(exemple: Convention, client_agent: Client) -> None:
    ecrit = text(client_agent, annee=2019)
    assert "2 000 – inconnu – inconnu 0" in ecrit  # the signed one
    assert "500 – inconnu – inconnu – inconnu" in ecrit  # the draft


def test_states_of_bilans(exemple: Convention, agent: Utilisateur) -> None:
    signee = next(r for r in show(agent).rangees if r.suivie.convention == exemple)
    assert [f"{b.annee} {b.mots}" for b in signee.bilans] == [
        "2018 accepté",
        "2019 en retard de 12\xa0jours",
        "2020 attendu le 31/03/2021",
    ]
    do_bilan(exemple, 2019, "brouillon", "10")
    signee = next(r for r in show(agent).rangees if r.suivie.convention == exemple)
    assert signee.bilans[1].mots == "en rédaction, en retard de 12\xa0jours"
    Bilan.objects.filter(annee=2019).update(etat="observations")
    signee = next(r for r in show(agent).rangees if r.suivie.convention == exemple)
    assert (signee.bilans[1].mots, signee.chiffres.retards) == ("observations à traiter", 0)


def test_no_bilan_is_expected_of_a_draft_nor_late_once_it_is_over(exemple: Convention, agent: Utilisateur) -> None:
    assert next(r for r in show(agent).rangees if r.suivie.convention != exemple).bilans == []
    Convention.objects.filter(pk=exemple.pk).update(etat="soldee")
    soldee = next(r for r in show(agent).rangees if r.suivie.convention == exemple)
    assert [b.mots for b in soldee.bilans] == ["accepté", "sans bilan", "sans bilan"]
    assert soldee.chiffres.retards == 0


def test_an_avenant_changes_the_plan_not_the_rows(exemple: Convention, agent: Utilisateur, etudes: NatureDepense) -> None:
    """Its amounts speak once it is signed; it has no row of its own; bilans and payments stay the agreement's."""
    avenant = factories.ConventionFactory(
        reference="ESSAI-1-AV1", annee_debut=2018, annee_fin=2021, avenant_de=exemple, numero_avenant=1, etat="en_negociation"
    )
    for partie in exemple.parties.all():
        factories.PartieFactory(convention=avenant, organisation=partie.organisation)
    add_year(avenant, etudes, an2018="1100", an2021="50")
    assert sums(show(agent).total) == (3700, 900, 400)
    Convention.objects.filter(pk=avenant.pk).update(etat="notifiee")
    vu = show(agent)
    assert vu.nb == 2
    signee = next(r for r in vu.rangees if r.suivie.convention == exemple)
    assert (sums(signee.chiffres), signee.suivie.periode) == ((1150, 900, 400), "2018 – 2021")


@pytest.mark.parametrize(
    ("filtres", "references"),
    [
        ({}, ["ESSAI-2", "ESSAI-1"]),
        ({"annee": 2018}, ["ESSAI-1"]),
        ({"annee": 2019}, ["ESSAI-2", "ESSAI-1"]),
        ({"organisation": "cma"}, ["ESSAI-2"]),
        ({"politique": "industrie"}, ["ESSAI-1"]),
        ({"politique": "ville"}, ["ESSAI-2", "ESSAI-1"]),
        ({"etat": "signees"}, ["ESSAI-1"]),
        ({"etat": "en_cours"}, ["ESSAI-2"]),
        ({"etat": "closes"}, []),
        ({"etat": "signees", "organisation": "cma"}, []),
    ],
)
def test_filters(exemple: Convention, agent: Utilisateur, filtres: dict[str, Any], references: list[str]) -> None:
    assert [r.suivie.convention.reference for r in show(agent, **filtres).rangees] == references


def test_what_is_not_offered_filters_nothing(exemple: Convention, agent: Utilisateur) -> None:
    choix = list_choix(list_suivies(agent, TODAY))
    assert choix.annees == [2020, 2019, 2018]
    assert list(choix.organisations.values()) == ["CCI d’essai", "Chambre de métiers"]  # not one's own
    demande = {"annee": "²", "organisation": agent.organisation.cle, "politique": "\x00", "etat": "bizarre", "par": "x"}
    assert read_filtres(demande, choix) == Filtres()


def test_the_page_keeps_filters_in_its_address(exemple: Convention, client_agent: Client) -> None:
    contenu = client_agent.get(reverse("portefeuille"), {"annee": "2018", "par": "politique"}).content.decode()
    assert "1 convention sur 2, année 2018" in contenu
    assert f'href="{reverse("portefeuille")}?par=politique">Tout afficher' in contenu
    assert 'href="/portefeuille/?annee=2018&amp;par=partenaire"' in contenu
    assert 'href="/portefeuille.xlsx?annee=2018&amp;par=politique"' in contenu
    assert '<input type="hidden" name="par" value="politique">' in contenu
    assert '<option value="2018" selected>' in contenu
    assert 'aria-current="true">Par politique' in contenu


def test_groups_by_politique_do_not_add_up_and_say_so(exemple: Convention, agent: Utilisateur, client_agent: Client) -> None:
    vu = show(agent, par="politique")
    assert [(g.titre, sums(g.chiffres)) for g in vu.groupes] == [
        ("Action Cœur de Ville", (3700, 900, 400)),
        ("Territoire d’industrie", (3200, 900, 400)),
    ]
    assert sums(vu.total) == (3700, 900, 400)
    ecrit = text(client_agent, par="politique")
    assert "Une convention peut servir plusieurs politiques : les sous-totaux ne s’additionnent pas." in ecrit
    assert "Total des 2 conventions, chacune comptée une fois" in ecrit
    assert "ne s’additionnent pas" not in text(client_agent, par="politique", politique="industrie")


def test_groups_by_year_add_up(exemple: Convention, agent: Utilisateur, client_agent: Client) -> None:
    vu = show(agent, par="annee")
    assert [(g.titre, len(g.rangees), sums(g.chiffres)) for g in vu.groupes] == [
        ("2020", 1, (None, None, 0)),
        ("2019", 2, (2500, None, 0)),
        ("2018", 1, (1200, 900, 400)),
    ]
    assert not vu.is_repetee
    assert [len(r.bilans) for r in vu.groupes[2].rangees] == [1]
    assert [g.titre for g in show(agent, par="annee", annee=2018).groupes] == ["2018"]
    assert "Total 2018" in text(client_agent, par="annee")


def test_groups_by_partner(exemple: Convention, agent: Utilisateur) -> None:
    assert [g.titre for g in show(agent, par="partenaire").groupes] == ["CCI d’essai", "Chambre de métiers"]
    factories.PartieFactory(convention=exemple, organisation=Organisation.objects.get(cle="cma"))
    vu = show(agent, par="partenaire")
    assert vu.is_repetee
    assert [len(g.rangees) for g in vu.groupes] == [1, 2]
    assert [g.titre for g in show(agent, par="partenaire", organisation="cma").groupes] == ["Chambre de métiers"]


def test_what_belongs_to_no_group_comes_last(exemple: Convention, agent: Utilisateur) -> None:
    seule = factories.ConventionFactory(annee_debut=None, annee_fin=None)
    factories.PartieFactory(convention=seule, organisation=agent.organisation)
    derniers = {par: show(agent, par=par).groupes[-1] for par in ("partenaire", "annee", "politique")}
    assert {par: g.titre for par, g in derniers.items()} == {
        "partenaire": "Sans partenaire",
        "annee": "Sans année",
        "politique": "Sans politique",
    }
    assert all(sums(g.chiffres) == (None, None, None) for g in derniers.values())


def test_other_organisations_are_absent(exemple: Convention, agent: Utilisateur, client_agent: Client, etudes: NatureDepense) -> None:
    ailleurs = factories.ConventionFactory(reference="AILLEURS", titre="Convention d’une autre")
    factories.PartieFactory(convention=ailleurs)
    add_year(ailleurs, etudes, an2018="77777")
    assert "AILLEURS" not in text(client_agent)
    for forme in ("xlsx", "csv"):
        assert b"AILLEURS" not in client_agent.get(reverse("portefeuille_tableur", args=[forme])).content
    assert sums(show(agent).total) == (3700, 900, 400)
    exploitant = factories.UtilisateurFactory(is_superuser=True, organisation=None)
    assert show(exploitant).nb == 3


def test_empty_states(client_agent: Client, agent: Utilisateur) -> None:
    ecrit = text(client_agent)
    assert "Une convention entre dans le portefeuille dès que votre organisation en est partie." in ecrit
    assert "Filtrer" not in ecrit
    factories.PartieFactory(organisation=agent.organisation)
    assert "Aucune convention ne répond à ces filtres." in text(client_agent, etat="closes")
    assert "0 convention sur 1" in text(client_agent, etat="closes")


def test_an_empty_portfolio_downloads(client_agent: Client) -> None:
    for forme in ("xlsx", "csv"):
        for par in ("", "annee"):
            assert client_agent.get(reverse("portefeuille_tableur", args=[forme]), {"par": par}).status_code == 200


def test_doors(client: Client, client_agent: Client) -> None:
    adresses = [reverse("portefeuille"), reverse("portefeuille_tableur", args=["xlsx"])]
    for adresse in adresses:
        assert client.get(adresse).status_code == 302
        assert client.get(adresse).headers["Location"].startswith(reverse("account_login"))
        assert client_agent.post(adresse).status_code == 405
    assert client_agent.get(reverse("portefeuille_tableur", args=["pdf"])).status_code == 404


def test_pages_of_a_hundred_rows(exemple: Convention, agent: Utilisateur) -> None:
    vu = show(agent, par="annee")  # 2020: 1 row, 2019: 2 rows, 2018: 1 row
    page, morceaux = paginate(vu, "1", 2)
    assert page.paginator.num_pages == 2
    assert [(m.groupe.titre, len(m.rangees), m.suite, m.fin) for m in morceaux] == [("2020", 1, False, True), ("2019", 1, False, False)]
    _, morceaux = paginate(vu, "2", 2)
    assert [(m.groupe.titre, len(m.rangees), m.suite, m.fin) for m in morceaux] == [("2019", 1, True, True), ("2018", 1, False, True)]


def test_the_fifty_first_has_its_page(client_agent: Client, agent: Utilisateur) -> None:
    conventions = Convention.objects.bulk_create(factories.ConventionFactory.build_batch(51))
    Partie.objects.bulk_create(factories.PartieFactory.build(convention=c, organisation=agent.organisation) for c in conventions)
    assert "Page 1 sur 2 Page suivante" in text(client_agent)
    seconde = text(client_agent, page=2, par="politique")
    assert "Sans politique, suite" in seconde
    assert "Total des 51 conventions" in seconde


@pytest.fixture
def grandir(agent: Utilisateur, agglo: Organisation, cci: Organisation, etudes: NatureDepense) -> Callable[[], None]:
    """Each call adds an agreement of two fiches with all that the page reads, its avenant included, and a fiche to those there are."""

    def add() -> None:
        rang = Convention.objects.count()
        for convention in Convention.objects.visible_to(agent).without_avenants():
            add_year(convention, etudes, an2018="10", an2019="20")
        convention = factories.ConventionFactory(reference=f"GRANDE-{rang}")
        for organisation, role in ((agglo, "financeur"), (cci, "beneficiaire"), (factories.OrganisationFactory(), "partenaire")):
            factories.PartieFactory(convention=convention, organisation=organisation, role=role)
        convention.politiques.add(Politique.objects.create(cle=f"p-{rang}", nom=f"Politique {rang}"))
        for _ in range(2):
            add_year(convention, etudes, an2018="100", an2019="200")
        make_paiement(factories.VersementFactory(convention=convention, payeur=agglo, beneficiaire=cci), "paye", 5)
        sign(convention)
        do_bilan(convention, 2018, "accepte", "90", None)
        do_bilan(convention, 2019, "brouillon", "90", "10")
        avenant = factories.ConventionFactory(reference=f"GRANDE-{rang}-AV1", avenant_de=convention, numero_avenant=1, etat="notifiee")
        add_year(avenant, etudes, an2018="110", an2019="210")

    return add


def test_queries_do_not_grow(grandir: Callable[[], None], client_agent: Client) -> None:
    adresses = [reverse("portefeuille"), *(reverse("portefeuille_tableur", args=[f]) for f in ("xlsx", "csv"))]

    def count() -> dict[tuple[str, str], int]:
        nombres = {}
        for par, adresse in product(("", "partenaire", "annee", "politique"), adresses):
            with CaptureQueriesContext(connection) as requetes:
                assert client_agent.get(adresse, {"par": par}).status_code == 200
            nombres[par, adresse] = len(requetes)
        return nombres

    grandir()
    count()  # what Django keeps in memory
    premier = count()
    for _ in range(2):
        grandir()
    assert count() == premier
    assert max(premier.values()) < 35


def open_xlsx(client: Client, **criteres: Any) -> Any:
    reponse = client.get(reverse("portefeuille_tableur", args=["xlsx"]), criteres)
    assert reponse.headers["Content-Disposition"] == 'attachment; filename="portefeuille.xlsx"'
    return openpyxl.load_workbook(io.BytesIO(reponse.content))


def rows(feuille: Any) -> list[list[Any]]:
    return [[c.value for c in rang] for rang in feuille.iter_rows()]


def test_xlsx(exemple: Convention, client_agent: Client) -> None:
    classeur = open_xlsx(client_agent)
    assert classeur.sheetnames == ["Conventions"]
    lues = rows(classeur["Conventions"])
    assert lues[1][0] == "Toutes les conventions – montants en euros, vide : inconnu"
    assert lues[2][7:13] == ["Prévu", "Réalisé", "Taux", "Payé", "Bilans", "Bilans en retard"]
    assert lues[3][:8] == ["Artisanat", "ESSAI-2", "Brouillon", "Chambre de métiers", "Action Cœur de Ville", "2019", None, 500]
    assert lues[3][8:11] == [None, None, None]
    assert lues[4][7:11] == [3200, 900, Decimal("0.281").__float__(), 400]
    assert lues[4][11] == "2018 accepté, 2019 en retard de 12\xa0jours, 2020 attendu le 31/03/2021"
    assert lues[4][13] == "prévu : sur devis ; réalisé : dépenses à saisir"
    assert lues[5][0] == "Total"
    assert [lues[5][i] for i in (7, 8, 10, 12)] == ["=SUM(H4:H5)", "=SUM(I4:I5)", "=SUM(K4:K5)", "=SUM(M4:M5)"]


def test_xlsx_sums_hold_their_results(exemple: Convention, client_agent: Client) -> None:
    contenu = client_agent.get(reverse("portefeuille_tableur", args=["xlsx"]), {"par": "annee"}).content
    feuilles = openpyxl.load_workbook(io.BytesIO(contenu), data_only=True)
    assert [feuilles["Conventions"].cell(6, c).value for c in (8, 9, 11, 13)] == [3700, 900, 400, 1]
    lues = rows(feuilles["Par année"])
    assert [(ligne[0], ligne[8], ligne[9]) for ligne in lues if str(ligne[0]).startswith("Total")] == [
        ("Total 2020", None, None),
        ("Total 2019", 2500, None),
        ("Total 2018", 1200, 900),
        ("Total", 3700, 900),
    ]
    formules = rows(open_xlsx(client_agent, par="annee")["Par année"])
    assert formules[-1][8] == "=SUM(I4:I4,I6:I7,I9:I9)"


def test_xlsx_by_politique_has_no_false_total(exemple: Convention, client_agent: Client) -> None:
    lues = rows(open_xlsx(client_agent, par="politique")["Par politique"])
    assert lues[2][0] == "Une convention peut y figurer plusieurs fois : les sous-totaux ne s’additionnent pas."
    assert [ligne[0] for ligne in lues if str(ligne[0]).startswith("Total")] == [
        "Total Action Cœur de Ville",
        "Total Territoire d’industrie",
    ]


def test_csv(exemple: Convention, client_agent: Client) -> None:
    contenu = client_agent.get(reverse("portefeuille_tableur", args=["csv"])).content
    assert contenu.startswith(b"\xef\xbb\xbf")
    lues = list(csv.DictReader(io.StringIO(contenu.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert [(li["Référence"], li["Prévu"], li["Réalisé"], li["Payé"]) for li in lues] == [
        ("ESSAI-2", "500,00", "", ""),
        ("ESSAI-1", "3200,00", "900,00", "400,00"),
    ]
    groupes = client_agent.get(reverse("portefeuille_tableur", args=["csv"]), {"par": "annee", "annee": "2018"}).content.decode("utf-8-sig")
    [seule] = csv.DictReader(io.StringIO(groupes, newline=""), delimiter=";")
    assert (seule["Groupe"], seule["Année"], seule["Prévu"], seule["Bilans"]) == ("2018", "2018", "1200,00", "2018 accepté")


def test_exports_follow_the_filters(exemple: Convention, client_agent: Client) -> None:
    feuille = open_xlsx(client_agent, organisation="cma", annee=2019)["Conventions"]
    assert [ligne[1] for ligne in rows(feuille)[3:]] == ["ESSAI-2", None]
    assert feuille["A2"].value == "Année 2019 – Chambre de métiers – montants en euros, vide : inconnu"


def test_nothing_is_read_as_a_formula(exemple: Convention, client_agent: Client) -> None:
    Convention.objects.filter(pk=exemple.pk).update(titre=FORMULE)
    Politique.objects.filter(cle="ville").update(nom="=1+1")
    feuille = open_xlsx(client_agent, par="politique")["Par politique"]
    cases = [c for rang in feuille.iter_rows() for c in rang if c.value in (FORMULE, "=1+1")]
    assert cases
    assert {c.data_type for c in cases} == {"s"}
    contenu = client_agent.get(reverse("portefeuille_tableur", args=["csv"]), {"par": "politique"}).content.decode("utf-8-sig")
    assert all(not case.startswith("=") for ligne in csv.reader(io.StringIO(contenu, newline=""), delimiter=";") for case in ligne)
