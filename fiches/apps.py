"""Fiches action: what each action is, who leads it, how it is measured."""

from django.apps import AppConfig


class FichesConfig(AppConfig):
    name = "fiches"
    verbose_name = "Fiches action"
