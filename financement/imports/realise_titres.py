"""What a sheet of realised amounts holds: what was done is told from what was planned by the titles of the columns."""

from functools import partial

from financement.imports.champs import PAR_TITRE, PAR_TITRE_REALISE, PREVISIONS, normalize, read_annee
from financement.imports.reconnaissance import Proposition, check, recognise
from financement.imports.referentiel_bilan import ReferentielBilan
from socle.lecture_classeur import Feuille, name_colonne

JOURS = {"jour", "jours", "jh"}
MESURES = ("montant", "jours")
D_AILLEURS = ("financeur", "taux", "part", "mention")  # columns of budgets that a realised amount does not have
ATTENDU = "Un réalisé se donne par dépense : code de la fiche, nature, libellé s’il y en a un, montant réalisé ou jours réalisés."
RECAP = f"Ce tableau est un récapitulatif par financeur. {ATTENDU}"


def recognise_realise(feuille: Feuille, ref: ReferentielBilan) -> Proposition:
    """The most likely reading of a sheet of realised amounts."""
    annee = ref.bilan.annee
    return recognise(feuille, ref, partial(read_titres_realise, annee=annee), partial(_list_motifs, feuille=feuille, annee=annee))


def check_realise(proposition: Proposition, feuille: Feuille, ref: ReferentielBilan) -> Proposition:
    """Complete a reading from the content, and say why it is not certain."""
    return check(proposition, feuille, ref, partial(_list_motifs, feuille=feuille, annee=ref.bilan.annee))


def _list_motifs(proposition: Proposition, feuille: Feuille, annee: int) -> list[str]:
    return [*_list_manques(proposition, annee), *_list_doutes(proposition, feuille)]


def read_titres_realise(feuille: Feuille, rang: int, annee: int) -> Proposition | None:
    """The reading that the titles of a row give; None when the row names nothing. A planned column is never read."""
    sures: dict[str, int] = {}
    vagues: dict[str, int] = {}
    annees: dict[int, tuple[bool, int]] = {}  # column of each year, and whether its title says « réalisé »
    for colonne, valeur in enumerate(feuille.lignes[rang]):
        if valeur is None:
            continue
        lue = read_annee(valeur)
        champ, sur = read_titre(valeur, lue)
        if lue is not None and champ in {"", "montant", "annee"}:
            if not sur and _is_prevu(valeur):
                continue
            if lue not in annees or (sur and not annees[lue][0]):
                annees[lue] = (sur, colonne)
        elif champ and lue in {None, annee}:
            (sures if sur else vagues).setdefault(champ, colonne)
    champs = vagues | sures
    colonnes = {colonne: champ for champ, colonne in champs.items()}
    if annees and not {"annee", "montant"} & set(champs):
        if "jours" not in champs and (len(annees) > 1 or champs):
            colonnes |= {colonne: f"annee:{a}" for a, (_, colonne) in annees.items()}
            return Proposition(feuille.nom, "large", rang, dict(sorted(colonnes.items())))
        # Days beside years: only the year of the bilan can be theirs.
        colonnes |= {colonne: "montant" if a == annee else f"annee:{a}" for a, (_, colonne) in annees.items()}
    return Proposition(feuille.nom, "long", rang, dict(sorted(colonnes.items())), annee=annee) if len(colonnes) >= 2 else None


def read_titre(valeur: object, annee: int | None) -> tuple[str, bool]:
    """What a title names, the year it may hold left out, and whether it says for sure that it was done. Nothing for what was planned."""
    if not isinstance(valeur, str):
        return "", False
    mots = [mot for mot in normalize(valeur).split() if mot != str(annee)]
    if annee is not None and mots[-1:] == ["en"]:
        mots.pop()
    base = " ".join(mots)
    if base in PAR_TITRE_REALISE:
        return PAR_TITRE_REALISE[base], True
    if PREVISIONS & set(mots):
        return "", False
    champ = PAR_TITRE.get(base, "jours" if annee is not None and JOURS & set(mots) else "")
    return ("", False) if champ in {"taux", "part", "mention"} else (champ, False)


def list_blocages_realise(proposition: Proposition, annee: int) -> list[str]:
    """What a reading lacks, or has too much, to be read at all."""
    sans_fiche = "code" not in proposition.colonnes.values() and proposition.fiche is None
    manque = ["Choisissez la colonne du code, ou la fiche que décrit le tableau."] if sans_fiche else []
    return [*manque, *_list_manques(proposition, annee)]


def _list_manques(proposition: Proposition, annee: int) -> list[str]:
    if not proposition.forme:
        return ["Choisissez la disposition du tableau."]
    if proposition.forme == "recap":
        return [RECAP]
    nommes = set(proposition.colonnes.values())
    blocages = []
    if autre := next((c for c, contenu in proposition.colonnes.items() if contenu in D_AILLEURS), None):
        blocages.append(f"Ce tableau donne les parts des financeurs (colonne {name_colonne(autre)}). {ATTENDU}")
    if "nature" not in nommes and proposition.nature is None:
        blocages.append("Aucune colonne ne donne la nature de dépense : choisissez la colonne, ou la nature de toutes les lignes.")
    if proposition.forme == "large" and annee not in {a for _, a in proposition.list_annees()}:
        blocages.append(f"Aucune colonne n’est celle de l’année du bilan, {annee}.")
    if proposition.forme == "long" and not nommes & set(MESURES):
        blocages.append("Aucune colonne de montant réalisé ou de jours réalisés n’est reconnue.")
    return blocages


def _list_doutes(proposition: Proposition, feuille: Feuille) -> list[str]:
    """Beside a planned column, a column that only says « Montant » or « Jours » may be planned too."""
    titres = feuille.lignes[proposition.titres] if proposition.titres < len(feuille.lignes) else []
    if not any(_is_prevu(titre) for titre in titres):
        return []
    doutes = []
    for champ in MESURES:
        colonne = proposition.find(champ)
        titre = feuille.get(proposition.titres, colonne) if colonne is not None else None
        if isinstance(titre, str) and colonne is not None and not read_titre(titre, read_annee(titre))[1]:
            doutes.append(f"La colonne {name_colonne(colonne)}, « {titre.strip()[:40]} », peut être prévue ou réalisée. Confirmez.")
    return doutes


def _is_prevu(titre: object) -> bool:
    return isinstance(titre, str) and bool(PREVISIONS & set(normalize(titre).split()))
