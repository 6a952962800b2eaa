"""How times grow with the data, ×1, ×10, ×100: fiches in one convention, then conventions in the database.

Run with `make benchmark-croissance`. Writes docs/images/croissance.svg with `--ecrire`. A complete edition is long: it is made once
a size, and `--document 0` leaves it out.
"""

import statistics
import sys
from collections.abc import Callable

from benchmarks.outils import RACINE, describe_tours, load_data, open_client, publish, read_options, start_django, time_of

start_django()

from django.core.management import call_command
from django.test import Client

from benchmarks import edition
from benchmarks.courbes import Courbe, Panneau, draw_courbes, write_tailles
from benchmarks.donnees import make_conventions
from conventions.models import Convention
from financement.controles.regles import find_contradictions
from financement.syntheses import compute_recapitulatif

IMAGE = RACINE / "docs" / "images" / "croissance.svg"
FACTEURS = (1, 10, 100)
Actes = dict[str, Callable[[], object]]


def visit(client: Client, adresse: str) -> Callable[[], None]:
    """Ask for a page, which must come."""

    def act() -> None:
        reponse = client.get(adresse)
        assert reponse.status_code == 200, f"{adresse} : {reponse.status_code}"

    return act


def measure_actes(actes: Actes, tours: int) -> dict[str, float]:
    """Median seconds of each, after one that is not counted, turn after turn."""
    durees: dict[str, list[float]] = {nom: [] for nom in actes}
    for tour in range(tours + 1):
        for nom, acte in actes.items():
            duree = time_of(acte)
            if tour:
                durees[nom].append(duree)
    return {nom: statistics.median(d) for nom, d in durees.items()}


def measure_fiches(base: int, tours: int, document: bool) -> Panneau:
    """What one convention costs as its fiches grow in number."""
    client = open_client()
    points: dict[str, list[tuple[int, float]]] = {}
    for facteur in FACTEURS:
        nombre = base * facteur
        reference = make_conventions(f"FICHES-{nombre}", 1, nombre)[0].reference
        actes: Actes = {
            "récapitulatif": lambda r=reference: compute_recapitulatif(edition.read_convention(r)),
            "contrôles": lambda r=reference: find_contradictions(Convention.objects.get(reference=r)),
            "vue d’ensemble": visit(client, f"/conventions/{reference}/"),
            "budget": visit(client, f"/conventions/{reference}/budget/"),
        }
        durees = measure_actes(actes, tours)
        if document:
            edition.clear()
            durees["édition à froid"] = time_of(lambda r=reference: edition.publish(r))
            fiche = edition.read_convention(reference).fiches.first()
            edition.edit(fiche, nombre)
            durees["édition, une modification"] = time_of(lambda r=reference: edition.publish(r))
        for nom, duree in durees.items():
            points.setdefault(nom, []).append((nombre, duree))
        print(f"  {nombre} fiches : mesuré", file=sys.stderr, flush=True)
    return Panneau("Une convention qui grandit", "fiches dans la convention", [Courbe(nom, p) for nom, p in points.items()])


def measure_conventions(base: int, tours: int) -> Panneau:
    """What the pages of a portfolio cost as conventions grow in number, five fiches each."""
    client = open_client()
    points: dict[str, list[tuple[int, float]]] = {}
    faites = 0
    for facteur in FACTEURS:
        nombre = base * facteur
        reference = make_conventions(f"NOMBRE-{nombre}", nombre - faites, 5)[0].reference
        faites = nombre
        durees = measure_actes(
            {
                "accueil": visit(client, "/"),
                "liste": visit(client, "/conventions/"),
                "recherche": visit(client, "/recherche/?q=commerces"),
                "vue d’ensemble": visit(client, f"/conventions/{reference}/"),
            },
            tours,
        )
        for nom, duree in durees.items():
            points.setdefault(nom, []).append((nombre, duree))
        print(f"  {nombre} conventions : mesuré", file=sys.stderr, flush=True)
    return Panneau("Un portefeuille qui grandit", "conventions dans la base", [Courbe(nom, p) for nom, p in points.items()])


def main() -> int:
    options = read_options(__doc__ or "", tours=5, fiches=5, conventions=10, document=1)
    load_data()
    conventions = measure_conventions(options.conventions, options.tours)
    call_command("flush", interactive=False, verbosity=0)  # a thousand conventions are longer to delete one by one than to make
    load_data()
    fiches = measure_fiches(options.fiches, options.tours, bool(options.document))
    panneaux = [fiches, conventions]
    publish("croissance", "\n\n".join([describe_tours(options.tours), *map(write_tailles, panneaux)]), ecrire=options.ecrire)
    if options.ecrire:
        IMAGE.write_text(draw_courbes("Durées quand les données sont multipliées par 10 puis par 100", panneaux), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
