"""The page where a fiche is written: every field with its value, the value to compare with, and what became of its last saving."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from zlib import crc32

from django.utils.safestring import SafeString

from comptes.models import Organisation, Utilisateur
from fiches.champs import CHAMPS, PAR_NOM, ChampFiche, list_pilotes_possibles
from fiches.commentaires import Fil
from fiches.models import FicheAction, Indicateur
from fiches.saisie import Resultat, Valeurs
from financement.cofinancements import NON_REPARTI
from financement.couts import NatureDepense
from financement.edition import ContenuFiche, Figures, compute_figures
from financement.saisie_couts import LIBELLE_MAX, CleCellule, describe_ligne, read_cle
from financement.saisie_parts import ClePart, read_cle_part
from socle.differences import render_difference

COURT = 40  # characters that an eye compares without help


@dataclass(frozen=True)
class ChampEdition:
    """One field of the form. `avant` is what the server holds, `valeur` what is shown: the same, or what was refused."""

    champ: str
    libelle: str
    valeur: str
    avant: str
    aide: str = ""
    genre: str = "ligne"
    lignes: int = 1
    resultat: Resultat | None = None

    @property
    def id(self) -> str:
        """Identifier in the page: a libellé may hold anything."""
        return f"c-{crc32(self.champ.encode()):x}"

    @property
    def refuse(self) -> Resultat | None:
        """The last saving, when it did not go through."""
        return self.resultat if self.resultat and self.resultat.statut in {"refus", "question", "conflit"} else None

    @property
    def difference(self) -> SafeString:
        """Mine against theirs, for a conflict."""
        return render_difference(self.avant, self.valeur)

    @property
    def has_difference(self) -> bool:
        """Tell whether the two versions are long enough for their differences to need marking."""
        return bool(self.avant and self.valeur) and max(len(self.avant), len(self.valeur)) > COURT

    @property
    def is_long(self) -> bool:
        return self.genre == "texte"


@dataclass(frozen=True)
class LigneEdition:
    """A row of the cost grid."""

    cle: str
    titre: str
    nature: NatureDepense
    libelle: ChampEdition
    cellules: list[ChampEdition]


@dataclass(frozen=True)
class PartEdition:
    """A row of the co-financing."""

    cle: str
    nom: str
    portee: str
    rang_couleur: int
    taux: ChampEdition
    montant: ChampEdition
    mention: ChampEdition


@dataclass(frozen=True)
class IndicateurEdition:
    """A row of the indicators."""

    cle: str
    libelle: ChampEdition
    unite: ChampEdition
    cibles: list[ChampEdition]


@dataclass(frozen=True)
class Case:
    """A box to tick: somebody or an organisation."""

    champ: ChampEdition
    nom: str
    detail: str

    @property
    def is_cochee(self) -> bool:
        return bool(self.champ.valeur)


@dataclass
class Editeur:
    """Everything the page of one fiche shows. `saisies` are typed values not (all) written yet, `resultats` what became of them."""

    fiche: FicheAction
    contenu: ContenuFiche
    valeurs: Valeurs
    saisies: Mapping[str, str] = field(default_factory=dict)
    resultats: Mapping[str, Resultat] = field(default_factory=dict)
    annees_ajoutees: Sequence[int] = ()
    neuf: Mapping[str, str] = field(default_factory=dict)  # what was typed in the rows to add, when they could not be

    @property
    def cle_neuve(self) -> str:
        """A key that no indicator of the page has, for the row to add."""
        prises = {champ.split(".")[1] for champ in self.saisies if champ.startswith("indicateur.")}
        return next(cle for cle in (f"n{rang}" for rang in range(1, len(prises) + 2)) if cle not in prises)

    def field(self, champ: str, libelle: str, **options: Any) -> ChampEdition:
        """One field by its key."""
        avant = self.valeurs.get(champ, "")
        return ChampEdition(champ, libelle, self.saisies.get(champ, avant), avant, resultat=self.resultats.get(champ), **options)

    @cached_property
    def champs(self) -> dict[str, ChampEdition]:
        """Fields of the sheet by name."""
        return {c.nom: self._sheet_field(c) for c in CHAMPS}

    def _sheet_field(self, c: ChampFiche) -> ChampEdition:
        return self.field(c.nom, c.libelle, aide=c.aide, genre=c.genre, lignes=c.lignes)

    @cached_property
    def annees(self) -> list[int]:
        """Columns: years of the convention, those with a cost or a target, those just asked for."""
        ecrites = {int(c.split(".")[1]) for c in self.valeurs if c.startswith("cout.")}
        ecrites |= {int(c.split(".")[2]) for c in self.valeurs if c.startswith("indicateur.") and c.split(".")[2].isdecimal()}
        return sorted({*self.fiche.convention.annees, *ecrites, *self.annees_ajoutees})

    @cached_property
    def figures(self) -> Figures:
        return compute_figures(self.fiche, {**self.valeurs, **self.saisies}, self.contenu.natures)

    @cached_property
    def natures(self) -> list[NatureDepense]:
        return self.contenu.natures.all()

    @cached_property
    def lignes(self) -> list[LigneEdition]:
        """Rows of the grid, in the order of the sheet."""
        vues: dict[tuple[int, str], None] = {}
        for champ in [*self.valeurs, *self.saisies]:
            if champ.startswith("cout."):
                cle = read_cle(champ)
                if self.contenu.natures.get(cle.nature):
                    vues[cle.nature, cle.libelle] = None
        return [self.build_ligne(nature, libelle) for nature, libelle in vues]

    def build_ligne(self, nature: int, libelle: str) -> LigneEdition:
        """One row of the grid, whether costs stand in it or not."""
        objet = self.contenu.natures.get(nature)
        if objet is None:
            raise KeyError(nature)
        titre = describe_ligne(objet, libelle)
        cellules = [self.field(CleCellule(a, nature, libelle).champ, f"{titre}, {a}") for a in self.annees]
        champ = f"ligne.{nature}.{libelle}"
        nom = ChampEdition(champ, f"Libellé de {titre}", self.saisies.get(champ, libelle), libelle, resultat=self.resultats.get(champ))
        return LigneEdition(f"{nature}.{libelle}", titre, objet, nom, cellules)

    @cached_property
    def parts(self) -> list[PartEdition]:
        """Rows of the co-financing, in the order of the sheet."""
        cles: dict[ClePart, None] = {}
        for champ in [*self.valeurs, *self.saisies]:
            if champ.startswith("part."):
                cles[read_cle_part(champ)[0]] = None
        return [self.build_part(cle) for cle in cles]

    def build_part(self, cle: ClePart) -> PartEdition:
        """One row of the co-financing."""
        nom = self.noms.get(cle.financeur, "Organisation supprimée")
        nature = self.contenu.natures.get(cle.nature) if cle.nature else None
        portee = ", ".join(filter(None, [nature.nom if nature else "", str(cle.annee or "")]))
        qui = f"{nom}, {portee}" if portee else nom
        rangs = list(self.noms)
        return PartEdition(
            cle.champ,
            nom,
            portee,
            min(rangs.index(cle.financeur) + 1, 5) if cle.financeur in rangs and cle.financeur else 6,
            self.field(f"{cle.champ}.taux", f"Taux de {qui}, en %"),
            self.field(f"{cle.champ}.montant", f"Montant de {qui}, en euros"),
            self.field(f"{cle.champ}.mention", f"Mention pour {qui}"),
        )

    @cached_property
    def noms(self) -> dict[int | None, str]:
        """Names of the possible financeurs: parties under their name in the convention, then the others, then nobody."""
        noms: dict[int | None, str] = {p.organisation_id: p.denomination for p in self.fiche.convention.parties.all()}
        for organisation in Organisation.objects.all():
            noms.setdefault(organisation.pk, organisation.nom)
        noms[None] = NON_REPARTI
        return noms

    @cached_property
    def parties(self) -> list[tuple[int, str]]:
        return [(p.organisation_id, p.denomination) for p in self.fiche.convention.parties.all()]

    @cached_property
    def autres(self) -> list[tuple[int, str]]:
        """Organisations beyond the parties."""
        parties = {pk for pk, _ in self.parties}
        return [(pk, nom) for pk, nom in self.noms.items() if pk is not None and pk not in parties]

    @cached_property
    def indicateurs(self) -> list[IndicateurEdition]:
        """Rows of the indicators, and those just typed."""
        cles: dict[str, None] = {str(pk): None for pk in Indicateur.objects.filter(fiche=self.fiche).values_list("pk", flat=True)}
        cles |= {champ.split(".")[1]: None for champ in self.saisies if champ.startswith("indicateur.")}
        return [self.build_indicateur(cle) for cle in cles]

    def build_indicateur(self, cle: str) -> IndicateurEdition:
        """One row of the indicators."""
        nom = self.valeurs.get(f"indicateur.{cle}.libelle", "") or "nouvel indicateur"
        return IndicateurEdition(
            cle,
            self.field(f"indicateur.{cle}.libelle", "Nom de l’indicateur"),
            self.field(f"indicateur.{cle}.unite", f"Unité de {nom}"),
            [self.field(f"indicateur.{cle}.{a}", f"Cible de {nom} en {a}") for a in self.annees],
        )

    @cached_property
    def maitres(self) -> list[Case]:
        """Organisations that may lead the action."""
        pks = {pk for pk, _ in self.parties} | {int(c.split(".")[1]) for c in self.valeurs if c.startswith("maitre.")}
        return [Case(self.field(f"maitre.{pk}", self.noms[pk]), self.noms[pk], "") for pk in self.noms if pk in pks]

    @cached_property
    def personnes(self) -> list[Utilisateur]:
        return list_pilotes_possibles(self.fiche)

    @cached_property
    def pilotes(self) -> list[Case]:
        """Pilots, those just unticked included."""
        return [
            Case(self.field(f"pilote.{p.pk}", str(p)), str(p), p.organisation.sigle if p.organisation else "")
            for p in self.personnes
            if f"pilote.{p.pk}" in self.valeurs or f"pilote.{p.pk}" in self.saisies
        ]

    @cached_property
    def candidats(self) -> list[Utilisateur]:
        """People who could pilot the fiche and do not."""
        return [p for p in self.personnes if f"pilote.{p.pk}" not in self.valeurs]

    @property
    def libelle_max(self) -> int:
        return LIBELLE_MAX

    @property
    def refus(self) -> list[tuple[str, Resultat]]:
        """What was not written, each with its words."""
        mauvais = [(champ, r) for champ, r in self.resultats.items() if r.statut in {"refus", "question", "conflit"}]
        return [(self.describe(champ), r) for champ, r in mauvais]

    def describe(self, champ: str) -> str:
        if champ in PAR_NOM:
            return PAR_NOM[champ].libelle
        return self.contenu.describe(champ)


def mark_cellules(fils: Mapping[str, list[Fil]]) -> set[str]:
    """Keys of the cells that carry an open comment."""
    return {fil.tete.champ for liste in fils.values() for fil in liste if fil.tete.champ and fil.tete.regle_le is None}
