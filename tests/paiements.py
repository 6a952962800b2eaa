"""An agreement that is paid: its plan, the people around it, payments at each step, steps made one after the other."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention
from financement.etapes import Saisie, advance_paiement, ask_paiement
from financement.models import Imputation, Paiement, Versement
from financement.situation import LigneVersement, Situation, SituationPayeur, compute_situation
from tests import factories
from tests.copies import Copie
from tests.factories import euros

IBAN, AUTRE_IBAN = "FR1420041010050500013M02606", "FR7630006000011234567890189"
ENTIER, AUTRE_ENTIER = (" ".join(iban[i : i + 4] for i in range(0, 27, 4)) for iban in (IBAN, AUTRE_IBAN))
MASQUE, AUTRE_MASQUE = "FR14 •••• 2606", "FR76 •••• 0189"
JOUR = date(2018, 11, 2)
ETATS = list(Paiement.Etat)
CHEMIN = ["demande", "service_fait", "liquide", "mandate", "paye"]
ACTIONS = ["service_fait", "liquider", "mandater", "payer"]


@dataclass
class Plan:
    """An agreement signed and notified: 1 000 € that `payeur` owes, in an acompte of 400 € and a solde of 600 €."""

    convention: Convention
    payeur: Organisation
    beneficiaire: Organisation
    acompte: Versement
    solde: Versement

    @property
    def situation(self) -> Situation:
        return compute_situation(Convention.objects.get(pk=self.convention.pk))

    @property
    def du_payeur(self) -> SituationPayeur:
        """Where its payer stands now."""
        return next(p for p in self.situation.payeurs if p.payeur == self.payeur)

    def read(self, versement: Versement) -> LigneVersement:
        ligne = self.situation.get_ligne(versement.pk)
        assert ligne is not None
        return ligne


def make_plan(convention: Convention, payeur: Organisation, beneficiaire: Organisation) -> Plan:
    cles = _plan.put(convention, payeur, beneficiaire)
    convention.refresh_from_db()
    beneficiaire.refresh_from_db()
    acompte, solde = (Versement.objects.get(pk=cle) for cle in cles)
    for versement in (acompte, solde):
        versement.convention, versement.payeur, versement.beneficiaire = convention, payeur, beneficiaire
    return Plan(convention, payeur, beneficiaire, acompte, solde)


def build_plan(convention: Convention, payeur: Organisation, beneficiaire: Organisation) -> tuple[int, int]:
    factories.MontantDeclareFactory(convention=convention, objet="participation", financeur=payeur, libelle="Participation de l’Agglo")
    beneficiaire.iban = IBAN
    beneficiaire.save()
    deux = {"convention": convention, "payeur": payeur, "beneficiaire": beneficiaire}
    acompte = factories.VersementFactory(**deux, ordre=10, montant=euros(400))
    solde = factories.VersementFactory(**deux, ordre=20, nature="solde", montant=euros(600))
    sign(convention)
    return acompte.pk, solde.pk


_plan = Copie(build_plan)


def sign(convention: Convention, **dates: Any) -> None:
    """As it was signed and notified; `dates` say otherwise."""
    valeurs = {"etat": "notifiee", "date_signature": date(2018, 10, 1), "date_notification": date(2018, 10, 8)} | dates
    Convention.objects.filter(pk=convention.pk).update(**valeurs)
    convention.refresh_from_db()


PERSONNES = {
    "agent du bénéficiaire": {"chez": "beneficiaire"},
    "bénéficiaire qui prépare ses paiements": {"chez": "beneficiaire", "paie": True},
    "agent du payeur": {"chez": "payeur"},
    "payeur": {"chez": "payeur", "paie": True},
    "administrateur du payeur": {"chez": "payeur", "role": "administrateur"},
    "administrateur du bénéficiaire": {"chez": "beneficiaire", "role": "administrateur"},
    "administrateur qui paie": {"chez": "payeur", "role": "administrateur", "paie": True},
    "lecteur": {"chez": "payeur", "role": "lecteur"},
    "lecteur qui paierait": {"chez": "payeur", "role": "lecteur", "paie": True},
    "compte fermé": {"chez": "payeur", "paie": True, "is_active": False},
    "étranger": {},
    "étranger qui paie": {"paie": True},
    "exploitant": {"is_superuser": True, "organisation": None},
}


def make_person(nom: str, plan: Plan) -> Utilisateur:
    """Somebody around the plan, by the name of the table above."""
    valeurs = dict(PERSONNES[nom])
    if chez := valeurs.pop("chez", ""):
        valeurs["organisation"] = getattr(plan, str(chez))
    return factories.UtilisateurFactory(**valeurs)


def make_paiement(versement: Versement, etat: str = "demande", montant: str | int = 100, jour: date = JOUR, **valeurs: Any) -> Paiement:
    """A payment as far as a step, all the steps of the same day."""
    faites = CHEMIN[: CHEMIN.index(etat) + 1] if etat != "rejete" else ["demande"]
    champs: dict[str, Any] = {f"{e}_le": jour for e in faites}
    if "liquide" in faites:
        champs |= {"imputation": factories.ImputationFactory(), "iban": IBAN}
    if "mandate" in faites:
        champs |= {"numero_bordereau": "B-12", "numero_mandat": "M-345"}
    if etat == "rejete":
        champs["motif_rejet"] = "Pièce manquante"
    return factories.PaiementFactory(versement=versement, etat=etat, montant=euros(montant), **champs | valeurs)


def ask(user: Any, plan: Plan, versement: Versement, montant: str | int = 100, jour: date = JOUR, exercice: int = 2018) -> Paiement:
    return ask_paiement(user, plan.convention, versement.pk, Decimal(montant), exercice, jour)


def typed(jour: date = JOUR, imputation: Imputation | None = None, **autres: str) -> Saisie:
    """What is typed with a step: the numbers of the mandat and the reason of a rejection unless said otherwise."""
    return Saisie(jour, imputation, **{"numero_bordereau": "B-12", "numero_mandat": "M-345", "motif": "Pièce manquante"} | autres)


def advance(
    user: Any, paiement: Paiement, *actions: str, jour: date = JOUR, imputation: Imputation | None = None, **autres: str
) -> Paiement:
    """Make steps one after the other, each as the pages do, from a payment read long before."""
    for action in actions:
        if action == "liquider" and imputation is None:
            imputation = Imputation.objects.first() or factories.ImputationFactory()
        advance_paiement(user, paiement, action, typed(jour, imputation, **autres))
    return Paiement.objects.get(pk=paiement.pk)
