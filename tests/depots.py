"""Imports as people make them in the pages: a file dropped, buttons pressed, words read."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from lxml import html

from conventions.models import Convention
from financement.models import ImportBudget, LigneCout
from tests.budgets import make_budget

TITRES = ("Code", "Nature", "Année", "Montant")
JUSTE = ("E.A 1.1", "Études", 2019, 1500)
FAUSSE = ("E.A 1.1", "Études", 2018, -3)


def make_file(*lignes: Sequence[Any]) -> bytes:
    return make_budget(TITRES, *lignes)


def drop(client: Client, convention: Convention, contenu: bytes, nom: str = "budget.xlsx") -> HttpResponse:
    return client.post(reverse("imports", args=[convention.reference]), {"fichier": SimpleUploadedFile(nom, contenu)})


def address(nom: str = "import_budget") -> str:
    imp = ImportBudget.objects.latest("pk")
    return reverse(nom, args=[imp.convention.reference, imp.pk])


def words(reponse: HttpResponse, selecteur: str = "//main") -> str:
    arbre = html.fromstring(reponse.content.decode())
    for bloc in arbre.iter("td", "th", "tr", "li", "p", "h1", "h2", "caption", "button", "a"):
        bloc.tail = f" {bloc.tail or ''}"
    return re.sub(r"\s+", " ", " ".join(e.text_content() for e in arbre.xpath(selecteur))).strip()


def see(client: Client, selecteur: str = "//main", **requete: Any) -> str:
    """Words of the page of the last import."""
    reponse = client.get(address(), requete)
    assert reponse.status_code == 200
    return words(reponse, selecteur)


def act(client: Client, nom: str, **envoi: Any) -> HttpResponse:
    """Press a button of the page of the last import, and follow."""
    return client.post(address(nom), envoi, follow=True)


def read_costs() -> list[tuple[int, Decimal]]:
    return [(ligne.annee, ligne.montant.amount) for ligne in LigneCout.objects.order_by("annee")]
