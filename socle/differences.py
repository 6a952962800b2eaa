"""Two texts told apart word by word, as a reader would mark them."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

GARDES = 12  # words of common text kept around a change; the rest of a long passage is folded
MAX_MOTS = 6000  # beyond, the comparison goes line by line: quadratic time on words would be felt


def compare(avant: str, apres: str) -> Iterator[tuple[str, str]]:
    """Stretches of text in order, each `("garde" | "retire" | "ajoute", text)`; joining keeps with either gives the two texts."""
    a, b = _cut(avant), _cut(apres)
    if len(a) + len(b) > MAX_MOTS:
        a, b = avant.splitlines(keepends=True), apres.splitlines(keepends=True)
    for acte, a1, a2, b1, b2 in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if acte == "equal":
            yield "garde", "".join(a[a1:a2])
            continue
        if a2 > a1:
            yield "retire", "".join(a[a1:a2])
        if b2 > b1:
            yield "ajoute", "".join(b[b1:b2])


def render_difference(avant: str, apres: str, entier: bool = False) -> SafeString:
    """The difference as HTML: `<del>` and `<ins>`, each said aloud; long common passages folded unless `entier`."""
    morceaux = list(compare(avant, apres))
    html = []
    for rang, (acte, texte) in enumerate(morceaux):
        if acte == "retire":
            html.append(format_html('<del><span class="visually-hidden"> retiré : </span>{}</del>', texte))
        elif acte == "ajoute":
            html.append(format_html('<ins><span class="visually-hidden"> ajouté : </span>{}</ins>', texte))
        else:
            html.append(format_html("{}", texte if entier else _fold(texte, rang == 0, rang == len(morceaux) - 1)))
    return format_html_join("", "{}", ((h,) for h in html))


def _cut(texte: str) -> list[str]:
    """Words, spaces and marks, each apart."""
    return re.findall(r"\w+|\s+|[^\w\s]", texte)


def _fold(texte: str, debut: bool, fin: bool) -> str:
    """The ends of a common passage, « […] » for what is between."""
    mots = re.findall(r"\S+\s*|\s+", texte)
    if len(mots) <= 2 * GARDES + 4:
        return texte
    gauche = "" if debut else "".join(mots[:GARDES])
    droite = "" if fin else "".join(mots[-GARDES:])
    return f"{gauche}[…] {droite}"
