"""Variables of the texts: a closed list of names, filled from the data. No code runs in a text.

A variable is written `{{ convention.periode }}`. Known but without a value it is shown as a dotted blank,
like the paper; outside the list it is refused when the text is saved.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError

from conventions.formules import write_formule
from socle.typographie import format_date_longue, format_euros, format_taux

if TYPE_CHECKING:
    from conventions.conventions import Convention
    from conventions.parties import Partie

MOTIF = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
BLOCS = {"tableau.versements": "Tableau des versements", "tableau.coordonnees_bancaires": "Compte à créditer"}
NOMBRES = "zéro un deux trois quatre cinq six sept huit neuf dix".split()


@dataclass(frozen=True)
class Variable:
    """A name of the closed list, what it shows, and how wide its blank is (in dots)."""

    nom: str
    libelle: str
    value: Callable[[Any], str | None]
    blanc: int = 24
    marquee: bool = True  # set apart from the text around it; names are not, they would fill the page


def _partie(role: str, champ: Callable[["Partie"], str | None]) -> Callable[["Convention"], str | None]:
    """Read `champ` on the first party of a role."""

    def read(convention: "Convention") -> str | None:
        partie = next((p for p in convention.parties.all() if p.role == role), None)
        return champ(partie) if partie else None

    return read


def _duree(convention: "Convention") -> str | None:
    mois = convention.duree_declaree_mois
    if not mois:
        return None
    nombre, unite = (mois // 12, "an") if mois % 12 == 0 else (mois, "mois")
    texte = NOMBRES[nombre] if nombre < len(NOMBRES) else str(nombre)
    return f"{texte}\u00a0{unite}{'s' if unite == 'an' and nombre > 1 else ''}"


def _originaux(convention: "Convention") -> str | None:
    nombre = convention.nombre_originaux
    if nombre is None:
        return None
    return NOMBRES[nombre] if nombre < len(NOMBRES) else str(nombre)


VARIABLES = {
    variable.nom: variable
    for variable in [
        Variable("convention.titre", "Titre de la convention", lambda c: c.titre, marquee=False),
        Variable("convention.periode", "Période", lambda c: c.periode_affichee or None, 12),
        Variable("convention.date_debut", "Prise d’effet", lambda c: c.date_debut and format_date_longue(c.date_debut), 28),
        Variable("convention.date_fin", "Fin", lambda c: c.date_fin and format_date_longue(c.date_fin), 28),
        Variable("convention.duree", "Durée annoncée", _duree, 12),
        Variable("convention.lieu_signature", "Lieu de signature", lambda c: c.lieu_signature or None, marquee=False),
        Variable("convention.tribunal", "Ville du tribunal administratif", lambda c: c.tribunal or None, marquee=False),
        Variable("solde.formule", "Formule du solde, en une phrase", lambda c: write_formule(c.formule_solde), marquee=False),
        Variable("convention.originaux", "Nombre d’exemplaires originaux, en lettres", _originaux),
        *(
            Variable(f"{role}.{champ}", f"{titre} : {libelle}", _partie(role, read), marquee=champ.startswith("deliberation"))
            for role, titre in [("financeur", "Financeur"), ("beneficiaire", "Bénéficiaire")]
            for champ, libelle, read in [
                ("denomination", "dénomination", lambda p: p.denomination),
                ("nom_court", "nom court", lambda p: p.nom_court),
                ("deliberation_date", "date de délibération", lambda p: p.deliberation_date and format_date_longue(p.deliberation_date)),
                ("deliberation_numero", "numéro de délibération", lambda p: p.deliberation_numero or None),
            ]
        ),
    ]
}


def is_known(nom: str) -> bool:
    """Tell whether a name belongs to the closed list; `montant.` and `taux.` take the key of a declared amount."""
    return nom in VARIABLES or nom in BLOCS or re.fullmatch(r"(montant|taux)\.[a-z0-9_-]+", nom) is not None


def find_unknown(texte: str) -> list[str]:
    """Names written in `texte` that are not in the list, in order, once each."""
    return list(dict.fromkeys(nom for nom in MOTIF.findall(texte) if not is_known(nom)))


@dataclass(frozen=True)
class Valeur:
    """What a variable shows: a text, or a blank of `blanc` dots when unknown."""

    nom: str
    texte: str | None
    blanc: int
    marquee: bool = True


def read_values(convention: "Convention") -> dict[str, Valeur]:
    """Value of every variable of one convention, declared amounts included; blocks are left to the page."""
    valeurs = {nom: Valeur(nom, v.value(convention) or None, v.blanc, v.marquee) for nom, v in VARIABLES.items()}
    for declare in convention.montants_declares.all():
        montant = format_euros(declare.montant) if declare.montant is not None else None
        taux = format_taux(declare.taux) if declare.taux is not None else None
        valeurs[f"montant.{declare.cle}"] = Valeur(f"montant.{declare.cle}", montant, 16)
        valeurs[f"taux.{declare.cle}"] = Valeur(f"taux.{declare.cle}", taux, 8)
    return valeurs


def refuse_unknown(**textes: str) -> None:
    """Refuse variables outside the closed list, naming each."""
    erreurs = {champ: inconnues for champ, texte in textes.items() if (inconnues := find_unknown(texte))}
    if erreurs:
        raise ValidationError({champ: [f"« {nom} » n’est pas une variable connue." for nom in noms] for champ, noms in erreurs.items()})
