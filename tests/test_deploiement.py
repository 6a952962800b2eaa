"""What the deployment documents say is what the code reads, and their files hold together."""

import ast
import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands

from socle.pieces import MAX_BYTES

VARIABLE = re.compile(r"(?:TRAITDUNION_[A-Z0-9_]+|DATABASE_URL|EMAIL_URL|PROMETHEUS_MULTIPROC_DIR)")
UNITES = ("*.service", "*.timer")


def read_variables(fichier: Path) -> set[str]:
    """Names of variables that a Python file asks for, those made of the keys of `EXPLOITANT` excepted."""
    textes = {n.value for n in ast.walk(ast.parse(fichier.read_text())) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return {texte for texte in textes if VARIABLE.fullmatch(texte) and not texte.endswith("_")}


@pytest.fixture
def dossier(root: Path) -> Path:
    return root / "docs" / "deploiement"


def test_table_of_variables_is_complete_and_names_no_other(root: Path, dossier: Path) -> None:
    texte = (root / "docs" / "deploiement.md").read_text()
    tableau = texte.partition("## Variables d’environnement")[2].partition("\n## ")[0]
    decrites = {v for ligne in tableau.splitlines() for v in VARIABLE.findall(ligne.split("|")[1] if ligne.startswith("| `") else "")}
    lues = set().union(
        *(read_variables(f) for f in (root / "config/settings.py", root / "socle/metriques.py", dossier / "gunicorn.conf.py"))
    )
    lues |= {f"TRAITDUNION_{cle.upper()}" for cle in settings.EXPLOITANT}
    assert decrites == lues


def test_model_of_variables_names_known_ones(root: Path, dossier: Path) -> None:
    donnees = {ligne.partition("=")[0] for ligne in (dossier / "traitdunion.env").read_text().splitlines() if not ligne.startswith("#")}
    texte = (root / "docs" / "deploiement.md").read_text()
    assert {nom for nom in donnees if f"`{nom}`" not in texte} == set()


def test_commands_of_the_units_exist(dossier: Path) -> None:
    textes = [f.read_text() for genre in UNITES for f in dossier.glob(genre)]
    nommees = {c for t in textes for c in re.findall(r"manage\.py (\w+)|traitdunion-commande@(\w+)\.service", t) for c in c if c}
    assert nommees >= {"backup", "check_documents", "send_resumes", "send_rappels"}
    assert nommees <= set(get_commands())


def test_timers_start_units_that_are_there(dossier: Path) -> None:
    minuteries = list(dossier.glob("*.timer"))
    assert len(minuteries) == 6
    for minuterie in minuteries:
        lue = configparser.ConfigParser(interpolation=None)
        lue.read_string(minuterie.read_text())
        modele = re.sub(r"@\w+\.", "@.", lue["Timer"]["Unit"])
        assert (dossier / modele).exists(), modele


def test_every_service_is_shut_in_the_same_way(dossier: Path) -> None:
    attendues = {
        "User=traitdunion",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "CapabilityBoundingSet=",
        "UMask=0077",
    }
    services = list(dossier.glob("*.service"))
    assert len(services) == 5
    assert {s.name: attendues - set(s.read_text().splitlines()) for s in services} == {s.name: set() for s in services}


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd n’est pas installé")
def test_systemd_understands_the_units(root: Path, dossier: Path, tmp_path: Path) -> None:
    copies = []
    for unite in sorted(f for genre in UNITES for f in dossier.glob(genre)):
        copie = tmp_path / unite.name
        copie.write_text(unite.read_text().replace("/srv/trait-d-union", str(root)))
        copies.append(str(copie))
    verdict = subprocess.run(["systemd-analyze", "verify", *copies], capture_output=True, text=True)
    assert [ligne for ligne in verdict.stderr.splitlines() if "traitdunion" in ligne] == []
    assert verdict.returncode == 0


def test_proxy_lets_through_what_the_product_accepts(dossier: Path) -> None:
    limite = re.search(r"client_max_body_size (\d+)m;", (dossier / "nginx.conf").read_text())
    assert limite
    assert int(limite[1]) * 1_000_000 > MAX_BYTES * 1.1
