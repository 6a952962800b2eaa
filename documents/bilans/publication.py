"""The bilan as PDF: what elected members read on one page, figures by axe, one part a fiche, charts, recap, solde, what changes."""

from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.utils import timezone
from django.utils.safestring import SafeString

from conventions.formules import write_formule
from documents.bilans.figes import read_soldes
from documents.logos import load_logos
from documents.publication import SOMMAIRE, Entree, Partie, compose, join_parties, render_partie
from financement.bilans.calculs import compute_synthese
from financement.bilans.comptes import sum_comptes
from financement.bilans.graphiques import (
    draw_annees,
    draw_axes,
    draw_fiches,
    draw_financeurs,
    draw_indicateurs,
    draw_jours,
    draw_natures,
    draw_reste,
)
from financement.bilans.modeles import Bilan, FicheBilan
from financement.bilans.pluriannuel import Pluriannuel, compute_pluriannuel
from financement.bilans.solde import Soldes
from financement.bilans.suivi import AxeSuivi, FicheSuivie, Synthese
from financement.bilans.tableur import write_bilan_xlsx
from financement.situation import compute_situation
from socle.montants import ZERO
from socle.pdf import Document, PieceJointe, render_pdf
from socle.typographie import list_fr

COURT, LIGNES = 620, 12  # characters and lines of a text that stay on the page of elected members, on a slide
AXES = 6  # above, their chart would not leave room for their table on one page


def publish_bilan(bilan: Bilan) -> bytes:
    """The whole bilan of a year, its spreadsheet inside. Raises MoteurAbsent."""
    return render_pdf(compose_bilan(bilan))


def compose_bilan(bilan: Bilan) -> Document:
    """The whole bilan of a year, part by part."""
    synthese = compute_synthese(bilan)
    soldes = read_soldes(synthese)
    p = compute_pluriannuel(bilan.convention)
    titre = f"Bilan annuel {bilan.annee} – {bilan.convention.titre}"
    return compose_parties(bilan, titre, list_parties(soldes, p), soldes)


def publish(bilan: Bilan, titre: str, parties: list[Partie]) -> bytes:
    """Parts of a bilan as one PDF. Raises MoteurAbsent."""
    return render_pdf(compose_parties(bilan, titre, parties))


def compose_parties(bilan: Bilan, titre: str, parties: list[Partie], soldes: Soldes | None = None) -> Document:
    """Parts of a bilan as one document, with its own marking."""
    convention = bilan.convention
    nom = f"{bilan.convention.reference.lower()}-bilan-{bilan.annee}.xlsx"
    pieces = [PieceJointe(nom, write_bilan_xlsx(soldes), f"Bilan {bilan.annee}, tableur avec ses formules")] if soldes else []
    ressources, _ = load_logos(convention)
    courant = f"Bilan {bilan.annee}, {convention.nom_court[:1].lower()}{convention.nom_court[1:]}"
    return compose(convention, titre, parties, ressources, pieces, courant, describe_mention(bilan), date_of(bilan))


def describe_mention(bilan: Bilan) -> str:
    """The marking of every page: draft until accepted, and what the bilan itself bears (demonstration)."""
    etats = {
        Bilan.Etat.BROUILLON: "Bilan en rédaction – à ne pas diffuser",
        Bilan.Etat.OBSERVATIONS: "Bilan en cours de correction – à ne pas diffuser",
        Bilan.Etat.SOUMIS: "Bilan soumis, pas encore accepté",
        Bilan.Etat.CORRIGE: "Bilan corrigé, pas encore accepté",
        Bilan.Etat.ACCEPTE: "",
    }
    return " · ".join(filter(None, [etats[Bilan.Etat(bilan.etat)], bilan.mention]))


def date_of(bilan: Bilan) -> date:
    """The day the document speaks at: of its state, never of the moment it is printed."""
    return bilan.accepte_le or timezone.localtime(bilan.modifie_le).date()


def list_parties(soldes: Soldes, p: Pluriannuel) -> list[Partie]:
    """Every part, in order."""
    s = soldes.synthese
    bilan, convention = s.bilan, s.bilan.convention
    _, logos = load_logos(convention)
    actives = s.actives
    pieces: dict[int | None, list[str]] = {}
    for fiche, intitule in bilan.pieces.order_by("pk").values_list("fiche", "intitule"):
        pieces.setdefault(fiche, []).append(intitule)
    groupes = [list(groupe) for _, groupe in groupby(actives, key=lambda f: f.objet.axe_code)]
    couverture = render_partie("bilan/couverture", bilan=bilan, convention=convention, logos=logos, composition=describe_composition(s))
    situation = None if bilan.is_accepte else compute_situation(convention)  # the frozen steps tell what was paid
    solde = render_partie("bilan/solde", soldes=soldes, bilan=bilan, formule=write_formule(bilan.formule), situation=situation)
    suite = [
        render_partie("bilan/suite", s=s, bilan=bilan, propositions=[f for f in actives if f.objet.proposition.strip()]),
        render_partie("bilan/signatures", bilan=bilan, convention=convention),
    ]
    return [
        ("Couverture", couverture),
        (SOMMAIRE, render_partie("sommaire", entrees=list_entrees(s, bool(soldes.payeurs)))),
        ("Synthèse", render_partie("bilan/synthese", **contexte_synthese(soldes))),
        ("Chiffres par axe", render_partie("bilan/axes", s=s, bilan=bilan, axes=[(axe, draw_fiches(s, axe)) for axe in s.axes])),
        ("L’année en images", render_partie("bilan/graphiques", bilan=bilan, graphes=list_graphiques(s, p))),
        # Fiches of an axe follow one another on the page; each axe starts a new one, so that an entry typesets its axe only.
        *((f"Fiches de l’axe {groupe[0].objet.axe_code}", render_groupe(groupe, groupe is groupes[0], pieces)) for groupe in groupes),
        (
            "Récapitulatif",
            render_partie("bilan/recapitulatif", s=s, bilan=bilan, groupes=list_groupes(s), nb_colonnes=8 + len(s.financeurs)),
        ),
        ("Versements et solde", solde),
        ("Ce qui change", join_parties(suite)),
    ]


def render_groupe(groupe: list[FicheSuivie], premier: bool, pieces: dict[int | None, list[str]]) -> SafeString:
    """Fiches of one axe, the first group under the title of them all."""
    return join_parties(
        render_partie(
            "bilan/fiche",
            f=f,
            bilan=f.objet.bilan,
            premiere=premier and rang == 0,
            suite=rang > 0,
            pieces=pieces.get(f.objet.pk, []),
        )
        for rang, f in enumerate(groupe)
    )


def list_groupes(s: Synthese) -> list[tuple[AxeSuivi, list[tuple[FicheSuivie, list[Decimal | None]]], list[Decimal | None]]]:
    """Rows of the recap: each action with what each financeur paid, and the sums of the axe."""
    groupes = []
    for axe in s.axes:
        lignes = [(f, f.paid_by(s.financeurs)) for f in axe.fiches]
        colonnes = [[v for v in colonne if v is not None] for colonne in zip(*(payes for _, payes in lignes), strict=True)]
        groupes.append((axe, lignes, [sum(c, ZERO) if c else None for c in colonnes]))
    return groupes


def contexte_synthese(soldes: Soldes) -> dict[str, Any]:
    """What the page of elected members shows."""
    s = soldes.synthese
    etats = [(FicheBilan.Etat(cle).label, sum(f.objet.etat == cle for f in s.actives)) for cle in FicheBilan.Etat.values]
    mesures = [m for _, m in s.mesures if m.objet.cible is not None]
    atteints = sum(m.appreciation in {"atteint", "depasse"} for m in mesures)
    return {
        "bilan": s.bilan,
        "s": s,
        "soldes": soldes,
        "etats": [(nom, n) for nom, n in etats if n],
        "atteints": atteints,
        "nb_mesures": len(mesures),
        "graphe": draw_axes(s) if len(s.axes) <= AXES else None,  # their table bears the same figures
        "recit": shorten(s.bilan.recit),
    }


def shorten(texte: str) -> str:
    """A text cut between two words, short enough to stay on its page."""
    texte = "\n".join(texte.strip().splitlines()[:LIGNES])
    return texte if len(texte) <= COURT else texte[:COURT].rsplit(" ", 1)[0].rstrip(" ,;:.") + "…"


def list_graphiques(s: Synthese, p: Pluriannuel) -> list[Any]:
    """Charts of the year, then of the years."""
    graphes = [draw_natures(s), draw_financeurs(s), draw_jours(s), draw_indicateurs(s)]
    annees = [a for a in p.annees if a <= s.bilan.annee]  # what comes after is not told by this year
    if len(annees) > 1:
        graphes.append(draw_annees([(a, p.total.par_annee[a]) for a in annees]))
        restes = [(x.nom, sum_comptes(x.par_annee[a] for a in annees)) for x in p.axes]
        graphes.append(draw_reste(f"Reste à faire par axe, {annees[0]} à {annees[-1]}, en euros", restes))
    return [g for g in graphes if not g.is_vide]


def list_entrees(s: Synthese, avec_solde: bool) -> list[Entree]:
    """Lines of the contents."""
    entrees = [Entree("Synthèse pour les élus", "synthese"), Entree("Chiffres par axe", "axes")]
    entrees += [Entree(axe.titre, f"axe-{rang}", 2, f"Axe {axe.code}") for rang, axe in enumerate(s.axes, 1)]
    entrees += [Entree("L’année en images", "graphiques"), Entree("Fiche par fiche", "fiches")]
    entrees += [Entree(f.objet.titre, f"fiche-{f.objet.pk}", 2, f.objet.code) for f in s.actives]
    entrees += [Entree("Récapitulatif prévu et réalisé", "recapitulatif"), Entree("Versements et solde", "solde")]
    return [*entrees, Entree(f"Ce qui change en {s.bilan.annee + 1}", "suite"), Entree("Accord des parties", "signatures")]


def describe_composition(s: Synthese) -> str:
    """What the document holds, for the foot of the cover."""
    n = len(s.actives)
    contenu = ["une synthèse", f"{n} fiche{'s' if n > 1 else ''} action", "le récapitulatif", "le calcul du solde"]
    return f"Ce document comprend {list_fr(contenu)}."
