"""Fields of the co-financing: `part.<financeur>.<nature>.<année>.<taux|montant|mention>`; 0 stands for none.

A share exists as soon as one of its three fields holds something. Two filled at once are kept both, as on paper:
the amount prevails.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from djmoney.money import Money

from comptes.models import Organisation
from fiches.saisie import Famille, SaisieRefusee, Valeurs, explain_errors
from financement.cofinancements import NON_REPARTI, CoFinancement
from financement.saisie_couts import Natures
from socle.nombres import NombreIllisible, parse_montant, parse_taux
from socle.typographie import format_euros, format_montant, format_nombre, format_taux

NOMS = {"taux": "taux", "montant": "montant", "mention": "mention"}
MENTION_MAX = 160


@dataclass(frozen=True)
class ClePart:
    """Who pays, for what and when; None for nobody, all natures, all years."""

    financeur: int | None
    nature: int | None
    annee: int | None

    @property
    def champ(self) -> str:
        """The key of the row, without its field."""
        return f"part.{self.financeur or 0}.{self.nature or 0}.{self.annee or 0}"


def read_cle_part(champ: str) -> tuple[ClePart, str]:
    """The share named by a key, and its field. Raises SaisieRefusee."""
    morceaux = champ.split(".")
    if len(morceaux) != 5 or morceaux[4] not in NOMS or not all(m.isdecimal() and len(m) < 19 for m in morceaux[1:4]):
        raise SaisieRefusee("Cette part n’existe pas dans le tableau.")
    financeur, nature, annee = (int(m) or None for m in morceaux[1:4])
    if annee is not None and not 1990 <= annee <= 2100:
        raise SaisieRefusee("Écrivez une année entre 1990 et 2100.")
    return ClePart(financeur, nature, annee), morceaux[4]


class Parts(Famille):
    """Shares of the financeurs."""

    prefixes = ("part",)
    _sigles: dict[int, str] = {}

    def __init__(self, fiche: Any, natures: Natures | None = None) -> None:
        super().__init__(fiche)
        self.natures = natures or Natures()

    def rows(self) -> Iterable[Any]:
        return CoFinancement.objects.filter(fiche=self.fiche)

    def versions(self) -> Iterable[Any]:
        return CoFinancement.history.filter(fiche_id=self.fiche.pk).select_related("history_user").order_by("history_date", "history_id")

    def to_champs(self, row: Any) -> Valeurs:
        cle = ClePart(row.financeur_id, row.nature_id, row.annee).champ
        champs = {
            f"{cle}.taux": format_nombre(row.taux) if row.taux is not None else "",
            f"{cle}.montant": format_montant(row.montant) if row.montant is not None else "",
            f"{cle}.mention": row.mention,
        }
        return {champ: valeur for champ, valeur in champs.items() if valeur}

    def canonize(self, champ: str) -> str:
        cle, nom = read_cle_part(champ)
        return f"{cle.champ}.{nom}"

    def prepare(self, champ: str, texte: str) -> tuple[str, str]:
        cle, nom = read_cle_part(champ)
        if cle.nature and self.natures.get(cle.nature) is None:
            raise SaisieRefusee("Cette nature de dépense n’existe plus.")
        if nom == "mention":
            return clean_mention(texte), ""
        valeur = self.parse(champ, texte)
        if valeur is None:
            return "", ""
        return (format_nombre(valeur), format_taux(valeur)) if nom == "taux" else (format_montant(valeur), format_euros(valeur))

    def parse(self, champ: str, texte: str) -> Decimal | None:
        """Rate or amount typed; None when empty. Raises SaisieRefusee."""
        _, nom = read_cle_part(champ)
        texte = self.normalize(texte)
        if texte in {"", "/", "-", "–"}:
            return None
        try:
            valeur = parse_taux(texte) if nom == "taux" else parse_montant(texte)
        except NombreIllisible as erreur:
            raise SaisieRefusee(str(erreur)) from erreur
        if valeur < 0:
            raise SaisieRefusee("Une part ne peut pas être négative.")
        if nom == "taux" and valeur > 100:
            raise SaisieRefusee(f"{format_taux(valeur)} dépasse 100 %.")
        if valeur > Decimal(999_999_999_999):
            raise SaisieRefusee("Ce montant est trop grand.")
        return valeur

    def write(self, valeurs: Valeurs) -> dict[str, str]:
        refus: dict[str, str] = {}
        par_cle: dict[ClePart, dict[str, str]] = defaultdict(dict)
        for champ, valeur in valeurs.items():
            cle, nom = read_cle_part(champ)
            par_cle[cle][nom] = valeur
        existantes = {ClePart(p.financeur_id, p.nature_id, p.annee): p for p in self.rows()}
        ordre = max([0, *(p.ordre for p in existantes.values())])
        for cle, changes in par_cle.items():
            part = existantes.get(cle)
            if part is None:
                if not any(changes.values()):
                    continue
                if cle.financeur and not Organisation.objects.filter(pk=cle.financeur).exists():
                    refus |= {f"{cle.champ}.{nom}": "Ce financeur n’existe pas. Choisissez-en un dans la liste." for nom in changes}
                    continue
                ordre += 10
                part = CoFinancement(fiche=self.fiche, financeur_id=cle.financeur, nature_id=cle.nature, annee=cle.annee, ordre=ordre)
            fill_part(part, changes)
            if part.taux is None and part.montant is None and not part.mention:
                if part.pk:
                    self.delete_row(part)
                continue
            try:
                part.full_clean(validate_unique=False, exclude=["fiche", "nature", "financeur"], validate_constraints=False)
                self.save_row(part)
            except ValidationError as erreur:
                refus |= {f"{cle.champ}.{nom}": explain_errors(erreur) for nom in changes}
        return refus

    def describe(self, champ: str) -> str:
        cle, nom = read_cle_part(champ)
        self.load_noms()
        sigle = self._sigles.get(cle.financeur, "organisation supprimée") if cle.financeur else ""
        nature = self.natures.get(cle.nature) if cle.nature else None
        portee = [nature.nom if nature else "", str(cle.annee or "")]
        return ", ".join(filter(None, [f"Part de {sigle}" if sigle else NON_REPARTI, *portee, NOMS[nom]]))

    def load_noms(self) -> None:
        self._sigles = self._sigles or dict(Organisation.objects.values_list("pk", "sigle"))

    def show(self, champ: str, valeur: str) -> str:
        nom = champ.rpartition(".")[2]
        return f"{valeur} {'%' if nom == 'taux' else '€'}" if valeur and nom != "mention" else valeur


def fill_part(part: CoFinancement, valeurs: dict[str, str]) -> CoFinancement:
    """Put canonical writings in a share."""
    if "taux" in valeurs:
        part.taux = parse_taux(valeurs["taux"]) if valeurs["taux"] else None
    if "montant" in valeurs:
        part.montant = Money(parse_montant(valeurs["montant"]), "EUR") if valeurs["montant"] else None
    if "mention" in valeurs:
        part.mention = valeurs["mention"]
    return part


def clean_mention(texte: str) -> str:
    """Words beside a share, on one line. Raises SaisieRefusee."""
    mention = " ".join(texte.replace("\x00", "").split())
    if len(mention) > MENTION_MAX:
        raise SaisieRefusee(f"{len(mention)} caractères, {MENTION_MAX} au plus.")
    return mention
