"""PDF engine behind one function: a document of several parts in, PDF/A-3a + PDF/UA-1 out.

Each part starts on a new page and is typeset alone, once for the same content; the whole is then assembled, which takes some
tenths of a second however long it is. Nothing waits for what did not change.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from socle import pdf_cahiers, pdf_moteur
from socle.pdf_assemblage import Description, PieceJointe, assemble
from socle.pdf_finition import AILLEURS, Prepare, prepare
from socle.pdf_moteur import RESSOURCE, MoteurAbsent, RessourceRefusee

__all__ = ["RESSOURCE", "Avancement", "Cahier", "Description", "Document", "MoteurAbsent", "PieceJointe", "RessourceRefusee", "render_pdf"]
ANCRE = re.compile(r'\bid="([^"]+)"')
LIEN = re.compile(r'\bhref="#([^"]+)"')
Avancement = Callable[[int, int, str], None]  # parts done, parts in all, the one that comes


@dataclass(frozen=True)
class Cahier:
    """A part: its name, which screen readers tell, and its HTML, a whole page of its own."""

    nom: str
    html: str
    sommaire: bool = False

    @cached_property
    def autonome(self) -> str:
        """The HTML with the links that leave the part written as addresses: the engine drops those it cannot follow."""
        ici = set(ANCRE.findall(self.html))
        return LIEN.sub(lambda lien: lien[0] if lien[1] in ici else f'href="{AILLEURS}{lien[1]}"', self.html)


@dataclass(frozen=True)
class Document:
    """What the engine needs: parts, description, what they may load, what the document carries."""

    cahiers: Sequence[Cahier]
    description: Description
    ressources: Mapping[str, tuple[bytes, str]] = field(default_factory=dict)
    pieces: Sequence[PieceJointe] = ()

    @property
    def html(self) -> str:
        """All that is printed, in one text."""
        return "\n".join(cahier.html for cahier in self.cahiers)

    @cached_property
    def cles(self) -> list[str]:
        """Fingerprint of each part, by all that it is made from. Raises MoteurAbsent."""
        moteur = pdf_moteur.compute_empreinte_moteur()
        feuille = pdf_moteur.compute_empreinte_feuille(pdf_moteur.FEUILLE.stat().st_mtime_ns)
        cles = []
        for cahier in self.cahiers:
            somme = hashlib.sha256(f"{moteur}\n{feuille}\n{cahier.sommaire}\n{cahier.autonome}".encode())
            for nom, (contenu, type_mime) in sorted(self.ressources.items()):
                if RESSOURCE + nom in cahier.html:
                    somme.update(f"\n{nom} {type_mime} ".encode() + hashlib.sha256(contenu).digest())
            cles.append(somme.hexdigest())
        return cles

    @cached_property
    def cle(self) -> str:
        """Fingerprint of the whole."""
        d = self.description
        somme = hashlib.sha256("\n".join([*self.cles, *(c.nom for c in self.cahiers), d.titre, d.auteur, d.sujet, str(d.jour)]).encode())
        for piece in self.pieces:
            somme.update(f"\n{piece.nom} {piece.description} {piece.relation} ".encode() + hashlib.sha256(piece.contenu).digest())
        return somme.hexdigest()

    def list_missing(self) -> list[int]:
        """Ranks of the parts that are not typeset yet."""
        return [rang for rang, cle in enumerate(self.cles) if not pdf_cahiers.has_cahier(cle)]


def render_pdf(document: Document, avancer: Avancement | None = None) -> bytes:
    """The document; the same one always gives the same bytes. Raises MoteurAbsent without pango, RessourceRefusee."""
    connu = pdf_cahiers.read_document(document.cle)
    if connu is not None:
        return connu
    prets = render_cahiers(document, avancer)
    pdf = assemble([(c.nom, pret) for c, pret in zip(document.cahiers, prets, strict=True)], document.description, document.pieces)
    pdf_cahiers.keep_document(document.cle, pdf)
    return pdf


def render_cahiers(document: Document, avancer: Avancement | None = None, *, rebours: bool = False) -> list[Prepare]:
    """Typeset the parts that are not yet, in order; `rebours` starts by the end, for a second worker that meets the first one."""
    prets: dict[int, Prepare] = {}
    rangs = range(len(document.cahiers))
    for fait, rang in enumerate(reversed(rangs) if rebours else rangs):
        cle, cahier = document.cles[rang], document.cahiers[rang]
        pret = pdf_cahiers.read_cahier(cle)
        if pret is None:
            if avancer:
                avancer(fait, len(rangs), cahier.nom)
            pret = prepare(pdf_moteur.render_html(cahier.autonome, document.ressources), cle[:10], cahier.sommaire)
            pdf_cahiers.keep_cahier(cle, pret)
        prets[rang] = pret
    return [prets[rang] for rang in rangs]
