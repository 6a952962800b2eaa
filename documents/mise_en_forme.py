"""Documents always ready: what is printed is typeset beside the pages, part by part, and read back when it is asked for.

A document is served at once when it is kept, or when few of its parts are to be typeset. Otherwise workers typeset it while
the page tells how far they are; two of them share a long one, each starting from its own end.
"""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django_tasks import task

from conventions.models import Convention, Travail
from conventions.travaux.sortes import DOCUMENT
from conventions.travaux.suivi import TravailRefuse, follow, start
from documents.bilans.figes import DocumentBilan
from documents.bilans.publication import compose_bilan
from documents.bilans.taches import read_bilan
from documents.publication import compose_convention
from documents.versions import compute_version
from financement.models import Bilan
from socle import pdf_cahiers
from socle.pdf import Avancement, Document, MoteurAbsent, render_cahiers, render_pdf
from socle.vues import download

CONVENTION = "convention"
SEUL = 6  # parts that one worker typesets faster than two would find their way


def print_convention(convention: Convention) -> bytes:
    """The complete agreement as its saved rows are now. Raises MoteurAbsent.

    What was printed for the same rows is read back: nothing is composed again.
    """
    version = compute_version(convention)
    return read_printed(version) or finish(convention, version, compose_saved(convention))


def compose_saved(convention: Convention) -> Document:
    """The agreement as its rows are now, whatever the object at hand was read from."""
    return compose_convention(Convention.objects.with_parties().get(pk=convention.pk))


def finish(convention: Convention, version: str, document: Document, avancer: Avancement | None = None) -> bytes:
    """Typeset and assemble; the result is kept for the rows it was made from."""
    contenu = render_pdf(document, avancer) if avancer else render_pdf(document)
    if compute_version(convention) == version:  # else somebody wrote meanwhile, and nobody knows which rows were read
        pdf_cahiers.keep_last(f"convention {convention.pk}", version, document.cle)
    return contenu


def read_printed(version: str) -> bytes | None:
    """What was printed for the same rows; None when nothing was, or is kept no more."""
    cle = pdf_cahiers.read_version(version)
    return pdf_cahiers.read_document(cle) if cle else None


def serve_convention(request: HttpRequest, convention: Convention, nom: str) -> HttpResponse:
    """The agreement as PDF, or the page that tells how far its typesetting is. Raises MoteurAbsent."""
    version = compute_version(convention)
    contenu = read_printed(version)
    if contenu is None:
        document = compose_saved(convention)
        if must_wait(request, document):
            return show_wait(request, convention, CONVENTION)
        contenu = finish(convention, version, document)
    return download(contenu, nom, "application/pdf")


def serve_bilan(request: HttpRequest, bilan: Bilan, nom: str) -> HttpResponse:
    """The bilan of a year as PDF, or the page that tells how far its typesetting is. Raises MoteurAbsent, DocumentPerdu."""
    fige = DocumentBilan.objects.filter(bilan=bilan).first()
    if fige is not None and fige.pdf:
        return download(read_bilan(bilan), nom, "application/pdf")
    document = compose_bilan(bilan)
    if must_wait(request, document):
        return show_wait(request, bilan.convention, f"bilan {bilan.annee}")
    return download(read_bilan(bilan) if fige else render_pdf(document), nom, "application/pdf")


def wants_page(request: HttpRequest) -> bool:
    """Tell a person in a browser from a program, which gets the document however long it takes."""
    return "text/html" in request.headers.get("Accept", "")


def must_wait(request: HttpRequest, document: Document) -> bool:
    """Tell whether somebody would wait in front of an empty page."""
    return wants_page(request) and len(document.list_missing()) > settings.DOCUMENT_DIRECT


def show_wait(request: HttpRequest, convention: Convention, objet: str) -> HttpResponse:
    """Ask for the document and show its progress; once it is ready, the same address gives it."""
    travail = ask_document(request.user, convention, objet)
    contexte = {"convention": convention, "travail": travail, "annee": "" if objet == CONVENTION else objet.removeprefix("bilan ")}
    return render(request, "documents/attente.html", contexte, status=202)


def ask_document(user: Any, convention: Convention, objet: str = CONVENTION) -> Travail:
    """Have a document typeset; asked twice, it is the same work."""
    return start(DOCUMENT.cle, convention, user, preparer_document, convention.pk, objet, cle=objet)


def prepare_ahead(sender: Any, convention: int, **_: Any) -> None:
    """Have the parts that a change touched typeset again, unless the document is frozen or the site is told not to."""
    lue = Convention.objects.filter(pk=convention).first() if settings.DOCUMENT_AVANCE else None
    if lue is not None and not lue.is_definitive and not read_printed(compute_version(lue)):
        ask_document(None, lue)


def compose(convention: int, objet: str) -> Document | None:
    """The document that was asked for, as the rows are now; None when it is no more."""
    if objet == CONVENTION:
        lue = Convention.objects.with_parties().filter(pk=convention).first()
        return compose_convention(lue) if lue else None
    bilan = Bilan.objects.select_related("convention").filter(convention=convention, annee=objet.removeprefix("bilan ")).first()
    return compose_bilan(bilan) if bilan else None


@task()
def preparer_document(travail: int, convention: int, objet: str) -> None:
    """Typeset what is not yet, then assemble. Done twice, it only reads."""
    with follow(travail) as suivi:
        if suivi is None:
            return
        suivi(0, 0, "Lecture des données")
        base = Convention.objects.get(pk=convention)
        try:
            version = compute_version(base)
            document = compose(convention, objet)
            if document is None:
                return
            if len(document.list_missing()) > SEUL:
                assister_document.enqueue(convention, objet)
            if objet == CONVENTION:
                finish(base, version, document, suivi)
            else:
                render_pdf(document, suivi)
        except MoteurAbsent as refus:
            raise TravailRefuse(str(refus)) from refus
    # A change made meanwhile found this work running still, and asked for no other.
    prepare_ahead(None, convention)


@task()
def assister_document(convention: int, objet: str) -> None:
    """Typeset the same document from its last part, until both workers meet. What is lost with it is made by the other."""
    document = compose(convention, objet)
    if document is not None:
        render_cahiers(document, rebours=True)
