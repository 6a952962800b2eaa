"""What every admin page of the product does: show only what the person may see, offer only what they may choose."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import models, transaction
from django.forms import ModelChoiceField
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.functional import cached_property
from simple_history.admin import SimpleHistoryAdmin

from socle.nombres import read_cle
from socle.typographie import format_nombre

LIGNES_COMPTEES = 2_000  # rows of a list counted, and read page by page; beyond, one searches
CHOIX_OFFERTS = 200  # lines that a filter may list


def limit_to_visible(queryset: Any, user: Any) -> Any:
    """Narrow a queryset that knows who may see its rows; others are shared by all."""
    return queryset.visible_to(user) if hasattr(queryset, "visible_to") else queryset


class ChoixVisibles:
    """Foreign keys offer only the rows that the person may see."""

    def formfield_for_foreignkey(self, db_field: models.ForeignKey, request: HttpRequest, **kwargs: Any) -> ModelChoiceField | None:
        if "queryset" not in kwargs:
            kwargs["queryset"] = limit_to_visible(db_field.remote_field.model._default_manager.all(), request.user)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]


class FiltreVisible(admin.RelatedFieldListFilter):
    """Filter of a list: offers only what the person may see, and the line already chosen alone when there are too many to list."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        modele = field.remote_field.model
        visibles = limit_to_visible(modele._default_manager.all(), request.user)
        lignes = list(visibles.defer(*list_longs(modele))[: CHOIX_OFFERTS + 1])
        if len(lignes) > CHOIX_OFFERTS:
            choisies = [read_cle(valeur) for valeur in self.lookup_val or ()]
            lignes = list(visibles.filter(pk__in=[pk for pk in choisies if pk is not None]))
        return [(str(ligne.pk), str(getattr(ligne, "reference", ligne))) for ligne in lignes]

    def has_output(self) -> bool:
        """What the address asks for filters, even alone in its list: Django drops a filter that shows nothing."""
        return super().has_output() or bool(self.lookup_val)


def list_longs(modele: Any, prefixe: str = "") -> list[str]:
    """Columns of a table that a list shows nothing of: long texts take time to be read."""
    return [f"{prefixe}{f.name}" for f in modele._meta.concrete_fields if isinstance(f, models.TextField | models.JSONField)]


class AuMoins(int):
    """A number of rows not counted further, which says so wherever a page writes it."""

    def __str__(self) -> str:
        return f"plus de {format_nombre(int(self))}"


class PaginateurBorne(Paginator):
    """Pages of the first rows: counting a million to show fifty takes longer than anything else."""

    @cached_property
    def count(self) -> int:
        lignes: Any = self.object_list
        nombre = lignes.order_by()[: LIGNES_COMPTEES + 1].count()
        return int(nombre) if nombre <= LIGNES_COMPTEES else AuMoins(LIGNES_COMPTEES)


class ListeLegere(ChangeList):
    """A list that leaves the long texts of the rows it names unread."""

    def apply_select_related(self, qs: Any) -> Any:
        longs: list[str] = []
        chemins: Any = self.list_select_related or ()
        for chemin in chemins:
            modele: Any = self.model
            for champ in chemin.split("__"):
                modele = modele._meta.get_field(champ).related_model
            longs += list_longs(modele, f"{chemin}__")
        return super().apply_select_related(qs).defer(*longs)


def telling_refusal(vue: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Close the page with the sentence of what the tables themselves refuse (a frozen convention), rather than crash."""

    @wraps(vue)
    def answer(ecran: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "POST":
            return vue(ecran, request, *args, **kwargs)
        try:
            with transaction.atomic():
                return vue(ecran, request, *args, **kwargs)
        except ValidationError as refus:
            raise PermissionDenied(" ".join(refus.messages)) from refus

    return answer


class AdminHistorise(SimpleHistoryAdmin):
    """History pages open only for rows that the person may change: versions show every field.

    A version is read, never written back: with it would come what this page does not write (state, account, dates, amounts paid),
    and the library asks for no right to change.
    """

    object_history_list_template = "admin/_historique.html"
    changeform_view = telling_refusal(SimpleHistoryAdmin.changeform_view)
    changelist_view = telling_refusal(SimpleHistoryAdmin.changelist_view)
    delete_view = telling_refusal(SimpleHistoryAdmin.delete_view)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict | None = None) -> HttpResponse:
        self.refuse_others(request, object_id)
        return super().history_view(request, object_id, extra_context)

    def history_form_view(self, request: HttpRequest, object_id: str, version_id: str, extra_context: dict | None = None) -> HttpResponse:
        self.refuse_others(request, object_id)
        if request.method == "POST":
            raise PermissionDenied("Une version passée se lit : pour y revenir, modifiez la page d’aujourd’hui.")
        return super().history_form_view(request, object_id, version_id, extra_context)

    def revert_disabled(self, request: HttpRequest, obj: Any = None) -> bool:
        """No button either."""
        return True

    def refuse_others(self, request: HttpRequest, object_id: str) -> None:
        """Raise Http404 when the row is not one that the person may change."""
        objet = self.get_object(request, unquote(object_id))
        if objet is None or not self.has_change_permission(request, objet):
            raise Http404("Cet historique n’existe pas.")


class AdminVisible(ChoixVisibles, AdminHistorise):
    """Admin of rows that belong to conventions: others answer as if they did not exist. History on every page."""

    show_full_result_count = False
    save_on_top = True
    list_per_page = 50
    list_max_show_all = LIGNES_COMPTEES - 1
    paginator: Any = PaginateurBorne

    def get_ordering(self, request: HttpRequest) -> Any:
        """The latest first, when nothing else is said: the order of a table's own follows its rows up to the convention."""
        return self.ordering or ["-pk"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ListeLegere

    def get_view_on_site_url(self, obj: Any = None) -> None:
        """Each page has its own link to the workspace; Django's shortcut is closed (see the admin site)."""

    def get_queryset(self, request: HttpRequest) -> Any:
        return limit_to_visible(super().get_queryset(request), request.user)


class AdminLecture(AdminVisible):
    """Admin of rows that acts alone write: read, searched, never changed here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def refuse_others(self, request: HttpRequest, object_id: str) -> None:
        """The past of what the person sees is read as well."""
        if self.get_object(request, unquote(object_id)) is None:
            raise Http404("Cet historique n’existe pas.")


class InlineVisible(ChoixVisibles, admin.TabularInline):
    """Rows edited inside their owner; their foreign keys stay inside the owner's convention."""

    extra = 0
    show_change_link = False


class ReferentielAdmin(AdminHistorise):
    """Tables shared by all organisations: administrators add and correct, only the platform's operator deletes."""

    save_on_top = True

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)
