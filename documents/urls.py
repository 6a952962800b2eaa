"""Addresses of the documents to download."""

from django.urls import path

from documents import views

urlpatterns = [
    path("conventions/<slug:reference>/convention.pdf", views.convention_pdf, name="convention_pdf"),
    path("conventions/<slug:reference>/recapitulatif.pdf", views.recapitulatif_pdf, name="recapitulatif_pdf"),
    path("conventions/<slug:reference>/recapitulatif.xlsx", views.recapitulatif_xlsx, name="recapitulatif_xlsx"),
    path("conventions/<slug:reference>/controles.pdf", views.controles_pdf, name="controles_pdf"),
    path("conventions/<slug:reference>/rapprochement.pdf", views.rapprochement_pdf, name="rapprochement_pdf"),
    path("conventions/<slug:reference>/fiches/<slug:slug>.pdf", views.fiche_pdf, name="fiche_pdf"),
]
