"""The printed recap: against the fiches, cell by cell, and against itself."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from conventions.axes import ArbreAxes, Noeud
from conventions.models import Axe
from fiches.models import FicheAction
from financement.controles.dossier import Colonne, DossierFinancier, RangeeDeclaree
from financement.recapitulatif import TOTAL
from socle.controles import Constat, Correction, Gravite, Lieu, Regle, Rubrique
from socle.montants import CENT, ZERO
from socle.typographie import format_euros, format_taux, list_fr


class RecapitulatifEtFiches(Regle):
    """Each printed cell of a fiche against what the fiche gives, per year and financeur."""

    identifiant = "recap_fiche"
    titre = "Le récapitulatif et la fiche ne donnent pas le même montant"
    pourquoi = (
        "L’annexe est ce que lisent les élus et le comptable, la fiche ce que font les agents : ils ne parleraient pas du même budget."
    )
    gravite = Gravite.BLOQUANT
    rubrique = Rubrique.RECAPITULATIF
    cotes = ("Annexe", "Fiche")

    def find(self, dossier: DossierFinancier) -> Iterator[Constat]:
        for fiche in dossier.fiches:
            rangee = dossier.recap_fiches.get(fiche.pk)
            if rangee is None:
                continue
            for colonne in list_colonnes(dossier):
                # A row printed for the whole period, and a share given for the whole period, say nothing of each year.
                entiere = not rangee.annees or (colonne != TOTAL and is_etalee(dossier, fiche))
                annees: list[int | None] = [None]
                if not entiere:
                    annees = [*sorted({*rangee.annees, *dossier.annees_de_cout(fiche)})]
                for annee in annees:
                    if constat := self.compare(dossier, fiche, rangee, annee, colonne):
                        yield constat

    def compare(
        self, dossier: DossierFinancier, fiche: FicheAction, rangee: RangeeDeclaree, annee: int | None, colonne: Colonne
    ) -> Constat | None:
        ligne = dossier.lignes[fiche.pk]
        calcule, imprime = ligne.get(annee, colonne), rangee.read(annee, colonne)
        mention = rangee.cellules[annee, colonne].mention if (annee, colonne) in rangee.cellules else ""
        if imprime is None and mention:
            if colonne != TOTAL or not calcule.montant:
                return None  # the annex says words where the fiche has nothing either
        elif is_same(imprime, calcule.montant, dossier.part_exacte(fiche, annee, colonne)):
            return None
        if ligne.total(annee).montant is None and ligne.total(annee).reserves:
            return None  # words against a figure: the next rule
        nom, quand = dossier.name_colonne(colonne), str(annee or "période")
        la = "/" if calcule.montant is None else format_euros(calcule.montant)
        ici = mention if imprime is None and mention else "/" if imprime is None else format_euros(imprime)
        phrase = f"la fiche donne {la}" if calcule.montant is not None else "la fiche ne prévoit rien"
        return Constat(
            objet=fiche.code,
            message=f"{quand[:1].upper()}{quand[1:]}, {nom} : le récapitulatif imprime {ici}, {phrase}.",
            lieux=(
                dossier.place_rangee(fiche, annee, colonne, ici, _tell_share(imprime, rangee.read(annee, TOTAL), colonne)),
                dossier.place_fiche(
                    fiche,
                    f"{quand}, {nom}",
                    la,
                    "couts" if colonne == TOTAL else "cofinancements",
                    _tell_share(calcule.montant, ligne.total(annee).montant, colonne),
                ),
            ),
            constate=mention if imprime is None and mention else imprime or ZERO,
            attendu=calcule.montant or ZERO,
            annee=annee,
            financeur_id=colonne if isinstance(colonne, int) else None,
            financeur=nom,
            fiche_id=fiche.pk,
            piste=self.guess(dossier, fiche, rangee, annee, colonne),
            precision="total" if colonne == TOTAL else "",
            corrections=list_reprises(dossier, fiche, rangee, annee, colonne),
        )

    def guess(self, dossier: DossierFinancier, fiche: FicheAction, rangee: RangeeDeclaree, annee: int | None, colonne: Colonne) -> str:
        """What may have happened: a value in the wrong column, financeurs without a column."""
        ligne, imprime = dossier.lignes[fiche.pk], rangee.read(annee, colonne)
        if colonne == TOTAL:
            absents = [f for f in dossier.financeurs if f.id is not None and f.id not in dossier.colonnes_declarees]
            sommes = [(f.nom, ligne.get(annee, f.id).montant or ZERO) for f in absents]
            if manque := sum((s for _, s in sommes), ZERO):
                noms = list_fr([nom for nom, somme in sommes if somme])
                return f"Le récapitulatif n’a pas de colonne pour {noms}, qui apportent {format_euros(manque)}."
            return ""
        if imprime:
            for autre in dossier.colonnes_declarees:
                if autre != colonne and ligne.get(annee, autre).montant == imprime and not rangee.read(annee, autre):
                    part = f"la part de {dossier.name_colonne(autre)}"
                    return f"{format_euros(imprime)} est dans la fiche {part} : la colonne est peut-être inversée."
        return ""


class RecapitulatifSansMontant(Regle):
    """The recap prints 0 € where the sheet says « sur devis » (E.P 2.5 of Dijon)."""

    identifiant = "recap_sans_montant"
    titre = "Le récapitulatif imprime un montant pour une dépense qui n’en a pas"
    pourquoi = "Zéro n’est pas « sur devis » : le lecteur du tableau croit que l’action ne coûte rien."
    gravite = Gravite.A_VERIFIER
    rubrique = Rubrique.RECAPITULATIF
    cotes = ("Annexe", "Fiche")

    def find(self, dossier: DossierFinancier) -> Iterator[Constat]:
        for fiche in dossier.fiches:
            rangee, ligne = dossier.recap_fiches.get(fiche.pk), dossier.lignes[fiche.pk]
            for annee in rangee.annees if rangee else []:
                total, imprime = ligne.total(annee), rangee.get(annee, TOTAL) if rangee else None
                if imprime is None or total.montant is not None or not total.reserves:
                    continue
                mots = list_fr(total.reserves)
                yield Constat(
                    objet=fiche.code,
                    message=f"{annee} : le récapitulatif imprime {format_euros(imprime)}, la fiche dit « {mots} ».",
                    lieux=(
                        dossier.place_rangee(fiche, annee, TOTAL, format_euros(imprime)),
                        dossier.place_fiche(fiche, f"coût {annee}", mots, "couts"),
                    ),
                    constate=imprime,
                    attendu=mots,
                    annee=annee,
                    financeur="Total",
                    fiche_id=fiche.pk,
                    corrections=(
                        Correction(
                            "Reprendre la fiche dans le récapitulatif",
                            "reprendre",
                            {"sens": "fiche", "cellules": [[fiche.pk, annee, TOTAL]]},
                        ),
                    ),
                )


class FicheHorsRecapitulatif(Regle):
    """A sheet with costs that the printed recap does not list, a row whose sheet is in the corbeille."""

    identifiant = "recap_ligne"
    titre = "Une fiche et le récapitulatif ne se répondent pas"
    pourquoi = "Une action chiffrée absente de l’annexe n’est pas financée ; une ligne sans fiche finance une action qui n’existe plus."
    gravite = Gravite.BLOQUANT
    rubrique = Rubrique.RECAPITULATIF

    def find(self, dossier: DossierFinancier) -> Iterator[Constat]:
        if not dossier.recap_fiches:
            return  # no recap of its own, or one printed by axe only
        for fiche in dossier.fiches:
            if fiche.pk not in dossier.recap_fiches and dossier.annees_de_cout(fiche):
                total = dossier.lignes[fiche.pk].total()
                cout = format_euros(total.montant) if total.montant is not None else list_fr(total.reserves)
                suite = f"qui coûte {cout}" if total.montant is not None else f"dont le coût est {cout}"
                yield Constat(
                    objet=fiche.code,
                    message=f"Le récapitulatif n’a pas de ligne pour la fiche, {suite}.",
                    lieux=(dossier.place_recap("Annexe", "aucune ligne"), dossier.place_fiche(fiche, "coût", cout, "couts")),
                    attendu=total.montant if total.montant is not None else cout,
                    fiche_id=fiche.pk,
                    signe="manque",
                    precision="absente",
                )
        for fiche in dossier.corbeille:
            if fiche.pk in dossier.recap_fiches:
                yield Constat(
                    objet="récapitulatif",
                    message=f"Le récapitulatif garde une ligne pour {fiche.code}, mise à la corbeille.",
                    lieux=(dossier.place_recap("Annexe", fiche.code), Lieu("Corbeille", fiche.code, fiche.nom_court)),
                    constate=fiche.code,
                    precision=f"corbeille-{fiche.pk}",
                )


class SommesDuRecapitulatif(Regle):
    """Rows, subtotals of axes, grand total and period column of the printed recap."""

    identifiant = "recap_somme"
    titre = "Un total du récapitulatif n’est pas la somme de ce qu’il totalise"
    pourquoi = "Une addition fausse dans l’annexe signée donne raison à deux montants à la fois."
    gravite = Gravite.BLOQUANT
    rubrique = Rubrique.RECAPITULATIF
    cotes = ("Imprimé", "Addition")

    def find(self, dossier: DossierFinancier) -> Iterator[Constat]:
        arbre = ArbreAxes.build(dossier.axes)
        axes = {noeud.axe.pk: noeud for noeud in arbre.walk()}
        for fiche in dossier.fiches:
            if rangee := dossier.recap_fiches.get(fiche.pk):
                yield from self.check_row(dossier, rangee, fiche.code, fiche, [fiche])
        for pk, rangee in dossier.recap_axes.items():
            noeud = axes[pk]
            dessous = {n.axe.pk for n in noeud.walk()}
            nom = f"total {noeud.axe.titre}"
            yield from self.check_row(dossier, rangee, nom, noeud.axe, [f for f in dossier.fiches if f.axe_id in dessous])
            yield from self.check_column(dossier, rangee, list_dessous(dossier, noeud), nom, noeud.axe)
        total = dossier.recap_total
        yield from self.check_row(dossier, total, "total général", None, dossier.fiches)
        sous = [r for racine in arbre.racines for r in list_sommes(dossier, racine)]
        yield from self.check_column(dossier, total, sous, "total général", None)

    def check_row(
        self, dossier: DossierFinancier, rangee: RangeeDeclaree, nom: str, sujet: FicheAction | Axe | None, fiches: Iterable[FicheAction]
    ) -> Iterator[Constat]:
        """The columns of each year sum to its total; the years sum to the period."""
        colonnes = dossier.colonnes_declarees
        payeurs = {f.id for f in dossier.financeurs if any(dossier.lignes[fiche.pk].get(None, f.id).montant for fiche in fiches)}
        for annee in [*rangee.annees, None]:
            total = rangee.get(annee, TOTAL)
            presentes = [c for c in colonnes if (annee, c) in rangee.cellules]
            if total is not None and presentes:
                somme = sum((rangee.get(annee, c) or ZERO for c in presentes), ZERO)
                # « Coût total, dont Agglomération »: below the total when somebody who pays has no column.
                if somme > total or (somme < total and payeurs <= set(presentes)):
                    noms = list_fr([dossier.name_colonne(c) for c in presentes])
                    yield self.tell(dossier, nom, sujet, annee, TOTAL, total, somme, f"somme de {noms}", "colonnes")
        for colonne in list_colonnes(dossier):
            ensemble = rangee.get(None, colonne)
            annees = [a for a in rangee.annees if (a, colonne) in rangee.cellules]
            if ensemble is not None and annees:
                somme = sum((rangee.get(a, colonne) or ZERO for a in annees), ZERO)
                if somme != ensemble:
                    yield self.tell(dossier, nom, sujet, None, colonne, ensemble, somme, "somme des années", "annees")

    def check_column(
        self, dossier: DossierFinancier, rangee: RangeeDeclaree, dessous: list[RangeeDeclaree], nom: str, sujet: Axe | None
    ) -> Iterator[Constat]:
        """Each cell sums those of the rows below it; the period only where no year is printed."""
        for annee, colonne in rangee.cellules:
            imprime = rangee.get(annee, colonne)
            if imprime is None or not dessous or (annee is None and rangee.annees):
                continue
            somme = sum((r.read(annee, colonne) or ZERO for r in dessous), ZERO)
            if somme != imprime:
                yield self.tell(dossier, nom, sujet, annee, colonne, imprime, somme, "somme des lignes", "lignes")

    def tell(
        self,
        dossier: DossierFinancier,
        nom: str,
        sujet: FicheAction | Axe | None,
        annee: int | None,
        colonne: Colonne,
        imprime: Decimal,
        somme: Decimal,
        detail: str,
        sens: str,
    ) -> Constat:
        place = ", ".join(filter(None, [nom, str(annee or "période"), dossier.name_colonne(colonne)]))
        fiche = sujet if isinstance(sujet, FicheAction) else None
        return Constat(
            objet=fiche.code if fiche else "récapitulatif",
            message=f"{place[:1].upper()}{place[1:]} : {format_euros(imprime)} imprimés, {format_euros(somme)} en additionnant.",
            lieux=(
                dossier.place_recap(f"Annexe, {place}", format_euros(imprime), "imprimé"),
                dossier.place_recap("Addition", format_euros(somme), detail),
            ),
            constate=imprime,
            attendu=somme,
            annee=annee,
            financeur_id=colonne if isinstance(colonne, int) else None,
            financeur=dossier.name_colonne(colonne),
            fiche_id=fiche.pk if fiche else None,
            precision=f"{sens}-{'axe-' + str(sujet.pk) if isinstance(sujet, Axe) else 'total' if sujet is None else 'fiche'}-{colonne}",
        )


def list_dessous(dossier: DossierFinancier, noeud: Noeud) -> list[RangeeDeclaree]:
    """What the subtotal of an axe sums: the rows of its fiches, else the subtotals of its parts."""
    pks = {n.axe.pk for n in noeud.walk()}
    rangees = [
        dossier.recap_fiches[f.pk] for f in [*dossier.fiches, *dossier.corbeille] if f.axe_id in pks and f.pk in dossier.recap_fiches
    ]
    return rangees or [r for enfant in noeud.enfants for r in list_sommes(dossier, enfant)]


def list_sommes(dossier: DossierFinancier, noeud: Noeud) -> list[RangeeDeclaree]:
    """What stands for an axe in a total: its subtotal, else what it would sum."""
    if noeud.axe.pk in dossier.recap_axes:
        return [dossier.recap_axes[noeud.axe.pk]]
    return list_dessous(dossier, noeud)


def is_etalee(dossier: DossierFinancier, fiche: FicheAction) -> bool:
    """A share given as an amount for all the years: its part of each year is ours, not the fiche's."""
    etalees = any(p.montant is not None and p.annee is None for p in dossier.parts_of(fiche))
    return etalees and len(dossier.annees_de_cout(fiche)) > 1


def is_same(imprime: Decimal | None, calcule: Decimal | None, exacte: Decimal | None) -> bool:
    """Nothing and zero are the same money; the odd cent of a share is printed in either column, or left out with the cents."""
    ecart = abs((imprime or ZERO) - (calcule or ZERO))
    if ecart == 0:
        return True
    if imprime is None or calcule is None:
        return False
    if exacte is not None and abs(imprime - exacte) < CENT:
        return True
    return ecart < 1 and imprime == imprime.to_integral_value() != calcule


def list_reprises(
    dossier: DossierFinancier, fiche: FicheAction, rangee: RangeeDeclaree, annee: int | None, colonne: Colonne
) -> tuple[Correction, ...]:
    """Taking one side for the other; only for a year, and a share only where both totals agree."""
    if annee is None:
        return ()
    cellules = [[fiche.pk, annee, colonne]]
    fiches = Correction("Reprendre la fiche dans le récapitulatif", "reprendre", {"sens": "fiche", "cellules": cellules})
    if colonne == TOTAL or rangee.get(annee, TOTAL) != dossier.lignes[fiche.pk].total(annee).montant:
        return (fiches,)
    partage = Correction(f"Reprendre le partage {annee} du récapitulatif", "reprendre", {"sens": "tableau", "cellules": cellules})
    return (fiches, partage)


def list_colonnes(dossier: DossierFinancier) -> list[Colonne]:
    """Columns of the printed recap: its financeurs, then the total."""
    return [*dossier.colonnes_declarees, TOTAL]


def _tell_share(montant: Decimal | None, total: Decimal | None, colonne: Colonne) -> str:
    """« 50 % de 15 400 € »."""
    if montant is None or not total or colonne == TOTAL:
        return ""
    return f"{format_taux(montant * 100 / total, None if (montant * 100) % total == 0 else 1)} de {format_euros(total)}"


REGLES: list[Regle] = [RecapitulatifEtFiches(), RecapitulatifSansMontant(), FicheHorsRecapitulatif(), SommesDuRecapitulatif()]
