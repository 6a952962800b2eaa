"""Server time and queries of writing a fiche, on the demonstration data.

Run with `PYTHONPATH=. .venv/bin/python benchmarks/saisie.py`: a database in memory is made, loaded and measured;
medians of several answers. An autosave longer than its target is told.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

os.environ["TRAITDUNION_DEBUG"] = "1"
os.environ["DATABASE_URL"] = "sqlite://:memory:"
os.environ["TRAITDUNION_LOG"] = "ERROR"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.conf import settings
from django.core.management import call_command
from django.db import connection, reset_queries
from django.test import Client
from django.urls import reverse

from comptes.models import Utilisateur
from conventions.models import Convention
from fiches.models import FicheAction
from financement.edition import ContenuFiche

DIJON, CODE = "DIJON-CCI21-2018", "E.A 1.2.1"
CIBLE_MS = 60
FOIS = 25


@dataclass
class Page:
    """An open editor: what it knows of the fiche, and what it sends."""

    client: Client
    fiche: FicheAction

    @property
    def valeurs(self) -> dict[str, str]:
        return ContenuFiche.of(FicheAction.objects.get(pk=self.fiche.pk)).read()

    def url(self, nom: str) -> str:
        return reverse(nom, args=[DIJON, self.fiche.pk])

    def send(self, nom: str, corps: str) -> dict[str, Any]:
        reponse = self.client.post(self.url(nom), corps, content_type="application/json")
        assert reponse.status_code == 200, reponse.status_code
        return reponse.json()

    def save(self, champ: str, apres: Callable[[str], str]) -> Callable[[], object]:
        """Save one field to another value each time."""
        courante, version = self.valeurs.get(champ, ""), ""

        def act() -> None:
            nonlocal courante, version
            modification = {"champ": champ, "avant": courante, "apres": apres(courante)}
            reponse = self.send("fiche_enregistrer", json.dumps({"modifications": [modification], "version": version}))
            resultat = reponse["resultats"][0]
            assert resultat["statut"] == "enregistre", resultat
            courante, version = resultat["valeur"], reponse["version"]

        return act

    def count(self) -> Callable[[], object]:
        corps = json.dumps({"champs": {c: v for c, v in self.valeurs.items() if c.startswith(("cout.", "part."))}})
        return lambda: self.send("fiche_calcul", corps)

    def sign(self) -> Callable[[], object]:
        """A sign of life of a page up to date."""
        version = FicheAction.objects.get(pk=self.fiche.pk).modifiee_le.isoformat()
        corps = json.dumps({"champ": "Constat", "version": version})

        def act() -> None:
            assert "contenu" not in self.send("fiche_presence", corps)

        return act

    def open(self) -> Callable[[], object]:
        adresse = reverse("fiche_modifier", args=[DIJON, self.fiche.slug])

        def act() -> None:
            assert self.client.get(adresse).status_code == 200

        return act


def median_ms(act: Callable[[], object], fois: int) -> float:
    durations = []
    for _ in range(fois):
        start = time.perf_counter()
        act()
        durations.append((time.perf_counter() - start) * 1000)
    return statistics.median(durations)


def count_queries(act: Callable[[], object]) -> int:
    reset_queries()
    act()
    return len(connection.queries)


def main() -> int:
    settings.ALLOWED_HOSTS = ["testserver"]
    call_command("migrate", verbosity=0)
    call_command("load_demo", verbosity=0, stdout=open(os.devnull, "w"))  # noqa: SIM115
    Convention.objects.filter(reference=DIJON).update(etat=Convention.Etat.EN_NEGOCIATION)
    FicheAction.objects.filter(convention__reference=DIJON).update(etat=FicheAction.Etat.EN_REDACTION)
    client = Client()
    client.force_login(Utilisateur.objects.get(email="nadia.ferrand@dijon-metropole.example"), "comptes.connexion.ConnexionParCourriel")
    page = Page(client, FicheAction.objects.get(convention__reference=DIJON, code=CODE))
    cellule = next(c for c in page.valeurs if c.startswith("cout."))
    suite = iter(range(10_000, 100_000))
    actes = {
        "enregistrer un texte": page.save("constat", lambda courante: f"{courante} Encore."),
        "enregistrer un coût": page.save(cellule, lambda courante: f"{next(suite)} €"),
        "calculer": page.count(),
        "présence": page.sign(),
        "ouvrir l’éditeur": page.open(),
    }
    print(f"{DIJON}, fiche {CODE}, {len(page.valeurs)} champs remplis")
    print(f"{'acte':<22}{'médiane':>11}{'requêtes':>10}")
    lents = []
    for nom in actes:
        acte = page.sign() if nom == "présence" else actes[nom]  # the saves above changed the version
        acte()
        requetes = count_queries(acte)
        duree = median_ms(acte, FOIS)
        print(f"{nom:<22}{duree:>8.1f} ms{requetes:>10}")
        if nom.startswith("enregistrer") and duree >= CIBLE_MS:
            lents.append(nom)
    if lents:
        print(f"Plus de {CIBLE_MS} ms : {', '.join(lents)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
