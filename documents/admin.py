"""Admin of conventions, completed with what their life allows now."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from conventions.models import Convention
from documents.vie.actes import list_offres
from financement.admin import ConventionFinanceeAdmin


@admin.register(Convention)
class ConventionVivanteAdmin(ConventionFinanceeAdmin):
    """The state is read here and changes in the workspace, by the same table of transitions."""

    readonly_fields = [*ConventionFinanceeAdmin.readonly_fields, "etapes"]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Convention | None:
        """Remember on the row who looks at it: one admin page serves everybody at once."""
        convention: Any = super().get_object(request, object_id, from_field)
        if convention is not None:
            convention.personne = request.user
        return convention

    def get_fieldsets(self, request: HttpRequest, obj: Convention | None = None) -> Any:
        """Next steps stand right after the state."""
        titre, options = (fieldsets := list(super().get_fieldsets(request, obj)))[0]
        if obj:
            champs = list(options["fields"])
            champs.insert(champs.index("etat") + 1, "etapes")
            fieldsets[0] = (titre, options | {"fields": champs})
        return fieldsets

    @admin.display(description="étapes suivantes")
    def etapes(self, convention: Any) -> SafeString | str:
        """Transitions from here, possible or not, and why not."""
        offres = list_offres(
            convention.personne, Convention.objects.with_parties().select_related("avenant_de", "parent").get(pk=convention.pk)
        )
        lignes = [(o.transition.libelle, "possible" if o.is_possible else " ".join(b.phrase for b in o.obstacles)) for o in offres]
        if not lignes:
            return "Aucune."
        liste = format_html_join("", "<li><strong>{}</strong> : {}</li>", lignes)
        return format_html('<ul>{}</ul><a href="{}">Faire avancer la convention</a>', liste, reverse("vie", args=[convention.reference]))
