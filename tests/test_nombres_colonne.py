"""A column tells how its numbers are written: « 1.234 » is read when its neighbours prove the decimal mark, never wrongly."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socle.nombres import NombreIllisible, find_decimale, parse_jours, parse_montant, parse_nombre
from tests.test_nombres import ECRITURES, ESPACES, SIGNES, read_or_none, sign, write

Nombre = tuple[Decimal, int]  # a value and the decimals it is written with
MOTS = [
    "",
    " ",
    "sur devis",
    "à déterminer",
    "n° 12",
    "30/06/2019",
    "2019-2020",
    "E.A 1.1",
    "12.05.2019",
    "1.2.3",
    "/",
    "12 ateliers, 3 jours",
    "=A1",
]
SUFFIXES = ["", " €", "\u00a0€", " EUR"]

nombres = st.integers(0, 2).flatmap(
    lambda places: st.tuples(
        st.one_of(st.integers(0, 10**4), st.integers(10**5, 10**7), st.integers(0, 10**12)).map(lambda n: Decimal(n).scaleb(-places)),
        st.just(places),
    )
)


def read(texte: str, colonne: list[str]) -> Decimal | None:
    return read_or_none(lambda t: parse_montant(t, decimale=find_decimale(colonne)), texte)


@given(st.lists(nombres, min_size=1, max_size=8), st.sampled_from(ECRITURES), st.sampled_from(SUFFIXES), st.sampled_from(SIGNES))
def test_column_of_one_writing_gives_its_values_or_nothing(
    valeurs: list[Nombre], ecriture: tuple[str, str], suffixe: str, signe: str
) -> None:
    colonne = [write(valeur, places, ecriture, signe) + suffixe for valeur, places in valeurs]
    for texte, (valeur, _) in zip(colonne, valeurs, strict=True):
        assert read(texte, colonne) in {None, sign(valeur, signe)}


@given(st.lists(nombres, max_size=8), st.sampled_from(ECRITURES), st.integers(0, 10**10), st.integers(1, 2), st.data())
def test_column_with_one_decimal_is_read_whole(
    valeurs: list[Nombre], ecriture: tuple[str, str], temoin: int, places: int, data: st.DataObject
) -> None:
    valeurs = data.draw(st.permutations([*valeurs, (Decimal(temoin).scaleb(-places), places)]))
    colonne = [write(valeur, places, ecriture) for valeur, places in valeurs]
    assert find_decimale(colonne) == ecriture[1]
    assert [read(texte, colonne) for texte in colonne] == [valeur for valeur, _ in valeurs]


@given(st.lists(st.tuples(nombres, st.sampled_from(ECRITURES), st.sampled_from(SUFFIXES), st.sampled_from(SIGNES)), min_size=1, max_size=8))
def test_column_of_mixed_writings_never_gives_another_value(lignes: list[tuple[Nombre, tuple[str, str], str, str]]) -> None:
    colonne = [write(valeur, places, ecriture, signe) + suffixe for (valeur, places), ecriture, suffixe, signe in lignes]
    for texte, ((valeur, _), _, _, signe) in zip(colonne, lignes, strict=True):
        assert read(texte, colonne) in {None, sign(valeur, signe)}


@given(st.lists(nombres, min_size=1, max_size=5), st.lists(st.sampled_from(MOTS), max_size=4), st.sampled_from(ECRITURES))
def test_words_dates_and_codes_among_the_numbers_never_change_a_value(
    valeurs: list[Nombre], mots: list[str], ecriture: tuple[str, str]
) -> None:
    colonne = [write(valeur, places, ecriture) for valeur, places in valeurs]
    for texte, (valeur, _) in zip(colonne, valeurs, strict=True):
        assert read(texte, [*mots, *colonne]) in {None, valeur}


@given(nombres, st.sampled_from(ECRITURES), st.sampled_from([None, ".", ","]))
def test_known_mark_only_decides_what_was_refused(nombre: Nombre, ecriture: tuple[str, str], decimale: str | None) -> None:
    texte = write(nombre[0], nombre[1], ecriture)
    seul = read_or_none(parse_montant, texte)
    assert read_or_none(lambda t: parse_montant(t, decimale=decimale), texte) == seul or seul is None


@given(st.integers(0, 10**6).map(lambda n: Decimal(n) / 2), st.sampled_from(ECRITURES), st.sampled_from([" j", "j", " jours", ""]))
def test_days_follow_the_mark_of_their_column(jours: Decimal, ecriture: tuple[str, str], suffixe: str) -> None:
    colonne = [write(jours, 1, ecriture) + suffixe, write(Decimal(1500), 0, ecriture) + suffixe]
    assert [parse_jours(texte, decimale=find_decimale(colonne)) for texte in colonne] == [jours, 1500]


@pytest.mark.parametrize(
    ("colonne", "marque"),
    [
        ([], None),
        (["1.234"], None),
        (["1,234", "5,678"], None),
        (["1.234", "5,678"], None),
        (["12 345", "2019", "sur devis"], None),
        (["12,5"], ","),
        (["12.5"], "."),
        (["1.234,50"], ","),
        (["1,234.50"], "."),
        (["1.234.567"], ","),
        (["1,234,567"], "."),
        (["0,123"], ","),
        (["0.123"], "."),
        (["1234,567"], ","),
        (["1.234", "12,5 €"], ","),
        (["12,5", "12.5"], None),
        (["1,234.50", "1.234,50"], None),
        *((["1" + espace + "234,5"], ",") for espace in ESPACES),
        (["1’234.50"], "."),
        (["1'234,50"], ","),
    ],
)
def test_mark_is_proved_by_what_cannot_group_thousands(colonne: list[str], marque: str | None) -> None:
    assert find_decimale(colonne) == marque


@pytest.mark.parametrize("texte", ["12.05.2019", "le 12.05.2019", "1.2.3", "192.168.0.1", "12,5 13,5", "1,2,3", "1.23,456.7", "1.5,3"])
def test_what_is_no_number_proves_nothing(texte: str) -> None:
    assert find_decimale([texte]) is None


@pytest.mark.parametrize("lire", [parse_montant, parse_nombre, parse_jours])
@pytest.mark.parametrize(
    ("texte", "decimale", "valeur"),
    [
        ("1.234", ",", 1234),
        ("1,234", ".", 1234),
        ("390.370", ",", 390_370),
        ("-7,850", ".", -7850),
        ("12,5", ".", "12.5"),
        ("12.5", ",", "12.5"),
    ],
)
def test_known_mark_lifts_the_doubt(lire: Callable[..., Decimal], texte: str, decimale: str, valeur: str | int) -> None:
    assert lire(texte, decimale=decimale) == Decimal(valeur)


@pytest.mark.parametrize(("texte", "decimale"), [("1.234", "."), ("1,234", ","), ("1,230", ","), ("1,000", ",")])
def test_three_decimals_of_an_amount_are_refused_rather_than_taken_for_thousands(texte: str, decimale: str) -> None:
    with pytest.raises(NombreIllisible, match="plus de 2 décimales"):
        parse_montant(texte, decimale=decimale)


def test_amount_of_a_column_that_contradicts_itself_is_still_refused_with_both_readings() -> None:
    with pytest.raises(NombreIllisible, match="deux façons"):
        parse_montant("1.234", decimale=find_decimale(["12,5", "12.5", "1.234"]))
