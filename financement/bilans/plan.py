"""The plan of a year copied into a bilan, and what differs when the plan moved since (an avenant, a fiche still being written)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import models
from djmoney.money import Money
from simple_history.utils import bulk_create_with_history

from conventions.axes import ArbreAxes
from conventions.consolidation import find_consolidee, root_of
from fiches.models import FicheAction, Indicateur
from financement.bilans.modeles import Bilan, FicheBilan, LigneBilan, MesureBilan, PartBilan
from financement.couts import LigneCout
from financement.recapitulatif import TOTAL
from financement.syntheses import compute_ligne, describe_inconnu, read_by_fiche

Colonnes = dict[str, Any]


@dataclass
class FichePlan:
    """What the plan says of one fiche for the year; keys of rows are natural, values are the columns of the bilan."""

    colonnes: Colonnes
    lignes: dict[tuple[int, str], Colonnes] = field(default_factory=dict)
    parts: dict[int | None, Colonnes] = field(default_factory=dict)
    mesures: dict[int, Colonnes] = field(default_factory=dict)


def read_plan(bilan: Bilan) -> dict[int, FichePlan]:
    """The plan of the year as the last avenant leaves it, by the first row of each fiche; queries do not grow with the fiches."""
    convention = find_consolidee(bilan.convention)
    annee = bilan.annee
    fiches = list(convention.fiches.select_related("axe").prefetch_related("indicateurs__cibles"))
    couts, parts = read_by_fiche([f.pk for f in fiches])
    racines = ArbreAxes.of(convention).racine_by_axe()
    plan: dict[int, FichePlan] = {}
    for rang, fiche in enumerate(fiches, 1):
        axe = racines[fiche.axe_id]
        nom = {"code": fiche.code, "titre": fiche.nom_court, "axe_code": axe.code, "axe_titre": axe.titre, "ordre": rang * 10}
        lue = plan[root_of(convention, "ficheaction", fiche.pk)] = FichePlan(nom)
        for cout in couts[fiche.pk]:
            if cout.annee == annee:
                lue.lignes[cout.nature_id, cout.libelle] = _read_cout(cout, convention.tarif_journalier)
        calcul = compute_ligne(fiche, couts[fiche.pk], parts[fiche.pk])
        payeurs = [p.financeur_id for p in parts[fiche.pk]]
        for (an, cle), cellule in calcul.cellules.items():
            if an == annee and cle != TOTAL and cellule.montant is not None:
                rang_part = (payeurs.index(cle) + 1) * 10 if cle in payeurs else 1000
                lue.parts[cle] = {"prevu": Money(cellule.montant, "EUR"), "ordre": rang_part}  # type: ignore[index]
        for indicateur in fiche.indicateurs.all():
            cibles = {c.annee: c.valeur for c in indicateur.cibles.all()}
            if cibles and annee not in cibles:
                continue  # measured other years
            colonnes = {"libelle": indicateur.libelle, "unite": indicateur.unite, "ordre": indicateur.ordre, "cible": cibles.get(annee)}
            lue.mesures[root_of(convention, "indicateur", indicateur.pk)] = colonnes
    return plan


def _read_cout(cout: LigneCout, tarif: Money | None) -> Colonnes:
    """A line of the plan; days are worth the rate of the line, else what its amount gives, else the agreement's."""
    prix = cout.tarif_journalier
    if prix is None and cout.jours and cout.montant is not None:
        quotient = cout.montant.amount / cout.jours
        prix = Money(quotient, "EUR") if quotient == quotient.quantize(Decimal("0.01")) else None
    if prix is None and (cout.jours is not None or cout.nature.toujours_en_jours):
        prix = tarif
    return {
        "ordre": cout.ordre,
        "prevu": cout.montant,
        "prevu_jours": cout.jours,
        "prevu_mention": "" if cout.montant is not None else cout.mention or describe_inconnu(cout),
        "tarif": prix,
        "au_plan": True,
    }


@dataclass
class Ecarts:
    """What bringing a bilan to the plan would add, change and take away. `codes` names the fiches concerned."""

    ajouts: list[models.Model] = field(default_factory=list)
    modifiees: list[models.Model] = field(default_factory=list)
    retraits: list[models.Model] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.ajouts or self.modifiees or self.retraits)

    def name(self, code: str) -> None:
        if code not in self.codes:
            self.codes.append(code)


def diff_plan(bilan: Bilan) -> Ecarts:
    """Compare a bilan with the plan, without writing. What somebody typed is never taken away: it becomes « hors plan »."""
    plan, ecarts = read_plan(bilan), Ecarts()
    fiches = {f.fiche_id or -f.pk: f for f in bilan.fiches.all()}  # a fiche deleted for good has no key any more
    connues = FicheAction.toutes.in_bulk([pk for pk in plan if pk not in fiches])
    indicateurs = set(Indicateur.objects.filter(pk__in={pk for f in plan.values() for pk in f.mesures}).values_list("pk", flat=True))
    lignes, parts, mesures = (_group(m.objects.filter(fiche__bilan=bilan)) for m in (LigneBilan, PartBilan, MesureBilan))
    for racine, prevue in plan.items():
        fiche = fiches.get(racine)
        if fiche is None:
            if racine not in connues:
                continue
            fiche = FicheBilan(bilan=bilan, fiche=connues[racine], **prevue.colonnes)
            ecarts.ajouts.append(fiche)
            ecarts.name(fiche.code)
        else:
            _change(fiche, prevue.colonnes, ecarts)
        presents: list[tuple[Any, dict[Any, Any], dict[Any, Colonnes], Any]] = [
            (LigneBilan, {(o.nature_id, o.libelle): o for o in lignes.get(fiche.pk, [])}, prevue.lignes, _key_ligne),
            (PartBilan, {o.financeur_id: o for o in parts.get(fiche.pk, [])}, prevue.parts, _key_part),
            (
                MesureBilan,
                {o.indicateur_id or -o.pk: o for o in mesures.get(fiche.pk, [])},
                {cle: c for cle, c in prevue.mesures.items() if cle in indicateurs},
                _key_mesure,
            ),
        ]
        for modele, existants, voulus, cle_of in presents:
            for cle, colonnes in voulus.items():
                if cle in existants:
                    _change(existants[cle], colonnes, ecarts)
                else:
                    ecarts.ajouts.append(modele(fiche=fiche, **cle_of(cle), **colonnes))
                    ecarts.name(fiche.code)
            for cle, objet in existants.items():
                if cle not in voulus:
                    _leave(objet, ecarts)
    for fiche in fiches.values():
        if fiche.fiche_id not in plan:
            for objet in (*lignes.get(fiche.pk, []), *parts.get(fiche.pk, []), *mesures.get(fiche.pk, [])):
                _leave(objet, ecarts)
    return ecarts


def apply_plan(ecarts: Ecarts, user: Any = None) -> None:
    """Write what `diff_plan` found; to be called in a transaction, under the lock of the bilan."""
    for objet in ecarts.retraits:
        objet._history_user = user  # type: ignore[attr-defined]
        objet.delete()
    for modele in (FicheBilan, LigneBilan, PartBilan, MesureBilan):
        neuves = [o for o in ecarts.ajouts if isinstance(o, modele)]
        for neuve in neuves:
            if not isinstance(neuve, FicheBilan):
                neuve.fiche_id = neuve.fiche.pk  # a fiche added just before
        if neuves:
            bulk_create_with_history(neuves, modele, default_user=user)
    for objet in ecarts.modifiees:
        objet._history_user = user  # type: ignore[attr-defined]
        objet.save()


def _key_ligne(cle: tuple[int, str]) -> Colonnes:
    return {"nature_id": cle[0], "libelle": cle[1]}


def _key_part(cle: int | None) -> Colonnes:
    return {"financeur_id": cle}


def _key_mesure(cle: int) -> Colonnes:
    return {"indicateur_id": cle}


def _group(rows: Iterable[Any]) -> dict[int, list[Any]]:
    groupes: dict[int, list[Any]] = {}
    for row in rows.select_related("fiche"):  # type: ignore[attr-defined]
        groupes.setdefault(row.fiche_id, []).append(row)
    return groupes


def _change(objet: Any, colonnes: Colonnes, ecarts: Ecarts) -> None:
    """Put the plan's columns in a row of the bilan when they differ. The order of rows alone is no change to tell."""
    differentes = {nom: v for nom, v in colonnes.items() if getattr(objet, nom) != v}
    if not set(differentes) - {"ordre"}:
        return
    for nom, valeur in differentes.items():
        setattr(objet, nom, valeur)
    ecarts.modifiees.append(objet)
    ecarts.name(objet.code if isinstance(objet, FicheBilan) else objet.fiche.code)


def _leave(objet: Any, ecarts: Ecarts) -> None:
    """A row that is not in the plan any more: taken away when nobody typed in it, else kept as unplanned."""
    if isinstance(objet, LigneBilan):
        if not objet.au_plan:
            return
        if objet.montant is None and objet.jours is None:
            ecarts.retraits.append(objet)
        else:
            objet.au_plan, objet.prevu, objet.prevu_jours, objet.prevu_mention = False, None, None, ""
            ecarts.modifiees.append(objet)
    elif isinstance(objet, PartBilan):
        if objet.prevu is None:
            return
        if objet.montant is None:
            ecarts.retraits.append(objet)
        else:
            objet.prevu = None
            ecarts.modifiees.append(objet)
    elif objet.valeur is None and not objet.explication:
        ecarts.retraits.append(objet)
    elif objet.cible is not None:
        objet.cible = None
        ecarts.modifiees.append(objet)
    else:
        return
    ecarts.name(objet.fiche.code)
