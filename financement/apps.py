"""Costs, co-financing, recap, planned payments."""

from django.apps import AppConfig


class FinancementConfig(AppConfig):
    name = "financement"
    verbose_name = "Financement"

    def ready(self) -> None:
        from financement.controles.suivi import connect

        connect()
