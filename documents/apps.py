"""Documents that are printed, signed and exchanged: top floor, sees all the others."""

from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    name = "documents"
    verbose_name = "Documents"

    def ready(self) -> None:
        """What changed is typeset once it is checked, before anybody asks."""
        from documents.mise_en_forme import prepare_ahead
        from financement.controles.suivi import verifiee

        verifiee.connect(prepare_ahead, dispatch_uid="mise-en-forme")
