"""Models of the app: one module a subject."""

from documents.accords import Accord
from documents.figes import DocumentFige
from documents.signatures import Signature
from documents.vie.preparation import Preparation

__all__ = ["Accord", "DocumentFige", "Preparation", "Signature"]
