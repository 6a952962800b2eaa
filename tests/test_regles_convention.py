"""Rules about a convention's text, dates, family and parties: the smallest data that break each, the nearest that do not."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from conventions.controles.dates import AnneesDuBudget, Chronologie, CreationRacontee, DureeAnnoncee, DureesRacontees, PeriodeAnnoncee
from conventions.controles.famille import CadreCouvre, SuiteSansTrou
from conventions.controles.montants import MontantsDuTexte, TauxEtMontant
from conventions.controles.pieces import CoordonneesBancaires, DatesManquantes, DeliberationManquante, SignataireManquant, SiretManquant
from conventions.models import Convention, MontantDeclare, Partie
from financement.controles.dossier import DossierFinancier
from financement.controles.regles import PAR_IDENTIFIANT, REGLES
from socle.controles import Constat, Gravite, Regle, Rubrique, Trouvaille, apply_regles, check_liste
from tests.factories import (
    ArticleFactory,
    AxeFactory,
    ConventionFactory,
    MontantDeclareFactory,
    OrganisationFactory,
    PartieFactory,
    euros,
)

pytestmark = pytest.mark.django_db
PARTICIPATION, ACOMPTE = MontantDeclare.Objet.PARTICIPATION, MontantDeclare.Objet.ACOMPTE


def constats(regle: Regle, convention: Convention) -> list[Constat]:
    """What the rule finds in the convention as the database holds it; every finding has its own key."""
    trouvailles = apply_regles([regle], DossierFinancier(Convention.objects.get(pk=convention.pk)))
    cles = [t.cle for t in trouvailles]
    assert len(set(cles)) == len(cles)
    return [t.constat for t in trouvailles]


def constat(regle: Regle, convention: Convention) -> Constat:
    """The only finding."""
    [seul] = constats(regle, convention)
    return seul


def convention_with(**valeurs: object) -> Convention:
    """A convention without any year unless said."""
    return ConventionFactory(**{"annee_debut": None, "annee_fin": None, **valeurs})


def told(convention: Convention, texte: str) -> Convention:
    convention.preambule = texte
    convention.save()
    return convention


# --- the list of rules -----------------------------------------------------------------------------------------------


def walk(regle: type[Regle]) -> Iterator[type[Regle]]:
    for fille in regle.__subclasses__():
        if fille.__module__.partition(".")[0] in {"conventions", "fiches", "financement"}:
            yield fille
            yield from walk(fille)


def test_every_rule_with_an_identifier_is_in_the_list_exactly_once() -> None:
    declarees = [regle for regle in walk(Regle) if hasattr(regle, "identifiant")]
    assert sorted(r.identifiant for r in declarees) == sorted(r.identifiant for r in REGLES)
    assert {type(r) for r in REGLES} == set(declarees)
    assert len(PAR_IDENTIFIANT) == len(REGLES)


@pytest.mark.parametrize("regle", REGLES, ids=lambda r: r.identifiant)
def test_rule_says_what_it_is(regle: Regle) -> None:
    assert regle.identifiant.replace("_", "").isascii()
    assert regle.identifiant == regle.identifiant.lower()
    assert len(regle.identifiant) <= 40  # the journal's column
    assert regle.titre[0].isupper()
    assert not regle.titre.endswith(".")
    assert regle.pourquoi[0].isupper()
    assert regle.pourquoi.endswith(".")
    assert isinstance(regle.gravite, Gravite)
    assert isinstance(regle.rubrique, Rubrique)


def test_identifier_declared_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="duree_periode"):
        check_liste([DureeAnnoncee(), CadreCouvre(), DureeAnnoncee()])


def test_empty_convention_contradicts_itself_nowhere_it_only_lacks_its_dates() -> None:
    trouvailles = apply_regles(REGLES, DossierFinancier(convention_with()))
    assert [(t.regle.identifiant, t.constat.precision) for t in trouvailles] == [
        ("dates_manquantes", "prise d’effet"),
        ("dates_manquantes", "fin"),
    ]


def test_worst_findings_come_first() -> None:
    convention = convention_with(date_debut=date(2018, 11, 1), date_fin=date(2021, 10, 30), duree_declaree_mois=36, periode="deux ans")
    trouvailles = apply_regles([PeriodeAnnoncee(), DureeAnnoncee()], DossierFinancier(convention))
    assert [t.regle.identifiant for t in trouvailles] == ["duree_periode", "periode_annees"]


# --- findings --------------------------------------------------------------------------------------------------------


def test_gap_is_found_minus_expected_for_amounts_only() -> None:
    assert Constat("convention", "…", constate=Decimal(80), attendu=Decimal(100)).ecart == Decimal(-20)
    assert Constat("convention", "…", constate=2018, attendu=2019).ecart is None
    assert Constat("convention", "…", constate=Decimal(80)).ecart is None


def test_key_stays_and_print_changes_when_a_figure_changes() -> None:
    avant, apres = (Constat("convention", "…", constate=date(2021, 10, jour), annee=2021, precision="fin") for jour in (29, 30))
    assert Trouvaille(DureeAnnoncee(), avant).cle == Trouvaille(DureeAnnoncee(), apres).cle == "duree_periode|convention|2021||fin"
    assert avant.empreinte != apres.empreinte


# --- montants_texte --------------------------------------------------------------------------------------------------


@pytest.fixture
def texte(convention: Convention) -> Convention:
    """Articles 3 and 4, where amounts are written."""
    ArticleFactory(convention=convention, numero=3, titre="Montant de la participation")
    ArticleFactory(convention=convention, numero=4, titre="Versement")
    return convention


def write_montant(convention: Convention, article: int | None, montant: str | None, **valeurs: object) -> MontantDeclare:
    ecrit = convention.articles.get(numero=article) if article else None
    lieu = MontantDeclare.Lieu.ARTICLE if ecrit else MontantDeclare.Lieu.PREAMBULE
    valeur = euros(montant) if montant else None
    return MontantDeclareFactory(
        **{"convention": convention, "article": ecrit, "lieu": lieu, "montant": valeur, "objet": PARTICIPATION, **valeurs}
    )


def test_participation_that_changes_by_one_cent_between_two_articles(texte: Convention) -> None:
    agglo = texte.parties.all()[0].organisation
    write_montant(texte, 3, "430000.01", financeur=agglo, cle="art3")
    write_montant(texte, 4, "430000", financeur=agglo, cle="art4")
    seul = constat(MontantsDuTexte(), texte)
    assert (seul.objet, seul.constate, seul.attendu, seul.ecart) == (
        "article 3",
        Decimal("430000.01"),
        Decimal(430000),
        Decimal("0.01"),
    )
    assert (seul.financeur_id, seul.financeur, seul.annee) == (agglo.pk, "Agglo", None)
    assert seul.message == ("Participation de Agglo : l’article 3 dit 430\u202f000,01\u00a0€, l’article 4 dit 430\u202f000\u00a0€.")
    assert [lieu.nom for lieu in seul.lieux] == ["Article 3, montant de la participation", "Article 4, versement"]


def test_same_participation_everywhere_is_right(texte: Convention) -> None:
    agglo = texte.parties.all()[0].organisation
    for article in (None, 3, 4):
        write_montant(texte, article, "430000", financeur=agglo)
    assert constats(MontantsDuTexte(), texte) == []


def test_amount_under_its_own_ceiling_contradicts_nothing(texte: Convention) -> None:
    write_montant(texte, None, "400000")
    write_montant(texte, 3, "400000")
    plafond = write_montant(texte, 4, "430000", plafond=True)
    assert constats(MontantsDuTexte(), texte) == []
    plafond.montant = euros(399_999)
    plafond.save()
    assert constat(MontantsDuTexte(), texte).attendu == Decimal(400_000)


def test_amount_most_often_written_is_the_expected_one(texte: Convention) -> None:
    write_montant(texte, None, "400000")
    write_montant(texte, 3, "400000")
    dernier = write_montant(texte, 4, "430000")
    seul = constat(MontantsDuTexte(), texte)
    assert (seul.objet, seul.constate, seul.attendu) == ("article 4", Decimal(430000), Decimal(400000))
    assert [c.cible for c in seul.corrections] == [{"pk": dernier.pk, "montant": "400000.00"}]


def test_of_two_amounts_either_can_be_written_in_the_place_of_the_other(texte: Convention) -> None:
    preambule, article = write_montant(texte, None, "400000"), write_montant(texte, 3, "430000.5")
    seul = constat(MontantsDuTexte(), texte)
    assert (seul.objet, seul.attendu) == ("préambule", Decimal("430000.5"))
    assert seul.message == "Participation : le préambule dit 400\u202f000\u00a0€, l’article 3 dit 430\u202f000,50\u00a0€."
    assert [(c.libelle, c.acte, c.cible) for c in seul.corrections] == [
        ("Écrire 430\u202f000,50\u00a0€ au préambule", "montant_declare", {"pk": preambule.pk, "montant": "430000.50"}),
        ("Écrire 400\u202f000\u00a0€ à l’article 3", "montant_declare", {"pk": article.pk, "montant": "400000.00"}),
    ]


def test_three_different_amounts_give_two_findings(texte: Convention) -> None:
    for article, montant in [(None, "1"), (3, "2"), (4, "3")]:
        write_montant(texte, article, montant)
    assert [(c.objet, c.attendu) for c in constats(MontantsDuTexte(), texte)] == [("préambule", Decimal(3)), ("article 3", Decimal(3))]


def test_participations_of_two_financeurs_are_not_compared(texte: Convention) -> None:
    for rang, montant in enumerate(["430000", "107500"]):
        write_montant(texte, 3, montant, financeur=texte.parties.all()[rang].organisation)
    assert constats(MontantsDuTexte(), texte) == []


@pytest.mark.parametrize("objet", [ACOMPTE, MontantDeclare.Objet.SOLDE, MontantDeclare.Objet.AUTRE])
def test_other_amounts_than_participations_are_not_compared(texte: Convention, objet: str) -> None:
    write_montant(texte, 3, "430000")
    write_montant(texte, 4, "86000", objet=objet)
    write_montant(texte, 4, None)
    assert constats(MontantsDuTexte(), texte) == []


def test_zero_is_an_amount_unknown_is_none(texte: Convention) -> None:
    write_montant(texte, 3, "430000")
    write_montant(texte, None, None)
    assert constats(MontantsDuTexte(), texte) == []
    write_montant(texte, 4, "0.00")
    assert {c.constate for c in constats(MontantsDuTexte(), texte)} == {Decimal(430000)}


# --- acompte_taux ----------------------------------------------------------------------------------------------------


def write_acompte(convention: Convention, base: str | None, taux: str | None, montant: str | None) -> MontantDeclare:
    participation = write_montant(convention, 3, base)
    return write_montant(
        convention,
        4,
        montant,
        objet=ACOMPTE,
        libelle="Un acompte de 20 %",
        taux=None if taux is None else Decimal(taux),
        base_taux=participation,
    )


def test_share_that_does_not_give_the_amount_written(texte: Convention) -> None:
    acompte = write_acompte(texte, "400000", "20", "86000")
    seul = constat(TauxEtMontant(), texte)
    assert (seul.objet, seul.constate, seul.attendu, seul.ecart) == ("article 4", Decimal(86000), Decimal(80000), Decimal(6000))
    assert (
        seul.message == "Un acompte de 20 % : 20\u00a0% de 400\u202f000\u00a0€ font 80\u202f000\u00a0€, le texte écrit 86\u202f000\u00a0€."
    )
    assert [c.cible for c in seul.corrections] == [{"pk": acompte.pk, "montant": "80000.00"}]


@pytest.mark.parametrize(
    ("base", "taux", "montant"),
    [
        ("430000", "20", "86000"),
        ("100.01", "50", "50.01"),  # a half cent goes up
        ("90000", "33.3333", "29999.97"),
        (None, "20", "86000"),
        ("430000", None, "86000"),
        ("430000", "20", None),
    ],
)
def test_share_that_gives_the_amount_or_lacks_a_figure(texte: Convention, base: str | None, taux: str | None, montant: str | None) -> None:
    write_acompte(texte, base, taux, montant)
    assert constats(TauxEtMontant(), texte) == []


def test_one_cent_beside_the_share_is_told(texte: Convention) -> None:
    write_acompte(texte, "430000", "20", "86000.01")
    assert constat(TauxEtMontant(), texte).ecart == Decimal("0.01")


def test_a_third_written_with_two_decimals_gives_the_third(texte: Convention) -> None:
    write_acompte(texte, "90000", "33.33", "30000")
    assert constats(TauxEtMontant(), texte) == []


# --- duree_periode ---------------------------------------------------------------------------------------------------


def test_three_years_from_november_end_in_october() -> None:
    convention = convention_with(date_debut=date(2018, 11, 1), date_fin=date(2021, 10, 31), duree_declaree_mois=36)
    assert constats(DureeAnnoncee(), convention) == []


@pytest.mark.parametrize("fin", [date(2021, 10, 30), date(2021, 11, 1), date(2020, 10, 31)])
def test_three_years_from_november_that_end_another_day(fin: date) -> None:
    seul = constat(DureeAnnoncee(), convention_with(date_debut=date(2018, 11, 1), date_fin=fin, duree_declaree_mois=36))
    assert (seul.objet, seul.constate, seul.attendu) == ("convention", fin, date(2021, 10, 31))
    assert seul.message == f"Trois ans à compter du 01/11/2018 mènent au 31/10/2021, la convention finit le {fin:%d/%m/%Y}."
    assert [lieu.valeur for lieu in seul.lieux] == [f"{fin:%d/%m/%Y}", "31/10/2021"]


def test_duration_counted_from_the_end_is_proposed() -> None:
    seul = constat(DureeAnnoncee(), convention_with(date_debut=date(2018, 11, 1), date_fin=date(2020, 10, 30), duree_declaree_mois=36))
    assert seul.piste == "Comptés depuis la fin, trois ans commenceraient le 31/10/2017."


@pytest.mark.parametrize("absent", ["date_debut", "date_fin", "duree_declaree_mois"])
def test_duration_needs_its_three_figures(absent: str) -> None:
    valeurs = {"date_debut": date(2018, 11, 1), "date_fin": date(2020, 10, 30), "duree_declaree_mois": 36, absent: None}
    assert constats(DureeAnnoncee(), convention_with(**valeurs)) == []


@pytest.mark.parametrize(("fin", "mois"), [(date(2021, 10, 31), 30000), (date(9999, 12, 31), 36)])
def test_duration_or_end_beyond_the_calendar_is_told_not_a_failure(fin: date, mois: int) -> None:
    convention = convention_with(date_debut=date(2018, 11, 1), date_fin=fin, duree_declaree_mois=mois)
    assert constat(DureeAnnoncee(), convention).constate == fin


# --- periode_annees --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "periode",
    [
        *("2018 – 2020", "2018-2020", "2018 à 2020", "2018, 2019 et 2020", "jusqu’en 2020", "à partir de 2018", "trois ans", "", "2018-20"),
        *("36 mois", "du 1er novembre 2018 au 31 octobre 2020", "trois ans à compter du 22 juin 2018", "environ deux ans", "à définir"),
    ],
)
def test_period_of_the_cover_that_is_the_budgets(periode: str) -> None:
    assert constats(PeriodeAnnoncee(), ConventionFactory(periode=periode, duree_declaree_mois=36)) == []


@pytest.mark.parametrize(
    ("periode", "attendus"),
    [
        ("2018 – 2021", [("dernière", 2021, 2020)]),
        ("2017 – 2020", [("première", 2017, 2018)]),
        ("2019 – 2021", [("première", 2019, 2018), ("dernière", 2021, 2020)]),
        ("2019", [("première", 2019, 2018), ("dernière", 2019, 2020)]),
        ("depuis 2009", [("première", 2009, 2018)]),
    ],
)
def test_period_of_the_cover_that_is_not_the_budgets(periode: str, attendus: list[tuple[str, int, int]]) -> None:
    trouves = constats(PeriodeAnnoncee(), ConventionFactory(periode=periode))
    assert [(c.precision, c.constate, c.attendu) for c in trouves] == attendus
    for c, (nom, annonce, annee) in zip(trouves, attendus, strict=True):
        assert c.message == f"La période annoncée, « {periode} », a {annonce} pour {nom} année ; le budget a {annee}."


def test_period_without_budget_years_is_not_compared() -> None:
    assert constats(PeriodeAnnoncee(), convention_with(periode="2018 – 2021")) == []


def test_period_that_announces_another_duration() -> None:
    seul = constat(PeriodeAnnoncee(), convention_with(periode="deux ans à compter de la signature", duree_declaree_mois=36))
    assert (seul.objet, seul.constate, seul.attendu, seul.precision) == ("convention", "deux ans", "trois ans", "duree")
    assert seul.message == "La période annonce deux ans, la durée saisie est de trois ans."


# --- annees_dates ----------------------------------------------------------------------------------------------------


def test_years_of_the_budget_that_are_the_dates() -> None:
    assert constats(AnneesDuBudget(), ConventionFactory(date_debut=date(2018, 12, 31), date_fin=date(2020, 1, 1))) == []
    assert constats(AnneesDuBudget(), ConventionFactory()) == []
    assert constats(AnneesDuBudget(), convention_with(date_debut=date(2018, 12, 31), date_fin=date(2020, 1, 1))) == []


def test_years_of_the_budget_outside_the_dates() -> None:
    trouves = constats(AnneesDuBudget(), ConventionFactory(date_debut=date(2019, 1, 1), date_fin=date(2019, 12, 31)))
    assert [(c.objet, c.precision, c.constate, c.attendu) for c in trouves] == [
        ("convention", "première", 2018, 2019),
        ("convention", "dernière", 2020, 2019),
    ]
    assert [c.message for c in trouves] == [
        "La première année du budget est 2018, la convention a pour prise d’effet le 01/01/2019.",
        "La dernière année du budget est 2020, la convention a pour fin le 31/12/2019.",
    ]


# --- chronologie -----------------------------------------------------------------------------------------------------


def test_deliberation_the_day_after_signature() -> None:
    partie = PartieFactory(
        convention=convention_with(date_signature=date(2018, 11, 5)), denomination="Agglo d’essai", deliberation_date=date(2018, 11, 6)
    )
    seul = constat(Chronologie(), partie.convention)
    assert (seul.objet, seul.constate, seul.attendu) == ("convention", date(2018, 11, 6), date(2018, 11, 5))
    assert seul.message == "Agglo d’essai délibère le 06/11/2018, après la signature du 05/11/2018."


@pytest.mark.parametrize(
    ("signature", "deliberation"), [(date(2018, 11, 5), date(2018, 11, 5)), (None, date(2018, 11, 6)), (date(2018, 11, 5), None)]
)
def test_deliberation_before_or_on_the_day_of_signature(signature: date | None, deliberation: date | None) -> None:
    convention = convention_with(date_signature=signature)
    PartieFactory(convention=convention, deliberation_date=deliberation)
    assert constats(Chronologie(), convention) == []


def test_each_late_deliberation_is_told() -> None:
    convention = convention_with(date_signature=date(2018, 11, 5))
    parties = [PartieFactory(convention=convention, deliberation_date=date(2018, 12, 1)) for _ in range(2)]
    assert [c.precision for c in constats(Chronologie(), convention)] == [f"deliberation-{p.organisation_id}" for p in parties]


def test_signature_after_the_end() -> None:
    seul = constat(Chronologie(), convention_with(date_signature=date(2020, 11, 1), date_fin=date(2020, 10, 31)))
    assert (seul.constate, seul.attendu, seul.precision) == (date(2020, 11, 1), date(2020, 10, 31), "fin")
    assert seul.message == "La convention est signée le 01/11/2020, après sa fin, le 31/10/2020."


def test_signature_on_the_last_day_is_still_in_time() -> None:
    assert constats(Chronologie(), convention_with(date_signature=date(2020, 10, 31), date_fin=date(2020, 10, 31))) == []


# --- texte_duree -----------------------------------------------------------------------------------------------------


def test_preamble_that_tells_three_years_and_dates_of_two() -> None:
    convention = told(convention_with(), "La convention, signée pour trois ans, va du 1er novembre 2018 au 30 octobre 2020.")
    seul = constat(DureesRacontees(), convention)
    assert (seul.objet, seul.constate, seul.attendu) == ("préambule", date(2020, 10, 30), date(2021, 10, 31))
    assert seul.message == (
        "« 1er novembre 2018 au 30 octobre 2020 » ne fait pas trois ans : trois ans à compter du 01/11/2018 mènent au 31/10/2021."
    )
    assert [(lieu.valeur, lieu.detail) for lieu in seul.lieux] == [
        ("30/10/2020", "« 1er novembre 2018 au 30 octobre 2020 »"),
        ("31/10/2021", "« trois ans »"),
    ]


@pytest.mark.parametrize(
    "phrase",
    [
        "Signée pour trois ans, elle va du 1er novembre 2018 au 31 octobre 2021.",
        "Conclue pour 36 mois, du 01/11/2018 au 31/10/2021.",
        "Signée pour trois ans (2018 – 2020).",
        "Signée pour trois ans environ, du 1er novembre 2018 au 30 octobre 2020.",
        "Signée pour trois ans. Elle va du 1er novembre 2018 au 30 octobre 2020.",  # two sentences, maybe two conventions
        "Signée pour deux ans puis pour un an, du 1er novembre 2018 au 31 octobre 2021.",
        "Pour trois ans, fin 2018 ou début 2019.",
        "Pour une durée de {{ convention.duree }}, du {{ convention.date_debut }} au {{ convention.date_fin }}.",
        "Signée pour trois ans, de 2018 à 2021.",  # from any day of 2018 to one of 2021
        "Signée pour trois ans, de novembre 2018 à novembre 2021.",
        "Le comité se réunit tous les six mois, de 2018 à 2020.",
        "Un bilan tous les deux ans de 2018 à 2020.",
        "Réponse dans un délai de deux mois, du 1er janvier 2018 au 31 décembre 2020.",
        "Un contrat pour des jeunes de 18 ans, de 2018 à 2020.",
        "Pour un an, sur l’année scolaire 2018-2019.",
        "Les 10 ans de la pépinière (2008 – 2018).",
        "Pour 2,5 ans, du 1er janvier 2018 au 30 juin 2020.",
        "Pour vingt et un mois, du 1er janvier 2018 au 30 septembre 2019.",
        "Pour un an et six mois, du 1er janvier 2018 au 30 juin 2019.",
    ],
)
def test_sentence_whose_duration_and_dates_agree_or_say_nothing_sure(phrase: str) -> None:
    assert constats(DureesRacontees(), told(convention_with(), phrase)) == []


@pytest.mark.parametrize(
    "phrase",
    [
        "Signée pour quatre ans (2018 – 2020).",
        "Conclue pour 36 mois, du 01/11/2018 au 30/10/2021.",
        "D’une durée de deux ans, de novembre 2018 à octobre 2021.",
        "Elle est conclue pour une durée de trois ans à compter du 1er novembre 2018 et jusqu’au 31 octobre 2020.",
        "Conclue pour trois ans, 1er novembre 2018 au 31 octobre 2020.",
    ],
)
def test_sentence_whose_duration_and_dates_disagree(phrase: str) -> None:
    assert len(constats(DureesRacontees(), told(convention_with(), phrase))) == 1


def test_every_text_of_the_convention_is_read() -> None:
    phrase = "Signée pour quatre ans, de 2018 à 2020."
    convention = told(convention_with(objet=phrase), phrase)
    ArticleFactory(convention=convention, numero=7, texte=phrase)
    AxeFactory(convention=convention, code="E.A", introduction=phrase)
    assert [c.objet for c in constats(DureesRacontees(), convention)] == ["convention", "préambule", "article 7", "axe E.A"]


def test_two_durations_beside_the_same_dates_have_two_keys() -> None:
    convention = told(convention_with(), "Signée pour quatre ans, de 2018 à 2020.\n\nReconduite pour cinq ans, de 2018 à 2020.")
    assert constats(DureesRacontees(), convention) != []  # `constats` checks that keys differ


# --- texte_creation --------------------------------------------------------------------------------------------------


def test_creation_a_year_before_the_convention_told_beside_it() -> None:
    texte = "Le poste, créé en novembre 2017, est soutenu par une convention du 1er novembre 2018 au 31 octobre 2021."
    seul = constat(CreationRacontee(), told(convention_with(), texte))
    assert (seul.objet, seul.constate, seul.attendu) == ("préambule", "novembre 2017", "novembre 2018")
    assert seul.message == "Le texte dit « novembre 2017 », la convention commence le 01/11/2018."


def test_creation_a_year_before_the_start_of_the_former_convention() -> None:
    precedente = ConventionFactory(reference="MANAGER-2018", date_debut=date(2018, 11, 1))
    convention = told(convention_with(renouvelle=precedente), "Un poste de manager a été créé en novembre 2017.")
    seul = constat(CreationRacontee(), convention)
    assert (seul.constate, seul.attendu) == ("novembre 2017", "novembre 2018")
    assert [lieu.nom for lieu in seul.lieux] == ["Préambule", "Prise d’effet de MANAGER-2018"]


@pytest.mark.parametrize(
    "phrase",
    [
        "Un poste de manager a été créé en novembre 2018.",
        "Un poste de manager a été créé en octobre 2017.",
        "Un poste de manager existe en novembre 2017.",
        "Un poste de manager a été créé en 2017.",
        "L’association a été créée en novembre 1998.",  # twenty years before: another story, no slip of the pen
        "Une étude a été menée en novembre 2017.",
    ],
)
def test_creation_that_agrees_or_is_another_story(phrase: str) -> None:
    precedente = ConventionFactory(date_debut=date(2018, 11, 1))
    assert constats(CreationRacontee(), told(convention_with(renouvelle=precedente), phrase)) == []


def test_creation_is_not_compared_with_the_january_of_whole_years() -> None:
    texte = "La pépinière, mise en place en janvier 2017, est animée de 2018 à 2020."
    assert constats(CreationRacontee(), told(convention_with(), texte)) == []


# --- cadre_periode ---------------------------------------------------------------------------------------------------


def specifique(cadre: Convention, **valeurs: object) -> Convention:
    return convention_with(nature="specifique", parent=cadre, **valeurs)


@pytest.fixture
def cadre(db: None) -> Convention:
    return convention_with(reference="CADRE", date_debut=date(2018, 11, 1), date_fin=date(2021, 10, 31))


def test_specific_convention_of_the_very_days_of_its_cadre(cadre: Convention) -> None:
    assert constats(CadreCouvre(), specifique(cadre, date_debut=cadre.date_debut, date_fin=cadre.date_fin)) == []


def test_specific_convention_a_day_beyond_its_cadre_at_both_ends(cadre: Convention) -> None:
    trouves = constats(CadreCouvre(), specifique(cadre, date_debut=date(2018, 10, 31), date_fin=date(2021, 11, 1)))
    assert [(c.objet, c.precision, c.constate, c.attendu) for c in trouves] == [
        ("convention", "commence", date(2018, 10, 31), date(2018, 11, 1)),
        ("convention", "finit", date(2021, 11, 1), date(2021, 10, 31)),
    ]
    assert [c.message for c in trouves] == [
        "La convention commence le 31/10/2018, sa convention-cadre commence le 01/11/2018.",
        "La convention finit le 01/11/2021, sa convention-cadre finit le 31/10/2021.",
    ]
    assert [c.lieux[1].nom for c in trouves] == ["CADRE commence", "CADRE finit"]


def test_end_that_a_duration_leads_to_is_compared_too(cadre: Convention) -> None:
    assert constats(CadreCouvre(), specifique(cadre, date_debut=date(2019, 1, 1), duree_declaree_mois=34)) == []
    assert constat(CadreCouvre(), specifique(cadre, date_debut=date(2019, 1, 1), duree_declaree_mois=36)).constate == date(2021, 12, 31)


def test_years_alone_do_not_say_the_day(cadre: Convention) -> None:
    assert constats(CadreCouvre(), specifique(cadre, annee_debut=2018, annee_fin=2021)) == []


def test_years_alone_that_no_day_explains(cadre: Convention) -> None:
    trouves = constats(CadreCouvre(), specifique(cadre, annee_debut=2017, annee_fin=2022))
    assert [c.precision for c in trouves] == ["commence", "finit"]


def test_convention_without_cadre_or_without_dates_says_nothing(cadre: Convention) -> None:
    assert constats(CadreCouvre(), cadre) == []
    assert constats(CadreCouvre(), specifique(cadre)) == []
    assert constats(CadreCouvre(), specifique(convention_with(), date_debut=date(2010, 1, 1))) == []


# --- renouvellement_suite --------------------------------------------------------------------------------------------


@pytest.fixture
def precedente(db: None) -> Convention:
    return convention_with(reference="AVANT", date_debut=date(2015, 11, 1), date_fin=date(2018, 10, 31))


def test_renewal_that_starts_the_day_after(precedente: Convention) -> None:
    assert constats(SuiteSansTrou(), convention_with(renouvelle=precedente, date_debut=date(2018, 11, 1))) == []


def test_renewal_that_leaves_one_day_uncovered(precedente: Convention) -> None:
    seul = constat(SuiteSansTrou(), convention_with(renouvelle=precedente, date_debut=date(2018, 11, 2)))
    assert (seul.objet, seul.constate, seul.attendu, seul.precision) == ("convention", date(2018, 11, 2), date(2018, 11, 1), "trou")
    assert seul.message == "Du 01/11/2018 au 01/11/2018, aucune des deux conventions ne s’applique."
    assert [lieu.nom for lieu in seul.lieux] == ["Prise d’effet de cette convention", "Fin de AVANT"]


def test_renewal_that_starts_on_the_last_day_of_the_former(precedente: Convention) -> None:
    seul = constat(SuiteSansTrou(), convention_with(renouvelle=precedente, date_debut=date(2018, 10, 31)))
    assert (seul.constate, seul.attendu, seul.precision) == (date(2018, 10, 31), date(2018, 11, 1), "double")
    assert seul.message == "Du 31/10/2018 au 31/10/2018, les deux conventions s’appliquent à la fois."


@pytest.mark.parametrize("annee", [2018, 2019])
def test_year_alone_that_some_day_can_explain(precedente: Convention, annee: int) -> None:
    assert constats(SuiteSansTrou(), convention_with(renouvelle=precedente, annee_debut=annee)) == []


@pytest.mark.parametrize(("annee", "precision"), [(2017, "double"), (2020, "trou")])
def test_year_alone_that_no_day_can_explain(precedente: Convention, annee: int, precision: str) -> None:
    assert constat(SuiteSansTrou(), convention_with(renouvelle=precedente, annee_debut=annee)).precision == precision


def test_former_convention_without_term_is_no_failure() -> None:
    precedente = convention_with(date_fin=date(9999, 12, 31))
    assert constats(SuiteSansTrou(), convention_with(renouvelle=precedente, date_debut=date(2018, 11, 1))) != []


def test_renewal_without_date_or_of_nothing_says_nothing(precedente: Convention) -> None:
    assert constats(SuiteSansTrou(), precedente) == []
    assert constats(SuiteSansTrou(), convention_with(renouvelle=precedente)) == []
    assert constats(SuiteSansTrou(), convention_with(renouvelle=convention_with(), date_debut=date(2018, 11, 1))) == []


# --- dates_manquantes ------------------------------------------------------------------------------------------------


def test_dates_left_blank() -> None:
    trouves = constats(DatesManquantes(), ConventionFactory())
    assert [(c.objet, c.precision, c.signe, c.constate) for c in trouves] == [
        ("convention", "prise d’effet", "manque", None),
        ("convention", "fin", "manque", None),
    ]
    assert [c.message for c in trouves] == ["La date de prise d’effet n’est pas écrite.", "La date de fin n’est pas écrite."]


def test_dates_written() -> None:
    assert constats(DatesManquantes(), ConventionFactory(date_debut=date(2018, 1, 1), date_fin=date(2020, 12, 31))) == []


@pytest.mark.parametrize("etat", Convention.Etat.values)
def test_signed_convention_has_its_day_of_signature(etat: str) -> None:
    convention = ConventionFactory(date_debut=date(2018, 1, 1), date_fin=date(2020, 12, 31), etat=etat)
    signee = etat in {"signee", "notifiee", "executoire", "soldee", "resiliee"}
    trouves = constats(DatesManquantes(), convention)
    assert [c.precision for c in trouves] == (["signature"] if signee else [])
    if signee:
        assert trouves[0].message == f"La convention est « {convention.get_etat_display().lower()} » sans date de signature."
    convention.date_signature = date(2018, 1, 1)
    convention.save()
    assert constats(DatesManquantes(), convention) == []


# --- parties ---------------------------------------------------------------------------------------------------------


def party(
    nature: str = "epci", role: str = Partie.Role.FINANCEUR, organisation: dict[str, object] | None = None, **valeurs: object
) -> Partie:
    return PartieFactory(
        organisation=OrganisationFactory(nature=nature, **organisation or {}),
        role=role,
        denomination="Agglo d’essai",
        nom_court="Agglo",
        **valeurs,
    )


def check_party(seul: Constat, partie: Partie, message: str) -> None:
    assert (seul.objet, seul.financeur_id, seul.financeur, seul.signe) == ("convention", partie.organisation_id, "Agglo", "manque")
    assert (seul.message, [lieu.valeur for lieu in seul.lieux]) == (message, ["à compléter"])


def test_party_without_deliberation() -> None:
    partie = party()
    seul = constat(DeliberationManquante(), partie.convention)
    check_party(seul, partie, "Agglo d’essai : la date de la délibération n’est pas écrite.")


def test_deliberation_without_number() -> None:
    partie = party(deliberation_date=date(2018, 9, 27))
    seul = constat(DeliberationManquante(), partie.convention)
    check_party(seul, partie, "Agglo d’essai : la délibération du 27/09/2018 n’a pas de numéro.")


def test_deliberation_with_its_date_and_number() -> None:
    partie = party(deliberation_date=date(2018, 9, 27), deliberation_numero="DM2018_09_27_011")
    assert constats(DeliberationManquante(), partie.convention) == []


@pytest.mark.parametrize(
    ("nature", "role", "attendue"),
    [
        ("epci", "beneficiaire", True),
        ("commune", "partenaire", True),
        ("region", "beneficiaire", True),
        ("cci", "financeur", True),
        ("cci", "beneficiaire", False),
        ("association", "beneficiaire", False),
        ("etat", "partenaire", False),
        ("etat", "financeur", False),  # the préfet signs, nobody deliberates
        ("fonds_europeen", "financeur", False),
    ],
)
def test_deliberation_is_asked_of_assemblies_and_of_those_who_pay(nature: str, role: str, attendue: bool) -> None:
    assert bool(constats(DeliberationManquante(), party(nature, role).convention)) == attendue


def test_party_without_signatory() -> None:
    partie = party(qualite="Président")
    check_party(constat(SignataireManquant(), partie.convention), partie, "Agglo d’essai : personne n’est nommé pour signer.")


def test_signatory_without_quality() -> None:
    partie = party(signataire="Camille Dupont")
    seul = constat(SignataireManquant(), partie.convention)
    check_party(seul, partie, "Agglo d’essai : la qualité de Camille Dupont n’est pas écrite.")


def test_signatory_with_quality() -> None:
    assert constats(SignataireManquant(), party(signataire="Camille Dupont", qualite="Président").convention) == []


def test_party_without_siret() -> None:
    partie = party()
    seul = constat(SiretManquant(), partie.convention)
    check_party(seul, partie, "Agglo d’essai n’a pas de SIRET.")
    assert seul.lieux[0].modifier.endswith(f"/organisation/{partie.organisation_id}/change/")


def test_party_with_siret() -> None:
    assert constats(SiretManquant(), party(organisation={"siret": "24210041000011"}).convention) == []


def test_beneficiary_without_bank_account() -> None:
    partie = party("cci", Partie.Role.BENEFICIAIRE)
    seul = constat(CoordonneesBancaires(), partie.convention)
    check_party(seul, partie, "Agglo d’essai, bénéficiaire, n’a pas donné son compte bancaire.")


@pytest.mark.parametrize("role", [Partie.Role.FINANCEUR, Partie.Role.PARTENAIRE])
def test_account_is_asked_of_beneficiaries_only(role: str) -> None:
    assert constats(CoordonneesBancaires(), party(role=role).convention) == []


def test_beneficiary_with_bank_account() -> None:
    partie = party("cci", Partie.Role.BENEFICIAIRE, {"iban": "FR7630006000011234567890189"})
    assert constats(CoordonneesBancaires(), partie.convention) == []


@pytest.mark.parametrize("regle", [DeliberationManquante(), SignataireManquant(), SiretManquant()], ids=lambda r: r.identifiant)
def test_each_party_is_looked_at(regle: Regle, convention: Convention) -> None:
    PartieFactory(convention=convention, ordre=30)
    attendu = 2 if regle.identifiant == "deliberation_manquante" else 3  # a CCI that is paid deliberates nothing
    assert len(constats(regle, convention)) == attendu
