"""What contradicts itself in the two real agreements, copied by hand from their documents; and nothing once it is corrected."""

from collections import Counter
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from comptes.models import Organisation
from conventions.models import Convention, MontantDeclare
from fiches.models import CibleIndicateur, FicheAction, Indicateur
from financement.controles.regles import find_contradictions
from financement.models import CoFinancement, LigneCout, MontantRecapDeclare, TotalDeclare
from financement.recapitulatif import TOTAL, Ligne
from financement.syntheses import compute_recapitulatif
from socle.controles import write_valeur
from tests.factories import euros

Rangee = tuple[str, str, int | None, str, str | None, str | None]

# Rules that tell what is missing: counted, not listed.
PIECES = ("dates_manquantes", "deliberation_manquante", "signataire_manquant", "siret_manquant", "coordonnees_bancaires")
INDICATEURS = ("indicateur_sans_cible", "fiche_sans_indicateur")

# Rule, object, year, financeur, what stands there, what is expected. Amounts: seeds/dijon-metropole-cci-cote-d-or.txt.
DIJON: set[Rangee] = {
    # Preamble and article 4 state the total of the CCI's column (116 110 + 151 810 + 162 450), article 3 the same without
    # E.C 1.3 (2 × 20 000). The Métropole's column makes 236 140 + 259 040 + 267 700; its parts of the fiches 53 260 more:
    # 1 340 on E.A 1.3.1, 2 × 4 620 on E.A 1.3.2, 3 × 7 560 on E.A 2.2, 20 000 on E.C 1.3.
    ("participation_recap", "préambule", None, "Métropole", "430370.00", "762880.00"),
    ("participation_recap", "article 3", None, "Métropole", "390370.00", "762880.00"),
    ("plafond_recap", "article 4", None, "Métropole", "430370.00", "762880.00"),
    ("participation_fiches", "préambule", None, "Métropole", "430370.00", "816140.00"),
    ("participation_fiches", "article 3", None, "Métropole", "390370.00", "816140.00"),
    ("plafond_fiches", "article 4", None, "Métropole", "430370.00", "816140.00"),
    ("montants_texte", "article 3", None, "Métropole", "390370.00", "430370.00"),
    ("acompte_taux", "article 4", None, "Métropole", "86000.00", "86074.00"),  # 20 % of 430 370
    # Annex: studies 70/30 of 13 200 €, then 80/20 of 15 400 € and of 25 200 €, printed by halves.
    ("recap_fiche", "E.A 1.3.1", 2019, "Métropole", "7900.00", "9240.00"),
    ("recap_fiche", "E.A 1.3.1", 2019, "CCI", "7900.00", "3960.00"),
    ("recap_fiche", "E.A 1.3.2", 2018, "Métropole", "7700.00", "12320.00"),
    ("recap_fiche", "E.A 1.3.2", 2018, "CCI", "7700.00", "3080.00"),
    ("recap_fiche", "E.A 1.3.2", 2020, "Métropole", "7700.00", "12320.00"),
    ("recap_fiche", "E.A 1.3.2", 2020, "CCI", "7700.00", "3080.00"),
    ("recap_fiche", "E.A 2.2", 2018, "Métropole", "12600.00", "20160.00"),
    ("recap_fiche", "E.A 2.2", 2018, "CCI", "12600.00", "5040.00"),
    ("recap_fiche", "E.A 2.2", 2019, "Métropole", "12600.00", "20160.00"),
    ("recap_fiche", "E.A 2.2", 2019, "CCI", "12600.00", "5040.00"),
    ("recap_fiche", "E.A 2.2", 2020, "Métropole", "12600.00", "20160.00"),
    ("recap_fiche", "E.A 2.2", 2020, "CCI", "12600.00", "5040.00"),
    # E.C 1.3: 164 000 € in 2019 with five financeurs; the annex prints 20 000 € by the CCI in 2019 and 2020.
    ("recap_fiche", "E.C 1.3", 2019, "Métropole", "0.00", "20000.00"),
    ("recap_fiche", "E.C 1.3", 2019, "CCI", "20000.00", "19088.00"),
    ("recap_fiche", "E.C 1.3", 2019, "Total", "20000.00", "164000.00"),
    ("recap_fiche", "E.C 1.3", 2020, "CCI", "20000.00", "0.00"),
    ("recap_fiche", "E.C 1.3", 2020, "Total", "20000.00", "0.00"),
    ("recap_sans_montant", "E.P 2.5", 2018, "Total", "0.00", "sur devis"),
    ("recap_sans_montant", "E.P 2.5", 2019, "Total", "0.00", "sur devis"),
    ("recap_sans_montant", "E.P 2.5", 2020, "Total", "0.00", "sur devis"),
    # E.C 1.1 and E.C 1.2 are HT, E.C 1.3 is TTC, the others do not say.
    ("ht_ttc", "récapitulatif", None, "", "non précisée, hors taxes et toutes taxes comprises", None),
    # E.A 1.3.1: the invitation, 2 600 €, is paid « en alternance ». E.C 1.3: whole rates of 164 000 €. E.P 2.3: the TPE.
    ("cout_sans_financeur", "E.A 1.3.1", 2019, "Non réparti", "0.00", "2600.00"),
    ("taux_part", "E.C 1.3", None, "FSE", "71912.00", "70520.00"),
    ("taux_part", "E.C 1.3", None, "Région", "32000.00", "32800.00"),
    ("taux_part", "E.C 1.3", None, "Revitalisation", "21000.00", "21320.00"),
    ("taux_part", "E.C 1.3", None, "Métropole", "20000.00", "19680.00"),
    ("taux_part", "E.C 1.3", None, "CCI", "19088.00", "19680.00"),
    ("financeur_sans_part", "E.P 2.3", None, "", "TPE commerciales que concernent ces dispositifs", None),
    # Animation without its days: 1.200 € and 18.000 €.
    ("jours_manquants", "E.A 1.1", 2018, "", "1200.00", None),
    ("jours_manquants", "E.A 2.2", 2018, "", "18000.00", None),
    ("jours_manquants", "E.A 2.2", 2019, "", "18000.00", None),
    ("jours_manquants", "E.A 2.2", 2020, "", "18000.00", None),
    ("montant_inconnu", "E.P 2.5", 2018, "", "sur devis", None),
    ("montant_inconnu", "E.P 2.5", 2019, "", "sur devis", None),
    ("montant_inconnu", "E.P 2.5", 2020, "", "sur devis", None),
    ("montant_inconnu", "E.P 3.2", 2018, "", "suivant événement commun", None),
    ("montant_inconnu", "E.P 3.2", 2019, "", "suivant événement commun", None),
    ("montant_inconnu", "E.P 3.2", 2020, "", "suivant événement commun", None),
    # Two sheets print E.C 1.2.
    ("code_double", "E.C 1.2", None, "", "E.C 1.2", None),
    ("code_feuille", "E.C 1.3", None, "", "E.C 1.2", "E.C 1.3"),
    # Calendars. E.A 2.1 only plans a study of the first semester of 2018, E.C 1.3 only costs 2019.
    ("calendrier_couts", "E.A 1.2.2", 2018, "", "2700.00", "2019 – 2020"),
    ("calendrier_couts", "E.A 1.3.1", 2018, "", "0.00", "2018 – 2019 – 2020"),
    ("calendrier_couts", "E.A 1.3.1", 2020, "", "0.00", "2018 – 2019 – 2020"),
    ("calendrier_couts", "E.A 2.1", 2019, "", "11000.00", "premier semestre 2018"),
    ("calendrier_couts", "E.A 2.1", 2020, "", "8600.00", "premier semestre 2018"),
    ("calendrier_couts", "E.C 1.3", 2020, "", "0.00", "1er janvier 2019, 2019 – 2020"),
    ("cout_lineaire", "E.P 2.6", None, "", "6 000 € en 2018, 14 400 € en 2019 et 14 400 € en 2020", "coût linéaire"),
    # « Point d’étape le 02.11.2018 », and the fiches of 2018 total 352 250 €.
    ("annee_entamee", "convention", 2018, "", "352250.00", "92475.00"),
    ("action_avant_signature", "E.A 2.1", 2018, "", "2018-06-30", "2018-11-02"),
    ("action_avant_signature", "E.A 2.2", 2018, "", "2018-03-31", "2018-11-02"),
    ("action_avant_signature", "E.P 3.1", 2018, "", "2018-06-30", "2018-11-02"),
    ("demarrage_cout", "E.C 1.1", 2018, "", "36000.00", "18000.00"),  # second semester: 6 months of 12
    ("demarrage_cout", "E.C 1.2", 2018, "", "58000.00", "14500.00"),  # end of 2018: 3 months
}

# seeds/chaumont-cci-meuse-haute-marne.txt: « signée pour trois ans du 1er novembre 2018 au 30 octobre 2020 », a post « créé en
# novembre 2017 », a convention signed « pour trois ans le 22 juin 2015 » before it.
CHAUMONT: dict[str, set[Rangee]] = {
    "CHAUMONT-CCI52-2020": {
        ("texte_duree", "préambule", None, "", "2020-10-30", "2021-10-31"),
        ("fiche_duree", "C 1", None, "", "2020-10-30", "2021-10-31"),
        ("fiche_creation", "C 1", None, "", "novembre 2017", "novembre 2018"),
        ("montant_inconnu", "E 2", 2020, "", "Devis détaillé, suivant le nombre de places ouvertes", None),
    },
    "CHAUMONT-MANAGER-2018": {
        ("duree_periode", "convention", None, "", "2020-10-30", "2021-10-31"),
        ("renouvellement_suite", "convention", None, "", "2018-11-01", "2018-06-22"),
    },
    "CHAUMONT-MANAGER-RECONDUCTION": {("texte_creation", "convention", None, "", "novembre 2017", "novembre 2018")},
}

# What is missing: dates, délibérations, signatories, SIRET, accounts.
MANQUES = {
    "DIJON-CCI21-2018": (2, 1, 0, 2, 1),
    "CHAUMONT-CCI52-2020": (2, 1, 2, 2, 1),
    "CHAUMONT-PROSPECTION-2009": (3, 1, 2, 2, 1),  # and no date of signature, though it was carried out
    "CHAUMONT-PROSPECTION-2018": (1, 1, 2, 2, 1),
    "CHAUMONT-PROSPECTION-2020": (2, 1, 2, 2, 1),
    "CHAUMONT-COMMERCE-2015": (0, 1, 3, 3, 0),
    "CHAUMONT-MANAGER-2018": (1, 2, 2, 2, 0),
    "CHAUMONT-MANAGER-RECONDUCTION": (2, 2, 2, 2, 0),
    "CHAUMONT-IHM": (2, 1, 2, 2, 1),
    "CHAUMONT-GRAND-EST": (2, 2, 2, 2, 0),
    "CHAUMONT-ENTREPRISES-DIFFICULTE": (2, 1, 2, 2, 0),
}


def count(comptees: Counter[str]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Missing pieces, then missing targets and indicators."""
    return tuple(comptees[regle] for regle in PIECES), tuple(comptees[regle] for regle in INDICATEURS)


def read(reference: str) -> tuple[Counter[Rangee], Counter[str]]:
    """What is found in a convention: the contradictions one by one, then how many things are missing by rule."""
    listees: Counter[Rangee] = Counter()
    comptees: Counter[str] = Counter()
    for trouvaille in find_contradictions(Convention.objects.with_parties().get(reference=reference)):
        identifiant, c = trouvaille.regle.identifiant, trouvaille.constat
        if identifiant in (*PIECES, *INDICATEURS):
            comptees[identifiant] += 1
            continue
        constate, attendu = (None if v is None else " ".join(str(write_valeur(v)).split()) for v in (c.constate, c.attendu))
        listees[identifiant, c.objet, c.annee, c.financeur, constate, attendu] += 1
    return listees, comptees


def test_dijon_contradicts_itself_as_its_document_does(dijon: Convention) -> None:
    """Beside: fourteen indicators whose sheet gives no figure, six actions costed that measure nothing."""
    listees, comptees = read(dijon.reference)
    assert listees == Counter(DIJON)
    assert count(comptees) == (MANQUES[dijon.reference], (14, 6))


def test_chaumont_contradicts_itself_as_its_document_does(chaumont: Convention) -> None:
    """Beside: Initiative Haute-Marne costs 14 000 € and measures nothing."""
    references = list(Convention.objects.filter(reference__startswith="CHAUMONT").values_list("reference", flat=True))
    lues = {reference: read(reference) for reference in references}
    assert {r: listees for r, (listees, _) in lues.items()} == {r: Counter(CHAUMONT.get(r, set())) for r in references}
    indicateurs = dict.fromkeys(references, (0, 0)) | {chaumont.reference: (0, 1)}
    assert {r: count(comptees) for r, (_, comptees) in lues.items()} == {r: (MANQUES[r], indicateurs[r]) for r in references}


def test_wrong_columns_of_dijon_are_guessed(dijon: Convention) -> None:
    pistes = {
        t.constat.objet: " ".join(t.constat.piste.split())
        for t in find_contradictions(dijon)
        if t.regle.rubrique == "texte" and t.constat.piste
    }
    assert pistes == {
        "préambule": "430 370 € est exactement le total de la colonne CCI : le texte cite sans doute la mauvaise colonne.",
        "article 3": "390 370 € est le total de la colonne CCI sans la fiche E.C 1.3 (40 000 €).",
        "article 4": "430 370 € est exactement le total de la colonne CCI : le texte cite sans doute la mauvaise colonne.",
    }


def test_findings_come_the_worst_first_each_with_its_key(dijon: Convention) -> None:
    trouvailles = find_contradictions(dijon)
    rangs = [t.regle.gravite.rang for t in trouvailles]
    assert rangs == sorted(rangs)
    assert len({t.cle for t in trouvailles}) == len(trouvailles)


# --- Once corrected ----------------------------------------------------------------------------------------------


def correct_fiches(dijon: Convention) -> None:
    """Days, shares, calendars, bases, codes, unknown amounts and indicators put right."""
    fiches = FicheAction.objects.filter(convention=dijon)
    fiches.update(base_montants="ht", code_imprime="")
    for code, calendrier in {
        "E.A 1.2.2": "2018 – 2020.",
        "E.A 1.3.1": "2019.",
        "E.A 2.1": "2018, 2019, 2020.",
        "E.C 1.1": "Premier cycle : 2018 – 2020.",
        "E.C 1.2": "Premier cycle : 2018 – 2020.",
        "E.C 1.3": "Démarrage au 1er janvier 2019. Premier cycle : 2019.",
        "E.P 2.6": "Jusqu’en 2020.",
    }.items():
        fiches.filter(code=code).update(calendrier=calendrier, annees_calendrier=[])
    lignes, parts = LigneCout.objects.filter(fiche__convention=dijon), CoFinancement.objects.filter(fiche__convention=dijon)
    lignes.filter(jours=None, nature__toujours_en_jours=True, montant=1200).update(jours=2)
    lignes.filter(jours=None, nature__toujours_en_jours=True, montant=18000).update(jours=30)
    lignes.exclude(chiffrage="chiffre").update(chiffrage="chiffre", montant=1000, montant_currency="EUR", mention="")
    parts.filter(fiche__code="E.P 2.3", financeur=None).delete()
    parts.filter(fiche__code="E.A 1.3.1").update(nature=None)
    parts.filter(fiche__code__in=["E.P 2.2"]).delete()
    for partie, taux in zip(dijon.parties.all(), (20, 80), strict=True):
        CoFinancement.objects.create(fiche=fiches.get(code="E.P 2.5"), financeur=partie.organisation, taux=taux)
    for part in parts.filter(fiche__code="E.C 1.3"):
        assert part.montant is not None
        CoFinancement.objects.filter(pk=part.pk).update(taux=round(part.montant.amount / 1640, 2))  # 43,85 %, 19,51 %…
    for fiche in fiches.filter(indicateurs=None):
        Indicateur.objects.create(fiche=fiche, libelle="Bilan annuel rendu")
    for indicateur in Indicateur.objects.filter(fiche__convention=dijon, cibles=None):
        CibleIndicateur.objects.create(indicateur=indicateur, annee=2020, valeur=1)


def correct_annex(dijon: Convention) -> None:
    """Print the totals and the whole recap again, from the fiches."""
    recap = compute_recapitulatif(dijon)
    MontantRecapDeclare.objects.filter(convention=dijon).delete()
    TotalDeclare.objects.filter(fiche__convention=dijon).delete()
    cellules, totaux = [], []

    def write(ligne: Ligne) -> None:
        for annee in [*recap.annees, None]:
            for colonne in [*(f.id for f in recap.financeurs), TOTAL]:
                montant = ligne.get(annee, colonne).montant or Decimal(0)
                financeur = colonne if isinstance(colonne, int) else None
                cellules.append(
                    MontantRecapDeclare(
                        convention=dijon, fiche=ligne.fiche, axe=ligne.axe, annee=annee, financeur_id=financeur, montant=euros(str(montant))
                    )
                )

    for groupe in recap.groupes:
        write(groupe.sous_total)
        for ligne in groupe.lignes:
            write(ligne)
            for annee in recap.annees:
                totaux.append(TotalDeclare(fiche=ligne.fiche, annee=annee, montant=euros(str(ligne.total(annee).montant or 0))))
    write(recap.total)
    MontantRecapDeclare.objects.bulk_create(cellules)
    TotalDeclare.objects.bulk_create(totaux)


def correct_text(dijon: Convention) -> None:
    """Dates, délibération, SIRET, account, amounts of the text and payments put right."""
    dijon.date_debut, dijon.date_fin, dijon.duree_declaree_mois = date(2018, 1, 1), date(2020, 12, 31), 36
    dijon.save()
    metropole, cci = (p.organisation for p in dijon.parties.all())
    dijon.parties.update(deliberation_date=date(2017, 12, 18), deliberation_numero="2017-12-18_042")
    Organisation.objects.filter(pk=metropole.pk).update(siret="35600000000048")
    Organisation.objects.filter(pk=cci.pk).update(siret="73282932000074", iban="FR7630006000011234567890189")
    due = compute_recapitulatif(dijon).total.get(None, metropole.pk).montant
    assert due is not None
    montants = MontantDeclare.objects.filter(convention=dijon)
    acompte = (due / 5).quantize(Decimal("0.01"))
    montants.filter(objet="participation").update(montant=due)
    montants.filter(objet="acompte").update(montant=acompte)
    dijon.versements.filter(nature="acompte").update(montant=acompte)
    dijon.versements.filter(nature="solde").update(montant=due - acompte, montant_currency="EUR")


@pytest.fixture
def corrigee(dijon: Convention) -> Convention:
    """Dijon with everything its contradictions ask for."""
    correct_fiches(dijon)
    correct_annex(dijon)
    correct_text(dijon)
    return Convention.objects.with_parties().get(pk=dijon.pk)


def test_corrected_agreement_contradicts_nothing(corrigee: Convention) -> None:
    assert [(t.regle.identifiant, t.constat.message) for t in find_contradictions(corrigee)] == []


def test_one_cent_in_the_corrected_agreement_is_seen(corrigee: Convention) -> None:
    """The corrected copy is really looked at: one cell of the annex, and its row, its subtotal and their totals disagree."""
    cellule = MontantRecapDeclare.objects.get(fiche__code="E.P 2.5", annee=2019, financeur=corrigee.parties.all()[0].organisation)
    MontantRecapDeclare.objects.filter(pk=cellule.pk).update(montant=Decimal("200.01"))
    trouvailles = find_contradictions(corrigee)
    assert Counter(t.regle.identifiant for t in trouvailles) == {"recap_fiche": 1, "recap_somme": 3}
    assert {abs(t.constat.ecart or 0) for t in trouvailles} == {Decimal("0.01")}


# --- Queries -----------------------------------------------------------------------------------------------------


def double_fiches(convention: Convention) -> None:
    """A copy of each fiche with its costs, shares, indicators, targets, totals and printed cells."""
    for fiche in list(FicheAction.objects.filter(convention=convention)):
        dessous = [(nom, list(getattr(fiche, nom).all())) for nom in ("lignes_cout", "cofinancements", "totaux_declares", "recap_declare")]
        indicateurs = [(i, list(i.cibles.all())) for i in fiche.indicateurs.all()]
        maitres = list(fiche.maitres_ouvrage.all())
        fiche.pk, fiche._state.adding, fiche.code = None, True, f"Z{fiche.code}"
        fiche.save()
        fiche.maitres_ouvrage.set(maitres)
        for nom, rangees in dessous:
            for rangee in rangees:
                rangee.pk, rangee.fiche = None, fiche
            getattr(fiche, nom).bulk_create(rangees)
        for indicateur, cibles in indicateurs:
            indicateur.pk, indicateur.fiche = None, fiche
            indicateur.save(force_insert=True)
            for cible in cibles:
                cible.pk, cible.indicateur = None, indicateur
            CibleIndicateur.objects.bulk_create(cibles)


def measure(convention: Convention) -> tuple[int, int]:
    """Queries taken to check a convention read again, and how much is found."""
    with CaptureQueriesContext(connection) as requetes:
        trouvailles = find_contradictions(Convention.objects.with_parties().get(pk=convention.pk))
    return len(requetes), len(trouvailles)


def test_controls_take_as_many_queries_for_twice_the_fiches(dijon: Convention) -> None:
    requetes, constats = measure(dijon)
    double_fiches(dijon)
    requetes_du_double, constats_du_double = measure(dijon)
    assert requetes_du_double == requetes <= 25
    assert constats_du_double > constats + 50
