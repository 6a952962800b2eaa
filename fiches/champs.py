"""Fields of the sheet itself: texts, dates, who leads it, who pilots it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from comptes.models import Organisation, Utilisateur
from comptes.utilisateurs import UtilisateurQuerySet
from conventions.models import Convention
from fiches.fiches import FicheAction, Pilote
from fiches.saisie import Famille, SaisieRefusee, Valeurs, explain_errors

REPRISE = timedelta(minutes=10)  # one typing without a longer stop nor a longer run makes one version
LONGUEUR = 60_000
LIENS = "historicalficheaction_maitres_ouvrage_set"  # organisations of a past version of the sheet


@dataclass(frozen=True)
class ChampFiche:
    """One field of the sheet: its name, its heading, how it is asked."""

    nom: str
    rubrique: str
    libelle: str
    aide: str = ""
    genre: str = "texte"  # texte (light text), ligne, choix, date, annees
    lignes: int = 3


CHAMPS = [
    ChampFiche("titre", "objet", "Titre", "Un verbe et son objet : « Accompagner les commerces ».", "ligne"),
    ChampFiche("titre_court", "objet", "Titre court", "Pour les tableaux, 80 caractères au plus.", "ligne"),
    ChampFiche("objet", "objet", "Objet", "La ligne « Objet » du corps de la convention.", "ligne"),
    ChampFiche("presentation", "objet", "Présentation", "Les paragraphes sous l’objet, dans le corps de la convention."),
    ChampFiche("constat", "constat", "Constat", "Pourquoi agir."),
    ChampFiche("objectifs", "constat", "Objectifs", "Ce qui aura changé à la fin."),
    ChampFiche("contenus", "contenus", "Contenus", "Ce qui sera fait, étape par étape.", lignes=5),
    ChampFiche("methode", "contenus", "Méthode", "Comment, si cela mérite d’être dit."),
    ChampFiche("cible", "cible", "Cible", "Qui l’action doit toucher, et combien.", lignes=2),
    ChampFiche("maitrise_ouvrage", "maitrise-ouvrage", "Maîtrise d’ouvrage", "En toutes lettres, comme sur la feuille.", lignes=2),
    ChampFiche("base_montants", "couts", "Base des montants", "Ce que disent les montants de cette fiche.", "choix"),
    ChampFiche("cout_texte", "couts", "Coûts, en mots", "« Au cas par cas, sur devis ».", lignes=2),
    ChampFiche("cofinancement_texte", "cofinancements", "Co-financements, en mots", "« Alternance », « suivant devis ».", lignes=2),
    ChampFiche("calendrier", "calendrier", "Calendrier", "Les grandes dates, en mots.", lignes=2),
    ChampFiche("date_debut", "calendrier", "Début", "", "date"),
    ChampFiche("date_fin", "calendrier", "Fin", "", "date"),
    ChampFiche("annees_calendrier", "calendrier", "Années citées", "Les années que le calendrier cite : 2018, 2020.", "annees"),
    ChampFiche("partenariats_techniques", "partenariats", "Partenariats techniques", "Qui apporte son concours, ou « aucun ».", lignes=2),
    ChampFiche("evaluation", "evaluation", "Évaluation", "Comment on saura que l’action a réussi.", lignes=2),
]
PAR_NOM = {champ.nom: champ for champ in CHAMPS}
DATES = ("date_debut", "date_fin")


class Sheet(Famille):
    """Columns of the sheet, and the organisations that lead it (`maitre.<key>`, « oui » or nothing)."""

    prefixes = (*PAR_NOM, "maitre")
    libre = True
    _sigles: dict[int, str] = {}

    def rows(self) -> Iterable[Any]:
        return [self.fiche]

    def versions(self) -> Iterable[Any]:
        versions = self.fiche.history.select_related("history_user").prefetch_related(LIENS)
        return versions.order_by("history_date", "history_id")

    def to_champs(self, row: Any) -> Valeurs:
        valeurs = {nom: write_valeur(PAR_NOM[nom], getattr(row, nom)) for nom in PAR_NOM}
        if isinstance(row, FicheAction):
            valeurs |= {f"maitre.{o.pk}": "oui" for o in row.maitres_ouvrage.all()}
        else:
            valeurs |= {f"maitre.{lien.organisation_id}": "oui" for lien in getattr(row, LIENS).all()}
        return {champ: valeur for champ, valeur in valeurs.items() if valeur}

    def canonize(self, champ: str) -> str:
        return champ if champ in PAR_NOM else canonize_case(champ)

    def prepare(self, champ: str, texte: str) -> tuple[str, str]:
        if champ.startswith("maitre."):
            return _check_case(champ, texte, self._organisations()), ""
        valeur = read_valeur(PAR_NOM[champ], self.normalize(texte))
        return write_valeur(PAR_NOM[champ], valeur), ""

    def write(self, valeurs: Valeurs) -> dict[str, str]:
        refus: dict[str, str] = {}
        scalaires = {champ: valeur for champ, valeur in valeurs.items() if champ in PAR_NOM}
        anciennes = {champ: getattr(self.fiche, champ) for champ in scalaires}
        for champ, valeur in scalaires.items():
            setattr(self.fiche, champ, read_valeur(PAR_NOM[champ], valeur))
        for champ in scalaires:
            try:
                self.fiche.clean_fields(exclude=[f.name for f in self.fiche._meta.fields if f.name != champ])
                if champ == "annees_calendrier":
                    self.fiche.clean()
            except ValidationError as erreur:
                refus[champ] = explain_errors(erreur)
        for champ in refus:
            setattr(self.fiche, champ, anciennes[champ])
        refus |= self._order_dates({champ: anciennes[champ] for champ in DATES if champ in anciennes and champ not in refus})
        if ecrits := [champ for champ in scalaires if champ not in refus]:
            self._save(ecrits)
        maitres = {int(champ.partition(".")[2]): valeur for champ, valeur in valeurs.items() if champ.startswith("maitre.")}
        if maitres:
            fiche: Any = self.fiche
            fiche._history_user = self.user
            self.fiche.maitres_ouvrage.remove(*[pk for pk, valeur in maitres.items() if not valeur])
            self.fiche.maitres_ouvrage.add(*[pk for pk, valeur in maitres.items() if valeur])
        return refus

    def _order_dates(self, anciennes: dict[str, Any]) -> dict[str, str]:
        """Refuse the end that precedes the start; of two dates changed at once, the one that stands alone is kept."""

        def is_ordered() -> bool:
            debut, fin = self.fiche.date_debut, self.fiche.date_fin
            return debut is None or fin is None or debut <= fin

        refus: dict[str, str] = {}
        voulues = {champ: getattr(self.fiche, champ) for champ in anciennes}
        for retenue in ([], ["date_fin"], ["date_debut"], list(DATES)):
            for champ in anciennes:
                setattr(self.fiche, champ, anciennes[champ] if champ in retenue else voulues[champ])
            refus = {champ: "La fin de l’action précède son début." for champ in anciennes if champ in retenue}
            if is_ordered():
                break
        return refus

    def _save(self, champs: list[str]) -> None:
        """Save the sheet; a typing that goes on rewrites its own version instead of adding one a second."""
        fiche: Any = self.fiche  # the history reads two attributes that the model does not declare
        maintenant = timezone.now()
        champ = champs[0] if len(champs) == 1 else ""
        derniere = fiche.history.order_by("-history_date", "-history_id").first()
        suite = (
            derniere is not None
            and champ
            and derniere.champ == champ
            and derniere.history_type == "~"
            and derniere.history_user_id == getattr(self.user, "pk", None)
            and maintenant - derniere.history_date < REPRISE
            and derniere.commencee_le is not None
            and maintenant - derniere.commencee_le < REPRISE
        )
        fiche._history_user = self.user
        if suite:
            fiche.skip_history_when_saving = True  # its mere presence counts
        try:
            fiche.save()
        finally:
            if suite:
                del fiche.skip_history_when_saving
        versions = fiche.history.model.objects
        if suite:
            versions.filter(pk=derniere.pk).update(
                **{champ: getattr(self.fiche, champ)}, history_date=maintenant, modifiee_le=fiche.modifiee_le
            )
        elif nouvelle := fiche.history.order_by("-history_date", "-history_id").first():
            versions.filter(pk=nouvelle.pk).update(champ=champ, commencee_le=maintenant)

    def describe(self, champ: str) -> str:
        if champ in PAR_NOM:
            return PAR_NOM[champ].libelle
        self.load_noms()
        return f"Maîtrise d’ouvrage : {self._sigles.get(int(champ.partition('.')[2]), 'organisation supprimée')}"

    def load_noms(self) -> None:
        self._sigles = self._sigles or dict(Organisation.objects.values_list("pk", "sigle"))

    def show(self, champ: str, valeur: str) -> str:
        if champ == "base_montants":
            return FicheAction.Base(valeur).label if valeur in FicheAction.Base.values else valeur
        if champ in DATES and valeur:
            return f"{date.fromisoformat(valeur):%d/%m/%Y}"
        return valeur

    def _organisations(self) -> set[int]:
        """Organisations that may lead the action: the parties, and those already said."""
        parties = {p.organisation_id for p in self.fiche.convention.parties.all()}
        return parties | set(self.fiche.maitres_ouvrage.values_list("pk", flat=True))


class Pilotes(Famille):
    """People in charge: `pilote.<key>`, « oui » or nothing."""

    prefixes = ("pilote",)
    _noms: dict[int, str] = {}

    def rows(self) -> Iterable[Any]:
        return Pilote.objects.filter(fiche=self.fiche)

    def versions(self) -> Iterable[Any]:
        return Pilote.history.filter(fiche_id=self.fiche.pk).select_related("history_user").order_by("history_date", "history_id")

    def to_champs(self, row: Any) -> Valeurs:
        return {f"pilote.{row.utilisateur_id}": "oui"}

    def canonize(self, champ: str) -> str:
        return canonize_case(champ)

    def prepare(self, champ: str, texte: str) -> tuple[str, str]:
        return _check_case(champ, texte, {p.pk for p in list_pilotes_possibles(self.fiche)}), ""

    def write(self, valeurs: Valeurs) -> dict[str, str]:
        for champ, valeur in valeurs.items():
            pk = int(champ.partition(".")[2])
            if valeur:
                if not Pilote.objects.filter(fiche=self.fiche, utilisateur_id=pk).exists():
                    self.save_row(Pilote(fiche=self.fiche, utilisateur_id=pk))
            else:
                for pilote in Pilote.objects.filter(fiche=self.fiche, utilisateur_id=pk):
                    self.delete_row(pilote)
        return {}

    def describe(self, champ: str) -> str:
        self.load_noms()
        cle = int(champ.partition(".")[2])
        if cle not in self._noms:
            self._noms[cle] = str(Utilisateur.objects.filter(pk=cle).first() or "personne supprimée")
        return f"Pilote : {self._noms[cle]}"

    def load_noms(self) -> None:
        if not self._noms:
            cles = Pilote.history.filter(fiche_id=self.fiche.pk).values("utilisateur_id")
            self._noms = {p.pk: str(p) for p in Utilisateur.objects.filter(pk__in=cles)}


def list_pilotes_possibles(fiche: FicheAction) -> list[Utilisateur]:
    """People of the parties, and those who pilot the fiche already."""
    personnes = list_personnes(fiche.convention) | Utilisateur.objects.filter(pilotages__fiche=fiche)
    return list(personnes.select_related("organisation").distinct())


def list_personnes(convention: Convention) -> UtilisateurQuerySet:
    """People of the parties whose account is open."""
    parties = {p.organisation_id for p in convention.parties.all()}
    return Utilisateur.objects.filter(organisation__in=parties, is_active=True)


def canonize_case(champ: str) -> str:
    """« pilote.12 », however the number is written. Raises SaisieRefusee."""
    nom, _, cle = champ.partition(".")
    if not cle.isdecimal() or len(cle) > 18:
        raise SaisieRefusee("Ce champ n’existe pas dans la fiche.")
    return f"{nom}.{int(cle)}"


def _check_case(champ: str, texte: str, permises: set[int]) -> str:
    """« oui » or nothing, for a row that exists and may be chosen."""
    if texte.strip() and int(champ.partition(".")[2]) not in permises:
        raise SaisieRefusee("Choisissez dans la liste : cette ligne n’appartient pas à la convention.")
    return "oui" if texte.strip() else ""


def write_valeur(champ: ChampFiche, valeur: Any) -> str:
    """Canonical writing of a column: texts as they are, dates as 2018-11-02, years as « 2018, 2020 »."""
    if valeur is None:
        return ""
    if champ.genre == "date":
        return valeur.isoformat() if isinstance(valeur, date) else str(valeur)
    if champ.genre == "annees":
        return ", ".join(str(annee) for annee in valeur)
    return str(valeur).replace("\r\n", "\n").strip()


def read_valeur(champ: ChampFiche, texte: str) -> Any:
    """The column's value of a writing. Raises SaisieRefusee."""
    if champ.genre == "date":
        return _read_date(texte)
    if champ.genre == "annees":
        return _read_annees(texte)
    if champ.genre == "choix":
        if texte not in FicheAction.Base.values:
            raise SaisieRefusee(f"« {texte} » n’est pas un choix : hors taxes, toutes taxes comprises ou non précisée.")
        return texte
    if champ.nom == "titre" and not texte:
        raise SaisieRefusee("Une fiche a toujours un titre.")
    maximum = getattr(FicheAction._meta.get_field(champ.nom), "max_length", None) or LONGUEUR
    if len(texte) > maximum:
        raise SaisieRefusee(f"« {champ.libelle} » compte {len(texte)} caractères, {maximum} au plus.")
    return " ".join(texte.split("\n")) if champ.genre == "ligne" else texte


def _read_date(texte: str) -> date | None:
    """« 02/11/2018 » or « 2018-11-02 »."""
    if not texte:
        return None
    morceaux = re.fullmatch(r"([0-9]{1,2})[/.]([0-9]{1,2})[/.]([0-9]{4})", texte)
    try:
        jour = date(int(morceaux[3]), int(morceaux[2]), int(morceaux[1])) if morceaux else date.fromisoformat(texte)
    except ValueError as erreur:
        raise SaisieRefusee(f"« {texte[:40]} » n’est pas une date. Écrivez-la comme 02/11/2018.") from erreur
    if not 1990 <= jour.year <= 2100:
        raise SaisieRefusee(f"L’année {jour.year} est hors de portée : entre 1990 et 2100.")
    return jour


def _read_annees(texte: str) -> list[int]:
    """« 2018, 2020 »."""
    mots = [mot for mot in re.split(r"[\s,;]+", texte) if mot]
    fausses = [mot for mot in mots if not re.fullmatch(r"[0-9]{4}", mot) or not 1990 <= int(mot) <= 2100]
    if fausses:
        raise SaisieRefusee(f"« {fausses[0][:20]} » n’est pas une année. Écrivez par exemple 2018, 2020.")
    return sorted({int(mot) for mot in mots})
