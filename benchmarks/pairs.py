"""The programs our documents are measured beside: LibreOffice from a Word file, Chromium from our own HTML.

Each is measured cold (it starts for one document) and started once for many. They are looked for on the PATH; SOFFICE and
CHROMIUM name others.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.pairs_docx import write_docx

NAVIGATEURS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
NORMES = {  # what LibreOffice can be asked for at best: PDF/A-3b, PDF/UA-1
    "SelectPdfVersion": {"type": "long", "value": "3"},
    "PDFUACompliance": {"type": "boolean", "value": "true"},
    "UseTaggedPDF": {"type": "boolean", "value": "true"},
    "ExportBookmarks": {"type": "boolean", "value": "true"},
}
PATIENCE = 120  # seconds


class PairAbsent(RuntimeError):
    """A program to measure against is not on this machine; the message says what to install."""


def find(variable: str, noms: tuple[str, ...], paquet: str) -> str:
    """Path of a program. Raises PairAbsent."""
    chemin = os.environ.get(variable) or next(filter(None, map(shutil.which, noms)), None)
    if not chemin:
        raise PairAbsent(f"{noms[0]} est introuvable : installez {paquet}, ou donnez son chemin dans {variable}.")
    return chemin


class LibreOffice:
    """`soffice --convert-to pdf`, with a profile of its own."""

    def __init__(self, dossier: Path) -> None:
        self.programme = find("SOFFICE", ("soffice", "libreoffice"), "libreoffice-writer")
        self.dossier = dossier / "libreoffice"
        self.dossier.mkdir()
        self.composition: list[float] = []
        self.convert(write_docx("<html><head><title>-</title></head><body><p>-</p></body></html>"))  # writes its profile, once

    def command(self, *suite: str) -> list[str]:
        return [self.programme, f"-env:UserInstallation={(self.dossier / 'profil').as_uri()}", "--headless", "--norestore", *suite]

    def convert(self, docx: bytes, *, normes: bool = False) -> bytes:
        """A Word file as PDF; an instance already open with this profile is the one that answers."""
        source, cible = self.dossier / "entree.docx", self.dossier / "entree.pdf"
        source.write_bytes(docx)
        cible.unlink(missing_ok=True)
        filtre = f"pdf:writer_pdf_Export:{json.dumps(NORMES)}" if normes else "pdf"
        fait = subprocess.run(  # noqa: S603
            self.command("--convert-to", filtre, "--outdir", str(self.dossier), str(source)),
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        if not cible.exists():
            dit = fait.stderr.decode(errors="replace")
            raise PairAbsent(f"LibreOffice n’a pas converti le fichier Word : libreoffice-writer est-il installé ?\n{dit}")
        return cible.read_bytes()

    def publish(self, html: str, *, normes: bool = False) -> bytes:
        """The Word file, then its PDF; how long the first took is kept."""
        debut = time.perf_counter()
        docx = write_docx(html)
        self.composition.append(time.perf_counter() - debut)
        return self.convert(docx, normes=normes)

    @contextmanager
    def started(self) -> Iterator[None]:
        """Keep an instance open: with a document open, it stays after a conversion and its Writer is in memory."""
        ouvert = self.dossier / "ouvert.docx"
        ouvert.write_bytes(write_docx("<html><head><title>-</title></head><body><p>-</p></body></html>"))
        instance = subprocess.Popen(  # noqa: S603
            self.command(str(ouvert)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        verrou = self.dossier / f".~lock.{ouvert.name}#"
        try:
            limite = time.monotonic() + PATIENCE
            while not verrou.exists():  # written once the document is open
                if time.monotonic() > limite or instance.poll() is not None:
                    raise PairAbsent("LibreOffice ne reste pas ouvert.")
                time.sleep(0.1)
            yield
        finally:
            os.killpg(instance.pid, signal.SIGTERM)
            instance.wait(PATIENCE)


class Chromium:
    """Chromium printing a page: its own command when cold, Playwright's connection when already started."""

    def __init__(self, dossier: Path) -> None:
        self.programme = find("CHROMIUM", NAVIGATEURS, "chromium-headless-shell")
        self.dossier = dossier / "chromium"
        self.dossier.mkdir()
        self.navigateur: Any = None

    def lay_down(self, html: str) -> Path:
        """Write the page where the browser reads it."""
        source = self.dossier / "entree.html"
        source.write_text(html, encoding="utf-8")
        return source

    def publish_cold(self, html: str) -> bytes:
        """Start, print, stop. Tagged, with an outline."""
        cible = self.dossier / "entree.pdf"
        cible.unlink(missing_ok=True)
        subprocess.run(  # noqa: S603
            [
                self.programme,
                *OPTIONS,
                f"--user-data-dir={self.dossier / 'profil'}",
                "--no-pdf-header-footer",
                "--generate-pdf-document-outline",
                f"--print-to-pdf={cible}",
                self.lay_down(html).as_uri(),
            ],
            capture_output=True,
            timeout=PATIENCE,
            check=True,
        )
        return cible.read_bytes()

    @contextmanager
    def started(self) -> Iterator[None]:
        """Keep a browser open."""
        from playwright.sync_api import sync_playwright

        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright's event loop lives in this thread, our queries are not in it
        with sync_playwright() as playwright:
            self.navigateur = playwright.chromium.launch(executable_path=self.programme, args=OPTIONS)
            try:
                yield
            finally:
                self.navigateur.close()
                self.navigateur = None

    def publish(self, html: str) -> bytes:
        """A new page of the open browser, printed."""
        page = self.navigateur.new_page()
        try:
            page.goto(self.lay_down(html).as_uri())
            return page.pdf(prefer_css_page_size=True, print_background=True, tagged=True, outline=True)
        finally:
            page.close()
