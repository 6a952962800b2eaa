"""Our documents, as the benchmarks ask for them: the one place that knows what the publication keeps.

A publication that keeps its parts offers `clear_parties` and `warm`; where it does not, every edition is a cold one.
"""

from pathlib import Path

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from conventions.models import Convention
from conventions.redaction import write_convention
from conventions.variables import read_values
from documents import publication
from documents.publication import (
    Feuille,
    describe_composition,
    describe_consolidation,
    describe_controles,
    describe_mention,
    has_recap,
    list_axes,
    list_entrees,
    load_feuilles,
    load_logos,
    render_fiche,
    render_partie,
    render_recap,
)
from fiches.models import FicheAction
from financement.syntheses import compute_recapitulatif
from socle.typographie import list_fr

KEEPS_PARTIES = hasattr(publication, "clear_parties")
STYLES = Path(settings.BASE_DIR) / "static" / "pdf"


def read_convention(reference: str) -> Convention:
    """The convention as a page reads it: nothing kept from an earlier reading."""
    return Convention.objects.with_parties().get(reference=reference)


def clear() -> None:
    """Forget every part that was kept."""
    if KEEPS_PARTIES:
        publication.clear_parties()


def publish_with(reference: str, ouvriers: int) -> bytes:
    """The agreement, its missing parts made by several processes."""
    convention = read_convention(reference)
    publication.warm(convention, ouvriers=ouvriers)
    return publication.publish_convention(convention)


def publish(reference: str) -> bytes:
    """The whole agreement."""
    return publication.publish_convention(read_convention(reference))


def edit(fiche: FicheAction, numero: int) -> None:
    """Add a sentence to the constat of a fiche, and save it."""
    fiche = FicheAction.objects.get(pk=fiche.pk)
    fiche.constat = f"{fiche.constat.split(' Relu ')[0]} Relu {numero} fois."
    fiche.save()


# --- The same content for the peers ------------------------------------------------------------------


def write_html(convention: Convention) -> str:
    """The whole agreement as one HTML page, part by part as it is printed."""
    recap = compute_recapitulatif(convention)
    texte = write_convention(convention, niveau_preambule=2, niveau_articles=3)
    feuilles = load_feuilles(convention)
    _, logos = load_logos(convention)
    parties = [
        render_partie(
            "couverture",
            convention=convention,
            consolidation=describe_consolidation(convention),
            logos=logos,
            composition=describe_composition(texte, len(feuilles), recap),
            controles=describe_controles(convention),
        ),
        render_partie("sommaire", entrees=list_entrees(convention, texte, recap)),
        render_partie(
            "corps",
            convention=convention,
            texte=texte,
            objectifs=convention.objectifs.all(),
            axes=list_axes(convention, feuilles),
            originaux=read_values(convention)["convention.originaux"].texte,
        ),
        render_partie("annexe_fiches", recap=recap),
        *(render_fiche(feuille, niveau=2, ensuite=True) for feuille in feuilles),
    ]
    if has_recap(recap):
        parties.append(render_recap(recap, "Annexe 2 – Récapitulatif financier", lies=True))
    return assemble(convention, convention.titre, parties)


def write_html_fiche(convention: Convention, code: str) -> str:
    """One fiche as an HTML page."""
    feuille: Feuille = next(f for f in load_feuilles(convention) if f.fiche.code == code)
    return assemble(convention, f"Fiche action {code} – {feuille.fiche.titre}", [render_fiche(feuille, niveau=1)])


def assemble(convention: Convention, titre: str, parties: list[SafeString]) -> str:
    """Parts as a page with our styles, which the peers read from where they are."""
    denominations = [p.denomination for p in convention.parties.all()]
    contexte = {
        "titre": titre,
        "auteur": denominations[0],
        "sujet": f"{convention.nom_court}, {list_fr(denominations)}",
        "courant": f"{convention.nom_court} · {list_fr([p.organisation.sigle for p in convention.parties.all()])}",
        "mention": describe_mention(convention),
        "parties": parties,
    }
    html = render_to_string("pdf/document.html", {"document": contexte})
    return html.replace('href="document.css"', f'href="{(STYLES / "document.css").as_uri()}"')
