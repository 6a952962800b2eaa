"""Text tables: encoding and separator found in the content, never asked."""

import csv
import io
import itertools
import re
from collections import Counter

SEPARATEURS = (";", "\t", ",", "|")
MAX_CELLULE = 32_767  # what a spreadsheet program keeps in a cell


def read_csv(contenu: bytes, limite: int = 1_000_000) -> tuple[list[list[str | None]], list[str]]:
    """Rows of text (None when empty) and what was understood of the file. Raises ValueError with a French sentence."""
    texte, encodage = _decode(contenu)
    if re.search("[\x00-\x08\x0e-\x1f]", texte):
        raise ValueError("Ce fichier n’est ni un tableur ni un texte. Formats lus : xlsx, xlsm, ods, csv, tsv.")
    annonce = re.match(r"sep=(.)\r?\n", texte)
    separateur = annonce[1] if annonce else _find_separateur(texte)
    if annonce:
        texte = texte[annonce.end() :]
    csv.field_size_limit(MAX_CELLULE)
    try:
        lecteur = csv.reader(io.StringIO(texte, newline=""), delimiter=separateur, strict=True)
        lignes = [[v if v.strip() else None for v in ligne] for ligne in itertools.islice(lecteur, limite)]
    except csv.Error as erreur:
        raise ValueError(
            "Ce fichier texte est mal formé : un guillemet ouvert n’est pas refermé, ou une cellule est démesurée."
        ) from erreur
    if annonce:
        lignes.insert(0, [])  # addresses stay those that a spreadsheet program shows
    nom = {"\t": "tabulation", ";": "point-virgule", ",": "virgule", "|": "barre"}.get(separateur, separateur)
    return lignes, [f"Texte lu en {encodage}, colonnes séparées par {nom}."]


def _decode(contenu: bytes) -> tuple[str, str]:
    if contenu.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return contenu.decode("utf-16"), "UTF-16"
        except UnicodeDecodeError as erreur:
            raise ValueError("Ce fichier est coupé : ses caractères ne se lisent pas. Enregistrez-le en « CSV UTF-8 ».") from erreur
    try:
        return contenu.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError:
        pass
    try:
        return contenu.decode("cp1252"), "Windows-1252"
    except UnicodeDecodeError as erreur:
        raise ValueError("Les caractères de ce fichier ne se lisent pas. Enregistrez-le en « CSV UTF-8 ».") from erreur


def _find_separateur(texte: str) -> str:
    """The separator that cuts the first rows in the same number of columns most often; the semicolon when in doubt."""
    notes: dict[str, tuple[float, int]] = {}
    for separateur in SEPARATEURS:
        try:
            # Strict: a separator that cuts quoted cells in their middle is none.
            lecteur = csv.reader(io.StringIO(texte, newline=""), delimiter=separateur, strict=True)
            largeurs = [len(li) for li in itertools.islice(lecteur, 500) if any(c.strip() for c in li)]
        except csv.Error:
            continue
        if not largeurs or max(largeurs) < 2:
            continue
        largeur, nombre = max(Counter(w for w in largeurs if w > 1).items(), key=lambda paire: (paire[1], paire[0]))
        notes[separateur] = (nombre / len(largeurs), largeur)
    if not notes:
        return ";"
    # A decimal comma cuts « 1 234,50 » in two but not always at the same places: regularity first, then the order above.
    return max(notes, key=lambda s: (round(notes[s][0], 2), -SEPARATEURS.index(s)))
