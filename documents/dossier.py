"""The auditor's file: all that a convention left, in one archive that opens anywhere, with the fingerprints to check it."""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import PurePosixPath

from django.template.loader import render_to_string
from django.utils import timezone

from conventions.consolidation import get_base, list_avenants
from conventions.journal import check_chaine, write_journal_csv, write_journal_scelle
from conventions.models import Convention
from documents.bilans.figes import DocumentBilan, write_donnees
from documents.figes import DocumentFige, DocumentPerdu, read_kept
from documents.instantane import build_instantane, compute_empreinte, write_canonique
from fiches.models import FicheAction
from financement.models import PieceVersement
from financement.situation import compute_situation
from financement.syntheses import compute_recapitulatif
from financement.tableur_recapitulatif import write_recapitulatif_xlsx
from socle.ecriture_csv import write_csv


@dataclass(frozen=True)
class Fichier:
    """A file of the archive: where, what it is in words, its bytes."""

    chemin: str
    titre: str
    contenu: bytes

    @property
    def empreinte(self) -> str:
        return compute_empreinte(self.contenu)

    @property
    def taille(self) -> int:
        return len(self.contenu)


def build_dossier(convention: Convention) -> bytes:
    """The archive of an agreement and its avenants. A file lost on the server is told in the index instead of stopping all."""
    base = Convention.objects.with_parties().get(pk=get_base(convention).pk)
    fichiers: list[Fichier] = []
    manquants: list[str] = []
    membres = [base, *list_avenants(base)]
    for membre in membres:
        fichiers += list(_list_convention(membre, manquants))
    fichiers += list(_list_paiements(base, manquants))
    fichiers += list(list_bilans(base, manquants))
    verdicts = {m.reference: check_chaine(m.evenements.all()) for m in membres}
    journal = next((v for v in verdicts.values() if not v.is_intact), verdicts[base.reference])
    contexte = {"convention": base, "fichiers": fichiers, "manquants": manquants, "journal": journal, "date": timezone.localtime()}
    fichiers.insert(0, Fichier("index.html", "Sommaire du dossier", render_to_string("documents/dossier.html", contexte).encode()))
    manifeste = {
        "convention": base.reference,
        "fait_le": datetime.now(UTC).isoformat(timespec="seconds"),
        "fichiers": [{"chemin": f.chemin, "titre": f.titre, "octets": f.taille, "sha256": f.empreinte} for f in fichiers],
        "manquants": manquants,
        "journal_intact": journal.is_intact,
        "journaux": {reference: {"evenements": v.nombre, "intact": v.is_intact} for reference, v in verdicts.items()},
    }
    fichiers.append(Fichier("manifeste.json", "Manifeste", json.dumps(manifeste, ensure_ascii=False, indent=2, sort_keys=True).encode()))
    sommes = "".join(f"{f.empreinte}  {f.chemin}\n" for f in fichiers)
    fichiers.append(Fichier("SHA256SUMS", "Empreintes, pour sha256sum --check", sommes.encode()))
    tampon = io.BytesIO()
    with zipfile.ZipFile(tampon, "w", zipfile.ZIP_DEFLATED) as archive:
        for fichier in fichiers:
            archive.writestr(f"{base.reference}/{fichier.chemin}", fichier.contenu)
    return tampon.getvalue()


def _list_convention(convention: Convention, manquants: list[str]) -> Iterator[Fichier]:
    """Frozen documents, copies signed, délibérations, spreadsheet, data and journal of one agreement or avenant."""
    dossier = convention.reference
    nom = "la convention" if not convention.is_avenant else f"l’avenant n° {convention.numero_avenant}"
    for rang, document in enumerate(convention.documents_figes.order_by("fait_le"), 1):
        yield from _list_document(document, f"{dossier}/document-{rang}", nom, manquants)
    for partie in convention.parties.all():
        if partie.deliberation_fichier:
            nom_stocke = str(partie.deliberation_fichier)
            titre = f"Délibération de {partie.denomination}"
            yield from _kept(
                nom_stocke, PurePosixPath(nom_stocke).stem, f"{dossier}/deliberations/{partie.organisation.cle}", titre, manquants
            )
    recap = compute_recapitulatif(convention)
    if recap.groupes:
        yield Fichier(f"{dossier}/recapitulatif.xlsx", f"Récapitulatif financier de {nom}", write_recapitulatif_xlsx(recap))
    yield Fichier(f"{dossier}/donnees.json", f"Données de {nom}, telles qu’elles sont", write_canonique(build_instantane(convention)))
    yield Fichier(f"{dossier}/journal.csv", f"Journal de {nom}", write_journal_csv(convention))
    yield Fichier(f"{dossier}/journal.jsonl", f"Journal de {nom}, tel qu’il se scelle", write_journal_scelle(convention))
    yield Fichier(f"{dossier}/historique.csv", f"Historique des fiches de {nom}", _write_historique(convention))


def _list_document(document: DocumentFige, dossier: str, nom: str, manquants: list[str]) -> Iterator[Fichier]:
    etat = f"retiré le {document.retire_le:%d/%m/%Y}" if document.retire_le else f"figé le {timezone.localtime(document.fait_le):%d/%m/%Y}"
    yield Fichier(f"{dossier}/donnees.json", f"Données de {nom}, document {etat}", document.donnees.encode())
    if document.pdf:
        yield from _kept(document.pdf, document.empreinte_pdf, f"{dossier}/document", f"Document de {nom}, {etat}", manquants)
    if document.scelle:
        yield from _kept(document.scelle, document.empreinte_scelle, f"{dossier}/document-scelle", f"Document scellé de {nom}", manquants)
    for signature in document.signatures.select_related("partie__organisation"):
        if signature.fichier:
            titre = f"Exemplaire signé par {signature.partie.denomination} le {signature.date:%d/%m/%Y}"
            chemin = f"{dossier}/signatures/{signature.partie.organisation.cle}"
            yield from _kept(signature.fichier, signature.empreinte, chemin, titre, manquants)


def _list_paiements(base: Convention, manquants: list[str]) -> Iterator[Fichier]:
    """Payments as a table, and their supporting files."""
    lignes = [
        [
            li.versement.get_nature_display(),
            p.payeur.sigle,
            paiement.get_etat_display(),
            f"{paiement.montant.amount:.2f}".replace(".", ","),
            str(paiement.exercice),
            str(paiement.imputation or ""),
            paiement.numero_bordereau,
            paiement.numero_mandat,
            *(
                f"{d:%d/%m/%Y}" if d else ""
                for d in (paiement.demande_le, paiement.service_fait_le, paiement.liquide_le, paiement.mandate_le, paiement.paye_le)
            ),
        ]
        for p in compute_situation(base).payeurs
        for li in p.lignes
        for paiement in li.paiements
    ]
    entetes = "Versement;Payeur;État;Montant;Exercice;Imputation;Bordereau;Mandat;Demandé;Service fait;Liquidé;Mandaté;Payé".split(";")
    yield Fichier("versements/paiements.csv", "Paiements", write_csv(entetes, lignes))
    titres = [
        [
            r.numero_titre,
            r.payeur.sigle,
            r.redevable.sigle,
            f"{r.montant.amount:.2f}".replace(".", ","),
            str(r.exercice),
            r.motif,
            _jour(r.emis_le),
        ]
        for r in base.reversements.select_related("payeur", "redevable")
    ]
    entetes = ["Titre", "Émis par", "Redevable", "Montant", "Exercice", "Motif", "Émis le"]
    yield Fichier("versements/reversements.csv", "Titres de reversement", write_csv(entetes, titres))
    credits = [
        [
            c.payeur.sigle,
            str(c.exercice),
            *(f"{m.amount:.2f}".replace(".", ",") if m is not None else "" for m in (c.ae, c.cp, c.engage)),
            c.numero_engagement,
        ]
        for c in base.credits.select_related("payeur")
    ]
    entetes = ["Payeur", "Exercice", "AE votées", "CP votés", "Engagé", "Numéro d’engagement"]
    yield Fichier("versements/credits.csv", "Crédits par exercice", write_csv(entetes, credits))
    for piece in PieceVersement.objects.filter(convention=base):
        yield from _kept(
            piece.fichier.name or "", piece.empreinte, f"versements/pieces/{piece.pk}-{piece.empreinte[:8]}", piece.intitule, manquants
        )


def list_bilans(base: Convention, manquants: list[str]) -> Iterator[Fichier]:
    """Bilans with their frozen documents and supporting files, and the carnet with its proofs."""
    documents = {d.bilan_id: d for d in DocumentBilan.objects.filter(bilan__convention=base)}
    for bilan in base.bilans.order_by("annee"):
        bilan.convention = base
        dossier, nom = f"bilans/{bilan.annee}", f"Bilan {bilan.annee}"
        document = documents.get(bilan.pk)
        if document is not None:
            yield Fichier(
                f"{dossier}/donnees.json", f"{nom}, accepté le {bilan.accepte_le:%d/%m/%Y}, données figées", document.donnees.encode()
            )
            if document.pdf:
                yield from _kept(document.pdf, document.empreinte_pdf, f"{dossier}/bilan", f"{nom}, document figé", manquants)
        else:
            etat = bilan.get_etat_display().lower()
            yield Fichier(f"{dossier}/donnees.json", f"{nom}, {etat}, données telles qu’elles sont", write_donnees(bilan))
        for piece in bilan.pieces.all():
            chemin = f"{dossier}/pieces/{piece.pk}-{piece.empreinte[:8]}"
            yield from _kept(piece.fichier.name or "", piece.empreinte, chemin, f"{nom} : {piece.intitule}", manquants)
    realisations = list(base.realisations.select_related("fiche", "nature", "auteur").order_by("date", "pk"))
    entetes = ["Date", "Fiche", "Dépense", "Jours", "Montant", "Qui", "Ce qui a été fait", "Noté par", "Retirée le"]
    lignes = [
        [
            _jour(r.date),
            r.fiche.code,
            r.intitule,
            "" if r.jours is None else f"{r.jours:.2f}".replace(".", ","),
            f"{r.montant.amount:.2f}".replace(".", ","),
            r.qui,
            r.quoi,
            str(r.auteur or ""),
            _jour(timezone.localdate(r.retiree_le)) if r.retiree_le else "",
        ]
        for r in realisations
    ]
    if lignes:
        yield Fichier("bilans/carnet.csv", "Carnet des réalisations", write_csv(entetes, lignes))
    for r in realisations:
        if r.fichier:
            chemin = f"bilans/carnet/{r.pk}-{r.empreinte[:8]}"
            yield from _kept(r.fichier.name or "", r.empreinte, chemin, f"Justificatif du {_jour(r.date)}, {r.fiche.code}", manquants)


def _jour(jour: date | None) -> str:
    return f"{jour:%d/%m/%Y}" if jour else ""


def _kept(nom: str, empreinte: str, chemin: str, titre: str, manquants: list[str]) -> Iterator[Fichier]:
    """A kept file, checked against its fingerprint; what is lost is said."""
    try:
        yield Fichier(f"{chemin}{PurePosixPath(nom).suffix}", titre, read_kept(nom, empreinte))
    except DocumentPerdu as erreur:
        manquants.append(f"{titre} : {erreur}")


def _write_historique(convention: Convention) -> bytes:
    """Every version of every fiche, those in the corbeille included: when, who, which code and state."""
    lignes = []
    for fiche in FicheAction.toutes.filter(convention=convention):
        for version in fiche.history.select_related("history_user").order_by("history_date", "history_id"):
            quand = f"{timezone.localtime(version.history_date):%d/%m/%Y %H:%M:%S}"
            lignes.append(
                [quand, version.code, str(version.history_user or ""), version.get_history_type_display(), version.etat, version.titre]
            )
    return write_csv(["Date", "Fiche", "Par", "Acte", "État", "Titre"], lignes)
