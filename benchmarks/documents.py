"""Printed documents beside LibreOffice and Chromium, on the same content: the Dijon agreement and its 22 fiches.

Run with `make benchmark-documents`. In one run, turn after turn: ours (cold, one edit, cached), a Word file of python-docx
converted by LibreOffice, our HTML printed by Chromium; then one fiche, then a bilan. What each file is worth is told beside its time:
pages, size, conformance to PDF/A-3 and PDF/UA-1 by veraPDF.
"""

import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import BytesIO
from itertools import count
from pathlib import Path

from benchmarks.outils import (
    DIJON,
    FINE,
    Cas,
    describe_tours,
    format_duree,
    format_nombre,
    format_rapport,
    load_data,
    measure,
    publish,
    read_options,
    start_django,
    write_tableau,
)

DOSSIER = start_django()

import pikepdf

from benchmarks import edition
from benchmarks.pairs import Chromium, LibreOffice, PairAbsent
from benchmarks.phases import profile
from conventions.models import Convention
from documents.bilans.publication import publish_bilan
from documents.publication import publish_fiche
from fiches.models import FicheAction
from financement.models import Bilan
from tests.verapdf import controle

CODE = "E.A 1.2.1"
FROID, DEUX, EDITION, CACHE = (
    f"Trait d’union, {suite}" for suite in ("à froid, un processus", "à froid, deux processus", "après une modification", "en cache")
)
WORD, WORD_NORMES, WORD_OUVERT = (f"LibreOffice, {suite}" for suite in ("à froid", "à froid, PDF/A et PDF/UA demandés", "déjà démarré"))
CHROME, CHROME_OUVERT = "Chromium, à froid", "Chromium, déjà démarré"
FICHE, FICHE_CHROME, FICHE_WORD = (f"Fiche, {nom}" for nom in ("Trait d’union", "Chromium déjà démarré", "LibreOffice déjà démarré"))
BILAN, BILAN_CACHE = "Bilan, Trait d’union à froid", "Bilan, Trait d’union en cache"


@dataclass(frozen=True)
class Objectif:
    """What is aimed at: the other's median over ours, or a duration."""

    libelle: str
    notre: str
    autre: str = ""
    rapport: float = 1
    duree: float = 0


OBJECTIFS = [
    Objectif("une modification, contre LibreOffice à froid", EDITION, WORD, 4),
    Objectif("une modification, contre Chromium à froid", EDITION, CHROME, 4),
    Objectif("convention en cache", CACHE, duree=0.05),
    Objectif("fiche seule, contre Chromium déjà démarré", FICHE, FICHE_CHROME),
    Objectif("à froid sur deux processus, contre LibreOffice à froid", DEUX, WORD),
]


@dataclass
class Pairs:
    """The programs at hand, and what keeps some of them open."""

    pile: ExitStack
    libreoffice: list[LibreOffice] = field(default_factory=list)  # one that starts each time, one that is open
    chromium: Chromium | None = None
    absents: list[str] = field(default_factory=list)

    def open(self, dossier: Path) -> None:
        """Start what is to be started, and tell what is missing."""
        try:
            for nom in ("froid", "ouvert"):
                (dossier / nom).mkdir()
                self.libreoffice.append(LibreOffice(dossier / nom))
            self.pile.enter_context(self.libreoffice[1].started())
        except PairAbsent as absence:
            self.libreoffice = []
            self.absents.append(str(absence))
        try:
            self.chromium = Chromium(dossier)
            self.pile.enter_context(self.chromium.started())
        except PairAbsent as absence:
            self.chromium = None
            self.absents.append(str(absence))


def open_negociation() -> FicheAction:
    """The agreement as it is while it is written: a draft, whose fiches change."""
    Convention.objects.filter(reference=DIJON).update(etat=Convention.Etat.EN_NEGOCIATION)
    FicheAction.objects.filter(convention__reference=DIJON).update(etat=FicheAction.Etat.EN_REDACTION)
    return FicheAction.objects.get(convention__reference=DIJON, code=CODE)


def write_html() -> str:
    return edition.write_html(edition.read_convention(DIJON))


def list_conventions(fiche: FicheAction, pairs: Pairs, second: edition.Second) -> list[Cas]:
    """The whole agreement: ours, then the peers."""
    numeros = count(1)

    def change() -> bytes:
        edition.edit(fiche, next(numeros))
        return edition.publish(DIJON)

    cas = [
        Cas(FROID, lambda: edition.publish(DIJON), edition.clear),
        Cas(DEUX, lambda: second.publish(DIJON), second.clear),
        Cas(EDITION, change, lambda: edition.publish(DIJON)),
        Cas(CACHE, lambda: edition.publish(DIJON), lambda: edition.publish(DIJON)),
    ]
    if pairs.libreoffice:
        froid, ouvert = pairs.libreoffice
        cas += [
            Cas(WORD, lambda: froid.publish(write_html())),
            Cas(WORD_NORMES, lambda: froid.publish(write_html(), normes=True)),
            Cas(WORD_OUVERT, lambda: ouvert.publish(write_html())),
        ]
    if chromium := pairs.chromium:
        cas += [Cas(CHROME, lambda: chromium.publish_cold(write_html())), Cas(CHROME_OUVERT, lambda: chromium.publish(write_html()))]
    return cas


def list_petits(fiche: FicheAction, pairs: Pairs) -> list[Cas]:
    """One fiche, just changed, then a bilan."""
    numeros = count(1000)
    bilan = Bilan.objects.filter(convention__reference=DIJON).order_by("annee").select_related("convention").first()
    assert bilan is not None, "la démonstration a des bilans"

    def publish_ours() -> bytes:
        convention = edition.read_convention(DIJON)
        return publish_fiche(convention, convention.fiches.get(pk=fiche.pk))

    def write_fiche() -> str:
        return edition.write_html_fiche(edition.read_convention(DIJON), CODE)

    def publish_ours_bilan() -> bytes:
        return publish_bilan(Bilan.objects.select_related("convention").get(pk=bilan.pk))

    cas = [Cas(FICHE, publish_ours, lambda: edition.edit(fiche, next(numeros)))]
    if chromium := pairs.chromium:
        cas.append(Cas(FICHE_CHROME, lambda: chromium.publish(write_fiche())))
    if pairs.libreoffice:
        cas.append(Cas(FICHE_WORD, lambda: pairs.libreoffice[1].publish(write_fiche())))
    cas.append(Cas(BILAN, publish_ours_bilan, edition.clear))
    cas.append(Cas(BILAN_CACHE, publish_ours_bilan, publish_ours_bilan))
    return cas


# --- What each file is worth -------------------------------------------------------------------------


def check(cas: Sequence[Cas]) -> dict[str, tuple[str, str]]:
    """PDF/A-3 (level, or not) and PDF/UA-1 of the last file of each."""
    if absence := controle.reason_missing():
        print(absence, file=sys.stderr)
        return {un.nom: ("non vérifié", "non vérifié") for un in cas}
    fichiers = {}
    for rang, un in enumerate(cas):
        fichiers[un.nom] = DOSSIER / f"resultat-{rang}.pdf"
        fichiers[un.nom].write_bytes(un.resultat)
    tenues = {(v.pdf, v.flavour) for v in controle.check(fichiers.values(), ["3a", "3b", "ua1"]) if v.status == "PASS"}
    return {
        nom: (
            "a" if (str(f), "3a") in tenues else "b" if (str(f), "3b") in tenues else "non",
            "oui" if (str(f), "ua1") in tenues else "non",
        )
        for nom, f in fichiers.items()
    }


def write_resultats(cas: Sequence[Cas], reference: str) -> str:
    """One row a competitor; the ratio says how many times the reference each takes."""
    normes = check(cas)
    base = next(un.mediane for un in cas if un.nom == reference)
    lignes = []
    for un in cas:
        with pikepdf.open(BytesIO(un.resultat)) as pdf:
            pages = len(pdf.pages)
        taille = f"{format_nombre(len(un.resultat) / 1024)}{FINE}Ko"
        rapport = "1" if un.nom == reference else format_rapport(un.mediane / base)
        calcul = format_duree(statistics.median(un.serie.calculs))
        lignes.append([un.nom, format_duree(un.mediane), un.serie.etendue, rapport, calcul, str(pages), taille, *normes[un.nom]])
    return write_tableau(["Document", "Médiane", "Étendue", "Rapport", "Processeur", "Pages", "Taille", "PDF/A-3", "PDF/UA-1"], lignes)


def write_objectifs(cas: Sequence[Cas]) -> str:
    """Aimed at, measured, reached or missed and by how much."""
    mesures = {un.nom: un.mediane for un in cas}
    lignes = []
    for o in OBJECTIFS:
        if o.notre not in mesures or (o.autre and o.autre not in mesures):
            continue
        if o.duree:
            demande, mesure = f"moins de {format_duree(o.duree)}", format_duree(mesures[o.notre])
            manque = mesures[o.notre] / o.duree
        else:
            rapport = mesures[o.autre] / mesures[o.notre]
            demande, mesure = f"{format_nombre(o.rapport)} fois plus rapide" if o.rapport > 1 else "pas plus lent", format_rapport(rapport)
            manque = o.rapport / rapport
        lignes.append([o.libelle, demande, mesure, "atteint" if manque <= 1 else f"manqué, il faudrait {format_rapport(manque)}"])
    return write_tableau(["Objectif", "Demandé", "Mesuré", "Résultat"], lignes, texte=2) if lignes else ""


def write_phases(tours: int) -> str:
    """Where the time of a cold edition on one process goes."""
    total: Counter[str] = Counter()
    for _ in range(tours):
        edition.clear()
        total.update(profile(lambda: edition.publish(DIJON)))
    somme = total.total()
    return write_tableau(
        ["Étape", "Durée", "Part"],
        [[nom, format_duree(duree / tours), f"{format_nombre(100 * duree / somme)}{FINE}%"] for nom, duree in total.most_common()],
    )


def main() -> int:
    options = read_options(__doc__ or "", tours=5)
    load_data()
    fiche = open_negociation()
    with ExitStack() as pile:
        pairs = Pairs(pile)
        pairs.open(DOSSIER)
        publish_fiche(edition.read_convention(DIJON), fiche)  # the first document of a process also reads the fonts
        second = pile.enter_context(edition.second_worker(DIJON))
        conventions, petits = list_conventions(fiche, pairs, second), list_petits(fiche, pairs)
        measure(conventions, options.tours)
        compositions = [duree for libre in pairs.libreoffice for duree in libre.composition]
        measure(petits, options.tours)
    tete = describe_tours(options.tours)
    notes = [f"Non mesuré : {absence}" for absence in pairs.absents]
    if compositions:
        compositions.sort()
        milieu = compositions[len(compositions) // 2]
        notes.append(f"Dans les temps de LibreOffice, l’écriture du fichier Word compte pour {format_duree(milieu)} (médiane).")
    contenu = [tete, write_resultats(conventions, FROID), *notes, write_objectifs([*conventions, *petits])]
    publish("documents", "\n\n".join(filter(None, contenu)), ecrire=options.ecrire)
    publish("fiche", f"{tete}\n\n{write_resultats(petits, FICHE)}", ecrire=options.ecrire)
    publish("phases", f"{tete}\n\n{write_phases(min(3, options.tours))}", ecrire=options.ecrire)
    return 0


if __name__ == "__main__":
    sys.exit(main())
