"""The steps of an import: deposit, recognise, preview, confirm. Nothing is written before the confirmation."""

import hashlib
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import count, islice
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone

from conventions.journal import record
from conventions.models import Convention
from conventions.travaux.suivi import ArretDemande
from financement.bilans.droits import check_saisie
from financement.bilans.modeles import Bilan as BilanAnnuel
from financement.bilans.ouverture import lock_bilan
from financement.imports.bilan import Bilan
from financement.imports.champs import NOMS_MODELE, NOMS_REALISE
from financement.imports.destinations import (
    build_plan,
    explain_ecriture,
    list_blocages,
    open_referentiel,
    read_lignes,
    recognise,
    reread_titres,
)
from financement.imports.journal import ImportBudget, PageImport
from financement.imports.lignes import Lecture, Refus
from financement.imports.reconnaissance import Proposition
from financement.imports.referentiel import Referentiel
from financement.imports.valeurs import show_cell
from socle.lecture_classeur import MAX_OCTETS, Classeur, ClasseurRefuse, Feuille, name_colonne, read_classeur, read_colonne
from socle.montants import ZERO
from socle.typographie import list_fr

EXEMPLES = 3
COLONNES_MONTREES = 40
PERIME = "Des valeurs ont changé depuis l’aperçu ({lieux}). Rien n’a été écrit : relisez l’aperçu, il est à jour."


class ImportImpossible(Exception):
    """What was asked cannot be done; the message is the sentence to show."""


class ApercuPerime(ImportImpossible):
    """What was previewed is no longer what would be written."""


def deposit(user: Any, convention: Convention, nom: str, contenu: bytes, bilan: BilanAnnuel | None = None) -> ImportBudget:
    """Keep a file as it is and open its import; nothing of it is read yet.

    With `bilan`, it holds what was done in its year. Raises ImportImpossible when it is too large, PermissionDenied
    when the person does not write in the bilan now.
    """
    if bilan is not None:
        check_saisie(user, bilan)
    if len(contenu) > MAX_OCTETS:
        raise ImportImpossible(f"Ce fichier dépasse {MAX_OCTETS // 1_000_000} Mo. Séparez-le en plusieurs imports.")
    imp = ImportBudget(convention=convention, bilan=bilan, nom=nom[-200:] or "sans nom", taille=len(contenu), auteur=user)
    imp.empreinte = hashlib.sha256(contenu).hexdigest()
    imp.fichier.save(nom, ContentFile(contenu), save=False)
    imp.save()
    return imp


def analyse(imp: ImportBudget, suivre: Callable[[float], None] = lambda part: None) -> None:
    """Recognise the sheets of a file; when all is certain, go on to the preview."""
    try:
        classeur = read_classeur(imp.read_contenu(), imp.nom)
    except (ClasseurRefuse, OSError, ValueError) as erreur:
        _fail(imp, str(erreur) if not isinstance(erreur, OSError) else "Le fichier déposé n’est plus là. Déposez-le de nouveau.")
        return
    suivre(0.2)
    ref = open_referentiel(imp)
    propositions = {f.nom: recognise(f, ref) for f in classeur.feuilles if f.is_filled}
    imp.lecture = describe(classeur, propositions)
    retenues, certaine = choose_sheets(classeur, propositions, imp.bilan_id is not None)
    imp.propositions = [p.to_json() for p in retenues]
    imp.save(update_fields=["lecture", "propositions"])
    if certaine:
        preview(imp, suivre, classeur)
    else:
        _set(imp, etat=ImportBudget.Etat.DEPOSE, etape="")


def choose(imp: ImportBudget, nom: str) -> None:
    """Read one sheet by its name, then preview when it is certain. Raises ImportImpossible naming the sheets there are."""
    try:
        classeur = read_classeur(imp.read_contenu(), imp.nom)
    except (ClasseurRefuse, OSError, ValueError) as erreur:
        raise ImportImpossible(str(erreur)) from erreur
    feuille = find_sheet(classeur, nom)
    proposition = recognise(feuille, open_referentiel(imp))
    imp.propositions = [proposition.to_json()]
    imp.save(update_fields=["propositions"])
    if proposition.certaine:
        preview(imp, classeur=classeur)


def find_sheet(classeur: Classeur, nom: str) -> Feuille:
    """The sheet of that name. Raises ImportImpossible naming those there are."""
    feuille = classeur.find(nom)
    if feuille is None:
        raise ImportImpossible(
            f"Aucune feuille ne s’appelle « {nom} ». Feuilles du fichier : {list_fr([f.nom for f in classeur.feuilles])}."
        )
    return feuille


def choose_sheets(classeur: Classeur, propositions: dict[str, Proposition], realise: bool = False) -> tuple[list[Proposition], bool]:
    """The sheets to read, and whether nobody needs to be asked. The product's own sheets are read together."""
    noms, quoi = (NOMS_REALISE, "un réalisé") if realise else (NOMS_MODELE, "un budget")
    notres = [propositions[nom] for nom in noms if nom in propositions and propositions[nom].certaine and propositions[nom].forme == "long"]
    if notres and propositions.get(noms[0]) in notres:
        return notres, True
    visibles = [p for nom, p in propositions.items() if not getattr(classeur.find(nom), "cachee", False)]
    certaines = [p for p in visibles if p.certaine]
    if len(certaines) == 1:
        # A second sheet that may be read too is asked about.
        autres = [p.feuille for p in visibles if p.forme and p is not certaines[0]]
        if autres:
            certaines[0].motifs.append(f"D’autres feuilles peuvent contenir {quoi} ({list_fr(autres)}) : confirmez celle à lire.")
        return certaines, not autres
    candidates = certaines or [p for p in visibles if p.forme] or visibles or list(propositions.values())
    if len(certaines) > 1:
        candidates[0].motifs.append(
            f"Plusieurs feuilles contiennent {quoi} ({list_fr([p.feuille for p in certaines])}) : choisissez celle à lire."
        )
    return candidates[:1], False


def describe(classeur: Classeur, propositions: dict[str, Proposition]) -> dict[str, Any]:
    """What the page shows of each sheet, and what the guess of its columns was."""
    return {
        "remarques": classeur.remarques,
        "feuilles": [
            {
                "nom": f.nom,
                "cachee": f.cachee,
                "lignes": sum(1 for li in f.lignes if any(v is not None for v in li)),
                "proposition": propositions[f.nom].to_json(),
                "colonnes": describe_columns(f, propositions[f.nom].titres),
            }
            for f in classeur.feuilles
            if f.nom in propositions
        ],
    }


def describe_columns(feuille: Feuille, titres: int) -> list[dict[str, Any]]:
    """Letter, title and first values of the columns that hold something."""
    largeur = min(max((len(li) for li in feuille.lignes[: titres + 200]), default=0), COLONNES_MONTREES)
    colonnes = []
    for c in range(largeur):
        montres = (show_cell(feuille, r, c) for r in range(titres + 1, min(titres + 200, len(feuille.lignes))))
        exemples = list(islice((m for m in montres if m), EXEMPLES))
        titre = next((m for r in (titres, titres - 1) if r >= 0 and (m := show_cell(feuille, r, c))), "")
        if titre or exemples:
            colonnes.append({"lettre": name_colonne(c), "titre": titre[:60], "exemples": [e[:40] for e in exemples]})
    return colonnes


def preview(imp: ImportBudget, suivre: Callable[[float], None] = lambda part: None, classeur: Classeur | None = None) -> None:
    """Compute what the import would do and keep it for the page. Nothing of the budget is written.

    Raises ArretDemande when the import is abandoned meanwhile.
    """
    propositions = [Proposition.from_json(p) for p in imp.propositions]
    check_propositions(propositions, open_referentiel(imp))
    try:
        classeur = classeur or read_classeur(imp.read_contenu(), imp.nom)
    except (ClasseurRefuse, OSError, ValueError) as erreur:
        _fail(imp, str(erreur))
        return
    bilan, remarques, nb = compare(imp, classeur, propositions, imp.auteur, suivre)
    with transaction.atomic():
        suivre(1)
        imp.pages.all().delete()
        store_pages(imp, PageImport.Genre.CHANGEMENTS, bilan.changements)
        store_refus(imp, bilan)
        imp.apercu = summarise(bilan, remarques, nb, [p.forme for p in propositions], open_referentiel(imp))
        _set(imp, apercu=imp.apercu, etat=ImportBudget.Etat.APERCU, progres=100, etape="")


def compare(
    imp: ImportBudget, classeur: Classeur, propositions: list[Proposition], user: Any, suivre: Callable[[float], None]
) -> tuple[Bilan, list[str], int]:
    """The differences between a file and the database, remarks, number of rows read."""
    ref = open_referentiel(imp)
    lecture = read_lignes(classeur, propositions, ref)
    suivre(0.4)
    bilan = build_plan(ref, user, suivre=lambda part: suivre(0.4 + 0.5 * part)).run(lecture)
    bilan.refus = [show_refus(classeur, refus) for refus in bilan.refus]
    return bilan, lecture.remarques, lecture.nb_lignes


def show_refus(classeur: Classeur, refus: Refus) -> Refus:
    """A refusal with what its cell shows."""
    feuille = classeur.find(refus.feuille)
    trouve = re.fullmatch("([A-Z]+)([0-9]+)", refus.cellule)
    if refus.valeur or feuille is None or trouve is None:
        return refus
    return refus._replace(valeur=show_cell(feuille, int(trouve[2]) - 1, read_colonne(trouve[1])))


def summarise(bilan: Bilan, remarques: list[str], nb: int, formes: list[str], ref: Referentiel) -> dict[str, Any]:
    """What the preview page shows besides its lists."""
    noms = {pk: o.nom for pk, o in ref.organisations.items()} | {p.organisation_id: p.nom_court for p in ref.parties} | {0: "Non réparti"}
    cles = sorted({c for c in (*bilan.avant, *bilan.apres) if c != (None, None)}, key=lambda c: (str(c[0]), str(c[1])))
    par_financeur: dict[Any, list[Decimal]] = {}
    par_annee: dict[Any, list[Decimal]] = {}
    for annee, qui in cles:
        for table, cle in ((par_financeur, qui), (par_annee, annee)):
            somme = table.setdefault(cle, [ZERO, ZERO])
            somme[0] += bilan.avant.get((annee, qui), ZERO)
            somme[1] += bilan.apres.get((annee, qui), ZERO)
    ordre = [p.organisation_id for p in ref.parties]
    financeurs = sorted(par_financeur.items(), key=lambda p: (ordre.index(p[0]) if p[0] in ordre else 99 if p[0] else 100, str(p[0])))
    if bilan.absentes > 0:
        seule = bilan.absentes == 1
        mots = "dépense de ces fiches n’est" if seule else "dépenses de ces fiches ne sont"
        suite = "elle reste telle quelle" if seule else "elles restent telles quelles"
        remarques = [*remarques, f"{bilan.absentes} {mots} pas dans le fichier : {suite}, l’import ne retire rien."]
    return {
        "formes": formes,
        "lignes": nb,
        "comptes": bilan.comptes,
        "remarques": remarques,
        "total": [str(bilan.total_avant), str(bilan.total_apres)],
        "financeurs": [[noms.get(qui, "?"), str(a), str(b)] for qui, (a, b) in financeurs if a or b],
        "annees": [[annee, str(a), str(b)] for annee, (a, b) in par_annee.items()],
        "fiches": bilan.fiches,
        "etats": bilan.etats,
    }


def confirm(imp: ImportBudget, user: Any, valides_seulement: bool) -> ImportBudget:
    """Write what was previewed, all at once or not at all.

    Raises ImportImpossible; ApercuPerime when something changed since the preview, which is then made again.
    """
    try:
        with transaction.atomic():
            return _write(imp, user, valides_seulement)
    except ApercuPerime:
        imp.refresh_from_db()
        preview(imp)
        raise


def _write(imp: ImportBudget, user: Any, valides_seulement: bool) -> ImportBudget:
    imp = lock(imp)
    if imp.etat not in {ImportBudget.Etat.APERCU, ImportBudget.Etat.ECRITURE}:
        raise ImportImpossible(f"Cet import n’est plus à confirmer : {imp.get_etat_display().lower()}.")
    if not imp.nb_ecrits:
        raise ImportImpossible("Il n’y a rien à écrire.")
    if imp.comptes["rejetes"] and not valides_seulement:
        raise ImportImpossible("Des lignes sont refusées. Corrigez le fichier, ou choisissez de n’importer que les lignes valides.")
    if imp.bilan is not None and (refus := explain_ecriture(user, imp.bilan)):
        raise ImportImpossible(refus)
    ref = open_referentiel(imp)
    try:
        classeur = read_classeur(imp.read_contenu(), imp.nom)
    except (OSError, ValueError) as erreur:
        raise ImportImpossible("Le fichier déposé n’est plus lisible. Déposez-le de nouveau.") from erreur
    lecture = read_lignes(classeur, [Proposition.from_json(p) for p in imp.propositions], ref)
    del classeur  # the rows hold all that is needed: memory for what follows
    bilan = write_rows(imp, user, ref, lecture)
    connus = imp.apercu["etats"]
    perimes = [pk for pk, etat in bilan.etats.items() if connus.get(pk) != etat]
    if perimes or bilan.comptes != imp.comptes:
        codes = [ref.par_pk[int(pk)].code if pk.isdecimal() and int(pk) in ref.par_pk else "récapitulatif déclaré" for pk in perimes]
        raise ApercuPerime(PERIME.format(lieux=", ".join(codes[:8]) or "fiches, natures ou financeurs"))
    close(imp, user, valides_seulement)
    return imp


def lock(imp: ImportBudget) -> ImportBudget:
    """The import as it is now, nobody else writing in its convention, nor in its bilan, until the transaction ends."""
    bilan = lock_bilan(imp.bilan) if imp.bilan is not None else None  # before the convention, as the pages of the bilan do
    Convention.objects.select_for_update().get(pk=imp.convention_id)
    verrou = ImportBudget.objects.select_for_update(of=("self",)).select_related("convention").get(pk=imp.pk)
    if bilan is not None:
        bilan.convention, verrou.bilan = verrou.convention, bilan
    return verrou


def write_rows(imp: ImportBudget, user: Any, ref: Referentiel, lecture: Lecture) -> Bilan:
    """Write what is valid and remember what it replaces; the caller's transaction decides whether it stays."""
    rangs = count()

    def keep(valeurs: list[list[Any]]) -> None:
        PageImport.objects.create(parent=imp, genre=PageImport.Genre.EFFET, rang=next(rangs), contenu=valeurs)

    return build_plan(ref, user, ecrire=(f"Import du fichier {imp.nom}"[:100], timezone.now()), sur_effet=keep, detail=False).run(lecture)


def close(imp: ImportBudget, user: Any, valides_seulement: bool) -> None:
    """The import is done."""
    imp.etat, imp.confirme_par, imp.confirme_le, imp.valides_seulement = ImportBudget.Etat.FAIT, user, timezone.now(), valides_seulement
    imp.save(update_fields=["etat", "confirme_par", "confirme_le", "valides_seulement"])
    if imp.bilan is not None:
        annee = imp.bilan.annee
        record(imp.convention, "import", f"Bilan {annee} : réalisé importé de {imp.nom}.", user, empreinte=imp.empreinte, annee=annee)
    else:
        record(imp.convention, "import", f"Import écrit : {imp.nom}.", user, empreinte=imp.empreinte)


def reopen(imp: ImportBudget, propositions: list[Proposition]) -> None:
    """Keep the columns as somebody chose them. Raises ImportImpossible when they cannot be read so, or it is too late."""
    check_propositions(propositions, open_referentiel(imp))
    if imp.etat not in {ImportBudget.Etat.DEPOSE, ImportBudget.Etat.APERCU}:
        raise ImportImpossible(f"Cet import ne se précise plus : {imp.get_etat_display().lower()}.")
    imp.propositions, imp.message = [p.to_json() for p in propositions], ""
    imp.save(update_fields=["propositions", "message"])


def check_propositions(propositions: list[Proposition], ref: Referentiel) -> None:
    """Raise ImportImpossible, every reason at once, when sheets cannot be read so."""
    if blocages := [b for p in propositions for b in list_blocages(p, ref)]:
        raise ImportImpossible(" ".join(blocages))


def reread(imp: ImportBudget, nom: str, titres: int) -> dict[str, Any] | None:
    """A sheet described again from another row of titles; None when the file has no such sheet."""
    try:
        feuille = read_classeur(imp.read_contenu(), imp.nom).find(nom)
    except (ClasseurRefuse, OSError, ValueError):
        return None
    if feuille is None or not 0 <= titres < len(feuille.lignes):
        return None
    proposition = reread_titres(feuille, titres, open_referentiel(imp))
    return {"nom": nom, "cachee": feuille.cachee, "proposition": proposition.to_json(), "colonnes": describe_columns(feuille, titres)}


def abandon(imp: ImportBudget) -> None:
    """Close an import that wrote nothing. Raises ImportImpossible once it is written, or being written."""
    ouverts = [ImportBudget.Etat.DEPOSE, ImportBudget.Etat.ANALYSE, ImportBudget.Etat.APERCU, ImportBudget.Etat.ECHEC]
    if not ImportBudget.objects.filter(pk=imp.pk, etat__in=ouverts).update(etat=ImportBudget.Etat.ABANDONNE, arret_demande=True):
        raise ImportImpossible(
            "Cet import est écrit, ou en train de l’être : il ne s’abandonne plus. Vous pouvez l’annuler une fois écrit."
        )


def _fail(imp: ImportBudget, message: str) -> None:
    _set(imp, etat=ImportBudget.Etat.ECHEC, message=message, etape="")


def _set(imp: ImportBudget, **champs: Any) -> None:
    """Write where an import stands. Raises ArretDemande when it was abandoned meanwhile: it stays so."""
    finis = [ImportBudget.Etat.FAIT, ImportBudget.Etat.ANNULE]  # what a worker thought dead may not undo
    if not ImportBudget.objects.filter(pk=imp.pk, arret_demande=False).exclude(etat__in=finis).update(**champs):
        raise ArretDemande
    for nom, valeur in champs.items():
        setattr(imp, nom, valeur)


def store_pages(imp: ImportBudget, genre: str, pages: Iterable[list[Any]]) -> None:
    """Keep the pages of a long list, each read alone later."""
    lignes = (PageImport(parent=imp, genre=genre, rang=rang, contenu=contenu) for rang, contenu in enumerate(pages))
    while paquet := list(islice(lignes, 50)):
        PageImport.objects.bulk_create(paquet)


def store_refus(imp: ImportBudget, bilan: Bilan) -> None:
    """Keep the refusals: sheet, cell, value, reason."""
    refus = [list(r[:4]) for r in bilan.refus]
    store_pages(imp, PageImport.Genre.REFUS, (refus[i : i + PageImport.TAILLE] for i in range(0, len(refus), PageImport.TAILLE)))
