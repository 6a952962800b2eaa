"""Models of the app: one module a subject."""

from financement.bilans.comptes_produits import CompteProduit
from financement.bilans.modeles import Bilan, FicheBilan, LigneBilan, MesureBilan, PartBilan, ParticipationBilan
from financement.bilans.suites import AccordBilan, Observation, PieceBilan, Realisation
from financement.cofinancements import CoFinancement
from financement.controles.journal import Acceptation, Contradiction, Reprise, Verification
from financement.couts import LigneCout, NatureDepense, TotalDeclare
from financement.cumuls import Cumul, CumulPerime
from financement.imports.journal import ImportBudget, PageImport
from financement.paiements import CreditExercice, Imputation, Paiement, PieceVersement, Reversement
from financement.recap_declare import MontantRecapDeclare
from financement.versements import ConstatCondition, Versement

__all__ = [
    "Acceptation",
    "AccordBilan",
    "Bilan",
    "CoFinancement",
    "CompteProduit",
    "ConstatCondition",
    "Contradiction",
    "CreditExercice",
    "Cumul",
    "CumulPerime",
    "FicheBilan",
    "ImportBudget",
    "Imputation",
    "LigneBilan",
    "LigneCout",
    "MesureBilan",
    "MontantRecapDeclare",
    "NatureDepense",
    "Observation",
    "PageImport",
    "Paiement",
    "PartBilan",
    "ParticipationBilan",
    "PieceBilan",
    "PieceVersement",
    "Realisation",
    "Reprise",
    "Reversement",
    "TotalDeclare",
    "Verification",
    "Versement",
]
