"""Who reaches which address: one table holds every address, a new one must be entered in it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from comptes.models import Utilisateur
from conventions.models import Convention, MontantDeclare
from documents import views
from fiches.models import FicheAction, Indicateur, ProduitPret
from financement.models import CoFinancement, LigneCout, MontantRecapDeclare, TotalDeclare, Versement
from tests import factories

pytestmark = pytest.mark.filterwarnings("ignore:No directory at")  # whitenoise, before collectstatic
REFERENCE, SLUG = "ESSAI-1", "e-a-1-1"


@dataclass(frozen=True)
class Adresse:
    """What an address takes, and what a stranger is answered there."""

    arguments: dict[str, str] = field(default_factory=dict)
    anonyme: int = 302
    lecteur: int = 200
    lecture_seule: bool = True


CONVENTION = Adresse({"reference": REFERENCE})
FICHE = Adresse({"reference": REFERENCE, "slug": SLUG})
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
    "fiche_pdf": FICHE,
    "aide": PUBLIQUE,
    "accessibilite": PUBLIQUE,
    "sante": PUBLIQUE,
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


@pytest.fixture(autouse=True)
def _quick_pdf(monkeypatch: pytest.MonkeyPatch) -> None:
    for nom in ("publish_convention", "publish_fiche", "publish_recapitulatif"):
        monkeypatch.setattr(views, nom, lambda *args: b"%PDF-")


@pytest.fixture
def lecteur(db: None) -> Client:
    utilisateur = factories.UtilisateurFactory(role=Utilisateur.Role.LECTEUR)
    fiche = factories.FicheFactory(convention__reference=REFERENCE, code="E.A 1.1")
    factories.PartieFactory(convention=fiche.convention, organisation=utilisateur.organisation)
    factories.LigneCoutFactory(fiche=fiche)
    return connect(utilisateur)


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
        connu = (motif.name or "") in ADMIN_COMMUNES or (motif.name or "").split("_", 2)[-1] in ADMIN_MODELES
        if espace == "admin" and not connu and "password" not in adresse:
            inconnues.add(adresse)
    assert not inconnues


@pytest.mark.parametrize("nom", TABLE)
@pytest.mark.django_db
def test_visitor_is_sent_to_sign_in_except_on_public_pages(nom: str, client: Client) -> None:
    reponse = client.get(url(nom))
    assert reponse.status_code == TABLE[nom].anonyme
    if TABLE[nom].anonyme == 302:
        assert reponse["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("nom", TABLE)
def test_lecteur_reads_the_pages_of_their_convention(nom: str, lecteur: Client) -> None:
    assert lecteur.get(url(nom)).status_code == TABLE[nom].lecteur


@pytest.mark.parametrize("nom", A_CONVENTION)
def test_other_organisation_is_told_that_nothing_is_there(nom: str, etranger: Client) -> None:
    assert etranger.get(url(nom)).status_code == 404


@pytest.mark.parametrize("nom", A_CONVENTION)
def test_hidden_convention_answers_like_one_that_does_not_exist(nom: str, etranger: Client) -> None:
    cachee, absente = etranger.get(url(nom)), etranger.get(url(nom, reference="NULLE-PART"))
    assert (cachee.status_code, without_token(cachee)) == (absente.status_code, without_token(absente))


@pytest.mark.parametrize("nom", A_CONVENTION)
def test_unknown_reference_is_not_found(nom: str, lecteur: Client) -> None:
    assert lecteur.get(url(nom, reference="NULLE-PART")).status_code == 404


@pytest.mark.parametrize("nom", ["fiche", "fiche_pdf"])
@pytest.mark.parametrize("slug", ["z-9", "E-A-1-1", "e-a-1"])
def test_unknown_fiche_is_not_found(nom: str, slug: str, lecteur: Client) -> None:
    assert lecteur.get(url(nom, slug=slug)).status_code == 404


@pytest.mark.parametrize("nom", ["fiche", "fiche_pdf"])
def test_fiche_is_reached_through_its_own_convention_only(nom: str, lecteur: Client) -> None:
    autre = factories.FicheFactory(code="E.Z 9.9")
    factories.PartieFactory(convention=autre.convention, organisation=Utilisateur.objects.get().organisation)
    assert lecteur.get(url(nom, slug=autre.slug)).status_code == 404


@pytest.mark.parametrize("nom", LUES)
def test_reading_pages_refuse_to_write(nom: str, lecteur: Client) -> None:
    codes = {methode: lecteur.generic(methode, url(nom)).status_code for methode in ("POST", "PUT", "PATCH", "DELETE")}
    assert codes == dict.fromkeys(codes, 405)


@pytest.mark.parametrize("nom", LUES)
def test_reading_pages_answer_head(nom: str, lecteur: Client) -> None:
    reponse = lecteur.head(url(nom))
    assert (reponse.status_code, reponse.content) == (200, b"")


def test_downloads_carry_a_name_that_people_recognise(lecteur: Client) -> None:
    noms = {nom: lecteur.get(url(nom))["Content-Disposition"] for nom in TABLE if nom.endswith(("_pdf", "_xlsx"))}
    assert noms == {
        "convention_pdf": 'inline; filename="ESSAI-1.pdf"',
        "recapitulatif_pdf": 'inline; filename="ESSAI-1-recapitulatif.pdf"',
        "recapitulatif_xlsx": 'attachment; filename="ESSAI-1-recapitulatif.xlsx"',
        "fiche_pdf": 'inline; filename="ESSAI-1-fiche-e-a-1-1.pdf"',
    }


def test_recap_asked_as_declared_stays_computed_when_no_annex_was_printed(lecteur: Client) -> None:
    assert "declare" not in lecteur.get(url("recapitulatif_xlsx"), {"source": "declare"})["Content-Disposition"]


@pytest.mark.parametrize("role", [Utilisateur.Role.AGENT, Utilisateur.Role.LECTEUR])
@pytest.mark.django_db
def test_administration_is_closed_to_other_roles(role: str) -> None:
    client = connect(factories.UtilisateurFactory(role=role))
    assert client.get(reverse("admin:index"), follow=True).status_code == 403


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
