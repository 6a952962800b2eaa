"""Organisations that make, pay for or benefit from a convention."""

from collections.abc import Collection
from pathlib import Path

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import FileExtensionValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Length
from PIL import Image, UnidentifiedImageError
from simple_history.models import HistoricalRecords

from comptes.validateurs import compact, split_rib, validate_iban, validate_siret

LOGO_MAX_BYTES = 1_000_000
LOGO_MAX_PIXELS = 16_000_000
models.CharField.register_lookup(Length)


def validate_logo(fichier: UploadedFile) -> None:
    """Accept PNG and JPEG pictures of reasonable size only; the content decides, not the name."""
    if fichier.size and fichier.size > LOGO_MAX_BYTES:
        raise ValidationError("Ce logo dépasse 1 Mo. Enregistrez-le en plus petit.")
    try:
        with Image.open(fichier) as image:
            if image.format not in {"PNG", "JPEG"}:
                raise ValidationError("Le logo doit être une image PNG ou JPEG.")
            if image.width * image.height > LOGO_MAX_PIXELS:
                raise ValidationError("Cette image a trop de points. Enregistrez-la en plus petit.")
            image.verify()
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as erreur:
        raise ValidationError("Ce fichier n’est pas une image lisible.") from erreur
    finally:
        fichier.seek(0)


def logo_path(organisation: "Organisation", filename: str) -> str:
    """Store under our own name: what the user called the file is never used as a path."""
    return f"logos/{organisation.cle}{Path(filename).suffix.lower()}"


class Organisation(models.Model):
    """An agglomération, a CCI, a région, a fund: whoever can be a party or a financeur."""

    class Nature(models.TextChoices):
        EPCI = "epci", "Agglomération ou métropole"
        CCI = "cci", "Chambre de commerce et d’industrie"
        REGION = "region", "Région"
        ETAT = "etat", "État"
        FONDS_EUROPEEN = "fonds_europeen", "Fonds européen"
        ASSOCIATION = "association", "Association"
        COMMUNE = "commune", "Commune"
        AUTRE = "autre", "Autre"

    class Droit(models.TextChoices):
        PUBLIC = "public", "Droit public"
        PRIVE = "prive", "Droit privé"

    cle = models.SlugField("clé", max_length=80, unique=True, help_text="Sert dans les adresses et les échanges de fichiers.")
    nom = models.CharField("nom", max_length=200, unique=True)
    sigle = models.CharField("sigle", max_length=40, help_text="Nom court des colonnes : « CCI 21 », « FSE », « Région ».")
    nature = models.CharField("nature", max_length=20, choices=Nature.choices)
    droit = models.CharField("régime", max_length=10, choices=Droit.choices, default=Droit.PUBLIC)
    siret = models.CharField("SIRET", max_length=14, blank=True, validators=[validate_siret], help_text="14 chiffres.")
    adresse = models.CharField("adresse", max_length=200, blank=True)
    code_postal = models.CharField("code postal", max_length=10, blank=True)
    ville = models.CharField("ville", max_length=100, blank=True)
    banque = models.CharField("nom de la banque", max_length=100, blank=True)
    iban = models.CharField("IBAN", max_length=34, blank=True, validators=[validate_iban])
    logo = models.ImageField(
        "logo",
        upload_to=logo_path,
        blank=True,
        validators=[FileExtensionValidator(["png", "jpg", "jpeg"], "Le logo doit être une image PNG ou JPEG."), validate_logo],
        help_text="PNG ou JPEG, 1 Mo au plus. Il est placé sur la couverture.",
    )
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "organisation"
        verbose_name_plural = "organisations"
        ordering = ["nom"]
        constraints = [
            models.CheckConstraint(
                condition=Q(siret="") | Q(siret__length=14),
                name="organisation_siret_14",
                violation_error_message="Un SIRET compte 14 chiffres.",
            ),
        ]

    def __str__(self) -> str:
        return self.nom

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        self.siret, self.iban = compact(self.siret), compact(self.iban)
        super().clean_fields(exclude=exclude)

    @property
    def rib(self) -> dict[str, str] | None:
        """Bank, branch, account and key of a French account, as the bank box of an agreement shows them."""
        return split_rib(self.iban)

    @property
    def adresse_complete(self) -> str:
        """« 40 avenue du Drapeau, 21000 Dijon », without what is unknown."""
        return ", ".join(filter(None, [self.adresse, f"{self.code_postal} {self.ville}".strip()]))
