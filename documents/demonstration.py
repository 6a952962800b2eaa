"""The demonstration: two real agreements and invented people, read from fixtures/ (YAML).

Loading is idempotent and never overwrites: a convention, an organisation or a person that already exists is left
as it is, so that what users changed survives the next start.
"""

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import models, transaction
from django.db.models import Q
from djmoney.money import Money

from comptes.models import Organisation, Utilisateur
from conventions.gel import lift
from conventions.models import Article, Axe, Convention, ModeleArticle, MontantDeclare, Objectif, Partie, Politique
from documents.demonstration_bilans import load_bilans
from fiches.models import CibleIndicateur, FicheAction, Indicateur, Pilote, ProduitPret
from financement.controles.suivi import silence
from financement.controles.verification import verify
from financement.models import (
    CoFinancement,
    CompteProduit,
    Imputation,
    LigneCout,
    MontantRecapDeclare,
    NatureDepense,
    TotalDeclare,
    Versement,
)

DOSSIER = Path(settings.BASE_DIR) / "fixtures"
MOT_DE_PASSE = "trait-d-union-essai"
Data = dict[str, Any]


def load_demonstration() -> Counter[str]:
    """Create what is missing, all or nothing, and count it by verbose name. What was never checked is."""
    with silence(), lift():  # agreements signed on paper are loaded as they were signed
        comptes = Chargeur().load()
        for convention in Convention.objects.filter(Q(verification=None) | Q(verification__calculee_le=None)):
            verify(convention)
    return comptes


def read_yaml(path: Path) -> Any:
    """Read one data file; amounts and days stand there as quoted text, so nothing passes through a float."""
    with path.open(encoding="utf-8") as fichier:
        return yaml.load(fichier, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 (safe loader)


def euros(texte: str | None) -> Money | None:
    """« 1234.50 » as Money; None stays unknown."""
    return None if texte is None else Money(Decimal(texte), "EUR")


def decimal(texte: str | None) -> Decimal | None:
    """« 16.5 » as Decimal; None stays unknown."""
    return None if texte is None else Decimal(texte)


class Chargeur:
    """One loading: keeps the organisations and natures by key, and the count of what was created."""

    def __init__(self) -> None:
        self.comptes: Counter[str] = Counter()
        self.organisations: dict[str, Organisation] = {}
        self.natures: dict[str, NatureDepense] = {}

    @transaction.atomic
    def load(self) -> Counter[str]:
        self.organisations = {o.cle: o for o in self._references(Organisation, "organisations.yaml")}
        self.natures = {n.cle: n for n in self._references(NatureDepense, "natures.yaml")}
        politiques = {p.cle: p for p in self._references(Politique, "politiques.yaml")}
        self._references(ModeleArticle, "modeles_articles.yaml")
        if settings.DEBUG:
            self._utilisateurs()
            for donnee in read_yaml(DOSSIER / "imputations.yaml"):
                if not Imputation.objects.filter(compte=donnee["compte"]).exists():
                    self._save(Imputation(**donnee))
            for donnee in read_yaml(DOSSIER / "comptes_produits.yaml"):
                organisation = self.organisations[donnee["organisation"]]
                if not CompteProduit.objects.filter(organisation=organisation).exists():
                    self._save(CompteProduit(organisation=organisation, compte=donnee["compte"]))
        nouvelles: dict[str, Convention] = {}
        for dossier in sorted(p.parent for p in DOSSIER.glob("*/convention.yaml")):
            donnees = read_yaml(dossier / "convention.yaml")["conventions"]
            connues = set(Convention.objects.filter(reference__in=[d["reference"] for d in donnees]).values_list("reference", flat=True))
            manquantes = [d for d in donnees if d["reference"] not in connues]
            for donnee in manquantes:
                nouvelles[donnee["reference"]] = self._convention(donnee, politiques)
            for donnee in manquantes:
                self._link(nouvelles[donnee["reference"]], donnee)
            if manquantes:
                self._fiches(dossier, nouvelles)
            if (bilans := dossier / "bilans.yaml").exists():
                self.comptes += load_bilans(read_yaml(bilans), self.natures, self.organisations)
        return self.comptes

    def _save(self, objet: models.Model) -> Any:
        """Check the fields, save, count. Rules of the database are left to it: asking them twice doubles the time."""
        objet.full_clean(validate_constraints=False)
        objet.save()
        self.comptes[str(objet._meta.verbose_name_plural)] += 1
        return objet

    def _references(self, model: type[models.Model], fichier: str) -> list[Any]:
        """Create the rows of a reference table whose key is new; return all of the file's rows."""
        donnees = read_yaml(DOSSIER / fichier)
        existants = {o.cle: o for o in model._default_manager.all()}  # type: ignore[attr-defined]
        return [existants.get(d["cle"]) or self._save(model(**d)) for d in donnees]

    def _utilisateurs(self) -> None:
        connus = set(Utilisateur.objects.values_list("email", flat=True))
        nouveaux = [d for d in read_yaml(DOSSIER / "utilisateurs.yaml") if d["email"] not in connus]
        empreinte = make_password(MOT_DE_PASSE) if nouveaux else ""  # hashed once: it is slow on purpose
        for donnee in nouveaux:
            organisation = self.organisations.get(donnee.pop("organisation", ""))
            self._save(Utilisateur(password=empreinte, demonstration=True, organisation=organisation, **donnee))

    def _convention(self, d: Data, politiques: dict[str, Politique]) -> Convention:
        simples = (
            "reference titre nature etat objet periode annee_debut annee_fin date_debut date_fin duree_declaree_mois "
            "date_signature date_point_etape lieu_signature nombre_originaux tribunal preambule"
        ).split()
        convention: Convention = self._save(
            Convention(**{c: d[c] for c in simples if d.get(c) is not None}, tarif_journalier=euros(d.get("tarif_journalier")))
        )
        convention.politiques.set([politiques[cle] for cle in d.get("politiques", [])])
        for rang, partie in enumerate(d["parties"], 1):
            organisation = self.organisations[partie.pop("organisation")]
            self._save(Partie(convention=convention, organisation=organisation, ordre=rang * 10, **partie))
        for rang, objectif in enumerate(d.get("objectifs", []), 1):
            self._save(Objectif(convention=convention, ordre=rang * 10, **objectif))
        self._axes(convention, None, d.get("axes", []))
        articles = {a["numero"]: self._save(Article(convention=convention, **a)) for a in d.get("articles", [])}
        self._montants_declares(convention, d.get("montants_declares", []), articles)
        for rang, versement in enumerate(d.get("versements", []), 1):
            payeur, beneficiaire = (self.organisations[versement.pop(cle)] for cle in ("payeur", "beneficiaire"))
            montant, taux = euros(versement.pop("montant", None)), decimal(versement.pop("taux", None))
            self._save(
                Versement(
                    convention=convention,
                    ordre=rang * 10,
                    payeur=payeur,
                    beneficiaire=beneficiaire,
                    montant=montant,
                    taux=taux,
                    **versement,
                )
            )
        return convention

    def _axes(self, convention: Convention, parent: Axe | None, donnees: list[Data]) -> None:
        for rang, d in enumerate(donnees, 1):
            sous_axes = d.pop("sous_axes", [])
            axe = self._save(Axe(convention=convention, parent=parent, ordre=rang * 10, **d))
            self._axes(convention, axe, sous_axes)

    def _montants_declares(self, convention: Convention, donnees: list[Data], articles: dict[int, Article]) -> None:
        par_cle: dict[str, MontantDeclare] = {}
        bases: dict[str, str] = {}
        for d in donnees:
            if base := d.pop("base_taux", None):
                bases[d["cle"]] = base
            financeur = self.organisations.get(d.pop("financeur", ""))
            article = articles.get(d.pop("article", 0))
            montant, taux = euros(d.pop("montant", None)), decimal(d.pop("taux", None))
            par_cle[d["cle"]] = self._save(
                MontantDeclare(convention=convention, financeur=financeur, article=article, montant=montant, taux=taux, **d)
            )
        for cle, base in bases.items():
            par_cle[cle].base_taux = par_cle[base]
            par_cle[cle].full_clean()
            par_cle[cle].save()

    def _link(self, convention: Convention, d: Data) -> None:
        """Link a convention to its cadre and to the one it renews, once all are there."""
        liens = {champ: d[champ] for champ in ("parent", "renouvelle") if d.get(champ)}
        for champ, reference in liens.items():
            setattr(convention, champ, Convention.objects.get(reference=reference))
        if liens:
            convention.full_clean()
            convention.save()

    def _fiches(self, dossier: Path, nouvelles: dict[str, Convention]) -> None:
        for path in sorted((dossier / "fiches").glob("*.yaml")):
            d = read_yaml(path)
            if d["convention"] in nouvelles:
                self._fiche(nouvelles[d["convention"]], d)
        if (recap := dossier / "recapitulatif.yaml").exists():
            donnees = read_yaml(recap)
            if donnees["convention"] in nouvelles:
                self._recap_declare(nouvelles[donnees["convention"]], donnees)

    def _fiche(self, convention: Convention, d: Data) -> None:
        axe: Axe | None = None
        for code in str(d["axe"]).split("/"):
            axe = Axe.objects.get(convention=convention, parent=axe, code=code)
        simples = (
            "ordre code code_imprime titre titre_court etat objet presentation constat objectifs contenus cible methode "
            "maitrise_ouvrage base_montants cout_texte calendrier annees_calendrier date_debut date_fin cofinancement_texte "
            "partenariats_techniques evaluation"
        ).split()
        fiche: FicheAction = self._save(FicheAction(convention=convention, axe=axe, **{c: d[c] for c in simples if d.get(c) is not None}))
        fiche.maitres_ouvrage.set([self.organisations[cle] for cle in d.get("maitres_ouvrage", [])])
        for pilote in Utilisateur.objects.filter(
            demonstration=True, role=Utilisateur.Role.AGENT, organisation__in=fiche.maitres_ouvrage.all()
        ):
            self._save(Pilote(fiche=fiche, utilisateur=pilote))
        for rang, ligne in enumerate(d.get("couts", []), 1):
            self._lignes_cout(fiche, rang * 10, ligne)
        for annee, montant in d.get("totaux_declares", {}).items():
            self._save(TotalDeclare(fiche=fiche, annee=annee, montant=euros(montant)))
        for rang, part in enumerate(d.get("cofinancements", []), 1):
            self._save(
                CoFinancement(
                    fiche=fiche,
                    ordre=rang * 10,
                    financeur=self.organisations[part["financeur"]] if part.get("financeur") else None,
                    taux=decimal(part.get("taux")),
                    montant=euros(part.get("montant")),
                    nature=self.natures[part["nature"]] if part.get("nature") else None,
                    annee=part.get("annee"),
                    mention=part.get("mention", ""),
                )
            )
        for rang, indicateur in enumerate(d.get("indicateurs", []), 1):
            cibles = indicateur.pop("cibles", {})
            objet = self._save(Indicateur(fiche=fiche, ordre=rang * 10, **indicateur))
            for annee, valeur in cibles.items():
                self._save(CibleIndicateur(indicateur=objet, annee=annee, valeur=Decimal(str(valeur))))
        for rang, pret in enumerate(d.get("produits_pret", []), 1):
            self._save(
                ProduitPret(
                    fiche=fiche,
                    ordre=rang * 10,
                    nom=pret["nom"],
                    public=pret.get("public", ""),
                    minimum=euros(pret.get("minimum")),
                    maximum=euros(pret.get("maximum")),
                )
            )

    def _lignes_cout(self, fiche: FicheAction, ordre: int, d: Data) -> None:
        """One line a year; a number of days is valued at the convention's daily rate, as the sheets do."""
        for annee, cellule in d["annees"].items():
            jours = decimal(cellule.get("jours"))
            tarif = euros(cellule.get("tarif")) or (fiche.convention.tarif_journalier if jours is not None else None)
            self._save(
                LigneCout(
                    fiche=fiche,
                    ordre=ordre,
                    nature=self.natures[d["nature"]],
                    libelle=d.get("libelle") or "",
                    annee=annee,
                    jours=jours,
                    tarif_journalier=tarif,
                    montant=euros(cellule.get("montant")),
                    mention=cellule.get("mention", ""),
                    chiffrage=cellule.get("chiffrage", LigneCout.Chiffrage.CHIFFRE),
                )
            )

    def _recap_declare(self, convention: Convention, d: Data) -> None:
        colonnes = [self.organisations.get(cle) for cle in d["colonnes"]]  # « total » is no organisation: None
        fiches = {f.code: f for f in convention.fiches.all()}
        axes = {a.code: a for a in convention.axes.filter(parent=None)}
        lignes: list[tuple[Data, Data]] = [
            *(({"fiche": fiches[code]}, cellules) for code, cellules in d["fiches"].items()),
            *(({"axe": axes[code]}, cellules) for code, cellules in d["sous_totaux"].items()),
            ({}, d["total"]),
        ]
        for place, cellules in lignes:
            mention, ensemble = cellules.pop("mention", ""), cellules.pop("ensemble", None)
            for annee, montants in cellules.items():
                for financeur, montant in zip(colonnes, montants, strict=True):
                    self._save(
                        MontantRecapDeclare(convention=convention, annee=annee, financeur=financeur, montant=euros(montant), **place)
                    )
            if ensemble or mention:
                self._save(MontantRecapDeclare(convention=convention, montant=euros(ensemble), mention=mention, **place))
