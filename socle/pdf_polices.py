"""Fonts of an assembled document: one program a face for all its parts, instead of one in each.

Parts name a face the same way and show its glyphs under the numbers they have in the full font, so that their pages need
no change. The program is cut from the full font: the glyphs of French texts, and whatever else the parts show. It is
nearly always the same one, hence made once.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import fontTools
from django.conf import settings
from fontTools.ttLib import TTFont
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream, String

from socle import pdf_depot as depot

DOSSIER = Path(settings.BASE_DIR) / "static" / "pdf" / "fonts"
# Faces as the engine names them, held equal to the @font-face rules of document.css by a test.
FACES = {
    "Texte": "SourceSerif4-Regular.ttf",
    "Texte-Italic": "SourceSerif4-It.ttf",
    "Texte-Semi-Bold": "SourceSerif4-Semibold.ttf",
    "Titre": "SourceSerif4Display-Regular.ttf",
    "Table": "SourceSans3-Regular.ttf",
    "Table-Semi-Bold": "SourceSans3-Semibold.ttf",
}
# What French documents are made of; a glyph outside it only makes the program cut again.
REPERTOIRE = [
    *(*range(0x20, 0x7F), *range(0xA0, 0x180), *range(0x2000, 0x2027)),
    *(0x202F, 0x2030, 0x2032, 0x2033, 0x2039, 0x203A, 0x20AC, 0x2122, 0x2212),
]
TABLES = {"glyf", "head", "hhea", "hmtx", "loca", "maxp"}
Glyphes = dict[int, str]  # glyph number to the text it stands for


@dataclass
class Police:
    """A face of ours as one part shows it: glyphs with their text, and the description the engine wrote."""

    face: str
    glyphes: Glyphes
    descripteur: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Plain values, to be kept with the part."""
        return {"face": self.face, "glyphes": {str(g): t for g, t in self.glyphes.items()}, "descripteur": self.descripteur}

    @classmethod
    def of_json(cls, donnees: dict[str, Any]) -> "Police":
        """What `to_json` gave."""
        return cls(donnees["face"], {int(g): t for g, t in donnees["glyphes"].items()}, donnees["descripteur"])


@dataclass(frozen=True)
class Fonte:
    """What is needed of a full font: widths in thousandths of em by glyph, glyph by character."""

    chemin: Path
    largeurs: tuple[int, ...]
    glyphe: dict[str, int]


@cache
def load_fonte(face: str) -> Fonte:
    """Read a font of the product."""
    chemin = DOSSIER / FACES[face]
    with TTFont(chemin, lazy=True) as fonte:
        unite = fonte["head"].unitsPerEm
        largeurs = tuple(round(fonte["hmtx"][nom][0] * 1000 / unite) for nom in fonte.getGlyphOrder())
        return Fonte(chemin, largeurs, {chr(c): fonte.getGlyphID(nom) for c, nom in fonte.getBestCmap().items()})


@cache
def compute_empreinte_polices() -> str:
    """Fingerprint of all the fonts."""
    return hashlib.sha256(b"".join((DOSSIER / nom).read_bytes() for nom in sorted(FACES.values()))).hexdigest()


@lru_cache(maxsize=32)
def cut_fonte(face: str, glyphes: frozenset[int]) -> bytes:
    """The font program that holds these glyphs and those of French texts, under their own numbers; cut once, then kept."""
    dit = f"{fontTools.version} {compute_empreinte_polices()} {face} {REPERTOIRE} {sorted(glyphes)}"
    cle = hashlib.sha256(dit.encode()).hexdigest()
    contenu = depot.read(cle, "fonte")
    if contenu is None:
        contenu = _cut(face, glyphes)
        depot.write(cle, "fonte", contenu)
    return contenu


def _cut(face: str, glyphes: frozenset[int]) -> bytes:
    from fontTools import subset

    fonte = load_fonte(face)
    options = subset.Options(retain_gids=True, hinting=False, notdef_outline=True, layout_features=[], recalc_timestamp=False)
    with TTFont(fonte.chemin, recalcTimestamp=False) as ttf:
        decoupe = subset.Subsetter(options)
        decoupe.populate(gids=sorted(glyphes | {fonte.glyphe[chr(c)] for c in REPERTOIRE if chr(c) in fonte.glyphe}))
        decoupe.subset(ttf)
        for table in set(ttf.keys()) - TABLES - {"GlyphOrder"}:
            del ttf[table]
        sortie = BytesIO()
        ttf.save(sortie, reorderTables=True)
    return sortie.getvalue()


def list_resources(pdf: Pdf) -> Iterator[Object]:
    """Resources of the pages and of the drawings they hold, each once."""
    vues: set[tuple[int, int]] = set()
    pile = [page.obj.Resources for page in pdf.pages]
    while pile:
        ressources = pile.pop()
        if ressources.is_indirect:
            if ressources.objgen in vues:
                continue
            vues.add(ressources.objgen)
        yield ressources
        for objet in ressources.get("/XObject", Dictionary()).values():
            if objet.get("/Subtype") == Name.Form and "/Resources" in objet and objet.objgen not in vues:
                vues.add(objet.objgen)
                pile.append(objet.Resources)


def read_polices(pdf: Pdf) -> dict[str, Police]:
    """Take our faces out of a rendered part, by resource name; a face that is not quite ours stays in the part."""
    trouvees: dict[str, Police] = {}
    for ressources in list_resources(pdf):
        for nom, police in ressources.get("/Font", {}).items():
            if nom in trouvees:
                continue
            face = str(police.BaseFont)[1:].partition("+")[2]
            if face not in FACES or police.get("/Subtype") != Name.Type0:
                continue
            descendante = police.DescendantFonts[0]
            glyphes = read_cmap(police)
            if not _has_own_widths(face, descendante, glyphes):
                continue
            codes = {int.from_bytes(code, "big"): texte for code, texte in glyphes.items()}
            trouvees[nom] = Police(face, codes, _read_descripteur(descendante.FontDescriptor))
            del descendante.FontDescriptor["/FontFile2"]
    return trouvees


def read_cmap(police: Object) -> dict[bytes, str]:
    """Glyph code to text of one font, by its ToUnicode table."""
    if "/ToUnicode" not in police:
        return {}
    donnees = police.ToUnicode.read_bytes().decode("latin-1")
    paires = re.findall(r"<([0-9a-fA-F]{4})>\s*<([0-9a-fA-F]+)>", donnees)
    return {bytes.fromhex(code): bytes.fromhex(texte).decode("utf-16-be", "replace") for code, texte in paires}


def _has_own_widths(face: str, descendante: Object, glyphes: dict[bytes, str]) -> bool:
    """Tell whether the part shows the glyphs of our file under their own numbers."""
    largeurs = load_fonte(face).largeurs
    w: list[Any] = list(descendante.get("/W", Array()))
    for debut, suite in zip(w[::2], w[1::2], strict=True):
        for rang, largeur in enumerate(suite, int(debut)):
            if rang >= len(largeurs) or abs(largeurs[rang] - float(largeur)) > 1:
                return False
    return all(int.from_bytes(code, "big") < len(largeurs) for code in glyphes)


def _read_descripteur(descripteur: Object) -> dict[str, Any]:
    return {
        cle: [float(v) for v in valeur] if isinstance(valeur, Array) else int(valeur)
        for cle, valeur in descripteur.items()
        if cle in {"/Ascent", "/CapHeight", "/Descent", "/Flags", "/FontBBox", "/ItalicAngle", "/StemH", "/StemV"}
    }


class Casse:
    """The fonts of the document being assembled, by resource name."""

    def __init__(self) -> None:
        self.polices: dict[str, Police] = {}

    def add(self, polices: dict[str, Police]) -> None:
        """Add what one part shows."""
        for nom, police in polices.items():
            connue = self.polices.setdefault(nom, Police(police.face, {}, police.descripteur))
            connue.glyphes.update({g: t for g, t in police.glyphes.items() if g not in connue.glyphes})

    def show(self, nom: str, texte: str) -> bytes:
        """Codes of a text stamped in a face: its glyphs belong to the document from now on."""
        police = self.polices[nom]
        fonte = load_fonte(police.face)
        glyphes = {fonte.glyphe[lettre]: lettre for lettre in texte}
        police.glyphes.update(glyphes)
        return b"".join(fonte.glyphe[lettre].to_bytes(2, "big") for lettre in texte)

    def measure(self, nom: str, lettre: str) -> int:
        """Width of a character in a face, in thousandths of em."""
        fonte = load_fonte(self.polices[nom].face)
        return fonte.largeurs[fonte.glyphe[lettre]]

    def build(self, pdf: Pdf) -> dict[str, Object]:
        """Font objects of the document."""
        programmes: dict[str, Object] = {}
        objets = {}
        for nom, police in sorted(self.polices.items()):
            fonte = load_fonte(police.face)
            courants = {fonte.glyphe[chr(c)] for c in REPERTOIRE if chr(c) in fonte.glyphe}
            rares = frozenset(g for n, p in self.polices.items() if p.face == police.face for g in p.glyphes if g not in courants)
            if police.face not in programmes:
                contenu = cut_fonte(police.face, rares)
                programmes[police.face] = pdf.make_indirect(Stream(pdf, contenu, Length1=len(contenu)))
            objets[nom] = _build_police(pdf, nom, police, fonte, programmes[police.face])
        return objets


def _build_police(pdf: Pdf, nom: str, police: Police, fonte: Fonte, programme: Object) -> Object:
    base = Name(f"{nom}+{police.face}")
    glyphes = sorted(police.glyphes)
    descripteur = Dictionary(Type=Name.FontDescriptor, FontName=base, FontFamily=String(police.face.partition("-")[0]), FontFile2=programme)
    for cle, valeur in police.descripteur.items():
        descripteur[cle] = Array(valeur) if isinstance(valeur, list) else valeur
    descendante = Dictionary(
        Type=Name.Font,
        Subtype=Name.CIDFontType2,
        BaseFont=base,
        CIDSystemInfo=Dictionary(Registry=String("Adobe"), Ordering=String("Identity"), Supplement=0),
        CIDToGIDMap=Name.Identity,
        FontDescriptor=pdf.make_indirect(descripteur),
        W=Array([piece for g in glyphes for piece in (g, Array([fonte.largeurs[g]]))]),
    )
    return pdf.make_indirect(
        Dictionary(
            Type=Name.Font,
            Subtype=Name.Type0,
            BaseFont=base,
            Encoding=Name("/Identity-H"),
            DescendantFonts=Array([pdf.make_indirect(descendante)]),
            ToUnicode=Stream(pdf, _write_cmap({g: police.glyphes[g] for g in glyphes})),
        )
    )


def _write_cmap(glyphes: Glyphes) -> bytes:
    lignes = [
        "/CIDInit /ProcSet findresource begin",
        "12 dict begin",
        "begincmap",
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
        "/CMapName /Adobe-Identity-UCS def",
        "/CMapType 2 def",
        "1 begincodespacerange",
        "<0000> <ffff>",
        "endcodespacerange",
    ]
    paires = [f"<{g:04x}> <{t.encode('utf-16-be').hex()}>" for g, t in glyphes.items()]
    for debut in range(0, len(paires), 100):
        lot = paires[debut : debut + 100]
        lignes += [f"{len(lot)} beginbfchar", *lot, "endbfchar"]
    lignes += ["endcmap", "CMapName currentdict /CMap defineresource pop", "end", "end"]
    return "\n".join(lignes).encode()
