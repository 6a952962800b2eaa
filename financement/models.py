"""Models of the app: one module a subject."""

from financement.cofinancements import CoFinancement
from financement.couts import LigneCout, NatureDepense, TotalDeclare
from financement.imports.journal import ImportBudget, PageImport
from financement.recap_declare import MontantRecapDeclare
from financement.versements import Versement

__all__ = ["CoFinancement", "ImportBudget", "LigneCout", "MontantRecapDeclare", "NatureDepense", "PageImport", "TotalDeclare", "Versement"]
