"""Writing a bilan field by field, with the engine of the fiches: `montant.12` is the amount done of line 12.

| key | what it is |
|---|---|
| `jours.`, `montant.` | days and euros done of a line |
| `part.` | euros paid by a financeur |
| `atteint.`, `explication.` | value of an indicator, why its target was missed |
| `etat.`, `fait.`, `difficultes.`, `proposition.` | state and story of an action |
| `recit.`, `perspectives.` | the year in short, what changes next year (of the bilan itself) |
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from djmoney.money import Money

from fiches.saisie import Contenu, Famille, SaisieRefusee, Valeurs, explain_errors
from financement.bilans.calculs import Typees
from financement.bilans.droits import check_saisie
from financement.bilans.modeles import Bilan, FicheBilan, LigneBilan, MesureBilan, PartBilan
from financement.bilans.ouverture import lock_bilan
from financement.cellules import JOURS_MAX, MONTANT_MAX, VIDES
from socle.nombres import NombreIllisible, parse_jours, parse_montant, parse_nombre, read_cle
from socle.texte import keep_writable
from socle.typographie import format_montant, format_nombre

TEXTE_MAX = 20_000


@dataclass(frozen=True)
class Colonne:
    """A column that people fill: its key, its table, its name in words, how it is read."""

    prefixe: str
    modele: type[models.Model]
    champ: str
    libelle: str
    sorte: str  # jours, euros, nombre, texte, etat


COLONNES = (
    Colonne("jours", LigneBilan, "jours", "jours réalisés", "jours"),
    Colonne("montant", LigneBilan, "montant", "réalisé", "euros"),
    Colonne("part", PartBilan, "montant", "payé", "euros"),
    Colonne("atteint", MesureBilan, "valeur", "atteint", "nombre"),
    Colonne("explication", MesureBilan, "explication", "explication", "texte"),
    Colonne("etat", FicheBilan, "etat", "état", "etat"),
    Colonne("fait", FicheBilan, "fait", "ce qui a été fait", "texte"),
    Colonne("difficultes", FicheBilan, "difficultes", "difficultés", "texte"),
    Colonne("proposition", FicheBilan, "proposition", "proposition", "texte"),
    Colonne("recit", Bilan, "recit", "l’année en bref", "texte"),
    Colonne("perspectives", Bilan, "perspectives", "ce qui change", "texte"),
)


class ColonneBilan(Famille):
    """One column over all the rows of a bilan, or of one of its actions."""

    def __init__(self, bilan: Bilan, colonne: Colonne, fiche: FicheBilan | None = None) -> None:
        self.bilan, self.colonne, self.seule = bilan, colonne, fiche
        self.user: Any = None

    @property
    def libre(self) -> bool:  # type: ignore[override]
        """Free texts keep their spaces."""
        return self.colonne.sorte == "texte"

    def owns(self, champ: str) -> bool:
        return champ.partition(".")[0] == self.colonne.prefixe

    def rows(self) -> Iterable[Any]:
        modele = self.colonne.modele
        if modele is Bilan:
            return Bilan.objects.filter(pk=self.bilan.pk)
        if modele is FicheBilan:
            fiches = FicheBilan.objects.filter(bilan=self.bilan)
            return fiches.filter(pk=self.seule.pk) if self.seule else fiches
        rows = modele._default_manager.filter(fiche__bilan=self.bilan).select_related("fiche")
        return rows.filter(fiche=self.seule) if self.seule else rows

    def versions(self) -> Iterable[Any]:
        historique = self.colonne.modele.history  # type: ignore[attr-defined]
        pks = [row.pk for row in self.rows()]
        return historique.filter(id__in=pks).select_related("history_user").order_by("history_date", "history_id")

    def to_champs(self, row: Any) -> Valeurs:
        texte = self._write(getattr(row, self.colonne.champ))
        return {f"{self.colonne.prefixe}.{row.id}": texte} if texte else {}

    def _write(self, valeur: Any) -> str:
        if valeur is None:
            return ""
        if self.colonne.sorte == "euros":
            return format_montant(valeur)
        return format_nombre(valeur) if self.colonne.sorte in {"jours", "nombre"} else str(valeur)

    def canonize(self, champ: str) -> str:
        cle = read_cle(champ.partition(".")[2])
        if cle is None:
            raise SaisieRefusee("Ce champ n’existe pas dans le bilan.")
        return f"{self.colonne.prefixe}.{cle}"

    def prepare(self, champ: str, texte: str) -> tuple[str, str]:
        sorte = self.colonne.sorte
        if sorte == "texte":
            texte = keep_writable(texte).replace("\r\n", "\n").strip()
            if len(texte) > TEXTE_MAX:
                raise SaisieRefusee(f"{len(texte)} caractères, {TEXTE_MAX} au plus.")
            return texte, ""
        texte = self.normalize(texte)
        if sorte == "etat":
            if texte and texte not in FicheBilan.Etat.values:
                raise SaisieRefusee("Choisissez un état de la liste.")
            return texte, ""
        if texte in VIDES:
            return "", ""
        try:
            lire = {"jours": parse_jours, "euros": parse_montant, "nombre": parse_nombre}[sorte]
            valeur: Decimal = lire(texte)  # type: ignore[operator]
        except NombreIllisible as erreur:
            raise SaisieRefusee(str(erreur)) from erreur
        if valeur < 0:
            raise SaisieRefusee("Écrivez un nombre positif : ce qui a été fait ne se retire pas.")
        if valeur > (JOURS_MAX if sorte == "jours" else MONTANT_MAX if sorte == "euros" else Decimal(10) ** 11):
            raise SaisieRefusee("Ce nombre est trop grand.")
        return (format_montant(valeur) if sorte == "euros" else format_nombre(valeur)), ""

    def write(self, valeurs: Valeurs) -> dict[str, str]:
        refus: dict[str, str] = {}
        rows = {row.pk: row for row in self.rows()}
        for champ, texte in valeurs.items():
            row = rows.get(int(champ.partition(".")[2]))
            if row is None:
                refus[champ] = "Cette ligne n’est plus dans le bilan : rechargez la page."
                continue
            setattr(row, self.colonne.champ, self.read_value(texte))
            try:
                row.clean_fields(exclude=[f.name for f in row._meta.fields if f.name != self.colonne.champ])
            except ValidationError as erreur:
                refus[champ] = explain_errors(erreur)
                continue
            row._history_user = self.user
            row.save(update_fields=[self.colonne.champ, *([f"{self.colonne.champ}_currency"] if self.colonne.sorte == "euros" else [])])
        return refus

    def read_value(self, texte: str) -> Any:
        """A canonical writing as its column holds it."""
        if self.colonne.sorte in {"texte", "etat"}:
            return texte
        if not texte:
            return None
        if self.colonne.sorte == "euros":
            return Money(parse_montant(texte), "EUR")
        return parse_jours(texte) if self.colonne.sorte == "jours" else parse_nombre(texte)

    def describe(self, champ: str) -> str:
        row = next((r for r in self.rows() if r.pk == read_cle(champ.partition(".")[2])), None)
        if row is None:
            return self.colonne.libelle.capitalize()
        lieu = row.code if isinstance(row, FicheBilan) else str(row) if not isinstance(row, Bilan) else ""
        return f"{lieu}, {self.colonne.libelle}" if lieu else self.colonne.libelle.capitalize()


@dataclass
class ContenuBilan(Contenu):
    """All the fields of a bilan, or those of one of its actions."""

    bilan: Bilan = None  # type: ignore[assignment]
    inconnu: ClassVar[str] = "Ce champ n’existe pas dans le bilan."

    @classmethod
    def of_bilan(cls, bilan: Bilan, fiche: FicheBilan | None = None) -> "ContenuBilan":
        return cls(None, [ColonneBilan(bilan, c, fiche) for c in COLONNES], bilan)  # type: ignore[arg-type]

    def lock(self, user: Any) -> None:
        """Hold the bilan until the transaction ends. Raises PermissionDenied."""
        self.bilan = lock_bilan(self.bilan)
        check_saisie(user, self.bilan)
        for famille in self.familles:
            famille.user = user
            assert isinstance(famille, ColonneBilan)  # noqa: S101 (made by of_bilan)
            famille.bilan = self.bilan

    def read_typed(self, valeurs: Mapping[str, str]) -> Typees:
        """Columns as they are being typed, by table and row; what cannot be read yet keeps its saved value."""
        typees: Typees = {}
        for champ, texte in valeurs.items():
            famille = self.family_of(champ)
            if not isinstance(famille, ColonneBilan) or famille.colonne.sorte == "texte":
                continue
            try:
                cle = famille.canonize(champ)
                lu = famille.read_value(famille.prepare(cle, texte)[0])
            except SaisieRefusee:
                continue
            typees.setdefault((famille.colonne.modele, int(cle.partition(".")[2])), {})[famille.colonne.champ] = lu
        return typees

    def touch(self) -> None:
        """Note that something was written."""
        self.bilan.modifie_le = timezone.now()
        Bilan.objects.filter(pk=self.bilan.pk).update(modifie_le=self.bilan.modifie_le)
