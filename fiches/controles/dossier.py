"""What the rules about fiches read, loaded once; and the names of their places."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cached_property

from django.urls import reverse

from conventions.controles.dossier import DossierConvention
from fiches.fiches import FicheAction
from socle.controles import Lieu
from socle.periodes import Lecture, Periode, flatten, read_periodes, split_propositions

DEMARRAGE = re.compile(r"\b(?:demarr\w*|lancement|lance[er]?\b|commence\w*|debute\w*|mise en (?:place|oeuvre|œuvre))")
TEXTES = {
    "constat": "constat",
    "objectifs": "constat",
    "contenus": "contenus",
    "methode": "contenus",
    "cible": "cible",
    "cout_texte": "couts",
    "calendrier": "calendrier",
    "evaluation": "evaluation",
}


class DossierFiches(DossierConvention):
    """The convention and its sheets, with who leads them and what measures them."""

    @cached_property
    def fiches(self) -> list[FicheAction]:
        fiches = list(self.convention.fiches.with_maitres().prefetch_related("indicateurs__cibles"))
        for fiche in fiches:
            fiche.convention = self.convention
        return fiches

    @cached_property
    def adresses(self) -> dict[int, tuple[str, str]]:
        """Where each fiche is read and written, found once."""
        return {}

    @cached_property
    def corbeille(self) -> list[FicheAction]:
        return list(FicheAction.toutes.filter(convention=self.convention).discarded())

    @cached_property
    def parentes(self) -> list[FicheAction]:
        """Sheets of the cadre and of the convention renewed, which texts may cite."""
        famille = [pk for pk in (self.convention.parent_id, self.convention.renouvelle_id) if pk]
        return list(FicheAction.objects.filter(convention__in=famille))

    @cached_property
    def calendriers(self) -> dict[int, Lecture]:
        """What each calendar says of time, by fiche: its dates when it has both, else its words, else the years it cites."""
        return {fiche.pk: read_calendrier(fiche) for fiche in self.fiches}

    def textes_of(self, fiche: FicheAction) -> Iterator[tuple[str, Lieu]]:
        """Free texts of a sheet with their places."""
        for champ, ancre in TEXTES.items():
            if texte := getattr(fiche, champ):
                libelle = str(FicheAction._meta.get_field(champ).verbose_name)  # type: ignore[union-attr]
                yield texte, self.place_fiche(fiche, libelle, "", ancre)

    def place_fiche(self, fiche: FicheAction, nom: str, valeur: str, ancre: str, detail: str = "") -> Lieu:
        """A place of a sheet: read on its page, corrected in the editor."""
        if fiche.pk not in self.adresses:
            ecrire = reverse("fiche_modifier", args=[self.convention.reference, fiche.slug])
            self.adresses[fiche.pk] = fiche.get_absolute_url(), ecrire
        lire, ecrire = self.adresses[fiche.pk]
        return Lieu(f"Fiche {fiche.code}, {nom}", valeur, detail, f"{lire}#{ancre}", f"{ecrire}#{ancre}")


def read_calendrier(fiche: FicheAction) -> Lecture:
    """The calendar of a sheet as periods; not understood when neither its words nor its fields name a year."""
    lecture = open_demarrage(fiche.calendrier, read_periodes(fiche.calendrier))
    if fiche.date_debut and fiche.date_fin:
        return Lecture((Periode(fiche.date_debut, fiche.date_fin, "dates de la fiche", jointe=True), *lecture.periodes))
    if lecture.is_comprise or not (fiche.annees_calendrier or fiche.date_debut or fiche.date_fin):
        return lecture
    if not fiche.annees_calendrier:
        return Lecture((Periode(fiche.date_debut, fiche.date_fin, "dates de la fiche"),))
    return Lecture(tuple(Periode(date(a, 1, 1), date(a, 12, 31), str(a)) for a in sorted(fiche.annees_calendrier)))


def open_demarrage(texte: str, lecture: Lecture) -> Lecture:
    """« Démarrage en septembre 2018. », and nothing else: the action goes on afterwards, the text does not say until when."""
    if len(lecture.periodes) != 1 or lecture.periodes[0].jointe or lecture.periodes[0].debut is None:
        return lecture
    if not any(DEMARRAGE.search(flatten(p)) and read_periodes(p).periodes for p in split_propositions(texte)):
        return lecture
    return replace(lecture, periodes=(replace(lecture.periodes[0], fin=None),))
