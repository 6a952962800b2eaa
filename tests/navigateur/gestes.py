"""What a person does in the editor, and what they see there."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.navigateur.conftest import Atelier, Visite

ENREGISTRE = re.compile(r"^Tout est enregistré")


def open_editor(visite: Visite, atelier: Atelier, suite: str = "") -> Page:
    """Open the fiche where it is written, its script ready."""
    page = visite.go(atelier.locate("fiche_modifier", suite))
    wait_ready(page)
    return page


def wait_ready(page: Page) -> None:
    expect(page.locator("html[data-editeur=pret]")).to_be_attached()


def sentence(page: Page) -> Locator:
    return page.locator("[data-etat-texte]")


def wait_saved(page: Page) -> None:
    """The page says that nothing is left to save: the database may be read."""
    expect(sentence(page)).to_have_text(ENREGISTRE)


def field(page: Page, champ: str) -> Locator:
    """The control of a field, by its key."""
    return page.locator(f'[name="{champ}"]:not([type=hidden])')


def block(page: Page, champ: str) -> Locator:
    """A field with its label, its tools and what is told about it."""
    return page.locator(f'[data-champ="{champ}"]')


def cell(page: Page, nom: str) -> Locator:
    """A cell of a grid, by its row and its column in words."""
    return page.get_by_label(nom, exact=True)


def total(page: Page, place: str = "ensemble") -> Locator:
    """A figure of the page, by the name of its place."""
    return page.locator(f'[data-grille] [data-place="{place}"], [data-parts] [data-place="{place}"]')


def amount(texte: str) -> re.Pattern[str]:
    """An amount at the beginning of a figure, whatever its spaces; days may follow."""
    return re.compile(rf"^\s*{spaced(texte)}")


def spaced(texte: str) -> str:
    return r"\s".join(texte.split(" "))


def paste(place: Locator, texte: str, html: str = "") -> None:
    """Paste as a browser does: an event that carries the text, and the HTML when the source had one."""
    place.focus()
    place.evaluate(
        """(el, [texte, html]) => {
        const contenu = new DataTransfer();
        contenu.setData("text/plain", texte);
        if (html) contenu.setData("text/html", html);
        el.dispatchEvent(new ClipboardEvent("paste", { clipboardData: contenu, bubbles: true, cancelable: true }));
        }""",
        [texte, html],
    )


def reach(page: Page, nom: str, touche: str = "Tab") -> None:
    """Press a key until the focused element bears this name."""
    vus = []
    for _ in range(80):
        page.keyboard.press(touche)
        vu = page.evaluate(
            """() => { const e = document.activeElement;
            return (e.getAttribute("aria-label") || e.labels?.[0]?.textContent || e.textContent || "").replace(/\\s+/g, " ").trim() }"""
        )
        if vu == nom:
            return
        vus.append(vu)
    raise AssertionError(f"« {nom} » ne s’atteint pas au clavier, après {vus}")
