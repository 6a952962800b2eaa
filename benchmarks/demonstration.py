"""Server time and queries of the pages on the demonstration data, without network.

Run with `make benchmark-pages`: a database of trial is made, loaded and measured; medians of several answers.
"""

import sys

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
from django.test.utils import CaptureQueriesContext

from conventions.models import Convention
from financement.controles.regles import find_contradictions

PAGES = {
    "accueil": "/",
    "liste": "/conventions/",
    "recherche": "/recherche/?q=commerce",
    "vue d’ensemble": f"/conventions/{DIJON}/",
    "articles": f"/conventions/{DIJON}/articles/",
    "fiches": f"/conventions/{DIJON}/fiches/",
    "fiche": f"/conventions/{DIJON}/fiches/e-c-1-3/",
    "budget": f"/conventions/{DIJON}/budget/",
    "contrôles": f"/conventions/{DIJON}/controles/",
    "rapprochement": f"/conventions/{DIJON}/rapprochement/",
    "famille": f"/conventions/{DIJON}/famille/",
}


def main() -> int:
    options = read_options(__doc__ or "", fois=15)
    load_data()
    client = open_client()
    lignes = []
    for nom, adresse in PAGES.items():
        with CaptureQueriesContext(connection) as requetes:
            reponse = client.get(adresse)
        assert reponse.status_code == 200, f"{adresse} : {reponse.status_code}"
        nombre = len(requetes)  # now: the next answer forgets them
        lignes.append([nom, format_duree(median_ms(lambda a=adresse: client.get(a), options.fois) / 1000), str(nombre)])
    convention = Convention.objects.with_parties().get(reference=DIJON)
    with CaptureQueriesContext(connection) as requetes:
        find_contradictions(convention)
    duree = median_ms(lambda: find_contradictions(convention), options.fois)
    lignes.append(["contrôles, calcul", format_duree(duree / 1000), str(len(requetes))])
    contenu = f"{describe_machine()}, une personne à la fois.\n\n{write_tableau(['Page', 'Médiane', 'Requêtes'], lignes)}"
    publish("pages", contenu, ecrire=options.ecrire)
    return 0


if __name__ == "__main__":
    sys.exit(main())
