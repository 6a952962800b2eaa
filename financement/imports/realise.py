"""What an import of realised amounts would change in a bilan, and its writing: one code for the preview and for the confirmation."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from djmoney.money import Money

from financement.bilans.calculs import compute_synthese
from financement.bilans.modeles import Bilan as BilanAnnuel
from financement.bilans.modeles import LigneBilan
from financement.bilans.suivi import FicheSuivie, LigneSuivie
from financement.cellules import Cellule, explain_cellule
from financement.couts import NatureDepense
from financement.echanges import FinancementResource
from financement.imports.bilan import Bilan
from financement.imports.lignes import Depense, Lecture
from financement.imports.plan import ORDRE_MAX, PAR_PAQUET, jsonify, sign_rows
from financement.imports.referentiel_bilan import ReferentielBilan
from socle.montants import ZERO
from socle.typographie import INSECABLE, format_euros, format_nombre, list_fr

CITEES = 8
RESSEMBLE = 0.8  # two names as near as this may be one, badly written


class LigneBilanResource(FinancementResource):
    """What was done of the lines of a bilan: read, written and put back by batches only."""

    identite = ("fiche_id", "nature_id", "libelle")
    suivis = ("jours", "montant")

    class Meta(FinancementResource.Meta):
        model = LigneBilan
        fields = ["jours", "montant"]


@dataclass
class PlanRealise:
    """Compares a file with the lines of a bilan. `ecrire` gives the reason and the date of the versions, to write too."""

    ref: ReferentielBilan
    user: Any
    ecrire: tuple[str, datetime] | None = None
    sur_effet: Callable[[list[list[Any]]], None] | None = None  # where values written go, batch by batch
    suivre: Callable[[float], None] = lambda part: None
    detail: bool = True  # changes, for the page
    bilan: Bilan = field(default_factory=Bilan)
    _nouvelles: list[Any] = field(default_factory=list)
    _modifiees: list[Any] = field(default_factory=list)
    _remarques: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ressource = LigneBilanResource(user=self.user, existants={})

    def run(self, lecture: Lecture) -> Bilan:
        """Compare, and write when asked. Raises ArretDemande from `suivre`."""
        self.bilan.refus += lecture.refus
        depenses: dict[int, list[Depense]] = defaultdict(list)
        refusees: dict[int, int] = defaultdict(int)
        for depense in lecture.depenses:
            depenses[depense.fiche].append(depense)
        for refus in lecture.refus:
            if refus.fiche is not None:
                refusees[refus.fiche] += 1
        fiches = compute_synthese(self.ref.bilan).fiches
        for rang, fiche in enumerate(fiches, 1):
            self._run_fiche(fiche, depenses[fiche.objet.pk], refusees[fiche.objet.pk])
            self.suivre(rang / len(fiches))
        self.bilan.comptes["rejetes"] = len(self.bilan.refus)
        self._tell_hors_plan(lecture)
        if self.ecrire:
            self._write(*self.ecrire)
        return self.bilan

    def _run_fiche(self, fiche: FicheSuivie, lues: list[Depense], nb_refus: int) -> None:
        lignes = [suivie.objet for suivie in fiche.lignes]
        if self.detail or lues:
            self.bilan.etats[str(fiche.objet.pk)] = sign_rows(lignes)
        # Spaces that typography changes make no other line.
        connues = {(li.objet.nature_id, " ".join(li.objet.libelle.split())): li for li in fiche.lignes}
        ordre = max((ligne.ordre for ligne in lignes), default=0)
        avant = apres = fiche.euros.realise or ZERO
        compte = [0, 0, 0, nb_refus]
        for depense in lues:
            suivie = connues.get((depense.nature, depense.libelle))
            if suivie is None:
                ordre = min(ordre + 10, ORDRE_MAX)
                ligne = self._add(fiche, depense, ordre)
            else:
                ligne = suivie.objet
                ligne.avant = self.ressource.snapshot(ligne)  # type: ignore[attr-defined]
            texte, valeur = tell_realise(ligne, suivie), suivie.euros.realise if suivie else None
            jours, montant = depense.cellule.jours, read_montant(ligne, depense.cellule)
            # What the bilan already counts, typed or not, is nothing new: an export that comes back changes nothing.
            if suivie is not None and jours in {None, suivie.jours.realise} and montant in {None, valeur}:
                self.bilan.comptes["inchanges"] += 1
                compte[2] += 1
                continue
            ligne.jours = ligne.jours if jours is None else jours
            ligne.montant = ligne.montant if montant is None else Money(montant, "EUR")
            nouvelle = worth(ligne, valeur)
            ecart = (nouvelle or ZERO) - (valeur or ZERO)
            apres += ecart
            (self._modifiees if suivie else self._nouvelles).append(ligne)
            self.bilan.comptes["modifies" if suivie else "nouveaux"] += 1
            compte[1 if suivie else 0] += 1
            if self.detail:
                self._tell_change(depense, ligne, texte, None if nouvelle is None and valeur is None else ecart)
        self.bilan.avant[None, None] += avant
        self.bilan.apres[None, None] += apres
        if self.detail and any(compte):
            self.bilan.fiches.append([fiche.objet.code, str(fiche.objet.pk), fiche.objet.titre, *compte, str(avant), str(apres)])

    def _add(self, fiche: FicheSuivie, depense: Depense, ordre: int) -> LigneBilan:
        """An expense that the bilan does not hold, made all the same. Days are worth what they are in the agreement."""
        nature: NatureDepense = self.ref.natures[depense.nature]
        en_jours = nature.toujours_en_jours or depense.cellule.jours is not None
        tarif = self.ref.convention.tarif_journalier if en_jours else None
        ligne = LigneBilan(fiche=fiche.objet, nature=nature, libelle=depense.libelle, au_plan=False, ordre=ordre, tarif=tarif)
        ligne.avant = None  # type: ignore[attr-defined]
        self._tell_ajout(fiche, ligne)
        return ligne

    # --- What the preview says ------------------------------------------------------------------------
    def _tell_change(self, depense: Depense, ligne: LigneBilan, avant: str, ecart: Decimal | None) -> None:
        """State, place, fiche, what, year, before and after in words, difference in euros."""
        intitule = ligne.intitule if ligne.au_plan else f"{ligne.intitule}, hors plan"
        etat = "nouveau" if ligne.avant is None else "modifie"  # type: ignore[attr-defined]
        place, code = f"{depense.feuille}!{depense.place}", ligne.fiche.code
        apres = tell_realise(ligne, None)
        self.bilan.changements.append([etat, place, code, intitule, None, avant, apres, None if ecart is None else str(ecart)])

    def _tell_ajout(self, fiche: FicheSuivie, ligne: LigneBilan) -> None:
        proches = self.ref.find_proches(fiche.objet.pk, ligne.intitule, RESSEMBLE)
        suite = f", proche de « {proches[0]} »" if proches else ""
        self._remarques.append(f"{fiche.objet.code} « {ligne.intitule} »{suite}")

    def _tell_hors_plan(self, lecture: Lecture) -> None:
        """Name what enters beside the plan: a libellé badly written would be counted twice."""
        nombre = len(self._remarques)
        if not nombre:
            return
        suite = f" et {nombre - CITEES} autres" if nombre > CITEES else ""
        debut = (
            "Une dépense n’est pas dans le bilan : elle entre"
            if nombre == 1
            else f"{nombre} dépenses ne sont pas dans le bilan : elles entrent"
        )
        noms = ", ".join(self._remarques[:CITEES]) + suite if suite else list_fr(self._remarques)
        lecture.remarques.append(f"{debut} hors plan ({noms}). S’il s’agit d’une ligne du plan, corrigez son libellé dans le fichier.")

    # --- Writing --------------------------------------------------------------------------------------
    def _write(self, raison: str, date: datetime) -> None:
        """Write the lines, their versions, and what undoing needs; the bilan changed."""
        self.ressource.write_batch(self._nouvelles, self._modifiees, raison, date)
        if self.sur_effet:
            ecrites = [*self._nouvelles, *self._modifiees]
            for debut in range(0, len(ecrites), PAR_PAQUET):
                self.sur_effet(list_effets(self.ressource, ecrites[debut : debut + PAR_PAQUET]))
        if self._nouvelles or self._modifiees:
            BilanAnnuel.objects.filter(pk=self.ref.bilan.pk).update(modifie_le=date)


def list_effets(ressource: FinancementResource, objets: Iterable[Any]) -> list[list[Any]]:
    """Table, key, values before and after, and natural key of rows just written."""
    nom = ressource._meta.model._meta.model_name
    return [[nom, o.pk, jsonify(o.avant), jsonify(ressource.snapshot(o)), ressource.identify(o)] for o in objets]


def read_montant(ligne: LigneBilan, cellule: Cellule) -> Decimal | None:
    """The amount that a row gives to a line: as written, or days at another rate than the line's. None leaves it as it is."""
    tarif = ligne.tarif.amount if ligne.tarif is not None else None
    return cellule.calcule if cellule.montant is None and cellule.tarif not in {None, tarif} else cellule.montant


def worth(ligne: LigneBilan, sinon: Decimal | None) -> Decimal | None:
    """What a line says was spent, as the bilan counts it; `sinon` when what is typed does not tell."""
    return sinon if ligne.montant_saisi is None else ligne.montant_saisi


def tell_realise(ligne: LigneBilan, suivie: LigneSuivie | None) -> str:
    """What was done of a line, in words: « 16,5 j × 600 € = 9 900 € »; empty when nothing says it."""
    montant = None if ligne.montant is None else ligne.montant.amount
    if montant is not None:
        return explain_cellule(Cellule("chiffre", montant, ligne.jours))
    if ligne.jours is not None and ligne.tarif is not None:
        return explain_cellule(Cellule("chiffre", worth(ligne, None), ligne.jours, ligne.tarif.amount))
    if ligne.jours is not None:
        return f"{format_nombre(ligne.jours)}{INSECABLE}j"
    if suivie is not None and suivie.euros.realise is not None:
        return f"{format_euros(suivie.euros.realise)} ({suivie.source})"
    return ""
