"""Typesetting the PDF of an accepted bilan, beside the pages."""

from typing import Any

from django_tasks import task

from conventions.models import Travail
from conventions.travaux.sortes import Sorte, register
from conventions.travaux.suivi import TravailRefuse, follow, start
from documents.bilans.figes import DocumentBilan, store_pdf
from documents.bilans.publication import publish_bilan
from financement.bilans.modeles import Bilan
from socle.pdf import MoteurAbsent

BILAN = register(Sorte("bilan", "PDF d’un bilan accepté"))


def keep_pdf(document: DocumentBilan) -> DocumentBilan:
    """Typeset the PDF of a frozen bilan unless it is done. Raises MoteurAbsent."""
    return document if document.pdf else store_pdf(document, publish_bilan(document.bilan))


def read_bilan(bilan: Bilan) -> bytes:
    """The PDF of a bilan: the one that was frozen once accepted, else what it is today. Raises MoteurAbsent, DocumentPerdu."""
    document = DocumentBilan.objects.select_related("bilan__convention").filter(bilan=bilan).first()
    return keep_pdf(document).read_pdf() if document else publish_bilan(bilan)


def start_pdf(bilan: Bilan, user: Any) -> Travail:
    """Have the PDF of an accepted bilan typeset once its acceptance is saved."""
    return start(BILAN.cle, bilan.convention, user, typeset_bilan, bilan.pk, cle=str(bilan.annee))


@task()
def typeset_bilan(travail: int, pk: int) -> None:
    """Typeset the PDF of an accepted bilan, by its number; does nothing when it is done."""
    with follow(travail) as suivi:
        document = DocumentBilan.objects.select_related("bilan__convention").filter(bilan=pk).first()
        if suivi is None or document is None:
            return
        suivi(0, 0, "Mise en forme du bilan")
        try:
            keep_pdf(document)
        except MoteurAbsent as refus:
            raise TravailRefuse(str(refus)) from refus
        suivi.resultat = f"Bilan {document.bilan.annee}"
