"""Finishing of a rendered PDF: what PDF/UA-1 asks beyond the engine's PDF/A-3a output.

- the XMP block declares PDF/UA-1 beside PDF/A-3a, with the extension schema PDF/A wants for it;
- running lines (margin boxes) and leader dots become artifacts, so that a screen reader does not read them;
- one annotation a link: the engine adds one for each box nested in `<a>`;
- same input, same bytes: the identifier comes from the content.
"""

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Operator, Pdf

Object = Any  # pikepdf objects answer to what their PDF type has

EXTENSION_UA = """<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/" pdfuaid:part="1"/>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA Universal Accessibility Schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name><pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>Indicates, which part of ISO 14289 standard is followed</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>
"""
POINTS = set(". \u2009\u00a0")
PlaceMarquee = tuple[Any, int]  # page object, marked-content identifier


def finish(brut: bytes, *, titre: str) -> bytes:
    """Make a rendered PDF/A-3a file also PDF/UA-1. Raises pikepdf.PdfError when `brut` is not a PDF."""
    with Pdf.open(BytesIO(brut)) as pdf:
        parents = ParentTree(pdf)
        drop_nested_annotations(pdf, parents)
        name_links(pdf, parents, mark_artifacts(pdf, parents))
        prune_empty(pdf.Root.StructTreeRoot)
        parents.write()
        drop_repeated_files(pdf)
        write_metadata(pdf, titre)
        sortie = BytesIO()
        pdf.save(
            sortie,
            deterministic_id=True,
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
            compress_streams=True,
            min_version="1.7",
            fix_metadata_version=False,
        )
    return sortie.getvalue()


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


def mark_artifacts(pdf: Pdf, parents: ParentTree) -> dict[PlaceMarquee, str]:
    """Turn content outside the structure (running lines) and leader dots into artifacts; return the text of the rest."""
    contenus = list_contents(pdf)
    lus: dict[PlaceMarquee, str] = {}
    for page in pdf.pages:
        instructions: list[Any] = list(pikepdf.parse_content_stream(page))
        textes = _read_texts(page, instructions)
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
        if changees:
            page.obj.Contents = pdf.make_stream(pikepdf.unparse_content_stream(instructions))
            proprietaires = parents.entrees.get(int(page.obj.get("/StructParents", -1)))
            if proprietaires is not None:
                for mcid in changees & set(range(len(proprietaires))):
                    proprietaires[mcid] = None
    return lus


def name_links(pdf: Pdf, parents: ParentTree, textes: dict[PlaceMarquee, str]) -> None:
    """Describe each link by its words: the engine writes the name of its anchor, which a reader would say aloud."""
    for page in pdf.pages:
        for annotation in page.obj.get("/Annots", []):
            element = parents.entrees.get(int(annotation.get("/StructParent", -1)))
            if element is None:
                continue
            mots = " ".join(textes.get((page.obj.objgen, mcid), "") for mcid in _list_mcids(element, page.obj))
            if mots.strip():
                annotation.Contents = pikepdf.String(" ".join(mots.split()))


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


def drop_repeated_files(pdf: Pdf) -> None:
    """List each attached file once in the catalog."""
    if "/AF" in pdf.Root:
        uniques = {fichier.objgen: fichier for fichier in pdf.Root.AF}
        pdf.Root.AF = Array(list(uniques.values()))


def _remove_mcid(element: Object, page: Object, mcid: int) -> None:
    """Forget one piece of content of a structure element."""
    enfants = element.get("/K")
    liste = list(enfants) if isinstance(enfants, Array) else [enfants]

    def is_target(enfant: object) -> bool:
        if isinstance(enfant, Dictionary) and enfant.get("/Type") == Name.MCR:
            return int(enfant.MCID) == mcid and enfant.get("/Pg", page).objgen == page.objgen
        return isinstance(enfant, int) and int(enfant) == mcid

    element.K = Array([e for e in liste if not is_target(e)])


def _read_texts(page: pikepdf.Page, instructions: list) -> dict[int, str]:
    """Text of each marked content, read through the fonts' ToUnicode tables."""
    polices = {nom: _read_cmap(police) for nom, police in page.resources.get("/Font", {}).items()}
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


def _read_cmap(police: Object) -> dict[bytes, str]:
    """Glyph code to text of one font."""
    if "/ToUnicode" not in police:
        return {}
    donnees = police.ToUnicode.read_bytes().decode("latin-1")
    paires = re.findall(r"<([0-9a-fA-F]{4})>\s*<([0-9a-fA-F]+)>", donnees)
    return {bytes.fromhex(code): bytes.fromhex(texte).decode("utf-16-be", "replace") for code, texte in paires}


def write_metadata(pdf: Pdf, titre: str) -> None:
    """One XMP block for both standards, one Info dictionary that says the same."""
    xmp = pdf.Root.Metadata.read_bytes().decode()
    pdf.Root.Metadata = pdf.make_stream(
        xmp.replace("</rdf:RDF>", EXTENSION_UA + "</rdf:RDF>", 1).encode(), Type=Name.Metadata, Subtype=Name.XML
    )
    pdf.Root.ViewerPreferences = Dictionary(DisplayDocTitle=True)
    pdf.Root.PageMode = Name.UseOutlines
    if pdf.docinfo.get("/Title") != titre:
        pdf.docinfo["/Title"] = titre
