"""Logos of the parties, as printed documents show them."""

import logging
from io import BytesIO

from PIL import Image, UnidentifiedImageError

from comptes.models import Organisation
from conventions.models import Convention
from socle.pdf import RESSOURCE

Ressources = dict[str, tuple[bytes, str]]
logger = logging.getLogger(__name__)


def load_logos(convention: Convention) -> tuple[Ressources, list[dict[str, str]]]:
    """Stored logos of the parties, as resources of the document; an empty place where there is none. Three stand in a row."""
    ressources: Ressources = {}
    logos = []
    parties = list(convention.parties.all())
    for rang, partie in enumerate(parties):
        place = "droite" if len(parties) == 2 and rang == 1 else "suivie" if len(parties) > 2 and rang % 3 < 2 else ""
        logo = {"nom": partie.denomination, "url": "", "place": place}
        if image := read_logo(partie.organisation):
            nom = f"logo-{partie.organisation.cle}"
            ressources[nom] = image
            logo["url"] = RESSOURCE + nom
        logos.append(logo)
    return ressources, logos


def read_logo(organisation: Organisation) -> tuple[bytes, str] | None:
    """Bytes and type of a logo; None when there is none, or when its file is lost or unreadable: the agreement comes out all the same."""
    if not organisation.logo:
        return None
    try:
        with organisation.logo.open("rb") as fichier:
            contenu = fichier.read()
        with Image.open(BytesIO(contenu)) as image:
            image.verify()
            return contenu, Image.MIME[str(image.format)]
    except (OSError, UnidentifiedImageError, SyntaxError, KeyError):
        logger.warning("logo illisible", extra={"organisation": organisation.cle})
        return None
