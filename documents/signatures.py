"""Who signed a frozen document, how and when: on paper, electronically, or elsewhere."""

import logging
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.utils import timezone

from comptes.models import Utilisateur
from conventions.models import Partie
from documents.figes import Comparaison, DocumentFige, Reconnaissance, keep_file
from documents.instantane import compute_empreinte
from socle.pades import PdfIllisible
from socle.pades_confiance import read_racines
from socle.pades_copie import Etat as EtatCopie
from socle.pades_copie import compare_copie
from socle.pades_regles import is_prolongation
from socle.pieces import Piece
from socle.typographie import list_fr

EXEMPLAIRES = "signatures"
logger = logging.getLogger(__name__)


class Signature(models.Model):
    """The signature of one party on one frozen document, and the copy that bears it."""

    class Mode(models.TextChoices):
        PAPIER = "papier", "Sur papier"
        ELECTRONIQUE = "electronique", "Électronique"
        AILLEURS = "ailleurs", "Signée ailleurs"

    document = models.ForeignKey(DocumentFige, models.PROTECT, verbose_name="document", related_name="signatures")
    partie = models.ForeignKey(Partie, models.PROTECT, verbose_name="partie", related_name="signatures")
    mode = models.CharField("mode", max_length=15, choices=Mode.choices)
    signataire = models.CharField("signataire", max_length=160)
    date = models.DateField("signé le")
    preuve = models.CharField("preuve", max_length=250, blank=True, help_text="Où et comment, quand la signature a eu lieu ailleurs.")
    fichier = models.CharField("exemplaire", max_length=200, blank=True)
    nom = models.CharField("nom d’origine", max_length=120, blank=True)
    empreinte = models.CharField("empreinte SHA-256", max_length=64, blank=True)
    constats = models.JSONField("examen des signatures électroniques", default=list, blank=True)
    enregistree_par = models.ForeignKey(Utilisateur, models.SET_NULL, verbose_name="enregistrée par", null=True, related_name="+")
    enregistree_le = models.DateTimeField("enregistrée le", auto_now_add=True)

    class Meta:
        verbose_name = "signature"
        verbose_name_plural = "signatures"
        ordering = ["document", "date", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["document", "partie"],
                name="signature_une_par_partie",
                violation_error_message="La signature de cette partie est déjà enregistrée.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.partie.nom_court}, {self.date:%d/%m/%Y}"


def explain_enregistrement(user: Any) -> str:
    """Why this person does not record signatures; empty when they do."""
    return "Votre compte lit la convention sans enregistrer de signature." if user.is_lecteur else ""


def create_signature(
    user: Any, document: DocumentFige, partie: Partie, mode: str, jour: date, piece: Piece | None, preuve: str = ""
) -> Signature:
    """Check and record one signature; the caller holds the lock of the convention. Raises PermissionDenied, ValidationError."""
    if refus := explain_enregistrement(user):
        raise PermissionDenied(refus)
    erreurs: list[str] = []
    constats: list[str] = []
    if mode not in Signature.Mode.values:
        raise ValidationError("Choisissez comment la convention a été signée.")
    if document.signatures.filter(partie=partie).exists():
        raise ValidationError(f"La signature de {partie.denomination} est déjà enregistrée.")
    figee = timezone.localdate(document.fait_le)
    if jour > timezone.localdate():
        erreurs.append("Une date de signature n’est pas dans l’avenir.")
    elif document.pdf and jour < figee:
        erreurs.append(f"Le document est à la signature depuis le {figee:%d/%m/%Y} : il n’a pas pu être signé avant.")
    attendue = max((d for d in (partie.deliberation_date, partie.deliberation_executoire) if d), default=None)
    if document.pdf and attendue and jour < attendue:
        erreurs.append(
            f"La délibération de {partie.denomination} n’a d’effet que le {attendue:%d/%m/%Y} : une signature d’avant n’est pas valable."
        )
    if mode == Signature.Mode.AILLEURS and not preuve.strip():
        erreurs.append("Dites où et comment elle a été signée : « parapheur de la préfecture, dossier 2018-114 ».")
    if mode == Signature.Mode.PAPIER and piece is None:
        erreurs.append("Joignez l’exemplaire signé, numérisé.")
    if mode == Signature.Mode.ELECTRONIQUE:
        if piece is None:
            erreurs.append("Joignez le PDF signé électroniquement.")
        else:
            constats, refus_pdf = examine_copie(document, piece)
            erreurs += refus_pdf
    if erreurs:
        raise ValidationError(erreurs)
    nom, empreinte = keep_file(piece.contenu, piece.extension, EXEMPLAIRES) if piece else ("", "")
    signature = Signature(
        document=document,
        partie=partie,
        mode=mode,
        signataire=partie.representant or partie.denomination,
        date=jour,
        preuve=preuve.strip()[:250],
        fichier=nom,
        nom=piece.nom if piece else "",
        empreinte=empreinte,
        constats=constats,
        enregistree_par=user,
    )
    signature.full_clean()
    signature.save()
    return signature


def read_racines_reconnues() -> list[bytes]:
    """Certificates of the authorities that the platform recognises: the files of the folder given by settings. Raises ValidationError."""
    if not settings.AUTORITES_SIGNATURE:
        return []
    dossier = Path(settings.AUTORITES_SIGNATURE)
    try:
        lues = [chemin.read_bytes() for chemin in sorted(dossier.iterdir()) if chemin.suffix.lower() in {".pem", ".crt", ".cer", ".der"}]
        read_racines(lues)
    except (OSError, ValueError) as erreur:
        logger.exception("autorités reconnues illisibles", extra={"dossier": str(dossier)})
        raise ValidationError(
            "Les certificats des autorités reconnues ne se lisent pas : prévenez l’exploitant de la plateforme."
        ) from erreur
    return lues


def examine_copie(document: DocumentFige, piece: Piece) -> tuple[list[str], list[str]]:
    """What the electronic signatures of a copy are worth, in sentences; and why the copy is refused, if it is."""
    if not document.pdf:
        return [], ["Ce document n’a pas été figé ici : une signature électronique ne peut pas y être rattachée."]
    original = document.read_pdf()
    if document.scelle and is_prolongation(scelle := document.read_scelle(), piece.contenu):
        original = scelle  # the platform's seal is nobody's signature
    try:
        copie = compare_copie(original, piece.contenu, read_racines_reconnues())
    except PdfIllisible as erreur:
        return [], [str(erreur)]
    if copie.etat == EtatCopie.AUTRE:
        return [], [
            "Ce PDF n’est pas le document mis à la signature. Téléchargez le document depuis cette page, et faites signer ce fichier-là."
        ]
    if copie.etat == EtatCopie.IDENTIQUE:
        return [], ["Ce PDF est le document mis à la signature, mais il ne porte aucune signature électronique."]
    if copie.etat == EtatCopie.MODIFIE:
        return [], [copie.motif]
    signees = [s for s in copie.signatures if not s.est_horodatage]
    if not signees:
        return [], ["Ce PDF est le document mis à la signature, mais il ne porte aucune signature électronique."]
    memes = document.signatures.filter(empreinte=piece.empreinte, mode=Signature.Mode.ELECTRONIQUE).count()
    if memes >= len(signees):
        nombre = "une seule signature" if memes == 1 else f"{memes} signatures"
        return [], [f"Ce PDF porte {nombre}, déjà enregistrée{'s' if memes > 1 else ''} : joignez celui que cette partie a signé."]
    constats = [s.explain() for s in copie.signatures]
    if copie.pages:
        pages = list_fr([str(p) for p in copie.pages])
        constats.append(f"Une marque visible a été dessinée page {pages} : relisez-la. Le document figé reste la référence.")
    return constats, []


def compare_fichier(document: DocumentFige, contenu: bytes) -> Comparaison:
    """Tell whether a file is the document that was frozen, a signed copy of it, or something else. Raises DocumentPerdu."""
    empreinte = compute_empreinte(contenu)
    quand = _name_document(document)
    if empreinte == document.empreinte_pdf:
        return Comparaison(Reconnaissance.DOCUMENT, empreinte, f"C’est le document {quand}, à l’octet près.")
    if document.empreinte_scelle and empreinte == document.empreinte_scelle:
        return Comparaison(Reconnaissance.SCELLE, empreinte, f"C’est le document {quand}, avec le sceau de la plateforme.")
    signature = document.signatures.filter(empreinte=empreinte).select_related("partie").first()
    if signature:
        de = signature.partie.denomination
        return Comparaison(
            Reconnaissance.EXEMPLAIRE, empreinte, f"C’est l’exemplaire enregistré avec la signature de {de}, le {signature.date:%d/%m/%Y}."
        )
    if empreinte == document.empreinte_donnees:
        return Comparaison(Reconnaissance.DONNEES, empreinte, f"Ce sont les données du document {quand}.")
    if document.pdf:
        try:
            etat = compare_copie(document.read_pdf(), contenu).etat
        except PdfIllisible:
            etat = EtatCopie.AUTRE
        if etat == EtatCopie.SIGNE:
            return Comparaison(Reconnaissance.SIGNE, empreinte, f"C’est le document {quand} : seules des signatures y ont été ajoutées.")
        if etat == EtatCopie.MODIFIE:
            phrase = f"Ce n’est pas le document {quand} : il en part, mais son contenu a été modifié ensuite."
            return Comparaison(Reconnaissance.MODIFIE, empreinte, phrase)
    return Comparaison(Reconnaissance.AUTRE, empreinte, f"Ce n’est pas le document {quand}.")


def _name_document(document: DocumentFige) -> str:
    signee_le = document.convention.date_signature
    if signee_le:
        return f"signé le {signee_le:%d/%m/%Y}"
    return f"mis à la signature le {timezone.localtime(document.fait_le):%d/%m/%Y}"
