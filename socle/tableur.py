"""What every spreadsheet written by the product shares."""

import re

FORMAT_EUROS = '#,##0.00\u00a0"€"'
_CONTROLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def clean_text(texte: str) -> str:
    """Text safe in a cell: no control character, and never read as a formula by the program that opens it."""
    texte = _CONTROLE.sub("", texte)
    return f"'{texte}" if texte[:1] in {"=", "+", "-", "@", "\t", "\r"} else texte
