"""What every answer goes through."""

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse
from django.views.defaults import page_not_found


class PageIntrouvable:
    """Answer what is not found, or not theirs, with the product's own page, in trial mode too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Only Http404: other errors keep their own handling."""
        return page_not_found(request, exception) if isinstance(exception, Http404) else None
