"""What the law asks a site to say of itself: who runs it, what it leaves in the browser, whose works it carries, where to complain."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings

from socle.typographie import INSECABLE

ABSENT = "non renseigné par l’exploitant"
DECLARATION = date(2026, 11, 22)  # of the declaration of accessibility; changes with what it says
LIENS = {
    "cnil": "https://www.cnil.fr/fr/plaintes",
    "defenseur_formulaire": "https://formulaire.defenseurdesdroits.fr/",
    "defenseur_delegues": "https://www.defenseurdesdroits.fr/saisir/delegues",
}


def list_absents() -> list[str]:
    """Variables of the environment that say who runs the site and that hold nothing."""
    return [f"TRAITDUNION_{cle.upper()}" for cle, valeur in settings.EXPLOITANT.items() if not valeur]


def tell(*cles: str) -> str:
    """« Dijon Métropole, 40 avenue du Drapeau »: what is known of these keys, or the words that say that nothing is."""
    return ", ".join(filter(None, (settings.EXPLOITANT[cle] for cle in cles))) or ABSENT


def say_duree(duree: timedelta) -> str:
    """« 10 heures », « 15 minutes », « 365 jours »: the largest unit that leaves nothing over."""
    secondes = int(duree.total_seconds())
    for taille, mot in ((86_400, "jour"), (3600, "heure"), (60, "minute")):
        if secondes and secondes % taille == 0:
            nombre = secondes // taille
            return f"{nombre}{INSECABLE}{mot}{'s' if nombre > 1 else ''}"
    return f"{secondes}{INSECABLE}secondes"


@dataclass(frozen=True)
class Temoin:
    """Something left in the browser: its name, what it serves, how long it stays."""

    nom: str
    role: str
    duree: str


def list_temoins() -> list[Temoin]:
    """The cookies that the site sets, under the names and for the times of its settings."""
    session = say_duree(timedelta(seconds=settings.SESSION_COOKIE_AGE))
    jeton = say_duree(timedelta(seconds=settings.CSRF_COOKIE_AGE))
    return [
        Temoin(settings.SESSION_COOKIE_NAME, "Vous garder connecté d’une page à l’autre.", f"Fermeture du navigateur, {session} au plus"),
        Temoin(settings.CSRF_COOKIE_NAME, "Vérifier que ce qui est envoyé vient bien d’une page du site.", jeton),
        Temoin("messages", "Porter jusqu’à la page suivante la phrase qui confirme ou refuse un acte.", "Effacé dès que la phrase est lue"),
    ]


MEMOIRES = (
    Temoin(
        "trait-d-union:…",
        "Garder ce qui est écrit dans une fiche et pas encore enregistré : une coupure ne perd rien.",
        "Effacé dès que c’est enregistré",
    ),
    Temoin("htmx-…", "Retrouver la liste des conventions telle qu’elle était en revenant en arrière.", "Effacé à la fermeture de l’onglet"),
    Temoin(
        "theme, django.admin…",
        "Dans l’administration seulement : thème choisi, menu ouvert ou replié, filtres dépliés.",
        "Jusqu’à ce que vous vidiez la mémoire du navigateur",
    ),
)


@dataclass(frozen=True)
class Oeuvre:
    """A work of others that pages or documents carry, and the file of its licence."""

    nom: str
    usage: str
    auteurs: str
    licence: str
    texte: str


OEUVRES = (
    Oeuvre("Bootstrap 5.3.8", "Mise en page", "The Bootstrap Authors", "MIT", "vendor/bootstrap.LICENSE"),
    Oeuvre("htmx 2.0.11", "Listes et pages qui se complètent", "les auteurs de htmx", "Zero-Clause BSD", "vendor/htmx.LICENSE"),
    Oeuvre(
        "Instrument Sans",
        "Caractères des pages",
        "The Instrument Sans Project Authors",
        "SIL Open Font License 1.1",
        "vendor/fonts/instrument-sans.LICENSE",
    ),
    Oeuvre(
        "Newsreader",
        "Caractères des pages",
        "The Newsreader Project Authors",
        "SIL Open Font License 1.1",
        "vendor/fonts/newsreader.LICENSE",
    ),
    Oeuvre("Source Sans 3", "Caractères des PDF", "Adobe", "SIL Open Font License 1.1", "pdf/fonts/SourceSans.LICENSE.md"),
    Oeuvre("Source Serif 4", "Caractères des PDF", "Adobe", "SIL Open Font License 1.1", "pdf/fonts/SourceSerif.LICENSE.md"),
)
