"""Periods and durations read from French free text: « second semestre 2018 », « jusqu’en 2020 », « trois ans ».

A text is understood or it is not: what excludes (« sauf en 2019 »), counts from an unnamed year (« N+1 ») or shortens
a year (« 2018-19 ») makes the whole reading refused rather than guessed. Nothing here knows the domain.
"""

import calendar
import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise

from socle.typographie import MOIS

UN_JOUR = timedelta(days=1)


@dataclass(frozen=True)
class Periode:
    """A stretch of time named by a text; None is open. `incertaine`: one of two moments, the text does not say which."""

    debut: date | None
    fin: date | None
    extrait: str
    incertaine: bool = False
    jointe: bool = False  # both ends are written: « du … au … », « 2018 – 2020 »
    # « 2018 – 2021 » may start any day of 2018 and end any day of 2021: how late it may start, how early it may end.
    debut_tardif: date | None = field(default=None, compare=False)
    fin_precoce: date | None = field(default=None, compare=False)

    def fits(self, mois: int) -> bool:
        """Tell whether `mois` months can run from its start to its end, as precisely as both are written."""
        if self.debut is None or self.fin is None:
            return True
        tot, tard = compute_fin(self.debut, mois), compute_fin(self.debut_tardif or self.debut, mois)
        return tot <= self.fin and tard >= (self.fin_precoce or self.fin)

    def covers_year(self, annee: int) -> bool:
        return (self.debut is None or self.debut.year <= annee) and (self.fin is None or self.fin.year >= annee)

    def requires_year(self, annee: int) -> bool:
        """Whether something is surely planned that year: of an open period, only the end it names is."""
        if self.debut is None or self.fin is None:
            return any(jour.year == annee for jour in (self.debut, self.fin) if jour)
        return self.covers_year(annee)

    @property
    def is_close(self) -> bool:
        return self.debut is not None and self.fin is not None


@dataclass(frozen=True)
class Lecture:
    """What a text says of time. Without any period and not recurrent, or with a `motif`, it is not understood."""

    periodes: tuple[Periode, ...] = ()
    recurrente: bool = False  # « chaque année », « tout au long des trois années »
    motif: str = ""  # why it is not understood

    @property
    def is_comprise(self) -> bool:
        return not self.motif and bool(self.periodes or self.recurrente)

    def select_years(self, annees: Collection[int]) -> set[int]:
        """Among `annees`, those the text covers. Meaningful only when it is understood."""
        if self.recurrente:
            return set(annees)
        return {annee for annee in annees if any(p.covers_year(annee) for p in self.periodes)}

    def require_years(self, annees: Collection[int]) -> set[int]:
        """Among `annees`, those in which the text surely plans something: one of two moments is sure of neither."""
        if self.recurrente:
            return set(annees)
        return {annee for annee in annees if any(p.requires_year(annee) for p in self.periodes if not p.incertaine)}


@dataclass(frozen=True)
class Duree:
    """A length in months; `approximative` when the text does not commit to it (« environ », « au moins », « 6 à 10 mois »)."""

    mois: int
    extrait: str
    approximative: bool = False
    place: int = field(default=0, compare=False)  # where it stands in the text


# --- Arithmetic --------------------------------------------------------------------------------------------------


def add_mois(jour: date, mois: int) -> date:
    """The same day `mois` later; the last day of a month that has no such day; the calendar's own ends past them."""
    rang = jour.year * 12 + jour.month - 1 + mois
    annee, numero = divmod(rang, 12)
    if not date.min.year <= annee <= date.max.year:
        return date.min if annee < date.min.year else date.max
    return date(annee, numero + 1, min(jour.day, calendar.monthrange(annee, numero + 1)[1]))


def compute_fin(debut: date, mois: int) -> date:
    """Last day of `mois` months from `debut`: three years from 1 November 2018 end on 31 October 2021."""
    return add_mois(debut, mois) - UN_JOUR


def compute_debut(fin: date, mois: int) -> date:
    """First day of `mois` months that end on `fin`."""
    return add_mois(fin + UN_JOUR if fin < date.max else fin, -mois)


# --- Words -------------------------------------------------------------------------------------------------------


class _Plats(dict[int, str]):
    """Plain form of each character, learnt as characters come."""

    def __missing__(self, code: int) -> str:
        self[code] = plat = unicodedata.normalize("NFKD", chr(code).lower())[0]
        return plat


PLATS = _Plats({ord(signe): "-" for signe in "–—‐‑‒−→"} | {ord("’"): "'", 0xA0: " ", 0x202F: " "})


def flatten(texte: str) -> str:
    """Small letters without accents, one character for one, so that places in it are places in the text."""
    return texte.translate(PLATS)


MOIS_PLATS = {flatten(nom): rang for rang, nom in enumerate(MOIS, 1)}
MOIS_PLATS |= {"janv": 1, "fevr": 2, "fev": 2, "avr": 4, "juil": 7, "sept": 9, "oct": 10, "nov": 11, "dec": 12}
UNITES = "un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf".split()
DIZAINES = {"vingt": 20, "trente": 30, "quarante": 40, "cinquante": 50, "soixante": 60}
NOMBRES = {mot: rang for rang, mot in enumerate(UNITES, 1)} | {"une": 1, "soixante-douze": 72}
for _mot, _rang in DIZAINES.items():
    NOMBRES |= {_mot: _rang, f"{_mot} et un": _rang + 1} | {f"{_mot}-{u}": _rang + r for r, u in enumerate(UNITES[1:9], 2)}
RANGS = {"premier": 1, "1er": 1, "1e": 1, "second": 2, "deuxieme": 2, "2e": 2, "2eme": 2, "2nd": 2, "troisieme": 3, "3e": 3, "3eme": 3,
         "quatrieme": 4, "dernier": -1, "4e": 4, "4eme": 4}  # fmt: skip
# First and last month of what people call so.
PARTS_ANNEE = {"debut": (1, 3), "mi": (5, 8), "fin": (10, 12), "printemps": (3, 6), "ete": (6, 9), "automne": (9, 12)}
UNITES_COMPTEES = (
    r"€|k€|(?:(?:jeunes|petites|nouvelles|nouveaux|autres|premiers|premieres)\s+)?(?:euros?|habitants|entreprises|emplois|places|personnes|jours"
    r"|km|m2|h|heures|visiteurs|participants|contacts|exemplaires|salaries|etudiants|commerces|entrepreneurs|clients|logements|dossiers|pme|tpe"
    r"|createurs|porteurs|etablissements|beneficiaires|adherents|inscrits|abonnes|connexions|foyers|actifs|tonnes)\b"
)

ANNEE = rf"(?<![\d.,])(?:199\d|20\d\d)(?!-\d\d\d(?!\d)|[\d.,]\d|\d|\s*(?:{UNITES_COMPTEES}))"
DE = r"(?:\s+(?:de\s+|d'\s*)?(?:l'annee\s+)?|-)"
MOMENT = "|".join(
    [
        r"(?<!\d)(?P<j1>\d{1,2})[/.-](?P<m1>\d{1,2})[/.-](?P<a1>\d{4})(?!\d)",
        rf"(?P<j2>1\s?er|\d{{1,2}})\s+(?P<m2>{'|'.join(MOIS_PLATS)})\.?\s+(?P<a2>\d{{4}})(?!\d)",
        rf"(?P<r3>{'|'.join(RANGS)})\s+(?P<p3>semestre|trimestre){DE}(?P<a3>{ANNEE})",
        rf"\b(?P<p4>{'|'.join(PARTS_ANNEE)}){DE}(?P<a4>{ANNEE})",
        rf"\b(?P<m5>{'|'.join(MOIS_PLATS)})\.?\s+(?P<a5>{ANNEE})",
        r"(?<![\d/.-])(?P<m8>0?[1-9]|1[0-2])/(?P<a8>(?:199\d|20\d\d))(?![\d/])",
        rf"(?P<a6>{ANNEE})",
        # « du 1er janvier au 30 juin 2018 »: the year of the moment it is joined to.
        rf"(?:(?P<j7>1\s?er|\d{{1,2}})\s+)?\b(?P<m7>{'|'.join(MOIS_PLATS)})\b(?=\s*(?:-|\bau?\b)\s*(?:(?:1er|\d{{1,2}})\s+)?(?:{'|'.join(MOIS_PLATS)})\s+(?P<a7>{ANNEE}))",
    ]
)
MOTIF_MOMENT = re.compile(MOMENT)
# « la fin de l'année », « le mois de »: what may stand between the word and its moment.
LIANT = r"(?:(?:le|la|fin|debut|mois|rentree|de|du|en|annee)\s+|[ld]')*"
JONCTION = re.compile(rf"\s*(?:-|/|\bau\b|\ba\b|\bou\b|,?\s*(?:\bet\s+)?jusqu'(?:en|au|a)\b|\bet\b)\s*{LIANT}")
JUSQUE = re.compile(
    rf"(?:jusqu'(?:en|au|a)|\b(?P<avant>avant)|\bd'ici(?:\s+a)?|\bau plus tard(?:\s+(?:en|au|a))?|\bhorizon)\s+(?P<liant>{LIANT})$"
)
APRES = re.compile(rf"\bapres\s+{LIANT}$")
DEPUIS = re.compile(rf"(?:a\s+(?:compter|partir)\s+(?:de|du|d')|\bdes|depuis)\s*{LIANT}$")
ENTRE = re.compile(r"\b(?:entre|du|de)\s+(?:le\s+)?$")
RECURRENT = re.compile(
    r"(?:chaque annee|tous les ans|(?:tout au long|pendant|durant|sur)\s+(?:de\s+|des?\s+)?(?:toute\s+)?(?:la\s+|les\s+)?"
    r"(?:periode|duree|convention|(?:\w+\s+)?annees))(?!\s+scolaire)"
)
REFUS = [
    (
        re.compile(
            r"\b(?:sauf|hors|hormis|excepte|a l'exception|a l'exclusion|pas|ni|aucune?)\s+"
            r"(?:(?:en|pour|de|du|l'annee|le|la|au)\s+)*(?:[\w']+\s+){0,3}(?:199\d|20\d\d)"
        ),
        "il exclut des années",
    ),
    (re.compile(r"\bn\s*[+-]\s*\d"), "il compte à partir d’une année sans nom"),
    (
        re.compile(r"(?:199\d|20\d\d)\s*[-/]\s*\d{1,2}(?![\d/])(?!\s*(?:er|mois|jours?|" + "|".join(MOIS_PLATS) + "))"),
        "une année y est abrégée",
    ),
]


def read_periodes(texte: str) -> Lecture:
    """What a text says of time, or the reason it is not understood."""
    plat = flatten(texte)
    for motif, raison in REFUS:
        if motif.search(plat):
            return Lecture(motif=raison)
    periodes = tuple(_read(texte, plat))
    if any(p.debut and p.fin and p.fin < p.debut for p in periodes):
        return Lecture(motif="une période y finit avant de commencer")
    recurrente = RECURRENT.search(plat) is not None and not _bounds(periodes)
    if not periodes and not recurrente:
        return Lecture(motif="il ne nomme aucune année" if texte.strip() else "il est vide")
    return Lecture(periodes, recurrente)


def _bounds(periodes: tuple[Periode, ...]) -> bool:
    """Tell whether what is named beside « chaque année » says which: a range, an open end, several whole years."""
    if any(p.jointe or not p.is_close for p in periodes):
        return True
    return len(periodes) > 1 and all(p.debut and p.fin and (p.fin - p.debut).days > 360 for p in periodes)


def _read(texte: str, plat: str) -> Iterator[Periode]:
    moments = [(m, interval) for m in MOTIF_MOMENT.finditer(plat) if (interval := _interval(m))]
    rang = 0
    while rang < len(moments):
        match, (debut, fin) = moments[rang]
        avant = plat[: match.start()]
        chaine = [moments[rang]]
        while rang + len(chaine) < len(moments) and _joins(plat, chaine[-1][0], moments[rang + len(chaine)][0], avant):
            chaine.append(moments[rang + len(chaine)])
        derniere, (debut_derniere, fin_derniere) = chaine[-1]
        extrait = " ".join(texte[match.start() : derniere.end()].split())
        liens = [plat[a.end() : b.start()] for (a, _), (b, _) in pairwise(chaine)]
        rang += len(chaine)
        if len(chaine) > 1:
            incertaine = any("ou" in lien or ("/" in lien and a[0].lastgroup != "a6") for lien, a in zip(liens, chaine, strict=False))
            yield Periode(debut, fin_derniere, extrait, incertaine, jointe=True, debut_tardif=fin, fin_precoce=debut_derniere)
        elif jusque := JUSQUE.search(avant):
            exclue = jusque["avant"] and match["p4"] != "fin" and "fin" not in jusque["liant"]
            yield Periode(None, debut - UN_JOUR if exclue else fin, extrait)
        elif APRES.search(avant):
            yield Periode(fin + UN_JOUR, None, extrait)
        elif DEPUIS.search(avant):
            yield Periode(debut, None, extrait)
        else:
            yield Periode(debut, fin, extrait)


def _joins(plat: str, gauche: re.Match[str], droite: re.Match[str], avant: str) -> bool:
    """Tell whether two moments make one period: « du … au … », « 2018 – 2020 », « fin 2018 ou début 2019 ».

    « et » joins only after « entre »; other « et » and commas list separate moments.
    """
    lien = JONCTION.fullmatch(plat[gauche.end() : droite.start()])
    if lien is None:
        return False
    mot = lien[0].strip().split(" ")[0]
    if mot == "et" and "jusqu" not in lien[0]:
        return ENTRE.search(avant) is not None and avant.rstrip().endswith("entre")
    return True


def _interval(match: re.Match[str]) -> tuple[date, date] | None:
    """First and last day of a moment; None when it is no date at all (31/02/2018)."""
    g = match.groupdict()
    if any(g[a] and not 1900 <= int(g[a]) <= 2199 for a in ("a1", "a2")):
        return None
    try:
        if g["a1"]:
            jour = date(int(g["a1"]), int(g["m1"]), int(g["j1"]))
            return jour, jour
        if g["a2"]:
            jour = date(int(g["a2"]), MOIS_PLATS[g["m2"]], _day(g["j2"]))
            return jour, jour
        if g["j7"]:
            jour = date(int(g["a7"]), MOIS_PLATS[g["m7"]], _day(g["j7"]))
            return jour, jour
    except ValueError:
        return None
    if g["a3"]:
        taille = 6 if g["p3"] == "semestre" else 3
        rang = RANGS[g["r3"]] if RANGS[g["r3"]] > 0 else 12 // taille
        return _months(int(g["a3"]), (rang - 1) * taille + 1, rang * taille) if rang * taille <= 12 else None
    if g["a4"]:
        return _months(int(g["a4"]), *PARTS_ANNEE[g["p4"]])
    if g["m7"]:
        return _months(int(g["a7"]), MOIS_PLATS[g["m7"]], MOIS_PLATS[g["m7"]])
    if g["a8"]:
        return _months(int(g["a8"]), int(g["m8"]), int(g["m8"]))
    if g["a5"]:
        return _months(int(g["a5"]), MOIS_PLATS[g["m5"]], MOIS_PLATS[g["m5"]])
    return _months(int(g["a6"]), 1, 12)


def _day(texte: str) -> int:
    return int(texte.removesuffix("er"))


def _months(annee: int, premier: int, dernier: int) -> tuple[date, date]:
    return date(annee, premier, 1), date(annee, dernier, calendar.monthrange(annee, dernier)[1])


NOMBRE = rf"(?:\d{{1,3}}|{'|'.join(sorted(NOMBRES, key=len, reverse=True))})"
DUREE = re.compile(
    rf"(?<![\w-])(?<!\d[.,])(?P<plage>(?:\d{{1,3}}\s*-|{NOMBRE}\s*(?:\ba\b|\bou\b))\s*)?"
    rf"(?P<n>{NOMBRE})(?:\s*\(\s*\d{{1,3}}\s*\))?\s+(?P<u>ans?|annees?|mois)\b"
    rf"(?:(?P<d>\s+et\s+demie?)\b|\s+et\s+(?P<m>{NOMBRE})\s+mois\b)?"
)
APPROXIMATIF = re.compile(r"environ|au moins|minimum|au plus|maximum|pres de|autour de|plus de|moins de")


def read_durees(texte: str) -> list[Duree]:
    """Every length of time a text gives, in months, in order."""
    plat = flatten(texte)
    durees = []
    for match in DUREE.finditer(plat):
        mois = _number(match["n"]) * (1 if match["u"] == "mois" else 12)
        mois += 6 if match["d"] and match["u"] != "mois" else 0
        mois += _number(match["m"]) if match["m"] else 0
        autour = plat[max(0, match.start() - 20) : match.end() + 20]
        extrait = " ".join(texte[match.start("n") : match.end()].split())
        vague = bool(match["plage"]) or bool(match["d"] and match["u"] == "mois") or APPROXIMATIF.search(autour) is not None
        durees.append(Duree(mois, extrait, vague, match.start("n")))
    return durees


def _number(mot: str) -> int:
    return int(mot) if mot.isdecimal() else NOMBRES[mot]


def split_propositions(texte: str) -> list[str]:
    """The stretches of a text that stand between full stops, semicolons and ends of line; a point inside a number is none."""
    return [p.strip() for p in re.split(r"(?<=[.;!?])\s+|\n+", texte) if p.strip()]


def format_duree(mois: int) -> str:
    """« trois ans », « 18 mois »."""
    if mois % 12:
        return f"{mois} mois"
    annees = mois // 12
    nombre = next((mot for mot, valeur in NOMBRES.items() if valeur == annees), str(annees))
    return f"{nombre} an{'s' if annees > 1 else ''}"
