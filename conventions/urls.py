"""Addresses of the text and the family of a convention."""

from django.urls import path

from conventions import views

urlpatterns = [
    path("conventions/<slug:reference>/articles/", views.articles, name="articles"),
    path("conventions/<slug:reference>/famille/", views.famille, name="famille"),
]
