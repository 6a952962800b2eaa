"""The compte rendu financier as a spreadsheet: accounts are sums of the sheet « Détail », where an account may be changed."""

from dataclasses import dataclass
from decimal import Decimal

from openpyxl import Workbook

from financement.bilans.compte_rendu import A_IMPUTER, CompteRendu, LigneCompte, Section
from financement.bilans.comptes import Compte
from financement.bilans.feuilles import Colonne, Feuille, Formule, Plage, Sorte, Valeur, compare, compute, create_classeur, show
from socle.montants import ZERO
from socle.tableur import save_classeur

TITRE = "Compte rendu financier"
COMPTES = [
    Colonne("Compte", 11, "texte"),
    Colonne("Charges", 50, "texte"),
    Colonne("Prévu", 17),
    Colonne("Réalisé", 17),
    Colonne("Écart", 17, "ecart"),
    Colonne("Taux", 11, "taux"),
    Colonne("Natures ou organisations", 54, "texte"),
]
DETAIL = [
    Colonne("Compte", 14, "texte"),
    Colonne("Nature de dépense", 54, "texte"),
    Colonne("Prévu", 18),
    Colonne("Réalisé", 18),
]
VIDE: tuple[Sorte, ...] = ("texte", "texte", "rien", "rien", "rien", "taux_rien", "texte")
CONTROLE: tuple[Sorte, ...] = ("texte", "texte", "euros", "euros", "texte", "texte", "texte")


def write_compte_rendu_xlsx(cr: CompteRendu) -> bytes:
    """The workbook of one compte rendu."""
    bilan = cr.bilan
    classeur = create_classeur(f"{TITRE} {bilan.annee} – {bilan.convention.reference}")
    feuille = Feuille(classeur, "Compte rendu", bilan, COMPTES, TITRE)
    detail = Detail(classeur, cr)
    if cr.imputation:
        feuille.note(cr.imputation)
    feuille.titres()
    charges = _write_section(feuille, "charges", cr.charges, detail)
    feuille.rang += 1
    feuille.titres(titres=["Compte", "Produits", *(c.titre for c in COMPTES[2:])])
    produits = _write_section(feuille, "produits", cr.produits, detail)
    feuille.rang += 1
    ecarts = [
        Formule(f"=ROUND(N({c}{charges})-N({c}{produits}),2)", e or ZERO) for c, e in (("C", cr.ecart.prevu), ("D", cr.ecart.realise))
    ]
    feuille.write(["Contrôle", "Total des charges moins total des produits", *ecarts, None, None, cr.equilibre], True, CONTROLE)
    feuille.close()
    return save_classeur(classeur)


def number(compte: str) -> int | str:
    """An account as a number, as people type it; words when there is none."""
    return int(compte) if compte else A_IMPUTER


@dataclass
class Detail:
    """The sheet of what is entered in the accounts: each nature, each organisation, with its account."""

    classeur: Workbook
    cr: CompteRendu

    def __post_init__(self) -> None:
        self.feuille = Feuille(self.classeur, "Détail", self.cr.bilan, DETAIL, TITRE)
        self.feuille.note("Un compte changé ici se reporte sur la feuille « Compte rendu ».")
        self.feuille.titres()
        self.plages = {"charges": self._write(self.cr.charges)}
        self.feuille.rang += 1
        self.feuille.titres(titres=["Compte", "Organisation", "Prévu", "Payé"])
        self.plages["produits"] = self._write(self.cr.produits)
        self.feuille.close()

    def _write(self, section: Section) -> Plage:
        plage = Plage(self.feuille.rang)
        for ligne in section.lignes:
            for nom, compte in ligne.details:
                plage.fin = self.feuille.write([number(ligne.numero), nom, show(compte.prevu), show(compte.realise)])
        if plage:
            sommes = [compute(f"=SUM({plage.of(c)})", valeur) for c, valeur in (("C", section.total.prevu), ("D", section.total.realise))]
            self.feuille.write(["Total", "", *sommes], forte=True)
        return plage

    def add(self, section: str, compte: str, colonne: str) -> str:
        """The formula that sums what is entered in the account written in a cell."""
        plage = self.plages[section]
        return f"=SUMIF({self.feuille.at(plage.of('A'))},{compte},{self.feuille.at(plage.of(colonne))})" if plage else "=0"


def _write_section(feuille: Feuille, nom: str, section: Section, detail: Detail) -> int:
    """Every account, what has none, and the total; gives the row of the total."""
    plage = Plage(feuille.rang)
    for ligne in section.comptes:
        plage.fin = _write_compte(feuille, nom, ligne, detail)
    euros, details = Compte(), [d for ligne in section.a_imputer for d in ligne.details]
    for _, compte in details:
        euros.add(compte)
    plage.fin = _write_compte(feuille, nom, LigneCompte("", "Sans compte à ce jour", euros, details), detail)
    rang, total = feuille.rang, section.total
    sommes = [compute(f"=SUM({plage.of(c)})", valeur) for c, valeur in (("C", total.prevu), ("D", total.realise))]
    return feuille.write(["", f"Total des {nom}", *sommes, *compare(total, f"C{rang}", f"D{rang}"), ""], forte=True)


def _write_compte(feuille: Feuille, section: str, ligne: LigneCompte, detail: Detail) -> int:
    """One account. Nothing entered in it reads « / », and its formulas wait."""
    rang = feuille.rang
    prevu, realise = (detail.add(section, f"$A{rang}", c) for c in "CD")
    if not ligne.is_vide:
        ecart = compare(ligne.euros, f"C{rang}", f"D{rang}")
        valeurs: list[Valeur] = [compute(prevu, ligne.euros.prevu), compute(realise, ligne.euros.realise), *ecart]
        return feuille.write([number(ligne.numero), ligne.intitule, *valeurs, ligne.noms])
    rien = Decimal(0)
    valeurs = [Formule(prevu, rien), Formule(realise, rien), Formule(f"=D{rang}-C{rang}", rien)]
    valeurs.append(Formule(f"=IF(C{rang}=0,0,D{rang}/C{rang})", rien))
    return feuille.write([number(ligne.numero), ligne.intitule, *valeurs, ""], sortes=VIDE)
