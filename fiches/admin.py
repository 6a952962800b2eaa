"""Admin of fiches action, completed in `financement` with costs and shares."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from comptes.administration import AdminVisible, FiltreVisible, InlineVisible
from conventions.models import Convention
from fiches.models import CibleIndicateur, FicheAction, Indicateur, Pilote, ProduitPret


class IndicateurInline(InlineVisible):
    model = Indicateur
    fields = ["ordre", "libelle", "unite"]
    show_change_link = True


class PiloteInline(InlineVisible):
    model = Pilote
    fields = ["utilisateur"]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Anyone of a party of the convention may lead an action, the partner's people included."""
        fiche = request.resolver_match.kwargs.get("object_id") if request.resolver_match else None
        if db_field.name == "utilisateur" and fiche:
            modele = db_field.remote_field.model
            kwargs["queryset"] = modele.objects.filter(organisation__parties__convention__fiches=fiche, is_active=True).distinct()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class ProduitPretInline(InlineVisible):
    model = ProduitPret
    fields = ["ordre", "nom", "public", "minimum", "maximum"]


class CibleInline(InlineVisible):
    model = CibleIndicateur
    fields = ["annee", "valeur"]


class FicheActionAdmin(AdminVisible):
    """A sheet, heading by heading."""

    list_display = ["code", "nom_court", "convention__reference", "axe", "etat", "voir"]
    list_display_links = ["code", "nom_court"]
    list_filter = ["etat", ("convention", FiltreVisible), "base_montants"]
    list_select_related = ["convention", "axe"]
    search_fields = ["code", "titre", "objet", "convention__reference"]
    autocomplete_fields = ["convention"]
    filter_horizontal = ["maitres_ouvrage"]
    readonly_fields = ["liens"]
    inlines = [PiloteInline, IndicateurInline, ProduitPretInline]
    fieldsets = [
        (None, {"fields": ["liens", "convention", "axe", ("code", "ordre"), "code_imprime", "titre", "titre_court", "etat"]}),
        ("Corps de la convention", {"fields": ["objet", "presentation"]}),
        ("Description", {"fields": ["constat", "objectifs", "contenus", "cible", "methode"]}),
        ("Maîtrise d’ouvrage", {"fields": ["maitrise_ouvrage", "maitres_ouvrage"]}),
        ("Coûts et co-financements", {"fields": ["base_montants", "cout_texte", "cofinancement_texte"]}),
        ("Calendrier", {"fields": ["calendrier", "annees_calendrier", ("date_debut", "date_fin")]}),
        ("Partenariats et évaluation", {"fields": ["partenariats_techniques", "evaluation"]}),
    ]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        fiche = request.resolver_match.kwargs.get("object_id") if request.resolver_match else None
        if db_field.name == "axe":
            axes = db_field.remote_field.model.objects.select_related("convention")
            conventions = Convention.objects.visible_to(request.user)
            if fiche:
                conventions = conventions.filter(fiches=fiche)
            kwargs["queryset"] = axes.filter(convention__in=conventions)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @admin.display(description="espace de travail")
    def voir(self, fiche: FicheAction) -> SafeString:
        return format_html('<a href="{}">Ouvrir</a>', fiche.get_absolute_url())

    @admin.display(description="voir")
    def liens(self, fiche: FicheAction) -> SafeString | str:
        """Links to the workspace and to the printed sheet."""
        if not fiche.pk:
            return "Après le premier enregistrement."
        return format_html(
            '<a href="{}">Espace de travail</a> · <a href="{}">PDF de la fiche</a>',
            fiche.get_absolute_url(),
            reverse("fiche_pdf", args=[fiche.convention.reference, fiche.slug]),
        )


@admin.register(Indicateur)
class IndicateurAdmin(AdminVisible):
    """An indicator with its yearly targets."""

    list_display = ["libelle", "fiche", "unite"]
    list_select_related = ["fiche"]
    search_fields = ["libelle", "fiche__code", "fiche__convention__reference"]
    autocomplete_fields = ["fiche"]
    inlines = [CibleInline]
