"""Pages of the Django admin under our content security policy."""

from collections.abc import Callable

import pytest

from conventions.models import Convention
from fiches.models import FicheAction
from financement.models import LigneCout
from tests.navigateur.conftest import ADMINISTRATRICE, Visite, build_address

pytestmark = pytest.mark.usefixtures("lenient_templates")
Arrive = Callable[..., Visite]


def find_addresses() -> dict[str, str]:
    convention = Convention.objects.get(reference="DIJON-CCI21-2018").pk
    fiche = FicheAction.objects.get(convention=convention, code="E.A 1.3.2").pk
    ligne = LigneCout.objects.filter(fiche=fiche).first().pk
    return {
        "accueil": build_address("admin:index"),
        "liste": build_address("admin:financement_lignecout_changelist"),
        "liste des utilisateurs": build_address("admin:comptes_utilisateur_changelist"),
        "convention et ses lignes": build_address("admin:conventions_convention_change", convention),
        "nouvelle convention": build_address("admin:conventions_convention_add"),
        "fiche et ses lignes": build_address("admin:fiches_ficheaction_change", fiche),
        "nature": build_address("admin:financement_naturedepense_add"),
        "organisation": build_address("admin:comptes_organisation_add"),
        "historique": build_address("admin:financement_lignecout_history", ligne),
        "export": build_address("admin:financement_lignecout_export"),
        "import": build_address("admin:financement_lignecout_import"),
        "suppression": build_address("admin:financement_lignecout_delete", ligne),
    }


NOMS = [
    "accueil",
    "liste",
    "liste des utilisateurs",
    "convention et ses lignes",
    "nouvelle convention",
    "fiche et ses lignes",
    "nature",
    "organisation",
    "historique",
    "export",
    "import",
    "suppression",
]


@pytest.mark.parametrize("nom", NOMS)
def test_admin_page_raises_no_complaint(arrive: Arrive, nom: str) -> None:
    visite = arrive(ADMINISTRATRICE)
    visite.go(find_addresses()[nom])
    visite.page.wait_for_load_state("networkidle")
    assert visite.plaintes == []


def test_every_address_is_visited(site: object) -> None:
    assert set(find_addresses()) == set(NOMS)


def test_inline_row_is_added_by_the_admin_script(arrive: Arrive) -> None:
    visite = arrive(ADMINISTRATRICE)
    page = visite.go(find_addresses()["convention et ses lignes"])
    lignes = page.locator("#objectifs-group tr.dynamic-objectifs")
    avant = lignes.count()
    page.locator("#objectifs-group .add-row a").click()
    assert lignes.count() == avant + 1
    assert visite.plaintes == []
