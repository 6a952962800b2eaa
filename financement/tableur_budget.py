"""The budget of a convention as a spreadsheet: one sheet a view, and the template that comes back filled.

What leaves comes back: importing an unchanged export changes nothing.
"""

import csv
from decimal import Decimal
from io import StringIO

from conventions.models import Convention
from fiches.models import FicheAction
from financement.cofinancements import NON_REPARTI
from financement.couts import LigneCout, NatureDepense
from financement.imports.champs import NOMS_MODELE
from financement.recapitulatif import Recapitulatif, list_autres
from financement.syntheses import compute_recapitulatif, read_by_fiche
from financement.tableaux import build_couts
from financement.tableur_recapitulatif import add_recapitulatif, show
from socle.ecriture_ods import write_ods
from socle.ecriture_xlsx import build_xlsx
from socle.lecture_classeur import name_colonne
from socle.montants import ZERO
from socle.tableaux import ClasseurEcrit, Colonne, Somme, Tableau, Valeur
from socle.tableur import clean_text, save_classeur
from socle.typographie import format_date_longue

FORMATS = ("xlsx", "ods", "csv")
MODE_EMPLOI = [
    "Ce classeur se remplit dans Excel ou LibreOffice, puis se dépose dans Trait d’union, page « Imports » de la convention.",
    "Rien n’est écrit au dépôt : un aperçu montre ce qui serait ajouté, changé ou refusé, et vous confirmez.",
    "Feuille « Coûts » : une ligne par dépense. Le code, la nature et l’année se choisissent dans une liste.",
    "Le montant peut rester vide quand les jours et le tarif sont donnés : il est calculé.",
    "« sur devis » et « à déterminer » s’écrivent à la place d’un montant inconnu.",
    "Deux dépenses de même fiche, même nature et même année se distinguent par leur libellé.",
    "Feuille « Parts » : une ligne par financeur, avec un taux ou un montant. Nature et année vides : la part vaut pour toute la fiche.",
    "Une ligne effacée ici ne supprime rien : l’import ajoute et change, il ne retire pas. Pour retirer une dépense, ouvrez la fiche.",
    "Les titres des colonnes sont verrouillés, sans mot de passe, pour que le fichier soit reconnu à son retour.",
]


def write_budget(convention: Convention, forme: str, modele: bool = False) -> bytes:
    """The budget in one of `FORMATS`; `modele` for the template to fill, with lists and instructions."""
    budget = Budget(convention)
    if forme == "csv":
        return budget.write_csv()
    classeur = budget.build_modele() if modele else budget.build()
    if forme == "ods":
        if not modele:
            classeur.tableaux += [budget.build_recapitulatif(), *budget.build_autres()]
        return write_ods(classeur)
    sortie = build_xlsx(classeur)
    if not modele:
        add_recapitulatif(sortie, budget.recap)
    return save_classeur(sortie)


class Budget:
    """Costs and shares of one convention, read once, laid in sheets."""

    def __init__(self, convention: Convention) -> None:
        self.convention = convention
        self.fiches = list(convention.fiches.all())
        self.couts, self.parts = read_by_fiche([f.pk for f in self.fiches])
        self.annees = sorted({*convention.annees, *(c.annee for couts in self.couts.values() for c in couts)})

    @property
    def recap(self) -> Recapitulatif:
        return compute_recapitulatif(self.convention)

    def build(self) -> ClasseurEcrit:
        """The views to read."""
        return ClasseurEcrit(self._title("Budget"), [self._build_par_fiche(), self._build_couts(), self._build_parts()])

    def build_modele(self) -> ClasseurEcrit:
        """The template to fill: the rows as they are, lists to choose from, instructions."""
        listes = {
            "Codes": [f.code for f in self.fiches],
            "Natures": [n.nom for n in NatureDepense.objects.all()],
            "Annees": [str(a) for a in self.annees],
            "Financeurs": [*(p.organisation.nom for p in self.convention.parties.all()), *self._list_autres(), NON_REPARTI],
        }
        tableaux = [self._build_couts(modele=True), self._build_parts(modele=True)]
        return ClasseurEcrit(self._title("Modèle de budget"), tableaux, {k: v for k, v in listes.items() if v}, MODE_EMPLOI)

    def _list_autres(self) -> list[str]:
        """Financeurs of the shares that are no party."""
        parties = {p.organisation_id for p in self.convention.parties.all()}
        autres = {p.financeur.nom for parts in self.parts.values() for p in parts if p.financeur and p.financeur_id not in parties}
        return sorted(autres)

    def _title(self, quoi: str) -> str:
        return f"{quoi} – {self.convention.titre} ({self.convention.reference})"

    def _build_couts(self, modele: bool = False) -> Tableau:
        """One row a cost: the shape that imports read without asking."""
        colonnes = [
            Colonne("Code", 12, liste="Codes", aide="Le code de la fiche, à choisir dans la liste."),
            Colonne("Titre", 44),
            Colonne("Nature", 26, liste="Natures", aide="La nature de dépense, à choisir dans la liste."),
            Colonne("Libellé", 28),
            Colonne("Année", 9, "annee", liste="Annees"),
            Colonne("Jours", 10, "jours"),
            Colonne("Tarif du jour", 14, "euros"),
            Colonne("Montant", 16, "euros"),
            Colonne("Mention", 28),
        ]
        tableau = Tableau(NOMS_MODELE[0], colonnes, figees=2, modifiable=modele)
        tableau.titre = [] if modele else [self._title("Coûts"), "Une ligne par dépense. Montants en euros."]
        tableau.lignes = [self._write_cout(fiche, ligne) for fiche in self.fiches for ligne in self.couts[fiche.pk]]
        if tableau.lignes and not modele:
            total = sum((li.montant.amount for couts in self.couts.values() for li in couts if li.montant is not None), ZERO)
            plage = f"H{tableau.rang_of(0)}:H{tableau.rang_of(len(tableau.lignes) - 1)}"
            tableau.fortes.add(len(tableau.lignes))
            tableau.lignes.append(["Total", None, None, None, None, None, None, Somme((plage,), total), None])
        return tableau

    def _write_cout(self, fiche: FicheAction, ligne: LigneCout) -> list[Valeur]:
        montant: Valeur = ligne.montant.amount if ligne.montant is not None else ligne.get_chiffrage_display().lower()
        tarif = ligne.tarif_journalier.amount if ligne.tarif_journalier is not None else None
        return [
            fiche.code,
            fiche.nom_court,
            ligne.nature.nom,
            ligne.libelle or None,
            ligne.annee,
            ligne.jours,
            tarif,
            montant,
            ligne.mention or None,
        ]

    def _build_parts(self, modele: bool = False) -> Tableau:
        """One row a share."""
        colonnes = [
            Colonne("Code", 12, liste="Codes"),
            Colonne("Titre", 44),
            Colonne("Financeur", 32, liste="Financeurs", aide="Qui paie, à choisir dans la liste."),
            Colonne("Nature", 26, liste="Natures", aide="Vide : toutes les natures."),
            Colonne("Année", 9, "annee", liste="Annees", aide="Vide : toutes les années."),
            Colonne("Taux", 11, "taux"),
            Colonne("Montant de la part", 18, "euros"),
            Colonne("Mention", 28),
        ]
        tableau = Tableau(NOMS_MODELE[1], colonnes, figees=2, modifiable=modele)
        tableau.titre = [] if modele else [self._title("Parts"), "Une ligne par financeur. Nature ou année vide : toutes."]
        for fiche in self.fiches:
            for part in self.parts[fiche.pk]:
                qui = part.financeur.nom if part.financeur else NON_REPARTI
                nature = part.nature.nom if part.nature else None
                montant = part.montant.amount if part.montant is not None else None
                tableau.lignes.append([fiche.code, fiche.nom_court, qui, nature, part.annee, part.taux, montant, part.mention or None])
        return tableau

    def _build_par_fiche(self) -> Tableau:
        """Natures in rows, years in columns, a subtotal a fiche: the view people read and print."""
        colonnes = [Colonne("Code", 12), Colonne("Action", 40), Colonne("Nature", 34)]
        colonnes += [Colonne(str(annee), 16, "euros") for annee in self.annees] + [Colonne("Total", 16, "euros")]
        tableau = Tableau("Par fiche", colonnes, figees=3, titre=[self._title("Budget par fiche"), self._describe_dates()])
        sous_totaux: list[int] = []
        ensemble = dict.fromkeys(self.annees, ZERO)
        for fiche in self.fiches:
            couts = build_couts(self.couts[fiche.pk], self.annees)
            if couts.is_vide:
                continue
            debut = len(tableau.lignes)
            for ligne in couts.lignes:
                montants: list[Valeur] = [show(ligne.par_annee[a]) if a in ligne.par_annee else None for a in self.annees]
                tableau.lignes.append([fiche.code, fiche.nom_court, ligne.titre, *montants, self._sum_row(tableau, ligne.ensemble.montant)])
            fin = len(tableau.lignes) - 1
            annuels = [couts.total.par_annee[a].montant or ZERO if a in couts.total.par_annee else ZERO for a in self.annees]
            sommes: list[Valeur] = [
                Somme((f"{self._letter(i)}{tableau.rang_of(debut)}:{self._letter(i)}{tableau.rang_of(fin)}",), m)
                for i, m in enumerate(annuels)
            ]
            sous_totaux.append(len(tableau.lignes))
            tableau.fortes.add(len(tableau.lignes))
            tableau.lignes.append([f"Total {fiche.code}", None, None, *sommes, self._sum_row(tableau, sum(annuels, ZERO))])
            for annee, montant in zip(self.annees, annuels, strict=True):
                ensemble[annee] += montant
        if sous_totaux:
            rangs = [tableau.rang_of(r) for r in sous_totaux]
            totaux: list[Valeur] = [Somme(tuple(f"{self._letter(i)}{r}" for r in rangs), m) for i, m in enumerate(ensemble.values())]
            tableau.fortes.add(len(tableau.lignes))
            tableau.lignes.append(["Total général", None, None, *totaux, self._sum_row(tableau, sum(ensemble.values(), ZERO))])
        return tableau

    def _letter(self, rang: int) -> str:
        """Letter of a year's column in « Par fiche »: after code, action and nature."""
        return name_colonne(3 + rang)

    def _sum_row(self, tableau: Tableau, montant: Decimal | None) -> Valeur:
        """The sum of the years of the row about to be added."""
        if montant is None or not self.annees:
            return None
        rang = tableau.rang_of(len(tableau.lignes))
        return Somme((f"D{rang}:{self._letter(len(self.annees) - 1)}{rang}",), montant)

    def _describe_dates(self) -> str:
        fin = f", jusqu’au {format_date_longue(self.convention.date_fin)}" if self.convention.date_fin else ""
        return f"Montants en euros{fin}. Une case vide : aucune dépense prévue."

    def build_recapitulatif(self) -> Tableau:
        """The recap with one row of titles, for programs that read columns."""
        recap = self.recap
        colonnes = [Colonne("Code", 12), Colonne("Action", 46)]
        colonnes += [Colonne(f"{nom} {annee}", 16, "euros") for annee in recap.annees for _, nom in recap.colonnes]
        colonnes.append(Colonne(recap.nom_periode, 16, "euros"))
        tableau = Tableau(
            "Récapitulatif", colonnes, figees=2, titre=[self._title("Récapitulatif financier"), "Calculé depuis les fiches, en euros."]
        )
        for groupe in recap.groupes:
            for ligne in groupe.lignes:
                if ligne.fiche:
                    montants: list[Valeur] = [place.cellule.montant for place in ligne.cellules_annees]
                    tableau.lignes.append([ligne.fiche.code, ligne.fiche.nom_court, *montants, ligne.total_periode.montant])
            tableau.fortes.add(len(tableau.lignes))
            sommes: list[Valeur] = [place.cellule.montant for place in groupe.sous_total.cellules_annees]
            tableau.lignes.append([f"Total {groupe.axe.titre}", None, *sommes, groupe.sous_total.total_periode.montant])
        tableau.fortes.add(len(tableau.lignes))
        generaux: list[Valeur] = [place.cellule.montant for place in recap.total.cellules_annees]
        tableau.lignes.append(["Total général", None, *generaux, recap.total.total_periode.montant])
        return tableau

    def build_autres(self) -> list[Tableau]:
        """Detail of the « Autres » column, when the recap has one."""
        colonnes = [
            Colonne("Code", 12),
            Colonne("Action", 46),
            Colonne("Financeur", 30),
            Colonne("Année", 9, "annee"),
            Colonne("Montant", 16, "euros"),
        ]
        lignes: list[list[Valeur]] = [
            [a.fiche.code, a.fiche.nom_court, a.financeur.nom, a.annee, a.montant] for a in list_autres(self.recap)
        ]
        return [Tableau("Autres financeurs", colonnes, lignes, figees=2)] if lignes else []

    def write_csv(self) -> bytes:
        """The costs for French programs: semicolons, decimal commas, UTF-8 with its mark."""
        tableau = self._build_couts(modele=True)
        sortie = StringIO()
        table = csv.writer(sortie, delimiter=";", lineterminator="\r\n")
        table.writerow([colonne.titre for colonne in tableau.colonnes])
        for ligne in tableau.lignes:
            table.writerow([_write_csv(valeur) for valeur in ligne])
        return sortie.getvalue().encode("utf-8-sig")


def _write_csv(valeur: Valeur) -> str:
    if valeur is None:
        return ""
    if isinstance(valeur, Decimal):
        return f"{valeur:f}".replace(".", ",")
    return clean_text(valeur) if isinstance(valeur, str) else str(valeur)
