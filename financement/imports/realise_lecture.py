"""Rows of realised amounts: read as costs are, then kept to the year of the bilan, without rate nor words."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from financement.imports.formes import LecteurFeuille
from financement.imports.lignes import Depense, Lecture, Refus
from financement.imports.reconnaissance import Proposition
from financement.imports.referentiel_bilan import ReferentielBilan
from financement.imports.valeurs import ValeurRefusee
from socle.lecture_classeur import Feuille
from socle.typographie import list_fr

SANS_TARIF = Decimal(-1)  # no file writes it: what it values is days alone, worth the rate of their line
EN_MOTS = "Un réalisé est un montant : écrivez 0 si rien n’a été dépensé."
SANS_NATURE = "La nature de dépense manque."
PLACES_CITEES = 8


class LecteurRealise(LecteurFeuille):
    """Reads one sheet of realised amounts into a `Lecture`."""

    ref: ReferentielBilan

    def __init__(self, feuille: Feuille, proposition: Proposition, ref: ReferentielBilan, lecture: Lecture) -> None:
        self.annee = ref.bilan.annee
        autres = {colonne: an for colonne, an in proposition.list_annees() if an != self.annee}
        self.autres_annees = sorted(autres.values())
        gardees = {c: contenu for c, contenu in proposition.colonnes.items() if c not in autres}
        super().__init__(feuille, replace(proposition, colonnes=gardees, annee=self.annee), ref, lecture)
        self.tarif = SANS_TARIF
        self.lue: int | None = None  # the fiche of the row being read
        self.mentions: list[str] = []  # places of words that a realised amount does not keep

    def run(self) -> None:
        """Read the rows, then settle what each says of the year."""
        debut = len(self.lecture.depenses)
        super().run()
        lues = self.lecture.depenses[debut:]
        self.lecture.depenses[debut:] = [juste for d in lues if (juste := self._settle(d)) is not None]
        remarques = []
        if self.autres_annees:
            annees = list_fr([str(a) for a in self.autres_annees])
            mots = "la colonne {} n’est pas lue" if len(self.autres_annees) == 1 else "les colonnes {} ne sont pas lues"
            remarques.append(f"{mots.format(annees)}, le bilan est celui de {self.annee}")
        if self.mentions:
            reste = len(self.mentions) - PLACES_CITEES
            places = ", ".join(self.mentions[:PLACES_CITEES]) + (f" et {reste} autres" if reste > 0 else "")
            remarques.append(f"les mots écrits à côté d’un montant ne sont pas gardés ({places})")
        self.lecture.remarques += [f"Feuille « {self.feuille.nom} » : {remarque}." for remarque in remarques]

    def _settle(self, depense: Depense) -> Depense | None:
        """An expense as it will be compared; None once refused."""
        cellule = depense.cellule
        if depense.annee != self.annee:
            raison = f"Cette ligne est de {depense.annee}, le bilan est celui de {self.annee}."
            self.refuse(depense.rang, self.colonnes["annee"], raison, depense.fiche)
            return None
        if cellule.chiffrage != "chiffre":
            self.lecture.refus.append(Refus(depense.feuille, depense.place, "", EN_MOTS, depense.fiche))
            return None
        if cellule.mention:
            self.mentions.append(depense.place)
        montant, tarif = cellule.montant, cellule.tarif if cellule.tarif != SANS_TARIF else None
        place, jours = depense.place, self.colonnes["jours"]
        if jours is not None and not self._has_montant(depense.rang):  # days alone: the bilan counts what they are worth
            montant, place = None, self.feuille.locate(depense.rang, jours)
        elif montant is not None and cellule.jours is not None and (montant < 0 or cellule.tarif == SANS_TARIF):
            montant = None
        return replace(depense, place=place, cellule=replace(cellule, montant=montant, tarif=tarif, mention=""))

    def _has_montant(self, rang: int) -> bool:
        """Tell whether the amount of a row is written; its cells were already read without a refusal."""
        return self.proposition.forme != "long" or self.lecteur.get(rang, self.colonnes["montant"]) is not None

    # --- What a row names: beside what is unknown, the lines of its fiche ------------------------------
    def _check_fiche(self, rang: int, colonne: int | None, pk: int | None) -> int | None:
        self.lue = super()._check_fiche(rang, colonne, pk)
        return self.lue

    def _read_fiche(self, rang: int) -> int | None:
        self.lue = None
        return super()._read_fiche(rang)

    def _read_nature(self, rang: int, facultative: bool = False) -> int | None:
        try:
            return super()._read_nature(rang, facultative)
        except ValeurRefusee as erreur:
            raise ValeurRefusee(self._add_lignes(rang, str(erreur))) from erreur

    def _add_depense(self, rang: int, fiche: int, lus: dict[str, Any]) -> None:
        if lus["nature"] is None:
            self.refuse(rang, self.colonnes["nature"], self._add_lignes(rang, SANS_NATURE), fiche)
            return
        super()._add_depense(rang, fiche, lus)

    def _add_lignes(self, rang: int, raison: str) -> str:
        """A refusal followed by the lines that the row may have meant."""
        if self.lue is None:
            return raison
        mots = [self._get_mots(rang, champ) for champ in ("nature", "libelle")]
        return f"{raison} {self.ref.explain_lignes(self.lue, ' '.join(filter(None, mots)))}"
