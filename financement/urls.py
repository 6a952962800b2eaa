"""Addresses of the workspace. Pages of a fiche are named by its code, what scripts ask by its number, which never changes."""

from django.urls import path

from financement.vues import (
    accueil,
    agenda,
    bancaire,
    commentaires,
    controles,
    convention,
    edition,
    exports,
    fiches,
    historique,
    imports,
    rapprochement,
    versements,
)

FICHES = "conventions/<slug:reference>/fiches/"
PAGE = FICHES + "<slug:slug>/"
MACHINE = FICHES + "n/<int:pk>/"

IMPORTS = "conventions/<slug:reference>/imports/"
IMPORT = IMPORTS + "<int:pk>/"
VERSEMENTS = "conventions/<slug:reference>/versements/"
CONTROLES = "conventions/<slug:reference>/controles/"
RAPPROCHEMENT = "conventions/<slug:reference>/rapprochement/"

urlpatterns = [
    path("", accueil.accueil, name="accueil"),
    path("recherche/", accueil.recherche, name="recherche"),
    path("compte/agenda/", agenda.agenda, name="agenda"),
    path("calendrier/<str:jeton>.ics", agenda.calendrier, name="calendrier"),
    path("conventions/", accueil.conventions, name="conventions"),
    path("conventions/<slug:reference>/", convention.apercu, name="convention"),
    path("conventions/<slug:reference>/budget/", convention.budget, name="budget"),
    path("conventions/<slug:reference>/budget.<slug:forme>", exports.budget_tableur, name="budget_tableur"),
    path("donnees-ouvertes/", exports.donnees_ouvertes, name="donnees_ouvertes"),
    path("donnees-ouvertes/subventions.csv", exports.subventions_csv, name="subventions_csv"),
    path(IMPORTS, imports.imports, name="imports"),
    path(IMPORT, imports.import_budget, name="import_budget"),
    path(IMPORT + "colonnes/", imports.import_colonnes, name="import_colonnes"),
    path(IMPORT + "confirmer/", imports.import_confirmer, name="import_confirmer"),
    path(IMPORT + "annuler/", imports.import_annuler, name="import_annuler"),
    path(IMPORT + "abandonner/", imports.import_abandonner, name="import_abandonner"),
    path(IMPORT + "progres/", imports.import_progres, name="import_progres"),
    path(IMPORT + "fichier/", imports.import_fichier, name="import_fichier"),
    path(IMPORT + "annote/", imports.import_annote, name="import_annote"),
    path(CONTROLES, controles.controles, name="controles"),
    path(CONTROLES + "verifier/", controles.verifier, name="controles_verifier"),
    path(CONTROLES + "fraicheur/", controles.fraicheur, name="controles_fraicheur"),
    path(CONTROLES + "accepter/", controles.accepter, name="controles_accepter"),
    path(CONTROLES + "rouvrir/", controles.rouvrir, name="controles_rouvrir"),
    path(CONTROLES + "corriger/", controles.corriger, name="controles_corriger"),
    path(CONTROLES + "reprises/<int:pk>/annuler/", controles.annuler_reprise, name="reprise_annuler"),
    path(RAPPROCHEMENT, rapprochement.rapprochement, name="rapprochement"),
    path(RAPPROCHEMENT + "reprendre/", rapprochement.reprendre, name="rapprochement_reprendre"),
    path("conventions/<slug:reference>/rapprochement.xlsx", rapprochement.rapprochement_xlsx, name="rapprochement_xlsx"),
    path(VERSEMENTS, versements.versements, name="versements"),
    path(VERSEMENTS + "<int:versement>/demander/", versements.demander, name="versement_demander"),
    path(VERSEMENTS + "<int:versement>/constater/", versements.constater, name="versement_constater"),
    path(VERSEMENTS + "<int:versement>/pieces/", versements.joindre, name="versement_joindre"),
    path(VERSEMENTS + "pieces/<int:pk>/", versements.piece, name="versement_piece"),
    path(VERSEMENTS + "paiements/<int:pk>/<slug:action>/", versements.avancer, name="paiement_avancer"),
    path(VERSEMENTS + "credits/<int:payeur>/", versements.crediter, name="versement_crediter"),
    path(VERSEMENTS + "reversements/<int:payeur>/", versements.reverser, name="versement_reverser"),
    path("organisations/<slug:cle>/compte/", bancaire.compte_bancaire, name="compte_bancaire"),
    path("organisations/<slug:cle>/compte/<int:pk>/", bancaire.compte_confirmer, name="compte_confirmer"),
    path(FICHES, fiches.fiches, name="fiches"),
    path(FICHES + "nouvelle/", fiches.nouvelle, name="fiche_nouvelle"),
    path(FICHES + "corbeille/", fiches.corbeille, name="corbeille"),
    path(FICHES + "lot/", fiches.lot, name="fiches_lot"),
    path(MACHINE + "enregistrer/", edition.enregistrer, name="fiche_enregistrer"),
    path(MACHINE + "calcul/", edition.calculer, name="fiche_calcul"),
    path(MACHINE + "presence/", edition.presence, name="fiche_presence"),
    path(MACHINE + "apercu/", edition.apercu_texte, name="fiche_apercu"),
    path(MACHINE + "financeur/", edition.ajouter_financeur, name="fiche_financeur"),
    path(MACHINE + "commentaires/", commentaires.commenter, name="fiche_commenter"),
    path(MACHINE + "commentaires/lus/", commentaires.marquer_lus, name="fiche_commentaires_lus"),
    path(MACHINE + "commentaires/<int:numero>/", commentaires.regler, name="fiche_commentaire_regler"),
    path(MACHINE + "recuperer/", fiches.recuperer, name="fiche_recuperer"),
    path(PAGE, convention.fiche, name="fiche"),
    path(PAGE + "modifier/", edition.modifier, name="fiche_modifier"),
    path(PAGE + "deplacer/", fiches.deplacer, name="fiche_deplacer"),
    path(PAGE + "dupliquer/", fiches.dupliquer, name="fiche_dupliquer"),
    path(PAGE + "ordre/", fiches.ordonner, name="fiche_ordonner"),
    path(PAGE + "etat/", fiches.changer_etat, name="fiche_etat"),
    path(PAGE + "supprimer/", fiches.supprimer, name="fiche_supprimer"),
    path(PAGE + "historique/", historique.historique, name="fiche_historique"),
    path(PAGE + "restaurer/", historique.restaurer, name="fiche_restaurer"),
]
