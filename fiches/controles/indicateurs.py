"""Indicators: a target at least, so that reaching it can be judged."""

from collections.abc import Iterator

from fiches.controles.dossier import DossierFiches
from socle.controles import Constat, Gravite, Regle, Rubrique


class IndicateurSansCible(Regle):
    """An indicator without a target in any year."""

    identifiant = "indicateur_sans_cible"
    titre = "Un indicateur n’a pas de cible"
    pourquoi = "Sans cible, personne ne peut dire si l’objectif est atteint ; le solde peut en dépendre."
    gravite = Gravite.INFORMATION
    rubrique = Rubrique.FICHES_CODES

    def find(self, dossier: DossierFiches) -> Iterator[Constat]:
        for fiche in dossier.fiches:
            for indicateur in fiche.indicateurs.all():
                if not indicateur.cibles.all():
                    yield Constat(
                        objet=fiche.code,
                        message=f"« {indicateur.libelle} » n’a de cible pour aucune année.",
                        lieux=(dossier.place_fiche(fiche, "évaluation", "pas de cible", "evaluation", indicateur.libelle),),
                        fiche_id=fiche.pk,
                        signe="manque",
                        precision=f"indicateur-{indicateur.pk}",
                    )


REGLES: list[Regle] = [IndicateurSansCible()]
