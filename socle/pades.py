"""Door to pyHanko: opening a PDF that somebody may have prepared to do harm, before its signatures are read.

pyHanko is imported on first use, because importing it takes most of a second. It is pure Python and believes what a file
announces, so qpdf, which has limits of its own, opens every file first and refuses what is broken or encrypted; then the
objects that are looked up are counted, because references that fork multiply without end.
`pades_sceau` seals, `pades_lecture` reads signatures, `pades_confiance` tells who vouches for the signer, `pades_regles` what
may follow a signature, `pades_copie` compares a signed copy with its original.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from typing import Any

import pikepdf

from socle.typographie import INSECABLE

MAX_OCTETS = 40_000_000
MAX_OBJETS = 200_000
MAX_REVISIONS = 100
MAX_APPELS = 200_000
MAX_OUVERT = 100_000_000  # of one stream
ABIME = f"Ce PDF est abîmé ou incomplet{INSECABLE}: il ne s’ouvre pas. Téléchargez-le de nouveau, puis déposez-le sans le modifier."
COMPLIQUE = "Ce PDF est anormalement compliqué. Il est refusé."

# For the whole process, and before it has threads: qpdf knows no limit for one file.
pikepdf.settings.set_qpdf_limits(flate_max_memory=MAX_OUVERT, png_max_memory=MAX_OUVERT, run_length_max_memory=MAX_OUVERT)


class PdfIllisible(ValueError):
    """A PDF that is not read, with the French reason as its message."""


def open_pdf(pdf: bytes, tolerant: bool = False) -> Any:
    """Reader of a PDF without password; `tolerant` forgives what would leave a doubt on later additions. Raises PdfIllisible."""
    _check(pdf)
    with refusing():
        from pyhanko.pdf_utils.misc import PdfStrictReadError

        try:
            lecteur = _make_lecteur()(BytesIO(pdf))
        except PdfStrictReadError:  # PDFBox, which many signature services use, gives the number of its last table to an object
            lecteur = _make_lecteur()(BytesIO(pdf), strict=False)
        lecteur.strict = not tolerant
        if lecteur.total_revisions > MAX_REVISIONS:
            raise PdfIllisible(f"Ce PDF a été complété plus de {MAX_REVISIONS} fois. Il est refusé.")
    return lecteur


def _check(pdf: bytes) -> None:
    """Refuse what is no PDF, too big, broken or encrypted."""
    if len(pdf) > MAX_OCTETS:
        raise PdfIllisible(f"Ce PDF dépasse {MAX_OCTETS // 1_000_000}{INSECABLE}Mo.")
    if not pdf.startswith(b"%PDF-"):
        raise PdfIllisible("Ce fichier n’est pas un PDF.")
    try:
        with refusing(), pikepdf.open(BytesIO(pdf), attempt_recovery=False, suppress_warnings=True) as ouvert:
            chiffre, objets = ouvert.is_encrypted, int(ouvert.trailer.get("/Size", 0))
    except PdfIllisible as erreur:
        if not isinstance(erreur.__cause__, pikepdf.PasswordError):
            raise
        chiffre, objets = True, 0
    if chiffre:
        raise PdfIllisible("Ce PDF est protégé par un mot de passe. Enregistrez-le sans protection, puis déposez-le de nouveau.")
    if objets > MAX_OBJETS:
        raise PdfIllisible(COMPLIQUE)


@contextmanager
def refusing() -> Iterator[None]:
    """Turn whatever a library raises on spoilt bytes into PdfIllisible."""
    try:
        yield
    except PdfIllisible:
        raise
    except Exception as erreur:  # pyHanko and asn1crypto raise nearly everything: assertions, lookups, recursion
        raise PdfIllisible(ABIME) from erreur


def run(tache: Coroutine[Any, Any, Any]) -> Any:
    """Wait for a coroutine of pyHanko, in a thread of its own: the caller's may already run an event loop."""
    with ThreadPoolExecutor(max_workers=1) as fil:
        return fil.submit(asyncio.run, tache).result()


@cache
def _make_lecteur() -> Any:
    """Class of readers that count what they look up, and find an object in its stream without reading those before it."""
    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.decode_limits import DecodePurpose
    from pyhanko.pdf_utils.reader import HistoricalResolver, PdfFileReader

    for nom in ("pyhanko", "pyhanko_certvalidator"):
        logging.getLogger(nom).setLevel(logging.CRITICAL)  # what a file does wrong is told to the person who sends it

    class Lecteur(PdfFileReader):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.appels = 0
            self.etats: dict[int, Etat] = {}
            self.flux: dict[int, tuple[bytes, list[int]]] = {}
            super().__init__(*args, **kwargs)

        def count(self) -> None:
            self.appels += 1
            if self.appels > MAX_APPELS:
                raise PdfIllisible(COMPLIQUE)

        def get_object(self, *args: Any, **kwargs: Any) -> Any:
            self.count()
            return super().get_object(*args, **kwargs)

        def get_historical_resolver(self, revision: int) -> HistoricalResolver:
            if revision not in self.etats:
                self.etats[revision] = Etat(self, revision)
            return self.etats[revision]

        def _get_object_from_stream(self, idnum: int, stmnum: int, idx: int) -> Any:
            if not self.strict:
                return super()._get_object_from_stream(idnum, stmnum, idx)
            if stmnum not in self.flux:
                flux: Any = generic.Reference(stmnum, 0, self).get_object()
                if flux["/Type"] != "/ObjStm":
                    raise PdfIllisible(ABIME)
                octets, debut = flux.read_data(DecodePurpose.OBJECT_STREAM), int(flux["/First"])
                self.flux[stmnum] = octets[debut:], [int(nombre) for nombre in octets[:debut].split()[: 2 * int(flux["/N"])]]
            octets, table = self.flux[stmnum]
            if not 0 <= 2 * idx < len(table) - 1 or table[2 * idx] != idnum:
                raise PdfIllisible(ABIME)
            ici = BytesIO(octets)
            ici.seek(table[2 * idx + 1])
            objet = generic.read_object(ici, generic.Reference(idnum, 0, self))
            if isinstance(objet, generic.StreamObject | generic.IndirectObject):
                raise PdfIllisible(ABIME)
            return objet

    class Etat(HistoricalResolver):
        """The file as it was at one recording."""

        def get_object(self, *args: Any, **kwargs: Any) -> Any:
            lecteur: Any = self.reader
            lecteur.count()
            return super().get_object(*args, **kwargs)

        def is_ref_unassignable(self, ref: generic.Reference) -> bool:
            """Tell whether a number was free; that of a table which no table lists is."""
            tables = self.reader.xrefs
            siennes = {tables.get_xref_container_info(rang).stream_ref for rang in range(self.revision + 1)}
            return (ref in siennes and tables.get_historical_ref(ref, self.revision) is None) or super().is_ref_unassignable(ref)

    return Lecteur
