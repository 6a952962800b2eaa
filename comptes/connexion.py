"""Sign-in: by e-mail, no public sign-up, demonstration accounts closed outside demonstrations."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from django.conf import settings
from django.http import HttpRequest


def read_email(request: HttpRequest | None, credentials: dict[str, Any] | None) -> str | None:
    """The account somebody tries to open, written one way, for the count of failures."""
    email = (credentials or {}).get("email") or (credentials or {}).get("username") or (request and request.POST.get("login"))
    return email.strip().lower() if email else None


def is_refused(user: Any) -> bool:
    """Tell whether the account is a demonstration one outside a demonstration."""
    return user.demonstration and not settings.DEBUG


class ConnexionParCourriel(AuthenticationBackend):
    """allauth's backend, refusing the accounts whose password is printed in the README once DEBUG is off."""

    def _check_password(self, user: Any, password: str) -> Any:
        # As if there were no such account: allauth would open a session for one it only finds closed.
        return super()._check_password(None if user and is_refused(user) else user, password)

    def user_can_authenticate(self, user: Any) -> bool:
        return not is_refused(user) and super().user_can_authenticate(user)

    def get_user(self, user_id: int) -> Any:
        # Also closes the sessions opened before DEBUG was turned off.
        user = super().get_user(user_id)
        return user if user and self.user_can_authenticate(user) else None


class ComptesFermes(DefaultAccountAdapter):
    """Accounts are created by administrators, never by visitors."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
