"""Euros: exact division, one rounding, one box to type in, one currency in the database, one way to write them."""

from decimal import Decimal

import pytest
from django import forms
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.forms import modelform_factory
from djmoney.money import Money
from hypothesis import given
from hypothesis import strategies as st

from financement.models import LigneCout, TotalDeclare
from socle.montants import CENT, EuroField, EuroFormField, round_cents, split_total
from socle.typographie import FINE, INSECABLE, MOINS, format_euros, format_jours, format_montant, format_nombre, format_taux
from tests.factories import FicheFactory, TotalDeclareFactory, euros

totaux = st.integers(-(10**12), 10**12).map(lambda n: Decimal(n) / 100)
poids = st.lists(st.decimals(0, 10**6, places=4), min_size=1, max_size=12).filter(any)
FormulaireTotal = modelform_factory(TotalDeclare, fields=["annee", "montant"])


@given(totaux, poids)
def test_parts_sum_exactly_to_the_total(total: Decimal, poids: list[Decimal]) -> None:
    assert sum(split_total(total, poids)) == total


@given(totaux, poids)
def test_each_part_is_within_a_cent_of_its_exact_share(total: Decimal, poids: list[Decimal]) -> None:
    somme = sum(poids)
    for part, p in zip(split_total(total, poids), poids, strict=True):
        assert abs(part * somme - total * p) < CENT * somme


@given(totaux, poids)
def test_zero_weight_receives_nothing(total: Decimal, poids: list[Decimal]) -> None:
    assert split_total(total, [*poids, Decimal(0)])[-1] == 0


@given(totaux, poids)
def test_negative_total_is_split_like_its_opposite(total: Decimal, poids: list[Decimal]) -> None:
    assert split_total(-total, poids) == [-part for part in split_total(total, poids)]


def test_cents_left_go_to_the_largest_remainders_then_to_the_first() -> None:
    assert split_total(Decimal("0.05"), [Decimal(1)] * 3) == [Decimal("0.02"), Decimal("0.02"), Decimal("0.01")]
    assert split_total(Decimal("100.01"), [Decimal(20), Decimal(80)]) == [Decimal("20.00"), Decimal("80.01")]


def test_shares_given_as_thirds_still_sum_to_the_total() -> None:
    assert split_total(Decimal(1000), [Decimal("33.3333")] * 3) == [Decimal("333.34"), Decimal("333.33"), Decimal("333.33")]


@pytest.mark.parametrize("poids", [[], [Decimal(0)], [Decimal(0), Decimal(0)], [Decimal(2), Decimal(-1)]])
def test_split_without_positive_weight_is_an_error(poids: list[Decimal]) -> None:
    with pytest.raises(ValueError, match="weights must be positive"):
        split_total(Decimal(10), poids)


@pytest.mark.parametrize(
    ("brut", "arrondi"),
    [("0.005", "0.01"), ("0.015", "0.02"), ("0.025", "0.03"), ("2.675", "2.68"), ("0.0049", "0.00"), ("-0.005", "-0.01"), ("7", "7.00")],
)
def test_half_a_cent_is_rounded_up(brut: str, arrondi: str) -> None:
    assert str(round_cents(Decimal(brut))) == arrondi


# --- typing ----------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("saisie", ["1 234,50 €", "1\u202f234,50\u00a0€", "1234.5", "1.234,50", "1’234.50"])
def test_form_saves_the_usual_writings_of_an_amount(saisie: str) -> None:
    formulaire = FormulaireTotal({"annee": 2019, "montant": saisie}, instance=TotalDeclare(fiche=FicheFactory()))
    assert formulaire.is_valid(), formulaire.errors
    formulaire.save()
    assert TotalDeclare.objects.get().montant == euros("1234.50")


@pytest.mark.parametrize("saisie", ["1.234", "1e5", "sur devis", "1234,567", "9" * 15, "9" * 40, "NaN"])
def test_form_refuses_what_is_no_amount_with_a_sentence(saisie: str) -> None:
    with pytest.raises(ValidationError) as refus:
        EuroFormField().clean(saisie)
    assert refus.value.messages[0].endswith(".")


@given(st.text(max_size=60))
def test_form_field_survives_any_text(saisie: str) -> None:
    try:
        montant = EuroFormField(required=False).clean(saisie)
    except ValidationError:
        return
    assert montant is None or montant.currency.code == "EUR"


@pytest.mark.django_db
def test_form_refuses_a_negative_cost() -> None:
    formulaire = modelform_factory(LigneCout, fields=["montant"])({"montant": "−5"})
    assert formulaire.errors["montant"] == ["Le montant ne peut pas être inférieur à 0 €."]


def test_amount_left_empty_is_unknown() -> None:
    assert EuroFormField(required=False).clean("") is None


def test_amount_is_typed_in_one_box_with_its_label() -> None:
    champ = FormulaireTotal()["montant"]
    html = str(champ)
    assert html.count("<input") == 1
    assert "<select" not in html
    assert 'type="text"' in html
    assert f'id="{champ.id_for_label}"' in html
    assert f'<label for="{champ.id_for_label}">Total imprimé' in champ.label_tag()


def test_form_of_all_fields_asks_for_no_currency() -> None:
    assert not [nom for nom in modelform_factory(LigneCout, fields="__all__").base_fields if nom.endswith("_currency")]


def test_amount_is_shown_as_it_may_be_typed_again() -> None:
    champ = FormulaireTotal(instance=TotalDeclare(annee=2019, montant=euros("-1234.50")))["montant"]
    assert f'value="{MOINS}1{FINE}234,50"' in str(champ)
    assert EuroFormField().clean(f"{MOINS}1{FINE}234,50") == euros("-1234.50")


def test_text_that_was_refused_is_shown_again_as_typed() -> None:
    assert 'value="1.234"' in str(FormulaireTotal({"annee": 2019, "montant": "1.234"})["montant"])


def test_same_amount_written_otherwise_is_no_change() -> None:
    champ = EuroFormField()
    assert not champ.has_changed(euros("1234.50"), "1 234,5 €")
    assert champ.has_changed(euros("1234.50"), "1 234,51")
    assert champ.has_changed(euros("1234.50"), "illisible")


# --- database --------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_database_refuses_another_currency() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        TotalDeclareFactory(montant=Money(5, "USD"))
    assert not TotalDeclare.objects.exists()


@pytest.mark.django_db
def test_model_refuses_another_currency_in_french() -> None:
    with pytest.raises(ValidationError, match="Les montants sont en euros"):
        TotalDeclare(fiche=FicheFactory(), annee=2019, montant=Money(5, "USD")).validate_constraints()


def test_every_amount_of_every_model_is_kept_in_euros() -> None:
    champs = [
        (modele, champ.name)
        for modele in apps.get_models()
        if not modele.__name__.startswith("Historical")
        for champ in modele._meta.get_fields()
        if isinstance(champ, EuroField)
    ]
    sans_contrainte = [
        f"{modele.__name__}.{champ}"
        for modele, champ in champs
        if not any(c.name.endswith(f"_{champ}_eur") for c in modele._meta.constraints)
    ]
    assert champs
    assert sans_contrainte == []


@pytest.mark.django_db
def test_amount_comes_back_from_the_database_to_the_cent() -> None:
    total = TotalDeclareFactory(montant=euros("999999999999.99"))
    assert TotalDeclare.objects.get(pk=total.pk).montant == euros("999999999999.99")


def test_model_form_field_is_the_euro_field() -> None:
    assert isinstance(FormulaireTotal.base_fields["montant"], EuroFormField)
    assert isinstance(FormulaireTotal.base_fields["montant"], forms.Field)


# --- writing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("montant", "texte"),
    [
        (euros("1193250"), f"1{FINE}193{FINE}250{INSECABLE}€"),
        (euros("1234.5"), f"1{FINE}234,50{INSECABLE}€"),
        (Decimal("-1234.00"), f"{MOINS}1{FINE}234{INSECABLE}€"),
        (euros(0), f"0{INSECABLE}€"),
        (None, ""),
    ],
)
def test_euros_are_written_in_french(montant: Money | Decimal | None, texte: str) -> None:
    assert format_euros(montant) == texte


def test_cents_are_shown_or_hidden_on_demand() -> None:
    assert format_montant(euros(7), centimes=True) == "7,00"
    assert format_montant(euros("6.60"), centimes=False) == "7"


@pytest.mark.parametrize(("brut", "texte"), [("2.50", "3"), ("3.50", "4"), ("-2.50", f"{MOINS}3")])
def test_amount_shown_without_cents_is_rounded_half_up(brut: str, texte: str) -> None:
    assert format_montant(Decimal(brut), centimes=False) == texte


@pytest.mark.parametrize(("brut", "texte"), [("62.25", "62,3"), ("62.35", "62,4"), ("62.24", "62,2")])
def test_share_shown_with_one_decimal_is_rounded_half_up(brut: str, texte: str) -> None:
    assert format_taux(Decimal(brut), 1) == f"{texte}{INSECABLE}%"


def test_number_rounded_to_nothing_has_no_minus() -> None:
    assert format_nombre(Decimal("-0.04"), 1) == "0,0"


@pytest.mark.parametrize(
    ("jours", "texte"), [("16.50", "16,5"), ("27.00", "27"), ("100", "100"), ("0", "0"), ("1250.25", f"1{FINE}250,25")]
)
def test_days_keep_the_decimals_they_need(jours: str, texte: str) -> None:
    assert format_jours(Decimal(jours)) == f"{texte}{INSECABLE}j"


@pytest.mark.parametrize(("taux", "texte"), [("80.0000", "80"), ("33.3333", "33,3333"), ("12.5", "12,5"), ("100", "100")])
def test_rate_keeps_the_decimals_it_needs(taux: str, texte: str) -> None:
    assert format_taux(Decimal(taux)) == f"{texte}{INSECABLE}%"
