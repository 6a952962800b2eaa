"""What a convention knows that a file may name: its fiches, its axes, the natures of expense, the organisations."""

import re
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from comptes.models import Organisation
from conventions.axes import ArbreAxes
from conventions.models import Axe, Convention
from fiches.fiches import normalize_code
from fiches.models import FicheAction
from financement.cellules import VIDES
from financement.cofinancements import NON_REPARTI
from financement.couts import LigneCout, NatureDepense
from financement.imports.champs import normalize
from socle.typographie import list_fr

NOM_NON_REPARTI = normalize(NON_REPARTI)


class Referentiel:
    """Names of one convention, read once: four queries."""

    def __init__(self, convention: Convention) -> None:
        self.convention = convention
        self.fiches: dict[str, Any] = {normalize_code(fiche.code): fiche for fiche in self.list_fiches()}
        self.par_pk = {fiche.pk: fiche for fiche in self.fiches.values()}
        self.natures = {nature.pk: nature for nature in NatureDepense.objects.all()}
        self._natures = {normalize(nom): n for n in self.natures.values() for nom in (n.cle, n.nom)}
        self.organisations: dict[int, Organisation] = {}
        self._organisations: dict[str, Organisation | None] = {}
        for organisation in Organisation.objects.order_by("nom"):
            self.organisations[organisation.pk] = organisation
            for nom in {normalize(n) for n in (organisation.cle, organisation.nom, organisation.sigle)}:
                # Two organisations of one short name: neither is meant for sure.
                self._organisations[nom] = None if nom in self._organisations else organisation
        self.parties = list(convention.parties.select_related("organisation"))
        for partie in self.parties:
            for nom in (partie.organisation.nom, partie.organisation.sigle, partie.denomination, partie.nom_court):
                self._organisations[normalize(nom)] = partie.organisation
        self.axes = [noeud.axe for noeud in ArbreAxes.of(convention).racines]
        self._axes: dict[str, Axe] = {}
        for axe in self.axes:
            for nom in (axe.code, axe.titre, f"{axe.code} {axe.titre}", f"axe {axe.titre}", f"axe {axe.code}"):
                self._axes[normalize(nom)] = axe
        self._codes: dict[str, Any] = {}
        self._noms: dict[str, NatureDepense | None] = {}

    def list_fiches(self) -> list[Any]:
        """What a row may be of: the fiches of the convention, each with a code, a title and a key."""
        fiches = list(FicheAction.objects.filter(convention=self.convention).order_by("ordre", "pk"))
        for fiche in fiches:
            fiche.convention = self.convention
        return fiches

    @cached_property
    def libelles_muets(self) -> set[str]:
        """Libellés of the convention that elsewhere mean nothing: « - », « / »."""
        couts = LigneCout.objects.filter(fiche__convention=self.convention, libelle__in=VIDES - {""})
        return set(couts.values_list("libelle", flat=True))

    def find_fiche(self, texte: str) -> Any:
        """A fiche by its code, however written."""
        if texte not in self._codes:
            trouvee = self.fiches.get(normalize_code(texte)) if len(texte) < 40 else None
            if trouvee is None and (tete := re.match(r"(.{1,30}?)\s+[–—:-]\s|(.{1,30}?)\s*:\s", texte)):
                trouvee = self.fiches.get(normalize_code(tete[1] or tete[2]))  # « E.A 1.1 – Commerces »
            self._codes[texte] = trouvee
        return self._codes[texte]

    def find_nature(self, texte: str) -> NatureDepense | None:
        if texte not in self._noms:
            self._noms[texte] = self._natures.get(normalize(texte))
        return self._noms[texte]

    def find_organisation(self, texte: str) -> Organisation | None:
        return self._organisations.get(normalize(texte))

    def find_axe(self, texte: str) -> Axe | None:
        """A root axe by its code or its title."""
        return self._axes.get(normalize(texte))

    def is_non_reparti(self, texte: str) -> bool:
        return normalize(texte) == NOM_NON_REPARTI

    def explain_fiche(self, texte: str) -> str:
        """Why no fiche answers to a code, and the nearest ones."""
        proches = get_close_matches(normalize_code(texte), self.fiches, n=2, cutoff=0.6)
        codes = [self.fiches[p].code for p in proches]
        suite = f"Les plus proches : {list_fr(codes)}." if codes else "Créez la fiche, ou corrigez le code."
        return f"Aucune fiche de la convention ne porte le code « {texte[:40]} ». {suite}"

    def explain_nature(self, texte: str) -> str:
        proches = get_close_matches(normalize(texte), self._natures, n=2, cutoff=0.6)
        noms = list(dict.fromkeys(self._natures[p].nom for p in proches))
        connues = noms or [n.nom for n in self.natures.values()][:8]
        debut = "Les plus proches" if noms else "Natures connues"
        return f"« {texte[:60]} » n’est pas une nature de dépense. {debut} : {list_fr(connues)}."

    def explain_organisation(self, texte: str) -> str:
        if normalize(texte) in self._organisations:
            return f"Plusieurs organisations s’appellent « {texte[:60]} » : écrivez le nom entier."
        proches = get_close_matches(normalize(texte), [n for n, o in self._organisations.items() if o], n=2, cutoff=0.6)
        noms = list(dict.fromkeys(str(self._organisations[p]) for p in proches))
        connues = noms or [p.organisation.nom for p in self.parties]
        debut = "Les plus proches" if noms else "Parties de la convention"
        return f"Aucune organisation ne s’appelle « {texte[:60]} ». {debut} : {list_fr(connues)}."
