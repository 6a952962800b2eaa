"""Days typed in forms: read in French or as browsers send them, refused with a sentence, never a crash; forms shown again."""

from contextlib import suppress
from datetime import date
from functools import partial

import pytest
from django.core.exceptions import ValidationError
from django.http import QueryDict
from hypothesis import example, given
from hypothesis import strategies as st

from socle.saisie import Saisie, Valeurs, gather, read_jour, read_jour_ou_rien


def refuse(texte: str, nom: str = "La date") -> str:
    with pytest.raises(ValidationError) as refus:
        read_jour(texte, nom)
    (phrase,) = refus.value.messages
    return phrase


@pytest.mark.parametrize(
    ("texte", "jour"),
    [
        ("02/11/2018", date(2018, 11, 2)),
        ("2018-11-02", date(2018, 11, 2)),
        ("2/1/2018", date(2018, 1, 2)),
        ("  02/11/2018\u00a0\n", date(2018, 11, 2)),
        ("29/02/2020", date(2020, 2, 29)),
        ("01/01/1990", date(1990, 1, 1)),
        ("31/12/2100", date(2100, 12, 31)),
    ],
)
def test_day_is_read_in_french_or_as_the_browser_sends_it(texte: str, jour: date) -> None:
    assert read_jour(texte) == jour


@pytest.mark.parametrize("vide", ["", " ", "\n\t", "\u00a0"])
def test_missing_day_is_named(vide: str) -> None:
    assert refuse(vide) == "La date manque."
    assert refuse(vide, "La date de la demande") == "La date de la demande manque."


@pytest.mark.parametrize(
    "texte",
    [
        *("29/02/2019", "31/11/2018", "00/11/2018", "02/13/2018", "11/02/18", "2018/11/02", "02-11-2018", "02.11.2018"),
        *("2018-11", "2 novembre 2018", "hier", "31/12/1989", "01/01/2101", "0000-00-00", "2018-11-02T00:00", "02/11/2018 x", "\x00"),
        "20180-11-02",
    ],
)
def test_what_is_no_day_is_quoted_and_an_example_given(texte: str) -> None:
    assert refuse(texte) == f"« {texte} » n’est pas une date. Écrivez-la comme 02/11/2018."


def test_long_text_is_quoted_in_short() -> None:
    assert refuse("9" * 5000) == f"« {'9' * 40} » n’est pas une date. Écrivez-la comme 02/11/2018."


@given(st.text())
@example("٠٢/١١/٢٠١٨")
@example("\ud800")
@example("%Y-%m-%d")
@example("+018-11-02")
def test_reading_a_day_never_raises_anything_else(texte: str) -> None:
    with suppress(ValidationError):
        assert 1990 <= read_jour(texte).year <= 2100


@given(st.dates(date(1990, 1, 1), date(2100, 12, 31)), st.sampled_from(["%Y-%m-%d", "%d/%m/%Y"]), st.sampled_from(["", " ", "\u202f"]))
def test_every_day_is_read_back(jour: date, forme: str, blanc: str) -> None:
    assert read_jour(f"{blanc}{jour.strftime(forme)}{blanc}") == jour


@given(st.dates(max_value=date(1989, 12, 31)) | st.dates(min_value=date(2101, 1, 1)))
def test_day_of_another_century_is_a_slip_of_the_keyboard(jour: date) -> None:
    assert "n’est pas une date" in refuse(jour.isoformat())


@pytest.mark.parametrize(("texte", "jour"), [("", None), ("  ", None), ("02/11/2018", date(2018, 11, 2))])
def test_day_that_may_be_absent(texte: str, jour: date | None) -> None:
    assert read_jour_ou_rien(texte) == jour


def test_day_that_may_be_absent_is_refused_when_it_is_no_day() -> None:
    with pytest.raises(ValidationError, match="n’est pas une date"):
        read_jour_ou_rien("hier")


# --- Several readings, forms shown again -----------------------------------------------------------


def test_readings_give_their_values_in_order() -> None:
    assert gather(partial(read_jour, "02/11/2018"), partial(int, "3"), lambda: None) == [date(2018, 11, 2), 3, None]
    assert gather() == []


def test_every_refusal_is_raised_at_once_and_the_good_readings_lost() -> None:
    def two() -> None:
        raise ValidationError(["Un.", "Deux."])

    with pytest.raises(ValidationError) as refus:
        gather(partial(read_jour, "hier"), partial(read_jour, "02/11/2018"), two, partial(read_jour, "", "Le jour"))
    assert refus.value.messages == ["« hier » n’est pas une date. Écrivez-la comme 02/11/2018.", "Un.", "Deux.", "Le jour manque."]


def test_mistake_in_a_reading_is_not_taken_for_a_refusal() -> None:
    with pytest.raises(ZeroDivisionError):
        gather(lambda: 1 / 0)


def test_form_refused_keeps_what_was_typed_and_every_reason() -> None:
    erreur = ValidationError({"montant": ["Trop."], "jour": ["Trop tôt.", "Trop tard."]})
    saisie = Saisie.of("demander-3", QueryDict("montant=1+234&montant=5&jour="), erreur)
    assert (saisie.formulaire, saisie.erreurs) == ("demander-3", ["Trop.", "Trop tôt.", "Trop tard."])
    assert saisie.valeurs == {"montant": "5", "jour": ""}


def test_reasons_may_be_given_as_a_list() -> None:
    assert Saisie.of("x", {}, iter(["Un.", "Deux."])).erreurs == ["Un.", "Deux."]


def test_field_that_was_not_sent_is_empty() -> None:
    assert Valeurs({"a": "1"})["b"] == ""
    assert Saisie().valeurs["montant"] == ""
    assert (Saisie().formulaire, Saisie().erreurs) == ("", [])
