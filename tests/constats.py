"""Findings of one rule, as tests compare them; fiches and printed rows to compare."""

from decimal import Decimal

from comptes.models import Organisation
from conventions.models import Axe, Convention
from fiches.models import FicheAction
from financement.controles.dossier import DossierFinancier
from socle.controles import Constat, Regle, Valeur
from tests.factories import CoFinancementFactory, FicheFactory, LigneCoutFactory, RecapDeclareFactory, euros

Trouve = tuple[str, int | None, str, Valeur, Valeur]


def constats(regle: Regle, convention: Convention) -> list[Constat]:
    """What a rule finds in a convention read again from the database."""
    return list(regle.find(DossierFinancier(Convention.objects.with_parties().get(pk=convention.pk))))


def resume(regle: Regle, convention: Convention) -> list[Trouve]:
    """Object, year, financeur, what stands there, what is expected; one row a finding."""
    return [(c.objet, c.annee, c.financeur, c.constate, c.attendu) for c in constats(regle, convention)]


def dire(constat: Constat) -> str:
    """The message, with plain spaces in its figures."""
    return " ".join(constat.message.split())


def places(constat: Constat) -> list[tuple[str, str]]:
    """Value and precision of the places that disagree, with plain spaces."""
    return [(" ".join(lieu.valeur.split()), " ".join(lieu.detail.split())) for lieu in constat.lieux]


def costing(
    convention: Convention, code: str, couts: dict[int, str | None], parts: dict[Organisation, str], axe: Axe | None = None
) -> FicheAction:
    """A fiche with its yearly costs (None: sur devis) and its rates."""
    fiche = FicheFactory(convention=convention, code=code, **({"axe": axe} if axe else {}))
    for annee, montant in couts.items():
        chiffrage = "chiffre" if montant is not None else "sur_devis"
        LigneCoutFactory(fiche=fiche, annee=annee, chiffrage=chiffrage, montant=None if montant is None else euros(montant))
    for financeur, taux in parts.items():
        CoFinancementFactory(fiche=fiche, financeur=financeur, taux=Decimal(taux))
    return fiche


def imprime(
    convention: Convention,
    cellules: dict[Organisation | None, str | None],
    annee: int | None = 2018,
    sujet: FicheAction | Axe | None = None,
) -> None:
    """Print one year of a row: its columns by financeur, None the total; an amount, or None for « sur devis »."""
    ligne = {"fiche": sujet} if isinstance(sujet, FicheAction) else {"axe": sujet}
    for financeur, montant in cellules.items():
        valeurs = {"montant": euros(montant)} if montant is not None else {"montant": None, "mention": "sur devis"}
        RecapDeclareFactory(convention=convention, annee=annee, financeur=financeur, **ligne, **valeurs)
