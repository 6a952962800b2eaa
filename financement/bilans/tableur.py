"""The bilan as a spreadsheet: what is typed stands on « Dépenses », « Fiches » and « Indicateurs »; the rest is live formulas on them.

Ranges are summed rather than searched by code: a spreadsheet takes « 1.10 » and « 1.1 » for the same number.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from openpyxl import Workbook
from openpyxl.utils import get_column_letter

from financement.bilans.comptes import Compte
from financement.bilans.feuilles import INCONNU, Colonne, Feuille, Plage, Valeur, compare, compute, create_classeur, show
from financement.bilans.formules import Mesure, rate_mesure
from financement.bilans.solde import Soldes
from financement.bilans.suivi import FicheSuivie, LigneSuivie, MesureSuivie, Synthese
from financement.bilans.tableur_solde import Sources, write_objectifs, write_solde
from socle.tableur import save_classeur

DEPENSES = [
    Colonne("Fiche", 12, "texte"),
    Colonne("Nature", 30, "texte"),
    Colonne("Libellé", 28, "texte"),
    Colonne("Au plan", 9, "texte"),
    Colonne("Jours prévus", 10, "jours"),
    Colonne("Jours réalisés", 10, "jours"),
    Colonne("Tarif journalier", 13),
    Colonne("Prévu"),
    Colonne("Réalisé"),
    Colonne("Écart", 15, "ecart"),
    Colonne("Taux", 10, "taux"),
    Colonne("D’où vient le réalisé", 24, "texte"),
]
FICHES = [
    Colonne("Fiche", 12, "texte"),
    Colonne("Action", 44, "texte"),
    Colonne("Axe", 26, "texte"),
    Colonne("État", 22, "texte"),
    Colonne("Prévu"),
    Colonne("Réalisé"),
    Colonne("Écart", 15, "ecart"),
    Colonne("Taux", 10, "taux"),
    Colonne("Jours prévus", 10, "jours"),
    Colonne("Jours réalisés", 10, "jours"),
]
PARTS = len(FICHES) + 1  # first column of the financeurs
INDICATEURS = [
    Colonne("Fiche", 12, "texte"),
    Colonne("Action", 36, "texte"),
    Colonne("Indicateur", 44, "texte"),
    Colonne("Unité", 14, "texte"),
    Colonne("Cible", 12, "nombre"),
    Colonne("Atteint", 12, "nombre"),
    Colonne("Taux", 10, "taux"),
    Colonne("Explication", 50, "texte"),
]
RETENU = Colonne("Taux retenu pour le solde", 14, "taux")
SYNTHESE = [
    Colonne("Axe", 44, "texte"),
    Colonne("Prévu", 17),
    Colonne("Réalisé", 17),
    Colonne("Écart", 17, "ecart"),
    Colonne("Taux", 11, "taux"),
    Colonne("Jours prévus", 12, "jours"),
    Colonne("Jours réalisés", 12, "jours"),
    Colonne("Écart de jours", 12, "ecart_jours"),
    Colonne("Taux de jours", 11, "taux"),
]


def write_bilan_xlsx(soldes: Soldes) -> bytes:
    """The workbook of one bilan."""
    synthese = soldes.synthese
    bilan = synthese.bilan
    classeur = create_classeur(f"Bilan {bilan.annee} – {bilan.convention.reference}")
    tete = Feuille(classeur, "Synthèse", bilan, SYNTHESE)
    fiches = TableFiches(classeur, synthese)
    depenses = TableDepenses(classeur, synthese)
    fiches.fill(depenses)
    indicateurs = TableIndicateurs(classeur, synthese, avec_retenu=bool(soldes.poids))
    _write_synthese(tete, synthese, fiches, depenses)
    sources = Sources(
        prevu=depenses.plage_of("H"),
        realise=depenses.plage_of("I"),
        total_prevu=depenses.total_of("H"),
        total_realise=depenses.total_of("I"),
        parts={cle: fiches.feuille.at(f"{lettre}{fiches.total}") for cle, lettre in fiches.prevus.items()} if fiches.total else {},
    )
    if soldes.poids:
        poids = {pk: fiches.feuille.at(f"E{rang}") for pk, rang in fiches.rangs.items()}
        etats = {pk: fiches.feuille.at(f"D{rang}") for pk, rang in fiches.rangs.items()}
        retenus = {pk: indicateurs.feuille.at(plage.of("I")) for pk, plage in indicateurs.plages.items()}
        sources.objectifs = write_objectifs(classeur, soldes, poids, etats, retenus)
    write_solde(classeur, soldes, sources)
    return save_classeur(classeur)


@dataclass
class TableDepenses:
    """One row a line, all that was typed; `plages` says where each fiche stands."""

    classeur: Workbook
    synthese: Synthese
    plages: dict[int, Plage] = field(default_factory=dict)
    total: int = 0

    def __post_init__(self) -> None:
        self.feuille = Feuille(self.classeur, "Dépenses", self.synthese.bilan, DEPENSES)
        self.feuille.titres(figees=3)
        self.lignes = Plage(self.feuille.rang)
        for fiche in self.synthese.fiches:
            self.plages[fiche.objet.pk] = plage = Plage(self.feuille.rang)
            for ligne in fiche.lignes:
                plage.fin = self.feuille.write(self._list_valeurs(fiche, ligne, self.feuille.rang))
        self.lignes.fin = self.feuille.rang - 1
        if self.lignes:
            self._sum()
        self.feuille.close()

    @staticmethod
    def _list_valeurs(fiche: FicheSuivie, ligne: LigneSuivie, rang: int) -> list[Valeur]:
        objet = ligne.objet
        source = ligne.source or ("saisi" if ligne.is_saisie else "")
        realise: Valeur = show(ligne.euros.realise)
        if source == "jours × tarif":
            realise = compute(f"=ROUND(F{rang}*G{rang},2)", ligne.euros.realise)
        return [
            fiche.objet.code,
            objet.nature.nom,
            objet.libelle,
            "oui" if objet.au_plan else "non",
            show(ligne.jours.prevu),
            show(ligne.jours.realise),
            show(objet.tarif.amount if objet.tarif is not None else None),
            objet.prevu_mention or INCONNU if ligne.euros.prevu is None else ligne.euros.prevu,
            realise,
            *compare(ligne.euros, f"H{rang}", f"I{rang}"),
            source,
        ]

    def _sum(self) -> None:
        euros, jours = self.synthese.euros, self.synthese.jours
        sommes = {"E": jours.prevu, "F": jours.realise, "H": euros.prevu, "I": euros.realise}
        cases = {c: compute(f"=SUM({self.lignes.of(c)})", valeur) for c, valeur in sommes.items()}
        rang = self.feuille.rang
        ecart = compare(euros, f"H{rang}", f"I{rang}")
        self.total = self.feuille.write(["Total", "", "", "", cases["E"], cases["F"], None, cases["H"], cases["I"], *ecart, ""], forte=True)

    def plage_of(self, colonne: str) -> str:
        """The figures of a column, seen from another sheet; empty without line."""
        return self.feuille.at(self.lignes.of(colonne)) if self.lignes else ""

    def total_of(self, colonne: str) -> str:
        """Their total; empty without line."""
        return self.feuille.at(f"{colonne}{self.total}") if self.total else ""


@dataclass
class TableFiches:
    """One row a fiche: sums of its lines, planned and paid by each financeur."""

    classeur: Workbook
    synthese: Synthese
    rangs: dict[int, int] = field(default_factory=dict)
    axes: list[Plage] = field(default_factory=list)
    prevus: dict[int | None, str] = field(default_factory=dict)  # column of what each financeur planned
    payes: dict[int | None, str] = field(default_factory=dict)
    total: int = 0

    def __post_init__(self) -> None:
        self.financeurs = self.synthese.financeurs
        colonnes = list(FICHES)
        for part in self.financeurs:
            colonnes += [Colonne(f"Prévu {part.nom}"), Colonne(f"Payé {part.nom}")]
        self.feuille = Feuille(self.classeur, "Fiches", self.synthese.bilan, colonnes)
        for rang, part in enumerate(self.financeurs):
            self.prevus[part.cle] = get_column_letter(PARTS + 2 * rang)
            self.payes[part.cle] = get_column_letter(PARTS + 2 * rang + 1)

    def fill(self, depenses: TableDepenses) -> None:
        """Write the rows, once it is known where their lines stand."""
        self.feuille.titres(figees=2)
        debut = self.feuille.rang
        for axe in self.synthese.axes:
            self.axes.append(plage := Plage(self.feuille.rang))
            for fiche in axe.fiches:
                plage.fin = self._write(fiche, depenses)
        if self.rangs:
            self._sum(Plage(debut, self.feuille.rang - 1))
        self.feuille.close()

    def _write(self, fiche: FicheSuivie, depenses: TableDepenses) -> int:
        objet, rang, plage = fiche.objet, self.feuille.rang, depenses.plages[fiche.objet.pk]

        def add(colonne: str, valeur: Decimal | None) -> Valeur:
            return compute(f"=SUM({depenses.feuille.at(plage.of(colonne))})", valeur) if plage else INCONNU

        parts = {p.cle: p.compte for p in fiche.parts}
        croisees: list[Valeur] = []
        for part in self.financeurs:
            compte = parts.get(part.cle, Compte())
            croisees += [show(compte.prevu), show(compte.realise)]
        self.rangs[objet.pk] = rang
        return self.feuille.write(
            [
                objet.code,
                objet.titre,
                objet.axe_titre,
                objet.get_etat_display() or INCONNU,
                add("H", fiche.euros.prevu),
                add("I", fiche.euros.realise),
                *compare(fiche.euros, f"E{rang}", f"F{rang}"),
                add("E", fiche.jours.prevu),
                add("F", fiche.jours.realise),
                *croisees,
            ]
        )

    def _sum(self, plage: Plage) -> None:
        rang, s = self.feuille.rang, self.synthese
        sommes: list[Valeur] = []
        for part in self.financeurs:
            sommes.append(compute(f"=SUM({plage.of(self.prevus[part.cle])})", part.compte.prevu))
            sommes.append(compute(f"=SUM({plage.of(self.payes[part.cle])})", part.compte.realise))
        self.total = self.feuille.write(
            [
                "Total",
                "",
                "",
                "",
                compute(f"=SUM({plage.of('E')})", s.euros.prevu),
                compute(f"=SUM({plage.of('F')})", s.euros.realise),
                *compare(s.euros, f"E{rang}", f"F{rang}"),
                compute(f"=SUM({plage.of('I')})", s.jours.prevu),
                compute(f"=SUM({plage.of('J')})", s.jours.realise),
                *sommes,
            ],
            forte=True,
        )


@dataclass
class TableIndicateurs:
    """One row an indicator; with the rate that the solde keeps, when its formula looks at the objectives."""

    classeur: Workbook
    synthese: Synthese
    avec_retenu: bool
    plages: dict[int, Plage] = field(default_factory=dict)

    def __post_init__(self) -> None:
        colonnes = [*INDICATEURS, RETENU] if self.avec_retenu else INDICATEURS
        self.feuille = Feuille(self.classeur, "Indicateurs", self.synthese.bilan, colonnes)
        self.feuille.titres(figees=1)
        for fiche in self.synthese.fiches:
            self.plages[fiche.objet.pk] = plage = Plage(self.feuille.rang)
            for mesure in fiche.mesures:
                plage.fin = self.feuille.write(self._list_valeurs(fiche, mesure, self.feuille.rang))
        self.feuille.close()

    @staticmethod
    def _list_valeurs(fiche: FicheSuivie, mesure: MesureSuivie, rang: int) -> list[Valeur]:
        objet = mesure.objet
        retenu: Valeur = INCONNU
        if objet.cible is not None:
            taux = rate_mesure(Mesure(objet.cible, objet.valeur))
            retenu = compute(f"=MAX(0,MIN(1,N(F{rang})/E{rang}))" if objet.cible > 0 else f"=IF(ISNUMBER(F{rang}),1,0)", taux)
        return [
            fiche.objet.code,
            fiche.objet.titre,
            objet.libelle,
            objet.unite,
            show(objet.cible),
            show(objet.valeur),
            compute(f"=F{rang}/E{rang}", mesure.taux),
            objet.explication,
            retenu,
        ]


def _write_synthese(feuille: Feuille, s: Synthese, fiches: TableFiches, depenses: TableDepenses) -> None:
    """By axe, by nature, by financeur: every figure is a formula on the sheets that follow."""
    feuille.titres(figees=1)
    debut = feuille.rang
    for axe, plage in zip(s.axes, fiches.axes, strict=True):
        sommes = [fiches.feuille.at(plage.of(c)) for c in "EFIJ"]
        _write_comptes(feuille, f"{axe.code} – {axe.titre}" if axe.code else axe.titre, axe.euros, axe.jours, sommes)
    if s.axes:
        ensemble = Plage(debut, feuille.rang - 1)
        _write_comptes(feuille, "Ensemble", s.euros, s.jours, [ensemble.of(c) for c in "BCFG"], forte=True)
    courts = ["Prévu", "Réalisé", "Écart", "Taux"]
    if s.natures:
        feuille.intertitre("Par nature de dépense")
        feuille.titres(titres=["Nature", *courts])
        noms, debut = depenses.plage_of("B"), feuille.rang
        for nom, compte in s.natures:
            egales = f"SUMPRODUCT(--EXACT({noms},A{feuille.rang}),{{}})"
            formules = [f"={egales.format(depenses.plage_of(c))}" for c in "HI"]
            _write_compte(feuille, nom, compte, formules)
        plage = Plage(debut, feuille.rang - 1)
        _write_compte(feuille, "Ensemble", s.euros, [f"=SUM({plage.of(c)})" for c in "BC"], forte=True)
    if s.financeurs:
        feuille.intertitre("Par financeur")
        feuille.titres(titres=["Financeur", "Prévu", "Payé", "Écart", "Taux"])
        debut = feuille.rang
        for part in s.financeurs:
            totaux = [fiches.feuille.at(f"{lettre}{fiches.total}") for lettre in (fiches.prevus[part.cle], fiches.payes[part.cle])]
            _write_compte(feuille, part.nom, part.compte, [f"={case}" for case in totaux])
        plage = Plage(debut, feuille.rang - 1)
        somme = Compte()
        for part in s.financeurs:
            somme.add(part.compte)
        _write_compte(feuille, "Ensemble", somme, [f"=SUM({plage.of(c)})" for c in "BC"], forte=True)
    feuille.close()


def _write_comptes(feuille: Feuille, nom: str, euros: Compte, jours: Compte, plages: list[str], forte: bool = False) -> None:
    """Euros and days, each a sum of a range."""
    rang = feuille.rang
    prevu, realise, prevus, realises = (f"=SUM({plage})" for plage in plages)
    valeurs: list[Valeur] = [nom, compute(prevu, euros.prevu), compute(realise, euros.realise), *compare(euros, f"B{rang}", f"C{rang}")]
    valeurs += [compute(prevus, jours.prevu), compute(realises, jours.realise), *compare(jours, f"F{rang}", f"G{rang}")]
    feuille.write(valeurs, forte)


def _write_compte(feuille: Feuille, nom: str, compte: Compte, formules: list[str], forte: bool = False) -> None:
    """Euros alone."""
    rang = feuille.rang
    prevu, realise = formules
    feuille.write([nom, compute(prevu, compte.prevu), compute(realise, compte.realise), *compare(compte, f"B{rang}", f"C{rang}")], forte)
