"""Models of the app: one module a subject."""

from documents.accords import Accord
from documents.figes import DocumentFige
from documents.signatures import Signature

__all__ = ["Accord", "DocumentFige", "Signature"]
