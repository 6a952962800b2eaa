"""The recap for other programs: JSON and CSV of the same figures as the page.

Shape of the JSON: `{"convention", "annees", "lignes": [{"axe", "code", "annee", "financeur", "montant"}],
"totaux": [{"axe"|null, "annee"|null, "financeur"|null, "montant"}]}`; amounts are texts with two decimals.
Only known amounts are lines; the words of unknown ones are listed apart, in `sans_montant`.
"""

import csv
import json
from decimal import Decimal
from io import StringIO
from typing import Any

from financement.recapitulatif import TOTAL, Ligne, Recapitulatif
from socle.tableur import clean_text

SEPARATEUR = ";"


def build_json(recap: Recapitulatif) -> dict[str, Any]:
    """The recap as plain data."""
    lignes: list[dict[str, Any]] = []
    sans_montant: list[dict[str, Any]] = []
    for groupe in recap.groupes:
        for ligne in groupe.lignes:
            place = {"axe": groupe.axe.titre, "code": ligne.fiche.code if ligne.fiche else ""}
            for annee in recap.annees:
                for financeur in recap.financeurs:
                    montant = ligne.get(annee, financeur.id).montant
                    if montant is not None:
                        lignes.append({**place, "annee": annee, "financeur": financeur.nom, "montant": write_montant(montant)})
            for (annee_ou_periode, financeur_id), cellule in ligne.cellules.items():
                if financeur_id == TOTAL and cellule.reserves and (annee_ou_periode is not None or recap.declare):
                    sans_montant.append({**place, "annee": annee_ou_periode, "mention": ", ".join(cellule.reserves)})
    totaux = [t for groupe in recap.groupes for t in list_totaux(recap, groupe.sous_total, groupe.axe.titre)]
    totaux += list_totaux(recap, recap.total, None)
    return {
        "convention": recap.convention.reference,
        "annees": recap.annees,
        "lignes": lignes,
        "totaux": totaux,
        "sans_montant": sans_montant,
    }


def list_totaux(recap: Recapitulatif, ligne: Ligne, axe: str | None) -> list[dict[str, Any]]:
    """Sums of one subtotal or of the whole, by year then for the period, by financeur then all together."""
    totaux = []
    for annee in [*recap.annees, None]:
        for financeur_id, nom in [*((f.id, f.nom) for f in recap.financeurs), (TOTAL, None)]:
            montant = ligne.get(annee, financeur_id).montant
            if montant is not None:
                totaux.append({"axe": axe, "annee": annee, "financeur": nom, "montant": write_montant(montant)})
    return totaux


def write_montant(montant: Decimal) -> str:
    """« 1234.50 »."""
    return f"{montant:.2f}"


def write_json(recap: Recapitulatif) -> bytes:
    """The JSON text, in UTF-8."""
    return (json.dumps(build_json(recap), ensure_ascii=False, indent=2) + "\n").encode()


def write_csv(recap: Recapitulatif) -> bytes:
    """A CSV that French spreadsheet programs open as is: semicolons, decimal commas, UTF-8 with its mark."""
    sortie = StringIO()
    table = csv.writer(sortie, delimiter=SEPARATEUR, lineterminator="\r\n")
    table.writerow(["convention", "axe", "code", "annee", "financeur", "montant"])
    for ligne in build_json(recap)["lignes"]:
        table.writerow(
            [
                recap.convention.reference,
                clean_text(ligne["axe"]),
                clean_text(ligne["code"]),
                ligne["annee"],
                clean_text(ligne["financeur"]),
                ligne["montant"].replace(".", ","),
            ]
        )
    return sortie.getvalue().encode("utf-8-sig")
