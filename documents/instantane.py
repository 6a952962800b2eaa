"""The data of a convention as one canonical JSON: what a frozen document was made from, and what avenants are compared with.

Every column of every row is there, except what follows the convention's life without being written in it. Rows carry the
number of the row they come from, so that the copies an avenant works on are compared with what they copy. Amounts and rates
are strings of fixed decimals, days are ISO, keys are sorted: the same data always give the same bytes.
"""

import hashlib
import json
from collections.abc import Collection, Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import models
from djmoney.money import Money

from comptes.models import Organisation
from conventions.axes import ArbreAxes
from conventions.consolidation import root_of
from conventions.gel import SUIVI_CONVENTION, SUIVI_PARTIE
from conventions.models import Convention
from financement.models import NatureDepense, TotalDeclare
from financement.recapitulatif import AUTRES, TOTAL, Ligne, Recapitulatif
from financement.syntheses import compute_recapitulatif, read_by_fiche

FORMAT, VERSION = "trait-d-union/convention", 1
Donnees = dict[str, Any]

HORS_CONVENTION = SUIVI_CONVENTION | {"avenant_de", "numero_avenant", "origines", "date_point_etape"}
HORS_FICHE = {"convention", "etat", "modifiee_le", "supprimee_le"}
# What is written in the parties while the text itself is agreed: it does not undo an agreement given on the text.
APRES_ACCORD = {"deliberation_numero", "deliberation_date", "delegation", "civilite", "signataire", "qualite"}


class Redacteur:
    """Writes rows of one convention as plain values; other rows are named by their keys."""

    def __init__(self, convention: Convention) -> None:
        self.convention = convention
        self.organisations: dict[int, str] = {}
        self.natures: dict[int, str] = {}
        self.noms: dict[str, dict[str, str]] = {"organisations": {}, "natures": {}, "politiques": {}}
        for pk, cle, nom in Organisation.objects.values_list("pk", "cle", "nom"):
            self.organisations[pk], self.noms["organisations"][cle] = cle, nom
        for pk, cle, nom in NatureDepense.objects.values_list("pk", "cle", "nom"):
            self.natures[pk], self.noms["natures"][cle] = cle, nom
        self.cites: set[str] = set()
        self.articles = dict(convention.articles.values_list("pk", "numero"))
        self.montants = dict(convention.montants_declares.values_list("pk", "cle"))
        self.fiches = dict(convention.fiches.values_list("pk", "code"))
        self.axes: dict[int, str] = {}  # by the whole way down: each axe may have its section 1
        for noeud in ArbreAxes.of(convention).walk():
            parent = self.axes.get(noeud.axe.parent_id or 0)
            self.axes[noeud.axe.pk] = f"{parent} / {noeud.axe.code}" if parent else noeud.axe.code

    def write(self, row: models.Model, sans: Collection[str] = (), identifiee: bool = False) -> Donnees:
        """All the columns of a row but `sans`; with its number of origin when it is followed from one avenant to the next."""
        donnees = {
            champ.name: self.write_value(row, champ)
            for champ in row._meta.concrete_fields
            if not champ.primary_key and champ.name not in sans and not champ.name.endswith("_currency")
        }
        if identifiee:
            donnees["id"] = root_of(self.convention, str(row._meta.model_name), row.pk)
        return donnees

    def write_value(self, row: models.Model, champ: Any) -> Any:
        """One column: text, number of fixed decimals, day, or the key of the row it points to."""
        if champ.is_relation:
            return self.name_row(champ.related_model, getattr(row, champ.attname))
        valeur = getattr(row, champ.attname)
        if isinstance(valeur, Money):
            return f"{valeur.amount:.2f}"
        if isinstance(valeur, Decimal):
            return f"{valeur:.{champ.decimal_places}f}"
        if isinstance(valeur, datetime | date):
            return valeur.isoformat()
        if isinstance(champ, models.FileField):
            return str(valeur)
        return valeur

    def name_row(self, modele: Any, pk: int | None) -> Any:
        """The key people know a row by."""
        tables: dict[str, dict[int, Any]] = {
            "organisation": self.organisations,
            "naturedepense": self.natures,
            "article": self.articles,
            "montantdeclare": self.montants,
            "ficheaction": self.fiches,
            "axe": self.axes,
        }
        if pk is None:
            return None
        if modele is Convention:
            return Convention.objects.values_list("reference", flat=True).get(pk=pk)
        nom = tables.get(modele._meta.model_name, {}).get(pk)
        if isinstance(nom, str):
            self.cites.add(nom)
        return nom

    def list_politiques(self) -> list[str]:
        """Keys of the policies of the convention; their names are cited."""
        politiques = {p.cle: p.nom for p in self.convention.politiques.all()}
        self.noms["politiques"] |= politiques
        self.cites |= set(politiques)
        return sorted(politiques)

    def name_cites(self) -> dict[str, dict[str, str]]:
        """Names of the organisations and natures that the data cite by their keys."""
        return {genre: {cle: nom for cle, nom in noms.items() if cle in self.cites} for genre, noms in self.noms.items()}

    def list(self, rows: Iterable[models.Model], sans: Collection[str] = (), identifiees: bool = False) -> list[Donnees]:
        return [self.write(row, sans, identifiees) for row in rows]


def build_instantane(convention: Convention) -> Donnees:
    """All that a convention says, as plain data; the number of queries does not grow with the fiches."""
    r = Redacteur(convention)
    fiches = list(convention.fiches.with_maitres().prefetch_related("indicateurs__cibles", "produits_pret"))
    couts, parts = read_by_fiche([f.pk for f in fiches])
    totaux: dict[int, list[TotalDeclare]] = {}
    for total in TotalDeclare.objects.filter(fiche__in=fiches).order_by("fiche", "annee", "pk"):
        totaux.setdefault(total.fiche_id, []).append(total)
    base = convention.avenant_de
    donnees = {
        "format": FORMAT,
        "version": VERSION,
        "convention": r.write(convention, HORS_CONVENTION) | {"politiques": r.list_politiques()},
        "avenant": {"de": base.reference, "numero": convention.numero_avenant} if base else None,
        "parties": r.list(convention.parties.all(), {"convention", *SUIVI_PARTIE}, True),
        "objectifs": r.list(convention.objectifs.all(), {"convention"}, True),
        "axes": r.list(convention.axes.all(), {"convention"}, True),
        "articles": r.list(convention.articles.all(), {"convention", "modele"}, True),
        "montants_declares": sorted(
            r.list(convention.montants_declares.all(), {"convention"}, True), key=lambda m: (m["article"] or 0, m["cle"])
        ),
        "fiches": [
            r.write(f, HORS_FICHE, True)
            | {
                "maitres_ouvrage": sorted(o.cle for o in f.maitres_ouvrage.all()),
                "couts": r.list(couts[f.pk], {"fiche", "ordre"}),
                "parts": r.list(parts[f.pk], {"fiche", "ordre"}),
                "indicateurs": [
                    r.write(i, {"fiche"}, True) | {"cibles": {str(c.annee): f"{c.valeur:.2f}" for c in i.cibles.all()}}
                    for i in f.indicateurs.all()
                ],
                "produits_pret": r.list(f.produits_pret.all(), {"fiche"}, True),
                "totaux_declares": r.list(totaux.get(f.pk, []), {"fiche"}),
            }
            for f in fiches
        ],
        "recapitulatif": write_recap(compute_recapitulatif(convention), r.organisations),
        # Cells of a fiche in the corbeille leave with it.
        "recapitulatif_declare": sorted(
            r.list(convention.recap_declare.exclude(fiche__supprimee_le__isnull=False), {"convention"}),
            key=lambda c: (c["fiche"] or "", c["axe"] or "", c["annee"] or 0, c["financeur"] or ""),
        ),
        "versements": r.list(convention.versements.all(), {"convention"}, True),
    }
    return donnees | {"noms": r.name_cites()}


def write_recap(recap: Recapitulatif, organisations: dict[int, str]) -> Donnees:
    """The computed recap: by fiche and for the whole, each year and the period, each financeur and the total."""

    def row(ligne: Ligne) -> Donnees:
        cellules: Donnees = {}
        for (annee, financeur), cellule in ligne.cellules.items():
            if financeur == AUTRES:
                continue
            cle = "total" if financeur == TOTAL else "non_reparti" if financeur is None else organisations[int(financeur)]
            if cellule.montant is not None or cellule.mention:
                colonne = cellules.setdefault(str(annee or "periode"), {})
                colonne[cle] = f"{cellule.montant:.2f}" if cellule.montant is not None else cellule.mention
        return cellules

    return {
        "annees": recap.annees,
        "financeurs": [{"cle": organisations.get(f.id, "non_reparti") if f.id else "non_reparti", "nom": f.nom} for f in recap.financeurs],
        "fiches": {ligne.fiche.code: row(ligne) for ligne in recap.lignes() if ligne.fiche},
        "total": row(recap.total),
    }


def write_canonique(donnees: Donnees) -> bytes:
    """The one writing of these data: UTF-8, sorted keys, no space."""
    return json.dumps(donnees, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def compute_empreinte(contenu: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(contenu).hexdigest()


def compute_empreinte_texte(convention: Convention) -> str:
    """Fingerprint of what the parties agree on: the whole, less what is only filled in afterwards (délibérations, signatories)."""
    donnees = build_instantane(convention)
    donnees.pop("noms")
    for partie in donnees["parties"]:
        for champ in APRES_ACCORD:
            partie.pop(champ)
    for champ in ("lieu_signature", "nombre_originaux"):
        donnees["convention"].pop(champ)
    return compute_empreinte(write_canonique(donnees))
