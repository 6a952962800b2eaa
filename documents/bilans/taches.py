"""Typesetting the PDF of an accepted bilan, beside the pages."""

from django_tasks import task

from documents.bilans.figes import DocumentBilan, store_pdf
from documents.bilans.publication import publish_bilan


def keep_pdf(document: DocumentBilan) -> DocumentBilan:
    """Typeset the PDF of a frozen bilan unless it is done. Raises MoteurAbsent."""
    return document if document.pdf else store_pdf(document, publish_bilan(document.bilan))


@task()
def typeset_bilan(pk: int) -> None:
    """Typeset the PDF of an accepted bilan, by its number; does nothing when it is done."""
    document = DocumentBilan.objects.select_related("bilan__convention").filter(bilan=pk).first()
    if document is not None:
        keep_pdf(document)
