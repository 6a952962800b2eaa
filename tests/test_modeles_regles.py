"""Rules that read several rows: articles and their library, trees, codes, what history keeps."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import models

from comptes.models import Organisation, Utilisateur
from conventions.models import Article, Convention
from fiches.models import FicheAction
from financement.models import LigneCout
from tests.factories import (
    ArticleFactory,
    AxeFactory,
    CoFinancementFactory,
    ConventionFactory,
    FicheFactory,
    LigneCoutFactory,
    ModeleArticleFactory,
    MontantDeclareFactory,
    RecapDeclareFactory,
    euros,
)

pytestmark = pytest.mark.django_db


def change(objet: Any, **valeurs: Any) -> Any:
    for champ, valeur in valeurs.items():
        setattr(objet, champ, valeur)
    return objet


def test_article_left_empty_copies_the_librarys_model() -> None:
    modele = ModeleArticleFactory(titre="Durée", texte="Elle finit le {{ convention.date_fin }}.")
    article = Article(convention=ConventionFactory(), numero=1, modele=modele)
    article.full_clean()
    assert (article.titre, article.texte) == ("Durée", "Elle finit le {{ convention.date_fin }}.")


def test_article_keeps_its_own_words_and_the_library_never_changes_them() -> None:
    modele = ModeleArticleFactory()
    article = Article(convention=ConventionFactory(), numero=1, modele=modele, texte="Nos mots.")
    article.full_clean()
    article.save()
    change(modele, titre="Autre", texte="Autre").save()
    article.refresh_from_db()
    assert (article.titre, article.texte) == ("Durée", "Nos mots.")


def test_article_without_title_nor_model_is_refused() -> None:
    with pytest.raises(ValidationError) as refus:
        Article(convention=ConventionFactory(), numero=1, texte="Un texte.").full_clean()
    assert refus.value.message_dict == {"titre": ["Donnez un titre à l’article, ou choisissez un modèle."]}


@pytest.mark.parametrize(
    ("fabrique", "champ"),
    [(ArticleFactory, "texte"), (ModeleArticleFactory, "texte"), (ConventionFactory, "preambule")],
    ids=["article", "modèle", "préambule"],
)
def test_unknown_variables_are_refused_and_named(fabrique: Any, champ: str) -> None:
    objet = change(
        fabrique(), **{champ: "{{ convention.periode }} {{ convention.pays }} {{x}} {{ convention.pays }} {{ montant.acompte-2018 }}"}
    )
    with pytest.raises(ValidationError) as refus:
        objet.full_clean()
    assert refus.value.message_dict == {
        champ: ["« convention.pays » n’est pas une variable connue.", "« x » n’est pas une variable connue."]
    }


def test_declared_amount_points_inside_its_own_convention() -> None:
    declare, autre = MontantDeclareFactory(), ArticleFactory()
    with pytest.raises(ValidationError) as refus:
        change(declare, lieu="article", article=autre).full_clean()
    assert refus.value.message_dict["article"] == ["Choisissez-le dans la même convention."]


@pytest.mark.parametrize("champ", ["fiche", "axe"])
def test_printed_cell_points_inside_its_own_convention(champ: str) -> None:
    autre = FicheFactory()
    with pytest.raises(ValidationError) as refus:
        RecapDeclareFactory.build(convention=ConventionFactory(), **{champ: autre if champ == "fiche" else autre.axe}).full_clean()
    assert refus.value.message_dict[champ] == ["Choisissez-le dans la même convention."]


def test_fiche_takes_an_axe_of_its_own_convention() -> None:
    with pytest.raises(ValidationError) as refus:
        change(FicheFactory(), axe=AxeFactory()).full_clean()
    assert refus.value.message_dict["axe"] == ["Choisissez un axe de la même convention."]


@pytest.mark.parametrize("annees", [["2018"], [2018.0], [True], {"2018": 1}, [1800], "2018", None])
def test_calendar_takes_a_list_of_years(annees: Any) -> None:
    with pytest.raises(ValidationError):
        change(FicheFactory(), annees_calendrier=annees).full_clean()


@pytest.mark.parametrize("code", ["?", "–", " "])
def test_code_that_makes_no_address_is_refused(code: str) -> None:
    with pytest.raises(ValidationError):
        change(FicheFactory(), code=code).full_clean()


@pytest.mark.parametrize("autre", ["EA 1.2", "e.a 1.2", "E.A 1-2"])
def test_two_codes_that_read_the_same_are_refused(autre: str) -> None:
    fiche = FicheFactory(code="E.A 1.2")
    with pytest.raises(ValidationError):
        FicheAction(convention=fiche.convention, axe=fiche.axe, code=autre, titre="Autre").full_clean()


@pytest.mark.parametrize("reference", ["dijon", "DIJON CCI", "-DIJON", "DIJON/2018", "DIJON\n", ""])
def test_reference_that_makes_no_address_is_refused(reference: str) -> None:
    with pytest.raises(ValidationError):
        change(ConventionFactory(), reference=reference).full_clean()


def test_specific_convention_depends_on_a_cadre() -> None:
    specifique = ConventionFactory(nature="specifique")
    with pytest.raises(ValidationError) as refus:
        change(ConventionFactory(nature="specifique"), parent=specifique).full_clean()
    assert refus.value.message_dict["parent"] == ["Une convention spécifique dépend d’une convention-cadre."]


def test_renewals_never_come_back_on_themselves() -> None:
    premiere = ConventionFactory()
    seconde = ConventionFactory(renouvelle=premiere)
    with pytest.raises(ValidationError) as refus:
        change(premiere, renouvelle=seconde).full_clean()
    assert refus.value.message_dict["renouvelle"] == ["Cette suite de renouvellements revient sur elle-même."]


def test_axe_is_never_placed_under_itself() -> None:
    axe = AxeFactory()
    sous_axe = AxeFactory(convention=axe.convention, parent=axe)
    with pytest.raises(ValidationError) as refus:
        change(axe, parent=sous_axe).full_clean()
    assert refus.value.message_dict["parent"] == ["Un axe ne peut pas être placé sous lui-même."]


def test_days_at_a_rate_fill_the_amount_left_empty() -> None:
    ligne = change(LigneCoutFactory(), montant=None, jours=Decimal("16.5"), tarif_journalier=euros(600))
    ligne.full_clean()
    assert ligne.montant == euros(9900)


def test_amount_given_with_days_is_kept_as_given() -> None:
    ligne = change(LigneCoutFactory(), montant=euros(1), jours=Decimal(2), tarif_journalier=euros(600))
    ligne.full_clean()
    assert ligne.montant == euros(1)


@pytest.mark.parametrize("modele", [Convention, FicheAction])
def test_history_keeps_what_stood_before(modele: Any) -> None:
    objet = ConventionFactory() if modele is Convention else FicheFactory()
    ancien = objet.titre
    change(objet, titre="Nouveau titre").save()
    assert [version.titre for version in objet.history.order_by("history_id")] == ["Nouveau titre", ancien][::-1]


def test_history_survives_the_deletion_of_the_row() -> None:
    ligne = LigneCoutFactory()
    pk = ligne.pk
    ligne.delete()
    assert list(LigneCout.history.filter(id=pk).order_by("history_id").values_list("history_type", flat=True)) == ["+", "-"]


def test_history_never_holds_a_password() -> None:
    champs = {champ.name for champ in Utilisateur.history.model._meta.fields}
    assert not champs & {"password", "last_login"}


def test_organisation_paying_a_share_cannot_be_erased() -> None:
    part = CoFinancementFactory()
    with pytest.raises(models.ProtectedError):
        Organisation.objects.get(pk=part.financeur.pk).delete()


def test_draft_convention_is_erased_with_its_fiches() -> None:
    fiche = FicheFactory()
    fiche.convention.delete()
    assert not FicheAction.objects.exists()
