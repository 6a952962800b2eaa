"""Models of the app: one module a subject."""

from financement.cofinancements import CoFinancement
from financement.couts import LigneCout, NatureDepense, TotalDeclare
from financement.recap_declare import MontantRecapDeclare
from financement.versements import Versement

__all__ = ["CoFinancement", "LigneCout", "MontantRecapDeclare", "NatureDepense", "TotalDeclare", "Versement"]
