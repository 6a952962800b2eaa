"""Addresses of the workspace."""

from django.urls import path

from financement.vues import accueil, convention

urlpatterns = [
    path("", accueil.accueil, name="accueil"),
    path("recherche/", accueil.recherche, name="recherche"),
    path("conventions/", accueil.conventions, name="conventions"),
    path("conventions/<slug:reference>/", convention.apercu, name="convention"),
    path("conventions/<slug:reference>/fiches/", convention.fiches, name="fiches"),
    path("conventions/<slug:reference>/fiches/<slug:slug>/", convention.fiche, name="fiche"),
    path("conventions/<slug:reference>/budget/", convention.budget, name="budget"),
]
