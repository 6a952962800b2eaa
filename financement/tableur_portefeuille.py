"""The portfolio to download: a workbook with real sums, or a table for other programs; what the filters show, whole."""

from collections.abc import Sequence
from decimal import Decimal

from financement.portefeuille import GROUPEMENTS, Chiffres, Portefeuille, Rangee
from socle.ecriture_csv import Cellule, write_csv
from socle.ecriture_xlsx import build_xlsx
from socle.tableaux import ClasseurEcrit, Colonne, Somme, Tableau, Valeur
from socle.tableur import save_classeur

COLONNES = [
    Colonne("Convention", 46),
    Colonne("Référence", 24),
    Colonne("État", 16),
    Colonne("Partenaires", 34),
    Colonne("Politiques publiques", 34),
    Colonne("Période", 14),
    Colonne("Année", 8, "annee"),
    Colonne("Prévu", 16, "euros"),
    Colonne("Réalisé", 16, "euros"),
    Colonne("Taux", 10, "taux"),
    Colonne("Payé", 16, "euros"),
    Colonne("Bilans", 40),
    Colonne("Bilans en retard", 10, "annee"),
    Colonne("Ce que les montants ne comptent pas", 34),
]
SOMMES = {7: "H", 8: "I", 10: "K", 12: "M"}  # columns that are summed
REPETEES = "Une convention peut y figurer plusieurs fois : les sous-totaux ne s’additionnent pas."


def write_portefeuille_xlsx(portefeuille: Portefeuille, filtres: Sequence[str]) -> bytes:
    """A sheet with each agreement once and its total; the groups asked for on a sheet of their own. `filtres` says what was asked."""
    titre = ["Portefeuille des conventions", " – ".join([*filtres, "montants en euros, vide : inconnu"])]
    tableaux = [_list_conventions(portefeuille, titre)]
    if portefeuille.is_groupe:
        tableaux.append(_list_groupes(portefeuille, titre))
    return save_classeur(build_xlsx(ClasseurEcrit("Portefeuille des conventions", tableaux)))


def _list_conventions(portefeuille: Portefeuille, titre: list[str]) -> Tableau:
    tableau = Tableau("Conventions", COLONNES, titre=titre, figees=1)
    tableau.lignes = [_write_rangee(r) for r in portefeuille.rangees]
    if tableau.lignes:
        plage = (0, len(tableau.lignes) - 1)
        _add_somme(tableau, "Total", portefeuille.total, [plage])
    return tableau


def _list_groupes(portefeuille: Portefeuille, titre: list[str]) -> Tableau:
    """Groups with their subtotals; the total only where it is their sum."""
    nom = GROUPEMENTS[portefeuille.filtres.par]
    titre = [f"{titre[0]}, {nom.lower()}", titre[1]]
    if portefeuille.is_repetee:
        titre.append(REPETEES)
    tableau = Tableau(nom, [Colonne(nom.removeprefix("Par ").capitalize(), 34), *COLONNES], titre=titre, figees=2)
    plages = []
    for groupe in portefeuille.groupes:
        debut = len(tableau.lignes)
        tableau.lignes += [[groupe.titre, *_write_rangee(r)] for r in groupe.rangees]
        plages.append((debut, len(tableau.lignes) - 1))
        _add_somme(tableau, f"Total {groupe.titre}", groupe.chiffres, plages[-1:], 1)
    if plages and not portefeuille.is_repetee:
        _add_somme(tableau, "Total", portefeuille.total, plages, 1)
    return tableau


def _write_rangee(rangee: Rangee) -> list[Valeur]:
    suivie, chiffres = rangee.suivie, rangee.chiffres
    return [
        suivie.convention.titre,
        suivie.convention.reference,
        suivie.convention.get_etat_display(),
        ", ".join(p.denomination for p in suivie.partenaires) or None,
        ", ".join(p.nom for p in suivie.politiques) or None,
        suivie.periode or None,
        rangee.annee,
        chiffres.prevu.montant,
        chiffres.realise.montant,
        chiffres.taux,
        chiffres.paye,
        ", ".join(f"{b.annee} {b.mots}" for b in rangee.bilans) or None,
        chiffres.retards,
        chiffres.reserves or None,
    ]


def _add_somme(tableau: Tableau, titre: str, chiffres: Chiffres, plages: Sequence[tuple[int, int]], decalage: int = 0) -> None:
    """A row that sums ranges of rows; what is unknown everywhere stays unknown. `decalage`: columns before those of `COLONNES`."""
    valeurs: dict[int, Decimal | None] = {
        7: chiffres.prevu.montant,
        8: chiffres.realise.montant,
        10: chiffres.paye,
        12: Decimal(chiffres.retards),
    }
    ligne: list[Valeur] = [None] * len(tableau.colonnes)
    for rang, lettre in SOMMES.items():
        colonne, valeur = chr(ord(lettre) + decalage), valeurs[rang]
        if valeur is not None:
            cases = tuple(f"{colonne}{tableau.rang_of(debut)}:{colonne}{tableau.rang_of(fin)}" for debut, fin in plages)
            ligne[rang + decalage] = Somme(cases, valeur)
    ligne[0], ligne[9 + decalage] = titre, chiffres.taux
    tableau.fortes.add(len(tableau.lignes))
    tableau.lignes.append(ligne)


def write_portefeuille_csv(portefeuille: Portefeuille) -> bytes:
    """One row an agreement, or one a group and agreement; no total, since a program sums what it reads."""
    entetes = [c.titre for c in COLONNES]
    if not portefeuille.is_groupe:
        return write_csv(entetes, ([_show(v) for v in _write_rangee(r)] for r in portefeuille.rangees))
    lignes = ([groupe.titre, *(_show(v) for v in _write_rangee(r))] for groupe in portefeuille.groupes for r in groupe.rangees)
    return write_csv(["Groupe", *entetes], lignes)


def _show(valeur: Valeur) -> Cellule:
    """A value as French programs read it; nothing for what is unknown."""
    if isinstance(valeur, Decimal):
        return f"{valeur:.2f}".replace(".", ",")
    return "" if valeur is None or isinstance(valeur, Somme) else valeur
