"""Findings of one rule, as tests compare them."""

from conventions.models import Convention
from financement.controles.dossier import DossierFinancier
from socle.controles import Constat, Regle, Valeur

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
