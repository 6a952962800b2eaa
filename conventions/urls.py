"""Addresses of the text and the family of a convention, and of the work done beside the pages."""

from django.urls import path

from conventions import views, vues_travaux

urlpatterns = [
    path("conventions/<slug:reference>/articles/", views.articles, name="articles"),
    path("conventions/<slug:reference>/famille/", views.famille, name="famille"),
    path("travaux/", vues_travaux.travaux, name="travaux"),
    path("travaux/<int:pk>/", vues_travaux.travail, name="travail"),
    path("travaux/<int:pk>/arreter/", vues_travaux.arreter, name="travail_arreter"),
    path("travaux/<int:pk>/relancer/", vues_travaux.relancer, name="travail_relancer"),
]
