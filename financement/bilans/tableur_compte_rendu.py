"""Provisional: replaced in the same work."""

from typing import Any


def write_compte_rendu_xlsx(objet: Any) -> bytes:
    """Not written yet."""
    return b""
