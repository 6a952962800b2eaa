"""Ground floor: money, spreadsheets, PDF engine, template tags. It knows no domain."""

from django.apps import AppConfig


class SocleConfig(AppConfig):
    name = "socle"
    verbose_name = "Socle"

    def ready(self) -> None:
        from socle import verifications  # noqa: F401  (registers the system checks)
