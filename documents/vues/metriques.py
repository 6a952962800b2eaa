"""The figures that a Prometheus server reads."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from documents.metriques import EtatDuSite
from socle.metriques import open_registre
from socle.sante import is_releve


@login_not_required
@require_safe
def metriques(request: HttpRequest) -> HttpResponse:
    """Requests and state of the site, for who has the token; nobody else learns that this address exists."""
    if not is_releve(request.headers.get("Authorization", "")):
        raise Http404
    site = CollectorRegistry()
    site.register(EtatDuSite())
    return HttpResponse(generate_latest(open_registre()) + generate_latest(site), content_type=CONTENT_TYPE_LATEST)
