"""Server time, queries and slowest query of every page on invented data in quantity, as three people read them.

    DATABASE_URL=postgres://… python benchmarks/volume.py 5000

An empty database is migrated and filled first; one already filled is measured as it is. Without DATABASE_URL, SQLite in memory.
"""

import os
import re
import statistics
import sys
import time
from dataclasses import dataclass, field

os.environ.setdefault("TRAITDUNION_DEBUG", "1")
os.environ.setdefault("DATABASE_URL", "sqlite://:memory:")
os.environ["TRAITDUNION_LOG"] = "ERROR"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.core.management import call_command
from django.db import connection, connections
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from comptes.models import Utilisateur
from conventions.models import Convention
from financement.models import Bilan

PERSONNES = ("exploitant@volume.example", "agent.metropole@volume.example", "agent.petite@volume.example")
FOIS = int(os.environ.get("FOIS", "5"))
PAGE_MS, REQUETE_MS = 150, 50
FORMES = {
    "portefeuille_tableur": ("csv", "xlsx"),
    "budget_tableur": ("xlsx",),
    "registre_tableur": ("csv",),
    "bilan_document": ("json", "xlsx"),
    "bilan_compte_rendu": ("xlsx",),
    "bilan_pluriannuel_document": ("xlsx",),
}
REQUETES = {
    "recherche": ("?q=", "?q=commerce", "?q=economie+circulaire+artisanat", "?q=ea+1.1", "?q=transm", "?q=VOL-00042"),
    "conventions": ("", "?q=transition+ecologique", "?etat=executoire&annee=2025", "?page=9"),
    "portefeuille": ("", "?par=annee", "?par=partenaire", "?par=politique", "?annee=2024&etat=signees"),
    "accueil": ("", "?tout"),
}
# Printed documents are measured apart (benchmarks/demonstration.py); sign-in pages read no convention.
ECARTES = ("account_", "admin:", "calendrier", "django", "javascript")


@dataclass
class Mesure:
    """One page: how often it was asked, what it cost."""

    adresse: str
    statut: int = 0
    requetes: int = 0
    pire_ms: float = 0
    pire_sql: str = ""
    durees: list[float] = field(default_factory=list)
    calculs: list[float] = field(default_factory=list)

    @property
    def calcul(self) -> float:
        return statistics.median(self.calculs)

    @property
    def mediane(self) -> float:
        return statistics.median(self.durees)


class Chronometre:
    """Times each query, cursor and rows included."""

    def __init__(self) -> None:
        self.durees: list[tuple[float, str]] = []

    def __call__(self, execute: object, sql: str, params: object, many: bool, context: object) -> object:
        debut = time.perf_counter()
        try:
            return execute(sql, params, many, context)  # type: ignore[operator]
        finally:
            self.durees.append(((time.perf_counter() - debut) * 1000, sql))


def list_noms(resolver: URLResolver, espace: str = "") -> list[tuple[str, list[str]]]:
    """Names of the addresses with the names of what they hold."""
    noms = []
    for motif in resolver.url_patterns:
        if isinstance(motif, URLResolver):
            if not motif.namespace:
                noms += list_noms(motif)
        elif isinstance(motif, URLPattern) and motif.name:
            noms.append((motif.name, list(motif.pattern.converters)))
    return noms


def list_adresses(convention: Convention, annee: int | None) -> list[str]:
    """Every address that a browser may read, about one agreement."""
    fiche = convention.fiches.all()[3]
    valeurs = {"reference": convention.reference, "slug": fiche.slug, "annee": annee, "cle": convention.parties.all()[0].organisation.cle}
    if annee is not None:
        valeurs["pk"] = Bilan.objects.get(convention=convention, annee=annee).fiches.all()[0].pk
    adresses = []
    for nom, champs in list_noms(get_resolver()):
        if nom.startswith(ECARTES) or nom.endswith("_pdf"):
            continue
        for forme in FORMES.get(nom, ("",)):
            donnees = valeurs | ({"forme": forme} if forme else {})
            if "pk" in champs and nom != "bilan_fiche":
                continue
            try:
                adresse = reverse(nom, kwargs={champ: donnees[champ] for champ in champs if donnees.get(champ) is not None})
            except (NoReverseMatch, KeyError):
                continue
            adresses += [adresse + suite for suite in REQUETES.get(nom, ("",))]
    return adresses


def list_administration() -> list[str]:
    """The lists of the admin, searched and plain, and the form of one row of each."""
    adresses = [reverse("admin:index")]
    for modele in apps.get_models():
        page = admin.site._registry.get(modele)
        if page is None:
            continue
        liste = f"admin:{modele._meta.app_label}_{modele._meta.model_name}"
        adresses.append(reverse(f"{liste}_changelist"))
        if page.search_fields:
            adresses.append(reverse(f"{liste}_changelist") + "?q=commerce")
        premiere = modele._default_manager.order_by("pk").first()
        if premiere is not None:
            adresses.append(reverse(f"{liste}_change", args=[premiere.pk]))
    return adresses


def ask(client: Client, mesure: Mesure) -> bool:
    """Ask a page once more; False when there is nothing to measure there."""
    chronometre = Chronometre()
    debut, calcul = time.perf_counter(), time.process_time()
    with connection.execute_wrapper(chronometre):
        reponse = client.get(mesure.adresse)
        octets = sum(len(morceau) for morceau in reponse) if reponse.streaming else len(reponse.content)
    duree = (time.perf_counter() - debut) * 1000
    mesure.statut = reponse.status_code
    mesure.durees.append(duree)
    mesure.calculs.append((time.process_time() - calcul) * 1000)
    mesure.requetes = len(chronometre.durees)
    pire = max(chronometre.durees, default=(0, ""))
    # The best of several: what the query costs, not what the machine was doing meanwhile.
    if len(mesure.durees) == 1 or pire[0] < mesure.pire_ms:
        mesure.pire_ms, mesure.pire_sql = pire
    return reponse.status_code == 200 and octets > 0


def measure(client: Client, adresse: str) -> Mesure | None:
    """The median of several answers; a page that takes long is asked fewer times."""
    mesure = Mesure(adresse)
    if not ask(client, mesure):
        return mesure if mesure.statut >= 500 else None
    mesure.durees.clear()
    mesure.calculs.clear()
    while len(mesure.durees) < FOIS and sum(mesure.durees) < 4000:
        ask(client, mesure)
    return mesure


def prepare(nombre: int) -> None:
    """Fill an empty database."""
    call_command("migrate", verbosity=0)
    if not Convention.objects.filter(reference__startswith="VOL-").exists():
        call_command("generate_volume", conventions=nombre, graine=1, hors_essai=True)
    if connection.vendor == "postgresql":
        with connection.cursor() as curseur:
            curseur.execute("ANALYZE")


def main() -> int:
    # The invented accounts open in trial mode only; its record of every query would be measured too.
    type(connections["default"]).queries_logged = False
    settings.ALLOWED_HOSTS = ["testserver"]
    prepare(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
    seulement = sys.argv[2] if len(sys.argv) > 2 else ""
    trop = 0
    for courriel in PERSONNES:
        personne = Utilisateur.objects.get(email=courriel)
        client = Client()
        client.force_login(personne, "comptes.connexion.ConnexionParCourriel")
        visibles = Convention.objects.visible_to(personne).without_avenants()
        bilan = Bilan.objects.filter(convention__in=visibles).order_by("convention__reference").first()
        convention = bilan.convention if bilan else visibles.order_by("reference").first()
        print(f"\n{courriel} : {visibles.count()} conventions, {convention}")
        if convention is None:
            continue
        adresses = list_adresses(convention, bilan.annee if bilan else None)
        if personne.is_superuser:
            adresses += list_administration()
        print(f"{'page':<74}{'requêtes':>9}{'médiane':>10}{'processeur':>12}{'pire requête':>14}")
        for adresse in dict.fromkeys(adresses):
            if seulement and not re.search(seulement, adresse):
                continue
            mesure = measure(client, adresse)
            if mesure is None:
                continue
            signe = "!" if mesure.mediane > PAGE_MS or mesure.pire_ms > REQUETE_MS or mesure.statut != 200 else " "
            trop += signe == "!"
            statut = "" if mesure.statut == 200 else f" {mesure.statut}"
            temps = f"{mesure.mediane:>7.0f} ms{mesure.calcul:>9.0f} ms{mesure.pire_ms:>11.1f} ms"
            print(f"{signe}{adresse:<73}{mesure.requetes:>9}{temps}{statut}", flush=True)
            if os.environ.get("SQL") and mesure.pire_ms > REQUETE_MS:
                print("    " + mesure.pire_sql[:1500])
    print(f"\n{trop} au-dessus de {PAGE_MS} ms ou d’une requête de {REQUETE_MS} ms.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
