"""The one list of rules: page, administration, command, printed drafts and signature all go through it."""

from conventions.controles import REGLES as CONVENTION
from conventions.models import Convention
from fiches.controles import REGLES as FICHES
from financement.controles.calendriers import REGLES as CALENDRIERS
from financement.controles.couts import REGLES as COUTS
from financement.controles.dossier import DossierFinancier
from financement.controles.participations import REGLES as PARTICIPATIONS
from financement.controles.parts import REGLES as PARTS
from financement.controles.recapitulatif import REGLES as RECAPITULATIF
from socle.controles import Regle, Rubrique, Trouvaille, apply_regles, check_liste

REGLES: list[Regle] = [*CONVENTION, *PARTICIPATIONS, *RECAPITULATIF, *PARTS, *COUTS, *CALENDRIERS, *FICHES]
check_liste(REGLES)
PAR_IDENTIFIANT = {regle.identifiant: regle for regle in REGLES}


def describe_regles() -> str:
    """The list as people read it in docs/regles.md: by subject, with the reason of each rule."""
    lignes = [
        "# Règles de cohérence",
        "",
        "Ce que vérifient la page « Contrôles », la commande `check_coherence`, l’administration et la signature. "
        "L’identifiant est celui des échanges de fichiers.",
    ]
    for rubrique in Rubrique:
        lignes += ["", f"## {rubrique.libelle}", "", "| identifiant | contrôle | gravité | pourquoi |", "|---|---|---|---|"]
        lignes += [f"| `{r.identifiant}` | {r.titre} | {r.gravite.mot} | {r.pourquoi} |" for r in REGLES if r.rubrique == rubrique]
    return "\n".join(lignes)


def find_contradictions(convention: Convention) -> list[Trouvaille]:
    """Everything that contradicts itself in a convention now, the worst first. Writes nothing."""
    return apply_regles(REGLES, DossierFinancier(convention))
