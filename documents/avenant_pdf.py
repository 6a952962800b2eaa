"""The document of an avenant: what it changes, before and after, what it does to the amounts, and the sheets it replaces."""

from typing import Any

from conventions.consolidation import list_avenants
from conventions.models import Convention
from conventions.variables import read_values
from documents.avenants import compute_difference
from documents.differences import Difference
from documents.logos import load_logos
from documents.publication import (
    SOMMAIRE,
    Entree,
    attach_budget,
    has_recap,
    load_feuilles,
    publish_parties,
    render_fiche,
    render_partie,
    render_recap,
)
from financement.syntheses import compute_recapitulatif


def publish_avenant(avenant: Convention) -> bytes:
    """The avenant as PDF, computed from the working copy. Raises MoteurAbsent."""
    base = avenant.avenant_de
    assert base is not None  # noqa: S101 (an avenant has its agreement)
    difference, recap = compute_difference(avenant), compute_recapitulatif(avenant)
    ressources, logos = load_logos(avenant)
    touchees = {*difference.list_fiches("ajout"), *difference.list_fiches("modifie")}
    feuilles = [f for f in load_feuilles(avenant) if f"{f.fiche.code} – {f.fiche.titre}" in touchees]
    precedents = [a for a in list_avenants(base) if a.is_signee and (a.numero_avenant or 0) < (avenant.numero_avenant or 0)]
    articles = list_articles(difference)
    contexte = {"convention": avenant, "base": base, "difference": difference}
    annexe_recap = has_recap(recap) and difference.has_montants
    originaux = read_values(avenant)["convention.originaux"].texte
    corps = render_partie("avenant", articles=articles, precedents=precedents, originaux=originaux, feuilles=feuilles, **contexte)
    parties = [
        ("Couverture", render_partie("couverture_avenant", logos=logos, **contexte)),
        (SOMMAIRE, render_partie("sommaire", entrees=list_entrees(articles, feuilles, annexe_recap))),
        ("Avenant", corps),
        *((f"Fiche {f.fiche.code}", render_fiche(f, niveau=1, ensuite=True)) for f in feuilles),
    ]
    if annexe_recap:
        parties.append(("Récapitulatif financier", render_recap(recap, "Récapitulatif financier après l’avenant")))
    titre = f"Avenant n°\u00a0{avenant.numero_avenant} – {base.titre}"
    return publish_parties(
        avenant, titre, parties, ressources, [attach_budget(recap)] if annexe_recap else [], f"{avenant.nom_court} – {base.nom_court}"
    )


def list_articles(difference: Difference) -> list[dict[str, Any]]:
    """Articles of the avenant: its object, each subject changed, the amounts, when it applies, what stays."""
    articles: list[dict[str, Any]] = [{"genre": "objet", "titre": "Objet de l’avenant"}]
    articles += [
        {"genre": "rubrique", "titre": f"Modifications : {r.titre[:1].lower()}{r.titre[1:]}", "rubrique": r} for r in difference.rubriques
    ]
    if difference.has_montants:
        articles.append({"genre": "montants", "titre": "Incidence financière"})
    articles += [{"genre": "effet", "titre": "Prise d’effet"}, {"genre": "reste", "titre": "Autres dispositions"}]
    return [a | {"numero": rang} for rang, a in enumerate(articles, 1)]


def list_entrees(articles: list[dict[str, Any]], feuilles: list[Any], annexe_recap: bool) -> list[Entree]:
    """Contents of the document."""
    entrees = [Entree("Préambule", "preambule"), Entree("Articles", "articles")]
    entrees += [Entree(a["titre"], f"article-{a['numero']}", 2, f"Article {a['numero']}") for a in articles]
    entrees.append(Entree("Signatures", "signatures", 2))
    if feuilles:
        entrees.append(Entree("Fiches ajoutées ou modifiées"))
    entrees += [Entree(f.fiche.nom_court, f"fiche-{f.fiche.slug}", 2, f.fiche.code) for f in feuilles]
    if annexe_recap:
        entrees.append(Entree("Récapitulatif financier après l’avenant", "recapitulatif"))
    return entrees
