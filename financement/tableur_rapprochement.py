"""The comparison of both recaps, and the list of contradictions, as a spreadsheet for the meeting."""

from collections.abc import Sequence

from conventions.models import Convention
from financement.controles.presentation import Point
from financement.controles.regles import PAR_IDENTIFIANT
from financement.rapprochement import Rapprochement
from socle.controles import Gravite
from socle.ecriture_xlsx import build_xlsx
from socle.tableaux import ClasseurEcrit, Colonne, Tableau
from socle.tableur import save_classeur


def write_rapprochement_xlsx(convention: Convention, rapprochement: Rapprochement | None, points: Sequence[Point]) -> bytes:
    """A workbook: the gaps, every compared cell, the contradictions that are open or accepted."""
    tableaux = []
    if rapprochement:
        tableaux += [_compare(rapprochement, "Écarts", True), _compare(rapprochement, "Toutes les cellules", False)]
    tableaux.append(_list_points(convention, points))
    return save_classeur(build_xlsx(ClasseurEcrit(f"Rapprochement – {convention.reference}", tableaux)))


def _compare(rapprochement: Rapprochement, nom: str, ecarts: bool) -> Tableau:
    convention = rapprochement.convention
    tableau = Tableau(
        nom,
        [
            Colonne("Axe", 18),
            Colonne("Fiche", 12),
            Colonne("Action", 46),
            Colonne("Année", 8, "annee"),
            Colonne("Financeur", 18),
            Colonne("Annexe", 16, "euros"),
            Colonne("Fiches", 16, "euros"),
            Colonne("Écart (annexe − fiches)", 18, "euros"),
            Colonne("En mots", 24),
            Colonne("Décision de la réunion", 40),
        ],
        titre=[convention.titre, f"{convention.reference} – récapitulatif imprimé et récapitulatif calculé depuis les fiches, en euros"],
        figees=2,
    )
    for groupe, ligne, cote in rapprochement.cotes():
        if ligne.fiche is None or (ecarts and not cote.differe):
            continue
        mots = " / ".join(filter(None, [cote.mots_declares, cote.mots_calcules]))
        tableau.lignes.append(
            [groupe.axe.titre, ligne.fiche.code, ligne.titre, cote.annee, cote.nom, cote.declare, cote.calcule, cote.ecart, mots, None]
        )
    return tableau


def _list_points(convention: Convention, points: Sequence[Point]) -> Tableau:
    tableau = Tableau(
        "Contradictions",
        [
            Colonne("Gravité", 13),
            Colonne("Objet", 18),
            Colonne("Contrôle", 44),
            Colonne("Année", 8, "annee"),
            Colonne("Financeur", 18),
            Colonne("Constat", 70),
            Colonne("Écart", 16, "euros"),
            Colonne("Accepté par", 22),
            Colonne("Motif", 50),
            Colonne("Décision de la réunion", 40),
        ],
        titre=[convention.titre, f"{convention.reference} – contrôles de cohérence"],
        figees=2,
    )
    for point in points:
        contradiction, acceptation = point.contradiction, point.acceptation
        tableau.lignes.append(
            [
                Gravite(contradiction.gravite).libelle,
                contradiction.objet,
                PAR_IDENTIFIANT[contradiction.regle].titre,
                contradiction.annee,
                point.contenu["financeur"],
                point.contenu["message"],
                point.ecart,
                str(acceptation.auteur) if acceptation else None,
                acceptation.motif if acceptation else None,
                None,
            ]
        )
    return tableau
