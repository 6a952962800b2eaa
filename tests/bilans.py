"""Agreements with a plan, the bilans of their years, and tables of the documentation that tests read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from django.db import transaction
from djmoney.money import Money

from comptes.models import Organisation
from conventions.gel import lift
from conventions.models import Convention
from fiches.models import FicheAction
from financement.bilans.calculs import FicheSuivie, LigneSuivie, MesureSuivie, Synthese, compute_synthese
from financement.bilans.ouverture import create_bilan
from financement.models import Bilan, FicheBilan, LigneBilan, MesureBilan, NatureDepense, PartBilan, ParticipationBilan
from socle.nombres import parse_montant
from tests import factories
from tests.factories import euros

RACINE = Path(__file__).parent.parent
Tableau = list[dict[str, str]]


# --- An agreement and its bilans --------------------------------------------------------------------


def nature(nom: str) -> NatureDepense:
    """A nature of expense, the same for the same name."""
    return NatureDepense.objects.filter(nom=nom).first() or factories.NatureFactory(nom=nom)


def plan_fiche(
    convention: Convention,
    code: str,
    couts: Mapping[tuple[str, int], str | int | None] | None = None,
    parts: Mapping[Organisation, str | int] | None = None,
    cibles: Mapping[int, str | int] | None = None,
    **champs: Any,
) -> FicheAction:
    """A fiche: euros by nature and year (None: sur devis), rates by financeur, targets of one indicator by year."""
    fiche = factories.FicheFactory(convention=convention, code=code, **champs)
    for (nom, annee), montant in (couts or {}).items():
        chiffre = {"montant": euros(montant)} if montant is not None else {"montant": None, "chiffrage": "sur_devis"}
        factories.LigneCoutFactory(fiche=fiche, nature=nature(nom), annee=annee, **chiffre)
    for financeur, taux in (parts or {}).items():
        factories.CoFinancementFactory(fiche=fiche, financeur=financeur, taux=Decimal(taux))
    if cibles is not None:
        indicateur = factories.IndicateurFactory(fiche=fiche)
        with lift():
            for annee, valeur in cibles.items():
                indicateur.cibles.create(annee=annee, valeur=Decimal(valeur))
    return fiche


def open_year(convention: Convention, annee: int = 2018) -> Bilan:
    """The bilan of a year with its plan, whoever asks."""
    with transaction.atomic():
        return create_bilan(Convention.objects.get(pk=convention.pk), annee)


def reread(bilan: Bilan) -> Bilan:
    return Bilan.objects.select_related("convention").get(pk=bilan.pk)


def count(bilan: Bilan) -> Synthese:
    """The bilan as the database holds it, counted."""
    return compute_synthese(reread(bilan))


def get_line(bilan: Bilan, code: str, nom: str) -> LigneBilan:
    return LigneBilan.objects.get(fiche__bilan=bilan, fiche__code=code, nature__nom=nom)


def do(bilan: Bilan, code: str, nom: str, montant: str | int | None = None, jours: str | int | None = None) -> LigneBilan:
    """Type what was done on a line; one that the plan does not hold is added hors plan."""
    fiche = FicheBilan.objects.get(bilan=bilan, code=code)
    ligne, _ = LigneBilan.objects.get_or_create(fiche=fiche, nature=nature(nom), libelle="", defaults={"au_plan": False})
    ligne.montant = None if montant is None else euros(montant)
    ligne.jours = None if jours is None else Decimal(jours)
    ligne.save()
    return ligne


def tell(bilan: Bilan, code: str, etat: str, valeur: str | int | None = None) -> FicheBilan:
    """Say how far an action went, and what its indicators reached."""
    fiche = FicheBilan.objects.get(bilan=bilan, code=code)
    fiche.etat = etat
    fiche.save()
    if valeur is not None:
        fiche.mesures.update(valeur=Decimal(valeur))
    return fiche


def pass_to(bilan: Bilan, etat: str) -> Bilan:
    """Put a bilan in a state, dates with it."""
    dates = {"soumis_le": date(bilan.annee + 1, 1, 15)} | ({"accepte_le": date(bilan.annee + 1, 2, 1)} if etat == "accepte" else {})
    with lift():
        Bilan.objects.filter(pk=bilan.pk).update(etat=etat, **dates)
    return reread(bilan)


def accept(bilan: Bilan, dues: Mapping[Organisation, str | int | Decimal]) -> Bilan:
    """A bilan accepted, with what it makes due by payer."""
    with lift():
        for payeur, due in dues.items():
            ParticipationBilan.objects.create(bilan=bilan, payeur=payeur, due=Money(Decimal(due), "EUR"))
    return pass_to(bilan, "accepte")


def make_accepted(convention: Convention, annee: int, dues: Mapping[Organisation, str | int | Decimal]) -> Bilan:
    """The accepted bilan of a year of which nothing but what it makes due matters."""
    return accept(open_year(convention, annee), dues)


# --- Bilans in memory -------------------------------------------------------------------------------


def make_line(
    prevu: Any = None, montant: Any = None, jours: Any = None, tarif: Any = None, prevu_jours: Any = None, rang: int = 1, **champs: Any
) -> LigneBilan:
    """A line that no database holds; its nature is number `rang`."""
    sorte = NatureDepense(pk=rang, nom=f"Nature {rang}", ordre=rang)
    argent = {
        cle: None if v is None else Money(Decimal(v), "EUR") for cle, v in {"prevu": prevu, "montant": montant, "tarif": tarif}.items()
    }
    duree = {cle: None if v is None else Decimal(v) for cle, v in {"jours": jours, "prevu_jours": prevu_jours}.items()}
    return LigneBilan(nature=sorte, ordre=rang, **argent, **duree, **champs)


def make_part(financeur: int | None, prevu: Any = None, montant: Any = None) -> PartBilan:
    organisation = None if financeur is None else Organisation(pk=financeur, sigle=f"O{financeur}")
    argent = {cle: None if v is None else Money(Decimal(v), "EUR") for cle, v in {"prevu": prevu, "montant": montant}.items()}
    return PartBilan(financeur=organisation, **argent)


def make_measure(cible: Any = None, valeur: Any = None, explication: str = "") -> MesureBilan:
    lus = {cle: None if v is None else Decimal(v) for cle, v in {"cible": cible, "valeur": valeur}.items()}
    return MesureBilan(libelle="Entreprises", explication=explication, **lus)


def make_fiche(
    lignes: list[LigneSuivie] | None = None, mesures: list[MesureBilan] | None = None, etat: str = "", code: str = "A1", **champs: Any
) -> FicheSuivie:
    """A fiche followed, that no database holds."""
    fiche = FicheBilan(code=code, titre=code, etat=etat, **champs)
    return FicheSuivie(fiche, lignes or [], [], [MesureSuivie(m) for m in mesures or []])


# --- Figures that people read -----------------------------------------------------------------------


@dataclass(frozen=True)
class Page:
    """A page of documentation: its tables by the heading above them, its text with plain spaces."""

    texte: str
    tableaux: dict[str, Tableau]


def read_page(nom: str) -> Page:
    """Read a page of `docs/`; two tables under one heading are an error."""
    brut = (RACINE / "docs" / nom).read_text(encoding="utf-8")
    tableaux: dict[str, Tableau] = {}
    titre, tetes = "", None
    for ligne in brut.splitlines():
        if ligne.startswith("#"):
            titre, tetes = ligne.lstrip("# "), None
        elif ligne.startswith("|"):
            cellules = [c.strip() for c in ligne.strip().strip("|").split("|")]
            if tetes is None:
                assert titre not in tableaux, f"deux tableaux sous « {titre} »"
                tetes, tableaux[titre] = cellules, []
            elif not all(re.fullmatch(r":?-+:?", c) for c in cellules):
                tableaux[titre].append(dict(zip(tetes, cellules, strict=True)))
        elif tetes is not None and ligne.strip():
            tetes = None
    return Page(" ".join(brut.replace("\u00a0", " ").replace("\u202f", " ").split()), tableaux)


def read_figure(texte: str) -> Decimal:
    """The last figure of a cell: « 11 500 × 80 % = 9 200,00 » says 9 200."""
    return parse_montant(texte.rpartition("=")[2].replace("%", "").strip())


def read_fraction(texte: str) -> Fraction | None:
    """« 104/155 »."""
    return Fraction(texte) if texte else None
