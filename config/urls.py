"""Addresses of the product, one file an app. Signing up is closed: accounts are opened by administrators."""

from allauth.account import views as comptes
from django.contrib import admin
from django.urls import include, path, re_path

from socle import vues_legales
from socle.aide import aide, aide_parcours
from socle.vues import pulse, ready

urlpatterns = [
    path("", include("financement.urls")),
    path("", include("fiches.urls")),
    path("", include("conventions.urls")),
    path("", include("documents.urls")),
    path("compte/connexion/", comptes.login, name="account_login"),
    path("compte/deconnexion/", comptes.logout, name="account_logout"),
    path("compte/ferme/", comptes.account_inactive, name="account_inactive"),
    path("compte/mot-de-passe/", comptes.password_change, name="account_change_password"),
    path("compte/mot-de-passe/oubli/", comptes.password_reset, name="account_reset_password"),
    path("compte/mot-de-passe/oubli/envoye/", comptes.password_reset_done, name="account_reset_password_done"),
    re_path(
        "^compte/mot-de-passe/oubli/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        comptes.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("compte/mot-de-passe/change/", comptes.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    path("aide/", aide, name="aide"),
    path("aide/<slug:cle>/", aide_parcours, name="aide_parcours"),
    path("accessibilite/", vues_legales.accessibilite, name="accessibilite"),
    path("mentions-legales/", vues_legales.mentions_legales, name="mentions_legales"),
    path("confidentialite/", vues_legales.confidentialite, name="confidentialite"),
    path("confidentialite/registre/", vues_legales.registre, name="registre"),
    path("confidentialite/registre.<slug:forme>", vues_legales.registre_tableur, name="registre_tableur"),
    path("sante/", pulse, name="sante"),
    path("sante/pret/", ready, name="pret"),
    path("admin/", admin.site.urls),
]
