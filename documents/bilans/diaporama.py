"""Four pages for the committee, in landscape: the figures, the axes, what succeeded and what did not, the solde and what changes."""

from documents.bilans.publication import publish
from documents.publication import render_partie
from financement.bilans.calculs import compute_synthese
from financement.bilans.graphiques import draw_axes, draw_financeurs
from financement.bilans.modeles import Bilan, FicheBilan
from financement.bilans.pluriannuel import compute_pluriannuel
from financement.bilans.solde import compute_soldes

MONTRES = 6


def publish_diaporama(bilan: Bilan) -> bytes:
    """The four pages as PDF. Raises MoteurAbsent."""
    s = compute_synthese(bilan)
    soldes = compute_soldes(s)
    p = compute_pluriannuel(bilan.convention)
    ratees = [f for f in s.actives if f.objet.etat and f.objet.etat != FicheBilan.Etat.REALISEE]
    reussies = sorted((f for f in s.actives if f.objet.etat == FicheBilan.Etat.REALISEE), key=lambda f: f.euros.realise or 0, reverse=True)
    partie = render_partie(
        "bilan/diaporama",
        bilan=bilan,
        s=s,
        soldes=soldes,
        cumul=p.total.ensemble,
        annees=p.annees,
        graphe_axes=draw_axes(s),
        graphe_financeurs=draw_financeurs(s),
        reussies=reussies[:MONTRES],
        nb_reussies=len(reussies),
        ratees=ratees[:MONTRES],
        nb_ratees=len(ratees),
        mesures=[(f, m) for f, m in s.mesures if m.objet.cible is not None and m.objet.valeur is not None][:MONTRES],
    )
    return publish(bilan, f"Bilan {bilan.annee} en quatre pages – {bilan.convention.titre}", [partie])
