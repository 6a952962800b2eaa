"""Provisional: replaced in the same work."""

from typing import Any


def compute_compte_rendu(objet: Any) -> bytes:
    """Not written yet."""
    return b""
