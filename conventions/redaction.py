"""Texts of a convention as they are read: variables filled in, blanks dotted, tables left to the page."""

import re
from dataclasses import dataclass

from django.utils.html import format_html
from django.utils.safestring import SafeString

from conventions.articles import Article
from conventions.conventions import Convention
from conventions.variables import BLOCS, MOTIF, Valeur, read_values
from socle.texte import render_blanc, render_texte

MARQUE = 0xE000  # first private-use character: stands for a value while the text is laid out
MARQUES = dict.fromkeys(range(MARQUE, 0xF900))


@dataclass(frozen=True)
class Morceau:
    """A stretch of text, or the name of a block (a table) that the page draws itself."""

    html: SafeString | None = None
    bloc: str = ""


@dataclass(frozen=True)
class ArticleRedige:
    """An article ready to be read."""

    article: Article
    morceaux: list[Morceau]


@dataclass(frozen=True)
class TexteConvention:
    """The preamble and the articles of a convention, filled in."""

    preambule: list[Morceau]
    articles: list[ArticleRedige]


def write_convention(convention: Convention, niveau_preambule: int = 3, niveau_articles: int = 3) -> TexteConvention:
    """Fill the preamble and the articles; their sub-headings take the levels given."""
    valeurs = read_values(convention)
    return TexteConvention(
        write_texte(convention.preambule, valeurs, niveau_preambule),
        [ArticleRedige(a, write_texte(a.texte, valeurs, niveau_articles)) for a in convention.articles.all()],
    )


def write_texte(texte: str, valeurs: dict[str, Valeur], niveau: int = 3) -> list[Morceau]:
    """Fill one text: values in semibold, unknown ones as a dotted blank, unknown names left as typed."""
    texte = texte.translate(MARQUES)
    morceaux: list[Morceau] = []
    courant: list[str] = []
    for ligne in texte.splitlines():
        nom = MOTIF.fullmatch(ligne.strip())
        if nom and nom[1] in BLOCS:
            morceaux += [_render("\n".join(courant), valeurs, niveau), Morceau(bloc=nom[1])]
            courant = []
        else:
            courant.append(ligne)
    morceaux.append(_render("\n".join(courant), valeurs, niveau))
    return [m for m in morceaux if m.html or m.bloc]


def _render(texte: str, valeurs: dict[str, Valeur], niveau: int) -> Morceau:
    remplacements: dict[str, str] = {}

    def mark(match: re.Match[str]) -> str:
        nom = match[1]
        marque = chr(MARQUE + len(remplacements))
        remplacements[marque] = render_valeur(valeurs[nom]) if nom in valeurs else format_html("{}", match[0])
        return marque

    return Morceau(render_texte(MOTIF.sub(mark, texte), niveau, remplacements))


def render_valeur(valeur: Valeur) -> SafeString:
    """A value, or the blank that stands for it."""
    if valeur.texte is None:
        return render_blanc(valeur.blanc)
    if not valeur.marquee:
        return format_html("{}", valeur.texte)
    return format_html('<strong class="valeur">{}</strong>', valeur.texte)
