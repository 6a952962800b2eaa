"""Preparing a rendered part: what PDF/UA-1 asks beyond the engine's PDF/A-3a output, and what the assembly will need.

- running lines (margin boxes) and leader dots become artifacts, so that a screen reader does not read them;
- one annotation a link: the engine adds one for each box nested in `<a>`;
- places of page numbers, anchors, bookmarks and fonts are noted and taken out: they are those of the whole document.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Operator, Pdf

from socle.pdf_folios import RENVOI, Folio, Reperage, find_reperes, write_page
from socle.pdf_polices import Police, read_cmap, read_polices

Object = Any  # pikepdf objects answer to what their PDF type has

AILLEURS = "urn:ancre:"  # an anchor of another part: the engine would drop a link it cannot follow
POINTS = set(". \u2009\u00a0")
PlaceMarquee = tuple[Any, int]  # page object, marked-content identifier


@dataclass
class Prepare:
    """A part ready to be assembled: a PDF without its fonts of ours, and what the whole needs to know of it."""

    pdf: bytes
    pages: int
    ancres: dict[str, tuple[int, float, float]]  # anchor to page (from 0), x, y
    signets: list[tuple[int, str, int, float, float]]  # level, title, page, x, y
    folios: list[Folio]
    polices: dict[str, Police]


def prepare(brut: bytes, marque: str, sommaire: bool = False) -> Prepare:
    """Make a rendered part ready; `marque` tells its identifiers from those of other parts. Raises pikepdf.PdfError.

    The lists of a `sommaire` are tables of contents.
    """
    with Pdf.open(BytesIO(brut)) as pdf:
        parents = ParentTree(pdf)
        drop_nested_annotations(pdf, parents)
        textes, pages = mark_artifacts(pdf, parents)
        cibles = name_links(pdf, parents, textes)
        folios = []
        for rang, (page, instructions, reperages) in enumerate(pages):
            contenu, trouves = write_page(instructions, reperages, {m: c for (p, m), c in cibles.items() if p == page.obj.objgen}, rang)
            page.obj.Contents = pdf.make_stream(contenu)
            folios += trouves
        prune_empty(pdf.Root.StructTreeRoot)
        parents.write()
        mark_headers(pdf, marque)
        if sommaire:
            tag_contents(pdf)
        ancres, signets = read_ancres(pdf), read_signets(pdf)
        polices = read_polices(pdf)
        for cle in ("/Names", "/Outlines", "/Metadata"):
            if cle in pdf.Root:
                del pdf.Root[cle]
        sortie = BytesIO()
        pdf.save(
            sortie, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate, compress_streams=True, min_version="1.7"
        )
        return Prepare(sortie.getvalue(), len(pdf.pages), ancres, signets, folios, polices)


def tag_contents(pdf: Pdf) -> None:
    """Say that a list is a table of contents."""
    noms = {Name.L: Name.TOC, Name.LI: Name.TOCI, Name.LBody: Name.NonStruct}
    for element in walk(pdf.Root.StructTreeRoot):
        if element.get("/S") in noms:
            element.S = noms[element.S]


def mark_headers(pdf: Pdf, marque: str) -> None:
    """Head cells are named by the engine with numbers that every part uses again; those of the part are listed in its tree."""
    noms = Array()
    for element in walk(pdf.Root.StructTreeRoot):
        if "/ID" in element:
            element.ID = pikepdf.String(f"{marque}-{element.ID}")
            noms.append(element.ID)
            noms.append(element)
        attributs: Any = element.get("/A")
        if isinstance(attributs, Dictionary) and "/Headers" in attributs:
            attributs.Headers = Array([pikepdf.String(f"{marque}-{nom}") for nom in attributs.Headers])
    pdf.Root.StructTreeRoot.IDTree = Dictionary(Names=noms)


def read_ancres(pdf: Pdf) -> dict[str, tuple[int, float, float]]:
    """Places that links may lead to."""
    rangs = {page.objgen: rang for rang, page in enumerate(pdf.pages)}
    noms: list[Any] = list(pdf.Root.get("/Names", Dictionary()).get("/Dests", Dictionary()).get("/Names", Array()))
    return {str(nom): (rangs[place[0].objgen], float(place[2]), float(place[3])) for nom, place in zip(noms[::2], noms[1::2], strict=True)}


def read_signets(pdf: Pdf) -> list[tuple[int, str, int, float, float]]:
    """Bookmarks in reading order."""
    rangs = {page.objgen: rang for rang, page in enumerate(pdf.pages)}
    signets = []

    def read(element: Any, niveau: int) -> None:
        while element is not None:
            place = element.Dest
            signets.append((niveau, str(element.Title), rangs[place[0].objgen], float(place[2]), float(place[3])))
            read(element.get("/First"), niveau + 1)
            element = element.get("/Next")

    read(pdf.Root.get("/Outlines", Dictionary()).get("/First"), 1)
    return signets


class ParentTree:
    """The table from content to structure elements, read once and written back."""

    def __init__(self, pdf: Pdf) -> None:
        self.racine = pdf.Root.StructTreeRoot
        self.entrees: dict[int, Object | None] = {}
        nums = list(self.racine.ParentTree.Nums)
        for cle, valeur in zip(nums[::2], nums[1::2], strict=True):
            self.entrees[int(cle)] = valeur

    def write(self) -> None:
        """Write the table back; removed entries disappear."""
        nums = Array()
        for cle, valeur in sorted(self.entrees.items()):
            if valeur is not None:
                nums.append(cle)
                nums.append(valeur)
        self.racine.ParentTree.Nums = nums


def drop_nested_annotations(pdf: Pdf, parents: ParentTree) -> None:
    """Keep the annotation that a Link element owns; those of the boxes inside it cover the same words twice."""
    for page in pdf.pages:
        annotations: Any = page.obj.get("/Annots")
        if annotations is None:
            continue
        gardees = []
        for annotation in annotations:
            cle: Any = annotation.get("/StructParent")
            element = parents.entrees.get(int(cle)) if cle is not None else None
            if element is None or element.get("/S") == Name.Link:
                gardees.append(annotation)
                continue
            _remove_objr(element, annotation)
            parents.entrees[int(cle)] = None
        page.obj.Annots = Array(gardees)


def _remove_objr(element: Object, annotation: Object) -> None:
    """Forget the reference from a structure element to an annotation."""
    enfants = element.get("/K")
    liste = list(enfants) if isinstance(enfants, Array) else [enfants]
    gardes = [e for e in liste if not (isinstance(e, Dictionary) and e.get("/Type") == Name.OBJR and e.Obj.objgen == annotation.objgen)]
    element.K = Array(gardes)


def walk(element: Object) -> Iterator[Object]:
    """Structure elements below `element`, itself first."""
    pile = [element]
    while pile:
        courant = pile.pop()
        if not isinstance(courant, Dictionary):
            continue
        yield courant
        enfants = courant.get("/K")
        if enfants is not None:
            pile.extend(reversed(list(enfants)) if isinstance(enfants, Array) else [enfants])


def list_contents(pdf: Pdf) -> dict[PlaceMarquee, Object]:
    """Marked contents that the structure tree reaches, with the element that owns each."""
    contenus = {}
    for element in walk(pdf.Root.StructTreeRoot):
        page: Any = element.get("/Pg")
        enfants = element.get("/K")
        for enfant in list(enfants) if isinstance(enfants, Array) else [enfants]:
            if isinstance(enfant, int) and page is not None:
                contenus[page.objgen, int(enfant)] = element
            elif isinstance(enfant, Dictionary) and enfant.get("/Type") == Name.MCR:
                contenus[enfant.get("/Pg", page).objgen, int(enfant.MCID)] = element
    return contenus


Page = tuple[pikepdf.Page, list[Any], list[Reperage]]


def mark_artifacts(pdf: Pdf, parents: ParentTree) -> tuple[dict[PlaceMarquee, str], list[Page]]:
    """Turn content outside the structure (running lines) and leader dots into artifacts.

    Returns the text of the rest, and each page with its instructions and the places of its numbers.
    """
    contenus = list_contents(pdf)
    lus: dict[PlaceMarquee, str] = {}
    pages: list[Page] = []
    cmaps: dict[tuple[int, int], dict[bytes, str]] = {}
    for page in pdf.pages:
        instructions: list[Any] = list(pikepdf.parse_content_stream(page))
        polices = {}
        for nom, police in page.resources.get("/Font", {}).items():
            if police.objgen not in cmaps:
                cmaps[police.objgen] = read_cmap(police)
            polices[nom] = cmaps[police.objgen]
        textes = _read_texts(instructions, polices)
        pages.append((page, instructions, find_reperes(instructions, textes, polices)))
        changees = set()
        for rang, (operandes, operateur) in enumerate(instructions):
            if operateur != Operator("BDC") or not isinstance(operandes[1], Dictionary) or "/MCID" not in operandes[1]:
                continue
            mcid = int(operandes[1].MCID)
            place = (page.objgen, mcid)
            points = place in contenus and bool(textes.get(mcid)) and set(textes[mcid]) <= POINTS and "\u2009" in textes[mcid]
            if place in contenus and not points:
                lus[place] = textes.get(mcid, "")
                continue
            if points:
                _remove_mcid(contenus[place], page.obj, mcid)
            instructions[rang] = pikepdf.ContentStreamInstruction(
                [Name.Artifact, Dictionary(Type=Name.Layout if points else Name.Pagination)], Operator("BDC")
            )
            changees.add(mcid)
        proprietaires = parents.entrees.get(int(page.obj.get("/StructParents", -1)))
        if proprietaires is not None:
            for mcid in changees & set(range(len(proprietaires))):
                proprietaires[mcid] = None
    return lus, pages


def name_links(pdf: Pdf, parents: ParentTree, textes: dict[PlaceMarquee, str]) -> dict[PlaceMarquee, str]:
    """Describe each link by its words: the engine writes the name of its anchor, which a reader would say aloud.

    Returns the anchor of each marked content that tells a page.
    """
    cibles: dict[PlaceMarquee, str] = {}
    for page in pdf.pages:
        for annotation in page.obj.get("/Annots", []):
            element = parents.entrees.get(int(annotation.get("/StructParent", -1)))
            if element is None:
                continue
            cible, mots = read_cible(annotation), []
            for mcid in _list_mcids(element, page.obj):
                texte = textes.get((page.obj.objgen, mcid), "")
                if RENVOI.fullmatch(texte):
                    cibles[page.obj.objgen, mcid] = cible
                else:
                    mots.append(texte)
            phrase = " ".join(" ".join(mots).split())
            if phrase:
                annotation.Contents = pikepdf.String(phrase)
    return cibles


def read_cible(annotation: Object) -> str:
    """The anchor a link leads to, in this part or in another; empty for an address."""
    if isinstance(annotation.get("/Dest"), pikepdf.String):
        return str(annotation.Dest)
    adresse = str(annotation.get("/A", Dictionary()).get("/URI", ""))
    return adresse.removeprefix(AILLEURS) if adresse.startswith(AILLEURS) else ""


def _list_mcids(element: Object, page: Object) -> list[int]:
    """Marked contents of one page below an element, in reading order."""
    mcids = []
    for courant in walk(element):
        enfants = courant.get("/K")
        for enfant in list(enfants) if isinstance(enfants, Array) else [enfants]:
            if isinstance(enfant, int) and "/Pg" in courant and courant.Pg.objgen == page.objgen:
                mcids.append(int(enfant))
            elif isinstance(enfant, Dictionary) and enfant.get("/Type") == Name.MCR and enfant.get("/Pg", page).objgen == page.objgen:
                mcids.append(int(enfant.MCID))
    return mcids


def prune_empty(element: Object) -> bool:
    """Remove spans that hold nothing any more, below `element`; tell whether it is one itself."""
    enfants = element.get("/K")
    if enfants is None:
        return element.get("/S") in {Name.Span, Name.NonStruct}
    liste = list(enfants) if isinstance(enfants, Array) else [enfants]
    gardes = [e for e in liste if not (isinstance(e, Dictionary) and "/S" in e and prune_empty(e))]
    if len(gardes) != len(liste):
        element.K = Array(gardes)
    return not gardes and element.get("/S") in {Name.Span, Name.NonStruct}


def _remove_mcid(element: Object, page: Object, mcid: int) -> None:
    """Forget one piece of content of a structure element."""
    enfants = element.get("/K")
    liste = list(enfants) if isinstance(enfants, Array) else [enfants]

    def is_target(enfant: object) -> bool:
        if isinstance(enfant, Dictionary) and enfant.get("/Type") == Name.MCR:
            return int(enfant.MCID) == mcid and enfant.get("/Pg", page).objgen == page.objgen
        return isinstance(enfant, int) and int(enfant) == mcid

    element.K = Array([e for e in liste if not is_target(e)])


def _read_texts(instructions: list, polices: dict[str, dict[bytes, str]]) -> dict[int, str]:
    """Text of each marked content, read through the fonts' ToUnicode tables."""
    textes: dict[int, str] = {}
    mcid: int | None = None
    cmap: dict[bytes, str] = {}
    for operandes, operateur in instructions:
        nom = str(operateur)
        if nom == "BDC":
            proprietes = operandes[1]
            mcid = int(proprietes.MCID) if isinstance(proprietes, Dictionary) and "/MCID" in proprietes else None
        elif nom == "EMC":
            mcid = None
        elif nom == "Tf":
            cmap = polices.get(str(operandes[0]), {})
        elif nom in {"Tj", "TJ"} and mcid is not None:
            morceaux = operandes[0] if nom == "TJ" else [operandes[0]]
            for morceau in morceaux:
                if isinstance(morceau, pikepdf.String):
                    octets = bytes(morceau)
                    codes = (octets[i : i + 2] for i in range(0, len(octets), 2))
                    textes[mcid] = textes.get(mcid, "") + "".join(cmap.get(code, "?") for code in codes)
    return textes
