"""Pages of the bilans as people use them: both organisations, without JavaScript, with refusals, conflicts and empty places."""

from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from lxml import html

from comptes.models import Organisation, Utilisateur
from conventions.gel import lift
from conventions.models import Convention
from documents.bilans.passages import pass_bilan
from financement.models import (
    Bilan,
    FicheBilan,
    ImportBudget,
    LigneBilan,
    LigneCout,
    MesureBilan,
    Observation,
    PartBilan,
    PieceBilan,
    Realisation,
)
from tests import factories
from tests.bilans import do, get_line, nature, open_year, pass_to, plan_fiche, reread, tell
from tests.copies import Copie
from tests.ecritures import spell
from tests.factories import euros
from tests.paiements import sign
from tests.pieces import draw, make_zip

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]
PDF = b"%PDF-1.7\n% une facture\n"
QUESTION = "D’où vient ce montant ?"


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.localdate", lambda *args: date(2019, 2, 1))


@pytest.fixture
def bilan(convention: Convention, agglo: Organisation, cci: Organisation) -> Bilan:
    """The bilan of 2018 as it opens: 1 000 € of studies for ten firms, 500 € of events at 50 € a day."""
    cle = _ouvert.put(convention, agglo, cci)
    convention.refresh_from_db()
    return Bilan.objects.select_related("convention").get(pk=cle)


def build_bilan(convention: Convention, agglo: Organisation, cci: Organisation) -> int:
    plan_fiche(convention, "A1", {("Études", 2018): 1000, ("Études", 2019): 800}, {agglo: 60, cci: 40}, {2018: 10}, ordre=1)
    fiche = plan_fiche(convention, "A2", None, {agglo: 100}, ordre=2)
    factories.LigneCoutFactory(fiche=fiche, nature=nature("Animation"), jours=10, tarif_journalier=euros(50), montant=euros(500))
    sign(convention)
    return open_year(convention).pk


_ouvert = Copie(build_bilan)


def connect(personne: Utilisateur) -> Client:
    client = Client()
    client.force_login(personne)
    return client


@pytest.fixture
def redacteur(partenaire: Utilisateur) -> Client:
    """Signed in as an agent of who reports, the CCI."""
    return connect(partenaire)


@pytest.fixture
def relecteur(agent: Utilisateur) -> Client:
    """Signed in as an agent of who pays, the agglo."""
    return connect(agent)


def address(bilan: Bilan, nom: str = "bilan", *autres: Any) -> str:
    annee = () if nom.startswith(("carnet", "bilans", "bilan_pluriannuel")) else (bilan.annee,)
    return reverse(nom, args=[bilan.convention.reference, *annee, *autres])


def parse(reponse: Any) -> html.HtmlElement:
    return html.fromstring(reponse.content.decode())


def words(reponse: Any, selecteur: str = "//main") -> str:
    """What is read there, with plain spaces."""
    arbre = parse(reponse)
    for bloc in arbre.iter("td", "th", "tr", "li", "p", "h1", "h2", "h3", "dt", "dd", "summary", "button", "option", "span"):
        bloc.tail = f" {bloc.tail or ''}"
    return " ".join(" ".join(spell(e.text_content()) for e in arbre.xpath(selecteur)).split())


def see(client: Client, lieu: str, statut: int = 200) -> str:
    reponse = client.get(lieu)
    assert reponse.status_code == statut
    return words(reponse)


def told(reponse: Any) -> list[str]:
    """The sentences that refuse something, or that say what was done."""
    return [spell(" ".join(p.text_content().split())) for p in parse(reponse).xpath("//*[@role='alert' or contains(@class, 'message')]/p")]


def kept(reponse: Any, formulaire: str) -> dict[str, str]:
    """What the form that was refused shows again, by the names of its fields; it stands open."""
    (form,) = parse(reponse).xpath(f"//form[.//*[@id='erreurs-{formulaire}']]")
    assert not form.xpath("ancestor::details[not(@open)]")
    return {nom: valeur for nom, valeur in form.form_values() if nom not in {"csrfmiddlewaretoken", "fiche", "retour", "parent"}}


def fill(client: Client, lieu: str, **changements: str) -> HttpResponse:
    """Send the page as a browser without JavaScript does: every field it shows, then `changements` (« __ » stands for a dot)."""
    envoi = read_fields(client.get(lieu)) | {nom.replace("__", "."): valeur for nom, valeur in changements.items()}
    return client.post(lieu, envoi)


def read_fields(reponse: Any) -> dict[str, str]:
    champs = {}
    for element in parse(reponse).xpath("//*[@form='formulaire'][@name]"):
        if element.tag == "select":
            champs[element.get("name")] = "".join(element.xpath("./option[@selected]/@value"))
        elif element.tag != "button":
            champs[element.get("name")] = (element.text or "").removeprefix("\n") if element.tag == "textarea" else element.get("value", "")
    return champs


def name_fields(bilan: Bilan) -> dict[str, str]:
    """Fields of the first action, by short names."""
    fiche = FicheBilan.objects.get(bilan=bilan, code="A1")
    mesure = MesureBilan.objects.get(fiche=fiche)
    part = PartBilan.objects.filter(fiche=fiche).first()
    assert part is not None
    return {
        "montant": f"montant.{get_line(bilan, 'A1', 'Études').pk}",
        "jours": f"jours.{get_line(bilan, 'A2', 'Animation').pk}",
        "etat": f"etat.{fiche.pk}",
        "fait": f"fait.{fiche.pk}",
        "atteint": f"atteint.{mesure.pk}",
        "explication": f"explication.{mesure.pk}",
        "part": f"part.{part.pk}",
        "recit": f"recit.{bilan.pk}",
    }


def page_of(bilan: Bilan, code: str = "A1") -> str:
    return address(bilan, "bilan_fiche", FicheBilan.objects.get(bilan=bilan, code=code).pk)


def complete(bilan: Bilan) -> Bilan:
    """Everything that is needed to send it."""
    do(bilan, "A1", "Études", 900)
    do(bilan, "A2", "Animation", jours=8)
    for code in ("A1", "A2"):
        tell(bilan, code, "realisee", 12 if code == "A1" else None)
    FicheBilan.objects.update(fait="Deux ateliers.")
    Bilan.objects.filter(pk=bilan.pk).update(recit="Une bonne année.")
    return reread(bilan)


# --- Each page, for both organisations ---------------------------------------------------------------

ECRANS = ["bilans", "bilan_pluriannuel", "bilan", "bilan_grille", "bilan_fiche", "carnet", "bilan_importer"]


@pytest.mark.parametrize("etat", ["brouillon", "soumis", "observations", "corrige", "accepte"])
@pytest.mark.parametrize("ecran", ECRANS)
def test_page_is_read_by_both_organisations(ecran: str, etat: str, bilan: Bilan, redacteur: Client, relecteur: Client) -> None:
    bilan = pass_to(complete(bilan), etat)
    lieu = page_of(bilan) if ecran == "bilan_fiche" else address(bilan, ecran)
    ecrit = etat in {"brouillon", "observations"}
    fermees = {"bilan_grille": (200, 302), "bilan_importer": (200, 403)}
    ouvert, ferme = fermees.get(ecran, (200, 200))
    assert [redacteur.get(lieu).status_code, relecteur.get(lieu).status_code] == [ouvert if ecrit else ferme, ferme]


def test_list_of_years_offers_what_may_be_done(bilan: Bilan, redacteur: Client, relecteur: Client) -> None:
    page = see(redacteur, address(bilan, "bilans"))
    assert "Commencer le bilan 2019" in page
    assert "2020 n’a pas commencé : son bilan s’ouvrira cette année-là." in page
    page = see(relecteur, address(bilan, "bilans"))
    assert "Commencer" not in page
    assert "Vous pouvez le lire et y laisser des observations." in page


def test_year_is_opened_from_the_list(bilan: Bilan, redacteur: Client) -> None:
    reponse = redacteur.post(reverse("bilan_ouvrir", args=[bilan.convention.reference, 2019]), follow=True)
    assert reponse.redirect_chain == [(reverse("bilan_grille", args=[bilan.convention.reference, 2019]), 302)]
    assert "Bilan 2019 ouvert avec le plan de l’année." in reponse.content.decode()
    assert LigneBilan.objects.get(fiche__bilan__annee=2019).prevu == euros(800)


@pytest.mark.parametrize("qui", ["redacteur", "relecteur"])
def test_year_already_open_is_said_to_be(qui: str, bilan: Bilan, redacteur: Client, relecteur: Client) -> None:
    client = redacteur if qui == "redacteur" else relecteur
    reponse = client.post(address(bilan, "bilan_ouvrir"), follow=True)
    assert "Le bilan 2018 est déjà ouvert." in reponse.content.decode()
    assert "ouvert avec le plan" not in reponse.content.decode()


def test_year_that_cannot_open_says_why(bilan: Bilan, redacteur: Client) -> None:
    reponse = redacteur.post(reverse("bilan_ouvrir", args=[bilan.convention.reference, 2020]), follow=True)
    assert "2020 n’a pas commencé" in reponse.content.decode()
    assert Bilan.objects.count() == 1


def test_bilan_shows_its_figures(bilan: Bilan, relecteur: Client) -> None:
    complete(bilan)
    page = see(relecteur, address(bilan))
    for mots in ("Réalisé 1 300 €", "Prévu 1 500 €", "2 fiches, 2 actives en 2018", "Une bonne année.", "Entreprises accompagnées"):
        assert mots in page
    assert "86,67 %" in page


def test_avenant_leads_to_the_bilans_of_its_agreement(bilan: Bilan, redacteur: Client) -> None:
    avenant = factories.ConventionFactory(reference="AV-1", avenant_de=bilan.convention, numero_avenant=1)
    for partie in bilan.convention.parties.all():
        factories.PartieFactory(convention=avenant, organisation=partie.organisation, role=partie.role)
    assert "Bilan annuel 2018" in redacteur.get(reverse("bilan", args=["AV-1", 2018])).content.decode()
    assert "Carnet 2019" in see(redacteur, reverse("carnet", args=["AV-1"]))


# --- Empty places ------------------------------------------------------------------------------------


@pytest.fixture
def vide(convention: Convention) -> Bilan:
    """A year opened on an agreement without fiche."""
    sign(convention)
    return open_year(convention)


@pytest.mark.parametrize(
    ("ecran", "mots"),
    [
        ("bilan", "Aucune fiche dans ce bilan."),
        ("bilan", "Le récit de l’année n’est pas encore écrit."),
        ("bilan", "Aucune observation."),
        ("bilan_pluriannuel", "Aucune fiche."),
        ("carnet", "créez d’abord les fiches action."),
        ("bilan_grille", "Le récit de l’année"),
    ],
)
def test_empty_place_says_so(ecran: str, mots: str, vide: Bilan, redacteur: Client) -> None:
    assert mots in see(redacteur, address(vide, ecran))


def test_action_with_nothing_says_so(bilan: Bilan, redacteur: Client) -> None:
    fiche = factories.FicheBilanFactory(bilan=bilan, fiche__convention=bilan.convention)
    page = see(redacteur, address(bilan, "bilan_fiche", fiche.pk))
    for mots in ("Rien n’est chiffré au plan de 2018.", "Aucun financeur n’est prévu.", "Aucune pièce.", "Rien n’y est noté"):
        assert mots in page


def test_agreement_without_years_has_no_bilan(convention: Convention, redacteur: Client) -> None:
    Convention.objects.update(annee_debut=None, annee_fin=None)
    assert "Aucune année" in see(redacteur, reverse("bilans", args=[convention.reference]))
    assert see(redacteur, reverse("carnet", args=[convention.reference]))


def test_no_agreement_gives_an_empty_portfolio() -> None:
    client = connect(factories.UtilisateurFactory())
    assert "Une convention entre dans le portefeuille" in see(client, reverse("portefeuille"))


# --- Without JavaScript ------------------------------------------------------------------------------


def test_grid_sent_as_a_plain_form_writes_what_changed(bilan: Bilan, redacteur: Client) -> None:
    champs, lieu = name_fields(bilan), address(bilan, "bilan_grille")
    ecrits = {champs["montant"]: "1 234,5", champs["jours"]: "7,5", champs["etat"]: "partielle", champs["recit"]: "Une bonne année."}
    reponse = redacteur.post(lieu, read_fields(redacteur.get(lieu)) | ecrits, follow=True)
    assert reponse.redirect_chain == [(lieu, 302)]
    assert "Tout est enregistré." in reponse.content.decode()
    assert (get_line(bilan, "A1", "Études").montant, get_line(bilan, "A2", "Animation").jours) == (euros("1234.50"), 7.5)
    assert (FicheBilan.objects.get(code="A1").etat, reread(bilan).recit) == ("partielle", "Une bonne année.")
    assert read_fields(reponse)[champs["montant"]] == "1\u202f234,50"


def test_grid_sent_as_it_is_writes_nothing(bilan: Bilan, redacteur: Client) -> None:
    complete(bilan)
    avant = [m.history.count() for m in (Bilan, FicheBilan, LigneBilan, PartBilan, MesureBilan)]
    reponse = redacteur.post(address(bilan, "bilan_grille"), read_fields(redacteur.get(address(bilan, "bilan_grille"))), follow=True)
    assert "Rien n’avait changé." in reponse.content.decode()
    assert [m.history.count() for m in (Bilan, FicheBilan, LigneBilan, PartBilan, MesureBilan)] == avant


def test_page_of_an_action_writes_all_that_it_shows(bilan: Bilan, redacteur: Client) -> None:
    champs, lieu = name_fields(bilan), page_of(bilan)
    ecrits = {
        champs["montant"]: "900",
        champs["part"]: "500",
        champs["atteint"]: "8",
        champs["explication"]: "Deux faillites.",
        champs["fait"]: "**Deux** ateliers.\n\n- un\n- deux",
        champs["etat"]: "realisee",
    }
    assert redacteur.post(lieu, read_fields(redacteur.get(lieu)) | ecrits).status_code == 302
    fiche = FicheBilan.objects.get(bilan=bilan, code="A1")
    mesure = fiche.mesures.get()
    assert (fiche.etat, fiche.fait) == ("realisee", "**Deux** ateliers.\n\n- un\n- deux")
    assert (mesure.valeur, mesure.explication, fiche.parts.first().montant) == (8, "Deux faillites.", euros(500))
    assert fiche.history.latest().history_user.organisation.sigle == "CCI"


def test_refused_figures_stay_as_typed_and_the_rest_is_written(bilan: Bilan, redacteur: Client) -> None:
    champs, lieu = name_fields(bilan), address(bilan, "bilan_grille")
    ecrits = {champs["montant"]: "1.234", champs["jours"]: "-3", champs["etat"]: "realisee"}
    reponse = redacteur.post(lieu, read_fields(redacteur.get(lieu)) | ecrits)
    assert reponse.status_code == 422
    assert "2 champs n’ont pas été enregistrés. Le reste l’est." in " ".join(told(reponse))
    assert {c: read_fields(reponse)[c] for c in (champs["montant"], champs["jours"])} == {champs["montant"]: "1.234", champs["jours"]: "-3"}
    assert "« 1.234 » se lit de deux façons" in words(reponse)
    assert "Écrivez un nombre positif" in words(reponse)
    assert (get_line(bilan, "A1", "Études").montant, FicheBilan.objects.get(code="A1").etat) == (None, "realisee")


def test_refused_figure_is_reported_on_the_page_of_an_action(bilan: Bilan, redacteur: Client) -> None:
    champs, lieu = name_fields(bilan), page_of(bilan)
    reponse = redacteur.post(lieu, read_fields(redacteur.get(lieu)) | {champs["atteint"]: "beaucoup"})
    assert (reponse.status_code, read_fields(reponse)[champs["atteint"]]) == (422, "beaucoup")
    (case,) = parse(reponse).xpath(f"//input[@name='{champs['atteint']}']")
    assert case.get("aria-invalid") == "true"
    assert words(reponse, f"//*[@id='{case.get('aria-describedby')}']")


# --- Two people --------------------------------------------------------------------------------------


@pytest.fixture
def conflit(bilan: Bilan, redacteur: Client, cci: Organisation) -> tuple[HttpResponse, dict[str, str]]:
    """A page sent with an amount and a text that a colleague wrote meanwhile, otherwise."""
    collegue = connect(factories.UtilisateurFactory(organisation=cci, prenom="Inès", nom="Valloire"))
    champs, lieu = name_fields(bilan), page_of(bilan)
    ouverte = read_fields(redacteur.get(lieu))
    siens = {champs["montant"]: "700", champs["fait"]: "Trois ateliers.", champs["explication"]: "Une faillite."}
    assert collegue.post(lieu, ouverte | siens).status_code == 302
    miens = {champs["montant"]: "800", champs["fait"]: "Deux ateliers.", champs["atteint"]: "8"}
    return redacteur.post(lieu, ouverte | miens), champs


def test_conflict_shows_both_versions_and_writes_the_rest(conflit: tuple[HttpResponse, dict[str, str]], bilan: Bilan) -> None:
    reponse, champs = conflit
    assert reponse.status_code == 422
    page = words(reponse)
    for mots in ("Inès Valloire a modifié ce champ", "Trois ateliers.", "Garder la mienne", "Prendre la sienne"):
        assert mots in page
    affiches = read_fields(reponse)
    assert (affiches[champs["montant"]], affiches["avant|" + champs["montant"]]) == ("800", "700")
    mesure = MesureBilan.objects.get(fiche__code="A1")
    assert (get_line(bilan, "A1", "Études").montant, mesure.valeur, mesure.explication) == (euros(700), 8, "Une faillite.")


def test_conflict_is_settled_by_keeping_ones_own(conflit: tuple[HttpResponse, dict[str, str]], bilan: Bilan, redacteur: Client) -> None:
    reponse, _ = conflit
    assert redacteur.post(page_of(bilan), read_fields(reponse)).status_code == 302
    assert get_line(bilan, "A1", "Études").montant == euros(800)
    assert FicheBilan.objects.get(code="A1").fait == "Deux ateliers."


def test_conflict_is_settled_by_taking_the_others(conflit: tuple[HttpResponse, dict[str, str]], bilan: Bilan, redacteur: Client) -> None:
    reponse, champs = conflit
    assert redacteur.post(page_of(bilan), read_fields(reponse) | {"prendre": champs["montant"]}).status_code == 302
    assert get_line(bilan, "A1", "Études").montant == euros(700)
    assert FicheBilan.objects.get(code="A1").fait == "Deux ateliers."


def test_script_is_told_what_the_other_wrote(bilan: Bilan, redacteur: Client, cci: Organisation) -> None:
    champ, lieu = name_fields(bilan)["montant"], address(bilan, "bilan_enregistrer")
    collegue = connect(factories.UtilisateurFactory(organisation=cci, prenom="Inès", nom="Valloire"))

    def send(client: Client, apres: str, version: str) -> Any:
        objet = {"modifications": [{"champ": champ, "avant": "", "apres": apres}], "version": version}
        return client.post(lieu, objet, content_type="application/json").json()

    version = reread(bilan).modifie_le.isoformat()
    recue = send(collegue, "700", version)
    assert ("contenu" in recue, recue["resultats"][0]["statut"]) == (False, "enregistre")
    assert recue["places"]["total:euros"] != "–"
    en_retard = send(redacteur, "800", version)
    assert en_retard["resultats"][0]["statut"] == "conflit"
    assert "Inès Valloire a modifié ce champ" in en_retard["resultats"][0]["retour"]
    assert en_retard["contenu"][champ] == "700"


def test_bilan_sent_meanwhile_is_not_written(bilan: Bilan, redacteur: Client) -> None:
    lieu, champ = address(bilan, "bilan_grille"), name_fields(bilan)["montant"]
    ouverte = read_fields(redacteur.get(lieu))
    pass_to(bilan, "soumis")
    reponse = redacteur.post(lieu, ouverte | {champ: "900"})
    assert (reponse.status_code, get_line(bilan, "A1", "Études").montant) == (403, None)
    assert "Le bilan 2018 est envoyé" in reponse.content.decode()


def test_count_writes_nothing_and_says_what_it_comes_to(bilan: Bilan, redacteur: Client) -> None:
    champs = {name_fields(bilan)["montant"]: "1 200", name_fields(bilan)["jours"]: "4", "montant.0": "9"}
    reponse = redacteur.post(address(bilan, "bilan_calcul"), {"champs": champs}, content_type="application/json").json()
    assert spell(reponse["places"]["total:euros"]) == "1 400"
    assert "dépassé" in reponse["places"][f"ecart:{get_line(bilan, 'A1', 'Études').pk}"]
    echo = reponse["echos"][f"montant.{get_line(bilan, 'A2', 'Animation').pk}"]["texte"]
    assert spell(echo).startswith("= 200 €")
    assert get_line(bilan, "A1", "Études").montant is None


# --- Rows, files -------------------------------------------------------------------------------------


def test_unplanned_expense_is_added_then_taken_away(bilan: Bilan, redacteur: Client) -> None:
    autre, fiche = nature("Déplacements"), FicheBilan.objects.get(bilan=bilan, code="A1")
    reponse = redacteur.post(
        address(bilan, "bilan_ligne_ajouter", fiche.pk), {"nature": autre.pk, "libelle": " Deux  trains "}, follow=True
    )
    assert "Déplacements : Deux trains (hors plan)" in words(reponse)
    ligne = fiche.lignes.get(au_plan=False)
    do(bilan, "A1", "Études", 5)
    LigneBilan.objects.filter(pk=ligne.pk).update(montant=euros(30))
    refusee = redacteur.post(address(bilan, "bilan_ligne_retirer", ligne.pk))
    assert refusee.status_code == 422
    assert "Videz d’abord les jours et le montant" in " ".join(told(refusee))
    LigneBilan.objects.filter(pk=ligne.pk).update(montant=None)
    assert redacteur.post(address(bilan, "bilan_ligne_retirer", ligne.pk)).status_code == 302
    assert not LigneBilan.objects.filter(pk=ligne.pk).exists()


@pytest.mark.parametrize(
    ("envoi", "phrase"),
    [
        ({"nature": "", "libelle": "Deux trains"}, "Choisissez la nature de la dépense."),
        ({"nature": "etudes", "libelle": ""}, "Cette dépense est déjà dans la fiche."),
        ({"nature": "etudes", "libelle": "x" * 161}, "Ce libellé compte 161 caractères, 160 au plus."),
    ],
)
def test_expense_refused_comes_back_as_typed(envoi: dict[str, str], phrase: str, bilan: Bilan, redacteur: Client) -> None:
    fiche = FicheBilan.objects.get(bilan=bilan, code="A1")
    envoi = envoi | ({"nature": str(nature("Études").pk)} if envoi["nature"] else {})
    reponse = redacteur.post(address(bilan, "bilan_ligne_ajouter", fiche.pk), envoi)
    assert reponse.status_code == 422
    assert phrase in told(reponse)
    assert kept(reponse, "ligne") == envoi


def test_expense_of_the_plan_stays(bilan: Bilan, redacteur: Client) -> None:
    ligne = get_line(bilan, "A1", "Études")
    reponse = redacteur.post(address(bilan, "bilan_ligne_retirer", ligne.pk))
    assert reponse.status_code == 422
    assert "écrivez 0 si rien n’a été dépensé." in " ".join(told(reponse))


def test_financeur_is_added_once(bilan: Bilan, redacteur: Client) -> None:
    fiche, region = FicheBilan.objects.get(bilan=bilan, code="A1"), factories.OrganisationFactory(nom="Région", sigle="RBFC")
    lieu = address(bilan, "bilan_part_ajouter", fiche.pk)
    reponse = redacteur.post(lieu, {"financeur": region.pk}, follow=True)
    assert "ajouté. Écrivez ce qu’il a payé." in reponse.content.decode()
    assert fiche.parts.get(financeur=region).prevu is None
    refusee = redacteur.post(lieu, {"financeur": region.pk})
    assert (refusee.status_code, fiche.parts.filter(financeur=region).count()) == (422, 1)
    assert "est déjà dans la fiche." in " ".join(told(refusee))
    assert "Choisissez le financeur." in told(redacteur.post(lieu, {}))


def test_financeur_of_nobody_is_taken_away_once_it_holds_nothing(bilan: Bilan, redacteur: Client) -> None:
    fiche = FicheBilan.objects.get(bilan=bilan, code="A1")
    prevue, imprevue = fiche.parts.first(), factories.PartBilanFactory(fiche=fiche, prevu=None, montant=euros(5))
    refus = " ".join(told(redacteur.post(address(bilan, "bilan_part_retirer", prevue.pk))))
    assert "Un financeur prévu au plan reste dans le bilan" in refus
    lieu = address(bilan, "bilan_part_retirer", imprevue.pk)
    assert "Videz d’abord ce que ce financeur a payé." in " ".join(told(redacteur.post(lieu)))
    PartBilan.objects.filter(pk=imprevue.pk).update(montant=None)
    assert redacteur.post(lieu)["Location"] == page_of(bilan)
    assert not fiche.parts.filter(pk=imprevue.pk).exists()


def test_file_is_joined_read_by_both_then_taken_away(bilan: Bilan, redacteur: Client, relecteur: Client) -> None:
    fiche = FicheBilan.objects.get(bilan=bilan, code="A1")
    envoi = {"intitule": "Facture du cabinet", "fichier": SimpleUploadedFile("../../facture 12.pdf", PDF)}
    reponse = redacteur.post(address(bilan, "bilan_joindre", fiche.pk), envoi, follow=True)
    assert "« Facture du cabinet » est jointe." in reponse.content.decode()
    piece = PieceBilan.objects.get()
    lieu = address(bilan, "bilan_piece", piece.pk)
    for client in (redacteur, relecteur):
        lue = client.get(lieu)
        assert (lue.content, lue["Content-Type"], lue["X-Content-Type-Options"]) == (PDF, "application/pdf", "nosniff")
        assert lieu in client.get(page_of(bilan)).content.decode()
    assert "Retirer" not in words(relecteur.get(page_of(bilan)), "//*[@aria-labelledby='t-pieces']")
    assert redacteur.post(address(bilan, "bilan_piece_retirer", piece.pk)).status_code == 302
    assert (PieceBilan.objects.count(), redacteur.get(lieu).status_code) == (0, 404)
    assert [e.message for e in bilan.convention.evenements.filter(genre="piece").order_by("rang")] == [
        "Bilan 2018, A1 : pièce jointe, Facture du cabinet.",
        "Bilan 2018 : pièce retirée, Facture du cabinet.",
    ]


HOSTILES = {
    "page": b"<html><script>alert(1)</script></html>",
    "programme": b"MZ\x90\x00",
    "vide": b"",
    "archive": make_zip({"a.txt": b"a"}),
    "image fausse": b"\x89PNG\r\n\x1a\nrien",
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
}


@pytest.mark.parametrize("nom", HOSTILES)
def test_hostile_file_is_refused_and_the_title_stays(nom: str, bilan: Bilan, redacteur: Client) -> None:
    fiche = FicheBilan.objects.get(bilan=bilan, code="A1")
    envoi = {"intitule": "Facture du cabinet", "fichier": SimpleUploadedFile("facture.pdf", HOSTILES[nom], "application/pdf")}
    reponse = redacteur.post(address(bilan, "bilan_joindre", fiche.pk), envoi)
    assert (reponse.status_code, PieceBilan.objects.count()) == (422, 0)
    assert ("n’est pas lisible" if HOSTILES[nom] else "n’est pas vide") in " ".join(told(reponse))
    assert kept(reponse, "piece")["intitule"] == "Facture du cabinet"


def test_import_without_file_is_refused_and_a_file_leads_to_its_preview(bilan: Bilan, redacteur: Client) -> None:
    lieu = address(bilan, "bilan_importer")
    assert redacteur.post(lieu).status_code == 422
    assert not ImportBudget.objects.exists()
    depose = redacteur.post(lieu, {"fichier": SimpleUploadedFile("realise.csv", b"Code;Nature\n")})
    imp = ImportBudget.objects.get()
    assert (depose["Location"], imp.bilan) == (reverse("import_budget", args=[bilan.convention.reference, imp.pk]), bilan)


# --- The carnet --------------------------------------------------------------------------------------


def note(client: Client, bilan: Bilan, **autres: Any) -> Any:
    """Note an expense on the first action, unless said otherwise."""
    fiche = bilan.convention.fiches.get(code="A1")
    envoi = {
        "jour": "2018-06-01",
        "ligne": f"{fiche.pk}:{nature('Études').pk}.",
        "nature": "",
        "jours": "",
        "montant": "300",
        "qui": "Hugo Perrin",
        "quoi": "Un atelier",
    }
    return client.post(address(bilan, "carnet_noter"), envoi | autres)


@pytest.mark.parametrize("qui", ["redacteur", "relecteur"])
def test_each_party_notes_what_it_did(qui: str, bilan: Bilan, redacteur: Client, relecteur: Client) -> None:
    client = redacteur if qui == "redacteur" else relecteur
    reponse = note(client, bilan, fichier=SimpleUploadedFile("facture.png", draw("PNG")))
    fiche = bilan.convention.fiches.get(code="A1")
    assert reponse["Location"] == f"{address(bilan, 'carnet')}?annee=2018#fiche-{fiche.pk}"
    entree = Realisation.objects.get()
    assert (entree.montant, entree.nature.nom, entree.qui, entree.nom) == (euros(300), "Études", "Hugo Perrin", "facture.png")
    page = see(relecteur, address(bilan, "carnet") + "?annee=2018")
    for mots in ("300 € sur 1 000 €", "Un atelier", "Hugo Perrin · justificatif", "30 % du plan"):
        assert mots in page
    lue = relecteur.get(address(bilan, "carnet_piece", entree.pk))
    assert (lue.status_code, lue["Content-Type"]) == (200, "image/png")
    assert bilan.convention.evenements.filter(genre="carnet").count() == 1


def test_days_are_counted_at_the_rate_of_the_line(bilan: Bilan, redacteur: Client) -> None:
    fiche = bilan.convention.fiches.get(code="A2")
    assert note(redacteur, bilan, ligne=f"{fiche.pk}:{nature('Animation').pk}.", jours="1,5", montant="").status_code == 302
    assert (Realisation.objects.get().jours, Realisation.objects.get().montant) == (1.5, euros(75))


def test_carnet_fills_the_cells_left_empty(bilan: Bilan, redacteur: Client) -> None:
    note(redacteur, bilan)
    assert "= 300 € (carnet)" in see(redacteur, address(bilan, "bilan_grille"))
    assert "Un atelier" in words(redacteur.get(page_of(bilan)), "//*[@aria-labelledby='t-carnet']")


def test_overrun_is_told(bilan: Bilan, redacteur: Client) -> None:
    note(redacteur, bilan, montant="1000")
    assert "dépasse" not in see(redacteur, address(bilan, "carnet") + "?annee=2018")
    note(redacteur, bilan, montant="0,01")
    page = see(redacteur, address(bilan, "carnet") + "?annee=2018")
    assert "Une dépense dépasse ce qui est prévu en 2018. A1, Études : 1 000,01 € notés pour 1 000 € prévus." in page


def test_unplanned_expense_is_noted_with_its_nature(bilan: Bilan, redacteur: Client) -> None:
    fiche, autre = bilan.convention.fiches.get(code="A1"), nature("Déplacements")
    assert note(redacteur, bilan, ligne=f"{fiche.pk}:autre", nature=str(autre.pk)).status_code == 302
    page = see(redacteur, address(bilan, "carnet") + "?annee=2018")
    assert "Déplacements (hors plan) : 300 € notés, rien n’est chiffré au plan." in page
    assert "absentes de ce tableau" in see(redacteur, page_of(bilan))


REFUS_DU_CARNET: list[tuple[dict[str, str], str]] = [
    ({"jour": "hier"}, "n’est pas une date"),
    ({"jour": "2019-02-02"}, "Cette date est dans l’avenir"),
    ({"jour": "2017-06-01"}, "n’est pas"),
    ({"ligne": ""}, "Choisissez la dépense dans la liste."),
    ({"montant": ""}, "Donnez un montant."),
    ({"montant": "", "jours": "2"}, "Le prix du jour n’est pas connu pour cette dépense : donnez le montant."),
    ({"montant": "0"}, "Donnez des jours ou un montant au-dessus de zéro."),
    ({"montant": "-5"}, "ne sont pas négatifs"),
    ({"montant": "1.234"}, "se lit de deux façons"),
    ({"jours": "beaucoup"}, "Les jours :"),
    ({"qui": "  "}, "Dites qui l’a fait"),
    ({"quoi": ""}, "Dites en quelques mots ce qui a été fait."),
    ({"quoi": "x" * 251}, "250"),
    ({"qui": "x" * 121}, "120"),
]


@pytest.mark.parametrize(("champs", "phrase"), REFUS_DU_CARNET, ids=lambda v: str(v)[:40])
def test_entry_refused_comes_back_as_typed(champs: dict[str, str], phrase: str, bilan: Bilan, redacteur: Client) -> None:
    reponse = note(redacteur, bilan, **champs)
    assert (reponse.status_code, Realisation.objects.count()) == (422, 0)
    assert phrase in " ".join(told(reponse))
    retour = kept(reponse, "noter")
    attendus = {"qui": "Hugo Perrin", "quoi": "Un atelier", "montant": "300"} | champs
    attendus.pop("ligne", None)
    assert {nom: retour[nom] for nom in attendus} == attendus


def test_unplanned_entry_refused_keeps_its_choice_and_its_nature(bilan: Bilan, redacteur: Client) -> None:
    fiche, autre = bilan.convention.fiches.get(code="A1"), nature("Déplacements")
    choix = {"ligne": f"{fiche.pk}:autre", "nature": str(autre.pk)}
    reponse = note(redacteur, bilan, montant="", **choix)
    assert {nom: kept(reponse, "noter")[nom] for nom in choix} == choix
    sans_nature = note(redacteur, bilan, ligne=choix["ligne"])
    assert "Choisissez la nature de cette dépense, qui n’est pas au plan." in told(sans_nature)
    assert kept(sans_nature, "noter")["ligne"] == choix["ligne"]


@pytest.mark.parametrize("nom", HOSTILES)
def test_hostile_proof_is_refused(nom: str, bilan: Bilan, redacteur: Client) -> None:
    reponse = note(redacteur, bilan, fichier=SimpleUploadedFile("facture.pdf", HOSTILES[nom], "application/pdf"))
    assert (reponse.status_code, Realisation.objects.count()) == (422, 0)
    assert kept(reponse, "noter")["quoi"] == "Un atelier"


def test_entry_withdrawn_stays_struck_through_and_counts_no_more(bilan: Bilan, redacteur: Client, relecteur: Client) -> None:
    note(redacteur, bilan)
    entree, lieu = Realisation.objects.get(), address(bilan, "carnet") + "?annee=2018"
    geste = address(bilan, "carnet_retirer", entree.pk)
    assert geste in redacteur.get(lieu).content.decode()
    assert geste not in relecteur.get(lieu).content.decode()
    reponse = redacteur.post(geste, follow=True)
    assert reponse.redirect_chain == [(lieu, 302)]
    (rangee,) = parse(reponse).xpath("//tr[@class='retiree']")
    assert "Un atelier" in rangee.text_content()
    assert "par Dominique Martin" in rangee.text_content()
    assert "Rien n’est noté." in words(reponse)
    assert geste not in reponse.content.decode()
    assert "Cette ligne est déjà retirée." in redacteur.post(geste, follow=True).content.decode()


def test_entry_of_a_deleted_account_is_still_withdrawn(bilan: Bilan, redacteur: Client) -> None:
    note(redacteur, bilan)
    Realisation.objects.update(auteur=None)
    geste = address(bilan, "carnet_retirer", Realisation.objects.get().pk)
    assert geste in redacteur.get(address(bilan, "carnet") + "?annee=2018").content.decode()
    redacteur.post(geste)
    assert Realisation.objects.get().retiree_le is not None


@pytest.mark.parametrize("etat", ["soumis", "corrige", "accepte"])
def test_carnet_of_a_year_closes_when_its_bilan_leaves(etat: str, bilan: Bilan, redacteur: Client) -> None:
    note(redacteur, bilan)
    pass_to(bilan, etat)
    page = see(redacteur, address(bilan, "carnet") + "?annee=2018")
    assert "le carnet de cette année est clos." in page
    assert "Noter un jour ou une dépense" not in page
    assert note(redacteur, bilan).status_code == 422
    assert redacteur.post(address(bilan, "carnet_retirer", Realisation.objects.get().pk)).status_code == 302
    assert Realisation.objects.get().retiree_le is None
    assert "Noter un jour ou une dépense" in see(redacteur, address(bilan, "carnet") + "?annee=2019")


@pytest.mark.parametrize("annee", ["1", "99999", "abcd", "２０１８", "2050", "٢٠١٨"])
def test_carnet_of_no_year_shows_one_that_is(annee: str, bilan: Bilan, redacteur: Client) -> None:
    assert "Carnet 201" in see(redacteur, address(bilan, "carnet") + f"?annee={annee}")


# --- Observations ------------------------------------------------------------------------------------


def observe(client: Client, bilan: Bilan, **autres: Any) -> Any:
    return client.post(address(bilan, "bilan_observer"), {"rubrique": "depenses", "texte": QUESTION} | autres)


def test_observation_is_written_answered_and_settled_by_its_own_side(bilan: Bilan, redacteur: Client, relecteur: Client) -> None:
    fiche = FicheBilan.objects.get(bilan=bilan, code="A1")
    assert observe(relecteur, bilan, fiche=fiche.pk, retour="fiche")["Location"] == page_of(bilan)
    question = Observation.objects.get()
    assert (question.fiche, question.rubrique, question.auteur.organisation.sigle) == (
        fiche,
        "depenses",
        bilan.convention.parties.first().organisation.sigle,
    )
    geste = address(bilan, "bilan_observation_regler", question.pk)
    assert geste in relecteur.get(page_of(bilan)).content.decode()
    assert geste not in redacteur.get(page_of(bilan)).content.decode()
    assert observe(redacteur, bilan, parent=question.pk, texte="De la facture.", rubrique="")["Location"] == address(bilan)
    page = see(relecteur, address(bilan))
    assert page.index(QUESTION) < page.index("De la facture.")
    assert redacteur.post(geste).status_code == 403
    reglee = relecteur.post(geste, {"retour": "fiche"}, follow=True)
    assert reglee.redirect_chain == [(page_of(bilan), 302)]
    assert "Dépenses : réglée le" in words(reglee)
    assert relecteur.post(geste, {"action": "rouvrir"})["Location"] == address(bilan)
    question.refresh_from_db()
    assert question.reglee_le is None


@pytest.mark.parametrize(
    ("champs", "phrase"),
    [
        ({"texte": "  "}, "Écrivez votre observation avant de l’envoyer."),
        ({"texte": "x" * 4001}, "Cette observation dépasse 4000 caractères (4001). Raccourcissez-la."),
        ({"rubrique": "autre"}, "Choisissez ce que vous observez"),
    ],
)
@pytest.mark.parametrize("lieu", ["bilan", "fiche"])
def test_observation_refused_comes_back_as_typed(lieu: str, champs: dict[str, str], phrase: str, bilan: Bilan, relecteur: Client) -> None:
    fiche = FicheBilan.objects.get(bilan=bilan, code="A1")
    reponse = observe(relecteur, bilan, **champs, **({"fiche": fiche.pk, "retour": "fiche"} if lieu == "fiche" else {}))
    assert (reponse.status_code, Observation.objects.count()) == (422, 0)
    assert phrase in " ".join(told(reponse))
    assert len(told(reponse)) == 1
    assert kept(reponse, "observation")["texte"].strip() == (champs.get("texte", QUESTION)).strip()
    assert bool(parse(reponse).xpath("//aside[@aria-label='Autour de la fiche']")) == (lieu == "fiche")


@pytest.mark.parametrize("lieu", ["bilan", "fiche"])
def test_answer_refused_comes_back_where_it_was_written(lieu: str, bilan: Bilan, redacteur: Client) -> None:
    fiche = FicheBilan.objects.get(bilan=bilan, code="A1")
    question = factories.ObservationFactory(bilan=bilan, fiche=fiche)
    retour = {"retour": "fiche"} if lieu == "fiche" else {}
    reponse = observe(redacteur, bilan, parent=question.pk, texte="x" * 4001, **retour)
    assert (reponse.status_code, Observation.objects.count()) == (422, 1)
    assert kept(reponse, f"repondre-{question.pk}")["texte"] == "x" * 4001
    assert bool(parse(reponse).xpath("//aside[@aria-label='Autour de la fiche']")) == (lieu == "fiche")


def test_observation_is_shown_as_text(bilan: Bilan, relecteur: Client) -> None:
    observe(relecteur, bilan, texte="<script>alert(1)</script>\nÀ la ligne")
    contenu = relecteur.get(address(bilan)).content.decode()
    assert "<script>alert(1)" not in contenu
    assert "&lt;script&gt;alert(1)&lt;/script&gt;<br>À la ligne" in contenu


def test_accepted_bilan_takes_no_observation_and_says_so(bilan: Bilan, relecteur: Client) -> None:
    fiche = FicheBilan.objects.get(bilan=bilan, code="A1")
    pass_to(complete(bilan), "accepte")
    for champs in ({}, {"fiche": fiche.pk, "retour": "fiche"}):
        reponse = relecteur.post(address(bilan, "bilan_observer"), {"rubrique": "recit", "texte": QUESTION} | champs, follow=True)
        assert "il ne reçoit plus d’observation." in reponse.content.decode()
    assert "Écrire une observation" not in see(relecteur, address(bilan))
    assert not Observation.objects.exists()


# --- Passages ----------------------------------------------------------------------------------------


def test_bilan_that_lacks_something_is_not_sent_and_all_is_told(bilan: Bilan, redacteur: Client) -> None:
    reponse = redacteur.post(address(bilan, "bilan_passer", "soumettre"))
    assert (reponse.status_code, reread(bilan).etat) == (422, "brouillon")
    dits = told(reponse)
    assert any(phrase.startswith("A1 :") for phrase in dits)
    assert any(phrase.startswith("A2 :") for phrase in dits)
    assert "Racontez l’année en quelques phrases : les élus commencent par là." in dits


def test_plan_that_moved_is_told_then_taken(bilan: Bilan, redacteur: Client, relecteur: Client) -> None:
    with lift():
        LigneCout.objects.filter(annee=2018, nature__nom="Études").update(montant=euros(1100))
    assert "Reprendre le plan" in see(redacteur, address(bilan))
    assert "Reprendre le plan" not in see(relecteur, address(bilan))
    assert "Fiches concernées : A1." in see(relecteur, address(bilan))
    assert "Le plan a changé depuis l’ouverture (A1)" in " ".join(told(redacteur.post(address(bilan, "bilan_passer", "soumettre"))))
    assert "Le plan est repris." in redacteur.post(address(bilan, "bilan_plan"), follow=True).content.decode()
    assert get_line(bilan, "A1", "Études").prevu == euros(1100)
    assert "Le bilan suivait déjà le plan." in redacteur.post(address(bilan, "bilan_plan"), follow=True).content.decode()


def test_bilan_goes_from_one_to_the_other_until_both_agree(bilan: Bilan, redacteur: Client, relecteur: Client) -> None:
    complete(bilan)

    def go(client: Client, action: str) -> str:
        reponse = client.post(address(bilan, "bilan_passer", action), follow=True)
        assert reponse.redirect_chain == [(address(bilan), 302)]
        return reread(bilan).etat

    assert go(redacteur, "soumettre") == "soumis"
    assert "Reprendre le bilan" in see(redacteur, address(bilan))
    observe(relecteur, bilan)
    assert "Une observation est encore ouverte" in " ".join(told(relecteur.post(address(bilan, "bilan_passer", "accepter"))))
    assert go(relecteur, "observer") == "observations"
    assert "Une observation attend votre réponse." in told(redacteur.post(address(bilan, "bilan_passer", "corriger")))
    observe(redacteur, bilan, parent=Observation.objects.get().pk, texte="De la facture.")
    assert go(redacteur, "corriger") == "corrige"
    relecteur.post(address(bilan, "bilan_observation_regler", Observation.objects.get(parent=None).pk))
    assert go(relecteur, "accepter") == "accepte"
    page = see(redacteur, address(bilan))
    assert "Accepté le 01/02/2019 et figé, empreinte" in page
    assert "Remplir le bilan" not in page
    assert page.count("accord donné le 01/02/2019") == 2


# --- Home, and the ways in ---------------------------------------------------------------------------


def read_home(client: Client) -> str:
    return see(client, reverse("accueil") + "?tout")


def test_home_asks_who_pays_to_read_the_bilan_over(bilan: Bilan, redacteur: Client, relecteur: Client, partenaire: Utilisateur) -> None:
    assert "le bilan 2018" not in read_home(relecteur)
    pass_bilan(partenaire, complete(bilan), "soumettre")
    assert "Relire le bilan 2018" in read_home(relecteur)
    assert "Relire le bilan 2018" not in read_home(redacteur)
    factories.AccordBilanFactory(bilan=bilan, organisation=bilan.convention.parties.first().organisation)
    assert "Relire le bilan 2018" not in read_home(relecteur)


def test_home_asks_who_reports_to_correct_the_bilan(bilan: Bilan, redacteur: Client, relecteur: Client) -> None:
    pass_to(bilan, "observations")
    assert "Corriger le bilan 2018" in read_home(redacteur)
    assert f'href="{address(bilan)}#observations"' in redacteur.get(reverse("accueil")).content.decode()
    assert "Corriger le bilan 2018" not in read_home(relecteur)


def test_who_only_reads_is_asked_nothing(bilan: Bilan, cci: Organisation) -> None:
    pass_to(bilan, "observations")
    assert "Corriger le bilan" not in read_home(connect(factories.UtilisateurFactory(organisation=cci, role="lecteur")))


def test_late_bilan_leaves_the_home_page_once_received(bilan: Bilan, redacteur: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.localdate", lambda *args: date(2019, 7, 15))

    def read_late() -> bool:
        return "Bilan annuel 2018" in read_home(redacteur)

    assert read_late()
    assert "en retard de" in see(redacteur, address(bilan, "bilans"))
    for etat in ("soumis", "observations", "corrige", "accepte"):
        pass_to(bilan, etat)
        assert not read_late(), etat
        assert "en retard de" not in see(redacteur, address(bilan, "bilans")).partition("2019")[0]


def test_portfolio_is_in_the_band_and_tells_where_the_bilans_stand(bilan: Bilan, relecteur: Client) -> None:
    (lien,) = parse(relecteur.get(reverse("accueil"))).xpath(f"//header//a[@href='{reverse('portefeuille')}']")
    pass_to(bilan, "soumis")
    page = relecteur.get(lien.get("href"))
    assert bilan.convention.get_absolute_url() in page.content.decode()
    assert "soumis" in words(page, "//td[@data-l='Bilans']").lower()


@pytest.mark.parametrize("ecran", ["convention", "versements"])
def test_pages_of_the_agreement_lead_to_its_bilans(ecran: str, bilan: Bilan, relecteur: Client) -> None:
    contenu = relecteur.get(reverse(ecran, args=[bilan.convention.reference])).content.decode()
    assert f'href="{address(bilan, "bilans")}"' in contenu
