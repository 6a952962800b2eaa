"""People: they sign in with their e-mail, belong to one organisation and have one role."""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from simple_history.models import HistoricalRecords

from comptes.organisations import Organisation

APPS_METIER = {"comptes", "conventions", "fiches", "financement"}


class UtilisateurQuerySet(models.QuerySet["Utilisateur"]):
    """People, by who may see them."""

    def visible_to(self, user: Any) -> "UtilisateurQuerySet":
        """A person's colleagues; everybody for whoever runs the platform."""
        if not user.is_authenticated:
            return self.none()
        if user.is_superuser:
            return self
        return self.filter(organisation_id=user.organisation_id)


class UtilisateurManager(BaseUserManager.from_queryset(UtilisateurQuerySet)):  # type: ignore[misc]
    """Creates people; e-mails are kept in lower case."""

    def create_user(self, email: str, password: str | None = None, **champs: Any) -> "Utilisateur":
        """Create a person; without password nobody can sign in with the account."""
        utilisateur = self.model(email=email.strip().lower(), **champs)
        utilisateur.set_password(password)
        utilisateur.full_clean()
        utilisateur.save(using=self._db)
        return utilisateur

    def create_superuser(self, email: str, password: str | None = None, **champs: Any) -> "Utilisateur":
        """Create who runs the platform: no organisation, sees everything."""
        champs.setdefault("role", Utilisateur.Role.ADMINISTRATEUR)
        return self.create_user(email, password, is_superuser=True, **champs)

    def get_by_natural_key(self, username: str) -> "Utilisateur":
        return self.get(email__iexact=username.strip())


class Utilisateur(AbstractBaseUser):
    """A person of an organisation. Roles: lecteur reads, agent writes, administrateur also runs the data."""

    class Role(models.TextChoices):
        ADMINISTRATEUR = "administrateur", "Administrateur"
        AGENT = "agent", "Agent"
        LECTEUR = "lecteur", "Lecteur"

    email = models.EmailField("adresse électronique", unique=True)
    prenom = models.CharField("prénom", max_length=80)
    nom = models.CharField("nom", max_length=80)
    fonction = models.CharField("fonction", max_length=120, blank=True)
    organisation = models.ForeignKey(
        Organisation,
        models.PROTECT,
        verbose_name="organisation",
        related_name="utilisateurs",
        null=True,
        blank=True,
        help_text="Vide seulement pour qui exploite la plateforme.",
    )
    role = models.CharField("rôle", max_length=20, choices=Role.choices, default=Role.LECTEUR)
    paie = models.BooleanField(
        "prépare les paiements",
        default=False,
        help_text="Constate le service fait, liquide, mandate, et voit les comptes bancaires en entier.",
    )
    is_active = models.BooleanField("compte ouvert", default=True, help_text="Décochez pour fermer le compte sans rien effacer.")
    is_superuser = models.BooleanField("exploite la plateforme", default=False)
    demonstration = models.BooleanField("compte de démonstration", default=False, editable=False)
    cree_le = models.DateTimeField("créé le", auto_now_add=True)

    objects = UtilisateurManager()
    history = HistoricalRecords(verbose_name="historique", excluded_fields=["password", "last_login"])

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["prenom", "nom"]

    class Meta:
        verbose_name = "utilisateur"
        verbose_name_plural = "utilisateurs"
        ordering = ["nom", "prenom"]
        constraints = [
            models.UniqueConstraint(
                Lower("email"), name="utilisateur_email_unique", violation_error_message="Cette adresse a déjà un compte."
            ),
            models.CheckConstraint(
                condition=Q(is_superuser=True) | Q(organisation__isnull=False),
                name="utilisateur_a_organisation",
                violation_error_message="Choisissez l’organisation de cette personne.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prenom} {self.nom}".strip() or self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep the e-mail in lower case: it is what people sign in with, however they type it."""
        self.email = self.email.strip().lower()
        super().save(*args, **kwargs)

    @property
    def is_staff(self) -> bool:
        """Django admin opens to administrators."""
        return self.is_active and (self.is_superuser or self.role == self.Role.ADMINISTRATEUR)

    @property
    def is_lecteur(self) -> bool:
        return self.role == self.Role.LECTEUR and not self.is_superuser

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Django admin asks this; each admin page then narrows what the organisation may touch."""
        return self.has_module_perms(perm.partition(".")[0])

    def has_module_perms(self, app_label: str) -> bool:
        """Administrators run the product's own tables; those of its libraries are the operator's."""
        return self.is_staff and (self.is_superuser or app_label in APPS_METIER)
