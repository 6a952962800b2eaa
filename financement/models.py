"""Models of the app: one module a subject."""

from financement.cofinancements import CoFinancement
from financement.controles.journal import Acceptation, Contradiction, Reprise, Verification
from financement.couts import LigneCout, NatureDepense, TotalDeclare
from financement.imports.journal import ImportBudget, PageImport
from financement.recap_declare import MontantRecapDeclare
from financement.versements import Versement

__all__ = [
    "Acceptation",
    "CoFinancement",
    "Contradiction",
    "ImportBudget",
    "LigneCout",
    "MontantRecapDeclare",
    "NatureDepense",
    "PageImport",
    "Reprise",
    "TotalDeclare",
    "Verification",
    "Versement",
]
