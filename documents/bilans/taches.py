"""Typesetting the PDF of an accepted bilan, beside the pages."""

from django_tasks import task

from documents.bilans.figes import DocumentBilan, store_pdf
from documents.bilans.publication import publish_bilan
from financement.bilans.modeles import Bilan


def keep_pdf(document: DocumentBilan) -> DocumentBilan:
    """Typeset the PDF of a frozen bilan unless it is done. Raises MoteurAbsent."""
    return document if document.pdf else store_pdf(document, publish_bilan(document.bilan))


def read_bilan(bilan: Bilan) -> bytes:
    """The PDF of a bilan: the one that was frozen once accepted, else what it is today. Raises MoteurAbsent, DocumentPerdu."""
    document = DocumentBilan.objects.select_related("bilan__convention").filter(bilan=bilan).first()
    return keep_pdf(document).read_pdf() if document else publish_bilan(bilan)


@task()
def typeset_bilan(pk: int) -> None:
    """Typeset the PDF of an accepted bilan, by its number; does nothing when it is done."""
    document = DocumentBilan.objects.select_related("bilan__convention").filter(bilan=pk).first()
    if document is not None:
        keep_pdf(document)
