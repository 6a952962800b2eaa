"""What the portfolio counts, read for all the agreements a person sees, in a number of queries that grows with nothing.

Planned and done amounts are those of `cumuls`, deadlines those of `echeances`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Q, Sum

from comptes.models import Organisation
from conventions.consolidation import map_consolidees
from conventions.models import Convention, Partie, Politique
from financement.bilans.modeles import Bilan
from financement.cumuls import read_totaux
from financement.echeances import Echeance, list_bilans
from financement.paiements import Paiement
from financement.portefeuille import Annee, EtatBilan, Suivie
from financement.syntheses import TotauxConvention
from financement.versements import Versement
from socle.montants import ZERO, round_cents

TEXTES = ("preambule", "objet", "origines")  # long columns that no figure needs
DESSINS: dict[str, tuple[str, str]] = {  # drawing and colour of each state of a bilan; the words always stand beside
    Bilan.Etat.BROUILLON: ("crayon", "etat-info"),
    Bilan.Etat.SOUMIS: ("demi", "etat-info"),
    Bilan.Etat.OBSERVATIONS: ("alerte", "etat-cours"),
    Bilan.Etat.CORRIGE: ("demi", "etat-info"),
    Bilan.Etat.ACCEPTE: ("plein", "etat-bon"),
}


def list_suivies(user: Any, today: date) -> list[Suivie]:
    """Every agreement the person sees, with its figures by year."""
    visibles = Convention.objects.visible_to(user).without_avenants()
    conventions = list(visibles.defer(*TEXTES))
    consolidees = map_consolidees(conventions, TEXTES)
    partenaires, politiques = _read_partenaires(visibles, user), _read_politiques(visibles)
    suivies = [
        Suivie(
            convention,
            partenaires[convention.pk],
            politiques[convention.pk],
            consolidees[convention.pk].annees,
            {annee: Annee(annee) for annee in consolidees[convention.pk].annees},
        )
        for convention in conventions
    ]
    totaux = read_totaux({c.pk: c for c in (*conventions, *consolidees.values())}.values(), realise=True)
    _add_prevu(suivies, consolidees, totaux)
    _add_paye(suivies, consolidees, visibles)
    _add_bilans(suivies, consolidees, totaux, visibles, today)
    return suivies


def _read_partenaires(visibles: Any, user: Any) -> dict[int, list[Partie]]:
    """The other parties of each agreement; an organisation is read once, however many agreements it makes."""
    par_convention: dict[int, list[Partie]] = defaultdict(list)
    autres = Partie.objects.filter(convention__in=visibles.order_by()).exclude(organisation=user.organisation_id)
    parties = list(autres.only("convention", "organisation", "denomination").order_by("convention", "ordre", "pk"))
    organisations = Organisation.objects.only("cle", "nom", "sigle").in_bulk({p.organisation_id for p in parties})
    for partie in parties:
        partie.organisation = organisations[partie.organisation_id]
        par_convention[partie.convention_id].append(partie)
    return par_convention


def _read_politiques(visibles: Any) -> dict[int, list[Politique]]:
    """Politiques that each agreement serves, in the order of their names."""
    par_convention: dict[int, list[Politique]] = defaultdict(list)
    toutes = Politique.objects.in_bulk()
    liens = Convention.politiques.through.objects.filter(convention__in=visibles.order_by()).order_by("politique__nom")
    for convention, politique in liens.values_list("convention_id", "politique_id"):
        par_convention[convention].append(toutes[politique])
    return par_convention


def _year(suivie: Suivie, annee: int) -> Annee:
    return suivie.annees.setdefault(annee, Annee(annee))


def _add_prevu(suivies: Sequence[Suivie], consolidees: Mapping[int, Convention], totaux: Mapping[int, TotauxConvention]) -> None:
    """The plan of each year, as the last avenant signed leaves it."""
    for suivie in suivies:
        for annee, cellule in totaux[consolidees[suivie.convention.pk].pk].par_annee.items():
            _year(suivie, annee).chiffres.prevu.add(cellule)


def _add_paye(suivies: Sequence[Suivie], consolidees: Mapping[int, Convention], visibles: Any) -> None:
    """What was paid each budget year; zero once payments are planned, unknown while nothing says there will be some."""
    plans = Versement.objects.filter(Q(convention__in=visibles.order_by()) | Q(convention__avenant_de__in=visibles.order_by()))
    prevues = set(plans.order_by().values_list("convention", flat=True).distinct())
    par_convention: dict[int, dict[int, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
    payes = Paiement.objects.filter(convention__in=visibles.order_by(), etat=Paiement.Etat.PAYE).order_by()
    for convention, exercice, somme in payes.values_list("convention", "exercice").annotate(somme=Sum("montant")):
        par_convention[convention][exercice] = round_cents(somme)
    for suivie in suivies:
        paye = par_convention[suivie.convention.pk]
        if paye or consolidees[suivie.convention.pk].pk in prevues:
            for exercice in {*suivie.annees, *paye}:
                _year(suivie, exercice).chiffres.paye = paye[exercice]


def _add_bilans(
    suivies: Sequence[Suivie],
    consolidees: Mapping[int, Convention],
    totaux: Mapping[int, TotauxConvention],
    visibles: Any,
    today: date,
) -> None:
    """What the bilans say was done, and where each stands."""
    bilans = {
        (b.convention_id, b.annee): b for b in Bilan.objects.filter(convention__in=visibles.order_by()).only("convention", "annee", "etat")
    }
    recus = {cle for cle, bilan in bilans.items() if bilan.etat != Bilan.Etat.BROUILLON}
    for suivie in suivies:
        convention = suivie.convention
        for annee, cellule in totaux[convention.pk].realise.items():
            _year(suivie, annee).chiffres.realise = cellule
        echeances = list_bilans(convention, consolidees[convention.pk], recus)
        dates = {e.cle: e for e in echeances}
        for annee, vue in suivie.annees.items():
            manque = suivie.is_close and annee in suivie.prevues
            echeance = dates.get(f"bilan.{convention.pk}.{annee}")
            vue.bilan = tell_bilan(annee, bilans.get((convention.pk, annee)), echeance, today, manque)
            vue.chiffres.retards = int(vue.bilan is not None and vue.bilan.en_retard)


def tell_bilan(annee: int, bilan: Bilan | None, echeance: Echeance | None, today: date, manque: bool) -> EtatBilan | None:
    """The state of a bilan in words; None when none is expected. `manque`: the agreement is over, its bilan will not come."""
    retard = echeance.tell_retard(today) if echeance is not None and echeance.en_retard(today) else ""
    if bilan is not None:
        mots, (icone, classe) = bilan.get_etat_display().lower(), DESSINS[bilan.etat]
        return EtatBilan(annee, f"{mots}, {retard}", "alerte", "etat-cours", True) if retard else EtatBilan(annee, mots, icone, classe)
    if retard:
        return EtatBilan(annee, retard, "alerte", "etat-cours", True)
    if echeance is not None:
        return EtatBilan(annee, f"attendu le {echeance.jour:%d/%m/%Y}", "horloge")
    return EtatBilan(annee, "sans bilan", "cercle") if manque else None
