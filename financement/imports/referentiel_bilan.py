"""What the bilan of a year knows that a file may name: its fiches and their lines, as it was opened and kept to the plan."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

from fiches.fiches import normalize_code
from financement.bilans.modeles import Bilan, FicheBilan, LigneBilan
from financement.cellules import VIDES
from financement.imports.champs import normalize
from financement.imports.referentiel import Referentiel
from socle.typographie import list_fr

LIGNES_CITEES = 3


@dataclass(frozen=True)
class FicheLue:
    """A fiche of the bilan, under the names that imports read. It has no page of its own in the budget: no slug."""

    pk: int
    code: str
    titre: str
    slug: str = ""

    @property
    def nom_court(self) -> str:
        return self.titre


class ReferentielBilan(Referentiel):
    """Names of one bilan, read once. Keys of fiches are those of the bilan."""

    def __init__(self, bilan: Bilan) -> None:
        self.bilan = bilan
        super().__init__(bilan.convention)

    def list_fiches(self) -> list[FicheLue]:
        """The fiches of the bilan; two that share a code are not named by it."""
        fiches = [FicheLue(f.pk, f.code, f.titre) for f in FicheBilan.objects.filter(bilan=self.bilan).order_by("ordre", "pk")]
        nombres = Counter(normalize_code(f.code) for f in fiches)
        self.doubles = {code for code, nombre in nombres.items() if nombre > 1}
        return [f for f in fiches if normalize_code(f.code) not in self.doubles]

    @cached_property
    def libelles_muets(self) -> set[str]:
        """Libellés of the bilan that elsewhere mean nothing: « - », « / »."""
        return {ligne.libelle for lignes in self.lignes.values() for ligne in lignes if ligne.libelle in VIDES - {""}}

    @cached_property
    def lignes(self) -> dict[int, list[LigneBilan]]:
        """Lines of each fiche, in their order."""
        par_fiche: dict[int, list[LigneBilan]] = defaultdict(list)
        for ligne in LigneBilan.objects.filter(fiche__bilan=self.bilan).order_by("ordre", "pk"):
            ligne.nature = self.natures[ligne.nature_id]
            par_fiche[ligne.fiche_id].append(ligne)
        return par_fiche

    def explain_fiche(self, texte: str) -> str:
        """Why no fiche of the bilan answers to a code, and the nearest ones."""
        if normalize_code(texte) in self.doubles:
            return f"Plusieurs fiches du bilan {self.bilan.annee} portent le code « {texte[:40]} » : saisissez-les dans leur page."
        proches = get_close_matches(normalize_code(texte), self.fiches, n=2, cutoff=0.6)
        codes = [self.fiches[p].code for p in proches]
        suite = f"Les plus proches : {list_fr(codes)}." if codes else "Corrigez le code."
        return f"Aucune fiche du bilan {self.bilan.annee} ne porte le code « {texte[:40]} ». {suite}"

    def find_proches(self, fiche: int, texte: str, cutoff: float = 0.0) -> list[str]:
        """Lines of a fiche, the nearest to some words first."""
        intitules = {normalize(ligne.intitule): ligne.intitule for ligne in self.lignes.get(fiche, [])}
        proches = get_close_matches(normalize(texte), intitules, n=LIGNES_CITEES, cutoff=cutoff)
        return [intitules[p] for p in proches]

    def explain_lignes(self, fiche: int, texte: str) -> str:
        """The lines that a row may have meant."""
        code = self.par_pk[fiche].code
        proches = self.find_proches(fiche, texte)
        if not proches:
            return f"{code} n’a aucune ligne dans le bilan."
        debut = "Ligne du bilan" if len(proches) == 1 else "Lignes du bilan les plus proches"
        return f"{debut} pour {code} : {list_fr([f'« {p} »' for p in proches])}."
