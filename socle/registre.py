"""The record of processing (article 30 of the GDPR), field by field as the CNIL's model: what the software holds of people, and why.

The only source: the page « Confidentialité », the page of the record and its spreadsheet all read it. What the settings
decide is read from them.
A new table that names people is told here (tests/test_pages_legales.py asks for it).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings
from django.contrib.auth.hashers import get_hasher
from django.contrib.auth.password_validation import MinimumLengthValidator, get_default_password_validators

from socle.ecriture_ods import write_ods
from socle.ecriture_xlsx import build_xlsx
from socle.mentions import say_duree, tell
from socle.tableaux import ClasseurEcrit, Colonne, Tableau
from socle.tableur import save_classeur
from socle.typographie import format_date_longue

MISE_A_JOUR = date(2026, 11, 22)  # of the content below
TITRE = "Fiche de registre – conventions de partenariat"
FORMATS = {
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
RUBRIQUES = {
    "traitement": "Traitement",
    "acteurs": "Acteurs",
    "finalites": "Finalités",
    "base": "Base légale",
    "personnes": "Catégories de personnes concernées",
    "donnees": "Catégories de données",
    "sources": "Sources des données",
    "destinataires": "Destinataires",
    "transferts": "Transferts hors de l’Union européenne",
    "durees": "Durées de conservation",
    "securite": "Mesures de sécurité",
    "droits": "Droits des personnes",
}


@dataclass(frozen=True)
class Ligne:
    """One field of the record: the key of its heading, its name, its content."""

    cle: str
    element: str
    contenu: str

    @property
    def rubrique(self) -> str:
        return RUBRIQUES[self.cle]


def build_registre() -> list[Ligne]:
    """Every field, in the order of the headings."""
    champs = {**TEXTES, **_read_exploitant(), "durees": _tell_durees(), "securite": _tell_securite()}
    return [Ligne(cle, element, contenu) for cle in RUBRIQUES for element, contenu in champs[cle]]


def group_by_rubrique(lignes: Iterable[Ligne]) -> dict[str, list[Ligne]]:
    """Fields of each heading, by its key."""
    lignes = list(lignes)
    return {cle: [ligne for ligne in lignes if ligne.cle == cle] for cle in RUBRIQUES}


def write_registre(forme: str) -> bytes:
    """The record as a spreadsheet, in one of `FORMATS`."""
    tableau = Tableau(
        "Fiche de registre",
        [Colonne("Rubrique", 26), Colonne("Champ", 32), Colonne("Contenu", 100)],
        [[ligne.rubrique, ligne.element, ligne.contenu] for ligne in build_registre()],
        titre=[TITRE, "Article 30 du règlement (UE) 2016/679. Les champs suivent le modèle de la CNIL."],
    )
    classeur = ClasseurEcrit(TITRE, [tableau])
    return write_ods(classeur) if forme == "ods" else save_classeur(build_xlsx(classeur))


Champs = list[tuple[str, str]]


def _read_exploitant() -> dict[str, Champs]:
    return {
        "traitement": [
            ("Nom du traitement", "Rédaction, suivi et contrôle des conventions de partenariat dans Trait d’union"),
            ("Mise à jour de la fiche", format_date_longue(MISE_A_JOUR)),
        ],
        "acteurs": [
            ("Responsable du traitement", tell("editeur", "editeur_adresse", "editeur_telephone")),
            ("Délégué à la protection des données", tell("dpo")),
            (
                "Responsables conjoints",
                "Le logiciel n’en désigne aucun. L’accord entre les organisations parties, s’il existe, dit les obligations de chacune "
                "(article 26 du RGPD).",
            ),
            ("Sous-traitant : hébergement", tell("hebergeur", "hebergeur_adresse", "hebergeur_telephone")),
        ],
    }


TEXTES: dict[str, Champs] = {
    "finalites": [
        ("Finalité principale", "Écrire, relire, valider, signer et suivre les conventions de partenariat et leurs fiches action."),
        ("Budgets", "Chiffrer les actions, répartir leur financement, importer et exporter les tableurs, trouver ce qui se contredit."),
        ("Bilans", "Noter ce qui est fait, rendre compte chaque année à qui finance, calculer ce qui reste dû."),
        ("Travail à plusieurs", "Montrer qui écrit et où, commenter, citer un collègue, envoyer un résumé par jour à qui le veut."),
        ("Traçabilité", "Savoir qui a changé, validé ou accepté quoi, et quand, pour justifier l’emploi de fonds publics."),
        ("Protection du service", "Ouvrir et fermer les comptes, ralentir qui devine des mots de passe, comprendre une panne."),
    ],
    "base": [
        (
            "Mission d’intérêt public",
            "Article 6, paragraphe 1, e du RGPD : développement économique des intercommunalités, missions des chambres de commerce et "
            "d’industrie (article L. 710-1 du code de commerce).",
        ),
        (
            "Obligation légale",
            "Article 6, paragraphe 1, c du RGPD : convention écrite pour les subventions au-delà du seuil, à un organisme de droit privé "
            "(article 10 de la loi n° 2000-321 du 12 avril 2000) ; archivage public (livre II du code du patrimoine) ; sécurité du "
            "traitement (article 32 du RGPD).",
        ),
        ("Consentement", "Aucune donnée n’en dépend. Le résumé quotidien s’arrête depuis le compte ou par le lien de chaque message."),
    ],
    "personnes": [
        ("Titulaires d’un compte", "Agents et élus des organisations parties, personnes qui exploitent la plateforme."),
        ("Signataires", "Représentants des parties, nommés dans les conventions."),
        (
            "Personnes citées",
            "Personnes nommées dans les textes, les commentaires, le carnet des réalisations, les pièces et les fichiers importés.",
        ),
        ("Visiteurs", "Toute personne qui essaie de se connecter."),
    ],
    "donnees": [
        (
            "Compte",
            "Adresse électronique, prénom, nom, fonction (facultative), organisation, rôle, droit de préparer les paiements, compte "
            "ouvert ou fermé, dates de création et de dernière connexion. Le mot de passe n’est gardé que haché.",
        ),
        (
            "Historique",
            "Chaque version d’un compte, d’une organisation, d’une convention, d’une fiche et de ses montants, avec son auteur et "
            "sa date ; actes faits dans l’administration ; journal des conventions.",
        ),
        (
            "Traces du travail",
            "Textes écrits, commentaires et personnes citées, lectures des commentaires, pilotes des fiches action, passages d’un état à "
            "l’autre et leur motif, acceptations de contradictions et leur motif, reprises de valeurs, avec leur auteur et leur date. "
            "Travaux faits à côté des pages : qui les a demandés, et quand.",
        ),
        (
            "Présence",
            "Présences sur une fiche, champ où l’on écrit, heure du dernier signe. Une seule par personne et par fiche.",
        ),
        (
            "Imports de tableurs",
            "Fichier tel que déposé, son nom, son empreinte, ce qui en a été lu ; qui l’a déposé, confirmé ou annulé, et quand.",
        ),
        (
            "Connexions",
            "Adresse électronique, adresse IP, navigateur annoncé, heures de connexion et de déconnexion, empreinte de la session.",
        ),
        (
            "Essais de connexion manqués",
            "Adresse électronique saisie, adresse IP, navigateur annoncé, heure, nombre d’essais. Jamais le mot de passe.",
        ),
        ("Sessions", "Numéro de session, compte, moyen et heure de la connexion, date d’expiration."),
        (
            "Messages et agenda",
            "Abonnements au résumé quotidien et dernier envoi ; rappels d’échéances envoyés ; calendriers personnels : adresse secrète, "
            "date de la dernière lecture par le logiciel d’agenda. Le contenu des messages n’est pas gardé.",
        ),
        (
            "Signataires des parties",
            "Civilité, nom, qualité, numéro et date de la délibération qui autorise à signer.",
        ),
        (
            "Signature",
            "Accords des parties, mises en forme, documents figés et signatures : signataire, date, preuve, exemplaire déposé, noms et "
            "adresse électronique inscrits dans un certificat.",
        ),
        ("Organisations", "Nom, SIRET, adresse, logo : données de personnes morales, pour l’essentiel."),
        (
            "Coordonnées bancaires",
            "Banque et IBAN des organisations ; changements de compte bancaire : ancien et nouvel IBAN, pièce ou motif, qui demande, qui "
            "confirme, et quand.",
        ),
        (
            "Paiements et pièces",
            "Conditions remplies, paiements et leurs étapes, avec qui les écrit et quand ; délibérations et pièces justificatives "
            "telles que déposées.",
        ),
        (
            "Bilans et carnet",
            "Bilans annuels : qui les ouvre, les remplit, les envoie, et quand. Carnet des réalisations : qui a fait quoi, quel jour, "
            "pour combien, qui l’a noté ou retiré, et son justificatif. Observations et réponses, accords sur les bilans, pièces du bilan "
            "telles que déposées, avec leur auteur et leur date.",
        ),
        (
            "Journal technique",
            "Évènements et pannes du service. Un envoi de message qui échoue y laisse le numéro du compte et "
            "la réponse du serveur de messagerie.",
        ),
        (
            "Données sensibles",
            "Aucune n’est demandée (articles 9 et 10 du RGPD), ni numéro de sécurité sociale. N’en écrivez pas dans les textes libres.",
        ),
    ],
    "sources": [
        ("Administrateur de l’organisation", "Ouvre le compte : adresse électronique, prénom, nom, fonction, rôle."),
        ("Personne elle-même", "Ce qu’elle écrit, dépose, valide, et ses préférences."),
        (
            "Autres personnes des parties",
            "Signataires, pilotes, personnes citées dans un texte, un commentaire ou le carnet, fichiers importés.",
        ),
        ("Navigateur", "Adresse IP, navigateur annoncé, au moment de la connexion."),
    ],
    "destinataires": [
        (
            "Collègues et partenaires",
            "Personnes des organisations parties à la convention : textes, commentaires, présences, historique, signataires, "
            "bilans et carnet.",
        ),
        ("Administrateurs", "Ceux de l’organisation tiennent ses comptes ; ils ne voient pas ceux des autres."),
        ("Exploitant", "Les personnes qui exploitent la plateforme voient tout, connexions et essais manqués compris."),
        ("Hébergeur", "Garde la base, les fichiers et les sauvegardes pour le compte du responsable."),
        (
            "Logiciel d’agenda",
            "Celui de la personne, si elle lui donne l’adresse secrète de son calendrier : titres et dates des échéances.",
        ),
        ("Messagerie", "Le serveur d’envoi choisi par l’exploitant transmet résumés, rappels et liens de mot de passe."),
        (
            "Public",
            "Le fichier de données ouvertes ne nomme aucune personne. Une convention signée, avec ses signataires, est un document "
            "administratif communicable (livre III du code des relations entre le public et l’administration).",
        ),
    ],
    "transferts": [
        (
            "Par le logiciel",
            "Aucun. Il n’appelle aucun service extérieur : ni mesure d’audience, ni police de caractères, ni carte, ni script d’ailleurs.",
        ),
        (
            "Par l’agenda de la personne",
            "Le service d’agenda qu’elle choisit lit ses échéances, où qu’il soit. Elle supprime l’adresse quand elle veut.",
        ),
        ("Par l’hébergement et la messagerie", "Ils dépendent des prestataires de l’exploitant, qui vérifie où ils gardent les données."),
    ],
    "droits": [
        ("Information", "Page « Confidentialité », ouverte à tous, en bas de chaque page."),
        (
            "Accès, rectification, limitation, opposition",
            "Demande au délégué à la protection des données ; l’administrateur de l’organisation corrige ou ferme un compte.",
        ),
        (
            "Effacement",
            "Sur demande. Ce que l’archivage public ou la preuve d’un acte exige est gardé (article 17, paragraphe 3 du RGPD) : "
            "le nom de l’auteur reste dans l’historique et dans le journal, qui ne se modifie pas.",
        ),
        ("Portabilité", "Sans objet : le traitement ne repose ni sur le consentement, ni sur un contrat (article 20 du RGPD)."),
        ("Décision automatisée", "Aucune. Le seul acte automatique sur une personne est le blocage temporaire après des essais manqués."),
        (
            "Analyse d’impact",
            "Ni notation, ni surveillance, ni donnée sensible demandée : le responsable dit si elle est nécessaire (article 35 du RGPD).",
        ),
    ],
}


def _tell_blocage() -> str:
    return say_duree(timedelta(hours=settings.AXES_COOLOFF_TIME))


def _tell_durees() -> Champs:
    return [
        ("Règle fixée par le responsable", tell("conservation")),
        (
            "Principe",
            "Le logiciel ne supprime rien de lui-même, sauf les essais de connexion manqués, les présences quittées et "
            "les sessions closes.",
        ),
        ("Compte", "Jusqu’à sa fermeture par un administrateur. Fermé, il est gardé pour l’historique ; seul l’exploitant l’efface."),
        (
            "Conventions, fiches, historique, traces du travail",
            "Durée de la convention, puis archivage public. Une fiche supprimée reste dans la corbeille.",
        ),
        (
            "Bilans et carnet",
            "Avec la convention. Une ligne retirée du carnet reste lisible, barrée ; un bilan accepté est figé et ne change plus.",
        ),
        (
            "Travaux faits à côté des pages",
            "Finis, ils s’effacent à la demande de l’exploitant, au plus tôt 30 jours après (prune_travaux).",
        ),
        ("Imports, paiements et pièces", "Avec la convention. Les fichiers déposés restent sur le serveur."),
        ("Calendrier personnel", "Jusqu’à ce que la personne change ou supprime son adresse, depuis son compte."),
        ("Connexions", "Sans limite, jusqu’à ce que l’exploitant les efface (axes_reset_logs --age, en jours)."),
        (
            "Essais de connexion manqués",
            f"Effacés à la première connexion tentée plus de {_tell_blocage()} après, ou dès que la personne se connecte.",
        ),
        (
            "Sessions",
            f"Jusqu’à la fermeture du navigateur, {say_duree(timedelta(seconds=settings.SESSION_COOKIE_AGE))} au plus. "
            "L’exploitant efface les sessions expirées (clearsessions).",
        ),
        ("Présence", "Affichée 35 secondes après le dernier signe, effacée en quittant la fiche, sinon remplacée par la suivante."),
        ("Journal technique et sauvegardes", "Durées fixées par l’exploitant sur ses serveurs."),
    ]


def _tell_securite() -> Champs:
    longueur = next(v.min_length for v in get_default_password_validators() if isinstance(v, MinimumLengthValidator))
    hsts = say_duree(timedelta(seconds=settings.SECURE_HSTS_SECONDS))
    secret = ", envoyés en HTTPS seulement" if settings.SESSION_COOKIE_SECURE else ""
    return [
        ("Comptes", "Ouverts par les administrateurs, sans inscription libre. Un compte fermé ne se connecte plus. Pas de second facteur."),
        (
            "Mots de passe",
            f"{longueur} caractères au moins, ni courants, ni tout en chiffres, ni proches de l’adresse électronique. "
            f"Gardés hachés avec sel ({get_hasher().algorithm}).",
        ),
        (
            "Essais de connexion",
            f"Après {settings.AXES_FAILURE_LIMIT} essais manqués depuis une adresse IP, le compte s’y bloque {_tell_blocage()}.",
        ),
        (
            "Cloisonnement",
            "Une convention n’existe que pour ses parties. Trois rôles : lecteur, agent, administrateur ; chaque page vérifie le sien.",
        ),
        (
            "Transport",
            f"HTTPS exigé, avec HSTS de {hsts}."
            if settings.HTTPS
            else "Ce site n’exige pas HTTPS : le mandataire de l’exploitant doit le faire.",
        ),
        (
            "Navigateur",
            "Politique de sécurité du contenu sans script ni style dans la page, rien chargé d’ailleurs, affichage dans un cadre refusé, "
            f"jeton contre les envois forgés, cookies fermés aux scripts et aux autres sites{secret}.",
        ),
        ("Traçabilité", "Chaque modification garde son auteur, sa date et la valeur d’avant ; une version ancienne se rétablit."),
        (
            "Fichiers déposés",
            "Contenu vérifié avant lecture, rangés sous un nom choisi par le logiciel, jamais servis sans contrôle d’accès.",
        ),
        (
            "Coordonnées bancaires",
            "Lues en entier par qui prépare les paiements et par les administrateurs de l’organisation, masquées pour les autres ; écrites "
            "dans le texte de la convention. Un changement de compte demande deux personnes.",
        ),
        (
            "À la charge de l’exploitant",
            "Sauvegardes, chiffrement des disques, accès aux serveurs : le logiciel ne chiffre ni sa base ni ses fichiers.",
        ),
    ]
