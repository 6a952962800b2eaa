"""The Django admin of the product, with its French titles and its own sign-in."""

from django.contrib import admin
from django.contrib.admin import apps
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator


class AdminSite(admin.AdminSite):
    """Admin reached through the sign-in page of the workspace, so that lock-out and logs are the same."""

    site_header = "Trait d’union – administration"
    site_title = "Trait d’union"
    index_title = "Données"
    site_url = "/"
    enable_nav_sidebar = True

    def get_urls(self) -> list:
        """Without Django's shortcut to an object's page: it would tell the reference of hidden conventions."""
        return [url for url in super().get_urls() if getattr(url, "name", "") != "view_on_site"]

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        # Imported here: this module is read before the models are ready.
        from django.contrib.auth.views import redirect_to_login

        if self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        if request.user.is_authenticated:
            raise PermissionDenied("L’administration est réservée aux administrateurs.")
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"), reverse("account_login"))


class AdminConfig(apps.AdminConfig):
    """Replace Django's default site."""

    default_site = "config.admin.AdminSite"
