"""Fields of the cost grid: `cout.<année>.<nature>.<libellé>` holds a cell, `ligne.<nature>.<libellé>` the name of its row."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from djmoney.money import Money

from fiches.saisie import Famille, SaisieRefusee, Valeurs, explain_errors
from financement.cellules import Cellule, CelluleIllisible, explain_cellule, format_cellule, parse_cellule
from financement.couts import LigneCout, NatureDepense

LIBELLE_MAX = 160


@dataclass(frozen=True)
class CleCellule:
    """Year, nature and libellé of a cell."""

    annee: int
    nature: int
    libelle: str

    @property
    def champ(self) -> str:
        return f"cout.{self.annee}.{self.nature}.{self.libelle}"


def read_cle(champ: str) -> CleCellule:
    """The place named by a key. Raises SaisieRefusee when it is no place."""
    morceaux = champ.split(".", 3)
    if len(morceaux) != 4 or not morceaux[1].isdecimal() or not morceaux[2].isdecimal() or len(morceaux[2]) > 18:
        raise SaisieRefusee("Cette cellule n’existe pas dans la grille.")
    if not 1990 <= int(morceaux[1][:6]) <= 2100:
        raise SaisieRefusee(f"« {morceaux[1][:6]} » n’est pas une année. Écrivez une année entre 1990 et 2100.")
    return CleCellule(int(morceaux[1]), int(morceaux[2]), morceaux[3])


def clean_libelle(texte: str) -> str:
    """A libellé on one line, its spaces put in order. Raises SaisieRefusee."""
    libelle = " ".join(texte.replace("\x00", "").split())
    if len(libelle) > LIBELLE_MAX:
        raise SaisieRefusee(f"Ce libellé compte {len(libelle)} caractères, {LIBELLE_MAX} au plus.")
    return libelle


class Natures:
    """Natures of expense by key, read once."""

    def __init__(self) -> None:
        self._par_pk: dict[int, NatureDepense] | None = None

    def get(self, pk: int) -> NatureDepense | None:
        if self._par_pk is None:
            self._par_pk = {n.pk: n for n in NatureDepense.objects.all()}
        return self._par_pk.get(pk)

    def all(self) -> list[NatureDepense]:
        self.get(0)
        return list((self._par_pk or {}).values())


def describe_ligne(nature: NatureDepense | None, libelle: str) -> str:
    """« Études : Observatoire »."""
    nom = nature.nom if nature else "Nature supprimée"
    return f"{nom} : {libelle}" if libelle else nom


class Couts(Famille):
    """Cells of the grid."""

    prefixes = ("cout",)

    def __init__(self, fiche: Any, natures: Natures | None = None) -> None:
        super().__init__(fiche)
        self.natures = natures or Natures()
        self._libelles: set[tuple[int, str]] | None = None

    @property
    def tarif(self) -> Any:
        """Daily rate of the convention, in euros; None when it has none."""
        tarif = self.fiche.convention.tarif_journalier
        return tarif.amount if tarif is not None else None

    def rows(self) -> Iterable[Any]:
        return LigneCout.objects.filter(fiche=self.fiche)

    def versions(self) -> Iterable[Any]:
        return LigneCout.history.filter(fiche_id=self.fiche.pk).select_related("history_user").order_by("history_date", "history_id")

    def to_champs(self, row: Any) -> Valeurs:
        cle = CleCellule(row.annee, row.nature_id, row.libelle)
        return {cle.champ: format_cellule(to_cellule(row), self.tarif, self.is_en_jours(row.nature_id))}

    def is_en_jours(self, nature: int) -> bool:
        trouvee = self.natures.get(nature)
        return bool(trouvee and trouvee.toujours_en_jours)

    def canonize(self, champ: str) -> str:
        """A row typed with stray spaces is the row it looks like, even one stored with such spaces by an import."""
        cle = read_cle(champ)
        if self._libelles is None:
            self._libelles = {(li.nature_id, li.libelle) for li in self.rows()}
        if (cle.nature, cle.libelle) in self._libelles:
            return cle.champ
        propre = clean_libelle(cle.libelle)
        jumelles = [libelle for nature, libelle in self._libelles if nature == cle.nature and clean_libelle(libelle) == propre]
        return CleCellule(cle.annee, cle.nature, jumelles[0] if jumelles else propre).champ

    def parse(self, champ: str, texte: str) -> Cellule | None:
        """The cost typed in a cell. Raises SaisieRefusee."""
        cle = read_cle(champ)
        if self.natures.get(cle.nature) is None:
            raise SaisieRefusee("Cette nature de dépense n’existe plus. Choisissez-en une autre.")
        try:
            return parse_cellule(texte, self.tarif, self.is_en_jours(cle.nature))
        except CelluleIllisible as erreur:
            raise SaisieRefusee(str(erreur), erreur.choix) from erreur

    def prepare(self, champ: str, texte: str) -> tuple[str, str]:
        cellule = self.parse(champ, texte)
        return format_cellule(cellule, self.tarif, self.is_en_jours(read_cle(champ).nature)), explain_cellule(cellule)

    def write(self, valeurs: Valeurs) -> dict[str, str]:
        refus: dict[str, str] = {}
        lignes = {(li.annee, li.nature_id, li.libelle): li for li in self.rows()}
        ordres = {(li.nature_id, li.libelle): li.ordre for li in lignes.values()}
        for champ, valeur in valeurs.items():
            cle, cellule = read_cle(champ), self.parse(champ, valeur)
            ligne = lignes.get((cle.annee, cle.nature, cle.libelle))
            if cellule is None:
                if ligne:
                    self.delete_row(ligne)
                continue
            if ligne is None:
                ordre = ordres.setdefault((cle.nature, cle.libelle), max([0, *ordres.values()]) + 10)
                ligne = LigneCout(fiche=self.fiche, nature_id=cle.nature, libelle=cle.libelle, annee=cle.annee, ordre=ordre)
            fill_ligne(ligne, cellule)
            try:
                ligne.full_clean(validate_unique=False, exclude=["fiche", "nature"], validate_constraints=False)
                self.save_row(ligne)
            except ValidationError as erreur:
                refus[champ] = explain_errors(erreur)
        return refus

    def describe(self, champ: str) -> str:
        cle = read_cle(champ)
        return f"{describe_ligne(self.natures.get(cle.nature), cle.libelle)}, {cle.annee}"


class Lignes(Famille):
    """Names of the rows: changing one renames all its cells at once."""

    prefixes = ("ligne",)

    def __init__(self, fiche: Any, natures: Natures | None = None) -> None:
        super().__init__(fiche)
        self.natures = natures or Natures()

    def rows(self) -> Iterable[Any]:
        return LigneCout.objects.filter(fiche=self.fiche)

    def versions(self) -> Iterable[Any]:
        return []  # the cells tell it: their key holds the libellé

    def to_champs(self, row: Any) -> Valeurs:
        return {f"ligne.{row.nature_id}.{row.libelle}": row.libelle} if row.libelle else {}

    def prepare(self, champ: str, texte: str) -> tuple[str, str]:
        nature, ancien = self.read_ligne(champ)
        libelle = clean_libelle(texte)
        lignes = list(self.rows())
        if not any((li.nature_id, li.libelle) == (nature, ancien) for li in lignes):
            raise SaisieRefusee("Cette ligne vient d’être retirée ou renommée. Rechargez la page pour voir la grille.")
        if any((li.nature_id, li.libelle) == (nature, libelle) for li in lignes):
            raise SaisieRefusee(self._explain_double(nature, libelle))
        return libelle, ""

    def canonize(self, champ: str) -> str:
        nature, ancien = self.read_ligne(champ)
        return f"ligne.{nature}.{ancien}"

    def write(self, valeurs: Valeurs) -> dict[str, str]:
        refus: dict[str, str] = {}
        for champ, libelle in valeurs.items():
            nature, ancien = self.read_ligne(champ)
            if LigneCout.objects.filter(fiche=self.fiche, nature=nature, libelle=libelle).exists():
                refus[champ] = self._explain_double(nature, libelle)  # made by this very saving
                continue
            for ligne in LigneCout.objects.filter(fiche=self.fiche, nature=nature, libelle=ancien):
                ligne.libelle = libelle
                self.save_row(ligne)
        return refus

    def _explain_double(self, nature: int, libelle: str) -> str:
        return f"La grille a déjà une ligne « {describe_ligne(self.natures.get(nature), libelle)} »."

    def read_ligne(self, champ: str) -> tuple[int, str]:
        """Nature and present libellé of the row. Raises SaisieRefusee."""
        morceaux = champ.split(".", 2)
        if len(morceaux) != 3 or not morceaux[1].isdecimal() or len(morceaux[1]) > 18:
            raise SaisieRefusee("Cette ligne n’existe pas dans la grille.")
        return int(morceaux[1]), morceaux[2]

    def describe(self, champ: str) -> str:
        nature, libelle = self.read_ligne(champ)
        return f"Libellé de {describe_ligne(self.natures.get(nature), libelle)}"


def to_cellule(row: Any) -> Cellule:
    """The cell of a cost line, or of one of its versions."""
    montant = row.montant.amount if row.montant is not None else None
    tarif = row.tarif_journalier.amount if row.tarif_journalier is not None and row.jours is not None else None
    return Cellule(row.chiffrage, montant, row.jours, tarif, row.mention)


def fill_ligne(ligne: LigneCout, cellule: Cellule) -> LigneCout:
    """Put a cell in a cost line."""
    ligne.chiffrage, ligne.jours, ligne.mention = cellule.chiffrage, cellule.jours, cellule.mention
    ligne.montant = Money(cellule.montant, "EUR") if cellule.montant is not None else None
    ligne.tarif_journalier = Money(cellule.tarif, "EUR") if cellule.tarif is not None else None
    return ligne
