"""Costs, co-financing, recap, planned payments."""

from django.apps import AppConfig


class FinancementConfig(AppConfig):
    name = "financement"
    verbose_name = "Financement"

    def ready(self) -> None:
        from conventions import gel
        from financement import models
        from financement.controles.suivi import connect

        for modele in (models.LigneCout, models.CoFinancement, models.TotalDeclare):
            gel.protect(modele, "fiche__convention")
        gel.protect(models.MontantRecapDeclare, "convention")
        gel.protect(models.Versement, "convention")
        connect()
