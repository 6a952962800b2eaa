"""The document that counts: the frozen one, never made again."""

from conventions.models import Convention
from documents.figes import get_document


def read_officiel(convention: Convention) -> bytes | None:
    """The PDF frozen for signature; None when there is none. Raises DocumentPerdu when it is not what was kept."""
    document = get_document(convention)
    return document.read_pdf() if document and document.pdf else None
