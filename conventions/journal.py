"""The journal of a convention: every event, who, when, what. It only grows, and each event seals the one before."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from typing import Any, NoReturn

from django.db import models, transaction
from django.utils import timezone

from comptes.models import Organisation, Utilisateur
from conventions.conventions import Convention
from socle.ecriture_csv import write_csv

DEBUT = "0" * 64
NOM = 200
LIENS = {"auteur", "organisation"}  # emptied when an account is deleted: the names are kept beside, sealed


class JournalIntouchable(TypeError):
    """Something tried to change or to take away an event."""


class EvenementQuerySet(models.QuerySet["Evenement"]):
    """Events: read and added, never changed."""

    def update(self, **champs: Any) -> int:
        if any(nom not in LIENS or valeur is not None for nom, valeur in champs.items()):
            raise JournalIntouchable("Un évènement du journal ne se modifie pas.")
        return super().update(**champs)

    def bulk_create(self, *args: Any, **options: Any) -> list[Any]:
        if options.get("update_conflicts"):
            raise JournalIntouchable("Un évènement du journal ne se modifie pas.")
        return super().bulk_create(*args, **options)

    def delete(self) -> NoReturn:
        raise JournalIntouchable("Un évènement du journal ne se supprime pas.")

    def bulk_update(self, *args: Any, **options: Any) -> NoReturn:
        raise JournalIntouchable("Un évènement du journal ne se modifie pas.")


class Evenement(models.Model):
    """One event. `empreinte` is the SHA-256 of its words and of the one before: changing any breaks all that follow."""

    convention = models.ForeignKey(Convention, models.CASCADE, verbose_name="convention", related_name="evenements")
    rang = models.PositiveIntegerField("rang")
    date = models.DateTimeField("date")
    genre = models.CharField("genre", max_length=40)
    auteur = models.ForeignKey(Utilisateur, models.SET_NULL, verbose_name="auteur", null=True, related_name="+")
    nom_auteur = models.CharField("par", max_length=NOM, blank=True)
    organisation = models.ForeignKey(Organisation, models.SET_NULL, verbose_name="organisation", null=True, related_name="+")
    message = models.TextField("ce qui s’est passé")
    donnees = models.JSONField("détails", default=dict)
    precedent = models.CharField("empreinte précédente", max_length=64)
    empreinte = models.CharField("empreinte", max_length=64)

    objects = EvenementQuerySet.as_manager()

    class Meta:
        verbose_name = "évènement"
        verbose_name_plural = "journal"
        ordering = ["convention", "-rang"]
        constraints = [
            models.UniqueConstraint(
                fields=["convention", "rang"],
                name="evenement_rang_unique",
                violation_error_message="Deux évènements d’une convention ne portent pas le même rang.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rang}. {self.message}"

    def save(self, *args: Any, **options: Any) -> None:
        if not self._state.adding:
            raise JournalIntouchable("Un évènement du journal ne se modifie pas.")
        super().save(*args, **options | {"force_insert": True})  # never over the event of the same key

    def delete(self, *args: Any, **options: Any) -> NoReturn:
        raise JournalIntouchable("Un évènement du journal ne se supprime pas.")

    def write_canonique(self) -> str:
        """What is sealed: the event, its convention and the fingerprint before it, as one line of JSON."""
        contenu = [
            self.convention_id,
            self.precedent,
            self.rang,
            self.date.astimezone(UTC).isoformat(timespec="microseconds"),
            self.genre,
            self.nom_auteur,
            self.message,
            self.donnees,
        ]
        return json.dumps(contenu, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    def compute_empreinte(self) -> str:
        """SHA-256, in hexadecimal, of that line."""
        return hashlib.sha256(self.write_canonique().encode()).hexdigest()


# What related managers write through (`convention.evenements.add(evenement)`), else a plain one.
_base = EvenementQuerySet.as_manager()
_base.model, _base.name, _base.auto_created = Evenement, "_base_manager", True
Evenement._meta.base_manager = _base


def record(convention: Convention, genre: str, message: str, user: Any = None, **donnees: Any) -> Evenement:
    """Add an event at the end of the journal. `user` None is the software itself; `donnees` are JSON values."""
    with transaction.atomic():
        Convention.objects.select_for_update().values_list("pk").get(pk=convention.pk)  # one writer at a time
        dernier = Evenement.objects.filter(convention=convention).order_by("-rang").first()
        auteur = user if user is not None and user.is_authenticated else None
        organisation = auteur.organisation if auteur else None
        evenement = Evenement(
            convention=convention,
            rang=dernier.rang + 1 if dernier else 1,
            date=timezone.now(),
            genre=genre,
            auteur=auteur,
            nom_auteur=(f"{auteur}, {organisation.sigle}" if auteur and organisation else str(auteur or ""))[:NOM],
            organisation=organisation,
            message=message,
            donnees=donnees,
            precedent=dernier.empreinte if dernier else DEBUT,
        )
        evenement.empreinte = evenement.compute_empreinte()
        evenement.save()
    return evenement


@dataclass(frozen=True)
class Verdict:
    """What a check of the chain found: the number of events, and the first that does not hold."""

    nombre: int
    rompu: Evenement | None

    @property
    def is_intact(self) -> bool:
        return self.rompu is None


def check_chaine(evenements: Iterable[Evenement]) -> Verdict:
    """Compute every fingerprint again, from the first event (`rang` 1) on."""
    precedent, nombre = DEBUT, 0
    for rang, evenement in enumerate(sorted(evenements, key=lambda e: e.rang), start=1):
        nombre = rang
        if (evenement.rang, evenement.precedent, evenement.empreinte) != (rang, precedent, evenement.compute_empreinte()):
            return Verdict(nombre, evenement)
        precedent = evenement.empreinte
    return Verdict(nombre, None)


def write_journal_scelle(convention: Convention) -> bytes:
    """One line an event, oldest first: the SHA-256 of each line is the second value of the next, so that anybody checks the chain."""
    return "".join(f"{e.write_canonique()}\n" for e in convention.evenements.order_by("rang")).encode()


def write_journal_csv(convention: Convention) -> bytes:
    """The journal as a French CSV, oldest first."""
    entetes = ["Rang", "Date", "Genre", "Par", "Évènement", "Détails", "Empreinte précédente", "Empreinte"]
    return write_csv(entetes, (_write_row(e) for e in convention.evenements.order_by("rang")))


def _write_row(e: Evenement) -> list[str | int]:
    quand = f"{timezone.localtime(e.date):%d/%m/%Y %H:%M:%S}"
    details = json.dumps(e.donnees, ensure_ascii=False, sort_keys=True) if e.donnees else ""
    return [e.rang, quand, e.genre, e.nom_auteur, e.message, details, e.precedent, e.empreinte]
