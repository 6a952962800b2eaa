"""Models of the app: one module a subject."""

from financement.cofinancements import CoFinancement
from financement.controles.journal import Acceptation, Contradiction, Reprise, Verification
from financement.couts import LigneCout, NatureDepense, TotalDeclare
from financement.imports.journal import ImportBudget, PageImport
from financement.paiements import CreditExercice, Imputation, Paiement, PieceVersement, Reversement
from financement.recap_declare import MontantRecapDeclare
from financement.versements import ConstatCondition, Versement

__all__ = [
    "Acceptation",
    "CoFinancement",
    "ConstatCondition",
    "Contradiction",
    "CreditExercice",
    "ImportBudget",
    "Imputation",
    "LigneCout",
    "MontantRecapDeclare",
    "NatureDepense",
    "PageImport",
    "Paiement",
    "PieceVersement",
    "Reprise",
    "Reversement",
    "TotalDeclare",
    "Verification",
    "Versement",
]
