"""Sign-in: by e-mail, no public sign-up, demonstration accounts closed outside demonstrations."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from django.conf import settings
from django.http import HttpRequest


class ConnexionParCourriel(AuthenticationBackend):
    """allauth's backend, refusing the accounts whose password is printed in the README once DEBUG is off."""

    def user_can_authenticate(self, user: Any) -> bool:
        if user.demonstration and not settings.DEBUG:
            return False
        return super().user_can_authenticate(user)

    def get_user(self, user_id: int) -> Any:
        # Also closes the sessions opened before DEBUG was turned off.
        user = super().get_user(user_id)
        return user if user and self.user_can_authenticate(user) else None


class ComptesFermes(DefaultAccountAdapter):
    """Accounts are created by administrators, never by visitors."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
