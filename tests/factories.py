"""The smallest objects that show a rule."""

import hashlib
from datetime import date
from decimal import Decimal
from typing import Any

import factory
from django.core.files.base import ContentFile
from django.utils import timezone
from djmoney.money import Money
from factory.django import DjangoModelFactory

from comptes.models import ChangementIban, Organisation, Utilisateur
from conventions.gel import lift
from conventions.models import Article, Axe, Convention, ModeleArticle, MontantDeclare, Objectif, Partie
from fiches.models import FicheAction, Indicateur
from financement.models import (
    Acceptation,
    AccordBilan,
    Bilan,
    CoFinancement,
    CompteProduit,
    Contradiction,
    CreditExercice,
    FicheBilan,
    ImportBudget,
    Imputation,
    LigneBilan,
    LigneCout,
    MesureBilan,
    MontantRecapDeclare,
    NatureDepense,
    Observation,
    Paiement,
    PartBilan,
    ParticipationBilan,
    PieceBilan,
    PieceVersement,
    Realisation,
    Reprise,
    Reversement,
    TotalDeclare,
    Versement,
)

MOT_DE_PASSE = "une phrase assez longue"


class Fabrique(DjangoModelFactory):
    """Makes what tests start from, under signed conventions too: what the product writes later is refused there."""

    class Meta:
        abstract = True

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        with lift():
            return super()._create(model_class, *args, **kwargs)


def euros(valeur: str | int) -> Money:
    return Money(Decimal(str(valeur)), "EUR")


class OrganisationFactory(Fabrique):
    class Meta:
        model = Organisation

    cle = factory.Sequence(lambda n: f"organisation-{n}")
    nom = factory.Sequence(lambda n: f"Organisation {n}")
    sigle = factory.Sequence(lambda n: f"O{n}")
    nature = Organisation.Nature.EPCI


class UtilisateurFactory(Fabrique):
    class Meta:
        model = Utilisateur

    email = factory.Sequence(lambda n: f"personne{n}@exemple.example")
    prenom = "Camille"
    nom = factory.Sequence(lambda n: f"Dupont{n}")
    organisation = factory.SubFactory(OrganisationFactory)
    role = Utilisateur.Role.AGENT
    mot_de_passe = MOT_DE_PASSE

    @classmethod
    def _build(cls, model_class: Any, *args: Any, mot_de_passe: str, **kwargs: Any) -> Utilisateur:
        personne = super()._build(model_class, *args, **kwargs)
        personne.set_password(mot_de_passe)
        return personne

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Utilisateur:
        personne = cls._build(model_class, *args, **kwargs)
        with lift():
            personne.save(force_insert=True)
        return personne


class ConventionFactory(Fabrique):
    class Meta:
        model = Convention

    reference = factory.Sequence(lambda n: f"CONV-{n}")
    titre = "Développement économique"
    nature = Convention.Nature.CADRE
    annee_debut = 2018
    annee_fin = 2020
    tarif_journalier = factory.LazyFunction(lambda: euros(600))


class PartieFactory(Fabrique):
    class Meta:
        model = Partie

    convention = factory.SubFactory(ConventionFactory)
    organisation = factory.SubFactory(OrganisationFactory)
    denomination = factory.LazyAttribute(lambda p: p.organisation.nom)
    nom_court = factory.LazyAttribute(lambda p: p.organisation.sigle)
    role = Partie.Role.FINANCEUR


class ObjectifFactory(Fabrique):
    class Meta:
        model = Objectif

    convention = factory.SubFactory(ConventionFactory)
    titre = "Soutenir les entreprises"


class AxeFactory(Fabrique):
    class Meta:
        model = Axe

    convention = factory.SubFactory(ConventionFactory)
    code = factory.Sequence(lambda n: f"A{n}")
    titre = "Attractivité"


class ModeleArticleFactory(Fabrique):
    class Meta:
        model = ModeleArticle

    cle = factory.Sequence(lambda n: f"modele-{n}")
    titre = "Durée"
    texte = "La convention prend fin le {{ convention.date_fin }}."


class ArticleFactory(Fabrique):
    class Meta:
        model = Article

    convention = factory.SubFactory(ConventionFactory)
    numero = factory.Sequence(lambda n: n + 1)
    titre = "Objet"
    texte = "Les Parties coopèrent."


class MontantDeclareFactory(Fabrique):
    class Meta:
        model = MontantDeclare

    convention = factory.SubFactory(ConventionFactory)
    cle = factory.Sequence(lambda n: f"montant-{n}")
    lieu = MontantDeclare.Lieu.PREAMBULE
    libelle = "Subvention"
    montant = factory.LazyFunction(lambda: euros(1000))


class FicheFactory(Fabrique):
    class Meta:
        model = FicheAction

    convention = factory.SubFactory(ConventionFactory)
    axe = factory.SubFactory(AxeFactory, convention=factory.SelfAttribute("..convention"))
    code = factory.Sequence(lambda n: f"E.A {n}.1")
    titre = factory.Sequence(lambda n: f"Action {n}")
    ordre = factory.Sequence(lambda n: n)


class IndicateurFactory(Fabrique):
    class Meta:
        model = Indicateur

    fiche = factory.SubFactory(FicheFactory)
    libelle = "Entreprises accompagnées"


class NatureFactory(Fabrique):
    class Meta:
        model = NatureDepense

    cle = factory.Sequence(lambda n: f"nature-{n}")
    nom = factory.Sequence(lambda n: f"Nature {n}")


class LigneCoutFactory(Fabrique):
    class Meta:
        model = LigneCout

    fiche = factory.SubFactory(FicheFactory)
    nature = factory.SubFactory(NatureFactory)
    annee = 2018
    montant = factory.LazyFunction(lambda: euros(100))


class CoFinancementFactory(Fabrique):
    class Meta:
        model = CoFinancement

    fiche = factory.SubFactory(FicheFactory)
    financeur = factory.SubFactory(OrganisationFactory)
    taux = Decimal(100)


class TotalDeclareFactory(Fabrique):
    class Meta:
        model = TotalDeclare

    fiche = factory.SubFactory(FicheFactory)
    annee = 2018
    montant = factory.LazyFunction(lambda: euros(100))


class RecapDeclareFactory(Fabrique):
    class Meta:
        model = MontantRecapDeclare

    convention = factory.SubFactory(ConventionFactory)
    annee = 2018
    montant = factory.LazyFunction(lambda: euros(100))


class VersementFactory(Fabrique):
    class Meta:
        model = Versement

    convention = factory.SubFactory(ConventionFactory)
    nature = Versement.Nature.ACOMPTE
    payeur = factory.SubFactory(OrganisationFactory)
    beneficiaire = factory.SubFactory(OrganisationFactory)


class ImportBudgetFactory(Fabrique):
    """A file dropped, nothing of it read yet: `contenu` is what it holds."""

    class Meta:
        model = ImportBudget
        exclude = ["contenu"]

    contenu = b"Code;Nature;Ann\xc3\xa9e;Montant\r\n"
    convention = factory.SubFactory(ConventionFactory)
    nom = "budget.csv"
    fichier = factory.LazyAttribute(lambda imp: ContentFile(imp.contenu, imp.nom))
    taille = factory.LazyAttribute(lambda imp: len(imp.contenu))
    empreinte = factory.LazyAttribute(lambda imp: hashlib.sha256(imp.contenu).hexdigest())


class ContradictionFactory(Fabrique):
    """A finding of the last check."""

    class Meta:
        model = Contradiction

    convention = factory.SubFactory(ConventionFactory)
    regle = "code_feuille"
    cle = factory.Sequence(lambda n: f"code_feuille|fiche-{n}|||")
    gravite = "bloquant"
    rubrique = "fiches_codes"
    objet = "E.A 1.1"
    empreinte = "0" * 64
    contenu = factory.LazyFunction(
        lambda: {
            "message": "Le texte cite E.A 1.1, la feuille porte E.A 9.",
            "lieux": [],
            "constate": "E.A 9",
            "attendu": "E.A 1.1",
            "ecart": None,
            "financeur": "",
            "signe": "different",
            "piste": "",
            "corrections": [],
        }
    )


class AcceptationFactory(Fabrique):
    """A contradiction accepted with a reason."""

    class Meta:
        model = Acceptation

    convention = factory.SubFactory(ConventionFactory)
    auteur = factory.SubFactory(UtilisateurFactory)
    regle = "code_feuille"
    cle = factory.Sequence(lambda n: f"code_feuille|fiche-{n}|||")
    empreinte = "0" * 64
    objet = "E.A 1.1"
    message = "Le texte cite E.A 1.1, la feuille porte E.A 9."
    motif = "Ancien code gardé à la demande des élus."


class RepriseFactory(Fabrique):
    """A correction made from the pages of controls."""

    class Meta:
        model = Reprise

    convention = factory.SubFactory(ConventionFactory)
    auteur = factory.SubFactory(UtilisateurFactory)
    resume = "E.A 1.1 : porter E.A 1.1 sur la feuille"
    changements: list = []


class ImputationFactory(Fabrique):
    class Meta:
        model = Imputation

    compte = factory.Sequence(lambda n: f"657{n}")
    libelle = "Subventions de fonctionnement"


class PaiementFactory(Fabrique):
    """A payment asked for; `tests.paiements.make_paiement` makes one further on its way."""

    class Meta:
        model = Paiement

    versement = factory.SubFactory(VersementFactory)
    convention = factory.SelfAttribute("versement.convention")
    montant = factory.LazyFunction(lambda: euros(100))
    exercice = 2018
    demande_le = date(2018, 11, 2)


class CreditFactory(Fabrique):
    class Meta:
        model = CreditExercice

    convention = factory.SubFactory(ConventionFactory)
    payeur = factory.SubFactory(OrganisationFactory)
    exercice = 2018


class PieceVersementFactory(Fabrique):
    """A supporting file: `contenu` is what it holds."""

    class Meta:
        model = PieceVersement
        exclude = ["contenu"]

    contenu = b"%PDF-1.7\n"
    versement = factory.SubFactory(VersementFactory)
    convention = factory.SelfAttribute("versement.convention")
    intitule = "Bilan 2018"
    nom = "bilan.pdf"
    fichier = factory.LazyAttribute(lambda piece: ContentFile(piece.contenu, piece.nom))
    taille = factory.LazyAttribute(lambda piece: len(piece.contenu))
    empreinte = factory.LazyAttribute(lambda piece: hashlib.sha256(piece.contenu).hexdigest())
    ajoutee_par = factory.SubFactory(UtilisateurFactory)


class ReversementFactory(Fabrique):
    class Meta:
        model = Reversement

    convention = factory.SubFactory(ConventionFactory)
    payeur = factory.SubFactory(OrganisationFactory)
    redevable = factory.SubFactory(OrganisationFactory)
    montant = factory.LazyFunction(lambda: euros(100))
    motif = "Trop-perçu"
    numero_titre = factory.Sequence(lambda n: f"T-{n}")
    exercice = 2019
    emis_le = date(2019, 3, 1)


class ChangementIbanFactory(Fabrique):
    """A new account that waits for a second person."""

    class Meta:
        model = ChangementIban

    organisation = factory.SubFactory(OrganisationFactory)
    nouveau = "FR7630006000011234567890189"
    motif = "RIB reçu par courrier"
    demande_par = factory.SubFactory(UtilisateurFactory)


class BilanFactory(Fabrique):
    """A bilan with nothing in it; `tests.bilans.open_year` copies the plan."""

    class Meta:
        model = Bilan

    convention = factory.SubFactory(ConventionFactory)
    annee = 2018
    ouvert_le = factory.LazyFunction(timezone.now)
    modifie_le = factory.LazyFunction(timezone.now)


class FicheBilanFactory(Fabrique):
    class Meta:
        model = FicheBilan

    bilan = factory.SubFactory(BilanFactory)
    fiche = factory.SubFactory(FicheFactory, convention=factory.SelfAttribute("..bilan.convention"))
    code = factory.SelfAttribute("fiche.code")
    titre = factory.SelfAttribute("fiche.titre")
    axe_code = factory.SelfAttribute("fiche.axe.code")
    axe_titre = factory.SelfAttribute("fiche.axe.titre")


class LigneBilanFactory(Fabrique):
    class Meta:
        model = LigneBilan

    fiche = factory.SubFactory(FicheBilanFactory)
    nature = factory.SubFactory(NatureFactory)
    prevu = factory.LazyFunction(lambda: euros(100))


class PartBilanFactory(Fabrique):
    class Meta:
        model = PartBilan

    fiche = factory.SubFactory(FicheBilanFactory)
    financeur = factory.SubFactory(OrganisationFactory)
    prevu = factory.LazyFunction(lambda: euros(100))


class MesureBilanFactory(Fabrique):
    class Meta:
        model = MesureBilan

    fiche = factory.SubFactory(FicheBilanFactory)
    indicateur = factory.SubFactory(IndicateurFactory, fiche=factory.SelfAttribute("..fiche.fiche"))
    libelle = factory.SelfAttribute("indicateur.libelle")
    cible = Decimal(10)


class ParticipationBilanFactory(Fabrique):
    class Meta:
        model = ParticipationBilan

    bilan = factory.SubFactory(BilanFactory)
    payeur = factory.SubFactory(OrganisationFactory)
    due = factory.LazyFunction(lambda: euros(100))


class JustificatifFactory(Fabrique):
    """Something with a supporting file: `contenu` is what it holds, none when it is empty."""

    class Meta:
        abstract = True
        exclude = ["contenu"]

    contenu = b"%PDF-1.7\n"
    nom = "facture.pdf"
    fichier = factory.LazyAttribute(lambda objet: ContentFile(objet.contenu, objet.nom) if objet.contenu else "")
    taille = factory.LazyAttribute(lambda objet: len(objet.contenu))
    empreinte = factory.LazyAttribute(lambda objet: hashlib.sha256(objet.contenu).hexdigest() if objet.contenu else "")


class RealisationFactory(JustificatifFactory):
    """An entry of the carnet."""

    class Meta:
        model = Realisation

    contenu = b""
    fiche = factory.SubFactory(FicheFactory)
    convention = factory.SelfAttribute("fiche.convention")
    date = date(2018, 6, 1)
    qui = "Camille Dupont"
    nature = factory.SubFactory(NatureFactory)
    montant = factory.LazyFunction(lambda: euros(100))
    quoi = "Un atelier"
    auteur = factory.SubFactory(UtilisateurFactory)


class PieceBilanFactory(JustificatifFactory):
    """A supporting file of an action."""

    class Meta:
        model = PieceBilan

    fiche = factory.SubFactory(FicheBilanFactory)
    bilan = factory.SelfAttribute("fiche.bilan")
    intitule = "Facture du cabinet"
    ajoutee_par = factory.SubFactory(UtilisateurFactory)


class ObservationFactory(Fabrique):
    class Meta:
        model = Observation

    bilan = factory.SubFactory(BilanFactory)
    rubrique = Observation.Rubrique.DEPENSES
    texte = "D’où vient ce montant ?"
    auteur = factory.SubFactory(UtilisateurFactory)


class AccordBilanFactory(Fabrique):
    class Meta:
        model = AccordBilan

    bilan = factory.SubFactory(BilanFactory)
    organisation = factory.SubFactory(OrganisationFactory)
    date = date(2019, 1, 15)


class CompteProduitFactory(Fabrique):
    class Meta:
        model = CompteProduit

    organisation = factory.SubFactory(OrganisationFactory)
    compte = CompteProduit.Compte.SUBVENTIONS
