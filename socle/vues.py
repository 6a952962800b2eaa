"""What every app answers with: files to download, and the page that machines ask."""

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe


@login_not_required
@require_safe
def pulse(request: HttpRequest) -> HttpResponse:
    """Answer 200 when the process and its database work; for load balancers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")


def download(contenu: bytes, nom: str, type_mime: str) -> HttpResponse:
    """A file offered under a name; PDFs open in the browser."""
    reponse = HttpResponse(contenu, content_type=type_mime)
    disposition = "inline" if type_mime == "application/pdf" else "attachment"
    reponse["Content-Disposition"] = f'{disposition}; filename="{nom}"'
    return reponse
