"""What the rules about a convention read, loaded once; and the names of its places."""

from collections.abc import Iterator
from datetime import date
from functools import cached_property

from django.urls import reverse

from conventions.models import Article, Axe, Convention, MontantDeclare, Partie
from socle.controles import Lieu


class DossierConvention:
    """The convention with its cadre, the one it renews, its parties, texts and declared amounts: a fixed number of queries."""

    def __init__(self, convention: Convention) -> None:
        self.convention = convention

    @cached_property
    def parties(self) -> list[Partie]:
        return list(self.convention.parties.select_related("organisation"))

    @cached_property
    def articles(self) -> list[Article]:
        return list(self.convention.articles.all())

    @cached_property
    def axes(self) -> list[Axe]:
        return list(self.convention.axes.all())

    @cached_property
    def montants_declares(self) -> list[MontantDeclare]:
        montants = self.convention.montants_declares.select_related("article", "financeur", "base_taux__article")
        # Databases do not agree on where rows without article go: the preamble comes first.
        return sorted(montants, key=lambda m: (m.article.numero if m.article else 0, m.pk))

    @cached_property
    def noms(self) -> dict[int, str]:
        """Short name of each party, by organisation."""
        return {p.organisation_id: p.nom_court for p in self.parties}

    def name_financeur(self, montant: MontantDeclare) -> str:
        """The column name of who pays a declared amount."""
        if montant.financeur is None:
            return ""
        return self.noms.get(montant.financeur.pk, montant.financeur.sigle)

    @property
    def textes(self) -> Iterator[tuple[str, str, Lieu]]:
        """Free texts: object as commands name it, text, place."""
        convention = self.convention
        yield "convention", convention.objet, self.place_convention("Objet de la convention", "")
        yield "préambule", convention.preambule, self.place_texte("Préambule", "", "preambule")
        for article in self.articles:
            yield f"article {article.numero}", article.texte, self.place_texte(f"Article {article.numero}", "", f"article-{article.numero}")
        for axe in self.axes:
            yield f"axe {axe.code}", axe.introduction, self.place_convention(f"Axe {axe.code}, introduction", "")

    @property
    def reference_signature(self) -> tuple[str, date] | None:
        """The day before which nothing is signed: prise d’effet, else signature, else the working draft's date."""
        convention = self.convention
        for nom, jour in [
            ("la prise d’effet", convention.date_debut),
            ("la signature", convention.date_signature),
            ("le point d’étape", None if convention.is_signee else convention.date_point_etape),
        ]:
            if jour:
                return nom, jour
        return None

    def place_convention(self, nom: str, valeur: str, detail: str = "", ancre: str = "") -> Lieu:
        """A place in the convention itself, kept by administrators."""
        convention = self.convention
        return Lieu(nom, valeur, detail, convention.get_absolute_url() + ancre, edit_url(convention))

    def place_texte(self, nom: str, valeur: str, ancre: str, detail: str = "") -> Lieu:
        """A place in the preamble or an article."""
        url = f"{reverse('articles', args=[self.convention.reference])}#{ancre}"
        return Lieu(nom, valeur, detail, url, edit_url(self.convention))

    def place_montant(self, montant: MontantDeclare, valeur: str, detail: str = "") -> Lieu:
        """Where a declared amount is written."""
        if montant.article:
            nom = f"Article {montant.article.numero}, {montant.article.titre[:1].lower()}{montant.article.titre[1:]}"
            return self.place_texte(nom, valeur, f"article-{montant.article.numero}", detail)
        return self.place_texte("Préambule", valeur, "preambule", detail)


def edit_url(convention: Convention) -> str:
    """Where administrators correct the convention."""
    return reverse("admin:conventions_convention_change", args=[convention.pk])
