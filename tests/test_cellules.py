"""Cells of the cost grid: every writing is read exactly, asked about, or refused; and written back as itself."""

import re
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from financement.cellules import Cellule, CelluleIllisible, explain_cellule, format_cellule, parse_cellule
from socle.montants import round_cents

TARIF = Decimal(600)
INSECABLE, FINE = "\u00a0", "\u202f"


def read(texte: str, tarif: Decimal | None = TARIF, en_jours: bool = False) -> Cellule | None:
    return parse_cellule(texte, tarif, en_jours)


def refuse(texte: str, tarif: Decimal | None = TARIF, en_jours: bool = False) -> CelluleIllisible:
    with pytest.raises(CelluleIllisible) as refus:
        parse_cellule(texte, tarif, en_jours)
    return refus.value


def spell(texte: str) -> str:
    """With plain spaces, to be read by people who write tests."""
    return texte.replace(INSECABLE, " ").replace(FINE, " ")


def amount(euros: str, mention: str = "") -> Cellule:
    return Cellule("chiffre", Decimal(euros), mention=mention)


def days(jours: str, tarif: str, montant: str, mention: str = "") -> Cellule:
    return Cellule("chiffre", Decimal(montant), Decimal(jours), Decimal(tarif), mention)


# --- accepted --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "texte",
    [
        "1234,5",
        "1234,50",
        "1234.5",
        "1 234,50",
        "1 234,50 €",
        "1.234,50",
        "1,234.50",
        "1'234,50",
        "1 234,5 euros",
        " 1234,5\n",
        "1 234,50€",
    ],
)
def test_amount_is_read_however_it_is_written(texte: str) -> None:
    assert read(texte) == amount("1234.50")


@pytest.mark.parametrize("espace", [INSECABLE, FINE, "\u2009", "\t"])
def test_spaces_of_keyboards_and_spreadsheets_read_the_same(espace: str) -> None:
    assert read(f"9900{espace}€{espace}(16,5{espace}j)") == Cellule("chiffre", Decimal(9900), Decimal("16.5"))
    assert read(f"27{espace}j{espace}×{espace}600") == days("27", "600", "16200")


@pytest.mark.parametrize("texte", [f"1{FINE}234,50{INSECABLE}€", f"1{INSECABLE}234,50"])
def test_thousands_apart_by_a_no_break_space(texte: str) -> None:
    assert read(texte) == amount("1234.50")


@pytest.mark.parametrize("texte", ["", "  ", INSECABLE, "/", " / ", "-", "–", "—"])
def test_nothing_is_no_cost(texte: str) -> None:
    assert read(texte) is None


@pytest.mark.parametrize("texte", ["0", "0 €", "0,00"])
@pytest.mark.parametrize("en_jours", [False, True])
def test_zero_is_a_cost_of_zero(texte: str, en_jours: bool) -> None:
    assert read(texte, en_jours=en_jours) == amount("0")


@pytest.mark.parametrize("texte", ["27 j", "27j", "27 J", "27 jours", "27 j.", "27,00 j", f"27{INSECABLE}j"])
def test_days_are_valued_at_the_rate_of_the_convention(texte: str) -> None:
    assert read(texte) == days("27", "600", "16200")


@pytest.mark.parametrize("texte", ["1 jour", "1 j"])
def test_one_day_is_a_day(texte: str) -> None:
    assert read(texte) == days("1", "600", "600")


@pytest.mark.parametrize("texte", ["27 j × 550", "27 j x 550", "27 j X 550 €", "27 j*550", "27 × 550", "27jours×550,00 €"])
@pytest.mark.parametrize("tarif", [TARIF, None])
def test_days_at_their_own_rate(texte: str, tarif: Decimal | None) -> None:
    assert read(texte, tarif) == days("27", "550", "14850")


def test_half_days_are_rounded_to_the_cent() -> None:
    assert read("0,33 j × 0,55") == days("0.33", "0.55", "0.18")


def test_amount_declared_beside_days_is_kept() -> None:
    assert read("9 900 € (16,5 j)") == Cellule("chiffre", Decimal(9900), Decimal("16.5"))
    assert read("10 000 € (16,5 j × 600)") == days("16.5", "600", "10000")


@pytest.mark.parametrize(
    ("texte", "chiffrage"),
    [
        ("sur devis", "sur_devis"),
        ("Sur Devis", "sur_devis"),
        (f"sur{INSECABLE}devis", "sur_devis"),
        ("devis", "sur_devis"),
        ("à déterminer", "inconnu"),
        ("À DÉTERMINER", "inconnu"),
        ("à préciser", "inconnu"),
        ("?", "inconnu"),
    ],
)
def test_words_stand_for_an_unknown_amount(texte: str, chiffrage: str) -> None:
    assert read(texte) == Cellule(chiffrage)


def test_unknown_amount_may_say_its_days() -> None:
    assert read("sur devis (16,5 j)") == Cellule("sur_devis", jours=Decimal("16.5"))


@pytest.mark.parametrize(
    ("texte", "cellule"),
    [
        ("3 400 (suivant événement)", amount("3400", "suivant événement")),
        ("27 j (au forfait)", days("27", "600", "16200", "au forfait")),
        ("27 j × 550 (au forfait)", days("27", "550", "14850", "au forfait")),
        ("9 900 € (16,5 j) (au forfait)", Cellule("chiffre", Decimal(9900), Decimal("16.5"), mention="au forfait")),
        ("9 900 € (au forfait) (16,5 j)", Cellule("chiffre", Decimal(9900), Decimal("16.5"), mention="au forfait")),
        ("sur devis (suivant événement)", Cellule("sur_devis", mention="suivant événement")),
        ("100 (un) (deux)", amount("100", "un ; deux")),
        ("100 (salon (hall 2))", amount("100", "salon (hall 2)")),
        ("100 ()", amount("100")),
    ],
)
def test_words_in_brackets_are_kept(texte: str, cellule: Cellule) -> None:
    assert read(texte) == cellule


# --- asked about -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texte", "choix"),
    [
        ("1.234", ["1 234", "1,23"]),
        ("1,234", ["1 234", "1,23"]),
        ("1.234 €", ["1 234 €", "1,23 €"]),
        ("12.345 j", ["12 345 j", "12,34 j"]),
    ],
)
def test_number_that_reads_two_ways_is_asked_about(texte: str, choix: list[str]) -> None:
    assert [spell(c) for c in refuse(texte).choix] == choix


@pytest.mark.parametrize("texte", ["27", "0,5", "399,99"])
def test_bare_number_of_a_nature_always_in_days_is_asked_about(texte: str) -> None:
    refus = refuse(texte, en_jours=True)
    assert [spell(c) for c in refus.choix] == [f"{texte} j", f"{texte} €"]
    assert "des jours ou des euros" in str(refus)


def test_bare_number_asked_about_keeps_its_words() -> None:
    assert [spell(c) for c in refuse("27 (au forfait)", en_jours=True).choix] == ["27 j (au forfait)", "27 € (au forfait)"]


def test_answers_to_days_or_euros_are_read() -> None:
    jours, euros = refuse("27", en_jours=True).choix
    assert read(jours, en_jours=True) == days("27", "600", "16200")
    assert read(euros, en_jours=True) == amount("27")


@pytest.mark.parametrize("texte", ["27 €", "27 euros", "27 EUR", "400", "27 j", "27 j × 600", "9 900"])
def test_writing_that_says_its_unit_or_is_large_is_not_asked_about(texte: str) -> None:
    assert read(texte, en_jours=True) == read(texte)


@pytest.mark.parametrize(
    ("texte", "attendues"),
    [
        ("1.234 (au forfait)", [amount("1234", "au forfait"), amount("1.23", "au forfait")]),
        ("1.234 € (2 j)", [Cellule("chiffre", Decimal(1234), Decimal(2)), Cellule("chiffre", Decimal("1.23"), Decimal(2))]),
        ("1.234 j × 10", [days("1234", "10", "12340"), days("1.23", "10", "12.30")]),
        ("2 j × 1.234", [days("2", "1234", "2468"), days("2", "1.23", "2.46")]),
        ("21.234,50 € (1.234 j)", [Cellule("chiffre", Decimal("21234.50"), Decimal(n)) for n in ("1234", "1.23")]),
        ("10 € (1.234 j)", [Cellule("chiffre", Decimal(10), Decimal(1234)), Cellule("chiffre", Decimal(10), Decimal("1.23"))]),
    ],
)
def test_readings_to_choose_from_keep_the_rest_of_the_cell(texte: str, attendues: list[Cellule]) -> None:
    assert [read(choix) for choix in refuse(texte).choix] == attendues


# --- refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texte", "raison"),
    [
        ("-5", "Un coût ne peut pas être négatif."),
        ("−1 234,50 €", "Un coût ne peut pas être négatif."),
        ("-2 j", "Le nombre de jours ne peut pas être négatif."),
        ("2 j × -600", "Un coût ne peut pas être négatif."),
        ("environ 200", "n’est pas un nombre"),
        ("12 abc", "n’est pas un nombre"),
        ("(100)", "n’est pas un nombre"),
        ("12,3456", "plus de 2 décimales"),
        ("2 x 3 x 4", "n’est pas un nombre"),
        ("27 j ×", "Écrivez un montant"),
        ("× 600", "Écrivez un nombre"),
        ("j", "Écrivez un nombre"),
        ("€", "Écrivez un montant"),
        ("1000000000000", "Ce montant est trop grand."),
        ("9999999999999999", "trop grand"),
        ("1000000 j", "Ce nombre de jours est trop grand."),
        ("999999 j × 999999999", "Ce montant est trop grand."),
        ("1 € (1 j × 1000000000000)", "Ce montant est trop grand."),
        ("sur devis (3 j × 600)", "à la fois un montant et « sur devis »"),
    ],
)
def test_what_is_no_cost_is_refused_with_its_reason(texte: str, raison: str) -> None:
    refus = refuse(texte)
    assert raison in str(refus)
    assert not refus.choix


def test_days_without_known_rate_are_refused_with_the_way_to_write_them() -> None:
    assert str(refuse("16,5 j", tarif=None)) == "Le prix du jour n’est pas connu. Écrivez-le : 16,5 j × 600."


def test_words_in_brackets_have_a_length() -> None:
    assert read(f"100 ({'m' * 160})") == amount("100", "m" * 160)
    assert "160 caractères" in str(refuse(f"100 ({'m' * 161})"))


@given(st.text(max_size=30), st.sampled_from([None, TARIF]), st.booleans())
def test_any_text_is_read_or_refused_and_never_negative(texte: str, tarif: Decimal | None, en_jours: bool) -> None:
    with suppress(CelluleIllisible):
        cellule = parse_cellule(texte, tarif, en_jours)
        assert cellule is None or min(cellule.montant or 0, cellule.jours or 0, cellule.tarif or 0) >= 0


# --- written back ----------------------------------------------------------------------------------

centimes = st.one_of(st.integers(0, 50_000), st.integers(0, 10**11)).map(lambda n: Decimal(n) / 100)
jours = st.integers(0, 30_000).map(lambda n: Decimal(n) / 100)
tarifs = st.integers(1, 200_000).map(lambda n: Decimal(n) / 100)
JOURS = re.compile(r"[0-9].*(?:jours?|j)\.?(?:[\s]*[x×*]|$)", re.IGNORECASE)
mots = (
    st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="()", include_characters=" "), max_size=40)
    .map(lambda t: " ".join(t.split()))
    .filter(lambda t: not JOURS.match(t))
)


@st.composite
def cellules(draw: st.DrawFn) -> Cellule:
    mention = draw(st.just("") | mots)
    forme = draw(st.sampled_from(["montant", "jours", "ecart", "calcul", "mots"]))
    if forme == "mots":
        return Cellule(draw(st.sampled_from(["sur_devis", "inconnu"])), None, draw(st.none() | jours), None, mention)
    if forme == "montant":
        return Cellule("chiffre", draw(centimes), None, None, mention)
    nombre, tarif = draw(jours), draw(st.just(TARIF) | tarifs)
    if forme == "jours":
        return Cellule("chiffre", draw(centimes), nombre, None, mention)
    montant = round_cents(nombre * tarif) if forme == "calcul" else draw(centimes)
    return Cellule("chiffre", montant, nombre, tarif, mention)


@given(cellules(), st.none() | st.just(TARIF) | tarifs, st.booleans())
def test_cell_written_back_is_read_as_the_same(cellule: Cellule, tarif: Decimal | None, en_jours: bool) -> None:
    assert parse_cellule(format_cellule(cellule, tarif, en_jours), tarif, en_jours) == cellule


@given(cellules(), st.booleans())
def test_spaces_changed_by_a_browser_do_not_change_the_cell(cellule: Cellule, en_jours: bool) -> None:
    texte = spell(format_cellule(cellule, TARIF, en_jours))
    assert parse_cellule(texte, TARIF, en_jours) == cellule


def test_no_cost_is_written_as_nothing() -> None:
    assert format_cellule(None, TARIF) == ""


@pytest.mark.parametrize(
    ("cellule", "texte"),
    [
        (amount("1234.5"), "1 234,50"),
        (amount("16200"), "16 200"),
        (days("27", "600", "16200"), "27 j"),
        (days("27", "550", "14850"), "27 j × 550"),
        (days("16.5", "600", "10000"), "10 000 € (16,5 j × 600)"),
        (Cellule("chiffre", Decimal(9900), Decimal("16.50")), "9 900 € (16,5 j)"),
        (Cellule("sur_devis", mention="suivant événement"), "sur devis (suivant événement)"),
        (Cellule("inconnu"), "à déterminer"),
    ],
)
def test_cell_is_written_shortest_first(cellule: Cellule, texte: str) -> None:
    assert spell(format_cellule(cellule, TARIF)) == texte


@pytest.mark.parametrize(
    ("cellule", "texte"),
    [
        (None, "pas de dépense"),
        (Cellule("sur_devis"), "sur devis"),
        (amount("1234.5"), "1 234,50 €"),
        (days("27", "600", "16200"), "27 j × 600 € = 16 200 €"),
        (days("16.5", "600", "10000"), "10 000 € écrits, mais 16,5 j × 600 € = 9 900 €"),
        (Cellule("chiffre", Decimal(9900), Decimal("16.5")), "9 900 € pour 16,5 j"),
    ],
)
def test_what_was_understood_is_said_in_words(cellule: Cellule | None, texte: str) -> None:
    assert spell(explain_cellule(cellule)) == texte
