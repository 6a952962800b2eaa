"""The platform's own seal on frozen documents, when settings give its key."""

from django.conf import settings

from conventions.models import Convention
from socle.pades_sceau import read_sceau, seal


def seal_document(pdf: bytes, convention: Convention) -> bytes | None:
    """The sealed copy of a document; None when no seal was given. Raises SceauIllisible when the key given cannot be used."""
    if not settings.SCEAU_FICHIER:
        return None
    cle = read_sceau(settings.SCEAU_FICHIER, settings.SCEAU_PHRASE)
    return seal(pdf, cle, raison=f"Document mis à la signature, {convention.reference}", lieu=convention.lieu_signature)
