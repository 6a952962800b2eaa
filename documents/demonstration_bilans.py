"""The bilans of the demonstration: invented, and saying so on every page. One accepted, one under observations, one being written."""

from collections import Counter
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from django.utils import timezone
from djmoney.money import Money

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention
from documents.bilans.passages import freeze
from financement.bilans.calculs import compute_synthese
from financement.bilans.ouverture import create_bilan
from financement.models import AccordBilan, Bilan, FicheBilan, LigneBilan, NatureDepense, Observation, Realisation
from socle.montants import round_cents

Data = dict[str, Any]


def load_bilans(d: Data, natures: dict[str, NatureDepense], organisations: dict[str, Organisation]) -> Counter[str]:
    """Open the bilans that an agreement lacks, as the file tells them; those already open are left as they are."""
    comptes: Counter[str] = Counter()
    convention = Convention.objects.with_parties().filter(reference=d["convention"]).first()
    if convention is None:
        return comptes
    ouverts = set(convention.bilans.values_list("annee", flat=True))
    for donnee in d["bilans"]:
        if donnee["annee"] not in ouverts:
            ChargeurBilan(convention, natures, organisations).load(donnee, d["mention"])
            comptes["bilans annuels"] += 1
    return comptes


class ChargeurBilan:
    """Loads one bilan; the caller holds the transaction and lifts the freeze."""

    def __init__(self, convention: Convention, natures: dict[str, NatureDepense], organisations: dict[str, Organisation]) -> None:
        self.convention, self.natures, self.organisations = convention, natures, organisations
        self.personnes = {p.email: p for p in Utilisateur.objects.filter(demonstration=True)}

    def load(self, d: Data, mention: str) -> None:
        bilan = create_bilan(self.convention, d["annee"])
        bilan.mention, bilan.ouvert_le = mention, at(d["ouvert_le"])
        bilan.recit, bilan.perspectives = d.get("recit", "").strip(), d.get("perspectives", "").strip()
        bilan.soumis_le, bilan.accepte_le = d.get("soumis_le"), d.get("accepte_le")
        bilan.modifie_le = at(d.get("accepte_le") or d.get("soumis_le") or d["ouvert_le"])
        fiches = {f.code: f for f in bilan.fiches.select_related("fiche")}
        for code, donnee in d["fiches"].items():
            self._fiche(fiches[code], donnee)
        for donnee in d.get("observations") or []:
            self._observation(bilan, fiches.get(donnee.get("fiche", "")), donnee)
        redacteur = self.personnes.get("hugo.perrin@cci-cote-d-or.example")
        if d["etat"] == "accepte":
            for email in ("hugo.perrin@cci-cote-d-or.example", "nadia.ferrand@dijon-metropole.example"):
                auteur = self.personnes.get(email)
                cle = "cci-cote-d-or" if "cci" in email else "dijon-metropole"
                AccordBilan.objects.create(bilan=bilan, organisation=self.organisations[cle], auteur=auteur, date=d["accepte_le"])
            bilan.save()
            freeze(bilan, compute_synthese(bilan), redacteur)
        else:
            bilan.etat = Bilan.Etat(d["etat"])
            bilan.save()

    def _fiche(self, fiche: FicheBilan, d: Data) -> None:
        fiche.etat = d.get("etat", "")
        for champ in ("fait", "difficultes", "proposition"):
            setattr(fiche, champ, d.get(champ, "").strip())
        fiche.full_clean(validate_constraints=False)
        fiche.save()
        lignes = {(li.nature_id, li.libelle): li for li in fiche.lignes.all()}
        for rang, donnee in enumerate(d.get("lignes") or [], 1):
            nature, libelle = self.natures[donnee["nature"]], donnee.get("libelle", "")
            ligne = lignes.get((nature.pk, libelle))
            if ligne is None:
                ligne = LigneBilan(fiche=fiche, nature=nature, libelle=libelle, au_plan=False, ordre=900 + rang)
            ligne.jours = Decimal(donnee["jours"]) if "jours" in donnee else None
            ligne.montant = euros(donnee["montant"]) if "montant" in donnee else None
            ligne.save()
        parts = {p.financeur.cle if p.financeur else "": p for p in fiche.parts.select_related("financeur")}
        for cle, montant in (d.get("parts") or {}).items():
            part = parts[cle]
            part.montant = euros(montant)
            part.save()
        mesures = {m.libelle: m for m in fiche.mesures.all()}
        for donnee in d.get("indicateurs") or []:
            mesure = mesures[donnee["libelle"]]
            mesure.valeur, mesure.explication = Decimal(donnee["atteint"]), donnee.get("explication", "").strip()
            mesure.save()
        for donnee in d.get("carnet") or []:
            self._realisation(fiche, donnee)

    def _realisation(self, fiche: FicheBilan, d: Data) -> None:
        jours = Decimal(d["jours"]) if "jours" in d else None
        tarif = self.convention.tarif_journalier
        montant = euros(d["montant"]) if "montant" in d else Money(round_cents((jours or 0) * tarif.amount), "EUR")  # type: ignore[union-attr]
        realisation = Realisation(
            convention=self.convention,
            fiche=fiche.fiche,
            date=d["date"],
            qui=d["qui"],
            nature=self.natures[d["nature"]],
            libelle=d.get("libelle", ""),
            jours=jours,
            montant=montant,
            quoi=d["quoi"],
            auteur=self.personnes.get("hugo.perrin@cci-cote-d-or.example"),
            cree_le=at(d["date"]),
        )
        realisation.full_clean(validate_constraints=False, exclude=["auteur"])
        realisation.save()

    def _observation(self, bilan: Bilan, fiche: FicheBilan | None, d: Data) -> None:
        tete = Observation.objects.create(
            bilan=bilan,
            fiche=fiche,
            rubrique=d["rubrique"],
            texte=d["texte"].strip(),
            auteur=self.personnes.get(d["auteur"]),
            cree_le=at(d["le"]),
        )
        derniere = d["le"]
        for reponse in d.get("reponses") or []:
            derniere = reponse["le"]
            Observation.objects.create(
                bilan=bilan,
                fiche=fiche,
                parent=tete,
                rubrique=tete.rubrique,
                texte=reponse["texte"].strip(),
                auteur=self.personnes.get(reponse["auteur"]),
                cree_le=at(derniere),
            )
        if d.get("regle"):
            tete.reglee_le, tete.reglee_par = at(derniere), tete.auteur
            tete.save()


def euros(texte: str) -> Money:
    """« 1234.50 » as Money."""
    return Money(Decimal(texte), "EUR")


def at(jour: date) -> datetime:
    """A day as the moment of its noon."""
    return timezone.make_aware(datetime.combine(jour, time(12)))
