"""Page numbers of an assembled document.

A part knows neither its place nor the length of the whole: the print style writes REPERE where a number goes. When the part
is prepared, each place is noted; when the document is assembled, the number is written there in the font of the place.
The style stays the only source of the layout.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pikepdf
from pikepdf import Array, Operator

LARGEUR = 3  # figures a place is wide; a longer number starts a little before it
REPERE = "¤" * LARGEUR
# Spaces share glyphs, so that a font tells one for another.
PIED = re.compile(rf"Page\s{REPERE}\s/\s{REPERE}")
RENVOI = re.compile(rf"(,\spage)?\s{REPERE}")
PAGE, TOTAL = "@page", "@total"
Morceaux = list[str | float]  # glyph codes in hexadecimal, spacings, PAGE and TOTAL


@dataclass
class Folio:
    """A place for numbers: its page in the part (from 0), its bytes in the content of the page, what is written around it."""

    page: int
    debut: int
    fin: int
    police: str
    morceaux: Morceaux
    cible: str  # anchor whose page is told; empty for the page itself
    droite: bool  # ends where the place ends

    def write(self, show: Callable[[str, str], bytes], chasse: int, numero: int, total: int) -> bytes:
        """The instruction that shows the numbers; `show` gives the codes of a text in a font, `chasse` is the width of a figure."""
        valeurs = {PAGE: str(numero), TOTAL: str(total)}
        ecrits = [m if m not in valeurs else show(self.police, valeurs[str(m)]).hex() for m in self.morceaux]
        if self.droite:
            manque = sum(LARGEUR - len(valeurs[str(m)]) for m in self.morceaux if m in valeurs)
            ecrits.insert(0, float(-manque * chasse))
        return b"[" + b"".join(f"<{m}>".encode() if isinstance(m, str) else f"{m:.10g} ".encode() for m in ecrits) + b"] TJ"


@dataclass(frozen=True)
class Reperage:
    """A place found among the instructions of a page, before its bytes are known."""

    rang: int
    mcid: int
    police: str
    morceaux: Morceaux
    droite: bool


def find_reperes(instructions: Sequence[Any], textes: dict[int, str], cmaps: dict[str, dict[bytes, str]]) -> list[Reperage]:
    """Places for numbers in a page: in its footer, and after the words of links."""
    places = {mcid: texte for mcid, texte in textes.items() if PIED.fullmatch(texte) or RENVOI.fullmatch(texte)}
    trouves: list[Reperage] = []
    if not places:
        return trouves
    mcid, police = None, ""
    for rang, (operandes, operateur) in enumerate(instructions):
        nom = str(operateur)
        if nom == "BDC":
            proprietes = operandes[1]
            mcid = int(proprietes.MCID) if isinstance(proprietes, pikepdf.Dictionary) and "/MCID" in proprietes else None
        elif nom == "Tf":
            police = str(operandes[0])
        elif nom == "TJ" and mcid in places:
            signe = next((code for code, lettre in cmaps[police].items() if lettre == REPERE[0]), None)
            morceaux = cut_morceaux(operandes[0], signe) if signe else []
            if PAGE in morceaux:
                trouves.append(Reperage(rang, mcid, police, morceaux, not places[mcid].startswith(",")))
    return trouves


def cut_morceaux(liste: Array, signe: bytes) -> Morceaux:
    """Separate what is shown before, between and after the places of numbers; spacings inside a place go with it."""
    codes: list[bytes | float] = []
    for piece in liste:
        if isinstance(piece, pikepdf.String):
            octets = bytes(piece)
            codes += [octets[i : i + 2] for i in range(0, len(octets), 2)]
        else:
            codes.append(float(piece))
    morceaux: Morceaux = []
    valeurs, vus = [PAGE, TOTAL], 0
    for code in codes:
        if code == signe:
            if vus % LARGEUR == 0 and valeurs:
                morceaux.append(valeurs.pop(0))
            vus += 1
        elif isinstance(code, bytes):
            morceaux.append(code.hex())
        elif vus % LARGEUR == 0 and code:
            morceaux.append(code)
    return morceaux


def write_page(instructions: list[Any], reperages: Sequence[Reperage], cibles: dict[int, str], page: int) -> tuple[bytes, list[Folio]]:
    """The content of a page with its places noted; `cibles` gives the anchor of each marked content that tells a page."""
    morceaux: list[bytes] = []
    folios: list[Folio] = []
    debut = place = 0
    for reperage in reperages:
        avant = pikepdf.unparse_content_stream(instructions[debut : reperage.rang]) + b"\n"
        instruction = pikepdf.unparse_content_stream([pikepdf.ContentStreamInstruction(instructions[reperage.rang][0], Operator("TJ"))])
        place += len(avant)
        folios.append(
            Folio(page, place, place + len(instruction), reperage.police, reperage.morceaux, cibles.get(reperage.mcid, ""), reperage.droite)
        )
        morceaux += [avant, instruction, b"\n"]
        place += len(instruction) + 1
        debut = reperage.rang + 1
    morceaux.append(pikepdf.unparse_content_stream(instructions[debut:]))
    return b"".join(morceaux), folios
