"""Rows of a fiche written field by field: indicators and targets, costs, shares."""

import pytest

from comptes.models import Organisation, Utilisateur
from conventions.models import Convention
from fiches.models import CibleIndicateur, FicheAction, Indicateur
from fiches.saisie import Modification, save_modifications
from financement.edition import ContenuFiche
from financement.models import CoFinancement, LigneCout, NatureDepense
from tests.ecritures import cost_key, read, spell, statuses, write, write_one
from tests.factories import (
    CoFinancementFactory,
    FicheFactory,
    IndicateurFactory,
    LigneCoutFactory,
    NatureFactory,
    euros,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def fiche(convention: Convention) -> FicheAction:
    return FicheFactory(convention=convention, titre="Accompagner", constat="Un constat.")


@pytest.fixture
def travail() -> NatureDepense:
    return NatureFactory(nom="Travail", toujours_en_jours=True)


# --- indicators ------------------------------------------------------------------------------------


def test_new_indicator_is_written_with_its_targets_at_once(agent: Utilisateur, fiche: FicheAction) -> None:
    champs = {"indicateur.n1.libelle": "Commerces", "indicateur.n1.unite": "nb", "indicateur.n1.2018": "1 200,5", "indicateur.n1.2019": "0"}
    contenu = ContenuFiche.of(fiche)
    resultats = save_modifications(agent, contenu, [Modification(champ, "", texte) for champ, texte in champs.items()])
    assert {r.statut for r in resultats} == {"enregistre"}
    indicateur = Indicateur.objects.get(fiche=fiche)
    assert (indicateur.libelle, indicateur.unite) == ("Commerces", "nb")
    assert [(c.annee, str(c.valeur)) for c in indicateur.cibles.all()] == [(2018, "1200.50"), (2019, "0.00")]
    assert contenu.nouveaux == {"n1": indicateur.pk}


def test_two_new_indicators_do_not_mix(agent: Utilisateur, fiche: FicheAction) -> None:
    write(agent, fiche, {"indicateur.n1.libelle": "A", "indicateur.n2.libelle": "B", "indicateur.n1.2018": "1", "indicateur.n2.2018": "2"})
    cibles = CibleIndicateur.objects.order_by("indicateur__ordre")
    assert [(c.indicateur.libelle, int(c.valeur)) for c in cibles] == [("A", 1), ("B", 2)]


def test_target_of_an_indicator_without_name_is_refused(agent: Utilisateur, fiche: FicheAction) -> None:
    resultats = write(agent, fiche, {"indicateur.n1.unite": "nb", "indicateur.n1.2018": "12"})
    assert statuses(resultats) == {"indicateur.n1.unite": "refus", "indicateur.n1.2018": "refus"}
    assert not Indicateur.objects.exists()


def test_name_cannot_be_emptied_while_targets_exist(agent: Utilisateur, fiche: FicheAction) -> None:
    indicateur = IndicateurFactory(fiche=fiche)
    CibleIndicateur.objects.create(indicateur=indicateur, annee=2018, valeur=3)
    resultat = write_one(agent, fiche, f"indicateur.{indicateur.pk}.libelle", "")
    assert (resultat.statut, resultat.valeur) == ("refus", "Entreprises accompagnées")
    assert Indicateur.objects.get().libelle == "Entreprises accompagnées"


def test_indicator_without_target_is_removed_by_emptying_its_name(agent: Utilisateur, fiche: FicheAction) -> None:
    indicateur = IndicateurFactory(fiche=fiche)
    assert write_one(agent, fiche, f"indicateur.{indicateur.pk}.libelle", "").statut == "enregistre"
    assert not Indicateur.objects.exists()


def test_indicator_is_removed_with_its_targets_at_once(agent: Utilisateur, fiche: FicheAction) -> None:
    indicateur = IndicateurFactory(fiche=fiche, unite="nb")
    CibleIndicateur.objects.create(indicateur=indicateur, annee=2018, valeur=3)
    cle = f"indicateur.{indicateur.pk}"
    resultats = write(agent, fiche, {f"{cle}.libelle": "", f"{cle}.unite": "", f"{cle}.2018": ""})
    assert set(statuses(resultats).values()) == {"enregistre"}
    assert not Indicateur.objects.exists()


def test_indicator_removed_comes_back_with_its_former_number(agent: Utilisateur, fiche: FicheAction) -> None:
    indicateur = IndicateurFactory(fiche=fiche)
    cle = f"indicateur.{indicateur.pk}"
    write_one(agent, fiche, f"{cle}.libelle", "")
    write(agent, fiche, {f"{cle}.libelle": "Commerces", f"{cle}.2018": "4"})
    assert [(i.pk, i.libelle) for i in fiche.indicateurs.all()] == [(indicateur.pk, "Commerces")]
    assert CibleIndicateur.objects.get().valeur == 4


def test_number_of_another_fiche_is_not_taken(agent: Utilisateur, fiche: FicheAction) -> None:
    autre = IndicateurFactory(libelle="Ailleurs")
    write(agent, fiche, {f"indicateur.{autre.pk}.libelle": "Ici", f"indicateur.{autre.pk}.2018": "4"})
    autre.refresh_from_db()
    assert (autre.libelle, autre.fiche_id == fiche.pk, autre.cibles.count()) == ("Ailleurs", False, 0)


@pytest.mark.parametrize("texte", ["beaucoup", "1.234", "1,234", "200000000000"])
def test_target_that_is_no_number_is_refused(agent: Utilisateur, fiche: FicheAction, texte: str) -> None:
    cle = f"indicateur.{IndicateurFactory(fiche=fiche).pk}"
    assert write_one(agent, fiche, f"{cle}.2018", texte).statut == "refus"
    assert write_one(agent, fiche, f"{cle}.1989", "4").statut == "refus"
    assert not CibleIndicateur.objects.exists()


def test_target_emptied_is_deleted(agent: Utilisateur, fiche: FicheAction) -> None:
    champ = f"indicateur.{IndicateurFactory(fiche=fiche).pk}.2018"
    write_one(agent, fiche, champ, "4")
    write_one(agent, fiche, champ, "/")
    assert not CibleIndicateur.objects.exists()


# --- costs -----------------------------------------------------------------------------------------


def test_new_cell_makes_a_line(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense) -> None:
    resultat = write_one(agent, fiche, cost_key(etudes, 2019, "Observatoire"), "27 j × 550")
    assert (spell(resultat.valeur), spell(resultat.echo)) == ("27 j × 550", "27 j × 550 € = 14 850 €")
    ligne = LigneCout.objects.get()
    assert (ligne.nature, ligne.libelle, ligne.annee) == (etudes, "Observatoire", 2019)
    assert (ligne.jours, ligne.tarif_journalier, ligne.montant) == (27, euros(550), euros(14850))


def test_cells_of_one_row_stay_together(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense, travail: NatureDepense) -> None:
    write(agent, fiche, {cost_key(etudes): "1", cost_key(travail): "2 j"})
    write_one(agent, fiche, cost_key(etudes, 2019), "3")
    assert [(li.nature, li.annee) for li in fiche.lignes_cout.all()] == [(etudes, 2018), (etudes, 2019), (travail, 2018)]


@pytest.mark.parametrize("vide", ["", "/", "-"])
def test_emptying_a_cell_deletes_its_line(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense, vide: str) -> None:
    write(agent, fiche, {cost_key(etudes): "100", cost_key(etudes, 2019): "200"})
    assert write_one(agent, fiche, cost_key(etudes), vide).statut == "enregistre"
    assert [li.annee for li in LigneCout.objects.all()] == [2019]


def test_cell_of_zero_is_a_line_of_zero(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense) -> None:
    write_one(agent, fiche, cost_key(etudes), "0")
    assert LigneCout.objects.get().montant == euros(0)


def test_cell_goes_from_days_to_words_and_back(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense) -> None:
    for texte in ("27 j", "sur devis (suivant événement)", "9 900 € (16,5 j)", "100"):
        assert spell(write_one(agent, fiche, cost_key(etudes), texte).valeur) == texte
        assert spell(read(fiche)[cost_key(etudes)]) == texte
    ligne = LigneCout.objects.get()
    assert (ligne.montant, ligne.jours, ligne.tarif_journalier, ligne.mention) == (euros(100), None, None, "")


def test_ambiguous_cell_is_a_question_with_its_readings(agent: Utilisateur, fiche: FicheAction, travail: NatureDepense) -> None:
    resultat = write_one(agent, fiche, cost_key(travail), "27")
    assert (resultat.statut, [spell(c) for c in resultat.choix]) == ("question", ["27 j", "27 €"])
    assert not LigneCout.objects.exists()


@pytest.mark.parametrize("place", ["2018.0.", "2018.999999.", "1989.{}.", "2101.{}.", "2018.{}", "abc.{}.", "2018.{}." + "m" * 161])
def test_cell_outside_the_grid_is_refused(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense, place: str) -> None:
    assert write_one(agent, fiche, "cout." + place.format(etudes.pk), "100").statut == "refus"
    assert not LigneCout.objects.exists()


@pytest.mark.parametrize("libelle", [" Observatoire", "Observatoire ", "Observatoire  du commerce", "Observatoire\u00a0du commerce"])
def test_cell_named_with_stray_spaces_is_never_written_over_unseen(
    agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense, libelle: str
) -> None:
    write_one(agent, fiche, cost_key(etudes, 2018, " ".join(libelle.split())), "100")
    assert write_one(agent, fiche, cost_key(etudes, 2018, libelle), "200", avant="").statut in {"conflit", "refus"}
    assert [li.montant for li in LigneCout.objects.all()] == [euros(100)]


@pytest.mark.parametrize("libelle", ["Salon\u00a0: hall 2", "Salon  annuel", "Salon "])
def test_cell_of_a_row_loaded_with_unusual_spaces_is_changed_in_place(
    agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense, libelle: str
) -> None:
    ligne = LigneCoutFactory(fiche=fiche, nature=etudes, libelle=libelle)
    assert write_one(agent, fiche, cost_key(etudes, 2018, libelle), "200").statut == "enregistre"
    assert [(li.pk, li.montant) for li in LigneCout.objects.all()] == [(ligne.pk, euros(200))]


def test_renaming_a_row_moves_all_its_cells(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense) -> None:
    write(agent, fiche, {cost_key(etudes, 2018, "Salon"): "1", cost_key(etudes, 2019, "Salon"): "2", cost_key(etudes, 2018, "Autre"): "3"})
    assert write_one(agent, fiche, f"ligne.{etudes.pk}.Salon", "Salon  annuel").statut == "enregistre"
    couts = {champ: valeur for champ, valeur in read(fiche).items() if champ.startswith("cout.")}
    assert couts == {
        cost_key(etudes, 2018, "Salon annuel"): "1",
        cost_key(etudes, 2019, "Salon annuel"): "2",
        cost_key(etudes, 2018, "Autre"): "3",
    }


def test_row_without_name_receives_one_and_loses_it(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense) -> None:
    write_one(agent, fiche, cost_key(etudes), "1")
    assert write_one(agent, fiche, f"ligne.{etudes.pk}.", "Salon 2.0").statut == "enregistre"
    assert LigneCout.objects.get().libelle == "Salon 2.0"
    assert write_one(agent, fiche, f"ligne.{etudes.pk}.Salon 2.0", "").statut == "enregistre"
    assert LigneCout.objects.get().libelle == ""


def test_renaming_over_an_existing_row_is_refused(
    agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense, travail: NatureDepense
) -> None:
    write(
        agent, fiche, {cost_key(etudes, 2018, "Salon"): "1", cost_key(etudes, 2019, "Foire"): "2", cost_key(travail, 2018, "Bilan"): "3 j"}
    )
    resultat = write_one(agent, fiche, f"ligne.{etudes.pk}.Salon", "Foire")
    assert (resultat.statut, resultat.valeur) == ("refus", "Salon")
    assert "Études : Foire" in resultat.message
    assert write_one(agent, fiche, f"ligne.{etudes.pk}.Salon", "Bilan").statut == "enregistre"


def test_two_rows_renamed_alike_at_once_are_not_merged(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense) -> None:
    write(agent, fiche, {cost_key(etudes, 2018, "Salon"): "1", cost_key(etudes, 2018, "Foire"): "2"})
    resultats = write(agent, fiche, {f"ligne.{etudes.pk}.Salon": "Bilan", f"ligne.{etudes.pk}.Foire": "Bilan"})
    assert sorted(statuses(resultats).values()) == ["enregistre", "refus"]
    assert LigneCout.objects.count() == 2


def test_row_renamed_into_one_added_at_once_is_refused(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense) -> None:
    write_one(agent, fiche, cost_key(etudes, 2018, "Salon"), "1")
    resultats = write(agent, fiche, {cost_key(etudes, 2018, "Foire"): "2", f"ligne.{etudes.pk}.Salon": "Foire"})
    assert statuses(resultats) == {cost_key(etudes, 2018, "Foire"): "enregistre", f"ligne.{etudes.pk}.Salon": "refus"}
    assert sorted(li.libelle for li in LigneCout.objects.all()) == ["Foire", "Salon"]


def test_cell_typed_in_a_row_renamed_at_once_follows_it(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense) -> None:
    write_one(agent, fiche, cost_key(etudes, 2018, "Salon"), "1")
    write(agent, fiche, {f"ligne.{etudes.pk}.Salon": "Foire", cost_key(etudes, 2019, "Salon"): "2"})
    assert {(li.annee, li.libelle) for li in LigneCout.objects.all()} == {(2018, "Foire"), (2019, "Foire")}


def test_renaming_a_row_that_is_gone_is_refused(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense) -> None:
    resultat = write_one(agent, fiche, f"ligne.{etudes.pk}.Salon", "Foire", avant="Salon")
    assert (resultat.statut, "Rechargez la page" in resultat.message) == ("refus", True)


# --- shares ----------------------------------------------------------------------------------------


def test_first_value_makes_the_share_and_the_last_emptied_deletes_it(agent: Utilisateur, fiche: FicheAction, cci: Organisation) -> None:
    cle = f"part.{cci.pk}.0.0"
    write_one(agent, fiche, f"{cle}.taux", "33,3333 %")
    assert [(p.financeur, str(p.taux), p.nature, p.annee) for p in CoFinancement.objects.all()] == [(cci, "33.3333", None, None)]
    write_one(agent, fiche, f"{cle}.mention", "suivant devis")
    write_one(agent, fiche, f"{cle}.taux", "")
    assert [(p.taux, p.mention) for p in CoFinancement.objects.all()] == [(None, "suivant devis")]
    write_one(agent, fiche, f"{cle}.mention", " ")
    assert not CoFinancement.objects.exists()


def test_rate_and_amount_are_kept_both(agent: Utilisateur, fiche: FicheAction, cci: Organisation) -> None:
    cle = f"part.{cci.pk}.0.0"
    write(agent, fiche, {f"{cle}.taux": "12", f"{cle}.montant": "19 088 €"})
    part = CoFinancement.objects.get()
    assert (part.taux, part.montant) == (12, euros(19088))
    assert {c: spell(v) for c, v in read(fiche).items() if c.startswith("part.")} == {f"{cle}.taux": "12", f"{cle}.montant": "19 088"}


@pytest.mark.parametrize("nom", ["taux", "montant"])
@pytest.mark.parametrize("texte", ["-1", "moitié", "1 000 000 000 000 000"])
def test_share_that_cannot_be_is_refused(agent: Utilisateur, fiche: FicheAction, cci: Organisation, nom: str, texte: str) -> None:
    assert write_one(agent, fiche, f"part.{cci.pk}.0.0.{nom}", texte).statut == "refus"
    assert not CoFinancement.objects.exists()


def test_rate_over_100_is_refused(agent: Utilisateur, fiche: FicheAction, cci: Organisation) -> None:
    resultat = write_one(agent, fiche, f"part.{cci.pk}.0.0.taux", "100,0001")
    assert (resultat.statut, spell(resultat.message)) == ("refus", "100,0001 % dépasse 100 %.")
    assert write_one(agent, fiche, f"part.{cci.pk}.0.0.taux", "100").statut == "enregistre"


def test_zero_percent_is_a_share(agent: Utilisateur, fiche: FicheAction, cci: Organisation) -> None:
    write_one(agent, fiche, f"part.{cci.pk}.0.0.taux", "0")
    assert read(fiche)[f"part.{cci.pk}.0.0.taux"] == "0"


def test_share_of_nobody_is_non_reparti(agent: Utilisateur, fiche: FicheAction) -> None:
    write_one(agent, fiche, "part.0.0.0.taux", "40")
    assert CoFinancement.objects.get().financeur is None
    write_one(agent, fiche, "part.0.0.0.taux", "50")
    assert [p.taux for p in CoFinancement.objects.all()] == [50]


def test_shares_by_nature_and_year_stand_apart(agent: Utilisateur, fiche: FicheAction, etudes: NatureDepense, cci: Organisation) -> None:
    portees = [(0, 0), (etudes.pk, 0), (0, 2018), (etudes.pk, 2018)]
    write(agent, fiche, {f"part.{cci.pk}.{nature}.{annee}.taux": "10" for nature, annee in portees})
    assert [(p.nature_id or 0, p.annee or 0) for p in fiche.cofinancements.all()] == portees


@pytest.mark.parametrize("cle", ["999999.0.0", "{}.999999.0", "{}.0.1989", "{}.0.2101", "{}.0", "abc.0.0", "{}.0.0.0"])
def test_share_outside_the_table_is_refused(agent: Utilisateur, fiche: FicheAction, cci: Organisation, cle: str) -> None:
    assert write_one(agent, fiche, f"part.{cle.format(cci.pk)}.taux", "10").statut == "refus"
    assert not CoFinancement.objects.exists()


def test_mention_of_a_share_has_a_length(agent: Utilisateur, fiche: FicheAction, cci: Organisation) -> None:
    part = CoFinancementFactory(fiche=fiche, financeur=cci)
    assert write_one(agent, fiche, f"part.{cci.pk}.0.0.mention", "m" * 161).statut == "refus"
    assert write_one(agent, fiche, f"part.{cci.pk}.0.0.mention", "m" * 160).statut == "enregistre"
    part.refresh_from_db()
    assert (part.taux, len(part.mention)) == (100, 160)
