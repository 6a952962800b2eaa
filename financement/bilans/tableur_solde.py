"""The sheets « Solde » and « Objectifs » of a bilan: each step an accountant can follow, as a live formula of the steps above."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from openpyxl import Workbook

from conventions.formules import FormuleSolde, write_formule
from financement.bilans.feuilles import INCONNU, Colonne, Feuille, Plage, Sorte, Valeur, compute, show
from financement.bilans.modeles import FicheBilan
from financement.bilans.solde import EtapeSolde, Solde, Soldes

SOLDE = [
    Colonne("Op.", 6, "texte"),
    Colonne("Étape", 52, "texte"),
    Colonne("Valeur", 20),
    Colonne("D’où vient ce chiffre", 76, "texte"),
]
OBJECTIFS = [
    Colonne("Fiche", 12, "texte"),
    Colonne("Action", 50, "texte"),
    Colonne("État", 24, "texte"),
    Colonne("Coût prévu (poids)", 18),
    Colonne("Taux des objectifs", 14, "taux"),
    Colonne("Poids × taux", 18),
    Colonne("D’où vient le taux", 40, "texte"),
]
EUROS: tuple[Sorte, ...] = ("texte", "texte", "euros", "texte")
TAUX: tuple[Sorte, ...] = ("texte", "texte", "taux", "texte")


@dataclass
class Sources:
    """Where the sheets of figures hold what the solde starts from; empty when there is none."""

    prevu: str
    realise: str
    total_prevu: str
    total_realise: str
    parts: Mapping[int | None, str]
    objectifs: tuple[str, str] = ("", "")  # sum of weights, sum of weights times rates


def write_objectifs(
    classeur: Workbook, soldes: Soldes, poids: Mapping[int, str], etats: Mapping[int, str], retenus: Mapping[int, str]
) -> tuple[str, str]:
    """The detail of the objectives' rate, one row an action that has a planned cost; gives the cells of both sums."""
    feuille = Feuille(classeur, "Objectifs", soldes.synthese.bilan, OBJECTIFS)
    feuille.titres(figees=2)
    plage = Plage(feuille.rang)
    pesees = [f for f in soldes.synthese.actives if f.to_action().poids]
    somme = Fraction(0)
    for fiche, detail in zip(pesees, soldes.poids, strict=True):
        rang, objet = feuille.rang, fiche.objet
        par_indicateur = bool(fiche.to_action().mesures) and objet.etat != FicheBilan.Etat.ABANDONNEE
        if par_indicateur:
            formule, source = f"=AVERAGE({retenus[objet.pk]})", "moyenne des taux retenus de ses indicateurs"
        else:
            realisee, partielle = FicheBilan.Etat.REALISEE.label, FicheBilan.Etat.PARTIELLE.label
            formule = f'=IF({etats[objet.pk]}="{realisee}",1,IF({etats[objet.pk]}="{partielle}",0.5,0))'
            source = "selon son état"
        produit = Fraction(detail.poids) * detail.taux
        somme += produit
        plage.fin = feuille.write(
            [
                objet.code,
                objet.titre,
                objet.get_etat_display() or INCONNU,
                compute(f"={poids[objet.pk]}", detail.poids),
                compute(formule, detail.taux),
                compute(f"=D{rang}*E{rang}", produit),
                source,
            ]
        )
    total = sum((p.poids for p in soldes.poids), Decimal(0))
    rang = feuille.rang
    feuille.write(
        [
            "Total",
            "",
            "",
            compute(f"=SUM({plage.of('D')})", total),
            compute(f"=F{rang}/D{rang}", somme / Fraction(total)),
            compute(f"=SUM({plage.of('F')})", somme),
            "somme des poids × taux, divisée par la somme des poids",
        ],
        forte=True,
    )
    feuille.close()
    return feuille.at(f"D{rang}"), feuille.at(f"F{rang}")


def write_solde(classeur: Workbook, soldes: Soldes, sources: Sources) -> None:
    """The rate of the year from its two numbers, then the steps of each payer."""
    bilan = soldes.synthese.bilan
    feuille = Feuille(classeur, "Solde", bilan, SOLDE)
    feuille.note(f"{bilan.get_formule_display()} : {write_formule(bilan.formule)}.")
    feuille.titres()
    taux = _write_taux(feuille, soldes, sources)
    for solde in soldes.payeurs:
        feuille.intertitre(f"Solde de {solde.payeur}")
        _write_etapes(feuille, solde, taux, sources.parts.get(solde.payeur.pk, ""))
    if not soldes.payeurs:
        feuille.write(["", "Aucun financeur ne verse de participation dans cette convention."])
    feuille.close()


def _write_taux(feuille: Feuille, soldes: Soldes, sources: Sources) -> list[str]:
    """The two numbers of each rate and their quotient; gives the cells of the rates, in the order of the steps."""
    s = soldes.synthese
    taux, cases = s.taux, []
    feuille.intertitre(f"Taux de {s.bilan.annee}")
    if taux.formule != FormuleSolde.OBJECTIFS:
        retenu: Valeur = s.retenu
        if sources.prevu:
            retenu = compute(f'=SUMIF({sources.prevu},">=0",{sources.realise})', s.retenu)
        haut = feuille.write(["", "Dépenses justifiées", retenu, "feuille Dépenses : réalisé des lignes qui ont un montant prévu"])
        prevu = compute(f"={sources.total_prevu}", s.euros.prevu)
        bas = feuille.write(["÷", "Dépenses prévues", prevu, "feuille Dépenses : total du prévu"])
        quotient: Valeur = compute(f"=MIN(1,C{haut}/C{bas})", taux.depenses)
        words = ["=", "Taux de réalisation des dépenses", quotient, "fraction exacte, 100 % au plus ; seul l’affichage est arrondi"]
        cases.append(f"C{feuille.write(words, forte=True, sortes=TAUX)}")
        if s.hors_plan and sources.total_realise:
            hors = compute(f"={sources.total_realise}-C{haut}", s.hors_plan)
            feuille.write(["", "Pour mémoire : dépenses hors plan, non retenues", hors, "feuille Dépenses : réalisé des autres lignes"])
    if taux.formule != FormuleSolde.DEPENSES:
        total, produits = sources.objectifs
        quotient = INCONNU
        if total:
            sommes = _sum_poids(soldes)
            haut = feuille.write(["", "Somme des poids × taux", compute(f"={produits}", sommes[1]), "feuille Objectifs"])
            bas = feuille.write(["÷", "Somme des poids", compute(f"={total}", sommes[0]), "feuille Objectifs : coûts prévus des fiches"])
            quotient = compute(f"=C{haut}/C{bas}", taux.objectifs)
        words = ["=", "Taux d’atteinte des objectifs", quotient, "fraction exacte ; seul l’affichage est arrondi"]
        cases.append(f"C{feuille.write(words, forte=True, sortes=TAUX)}")
    return cases


def _sum_poids(soldes: Soldes) -> tuple[Decimal, Fraction]:
    """Sum of the weights, and of the weights times the rates."""
    poids = sum((p.poids for p in soldes.poids), Decimal(0))
    return poids, sum((Fraction(p.poids) * p.taux for p in soldes.poids), Fraction(0))


def _write_etapes(feuille: Feuille, solde: Solde, taux: Sequence[str], part: str) -> None:
    """The steps of a payer. Sums, product, ceiling and difference refer to the rows above, in the order of `solde.etapes`."""
    groupes = split_etapes(solde.etapes)
    depart, *autres = groupes
    prevue, *rates = depart[:-1]
    c_prevue = _write(feuille, prevue, compute(f"={part}", prevue.valeur) if part else show(prevue.valeur))
    c_taux = [_write_rate(feuille, etape, case) for etape, case in zip(rates, taux, strict=False)]
    if len(rates) > len(taux):  # half the one, half the other: the mean of those that are known
        c_taux = [_write(feuille, rates[-1], compute(f"=AVERAGE({c_taux[0]}:{c_taux[-1]})", rates[-1].fraction))]
    courante = _write(feuille, depart[-1], compute(f"=ROUND(N({c_prevue})*N({c_taux[-1]}),2)", depart[-1].valeur))
    for groupe in autres:
        *etapes, resultat = groupe
        cases = [(etape.operation, _write(feuille, etape, show(etape.valeur))) for etape in etapes]
        if resultat is solde.etapes[-1]:
            formule = _subtract(courante, cases, inverse=solde.paye > solde.retenue)
        elif etapes[0].operation == "≤":
            formule = f"=MIN({courante},{cases[0][1]})"
        else:
            formule = "=" + "+".join([courante, *(case for _, case in cases)])
        courante = _write(feuille, resultat, compute(formule, resultat.valeur))


def split_etapes(etapes: Sequence[EtapeSolde]) -> list[list[EtapeSolde]]:
    """Steps by result: each group ends with the row that says « = »."""
    groupes: list[list[EtapeSolde]] = [[]]
    for etape in etapes:
        groupes[-1].append(etape)
        if etape.operation == "=":
            groupes.append([])
    return [g for g in groupes if g]


def _subtract(depart: str, cases: Sequence[tuple[str, str]], inverse: bool) -> str:
    """What is left to pay, or what was paid above it (advance or trop-perçu)."""
    suite = "".join(f"{'+' if operation == '+' else '-'}{case}" for operation, case in cases)
    return f"=-({depart}{suite})" if inverse else f"={depart}{suite}"


def _write_rate(feuille: Feuille, etape: EtapeSolde, case: str) -> str:
    return _write(feuille, etape, compute(f"={case}", etape.fraction))


def _write(feuille: Feuille, etape: EtapeSolde, valeur: Valeur) -> str:
    """One step; gives the cell of its value."""
    sortes = TAUX if etape.sorte == "taux" else EUROS
    rang = feuille.write([etape.operation, etape.libelle, valeur, etape.source], etape.forte, sortes)
    return f"C{rang}"
