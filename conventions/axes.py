"""Axes: the tree of themes under which fiches action are written."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from simple_history.models import HistoricalRecords

from conventions.conventions import Convention
from conventions.gel import QuerySetGelable


class AxeQuerySet(QuerySetGelable["Axe"]):
    """Axes, by who may see their convention."""

    def visible_to(self, user: Any) -> "AxeQuerySet":
        return self.filter(convention__in=Convention.objects.visible_to(user))


class Axe(models.Model):
    """A theme or a section of a theme: E.A Attractivité, then 1., then 1.2."""

    convention = models.ForeignKey(Convention, models.CASCADE, verbose_name="convention", related_name="axes")
    parent = models.ForeignKey("self", models.CASCADE, verbose_name="axe parent", related_name="sous_axes", null=True, blank=True)
    ordre = models.PositiveSmallIntegerField("ordre", default=10)
    code = models.CharField("code", max_length=20, help_text="« E.A » pour un axe, « 1.2 » pour une section.")
    titre = models.CharField("titre", max_length=250)
    introduction = models.TextField("introduction", blank=True)

    objects = AxeQuerySet.as_manager()
    history = HistoricalRecords(verbose_name="historique")

    class Meta:
        verbose_name = "axe"
        verbose_name_plural = "axes"
        ordering = ["convention", "ordre", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["convention", "parent", "code"],
                name="axe_code_unique",
                violation_error_message="Ce code existe déjà au même endroit.",
            ),
            models.UniqueConstraint(
                fields=["convention", "code"],
                condition=models.Q(parent__isnull=True),
                name="axe_racine_code_unique",
                violation_error_message="Un axe de la convention porte déjà ce code.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.titre}"

    def clean(self) -> None:
        if self.parent and self.parent.convention_id != self.convention_id:
            raise ValidationError({"parent": "L’axe parent appartient à une autre convention."})
        ancetre = self.parent
        while ancetre:
            if ancetre.pk == self.pk:
                raise ValidationError({"parent": "Un axe ne peut pas être placé sous lui-même."})
            ancetre = ancetre.parent


@dataclass
class Noeud:
    """An axe with its place in the tree."""

    axe: Axe
    profondeur: int
    racine: Axe
    enfants: list["Noeud"] = field(default_factory=list)

    def walk(self) -> Iterable["Noeud"]:
        """This node, then all below it, in reading order."""
        yield self
        for enfant in self.enfants:
            yield from enfant.walk()

    def is_utile(self, par_axe: Mapping[int, Sequence[object]]) -> bool:
        """Tell whether the section has an introduction, or rows in `par_axe`, here or below; an empty one is not shown."""
        return any(noeud.axe.introduction or par_axe.get(noeud.axe.pk) for noeud in self.walk())


@dataclass
class ArbreAxes:
    """The whole tree of a convention, built from one query."""

    racines: list[Noeud]

    @classmethod
    def of(cls, convention: Convention) -> "ArbreAxes":
        """Read the axes of `convention` once and link them."""
        return cls.build(convention.axes.all())

    @classmethod
    def build(cls, axes: Iterable[Axe]) -> "ArbreAxes":
        """Link axes given in order; a child without its parent in the list becomes a root."""
        axes = list(axes)
        connus = {axe.pk for axe in axes}
        par_parent: dict[int | None, list[Axe]] = {}
        for axe in axes:
            par_parent.setdefault(axe.parent_id if axe.parent_id in connus else None, []).append(axe)

        def link(axe: Axe, profondeur: int, racine: Axe | None) -> Noeud:
            noeud = Noeud(axe, profondeur, racine or axe)
            noeud.enfants = [link(e, profondeur + 1, noeud.racine) for e in par_parent.get(axe.pk, [])]
            return noeud

        return cls([link(axe, 1, None) for axe in par_parent.get(None, [])])

    def walk(self) -> Iterable[Noeud]:
        """Every node in reading order."""
        for racine in self.racines:
            yield from racine.walk()

    def racine_by_axe(self) -> dict[int, Axe]:
        """Root of each axe, by primary key."""
        return {noeud.axe.pk: noeud.racine for noeud in self.walk()}
