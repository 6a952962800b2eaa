"""Admin of conventions and of the article library."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Max, Min
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from comptes.administration import AdminVisible, FiltreVisible, InlineVisible, ReferentielAdmin, limit_to_visible
from conventions.gel import explain_gel
from conventions.models import Article, Axe, Convention, ModeleArticle, MontantDeclare, Objectif, Partie, Politique, Travail
from conventions.travaux.actes import cancel, retry
from conventions.travaux.sortes import SORTES
from conventions.variables import BLOCS, VARIABLES


class FiltreAnnee(admin.SimpleListFilter):
    """Years of a big table: those the conventions cover, rather than each of its rows read to know which it has."""

    title = "année"
    parameter_name = "annee"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        bornes = Convention.objects.visible_to(request.user).aggregate(Min("annee_debut"), Max("annee_debut"), Max("annee_fin"))
        annees = [annee for annee in bornes.values() if annee]
        choix = [(str(annee), str(annee)) for annee in range(min(annees), max(annees) + 1)] if annees else []
        return [*choix, ("aucune", "Sans année")] if model_admin.model._meta.get_field("annee").null else choix

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        annee = self.value()
        if annee == "aucune":
            return queryset.filter(annee=None)
        return queryset.filter(annee=int(annee)) if annee and annee.isdecimal() and len(annee) == 4 else queryset


class InlineConvention(InlineVisible):
    """Rows of a convention: what they point to is chosen in the same convention."""

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        convention = request.resolver_match.kwargs.get("object_id") if request.resolver_match else None
        if any(f.name == "convention" for f in db_field.remote_field.model._meta.fields):
            kwargs["queryset"] = db_field.remote_field.model._default_manager.filter(convention=convention)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class PartieInline(InlineConvention):
    model = Partie
    fields = [
        "ordre",
        "organisation",
        "denomination",
        "presentation",
        "nom_court",
        "role",
        "civilite",
        "signataire",
        "qualite",
        "seance_prevue",
        "deliberation_numero",
        "deliberation_date",
        "deliberation_executoire",
        "delegation",
    ]


class ObjectifInline(InlineConvention):
    model = Objectif
    fields = ["ordre", "titre", "description"]


class AxeInline(InlineConvention):
    model = Axe
    fields = ["ordre", "parent", "code", "titre", "introduction"]


class ArticleInline(InlineConvention, admin.StackedInline):
    model = Article
    fields = ["numero", "modele", "titre", "texte"]
    verbose_name_plural = "articles (choisissez un modèle et laissez le texte vide pour le copier)"


class MontantDeclareInline(InlineConvention):
    model = MontantDeclare
    fields = ["cle", "lieu", "article", "libelle", "objet", "financeur", "montant", "plafond", "taux", "base_taux"]


class ConventionAdmin(AdminVisible):
    """A convention with its parties, aims, axes, articles and declared amounts; the floors above add theirs and register it."""

    list_display = ["reference", "titre", "nature", "etat", "periode", "voir"]
    list_display_links = ["reference", "titre"]
    list_filter = ["etat", "nature", "annee_debut", "politiques"]
    ordering = ["-annee_debut", "reference"]
    search_fields = ["reference", "titre", "objet", "parties__organisation__nom"]
    autocomplete_fields = ["parent", "renouvelle"]
    filter_horizontal = ["politiques"]
    readonly_fields = ["liens", "etat", "date_signature", "liste_variables"]
    inlines = [PartieInline, ObjectifInline, AxeInline, ArticleInline, MontantDeclareInline]
    fieldsets = [
        (None, {"fields": ["liens", "reference", "titre", "nature", "etat", "objet"]}),
        ("Famille", {"fields": ["parent", "renouvelle", "politiques"]}),
        ("Période", {"fields": ["periode", ("annee_debut", "annee_fin"), ("date_debut", "date_fin"), "duree_declaree_mois"]}),
        ("Signature", {"fields": ["date_point_etape", "date_signature", "lieu_signature", "nombre_originaux", "tribunal"]}),
        ("Échéances", {"fields": [("delai_bilan_mois", "preavis_mois")]}),
        ("Coûts", {"fields": ["tarif_journalier", "formule_solde"]}),
        ("Texte", {"fields": ["preambule", "liste_variables"]}),
    ]

    def has_change_permission(self, request: HttpRequest, obj: Convention | None = None) -> bool:
        """What is at signature or signed is read here; the workspace makes it go on."""
        return super().has_change_permission(request, obj) and not (obj and obj.is_figee)

    def refuse_others(self, request: HttpRequest, object_id: str) -> None:
        """The past of a frozen convention is read as that of the others."""
        if self.get_object(request, object_id) is None:
            raise Http404("Cet historique n’existe pas.")

    def has_delete_permission(self, request: HttpRequest, obj: Convention | None = None) -> bool:
        """Only a draft is deleted: the others have a journal, and agreements of their parties; they are given up instead."""
        return super().has_delete_permission(request, obj) and not (obj and obj.etat != Convention.Etat.BROUILLON)

    def save_model(self, request: HttpRequest, obj: Convention, form: Any, change: bool) -> None:
        """What no form holds (the state, the days of its steps) stays as it is now, even when a past version is written back."""
        if change:
            actuelle = Convention.objects.select_for_update().get(pk=obj.pk)
            if not self.has_change_permission(request, actuelle):
                raise PermissionDenied(explain_gel(actuelle))
            for champ in Convention._meta.concrete_fields:
                if champ.name not in form.fields:
                    setattr(obj, champ.attname, getattr(actuelle, champ.attname))
        super().save_model(request, obj, form, change)

    def get_fieldsets(self, request: HttpRequest, obj: Convention | None = None) -> Any:
        """A link to a convention the person may not see is neither shown nor lost when saving."""
        fieldsets = super().get_fieldsets(request, obj)
        visibles = Convention.objects.visible_to(request.user)
        liens = {"parent": obj and obj.parent_id, "renouvelle": obj and obj.renouvelle_id}
        caches = {champ for champ, pk in liens.items() if pk and not visibles.filter(pk=pk).exists()}
        return [(titre, options | {"fields": [c for c in options["fields"] if c not in caches]}) for titre, options in fieldsets]

    @admin.display(description="espace de travail")
    def voir(self, convention: Convention) -> SafeString:
        return format_html('<a href="{}">Ouvrir</a>', convention.get_absolute_url())

    @admin.display(description="voir")
    def liens(self, convention: Convention) -> SafeString | str:
        """Links to the workspace and to the printed documents."""
        if not convention.pk:
            return "Après le premier enregistrement."
        return format_html(
            '<a href="{}">Espace de travail</a> · <a href="{}">Signature et suite : faire avancer</a> · '
            '<a href="{}">PDF de la convention</a> · <a href="{}">PDF du récapitulatif</a>',
            convention.get_absolute_url(),
            reverse("vie", args=[convention.reference]),
            reverse("convention_pdf", args=[convention.reference]),
            reverse("recapitulatif_pdf", args=[convention.reference]),
        )

    @admin.display(description="variables des textes")
    def liste_variables(self, convention: Convention) -> SafeString:
        """The closed list of names a text may hold."""
        noms = [(f"{{{{ {v.nom} }}}}", v.libelle) for v in VARIABLES.values()]
        noms += [(f"{{{{ {nom} }}}}", f"{libelle}, seul sur sa ligne") for nom, libelle in BLOCS.items()]
        noms += [("{{ montant.cle }}", "Montant déclaré de cette clé"), ("{{ taux.cle }}", "Taux déclaré de cette clé")]
        return format_html("<ul>{}</ul>", format_html_join("", "<li><code>{}</code> {}</li>", noms))


@admin.register(ModeleArticle)
class ModeleArticleAdmin(ReferentielAdmin):
    list_display = ["titre", "cle", "nature", "droit_beneficiaire", "recommande", "ordre"]
    list_filter = ["nature", "droit_beneficiaire", "recommande"]
    search_fields = ["titre", "texte"]


@admin.register(Politique)
class PolitiqueAdmin(ReferentielAdmin):
    list_display = ["nom", "description"]
    search_fields = ["nom", "description"]


class FiltreSorte(admin.SimpleListFilter):
    """Kinds of work, by their titles."""

    title = "sorte"
    parameter_name = "sorte"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return sorted(((sorte.cle, sorte.titre) for sorte in SORTES.values()), key=lambda choix: choix[1])

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(sorte=self.value()) if self.value() else queryset


@admin.register(Travail)
class TravailAdmin(admin.ModelAdmin):
    """Work done beside the pages: read here, stopped and started again by actions, never written by hand."""

    list_display = ["titre", "reference", "etat", "progression", "demande_par", "demande_le", "fini_le", "essais"]
    list_filter = ["etat", FiltreSorte, ("convention", FiltreVisible)]
    list_select_related = ["convention", "demande_par"]
    search_fields = ["sorte", "cle", "convention__reference", "erreur"]
    fields = [
        *["titre", "convention", "cle", "demande_par", "etat", "etape", "progression", "demande_le", "commence_le", "fini_le"],
        *["essais", "erreur", "resultat", "ouvrier", "tache"],
    ]
    readonly_fields = ["titre", "progression"]
    actions = ["stop", "start_again"]
    show_full_result_count = False
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> Any:
        return limit_to_visible(super().get_queryset(request), request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="convention", ordering="convention__reference")
    def reference(self, travail: Travail) -> str:
        return travail.convention.reference if travail.convention else ""

    @admin.display(description="progrès")
    def progression(self, travail: Travail) -> str:
        return f"{travail.fait} sur {travail.total}" if travail.total else ""

    @admin.action(description="Arrêter les travaux choisis")
    def stop(self, request: HttpRequest, travaux: Any) -> None:
        """At once those that wait, at their next step those that run."""
        self._act(request, travaux, cancel, "arrêt demandé")

    @admin.action(description="Relancer les travaux choisis")
    def start_again(self, request: HttpRequest, travaux: Any) -> None:
        """Those that failed or were stopped."""
        self._act(request, travaux, retry, "relancé")

    def _act(self, request: HttpRequest, travaux: Any, acte: Callable[[Any, Travail], Travail], fait: str) -> None:
        for travail in travaux:
            try:
                acte(request.user, travail)
            except (PermissionDenied, ValidationError) as refus:
                texte = " ".join(refus.messages) if isinstance(refus, ValidationError) else str(refus)
                messages.error(request, f"{travail.titre}\u00a0: {texte}")
            else:
                messages.success(request, f"{travail.titre}\u00a0: {fait}.")
