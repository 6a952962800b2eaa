"""Amounts that the text states: against each other, and a share against the amount it applies to."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal

from conventions.articles import MontantDeclare
from conventions.controles.dossier import DossierConvention
from socle.controles import Constat, Correction, Gravite, Regle, Rubrique
from socle.montants import round_cents, tolerate_taux
from socle.typographie import format_euros, format_taux, list_fr


class MontantsDuTexte(Regle):
    """The same participation, stated in several places (preamble, articles 3 and 4 of Dijon)."""

    identifiant = "montants_texte"
    titre = "Le montant de la participation change d’un endroit du texte à l’autre"
    pourquoi = "Le comptable paie ce que dit la convention : deux montants pour la même participation, et il ne paie ni l’un ni l’autre."
    gravite = Gravite.BLOQUANT
    rubrique = Rubrique.TEXTE

    def find(self, dossier: DossierConvention) -> Iterator[Constat]:
        groupes: dict[int | None, list[MontantDeclare]] = defaultdict(list)
        for montant in dossier.montants_declares:
            if montant.objet == MontantDeclare.Objet.PARTICIPATION and montant.montant is not None:
                groupes[montant.financeur_id].append(montant)
        for financeur, montants in groupes.items():
            comptes = Counter(amount_of(m) for m in montants)
            # The amount most often written; of equals, the one the financial article states last.
            reference = max(montants, key=lambda m: (comptes[amount_of(m)], m.plafond, m.article.numero if m.article else 0))
            attendu = amount_of(reference)
            accord = [m.lieu_affiche for m in montants if amount_of(m) == attendu and m is not reference]
            for montant in montants:
                constate = amount_of(montant)
                if constate == attendu or is_under_plafond(montant, [m for m in montants if amount_of(m) == attendu]):
                    continue
                nom = dossier.name_financeur(montant)
                ici, la = format_euros(constate), format_euros(attendu)
                yield Constat(
                    objet=montant.lieu_affiche,
                    message=f"Participation{' de ' + nom if nom else ''} : {_nomme(montant)} dit {ici}, {_nomme(reference)} dit {la}.",
                    lieux=(
                        dossier.place_montant(montant, ici, f"« {montant.libelle} »"),
                        dossier.place_montant(reference, la, f"et {list_fr(accord)}" if accord else ""),
                    ),
                    constate=constate,
                    attendu=attendu,
                    financeur_id=financeur,
                    financeur=nom,
                    precision=montant.cle,
                    corrections=(retain(montant, attendu), *([] if accord else [retain(reference, constate)])),
                )


class TauxEtMontant(Regle):
    """A share and its amount (article 4 of Dijon: 20 %, 86 000 €)."""

    identifiant = "acompte_taux"
    titre = "Le pourcentage annoncé ne donne pas le montant écrit"
    pourquoi = "Un acompte se paie au pourcentage ou au montant : quand les deux diffèrent, l’écart se retrouve dans le solde."
    gravite = Gravite.A_VERIFIER
    rubrique = Rubrique.TEXTE

    def find(self, dossier: DossierConvention) -> Iterator[Constat]:
        for montant in dossier.montants_declares:
            base = montant.base_taux
            if montant.montant is None or montant.taux is None or base is None or base.montant is None:
                continue
            attendu = round_cents(base.montant.amount * montant.taux / 100)
            if abs(attendu - montant.montant.amount) <= tolerate_taux(montant.taux, base.montant.amount):
                continue
            calcul = f"{format_taux(montant.taux)} de {format_euros(base.montant)}"
            yield Constat(
                objet=montant.lieu_affiche,
                message=f"{montant.libelle} : {calcul} font {format_euros(attendu)}, le texte écrit {format_euros(montant.montant)}.",
                lieux=(
                    dossier.place_montant(montant, format_euros(montant.montant), "écrit"),
                    dossier.place_montant(base, format_euros(attendu), calcul),
                ),
                constate=montant.montant.amount,
                attendu=attendu,
                financeur_id=montant.financeur_id,
                financeur=dossier.name_financeur(montant),
                precision=montant.cle,
                corrections=(retain(montant, attendu),),
            )


def amount_of(montant: MontantDeclare) -> Decimal:
    """The amount of a declared amount that has one. Raises ValueError for another."""
    if montant.montant is None:
        raise ValueError("no amount")
    return montant.montant.amount


def is_under_plafond(montant: MontantDeclare, autres: list[MontantDeclare]) -> bool:
    """An amount below its own ceiling, said elsewhere: one does not contradict the other."""
    if montant.plafond:
        return not any(m.plafond for m in autres) and amount_of(autres[0]) < amount_of(montant)
    return all(m.plafond for m in autres) and amount_of(montant) < amount_of(autres[0])


def retain(montant: MontantDeclare, valeur: Decimal) -> Correction:
    """The way out that writes `valeur` in a declared amount."""
    return Correction(
        f"Écrire {format_euros(valeur)} {'à l’' if montant.article else 'au '}{montant.lieu_affiche}",
        "montant_declare",
        {"pk": montant.pk, "montant": f"{valeur:.2f}"},
    )


def _nomme(montant: MontantDeclare) -> str:
    return f"l’article {montant.article.numero}" if montant.article else "le préambule"


REGLES: list[Regle] = [MontantsDuTexte(), TauxEtMontant()]
