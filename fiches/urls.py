"""Addresses of the daily summary and of what an open page asks after a new sign-in."""

from django.urls import path

from fiches import views

urlpatterns = [
    path("compte/preferences/", views.preferences, name="preferences"),
    path("compte/jeton/", views.jeton, name="jeton"),
    path("resume/desabonner/<str:jeton>/", views.desabonner, name="resume_desabonner"),
]
