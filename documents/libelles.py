"""Words of an avenant: what each column is called, how its value is written, which columns say nothing of what is agreed."""

from conventions.models import Convention, MontantDeclare, Partie
from fiches.models import FicheAction
from financement.models import Versement

VIDE = "néant"
COURT = 160  # characters: a shorter text is read whole, before and after
# A calendar told otherwise inside the same years changes nothing that is owed: an exchange of letters is enough.
CALENDRIER = {"calendrier", "date_debut", "date_fin"}
LONGS = {"preambule", "texte", "introduction", "description", "presentation", "constat", "objectifs", "contenus", "cible", "methode"} | {
    "maitrise_ouvrage",
    "cout_texte",
    "cofinancement_texte",
    "partenariats_techniques",
    "evaluation",
    "calendrier",
}
EUROS = {"montant", "tarif_journalier", "minimum", "maximum"}
DATES = {"date_debut", "date_fin", "date_prevue", "deliberation_date", "date_signature"}
TAUX = {"taux"}

LIBELLES = {
    "titre": "Titre",
    "objet": "Objet",
    "periode": "Période annoncée",
    "annee_debut": "Première année du budget",
    "annee_fin": "Dernière année du budget",
    "date_debut": "Prise d’effet",
    "date_fin": "Fin",
    "duree_declaree_mois": "Durée annoncée, en mois",
    "lieu_signature": "Lieu de signature",
    "nombre_originaux": "Exemplaires originaux",
    "tribunal": "Tribunal administratif",
    "tarif_journalier": "Tarif journalier",
    "formule_solde": "Formule du solde",
    "preambule": "Préambule",
    "politiques": "Politiques publiques",
    "nature": "Nature",
    "cadre": "Convention-cadre",
    "denomination": "Dénomination",
    "presentation": "Présentation",
    "nom_court": "Nom court",
    "role": "Rôle",
    "civilite": "Civilité",
    "signataire": "Signataire",
    "qualite": "Qualité",
    "delegation": "Délégation de signature",
    "organisation": "Organisation",
    "description": "Description",
    "introduction": "Introduction",
    "code": "Code",
    "parent": "Axe parent",
    "numero": "Numéro",
    "texte": "Texte",
    "montant": "Montant",
    "plafond": "Plafond",
    "taux": "Taux",
    "libelle": "Libellé",
    "axe": "Axe",
    "titre_court": "Titre court",
    "constat": "Constat",
    "objectifs": "Objectifs",
    "contenus": "Contenus",
    "cible": "Cible",
    "methode": "Méthode",
    "maitrise_ouvrage": "Maîtrise d’ouvrage",
    "maitres_ouvrage": "Organisations maîtres d’ouvrage",
    "base_montants": "Base des montants",
    "cout_texte": "Coûts, en mots",
    "calendrier": "Calendrier",
    "annees_calendrier": "Années du calendrier",
    "cofinancement_texte": "Co-financements, en mots",
    "partenariats_techniques": "Partenariats techniques",
    "evaluation": "Évaluation",
    "condition": "Condition",
    "declencheur": "Ce qui l’ouvre",
    "date_prevue": "Date prévue",
    "payeur": "Payeur",
    "beneficiaire": "Bénéficiaire",
    "unite": "Unité",
    "cibles": "Cibles",
    "financeur": "Payé par",
    "nom": "Nom",
    "public": "Public",
    "minimum": "Minimum",
    "maximum": "Maximum",
    "mention": "Mention",
}
# Columns that keep a code: the words people read instead.
CODES: dict[str, dict[str, str]] = {
    "nature": dict(Convention.Nature.choices) | dict(Versement.Nature.choices),
    "role": dict(Partie.Role.choices),
    "declencheur": dict(Versement.Declencheur.choices),
    "base_montants": dict(FicheAction.Base.choices),
    "objet": dict(MontantDeclare.Objet.choices),
}
# Columns that say where a row stands or how it is keyed, not what is agreed.
MUETS = {"id", "ordre", "cle", "lieu", "article", "base_taux", "reference", "parent_convention", "renouvelle", "code_imprime"}
# Each avenant has its own: who signs it, where, and by what délibération.
MUETS_AVENANT = {"deliberation_numero", "deliberation_date", "delegation", "civilite", "signataire", "qualite"}
MUETS_AVENANT |= {"lieu_signature", "nombre_originaux"}
