"""The lines of a bilan as a spreadsheet to fill: what was planned beside what was done. It comes back without a question."""

from fiches.fiches import normalize_code
from financement.bilans.modeles import Bilan, FicheBilan, LigneBilan
from financement.couts import NatureDepense
from socle.ecriture_xlsx import build_xlsx
from socle.tableaux import ClasseurEcrit, Colonne, Tableau, Valeur
from socle.tableur import save_classeur


def write_modele(bilan: Bilan) -> bytes:
    """Bytes of the xlsx: one row a line, what is already typed in its cells."""
    titre = f"Réalisé {bilan.annee}"
    fiches = list(FicheBilan.objects.filter(bilan=bilan).order_by("ordre", "pk"))
    listes = {
        "Codes": list({normalize_code(f.code): f.code for f in fiches}.values()),
        "Natures": [nature.nom for nature in NatureDepense.objects.all()],
    }
    rangs = {fiche.pk: rang for rang, fiche in enumerate(fiches)}
    lignes = LigneBilan.objects.filter(fiche__bilan=bilan).select_related("nature").order_by("ordre", "pk")
    tableau = Tableau(titre, _list_colonnes(), figees=2, modifiable=True)
    for ligne in sorted(lignes, key=lambda li: rangs[li.fiche_id]):
        tableau.lignes.append(_write_ligne(fiches[rangs[ligne.fiche_id]], ligne))
    nom = f"{titre} – {bilan.convention.titre} ({bilan.convention.reference})"
    return save_classeur(build_xlsx(ClasseurEcrit(nom, [tableau], {k: v for k, v in listes.items() if v}, _list_consignes(bilan))))


def _list_colonnes() -> list[Colonne]:
    return [
        Colonne("Code", 12, liste="Codes", aide="Le code de la fiche, à choisir dans la liste."),
        Colonne("Action", 44),
        Colonne("Nature", 26, liste="Natures", aide="La nature de dépense, à choisir dans la liste."),
        Colonne("Libellé", 28),
        Colonne("Jours prévus", 12, "jours"),
        Colonne("Prévu, en €", 16, "euros"),
        Colonne("Jours réalisés", 12, "jours"),
        Colonne("Réalisé, en €", 16, "euros"),
    ]


def _write_ligne(fiche: FicheBilan, ligne: LigneBilan) -> list[Valeur]:
    prevu: Valeur = ligne.prevu.amount if ligne.prevu is not None else ligne.prevu_mention or None
    realise = ligne.montant.amount if ligne.montant is not None else None
    return [fiche.code, fiche.titre, ligne.nature.nom, ligne.libelle or None, ligne.prevu_jours, prevu, ligne.jours, realise]


def _list_consignes(bilan: Bilan) -> list[str]:
    return [
        f"Ce classeur se remplit dans Excel ou LibreOffice, puis se dépose dans Trait d’union, page du bilan {bilan.annee}.",
        "Rien n’est écrit au dépôt : un aperçu montre ce qui serait changé ou refusé, et vous confirmez.",
        "Remplissez les colonnes « Jours réalisés » et « Réalisé, en € ». Les colonnes du prévu ne sont pas lues.",
        "Une case vide ne change rien. Écrivez 0 si rien n’a été dépensé.",
        "Avec les jours seuls, le bilan compte le montant au tarif de la ligne.",
        "Une dépense qui n’est pas dans la liste s’ajoute sur une nouvelle ligne : elle entre hors plan.",
        "Les titres des colonnes sont verrouillés, sans mot de passe, pour que le fichier soit reconnu à son retour.",
    ]
