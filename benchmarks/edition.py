"""Our documents, as the benchmarks ask for them, and the same content for the peers."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from conventions.models import Convention
from documents.mise_en_forme import assister_document, print_convention
from documents.publication import compose_convention, compose_fiche
from fiches.models import FicheAction
from socle import pdf_cahiers
from socle.pdf import Document

STYLES = Path(settings.BASE_DIR) / "static" / "pdf"
# The peers number pages themselves, where our style keeps places for the assembly.
NUMEROS = """<style>
@page { @bottom-right { content: "Page " counter(page) " / " counter(pages) } }
@page couverture { @bottom-right { content: none } }
.sommaire .folio::after { content: " " target-counter(attr(data-cible), page) }
.renvoi .page::after { content: "" }
</style>"""


def read_convention(reference: str) -> Convention:
    """The convention as a page reads it: nothing kept from an earlier reading."""
    return Convention.objects.with_parties().get(reference=reference)


def clear() -> None:
    """Forget every part that was kept."""
    pdf_cahiers.clear()


def publish(reference: str) -> bytes:
    """The whole agreement."""
    return print_convention(read_convention(reference))


class Second:
    """Another worker, started and warm, which typesets from the end what the first typesets from the beginning."""

    def __init__(self, processus: subprocess.Popen[str]) -> None:
        self.processus = processus

    def say(self, mots: str) -> None:
        """Give it an order."""
        assert self.processus.stdin
        self.processus.stdin.write(mots + "\n")
        self.processus.stdin.flush()

    def wait(self) -> None:
        """Wait until it has done what it was told."""
        assert self.processus.stdout
        if self.processus.stdout.readline() != "fait\n":
            raise RuntimeError("Le second ouvrier s’est arrêté.")

    def publish(self, reference: str) -> bytes:
        """The agreement, both at work."""
        convention = read_convention(reference)
        self.say(str(convention.pk))
        return print_convention(convention)

    def clear(self) -> None:
        """Forget every part, there and here, the work under way being finished first."""
        self.say("oublie")
        self.wait()
        clear()


@contextmanager
def second_worker(reference: str) -> Iterator[Second]:
    """The second worker, on the same database and storage."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.second"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as processus:
        second = Second(processus)
        second.say(str(read_convention(reference).pk))
        second.clear()
        try:
            yield second
        finally:
            assert processus.stdin
            processus.stdin.close()


def assist(convention: int) -> None:
    """What the second worker does."""
    assister_document.call(convention, "convention")


def edit(fiche: FicheAction, numero: int) -> None:
    """Add a sentence to the constat of a fiche, and save it."""
    fiche = FicheAction.objects.get(pk=fiche.pk)
    fiche.constat = f"{fiche.constat.split(' Relu ')[0]} Relu {numero} fois."
    fiche.save()


# --- The same content for the peers ------------------------------------------------------------------


def write_html(convention: Convention) -> str:
    """The whole agreement as one HTML page, part by part as it is printed."""
    return join(compose_convention(convention))


def write_html_fiche(convention: Convention, code: str) -> str:
    """One fiche as an HTML page."""
    return join(compose_fiche(convention, convention.fiches.get(code=code)))


def join(document: Document) -> str:
    """Parts as one page with our styles, which the peers read from where they are."""
    ouverture = re.search(r"<body[^>]*>", document.cahiers[0].html)
    assert ouverture
    corps = "\n".join(cahier.html.partition("<body")[2].partition(">")[2].rpartition("</body>")[0] for cahier in document.cahiers)
    feuille = f'<link rel="stylesheet" href="{(STYLES / "document.css").as_uri()}">'
    tete = f'<head><meta charset="utf-8"><title>{document.description.titre}</title>{feuille}{NUMEROS}</head>'
    return f'<!doctype html><html lang="fr">{tete}{ouverture[0]}{corps}</body></html>'
