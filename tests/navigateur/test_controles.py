"""Contradictions treated by somebody: checked, corrected, accepted, opened again; both recaps compared."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect

from comptes.models import Organisation
from financement.models import CoFinancement, MontantRecapDeclare, TotalDeclare
from tests import factories
from tests.navigateur.conftest import AGENTE, VERROU, Atelier, Visite
from tests.navigateur.controles import check_axe

Arrive = Callable[..., Visite]


def contradict(atelier: Atelier) -> None:
    """A sheet of 6 000 € by halves, which prints 6 100 € and of which the annex says 4 000 and 2 000."""
    atelier.cost("etudes", a2018=6_000)
    with VERROU:
        TotalDeclare.objects.create(fiche=atelier.fiche, annee=2018, montant=factories.euros(6_100))
        for cle, montant in [("dijon-metropole", 4_000), ("cci-cote-d-or", 2_000)]:
            organisation = Organisation.objects.get(cle=cle)
            CoFinancement.objects.create(fiche=atelier.fiche, financeur=organisation, taux=50)
            factories.RecapDeclareFactory(
                convention=atelier.convention, fiche=atelier.fiche, financeur=organisation, annee=2018, montant=factories.euros(montant)
            )
        factories.RecapDeclareFactory(
            convention=atelier.convention, fiche=atelier.fiche, financeur=None, annee=2018, montant=factories.euros(6_000)
        )


def show_card(page: Page, titre: str) -> Locator:
    return page.get_by_role("article").filter(has=page.get_by_role("heading", name=titre))


def test_contradictions_are_checked_corrected_undone_and_accepted(atelier: Atelier, arrive: Arrive, record_property: Any) -> None:
    contradict(atelier)
    visite = arrive(AGENTE)
    page = visite.go(atelier.locate("controles"))
    page.get_by_role("button", name="Vérifier maintenant").click()
    total = show_card(page, "E.A 1 : le total imprimé sur la fiche n’est pas la somme de ses lignes")
    expect(total).to_contain_text("6\u202f100\u00a0€")
    total.get_by_role("button", name="Imprimer 6").click()
    expect(page.get_by_role("status").first).to_contain_text("C’est fait.")
    expect(total).to_have_count(0)
    page.get_by_role("button", name="Annuler : E.A 1").click()
    expect(page.get_by_role("status").first).to_contain_text("Annulé : E.A 1")
    total.locator("summary").focus()
    page.keyboard.press("Enter")
    total.get_by_label("Pourquoi garder les deux valeurs").fill("Les 100 € sont un arrondi accepté par les deux.")
    check_axe(page, record_property)
    total.get_by_role("button", name="Accepter").click()
    page.get_by_role("link", name="Acceptés").click()
    expect(total).to_contain_text("Accepté par Nadia Ferrand")
    total.get_by_role("button", name="Poser de nouveau la question").click()
    expect(page.get_by_role("status").first).to_contain_text("La question est de nouveau posée.")
    assert visite.plaintes == []


def test_ticked_cells_are_taken_from_the_fiches_and_given_back(atelier: Atelier, arrive: Arrive) -> None:
    contradict(atelier)
    visite = arrive(AGENTE, javascript=False)
    page = visite.go(atelier.locate("rapprochement"))
    page.get_by_label("Régler E.A 1, 2018, Dijon Métropole").check()
    page.get_by_label("Régler E.A 1, 2018, CCI Côte-d’Or").check()
    page.get_by_role("button", name="Reprendre les fiches dans l’annexe").click()
    expect(page.get_by_text("L’annexe et les fiches disent la même chose")).to_be_visible()
    cellules = MontantRecapDeclare.objects.filter(fiche=atelier.fiche, financeur__isnull=False).order_by("pk")
    assert atelier.list(cellules, "montant") == [3_000, 3_000]
    page.get_by_role("button", name="Annuler : Valeurs des fiches").click()
    assert atelier.list(cellules, "montant") == [4_000, 2_000]
    page.get_by_label("Régler E.A 1, 2018, CCI Côte-d’Or").check()
    page.get_by_role("button", name="Reprendre l’annexe dans les fiches").click()
    parts = CoFinancement.objects.filter(fiche=atelier.fiche, annee=2018).order_by("pk")
    assert atelier.list(parts, "montant") == [4_000, 2_000]
