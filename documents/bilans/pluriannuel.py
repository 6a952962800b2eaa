"""The bilan of the whole period, for the end of the convention: years side by side, by axe, financeur and fiche, and what is left."""

from django.utils import timezone

from conventions.models import Convention
from documents.logos import load_logos
from documents.publication import publish_parties, render_partie
from financement.bilans.graphiques import draw_annees, draw_reste
from financement.bilans.pluriannuel import Pluriannuel, compute_pluriannuel
from financement.situation import compute_situation
from socle.typographie import list_fr


def publish_pluriannuel(base: Convention) -> bytes:
    """All the years as PDF. Raises MoteurAbsent."""
    p = compute_pluriannuel(base)
    ressources, logos = load_logos(base)
    annees = f"{p.annees[0]} – {p.annees[-1]}" if p.annees else ""
    couverture = render_partie("bilan/couverture_pluriannuelle", p=p, convention=base, logos=logos, annees=annees)
    corps = render_partie(
        "bilan/pluriannuel",
        p=p,
        convention=base,
        annees=annees,
        etats=[(a, p.syntheses[a].bilan if a in p.syntheses else None) for a in p.annees],
        recits=[s.bilan for s in p.syntheses.values() if s.bilan.recit.strip()],
        graphe_annees=draw_annees([(a, p.total.par_annee[a]) for a in p.annees]),
        graphe_reste=draw_reste("Reste à faire par axe, toutes années, en euros", [(x.nom, x.ensemble) for x in p.axes]),
        situation=compute_situation(base),
        nb_colonnes=2 + 2 * len(p.annees) + 3,
    )
    parties = [("Couverture", couverture), ("Toutes les années", corps)]
    jour = max((timezone.localtime(b.modifie_le).date() for b in p.bilans), default=timezone.localtime(base.modifiee_le).date())
    titre = f"Bilan {annees} – {base.titre}"
    return publish_parties(base, titre, parties, ressources, nom=f"Bilan {annees}", mention=describe_mention(p), jour=jour)


def describe_mention(p: Pluriannuel) -> str:
    """What every page says: years not accepted yet, demonstration."""
    manquent = [str(a) for a in sorted([*p.sans_bilan, *p.non_acceptes])]
    reserve = f"Bilans pas encore acceptés : {list_fr(manquent)}" if manquent else ""
    return " · ".join(filter(None, [reserve, p.mention]))
