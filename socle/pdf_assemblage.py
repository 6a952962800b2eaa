"""Assembly of prepared parts into one document: PDF/A-3a and PDF/UA-1, the same bytes for the same parts.

Pages, tag trees, bookmarks and links of the parts become those of the document; page numbers are written in their places;
fonts, colours and pictures are there once; the description (XMP and Info) is that of the document.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

import pikepdf
from pikepdf import Array, Dictionary, Name, OutlineItem, Pdf, Stream, String

from socle.pdf_finition import Prepare, read_cible
from socle.pdf_polices import Casse, list_resources

Object = Any
PRODUCTEUR = "Trait d’union"
Place = tuple[int, float, float]  # page of the document (from 0), x, y


@dataclass(frozen=True)
class PieceJointe:
    """A file carried inside the PDF."""

    nom: str
    contenu: bytes
    description: str
    relation: str = "Data"


@dataclass(frozen=True)
class Description:
    """What the document says of itself; `jour` is the day it speaks at."""

    titre: str
    auteur: str
    sujet: str
    jour: date


def assemble(cahiers: Sequence[tuple[str, Prepare]], description: Description, pieces: Sequence[PieceJointe] = ()) -> bytes:
    """One document of several parts, each with its name. Raises pikepdf.PdfError when a part is spoilt."""
    prets = [pret for _, pret in cahiers]
    ancres, total = find_places(prets)
    casse = Casse()
    for pret in prets:
        casse.add(pret.polices)
    ouverts = [Pdf.open(BytesIO(pret.pdf)) for pret in prets]
    with Pdf.new() as pdf:
        debut = 0
        for pret, source in zip(prets, ouverts, strict=True):
            pdf.pages.extend(source.pages)
            _number_pages(pdf, pret, debut, total, ancres, casse)
            debut += pret.pages
        _merge_trees(pdf, [(nom, source) for (nom, _), source in zip(cahiers, ouverts, strict=True)])
        _share_resources(pdf, casse.build(pdf))
        _name_places(pdf, ancres)
        _join_links(pdf, ancres)
        _write_outline(pdf, prets)
        _write_catalog(pdf, ouverts[0])
        _attach(pdf, pieces, description.jour)
        _describe(pdf, description)
        sortie = BytesIO()
        pdf.save(
            sortie,
            deterministic_id=True,
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
            compress_streams=True,
            min_version="1.7",
            fix_metadata_version=False,
        )
    for source in ouverts:
        source.close()
    return sortie.getvalue()


def find_places(prets: Sequence[Prepare]) -> tuple[dict[str, Place], int]:
    """Where each anchor is in the whole, the first to bear a name keeping it, and the number of pages."""
    ancres: dict[str, Place] = {}
    debut = 0
    for pret in prets:
        for nom, (page, x, y) in pret.ancres.items():
            ancres.setdefault(nom, (debut + page, x, y))
        debut += pret.pages
    return ancres, debut


def _number_pages(pdf: Pdf, pret: Prepare, debut: int, total: int, ancres: dict[str, Place], casse: Casse) -> None:
    """Write the numbers of one part, its pages being the last of the document."""
    par_page: dict[int, list[Any]] = {}
    for folio in pret.folios:
        par_page.setdefault(folio.page, []).append(folio)
    for rang, folios in par_page.items():
        page = pdf.pages[debut + rang]
        contenu, morceaux, place = page.Contents.read_bytes(), [], 0
        for folio in folios:
            if folio.cible and folio.cible not in ancres:
                raise ValueError(f"Renvoi vers « {folio.cible} », qui n’est pas dans le document.")
            numero = (ancres[folio.cible][0] if folio.cible else debut + rang) + 1
            morceaux += [contenu[place : folio.debut], folio.write(casse.show, casse.measure(folio.police, "0"), numero, total)]
            place = folio.fin
        page.obj.Contents = pdf.make_stream(b"".join([*morceaux, contenu[place:]]))


def _merge_trees(pdf: Pdf, sources: Sequence[tuple[str, Pdf]]) -> None:
    """One tag tree: a Part for each part, its content found by keys that no other part uses."""
    document = pdf.make_indirect(Dictionary(Type=Name.StructElem, S=Name.Document))
    racine = pdf.make_indirect(Dictionary(Type=Name.StructTreeRoot, K=Array([document])))
    document.P = racine
    nums, noms, parties = Array(), [], []
    decalage = debut = 0
    for nom, source in sources:
        copie = pdf.copy_foreign(source.Root.StructTreeRoot)
        partie = copie.K[0] if isinstance(copie.K, Array) else copie.K
        partie.S, partie.T, partie.P = Name.Part, String(nom), document
        parties.append(partie)
        cles = list(copie.ParentTree.Nums)
        for cle, valeur in zip(cles[::2], cles[1::2], strict=True):
            nums.append(int(cle) + decalage)
            nums.append(valeur)
        fin = debut + len(source.pages)
        for page in pdf.pages[debut:fin]:
            if "/StructParents" in page.obj:
                page.obj.StructParents = int(page.obj.StructParents) + decalage
            for annotation in page.obj.get("/Annots", []):
                if "/StructParent" in annotation:
                    annotation.StructParent = int(annotation.StructParent) + decalage
        nommes = list(copie.IDTree.Names)
        noms += [(str(nom), element) for nom, element in zip(nommes[::2], nommes[1::2], strict=True)]
        decalage += max((int(c) for c in cles[::2]), default=-1) + 1
        debut = fin
    document.K = Array(parties)
    racine.ParentTree = pdf.make_indirect(Dictionary(Nums=nums))
    racine.ParentTreeNextKey = decalage
    if noms:
        noms.sort(key=lambda paire: paire[0])
        feuille = Dictionary(Names=Array([v for nom, e in noms for v in (String(nom), e)]))
        feuille.Limits = Array([String(noms[0][0]), String(noms[-1][0])])
        racine.IDTree = pdf.make_indirect(Dictionary(Kids=Array([pdf.make_indirect(feuille)])))
    pdf.Root.StructTreeRoot = racine


def _share_resources(pdf: Pdf, polices: dict[str, Object]) -> None:
    """Give every page the same fonts and colours, and equal pictures one object."""
    couleurs: Object = None
    images: dict[bytes, Object] = {}
    for ressources in list_resources(pdf):
        if "/ColorSpace" in ressources:
            couleurs = couleurs if couleurs is not None else pdf.make_indirect(ressources.ColorSpace)
            ressources.ColorSpace = couleurs
        fontes = ressources.get("/Font", Dictionary())
        for nom in list(fontes.keys()):
            if nom in polices:
                fontes[nom] = polices[nom]
        _share_images(ressources.get("/XObject", Dictionary()), images)


def _share_images(objets: Object, images: dict[bytes, Object]) -> None:
    for nom in list(objets.keys()):
        objet = objets[nom]
        if objet.get("/Subtype") != Name.Image:
            continue
        if "/SMask" in objet:
            objet.SMask = images.setdefault(_sign(objet.SMask), objet.SMask)
        objets[nom] = images.setdefault(_sign(objet), objet)


def _sign(flux: Stream) -> bytes:
    """Fingerprint of a picture: its bytes and all that is said of them."""
    dits = sorted((cle, _sign(v).hex() if isinstance(v, Stream) else repr(v)) for cle, v in flux.items() if cle != "/Length")
    return hashlib.sha256(repr(dits).encode() + flux.read_raw_bytes()).digest()


def _join_links(pdf: Pdf, ancres: dict[str, Place]) -> None:
    """Lead each link to its page, and say which in its description."""
    for page in pdf.pages:
        for annotation in page.obj.get("/Annots", []):
            cible = read_cible(annotation)
            if not cible:
                continue
            if cible not in ancres:
                raise ValueError(f"Lien vers « {cible} », qui n’est pas dans le document.")
            annotation.Dest = String(cible)
            if "/A" in annotation:
                del annotation["/A"]
            annotation.Contents = String(f"{annotation.Contents}, page {ancres[cible][0] + 1}")


def _name_places(pdf: Pdf, ancres: dict[str, Place]) -> None:
    """Names of the places links lead to, also known from outside (« convention.pdf#fiche-e-a-1-1 »)."""
    noms = Array()
    for nom in sorted(ancres, key=str.encode):
        page, x, y = ancres[nom]
        noms.append(String(nom))
        noms.append(Array([pdf.pages[page].obj, Name.XYZ, x, y, 0]))
    pdf.Root.Names = Dictionary(Dests=pdf.make_indirect(Dictionary(Names=noms)))


def _write_outline(pdf: Pdf, prets: Sequence[Prepare]) -> None:
    """Bookmarks of all the parts, a level below the last of a higher one."""
    with pdf.open_outline() as plan:
        ouverts: list[tuple[int, Callable[[OutlineItem], None]]] = [(0, plan.root.append)]
        debut = 0
        for pret in prets:
            for niveau, titre, page, x, y in pret.signets:
                signet = OutlineItem(titre, Array([pdf.pages[debut + page].obj, Name.XYZ, x, y, 0]))
                while ouverts[-1][0] >= niveau:
                    ouverts.pop()
                ouverts[-1][1](signet)
                ouverts.append((niveau, signet.children.append))
            debut += pret.pages


def _write_catalog(pdf: Pdf, premier: Pdf) -> None:
    pdf.Root.Lang = String("fr")
    pdf.Root.MarkInfo = Dictionary(Marked=True)
    pdf.Root.ViewerPreferences = Dictionary(DisplayDocTitle=True)
    pdf.Root.PageMode = Name.UseOutlines
    pdf.Root.OutputIntents = pdf.copy_foreign(pdf_indirect(premier, premier.Root.OutputIntents))


def pdf_indirect(pdf: Pdf, objet: Object) -> Object:
    """The same object, which another document may copy."""
    return objet if objet.is_indirect else pdf.make_indirect(objet)


def _attach(pdf: Pdf, pieces: Sequence[PieceJointe], jour: date) -> None:
    """Carry files, listed once in the catalog and once by name."""
    if not pieces:
        return
    instant = write_instant(jour)
    fiches = {}
    for piece in pieces:
        contenu = Stream(
            pdf,
            piece.contenu,
            Type=Name.EmbeddedFile,
            Subtype=Name("/" + find_type(piece.nom)),
            Params=Dictionary(
                Size=len(piece.contenu),
                CreationDate=String(instant),
                ModDate=String(instant),
                CheckSum=String(hashlib.md5(piece.contenu, usedforsecurity=False).digest()),
            ),
        )
        fiches[piece.nom] = pdf.make_indirect(
            Dictionary(
                Type=Name.Filespec,
                F=String(piece.nom),
                UF=String(piece.nom),
                Desc=String(piece.description),
                AFRelationship=Name("/" + piece.relation),
                EF=Dictionary(F=pdf.make_indirect(contenu), UF=pdf.make_indirect(contenu)),
            )
        )
    pdf.Root.AF = Array(list(fiches.values()))
    noms = Array([v for nom in sorted(fiches) for v in (String(nom), fiches[nom])])
    pdf.Root.Names.EmbeddedFiles = pdf.make_indirect(Dictionary(Names=noms))


def find_type(nom: str) -> str:
    """Media type of a file by its extension."""
    return {
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "csv": "text/csv",
        "json": "application/json",
        "pdf": "application/pdf",
    }.get(nom.rpartition(".")[2], "application/octet-stream")


def write_instant(jour: date) -> str:
    """Noon of a day, as PDF writes it: documents speak at a day."""
    return f"D:{jour:%Y%m%d}120000Z"


XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
<rdf:Description rdf:about="" pdfaid:part="3" pdfaid:conformance="A" pdf:Producer="{producteur}" xmp:CreatorTool="{producteur}"
 xmp:CreateDate="{instant}" xmp:ModifyDate="{instant}"/>
<rdf:Description rdf:about=""><dc:title><rdf:Alt><rdf:li xml:lang="x-default">{titre}</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>{auteur}</rdf:li></rdf:Seq></dc:creator>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{sujet}</rdf:li></rdf:Alt></dc:description>
<dc:language><rdf:Bag><rdf:li>fr</rdf:li></rdf:Bag></dc:language></rdf:Description>
{extension}</rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""
# PDF/UA is declared with the schema that PDF/A asks for any name it does not know.
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


def _describe(pdf: Pdf, description: Description) -> None:
    """One XMP block for both standards, one Info dictionary that says the same."""
    d = description
    instant = datetime.combine(d.jour, time(12), UTC).isoformat().replace("+00:00", "Z")
    xmp = XMP.format(
        producteur=PRODUCTEUR,
        instant=instant,
        titre=escape(d.titre),
        auteur=escape(d.auteur),
        sujet=escape(d.sujet),
        extension=EXTENSION_UA,
    )
    pdf.Root.Metadata = pdf.make_indirect(Stream(pdf, xmp.encode(), Type=Name.Metadata, Subtype=Name.XML))
    infos = {"Title": d.titre, "Author": d.auteur, "Subject": d.sujet, "Creator": PRODUCTEUR, "Producer": PRODUCTEUR}
    for cle, valeur in infos.items():
        pdf.docinfo["/" + cle] = String(valeur)
    pdf.docinfo["/CreationDate"] = pdf.docinfo["/ModDate"] = String(write_instant(d.jour))
