"""Downloads of what is kept: frozen documents, signed copies, délibérations. Each is checked against its fingerprint."""

from collections.abc import Callable
from functools import wraps
from pathlib import PurePosixPath
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from conventions.acces import get_convention
from documents.figes import DocumentPerdu, read_kept
from documents.models import DocumentFige, Signature
from socle.vues import download

TYPES = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odt": "application/vnd.oasis.opendocument.text",
}


def telling_loss(vue: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Say in a page that a kept file is lost, rather than give something else in its place."""

    @wraps(vue)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return vue(request, *args, **kwargs)
        except DocumentPerdu as perte:
            return render(request, "documents/perdu.html", {"message": str(perte)}, status=410)

    return answer


@require_safe
@telling_loss
def document_fige(request: HttpRequest, reference: str, pk: int, forme: str) -> HttpResponse:
    """A frozen document: its PDF, its sealed copy, or the data it was made from; withdrawn ones included."""
    convention = get_convention(request.user, reference)
    document = get_object_or_404(DocumentFige, convention=convention, pk=pk)
    if forme == "json":
        return download(document.donnees.encode(), f"{reference}-donnees.json", "application/json")
    if forme == "pdf" and document.pdf:
        return download(document.read_pdf(), f"{reference}-a-signer.pdf", "application/pdf")
    if forme == "scelle" and document.scelle:
        return download(document.read_scelle(), f"{reference}-scelle.pdf", "application/pdf")
    raise Http404("Ce document n’a pas cette forme.")


@require_safe
@telling_loss
def signature_fichier(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """The copy that bears a signature."""
    convention = get_convention(request.user, reference)
    signature = get_object_or_404(Signature.objects.select_related("partie__organisation"), document__convention=convention, pk=pk)
    if not signature.fichier:
        raise Http404("Aucun exemplaire n’a été joint à cette signature.")
    return send(signature.fichier, signature.empreinte, f"{reference}-signature-{signature.partie.organisation.cle}")


@require_safe
@telling_loss
def deliberation_fichier(request: HttpRequest, reference: str, partie: int) -> HttpResponse:
    """The délibération of a party."""
    convention = get_convention(request.user, reference)
    membre = next((p for p in convention.parties.all() if p.pk == partie), None)
    if membre is None or not membre.deliberation_fichier:
        raise Http404("Aucune délibération n’est jointe.")
    nom = str(membre.deliberation_fichier)
    return send(nom, PurePosixPath(nom).stem, f"{reference}-deliberation-{membre.organisation.cle}")


def send(nom: str, empreinte: str, affiche: str) -> HttpResponse:
    """A kept file under a name people recognise. Raises DocumentPerdu when it is not what was kept."""
    extension = PurePosixPath(nom).suffix.lstrip(".")
    return download(read_kept(nom, empreinte), f"{affiche}.{extension}", TYPES.get(extension, "application/octet-stream"))
