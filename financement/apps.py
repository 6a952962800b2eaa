"""Costs, co-financing, recap, planned payments."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate

ACCEPTE = ("accepte",)
REFUS_BILAN = "Ce bilan est accepté : rien n’y change plus ({nom})."


class FinancementConfig(AppConfig):
    name = "financement"
    verbose_name = "Financement"

    def ready(self) -> None:
        from conventions import gel
        from financement import cumuls_declencheurs, models
        from financement.controles.suivi import connect

        for modele in (models.LigneCout, models.CoFinancement, models.TotalDeclare):
            gel.protect(modele, "fiche__convention")
        gel.protect(models.MontantRecapDeclare, "convention")
        gel.protect(models.Versement, "convention")
        # Links are emptied when an account, a fiche or an indicator is deleted: the bilan keeps their words.
        suites: list[tuple[type, set[str]]] = [
            (models.FicheBilan, {"fiche"}),
            (models.PieceBilan, {"ajoutee_par"}),
            (models.Observation, {"auteur", "reglee_par"}),
            (models.AccordBilan, {"auteur"}),
            (models.ParticipationBilan, set()),
        ]
        for table, libres in suites:
            gel.protect(table, "bilan", libres, ACCEPTE, REFUS_BILAN)
        for detail in (models.LigneBilan, models.PartBilan):
            gel.protect(detail, "fiche__bilan", figes=ACCEPTE, refus=REFUS_BILAN)
        gel.protect(models.MesureBilan, "fiche__bilan", {"indicateur"}, ACCEPTE, REFUS_BILAN)
        gel.protect(models.Bilan, "", {"ouvert_par"}, figes=ACCEPTE, refus=REFUS_BILAN)
        connect()
        pre_migrate.connect(cumuls_declencheurs.remove_sqlite, sender=self)
        post_migrate.connect(cumuls_declencheurs.install, sender=self)
