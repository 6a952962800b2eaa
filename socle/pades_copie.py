"""Comparing the copy that comes back signed with the file that was handed over.

A copy is accepted when it starts with the exact bytes of the original and adds nothing but intact signatures, timestamps and
their proofs. A visible signature draws on the page: the pages it draws on are told, and one that would hide a page is refused.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from io import BytesIO
from typing import Any

import pikepdf

from socle.pades import ABIME, PdfIllisible, open_pdf, refusing
from socle.pades_confiance import read_racines
from socle.pades_lecture import SignatureLue, read_champs
from socle.pades_regles import find_origine, is_prolongation, make_regle
from socle.typographie import INSECABLE

MAX_COUVERT = 0.25  # share of a page that the drawing of a signature may take
BLANCS = b"\0\t\n\f\r "
CACHE = 2  # bit of an annotation that nobody sees


class Etat(Enum):
    """What a received file is to the original."""

    IDENTIQUE = "identique"
    SIGNE = "signe"
    MODIFIE = "modifie"
    AUTRE = "autre"


@dataclass(frozen=True)
class Copie:
    """A received file against its original."""

    etat: Etat
    motif: str = ""  # why it is refused
    signatures: tuple[SignatureLue, ...] = ()  # those that were added
    pages: tuple[int, ...] = ()  # pages, from 1, on which they draw something

    def explain(self) -> str:
        """Say it in one sentence to the person who sent the file."""
        if self.etat == Etat.IDENTIQUE:
            return "Ce fichier est le document d’origine, sans aucune signature de plus."
        if self.etat == Etat.SIGNE:
            nombre = len(self.signatures)
            return f"Ce fichier est le document d’origine, avec {nombre} signature{'s' if nombre > 1 else ''} de plus et rien d’autre."
        return self.motif


def compare_copie(original: bytes, recu: bytes, racines: Sequence[bytes] = ()) -> Copie:
    """Tell what was added to the original. Raises PdfIllisible when what follows the original cannot be read."""
    if not is_prolongation(original, recu):
        return Copie(
            Etat.AUTRE,
            f"Ce fichier n’est pas une copie du document téléchargé{INSECABLE}: il a été imprimé et numérisé, "
            "ou enregistré sous une autre forme.",
        )
    if not recu[len(original) :].strip(BLANCS):
        return Copie(Etat.IDENTIQUE)
    if not recu.rstrip(BLANCS).endswith(b"%%EOF"):
        raise PdfIllisible(ABIME)  # cut on its way: readers would show what comes before the cut
    ancres = read_racines(racines)
    with refusing():
        return _compare(original, recu, open_pdf(recu), ancres)


def _compare(original: bytes, recu: bytes, lecteur: Any, ancres: list[Any]) -> Copie:
    from pyhanko.sign.diff_analysis import DiffResult

    origine = find_origine(original, lecteur)
    ajouts = recu.count(b"startxref", len(original))  # each recording says once where it starts; one that none follows is hidden
    if origine is None or ajouts != lecteur.total_revisions - origine - 1 or not ajouts:
        return Copie(Etat.MODIFIE, "Ce fichier contient un autre document à la suite du document d’origine.")
    signatures = tuple(lue for revision, lue in read_champs(recu, lecteur, ancres, connu=True) if revision > origine)
    if not isinstance(make_regle(connu=True).review_file(lecteur, origine), DiffResult):
        return Copie(Etat.MODIFIE, "Le document n’a pas seulement été signé, son contenu a été modifié.", signatures)
    if not signatures:
        return Copie(Etat.MODIFIE, "Ce fichier a été enregistré de nouveau sans être signé.")
    if not all(lue.integre for lue in signatures):
        return Copie(Etat.MODIFIE, "Une des signatures ajoutées est fausse ou abîmée.", signatures)
    dessins = list(_list_dessins(original, recu))
    if any(part > MAX_COUVERT or agit for _, part, agit in dessins):
        return Copie(Etat.MODIFIE, "Une des signatures ajoutées cache une partie d’une page, ou agit sur le document.", signatures)
    return Copie(Etat.SIGNE, signatures=signatures, pages=tuple(sorted({page for page, part, _ in dessins if part})))


def _list_dessins(original: bytes, recu: bytes) -> Iterator[tuple[int, float, bool]]:
    """What was put on the pages: number of the page, share of it that is drawn on, whether an action goes with it."""
    with pikepdf.open(BytesIO(original)) as avant, pikepdf.open(BytesIO(recu)) as apres:
        for numero, (ancienne, nouvelle) in enumerate(zip(avant.pages, apres.pages, strict=True), start=1):
            connues = {note.objgen for note in _list_notes(ancienne)}
            for note in _list_notes(nouvelle):
                if note.objgen not in connues:
                    agit = any(cle in objet for objet in (note, note.get("/Parent", {})) for cle in ("/A", "/AA"))
                    yield numero, 0.0 if int(note.get("/F", 0)) & CACHE else _measure(note, nouvelle), agit


def _list_notes(page: pikepdf.Page) -> list[Any]:
    return list(page.obj.get("/Annots", []))


def _measure(note: Any, page: pikepdf.Page) -> float:
    """Share of what is seen of a page that an annotation takes."""
    gauche, bas, droite, haut = _read_cadre(page.cropbox)
    x1, y1, x2, y2 = _read_cadre(note.Rect)
    largeur, hauteur = min(droite, x2) - max(gauche, x1), min(haut, y2) - max(bas, y1)
    return max(largeur, 0) * max(hauteur, 0) / ((droite - gauche) * (haut - bas))


def _read_cadre(cadre: Any) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (float(nombre) for nombre in cadre)
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)
