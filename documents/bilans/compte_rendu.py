"""The compte rendu financier of a year as PDF, its spreadsheet inside."""

from documents.bilans.publication import date_of, describe_mention
from documents.publication import publish_parties, render_partie
from financement.bilans.calculs import compute_synthese
from financement.bilans.compte_rendu import compute_compte_rendu
from financement.bilans.modeles import Bilan
from financement.bilans.tableur_compte_rendu import TITRE, write_compte_rendu_xlsx
from socle.pdf import PieceJointe


def publish_compte_rendu(bilan: Bilan) -> bytes:
    """Charges and produits by account. Raises MoteurAbsent."""
    convention = bilan.convention
    cr = compute_compte_rendu(compute_synthese(bilan))
    partie = render_partie(
        "compte_rendu",
        titre=f"{TITRE} {bilan.annee}",
        bilan=bilan,
        convention=convention,
        cr=cr,
        sections=[("Charges", "Nature de dépense", cr.charges), ("Produits", "Organisation", cr.produits)],
    )
    nom = f"{convention.reference.lower()}-compte-rendu-{bilan.annee}.xlsx"
    piece = PieceJointe(nom, write_compte_rendu_xlsx(cr), f"{TITRE} {bilan.annee}, tableur avec ses formules")
    titre = f"{TITRE} {bilan.annee} – {convention.titre}"
    courant = f"{TITRE} {bilan.annee}, {convention.nom_court[:1].lower()}{convention.nom_court[1:]}"
    return publish_parties(convention, titre, [(TITRE, partie)], None, [piece], courant, describe_mention(bilan), date_of(bilan))
