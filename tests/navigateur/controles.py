"""What every page must be, whatever it shows: accessible, on a screen and on a phone, within its width."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.navigateur.conftest import ETROIT, TELEPHONE, Visite

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


# What another width or another theme can change of a page already checked whole: colours, sizes, what is shown or hidden.
SELON_LA_LARGEUR = [
    "aria-hidden-focus",
    "button-name",
    "color-contrast",
    "label",
    "link-in-text-block",
    "link-name",
    "nested-interactive",
    "scrollable-region-focusable",
    "select-name",
    "target-size",
]


def check_axe(page: Page, record_property: Any, regles: list[str] | None = None) -> None:
    """No failure of WCAG 2.2 AA, by all of its rules or by some."""
    voulues = {"type": "rule", "values": regles} if regles else {"type": "tag", "values": WCAG}
    options = {"runOnly": voulues, "resultTypes": ["violations"]}
    if regles is None:
        options["rules"] = {"target-size": {"enabled": True}}
    resultats = Axe().run(page, options=options).response["violations"]
    manquements = []
    for v in resultats:
        manquements.append(f"{v['id']} : {v['help']} @ {[n['target'] for n in v['nodes'][:3]]} {v['nodes'][0]['failureSummary']}")
    for manquement in manquements:
        record_property("axe", manquement)
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
    check_axe(visite.page, record_property, SELON_LA_LARGEUR)
    debordements = {TELEPHONE: overflow(visite.page)}
    visite.resize(ETROIT)
    debordements[ETROIT] = overflow(visite.page)
    assert debordements == {TELEPHONE: [], ETROIT: []}
