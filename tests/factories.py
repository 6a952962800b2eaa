"""The smallest objects that show a rule."""

import hashlib
from decimal import Decimal

import factory
from django.core.files.base import ContentFile
from djmoney.money import Money
from factory.django import DjangoModelFactory

from comptes.models import Organisation, Utilisateur
from conventions.models import Article, Axe, Convention, ModeleArticle, MontantDeclare, Objectif, Partie
from fiches.models import FicheAction, Indicateur
from financement.models import (
    Acceptation,
    CoFinancement,
    Contradiction,
    ImportBudget,
    LigneCout,
    MontantRecapDeclare,
    NatureDepense,
    Reprise,
    TotalDeclare,
    Versement,
)

MOT_DE_PASSE = "une phrase assez longue"


def euros(valeur: str | int) -> Money:
    return Money(Decimal(str(valeur)), "EUR")


class OrganisationFactory(DjangoModelFactory):
    class Meta:
        model = Organisation

    cle = factory.Sequence(lambda n: f"organisation-{n}")
    nom = factory.Sequence(lambda n: f"Organisation {n}")
    sigle = factory.Sequence(lambda n: f"O{n}")
    nature = Organisation.Nature.EPCI


class UtilisateurFactory(DjangoModelFactory):
    class Meta:
        model = Utilisateur
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"personne{n}@exemple.example")
    prenom = "Camille"
    nom = factory.Sequence(lambda n: f"Dupont{n}")
    organisation = factory.SubFactory(OrganisationFactory)
    role = Utilisateur.Role.AGENT

    @factory.post_generation
    def mot_de_passe(self, create: bool, extracted: str | None, **kwargs: object) -> None:
        self.set_password(extracted or MOT_DE_PASSE)
        if create:
            self.save()


class ConventionFactory(DjangoModelFactory):
    class Meta:
        model = Convention

    reference = factory.Sequence(lambda n: f"CONV-{n}")
    titre = "Développement économique"
    nature = Convention.Nature.CADRE
    annee_debut = 2018
    annee_fin = 2020
    tarif_journalier = factory.LazyFunction(lambda: euros(600))


class PartieFactory(DjangoModelFactory):
    class Meta:
        model = Partie

    convention = factory.SubFactory(ConventionFactory)
    organisation = factory.SubFactory(OrganisationFactory)
    denomination = factory.LazyAttribute(lambda p: p.organisation.nom)
    nom_court = factory.LazyAttribute(lambda p: p.organisation.sigle)
    role = Partie.Role.FINANCEUR


class ObjectifFactory(DjangoModelFactory):
    class Meta:
        model = Objectif

    convention = factory.SubFactory(ConventionFactory)
    titre = "Soutenir les entreprises"


class AxeFactory(DjangoModelFactory):
    class Meta:
        model = Axe

    convention = factory.SubFactory(ConventionFactory)
    code = factory.Sequence(lambda n: f"A{n}")
    titre = "Attractivité"


class ModeleArticleFactory(DjangoModelFactory):
    class Meta:
        model = ModeleArticle

    cle = factory.Sequence(lambda n: f"modele-{n}")
    titre = "Durée"
    texte = "La convention prend fin le {{ convention.date_fin }}."


class ArticleFactory(DjangoModelFactory):
    class Meta:
        model = Article

    convention = factory.SubFactory(ConventionFactory)
    numero = factory.Sequence(lambda n: n + 1)
    titre = "Objet"
    texte = "Les Parties coopèrent."


class MontantDeclareFactory(DjangoModelFactory):
    class Meta:
        model = MontantDeclare

    convention = factory.SubFactory(ConventionFactory)
    cle = factory.Sequence(lambda n: f"montant-{n}")
    lieu = MontantDeclare.Lieu.PREAMBULE
    libelle = "Subvention"
    montant = factory.LazyFunction(lambda: euros(1000))


class FicheFactory(DjangoModelFactory):
    class Meta:
        model = FicheAction

    convention = factory.SubFactory(ConventionFactory)
    axe = factory.SubFactory(AxeFactory, convention=factory.SelfAttribute("..convention"))
    code = factory.Sequence(lambda n: f"E.A {n}.1")
    titre = factory.Sequence(lambda n: f"Action {n}")
    ordre = factory.Sequence(lambda n: n)


class IndicateurFactory(DjangoModelFactory):
    class Meta:
        model = Indicateur

    fiche = factory.SubFactory(FicheFactory)
    libelle = "Entreprises accompagnées"


class NatureFactory(DjangoModelFactory):
    class Meta:
        model = NatureDepense

    cle = factory.Sequence(lambda n: f"nature-{n}")
    nom = factory.Sequence(lambda n: f"Nature {n}")


class LigneCoutFactory(DjangoModelFactory):
    class Meta:
        model = LigneCout

    fiche = factory.SubFactory(FicheFactory)
    nature = factory.SubFactory(NatureFactory)
    annee = 2018
    montant = factory.LazyFunction(lambda: euros(100))


class CoFinancementFactory(DjangoModelFactory):
    class Meta:
        model = CoFinancement

    fiche = factory.SubFactory(FicheFactory)
    financeur = factory.SubFactory(OrganisationFactory)
    taux = Decimal(100)


class TotalDeclareFactory(DjangoModelFactory):
    class Meta:
        model = TotalDeclare

    fiche = factory.SubFactory(FicheFactory)
    annee = 2018
    montant = factory.LazyFunction(lambda: euros(100))


class RecapDeclareFactory(DjangoModelFactory):
    class Meta:
        model = MontantRecapDeclare

    convention = factory.SubFactory(ConventionFactory)
    annee = 2018
    montant = factory.LazyFunction(lambda: euros(100))


class VersementFactory(DjangoModelFactory):
    class Meta:
        model = Versement

    convention = factory.SubFactory(ConventionFactory)
    nature = Versement.Nature.ACOMPTE
    payeur = factory.SubFactory(OrganisationFactory)
    beneficiaire = factory.SubFactory(OrganisationFactory)


class ImportBudgetFactory(DjangoModelFactory):
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


class ContradictionFactory(DjangoModelFactory):
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


class AcceptationFactory(DjangoModelFactory):
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


class RepriseFactory(DjangoModelFactory):
    """A correction made from the pages of controls."""

    class Meta:
        model = Reprise

    convention = factory.SubFactory(ConventionFactory)
    auteur = factory.SubFactory(UtilisateurFactory)
    resume = "E.A 1.1 : porter E.A 1.1 sur la feuille"
    changements: list = []
