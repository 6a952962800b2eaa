"""Comments that the two organisations leave beside a heading or a cost, answer and settle."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

from comptes.models import Utilisateur
from fiches.fiches import FicheAction
from socle.texte import keep_writable

LONGUEUR = 4000


class CommentaireQuerySet(models.QuerySet["Commentaire"]):
    """Comments, by who may see their fiche and what they have not read."""

    def visible_to(self, user: Any) -> "CommentaireQuerySet":
        return self.filter(fiche__in=FicheAction.objects.visible_to(user))

    def unread_by(self, user: Any) -> "CommentaireQuerySet":
        """Comments of others, later than the person's last reading of the fiche."""
        lues = LectureCommentaires.objects.filter(utilisateur=user, fiche=models.OuterRef("fiche"), lue_le__gte=models.OuterRef("cree_le"))
        return self.exclude(auteur=user).filter(~models.Exists(lues))


class Commentaire(models.Model):
    """A remark anchored to a heading or a cell, or the answer to one."""

    fiche = models.ForeignKey(FicheAction, models.CASCADE, verbose_name="fiche", related_name="commentaires")
    parent = models.ForeignKey("self", models.CASCADE, verbose_name="répond à", related_name="reponses", null=True, blank=True)
    rubrique = models.CharField("rubrique", max_length=40)
    champ = models.CharField("cellule", max_length=250, blank=True, help_text="Vide : la rubrique entière.")
    repere = models.CharField("repère", max_length=250, blank=True, help_text="La cellule en mots : « Études, 2019 ».")
    extrait = models.CharField("passage cité", max_length=300, blank=True)
    texte = models.TextField("texte", max_length=LONGUEUR)
    auteur = models.ForeignKey(Utilisateur, models.SET_NULL, verbose_name="auteur", null=True, related_name="commentaires")
    mentions = models.ManyToManyField(Utilisateur, verbose_name="personnes citées", related_name="mentions", blank=True)
    cree_le = models.DateTimeField("écrit le", default=timezone.now)
    regle_le = models.DateTimeField("réglé le", null=True, blank=True)
    regle_par = models.ForeignKey(Utilisateur, models.SET_NULL, verbose_name="réglé par", null=True, blank=True, related_name="+")

    objects = CommentaireQuerySet.as_manager()

    class Meta:
        verbose_name = "commentaire"
        verbose_name_plural = "commentaires"
        ordering = ["cree_le", "pk"]
        indexes = [models.Index(fields=["fiche", "cree_le"], name="commentaire_fiche_date")]

    def __str__(self) -> str:
        return f"{self.fiche.code}, {self.rubrique} : {self.texte[:40]}"

    @property
    def html(self) -> SafeString:
        """The text, escaped, with the people it names in bold."""
        texte = str(conditional_escape(self.texte))
        noms = sorted((re.escape(conditional_escape(f"@{personne}")) for personne in self.mentions.all()), key=len, reverse=True)
        if noms:
            texte = re.sub(f"(?:{'|'.join(noms)})(?![\\w-])", lambda nom: f"<strong>{nom[0]}</strong>", texte, flags=re.IGNORECASE)
        return mark_safe(texte.replace("\n", "<br>"))  # noqa: S308 (escaped above, before any mark is added)


class LectureCommentaires(models.Model):
    """When a person last read the comments of a fiche."""

    fiche = models.ForeignKey(FicheAction, models.CASCADE, verbose_name="fiche", related_name="lectures")
    utilisateur = models.ForeignKey(Utilisateur, models.CASCADE, verbose_name="personne", related_name="lectures")
    lue_le = models.DateTimeField("lue le")

    class Meta:
        verbose_name = "lecture"
        verbose_name_plural = "lectures"
        constraints = [models.UniqueConstraint(fields=["fiche", "utilisateur"], name="lecture_une_fois")]

    def __str__(self) -> str:
        return f"{self.utilisateur}, {self.fiche.code}"


@dataclass
class Fil:
    """A remark and its answers, as one person sees them."""

    tete: Commentaire
    reponses: list[Commentaire] = field(default_factory=list)
    non_lus: set[int] = field(default_factory=set)

    @property
    def is_nouveau(self) -> bool:
        return bool(self.non_lus & {c.pk for c in (self.tete, *self.reponses)})


def list_fils(fiche: FicheAction, user: Any) -> dict[str, list[Fil]]:
    """Threads by heading, open ones first, oldest first; three queries whatever their number."""
    commentaires = list(fiche.commentaires.select_related("auteur__organisation", "regle_par").prefetch_related("mentions"))
    non_lus = set(fiche.commentaires.unread_by(user).values_list("pk", flat=True))
    fils = {c.pk: Fil(c, non_lus=non_lus) for c in commentaires if c.parent_id is None}
    for commentaire in commentaires:
        if commentaire.parent_id in fils:
            fils[commentaire.parent_id].reponses.append(commentaire)
    par_rubrique: dict[str, list[Fil]] = defaultdict(list)
    for fil in sorted(fils.values(), key=lambda f: (f.tete.regle_le is not None, f.tete.cree_le, f.tete.pk)):
        par_rubrique[fil.tete.rubrique].append(fil)
    return par_rubrique


def list_participants(fiche: FicheAction) -> list[Utilisateur]:
    """People of the parties who can be named in a comment."""
    parties = fiche.convention.parties.values("organisation_id")
    return list(Utilisateur.objects.filter(organisation__in=parties, is_active=True).select_related("organisation"))


@transaction.atomic
def add_commentaire(
    user: Any,
    fiche: FicheAction,
    texte: str,
    rubrique: str = "",
    champ: str = "",
    repere: str = "",
    extrait: str = "",
    parent: Commentaire | None = None,
) -> Commentaire:
    """Write a comment, or an answer, and note whom it names (« @Prénom Nom »). Raises ValidationError, PermissionDenied."""
    check_parole(user)
    texte, repere, extrait, champ = (keep_writable(mots) for mots in (texte, repere, extrait, champ))
    texte = texte.replace("\r\n", "\n").strip()
    if not texte:
        raise ValidationError("Écrivez votre commentaire avant de l’envoyer.")
    if len(texte) > LONGUEUR:
        raise ValidationError(f"Ce commentaire dépasse {LONGUEUR} caractères ({len(texte)}). Raccourcissez-le.")
    if parent is None and rubrique not in {"objet", *(r.cle for r in fiche.list_rubriques(False, False))}:
        raise ValidationError("Choisissez la rubrique que vous commentez.")
    commentaire = Commentaire.objects.create(
        fiche=fiche,
        parent=parent,
        rubrique=parent.rubrique if parent else rubrique,
        champ=parent.champ if parent else champ[:250],
        repere=parent.repere if parent else repere[:250],
        extrait=extrait.strip()[:300],
        texte=texte,
        auteur=user,
    )
    commentaire.mentions.set(find_mentions(texte, list_participants(fiche)))
    return commentaire


def find_mentions(texte: str, participants: Iterable[Utilisateur]) -> list[Utilisateur]:
    """People whose full name follows an @; the longest name wins, so that « @Anne Petit » is not Anne Petit-Jean."""
    cites, reste = [], texte
    for personne in sorted(participants, key=lambda p: -len(str(p))):
        motif = re.compile(rf"@{re.escape(str(personne))}(?![\w-])", re.IGNORECASE)
        if motif.search(reste):
            cites.append(personne)
            reste = motif.sub("", reste)
    return cites


def check_parole(user: Any) -> None:
    """Who only reads does not comment."""
    if user.is_lecteur:
        raise PermissionDenied("Votre compte lit les commentaires sans en écrire.")


def settle(user: Any, commentaire: Commentaire) -> None:
    """Mark a thread as settled."""
    check_parole(user)
    Commentaire.objects.filter(pk=commentaire.pk, regle_le=None).update(regle_le=timezone.now(), regle_par=user)


def reopen(user: Any, commentaire: Commentaire) -> None:
    """Open a settled thread again."""
    check_parole(user)
    Commentaire.objects.filter(pk=commentaire.pk).update(regle_le=None, regle_par=None)


def mark_read(fiche: FicheAction, user: Any) -> None:
    """Note that the person has the comments of the fiche before their eyes."""
    LectureCommentaires.objects.update_or_create(fiche=fiche, utilisateur=user, defaults={"lue_le": timezone.now()})


def count_by_fiche(fiches: Iterable[int], user: Any) -> dict[int, tuple[int, int]]:
    """Open threads and unread comments of several fiches, in two queries."""
    pks = list(fiches)
    ouverts = Commentaire.objects.filter(fiche__in=pks, parent=None, regle_le=None).order_by().values_list("fiche").annotate(n=Count("pk"))
    non_lus = Commentaire.objects.filter(fiche__in=pks).unread_by(user).order_by().values_list("fiche").annotate(n=Count("pk"))
    par_fiche_ouverts, par_fiche_non_lus = dict(ouverts), dict(non_lus)
    return {pk: (par_fiche_ouverts.get(pk, 0), par_fiche_non_lus.get(pk, 0)) for pk in pks}
