"""Conventions and fiches found by words, by reference or by code."""

from typing import Any

from django.db.models import Q

from comptes.models import Organisation
from conventions.models import Convention
from fiches.models import FicheAction
from fiches.recherche import CANDIDATES, TEXTES_FICHE, VECTEUR, find_by_code
from socle.recherche import Contient, Rang, list_mots, match

TEXTES_CONVENTION = ("titre", "objet")


def filter_by_mots(conventions: Any, mots: str) -> Any:
    """Conventions where each word is in the reference, in the titre or the objet, or in the name of a party."""
    saisis = mots.split()[:8]
    organisations = list(Organisation.objects.order_by().values_list("pk", "nom", "sigle"))
    for rang, mot in enumerate(saisis):
        if not list_mots(mot):
            # « de » says nothing and refuses nothing beside other words; « % » is looked for as it is.
            conventions = conventions if len(saisis) > 1 else conventions.filter(titre__icontains=mot)
            continue
        # All but the last are whole words.
        requete = mot if rang == len(saisis) - 1 else f"{mot} {mot}"
        trouvees = [pk for pk, nom, sigle in organisations if match(f"{nom} {sigle}", requete)]
        textes = Convention.objects.filter(Contient(requete, *TEXTES_CONVENTION)).order_by()
        parties = Convention.objects.filter(parties__organisation__in=trouvees).order_by()
        conventions = conventions.filter(Q(reference__icontains=mot) | Q(pk__in=textes.values("pk")) | Q(pk__in=parties.values("pk")))
    return conventions


def list_cherchees(user: Any) -> Any:
    """Fiches to look in: those of the agreements, and those of avenants still being written; other copies would come twice."""
    avenants = Convention.objects.filter(avenant_de__isnull=False, etat__in=Convention.ETATS_FIGES).order_by()
    return FicheAction.objects.visible_to(user).exclude(convention__in=avenants.values("pk"))


def find_fiches(fiches: Any, mots: str, nombre: int) -> list[FicheAction]:
    """The first fiches of this code, however it is written (« ea 1.1 » finds E.A 1.1), else by words, those whose title answers first."""
    trouvees = find_by_code(fiches, mots)
    ordre: list[Any] = ["convention", "ordre", "pk"]
    if not trouvees:
        par_mots = fiches.filter(Contient(mots, *TEXTES_FICHE, vecteur=VECTEUR)).order_by()
        trouvees = list(par_mots.values_list("pk", flat=True)[:CANDIDATES])
        # On SQLite, first those whose title answers; PostgreSQL weighs titles more.
        titres = Rang(mots, "titre", "code", "objet", vecteur=VECTEUR)
        ordre.insert(0, titres.desc())
    return list(FicheAction.objects.filter(pk__in=trouvees).select_related("convention").order_by(*ordre)[:nombre])
