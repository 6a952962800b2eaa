"""Documents that are printed, signed and exchanged: top floor, sees all the others."""

from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    name = "documents"
    verbose_name = "Documents"
