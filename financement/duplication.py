"""A fiche copied with everything it says, as a new draft."""

from typing import Any

from django.db import transaction

from conventions.models import Convention
from fiches.droits import check_ecriture
from fiches.gestion import next_ordre, propose_code
from fiches.models import FicheAction, Pilote
from fiches.prets import ProduitPret
from financement.cofinancements import CoFinancement
from financement.couts import LigneCout

SUFFIXE = " (copie)"


@transaction.atomic
def duplicate_fiche(user: Any, fiche: FicheAction) -> FicheAction:
    """Copy a fiche at the end of its axe: texts, costs, shares, indicators, pilots; neither its state, comments nor history.

    Raises PermissionDenied, ValidationError.
    """
    check_ecriture(user, fiche.convention)
    Convention.objects.select_for_update().get(pk=fiche.convention_id)
    copie = FicheAction.objects.get(pk=fiche.pk)
    copie.pk, copie._state.adding = None, True
    copie.code, copie.code_imprime, copie.etat = propose_code(fiche.axe), "", FicheAction.Etat.BROUILLON
    copie.titre = copie.titre[: 250 - len(SUFFIXE)] + SUFFIXE
    copie.ordre = next_ordre(fiche.convention)
    copie.full_clean()
    copie.save()
    copie.maitres_ouvrage.set(fiche.maitres_ouvrage.all())
    for modele in (LigneCout, CoFinancement, ProduitPret, Pilote):
        for ligne in modele._default_manager.filter(fiche=fiche):
            ligne.pk, ligne._state.adding, ligne.fiche = None, True, copie
            ligne.save()
    for indicateur in fiche.indicateurs.prefetch_related("cibles"):
        cibles = list(indicateur.cibles.all())
        indicateur.pk, indicateur._state.adding, indicateur.fiche = None, True, copie
        indicateur.save()
        for cible in cibles:
            cible.pk, cible._state.adding, cible.indicateur = None, True, indicateur
            cible.save()
    return copie
