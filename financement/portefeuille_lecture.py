"""What the portfolio counts, read for all the agreements a person sees, in a number of queries that grows with nothing.

Planned amounts are those of `syntheses`, done ones those of `bilans.calculs`, deadlines those of `echeances`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from conventions.consolidation import map_consolidees
from conventions.models import Convention
from fiches.models import FicheAction
from financement.bilans.calculs import compute_syntheses
from financement.bilans.modeles import Bilan
from financement.bilans.suivi import Synthese
from financement.echeances import LUES, Echeance, Genre, collect_echeances
from financement.portefeuille import Annee, EtatBilan, Suivie
from financement.recapitulatif import Cellule
from financement.syntheses import compute_ligne, read_by_fiche
from financement.versements import Versement
from socle.montants import ZERO

A_SAISIR = "dépenses à saisir"
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
    conventions = list(visibles.with_parties().prefetch_related("politiques", *LUES[1:]))
    consolidees = map_consolidees(conventions)
    suivies = [
        Suivie(
            convention,
            [p for p in convention.parties.all() if p.organisation_id != user.organisation_id],
            list(convention.politiques.all()),
            consolidees[convention.pk].annees,
            {annee: Annee(annee) for annee in consolidees[convention.pk].annees},
        )
        for convention in conventions
    ]
    _add_prevu(suivies, consolidees)
    _add_paye(suivies, consolidees)
    _add_bilans(suivies, today)
    return suivies


def _year(suivie: Suivie, annee: int) -> Annee:
    return suivie.annees.setdefault(annee, Annee(annee))


def _add_prevu(suivies: Sequence[Suivie], consolidees: Mapping[int, Convention]) -> None:
    """The plan of each year, as the last avenant signed leaves it."""
    par_copie = {consolidees[s.convention.pk].pk: s for s in suivies}
    fiches = list(FicheAction.objects.filter(convention__in=par_copie).only("convention"))
    couts, _ = read_by_fiche([f.pk for f in fiches])
    for fiche in fiches:
        ligne = compute_ligne(fiche, couts[fiche.pk], ())
        for annee in ligne.annees_chiffrees:
            _year(par_copie[fiche.convention_id], annee).chiffres.prevu.add(ligne.total(annee))


def _add_paye(suivies: Sequence[Suivie], consolidees: Mapping[int, Convention]) -> None:
    """What was paid each budget year; zero once payments are planned, unknown while nothing says there will be some."""
    prevues = set(Versement.objects.filter(convention__in=[c.pk for c in consolidees.values()]).values_list("convention", flat=True))
    for suivie in suivies:
        payes: dict[int, Decimal] = defaultdict(lambda: ZERO)
        for paiement in suivie.convention.paiements.all():
            if paiement.is_paye:
                payes[paiement.exercice] += paiement.montant.amount
        if payes or consolidees[suivie.convention.pk].pk in prevues:
            for exercice in {*suivie.annees, *payes}:
                _year(suivie, exercice).chiffres.paye = payes[exercice]


def _add_bilans(suivies: Sequence[Suivie], today: date) -> None:
    """What the bilans say was done, and where each stands."""
    conventions = [s.convention for s in suivies]
    par_cle = {s.convention.pk: s for s in suivies}
    bilans = Bilan.objects.filter(convention__in=conventions)
    syntheses = {(s.bilan.convention_id, s.bilan.annee): s for s in compute_syntheses(list(bilans))}
    recus = list(bilans.received().values_list("convention", "annee"))
    dates = {e.cle: e for e in collect_echeances(conventions, recus) if e.genre == Genre.BILAN}
    for (convention, annee), calcul in syntheses.items():
        _year(par_cle[convention], annee).chiffres.realise = tell_realise(calcul)
    for suivie in suivies:
        for annee, vue in suivie.annees.items():
            trouvee = syntheses.get((suivie.convention.pk, annee))
            echeance = dates.get(f"bilan.{suivie.convention.pk}.{annee}")
            manque = suivie.is_close and annee in suivie.prevues
            vue.bilan = tell_bilan(annee, trouvee.bilan if trouvee else None, echeance, today, manque)
            vue.chiffres.retards = int(vue.bilan is not None and vue.bilan.en_retard)


def tell_realise(synthese: Synthese) -> Cellule:
    """What was done, with its reserve while lines of the plan wait for what was spent on them."""
    montant = synthese.euros.realise
    attendues = any(li.is_attendue and li.euros.prevu is not None for li in synthese.lignes)
    return Cellule(montant, [A_SAISIR] if attendues and montant is not None else [])


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
