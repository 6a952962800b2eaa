"""The demonstration against the two real documents: figures copied by hand from the printed pages."""

import re
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from comptes.models import Utilisateur
from conventions.famille import Parent, read_famille
from conventions.models import Convention, MontantDeclare
from documents.demonstration import load_demonstration
from fiches.models import FicheAction, ProduitPret
from financement.models import CoFinancement, LigneCout, MontantRecapDeclare, TotalDeclare, Versement
from financement.recapitulatif import AUTRES, TOTAL, Ligne, Recapitulatif
from financement.syntheses import compute_recapitulatif, read_recapitulatif_declare

pytestmark = pytest.mark.django_db

ANNEES = (2018, 2019, 2020)

# Costs of the sheets, by year, in the order of the annex. None: « / », an empty column or words.
COUTS: dict[str, tuple[int | None, int | None, int | None]] = {
    "E.A 1.1": (4200, None, None),
    "E.A 1.2.1": (11100, 11700, None),
    "E.A 1.2.2": (2700, 33600, 30900),
    "E.A 1.2.3": (47200, 31000, 56000),
    "E.A 1.3.1": (None, 15800, None),
    "E.A 1.3.2": (15400, None, 15400),
    "E.A 1.4.1": (27350, 29550, 29550),
    "E.A 1.4.2": (28500, 24300, 24300),
    "E.A 2.1": (12200, 11000, 8600),
    "E.A 2.2": (25200, 25200, 25200),
    "E.A 2.5": (1800, 1800, 1800),
    "E.C 1.1": (36000, 36000, 36000),
    "E.C 1.2": (58000, 58000, 58000),
    "E.C 1.3": (None, 164000, None),
    "E.P 1.3": (1800, 1800, 1800),
    "E.P 2.2": (None, None, None),
    "E.P 2.3": (34600, 38100, 49600),
    "E.P 2.4": (4400, 4400, 4400),
    "E.P 2.5": (None, None, None),
    "E.P 2.6": (6000, 14400, 14400),
    "E.P 3.1": (25000, 42200, 42200),
    "E.P 3.2": (10800, 12000, 12000),
}

# What the sheets say the Métropole and the CCI pay: 80/20 or 20/80, but 70/30 of the studies only for E.A 1.3.1,
# and amounts for E.C 1.3.
METROPOLE_CCI: dict[str, tuple[tuple[int, int] | None, tuple[int, int] | None, tuple[int, int] | None]] = {
    "E.A 1.1": ((3360, 840), None, None),
    "E.A 1.2.1": ((8880, 2220), (9360, 2340), None),
    "E.A 1.2.2": ((2160, 540), (26880, 6720), (24720, 6180)),
    "E.A 1.2.3": ((37760, 9440), (24800, 6200), (44800, 11200)),
    "E.A 1.3.1": (None, (9240, 3960), None),
    "E.A 1.3.2": ((12320, 3080), None, (12320, 3080)),
    "E.A 1.4.1": ((21880, 5470), (23640, 5910), (23640, 5910)),
    "E.A 1.4.2": ((22800, 5700), (19440, 4860), (19440, 4860)),
    "E.A 2.1": ((9760, 2440), (8800, 2200), (6880, 1720)),
    "E.A 2.2": ((20160, 5040), (20160, 5040), (20160, 5040)),
    "E.A 2.5": ((1440, 360), (1440, 360), (1440, 360)),
    "E.C 1.1": ((28800, 7200), (28800, 7200), (28800, 7200)),
    "E.C 1.2": ((46400, 11600), (46400, 11600), (46400, 11600)),
    "E.C 1.3": (None, (20000, 19088), None),
    "E.P 1.3": ((1440, 360), (1440, 360), (1440, 360)),
    "E.P 2.2": (None, None, None),
    "E.P 2.3": ((6920, 27680), (7620, 30480), (9920, 39680)),
    "E.P 2.4": ((880, 3520), (880, 3520), (880, 3520)),
    "E.P 2.5": (None, None, None),
    "E.P 2.6": ((1200, 4800), (2880, 11520), (2880, 11520)),
    "E.P 3.1": ((20000, 5000), (33760, 8440), (33760, 8440)),
    "E.P 3.2": ((2160, 8640), (2400, 9600), (2400, 9600)),
}

JOURS: dict[str, tuple[str, str, str]] = {
    "E.A 1.1": ("5", "0", "0"),
    "E.A 1.2.1": ("18.5", "19.5", "0"),
    "E.A 1.2.2": ("4.5", "56", "51.5"),
    "E.A 1.2.3": ("73", "50", "40"),
    "E.A 1.3.1": ("0", "22", "0"),
    "E.A 1.3.2": ("20", "0", "20"),
    "E.A 1.4.1": ("32.5", "39.5", "39.5"),
    "E.A 1.4.2": ("37.5", "30.5", "30.5"),
    "E.A 2.1": ("12", "10", "6"),
    "E.A 2.2": ("12", "12", "12"),
    "E.A 2.5": ("3", "3", "3"),
    "E.C 1.1": ("10", "10", "10"),
    "E.C 1.2": ("20", "20", "20"),
    "E.P 1.3": ("3", "3", "3"),
    "E.P 2.3": ("44", "44", "66.5"),
    "E.P 2.4": ("4", "4", "4"),
    "E.P 2.6": ("10", "24", "24"),
    "E.P 3.1": ("40", "67", "67"),
    "E.P 3.2": ("18", "20", "20"),
}

# Rows of the printed annex that differ from the sheets: (Métropole, CCI, Total) by year.
RECAP_AUTREMENT = {
    "E.A 1.3.1": {2019: (7900, 7900, 15800)},
    "E.A 1.3.2": {2018: (7700, 7700, 15400), 2020: (7700, 7700, 15400)},
    "E.A 2.2": dict.fromkeys(ANNEES, (12600, 12600, 25200)),
    "E.C 1.3": {2019: (0, 20000, 20000), 2020: (0, 20000, 20000)},
}
RECAP_SOMMES = {
    "E.A": [(128340, 47310, 175650), (134860, 49090, 183950), (141220, 50530, 191750)],
    "E.P": [(32600, 50000, 82600), (48980, 63920, 112900), (51280, 73120, 124400)],
    "E.C": [(75200, 18800, 94000), (75200, 38800, 114000), (75200, 38800, 114000)],
    "": [(236140, 116110, 352250), (259040, 151810, 410850), (267700, 162450, 430150)],
}
RECAP_TROIS_ANS = {"E.A": 551350, "E.P": 319900, "E.C": 322000, "": 1193250}

# The same sums, worked out from the sheets: (Métropole, CCI, others and non réparti, Total).
CALCUL_SOMMES = {
    "E.A": [(140520, 35130, None, 175650), (143760, 37590, 2600, 183950), (153400, 38350, None, 191750)],
    "E.P": [(32600, 50000, None, 82600), (48980, 63920, None, 112900), (51280, 73120, None, 124400)],
    "E.C": [(75200, 18800, None, 94000), (95200, 37888, 124912, 258000), (75200, 18800, None, 94000)],
    "": [(248320, 103930, None, 352250), (287940, 139398, 127512, 554850), (279880, 130270, None, 410150)],
}


def read(ligne: Ligne, recap: Recapitulatif, annee: int | None, *cles: str) -> tuple[Decimal | None, ...]:
    metropole, cci = (f.id for f in recap.parties)
    return tuple(ligne.get(annee, cle).montant for cle in (metropole, cci, *cles))


def list_sommes(recap: Recapitulatif) -> dict[str, Ligne]:
    return {groupe.axe.code: groupe.sous_total for groupe in recap.groupes} | {"": recap.total}


def by_code(recap: Recapitulatif) -> dict[str, Ligne]:
    return {ligne.fiche.code: ligne for ligne in recap.lignes()}


# --- Dijon -----------------------------------------------------------------------------------------


def test_recap_printed_by_dijon(dijon: Convention) -> None:
    recap = read_recapitulatif_declare(dijon)
    assert [f.nom for f in recap.financeurs] == ["Métropole", "CCI"]
    for code, ligne in by_code(recap).items():
        for rang, annee in enumerate(ANNEES):
            parts, cout = METROPOLE_CCI[code][rang] or (0, 0), COUTS[code][rang] or 0
            attendu = (*parts, cout) if code not in RECAP_AUTREMENT else RECAP_AUTREMENT[code].get(annee, (0, 0, 0))
            assert read(ligne, recap, annee, TOTAL) == attendu, (code, annee)


def test_sums_printed_by_dijon(dijon: Convention) -> None:
    recap = read_recapitulatif_declare(dijon)
    sommes = list_sommes(recap)
    assert {code: [read(ligne, recap, annee, TOTAL) for annee in ANNEES] for code, ligne in sommes.items()} == RECAP_SOMMES
    assert {code: ligne.total().montant for code, ligne in sommes.items()} == RECAP_TROIS_ANS
    assert by_code(recap)["E.P 2.5"].total().mention == "sur devis"


def test_recap_computed_from_the_sheets(dijon: Convention) -> None:
    recap = compute_recapitulatif(dijon)
    lignes = by_code(recap)
    assert set(lignes) == set(COUTS) == set(METROPOLE_CCI)
    assert len(lignes) == 22
    for code, ligne in lignes.items():
        assert tuple(ligne.total(annee).montant for annee in ANNEES) == COUTS[code], code
        assert tuple(read(ligne, recap, annee) for annee in ANNEES) == tuple(p or (None, None) for p in METROPOLE_CCI[code]), code


def test_sums_computed_from_the_sheets(dijon: Convention) -> None:
    recap = compute_recapitulatif(dijon)
    calcul = {code: [read(ligne, recap, annee, AUTRES, TOTAL) for annee in ANNEES] for code, ligne in list_sommes(recap).items()}
    assert calcul == CALCUL_SOMMES
    assert read(recap.total, recap, None, AUTRES, TOTAL) == (816140, 373598, 127512, 1317250)


def test_costs_without_amount_keep_the_words_of_the_sheets(dijon: Convention) -> None:
    lignes = by_code(compute_recapitulatif(dijon))
    assert [lignes["E.P 2.5"].total(annee).mention for annee in ANNEES] == ["sur devis"] * 3
    assert [lignes["E.P 3.2"].total(annee).reserves for annee in ANNEES] == [["à déterminer"]] * 3
    assert set(LigneCout.objects.filter(fiche__code="E.P 3.2", nature__cle="debours").values_list("mention", flat=True)) == {
        "suivant événement commun"
    }


def test_days_of_the_sheets(dijon: Convention) -> None:
    jours: dict[str, dict[int, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for ligne in LigneCout.objects.filter(fiche__convention=dijon, jours__isnull=False).select_related("fiche"):
        jours[ligne.fiche.code][ligne.annee] += ligne.jours
    assert {code: tuple(par_annee[a] for a in ANNEES) for code, par_annee in jours.items()} == {
        code: tuple(Decimal(j) for j in par_annee) for code, par_annee in JOURS.items()
    }


def test_days_are_worth_600_euros(dijon: Convention) -> None:
    lignes = LigneCout.objects.filter(fiche__convention=dijon, jours__isnull=False)
    assert {li.montant_calcule - li.montant.amount for li in lignes} == {0}
    assert {li.tarif_journalier.amount for li in lignes} == {600}


def test_totals_printed_on_the_sheets(dijon: Convention) -> None:
    totaux: dict[str, dict[int, Decimal]] = defaultdict(dict)
    for total in TotalDeclare.objects.filter(fiche__convention=dijon).select_related("fiche"):
        totaux[total.fiche.code][total.annee] = total.montant.amount
    attendus = {code: {a: c for a, c in zip(ANNEES, couts, strict=True) if c is not None} for code, couts in COUTS.items()}
    assert dict(totaux) == {code: couts for code, couts in attendus.items() if couts}


def test_cofinancements_of_jeune_entreprise_keep_rates_and_amounts(dijon: Convention) -> None:
    parts = CoFinancement.objects.filter(fiche__convention=dijon, fiche__code="E.C 1.3").select_related("financeur")
    assert [(p.financeur.sigle, p.taux, p.montant.amount) for p in parts] == [
        ("FSE", 43, 71912),
        ("Région", 20, 32000),
        ("Revitalisation", 13, 21000),
        ("Dijon Métropole", 12, 20000),
        ("CCI 21", 12, 19088),
    ]


def test_sheet_without_supplementary_financing_says_it_in_words(dijon: Convention) -> None:
    parts = CoFinancement.objects.filter(fiche__convention=dijon, fiche__code="E.P 2.2")
    assert [(p.taux, p.montant, p.mention) for p in parts] == [(None, None, "pas de financement supplémentaire")] * 2


def test_amounts_stated_by_the_text_of_dijon(dijon: Convention) -> None:
    montants = MontantDeclare.objects.filter(convention=dijon).select_related("article")
    assert {(m.lieu_affiche, m.objet, m.montant.amount, m.taux) for m in montants} == {
        ("préambule", "participation", 430370, None),
        ("article 3", "participation", 390370, None),
        ("article 4", "participation", 430370, None),
        ("article 4", "acompte", 86000, 20),
    }
    assert MontantDeclare.objects.get(convention=dijon, objet="acompte").base_taux.montant.amount == 430370
    versements = Versement.objects.filter(convention=dijon).order_by("ordre")
    assert [(v.nature, v.taux, v.montant and v.montant.amount) for v in versements] == [("acompte", 20, 86000), ("solde", None, None)]


def test_jeune_entreprise_bears_the_code_of_another_sheet(dijon: Convention) -> None:
    assert list(FicheAction.objects.exclude(code_imprime="").values_list("code", "code_imprime")) == [("E.C 1.3", "E.C 1.2")]


def test_bases_the_sheets_of_dijon_state(dijon: Convention) -> None:
    bases = FicheAction.objects.filter(convention=dijon).exclude(base_montants="non_precisee").values_list("code", "base_montants")
    assert set(bases) == {("E.C 1.1", "ht"), ("E.C 1.2", "ht"), ("E.C 1.3", "ttc")}


# --- Chaumont --------------------------------------------------------------------------------------


def tell_famille(arbre: list[Parent]) -> list[tuple[str, str, Any]]:
    return [(p.convention.reference.removeprefix("CHAUMONT-"), p.lien, tell_famille(p.suites)) for p in arbre]


def test_conventions_of_chaumont_depend_on_the_cadre_and_renew_each_other(chaumont: Convention) -> None:
    liens = Convention.objects.filter(reference__startswith="CHAUMONT").values_list(
        "reference", "parent__reference", "renouvelle__reference"
    )
    cadre = "CHAUMONT-CCI52-2020"
    assert set(liens) == {
        (cadre, None, None),
        ("CHAUMONT-PROSPECTION-2009", None, None),
        ("CHAUMONT-PROSPECTION-2018", None, "CHAUMONT-PROSPECTION-2009"),
        ("CHAUMONT-PROSPECTION-2020", cadre, "CHAUMONT-PROSPECTION-2018"),
        ("CHAUMONT-COMMERCE-2015", None, None),
        ("CHAUMONT-MANAGER-2018", None, "CHAUMONT-COMMERCE-2015"),
        ("CHAUMONT-MANAGER-RECONDUCTION", cadre, "CHAUMONT-MANAGER-2018"),
        ("CHAUMONT-IHM", cadre, None),
        ("CHAUMONT-GRAND-EST", cadre, None),
        ("CHAUMONT-ENTREPRISES-DIFFICULTE", cadre, None),
    }


def test_family_of_chaumont_is_one_graph(chaumont: Convention) -> None:
    arbre = tell_famille(read_famille(chaumont, Utilisateur(is_superuser=True)))
    assert arbre[:2] == [
        ("PROSPECTION-2009", "", [("PROSPECTION-2018", "Fait suite à", [("PROSPECTION-2020", "Fait suite à", [])])]),
        ("COMMERCE-2015", "", [("MANAGER-2018", "Fait suite à", [("MANAGER-RECONDUCTION", "Fait suite à", [])])]),
    ]
    assert {(reference, lien) for reference, lien, _ in arbre[2][2]} == {
        ("IHM", "Dépend de"),
        ("GRAND-EST", "Dépend de"),
        ("ENTREPRISES-DIFFICULTE", "Dépend de"),
    }


def test_dates_of_the_former_conventions_of_chaumont(chaumont: Convention) -> None:
    dates = Convention.objects.exclude(date_debut=None).values_list("reference", "date_debut", "date_fin", "duree_declaree_mois")
    assert {(reference, str(debut), str(fin), mois) for reference, debut, fin, mois in dates} == {
        ("CHAUMONT-PROSPECTION-2018", "2018-01-01", "2019-12-31", 24),
        ("CHAUMONT-MANAGER-2018", "2018-11-01", "2020-10-30", 36),
    }
    assert str(Convention.objects.get(reference="CHAUMONT-COMMERCE-2015").date_signature) == "2015-06-22"


def test_loans_of_initiative_haute_marne(chaumont: Convention) -> None:
    prets = ProduitPret.objects.filter(fiche__convention=chaumont).order_by("ordre")
    assert [(p.nom, p.minimum and p.minimum.amount, p.maximum.amount) for p in prets] == [
        ("Prêt d’honneur Création / Reprise", 3000, 25000),
        ("Prêt d’honneur Croissance", 3000, 25000),
        ("Prêt d’honneur Initiative Remarquable", 5000, 25000),
        ("Prêt d’honneur à taux zéro de la Caisse des Dépôts et Consignations", None, 8000),
    ]


def test_contribution_of_chaumont_to_initiative_haute_marne(chaumont: Convention) -> None:
    recap = compute_recapitulatif(chaumont)
    montants = LigneCout.objects.filter(fiche__convention=chaumont, montant__isnull=False).values_list("annee", "montant")
    assert set(montants) == {(2020, 10000), (2020, 4000)}
    assert read(recap.total, recap, None, TOTAL) == (14000, None, 14000)
    assert MontantDeclare.objects.get(convention=chaumont).montant.amount == 1500


# --- loading ---------------------------------------------------------------------------------------


def test_second_loading_changes_nothing_and_keeps_what_people_edited(dijon: Convention) -> None:
    FicheAction.objects.filter(code="E.A 1.1").update(titre="Titre revu")
    LigneCout.objects.filter(fiche__code="E.A 1.1", nature__cle="etudes").update(montant=Decimal(3100))
    FicheAction.objects.filter(code="E.P 2.4").delete()
    Utilisateur.objects.filter(email="nadia.ferrand@dijon-metropole.example").update(prenom="Nadège")
    assert load_demonstration() == {}
    assert FicheAction.objects.get(code="E.A 1.1").titre == "Titre revu"
    assert LigneCout.objects.get(fiche__code="E.A 1.1", nature__cle="etudes").montant.amount == 3100
    assert not FicheAction.objects.filter(code="E.P 2.4").exists()
    assert Utilisateur.objects.get(email="nadia.ferrand@dijon-metropole.example").prenom == "Nadège"


def test_loading_brings_back_only_what_is_missing(dijon: Convention) -> None:
    nb = MontantRecapDeclare.objects.count()
    Convention.objects.filter(reference="CHAUMONT-IHM").delete()
    comptes = load_demonstration()
    assert comptes["conventions"] == 1
    assert Convention.objects.get(reference="CHAUMONT-IHM").parent.reference == "CHAUMONT-CCI52-2020"
    assert MontantRecapDeclare.objects.count() == nb


def test_no_account_with_a_known_password_outside_debug(settings: Any) -> None:
    settings.DEBUG = False
    load_demonstration()
    assert FicheAction.objects.filter(convention__reference="DIJON-CCI21-2018").count() == 22
    assert not Utilisateur.objects.exists()


def test_demonstration_holds_no_address_nor_phone_of_real_people(root: Path) -> None:
    for path in sorted((root / "fixtures").rglob("*.yaml")):
        texte = path.read_text(encoding="utf-8")
        adresses = re.findall(r"[\w.+-]+@[\w.-]+", texte)
        assert [a for a in adresses if not a.endswith(".example")] == [], path.name
        assert re.findall(r"(?<!\d)(?:0|\+33\s?|0033\s?)[1-9](?:[\s.\-\u00a0\u202f]?\d{2}){4}(?!\d)", texte) == [], path.name
        assert not re.search(r"\bMINEL\b|gminel", texte, re.IGNORECASE), path.name
