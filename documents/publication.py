"""Documents of a convention: the whole agreement, one fiche, the recap. Each part has its own template.

A part is HTML without page or style of its own, named and starting on a new page; a document is a list of parts handed to the PDF engine.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString

from conventions.axes import ArbreAxes
from conventions.models import Axe, Convention
from conventions.redaction import TexteConvention, write_convention
from conventions.variables import read_values
from documents.logos import Ressources, load_logos
from fiches.models import FicheAction
from financement.controles.verification import find_ouvertes
from financement.models import CoFinancement, LigneCout
from financement.recapitulatif import Recapitulatif, list_autres
from financement.syntheses import compute_recapitulatif, get_recapitulatif, read_by_fiche
from financement.tableaux import build_couts, build_parts, list_indicateurs
from financement.tableur_recapitulatif import write_recapitulatif_xlsx
from socle.controles import Gravite
from socle.pdf import Cahier, Description, Document, PieceJointe, render_pdf
from socle.typographie import list_fr

Partie = tuple[str, SafeString]  # name, HTML
SOMMAIRE = "Sommaire"


@dataclass(frozen=True)
class Entree:
    """A line of the contents: its title and the anchor it leads to; without anchor, the name of an axe."""

    titre: str
    cible: str = ""
    niveau: int = 1
    code: str = ""


def publish_convention(convention: Convention) -> bytes:
    """The complete agreement as PDF. Raises MoteurAbsent."""
    return render_pdf(compose_convention(convention))


def compose_convention(convention: Convention) -> Document:
    """The complete agreement: cover, contents, preamble, axes, articles, signatures, annexes.

    Of an avenant, the agreement as it changes it: the consolidated version, which says that it is not an original.
    """
    recap = compute_recapitulatif(convention)
    texte = write_convention(convention, niveau_preambule=2, niveau_articles=3)
    feuilles = load_feuilles(convention)
    ressources, logos = load_logos(convention)
    couverture = render_partie(
        "couverture",
        convention=convention,
        consolidation=describe_consolidation(convention),
        logos=logos,
        composition=describe_composition(texte, len(feuilles), recap),
        controles=describe_controles(convention),
    )
    parties = [
        ("Couverture", couverture),
        (SOMMAIRE, render_partie("sommaire", entrees=list_entrees(convention, texte, recap))),
        ("Préambule", render_partie("preambule", convention=convention, texte=texte, objectifs=convention.objectifs.all())),
    ]
    if axes := list_axes(convention, feuilles):
        parties.append(("Programme d’actions", render_partie("programme", axes=axes)))
    originaux = read_values(convention)["convention.originaux"].texte
    parties.append(("Articles", render_partie("articles", convention=convention, texte=texte, originaux=originaux)))
    if feuilles:
        parties.append(("Annexe 1", render_partie("annexe_fiches", recap=recap)))
        parties += [(f"Fiche {f.fiche.code}", render_fiche(f, niveau=2, ensuite=True)) for f in feuilles]
    if has_recap(recap):
        titre = f"Annexe {2 if feuilles else 1} – Récapitulatif financier"
        parties.append(("Récapitulatif financier", render_recap(recap, titre, lies=True)))
    titre = f"{convention.titre} – version consolidée" if convention.is_avenant else convention.titre
    pieces = [attach_budget(recap)] if has_recap(recap) else []
    return compose(convention, titre, parties, ressources, pieces, describe_consolidation(convention))


def publish_fiche(convention: Convention, fiche: FicheAction) -> bytes:
    """One fiche as PDF. Raises MoteurAbsent."""
    return render_pdf(compose_fiche(convention, fiche))


def compose_fiche(convention: Convention, fiche: FicheAction) -> Document:
    """One fiche."""
    feuille = next(f for f in load_feuilles(convention) if f.fiche.pk == fiche.pk)
    nom = f"Fiche action {fiche.code}"
    return compose(convention, f"{nom} – {fiche.titre}", [(nom, render_fiche(feuille, niveau=1))])


def publish_recapitulatif(convention: Convention, declare: bool = False) -> bytes:
    """The recap as PDF in landscape, computed from the fiches or as printed in the annex."""
    recap = get_recapitulatif(convention, declare)
    titre = "Récapitulatif financier déclaré" if recap.declare else "Récapitulatif financier"
    return publish_parties(
        convention, f"{titre} – {convention.titre}", [(titre, render_recap(recap, titre))], pieces=[attach_budget(recap)]
    )


def has_recap(recap: Recapitulatif) -> bool:
    """Tell whether there is anything to print in the recap."""
    return bool(recap.groupes and recap.annees)


@dataclass(frozen=True)
class Feuille:
    """A fiche with all its sheet shows, read."""

    fiche: FicheAction
    racine: Axe
    couts: list[LigneCout]
    parts: list[CoFinancement]


def load_feuilles(convention: Convention) -> list[Feuille]:
    """Sheets of a convention in order, in a fixed number of queries."""
    fiches = list(convention.fiches.with_maitres().prefetch_related("indicateurs__cibles", "produits_pret"))
    couts, parts = read_by_fiche([f.pk for f in fiches])
    racines = ArbreAxes.of(convention).racine_by_axe()
    for fiche in fiches:
        fiche.convention = convention  # the object already loaded, with its parties
    return [Feuille(fiche, racines[fiche.axe_id], couts[fiche.pk], parts[fiche.pk]) for fiche in fiches]


def render_fiche(feuille: Feuille, niveau: int, ensuite: bool = False) -> SafeString:
    """One sheet as HTML; `niveau` is the level of its title, `ensuite` starts it on a new page."""
    fiche, convention = feuille.fiche, feuille.fiche.convention
    indicateurs = list_indicateurs(fiche)
    description = [
        (titre, contenu)
        for titre, contenu in [
            ("Constat", fiche.constat),
            ("Objectifs", fiche.objectifs),
            ("Contenus", fiche.contenus),
            ("Cible", fiche.cible),
            ("Méthode", fiche.methode),
        ]
        if contenu
    ]
    return render_partie(
        "fiche",
        fiche=fiche,
        racine=feuille.racine,
        description=description,
        ensuite=ensuite,
        brouillon=not convention.is_definitive,
        couts=build_couts(feuille.couts, convention.annees),
        parts=build_parts(fiche, feuille.couts, feuille.parts, convention.annees),
        indicateurs=[i for i in indicateurs if i["a_cible"]],
        mesures=[i["objet"] for i in indicateurs if not i["a_cible"]],
        prets=fiche.produits_pret.all(),
        annees=convention.annees,
        niveau=niveau,
        niveau_rubrique=niveau + 1,
        niveau_sous=niveau + 2,
        niveau_texte=niveau + 3,
    )


def render_recap(recap: Recapitulatif, titre: str, lies: bool = False) -> SafeString:
    """The recap as HTML; `lies` links the codes to their sheets in the same document."""
    return render_partie("recapitulatif", recap=recap, titre=titre, lies=lies, autres=list_autres(recap), nb_colonnes=recap.nb_colonnes + 2)


def list_axes(convention: Convention, feuilles: Sequence[Feuille]) -> list[dict[str, Any]]:
    """The tree of axes with the fiches under each; a section without text nor fiche below is not shown."""
    par_axe: dict[int, list[FicheAction]] = defaultdict(list)
    for feuille in feuilles:
        par_axe[feuille.fiche.axe_id].append(feuille.fiche)
    return [
        {
            "axe": noeud.axe,
            "profondeur": noeud.profondeur,
            "fiches": par_axe[noeud.axe.pk],
            "visible": noeud.is_utile(par_axe),
        }
        for noeud in ArbreAxes.of(convention).walk()
    ]


def list_entrees(convention: Convention, texte: TexteConvention, recap: Recapitulatif) -> list[Entree]:
    """Lines of the contents, in the order of the document."""
    entrees = [Entree("Préambule", "preambule")]
    if racines := ArbreAxes.of(convention).racines:
        entrees.append(Entree("Programme d’actions", "programme"))
        entrees += [Entree(n.axe.titre, f"axe-{n.axe.pk}", 2, f"Axe {n.axe.code}") for n in racines]
    if texte.articles:
        entrees.append(Entree("Articles", "articles"))
    entrees += [Entree(a.article.titre, f"article-{a.article.numero}", 2, f"Article {a.article.numero}") for a in texte.articles]
    entrees.append(Entree("Signatures", "signatures", 2 if texte.articles else 1))
    if recap.groupes:
        entrees.append(Entree("Annexe 1 – Fiches action", "annexe-1"))
    for groupe in recap.groupes:
        entrees.append(Entree(f"Axe {groupe.axe.code} – {groupe.axe.titre}"))
        entrees += [Entree(li.fiche.nom_court, f"fiche-{li.fiche.slug}", 2, li.fiche.code) for li in groupe.lignes if li.fiche]
    if has_recap(recap):
        entrees.append(Entree("Annexe 2 – Récapitulatif financier", "recapitulatif"))
    return entrees


def describe_composition(texte: TexteConvention, nb_fiches: int, recap: Recapitulatif) -> str:
    """What the document holds, for the foot of the cover."""
    contenu = []
    if texte.articles:
        contenu.append(f"{len(texte.articles)} article{'s' if len(texte.articles) > 1 else ''}")
    if nb_fiches:
        contenu.append(f"{nb_fiches} fiche{'s' if nb_fiches > 1 else ''} action")
    if has_recap(recap):
        contenu.append("un récapitulatif financier")
    return f"Ce document comprend {list_fr(contenu)}." if contenu else ""


def describe_controles(convention: Convention) -> str:
    """What the cover of a draft says of its contradictions; nothing once at signature."""
    if convention.is_definitive:
        return ""
    comptes = Counter(t.regle.gravite for t in find_ouvertes(convention))
    if not comptes:
        return "Contrôles de cohérence : aucune contradiction."
    mots = [f"{comptes[g]} {g.pluriel.lower() if comptes[g] > 1 else g.libelle.lower()}" for g in Gravite if comptes[g]]
    return f"Contrôles de cohérence à trancher : {list_fr(mots)}."


def attach_budget(recap: Recapitulatif) -> PieceJointe:
    """The budget as a spreadsheet, carried by the PDF."""
    nom = f"{recap.convention.reference.lower()}-recapitulatif.xlsx"
    return PieceJointe(nom, write_recapitulatif_xlsx(recap), "Récapitulatif financier, tableur avec ses formules")


def describe_consolidation(convention: Convention) -> str:
    """« Version consolidée après l’avenant n° 1 », which stands for the agreement and is not what was signed; nothing for an agreement."""
    return f"Version consolidée après l’avenant n°\u00a0{convention.numero_avenant}" if convention.is_avenant else ""


def describe_mention(convention: Convention) -> str:
    """The draft marking of every page until the document is frozen for signature; nothing afterwards."""
    if convention.is_definitive:
        return ""
    mention = "Document de travail – à ne pas diffuser"
    return f"{mention} · point d’étape le {convention.date_point_etape:%d/%m/%Y}" if convention.date_point_etape else mention


def date_of(convention: Convention) -> date:
    """Date the document speaks at: of its state, never of the moment it is printed."""
    return convention.date_document or timezone.localtime(convention.modifiee_le).date()


def publish_parties(*args: Any, **options: Any) -> bytes:
    """What `compose` makes, as PDF. Raises MoteurAbsent."""
    return render_pdf(compose(*args, **options))


def compose(
    convention: Convention,
    titre: str,
    parties: Sequence[Partie],
    ressources: Ressources | None = None,
    pieces: Sequence[PieceJointe] = (),
    nom: str = "",
    mention: str | None = None,
    jour: date | None = None,
) -> Document:
    """A document of named parts, each starting on a new page, with the running lines and the marking of the convention.

    `nom` replaces its own in the running line; a document that is not the convention has its own marking and its own day.
    """
    denominations = [p.denomination for p in convention.parties.all()]
    sigles = list_fr([p.organisation.sigle for p in convention.parties.all()])
    contexte = {
        "courant": " · ".join(filter(None, [nom or convention.nom_court, sigles])),
        "mention": describe_mention(convention) if mention is None else mention,
    }
    cahiers = [
        Cahier(n, render_to_string("pdf/document.html", {"nom": n, "partie": partie, **contexte}), sommaire=n == SOMMAIRE)
        for n, partie in parties
    ]
    description = Description(
        titre,
        denominations[0] if denominations else "Trait d’union",
        f"{convention.nom_court}, {list_fr(denominations)}",
        jour or date_of(convention),
    )
    return Document(cahiers, description, ressources or {}, list(pieces))


def render_partie(partie: str, **contexte: Any) -> SafeString:
    """One part as HTML."""
    return SafeString(render_to_string(f"pdf/{partie}.html", contexte))


def join_parties(parties: Iterable[SafeString]) -> SafeString:
    """Pieces that follow one another on the page, as one part."""
    return SafeString("\n".join(parties))
