"""What an avenant changes, found between two sets of data: words, amounts, rows that come and go. No database here."""

import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conventions.models import Article, Axe, Convention, MontantDeclare, Objectif, Partie
from documents.differences import Changement, Difference, Mouvement, compare_donnees
from documents.instantane import Donnees
from documents.libelles import LIBELLES, MUETS, MUETS_AVENANT, VIDE
from fiches.models import FicheAction, Indicateur, ProduitPret
from financement.models import Versement
from tests.ecritures import spell
from tests.test_instantane import list_colonnes

LONG = "Le commerce de centre-ville perd ses enseignes, et les friches s’y installent. " * 3


def make_fiche(pk: int = 1, code: str = "E.A 1.1", **champs: Any) -> Donnees:
    """A fiche of 2018, with nothing in it."""
    vide = {"couts": [], "parts": [], "indicateurs": [], "produits_pret": [], "totaux_declares": [], "maitres_ouvrage": []}
    dates = {"calendrier": "Printemps 2018", "annees_calendrier": [2018], "date_debut": "2018-03-01", "date_fin": "2018-09-30"}
    return {"id": pk, "code": code, "titre": "Observer le commerce", "constat": "Peu d’enseignes."} | vide | dates | champs


def make_cout(**champs: Any) -> Donnees:
    vide = {"jours": None, "tarif_journalier": None, "mention": "", "chiffrage": "chiffre"}
    return {"nature": "etudes", "libelle": "", "annee": 2018, "montant": "6000.00"} | vide | champs


def make_part(**champs: Any) -> Donnees:
    return {"financeur": "agglo", "nature": None, "annee": None, "taux": "80.0000", "montant": None, "mention": ""} | champs


def make_partie(**champs: Any) -> Donnees:
    signe = {"civilite": "Madame", "signataire": "Dominique Martin", "qualite": "Présidente", "delegation": ""}
    delibere = {"deliberation_numero": "2018-1", "deliberation_date": "2018-06-01"}
    qui = {"organisation": "agglo", "denomination": "Agglo d’essai", "nom_court": "Agglo", "role": "financeur", "ordre": 10}
    return {"id": 1} | qui | signe | delibere | champs


def make_recap(fiches: dict[str, dict[str, Any]], total: dict[str, Any] | None = None) -> Donnees:
    """A recap from its rows; the total row is said by the test that reads it."""
    annees = sorted({int(a) for cellules in [*fiches.values(), total or {}] for a in cellules if a != "periode"})
    financeurs = [{"cle": "agglo", "nom": "Agglo"}, {"cle": "non_reparti", "nom": "Non réparti"}]
    return {"annees": annees, "financeurs": financeurs, "fiches": fiches, "total": total or {}}


def make_donnees(*fiches: Donnees, **autres: Any) -> Donnees:
    """The data of a small agreement."""
    convention = {
        "reference": "CONV-1",
        "titre": "Développement économique",
        "objet": "Soutenir",
        "annee_fin": 2020,
        "date_fin": "2020-12-31",
        "preambule": "",
        "tarif_journalier": "600.00",
        "lieu_signature": "",
        "nombre_originaux": None,
        "politiques": [],
    }
    return {
        "convention": convention | autres.pop("convention", {}),
        "parties": [],
        "objectifs": [],
        "axes": [],
        "articles": [],
        "montants_declares": [],
        "fiches": list(fiches),
        "versements": [],
        "recapitulatif": make_recap({}),
        "noms": {
            "organisations": {"agglo": "Agglo d’essai", "cci": "CCI d’essai"},
            "natures": {"etudes": "Études"},
            "politiques": {"coeur-de-ville": "Action cœur de ville"},
        },
    } | autres


def compare_fiches(avant: Donnees, apres: Donnees) -> Difference:
    return compare_donnees(make_donnees(avant), make_donnees(apres))


def tell(difference: Difference) -> list[tuple[str, str, str]]:
    """Each thing changed: its name, before, after, with plain spaces."""
    changements = [c for r in difference.rubriques for o in r.objets for c in o.changements]
    return [(spell(c.libelle), spell(c.avant), spell(c.apres)) for c in changements]


def tell_moved(mouvements: list[Mouvement]) -> list[tuple[str, Decimal | None, Decimal | None, Decimal]]:
    return [(m.libelle, m.avant, m.apres, m.ecart) for m in mouvements]


# --- Columns ---------------------------------------------------------------------------------------------


def test_same_data_differ_in_nothing() -> None:
    avant = make_donnees(make_fiche(couts=[make_cout()], parts=[make_part()]), parties=[make_partie()])
    difference = compare_donnees(avant, copy.deepcopy(avant))
    assert difference.is_vide
    assert not difference.demande_avenant
    assert (difference.nombre, difference.has_montants, difference.tableaux) == (0, False, [])


def test_comparing_leaves_the_data_as_they_were() -> None:
    avant, apres = make_donnees(make_fiche(couts=[make_cout()])), make_donnees(make_fiche(couts=[make_cout(montant="1.00")]))
    copies = copy.deepcopy((avant, apres))
    compare_donnees(avant, apres)
    assert (avant, apres) == copies


def test_every_column_is_named_or_silent_on_purpose() -> None:
    tables = (Convention, Partie, Objectif, Axe, Article, MontantDeclare, FicheAction, Indicateur, ProduitPret, Versement)
    colonnes = {f"{t.__name__}.{c.name}": c.name for t in tables for c in list_colonnes(t)}
    assert [nom for nom, champ in colonnes.items() if champ not in {*LIBELLES, *MUETS, *MUETS_AVENANT}] == []


@pytest.mark.parametrize(
    ("champ", "avant", "apres", "dit"),
    [
        ("titre", "Ancien", "Nouveau", ("Titre", "Ancien", "Nouveau")),
        ("objet", "", "Soutenir", ("Objet", VIDE, "Soutenir")),
        ("date_fin", "2020-12-31", "2021-12-31", ("Fin", "31/12/2020", "31/12/2021")),
        ("date_fin", "2020-12-31", None, ("Fin", "31/12/2020", VIDE)),
        ("annee_fin", 2020, 2021, ("Dernière année du budget", "2020", "2021")),
        ("tarif_journalier", "600.00", "1250.50", ("Tarif journalier", "600 €", "1 250,50 €")),
        ("tarif_journalier", None, "0.00", ("Tarif journalier", VIDE, "0 €")),
        ("politiques", [], ["coeur-de-ville"], ("Politiques publiques", VIDE, "Action cœur de ville")),
    ],
)
def test_value_of_the_convention_is_told_before_and_after(champ: str, avant: Any, apres: Any, dit: tuple[str, str, str]) -> None:
    difference = compare_donnees(make_donnees(convention={champ: avant}), make_donnees(convention={champ: apres}))
    assert [r.cle for r in difference.rubriques] == ["convention"]
    assert tell(difference) == [dit]
    assert difference.demande_avenant


@pytest.mark.parametrize(("avant", "apres"), [(None, ""), ("", None), ([], None)])
def test_nothing_written_otherwise_is_still_nothing(avant: Any, apres: Any) -> None:
    assert compare_donnees(make_donnees(convention={"objet": avant}), make_donnees(convention={"objet": apres})).is_vide


def test_zero_is_not_nothing() -> None:
    difference = compare_donnees(
        make_donnees(convention={"duree_declaree_mois": None}), make_donnees(convention={"duree_declaree_mois": 0})
    )
    assert tell(difference) == [("Durée annoncée, en mois", VIDE, "0")]


@pytest.mark.parametrize("champ", ["reference", "renouvelle"])
def test_what_names_a_row_is_not_a_change(champ: str) -> None:
    assert compare_donnees(make_donnees(convention={champ: "A"}), make_donnees(convention={champ: "B"})).is_vide


def test_long_text_is_one_text_where_what_goes_and_comes_is_marked() -> None:
    difference = compare_donnees(make_donnees(convention={"preambule": LONG}), make_donnees(convention={"preambule": LONG + "Agissons."}))
    (changement,) = difference.rubriques[0].objets[0].changements
    assert (changement.genre, changement.is_texte) == ("texte", True)
    assert "Agissons" in str(changement.difference).split("<ins>")[1]
    assert "<del>" not in str(changement.difference)


def test_text_written_for_the_first_time_is_all_new() -> None:
    assert "<del>" not in Changement("Préambule", VIDE, "Agissons.", "texte").difference
    assert "<ins>" not in Changement("Préambule", "Agissons.", VIDE, "texte").difference


def test_short_text_is_read_whole_before_and_after() -> None:
    (changement,) = compare_fiches(make_fiche(), make_fiche(constat="Plus d’enseignes.")).rubriques[0].objets[0].changements
    assert not changement.is_texte


def test_marks_of_a_text_are_not_printed_in_the_middle_of_its_words() -> None:
    difference = compare_fiches(make_fiche(contenus=""), make_fiche(contenus="- Un atelier\n- **Deux** visites"))
    assert tell(difference) == [("Contenus", VIDE, "Un atelier Deux visites")]
    neuve = make_fiche(2, "E.A 2", contenus="### Les ateliers\n\n" + LONG)
    dits = {libelle: apres for libelle, _, apres in tell(compare_donnees(make_donnees(), make_donnees(neuve)))}
    assert dits["Contenus"] == "Les ateliers " + LONG.strip()


def test_text_where_only_the_marks_change_is_shown_with_them() -> None:
    difference = compare_fiches(make_fiche(contenus="Deux visites"), make_fiche(contenus="**Deux** visites"))
    assert tell(difference) == [("Contenus", "Deux visites", "**Deux** visites")]


@pytest.mark.parametrize(
    ("cle", "row", "champ", "apres", "dit"),
    [
        ("parties", make_partie(role="beneficiaire"), "role", "partenaire", ("Rôle", "Bénéficiaire", "Partenaire")),
        (
            "fiches",
            make_fiche(base_montants="non_precisee"),
            "base_montants",
            "ttc",
            ("Base des montants", "Non précisée", "Toutes taxes comprises"),
        ),
        (
            "versements",
            {"id": 1, "nature": "solde", "beneficiaire": "cci", "declencheur": "bilan_recu"},
            "declencheur",
            "aucun",
            ("Ce qui l’ouvre", "Réception du bilan", "Aucune condition"),
        ),
    ],
)
def test_choice_is_told_in_words(cle: str, row: Donnees, champ: str, apres: str, dit: tuple[str, str, str]) -> None:
    difference = compare_donnees(make_donnees() | {cle: [row]}, make_donnees() | {cle: [row | {champ: apres}]})
    assert tell(difference) == [dit]


def test_cadre_of_a_convention_is_not_called_an_axe() -> None:
    difference = compare_donnees(make_donnees(convention={"parent": None}), make_donnees(convention={"parent": "CADRE-1"}))
    assert tell(difference) == [("Convention-cadre", VIDE, "CADRE-1")]


# --- Rows ------------------------------------------------------------------------------------------------


def test_rows_are_followed_by_their_origin_whatever_they_are_called() -> None:
    avant = make_donnees(axes=[{"id": 1, "code": "E.A", "titre": "Attractivité", "parent": None}])
    apres = make_donnees(axes=[{"id": 1, "code": "E.B", "titre": "Attractivité", "parent": None}])
    (rubrique,) = compare_donnees(avant, apres).rubriques
    assert [(o.titre, o.genre) for o in rubrique.objets] == [("E.B – Attractivité", "modifie")]
    assert tell(compare_donnees(avant, apres)) == [("Code", "E.A", "E.B")]


def test_row_that_comes_is_told_with_what_it_says_and_one_that_goes_by_its_name() -> None:
    un, deux = {"id": 1, "numero": 1, "titre": "Objet", "texte": "Coopérer."}, {"id": 2, "numero": 2, "titre": "Durée", "texte": ""}
    difference = compare_donnees(make_donnees(articles=[un]), make_donnees(articles=[deux]))
    (rubrique,) = difference.rubriques
    assert [(o.titre, o.genre, len(o.changements)) for o in rubrique.objets] == [
        ("Article 2 – Durée", "ajout", 2),
        ("Article 1 – Objet", "retrait", 0),
    ]
    assert difference.nombre == 3


def test_order_of_rows_is_not_a_change() -> None:
    rows = [{"id": 1, "titre": "Un", "ordre": 10}, {"id": 2, "titre": "Deux", "ordre": 20}]
    difference = compare_donnees(make_donnees(objectifs=rows), make_donnees(objectifs=[rows[1] | {"ordre": 5}, rows[0]]))
    assert difference.is_vide


def test_each_avenant_has_its_own_deliberations() -> None:
    apres = make_partie(deliberation_numero="", deliberation_date=None)
    assert compare_donnees(make_donnees(parties=[make_partie()]), make_donnees(parties=[apres])).is_vide


def test_who_signs_an_avenant_and_where_is_not_what_it_changes() -> None:
    apres = make_partie(civilite="Monsieur", signataire="Alex Petit", qualite="Vice-président", delegation="arrêté 12")
    ailleurs = {"lieu_signature": "Dijon", "nombre_originaux": 3}
    assert compare_donnees(make_donnees(parties=[make_partie()]), make_donnees(parties=[apres], convention=ailleurs)).is_vide


def test_amount_of_the_text_is_told_with_its_rate_and_its_ceiling() -> None:
    avant = {"id": 1, "libelle": "Acompte", "montant": "1000.00", "taux": "20.0000", "plafond": False}
    apres = avant | {"montant": "1200.00", "taux": "33.3333", "plafond": True}
    difference = compare_donnees(make_donnees(montants_declares=[avant]), make_donnees(montants_declares=[apres]))
    assert tell(difference) == [
        ("Montant", "1 000 €", "1 200 €"),
        ("Plafond", "non", "oui"),
        ("Taux", "20 %", "33,3333 %"),
    ]


def test_payment_is_called_by_its_nature_and_who_receives_it() -> None:
    avant = {"id": 1, "nature": "acompte", "beneficiaire": "cci", "payeur": "agglo", "date_prevue": None}
    difference = compare_donnees(make_donnees(versements=[avant]), make_donnees(versements=[avant | {"date_prevue": "2019-06-30"}]))
    assert [o.titre for r in difference.rubriques for o in r.objets] == ["Acompte, CCI d’essai"]
    assert tell(difference) == [("Date prévue", VIDE, "30/06/2019")]


def test_organisation_renamed_since_the_signature_changes_nothing() -> None:
    fiche = make_fiche(couts=[make_cout()], parts=[make_part()], maitres_ouvrage=["agglo"])
    avant = make_donnees(fiche, parties=[make_partie()])
    apres = copy.deepcopy(avant)
    apres["noms"] = {"organisations": {"agglo": "Grande agglomération", "cci": "CCI d’essai"}, "natures": {"etudes": "Études et conseils"}}
    assert compare_donnees(avant, apres).is_vide


# --- Fiches ----------------------------------------------------------------------------------------------


def test_fiche_added_is_told_with_its_costs_and_its_shares() -> None:
    neuve = make_fiche(2, "E.A 2", titre="Rénover les halles", couts=[make_cout()], parts=[make_part()])
    difference = compare_donnees(make_donnees(make_fiche()), make_donnees(make_fiche(), neuve))
    assert difference.list_fiches("ajout") == ["E.A 2 – Rénover les halles"]
    assert {("Études, 2018", VIDE, "6 000 €"), ("Part de Agglo d’essai", VIDE, "80 %")} < set(tell(difference))
    assert not any(c.apres == VIDE for c in difference.rubriques[0].objets[0].changements)


def test_fiche_taken_away_is_told_by_its_name() -> None:
    difference = compare_donnees(make_donnees(make_fiche(), make_fiche(2, "E.A 2")), make_donnees(make_fiche()))
    assert difference.list_fiches("retrait") == ["E.A 2 – Observer le commerce"]
    assert (difference.list_fiches("ajout"), difference.list_fiches("modifie"), tell(difference)) == ([], [], [])


def test_fiche_whose_code_changes_is_the_same_fiche() -> None:
    cellules = {"2018": {"total": "6000.00"}, "periode": {"total": "6000.00"}}
    avant = make_donnees(make_fiche(), recapitulatif=make_recap({"E.A 1.1": cellules}, cellules))
    apres = make_donnees(make_fiche(code="E.A 2.1"), recapitulatif=make_recap({"E.A 2.1": cellules}, cellules))
    difference = compare_donnees(avant, apres)
    assert difference.list_fiches("modifie") == ["E.A 2.1 – Observer le commerce"]
    assert tell(difference) == [("Code", "E.A 1.1", "E.A 2.1")]
    assert tell_moved(difference.par_fiche) == []
    assert not difference.has_montants


def test_two_fiches_that_exchange_their_codes_keep_their_own_amounts() -> None:
    un, deux = {"periode": {"total": "100.00"}}, {"periode": {"total": "900.00"}}
    avant = make_donnees(make_fiche(1, "A 1"), make_fiche(2, "A 2"), recapitulatif=make_recap({"A 1": un, "A 2": deux}))
    apres = make_donnees(make_fiche(1, "A 2"), make_fiche(2, "A 1"), recapitulatif=make_recap({"A 2": un, "A 1": deux}))
    assert tell_moved(compare_donnees(avant, apres).par_fiche) == []


@pytest.mark.parametrize(
    ("avant", "apres", "dit"),
    [
        ({}, {"montant": "7000.50"}, ("6 000 €", "7 000,50 €")),
        ({}, {"montant": "0.00"}, ("6 000 €", "0 €")),
        ({}, {"montant": None, "chiffrage": "sur_devis"}, ("6 000 €", "sur devis")),
        ({"montant": None, "chiffrage": "sur_devis"}, {"montant": None, "chiffrage": "inconnu"}, ("sur devis", "à déterminer")),
        ({"jours": "10.00"}, {"jours": "12.50"}, ("6 000 € (10 j)", "6 000 € (12,5 j)")),
        ({}, {"mention": "dont 500 € de débours"}, ("6 000 €", "6 000 €, dont 500 € de débours")),
    ],
)
def test_cost_is_told_before_and_after(avant: dict[str, Any], apres: dict[str, Any], dit: tuple[str, str]) -> None:
    difference = compare_fiches(make_fiche(couts=[make_cout(**avant)]), make_fiche(couts=[make_cout(**apres)]))
    assert tell(difference) == [("Études, 2018", *dit)]


@pytest.mark.parametrize(
    ("avant", "apres"),
    [
        ({"tarif_journalier": "600.00", "jours": "10.00"}, {"tarif_journalier": "650.00", "jours": "10.00"}),
        ({"montant": None, "chiffrage": "sur_devis"}, {"montant": None, "chiffrage": "sur_devis", "mention": "suivant événement"}),
        ({"montant": None, "chiffrage": "sur_devis"}, {"montant": None, "chiffrage": "sur_devis", "jours": "3.00"}),
    ],
    ids=["tarif", "mention sans montant", "jours sans montant"],
)
def test_nothing_of_a_cost_changes_unseen(avant: dict[str, Any], apres: dict[str, Any]) -> None:
    difference = compare_fiches(make_fiche(couts=[make_cout(**avant)]), make_fiche(couts=[make_cout(**apres)]))
    assert [libelle for libelle, _, _ in tell(difference)] == ["Études, 2018"]


def test_year_of_cost_that_comes_and_one_that_goes() -> None:
    difference = compare_fiches(
        make_fiche(couts=[make_cout(libelle="Terrain")]), make_fiche(couts=[make_cout(libelle="Terrain", annee=2019)])
    )
    assert tell(difference) == [("Études : Terrain, 2019", VIDE, "6 000 €"), ("Études : Terrain, 2018", "6 000 €", VIDE)]
    assert difference.demande_avenant


@pytest.mark.parametrize(
    ("avant", "apres", "dit"),
    [
        ([make_part()], [make_part(taux="75.5000")], [("Part de Agglo d’essai", "80 %", "75,5 %")]),
        ([make_part()], [make_part(montant="4800.00")], [("Part de Agglo d’essai", "80 %", "80 % – 4 800 €")]),
        ([make_part()], [], [("Part de Agglo d’essai", "80 %", VIDE)]),
        (
            [],
            [make_part(financeur=None, taux=None, mention="alternance")],
            [("Part de personne (non réparti)", VIDE, "alternance")],
        ),
        (
            [make_part(nature="etudes", annee=2018)],
            [make_part(nature="etudes", annee=2018, taux="10.0000")],
            [("Part de Agglo d’essai, Études, 2018", "80 %", "10 %")],
        ),
    ],
)
def test_share_is_told_before_and_after(avant: list[Donnees], apres: list[Donnees], dit: list[tuple[str, str, str]]) -> None:
    assert tell(compare_fiches(make_fiche(parts=avant), make_fiche(parts=apres))) == dit


def test_lead_organisations_are_told_by_name() -> None:
    difference = compare_fiches(make_fiche(maitres_ouvrage=["agglo"]), make_fiche(maitres_ouvrage=["agglo", "cci"]))
    assert tell(difference) == [("Organisations maîtres d’ouvrage", "Agglo d’essai", "Agglo d’essai, CCI d’essai")]


def test_indicators_come_change_and_go_inside_their_fiche() -> None:
    suivi = {"id": 1, "libelle": "Visites", "unite": "", "cibles": {"2018": "12.00"}}
    ancien = {"id": 2, "libelle": "Lettres", "unite": "", "cibles": {}}
    neuf = {"id": 3, "libelle": "Ateliers", "unite": "séances", "cibles": {"2018": "3.00"}}
    renomme = suivi | {"libelle": "Visites d’entreprises", "cibles": {"2018": "12.00", "2019": "1500.50"}}
    difference = compare_fiches(make_fiche(indicateurs=[suivi, ancien]), make_fiche(indicateurs=[renomme, neuf]))
    assert tell(difference) == [
        ("Indicateur « Visites d’entreprises », libellé", "Visites", "Visites d’entreprises"),
        ("Indicateur « Visites d’entreprises », cibles", "2018 : 12", "2018 : 12, 2019 : 1 500,5"),
        ("Indicateur « Ateliers »", VIDE, "ajouté (unité séances, cibles 2018 : 3)"),
        ("Indicateur « Lettres »", "présent", "retiré"),
    ]


def test_loans_come_change_and_go_inside_their_fiche() -> None:
    pret = {"id": 1, "nom": "Prêt d’honneur", "public": "Créateurs", "minimum": "1000.00", "maximum": "8000.00"}
    autre = pret | {"id": 2, "nom": "Avance"}
    difference = compare_fiches(make_fiche(produits_pret=[pret]), make_fiche(produits_pret=[pret | {"maximum": "10000.00"}, autre]))
    assert tell(difference) == [
        ("Prêt « Prêt d’honneur », maximum", "8 000 €", "10 000 €"),
        ("Prêt « Avance »", VIDE, "ajouté (public Créateurs, minimum 1 000 €, maximum 8 000 €)"),
    ]
    assert tell(compare_fiches(make_fiche(produits_pret=[pret]), make_fiche())) == [("Prêt « Prêt d’honneur »", "présent", "retiré")]


# --- What asks for an avenant -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "apres", [{"calendrier": "Automne 2018"}, {"date_debut": "2018-04-01", "date_fin": "2018-12-31"}], ids=["mots", "dates"]
)
def test_calendar_told_otherwise_inside_the_same_years_asks_for_no_avenant(apres: dict[str, Any]) -> None:
    difference = compare_fiches(make_fiche(), make_fiche(**apres))
    assert not difference.is_vide
    assert not difference.demande_avenant
    assert all(c.mineur for r in difference.rubriques for o in r.objets for c in o.changements)


@pytest.mark.parametrize(
    "apres",
    [
        {"date_fin": "2019-03-31"},
        {"annees_calendrier": [2018, 2019]},
        {"calendrier": "Automne 2018", "couts": [make_cout(annee=2019)]},
        {"calendrier": "Automne 2018", "constat": "Plus d’enseignes."},
    ],
    ids=["fin l’année suivante", "année citée", "coût d’une autre année", "autre chose avec"],
)
def test_calendar_that_changes_years_or_comes_with_something_else_asks_for_one(apres: dict[str, Any]) -> None:
    assert compare_fiches(make_fiche(), make_fiche(**apres)).demande_avenant


def test_calendar_of_one_fiche_beside_a_fiche_added_asks_for_an_avenant() -> None:
    difference = compare_donnees(make_donnees(make_fiche()), make_donnees(make_fiche(calendrier="Automne 2018"), make_fiche(2, "E.A 2")))
    assert [o.is_mineur for r in difference.rubriques for o in r.objets] == [True, False]
    assert difference.demande_avenant


# --- Data frozen before a column existed ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("apres", "dit"),
    [
        ("arrêté 12", [("Objet", VIDE, "arrêté 12")]),
        ("", []),
        (None, []),
        ([], []),
    ],
)
def test_column_that_old_data_lack_counts_as_empty(apres: Any, dit: list[tuple[str, str, str]]) -> None:
    avant = make_donnees()
    del avant["convention"]["objet"]
    assert tell(compare_donnees(avant, make_donnees(convention={"objet": apres}))) == dit


def test_unticked_box_that_old_data_lack_is_not_a_change() -> None:
    avant = {"id": 1, "libelle": "Acompte", "montant": "1000.00"}
    difference = compare_donnees(make_donnees(montants_declares=[avant]), make_donnees(montants_declares=[avant | {"plafond": False}]))
    assert difference.is_vide


def test_column_that_only_old_data_hold_is_passed_over() -> None:
    avant = make_donnees(convention={"tribunal": "Dijon"})
    assert compare_donnees(avant, make_donnees()).is_vide


# --- Amounts that move ---------------------------------------------------------------------------------------


def test_amounts_move_by_fiche_by_year_and_by_financeur() -> None:
    avant_total = {"2018": {"total": "100.00", "agglo": "100.00"}, "periode": {"total": "100.00", "agglo": "100.00"}}
    apres_total = {
        "2018": {"total": "100.00", "agglo": "100.00"},
        "2019": {"total": "50.25", "agglo": "40.00", "non_reparti": "10.25"},
        "periode": {"total": "150.25", "agglo": "140.00", "non_reparti": "10.25"},
    }
    avant = make_donnees(make_fiche(), recapitulatif=make_recap({"E.A 1.1": avant_total}, avant_total))
    neuve = make_fiche(2, "E.A 2")
    fiches = {"E.A 1.1": avant_total, "E.A 2": {"periode": {"total": "50.25"}}}
    difference = compare_donnees(avant, make_donnees(make_fiche(), neuve, recapitulatif=make_recap(fiches, apres_total)))
    assert tell_moved(difference.par_fiche) == [("E.A 2", None, Decimal("50.25"), Decimal("50.25"))]
    assert tell_moved(difference.par_annee) == [("2019", None, Decimal("50.25"), Decimal("50.25"))]
    assert tell_moved(difference.par_financeur) == [
        ("Agglo", Decimal(100), Decimal(140), Decimal(40)),
        ("Non réparti", None, Decimal("10.25"), Decimal("10.25")),
    ]
    assert difference.total == Mouvement("Coût total des actions", Decimal(100), Decimal("150.25"))
    assert [titre for titre, _ in difference.tableaux] == ["Fiche", "Année", "Financeur"]
    assert difference.has_montants


def test_amount_that_moves_from_a_fiche_to_another_leaves_the_total() -> None:
    def recap(un: str, deux: str) -> Donnees:
        return make_recap({"A 1": {"periode": {"total": un}}, "A 2": {"periode": {"total": deux}}}, {"periode": {"total": "100.00"}})

    fiches = (make_fiche(1, "A 1"), make_fiche(2, "A 2"))
    difference = compare_donnees(
        make_donnees(*fiches, recapitulatif=recap("40.00", "60.00")), make_donnees(*fiches, recapitulatif=recap("10.00", "90.00"))
    )
    assert [m.ecart for m in difference.par_fiche] == [Decimal(-30), Decimal(30)]
    assert (difference.total.ecart, difference.par_annee, difference.par_financeur, difference.has_montants) == (0, [], [], True)


def test_words_instead_of_an_amount_count_for_nothing() -> None:
    avant = make_donnees(make_fiche(), recapitulatif=make_recap({"E.A 1.1": {"periode": {"total": "sur devis"}}}))
    apres = make_donnees(make_fiche(), recapitulatif=make_recap({"E.A 1.1": {"periode": {"total": "10.00"}}}))
    assert tell_moved(compare_donnees(avant, apres).par_fiche) == [("E.A 1.1", None, Decimal(10), Decimal(10))]


MONTANTS = st.integers(0, 10**9).map(lambda centimes: Decimal(centimes) / 100)
COUTS = st.dictionaries(st.integers(1, 6), st.dictionaries(st.sampled_from([2018, 2019, 2020]), MONTANTS, min_size=1), max_size=6)


def make_chiffree(couts: dict[int, dict[int, Decimal]]) -> Donnees:
    """Fiches with their yearly costs, and the recap of their sums."""

    def row(annees: dict[int, Decimal]) -> dict[str, Any]:
        cellules = {str(a): {"total": f"{m:.2f}", "agglo": f"{m:.2f}"} for a, m in annees.items()}
        somme = f"{sum(annees.values(), Decimal(0)):.2f}"
        return cellules | {"periode": {"total": somme, "agglo": somme}} if annees else {}

    annees: dict[int, Decimal] = {}
    for fiche in couts.values():
        for annee, montant in fiche.items():
            annees[annee] = annees.get(annee, Decimal(0)) + montant
    fiches = [make_fiche(pk, f"A {pk}", couts=[make_cout(annee=a, montant=f"{m:.2f}") for a, m in c.items()]) for pk, c in couts.items()]
    return make_donnees(*fiches, recapitulatif=make_recap({f"A {pk}": row(c) for pk, c in couts.items()}, row(annees)))


@given(COUTS, COUTS)
def test_movements_sum_to_the_movement_of_the_whole(avant: Any, apres: Any) -> None:
    difference = compare_donnees(make_chiffree(avant), make_chiffree(apres))
    ecart = sum((m for c in apres.values() for m in c.values()), Decimal(0)) - sum(
        (m for c in avant.values() for m in c.values()), Decimal(0)
    )
    assert difference.total.ecart == ecart
    for mouvements in (difference.par_fiche, difference.par_annee, difference.par_financeur):
        assert sum((m.ecart for m in mouvements), Decimal(0)) == ecart
        assert all(m.avant != m.apres for m in mouvements)


@given(COUTS, COUTS)
def test_going_back_undoes_every_movement(avant: Any, apres: Any) -> None:
    aller, retour = compare_donnees(make_chiffree(avant), make_chiffree(apres)), compare_donnees(make_chiffree(apres), make_chiffree(avant))
    assert {(m.libelle, m.ecart) for m in aller.par_fiche} == {(m.libelle, -m.ecart) for m in retour.par_fiche}
    assert sorted(aller.list_fiches("ajout")) == sorted(retour.list_fiches("retrait"))
    assert aller.is_vide == retour.is_vide == (avant == apres)
