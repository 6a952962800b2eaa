"""Numbers typed by people are read exactly or refused."""

import re
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from socle.nombres import NombreIllisible, parse_jours, parse_montant, parse_nombre, parse_taux

ESPACES = ["\u0020", "\u00a0", "\u202f", "\u2009", "\u2007"]
EUROS = ["", "€", " €", "\u00a0€", "\u202f€", " EUR", " euros", " euro"]
SIGNES = ["", "+", "-", "−", "- ", "−\u00a0"]
LECTEURS = [parse_nombre, parse_montant, parse_jours, parse_taux]

# Group separator and decimal mark, as French, Swiss, German and English sheets write them.
ECRITURES = [*((groupe, marque) for groupe in [*ESPACES, "'", "’", ""] for marque in ",."), (".", ","), (",", ".")]


def write(valeur: Decimal, decimales: int, ecriture: tuple[str, str], signe: str = "") -> str:
    groupe, marque = ecriture
    return signe + f"{valeur:,.{decimales}f}".replace(",", "G").replace(".", marque).replace("G", groupe)


def sign(valeur: Decimal, signe: str) -> Decimal:
    return -valeur if signe[:1] in {"-", "−"} else valeur


def read_or_none(lire: object, texte: str) -> Decimal | None:
    try:
        return lire(texte)
    except NombreIllisible:
        return None


centimes = st.integers(0, 10**14).map(lambda n: Decimal(n) / 100)


@given(centimes, st.sampled_from(ECRITURES), st.sampled_from(SIGNES), st.sampled_from(EUROS))
def test_amount_with_two_decimals_is_read_exactly(valeur: Decimal, ecriture: tuple[str, str], signe: str, euro: str) -> None:
    assert parse_montant(write(valeur, 2, ecriture, signe) + euro) == sign(valeur, signe)


@given(
    st.integers(0, 10**12),
    st.sampled_from([e for e in ECRITURES if e[0] not in {",", "."}]),
    st.sampled_from(SIGNES),
    st.sampled_from(EUROS),
)
def test_whole_amount_is_read_exactly(valeur: int, ecriture: tuple[str, str], signe: str, euro: str) -> None:
    assert parse_montant(write(Decimal(valeur), 0, ecriture, signe) + euro) == sign(Decimal(valeur), signe)


@given(st.integers(0, 10**15), st.integers(0, 5), st.sampled_from(ECRITURES), st.sampled_from(SIGNES), st.sampled_from(LECTEURS))
def test_no_writing_gives_another_value(entier: int, decimales: int, ecriture: tuple[str, str], signe: str, lire: object) -> None:
    valeur = Decimal(entier).scaleb(-decimales)
    assume(lire is not parse_taux or valeur < 1000)  # a rate never reaches a thousand: « 1.000 » is one percent
    assert read_or_none(lire, write(valeur, decimales, ecriture, signe)) in {None, sign(valeur, signe)}


@given(st.integers(0, 10**10).map(lambda n: Decimal(n).scaleb(-4)), st.sampled_from(["", "%", " %", "\u00a0%", "\u202f%"]))
def test_rate_with_four_decimals_is_read_exactly(taux: Decimal, suffixe: str) -> None:
    assert parse_taux(write(taux, 4, ("", ",")) + suffixe) == taux


@given(st.integers(0, 10**6).map(lambda n: Decimal(n) / 2), st.sampled_from(["", "j", " j", "\u00a0j", " jours", " jour", " J"]))
def test_half_days_are_read_exactly(jours: Decimal, suffixe: str) -> None:
    assert parse_jours(write(jours, 1, ("", ",")) + suffixe) == jours


@given(
    st.one_of(
        st.text(max_size=30),
        st.text(alphabet="0123456789.,'’ \u00a0\u202f€%+-−eEjxINaF_", max_size=40),
        st.text(alphabet="0123456789", min_size=20, max_size=60),
    ),
    st.sampled_from(LECTEURS),
)
def test_any_text_is_a_number_with_all_its_figures_or_is_refused(texte: str, lire: object) -> None:
    lu = read_or_none(lire, texte)
    if lu is not None:
        chiffres = int("".join(c for c in texte if c in "0123456789"))
        assert any(abs(lu).scaleb(n) == chiffres for n in range(5))


@pytest.mark.parametrize("lire", LECTEURS)
def test_number_longer_than_any_amount_is_refused(lire: object) -> None:
    with pytest.raises(NombreIllisible):
        lire("1" * 40)


@pytest.mark.parametrize(
    ("texte", "grand", "petit"),
    [
        ("1.234", "1234", "1,23"),
        ("1,234", "1234", "1,23"),
        ("15.400 €", "15400", "15,40"),
        ("390.370 €", "390370", "390,37"),
        ("-7,850", "7850", "7,85"),
    ],
)
def test_ambiguous_amount_is_refused_with_both_readings(texte: str, grand: str, petit: str) -> None:
    with pytest.raises(NombreIllisible, match=rf"deux façons.*Écrivez {grand} ou {petit}\b"):
        parse_montant(texte)


@pytest.mark.parametrize("texte", ["1.234", "1,234", "12.345", "33,333"])
def test_readings_offered_for_an_ambiguous_amount_are_accepted(texte: str) -> None:
    with pytest.raises(NombreIllisible) as refus:
        parse_montant(texte)
    for proposition in re.search(r"Écrivez (\S+) ou (\S+)\.$", str(refus.value)).groups():
        assert parse_montant(proposition) > 0


@pytest.mark.parametrize("texte", ["12.345 %", "12,345", "12,3450"])
def test_rate_with_three_decimals_is_no_thousand(texte: str) -> None:
    assert parse_taux(texte) == Decimal("12.345")


@pytest.mark.parametrize("texte", ["1.234.567", "1,234,567", "1 234 567", "1’234’567", "1'234'567"])
def test_several_groups_leave_no_doubt(texte: str) -> None:
    assert parse_montant(texte) == 1_234_567


@pytest.mark.parametrize("texte", ["0,123", "1234,567", "1 234,567", "0,005"])
def test_third_decimal_of_an_amount_is_refused_rather_than_rounded(texte: str) -> None:
    with pytest.raises(NombreIllisible, match="plus de 2 décimales"):
        parse_montant(texte)


@pytest.mark.parametrize("texte", ["0 123", "0.123,45", "00’123", "0,123,456", "000 001"])
def test_group_led_by_a_zero_is_refused(texte: str) -> None:
    with pytest.raises(NombreIllisible):
        parse_montant(texte)


@pytest.mark.parametrize(
    "texte",
    ["12 34", "1  234", "1 2345", "1234 567", "1,23,456", "1.23,45", "1'234 567", "1 234'567", "1,2.3,4", "1,234.567.890", ",5", "5,", "."],
)
def test_badly_grouped_figures_are_refused(texte: str) -> None:
    with pytest.raises(NombreIllisible):
        parse_montant(texte)


@pytest.mark.parametrize(
    "texte",
    [
        "1e5",
        "1E5",
        "Infinity",
        "-inf",
        "NaN",
        "sNaN",
        "0x10",
        "1_000",
        "١٢٣٤",
        "1.١٢٣",
        "12²",
        "¹²",
        "１２",
        "Ⅻ",
        "½",
        "1٫5",
        "(12)",
        "--5",
        "5-",
        "+-5",
        "1 234 $",
        "12 kg",
        "sur devis",
        "=1+1",
    ],
)
@pytest.mark.parametrize("lire", LECTEURS)
def test_what_is_no_plain_number_is_refused(lire: object, texte: str) -> None:
    with pytest.raises(NombreIllisible):
        lire(texte)


@pytest.mark.parametrize("texte", ["", "   ", "\u00a0", "€", " € ", "-", "−"])
def test_nothing_is_not_zero(texte: str) -> None:
    with pytest.raises(NombreIllisible):
        parse_montant(texte)


def test_minus_zero_is_zero() -> None:
    assert str(parse_montant("-0,00")) == "0.00"


def test_refusal_quotes_what_was_typed() -> None:
    with pytest.raises(NombreIllisible, match="« douze » n’est pas un nombre"):
        parse_montant(" douze ")
