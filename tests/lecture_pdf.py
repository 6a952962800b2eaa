"""A PDF read back for the tests: words with their place, structure tree, links, bookmarks."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from typing import Any

import pikepdf
import pypdf
from pikepdf import Array, Dictionary, Matrix, Name


@dataclass
class Bout:
    """Words painted at one place of a page."""

    mcid: int | None
    artefact: bool
    hauteur: float
    texte: str


@dataclass
class Element:
    """An element of the structure tree, with the pages and words below it."""

    type: str
    parents: tuple[str, ...]
    alternative: str = ""
    bouts: list[tuple[int, Bout]] = field(default_factory=list)
    annotations: list[Any] = field(default_factory=list)

    @property
    def texte(self) -> str:
        return join(bout.texte for _, bout in self.bouts)

    @property
    def pages(self) -> set[int]:
        return {page for page, _ in self.bouts}


def join(morceaux: Iterable[str]) -> str:
    return " ".join(" ".join(morceaux).split())


class Lecture:
    """A PDF read back; pages are numbered from 1, as printed."""

    def __init__(self, contenu: bytes) -> None:
        self.contenu = contenu
        self.pdf = pikepdf.open(BytesIO(contenu))
        self.pypdf = pypdf.PdfReader(BytesIO(contenu))

    @cached_property
    def textes(self) -> dict[int, str]:
        return {n: join(b.texte for b in bouts) for n, bouts in self.bouts.items()}

    @cached_property
    def bouts(self) -> dict[int, list[Bout]]:
        return {n: list(read_bouts(page)) for n, page in enumerate(self.pdf.pages, 1)}

    @cached_property
    def elements(self) -> list[Element]:
        numeros = {page.objgen: n for n, page in enumerate(self.pdf.pages, 1)}
        places = {(n, b.mcid): [] for n, bouts in self.bouts.items() for b in bouts}
        for n, bouts in self.bouts.items():
            for bout in bouts:
                places[n, bout.mcid].append((n, bout))
        elements: list[Element] = []

        def visit(noeud: Any, page: Any, ouverts: list[Element]) -> None:
            if isinstance(noeud, int):
                for element in ouverts:
                    element.bouts += places.get((numeros[page.objgen], noeud), [])
                return
            page = noeud.get("/Pg", page)
            if noeud.get("/Type") == Name.OBJR:
                for element in ouverts:
                    element.annotations.append(noeud.Obj)
            elif noeud.get("/Type") == Name.MCR:
                visit(int(noeud.MCID), page, ouverts)
            else:
                if "/S" in noeud:
                    elements.append(Element(str(noeud.S)[1:], tuple(e.type for e in ouverts), str(noeud.get("/Alt", ""))))
                    ouverts = [*ouverts, elements[-1]]
                enfants = noeud.get("/K", Array())
                for enfant in enfants if isinstance(enfants, Array) else [enfants]:
                    visit(enfant, page, ouverts)

        visit(self.pdf.Root.StructTreeRoot, None, [])
        return elements

    def of(self, *types: str) -> list[Element]:
        return [e for e in self.elements if e.type in types and e.bouts]

    @cached_property
    def titres(self) -> list[Element]:
        return [e for e in self.elements if re.fullmatch(r"H[1-6]", e.type)]

    @property
    def orphelins(self) -> list[tuple[int, str]]:
        """Headings and captions that end a page."""
        bas = {n: min(b.hauteur for b in bouts if not b.artefact) for n, bouts in self.bouts.items()}
        intitules = [e for e in self.elements if re.fullmatch(r"H[1-6]|Caption", e.type)]
        return [(n, e.texte) for e in intitules for n, b in e.bouts if b.hauteur <= bas[n]]

    @property
    def destinations(self) -> dict[str, int]:
        return {nom: self.pypdf.get_destination_page_number(d) + 1 for nom, d in self.pypdf.named_destinations.items()}

    @property
    def signets(self) -> list[tuple[str, int]]:
        def walk(noeuds: list[Any]) -> Iterator[tuple[str, int]]:
            for noeud in noeuds:
                if isinstance(noeud, list):
                    yield from walk(noeud)
                else:
                    yield join([noeud.title]), self.pypdf.get_destination_page_number(noeud) + 1

        return list(walk(self.pypdf.outline))


def read_bouts(page: pikepdf.Page) -> Iterator[Bout]:
    """Walk the content of a page: where each text stands, to which marked content it belongs."""
    cmaps: dict[str, dict[bytes, str]] = {}
    for nom, police in page.resources.get("/Font", {}).items():
        paires = re.findall(rb"<([0-9a-fA-F]{4})>\s*<([0-9a-fA-F]+)>", police.ToUnicode.read_bytes())
        cmaps[nom] = {bytes.fromhex(c.decode()): bytes.fromhex(t.decode()).decode("utf-16-be", "replace") for c, t in paires}
    pile, ouverts, cmap, texte = [Matrix()], [], {}, Matrix()
    for operandes, operateur in pikepdf.parse_content_stream(page):
        match str(operateur):
            case "q":
                pile.append(pile[-1])
            case "Q":
                pile.pop()
            case "cm":
                pile[-1] = Matrix(*(float(o) for o in operandes)) @ pile[-1]
            case "Tm":
                texte = Matrix(*(float(o) for o in operandes)) @ pile[-1]
            case "Tf":
                cmap = cmaps[str(operandes[0])]
            case "BMC" | "BDC":
                proprietes = operandes[1] if len(operandes) > 1 else None
                mcid = int(proprietes.MCID) if isinstance(proprietes, Dictionary) and "/MCID" in proprietes else None
                ouverts.append((mcid, operandes[0] == Name.Artifact))
            case "EMC":
                ouverts.pop()
            case "Tj" | "TJ":
                chaines = operandes[0] if isinstance(operandes[0], Array) else [operandes[0]]
                octets = b"".join(bytes(c) for c in chaines if isinstance(c, pikepdf.String))
                mots = "".join(cmap.get(octets[i : i + 2], "?") for i in range(0, len(octets), 2))
                mcid, artefact = ouverts[-1] if ouverts else (None, False)
                yield Bout(mcid, artefact, texte.f, mots)
