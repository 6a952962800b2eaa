"""What an import would change, and its writing: one code for the preview and for the confirmation.

Rows are taken by whole fiches, a few hundred at a time: the present values are loaded by batch, never a row at a time,
and memory does not grow with the file.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from djmoney.money import Money

from conventions.gel import explain_gel
from fiches.droits import explain_etat, explain_refus
from fiches.models import FicheAction
from financement.cellules import explain_cellule
from financement.cofinancements import NON_REPARTI, CoFinancement
from financement.couts import LigneCout
from financement.echanges import CoFinancementResource, FinancementResource, LigneCoutResource, RecapDeclareResource
from financement.imports.bilan import Bilan, Somme
from financement.imports.lignes import CelluleRecap, Depense, Lecture, PartLue, Refus
from financement.imports.referentiel import Referentiel
from financement.recap_declare import MontantRecapDeclare
from financement.repartition import Cout, split_costs
from financement.saisie_couts import describe_ligne, to_cellule
from financement.syntheses import to_part
from socle.montants import ZERO
from socle.typographie import format_euros, format_taux

PAR_PAQUET = 2_000
ORDRE_MAX = 32_767


@dataclass
class Plan:
    """Compares a file with what is in the database. `ecrire` gives the reason and the date of the versions, to write too."""

    ref: Referentiel
    user: Any
    ecrire: tuple[str, datetime] | None = None
    sur_effet: Callable[[list[list[Any]]], None] | None = None  # where values written go, batch by batch
    suivre: Callable[[float], None] = lambda part: None
    detail: bool = True  # changes and shares, which a command does not show
    bilan: Bilan = field(default_factory=Bilan)
    _refus: dict[int, str] = field(default_factory=dict)  # why nothing may be written in a fiche

    def run(self, lecture: Lecture) -> Bilan:
        """Compare, and write when asked. Raises ArretDemande from `suivre`."""
        self.bilan.refus += lecture.refus
        if lecture.recap:
            self._run_recap(lecture.recap)
        elif lecture.formes != ["recap"]:
            self._run_budget(lecture)
        self.bilan.comptes["rejetes"] = len(self.bilan.refus)
        return self.bilan

    # --- Costs and shares ---------------------------------------------------------------------------
    def _run_budget(self, lecture: Lecture) -> None:
        depenses: dict[int, list[Depense]] = defaultdict(list)
        parts: dict[int, list[PartLue]] = defaultdict(list)
        refusees: dict[int, int] = defaultdict(int)
        for depense in lecture.depenses:
            depenses[depense.fiche].append(depense)
        for part in lecture.parts:
            parts[part.fiche].append(part)
        for refus in lecture.refus:
            if refus.fiche is not None:
                refusees[refus.fiche] += 1
        # The sums are those of the whole convention; writing needs only the fiches that the file names.
        fiches = [pk for pk in self.ref.par_pk if not self.ecrire or pk in depenses or pk in parts]
        fait, total = 0, len(lecture.depenses) + len(lecture.parts) + len(fiches)
        for paquet in _pack(fiches, lambda pk: 1 + len(depenses[pk]) + len(parts[pk])):
            self._run_batch(paquet, depenses, parts, refusees)
            fait += sum(1 + len(depenses[pk]) + len(parts[pk]) for pk in paquet)
            self.suivre(fait / total)

    def _run_batch(
        self, paquet: list[int], depenses: dict[int, list[Depense]], parts: dict[int, list[PartLue]], refusees: dict[int, int]
    ) -> None:
        if self.ecrire:
            list(FicheAction.toutes.select_for_update().filter(pk__in=paquet).order_by("pk").values_list("pk"))
        couts_par_fiche, parts_par_fiche = _load(paquet)
        for pk in paquet:
            self.bilan.etats[str(pk)] = sign_rows(couts_par_fiche[pk], parts_par_fiche[pk])
        avant = {pk: self._sum(couts_par_fiche[pk], parts_par_fiche[pk]) for pk in paquet} if self.detail else {}
        comptes: dict[int, list[int]] = {pk: [0, 0, 0, refusees[pk]] for pk in paquet}
        existants = {(c.fiche_id, c.nature_id, c.libelle, c.annee): c for pk in paquet for c in couts_par_fiche[pk]}
        ressource = LigneCoutResource(user=self.user, existants=existants)
        # Spaces that typography changes make no other row: « Qualité : Préférence » with or without a no-break space.
        ecrits = {(c.fiche_id, c.nature_id, " ".join(c.libelle.split())): c.libelle for c in existants.values()}
        lues = [replace(d, libelle=ecrits.get((d.fiche, d.nature, d.libelle), d.libelle)) for pk in paquet for d in depenses[pk]]
        ordres = {(c.fiche_id, c.nature_id, c.libelle): c.ordre for c in existants.values()}
        derniers: dict[int, int] = defaultdict(int)
        for (pk, _, _), ordre in ordres.items():
            derniers[pk] = max(derniers[pk], ordre)
        lignes = [self._write_cost(d, existants, ordres, derniers) for d in lues]
        nouvelles = self._judge(ressource, lues, lignes, comptes, self._describe_cost)
        for ligne in nouvelles:
            couts_par_fiche[ligne.fiche_id].append(ligne)
        nommees = {d.cle for d in lues}
        self.bilan.absentes += sum(cle not in nommees for cle in existants if depenses[cle[0]])
        self._run_parts([p for pk in paquet for p in parts[pk]], parts_par_fiche, comptes)
        if self.ecrire:
            touchees = [pk for pk in paquet if comptes[pk][0] or comptes[pk][1]]
            FicheAction.toutes.filter(pk__in=touchees).update(modifiee_le=self.ecrire[1])
        for pk in paquet:
            self._tell_fiche(pk, comptes[pk], avant.get(pk), couts_par_fiche[pk], parts_par_fiche[pk])

    def _run_parts(self, lues: list[PartLue], parts_par_fiche: dict[int, list[CoFinancement]], comptes: dict[int, list[int]]) -> None:
        if not lues:
            return
        existants = {(p.fiche_id, p.financeur_id, p.nature_id, p.annee): p for parts in parts_par_fiche.values() for p in parts}
        ordres = {pk: max((p.ordre for p in parts), default=0) for pk, parts in parts_par_fiche.items()}
        lignes = []
        for part in lues:
            present = existants.get(part.cle)
            if present is None:
                ordres[part.fiche] = min(ordres.get(part.fiche, 0) + 10, ORDRE_MAX)
            mention = part.mention if part.mention is not None else present.mention if present else ""
            organisation = self.ref.organisations.get(part.financeur) if part.financeur else None
            nature = self.ref.natures.get(part.nature) if part.nature else None
            ordre = present.ordre if present else ordres[part.fiche]
            lignes.append((self.ref.par_pk[part.fiche], organisation, nature, part.annee, part.taux, part.montant, mention, ordre))
        ressource = CoFinancementResource(user=self.user, existants=existants)
        for nouvelle in self._judge(ressource, lues, lignes, comptes, self._describe_part):
            parts_par_fiche[nouvelle.fiche_id].append(nouvelle)

    def _write_cost(
        self, depense: Depense, existants: dict[Any, LigneCout], ordres: dict[Any, int], derniers: dict[int, int]
    ) -> tuple[Any, ...]:
        """The row of the exchange table for a cost: what the file does not say is what is already there."""
        present, cellule = existants.get(depense.cle), depense.cellule
        if present is not None:
            actuelle = to_cellule(present)
            if depense.seul and (actuelle.chiffrage, actuelle.montant) == (cellule.chiffrage, cellule.montant):
                cellule = replace(cellule, jours=actuelle.jours, tarif=actuelle.tarif)
            elif cellule.jours is not None and cellule.tarif is None and actuelle.jours == cellule.jours:
                cellule = replace(cellule, tarif=actuelle.tarif)
            if not cellule.mention:
                cellule = replace(cellule, mention=actuelle.mention)
            ordre = present.ordre
        else:
            cle = (depense.fiche, depense.nature, depense.libelle)
            if cle not in ordres:
                ordres[cle] = derniers[depense.fiche] = min(derniers[depense.fiche] + 10, ORDRE_MAX)
            ordre = ordres[cle]
        fiche, nature = self.ref.par_pk[depense.fiche], self.ref.natures[depense.nature]
        return (
            fiche,
            nature,
            depense.libelle,
            depense.annee,
            cellule.chiffrage,
            cellule.jours,
            cellule.tarif,
            cellule.montant,
            cellule.mention,
            ordre,
        )

    def _judge(
        self,
        ressource: FinancementResource,
        lues: list[Any],
        lignes: list[tuple[Any, ...]],
        comptes: dict[int, list[int]],
        decrire: Callable[[Any], tuple[str, int | None, Any]],
    ) -> list[Any]:
        """Sort the rows of one table, write what is new or changed when asked; return what is new."""
        if not lues:
            return []
        nouvelles: list[Any] = []
        modifiees: list[Any] = []
        for lue, resultat in zip(lues, ressource.read_batch(lignes), strict=True):
            compte = comptes.setdefault(lue.fiche, [0, 0, 0, 0])
            if refus := self._find_refus(resultat, lue.fiche):
                if resultat.instance is not None and resultat.instance.avant is not None:
                    ressource.restore(resultat.instance, resultat.instance.avant)
                self.bilan.refus.append(Refus(lue.feuille, lue.place, "", refus, lue.fiche))
                compte[3] += 1
            elif resultat.import_type == "skip":
                self.bilan.comptes["inchanges"] += 1
                compte[2] += 1
            else:
                nouveau = resultat.import_type == "new"
                (nouvelles if nouveau else modifiees).append(resultat.instance)
                self.bilan.comptes["nouveaux" if nouveau else "modifies"] += 1
                compte[0 if nouveau else 1] += 1
                if self.detail:
                    self.bilan.changements.append(self._tell_change(ressource, lue, resultat.instance, decrire))
        if self.ecrire:
            ressource.write_batch(nouvelles, modifiees, *self.ecrire)
            self._keep(ressource, nouvelles, modifiees)
        return nouvelles

    def _find_refus(self, resultat: Any, pk: int | None) -> str:
        """Why a row that would change something cannot; what changes nothing is never refused."""
        if resultat.validation_error is not None:
            return " ".join(resultat.validation_error.messages)
        if resultat.errors:
            return str(resultat.errors[0].error)
        if resultat.import_type == "skip":
            return ""
        if pk is None:
            return explain_gel(self.ref.convention)
        fiche = self.ref.par_pk[pk]
        if pk not in self._refus:
            refus = explain_refus(self.user, fiche) if self.user else explain_etat(fiche)
            self._refus[pk] = f"Fiche {fiche.code} : {refus}" if refus else ""
        return self._refus[pk]

    def _keep(self, ressource: FinancementResource, nouvelles: Iterable[Any], modifiees: Iterable[Any]) -> None:
        """Remember what was written and what it replaced, to undo it."""
        if self.sur_effet:
            nom = ressource._meta.model._meta.model_name
            self.sur_effet(
                [[nom, o.pk, jsonify(o.avant), jsonify(ressource.snapshot(o)), ressource.identify(o)] for o in (*nouvelles, *modifiees)]
            )

    # --- What the preview says ------------------------------------------------------------------------
    def _tell_change(
        self, ressource: FinancementResource, lue: Any, objet: Any, decrire: Callable[[Any], tuple[str, int | None, Any]]
    ) -> list[Any]:
        """State, place, fiche, what, year, before and after in words, difference in euros."""
        apres = ressource.snapshot(objet)
        texte_avant, montant_avant = "", None
        if objet.avant is not None:
            ressource.restore(objet, objet.avant)
            _, _, texte_avant = decrire(objet)
            montant_avant = objet.montant
            ressource.restore(objet, apres)
        intitule, annee, texte = decrire(objet)
        ecart = None
        if objet.montant is not None or montant_avant is not None:
            ecart = str((objet.montant.amount if objet.montant else ZERO) - (montant_avant.amount if montant_avant else ZERO))
        fiche = self.ref.par_pk[lue.fiche].code if lue.fiche else ""
        etat = "nouveau" if objet.avant is None else "modifie"
        return [etat, f"{lue.feuille}!{lue.place}", fiche, intitule, annee, texte_avant, texte, ecart]

    def _describe_cost(self, ligne: LigneCout) -> tuple[str, int | None, str]:
        return describe_ligne(self.ref.natures[ligne.nature_id], ligne.libelle), ligne.annee, explain_cellule(to_cellule(ligne))

    def _describe_part(self, part: CoFinancement) -> tuple[str, int | None, str]:
        financeur = self.ref.organisations[part.financeur_id].nom if part.financeur_id else NON_REPARTI
        nature = f", {self.ref.natures[part.nature_id].nom}" if part.nature_id else ""
        mots = [
            format_taux(part.taux) if part.taux is not None else "",
            format_euros(part.montant) if part.montant is not None else "",
            part.mention,
        ]
        return f"Part de {financeur}{nature}", part.annee, ", ".join(filter(None, mots)) or "rien"

    def _sum(self, couts: list[LigneCout], parts: list[CoFinancement]) -> Somme:
        """Costs of a fiche by year and financeur, as the recap counts them; under (None, None), its total."""
        chiffres = [Cout(c.nature_id, c.annee, c.montant.amount) for c in couts if c.montant is not None]
        somme: Somme = {
            (annee, f if f is not None else 0): m
            for annee, par in split_costs(chiffres, [to_part(p) for p in parts]).items()
            for f, m in par.items()
        }
        somme[None, None] = sum((c.montant for c in chiffres), ZERO)
        return somme

    def _tell_fiche(self, pk: int, compte: list[int], avant: Somme | None, couts: list[LigneCout], parts: list[CoFinancement]) -> None:
        if avant is None:
            return
        apres = self._sum(couts, parts) if compte[0] or compte[1] else avant
        for somme, fiche in ((self.bilan.avant, avant), (self.bilan.apres, apres)):
            for cle, montant in fiche.items():
                somme[cle] += montant
        if any(compte):
            fiche_lue = self.ref.par_pk[pk]
            self.bilan.fiches.append(
                [fiche_lue.code, fiche_lue.slug, fiche_lue.titre, *compte, str(avant[None, None]), str(apres[None, None])]
            )

    # --- Declared recap -------------------------------------------------------------------------------
    def _run_recap(self, lues: list[CelluleRecap]) -> None:
        presentes = list(MontantRecapDeclare.objects.filter(convention=self.ref.convention))
        self.bilan.etats["recap"] = sign_rows(presentes)
        existants = {(c.fiche_id, c.axe_id, c.annee, c.financeur_id): c for c in presentes}
        lues = [lue for lue in lues if lue.cle in existants or not _is_derived(lue, lues)]
        axes = {axe.pk: axe for axe in self.ref.axes}
        lignes = [
            (
                self.ref.convention,
                self.ref.par_pk[lue.fiche] if lue.fiche else None,
                axes[lue.axe] if lue.axe else None,
                self.ref.organisations[lue.financeur] if lue.financeur else None,
                lue.annee,
                lue.montant,
                lue.mention,
            )
            for lue in lues
        ]
        self._sum_recap(self.bilan.avant, presentes)
        ressource = RecapDeclareResource(user=self.user, existants=existants)
        nouvelles = self._judge(ressource, lues, lignes, {}, self._describe_recap)
        self._sum_recap(self.bilan.apres, [*presentes, *nouvelles])
        self.suivre(1)

    def _describe_recap(self, cellule: MontantRecapDeclare) -> tuple[str, int | None, str]:
        qui = self.ref.organisations[cellule.financeur_id].nom if cellule.financeur_id else "Total"
        ligne = "" if cellule.fiche_id else f"total {cellule.axe.titre}, " if cellule.axe else "total général, "
        periode = "" if cellule.annee else ", toute la période"
        return f"Récapitulatif déclaré, {ligne}{qui}{periode}", cellule.annee, format_euros(cellule.montant) or cellule.mention

    def _sum_recap(self, somme: Somme, cellules: list[MontantRecapDeclare]) -> None:
        """Printed amounts of the fiches, by year and financeur; under (None, None), the sum of their yearly totals."""
        for cellule in cellules:
            if cellule.fiche_id and cellule.annee and cellule.montant is not None:
                cle = (cellule.annee, cellule.financeur_id) if cellule.financeur_id else (None, None)
                somme[cle] += cellule.montant.amount


def _is_derived(lue: CelluleRecap, lues: list[CelluleRecap]) -> bool:
    """A total of the whole period that only sums the yearly totals of its row says nothing more."""
    if lue.annee is not None or lue.financeur is not None:
        return False
    annuels = [a.montant for a in lues if (a.fiche, a.axe, a.financeur) == (lue.fiche, lue.axe, None) and a.annee is not None]
    return lue.montant == sum((m for m in annuels if m is not None), ZERO)


def _pack(fiches: Iterable[int], taille: Callable[[int], int]) -> Iterator[list[int]]:
    """Fiches by groups of about two thousand rows."""
    paquet: list[int] = []
    poids = 0
    for pk in fiches:
        if paquet and poids + taille(pk) > PAR_PAQUET:
            yield paquet
            paquet, poids = [], 0
        paquet.append(pk)
        poids += taille(pk)
    if paquet:
        yield paquet


def _load(fiches: list[int]) -> tuple[dict[int, list[LigneCout]], dict[int, list[CoFinancement]]]:
    """Costs and shares of some fiches, without their natures nor organisations: two queries."""
    couts: dict[int, list[LigneCout]] = {pk: [] for pk in fiches}
    parts: dict[int, list[CoFinancement]] = {pk: [] for pk in fiches}
    for cout in LigneCout.objects.filter(fiche__in=fiches).order_by("fiche", "ordre", "annee", "pk"):
        couts[cout.fiche_id].append(cout)
    for part in CoFinancement.objects.filter(fiche__in=fiches).order_by("fiche", "ordre", "pk"):
        parts[part.fiche_id].append(part)
    return couts, parts


def sign_rows(*tables: Iterable[Any]) -> str:
    """Fingerprint of rows, to know later whether anything changed."""
    empreinte = hashlib.sha256()
    for table in tables:
        for row in table:
            valeurs = [str(getattr(row, champ.attname)) for champ in row._meta.concrete_fields]
            empreinte.update("\x1f".join(valeurs).encode())
        empreinte.update(b"\x1e")
    return empreinte.hexdigest()[:32]


def jsonify(valeurs: Iterable[Any] | None) -> list[str | None] | None:
    """A snapshot as JSON: numbers as exact texts."""
    return None if valeurs is None else [None if v is None else str(v.amount if isinstance(v, Money) else v) for v in valeurs]
