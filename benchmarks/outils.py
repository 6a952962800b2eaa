"""What the benchmarks share: a database of their own, interleaved timings, tables, and where the tables are kept.

Every benchmark prints its tables in the form docs/performance.md keeps; `--ecrire` puts them there, between their markers.
"""

import argparse
import atexit
import gc
import os
import re
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

RACINE = Path(__file__).resolve().parent.parent
PAGE = RACINE / "docs" / "performance.md"
FINE = "\u202f"
DIJON = "DIJON-CCI21-2018"
AGENTE = "nadia.ferrand@dijon-metropole.example"
MARQUE = "TRAITDUNION_BANC"  # the folder of the run: processes it starts find the same database


def start_django(*, reprise: bool = False) -> Path:
    """Start Django on a database of trial, deleted at the end; `reprise` measures on DATABASE_URL when it is given."""
    dossier = os.environ.get(MARQUE)
    if dossier is None:
        dossier = os.environ[MARQUE] = tempfile.mkdtemp(prefix="banc-")
        atexit.register(shutil.rmtree, dossier, ignore_errors=True)
        for arret in (signal.SIGTERM, signal.SIGINT):  # both, even in the background: what was started is stopped, what was made is deleted
            signal.signal(arret, signal.default_int_handler)
        if not (reprise and "DATABASE_URL" in os.environ):
            os.environ["DATABASE_URL"] = f"sqlite:///{dossier}/base.sqlite3"
        os.environ["TRAITDUNION_DATA"] = dossier
    os.environ["TRAITDUNION_DEBUG"] = "1"
    os.environ["TRAITDUNION_LOG"] = "ERROR"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    return Path(dossier)


def load_data(*, demonstration: bool = True) -> None:
    """Make the tables, and the demonstration in them."""
    from django.conf import settings
    from django.core.management import call_command

    settings.DEBUG = True  # else the accounts of the demonstration are not made
    call_command("migrate", verbosity=0)
    if demonstration:
        with open(os.devnull, "w") as rien:
            call_command("load_demo", verbosity=0, stdout=rien)
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.DEBUG = False  # else Django keeps every query in memory


def open_client(email: str = AGENTE):
    """A client signed in as one of the demonstration."""
    from django.conf import settings
    from django.test import Client

    from comptes.models import Utilisateur

    settings.ALLOWED_HOSTS = ["testserver"]
    Utilisateur.objects.filter(email=email).update(demonstration=False)  # such accounts open in debug mode only
    client = Client()
    client.force_login(Utilisateur.objects.get(email=email), "comptes.connexion.ConnexionParCourriel")
    return client


# --- Timings -----------------------------------------------------------------------------------------


@dataclass
class Serie:
    """Durations of one thing, in seconds."""

    durees: list[float] = field(default_factory=list)
    calculs: list[float] = field(default_factory=list)  # seconds of processor, all processes together

    @property
    def mediane(self) -> float:
        return statistics.median(self.durees)

    @property
    def p95(self) -> float:
        """The duration that 95 of 100 do not exceed."""
        return sorted(self.durees)[max(0, -(-len(self.durees) * 95 // 100) - 1)]

    @property
    def etendue(self) -> str:
        """The shortest and the longest: what the noise of the machine is."""
        return f"{format_duree(min(self.durees))} à {format_duree(max(self.durees))}"


@dataclass
class Cas:
    """One competitor: what is prepared outside the clock, and what is timed."""

    nom: str
    acte: Callable[[], object]
    prepare: Callable[[], object] = lambda: None
    serie: Serie = field(default_factory=Serie)
    resultat: object = None

    @property
    def mediane(self) -> float:
        return self.serie.mediane


def measure(cas: Sequence[Cas], tours: int) -> None:
    """Time every case in turn, `tours` times: A B C A B C, so that a busy moment of the machine falls on all."""
    for tour in range(tours):
        for un in cas:
            un.prepare()
            gc.collect()
            calcul, debut = count_processeur(), time.perf_counter()
            un.resultat = un.acte()
            un.serie.durees.append(time.perf_counter() - debut)
            un.serie.calculs.append(count_processeur() - calcul)
            print(f"  tour {tour + 1}, {un.nom} : {format_duree(un.serie.durees[-1])}", file=sys.stderr, flush=True)


def count_processeur() -> float:
    """Seconds of processor used so far by this process and those it started: what other people on the machine do not change much."""
    total = sum(os.times()[:4])
    familles: dict[int, list[tuple[int, int]]] = {}
    for etat in Path("/proc").glob("[0-9]*/stat"):
        try:
            champs = etat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        familles.setdefault(int(champs[1]), []).append((int(etat.parent.name), sum(map(int, champs[11:15]))))
    battements, pile = 0, [os.getpid()]
    while pile:
        for pid, temps in familles.get(pile.pop(), []):
            battements += temps
            pile.append(pid)
    return total + battements / os.sysconf("SC_CLK_TCK")


def median_ms(acte: Callable[[], object], fois: int) -> float:
    """Median of several answers, in milliseconds."""
    serie = Serie()
    for _ in range(fois):
        debut = time.perf_counter()
        acte()
        serie.durees.append(time.perf_counter() - debut)
    return serie.mediane * 1000


def time_of(acte: Callable[[], object]) -> float:
    """Seconds one act takes."""
    debut = time.perf_counter()
    acte()
    return time.perf_counter() - debut


# --- Words -------------------------------------------------------------------------------------------


def format_nombre(valeur: float, decimales: int = 0) -> str:
    """« 1 234,5 »."""
    return f"{valeur:,.{decimales}f}".replace(",", FINE).replace(".", ",")


def format_duree(secondes: float) -> str:
    """« 12,3 ms », « 340 ms » or « 5,1 s »."""
    if secondes >= 1:
        return f"{format_nombre(secondes, 1 if secondes >= 10 else 2)}{FINE}s"
    return f"{format_nombre(secondes * 1000, 1 if secondes < 0.1 else 0)}{FINE}ms"


def format_rapport(rapport: float) -> str:
    """« × 4,2 »."""
    return f"×{FINE}{format_nombre(rapport, 0 if rapport >= 100 else 1)}"


def write_tableau(entetes: Sequence[str], lignes: Iterable[Sequence[str]], texte: int = 1) -> str:
    """A table as Markdown, aligned so that it is read in a terminal too; the first `texte` columns are words."""
    rangees = [list(entetes), *map(list, lignes)]
    larges = [max(3, *(len(r[c]) for r in rangees)) for c in range(len(entetes))]

    def write(rangee: Sequence[str]) -> str:
        cases = (v.ljust(n) if c < texte else v.rjust(n) for c, (v, n) in enumerate(zip(rangee, larges, strict=True)))
        return f"| {' | '.join(cases)} |"

    trait = "|" + "|".join("-" * (n + 2) if c < texte else "-" * (n + 1) + ":" for c, n in enumerate(larges)) + "|"
    return "\n".join([write(rangees[0]), trait, *map(write, rangees[1:])])


def describe_machine() -> str:
    """« Mesuré le 3 juin 2026 sur 2 cœurs »: the machine is named by its cores only."""
    mois = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
    jour, coeurs = date.today(), len(os.sched_getaffinity(0))
    return (
        f"Mesuré le {'1er' if jour.day == 1 else jour.day} {mois[jour.month - 1]} {jour.year} sur {coeurs} cœur{'s' if coeurs > 1 else ''}"
    )


def describe_tours(tours: int) -> str:
    """« Mesuré le 3 juin 2026 sur 2 cœurs, 5 tours. »."""
    return f"{describe_machine()}, {tours} tour{'s' if tours > 1 else ''}."


def publish(nom: str, contenu: str, *, ecrire: bool, page: Path = PAGE) -> None:
    """Print a section, and put it in docs/performance.md when asked."""
    print(f"\n{contenu}\n")
    if ecrire:
        write_section(nom, contenu, page)
        print(f"Écrit dans {page.relative_to(RACINE) if page.is_relative_to(RACINE) else page}.")


def write_section(nom: str, contenu: str, page: Path = PAGE) -> None:
    """Replace what stands between `<!-- mesures:nom -->` and the `<!-- fin -->` that follows. Raises ValueError without them."""
    motif = re.compile(rf"(<!-- mesures:{re.escape(nom)} -->\n).*?(<!-- fin -->)", re.DOTALL)
    texte, nombre = motif.subn(lambda m: f"{m[1]}{contenu.strip()}\n{m[2]}", page.read_text(encoding="utf-8"))
    if nombre != 1:
        raise ValueError(f"{page.name} a {nombre} place(s) pour les mesures « {nom} », il en faut une.")
    page.write_text(texte, encoding="utf-8")


def read_options(description: str, **nombres: int) -> argparse.Namespace:
    """Options of a benchmark: `--ecrire`, and numbers with what they are by default."""
    lecteur = argparse.ArgumentParser(description=description.splitlines()[0])
    lecteur.add_argument("--ecrire", action="store_true", help="écrit les tableaux dans docs/performance.md")
    for nom, defaut in nombres.items():
        lecteur.add_argument(f"--{nom.replace('_', '-')}", type=int, default=defaut, help=f"{defaut} par défaut")
    return lecteur.parse_args()
