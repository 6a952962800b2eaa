"""Reading spreadsheets typed by others: xlsx, xlsm, ods, csv, tsv. Hostile until checked, read as values, nothing lost unsaid.

python-calamine gives the values quickly but says nothing of broken formulas, formulas without value, percentages and
hidden rows: those are read from the file's own XML, so that a cell that looks empty is never taken for an empty one.
"""

import datetime as dt
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import python_calamine
from defusedxml.common import DefusedXmlException

from socle.lecture_csv import read_csv
from socle.lecture_ods import annotate_ods, measure_ods
from socle.lecture_xlsx import CelluleSansAdresse, annotate_xlsx, measure_xlsx

MAX_OCTETS = 20_000_000
MAX_OUVERT = 400_000_000
MAX_RAPPORT = 200
MAX_FEUILLES = 60
MAX_LIGNES = 120_000
MAX_COLONNES = 400
MAX_CASES = 4_000_000  # of the rectangles that all the sheets take
TAMPON = 1 << 20
EXTENSIONS = ("xlsx", "xlsm", "ods", "csv", "tsv")
# What zipfile, its decompressors, calamine and the XML parsers raise on spoilt bytes (a badly formed XML is a SyntaxError).
ILLISIBLE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    python_calamine.CalamineError,
    ArithmeticError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    ValueError,
)
ENTITES = "Ce classeur contient des entités XML, qu’aucun tableur n’écrit. Il est refusé."
Place = tuple[int, int]  # row and column, from 0


class ClasseurRefuse(ValueError):
    """A file that is not read, with the French reason as its message."""


@dataclass
class Feuille:
    """One sheet. `lignes` starts at A1; a cell is None, str, bool, int, float, date, datetime or time."""

    nom: str
    lignes: list[list[Any]] = field(default_factory=list)
    cachee: bool = False
    erreurs: dict[Place, str] = field(default_factory=dict)  # « #REF! » by place
    sans_valeur: set[Place] = field(default_factory=set)  # formulas whose result the file does not hold
    pourcentages: set[Place] = field(default_factory=set)
    en_jours: set[Place] = field(default_factory=set)  # numbers that their format shows with « j »
    lignes_masquees: set[int] = field(default_factory=set)
    colonnes_masquees: set[int] = field(default_factory=set)
    fusions: list[tuple[Place, Place]] = field(default_factory=list)

    def get(self, rang: int, colonne: int) -> Any:
        """Value of a cell, None outside."""
        ligne = self.lignes[rang] if 0 <= rang < len(self.lignes) else []
        return ligne[colonne] if 0 <= colonne < len(ligne) else None

    @property
    def is_filled(self) -> bool:
        """Tell whether anything is in the sheet, a zero included."""
        return any(v is not None for ligne in self.lignes for v in ligne)

    def is_empty(self, rang: int) -> bool:
        """Tell whether nothing at all is in a row, not even a broken formula."""
        return rang not in self._signales and all(v is None for v in self.lignes[rang])

    @cached_property
    def _signales(self) -> set[int]:
        """Rows that hold a broken formula, or one without value."""
        return {rang for rang, _ in (*self.erreurs, *self.sans_valeur)}

    def locate(self, rang: int, colonne: int) -> str:
        """Address as people read it: « F9 »."""
        return f"{name_colonne(colonne)}{rang + 1}"


@dataclass
class Classeur:
    """What was read of a file, and what people must know about it."""

    nom: str
    format: str
    feuilles: list[Feuille]
    remarques: list[str] = field(default_factory=list)

    def find(self, nom: str) -> Feuille | None:
        return next((f for f in self.feuilles if f.nom == nom), None)


def name_colonne(colonne: int) -> str:
    """Letters of a column, from 0: A, Z, AA."""
    lettres = ""
    colonne += 1
    while colonne:
        colonne, reste = divmod(colonne - 1, 26)
        lettres = chr(65 + reste) + lettres
    return lettres


def read_colonne(lettres: str) -> int:
    """Number of a column, from 0. Raises ValueError when these are no column."""
    if not lettres.isascii() or not lettres.isalpha() or len(lettres) > 3:
        raise ValueError(f"« {lettres} » n’est pas une colonne.")
    rang = 0
    for lettre in lettres.upper():
        rang = rang * 26 + ord(lettre) - 64
    return rang - 1


def read_classeur(contenu: bytes, nom: str) -> Classeur:
    """Read a whole file by what it holds, whatever its name says. Raises ClasseurRefuse."""
    if len(contenu) > MAX_OCTETS:
        raise ClasseurRefuse(f"Ce fichier dépasse {MAX_OCTETS // 1_000_000} Mo. Séparez-le en plusieurs imports.")
    if not contenu:
        raise ClasseurRefuse("Ce fichier est vide.")
    if contenu.startswith(b"\xd0\xcf\x11\xe0"):
        raise ClasseurRefuse(
            "Ce classeur est protégé par un mot de passe, ou à l’ancien format .xls. "
            "Enregistrez-le sans mot de passe au format .xlsx, puis déposez-le de nouveau."
        )
    if contenu.startswith(b"%PDF"):
        raise ClasseurRefuse("Ce fichier est un PDF. Demandez le tableur dont il vient.")
    if contenu.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _read_archive(contenu, nom)
    return _read_texte(contenu, nom)


def _read_texte(contenu: bytes, nom: str) -> Classeur:
    try:
        lignes, remarques = read_csv(contenu, MAX_LIGNES + 1)
    except ValueError as erreur:
        raise ClasseurRefuse(str(erreur)) from erreur
    feuille = Feuille(nom.rpartition(".")[0] or nom, lignes)
    _check_size(feuille)
    return Classeur(nom, "csv", [feuille], remarques)


def _read_archive(contenu: bytes, nom: str) -> Classeur:
    try:
        with zipfile.ZipFile(io.BytesIO(contenu)) as archive:
            noms = _check_archive(archive)
            if any(n.startswith("xl/") for n in noms):
                return _read_xlsx(contenu, archive, nom, noms)
            if "content.xml" in noms and b"spreadsheet" in _peek(archive, "mimetype", noms):
                return _read_ods(contenu, archive, nom)
    except ClasseurRefuse:
        raise
    except DefusedXmlException as erreur:
        raise ClasseurRefuse(ENTITES) from erreur
    except CelluleSansAdresse as erreur:
        raise ClasseurRefuse(str(erreur)) from erreur
    except ILLISIBLE as erreur:
        raise ClasseurRefuse(
            "Ce classeur est abîmé ou protégé : il ne s’ouvre pas. Ouvrez-le dans Excel ou LibreOffice et enregistrez-le de nouveau."
        ) from erreur
    raise ClasseurRefuse("Ce fichier n’est pas un tableur. Formats lus : xlsx, xlsm, ods, csv, tsv.")


def _peek(archive: zipfile.ZipFile, nom: str, noms: set[str]) -> bytes:
    if nom not in noms:
        return b""
    with archive.open(nom) as partie:
        return partie.read(200)


def _check_archive(archive: zipfile.ZipFile) -> set[str]:
    """Unfold every part without keeping it: sizes written in an archive may lie. Raises ClasseurRefuse."""
    infos = archive.infolist()
    if len(infos) > 5_000:
        raise ClasseurRefuse("Ce classeur contient trop de parties. Il est refusé.")
    total = 0
    for info in infos:
        with archive.open(info) as partie:
            fin = b""
            while morceau := partie.read(TAMPON):
                total += len(morceau)
                if total > MAX_OUVERT or (total > 5_000_000 and total > MAX_RAPPORT * max(sum(i.compress_size for i in infos), 1)):
                    raise ClasseurRefuse("Ce classeur est anormalement gros une fois ouvert. Il est refusé.")
                if info.filename.lower().endswith((".xml", ".rels", ".vml")):
                    _check_xml(fin + morceau)
                    fin = morceau[-32:]
    return {info.filename for info in infos}


def _check_xml(morceau: bytes) -> None:
    """Refuse what a spreadsheet never needs: a document type, and the entities it declares."""
    if b"\x00" in morceau:
        morceau = morceau.replace(b"\x00", b"")  # UTF-16 parts too
    if b"<!DOCTYPE" in morceau or b"<!ENTITY" in morceau:
        raise ClasseurRefuse(ENTITES)


def _read_xlsx(contenu: bytes, archive: zipfile.ZipFile, nom: str, noms: set[str]) -> Classeur:
    _check_extent(measure_xlsx(archive))
    classeur = Classeur(nom, "xlsx", _read_values(contenu))
    if any(n.lower().endswith("vbaproject.bin") for n in noms):
        classeur.format = "xlsm"
        classeur.remarques.append("Ce classeur contient des macros : elles ne sont ni lues ni exécutées.")
    if any(n.startswith("xl/externalLinks/") for n in noms):
        classeur.remarques.append(
            "Ce classeur va chercher des valeurs dans d’autres fichiers : les liens ne sont pas suivis, les valeurs gardées sont lues."
        )
    annotate_xlsx(archive, classeur.feuilles)
    _complete(classeur)
    return classeur


def _check_extent(mesures: list[tuple[str, int, int]]) -> None:
    """Refuse before reading what would take the whole memory. Raises ClasseurRefuse."""
    for nom, lignes, colonnes in mesures:
        if lignes > MAX_LIGNES:
            raise ClasseurRefuse(_explain_lignes(nom, lignes))
        if colonnes > MAX_COLONNES:
            raise ClasseurRefuse(f"La feuille « {nom} » va jusqu’à la colonne {name_colonne(colonnes - 1)}, trop loin pour un budget.")
    if sum(lignes * colonnes for _, lignes, colonnes in mesures) > MAX_CASES:
        raise ClasseurRefuse("Ce classeur a trop de cases. Séparez-le en plusieurs imports.")


def _complete(classeur: Classeur) -> None:
    """A last row that holds nothing but broken formulas is a row. Raises ClasseurRefuse when nothing at all is held."""
    for feuille in classeur.feuilles:
        fin = max((rang for rang, _ in (*feuille.erreurs, *feuille.sans_valeur)), default=-1)
        feuille.lignes.extend([] for _ in range(len(feuille.lignes), fin + 1))
    if not any(v is not None for f in classeur.feuilles for ligne in f.lignes for v in ligne):
        raise ClasseurRefuse("Ce classeur ne contient aucune donnée.")


def _read_ods(contenu: bytes, archive: zipfile.ZipFile, nom: str) -> Classeur:
    _check_extent(measure_ods(archive))
    classeur = Classeur(nom, "ods", _read_values(contenu))
    if annotate_ods(archive, classeur.feuilles):
        classeur.feuilles = [f for f in classeur.feuilles if not re.match(r"'.*'#\$", f.nom)]  # copies of other files
        classeur.remarques.append(
            "Ce classeur va chercher des valeurs dans d’autres fichiers : les liens ne sont pas suivis, les valeurs gardées sont lues."
        )
    _complete(classeur)
    return classeur


def _read_values(contenu: bytes) -> list[Feuille]:
    """Values of all the sheets, each row starting in column A."""
    feuilles = []
    with python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(contenu)) as classeur:
        if len(classeur.sheets_metadata) > MAX_FEUILLES:
            raise ClasseurRefuse(f"Ce classeur a {len(classeur.sheets_metadata)} feuilles, {MAX_FEUILLES} au plus.")
        for meta in classeur.sheets_metadata:
            if meta.typ != python_calamine.SheetTypeEnum.WorkSheet:
                continue  # charts and dialogs hold no cell
            source = classeur.get_sheet_by_name(meta.name)
            feuille = Feuille(meta.name, cachee=meta.visible != python_calamine.SheetVisibleEnum.Visible)
            fin = source.end
            if fin is not None:
                if fin[0] >= MAX_LIGNES:
                    raise ClasseurRefuse(_explain_lignes(meta.name, fin[0] + 1))
                if fin[1] >= MAX_COLONNES:
                    raise ClasseurRefuse(
                        f"La feuille « {meta.name} » va jusqu’à la colonne {name_colonne(fin[1])}, trop loin pour un budget."
                    )
                feuille.lignes = list(_pad(source.iter_rows(), source.start[1] if source.start else 0))
            feuille.fusions = list(source.merged_cell_ranges or [])
            feuilles.append(feuille)
    return feuilles


def _pad(lignes: Any, decalage: int) -> Iterator[list[Any]]:
    """Rows from column A, with None for what is empty; a text of spaces is empty."""
    vide = [None] * decalage
    for ligne in lignes:
        yield vide + [None if v == "" or (type(v) is str and not v.strip()) else v for v in ligne]


def _check_size(feuille: Feuille) -> None:
    if len(feuille.lignes) > MAX_LIGNES:
        raise ClasseurRefuse(_explain_lignes(feuille.nom, len(feuille.lignes)))
    if max((len(ligne) for ligne in feuille.lignes), default=0) > MAX_COLONNES:
        raise ClasseurRefuse(f"Ce fichier a plus de {MAX_COLONNES} colonnes, trop pour un budget.")
    if not any(v is not None for ligne in feuille.lignes for v in ligne):
        raise ClasseurRefuse("Ce fichier ne contient aucune donnée.")


def _explain_lignes(nom: str, nombre: int) -> str:
    lisible = f"{nombre:,}".replace(",", "\u202f")
    return f"La feuille « {nom} » a {lisible} lignes, {MAX_LIGNES // 1000}\u202f000 au plus. Séparez-la en plusieurs imports."


def is_date(valeur: Any) -> bool:
    """Tell dates, with or without an hour, and hours."""
    return isinstance(valeur, dt.date | dt.time | dt.timedelta)
