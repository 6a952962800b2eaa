"""Light formatting of texts: paragraphs, lists, bold and sub-headings, the same on page and in PDF.

Stored as Markdown, so that a text stays readable in a form, a diff and a spreadsheet. Anything else that Markdown
or HTML allows (links, images, tags, code) is shown as it was typed, never interpreted.
"""

import re
from functools import lru_cache

import nh3
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

BALISES = {"p", "ul", "ol", "li", "strong", "h2", "h3", "h4", "h5", "br", "span"}
_MARKDOWN = MarkdownIt("zero", {"html": False, "breaks": True, "typographer": False}).enable(
    ["heading", "list", "emphasis", "newline", "escape"]
)


def render_texte(texte: str, niveau: int = 4, blancs: dict[str, str] | None = None) -> SafeString:
    """Render a light text as safe HTML; sub-headings become `h<niveau>`, or plain paragraphs in bold when `niveau` is 0.

    `blancs` maps a marker of the text (one private-use character) to the safe HTML put in its place afterwards.
    """
    html = _render(texte or "", niveau)
    if blancs:
        # One pass: what a value holds is never read again as a marker.
        html = re.sub("[" + "".join(blancs) + "]", lambda marque: blancs[marque[0]], html)
    return mark_safe(html)  # noqa: S308 (cleaned by nh3 in `_render`; replacements are escaped by the caller)


@lru_cache(maxsize=4000)
def _render(texte: str, niveau: int) -> str:
    """The same text is read again and again, by pages and documents."""
    tokens = _MARKDOWN.parse(texte)
    for token in tokens:
        _tame(token, niveau)
    html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return nh3.clean(html, tags=BALISES, attributes={"ul": {"class"}, "p": {"class"}}, link_rel=None)


def _tame(token: Token, niveau: int) -> None:
    """Keep one level of heading, dash lists, and only bold among the emphases."""
    if token.type in {"heading_open", "heading_close"}:
        token.tag = f"h{niveau}" if niveau else "p"
        if not niveau and token.type == "heading_open":
            token.attrSet("class", "intertitre")
    if token.type == "bullet_list_open":
        token.attrSet("class", "tirets")
    for enfant in token.children or []:
        if enfant.type in {"em_open", "em_close"}:
            enfant.tag = "span"


def keep_writable(texte: str) -> str:
    """A typed text without what no keyboard types and no database keeps: NUL, halves of characters."""
    return texte.encode("utf-8", "replace").decode().replace("\x00", "")


def plain_texte(texte: str) -> str:
    """The words of a light text on one line, without its marks."""
    return re.sub(r"\s+", " ", re.sub(r"(?m)^\s*(?:[-*]|#{1,6}|\d+\.)\s+|\*\*", "", texte or "")).strip()


def render_blanc(points: int) -> SafeString:
    """A dotted blank, said aloud as what it is."""
    return format_html('<span class="blanc" aria-hidden="true">{}</span><span class="visually-hidden">(à compléter)</span>', "." * points)
