"""Tables as French programs open them: semicolons, decimal commas, UTF-8 with its mark, nothing read as a formula."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

from socle.tableur import clean_text

Cellule = str | int


def write_csv(entetes: Sequence[str], lignes: Iterable[Sequence[Cellule]]) -> bytes:
    """A header and its rows, as bytes."""
    sortie = StringIO()
    table = csv.writer(sortie, delimiter=";", lineterminator="\r\n")
    table.writerow(entetes)
    table.writerows([clean_text(c) if isinstance(c, str) else c for c in ligne] for ligne in lignes)
    return sortie.getvalue().encode("utf-8-sig")
