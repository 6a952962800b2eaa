"""Supporting files people hand over: checked by what they hold, named by us, kept with their fingerprint."""

import hashlib
import lzma
import struct
import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePath
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from PIL import Image

MAX_BYTES = 20_000_000
MAX_PIXELS = 60_000_000
MAX_UNCOMPRESSED = 100_000_000
MAX_RATIO = 200
BUREAUTIQUE = {"xlsx": b"xl/", "docx": b"word/", "ods": b"", "odt": b""}
IMAGES = {"PNG": "png", "JPEG": "jpg", "MPO": "jpg"}  # MPO: the JPEG of telephones that take two pictures at once
MACROS = ("Basic/", "Scripts/", "xl/macrosheets/")
# What zipfile, its decompressors and Pillow raise on spoilt bytes.
ILLISIBLE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, Image.DecompressionBombError),
    *(ArithmeticError, EOFError, LookupError, OSError, RuntimeError, SyntaxError, TypeError, ValueError),
)
PERMIS = "PDF, image PNG ou JPEG, tableur ou texte (xlsx, ods, docx, odt)"


@dataclass(frozen=True)
class Piece:
    """A file that was accepted: bytes, the name people gave it, its extension by its content, its SHA-256."""

    contenu: bytes
    nom: str
    extension: str
    empreinte: str

    @property
    def taille(self) -> int:
        return len(self.contenu)


def keep_piece(objet: Any, piece: Piece) -> None:
    """Put a file in a row that bears one (`fichier`, `nom`, `taille`, `empreinte`); the caller saves the row."""
    objet.nom, objet.taille, objet.empreinte = piece.nom, piece.taille, piece.empreinte
    objet.fichier.save(f"{piece.empreinte[:16]}.{piece.extension}", ContentFile(piece.contenu), save=False)


def read_piece(fichier: UploadedFile | None, *, seulement_pdf: bool = False, maximum: int = MAX_BYTES) -> Piece:
    """Read an uploaded file, or raise ValidationError with the sentence that says what is wrong."""
    if fichier is None or not fichier.size:
        raise ValidationError("Choisissez un fichier qui n’est pas vide.")
    if fichier.size > maximum:
        raise ValidationError(f"Ce fichier dépasse {maximum // 1_000_000} Mo. Réduisez-le, ou numérisez-le avec moins de points.")
    contenu = fichier.read()
    extension = find_extension(contenu)
    if not extension or (seulement_pdf and extension != "pdf"):
        raise ValidationError(f"Ce fichier n’est pas lisible. Attendu : {'un PDF' if seulement_pdf else PERMIS}.")
    nom = PurePath((fichier.name or "").replace("\\", "/")).name.replace("\x00", "")[-120:] or f"piece.{extension}"
    return Piece(contenu, nom, extension, hashlib.sha256(contenu).hexdigest())


def read_piece_ou_rien(fichier: UploadedFile | None, *, seulement_pdf: bool = False) -> Piece | None:
    """Read a file that may be absent; an empty one is refused. Raises ValidationError."""
    return None if fichier is None else read_piece(fichier, seulement_pdf=seulement_pdf)


def find_extension(contenu: bytes) -> str:
    """What a file really is: pdf, png, jpg, xlsx, docx, ods or odt; empty for anything else, bombs included."""
    if contenu[:1024].lstrip().startswith(b"%PDF-"):
        return "pdf"
    if contenu.startswith((b"\x89PNG", b"\xff\xd8")):
        return _find_image(contenu)
    return _find_office(contenu) if contenu.startswith(b"PK") else ""


def _find_image(contenu: bytes) -> str:
    try:
        with Image.open(BytesIO(contenu)) as image:
            if image.width * image.height > MAX_PIXELS:
                return ""
            image.verify()
            return IMAGES.get(str(image.format), "")
    except ILLISIBLE:
        return ""


def _find_office(contenu: bytes) -> str:
    try:
        with zipfile.ZipFile(BytesIO(contenu)) as archive:
            infos = archive.infolist()
            noms = {i.filename for i in infos}
            total, compresse = sum(i.file_size for i in infos), sum(i.compress_size for i in infos) or 1
            if total > MAX_UNCOMPRESSED or total / compresse > MAX_RATIO:
                return ""
            if any(n.endswith("vbaProject.bin") or (n.startswith(MACROS) and not n.endswith("/")) for n in noms):
                return ""  # macros have nothing to do in a supporting file
            if "mimetype" in noms:
                type_mime = archive.read("mimetype")[:80]
                return {b"spreadsheet": "ods", b"text": "odt"}.get(type_mime.rpartition(b".")[2].strip(), "")
    except ILLISIBLE:
        return ""
    return next((ext for ext, dossier in BUREAUTIQUE.items() if dossier and any(n.startswith(dossier.decode()) for n in noms)), "")
