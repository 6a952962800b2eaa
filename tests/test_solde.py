"""The solde step by step: the worked example of the documentation, made again by the code; then its edges."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from comptes.models import Organisation
from conventions.formules import PHRASES, FormuleSolde
from conventions.gel import lift
from conventions.models import Convention
from financement.bilans.calculs import Synthese
from financement.bilans.comptes import show_pourcent
from financement.bilans.formules import Action, Mesure, Taux, compute_due, rate_action, rate_depenses, rate_mesure, rate_objectifs
from financement.bilans.participations import compute_participations, keep_participations, list_payeurs, read_acquis
from financement.bilans.solde import EtapeSolde, Solde, compute_soldes, write_fraction
from financement.models import Bilan, FicheBilan, ParticipationBilan, Versement
from financement.situation import compute_situation
from socle.montants import round_fraction
from socle.typographie import format_nombre
from tests import factories
from tests.bilans import (
    Tableau,
    accept,
    count,
    do,
    make_accepted,
    open_year,
    pass_to,
    plan_fiche,
    read_figure,
    read_fraction,
    read_page,
    reread,
    tell,
)
from tests.copies import Copie
from tests.factories import euros
from tests.paiements import make_paiement, sign

PAGE = read_page("solde.md")
ETATS = {libelle: etat for etat, libelle in FicheBilan.Etat.choices}
TITRES = {
    "depenses": "selon les dépenses justifiées",
    "objectifs": "selon les objectifs atteints",
    "mixte": "selon les dépenses et les objectifs",
}
FORMULES = list(TITRES)


def table(titre: str, **ou: Any) -> Tableau:
    """Rows of a table of the page, those that hold these cells."""
    return [r for r in PAGE.tableaux[titre] if all(r[cle.replace("_", " ")] == str(v) for cle, v in ou.items())]


def write_taux(taux: Fraction) -> str:
    """A rate as pages show it."""
    return f"{format_nombre(show_pourcent(taux, 2), 2)}\u00a0%"


def one(titre: str, **ou: Any) -> dict[str, str]:
    (ligne,) = table(titre, **ou)
    return ligne


# --- The example of the documentation ---------------------------------------------------------------


@pytest.fixture
def metropole(agglo: Organisation) -> Organisation:
    agglo.sigle = "Métropole"
    agglo.save()
    return agglo


@pytest.fixture
def exemple(convention: Convention, metropole: Organisation, cci: Organisation) -> Convention:
    """The agreement that the page tells, built from its tables."""
    _exemple.put(convention, metropole, cci)
    return Convention.objects.with_parties().get(pk=convention.pk)


def build_example(convention: Convention, metropole: Organisation, cci: Organisation) -> None:
    Convention.objects.filter(pk=convention.pk).update(annee_fin=2019)
    article = factories.ArticleFactory(convention=convention, numero=4)
    plafond = one("2018, selon les dépenses justifiées", étape="Plafond de la participation")
    factories.MontantDeclareFactory(
        convention=convention,
        objet="participation",
        financeur=metropole,
        lieu="article",
        article=article,
        montant=euros(str(read_figure(plafond["chiffre"]))),
    )
    for ligne in table("Qui paie"):
        code = ligne["fiche"]
        couts = {(r["dépense"], int(r["année"])): str(read_figure(r["prévu"])) for r in table("Prévu", fiche=code)}
        parts = {metropole: str(read_figure(ligne["Métropole"])), cci: str(read_figure(ligne["CCI"]))}
        cibles = {int(r["année"]): str(read_figure(r["cible"])) for r in table("État des actions", fiche=code) if r["cible"]}
        fiche = plan_fiche(convention, code, couts, parts, cibles or None)
        for r in table("Prévu", fiche=code):
            if r["jours"]:
                fiche.lignes_cout.filter(annee=r["année"], nature__nom=r["dépense"]).update(
                    jours=read_figure(r["jours"]), tarif_journalier=euros(str(read_figure(r["tarif"])))
                )
    deux = {"convention": convention, "payeur": metropole, "beneficiaire": cci}
    factories.VersementFactory(**deux, ordre=10, nature="acompte", montant=euros(4000))
    factories.VersementFactory(**deux, ordre=20, nature="intermediaire")
    factories.VersementFactory(**deux, ordre=30, nature="solde")


_exemple = Copie(build_example)


def fill_year(exemple: Convention, annee: int, formule: str) -> Bilan:
    """The bilan of a year as the page says it was done: an amount that comes from days is not typed."""
    Convention.objects.filter(pk=exemple.pk).update(formule_solde=formule)
    bilan = open_year(exemple, annee)
    for r in table("Réalisé", année=annee):
        etat = one("État des actions", année=annee, fiche=r["fiche"])["état"]
        nom = r["dépense"].removesuffix(" (hors plan)")
        if r["jours"]:
            do(bilan, r["fiche"], nom, jours=str(read_figure(r["jours"])))
        elif etat != "Abandonnée":
            do(bilan, r["fiche"], nom, str(read_figure(r["réalisé"])))
    for r in table("État des actions", année=annee):
        tell(bilan, r["fiche"], ETATS[r["état"]], str(read_figure(r["atteint"])) if r["atteint"] else None)
    return bilan


def read_etapes(annee: int, formule: str) -> list[tuple[str, str, Decimal, Fraction | None]]:
    """The steps that the page works by hand."""
    return [
        (r[""], r["étape"], read_figure(r["chiffre"]), read_fraction(r["fraction"])) for r in PAGE.tableaux[f"{annee}, {TITRES[formule]}"]
    ]


def tell_etapes(etapes: list[EtapeSolde]) -> list[tuple[str, str, Decimal | None, Fraction | None]]:
    return [(e.operation, e.libelle, e.valeur, e.fraction) for e in etapes]


def solve(bilan: Bilan) -> Solde:
    """The solde of the only payer."""
    (solde,) = compute_soldes(count(bilan)).payeurs
    return solde


@pytest.fixture
def acompte_paye(exemple: Convention) -> None:
    make_paiement(exemple.versements.get(nature="acompte"), "paye", 4000)


@pytest.mark.django_db
@pytest.mark.parametrize("formule", FORMULES)
def test_page_works_the_solde_of_both_years_as_the_code_does(
    formule: str, exemple: Convention, metropole: Organisation, acompte_paye: None
) -> None:
    bilan = fill_year(exemple, 2018, formule)
    premier = solve(bilan)
    assert tell_etapes(premier.etapes) == read_etapes(2018, formule)
    accept(bilan, {metropole: premier.due})
    make_paiement(exemple.versements.get(nature="intermediaire"), "service_fait", 3000)
    second = solve(fill_year(exemple, 2019, formule))
    assert tell_etapes(second.etapes) == read_etapes(2019, formule)


@pytest.mark.parametrize("formule", FORMULES)
@pytest.mark.parametrize("annee", [2018, 2019])
def test_page_works_with_a_pocket_calculator(annee: int, formule: str) -> None:
    """The figures of the page follow from each other, without the code."""
    chiffres = {etape: (valeur, fraction) for _, etape, valeur, fraction in read_etapes(annee, formule)}
    prevue = chiffres[f"Participation prévue en {annee}"][0]
    taux = next(fraction for operation, _, _, fraction in read_etapes(annee, formule) if operation == "×")
    assert taux is not None
    due = chiffres[f"Participation due au titre de {annee}"][0]
    assert abs(Fraction(prevue) * taux - Fraction(due)) <= Fraction(1, 200)
    avant = chiffres["Participation due au titre de 2018"][0] if annee == 2019 else Decimal(0)
    retenue = chiffres["Participation retenue"][0]
    assert retenue == min(due + avant, chiffres["Plafond de la participation"][0])
    payes = chiffres["Acompte"][0] + chiffres.get("Acompte intermédiaire", (Decimal(0), None))[0]
    assert chiffres["Solde à verser"][0] == retenue - payes


@pytest.mark.django_db
@pytest.mark.parametrize("annee", [2018, 2019])
def test_page_tells_what_is_planned_done_and_kept(annee: int, exemple: Convention, metropole: Organisation) -> None:
    synthese = count(fill_year(exemple, annee, "mixte"))
    prevue = one("Participation prévue", année=annee)
    for fiche in synthese.fiches:
        code = fiche.objet.code
        part = next(p for p in fiche.parts if p.cle == metropole.pk)
        assert part.compte.prevu == read_figure(prevue[code])
        realises = {r["dépense"].removesuffix(" (hors plan)"): r for r in table("Réalisé", année=annee, fiche=code)}
        assert {li.objet.nature.nom: li.euros.realise for li in fiche.lignes} == {n: read_figure(r["réalisé"]) for n, r in realises.items()}
        assert fiche.retenu == sum(read_figure(r["retenu"]) for r in realises.values())
        assert fiche.hors_plan == sum(read_figure(r["réalisé"]) for n, r in realises.items() if r["dépense"] != n)
        etat = one("État des actions", année=annee, fiche=code)
        exact = rate_action(fiche.to_action())
        assert (exact, write_taux(exact)) == (read_fraction(etat["fraction"]), etat["taux de la fiche"].replace(" ", "\u00a0"))
    assert synthese.part_of(metropole.pk).prevu == read_figure(prevue["total"])


@pytest.mark.django_db
@pytest.mark.parametrize("annee", [2018, 2019])
def test_page_tells_the_rates_of_the_year(annee: int, exemple: Convention) -> None:
    bilan = fill_year(exemple, annee, "mixte")
    synthese = count(bilan)
    depenses = one("Taux de réalisation des dépenses", année=annee)
    assert (synthese.retenu, synthese.euros.prevu) == (read_figure(depenses["retenu"]), read_figure(depenses["prévu"]))
    moyenne, deux = one("Moyenne des fiches", année=annee), one("Moyenne des deux taux", année=annee)
    taux = synthese.taux
    for exact, ligne in ((taux.depenses, depenses), (taux.objectifs, moyenne), (taux.valeur, deux)):
        assert (exact, write_taux(exact)) == (read_fraction(ligne["fraction"]), ligne["taux"].replace(" ", "\u00a0"))
    poids = [(p.code, p.poids, p.pourcent, p.produit) for p in compute_soldes(synthese).poids]
    lignes = table("Taux d’atteinte des objectifs", année=annee)
    assert poids == [(r["fiche"], *(read_figure(r[c]) for c in ("coût prévu", "taux de la fiche", "produit"))) for r in lignes]
    assert sum(p[3] for p in poids if p[3]) == read_figure(moyenne["somme des produits"])
    assert sum(p[1] for p in poids) == read_figure(moyenne["somme des coûts"])


@pytest.mark.django_db
@pytest.mark.parametrize("formule", FORMULES)
def test_page_tells_what_may_be_asked_for_once_2018_is_accepted(
    formule: str, exemple: Convention, metropole: Organisation, acompte_paye: None
) -> None:
    bilan = fill_year(exemple, 2018, formule)
    accept(bilan, {metropole: solve(bilan).due})
    sign(exemple)
    (situation,) = compute_situation(exemple).payeurs
    ligne = one("Ce qui peut être demandé après l’acceptation de 2018", formule=FormuleSolde(formule).label)
    assert situation.acquis is not None
    assert [situation.acquis.total, situation.demande, situation.lignes[-1].disponible] == [
        read_figure(ligne[c]) for c in ("dû", "déjà demandé", "peut être demandé")
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("formule", FORMULES)
def test_page_tells_the_overpayment_once_every_year_is_accepted(
    formule: str, exemple: Convention, metropole: Organisation, acompte_paye: None
) -> None:
    make_paiement(exemple.versements.get(nature="intermediaire"), "paye", 8500)
    for annee in (2018, 2019):
        bilan = fill_year(exemple, annee, formule)
        accept(bilan, {metropole: solve(bilan).due})
    solde, (situation,) = solve(bilan), compute_situation(exemple).payeurs
    ligne = one("Trop-perçu si 12 500 € sont payés", formule=FormuleSolde(formule).label)
    attendu = [read_figure(ligne[c]) for c in ("dû", "payé", "solde à verser", "trop-perçu")]
    assert [solde.retenue, solde.paye, solde.montant, solde.trop_percu] == attendu
    assert [situation.du.montant, situation.paye, situation.reste, situation.trop_percu] == attendu


@pytest.mark.parametrize(
    "ligne", PAGE.tableaux["Arrondi de la participation due"], ids=lambda r: f"{r['participation prévue']} × {r['fraction']}"
)
def test_page_tells_the_only_rounding(ligne: dict[str, str]) -> None:
    prevue, taux = read_figure(ligne["participation prévue"]), read_fraction(ligne["fraction"])
    assert compute_due(prevue, Taux(FormuleSolde.DEPENSES, taux, None)) == read_figure(ligne["due"])


def test_page_says_how_far_the_shown_rate_leads_astray() -> None:
    assert "11 600 × 67,10 % = 7 783,60, soit 37 centimes de trop" in PAGE.texte
    assert Decimal(11600) * Decimal("67.10") / 100 - Decimal("7783.23") == Decimal("0.37")


@pytest.mark.parametrize("formule", FormuleSolde)
def test_page_quotes_the_sentence_that_the_articles_print(formule: FormuleSolde) -> None:
    phrase = PHRASES[formule].replace("\u00a0", " ").replace("\u202f", " ")
    nues = {texte: " ".join(texte.replace(" :", ":").replace(" ;", ";").split()) for texte in (phrase, PAGE.texte)}
    assert f"**{formule.label}** : " in PAGE.texte
    assert nues[phrase] in nues[PAGE.texte]


# --- Rates ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("retenu", "prevu", "taux"),
    [("50", "100", Fraction(1, 2)), ("150", "100", Fraction(1)), ("0", "100", Fraction(0)), ("10", "0", None), ("10", None, None)],
    ids=["half", "above", "nothing done", "nothing to spend", "nothing planned"],
)
def test_rate_of_expenses(retenu: str, prevu: str | None, taux: Fraction | None) -> None:
    assert rate_depenses(Decimal(retenu), None if prevu is None else Decimal(prevu)) == taux


@pytest.mark.parametrize(
    ("cible", "valeur", "taux"),
    [
        (15, 9, Fraction(3, 5)),
        (15, 15, 1),
        (15, 20, 1),
        (15, 0, 0),
        (15, None, 0),
        (0, 3, 1),
        (0, 0, 1),
        (0, None, 0),
        (-5, -10, 1),
        (15, -3, 0),
    ],
)
def test_rate_of_an_indicator(cible: int, valeur: int | None, taux: Fraction | int) -> None:
    assert rate_mesure(Mesure(Decimal(cible), None if valeur is None else Decimal(valeur))) == taux


REUSSIE, MANQUEE = Mesure(Decimal(10), Decimal(10)), Mesure(Decimal(10), None)


@pytest.mark.parametrize(
    ("etat", "mesures", "taux"),
    [
        ("realisee", (), 1),
        ("partielle", (), Fraction(1, 2)),
        ("reportee", (), 0),
        ("abandonnee", (), 0),
        ("", (), 0),
        ("realisee", (MANQUEE,), 0),
        ("partielle", (REUSSIE,), 1),
        ("", (REUSSIE, MANQUEE), Fraction(1, 2)),
        ("reportee", (REUSSIE, REUSSIE, MANQUEE), Fraction(2, 3)),
        ("abandonnee", (REUSSIE,), 0),
    ],
)
def test_rate_of_an_action(etat: str, mesures: tuple[Mesure, ...], taux: Fraction | int) -> None:
    assert rate_action(Action("A1", Decimal(100), etat, mesures)) == taux


def test_actions_weigh_their_planned_cost() -> None:
    actions = [Action("A1", Decimal(300), "realisee"), Action("A2", Decimal(100), "abandonnee"), Action("A3", Decimal(0), "realisee")]
    assert rate_objectifs(actions) == Fraction(3, 4)


@pytest.mark.parametrize("actions", [[], [Action("A1", Decimal(0), "realisee")]], ids=["no action", "no cost"])
def test_objectives_have_no_rate_without_planned_cost(actions: list[Action]) -> None:
    assert rate_objectifs(actions) is None


@pytest.mark.parametrize(
    ("depenses", "objectifs", "taux"),
    [
        (Fraction(1), Fraction(1, 2), Fraction(3, 4)),
        (None, Fraction(1, 3), Fraction(1, 3)),
        (Fraction(1, 3), None, Fraction(1, 3)),
        (None, None, None),
    ],
)
def test_mixed_rate_is_the_mean_of_those_that_are_known(
    depenses: Fraction | None, objectifs: Fraction | None, taux: Fraction | None
) -> None:
    assert Taux(FormuleSolde.MIXTE, depenses, objectifs).valeur == taux


@pytest.mark.parametrize("prevue", [None, Decimal(0)], ids=["unknown", "zero"])
def test_nothing_is_due_where_nothing_was_planned(prevue: Decimal | None) -> None:
    assert compute_due(prevue, Taux(FormuleSolde.DEPENSES, Fraction(1), None)) == Decimal("0.00")


def test_nothing_is_due_without_rate() -> None:
    assert compute_due(Decimal(100), Taux(FormuleSolde.DEPENSES, None, None)) == Decimal("0.00")


def test_rates_are_written_for_who_computes_again() -> None:
    assert (write_fraction(Fraction(104, 155)), write_taux(Fraction(104, 155))) == ("104/155", "67,10\u00a0%")
    assert (write_fraction(None), show_pourcent(None, 2)) == ("", None)


# --- A solde at its edges ---------------------------------------------------------------------------


@pytest.fixture
def simple(convention: Convention, agglo: Organisation, cci: Organisation) -> Convention:
    """One fiche of 1 000 € a year that the agglo pays for 80 %, over two years; the agglo owes the CCI an acompte and a solde."""
    _simple.put(convention, agglo, cci)
    return Convention.objects.with_parties().get(pk=convention.pk)


def build_simple(convention: Convention, agglo: Organisation, cci: Organisation) -> None:
    Convention.objects.filter(pk=convention.pk).update(annee_fin=2019)
    plan_fiche(convention, "A1", {("Études", 2018): 1000, ("Études", 2019): 1000}, {agglo: 80, cci: 20})
    factories.VersementFactory(convention=convention, payeur=agglo, beneficiaire=cci, ordre=10, montant=euros(400))
    factories.VersementFactory(convention=convention, payeur=agglo, beneficiaire=cci, ordre=20, nature="solde")


_simple = Copie(build_simple)


def finish(convention: Convention, annee: int = 2018, montant: str | int | None = 1000, etat: str = "realisee") -> Bilan:
    """The bilan of a year of the simple agreement."""
    bilan = open_year(convention, annee)
    do(bilan, "A1", "Études", montant)
    tell(bilan, "A1", etat)
    return reread(bilan)


def get_etape(solde: Solde, libelle: str) -> EtapeSolde:
    (etape,) = [e for e in solde.etapes if e.libelle == libelle]
    return etape


@pytest.mark.django_db
@pytest.mark.parametrize("formule", FORMULES)
def test_year_without_anything_planned_makes_nothing_due(formule: str, convention: Convention, agglo: Organisation) -> None:
    Convention.objects.filter(pk=convention.pk).update(formule_solde=formule)
    solde = solve(open_year(convention))
    assert (solde.prevue, solde.due, solde.retenue, solde.montant, solde.trop_percu) == (None, 0, 0, 0, 0)
    assert [e.valeur for e in solde.etapes if e.sorte == "taux"] == [None] * (3 if formule == "mixte" else 1)
    assert all(e.source for e in solde.etapes if e.sorte == "taux")


@pytest.mark.django_db
@pytest.mark.parametrize("formule", FORMULES)
def test_year_where_nothing_is_typed_has_a_rate_of_zero(formule: str, simple: Convention) -> None:
    Convention.objects.filter(pk=simple.pk).update(formule_solde=formule)
    bilan = open_year(simple)
    assert count(bilan).taux.valeur == 0
    assert (solve(bilan).prevue, solve(bilan).due) == (800, 0)


@pytest.mark.django_db
def test_year_where_every_cost_is_on_quote_has_no_rate(convention: Convention, agglo: Organisation) -> None:
    plan_fiche(convention, "A1", {("Études", 2018): None}, {agglo: 100})
    bilan = open_year(convention)
    do(bilan, "A1", "Études", 500)
    synthese = count(bilan)
    assert (synthese.taux.valeur, synthese.retenu, synthese.hors_plan) == (None, 0, 500)
    assert solve(bilan).due == 0


@pytest.mark.django_db
@pytest.mark.parametrize("etat", ["abandonnee", "reportee"])
@pytest.mark.parametrize("formule", FORMULES)
def test_action_put_off_or_given_up_takes_its_weight_away(
    etat: str, formule: str, simple: Convention, agglo: Organisation, cci: Organisation
) -> None:
    plan_fiche(simple, "A2", {("Études", 2018): 3000}, {agglo: 80, cci: 20})
    Convention.objects.filter(pk=simple.pk).update(formule_solde=formule)
    bilan = finish(simple)
    tell(bilan, "A2", etat)
    assert count(bilan).taux.valeur == Fraction(1, 4)
    assert solve(bilan).due == 800


@pytest.mark.django_db
def test_action_put_off_keeps_what_was_spent_before(simple: Convention) -> None:
    assert solve(finish(simple, montant=300, etat="reportee")).due == 240


@pytest.mark.django_db
def test_expense_beyond_the_plan_raises_nothing(simple: Convention) -> None:
    bilan = finish(simple, montant=600)
    do(bilan, "A1", "Débours", 5000)
    solde = solve(bilan)
    assert solde.due == 480
    assert "5\u202f000\u00a0€ sans montant au plan, non retenus" in get_etape(solde, "Taux de réalisation des dépenses").source


@pytest.mark.django_db
def test_line_above_its_plan_makes_up_for_another_one(simple: Convention, agglo: Organisation, cci: Organisation) -> None:
    plan_fiche(simple, "A2", {("Études", 2018): 1000}, {agglo: 80, cci: 20})
    bilan = finish(simple, montant=1400)
    do(bilan, "A2", "Études", 600)
    tell(bilan, "A2", "partielle")
    assert count(bilan).taux.valeur == 1


def cap(convention: Convention, payeur: Organisation, montant: str | int) -> None:
    factories.MontantDeclareFactory(convention=convention, objet="participation", financeur=payeur, montant=euros(montant))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("plafond", "retenue", "mots"),
    [
        ("799.99", "799.99", "le plafond, dépassé par le calcul"),
        ("800", "800", "le plafond n’est pas atteint"),
        ("801", "800", "le plafond n’est pas atteint"),
    ],
)
def test_ceiling_caps_what_is_due(plafond: str, retenue: str, mots: str, simple: Convention, agglo: Organisation) -> None:
    cap(simple, agglo, plafond)
    solde = solve(finish(simple))
    assert (solde.due, solde.retenue, solde.montant) == (800, Decimal(retenue), Decimal(retenue))
    assert get_etape(solde, "Participation retenue").source == mots


@pytest.mark.django_db
def test_ceiling_caps_the_years_together_and_not_each(simple: Convention, agglo: Organisation) -> None:
    cap(simple, agglo, 1200)
    make_accepted(simple, 2018, {agglo: 300})
    assert solve(finish(simple, 2019)).retenue == 1100


@pytest.mark.django_db
def test_ceiling_is_the_share_of_the_costs_when_the_text_gives_none(simple: Convention) -> None:
    etape = get_etape(solve(finish(simple)), "Plafond de la participation")
    assert (etape.valeur, etape.source) == (1600, "sa part dans le coût des fiches")


@pytest.mark.django_db
def test_years_before_count_for_what_was_written_when_they_were_accepted(simple: Convention, agglo: Organisation) -> None:
    make_accepted(simple, 2018, {agglo: "123.45"})
    solde = solve(finish(simple, 2019))
    assert solde.retenue == Decimal("923.45")
    assert [(e.operation, e.valeur, e.source) for e in solde.etapes if e.libelle == "Participation due au titre de 2018"] == [
        ("+", Decimal("123.45"), "bilan 2018 accepté")
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("etat", ["brouillon", "soumis", "observations", "corrige"])
def test_year_before_that_is_not_accepted_makes_nothing_due(etat: str, simple: Convention) -> None:
    pass_to(finish(simple, 2018), etat)
    solde = solve(finish(simple, 2019))
    assert solde.retenue == 800
    assert "Participation due à la fin de 2019" not in [e.libelle for e in solde.etapes]


@pytest.mark.django_db
def test_year_after_never_counts_in_the_one_before(simple: Convention, agglo: Organisation) -> None:
    make_accepted(simple, 2019, {agglo: 700})
    assert solve(finish(simple, 2018)).retenue == 800


@pytest.mark.django_db
def test_accepted_year_is_not_counted_twice(simple: Convention, agglo: Organisation) -> None:
    bilan = finish(simple)
    assert solve(bilan).retenue == solve(accept(bilan, {agglo: 800})).retenue == 800


@pytest.mark.django_db
@pytest.mark.parametrize("etat", ["demande", "service_fait", "liquide", "mandate", "paye"])
def test_payment_on_its_way_is_taken_away_like_one_made(etat: str, simple: Convention) -> None:
    make_paiement(simple.versements.get(nature="acompte"), etat, 300)
    solde = solve(finish(simple))
    etape = get_etape(solde, "Acompte")
    assert (etape.operation, etape.valeur, solde.paye, solde.montant) == ("−", 300, 300, 500)
    assert etape.source.startswith("payé le 02/11/2018") if etat == "paye" else etape.source.endswith(", en cours")


@pytest.mark.django_db
def test_payment_turned_down_is_not_taken_away(simple: Convention) -> None:
    make_paiement(simple.versements.get(nature="acompte"), "rejete", 300)
    solde = solve(finish(simple))
    assert (solde.paye, solde.montant) == (0, 800)


@pytest.mark.django_db
def test_money_given_back_is_not_paid_any_more(simple: Convention, agglo: Organisation, cci: Organisation) -> None:
    make_paiement(simple.versements.get(nature="acompte"), "paye", 900)
    factories.ReversementFactory(convention=simple, payeur=agglo, redevable=cci, montant=euros(100))
    solde = solve(finish(simple))
    etape = get_etape(solde, "Titres de reversement")
    assert (etape.operation, etape.valeur, solde.paye, solde.montant, solde.trop_percu) == ("+", 100, 800, 0, 0)


@pytest.mark.django_db
def test_solde_is_zero_when_what_is_due_is_paid(simple: Convention) -> None:
    make_paiement(simple.versements.get(nature="acompte"), "paye", 800)
    solde = solve(finish(simple))
    assert (solde.etapes[-1].libelle, solde.etapes[-1].valeur, solde.montant, solde.trop_percu) == ("Solde à verser", 0, 0, 0)


@pytest.mark.django_db
def test_what_is_paid_above_is_to_be_given_back_once_every_year_is_reported(simple: Convention, agglo: Organisation) -> None:
    make_accepted(simple, 2018, {agglo: 100})
    make_paiement(simple.versements.get(nature="acompte"), "paye", 1000)
    solde = solve(finish(simple, 2019))
    assert (solde.montant, solde.trop_percu) == (0, 100)
    assert (solde.etapes[-1].libelle, solde.etapes[-1].valeur) == ("Trop-perçu, à reverser", 100)


@pytest.mark.django_db
def test_what_is_paid_ahead_of_the_years_to_come_is_an_advance_not_to_be_given_back(simple: Convention) -> None:
    make_paiement(simple.versements.get(nature="acompte"), "paye", 1000)
    solde = solve(finish(simple, 2018))
    assert (solde.montant, solde.trop_percu, compute_situation(simple).payeurs[0].trop_percu) == (0, 0, 0)
    assert "reverser" not in solde.etapes[-1].libelle


@pytest.mark.django_db
def test_what_later_years_were_paid_is_no_overpayment_of_a_past_one(simple: Convention, agglo: Organisation) -> None:
    premier = accept(finish(simple, 2018), {agglo: 800})
    accept(finish(simple, 2019), {agglo: 800})
    make_paiement(simple.versements.get(nature="acompte"), "paye", 1600)
    assert (solve(premier).trop_percu, compute_situation(simple).payeurs[0].trop_percu) == (0, 0)


@pytest.mark.django_db
def test_each_payer_owes_its_own_solde(simple: Convention, agglo: Organisation, cci: Organisation) -> None:
    region = factories.OrganisationFactory(sigle="Région")
    plan_fiche(simple, "A2", {("Études", 2018): 1000}, {region: 30, agglo: 10})
    make_paiement(simple.versements.get(nature="acompte"), "paye", 400)
    versement = factories.VersementFactory(convention=simple, payeur=region, beneficiaire=cci, ordre=30, montant=euros(50))
    make_paiement(versement, "paye", 50)
    bilan = finish(simple, montant=500)
    do(bilan, "A2", "Études", 500)
    soldes = {s.payeur: (s.prevue, s.due, s.paye, s.montant) for s in compute_soldes(count(bilan)).payeurs}
    assert soldes == {agglo: (900, 450, 400, 50), region: (300, 150, 50, 100)}


@pytest.mark.django_db
def test_payer_without_share_in_the_year_owes_nothing_for_it(simple: Convention, cci: Organisation) -> None:
    region = factories.OrganisationFactory(sigle="Région")
    factories.VersementFactory(convention=simple, payeur=region, beneficiaire=cci, ordre=30, montant=euros(50))
    solde = next(s for s in compute_soldes(count(finish(simple))).payeurs if s.payeur == region)
    assert (solde.prevue, solde.due, solde.montant) == (None, 0, 0)


@pytest.mark.django_db
def test_payers_are_those_of_the_plan_of_payments_else_the_parties_that_finance(
    convention: Convention, agglo: Organisation, cci: Organisation
) -> None:
    assert list_payeurs(convention) == [agglo.pk]
    region = factories.OrganisationFactory()
    factories.VersementFactory(convention=convention, payeur=region, beneficiaire=cci)
    assert list_payeurs(convention) == [region.pk]


@pytest.mark.django_db
def test_participations_are_kept_as_computed(simple: Convention, agglo: Organisation) -> None:
    bilan = finish(simple, montant="333.33")
    synthese: Synthese = count(bilan)
    assert compute_participations(synthese, [agglo.pk]) == {agglo.pk: (Decimal(800), Decimal("266.66"))}
    keep_participations(bilan, synthese, [agglo.pk])
    gardee = ParticipationBilan.objects.get()
    assert (gardee.payeur, gardee.prevue, gardee.due) == (agglo, euros(800), euros("266.66"))


@pytest.mark.django_db
def test_what_is_acquired_holds_accepted_years_only(simple: Convention, agglo: Organisation) -> None:
    assert read_acquis(simple, [2018, 2019]) == {}
    premier = make_accepted(simple, 2018, {agglo: 700})
    with lift():
        ParticipationBilan.objects.create(bilan=open_year(simple, 2019), payeur=agglo, due=euros(5))
    acquis = read_acquis(simple, [2018, 2019])[agglo.pk]
    assert (acquis.par_annee, acquis.total, acquis.complet) == ({2018: Decimal(700)}, 700, False)
    assert read_acquis(simple, [premier.annee])[agglo.pk].complet is True


@pytest.mark.django_db
def test_payer_that_joins_later_is_complete_once_every_year_is_accepted(simple: Convention, agglo: Organisation) -> None:
    region = factories.OrganisationFactory()
    make_accepted(simple, 2018, {agglo: 700})
    make_accepted(simple, 2019, {agglo: 700, region: 40})
    assert read_acquis(simple, [2018, 2019])[region.pk].complet is True


@pytest.mark.django_db
def test_detail_of_the_objectives_is_told_with_the_formulas_that_use_it(simple: Convention) -> None:
    bilan = finish(simple)
    assert compute_soldes(count(bilan)).poids == []
    Bilan.objects.filter(pk=bilan.pk).update(formule="objectifs")
    assert [(p.code, p.poids, p.pourcent, p.produit) for p in compute_soldes(count(bilan)).poids] == [("A1", 1000, 100, 1000)]


@pytest.mark.django_db
def test_formula_of_a_bilan_is_the_one_of_its_opening(simple: Convention) -> None:
    bilan = finish(simple, montant=500)
    Convention.objects.filter(pk=simple.pk).update(formule_solde="objectifs")
    assert (count(bilan).taux.formule, solve(bilan).due) == ("depenses", 400)


@pytest.mark.django_db
def test_payment_of_a_row_that_an_avenant_removed_stays_paid(simple: Convention) -> None:
    acompte = simple.versements.get(nature="acompte")
    make_paiement(acompte, "paye", 300)
    sign(simple)
    avenant = factories.ConventionFactory(avenant_de=simple, numero_avenant=1, etat="signee", annee_fin=2019)
    solde_prevu = simple.versements.get(nature="solde")
    copie = Versement(convention=avenant, nature="solde", payeur=solde_prevu.payeur, beneficiaire=solde_prevu.beneficiaire)
    with lift():
        copie.save()
        Convention.objects.filter(pk=avenant.pk).update(origines={"versement": {str(copie.pk): solde_prevu.pk}})
    assert solve(open_year(simple)).paye == 300


@pytest.mark.parametrize(
    ("exact", "arrondi"),
    [(Fraction(1, 200), "0.01"), (Fraction(-1, 200), "-0.01"), (Fraction(1, 201), "0.00"), (Fraction(2, 3), "0.67"), (Fraction(0), "0.00")],
)
def test_half_a_cent_goes_up_away_from_zero(exact: Fraction, arrondi: str) -> None:
    assert round_fraction(exact) == Decimal(arrondi)
