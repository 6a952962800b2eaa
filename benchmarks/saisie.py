"""Server time and queries of writing a fiche, on the demonstration data.

Run with `make benchmark-pages`: a database of trial is made, loaded and measured;
medians of several answers. An autosave longer than its target is told.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.outils import (
    DIJON,
    describe_machine,
    format_duree,
    load_data,
    median_ms,
    open_client,
    publish,
    read_options,
    start_django,
    write_tableau,
)

start_django()

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from conventions.models import Convention
from fiches.models import FicheAction
from financement.edition import ContenuFiche

CODE = "E.A 1.2.1"
CIBLE_MS = 60


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


def count_queries(act: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as requetes:
        act()
    return len(requetes)


def main() -> int:
    options = read_options(__doc__ or "", fois=25)
    load_data()
    Convention.objects.filter(reference=DIJON).update(etat=Convention.Etat.EN_NEGOCIATION)
    FicheAction.objects.filter(convention__reference=DIJON).update(etat=FicheAction.Etat.EN_REDACTION)
    page = Page(open_client(), FicheAction.objects.get(convention__reference=DIJON, code=CODE))
    cellule = next(c for c in page.valeurs if c.startswith("cout."))
    suite = iter(range(10_000, 100_000))
    actes = {
        "enregistrer un texte": page.save("constat", lambda courante: f"{courante} Encore."),
        "enregistrer un coût": page.save(cellule, lambda courante: f"{next(suite)} €"),
        "calculer": page.count(),
        "présence": page.sign(),
        "ouvrir l’éditeur": page.open(),
    }
    lignes, lents = [], []
    for nom in actes:
        acte = page.sign() if nom == "présence" else actes[nom]  # the saves above changed the version
        acte()
        requetes = count_queries(acte)
        duree = median_ms(acte, options.fois)
        lignes.append([nom, format_duree(duree / 1000), str(requetes)])
        if nom.startswith("enregistrer") and duree >= CIBLE_MS:
            lents.append(nom)
    contenu = [
        f"{describe_machine()}, fiche {CODE}, {len(page.valeurs)} champs remplis.",
        write_tableau(["Acte", "Médiane", "Requêtes"], lignes),
    ]
    if lents:
        contenu.append(f"Plus de {format_duree(CIBLE_MS / 1000)} : {', '.join(lents)}.")
    publish("saisie", "\n\n".join(contenu), ecrire=options.ecrire)
    return 0


if __name__ == "__main__":
    sys.exit(main())
