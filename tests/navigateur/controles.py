"""What every page must be, whatever it shows: accessible, on a screen and on a phone, within its width."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.navigateur.conftest import ETROIT, TELEPHONE, Visite

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def check_axe(page: Page, record_property: Any) -> None:
    resultats = Axe().run(page, options={"runOnly": [*WCAG, "best-practice"], "resultTypes": ["violations"]}).response["violations"]
    manquements = []
    for v in resultats:
        ligne = f"{v['id']} : {v['help']} @ {[n['target'] for n in v['nodes'][:3]]} {v['nodes'][0]['failureSummary']}"
        if set(v["tags"]) & set(WCAG):
            manquements.append(ligne)
        else:
            record_property("axe_best_practice", ligne)
            print("bonne pratique :", ligne)
    assert manquements == []


def overflow(page: Page) -> list[str]:
    """Elements that push the document wider than the window."""
    return page.evaluate(
        """() => document.documentElement.scrollWidth <= window.innerWidth ? [] : [...document.querySelectorAll("body *")]
        .filter(e => e.getBoundingClientRect().right > window.innerWidth + 1)
        .slice(0, 6).map(e => `${e.tagName}.${e.className} ${Math.round(e.getBoundingClientRect().right)}`)
        .concat(`document ${document.documentElement.scrollWidth}`)"""
    )


def check_page(visite: Visite, record_property: Any, sombre: bool = False) -> None:
    """The page as it stands on a screen, then on a phone (in the dark when asked) and on a narrow one."""
    check_axe(visite.page, record_property)
    if sombre:
        visite.page.evaluate("() => document.documentElement.dataset.bsTheme = 'dark'")
    visite.resize(TELEPHONE)
    check_axe(visite.page, record_property)
    debordements = {TELEPHONE: overflow(visite.page)}
    visite.resize(ETROIT)
    debordements[ETROIT] = overflow(visite.page)
    assert debordements == {TELEPHONE: [], ETROIT: []}
