"""Admin of fiches action, completed in `financement` with costs and shares."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from comptes.administration import AdminVisible, FiltreVisible, InlineVisible
from conventions.models import Convention
from fiches.droits import check_modification, explain_refus
from fiches.models import CibleIndicateur, FicheAction, Indicateur, Pilote, ProduitPret
from fiches.recherche import filter_fiches


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


class RechercheParFiche:
    """Rows searched by the fiche they belong to: its convention, its code, its words; the rows themselves are too many to be read."""

    search_fields = ["fiche__code"]  # what makes the admin show the field; `get_search_results` does the rest
    search_help_text = "Référence de la convention, code de la fiche ou mots de ses textes."

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        if not search_term.strip():
            return queryset, False
        return queryset.filter(fiche__in=filter_fiches(FicheAction.objects.all(), search_term).order_by().values("pk")), False


class AdminDeFiche(AdminVisible):
    """Rows of a fiche: what the workspace refuses is refused here too, its reason at the top of the page."""

    def fiche_of(self, obj: Any) -> FicheAction:
        """The fiche a row belongs to."""
        return obj if isinstance(obj, FicheAction) else obj.fiche

    def explain(self, request: HttpRequest, obj: Any) -> str:
        """Why this row does not change now; empty when it may."""
        return explain_refus(request.user, self.fiche_of(obj)) if obj is not None and obj.pk else ""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not self.explain(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not self.explain(request, obj)

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None) -> HttpResponse:
        objet = self.get_object(request, unquote(object_id))
        if objet is not None and request.method == "GET" and (refus := self.explain(request, objet)):
            messages.warning(request, refus)
        return super().change_view(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not isinstance(obj, FicheAction):
            check_modification(request.user, obj.fiche)  # a row added to a fiche that is closed
        super().save_model(request, obj, form, change)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for obj in queryset:
            if not self.explain(request, obj):
                self.delete_model(request, obj)
            else:
                messages.error(request, f"{obj} : {self.explain(request, obj)}")

    def refuse_others(self, request: HttpRequest, object_id: str) -> None:
        """The history of a closed fiche stays open to read."""
        if self.get_object(request, unquote(object_id)) is None:
            raise Http404("Cet historique n’existe pas.")


class FicheActionAdmin(AdminDeFiche):
    """A sheet, heading by heading. Deleting puts it in the corbeille of its convention."""

    def delete_model(self, request: HttpRequest, obj: FicheAction) -> None:
        obj.discard()

    list_display = ["code", "nom_court", "convention__reference", "axe", "etat", "voir"]
    list_display_links = ["code", "nom_court"]
    list_filter = ["etat", ("convention", FiltreVisible), "base_montants"]
    list_select_related = ["convention", "axe"]
    search_fields = ["code"]  # what makes the admin show the field; `get_search_results` does the rest
    search_help_text = RechercheParFiche.search_help_text
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

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return (filter_fiches(queryset, search_term) if search_term.strip() else queryset), False

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
class IndicateurAdmin(RechercheParFiche, AdminDeFiche):
    """An indicator with its yearly targets."""

    list_display = ["libelle", "fiche", "unite"]
    list_select_related = ["fiche"]
    autocomplete_fields = ["fiche"]
    inlines = [CibleInline]
