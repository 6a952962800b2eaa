"""Addresses of the documents, of the life of a convention and of its avenants."""

from django.urls import path

from documents import views
from documents.vues import avenants, bilans, fichiers, metriques, vie

CONVENTION = "conventions/<slug:reference>/"
VIE = CONVENTION + "vie/"
BILANS = CONVENTION + "bilans/"
BILAN = BILANS + "<int:annee>/"

urlpatterns = [
    path("metriques/", metriques.metriques, name="metriques"),
    path(CONVENTION + "convention.pdf", views.convention_pdf, name="convention_pdf"),
    path(CONVENTION + "recapitulatif.pdf", views.recapitulatif_pdf, name="recapitulatif_pdf"),
    path(CONVENTION + "recapitulatif.xlsx", views.recapitulatif_xlsx, name="recapitulatif_xlsx"),
    path(CONVENTION + "controles.pdf", views.controles_pdf, name="controles_pdf"),
    path(CONVENTION + "rapprochement.pdf", views.rapprochement_pdf, name="rapprochement_pdf"),
    path(CONVENTION + "fiches/<slug:slug>.pdf", views.fiche_pdf, name="fiche_pdf"),
    path(VIE, vie.vie, name="vie"),
    path(VIE + "preparation/", vie.preparation, name="vie_preparation"),
    path(VIE + "passer/<slug:action>/", vie.passer, name="vie_passer"),
    path(VIE + "deliberations/<int:partie>/", vie.deliberation, name="vie_deliberation"),
    path(VIE + "deliberations/<int:partie>/fichier/", fichiers.deliberation_fichier, name="deliberation_fichier"),
    path(VIE + "signatures/<int:partie>/", vie.signer, name="vie_signer"),
    path(VIE + "signatures/<int:pk>/fichier/", fichiers.signature_fichier, name="signature_fichier"),
    path(VIE + "verifier/", vie.verifier_fichier, name="vie_verifier"),
    path(VIE + "documents/<int:pk>.<slug:forme>", fichiers.document_fige, name="document_fige"),
    path(VIE + "avenant/", avenants.ouvrir, name="avenant_ouvrir"),
    path(VIE + "reconduire/", avenants.reconduire, name="reconduire"),
    path(VIE + "dossier/", vie.dossier, name="dossier"),
    path(CONVENTION + "journal/", vie.journal, name="journal"),
    path(CONVENTION + "journal.csv", vie.journal_csv, name="journal_csv"),
    path(BILANS, bilans.bilans, name="bilans"),
    path(BILANS + "pluriannuel/", bilans.pluriannuel, name="bilan_pluriannuel"),
    path(BILANS + "pluriannuel.<slug:forme>", bilans.pluriannuel_document, name="bilan_pluriannuel_document"),
    path(BILAN, bilans.bilan, name="bilan"),
    path(BILANS + "<int:annee>.<slug:forme>", bilans.bilan_document, name="bilan_document"),
    path(BILAN + "diaporama.pdf", bilans.diaporama_pdf, name="bilan_diaporama"),
    path(BILAN + "compte-rendu.<slug:forme>", bilans.compte_rendu_document, name="bilan_compte_rendu"),
    path(BILAN + "passer/<slug:action>/", bilans.passer, name="bilan_passer"),
    path(BILAN + "observations/", bilans.observer, name="bilan_observer"),
    path(CONVENTION + "avenant/", avenants.avenant, name="avenant"),
    path(CONVENTION + "avenant.pdf", avenants.avenant_pdf, name="avenant_pdf"),
    path(CONVENTION + "consolidee.pdf", avenants.consolidee_pdf, name="consolidee_pdf"),
]
