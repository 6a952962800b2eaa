"""Admin of the money, and of conventions and fiches completed with it."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from import_export.admin import ImportExportMixin
from import_export.formats.base_formats import CSV, XLSX
from import_export.forms import ExportForm, ImportForm
from simple_history.template_utils import HistoricalRecordContextHelper

from comptes.administration import AdminLecture, AdminVisible, FiltreVisible, InlineVisible, ReferentielAdmin
from comptes.bancaire import mask_iban
from conventions.admin import ConventionAdmin, FiltreAnnee, InlineConvention
from conventions.models import Convention
from fiches.admin import AdminDeFiche, FicheActionAdmin, RechercheParFiche
from fiches.models import FicheAction
from financement import admin_bilans, admin_comptes, echanges  # noqa: F401 (they register theirs)
from financement.controles.verification import verify
from financement.models import CoFinancement, Imputation, LigneCout, MontantRecapDeclare, NatureDepense, Paiement, TotalDeclare, Versement
from financement.recherche import filter_by_mots
from financement.syntheses import read_by_fiche
from financement.tableaux import build_parts
from socle.fichiers import check_classeur
from socle.typographie import format_euros


class LigneCoutInline(InlineVisible):
    model = LigneCout
    fields = ["ordre", "nature", "libelle", "annee", "chiffrage", "jours", "tarif_journalier", "montant", "mention"]


class CoFinancementInline(InlineVisible):
    model = CoFinancement
    fields = ["ordre", "financeur", "taux", "montant", "nature", "annee", "mention"]


class TotalDeclareInline(InlineVisible):
    model = TotalDeclare
    fields = ["annee", "montant"]


class VersementInline(InlineConvention):
    model = Versement
    fields = ["ordre", "nature", "payeur", "beneficiaire", "condition", "declencheur", "taux", "montant", "date_prevue"]


class ConventionFinanceeAdmin(ConventionAdmin):
    """A convention with its planned payments. Registered in `documents`, which adds what its life allows."""

    inlines = [*ConventionAdmin.inlines, VersementInline]
    actions = ["verifier_coherence"]

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Convention], search_term: str) -> tuple[Any, bool]:
        """The same words find the same conventions as in the workspace."""
        return (filter_by_mots(queryset, search_term.replace("\x00", "")) if search_term.strip() else queryset), False

    @admin.action(description="Vérifier la cohérence des conventions choisies", permissions=["view"])
    def verifier_coherence(self, request: HttpRequest, queryset: QuerySet[Convention]) -> None:
        """Check now, and say where each stands with a link to its controls."""
        for convention in queryset:
            verification = verify(convention)
            adresse = reverse("controles", args=[convention.reference])
            compte = (
                f"{verification.nb_ouverts} à trancher, dont {verification.nb_bloquants} bloquantes"
                if verification.nb_ouverts
                else "aucune"
            )
            niveau = messages.WARNING if verification.nb_bloquants else messages.SUCCESS
            messages.add_message(
                request,
                niveau,
                format_html('{}, contradictions : {}. <a href="{}">Les contrôles</a>', convention.reference, compte, adresse),
            )


@admin.register(FicheAction)
class FicheFinanceeAdmin(FicheActionAdmin):
    inlines = [LigneCoutInline, CoFinancementInline, TotalDeclareInline, *FicheActionAdmin.inlines]
    readonly_fields = [*FicheActionAdmin.readonly_fields, "chiffres"]

    def get_fieldsets(self, request: HttpRequest, obj: FicheAction | None = None) -> Any:
        """The figures of the workspace stand above the rows they come from."""
        return [*super().get_fieldsets(request, obj), ("Chiffres", {"fields": ["chiffres"]})]

    @admin.display(description="coût et parts")
    def chiffres(self, fiche: FicheAction) -> str:
        """Total and share of each financeur, from the same source as every page."""
        if not fiche.pk:
            return "Après le premier enregistrement."
        couts, parts = read_by_fiche([fiche.pk])
        tableau = build_parts(fiche, couts[fiche.pk], parts[fiche.pk], fiche.convention.annees)
        lignes = [*tableau.lignes, *([tableau.non_reparti] if tableau.non_reparti else [])]
        montants = [f"{ligne.nom} {format_euros(ligne.ensemble.montant)}" for ligne in lignes if ligne.ensemble.montant is not None]
        total = format_euros(tableau.ensemble.montant) or tableau.ensemble.mention or "non chiffré"
        return f"{total} : {', '.join(montants)}" if montants else total


@admin.register(NatureDepense)
class NatureDepenseAdmin(ReferentielAdmin):
    list_display = ["nom", "cle", "ordre", "toujours_en_jours", "compte"]
    list_editable = ["ordre"]
    search_fields = ["nom", "cle"]
    prepopulated_fields = {"cle": ["nom"]}

    def get_prepopulated_fields(self, request: HttpRequest, obj: NatureDepense | None = None) -> Any:
        return self.prepopulated_fields if obj is None else {}


class FormulaireImport(ImportForm):
    """Checks the file before any library opens it."""

    def clean_import_file(self) -> Any:
        fichier = self.cleaned_data["import_file"]
        check_classeur(fichier, fichier.size, fichier.name)
        return fichier


class EchangeAdmin(ImportExportMixin, AdminVisible):
    """Import and export of a money table; nothing is written before the preview is confirmed."""

    formats = [XLSX, CSV]
    import_formats = [XLSX, CSV]
    import_form_class = FormulaireImport
    export_form_class = ExportForm

    def get_import_resource_kwargs(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        return {"user": request.user}

    def get_export_resource_kwargs(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        return {"user": request.user}

    @admin.display(description="montant", ordering="montant")
    def montant_affiche(self, objet: Any) -> SafeString | str:
        if objet.montant is not None:
            return format_euros(objet.montant)
        return getattr(objet, "mention", "") or "–"


@admin.register(LigneCout)
class LigneCoutAdmin(RechercheParFiche, EchangeAdmin, AdminDeFiche):
    resource_classes = [echanges.LigneCoutResource]
    list_display = ["fiche__code", "nature", "libelle", "annee", "jours", "montant_affiche", "chiffrage"]
    list_filter = [FiltreAnnee, "chiffrage", "nature", ("fiche__convention", FiltreVisible)]
    list_select_related = ["fiche", "nature"]
    autocomplete_fields = ["fiche"]


@admin.register(CoFinancement)
class CoFinancementAdmin(RechercheParFiche, EchangeAdmin, AdminDeFiche):
    resource_classes = [echanges.CoFinancementResource]
    list_display = ["fiche__code", "financeur", "taux", "montant_affiche", "nature", "annee"]
    list_filter = [FiltreAnnee, ("financeur", FiltreVisible), ("fiche__convention", FiltreVisible)]
    list_select_related = ["fiche", "financeur", "nature"]
    autocomplete_fields = ["fiche", "financeur"]


@admin.register(TotalDeclare)
class TotalDeclareAdmin(RechercheParFiche, EchangeAdmin):
    resource_classes = [echanges.TotalDeclareResource]
    list_display = ["fiche__code", "annee", "montant_affiche"]
    list_filter = [FiltreAnnee, ("fiche__convention", FiltreVisible)]
    list_select_related = ["fiche"]
    autocomplete_fields = ["fiche"]


@admin.register(MontantRecapDeclare)
class RecapDeclareAdmin(EchangeAdmin):
    resource_classes = [echanges.RecapDeclareResource]
    list_display = ["convention__reference", "fiche__code", "axe", "annee", "financeur", "montant_affiche"]
    list_filter = [FiltreAnnee, ("financeur", FiltreVisible), ("convention", FiltreVisible)]
    list_select_related = ["convention", "fiche", "axe", "financeur"]
    search_fields = ["^convention__reference", "fiche__code__iexact"]
    autocomplete_fields = ["convention", "fiche", "financeur"]


@admin.register(Versement)
class VersementAdmin(EchangeAdmin):
    resource_classes = [echanges.VersementResource]
    list_display = ["convention__reference", "nature", "payeur", "beneficiaire", "taux", "montant_affiche", "date_prevue"]
    list_filter = ["nature", ("convention", FiltreVisible)]
    list_select_related = ["convention", "payeur", "beneficiaire"]
    search_fields = ["convention__reference", "condition"]
    autocomplete_fields = ["convention", "payeur", "beneficiaire"]


@admin.register(Imputation)
class ImputationAdmin(ReferentielAdmin):
    """Accounts that payments may be entered in: nothing is assumed, each body writes its own."""

    list_display = ["compte", "libelle", "nomenclature", "fonction", "valable_du", "valable_au"]
    list_filter = ["nomenclature"]
    search_fields = ["compte", "libelle", "fonction"]


class HistoriqueMasque(HistoricalRecordContextHelper):
    """Changes of a payment, the account credited masked."""

    def prepare_delta_change_value(self, change: Any, value: Any) -> Any:
        return mask_iban(value) if change.field == "iban" else super().prepare_delta_change_value(change, value)


@admin.register(Paiement)
class PaiementAdmin(AdminLecture):
    """Payments and their steps, which are made in the workspace."""

    list_display = ["convention", "versement", "etat", "montant", "exercice", "numero_mandat", "paye_le"]
    list_filter = ["etat", "exercice", ("convention", FiltreVisible)]
    search_fields = ["^convention__reference", "^numero_mandat", "^numero_bordereau"]
    list_select_related = ["convention", "versement__convention"]
    exclude = ["iban"]

    def get_historical_record_context_helper(self, request: HttpRequest, historical_record: Any) -> HistoriqueMasque:
        return HistoriqueMasque(self.model, historical_record)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Accounts cannot be guessed letter by letter through the filters of the list."""
        return "iban" not in lookup.split("__") and super().lookup_allowed(lookup, value, request)
