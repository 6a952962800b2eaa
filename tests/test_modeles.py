"""Rules of one row: each is refused by the form with its sentence, and by the database when the form is bypassed."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from djmoney.money import Money

from comptes.models import Rappel, Utilisateur
from conventions.journal import record
from conventions.models import Travail
from documents.figes import create_document
from documents.models import Accord, DocumentFige, Signature
from fiches.models import CibleIndicateur, LectureCommentaires, Pilote, Presence, ProduitPret
from financement.models import PageImport
from tests.factories import (
    AcceptationFactory,
    AccordBilanFactory,
    ArticleFactory,
    AxeFactory,
    BilanFactory,
    ChangementIbanFactory,
    CoFinancementFactory,
    ContradictionFactory,
    ConventionFactory,
    CreditFactory,
    FicheBilanFactory,
    FicheFactory,
    ImportBudgetFactory,
    ImputationFactory,
    IndicateurFactory,
    LigneBilanFactory,
    LigneCoutFactory,
    MesureBilanFactory,
    MontantDeclareFactory,
    ObservationFactory,
    OrganisationFactory,
    PaiementFactory,
    PartBilanFactory,
    ParticipationBilanFactory,
    PartieFactory,
    RealisationFactory,
    RecapDeclareFactory,
    ReversementFactory,
    TotalDeclareFactory,
    UtilisateurFactory,
    VersementFactory,
    euros,
)

pytestmark = pytest.mark.django_db
METIER = ("comptes", "conventions", "fiches", "financement", "documents")
DOLLARS = Money(1, "USD")
Fabrique = Callable[[], models.Model]


def change(objet: Any, **valeurs: Any) -> Any:
    for champ, valeur in valeurs.items():
        setattr(objet, champ, valeur)
    return objet


def twice(fabrique: Any, *champs: str, **valeurs: Any) -> models.Model:
    """A second row, not saved, with the same `champs` as the first."""
    premier = fabrique(**valeurs)
    memes = {champ: getattr(premier, champ) for champ in champs}
    autres = {champ.name: getattr(premier, champ.name) for champ in premier._meta.fields if not champ.primary_key}
    return type(premier)(**autres | memes)


def renew_itself() -> models.Model:
    convention = ConventionFactory()
    return change(convention, renouvelle=convention)


def depend_on_itself() -> models.Model:
    convention = ConventionFactory(nature="specifique")
    return change(convention, parent=convention)


def pay_itself() -> models.Model:
    versement = VersementFactory()
    return change(versement, beneficiaire=versement.payeur)


def confirm_alone() -> models.Model:
    changement = ChangementIbanFactory()
    return change(changement, traite_par=changement.demande_par)


def open_twice() -> models.Model:
    base = ConventionFactory()
    return change(twice(lambda: ConventionFactory(avenant_de=base, numero_avenant=1)), reference="AUTRE-AV1")


def tell_twice() -> models.Model:
    return twice(lambda: record(ConventionFactory(), "ouvrir", "Négociation ouverte.", fiches=3))


def agree_twice() -> models.Model:
    return twice(lambda: Accord.objects.create(convention=ConventionFactory(), organisation=OrganisationFactory(), empreinte="a" * 64))


def freeze_document() -> DocumentFige:
    return create_document(ConventionFactory(), UtilisateurFactory(), b"{}", None)


def sign_document_twice() -> models.Model:
    document = freeze_document()
    champs = {"document": document, "partie": PartieFactory(convention=document.convention), "mode": "ailleurs", "signataire": "X"}
    return twice(lambda: Signature.objects.create(date=date(2018, 1, 8), **champs))


def double_axe() -> models.Model:
    parent = AxeFactory()
    axe = AxeFactory(convention=parent.convention, parent=parent)
    return type(axe)(convention=axe.convention, parent=axe.parent, code=axe.code, titre="Autre")


def subtotal_and_fiche() -> models.Model:
    fiche = FicheFactory()
    return RecapDeclareFactory.build(convention=fiche.convention, fiche=fiche, axe=fiche.axe)


def loan(**bornes: Any) -> models.Model:
    return ProduitPret(fiche=FicheFactory(), nom="Prêt", **bornes)


def double_email() -> models.Model:
    premier = UtilisateurFactory(email="a@b.example")
    return Utilisateur(email="A@B.example", prenom="A", nom="B", organisation=premier.organisation, password="!")


def sign_twice() -> models.Model:
    return twice(lambda: Presence.objects.create(fiche=FicheFactory(), utilisateur=UtilisateurFactory(), vue_le=timezone.now()))


def read_twice() -> models.Model:
    return twice(lambda: LectureCommentaires.objects.create(fiche=FicheFactory(), utilisateur=UtilisateurFactory(), lue_le=timezone.now()))


def remind_twice() -> models.Model:
    rappel = {"cle": "fin.1", "jour": date(2027, 1, 1), "genre": "avance", "envoye_le": timezone.now()}
    return twice(lambda: Rappel.objects.create(utilisateur=UtilisateurFactory(), **rappel))


def add_page_twice() -> models.Model:
    page = PageImport.objects.create(parent=ImportBudgetFactory(), genre="refus", rang=0, contenu=[])
    return PageImport(parent=page.parent, genre="refus", rang=0, contenu=["autre"])


def ask_work_twice() -> models.Model:
    return twice(lambda: Travail.objects.create(sorte="document", convention=ConventionFactory(), cle="x"))


def settle_an_answer() -> models.Model:
    question = ObservationFactory()
    return change(ObservationFactory(bilan=question.bilan, parent=question), reglee_le=timezone.now())


# Rows that no form writes, with the sentence of Django.
SANS_FORMULAIRE = {"presence_une_fois", "lecture_une_fois"}
# What a journal tells already, or a mere mark: who is here, who has read, who receives the summary.
SANS_HISTORIQUE = {
    *("Commentaire", "Passage", "Presence", "LectureCommentaires", "Abonnement", "ImportBudget", "PageImport"),
    *("Verification", "Contradiction", "Acceptation", "Reprise"),
    *("CalendrierPersonnel", "Rappel"),
    *("ConstatCondition", "PieceVersement", "ChangementIban"),
    *("Evenement", "Accord", "DocumentFige", "Signature", "Preparation", "Ouvrier", "Travail"),
    *("Realisation", "PieceBilan", "Observation", "AccordBilan", "ParticipationBilan", "DocumentBilan"),
    *("Cumul", "CumulPerime"),
}
CONTRAINTES: dict[str, tuple[Fabrique, str]] = {
    "travail_demande_une_fois": (ask_work_twice, "Ce travail est déjà demandé."),
    "travail_general_demande_une_fois": (lambda: twice(lambda: Travail.objects.create(sorte="document")), "Ce travail est déjà demandé."),
    "travail_progres": (lambda: Travail(sorte="document", fait=2, total=1), "Un travail ne dépasse pas son total."),
    "organisation_siret_14": (lambda: change(OrganisationFactory(), siret="123"), "Un SIRET compte 14 chiffres."),
    "utilisateur_email_unique": (double_email, "Cette adresse a déjà un compte."),
    "utilisateur_a_organisation": (lambda: change(UtilisateurFactory(), organisation=None), "Choisissez l’organisation de cette personne."),
    "convention_annees_ordonnees": (
        lambda: change(ConventionFactory(), annee_fin=2017),
        "La dernière année du budget précède la première.",
    ),
    "convention_dates_ordonnees": (
        lambda: change(ConventionFactory(), date_debut=date(2019, 1, 1), date_fin=date(2018, 12, 31)),
        "La date de fin précède la prise d’effet.",
    ),
    "convention_cadre_sans_parent": (
        lambda: change(ConventionFactory(), parent=ConventionFactory()),
        "Une convention-cadre ne dépend pas d’une autre convention.",
    ),
    "convention_pas_elle_meme": (renew_itself, "ni se renouveler elle-même"),
    "convention_pas_elle_meme (parent)": (depend_on_itself, "Une convention ne peut dépendre d’elle-même"),
    "convention_tarif_positif": (
        lambda: change(ConventionFactory(), tarif_journalier=euros(-1)),
        "Le tarif journalier ne peut pas être négatif.",
    ),
    "conventions_convention_tarif_journalier_eur": (
        lambda: change(ConventionFactory(), tarif_journalier=DOLLARS),
        "Les montants sont en euros.",
    ),
    "convention_avenant_numerote": (
        lambda: change(ConventionFactory(), numero_avenant=1),
        "Un avenant porte un numéro et la convention qu’il modifie.",
    ),
    "convention_avenant_numerote (sans numéro)": (
        lambda: change(ConventionFactory(), avenant_de=ConventionFactory()),
        "Un avenant porte un numéro et la convention qu’il modifie.",
    ),
    "convention_avenant_unique": (open_twice, "Un autre avenant de la convention porte ce numéro."),
    "evenement_rang_unique": (tell_twice, "Deux évènements d’une convention ne portent pas le même rang."),
    "accord_un_par_organisation": (agree_twice, "Cette organisation a déjà donné son accord."),
    "document_fige_un_seul": (lambda: twice(freeze_document), "Un document de cette convention est déjà à la signature."),
    "signature_une_par_partie": (sign_document_twice, "La signature de cette partie est déjà enregistrée."),
    "partie_une_fois": (lambda: twice(PartieFactory), "Cette organisation est déjà partie à la convention."),
    "partie_nom_court_unique": (
        lambda: change(twice(PartieFactory, nom_court="CCI"), organisation=OrganisationFactory()),
        "Deux parties ne peuvent pas porter le même nom court.",
    ),
    "axe_code_unique": (double_axe, "Ce code existe déjà au même endroit."),
    "axe_racine_code_unique": (lambda: twice(AxeFactory), "Un axe de la convention porte déjà ce code."),
    "article_numero_unique": (lambda: twice(ArticleFactory), "Un article de la convention porte déjà ce numéro."),
    "montant_declare_cle_unique": (lambda: twice(MontantDeclareFactory), "Un autre montant de la convention porte cette clé."),
    "montant_declare_lieu": (lambda: change(MontantDeclareFactory(), lieu="article"), "Choisissez l’article où ce montant est écrit"),
    "montant_declare_taux": (lambda: change(MontantDeclareFactory(), taux=Decimal(101)), "Un taux est compris entre 0 et 100 %."),
    "montant_declare_positif": (lambda: change(MontantDeclareFactory(), montant=euros(-1)), "Un montant déclaré ne peut pas être négatif."),
    "conventions_montantdeclare_montant_eur": (lambda: change(MontantDeclareFactory(), montant=DOLLARS), "Les montants sont en euros."),
    "fiche_code_unique": (lambda: twice(FicheFactory), "Une fiche de la convention porte déjà ce code."),
    "fiche_dates_ordonnees": (
        lambda: change(FicheFactory(), date_debut=date(2019, 1, 1), date_fin=date(2018, 1, 1)),
        "La fin de l’action précède son début.",
    ),
    "pilote_une_fois": (
        lambda: twice(lambda: Pilote.objects.create(fiche=FicheFactory(), utilisateur=UtilisateurFactory())),
        "Cette personne pilote déjà la fiche.",
    ),
    "presence_une_fois": (sign_twice, "existe déjà"),
    "lecture_une_fois": (read_twice, "existe déjà"),
    "cible_une_par_annee": (
        lambda: twice(lambda: CibleIndicateur.objects.create(indicateur=IndicateurFactory(), annee=2018, valeur=3)),
        "Cet indicateur a déjà une cible pour cette année.",
    ),
    "produit_pret_bornes": (lambda: loan(minimum=euros(10), maximum=euros(5)), "Le maximum du prêt est inférieur à son minimum."),
    "fiches_produitpret_minimum_eur": (lambda: loan(minimum=DOLLARS), "Les montants sont en euros."),
    "fiches_produitpret_maximum_eur": (lambda: loan(maximum=DOLLARS), "Les montants sont en euros."),
    "ligne_cout_une_fois": (lambda: twice(LigneCoutFactory), "Cette nature a déjà une ligne du même libellé pour cette année."),
    "ligne_cout_montant_ou_mots": (lambda: change(LigneCoutFactory(), montant=None), "Donnez un montant, ou choisissez « sur devis »"),
    "ligne_cout_montant_ou_mots (sur devis)": (lambda: change(LigneCoutFactory(), chiffrage="sur_devis"), "laissez le montant vide"),
    "ligne_cout_jours_positifs": (lambda: change(LigneCoutFactory(), jours=Decimal(-1)), "Le nombre de jours ne peut pas être négatif."),
    "ligne_cout_tarif_positif": (
        lambda: change(LigneCoutFactory(), tarif_journalier=euros(-1)),
        "Le tarif journalier ne peut pas être négatif.",
    ),
    "ligne_cout_positif": (lambda: change(LigneCoutFactory(), montant=euros(-1)), "Un coût ne peut pas être négatif."),
    "ligne_cout_annee": (lambda: change(LigneCoutFactory(), annee=1989), "Écrivez une année entre 1990 et 2100."),
    "financement_lignecout_montant_eur": (lambda: change(LigneCoutFactory(), montant=DOLLARS), "Les montants sont en euros."),
    "financement_lignecout_tarif_journalier_eur": (
        lambda: change(LigneCoutFactory(), tarif_journalier=DOLLARS),
        "Les montants sont en euros.",
    ),
    "total_declare_un_par_annee": (lambda: twice(TotalDeclareFactory), "Un total est déjà saisi pour cette année."),
    "financement_totaldeclare_montant_eur": (lambda: change(TotalDeclareFactory(), montant=DOLLARS), "Les montants sont en euros."),
    "cofinancement_une_fois": (
        lambda: twice(CoFinancementFactory, financeur=None),
        "Ce financeur a déjà une part pour cette nature et cette année.",
    ),
    "cofinancement_dit_quelque_chose": (lambda: change(CoFinancementFactory(), taux=None), "Donnez un taux, un montant, ou une mention."),
    "cofinancement_taux": (lambda: change(CoFinancementFactory(), taux=Decimal("100.0001")), "Un taux est compris entre 0 et 100 %."),
    "cofinancement_positif": (lambda: change(CoFinancementFactory(), montant=euros(-1)), "Une part ne peut pas être négative."),
    "financement_cofinancement_montant_eur": (lambda: change(CoFinancementFactory(), montant=DOLLARS), "Les montants sont en euros."),
    "contradiction_une_fois": (
        lambda: twice(ContradictionFactory, cle="somme_lignes|fiche-1|2018||"),
        "Cette contradiction est déjà relevée.",
    ),
    "acceptation_une_en_cours": (
        lambda: twice(AcceptationFactory, cle="somme_lignes|fiche-1|2018||"),
        "Cette contradiction est déjà acceptée.",
    ),
    "acceptation_motivee": (lambda: change(AcceptationFactory(), motif=""), "Écrivez pourquoi vous l’acceptez."),
    "rappel_une_fois": (remind_twice, "Ce rappel est déjà parti."),
    "import_progres": (lambda: change(ImportBudgetFactory(), progres=101), "Un progrès va de 0 à 100."),
    "page_import_une_fois": (add_page_twice, "Cette page existe déjà."),
    "recap_declare_une_fois": (lambda: twice(RecapDeclareFactory, annee=None), "Cette cellule du récapitulatif est déjà saisie."),
    "recap_declare_fiche_ou_axe": (subtotal_and_fiche, "une fiche ou le sous-total d’un axe, pas les deux"),
    "recap_declare_montant_ou_mention": (lambda: change(RecapDeclareFactory(), montant=None), "Donnez un montant ou une mention."),
    "financement_montantrecapdeclare_montant_eur": (lambda: change(RecapDeclareFactory(), montant=DOLLARS), "Les montants sont en euros."),
    "versement_taux": (lambda: change(VersementFactory(), taux=Decimal(-1)), "Un taux est compris entre 0 et 100 %."),
    "versement_positif": (lambda: change(VersementFactory(), montant=euros(-1)), "Un versement ne peut pas être négatif."),
    "versement_deux_organisations": (pay_itself, "Le payeur et le bénéficiaire sont la même organisation."),
    "financement_versement_montant_eur": (lambda: change(VersementFactory(), montant=DOLLARS), "Les montants sont en euros."),
    "imputation_dates_ordonnees": (
        lambda: change(ImputationFactory(), valable_du=date(2019, 1, 1), valable_au=date(2018, 12, 31)),
        "La fin de validité précède le début.",
    ),
    "credit_un_par_exercice": (lambda: twice(CreditFactory), "Les crédits de cet exercice sont déjà saisis."),
    "credit_positif": (lambda: change(CreditFactory(), cp=euros(-1)), "Des crédits ne peuvent pas être négatifs."),
    "credit_positif (AE)": (lambda: change(CreditFactory(), ae=euros(-1)), "Des crédits ne peuvent pas être négatifs."),
    "credit_positif (engagé)": (lambda: change(CreditFactory(), engage=euros(-1)), "Des crédits ne peuvent pas être négatifs."),
    "financement_creditexercice_ae_eur": (lambda: change(CreditFactory(), ae=DOLLARS), "Les montants sont en euros."),
    "financement_creditexercice_cp_eur": (lambda: change(CreditFactory(), cp=DOLLARS), "Les montants sont en euros."),
    "financement_creditexercice_engage_eur": (lambda: change(CreditFactory(), engage=DOLLARS), "Les montants sont en euros."),
    "paiement_positif": (lambda: change(PaiementFactory(), montant=euros(0)), "Un paiement est d’au moins un centime."),
    "paiement_paye_date": (
        lambda: change(PaiementFactory(), etat="paye", iban="FR1420041010050500013M02606"),
        "Un paiement fait a sa date et le compte crédité.",
    ),
    "paiement_paye_date (compte)": (
        lambda: change(PaiementFactory(), etat="paye", paye_le=date(2018, 12, 1)),
        "Un paiement fait a sa date et le compte crédité.",
    ),
    "financement_paiement_montant_eur": (lambda: change(PaiementFactory(), montant=DOLLARS), "Les montants sont en euros."),
    "reversement_positif": (lambda: change(ReversementFactory(), montant=euros(0)), "Un reversement est d’au moins un centime."),
    "financement_reversement_montant_eur": (lambda: change(ReversementFactory(), montant=DOLLARS), "Les montants sont en euros."),
    "bilan_un_par_annee": (lambda: twice(BilanFactory), "Le bilan de cette année est déjà ouvert."),
    "bilan_accepte_date": (lambda: change(BilanFactory(), etat="accepte"), "Un bilan accepté a la date de son acceptation."),
    "bilan_fiche_une_fois": (lambda: twice(FicheBilanFactory), "Cette fiche est déjà dans le bilan."),
    "bilan_ligne_une_fois": (lambda: twice(LigneBilanFactory), "Cette dépense est déjà dans la fiche."),
    "bilan_ligne_positive": (lambda: change(LigneBilanFactory(), montant=euros(-1)), "Une dépense ne peut pas être négative."),
    "bilan_ligne_jours_positifs": (
        lambda: change(LigneBilanFactory(), jours=Decimal(-1)),
        "Le nombre de jours ne peut pas être négatif.",
    ),
    "financement_lignebilan_prevu_eur": (lambda: change(LigneBilanFactory(), prevu=DOLLARS), "Les montants sont en euros."),
    "financement_lignebilan_tarif_eur": (lambda: change(LigneBilanFactory(), tarif=DOLLARS), "Les montants sont en euros."),
    "financement_lignebilan_montant_eur": (lambda: change(LigneBilanFactory(), montant=DOLLARS), "Les montants sont en euros."),
    "bilan_part_une_fois": (lambda: twice(PartBilanFactory), "Ce financeur a déjà une part dans la fiche."),
    "bilan_part_une_fois (non répartie)": (
        lambda: twice(PartBilanFactory, financeur=None),
        "Ce financeur a déjà une part dans la fiche.",
    ),
    "bilan_part_positive": (lambda: change(PartBilanFactory(), montant=euros(-1)), "Une part ne peut pas être négative."),
    "financement_partbilan_prevu_eur": (lambda: change(PartBilanFactory(), prevu=DOLLARS), "Les montants sont en euros."),
    "financement_partbilan_montant_eur": (lambda: change(PartBilanFactory(), montant=DOLLARS), "Les montants sont en euros."),
    "bilan_mesure_une_fois": (lambda: twice(MesureBilanFactory), "Cet indicateur est déjà dans la fiche."),
    "bilan_participation_une_fois": (
        lambda: twice(ParticipationBilanFactory),
        "La participation de ce payeur est déjà calculée.",
    ),
    "financement_participationbilan_prevue_eur": (
        lambda: change(ParticipationBilanFactory(), prevue=DOLLARS),
        "Les montants sont en euros.",
    ),
    "financement_participationbilan_due_eur": (lambda: change(ParticipationBilanFactory(), due=DOLLARS), "Les montants sont en euros."),
    "realisation_positive": (lambda: change(RealisationFactory(), montant=euros(-1)), "Une dépense ne peut pas être négative."),
    "realisation_jours_positifs": (
        lambda: change(RealisationFactory(), jours=Decimal(-1)),
        "Le nombre de jours ne peut pas être négatif.",
    ),
    "financement_realisation_montant_eur": (lambda: change(RealisationFactory(), montant=DOLLARS), "Les montants sont en euros."),
    "observation_reponse_sans_reglement": (settle_an_answer, "C’est l’observation qui se règle, pas la réponse."),
    "bilan_accord_un": (lambda: twice(AccordBilanFactory), "Cette organisation a déjà donné son accord."),
    "iban_deux_personnes": (confirm_alone, "Une autre personne confirme le changement."),
    "iban_un_changement_a_la_fois": (lambda: twice(ChangementIbanFactory), "Un changement de ce compte attend déjà d’être confirmé."),
}


def test_every_constraint_of_the_database_stands_in_the_table() -> None:
    declarees = {c.name for app in METIER for m in apps.get_app_config(app).get_models() for c in m._meta.constraints}
    assert {nom.split(" ")[0] for nom in CONTRAINTES} == declarees


def test_every_constraint_speaks_french() -> None:
    contraintes = [c for app in METIER for m in apps.get_app_config(app).get_models() for c in m._meta.constraints]
    muettes = {c.name for c in contraintes if c.violation_error_message == c.default_violation_error_message}
    assert muettes == SANS_FORMULAIRE


@pytest.mark.parametrize("nom", CONTRAINTES)
def test_rule_is_refused_with_its_sentence(nom: str) -> None:
    fabrique, phrase = CONTRAINTES[nom]
    objet = fabrique()
    with pytest.raises(ValidationError) as refus:
        objet.validate_constraints()
    assert phrase in " ".join(refus.value.messages)


@pytest.mark.parametrize("nom", CONTRAINTES)
def test_form_refuses_what_the_rule_forbids(nom: str) -> None:
    with pytest.raises(ValidationError):
        CONTRAINTES[nom][0]().full_clean()


@pytest.mark.parametrize("nom", CONTRAINTES)
def test_database_refuses_it_when_the_form_is_bypassed(nom: str) -> None:
    objet = CONTRAINTES[nom][0]()
    with pytest.raises(IntegrityError), transaction.atomic():
        objet.save()


def test_every_table_of_the_product_keeps_its_history() -> None:
    sans = {m.__name__ for app in METIER for m in apps.get_app_config(app).get_models() if not hasattr(m, "history")}
    assert {nom for nom in sans if not nom.startswith("Historical")} == SANS_HISTORIQUE


@pytest.mark.parametrize(
    ("parts", "memes"),
    [
        ([{"financeur": None}, {"financeur": None, "annee": 2018}], True),
        ([{"annee": 2018}, {"annee": 2019}], True),
        ([{"annee": 2018}, {"annee": 2018}], False),
        ([{}, {}], False),
        ([{"financeur": None}, {"financeur": None}], False),
    ],
)
def test_share_is_said_once_for_a_financeur_a_nature_and_a_year(parts: list[dict[str, Any]], memes: bool) -> None:
    fiche, financeur = FicheFactory(), OrganisationFactory()
    CoFinancementFactory(fiche=fiche, **{"financeur": financeur} | parts[0])
    seconde = CoFinancementFactory.build(fiche=fiche, **{"financeur": financeur} | parts[1])
    try:
        seconde.full_clean()
        acceptee = True
    except ValidationError:
        acceptee = False
    assert acceptee is memes


@pytest.mark.parametrize(
    "part", [{"taux": None, "montant": euros(5)}, {"taux": None, "mention": "suivant devis"}, {"taux": Decimal(0)}, {"taux": Decimal(100)}]
)
def test_share_may_be_a_rate_an_amount_or_words(part: dict[str, Any]) -> None:
    CoFinancementFactory.build(fiche=FicheFactory(), financeur=None, **part).full_clean()


@pytest.mark.parametrize("siret", ["21210231300013", "212 102 313 00013", "212\u00a0102\u00a0313\u00a000013"])
def test_siret_is_kept_without_its_spaces(siret: str) -> None:
    organisation = change(OrganisationFactory(), siret=siret)
    organisation.full_clean()
    assert organisation.siret == "21210231300013"


@pytest.mark.parametrize("siret", ["21210231300014", "2121023130001", "2121023130001A"])
def test_siret_with_a_wrong_key_is_refused_and_quoted(siret: str) -> None:
    with pytest.raises(ValidationError) as refus:
        change(OrganisationFactory(), siret=siret).full_clean()
    assert f"« {siret} » n’est pas un SIRET" in refus.value.message_dict["siret"][0]


def test_french_iban_gives_its_bank_branch_account_and_key() -> None:
    organisation = change(OrganisationFactory(), iban="fr14 2004 1010 0505 0001 3m02 606")
    organisation.full_clean()
    assert organisation.rib == {"banque": "20041", "guichet": "01005", "compte": "0500013M026", "cle": "06"}


def test_foreign_iban_is_accepted_without_rib() -> None:
    organisation = change(OrganisationFactory(), iban="BE68 5390 0754 7034")
    organisation.full_clean()
    assert organisation.rib is None


def with_good_iban_key(compte: str) -> str:
    chiffres = int("".join(str(int(c, 36)) for c in f"{compte}FR00"))
    return f"FR{98 - chiffres % 97:02}{compte}"


@pytest.mark.parametrize("iban", ["FR1420041010050500013M02607", with_good_iban_key("20041010050500013M02607"), "FR14", "pas un IBAN"])
def test_iban_with_a_wrong_key_is_refused_in_french(iban: str) -> None:
    with pytest.raises(ValidationError) as refus:
        change(OrganisationFactory(), iban=iban).full_clean()
    assert "Cet IBAN est faux" in refus.value.message_dict["iban"][0]


def test_person_without_organisation_runs_the_platform() -> None:
    exploitant = Utilisateur.objects.create_superuser("Chef@Exemple.example", "une phrase assez longue", prenom="A", nom="B")
    assert (exploitant.email, exploitant.is_staff, exploitant.is_lecteur) == ("chef@exemple.example", True, False)


def test_person_created_without_password_cannot_sign_in() -> None:
    personne = Utilisateur.objects.create_user("a@b.example", prenom="A", nom="B", organisation=OrganisationFactory())
    assert not personne.has_usable_password()
