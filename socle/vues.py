"""What every app answers with: files to download, and the page that machines ask."""

import hashlib
from collections.abc import Iterable
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_safe

from socle.sante import check_pret

TYPES = {"pdf": "application/pdf", "png": "image/png", "jpg": "image/jpeg"}


@login_not_required
@require_safe
def pulse(request: HttpRequest) -> HttpResponse:
    """Answer 200 when the process and its database work; for load balancers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")


@login_not_required
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200 when this process can serve people, 503 otherwise; each check on its line."""
    resultats = check_pret()
    lignes = "".join(f"{nom} {'ok' if bon else 'en défaut'}\n" for nom, bon in resultats.items())
    return HttpResponse(lignes, content_type="text/plain; charset=utf-8", status=200 if all(resultats.values()) else 503)


def serve_piece(objet: Any, nom: str) -> HttpResponse:
    """The file of a row, checked against its fingerprint; raises Http404 when it is lost or changed."""
    extension = str(objet.fichier.name).rpartition(".")[2]
    try:
        with objet.fichier.open("rb") as fichier:
            contenu = fichier.read()
    except (OSError, ValueError) as perte:
        raise Http404("Cette pièce n’est plus sur le serveur.") from perte
    if hashlib.sha256(contenu).hexdigest() != objet.empreinte:
        raise Http404("Cette pièce n’est plus celle qui a été jointe : prévenez l’exploitant de la plateforme, qui la restaurera.")
    return download(contenu, f"{nom}.{extension}", TYPES.get(extension, "application/octet-stream"))


def download(contenu: bytes, nom: str, type_mime: str) -> HttpResponse:
    """A file offered under a name; PDFs open in the browser."""
    reponse = HttpResponse(contenu, content_type=type_mime)
    disposition = "inline" if type_mime == "application/pdf" else "attachment"
    reponse["Content-Disposition"] = f'{disposition}; filename="{nom}"'
    return reponse


def stream(contenu: Iterable[bytes], nom: str, type_mime: str) -> StreamingHttpResponse:
    """A file sent as it is written: its length is not known beforehand."""
    reponse = StreamingHttpResponse(contenu, content_type=type_mime)
    reponse["Content-Disposition"] = f'attachment; filename="{nom}"'
    return reponse
