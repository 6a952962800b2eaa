"""Periods and durations in French sentences: the exact days they name, and what is refused rather than guessed."""

from datetime import date, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from socle.periodes import (
    Duree,
    Periode,
    add_mois,
    compute_debut,
    compute_fin,
    format_duree,
    read_durees,
    read_periodes,
    split_propositions,
)

ANNEES = range(2017, 2023)
jours = st.dates(date(1990, 1, 1), date(2100, 12, 31))
MORCEAUX = [
    *(
        "2018",
        "2019",
        "2020",
        "1999",
        "2100",
        "18",
        "1er",
        "31",
        "0",
        "12",
        "2 019 €",
        "2000 entreprises",
        "N+1",
        "01/11/2018",
        "31/02/2018",
    ),
    *("01/01/0001", "31/12/9999", "00/00/0000", "janvier", "février", "mai", "août", "décembre", "premier", "second", "5e", "semestre"),
    *(
        "trimestre",
        "fin",
        "début",
        "mi",
        "été",
        "du",
        "de",
        "d’",
        "au",
        "à",
        "et",
        "ou",
        "en",
        "entre",
        "le",
        "jusqu’en",
        "jusqu’au",
        "avant",
    ),
    *("à partir de", "depuis", "dès", "sauf", "hors", "pas", "chaque année", "tout au long des trois années", "ans", "mois", "un", "trois"),
    *("et demi", "environ", "-", "–", "—", "/", ",", ".", ";", "\n", "\u00a0", "\u202f", "ᵉʳ", "İ", "٢٠١٨", "½"),
]
phrases = st.lists(st.sampled_from(MORCEAUX), max_size=12).map(" ".join) | st.text(max_size=60)
legeres = settings(max_examples=60)


def read(texte: str) -> list[tuple[str, str]]:
    """First and last day of each period, « … » when open; fails when the text is not understood."""
    lecture = read_periodes(texte)
    assert lecture.motif == ""
    assert lecture.is_comprise
    return [(str(p.debut or "…"), str(p.fin or "…")) for p in lecture.periodes]


def annee(*annees: int) -> list[tuple[str, str]]:
    return [(f"{a}-01-01", f"{a}-12-31") for a in annees]


# --- years and lists of years --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texte", "annees"),
    [
        ("2018", [2018]),
        ("2018.", [2018]),
        ("(2018)", [2018]),
        ("En 2018.", [2018]),
        ("Au cours de l’année 2018.", [2018]),
        ("Toute l’année 2020", [2020]),
        ("courant 2019", [2019]),
        ("l’exercice 2018", [2018]),
        ("2018, 2019, 2020.", [2018, 2019, 2020]),
        ("2018, 2020.", [2018, 2020]),
        ("2018 et 2020", [2018, 2020]),
        ("2018, 2019 et 2020", [2018, 2019, 2020]),
        ("2018 & 2019", [2018, 2019]),
        ("2018 ; 2019", [2018, 2019]),
        ("2018;2019", [2018, 2019]),
        ("2018 2019 2020", [2018, 2019, 2020]),
        ("années 2018 et 2019", [2018, 2019]),
        ("En 2018 puis en 2019", [2018, 2019]),
        ("2018 : étude ; 2019 : travaux ; 2020 : bilan", [2018, 2019, 2020]),
        ("- 1 atelier en 2018.\n- 2 ateliers en 2019.\n- 2 ateliers en 2020.", [2018, 2019, 2020]),
        ("Poursuite de l’action en 2019 et 2020", [2019, 2020]),
    ],
)
def test_years_listed_are_read_one_by_one(texte: str, annees: list[int]) -> None:
    assert read(texte) == annee(*annees)


@pytest.mark.parametrize(
    "texte",
    [
        *("2018-2020", "2018 - 2020", "2018 – 2020", "2018–2020", "2018 — 2020", "2018—2020", "2018\u20112020", "2018\u2010 2020"),
        *("2018\u20122020", "2018\u22122020", "2018\u00a0–\u00a02020", "2018/2020", "2018 – 2019 – 2020", "2018-2019-2020", "2018 → 2020"),
        *("de 2018 à 2020", "De 2018 a 2020", "entre 2018 et 2020", "Chaque année de 2018 à 2020", "Déploiement en 2018 – 2019 – 2020"),
        *("2018 à 2020", "années 2018 à 2020", "exercices 2018 à 2020", "3 ans (2018-2020)", "de 2018 jusqu’en 2020", "2018 jusqu’à 2020"),
        "de début 2018 à décembre 2020",
    ],
)
def test_range_of_years_covers_those_between(texte: str) -> None:
    assert read(texte) == [("2018-01-01", "2020-12-31")]
    assert read_periodes(texte).select_years(ANNEES) == {2018, 2019, 2020}
    assert read_periodes(texte).periodes[0].jointe


# --- parts of years ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texte", "debut", "fin"),
    [
        ("second semestre 2018", "2018-07-01", "2018-12-31"),
        ("2ème semestre 2018", "2018-07-01", "2018-12-31"),
        ("2e semestre 2018", "2018-07-01", "2018-12-31"),
        ("2nd semestre 2018", "2018-07-01", "2018-12-31"),
        ("Deuxième semestre 2018", "2018-07-01", "2018-12-31"),
        ("dernier semestre 2018", "2018-07-01", "2018-12-31"),
        ("premier semestre 2018", "2018-01-01", "2018-06-30"),
        ("1er semestre 2019", "2019-01-01", "2019-06-30"),
        ("premier semestre de l’année 2019", "2019-01-01", "2019-06-30"),
        ("premier trimestre 2020", "2020-01-01", "2020-03-31"),
        ("deuxième trimestre 2019", "2019-04-01", "2019-06-30"),
        ("3ème trimestre 2019", "2019-07-01", "2019-09-30"),
        ("4e trimestre 2018", "2018-10-01", "2018-12-31"),
        ("dernier trimestre 2018", "2018-10-01", "2018-12-31"),
        ("début 2019", "2019-01-01", "2019-03-31"),
        ("mi-2019", "2019-05-01", "2019-08-31"),
        ("Fin 2018", "2018-10-01", "2018-12-31"),
        ("fin de l’année 2018", "2018-10-01", "2018-12-31"),
        ("printemps 2019", "2019-03-01", "2019-06-30"),
        ("l’été 2019", "2019-06-01", "2019-09-30"),
        ("automne 2019", "2019-09-01", "2019-12-31"),
        ("mai 2019", "2019-05-01", "2019-05-31"),
        ("en FÉVRIER 2020", "2020-02-01", "2020-02-29"),
        ("au mois de mars 2019", "2019-03-01", "2019-03-31"),
        ("le 2 novembre 2018", "2018-11-02", "2018-11-02"),
        ("1er novembre 2018", "2018-11-01", "2018-11-01"),
        ("le 1 novembre 2018", "2018-11-01", "2018-11-01"),
        ("1er\u00a0novembre\u00a02018", "2018-11-01", "2018-11-01"),
        ("1 er novembre 2018", "2018-11-01", "2018-11-01"),
        ("1ᵉʳ novembre 2018", "2018-11-01", "2018-11-01"),
        ("01/11/2018", "2018-11-01", "2018-11-01"),
        ("1/11/2018", "2018-11-01", "2018-11-01"),
        ("01.11.2018", "2018-11-01", "2018-11-01"),
    ],
)
def test_part_of_a_year_has_its_days(texte: str, debut: str, fin: str) -> None:
    assert read(texte) == [(debut, fin)]


@pytest.mark.parametrize(
    ("texte", "debut", "fin"),
    [
        ("du 1er janvier au 30 juin 2018", "2018-01-01", "2018-06-30"),
        ("du 15 mars au 20 avril 2018", "2018-03-15", "2018-04-20"),
        ("de janvier à juin 2018", "2018-01-01", "2018-06-30"),
        ("janvier à juin 2018", "2018-01-01", "2018-06-30"),
        ("janvier-juin 2018", "2018-01-01", "2018-06-30"),
        ("janvier – juin 2018", "2018-01-01", "2018-06-30"),
        ("de septembre 2018 à juin 2019", "2018-09-01", "2019-06-30"),
        ("septembre 2018 – juin 2019", "2018-09-01", "2019-06-30"),
        ("septembre 2018 à juin 2019", "2018-09-01", "2019-06-30"),
        ("d’octobre 2018 à mars 2019", "2018-10-01", "2019-03-31"),
        ("entre mars 2018 et juin 2019", "2018-03-01", "2019-06-30"),
        ("Entre début 2018 et fin 2020", "2018-01-01", "2020-12-31"),
        ("du 1er novembre 2018 au 31 octobre 2021", "2018-11-01", "2021-10-31"),
        ("1er novembre 2018 au 31 octobre 2021", "2018-11-01", "2021-10-31"),
        ("du 1er novembre 2018 jusqu’au 31 octobre 2021", "2018-11-01", "2021-10-31"),
        ("à compter du 1er novembre 2018 et jusqu’au 31 octobre 2021", "2018-11-01", "2021-10-31"),
        ("à partir de 2019 et jusqu’en 2020", "2019-01-01", "2020-12-31"),
        ("01/11/2018 - 31/10/2021", "2018-11-01", "2021-10-31"),
        ("du 01/11/2018 au 31/10/2021", "2018-11-01", "2021-10-31"),
        ("1er semestre 2019 au 2e semestre 2020", "2019-01-01", "2020-12-31"),
        ("premier semestre 2019 - second semestre 2020", "2019-01-01", "2020-12-31"),
        ("fin 2018 - début 2019", "2018-10-01", "2019-03-31"),
        ("de novembre 2018 à fin 2020", "2018-11-01", "2020-12-31"),
    ],
)
def test_two_moments_joined_make_one_period(texte: str, debut: str, fin: str) -> None:
    assert read(texte) == [(debut, fin)]
    assert read_periodes(texte).periodes[0].is_close


def test_several_periods_keep_their_order_and_their_words() -> None:
    lecture = read_periodes("Déjà réalisé en mars 2018 sur le SIMI.\n\n2019 – 2020.")
    assert lecture.periodes == (
        Periode(date(2018, 3, 1), date(2018, 3, 31), "mars 2018"),
        Periode(date(2019, 1, 1), date(2020, 12, 31), "2019 – 2020", jointe=True),
    )
    assert lecture.select_years(ANNEES) == {2018, 2019, 2020}


def test_two_ranges_in_one_sentence_stay_apart() -> None:
    texte = "de mars à juin 2018 et de septembre à décembre 2019"
    assert read(texte) == [("2018-03-01", "2018-06-30"), ("2019-09-01", "2019-12-31")]


@pytest.mark.parametrize(
    ("texte", "debut", "fin"),
    [
        ("fin 2018 ou début 2019", "2018-10-01", "2019-03-31"),
        ("Fin 2018/début 2019", "2018-10-01", "2019-03-31"),
        ("2018 ou 2019", "2018-01-01", "2019-12-31"),
    ],
)
def test_one_moment_or_another_is_uncertain(texte: str, debut: str, fin: str) -> None:
    assert read(texte) == [(debut, fin)]
    assert read_periodes(texte).periodes[0].incertaine


def test_years_joined_by_a_slash_or_a_dash_are_certain() -> None:
    assert not any(p.incertaine for texte in ("2018/2019", "2018 – 2019", "fin 2018 – début 2019") for p in read_periodes(texte).periodes)


# --- open ends -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texte", "fin"),
    [
        ("jusqu’en 2020", "2020-12-31"),
        ("jusqu'en 2020", "2020-12-31"),
        ("Jusqu’à fin 2020", "2020-12-31"),
        ("jusqu’à la fin 2020", "2020-12-31"),
        ("jusqu’à la fin de l’année 2020", "2020-12-31"),
        ("jusqu’au 31 décembre 2020", "2020-12-31"),
        ("jusqu’au 31/12/2020", "2020-12-31"),
        ("jusqu’à juin 2020", "2020-06-30"),
        ("jusqu’au mois de juin 2020", "2020-06-30"),
        ("jusqu’à l’été 2020", "2020-09-30"),
        ("chaque année jusqu’en 2019", "2019-12-31"),
        ("avant 2020", "2019-12-31"),
        ("avant juin 2019", "2019-05-31"),
        ("avant le 30 juin 2019", "2019-06-29"),
        ("avant fin 2019", "2019-12-31"),
        ("avant la fin 2019", "2019-12-31"),
        ("avant la fin de l’année 2019", "2019-12-31"),
        ("d’ici 2020", "2020-12-31"),
        ("d’ici à fin 2020", "2020-12-31"),
        ("d’ici la fin 2020", "2020-12-31"),
        ("au plus tard fin 2020", "2020-12-31"),
        ("au plus tard le 30 juin 2020", "2020-06-30"),
    ],
)
def test_until_a_moment_is_open_before_it(texte: str, fin: str) -> None:
    assert read(texte) == [("…", fin)]


@pytest.mark.parametrize(
    ("texte", "debut"),
    [
        ("à partir de 2019", "2019-01-01"),
        ("À partir de l’année 2019", "2019-01-01"),
        ("à partir de septembre 2019", "2019-09-01"),
        ("à partir d’avril 2019", "2019-04-01"),
        ("à partir du mois de mars 2019", "2019-03-01"),
        ("à partir du second semestre 2019", "2019-07-01"),
        ("à compter du 1er novembre 2018", "2018-11-01"),
        ("à compter de la rentrée 2019", "2019-01-01"),
        ("dès 2019", "2019-01-01"),
        ("depuis 2017", "2017-01-01"),
        ("chaque année à partir de 2019", "2019-01-01"),
        ("après 2019", "2020-01-01"),
    ],
)
def test_from_a_moment_is_open_after_it(texte: str, debut: str) -> None:
    assert read(texte) == [(debut, "…")]


def test_open_periods_cover_every_year_on_their_side() -> None:
    assert read_periodes("jusqu’en 2019").select_years(ANNEES) == {2017, 2018, 2019}
    assert read_periodes("à partir de 2020").select_years(ANNEES) == {2020, 2021, 2022}


# --- every year ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "texte",
    [
        *("chaque année", "Chaque année, en mars.", "tous les ans", "Tout au long des trois années", "tout au long de la convention"),
        *(
            "sur toute la durée de la convention",
            "pendant toute la durée de la convention",
            "sur toute la période",
            "durant les trois années",
        ),
        "du 1er janvier au 31 décembre de chaque année",
    ],
)
def test_every_year_of_the_convention(texte: str) -> None:
    assert read(texte) == []
    assert read_periodes(texte).recurrente
    assert read_periodes(texte).select_years([2018, 2020]) == {2018, 2020}


@pytest.mark.parametrize("texte", ["Chaque année en mars. Bilan en 2020.", "Tout au long des trois années, avec un bilan fin 2020"])
def test_every_year_stays_so_when_one_of_them_is_also_named(texte: str) -> None:
    assert read_periodes(texte).select_years([2018, 2019, 2020]) == {2018, 2019, 2020}


def test_every_year_with_its_bounds_is_those_years_only() -> None:
    assert read_periodes("chaque année à partir de 2019").select_years([2018, 2019, 2020]) == {2019, 2020}
    assert read_periodes("Toute la durée de la convention (2018-2019)").select_years([2018, 2019, 2020]) == {2018, 2019}


# --- not understood ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texte", "motif"),
    [
        ("", "il est vide"),
        (" \u00a0\n", "il est vide"),
        ("à définir", "il ne nomme aucune année"),
        ("de novembre à mars", "il ne nomme aucune année"),
        ("chaque année scolaire", "il ne nomme aucune année"),
        ("tout au long de l’année", "il ne nomme aucune année"),
        ("Trois ans à compter de la reconduction.", "il ne nomme aucune année"),
        ("31/02/2018", "il ne nomme aucune année"),
        ("00/13/2018", "il ne nomme aucune année"),
        ("30 février 2018", "il ne nomme aucune année"),
        ("3e semestre 2018", "il ne nomme aucune année"),
        ("en 1989", "il ne nomme aucune année"),
        ("en 2100", "il ne nomme aucune année"),
        ("sauf en 2019", "il exclut des années"),
        ("2018 à 2020, sauf 2019", "il exclut des années"),
        ("hors 2019", "il exclut des années"),
        ("hormis l’année 2019", "il exclut des années"),
        ("à l’exception de 2019", "il exclut des années"),
        ("2018 et 2020 (pas en 2019)", "il exclut des années"),
        ("ni en 2018 ni en 2019", "il exclut des années"),
        ("sauf août 2019", "il exclut des années"),
        ("pas d’action en 2019", "il exclut des années"),
        ("2018 et 2020, aucune action en 2019", "il exclut des années"),
        ("N+1", "il compte à partir d’une année sans nom"),
        ("année n – 1, puis 2019", "il compte à partir d’une année sans nom"),
        ("2018-19", "une année y est abrégée"),
        ("2018 – 19", "une année y est abrégée"),
        ("2018/19", "une année y est abrégée"),
        ("2020 – 2018", "une période y finit avant de commencer"),
        ("du 31/12/2020 au 01/01/2018", "une période y finit avant de commencer"),
        ("de fin 2019 à début 2019", "une période y finit avant de commencer"),
        ("fin 2019 à début 2019", "une période y finit avant de commencer"),
        ("du 15 novembre au 15 janvier 2019", "une période y finit avant de commencer"),
    ],
)
def test_what_is_not_sure_is_refused_with_its_reason(texte: str, motif: str) -> None:
    lecture = read_periodes(texte)
    assert lecture.motif == motif
    assert (lecture.is_comprise, lecture.periodes, lecture.recurrente) == (False, (), False)


@pytest.mark.parametrize(
    "texte",
    [
        *(
            "2000 entreprises",
            "2019 €",
            "2019€",
            "2 019 €",
            "2\u202f019\u00a0€",
            "12 019 €",
            "2019,50 €",
            "2019.50",
            "2020 euros",
            "2020 k€",
        ),
        *("2 018 contacts", "2050 m²", "2018 emplois", "2000 habitants", "2020 km", "12019", "20190", "2000 visiteurs", "2020 exemplaires"),
        *("2000 jeunes entreprises", "n° 2018-771"),
    ],
)
def test_amounts_and_counts_are_no_years(texte: str) -> None:
    assert read_periodes(texte).periodes == ()


def test_count_beside_a_year_leaves_the_year() -> None:
    assert read("2 000 entreprises en 2019, pour 2020 €") == annee(2019)


@pytest.mark.parametrize("texte", ["sauf cas particulier, en 2019", "hors convention, en 2019", "2019, mais pas avant la fin des travaux"])
def test_exclusion_that_is_not_of_a_year_excludes_nothing(texte: str) -> None:
    assert read(texte) == annee(2019)


# --- durations -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texte", "mois", "extrait"),
    [
        ("trois ans", 36, "trois ans"),
        ("3 ans", 36, "3 ans"),
        ("TROIS ANNÉES", 36, "TROIS ANNÉES"),
        ("Une durée de trois ans à compter de sa signature", 36, "trois ans"),
        ("un an", 12, "un an"),
        ("une année", 12, "une année"),
        ("36 mois", 36, "36 mois"),
        ("dix-huit mois", 18, "dix-huit mois"),
        ("vingt-quatre mois", 24, "vingt-quatre mois"),
        ("trente-six\u00a0mois", 36, "trente-six mois"),
        ("un an et demi", 18, "un an et demi"),
        ("deux ans et demi", 30, "deux ans et demi"),
        ("deux années et demie", 30, "deux années et demie"),
        ("trois ans renouvelables", 36, "trois ans"),
    ],
)
def test_firm_duration(texte: str, mois: int, extrait: str) -> None:
    assert read_durees(texte) == [Duree(mois, extrait)]


@pytest.mark.parametrize(
    ("texte", "mois"),
    [
        ("24 mois environ", 24),
        ("environ 24 mois", 24),
        ("6 à 10 mois", 10),
        ("6-10 mois", 10),
        ("6 – 10 mois", 10),
        ("six à dix mois", 10),
        ("deux ou trois ans", 36),
        ("au moins deux ans", 24),
        ("deux ans minimum", 24),
        ("deux ans maximum", 24),
        ("près de deux ans", 24),
        ("moins de 3 ans", 36),
        ("plus de dix ans", 120),
    ],
)
def test_duration_the_text_does_not_commit_to(texte: str, mois: int) -> None:
    assert [(d.mois, d.approximative) for d in read_durees(texte)] == [(mois, True)]


@pytest.mark.parametrize("texte", ["", "2018 – 2020", "plusieurs années", "anse", "trois anciens", "mois de mars", "12 moissons"])
def test_text_without_duration(texte: str) -> None:
    assert read_durees(texte) == []


@pytest.mark.parametrize(
    ("texte", "interdit"),
    [("2,5 ans", 60), ("1,5 an", 60), ("vingt et un mois", 1), ("vingt-cinq mois", 5), ("soixante-douze mois", 12), ("dix-neuf mois", 9)],
)
def test_number_is_never_read_by_its_tail(texte: str, interdit: int) -> None:
    assert interdit not in [d.mois for d in read_durees(texte) if not d.approximative]


def test_several_durations_keep_their_order() -> None:
    assert [d.mois for d in read_durees("un an, puis 6 mois, enfin deux ans")] == [12, 6, 24]


@pytest.mark.parametrize(
    ("mois", "texte"),
    [(12, "un an"), (36, "trois ans"), (18, "18 mois"), (1, "1 mois"), (240, "vingt ans"), (24, "deux ans")],
)
def test_duration_as_people_write_it(mois: int, texte: str) -> None:
    assert format_duree(mois) == texte


def test_propositions_end_at_stops_and_lines_not_inside_numbers() -> None:
    texte = "Une étude à 2.5 k€. Puis un bilan ; fin !\n\n- deux ateliers\n"
    assert split_propositions(texte) == ["Une étude à 2.5 k€.", "Puis un bilan ;", "fin !", "- deux ateliers"]


# --- arithmetic ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("debut", "mois", "fin"),
    [
        (date(2018, 11, 1), 36, date(2021, 10, 31)),
        (date(2018, 1, 1), 12, date(2018, 12, 31)),
        (date(2018, 1, 1), 36, date(2020, 12, 31)),
        (date(2018, 11, 2), 36, date(2021, 11, 1)),
        (date(2018, 9, 15), 6, date(2019, 3, 14)),
        (date(2020, 2, 29), 12, date(2021, 2, 27)),
        (date(2018, 8, 31), 6, date(2019, 2, 27)),
        (date(2019, 3, 1), 12, date(2020, 2, 29)),
        (date(2018, 12, 1), 1, date(2018, 12, 31)),
    ],
)
def test_last_day_of_a_duration(debut: date, mois: int, fin: date) -> None:
    assert compute_fin(debut, mois) == fin


def test_three_years_that_end_on_31_october_2021_start_on_1_november_2018() -> None:
    assert compute_debut(date(2021, 10, 31), 36) == date(2018, 11, 1)


@pytest.mark.parametrize(
    ("jour", "mois", "attendu"),
    [
        (date(2018, 1, 31), 1, date(2018, 2, 28)),
        (date(2020, 1, 31), 1, date(2020, 2, 29)),
        (date(2018, 12, 15), 1, date(2019, 1, 15)),
        (date(2018, 1, 15), -1, date(2017, 12, 15)),
        (date(2018, 3, 31), -1, date(2018, 2, 28)),
        (date(2018, 5, 5), 0, date(2018, 5, 5)),
    ],
)
def test_months_are_added_to_the_same_day_or_the_last_of_the_month(jour: date, mois: int, attendu: date) -> None:
    assert add_mois(jour, mois) == attendu


@legeres
@given(jours, st.integers(1, 600))
def test_start_is_found_again_from_the_end_except_at_month_ends(debut: date, mois: int) -> None:
    fin = compute_fin(debut, mois)
    assert debut <= fin + timedelta(days=1)
    retour = compute_debut(fin, mois)
    assert retour == debut if debut.day <= 28 else (retour.year, retour.month) == (debut.year, debut.month)
    assert retour <= debut


@legeres
@given(jours, st.integers(0, 300), st.integers(0, 300))
def test_longer_durations_never_end_sooner(debut: date, court: int, plus: int) -> None:
    assert compute_fin(debut, court) <= compute_fin(debut, court + plus)


@legeres
@given(jours, jours)
def test_two_days_written_in_figures_or_in_words_are_read_alike(a: date, b: date) -> None:
    debut, fin = sorted([a, b])
    en_chiffres = read_periodes(f"du {debut:%d/%m/%Y} au {fin:%d/%m/%Y}")
    assert [(p.debut, p.fin, p.jointe) for p in en_chiffres.periodes] == [(debut, fin, True)]


# --- any text ------------------------------------------------------------------------------------------------------


@legeres
@example("avant le 01/01/0001")
@example("du 01/01/9000 au 31/12/9999")
@given(phrases)
def test_any_text_is_read_without_error_and_no_period_ends_before_it_starts(texte: str) -> None:
    lecture = read_periodes(texte)
    assert all(p.debut is None or p.fin is None or p.debut <= p.fin for p in lecture.periodes)
    assert lecture.is_comprise == (lecture.motif == "")
    assert all(p.debut or p.fin for p in lecture.periodes)
    assert lecture.select_years(ANNEES) <= set(ANNEES)
    assert all(duree.mois >= 0 for duree in read_durees(texte))


@legeres
@given(phrases)
def test_words_quoted_are_those_of_the_text(texte: str) -> None:
    plat = " ".join(texte.split())
    assert all(p.extrait in plat for p in read_periodes(texte).periodes)
    assert all(d.extrait in plat for d in read_durees(texte))
