"""Made-up conventions in number, written in bulk: as many fiches, costs and shares as asked, nothing else."""

from decimal import Decimal

from djmoney.money import Money

from comptes.models import Organisation
from conventions.models import Axe, Convention, Partie
from fiches.models import FicheAction
from financement.models import CoFinancement, LigneCout, NatureDepense

ANNEES = (2024, 2025, 2026)
CONSTAT = "Les commerces du centre perdent des enseignes et leurs locaux restent vides plus longtemps qu’ailleurs. " * 3
LOT = 2000


def make_conventions(prefixe: str, conventions: int, fiches: int) -> list[Convention]:
    """Conventions of Dijon Métropole and its CCI, each with its fiches: six cost lines and two shares a fiche."""
    metropole, cci = (Organisation.objects.get(cle=cle) for cle in ("dijon-metropole", "cci-cote-d-or"))
    natures = list(NatureDepense.objects.all()[:2])
    assert len(natures) == 2, "la démonstration a des natures de dépense"
    crees = Convention.objects.bulk_create(
        [
            Convention(
                reference=f"{prefixe}-{n}",
                titre=f"Développement économique, banc {prefixe} {n}",
                nature="cadre",
                etat=Convention.Etat.EN_NEGOCIATION,
                annee_debut=ANNEES[0],
                annee_fin=ANNEES[-1],
            )
            for n in range(conventions)
        ],
        LOT,
    )
    Partie.objects.bulk_create(
        [
            Partie(convention=c, organisation=o, ordre=ordre, denomination=o.nom, nom_court=o.sigle, role=role)
            for c in crees
            for ordre, (o, role) in enumerate([(metropole, Partie.Role.FINANCEUR), (cci, Partie.Role.BENEFICIAIRE)], 1)
        ],
        LOT,
    )
    axes = Axe.objects.bulk_create(
        [Axe(convention=c, code=code, titre=f"Axe {code}", ordre=ordre) for c in crees for ordre, code in enumerate("ABC")], LOT
    )
    _make_fiches(crees, axes, fiches, natures, (metropole, cci))
    return crees


def _make_fiches(
    conventions: list[Convention], axes: list[Axe], nombre: int, natures: list[NatureDepense], financeurs: tuple[Organisation, Organisation]
) -> None:
    """The fiches of every convention, spread over its three axes, with what they cost and who pays."""
    fiches = FicheAction.objects.bulk_create(
        [
            FicheAction(
                convention=convention,
                axe=axes[3 * rang + n % 3],
                code=f"{'ABC'[n % 3]} {n + 1}",
                titre=f"Accompagner les commerces, action {n + 1}",
                etat=FicheAction.Etat.EN_REDACTION,
                ordre=min(n, 30_000),
                constat=CONSTAT,
                contenus="- Recenser\n- Conseiller\n- Suivre",
            )
            for rang, convention in enumerate(conventions)
            for n in range(nombre)
        ],
        LOT,
    )
    LigneCout.objects.bulk_create(
        [
            LigneCout(fiche=fiche, nature=nature, annee=annee, montant=Money(Decimal(1000 + rang % 97), "EUR"))
            for rang, fiche in enumerate(fiches)
            for nature in natures
            for annee in ANNEES
        ],
        LOT,
    )
    CoFinancement.objects.bulk_create(
        [
            CoFinancement(fiche=fiche, financeur=financeur, taux=Decimal(taux))
            for fiche in fiches
            for financeur, taux in zip(financeurs, (60, 40), strict=True)
        ],
        LOT,
    )
