"""Pages under load: gunicorn in its own processes, asked by a real HTTP client for 1, 10 and 50 people at once.

Run with `make benchmark-charge`, on a private PostgreSQL when there is one, else on SQLite. Each person has an account, a session and a
field of a fiche they save; they read and write without ever pausing, so that 50 of them are worth many more at work.
"""

import asyncio
import os
import random
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

os.environ.setdefault("TRAITDUNION_SECRET_KEY", secrets.token_urlsafe(50))  # the server reads the sessions that are opened here

from benchmarks.outils import (
    AGENTE,
    DIJON,
    FINE,
    RACINE,
    Serie,
    describe_machine,
    format_duree,
    format_nombre,
    load_data,
    publish,
    read_options,
    start_django,
    write_tableau,
)

start_django(reprise=True)

import httpx
from django.conf import settings
from django.db import connection
from django.test import Client

from benchmarks.donnees import make_conventions
from comptes.models import Utilisateur
from conventions.models import Convention
from fiches.models import FicheAction

FICHE = "e-c-1-3"
LECTURES = {  # what people open, and how often
    "accueil": ("/", 3),
    "liste": ("/conventions/", 2),
    "recherche": ("/recherche/?q=commerce", 1),
    "vue d’ensemble": (f"/conventions/{DIJON}/", 3),
    "fiche": (f"/conventions/{DIJON}/fiches/{FICHE}/", 4),
    "budget": (f"/conventions/{DIJON}/budget/", 2),
}
ENREGISTRER = "enregistrer un champ"
POIDS = {**{nom: poids for nom, (_, poids) in LECTURES.items()}, ENREGISTRER: 5}
CHAMPS = ("constat", "objectifs", "contenus")
NIVEAUX = (1, 10, 50)
JETON = "a" * 32  # sent as cookie and as header: what the protection against forged requests compares


@dataclass
class Personne:
    """Somebody signed in, with a field of their own."""

    session: str
    fiche: int
    champ: str
    valeur: str
    version: str = ""
    numeros: Iterator[int] = field(default_factory=lambda: count(1))


@dataclass
class Niveau:
    """What so many people at once obtained."""

    utilisateurs: int
    secondes: float = 0
    pages: dict[str, Serie] = field(default_factory=lambda: {nom: Serie() for nom in POIDS})
    erreurs: Counter[str] = field(default_factory=Counter)

    @property
    def ensemble(self) -> Serie:
        return Serie([d for serie in self.pages.values() for d in serie.durees])


def open_sessions(nombre: int) -> list[Personne]:
    """Accounts of Dijon Métropole, signed in; each writes one field of one fiche."""
    Convention.objects.filter(reference=DIJON).update(etat=Convention.Etat.EN_NEGOCIATION)
    FicheAction.objects.filter(convention__reference=DIJON).update(etat=FicheAction.Etat.EN_REDACTION)
    organisation = Utilisateur.objects.get(email=AGENTE).organisation
    fiches = list(FicheAction.objects.filter(convention__reference=DIJON))
    places = [(fiche, champ) for champ in CHAMPS for fiche in fiches]
    assert len(places) >= nombre, "un champ par personne"
    personnes = []
    for rang, (fiche, champ) in enumerate(places[:nombre]):
        compte = Utilisateur.objects.create(
            email=f"charge-{rang}@dijon-metropole.example", prenom="Camille", nom=f"Essai {rang}", organisation=organisation, role="agent"
        )
        client = Client()
        client.force_login(compte, "comptes.connexion.ConnexionParCourriel")
        personnes.append(Personne(client.cookies["sessionid"].value, fiche.pk, champ, getattr(fiche, champ)))
    return personnes


@contextmanager
def serve() -> Iterator[str]:
    """Gunicorn as in service, debug off, its static files collected; yields its address."""
    with socket.socket() as libre:
        libre.bind(("127.0.0.1", 0))
        port = libre.getsockname()[1]
    env = {**os.environ, "TRAITDUNION_DEBUG": "0", "TRAITDUNION_HTTPS": "0", "TRAITDUNION_HOSTS": "127.0.0.1", "TRAITDUNION_LOG": "ERROR"}
    neufs = not settings.STATIC_ROOT.exists()
    if neufs:
        subprocess.run([sys.executable, "manage.py", "collectstatic", "--noinput", "-v", "0"], cwd=RACINE, env=env, check=True)
    serveur = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "gunicorn", "config.wsgi", "--workers", "2", "--bind", f"127.0.0.1:{port}", "--log-level", "error"],
        cwd=RACINE,
        env=env,
    )
    adresse = f"http://127.0.0.1:{port}"
    try:
        wait_for(adresse, serveur)
        yield adresse
    finally:
        serveur.terminate()
        serveur.wait(30)
        if neufs:
            shutil.rmtree(settings.STATIC_ROOT, ignore_errors=True)


def wait_for(adresse: str, serveur: subprocess.Popen) -> None:
    """Wait until the server answers. Raises RuntimeError when it stops."""
    limite = time.monotonic() + 60
    while True:
        try:
            httpx.get(f"{adresse}/sante/", timeout=10).raise_for_status()
        except httpx.HTTPError as erreur:
            if serveur.poll() is not None or time.monotonic() > limite:
                raise RuntimeError("gunicorn ne répond pas.") from erreur
            time.sleep(0.2)
        else:
            return


async def read(client: httpx.AsyncClient, adresse: str) -> bool:
    """A page; tell whether it came."""
    return (await client.get(adresse)).status_code == 200


async def save(client: httpx.AsyncClient, personne: Personne) -> bool:
    """One field, to another value; tell whether it was written."""
    apres = f"{personne.valeur.split(' Relu ')[0]} Relu {next(personne.numeros)} fois."
    corps = {"modifications": [{"champ": personne.champ, "avant": personne.valeur, "apres": apres}], "version": personne.version}
    reponse = await client.post(f"/conventions/{DIJON}/fiches/n/{personne.fiche}/enregistrer/", json=corps, headers={"X-CSRFToken": JETON})
    if reponse.status_code != 200:
        return False
    dit = reponse.json()
    personne.valeur, personne.version = dit["resultats"][0]["valeur"], dit["version"]
    return dit["resultats"][0]["statut"] == "enregistre"


async def live(adresse: str, personne: Personne, niveau: Niveau, fin: float, hasard: random.Random) -> None:
    """One person: a page after the other until the end."""
    cookies = {"sessionid": personne.session, "csrftoken": JETON}
    async with httpx.AsyncClient(base_url=adresse, cookies=cookies, timeout=120) as client:
        while time.perf_counter() < fin:
            nom = hasard.choices(list(POIDS), list(POIDS.values()))[0]
            acte: Callable[[], Awaitable[bool]] = (
                (lambda: save(client, personne)) if nom == ENREGISTRER else (lambda a=LECTURES[nom][0]: read(client, a))
            )
            debut = time.perf_counter()
            try:
                reussi = await acte()
            except httpx.HTTPError:
                reussi = False
            niveau.pages[nom].durees.append(time.perf_counter() - debut)
            if not reussi:
                niveau.erreurs[nom] += 1


async def load(adresse: str, personnes: list[Personne], utilisateurs: int, secondes: float) -> Niveau:
    """So many people at once for so long."""
    niveau, debut = Niveau(utilisateurs), time.perf_counter()
    async with asyncio.TaskGroup() as groupe:
        for rang, personne in enumerate(personnes[:utilisateurs]):
            groupe.create_task(live(adresse, personne, niveau, debut + secondes, random.Random(rang)))  # noqa: S311
    niveau.secondes = time.perf_counter() - debut
    return niveau


def write_niveaux(niveaux: list[Niveau]) -> str:
    """One row a number of people."""
    lignes = []
    for n in niveaux:
        tout = n.ensemble
        debit = format_nombre(len(tout.durees) / n.secondes, 1)
        lignes.append([
            format_nombre(n.utilisateurs), format_nombre(len(tout.durees)), debit, format_duree(tout.mediane), format_duree(tout.p95),
            format_duree(max(tout.durees)), format_nombre(n.erreurs.total()),
        ])  # fmt: skip
    return write_tableau(["Personnes à la fois", "Requêtes", "Requêtes/s", "Médiane", "95 % sous", "La plus longue", "Erreurs"], lignes)


def write_pages(niveaux: list[Niveau]) -> str:
    """One row a page: median and 95 %, for each number of people."""
    entetes = ["Page", *(f"{n.utilisateurs} : médiane (95{FINE}%)" for n in niveaux)]
    lignes = [
        [nom, *(f"{format_duree(s.mediane)} ({format_duree(s.p95)})" if (s := n.pages[nom]).durees else "–" for n in niveaux)]
        for nom in POIDS
    ]
    return write_tableau(entetes, lignes)


def main() -> int:
    options = read_options(__doc__ or "", secondes=20, conventions=100)
    load_data()
    make_conventions("CHARGE", options.conventions, 5)
    personnes = open_sessions(max(NIVEAUX))
    connection.close()
    with serve() as adresse:
        asyncio.run(load(adresse, personnes, 4, 3))  # both processes read their templates
        niveaux = [asyncio.run(load(adresse, personnes, n, options.secondes)) for n in NIVEAUX]
    base = "PostgreSQL" if connection.vendor == "postgresql" else "SQLite"
    tete = f"{describe_machine()}, {base}, {options.conventions + 2} conventions, gunicorn à 2 processus, {options.secondes} s par ligne."
    publish("charge", f"{tete}\n\n{write_niveaux(niveaux)}\n\n{write_pages(niveaux)}", ecrire=options.ecrire)
    if erreurs := sum((n.erreurs for n in niveaux), Counter()):
        print(f"Réponses manquées : {dict(erreurs)}", file=sys.stderr)
    return 1 if erreurs else 0


if __name__ == "__main__":
    sys.exit(main())
