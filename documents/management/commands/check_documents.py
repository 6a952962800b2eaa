"""`manage.py check_documents`: what was frozen is still what was kept, and every journal holds."""

from typing import Any

from conventions.journal import check_chaine
from conventions.models import Convention
from documents.figes import DocumentPerdu, read_kept
from documents.instantane import compute_empreinte
from documents.models import DocumentBilan, DocumentFige, Signature
from socle.commandes import Commande


class Command(Commande):
    """Exit 0 when all is intact, 1 when something is lost or changed."""

    help = "Vérifie les documents figés, les exemplaires signés, les bilans acceptés et la chaîne de chaque journal."

    def run(self, **options: Any) -> None:
        perdus: list[str] = []
        nombre = 0
        for document in DocumentFige.objects.select_related("convention"):
            for nom, empreinte in ((document.pdf, document.empreinte_pdf), (document.scelle, document.empreinte_scelle)):
                nombre += self._check(nom, empreinte, f"{document.convention.reference}, document figé", perdus)
        for signature in Signature.objects.select_related("partie__convention"):
            quoi = f"{signature.partie.convention.reference}, exemplaire de {signature.partie.nom_court}"
            nombre += self._check(signature.fichier, signature.empreinte, quoi, perdus)
        for bilan in DocumentBilan.objects.select_related("bilan__convention"):
            quoi = f"{bilan.bilan.convention.reference}, bilan {bilan.bilan.annee}"
            nombre += self._check(bilan.pdf, bilan.empreinte_pdf, quoi, perdus)
            if compute_empreinte(bilan.donnees.encode()) != bilan.empreinte_donnees:
                perdus.append(f"{quoi} : les données ne correspondent plus à leur empreinte. Restaurez-les depuis une sauvegarde.")
        for convention in Convention.objects.filter(evenements__isnull=False).distinct():
            verdict = check_chaine(convention.evenements.all())
            if verdict.rompu is not None:
                perdus.append(f"{convention.reference}, journal : rompu à l’évènement {verdict.rompu.rang}.")
        for ligne in perdus:
            self.stdout.write(ligne)
        self.stdout.write(f"{nombre} fichiers vérifiés, {len(perdus)} défauts.")
        if perdus:
            raise SystemExit(1)

    def _check(self, nom: str, empreinte: str, quoi: str, perdus: list[str]) -> int:
        if not nom:
            return 0
        try:
            read_kept(nom, empreinte)
        except DocumentPerdu as erreur:
            perdus.append(f"{quoi} : {erreur}")
        return 1
