"""Undoing an import: what it replaced comes back, unless something it wrote was changed since."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import models, transaction
from django.utils import timezone

from conventions.gel import explain_gel
from conventions.journal import record
from fiches.droits import explain_etat
from fiches.models import FicheAction
from financement.bilans.modeles import Bilan, LigneBilan
from financement.cellules import explain_cellule
from financement.cofinancements import CoFinancement
from financement.couts import LigneCout
from financement.echanges import CoFinancementResource, FinancementResource, LigneCoutResource, RecapDeclareResource
from financement.imports.actes import ImportImpossible, lock
from financement.imports.destinations import explain_ecriture
from financement.imports.journal import ImportBudget, PageImport
from financement.imports.plan import jsonify
from financement.imports.realise import LigneBilanResource, tell_realise
from financement.recap_declare import MontantRecapDeclare
from financement.saisie_couts import to_cellule
from socle.typographie import format_euros, format_taux

RESSOURCES: dict[str, type[FinancementResource]] = {
    "lignecout": LigneCoutResource,
    "cofinancement": CoFinancementResource,
    "montantrecapdeclare": RecapDeclareResource,
    "lignebilan": LigneBilanResource,
}
MODELES: dict[str, type[models.Model]] = {
    "lignecout": LigneCout,
    "cofinancement": CoFinancement,
    "montantrecapdeclare": MontantRecapDeclare,
    "lignebilan": LigneBilan,
}


class AnnulationImpossible(ImportImpossible):
    """What changed since, one sentence a place, in `differences`."""

    def __init__(self, differences: list[str]) -> None:
        nombre = len(differences)
        super().__init__(
            "Une valeur écrite par cet import a changé depuis : il ne s’annule plus d’un bloc."
            if nombre == 1
            else f"{nombre} valeurs écrites par cet import ont changé depuis : il ne s’annule plus d’un bloc."
        )
        self.differences = differences


@transaction.atomic
def undo(imp: ImportBudget, user: Any) -> ImportBudget:
    """Put back what an import replaced, all of it or nothing.

    Raises AnnulationImpossible naming what changed since, ImportImpossible when it is not to be undone.
    """
    imp = lock(imp)
    convention = imp.convention
    if imp.etat != ImportBudget.Etat.FAIT:
        raise ImportImpossible(f"Cet import n’est pas à annuler : {imp.get_etat_display().lower()}.")
    if fermeture := explain_ecriture(user, imp.bilan) if imp.bilan is not None else explain_gel(convention):
        raise ImportImpossible(fermeture)
    par_table: dict[str, list[list[Any]]] = defaultdict(list)
    for page in imp.pages.filter(genre=PageImport.Genre.EFFET):
        for effet in page.contenu:
            par_table[effet[0]].append(effet[1:])
    a_rendre = []
    differences: list[str] = []
    touchees: set[int] = set()
    for table, effets in par_table.items():
        ressource = RESSOURCES[table](user=user, existants={})
        objets = _load(table, [pk for pk, *_ in effets])
        if imp.bilan is None:
            touchees |= {o.fiche_id for o in objets.values() if o.fiche_id}
        differences += [d for pk, _, apres, cle in effets if (d := _compare(ressource, objets.get(pk), apres, cle, table, pk))]
        a_rendre.append((ressource, effets, objets))
    fiches = list(FicheAction.toutes.select_for_update(of=("self",)).filter(pk__in=touchees).select_related("convention"))
    if par_table.keys() & {"lignecout", "cofinancement"}:
        differences += [f"{fiche.code} : {refus}" for fiche in fiches if (refus := explain_etat(fiche))]
    if differences:
        raise AnnulationImpossible(differences)
    date, raison = timezone.now(), f"Annulation de l’import {imp.nom}"[:100]
    for ressource, effets, objets in a_rendre:
        # A line that entered beside the plan, and that the plan holds since, stays: only what was typed there goes.
        restees = {pk for pk, avant, *_ in effets if avant is None and getattr(objets[pk], "au_plan", False)}
        ressource.delete_batch([objets[pk] for pk, avant, *_ in effets if avant is None and pk not in restees], raison, date)
        rendus = []
        for pk, avant, *_ in effets:
            if pk in restees:
                avant = [None] * len(ressource.suivis)
            if avant is not None:
                ressource.restore(objets[pk], [_read(objets[pk], nom, v) for nom, v in zip(ressource.suivis, avant, strict=True)])
                rendus.append(objets[pk])
        ressource.write_batch([], rendus, raison, date)
    FicheAction.toutes.filter(pk__in=touchees).update(modifiee_le=date)
    if imp.bilan is not None:
        Bilan.objects.filter(pk=imp.bilan.pk).update(modifie_le=date)
    imp.etat, imp.annule_par, imp.annule_le = ImportBudget.Etat.ANNULE, user, date
    imp.save(update_fields=["etat", "annule_par", "annule_le"])
    debut = f"Bilan {imp.bilan.annee} : import annulé" if imp.bilan is not None else "Import annulé"
    record(convention, "import_annule", f"{debut} : {imp.nom}.", user)
    return imp


def _load(table: str, pks: list[int]) -> dict[int, Any]:
    """The rows as they are, by thousands."""
    objets: dict[int, Any] = {}
    for debut in range(0, len(pks), 1000):
        objets |= {o.pk: o for o in MODELES[table]._default_manager.filter(pk__in=pks[debut : debut + 1000])}
    return objets


def _compare(ressource: FinancementResource, objet: Any, apres: list[Any], cle: list[Any], table: str, pk: int) -> str:
    """What changed in one row since the import, empty when nothing did."""
    if objet is None:
        version = MODELES[table].history.filter(id=pk).select_related("history_user").first()  # type: ignore[attr-defined]
        return f"{_name(version) if version else 'Une ligne'} : supprimée depuis{_sign(version)}."
    ecrites = jsonify(ressource.snapshot(objet)) or []
    meme = ressource.identify(objet) == cle
    if meme and ecrites == apres:
        return ""
    actuelles = [_read(objet, nom, v) for nom, v in zip(ressource.suivis, ecrites, strict=True)]
    if meme and actuelles == [_read(objet, nom, v) for nom, v in zip(ressource.suivis, apres, strict=True)]:
        return ""
    version = objet.history.select_related("history_user").first()
    return f"{_name(objet)} : aujourd’hui {_show(objet)}{_sign(version)}."


def _read(objet: Any, nom: str, valeur: str | None) -> Any:
    """A value kept as text, in the type of its field: 27 and 27.00 days are the same."""
    return None if valeur is None else objet._meta.get_field(nom).to_python(valeur) if nom in {"jours", "taux"} else _amount(nom, valeur)


def _amount(nom: str, valeur: str) -> Any:
    return Decimal(valeur) if nom in {"montant", "tarif_journalier"} else valeur


def _name(objet: Any) -> str:
    """A row, or one of its versions, in words; its fiche may have gone for good."""
    try:
        return str(getattr(objet, "instance", objet))
    except ObjectDoesNotExist:
        return "Une ligne d’une fiche disparue"


def _show(objet: Any) -> str:
    if isinstance(objet, LigneCout):
        return explain_cellule(to_cellule(objet))
    if isinstance(objet, LigneBilan):
        return tell_realise(objet, None) or "rien"
    taux = getattr(objet, "taux", None)
    mots = [format_taux(taux) if taux is not None else "", format_euros(objet.montant) if objet.montant is not None else "", objet.mention]
    return ", ".join(filter(None, mots)) or "rien"


def _sign(version: Any) -> str:
    return f" ({version.history_user or 'sans auteur'}, {timezone.localtime(version.history_date):%d/%m/%Y à %H h %M})" if version else ""
