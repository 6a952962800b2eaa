"""Admin of organisations and people."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from comptes.administration import AdminVisible, ReferentielAdmin
from comptes.bancaire import mask_iban
from comptes.models import Organisation, Utilisateur


@admin.register(Organisation)
class OrganisationAdmin(ReferentielAdmin):
    """Everybody's organisations are listed; each administrator changes their own and may add a missing one."""

    list_display = ["nom", "sigle", "nature", "droit", "ville", "siret"]
    list_filter = ["nature", "droit"]
    search_fields = ["nom", "sigle", "siret", "ville"]
    prepopulated_fields = {"cle": ["nom"]}
    readonly_fields = ["compte_masque"]
    fieldsets = [
        (None, {"fields": ["nom", "sigle", "cle", "nature", "droit", "siret"]}),
        ("Siège", {"fields": ["adresse", "code_postal", "ville"]}),
        ("Compte à créditer", {"fields": ["banque", "compte_masque"]}),
        ("Documents", {"fields": ["logo"]}),
    ]

    def has_change_permission(self, request: HttpRequest, obj: Organisation | None = None) -> bool:
        user: Any = request.user
        return user.is_staff and (obj is None or user.is_superuser or obj.pk == user.organisation_id)

    def get_fieldsets(self, request: HttpRequest, obj: Organisation | None = None) -> Any:
        """Bank details of others are not shown."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        return [f for f in fieldsets if f[0] != "Compte à créditer"]

    @admin.display(description="IBAN")
    def compte_masque(self, organisation: Organisation) -> SafeString | str:
        """Masked: changing an account takes two people, on a page of its own."""
        if not organisation.pk:
            return "Après le premier enregistrement."
        adresse = reverse("compte_bancaire", args=[organisation.cle])
        return format_html('{} <a href="{}">Changer le compte</a>', mask_iban(organisation.iban) or "aucun", adresse)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Bank details cannot be guessed letter by letter through the filters of the list."""
        return lookup.partition("__")[0] not in {"iban", "banque"} and super().lookup_allowed(lookup, value, request)

    def get_prepopulated_fields(self, request: HttpRequest, obj: Organisation | None = None) -> Any:
        return self.prepopulated_fields if obj is None else {}


class CreationForm(AdminUserCreationForm):
    """Opens an account; without password the person chooses theirs by « Mot de passe oublié »."""

    class Meta:
        model = Utilisateur
        fields = ["email", "prenom", "nom"]


@admin.register(Utilisateur)
class UtilisateurAdmin(AdminVisible, UserAdmin):
    """Administrators manage the people of their own organisation."""

    add_form = CreationForm
    ordering = ["nom", "prenom"]
    list_display = ["email", "prenom", "nom", "organisation", "role", "is_active"]
    list_filter = ["role", "is_active"]
    search_fields = ["email", "prenom", "nom"]
    filter_horizontal = []
    readonly_fields = ["last_login", "cree_le"]
    fieldsets = [
        (None, {"fields": ["email", "password"]}),
        ("Personne", {"fields": ["prenom", "nom", "fonction"]}),
        ("Droits", {"fields": ["organisation", "role", "paie", "is_active"]}),
        ("Dates", {"fields": ["last_login", "cree_le"]}),
    ]
    add_fieldsets = [
        (None, {"fields": ["email", "prenom", "nom", "fonction", "organisation", "role"]}),
        ("Mot de passe", {"fields": ["usable_password", "password1", "password2"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> Any:
        """The platform's operators are out of reach of an organisation's administrators."""
        utilisateurs = super().get_queryset(request)
        return utilisateurs if request.user.is_superuser else utilisateurs.filter(is_superuser=False)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        user: Any = request.user
        if db_field.name == "organisation" and not user.is_superuser:
            kwargs["queryset"] = Organisation.objects.filter(pk=user.organisation_id)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_form(self, request: HttpRequest, obj: Utilisateur | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        champ = form.base_fields.get("organisation")
        if isinstance(champ, forms.ModelChoiceField) and not request.user.is_superuser:
            champ.required, champ.empty_label = True, None
        return form

    def has_delete_permission(self, request: HttpRequest, obj: Utilisateur | None = None) -> bool:
        """Accounts are closed, not erased: the history keeps who did what."""
        return bool(request.user.is_superuser)
