"""The agreement as a Word file made with python-docx, the way a team without a PDF engine would: what LibreOffice is given.

It is made from the HTML of our own parts, so that its content is ours to the word: titles, texts, lists, tables, links,
contents, running lines, numbered pages, a landscape section for the recap.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import lxml.html
from docx import Document
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_BREAK, WD_TAB_ALIGNMENT, WD_TAB_LEADER
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

VERT = RGBColor(0x0A, 0x55, 0x46)
TITRES = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5}
BLOCS = {"div", "section", "article", "body", "figure"}
SUITE = {"p", "td", "th", "li", "caption", *TITRES}


def write_docx(html: str) -> bytes:
    """A page of ours as a Word file."""
    corps = lxml.html.fromstring(html).find("body")
    ecriture = Ecriture(Document(), corps.get("data-courant", ""), corps.get("data-mention", ""))
    ecriture.document.core_properties.title = lxml.html.fromstring(html).findtext("head/title") or ""
    ecriture.write_blocs(corps)
    sortie = BytesIO()
    ecriture.document.save(sortie)
    return sortie.getvalue()


@dataclass
class Gras:
    """How a stretch of words is written."""

    gras: bool = False
    petit: bool = False


class Ecriture:
    """A Word file being written, block after block."""

    def __init__(self, document: Any, courant: str, mention: str) -> None:
        self.document = document
        self.signets: dict[str, int] = {}
        self.page_suivante = False
        self._prepare_styles()
        self.styles = {style.name: style.style_id for style in document.styles}
        section = document.sections[0]
        self._lay_out(section, paysage=False)
        self._write_running_lines(section, courant, mention)

    # --- page and styles ---

    def _prepare_styles(self) -> None:
        styles = self.document.styles
        normal = styles["Normal"]
        normal.font.name, normal.font.size = "Liberation Serif", Pt(10.4)
        normal.paragraph_format.space_after = Pt(7)
        langue = OxmlElement("w:lang")
        langue.set(qn("w:val"), "fr-FR")
        normal.element.get_or_add_rPr().append(langue)
        for niveau, taille in enumerate([21, 15, 11.4, 10.4, 9.8], 1):
            style = styles[f"Heading {niveau}"]
            style.font.name, style.font.size, style.font.color.rgb = "Liberation Serif", Pt(taille), VERT
        for niveau in (1, 2):
            style = styles.add_style(f"TOC {niveau}", WD_STYLE_TYPE.PARAGRAPH)
            style.base_style, style.paragraph_format.space_after = normal, Pt(1)
            style.paragraph_format.left_indent = Mm(8 * (niveau - 1))
            style.paragraph_format.tab_stops.add_tab_stop(Mm(153), WD_TAB_ALIGNMENT.RIGHT, WD_TAB_LEADER.DOTS)
        tableau = styles.add_style("Cellule", WD_STYLE_TYPE.PARAGRAPH)
        tableau.base_style, tableau.font.name, tableau.font.size = normal, "Liberation Sans", Pt(8)
        tableau.paragraph_format.space_after = Pt(0)

    @staticmethod
    def _lay_out(section: Any, *, paysage: bool) -> None:
        section.orientation = WD_ORIENT.LANDSCAPE if paysage else WD_ORIENT.PORTRAIT
        section.page_width, section.page_height = (Mm(297), Mm(210)) if paysage else (Mm(210), Mm(297))
        marges = (24, 16, 20, 16) if paysage else (29, 27, 25, 30)
        section.top_margin, section.right_margin, section.bottom_margin, section.left_margin = map(Mm, marges)

    def _write_running_lines(self, section: Any, courant: str, mention: str) -> None:
        section.header.paragraphs[0].text = courant
        pied = section.footer.paragraphs[0]
        pied.add_run(f"{mention}\tPage ")
        add_champ(pied._p, "PAGE")
        pied.add_run(" / ")
        add_champ(pied._p, "NUMPAGES")

    # --- blocks ---

    def write_blocs(self, element: Any) -> None:
        """Write what a block holds, in order."""
        for enfant in element:
            self.write_bloc(enfant)

    def write_bloc(self, element: Any) -> None:
        """Write one block."""
        classes = set(element.get("class", "").split())
        self.page_suivante = self.page_suivante or "avant" in classes
        match element.tag:
            case "section" if "paysage" in classes:
                self._lay_out(self.document.add_section(WD_SECTION.NEW_PAGE), paysage=True)
                self.write_blocs(element)
            case "section" if "sommaire" in classes:
                self.write_sommaire(element)
            case str(nom) if nom in BLOCS:
                self.write_blocs(element)
            case str(nom) if nom in TITRES:
                self.write_paragraphe(element, f"Heading {TITRES[nom]}")
            case "ul" | "ol":
                self.write_liste(element, "List Bullet" if element.tag == "ul" else "List Number", 1)
            case "table":
                self.write_table(element)
            case "p":
                self.write_paragraphe(element, "Normal")
            case _:
                raise ValueError(f"bloc inconnu : <{element.tag}>")

    def new_paragraphe(self, style: str) -> Any:
        paragraphe = self.document.add_paragraph()
        self.set_style(paragraphe, style)
        if self.page_suivante:
            paragraphe.paragraph_format.page_break_before, self.page_suivante = True, False
        return paragraphe

    def set_style(self, paragraphe: Any, style: str) -> None:
        """Name a style by its identifier: python-docx looks a name up in the whole list each time, five times the rest of the work."""
        paragraphe._p.style = self.styles[style]

    def write_paragraphe(self, element: Any, style: str) -> None:
        paragraphe = self.new_paragraphe(style)
        if ancre := element.get("id"):
            self.mark(paragraphe, ancre)
        self.write_mots(paragraphe, element)

    def write_liste(self, element: Any, style: str, profondeur: int) -> None:
        for item in element:
            self.write_paragraphe(item, style if profondeur == 1 else f"{style} {min(profondeur, 3)}")
            for bloc in item:
                if bloc.tag in {"ul", "ol"}:
                    self.write_liste(bloc, "List Bullet" if bloc.tag == "ul" else "List Number", profondeur + 1)

    def write_sommaire(self, element: Any) -> None:
        """The contents, a line a title with the page it is on. Not a TOC field: LibreOffice converts one without computing its pages."""
        self.write_bloc(element.find("h1"))
        for ligne in element.findall("ol/li"):
            lien = ligne.find("a")
            paragraphe = self.new_paragraphe(f"TOC {2 if 'niveau2' in ligne.get('class', '') else 1}")
            if lien is None:
                paragraphe.add_run(ligne.text_content().strip()).bold = True
            else:
                ancre = lien.get("href")[1:]
                self.add_lien(paragraphe, ancre, " ".join(filter(None, [ligne.findtext("span"), lien.text])))
                paragraphe.add_run("\t")
                add_champ(paragraphe._p, f"PAGEREF {self.name(ancre)} \\h")

    def write_table(self, element: Any) -> None:
        """A table with its caption, repeated heads and merged cells."""
        if (titre := element.find("caption")) is not None:
            self.write_paragraphe(titre, "Caption")
        rangees = element.xpath("./thead/tr | ./tbody/tr | ./tr")
        places = list(place_cellules(rangees))
        colonnes = max(c + large for _, c, large, _, _ in places)
        table = self.document.add_table(rows=len(rangees), cols=colonnes, style="Table Grid")
        table.alignment = WD_TABLE_ALIGNMENT.CENTER
        grille = [row.cells for row in table.rows]  # once: a row builds its cells at each look
        for ligne, colonne, large, haut, cellule in places:
            case = grille[ligne][colonne]
            if large > 1 or haut > 1:
                case = case.merge(grille[ligne + haut - 1][colonne + large - 1])
            paragraphe = case.paragraphs[0]
            self.set_style(paragraphe, "Cellule")
            if "n" in cellule.get("class", "").split():
                paragraphe.alignment = WD_ALIGN_PARAGRAPH.RIGHT
            tete = cellule.getparent().getparent().tag == "thead" or cellule.getparent().get("class") in {"total", "soustotal", "groupe"}
            self.write_mots(paragraphe, cellule, Gras(gras=tete))
        for row in table.rows[: len(element.findall("thead/tr"))]:
            tete = OxmlElement("w:tblHeader")
            row._tr.get_or_add_trPr().append(tete)

    # --- words ---

    def write_mots(self, paragraphe: Any, element: Any, style: Gras | None = None) -> None:
        """The words of an element, with their bold, their breaks, their links."""
        style = style or Gras()
        self.add_texte(paragraphe, element.text, style)
        for enfant in element:
            if enfant.tag in {"ul", "ol"}:
                continue  # written after the paragraph
            self.write_enfant(paragraphe, enfant, style)
            self.add_texte(paragraphe, enfant.tail, style)

    def write_enfant(self, paragraphe: Any, enfant: Any, style: Gras) -> None:
        classes = enfant.get("class", "")
        if "visually-hidden" in classes:
            return
        if enfant.tag == "br":
            paragraphe.add_run().add_break(WD_BREAK.LINE)
        elif enfant.tag == "a" and enfant.get("href", "").startswith("#"):
            self.add_lien(paragraphe, enfant.get("href")[1:], enfant.text_content())
            if enfant.find("span[@data-cible]") is not None:
                paragraphe.add_run(", page ")
                add_champ(paragraphe._p, f"PAGEREF {self.name(enfant.get('href')[1:])} \\h")
        elif enfant.tag == "small":
            paragraphe.add_run().add_break(WD_BREAK.LINE)
            self.write_mots(paragraphe, enfant, Gras(style.gras, petit=True))
        else:
            self.write_mots(paragraphe, enfant, Gras(style.gras or enfant.tag in {"strong", "b"}, style.petit))
            if "num" in classes.split():  # « Article 1 », above its title
                paragraphe.add_run().add_break(WD_BREAK.LINE)

    @staticmethod
    def add_texte(paragraphe: Any, texte: str | None, style: Gras) -> None:
        if not texte or (not texte.strip(" \n") and "\n" in texte):
            return
        run = paragraphe.add_run(texte.replace("\n", " "))
        run.bold = style.gras or None
        if style.petit:
            run.font.size = Pt(7.4)

    # --- links ---

    def name(self, ancre: str) -> str:
        """Name of a bookmark: Word takes forty characters, letters and digits."""
        return f"s_{self.signets.setdefault(ancre, len(self.signets) + 1)}"

    def mark(self, paragraphe: Any, ancre: str) -> None:
        nom = self.name(ancre)
        for borne in ("w:bookmarkStart", "w:bookmarkEnd"):
            element = OxmlElement(borne)
            element.set(qn("w:id"), nom[2:])
            if borne == "w:bookmarkStart":
                element.set(qn("w:name"), nom)
            paragraphe._p.append(element)

    def add_lien(self, paragraphe: Any, ancre: str, texte: str) -> None:
        lien = OxmlElement("w:hyperlink")
        lien.set(qn("w:anchor"), self.name(ancre))
        run = paragraphe.add_run(texte.strip())
        lien.append(run._r)
        paragraphe._p.append(lien)


def place_cellules(rangees: list[Any]) -> Iterator[tuple[int, int, int, int, Any]]:
    """Each cell with its row, its column, its width and its height, heads that span rows and columns counted."""
    prises: set[tuple[int, int]] = set()
    for ligne, rangee in enumerate(rangees):
        colonne = 0
        for cellule in rangee:
            while (ligne, colonne) in prises:
                colonne += 1
            large, haut = int(cellule.get("colspan", 1)), int(cellule.get("rowspan", 1))
            prises |= {(ligne + h, colonne + c) for h in range(haut) for c in range(large)}
            yield ligne, colonne, large, haut, cellule
            colonne += large


def add_champ(parent: Any, instruction: str) -> None:
    """A field that the converter computes: a page number, the number of pages."""
    champ = OxmlElement("w:fldSimple")
    champ.set(qn("w:instr"), instruction)
    run, texte = OxmlElement("w:r"), OxmlElement("w:t")
    texte.text = "1"
    run.append(texte)
    champ.append(run)
    parent.append(champ)
