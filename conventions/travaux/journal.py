"""What is asked of the workers, where it stands, and the workers that are alive."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from conventions.conventions import Convention
from conventions.travaux.sortes import SORTES, Sorte

SILENCE = timedelta(seconds=30)  # without a sign for so long, a worker is dead


class Ouvrier(models.Model):
    """A process that does the work. Its row goes when it stops; one that died leaves it behind, with its last sign of life."""

    identifiant = models.CharField("identifiant", max_length=64, unique=True)
    machine = models.CharField("machine", max_length=255)
    pid = models.PositiveIntegerField("processus")
    commence_le = models.DateTimeField("commencé le", default=timezone.now)
    vu_le = models.DateTimeField("vu le", default=timezone.now, db_index=True)

    class Meta:
        verbose_name = "ouvrier"
        verbose_name_plural = "ouvriers"
        ordering = ["machine", "pid", "pk"]

    def __str__(self) -> str:
        return f"{self.machine}, processus {self.pid}"

    @property
    def is_vivant(self) -> bool:
        return timezone.now() - self.vu_le < SILENCE


class TravailQuerySet(models.QuerySet["Travail"]):
    """Work, by who may see it."""

    def visible_to(self, user: Any) -> "TravailQuerySet":
        """That of the conventions the person sees; without convention, what they asked for themselves."""
        if not user.is_authenticated:
            return self.none()
        if user.is_superuser:
            return self
        return self.filter(Q(convention__in=Convention.objects.visible_to(user)) | Q(convention=None, demande_par=user))

    def alive(self) -> "TravailQuerySet":
        """Waiting or running."""
        return self.filter(etat__in=Travail.VIVANTS)


class Travail(models.Model):
    """One piece of work done beside the pages. Who began it last, known by `commence_le`, is alone to write how it goes."""

    class Etat(models.TextChoices):
        EN_ATTENTE = "en_attente", "En attente"
        EN_COURS = "en_cours", "En cours"
        FAIT = "fait", "Fait"
        ECHEC = "echec", "Échec"
        ARRETE = "arrete", "Arrêté"

    VIVANTS = (Etat.EN_ATTENTE, Etat.EN_COURS)
    RELANCABLES = (Etat.ECHEC, Etat.ARRETE)

    convention = models.ForeignKey(Convention, models.CASCADE, verbose_name="convention", related_name="travaux", null=True, blank=True)
    sorte = models.CharField("sorte", max_length=40)
    cle = models.CharField("objet", max_length=200, blank=True)
    demande_par = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name="demandé par", related_name="+", null=True, blank=True
    )
    etat = models.CharField("état", max_length=12, choices=Etat.choices, default=Etat.EN_ATTENTE)
    etape = models.CharField("étape", max_length=120, blank=True)
    fait = models.PositiveIntegerField("fait", default=0)
    total = models.PositiveIntegerField("sur", default=0)
    demande_le = models.DateTimeField("demandé le", default=timezone.now)
    commence_le = models.DateTimeField("commencé le", null=True, blank=True)
    fini_le = models.DateTimeField("fini le", null=True, blank=True)
    essais = models.PositiveSmallIntegerField("essais", default=0)
    erreur = models.TextField("motif", blank=True)
    arret_demande = models.BooleanField("arrêt demandé", default=False)
    appel = models.JSONField("appel", default=dict)
    tache = models.UUIDField("tâche", null=True, blank=True, db_index=True)
    ouvrier = models.CharField("ouvrier", max_length=64, blank=True)  # its name: no lock between what works and who works
    resultat = models.CharField("résultat", max_length=300, blank=True)

    objects = TravailQuerySet.as_manager()

    class Meta:
        verbose_name = "travail"
        verbose_name_plural = "travaux"
        ordering = ["-demande_le", "-pk"]
        indexes = [
            models.Index(fields=["sorte", "etat", "fini_le"], name="travail_durees"),
            models.Index(fields=["etat"], condition=Q(etat__in=["en_attente", "en_cours"]), name="travail_vivants"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["sorte", "convention", "cle"],
                condition=Q(etat__in=["en_attente", "en_cours"], convention__isnull=False),
                name="travail_demande_une_fois",
                violation_error_message="Ce travail est déjà demandé.",
            ),
            models.UniqueConstraint(
                fields=["sorte", "cle"],
                condition=Q(etat__in=["en_attente", "en_cours"], convention__isnull=True),
                name="travail_general_demande_une_fois",
                violation_error_message="Ce travail est déjà demandé.",
            ),
            models.CheckConstraint(
                condition=Q(total=0) | Q(fait__lte=F("total")),
                name="travail_progres",
                violation_error_message="Un travail ne dépasse pas son total.",
            ),
        ]

    def __str__(self) -> str:
        return self.titre

    @property
    def genre(self) -> Sorte:
        """Its kind; one that no application registers any more shows its key."""
        return SORTES.get(self.sorte) or Sorte(self.sorte, self.sorte)

    @property
    def titre(self) -> str:
        return self.genre.titre

    @property
    def is_vivant(self) -> bool:
        return self.etat in self.VIVANTS

    @property
    def is_relancable(self) -> bool:
        return self.etat in self.RELANCABLES

    @property
    def pourcentage(self) -> int | None:
        """How much is done; None while it cannot be told."""
        return self.fait * 100 // self.total if self.total else None

    @property
    def duree(self) -> timedelta | None:
        """From its last beginning to its end, or until now."""
        if self.commence_le is None:
            return None
        return (self.fini_le or timezone.now()) - self.commence_le
