"""The same sheets for LibreOffice: an OpenDocument spreadsheet with real numbers, sums, lists and locked titles."""

import io
import re
import zipfile
from decimal import Decimal
from typing import Any

from odf import config, dc, meta, number, opendocument, style, table, text
from openpyxl.utils import get_column_letter

from socle.tableaux import LIGNES_LIBRES, NOM_LISTES, NOM_MODE_EMPLOI, ClasseurEcrit, Somme, Tableau, Valeur
from socle.tableur import strip_controls
from socle.typographie import format_nombre


class EcrivainOds:
    """Builds one document: odfpy has no tables of styles, they are made once here."""

    def __init__(self, classeur: ClasseurEcrit) -> None:
        self.classeur = classeur
        self.doc: Any = opendocument.OpenDocumentSpreadsheet()
        self.styles: dict[Any, Any] = {}
        self.doc.meta.addElement(meta.InitialCreator(text="Trait d’union"))
        self.doc.meta.addElement(dc.Title(text=classeur.titre))
        self._add_number_styles()
        self._add_page_style()

    def build(self) -> bytes:
        """Bytes of the document, the same for the same content."""
        if self.classeur.listes or self.classeur.mode_emploi:
            self._add_validations()
        if self.classeur.mode_emploi:
            self._add_mode_emploi()
        for tableau in self.classeur.tableaux:
            self._add_tableau(tableau)
        if self.classeur.listes:
            self._add_listes()
        self._add_settings()
        brut = io.BytesIO()
        self.doc.save(brut)
        return _fix_dates(brut.getvalue())

    def _add_number_styles(self) -> None:
        euros = number.CurrencyStyle(name="nombre-euros")
        euros.addElement(number.Number(decimalplaces="2", minintegerdigits="1", grouping="true"))
        euros.addElement(number.Text(text="\u00a0€"))
        jours = number.NumberStyle(name="nombre-jours")
        jours.addElement(number.Number(decimalplaces="2", minintegerdigits="1", grouping="true"))
        taux = number.PercentageStyle(name="nombre-taux")
        taux.addElement(number.Number(decimalplaces="2", minintegerdigits="1"))
        taux.addElement(number.Text(text="\u00a0%"))
        annee = number.NumberStyle(name="nombre-annee")
        annee.addElement(number.Number(decimalplaces="0", minintegerdigits="1"))
        for element in (euros, jours, taux, annee):
            self.doc.automaticstyles.addElement(element)

    def _add_page_style(self) -> None:
        """Every sheet prints in landscape, one page wide."""
        mise_en_page = style.PageLayout(name="paysage")
        mise_en_page.addElement(
            style.PageLayoutProperties(
                pagewidth="29.7cm", pageheight="21cm", printorientation="landscape", margin="1.2cm", scaletox="1", scaletoy="0"
            )
        )
        self.doc.automaticstyles.addElement(mise_en_page)
        self.doc.masterstyles.addElement(style.MasterPage(name="Paysage", pagelayoutname="paysage"))
        rangee = style.Style(name="rangee", family="table-row")
        rangee.addElement(style.TableRowProperties(useoptimalrowheight="true"))
        self.doc.automaticstyles.addElement(rangee)
        feuille = style.Style(name="feuille", family="table", masterpagename="Paysage")
        feuille.addElement(style.TableProperties(display="true"))
        self.doc.automaticstyles.addElement(feuille)

    def _style(self, sorte: str, gras: bool = False, libre: bool = False, grand: bool = False) -> str:
        """Name of the style of a cell, made at first use."""
        cle = (sorte, gras, libre, grand)
        if cle not in self.styles:
            nom = f"c{len(self.styles)}"
            options = {"datastylename": f"nombre-{sorte}"} if sorte != "texte" else {}
            element = style.Style(name=nom, family="table-cell", parentstylename="Default", **options)
            element.addElement(
                style.TableCellProperties(
                    cellprotect="none" if libre else "protected",
                    backgroundcolor="#f2f6f4" if gras and not grand else "transparent",
                    wrapoption="no-wrap" if gras else "wrap",
                    verticalalign="top",
                )
            )
            element.addElement(style.ParagraphProperties(textalign="start" if sorte == "texte" else "end"))
            element.addElement(style.TextProperties(fontweight="bold" if gras else "normal", fontsize="14pt" if grand else "10pt"))
            self.doc.automaticstyles.addElement(element)
            self.styles[cle] = nom
        return str(self.styles[cle])

    def _column_style(self, largeur: int) -> str:
        cle = ("colonne", largeur)
        if cle not in self.styles:
            nom = f"l{len(self.styles)}"
            element = style.Style(name=nom, family="table-column")
            element.addElement(style.TableColumnProperties(columnwidth=f"{largeur * 0.2:.2f}cm"))
            self.doc.automaticstyles.addElement(element)
            self.styles[cle] = nom
        return str(self.styles[cle])

    def _add_validations(self) -> None:
        validations = table.ContentValidations()
        for numero, (nom, valeurs) in enumerate(self.classeur.listes.items()):
            lettre, fin = get_column_letter(numero + 1), max(len(valeurs), 1) + 1
            condition = f"of:cell-content-is-in-list([${NOM_LISTES}.${lettre}$2:.${lettre}${fin}])"
            validation = table.ContentValidation(name=nom, condition=condition, allowemptycell="true")
            message = table.ErrorMessage(title=nom, display="true", messagetype="stop")
            message.addElement(text.P(text="Choisissez une valeur de la liste."))
            validation.addElement(message)
            validations.addElement(validation)
        if self.classeur.listes:
            self.doc.spreadsheet.addElement(validations)

    def _add_tableau(self, tableau: Tableau) -> None:
        feuille = table.Table(name=tableau.nom, stylename="feuille", protected="true" if tableau.modifiable else "false")
        for colonne in tableau.colonnes:
            feuille.addElement(table.TableColumn(stylename=self._column_style(colonne.largeur)))
        for rang, ligne in enumerate(tableau.titre):
            self._add_row(feuille, [(ligne, "texte", True, False, rang == 0, "")])
        entete = table.TableHeaderRows()
        self._add_row(entete, [(c.titre, "texte", True, False, False, "") for c in tableau.colonnes])
        feuille.addElement(entete)
        for rang, valeurs in enumerate(tableau.lignes):
            forte = rang in tableau.fortes
            self._add_row(
                feuille, [(v, c.sorte, forte, tableau.modifiable, False, c.liste) for v, c in zip(valeurs, tableau.colonnes, strict=True)]
            )
        if tableau.modifiable:
            for _ in range(LIGNES_LIBRES):
                self._add_row(feuille, [(None, c.sorte, False, True, False, c.liste) for c in tableau.colonnes])
        self.doc.spreadsheet.addElement(feuille)

    def _add_row(self, parent: Any, cases: list[tuple[Valeur, str, bool, bool, bool, str]]) -> None:
        ligne = table.TableRow(stylename="rangee")
        for valeur, sorte, gras, libre, grand, liste in cases:
            options: dict[str, Any] = {"stylename": self._style(sorte, gras, libre, grand)}
            if liste in self.classeur.listes:
                options["contentvalidationname"] = liste
            ligne.addElement(_make_cell(valeur, sorte, options))
        parent.addElement(ligne)

    def _add_mode_emploi(self) -> None:
        feuille = table.Table(name=NOM_MODE_EMPLOI, stylename="feuille", protected="true")
        feuille.addElement(table.TableColumn(stylename=self._column_style(110)))
        self._add_row(feuille, [(self.classeur.titre, "texte", True, False, True, "")])
        for ligne in ["", *self.classeur.mode_emploi]:
            self._add_row(feuille, [(ligne, "texte", False, False, False, "")])
        self.doc.spreadsheet.addElement(feuille)

    def _add_listes(self) -> None:
        cache = style.Style(name="cachee", family="table")
        cache.addElement(style.TableProperties(display="false"))
        self.doc.automaticstyles.addElement(cache)
        feuille = table.Table(name=NOM_LISTES, stylename=cache, protected="true")
        feuille.addElement(table.TableColumn(stylename=self._column_style(30), numbercolumnsrepeated=str(len(self.classeur.listes))))
        noms = list(self.classeur.listes)
        self._add_row(feuille, [(nom, "texte", True, False, False, "") for nom in noms])
        for rang in range(max(map(len, self.classeur.listes.values()))):
            valeurs: list[Valeur] = [v[rang] if rang < len(v := self.classeur.listes[nom]) else None for nom in noms]
            self._add_row(
                feuille,
                [
                    (
                        int(v) if isinstance(v, str) and v.isdecimal() else v,
                        "annee" if isinstance(v, str) and v.isdecimal() else "texte",
                        False,
                        False,
                        False,
                        "",
                    )
                    for v in valeurs
                ],
            )
        self.doc.spreadsheet.addElement(feuille)

    def _add_settings(self) -> None:
        """Titles stay when scrolling: a setting of the view, which odfpy writes as any element."""
        vues = config.ConfigItemMapIndexed(name="Views")
        vue = config.ConfigItemMapEntry()
        feuilles = config.ConfigItemMapNamed(name="Tables")
        for tableau in self.classeur.tableaux:
            entree = config.ConfigItemMapEntry(name=tableau.nom)
            reglages = {
                "VerticalSplitMode": "2",
                "VerticalSplitPosition": str(tableau.rang_titres),
                "PositionBottom": str(tableau.rang_titres),
            }
            if tableau.figees:
                reglages |= {
                    "HorizontalSplitMode": "2",
                    "HorizontalSplitPosition": str(tableau.figees),
                    "PositionRight": str(tableau.figees),
                }
            for nom, valeur in reglages.items():
                entree.addElement(config.ConfigItem(name=nom, type="short" if "Mode" in nom else "int", text=valeur))
            feuilles.addElement(entree)
        vue.addElement(feuilles)
        vues.addElement(vue)
        ensemble = config.ConfigItemSet(name="ooo:view-settings")
        ensemble.addElement(vues)
        self.doc.settings.addElement(ensemble)


def write_ods(classeur: ClasseurEcrit) -> bytes:
    """Bytes of an OpenDocument spreadsheet."""
    return EcrivainOds(classeur).build()


def _make_cell(valeur: Valeur, sorte: str, options: dict[str, Any]) -> Any:
    if valeur is None or valeur == "":
        return table.TableCell(**options)
    if isinstance(valeur, str):
        case = table.TableCell(valuetype="string", **options)
        case.addElement(text.P(text=strip_controls(valeur)))
        return case
    if isinstance(valeur, Somme):
        plages = ";".join("[" + re.sub("([A-Z]+[0-9]+)", r".\1", plage) + "]" for plage in valeur.plages)
        options = options | {"formula": f"of:=SUM({plages})"}
        valeur = valeur.valeur
    nombre = Decimal(valeur)
    types = {"euros": {"valuetype": "currency", "currency": "EUR"}, "taux": {"valuetype": "percentage"}}
    ecrit = nombre / 100 if sorte == "taux" else nombre
    case = table.TableCell(value=f"{ecrit:f}", **types.get(sorte, {"valuetype": "float"}), **options)
    montre = {"euros": f"{format_nombre(nombre, 2)}\u00a0€", "taux": f"{format_nombre(nombre)}\u00a0%", "annee": str(nombre)}.get(
        sorte, format_nombre(nombre)
    )
    case.addElement(text.P(text=montre))
    return case


def _fix_dates(brut: bytes) -> bytes:
    """The hour of writing left out, so that one content always gives the same bytes."""
    sortie = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(brut)) as source, zipfile.ZipFile(sortie, "w") as cible:
        for info in source.infolist():
            contenu = (
                re.sub(rb"(<meta:creation-date>)[^<]*", rb"\g<1>2000-01-01T00:00:00", source.read(info))
                if info.filename == "meta.xml"
                else source.read(info)
            )
            fixe = zipfile.ZipInfo(info.filename, (2000, 1, 1, 0, 0, 0))
            fixe.compress_type = zipfile.ZIP_STORED if info.filename == "mimetype" else zipfile.ZIP_DEFLATED
            cible.writestr(fixe, contenu)
    return sortie.getvalue()
