"""Models of the app: one module a subject."""

from documents.accords import Accord
from documents.bilans.figes import DocumentBilan
from documents.figes import DocumentFige
from documents.signatures import Signature
from documents.vie.preparation import Preparation

__all__ = ["Accord", "DocumentBilan", "DocumentFige", "Preparation", "Signature"]
