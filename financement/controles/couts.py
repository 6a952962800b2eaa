"""Costs of a fiche: lines against printed totals, days against euros, bases, unknown amounts."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from fiches.models import FicheAction
from financement.controles.dossier import DossierFinancier
from financement.couts import LigneCout
from financement.syntheses import describe_inconnu
from socle.controles import Constat, Correction, Gravite, Regle, Rubrique
from socle.montants import ZERO, round_cents
from socle.typographie import format_euros, format_jours, list_fr


class SommeDesLignes(Regle):
    """The total printed on a sheet against the sum of its lines."""

    identifiant = "somme_lignes"
    titre = "Le total imprimé sur la fiche n’est pas la somme de ses lignes"
    pourquoi = "Le total d’une fiche entre dans le récapitulatif et dans la participation : une addition fausse se propage partout."
    gravite = Gravite.BLOQUANT
    rubrique = Rubrique.FICHES_MONTANTS
    cotes = ("Imprimé", "Somme")

    def find(self, dossier: DossierFinancier) -> Iterator[Constat]:
        for fiche in dossier.fiches:
            for total in dossier.totaux_declares.get(fiche.pk, []):
                somme = dossier.total_of(fiche, total.annee)
                reserves = dossier.lignes[fiche.pk].total(total.annee).reserves
                # A printed total may count an estimate of what the lines leave « sur devis ».
                if total.montant.amount == somme or (reserves and total.montant.amount > somme):
                    continue
                yield Constat(
                    objet=fiche.code,
                    message=f"{total.annee} : la feuille imprime {format_euros(total.montant)}, ses lignes font {format_euros(somme)}.",
                    lieux=(
                        dossier.place_fiche(fiche, f"total imprimé {total.annee}", format_euros(total.montant), "couts"),
                        dossier.place_fiche(fiche, f"lignes de {total.annee}", format_euros(somme), "couts", "somme"),
                    ),
                    constate=total.montant.amount,
                    attendu=somme,
                    annee=total.annee,
                    fiche_id=fiche.pk,
                    corrections=(
                        Correction(f"Imprimer {format_euros(somme)}", "total_declare", {"pk": total.pk, "montant": f"{somme:.2f}"}),
                    ),
                )


class JoursEtMontant(Regle):
    """Days at the daily rate against the amount of the line."""

    identifiant = "jours_montant"
    titre = "Les jours ne donnent pas le montant"
    pourquoi = "Le bilan se fera en jours et le paiement en euros : un jour doit valoir le même prix des deux côtés."
    gravite = Gravite.A_VERIFIER
    rubrique = Rubrique.FICHES_MONTANTS
    cotes = ("Montant écrit", "Par les jours")

    def find(self, dossier: DossierFinancier) -> Iterator[Constat]:
        for fiche in dossier.fiches:
            for ligne in dossier.couts_of(fiche):
                tarif = ligne.tarif_journalier if ligne.tarif_journalier is not None else dossier.convention.tarif_journalier
                if ligne.jours is None or tarif is None or ligne.montant is None:
                    continue
                attendu = round_cents(ligne.jours * tarif.amount)
                if attendu == ligne.montant.amount:
                    continue
                calcul = f"{format_jours(ligne.jours)} × {format_euros(tarif)}"
                yield Constat(
                    objet=fiche.code,
                    message=(
                        f"{ligne.intitule}, {ligne.annee} : {calcul} font {format_euros(attendu)}, "
                        f"la fiche écrit {format_euros(ligne.montant)}."
                    ),
                    lieux=(
                        dossier.place_fiche(
                            fiche, f"{ligne.intitule}, {ligne.annee}", format_euros(ligne.montant), "couts", "montant écrit"
                        ),
                        dossier.place_fiche(fiche, "jours", format_euros(attendu), "couts", calcul),
                    ),
                    constate=ligne.montant.amount,
                    attendu=attendu,
                    annee=ligne.annee,
                    fiche_id=fiche.pk,
                    precision=name_ligne(ligne),
                    corrections=(
                        Correction(
                            f"Garder les jours : {format_euros(attendu)}", "ligne_montant", {"pk": ligne.pk, "montant": f"{attendu:.2f}"}
                        ),
                    ),
                )


class JoursManquants(Regle):
    """Études and Animation are always counted in days; here is only an amount."""

    identifiant = "jours_manquants"
    titre = "Les jours manquent"
    pourquoi = "Cette nature de dépense se chiffre en jours de travail : sans eux, le temps passé ne pourra pas être justifié."
    gravite = Gravite.A_VERIFIER
    rubrique = Rubrique.FICHES_MONTANTS

    def find(self, dossier: DossierFinancier) -> Iterator[Constat]:
        for fiche in dossier.fiches:
            for ligne in dossier.couts_of(fiche):
                if not ligne.nature.toujours_en_jours or ligne.jours is not None or ligne.montant is None or not ligne.montant.amount:
                    continue
                tarif = dossier.convention.tarif_journalier
                piste = ""
                if tarif and tarif.amount:
                    jours = ligne.montant.amount / tarif.amount
                    if jours * 2 == int(jours * 2):
                        piste = f"À {format_euros(tarif)} par jour, ce montant fait {format_jours(jours)}."
                yield Constat(
                    objet=fiche.code,
                    message=f"{ligne.intitule}, {ligne.annee} : {format_euros(ligne.montant)} sans nombre de jours.",
                    lieux=(
                        dossier.place_fiche(fiche, f"{ligne.intitule}, {ligne.annee}", format_euros(ligne.montant), "couts", "sans jours"),
                    ),
                    constate=ligne.montant.amount,
                    annee=ligne.annee,
                    fiche_id=fiche.pk,
                    signe="manque",
                    piste=piste,
                    precision=name_ligne(ligne),
                )


class MontantsInconnus(Regle):
    """« Sur devis », « à déterminer »: what totals leave out."""

    identifiant = "montant_inconnu"
    titre = "Une dépense sans montant n’est comptée dans aucun total"
    pourquoi = "Le total annoncé paraît complet et ne l’est pas : la dépense viendra s’y ajouter."
    gravite = Gravite.INFORMATION
    rubrique = Rubrique.FICHES_MONTANTS
    cotes = ("Dépense", "Total de l’année")

    def find(self, dossier: DossierFinancier) -> Iterator[Constat]:
        for fiche in dossier.fiches:
            for ligne in dossier.couts_of(fiche):
                if ligne.chiffrage == LigneCout.Chiffrage.CHIFFRE:
                    continue
                mots = ligne.mention or describe_inconnu(ligne)
                total = dossier.lignes[fiche.pk].total(ligne.annee).montant
                yield Constat(
                    objet=fiche.code,
                    message=f"{ligne.intitule}, {ligne.annee} : « {mots} ». Le total de l’année n’en compte rien.",
                    lieux=(
                        dossier.place_fiche(fiche, f"{ligne.intitule}, {ligne.annee}", mots, "couts"),
                        dossier.place_fiche(
                            fiche, f"total {ligne.annee}", "/" if total is None else format_euros(total), "couts", "sans cette dépense"
                        ),
                    ),
                    constate=mots,
                    annee=ligne.annee,
                    fiche_id=fiche.pk,
                    precision=name_ligne(ligne),
                )


class BasesMelees(Regle):
    """HT, TTC and unsaid amounts in one sum."""

    identifiant = "ht_ttc"
    titre = "Le récapitulatif additionne des montants hors taxes et toutes taxes"
    pourquoi = "La somme n’est ni l’un ni l’autre : le reste à charge dépend de la TVA que récupère chaque partenaire."
    gravite = Gravite.A_VERIFIER
    rubrique = Rubrique.RECAPITULATIF

    def find(self, dossier: DossierFinancier) -> Iterator[Constat]:
        par_base: dict[str, list[FicheAction]] = defaultdict(list)
        for fiche in dossier.fiches:
            if dossier.total_of(fiche):
                par_base[fiche.base_montants].append(fiche)
        if len(par_base) < 2:
            return
        bases = [(FicheAction.Base(base), par_base[base]) for base in FicheAction.Base.values if base in par_base]
        somme = {base: sum((dossier.total_of(f) for f in fiches), ZERO) for base, fiches in bases}
        libelles = [str(base.label).lower() for base, _ in bases]
        yield Constat(
            objet="récapitulatif",
            message=f"Le total réunit des montants de bases différentes : {list_fr(libelles)}.",
            lieux=tuple(
                dossier.place_recap(str(base.label), format_euros(somme[base]), _list_codes(fiches), declare=False)
                for base, fiches in bases
            ),
            constate=list_fr(libelles),
        )


def name_ligne(ligne: LigneCout) -> str:
    """What tells a cost line apart in its fiche and year."""
    return f"{ligne.nature.cle}.{ligne.libelle}"[:80]


def _list_codes(fiches: list[FicheAction]) -> str:
    codes = [f.code for f in fiches]
    return list_fr(codes) if len(codes) <= 4 else f"{len(codes)} fiches"


def sum_year(dossier: DossierFinancier, annee: int) -> Decimal:
    """Known costs of all fiches in one year."""
    return sum((dossier.total_of(f, annee) for f in dossier.fiches), ZERO)


REGLES: list[Regle] = [SommeDesLignes(), JoursEtMontant(), JoursManquants(), MontantsInconnus(), BasesMelees()]
