"""What the page of an import shows: figures, changes page by page, refusals grouped by reason."""

from decimal import Decimal
from typing import Any

from financement.imports.champs import CHAMPS_REALISE, FORMES, PAR_CLE
from financement.imports.journal import ImportBudget, PageImport
from socle.montants import ZERO

PLACES_MONTREES = 40  # of one reason; the annotated copy holds them all


def present_apercu(imp: ImportBudget, page: int) -> dict[str, Any]:
    """Sums before and after, by financeur and by year; one page of changes."""
    apercu = imp.apercu
    nb_pages = imp.pages.filter(genre=PageImport.Genre.CHANGEMENTS).count()
    page = max(1, min(page, nb_pages or 1))
    contenu = imp.pages.filter(genre=PageImport.Genre.CHANGEMENTS, rang=page - 1).values_list("contenu", flat=True).first() or []
    total = [Decimal(v) for v in apercu.get("total", ["0", "0"])]
    return {
        "comptes": imp.comptes,
        "total": _row("Total", *total),
        "financeurs": [_row(nom, Decimal(a), Decimal(b)) for nom, a, b in apercu.get("financeurs", [])],
        "annees": [_row(str(annee), Decimal(a), Decimal(b)) for annee, a, b in apercu.get("annees", [])],
        "fiches": [_fiche(f) for f in apercu.get("fiches", [])],
        "changements": [_change(c) for c in contenu],
        "remarques": apercu.get("remarques", []),
        "formes": [FORMES.get(f, f) for f in dict.fromkeys(apercu.get("formes", []))],
        "colonnes": [(p["feuille"], describe_colonnes(p, imp.bilan_id is not None)) for p in imp.propositions],
        "page": page,
        "nb_pages": nb_pages,
    }


def _row(nom: str, avant: Decimal, apres: Decimal) -> dict[str, Any]:
    return {"nom": nom, "avant": avant, "apres": apres, "ecart": apres - avant}


def _fiche(valeurs: list[Any]) -> dict[str, Any]:
    code, slug, titre, nouveaux, modifies, inchanges, rejetes, avant, apres = valeurs
    comptes = {"nouveaux": nouveaux, "modifies": modifies, "inchanges": inchanges, "rejetes": rejetes}
    return {"code": code, "slug": slug, "titre": titre, **comptes, **_row("", Decimal(avant), Decimal(apres))}


def _change(valeurs: list[Any]) -> dict[str, Any]:
    etat, place, code, intitule, annee, avant, apres, ecart = valeurs
    feuille, _, cellule = place.rpartition("!")
    return {
        "nouveau": etat == "nouveau",
        "feuille": feuille,
        "cellule": cellule,
        "code": code,
        "intitule": intitule,
        "annee": annee,
        "avant": avant,
        "apres": apres,
        "ecart": Decimal(ecart) if ecart is not None else ZERO,
    }


def describe_colonnes(proposition: dict[str, Any], realise: bool = False) -> list[tuple[str, str]]:
    """Letter and meaning of the columns read, in words."""
    connus = PAR_CLE | ({champ.cle: champ for champ in CHAMPS_REALISE} if realise else {})
    noms = []
    for lettre, contenu in proposition.get("colonnes", {}).items():
        tete, _, reste = contenu.partition(":")
        if tete == "recap":
            annee = reste.split(":")[0]
            nom = f"Récapitulatif, {annee if annee.isdecimal() else 'toute la période'}"
        else:
            nom = f"Année {reste}" if reste else connus[contenu].nom
        noms.append((lettre, nom))
    return noms


def group_refus(imp: ImportBudget) -> list[dict[str, Any]]:
    """Refusals by reason, the most frequent first, each with its places."""
    groupes: dict[str, list[dict[str, str]]] = {}
    for contenu in imp.pages.filter(genre=PageImport.Genre.REFUS).values_list("contenu", flat=True):
        for feuille, cellule, valeur, raison in contenu:
            groupes.setdefault(raison, []).append({"feuille": feuille, "cellule": cellule, "valeur": valeur})
    tries = sorted(groupes.items(), key=lambda g: -len(g[1]))
    return [
        {"raison": r, "places": p[:PLACES_MONTREES], "nombre": len(p), "reste": max(0, len(p) - PLACES_MONTREES)} for r, p in tries[:200]
    ]
