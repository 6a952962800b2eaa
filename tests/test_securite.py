"""What a hostile page, text, file or setting cannot do."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention
from conventions.redaction import write_convention
from socle.pdf_moteur import RACINE, RessourceRefusee, _fetcher, is_allowed
from socle.texte import plain_texte, render_texte
from tests import factories

pytestmark = pytest.mark.filterwarnings("ignore:No directory at")
STYLE_EN_LIGNE = re.compile(r"<style|\sstyle\s*=|\son[a-z]+\s*=\s*[\"']|<script(?![^>]*\ssrc=)|javascript:", re.IGNORECASE)
PRODUCTION = {
    "TRAITDUNION_SECRET_KEY": "une-longue-chaine-vraiment-aleatoire-7f3k9x2m5q8w1z4-0123456789",
    "TRAITDUNION_HOSTS": "conventions.exemple.example",
    "TRAITDUNION_ORIGINS": "https://conventions.exemple.example",
    **{f"TRAITDUNION_{cle.upper()}": "Agglomération d’essai" for cle in settings.EXPLOITANT},
}


@pytest.fixture
def pages(client: Client) -> Iterator[str]:
    """Addresses of the pages of a full convention, read by an administrator."""
    lecteur = factories.UtilisateurFactory(role=Utilisateur.Role.ADMINISTRATEUR)
    fiche = factories.FicheFactory(convention__reference="ESSAI-1", code="E.A 1.1", constat="- **Gras**")
    convention = fiche.convention
    factories.PartieFactory(convention=convention, organisation=lecteur.organisation)
    factories.PartieFactory(convention=convention, role="beneficiaire")
    factories.LigneCoutFactory(fiche=fiche)
    factories.CoFinancementFactory(fiche=fiche, financeur=lecteur.organisation)
    factories.IndicateurFactory(fiche=fiche)
    factories.VersementFactory(convention=convention)
    factories.ArticleFactory(
        convention=convention, texte="{{ convention.date_fin }}\n\n{{ tableau.versements }}\n\n{{ tableau.coordonnees_bancaires }}"
    )
    client.force_login(lecteur)
    return [
        *(
            reverse(nom)
            for nom in ("accueil", "conventions", "recherche", "aide", "accessibilite", "account_change_password", "account_logout")
        ),
        *(reverse(nom) for nom in ("preferences", "mentions_legales", "confidentialite", "registre")),
        *(
            reverse(nom, args=["ESSAI-1"])
            for nom in ("convention", "fiches", "budget", "articles", "famille", "fiche_nouvelle", "corbeille")
        ),
        reverse("fiches", args=["ESSAI-1"]) + "?gerer=1",
        *(
            reverse(nom, args=["ESSAI-1", "e-a-1-1"])
            for nom in ("fiche", "fiche_modifier", "fiche_historique", "fiche_deplacer", "fiche_supprimer")
        ),
        reverse("fiche_restaurer", args=["ESSAI-1", "e-a-1-1"]) + "?au=2000-01-01T00:00:00%2B00:00",
        "/nulle-part/",
    ]


@pytest.mark.django_db
def test_every_page_carries_a_strict_policy(pages: list[str], client: Client) -> None:
    for page in [*pages, reverse("sante"), reverse("admin:index")]:
        politique = client.get(page)["Content-Security-Policy"]
        assert "default-src 'none'" in politique, page
        assert "unsafe" not in politique, page


@pytest.mark.django_db
@pytest.mark.parametrize("nom", ["account_login", "account_reset_password", "accueil"])
def test_pages_of_visitors_carry_it_too(nom: str, client: Client) -> None:
    assert "default-src 'none'" in client.get(reverse(nom))["Content-Security-Policy"]


@pytest.mark.django_db
def test_pages_hold_no_inline_style_nor_script(pages: list[str], client: Client) -> None:
    trouves = {page: STYLE_EN_LIGNE.findall(client.get(page).content.decode()) for page in pages}
    assert trouves == {page: [] for page in pages}


@pytest.mark.django_db
def test_sign_in_pages_hold_no_inline_style_nor_script(client: Client) -> None:
    for nom in ("account_login", "account_reset_password", "account_reset_password_done", "account_reset_password_from_key_done"):
        assert not STYLE_EN_LIGNE.search(client.get(reverse(nom)).content.decode()), nom


def test_templates_hold_no_inline_style_nor_script(root: Path) -> None:
    coupables = {str(p.relative_to(root)) for p in root.glob("templates/**/*.html") if STYLE_EN_LIGNE.search(p.read_text())}
    assert coupables == set()


def test_templates_load_nothing_from_elsewhere(root: Path) -> None:
    ailleurs = re.compile(r"(?:src|href|action)\s*=\s*[\"'](?:https?:)?//", re.IGNORECASE)
    assert {p.name for p in root.glob("templates/**/*.html") if ailleurs.search(p.read_text())} == set()


def test_templates_never_switch_escaping_off(root: Path) -> None:
    coupables = {p.name for p in root.glob("templates/**/*.html") if re.search(r"\|\s*safe\b|autoescape\s+off|safeseq", p.read_text())}
    assert coupables == set()


@pytest.mark.django_db
def test_pages_carry_the_other_security_headers(client: Client) -> None:
    entetes = client.get(reverse("account_login")).headers
    assert entetes["X-Frame-Options"] == "DENY"
    assert entetes["X-Content-Type-Options"] == "nosniff"
    assert entetes["Referrer-Policy"] == "same-origin"
    assert entetes["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.django_db
def test_pages_of_signed_in_people_are_not_kept_by_shared_caches(pages: list[str], client: Client) -> None:
    assert "Cookie" in client.get(pages[0])["Vary"]


@pytest.mark.django_db
def test_writing_takes_a_token_of_the_same_site() -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post(reverse("account_login"), {"login": "a@b.example", "password": "x"}).status_code == 403


def run(root: Path, *commande: str, **env: str) -> subprocess.CompletedProcess[str]:
    essais = ("TRAITDUNION_", "DJANGO_ALLOW_ASYNC_UNSAFE")  # what only tests set
    propre = {k: v for k, v in os.environ.items() if not k.startswith(essais)}
    return subprocess.run([sys.executable, *commande], cwd=root, env=propre | env, capture_output=True, text=True)


def test_production_settings_pass_the_deployment_check(root: Path, tmp_path: Path) -> None:
    variables = PRODUCTION | {"TRAITDUNION_DATA": str(tmp_path)}
    resultat = run(root, "manage.py", "check", "--deploy", "--fail-level", "WARNING", **variables)
    assert (resultat.returncode, resultat.stderr) == (0, "")


def test_settings_refuse_to_start_without_a_secret(root: Path) -> None:
    resultat = run(root, "-c", "from config import settings")
    assert resultat.returncode == 1
    assert "TRAITDUNION_SECRET_KEY manque" in resultat.stderr


@pytest.mark.parametrize("valeur", ["0", "false", "non", ""])
def test_trial_mode_is_off_unless_asked_for(valeur: str, root: Path) -> None:
    resultat = run(root, "-c", "from config import settings; print(settings.DEBUG)", TRAITDUNION_DEBUG=valeur, **PRODUCTION)
    assert resultat.stdout.strip() == "False"


def logo(nom: str, contenu: bytes) -> Organisation:
    return factories.OrganisationFactory.build(logo=SimpleUploadedFile(nom, contenu, "image/png"))


def draw(largeur: int, hauteur: int, format_image: str = "PNG") -> bytes:
    tampon = io.BytesIO()
    Image.new("1", (largeur, hauteur)).convert("L" if format_image == "GIF" else "1").save(tampon, format_image)
    return tampon.getvalue()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("nom", "contenu", "phrase"),
    [
        ("logo.svg", SVG, "pas une image lisible"),
        ("logo.png", SVG, "pas une image lisible"),
        ("logo.png", b"", "pas une image lisible"),
        ("logo.png", draw(10, 10)[:40], "pas une image lisible"),
        ("logo.gif", draw(10, 10, "GIF"), "PNG ou JPEG"),
        ("logo.png", draw(10, 10, "GIF"), "PNG ou JPEG"),
        ("logo.png", draw(10, 10) + b"0" * 1_000_001, "dépasse 1 Mo"),
        ("logo.png", draw(4_100, 4_100), "trop de points"),
        ("logo.png", draw(13_500, 13_500), "pas une image lisible"),
    ],
    ids=["svg", "svg nommé png", "vide", "tronqué", "gif", "gif nommé png", "lourd", "grand", "bombe"],
)
def test_hostile_logo_is_refused_with_a_sentence(nom: str, contenu: bytes, phrase: str) -> None:
    with pytest.raises(ValidationError) as refus:
        logo(nom, contenu).full_clean()
    assert phrase in str(refus.value.message_dict["logo"])


@pytest.mark.django_db
@pytest.mark.parametrize("nom", ["logo.html", "logo.svg", "logo.php", "logo"])
def test_picture_under_the_name_of_something_else_is_refused(nom: str) -> None:
    with pytest.raises(ValidationError):
        logo(nom, draw(10, 10)).full_clean()


@pytest.mark.django_db
def test_honest_logo_is_stored_under_our_own_name() -> None:
    organisation = logo("../../etc/Mon Logo.PNG", draw(10, 10))
    organisation.full_clean()
    organisation.save()
    assert organisation.logo.name == f"logos/{organisation.cle}.png"


@pytest.mark.parametrize(
    "texte",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[lien](javascript:alert(1))",
        "![image](https://ailleurs.example/x.png)",
        "<https://ailleurs.example>",
        "[a]: javascript:alert(1)\n\n[a]",
        "<p style='x'>a</p>",
        "`<b>`",
        "&lt;script&gt;",
        "<svg/onload=alert(1)>",
        "- <iframe src=//x>",
    ],
)
def test_light_text_shows_what_it_does_not_know_as_typed(texte: str) -> None:
    html = render_texte(texte)
    assert set(re.findall(r"<(\w+)", html)) <= {"p", "ul", "li", "br"}
    visible = re.sub(r"<[^>]+>", "", html)
    assert "<" not in visible
    assert "&amp;lt;script" in html if texte.startswith("&") else True


def test_light_text_keeps_no_attribute_but_the_class_of_lists() -> None:
    html = render_texte("# Titre\n\n- **gras** *fin*\n\n1. un")
    assert re.findall(r"\s[\w-]+=\S+", html) == [' class="tirets">']


def test_light_text_on_one_line_is_escaped_by_the_page() -> None:
    assert plain_texte("- <b>a</b>\n- **b**") == "<b>a</b> b"


@pytest.mark.django_db
@pytest.mark.parametrize("champ", ["preambule", "titre"])
def test_private_use_characters_never_bring_a_value_in(champ: str) -> None:
    convention = factories.ConventionFactory(preambule="{{ convention.titre }} {{ convention.tribunal }}", tribunal="Dijon")
    setattr(convention, champ, f"\ue000\ue001 {getattr(convention, champ)}")
    html = write_convention(convention).preambule[0].html
    assert str(html).count("Dijon") == 1


@pytest.mark.django_db
def test_values_put_in_a_text_are_escaped() -> None:
    convention = factories.ConventionFactory(titre="<script>alert(1)</script>", preambule="{{ convention.titre }}")
    assert write_convention(convention).preambule[0].html == "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n"


@pytest.mark.django_db
def test_texts_run_no_template_code() -> None:
    convention = Convention(
        preambule="{% load x %} {{ settings.SECRET_KEY }} {{ convention.titre|upper }} {{ convention.__class__ }}", titre="T"
    )
    convention.pk = factories.ConventionFactory().pk
    html = str(write_convention(convention).preambule[0].html)
    assert "{{ settings.SECRET_KEY }} {{ convention.titre|upper }} {{ convention.__class__ }}" in html


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "https://ailleurs.example/x.png",
        "ftp://x/",
        "file:///etc/passwd",
        "file://ailleurs.example" + str(RACINE / "document.css"),
        (RACINE.parent / "css" / "traitdunion.css").as_uri(),
        RACINE.as_uri() + "/../css/traitdunion.css",
        RACINE.as_uri() + "/%2e%2e/css/traitdunion.css",
        RACINE.as_uri() + "-autre/x.css",
        str(RACINE / "document.css"),
        "data:text/html,x",
        "",
    ],
)
def test_pdf_engine_reads_nothing_but_its_own_files(url: str) -> None:
    assert not is_allowed(url)


def test_pdf_engine_reads_its_own_files() -> None:
    assert is_allowed(RACINE.as_uri() + "/document.css")
    assert is_allowed(RACINE.as_uri() + "/fonts/../document.css")


def test_pdf_engine_follows_no_link_out_of_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socle.pdf_moteur.RACINE", tmp_path / "pdf")
    (tmp_path / "pdf").mkdir()
    (tmp_path / "secret.css").write_text("")
    (tmp_path / "pdf" / "lien.css").symlink_to(tmp_path / "secret.css")
    assert not is_allowed((tmp_path / "pdf" / "lien.css").as_uri())


def test_pdf_engine_refuses_what_a_document_asks_for_elsewhere() -> None:
    with pytest.raises(RessourceRefusee):
        _fetcher({}).fetch("http://127.0.0.1:9/x.png")
