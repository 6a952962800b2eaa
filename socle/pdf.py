"""PDF engine behind one function: HTML in, PDF/A-3a + PDF/UA-1 out.

WeasyPrint is imported on first use, so that a machine without pango still serves every other page. It may read
nothing but the product's own print files and the resources handed over with the document.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

from socle.pdf_finition import finish

RACINE = (Path(settings.BASE_DIR) / "static" / "pdf").resolve()
RESSOURCE = "ressource:"
_verrou = threading.Lock()  # the font configuration is shared and fontconfig is not thread-safe


class MoteurAbsent(RuntimeError):
    """The PDF engine cannot start on this machine; the message says what to install."""


class RessourceRefusee(ValueError):
    """A document asked for a file or an address that is not its own."""


@dataclass(frozen=True)
class PieceJointe:
    """A file carried inside the PDF."""

    nom: str
    contenu: bytes
    description: str
    relation: str = "Data"


@dataclass(frozen=True)
class Document:
    """What the engine needs: HTML, its description, what it may load, what it carries."""

    html: str
    titre: str
    jour: date
    ressources: Mapping[str, tuple[bytes, str]] = field(default_factory=dict)
    pieces: Sequence[PieceJointe] = ()


def render_pdf(document: Document) -> bytes:
    """Render a document; the same document gives the same pages. Raises MoteurAbsent without pango."""
    weasyprint = _engine()
    instant = datetime.combine(document.jour, time(12), UTC)
    pieces = [
        weasyprint.Attachment(
            string=piece.contenu,
            name=piece.nom,
            description=piece.description,
            relationship=piece.relation,
            created=instant,
            modified=instant,
        )
        for piece in document.pieces
    ]
    with _verrou:
        html = weasyprint.HTML(string=document.html, base_url=RACINE.as_uri() + "/", url_fetcher=_fetcher(document.ressources))
        brut = html.write_pdf(
            pdf_variant="pdf/a-3a", font_config=_fonts(), attachments=pieces, uncompressed_pdf=True, pdf_identifier=document.titre.encode()
        )
    return finish(brut, titre=document.titre)


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


def _fetcher(ressources: Mapping[str, tuple[bytes, str]]) -> Any:
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
