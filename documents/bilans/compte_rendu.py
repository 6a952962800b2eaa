"""Provisional: replaced in the same work."""

from typing import Any


def publish_compte_rendu(objet: Any) -> bytes:
    """Not written yet."""
    return b""
