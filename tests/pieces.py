"""Files that people attach, made on the spot: archives, texts, pictures."""

import io
import zipfile

from PIL import Image


def make_zip(fichiers: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    tampon = io.BytesIO()
    with zipfile.ZipFile(tampon, "w", compression) as archive:
        for nom, contenu in fichiers.items():
            archive.writestr(nom, contenu)
    return tampon.getvalue()


def make_odf(genre: str, **autres: bytes) -> bytes:
    return make_zip({"mimetype": f"application/vnd.oasis.opendocument.{genre}".encode(), "content.xml": b"<c/>"} | autres)


def draw(forme: str, taille: tuple[int, int] = (4, 4), **options: object) -> bytes:
    tampon = io.BytesIO()
    Image.new("1" if taille > (1000, 1000) else "RGB", taille).save(tampon, forme, **options)
    return tampon.getvalue()
