"""Admin of the accounts of produits."""

from django.contrib import admin

from comptes.administration import ReferentielAdmin
from financement.bilans.comptes_produits import CompteProduit


@admin.register(CompteProduit)
class CompteProduitAdmin(ReferentielAdmin):
    """Accounts that what each organisation pays is entered in: nothing is assumed, an organisation left out is « à imputer »."""

    list_display = ["organisation", "compte"]
    list_filter = ["compte"]
    list_select_related = ["organisation"]
    search_fields = ["organisation__nom", "organisation__sigle"]
    autocomplete_fields = ["organisation"]
