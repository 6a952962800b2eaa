"""What the text says a financeur pays, against the recap, the fiches and the payments."""

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from conventions.controles.montants import amount_of, retain
from conventions.models import MontantDeclare
from financement.controles.dossier import DossierFinancier
from financement.versements import Versement
from socle.controles import Constat, Correction, Gravite, Lieu, Regle, Rubrique
from socle.montants import ZERO, round_cents
from socle.typographie import format_euros, format_taux


class RegleDeParticipation(Regle):
    """A participation of the text against one total of a financeur."""

    rubrique = Rubrique.TEXTE
    gravite = Gravite.BLOQUANT
    mots: str
    plafonds = False

    @abstractmethod
    def read(self, dossier: DossierFinancier, financeur: int) -> Decimal | None:
        """The total it should be."""

    @abstractmethod
    def place(self, dossier: DossierFinancier, nom: str, valeur: str) -> Lieu:
        """Where that total is read."""

    def find(self, dossier: DossierFinancier) -> Iterator[Constat]:
        for montant in dossier.participations:
            if montant.plafond != self.plafonds or montant.financeur_id is None:
                continue
            total = self.read(dossier, montant.financeur_id)
            if total is None or not self.is_contraire(amount_of(montant), total):
                continue
            nom = dossier.name_financeur(montant)
            ecrit = format_euros(montant.montant) + (" au maximum" if self.plafonds else "")
            yield Constat(
                objet=montant.lieu_affiche,
                message=f"{nom} : le texte dit {ecrit}, {self.mots} {format_euros(total)}.",
                lieux=(
                    dossier.place_montant(montant, format_euros(montant.montant), f"« {montant.libelle} »"),
                    self.place(dossier, nom, format_euros(total)),
                ),
                constate=amount_of(montant),
                attendu=total,
                financeur_id=montant.financeur_id,
                financeur=nom,
                piste=guess_column(dossier, montant),
                precision=montant.cle,
                corrections=(retain(montant, total),),
            )

    def is_contraire(self, texte: Decimal, total: Decimal) -> bool:
        return total > texte if self.plafonds else total != texte


class DepuisLesFiches(RegleDeParticipation):
    """Against what the fiches add up to."""

    def read(self, dossier: DossierFinancier, financeur: int) -> Decimal | None:
        return dossier.calcule_of(financeur) if any(dossier.annees_de_cout(f) for f in dossier.fiches) else None

    def place(self, dossier: DossierFinancier, nom: str, valeur: str) -> Lieu:
        return dossier.place_recap(f"Fiches, part de {nom}", valeur, "total calculé", declare=False)


class DepuisLAnnexe(RegleDeParticipation):
    """Against what the printed recap totals."""

    def read(self, dossier: DossierFinancier, financeur: int) -> Decimal | None:
        return dossier.declare_of(financeur)

    def place(self, dossier: DossierFinancier, nom: str, valeur: str) -> Lieu:
        return dossier.place_recap(f"Annexe, colonne {nom}", valeur, "total imprimé")


class ParticipationEtRecapitulatif(DepuisLAnnexe):
    """The participation the text states, against the printed column."""

    identifiant = "participation_recap"
    titre = "La participation du texte n’est pas celle du récapitulatif"
    pourquoi = "Le texte et son annexe sont signés ensemble : le montant dû ne peut pas dépendre de la page qu’on lit."
    mots = "le récapitulatif imprime"


class ParticipationEtFiches(DepuisLesFiches):
    """The participation the text states, against the sum of the fiches."""

    identifiant = "participation_fiches"
    titre = "La participation du texte n’est pas celle que donnent les fiches"
    pourquoi = "La participation est la somme de ce que chaque fiche demande : le texte promet plus, ou moins, que le programme."
    mots = "les fiches donnent"


class PlafondEtRecapitulatif(DepuisLAnnexe):
    """A ceiling (« 430 370 € maximum »), against the printed column."""

    identifiant = "plafond_recap"
    titre = "Le récapitulatif dépasse le plafond du texte"
    pourquoi = "Au-delà du plafond, le comptable ne paie pas : les actions annoncées ne sont pas financées."
    mots = "le récapitulatif imprime"
    plafonds = True


class PlafondEtFiches(DepuisLesFiches):
    """A ceiling, against the sum of the fiches."""

    identifiant = "plafond_fiches"
    titre = "Les fiches dépassent le plafond du texte"
    pourquoi = "Au-delà du plafond, le comptable ne paie pas : les actions annoncées ne sont pas financées."
    mots = "les fiches donnent"
    plafonds = True


class VersementsEtParticipation(Regle):
    """All the payments, against the participation they pay."""

    identifiant = "versements"
    titre = "Les versements prévus ne font pas la participation"
    pourquoi = "Ce qui n’est dans aucun versement ne sera jamais appelé ; ce qui dépasse devra être reversé."
    gravite = Gravite.BLOQUANT
    rubrique = Rubrique.TEXTE

    def find(self, dossier: DossierFinancier) -> Iterator[Constat]:
        par_payeur: dict[int, list[Versement]] = defaultdict(list)
        for versement in dossier.versements:
            par_payeur[versement.payeur_id].append(versement)
        for payeur, versements in par_payeur.items():
            due = find_due(dossier, payeur)
            connus = [v.montant.amount for v in versements if v.montant is not None]
            if due is None or not connus:
                continue
            somme, complets = sum(connus, ZERO), len(connus) == len(versements)
            if somme > due.valeur or (complets and somme != due.valeur and not due.plafond):
                nom = dossier.name_colonne(payeur) or versements[0].payeur.sigle
                yield Constat(
                    objet="versements",
                    message=f"{nom} : les versements font {format_euros(somme)}, la participation est de {format_euros(due.valeur)}.",
                    lieux=(place_versements(dossier, "Somme des versements", format_euros(somme)), due.lieu),
                    constate=somme,
                    attendu=due.valeur,
                    financeur_id=payeur,
                    financeur=nom,
                )


class VersementEtTexte(Regle):
    """An acompte of the schedule against the acompte of the article; without one, against its own share."""

    identifiant = "versement_texte"
    titre = "Un versement de l’échéancier n’est pas celui du texte"
    pourquoi = "L’échéancier est imprimé dans l’article même qui annonce l’acompte."
    gravite = Gravite.A_VERIFIER
    rubrique = Rubrique.TEXTE

    def find(self, dossier: DossierFinancier) -> Iterator[Constat]:
        acomptes = [m for m in dossier.montants_declares if m.objet == MontantDeclare.Objet.ACOMPTE and m.montant is not None]
        vus: set[int] = set()
        for versement in dossier.versements:
            if versement.montant is None or versement.nature != Versement.Nature.ACOMPTE:
                continue
            nom = dossier.name_colonne(versement.payeur_id) or versement.payeur.sigle
            declares = [m for m in acomptes if m.financeur_id in (versement.payeur_id, None)]
            if declares:
                # The text states one acompte: it is enough that one of the payer's is that one.
                siens = {v.montant for v in dossier.versements if v.payeur_id == versement.payeur_id}
                if versement.payeur_id in vus or any(m.montant in siens for m in declares):
                    continue
                vus.add(versement.payeur_id)
                attendu, lieu = amount_of(declares[0]), dossier.place_montant(declares[0], format_euros(declares[0].montant))
            else:
                due = find_due(dossier, versement.payeur_id)
                if versement.taux is None or due is None:
                    continue
                attendu = round_cents(due.valeur * versement.taux / 100)
                if attendu == versement.montant.amount:
                    continue
                detail = f"{format_taux(versement.taux)} de {format_euros(due.valeur)}"
                lieu = Lieu(due.lieu.nom, format_euros(attendu), detail, due.lieu.url, due.lieu.modifier)
            yield Constat(
                objet="versements",
                message=f"Acompte de {nom} : {format_euros(versement.montant)} dans l’échéancier, {format_euros(attendu)} attendus.",
                lieux=(place_versements(dossier, "Échéancier, acompte", format_euros(versement.montant)), lieu),
                constate=versement.montant.amount,
                attendu=attendu,
                financeur_id=versement.payeur_id,
                financeur=nom,
                precision=str(versement.ordre),
                corrections=(
                    Correction(
                        f"Écrire {format_euros(attendu)} dans l’échéancier", "versement", {"pk": versement.pk, "montant": f"{attendu:.2f}"}
                    ),
                ),
            )


class Due:
    """What a payer owes, and where it is said."""

    def __init__(self, valeur: Decimal, lieu: Lieu, plafond: bool = False) -> None:
        self.valeur, self.lieu, self.plafond = valeur, lieu, plafond


def find_due(dossier: DossierFinancier, payeur: int) -> Due | None:
    """The participation of a payer: the ceiling if there is one, else the last article that states it, else what the fiches give."""
    dites = [m for m in dossier.participations if m.financeur_id == payeur]
    if dites:
        retenue = max(dites, key=lambda m: (m.plafond, m.article.numero if m.article else 0))
        return Due(amount_of(retenue), dossier.place_montant(retenue, format_euros(retenue.montant)), retenue.plafond)
    calcule = dossier.calcule_of(payeur)
    if not calcule:
        return None
    return Due(calcule, dossier.place_recap(f"Fiches, part de {dossier.name_colonne(payeur)}", format_euros(calcule), declare=False))


def place_versements(dossier: DossierFinancier, nom: str, valeur: str) -> Lieu:
    """The schedule of payments, under the budget."""
    lieu = dossier.place_convention(nom, valeur)
    return Lieu(nom, valeur, "", dossier.place_recap("", "", declare=False).url + "#t-vers", lieu.modifier)


def guess_column(dossier: DossierFinancier, montant: MontantDeclare) -> str:
    """Tell when the amount of the text is exactly the total of another column, whole or without one fiche."""
    valeur = amount_of(montant)
    for colonne in dossier.colonnes_declarees:
        total = dossier.declare_of(colonne)
        if colonne == montant.financeur_id or total is None:
            continue
        nom = dossier.name_colonne(colonne)
        if valeur == total:
            return f"{format_euros(valeur)} est exactement le total de la colonne {nom} : le texte cite sans doute la mauvaise colonne."
        for fiche in dossier.fiches:
            rangee = dossier.recap_fiches.get(fiche.pk)
            sans = (rangee.read(None, colonne) if rangee else None) or ZERO
            if sans and valeur == total - sans:
                return f"{format_euros(valeur)} est le total de la colonne {nom} sans la fiche {fiche.code} ({format_euros(sans)})."
    return ""


REGLES: list[Regle] = [
    ParticipationEtRecapitulatif(),
    ParticipationEtFiches(),
    PlafondEtRecapitulatif(),
    PlafondEtFiches(),
    VersementsEtParticipation(),
    VersementEtTexte(),
]
