"""Conventions: parties, objectives, axes, articles."""

from django.apps import AppConfig


class ConventionsConfig(AppConfig):
    name = "conventions"
    verbose_name = "Conventions"

    def ready(self) -> None:
        from conventions import gel, models

        gel.protect(models.Convention, "", gel.SUIVI_CONVENTION)
        gel.protect(models.Partie, "convention", gel.SUIVI_PARTIE)
        gel.protect(models.Article, "convention", {"modele"})  # emptied when its clause leaves the library
        for modele in (models.Objectif, models.Axe, models.MontantDeclare):
            gel.protect(modele, "convention")
