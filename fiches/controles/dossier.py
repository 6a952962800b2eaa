"""What the rules about fiches read, loaded once; and the names of their places."""

from collections.abc import Iterator
from datetime import date
from functools import cached_property

from django.urls import reverse

from conventions.controles.dossier import DossierConvention
from fiches.fiches import FicheAction
from socle.controles import Lieu
from socle.periodes import Lecture, Periode, read_periodes

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
    def corbeille(self) -> list[FicheAction]:
        return list(FicheAction.toutes.filter(convention=self.convention).discarded())

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
        ecrire = reverse("fiche_modifier", args=[self.convention.reference, fiche.slug])
        return Lieu(f"Fiche {fiche.code}, {nom}", valeur, detail, f"{fiche.get_absolute_url()}#{ancre}", f"{ecrire}#{ancre}")


def read_calendrier(fiche: FicheAction) -> Lecture:
    """The calendar of a sheet as periods; not understood when neither its words nor its fields name a year."""
    lecture = read_periodes(fiche.calendrier)
    if fiche.date_debut and fiche.date_fin:
        return Lecture((Periode(fiche.date_debut, fiche.date_fin, "dates de la fiche", jointe=True), *lecture.periodes))
    if lecture.is_comprise or not fiche.annees_calendrier:
        return lecture
    return Lecture(tuple(Periode(date(a, 1, 1), date(a, 12, 31), str(a)) for a in sorted(fiche.annees_calendrier)))
