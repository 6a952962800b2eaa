"""What a sheet holds, guessed from its titles and checked on its content; certain only when both agree."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from financement.imports.champs import FORMES, IGNORES, PAR_CLE, PAR_TITRE, normalize, read_annee
from financement.imports.referentiel import Referentiel
from socle.lecture_classeur import Feuille, name_colonne, read_colonne

CHERCHE = 60  # rows looked at to find the titles
TOTAL = "total"
PERIODE = "periode"
ANNEE = "(?:199[0-9]|20[0-9]{2}|2100)"


@dataclass
class Proposition:
    """How to read one sheet. `colonnes` gives what each column holds: a key of `champs`, « annee:2019 », « recap:2019:12 »."""

    feuille: str
    forme: str = ""
    titres: int = 0  # last row of the titles, from 0
    colonnes: dict[int, str] = field(default_factory=dict)
    fiche: int | None = None  # for all the rows, when no column gives it
    nature: int | None = None
    annee: int | None = None
    recopier: bool = False  # an empty code is that of the row above
    certaine: bool = False
    motifs: list[str] = field(default_factory=list)  # why it is not certain

    def to_json(self) -> dict[str, Any]:
        donnees = {k: v for k, v in self.__dict__.items() if k != "colonnes"}
        return donnees | {"titres": self.titres + 1, "colonnes": {name_colonne(c): v for c, v in self.colonnes.items()}}

    @classmethod
    def from_json(cls, donnees: dict[str, Any]) -> "Proposition":
        """Read what `to_json` or a person wrote. Raises ValueError, in French, on what cannot be."""
        inconnues = set(donnees) - set(cls.__dataclass_fields__)
        if inconnues:
            raise ValueError(f"Clés inconnues : {', '.join(sorted(inconnues))}.")
        titres, ecrites = donnees.get("titres", 1), donnees.get("colonnes", {})
        if not isinstance(titres, int) or not 1 <= titres <= 1_000_000:
            raise ValueError("« titres » est le numéro de la ligne des titres, à partir de 1.")
        if not isinstance(ecrites, dict):
            raise ValueError("« colonnes » donne le contenu de chaque colonne par sa lettre.")
        if donnees.get("forme", "") not in {"", *FORMES}:
            raise ValueError(f"« forme » est l’une de celles-ci : {', '.join(FORMES)}.")
        for nom in ("fiche", "nature", "annee"):
            if not isinstance(donnees.get(nom), int | None):
                raise ValueError(f"« {nom} » est un nombre.")
        if donnees.get("annee") is not None and read_annee(donnees["annee"]) is None:
            raise ValueError("« annee » est une année entre 1990 et 2100.")
        colonnes = {read_colonne(str(lettres)): check_contenu(str(contenu)) for lettres, contenu in ecrites.items()}
        if len(set(colonnes.values())) < len(colonnes):
            raise ValueError("Deux colonnes ont le même contenu. Gardez-en une.")
        return cls(**{**donnees, "titres": titres - 1, "colonnes": colonnes})

    def find(self, champ: str) -> int | None:
        """The column holding a field."""
        return next((colonne for colonne, contenu in self.colonnes.items() if contenu == champ), None)

    def list_annees(self) -> list[tuple[int, int]]:
        """Columns that are years, with their year."""
        return [(colonne, int(contenu[6:])) for colonne, contenu in self.colonnes.items() if contenu.startswith("annee:")]

    def list_recap(self) -> list[tuple[int, int | None, int | str]]:
        """Columns of a recap: column, year (None for the whole period), organisation or `total`."""
        return [
            (colonne, None if annee == PERIODE else int(annee), TOTAL if qui == TOTAL else int(qui))
            for colonne, contenu in self.colonnes.items()
            if contenu.startswith("recap:")
            for _, annee, qui in [contenu.split(":")]
        ]


def check_contenu(contenu: str) -> str:
    """Refuse a content of column that does not exist. Raises ValueError."""
    if contenu in PAR_CLE or re.fullmatch(rf"annee:{ANNEE}|recap:(?:{ANNEE}|{PERIODE}):(?:{TOTAL}|[0-9]{{1,17}})", contenu):
        return contenu
    raise ValueError(f"« {contenu[:60]} » n’est pas un contenu de colonne.")


def recognise(
    feuille: Feuille,
    ref: Referentiel,
    titrer: Callable[[Feuille, int], Proposition | None] | None = None,
    manquer: Callable[[Proposition], list[str]] | None = None,
) -> Proposition:
    """The most likely reading of a sheet; without form when nothing is recognised.

    Another file than a budget says how its row of titles is read, and what it lacks.
    """
    titrer = titrer or read_titres
    rangs = [r for r in range(min(CHERCHE, len(feuille.lignes))) if not feuille.is_empty(r)]
    candidates = [p for r in rangs for p in (_try_recap(feuille, r, ref), titrer(feuille, r)) if p]
    meilleure = max(candidates, key=_score, default=None)
    if meilleure is None:
        return Proposition(feuille.nom, motifs=["Aucune ligne de titres reconnue : dites où elle est et ce que contient chaque colonne."])
    return check(meilleure, feuille, ref, manquer)


def _score(proposition: Proposition) -> tuple[int, int]:
    contenus = list(proposition.colonnes.values())
    # Between two rows as good, the first: titles stand above what they name.
    return (len(contenus) + 3 * (proposition.forme == "recap"), -proposition.titres)


def read_titres(feuille: Feuille, rang: int) -> Proposition | None:
    """The reading that the titles of a row give; None when the row names nothing."""
    colonnes: dict[int, str] = {}
    annees: dict[int, int] = {}
    for colonne, valeur in enumerate(feuille.lignes[rang]):
        if valeur is None:
            continue
        champ = PAR_TITRE.get(normalize(valeur)) if isinstance(valeur, str) else None
        if champ and champ not in colonnes.values():
            colonnes[colonne] = champ
        elif (annee := read_annee(valeur)) and annee not in annees.values():
            annees[colonne] = annee
    nommes = set(colonnes.values())
    if "annee" not in nommes and annees and (len(annees) > 1 or nommes) and not {"montant", "jours"} & nommes:
        colonnes |= {c: f"annee:{a}" for c, a in annees.items()}
        forme = "large"
    elif len(nommes) >= 2:
        forme = "long"
    else:
        return None
    return Proposition(feuille.nom, forme, rang, dict(sorted(colonnes.items())))


def _try_recap(feuille: Feuille, rang: int, ref: Referentiel) -> Proposition | None:
    """Years above, parties and total below: the layout of the annex."""
    if rang + 1 >= len(feuille.lignes):
        return None
    haut, bas = feuille.lignes[rang], feuille.lignes[rang + 1]
    colonnes: dict[int, str] = {}
    annee: int | None = None
    periode = False
    for colonne in range(max(len(haut), len(bas))):
        titre = haut[colonne] if colonne < len(haut) else None
        if titre is not None:
            annee = read_annee(titre)
            periode = annee is None and isinstance(titre, str) and normalize(titre) in IGNORES and "axe" not in normalize(titre)
        sous_titre = bas[colonne] if colonne < len(bas) else None
        if (
            periode
            and annee is None
            and titre is not None
            and sous_titre is None
            and colonnes
            and normalize(str(titre)) not in {"s y ajoute"}
        ):
            colonnes[colonne] = f"recap:{PERIODE}:{TOTAL}"
        elif isinstance(sous_titre, str) and (annee or (periode and colonnes)):
            qui = (
                TOTAL
                if normalize(sous_titre) in {"total", "total annee", "ensemble"}
                else getattr(ref.find_organisation(sous_titre), "pk", None)
            )
            if qui is not None:
                colonnes[colonne] = f"recap:{annee or PERIODE}:{qui}"
    organisations = {c.split(":")[2] for c in colonnes.values()} - {TOTAL}
    if (
        len(organisations) < 1
        or len(set(colonnes.values())) < len(colonnes)
        or not any(c.split(":")[1] != PERIODE for c in colonnes.values())
    ):
        return None
    codes = [c for c in range(min(colonnes)) if _share(feuille, c, rang + 2, lambda v: ref.find_fiche(v) is not None) > 0]
    return Proposition(feuille.nom, "recap", rang + 1, {**({codes[0]: "code"} if codes else {}), **colonnes})


def check(
    proposition: Proposition, feuille: Feuille, ref: Referentiel, manquer: Callable[[Proposition], list[str]] | None = None
) -> Proposition:
    """Complete a reading from the content, and say why it is not certain."""
    debut = proposition.titres + 1
    motifs: list[str] = []
    for champ, connu in (
        ("code", lambda v: ref.find_fiche(v) is not None),
        ("nature", lambda v: ref.find_nature(v) is not None),
        ("financeur", lambda v: ref.find_organisation(v) is not None or ref.is_non_reparti(v)),
    ):
        _check_column(proposition, feuille, champ, connu, debut, motifs)
    nommes = set(proposition.colonnes.values())
    if "code" not in nommes and proposition.fiche is None:
        nommee = ref.find_fiche(feuille.nom)
        trouvee = nommee or _find_fiche_above(feuille, proposition.titres, ref)
        proposition.fiche = trouvee.pk if trouvee else None
        if trouvee is None:
            motifs.append("Aucune colonne ne donne le code de la fiche : choisissez la colonne, ou la fiche.")
        elif nommee is None:  # a sheet called by the code of a fiche is that fiche's
            motifs.append(f"Aucune colonne ne donne le code de la fiche : {trouvee.code} est lu au-dessus du tableau. Confirmez.")
    motifs += manquer(proposition) if manquer else _list_missing(proposition, nommes)
    proposition.motifs, proposition.certaine = motifs, not motifs
    return proposition


def list_blocages(proposition: Proposition) -> list[str]:
    """What a reading lacks to be read at all."""
    nommes = set(proposition.colonnes.values())
    manques = [] if "code" in nommes or proposition.fiche else ["Choisissez la colonne du code, ou la fiche que décrit le tableau."]
    return manques + _list_missing(proposition, nommes)


def list_inconnus(proposition: Proposition, ref: Referentiel) -> list[str]:
    """What a reading names that the convention does not know (any more)."""
    inconnus = []
    if proposition.fiche is not None and proposition.fiche not in ref.par_pk:
        inconnus.append("La fiche choisie n’est pas dans la convention.")
    if proposition.nature is not None and proposition.nature not in ref.natures:
        inconnus.append("La nature choisie n’existe pas.")
    if any(qui != TOTAL and qui not in ref.organisations for _, _, qui in proposition.list_recap()):
        inconnus.append("Un financeur du récapitulatif n’existe pas.")
    return inconnus


def _list_missing(proposition: Proposition, nommes: set[str]) -> list[str]:
    manques = []
    if not proposition.forme:
        return ["Choisissez la disposition du tableau."]
    if proposition.forme == "recap":
        return [] if proposition.list_recap() else ["Aucune colonne d’année et de financeur n’est reconnue."]
    parts = "financeur" in nommes and not {"jours", "tarif", "libelle"} & nommes and (nommes & {"taux", "part", "montant"})
    if "nature" not in nommes and proposition.nature is None and not parts:
        manques.append("Aucune colonne ne donne la nature de dépense : choisissez la colonne, ou la nature de toutes les lignes.")
    if proposition.forme == "large":
        return manques if proposition.list_annees() else [*manques, "Aucune colonne d’année n’est reconnue."]
    if "annee" not in nommes and proposition.annee is None and not parts:
        manques.append("Aucune colonne ne donne l’année : choisissez la colonne, ou l’année de toutes les lignes.")
    if not nommes & {"montant", "jours", "taux", "part"}:
        manques.append("Aucune colonne de montant, de jours ou de part n’est reconnue.")
    return manques


def _check_column(proposition: Proposition, feuille: Feuille, champ: str, connu: Any, debut: int, motifs: list[str]) -> None:
    """A named column must hold what it says; an unnamed one may be found by what it holds."""
    colonne = proposition.find(champ)
    if colonne is not None:
        part = _share(feuille, colonne, debut, connu)
        if 0 <= part < 0.5:
            motifs.append(f"La colonne {name_colonne(colonne)}, « {PAR_CLE[champ].nom} », contient surtout des valeurs inconnues.")
        return
    if champ == "financeur" or (proposition.forme == "recap" and champ == "nature"):
        return
    largeur = max((len(li) for li in feuille.lignes[debut : debut + 200]), default=0)
    libres = [c for c in range(largeur) if c not in proposition.colonnes]
    notes = [(_share(feuille, c, debut, connu), -c) for c in libres]
    if notes and max(notes)[0] >= 0.6:
        part, oppose = max(notes)
        proposition.colonnes[-oppose] = champ
        if part < 0.9:
            motifs.append(f"La colonne {name_colonne(-oppose)} semble être « {PAR_CLE[champ].nom} ». Confirmez.")


def _share(feuille: Feuille, colonne: int, debut: int, connu: Any) -> float:
    """Share of the words of a column that are known, totals left out; -1 when it holds none."""
    textes = [li[colonne] for li in feuille.lignes[debut : debut + 400] if colonne < len(li) and li[colonne] is not None]
    textes = [str(int(v)) if type(v) is float and v.is_integer() else str(v) for v in textes]
    textes = [t for t in textes if not is_total(t)]
    return sum(map(bool, map(connu, textes))) / len(textes) if textes else -1


def _find_fiche_above(feuille: Feuille, titres: int, ref: Referentiel) -> Any:
    textes: Iterable[Any] = (v for r in range(titres) for v in feuille.lignes[r] if isinstance(v, str))
    return next((fiche for v in textes if (fiche := ref.find_fiche(v.removeprefix("Fiche ")))), None)


def is_total(texte: str) -> bool:
    """Tell the title of a total row: « Total », « Sous-total Études », « TOTAL GÉNÉRAL »."""
    mots = normalize(texte).split()
    return bool(mots) and (mots[0] in {"total", "totaux", "soustotal", "ensemble"} or mots[:2] in (["sous", "total"], ["s", "total"]))
