"""When costs fall: against the calendar of the sheet, the period of the convention, the signature, the start of the action."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from conventions.controles.famille import read_bornes
from fiches.controles.dossier import DEMARRAGE
from fiches.models import FicheAction
from financement.controles.couts import sum_year
from financement.controles.dossier import DossierFinancier
from socle.controles import Constat, Gravite, Regle, Rubrique
from socle.montants import ZERO, round_cents
from socle.periodes import Lecture, flatten, read_periodes, split_propositions
from socle.typographie import MOIS, format_euros, list_fr

LINEAIRE = re.compile(r"\b(?:couts?|montants?|budgets?|depenses?|hypothese)\b[^.;\n]{0,40}\blineaires?\b")


class CalendrierEtCouts(Regle):
    """Years the calendar names against years with costs."""

    identifiant = "calendrier_couts"
    titre = "Le calendrier et les coûts ne portent pas sur les mêmes années"
    pourquoi = "Une année prévue sans budget ne se fera pas ; un budget hors du calendrier ne sera pas justifié."
    gravite = Gravite.A_VERIFIER
    rubrique = Rubrique.FICHES_CODES
    cotes = ("Coûts", "Calendrier")

    def find(self, dossier: DossierFinancier) -> Iterator[Constat]:
        for fiche in dossier.fiches:
            lecture, couts = dossier.calendriers[fiche.pk], dossier.annees_de_cout(fiche)
            if not couts or not lecture.is_comprise:
                continue
            nulles = {c.annee for c in dossier.couts_of(fiche)} - couts  # a zero was written: said, not forgotten
            permises, prevues = lecture.select_years(dossier.annees), lecture.require_years(dossier.annees)
            dit = show_lecture(lecture)
            for annee in sorted(((couts - permises) | (prevues - couts)) - nulles):
                total = dossier.lignes[fiche.pk].total(annee)
                montant = format_euros(total.montant) if total.montant is not None else list_fr(total.reserves)
                if annee in couts:
                    message = f"{annee} : {montant} de coût, mais le calendrier dit « {dit} »."
                else:
                    message = f"Le calendrier prévoit {annee} (« {dit} »), la fiche n’a aucun coût cette année-là."
                yield Constat(
                    objet=fiche.code,
                    message=message,
                    lieux=(
                        dossier.place_fiche(fiche, f"coûts {annee}", montant or "/", "couts", "" if montant else "aucun coût"),
                        dossier.place_fiche(fiche, "calendrier", dit, "calendrier"),
                    ),
                    constate=(total.montant if total.montant is not None else montant) if annee in couts else ZERO,
                    attendu=dit,
                    annee=annee,
                    fiche_id=fiche.pk,
                )


class CoutsHorsPeriode(Regle):
    """Costs in a year the convention does not cover."""

    identifiant = "couts_hors_periode"
    titre = "Des coûts tombent hors de la période de la convention"
    pourquoi = "Une dépense avant la prise d’effet ou après la fin n’est pas payable."
    gravite = Gravite.BLOQUANT
    rubrique = Rubrique.FICHES_MONTANTS
    cotes = ("Coût", "Période")

    def find(self, dossier: DossierFinancier) -> Iterator[Constat]:
        bornes = read_bornes(dossier.convention)
        if bornes.debut is None:
            return
        debut, fin = bornes.debut.year, bornes.fin.year if bornes.fin else None
        periode = f"{debut} – {fin}" if fin else f"à partir de {debut}"
        for fiche in dossier.fiches:
            for annee in sorted(a for a in dossier.annees_de_cout(fiche) if a < debut or (fin and a > fin)):
                total = dossier.lignes[fiche.pk].total(annee)
                cout = format_euros(total.montant) if total.montant is not None else list_fr(total.reserves)
                yield Constat(
                    objet=fiche.code,
                    message=f"{cout} en {annee}, la convention couvre {periode}.",
                    lieux=(
                        dossier.place_fiche(fiche, f"coûts {annee}", cout, "couts"),
                        dossier.place_convention("Période de la convention", periode),
                    ),
                    constate=total.montant if total.montant is not None else cout,
                    attendu=periode,
                    annee=annee,
                    fiche_id=fiche.pk,
                )


class AnneeEntamee(Regle):
    """A whole year of costs when half of it has passed before signature."""

    identifiant = "annee_entamee"
    titre = "Une année entière est budgétée alors qu’elle est déjà entamée"
    pourquoi = "Les dépenses faites avant la prise d’effet ne sont pas couvertes, sauf si la convention fixe une date antérieure."
    gravite = Gravite.A_VERIFIER
    rubrique = Rubrique.DATES

    def find(self, dossier: DossierFinancier) -> Iterator[Constat]:
        reference = dossier.reference_signature
        if reference is None or reference[1].month <= 6:
            return
        nom, jour = reference
        cout, suivante = sum_year(dossier, jour.year), sum_year(dossier, jour.year + 1)
        mois = 13 - jour.month
        attendu = round_cents(suivante * Decimal(mois) / 12)
        if suivante and cout > attendu:
            yield Constat(
                objet="convention",
                message=(
                    f"{format_euros(cout)} sont prévus en {jour.year}, alors que {nom} est du {jour:%d/%m/%Y} : "
                    f"{mois} mois sur douze de {jour.year + 1} feraient {format_euros(attendu)}."
                ),
                lieux=(
                    dossier.place_recap(f"Fiches, total {jour.year}", format_euros(cout), declare=False),
                    dossier.place_convention(nom.partition(" ")[2].capitalize(), f"{jour:%d/%m/%Y}"),
                ),
                constate=cout,
                attendu=attendu,
                annee=jour.year,
            )


class DemarrageEtCout(Regle):
    """A full year of cost for an action that starts in the second half of it (E.C 1.1 and E.C 1.2 of Dijon)."""

    identifiant = "demarrage_cout"
    titre = "Une action qui démarre en cours d’année coûte une année pleine"
    pourquoi = "La première année est sans doute à réduire : le montant demandé ne pourra pas être justifié."
    gravite = Gravite.A_VERIFIER
    rubrique = Rubrique.FICHES_MONTANTS

    def find(self, dossier: DossierFinancier) -> Iterator[Constat]:
        for fiche in dossier.fiches:
            trouve = find_demarrage(fiche)
            if trouve is None:
                continue
            extrait, debut = trouve
            cout, suivante = dossier.total_of(fiche, debut.year), dossier.total_of(fiche, debut.year + 1)
            deja = any(annee < debut.year for annee in dossier.annees_de_cout(fiche))
            if deja or debut.month <= 6 or not cout or not suivante or cout < suivante:
                continue
            mois = 13 - debut.month
            attendu = round_cents(suivante * Decimal(mois) / 12)
            yield Constat(
                objet=fiche.code,
                message=(
                    f"« {extrait} » : {format_euros(cout)} en {debut.year}, autant qu’une année pleine. "
                    f"{mois} mois sur douze en feraient {format_euros(attendu)}."
                ),
                lieux=(
                    dossier.place_fiche(
                        fiche, f"coûts {debut.year}", format_euros(cout), "couts", f"{debut.year + 1} : {format_euros(suivante)}"
                    ),
                    dossier.place_fiche(
                        fiche, "calendrier", extrait, "calendrier", f"soit {mois} mois au plus, dès {MOIS[debut.month - 1]}"
                    ),
                ),
                constate=cout,
                attendu=attendu,
                annee=debut.year,
                fiche_id=fiche.pk,
            )


class CoutLineaire(Regle):
    """« Un coût linéaire d’une année sur l’autre », and years that differ (E.P 2.6 of Dijon)."""

    identifiant = "cout_lineaire"
    titre = "Le coût annoncé comme linéaire change d’une année à l’autre"
    pourquoi = "La fiche justifie son budget par une hypothèse que ses chiffres ne suivent pas."
    gravite = Gravite.A_VERIFIER
    rubrique = Rubrique.FICHES_MONTANTS

    def find(self, dossier: DossierFinancier) -> Iterator[Constat]:
        for fiche in dossier.fiches:
            if not LINEAIRE.search(flatten(f"{fiche.calendrier}\n{fiche.cout_texte}")):
                continue
            couts = [(a, m) for a in sorted(dossier.annees_de_cout(fiche)) if (m := dossier.lignes[fiche.pk].total(a).montant)]
            if len({montant for _, montant in couts}) > 1:
                suite = list_fr([f"{format_euros(m)} en {a}" for a, m in couts])
                yield Constat(
                    objet=fiche.code,
                    message=f"La fiche suppose un coût linéaire, et prévoit {suite}.",
                    lieux=(
                        dossier.place_fiche(fiche, "coûts", suite, "couts"),
                        dossier.place_fiche(fiche, "calendrier", "coût linéaire", "calendrier"),
                    ),
                    constate=suite,
                    attendu="coût linéaire",
                    fiche_id=fiche.pk,
                )


class ActionSansIndicateur(Regle):
    """A cost, and nothing to measure what it gives."""

    identifiant = "fiche_sans_indicateur"
    titre = "Une action chiffrée n’a aucun indicateur"
    pourquoi = "Le solde se calcule au prorata des objectifs atteints : ici, rien ne permettra de le dire."
    gravite = Gravite.INFORMATION
    rubrique = Rubrique.FICHES_CODES
    cotes = ("Évaluation", "Coût")

    def find(self, dossier: DossierFinancier) -> Iterator[Constat]:
        for fiche in dossier.fiches:
            if dossier.total_of(fiche) and not fiche.indicateurs.all():
                cout = format_euros(dossier.total_of(fiche))
                yield Constat(
                    objet=fiche.code,
                    message=f"{cout} de coût, et aucun indicateur pour mesurer le résultat.",
                    lieux=(
                        dossier.place_fiche(fiche, "évaluation", "aucun indicateur", "evaluation"),
                        dossier.place_fiche(fiche, "coût", cout, "couts"),
                    ),
                    fiche_id=fiche.pk,
                    signe="manque",
                )


def find_demarrage(fiche: FicheAction) -> tuple[str, date] | None:
    """When the action starts, at the earliest, and the words that say so; None when nothing says it surely."""
    if fiche.date_debut:
        return f"début le {fiche.date_debut:%d/%m/%Y}", fiche.date_debut
    for proposition in split_propositions(fiche.calendrier):
        if not DEMARRAGE.search(flatten(proposition)):
            continue
        lecture = read_periodes(proposition)
        if lecture.is_comprise and lecture.periodes and lecture.periodes[0].debut:
            return lecture.periodes[0].extrait, lecture.periodes[0].debut
    return None


def show_lecture(lecture: Lecture) -> str:
    """What was understood of a calendar, in its own words."""
    return ", ".join(dict.fromkeys(p.extrait for p in lecture.periodes)) or "chaque année"


REGLES: list[Regle] = [CalendrierEtCouts(), CoutsHorsPeriode(), AnneeEntamee(), DemarrageEtCout(), CoutLineaire(), ActionSansIndicateur()]
