"""Four pages for the committee, in landscape: the figures, the axes, what succeeded and what did not, the solde and what changes."""

from documents.bilans.figes import read_soldes
from documents.bilans.publication import publish, shorten
from documents.publication import render_partie
from financement.bilans.calculs import compute_synthese
from financement.bilans.comptes import sum_comptes
from financement.bilans.graphiques import draw_axes, draw_financeurs
from financement.bilans.modeles import Bilan, FicheBilan
from financement.bilans.pluriannuel import compute_pluriannuel

MONTRES = 6
PAYEURS = 3
HAUTEUR = 100  # millimetres that charts and table share: about 10 a bar, 7 a row


def publish_diaporama(bilan: Bilan) -> bytes:
    """The four pages as PDF. Raises MoteurAbsent."""
    s = compute_synthese(bilan)
    soldes = read_soldes(s)
    p = compute_pluriannuel(bilan.convention)
    ratees = [f for f in s.actives if f.objet.etat and f.objet.etat != FicheBilan.Etat.REALISEE]
    reussies = sorted((f for f in s.actives if f.objet.etat == FicheBilan.Etat.REALISEE), key=lambda f: f.euros.realise or 0, reverse=True)
    partie = render_partie(
        "bilan/diaporama",
        bilan=bilan,
        s=s,
        recit=shorten(bilan.recit),
        perspectives=shorten(bilan.perspectives),
        avec_table=10 * max(len(s.axes), len(s.financeurs)) + 7 * len(s.axes) <= HAUTEUR,
        payeurs=[(p, p.etapes if len(soldes.payeurs) == 1 else [e for e in p.etapes if e.forte]) for p in soldes.payeurs[:PAYEURS]],
        autres=max(0, len(soldes.payeurs) - PAYEURS),
        cumul=sum_comptes(p.total.par_annee[a] for a in p.annees if a <= bilan.annee),
        annees=p.annees,
        graphe_axes=draw_axes(s),
        graphe_financeurs=draw_financeurs(s),
        reussies=reussies[:MONTRES],
        nb_reussies=len(reussies),
        ratees=ratees[:MONTRES],
        nb_ratees=len(ratees),
        mesures=[(f, m) for f, m in s.mesures if m.objet.cible is not None and m.objet.valeur is not None][:MONTRES],
    )
    return publish(bilan, f"Bilan {bilan.annee} en quatre pages – {bilan.convention.titre}", [("Diaporama", partie)])
