"""Fiches action: what each action is, who leads it, how it is measured."""

from django.apps import AppConfig


class FichesConfig(AppConfig):
    name = "fiches"
    verbose_name = "Fiches action"

    def ready(self) -> None:
        from conventions import gel
        from fiches import models

        gel.protect(models.FicheAction, "convention")
        gel.protect(models.Indicateur, "fiche__convention")
        gel.protect(models.ProduitPret, "fiche__convention")
        gel.protect(models.CibleIndicateur, "indicateur__fiche__convention")
