"""Rules about the sheets' codes, calendars and indicators: the smallest data that break each, the nearest that do not."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conventions.models import Convention
from fiches.controles.calendriers import AnneesCitees, AvantSignature, CalendrierHorsPeriode, CreationsDesFiches, DureesDesFiches
from fiches.controles.codes import CodeDeLaFeuille, CodeEnDouble, FicheCiteeSansFeuille, FicheJamaisPresentee, find_renvois
from fiches.controles.dossier import read_calendrier
from fiches.controles.indicateurs import IndicateurSansCible
from fiches.models import CibleIndicateur, FicheAction
from financement.controles.dossier import DossierFinancier
from socle.controles import Constat, Regle, apply_regles
from tests.factories import ArticleFactory, AxeFactory, ConventionFactory, FicheFactory, IndicateurFactory

pytestmark = pytest.mark.django_db


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


def with_calendar(calendrier: str, convention: dict[str, object] | None = None, **fiche: object) -> Convention:
    """A convention of 2018 – 2020 unless said, with one sheet E.A 1.1."""
    seule = FicheFactory(convention=ConventionFactory(**convention or {}), code="E.A 1.1", calendrier=calendrier, **fiche)
    return seule.convention


def tell(convention: Convention, texte: str) -> None:
    ArticleFactory(convention=convention, numero=2, texte=texte)


@pytest.fixture
def bare(db: None) -> Convention:
    """A convention with one sheet, E.A 1.1, presented in its body."""
    return FicheFactory(code="E.A 1.1", titre_court="Attirer", objet="Attirer des entreprises").convention


# --- code_double -----------------------------------------------------------------------------------------------------


def test_two_sheets_that_print_the_same_code(bare: Convention) -> None:
    premiere = bare.fiches.get()
    autre = FicheFactory(convention=bare, code="E.C 1.4", code_imprime="E.A 1.1", titre_court="Vendre")
    seul = constat(CodeEnDouble(), bare)
    assert (seul.objet, seul.constate, seul.attendu, seul.signe) == ("E.A 1.1", "E.A 1.1", None, "egal")
    assert (seul.fiche_id, seul.precision) == (premiere.pk, f"avec-{autre.pk}")
    assert seul.message == "« Attirer » et « Vendre » portent toutes deux le code E.A 1.1."
    assert [(lieu.valeur, lieu.detail) for lieu in seul.lieux] == [("E.A 1.1", ""), ("E.A 1.1", "le texte la cite sous E.C 1.4")]
    assert [(c.libelle, c.acte, c.cible) for c in seul.corrections] == [
        ("Porter E.C 1.4 sur la feuille", "code_feuille", {"fiche": autre.pk})
    ]


def test_codes_that_differ_only_by_their_writing_are_the_same(bare: Convention) -> None:
    FicheFactory(convention=bare, code="EA 1.1")
    seul = constat(CodeEnDouble(), bare)
    assert (seul.objet, seul.constate, seul.corrections) == ("E.A 1.1", "EA 1.1", ())


def test_three_sheets_of_one_code_give_two_findings(bare: Convention) -> None:
    for code in ("E.C 1.4", "E.C 1.5"):
        FicheFactory(convention=bare, code=code, code_imprime="E.A 1.1")
    assert [c.objet for c in constats(CodeEnDouble(), bare)] == ["E.A 1.1", "E.A 1.1"]


@pytest.mark.parametrize("code", ["E.A 1.10", "E.A 11", "E.A 1.1.1", "E.P 1.1", "A 1.1"])
def test_neighbouring_codes_are_different(bare: Convention, code: str) -> None:
    FicheFactory(convention=bare, code=code)
    assert constats(CodeEnDouble(), bare) == []


def test_same_code_in_another_convention_or_in_the_corbeille_is_no_double(bare: Convention) -> None:
    FicheFactory(code="E.A 1.1")
    FicheFactory(convention=bare, code="EA 1.1").discard()
    assert constats(CodeEnDouble(), bare) == []


def test_two_sheets_whose_codes_are_exchanged_are_no_double(bare: Convention) -> None:
    FicheFactory(convention=bare, code="E.A 1.2", code_imprime="E.A 1.1")
    bare.fiches.filter(code="E.A 1.1").update(code_imprime="E.A 1.2")
    assert constats(CodeEnDouble(), bare) == []
    assert [c.objet for c in constats(CodeDeLaFeuille(), bare)] == ["E.A 1.1", "E.A 1.2"]


# --- code_feuille ----------------------------------------------------------------------------------------------------


def test_sheet_that_prints_another_code() -> None:
    fiche = FicheFactory(code="E.C 1.4", code_imprime="E.C 1.2")
    seul = constat(CodeDeLaFeuille(), fiche.convention)
    assert (seul.objet, seul.constate, seul.attendu, seul.fiche_id) == ("E.C 1.4", "E.C 1.2", "E.C 1.4", fiche.pk)
    assert seul.message == "Le texte cite E.C 1.4, la feuille porte E.C 1.2."
    assert [lieu.valeur for lieu in seul.lieux] == ["E.C 1.2", "E.C 1.4"]
    assert [(c.acte, c.cible) for c in seul.corrections] == [("code_feuille", {"fiche": fiche.pk})]


@pytest.mark.parametrize("imprime", ["", "E.C 1.4", "EC 1.4", "e.c 1.4", "E.C.1.4"])
def test_sheet_that_prints_its_code_however_written(imprime: str) -> None:
    assert constats(CodeDeLaFeuille(), FicheFactory(code="E.C 1.4", code_imprime=imprime).convention) == []


# --- fiche_absente ---------------------------------------------------------------------------------------------------


def test_article_that_refers_to_no_sheet(bare: Convention) -> None:
    tell(bare, "Le détail figure à la fiche action n° E.A 9.9.")
    seul = constat(FicheCiteeSansFeuille(), bare)
    assert (seul.objet, seul.constate, seul.signe, seul.fiche_id, seul.precision) == ("article 2", "E.A 9.9", "manque", None, "EA 9.9")
    assert seul.message == "Le texte renvoie à la fiche E.A 9.9 : aucune fiche ne porte ce code."
    assert [(lieu.nom, lieu.valeur) for lieu in seul.lieux] == [("Article 2", "E.A 9.9")]


def test_article_that_refers_to_a_sheet_in_the_corbeille(bare: Convention) -> None:
    FicheFactory(convention=bare, code="E.A 9.9").discard()
    tell(bare, "Voir la fiche E.A 9.9.")
    assert constat(FicheCiteeSansFeuille(), bare).message == "Le texte renvoie à la fiche E.A 9.9 : elle est dans la corbeille."


@pytest.mark.parametrize(
    "champ", ["constat", "objectifs", "contenus", "methode", "cible", "cout_texte", "calendrier", "evaluation", "presentation"]
)
def test_every_text_of_a_sheet_is_read(bare: Convention, champ: str) -> None:
    bare.fiches.update(**{champ: "En lien avec la fiche E.A 9.9."})
    seul = constat(FicheCiteeSansFeuille(), bare)
    assert (seul.objet, seul.fiche_id) == ("E.A 1.1", bare.fiches.get().pk)


@pytest.mark.parametrize(
    "texte",
    [
        "Voir la fiche E.A 1.1.",
        "Voir la fiche-action n°EA 1.1",
        "Voir les fiches E.A 1.1 et E.A 1.1",
        "Voir la fiche E.A\u00a01.1",
        "L’action E.A 9.9 n’est pas une fiche.",
        "Une fiche par entreprise, 3 fiches en tout.",
        "Des fiches A4 recto verso seront imprimées.",
        "Une fiche PME 2018 de l’Insee.",
        "Une fiche ROME M1705.",
    ],
)
def test_text_that_refers_to_a_sheet_that_is_there_or_to_none(bare: Convention, texte: str) -> None:
    tell(bare, texte)
    assert constats(FicheCiteeSansFeuille(), bare) == []


def test_code_printed_on_a_sheet_is_a_code_that_exists(bare: Convention) -> None:
    FicheFactory(convention=bare, code="E.C 1.4", code_imprime="E.C 1.2")
    tell(bare, "Voir la fiche E.C 1.2.")
    assert constats(FicheCiteeSansFeuille(), bare) == []


def test_sheet_of_the_cadre_may_be_cited_by_a_specific_convention() -> None:
    cadre = FicheFactory(code="P 1").convention
    specifique = ConventionFactory(
        nature="specifique", parent=cadre, preambule="En application de la fiche action P 1 de la convention-cadre."
    )
    FicheFactory(convention=specifique, code="P 2")
    assert constats(FicheCiteeSansFeuille(), specifique) == []


def test_same_absent_sheet_written_two_ways_or_in_two_headings_has_one_key_each(bare: Convention) -> None:
    tell(bare, "Voir la fiche E.A 9.9 et la fiche EA 9.9.")
    bare.fiches.update(constat="Voir la fiche E.A 9.9.", contenus="Voir la fiche E.A 9.9.")
    assert {c.objet for c in constats(FicheCiteeSansFeuille(), bare)} == {"article 2", "E.A 1.1"}


@pytest.mark.parametrize(
    ("texte", "codes"),
    [
        ("fiche action n° E.A 1.2", ["E.A 1.2"]),
        ("Fiche Action N° E.A 1.2.1.", ["E.A 1.2.1"]),
        ("fiches E.A 1.1 et E.P 2.3", ["E.A 1.1", "E.P 2.3"]),
        ("fiches E.A 1.1, E.A 1.2 ou C 1", ["E.A 1.1", "E.A 1.2", "C 1"]),
        ("fiche C1, fiche C 2", ["C1", "C 2"]),
        ("fiche E.A 1.1 puis fiche E.A 1.1", ["E.A 1.1"]),
        ("FICHE ACTION E.A 1.2", ["E.A 1.2"]),
        ("action E.A 1.1", []),
        ("fiche", []),
        ("", []),
    ],
)
def test_references_found_in_a_text(texte: str, codes: list[str]) -> None:
    assert find_renvois(texte) == codes


# --- fiche_non_citee -------------------------------------------------------------------------------------------------


def test_sheet_the_body_says_nothing_of() -> None:
    fiche = FicheFactory(code="E.A 1.1")
    seul = constat(FicheJamaisPresentee(), fiche.convention)
    assert (seul.objet, seul.fiche_id, seul.signe, seul.constate) == ("E.A 1.1", fiche.pk, "manque", None)
    assert seul.message == "La fiche E.A 1.1 n’a ni objet ni présentation dans le corps du texte, et rien ne la cite."


@pytest.mark.parametrize("champ", ["objet", "presentation"])
def test_sheet_presented_in_the_body(champ: str) -> None:
    assert constats(FicheJamaisPresentee(), FicheFactory(**{champ: "Attirer des entreprises"}).convention) == []


@pytest.mark.parametrize(
    "texte",
    [
        "Voir la fiche EA 1.1.",
        "Voir les fiches E.P 9 et E.A 1.1.",
        "L’action E.A 1.1 attire.",
        "Attirer (E.A 1.1).",
        "ANNEXE : FICHE E.A 1.1",
    ],
)
def test_sheet_that_a_text_cites(texte: str) -> None:
    convention = FicheFactory(code="E.A 1.1").convention
    tell(convention, texte)
    assert constats(FicheJamaisPresentee(), convention) == []


def test_sheet_is_not_cited_by_a_longer_code() -> None:
    convention = FicheFactory(code="E.A 1.1").convention
    tell(convention, "Voir la fiche E.A 1.1.2.")
    assert constat(FicheJamaisPresentee(), convention).objet == "E.A 1.1"


# --- action_avant_signature ------------------------------------------------------------------------------------------


def test_action_done_before_the_working_draft() -> None:
    convention = with_calendar("Déjà réalisé en mars 2018 sur le SIMI.\n\n2019 – 2020.", {"date_point_etape": date(2018, 11, 2)})
    seul = constat(AvantSignature(), convention)
    assert (seul.objet, seul.constate, seul.attendu, seul.annee) == ("E.A 1.1", date(2018, 3, 31), date(2018, 11, 2), 2018)
    assert (seul.fiche_id, seul.precision) == (convention.fiches.get().pk, "mars 2018")
    assert seul.message == "« mars 2018 » finit avant le point d’étape du 02/11/2018."
    assert [lieu.valeur for lieu in seul.lieux] == ["mars 2018", "02/11/2018"]


@pytest.mark.parametrize(
    ("calendrier", "trouve"),
    [
        ("31/10/2018", True),
        ("01/11/2018", False),
        ("octobre 2018", True),
        ("novembre 2018", False),
        ("premier semestre 2018", True),
        ("2018", False),
        ("2017", True),
        ("jusqu’en 2017", False),
        ("depuis mars 2018", False),
        ("sauf mars 2018", False),
        ("chaque année", False),
        ("", False),
    ],
)
def test_action_is_before_only_when_it_ends_before_the_first_day(calendrier: str, trouve: bool) -> None:
    assert bool(constats(AvantSignature(), with_calendar(calendrier, {"date_debut": date(2018, 11, 1)}))) == trouve


@pytest.mark.parametrize(
    ("convention", "jour", "nom"),
    [
        ({"date_debut": date(2018, 4, 1), "date_signature": date(2018, 5, 1)}, date(2018, 4, 1), "la prise d’effet"),
        ({"date_signature": date(2018, 5, 1), "date_point_etape": date(2018, 6, 1)}, date(2018, 5, 1), "la signature"),
        ({"date_point_etape": date(2018, 6, 1)}, date(2018, 6, 1), "le point d’étape"),
    ],
)
def test_reference_is_the_start_else_the_signature_else_the_draft(convention: dict[str, object], jour: date, nom: str) -> None:
    seul = constat(AvantSignature(), with_calendar("mars 2018", convention))
    assert (seul.attendu, seul.message) == (jour, f"« mars 2018 » finit avant {nom} du {jour:%d/%m/%Y}.")


def test_draft_date_of_a_signed_convention_counts_no_more() -> None:
    assert constats(AvantSignature(), with_calendar("mars 2018", {"date_point_etape": date(2018, 6, 1), "etat": "signee"})) == []
    assert constats(AvantSignature(), with_calendar("mars 2018")) == []


def test_dates_of_the_sheet_are_a_calendar_too() -> None:
    convention = with_calendar("", {"date_debut": date(2018, 11, 1)}, date_debut=date(2018, 3, 1), date_fin=date(2018, 10, 31))
    assert constat(AvantSignature(), convention).constate == date(2018, 10, 31)


def test_same_month_named_twice_has_one_key() -> None:
    convention = with_calendar("Salon : mars 2018. Étude : mars 2018.", {"date_debut": date(2018, 11, 1)})
    assert constats(AvantSignature(), convention) != []  # `constats` checks that keys differ


# --- calendrier_hors_periode -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("calendrier", "annees"),
    [
        ("2018, 2019, 2020", []),
        ("2018 – 2020", []),
        ("2018 – 2021", [2021]),
        ("2017, 2018", [2017]),
        ("2016 – 2022", [2016, 2022]),
        ("du 1er décembre 2020 au 1er janvier 2021", [2021]),
        ("31/12/2020", []),
        ("jusqu’en 2020", []),
        ("à partir de 2018", []),
        ("à partir de 2021", [2021]),
        ("avant le 1er janvier 2021", []),
        ("chaque année", []),
        ("sauf en 2021", []),
        ("2000 entreprises", []),
        ("2000 visiteurs", []),
        ("", []),
    ],
)
def test_calendar_against_the_years_of_the_convention(calendrier: str, annees: list[int]) -> None:
    trouves = constats(CalendrierHorsPeriode(), with_calendar(calendrier))
    assert [(c.objet, c.annee, c.constate, c.attendu) for c in trouves] == [("E.A 1.1", a, a, "2018 – 2020") for a in annees]
    assert [c.message for c in trouves] == [f"Le calendrier cite {a}, la convention couvre 2018 – 2020." for a in annees]


def test_years_of_the_dates_win_over_those_of_the_budget() -> None:
    bornes = {"date_debut": date(2018, 11, 1), "date_fin": date(2021, 10, 31)}
    assert constats(CalendrierHorsPeriode(), with_calendar("2018 – 2021", bornes)) == []
    assert constat(CalendrierHorsPeriode(), with_calendar("2022", bornes)).attendu == "2018 – 2021"


def test_convention_of_one_year_names_it_once() -> None:
    assert constat(CalendrierHorsPeriode(), with_calendar("2019", {"annee_fin": 2018})).attendu == "2018"


def test_convention_without_end_bounds_no_calendar() -> None:
    assert constats(CalendrierHorsPeriode(), with_calendar("2030", {"annee_fin": None})) == []


def test_noted_years_stand_for_a_calendar_that_is_not_understood() -> None:
    assert constat(CalendrierHorsPeriode(), with_calendar("à définir", annees_calendrier=[2019, 2021])).annee == 2021


def test_dates_of_the_sheet_beyond_the_convention() -> None:
    assert constat(CalendrierHorsPeriode(), with_calendar("", date_debut=date(2020, 1, 1), date_fin=date(2021, 1, 1))).annee == 2021


@pytest.mark.parametrize("champ", ["date_debut", "date_fin"])
def test_one_date_of_the_sheet_is_enough(champ: str) -> None:
    assert constat(CalendrierHorsPeriode(), with_calendar("", **{champ: date(2022, 1, 1)})).annee == 2022


# --- what a calendar says ----------------------------------------------------------------------------------------------


def test_calendar_is_its_words_with_the_dates_of_the_sheet_else_its_noted_years() -> None:
    fiche = FicheAction(calendrier="second semestre 2018", annees_calendrier=[2018, 2019])
    assert read_calendrier(fiche).select_years(range(2017, 2022)) == {2018}
    fiche.date_debut, fiche.date_fin = date(2020, 1, 1), date(2021, 6, 30)
    assert read_calendrier(fiche).select_years(range(2017, 2022)) == {2018, 2020, 2021}
    assert read_calendrier(FicheAction(calendrier="à définir", annees_calendrier=[2020, 2018])).select_years(range(2017, 2022)) == {
        2018,
        2020,
    }
    assert not read_calendrier(FicheAction(calendrier="à définir")).is_comprise


# --- calendrier_annees -------------------------------------------------------------------------------------------------


def test_noted_years_the_calendar_does_not_name() -> None:
    convention = with_calendar("second semestre 2018", annees_calendrier=[2018, 2019, 2020])
    seul = constat(AnneesCitees(), convention)
    assert (seul.objet, seul.constate, seul.fiche_id) == ("E.A 1.1", "2019 et 2020", convention.fiches.get().pk)
    assert seul.message == "Les années notées comptent 2019 et 2020, que le calendrier ne nomme pas."
    assert [lieu.valeur for lieu in seul.lieux] == ["2019 et 2020", "second semestre 2018"]


@pytest.mark.parametrize(
    ("calendrier", "annees"),
    [
        ("second semestre 2018", [2018]),
        ("2018 – 2020", [2018, 2019, 2020]),
        ("2018 à 2020", [2018, 2019, 2020]),
        ("à partir de 2018", [2018, 2019, 2020]),
        ("d’ici fin 2020", [2018, 2019, 2020]),
        ("Tout au long des trois années, bilan fin 2020", [2018, 2019, 2020]),
        ("Tout au long des trois années", [2018, 2019, 2020]),
        ("2018, 2019", []),
        ("à définir", [2018]),
        ("2018 – 2020, sauf 2019", [2018, 2020]),
        ("", [2018]),
    ],
)
def test_noted_years_among_those_the_calendar_names(calendrier: str, annees: list[int]) -> None:
    assert constats(AnneesCitees(), with_calendar(calendrier, annees_calendrier=annees)) == []


# --- fiche_duree, fiche_creation -----------------------------------------------------------------------------------------

TEXTES = ["constat", "objectifs", "contenus", "methode", "cible", "cout_texte", "calendrier", "evaluation"]


@pytest.mark.parametrize("champ", TEXTES)
def test_sheet_that_tells_a_duration_and_other_dates(champ: str) -> None:
    texte = "La convention, signée pour trois ans, va du 1er novembre 2018 au 30 octobre 2020."
    convention = FicheFactory(code="E.A 1.1", **{champ: texte}).convention
    seul = constat(DureesDesFiches(), convention)
    assert (seul.objet, seul.constate, seul.attendu) == ("E.A 1.1", date(2020, 10, 30), date(2021, 10, 31))
    assert seul.fiche_id == convention.fiches.get().pk
    assert "trois ans à compter du 01/11/2018 mènent au 31/10/2021" in seul.message


@pytest.mark.parametrize(
    "texte",
    [
        "La convention, signée pour trois ans, va du 1er novembre 2018 au 31 octobre 2021.",
        "Un chargé de mission pour trois ans, 2018 – 2020.",
        "Cible : les entreprises de trois ans, de 2018 à 2019.",
        "Un suivi tous les six mois, de 2018 à 2020.",
        "Une étude de 6 à 10 mois, 2018 – 2020.",
        "Un contrat de 18 mois en 2018.",
    ],
)
def test_sheet_whose_duration_and_dates_agree_or_say_nothing_sure(texte: str) -> None:
    assert constats(DureesDesFiches(), with_calendar("", contenus=texte)) == []


def test_sheet_that_tells_a_creation_a_year_off() -> None:
    texte = "Le poste, créé en novembre 2017, est porté par la convention du 1er novembre 2018 au 31 octobre 2021."
    convention = with_calendar("", constat=texte)
    seul = constat(CreationsDesFiches(), convention)
    assert (seul.objet, seul.constate, seul.attendu) == ("E.A 1.1", "novembre 2017", "novembre 2018")
    assert seul.fiche_id == convention.fiches.get().pk
    assert seul.message == "Le texte dit « novembre 2017 », la convention commence le 01/11/2018."


@pytest.mark.parametrize(
    "texte",
    [
        "Le poste, créé en novembre 2018, est porté par la convention du 1er novembre 2018 au 31 octobre 2021.",
        "Le poste, créé en octobre 2017, est porté par la convention du 1er novembre 2018 au 31 octobre 2021.",
        "Le poste, créé en novembre 2017, est porté par la convention.",
        "Le club, créé en janvier 2010, est animé de 2018 à 2020.",
        "Un bilan en novembre 2017 a précédé la convention du 1er novembre 2018 au 31 octobre 2021.",
    ],
)
def test_sheet_whose_creation_agrees_or_is_another_story(texte: str) -> None:
    assert constats(CreationsDesFiches(), with_calendar("", constat=texte)) == []


# --- indicateur_sans_cible -----------------------------------------------------------------------------------------------


def test_indicator_without_target() -> None:
    indicateur = IndicateurFactory(fiche__code="E.A 1.1", libelle="Entreprises accueillies")
    seul = constat(IndicateurSansCible(), indicateur.fiche.convention)
    assert (seul.objet, seul.fiche_id, seul.signe, seul.precision) == (
        "E.A 1.1",
        indicateur.fiche_id,
        "manque",
        f"indicateur-{indicateur.pk}",
    )
    assert seul.message == "« Entreprises accueillies » n’a de cible pour aucune année."
    assert seul.lieux[0].detail == "Entreprises accueillies"


@pytest.mark.parametrize("valeur", [Decimal(0), Decimal(12)])
def test_indicator_with_a_target_even_zero(valeur: Decimal) -> None:
    indicateur = IndicateurFactory()
    CibleIndicateur.objects.create(indicateur=indicateur, annee=2019, valeur=valeur)
    assert constats(IndicateurSansCible(), indicateur.fiche.convention) == []


def test_each_indicator_without_target_is_told() -> None:
    fiche = IndicateurFactory().fiche
    IndicateurFactory(fiche=fiche)
    assert len(constats(IndicateurSansCible(), fiche.convention)) == 2
    fiche.discard()
    assert constats(IndicateurSansCible(), fiche.convention) == []


def test_rules_read_the_axes_and_every_sheet_without_a_query_of_their_own(bare: Convention) -> None:
    AxeFactory(convention=bare, introduction="Voir la fiche E.A 1.1.")
    regles = [CodeEnDouble(), CodeDeLaFeuille(), FicheCiteeSansFeuille(), FicheJamaisPresentee(), AvantSignature(), IndicateurSansCible()]

    def count() -> int:

        with CaptureQueriesContext(connection) as requetes:
            dossier = DossierFinancier(Convention.objects.get(pk=bare.pk))
            for regle in regles:
                list(regle.find(dossier))
        return len(requetes)

    avant = count()
    for rang in range(3):
        IndicateurFactory(fiche=FicheFactory(convention=bare, code=f"E.B {rang}"))
    assert count() <= avant + 1  # the targets, once there are indicators
