"""The one door to WeasyPrint: HTML of a part in, tagged PDF out.

It is imported on first use, so that a machine without pango still serves every other page. It may read nothing but the
product's own print files and the resources handed over with the document.
"""

import hashlib
import importlib.metadata
import threading
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from socle.pdf_polices import compute_empreinte_polices

RACINE = (Path(settings.BASE_DIR) / "static" / "pdf").resolve()
FEUILLE = RACINE / "document.css"
RESSOURCE = "ressource:"
VARIANTE = "pdf/a-3a"
Ressources = Mapping[str, tuple[bytes, str]]  # name to bytes and media type
_verrou = threading.Lock()  # the font configuration is shared and fontconfig is not thread-safe


class MoteurAbsent(RuntimeError):
    """The PDF engine cannot start on this machine; the message says what to install."""


class RessourceRefusee(ValueError):
    """A document asked for a file or an address that is not its own."""


def render_html(html: str, ressources: Ressources) -> bytes:
    """Lay out one part. Raises MoteurAbsent without pango, RessourceRefusee when the part asks for what is not its own."""
    weasyprint = _engine()
    with _verrou:
        document = weasyprint.HTML(string=html, base_url=RACINE.as_uri() + "/", url_fetcher=_fetcher(ressources))
        return document.write_pdf(
            stylesheets=[_sheet(FEUILLE.stat().st_mtime_ns)],
            pdf_variant=VARIANTE,
            font_config=_fonts(),
            uncompressed_pdf=True,
            pdf_identifier=b"partie",
        )


@cache
def compute_empreinte_moteur() -> str:
    """Fingerprint of all that decides of a part besides its HTML: engine, fonts, our own preparation."""
    from socle.pdf_finition import prepare

    weasyprint = _engine()
    from weasyprint.text.ffi import pango

    versions = [
        weasyprint.VERSION,
        str(pango.pango_version()),
        *(importlib.metadata.version(nom) for nom in ("pikepdf", "fonttools", "pydyf", "tinycss2", "tinyhtml5", "Pyphen", "pillow")),
        VARIANTE,
        compute_empreinte_polices(),
    ]
    dossier = Path(prepare.__code__.co_filename).parent
    sources = [(dossier / f"pdf_{nom}.py").read_bytes() for nom in ("assemblage", "finition", "folios", "moteur", "polices")]
    return hashlib.sha256("\n".join(versions).encode() + b"".join(sources)).hexdigest()


@lru_cache(maxsize=1)
def compute_empreinte_feuille(instant: int) -> str:
    """Fingerprint of the print style as it was at that time of the file."""
    return hashlib.sha256(FEUILLE.read_bytes()).hexdigest()


@cache
def _engine() -> Any:
    try:
        import weasyprint
    except OSError as erreur:
        from socle.verifications import APT_LINE

        raise MoteurAbsent(f"Le PDF ne peut pas être produit : la bibliothèque pango manque. Installez-la avec : {APT_LINE}") from erreur
    return weasyprint


@cache
def _fonts() -> Any:
    """One font configuration a process: reading fonts again for each document costs more than laying it out."""
    from weasyprint.text.fonts import FontConfiguration

    return FontConfiguration()


@lru_cache(maxsize=1)
def _sheet(instant: int) -> Any:
    """The print style, read once; again when its file changes."""
    return _engine().CSS(filename=str(FEUILLE), font_config=_fonts(), url_fetcher=_fetcher({}))


def _fetcher(ressources: Ressources) -> Any:
    """Loader that serves the product's print files and the document's own resources, and nothing else."""
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    class Fetcher(URLFetcher):
        def fetch(self, url: str, headers: Any = None) -> Any:
            if url.startswith(RESSOURCE):
                contenu, type_mime = ressources[url.removeprefix(RESSOURCE)]
                return URLFetcherResponse(url, contenu, {"Content-Type": type_mime})
            if not is_allowed(url):
                raise RessourceRefusee(f"Adresse refusée dans un document : {url[:80]}")
            return super().fetch(url, headers)

    return Fetcher(allowed_protocols=("file", "ressource"))


def is_allowed(url: str) -> bool:
    """Only files under static/pdf, once `..` and links are resolved."""
    from urllib.parse import unquote, urlsplit

    parties = urlsplit(url)
    return parties.scheme == "file" and not parties.netloc and Path(unquote(parties.path)).resolve().is_relative_to(RACINE)
