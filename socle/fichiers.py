"""Uploaded files are hostile until checked: size first, then what they really are."""

import zipfile
from typing import BinaryIO

from django.core.exceptions import ValidationError

MAX_BYTES = 5_000_000
MAX_UNCOMPRESSED = 60_000_000
MAX_RATIO = 200


def check_classeur(fichier: BinaryIO, taille: int, nom: str) -> None:
    """Refuse a spreadsheet that is too large, is no spreadsheet, or unfolds into something huge.

    Raises ValidationError with a French sentence. The file is left at its start.
    """
    if taille > MAX_BYTES:
        raise ValidationError("Ce fichier dépasse 5 Mo. Séparez-le en plusieurs imports.")
    fichier.seek(0)
    try:
        # A file is what its content says: a workbook renamed .csv is still opened as a workbook by who asks for it.
        if nom.lower().endswith(".xlsx"):
            _check_zip(fichier)
        elif zipfile.is_zipfile(fichier):
            raise ValidationError("Ce fichier n’est pas un fichier texte mais un classeur : donnez-lui un nom en .xlsx.")
        else:
            fichier.seek(0)
            if b"\x00" in fichier.read(4096):
                raise ValidationError("Ce fichier n’est pas un fichier texte CSV.")
    finally:
        fichier.seek(0)


def _check_zip(fichier: BinaryIO) -> None:
    try:
        with zipfile.ZipFile(fichier) as archive:
            infos = archive.infolist()
    except zipfile.BadZipFile as erreur:
        raise ValidationError("Ce fichier n’est pas un classeur Excel (.xlsx) lisible.") from erreur
    total = sum(info.file_size for info in infos)
    compresse = sum(info.compress_size for info in infos) or 1
    if total > MAX_UNCOMPRESSED or total / compresse > MAX_RATIO:
        raise ValidationError("Ce classeur est anormalement gros une fois ouvert. Il est refusé.")
    if "[Content_Types].xml" not in {info.filename for info in infos}:
        raise ValidationError("Ce fichier n’est pas un classeur Excel (.xlsx).")
