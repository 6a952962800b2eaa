"""Bilans in the administration: read there, filled in the workspace."""

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from comptes.administration import AdminLecture, FiltreVisible
from financement.models import Bilan


@admin.register(Bilan)
class BilanAdmin(AdminLecture):
    """Bilans and where they stand; figures and texts are on their page."""

    list_display = ["convention", "annee", "etat", "soumis_le", "accepte_le", "page"]
    list_filter = ["etat", "annee", ("convention", FiltreVisible)]
    search_fields = ["convention__reference"]
    list_select_related = ["convention"]

    @admin.display(description="page")
    def page(self, bilan: Bilan) -> SafeString:
        """Where it is read and filled."""
        return format_html('<a href="{}">Ouvrir</a>', reverse("bilan", args=[bilan.convention.reference, bilan.annee]))

    def get_readonly_fields(self, request: HttpRequest, obj: Bilan | None = None) -> list[str]:
        return [f.name for f in Bilan._meta.fields]
