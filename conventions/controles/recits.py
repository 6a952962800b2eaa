"""Dates told in sentences: a duration beside its two dates, a creation beside the convention that pays for it.

Shared by the texts of the convention and those of the fiches.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date

from socle.controles import Constat, Lieu
from socle.periodes import Duree, Periode, compute_fin, flatten, format_duree, read_durees, read_periodes, split_propositions
from socle.typographie import MOIS

VERBE = re.compile(r"\b(?:cre(?:e|ee|es|ees|ation)|institue|mis(?:e)? en place)\b")
CREATION = re.compile(VERBE.pattern + r"[^.;]{0,60}?\ben\s+$")


# A length the text commits to: neither « tous les six mois », nor « un délai de deux mois », nor « des jeunes de 18 ans ».
ENGAGEE = re.compile(
    r"(?:\bpour|\bdurees?(?:\s+\w+)?\s+d[e']|\bpendant|\bsoit|\bconvention\s+de)\s*(?:une\s+(?:duree|periode)\s+(?:\w+\s+)?d[e']\s*)?$"
)


@dataclass(frozen=True)
class DureeFausse:
    """One sentence: a duration, a period that is not of that length."""

    duree: Duree
    periode: Periode

    @property
    def fin(self) -> date:
        """Where the duration leads."""
        return compute_fin(self.periode.debut, self.duree.mois)  # type: ignore[arg-type]

    def to_constat(self, objet: str, lieu: Lieu, fiche_id: int | None = None) -> Constat:
        duree = format_duree(self.duree.mois)
        return Constat(
            objet=objet,
            message=(
                f"« {self.periode.extrait} » ne fait pas {duree} : "
                f"{duree} à compter du {self.periode.debut:%d/%m/%Y} mènent au {self.fin:%d/%m/%Y}."
            ),
            lieux=(
                replace(lieu, valeur=f"{self.periode.fin:%d/%m/%Y}", detail=f"« {self.periode.extrait} »"),
                replace(lieu, valeur=f"{self.fin:%d/%m/%Y}", detail=f"« {self.duree.extrait} »"),
            ),
            constate=self.periode.fin,
            attendu=self.fin,
            fiche_id=fiche_id,
            precision=f"{self.duree.mois}-{self.periode.extrait[:60]}",
        )


def find_durees_fausses(texte: str) -> Iterator[DureeFausse]:
    """Sentences with one firm duration and one period with both ends, that disagree. Others say nothing sure."""
    for proposition in split_propositions(texte):
        plat = flatten(proposition)
        durees = [d for d in read_durees(proposition) if not d.approximative and ENGAGEE.search(plat[: d.place])]
        if len(durees) != 1:
            continue
        lecture = read_periodes(proposition)
        if not lecture.is_comprise or len(lecture.periodes) != 1:
            continue
        periode = lecture.periodes[0]
        if periode.jointe and not periode.incertaine and not periode.fits(durees[0].mois):
            yield DureeFausse(durees[0], periode)


@dataclass(frozen=True)
class Creation:
    """A month told as that of a creation, and the start of a convention in the same month of another year."""

    creation: Periode
    debut: date

    def to_constat(self, objet: str, lieu: Lieu, fiche_id: int | None = None) -> Constat:
        attendu = f"{MOIS[self.debut.month - 1]} {self.debut.year}"
        return Constat(
            objet=objet,
            message=f"Le texte dit « {self.creation.extrait} », la convention commence le {self.debut:%d/%m/%Y}.",
            lieux=(
                replace(lieu, valeur=self.creation.extrait, detail="création"),
                replace(lieu, valeur=attendu, detail=f"prise d’effet le {self.debut:%d/%m/%Y}"),
            ),
            constate=self.creation.extrait,
            attendu=attendu,
            fiche_id=fiche_id,
            precision=self.creation.extrait,
        )


def find_creations(texte: str, debuts: Iterable[date] = ()) -> Iterator[Creation]:
    """Months of creation at odds, by whole years, with the start of a period of the same text or with `debuts`."""
    plat = flatten(texte)
    if not VERBE.search(plat):
        return
    lecture = read_periodes(texte)
    # The month of a period told in whole years is nobody's; many years apart is another story, no slip of the pen.
    connus = [
        *(p.debut for p in lecture.periodes if p.jointe and p.debut and p.debut_tardif and (p.debut_tardif - p.debut).days < 31),
        *debuts,
    ]
    for periode in lecture.periodes:
        if periode.jointe or not periode.debut or not periode.fin or periode.debut.month != periode.fin.month:
            continue
        if not any(CREATION.search(plat[: m.start()]) for m in re.finditer(re.escape(flatten(periode.extrait)), plat)):
            continue
        autres = [d for d in connus if d.month == periode.debut.month and 0 < abs(d.year - periode.debut.year) <= 2]
        if autres and not any((d.year, d.month) == (periode.debut.year, periode.debut.month) for d in connus):
            yield Creation(periode, autres[0])
