"""Figures counted while a fiche is typed: the same as once saved, to the cent, and nothing written."""

import re
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention
from fiches.models import FicheAction
from fiches.saisie import Valeurs
from financement.edition import Figures, compute_figures, serialize
from financement.models import NatureDepense
from financement.recapitulatif import TOTAL, Cellule
from financement.syntheses import compute_ligne, read_by_fiche
from financement.tableaux import build_couts
from financement.templatetags.financement import cellule as render_cellule
from tests.ecritures import read, spell, write
from tests.factories import FicheFactory, NatureFactory, euros

pytestmark = pytest.mark.django_db

ANNEES = [2018, 2019, 2020]
sans_portee_de_test = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def fiche(convention: Convention) -> FicheAction:
    return FicheFactory(convention=convention)


@pytest.fixture
def cci(convention: Convention) -> Organisation:
    return convention.parties.all()[1].organisation


@pytest.fixture
def etudes() -> NatureDepense:
    return NatureFactory(nom="Études")


@pytest.fixture
def salons() -> NatureDepense:
    return NatureFactory(nom="Salons")


def cost(nature: NatureDepense, montant: str, annee: int = 2018, libelle: str = "") -> Valeurs:
    return {f"cout.{annee}.{nature.pk}.{libelle}": montant}


def share(
    financeur: Organisation | None, taux: str = "", montant: str = "", nature: NatureDepense | None = None, annee: int = 0
) -> Valeurs:
    cle = f"part.{financeur.pk if financeur else 0}.{nature.pk if nature else 0}.{annee}"
    return {champ: valeur for champ, valeur in ((f"{cle}.taux", taux), (f"{cle}.montant", montant)) if valeur}


def plain(place: str) -> str:
    """A place as it is read on the screen: without tags nor the words for screen readers."""
    html = re.sub(r'<span class="visually-hidden">.*?</span>', "", str(place))
    return spell(re.sub(r"<[^>]+>", "", html))


def to_decimal(place: str) -> Decimal:
    """The figure of a place; nothing planned counts for zero."""
    texte = plain(place).replace(" ", "").replace(",", ".").replace("−", "-")
    return Decimal(texte) if texte not in {"", "/"} else Decimal(0)


def balance(fiche: FicheAction, valeurs: Valeurs) -> list[str]:
    return [spell(phrase) for phrase in compute_figures(fiche, valeurs).soldes]


# --- as once saved ---------------------------------------------------------------------------------

textes = st.sampled_from(["", "0", "0,01", "100", "1 234,57", "3 j", "2,5 j × 333,33", "9 900 € (16,5 j)", "sur devis", "à déterminer"])
places_couts = st.tuples(st.sampled_from([2018, 2019, 2021]), st.integers(0, 1), st.sampled_from(["", "A"]))
grilles = st.dictionaries(places_couts, textes, max_size=7)
taux = st.sampled_from(["0", "12,5", "33,3333", "50", "80", "100"])
montants = st.sampled_from(["0", "0,01", "99,99", "1 000", "20 000"])
places_parts = st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from([0, 2018, 2019]))
partages = st.dictionaries(places_parts, st.tuples(st.none() | taux, st.none() | montants), max_size=5)


def lay(
    grille: dict[tuple[int, int, str], str],
    partage: dict[tuple[int, int, int], tuple[str | None, str | None]],
    natures: list[NatureDepense],
    financeurs: list[Organisation],
) -> Valeurs:
    """Places of a drawn grid as the fields of a fiche."""
    pks_natures, pks_financeurs = [0, *(n.pk for n in natures)], [0, *(f.pk for f in financeurs)]
    valeurs = {f"cout.{annee}.{natures[rang].pk}.{libelle}": texte for (annee, rang, libelle), texte in grille.items()}
    for (financeur, nature, annee), (taux, montant) in partage.items():
        cle = f"part.{pks_financeurs[financeur]}.{pks_natures[nature]}.{annee}"
        valeurs |= {f"{cle}.{nom}": valeur for nom, valeur in (("taux", taux), ("montant", montant)) if valeur is not None}
    return valeurs


@sans_portee_de_test
@given(grille=grilles)
def test_totals_of_what_is_typed_are_those_of_what_is_saved(
    agent: Utilisateur, convention: Convention, etudes: NatureDepense, salons: NatureDepense, grille: dict[tuple[int, int, str], str]
) -> None:
    fiche = FicheFactory(convention=convention)
    valeurs = lay(grille, {}, [etudes, salons], [])
    figures = compute_figures(fiche, valeurs)
    write(agent, fiche, valeurs)
    tableau = build_couts(read_by_fiche([fiche.pk])[0][fiche.pk], convention.annees)
    attendues = {f"ligne:{li.cle}": render_cellule(li.ensemble) for li in tableau.lignes}
    attendues |= {f"annee:{annee}": render_cellule(tableau.total.par_annee.get(annee)) for annee in tableau.annees}
    attendues["ensemble"] = render_cellule(tableau.total.ensemble)
    assert {place: plain(figures.places[place]) for place in attendues} == {place: plain(html) for place, html in attendues.items()}
    assert {place for place in figures.places if place.startswith("ligne:")} == {place for place in attendues if place.startswith("ligne:")}


@sans_portee_de_test
@given(grille=grilles, partage=partages)
def test_parts_of_what_is_typed_are_those_of_what_is_saved(
    agent: Utilisateur,
    convention: Convention,
    etudes: NatureDepense,
    salons: NatureDepense,
    grille: dict[tuple[int, int, str], str],
    partage: dict[tuple[int, int, int], tuple[str | None, str | None]],
) -> None:
    fiche = FicheFactory(convention=convention)
    valeurs = lay(grille, partage, [etudes, salons], [p.organisation for p in convention.parties.all()])
    figures = compute_figures(fiche, valeurs)
    write(agent, fiche, valeurs)
    couts, parts = read_by_fiche([fiche.pk])
    ligne = compute_ligne(fiche, couts[fiche.pk], parts[fiche.pk])
    comptes = sum_by_financeur(figures, parts_of(valeurs))
    for annee in {*ANNEES, *(c.annee for c in couts[fiche.pk])}:
        for financeur in {None, *(p.financeur_id for p in parts[fiche.pk])}:
            assert comptes[annee, financeur] == (ligne.get(annee, financeur).montant or 0)


@sans_portee_de_test
@given(grille=grilles, partage=partages)
def test_parts_and_what_is_left_make_the_total_of_each_year(
    convention: Convention,
    etudes: NatureDepense,
    salons: NatureDepense,
    grille: dict[tuple[int, int, str], str],
    partage: dict[tuple[int, int, int], tuple[str | None, str | None]],
) -> None:
    fiche = FicheFactory(convention=convention)
    valeurs = lay(grille, partage, [etudes, salons], [p.organisation for p in convention.parties.all()])
    places = compute_figures(fiche, valeurs).places
    for colonne in [*ANNEES, "ensemble"]:
        parts = sum((to_decimal(places[f"{cle}:{colonne}"]) for cle in parts_of(valeurs)), Decimal(0))
        assert parts + to_decimal(places[f"reste:{colonne}"]) == to_decimal(places[f"reparti:{colonne}"])


def parts_of(valeurs: Valeurs) -> list[str]:
    """Keys of the shares among fields."""
    return list(dict.fromkeys(champ.rpartition(".")[0] for champ in valeurs if champ.startswith("part.")))


def sum_by_financeur(figures: Figures, cles: Iterable[str]) -> dict[tuple[int, int | None], Decimal]:
    """Euros of each financeur and year, as the rows of the shares show them, what is left under None."""
    comptes: dict[tuple[int, int | None], Decimal] = defaultdict(Decimal)
    annees = [int(place.partition(":")[2]) for place in figures.places if re.fullmatch(r"reste:[0-9]{4}", place)]
    for annee in annees:
        comptes[annee, None] += to_decimal(figures.places[f"reste:{annee}"])
        for cle in cles:
            comptes[annee, int(cle.split(".")[1]) or None] += to_decimal(figures.places[f"{cle}:{annee}"])
    return comptes


def test_every_fiche_of_the_demonstration_counts_as_its_recap(dijon: Convention, chaumont: Convention) -> None:
    for convention in (dijon, chaumont):
        for fiche in convention.fiches.all():
            couts, parts = read_by_fiche([fiche.pk])
            ligne = compute_ligne(fiche, couts[fiche.pk], parts[fiche.pk])
            valeurs = read(fiche)
            figures = compute_figures(fiche, valeurs)
            comptes = sum_by_financeur(figures, parts_of(valeurs))
            montants = {cle: c.montant for cle, c in ligne.cellules.items() if cle[0] and cle[1] != TOTAL and c.montant}
            assert {cle: montant for cle, montant in comptes.items() if montant} == montants, fiche.code
            assert not [echo for echo in figures.echos.values() if echo.statut != "compris"], fiche.code


def test_nothing_is_written(fiche: FicheAction, etudes: NatureDepense, cci: Organisation) -> None:
    avant = read(fiche)
    with CaptureQueriesContext(
        connection,
    ) as requetes:
        compute_figures(fiche, cost(etudes, "100") | share(cci, "80"))
    assert not [r["sql"] for r in requetes if not r["sql"].startswith("SELECT")]
    assert read(fiche) == avant


def test_saved_costs_do_not_count_beside_those_typed(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense) -> None:
    write(agent, fiche, cost(etudes, "100"))
    assert plain(compute_figures(fiche, cost(etudes, "30")).places["ensemble"]) == "30"
    assert plain(compute_figures(fiche, {}).places["ensemble"]) == "/"


# --- costs -----------------------------------------------------------------------------------------


def test_costs_are_summed_by_row_by_year_and_for_the_fiche(fiche: FicheAction, etudes: NatureDepense, salons: NatureDepense) -> None:
    valeurs = cost(etudes, "100") | cost(etudes, "0,50", 2019) | cost(salons, "2 j", 2019, "Foire")
    places = compute_figures(fiche, valeurs).places
    lues = {place: plain(texte) for place, texte in places.items() if place.split(":")[0] in {"ligne", "annee", "ensemble", "cout"}}
    assert lues == {
        f"ligne:{etudes.pk}.": "100,50",
        f"ligne:{salons.pk}.Foire": "1 2002 j",
        "annee:2018": "100",
        "annee:2019": "1 200,502 j",
        "annee:2020": "/",
        "ensemble": "1 300,502 j",
        "cout": "1 300,50 €",
    }


def test_cost_outside_the_years_of_the_convention_has_its_column(fiche: FicheAction, etudes: NatureDepense) -> None:
    places = compute_figures(fiche, cost(etudes, "100", 2025)).places
    assert (plain(places["annee:2025"]), plain(places["reste:2025"]), plain(places["ensemble"])) == ("100", "100", "100")


def test_unknown_cost_is_words_and_never_zero(fiche: FicheAction, etudes: NatureDepense) -> None:
    places = compute_figures(fiche, cost(etudes, "sur devis")).places
    assert (plain(places["ensemble"]), plain(places["cout"]), plain(places["reste:2018"])) == ("sur devis", "Coût sur devis", "/")


def test_fiche_without_cost_says_so(fiche: FicheAction) -> None:
    assert plain(compute_figures(fiche, {}).places["cout"]) == "Coût non chiffré"


# --- what was understood ---------------------------------------------------------------------------


def test_readable_cell_says_what_was_understood(fiche: FicheAction, etudes: NatureDepense) -> None:
    champ = f"cout.2018.{etudes.pk}."
    echo = compute_figures(fiche, {champ: "27 j"}).echos[champ]
    assert (spell(echo.texte), echo.statut, echo.choix) == ("27 j × 600 € = 16 200 €", "compris", [])


def test_unreadable_cell_says_why_and_the_others_count(fiche: FicheAction, etudes: NatureDepense) -> None:
    valeurs = cost(etudes, "beaucoup") | cost(etudes, "1.234", 2019) | cost(etudes, "100", 2020)
    figures = compute_figures(fiche, valeurs)
    echos = [figures.echos[champ] for champ in valeurs]
    assert [e.statut for e in echos] == ["refus", "question", "compris"]
    assert ("beaucoup" in echos[0].texte, [spell(c) for c in echos[1].choix]) == (True, ["1 234", "1,23"])
    assert plain(figures.places["ensemble"]) == "100"


def test_empty_cell_has_an_empty_echo(fiche: FicheAction, etudes: NatureDepense) -> None:
    champ = f"cout.2018.{etudes.pk}."
    assert compute_figures(fiche, {champ: ""}).echos[champ].texte == ""


@pytest.mark.parametrize("texte", ["beaucoup", "-3", "120"])
def test_unreadable_share_says_why_and_counts_for_nothing(fiche: FicheAction, etudes: NatureDepense, cci: Organisation, texte: str) -> None:
    figures = compute_figures(fiche, cost(etudes, "100") | share(cci, texte))
    assert figures.echos[f"part.{cci.pk}.0.0.taux"].statut == "refus"
    assert plain(figures.places["reste:2018"]) == "100"


@pytest.mark.parametrize("champ", ["cout.2018.999999.", "cout.abc", "part.1.2", "part.0.999999.0.taux"])
def test_field_that_does_not_exist_is_refused_without_breaking_the_rest(fiche: FicheAction, etudes: NatureDepense, champ: str) -> None:
    figures = compute_figures(fiche, cost(etudes, "100") | {champ: "10"})
    assert (figures.echos[champ].statut, plain(figures.places["ensemble"])) == ("refus", "100")


def test_words_typed_are_escaped_in_places_and_never_markup(fiche: FicheAction, etudes: NatureDepense) -> None:
    places = serialize(compute_figures(fiche, cost(etudes, "sur devis (<b>vite</b>)")))["places"]
    assert "<b>" not in "".join(places.values())  # type: ignore[union-attr]


# --- shares ----------------------------------------------------------------------------------------


def test_rate_gives_its_euros_and_euros_their_rate(
    fiche: FicheAction, etudes: NatureDepense, agglo: Organisation, cci: Organisation
) -> None:
    valeurs = cost(etudes, "1 000") | cost(etudes, "600", 2019) | share(agglo, taux="75") | share(cci, montant="400")
    places = compute_figures(fiche, valeurs).places
    cle_agglo, cle_cci = f"part.{agglo.pk}.0.0", f"part.{cci.pk}.0.0"
    assert (plain(places[f"{cle_agglo}.montant"]), plain(places[f"{cle_agglo}.taux"])) == ("1 200 €", "")
    assert (plain(places[f"{cle_cci}.taux"]), plain(places[f"{cle_cci}.montant"])) == ("25 %", "")
    assert [plain(places[f"{cle_agglo}:{a}"]) for a in (2018, 2019, 2020, "ensemble")] == ["750", "450", "/", "1 200"]
    assert [plain(places[f"{cle_cci}:{a}"]) for a in (2018, 2019, 2020, "ensemble")] == ["250", "150", "/", "400"]


def test_rate_of_a_scope_is_a_rate_of_its_costs(
    fiche: FicheAction, etudes: NatureDepense, salons: NatureDepense, cci: Organisation, agglo: Organisation
) -> None:
    costs = cost(etudes, "1 000") | cost(etudes, "500", 2019) | cost(salons, "300")
    places = compute_figures(fiche, costs | share(cci, "50", nature=etudes) | share(agglo, montant="75", annee=2018)).places
    assert plain(places[f"part.{cci.pk}.{etudes.pk}.0.montant"]) == "750 €"
    assert plain(places[f"part.{agglo.pk}.0.2018.taux"]) == "25 %"


def test_amount_and_rate_written_both_show_the_rate_of_the_amount(fiche: FicheAction, etudes: NatureDepense, cci: Organisation) -> None:
    places = compute_figures(fiche, cost(etudes, "164 000") | share(cci, "12", "19 088")).places
    assert plain(places[f"part.{cci.pk}.0.0.taux"]) == "11,639 %"
    assert plain(places[f"part.{cci.pk}.0.0:ensemble"]) == "19 088"


def test_share_without_cost_shows_no_figure(fiche: FicheAction, cci: Organisation) -> None:
    places = compute_figures(fiche, share(cci, "80")).places
    cle = f"part.{cci.pk}.0.0"
    assert [plain(places[p]) for p in (f"{cle}.montant", f"{cle}.taux", f"{cle}:2018", f"{cle}:ensemble")] == ["", "", "/", "/"]


# --- balance ---------------------------------------------------------------------------------------


def test_missing_part_is_said_in_percent_and_euros(
    fiche: FicheAction, etudes: NatureDepense, agglo: Organisation, cci: Organisation
) -> None:
    figures = compute_figures(fiche, cost(etudes, "30 800") | share(agglo, "75") | share(cci, "20"))
    assert figures.soldes == ["Le total des parts fait 95\u00a0%. Il manque 5\u00a0%, soit 1\u202f540,00\u00a0€."]
    assert figures.places["solde"] == figures.soldes[0]
    assert not figures.is_juste


@pytest.mark.parametrize("parts", [("80", "20"), ("33,3333", "66,6667"), ("100", "0")])
def test_whole_is_said_as_such(
    fiche: FicheAction, etudes: NatureDepense, agglo: Organisation, cci: Organisation, parts: tuple[str, str]
) -> None:
    figures = compute_figures(fiche, cost(etudes, "30 800") | share(agglo, parts[0]) | share(cci, parts[1]))
    assert (figures.soldes, figures.is_juste) == (["Les parts font 100 %."], True)


def test_amounts_that_make_the_costs_are_the_whole(
    fiche: FicheAction, etudes: NatureDepense, agglo: Organisation, cci: Organisation
) -> None:
    valeurs = cost(etudes, "1 000") | share(agglo, montant="333,33") | share(cci, montant="666,67")
    assert balance(fiche, valeurs) == ["Les parts font 100 %."]


def test_excess_is_said_in_percent_and_euros(fiche: FicheAction, etudes: NatureDepense, agglo: Organisation, cci: Organisation) -> None:
    rates = cost(etudes, "1 000") | share(agglo, "80") | share(cci, "30")
    assert balance(fiche, rates) == ["Le total des parts fait 110 %. Il y a en trop 10 %, soit 100,00 €."]
    amounts = cost(etudes, "1 000") | share(agglo, montant="1 200")
    assert balance(fiche, amounts) == ["Le total des parts fait 120 %. Il y a en trop 20 %, soit 200,00 €."]


def test_rate_beside_an_amount_is_counted_on_the_whole(
    fiche: FicheAction, etudes: NatureDepense, agglo: Organisation, cci: Organisation
) -> None:
    valeurs = cost(etudes, "1 000") | share(agglo, "50") | share(cci, montant="300")
    assert balance(fiche, valeurs) == ["Le total des parts fait 80 %. Il manque 20 %, soit 200,00 €."]


def test_each_scope_has_its_balance(
    fiche: FicheAction, etudes: NatureDepense, salons: NatureDepense, agglo: Organisation, cci: Organisation
) -> None:
    costs = cost(etudes, "1 000") | cost(salons, "400") | cost(salons, "600", 2019)
    parts = share(agglo, "90", nature=etudes) | share(cci, "100", nature=salons, annee=2018) | share(cci, "50", nature=salons, annee=2019)
    assert balance(fiche, costs | parts) == [
        "Le total des parts pour Études fait 90 %. Il manque 10 %, soit 100,00 €.",
        "Le total des parts pour Salons, 2019 fait 50 %. Il manque 50 %, soit 300,00 €.",
    ]


def test_cost_that_no_share_covers_is_said(fiche: FicheAction, etudes: NatureDepense, salons: NatureDepense, cci: Organisation) -> None:
    figures = compute_figures(fiche, cost(etudes, "1 000") | cost(salons, "400") | share(cci, "100", nature=etudes))
    assert [spell(p) for p in figures.soldes] == ["400 € de dépenses ne sont couverts par aucune part."]
    assert not figures.is_juste


def test_share_of_a_scope_without_cost_is_said(fiche: FicheAction, etudes: NatureDepense, salons: NatureDepense, cci: Organisation) -> None:
    valeurs = cost(etudes, "1 000") | share(cci, "100", nature=etudes) | share(cci, "100", nature=salons)
    assert balance(fiche, valeurs) == ["Aucune dépense ne correspond aux parts pour Salons."]


def test_nothing_is_said_without_cost_or_without_share(fiche: FicheAction, etudes: NatureDepense, cci: Organisation) -> None:
    assert balance(fiche, {}) == balance(fiche, cost(etudes, "1 000")) == balance(fiche, share(cci, "80")) == []


def test_costs_without_any_share_are_not_said_to_be_shared(fiche: FicheAction, etudes: NatureDepense) -> None:
    figures = compute_figures(fiche, cost(etudes, "1 000"))
    assert plain(figures.places["reste:ensemble"]) == "1 000"
    assert not figures.is_juste


def test_cell_left_out_of_sums_is_rendered_empty() -> None:
    assert plain(render_cellule(Cellule())) == "/"
    assert to_decimal(render_cellule(Cellule(euros("1234.5").amount))) == Decimal("1234.5")
