"""Templates: each is used, speaks French, leaves nothing unfinished."""

import re
from pathlib import Path

import pytest
from django.template.loader import get_template

# Read by Django, allauth or the admin under these very names.
APPELES = {"403.html", "404.html", "500.html", "admin/base_site.html"}
DE_ALLAUTH = {
    "account/account_inactive.html",
    "account/login.html",
    "account/logout.html",
    "account/password_change.html",
    "account/password_reset.html",
    "account/password_reset_done.html",
    "account/password_reset_from_key.html",
    "account/password_reset_from_key_done.html",
    "account/email/password_reset_key_message.txt",
    "account/email/password_reset_key_subject.txt",
}
RACINE = Path(__file__).resolve().parent.parent
GABARITS = sorted(str(p.relative_to(RACINE / "templates")) for p in (RACINE / "templates").rglob("*.*"))
ANGLAIS = (
    "the and with your you save delete edit search sign password email-address submit cancel loading "
    "click here welcome back next previous home settings logout login error please"
).split()
CODE = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}|<(script|style)\b.*?</\1>|<[^>]+>", re.DOTALL)


@pytest.fixture(scope="module")
def sources() -> str:
    python = [p for p in RACINE.glob("*/**/*.py") if not {".venv", "tests", "migrations", "benchmarks"} & set(p.relative_to(RACINE).parts)]
    return "\n".join(p.read_text() for p in [*python, *(RACINE / "templates" / gabarit for gabarit in GABARITS)])


def is_called_by_a_library(gabarit: str) -> bool:
    return gabarit in APPELES or gabarit in DE_ALLAUTH or gabarit.startswith(("admin/import_export/", "simple_history/"))


@pytest.mark.parametrize("gabarit", GABARITS)
def test_template_is_used(gabarit: str, sources: str) -> None:
    piece = gabarit.removeprefix("pdf/").removesuffix(".html")
    rendu_par_nom = gabarit.startswith("pdf/") and re.search(rf'render_partie\(\s*"{piece}"', sources) is not None
    assert is_called_by_a_library(gabarit) or f'"{gabarit}"' in sources or rendu_par_nom


@pytest.mark.parametrize("gabarit", GABARITS)
def test_template_compiles(gabarit: str) -> None:
    assert get_template(gabarit).template.name == gabarit


@pytest.mark.parametrize("gabarit", GABARITS)
def test_template_is_finished_and_speaks_french(gabarit: str) -> None:
    source = (RACINE / "templates" / gabarit).read_text()
    mots = set(re.findall(r"[\w-]+", CODE.sub(" ", source).lower()))
    assert not re.search(r"TODO|FIXME|XXX|lorem ipsum|(?<!Reste )à faire\b", source, re.IGNORECASE)
    assert mots & set(ANGLAIS) == set()


@pytest.mark.parametrize("gabarit", [g for g in GABARITS if g.endswith(".html")])
def test_attributes_read_aloud_speak_french(gabarit: str) -> None:
    source = (RACINE / "templates" / gabarit).read_text()
    lus = " ".join(re.findall(r"(?:aria-label|title|alt|placeholder|data-l)=\"([^\"]*)\"", source)).lower()
    assert set(re.findall(r"[\w-]+", lus)) & set(ANGLAIS) == set()


@pytest.mark.parametrize("gabarit", [g for g in GABARITS if g.endswith(".html")])
def test_pictures_are_described_and_identifiers_stand_once(gabarit: str) -> None:
    source = re.sub(r"\{%.*?%\}", "", (RACINE / "templates" / gabarit).read_text())
    assert not [img for img in re.findall(r"<img[^>]*>", source) if " alt=" not in img]
    identifiants = re.findall(r"\sid=\"([^\"{]+)\"", source)
    assert len(identifiants) == len(set(identifiants))
