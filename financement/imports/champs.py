"""Columns that a budget spreadsheet can hold, and the titles people give them."""

import re
import unicodedata
from dataclasses import dataclass

ANNEE_MIN, ANNEE_MAX = 1990, 2100


@dataclass(frozen=True)
class Champ:
    """One kind of column: its key, its name on screen and the titles recognised without asking."""

    cle: str
    nom: str
    titres: tuple[str, ...] = ()


CHAMPS = (
    Champ("code", "Code de la fiche", ("code", "code fiche", "code de la fiche", "fiche", "n fiche", "numero de fiche", "fiche action")),
    Champ(
        "nature", "Nature de dépense", ("nature", "nature de depense", "nature depense", "nature de la depense", "poste", "type de depense")
    ),
    Champ("libelle", "Libellé", ("libelle", "libelle de la depense", "detail", "objet de la depense", "designation")),
    Champ("annee", "Année", ("annee", "an", "exercice", "millesime")),
    Champ("jours", "Jours", ("jours", "nb jours", "nombre de jours", "nbre de jours", "nb de jours", "j", "jh", "jours homme", "jour")),
    Champ(
        "tarif",
        "Tarif du jour",
        ("tarif", "tarif journalier", "tarif du jour", "tarif jour", "prix du jour", "cout jour", "cout journalier", "tjm"),
    ),
    Champ(
        "montant",
        "Montant du coût",
        (
            "montant",
            "montant du cout",
            "cout",
            "cout total",
            "montant ht",
            "montant ttc",
            "montant eur",
            "depense",
            "montant prevu",
            "budget",
        ),
    ),
    Champ("mention", "Mention", ("mention", "remarque", "observation", "observations", "commentaire")),
    Champ("financeur", "Financeur", ("financeur", "financeurs", "co financeur", "cofinanceur", "organisme", "qui paie")),
    Champ(
        "taux",
        "Taux de la part",
        ("taux", "taux de la part", "part en", "pourcentage", "taux de financement", "taux de participation", "taux part"),
    ),
    Champ("part", "Montant de la part", ("part", "montant de la part", "part eur", "participation", "montant finance", "montant part")),
)
CHAMPS_REALISE = (
    Champ("code", "Code de la fiche"),
    Champ("nature", "Nature de dépense"),
    Champ("libelle", "Libellé"),
    Champ("annee", "Année"),
    Champ(
        "jours",
        "Jours réalisés",
        ("jours realises", "nombre de jours realises", "nb jours realises", "nb de jours realises", "jours faits", "jours passes"),
    ),
    Champ("tarif", "Tarif du jour"),
    Champ(
        "montant",
        "Montant réalisé",
        (
            "realise",
            "realise eur",
            "realise en eur",
            "realise en euros",
            "realise ht",
            "realise ttc",
            "montant realise",
            "montant realise en eur",
            "montants realises",
            "depense realisee",
            "depenses realisees",
            "depenses realisees en eur",
            "cout realise",
            "couts realises",
            "budget realise",
            "total realise",
            "montant depense",
            "montant execute",
            "depenses executees",
            "montant justifie",
            "depenses justifiees",
        ),
    ),
)
PAR_CLE = {champ.cle: champ for champ in CHAMPS}
PAR_TITRE = {titre: champ.cle for champ in CHAMPS for titre in champ.titres}
PAR_TITRE_REALISE = {titre: champ.cle for champ in CHAMPS_REALISE for titre in champ.titres}
PREVISIONS = {  # words of the columns that hold something else than what was done
    *("prevu", "prevus", "prevue", "prevues", "prevision", "previsions", "previsionnel", "previsionnelle", "previsionnels"),
    *("budget", "budgete", "vote", "votes", "estime", "estimes", "initial", "plan", "cible", "ecart", "ecarts", "reste", "solde", "taux"),
}
IGNORES = {
    "titre",
    "titre de la fiche",
    "intitule",
    "action",
    "axe",
    "total",
    "total general",
    "ensemble",
    "trois ans",
    "deux ans",
    "convention",
    "s y ajoute",
}
NOMS_MODELE = ("Coûts", "Parts")  # sheets of the product's own spreadsheet, read together
NOMS_REALISE = ("Dépenses",)  # the same in the spreadsheet of a bilan
FORMES = {"long": "Une ligne par dépense", "large": "Les années en colonnes", "recap": "Récapitulatif par financeur"}


def normalize(texte: str) -> str:
    """Titles and names compared without accents, capitals, signs or bracketed units: « Montant (€ HT) » gives « montant »."""
    sans_unite = re.sub(r"\([^)]*\)", " ", texte).strip() or texte
    minuscules = sans_unite.casefold().replace("€", " eur ").replace("’", "'").replace("œ", "oe")
    decompose = unicodedata.normalize("NFKD", minuscules)
    return " ".join("".join(c if c.isalnum() else " " for c in decompose if not unicodedata.combining(c)).split())


def read_annee(valeur: object) -> int | None:
    """The year a title holds: 2019, « 2019 », « Année 2019 », « Budget 2019 (€) »; None when there is none or more than one."""
    if isinstance(valeur, bool):
        return None
    if isinstance(valeur, int | float):
        return int(valeur) if valeur == int(valeur) and ANNEE_MIN <= valeur <= ANNEE_MAX else None
    annee = getattr(valeur, "year", None)
    if annee is not None and (getattr(valeur, "month", 0), getattr(valeur, "day", 0)) == (1, 1):
        return annee if ANNEE_MIN <= annee <= ANNEE_MAX else None
    if not isinstance(valeur, str) or len(valeur) > 60:
        return None
    trouvees = {int(n) for n in re.findall(r"(?<![0-9])(?:19|20|21)[0-9]{2}(?![0-9])", valeur)}
    return trouvees.pop() if len(trouvees) == 1 and ANNEE_MIN <= min(trouvees) <= ANNEE_MAX else None
